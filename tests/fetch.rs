//! `deps fetch`: pinned commits into the store, once.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::sandbox::Sandbox;
use snapbox::str;

fn one_repository() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let repository = sandbox.git("tool");
    let id = repository
        .file("README", "hello\n")
        .executable("bin/run", "#!/bin/sh\n")
        .symlink("link", "README")
        .tag("1.0.0")
        .commit();
    sandbox.manifest("repositories:\n  tool: { type: git, url: $GIT/tool.git, version: 1.0.0 }\n");
    sandbox.deps(["lock"]).succeeds();
    (sandbox, id)
}

#[test]
fn a_second_fetch_opens_no_connection() {
    let (sandbox, _) = one_repository();
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
1 commit, 0 in the store, 1 fetched

"#]]);
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
1 commit, all in the store

"#]]);
    assert_eq!(sandbox.server().connections(), 0);
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch", "--frozen"]).succeeds());
}

#[test]
fn trees_are_plain_and_the_same_on_every_machine() {
    let (sandbox, id) = one_repository();
    sandbox.program("sh", ["-c", "umask 077 && exec \"$0\" fetch", env!("CARGO_BIN_EXE_deps-cli")]).succeeds();
    let tree = sandbox.store().join("trees").join(&id);
    let mode = |path: &str| tree.join(path).symlink_metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(""), mode("bin"), mode("bin/run"), mode("README")), (0o755, 0o755, 0o755, 0o644));
    for path in ["", "bin", "bin/run", "README", "link"] {
        assert_eq!(tree.join(path).symlink_metadata().unwrap().mtime(), 315_532_800, "{path}");
    }
    assert_eq!(std::fs::read_link(tree.join("link")).unwrap().to_str(), Some("README"));
    assert!(!tree.join(".git").exists());
}

#[test]
fn submodules_come_when_the_manifest_asks() {
    let sandbox = Sandbox::new();
    let inner = sandbox.git("inner").file("deep", "1").commit();
    let middle = sandbox.git("middle").file("m", "1").submodule("inner", "../inner.git", &inner).commit();
    let id = sandbox.git("outer").file("o", "1").submodule("libs/middle", "../middle.git", &middle).commit();
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws\"\nsubmodules = true\n");
    sandbox.manifest("repositories:\n  outer: { type: git, url: $GIT/outer.git, version: main }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    let tree = sandbox.store().join(format!("trees/{id}-s"));
    assert!(tree.join("libs/middle/inner/deep").is_file());
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch"]).succeeds());
}

#[test]
fn a_commit_that_the_server_does_not_have_is_an_integrity_failure() {
    let (sandbox, id) = one_repository();
    sandbox.edit("deps.lock", &id, "0123456789012345678901234567890123456789");
    let run = sandbox.deps(["fetch"]).exits(4);
    assert!(run.stderr().contains("repo `tool` at 0123456789012345678901234567890123456789"), "{run}");
}

#[test]
fn servers_that_refuse_ids_are_asked_by_name() {
    let sandbox = Sandbox::new();
    let repository = || sandbox.git("tool");
    let id = repository().file("a", "1").commit();
    repository().file("a", "2").commit();
    repository().refuse_ids();
    sandbox.server().refuse_protocol_v2("tool.git");
    sandbox.manifest(&format!("repositories:\n  tool: {{ type: git, url: $GIT/tool.git, version: {id} }}\n"));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(std::fs::read_to_string(sandbox.store().join(format!("trees/{id}/a"))).unwrap(), "1");
}

#[test]
fn a_commit_that_its_server_has_collected_is_gone_also_where_the_store_has_others_of_it() {
    let sandbox = Sandbox::new();
    sandbox.git("tool").file("f", "1").commit();
    sandbox.manifest("repositories:\n  tool: { type: git, url: $GIT/tool.git, version: main }\n");
    sandbox.deps(["fetch"]).succeeds();
    let first = sandbox.git("tool").file("f", "1").commit();
    sandbox.git("tool").file("f", "2").commit();
    sandbox.deps(["update"]).succeeds();
    sandbox.git("tool").set_ref("refs/heads/main", &first);
    let folder = sandbox.root().join("git/tool.git");
    sandbox.program("git", ["-C", folder.to_str().unwrap(), "gc", "--quiet", "--prune=now"]).succeeds();
    for way in ["auto", "git2", "git"] {
        sandbox.deps(["fetch"]).env("DEPS_GIT", way).exits(4).stderr_is(str![[r#"
error: repo `tool` at 0cdd0cc9e61a0dd7340d67673ee9dd604a8a151a: `[GIT]/tool.git` no longer has this commit: the branch `main` now leads to `16292194f82e556966540652d89d609fcfc99c70`
 --> underlay.repos:2:69
  |
2 |   tool: { type: git, url: [GIT]/tool.git, version: main }
  |                                                                     ^^^^
hint: to pin what `main` holds now, run `deps update tool`

"#]]);
    }
}
