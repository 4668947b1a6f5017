//! `deps lock`: pins what is missing or changed; `--check` says whether it would, `--verify` whether what is pinned is still
//! there.

use clap::Args;

use super::Network;
use super::conflicts::Conflicts;
use super::locking;
use super::origins;
use super::outcome::{Failed, print};
use super::session::Session;
use super::verifying;
use crate::report;
use crate::resolve::{Date, Drift, Refresh};
use crate::workspace::Trouble;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only say whether the lock is up to date (exit code 3 if not): no network, nothing is written.
    #[arg(long, group = "look")]
    check: bool,
    /// Ask every remote whether what is locked is still there: commits on their refs, tags where they were, images and
    /// files served (exit code 4 if not); the lock must be up to date and is not written.
    #[arg(long, group = "look")]
    verify: bool,
    /// Pin all git repositories to what they had at a date (`2024-05-01`, its end in UTC, or `2024-05-01T12:00:00Z`): branches at
    /// the newest commit of their first parents by then, requirements without newer tags. Other entries stay.
    #[arg(long, value_name = "DATE", value_parser = super::date::read, conflicts_with = "look")]
    as_of: Option<Date>,
    /// With --check or --verify: print every difference or finding as JSON (`deps schema drift`, `deps schema lock-verify`).
    #[arg(long, requires = "look")]
    json: bool,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    if options.check {
        return check(session, options.json);
    }
    if options.verify {
        return verifying::run(session, options.json, &options.network);
    }
    let workspace = session.workspace()?;
    if let Some(conflicts) = Conflicts::find(&workspace)? {
        return conflicts.resolve(session, workspace, &options.network);
    }
    let refresh = options.as_of.clone().map_or(Refresh::Nothing, |date| Refresh::AsOf(date, None));
    let (workspace, loaded) = origins::ready_in(session, workspace, &refresh, false, &options.network)?;
    let before = workspace.lock()?;
    let lock = locking::write(session, &workspace, &loaded, before.as_ref(), &refresh, &options.network)?;
    if let Some(date) = &options.as_of {
        locking::tell_undated(session, date, before.as_ref(), &lock);
    }
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
