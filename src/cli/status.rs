//! `deps status`: which working checkouts are off their pin or hold work. No network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use deps_lock::Lock;

use super::checkouts::{Pinned, failed, folder, pinned};
use super::diagnostic::Diagnostic;
use super::outcome::{DRIFT, Failed, print};
use super::session::Session;
use super::{locking, paint};
use crate::checkout::{self, Record, Status};
use crate::remote;
use crate::report::{self, CheckoutReport, StatusReport};
use crate::workspace::{Loaded, Workspace};

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
    let lock = lock(session, &workspace, &loaded, options.check)?;
    let folder = folder(session, &workspace, options.folder.as_deref());
    let pinned = pinned(&loaded, &lock)?;
    let jobs = std::thread::available_parallelism().map_or(2, |jobs| jobs.get().min(8));
    let looked = remote::each(&pinned, jobs, |one| {
        let place = folder.join(&one.path);
        let status = checkout::status(&place, &one.wish.git.remote, &one.rev);
        status.map(|status| described(one, status, place.exists()))
    });
    let mut checkouts = looked.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
    checkouts.extend(others(&folder, &pinned)?);
    checkouts.sort_by(|a, b| a.path.cmp(&b.path));
    let report = StatusReport { schema: 1, checkouts };
    print(&if options.json { report::json(&report) } else { text(session, &report, options.all) })?;
    let off = report.checkouts.iter().filter(|one| !one.clean && one.is_wanted()).count();
    if options.check && off > 0 {
        let counted = report::count(off, "checkout is", "checkouts are");
        let message = format!("{counted} off the pin or changed");
        let hint = "`deps import` moves what is clean to its pin; `deps pin-from` pins what is there";
        return Err(Failed::one(DRIFT, Diagnostic::error(message).hint(Some(hint.to_owned()))));
    }
    Ok(())
}

/// Returns the lock. One that is out of date says where the checkouts should be all the same, but passes no check.
fn lock(session: &Session, workspace: &Workspace, loaded: &Loaded, check: bool) -> Result<Lock, Failed> {
    const WHY: &str = ", and the pins are in it";
    let before = workspace.lock()?;
    let drift = locking::drift(loaded, before.as_ref()).unwrap_or_default();
    match before {
        Some(before) if !check && !drift.is_empty() => {
            let message = "`deps.lock` is out of date: the checkouts are compared with what it has";
            let details = drift.iter().map(ToString::to_string);
            let hint = Some("to update it, run `deps lock`".to_owned());
            session.warn_all(vec![Diagnostic::warning(message).details(details).hint(hint)])?;
            Ok(before.lock)
        }
        _ => locking::in_sync(workspace, loaded, WHY),
    }
}

/// Returns the checkouts that no manifest names: those that `deps` made, and others.
fn others(folder: &Path, pinned: &[Pinned<'_>]) -> Result<Vec<CheckoutReport>, Failed> {
    let known: BTreeSet<PathBuf> = pinned.iter().map(|one| PathBuf::from(&one.path)).collect();
    let recorded = Record::read(folder).map_err(failed)?.checkouts;
    let gone: BTreeSet<PathBuf> =
        recorded.iter().map(PathBuf::from).filter(|path| !known.contains(path) && folder.join(path).exists()).collect();
    let unknown = checkout::beside(folder, &known).into_iter().filter(|path| !gone.contains(path)).collect();
    let one = |path: &PathBuf, state: &str| CheckoutReport {
        path: path.display().to_string(),
        state: state.to_owned(),
        ..CheckoutReport::default()
    };
    let of = |paths: &BTreeSet<PathBuf>, state| paths.iter().map(|path| one(path, state)).collect::<Vec<_>>();
    Ok([of(&gone, "gone"), of(&unknown, "unknown")].concat())
}

fn described(pinned: &Pinned<'_>, status: Option<Status>, exists: bool) -> CheckoutReport {
    let mut report =
        CheckoutReport { path: pinned.path.clone(), rev: Some(pinned.rev.clone()), ..CheckoutReport::default() };
    let Some(Status { other, head, branch, ahead, behind, changed, untracked }) = status else {
        report.state = if exists { "no-repository" } else { "missing" }.to_owned();
        return report;
    };
    let at_pin = head.as_deref() == Some(&pinned.rev);
    report.state = match other {
        Some(_) if !at_pin => "other-repository",
        _ if at_pin => "at-pin",
        _ => "off-pin",
    }
    .to_owned();
    report.clean = at_pin && changed + untracked == 0;
    let url = other.filter(|_| !at_pin);
    CheckoutReport { url, head, branch, ahead, behind, changed, untracked, ..report }
}

fn text(session: &Session, report: &StatusReport, all: bool) -> String {
    let shown = report.checkouts.iter().filter(|one| all || !one.clean);
    let lines: String = shown.map(|one| format!("{}\n", paint::change(&one.line(), session.colour()))).collect();
    let clean = report.checkouts.iter().filter(|one| one.clean).count();
    let counted = report::count(report.checkouts.len(), "checkout", "checkouts");
    format!("{lines}{counted}, {clean} at the pin and clean\n")
}
