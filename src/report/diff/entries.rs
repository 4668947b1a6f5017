//! From the entries that differ to rows: where they come from, whether they are what they say, how far they moved.
//!
//! Decides which rows an entry has: a change of its source and one of its version are two. Leaves out what an extension
//! has besides (`extensions.rs`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Change, Changed, Entry, Key, Kind, Lock};

use super::place::{Part, Place};
use super::version::Asked;
use super::{ChangeKind, ChangeReport, History, Phrase, Review, Rows, Section, link, short};

/// So many entries of a new host are named.
const MOST_NAMED: usize = 5;

/// What an entry says, whatever its kind.
pub(super) struct Said<'a> {
    /// What fetches it: `git`, `tar`, `zip`, `hg`, `svn`, `url`, `image`, or `built in`.
    pub(super) system: &'static str,
    pub(super) want: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    /// What it is pinned to; of a file for several platforms, all digests.
    pub(super) pin: String,
    /// None for images and what is built in.
    pub(super) url: Option<&'a str>,
    pub(super) place: Option<Place>,
}

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
    for (key, findings) in &review.findings {
        for finding in findings {
            let text = Phrase::theirs(&finding.text);
            rows.push(Section::Integrity, ChangeReport::of(key, finding.change, text));
        }
    }
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
        let mut text = Phrase::of("nothing came from there before: ", []);
        for (number, name) in named.enumerate() {
            text = text.and(Phrase::of(if number > 0 { ", " } else { "" }, [])).and(name);
        }
        if keys.len() > MOST_NAMED {
            text = text.and(Phrase::of(&format!(" and {} more", keys.len() - MOST_NAMED), []));
        }
        let row = ChangeReport::new(("host", &host), ChangeKind::NewHost, text).values(None, Some(&host));
        rows.push(Section::SourceIdentity, with_letters(row, &host));
    }
}

/// Says of a host with other letters than ASCII which they are: some look like others.
fn with_letters(row: ChangeReport, host: &str) -> ChangeReport {
    let spelled: String =
        host.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }).collect();
    if spelled == host { row } else { row.detail(Phrase::of("the host has other letters than ASCII: {}", [&spelled])) }
}

/// One entry that changed.
struct One<'a> {
    key: &'a Key,
    before: Said<'a>,
    after: Said<'a>,
    changed: &'a Changed<'a>,
    history: Option<&'a History>,
    hosts: &'a BTreeSet<String>,
}

