//! From extensions that differ to rows: their version, their files, their options.
//!
//! Decides that an extension has one row, whether a lock pins it or the project holds it. Leaves out where it comes from
//! (`entries.rs`), and what it does to the image (`stages.rs`).

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Entry, Extension, Key, Kind, Lock, Name};

use super::entries::compare;
use super::said::Said;
use super::version::Asked;
use super::{ChangeKind, ChangeReport, ExtensionFacts, History, Phrase, Review, Rows, Section, short};

/// So many files are named.
const MOST_FILES: usize = 8;

/// Adds a row for every extension that differs.
pub(super) fn rows(review: &Review<'_>, rows: &mut Rows) {
    let (before, after) = match (&review.base.extensions, &review.head.extensions) {
        (Some(before), Some(after)) => (before.clone(), after.clone()),
        _ => (locked(review.base.lock), locked(review.head.lock)),
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) if before != after => {
                let mut row = at_commits(review, name, changed(name, before, after));
                let key = Name::new(name.as_str()).ok().map(|name| Key { kind: Kind::Ext, name });
                row.history = key.and_then(|key| review.histories.get(&key)).map(History::of);
                rows.push(Section::Extensions, row);
            }
            (None, Some(facts)) if !is_told(review.head.lock, name) => {
                rows.push(Section::Extensions, came(name, ChangeKind::Added, facts));
            }
            (Some(facts), None) if !is_told(review.base.lock, name) => {
                rows.push(Section::Extensions, came(name, ChangeKind::Removed, facts));
            }
            _ => {}
        }
        cosmetic(review, name, rows);
    }
}

/// Extensions that a lock pins come and go with their entries.
fn is_told(lock: &Lock, name: &str) -> bool {
    lock.find(Kind::Ext, name).is_some()
}

fn came(name: &str, change: ChangeKind, facts: &ExtensionFacts) -> ChangeReport {
    let text = Phrase::of(
        if change == ChangeKind::Added { "{} of the project" } else { "was {} of the project" },
        [&facts.version],
    );
    let value = Some(facts.version.as_str());
    let row = ChangeReport::new(("ext", name), change, text);
    if change == ChangeKind::Added { row.values(None, value) } else { row.values(value, None) }
}

fn changed(name: &str, before: &ExtensionFacts, after: &ExtensionFacts) -> ChangeReport {
    let asked = |facts: &'_ ExtensionFacts| facts.version.clone();
    let (old, new) = (asked(before), asked(after));
    let moved = Asked::of(None, Some(&old), "").moved(&Asked::of(None, Some(&new), ""));
    let (change, text) = match () {
        () if old != new => {
            let class = moved.map_or(ChangeKind::OtherVersion, |moved| moved.class);
            (class, Phrase::of("{} → {}", [&old, &new]))
        }
        () if before.digest != after.digest => {
            let digests = [&*new, &short(&before.digest), &short(&after.digest)];
            (ChangeKind::Files, Phrase::of("{}, other files: {} → {}", digests))
        }
        () => (ChangeKind::Options, Phrase::of("{}, other options", [&new])),
    };
    let mut row = ChangeReport::new(("ext", name), change, text).values(Some(&old), Some(&new));
    row.details = options(before, after).into_iter().chain(files(before, after)).collect();
    row
}

/// Adds the commits of an extension from git.
fn at_commits(review: &Review<'_>, name: &str, mut row: ChangeReport) -> ChangeReport {
    let locks = [review.base.lock, review.head.lock];
    let [Some(before), Some(after)] = locks.map(|lock| lock.find(Kind::Ext, name).map(Said::of)) else { return row };
    if before.system == "git" && after.system == "git" && before.pin != after.pin {
        let commits = Phrase::of("commit {} → {}", [&before.short_pin(), &after.short_pin()]);
        row.details.insert(0, commits);
        row.link = compare(&before, &after);
    }
    row
}

fn options(before: &ExtensionFacts, after: &ExtensionFacts) -> Vec<Phrase> {
    let differs = differing(&before.options, &after.options);
    let line = |(name, old, new): (&str, Option<&str>, Option<&str>)| match (old, new) {
        (Some(old), Some(new)) => Phrase::of("option {}: {} → {}", [name, old, new]),
        (None, new) => Phrase::of("option {} is new: {}", [name, new.unwrap_or_default()]),
        (old, None) => Phrase::of("option {} is gone: it was {}", [name, old.unwrap_or_default()]),
    };
    differs.into_iter().map(line).collect()
}

fn files(before: &ExtensionFacts, after: &ExtensionFacts) -> Vec<Phrase> {
    let differs = differing(&before.files, &after.files);
    let more = differs.len().saturating_sub(MOST_FILES);
    let line = |(path, old, new): (&str, Option<&str>, Option<&str>)| {
        let sign = match (old, new) {
            (None, _) => "+",
            (_, None) => "-",
            _ => "~",
        };
        Phrase::of(&format!("{sign} {{}}"), [path])
    };
    let rest = (more > 0).then(|| Phrase::of(&format!("and {more} more files"), []));
    differs.into_iter().take(MOST_FILES).map(line).chain(rest).collect()
}

/// Returns the keys whose values differ.
fn differing<'a>(
    before: &'a BTreeMap<String, String>,
    after: &'a BTreeMap<String, String>,
) -> Vec<(&'a str, Option<&'a str>, Option<&'a str>)> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let values =
        |key: &'a String| (key.as_str(), before.get(key).map(String::as_str), after.get(key).map(String::as_str));
    keys.into_iter().map(values).filter(|(_, old, new)| old != new).collect()
}

/// What the lock has otherwise while the files are the same.
fn cosmetic(review: &Review<'_>, name: &str, rows: &mut Rows) {
    let entry = |lock: &'_ Lock| match lock.find(Kind::Ext, name) {
        Some(Entry::Ext(extension)) => Some(extension.clone()),
        _ => None,
    };
    let (Some(before), Some(after)) = (entry(review.base.lock), entry(review.head.lock)) else { return };
    if before.digest != after.digest {
        return;
    }
    if before.detected != after.detected {
        let word =
            |file: &Option<deps_lock::Text>| file.as_ref().map_or("somebody's wish", |file| file.as_str()).to_owned();
        let text = Phrase::of("it is there because of {} → {}", [&word(&before.detected), &word(&after.detected)]);
        rows.push(Section::Cosmetic, ChangeReport::new(("ext", name), ChangeKind::Reason, text));
    }
    let rev = |extension: &Extension| extension.origin.as_ref().map(|origin| origin.rev.to_string());
    if let (Some(old), Some(new)) = (rev(&before), rev(&after))
        && old != new
    {
        let text = Phrase::of("another commit with the same files: {} → {}", [&short(&old), &short(&new)]);
        rows.push(Section::Cosmetic, ChangeReport::new(("ext", name), ChangeKind::Commits, text));
    }
}

/// What a lock alone says of extensions.
fn locked(lock: &Lock) -> BTreeMap<String, ExtensionFacts> {
    let facts = |extension: &Extension| ExtensionFacts {
        version: extension.version.to_string(),
        digest: extension.digest.to_string(),
        ..ExtensionFacts::default()
    };
    lock.extensions().map(|(name, extension)| (name.to_string(), facts(extension))).collect()
}
