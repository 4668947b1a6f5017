//! What a user sees when `deps.toml` or a manifest is wrong: every problem of every file in one run.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn every_problem_of_every_file_is_told() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"*.repos\"\ndest = \"/ws\"\n\n[extensions]\nccahe = \"*\"\n",
    );
    sandbox.write("a.repos", "repositories:\n  nav2:\n    type: gti\n    url: https://git.example/nav2.git\n  ../up:\n    type: git\n    url: https://git.example/up.git\n");
    sandbox.write(
        "b.repos",
        "repositories:\n  x: { type: git, url: https://user:hunter2@git.example/x.git, version: 1 }\n",
    );
    let run = sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: repository `nav2` has the unknown type `gti`
 --> a.repos:3:11
  |
3 |     type: gti
  |           ^^^
hint: did you mean `git`?

error: the repository name `../up` leads out of its folder with `..`
 --> a.repos:5:3
  |
5 |   ../up:
  |   ^^^^^
hint: if that is meant, write `allow-outside = true` in the `[[manifest]]` of deps.toml

error: the url of repository `x` holds a credential
 --> b.repos:2:24
  |
2 |   x: { type: git, url: https://******************************* ******** * *
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: write `https://git.example/x.git` and let a git credential helper (`git help credentials`) supply the rest

error: there is no extension `ccahe`
  --> deps.toml:10:1
   |
10 | ccahe = "*"
   | ^^^^^
hint: did you mean `ccache`?

"#]]);
    assert!(!run.stderr().contains("hunter2"));
}

#[test]
fn a_wrong_project_file_is_told_whole() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nnmae = \"p\"\nbase = 1\n\n[[manifest]]\npath = \"../a.repos\"\ndest = \"/ws\"\nsources = \"mound\"\n");
    sandbox.deps(["plan"]).exits(1).stderr_is(str![[r#"
error: `project` has no `name`
 --> deps.toml:1:2
  |
1 | [project]
  |  ^^^^^^^

error: unknown key `nmae` in `project`
 --> deps.toml:2:1
  |
2 | nmae = "p"
  | ^^^^
hint: did you mean `name`?

error: `project.base` is an integer, but must be a string
 --> deps.toml:3:8
  |
3 | base = 1
  |        ^

error: `manifest.sources` is `mound`, but must be one of `store`, `mount`
 --> deps.toml:8:11
  |
8 | sources = "mound"
  |           ^^^^^^^
hint: did you mean `mount`?

"#]]);
}

#[test]
fn one_path_with_two_contents_names_both_files() {
    let sandbox = Sandbox::new();
    sandbox
        .deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"*.repos\"\ndest = \"/ws\"\n");
    sandbox.write("a.repos", "repositories:\n  x: { type: git, url: https://git.example/x.git, version: a }\n");
    sandbox.write("b.repos", "repositories:\n  x: { type: git, url: https://git.example/x.git, version: b }\n");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `x` is already asked for in a.repos:2:60, with another version
 --> b.repos:2:3
  |
2 |   x: { type: git, url: https://git.example/x.git, version: b }
  |   ^
hint: remove one of them, or give the manifests different `dest` folders and names

"#]]);
}

#[test]
fn other_kinds_are_refused_with_their_reason() {
    let sandbox = Sandbox::new();
    sandbox.manifest("repositories:\n  x: { type: bzr, url: https://bzr.example/x }\n");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `x` has the type `bzr`, and deps 0.1.0 pins `git`, `hg`, `svn`, `tar` and `zip` only
 --> underlay.repos:2:14
  |
2 |   x: { type: bzr, url: https://bzr.example/x }
  |              ^^^
hint: take it from a git mirror, or from an archive (`type: tar`, with the archive's url)

"#]]);
}

#[test]
fn warnings_do_not_stop_anything() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox.git("x").file("a", "1").tag("1.10").commit();
    sandbox.manifest(
        "repositories:\n  x:\n    type: git\n    url: https://git.example/x.git\n    verion: main\n    version: 1.10\n",
    );
    sandbox.deps(["lock"]).without_recheck().succeeds().stderr_is(str![[r#"
warning: unknown key `verion`
 --> underlay.repos:5:5
  |
5 |     verion: main
  |     ^^^^^^
hint: did you mean `version`?

warning: version `1.10` of repository `x` is a number or a boolean to other tools, which spell it otherwise
 --> underlay.repos:6:14
  |
6 |     version: 1.10
  |              ^^^^
hint: write `"1.10"` with quotes: every tool reads the same then

  + repo `x` 1.10 53e03498
wrote deps.lock: 1 entry, 1 added, 0 changed, 0 removed

"#]]);
    assert!(sandbox.read("deps.lock").contains("ref = \"1.10\"\n"));
}

#[test]
fn without_a_project_there_is_a_hint() {
    let sandbox = Sandbox::new();
    sandbox.deps(["plan"]).exits(1).stderr_is(str![[r#"
error: there is no `deps.toml` in `[ROOT]/project` or a folder above
hint: go to the project's folder, or write a `deps.toml`

"#]]);
}
