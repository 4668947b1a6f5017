//! `sources = "mount"`: a Dockerfile that fetches the pinned commits itself, on machines without `deps`.

use crate::support::apt::passed_on;
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use snapbox::str;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A project whose build fetches the repositories of `underlay.repos`, on `base`.
fn project(sandbox: &Sandbox, base: &str, more: &str) {
    sandbox.deps_toml(&format!(
        "[project]\nname = \"mounted\"\nbase = \"{base}\"\n\n[[manifest]]\npath = \"underlay.repos\"\n\
         dest = \"/ws/src\"\nsources = \"mount\"\n{more}"
    ));
}

#[test]
fn the_dockerfile_names_every_commit_and_needs_no_context() {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("a", "1").tag("1.0").commit();
    sandbox.git("y").file("b", "2").commit();
    project(&sandbox, &format!("debian:12@{DIGEST}"), "submodules = true\n");
    sandbox.manifest("repositories:\n  core/x: { type: git, url: $GIT/x.git, version: 1.0 }\n  \"it's y\": { type: git, url: $GIT/y.git }\n  again: { type: git, url: $GIT/y.git }\n");
    sandbox.deps(["lock"]).succeeds();
    let text = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert!(!text.contains("trees/") && !text.contains("archives/"), "{text}");
    let end: String = text.lines().skip_while(|line| !line.starts_with("get ")).collect::<Vec<_>>().join("\n");
    snapbox::assert_data_eq!(
        sandbox.redacted(&end),
        str![[r#"
get 'core/x' '[GIT]/x.git' 53e03498b16dfb150e7bb2eca48a2c56ac17c4a1
get 'again' '[GIT]/y.git' fda0c3122b11909dfd96e71d36d22bca098e78c9
got
put 'again' '[GIT]/y.git' fda0c3122b11909dfd96e71d36d22bca098e78c9 '/ws/src/again' all content
put 'core/x' '[GIT]/x.git' 53e03498b16dfb150e7bb2eca48a2c56ac17c4a1 '/ws/src/core/x' all content
put 'it'/''s y' '[GIT]/y.git' fda0c3122b11909dfd96e71d36d22bca098e78c9 '/ws/src/it'/''s y' all content
same '/ws/src'
DEPS

# the base with packages and user
FROM debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa AS runtime

# the image
FROM runtime AS final
COPY --link --from=src-main.git /ws/src/ /ws/src/
LABEL deps.plan-key="[..]"
"#]]
    );
    assert!(text.contains("# checkouts: again, core/x, it's y\nFROM apt-"), "{text}");
    sandbox.deps(["plan"]).succeeds().stdout_is(str![[r#"
plan for linux/amd64: 4 stages, 1 pure (25 %)
  09fdf744d3d0  apt-4d05c005  packages: ca-certificates git git-lfs
                              impure: apt over the network
  [..]  src-main.git  checkouts: again, core/x, it's y
                              impure: from `apt-4d05c005`, git over the network
  b2d9e7dafeb8  runtime       the base with packages and user
  [..]  final         the image
                              impure: from `src-main.git`
4 steps, all to run: first build on this engine
image mounted has the plan key [..]

"#]]);
}

#[test]
fn what_the_build_cannot_fetch_itself_is_refused_at_its_line() {
    let sandbox = Sandbox::new();
    project(&sandbox, "scratch", "submodules = { exclude = [\"x/sub\"] }\n");
    sandbox.manifest(
        "repositories:\n  here: { type: git, url: ./here.git }\n  x: { type: git, url: https://git.example/x.git }\n  \
         a: { type: tar, url: https://git.example/a.tar.gz }\n",
    );
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: the build cannot fetch `here` itself, as `sources = "mount"` asks: its url is a path of this machine
 --> underlay.repos:2:27
  |
2 |   here: { type: git, url: ./here.git }
  |                           ^^^^^^^^^^
hint: leave `sources` out: this machine fetches it then, and the build copies it

error: the build cannot fetch `x` itself, as `sources = "mount"` asks: it cannot leave some of its submodules out
 --> underlay.repos:3:24
  |
3 |   x: { type: git, url: https://git.example/x.git }
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^
hint: leave `sources` out: this machine fetches it then, and the build copies it

error: the build cannot fetch `a` itself, as `sources = "mount"` asks: it fetches from git repositories only
 --> underlay.repos:4:24
  |
4 |   a: { type: tar, url: https://git.example/a.tar.gz }
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: leave `sources` out: this machine fetches it then, and the build copies it

"#]]);
    sandbox.manifest("repositories:\n  x: { type: git, url: $GIT/x.git }\n");
    sandbox.git("x").file("a", "1").commit();
    project(&sandbox, "scratch", "");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["plan"]).exits(1).stderr_is(str![[r#"
error: `sources of main` runs commands, but the builder base is `scratch`
hint: set `builder-base` in deps.toml to an image with a shell

"#]]);
}

#[test]
fn a_manifest_without_repositories_has_no_stage() {
    let sandbox = Sandbox::new();
    project(&sandbox, "scratch", "");
    sandbox.manifest("repositories: {}\n");
    sandbox.deps(["lock"]).succeeds();
    assert!(!sandbox.deps(["dockerfile"]).succeeds().stdout().contains("src-"));
}

#[test]
fn the_engine_runs_no_fetch_of_a_commit_that_its_cache_mount_has() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let server = format!("http://{}", passed_on(&engine.gateway(), sandbox.server().port()));
    let x =
        sandbox.git("x").file(".gitattributes", "*.txt text eol=crlf\n").file("a.txt", "1\n").executable("run", "#!\n");
    let first = x.file("odd name", "x").tag("1.0").commit();
    let sub = sandbox.git("sub").file("lib.c", "int x;\n").commit();
    sandbox.git("y").submodule("lib/s", "../sub.git", &sub).commit();
    sandbox.git("empty").commit();
    let entry = |name: &str, version: &str| {
        format!("  core/{name}: {{ type: git, url: {server}/{name}.git, version: {version} }}\n")
    };
    let all = [entry("empty", "main"), entry("x", "1.0"), entry("y", "main")];
    project(&sandbox, engine.base(), "submodules = true\n");
    sandbox.manifest(&format!("repositories:\n{}", all.concat()));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/mounted"]).succeeds();
    let files = |tag: &str| {
        let script =
            "cd /ws/src && find . -printf '%P %y %m %l\\n' | sort && find . -type f | sort | xargs -d '\\n' sha256sum";
        engine.run_image(tag, &["sh", "-c", script])
    };
    let mounted = files("deps-test/mounted");
    sandbox.edit("deps.toml", "sources = \"mount\"\n", "");
    sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/stored"]).succeeds();
    assert_eq!(mounted, files("deps-test/stored"), "the same files, whoever fetched them");
    assert!(mounted.contains("core/y/lib/s/lib.c f 644"), "{mounted}");

    // Whatever the servers have by now, and whether they run: a commit is a commit, and what is not asked for is not there.
    sandbox.edit("deps.toml", "submodules", "sources = \"mount\"\nsubmodules");
    sandbox.git("x").file("a.txt", "moved\n").tag("1.0").commit();
    sandbox.git("z").file("new", "1").commit();
    sandbox.manifest(&format!("repositories:\n{}{}", all[0], all[1]));
    sandbox.deps(["lock"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&first), "the lock keeps what it has");
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/mounted"]).succeeds()
    });
    let kept: String =
        mounted.lines().filter(|line| !line.contains("core/y")).map(|line| format!("{line}\n")).collect();
    assert_eq!(files("deps-test/mounted"), kept);

    sandbox.manifest(&format!("repositories:\n{}{}", all[1], entry("z", "main")));
    sandbox.deps(["lock"]).succeeds();
    let run = sandbox.servers_stopped(|sandbox| sandbox.deps(["build", "--frozen"]).exits(1));
    assert!(run.stderr().contains(&format!("deps: cannot fetch core/z from {server}/z.git")), "{run}");
    assert!(!run.stderr().contains("cannot fetch core/x"), "{run}");
}
