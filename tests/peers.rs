//! What rocker and deps_rocker 0.23.2 do with the same things, measured, and what happens here.

use std::collections::BTreeMap;
use std::path::Path;

use snapbox::str;

use crate::support::sandbox::Sandbox;

const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Writes a `deps.toml` with these lines of `[extensions]`.
fn project(sandbox: &Sandbox, extensions: &str) {
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{BASE}\"\n\n[extensions]\n{extensions}"));
}

/// Writes the extension `name`, with `rest` after its first table and a builder with this snippet.
fn extension(sandbox: &Sandbox, name: &str, rest: &str, builder: &str) {
    let builds = format!(
        "\n[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{{ from = \"bin/\", to = \"/opt/{name}/\" }}]\n"
    );
    sandbox.write(
        &format!("extensions/{name}/extension.toml"),
        &format!("[extension]\nname = \"{name}\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\n{rest}{builds}"),
    );
    sandbox.write(&format!("extensions/{name}/b.Dockerfile"), builder);
}

/// Locks, and returns the Dockerfile.
fn dockerfile(sandbox: &Sandbox) -> String {
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["dockerfile"]).succeeds().stdout()
}

/// The text of each stage by its name.
fn stages(dockerfile: &str) -> BTreeMap<String, String> {
    let name = |stage: &str| stage.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or("").to_owned();
    let body = |stage: &str| stage.split("\n\n").next().unwrap_or("").to_owned();
    dockerfile.split("\nFROM ").skip(1).map(|stage| (name(stage), body(stage))).collect()
}

/// There: `--fzf` alone pulls `user` in, but only a typed `--user` makes the line `USER name`; with the implied one every
/// user snippet runs as root.
#[test]
fn an_implied_user_and_one_that_is_named_are_the_same_image() {
    let sandbox = Sandbox::new();
    extension(&sandbox, "tool", "requires = [\"user\"]\n", "RUN mkdir -p {{ out }}/bin\n");
    let own = "tool = { path = \"extensions/tool\" }\n";
    project(&sandbox, own);
    let implied = dockerfile(&sandbox);
    project(&sandbox, &format!("{own}user = \"*\"\n"));
    assert_eq!(dockerfile(&sandbox), implied);
    assert!(implied.lines().any(|line| line.starts_with("USER ")), "{implied}");
}

/// There: 5 of 10 additions changed the text of another builder, because a snippet's leading ARG stands before its FROM and
/// so belongs to the stage in front of it; npm's is global only where npm is the first builder.
#[test]
fn an_arg_at_the_beginning_of_a_snippet_stays_in_its_stage() {
    let sandbox = Sandbox::new();
    for name in ["b", "d"] {
        extension(&sandbox, name, "", "ARG VERSION=1\nRUN mkdir -p {{ out }}/bin && echo $VERSION > {{ out }}/bin/v\n");
    }
    let line = |name: &str| format!("{name} = {{ path = \"extensions/{name}\" }}\n");
    project(&sandbox, &(line("b") + &line("d")));
    let before = stages(&dockerfile(&sandbox));
    for added in ["a", "c", "e"] {
        extension(
            &sandbox,
            added,
            "",
            "ARG VERSION=9\nRUN mkdir -p {{ out }}/bin && echo $VERSION > {{ out }}/bin/v\n",
        );
        project(&sandbox, &["b", "d", added].map(line).concat());
        let text = dockerfile(&sandbox);
        let after = stages(&text);
        let builders = before.iter().filter(|(name, _)| name.contains("builder") || name.starts_with("apt-"));
        let mut compared = 0;
        for (name, stage) in builders {
            assert_eq!(after.get(name), Some(stage), "{name} with {added}");
            compared += 1;
        }
        assert!(compared >= 2, "{before:?}");
        assert!(!text.split("\nFROM ").next().unwrap().contains("ARG"), "{text}");
    }
}

