//! The commits between two, for whoever looks for the one that broke something.
//!
//! Decides what lies between: what leads to the second and not to where the two part. Leaves out which one it is
//! (`bisect/`).

use git2::{Oid, Repository, Sort};

use super::history::{BRANCHES_AND_TAGS, History};
use super::transport::{Call, Depth};
use super::trouble::Trouble;
use crate::resolve::{Between, CommitLine, Failure, FailureKind, Transport};

/// Returns what lies between `good` and `bad`.
pub(crate) fn between(call: &Call<'_>, good: &str, bad: &str) -> Result<Between, Failure> {
    let (history, [first, last]) = fetched(call, [good, bad])?;
    read(history.repository(), first, last).map_err(unread(call))
}

/// Returns the history of all branches and tags, and of two commits, whoever leads to them.
pub(super) fn fetched(call: &Call<'_>, revs: [&str; 2]) -> Result<(History, [Oid; 2]), Failure> {
    let id = |rev: &str| Oid::from_str(rev).map_err(unread(call));
    let ids = [id(revs[0])?, id(revs[1])?];
    let mut history = History::new(call)?;
    history.take(call, BRANCHES_AND_TAGS.map(str::to_owned).to_vec(), Depth::Commits)?;
    for id in ids {
        // A commit that was rewritten away may still be handed out.
        if history.repository().find_commit(id).is_err() {
            history.take(call, vec![format!("+{id}:refs/served/{id}")], Depth::Commits)?;
        }
    }
    Ok((history, ids))
}

/// Returns how a history fails that git cannot read.
pub(super) fn unread(call: &Call<'_>) -> impl Fn(git2::Error) -> Failure {
    |error| {
        let trouble = Trouble::new(FailureKind::Local, "the history cannot be read", error.message());
        call.failure(trouble, 0, Transport::Nobody)
    }
}

fn read(repository: &Repository, good: Oid, bad: Oid) -> Result<Between, git2::Error> {
    let Ok(base) = repository.merge_base(good, bad) else { return Ok(Between::default()) };
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(bad)?;
    walk.hide(base)?;
    let commits = walk.map(|id| line(repository, id?)).collect::<Result<_, _>>()?;
    Ok(Between { base: Some(base.to_string()), commits })
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
