//! Read-only views: what a lock, a drift and a plan look like as text and as JSON.
//!
//! Decides words and layout. Leaves out where they are printed and every exit code (`cli/`).

mod build;
mod cache;
mod cause;
mod checkout;
mod completeness;
mod diff;
mod drift;
mod engine;
mod extension;
mod graph;
mod lint;
mod lock;
mod plan;
mod prediction;
mod progress;
mod repos;
mod sarif;
mod settled;
mod update;
mod verify;
mod why;

pub use build::{BuildPage, StepFact, build_page};
pub use cache::{
    CacheReport, CollectReport, CommitReport, DamagedReport, PartReport, RemovedReport, ThingReport, UsageReport,
    VerifyReport, cache_text, collect_summary, collect_text, usage_text,
};
pub use cause::{CauseReport, cause_report, cause_text};
pub use checkout::{CheckoutReport, ImportReport, ImportedReport, StatusReport};
pub use completeness::{SourceReport, SourcesReport, sources_text};
pub use diff::{
    ChangeKind, ChangeReport, Commit, DiffReport, ExtensionFacts, History, MARKER, Phrase, Review, Section,
    SectionReport, Side, SideReport, diff_markdown, diff_page, diff_text, review,
};
pub use drift::{DriftItem, DriftReport, drift_json};
pub use engine::{EngineReport, MountReport, PrunedReport, engine_text, pruned_text};
pub use extension::{
    ExtensionReport, ExtensionsReport, extension_report, extension_text, extensions_page, extensions_text,
};
pub use graph::{EdgeReport, GraphReport, NodeReport, dot, graph_report, graph_text, html, mermaid, svg};
pub use lint::{FindingReport, LintReport, LintedFile, lint_report};
pub use lock::{entry_version, lock_changes};
pub use plan::{PlanReport, PlatformReport, StageReport, Told, plan_report, plan_text};
pub use prediction::{StepReport, agreement_text, reason_text, step_report};
pub use progress::{ProgressReport, StepName, cached_text, progress_line};
pub use repos::repos;
pub use sarif::sarif;
pub use settled::settled_lines;
pub use update::{EntryMove, MovedReport, UpdateReport, update_message, update_report};
pub use verify::{FoundReport, LockVerifyReport, verify_json};
pub use why::{FollowReport, PlatformWhy, WhyReport, platform_why, why_text};

/// Returns `value` as indented JSON with a final line break.
pub fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("reports are JSON");
    format!("{text}\n")
}

/// Returns a number with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
