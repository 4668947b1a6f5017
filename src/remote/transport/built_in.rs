//! The built-in transport: libgit2.
//!
//! Decides how libgit2 is called so that a hostile or silent server cannot hold or crash us. Credentials come from
//! helpers, the ssh agent and key files; it never prompts, the `git` program does that.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Once};
use std::time::Duration;

use auth_git2::GitAuthenticator;
use git2::{
    AutotagOption, Cred, CredentialType, Direction, FetchOptions, ProxyOptions, Remote, RemoteCallbacks, Repository,
};

use super::patience::{Patience, Sight};
use super::seen::Seen;
use super::{Advertised, Call, Depth, Order};
use crate::remote::Transfer;
use crate::remote::tokens::{self, Token};
use crate::remote::trouble::Trouble;
use crate::remote::url::Scheme;
use crate::resolve::FailureKind;

/// How often a running call is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// How long a call that is told to stop is waited for.
const LINGER: Duration = Duration::from_millis(500);

/// How often a server may ask for credentials: a user name, the agent, six key files.
const CREDENTIALS: u32 = 9;

/// What `git fetch --unshallow` asks for; `GIT_FETCH_DEPTH_UNSHALLOW` of libgit2.
const UNSHALLOW: i32 = i32::MAX;

/// Sets the timeouts of libgit2, which has one pair for the whole process: the first call counts.
///
/// They end what this module's own patience has given up, and silence where no bytes are seen.
pub(super) fn set_timeout(timeout: Duration) {
    static ONCE: Once = Once::new();
    let milliseconds = i32::try_from(timeout.as_millis() + 1000).unwrap_or(i32::MAX);
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "process-wide libgit2 options, set once before the first connection of ours")]
        // SAFETY: `Once` rules out a second call at the same time; libgit2 only stores the two numbers.
        let set = unsafe {
            git2::opts::set_server_timeout_in_milliseconds(milliseconds)
                .and(git2::opts::set_server_connect_timeout_in_milliseconds(milliseconds))
        };
        set.expect("libgit2 knows these options");
    });
}

pub(crate) fn list(call: &Call<'_>) -> Result<Vec<Advertised>, Trouble> {
    let (url, token) = (call.url.to_owned(), call.token().cloned());
    attended(call, move |seen| {
        let keys = Keys::new(token);
        let mut remote = Remote::create_detached(url.as_str()).map_err(|error| Trouble::git2(&error))?;
        let connection = remote
            .connect_auth(Direction::Fetch, Some(callbacks(seen, &keys)), Some(proxy()))
            .map_err(|error| Trouble::git2(&error))?;
        let heads = connection.list().map_err(|error| Trouble::git2(&error))?;
        // git2 panics where a ref has a name that is not UTF-8, and git allows such names.
        catch_unwind(AssertUnwindSafe(|| heads.iter().map(advertised).collect()))
            .map_err(|_| Trouble::new(FailureKind::Protocol, "a ref has a name that is not UTF-8", "").elsewhere())
    })
}

fn advertised(head: &git2::RemoteHead<'_>) -> Advertised {
    Advertised {
        name: head.name().to_owned(),
        id: head.oid().to_string(),
        symref: head.symref_target().map(str::to_owned),
    }
}

pub(crate) fn fetch(call: &Call<'_>, into: &Path, order: &Order) -> Result<(), Trouble> {
    let (url, token) = (call.url.to_owned(), call.token().cloned());
    let (into, order) = (into.to_owned(), order.clone());
    attended(call, move |seen| {
        let keys = Keys::new(token);
        let repository = Repository::open_bare(into).map_err(|error| local(&error))?;
        let mut remote = repository.remote_anonymous(&url).map_err(|error| Trouble::git2(&error))?;
        let mut options = FetchOptions::new();
        options.download_tags(AutotagOption::None).update_fetchhead(false);
        options.remote_callbacks(callbacks(seen, &keys)).proxy_options(proxy());
        match order.depth {
            Depth::One => options.depth(1),
            Depth::All if repository.is_shallow() => options.depth(UNSHALLOW),
            Depth::All | Depth::Commits => &mut options,
        };
        remote.fetch(&order.refspecs, Some(&mut options), None).map_err(|error| Trouble::git2(&error))
    })
}

