//! `deps why`: first causes of a changed stage; offline and without an engine.

use crate::support::sandbox::Sandbox;
use snapbox::str;

const TOOL: &str = r#"[extension]
name = "tool"
version = "1.0.0"
summary = "A tool"

[options.jobs]
type = "integer"
default = 1
help = "parallel jobs"

[options.idle]
type = "integer"
default = 1
help = "used nowhere"

[inputs.src]
git = "https://git.example/tool.git"
ref = "~0.8"
[inputs.files]
path = "files"

[apt]
builder = ["make"]

[builder]
snippet = "builder.Dockerfile"
copy = [{ from = "bin/", to = "/usr/local/bin/" }]

[runtime]
env = { TOOL_HOME = "{{ out }}" }
"#;
const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A project with a bit of everything, committed as `HEAD`.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config(
        "[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n[user]\n\tname = a\n\temail = a@example.org\n",
    );
    sandbox.git("x").file("a", "1").tag("1.2.0").commit();
    sandbox.git("x").file("a", "2").tag("1.3.0").commit();
    sandbox.git("tool").file("Makefile", "all:\n").tag("0.8.1").commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"robot\"\nbase = \"{BASE}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [extensions]\napt = {{ with = {{ packages = [\"curl\"] }} }}\ntool = {{ path = \"extensions/tool\", with = {{ jobs = 4 }} }}\nuser = \"*\"\n"
    ));
    sandbox.manifest("repositories:\n  ros2/x: { type: git, url: https://git.example/x.git, version: 1.2.0 }\n");
    sandbox.write("extensions/tool/extension.toml", TOOL);
    sandbox.write(
        "extensions/tool/builder.Dockerfile",
        "RUN mkdir -p {{ out }}/bin\n# compile\nRUN make -j{{ options.jobs }} -C /deps/in/src\nRUN true\n",
    );
    sandbox.write("extensions/tool/files/a.sh", "echo a\n");
    sandbox.deps(["lock"]).succeeds();
    git(&sandbox, &["init", "--quiet"]);
    commit(&sandbox);
    sandbox
}

fn git(sandbox: &Sandbox, arguments: &[&str]) {
    sandbox.program("git", arguments.iter().copied()).succeeds();
}

fn commit(sandbox: &Sandbox) {
    git(sandbox, &["add", "."]);
    git(sandbox, &["commit", "--quiet", "-m", "x"]);
}

#[test]
fn a_stage_that_did_not_change_says_so() {
    let sandbox = project();
    sandbox.edit("deps.toml", "[project]", "# a comment\n[project]");
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder has not changed since HEAD: 03516094c6cd

"#]]);
    });
}

