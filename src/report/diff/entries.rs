//! From the entries that differ to rows: where they come from, how far they moved.
//!
//! Decides which rows an entry has: a change of its source and one of its version are two. Leaves out whether they are
//! what they say (`integrity.rs`), and what an extension has besides (`extensions.rs`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Change, Changed, Key, Kind, Lock, LockDiff};

use super::place::{Part, Place};
use super::said::Said;
use super::{ChangeKind, ChangeReport, History, Phrase, Review, Rows, Section, integrity, link, platforms};
use crate::resolve::Divergence;

/// So many entries of a new host are named.
const MOST_NAMED: usize = 5;

/// Adds the rows of all entries that differ.
pub(super) fn rows(review: &Review<'_>, rows: &mut Rows) {
    let diff = review.base.lock.diff(review.head.lock);
    let hosts = hosts(review.base.lock);
    new_hosts(review, &hosts, rows);
    for (key, change) in diff.changes() {
        match change {
            Change::Added(entry) => rows.push(section(key.kind), came(key, ChangeKind::Added, &Said::of(entry))),
            Change::Removed(entry) => rows.push(section(key.kind), came(key, ChangeKind::Removed, &Said::of(entry))),
            Change::Changed(changed) => {
                let (before, after) = (Said::of(changed.before), Said::of(changed.after));
                let one = One { key, before, after, changed, history: review.histories.get(key), hosts: &hosts };
                one.rows(rows);
            }
        }
    }
    of_file(&diff, rows);
}

/// What differs in the lock beside its entries.
fn of_file(diff: &LockDiff<'_>, rows: &mut Rows) {
    if let Some((before, after)) = diff.schema {
        let text = Phrase::of(&format!("schema {before} → {after}"), []);
        rows.push(Section::Cosmetic, ChangeReport::new(("file", "deps.lock"), ChangeKind::Layout, text));
    }
    for field in &diff.unknown {
        let text = Phrase::of("`{}`, which this version does not know", [&field.name]);
        let row = ChangeReport::new(("file", "deps.lock"), ChangeKind::UnknownKey, text);
        rows.push(Section::Cosmetic, row.values(field.before.as_deref(), field.after.as_deref()));
    }
}

/// Returns the section of a change of version. Extensions have their own rows.
fn section(kind: Kind) -> Section {
    match kind {
        Kind::Ext => Section::Extensions,
        Kind::Fetch => Section::UrlInputs,
        Kind::Image => Section::Images,
        Kind::Input | Kind::Repo => Section::Versions,
    }
}

/// The row of an entry that came or went.
fn came(key: &Key, change: ChangeKind, said: &Said<'_>) -> ChangeReport {
    let label = said.label();
    let (before, after) = if change == ChangeKind::Added { (None, Some(&label)) } else { (Some(&label), None) };
    let row =
        ChangeReport::of(key, change, Phrase::of(if change == ChangeKind::Added { "{}" } else { "was {}" }, [&label]));
    let row = row.values(before.map(String::as_str), after.map(String::as_str));
    match said.url {
        Some(url) if change == ChangeKind::Added => row.detail(Phrase::of("from {}", [url])),
        _ => row,
    }
}

/// The hosts that entries come from.
fn hosts(lock: &Lock) -> BTreeSet<String> {
    lock.iter().filter_map(|(_, entry)| Some(Said::of(entry).place?.host)).collect()
}

/// A row for each host that the base lock has nothing from, with the entries that are new from there.
fn new_hosts(review: &Review<'_>, known: &BTreeSet<String>, rows: &mut Rows) {
    let mut new: BTreeMap<String, Vec<&Key>> = BTreeMap::new();
    for (key, entry) in review.head.lock.iter().filter(|(key, _)| review.base.lock.get(key).is_none()) {
        if let Some(place) = Said::of(entry).place.filter(|place| !known.contains(&place.host)) {
            new.entry(place.shown_host().to_owned()).or_default().push(key);
        }
    }
    for (host, keys) in new {
        let named = keys.iter().take(MOST_NAMED).map(|key| Phrase::of(&format!("{} {{}}", key.kind), [&key.name]));
        let mut text = Phrase::of("nothing came from there before: ", []).and(listed(named));
        if keys.len() > MOST_NAMED {
            text = text.and(Phrase::of(&format!(" and {} more", keys.len() - MOST_NAMED), []));
        }
        let row = ChangeReport::new(("host", &host), ChangeKind::NewHost, text).values(None, Some(&host));
        rows.push(Section::SourceIdentity, with_letters(row, &host));
    }
}

