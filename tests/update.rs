//! `deps update`: only the named entries change, byte for byte.

use crate::support::sandbox::Sandbox;
use snapbox::str;

fn moved() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    for name in ["a", "b", "c"] {
        sandbox.git(name).file("f", "1").tag("1.0.0").commit();
    }
    sandbox.manifest(
        "repositories:\n  core/a: { type: git, url: https://git.example/a.git, version: main }\n  \
         core/b: { type: git, url: https://git.example/b.git, version: main }\n  \
         c: { type: git, url: https://git.example/c.git, version: ^1 }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    for name in ["a", "b", "c"] {
        sandbox.git(name).file("f", "2").tag("1.1.0").commit();
    }
    sandbox
}

fn blocks(lock: &str) -> Vec<String> {
    lock.split("\n\n").map(|block| block.trim_end().to_owned()).collect()
}

#[test]
fn only_the_named_entry_changes() {
    let sandbox = moved();
    let before = blocks(&sandbox.read("deps.lock"));
    let requests = sandbox.requests();
    sandbox.deps(["update", "core/b"]).without_recheck().succeeds().stderr_is(str![[r#"
  ~ repo `core/b` main 274285a9 → main 8dcb387e
wrote deps.lock: 3 entries, 0 added, 1 changed, 0 removed

"#]]);
    assert_eq!(sandbox.requests(), requests + 1);
    let after = blocks(&sandbox.read("deps.lock"));
    let changed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
    assert_eq!((before.len(), changed.len()), (after.len(), 1));
    assert!(changed[0].1.starts_with("[repo.\"core/b\"]"), "{changed:?}");
}

#[test]
fn all_entries_move_when_none_is_named() {
    let sandbox = moved();
    sandbox.deps(["update", "--dry-run"]).without_recheck().succeeds().stderr_is(str![[r#"
  ~ repo `c` 1.0.0 274285a9 → 1.1.0 8dcb387e
  ~ repo `core/a` main 274285a9 → main 8dcb387e
  ~ repo `core/b` main 274285a9 → main 8dcb387e
would write deps.lock: 3 entries, 0 added, 3 changed, 0 removed

"#]]);
    let before = sandbox.read("deps.lock");
    sandbox.deps(["update"]).succeeds();
    assert_ne!(sandbox.read("deps.lock"), before);
    sandbox.deps(["update"]).succeeds().stderr_is(str![[r#"
kept deps.lock: 3 entries, nothing changed

"#]]);
}

#[test]
fn a_key_that_nothing_asks_for_is_a_usage_error() {
    let sandbox = moved();
    sandbox.deps(["update", "core/d", "elsewhere", "--", "-x"]).exits(2).stderr_is(str![[r#"
error: the project asks for nothing called `core/d`
hint: did you mean `core/a`?

error: the project asks for nothing called `elsewhere`

error: `-x` names no entry of a lock: starts with `-`

"#]]);
}

#[test]
fn a_tag_that_moved_is_told_and_strict_refuses_it() {
    let sandbox = moved();
    sandbox.edit("underlay.repos", "version: main", "version: 1.0.0");
    sandbox.deps(["lock"]).succeeds();
    let moved = sandbox.git("a").file("f", "3").commit();
    sandbox.git("a").set_ref("refs/tags/1.0.0", &moved);
    let before = sandbox.read("deps.lock");
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), before, "what is locked is not asked again");
    sandbox.deps(["update", "core/a", "--strict"]).exits(1).stderr_is(str![[r#"
error: repo `core/a`: the tag `1.0.0` has been moved from `274285a99458a7c82ab2d7c9c32523e9b9c12e33` to `6391077be20a24ff5440de7c2c86c46d9ed54cf1`
 --> underlay.repos:2:65
  |
2 |   core/a: { type: git, url: https://git.example/a.git, version: 1.0.0 }
  |                                                                 ^^^^^
hint: ask its owner: a release that changes under the same name is no release; git keeps the old lock

"#]]);
    assert_eq!(sandbox.read("deps.lock"), before);
    sandbox.deps(["update", "core/a"]).without_recheck().succeeds().stderr_is(str![[r#"
warning: repo `core/a`: the tag `1.0.0` has been moved from `274285a99458a7c82ab2d7c9c32523e9b9c12e33` to `6391077be20a24ff5440de7c2c86c46d9ed54cf1`
 --> underlay.repos:2:65
  |
2 |   core/a: { type: git, url: https://git.example/a.git, version: 1.0.0 }
  |                                                                 ^^^^^
hint: ask its owner: a release that changes under the same name is no release; git keeps the old lock

  ~ repo `core/a` 1.0.0 274285a9 → 1.0.0 6391077b
wrote deps.lock: 3 entries, 0 added, 1 changed, 0 removed

"#]]);
}

#[test]
fn a_branch_that_vanished_is_told_from_one_that_never_was() {
    let sandbox = moved();
    let id = sandbox.git("a").file("f", "3").commit();
    sandbox.git("a").set_ref("refs/heads/trunk", &id).default_branch("trunk").remove_ref("refs/heads/main");
    let before = sandbox.read("deps.lock");
    sandbox.deps(["update"]).exits(1).stderr_is(str![[r#"
error: repository `core/a` no longer has the branch or tag `main`, which the lock has at `274285a99458a7c82ab2d7c9c32523e9b9c12e33`
 --> underlay.repos:2:65
  |
2 |   core/a: { type: git, url: https://git.example/a.git, version: main }
  |                                                                 ^^^^
hint: it has a default branch `trunk`; the lock still builds: name another version in the manifest when you want to move on

"#]]);
    assert_eq!(sandbox.read("deps.lock"), before);
    sandbox.edit("underlay.repos", "version: main", "version: mian");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: repository `core/a` has no branch or tag `mian`
 --> underlay.repos:2:65
  |
2 |   core/a: { type: git, url: https://git.example/a.git, version: mian }
  |                                                                 ^^^^
hint: it has a default branch `trunk`

error: repository `core/b` has no branch or tag `mian`
 --> underlay.repos:3:65
  |
3 |   core/b: { type: git, url: https://git.example/b.git, version: mian }
  |                                                                 ^^^^
hint: it has a branch `main`

"#]]);
}

#[test]
fn precise_pins_a_commit_of_the_branch_or_a_tag_that_satisfies() {
    let sandbox = moved();
    let middle = sandbox.git("a").tag("1.2.0").commit();
    sandbox.git("a").file("f", "3").commit();
    sandbox.git("c").file("f", "3").tag("1.2.0").commit();
    let precise = format!("core/a={middle}");
    sandbox.deps(["update", "--precise", &precise, "--precise", "repo:c=1.1.0"]).succeeds().stderr_is(str![[r#"
  ~ repo `c` 1.0.0 274285a9 → 1.1.0 8dcb387e
  ~ repo `core/a` main 274285a9 → main 1184fa87
wrote deps.lock: 3 entries, 0 added, 2 changed, 0 removed

"#]]);
    sandbox.deps(["update", "--precise", "core/a=274285a9"]).succeeds().stderr_is(str![[r#"
  ~ repo `core/a` main 1184fa87 → main 274285a9
wrote deps.lock: 3 entries, 0 added, 1 changed, 0 removed

"#]]);
    sandbox.deps(["update", "--precise", "core/a=1.2.0", "--dry-run"]).without_recheck().succeeds();
}

#[test]
fn precise_refuses_what_is_not_there_or_not_wished_for() {
    let sandbox = moved();
    let topic = sandbox.git("a").branch("topic").file("f", "t").commit();
    sandbox.git("c").file("f", "3").tag("2.0.0").commit();
    let before = sandbox.read("deps.lock");
    let topic = format!("core/a={topic}");
    let absent = format!("core/b={}", "0".repeat(40));
    let run = ["update", "--precise", &topic, "--precise", &absent, "--precise", "c=2.0.0"];
    sandbox.deps(run).exits(1).stderr_is(str![[r#"
error: repo `c`: `2.0.0` is no tag that satisfies `^1`, nor the commit of one
 --> underlay.repos:4:60
  |
4 |   c: { type: git, url: https://git.example/c.git, version: ^1 }
  |                                                            ^^
hint: change `version` in the manifest (or `ref` in deps.toml), then run `deps lock`

error: repo `core/a`: `552a9e167dd2940b8d98756630a8f005aad35632` is not in the history of the branch `main`
 --> underlay.repos:2:65
  |
2 |   core/a: { type: git, url: https://git.example/a.git, version: main }
  |                                                                 ^^^^
hint: `refs/heads/topic` leads to it: to follow that, name it as the version

error: repo `core/b`: `0000000000000000000000000000000000000000` is not in the history of the branch `main`
 --> underlay.repos:3:65
  |
3 |   core/b: { type: git, url: https://git.example/b.git, version: main }
  |                                                                 ^^^^
hint: no branch or tag leads to it: `version` in the manifest can name the commit itself

"#]]);
    sandbox.deps(["update", "--precise", "core/a=nothing"]).exits(1).stderr_is(str![[r#"
error: repo `core/a`: `nothing` is neither a tag nor a commit id
 --> underlay.repos:2:65
  |
2 |   core/a: { type: git, url: https://git.example/a.git, version: main }
  |                                                                 ^^^^
hint: a commit id has 4 to 40 hexadecimal digits

"#]]);
    sandbox.deps(["update", "--precise", "d=1.0.0"]).exits(2).stderr_is(str![[r#"
error: the project asks for nothing called `d`
hint: did you mean `c`?

"#]]);
    sandbox.deps(["update", "--precise", "core/a", "--precise", "d=1.0.0"]).exits(2).stderr_is(str![[r#"
error: `--precise core/a` is not of the form `KEY=REV`

"#]]);
    assert_eq!(sandbox.read("deps.lock"), before);
}

#[test]
fn a_step_moves_tags_no_further_and_nothing_else() {
    let sandbox = moved();
    sandbox.edit("underlay.repos", "version: ^1", "version: '>=1'");
    sandbox.deps(["lock"]).succeeds();
    sandbox.git("c").file("f", "3").tag("1.1.1").commit();
    sandbox.git("c").file("f", "3").tag("1.2.0").commit();
    sandbox.git("c").file("f", "4").tag("2.0.0").commit();
    let run = |step: &str| sandbox.deps(["update", step, "--dry-run"]).without_recheck().succeeds();
    run("--patch").stderr_is(str![[r#"
  ~ repo `c` 1.1.0 8dcb387e → 1.1.1 6391077b
would write deps.lock: 3 entries, 0 added, 1 changed, 0 removed

"#]]);
    run("--minor").stderr_is(str![[r#"
  ~ repo `c` 1.1.0 8dcb387e → 1.2.0 d681b547
would write deps.lock: 3 entries, 0 added, 1 changed, 0 removed

"#]]);
    run("--major").stderr_is(str![[r#"
  ~ repo `c` 1.1.0 8dcb387e → 2.0.0 db9b00dc
would write deps.lock: 3 entries, 0 added, 1 changed, 0 removed

"#]]);
    sandbox.deps(["update", "--minor", "core/a"]).succeeds().stderr_is(str![[r#"
kept deps.lock: 3 entries, nothing changed

"#]]);
}
