//! `deps lock` where a merge of the lock stopped: reads both sides, keeps what is asked for, and says what it kept.
//!
//! The manifests decide, so they must have been merged before: one with conflict markers is refused. Leaves out how a side
//! is chosen (`resolve/settle.rs`).

use deps_lock::{Lock, sides};

use super::Network;
use super::diagnostic::Diagnostic;
use super::locking;
use super::origins;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::report;
use crate::resolve::{Refresh, Stopped};
use crate::workspace::{LoadedLock, Workspace};

/// A lock in which a merge stopped.
pub(super) struct Conflicts {
    /// The file's text.
    text: String,
    stopped: Stopped,
    /// What the sides are called, ours first.
    names: [String; 2],
}

impl Conflicts {
    /// Returns the merge that stopped in the lock of `workspace`, if one did.
    pub(super) fn find(workspace: &Workspace) -> Result<Option<Self>, Failed> {
        let stopped = |troubles: &Vec<_>| {
            troubles.iter().any(|trouble: &crate::workspace::Trouble| trouble.conflict_marker().is_some())
        };
        if !workspace.lock().is_err_and(|troubles| stopped(&troubles)) {
            return Ok(None);
        }
        let Some(text) = workspace.lock_text()? else { return Ok(None) };
        let Some(sides) = sides(&text).map_err(|problem| unreadable(problem.to_string(), Vec::new()))? else {
            return Ok(None);
        };
        let name = |label: &str, default: &str| if label.is_empty() { default } else { label }.to_owned();
        let names = [name(&sides.ours.label, "ours"), name(&sides.theirs.label, "theirs")];
        let (ours, theirs) = (side(&sides.ours.text, &names[0])?, side(&sides.theirs.text, &names[1])?);
        // A base with conflicts of its own, or one that zdiff3 has mixed with both sides, says nothing.
        let base = sides.base.and_then(|base| Lock::parse(&base.text).ok());
        Ok(Some(Self { text, stopped: Stopped { base, ours, theirs }, names }))
    }

    /// Writes the merged lock, and says what became of each entry that the sides have differently.
    pub(super) fn resolve(self, session: &Session, workspace: Workspace, network: &Network) -> Result<(), Failed> {
        let Self { text, stopped, names } = self;
        let lock = stopped.before_origins(&workspace.origins()?);
        let merged = LoadedLock { text: text.clone(), lock };
        let (workspace, loaded) =
            origins::ready_in(session, workspace.with_merged(merged), &Refresh::Nothing, false, network)?;
        let settled = stopped.settle(&loaded.wishes);
        let names = names.each_ref().map(String::as_str);
        if !settled.open.is_empty() {
            let lines = settled.open.iter().map(|place| format!("{place}: unknown to this version")).collect();
            return Err(unreadable(
                format!("`{}` and `{}` differ in what no manifest decides", names[0], names[1]),
                lines,
            ));
        }
        let lines = report::settled_lines(&stopped, &settled, names);
        let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
        session.tell(&format!("merging `{}` and `{}` of deps.lock:\n{lines}", names[0], names[1]));
        let before = LoadedLock { text, lock: settled.lock };
        locking::write(session, &workspace, &loaded, Some(&before), &Refresh::Nothing, network)?;
        Ok(())
    }
}

fn side(text: &str, name: &str) -> Result<Lock, Failed> {
    Lock::parse(text).map_err(|errors| {
        let problems = errors.iter().map(ToString::to_string).collect();
        unreadable(format!("the side `{name}` is no lock"), problems)
    })
}

fn unreadable(why: String, details: Vec<String>) -> Failed {
    let hint = "keep one side of each conflict in the file by hand, then run `deps lock`";
    let error = Diagnostic::error(format!("cannot merge the sides of `deps.lock`: {why}"));
    Failed::one(FAILED, error.details(details).hint(Some(hint.to_owned())))
}
