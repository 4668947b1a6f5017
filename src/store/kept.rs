//! Notes that one run leaves for the next: `meta/kept-<name>.json`.
//!
//! Decides how long a note counts. Leaves out what is in it.

#![expect(clippy::disallowed_methods, reason = "the store writes files, and a note's age is measured by the clock")]

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Store, StoreError};

impl Store {
    /// Leaves the note `content` under `name`, a word of letters and digits.
    ///
    /// # Errors
    /// When it cannot be written; an older note stays then.
    pub fn keep(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let path = self.kept_path(name);
        let written = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(self.root.join("tmp"))?;
            file.write_all(content)?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        written().map_err(StoreError::io("write", &path))
    }

    /// Returns the note `name` when it is there and not older than `age`. One that cannot be read counts as absent.
    pub fn kept(&self, name: &str, age: Duration) -> Option<Vec<u8>> {
        let path = self.kept_path(name);
        let written = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok()?;
        // A note from the future is one from before the clock was set back.
        let young = SystemTime::now().duration_since(written).is_ok_and(|elapsed| elapsed <= age);
        young.then(|| fs::read(&path).ok()).flatten()
    }

    /// Takes the note `name` away.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn forget(&self, name: &str) -> Result<(), StoreError> {
        let path = self.kept_path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    fn kept_path(&self, name: &str) -> PathBuf {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "a name of ours");
        self.root.join("meta").join(format!("kept-{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_counts_while_it_is_young_and_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(store.kept("a", hour), None);
        store.keep("a", b"1").unwrap();
        store.keep("a", b"2").unwrap();
        assert_eq!(store.kept("a", hour), Some(b"2".to_vec()));
        let old = SystemTime::now() - 2 * hour;
        fs::File::options().write(true).open(store.kept_path("a")).unwrap().set_modified(old).unwrap();
        assert_eq!(store.kept("a", hour), None);
        store.forget("a").unwrap();
        store.forget("a").unwrap();
        assert!(!store.kept_path("a").exists());
    }
}
