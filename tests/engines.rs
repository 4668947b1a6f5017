//! Engines that are not dockerd alone: builders of the driver `remote`, buildctl; and folders for cache mounts. Needs an
//! engine; `make test` brings one.

use crate::support::dial::Dial;
use crate::support::engine::Engine;
use crate::support::program::Program;
use crate::support::programs::happens_to_be_installed;
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project on `base` with these lines of `[extensions]`, whose builder runs `command`, which no engine has run before.
fn project(engine: &Engine, (name, base, extensions): (&str, &str, &str), command: &str) -> Sandbox {
    let sandbox = Sandbox::with_environment(engine.environment());
    let unique = sandbox.root().to_string_lossy().into_owned();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"{name}\"\nbase = \"{base}\"\n\n[extensions]\nmine = {{ path = \"mine\" }}\n{extensions}\n\
         [build]\ntag = \"deps-test/{name}:latest\"\n"
    ));
    sandbox.write(
        "mine/extension.toml",
        "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"Mine\"\nafter = [\"user\"]\n\n\
         [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{ from = \"a/\", to = \"/opt/mine/\" }]\n\n\
         [user]\nsnippet = \"u.Dockerfile\"\n",
    );
    sandbox.write(
        "mine/b.Dockerfile",
        &format!(
            "ARG WORD=built\nRUN mkdir -p {{{{ out }}}}/a && {command} && echo {unique} > {{{{ out }}}}/a/unique\n"
        ),
    );
    sandbox.write("mine/u.Dockerfile", &format!("RUN echo {unique} > /tmp/unique\n"));
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

const WORD: &str = "echo $WORD > {{ out }}/a/word";

/// The line that says what a build came to.
fn summary(stderr: &str) -> &str {
    stderr.lines().find(|line| line.starts_with("built ")).unwrap_or_else(|| panic!("no summary:\n{stderr}"))
}

#[test]
fn a_remote_builder_s_image_is_loaded_and_known_again() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine, ("remote", engine.busybox(), ""), WORD);
    let dial = Dial::start(&engine, sandbox.root());
    let builders = sandbox.root().join("builders").to_string_lossy().into_owned();
    let here = |program: Program<'_>| program.env("BUILDX_CONFIG", &builders).succeeds();
    here(sandbox.program("docker", ["buildx", "create", "--name", "far", "--driver", "remote", &dial.address()]));
    engine.remove_image("deps-test/remote:latest");
    let first = here(sandbox.deps(["build", "--builder", "far"]));
    assert!(summary(&first.stderr()).contains(", 0 cached (0 %), "), "{first}");
    assert_eq!(engine.run_image("deps-test/remote:latest", &["cat", "/opt/mine/word"]), "built\n");
    let again = here(sandbox.deps(["build", "--builder", "far"]));
    assert!(again.stderr().starts_with("deps-test/remote:latest is up to date (plan key "), "{again}");
    assert_eq!(again.stdout(), first.stdout());
    // The plan is told of the builder, and of the arguments.
    let plan = here(sandbox.deps(["plan", "--builder", "far"])).stdout();
    assert!(plan.contains(" 0 to run, "), "{plan}");
    let plan = here(sandbox.deps(["plan"])).stdout();
    assert!(plan.contains(" first build on this engine"), "{plan}");
    let plan = here(sandbox.deps(["plan", "--builder", "far", "--build-arg", "WORD=other"])).stdout();
    assert!(plan.contains("(build argument changed: WORD)") && !plan.contains(" 0 to run, "), "{plan}");
    let run = here(sandbox.deps(["build", "--builder", "far", "--build-arg", "WORD=other"]));
    assert!(summary(&run.stderr()).ends_with("s, as predicted"), "{run}");
}

