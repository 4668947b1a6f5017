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

#[test]
fn layers_of_deps_rocker_are_taken_over_in_their_order() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "src/a/a.deps.yaml",
        "env_base:\n  - MODE=dev\napt_sources: [git, curl]\nscript_sources:\n  - sources.sh\napt: [ros-tool]\n\
         pip: [numpy==2.3.5, 'scipy>=1']\nrun_user: [touch ~/here]\n",
    );
    sandbox.write("src/a/sources.sh", "#!/bin/bash\nsudo tee /etc/tool <<END\n{{ x }}\nEND\n");
    sandbox.write("src/b/b.deps.yaml", "apt_sources: [git, git-lfs]\nrun: [make -C /x, echo done]\npyproject: [all]\n");
    sandbox.write("build/c.deps.yaml", "apt: [nobody]\n");
    sandbox.write(".gitignore", "build\n");
    sandbox.deps(["init", "--print", "--name", "p"]).succeeds().stdout_is(str![[r#"
[project]
name = "p"
base = "ubuntu:24.04"

[extensions]
apt = { with = { packages = ["curl", "git", "git-lfs"] } }    # `apt_sources` (src/a/a.deps.yaml, src/b/b.deps.yaml)
layers = { path = "extensions/layers" }    # what layers set and run
pip = { with = { packages = ["numpy==2.3.5"] } }    # `pip` (src/a/a.deps.yaml)
# not taken over: `pyproject` (src/b/b.deps.yaml; `packages` of `pip` can name what it asks for)
# not taken over: `scipy>=1` (src/a/a.deps.yaml:7:21; write one version)
# not taken over: the order of `pip` (src/a/a.deps.yaml) after commands

# extensions/layers/extension.toml:
[extension]
name = "layers"
version = "0.1.0"
summary = "What the layers of *.deps.yaml set and run"
after = ["apt", "pip"]
tier = "workspace"

[apt]
runtime = ["sudo"]    # commands call it

[runtime]
snippet = "runtime.Dockerfile"
env = { MODE = "dev" }

[user]
snippet = "user.Dockerfile"

# extensions/layers/runtime.Dockerfile:
# `run` (src/b/b.deps.yaml)
RUN <<'END'
set -e
export MODE=dev
make -C /x
END
# `run` (src/b/b.deps.yaml)
RUN <<'END'
set -e
export MODE=dev
echo done
END
# `script_sources` (src/a/a.deps.yaml)
RUN <<'END2'
set -e
export MODE=dev
cat > /tmp/deps-layer <<'END1'
#!/bin/bash
sudo tee /etc/tool <<END
{{ '{' }}{{ '{' }} x }}
END
END1
chmod 755 /tmp/deps-layer
/tmp/deps-layer
rm /tmp/deps-layer
END2
# `apt` (src/a/a.deps.yaml)
RUN <<'END'
set -e
export MODE=dev
apt-get update && apt-get install --yes --no-install-recommends ros-tool
END

# extensions/layers/user.Dockerfile:
# `run_user` (src/a/a.deps.yaml)
RUN <<'END'
set -e
export MODE=dev
touch ~/here
END

"#]]);
    assert!(!sandbox.has("deps.toml") && !sandbox.has("extensions"));
    sandbox.deps(["init", "--name", "p"]).succeeds().stderr_is(str![[r#"
wrote deps.toml and extensions/layers/: 0 manifests, 3 extensions; read it, then run `deps lock`
warning: `pyproject` (src/b/b.deps.yaml; `packages` of `pip` can name what it asks for) is not taken over

warning: `scipy>=1` (src/a/a.deps.yaml:7:21; write one version) is not taken over

warning: the order of `pip` (src/a/a.deps.yaml) after commands is not taken over


"#]]);
    sandbox.edit("deps.toml", "ubuntu:24.04", &format!("debian:12@sha256:{}", "a".repeat(64)));
    sandbox.deps(["lock"]).succeeds();
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    let at = |text: &str| dockerfile.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{dockerfile}"));
    assert!(
        at("        git-lfs") < at("{{ x }}") && at("{{ x }}") < at("ros-tool") && at("ros-tool") < at("touch ~/here")
    );
    assert!(dockerfile.contains("MODE=\"dev\"") || dockerfile.contains("MODE=dev"), "{dockerfile}");
    sandbox.deps(["ext", "check"]).succeeds();
}

#[test]
fn layers_that_contradict_each_other_make_no_project() {
    let sandbox = Sandbox::new();
    sandbox.write("a.deps.yaml", "apt_sources: [git]\napt_tools: [make]\nscript: [../out.sh, gone.sh]\n");
    sandbox.write("b/b.deps.yaml", "apt_tools: [make]\napt_sources: [git]\n");
    sandbox.deps(["init"]).exits(1).stderr_is(str![[r#"
error: these orders of layers contradict each other: `apt_tools` before `apt_sources` in b/b.deps.yaml:2:1, `apt_sources` before `apt_tools` in a.deps.yaml:2:1
 --> b/b.deps.yaml:2:1
  |
2 | apt_sources: [git]
  | ^^^^^^^^^^^
hint: give the layers the same order in both files

"#]]);
    sandbox.write("b/b.deps.yaml", "atp: [make]\n");
    sandbox.deps(["init"]).exits(1).stderr_is(str![[r#"
error: layer `atp` begins with no command
 --> b/b.deps.yaml:1:1
  |
1 | atp: [make]
  | ^^^
hint: did you mean `apt`?

"#]]);
    sandbox.write("b/b.deps.yaml", "apt_tools: [make]\n");
    std::fs::write(sandbox.root().join("out.sh"), "").unwrap();
    sandbox.deps(["init"]).exits(1).stderr_is(str![[r#"
error: `../out.sh` leads out of the project's folder
 --> a.deps.yaml:3:10
  |
3 | script: [../out.sh, gone.sh]
  |          ^^^^^^^^^
hint: copy it into the project: a build must not depend on what stands around it

"#]]);
    sandbox.edit("a.deps.yaml", "../out.sh, ", "");
    sandbox.deps(["init"]).exits(1).stderr_is(str![[r#"
error: cannot read `gone.sh`: it does not exist
 --> a.deps.yaml:3:10
  |
3 | script: [gone.sh]
  |          ^^^^^^^

"#]]);
    assert!(!sandbox.has("deps.toml") && !sandbox.has("extensions"));
}
