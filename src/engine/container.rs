//! Starts containers with the `docker` program.
//!
//! Decides who has the terminal: the container itself (`attached`), or nobody (`captured`). Leaves out which arguments there
//! are (`container.rs`).

#![expect(clippy::disallowed_methods, reason = "the engine is reached through programs")]

use std::io::{self, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The `docker` program cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `docker`: {0}")]
pub struct CannotStart(#[from] io::Error);

/// What became of a container that nobody watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit status, as the shell has it.
    pub status: u8,
    /// Everything that it said, in order.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs `docker` with `arguments` on the terminal of this process, and returns the exit status as the shell has it.
///
/// # Errors
/// When the program cannot be started.
pub fn attached(arguments: &[String]) -> Result<u8, CannotStart> {
    Ok(code(Command::new("docker").args(arguments).status()?))
}

/// Runs `docker` with `arguments` and `input`, and returns what it said.
///
/// # Errors
/// When the program cannot be started.
pub fn captured(arguments: &[String], input: &str) -> Result<Ran, CannotStart> {
    let since = Instant::now();
    let (mut read, write) = io::pipe()?;
    let mut child = {
        let mut command = Command::new("docker");
        command.args(arguments).stdin(Stdio::piped()).stdout(write.try_clone()?).stderr(write);
        command.spawn()?
    };
    if let (Some(mut stdin), input) = (child.stdin.take(), input.to_owned()) {
        thread::spawn(move || stdin.write_all(input.as_bytes())); // a script that ends early reads no more
    }
    let mut output = Vec::new();
    io::Read::read_to_end(&mut read, &mut output)?;
    let status = code(child.wait()?);
    Ok(Ran { status, output: String::from_utf8_lossy(&output).into_owned(), took: since.elapsed() })
}

/// A program that a signal has ended has no code of its own.
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
