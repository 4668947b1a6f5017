//! What git must be told to call us: three keys of its configuration, and a line of `.gitattributes`.
//!
//! Decides what is missing and changes only that. Leaves out what git calls (`driver.rs`). Both commands fall back on git's
//! own means where there is no `deps`: a driver that cannot be run would leave our side as if it were the merge.

#![expect(clippy::disallowed_methods, reason = "`.gitattributes` belongs to the clone, not to the project")]

use std::fmt;
use std::path::{Path, PathBuf};

use git2::{AttrCheckFlags, Config, ConfigLevel, ErrorCode, Repository};

use crate::workspace::{LOCK_FILE, Trouble, rewrite};

/// The file that says which driver a path has.
const ATTRIBUTES: &str = ".gitattributes";
/// The largest one that is read.
const MOST_ATTRIBUTES: u64 = 1 << 20;
/// What it says about locks.
const LINE: &str = "deps.lock merge=deps-lock diff=deps-lock";
/// The name of our drivers.
const NAME: &str = "deps-lock";
/// What git's configuration says about them.
const KEYS: [(&str, &str); 3] = [
    ("merge.deps-lock.name", "deps.lock by entry"),
    (
        "merge.deps-lock.driver",
        "command -v deps >/dev/null 2>&1 \
         && exec deps merge-driver --marker-size=%L --base-label=%S --our-label=%X --their-label=%Y -- %O %A %B %P \
         || exec git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B",
    ),
    ("diff.deps-lock.textconv", "f() { deps textconv \"$1\" 2>/dev/null || cat \"$1\"; }; f"),
];

/// Whose configuration is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The clone's.
    Local,
    /// The user's, for all clones.
    Global,
}

/// A clone, or only the user's configuration where there is none.
pub struct Clone {
    config: Config,
    /// The configuration's file.
    config_file: PathBuf,
    attributes: Option<Attributes>,
}

/// `.gitattributes` of a work tree.
struct Attributes {
    path: PathBuf,
    content: String,
    /// The lock's path below the work tree.
    lock: PathBuf,
}

/// A change that has been made, or is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key of git's configuration gets a value.
    Set {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// A key of git's configuration goes.
    Unset {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// `.gitattributes` gets our line.
    Line,
    /// `.gitattributes` loses our line.
    NoLine,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { file, key, value } => write!(f, "+ {}: {key} = {value}", file.display()),
            Self::Unset { file, key } => write!(f, "- {}: {key}", file.display()),
            Self::Line => write!(f, "+ {ATTRIBUTES}: {LINE}"),
            Self::NoLine => write!(f, "- {ATTRIBUTES}: {LINE}"),
        }
    }
}

/// Why git cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No clone here or above.
    #[error("`{}` is in no git clone with a work tree", folder.display())]
    NoClone {
        /// Where the search began.
        folder: PathBuf,
    },
    /// There is a clone, and git refuses it: somebody else's, or damaged.
    #[error("the git clone of `{}` cannot be read: {message}", folder.display())]
    Unread {
        /// Where the search began.
        folder: PathBuf,
        /// Why.
        message: String,
    },
    /// git's configuration cannot be read or written.
    #[error("cannot use git's configuration `{}`: {message}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// `.gitattributes` is nothing that we would write to.
    #[error("cannot use `{ATTRIBUTES}`: {why}")]
    Attributes {
        /// Why.
        why: String,
    },
    /// Another line or file has the last word.
    #[error("`{ATTRIBUTES}` has our line, but for `{}` git finds `{attribute}={found}`", lock.display())]
    Overruled {
        /// The lock's path in the clone.
        lock: PathBuf,
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        found: String,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] Trouble),
}

impl Clone {
    /// Finds the clone of the project in `folder`. With [`Scope::Global`] there need be none; `home` is where the user's
    /// configuration is made if there is none yet.
    ///
    /// # Errors
    /// There is no clone, or its configuration or attributes cannot be read.
    pub fn find(folder: &Path, scope: Scope, home: &Path) -> Result<Self, SetupError> {
        let repository = match (Repository::discover(folder), scope) {
            (Ok(repository), _) => Some(repository),
            (Err(error), Scope::Local) if error.code() != ErrorCode::NotFound => {
                return Err(SetupError::Unread { folder: folder.to_owned(), message: error.message().to_owned() });
            }
            (Err(_), _) => None,
        };
        let workdir = repository.as_ref().and_then(Repository::workdir);
        let attributes = workdir.map(|workdir| Attributes::read(workdir, folder)).transpose()?;
        let no_clone = || SetupError::NoClone { folder: folder.to_owned() };
        let (config_file, config) = match (scope, &repository) {
            (Scope::Local, Some(repository)) if attributes.is_some() => {
                let file = repository.commondir().join("config");
                let config = repository.config().and_then(|config| config.open_level(ConfigLevel::Local));
                (file, config)
            }
            (Scope::Local, _) => return Err(no_clone()),
            (Scope::Global, _) => {
                let known = Config::find_global().or_else(|_| Config::find_xdg());
                let file = known.unwrap_or_else(|_| home.join(".gitconfig"));
                (file.clone(), Config::open(&file))
            }
        };
        let config = config.map_err(|error| unusable(&config_file, &error))?;
        Ok(Self { config, config_file, attributes })
    }

