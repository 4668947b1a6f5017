//! What an earlier run found: a file for each folder that says which file had which digest, by all that the system said
//! of it.
//!
//! Decides when that is believed: all of it must be the same now. A file that was changed within [`MARGIN`] before the
//! run, or after it began, is not remembered at all, because it could change once more without looking any different
//! (what git calls racy). A damaged file, or one of another folder, counts as absent; writing is best effort. The file is
//! named by a hash of the folder's path, so that no path of this machine is in it.
//!
//! ```text
//! 32 bytes   BLAKE3, derive-key mode, context CONTEXT, of the hash of the folder's path and of all that follows
//! entries    by path: u32 length of the path, the path, what the system said (`walk::Stat`), 32 bytes digest
//! ```

use std::cmp::Ordering;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::walk::{Seen, Stat};

const CONTEXT: &str = "deps remembered files v1";
/// The coarsest times are those of FAT: two seconds.
const MARGIN: i128 = 2_000_000_000;
/// So many folders are remembered; of more, those that were longest not written go.
const MOST_FOLDERS: usize = 64;
/// A larger file is none of ours.
const MOST_BYTES: u64 = 512 << 20;
const SUM: usize = 32;
const DIGEST: usize = 32;

/// A time of the system's clock, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) i128);

impl Moment {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0)))
    }

    /// Whether what changes a file from now on shows in its times.
    fn is_after(self, stat: &Stat) -> bool {
        stat.changes().into_iter().all(|changed| changed + MARGIN < self.0)
    }
}

/// What is remembered of a folder.
#[derive(Default)]
pub(super) struct Remembered {
    bytes: Vec<u8>,
}

/// One file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry<'a> {
    path: &'a [u8],
    stat: &'a [u8],
    digest: &'a [u8],
}

impl Remembered {
    /// Reads what `memory` has of the folder `top`.
    pub(super) fn read(memory: &Path, top: &Path) -> Self {
        let (path, name) = place(memory, top);
        let small = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MOST_BYTES);
        let bytes = if small { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let whole = bytes.split_at_checked(SUM).is_some_and(|(sum, body)| sum == self::sum(&name, body));
        if whole { Self { bytes } } else { Self::default() }
    }

    /// Returns the digests of those of `seen`, sorted by path, that are as they were.
    pub(super) fn digests(&self, seen: &[Seen]) -> Vec<Option<[u8; 32]>> {
        let mut entries = self.entries().peekable();
        let one = |seen: &Seen| {
            while entries.next_if(|entry| entry.path < seen.path.as_bytes()).is_some() {}
            let entry = entries.next_if(|entry| entry.path.cmp(seen.path.as_bytes()) == Ordering::Equal)?;
            (entry.stat == seen.stat.0).then(|| entry.digest.try_into().expect("a digest has 32 bytes"))
        };
        seen.iter().map(one).collect()
    }

    /// Remembers `seen` with their digests, of which those that `unknown` names are new, for a run that began at `began`;
    /// only when that is news.
    pub(super) fn replace(
        &self,
        memory: &Path,
        top: &Path,
        (seen, digests, unknown): (&[Seen], &[[u8; 32]], &[usize]),
        began: Moment,
    ) {
        if !unknown.iter().any(|index| began.is_after(&seen[*index].stat)) {
            return;
        }
        let mut bytes = vec![0; SUM];
        for (seen, digest) in seen.iter().zip(digests).filter(|(seen, _)| began.is_after(&seen.stat)) {
            let length = u32::try_from(seen.path.len()).expect("a path has less than 4 GB");
            bytes.extend(length.to_le_bytes());
            bytes.extend(seen.path.as_bytes());
            bytes.extend(seen.stat.0);
            bytes.extend(digest);
        }
        let (path, name) = place(memory, top);
        let sum = sum(&name, &bytes[SUM..]);
        bytes[..SUM].copy_from_slice(&sum);
        _ = write(&path, &bytes); // the next run reads the files again
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = self.bytes.get(SUM..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let (path, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            let (stat, after) = after.split_at_checked(Stat::BYTES)?;
            let (digest, after) = after.split_at_checked(DIGEST)?;
            rest = after;
            Some(Entry { path, stat, digest })
        })
    }
}

/// Where what is known of `top` is, and the hash of its path.
fn place(memory: &Path, top: &Path) -> (PathBuf, blake3::Hash) {
    let name = blake3::hash(top.as_os_str().as_bytes());
    (memory.join(&name.to_hex()[..32]), name)
}

fn sum(name: &blake3::Hash, body: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(name.as_bytes()).update(body);
    *hasher.finalize().as_bytes()
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().expect("it lies in the memory");
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    forget(folder)
}

/// Removes what is too much.
fn forget(folder: &Path) -> std::io::Result<()> {
    let dated = |entry: fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    let mut files: Vec<_> = fs::read_dir(folder)?.flatten().filter_map(dated).collect();
    files.sort();
    files.iter().take(files.len().saturating_sub(MOST_FOLDERS)).try_for_each(|(_, path)| fs::remove_file(path))
}
