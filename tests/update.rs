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
