//! What went wrong in one attempt, whatever the transport, and what follows from it: another try, another transport.
//!
//! Decides how libgit2's errors and the `git` program's messages map to [`FailureKind`]s. libgit2 gives HTTP statuses in
//! its text only, so the text is read here and nowhere else.

use std::io::ErrorKind;
use std::time::Duration;

use git2::{ErrorClass, ErrorCode};

use super::url::redacted;
use crate::resolve::FailureKind;

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: FailureKind,
    /// One line: what it means and the cause. Without credentials.
    pub(crate) message: String,
    /// Whether the same attempt may well succeed a moment later.
    pub(crate) passing: bool,
    /// Whether the `git` program may know what libgit2 does not.
    pub(crate) elsewhere: bool,
    /// How long the server asks to wait before the next attempt.
    pub(crate) wait: Option<Duration>,
}

impl Trouble {
    /// Returns a trouble of `kind` that neither time nor another transport cures.
    pub(crate) fn new(kind: FailureKind, meaning: &str, cause: &str) -> Self {
        let cause = redacted(first_line(cause));
        let message = if cause.is_empty() { meaning.to_owned() } else { format!("{meaning} ({cause})") };
        Self { kind, message, passing: false, elsewhere: false, wait: None }
    }

    pub(crate) fn passing(mut self) -> Self {
        self.passing = true;
        self
    }

    pub(crate) fn elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    /// Adds that the server asks to `wait`, where that is what keeps it from answering.
    pub(crate) fn waiting(mut self, wait: Option<Duration>) -> Self {
        if let (true, FailureKind::Refused, Some(wait)) = (self.passing, self.kind, wait) {
            self.wait = Some(wait);
            self.message = format!("{}, asking to wait {} s", self.message, wait.as_secs());
        }
        self
    }

    /// Whether the server asks for more time than anybody waits in front of a terminal.
    pub(crate) fn is_too_long(&self) -> bool {
        self.wait.is_some_and(|wait| wait > LONGEST_WAIT)
    }

    /// The user interrupted the run.
    pub(crate) fn cancelled() -> Self {
        Self::new(FailureKind::Cancelled, "interrupted", "")
    }

    /// What an HTTP status other than success means. `401` after credentials were tried.
    pub(crate) fn status(status: u16) -> Self {
        let cause = format!("HTTP {status}");
        match status {
            401 | 407 => Self::new(FailureKind::Auth, AUTH, &cause).elsewhere(),
            403 => Self::new(FailureKind::Auth, "access is denied", &cause).elsewhere(),
            404 | 410 => Self::new(FailureKind::NotFound, NOT_FOUND, &cause),
            429 => Self::new(FailureKind::Refused, "the server asks for fewer requests", &cause).passing(),
            408 | 500..=599 => Self::new(FailureKind::Refused, "the server declines", &cause).passing(),
            _ => Self::new(FailureKind::Protocol, STRANGE, &cause).elsewhere(),
        }
    }

    /// What an error of an HTTP request to `whom` means: a registry, a file server.
    pub(crate) fn http(error: &ureq::Error, whom: &str) -> Self {
        let text = error.to_string();
        let new = |kind, meaning: &str| Self::new(kind, meaning, &text);
        match error {
            ureq::Error::Timeout(_) => new(FailureKind::Timeout, SLOW).passing(),
            ureq::Error::HostNotFound => new(FailureKind::Unreachable, UNKNOWN_HOST),
            ureq::Error::Io(cause) => match cause.kind() {
                ErrorKind::ConnectionRefused => new(FailureKind::Unreachable, NO_CONNECTION),
                ErrorKind::InvalidData => new(FailureKind::Tls, UNTRUSTED),
                ErrorKind::TimedOut => new(FailureKind::Timeout, SLOW).passing(),
                _ => new(FailureKind::Unreachable, LOST).passing(),
            },
            ureq::Error::ConnectionFailed => new(FailureKind::Unreachable, NO_CONNECTION),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => new(FailureKind::Tls, UNTRUSTED),
            ureq::Error::RequireHttpsOnly(_) => new(FailureKind::Refused, DOWNGRADE),
            ureq::Error::TooManyRedirects => new(FailureKind::Refused, "the server redirects without an end"),
            _ => new(FailureKind::Protocol, &format!("this is not the answer of a {whom}")),
        }
    }

