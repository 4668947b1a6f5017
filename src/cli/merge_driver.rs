//! `deps merge-driver` and `deps textconv`: what git calls after `deps git-setup`.
//!
//! Keeps git's contract: the result in `%A`; 0 for a merge, 1 for one with conflicts, above 128 for none.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Args;
use deps_lock::Markers;

use super::diagnostic::{Diagnostic, visible};
use super::outcome::{FAILED, Failed, print};
use super::session::Session;
use crate::clone::{self, Files, Outcome};

/// What makes git give up instead of taking the file for a merge with conflicts.
pub(super) const FATAL: u8 = 129;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What both sides began with (%O).
    base: PathBuf,
    /// Our side, which becomes the result (%A).
    ours: PathBuf,
    /// Their side (%B).
    theirs: PathBuf,
    /// What messages call the file (%P).
    path: Option<OsString>,
    /// The length of conflict markers (%L).
    #[arg(long, default_value_t = 7, value_name = "N")]
    marker_size: usize,
    /// What conflict markers call the base (%S).
    #[arg(long, default_value = "base", value_name = "LABEL")]
    base_label: OsString,
    /// What they call our side (%X).
    #[arg(long, default_value = "ours", value_name = "LABEL")]
    our_label: OsString,
    /// What they call their side (%Y).
    #[arg(long, default_value = "theirs", value_name = "LABEL")]
    their_label: OsString,
}

#[derive(Debug, Args)]
pub(super) struct Textconv {
    /// A lock.
    file: PathBuf,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let at = |path: &PathBuf| session.start().join(path);
    let files = Files { base: at(&options.base), ours: at(&options.ours), theirs: at(&options.theirs) };
    let name = options.path.as_ref().map_or("deps.lock".into(), |path| path.to_string_lossy());
    let shown = clone::base_is_shown(session.start());
    let markers = Markers {
        size: options.marker_size,
        ours: label(&options.our_label, "ours"),
        theirs: label(&options.their_label, "theirs"),
        base: shown.then(|| label(&options.base_label, "base")),
    };
    let outcome = clone::merge_files(&files, &markers);
    match outcome.map_err(|error| Failed::one(FATAL, Diagnostic::error(error.to_string())))? {
        Outcome::Merged => Ok(()),
        Outcome::Conflicts(places) => {
            let error = Diagnostic::error(format!("both sides of `{name}` changed the same"));
            let hint = "resolve the manifests, then run `deps lock`: it keeps the side that they ask for";
            Err(Failed::one(FAILED, error.details(places).hint(Some(hint.to_owned()))))
        }
        Outcome::AsText(not) => {
            let error = Diagnostic::error(format!("`{name}` was merged as text, not by entry"));
            Err(Failed::one(FAILED, error.details([not.to_string()])))
        }
    }
}

pub(super) fn textconv(session: &Session, options: &Textconv) -> Result<(), Failed> {
    let text = clone::one_line_an_entry(&session.start().join(&options.file));
    let text = text.map_err(|error| Failed::one(FAILED, Diagnostic::error(error.to_string())))?;
    let line = |line: &str| format!("{}\n", visible(line));
    print(&text.lines().map(line).collect::<String>())
}

/// Returns a label as it may stand in a file. An old git hands on what it does not know, like `%X`.
fn label(given: &OsStr, default: &str) -> String {
    let given = visible(&given.to_string_lossy());
    let unknown = given.is_empty() || ["%S", "%X", "%Y"].contains(&given.as_str());
    if unknown { default.to_owned() } else { given }
}
