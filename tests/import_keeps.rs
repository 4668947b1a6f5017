//! What `deps import` never touches: histories, remotes, branches, files and other folders of a person.

use crate::support::sandbox::Sandbox;
use snapbox::str;

const CONFIG: &str =
    "[user]\n\tname = Ada\n\temail = ada@example.org\n[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n";

/// A project with the repository `a` at branch `main`.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config(CONFIG);
    commit(&sandbox, "1");
    sandbox.manifest("repositories:\n  a: { type: git, url: https://git.example/a.git, version: main }\n");
    sandbox
}

fn commit(sandbox: &Sandbox, text: &str) -> String {
    sandbox.git("a").file("f", text).commit()
}

fn git(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> String {
    let run = sandbox.program("git", [&["-C", folder], arguments].concat()).succeeds();
    run.stdout().trim_end().to_owned()
}

/// The repository moves on by two commits, and the lock follows.
fn advance(sandbox: &Sandbox) -> String {
    commit(sandbox, "2");
    let rev = commit(sandbox, "3");
    sandbox.deps(["update"]).succeeds();
    rev
}

#[test]
fn a_whole_history_stays_whole_and_a_cut_one_stays_cut() {
    let sandbox = project();
    git(&sandbox, ".", &["clone", "--quiet", "https://git.example/a.git", "whole/a"]);
    sandbox.deps(["import", "cut"]).succeeds();
    let rev = advance(&sandbox);
    for (folder, cut, commits) in [("whole/a", "false", "3"), ("cut/a", "true", "1")] {
        sandbox.deps(["import", &folder[..folder.len() - 2]]).succeeds();
        assert_eq!(git(&sandbox, folder, &["rev-parse", "HEAD"]), rev);
        assert_eq!(git(&sandbox, folder, &["rev-parse", "--is-shallow-repository"]), cut);
        assert_eq!(git(&sandbox, folder, &["rev-list", "--count", "HEAD"]), commits);
        git(&sandbox, folder, &["fsck"]);
    }
    sandbox.deps(["import", "--unshallow", "cut"]).succeeds();
    assert_eq!(git(&sandbox, "cut/a", &["rev-list", "--count", "HEAD"]), "3");
    sandbox.servers_stopped(|sandbox| sandbox.deps(["import", "--full", "cut"]).succeeds());
}

#[test]
fn a_history_that_cannot_be_continued_offline_is_not_cut() {
    let sandbox = project();
    git(&sandbox, ".", &["clone", "--quiet", "https://git.example/a.git", "src/a"]);
    let before = git(&sandbox, "src/a", &["rev-parse", "HEAD"]);
    advance(&sandbox);
    sandbox.deps(["fetch"]).succeeds();
    let run = sandbox.deps(["import", "--offline"]).exits(5);
    assert!(run.stderr().contains("error: the history of `a`: "), "{run}");
    assert_eq!(git(&sandbox, "src/a", &["rev-parse", "HEAD", "--is-shallow-repository"]), format!("{before}\nfalse"));
}

#[test]
fn a_fork_keeps_its_remotes_and_upstreams() {
    let sandbox = project();
    sandbox.git("fork").file("f", "fork").branch("other").commit();
    git(&sandbox, ".", &["clone", "--quiet", "--origin", "upstream", "https://git.example/a.git", "src/a"]);
    git(&sandbox, "src/a", &["remote", "add", "origin", "https://git.example/fork.git"]);
    git(&sandbox, "src/a", &["fetch", "--quiet", "origin"]);
    let before = git(&sandbox, "src/a", &["config", "--local", "--list"]);
    let rev = advance(&sandbox);
    sandbox.deps(["import"]).succeeds();
    assert_eq!(git(&sandbox, "src/a", &["config", "--local", "--list"]), before);
    assert_eq!(git(&sandbox, "src/a", &["rev-parse", "HEAD", "upstream/main"]), format!("{rev}\n{rev}"));
}

#[test]
fn a_branch_of_a_person_at_the_pin_is_not_left() {
    let sandbox = project();
    sandbox.deps(["import"]).without_recheck().succeeds();
    git(&sandbox, "src/a", &["checkout", "--quiet", "-b", "mine"]);
    sandbox.write("src/a/f", "changed");
    sandbox.deps(["import"]).succeeds().stderr_is(str![[r#"
1 checkout: 1 at the pin

"#]]);
    assert_eq!(git(&sandbox, "src/a", &["status", "--porcelain", "--branch"]), "## mine\n M f");
}

#[test]
fn ignored_files_and_unfinished_operations_hold_a_checkout() {
    let sandbox = project();
    sandbox.git("a").file(".gitignore", "secret\n").commit();
    sandbox.deps(["import"]).succeeds();
    sandbox.write("src/a/secret", "mine");
    sandbox.git("a").file("secret", "theirs").commit();
    sandbox.deps(["update"]).succeeds();
    let run = sandbox.deps(["import"]).exits(1);
    assert!(run.stderr().contains("! a has files that the pinned commit would overwrite: left as it is"), "{run}");
    assert_eq!(sandbox.read("src/a/secret"), "mine");
    std::fs::remove_file(sandbox.path("src/a/secret")).unwrap();
    git(&sandbox, "src/a", &["bisect", "start"]);
    let run = sandbox.deps(["import"]).exits(1);
    assert!(run.stderr().contains("! a is in the middle of a bisect: left as it is"), "{run}");
    git(&sandbox, "src/a", &["bisect", "reset"]);
    sandbox.deps(["import"]).succeeds();
    assert_eq!(sandbox.read("src/a/secret"), "theirs");
}

#[test]
fn nothing_is_written_behind_a_symbolic_link() {
    let sandbox = project();
    sandbox.git("top").symlink("link", "../../elsewhere").commit();
    std::fs::create_dir(sandbox.path("elsewhere")).unwrap();
    sandbox.manifest(
        "repositories:\n  top: { type: git, url: https://git.example/top.git }\n  \
         top/link/a: { type: git, url: https://git.example/a.git }\n",
    );
    let run = sandbox.deps(["import"]).without_recheck().exits(1);
    assert!(run.stderr().contains("! top/link/a stands behind the symbolic link `top/link`: left as it is"), "{run}");
    assert_eq!(std::fs::read_dir(sandbox.path("elsewhere")).unwrap().count(), 0);
    // A record that somebody else wrote leads nowhere either.
    git(&sandbox, ".", &["clone", "--quiet", "https://git.example/a.git", "elsewhere/b"]);
    sandbox.write("src/.deps-import", "top/link/b\n");
    sandbox.deps(["import", "--prune"]).exits(1);
    assert!(sandbox.has("elsewhere/b/f"));
}

#[test]
fn only_what_is_saved_elsewhere_is_pruned() {
    let sandbox = project();
    let sub = sandbox.git("sub").file("s", "1").commit();
    sandbox.git("a").submodule("sub", "../sub.git", &sub).commit();
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws\"\nsubmodules = true\n",
    );
    sandbox.deps(["import"]).without_recheck().succeeds();
    sandbox.manifest("repositories: {}\n");
    sandbox.deps(["lock"]).succeeds();
    let reason = || {
        let run = sandbox.deps(["import", "--prune"]).succeeds();
        assert!(sandbox.has("src/a/f"), "{run}");
        let stderr = run.stderr();
        let line = stderr.lines().find(|line| line.contains("? a ")).unwrap_or_default();
        line.trim().to_owned()
    };
    let kept = |why: &str| format!("? a is in no manifest any more; it {why}, so it stays");
    sandbox.write("src/a/f", "stashed");
    git(&sandbox, "src/a", &["stash", "--quiet"]);
    assert_eq!(reason(), kept("has stashed changes"));
    git(&sandbox, "src/a", &["stash", "drop", "--quiet"]);
    git(&sandbox, "src/a", &["worktree", "add", "--quiet", "--detach", "../../tree"]);
    assert_eq!(reason(), kept("has linked work trees"));
    git(&sandbox, "src/a", &["worktree", "remove", "../../tree"]);
    sandbox.write("src/a/sub/s", "2");
    assert_eq!(reason(), kept("has the submodule `sub`, which has 1 changed file"));
    git(&sandbox, "src/a/sub", &["checkout", "--quiet", "s"]);
    sandbox.write("src/a/.git/info/exclude", "build\n");
    git(&sandbox, "src/a", &["init", "--quiet", "build/inner"]);
    assert_eq!(reason(), kept("holds the checkout `build/inner`"));
    std::fs::remove_dir_all(sandbox.path("src/a/build")).unwrap();
    git(&sandbox, "src/a", &["checkout", "--quiet", "--detach"]);
    git(&sandbox, "src/a", &["commit", "--quiet", "--allow-empty", "-m", "own"]);
    git(&sandbox, "src/a", &["tag", "wip"]);
    git(&sandbox, "src/a", &["checkout", "--quiet", "main"]);
    assert!(reason().contains("has commits of its own on `wip`"));
    git(&sandbox, "src/a", &["tag", "--delete", "wip"]);
    sandbox.deps(["import", "--prune"]).succeeds();
    assert!(!sandbox.has("src/a"));
}

#[test]
fn what_a_killed_run_left_is_no_obstacle() {
    let sandbox = project();
    sandbox.write("src/.deps-import-a/.git/HEAD", "ref: refs/heads/ma");
    sandbox.deps(["import"]).without_recheck().succeeds();
    assert!(!sandbox.has("src/.deps-import-a") && sandbox.has("src/a/f"));
}
