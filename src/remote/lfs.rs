//! Gets the content of Git LFS files with the user's `git lfs`.
//!
//! Decides that git-lfs sees nothing of the repository but pointers: it runs in a bare repository made for one fetch, with
//! one commit that names exactly what is wanted, so that no hook, filter or `.lfsconfig` of anybody counts. The server
//! that an `.lfsconfig` names is asked all the same, but only over the network, and with the user's configuration and
//! credentials only where it stands on the repository's own host. Leaves out which files are pointers (`store/`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{self, End};
use super::transport::{Call, again, git_with_token, silent_git};
use super::trouble::Trouble;
use super::url::{self, Scheme, redacted};
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::{Pointer, create_bare};

/// How often the program tries again by itself; what it cannot get then is tried again by us.
const RETRIES: &str = "lfs.transfer.maxretries=2";

/// What came, and what did not.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// Where the content of each pointer lies, by digest. Nobody has compared it with the digest yet.
    pub(crate) files: BTreeMap<String, PathBuf>,
    /// The digests of what the server does not have.
    pub(crate) gone: BTreeSet<String>,
    /// The digests of what the server has other content for.
    pub(crate) changed: BTreeSet<String>,
    /// Why the rest did not come.
    pub(crate) failure: Option<Failure>,
}

/// Who is asked for the content of a repository's files.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Server {
    /// The one that git-lfs and the user's configuration make of the repository's url.
    Usual,
    /// One that the repository names, on its own host.
    Named(String),
    /// One that the repository names, on another host: whoever wrote `.lfsconfig` may have chosen it to collect secrets.
    Stranger(String),
}

/// Fetches the content of `pointers` into a folder below `scratch`. `named` is the url that the repository's
/// `.lfsconfig` has.
pub(crate) fn fetch(call: &Call<'_>, pointers: &BTreeSet<Pointer>, named: Option<&str>, scratch: &Path) -> Arrived {
    let storage = scratch.join("lfs");
    let errors = RefCell::new(String::new());
    let fetched = prepared(call, pointers, named, scratch).and_then(|(server, arguments)| {
        let attempt = || run(call, &server, &arguments, scratch, &errors);
        again(call.remotes, call.interrupted, attempt).map_err(|(trouble, retries)| {
            let failure = call.failure(trouble, retries, Transport::Program);
            Failure { subject: server.url().map_or(failure.subject, redacted), ..failure }
        })
    });
    let mut arrived = Arrived::default();
    for Pointer { sha256, .. } in pointers {
        let file = storage.join("objects").join(&sha256[..2]).join(&sha256[2..4]).join(sha256);
        match told(&errors.borrow(), sha256) {
            _ if file.is_file() => _ = arrived.files.insert(sha256.clone(), file),
            Some(Told::Gone) => _ = arrived.gone.insert(sha256.clone()),
            Some(Told::Changed) => _ = arrived.changed.insert(sha256.clone()),
            None => {}
        }
    }
    let silent = || Trouble::new(FailureKind::Protocol, "git-lfs ended without the content", "");
    let known = arrived.files.len() + arrived.gone.len() + arrived.changed.len();
    let reason = || fetched.err().unwrap_or_else(|| call.failure(silent(), 0, Transport::Program));
    arrived.failure = (known < pointers.len()).then(reason);
    arrived
}

/// Makes the repository that git-lfs runs in; returns whom it asks, and its arguments.
fn prepared(
    call: &Call<'_>,
    pointers: &BTreeSet<Pointer>,
    named: Option<&str>,
    scratch: &Path,
) -> Result<(Server, Vec<String>), Failure> {
    let failure = |trouble| call.failure(trouble, 0, Transport::Nobody);
    let server = server(call.url, named).map_err(failure)?;
    let local = |cause: &str| failure(Trouble::new(FailureKind::Local, "no temporary repository can be made", cause));
    let folder = scratch.to_str().ok_or_else(|| local("the path of the store is not UTF-8"))?;
    let commit = commit(pointers, &scratch.join("pointers.git")).map_err(|error| local(error.message()))?;
    let seconds = call.remotes.settings().timeout.as_secs().max(1);
    let mut settings = vec![
        format!("lfs.storage={folder}/lfs"),
        format!("remote.deps.url={}", call.url),
        format!("lfs.dialtimeout={seconds}"),
        format!("lfs.activitytimeout={seconds}"),
        RETRIES.to_owned(),
    ];
    settings.extend(server.url().map(|url| format!("lfs.url={url}")));
    let mut arguments: Vec<String> = settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect();
    arguments.push(format!("--git-dir={folder}/pointers.git"));
    arguments.extend(["lfs", "fetch", "--include=", "--exclude=", "deps"].map(str::to_owned));
    arguments.push(commit.to_string());
    Ok((server, arguments))
}