/// There: the same four files in 24 orders of creation gave 9 Dockerfiles on tmpfs, exit status 0 each time.
#[test]
fn the_order_in_which_files_of_layers_were_made_changes_nothing() {
    const FILES: [(&str, &str); 4] = [
        ("a/a.deps.yaml", "apt_sources: [git]\nenv: [A=1]\nrun_a: [echo a]\n"),
        ("b/b.deps.yaml", "apt_sources: [curl]\nrun_b: [echo b]\napt: [make]\n"),
        ("c.deps.yaml", "pip: [numpy==2.3.5]\nrun_c: [echo c1, echo c2]\n"),
        ("d/e/d.deps.yaml", "apt_tools: [jq]\nrun_a: [echo d]\n"),
    ];
    let sandbox = Sandbox::new();
    let mut results: BTreeMap<String, usize> = BTreeMap::new();
    for place in ["/dev/shm", "/tmp"].into_iter().filter(|place| Path::new(place).is_dir()) {
        for order in permutations(FILES.len()) {
            let folder = tempfile::Builder::new().prefix("deps-test-").tempdir_in(place).unwrap();
            for (path, text) in order.iter().map(|index| FILES[*index]) {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let run = sandbox.deps_in(folder.path().to_str().unwrap(), ["init", "--print", "--name", "p"]).succeeds();
            *results.entry(run.stdout()).or_default() += 1;
        }
    }
    assert_eq!(results.len(), 1, "{results:#?}");
    assert!(results.values().all(|runs| runs % 24 == 0));
}

/// Every order of the numbers below `length`.
fn permutations(length: usize) -> Vec<Vec<usize>> {
    (0..length).fold(vec![Vec::new()], |orders, number| {
        let longer = |order: &Vec<usize>| {
            let at = |place: usize| [&order[..place], &[number], &order[place..]].concat();
            (0..=order.len()).map(at).collect::<Vec<_>>()
        };
        orders.iter().flat_map(longer).collect()
    })
}

/// There: the detection rules are also tried in `$HOME`. An empty project gives `auto` alone or `claude npm nvim codex
/// gemini`, depending on whose home it is.
#[test]
fn what_is_in_somebody_s_home_shows_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("CMakeLists.txt", "");
    let proposed = sandbox.deps(["init", "--print", "--name", "p"]).succeeds().stdout();
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{BASE}\"\nauto = true\n"));
    sandbox.deps(["lock"]).succeeds();
    let lock = sandbox.read("deps.lock");
    for path in [".claude/x", ".codex/x", ".gemini/x", ".config/nvim/init.lua", ".vim/x", "package.json", "Cargo.toml"]
    {
        let path = sandbox.root().join("home").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    sandbox.deps(["lock", "--check"]).succeeds();
    sandbox.deps(["update"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), lock);
    std::fs::remove_file(sandbox.path("deps.toml")).unwrap();
    assert_eq!(sandbox.deps(["init", "--print", "--name", "p"]).succeeds().stdout(), proposed);
}

