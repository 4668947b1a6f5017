//! `deps add`, `remove` and `set`: `deps.toml` changes where it was asked to, and its comments stay.

use crate::support::sandbox::Sandbox;
use snapbox::str;

const PROJECT: &str = "# the robot\n[project]\nname = \"p\" # its name\nbase = \"scratch\"\n\n[extensions]\nccache = \"*\" # quick\nuv = \"*\"\n";

#[test]
fn extensions_come_and_go_and_comments_stay() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(PROJECT);
    sandbox.deps(["add", "npm@^1", "--with", "node=24.19.0"]).succeeds().stderr_is(str![[r#"
added `npm@^1` in deps.toml; `deps lock` pins what follows from it

"#]]);
    let npm = "npm = { version = \"^1\", with = { node = \"24.19.0\" } }\n";
    assert_eq!(sandbox.read("deps.toml"), PROJECT.replace("uv = ", &format!("{npm}uv = ")));
    sandbox.deps(["set", "npm.node=22", "project.name=q", "build.ca-certificates=true"]).succeeds().stderr_is(str![[
        r#"
set `npm.node=22`, `project.name=q`, `build.ca-certificates=true` in deps.toml; `deps lock` pins what follows from it

"#
    ]]);
    sandbox.file_is(
        "deps.toml",
        str![[r##"
# the robot
[project]
name = "q" # its name
base = "scratch"

[extensions]
ccache = "*" # quick
npm = { version = "^1", with = { node = "22" } }
uv = "*"

[build]
ca-certificates = true

"##]],
    );
    sandbox.deps(["remove", "npm", "uv"]).succeeds();
    assert!(!sandbox.read("deps.toml").contains("npm") && sandbox.read("deps.toml").contains("# quick"));
    sandbox.deps(["ext", "new", "mine"]).succeeds();
    sandbox.deps(["add", "mine", "--path", "extensions/mine/", "--with", "greeting=hi"]).succeeds();
    assert!(sandbox.read("deps.toml").contains(r#"mine = { path = "extensions/mine", with = { greeting = "hi" } }"#));
}

#[test]
fn a_change_that_makes_no_good_project_is_refused_whole() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(PROJECT);
    for (command, code, expected) in [
        (
            &["add", "curl", "nmp"][..],
            1,
            str![[r#"
error: there is no extension `nmp`
 --> deps.toml:9:1
  |
9 | nmp = "*"
  | ^^^
hint: did you mean `npm`?

"#]],
        ),
        (
            &["add", "npm", "--with", "nod=1"],
            1,
            str![[r#"
error: extension `npm` has no option `nod`
 --> deps.toml:8:18
  |
8 | npm = { with = { nod = 1 } }
  |                  ^^^
hint: did you mean `node`?

"#]],
        ),
        (
            &["add", "npm@^7"],
            1,
            str![[r#"
error: extension `npm` is version 1.1.0, but the project asks for `^7`
 --> deps.toml:8:7
  |
8 | npm = "^7"
  |       ^^^^

"#]],
        ),
        (
            &["add", "uv"],
            1,
            str![[r#"
error: deps.toml has the extension `uv` already
hint: `deps set uv.OPTION=VALUE` changes its options

"#]],
        ),
        (
            &["remove", "nmp"],
            1,
            str![[r#"
error: deps.toml has no extension `nmp`
hint: `deps add npm` adds one

"#]],
        ),
        (
            &["set", "project.nmae=x"],
            1,
            str![[r#"
error: unknown key `nmae` in `project`
 --> deps.toml:5:1
  |
5 | nmae = "x"
  | ^^^^
hint: did you mean `name`?

"#]],
        ),
        (
            &["set", "npm"],
            2,
            str![[r#"
error: `npm` is not `KEY=VALUE`
hint: options are set like `npm.node=24.9.0`, the project like `project.base=debian:12`

"#]],
        ),
        (
            &["add", "npm", "curl", "--with", "node=1"],
            2,
            str![[r#"
error: `--with`, `--path` and `--git` belong to one extension: name a single one

"#]],
        ),
    ] {
        sandbox.deps(command).exits(code).stderr_is(expected);
        assert_eq!(sandbox.read("deps.toml"), PROJECT, "{command:?}");
    }
}

#[test]
fn what_was_wrong_before_does_not_stop_a_change() {
    let sandbox = Sandbox::new();
    let project = format!("{PROJECT}\n[[manifest]]\npath = \"gone.repos\"\ndest = \"/ws\"\n");
    sandbox.deps_toml(&project);
    sandbox.deps(["add", "curl"]).succeeds();
    assert_eq!(sandbox.read("deps.toml"), project.replace("uv = \"*\"\n", "curl = \"*\"\nuv = \"*\"\n"));
}
