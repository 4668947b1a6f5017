//! The commits between two, for whoever looks for the one that broke something.
//!
//! Decides what lies between: what leads to the second and not to where the two part. Leaves out which one it is
//! (`bisect/`).

use git2::{Oid, Repository, Sort};

use super::history::{BRANCHES_AND_TAGS, History};
use super::transport::{Call, Depth};
use super::trouble::Trouble;
use crate::resolve::{Between, CommitLine, Failure, FailureKind, Transport};

/// What stands beside the refs of another repository.
const BRANCHES_AND_TAGS_BEFORE: [&str; 2] = ["+refs/heads/*:refs/before/heads/*", "+refs/tags/*:refs/before/tags/*"];

/// Returns what lies between `good`, a commit of the first of two repositories, and `bad`, one of the second.
pub(crate) fn between(calls: [&Call<'_>; 2], good: &str, bad: &str) -> Result<Between, Failure> {
    let [before, call] = calls;
    let (history, [first, last]) = match before.url == call.url {
        true => fetched(call, [good, bad])?,
        false => fetched_from_both(before, call, [good, bad])?,
    };
    read(history.repository(), first, last).map_err(unread(call))
}

/// Returns the history of all branches and tags, and of two commits, whoever leads to them.
pub(super) fn fetched(call: &Call<'_>, revs: [&str; 2]) -> Result<(History, [Oid; 2]), Failure> {
    let ids = ids(call, revs)?;
    let mut history = History::new(call)?;
    history.take(call, BRANCHES_AND_TAGS.map(str::to_owned).to_vec(), Depth::Commits)?;
    for id in ids {
        take_commit(&mut history, call, id)?;
    }
    Ok((history, ids))
}

/// The same, of the repository of the second commit, and of that of the first where it takes that.
fn fetched_from_both(before: &Call<'_>, call: &Call<'_>, revs: [&str; 2]) -> Result<(History, [Oid; 2]), Failure> {
    let [first, last] = ids(call, revs)?;
    let mut history = History::new(call)?;
    history.take(call, BRANCHES_AND_TAGS.map(str::to_owned).to_vec(), Depth::Commits)?;
    take_commit(&mut history, call, last)?;
    if history.repository().find_commit(first).is_err() {
        history.take(before, BRANCHES_AND_TAGS_BEFORE.map(str::to_owned).to_vec(), Depth::Commits)?;
        take_commit(&mut history, before, first)?;
    }
    Ok((history, [first, last]))
}

fn ids(call: &Call<'_>, revs: [&str; 2]) -> Result<[Oid; 2], Failure> {
    let id = |rev: &str| Oid::from_str(rev).map_err(unread(call));
    Ok([id(revs[0])?, id(revs[1])?])
}

/// A commit that was rewritten away may still be handed out.
fn take_commit(history: &mut History, call: &Call<'_>, id: Oid) -> Result<(), Failure> {
    if history.repository().find_commit(id).is_ok() {
        return Ok(());
    }
    history.take(call, vec![format!("+{id}:refs/served/{id}")], Depth::Commits)
}

/// Returns how a history fails that git cannot read.
pub(super) fn unread(call: &Call<'_>) -> impl Fn(git2::Error) -> Failure {
    |error| {
        let trouble = Trouble::new(FailureKind::Local, "the history cannot be read", error.message());
        call.failure(trouble, 0, Transport::Nobody)
    }
}

fn read(repository: &Repository, good: Oid, bad: Oid) -> Result<Between, git2::Error> {
    let Ok(bases) = repository.merge_bases(good, bad) else { return Ok(Between::default()) };
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(bad)?;
    walk.hide(good)?;
    let commits = walk.map(|id| line(repository, id?)).collect::<Result<_, _>>()?;
    let mut bases: Vec<String> = bases.iter().map(ToString::to_string).collect();
    bases.sort();
    Ok(Between { bases, commits })
}

/// Returns what a log says of a commit.
pub(super) fn line(repository: &Repository, id: Oid) -> Result<CommitLine, git2::Error> {
    let commit = repository.find_commit(id)?;
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(CommitLine {
        id: id.to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        author: text(author.name_bytes()),
        date: author.when().seconds(),
        subject: commit.summary_bytes().map(text).unwrap_or_default(),
    })
}
