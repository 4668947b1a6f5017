//! `deps plan`: the stages of the image with their keys, and which steps will run. Offline, without an engine.

use clap::Args;

use super::build_arguments::build_argument;
use super::caching::Builder;
use super::outcome::{Failed, print};
use super::recorded::{self, Asked, Compared};
use super::session::Session;
use crate::engine::Choice;
use crate::report::{self, Told};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Tell which steps run for who has built this git revision, not the last build.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Tell it for this engine, as `deps build` is told; by default the one of the last build.
    #[arg(long, default_value = "auto", value_name = "ENGINE")]
    engine: Choice,
    #[command(flatten)]
    builder: Builder,
    /// Tell it for this build argument, as `deps build` is told; may be given several times.
    #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = build_argument)]
    build_args: Vec<(String, String)>,
    /// Print the plan as JSON (`deps schema plan`).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let planned = recorded::planned(session, &workspace, ", and a plan follows from it")?;
    let asked = Asked {
        against: options.against.as_deref(),
        engine: options.engine,
        builder: options.builder.name(),
        arguments: &options.build_args,
    };
    let compared = Compared::of(session, &workspace, planned, &asked)?;
    let (name, plans, against) = (&planned.loaded.project.name, &planned.plans, compared.against());
    if options.json {
        return print(&report::json(&report::plan_report(name, plans, &compared.predictions(planned), against)));
    }
    print(&match against {
        Some(against) => report::plan_text(name, plans, Told::Predictions(&compared.predictions(planned), against)),
        None => report::plan_text(name, plans, Told::Counts(&compared.counts(planned))),
    })
}