#[test]
fn what_is_written_in_deps_toml_is_named() {
    let sandbox = project();
    sandbox.edit("deps.toml", "\"curl\"", "\"curl\", \"jq\"");
    sandbox.edit("deps.toml", "jobs = 4", "jobs = 8, idle = 2");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["why", "runtime", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage runtime changed since HEAD: a2798c26cd73 → dec58b912516
  package added: jq

"#]]);
    sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder changed since HEAD: 03516094c6cd → 8209f9fc339e
  option jobs of tool changed `4` → `8`

"#]]);
    sandbox.deps(["why", "final", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage final changed since HEAD: ec015fd7691c → 6630a7b853bd
  follows runtime:
    package added: jq
  follows tool-builder:
    option jobs of tool changed `4` → `8`

"#]]);
}

#[test]
fn what_the_lock_pins_is_named() {
    let sandbox = project();
    sandbox.edit("underlay.repos", "1.2.0", "1.3.0");
    sandbox.git("tool").file("Makefile", "all:\n\ttrue\n").tag("0.8.2").commit();
    sandbox.deps(["update", "tool/src", "ros2/x"]).succeeds();
    sandbox.edit("deps.toml", "sha256:aaaa", "sha256:bbbb");
    sandbox.deps(["lock"]).succeeds();
    let plan = sandbox.deps(["plan"]).succeeds().stdout();
    let source = plan.split_whitespace().find(|word| word.starts_with("src-main-")).expect("a stage of sources");
    sandbox.deps(["why", source, "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage src-main-e changed since HEAD: 173ac949cde1 → 241d2d811a54
  rev of ros2/x changed 1.2.0 → 1.3.0 (53e03498 → fdc1d048)

"#]]);
    sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder changed since HEAD: 03516094c6cd → 32d9ff994c67
  rev of tool/src changed 0.8.1 → 0.8.2 (11599f3f → 8c43670a)
  follows apt-dcd34cd5:
    base image changed debian:12 aaaaaaaa → debian:12 bbbbaaaa

"#]]);
    sandbox.deps(["why", "runtime", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage runtime changed since HEAD: a2798c26cd73 → 02837198cbe6
  base image changed debian:12 aaaaaaaa → debian:12 bbbbaaaa

"#]]);
}

#[test]
fn what_stands_in_an_extension_is_named() {
    let sandbox = project();
    sandbox.edit("extensions/tool/builder.Dockerfile", "RUN true", "RUN true && echo done");
    sandbox.edit("extensions/tool/extension.toml", "[\"make\"]", "[\"cmake\", \"make\"]");
    sandbox.write("extensions/tool/files/a.sh", "echo b\n");
    sandbox.write("extensions/tool/files/new", "x");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder changed since HEAD: 03516094c6cd → 3dd8721bb187
  snippet extensions/tool/builder.Dockerfile was edited
     RUN make -j{{ options.jobs }} -C /deps/in/src
    -RUN true
    +RUN true && echo done
  file changed: files/a.sh of tool
  file added: files/new of tool
  follows apt-fa09efd4:
    package added: cmake

"#]]);
    let plan = sandbox.deps(["plan"]).succeeds().stdout();
    let packages = plan.split_whitespace().find(|word| word.starts_with("apt-")).expect("a stage of packages");
    sandbox.deps(["why", packages, "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage apt-fa09efd4 is new since HEAD: 72271a7d9629
  package added: cmake

"#]]);
}

#[test]
fn an_extension_that_comes_or_goes_is_the_cause_of_what_it_brings() {
    let sandbox = project();
    sandbox.edit("deps.toml", "tool = { path = \"extensions/tool\", with = { jobs = 4 } }\n", "fzf = \"*\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["why", "final", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage final changed since HEAD: ec015fd7691c → 1c51d7a58ee1
  extension fzf added: 1.0.0
  extension tool removed: 1.0.0
  follows runtime:
    package added: fzf

"#]]);
    sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder is gone since HEAD: 03516094c6cd
  extension tool removed: 1.0.0

"#]]);
}

#[test]
fn network_and_caches_of_an_extension_are_steps_with_their_lines() {
    let sandbox = project();
    sandbox.edit("extensions/tool/extension.toml", "[builder]\n", "[builder]\nnetwork = \"none\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder changed since HEAD: 03516094c6cd → e80d1cb07646
  steps of extensions/tool/builder.Dockerfile are other ones
    -RUN --mount=type=bind,target=/deps/in/files --mount=type=bind,target=/deps/in/src mkdir -p /opt/deps/tool/bin
    -RUN --mount=type=bind,target=/deps/in/files --mount=type=bind,target=/deps/in/src make -j4 -C /deps/in/src
    -RUN --mount=type=bind,target=/deps/in/files --mount=type=bind,target=/deps/in/src true
    +RUN --mount=type=bind,target=/deps/in/files --mount=type=bind,target=/deps/in/src --network=none mkdir -p /opt/deps/tool/bin
    +RUN --mount=type=bind,target=/deps/in/files --mount=type=bind,target=/deps/in/src --network=none make -j4 -C /deps/in/src
    +RUN --mount=type=bind,target=/deps/in/files --mount=type=bind,target=/deps/in/src --network=none true

"#]]);
}

#[test]
fn a_stage_that_there_is_not_is_an_error_with_the_nearest_name() {
    let sandbox = project();
    sandbox.deps(["why", "tool-bilder", "--against", "HEAD"]).exits(2).stderr_is(str![[r#"
error: there is no stage `tool-bilder`
  stages are `apt-dcd34cd5`, `tool-builder`, `src-main-e`, `runtime`, `final`
hint: did you mean `tool-builder`?

"#]]);
    sandbox.deps(["why", "runtime", "--against", "no-such"]).exits(1).stderr_is(str![[r#"
error: cannot read the project at `no-such`: the repository has no such commit

"#]]);
    sandbox.deps(["why", "runtime"]).exits(1).stderr_is(str![[r#"
error: this project has not been built on this engine yet: there is nothing to compare with
hint: to compare with a git revision, add `--against HEAD`

"#]]);
}

#[test]
fn json_has_the_same_with_whole_values() {
    let sandbox = project();
    sandbox.edit("deps.toml", "jobs = 4", "jobs = 8");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["why", "final", "--against", "HEAD", "--json"]).succeeds().stdout_is(str![[r#"
{
  "schema": 1,
  "stage": "final",
  "against": "HEAD",
  "platforms": [
    {
      "platform": "linux/amd64",
      "state": "changed",
      "before": "ec015fd7691cb612d6eee3006175528443179e40d9c8438314802b287d0707f4",
      "after": "bb729bb17825fe7d698beaaa4ffd14ced1f468fef9585ec652aa19fd34a69266",
      "causes": [],
      "follows": [
        {
          "stage": "tool-builder",
          "causes": [
            {
              "kind": "option",
              "subject": "tool.jobs",
              "before": "4",
              "after": "8",
              "text": "option jobs of tool changed `4` → `8`"
            }
          ]
        }
      ]
    }
  ]
}

"#]]);
}
