//! What git calls: a merge driver for locks, and a text to compare instead of a lock's.
//!
//! Decides what becomes of files that are no locks: they are merged as git itself merges text, so that nothing is lost. The
//! result replaces our side in one step, or the file stays as it was.

#![expect(clippy::disallowed_methods, reason = "git names the files that it wants merged")]

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use deps_lock::{Lock, Markers, merge};
use git2::{Config, MergeFileInput, MergeFileOptions, Repository};

use crate::workspace::{Trouble, rewrite};

/// The largest file that is merged; the format has a lower limit of its own.
const MOST: u64 = 64 << 20;

/// The files of a merge: git's `%O`, `%A` and `%B`.
#[derive(Clone, Debug)]
pub struct Files {
    /// What both sides began with; empty where they began with nothing.
    pub base: PathBuf,
    /// Our side, which becomes the result.
    pub ours: PathBuf,
    /// The other side.
    pub theirs: PathBuf,
}

/// How a merge ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is merged.
    Merged,
    /// What is between markers now, as phrases.
    Conflicts(Vec<String>),
    /// A file is no lock: all were merged as text.
    AsText(NotALock),
}

/// Why a file is no lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{side} is no lock: {problem}")]
pub struct NotALock {
    /// Which file: `the base`, `our side` or `their side`.
    pub side: &'static str,
    /// Its first problem.
    pub problem: String,
}

/// Why nothing could be merged; our side is untouched.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is larger than a lock can be.
    #[error("`{}` has more than {MOST} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The texts cannot be merged.
    #[error("cannot merge the texts: {message}")]
    Text {
        /// Why.
        message: String,
    },
    /// The result cannot be written.
    #[error(transparent)]
    Write(#[from] Trouble),
}

/// Merges `files` into our side, as far as that goes.
///
/// # Errors
/// A file cannot be read or written; our side is untouched then.
pub fn merge_files(files: &Files, markers: &Markers) -> Result<Outcome, DriverError> {
    let contents = [read(&files.base)?, read(&files.ours)?, read(&files.theirs)?];
    let (content, outcome) = match locks(&contents) {
        Ok([base, ours, theirs]) => {
            let merge = merge(&base, &ours, &theirs);
            let conflicts: Vec<String> = merge.conflicts().map(|conflict| conflict.place.to_string()).collect();
            let outcome = if conflicts.is_empty() { Outcome::Merged } else { Outcome::Conflicts(conflicts) };
            (merge.to_text(markers).into_bytes(), outcome)
        }
        Err(not) => (as_text(&contents, markers)?, Outcome::AsText(not)),
    };
    rewrite(&files.ours, &files.ours.to_string_lossy(), &content)?;
    Ok(outcome)
}

/// Returns whether the configuration of the clone around `folder`, or else the user's, wants conflicts to show the base.
pub fn base_is_shown(folder: &Path) -> bool {
    let of_clone = Repository::discover(folder).and_then(|repository| repository.config());
    let style =
        of_clone.or_else(|_| Config::open_default()).and_then(|config| config.get_string("merge.conflictStyle"));
    matches!(style.as_deref(), Ok("diff3" | "zdiff3"))
}

