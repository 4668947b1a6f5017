//! The project on disk: finds it, reads everything that people wrote, replaces the lock.
//!
//! Decides which files belong to a project and that none of them stands outside its folder. Leaves out what is in
//! them (`project/`, `manifest/`, `extension/`) and what follows from it (`resolve/`).

mod auto;
mod catalogue;
mod detect;
mod excluded;
mod extensions;
mod files;
mod manifests;
mod planned;
mod recorded;
mod revision;
mod snippets;
mod trouble;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use deps_lock::Lock;

pub use catalogue::{Known, new_folder};
pub use detect::Found;
pub use excluded::IdleExclude;
pub use extensions::Brought;
pub use manifests::ExtendsProblem;
pub use snippets::{Written, dockerfile};
pub use trouble::Trouble;
pub use upstream::ForkPoint;

use auto::Detection;
use files::Files;
use revision::Revision;

use crate::extension::{Configured, Extension};
use crate::hashing::Hashing;
use crate::manifest::Warning;
use crate::project::{self, Project};
use crate::resolve::Wishes;
use crate::source::{Located, Source};
use crate::threads;

/// The project's file.
pub const PROJECT_FILE: &str = "deps.toml";
/// The lock's file.
pub const LOCK_FILE: &str = "deps.lock";

/// A project's folder.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    files: Files,
    /// The files of extensions from git.
    brought: BTreeMap<String, Brought>,
    detection: Detection,
    /// How its folders are hashed.
    hashing: Hashing,
    /// What stands for the lock, where merges stopped in its file.
    merged: Option<LoadedLock>,
}

/// Everything that people wrote.
#[derive(Debug)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// What reads well in its manifests but probably means something else than it says.
    pub warnings: Vec<Located<Warning>>,
    /// Patterns for submodules that fit no checkout.
    pub idle_excludes: Vec<Located<IdleExclude>>,
    /// Its extensions and those that they require, by name.
    pub extensions: Vec<Extension>,
    /// The same with their options.
    pub configured: Vec<Configured>,
    /// What a lock pins.
    pub wishes: Wishes,
}

/// A lock that has been read.
#[derive(Clone, Debug)]
pub struct LoadedLock {
    /// The file's text.
    pub text: String,
    /// What is in it.
    pub lock: Lock,
}

impl Loaded {
    /// Returns the files that ask for something, relative to the project, without those of the tool itself.
    pub fn sources(&self) -> BTreeSet<&str> {
        let Wishes { images, repositories, inputs, fetches, extensions, origins } = &self.wishes;
        let gits = repositories.values().map(|wish| &wish.git).chain(inputs.values());
        let gits = gits.chain(origins.values().map(|wish| &wish.git)).map(|git| &git.place);
        let fetches = fetches.values().flat_map(|wish| [&wish.place, &wish.url_place]);
        let places = images.values().map(|wish| &wish.place).chain(gits).chain(fetches);
        let plain = self.project.manifests.iter().map(|wish| wish.path.value.as_str());
        let shown = extensions.values().filter_map(|extension| extension.detected.as_deref());
        places.map(|place| place.source.name()).chain(plain).chain(shown).chain([PROJECT_FILE]).collect()
    }
}

