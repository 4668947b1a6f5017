//! Caches outside the engine, other builders, and what programs learn of a build. Most need an engine; `make test` brings one.

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use serde_json::Value;
use snapbox::str;

/// A project with a builder and a repository that no engine and no cache has had before.
fn project(sandbox: &Sandbox, engine: &Engine) {
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let unique = sandbox.root().to_string_lossy().into_owned();
    sandbox.git("a").file("f", &unique).commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"caching\"\nbase = \"{}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [extensions]\nmine = {{ path = \"mine\" }}\n",
        engine.busybox()
    ));
    sandbox.manifest("repositories:\n  a: { type: git, url: https://git.example/a.git }\n");
    sandbox.write(
        "mine/extension.toml",
        "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"Mine\"\n\n\
         [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{ from = \"bin/\", to = \"/opt/mine/\" }]\n",
    );
    sandbox.write(
        "mine/b.Dockerfile",
        &format!("RUN mkdir -p {{{{ out }}}}/bin && echo {unique} > {{{{ out }}}}/bin/f\n"),
    );
}

/// The line that says what a build came to.
fn summary(stderr: &str) -> &str {
    stderr.lines().find(|line| line.starts_with("built ")).unwrap_or_else(|| panic!("no summary:\n{stderr}"))
}

/// The last part of the sandbox's folder: a name that is new each time.
fn unique(sandbox: &Sandbox) -> String {
    let root = sandbox.root().to_string_lossy().to_lowercase();
    root.rsplit(['-', '/', '.']).next().expect("a suffix").to_owned()
}