/// Returns `phrases` with commas between them.
pub(super) fn listed(phrases: impl Iterator<Item = Phrase>) -> Phrase {
    phrases.enumerate().fold(Phrase::default(), |list, (number, phrase)| {
        list.and(Phrase::of(if number > 0 { ", " } else { "" }, [])).and(phrase)
    })
}

/// Says of a host with other letters than ASCII which they are: some look like others.
fn with_letters(row: ChangeReport, host: &str) -> ChangeReport {
    let spelled: String =
        host.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }).collect();
    if spelled == host { row } else { row.detail(Phrase::of("the host has other letters than ASCII: {}", [&spelled])) }
}

/// Returns the page that shows the commits: only where both are of one repository.
pub(super) fn compare(before: &Said<'_>, after: &Said<'_>) -> Option<String> {
    let same = before.place.as_ref()?.differences(after.place.as_ref()?);
    let same = same.iter().all(|(part, ..)| *part == Part::Scheme);
    let url = after.url.filter(|_| same && before.system == "git" && after.system == "git")?;
    link::compare(url, &before.pin, &after.pin)
}

/// One entry that changed.
pub(super) struct One<'a> {
    pub(super) key: &'a Key,
    pub(super) before: Said<'a>,
    pub(super) after: Said<'a>,
    pub(super) changed: &'a Changed<'a>,
    pub(super) history: Option<&'a Divergence>,
    hosts: &'a BTreeSet<String>,
}