#[test]
fn buildctl_builds_with_a_buildkitd_alone() {
    let Some(engine) = Engine::twin() else { return };
    if !happens_to_be_installed("buildctl") {
        return;
    }
    let sandbox = project(&engine, ("buildctl", engine.busybox(), ""), WORD);
    sandbox.edit("mine/b.Dockerfile", "RUN mkdir", "RUN --mount=type=cache,id=deps-test-buildctl,target=/kept mkdir");
    let dial = Dial::start(&engine, sandbox.root());
    let build = |arguments: &[&str]| {
        let build = ["build", "--engine", "buildctl"].iter().chain(arguments).copied();
        sandbox.deps(build).env("BUILDKIT_HOST", &dial.address()).succeeds()
    };
    let first = build(&[]);
    assert!(summary(&first.stderr()).contains(", 0 cached (0 %), "), "{first}");
    assert!(first.stderr().contains("warning: the image is in the cache of BuildKit only"), "{first}");
    let archive = ["--output", "type=docker,dest=../image.tar"];
    let second = build(&archive);
    assert!(summary(&second.stderr()).contains(" (100 %), 0 run, "), "{second}");
    engine.docker(["load", "--input", &sandbox.root().join("image.tar").to_string_lossy()]);
    assert_eq!(engine.run_image("deps-test/buildctl:latest", &["cat", "/opt/mine/word"]), "built\n");
    sandbox.edit("mine/b.Dockerfile", "echo $WORD", "exit 9; echo");
    let failed = sandbox.deps(["build", "--engine", "buildctl"]).env("BUILDKIT_HOST", &dial.address()).exits(1);
    assert!(failed.stderr().contains("stage `mine-builder` of extension `mine` failed: it exited with status 9"));
    let cache = |arguments: &[&str]| {
        let cache = ["cache", "engine"].iter().chain(arguments).chain(&["--engine", "buildctl"]).copied();
        sandbox.deps(cache).env("BUILDKIT_HOST", &dial.address())
    };
    let listed = cache(&["ls"]).succeeds().stdout();
    assert!(listed.lines().any(|line| line.starts_with("deps-test-buildctl ")), "{listed}");
    cache(&["prune", "--mounts", "deps-test-buildctl"]).succeeds();
    let listed = cache(&["ls"]).succeeds().stdout();
    assert!(!listed.contains("deps-test-buildctl"), "{listed}");
}

#[test]
fn what_only_docker_has_is_refused_for_buildctl() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nname = \"x\"\nbase = \"scratch\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["run", "--engine", "buildctl"]).exits(2).stderr_is(str![[r#"
error: `buildctl` has no image store to start containers from: that takes Docker
hint: leave out `--engine`; `deps build --engine buildctl --push` leaves the image where Docker can pull it

