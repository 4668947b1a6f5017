//! Projects whose changes are reviewed: locked, and in a git repository whose commits have the same ids in every run.

use crate::support::sandbox::Sandbox;

/// An image that needs no registry.
pub(crate) const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// So that commits of the project have the same ids in every run.
const DATE: &str = "2020-01-01T00:00:00Z";

/// A sandbox in which git knows who commits, and has what `https://<host>/` serves from the sandbox's server.
pub(crate) fn served_as(host: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let user = "[user]\n\tname = a\n\temail = a@example.org\n";
    sandbox.git_config(&format!("[url \"$GIT/\"]\n\tinsteadOf = https://{host}/\n{user}"));
    sandbox
}

/// Locks the project, and commits all of it as the first commit of `main`.
pub(crate) fn begin(sandbox: &Sandbox) {
    sandbox.deps(["lock"]).succeeds();
    git(sandbox, &["init", "--quiet", "--initial-branch=main"]);
    commit(sandbox);
}

/// Commits everything.
pub(crate) fn commit(sandbox: &Sandbox) {
    git(sandbox, &["add", "."]);
    git(sandbox, &["commit", "--quiet", "-m", "x"]);
}

/// Runs git in the project.
pub(crate) fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let run = sandbox.program("git", arguments);
    run.env("GIT_COMMITTER_DATE", DATE).env("GIT_AUTHOR_DATE", DATE).succeeds();
}
