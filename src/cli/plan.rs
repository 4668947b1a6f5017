//! `deps plan`: the stages of the image with their keys. Offline, without an engine.

use clap::Args;

use super::outcome::{Failed, print};
use super::session::Session;
use super::{locking, planning};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print the plan as JSON (`deps schema plan`).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let lock = locking::in_sync(&workspace, &loaded, ", and a plan follows from it")?;
    let plans = planning::plans(&loaded, &lock)?;
    let report = report::plan_report(&loaded.project.name, &plans);
    print(&if options.json { report::json(&report) } else { report::plan_text(&report) })
}
