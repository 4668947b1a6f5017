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
