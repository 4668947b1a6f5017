//! `deps diff` with what lies beyond the two locks: the commits between, from the store or from real servers, and whether
//! what is pinned is still there.

use crate::diff::project::{begin, served_as};
use crate::support::git_server::Fault;
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project that is locked, in a git repository of its own.
fn project(names: &[&str]) -> Sandbox {
    let sandbox = served_as("git.example");
    let entry = |name: &&str| {
        let version = if name.starts_with("tag") { "1.0.0" } else { "main" };
        format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: {version} }}\n")
    };
    for name in names {
        sandbox.git(name).file("f", "0").commit();
        sandbox.git(name).file("f", "1").tag("1.0.0").commit();
    }
    sandbox.manifest(&format!("repositories:\n{}", names.iter().map(entry).collect::<String>()));
    begin(&sandbox);
    sandbox
}

/// Puts `main` of the repository on two commits whose last ancestor in common with what it was is its first commit.
fn rewrite(sandbox: &Sandbox, name: &str) {
    let folder = sandbox.root().join(format!("git/{name}.git"));
    let script = format!(
        "set -e; cd '{}'; export GIT_AUTHOR_NAME=e GIT_AUTHOR_EMAIL=e@example.org GIT_COMMITTER_NAME=e \
         GIT_COMMITTER_EMAIL=e@example.org GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
         one=$(git commit-tree -p main~1 -m 'Do it otherwise' main^{{tree}})
         two=$(git commit-tree -p $one -m \"$(printf 'A \\033[2J `subject`')\" main^{{tree}})
         git update-ref refs/heads/main $two",
        folder.display()
    );
    sandbox.program("sh", ["-c", &script]).succeeds();
}

#[test]
fn a_store_with_the_history_says_how_far_a_branch_went_without_a_server() {
    let sandbox = project(&["branch"]);
    // Such a server gives no commit alone that its branch has left behind, so that the store gets what leads to it.
    sandbox.git("branch").refuse_ids();
    sandbox.server().refuse_protocol_v2("branch.git");
    sandbox.git("branch").file("f", "2").commit();
    sandbox.deps(["fetch"]).succeeds();
    sandbox.deps(["update"]).succeeds();
    sandbox.git("branch").file("f", "3").commit();
    sandbox.deps(["fetch"]).succeeds();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["diff", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD (eec157d9) → the work tree

Versions
  ~ repo branch  main db229c3e → d2680391  +1 commit
      + d2680391 commit

Stages that rebuild: 2 of 3
  ~ stage src-main-8  rev of branch changed db229c3e → d2680391 (main)
  ~ stage final       follows src-main-8

"#]]);
    });
}

