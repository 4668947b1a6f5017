//! `deps plan`: stages, keys, purity; offline and without an engine.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn a_plan_names_every_stage_with_its_key() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox.git("x").file("a", "1").tag("1.0").commit();
    sandbox.manifest("repositories:\n  x: { type: git, url: https://git.example/x.git, version: 1.0 }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["plan"]).succeeds().stdout_is(str![[r#"
plan for linux/amd64: 3 stages, 3 pure (100 %)
  f8c80c5de157  src-main-a  checkouts: x
  97c32199afe0  runtime     the base with packages and user
  9d3315a60313  final       the image
2 steps, all to run: first build on this engine
image robot has the plan key 2ef6c30f51e8cd5c823da698388f55246f3442539b4c0f02420f31f3f7c0cf43

"#]]);
        sandbox.deps(["plan", "--json"]).succeeds().stdout_is(str![[r#"
{
  "schema": 1,
  "name": "robot",
  "key": "2ef6c30f51e8cd5c823da698388f55246f3442539b4c0f02420f31f3f7c0cf43",
  "platforms": [
    {
      "platform": "linux/amd64",
      "stages": [
        {
          "name": "src-main-a",
          "kind": "sources",
          "about": "checkouts: x",
          "key": "f8c80c5de1571ce6efa61191fb3830d5073037aa7920b697d0346a831384be08",
          "base": "scratch",
          "parents": [],
          "instructions": 1,
          "impure": [],
          "steps": [
            {
              "index": 1,
              "kind": "ADD",
              "instruction": "ADD 53e03498b16d /ws/src/x/",
              "state": "run",
              "reason": "first build on this engine",
              "unless_same": false
            }
          ]
        },
        {
          "name": "runtime",
          "kind": "runtime",
          "about": "the base with packages and user",
          "key": "97c32199afe05f39823bd0906f0c9a219c8bdb5de6d679cdfe20ccc63c1fe1f7",
          "base": "scratch",
          "parents": [],
          "instructions": 0,
          "impure": [],
          "steps": []
        },
        {
          "name": "final",
          "kind": "final",
          "about": "the image",
          "key": "9d3315a6031344e296876de7d47c85aeb3e842243df69791d1f2984c5f961827",
          "base": "runtime",
          "parents": [
            "runtime",
            "src-main-a"
          ],
          "instructions": 1,
          "impure": [],
          "steps": [
            {
              "index": 1,
              "kind": "COPY",
              "instruction": "COPY --from=src-main-a /ws/src/ /ws/src/",
              "state": "run",
              "reason": "first build on this engine",
              "unless_same": false
            }
          ]
        }
      ],
      "pure": 3,
      "run": 2,
      "cached": 0
    }
  ]
}

"#]]);
    });
}

#[test]
fn a_mirror_changes_no_key() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n\tinsteadOf = https://mirror.example/\n");
    sandbox.git("x").file("a", "1").tag("1.0").commit();
    sandbox.manifest("repositories:\n  x: { type: git, url: https://git.example/x.git, version: 1.0 }\n");
    sandbox.deps(["lock"]).succeeds();
    let before = sandbox.deps(["plan"]).succeeds().stdout();
    sandbox.edit("underlay.repos", "git.example", "mirror.example");
    sandbox.edit("deps.toml", "[project]", "# a comment\n[project]");
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(sandbox.deps(["plan"]).succeeds().stdout(), before);
}
