//! `deps status`: who is off its pin, who has work in it. Offline.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn the_table_names_what_is_off_its_pin_or_changed() {
    let sandbox = Sandbox::new();
    sandbox.git_config(
        "[user]\n\tname = Ada\n\temail = ada@example.org\n[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n",
    );
    let mut text = "repositories:\n".to_owned();
    for name in ["ahead", "behind", "changed", "clean", "gone", "missing", "odd"] {
        sandbox.git(name).file("f", "1\n").tag("1.0.0").commit();
        sandbox.git(name).file("f", "2\n").commit();
        text += &format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: main }}\n");
    }
    sandbox.manifest(&text);
    sandbox.deps(["import", "--full"]).without_recheck().succeeds();
    sandbox.deps(["status", "--check"]).succeeds().stdout_is(str![[r#"
7 checkouts, 7 at the pin and clean

"#]]);
    let git = |folder: &str, arguments: &[&str]| {
        let program = sandbox.program("git", [&["-C", folder][..], arguments].concat());
        // Commit ids depend on the time.
        program.env("GIT_AUTHOR_DATE", "1700000000 +0000").env("GIT_COMMITTER_DATE", "1700000000 +0000").succeeds();
    };
    sandbox.write("src/ahead/f", "3\n");
    git("src/ahead", &["commit", "--quiet", "-am", "own"]);
    git("src/behind", &["checkout", "--quiet", "1.0.0"]);
    sandbox.write("src/changed/f", "3\n");
    sandbox.write("src/changed/new", "");
    std::fs::remove_dir_all(sandbox.path("src/missing")).unwrap();
    std::fs::remove_dir_all(sandbox.path("src/odd/.git")).unwrap();
    sandbox.manifest(
        &text.lines().filter(|line| !line.contains("gone")).map(|line| format!("{line}\n")).collect::<String>(),
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["status"]).succeeds().stdout_is(str![[r#"
~ ahead on main at bd57b9d4, the pin is 8e566761 (+1 −0 commits)
~ behind at 06ed23d5, the pin is 8e566761 (+0 −1 commits)
* changed on main at 8e566761, 1 changed, 1 untracked
? gone is in no manifest any more
- missing is missing
! odd is no git repository
7 checkouts, 1 at the pin and clean

"#]]);
        let all = sandbox.deps(["status", "--all"]).succeeds().stdout();
        assert!(all.contains("= clean on main at "), "{all}");
        sandbox.deps(["status", "--check", "--quiet"]).exits(3).stderr_is(str![[r#"
error: 5 checkouts are off the pin or changed
hint: `deps import` moves what is clean to its pin; `deps pin-from` pins what is there

"#]]);
        let json = sandbox.deps(["status", "--json"]).succeeds().stdout();
        let schema = sandbox.deps(["schema", "status"]).succeeds().stdout();
        let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
        let report = serde_json::from_str(&json).unwrap();
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    });
}

#[test]
fn other_repositories_and_a_stale_lock_are_told() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox.git("a").file("f", "1").commit();
    sandbox.git("b").file("f", "2").commit();
    sandbox.manifest("repositories:\n  a: { type: git, url: https://git.example/a.git }\n");
    sandbox.deps(["status"]).exits(3);
    sandbox.deps(["lock"]).succeeds();
    let git = |arguments: &[&str]| sandbox.program("git", arguments).succeeds();
    git(&["clone", "--quiet", "https://git.example/b.git", "src/a"]);
    git(&["clone", "--quiet", "https://git.example/b.git", "src/more/b"]);
    git(&["clone", "--quiet", "https://git.example/b.git", "src/a/inside"]);
    sandbox.deps(["status"]).succeeds().stdout_is(str![[r#"
! a is a checkout of `https://git.example/b.git`
? more/b is in no manifest
2 checkouts, 0 at the pin and clean

"#]]);
    sandbox.edit("underlay.repos", "a.git", "a.git, version: main");
    sandbox.deps(["status"]).succeeds().stderr_is(str![[r#"
warning: `deps.lock` is out of date: the checkouts are compared with what it has
  repo `a`: `underlay.repos` asks for `main`, the lock has no version
hint: to update it, run `deps lock`


"#]]);
    sandbox.deps(["status", "--check"]).exits(3);
}
