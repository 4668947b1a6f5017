//! Puts folders that are not repositories into the store: extension files, files of a project.
//!
//! Decides which paths such a folder may have. The id is `digest::folder_id`, known without a store.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::export::{make_folder, set_time, sync_file, write_file};
use super::{Store, StoreError};
use crate::digest::{self, FolderFile};

impl Store {
    /// Adds a folder and returns its id, `b3-<64 hex>`. One that is present is not written again.
    ///
    /// # Errors
    /// When a path is not one of a file in a folder (absolute, climbing, twice, `.git`), or the disk refuses.
    pub fn add_folder(&self, files: &[FolderFile<'_>]) -> Result<String, StoreError> {
        let id = digest::folder_id(files);
        if self.has_tree(&id) {
            return Ok(id);
        }
        let _lock = self.lock(&format!("tree-{id}"), &AtomicBool::new(false))?;
        if self.has_tree(&id) {
            return Ok(id);
        }
        let scratch = self.scratch()?;
        let draft = scratch.path().join("tree");
        make_folder(&draft)?;
        for file in files {
            write(&draft, file)?;
        }
        finish(&draft)?;
        self.publish(&draft, &id, Vec::new())?;
        Ok(id)
    }
}

fn write(root: &Path, file: &FolderFile<'_>) -> Result<(), StoreError> {
    let bad = || StoreError::BadPath { path: file.path.to_owned() };
    let mut path = root.to_path_buf();
    let mut parts = file.path.split('/').peekable();
    while let Some(part) = parts.next() {
        if matches!(part, "" | "." | "..") || part.contains('\0') || part.eq_ignore_ascii_case(".git") {
            return Err(bad());
        }
        path.push(part);
        if parts.peek().is_some() && !path.is_dir() {
            make_folder(&path).map_err(|error| if path.exists() { bad() } else { error })?;
        }
    }
    if path.exists() {
        return Err(bad());
    }
    write_file(&path, file.content, if file.executable { 0o755 } else { 0o644 })
}

/// Syncs the files and gives the folders their times, the deepest first.
fn finish(root: &Path) -> Result<(), StoreError> {
    for entry in walkdir::WalkDir::new(root).contents_first(true) {
        let entry = entry.map_err(|error| StoreError::walk(root, error))?;
        if entry.file_type().is_dir() {
            set_time(entry.path())?;
        } else {
            sync_file(entry.path())?;
        }
    }
    Ok(())
}
