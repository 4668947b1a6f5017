//! Hashes folders of the project as they stand on the disk: on all cores, and only the files that have changed since.
//!
//! Decides which files a folder has (files and folders, nothing else; no link is followed), how much of it is hashed at
//! all, and that a digest never depends on what is remembered of an earlier run: that only saves reading. Leaves out the
//! encoding (`digest.rs`) and which folders are hashed (`workspace/`).
//!
//! As `git add` does, it takes a file for unchanged when size, times, inode, device and mode are those that it had when it
//! was hashed (`remembered.rs`).

#![expect(
    clippy::disallowed_methods,
    reason = "this room reads files, keeps what it found, and must know when that was"
)]

mod content;
mod remembered;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use content::copy;
use remembered::{Moment, Remembered};
use walk::Seen;

use crate::digest::{HashedFile, HashedFolder};

/// So many files a folder may have.
pub const MOST_FILES: usize = 1_000_000;
/// So many bytes the files of a folder may have.
pub const MOST_BYTES: u64 = 64 << 30;
/// Fewer files are hashed again in less time than it takes to remember them.
const WORTH_REMEMBERING: usize = 64;
/// Fewer bytes are, too.
const WORTH_READING: u64 = 1 << 20;

/// Why a folder cannot be hashed. Paths are relative to it.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// The operating system refused; the path is empty for the folder itself.
    #[error("cannot read `{path}`: {cause}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's answer.
        cause: io::Error,
    },
    /// A name that is not UTF-8.
    #[error("the name `{path}` is not UTF-8")]
    NotUtf8 {
        /// The path, odd bytes replaced.
        path: String,
    },
    /// A link, a socket, a device.
    #[error("`{path}` is neither a file nor a folder")]
    Kind {
        /// The path.
        path: String,
    },
    /// A file is another one now than a moment ago.
    #[error("`{path}` changes while it is read")]
    Changes {
        /// The path.
        path: String,
    },
    /// More files than [`MOST_FILES`].
    #[error("it has more than {MOST_FILES} files")]
    TooMany,
    /// More bytes than [`MOST_BYTES`].
    #[error("its files have {bytes} bytes")]
    TooLarge {
        /// How many.
        bytes: u64,
    },
    /// The user does not want to know any more.
    #[error("interrupted")]
    Interrupted,
}

/// How a run hashes folders.
#[derive(Clone, Debug, Default)]
pub struct Hashing {
    /// What earlier runs know; none when every file is read.
    pub memory: Option<Memory>,
    /// Once it is true, nothing more is read.
    pub interrupted: Arc<AtomicBool>,
}

/// Where it is kept which files had which digests, for the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    folder: PathBuf,
}

impl Memory {
    /// What is kept in `folder`, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

/// Hashes all files of the folder `top`, an absolute path without links, sorted by path. What the memory has of files that
/// have not changed is not read again; it is brought up to date, where that is possible.
///
/// # Errors
/// The first problem by path: a file cannot be read, is neither file nor folder, changes meanwhile; or there are too many;
/// or the run is interrupted.
pub fn folder(top: &Path, how: &Hashing) -> Result<HashedFolder, HashingError> {
    folder_at(top, how, Moment::now())
}

/// As [`folder`], for a run that began at `began`.
fn folder_at(top: &Path, how: &Hashing, began: Moment) -> Result<HashedFolder, HashingError> {
    let seen = walk::files(top, &how.interrupted)?;
    let bytes = seen.iter().map(|seen| seen.stat.size()).sum();
    if bytes > MOST_BYTES {
        return Err(HashingError::TooLarge { bytes });
    }
    let memory = how.memory.as_ref().filter(|_| seen.len() >= WORTH_REMEMBERING || bytes >= WORTH_READING);
    let before = memory.map(|memory| Remembered::read(&memory.folder, top)).unwrap_or_default();
    let mut digests = before.digests(&seen);
    let unknown: Vec<usize> = (0..seen.len()).filter(|index| digests[*index].is_none()).collect();
    for (index, digest) in content::digests(top, &seen, &unknown, &how.interrupted)? {
        digests[index] = Some(digest);
    }
    let digests: Vec<[u8; 32]> = digests.into_iter().map(|one| one.expect("the rest has been hashed")).collect();
    if let Some(memory) = memory {
        before.replace(&memory.folder, top, (&seen, &digests, &unknown), began);
    }
    let file = |(seen, digest): (Seen, [u8; 32])| HashedFile {
        executable: seen.stat.is_executable(),
        path: seen.path,
        digest,
    };
    Ok(HashedFolder::new(seen.into_iter().zip(digests).map(file).collect()))
}

/// Hashes the file `path` alone, an absolute path without links, which `name` names.
///
/// # Errors
/// It cannot be read, is no file, changes meanwhile, or is too large; or the run is interrupted.
pub fn file(path: &Path, name: &str, how: &Hashing) -> Result<HashedFile, HashingError> {
    let stat = walk::stat(path).map_err(|cause| HashingError::Io { path: name.to_owned(), cause })?;
    if stat.size() > MOST_BYTES {
        return Err(HashingError::TooLarge { bytes: stat.size() });
    }
    let seen = Seen { path: name.to_owned(), stat };
    let digest = content::digest(path, &seen, &mut Vec::new(), &how.interrupted)?;
    Ok(HashedFile { executable: seen.stat.is_executable(), path: seen.path, digest })
}

#[cfg(test)]
mod tests;
