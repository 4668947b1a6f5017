//! `deps plan`: the stages of the image with their keys, and which steps will run. Offline, without an engine.

use clap::Args;

use super::outcome::{Failed, print};
use super::recorded::{self, Compared};
use super::session::Session;
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Tell which steps run for who has built this git revision, not the last build.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Print the plan as JSON (`deps schema plan`).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let planned = recorded::planned(session, &workspace, ", and a plan follows from it")?;
    let compared = Compared::of(session, &workspace, &planned, options.against.as_deref())?;
    let predictions = compared.predictions(&planned);
    let report = report::plan_report(&planned.loaded.project.name, &planned.plans, &predictions, compared.against());
    print(&if options.json { report::json(&report) } else { report::plan_text(&report) })
}
