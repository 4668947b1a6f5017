//! Tools that come from releases and registries: every builder runs, on files of the same structure from a mirror where they
//! stand at GitHub, on the real ones of npm and PyPI elsewhere; and what containers get for them.

use crate::support::archives::tar_gz;
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use deps::extension::{Input, UrlVersion};
use deps::project::Platform;
use snapbox::str;

/// Miniforge's installer: a script with an archive behind it, which knows `-b` and `-p`.
const INSTALLER: &str = r#"#!/bin/bash
set -eu
while getopts bp: option; do
    case $option in p) prefix=$OPTARG ;; esac
done
mkdir -p "$prefix"
tail -n "+$(($(grep -an '^@@END_HEADER@@$' "$0" | cut -d: -f1) + 1))" "$0" | tar -xz -C "$prefix"
chmod 700 "$prefix/condabin" "$prefix/condabin/conda"
exit 0
@@END_HEADER@@
"#;
const CONDA: &str = r#"#!/bin/sh
case $1 in
    --version) echo conda 26.3.2 ;;
    info) dirname "$(dirname "$(readlink -f "$0")")" ;;
esac
"#;
const CONDA_SH: &str = r#"conda() {
    case $1 in
        activate) export CONDA_PREFIX=/opt/deps/conda ;;
        *) command conda "$@" ;;
    esac
}
"#;

