//! `deps build`: a real engine builds the plan. Needs an engine; `make test` brings one.

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A sandbox whose programs see the engine, and whose registries need the host's CA bundle.
fn sandbox(engine: &Engine) -> Sandbox {
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox
}

/// `built p:x: 12 steps, 3 cached (25 %), 9 run` → (cached, run).
fn counts(stderr: &str) -> (usize, usize) {
    let line =
        stderr.lines().find(|line| line.starts_with("built ")).unwrap_or_else(|| panic!("no summary:\n{stderr}"));
    let number = |word: &str| {
        let before = line.split(&format!(" {word}")).next().expect("the line has the word");
        before
            .rsplit(' ')
            .next()
            .expect("a number")
            .parse()
            .unwrap_or_else(|_| panic!("no number before `{word}`: {line}"))
    };
    (number("cached"), number("run"))
}

#[test]
fn a_frozen_build_makes_an_image_that_runs() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    let first = sandbox.git("nav2").file("package.xml", "<package><name>nav2</name></package>").tag("1.2.0").commit();
    sandbox.git("nav2").file("package.xml", "moved").commit();
    sandbox.git("msgs").executable("run.sh", "#!/bin/sh\necho ran\n").commit();
    let setup = "from setuptools import setup\nsetup(name='hello', version='1.0', packages=['hello'])\n";
    let hello = sandbox.git("hello").file("setup.py", setup).file("hello/__init__.py", "");
    hello.file("hello/__main__.py", "print('hello from colcon')\n").commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"whole\"\nbase = \"{base}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [extensions]\nccache = \"*\"\ncolcon = \"*\"\ncurl = \"*\"\ngit = \"*\"\nnpm = \"*\"\nuv = \"*\"\nuser = \"*\"\n\n\
         [build]\nca-certificates = true\n",
        base = engine.base()
    ));
    sandbox.manifest(
        "repositories:\n  core/nav2: { type: git, url: https://git.example/nav2.git, version: 1.2.0 }\n  \
         msgs: { type: git, url: https://git.example/msgs.git, version: main }\n  \
         hello: { type: git, url: https://git.example/hello.git }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/whole"]).succeeds();
    let shown = |command: &[&str]| engine.run_image("deps-test/whole", command);
    assert_eq!(shown(&["cat", "/ws/src/core/nav2/package.xml"]), "<package><name>nav2</name></package>");
    assert_eq!(shown(&["/ws/src/msgs/run.sh"]), "ran\n");
    assert_eq!(shown(&["id", "-un"]).trim(), "dev");
    for (command, expected) in [
        (vec!["ccache", "--version"], "ccache version"),
        (vec!["curl", "--version"], "curl "),
        (vec!["git", "--version"], "git version"),
        (vec!["git", "lfs", "version"], "git-lfs/"),
        (vec!["node", "--version"], "v"),
        (vec!["npm", "--version"], "."),
        (vec!["uv", "--version"], "uv "),
        (vec!["colcon", "--help"], "colcon"),
    ] {
        let output = shown(&command);
        assert!(output.contains(expected), "{command:?} printed {output:?}");
    }
    // colcon builds a package of the workspace, as the image's user.
    let build = "set -e; mkdir /tmp/w && cd /tmp/w && colcon build --base-paths /ws/src/hello >/dev/null 2>&1 || cat log/latest/*.log; \
                 . install/setup.sh && python3 -m hello";
    assert_eq!(shown(&["sh", "-c", build]), "hello from colcon\n");
    // The CA bundle was in no layer.
    assert_eq!(shown(&["sh", "-c", "ls /run/deps /run/secrets 2>/dev/null | wc -l"]).trim(), "0");
    let label = engine.docker(["inspect", "--format", "{{index .Config.Labels \"deps.plan-key\"}}", "deps-test/whole"]);
    let plan = sandbox.deps(["plan"]).succeeds().stdout();
    assert!(plan.contains(label.trim()), "{label} is not the key of\n{plan}");
    let again = sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/whole"]).succeeds()
    });
    assert_eq!(counts(&again.stderr()).1, 0, "{again}");
    assert!(first.len() == 40);
}

