//! `deps lock --verify`: whether what is locked is still where it was, at real servers.

use std::sync::{Arc, Barrier};

use crate::support::git_server::Fault;
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project with a repository for each way to name a version, locked.
fn locked() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    for name in ["branch", "tag", "range", "head"] {
        sandbox.git(name).file("f", "0").commit();
        sandbox.git(name).file("f", "1").tag("1.0.0").commit();
    }
    let commit = sandbox.git("commit").file("f", "1").commit();
    sandbox.manifest(&format!(
        "repositories:\n  branch: {{ type: git, url: https://git.example/branch.git, version: main }}\n  \
         tag: {{ type: git, url: https://git.example/tag.git, version: 1.0.0 }}\n  \
         range: {{ type: git, url: https://git.example/range.git, version: ^1 }}\n  \
         head: {{ type: git, url: https://git.example/head.git }}\n  \
         commit: {{ type: git, url: https://git.example/commit.git, version: {commit} }}\n"
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

/// Commits to `main` of the repository as if its last commit had never been.
fn rewrite(sandbox: &Sandbox, name: &str) -> String {
    let other = sandbox.git("scratch").file("f", "other").commit();
    let folder = sandbox.root().join("git");
    let (from, to) = (folder.join("scratch.git"), folder.join(format!("{name}.git")));
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    sandbox.program("git", ["-C", to, "fetch", "--quiet", from, "+main:main"]).succeeds();
    other
}

#[test]
fn a_lock_that_is_as_its_remotes_have_it_takes_one_request_a_repository() {
    let sandbox = locked();
    let requests = sandbox.requests();
    sandbox.deps(["lock", "--verify"]).succeeds().stderr_is(str![[r#"
deps.lock is verified: 5 entries are where the lock says

"#]]);
    assert_eq!(sandbox.requests(), requests + 5);
}

#[test]
fn a_branch_that_went_on_still_leads_to_the_locked_commit() {
    let sandbox = locked();
    let before = sandbox.read("deps.lock");
    for name in ["branch", "head", "commit"] {
        sandbox.git(name).file("f", "2").commit();
    }
    for way in ["auto", "git2", "git"] {
        sandbox.deps(["lock", "--verify"]).env("DEPS_GIT", way).succeeds().stderr_is(str![[r#"
deps.lock is verified: 5 entries are where the lock says

"#]]);
    }
    assert_eq!(sandbox.read("deps.lock"), before);
}

#[test]
fn everything_that_moved_is_told_in_one_run() {
    let sandbox = locked();
    rewrite(&sandbox, "branch");
    rewrite(&sandbox, "commit");
    let moved = sandbox.git("tag").file("f", "2").commit();
    sandbox.git("tag").set_ref("refs/tags/1.0.0", &moved);
    sandbox.git("range").remove_ref("refs/tags/1.0.0");
    let before = sandbox.read("deps.lock");
    for way in ["git2", "git"] {
        sandbox.deps(["lock", "--verify"]).env("DEPS_GIT", way).exits(4).stderr_is(str![[r#"
error: repo `branch`: the branch `main` no longer leads to `db229c3ea43f05634ed54e2d837c0d9c71660bf2`: it has been rewritten, and is at `d763ba877d639c587295b3f621ec291fee75c9fe`
 --> underlay.repos:2:70
  |
2 |   branch: { type: git, url: https://git.example/branch.git, version: main }
  |                                                                      ^^^^
  the locked commit is kept by `refs/tags/1.0.0`
hint: `deps update repo:branch` pins what is there now; to stay with the locked one, run `deps fetch`, so that your store has it, and push it to a repository that you own

error: repo `commit`: `274285a99458a7c82ab2d7c9c32523e9b9c12e33` is endangered: no ref leads to it, and the server may drop it any day
 --> underlay.repos:6:70
  |
6 |   commit: { type: git, url: https://git.example/commit.git, version: 274285a99458a7c82ab2d7c9c32523e9b9c12e33 }
  |                                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: run `deps fetch`, so that your store has it, and push it to a repository that you own; or ask for a tag there

error: repo `range`: the tag `1.0.0` is gone, which led to `db229c3ea43f05634ed54e2d837c0d9c71660bf2`
 --> underlay.repos:4:68
  |
4 |   range: { type: git, url: https://git.example/range.git, version: ^1 }
  |                                                                    ^^
  the locked commit is kept by `main`
hint: name another version of `repo:range` in `underlay.repos`, then run `deps lock`; or run `deps fetch`, so that your store has it, and push it to a repository that you own

error: repo `tag`: the tag `1.0.0` has been moved from `db229c3ea43f05634ed54e2d837c0d9c71660bf2` to `d26803915b07e24edbab203d2ee3a000d0614366`
 --> underlay.repos:3:64
  |
3 |   tag: { type: git, url: https://git.example/tag.git, version: 1.0.0 }
  |                                                                ^^^^^
  the locked commit is kept by `main`, `refs/tags/1.0.0`
hint: ask its owner: a release that changes under the same name is no release; `deps update repo:tag` pins what is there

"#]]);
    }
    assert_eq!(sandbox.read("deps.lock"), before);
}

#[test]
fn a_commit_that_a_pull_request_alone_holds_is_endangered() {
    let sandbox = locked();
    let id = sandbox.git("commit").branch("topic").file("f", "2").commit();
    let newer = sandbox.git("commit").branch("topic").file("f", "3").commit();
    sandbox.git("commit").set_ref("refs/pull/7/head", &newer).remove_ref("refs/heads/topic");
    let old = sandbox.read("underlay.repos");
    let from = old.split("commit.git, version: ").nth(1).unwrap()[..40].to_owned();
    sandbox.edit("underlay.repos", &from, &id);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["lock", "--verify"]).succeeds().stderr_is(str![[r#"
warning: repo `commit`: `8dcb387e23c5d75f4da21deef37bf8564a45453e` is endangered: only `refs/pull/7/head` leads to it
 --> underlay.repos:6:70
  |
6 |   commit: { type: git, url: https://git.example/commit.git, version: 8dcb387e23c5d75f4da21deef37bf8564a45453e }
  |                                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: run `deps fetch`, so that your store has it, and push it to a repository that you own; or ask for a tag there

deps.lock is verified: 5 entries are where the lock says

"#]]);
    sandbox.deps(["lock", "--verify", "--strict"]).exits(1);
    let report = sandbox.deps(["lock", "--verify", "--json", "--quiet"]).succeeds();
    report.stdout_is(str![[r#"
{
  "schema": 1,
  "entries": 5,
  "verified": true,
  "findings": [
    {
      "kind": "endangered",
      "severity": "warning",
      "key": "repo:commit",
      "place": "underlay.repos:6:70",
      "message": "`8dcb387e23c5d75f4da21deef37bf8564a45453e` is endangered: only `refs/pull/7/head` leads to it",
      "held": "requests",
      "held_by": [
        "refs/pull/7/head"
      ]
    }
  ]
}

"#]]);
}

#[test]
fn a_commit_that_its_server_has_collected_is_gone() {
    let sandbox = locked();
    for name in ["branch", "commit"] {
        sandbox.git(name).remove_ref("refs/tags/1.0.0");
        rewrite(&sandbox, name);
        let folder = sandbox.root().join(format!("git/{name}.git"));
        sandbox.program("git", ["-C", folder.to_str().unwrap(), "gc", "--quiet", "--prune=now"]).succeeds();
    }
    for way in ["git2", "git"] {
        sandbox.deps(["lock", "--verify"]).env("DEPS_GIT", way).exits(4).stderr_is(str![[r#"
error: repo `branch`: the branch `main` no longer leads to `db229c3ea43f05634ed54e2d837c0d9c71660bf2`: it has been rewritten, and is at `d763ba877d639c587295b3f621ec291fee75c9fe`
 --> underlay.repos:2:70
  |
2 |   branch: { type: git, url: https://git.example/branch.git, version: main }
  |                                                                      ^^^^
  the locked commit is gone: the server does not hand it out
hint: `deps update repo:branch` pins what is there now; to stay with the locked one, push it to a repository that you own, from a store or a checkout that has it

error: repo `commit`: `274285a99458a7c82ab2d7c9c32523e9b9c12e33` is gone: no ref leads to it, and the server does not hand it out
 --> underlay.repos:6:70
  |
6 |   commit: { type: git, url: https://git.example/commit.git, version: 274285a99458a7c82ab2d7c9c32523e9b9c12e33 }
  |                                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: push it there from a store or a checkout that has it, or name another commit for `repo:commit`

"#]]);
    }
}

/// A project with this many repositories, each at its tag `1.0.0`, locked.
fn many(count: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut manifest = String::from("repositories:\n");
    for name in (0..count).map(|index| format!("r{index:02}")) {
        sandbox.git(&name).file("f", "1").tag("1.0.0").commit();
        manifest += &format!("  {name}: {{ type: git, url: $GIT/{name}.git, version: 1.0.0 }}\n");
    }
    sandbox.manifest(&manifest);
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

#[test]
fn repositories_are_asked_at_the_same_time() {
    let sandbox = many(16);
    // Nobody gets an answer before everybody has asked.
    sandbox.server().fail("/info/refs", 16, Fault::Together(Arc::new(Barrier::new(16))));
    sandbox.deps(["lock", "--verify", "--retries", "0"]).without_recheck().succeeds().stderr_is(str![[r#"
deps.lock is verified: 16 entries are where the lock says

"#]]);
}

#[test]
fn hosts_that_are_dead_hide_nothing_that_the_others_show() {
    let sandbox = many(20);
    for name in ["r00", "r07", "r19"] {
        let newer = sandbox.git(name).file("f", "2").commit();
        sandbox.git(name).set_ref("refs/tags/1.0.0", &newer);
    }
    sandbox.server().fail("r03.git", -1, Fault::Hang);
    sandbox.server().fail("r12.git", -1, Fault::DropBeforeHeaders);
    let run = sandbox.deps(["lock", "--verify", "--retries", "0", "--timeout", "1"]).exits(4);
    let told = run.stderr();
    let told = told.lines().filter_map(|line| line.strip_prefix("error: ")).collect::<Vec<_>>().join("\n");
    snapbox::assert_data_eq!(
        sandbox.redacted(&told),
        str![[r#"
repo `r00`: the tag `1.0.0` has been moved from `274285a99458a7c82ab2d7c9c32523e9b9c12e33` to `8dcb387e23c5d75f4da21deef37bf8564a45453e`
repo `r03`: cannot read `[GIT]/r03.git`: no answer in time
repo `r07`: the tag `1.0.0` has been moved from `274285a99458a7c82ab2d7c9c32523e9b9c12e33` to `8dcb387e23c5d75f4da21deef37bf8564a45453e`
repo `r12`: cannot read `[GIT]/r12.git`: the connection was lost (unexpected EOF)
repo `r19`: the tag `1.0.0` has been moved from `274285a99458a7c82ab2d7c9c32523e9b9c12e33` to `8dcb387e23c5d75f4da21deef37bf8564a45453e`
"#]]
    );
}

#[test]
fn a_remote_that_does_not_answer_hides_no_tag_that_moved() {
    let sandbox = locked();
    sandbox.server().fail("branch.git", -1, Fault::Status(503));
    sandbox.deps(["lock", "--verify", "--retries", "0"]).exits(5).stderr_is(str![[r#"
error: repo `branch`: cannot read `https://git.example/branch.git`: the server declines (HTTP 503)
 --> underlay.repos:2:70
  |
2 |   branch: { type: git, url: https://git.example/branch.git, version: main }
  |                                                                      ^^^^
hint: run the command again later; what has succeeded is kept

"#]]);
    let moved = sandbox.git("tag").file("f", "2").commit();
    sandbox.git("tag").set_ref("refs/tags/1.0.0", &moved);
    let run = sandbox.deps(["lock", "--verify", "--retries", "0"]).exits(4);
    assert!(run.stderr().contains("repo `branch`") && run.stderr().contains("repo `tag`"), "{run}");
}

#[test]
fn a_lock_that_is_out_of_date_is_not_verified() {
    let sandbox = locked();
    sandbox.edit("underlay.repos", "version: main", "version: 1.0.0");
    sandbox.deps(["lock", "--verify"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date, and `--verify` asks about what it says
  repo `branch`: `underlay.repos` asks for `1.0.0`, the lock has `main`
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock", "--verify", "--check"]).exits(2);
}

#[test]
fn an_archive_that_is_gone_or_has_another_length_is_told() {
    let sandbox = Sandbox::new();
    sandbox.program("sh", ["-c", "mkdir a && echo 1 > a/f && tar -cf a.tar a"]).succeeds();
    let archive = std::fs::read(sandbox.path("a.tar")).unwrap();
    sandbox.serve("a.tar", &archive);
    sandbox.manifest("repositories:\n  a: { type: tar, url: $GIT/files/a.tar }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["lock", "--verify"]).succeeds();
    sandbox.serve("a.tar", &[&archive[..], &[0; 512]].concat());
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(str![[r#"
error: repo `a`: `[GIT]/files/a.tar` has 10752 bytes, the locked file has 10240
 --> underlay.repos:2:24
  |
2 |   a: { type: tar, url: [GIT]/files/a.tar }
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: `deps update repo:a` pins what is there now

"#]]);
    std::fs::remove_file(sandbox.root().join("git/files/a.tar")).unwrap();
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(str![[r#"
error: repo `a`: `[GIT]/files/a.tar` is gone: there is no such file, or it is hidden from you (HTTP 404)
 --> underlay.repos:2:24
  |
2 |   a: { type: tar, url: [GIT]/files/a.tar }
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: name another version or url for `repo:a`, then run `deps lock`

"#]]);
}
