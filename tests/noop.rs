//! What `deps build` need not do, and what it refuses to do: images that are there already, and impure stages.

use snapbox::str;

use crate::support::engine::Engine;
use crate::support::program::Run;
use crate::support::sandbox::Sandbox;

/// A project with one extension, whose builder runs `command` with what `builder` says about it.
fn project(engine: &Engine, name: &str, builder: &str, command: &str) -> Sandbox {
    let sandbox = Sandbox::with_environment(engine.environment());
    write(&sandbox, engine.busybox(), name, builder, command);
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

fn write(sandbox: &Sandbox, base: &str, name: &str, builder: &str, command: &str) {
    sandbox.deps_toml(&format!(
        "[project]\nname = \"{name}\"\nbase = \"{base}\"\n\n[extensions]\nmine = {{ path = \"mine\" }}\n\n\
         [build]\ntag = \"deps-test/{name}:latest\"\n"
    ));
    sandbox.write(
        "mine/extension.toml",
        &format!(
            "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"Mine\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\n\
             {builder}copy = [{{ from = \"a/\", to = \"/opt/mine/\" }}]\n"
        ),
    );
    sandbox.write("mine/b.Dockerfile", &format!("ARG WORD=default\nRUN mkdir -p {{{{ out }}}}/a && {command}\n"));
}

const PURE: &str = "network = \"none\"\n";
const WORD: &str = "echo \"$WORD\" > {{ out }}/a/word";

#[track_caller]
fn skips(run: &Run) -> String {
    assert!(run.stderr().contains(" is up to date (plan key ") && !run.stderr().contains("built "), "{run}");
    run.stdout()
}

#[track_caller]
fn builds(run: &Run) -> String {
    assert!(run.stderr().contains("built ") && !run.stderr().contains("up to date"), "{run}");
    run.stdout()
}

#[test]
fn an_image_that_is_there_is_not_built_again_unless_something_else_was_asked_for() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine, "noop", PURE, WORD);
    let build = |arguments: &[&str]| sandbox.deps([&["build", "--frozen"][..], arguments].concat()).succeeds();
    engine.remove_image("deps-test/noop:latest");
    let first = builds(&build(&[]));
    assert_eq!(skips(&build(&[])), first, "the digest is data as ever");
    assert_eq!(skips(&sandbox.deps(["build"]).succeeds()), first);
    let key = sandbox.deps(["plan"]).succeeds().stdout();
    let said = build(&[]).stderr();
    let key = key.split_whitespace().find(|word| said.contains(word) && word.len() == 64).expect("the plan's key");
    assert_eq!(said, format!("deps-test/noop:latest is up to date (plan key {key})\n"));
    builds(&build(&["--no-skip"]));
    builds(&build(&["--no-cache"]));
    builds(&build(&["--stage", "mine-builder"]));
    builds(&build(&["--output", "type=oci,dest=../out.tar"]));
    builds(&build(&["-t", "deps-test/noop:latest", "-t", "deps-test/noop:other"]));
    skips(&build(&["-t", "deps-test/noop:latest", "-t", "deps-test/noop:other"]));
    // A build argument decides what is in the image, without being in the plan's key.
    builds(&build(&["--build-arg", "WORD=given"]));
    skips(&build(&["--build-arg", "WORD=given"]));
    assert_eq!(engine.run_image("deps-test/noop", &["cat", "/opt/mine/word"]), "given\n");
    builds(&build(&[]));
    assert_eq!(engine.run_image("deps-test/noop", &["cat", "/opt/mine/word"]), "default\n");
}

#[test]
fn an_image_that_somebody_put_under_the_name_is_built_over() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine, "replaced", PURE, WORD);
    let build = || sandbox.deps(["build", "--frozen"]).succeeds();
    build();
    engine.docker(["pull", "--quiet", engine.busybox()]);
    engine.docker(["tag", engine.busybox(), "deps-test/replaced:latest"]);
    builds(&build());
    // What is made from ours has our labels, and is not ours.
    let container = engine.docker(["create", "deps-test/replaced:latest", "true"]);
    engine.docker(["commit", container.trim(), "deps-test/replaced:latest"]);
    engine.docker(["rm", container.trim()]);
    builds(&build());
    skips(&build());
}

#[test]
fn what_a_registry_has_is_not_pushed_again() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine, "pushed", PURE, WORD);
    let unique = sandbox.root().to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "").to_lowercase();
    let name = format!("{}/deps-test/pushed-{unique}:1", engine.registry());
    let push =
        |arguments: &[&str]| sandbox.deps([&["build", "--push", "-t", &name][..], arguments].concat()).succeeds();
    let first = builds(&push(&[]));
    engine.remove_image(&name);
    assert_eq!(skips(&push(&[])), first, "the registry alone decides");
    builds(&push(&["--build-arg", "WORD=given"]));
    builds(&push(&[]));
    builds(&push(&["--offline"]));
    let digest = engine.docker(["buildx", "imagetools", "inspect", &name, "--format", "{{json .Manifest.Digest}}"]);
    assert_eq!(digest.trim().trim_matches('"'), first.trim());
}

