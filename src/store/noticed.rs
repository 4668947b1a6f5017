//! What was noticed while a tree was written: `meta/<id>.json`.
//!
//! Decides that a tree with Git LFS pointers in place of content that is wanted counts as absent: earlier versions made
//! such trees. They had a list of those files alone, which is still read.

#![expect(clippy::disallowed_methods, reason = "the store reads and writes files")]

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// What was noticed. Most trees have nothing to notice, and no file of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Noticed {
    /// Files that are Git LFS pointers.
    pub(super) lfs_pointers: Vec<String>,
    /// Submodules that were left out.
    pub(super) excluded: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Pointers(Vec<String>),
    Noticed(Noticed),
}

impl From<Vec<String>> for Noticed {
    fn from(lfs_pointers: Vec<String>) -> Self {
        Self { lfs_pointers, ..Self::default() }
    }
}

impl Store {
    /// Returns what was noticed of the tree `id`. No such file, or an unreadable one, means nothing.
    pub(super) fn noticed(&self, id: &str) -> Noticed {
        let Ok(text) = fs::read(self.meta(id)) else { return Noticed::default() };
        match serde_json::from_slice(&text) {
            Ok(Form::Noticed(noticed)) => noticed,
            Ok(Form::Pointers(lfs_pointers)) => lfs_pointers.into(),
            Err(_) => Noticed::default(),
        }
    }

    /// Whether the tree `id` has pointers where content of Git LFS is wanted.
    pub(super) fn lacks_content(&self, id: &str) -> bool {
        !id.ends_with("-p") && !self.noticed(id).lfs_pointers.is_empty()
    }

    /// Writes what was noticed of the tree `id`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn notice(&self, id: &str, noticed: &Noticed) -> Result<(), StoreError> {
        let meta = self.meta(id);
        if *noticed != Noticed::default() {
            let json = serde_json::to_vec(noticed).expect("strings are JSON");
            return self.replace(&meta, &json);
        }
        match fs::remove_file(&meta) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", &meta)(error)),
            _ => Ok(()),
        }
    }

    /// Moves the tree `id` away, if there is one. It is removed with the folder that comes back.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn retire(&self, id: &str) -> Result<Option<tempfile::TempDir>, StoreError> {
        let path = self.root().join("trees").join(id);
        if !path.is_dir() {
            return Ok(None);
        }
        let away = self.scratch()?;
        fs::rename(&path, away.path().join("tree")).map_err(StoreError::io("replace", &path))?;
        Ok(Some(away))
    }

    pub(super) fn meta(&self, id: &str) -> PathBuf {
        self.root().join("meta").join(format!("{id}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noticed_is_read_back_also_in_the_earlier_form() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let noticed = Noticed { lfs_pointers: vec!["a".into()], excluded: vec!["b".into()] };
        store.notice("x", &noticed).unwrap();
        assert_eq!(store.noticed("x"), noticed);
        fs::write(folder.path().join("meta/x.json"), r#"["a"]"#).unwrap();
        assert_eq!(store.noticed("x"), vec!["a".to_owned()].into());
        assert!(store.lacks_content("x") && !store.lacks_content("x-p"));
        store.notice("x", &Noticed::default()).unwrap();
        assert!(!folder.path().join("meta/x.json").exists() && !store.lacks_content("x"));
    }
}