impl Workspace {
    /// Returns the project whose `deps.toml` stands in `start` or the nearest folder above.
    ///
    /// # Errors
    /// There is none.
    pub fn find(start: &Path) -> Result<Self, Trouble> {
        let root = start.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file());
        root.map(|root| Self::new(root, Files::Disk(root.to_owned())))
            .ok_or_else(|| Trouble::NoProject { start: start.to_owned() })
    }

    /// Returns the same project as the git revision `name` has it; it cannot be written to.
    ///
    /// # Errors
    /// The project is in no git repository, or that has no such revision.
    pub fn at_revision(&self, name: &str) -> Result<Self, Trouble> {
        let revision = Revision::find(&self.root, name)?;
        Ok(Self::new(&self.root, Files::Revision(revision)))
    }

    fn new(root: &Path, files: Files) -> Self {
        Self {
            root: root.to_owned(),
            files,
            brought: BTreeMap::new(),
            detection: Detection::default(),
            hashing: Hashing::default(),
            merged: None,
        }
    }

    /// Returns the same project, whose folders are hashed as `hashing` says.
    #[must_use]
    pub fn with_hashing(self, hashing: Hashing) -> Self {
        Self { hashing, ..self }
    }

    /// Returns where the input `path`, a file or a folder of the project, really is.
    ///
    /// # Errors
    /// It is not there, or stands outside the project.
    pub fn input(&self, path: &str) -> Result<PathBuf, Trouble> {
        files::inside(&self.root, path)
    }

    /// Returns the project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads the project, its manifests and its extensions.
    ///
    /// # Errors
    /// Every problem of every file; when `deps.toml` itself is wrong, its problems alone. Then every extension from git
    /// whose files nobody has brought.
    pub fn load(&self) -> Result<Loaded, Vec<Trouble>> {
        let (loaded, absent) = self.load_what_is_here()?;
        if absent.is_empty() { Ok(loaded) } else { Err(absent) }
    }

    /// Reads the project as [`Workspace::load`] does, but for extensions from git whose files nobody has brought: why
    /// they could not be read is the second part of the answer.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load_what_is_here(&self) -> Result<(Loaded, Vec<Trouble>), Vec<Trouble>> {
        self.load_from(&self.project_file()?)
    }

    /// Returns the text of `deps.toml`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn project_file(&self) -> Result<Source, Vec<Trouble>> {
        self.files.read(PROJECT_FILE).map_err(|trouble| vec![trouble])
    }

    /// Replaces `deps.toml` by `text`.
    ///
    /// # Errors
    /// Every problem that the project has with `text` and did not have before, or the file cannot be written; the old
    /// one is untouched then.
    pub fn replace_project_file(&self, text: &str) -> Result<(), Vec<Trouble>> {
        let messages = |troubles: &[Trouble]| troubles.iter().map(ToString::to_string).collect::<Vec<_>>();
        let before = self.load().err().unwrap_or_default();
        let known = messages(&before);
        let mut after = self.load_from(&Source::new(PROJECT_FILE, text)).err().unwrap_or_default();
        after.retain(|trouble| !known.contains(&trouble.to_string()));
        if !after.is_empty() {
            return Err(after);
        }
        self.replace(PROJECT_FILE, text).map_err(|trouble| vec![trouble])
    }

    fn load_from(&self, source: &Source) -> Result<(Loaded, Vec<Trouble>), Vec<Trouble>> {
        let project = project::parse(source).map_err(|problems| all(problems, Trouble::Project))?;
        let mut troubles = Vec::new();
        let (manifests, warnings) = manifests::Reader::new(&self.root, &self.files, &mut troubles).all(&project);
        let detected = self.detected(&project, &mut troubles);
        let extensions = self.load_extensions(&project, &detected, &mut troubles);
        let configure =
            |extension: &Extension| extension.configure(&project.source, project.extensions.get(&extension.name));
        let filled = |one: Result<Configured, Vec<_>>| match one {
            Ok(mut one) => {
                extensions::fill(&self.files, &self.hashing, &mut one, &mut troubles);
                Some(one)
            }
            Err(problems) => {
                troubles.extend(all(problems, Trouble::Extension));
                None
            }
        };
        let configured = threads::map(&extensions, extensions::WORTH_A_THREAD, configure);
        let configured: Vec<Configured> = configured.into_iter().filter_map(filled).collect();
        if troubles.iter().any(|trouble| matches!(trouble, Trouble::Interrupted)) {
            return Err(vec![Trouble::Interrupted]); // what is wrong besides is no news then
        }
        let entries = self.lock_entries(&project, &extensions, &detected);
        let mut wishes = Wishes::gather(&project, &manifests, entries, &configured).unwrap_or_else(|problems| {
            troubles.extend(all(problems, Trouble::Wish));
            Wishes::default()
        });
        wishes.origins = self.origins_of(&project).unwrap_or_else(|problems| {
            troubles.extend(problems);
            Default::default()
        });
        let (absent, wrong): (Vec<_>, Vec<_>) = troubles.into_iter().partition(Trouble::is_absence);
        if wrong.is_empty() {
            let idle_excludes = excluded::idle(&project, &manifests);
            Ok((Loaded { project, warnings, idle_excludes, extensions, configured, wishes }, absent))
        } else {
            Err(wrong)
        }
    }

    /// Reads the lock; none when the project has none yet.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn lock(&self) -> Result<Option<LoadedLock>, Vec<Trouble>> {
        if let Some(merged) = &self.merged {
            return Ok(Some(merged.clone()));
        }
        if !self.files.has(LOCK_FILE) {
            return Ok(None);
        }
        let source = self.files.read_up_to(LOCK_FILE, files::MOST_LOCK).map_err(|trouble| vec![trouble])?;
        parsed(&source).map(Some)
    }

    /// Reads a lock that stands anywhere on this machine.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn lock_file(&self, path: &Path) -> Result<Option<LoadedLock>, Vec<Trouble>> {
        let source = files::anywhere(path, files::MOST_LOCK).map_err(|trouble| vec![trouble])?;
        parsed(&source).map(Some)
    }

    /// Returns the text of the lock; none when the project has none yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lock_text(&self) -> Result<Option<String>, Trouble> {
        if !self.files.has(LOCK_FILE) {
            return Ok(None);
        }
        self.files.read_up_to(LOCK_FILE, files::MOST_LOCK).map(|source| Some(source.text().to_owned()))
    }

    /// Returns the project with `merged` for its lock.
    pub fn with_merged(self, merged: LoadedLock) -> Self {
        Self { merged: Some(merged), ..self }
    }

    /// Replaces the lock by `lock`, in one step, and only when the bytes differ from `before`.
    ///
    /// # Errors
    /// The file cannot be written; the old one is untouched then.
    pub fn replace_lock(&self, before: Option<&LoadedLock>, lock: &Lock) -> Result<bool, Trouble> {
        let text = lock.to_string();
        if before.is_some_and(|before| before.text == text) {
            return Ok(false);
        }
        self.replace(LOCK_FILE, &text).map(|()| true)
    }

    /// Gives the file `name` the content `text`, in one step.
    fn replace(&self, name: &str, text: &str) -> Result<(), Trouble> {
        rewrite(&self.root.join(name), name, text.as_bytes())
    }
}

