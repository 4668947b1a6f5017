//! From everything that people wrote and its lock to the records of its plans.

use std::collections::BTreeMap;

use deps_lock::{Entry, Lock};

use super::Loaded;
use crate::plan::Plan;
use crate::plan::record::{Pinned, Record, Told};
use crate::project::Platform;

impl Loaded {
    /// Returns what each of `plans`, which [`Loaded::plans`] made of the same `lock`, was made of.
    pub fn records(&self, lock: &Lock, plans: &[Plan]) -> Vec<Record> {
        let repositories = self.wishes.repositories.iter().filter_map(|(key, wish)| {
            let place = format!("{}/{}/", wish.dest, wish.path);
            Some((place, (key.name.to_string(), pinned(lock.get(key)?, None)?)))
        });
        let repositories: BTreeMap<String, (String, Pinned)> = repositories.collect();
        let record = |plan: &Plan| {
            let keys = self.wishes.inputs.keys().chain(self.wishes.fetches.keys());
            let inputs =
                keys.filter_map(|key| Some((key.name.to_string(), pinned(lock.get(key)?, Some(&plan.platform))?)));
            let inputs: BTreeMap<String, Pinned> = inputs.collect();
            let (project, extensions, configured) = (&self.project, &self.extensions, &self.configured);
            let (repositories, inputs) = (&repositories, &inputs);
            Record::of(plan, &Told { project, extensions, configured, repositories, inputs })
        };
        plans.iter().map(record).collect()
    }
}

/// Returns what an entry pins, on one platform where it matters.
fn pinned(entry: &Entry, platform: Option<&Platform>) -> Option<Pinned> {
    let (reference, rev) = match entry {
        Entry::Repo(git) | Entry::Input(git) => (&git.reference, git.rev.to_string()),
        Entry::Archive(archive) => (&archive.reference, archive.digest.to_string()),
        Entry::Revision(revision) => (&revision.reference, revision.pin.rev().to_owned()),
        Entry::Fetch(fetch) => {
            let of_platform = |sum: &deps_lock::Platform| platform.is_some_and(|one| is_same(sum, one));
            let sum = fetch.platforms.iter().find(|(platform, _)| of_platform(platform));
            (&fetch.reference, sum.or(fetch.platforms.first_key_value())?.1.to_string())
        }
        Entry::Ext(_) | Entry::Image(_) => return None,
    };
    Some(Pinned { reference: reference.as_ref().map(ToString::to_string), rev })
}

/// The lock writes platforms with `-`.
fn is_same(locked: &deps_lock::Platform, platform: &Platform) -> bool {
    locked.as_str() == platform.to_string().replace('/', "-")
}
