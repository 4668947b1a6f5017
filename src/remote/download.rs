//! Downloads archives and other files into the store, over http and https, and from this machine.
//!
//! Decides what is no archive and no file (a login page), how large one may be (4 GiB), which redirects are followed (ten, never from
//! https to http), and that credentials, which come from the user's netrc, go to one host only. Proxies come from the
//! environment, certificates from the platform. A mirror is asked in place of the URL. Leaves out what is in an archive (`store/`).

#![expect(clippy::disallowed_methods, reason = "files of this machine are downloaded by reading them")]

use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, ResponseExt as _};

use super::transport::{again, pause};
use super::trouble::{DOWNGRADE, Trouble};
use super::url::{self, Scheme, is_loopback, redacted};
use super::{Progress, Remotes, Transfer, netrc, registry};
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::{Form, HEAD, Incoming, Store, StoreError};

/// The largest archive, in bytes.
const LARGEST: u64 = 4 << 30;

/// The longest time that a server's `Retry-After` is respected.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 10;

/// How often a download is looked after while nothing comes.
const LOOK: Duration = Duration::from_millis(50);

/// A file to download, and with whom to keep in touch meanwhile.
pub(crate) struct Download<'a> {
    pub(crate) url: &'a str,
    pub(crate) store: &'a Store,
    pub(crate) remotes: &'a Remotes,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupted: &'a AtomicBool,
}

/// What is taken for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected<'a> {
    /// Any archive.
    Archive,
    /// Anything but a web page in the place of something else.
    File,
    /// What has this SHA-256.
    Content(&'a str),
}

/// A part of a file, or how it ends.
enum Piece {
    Bytes(Vec<u8>),
    End,
    /// With what the server's `Retry-After` says.
    Failed(Trouble, Option<Duration>),
}

impl Download<'_> {
    /// Returns SHA-256 of the file, 64 hexadecimal digits. It is in the store then, if that is what was `expected`.
    ///
    /// # Errors
    /// When there is no such file, it is not what was expected or too large, nobody answers, or the network is forbidden.
    pub(crate) fn file(&self, expected: Expected<'_>) -> Result<String, Failure> {
        let asked = self.remotes.settings().mirrors.of(self.url).unwrap_or_else(|| self.url.to_owned());
        let scheme = url::archive_scheme(&asked).map_err(|bad| {
            let trouble = Trouble::new(FailureKind::Invalid, &format!("the URL {bad}"), "");
            self.failure(trouble, 0, Transport::Nobody)
        })?;
        if scheme == Scheme::Local {
            let copied = self.copied(&asked, expected);
            return copied.map_err(|trouble| self.failure(trouble, 0, Transport::Nobody));
        }
        if self.remotes.settings().offline {
            let trouble = Trouble::new(FailureKind::Offline, "the network is not to be used", "");
            return Err(self.failure(trouble, 0, Transport::Nobody));
        }
        let downloaded = again(self.remotes, self.interrupted, || self.downloaded(&asked, expected));
        downloaded.map_err(|(trouble, retries)| self.failure(trouble, retries, Transport::Http))
    }

    fn failure(&self, trouble: Trouble, retried: u32, transport: Transport) -> Failure {
        let Trouble { kind, mut message, .. } = trouble;
        if transport != Transport::Nobody || kind == FailureKind::NotFound {
            message.extend(self.remotes.mirror_in_words(self.url));
        }
        Failure { kind, subject: redacted(self.url), message, retried, transport }
    }

    fn copied(&self, asked: &str, expected: Expected<'_>) -> Result<String, Trouble> {
        let path = asked.strip_prefix("file://").unwrap_or(asked);
        let mut file = File::open(path)
            .map_err(|error| Trouble::new(FailureKind::NotFound, "the file cannot be read", &error.to_string()))?;
        let mut arrival = Arrival::new(self)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = file.read(&mut buffer);
            let length = length
                .map_err(|error| Trouble::new(FailureKind::Local, "the file cannot be read", &error.to_string()))?;
            match length {
                0 => return arrival.end(expected),
                _ if self.interrupted.load(Ordering::Relaxed) => return Err(Trouble::cancelled()),
                length => arrival.add(&buffer[..length])?,
            }
        }
    }

    fn downloaded(&self, asked: &str, expected: Expected<'_>) -> Result<String, Trouble> {
        let mut arrival = Arrival::new(self)?;
        let pieces = pieces(asked.to_owned(), self.remotes.settings().timeout);
        loop {
            match pieces.recv_timeout(LOOK) {
                _ if self.interrupted.load(Ordering::Relaxed) => return Err(Trouble::cancelled()),
                Ok(Piece::Bytes(bytes)) => arrival.add(&bytes)?,
                Ok(Piece::End) => return arrival.end(expected),
                Ok(Piece::Failed(trouble, after)) => {
                    pause(after.unwrap_or_default().min(LONGEST_PAUSE), self.interrupted);
                    return Err(trouble);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(lost("")),
            }
        }
    }
}

