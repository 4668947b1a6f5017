//! `deps import`: working checkouts at the pins, and nothing of a person's is ever lost.

use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project with a branch, a tag and a requirement, each in a repository of two commits.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n",
    );
    for name in ["a", "b", "c"] {
        sandbox.git(name).file("f", "1\n").tag("1.0.0").commit();
        sandbox.git(name).file("f", "2\n").executable("run", "#!/bin/sh\n").tag("1.1.0").commit();
    }
    sandbox.manifest(&manifest("main", "1.0.0", "^1"));
    sandbox
}

fn manifest(a: &str, b: &str, c: &str) -> String {
    let entry = |path: &str, name: &str, version: &str| {
        format!("  {path}: {{ type: git, url: https://git.example/{name}.git, version: {version} }}\n")
    };
    format!("repositories:\n{}{}{}", entry("core/a", "a", a), entry("core/b", "b", b), entry("c", "c", c))
}

fn git(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> String {
    let run = sandbox.program("git", [&["-C", folder], arguments].concat()).succeeds();
    run.stdout().trim_end().to_owned()
}

#[test]
fn checkouts_are_made_at_their_pins_and_a_second_import_asks_nobody() {
    let sandbox = project();
    sandbox.deps(["import"]).without_recheck().succeeds().stderr_is(str![[r#"
  + repo `c` 1.1.0 a17ef091
  + repo `core/a` main a17ef091
  + repo `core/b` 1.0.0 06ed23d5
wrote deps.lock: 3 entries, 3 added, 0 changed, 0 removed
  + c a17ef091
  + core/a main a17ef091
  + core/b 06ed23d5
3 checkouts: 3 made

"#]]);
    let rev = sandbox.read("deps.lock");
    for (folder, branch, content) in [("src/core/a", "main", "2"), ("src/core/b", "HEAD", "1"), ("src/c", "HEAD", "2")]
    {
        let head = git(&sandbox, folder, &["rev-parse", "HEAD"]);
        assert!(rev.contains(&format!("rev = \"{head}\"")), "{folder}");
        assert_eq!(git(&sandbox, folder, &["rev-parse", "--abbrev-ref", "HEAD"]), branch);
        assert_eq!(sandbox.read(&format!("{folder}/f")).trim_end(), content);
        assert_eq!(git(&sandbox, folder, &["status", "--porcelain"]), "");
        assert_eq!(git(&sandbox, folder, &["fsck", "--no-dangling"]), "");
    }
    assert_eq!(git(&sandbox, "src/core/a", &["rev-parse", "--abbrev-ref", "main@{upstream}"]), "origin/main");
    assert_eq!(git(&sandbox, "src/core/a", &["config", "remote.origin.url"]), "https://git.example/a.git");
    git(&sandbox, "src/c", &["-c", "core.fileMode=true", "diff", "--exit-code"]);
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["import"]).succeeds().stderr_is(str![[r#"
3 checkouts: 3 at the pin

"#]]);
    });
    // The store may go: nothing in a checkout leads there.
    std::fs::remove_dir_all(sandbox.store()).unwrap();
    assert_eq!(git(&sandbox, "src/core/a", &["log", "--format=%s", "-1"]).lines().count(), 1);
    git(&sandbox, "src/core/a", &["pull", "--quiet"]);
}

#[test]
fn a_moved_pin_moves_what_is_clean_and_leaves_what_somebody_works_on() {
    let sandbox = project();
    sandbox.deps(["import", "ws"]).succeeds();
    sandbox.git("a").file("f", "3\n").commit();
    sandbox.git("c").file("f", "3\n").tag("1.2.0").commit();
    sandbox.write("ws/c/f", "mine\n");
    sandbox.write("ws/core/b/new", "untracked\n");
    sandbox.edit("underlay.repos", "version: 1.0.0", "version: 1.1.0");
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(["import", "ws"]).exits(1).stderr_is(str![[r#"
  ! c has 1 changed file: left as it is
  ~ core/a a17ef091 → main da34cf6a
  ~ core/b 06ed23d5 → a17ef091
3 checkouts: 2 moved, 1 left
error: 1 checkout is left off the pin, so that nothing is lost
hint: commit, push, stash or move away what is there, then run `deps import` again

"#]]);
    assert_eq!(sandbox.read("ws/core/a/f"), "3\n");
    assert_eq!((sandbox.read("ws/c/f").as_str(), sandbox.read("ws/core/b/new").as_str()), ("mine\n", "untracked\n"));
    assert_eq!(git(&sandbox, "ws/core/a", &["status", "--porcelain", "--branch"]), "## main...origin/main");
    git(&sandbox, "ws/c", &["checkout", "--", "f"]);
    sandbox.deps(["import", "ws"]).succeeds().stderr_is(str![[r#"
  ~ c a17ef091 → da34cf6a
3 checkouts: 2 at the pin, 1 moved

"#]]);
}

#[test]
fn commits_that_nobody_else_has_stay() {
    let sandbox = project();
    sandbox.deps(["import"]).succeeds();
    for folder in ["src/core/a", "src/c"] {
        sandbox.write(&format!("{folder}/own"), "own\n");
        git(&sandbox, folder, &["add", "own"]);
        git(&sandbox, folder, &["commit", "--quiet", "-m", "own"]);
    }
    let own = git(&sandbox, "src/c", &["rev-parse", "HEAD"]);
    sandbox.git("a").file("f", "3\n").commit();
    sandbox.edit("underlay.repos", "version: ^1", "version: 1.0.0");
    sandbox.deps(["update"]).succeeds();
    let run = sandbox.deps(["import"]).exits(1);
    assert!(run.stderr().contains("! src") || run.stderr().contains("! c has commits of its own on `HEAD`"), "{run}");
    assert!(run.stderr().contains("! core/a has commits of its own on `main`"), "{run}");
    assert_eq!(git(&sandbox, "src/c", &["rev-parse", "HEAD"]), own);
    // On a branch of their own they would not be lost, but somebody works there.
    git(&sandbox, "src/core/a", &["checkout", "--quiet", "-b", "mine"]);
    git(&sandbox, "src/core/a", &["branch", "--force", "main", "origin/main"]);
    let run = sandbox.deps(["import"]).exits(1);
    assert!(run.stderr().contains("! core/a has commits of its own on `mine`"), "{run}");
    git(&sandbox, "src/core/a", &["checkout", "--quiet", "main"]);
    let run = sandbox.deps(["import"]).exits(1);
    assert!(run.stderr().contains("~ core/a "), "{run}");
    assert_eq!(git(&sandbox, "src/core/a", &["log", "--format=%s", "-1", "mine"]), "own");
}

#[test]
fn what_is_no_checkout_of_the_repository_is_left() {
    let sandbox = project();
    sandbox.write("src/core/a/notes", "x");
    sandbox.write("src/c", "a file");
    std::fs::create_dir_all(sandbox.path("src/core/b")).unwrap();
    git(&sandbox, "src/core/b", &["init", "--quiet"]);
    git(&sandbox, "src/core/b", &["remote", "add", "origin", "https://ada:hunter2@git.example/other.git"]);
    let run = sandbox.deps(["import"]).without_recheck().exits(1).stderr_is(str![[r#"
  + repo `c` 1.1.0 a17ef091
  + repo `core/a` main a17ef091
  + repo `core/b` 1.0.0 06ed23d5
wrote deps.lock: 3 entries, 3 added, 0 changed, 0 removed
  ! c holds something that is no git repository: left as it is
  ! core/a holds something that is no git repository: left as it is
  ! core/b is a checkout of `https://git.example/other.git`: left as it is
3 checkouts: 3 left
error: 3 checkouts are left off the pin, so that nothing is lost
hint: commit, push, stash or move away what is there, then run `deps import` again

"#]]);
    assert!(!run.stderr().contains("hunter2"));
    assert_eq!(sandbox.read("src/core/a/notes"), "x");
}

#[test]
fn what_is_gone_from_the_manifest_is_pruned_on_request_only() {
    let sandbox = project();
    sandbox.deps(["import"]).succeeds();
    sandbox
        .manifest(&manifest("main", "1.0.0", "^1").lines().take(2).map(|line| format!("{line}\n")).collect::<String>());
    sandbox.write("src/c/mine", "untracked\n");
    sandbox.deps(["import"]).without_recheck().succeeds().stderr_is(str![[r#"
  - repo `c` 1.1.0 a17ef091
  - repo `core/b` 1.0.0 06ed23d5
wrote deps.lock: 1 entry, 0 added, 0 changed, 2 removed
  ? c is in no manifest any more
  ? core/b is in no manifest any more
1 checkout: 1 at the pin
hint: `deps import --prune` removes them

"#]]);
    sandbox.deps(["import", "--prune"]).succeeds().stderr_is(str![[r#"
  ? c is in no manifest any more; it has 1 untracked file, so it stays
  - core/b
1 checkout: 1 at the pin

"#]]);
    assert!(!sandbox.has("src/core/b") && sandbox.has("src/c/mine") && sandbox.has("src/core/a/f"));
    std::fs::remove_file(sandbox.path("src/c/mine")).unwrap();
    sandbox.deps(["import", "--prune"]).succeeds();
    assert!(!sandbox.has("src/c"));
}

#[test]
fn submodules_and_checkouts_inside_checkouts_are_made() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let inner = sandbox.git("inner").file("i", "1\n").commit();
    let sub = sandbox.git("sub").file("s", "1\n").submodule("deep", "../inner.git", &inner).commit();
    sandbox.git("top").file("t", "1\n").submodule("lib/sub", "https://git.example/sub.git", &sub).commit();
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"x.repos\"\ndest = \"/ws\"\nsubmodules = true\n",
    );
    let entry = |path: &str, name: &str| format!("  {path}: {{ type: git, url: https://git.example/{name}.git }}\n");
    sandbox.write("x.repos", &format!("repositories:\n{}{}", entry("top/nested/inner", "inner"), entry("top", "top")));
    sandbox.deps(["import"]).without_recheck().succeeds();
    assert_eq!(sandbox.read("src/top/lib/sub/deep/i"), "1\n");
    assert_eq!(sandbox.read("src/top/nested/inner/i"), "1\n");
    let status = git(&sandbox, "src/top", &["submodule", "status", "--recursive"]);
    assert!(status.lines().count() == 2 && status.lines().all(|line| line.starts_with(' ')), "{status}");
    assert_eq!(git(&sandbox, "src/top", &["status", "--porcelain"]), "?? nested/");
    sandbox.servers_stopped(|sandbox| sandbox.deps(["import"]).succeeds());
}

#[test]
fn the_whole_history_comes_on_request_and_reports_are_json() {
    let sandbox = project();
    let json = sandbox.deps(["import", "--full", "--json"]).without_recheck().succeeds().stdout();
    assert_eq!(git(&sandbox, "src/core/b", &["rev-list", "--count", "--all"]), "2");
    assert_eq!(git(&sandbox, "src/core/a", &["describe", "--tags"]), "1.1.0");
    assert_eq!(git(&sandbox, "src/core/a", &["rev-parse", "--is-shallow-repository"]), "false");
    let schema = sandbox.deps(["schema", "import"]).succeeds().stdout();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(report["checkouts"][1]["outcome"], "made");
}
