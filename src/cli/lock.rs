//! `deps lock`: pins what is missing or changed; `--check` says whether it would.

use clap::Args;

use super::Network;
use super::conflicts::Conflicts;
use super::locking;
use super::origins;
use super::outcome::{Failed, print};
use super::session::Session;
use crate::report;
use crate::resolve::{Drift, Refresh};
use crate::workspace::Trouble;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only say whether the lock is up to date (exit code 3 if not): no network, nothing is written.
    #[arg(long)]
    check: bool,
    /// With --check: print every difference as JSON (`deps schema drift`).
    #[arg(long, requires = "check")]
    json: bool,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    if options.check {
        return check(session, options.json);
    }
    let workspace = session.workspace()?;
    if let Some(conflicts) = Conflicts::find(&workspace)? {
        return conflicts.resolve(session, workspace, &options.network);
    }
    let (workspace, loaded) = origins::ready_in(session, workspace, &Refresh::Nothing, false, &options.network)?;
    let before = workspace.lock()?;
    locking::write(session, &workspace, &loaded, before.as_ref(), &Refresh::Nothing, &options.network)?;
    Ok(())
}

fn check(session: &Session, json: bool) -> Result<(), Failed> {
    let workspace = session.workspace()?.looking_around();
    if json {
        let (known, absent) = workspace.load_what_is_here()?;
        let drift = match workspace.lock() {
            Err(troubles) => Some(vec![stopped(troubles)?]),
            Ok(lock) => locking::drift(&known, lock.as_ref()),
        };
        // Without all extensions a lock can be found out of date, but not up to date.
        if absent.is_empty() || drift.as_ref().is_none_or(|drift| !drift.is_empty()) {
            print(&report::drift_json(drift.as_deref()))?;
        }
    }
    let loaded = session.load(&workspace)?;
    let lock = locking::in_sync(&workspace, &loaded, "")?;
    session.tell(&format!("deps.lock is up to date: {}\n", report::count(lock.len(), "entry", "entries")));
    Ok(())
}

/// Returns the drift of a lock in which a merge stopped; what else is wrong with it is a failure.
fn stopped(troubles: Vec<Trouble>) -> Result<Drift, Failed> {
    let line = troubles.first().and_then(Trouble::conflict_marker);
    line.map(|line| Drift::ConflictMarkers { line }).ok_or_else(|| troubles.into())
}
