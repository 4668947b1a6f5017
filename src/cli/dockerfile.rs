//! `deps dockerfile`: the canonical Dockerfile. Offline, without an engine.

use super::outcome::{Failed, print};
use super::session::Session;
use super::{locking, planning};

pub(super) fn run(session: &Session) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let lock = locking::in_sync(&workspace, &loaded, ", and the Dockerfile follows from it")?;
    print(&planning::dockerfile(&planning::plans(&loaded, &lock)?))
}
