//! What a file that is another one on another platform changed, platform by platform.
//!
//! Decides which platforms have other bytes at the url that they had: the url of all may differ only because there are
//! other platforms. Leaves out what is an alarm (`integrity.rs`).

use std::collections::BTreeSet;

use deps_lock::{Changed, Entry, Platform, Sha256};

use super::{Phrase, short};

/// A platform whose file differs.
pub(super) struct OnPlatform<'a> {
    platform: &'a Platform,
    before: Option<&'a Sha256>,
    after: Option<&'a Sha256>,
    /// Whether it has the url that it had.
    same_url: bool,
}

/// Returns the platforms whose files differ, sorted; none where the entries are no fetched files.
pub(super) fn differing<'a>(changed: &Changed<'a>) -> Option<Vec<OnPlatform<'a>>> {
    let (Entry::Fetch(before), Entry::Fetch(after)) = (changed.before, changed.after) else { return None };
    let all: BTreeSet<&Platform> = before.platforms.keys().chain(after.platforms.keys()).collect();
    let one = |platform| OnPlatform {
        platform,
        before: before.platforms.get(platform),
        after: after.platforms.get(platform),
        same_url: before.url_of(platform) == after.url_of(platform),
    };
    Some(all.into_iter().map(one).filter(|one| one.before != one.after).collect())
}

impl OnPlatform<'_> {
    /// Returns whether other bytes are where others were before.
    pub(super) fn is_replaced(&self) -> bool {
        self.same_url && self.before.is_some() && self.after.is_some()
    }

    pub(super) fn phrase(&self) -> Phrase {
        let sum = |sum: Option<&Sha256>| sum.map(|sum| short(sum)).unwrap_or_default();
        let (before, after) = (sum(self.before), sum(self.after));
        match (self.before, self.after) {
            (None, _) => Phrase::of("{} added", [self.platform]),
            (_, None) => Phrase::of("{} removed", [self.platform]),
            _ => Phrase::of("{} {} → {}", [self.platform, &before, &after]),
        }
    }
}
