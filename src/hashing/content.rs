//! Reads files, to hash them and to copy them: small ones in one go, into a buffer that is used again.
//!
//! Decides that what is read must be the file that was seen: nobody puts a link or another file in its place meanwhile.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::HashingError;
use super::walk::{Seen, Stat};
use crate::threads;

/// So many files a thread takes at once.
const PART: usize = 32;
/// So much of a file is read at once.
const BUFFER: usize = 256 << 10;

/// Returns the digests of those of `seen` that `which` names, by their numbers, in no particular order.
///
/// # Errors
/// The first problem by path; or `interrupted` became true.
pub(super) fn digests(
    top: &Path,
    seen: &[Seen],
    which: &[usize],
    interrupted: &AtomicBool,
) -> Result<Vec<(usize, [u8; 32])>, HashingError> {
    let next = AtomicUsize::new(0);
    let thread = || {
        let (mut found, mut buffer) = (Vec::new(), Vec::new());
        while let Some(part) = which.chunks(PART).nth(next.fetch_add(1, Ordering::Relaxed)) {
            let one = |index: &usize| {
                let seen = &seen[*index];
                (*index, digest(&top.join(&seen.path), seen, &mut buffer, interrupted))
            };
            found.extend(part.iter().map(one));
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
        found
    };
    let mut all = match threads::count(which.len(), PART) {
        1 => thread(),
        count => std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("hashing does not panic")).collect()
        }),
    };
    if interrupted.load(Ordering::Relaxed) {
        return Err(HashingError::Interrupted);
    }
    if all.iter().any(|(_, digest)| digest.is_err()) {
        all.sort_unstable_by_key(|(index, _)| *index); // they are sorted by path
    }
    all.into_iter().map(|(index, digest)| Ok((index, digest?))).collect()
}

/// Returns the BLAKE3 digest of the file `path`, which must be the one that was `seen`, unless `interrupted` becomes true.
pub(super) fn digest(
    path: &Path,
    seen: &Seen,
    buffer: &mut Vec<u8>,
    interrupted: &AtomicBool,
) -> Result<[u8; 32], HashingError> {
    let failed = |cause| HashingError::Io { path: seen.path.clone(), cause };
    let changes = || HashingError::Changes { path: seen.path.clone() };
    let mut file = File::open(path).map_err(failed)?;
    if Stat::of(&file.metadata().map_err(failed)?) != seen.stat {
        return Err(changes());
    }
    buffer.resize(BUFFER, 0);
    let (mut hasher, mut left) = (blake3::Hasher::new(), seen.stat.size());
    // A file that ends where it should is not asked once more whether it does.
    while left > 0 {
        if interrupted.load(Ordering::Relaxed) {
            return Err(HashingError::Interrupted);
        }
        let count = file.read(buffer).map_err(failed)?;
        if count == 0 || count as u64 > left {
            return Err(changes());
        }
        hasher.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Copies the file `from` and returns the BLAKE3 digest of what was copied.
///
/// # Errors
/// Reading or writing fails; or `interrupted` becomes true.
pub fn copy(from: &Path, to: &mut dyn Write, interrupted: &AtomicBool) -> io::Result<[u8; 32]> {
    let mut file = File::open(from)?;
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; BUFFER]);
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        match file.read(&mut buffer)? {
            0 => return Ok(*hasher.finalize().as_bytes()),
            count => {
                hasher.update(&buffer[..count]);
                to.write_all(&buffer[..count])?;
            }
        }
    }
}