/// Does `work` on a thread of its own and keeps an eye on it: libgit2 cannot be stopped while it waits for a server.
///
/// A call that nobody waits for any more changes no ref: every callback tells it to stop. The thread ends with libgit2's
/// own timeout, or with this process.
fn attended<T: Send + 'static>(
    call: &Call<'_>,
    work: impl FnOnce(&Seen) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let seen = Arc::new(Seen::default());
    let (sender, receiver) = channel();
    let watched = Arc::clone(&seen);
    std::thread::spawn(move || {
        watched.watch();
        // Nobody may be waiting any more.
        _ = sender.send(work(&watched));
    });
    let ended = wait(call, &seen, &receiver);
    if ended.as_ref().is_err_and(|trouble| trouble.kind == FailureKind::Timeout || call.is_interrupted()) {
        seen.abandon();
        // A thread that is not stuck says so at once, and tidies up behind itself.
        _ = receiver.recv_timeout(LINGER);
    }
    ended.map_err(|trouble| trouble.waiting(seen.retry_after()))
}

fn wait<T>(call: &Call<'_>, seen: &Seen, done: &Receiver<Result<T, Trouble>>) -> Result<T, Trouble> {
    let sight = match call.scheme() {
        Some(Scheme::Http | Scheme::Https) => Sight::Clear,
        _ => Sight::Dim,
    };
    let mut patience = Patience::new(call.remotes.settings().timeout, sight);
    let mut shown = Transfer::default();
    loop {
        match done.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Trouble::new(FailureKind::Local, "libgit2 has given up", ""));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if call.is_interrupted() {
            return Err(Trouble::cancelled());
        }
        let transfer = seen.transfer();
        if transfer != shown {
            call.progress.on_transfer(&call.subject, transfer);
            shown = transfer;
        }
        patience.look(seen.signs())?;
    }
}

fn local(error: &git2::Error) -> Trouble {
    Trouble::new(FailureKind::Local, "git's files on this machine cannot be used", error.message())
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut options = ProxyOptions::new();
    options.auto();
    options
}

/// The user's helpers, agent and keys, and the configuration that names them: read when a server asks for them.
struct Keys {
    config: OnceCell<git2::Config>,
    authenticator: OnceCell<GitAuthenticator>,
    /// Of a CI system; sent when the user's own know nothing.
    token: Option<Token>,
}

impl Keys {
    fn new(token: Option<Token>) -> Self {
        Self { config: OnceCell::new(), authenticator: OnceCell::new(), token }
    }

    /// Returns the token where `url`, which a redirect may have led to, is its own server.
    fn token(&self, url: &str, allowed: CredentialType) -> Option<Result<Cred, git2::Error>> {
        let token = tokens::for_url(self.token.as_slice(), url)?;
        let wanted = allowed.contains(CredentialType::USER_PASS_PLAINTEXT);
        wanted.then(|| Cred::userpass_plaintext(token.user, &token.secret))
    }

    /// The user's and the system's configuration, not that of a repository around the working directory.
    fn config(&self) -> &git2::Config {
        // One that cannot be read names no helper.
        self.config.get_or_init(|| git2::Config::open_default().unwrap_or_else(|_| no_configuration()))
    }

    fn authenticator(&self) -> &GitAuthenticator {
        self.authenticator.get_or_init(|| {
            let empty = GitAuthenticator::new_empty();
            empty.try_cred_helper(true).try_ssh_agent(true).add_default_username().add_default_ssh_keys()
        })
    }
}

fn no_configuration() -> git2::Config {
    git2::Config::new().expect("an empty configuration takes memory only")
}

/// Asks the user's helpers, agent and keys for credentials.
type Credentials<'a> = Box<dyn FnMut(&str, Option<&str>, CredentialType) -> Result<Cred, git2::Error> + 'a>;

fn callbacks<'a>(seen: &'a Seen, keys: &'a Keys) -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    let mut credentials: Option<Credentials<'a>> = None;
    let mut asked = 0;
    callbacks.credentials(move |url, user, allowed| {
        asked += 1;
        if asked > CREDENTIALS || seen.is_abandoned() {
            return Err(git2::Error::from_str("all authentication attempts failed"));
        }
        let own = credentials.get_or_insert_with(|| Box::new(keys.authenticator().credentials(keys.config())));
        own(url, user, allowed).or_else(|error| keys.token(url, allowed).unwrap_or(Err(error)))
    });
    callbacks.sideband_progress(|_| {
        seen.hear_message();
        !seen.is_abandoned()
    });
    callbacks.transfer_progress(|progress| {
        let (objects, total_objects) = (progress.received_objects(), progress.total_objects());
        seen.set_transfer(Transfer { objects, total_objects, bytes: progress.received_bytes() });
        !seen.is_abandoned()
    });
    callbacks
}
