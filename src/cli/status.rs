//! `deps status`: which working checkouts are off their pin or hold work. No network.

use std::path::PathBuf;

use clap::Args;

use super::diagnostic::Diagnostic;
use super::import::{Pinned, failed, folder, pinned};
use super::outcome::{DRIFT, Failed, print};
use super::session::Session;
use super::{locking, paint};
use crate::checkout::{self, Record, Status};
use crate::remote;
use crate::report::{self, CheckoutReport, StatusReport};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where the checkouts stand. Default: `src` in the project's folder.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Show also those that are at their pin with nothing changed.
    #[arg(long)]
    all: bool,
    /// Fail, with exit code 3, when a checkout is off its pin or changed.
    #[arg(long)]
    check: bool,
    /// Print the status as JSON (`deps schema status`).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let lock = locking::in_sync(&workspace, &loaded, ", and the pins are in it")?;
    let folder = folder(session, &workspace, options.folder.as_deref());
    let pinned = pinned(&loaded, &lock)?;
    let jobs = std::thread::available_parallelism().map_or(2, |jobs| jobs.get().min(8));
    let looked = remote::each(&pinned, jobs, |one| {
        let place = folder.join(&one.path);
        checkout::status(&place, &one.rev).map(|status| described(one, status, place.exists()))
    });
    let mut checkouts = looked.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let record = Record::read(&folder).map_err(failed)?;
    let known = |path: &String| pinned.iter().any(|one| one.path == *path);
    let gone = record.checkouts.into_iter().filter(|path| !known(path) && folder.join(path).exists());
    checkouts.extend(gone.map(|path| CheckoutReport { path, state: "gone".to_owned(), ..CheckoutReport::default() }));
    checkouts.sort_by(|a, b| a.path.cmp(&b.path));
    let report = StatusReport { schema: 1, checkouts };
    print(&if options.json { report::json(&report) } else { text(session, &report, options.all) })?;
    let off = report.checkouts.iter().filter(|one| !one.clean && one.state != "gone").count();
    if options.check && off > 0 {
        let counted = report::count(off, "checkout is", "checkouts are");
        let message = format!("{counted} off the pin or changed");
        let hint = "`deps import` moves what is clean to its pin; `deps pin-from` pins what is there";
        return Err(Failed::one(DRIFT, Diagnostic::error(message).hint(Some(hint.to_owned()))));
    }
    Ok(())
}

fn described(pinned: &Pinned<'_>, status: Option<Status>, exists: bool) -> CheckoutReport {
    let mut report =
        CheckoutReport { path: pinned.path.clone(), rev: Some(pinned.rev.clone()), ..CheckoutReport::default() };
    let Some(Status { head, branch, ahead, behind, changed, untracked }) = status else {
        report.state = if exists { "no-repository" } else { "missing" }.to_owned();
        return report;
    };
    let at_pin = head.as_deref() == Some(&pinned.rev);
    report.state = if at_pin { "at-pin" } else { "off-pin" }.to_owned();
    report.clean = at_pin && changed + untracked == 0;
    CheckoutReport { head, branch, ahead, behind, changed, untracked, ..report }
}

fn text(session: &Session, report: &StatusReport, all: bool) -> String {
    let shown = report.checkouts.iter().filter(|one| all || !one.clean);
    let lines: String = shown.map(|one| format!("{}\n", paint::change(&one.line(), session.colour()))).collect();
    let clean = report.checkouts.iter().filter(|one| one.clean).count();
    let counted = report::count(report.checkouts.len(), "checkout", "checkouts");
    format!("{lines}{counted}, {clean} at the pin and clean\n")
}
