//! The refs of a repository as they were at a date, as far as history tells.
//!
//! Decides what that means: a branch is at the newest commit that its first parents lead to and that was committed by then, a
//! tag counts when it was made by then (where it has no maker, when its commit was). What was rewritten or removed since,
//! nobody knows any more.

use git2::{Commit, Repository};

use super::history::{BRANCHES_AND_TAGS, History};
use super::refs::sorted;
use super::transport::{Call, Depth, list};
use crate::resolve::{Failure, Head, Refs};

/// Returns the refs that were there `before` a moment, in seconds since 1970, or at it.
pub(crate) fn refs(call: &Call<'_>, before: i64) -> Result<Refs, Failure> {
    let now = sorted(list(call)?);
    let detached = now.head.as_ref().is_some_and(|head| head.branch.is_none());
    let head = detached.then_some("+HEAD:refs/head/HEAD");
    let mut history = History::new(call)?;
    let refspecs = BRANCHES_AND_TAGS.into_iter().chain(head).map(str::to_owned).collect();
    history.take(call, refspecs, Depth::Commits)?;
    let repository = history.repository();
    let at = |full: &str| newest(repository.find_reference(full).ok()?.peel_to_commit().ok()?, before);
    let branches = now.branches.into_keys().filter_map(|name| {
        let rev = at(&format!("refs/heads/{name}"))?;
        Some((name, rev))
    });
    let head = now.head.and_then(|head| {
        let full =
            head.branch.as_ref().map_or_else(|| "refs/head/HEAD".to_owned(), |name| format!("refs/heads/{name}"));
        Some(Head { rev: at(&full)?, branch: head.branch })
    });
    let tags = now.tags.into_iter().filter(|(name, _)| is_older(repository, name, before));
    Ok(Refs { head, branches: branches.collect(), tags: tags.collect(), others: Default::default() })
}

/// Returns the first of `commit` and its first parents that was committed by then.
fn newest(mut commit: Commit<'_>, before: i64) -> Option<String> {
    while commit.time().seconds() > before {
        commit = commit.parent(0).ok()?;
    }
    Some(commit.id().to_string())
}

fn is_older(repository: &Repository, tag: &str, before: i64) -> bool {
    let Ok(reference) = repository.find_reference(&format!("refs/tags/{tag}")) else { return false };
    let made = reference.peel_to_tag().ok().and_then(|tag| Some(tag.tagger()?.when().seconds()));
    let committed = || reference.peel_to_commit().ok().map(|commit| commit.time().seconds());
    made.or_else(committed).is_some_and(|time| time <= before)
}