/// Makes a bare repository with one commit: a folder of pointer files.
fn commit(pointers: &BTreeSet<Pointer>, at: &Path) -> Result<git2::Oid, git2::Error> {
    let repository = create_bare(at)?;
    let mut folder = repository.treebuilder(None)?;
    for pointer in pointers {
        folder.insert(&pointer.sha256, repository.blob(pointer.text().as_bytes())?, 0o100_644)?;
    }
    let tree = repository.find_tree(folder.write()?)?;
    let nobody = git2::Signature::new("deps", "deps", &git2::Time::new(0, 0))?;
    repository.commit(None, &nobody, &nobody, "", &tree, &[])
}

fn run(
    call: &Call<'_>,
    server: &Server,
    arguments: &[String],
    scratch: &Path,
    errors: &RefCell<String>,
) -> Result<(), Trouble> {
    let mut command = silent_git(call, arguments);
    if let Server::Stranger(_) = server {
        without_secrets(&mut command, scratch);
        return run_once(call, server, command, errors);
    }
    match (run_once(call, server, command, errors), git_with_token(call, arguments)) {
        (Err(trouble), Some(command)) if trouble.kind == FailureKind::Auth => run_once(call, server, command, errors),
        (result, _) => result,
    }
}

fn run_once(call: &Call<'_>, server: &Server, mut command: Command, errors: &RefCell<String>) -> Result<(), Trouble> {
    // A sign of life, although nobody watches.
    command.env("GIT_LFS_FORCE_PROGRESS", "1");
    // It minds its own timeouts; this one is for a program that hangs.
    let patience = call.remotes.settings().timeout * 4;
    process::run_group(command, patience, call.interrupted).map(drop).map_err(|end| match end {
        End::NotStarted(error) if error.kind() == ErrorKind::NotFound => missing("git"),
        End::NotStarted(error) => {
            Trouble::new(FailureKind::Local, "the `git` program cannot be started", &error.to_string())
        }
        End::Interrupted => Trouble::cancelled(),
        End::Silent => Trouble::new(FailureKind::Timeout, "no answer in time", "").passing(),
        End::Failed(text) if text.contains("'lfs' is not a git command") => missing("git-lfs"),
        End::Failed(text) => {
            let trouble = trouble(&text, server);
            errors.borrow_mut().push_str(&text);
            trouble
        }
    })
}

/// Takes the user's configuration and everything else with secrets away.
fn without_secrets(command: &mut Command, home: &Path) {
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("HOME", home).env("XDG_CONFIG_HOME", home);
    for variable in ["GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_ASKPASS", "SSH_ASKPASS", "NETRC"] {
        command.env_remove(variable);
    }
}

fn missing(program: &str) -> Trouble {
    let meaning =
        format!("the `{program}` program is not installed; on Debian and Ubuntu it is in the package `{program}`");
    Trouble::new(FailureKind::MissingProgram, &meaning, "")
}

fn trouble(errors: &str, server: &Server) -> Trouble {
    // What follows says nothing more than that it failed.
    let said = |line: &&str| !line.starts_with("error: failed to fetch") && !line.starts_with("Check that it exists");
    let text: Vec<&str> = errors.lines().filter(said).collect();
    let mut trouble = Trouble::program(&text.join("\n"));
    if matches!((server, trouble.kind), (Server::Stranger(_), FailureKind::Auth)) {
        trouble.kind = FailureKind::Refused;
        trouble.message = "`.lfsconfig` names this server, on another host than the repository's, and no credentials \
            are sent there"
            .to_owned();
    }
    trouble
}

enum Told {
    Gone,
    Changed,
}

/// Returns what git-lfs 2 and 3 say of one file, beside that it is not there.
fn told(errors: &str, sha256: &str) -> Option<Told> {
    let mut lines = errors.lines().filter(|line| line.contains(sha256));
    lines.find_map(|line| match line {
        line if line.contains("expected OID") => Some(Told::Changed),
        line if ["[404]", "[410]", "not found", "does not exist"].iter().any(|sign| line.contains(sign)) => {
            Some(Told::Gone)
        }
        _ => None,
    })
}

impl Server {
    /// Returns the url that is set; none where that is left to git-lfs.
    fn url(&self) -> Option<&str> {
        match self {
            Self::Usual => None,
            Self::Named(url) | Self::Stranger(url) => Some(url),
        }
    }
}