/// Returns the lock in `path` with one line an entry: its table, then its fields. What is no lock is returned as it is, as
/// far as it is text.
///
/// # Errors
/// It cannot be read.
pub fn one_line_an_entry(path: &Path) -> Result<String, DriverError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let Ok(lock) = Lock::parse(&text) else { return Ok(text) };
    let canonical = lock.to_string();
    let line = |block: &str| match block.split_once("]\n") {
        Some((table, fields)) if block.starts_with('[') => {
            format!("{table}] {}\n", fields.trim_end().replace('\n', ", "))
        }
        _ => format!("{}\n", block.trim_end()),
    };
    Ok(canonical.split("\n\n").map(line).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, DriverError> {
    let fail = |error| DriverError::Read { path: path.to_owned(), error };
    let mut content = Vec::new();
    File::open(path).map_err(fail)?.take(MOST + 1).read_to_end(&mut content).map_err(fail)?;
    match content.len() as u64 > MOST {
        true => Err(DriverError::TooLarge { path: path.to_owned() }),
        false => Ok(content),
    }
}

/// Returns the locks of base, ours and theirs. An empty base is what git gives where there was no file.
fn locks(contents: &[Vec<u8>; 3]) -> Result<[Lock; 3], NotALock> {
    let [base, ours, theirs] = contents;
    let base = if base.is_empty() { Lock::new() } else { lock("the base", base)? };
    Ok([base, lock("our side", ours)?, lock("their side", theirs)?])
}

fn lock(side: &'static str, content: &[u8]) -> Result<Lock, NotALock> {
    let text = str::from_utf8(content).map_err(|_| NotALock { side, problem: "it is not UTF-8 text".to_owned() })?;
    Lock::parse(text).map_err(|errors| {
        let problem = errors.first().map(ToString::to_string).unwrap_or_default();
        NotALock { side, problem }
    })
}

/// Returns what `git merge-file` would leave.
fn as_text(contents: &[Vec<u8>; 3], markers: &Markers) -> Result<Vec<u8>, DriverError> {
    let fail = |error: git2::Error| DriverError::Text { message: error.message().to_owned() };
    // git2 starts libgit2 for us everywhere but in `merge_file`.
    Config::new().map_err(fail)?;
    let mut options = MergeFileOptions::new();
    options.our_label(markers.ours.as_str()).their_label(markers.theirs.as_str());
    options.ancestor_label(markers.base.as_deref().unwrap_or("base"));
    options.style_diff3(markers.base.is_some()).marker_size(u16::try_from(markers.size).unwrap_or(7));
    let mut inputs = [MergeFileInput::new(), MergeFileInput::new(), MergeFileInput::new()];
    for (input, content) in inputs.iter_mut().zip(contents) {
        input.content(content);
    }
    let [base, ours, theirs] = inputs;
    let merged = git2::merge_file(&base, &ours, &theirs, Some(&mut options)).map_err(fail)?;
    Ok(merged.content().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(contents: [&[u8]; 3]) -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["base", "ours", "theirs"].map(|name| folder.path().join(name));
        for (path, content) in paths.iter().zip(contents) {
            std::fs::write(path, content).unwrap();
        }
        let [base, ours, theirs] = paths;
        (folder, Files { base, ours, theirs })
    }

    #[test]
    fn what_is_no_lock_is_merged_as_text() {
        let (_folder, files) = files([b"schema = 9\n", b"schema = 9\nx\xff\n", b"schema = 9\ny\n"]);
        let Outcome::AsText(not) = merge_files(&files, &Markers::default()).unwrap() else { panic!("no lock") };
        assert_eq!(
            not.to_string(),
            "the base is no lock: `schema` is 9, newer than 1, the newest that this version reads"
        );
        let expected = b"schema = 9\n<<<<<<< ours\nx\xff\n=======\ny\n>>>>>>> theirs\n";
        assert_eq!(std::fs::read(&files.ours).unwrap(), expected);
    }

    #[test]
    fn an_empty_base_is_none_and_an_empty_side_is_no_lock() {
        let (_folder, files) = files([b"", b"schema = 1\n", b"schema = 1\nx = 1\n"]);
        assert_eq!(merge_files(&files, &Markers::default()).unwrap(), Outcome::Merged);
        let merged = std::fs::read_to_string(&files.ours).unwrap();
        assert!(merged.ends_with("schema = 1\nx = 1\n"), "{merged}");
        std::fs::write(&files.theirs, "").unwrap();
        assert!(matches!(merge_files(&files, &Markers::default()).unwrap(), Outcome::AsText(_)));
    }

    #[test]
    fn a_file_that_is_missing_leaves_our_side_untouched() {
        let (_folder, files) = files([b"schema = 1\n", b"schema=1\n", b""]);
        std::fs::remove_file(&files.theirs).unwrap();
        assert!(matches!(merge_files(&files, &Markers::default()), Err(DriverError::Read { .. })));
        assert_eq!(std::fs::read(&files.ours).unwrap(), b"schema=1\n");
    }

    #[test]
    fn every_entry_is_a_line_with_all_that_it_says() {
        let text =
            format!("schema = 1\nx = 1\n[image.base]\nref = \"a]\"\ndigest = \"sha256:{0}\"\n[t]\n", "0".repeat(64));
        let (_folder, files) = files([b"", text.as_bytes(), b"<<<<<<<\n"]);
        let lines = one_line_an_entry(&files.ours).unwrap();
        let expected = format!("x = 1\n[image.\"base\"] ref = \"a]\", digest = \"sha256:{}\"\n[t] \n", "0".repeat(64));
        assert!(lines.ends_with(&expected), "{lines}");
        assert_eq!(one_line_an_entry(&files.theirs).unwrap(), "<<<<<<<\n");
    }
}
