//! How far two commits of a repository are apart, for whoever reviews a lock.
//!
//! Decides that the store is believed where it has all of the history, and that a cut one says nothing: commits behind
//! the cut would count as new. Leaves out what follows from commits that are gone (`report/`).

use git2::{Oid, Repository, Sort};

use super::between::{fetched, line, unread};
use super::transport::Call;
use crate::resolve::{CommitLine, Divergence, Failure};
use crate::store::Store;

/// So many commits of a side are told one by one.
const MOST_TOLD: usize = 20;

/// Returns how far `from` and `to` are apart, as the store has it, else as the server does.
pub(crate) fn divergence(call: &Call<'_>, from: &str, to: &str) -> Result<Divergence, Failure> {
    let store = call.remotes.settings().store.as_ref();
    if let Some(known) = store.and_then(|store| known_divergence(store, call.url, from, to)) {
        return Ok(known);
    }
    let (history, [from, to]) = fetched(call, [from, to])?;
    read(history.repository(), from, to).map_err(unread(call))
}

/// Returns how far two commits of the repository at `url` are apart, where `store` has both with all of their history. Asks
/// nobody.
pub fn known_divergence(store: &Store, url: &str, from: &str, to: &str) -> Option<Divergence> {
    let repository = Repository::open_bare(store.repository(url).path()).ok()?;
    if repository.is_shallow() {
        return None;
    }
    read(&repository, Oid::from_str(from).ok()?, Oid::from_str(to).ok()?).ok()
}

fn read(repository: &Repository, from: Oid, to: Oid) -> Result<Divergence, git2::Error> {
    let ((ahead, added), (behind, dropped)) = (only(repository, to, from)?, only(repository, from, to)?);
    Ok(Divergence { ahead, behind, added, dropped })
}

/// Returns what leads to `tip` and not to `other`: how many, and the newest of them.
fn only(repository: &Repository, tip: Oid, other: Oid) -> Result<(usize, Vec<CommitLine>), git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(tip)?;
    walk.hide(other)?;
    let ids = walk.collect::<Result<Vec<_>, _>>()?;
    let lines = ids.iter().take(MOST_TOLD).map(|id| line(repository, *id)).collect::<Result<_, _>>()?;
    Ok((ids.len(), lines))
}
