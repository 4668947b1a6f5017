//! `deps why`: the first causes of a changed stage. Offline, without an engine.

use clap::Args;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, USAGE, print};
use super::recorded::{self, Asked, Compared};
use super::session::Session;
use crate::plan::record::Record;
use crate::plan::why::Comparison;
use crate::report::{self, PlatformWhy, WhyReport};
use crate::source::nearest;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The stage, as `deps plan` calls it.
    stage: String,
    /// Compare with the project as this git revision has it, not with the last build.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Print the causes as JSON (`deps schema why`).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let planned = recorded::planned(session, &workspace, ", and stages follow from it")?;
    let compared = Compared::of(session, &workspace, planned, &Asked::revision(options.against.as_deref()))?;
    if compared.is_nothing() {
        return Err(never_built());
    }
    let platforms = explained(&options.stage, &compared, planned.records())?;
    let against = compared.against().unwrap_or_default().to_owned();
    let report = WhyReport { schema: 1, stage: options.stage.clone(), against, platforms };
    print(&if options.json { report::json(&report) } else { report::why_text(&report) })
}

/// Compares the stage on every platform.
fn explained(stage: &str, compared: &Compared, records: &[Record]) -> Result<Vec<PlatformWhy>, Failed> {
    let explain = |after: &Record| {
        // Of a platform that is new nothing was there.
        let nothing = Record { stages: Vec::new(), ..after.clone() };
        let before = compared.memory(after).map_or(&nothing, |memory| &memory.record);
        Some(report::platform_why(&after.platform, &Comparison::of(before, after).explain(stage)?))
    };
    let platforms: Vec<PlatformWhy> = records.iter().filter_map(explain).collect();
    if platforms.is_empty() { Err(unknown(stage, records)) } else { Ok(platforms) }
}

fn never_built() -> Failed {
    let message = "this project has not been built on this engine yet: there is nothing to compare with";
    let hint = "to compare with a git revision, add `--against HEAD`";
    Failed::one(FAILED, Diagnostic::error(message).hint(Some(hint.to_owned())))
}

fn unknown(stage: &str, records: &[Record]) -> Failed {
    let names: Vec<&str> =
        records.iter().take(1).flat_map(|record| &record.stages).map(|one| one.name.as_str()).collect();
    let near = nearest(stage, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    let diagnostic = Diagnostic::error(format!("there is no stage `{stage}`"));
    let known = format!("stages are `{}`", names.join("`, `"));
    Failed::one(
        USAGE,
        diagnostic.details([known]).hint(near.or_else(|| Some("`deps plan` lists the stages".to_owned()))),
    )
}