#[test]
fn histories_that_the_store_lacks_are_fetched_without_files_and_say_what_was_lost() {
    let sandbox = project(&["branch", "tag"]);
    rewrite(&sandbox, "branch");
    sandbox.git("tag").file("f", "2").tag("1.1.0").commit();
    sandbox.edit("underlay.repos", "1.0.0", "1.1.0");
    sandbox.deps(["update"]).succeeds();
    for way in ["git2", "git"] {
        sandbox.deps(["diff", "HEAD", "--fetch"]).env("DEPS_GIT", way).succeeds().stdout_is(str![[r#"
HEAD (6c748110) → the work tree

Integrity
  ! repo branch  main lost 1 commit: its history was rewritten

Versions
  ~ repo branch  main db229c3e → ce45edbe  +2 −1 commits
      + ce45edbe A �[2J `subject`
      + f6ae5ab0 Do it otherwise
      - db229c3e commit
  ~ repo tag     1.0.0 → 1.1.0  minor, +1 commit
      + d2680391 commit

Stages that rebuild: 3 of 4
  ~ stage src-main-8  rev of branch changed db229c3e → ce45edbe (main)
  ~ stage src-main-b  rev of tag changed 1.0.0 → 1.1.0 (db229c3e → d2680391)
  ~ stage final       follows src-main-8, src-main-b

"#]]);
    }
    sandbox.deps(["diff", "HEAD", "--fetch", "--markdown"]).succeeds().stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `HEAD` (6c748110) → `the work tree`

#### Integrity

- ⚠️ repo `branch`: `main` lost 1 commit: its history was rewritten

#### Versions

- repo `branch`: `main` `db229c3e` → `ce45edbe` **+2 −1 commits**
  <details><summary>2 commits added</summary>

  - `ce45edbe` `` A �[2J `subject` ``
  - `f6ae5ab0` `Do it otherwise`

  </details>
  <details><summary>1 commit dropped</summary>

  - `db229c3e` `commit`

  </details>
- repo `tag`: `1.0.0` → `1.1.0` **minor, +1 commit**
  <details><summary>1 commit added</summary>

  - `d2680391` `commit`

  </details>

#### Stages that rebuild: 3 of 4

- stage `src-main-8`: `rev of branch changed db229c3e → ce45edbe (main)`
- stage `src-main-b`: `rev of tag changed 1.0.0 → 1.1.0 (db229c3e → d2680391)`
- stage `final`: follows `src-main-8`, `src-main-b`

"#]]);
    sandbox.server().fail("branch.git", -1, Fault::Status(503));
    let run = sandbox.deps(["diff", "HEAD", "--fetch", "--retries", "0"]).exits(5);
    run.stdout_is(str![[r#"
HEAD (6c748110) → the work tree

Versions
  ~ repo branch  main db229c3e → ce45edbe
  ~ repo tag     1.0.0 → 1.1.0  minor, +1 commit
      + d2680391 commit

Stages that rebuild: 3 of 4
  ~ stage src-main-8  rev of branch changed db229c3e → ce45edbe (main)
  ~ stage src-main-b  rev of tag changed 1.0.0 → 1.1.0 (db229c3e → d2680391)
  ~ stage final       follows src-main-8, src-main-b

note: the commits of repo `branch` are not known: cannot read `https://git.example/branch.git`: the server declines (HTTP 503)

"#]]).stderr_is(str![[r#"
error: repo `branch`: cannot read `https://git.example/branch.git`: the server declines (HTTP 503)
hint: run the command again later; what has succeeded is kept

"#]]);
}

#[test]
fn a_branch_that_went_back_is_a_rollback() {
    let sandbox = project(&["branch"]);
    let folder = sandbox.root().join("git/branch.git");
    sandbox.program("git", ["-C", folder.to_str().unwrap(), "update-ref", "refs/heads/main", "main~1"]).succeeds();
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(["diff", "HEAD", "--fetch"]).succeeds().stdout_is(str![[r#"
HEAD (eec157d9) → the work tree

Integrity
  ! repo branch  main went back by 1 commit

Versions
  ~ repo branch  main db229c3e → c8db7c87  +0 −1 commits
      - db229c3e commit

Stages that rebuild: 2 of 3
  ~ stage src-main-8  rev of branch changed db229c3e → c8db7c87 (main)
  ~ stage final       follows src-main-8

"#]]);
}

#[test]
fn what_servers_have_otherwise_than_the_lock_is_an_alarm() {
    let sandbox = project(&["branch", "tag", "tag-gone", "quiet"]);
    rewrite(&sandbox, "branch");
    let moved = sandbox.git("tag").file("f", "2").commit();
    sandbox.git("tag").set_ref("refs/tags/1.0.0", &moved);
    sandbox.git("tag-gone").remove_ref("refs/tags/1.0.0");
    sandbox.deps(["diff", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD (8e4f9392) → the work tree
nothing changed

"#]]);
    let online = ["diff", "HEAD", "--online", "--retries", "0"];
    let told = sandbox.deps(online).succeeds().stdout_is(str![[r#"
HEAD (8e4f9392) → the work tree

Integrity
  ! repo tag       the server has tag 1.0.0 at d2680391, the lock has db229c3e
      the locked commit is kept by main, refs/tags/1.0.0
  ! repo tag-gone  the server has no branch or tag 1.0.0, which led to db229c3e
      the locked commit is kept by main
  ! repo branch    the server has branch main at ce45edbe, which does not lead to db229c3e
      the locked commit is kept by refs/tags/1.0.0

"#]]);
    sandbox.deps([&online[..], &["--markdown", "--exit-code"]].concat()).exits(1).stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `HEAD` (8e4f9392) → `the work tree`

#### Integrity

- ⚠️ repo `tag`: the server has tag `1.0.0` at `d2680391`, the lock has `db229c3e`
  - the locked commit is kept by `main`, `refs/tags/1.0.0`
- ⚠️ repo `tag-gone`: the server has no branch or tag `1.0.0`, which led to `db229c3e`
  - the locked commit is kept by `main`
- ⚠️ repo `branch`: the server has branch `main` at `ce45edbe`, which does not lead to `db229c3e`
  - the locked commit is kept by `refs/tags/1.0.0`

"#]]);
    sandbox.server().fail("quiet.git", -1, Fault::Status(503));
    let run = sandbox.deps(online).exits(5);
    let note = "note: whether repo `quiet` is still there is not known: cannot read `https://git.example/quiet.git`: the server \
                declines (HTTP 503)";
    assert_eq!(run.stdout(), format!("{}\n{note}\n", told.stdout()));
    run.stderr_is(str![[r#"
error: repo `quiet`: cannot read `https://git.example/quiet.git`: the server declines (HTTP 503)
 --> underlay.repos:5:68
  |
5 |   quiet: { type: git, url: https://git.example/quiet.git, version: main }
  |                                                                    ^^^^
hint: run the command again later; what has succeeded is kept

"#]]);
    let json = sandbox.deps([&online[..], &["--json"]].concat()).exits(5).stdout();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let changes = report["sections"][0]["changes"].as_array().unwrap();
    let words: Vec<_> = changes.iter().map(|row| (row["name"].as_str(), row["change"].as_str())).collect();
    let expected = [("tag", "tag-moved"), ("tag-gone", "not-on-ref"), ("branch", "rewritten")];
    assert_eq!(words, expected.map(|(name, change)| (Some(name), Some(change))));
}

#[test]
fn of_a_lock_that_no_project_explains_nobody_is_asked_whether_it_is_there() {
    let sandbox = project(&["branch"]);
    std::fs::copy(sandbox.path("deps.lock"), sandbox.path("old.lock")).unwrap();
    sandbox.git("branch").file("f", "2").commit();
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(["diff", "old.lock", "deps.lock", "--online"]).succeeds().stdout_is(str![[r#"
old.lock → deps.lock

Versions
  ~ repo branch  main db229c3e → d2680391  +1 commit
      + d2680391 commit

note: these are locks alone: which stages rebuild is not known
note: nobody was asked about what deps.lock pins: its project is not known, or the lock is out of date

"#]]);
    sandbox.deps(["diff", "old.lock", "deps.lock", "--online", "--offline"]).exits(5).stderr_is(str![[r#"
error: repo `branch`: cannot read `https://git.example/branch.git`: the network is not to be used
hint: run `deps fetch` once with a network

"#]]);
}
