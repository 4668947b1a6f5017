//! Writes a commit as a plain folder: what the build context holds of a repository.
//!
//! Decides modes (644, 755), times (1980-01-01T00:00:00Z for everything) and which entries no checkout may have. The
//! result depends on the commit alone, not on umask, user or clock. Of filters only that of Git LFS is applied, and only
//! where its content is wanted. Leaves out where commits and content come from.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use filetime::FileTime;
use git2::ObjectType;

use super::noticed::Noticed;
use super::repository::{find_commit, too_deep};
use super::{BadEntry, Checkout, Pointers, Store, StoreError, Tree};
use crate::hashing;

/// 1980-01-01T00:00:00Z in seconds: the earliest time that zip archives can hold.
pub(super) const EPOCH: i64 = 315_532_800;

impl Store {
    /// Exports `checkout`, unless the store has its tree. All its commits must be pinned.
    ///
    /// # Errors
    /// When an object is missing, an entry is one that no checkout may have, the disk refuses, or the user interrupts.
    pub fn export(&self, checkout: &Checkout, interrupted: &AtomicBool) -> Result<Tree, StoreError> {
        let id = checkout.tree_id();
        if let Some(tree) = self.exported(&id) {
            return Ok(tree);
        }
        let _lock = self.lock(&format!("tree-{id}"), interrupted)?;
        if let Some(tree) = self.exported(&id) {
            return Ok(tree);
        }
        let scratch = self.scratch()?;
        let draft = scratch.path().join("tree");
        let noticed = Noticed { excluded: checkout.excluded.clone(), ..Noticed::default() };
        let mut written = Written { interrupted, files: Vec::new(), noticed };
        make_folder(&draft)?;
        write_commit(self, checkout, &draft, &draft, &mut written)?;
        written.sync()?;
        self.publish(&draft, &id, written.noticed)
    }
}

/// What has been written so far.
struct Written<'a> {
    interrupted: &'a AtomicBool,
    files: Vec<PathBuf>,
    noticed: Noticed,
}

impl Written<'_> {
    /// Waits until every file is on the disk. In the end, when the system has written most of them already.
    fn sync(&self) -> Result<(), StoreError> {
        self.files.iter().try_for_each(|path| sync_file(path))
    }
}

/// Writes the commit of `checkout` into the existing folder `folder`; `root` is where the whole tree begins.
fn write_commit(
    store: &Store,
    checkout: &Checkout,
    root: &Path,
    folder: &Path,
    written: &mut Written<'_>,
) -> Result<(), StoreError> {
    let source = store.repository(&checkout.url);
    let repository = source.open()?;
    let commit = find_commit(&repository, &checkout.rev)?;
    let tree = commit.tree().map_err(StoreError::repository(&source.path()))?;
    let pointers = source.lfs_pointers(&checkout.rev)?;
    let mut writer = Writer { store, repository: &repository, checkout, pointers, root, top: folder, written };
    writer.folder(&tree, folder, 0)
}

struct Writer<'w, 'a> {
    store: &'w Store,
    repository: &'w git2::Repository,
    checkout: &'w Checkout,
    /// The files of Git LFS.
    pointers: Pointers,
    /// The beginning of the whole tree.
    root: &'w Path,
    /// The beginning of this commit.
    top: &'w Path,
    written: &'w mut Written<'a>,
}