#[test]
fn flags_that_name_no_cache_or_builder_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nname = \"x\"\nbase = \"scratch\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--cache-to=-push"]).exits(2).stderr_is(str![[r#"
error: `--cache-to`: a cache is empty or looks like an option
hint: write `ghcr.io/acme/cache`, or `type=local,dest=FOLDER` as for `docker buildx build`

"#]]);
    sandbox.deps(["build", "--cache-from", "ref=secret"]).exits(2).stderr_is(str![[r#"
error: `--cache-from`: a cache of several fields must have a `type`
hint: write `ghcr.io/acme/cache`, or `type=local,dest=FOLDER` as for `docker buildx build`

"#]]);
    sandbox.deps(["build", "--builder=--push"]).exits(2).stderr_is(str![[r#"
error: invalid value '--push' for '--builder <NAME>': the name of a builder is [A-Za-z0-9][A-Za-z0-9_.+-]*

For more information, try '--help'.

"#]]);
}

#[test]
fn a_cache_in_deps_toml_that_is_none_is_shown_in_its_line() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(
        "[project]\nname = \"x\"\nbase = \"scratch\"\n[build]\ncache-from = [\"ghcr.io/acme/cache\"]\ncache-to = [\"src=x\"]\n",
    );
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: a cache of several fields must have a `type`
 --> deps.toml:6:13
  |
6 | cache-to = ["src=x"]
  |             ^^^^^^^

"#]]);
}

#[test]
fn a_cache_that_cannot_be_left_elsewhere_fails_no_build() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    project(&sandbox, &engine);
    // Nobody listens there.
    let run = sandbox.deps(["build", "--cache-to", "127.0.0.1:1/none", "--cache-from", "127.0.0.1:1/none"]).succeeds();
    let stderr = run.stderr();
    assert!(stderr.contains("warning: the build cache was not left elsewhere: "), "{run}");
    assert!(stderr.contains("warning: the build cache was not taken from elsewhere: "), "{run}");
    // Where the engine fails because of it, all the same; and where it never begins.
    let strict = "type=registry,ref=127.0.0.1:1/none,ignore-error=false";
    let run = sandbox.deps(["build", "--cache-to", strict]).succeeds();
    assert!(run.stderr().contains("warning: the build cache was not left elsewhere: "), "{run}");
    assert!(summary(&run.stderr()).contains(", 0 run, "), "{run}");
    sandbox.write("file", "");
    let run = sandbox.deps(["build", "--cache-to", "type=local,dest=file/cache"]).succeeds();
    assert!(run.stderr().contains("warning: building without leaving the build cache elsewhere: "), "{run}");
    // A failure of another kind is one.
    sandbox.write("mine/b.Dockerfile", "RUN exit 9\n");
    let run = sandbox.deps(["build", "--cache-to", "127.0.0.1:1/none"]).exits(1);
    assert!(run.stderr().contains("it exited with status 9"), "{run}");
}

#[test]
fn a_builder_that_is_not_there_is_named() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    project(&sandbox, &engine);
    let run = sandbox.deps(["build", "--engine", "buildx", "--builder", "no-such-builder"]).exits(5);
    assert!(run.stderr().contains("no-such-builder"), "{run}");
    sandbox.deps(["build", "--builder", "default"]).succeeds();
    // The same builder by its variable is the same engine: everything is known.
    let run = sandbox.deps(["build", "--no-skip"]).env("BUILDX_BUILDER", "default").succeeds();
    assert!(summary(&run.stderr()).ends_with("s, as predicted"), "{run}");
}

#[test]
fn a_second_engine_with_the_registry_s_cache_runs_nothing_again() {
    let Some(engine) = Engine::twin() else { return };
    let Some(second) = engine.second() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    project(&sandbox, &engine);
    let cache = format!("{}/deps-test/cache-{}", engine.registry(), unique(&sandbox));
    let first = sandbox.deps(["build", "--cache-to", &cache]).succeeds();
    assert!(!first.stderr().contains("warning"), "{first}");
    // Another machine has another store and another engine, and the same project.
    let store = sandbox.path("other-store").to_string_lossy().into_owned();
    let there = |arguments: &[&str]| {
        let mut program = sandbox.deps(arguments).env("DEPS_STORE", &store);
        for (name, value) in second.engine.environment() {
            program = program.env(&name, &value);
        }
        program.succeeds()
    };
    let run = there(&["build", "--frozen", "--no-skip", "--cache-from", &cache]);
    assert!(summary(&run.stderr()).contains(" (100 %), 0 run, "), "{run}");
    let image = second.engine.docker(["create", "caching:latest", "x"]);
    second.engine.docker(["cp", &format!("{}:/opt/mine/f", image.trim()), &sandbox.path("f").to_string_lossy()]);
    assert_eq!(sandbox.read("f").trim(), sandbox.root().to_string_lossy(), "the cached results are the real ones");
}

#[test]
fn programs_learn_of_every_step_and_of_the_end() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    project(&sandbox, &engine);
    let schema: Value = serde_json::from_str(&sandbox.deps(["schema", "progress"]).succeeds().stdout()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let events = |stderr: &str| -> Vec<Value> {
        let events: Vec<Value> = stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(events.iter().all(|event| validator.is_valid(event)), "{events:#?}");
        events
    };
    let run = sandbox.deps(["build", "--no-skip", "--progress", "json"]).succeeds();
    let all = events(&run.stderr());
    let last = all.last().expect("events");
    assert_eq!((last["event"].as_str(), last["image"].as_str()), (Some("built"), Some(run.stdout().trim())));
    let count = |name: &str| all.iter().filter(|event| event["event"] == name).count();
    assert_eq!(
        (count("finished"), count("started")),
        (last["run"].as_u64().unwrap() as usize, count("finished")),
        "{run}"
    );
    assert!(all.iter().filter(|event| event["event"] == "finished").all(|event| event["seconds"].is_f64()), "{run}");
    // With --quiet there is nothing else on stderr.
    let run = sandbox.deps(["build", "--no-skip", "--progress", "json", "--quiet"]).succeeds();
    let all = events(&run.stderr());
    assert_eq!(all.len(), run.stderr().lines().count(), "{run}");
    assert!(all.iter().all(|event| event["event"] == "built" || event["state"] == "cached"), "{run}");
    sandbox.write("mine/b.Dockerfile", "RUN exit 9\n");
    let run = sandbox.deps(["build", "--no-skip", "--progress", "json"]).exits(1);
    let all = events(&run.stderr());
    let last = all.last().expect("events");
    assert_eq!((last["event"].as_str(), last["exit_code"].as_u64()), (Some("failed"), Some(9)), "{run}");
}

#[test]
fn what_the_engine_holds_is_shown_and_removed_by_name() {
    let Some(engine) = Engine::twin() else { return };
    let Some(second) = engine.second() else { return };
    let sandbox = Sandbox::with_environment(second.engine.environment());
    project(&sandbox, &engine);
    // Steps that could call these have their caches.
    sandbox.write(
        "mine/b.Dockerfile",
        "RUN mkdir -p {{ out }}/bin && if false; then pip install x==1; fi\n\
         RUN head -c 3000000 /dev/zero > /go/pkg/mod/x && if false; then go get x; fi\n",
    );
    sandbox.deps(["build", "--no-skip"]).succeeds();
    let ids = || {
        let shown: Value =
            serde_json::from_str(&sandbox.deps(["cache", "engine", "ls", "--json"]).succeeds().stdout()).unwrap();
        let mounts = shown["mounts"].as_array().expect("mounts");
        mounts.iter().map(|mount| mount["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(), ["go-build", "go-mod", "pip-cache"]);
    sandbox.deps(["cache", "engine", "prune", "--mounts", "go-mood"]).exits(2).stderr_is(str![[r#"
error: the engine has no cache mount `go-mood`
hint: did you mean `go-mod`?

"#]]);
    let removed = sandbox.deps(["cache", "engine", "prune", "--mounts", "go-mod", "--dry-run"]).succeeds();
    assert!(removed.stdout().ends_with("would remove 1 cache mount: 2.87 MiB\n"), "{removed}");
    assert_eq!(ids(), ["go-build", "go-mod", "pip-cache"]);
    let removed = sandbox.deps(["cache", "engine", "prune", "--mounts", "go-mod"]).succeeds();
    assert!(removed.stdout().ends_with("removed 1 cache mount: 2.87 MiB\n"), "{removed}");
    assert_eq!(ids(), ["go-build", "pip-cache"]);
    let run = sandbox.deps(["build", "--no-skip"]).succeeds();
    assert!(summary(&run.stderr()).contains(" (100 %), 0 run, "), "cached results need no cache mount: {run}");
    sandbox.deps(["cache", "engine", "prune", "--all"]).succeeds();
    let empty = sandbox.deps(["cache", "engine", "ls"]).succeeds().stdout();
    assert!(empty.starts_with("0 cache mounts and "), "{empty}");
}

#[test]
fn a_build_leaves_a_page_that_stands_alone() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    project(&sandbox, &engine);
    sandbox.deps(["build", "--report", "page.html"]).succeeds();
    let page = || sandbox.read("page.html");
    let first = page();
    assert!(!first.contains("<script") && !first.contains(" src=") && !first.contains(" href="), "{first}");
    assert!(first.contains("<svg ") && first.contains("<h3>mine-builder</h3>"), "{first}");
    assert!(first.contains("<td>run: first build on this engine</td><td><span class=\"bar\" "), "{first}");
    assert!(first.contains("<tr><td>repository a</td><td><pre>HEAD "), "{first}");
    assert!(first.contains("<tr><td>snippet mine/b.Dockerfile</td>"), "{first}");
    sandbox.deps(["build", "--report", "page.html"]).succeeds();
    let second = page();
    assert!(second.contains("<td>cached</td><td>cached</td>") && !second.contains("otherwise\">"), "{second}");
    sandbox.deps(["build", "--report", "page.html"]).succeeds();
    let without_times =
        |text: &str| -> String { text.lines().filter(|line| !line.starts_with("<p>built: ")).collect() };
    assert_eq!(without_times(&page()), without_times(&second));
    sandbox.write("mine/b.Dockerfile", "RUN exit '9'\n");
    sandbox.deps(["build", "--report", "page.html"]).exits(1);
    assert!(page().contains("<td>failed</td>") && page().contains("RUN exit &#39;9&#39;"), "{}", page());
}

#[test]
fn on_a_terminal_a_running_step_has_a_line_with_its_seconds() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    project(&sandbox, &engine);
    let unique = unique(&sandbox);
    sandbox.write("mine/b.Dockerfile", &format!("RUN mkdir -p {{{{ out }}}}/bin && sleep 2 && echo {unique}\n"));
    sandbox.deps(["lock"]).succeeds();
    let command = format!("stty cols 120 rows 24; {} build --no-skip", env!("CARGO_BIN_EXE_deps-cli"));
    let run = sandbox.program("script", ["-qec", &command, "/dev/null"]).env("TERM", "xterm").succeeds();
    let text = run.stdout();
    let running = |line: &str| line.contains("  mine-builder: RUN ") && line.contains("  1s");
    assert!(text.split(['\n', '\r']).any(running), "{run}");
    // A terminal that cannot move its cursor has plain lines.
    let run = sandbox.program("script", ["-qec", &command, "/dev/null"]).env("TERM", "dumb").succeeds();
    assert!(run.stdout().contains(" … ") && run.stdout().contains("CACHED"), "{run}");
}
