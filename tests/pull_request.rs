//! A pull request from its branch to the image that is built after the merge, and one by somebody who means harm.

use crate::support::browser::{Browser, Opened};
use crate::support::engine::Engine;
use crate::support::program::Program;
use crate::support::sandbox::Sandbox;
use snapbox::str;

const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

const MANIFEST: &str = "\
repositories:
  core/msgs: { type: git, url: https://github.com/acme/msgs.git, version: main }
  core/nav2: { type: git, url: https://github.com/acme/nav2.git, version: ^1 }
";

/// A clone with a project on `main`, in which git knows of `deps`.
fn project(base: &str, environment: Vec<(String, String)>) -> Sandbox {
    // Commits of the project have the same ids in every run.
    let dates = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name.into(), "2020-01-01T00:00:00Z".into()));
    let sandbox = Sandbox::with_environment(environment.into_iter().chain(dates).collect());
    let user = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
    let hosts = "\tinsteadOf = https://github.com/\n[url \"$GIT/evil/\"]\n\tinsteadOf = https://evil.example/\n";
    sandbox.git_config(&format!("[url \"$GIT/\"]\n{hosts}{user}"));
    sandbox.git("acme/nav2").file("package.xml", "1").tag("1.2.0").commit();
    sandbox.git("acme/msgs").file("package.xml", "1").commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"robot\"\nbase = \"{base}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n"
    ));
    sandbox.manifest(MANIFEST);
    std::fs::create_dir(sandbox.root().join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_deps-cli"), sandbox.root().join("bin/deps")).unwrap();
    git(&sandbox, &["init", "--quiet"]).succeeds();
    sandbox.deps(["git-setup"]).succeeds();
    sandbox.deps(["lock"]).succeeds();
    git(&sandbox, &["add", "."]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=first"]).succeeds();
    sandbox
}

/// git, which finds `deps`.
fn git<'a>(sandbox: &'a Sandbox, arguments: &[&str]) -> Program<'a> {
    let path = format!("{}:{}", sandbox.root().join("bin").display(), std::env::var("PATH").unwrap());
    sandbox.program("git", arguments).env("PATH", &path)
}

/// The branch `topic` updates one entry, and then `main` the one beside it.
fn two_updates(sandbox: &Sandbox) {
    git(sandbox, &["switch", "--quiet", "--create", "topic"]).succeeds();
    sandbox.git("acme/nav2").file("package.xml", "2").tag("1.3.0").commit();
    let run = sandbox.deps(["update", "core/nav2", "--commit"]).succeeds();
    assert!(run.stderr().ends_with("committed to topic: Update core/nav2 1.2.0 → 1.3.0\n"), "{run}");
    git(sandbox, &["switch", "--quiet", "main"]).succeeds();
    sandbox.git("acme/msgs").file("package.xml", "2").commit();
    sandbox.deps(["update", "core/msgs", "--commit"]).succeeds();
}

fn merge(sandbox: &Sandbox) {
    git(sandbox, &["merge", "--no-edit", "topic"]).succeeds();
    sandbox.servers_stopped(|sandbox| sandbox.deps(["lock", "--check"]).succeeds());
    git(sandbox, &["status", "--short"]).succeeds().stdout_is("");
}