impl<'w> Writer<'w, '_> {
    /// Fills the existing folder `folder`, and gives it its time when nothing in it changes any more.
    fn folder(&mut self, tree: &git2::Tree<'_>, folder: &Path, depth: usize) -> Result<(), StoreError> {
        too_deep(&self.checkout.rev, depth, folder.as_os_str().as_bytes())?;
        for entry in tree {
            if self.written.interrupted.load(Ordering::Relaxed) {
                return Err(StoreError::Interrupted { name: self.checkout.rev.clone() });
            }
            self.entry(&entry, folder, depth)?;
        }
        set_time(folder)
    }

    fn entry(&mut self, entry: &git2::TreeEntry<'_>, folder: &Path, depth: usize) -> Result<(), StoreError> {
        let path = folder.join(entry_name(entry.name_bytes()));
        check_name(entry.name_bytes()).map_err(|problem| self.bad(&path, problem))?;
        // `exists` would follow a link; nothing may be written over or through what is there.
        if path.symlink_metadata().is_ok() {
            return Err(self.bad(&path, BadEntry::Duplicate));
        }
        match (entry.kind(), entry.filemode_raw() & 0o170_000) {
            (Some(ObjectType::Tree), _) => {
                make_folder(&path)?;
                let tree = self.repository.find_tree(entry.id()).map_err(|_| self.missing(entry))?;
                self.folder(&tree, &path, depth + 1)
            }
            (Some(ObjectType::Commit), _) => self.submodule(&path),
            (Some(ObjectType::Blob), 0o120_000) => self.link(self.blob(entry)?.content(), &path),
            (Some(ObjectType::Blob), 0o100_000) => {
                let mode = if entry.filemode_raw() & 0o100 == 0 { 0o644 } else { 0o755 };
                self.file(self.blob(entry)?.content(), mode, path)
            }
            _ => Err(self.bad(&path, BadEntry::Type)),
        }
    }

    fn file(&mut self, content: &[u8], mode: u32, path: PathBuf) -> Result<(), StoreError> {
        let below = path.strip_prefix(self.top).expect("every path is made below the top");
        match self.pointers.get(below) {
            Some(pointer) if !self.checkout.extent.pointers => {
                let file = self.store.file(&pointer.sha256).ok_or_else(|| self.bad(&path, BadEntry::NoContent))?;
                copy_file(&file, &path, mode)?;
            }
            pointer => {
                let shown = pointer.map(|_| self.shown(&path));
                self.written.noticed.lfs_pointers.extend(shown);
                write_file(&path, content, mode)?;
            }
        }
        self.written.files.push(path);
        Ok(())
    }

    fn link(&self, target: &[u8], path: &Path) -> Result<(), StoreError> {
        if target.is_empty() || target.contains(&0) {
            return Err(self.bad(path, BadEntry::Link));
        }
        symlink(OsStr::from_bytes(target), path).map_err(StoreError::io("make the link", path))?;
        set_time(path)
    }

    fn submodule(&mut self, path: &Path) -> Result<(), StoreError> {
        make_folder(path)?;
        let below = path.strip_prefix(self.top).expect("every path is made below the top");
        match self.checkout.submodules.get(below) {
            Some(submodule) => write_commit(self.store, submodule, self.root, path, self.written),
            None => set_time(path),
        }
    }

    fn blob(&self, entry: &git2::TreeEntry<'_>) -> Result<git2::Blob<'w>, StoreError> {
        self.repository.find_blob(entry.id()).map_err(|_| self.missing(entry))
    }

    fn missing(&self, entry: &git2::TreeEntry<'_>) -> StoreError {
        StoreError::Incomplete { rev: self.checkout.rev.clone(), object: entry.id().to_string() }
    }

    fn bad(&self, path: &Path, problem: BadEntry) -> StoreError {
        StoreError::BadEntry { rev: self.checkout.rev.clone(), path: self.shown(path), problem }
    }

    /// Returns the path below the root of the tree, for people.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// Returns the name of a tree entry, as it is.
pub(super) fn entry_name(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

/// Refuses names that lead out of a folder or that git refuses to check out.
fn check_name(name: &[u8]) -> Result<(), BadEntry> {
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || name.contains(&0) {
        return Err(BadEntry::Name);
    }
    if name.eq_ignore_ascii_case(b".git") { Err(BadEntry::DotGit) } else { Ok(()) }
}

/// Makes the folder `path` with mode 755, whatever the umask.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(StoreError::io("make the folder", path))
}

/// Writes a new file with `mode`, whatever the umask, and the time that all files have.
pub(super) fn write_file(path: &Path, content: &[u8], mode: u32) -> Result<(), StoreError> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(content)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        filetime::set_file_handle_times(&file, Some(epoch()), Some(epoch()))
    });
    written.map_err(StoreError::io("write", path))
}

/// Copies a file as [`write_file`] writes one.
pub(super) fn copy_file(from: &Path, path: &Path, mode: u32) -> Result<(), StoreError> {
    copied(path, mode, |file| File::open(from).and_then(|mut from| std::io::copy(&mut from, file))).map(|_| ())
}

/// Copies a file as [`write_file`] writes one, and returns the BLAKE3 digest of what was copied.
pub(super) fn copy_hashed(
    from: &Path,
    path: &Path,
    mode: u32,
    interrupted: &AtomicBool,
) -> Result<[u8; 32], StoreError> {
    copied(path, mode, |file| hashing::copy(from, file, interrupted))
}

fn copied<T>(path: &Path, mode: u32, copy: impl FnOnce(&mut File) -> std::io::Result<T>) -> Result<T, StoreError> {
    write_file(path, b"", mode)?;
    let copied = OpenOptions::new().write(true).open(path).and_then(|mut file| {
        let copied = copy(&mut file)?;
        filetime::set_file_handle_times(&file, Some(epoch()), Some(epoch()))?;
        Ok(copied)
    });
    copied.map_err(StoreError::io("write", path))
}

/// Gives a folder or a link (not what it points to) the time that all files have.
pub(super) fn set_time(path: &Path) -> Result<(), StoreError> {
    filetime::set_symlink_file_times(path, epoch(), epoch()).map_err(StoreError::io("set the time of", path))
}

fn epoch() -> FileTime {
    FileTime::from_unix_time(EPOCH, 0)
}

/// Waits until the content of `path` is on the disk.
pub(super) fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_data()).map_err(StoreError::io("sync", path))
}

/// Waits until the names in `root` and in every folder below are on the disk.
pub(super) fn sync_folders(root: &Path) -> Result<(), StoreError> {
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.map_err(|error| StoreError::walk(root, error))?;
        if entry.file_type().is_dir() {
            sync_folder(entry.path())?;
        }
    }
    Ok(())
}

/// Waits until the names in `folder` are on the disk. Filesystems that cannot do so for folders are let off.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if error.kind() != ErrorKind::InvalidInput => Err(StoreError::io("sync", folder)(error)),
        _ => Ok(()),
    }
}