#[test]
fn who_builds_is_a_build_argument_and_their_home_stays_theirs() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    sandbox.git("dots").file("profile", "mine").commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"home\"\nbase = \"{}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/home/ada/src\"\n\n\
         [extensions]\nuser = \"*\"\n",
        engine.base()
    ));
    sandbox.manifest("repositories:\n  dots: { type: git, url: https://git.example/dots.git }\n");
    let text = sandbox.deps(["lock"]).succeeds();
    assert!(text.stderr().contains("wrote deps.lock"));
    let arguments =
        ["--build-arg", "DEPS_USER_NAME=ada", "--build-arg", "DEPS_USER_UID=1234", "--build-arg", "DEPS_USER_GID=1234"];
    sandbox.deps(["build", "-t", "deps-test/home"].into_iter().chain(arguments)).succeeds();
    let shown = engine.run_image(
        "deps-test/home",
        &["sh", "-c", "id -un; id -u; pwd; stat -c %U /home /home/ada; cat src/dots/profile"],
    );
    assert_eq!(shown, "ada\n1234\n/home/ada\nroot\nada\nmine");
    let shadow = engine.docker(["run", "--rm", "--user=root", "deps-test/home", "grep", "^ada:", "/etc/shadow"]);
    assert_eq!(shadow.split(':').nth(2), Some("3652"), "1980-01-01 is day 3652, whenever the step runs: {shadow}");
}

#[test]
fn the_caches_of_the_image_s_user_are_the_user_s_and_stay() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    let unique = sandbox.root().to_string_lossy().replace('/', "-");
    sandbox.deps_toml(&format!(
        "[project]\nname = \"caches\"\nbase = \"{}\"\n[extensions]\nuser = \"*\"\nmine = {{ path = \"mine\" }}\n",
        engine.base()
    ));
    sandbox.write(
        "mine/extension.toml",
        "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"x\"\nafter = [\"user\"]\n[user]\nsnippet = \"user.Dockerfile\"\n",
    );
    let build = |command: &str| {
        // What calls pip has pip's cache, whether there is a pip or not.
        let step = format!("RUN {command} && if false; then pip install nothing==1.0; fi\n");
        sandbox.write("mine/user.Dockerfile", &step);
        sandbox.deps(["build", "-t", "deps-test/caches"]).succeeds();
    };
    build(&format!("echo kept > ~/.cache/pip/{unique} && touch ~/.cache/other"));
    build(&format!("test $(cat ~/.cache/pip/{unique}) = kept"));
    let shown = engine.run_image("deps-test/caches", &["sh", "-c", "ls -A ~/.cache/pip; stat -c %U ~/.cache; id -un"]);
    assert_eq!(shown, "dev\ndev\n", "the cache is no part of the image");
}

#[test]
fn a_second_build_is_all_cached_and_a_bumped_repository_reruns_its_own_copies_only() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    // The engine keeps its cache between runs of the tests: a file that is new each time makes all commits new.
    let unique = sandbox.root().to_string_lossy().into_owned();
    for name in ["a", "b", "c", "d"] {
        sandbox.git(name).file("f", "1").file("unique", &format!("{name} {unique}")).tag("1.0.0").commit();
        sandbox.git(name).file("f", "2").tag("1.1.0").commit();
    }
    let entry = |name| format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: 1.0.0 }}\n");
    sandbox.deps_toml(&format!(
        "[project]\nname = \"small\"\nbase = \"{}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n",
        engine.busybox()
    ));
    sandbox.manifest(&format!("repositories:\n{}", ["a", "b", "c", "d"].map(entry).concat()));
    sandbox.deps(["build", "--no-skip", "-t", "deps-test/small"]).succeeds();
    let again = sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/small"]).succeeds();
    let (cached, run) = counts(&again.stderr());
    assert!(run == 0 && cached >= 8, "{again}");
    assert!(again.stderr().contains(" … CACHED\n"), "{again}");
    sandbox.edit("underlay.repos", "c.git, version: 1.0.0", "c.git, version: 1.1.0");
    let bumped = sandbox.deps(["build", "--no-skip", "-t", "deps-test/small"]).succeeds();
    let copies = bumped.stderr().lines().filter(|line| line.contains("ADD archives/") && line.contains("done")).count();
    assert_eq!(copies, 1, "{bumped}");
    assert_eq!(engine.run_image("deps-test/small", &["cat", "/ws/src/c/f", "/ws/src/a/f"]), "21");
}

