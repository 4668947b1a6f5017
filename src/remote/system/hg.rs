//! The `hg` program: which changeset a version is, and its files.
//!
//! Decides that no code of a repository runs: its own configuration is not read (`HGRCSKIPREPO`), so it has neither hooks
//! nor extensions; nothing is updated to; its files are written as they are, without filters. Subrepositories are left
//! out. A repository of the store has all changesets that were ever fetched from one url.

#![expect(clippy::disallowed_methods, reason = "Mercurial is asked through its program, with the user's settings")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use deps_lock::Node;

use super::Foreign;
use crate::remote::trouble::Trouble;
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::{Store, StoreError};

/// The branch that counts where no version is named; Mercurial's own name for it.
const DEFAULT: &str = "default";

/// A pull says nothing while it works, so only its end is waited for.
const LONGEST_PULL: Duration = Duration::from_secs(3600);

/// How the words of an interrupted pull begin when the next one finds what it left.
const ABANDONED: &str = "abandoned transaction";

pub(super) fn revision(foreign: &Foreign<'_>, version: Option<&str>) -> Result<String, Trouble> {
    let version = version.unwrap_or(DEFAULT);
    let mut command = hg(foreign)?;
    command.args(["identify", "--id", "--debug", "--rev", version, "--", foreign.url]);
    let output = foreign.run(command, foreign.timeout() * 2)?;
    let node = node_in(&output);
    // The id of nothing, which an empty repository has.
    if node.bytes().all(|byte| byte == b'0') {
        return Err(Trouble::new(FailureKind::NoSuchCommit, "the repository is empty", ""));
    }
    Ok(node)
}

pub(super) fn export(foreign: &Foreign<'_>, node: &str, store: &Store, into: &Path) -> Result<(), Failure> {
    let failed = |trouble| foreign.failure(trouble, 0, Transport::System);
    let unusable =
        |error: StoreError| failed(Trouble::new(FailureKind::Local, "the store is not usable", &error.to_string()));
    let (path, _lock) = store.lock_hg(foreign.url, foreign.interrupted).map_err(unusable)?;
    if !path.is_dir() {
        let scratch = store.scratch().map_err(unusable)?;
        let draft = scratch.path().join("repository");
        initialised(foreign, &draft).map_err(failed)?;
        store.rename(&draft, &path).map_err(unusable)?;
    }
    if !has(foreign, &path, node) {
        foreign.online()?;
        foreign.trying(|| pull(foreign, &path, node))?;
    }
    archive(foreign, &path, node, into).map_err(failed)
}

fn initialised(foreign: &Foreign<'_>, path: &Path) -> Result<(), Trouble> {
    let mut command = hg(foreign)?;
    command.args(["init", "--"]).arg(path);
    foreign.run(command, foreign.timeout()).map(drop)
}

/// Whether the repository of the store has the changeset.
fn has(foreign: &Foreign<'_>, path: &Path, node: &str) -> bool {
    let Ok(mut command) = hg(foreign) else { return false };
    command.arg("--repository").arg(path).args(["identify", "--id", "--debug", "--rev", node]);
    foreign.run(command, foreign.timeout()).is_ok_and(|output| node_in(&output) == node)
}

/// Returns the id in `output`: around it `--debug`, which makes it a full one, tells what went over the network.
fn node_in(output: &[u8]) -> String {
    let output = String::from_utf8_lossy(output);
    let node = output.lines().map(str::trim).rfind(|line| Node::new(*line).is_ok());
    node.unwrap_or(output.trim()).to_owned()
}

/// Fetches the changeset and all that it stands on.
fn pull(foreign: &Foreign<'_>, path: &Path, node: &str) -> Result<(), Trouble> {
    let pull = || {
        let mut command = hg(foreign)?;
        // A repository that was replaced by another history is no error: the id says what is wanted.
        command.arg("--repository").arg(path).args(["pull", "--force", "--rev", node, "--", foreign.url]);
        foreign.run(command, LONGEST_PULL).map(drop)
    };
    match pull() {
        Err(trouble) if trouble.message.contains(ABANDONED) => {
            let mut command = hg(foreign)?;
            command.arg("--repository").arg(path).arg("recover");
            foreign.run(command, LONGEST_PULL)?;
            pull()
        }
        other => other,
    }
}

fn archive(foreign: &Foreign<'_>, path: &Path, node: &str, into: &Path) -> Result<(), Trouble> {
    let mut command = hg(foreign)?;
    command
        .arg("--repository")
        .arg(path)
        .args(["archive", "--rev", node, "--type", "files", "--no-decode", "--"])
        .arg(into);
    foreign.run(command, LONGEST_PULL).map(drop)
}

/// Returns `hg` as every call begins.
fn hg(foreign: &Foreign<'_>) -> Result<Command, Trouble> {
    let mut command = plain();
    if foreign.url.starts_with("ssh://") && !has_ssh(foreign)? {
        command.args(["--config", &format!("ui.ssh={}", foreign.silent_ssh())]);
    }
    let seconds = format!("http.timeout={}", foreign.timeout().as_secs().max(1));
    for setting in ["ui.interactive=false", "ui.archivemeta=false", "subrepos.allowed=false", &seconds] {
        command.args(["--config", setting]);
    }
    Ok(command)
}

/// Whether the user has said which ssh program Mercurial calls.
fn has_ssh(foreign: &Foreign<'_>) -> Result<bool, Trouble> {
    let mut command = plain();
    command.args(["config", "ui.ssh"]);
    match foreign.run(command, foreign.timeout()) {
        Ok(output) => Ok(!output.trim_ascii().is_empty()),
        Err(trouble) if trouble.kind == FailureKind::MissingProgram => Err(trouble),
        // It fails where there is no such setting.
        Err(_) => Ok(false),
    }
}

fn plain() -> Command {
    let mut command = Command::new("hg");
    command.env("HGPLAIN", "1").env("HGRCSKIPREPO", "1").env("HGENCODING", "utf-8").env("LC_ALL", "C");
    command
}
