//! What a person has in a checkout: changes, commits that nobody else has, an operation that is not done.
//!
//! Decides what may not be lost when a checkout is moved, and what may not when it is removed, which is more. Changes
//! nothing.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::fs;
use std::path::Path;

use git2::{BranchType, Oid, Reference, Repository, RepositoryState, StatusOptions, StatusShow, SubmoduleIgnore};

use super::{Reason, history};

/// Refs that lead to what somebody else has: branches of remotes, tags, and what `deps` brought.
const ELSEWHERE: [&str; 3] = ["refs/remotes/*", "refs/tags/*", "refs/deps/*"];
/// The same without tags, which may be a person's own.
const SURELY_ELSEWHERE: [&str; 2] = ["refs/remotes/*", "refs/deps/*"];

/// What stands in a checkout beside its commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Files that git knows and that differ from `HEAD`, and submodules with changes or at another commit.
    pub(super) changed: usize,
    /// Files that git does not know.
    pub(super) untracked: usize,
}

/// Returns what stands in `repository` beside its commit. Submodules are passed over.
pub(super) fn changes(repository: &Repository) -> Result<Changes, git2::Error> {
    let mut options = StatusOptions::new();
    options.show(StatusShow::IndexAndWorkdir).include_untracked(true).exclude_submodules(true);
    let mut changes = Changes::default();
    for entry in repository.statuses(Some(&mut options))?.iter() {
        match entry.status().is_wt_new() {
            true if is_repository(repository, entry.path_bytes()) => {}
            true => changes.untracked += 1,
            false => changes.changed += 1,
        }
    }
    Ok(changes)
}

/// As [`changes`], and every submodule that is not as the commit has it counts as a changed file.
pub(super) fn changes_and_submodules(repository: &Repository) -> Result<Changes, git2::Error> {
    let mut changes = changes(repository)?;
    for submodule in repository.submodules()? {
        let status = repository.submodule_status(submodule.name()?, SubmoduleIgnore::Untracked)?;
        let is_as_committed = status.is_wd_uninitialized() || !status.is_wd_wd_modified() && !status.is_wd_modified();
        changes.changed += usize::from(!is_as_committed);
    }
    Ok(changes)
}

/// Returns why a checkout may not be moved from where it is: something is not committed or not done. Untracked files
/// stay where they are.
pub(super) fn unfinished(repository: &Repository) -> Result<Option<Reason>, git2::Error> {
    if let Some(operation) = operation(repository) {
        return Ok(Some(Reason::Unfinished { operation }));
    }
    let Changes { changed, untracked } = changes(repository)?;
    Ok((changed > 0).then_some(Reason::Changed { changed, untracked }))
}

fn operation(repository: &Repository) -> Option<&'static str> {
    match repository.state() {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("cherry-pick"),
        RepositoryState::Bisect => Some("bisect"),
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => Some("rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some("`git am`"),
    }
}

/// Returns what would be lost with the checkout: changes, commits that no remote is known to have, what was stashed, other
/// checkouts and work trees.
pub(super) fn unsaved(repository: &Repository) -> Result<Option<Reason>, git2::Error> {
    if let Some(reason) = unfinished(repository)? {
        return Ok(Some(reason));
    }
    let Changes { changed, untracked } = changes(repository)?;
    if untracked > 0 {
        return Ok(Some(Reason::Changed { changed, untracked }));
    }
    if repository.find_reference("refs/stash").is_ok() {
        return Ok(Some(Reason::Stash));
    }
    if !repository.worktrees()?.is_empty() {
        return Ok(Some(Reason::WorkTrees));
    }
    if let Some(own) = unpushed(repository)? {
        return Ok(Some(own));
    }
    let Some(top) = repository.workdir() else { return Ok(None) };
    for submodule in repository.submodules()? {
        // One that is not there has nothing to lose.
        let Ok(inner) = Repository::open(top.join(submodule.path())) else { continue };
        if let Some(reason) = unsaved(&inner)? {
            return Ok(Some(Reason::Submodule { path: submodule.path().to_path_buf(), reason: Box::new(reason) }));
        }
    }
    Ok(None)
}

/// Returns a local branch, tag or detached `HEAD` that leads to a commit which is surely nowhere else.
fn unpushed(repository: &Repository) -> Result<Option<Reason>, git2::Error> {
    let known = tips(repository, &SURELY_ELSEWHERE)?;
    let mut own: Vec<Reference<'_>> = repository.head().into_iter().collect();
    for pattern in ["refs/heads/*", "refs/tags/*"] {
        own.extend(repository.references_glob(pattern)?.collect::<Result<Vec<_>, _>>()?);
    }
    for reference in &own {
        let Ok(commit) = reference.peel_to_commit() else { continue };
        if !history::is_reached(repository, commit.id(), &known)? {
            return Ok(Some(named(reference, commit.id())));
        }
    }
    Ok(None)
}

/// Returns that `reference` leads to a commit which no remote is known to have; none when one is.
pub(super) fn own_commits(repository: &Repository, reference: &Reference<'_>) -> Result<Option<Reason>, git2::Error> {
    let Some(head) = reference.target() else { return Ok(None) };
    Ok((!is_known_elsewhere(repository, head)?).then(|| named(reference, head)))
}

fn named(reference: &Reference<'_>, head: Oid) -> Reason {
    let branch = if reference.name() == Ok("HEAD") { "HEAD" } else { reference.shorthand().unwrap_or("HEAD") };
    Reason::OwnCommits { branch: branch.to_owned(), head: head.to_string() }
}

/// Whether a branch of a remote, a tag or what `deps` brought here leads to `commit`.
pub(super) fn is_known_elsewhere(repository: &Repository, commit: Oid) -> Result<bool, git2::Error> {
    history::is_reached(repository, commit, &tips(repository, &ELSEWHERE)?)
}

/// Whether a branch `name` of a remote leads to `commit`.
pub(super) fn is_in_remote_branch(repository: &Repository, commit: Oid, name: &str) -> Result<bool, git2::Error> {
    let mut found = Vec::new();
    for branch in repository.branches(Some(BranchType::Remote))? {
        let branch = branch?.0.into_reference();
        // `refs/remotes/<remote>/<name>`; a remote's name may have slashes, too.
        let is_named = branch.name().is_ok_and(|full| full.ends_with(&format!("/{name}")));
        found.extend(branch.peel_to_commit().ok().filter(|_| is_named).map(|commit| commit.id()));
    }
    history::is_reached(repository, commit, &found)
}

fn tips(repository: &Repository, patterns: &[&str]) -> Result<Vec<Oid>, git2::Error> {
    let mut tips = Vec::new();
    for pattern in patterns {
        for reference in repository.references_glob(pattern)? {
            tips.extend(reference?.peel_to_commit().ok().map(|commit| commit.id()));
        }
    }
    tips.sort_unstable();
    tips.dedup();
    Ok(tips)
}

/// Whether `path` is, or leads only to, a checkout inside this one.
fn is_repository(repository: &Repository, path: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let Some(top) = repository.workdir() else { return false };
    let path = top.join(std::ffi::OsStr::from_bytes(path));
    path.join(".git").exists() || path.is_dir() && only_repositories(&path, 0)
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
