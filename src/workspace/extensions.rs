//! Which extensions a project has: those that it names, those that its files show, and what they require.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use deps_lock::{Digest, Extension as Entry, Key, Kind, Name, Origin, Text};

use super::files::{self, Direct, Files};
use super::{Trouble, Workspace};
use crate::extension::{self, Configured, Extension, File, Input};
use crate::hashing::Hashing;
use crate::project::{ExtensionOrigin, Project};
use crate::resolve::{self, Origins};
use crate::source::{Located, Place, Source, nearest};
use crate::threads;

/// So many extensions take longer to read than a thread to start.
pub(super) const WORTH_A_THREAD: usize = 16;

/// Where an extension from git is on this machine.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The commit and the folder.
    pub origin: Origin,
    /// The commit's files; none when they are not on this machine.
    pub tree: Option<PathBuf>,
}

/// An extension that has not been read.
struct Folder<'a> {
    name: String,
    /// Where it is, for people.
    root: String,
    files: FolderFiles<'a>,
}

/// The files of an extension.
enum FolderFiles<'a> {
    /// They are in a folder of the project, whose own folder is `top`.
    OnDisk {
        top: &'a Path,
        /// Where it is, if nothing above it is a link.
        direct: Option<PathBuf>,
        /// What asks for them.
        asked: Place,
    },
    /// They are here, or why not.
    Read(Result<Vec<File>, Trouble>),
}

impl Folder<'_> {
    fn read(&self) -> Result<Extension, Vec<Trouble>> {
        let files = match &self.files {
            FolderFiles::OnDisk { top, direct, asked } => {
                files::folder(top, &self.root, direct.as_deref()).map_err(|trouble| trouble.at(asked))
            }
            FolderFiles::Read(files) => files.clone(),
        };
        let files = files.map_err(|trouble| vec![trouble])?;
        Extension::read(&self.name, &self.root, files).map_err(|problems| super::all(problems, Trouble::Extension))
    }
}

impl Workspace {
    /// Returns the same project with the files of extensions from git, by the names of the extensions.
    #[must_use]
    pub fn with_brought(self, brought: BTreeMap<String, Brought>) -> Self {
        Self { brought, ..self }
    }

    /// Returns which extensions come from git, and from where.
    ///
    /// # Errors
    /// Every problem of `deps.toml`, and every url and version that cannot be asked for.
    pub fn origins(&self) -> Result<Origins, Vec<Trouble>> {
        let source = self.project_file()?;
        // Most projects have none, and are not read twice to find that out: a url of git stands behind the key `git`.
        if !source.text().contains("git") && !source.text().contains('\\') {
            return Ok(Origins::new());
        }
        self.origins_of(&parsed(&source)?)
    }

    pub(super) fn origins_of(&self, project: &Project) -> Result<Origins, Vec<Trouble>> {
        let origins = resolve::origins(project, &self.root.to_string_lossy());
        origins.map_err(|problems| super::all(problems, Trouble::Wish))
    }

    /// Reads the project's extensions and, transitively, those that they require; sorted by name. `detected` are those
    /// that files show.
    pub(super) fn load_extensions(
        &self,
        project: &Project,
        detected: &BTreeMap<String, Text>,
        troubles: &mut Vec<Trouble>,
    ) -> Vec<Extension> {
        let mut loaded: Vec<Extension> = Vec::new();
        let named = project.extensions.iter().map(|(name, wish)| (name.clone(), project.source.at(wish.name.span())));
        let shown = detected.keys().map(|name| (name.clone(), project.source.at(0..0)));
        let mut open: BTreeMap<String, Place> = shown.chain(named).collect();
        let mut seen: BTreeSet<String> = open.keys().cloned().collect();
        let mut direct = Direct::new(&self.root);
        while !open.is_empty() {
            let folders: Vec<Folder> = std::mem::take(&mut open)
                .iter()
                .map(|(name, place)| self.extension_folder(project, name, place, &mut direct))
                .collect();
            loaded.reserve(folders.len());
            for extension in threads::map(&folders, WORTH_A_THREAD, Folder::read) {
                let extension = match extension {
                    Ok(extension) => extension,
                    Err(found) => {
                        troubles.extend(found);
                        continue;
                    }
                };
                for required in &extension.requires {
                    if seen.insert(required.value.clone()) {
                        open.insert(required.value.clone(), extension.source.at(required.span()));
                    }
                }
                loaded.push(extension);
            }
        }
        loaded.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        loaded
    }