    /// What an error of libgit2 means.
    pub(crate) fn git2(error: &git2::Error) -> Self {
        let text = error.message();
        if let Some(status) = status_in(text) {
            return Self::status(status);
        }
        by_code(error, text).unwrap_or_else(|| by_text(text, true))
    }

    /// What the error output of the `git` program means.
    pub(crate) fn program(errors: &str) -> Self {
        let text = lines_of(errors).find(|line| is_local(line)).map_or_else(|| told(errors), str::to_owned);
        let status =
            errors.split("returned error: ").nth(1).and_then(|after| after.get(..3)).and_then(|s| s.parse().ok());
        let mut trouble = match status {
            Some(status) => Self::status(status),
            None => by_text(&errors.replace('\n', " "), false),
        };
        if status.is_none() {
            trouble.message = Self::new(trouble.kind, meaning(&trouble.message), &text).message;
        }
        trouble.elsewhere = false;
        trouble
    }
}

/// A server that asks to wait longer is not asked again in this run.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What it means that a server does not know an id that it was asked for.
pub(crate) const UNKNOWN_ID: &str = "the server has no such commit";

const AUTH: &str = "credentials are missing or not accepted";
const NOT_FOUND: &str = "there is no such repository, or it is hidden from you";
const STRANGE: &str = "this is not the answer of a git server";
/// What it means that a server leads from https to plain http.
pub(crate) const DOWNGRADE: &str = "the server leads from https to plain http";

const SLOW: &str = "no answer in time";
const UNKNOWN_HOST: &str = "the host is unknown";
const LOST: &str = "the connection was lost";
const NO_CONNECTION: &str = "no connection";
const UNTRUSTED: &str = "the server's certificate is not trusted";

/// Text in an error message (lowercase), what it means, and whether it passes.
type Sign = (&'static [&'static str], FailureKind, &'static str, bool);

/// The first sign that fits counts, so the particular ones stand first.
const SIGNS: &[Sign] = &[
    (&["not our ref"], FailureKind::NoSuchCommit, UNKNOWN_ID, false),
    (
        &["unadvertised object", "specific object", "couldn't find remote ref", "unexpected packet type"],
        FailureKind::NoSuchCommit,
        "the server hands out no such commit",
        false,
    ),
    (&["too many redirects", "redirects followed"], FailureKind::Refused, "the server redirects in a circle", false),
    (
        &["no space left", "file too large", "read-only file system", "disk quota"],
        FailureKind::Local,
        "this machine cannot write what was received",
        false,
    ),
    (
        &["host identification has changed"],
        FailureKind::HostKey,
        "the server's host key is not the known one: somebody may stand between",
        false,
    ),
    (
        &["host key verification failed", "hostkey"],
        FailureKind::HostKey,
        "the server's host key is not a known one",
        false,
    ),
    (&["certificate", "ssl error", "ssl routines"], FailureKind::Tls, UNTRUSTED, false),
    (
        &[
            "could not read username",
            "could not read password",
            "authentication",
            "permission denied (",
            "credentials",
            "access denied",
        ],
        FailureKind::Auth,
        AUTH,
        false,
    ),
    (&["timed out", "timeout", "operation too slow"], FailureKind::Timeout, SLOW, true),
    (
        &["failed to resolve address", "could not resolve host", "name or service not known"],
        FailureKind::Unreachable,
        UNKNOWN_HOST,
        false,
    ),
    (&["connection reset", "broken pipe"], FailureKind::Unreachable, LOST, true),
    (
        &["connection refused", "failed to connect", "couldn't connect", "no route to host", "network is unreachable"],
        FailureKind::Unreachable,
        NO_CONNECTION,
        false,
    ),
    (
        &[
            "unexpected eof",
            "eof state",
            "early eof",
            "empty reply",
            "hung up",
            "unexpected disconnect",
            "rpc failed",
            "socket is closed",
            "connection was closed",
            "transfer closed",
        ],
        FailureKind::Unreachable,
        LOST,
        true,
    ),
    (
        &[
            "not found",
            "does not exist",
            "does not appear to be a git repository",
            "not a git repository",
            "no such file",
            "could not find repository",
            "not exported",
        ],
        FailureKind::NotFound,
        NOT_FOUND,
        false,
    ),
    (&["remote error: "], FailureKind::Refused, "the server declines", false),
    (
        &["zlib", "inflate", "pack", "index", "hash mismatch", "corrupt"],
        FailureKind::Protocol,
        "the answer is damaged",
        true,
    ),
];

