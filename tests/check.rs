//! `deps lock --check`: offline, complete, exit code 3.

use crate::support::sandbox::Sandbox;
use snapbox::str;

fn locked() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    for name in ["nav2", "msgs", "rviz"] {
        let repository = || sandbox.git(name);
        repository().file("a", "1").tag("1.2.0").commit();
        repository().file("a", "2").tag("1.3.0").commit();
    }
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n[extensions]\n",
    );
    sandbox.manifest(
        "repositories:\n  nav2: { type: git, url: https://git.example/nav2.git, version: 1.2.0 }\n  \
         msgs: { type: git, url: https://git.example/msgs.git, version: ^1.2 }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

#[test]
fn an_up_to_date_lock_needs_no_network() {
    let sandbox = locked();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["lock", "--check"]).succeeds().stderr_is(str![[r#"
deps.lock is up to date: 2 entries

"#]]);
    });
}

#[test]
fn every_difference_is_named() {
    let sandbox = locked();
    sandbox.manifest(
        "repositories:\n  nav2: { type: git, url: https://git.example/fork/nav2.git, version: 1.2.0 }\n  \
         msgs: { type: git, url: https://git.example/msgs.git, version: ~1.2.0 }\n  \
         rviz: { type: git, url: https://git.example/rviz.git }\n",
    );
    sandbox.edit("deps.lock", "[repo.\"msgs\"]", "[repo.\"old\"]\nrev = \"0123456789012345678901234567890123456789\"\nurl = \"https://git.example/old.git\"\n\n[repo.\"msgs\"]");
    let before = sandbox.read("deps.lock");
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  repo `msgs`: `underlay.repos` asks for `~1.2.0`, the lock has `^1.2`
  repo `nav2`: `underlay.repos` has the url `https://git.example/fork/nav2.git`, the lock has `https://git.example/nav2.git`
  repo `old`: in the lock, but nothing asks for it
  repo `rviz`: in `underlay.repos`, not in the lock
  the file is not in its canonical form
hint: to update it, run `deps lock`

"#]]);
        sandbox.deps(["lock", "--check", "--json"]).exits(3).stdout_is(str![[r#"
{
  "schema": 1,
  "locked": true,
  "up_to_date": false,
  "drift": [
    {
      "kind": "ref-changed",
      "key": "repo:msgs",
      "place": "underlay.repos:3:66",
      "message": "repo `msgs`: `underlay.repos` asks for `~1.2.0`, the lock has `^1.2`",
      "fix": "deps lock"
    },
    {
      "kind": "url-changed",
      "key": "repo:nav2",
      "place": "underlay.repos:2:71",
      "message": "repo `nav2`: `underlay.repos` has the url `https://git.example/fork/nav2.git`, the lock has `https://git.example/nav2.git`",
      "fix": "deps lock"
    },
    {
      "kind": "extra",
      "key": "repo:old",
      "place": null,
      "message": "repo `old`: in the lock, but nothing asks for it",
      "fix": "deps lock"
    },
    {
      "kind": "missing",
      "key": "repo:rviz",
      "place": "underlay.repos:4:27",
      "message": "repo `rviz`: in `underlay.repos`, not in the lock",
      "fix": "deps lock"
    },
    {
      "kind": "not-canonical",
      "key": null,
      "place": null,
      "message": "the file is not in its canonical form",
      "fix": "deps lock"
    }
  ]
}

"#]]);
        sandbox.deps(["plan"]).exits(3);
        sandbox.deps(["fetch", "--frozen"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date, and `--frozen` forbids writing it
  repo `msgs`: `underlay.repos` asks for `~1.2.0`, the lock has `^1.2`
  repo `nav2`: `underlay.repos` has the url `https://git.example/fork/nav2.git`, the lock has `https://git.example/nav2.git`
  repo `old`: in the lock, but nothing asks for it
  repo `rviz`: in `underlay.repos`, not in the lock
  the file is not in its canonical form
hint: to update it, run `deps lock`

"#]]);
    });
    assert_eq!(sandbox.read("deps.lock"), before);
}

#[test]
fn a_tag_that_does_not_satisfy_its_requirement_is_drift() {
    let sandbox = locked();
    sandbox.edit("deps.lock", "ref = \"1.3.0\"", "ref = \"2.0.0\"");
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  repo `msgs`: `underlay.repos` asks for `^1.2`, and the lock's `2.0.0` does not satisfy it
hint: to update it, run `deps lock`

"#]]);
}

#[test]
fn another_spelling_is_drift_and_locking_mends_it() {
    let sandbox = locked();
    let canonical = sandbox.read("deps.lock");
    sandbox.write("deps.lock", &format!("{canonical}\n# a comment\n"));
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  the file is not in its canonical form
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), canonical);
}

#[test]
fn without_a_lock_there_is_nothing_to_check() {
    let sandbox = locked();
    std::fs::remove_file(sandbox.path("deps.lock")).unwrap();
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: there is no `deps.lock`
hint: to make it, run `deps lock`

"#]]);
    sandbox.deps(["fetch", "--frozen"]).exits(3).stderr_is(str![[r#"
error: there is no `deps.lock`, and `--frozen` forbids writing it
hint: to make it, run `deps lock`

"#]]);
}

#[test]
fn a_broken_lock_is_refused_with_every_problem() {
    let sandbox = locked();
    sandbox.edit("deps.lock", "ref = \"1.2.0\"", "ref = 1.2");
    sandbox.edit("deps.lock", "want = ", "[repo.\"a/../evil\"]\nwant = ");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: repo `msgs` has no `rev`
 --> deps.lock:4:7
  |
4 | [repo."msgs"]
  |       ^^^^^^
hint: restore the file from git, or delete it and run `deps lock`

error: repo `msgs` has no `url`
 --> deps.lock:4:7
  |
4 | [repo."msgs"]
  |       ^^^^^^
hint: restore the file from git, or delete it and run `deps lock`

error: the name `a/../evil` in `[repo]` leads out of its folder with `..`
 --> deps.lock:5:7
  |
5 | [repo."a/../evil"]
  |       ^^^^^^^^^^^
hint: restore the file from git, or delete it and run `deps lock`

error: repo `nav2`: `ref` has type float, not string
  --> deps.lock:12:7
   |
12 | ref = 1.2
   |       ^^^
hint: restore the file from git, or delete it and run `deps lock`

"#]]);
}

/// The ways into a namespace without a network: as root, and as anybody where the system allows it.
const NAMESPACES: [&str; 2] = ["-n", "-rn"];

#[test]
#[expect(clippy::print_stderr, reason = "whoever reads the log must see that it proved nothing")]
fn five_hundred_entries_are_checked_where_there_is_no_network_at_all() {
    let sandbox = Sandbox::new();
    sandbox.git("one").file("a", "1").commit();
    let entry = |at: usize| format!("  group/r{at}: {{ type: git, url: $GIT/one.git }}\n");
    sandbox.manifest(&format!("repositories:\n{}", (0..500).map(entry).collect::<String>()));
    sandbox.deps(["lock"]).succeeds();
    let works = |way: &&str| sandbox.program("unshare", [*way, "true"]).runs().code() == Some(0);
    let Some(way) = NAMESPACES.into_iter().find(works) else {
        eprintln!("skipped: this user may not make a network namespace");
        return;
    };
    let inside = |arguments: &[&str]| {
        let all = [&[way, env!("CARGO_BIN_EXE_deps-cli")], arguments].concat();
        sandbox.program("unshare", all)
    };
    inside(&["lock", "--check"]).succeeds().stderr_is(str![[r#"
deps.lock is up to date: 500 entries

"#]]);
    inside(&["lock", "--check", "--json"]).succeeds().stdout_is(str![[r#"
{
  "schema": 1,
  "locked": true,
  "up_to_date": true,
  "drift": []
}

"#]]);
    // It is none: what has to be asked cannot be.
    sandbox.edit(
        "underlay.repos",
        "group/r7: { type: git, url: $GIT/one.git }",
        "group/r7: { type: git, url: $GIT/one.git, version: main }",
    );
    inside(&["lock", "--retries", "0"]).exits(5);
    assert_eq!(sandbox.deps(["lock", "--check"]).exits(3).stderr().lines().count(), 3);
}