impl One<'_> {
    fn rows(&self, rows: &mut Rows) {
        let pinned = self.before.pin != self.after.pin || self.before.system != self.after.system;
        self.source(rows, pinned);
        self.unpinned(rows);
        if pinned {
            self.alarm(rows);
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
        let mut text = Phrase::default();
        for (number, (part, old, new)) in parts.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            text = text.and(Phrase::of(&format!("{comma}{} {{}} → {{}}", part.word()), [*old, *new]));
        }
        let mut row = self.source_row(change, text, pinned);
        if !self.hosts.contains(&new.host) {
            row = with_letters(row.detail(Phrase::of("nothing came from this host before", [])), &new.host);
        }
        if new.is_unprotected() && !old.is_unprotected() {
            row = row.detail(Phrase::of(&format!("{} is not protected against changes on the way", new.scheme), []));
        }
        rows.push(Section::SourceIdentity, row);
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

    /// What is not what its name says, or went back.
    fn alarm(&self, rows: &mut Rows) {
        let (before, after) = (&self.before, &self.after);
        let (old, new) = (before.asked(), after.asked());
        let same = before.reference == after.reference && before.system == after.system;
        let pins = [short(&before.pin), short(&after.pin)];
        let went_back = self.is_git() && old.moved(&new).is_some_and(|one| one.direction == Ordering::Less);
        let (change, text) = if self.is_git() && same && new.is_tag() {
            (
                ChangeKind::TagMoved,
                Phrase::of("tag {} is another commit: {} → {}", [new.name().unwrap_or_default(), &pins[0], &pins[1]]),
            )
        } else if went_back {
            (ChangeKind::Rollback, Phrase::of("{} → {} is an older version", [&before.label(), &after.label()]))
        } else if same && self.is_file() && self.has_other_bytes() {
            (ChangeKind::OtherContent, Phrase::of("other bytes at the same url: {} → {}", [&pins[0], &pins[1]]))
        } else {
            match self.history.filter(|history| same && new.moves() && history.behind > 0) {
                Some(History { ahead: 0, behind, .. }) => {
                    let commits = crate::report::count(*behind, "commit", "commits");
                    (
                        ChangeKind::Rollback,
                        Phrase::of(&format!("{{}} went back by {commits}"), [new.name().unwrap_or_default()]),
                    )
                }
                Some(History { behind, .. }) => {
                    let commits = crate::report::count(*behind, "commit", "commits");
                    (
                        ChangeKind::Rewritten,
                        Phrase::of(
                            &format!("{{}} lost {commits}: its history was rewritten"),
                            [new.name().unwrap_or_default()],
                        ),
                    )
                }
                None => return,
            }
        };
        rows.push(
            Section::Integrity,
            ChangeReport::of(self.key, change, text).values(Some(&before.pin), Some(&after.pin)),
        );
    }

    /// How far it moved.
    fn moved(&self) -> ChangeReport {
        let (old, new) = (self.before.asked(), self.after.asked());
        let (mut before, mut after) = (self.before.label(), self.after.label());
        let same = self.before.reference == self.after.reference;
        let change = match old.moved(&new) {
            Some(moved) => moved.class,
            None if self.key.kind == Kind::Image => {
                if same {
                    ChangeKind::Digest
                } else {
                    ChangeKind::Tag
                }
            }
            None if same && matches!(self.after.system, "tar" | "zip" | "url") => ChangeKind::Digest,
            None if same && new.moves() => ChangeKind::Commits,
            None if old.moves() && new.moves() => ChangeKind::OtherBranch,
            None => ChangeKind::OtherVersion,
        };
        let mut text = match self.before.reference.filter(|_| same) {
            Some(reference) => {
                (before, after) = (self.before.short_pin(), self.after.short_pin());
                Phrase::of("{} {} → {}", [reference, &before, &after])
            }
            None => Phrase::of("{} → {}", [&before, &after]),
        };
        if old.moved(&new).is_some_and(|one| one.direction == Ordering::Less) {
            text = text.and(Phrase::of(", back", []));
        }
        let mut row = ChangeReport::of(self.key, change, text).values(Some(&before), Some(&after));
        if self.before.want != self.after.want {
            let word = |want: Option<&str>| want.unwrap_or("no requirement").to_owned();
            row = row.detail(Phrase::of("asked for {} → {}", [&word(self.before.want), &word(self.after.want)]));
        }
        row.history = self.history.map(History::plain);
        row.link = self.compare();
        row
    }

    /// The page that shows the commits: only where both are of one repository.
    fn compare(&self) -> Option<String> {
        let same = self.before.place.as_ref()?.differences(self.after.place.as_ref()?);
        let same = same.iter().all(|(part, ..)| *part == Part::Scheme);
        let url = self.after.url.filter(|_| same && self.is_git())?;
        link::compare(url, &self.before.pin, &self.after.pin)
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

    fn is_git(&self) -> bool {
        self.before.system == "git" && self.after.system == "git"
    }

    fn is_file(&self) -> bool {
        matches!(self.after.system, "tar" | "zip" | "url") && self.before.url == self.after.url
    }

    /// Whether a digest that was there before is another one; one for a new platform is no other.
    fn has_other_bytes(&self) -> bool {
        let mut fields = self.changed.fields.iter();
        fields.any(|field| {
            !matches!(field.name.as_str(), "url" | "ref" | "want") && field.before.is_some() && field.after.is_some()
        })
    }
}

impl<'a> Said<'a> {
    /// Returns what `entry` says.
    pub(super) fn of(entry: &'a Entry) -> Self {
        let text = |text: &'a Option<deps_lock::Text>| text.as_deref();
        let said = |system, want, reference, pin: &str, url: &'a str| {
            let place = Some(if matches!(system, "tar" | "zip" | "url") {
                Place::of_file(url)
            } else {
                Place::of_repository(url)
            });
            Self { system, want, reference, pin: pin.to_owned(), url: Some(url), place }
        };
        match entry {
            Entry::Repo(git) | Entry::Input(git) => {
                said("git", text(&git.want), text(&git.reference), &git.rev, &git.url)
            }
            Entry::Archive(archive) => {
                said(archive.format.name(), None, text(&archive.reference), &archive.digest, &archive.url)
            }
            Entry::Revision(revision) => {
                said(revision.pin.system().name(), None, text(&revision.reference), revision.pin.rev(), &revision.url)
            }
            Entry::Fetch(fetch) => {
                let sums: Vec<String> =
                    fetch.platforms.iter().map(|(platform, sum)| format!("{platform} {sum}")).collect();
                said("url", text(&fetch.want), text(&fetch.reference), &sums.join(", "), &fetch.url)
            }
            Entry::Image(image) => {
                let place = Some(Place::of_image(&image.reference));
                let (want, url, pin) = (None, None, image.digest.to_string());
                Self { system: "image", want, reference: Some(&image.reference), pin, url, place }
            }
            Entry::Ext(extension) => match &extension.origin {
                Some(origin) => said("git", text(&origin.want), text(&origin.reference), &origin.rev, &origin.url),
                None => {
                    let (want, reference, url, place) = Default::default();
                    Self { system: "built in", want, reference, pin: extension.digest.to_string(), url, place }
                }
            },
        }
    }

    pub(super) fn asked(&self) -> Asked<'a> {
        Asked::of(self.want, self.reference, &self.pin)
    }

    /// Returns it in a few words: the ref, and the pin where that moves.
    pub(super) fn label(&self) -> String {
        match self.reference {
            Some(reference) if self.pin.starts_with(reference) => self.short_pin(),
            Some(reference) if self.system == "image" => format!("{reference} {}", self.short_pin()),
            Some(reference) if !self.asked().moves() || self.system == "url" => reference.to_owned(),
            Some(reference) => format!("{reference} {}", self.short_pin()),
            None if self.system == "git" => format!("HEAD {}", self.short_pin()),
            None => self.short_pin(),
        }
    }

    /// Returns the beginning of the pin: of a file, of its first digest.
    fn short_pin(&self) -> String {
        match self.system {
            "svn" => format!("r{}", self.pin),
            "url" => self.pin.split([' ', ',']).find(|word| word.contains(':')).map(short).unwrap_or_default(),
            _ => short(&self.pin),
        }
    }
}
