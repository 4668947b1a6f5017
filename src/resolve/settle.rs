//! A lock in which a merge stopped: which side of each entry stays, by what is asked for. Pure.
//!
//! Decides it for entries that both sides changed: the side that fits what the project asks for now. Where both fit, the
//! higher version of a requirement stays; of anything else nobody can say which is newer, so it is asked anew, as it is
//! where neither fits. Leaves out how the sides are read from the file (crate `deps-lock`).

use std::collections::BTreeSet;

use deps_lock::{Conflict, Entry, Key, Lock, Place, merge};

use super::drift::drift;
use super::origin::{self, Origins};
use super::wishes::Wishes;
use crate::manifest::Wish;
use crate::manifest::version::highest;

/// A merge of locks that stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// What both sides began with, if the file shows it.
    pub base: Option<Lock>,
    /// The first side.
    pub ours: Lock,
    /// The second side.
    pub theirs: Lock,
}

/// One of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    Ours,
    /// The second.
    Theirs,
}

/// What becomes of an entry that the sides have differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// As on the side that alone changed it; without a base, on the side that alone has it.
    Alone(Side),
    /// Removed, as on the side that alone changed it.
    Removed(Side),
    /// What both sides changed, as neither depends on the other.
    Both,
    /// As on the side that alone fits what is asked for.
    Fits(Side),
    /// As on the side that has the higher of two versions that fit.
    Higher(Side),
    /// Asked anew: both fit, and nothing says which is newer.
    Undecided,
    /// Asked anew: neither fits.
    Neither,
}

/// What became of a merge that stopped.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The entries that stay; what is asked anew is not among them.
    pub lock: Lock,
    /// Every entry that the sides have differently, in the order of the file.
    pub choices: Vec<(Key, Choice)>,
    /// What no wish can decide: keys and tables that this version does not know.
    pub open: Vec<Place>,
}

impl Stopped {
    /// Returns what stays before the files of extensions from git are known, from which follows what else is asked for.
    pub fn before_origins(&self, origins: &Origins) -> Lock {
        let fits = |key: &Key, side: &Lock| {
            origins.get(key).is_some_and(|wish| origin::drift(key, wish, side.get(key)).is_none())
        };
        let requirement = |key: &Key| origins.get(key).map(|origin| &origin.git.wish);
        self.choose(fits, requirement).lock
    }

    /// Returns what stays, by what is asked for.
    pub fn settle(&self, wishes: &Wishes) -> Settled {
        let unfit = |lock: &Lock| -> BTreeSet<Key> {
            drift(wishes, lock, "").iter().filter_map(|drift| drift.key().cloned()).collect()
        };
        let (ours, theirs) = (unfit(&self.ours), unfit(&self.theirs));
        let fits = |key: &Key, side: &Lock| {
            let unfit = if std::ptr::eq(side, &self.ours) { &ours } else { &theirs };
            side.get(key).is_some() && !unfit.contains(key)
        };
        let requirement = |key: &Key| {
            let repository = wishes.repositories.get(key).map(|wish| &wish.git.wish);
            repository.or_else(|| wishes.inputs.get(key).map(|wish| &wish.wish))
        };
        self.choose(fits, requirement)
    }

    /// Merges, and takes the side of each conflict that `fits`; `wish` is what git entries are asked for by.
    fn choose<'a>(&self, fits: impl Fn(&Key, &Lock) -> bool, wish: impl Fn(&Key) -> Option<&'a Wish>) -> Settled {
        let nothing = Lock::new();
        let merge = merge(self.base.as_ref().unwrap_or(&nothing), &self.ours, &self.theirs);
        let mut settled = Settled { lock: merge.lock().clone(), choices: Vec::new(), open: Vec::new() };
        for conflict in merge.conflicts() {
            let Place::Entry(key) = conflict.place else {
                settled.open.push(conflict.place.clone());
                continue;
            };
            let choice = match (fits(key, &self.ours), fits(key, &self.theirs)) {
                (true, false) => Choice::Fits(Side::Ours),
                (false, true) => Choice::Fits(Side::Theirs),
                (true, true) => wish(key).and_then(|wish| higher(wish, &conflict)).unwrap_or(Choice::Undecided),
                (false, false) => Choice::Neither,
            };
            let kept = match choice {
                Choice::Fits(Side::Ours) | Choice::Higher(Side::Ours) => conflict.ours,
                Choice::Fits(Side::Theirs) | Choice::Higher(Side::Theirs) => conflict.theirs,
                _ => None,
            };
            settled.lock_in(key, kept);
            settled.choices.push((key.clone(), choice));
        }
        let keys: BTreeSet<&Key> = self.ours.iter().chain(self.theirs.iter()).map(|(key, _)| key).collect();
        let decided: BTreeSet<Key> = settled.choices.iter().map(|(key, _)| key.clone()).collect();
        for key in keys.into_iter().filter(|key| !decided.contains(key)) {
            settled.choices.extend(self.agreed(key, merge.lock()).map(|choice| (key.clone(), choice)));
        }
        settled.choices.sort_by(|(a, _), (b, _)| a.cmp(b));
        settled
    }

    /// Returns how an entry was merged without a conflict; none where there was nothing to merge.
    fn agreed(&self, key: &Key, merged: &Lock) -> Option<Choice> {
        let (ours, theirs) = (self.ours.get(key), self.theirs.get(key));
        match merged.get(key) {
            _ if ours == theirs => None,
            None if ours.is_none() => Some(Choice::Removed(Side::Ours)),
            None => Some(Choice::Removed(Side::Theirs)),
            merged if merged == ours => Some(Choice::Alone(Side::Ours)),
            merged if merged == theirs => Some(Choice::Alone(Side::Theirs)),
            Some(_) => Some(Choice::Both),
        }
    }
}

impl Settled {
    fn lock_in(&mut self, key: &Key, entry: Option<&Entry>) {
        if let Some(entry) = entry {
            self.lock.insert(key.name.clone(), entry.clone());
        }
    }
}

/// Returns the side with the higher of two versions that meet a requirement.
fn higher(wish: &Wish, conflict: &Conflict<'_>) -> Option<Choice> {
    let Wish::Requirement(requirement, _) = wish else { return None };
    let (ours, theirs) = (tag(conflict.ours?)?, tag(conflict.theirs?)?);
    let higher = highest(requirement, [ours, theirs]).filter(|_| ours != theirs)?;
    Some(Choice::Higher(if higher == ours { Side::Ours } else { Side::Theirs }))
}

fn tag(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Repo(git) | Entry::Input(git) => git.reference.as_deref(),
        Entry::Ext(extension) => extension.origin.as_ref()?.reference.as_deref(),
        _ => None,
    }
}
