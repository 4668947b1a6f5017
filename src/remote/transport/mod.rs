//! Talks to git servers: libgit2 first, the `git` program where it knows more, the same answers from both.
//!
//! Decides which of the two is used, what is tried again and how often, and what becomes a [`Failure`]. Leaves out what
//! is asked (`refs.rs`, `commit.rs`, `fetch/`).

mod beyond;
mod built_in;
mod patience;
mod program;
mod seen;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) use beyond::Beyond;
pub(crate) use program::{git_with_token, signal_group, silent_git};

use super::tokens::{self, Token};
use super::trouble::Trouble;
use super::url::{self, redacted};
use super::{Choice, Progress, Remotes};
use crate::resolve::{Failure, FailureKind, Transport};

/// A line of what a server advertises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// `HEAD`, or the full name; a peeled tag ends in `^{}`.
    pub(crate) name: String,
    /// The full object id.
    pub(crate) id: String,
    /// The ref that it points to, when it is a symbolic one.
    pub(crate) symref: Option<String>,
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// `+<what the server has>:<what it is called here>`.
    pub(crate) refspecs: Vec<String>,
    /// How much history.
    pub(crate) depth: Depth,
}

/// How much history comes with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The commit alone.
    One,
    /// All of it, also where an earlier fetch was shallow.
    All,
    /// All of its commits and none of their files, where server and transport can; else all of it. What is fetched so
    /// must not get into the store: git takes files for present whose commit is.
    Commits,
}

/// One repository to talk to, and with whom to keep in touch meanwhile.
pub(crate) struct Call<'a> {
    pub(crate) url: &'a str,
    /// The URL that is asked in the end: after the user's `insteadOf`, which may bring a credential and another scheme.
    asked: String,
    /// The URL without credentials.
    pub(crate) subject: String,
    pub(crate) remotes: &'a Remotes,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupted: &'a AtomicBool,
}

