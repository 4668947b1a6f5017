//! The `svn` program: which revision a version is, and its files.
//!
//! Decides that a url is pinned to the last revision in which it changed, so that commits elsewhere in a repository
//! change no lock. Externals are left out. Keywords are expanded as in a working copy, in UTC, so that two machines
//! export the same bytes.

#![expect(clippy::disallowed_methods, reason = "Subversion is asked through its program, with the user's settings")]

use std::borrow::Cow;
use std::path::Path;
use std::process::Command;

use super::Foreign;
use crate::remote::trouble::Trouble;

pub(super) fn revision(foreign: &Foreign<'_>, version: Option<&str>) -> Result<String, Trouble> {
    let version = version.unwrap_or("HEAD");
    let last = info(foreign, "last-changed-revision", version)?;
    // A folder that came along when one above it was copied or moved has last changed before it stood at this url.
    match info(foreign, "last-changed-revision", &last) {
        Ok(same) if same == last => Ok(last),
        _ => info(foreign, "revision", version),
    }
}

fn info(foreign: &Foreign<'_>, item: &str, version: &str) -> Result<String, Trouble> {
    let mut command = svn(foreign);
    command.args([
        "info",
        "--non-interactive",
        "--no-newline",
        "--show-item",
        item,
        "--",
        &pegged(foreign.url, version),
    ]);
    let output = foreign.run(command, foreign.timeout() * 2)?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

pub(super) fn export(foreign: &Foreign<'_>, number: &str, into: &Path) -> Result<(), Trouble> {
    let mut command = svn(foreign);
    command.args(["export", "--force", "--ignore-externals", "--non-interactive", "--native-eol", "LF", "--"]);
    // The `@` at its end keeps one in the path from being read as a revision.
    let mut target = into.as_os_str().to_owned();
    target.push("@");
    command.arg(pegged(foreign.url, number)).arg(target);
    // It names every file as it writes it.
    foreign.run(command, foreign.timeout() * 2).map(drop)
}

/// Returns `url` at a revision. The last `@` of all begins that, whatever the url holds.
fn pegged(url: &str, version: &str) -> String {
    let url = if url.starts_with('/') { Cow::Owned(format!("file://{url}")) } else { Cow::Borrowed(url) };
    format!("{url}@{version}")
}

/// Returns `svn` as every call begins. Names of files need UTF-8; the words stay English, the dates UTC.
fn svn(foreign: &Foreign<'_>) -> Command {
    let mut command = Command::new("svn");
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env_remove("LANGUAGE");
    if std::env::var_os("SVN_SSH").is_none() {
        command.env("SVN_SSH", foreign.silent_ssh());
    }
    let seconds = format!("servers:global:http-timeout={}", foreign.timeout().as_secs().max(1));
    command.args(["--config-option", &seconds]);
    command
}
