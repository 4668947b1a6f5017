//! The built-in transport: libgit2.
//!
//! Decides how libgit2 is called so that a hostile or silent server cannot hold or crash us. Credentials come from
//! helpers, the ssh agent and key files; it never prompts, the `git` program does that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use auth_git2::GitAuthenticator;
use git2::{AutotagOption, Direction, FetchOptions, ProxyOptions, Remote, RemoteCallbacks, Repository};

use super::{Advertised, Call, Depth, Order};
use crate::remote::Transfer;
use crate::remote::trouble::Trouble;
use crate::resolve::FailureKind;

/// How often a server may ask for credentials: a user name, the agent, six key files.
const CREDENTIALS: u32 = 9;

/// What `git fetch --unshallow` asks for; `GIT_FETCH_DEPTH_UNSHALLOW` of libgit2.
const UNSHALLOW: i32 = i32::MAX;

/// Sets the timeouts of libgit2, which has one pair for the whole process: the first call counts.
pub(crate) fn set_timeout(timeout: Duration) {
    static ONCE: Once = Once::new();
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
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
    let (config, authenticator) = (configuration()?, call.remotes.authenticator());
    let mut remote = Remote::create_detached(call.url).map_err(|error| Trouble::git2(&error))?;
    let connection = remote
        .connect_auth(Direction::Fetch, Some(callbacks(call, &config, &authenticator)), Some(proxy()))
        .map_err(|error| Trouble::git2(&error))?;
    let heads = connection.list().map_err(|error| Trouble::git2(&error))?;
    // git2 panics where a ref has a name that is not UTF-8, and git allows such names.
    catch_unwind(AssertUnwindSafe(|| heads.iter().map(advertised).collect()))
        .map_err(|_| Trouble::new(FailureKind::Protocol, "a ref has a name that is not UTF-8", "").elsewhere())
}

fn advertised(head: &git2::RemoteHead<'_>) -> Advertised {
    Advertised {
        name: head.name().to_owned(),
        id: head.oid().to_string(),
        symref: head.symref_target().map(str::to_owned),
    }
}

pub(crate) fn fetch(call: &Call<'_>, into: &Path, order: &Order) -> Result<(), Trouble> {
    let (config, authenticator) = (configuration()?, call.remotes.authenticator());
    let repository = Repository::open_bare(into).map_err(|error| local(&error))?;
    let mut remote = repository.remote_anonymous(call.url).map_err(|error| Trouble::git2(&error))?;
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None).update_fetchhead(false);
    options.remote_callbacks(callbacks(call, &config, &authenticator)).proxy_options(proxy());
    match order.depth {
        Depth::One => options.depth(1),
        Depth::All if repository.is_shallow() => options.depth(UNSHALLOW),
        Depth::All => &mut options,
    };
    remote.fetch(&order.refspecs, Some(&mut options), None).map_err(|error| Trouble::git2(&error))
}

/// The user's and the system's configuration, not that of a repository around the working directory.
fn configuration() -> Result<git2::Config, Trouble> {
    git2::Config::open_default().map_err(|error| local(&error))
}

fn local(error: &git2::Error) -> Trouble {
    Trouble::new(FailureKind::Local, "git's files on this machine cannot be used", error.message())
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut options = ProxyOptions::new();
    options.auto();
    options
}

fn callbacks<'a>(
    call: &'a Call<'_>,
    config: &'a git2::Config,
    authenticator: &'a GitAuthenticator,
) -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    let mut credentials = authenticator.credentials(config);
    let mut asked = 0;
    callbacks.credentials(move |url, user, allowed| {
        asked += 1;
        if asked > CREDENTIALS {
            return Err(git2::Error::from_str("all authentication attempts failed"));
        }
        credentials(url, user, allowed)
    });
    callbacks.sideband_progress(|_| !call.is_interrupted());
    callbacks.transfer_progress(|seen| {
        let (objects, total_objects, bytes) = (seen.received_objects(), seen.total_objects(), seen.received_bytes());
        call.progress.on_transfer(&call.subject, Transfer { objects, total_objects, bytes });
        !call.is_interrupted()
    });
    callbacks
}
