//! `deps init`: a first `deps.toml`.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn a_workspace_becomes_a_project_that_locks() {
    let sandbox = Sandbox::new();
    sandbox.git("a").file("f", "1").commit();
    sandbox.write("underlay.repos", "repositories:\n  a: { type: git, url: $GIT/a.git }\n");
    sandbox.write("src/nav/package.xml", "<package/>");
    sandbox.write("src/nav/CMakeLists.txt", "");
    sandbox.write("tools/Cargo.toml", "");
    sandbox.write("web/package.json", "{}");
    sandbox.write(".gitignore", "web/\nbuild/\n");
    sandbox.write("build/other.repos", "not a manifest\n");
    sandbox.write(".cache/pyproject.toml", "");
    sandbox.write(".claude/settings.json", "{}");
    sandbox.write("home/.codex/auth.json", "{}");
    sandbox.write("a\n[build]\n/CMakeLists.txt", "");
    std::os::unix::fs::symlink("/", sandbox.path("root")).unwrap();
    sandbox.deps(["init", "--name", "robot", "--base", "scratch"]).succeeds().stderr_is(str![[r#"
wrote deps.toml: 1 manifest, 4 extensions; read it, then run `deps lock`

"#]]);
    sandbox.file_is(
        "deps.toml",
        str![[r#"
[project]
name = "robot"
base = "scratch"

[[manifest]]
path = "underlay.repos"
dest = "/ws/src"

[extensions]
cargo = "*"    # tools/Cargo.toml shows it
ccache = "*"    # a [build] /CMakeLists.txt shows it
claude = "*"    # .claude/ shows it
ros = "*"    # src/nav/package.xml shows it

"#]],
    );
    // The key of its repository of packages.
    sandbox.mirrors(&["raw.githubusercontent.com"]);
    let key = "raw.githubusercontent.com/ros/rosdistro/eb71c289f4495a0327cd03a29205a2c411cd8129/ros.asc";
    sandbox.serve(key, b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["init"]).exits(1).stderr_is(str![[r#"
error: cannot make `deps.toml`: it exists already

"#]]);
}

#[test]
fn a_rockerc_is_taken_over() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "rockerc.yaml",
        "image: ubuntu:22.04\nargs: [x11, user, deps-devtools, auto, pulse, oyr-spacenav]\nextension-blacklist: [pulse]\n\
         volume: [./data:/data, /dev/shm:/dev/shm]\nnetwork: host\nname: robot\nhome: \"true\"\nnvidia: auto\n",
    );
    let run = sandbox.deps(["init", "--print", "--name", "p"]).succeeds();
    run.stdout_is(str![[r#"
[project]
name = "p"
base = "ubuntu:22.04"

[extensions]
devtools = "*"    # rockerc.yaml asks for `deps-devtools`
home = "*"    # rockerc.yaml asks for `home`
name = { with = { name = "robot" } }    # rockerc.yaml asks for `name`
network = { with = { mode = "host" } }    # rockerc.yaml asks for `network`
nvidia = "*"    # rockerc.yaml asks for `nvidia`
user = "*"    # rockerc.yaml asks for `user`
volume = { with = { volumes = ["./data:/data", "/dev/shm:/dev/shm"] } }    # rockerc.yaml asks for `volume`
x11 = "*"    # rockerc.yaml asks for `x11`
# not taken over: `oyr-spacenav` (rockerc.yaml)
# not taken over: the value of `nvidia` (rockerc.yaml)

"#]]);
    assert!(!sandbox.has("deps.toml"));
    sandbox.deps(["init"]).succeeds().stderr_is(str![[r#"
wrote deps.toml: 0 manifests, 8 extensions; read it, then run `deps lock`
warning: `oyr-spacenav` (rockerc.yaml) is not taken over

warning: the value of `nvidia` (rockerc.yaml) is not taken over


"#]]);
    sandbox.deps(["run", "--print", "--offline", "--no-build"]).exits(5);
    sandbox.edit("deps.toml", "ubuntu:22.04", "scratch");
    sandbox.deps(["ext", "ls"]).succeeds();
}

#[test]
fn a_rockerc_with_another_form_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("rockerc.yaml", "image: [a]\nargs: { x11: true }\nvolume: [[a]]\n");
    sandbox.deps(["init"]).exits(1).stderr_is(str![[r#"
error: `args` must be text or a list of texts
 --> rockerc.yaml:2:7
  |
2 | args: { x11: true }
  |       ^^

error: `volume` must be text or a list of texts
 --> rockerc.yaml:3:9
  |
3 | volume: [[a]]
  |         ^

"#]]);
    assert!(!sandbox.has("deps.toml"));
}

#[test]
fn a_new_extension_has_a_test_that_is_read() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n");
    sandbox.deps(["ext", "new", "mine"]).succeeds();
    sandbox.deps(["ext", "check", "extensions/mine"]).succeeds();
    assert!(sandbox.read("extensions/mine/test.sh").contains("test \"$(mine)\""));
}
