//! Extensions: folders of data that install a tool.
//!
//! Decides what an extension may say and what it says once its options are known. Leaves out reading folders
//! (`workspace/`), where its steps end up (`plan/`) and what its inputs are pinned to (`resolve/`).

mod apt;
mod catalogue;
mod check;
mod container;
pub mod file;
mod options;
mod problem;
mod project_input;
mod snippet;
mod tags;
mod template;
mod url;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

pub use apt::{AptKey, AptRepository};
pub use catalogue::{builtin, builtin_names};
pub use container::{HostPath, Running, Volume};
use file::{ExtensionFile, InputTable};
pub use file::{Network, OptionKind, Tier};
pub use problem::Problem;
pub use snippet::{Action, Run, Step};
pub use template::Rendered;
pub use url::{Packing, UrlFile, UrlInput, UrlVersion};
pub use words::{is_account, is_name};

use crate::digest::{self, FolderFile, HashedFolder};
use crate::project::{ExtensionWish, OptionValue};
use crate::source::{Located, Place, Source, Spanned};
use crate::typed_toml;

/// The name of the file that makes a folder an extension.
pub const FILE: &str = "extension.toml";
/// The most bytes of `extension.toml` and of a snippet: the largest one of the catalogue has 4 thousand.
const MOST_TEXT: usize = 1 << 20;

/// An option of an extension.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// The name.
    pub name: &'a str,
    /// The type of its values.
    pub kind: OptionKind,
    /// The value when a project sets none.
    pub default: &'a OptionValue,
    /// One line for people.
    pub help: &'a str,
    /// The values that it may have; any when empty.
    pub allowed: Vec<&'a OptionValue>,
}

/// A file of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path relative to the extension's folder, with `/` between its parts.
    pub path: String,
    /// Whether it may be executed.
    pub executable: bool,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Returns `files` as the content of a folder, for its digest and for the store.
pub fn folder(files: &[File]) -> Vec<FolderFile<'_>> {
    files
        .iter()
        .map(|File { path, executable, content }| FolderFile { path, executable: *executable, content })
        .collect()
}

/// An extension as its author wrote it.
#[derive(Debug)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// One line for people.
    pub summary: String,
    /// Extensions that come with it.
    pub requires: Vec<Spanned<String>>,
    /// Its `extension.toml`.
    pub source: Source,
    /// It is large, and an extension is handed on often.
    file: Box<ExtensionFile>,
    files: Vec<File>,
    root: String,
}

/// An extension with its options: everything that the plan needs to know of it.
#[derive(Clone, Debug)]
pub struct Configured {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its place among extensions that no edge orders.
    pub tier: Tier,
    /// Extensions whose steps come first: required ones, and `after` ones that are present.
    pub after: BTreeSet<String>,
    /// Whether RUN steps get the standard cache mounts.
    pub caches: bool,
    /// Debian packages of the builder.
    pub apt_builder: BTreeSet<String>,
    /// Debian packages of the final image.
    pub apt_runtime: BTreeSet<String>,
    /// Repositories that packages come from, sorted by name.
    pub apt_repositories: Vec<AptRepository>,
    /// Extensions whose repositories the builder's packages may come from, too.
    pub apt_repositories_of: BTreeSet<String>,
    /// Inputs by name.
    pub inputs: BTreeMap<String, Input>,
    /// The builder stages, one that goes on from another after it.
    pub builders: Vec<Builder>,
    /// Environment variables of the image.
    pub env: BTreeMap<String, String>,
    /// Folders put in front of `PATH`.
    pub path: Vec<String>,
    /// Folders put in front of what other variables hold, by variable.
    pub paths: BTreeMap<String, Vec<String>>,
    /// Files of the extension that the image gets, by their path there, sorted.
    pub files: BTreeMap<String, File>,
    /// Steps of the final stage, as root.
    pub runtime: Option<Snippet>,
    /// Steps of the final stage, as the image's user.
    pub user: Option<Snippet>,
    /// The image's user.
    pub account: Option<Account>,
    /// Cache mounts of the builder's steps besides the standard ones.
    pub cache_mounts: Vec<CacheMount>,
    /// Extensions that it cannot be in one image with.
    pub conflicts: BTreeSet<String>,
    /// What it gives to a container.
    pub running: Running,
    /// What `deps test` runs, when there is something.
    pub test: Option<Script>,
}

/// A script of an extension, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its file, relative to the project.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// An input of a builder.
#[derive(Clone, Debug)]
pub enum Input {
    /// A git repository, pinned in the lock as `<extension>/<input>`.
    Git {
        /// The URL.
        url: Spanned<String>,
        /// What to take of it; remote HEAD when absent.
        reference: Option<Spanned<String>>,
        /// The file that says so.
        source: Source,
    },
    /// Files of the extension itself.
    Folder {
        /// The files, relative to the folder, sorted by path.
        files: Vec<File>,
    },
    /// A file that is downloaded, pinned in the lock as `<extension>/<input>`.
    Url(Box<UrlInput>),
    /// All checkouts of the project, each at its path.
    Checkouts,
    /// A file or a folder of the project.
    Project {
        /// Its path, relative to `deps.toml`.
        path: String,
        /// Where it is asked for.
        place: Place,
        /// The files of the folder, or the file by its name; none until `workspace/` has hashed them.
        files: HashedFolder,
    },
}

/// A builder stage.
#[derive(Clone, Debug)]
pub struct Builder {
    /// The name of its stage.
    pub stage: String,
    /// The stage of the builder that it goes on from; its own packages when none.
    pub from: Option<String>,
    /// Its steps and where they come from.
    pub snippet: Snippet,
    /// The inputs that its steps see; all when none.
    pub inputs: Option<BTreeSet<String>>,
    /// The network of its RUN steps.
    pub network: Network,
    /// What the final image takes, sorted.
    pub copies: Vec<Copy>,
}

