//! `deps git-setup`: git merges locks by entry, and shows them with one line an entry.

use clap::Args;

use super::diagnostic::Diagnostic;
use super::hints;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::clone::{Change, Clone, Scope, SetupError};
use crate::workspace::Workspace;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Change the clone's configuration; so it is without this.
    #[arg(long, conflicts_with = "global")]
    local: bool,
    /// Change your configuration, for all clones.
    #[arg(long)]
    global: bool,
    /// Change nothing; fail if something would be changed.
    #[arg(long)]
    check: bool,
    /// Take everything back.
    #[arg(long)]
    remove: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let scope = if options.global { Scope::Global } else { Scope::Local };
    let folder =
        Workspace::find(session.start()).map_or_else(|_| session.start().to_owned(), |it| it.root().to_owned());
    let mut clone = Clone::find(&folder, scope, &session.home()?).map_err(failed)?;
    let changes = if options.remove { clone.left() } else { clone.missing() }.map_err(failed)?;
    if options.check {
        return check(&clone, &changes, options);
    }
    for change in &changes {
        clone.make(change).map_err(failed)?;
        session.tell(&format!("  {change}\n"));
    }
    if !options.remove {
        clone.check().map_err(failed)?;
    }
    session.tell(match (changes.is_empty(), options.remove) {
        (true, _) => "nothing to change\n",
        (false, true) => "git does not know of deps any more\n",
        (false, false) => "git merges deps.lock by entry now; commit .gitattributes\n",
    });
    Ok(())
}

fn check(clone: &Clone, changes: &[Change], options: &Options) -> Result<(), Failed> {
    if !changes.is_empty() {
        let message = if options.remove { "git still knows of deps" } else { "git is not set up for deps.lock" };
        let flags = [(options.global, " --global"), (options.remove, " --remove")];
        let flags: String = flags.into_iter().filter_map(|(given, flag)| given.then_some(flag)).collect();
        let error = Diagnostic::error(message).details(changes.iter().map(ToString::to_string));
        return Err(Failed::one(FAILED, error.hint(Some(format!("run `deps git-setup{flags}`")))));
    }
    if options.remove { Ok(()) } else { clone.check().map_err(failed) }
}

fn failed(error: SetupError) -> Failed {
    Failed::one(FAILED, Diagnostic::error(error.to_string()).hint(hints::of_setup(&error)))
}
