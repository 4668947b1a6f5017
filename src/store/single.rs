//! A file that was downloaded, as a tree: a folder with nothing else in it.
//!
//! Decides its mode, 755 for a program, else 644. Leaves out where the file comes from (`remote/`).

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::export::{copy_file, make_folder, set_time, sync_file};
use super::{Store, StoreError, Tree};
use crate::digest;

/// A file of the store, and what it is called in a folder of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SingleFile {
    /// Its digest, 64 hexadecimal digits.
    pub sha256: String,
    /// Its name there, a part of a path.
    pub name: String,
    /// Whether it is a program.
    pub executable: bool,
}

impl SingleFile {
    /// Returns the id of its tree.
    pub fn tree_id(&self) -> String {
        digest::file_id(&self.sha256, &self.name, self.executable)
    }
}

impl Store {
    /// Makes the tree of `single`, unless the store has it. The content of `file` must be what `single` says.
    ///
    /// # Errors
    /// When the name is none of a file in a folder, the disk refuses, or the user interrupts.
    pub fn place(&self, single: &SingleFile, file: &Path, interrupted: &AtomicBool) -> Result<Tree, StoreError> {
        let id = single.tree_id();
        if let Some(tree) = self.exported(&id) {
            return Ok(tree);
        }
        let SingleFile { name, executable, .. } = single;
        if matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(StoreError::BadPath { path: name.clone() });
        }
        let _lock = self.lock(&format!("tree-{id}"), interrupted)?;
        if let Some(tree) = self.exported(&id) {
            return Ok(tree);
        }
        let scratch = self.scratch()?;
        let folder = scratch.path().join("tree");
        make_folder(&folder)?;
        copy_file(file, &folder.join(name), if *executable { 0o755 } else { 0o644 })?;
        sync_file(&folder.join(name))?;
        set_time(&folder)?;
        self.publish(&folder, &id, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_stands_alone_in_its_tree_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut incoming = store.receive().unwrap();
        incoming.write(b"#!/bin/sh\n").unwrap();
        let sha256 = incoming.keep().unwrap();
        let file = store.file(&sha256).unwrap();
        for (executable, mode) in [(true, 0o755), (false, 0o644)] {
            let single = SingleFile { sha256: sha256.clone(), name: "tool".to_owned(), executable };
            let tree = store.place(&single, &file, &AtomicBool::new(false)).unwrap();
            assert_eq!(tree.id, single.tree_id());
            assert_eq!(tree.path.join("tool").metadata().unwrap().permissions().mode() & 0o7777, mode);
            assert_eq!(tree.path.read_dir().unwrap().count(), 1);
        }
        let outside = SingleFile { sha256, name: "../tool".to_owned(), executable: false };
        store.place(&outside, &file, &AtomicBool::new(false)).expect_err("no name of a file");
    }
}
