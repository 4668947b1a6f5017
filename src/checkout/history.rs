//! Which commits lead to which, also where a history was cut.
//!
//! libgit2's own walks know nothing of `shallow` and fail where it cuts; its commits do, so a cut history is walked here.

use std::collections::BTreeSet;

use git2::{Oid, Repository};

/// Whether one of `tips` leads to `commit`, or is it.
pub(super) fn is_reached(repository: &Repository, commit: Oid, tips: &[Oid]) -> Result<bool, git2::Error> {
    if tips.contains(&commit) {
        return Ok(true);
    }
    if repository.is_shallow() {
        return Ok(ancestry(repository, tips).contains(&commit));
    }
    let mut walk = repository.revwalk()?;
    walk.push(commit)?;
    tips.iter().try_for_each(|tip| walk.hide(*tip))?;
    // The youngest commit comes first: nothing is left exactly when `commit` is reached.
    walk.next().transpose().map(|left| left.is_none())
}

/// Returns how many commits each of the two has that the other has not; none where the histories end before they meet.
pub(super) fn distance(repository: &Repository, one: Oid, other: Oid) -> Option<(usize, usize)> {
    if one == other {
        return Some((0, 0));
    }
    if !repository.is_shallow() {
        return repository.graph_ahead_behind(one, other).ok();
    }
    let (first, second) = (ancestry(repository, &[one]), ancestry(repository, &[other]));
    let only = |these: &BTreeSet<Oid>, those: &BTreeSet<Oid>| these.difference(those).count();
    (!first.is_disjoint(&second)).then(|| (only(&first, &second), only(&second, &first)))
}

/// Returns the commits that `tips` lead to, themselves among them. What is not there leads nowhere.
fn ancestry(repository: &Repository, tips: &[Oid]) -> BTreeSet<Oid> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<Oid> = tips.to_vec();
    while let Some(id) = open.pop() {
        let Ok(commit) = repository.find_commit(id) else { continue };
        if seen.insert(id) {
            open.extend(commit.parent_ids());
        }
    }
    seen
}