impl<'a> Call<'a> {
    /// Returns a call to `url`.
    ///
    /// # Errors
    /// When the URL is one that nobody may be asked for, or the network is forbidden.
    pub(crate) fn new(
        url: &'a str,
        remotes: &'a Remotes,
        progress: &'a dyn Progress,
        interrupted: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        built_in::set_timeout(remotes.settings().timeout);
        let call = Self { url, asked: asked(url), subject: redacted(url), remotes, progress, interrupted };
        let scheme = url::scheme(url).map_err(|bad| {
            call.failure(Trouble::new(FailureKind::Invalid, &format!("the URL {bad}"), ""), 0, Transport::Nobody)
        })?;
        if remotes.settings().offline && scheme != url::Scheme::Local {
            let trouble = Trouble::new(FailureKind::Offline, "the network is not to be used", "");
            return Err(call.failure(trouble, 0, Transport::Nobody));
        }
        Ok(call)
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    pub(crate) fn failure(&self, trouble: Trouble, retried: u32, transport: Transport) -> Failure {
        let Trouble { kind, message, .. } = trouble;
        Failure { kind, subject: self.subject.clone(), message: self.masked(message), retried, transport }
    }

    /// Returns how the repository is reached in the end; none when git will refuse it.
    fn scheme(&self) -> Option<url::Scheme> {
        url::scheme(&self.asked).ok()
    }

    /// Returns the token of a CI system that may be sent there.
    fn token(&self) -> Option<&Token> {
        tokens::for_url(self.remotes.tokens(), &self.asked)
    }

    /// Takes out of what a server or git said the secrets that this call knows of, wherever they stand.
    fn masked(&self, message: String) -> String {
        let token = self.token().map(|token| token.secret.as_str());
        let secrets = url::secrets(&self.asked).into_iter().chain(token);
        secrets.fold(message, |message, secret| message.replace(secret, "…"))
    }
}

/// Returns what `url` stands for in the user's configuration.
fn asked(url: &str) -> String {
    let remote = git2::Remote::create_detached(url).ok();
    remote.as_ref().and_then(|remote| remote.url().ok()).unwrap_or(url).to_owned()
}

/// Returns all that the server advertises, in its order.
///
/// # Errors
/// When no transport gets an answer.
pub(crate) fn list(call: &Call<'_>) -> Result<Vec<Advertised>, Failure> {
    through(call, |transport| match transport {
        Transport::Program => program::list(call),
        _ => built_in::list(call),
    })
}

/// Fetches into the bare repository `into`.
///
/// # Errors
/// When no transport succeeds; [`FailureKind::NoSuchCommit`] when the server does not hand out what was asked.
pub(crate) fn fetch(call: &Call<'_>, into: &Path, order: &Order) -> Result<(), Failure> {
    through(call, |transport| match transport {
        Transport::Program => program::fetch(call, into, order),
        _ => built_in::fetch(call, into, order),
    })
}

/// Fetches with the `git` program, which speaks protocol v2; nothing when it may not be used.
pub(crate) fn fetch_with_program(call: &Call<'_>, into: &Path, order: &Order) -> Option<Result<(), Failure>> {
    if call.remotes.settings().transport == Choice::Git2 {
        return None;
    }
    let fetched = retried(call, Transport::Program, &|_| program::fetch(call, into, order));
    match fetched {
        Err(failure) if failure.message.starts_with(program::MISSING) => None,
        other => Some(other),
    }
}

/// Tries with libgit2, then with the program, as the settings and the user's configuration want it.
fn through<T>(call: &Call<'_>, attempt: impl Fn(Transport) -> Result<T, Trouble>) -> Result<T, Failure> {
    match call.remotes.settings().transport {
        Choice::Program => return retried(call, Transport::Program, &attempt),
        Choice::Git2 => return retried(call, Transport::Git2, &attempt),
        Choice::Auto => {}
    }
    if let Some(reason) = call.remotes.beyond().reason(&call.asked) {
        match retried(call, Transport::Program, &attempt) {
            Err(failure) if failure.message.starts_with(program::MISSING) => {}
            other => {
                call.progress.on_note(&format!("`{}` is asked with the `git` program: {reason}", call.subject));
                return other;
            }
        }
    }
    match tried(call, Transport::Git2, &attempt) {
        Ok(value) => Ok(value),
        Err((trouble, retries)) => {
            // Only the program knows the hosts of `~/.ssh/config`.
            let alias = trouble.kind == FailureKind::Unreachable && call.scheme() == Some(url::Scheme::Ssh);
            let elsewhere = trouble.elsewhere || alias;
            let first = call.failure(trouble, retries, Transport::Git2);
            if elsewhere { instead(call, first, &attempt) } else { Err(first) }
        }
    }
}

/// Tries with the program after libgit2 has failed.
fn instead<T>(
    call: &Call<'_>,
    first: Failure,
    attempt: &impl Fn(Transport) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    let second = retried(call, Transport::Program, attempt);
    if second.is_ok() {
        call.progress.on_note(&format!("`{}` was asked with the `git` program: {}", call.subject, first.message));
    }
    second.map_err(|second| clearer(first, second))
}

/// Returns the failure that says more, when both transports failed.
fn clearer(first: Failure, second: Failure) -> Failure {
    let vague = second.message.starts_with(program::MISSING) || second.kind == FailureKind::Protocol;
    if vague { first } else { second }
}

fn retried<T>(
    call: &Call<'_>,
    transport: Transport,
    attempt: &impl Fn(Transport) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    tried(call, transport, attempt).map_err(|(trouble, retries)| call.failure(trouble, retries, transport))
}

/// Tries until it succeeds, fails for good, or has been repeated often enough. An error comes with the repetitions.
fn tried<T>(
    call: &Call<'_>,
    transport: Transport,
    attempt: &impl Fn(Transport) -> Result<T, Trouble>,
) -> Result<T, (Trouble, u32)> {
    again(call.remotes, call.interrupted, || attempt(transport))
}

/// Repeats `attempt` while its trouble is a passing one, waiting longer each time.
pub(crate) fn again<T>(
    remotes: &Remotes,
    interrupted: &AtomicBool,
    attempt: impl Fn() -> Result<T, Trouble>,
) -> Result<T, (Trouble, u32)> {
    let settings = remotes.settings();
    let mut retries = 0;
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Err((Trouble::cancelled(), retries));
        }
        match attempt() {
            Err(trouble) if trouble.passing && retries < settings.retries && !trouble.is_too_long() => {
                let backoff = settings.backoff * 2u32.saturating_pow(retries);
                pause(trouble.wait.unwrap_or(backoff), interrupted);
                retries += 1;
            }
            Err(_) if interrupted.load(Ordering::Relaxed) => return Err((Trouble::cancelled(), retries)),
            other => return other.map_err(|trouble| (trouble, retries)),
        }
    }
}

/// Waits, but not for somebody who has asked to stop.
pub(crate) fn pause(time: Duration, interrupted: &AtomicBool) {
    const STEP: Duration = Duration::from_millis(50);
    let mut left = time;
    while !left.is_zero() && !interrupted.load(Ordering::Relaxed) {
        let step = left.min(STEP);
        std::thread::sleep(step);
        left -= step;
    }
}
