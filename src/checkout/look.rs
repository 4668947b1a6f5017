//! What a folder holds: nothing, a checkout of the wanted repository, or something else; and what a checkout is at.
//!
//! Decides what counts as the same repository. Changes nothing.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::fs;
use std::path::Path;

use git2::{Oid, Repository};

use super::work::{self, Changes};
use super::{CheckoutError, history, quick, submodule};
use crate::remote::redacted;
use crate::store::{self, Named};

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
    /// The url of its first remote, without credentials, where it is a checkout of another repository.
    pub other: Option<String>,
    /// The commit that it is at; none in a repository without one.
    pub head: Option<String>,
    /// The branch that it is on; none when detached.
    pub branch: Option<String>,
    /// How many commits it has that the pin has not; none where history is too short to tell.
    pub ahead: Option<usize>,
    /// How many commits the pin has that it has not; none where history is too short to tell.
    pub behind: Option<usize>,
    /// How many files that git knows differ from `HEAD`, and how many submodules do.
    pub changed: usize,
    /// How many files git does not know.
    pub untracked: usize,
}

/// As [`super::is_at_pin`].
pub(super) fn is_at_pin(wanted: &super::Wanted) -> bool {
    let Some(head) = quick::head(&wanted.folder) else { return false };
    let is_detached = || wanted.named.as_ref().is_some_and(|named| named.branch().is_none());
    head.rev == wanted.rev
        && (head.attached || is_detached() || quick::is_settled(&wanted.folder, &wanted.rev))
        && submodule::stand(&wanted.folder, &wanted.source.extent.submodules)
}

/// Returns what stands in `folder`, where a checkout of `url` is wanted.
pub(super) fn state(folder: &Path, url: &str) -> Result<State, CheckoutError> {
    if let Ok(repository) = Repository::open(folder) {
        let git = CheckoutError::git(folder);
        return Ok(match remote(&repository, url).map_err(&git)? {
            Some(_) => State::Ours(repository),
            None => State::Other { url: redacted(&first_url(&repository).map_err(&git)?.unwrap_or_default()) },
        });
    }
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(if entries.next().is_none() { State::Absent } else { State::NoRepository }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::Absent),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(State::NoRepository),
        Err(error) => Err(CheckoutError::io("read", folder)(error)),
    }
}

/// Returns the remote that is the repository `wanted`: `origin` if it is one, as it is not where that is a fork.
pub(super) fn remote(repository: &Repository, wanted: &str) -> Result<Option<String>, git2::Error> {
    let remotes = repository.remotes()?;
    let is_wanted = |name: &&str| url(repository, name).is_some_and(|url| store::is_same_repository(&url, wanted));
    let mut found: Vec<&str> = remotes.iter().flatten().flatten().filter(is_wanted).collect();
    found.sort_by_key(|name| (*name != "origin", *name));
    Ok(found.first().map(|name| (*name).to_owned()))
}

/// Whether the commit `rev` is one of the branch `name` as far as the checkout at `folder` has seen: it is on it, on its
/// counterpart, or a remote's branch of that name leads to the commit.
///
/// # Errors
/// When git cannot read it.
pub fn is_of_branch(folder: &Path, head: &Head, name: &str) -> Result<bool, CheckoutError> {
    if [&head.branch, &head.upstream].into_iter().flatten().any(|branch| branch == name) {
        return Ok(true);
    }
    let read = || {
        let repository = Repository::open(folder)?;
        work::is_in_remote_branch(&repository, Oid::from_str(&head.rev)?, name)
    };
    read().map_err(CheckoutError::git(folder))
}

/// Where a checkout keeps its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its `.git` folder.
    pub git: std::path::PathBuf,
    /// What the wanted repository is called there, such as `origin`.
    pub remote: String,
    /// Whether the history ends before its beginning.
    pub is_cut: bool,
}

/// Whether the checkout at `folder` has the commit `rev`, wherever it is itself.
pub fn has(folder: &Path, rev: &str) -> bool {
    let Ok(repository) = Repository::open(folder) else { return false };
    Oid::from_str(rev).is_ok_and(|id| repository.find_commit(id).is_ok())
}

/// Returns where the checkout of `url` at `folder` keeps its history; none when there is no such checkout.
///
/// # Errors
/// When git cannot read it.
pub fn shape(folder: &Path, url: &str) -> Result<Option<Shape>, CheckoutError> {
    let Ok(repository) = Repository::open(folder) else { return Ok(None) };
    let Some(remote) = remote(&repository, url).map_err(CheckoutError::git(folder))? else { return Ok(None) };
    Ok(Some(Shape { git: repository.commondir().to_path_buf(), remote, is_cut: repository.is_shallow() }))
}

fn first_url(repository: &Repository) -> Result<Option<String>, git2::Error> {
    let remotes = repository.remotes()?;
    let first = remotes.iter().flatten().flatten().next();
    Ok(url(repository, "origin").or_else(|| url(repository, first?)))
}

/// Returns what `version` (`None` is the remote's `HEAD`) names as far as the checkout at `folder` can tell: it was told
/// before, or has seen the remote's branches and tags. None when it has seen neither, or both.
pub fn named(folder: &Path, url: &str, version: Option<&str>) -> Option<Named> {
    let repository = Repository::open(folder).ok()?;
    let remote = remote(&repository, url).ok()??;
    let branches = format!("refs/remotes/{remote}/");
    let Some(version) = version else {
        let head = repository.find_reference(&format!("{branches}HEAD")).ok()?;
        return Some(Named::Default(head.symbolic_target().ok()??.strip_prefix(&branches)?.to_owned()));
    };
    let is = |name: String| repository.find_reference(&name).is_ok();
    match (is(format!("{branches}{version}")), is(format!("refs/tags/{version}"))) {
        (true, false) => Some(Named::Branch(version.to_owned())),
        (false, true) => Some(Named::Tag(version.to_owned())),
        _ => None,
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
        Ok(Some(Head {
            rev: id.to_string(),
            upstream: merge.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned)),
            branch,
            tags: tags_at(&repository, id)?,
            url: first_url(&repository)?,
            pushed: work::is_known_elsewhere(&repository, id)?,
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

/// Returns the status of the checkout of `url` at `folder` against the commit `rev`; none when there is no repository.
///
/// # Errors
/// When git cannot read it.
pub fn status(folder: &Path, url: &str, rev: &str) -> Result<Option<Status>, CheckoutError> {
    let Ok(repository) = Repository::open(folder) else { return Ok(None) };
    let read = || -> Result<Status, git2::Error> {
        let Changes { changed, untracked } = work::changes_and_submodules(&repository)?;
        let head = repository.head().ok();
        let branch = head.as_ref().filter(|head| head.is_branch()).and_then(|head| head.shorthand().ok());
        let commit = head.as_ref().and_then(git2::Reference::target);
        let pin = Oid::from_str(rev).ok();
        let counts = commit.zip(pin).and_then(|(head, pin)| history::distance(&repository, head, pin));
        let other = remote(&repository, url)?.is_none().then(|| first_url(&repository)).transpose()?;
        Ok(Status {
            other: other.map(|url| redacted(&url.unwrap_or_default())),
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

/// Whether the checkout at `outer` has a submodule at `path`, which stands in it.
pub(super) fn is_submodule(outer: &Path, path: &Path) -> bool {
    const GITLINK: u32 = 0o160_000;
    let index = Repository::open(outer).and_then(|repository| repository.index());
    let entry = index.ok().zip(path.strip_prefix(outer).ok()).and_then(|(index, path)| index.get_path(path, 0));
    entry.is_some_and(|entry| entry.mode == GITLINK)
}