    /// Returns the folder of the extension `name`, which `place` asks for.
    fn extension_folder<'a>(
        &'a self,
        project: &'a Project,
        name: &str,
        place: &Place,
        direct: &mut Direct<'_>,
    ) -> Folder<'a> {
        let (root, files) = match project.extensions.get(name).map(|wish| &wish.origin) {
            Some(ExtensionOrigin::Path(path)) => {
                let asked = project.source.at(path.span());
                let plain = path.value.trim_start_matches("./").trim_end_matches('/');
                let files = match &self.files {
                    Files::Disk(top) => FolderFiles::OnDisk { top, direct: direct.path(plain), asked },
                    Files::Revision(_) => {
                        FolderFiles::Read(self.files.folder(plain).map_err(|trouble| trouble.at(&asked)))
                    }
                };
                (plain.to_owned(), files)
            }
            Some(ExtensionOrigin::Git(_)) => {
                (format!("extensions/{name}"), FolderFiles::Read(self.brought(name, place)))
            }
            Some(ExtensionOrigin::BuiltIn) | None => {
                let files = extension::builtin(name).ok_or_else(|| {
                    let nearest = nearest(name, extension::builtin_names()).map(str::to_owned);
                    Trouble::UnknownExtension { name: name.to_owned(), nearest, place: place.clone() }
                });
                (format!("extensions/{name}"), FolderFiles::Read(files))
            }
        };
        Folder { name: name.to_owned(), root, files }
    }

    /// Returns the files of the extension `name`, which comes from git; `place` asks for it.
    fn brought(&self, name: &str, place: &Place) -> Result<Vec<File>, Trouble> {
        let (name, place) = (name.to_owned(), place.clone());
        let Some(Brought { origin, tree }) = self.brought.get(&name) else {
            return Err(Trouble::Unlocked { name, place });
        };
        let Some(tree) = tree else {
            return Err(Trouble::NotInStore { name, rev: origin.rev.to_string(), place });
        };
        let dir = origin.dir.as_deref().unwrap_or(".");
        Files::Disk(tree.clone()).folder(dir).map_err(|trouble| {
            let error = match trouble {
                Trouble::Outside { .. } => "it leads out of the repository".to_owned(),
                Trouble::Io { message, .. } => message,
                other => other.to_string(),
            };
            let (dir, rev, url) = (dir.to_owned(), origin.rev.to_string(), origin.url.to_string());
            Trouble::Folder { name, dir, rev, url, message: error, place }
        })
    }

    /// Returns the lock's entries of the extensions that are built in or come from git; those of the project need none.
    pub(super) fn lock_entries(
        &self,
        project: &Project,
        extensions: &[Extension],
        detected: &BTreeMap<String, Text>,
    ) -> BTreeMap<Key, Entry> {
        let own = |name: &str| project.extensions.get(name).is_some_and(|wish| wish.path().is_some());
        let origin = |name: &str| {
            project.extensions.get(name)?.git()?;
            Some(self.brought.get(name)?.origin.clone())
        };
        let entry = |extension: &Extension| {
            let name = Name::new(&extension.name).expect("the names of extensions are good");
            let version = Text::new(extension.version.to_string()).expect("a version is one word");
            let digest = Digest::new(extension.digest()).expect("a digest is 64 hexadecimal digits");
            let (detected, origin) = (detected.get(&extension.name).cloned(), origin(&extension.name));
            (Key { kind: Kind::Ext, name }, Entry { version, digest, detected, origin, extra: Default::default() })
        };
        extensions.iter().filter(|extension| !own(&extension.name)).map(entry).collect()
    }

    /// Returns why extensions from git cannot be read here; none of the reasons is in anybody's file.
    ///
    /// # Errors
    /// Every problem of `deps.toml`.
    pub fn absent(&self) -> Result<Vec<Trouble>, Vec<Trouble>> {
        let project = self.project()?;
        let named = project.extensions.iter().filter(|(_, wish)| wish.git().is_some());
        let absent = named.filter_map(|(name, wish)| self.brought(name, &project.source.at(wish.name.span())).err());
        Ok(absent.filter(Trouble::is_absence).collect())
    }

    pub(super) fn project(&self) -> Result<Project, Vec<Trouble>> {
        parsed(&self.project_file()?)
    }
}

fn parsed(source: &Source) -> Result<Project, Vec<Trouble>> {
    crate::project::parse(source).map_err(|problems: Vec<Located<_>>| super::all(problems, Trouble::Project))
}

/// Hashes the files of the project that `extension` has as inputs.
pub(super) fn fill(source: &Files, how: &Hashing, extension: &mut Configured, troubles: &mut Vec<Trouble>) {
    for input in extension.inputs.values_mut() {
        let Input::Project { path, place, files } = input else { continue };
        match source.hashed(path, how) {
            Ok(found) => *files = found,
            Err(trouble) => troubles.push(trouble.at(place)),
        }
    }
}