/// Returns whom to ask for files of `repository`, whose `.lfsconfig` says `named`.
fn server(repository: &str, named: Option<&str>) -> Result<Server, Trouble> {
    let Some(named) = named else { return Ok(Server::Usual) };
    let bad = |reason: &str| {
        let meaning = format!("the url `{}` in `.lfsconfig` {reason}", redacted(named));
        Trouble::new(FailureKind::Invalid, &meaning, "")
    };
    let resolved = url::submodule(repository, named).map_err(|reason| bad(&reason.to_string()))?;
    let schemes = url::scheme(repository).and_then(|own| Ok((own, url::scheme(&resolved)?)));
    let (own, its) = schemes.map_err(|reason| bad(&reason.to_string()))?;
    let same_host = host(repository).is_some() && host(repository) == host(&resolved);
    match its {
        Scheme::Git => Err(bad("is not one that Git LFS can use")),
        Scheme::Local => Ok(Server::Named(resolved)),
        // Never from encryption to none.
        Scheme::Http if own != Scheme::Http => Err(bad("leads to a server without encryption")),
        _ if same_host => Ok(Server::Named(resolved)),
        Scheme::Ssh => Err(bad("leads to another host over ssh, which is nothing without credentials")),
        Scheme::Http | Scheme::Https => Ok(Server::Stranger(resolved)),
    }
}

fn host(url: &str) -> Option<String> {
    let scp_like = || {
        let (host, _) = url.split_once(':').filter(|(host, _)| !host.contains('/'))?;
        Some(host.rsplit_once('@').map_or(host, |(_, host)| host))
    };
    url::host(url).or_else(scp_like).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_another_host_is_a_stranger_and_some_are_refused() {
        let named = |url: &str| Ok(Server::Named(url.to_owned()));
        let stranger = |url: &str| Ok(Server::Stranger(url.to_owned()));
        for (repository, url, expected) in [
            ("https://h/a.git", "https://h/lfs", named("https://h/lfs")),
            ("git@H:a.git", "https://h/lfs", named("https://h/lfs")),
            ("ssh://git@h:22/a.git", "ssh://git@h/lfs", named("ssh://git@h/lfs")),
            ("https://h/a.git", "https://other/lfs", stranger("https://other/lfs")),
            ("http://h/a.git", "http://other/lfs", stranger("http://other/lfs")),
            ("https://h/a.git", "https://h@other/lfs", stranger("https://h@other/lfs")),
            ("/srv/a.git", "/srv/b.git", named("/srv/b.git")),
            ("https://h/a.git", "http://h/lfs", Err("without encryption")),
            ("https://h/a.git", "/etc", Err("this machine")),
            ("https://h/a.git", "file:///etc", Err("this machine")),
            ("https://h/a.git", "ssh://other/x", Err("another host over ssh")),
            ("https://h/a.git", "git://h/x", Err("Git LFS can use")),
            ("https://h/a.git", "ext::sh", Err("helper")),
            ("https://h/a.git", "--x", Err("option")),
            ("https://h/a.git", "none", Err("neither a URL nor")),
        ] {
            match (server(repository, Some(url)), expected) {
                (Ok(server), expected) => assert_eq!(Ok(server), expected, "{url}"),
                (Err(trouble), Err(part)) => assert!(trouble.message.contains(part), "{url}: {}", trouble.message),
                (Err(trouble), Ok(_)) => panic!("{url}: {}", trouble.message),
            }
        }
        assert_eq!(server("https://h/a.git", None), Ok(Server::Usual));
    }

    #[test]
    fn what_git_lfs_says_of_a_file_is_understood() {
        let id = "00".repeat(32);
        for (errors, gone) in [
            (format!("[{id}] Object does not exist on the server: [404] x"), Some(true)),
            (format!("LFS: Repository or object not found: http://h/{id}\nCheck that it exists"), Some(true)),
            (format!("expected OID {id}, got 11 after 5 bytes written"), Some(false)),
            ("batch response: Repository or object not found: http://h/batch".to_owned(), None),
        ] {
            assert_eq!(told(&errors, &id).map(|told| matches!(told, Told::Gone)), gone, "{errors}");
        }
        let refused = "batch response: Post \"http://h/\": dial tcp: connect: connection refused\n\
            error: failed to fetch some objects from 'http://h/info/lfs'";
        assert_eq!(trouble(refused, &Server::Usual).kind, FailureKind::Unreachable);
        let auth = "fatal: could not read Username for 'http://h': terminal prompts disabled\nbatch response: x";
        assert!(trouble(auth, &Server::Stranger(String::new())).message.contains("no credentials"));
    }
}