/// Palanteer's options and the target that is built; the rest of it would need Python.
const CMAKE: &str = "cmake_minimum_required(VERSION 3.15)
project(palanteer)
option(PALANTEER_BUILD_VIEWER \"\" ON)
option(PALANTEER_BUILD_CPP_EXAMPLE \"\" ON)
option(PALANTEER_BUILD_PYTHON_INSTRUMENTATION \"\" ON)
option(PALANTEER_BUILD_SERVER_SCRIPTING \"\" ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY \"${CMAKE_BINARY_DIR}/bin\")
find_package(OpenGL REQUIRED)
find_package(X11 REQUIRED)
add_executable(palanteer main.cpp)
target_link_libraries(palanteer OpenGL::GL ${X11_LIBRARIES} ${X11_Xrender_LIB})
if(PALANTEER_BUILD_CPP_EXAMPLE OR PALANTEER_BUILD_PYTHON_INSTRUMENTATION OR PALANTEER_BUILD_SERVER_SCRIPTING)
  message(FATAL_ERROR \"more than the viewer\")
endif()
";
const MAIN: &str = "#include <X11/Xlib.h>\n#include <cstdio>\nint main(int argc, char**) {\n  if (argc < 2) XOpenDisplay(nullptr);\n  std::puts(\"Palanteer v0.8\");\n}\n";

const PYPROJECT: &str = r#"[project]
name = "specify-cli"
version = "1.0.1"
requires-python = ">=3.11"
dependencies = ["typer>=0.24.0", "pyyaml>=6.0"]

[project.scripts]
specify = "specify_cli:main"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["src/specify_cli"]
"#;
const SPECIFY: &str = r#"from importlib.metadata import version
import typer
import yaml

main = typer.Typer()

@main.command()
def init():
    """Makes a project."""

@main.callback(invoke_without_command=True)
def every(show: bool = typer.Option(False, "--version")):
    if show:
        print("specify", version("specify-cli"), yaml.safe_load("[1]"))
"#;

/// Serves, for each extension, the file that it has in its default version for this machine, as its release has it.
fn serve_releases(sandbox: &Sandbox) {
    let conda = [("condabin/conda", CONDA), ("etc/profile.d/conda.sh", CONDA_SH), ("pkgs/a.conda", "packed")];
    let conda = [INSTALLER.as_bytes(), &tar_gz(&conda)].concat();
    let says = |name: &str, text: &str| tar_gz(&[(name, &format!("#!/bin/sh\necho '{text}'\n"))]);
    serve(sandbox, "conda", "installer", |_| conda.clone());
    serve(sandbox, "gitui", "gitui", |version| says("./gitui", &format!("gitui {version}")));
    let lazygit = |version: &str| format!("commit=a, build source=binaryRelease, version={version}, os=linux");
    serve(sandbox, "lazygit", "lazygit", |version| says("lazygit", &lazygit(version)));
    serve(sandbox, "pixi", "pixi", |version| says("pixi", &format!("pixi {version}")));
    serve(sandbox, "urdf_viz", "urdf_viz", |version| says("urdf-viz", &format!("urdf-viz {version}")));
}

fn serve(sandbox: &Sandbox, extension: &str, input: &str, content: impl Fn(&str) -> Vec<u8>) {
    let configured = crate::catalogue::configured(extension);
    let Input::Url(url) = &configured.inputs[input] else { panic!("`{extension}/{input}` is a url") };
    let UrlVersion::Exact(version) = &url.version else { panic!("`{extension}/{input}` has a version") };
    let file = url.file(None, &Platform::default()).unwrap();
    sandbox.serve(file.url.strip_prefix("https://").expect("releases are at https"), &content(&version.value));
}

#[test]
fn a_builder_of_every_tool_runs() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.configuration("[mirror]\n\"https://github.com/\" = \"$GIT/files/github.com/\"\n");
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://github.com/\n");
    serve_releases(&sandbox);
    sandbox.git("dfeneyrou/palanteer").file("CMakeLists.txt", CMAKE).file("main.cpp", MAIN).tag("v0.8").commit();
    let specify = sandbox.git("github/spec-kit").file("pyproject.toml", PYPROJECT);
    specify.file("src/specify_cli/__init__.py", SPECIFY).tag("v1.0.1").commit();
    let tools =
        ["claude", "codex", "conda", "gemini", "gitui", "lazygit", "palanteer", "pixi", "spec_kit", "urdf_viz", "user"];
    let tools: String = tools.iter().map(|name| format!("{name} = \"*\"\n")).collect();
    sandbox.write("lock/requirements.txt", include_str!("../extensions/spec_kit/files/build-requirements.txt"));
    sandbox.deps_toml(&format!(
        "[project]\nname = \"tools\"\nbase = \"{}\"\n[build]\nca-certificates = true\n[extensions]\n{tools}\
         pip = {{ with = {{ requirements = \"lock/requirements.txt\", packages = [\"six==1.17.0\"] }} }}\n",
        engine.base()
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["test", "--frozen"]).succeeds();
    let list = engine.run_image("tools:latest", &["python3", "-m", "pip", "freeze", "--local"]);
    assert!(list.contains("pluggy==") && list.contains("six=="), "{list}");
    let closed = "find /opt/deps ! -perm -o=r -o -type d ! -perm -o=x";
    assert_eq!(engine.run_image("tools:latest", &["sh", "-c", closed]), "", "everybody can read all of it");
    engine.remove_image("tools:latest");
}

#[test]
fn keys_reach_a_container_by_their_names_alone() {
    let sandbox = Sandbox::new();
    sandbox.configuration("[mirror]\n\"https://registry.npmjs.org/\" = \"$GIT/files/registry.npmjs.org/\"\n");
    for name in ["claude", "codex", "gemini", "npm"] {
        for input in crate::catalogue::configured(name).inputs.keys() {
            serve(&sandbox, name, input, |_| tar_gz(&[("package/vendor/a", "")]));
        }
    }
    let digest = "a".repeat(64);
    sandbox.deps_toml(&format!(
        "[project]\nname = \"p\"\nbase = \"debian:12@sha256:{digest}\"\n[extensions]\nclaude = \"*\"\ncodex = \"*\"\ngemini = \"*\"\n"
    ));
    sandbox.write("google.json", "{}");
    sandbox.deps(["lock"]).succeeds();
    let google = sandbox.path("google.json");
    let run = sandbox.deps(["run", "--print", "--", "claude"]).env("ANTHROPIC_API_KEY", "hunter2");
    let run = run.env("OPENAI_API_KEY", "hunter2").env("GOOGLE_APPLICATION_CREDENTIALS", google.to_str().unwrap());
    run.succeeds().stdout_is(str![[r#"
docker run --rm --interactive --env=ANTHROPIC_API_KEY --env=CLAUDE_CONFIG_DIR=/root/.claude --env=GOOGLE_APPLICATION_CREDENTIALS --env=OPENAI_API_KEY --mount=type=bind,source=[ROOT]/home/.claude,target=/root/.claude --mount=type=bind,source=[ROOT]/home/.codex,target=/root/.codex --mount=type=bind,source=[ROOT]/home/.gemini,target=/root/.gemini --mount=type=bind,source=[ROOT]/project/google.json,target=[ROOT]/project/google.json,readonly p:latest claude

"#]]);
}
