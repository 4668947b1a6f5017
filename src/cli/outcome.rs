//! How a command ends: exit codes, and what is printed on the way out. stdout is data, stderr is talk.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use super::diagnostic::{self, Diagnostic};
use super::session::Session;
use crate::workspace::Trouble;

/// Something failed.
pub(super) const FAILED: u8 = 1;
/// The command line makes no sense.
pub(super) const USAGE: u8 = 2;
/// The lock is out of date.
pub(super) const DRIFT: u8 = 3;
/// Content is not what the lock says.
pub(super) const INTEGRITY: u8 = 4;
/// A remote or the engine cannot be reached.
pub(super) const UNREACHABLE: u8 = 5;

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub(super) struct Failed {
    code: u8,
    diagnostics: Vec<Diagnostic>,
    colour: bool,
}

impl Failed {
    /// Returns a failure with the exit code `code`.
    pub(super) fn new(code: u8, diagnostics: Vec<Diagnostic>) -> Self {
        Self { code, diagnostics, colour: false }
    }

    /// Returns a failure with one error.
    pub(super) fn one(code: u8, diagnostic: Diagnostic) -> Self {
        Self::new(code, vec![diagnostic])
    }

    /// Returns a failure of which everything has been said.
    pub(super) fn silent(code: u8) -> Self {
        Self::new(code, Vec::new())
    }

    /// Returns its exit code.
    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// Returns its errors, to be told with others.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Returns the failure as it looks in `session`.
    pub(super) fn on(self, session: &Session) -> Self {
        Self { colour: session.colour(), ..self }
    }

    /// Prints every error and returns the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let texts: Vec<String> = self.diagnostics.iter().map(|diagnostic| diagnostic.render(self.colour)).collect();
        say(&texts.join("\n"));
        ExitCode::from(self.code)
    }
}

impl From<Vec<Trouble>> for Failed {
    fn from(troubles: Vec<Trouble>) -> Self {
        let code = match () {
            () if troubles.iter().all(|trouble| trouble.conflict_marker().is_some()) => DRIFT,
            () if !troubles.iter().all(Trouble::is_absence) => FAILED,
            () if troubles.iter().any(|trouble| matches!(trouble, Trouble::Unlocked { .. })) => DRIFT,
            () => UNREACHABLE,
        };
        Self::new(code, diagnostic::first(&troubles, |trouble| trouble.into(), Diagnostic::error))
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        vec![trouble].into()
    }
}

/// Prints data.
///
/// # Errors
/// stdout cannot be written to. A reader that has gone away (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failed> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failed::one(FAILED, Diagnostic::error(format!("cannot write to stdout: {error}"))))
        }
        _ => Ok(()),
    }
}

/// Prints talk. Where nobody can read it, there is nobody to tell.
pub(super) fn say(text: &str) {
    _ = std::io::stderr().lock().write_all(text.as_bytes());
}