    /// Returns what is missing before git calls us.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn missing(&self) -> Result<Vec<Change>, SetupError> {
        let mut changes = Vec::new();
        for (key, value) in KEYS {
            if self.value(key)?.as_deref() != Some(value) {
                changes.push(Change::Set { file: self.config_file.clone(), key, value });
            }
        }
        changes.extend(self.attributes.iter().filter(|it| !it.has_line()).map(|_| Change::Line));
        Ok(changes)
    }

    /// Returns what must go before git does not know us any more.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn left(&self) -> Result<Vec<Change>, SetupError> {
        let mut changes = Vec::new();
        for (key, _) in KEYS {
            if self.value(key)?.is_some() {
                changes.push(Change::Unset { file: self.config_file.clone(), key });
            }
        }
        changes.extend(self.attributes.iter().filter(|it| it.has_line()).map(|_| Change::NoLine));
        Ok(changes)
    }

    /// Makes a change; each is made whole or not at all.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn make(&mut self, change: &Change) -> Result<(), SetupError> {
        match change {
            Change::Set { key, value, .. } => {
                self.unset(key)?;
                self.config.set_str(key, value).map_err(|error| unusable(&self.config_file, &error))
            }
            Change::Unset { key, .. } => self.unset(key),
            Change::Line => self.attributes.as_mut().map_or(Ok(()), Attributes::add),
            Change::NoLine => self.attributes.as_mut().map_or(Ok(()), Attributes::remove),
        }
    }

    /// Looks whether git finds our drivers for the lock.
    ///
    /// # Errors
    /// Another line or file of attributes has the last word.
    pub fn check(&self) -> Result<(), SetupError> {
        let Some(attributes) = &self.attributes else { return Ok(()) };
        let fail = |error: &git2::Error| SetupError::Attributes { why: error.message().to_owned() };
        let folder = attributes.path.parent().unwrap_or(Path::new("."));
        let repository = Repository::open(folder).map_err(|error| fail(&error))?;
        for attribute in ["merge", "diff"] {
            let flags = AttrCheckFlags::FILE_THEN_INDEX;
            let found = repository.get_attr_bytes(&attributes.lock, attribute, flags).map_err(|error| fail(&error))?;
            let found = found.map_or_else(|| "unspecified".into(), String::from_utf8_lossy);
            if found != NAME {
                let (lock, found) = (attributes.lock.clone(), found.into_owned());
                return Err(SetupError::Overruled { lock, attribute, found });
            }
        }
        Ok(())
    }

    fn value(&self, key: &str) -> Result<Option<String>, SetupError> {
        match self.config.get_string(key) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(unusable(&self.config_file, &error)),
        }
    }

    /// Removes every value of `key`.
    fn unset(&mut self, key: &str) -> Result<(), SetupError> {
        match self.config.remove_multivar(key, ".*") {
            Err(error) if error.code() != ErrorCode::NotFound => Err(unusable(&self.config_file, &error)),
            _ => Ok(()),
        }
    }
}

impl Attributes {
    fn read(workdir: &Path, folder: &Path) -> Result<Self, SetupError> {
        let path = workdir.join(ATTRIBUTES);
        let fail = |why: &str| SetupError::Attributes { why: why.to_owned() };
        let real = |path: &Path| path.canonicalize().map_err(|error| fail(&error.to_string()));
        let lock = real(folder)?.strip_prefix(real(workdir)?).map(|below| below.join(LOCK_FILE));
        let lock = lock.map_err(|_| fail("the folder is outside of the work tree"))?;
        let content = match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(fail(&error.to_string())),
            // git does not read it either.
            Ok(metadata) if !metadata.is_file() => return Err(fail("it is no plain file")),
            Ok(metadata) if metadata.len() > MOST_ATTRIBUTES => return Err(fail("it is too large")),
            Ok(_) => std::fs::read_to_string(&path).map_err(|error| fail(&error.to_string()))?,
        };
        Ok(Self { path, content, lock })
    }

    fn has_line(&self) -> bool {
        self.content.lines().any(is_ours)
    }

    fn add(&mut self) -> Result<(), SetupError> {
        let end = if self.content.is_empty() || self.content.ends_with('\n') { "" } else { "\n" };
        self.content = format!("{}{end}{LINE}\n", self.content);
        Ok(rewrite(&self.path, ATTRIBUTES, self.content.as_bytes())?)
    }

    /// Removes our line, and the file if nothing is left of it.
    fn remove(&mut self) -> Result<(), SetupError> {
        self.content = self.content.split_inclusive('\n').filter(|line| !is_ours(line)).collect();
        if self.content.is_empty() {
            return std::fs::remove_file(&self.path).map_err(|error| SetupError::Attributes { why: error.to_string() });
        }
        Ok(rewrite(&self.path, ATTRIBUTES, self.content.as_bytes())?)
    }
}

fn is_ours(line: &str) -> bool {
    line.split_whitespace().eq(LINE.split_whitespace())
}

fn unusable(file: &Path, error: &git2::Error) -> SetupError {
    SetupError::Config { file: file.to_owned(), message: error.message().to_owned() }
}
