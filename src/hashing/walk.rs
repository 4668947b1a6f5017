//! Which files a folder has, and what the system says of each: folders, and parts of large ones, are read side by side.
//!
//! Decides the order: by the bytes of the path. Which problem is told does not depend on the threads either.

use std::fs::{DirEntry, Metadata, ReadDir};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::{io, mem};

use super::{HashingError, MOST_FILES};
use crate::threads;

/// So many entries of one folder are one piece of work.
const PART: usize = 512;

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its path below the folder, `/` between its parts.
    pub(super) path: String,
    /// What the system says of it.
    pub(super) stat: Stat,
}

/// What the system says of a file, as far as a change of its content shows there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat(pub(super) [u8; Stat::BYTES]);

impl Stat {
    /// Device, inode, size, seconds and nanoseconds of mtime and ctime, mode: little-endian.
    pub(super) const BYTES: usize = 60;

    pub(super) fn of(metadata: &Metadata) -> Self {
        let mut bytes = [0; Self::BYTES];
        let numbers = [metadata.dev(), metadata.ino(), metadata.size()].map(u64::to_le_bytes);
        let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
        let words = numbers.into_iter().chain(times.map(i64::to_le_bytes));
        bytes.chunks_exact_mut(8).zip(words).for_each(|(place, word)| place.copy_from_slice(&word));
        bytes[56..].copy_from_slice(&metadata.mode().to_le_bytes());
        Self(bytes)
    }

    /// The size in bytes.
    pub(super) fn size(&self) -> u64 {
        u64::from_le_bytes(self.word(2))
    }

    /// When the content, and when anything, was last changed, in nanoseconds since 1970.
    pub(super) fn changes(&self) -> [i128; 2] {
        let time = |at| i128::from(i64::from_le_bytes(self.word(at)));
        [3, 5].map(|at| time(at) * 1_000_000_000 + time(at + 1))
    }

    /// Whether its owner may execute it.
    pub(super) fn is_executable(&self) -> bool {
        self.0[56] & 0o100 != 0
    }

    fn word(&self, at: usize) -> [u8; 8] {
        self.0[at * 8..][..8].try_into().expect("a word has 8 bytes")
    }
}

/// Asks the system about the file `path`.
pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_file() { Ok(Stat::of(&metadata)) } else { Err(io::Error::other("it is no file")) }
}

/// Returns all files below `top`, sorted by path.
///
/// # Errors
/// The first problem by path; or `interrupted` became true.
pub(super) fn files(top: &Path, interrupted: &AtomicBool) -> Result<Vec<Seen>, HashingError> {
    let queue = Queue::new(Work::Folder(String::new()));
    let listed = std::thread::scope(|scope| {
        let count = threads::count(MOST_FILES, 1);
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| Listing::of(top, &queue, interrupted))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a listing does not panic")).collect::<Vec<_>>()
    });
    if interrupted.load(Ordering::Relaxed) {
        return Err(HashingError::Interrupted);
    }
    let (mut seen, mut problems) = (Vec::new(), Vec::new());
    for mut listing in listed {
        seen.append(&mut listing.seen);
        problems.append(&mut listing.problems);
    }
    problems.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some((_, problem)) = problems.into_iter().next() {
        return Err(problem);
    }
    if seen.len() > MOST_FILES {
        return Err(HashingError::TooMany);
    }
    seen.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(seen)
}

/// What is still to be looked at.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    open: Vec<Work>,
    /// How many threads may still bring more.
    busy: usize,
}

/// One piece of work.
enum Work {
    /// A folder, by its path and a `/`; empty for the top.
    Folder(String),
    /// Some entries of a folder.
    Entries(String, Vec<DirEntry>),
}

impl Queue {
    fn new(first: Work) -> Self {
        Self { state: Mutex::new(State { open: vec![first], busy: 0 }), changed: Condvar::new() }
    }

    /// Returns the next piece of work; none when there will be no more.
    fn next(&self) -> Option<Work> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(work) = state.open.pop() {
                state.busy += 1;
                return Some(work);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, work: Work) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open.push(work);
        self.changed.notify_one();
    }

    /// Says that a piece of work has brought all that it will.
    fn done(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy -= 1;
        if state.busy == 0 {
            self.changed.notify_all();
        }
    }
}

/// What one thread has found.
struct Listing<'a> {
    top: &'a Path,
    queue: &'a Queue,
    seen: Vec<Seen>,
    problems: Vec<(String, HashingError)>,
}

impl<'a> Listing<'a> {
    fn of(top: &'a Path, queue: &'a Queue, interrupted: &AtomicBool) -> Self {
        let mut listing = Self { top, queue, seen: Vec::new(), problems: Vec::new() };
        while let Some(work) = queue.next() {
            match work {
                // The number of files is checked in the end; this is so that nobody waits for it for ever.
                _ if listing.seen.len() > MOST_FILES || interrupted.load(Ordering::Relaxed) => {}
                Work::Folder(path) => match listing.top.join(&path).read_dir() {
                    Ok(entries) => listing.folder(&path, entries),
                    Err(cause) => listing.fail(path.trim_end_matches('/').to_owned(), cause),
                },
                Work::Entries(path, entries) => entries.iter().for_each(|entry| listing.entry(&path, entry)),
            }
            queue.done();
        }
        listing
    }

    fn folder(&mut self, path: &str, entries: ReadDir) {
        let mut part = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => part.push(entry),
                Err(cause) => self.fail(path.trim_end_matches('/').to_owned(), cause),
            }
            if part.len() == PART {
                self.queue.add(Work::Entries(path.to_owned(), mem::take(&mut part)));
            }
        }
        part.iter().for_each(|entry| self.entry(path, entry));
    }

    fn entry(&mut self, folder: &str, entry: &DirEntry) {
        let name = entry.file_name();
        let path = format!("{folder}{}", String::from_utf8_lossy(name.as_bytes()));
        if name.to_str().is_none() {
            return self.problems.push((path.clone(), HashingError::NotUtf8 { path }));
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => self.queue.add(Work::Folder(format!("{path}/"))),
            Ok(kind) if kind.is_file() => match entry.metadata() {
                Ok(metadata) => self.seen.push(Seen { path, stat: Stat::of(&metadata) }),
                Err(cause) => self.fail(path, cause),
            },
            Ok(_) => self.problems.push((path.clone(), HashingError::Kind { path })),
            Err(cause) => self.fail(path, cause),
        }
    }

    fn fail(&mut self, path: String, cause: io::Error) {
        self.problems.push((path.clone(), HashingError::Io { path, cause }));
    }
}
