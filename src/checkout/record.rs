//! Which checkouts of a folder `deps import` made: `.deps-import` in it, one path a line.
//!
//! Decides what may be pruned: only what stands in the record. The file stays in the folder, so a workspace that is
//! moved or mounted elsewhere keeps it.

#![expect(clippy::disallowed_methods, reason = "the record is a file of the workspace")]

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::CheckoutError;

/// The record's file.
const FILE: &str = ".deps-import";
/// Locked while somebody imports.
const LOCK: &str = ".deps-import.lock";
const HEAD: &str =
    "# Checkouts that `deps import` made here; `deps import --prune` removes those that no manifest names.\n";

/// The checkouts that were imported into a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    path: PathBuf,
    /// Their paths, relative to the folder.
    pub checkouts: BTreeSet<String>,
}

impl Record {
    /// Reads the record of `folder`; an empty one when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(folder: &Path) -> Result<Self, CheckoutError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CheckoutError::io("read", &path)(error)),
        };
        // The file is anybody's: no line of it may lead out of the folder.
        let good = |line: &&str| deps_lock::Name::new(*line).is_ok_and(|name| !name.starts_with("../"));
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter(good);
        Ok(Self { checkouts: lines.map(str::to_owned).collect(), path })
    }

    /// Keeps everybody else from importing into `folder`, which is made where it is not there, until the file is dropped.
    ///
    /// # Errors
    /// When somebody else does so now, or the folder cannot be written to.
    pub fn lock(folder: &Path) -> Result<fs::File, CheckoutError> {
        fs::create_dir_all(folder).map_err(CheckoutError::io("make", folder))?;
        let path = folder.join(LOCK);
        let file = fs::File::create(&path).map_err(CheckoutError::io("make", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(CheckoutError::Busy { path: folder.to_path_buf() }),
            Err(fs::TryLockError::Error(error)) => Err(CheckoutError::io("lock", &path)(error)),
        }
    }

    /// Writes the record where it differs from what is there.
    ///
    /// # Errors
    /// When it cannot be written; the old one is untouched then.
    pub fn write(&self) -> Result<(), CheckoutError> {
        let lines: String = self.checkouts.iter().map(|line| format!("{line}\n")).collect();
        let text = format!("{HEAD}{lines}");
        if fs::read_to_string(&self.path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut draft| {
            std::io::Write::write_all(&mut draft, text.as_bytes())?;
            draft.persist(&self.path).map_err(|error| error.error)
        });
        written.map(|_| ()).map_err(CheckoutError::io("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_paths_inside_the_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::read(folder.path()).unwrap();
        assert!(record.checkouts.is_empty());
        record.checkouts = ["core/nav2".to_owned(), "msgs".to_owned()].into();
        record.write().unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), record);
        fs::write(folder.path().join(FILE), "# x\n../out\n/etc\nmsgs\na/../../b\n\n").unwrap();
        assert_eq!(Record::read(folder.path()).unwrap().checkouts, ["msgs".to_owned()].into());
    }
}