fn by_text(text: &str, elsewhere: bool) -> Trouble {
    let lowercase = text.to_lowercase();
    let sign = SIGNS.iter().find(|(texts, ..)| texts.iter().any(|sign| lowercase.contains(sign)));
    let (kind, meaning, passing) =
        sign.map_or((FailureKind::Protocol, STRANGE, false), |sign| (sign.1, sign.2, sign.3));
    let cured = matches!(kind, FailureKind::Auth | FailureKind::Tls | FailureKind::HostKey | FailureKind::Protocol);
    Trouble { passing, elsewhere: elsewhere && cured, ..Trouble::new(kind, meaning, text) }
}

/// What libgit2's code and class say on their own.
fn by_code(error: &git2::Error, text: &str) -> Option<Trouble> {
    match (error.code(), error.class()) {
        (ErrorCode::User, _) => Some(Trouble::cancelled()),
        (ErrorCode::Timeout, _) => Some(Trouble::new(FailureKind::Timeout, SLOW, text).passing()),
        (ErrorCode::Auth, _) => Some(Trouble::new(FailureKind::Auth, AUTH, text).elsewhere()),
        // Aliases, jump hosts and agents of `~/.ssh/config` are the program's business.
        (_, ErrorClass::Ssh) => Some(by_text(text, true).elsewhere()),
        (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => {
            Some(Trouble::new(FailureKind::Tls, UNTRUSTED, text).elsewhere())
        }
        (ErrorCode::Eof, _) => Some(Trouble::new(FailureKind::Unreachable, LOST, text).passing()),
        (_, ErrorClass::Zlib) => Some(Trouble::new(FailureKind::Protocol, "the answer is damaged", text).passing()),
        _ => None,
    }
}

/// Reads the number in `unexpected http status code: 503`.
fn status_in(text: &str) -> Option<u16> {
    text.split_once("status code: ")?.1.trim().get(..3)?.parse().ok()
}

fn lines_of(errors: &str) -> impl Iterator<Item = &str> {
    errors.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Whether a line says what this machine lacks: git goes on to say what follows from it.
fn is_local(line: &str) -> bool {
    let line = line.to_lowercase();
    SIGNS.iter().any(|(signs, kind, ..)| *kind == FailureKind::Local && signs.iter().any(|sign| line.contains(sign)))
}

/// Returns the line of git's error output that says most: the last `fatal:` or `ERROR:`, else the last one. Where git
/// only says that ssh has failed, what ssh said stands before it.
fn told(errors: &str) -> String {
    let lines: Vec<&str> = lines_of(errors).collect();
    let marked = lines.iter().rposition(|line| line.starts_with("fatal: ") || line.starts_with("ERROR: "));
    let at = match marked {
        Some(at) if at > 0 && lines[at].contains("Could not read from remote repository") => Some(at - 1),
        other => other,
    };
    let line = at.map(|at| lines[at]).or(lines.last().copied()).unwrap_or_default();
    line.trim_start_matches("fatal: ").trim_start_matches("ERROR: ").to_owned()
}

/// Returns a message without the cause in brackets.
fn meaning(message: &str) -> &str {
    message.split_once(" (").map_or(message, |(meaning, _)| meaning)
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libgit2(code: ErrorCode, class: ErrorClass, text: &str) -> Trouble {
        Trouble::git2(&git2::Error::new(code, class, text))
    }

    #[test]
    fn errors_of_libgit2_mean_what_was_measured() {
        use ErrorClass::{Callback, Http, Net, Os, Ssh, Ssl, Zlib};
        use ErrorCode::{Auth, Certificate, GenericError, Timeout, User};
        for (code, class, text, kind, passing, elsewhere) in [
            (GenericError, Http, "unexpected http status code: 503", FailureKind::Refused, true, false),
            (GenericError, Http, "unexpected http status code: 404", FailureKind::NotFound, false, false),
            (GenericError, Http, "unexpected http status code: 403", FailureKind::Auth, false, true),
            (Auth, Http, "remote authentication required but no callback set", FailureKind::Auth, false, true),
            (GenericError, Callback, "all authentication attempts failed", FailureKind::Auth, false, true),
            (GenericError, Http, "unexpected EOF", FailureKind::Unreachable, true, false),
            (
                GenericError,
                Http,
                "http parser did not consume entire buffer: Invalid EOF state",
                FailureKind::Unreachable,
                true,
                false,
            ),
            (GenericError, Zlib, "error inflating", FailureKind::Protocol, true, false),
            (GenericError, Http, "invalid content-type: 'text/html'", FailureKind::Protocol, false, true),
            (GenericError, Net, "unexpected packet type", FailureKind::NoSuchCommit, false, false),
            (Timeout, Net, "could not read from socket: timed out", FailureKind::Timeout, true, false),
            (User, Callback, "", FailureKind::Cancelled, false, false),
            (
                GenericError,
                Os,
                "failed to connect to 127.0.0.1: Connection refused",
                FailureKind::Unreachable,
                false,
                false,
            ),
            (GenericError, Ssl, "SSL error: unknown error", FailureKind::Tls, false, true),
            (Certificate, Ssh, "invalid or unknown remote ssh hostkey", FailureKind::HostKey, false, true),
            (GenericError, Ssh, "failed to connect: x", FailureKind::Unreachable, false, true),
        ] {
            let trouble = libgit2(code, class, text);
            assert_eq!((trouble.kind, trouble.passing, trouble.elsewhere), (kind, passing, elsewhere), "{text}");
        }
    }

    #[test]
    fn messages_of_the_git_program_mean_the_same() {
        for (errors, kind) in [
            ("fatal: unable to access 'http://h/': The requested URL returned error: 503", FailureKind::Refused),
            ("remote: x\nfatal: repository 'http://h/x/' not found", FailureKind::NotFound),
            ("fatal: could not read Username for 'http://h': terminal prompts disabled", FailureKind::Auth),
            ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", FailureKind::Auth),
            ("fatal: unable to access 'http://h/': Could not resolve host: h", FailureKind::Unreachable),
            ("fatal: unable to access 'http://h/': Failed to connect to h port 1", FailureKind::Unreachable),
            ("fatal: remote error: upload-pack: not our ref 00", FailureKind::NoSuchCommit),
            ("error: Server does not allow request for unadvertised object 00", FailureKind::NoSuchCommit),
            ("Host key verification failed.\nfatal: Could not read", FailureKind::HostKey),
            ("fatal: SSL certificate problem: self-signed certificate", FailureKind::Tls),
        ] {
            assert_eq!(Trouble::program(errors).kind, kind, "{errors}");
        }
    }

    #[test]
    fn the_cause_is_one_line_without_credentials() {
        let trouble =
            Trouble::program("hint: x\nfatal: unable to access 'https://me:secret@h/x/': Could not resolve host: h\n");
        assert_eq!(trouble.message, "the host is unknown (unable to access 'https://h/x/': Could not resolve host: h)");
    }
}
