//! The clone that a project stands in, where git calls us: to merge locks, and to show them in diffs.
//!
//! Decides what git is told (its configuration, `.gitattributes`) and what it gets. Leaves out how locks are merged (crate
//! `deps-lock`).

mod driver;
mod setup;

pub use driver::{DriverError, Files, NotALock, Outcome, base_is_shown, merge_files, one_line_an_entry};
pub use setup::{Change, Clone, Scope, SetupError};