/// Returns how long the file at `url` is, where the server says; its content is not asked for. Servers that know no HEAD
/// are asked for the file, and left as soon as they answer.
///
/// # Errors
/// When there is no such file, nobody answers, or the network is forbidden.
pub(crate) fn head(url: &str, remotes: &Remotes, interrupted: &AtomicBool) -> Result<Option<u64>, Failure> {
    let asked = remotes.settings().mirrors.of(url).unwrap_or_else(|| url.to_owned());
    let failure = |trouble: Trouble, retried, transport| {
        let Trouble { kind, mut message, .. } = trouble;
        message.extend(remotes.mirror_in_words(url));
        Failure { kind, subject: redacted(url), message, retried, transport }
    };
    let scheme = url::archive_scheme(&asked).map_err(|bad| {
        failure(Trouble::new(FailureKind::Invalid, &format!("the URL {bad}"), ""), 0, Transport::Nobody)
    })?;
    if scheme == Scheme::Local {
        let length = std::fs::metadata(asked.strip_prefix("file://").unwrap_or(&asked)).map(|file| file.len());
        let unread =
            |error: std::io::Error| Trouble::new(FailureKind::NotFound, "the file cannot be read", &error.to_string());
        return length.map(Some).map_err(|error| failure(unread(error), 0, Transport::Nobody));
    }
    if remotes.settings().offline {
        let trouble = Trouble::new(FailureKind::Offline, "the network is not to be used", "");
        return Err(failure(trouble, 0, Transport::Nobody));
    }
    let timeout = remotes.settings().timeout;
    let answered = again(remotes, interrupted, || match headed(&asked, timeout, true) {
        Ok(answer) if matches!(answer.status().as_u16(), 403 | 405 | 501) => length(&headed(&asked, timeout, false)?),
        answer => length(&answer?),
    });
    answered.map_err(|(trouble, retries)| failure(trouble, retries, Transport::Http))
}

/// Returns the beginning of the answer to HEAD, or to GET.
fn headed(url: &str, timeout: Duration, head: bool) -> Result<Response<Body>, Trouble> {
    let agent = agent(url, timeout);
    let mut request = if head { agent.head(url) } else { agent.get(url) };
    if let Some(authorization) = authorization(url) {
        request = request.header("Authorization", authorization);
    }
    request.call().map_err(|error| Trouble::http(&error, "file server"))
}

fn length(answer: &Response<Body>) -> Result<Option<u64>, Trouble> {
    match check(answer) {
        Ok(()) if answer.headers().contains_key("content-encoding") => Ok(None),
        Ok(()) => Ok(content_length(answer)),
        Err(Piece::Failed(trouble, after)) => Err(trouble.waiting(after)),
        Err(Piece::Bytes(_) | Piece::End) => Err(lost("")),
    }
}

/// What has come of a file.
struct Arrival<'a> {
    download: &'a Download<'a>,
    incoming: Incoming,
    head: Vec<u8>,
    length: u64,
}

impl<'a> Arrival<'a> {
    fn new(download: &'a Download<'a>) -> Result<Self, Trouble> {
        let incoming = download.store.receive().map_err(|error| unkept(&error))?;
        Ok(Self { download, incoming, head: Vec::new(), length: 0 })
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.length += bytes.len() as u64;
        if self.length > LARGEST {
            return Err(too_large());
        }
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        self.incoming.write(bytes).map_err(|error| unkept(&error))?;
        let transfer =
            Transfer { objects: 1, total_objects: 1, bytes: usize::try_from(self.length).unwrap_or_default() };
        self.download.progress.on_transfer(&redacted(self.download.url), transfer);
        Ok(())
    }