#[test]
fn a_pull_request_is_reviewed_merged_beside_another_and_up_to_date() {
    let sandbox = project(BASE, Vec::new());
    two_updates(&sandbox);
    git(&sandbox, &["switch", "--quiet", "topic"]).succeeds();
    git(&sandbox, &["log", "-1", "--format=%B"]).succeeds().stdout_is(str![[r#"
Update core/nav2 1.2.0 → 1.3.0

Versions
  ~ repo core/nav2  1.2.0 → 1.3.0  minor
      https://github.com/acme/nav2/compare/01cd6ec1852c...28b82a2a3f31


"#]]);
    sandbox.servers_stopped(|sandbox| sandbox.deps(["diff", "--markdown"]).succeeds()).stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `main` (67114794) → `the work tree`

#### Versions

- repo `core/nav2`: `1.2.0` → `1.3.0` **minor** ([compare](https://github.com/acme/nav2/compare/01cd6ec1852c...28b82a2a3f31))

#### Stages that rebuild: 2 of 4

- stage `src-main-b`: `rev of core/nav2 changed 1.2.0 → 1.3.0 (01cd6ec1 → 28b82a2a)`
- stage `final`: follows `src-main-b`

"#]]);
    git(&sandbox, &["switch", "--quiet", "main"]).succeeds();
    merge(&sandbox);
    sandbox.deps(["diff", "HEAD~2", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD~2 (67114794) → HEAD (0a11b670)

Versions
  ~ repo core/msgs  main 01cd6ec1 → 28b82a2a
      https://github.com/acme/msgs/compare/01cd6ec1852c...28b82a2a3f31
  ~ repo core/nav2  1.2.0 → 1.3.0  minor
      https://github.com/acme/nav2/compare/01cd6ec1852c...28b82a2a3f31

Stages that rebuild: 3 of 4
  ~ stage src-main-1  rev of core/msgs changed 01cd6ec1 → 28b82a2a (main)
  ~ stage src-main-b  rev of core/nav2 changed 1.2.0 → 1.3.0 (01cd6ec1 → 28b82a2a)
  ~ stage final       follows src-main-1, src-main-b

"#]]);
}

#[test]
fn the_merged_lock_is_built_frozen() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(engine.busybox(), engine.environment());
    two_updates(&sandbox);
    merge(&sandbox);
    let lock = sandbox.read("deps.lock");
    sandbox.deps(["build", "--frozen", "-t", "deps-test/merged", "--report", "page.html"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), lock);
    let cat = ["cat", "/ws/src/core/nav2/package.xml", "/ws/src/core/msgs/package.xml"];
    assert_eq!(engine.run_image("deps-test/merged", &cat), "22");
    let Some(browser) = Browser::installed(&sandbox) else { return };
    let page = sandbox.read("page.html");
    let Opened { elements: _, console, requests } = browser.open(&page);
    assert_eq!((console, requests), (vec![], vec![]), "{page}");
    let seen = browser.seen(&page);
    assert!(seen.contains("\nsrc-main-b\n") && seen.contains(" of its key\n"), "{seen}");
}

#[test]
fn a_hostile_fork_is_the_first_line_of_the_review() {
    let sandbox = project(BASE, Vec::new());
    git(&sandbox, &["switch", "--quiet", "--create", "harmless-update"]).succeeds();
    sandbox.git("evil/acme-robotics/nav2").file("package.xml", "evil").tag("1.2.0").commit();
    sandbox.git("acme/msgs").file("package.xml", "2").commit();
    sandbox.edit("underlay.repos", "https://github.com/acme/nav2.git", "https://evil.example/acme-robotics/nav2.git");
    sandbox.deps(["update"]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--all", "--message=Update msgs"]).succeeds();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["diff", "main...harmless-update", "--exit-code"]).exits(1).stdout_is(str![[r#"
where harmless-update left main (67114794) → harmless-update (9e285a1d)

Where things come from
  ! repo core/nav2  host github.com → evil.example, owner acme → acme-robotics
      was https://github.com/acme/nav2.git
      now https://evil.example/acme-robotics/nav2.git
      nothing came from this host before

Integrity
  ! repo core/nav2  tag 1.2.0 is another commit: 01cd6ec1 → 918dac03

Versions
  ~ repo core/msgs  main 01cd6ec1 → 28b82a2a
      https://github.com/acme/msgs/compare/01cd6ec1852c...28b82a2a3f31
  ~ repo core/nav2  1.2.0 01cd6ec1 → 918dac03

Stages that rebuild: 3 of 4
  ~ stage src-main-1  rev of core/msgs changed 01cd6ec1 → 28b82a2a (main)
  ~ stage src-main-b  rev of core/nav2 changed 01cd6ec1 → 918dac03 (1.2.0)
  ~ stage final       follows src-main-1, src-main-b

"#]]);
        sandbox.deps(["diff", "--markdown"]).succeeds().stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `main` (67114794) → `the work tree`

#### Where things come from

- ⚠️ repo `core/nav2`: host `github.com` → `evil.example`, owner `acme` → `acme-robotics`
  - was `https://github.com/acme/nav2.git`
  - now `https://evil.example/acme-robotics/nav2.git`
  - nothing came from this host before

#### Integrity

- ⚠️ repo `core/nav2`: tag `1.2.0` is another commit: `01cd6ec1` → `918dac03`

#### Versions

- repo `core/msgs`: `main` `01cd6ec1` → `28b82a2a` ([compare](https://github.com/acme/msgs/compare/01cd6ec1852c...28b82a2a3f31))
- repo `core/nav2`: `1.2.0` `01cd6ec1` → `918dac03`

#### Stages that rebuild: 3 of 4

- stage `src-main-1`: `rev of core/msgs changed 01cd6ec1 → 28b82a2a (main)`
- stage `src-main-b`: `rev of core/nav2 changed 01cd6ec1 → 918dac03 (1.2.0)`
- stage `final`: follows `src-main-1`, `src-main-b`

"#]]);
    });
    // A bot's message has it first as well.
    git(&sandbox, &["reset", "--quiet", "--soft", "main"]).succeeds();
    git(&sandbox, &["restore", "--staged", "--worktree", "deps.lock"]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=Take it from elsewhere"]).succeeds();
    sandbox.deps(["update", "core/nav2", "--commit"]).succeeds();
    git(&sandbox, &["log", "-1", "--format=%B"]).succeeds().stdout_is(str![[r#"
Update core/nav2 host github.com → evil.example, owner acme → acme-robotics

Where things come from
  ! repo core/nav2  host github.com → evil.example, owner acme → acme-robotics
      was https://github.com/acme/nav2.git
      now https://evil.example/acme-robotics/nav2.git
      nothing came from this host before

Integrity
  ! repo core/nav2  tag 1.2.0 is another commit: 01cd6ec1 → 918dac03

Versions
  ~ repo core/nav2  1.2.0 01cd6ec1 → 918dac03


"#]]);
}