/// Gives the file `path`, which `name` names for people, the content `content`, in one step.
///
/// # Errors
/// It cannot be written; the old one is untouched then.
pub fn rewrite(path: &Path, name: &str, content: &[u8]) -> Result<(), Trouble> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    let file_name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or("file");
    let write = || -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).map_or(0o644, |metadata| metadata.permissions().mode());
        let permissions = std::fs::Permissions::from_mode(mode);
        let mut file =
            tempfile::Builder::new().prefix(&format!(".{file_name}.")).permissions(permissions).tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| Trouble::Io {
        verb: "write",
        path: name.to_owned(),
        message: error.to_string(),
        place: None,
    })
}

fn parsed(source: &Source) -> Result<LoadedLock, Vec<Trouble>> {
    let located = |error: deps_lock::ParseError| Located::new(source, error.span, error.kind);
    let lock = Lock::parse(source.text());
    let lock = lock.map_err(|errors| errors.into_iter().map(located).map(Trouble::Lock).collect::<Vec<_>>())?;
    Ok(LoadedLock { text: source.text().to_owned(), lock })
}

fn all<E>(problems: Vec<Located<E>>, trouble: fn(Located<E>) -> Trouble) -> Vec<Trouble> {
    problems.into_iter().map(trouble).collect()
}
