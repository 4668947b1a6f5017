//! What builds of a project leave for the next one: `builds/<project>/<name>.json`.
//!
//! Decides where such notes lie and that they go with their project. Leaves out what is in them (`plan/memory.rs`).

#![expect(clippy::disallowed_methods, reason = "the store reads and writes files")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Store, StoreError, projects};

/// A larger note is none of ours: ten thousand stages have 20 MB.
const MOST: u64 = 256 << 20;

impl Store {
    /// Returns the notes that builds of the project in `folder` have left in the store at `root`, the youngest first.
    /// Without a store there are none; one that cannot be read counts as absent.
    pub fn builds(root: &Path, folder: &Path) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(folder_of(root, &projects::record_name(folder)));
        let dated = |entry: fs::DirEntry| -> Option<(SystemTime, PathBuf)> {
            let metadata = entry.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= MOST)?;
            Some((metadata.modified().ok()?, entry.path()))
        };
        let mut found: Vec<(SystemTime, PathBuf)> = entries.into_iter().flatten().flatten().filter_map(dated).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().filter_map(|(_, path)| fs::read(path).ok()).collect()
    }

    /// Replaces the note `name`, a word of letters and digits, of the project in `folder`, in one step.
    ///
    /// # Errors
    /// When it cannot be written; the older one stays then.
    pub fn keep_build(&self, folder: &Path, name: &str, content: &[u8]) -> Result<(), StoreError> {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "a name of ours");
        let place = folder_of(&self.root, &projects::record_name(folder));
        fs::create_dir_all(&place).map_err(StoreError::io("make the folder", &place))?;
        self.replace(&place.join(format!("{name}.json")), content)
    }

    /// Takes away what builds of the project that is recorded as `record` have left.
    pub(super) fn forget_builds(&self, record: &str) -> Result<(), StoreError> {
        let place = folder_of(&self.root, record);
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", &place)(error)),
            _ => Ok(()),
        }
    }
}

fn folder_of(root: &Path, record: &str) -> PathBuf {
    root.join("builds").join(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_replaced_and_goes_with_its_project() {
        let (place, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = place.path().join("store");
        assert!(Store::builds(&root, project.path()).is_empty() && !root.exists(), "looking makes no store");
        let store = Store::open(&root).unwrap();
        store.record(project.path()).unwrap();
        store.keep_build(project.path(), "a", b"1").unwrap();
        store.keep_build(project.path(), "a", b"2").unwrap();
        assert_eq!(Store::builds(&root, project.path()), [b"2"]);
        store.forget_project(&store.projects().unwrap()[0]).unwrap();
        assert!(Store::builds(&root, project.path()).is_empty());
    }
}
