//! What a folder holds: nothing, a checkout at its pin, one that may be moved, or something of a person's.
//!
//! Decides what counts as the same repository and as unsaved work. Changes nothing.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::fs;
use std::path::Path;

use git2::{Oid, Repository, StatusOptions, StatusShow};

use super::{CheckoutError, Reason, Wanted};
use crate::remote::redacted;
use crate::store;

/// What stands in the folder of a wanted checkout.
pub enum State {
    /// Nothing, or an empty folder.
    Absent,
    /// Something that is no repository.
    NoRepository,
    /// A checkout of another repository.
    Other {
        /// Its `origin`, without credentials.
        url: String,
    },
    /// A checkout of this repository.
    Ours(Repository),
}

/// A checkout compared with its pin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The commit that it is at; none in a repository without one.
    pub head: Option<String>,
    /// The branch that it is on; none when detached.
    pub branch: Option<String>,
    /// How many commits it has that the pin has not; none where history is too short to tell.
    pub ahead: Option<usize>,
    /// How many commits the pin has that it has not; none where history is too short to tell.
    pub behind: Option<usize>,
    /// How many files that git knows differ from `HEAD`.
    pub changed: usize,
    /// How many files git does not know.
    pub untracked: usize,
}

/// As [`super::is_at_pin`].
pub(super) fn is_at_pin(wanted: &Wanted) -> bool {
    let git = wanted.folder.join(".git");
    let Ok(head) = fs::read_to_string(git.join("HEAD")) else { return false };
    let at = match (head.trim_end().strip_prefix("ref: "), &wanted.branch) {
        (Some(name), Some(branch)) if name.strip_prefix("refs/heads/") == Some(branch) => {
            fs::read_to_string(git.join(name)).unwrap_or_default()
        }
        (None, None) => head,
        _ => return false,
    };
    let url = format!("url = {}\n", wanted.url);
    // Submodules are looked at one by one.
    at.trim_end() == wanted.rev
        && wanted.source.submodules.is_empty()
        && fs::read_to_string(git.join("config")).is_ok_and(|config| config.contains(&url))
}

/// Returns what stands in the folder of `wanted`.
pub(super) fn state(wanted: &Wanted) -> Result<State, CheckoutError> {
    let folder = &wanted.folder;
    if let Ok(repository) = Repository::open(folder) {
        let remotes = repository.remotes().map_err(CheckoutError::git(folder))?;
        let urls: Vec<String> = remotes.iter().flatten().flatten().filter_map(|name| url(&repository, name)).collect();
        if urls.iter().any(|url| store::is_same_repository(url, &wanted.url)) {
            return Ok(State::Ours(repository));
        }
        let url = url(&repository, "origin").or(urls.into_iter().next()).unwrap_or_default();
        return Ok(State::Other { url: redacted(&url) });
    }
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(if entries.next().is_none() { State::Absent } else { State::NoRepository }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::Absent),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(State::NoRepository),
        Err(error) => Err(CheckoutError::io("read", folder)(error)),
    }
}

fn url(repository: &Repository, remote: &str) -> Option<String> {
    // The configuration, not `Remote::url`, which `insteadOf` has changed already.
    repository.config().ok()?.get_string(&format!("remote.{remote}.url")).ok()
}

/// What a checkout is at, for those who pin it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub rev: String,
    /// The branch; none when detached.
    pub branch: Option<String>,
    /// The branch that it is the counterpart of at its remote, where it has one.
    pub upstream: Option<String>,
    /// The tags that lead to the commit, sorted.
    pub tags: Vec<String>,
    /// The url of `origin`, as written, or of the only remote.
    pub url: Option<String>,
    /// Whether a remote is known to have the commit.
    pub pushed: bool,
}

/// Returns what the checkout at `folder` is at; none when there is no repository, or none with a commit.
///
/// # Errors
/// When git cannot read it.
pub fn head(folder: &Path) -> Result<Option<Head>, CheckoutError> {
    let Ok(repository) = Repository::open(folder) else { return Ok(None) };
    let read = || -> Result<Option<Head>, git2::Error> {
        let Ok(head) = repository.head() else { return Ok(None) };
        let id = head.peel_to_commit()?.id();
        let branch = if head.is_branch() { head.shorthand().ok().map(str::to_owned) } else { None };
        let config = repository.config()?;
        let merge = branch.as_ref().and_then(|branch| config.get_string(&format!("branch.{branch}.merge")).ok());
        let remotes = repository.remotes()?;
        let first = remotes.iter().flatten().flatten().next();
        Ok(Some(Head {
            rev: id.to_string(),
            upstream: merge.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned)),
            branch,
            tags: tags_at(&repository, id)?,
            url: url(&repository, "origin").or_else(|| url(&repository, first?)),
            pushed: is_known_elsewhere(&repository, id)?,
        }))
    };
    read().map_err(CheckoutError::git(folder))
}

fn tags_at(repository: &Repository, id: Oid) -> Result<Vec<String>, git2::Error> {
    let mut tags = Vec::new();
    for reference in repository.references_glob("refs/tags/*")? {
        let reference = reference?;
        if reference.peel_to_commit().is_ok_and(|commit| commit.id() == id) {
            tags.extend(reference.name().ok().and_then(|name| name.strip_prefix("refs/tags/")).map(str::to_owned));
        }
    }
    tags.sort();
    Ok(tags)
}

