//! Mercurial and Subversion, through the user's `hg` and `svn` programs.
//!
//! Decides what all calls of both have in common: which urls may be asked, no prompt, no hang, and what their messages
//! mean. The user's own configuration counts, for credentials; that of a repository does not. Leaves out their arguments
//! (`hg.rs`, `svn.rs`).

mod hg;
mod svn;

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use deps_lock::{Pin, System};

use super::Remotes;
use super::process::{self, End};
use super::transport::again;
use super::trouble::Trouble;
use super::url::{self, Scheme, redacted};
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::Store;

/// A Mercurial or Subversion repository to talk to.
pub(crate) struct Foreign<'a> {
    system: System,
    url: &'a str,
    remotes: &'a Remotes,
    interrupted: &'a AtomicBool,
}

impl<'a> Foreign<'a> {
    /// Returns the repository of `system` at `url`; a path is absolute.
    ///
    /// # Errors
    /// When the url is one that nobody may be asked for.
    pub(crate) fn new(
        system: System,
        url: &'a str,
        remotes: &'a Remotes,
        interrupted: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let foreign = Self { system, url, remotes, interrupted };
        url::system_scheme(url).map_err(|bad| {
            let trouble = Trouble::new(FailureKind::Invalid, &format!("the URL {bad}"), "");
            foreign.failure(trouble, 0, Transport::Nobody)
        })?;
        Ok(foreign)
    }

    /// Returns what `version` is now: a full changeset id, or the number of the last revision that changed the url.
    ///
    /// # Errors
    /// When there is no such revision, nobody answers, or the program is not installed.
    pub(crate) fn revision(&self, version: Option<&str>) -> Result<String, Failure> {
        self.online()?;
        self.trying(|| match self.system {
            System::Hg => hg::revision(self, version),
            System::Svn => svn::revision(self, version),
        })
    }

    /// Writes the files of the revision `pin` into the folder `into`, which does not exist yet.
    ///
    /// # Errors
    /// As [`Foreign::revision`], and when the disk refuses.
    pub(crate) fn export(&self, pin: &Pin, store: &Store, into: &Path) -> Result<(), Failure> {
        match pin {
            Pin::Hg(node) => hg::export(self, node, store, into),
            Pin::Svn(number) => {
                self.online()?;
                self.trying(|| svn::export(self, number, into))
            }
        }
    }

    fn online(&self) -> Result<(), Failure> {
        if self.remotes.settings().offline && url::system_scheme(self.url) != Ok(Scheme::Local) {
            let trouble = Trouble::new(FailureKind::Offline, "the network is not to be used", "");
            return Err(self.failure(trouble, 0, Transport::Nobody));
        }
        Ok(())
    }

    fn trying<T>(&self, attempt: impl Fn() -> Result<T, Trouble>) -> Result<T, Failure> {
        let done = again(self.remotes, self.interrupted, attempt);
        done.map_err(|(trouble, retries)| self.failure(trouble, retries, Transport::System))
    }

    fn failure(&self, trouble: Trouble, retried: u32, transport: Transport) -> Failure {
        let Trouble { kind, message, .. } = trouble;
        Failure { kind, subject: redacted(self.url), message, retried, transport }
    }

    /// Runs one of the two programs.
    fn run(&self, mut command: Command, patience: Duration) -> Result<Vec<u8>, Trouble> {
        // Outside of every repository, so that none's configuration leaks in.
        command.current_dir("/");
        process::run(command, patience, self.interrupted).map_err(|end| match end {
            End::NotStarted(error) if error.kind() == ErrorKind::NotFound => missing(self.system),
            End::NotStarted(error) => {
                let meaning = format!("the `{}` program cannot be started", self.system);
                Trouble::new(FailureKind::Local, &meaning, &error.to_string())
            }
            End::Interrupted => Trouble::cancelled(),
            End::Silent => Trouble::new(FailureKind::Timeout, "no answer in time", "").passing(),
            End::Failed(errors) => trouble(self.system, &errors),
        })
    }

    fn timeout(&self) -> Duration {
        self.remotes.settings().timeout
    }

    /// The ssh program as it is called where nobody can answer it.
    fn silent_ssh(&self) -> String {
        format!("ssh -o BatchMode=yes -o ConnectTimeout={}", self.timeout().as_secs().max(1))
    }
}

fn missing(system: System) -> Trouble {
    let package = match system {
        System::Hg => "mercurial",
        System::Svn => "subversion",
    };
    let meaning =
        format!("the `{system}` program is not installed; on Debian and Ubuntu it is in the package `{package}`");
    Trouble::new(FailureKind::MissingProgram, &meaning, "")
}

/// Text in an error message (lowercase), what it means, and whether it passes. The first that fits counts.
type Sign = (&'static [&'static str], FailureKind, &'static str, bool);

