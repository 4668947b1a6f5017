//! Makes a tree of a folder that a program of another version control system has written, and looks after the
//! repositories of Mercurial.
//!
//! Decides modes and times of what was written, as for every tree, and that it holds files, folders and links only.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use walkdir::{DirEntry, WalkDir};

use super::export::{set_time, sync_file};
use super::lock::Lock;
use super::{Store, StoreError, Tree, name};

impl Store {
    /// Makes the tree `id` of the folder that `fill` writes at the path it is given, unless the store has it.
    ///
    /// # Errors
    /// When `fill` fails, what it wrote is no folder of files, the disk refuses, or the user interrupts.
    pub(crate) fn adopt<E: From<StoreError>>(
        &self,
        id: &str,
        interrupted: &AtomicBool,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Tree, E> {
        let _lock = self.lock(&format!("tree-{id}"), interrupted)?;
        if let Some(tree) = self.exported(id) {
            return Ok(tree);
        }
        let scratch = self.scratch()?;
        let draft = scratch.path().join("tree");
        fill(&draft)?;
        for entry in WalkDir::new(&draft).contents_first(true) {
            let entry = entry.map_err(|error| unreadable(&draft, error))?;
            plain(&draft, &entry)?;
        }
        Ok(self.publish(&draft, id, Vec::new())?)
    }

    /// Returns where the Mercurial repository of `url` stands, whether it is there or not, and keeps others from it.
    ///
    /// # Errors
    /// When it cannot be locked, or `interrupted` becomes true while waiting.
    pub(crate) fn lock_hg(&self, url: &str, interrupted: &AtomicBool) -> Result<(PathBuf, Lock), StoreError> {
        let name = name::plain_repository(url);
        let lock = self.lock(&format!("hg-{name}"), interrupted)?;
        Ok((self.root.join("hg").join(name), lock))
    }

    /// Gives what is finished at `draft` its place in the store.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn rename(&self, draft: &Path, path: &Path) -> Result<(), StoreError> {
        fs::rename(draft, path).map_err(StoreError::io("make", path))
    }
}

/// Gives an entry the mode and the time that all have.
fn plain(root: &Path, entry: &DirEntry) -> Result<(), StoreError> {
    let (path, kind) = (entry.path(), entry.file_type());
    let odd = entry.file_name().as_encoded_bytes().eq_ignore_ascii_case(b".git") || (path == root && !kind.is_dir());
    if odd || !(kind.is_dir() || kind.is_file() || kind.is_symlink()) {
        let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        return Err(StoreError::BadPath { path });
    }
    if !kind.is_symlink() {
        let found = entry.metadata().map_err(|error| unreadable(path, error))?;
        let executable = kind.is_dir() || found.permissions().mode() & 0o100 != 0;
        let mode = Permissions::from_mode(if executable { 0o755 } else { 0o644 });
        fs::set_permissions(path, mode).map_err(StoreError::io("set the mode of", path))?;
    }
    if kind.is_file() {
        sync_file(path)?;
    }
    set_time(path)
}

fn unreadable(path: &Path, error: walkdir::Error) -> StoreError {
    let path = error.path().unwrap_or(path).to_path_buf();
    StoreError::Io { action: "read", path, cause: error.into() }
}