    fn end(self, expected: Expected<'_>) -> Result<String, Trouble> {
        let sha256 = self.incoming.sha256();
        let form = Form::of(&self.head);
        let wrong = match expected {
            Expected::Content(expected) if expected != sha256 => return Ok(sha256),
            Expected::Archive if !form.is_archive() => Some("archive"),
            Expected::File if form == Form::Page && !is_markup(self.download.url) => Some("file of that name"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            let meaning = format!("what comes is no {wrong}, but {}", form.phrase());
            return Err(Trouble::new(FailureKind::Protocol, &meaning, ""));
        }
        self.incoming.keep().map_err(|error| unkept(&error))
    }
}

/// Whether the file at `url` may well begin as a web page does, by its ending.
fn is_markup(url: &str) -> bool {
    const ENDINGS: [&str; 9] = ["dae", "htm", "html", "sdf", "svg", "urdf", "xacro", "xml", "xsd"];
    let path = url.split('?').next().unwrap_or_default().to_ascii_lowercase();
    path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Returns the pieces of the file at `url` as they come. A thread waits for them, so that nobody else has to; it ends
/// when the server has said nothing for as long as `timeout`, or nobody listens any more.
fn pieces(url: String, timeout: Duration) -> Receiver<Piece> {
    let (sender, pieces) = sync_channel(16);
    std::thread::spawn(move || {
        let last = send(&url, timeout, &sender).map_or_else(|failed| failed, |()| Piece::End);
        // Nobody listens after an interrupt.
        let _ = sender.send(last);
    });
    pieces
}

fn send(url: &str, timeout: Duration, pieces: &SyncSender<Piece>) -> Result<(), Piece> {
    let failed = |error: &ureq::Error| Piece::Failed(Trouble::http(error, "file server"), None);
    let mut request = agent(url, timeout).get(url);
    if let Some(authorization) = authorization(url) {
        request = request.header("Authorization", authorization);
    }
    let answer = request.call().map_err(|error| failed(&error))?;
    check(&answer)?;
    let mut body = answer.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = body.read(&mut buffer).map_err(|error| failed(&ureq::Error::from(error)))?;
        if length == 0 || pieces.send(Piece::Bytes(buffer[..length].to_vec())).is_err() {
            return Ok(());
        }
    }
}

fn agent(url: &str, timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(url.starts_with("https://"))
        .max_redirects(MOST_REDIRECTS)
        .save_redirect_history(true)
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .timeout_connect(Some(timeout))
        .timeout_recv_response(Some(timeout))
        .timeout_per_read(Some(timeout))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .user_agent(concat!("deps/", env!("CARGO_PKG_VERSION")));
    // A proxy cannot reach this machine.
    let config = if url::host(url).is_some_and(is_loopback) { config.proxy(None) } else { config };
    config.build().into()
}

/// Returns what the user's netrc has for the host of `url`, where it stays secret on the way.
fn authorization(url: &str) -> Option<String> {
    let host = url::host(url)?;
    let login = (url.starts_with("https://") || is_loopback(host)).then(|| netrc::login(host))??;
    Some(registry::credentials::basic(&login.user, &login.password))
}

/// Returns `Ok` for an answer whose body is the file.
fn check(answer: &Response<Body>) -> Result<(), Piece> {
    let refuse = |trouble| Err(Piece::Failed(trouble, None));
    let history = answer.get_redirect_history().unwrap_or_default();
    let schemes = history.iter().filter_map(|uri| uri.scheme_str());
    // An agent that began with https follows nothing else; one that began with http may have come there on its way.
    if schemes.skip_while(|scheme| *scheme != "https").any(|scheme| scheme != "https") {
        return refuse(Trouble::new(FailureKind::Refused, DOWNGRADE, ""));
    }
    let length = content_length(answer);
    match answer.status().as_u16() {
        200 if length.is_some_and(|length| length > LARGEST) => refuse(too_large()),
        200 => Ok(()),
        status => Err(Piece::Failed(refused(status), retry_after(answer))),
    }
}

fn content_length(answer: &Response<Body>) -> Option<u64> {
    answer.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Reads `Retry-After` in seconds; a date (RFC 9110 §10.2.3) would need a clock, and servers that are busy send seconds.
fn retry_after(answer: &Response<Body>) -> Option<Duration> {
    let seconds = answer.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn refused(status: u16) -> Trouble {
    let cause = format!("HTTP {status}");
    match status {
        404 | 410 => Trouble::new(FailureKind::NotFound, "there is no such file, or it is hidden from you", &cause),
        401 | 403 | 407 | 408 | 429 | 500..=599 => Trouble::status(status),
        _ => Trouble::new(FailureKind::Protocol, "this is not the answer of a file server", &cause),
    }
}

fn too_large() -> Trouble {
    let meaning = format!("the file is larger than {} GiB, which is the most that is downloaded", LARGEST >> 30);
    Trouble::new(FailureKind::Refused, &meaning, "")
}

fn unkept(error: &StoreError) -> Trouble {
    Trouble::new(FailureKind::Local, "the file cannot be kept", &error.to_string())
}

fn lost(cause: &str) -> Trouble {
    Trouble::new(FailureKind::Unreachable, "the connection was lost", cause).passing()
}
