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
  f8c80c5de157  src-main-a  checkouts of `main`
  97c32199afe0  runtime     the base with packages and user
  00dd429ee573  final       the image
image robot has the plan key 2ef0745711a88e05cdc8e10511a4d93db01e8773d42b1fe92b5fd017974b558a

"#]]);
        sandbox.deps(["plan", "--json"]).succeeds().stdout_is(str![[r#"
{
  "schema": 1,
  "name": "robot",
  "key": "2ef0745711a88e05cdc8e10511a4d93db01e8773d42b1fe92b5fd017974b558a",
  "platforms": [
    {
      "platform": "linux/amd64",
      "stages": [
        {
          "name": "src-main-a",
          "kind": "sources",
          "about": "checkouts of `main`",
          "key": "f8c80c5de1571ce6efa61191fb3830d5073037aa7920b697d0346a831384be08",
          "base": "scratch",
          "parents": [],
          "instructions": 1,
          "impure": []
        },
        {
          "name": "runtime",
          "kind": "runtime",
          "about": "the base with packages and user",
          "key": "97c32199afe05f39823bd0906f0c9a219c8bdb5de6d679cdfe20ccc63c1fe1f7",
          "base": "scratch",
          "parents": [],
          "instructions": 0,
          "impure": []
        },
        {
          "name": "final",
          "kind": "final",
          "about": "the image",
          "key": "00dd429ee573478ce2120a330a526b2d6f648b23801c8d61d40c97131a0fec79",
          "base": "runtime",
          "parents": [
            "runtime",
            "src-main-a"
          ],
          "instructions": 1,
          "impure": []
        }
      ],
      "pure": 3
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
