//! What an engine holds as text and as JSON (`schema/cache-engine*.json`).

use std::fmt::Write as _;

use indicatif::HumanBytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::count;

/// What `deps cache engine ls --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache engine ls --json")]
pub struct EngineReport {
    /// The version of this format.
    pub schema: u32,
    /// The cache mounts, by id and target.
    pub mounts: Vec<MountReport>,
    /// How many other records the build cache has: results of steps, contexts.
    pub other_records: usize,
    /// The size of the build cache with its mounts; the engine rounds it.
    pub bytes: u64,
    /// The size of what no image and no build uses.
    pub reclaimable_bytes: u64,
}

/// A cache mount.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MountReport {
    /// The id that Dockerfiles give it.
    pub id: String,
    /// Where the step that made it has it.
    pub target: String,
    /// Its size; the engine rounds it.
    pub bytes: u64,
    /// How often it was used.
    pub uses: u64,
    /// When it was used last, in the engine's words.
    pub last_used: String,
}

/// What `deps cache engine prune --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache engine prune --json")]
pub struct PrunedReport {
    /// The version of this format.
    pub schema: u32,
    /// Whether this only says what would go.
    pub dry_run: bool,
    /// Whether everything goes that no build uses.
    pub all: bool,
    /// The cache mounts that go.
    pub mounts: Vec<MountReport>,
    /// By how much the build cache is smaller, or would be.
    pub freed_bytes: u64,
}

const WRITES: &str = "a String takes every write";

/// Returns one line a cache mount, and the sum of everything.
pub fn engine_text(report: &EngineReport) -> String {
    let mut text = mounts_text(&report.mounts);
    let records = count(report.other_records, "other record", "other records");
    let (all, free) = (HumanBytes(report.bytes), HumanBytes(report.reclaimable_bytes));
    let mounts = count(report.mounts.len(), "cache mount", "cache mounts");
    writeln!(text, "{mounts} and {records}: {all}, of which {free} can be freed").expect(WRITES);
    text
}

/// Returns one line a cache mount that goes, and how much that frees.
pub fn pruned_text(report: &PrunedReport) -> String {
    let mut text = mounts_text(&report.mounts);
    let what = match report.all {
        true => "everything that no build uses".to_owned(),
        false => count(report.mounts.len(), "cache mount", "cache mounts"),
    };
    let verb = if report.dry_run { "would remove" } else { "removed" };
    writeln!(text, "{verb} {what}: {}", HumanBytes(report.freed_bytes)).expect(WRITES);
    text
}

fn mounts_text(mounts: &[MountReport]) -> String {
    let width =
        |text: fn(&MountReport) -> &str| mounts.iter().map(|mount| text(mount).chars().count()).max().unwrap_or(0);
    let (ids, targets) = (width(|mount| &mount.id), width(|mount| &mount.target));
    let mut text = String::new();
    for MountReport { id, target, bytes, uses, last_used } in mounts {
        let (bytes, uses) =
            (HumanBytes(*bytes).to_string(), count(usize::try_from(*uses).unwrap_or(usize::MAX), "use", "uses"));
        writeln!(text, "{id:ids$}  {target:targets$}  {bytes:>11}  {uses}, last {last_used}").expect(WRITES);
    }
    text
}
