//! Where a bisection happens: a folder of its own with the record of what is known and the checkouts that are tested.
//!
//! Decides that the record is replaced in one step, and that the test's output is talk. Leaves out what is tested.

#![expect(clippy::disallowed_methods, reason = "a bench is a folder, and a test is a process")]

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::Verdicts;
use crate::resolve::Between;

/// What is known of a bisection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What it is between and what tests it, as it was typed.
    pub good: String,
    /// The same of the bad side.
    pub bad: String,
    /// The command.
    pub test: Vec<String>,
    /// A digest of both locks: verdicts count for these alone.
    pub locks: String,
    /// The verdicts so far.
    pub verdicts: Verdicts,
    /// The history of the culprit, once it was fetched.
    pub history: Option<Between>,
}

/// Why a bench cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The file system refuses.
    #[error("cannot {action} `{}`: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The test cannot be started.
    #[error("cannot start the test `{program}`: {cause}")]
    Test {
        /// Its program.
        program: String,
        /// Why.
        cause: io::Error,
    },
    /// There is no test.
    #[error("there is no test")]
    NoTest,
}

/// The folder of a bisection.
#[derive(Clone, Debug)]
pub struct Bench {
    folder: PathBuf,
}

impl Bench {
    /// Returns the bench in `folder`, which is made when something is written.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the folder that tests run in.
    pub fn workspace(&self) -> PathBuf {
        self.folder.join("workspace")
    }

    /// Returns what is known; none where nothing is, or where another version has written it.
    pub fn state(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(self.state_path()).ok()?).ok()
    }

    /// Writes down what is known.
    ///
    /// # Errors
    /// It cannot be written; what was there before stays then.
    pub fn keep(&self, state: &State) -> Result<(), BenchError> {
        let workspace = self.workspace();
        fs::create_dir_all(&workspace).map_err(failed("make", &workspace))?;
        let path = self.state_path();
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(&serde_json::to_vec(state).expect("a state is JSON"))?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(failed("write", &path))
    }

    /// Takes everything away; whether there was anything.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self) -> Result<bool, BenchError> {
        cleared(&self.folder)
    }

    /// Takes what is at `path`, below the folder `top` of the workspace, away, and the folders above it that are empty then.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn clear(&self, path: &Path, top: &Path) -> Result<(), BenchError> {
        debug_assert!(path.starts_with(self.workspace()), "nothing else is cleared");
        cleared(path)?;
        let above = path.ancestors().skip(1).take_while(|folder| *folder != top);
        // A folder with something in it stays, and so do those above it.
        above.map(fs::remove_dir).take_while(Result::is_ok).for_each(drop);
        Ok(())
    }

    /// Runs `test` in the workspace, and returns its exit status as the shell has it. `start` is what a path to its program
    /// is relative to.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, test: &[String], start: &Path) -> Result<u8, BenchError> {
        let (program, arguments) = test.split_first().ok_or(BenchError::NoTest)?;
        let place = if program.contains('/') { start.join(program) } else { PathBuf::from(program) };
        let workspace = self.workspace();
        let output = io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
        let mut command = Command::new(place);
        command.args(arguments).current_dir(&workspace).env("DEPS_BISECT_DIR", &workspace);
        let status = command.stdin(Stdio::null()).stdout(output).status();
        let status = status.map_err(|cause| BenchError::Test { program: program.clone(), cause })?;
        // A program that a signal has ended has no code of its own.
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("state.json")
    }
}

fn cleared(path: &Path) -> Result<bool, BenchError> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("remove", path)(error)),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BenchError {
    let path = path.to_owned();
    move |cause| BenchError::Io { action, path, cause }
}