const SIGNS: [Sign; 9] = [
    (
        &["non-existent in revision", "e170000"],
        FailureKind::NoSuchCommit,
        "nothing stands at the url in that revision",
        false,
    ),
    (
        // A server filters what is secret or obsolete; where it is on this machine, `hidden` is said of the latter.
        &["unknown revision", "filtered revision", "hidden revision", "no such revision", "peg revision", "e205000"],
        FailureKind::NoSuchCommit,
        "there is no such revision",
        false,
    ),
    (
        &["authorization", "authentication", "permission denied (", "error 401", "error 403", "no more credentials"],
        FailureKind::Auth,
        "credentials are missing or not accepted",
        false,
    ),
    (
        &["certificate", "host key verification"],
        FailureKind::Tls,
        "the server's certificate or key is not trusted",
        false,
    ),
    (
        &["name or service not known", "could not resolve", "unknown host", "name resolution"],
        FailureKind::Unreachable,
        "the host is unknown",
        false,
    ),
    (
        &["connection refused", "no route to host", "network is unreachable"],
        FailureKind::Unreachable,
        "no connection",
        false,
    ),
    (&["timed out", "timeout"], FailureKind::Timeout, "no answer in time", true),
    (
        &["connection reset", "broken pipe", "error 5", "unexpectedly", "premature", "unexpected end"],
        FailureKind::Unreachable,
        "the connection was lost",
        true,
    ),
    (
        &[
            "not found",
            "non-existent",
            "doesn't exist",
            "does not exist",
            "no repository",
            "unable to open",
            "error 404",
            "not appear to be",
        ],
        FailureKind::NotFound,
        "there is no such repository, or it is hidden from you",
        false,
    ),
];

/// What the error output of a program means.
fn trouble(system: System, errors: &str) -> Trouble {
    let lowercase = errors.to_lowercase();
    let line = told(errors);
    match SIGNS.iter().find(|(signs, ..)| signs.iter().any(|sign| lowercase.contains(sign))) {
        Some((_, kind, meaning, passing)) => Trouble { passing: *passing, ..Trouble::new(*kind, meaning, line) },
        None => Trouble::new(FailureKind::Protocol, &format!("the `{system}` program failed"), line),
    }
}

/// Returns the line that says most: the first of `abort:` or `svn: E`, else the last one.
fn told(errors: &str) -> &str {
    let lines = || errors.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains(": Try 'svn help"));
    let marked = lines().find(|line| line.starts_with("abort: ") || line.starts_with("svn: "));
    let line = marked.or(lines().next_back()).unwrap_or_default();
    line.trim_start_matches("abort: ").trim_start_matches("svn: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_mean_what_was_measured() {
        for (errors, kind) in [
            ("abort: unknown revision 'nope'", FailureKind::NoSuchCommit),
            ("abort: repository /x not found", FailureKind::NotFound),
            (
                "abort: filtered revision 'c22d0c2ac5987dfbd26b073df632c8ff971634de' (not in 'served' subset)",
                FailureKind::NoSuchCommit,
            ),
            ("abort: hidden revision 'c22d0c2ac598' was pruned", FailureKind::NoSuchCommit),
            ("svn: E170000: URL 'file:///x/y' doesn't exist", FailureKind::NoSuchCommit),
            (
                "svn: E170013: Unable to connect to a repository at URL 'file:///x'\nsvn: E180001: Unable to open repository 'file:///x'",
                FailureKind::NotFound,
            ),
            ("abort: HTTP Error 404: Not Found", FailureKind::NotFound),
            ("abort: error: Connection refused", FailureKind::Unreachable),
            ("abort: error: Name or service not known", FailureKind::Unreachable),
            ("abort: http authorization required for http://h/", FailureKind::Auth),
            ("remote: Permission denied (publickey).\nabort: no suitable response from remote hg", FailureKind::Auth),
            ("svn: E160006: No such revision 99", FailureKind::NoSuchCommit),
            (
                "svn: warning: W170000: URL 'file:///x/y' non-existent in revision 3\n\nsvn: E200009: Could not display info",
                FailureKind::NoSuchCommit,
            ),
            (
                "svn: E170013: Unable to connect to a repository at URL 'svn://h'\nsvn: E000111: Can't connect to host 'h': Connection refused",
                FailureKind::Unreachable,
            ),
            ("svn: E230001: Server SSL certificate verification failed", FailureKind::Tls),
            ("svn: E215004: No more credentials or we tried too many times.", FailureKind::Auth),
            ("something else", FailureKind::Protocol),
        ] {
            let trouble = trouble(System::Hg, errors);
            assert_eq!(trouble.kind, kind, "{errors}");
        }
        let shown = trouble(System::Svn, "svn: E000111: https://me:hunter2@h: Connection refused\nx").message;
        assert_eq!(shown, "no connection (E000111: https://h: Connection refused)");
    }
}
