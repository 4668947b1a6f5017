//! Who uses the store: every process that reads or writes it holds it, together with others; cleaning needs it alone.
//!
//! Decides that nothing is removed under somebody's feet: a build that has been told of a tree finds it. A store that
//! cannot be written to is nobody's to clean, so it need not be held. Also: which projects need what is in the store.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Store, StoreError};

/// The file that is locked.
const NAME: &str = "locks/store.lock";

impl Store {
    /// Holds the store together with others for as long as the file lives; waits while somebody cleans it. None where the
    /// store cannot be written to.
    pub(super) fn held(root: &Path) -> Result<Option<File>, StoreError> {
        let path = root.join(NAME);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => File::create(&path),
            other => other,
        };
        match file {
            Ok(file) => file.lock_shared().map(|()| Some(file)).map_err(StoreError::io("lock", &path)),
            Err(error) if is_read_only(&error) => Ok(None),
            Err(error) => Err(StoreError::io("open the lock file", &path)(error)),
        }
    }

    /// Returns the store once nobody else uses it; until it is dropped, nobody can.
    ///
    /// # Errors
    /// When somebody uses it now, or it cannot be written to.
    pub fn alone(root: &Path) -> Result<Self, StoreError> {
        drop(Self::open(root)?);
        let path = root.join(NAME);
        let file = File::create(&path).map_err(StoreError::io("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self::with(root, Some(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: root.to_path_buf() }),
            Err(TryLockError::Error(cause)) => Err(StoreError::io("lock", &path)(cause)),
        }
    }

    /// Remembers that the project in the folder `project` needs what its lock names.
    ///
    /// # Errors
    /// When that cannot be written down. A store that cannot be written to is no error: nobody cleans it.
    pub fn remember(&self, project: &Path) -> Result<(), StoreError> {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = self.root.join("meta/projects");
        let path = folder.join(&blake3::hash(project.as_os_str().as_bytes()).to_hex()[..32]);
        if path.exists() {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&folder)?;
            let mut draft = tempfile::NamedTempFile::new_in(self.root.join("tmp"))?;
            std::io::Write::write_all(&mut draft, project.as_os_str().as_bytes())?;
            draft.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        match write() {
            Err(error) if is_read_only(&error) => Ok(()),
            other => other.map_err(StoreError::io("write", &path)),
        }
    }

    /// Returns the folders of the projects that were remembered, sorted; those that are gone, too.
    ///
    /// # Errors
    /// When what was written down cannot be read.
    pub fn projects(&self) -> Result<Vec<PathBuf>, StoreError> {
        use std::os::unix::ffi::OsStringExt as _;
        let folder = self.root.join("meta/projects");
        let mut projects = Vec::new();
        for path in super::entries(&folder)? {
            let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
            projects.push(PathBuf::from(std::ffi::OsString::from_vec(bytes)));
        }
        projects.sort();
        Ok(projects)
    }

    /// Forgets that the project in the folder `project` needs anything; returns whether it was known.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn forget_project(&self, project: &Path) -> Result<bool, StoreError> {
        use std::os::unix::ffi::OsStrExt as _;
        let name = blake3::hash(project.as_os_str().as_bytes()).to_hex();
        let path = self.root.join("meta/projects").join(&name[..32]);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io("remove", &path)(error)),
        }
    }
}

/// Whether the system refuses every writer.
pub(super) fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}