/// Returns the status of the checkout at `folder` against the commit `rev`; none when there is no repository.
///
/// # Errors
/// When git cannot read it.
pub fn status(folder: &Path, rev: &str) -> Result<Option<Status>, CheckoutError> {
    let Ok(repository) = Repository::open(folder) else { return Ok(None) };
    let read = || -> Result<Status, git2::Error> {
        let Changes { changed, untracked, nested: _ } = changes(&repository)?;
        let head = repository.head().ok();
        let branch = head.as_ref().filter(|head| head.is_branch()).and_then(|head| head.shorthand().ok());
        let commit = head.as_ref().and_then(git2::Reference::target);
        let counts = commit.zip(Oid::from_str(rev).ok()).and_then(|(head, pin)| counts(&repository, head, pin));
        Ok(Status {
            head: commit.map(|id| id.to_string()),
            branch: branch.map(str::to_owned),
            ahead: counts.map(|counts| counts.0),
            behind: counts.map(|counts| counts.1),
            changed,
            untracked,
        })
    };
    read().map(Some).map_err(CheckoutError::git(folder))
}

/// How many commits each of the two has that the other has not; none when a history ends before that is known.
fn counts(repository: &Repository, head: Oid, pin: Oid) -> Option<(usize, usize)> {
    if head == pin {
        return Some((0, 0));
    }
    let complete = !repository.is_shallow() || repository.merge_base(head, pin).is_ok();
    complete.then(|| repository.graph_ahead_behind(head, pin).ok()).flatten()
}

/// What stands in a checkout beside its commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Files that git knows and that differ from `HEAD`.
    pub(super) changed: usize,
    /// Files that git does not know.
    pub(super) untracked: usize,
    /// Other checkouts inside this one, which are no part of it.
    pub(super) nested: usize,
}

/// Returns what stands in `repository` beside its commit.
pub(super) fn changes(repository: &Repository) -> Result<Changes, git2::Error> {
    let mut options = StatusOptions::new();
    options.show(StatusShow::IndexAndWorkdir).include_untracked(true).exclude_submodules(true);
    let mut changes = Changes::default();
    for entry in repository.statuses(Some(&mut options))?.iter() {
        match entry.status().is_wt_new() {
            true if is_repository(repository, entry.path_bytes()) => changes.nested += 1,
            true => changes.untracked += 1,
            false => changes.changed += 1,
        }
    }
    Ok(changes)
}

/// Whether `path` is, or leads only to, a checkout inside this one.
fn is_repository(repository: &Repository, path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let Some(top) = repository.workdir() else { return false };
    let path = top.join(std::ffi::OsStr::from_bytes(path));
    path.join(".git").exists() || path.is_dir() && only_repositories(&path, 0)
}

/// Whether the checkout at `outer` has a submodule at `path`, which stands in it.
pub(super) fn is_submodule(outer: &Path, path: &Path) -> bool {
    const GITLINK: u32 = 0o160_000;
    let index = Repository::open(outer).and_then(|repository| repository.index());
    let entry = index.ok().zip(path.strip_prefix(outer).ok()).and_then(|(index, path)| index.get_path(path, 0));
    entry.is_some_and(|entry| entry.mode == GITLINK)
}

fn only_repositories(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    depth < 8
        && entries.flatten().all(|entry| {
            let path = entry.path();
            path.join(".git").exists()
                || entry.file_type().is_ok_and(|kind| kind.is_dir()) && only_repositories(&path, depth + 1)
        })
}

/// Returns what would be lost with the checkout: changes, or commits that no remote is known to have.
pub(super) fn unsaved(repository: &Repository) -> Result<Option<Reason>, git2::Error> {
    let Changes { changed, untracked, nested } = changes(repository)?;
    if changed + untracked > 0 {
        return Ok(Some(Reason::Changed { changed, untracked }));
    }
    if nested > 0 {
        return Ok(Some(Reason::Nested));
    }
    if let Some(own) = own_commits(repository, repository.head().ok().as_ref())? {
        return Ok(Some(own));
    }
    for branch in repository.branches(Some(git2::BranchType::Local))? {
        if let Some(own) = own_commits(repository, Some(branch?.0.get()))? {
            return Ok(Some(own));
        }
    }
    Ok(None)
}

/// Returns that `reference` leads to a commit which no remote is known to have; none when one is.
pub(super) fn own_commits(
    repository: &Repository,
    reference: Option<&git2::Reference<'_>>,
) -> Result<Option<Reason>, git2::Error> {
    let Some((reference, head)) = reference.and_then(|one| Some((one, one.target()?))) else { return Ok(None) };
    if is_known_elsewhere(repository, head)? {
        return Ok(None);
    }
    let branch = if reference.is_branch() { reference.shorthand().unwrap_or("HEAD") } else { "HEAD" };
    Ok(Some(Reason::OwnCommits { branch: branch.to_owned(), head: head.to_string() }))
}

/// Whether a branch of a remote, a tag or what `deps` brought here leads to `commit`.
pub(super) fn is_known_elsewhere(repository: &Repository, commit: Oid) -> Result<bool, git2::Error> {
    for pattern in ["refs/remotes/*", "refs/tags/*", "refs/deps/*"] {
        for reference in repository.references_glob(pattern)? {
            let Ok(tip) = reference?.peel_to_commit() else { continue };
            if tip.id() == commit || repository.graph_descendant_of(tip.id(), commit).unwrap_or(false) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
