//! The clone that a project stands in, where git calls us: to merge locks, and to show them in diffs.
//!
//! Decides what git is told (its configuration, `.gitattributes`), what it gets, and what is committed. Leaves out how locks are merged (crate
//! `deps-lock`).

mod commit;
mod driver;
mod setup;

pub use commit::{CommitError, Committed, LockCommit};
pub use driver::{DriverError, Files, NotALock, Outcome, base_is_shown, merge_files, one_line_an_entry};
pub use setup::{Change, Clone, Scope, SetupError};