#[test]
fn pure_names_every_stage_that_depends_on_more_than_the_lock() {
    let sandbox = Sandbox::with_environment(vec![("PATH".to_owned(), "/nonexistent".to_owned())]);
    let base = format!("debian:12@sha256:{}", "a".repeat(64));
    write(&sandbox, &base, "p", "", WORD);
    sandbox.write(
        "mine/extension.toml",
        &format!("{}\n[apt]\nbuilder = [\"make\"]\n", sandbox.read("mine/extension.toml")),
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--pure"]).exits(1).stderr_is(str![[r#"
error: 3 stages are not pure, and `--pure` refuses such
  apt-dcd34cd5  apt over the network
  mine-builder  from `apt-dcd34cd5`, network in mine/b.Dockerfile:2
  final         from `mine-builder`
hint: give a builder `network = "none"` and name what it downloads in `[inputs]`; a base image can bring what apt would

"#]]);
}

#[test]
fn a_pure_builder_sees_no_network_and_only_what_it_declares() {
    let Some(engine) = Engine::twin() else { return };
    let look = "ls -A /sys/class/net > {{ out }}/a/net && ls -A /deps/in > {{ out }}/a/inputs && ls -A / > {{ out }}/a/root \
        && cat /proc/net/route | wc -l > {{ out }}/a/routes && cat /deps/in/data/f > {{ out }}/a/data";
    let sandbox = Sandbox::with_environment(engine.environment());
    write(&sandbox, engine.busybox(), "alone", PURE, look);
    let text = sandbox.read("mine/extension.toml");
    sandbox.write("mine/extension.toml", &format!("{text}\n[inputs.data]\npath = \"data\"\n"));
    sandbox.write("mine/data/f", "declared\n");
    sandbox.write("mine/other/f", "not declared\n");
    sandbox.deps(["build", "--pure", "--no-skip"]).succeeds();
    let shown = engine.run_image("deps-test/alone", &["sh", "-c", "cd /opt/mine && cat net inputs routes data"]);
    assert_eq!(shown, "lo\ndata\n1\ndeclared\n");
}

#[test]
fn two_builds_without_cache_are_compared_file_by_file() {
    let Some(engine) = Engine::twin() else { return };
    let check = |sandbox: &Sandbox, code: i32| sandbox.deps(["build", "--quiet", "--check-reproducible"]).exits(code);
    let sandbox = project(&engine, "same", PURE, WORD);
    check(&sandbox, 0).stderr_is(str![""]).stdout_is(str![[r#"
2 layers, all the same bytes

"#]]);
    let clock =
        "mkdir -p {{ out }}/a/b && echo x > {{ out }}/a/a && cat /proc/sys/kernel/random/uuid > {{ out }}/a/b/time";
    let sandbox = project(&engine, "clock", PURE, clock);
    check(&sandbox, 4).stderr_is(str![[r#"
error: the build is not reproducible: 1 of 2 layers differ
  layer 2 of linux/amd64: COPY /opt/deps/mine/a/ /opt/mine/
  `/opt/mine/b/time`: other content, 37 bytes in both builds
hint: what a step writes must come from its inputs alone: no clock, no random numbers, no order of a file system; `deps lint` finds the usual ones

"#]]);
    sandbox.edit("mine/b.Dockerfile", "cat /proc/sys/kernel/random/uuid > {{ out }}/a/b/time", "exit 7");
    assert!(check(&sandbox, 1).stderr().contains("stage `mine-builder` of extension `mine` failed"));
    sandbox.deps(["build", "--check-reproducible", "--push"]).exits(2);
}

#[test]
fn an_exported_image_has_the_project_s_epoch_and_the_build_has_no_such_argument() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine, "epoch", PURE, WORD);
    sandbox.edit("deps.toml", "[build]", "[build]\nsource-date-epoch = 1000000000");
    sandbox.deps(["build", "--output", "type=oci,dest=../image.tar"]).succeeds();
    let index = sandbox.program("tar", ["-xOf", "../image.tar", "index.json"]).succeeds().stdout();
    assert!(index.contains("\"org.opencontainers.image.created\":\"2001-09-09T01:46:40Z\""), "{index}");
    let text = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert!(!text.contains("EPOCH") && !text.contains("1000000000"), "{text}");
}

#[test]
fn buildx_is_asked_for_its_builder_only_where_it_may_have_one() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine, "asked", PURE, WORD);
    let path = |name: &str| sandbox.root().join(name).to_string_lossy().into_owned();
    let (environment, builders, calls) = (engine.environment(), path("builders"), path("calls"));
    let before = &environment.iter().find(|(name, _)| name == "PATH").expect("the engine has a PATH").1;
    sandbox.write(
        "bin/docker",
        &format!("#!/bin/sh\necho \"$*\" >>'{calls}'\nPATH='{before}'\nexport PATH\nexec docker \"$@\"\n"),
    );
    sandbox.program("chmod", ["+x", "bin/docker"]).succeeds();
    let programs = format!("{}:{before}", sandbox.path("bin").display());
    let asked = |arguments: &[&str]| {
        std::fs::write(&calls, "").expect("the sandbox is ours");
        let program = sandbox.deps([&["build", "--frozen", "--no-skip"][..], arguments].concat());
        program.env("PATH", &programs).env("BUILDX_CONFIG", &builders).succeeds();
        let calls = std::fs::read_to_string(&calls).expect("docker was called");
        assert!(calls.contains("buildx build "), "{calls}");
        calls.lines().filter(|call| call.starts_with("buildx") && call.contains("inspect")).count()
    };
    assert_eq!(asked(&[]), 0, "there is no other builder");
    assert_eq!(asked(&["--builder", "default"]), 1);
    let create = ["buildx", "create", "--name", "far", "--driver", "remote", "tcp://127.0.0.1:1"];
    sandbox.program("docker", create).env("BUILDX_CONFIG", &builders).succeeds();
    assert_eq!(asked(&[]), 1, "there is one, which is not used");
}