#[test]
fn the_image_has_of_a_checkout_what_git_has() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    let long = format!("{}/{}", "folder".repeat(16), "file".repeat(30));
    let repository = sandbox.git("a").file("a/b c", "text\n").file("leer é", "").file(&long, "long\n");
    repository
        .executable("run", "#!/bin/sh\necho ran\n")
        .symlink("latest", "a/b c")
        .symlink("gone", "/no/where")
        .commit();
    sandbox.write(
        "underlay.repos",
        "repositories:\n  x/a: { type: git, url: https://git.example/a.git, version: main }\n",
    );
    sandbox.deps_toml(&format!(
        "[project]\nname = \"whole\"\nbase = \"{}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n",
        engine.busybox()
    ));
    sandbox.deps(["build", "-t", "deps-test/files"]).succeeds();
    let shown = engine.run_image(
        "deps-test/files",
        &[
            "sh",
            "-c",
            "cd /ws/src; find x/a -mindepth 1 -exec stat -c '%a %u:%g %Y %n' {} + | sort -k4; cd x/a; ./run; cat latest f*/f*",
        ],
    );
    // The folder itself has the time of the build, as those above it.
    let folder = long.split('/').next().expect("it has a folder");
    let entries = [
        (755, "x/a/a"),
        (644, "x/a/a/b c"),
        (755, &format!("x/a/{folder}")),
        (644, &format!("x/a/{long}")),
        (777, "x/a/gone"),
        (777, "x/a/latest"),
        (644, "x/a/leer é"),
        (755, "x/a/run"),
    ];
    let listed: String = entries.map(|(mode, path)| format!("{mode} 0:0 315532800 {path}\n")).concat();
    assert_eq!(shown, format!("{listed}ran\ntext\nlong\n"));
}