"#]]);
    sandbox.deps(["cache", "engine", "ls", "--engine=buildctl", "--builder=x"]).exits(2).stderr_is(str![[r#"
error: `buildctl` cannot choose a builder: that takes buildx
hint: `BUILDKIT_HOST` says which buildkitd is asked

"#]]);
    sandbox.deps(["cache", "engine", "ls", "--engine=buildctl"]).env("PATH", "/nowhere").exits(5).stderr_is(str![[
        r#"
error: cannot ask `buildctl`: No such file or directory (os error 2)
hint: install `buildctl`

"#
    ]]);
    sandbox.deps(["build", "--engine", "buildctl"]).env("PATH", "/nowhere").exits(5).stderr_is(str![[r#"
error: no engine to build with
  `buildctl`: no `buildctl` in PATH
hint: install Docker with buildx and start it, set `DOCKER_HOST`, or install `buildctl` and set `BUILDKIT_HOST`; `deps lock`, `fetch`, `plan` and `dockerfile` work without

"#]]);
}

#[test]
fn a_folder_of_this_machine_fills_cache_mounts_and_enters_no_key() {
    let Some(engine) = Engine::twin() else { return };
    // Steps that could call pip have its cache, root's and the user's.
    let pip = "if false; then pip install nothing==1; fi";
    let look = format!("(cd /root/.cache/pip && cat $NAME/sub/wheel; ls -A $NAME) > {{{{ out }}}}/a/seen; {pip}");
    let sandbox = project(&engine, ("offered", engine.base(), "user = \"*\"\n"), "true");
    let name = sandbox.root().file_name().expect("a name").to_string_lossy().into_owned();
    sandbox.write("mine/b.Dockerfile", &format!("RUN mkdir -p {{{{ out }}}}/a && {}\n", look.replace("$NAME", &name)));
    let own =
        format!("RUN cd ~/.cache/pip/{name}/sub && stat -c '%U %G %s' . wheel > ~/seen && echo x > more; {pip}\n");
    sandbox.write("mine/u.Dockerfile", &own);
    sandbox.write(&format!("wheels/{name}/sub/wheel"), "a wheel\n");
    sandbox.write(&format!("wheels/{name}/kept"), "kept\n");
    for (link, to) in [("inside", "kept"), ("outside", "/etc/passwd"), ("above", "../../deps.toml")] {
        let link = sandbox.path(&format!("wheels/{name}/{link}"));
        std::os::unix::fs::symlink(to, link).expect("the sandbox is writable");
    }
    let before = sandbox.deps(["plan"]).succeeds().stdout();
    let offered = ["--cache-dir", "pip-cache=wheels", "--cache-dir", "pip-cache-dev=wheels"];
    let build = |more: &[&str]| sandbox.deps([&["build", "--no-skip"], more].concat()).succeeds();
    let run = build(&offered);
    assert!(run.stderr().contains("6 files copied into cache mounts\n"), "{run}");
    assert!(summary(&run.stderr()).ends_with("s, as predicted"), "{run}");
    let look = "cat /opt/mine/seen ~/seen; find / -xdev -name wheel 2>/dev/null || true";
    let shown = engine.run_image("deps-test/offered:latest", &["sh", "-c", look]);
    assert_eq!(shown, "a wheel\ninside\nkept\nsub\ndev dev 4096\ndev dev 8\n");
    assert_eq!(sandbox.deps(["plan"]).succeeds().stdout().lines().last(), before.lines().last(), "the plan's key");
    // What the mount has is never replaced, and the folder is only read.
    sandbox.write(&format!("wheels/{name}/kept"), "other\n");
    sandbox.write(&format!("wheels/{name}/new"), "new\n");
    let again = build(&offered);
    assert!(again.stderr().contains("2 files copied into cache mounts\n"), "{again}");
    let without = build(&[]);
    for run in [&again, &without] {
        assert!(summary(&run.stderr()).contains(" (100 %), 0 run, "), "{run}");
    }
    assert_eq!(again.stdout(), without.stdout(), "the same image");
    assert!(!sandbox.has(&format!("wheels/{name}/sub/more")));
}

#[test]
fn a_cache_mount_that_no_step_has_is_named_with_those_that_there_are() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nname = \"x\"\nbase = \"scratch\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--cache-dir", "pip-cache=."]).exits(2).stderr_is(str![[r#"
error: `--cache-dir`: no step has a cache mount `pip-cache`
hint: no step has a cache mount

"#]]);
    let base = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    sandbox.deps_toml(&format!("[project]\nname = \"x\"\nbase = \"{base}\"\n[extensions]\njq = \"*\"\n"));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--cache-dir", "go=.", "--cache-dir", "apt-cache-debian=no-folder"]).exits(2).stderr_is(
        str![[r#"
error: `--cache-dir`: no step has a cache mount `go`
hint: there are `apt-cache-debian-12`, `apt-lists-debian-12`

error: `--cache-dir`: no step has a cache mount `apt-cache-debian`
hint: did you mean `apt-cache-debian-12`?

"#]],
    );
    sandbox.deps(["build", "--cache-dir", "pip-cache"]).exits(2);
}
