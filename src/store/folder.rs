//! Puts folders that are not repositories into the store: extension files, files of a project.
//!
//! Decides which paths such a folder may have. The id is known without a store (`digest.rs`); what is copied must still have it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::export::{copy_hashed, make_folder, set_time, sync_file, write_file};
use super::{Store, StoreError};
use crate::digest::{self, FolderFile, HashedFile, HashedFolder};

impl Store {
    /// Adds a folder and returns its id, `b3-<64 hex>`. One that is present is not written again.
    ///
    /// # Errors
    /// When a path is not one of a file in a folder (absolute, climbing, twice, `.git`), or the disk refuses.
    pub fn add_folder(&self, files: &[FolderFile<'_>]) -> Result<String, StoreError> {
        let id = digest::folder_id(files);
        let write = |draft: &Path| {
            let write = |file: &FolderFile<'_>| {
                write_file(&place(draft, file.path)?, file.content, if file.executable { 0o755 } else { 0o644 })
            };
            files.iter().try_for_each(write)
        };
        self.add(&id, write, &AtomicBool::new(false))?;
        Ok(id)
    }

    /// Adds a folder of files that stand where `source` says, by their paths in the folder. One that is present is not
    /// written again.
    ///
    /// # Errors
    /// As [`Store::add_folder`]; or a file is not what it was when it was hashed; or `interrupted` becomes true.
    pub fn add_hashed(
        &self,
        folder: &HashedFolder,
        source: impl Fn(&str) -> PathBuf,
        interrupted: &AtomicBool,
    ) -> Result<(), StoreError> {
        let copy = |draft: &Path, file: &HashedFile| {
            let (from, to) = (source(&file.path), place(draft, &file.path)?);
            let copied = copy_hashed(&from, &to, if file.executable { 0o755 } else { 0o644 }, interrupted);
            go_on(folder.id(), interrupted)?;
            if copied? != file.digest {
                return Err(StoreError::Changed { path: from });
            }
            Ok(())
        };
        self.add(folder.id(), |draft| folder.files().iter().try_for_each(|file| copy(draft, file)), interrupted)
    }

    /// Adds the folder that `write` fills, unless the store has it.
    fn add(
        &self,
        id: &str,
        write: impl FnOnce(&Path) -> Result<(), StoreError>,
        interrupted: &AtomicBool,
    ) -> Result<(), StoreError> {
        if self.has_tree(id) {
            return Ok(());
        }
        let _lock = self.lock(&format!("tree-{id}"), interrupted)?;
        if self.has_tree(id) {
            return Ok(());
        }
        let scratch = self.scratch()?;
        let draft = scratch.path().join("tree");
        make_folder(&draft)?;
        write(&draft)?;
        finish(&draft, |path| {
            go_on(id, interrupted)?;
            sync_file(path)
        })?;
        self.publish(&draft, id, Vec::new())?;
        Ok(())
    }
}

/// Returns where the file `file` of the folder `root` goes, after making the folders above it.
fn place(root: &Path, file: &str) -> Result<PathBuf, StoreError> {
    let bad = || StoreError::BadPath { path: file.to_owned() };
    let mut path = root.to_path_buf();
    let mut parts = file.split('/').peekable();
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
    Ok(path)
}

/// Fails once nobody wants the tree `id` any more.
pub(super) fn go_on(id: &str, interrupted: &AtomicBool) -> Result<(), StoreError> {
    if interrupted.load(Ordering::Relaxed) {
        return Err(StoreError::Interrupted { name: id.to_owned() });
    }
    Ok(())
}

/// Syncs the files and gives the folders their times, the deepest first.
fn finish(root: &Path, sync: impl Fn(&Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
    for entry in walkdir::WalkDir::new(root).contents_first(true) {
        let entry = entry.map_err(|error| StoreError::walk(root, error))?;
        if entry.file_type().is_dir() {
            set_time(entry.path())?;
        } else {
            sync(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files that are copied")]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::super::Commits;
    use super::*;

    #[test]
    fn hashed_files_are_copied_as_they_were_hashed_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("store")).unwrap();
        let source = |name: &str| place.path().join("data").join(name);
        fs::create_dir_all(source("a")).unwrap();
        fs::write(source("a/run"), "#!/bin/sh\n").unwrap();
        fs::write(source("b"), "b").unwrap();
        let file = |path: &str, executable, text: &str| HashedFile::new(path.to_owned(), executable, text.as_bytes());
        let folder = HashedFolder::new(vec![file("a/run", true, "#!/bin/sh\n"), file("b", false, "b")]);
        fs::write(source("b"), "c").unwrap();
        let go_on = AtomicBool::new(false);
        let error = store.add_hashed(&folder, source, &go_on).unwrap_err();
        assert!(matches!(&error, StoreError::Changed { path } if *path == source("b")), "{error}");
        assert!(!store.has_tree(folder.id()));
        fs::write(source("b"), "b").unwrap();
        let stopped = store.add_hashed(&folder, source, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(StoreError::Interrupted { .. })));
        assert!(!store.has_tree(folder.id()));
        store.add_hashed(&folder, source, &go_on).unwrap();
        let tree = store.tree(folder.id()).unwrap();
        assert_eq!(fs::read_to_string(tree.join("a/run")).unwrap(), "#!/bin/sh\n");
        let thing = store.things().unwrap().into_iter().find(|thing| thing.name.ends_with(folder.id())).unwrap();
        let damages = || store.damages(&thing, &Commits::of(&[], &BTreeSet::new())).unwrap();
        assert_eq!(damages(), []);
        fs::write(tree.join("b"), "c").unwrap();
        assert_eq!(damages().len(), 1);
        let climbing = HashedFolder::new(vec![file("../b", false, "b")]);
        assert!(matches!(store.add_hashed(&climbing, source, &go_on), Err(StoreError::BadPath { .. })));
    }
}
