//! Whether what a lock pins is what its name says: by comparing two locks, and by what servers say.
//!
//! Decides what is an alarm. Leaves out asking servers (`resolve/verify/`), and how a version that went back is counted
//! (`version.rs`).

use std::cmp::Ordering;

use super::entries::{One, listed};
use super::{ChangeKind, ChangeReport, Phrase, Review, Rows, Section, platforms, short};
use crate::resolve::{Divergence, Finding, FindingKind, Held};

/// So many refs are named.
const MOST_REFS: usize = 3;

/// Adds a row when `one` is not what its name says, or went back.
pub(super) fn alarm(one: &One<'_>, rows: &mut Rows) {
    if let Some((change, text)) = one.pinned_elsewhere().or_else(|| one.lost_commits()) {
        let row = ChangeReport::of(one.key, change, text);
        rows.push(Section::Integrity, row.values(Some(&one.before.pin), Some(&one.after.pin)));
    }
}

/// Adds what servers say.
pub(super) fn findings(review: &Review<'_>, rows: &mut Rows) {
    for Finding { key, place: _, kind } in &review.findings {
        if let Some((change, text)) = found(kind) {
            let row = ChangeReport::of(key, change, text);
            let row = kind.held().map(kept).into_iter().fold(row, ChangeReport::detail);
            rows.push(Section::Integrity, row);
        }
    }
}

impl One<'_> {
    /// By the two locks alone.
    fn pinned_elsewhere(&self) -> Option<(ChangeKind, Phrase)> {
        let (before, after) = (&self.before, &self.after);
        let (old, new) = (before.asked(), after.asked());
        let same = before.reference == after.reference && before.system == after.system;
        let pins = [short(&before.pin), short(&after.pin)];
        if self.is_git() && same && new.is_tag() {
            let words = [new.name().unwrap_or_default(), &pins[0], &pins[1]];
            return Some((ChangeKind::TagMoved, Phrase::of("tag {} is another commit: {} → {}", words)));
        }
        if self.is_git() && old.moved(&new).is_some_and(|one| one.direction == Ordering::Less) {
            let text = Phrase::of("{} → {} is an older version", [&before.label(), &after.label()]);
            return Some((ChangeKind::Rollback, text));
        }
        if let Some(platforms) = platforms::differing(self.changed) {
            let mut replaced = platforms.iter().filter(|one| same && one.is_replaced()).peekable();
            replaced.peek()?;
            let which = listed(replaced.map(platforms::OnPlatform::phrase));
            return Some((ChangeKind::OtherContent, Phrase::of("other bytes at the same url: ", []).and(which)));
        }
        let other = || Phrase::of("other bytes at the same url: {} → {}", [&pins[0], &pins[1]]);
        (same && self.is_archive()).then(|| (ChangeKind::OtherContent, other()))
    }

    /// By the history of a branch.
    fn lost_commits(&self) -> Option<(ChangeKind, Phrase)> {
        let new = self.after.asked();
        let same = self.before.reference == self.after.reference && self.before.system == self.after.system;
        let Divergence { ahead, behind, .. } = self.history.filter(|one| same && new.moves() && one.behind > 0)?;
        let commits = crate::report::count(*behind, "commit", "commits");
        // Without a version it is the default branch.
        let name = [new.name().unwrap_or("HEAD")];
        Some(match ahead {
            0 => (ChangeKind::Rollback, Phrase::of(&format!("{{}} went back by {commits}"), name)),
            _ => (ChangeKind::Rewritten, Phrase::of(&format!("{{}} lost {commits}: its history was rewritten"), name)),
        })
    }

    fn is_archive(&self) -> bool {
        matches!(self.after.system, "tar" | "zip") && self.before.url == self.after.url
    }
}

/// Returns what a server says; none where it says nothing.
fn found(kind: &FindingKind) -> Option<(ChangeKind, Phrase)> {
    use ChangeKind::{Endangered, Gone, NotOnRef, OtherContent, Rewritten, TagMoved};
    Some(match kind {
        FindingKind::TagMoved { tag, from, to, .. } => {
            let text = "the server has tag {} at {}, the lock has {}";
            (TagMoved, Phrase::of(text, [tag, &short(to), &short(from)]))
        }
        FindingKind::Rewritten { what, name, rev, tip, .. } => {
            let text = format!("the server has {what} {{}} at {{}}, which does not lead to {{}}");
            (Rewritten, Phrase::of(&text, [name, &short(tip), &short(rev)]))
        }
        FindingKind::Vanished { what, name, rev, .. } => {
            let text = format!("the server has no {what} {{}}, which led to {{}}");
            (NotOnRef, Phrase::of(&text, [name, &short(rev)]))
        }
        FindingKind::Endangered { rev, by } => {
            (Endangered, Phrase::of("nothing but ", []).and(named(by)).and(Phrase::of(" leads to {}", [&short(rev)])))
        }
        FindingKind::Unheld { rev } => {
            (Endangered, Phrase::of("no ref leads to {}: the server may drop it any day", [&short(rev)]))
        }
        FindingKind::Gone { rev } => (Gone, Phrase::of("the server does not have {}", [&short(rev)])),
        FindingKind::ImageGone { reference, .. } => (Gone, Phrase::of("the registry does not have {}", [reference])),
        FindingKind::FileGone { url, message } => (Gone, Phrase::of("{} is gone: {}", [url, message])),
        FindingKind::FileChanged { url, found, locked } => {
            let text = format!("{{}} has {found} bytes, the locked file has {locked}");
            (OtherContent, Phrase::of(&text, [url]))
        }
        FindingKind::RevisionGone { rev } => (Gone, Phrase::of("the repository does not have {}", [rev])),
        FindingKind::Remote(_) => return None,
    })
}

/// What keeps a commit that its own ref does not keep.
fn kept(held: &Held) -> Phrase {
    match held {
        Held::Refs(refs) => Phrase::of("the locked commit is kept by ", []).and(named(refs)),
        Held::Requests(refs) => Phrase::of("the locked commit is endangered: nothing but ", [])
            .and(named(refs))
            .and(Phrase::of(" leads to it", [])),
        Held::Nobody => Phrase::of("the locked commit is endangered: no ref leads to it any more", []),
        Held::Gone => Phrase::of("the locked commit is gone: the server does not hand it out", []),
    }
}

/// Names a few refs, the shortest way that is clear.
fn named(refs: &[String]) -> Phrase {
    let short = |name: &String| Phrase::theirs(name.strip_prefix("refs/heads/").unwrap_or(name));
    let names = listed(refs.iter().take(MOST_REFS).map(short));
    match refs.len().saturating_sub(MOST_REFS) {
        0 => names,
        more => names.and(Phrase::of(&format!(" and {more} more"), [])),
    }
}
