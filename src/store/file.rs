//! Single files by content: `files/<sha256>`, which is how archives stand in the store before they are unpacked.
//!
//! Decides that a name that exists is whole: a file is written to `tmp/` while it is hashed, synced, and renamed.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::export::sync_folder;
use super::lock::Lock;
use super::{Store, StoreError, name};

/// A file on its way into the store. Dropped, it is gone.
#[derive(Debug)]
pub struct Incoming {
    folder: PathBuf,
    file: NamedTempFile,
    hasher: Sha256,
}

impl Incoming {
    /// Adds `bytes` at the end.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(StoreError::io("write", self.file.path()))
    }

    /// Returns SHA-256 of what has come so far, 64 lowercase hexadecimal digits.
    pub fn sha256(&self) -> String {
        hexadecimal(self.hasher.clone())
    }

    /// Gives the file the name of its content, and returns that: SHA-256, 64 lowercase hexadecimal digits.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(self) -> Result<String, StoreError> {
        let Self { folder, file, hasher } = self;
        let sha256 = hexadecimal(hasher);
        file.as_file().sync_all().map_err(StoreError::io("sync", file.path()))?;
        let path = folder.join(&sha256);
        file.persist(&path).map_err(|error| StoreError::io("make", &path)(error.error))?;
        sync_folder(&folder)?;
        Ok(sha256)
    }
}

impl Store {
    /// Returns the path of the file with this content, when the store has it. `sha256` is 64 hexadecimal digits.
    pub fn file(&self, sha256: &str) -> Option<PathBuf> {
        let path = self.root.join("files").join(sha256);
        (name::is_sha256(sha256) && path.is_file()).then_some(path)
    }

    /// Returns the length in bytes of the file with this content, when the store has it.
    pub fn file_length(&self, sha256: &str) -> Option<u64> {
        fs::metadata(self.file(sha256)?).ok().map(|file| file.len())
    }

    /// Returns the path of the file as [`Store::file`] does, after reading all of it: one that is damaged is removed.
    ///
    /// # Errors
    /// When it cannot be read or removed.
    pub fn whole_file(&self, sha256: &str) -> Result<Option<PathBuf>, StoreError> {
        let Some(path) = self.file(sha256) else { return Ok(None) };
        if hashed(&path)? == sha256 {
            return Ok(Some(path));
        }
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        Ok(None)
    }

    /// Waits until nobody else fetches the file with this content.
    ///
    /// # Errors
    /// When the lock cannot be taken, or `interrupted` becomes true meanwhile.
    pub(crate) fn lock_file(&self, sha256: &str, interrupted: &AtomicBool) -> Result<Lock, StoreError> {
        self.lock(&format!("file-{sha256}"), interrupted)
    }

    /// Begins a file whose name is known when all of it is there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn receive(&self) -> Result<Incoming, StoreError> {
        let tmp = self.root.join("tmp");
        let file = tempfile::Builder::new().prefix("file-").tempfile_in(&tmp);
        let file = file.map_err(StoreError::io("make a file in", &tmp))?;
        Ok(Incoming { folder: self.root.join("files"), file, hasher: Sha256::new() })
    }
}

/// Returns SHA-256 of the file at `path`, 64 lowercase hexadecimal digits.
pub(super) fn hashed(path: &Path) -> Result<String, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(StoreError::io("read", path))? {
            0 => return Ok(hexadecimal(hasher)),
            length => hasher.update(&buffer[..length]),
        }
    }
}

fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_content_and_a_damaged_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut incoming = store.receive().unwrap();
        incoming.write(b"ab").unwrap();
        incoming.write(b"c").unwrap();
        let sha256 = incoming.keep().unwrap();
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(fs::read(store.whole_file(&sha256).unwrap().unwrap()).unwrap(), b"abc");
        fs::write(store.file(&sha256).unwrap(), b"abd").unwrap();
        assert_eq!(store.whole_file(&sha256).unwrap(), None);
        assert_eq!(store.file(&sha256), None);
        assert_eq!(store.file("../CACHEDIR.TAG"), None);
    }

    #[test]
    fn a_file_that_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut incoming = store.receive().unwrap();
        incoming.write(b"half").unwrap();
        drop(incoming);
        assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(folder.path().join("files")).unwrap().count(), 0);
    }
}