/// The steps of one snippet.
#[derive(Clone, Debug)]
pub struct Snippet {
    /// The snippet's file, relative to the project.
    pub file: String,
    /// Its steps.
    pub steps: Vec<Step>,
    /// What its template became.
    pub rendered: Rendered,
}

/// A path that the final image takes from a builder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// Absolute path in the builder; ends with `/` when it is a folder.
    pub from: String,
    /// Absolute path in the image; ends with `/` when it is a folder.
    pub to: String,
}

/// The image's user: defaults of three build arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Default of `DEPS_USER_NAME`.
    pub name: AccountValue,
    /// Default of `DEPS_USER_UID`.
    pub uid: AccountValue,
    /// Default of `DEPS_USER_GID`.
    pub gid: AccountValue,
}

/// One of the user's three values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountValue {
    /// The value.
    pub value: String,
    /// Whether the project sets it; otherwise whoever builds may pass their own.
    pub fixed: bool,
}

/// A cache mount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheMount {
    /// Where it is mounted.
    pub target: String,
    /// Its id.
    pub id: String,
}

impl Extension {
    /// Reads the extension `name` from the files of its folder, which `root` names for people.
    ///
    /// # Errors
    /// Every problem of `extension.toml` that does not depend on options.
    pub fn read(name: &str, root: &str, files: Vec<File>) -> Result<Self, Vec<Located<Problem>>> {
        let path = format!("{root}/{FILE}");
        let Some(text) = text_of(&files, FILE) else {
            let source = Source::new(path, "");
            return Err(vec![Located::new(&source, 0..0, Problem::NoExtensionFile { name: name.to_owned() })]);
        };
        if text.len() > MOST_TEXT {
            let (file, bytes) = (FILE.to_owned(), text.len());
            let problem = Problem::TooLong { name: name.to_owned(), file, bytes };
            return Err(vec![Located::new(&Source::new(path, ""), 0..0, problem)]);
        }
        let source = Source::new(path, text);
        let file: ExtensionFile = typed_toml::parse(&source).map_err(|problems| {
            problems
                .into_iter()
                .map(|Located { place, error }| Located { place, error: error.into() })
                .collect::<Vec<_>>()
        })?;
        let version = check::file(&source, name, &file)?;
        Ok(Self {
            name: name.to_owned(),
            version,
            summary: file.extension.value.summary.value.clone(),
            requires: file.extension.value.requires.clone(),
            source,
            file: Box::new(file),
            files,
            root: root.to_owned(),
        })
    }

    /// Returns the digest of the extension's own files, `b3:<64 hex>`: what the lock pins of it.
    pub fn digest(&self) -> String {
        format!("b3:{}", digest::folder(&folder(&self.files)))
    }

    /// Returns what the extension says with the options that `wish`, a line of the project's `[extensions]`, sets.
    ///
    /// # Errors
    /// Every option that does not fit, at its place in `project`, and every template or snippet that does not
    /// render, at its place in the extension.
    pub fn configure(
        &self,
        project: &Source,
        wish: Option<&ExtensionWish>,
    ) -> Result<Configured, Vec<Located<Problem>>> {
        let options = options::options(project, self, wish)?;
        check::configure(self, project, options, wish)
    }

    /// Returns the text of a file of the extension by its path relative to the project, as snippets name it.
    pub fn source_of(&self, file: &str) -> Option<Source> {
        self.text(file.strip_prefix(&self.root)?.strip_prefix('/')?)
    }

    /// Returns the digest of every file, `b3:<64 hex>`, by its path in the extension.
    pub fn file_digests(&self) -> BTreeMap<String, String> {
        let digest = |file: &File| {
            let one = File { path: "file".to_owned(), ..file.clone() };
            (file.path.clone(), format!("b3:{}", digest::folder(&folder(&[one]))))
        };
        self.files.iter().map(digest).collect()
    }

    /// Returns the options, sorted by name.
    pub fn options(&self) -> impl Iterator<Item = Setting<'_>> {
        self.file.options.iter().map(|(name, option)| Setting {
            name: &name.value,
            kind: option.value.kind,
            default: &option.value.default.value,
            help: &option.value.help,
            allowed: option.value.allowed.iter().map(|value| &value.value).collect(),
        })
    }

    /// Returns why not to use it any more, and what to use instead; none when it may be used.
    pub fn deprecated(&self) -> Option<&str> {
        self.file.extension.value.deprecated.as_ref().map(|why| why.value.as_str())
    }

    /// Returns the globs of files that show that a project wants it.
    pub fn detects(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.file.detect.iter().flat_map(|detect| &detect.files)
    }

    /// Returns the names of the options, sorted.
    fn option_names(&self) -> Vec<String> {
        self.file.options.keys().map(|name| name.value.clone()).collect()
    }

    fn text(&self, file: &str) -> Option<Source> {
        let text = text_of(&self.files, file)?;
        Some(Source::new(format!("{}/{file}", self.root), text))
    }

    fn folder(&self, path: &str) -> Vec<File> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let inside = |file: &&File| file.path.starts_with(&prefix);
        let moved = |file: &File| File { path: file.path[prefix.len()..].to_owned(), ..file.clone() };
        self.files.iter().filter(inside).map(moved).collect()
    }
}

fn text_of<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    let file = files.iter().find(|file| file.path == path)?;
    std::str::from_utf8(&file.content).ok()
}

#[cfg(test)]
mod tests;
