//! The store as text and as JSON (`schema/cache-*.json`): what it holds, how much, what went, what is damaged.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::count;

/// What `deps cache ls --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache ls --json")]
pub struct CacheReport {
    /// The version of this format.
    pub schema: u32,
    /// The store's folder.
    pub store: String,
    /// What it holds, by kind and name.
    pub things: Vec<ThingReport>,
}

/// Something in the store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ThingReport {
    /// `repository`, `mercurial`, `tree`, `archive` or `file`.
    pub kind: String,
    /// Its path below the store.
    pub name: String,
    /// The size of its contents.
    pub bytes: u64,
    /// The folders of the projects whose locks need it now, sorted.
    pub needed_by: Vec<String>,
    /// The pinned commits of a repository, sorted; empty for others.
    pub commits: Vec<CommitReport>,
}

/// A pinned commit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommitReport {
    /// The full id.
    pub rev: String,
    /// The folders of the projects whose locks need it now, sorted.
    pub needed_by: Vec<String>,
}

/// What `deps cache du --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache du --json")]
pub struct UsageReport {
    /// The version of this format.
    pub schema: u32,
    /// The store's folder.
    pub store: String,
    /// Sizes by part of the store: `git`, `hg`, `trees`, `files` and `tmp`, which is what is left over or being made.
    pub parts: Vec<PartReport>,
    /// The size of all contents.
    pub bytes: u64,
    /// What `deps cache gc` would free, apart from single commits of repositories that stay.
    pub unneeded_bytes: u64,
}

/// A part of the store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PartReport {
    /// Its name.
    pub part: String,
    /// How many things there are.
    pub things: usize,
    /// The size of their contents.
    pub bytes: u64,
    /// How much of it `deps cache gc` would free.
    pub unneeded_bytes: u64,
}

/// What `deps cache gc --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache gc --json")]
pub struct CollectReport {
    /// The version of this format.
    pub schema: u32,
    /// The store's folder.
    pub store: String,
    /// Whether this only says what would go.
    pub dry_run: bool,
    /// What went, by kind and name.
    pub removed: Vec<RemovedReport>,
    /// The folders of the projects that are gone and were forgotten.
    pub forgotten: Vec<String>,
    /// The size of what went.
    pub freed_bytes: u64,
}

/// Something that went.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RemovedReport {
    /// `repository`, `commits`, `mercurial`, `tree`, `archive`, `file` or `leftover`.
    pub kind: String,
    /// Its path below the store; of commits, that of their repository.
    pub name: String,
    /// The commits that went from a repository of which others stay.
    pub commits: Vec<String>,
    /// By how much the store is smaller; 0 for commits that would go.
    pub bytes: u64,
}

/// What `deps cache verify --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache verify --json")]
pub struct VerifyReport {
    /// The version of this format.
    pub schema: u32,
    /// The store's folder.
    pub store: String,
    /// How many things were read.
    pub checked: usize,
    /// What is not as it should be, sorted.
    pub damaged: Vec<DamagedReport>,
    /// What `--repair` removed, as paths below the store, sorted.
    pub removed: Vec<String>,
}

/// Something that is damaged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DamagedReport {
    /// A path below the store.
    pub name: String,
    /// What is wrong with it, in words.
    pub problem: String,
}

/// Returns a line for each thing, and below a repository one for each of its commits.
pub fn cache_text(report: &CacheReport) -> String {
    let mut text = String::new();
    for ThingReport { kind, name, bytes, needed_by, commits } in &report.things {
        let size = HumanBytes(*bytes).to_string();
        let users = if commits.is_empty() { users(needed_by) } else { String::new() };
        writeln!(text, "{}", format!("{kind:10}  {size:>10}  {name}  {users}").trim_end()).expect(WRITES);
        for CommitReport { rev, needed_by } in commits {
            writeln!(text, "  commit {rev}  {}", self::users(needed_by)).expect(WRITES);
        }
    }
    text
}

fn users(folders: &[String]) -> String {
    if folders.is_empty() { "needed by no lock".to_owned() } else { format!("needed by {}", folders.join(", ")) }
}

/// Returns a table of the store's parts.
pub fn usage_text(report: &UsageReport) -> String {
    let mut text = String::new();
    for PartReport { part, bytes, unneeded_bytes, .. } in &report.parts {
        writeln!(text, "{}", usage_line(part, *bytes, *unneeded_bytes)).expect(WRITES);
    }
    writeln!(text, "{}", usage_line("total", report.bytes, report.unneeded_bytes)).expect(WRITES);
    text
}

fn usage_line(part: &str, bytes: u64, unneeded: u64) -> String {
    let (bytes, unneeded) = (HumanBytes(bytes).to_string(), HumanBytes(unneeded).to_string());
    format!("{part:6}{bytes:>12}{unneeded:>12} unneeded")
}

/// Returns a line for each thing that went.
pub fn collect_text(report: &CollectReport) -> String {
    let mut text = String::new();
    for RemovedReport { kind, name, commits, .. } in &report.removed {
        let what = if commits.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{} of {name}", count(commits.len(), "commit", "commits"))
        };
        writeln!(text, "{what}").expect(WRITES);
    }
    text
}

/// Returns what went in one line, and how much stays only because a lock had it in the last `keep_days` days.
pub fn collect_summary(report: &CollectReport, kept: u64, keep_days: u64) -> String {
    let verb = if report.dry_run { "would free" } else { "freed" };
    let things = count(report.removed.len(), "thing", "things");
    let went = match report.removed.len() {
        0 => "nothing to remove".to_owned(),
        _ => format!("{verb} {}: {things}", HumanBytes(report.freed_bytes)),
    };
    let days = count(usize::try_from(keep_days).unwrap_or(usize::MAX), "day", "days");
    match kept {
        0 => format!("{went}\n"),
        _ => format!("{went}; {} that locks had in the last {days} stay (`--keep-days 0`)\n", HumanBytes(kept)),
    }
}

const WRITES: &str = "a String takes every write";
