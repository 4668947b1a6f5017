//! `deps export`: a manifest that vcstool, and we, read the same way.

use crate::support::sandbox::Sandbox;
use snapbox::str;

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox.git("a").file("f", "1\n").branch("1.10").commit();
    sandbox.git("a").file("f", "2\n").commit();
    sandbox.git("b").file("f", "1\n").tag("v1.0.0").commit();
    sandbox.manifest(
        "repositories:\n  core/a: { type: git, url: https://git.example/a.git, version: \"1.10\" }\n  \
         on: { type: git, url: https://git.example/b.git, version: ^1 }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

#[test]
fn the_lock_is_exported_as_it_asks_or_as_it_pins() {
    let sandbox = project();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["export", "--repos"]).succeeds().stdout_is(str![[r#"
repositories:
  core/a:
    type: git
    url: https://git.example/a.git
    version: "1.10"
  "on":
    type: git
    url: https://git.example/b.git
    version: "v1.0.0"

"#]]);
        sandbox.deps(["export", "--exact"]).succeeds().stdout_is(str![[r#"
repositories:
  core/a:
    type: git
    url: https://git.example/a.git
    version: "06ed23d54faa97d47a37f9d8fcb2604810d823e6"
  "on":
    type: git
    url: https://git.example/b.git
    version: "06ed23d54faa97d47a37f9d8fcb2604810d823e6"

"#]]);
    });
}

#[test]
fn what_was_exported_locks_to_the_same_commits() {
    let sandbox = project();
    let revs = |lock: &str| lock.lines().filter(|line| line.starts_with("rev")).map(str::to_owned).collect::<Vec<_>>();
    let before = revs(&sandbox.read("deps.lock"));
    for arguments in [&["export"][..], &["export", "--exact"]] {
        let text = sandbox.deps(arguments).succeeds().stdout();
        sandbox.manifest(&text);
        sandbox.deps(["lock", "--strict"]).succeeds();
        assert_eq!(revs(&sandbox.read("deps.lock")), before, "{text}");
    }
}

#[test]
fn checkouts_are_exported_with_their_branches_and_refused_where_nobody_could_fetch_them() {
    let sandbox = project();
    sandbox.deps(["import", "ws"]).succeeds();
    let exported = sandbox.deps(["export", "ws"]).succeeds().stdout();
    assert!(exported.contains("core/a:\n    type: git\n    url: https://git.example/a.git\n    version: \"1.10\"\n"));
    let exact = sandbox.deps(["export", "--exact", "ws"]).succeeds().stdout();
    assert_eq!(exact, sandbox.deps(["export", "--exact"]).succeeds().stdout());
    let git = |arguments: &[&str]| {
        let arguments = [&["-C", "ws/on", "-c", "user.name=A", "-c", "user.email=a@example.org"], arguments].concat();
        sandbox.program("git", arguments).succeeds();
    };
    git(&["commit", "--quiet", "--allow-empty", "-m", "own"]);
    git(&["init", "--quiet", "empty"]);
    git(&["-C", "../core/a", "remote", "set-url", "origin", "https://ada:hunter2@git.example/a.git"]);
    let run = sandbox.deps(["export", "ws"]).exits(1).stderr_is(str![[r#"
error: `core/a` has a remote whose url may stand in no manifest: it holds a credential or an option

error: `on` is at a commit that no remote is known to have

error: `on/empty` has no commit

"#]]);
    assert!(run.stdout().is_empty(), "no half manifest");
}
