//! Locks between processes and threads: one file per thing that is being made, under `locks/`, and one for the store.
//!
//! Decides how to wait (until the other is done, or the user interrupts). Whoever uses the store shares `store.lock`; who
//! takes things away from it, which is `gc` and `verify --repair`, has it alone. Only they remove lock files: while
//! others wait for one, removing it would let two in.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::StoreError;

/// How often a waiting process looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// The name of the lock of the whole store; no tree, file or repository is called so.
const STORE: &str = "store";

/// A lock that is held until it is dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    /// None where nobody can write, and there is no lock file that could be shared.
    _file: Option<File>,
}

/// Whom else a lock lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Alone,
    Shared,
}

impl Lock {
    /// Takes the lock `name` in the folder `locks`, waiting for whoever holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or locked, or `interrupted` becomes true meanwhile.
    pub(crate) fn take(locks: &Path, name: &str, interrupted: &AtomicBool) -> Result<Self, StoreError> {
        wait(&file(locks, name), name, Mode::Alone, interrupted, &mut || {})
    }

    /// Takes the lock of the whole store together with all others that use it. `waiting` is called once, when somebody
    /// has it alone. A store that cannot be written needs no lock file.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub(super) fn share_store(
        locks: &Path,
        interrupted: &AtomicBool,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self, StoreError> {
        wait(&file(locks, STORE), STORE, Mode::Shared, interrupted, waiting)
    }

    /// Takes the lock of the whole store when nobody else uses it. `waiting` is called once, when somebody does. Others
    /// that come meanwhile do not wait: this one does.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub(super) fn take_store(
        locks: &Path,
        interrupted: &AtomicBool,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self, StoreError> {
        wait(&file(locks, STORE), STORE, Mode::Alone, interrupted, waiting)
    }

    /// Takes the lock of the whole store if nobody uses it now.
    pub(super) fn try_take_store(locks: &Path) -> Option<Self> {
        let file = open(&file(locks, STORE), Mode::Alone).ok()??;
        file.try_lock().is_ok().then_some(Self { _file: Some(file) })
    }
}

/// Whether `name` is the lock file of the whole store.
pub(super) fn is_of_store(name: &str) -> bool {
    name == format!("{STORE}.lock")
}

fn file(locks: &Path, name: &str) -> PathBuf {
    locks.join(format!("{name}.lock"))
}

fn wait(
    path: &Path,
    name: &str,
    mode: Mode,
    interrupted: &AtomicBool,
    waiting: &mut dyn FnMut(),
) -> Result<Lock, StoreError> {
    let Some(file) = open(path, mode).map_err(StoreError::io("open the lock file", path))? else {
        return Ok(Lock { _file: None });
    };
    let mut told = false;
    loop {
        let tried = if mode == Mode::Alone { file.try_lock() } else { file.try_lock_shared() };
        match tried {
            Ok(()) => return Ok(Lock { _file: Some(file) }),
            Err(TryLockError::WouldBlock) if interrupted.load(Ordering::Relaxed) => {
                return Err(StoreError::Interrupted { name: name.to_owned() });
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    waiting();
                    told = true;
                }
                std::thread::sleep(PAUSE);
            }
            Err(TryLockError::Error(cause)) => return Err(StoreError::io("lock", path)(cause)),
        }
    }
}

/// Opens a lock file; for sharing, one that cannot be written will do, and where none can be made there is none.
fn open(path: &Path, mode: Mode) -> io::Result<Option<File>> {
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
    match opened {
        Err(error) if mode == Mode::Shared && is_read_only(&error) => match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        },
        opened => opened.map(Some),
    }
}

/// Whether the error says that this user cannot write there, now or ever.
pub(super) fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_share_the_store_and_one_has_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (locks, go_on) = (folder.path(), AtomicBool::new(false));
        let share = || Lock::share_store(locks, &go_on, &mut || {}).unwrap();
        let (first, second) = (share(), share());
        assert!(Lock::try_take_store(locks).is_none());
        drop(first);
        assert!(Lock::try_take_store(locks).is_none());
        drop(second);
        assert!(Lock::try_take_store(locks).is_some());
    }

    #[test]
    fn who_waits_is_told_once_and_can_give_up() {
        let folder = tempfile::tempdir().unwrap();
        let (locks, interrupted) = (folder.path(), AtomicBool::new(false));
        let _held = Lock::share_store(locks, &interrupted, &mut || {}).unwrap();
        let mut told = 0;
        let error = Lock::take_store(locks, &interrupted, &mut || {
            told += 1;
            interrupted.store(true, Ordering::Relaxed);
        });
        assert!(matches!(error, Err(StoreError::Interrupted { .. })));
        assert_eq!(told, 1);
    }
}
