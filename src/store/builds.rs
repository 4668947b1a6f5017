//! What builds leave for the next one: `builds/<project>/<name>.json` of a project, `builds/engines/<name>.json` of an
//! engine.
//!
//! Decides where such notes lie, that those of a project go with it, and those of an engine when nobody has built on it
//! for long. Leaves out what is in them (`plan/memory.rs`).

#![expect(clippy::disallowed_methods, reason = "the store reads and writes files")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use super::{Store, StoreError, projects};

/// The folder of the notes about engines: no project is called so.
const ENGINES: &str = "engines";
/// After so long nobody comes back to an engine.
const ABANDONED: Duration = Duration::from_secs(90 * 24 * 3600);
/// A larger note is none of ours: ten thousand stages have 20 MB.
const MOST: u64 = 256 << 20;

impl Store {
    /// Returns the notes that builds of the project in `folder` have left in the store at `root`, the youngest first.
    /// Without a store there are none; one that cannot be read counts as absent.
    pub fn builds(root: &Path, folder: &Path) -> Vec<Vec<u8>> {
        notes(&folder_of(root, &projects::record_name(folder)))
    }

    /// Returns the notes about engines in the store at `root`, the youngest first, as [`Store::builds`] does.
    pub fn engines(root: &Path) -> Vec<Vec<u8>> {
        notes(&folder_of(root, ENGINES))
    }

    /// Replaces the note about the engine `name`, a word of letters and digits, by what `change` makes of it. Nobody else
    /// changes it meanwhile.
    ///
    /// # Errors
    /// When it cannot be written, or `interrupted` becomes true while somebody else changes it.
    pub fn keep_engine(
        &self,
        name: &str,
        interrupted: &AtomicBool,
        change: impl FnOnce(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<(), StoreError> {
        let _lock = self.lock(&format!("engine-{name}"), interrupted)?;
        let path = self.note(ENGINES, name)?;
        self.replace(&path, &change(fs::read(&path).ok()))
    }

    /// Removes the notes about engines on which nobody has built for [`ABANDONED`].
    pub(super) fn forget_engines(&self) {
        let old = |path: &Path| {
            let written = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            written
                .and_then(|written| SystemTime::now().duration_since(written).ok())
                .is_some_and(|age| age > ABANDONED)
        };
        for entry in fs::read_dir(folder_of(&self.root, ENGINES)).into_iter().flatten().flatten() {
            if old(&entry.path()) {
                _ = fs::remove_file(entry.path()); // what stays wastes a little space
            }
        }
    }

    /// Replaces the note `name`, a word of letters and digits, of the project in `folder`, in one step.
    ///
    /// # Errors
    /// When it cannot be written; the older one stays then.
    pub fn keep_build(&self, folder: &Path, name: &str, content: &[u8]) -> Result<(), StoreError> {
        self.replace(&self.note(&projects::record_name(folder), name)?, content)
    }

    /// Where a note is, in a folder that is made for it.
    fn note(&self, folder: &str, name: &str) -> Result<PathBuf, StoreError> {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "a name of ours");
        let place = folder_of(&self.root, folder);
        fs::create_dir_all(&place).map_err(StoreError::io("make the folder", &place))?;
        Ok(place.join(format!("{name}.json")))
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

fn notes(folder: &Path) -> Vec<Vec<u8>> {
    let dated = |entry: fs::DirEntry| -> Option<(SystemTime, PathBuf)> {
        let metadata = entry.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= MOST)?;
        Some((metadata.modified().ok()?, entry.path()))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(SystemTime, PathBuf)> = entries.filter_map(dated).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().filter_map(|(_, path)| fs::read(path).ok()).collect()
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