impl One<'_> {
    fn rows(&self, rows: &mut Rows) {
        let pinned = self.before.pin != self.after.pin || self.before.system != self.after.system;
        self.source(rows, pinned);
        self.unpinned(rows);
        if pinned {
            integrity::alarm(self, rows);
            if self.key.kind != Kind::Ext {
                rows.push(section(self.key.kind), self.moved());
            }
        } else {
            self.cosmetic(rows);
        }
        for field in self.changed.fields.iter().filter(|field| !field.known) {
            let text = Phrase::of("`{}`, which this version does not know", [&field.name]);
            let row = ChangeReport::of(self.key, ChangeKind::UnknownKey, text);
            rows.push(Section::Cosmetic, row.values(field.before.as_deref(), field.after.as_deref()));
        }
    }

    /// Where it comes from.
    fn source(&self, rows: &mut Rows, pinned: bool) {
        let (before, after) = (&self.before, &self.after);
        if before.system != after.system {
            let text = Phrase::of(&format!("{} → {}", before.system, after.system), []);
            return rows.push(Section::SourceIdentity, self.source_row(ChangeKind::OtherSystem, text, pinned));
        }
        let (Some(old), Some(new)) = (&before.place, &after.place) else { return };
        let parts = old.differences(new);
        let change = match parts.first() {
            None => return,
            Some((Part::Host, ..)) => ChangeKind::OtherHost,
            Some((Part::Owner, ..)) => ChangeKind::OtherOwner,
            Some((Part::Name, ..)) => ChangeKind::OtherRepository,
            Some((Part::Scheme, ..)) => ChangeKind::OtherScheme,
        };
        let part =
            |(part, old, new): &(Part, &str, &str)| Phrase::of(&format!("{} {{}} → {{}}", part.word()), [*old, *new]);
        let row = self.source_row(change, listed(parts.iter().map(part)), pinned);
        rows.push(Section::SourceIdentity, self.warned(row, old, new));
    }

    /// Adds what is suspicious about where it comes from now.
    fn warned(&self, mut row: ChangeReport, old: &Place, new: &Place) -> ChangeReport {
        if !self.hosts.contains(&new.host) {
            row = with_letters(row.detail(Phrase::of("nothing came from this host before", [])), &new.host);
        }
        if new.is_unprotected() && !old.is_unprotected() {
            row = row.detail(Phrase::of(&format!("{} is not protected against changes on the way", new.scheme), []));
        }
        row
    }

    fn source_row(&self, change: ChangeKind, text: Phrase, pinned: bool) -> ChangeReport {
        let value = |said: &Said<'_>| said.url.or(said.reference).map(str::to_owned);
        let (before, after) = (value(&self.before), value(&self.after));
        let mut row = ChangeReport::of(self.key, change, text).values(before.as_deref(), after.as_deref());
        if let (Some(before), Some(after)) = (&before, &after) {
            row = row.detail(Phrase::of("was {}", [before])).detail(Phrase::of("now {}", [after]));
        }
        if pinned {
            row
        } else {
            row.detail(Phrase::of("its content is pinned to the same as before: nothing rebuilds", []))
        }
    }

    /// What stayed where it was, and follows a branch now.
    fn unpinned(&self, rows: &mut Rows) {
        let (before, after) = (self.before.asked(), self.after.asked());
        if !self.is_git() || before.moves() || !after.moves() {
            return;
        }
        let (old, new) = (self.before.label(), self.after.label());
        let text = Phrase::of(&format!("{} {{}} → {} {{}}", before.word(), after.word()), [&old, &new]);
        let row = ChangeReport::of(self.key, ChangeKind::Unpinned, text).values(Some(&old), Some(&new));
        let detail = "a later `deps update` takes whatever is on the branch then";
        rows.push(Section::SourceIdentity, row.detail(Phrase::of(detail, [])));
    }

    /// How far it moved.
    fn moved(&self) -> ChangeReport {
        let (old, new) = (self.before.asked(), self.after.asked());
        let (mut before, mut after) = (self.before.label(), self.after.label());
        let same = self.before.reference == self.after.reference;
        let mut text = match self.before.reference.filter(|_| same) {
            _ if same && let Some(differing) = platforms::differing(self.changed) => {
                let which = listed(differing.iter().map(platforms::OnPlatform::phrase));
                let reference = self.before.reference.map(|reference| Phrase::of("{}, ", [reference]));
                reference.unwrap_or_default().and(which)
            }
            Some(reference) => {
                (before, after) = (self.before.short_pin(), self.after.short_pin());
                Phrase::of("{} {} → {}", [reference, &before, &after])
            }
            None => Phrase::of("{} → {}", [&before, &after]),
        };
        if old.moved(&new).is_some_and(|one| one.direction == Ordering::Less) {
            text = text.and(Phrase::of(", back", []));
        }
        let mut row = ChangeReport::of(self.key, self.class(), text).values(Some(&before), Some(&after));
        if self.before.want != self.after.want {
            let word = |want: Option<&str>| want.unwrap_or("no requirement").to_owned();
            row = row.detail(Phrase::of("asked for {} → {}", [&word(self.before.want), &word(self.after.want)]));
        }
        row.history = self.history.map(History::of);
        row.link = compare(&self.before, &self.after);
        row
    }

    /// What kind of move it is.
    fn class(&self) -> ChangeKind {
        let (old, new) = (self.before.asked(), self.after.asked());
        let same = self.before.reference == self.after.reference;
        match old.moved(&new) {
            Some(moved) => moved.class,
            None if self.key.kind == Kind::Image && same => ChangeKind::Digest,
            None if self.key.kind == Kind::Image => ChangeKind::Tag,
            None if same && matches!(self.after.system, "tar" | "zip" | "url") => ChangeKind::Digest,
            None if same && new.moves() => ChangeKind::Commits,
            None if old.moves() && new.moves() => ChangeKind::OtherBranch,
            None => ChangeKind::OtherVersion,
        }
    }

    /// What is spelled otherwise while the content is the same.
    fn cosmetic(&self, rows: &mut Rows) {
        let spelled = self.before.url != self.after.url && self.before.place == self.after.place;
        let wish = [("want", self.before.want, self.after.want), ("ref", self.before.reference, self.after.reference)];
        let mut push = |change, text, before: Option<&str>, after: Option<&str>| {
            rows.push(Section::Cosmetic, ChangeReport::of(self.key, change, text).values(before, after));
        };
        if let (Some(before), Some(after)) = (self.before.url.filter(|_| spelled), self.after.url) {
            push(
                ChangeKind::Url,
                Phrase::of("the same place, spelled {} → {}", [before, after]),
                Some(before),
                Some(after),
            );
        }
        for (name, before, after) in wish.into_iter().filter(|(_, before, after)| before != after) {
            let word = |value: Option<&str>| value.unwrap_or("nothing").to_owned();
            let text = Phrase::of(&format!("{name} {{}} → {{}}, pinned to the same"), [&word(before), &word(after)]);
            push(ChangeKind::Wish, text, before, after);
        }
    }

    pub(super) fn is_git(&self) -> bool {
        self.before.system == "git" && self.after.system == "git"
    }
}
