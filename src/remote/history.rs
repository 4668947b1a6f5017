//! Commits without their files: histories in temporary repositories, and which commit leads to which.
//!
//! Decides that history is fetched with the `git` program first, which can leave the files out. Leaves out what follows
//! from who leads to whom (`holders.rs`, and whoever bisects).

use std::collections::{BTreeMap, BTreeSet};

use git2::{Oid, Repository};

use super::transport::{Call, Depth, Order, fetch, fetch_with_program};
use super::trouble::Trouble;
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::create_bare;

/// Everything that a clone has.
pub(crate) const BRANCHES_AND_TAGS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// A temporary repository, removed when it is dropped.
pub(crate) struct History {
    repository: Repository,
    _folder: tempfile::TempDir,
}

/// Which commits have which parents.
#[derive(Debug, Default)]
pub(crate) struct Ancestry {
    parents: BTreeMap<Oid, Vec<Oid>>,
}

impl History {
    /// Makes an empty one.
    pub(crate) fn new(call: &Call<'_>) -> Result<Self, Failure> {
        let folder = match &call.remotes.settings().scratch {
            Some(scratch) => tempfile::tempdir_in(scratch),
            None => tempfile::tempdir(),
        };
        let folder = folder.map_err(|error| unmade(call, &error.to_string()))?;
        let made = create_bare(&folder.path().join("history.git"));
        Ok(Self { repository: made.map_err(|error| unmade(call, error.message()))?, _folder: folder })
    }

    /// Fetches `refspecs` into it.
    pub(crate) fn take(&mut self, call: &Call<'_>, refspecs: Vec<String>, depth: Depth) -> Result<(), Failure> {
        let (path, order) = (self.repository.path().to_owned(), Order { refspecs, depth });
        let by_program = || (depth == Depth::Commits).then(|| fetch_with_program(call, &path, &order)).flatten();
        by_program().unwrap_or_else(|| fetch(call, &path, &order))?;
        // The `git` program may have written what this handle has not seen.
        self.repository = Repository::open_bare(&path).map_err(|error| unmade(call, error.message()))?;
        Ok(())
    }

    /// Returns whether the server hands out the commit `rev`, whether or not a ref leads to it.
    ///
    /// libgit2 takes a refusal for a lost connection where it has commits to offer, so it asks with none, and for no more than this one.
    pub(crate) fn serves(&mut self, call: &Call<'_>, rev: &str) -> Result<bool, Failure> {
        let order = |depth| Order { refspecs: vec![format!("+{rev}:refs/served/{rev}")], depth };
        let taken = fetch_with_program(call, self.repository.path(), &order(Depth::Commits));
        let alone = || fetch(call, Self::new(call)?.repository.path(), &order(Depth::One));
        match taken.unwrap_or_else(alone) {
            Ok(()) => Ok(true),
            Err(failure) if failure.kind == FailureKind::NoSuchCommit => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Returns the repository.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the commit of every ref below `prefix`, by the ref's full name.
    pub(crate) fn tips(&self, prefix: &str) -> BTreeMap<String, Oid> {
        let Ok(references) = self.repository.references_glob(&format!("{prefix}*")) else { return BTreeMap::new() };
        let tip = |reference: git2::Reference<'_>| {
            Some((reference.name().ok()?.to_owned(), reference.peel_to_commit().ok()?.id()))
        };
        references.flatten().filter_map(tip).collect()
    }
}

fn unmade(call: &Call<'_>, cause: &str) -> Failure {
    let trouble = Trouble::new(FailureKind::Local, "no temporary repository can be made", cause);
    call.failure(trouble, 0, Transport::Nobody)
}

impl Ancestry {
    /// Reads the commits that `tips` lead to, as far as `repository` has them: a history may be cut.
    pub(crate) fn read(repository: &Repository, tips: impl IntoIterator<Item = Oid>) -> Self {
        let (mut parents, mut open) = (BTreeMap::new(), tips.into_iter().collect::<Vec<_>>());
        while let Some(id) = open.pop() {
            if parents.contains_key(&id) {
                continue;
            }
            let Ok(commit) = repository.find_commit(id) else { continue };
            let above: Vec<Oid> = commit.parent_ids().collect();
            open.extend(&above);
            parents.insert(id, above);
        }
        Self { parents }
    }

    /// Returns the commits that lead to `commit`, itself among them; nothing when it is not there.
    pub(crate) fn leading_to(&self, commit: Oid) -> BTreeSet<Oid> {
        let mut children: BTreeMap<Oid, Vec<Oid>> = BTreeMap::new();
        for (child, parents) in &self.parents {
            parents.iter().for_each(|parent| children.entry(*parent).or_default().push(*child));
        }
        let (mut found, mut open) = (BTreeSet::new(), vec![commit]);
        while let Some(id) = open.pop() {
            if self.parents.contains_key(&id) && found.insert(id) {
                open.extend(children.get(&id).into_iter().flatten());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_leads_to_both_sides_and_a_missing_commit_to_nothing() {
        let id = |digit: &str| Oid::from_str(&digit.repeat(40)).unwrap();
        let (root, left, right, merge, lone) = (id("1"), id("2"), id("3"), id("4"), id("5"));
        let parents = [
            (root, vec![]),
            (left, vec![root]),
            (right, vec![root]),
            (merge, vec![left, right]),
            (lone, vec![id("9")]),
        ];
        let ancestry = Ancestry { parents: parents.into() };
        assert_eq!(ancestry.leading_to(left), [left, merge].into());
        assert_eq!(ancestry.leading_to(root), [root, left, right, merge].into());
        assert_eq!(ancestry.leading_to(id("9")), [].into());
    }
}
