//! What an update of a lock moved: as JSON (`schema/update.json`), and as the message of a commit.
//!
//! Decides the message's subject and body. Leaves out whether there is a commit (`clone/commit.rs`). Words of others hold no
//! line break and nothing invisible (`diff/phrase.rs`).

use std::collections::BTreeMap;

use deps_lock::{Entry, Key, Lock};
use schemars::JsonSchema;
use serde::Serialize;

use super::diff::{ChangeKind, ChangeReport, DiffReport, Review, Side, diff_sections, review};
use super::lock::keyed_changes;
use crate::resolve::Resolution;

/// What `deps update --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "deps update --json")]
pub struct UpdateReport {
    /// The version of this format.
    pub schema: u32,
    /// Whether `deps.lock` was written: not with `--dry-run`, nor where nothing changed.
    pub written: bool,
    /// The commit that `--commit` made, 40 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How many entries the lock has now.
    pub entries: usize,
    /// What moved, in the order of the lock.
    pub changes: Vec<MovedReport>,
}

/// An entry that is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MovedReport {
    /// The entry, like `repo:core/nav2`.
    pub key: String,
    /// What happened to it.
    pub change: EntryMove,
    /// What the lock had: the fields of its entry; absent where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<BTreeMap<String, String>>,
    /// What the lock has; absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<BTreeMap<String, String>>,
    /// The change in words, as on standard error.
    pub text: String,
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntryMove {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It is gone.
    Removed,
}

/// Returns the report of a lock that was `before`.
pub fn update_report(before: &Lock, resolution: &Resolution, written: bool, commit: Option<String>) -> UpdateReport {
    let after = &resolution.lock;
    let moved = |(key, text): (&Key, String)| MovedReport {
        key: key.selector().to_string(),
        change: match (before.get(key), after.get(key)) {
            (None, _) => EntryMove::Added,
            (_, None) => EntryMove::Removed,
            _ => EntryMove::Changed,
        },
        before: before.get(key).map(fields),
        after: after.get(key).map(fields),
        text,
    };
    let changes = keyed_changes(before, resolution).into_iter().map(moved).collect();
    UpdateReport { schema: 1, written, commit, entries: after.len(), changes }
}

fn fields(entry: &Entry) -> BTreeMap<String, String> {
    entry.fields().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the message of a commit that replaces the lock `before` by `after`: a subject, and below it the changes as `deps
/// diff` tells them, the riskiest first.
pub fn update_message(before: &Lock, after: &Lock) -> String {
    let side = |lock| {
        let (name, commit, texts, records, extensions) = Default::default();
        Side { name, commit, lock, texts, records, extensions }
    };
    let (histories, findings, took, notes) = Default::default();
    let report = review(&Review { base: side(before), head: side(after), histories, findings, took, notes });
    format!("{}\n{}", subject(before, after, &report), diff_sections(&report))
}

fn subject(before: &Lock, after: &Lock, report: &DiffReport) -> String {
    let keys = before.iter().chain(after.iter()).map(|(key, _)| key);
    let mut changed: Vec<&Key> = keys.filter(|key| before.get(key) != after.get(key)).collect();
    changed.sort();
    changed.dedup();
    let of = |row: &&ChangeReport, key: &Key| row.kind == key.kind.table() && row.name == *key.name;
    let rows = || report.sections.iter().flat_map(|section| &section.changes);
    match changed[..] {
        [] => "Write deps.lock in its canonical form".to_owned(),
        [key] => rows().find(|row| of(row, key)).map_or_else(|| "Update 1 locked entry".to_owned(), one),
        _ if before.is_empty() => format!("Lock {} entries", changed.len()),
        _ => format!("Update {} locked entries", changed.len()),
    }
}

/// Returns what happened to the one entry that moved.
fn one(row: &ChangeReport) -> String {
    let verb = match row.change {
        ChangeKind::Added => "Add",
        ChangeKind::Removed => "Remove",
        _ => "Update",
    };
    // Most entries are repositories.
    let kind = if row.kind == "repo" { String::new() } else { format!("{} ", row.kind) };
    format!("{verb} {kind}{} {}", row.name, row.text)
}
