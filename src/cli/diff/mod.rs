//! `deps diff`: what changed between two states of the project, for whoever reviews it. Without a checkout or an engine, and
//! without a network unless asked to.
//!
//! Decides what is compared: revisions of git, the work tree, or two lock files. Leaves out what counts as a risk and
//! every format (`report/diff/`).

mod beyond;
mod sides;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;

use super::Network;
use super::outcome::{FAILED, Failed, UNREACHABLE, print};
use super::paint;
use super::session::Session;
use crate::plan::memory::Memory;
use crate::report::{self, DiffReport, Review};
use crate::store::Store;
use crate::workspace::Workspace;
use beyond::{Beyond, Known};
use sides::{Sides, State};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What to compare with: a git revision, a lock file, or `A...B` for where B left A. Default: where HEAD left its
    /// upstream branch.
    #[arg(value_name = "BASE")]
    base: Option<String>,
    /// What to compare: a git revision or a lock file. Default: the work tree.
    #[arg(value_name = "HEAD")]
    head: Option<String>,
    /// Print a comment for a pull request.
    #[arg(long, conflicts_with_all = ["json", "html"])]
    markdown: bool,
    /// Print a page that stands alone.
    #[arg(long, conflicts_with = "json")]
    html: bool,
    /// Print the changes as JSON (`deps schema diff`).
    #[arg(long)]
    json: bool,
    /// Exit with 1 when something changed.
    #[arg(long)]
    exit_code: bool,
    /// Ask for the commits between, where the store has no history: of git repositories that moved, without their files.
    #[arg(long)]
    fetch: bool,
    /// Ask every remote, too, whether what the new lock pins is still there, as `deps lock --verify` does; with --fetch.
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    network: Network,
}

/// What `--help` says last.
pub(super) const AFTER_HELP: &str = "\
Examples:
  deps diff                        what this branch and the work tree change
  deps diff HEAD                   what is not committed yet
  deps diff v1.0 v1.1              between two releases
  deps diff origin/main...         what HEAD changes since it left origin/main
  deps diff old.lock deps.lock     two lock files; of these, stages are not known
  deps diff --online --markdown    a comment for a pull request, with all that servers know

The Markdown begins with `<!-- deps diff -->`, by which a comment is found again to be replaced.";

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let sides = Sides::of(session, options.base.as_deref(), options.head.as_deref())?;
    let beyond = Beyond::of(session, options, &sides)?;
    let failures = beyond.failures;
    let report = report::review(&reviewed(session, &sides, beyond.known));
    print(&text(session, options, &report))?;
    if !failures.is_empty() {
        return Err(Failed::new(UNREACHABLE, failures));
    }
    if options.exit_code && !report.is_empty() { Err(Failed::silent(FAILED)) } else { Ok(()) }
}

fn reviewed<'a>(session: &Session, sides: &'a Sides, known: Known) -> Review<'a> {
    let Known { histories, findings, notes: unknown } = known;
    let took = took(session);
    let planned = |state: &State| state.records.is_some();
    let mut notes: Vec<String> = [&sides.base, &sides.head].iter().flat_map(|state| state.notes.clone()).collect();
    if notes.is_empty() && !(planned(&sides.base) && planned(&sides.head)) {
        notes.push("these are locks alone: which stages rebuild is not known".to_owned());
    }
    notes.extend(unknown);
    Review { base: sides.base.side(), head: sides.head.side(), histories, findings, took, notes }
}

/// How long stages took when they were last built on this machine, in seconds; of several platforms the longest.
fn took(session: &Session) -> BTreeMap<String, f64> {
    let (Ok(root), Ok(workspace)) = (session.store_root(), Workspace::find(session.start())) else {
        return BTreeMap::new();
    };
    let mut took: BTreeMap<String, u64> = BTreeMap::new();
    for memory in Store::builds(&root, workspace.root()).iter().filter_map(|json| Memory::read(json)) {
        for (stage, lasted) in memory.took {
            took.entry(stage).and_modify(|known| *known = lasted.max(*known)).or_insert(lasted);
        }
    }
    took.into_iter().map(|(stage, lasted)| (stage, Duration::from_millis(lasted).as_secs_f64())).collect()
}

fn text(session: &Session, options: &Options, report: &DiffReport) -> String {
    match options {
        Options { json: true, .. } => report::json(report),
        Options { markdown: true, .. } => report::diff_markdown(report),
        Options { html: true, .. } => report::diff_page(report),
        _ => {
            let colour = session.colour() && std::io::stdout().is_terminal();
            report::diff_text(report).lines().map(|line| painted(line, colour) + "\n").collect()
        }
    }
}

/// Colours the mark of a row.
fn painted(line: &str, colour: bool) -> String {
    let row = line.strip_prefix("  ").filter(|row| !row.starts_with(' '));
    row.map_or_else(|| line.to_owned(), |row| format!("  {}", paint::change(row, colour)))
}
