//! Locks between processes and threads: one file per thing that is being made, under `locks/`.
//!
//! Decides how to wait (until the other is done, or the user interrupts). Lock files stay: removing one while another
//! process waits for it would let two in.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::StoreError;

/// How often a waiting process looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock `name` in the folder `locks`, waiting for whoever holds it.
    ///
    /// # Errors
    /// When the file cannot be opened or locked, or `interrupted` becomes true meanwhile.
    pub(crate) fn take(locks: &Path, name: &str, interrupted: &AtomicBool) -> Result<Self, StoreError> {
        let path = locks.join(format!("{name}.lock"));
        let file = File::create(&path).map_err(StoreError::io("open the lock file", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if interrupted.load(Ordering::Relaxed) => {
                    return Err(StoreError::Interrupted { name: name.to_owned() });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(cause)) => return Err(StoreError::io("lock", &path)(cause)),
            }
        }
    }
}
