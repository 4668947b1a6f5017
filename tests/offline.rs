//! `--offline`: no connection, and every missing object named in one list.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn every_missing_object_is_named_in_one_list() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    for name in ["a", "b"] {
        sandbox.git(name).file("f", name).commit();
    }
    sandbox.manifest(
        "repositories:\n  a: { type: git, url: https://git.example/a.git }\n  b: { type: git, url: https://git.example/b.git }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox.server().reset();
    sandbox.deps(["fetch", "--offline"]).exits(5).stderr_is(str![[r#"
error: 2 pinned commits are missing from the store, and `--offline` forbids fetching them
  repo `a` at 387bcefc9c06aa2ce97c70a53dfcd1fc5d9b1b0f
  repo `b` at b4630c52294b3decbd6358b5db19764155ba4a20
hint: run `deps fetch` once with a network

"#]]);
    sandbox.edit("underlay.repos", "b.git }", "b.git, version: main }");
    let run = sandbox.deps(["lock", "--offline"]).exits(5);
    assert!(run.stderr().contains("repo `b`"), "{run}");
    assert_eq!(sandbox.server().connections(), 0);
    sandbox.edit("underlay.repos", "b.git, version: main }", "b.git }");
    sandbox.deps(["fetch"]).succeeds();
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch", "--offline", "--frozen"]).succeeds());
}