/// There: an error in a template is logged, its snippet becomes "", and the image is built without the tool (urdf_viz).
#[test]
fn an_extension_whose_template_fails_stops_everything() {
    let sandbox = Sandbox::new();
    extension(&sandbox, "good", "", "RUN mkdir -p {{ out }}/bin\n");
    extension(&sandbox, "viz", "", "RUN mkdir -p {{ output_dir }}/bin\n");
    project(&sandbox, "good = { path = \"extensions/good\" }\nviz = { path = \"extensions/viz\" }\n");
    for command in [["lock"], ["plan"], ["dockerfile"], ["build"]] {
        sandbox.deps(command).exits(1).stderr_is(str![[r#"
error: template: `output_dir` is not defined
 --> extensions/viz/b.Dockerfile:1:17
  |
1 | RUN mkdir -p {{ output_dir }}/bin
  |                 ^^^^^^^^^^

"#]]);
    }
    assert!(!sandbox.has("deps.lock"));
}

/// There: an installer that a cache mount holds is used for good, whatever its url has (fzf: new scripts with an old
/// binary; lazygit: the first build on each machine decides). Nothing compares a checksum.
#[test]
fn an_installer_that_changed_under_its_url_is_never_taken_for_the_one_that_was_locked() {
    let sandbox = Sandbox::new();
    sandbox.serve("install.sh", b"echo one\n");
    let input = "\n[inputs.installer]\nurl = \"$GIT/files/install.sh\"\n";
    extension(&sandbox, "tool", input, "RUN install -D /deps/in/installer/install.sh {{ out }}/bin/install.sh\n");
    project(&sandbox, "tool = { path = \"extensions/tool\" }\n");
    let before = dockerfile(&sandbox);
    let lock = sandbox.read("deps.lock");
    sandbox.deps(["fetch", "--frozen"]).succeeds();
    sandbox.serve("install.sh", b"echo two\n");
    let requests = sandbox.requests();
    sandbox.deps(["fetch", "--frozen"]).succeeds();
    assert_eq!((sandbox.requests(), sandbox.deps(["dockerfile"]).succeeds().stdout()), (requests, before.clone()));
    std::fs::remove_dir_all(sandbox.store()).unwrap();
    sandbox.deps(["fetch", "--frozen"]).exits(4).stderr_is(str![[r#"
error: fetch `tool/installer` for linux-amd64 at sha256:0cb42bbdf016ecafd6c21ac6c4b1760bf5b346c70c4f96ba890ef3d74883c8c2: its url has something else now, `sha256:7d97a50c9b1eb3b6a49320a5238fd08280240d28befc12465e493d17d8bc8d56`
 --> extensions/tool/extension.toml:7:7
  |
7 | url = "[GIT]/files/install.sh"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  url: [GIT]/files/install.sh
hint: find out why it changed; if what is there now is good, `deps update KEY` pins it

"#]]);
    assert_eq!(sandbox.read("deps.lock"), lock);
    sandbox.deps(["update", "tool/installer"]).succeeds();
    assert_ne!(sandbox.deps(["dockerfile"]).succeeds().stdout(), before);
}

/// There: FZF_VERSION, PIXI_VERSION, NPM_VERSION, CONDA_VERSION and lazygit's are declared and reach nothing: the ARG stands
/// before a FROM, or no command uses it.
#[test]
fn a_version_that_is_asked_for_reaches_url_and_lock_and_image() {
    let sandbox = Sandbox::new();
    for version in ["1.0.0", "2.0.0"] {
        sandbox.serve(&format!("v{version}/tool"), format!("#!/bin/sh\necho {version}\n").as_bytes());
    }
    let rest = "\n[options.version]\ntype = \"string\"\ndefault = \"1.0.0\"\nhelp = \"the version\"\n\n[inputs.tool]\n\
                url = \"$GIT/files/v{{ version }}/tool\"\nversion = \"{{ options.version }}\"\n";
    extension(&sandbox, "tool", rest, "RUN install -D -m 755 /deps/in/tool/tool {{ out }}/bin/tool\n");
    project(&sandbox, "tool = { path = \"extensions/tool\" }\n");
    let first = dockerfile(&sandbox);
    sandbox.deps(["set", "tool.version=2.0.0"]).succeeds();
    sandbox.deps(["dockerfile"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date, and the Dockerfile follows from it
  fetch `tool/tool`: `extensions/tool/extension.toml` asks for `2.0.0`, the lock has `1.0.0`
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock"]).succeeds().stderr_is(str![[r#"
  ~ fetch `tool/tool` 1.0.0 sha256:dd03b29f → 2.0.0 sha256:b641c693
wrote deps.lock: 2 entries, 0 added, 1 changed, 0 removed

"#]]);
    sandbox.file_is(
        "deps.lock",
        str![[r##"
# Generated by `deps lock`. Edit deps.toml or the manifests, then run `deps lock`.
schema = 1

[fetch."tool/tool"]
ref = "2.0.0"
linux-amd64 = "sha256:b641c69301c293c94af60f12395c2812c5a11ab8da8d217ec37e42ae2e5ae498"
url = "[GIT]/files/v2.0.0/tool"

[image."base"]
ref = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

"##]],
    );
    assert_ne!(sandbox.deps(["dockerfile"]).succeeds().stdout(), first);
    sandbox.deps(["set", "tool.version=3.0.0"]).succeeds();
    sandbox.deps(["lock"]).exits(5);
    sandbox.deps(["set", "tool.verison=3.0.0"]).exits(1);
}
