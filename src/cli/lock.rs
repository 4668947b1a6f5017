//! `deps lock`: pins what is missing or changed; `--check` says whether it would.

use clap::Args;

use super::Network;
use super::locking;
use super::outcome::{Failed, print};
use super::session::Session;
use crate::report;
use crate::resolve::Refresh;

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
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    if options.json {
        let lock = workspace.lock()?;
        let drift = locking::drift(&loaded, lock.as_ref());
        print(&report::drift_json(drift.as_deref()))?;
    }
    if options.check {
        let lock = locking::in_sync(&workspace, &loaded, "")?;
        session.tell(&format!("deps.lock is up to date: {}\n", report::count(lock.len(), "entry", "entries")));
        return Ok(());
    }
    let before = workspace.lock()?;
    locking::write(session, &workspace, &loaded, before.as_ref(), &Refresh::Nothing, &options.network)?;
    Ok(())
}
