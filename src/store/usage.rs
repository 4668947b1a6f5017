//! What the store holds: every repository with its pinned commits, every tree, every file, and how much room they take.
//!
//! Decides nothing: reads names and sizes.

#![expect(clippy::disallowed_methods, reason = "the store reads its files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Store, StoreError};

/// Something that the store holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// What it is.
    pub kind: HeldKind,
    /// Its name below the folder of its kind.
    pub name: String,
    /// How many bytes its files have.
    pub bytes: u64,
    /// The commits that are pinned in a repository, sorted; none for other kinds.
    pub pins: Vec<String>,
    /// When it came, in seconds since 1970; `0` where the system does not say.
    pub since: u64,
}

/// What the store can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldKind {
    /// A bare repository.
    Git,
    /// A Mercurial repository, from which trees are made; Mercurial checks it itself.
    Hg,
    /// An exported folder.
    Tree,
    /// A downloaded file.
    File,
    /// What a process that ended too early has left.
    Leftover,
}

impl HeldKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Git, Self::Hg, Self::Tree, Self::File, Self::Leftover];

    /// Returns the folder of the store that holds them.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Hg => "hg",
            Self::Tree => "trees",
            Self::File => "files",
            Self::Leftover => "tmp",
        }
    }
}

impl Held {
    /// Returns its path in the store `root`.
    pub fn path(&self, root: &Path) -> PathBuf {
        root.join(self.kind.folder()).join(&self.name)
    }
}

impl Store {
    /// Returns everything that the store holds, sorted by kind and name.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn held_things(&self) -> Result<Vec<Held>, StoreError> {
        let mut all = Vec::new();
        for kind in HeldKind::ALL {
            for path in super::entries(&self.root.join(kind.folder()))? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let pins = if kind == HeldKind::Git { pins(&path)? } else { Vec::new() };
                all.push(Held { kind, name, bytes: size(&path)?, pins, since: since(&path) });
            }
        }
        all.sort();
        Ok(all)
    }
}

/// The commits that are pinned in the bare repository at `path`.
pub(super) fn pins(path: &Path) -> Result<Vec<String>, StoreError> {
    let Ok(repository) = super::open_bare(path) else { return Ok(Vec::new()) };
    let pins = repository.references_glob("refs/deps/pins/*").map_err(StoreError::repository(path))?;
    let name =
        |reference: git2::Reference<'_>| Some(reference.name().ok()?.strip_prefix("refs/deps/pins/")?.to_owned());
    let mut pins: Vec<String> = pins.flatten().filter_map(name).collect();
    pins.sort();
    Ok(pins)
}

/// The bytes of all files at and below `path`.
pub(super) fn size(path: &Path) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for entry in walkdir::WalkDir::new(path) {
        let entry = entry.map_err(|error| StoreError::io("read", path)(error.into()))?;
        let metadata = entry.metadata().map_err(|error| StoreError::io("read", entry.path())(error.into()))?;
        bytes += if metadata.is_dir() { 0 } else { metadata.len() };
    }
    Ok(bytes)
}

/// When `path` came: its name was given last, and its times are those of its content.
fn since(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::symlink_metadata(path).map_or(0, |metadata| u64::try_from(metadata.ctime()).unwrap_or_default())
}

/// Returns the seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
