//! `deps dockerfile`: the canonical text.

use crate::support::sandbox::Sandbox;
use snapbox::str;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn the_whole_text_of_a_project_with_everything() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox.git("x").file("a", "1").tag("1.0").commit();
    sandbox.git("tool").file("Makefile", "all:\n").tag("0.8.1").commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"robot\"\nbase = \"debian:12@{DIGEST}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [[manifest]]\npath = \"home.repos\"\ndest = \"/home/dev/src\"\nname = \"home\"\n\n\
         [extensions]\ntool = {{ path = \"extensions/tool\", with = {{ jobs = 4 }} }}\nuser = \"*\"\n\n[build]\nca-certificates = true\n"
    ));
    sandbox.edit("deps.toml", "dest = \"/ws/src\"\n", "dest = \"/ws/src\"\nname = \"under\"\n");
    sandbox.manifest("repositories:\n  core/x: { type: git, url: https://git.example/x.git, version: 1.0 }\n  \"odd $name\": { type: git, url: https://git.example/x.git, version: 1.0 }\n");
    sandbox.write("home.repos", "repositories:\n  x: { type: git, url: https://git.example/x.git, version: 1.0 }\n");
    sandbox.write(
        "extensions/tool/extension.toml",
        r#"[extension]
name = "tool"
version = "1.0.0"
summary = "A tool"
tier = "toolchain"
after = ["user"]

[options.jobs]
type = "integer"
default = 1
help = "parallel jobs"

[inputs.src]
git = "https://git.example/tool.git"
ref = "~0.8"
[inputs.files]
path = "files"

[apt]
builder = ["make"]
runtime = ["libgl1", "ca-certificates"]

[builder]
snippet = "builder.Dockerfile"
copy = [{ from = "bin/", to = "/usr/local/bin/" }, { from = "share/", to = "/opt/deps/tool/share/" }, { from = "etc/tool.conf", to = "/etc/tool.conf" }]

[runtime]
env = { TOOL_HOME = "{{ out }}", TOOL_NOTE = "a \"b\" $c" }
path = ["{{ out }}/bin"]
snippet = "runtime.Dockerfile"

[user]
snippet = "user.Dockerfile"

[[cache]]
id = "tool-build"
target = "/root/.cache/tool"
"#,
    );
    sandbox.write("extensions/tool/builder.Dockerfile", "ENV A=1\nWORKDIR /tmp/build\nRUN make -C /deps/in/src -j{{ options.jobs }} \\\n    && pip install x\nRUN --network=none <<EOF\nset -e\ncp -r /deps/in/files/. {{ out }}/share\nEOF\n");
    sandbox.write("extensions/tool/runtime.Dockerfile", "RUN ldconfig\n");
    sandbox.write("extensions/tool/user.Dockerfile", "RUN tool --init\n");
    sandbox.write("extensions/tool/files/a.txt", "a");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["dockerfile"]).succeeds().stdout_is(str![[r#""#]]);
}
