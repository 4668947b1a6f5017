//! Branches, tags and submodules of checkouts that `deps import` makes and moves, and what it asks for them.

use crate::support::sandbox::Sandbox;
use snapbox::str;

const CONFIG: &str =
    "[user]\n\tname = Ada\n\temail = ada@example.org\n[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n";

/// A project with the version `version` of the repository `a`, whose default branch is `rolling`.
fn project(version: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config(CONFIG);
    sandbox.git("a").default_branch("rolling").file("f", "1").tag("1.0.0").annotated_tag("2.0.0").commit();
    ask_for(&sandbox, version);
    sandbox
}

fn ask_for(sandbox: &Sandbox, version: &str) {
    sandbox.manifest(&format!("repositories:\n  a: {{ type: git, url: https://git.example/a.git{version} }}\n"));
}

fn git(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> String {
    let run = sandbox.program("git", [&["-C", folder], arguments].concat()).succeeds();
    run.stdout().trim_end().to_owned()
}

fn branch(sandbox: &Sandbox, folder: &str) -> String {
    git(sandbox, folder, &["rev-parse", "--abbrev-ref", "HEAD"])
}

#[test]
fn no_version_is_the_default_branch() {
    let sandbox = project("");
    sandbox.deps(["import"]).without_recheck().succeeds();
    assert_eq!(
        git(&sandbox, "src/a", &["rev-parse", "--abbrev-ref", "HEAD", "HEAD@{upstream}"]),
        "rolling\norigin/rolling"
    );
    assert_eq!(git(&sandbox, "src/a", &["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/rolling");
    sandbox.git("a").file("f", "2").commit();
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(["import"]).succeeds();
    assert_eq!((branch(&sandbox, "src/a").as_str(), sandbox.read("src/a/f").as_str()), ("rolling", "2"));
}

#[test]
fn tags_are_those_of_the_remote() {
    let sandbox = project(", version: ^1");
    sandbox.deps(["import", "light"]).without_recheck().succeeds();
    ask_for(&sandbox, ", version: 2.0.0");
    sandbox.deps(["import", "annotated"]).without_recheck().succeeds();
    for (folder, tag, kind) in [("light/a", "1.0.0", "commit"), ("annotated/a", "2.0.0", "tag")] {
        assert_eq!(git(&sandbox, folder, &["tag"]), tag);
        assert_eq!(git(&sandbox, folder, &["cat-file", "-t", tag]), kind);
        assert_eq!(git(&sandbox, folder, &["describe", "--tags"]), tag);
        git(&sandbox, folder, &["fetch", "--quiet", "--tags"]);
        assert_eq!(git(&sandbox, folder, &["fsck", "--no-dangling"]), "");
    }
}

#[test]
fn what_the_store_has_is_checked_out_again_without_a_connection() {
    for (version, on) in [("", "rolling"), (", version: rolling", "rolling"), (", version: 2.0.0", "HEAD")] {
        let sandbox = project(version);
        sandbox.deps(["import"]).without_recheck().succeeds();
        git(&sandbox, "src/a", &["pack-refs", "--all"]);
        sandbox.servers_stopped(|sandbox| {
            sandbox.deps(["import"]).succeeds().stderr_is(str![[r#"
1 checkout: 1 at the pin

"#]]);
            sandbox.deps(["import", "again"]).succeeds();
        });
        assert_eq!((branch(&sandbox, "src/a").as_str(), branch(&sandbox, "again/a").as_str()), (on, on), "{version}");
        let tags = |folder| git(&sandbox, folder, &["tag"]);
        assert_eq!(tags("src/a"), tags("again/a"));
    }
}

#[test]
fn a_remote_that_is_silent_moves_no_checkout_off_its_branch() {
    let sandbox = project(", version: rolling");
    git(&sandbox, ".", &["clone", "--quiet", "https://git.example/a.git", "src/a"]);
    sandbox.git("a").file("f", "2").commit();
    sandbox.deps(["fetch"]).succeeds();
    git(&sandbox, "src/a", &["fetch", "--quiet"]);
    sandbox.servers_stopped(|sandbox| sandbox.deps(["import"]).succeeds());
    assert_eq!((branch(&sandbox, "src/a").as_str(), sandbox.read("src/a/f").as_str()), ("rolling", "2"));
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["import", "again", "--offline"]).succeeds().stderr_is(str![[r#"
note: 1 checkout stands on no branch: no remote could be asked whether the version is one
  + a 8dcb387e
1 checkout: 1 made

"#]]);
    });
    assert_eq!(branch(&sandbox, "again/a"), "HEAD");
    sandbox.deps(["import", "again"]).succeeds();
    assert_eq!(branch(&sandbox, "again/a"), "rolling");
}

#[test]
fn a_remote_that_cannot_be_reached_is_exit_code_5() {
    let sandbox = project(", version: rolling");
    sandbox.deps(["lock"]).succeeds();
    sandbox.servers_stopped(|sandbox| sandbox.deps(["import"]).exits(5));
    assert!(!sandbox.has("src/a"));
}

/// A project whose repository `a` has a submodule, with one inside.
fn with_submodules() -> Sandbox {
    let sandbox = project(", version: rolling");
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws\"\nsubmodules = true\n",
    );
    let deep = sandbox.git("deep").file("d", "1").commit();
    let sub = sandbox.git("sub").file("s", "1").submodule("deep", "../deep.git", &deep).commit();
    sandbox.git("a").submodule("lib/sub", "../sub.git", &sub).commit();
    sandbox.deps(["import"]).without_recheck().succeeds();
    sandbox
}

fn advance(sandbox: &Sandbox) {
    let deep = sandbox.git("deep").file("d", "2").commit();
    let sub = sandbox.git("sub").file("s", "2").submodule("deep", "../deep.git", &deep).commit();
    sandbox.git("a").submodule("lib/sub", "../sub.git", &sub).commit();
    sandbox.deps(["update"]).succeeds();
}

#[test]
fn submodules_move_with_their_checkout_and_stand_without_a_connection() {
    let sandbox = with_submodules();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["import"]).succeeds().stderr_is(str![[r#"
1 checkout: 1 at the pin

"#]])
    });
    advance(&sandbox);
    sandbox.deps(["import"]).succeeds();
    assert_eq!((sandbox.read("src/a/lib/sub/s").as_str(), sandbox.read("src/a/lib/sub/deep/d").as_str()), ("2", "2"));
    let status = git(&sandbox, "src/a", &["submodule", "status", "--recursive"]);
    assert!(status.lines().count() == 2 && status.lines().all(|line| line.starts_with(' ')), "{status}");
    assert_eq!(git(&sandbox, "src/a", &["status", "--porcelain"]), "");
}

#[test]
fn work_in_a_submodule_holds_its_checkout() {
    let sandbox = with_submodules();
    let at = git(&sandbox, "src/a", &["rev-parse", "HEAD"]);
    sandbox.write("src/a/lib/sub/deep/d", "mine");
    advance(&sandbox);
    let run = sandbox.deps(["import"]).exits(1);
    let why =
        "! a has the submodule `lib/sub`, which has the submodule `deep`, which has 1 changed file: left as it is";
    assert!(run.stderr().contains(why), "{run}");
    assert_eq!(git(&sandbox, "src/a", &["rev-parse", "HEAD"]), at);
    git(&sandbox, "src/a/lib/sub/deep", &["checkout", "--quiet", "d"]);
    git(&sandbox, "src/a/lib/sub", &["commit", "--quiet", "--allow-empty", "-m", "own"]);
    let run = sandbox.deps(["import"]).exits(1);
    assert!(run.stderr().contains("! a has the submodule `lib/sub`, which has commits of its own on `HEAD`"), "{run}");
    let status = sandbox.deps(["status"]).succeeds().stdout();
    assert!(status.contains(", 1 changed"), "{status}");
}

#[test]
fn a_submodule_that_is_missing_is_made() {
    let sandbox = with_submodules();
    std::fs::remove_dir_all(sandbox.path("src/a/lib/sub/deep")).unwrap();
    sandbox.servers_stopped(|sandbox| sandbox.deps(["import"]).succeeds());
    assert_eq!(sandbox.read("src/a/lib/sub/deep/d"), "1");
}

#[test]
fn what_a_version_names_outlives_a_collection_of_what_is_not_needed() {
    let sandbox = project(", version: 2.0.0");
    sandbox.deps(["import"]).without_recheck().succeeds();
    sandbox.git("a").file("f", "2").tag("3.0.0").commit();
    ask_for(&sandbox, ", version: 3.0.0");
    sandbox.deps(["import"]).succeeds();
    ask_for(&sandbox, ", version: 2.0.0");
    sandbox.deps(["import"]).succeeds();
    let gone = sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds().stdout();
    assert!(gone.contains("1 commit of git/"), "{gone}");
    sandbox.deps(["cache", "verify"]).succeeds();
    let deps = |sandbox: &Sandbox| sandbox.deps(["import", "again"]).succeeds();
    sandbox.servers_stopped(deps);
    assert_eq!(git(&sandbox, "again/a", &["cat-file", "-t", "2.0.0"]), "tag");
}