#[test]
fn a_failing_step_shows_its_log_and_the_line_of_the_snippet() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    sandbox.deps_toml(&format!(
        "[project]\nname = \"broken\"\nbase = \"{}\"\n\n[extensions]\nmine = {{ path = \"extensions/mine\" }}\n",
        engine.busybox()
    ));
    sandbox.write(
        "extensions/mine/extension.toml",
        "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"Mine\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{ from = \"bin/\", to = \"/opt/mine/\" }]\n",
    );
    sandbox.write("extensions/mine/b.Dockerfile", "RUN mkdir -p {{ out }}/bin\n\nRUN echo almost there && exit 7\n");
    let run = sandbox.deps(["build"]).exits(1);
    let stderr = run.stderr();
    assert!(stderr.contains("stage `mine-builder` of extension `mine` failed: it exited with status 7"), "{run}");
    assert!(stderr.contains("almost there") && stderr.contains("--> extensions/mine/b.Dockerfile:3:1"), "{run}");
    assert!(stderr.contains("… failed"), "{run}");
    sandbox.deps(["build", "--stage", "mine-bilder"]).exits(2).stderr_is(str![[r#"
error: there is no stage `mine-bilder`
hint: did you mean `mine-builder`?

"#]]);
}

#[test]
fn flags_reach_the_engine() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    sandbox.deps_toml(&format!(
        "[project]\nname = \"flags\"\nbase = \"{}\"\n\n[extensions]\nmine = {{ path = \"mine\" }}\n",
        engine.busybox()
    ));
    sandbox.write(
        "mine/extension.toml",
        "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"Mine\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\ncopy = [{ from = \"a/\", to = \"/opt/mine/\" }]\n",
    );
    sandbox.write(
        "mine/b.Dockerfile",
        "ARG WORD=default\nRUN mkdir -p {{ out }}/a && echo \"$WORD\" > {{ out }}/a/word\n",
    );
    let pushed = format!("{}/deps-test/flags:1", engine.registry());
    sandbox
        .deps(["build", "-t", "deps-test/flags:1", "--build-arg", "WORD=given", "--platform", "linux/amd64"])
        .succeeds();
    assert_eq!(engine.run_image("deps-test/flags:1", &["cat", "/opt/mine/word"]), "given\n");
    let again =
        sandbox.deps(["build", "-t", "deps-test/flags:1", "--build-arg", "WORD=given", "--no-cache"]).succeeds();
    assert!(counts(&again.stderr()).1 > 0, "{again}");
    sandbox.deps(["build", "-t", &pushed, "--push"]).succeeds();
    assert!(engine.docker(["buildx", "imagetools", "inspect", &pushed]).contains("sha256:"));
    sandbox.deps(["build", "--stage", "mine-builder", "-t", "deps-test/flags:stage"]).succeeds();
    assert_eq!(engine.run_image("deps-test/flags:stage", &["cat", "/opt/deps/mine/a/word"]), "default\n");
}

#[test]
fn plain_docker_without_buildx_builds_too() {
    let Some(engine) = Engine::required() else { return };
    let Some(old) = engine.old() else { return };
    let mut environment = engine.environment();
    // The old client, which has BuildKit built in and no buildx, on the new engine.
    let old_path = old.environment().into_iter().find(|(name, _)| name == "PATH").expect("the old engine has a PATH").1;
    environment.iter_mut().filter(|(name, _)| name == "PATH").for_each(|(_, path)| *path = old_path.clone());
    let sandbox = Sandbox::with_environment(environment);
    sandbox.deps_toml(&format!("[project]\nname = \"plain\"\nbase = \"{}\"\n", engine.busybox()));
    sandbox.git("x").file("a", "1").commit();
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--engine", "docker", "-t", "deps-test/plain"]).succeeds();
    let run = sandbox.deps(["build", "--engine", "docker", "--push"]).exits(2);
    assert!(run.stderr().contains("buildx"), "{run}");
}

#[test]
fn an_engine_that_is_too_old_is_told_what_it_lacks() {
    let Some(engine) = Engine::required() else { return };
    let Some(old) = engine.old() else { return };
    let sandbox = Sandbox::with_environment(old.environment());
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n");
    sandbox.deps(["lock"]).succeeds();
    let run = sandbox.deps(["build", "--frozen"]).exits(5);
    assert!(run.stderr().contains("too old: it lacks `COPY --link`"), "{run}");
}

#[test]
fn without_an_engine_the_message_says_what_was_looked_for() {
    let sandbox = Sandbox::with_environment(vec![("PATH".to_owned(), "/nonexistent".to_owned())]);
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["plan"]).succeeds();
    sandbox.deps(["build", "--frozen"]).exits(5).stderr_is(str![[r#"
error: no engine to build with
  `docker buildx`: no `docker` in PATH
  `docker build`: no `docker` in PATH
  `buildctl`: no `buildctl` in PATH
hint: install Docker with buildx and start it, set `DOCKER_HOST`, or install `buildctl` and set `BUILDKIT_HOST`; `deps lock`, `fetch`, `plan` and `dockerfile` work without

"#]]);
}

#[test]
fn the_file_of_the_platform_is_the_one_that_is_mounted() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = sandbox(&engine);
    for arch in ["amd64", "arm64"] {
        sandbox.serve(&format!("tool-{arch}"), format!("#!/bin/sh\necho made for {arch}\n").as_bytes());
    }
    sandbox.deps_toml(&format!(
        "[project]\nname = \"files\"\nbase = \"{}\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n\n\
         [extensions]\ntool = {{ path = \"tool\" }}\n",
        engine.base()
    ));
    sandbox.write(
        "tool/extension.toml",
        "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\n\n[inputs.program]\n\
         url = \"$GIT/files/tool-{{ arch }}\"\nexecutable = true\n\n[builder]\nsnippet = \"b.Dockerfile\"\n\
         network = \"none\"\ncopy = [{ from = \"bin/\", to = \"/usr/local/bin/\" }]\n",
    );
    sandbox.write("tool/b.Dockerfile", "RUN install -D -m 755 /deps/in/program/* {{ out }}/bin/tool\n");
    sandbox.deps(["lock"]).succeeds();
    let own = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let platform = format!("linux/{own}");
    sandbox.deps(["build", "--frozen", "--platform", &platform, "-t", "deps-test/files"]).succeeds();
    assert_eq!(engine.run_image("deps-test/files", &["tool"]), format!("made for {own}\n"));
}
