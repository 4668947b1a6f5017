//! `deps bisect`: from two locks to the repository, and the commit of it, that broke a test.

use std::time::Duration;

use crate::support::sandbox::Sandbox;
use snapbox::str;

/// Fails where the file `f` of the repository says so.
const TEST: [&str; 4] = ["--", "sh", "-c", "! grep -q broken src/*/f"];

fn locked(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let entry =
        |name: &&str| format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: main }}\n");
    for name in names {
        sandbox.git(name).file("f", "0").commit();
    }
    sandbox.manifest(&format!("repositories:\n{}", names.iter().map(entry).collect::<String>()));
    sandbox.deps(["lock"]).succeeds();
    std::fs::copy(sandbox.path("deps.lock"), sandbox.path("good.lock")).unwrap();
    sandbox
}

/// Commits to every repository, to one of them a broken commit among others, and locks that.
fn broken(sandbox: &Sandbox, names: &[&str], culprit: &str) -> String {
    let mut first = String::new();
    for name in names {
        for number in 1..=7 {
            let content = if *name == culprit && number >= 5 { "broken" } else { "fine" };
            let id = sandbox.git(name).file("f", &format!("{content} {number}")).commit();
            if *name == culprit && number == 5 {
                first = id;
            }
        }
    }
    sandbox.deps(["update"]).succeeds();
    first
}

fn bisect<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    ["bisect"].iter().chain(arguments).chain(&TEST).copied().collect()
}

#[test]
fn the_commit_that_broke_a_test_is_found_among_repositories_that_changed() {
    let names = ["a", "b", "c", "d", "e"];
    let sandbox = locked(&names);
    let first = broken(&sandbox, &names, "d");
    let (manifest, lock) = (sandbox.read("underlay.repos"), sandbox.read("deps.lock"));
    let run = sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds();
    assert!(run.stdout().contains(&first), "{run}");
    run.stdout_is(str![[r#"
the first bad commit is in repo `d` (c8db7c87 → 581f19b0):
  30720a260659a7c704e2b6e3c3996c7cd02ac982 2023-11-14 Ada Lovelace: commit

"#]])
        .stderr_is(str![[r#"
5 repositories differ
test 1: `good.lock`, about 3 more to go
test 1: good
test 2: `good.lock` with `a`, `b`, `c` and 2 more of `deps.lock`, about 3 more to go
test 2: bad
test 3: `good.lock` with `a`, `b` of `deps.lock`, about 3 more to go
test 3: good
test 4: `good.lock` with `a`, `b`, `c` of `deps.lock`, about 2 more to go
test 4: good
test 5: `good.lock` with `a`, `b`, `c` and 1 more of `deps.lock`
test 5: bad
test 6: `good.lock` with `d` of `deps.lock`
test 6: bad
repo `d` is the culprit: 7 commits between
test 7: `good.lock` and `d` at `b678f080`, about 3 more to go
test 7: good
test 8: `good.lock` and `d` at `30720a26`, about 2 more to go
test 8: bad
test 9: `good.lock` and `d` at `89e8df51`
test 9: good

"#]]);
    assert_eq!((sandbox.read("underlay.repos"), sandbox.read("deps.lock")), (manifest, lock));
    assert!(!sandbox.has("src"), "nothing is checked out in the project");
    let left = std::fs::read_dir(sandbox.store().join("bisect")).unwrap().count();
    assert_eq!(left, 0, "the checkouts are removed");
}

#[test]
fn the_two_sides_may_be_revisions_of_the_project() {
    let sandbox = locked(&["a", "b"]);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        sandbox.program("git", identity.iter().chain(arguments)).succeeds();
    };
    git(&["init", "--quiet", "."]);
    git(&["add", "deps.toml", "underlay.repos", "deps.lock"]);
    git(&["commit", "--quiet", "-m", "good"]);
    git(&["tag", "good"]);
    let first = broken(&sandbox, &["a", "b"], "b");
    git(&["commit", "--quiet", "-a", "-m", "bad"]);
    let run = sandbox.deps(bisect(&["good", "HEAD"])).succeeds();
    assert!(run.stdout().contains(&first), "{run}");
}

#[test]
fn a_merge_a_hostile_subject_and_a_commit_that_cannot_be_tested() {
    let sandbox = locked(&["a"]);
    let folder = sandbox.root().join("git/a.git");
    let script = "set -e; export GIT_AUTHOR_NAME='E\x1b[31mvil' GIT_AUTHOR_EMAIL=e@example.org GIT_COMMITTER_NAME=e \
        GIT_COMMITTER_EMAIL=e@example.org GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
        tree() { printf '100644 blob %s\\tf\\n' $(printf \"$1\" | git hash-object -w --stdin) | git mktree; }
        base=$(git rev-parse main)
        left=$(git commit-tree -p $base -m left $(tree fine)); skipped=$(git commit-tree -p $left -m skipped $(tree skip))
        bad=$(git commit-tree -p $skipped -m \"$(printf 'break\\033[2J it')\" $(tree broken))
        right=$(git commit-tree -p $base -m right $(tree fine2)); right2=$(git commit-tree -p $right -m right2 $(tree fine3))
        merge=$(git commit-tree -p $bad -p $right2 -m merge $(tree broken2)); git update-ref refs/heads/main $merge";
    let script = format!("cd '{}' && {script}", folder.display());
    sandbox.program("sh", ["-c", &script]).succeeds();
    sandbox.deps(["update"]).succeeds();
    let test = "grep -q skip src/a/f && exit 125; ! grep -q broken src/a/f";
    let run = sandbox.deps(["bisect", "good.lock", "deps.lock", "--", "sh", "-c", test]).succeeds();
    run.stdout_is(str![[r#"
the first bad commit is one of these, which cannot be tested apart, in repo `a` (c8db7c87 → 97fc0292):
  05b56c4773df82293cc41e205afa778f8a8b2d08 2023-11-14 E\u{1b}[31mvil: skipped
  13c2b7f879b85f42d8bd49012b6f724ac3d32aa9 2023-11-14 E\u{1b}[31mvil: break\u{1b}[2J it

"#]]);
}

#[test]
fn an_interrupted_bisection_goes_on_where_it_was() {
    let names = ["a", "b", "c"];
    let sandbox = locked(&names);
    let first = broken(&sandbox, &names, "c");
    sandbox.write("count", "");
    let counting = "echo >> \"$COUNT\"; test $(wc -l < \"$COUNT\") -ne 4 || exit 130; ! grep -q broken src/*/f";
    let count = sandbox.path("count");
    let run = |arguments: &[&str]| sandbox.deps(arguments).env("COUNT", count.to_str().unwrap());
    let begin = ["bisect", "good.lock", "deps.lock", "--", "sh", "-c", counting];
    run(&begin).exits(1).stderr_is(str![[r#"
3 repositories differ
test 1: `good.lock`, about 2 more to go
test 1: good
test 2: `good.lock` with `a`, `b`, `c` of `deps.lock`, about 2 more to go
test 2: bad
test 3: `good.lock` with `a` of `deps.lock`, about 2 more to go
test 3: good
test 4: `good.lock` with `a`, `b` of `deps.lock`
error: the test ended with 130, which ends the bisection
hint: what is known is kept: `deps bisect --resume` goes on

"#]]);
    let resumed = run(&["bisect", "--resume"]).succeeds();
    assert!(resumed.stdout().contains(&first) && resumed.stderr().contains("going on: 3 tests are done"), "{resumed}");
    sandbox.deps(["bisect", "--resume"]).exits(1).stderr_is(str![[r#"
error: there is no bisection to go on with
hint: to begin one, run `deps bisect GOOD BAD -- TEST`

"#]]);
    sandbox.deps(["bisect", "--reset"]).succeeds().stderr_is(str![[r#"
there was no bisection

"#]]);
}

#[test]
fn an_interrupt_ends_it_and_keeps_what_is_known() {
    let sandbox = locked(&["a"]);
    broken(&sandbox, &["a"], "a");
    let test = "touch \"$WAIT.reached\"; while test -e \"$WAIT\"; do sleep 0.1; done; ! grep -q broken src/*/f";
    let wait = sandbox.path("wait");
    let begin = || {
        let run = sandbox.deps(["bisect", "good.lock", "deps.lock", "--", "sh", "-c", test]);
        run.env("WAIT", wait.to_str().unwrap())
    };
    sandbox.write("wait", "");
    let run = std::thread::scope(|scope| {
        let running = scope.spawn(|| begin().runs());
        until(|| sandbox.has("wait.reached"));
        interrupt(&sandbox);
        std::fs::remove_file(&wait).unwrap();
        running.join().unwrap()
    });
    assert_eq!(run.code(), Some(1), "{run}");
    run.stderr_is(str![[r#"
1 repository differs
test 1: `good.lock`
error: interrupted

"#]]);
    let run = begin().succeeds();
    assert!(run.stdout().contains("the first bad commit is in repo `a`"), "{run}");
}

/// Interrupts the one `deps` that runs in the project's folder.
fn interrupt(sandbox: &Sandbox) {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let project = sandbox.path("").canonicalize().unwrap();
    let here = |process: &std::path::PathBuf| std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == project);
    let found: Vec<_> = processes.filter(here).collect();
    assert_eq!(found.len(), 1, "one `deps` runs there: {found:?}");
    let id = found[0].file_name().unwrap().to_str().unwrap();
    sandbox.program("sh", ["-c", &format!("kill -s INT {id}")]).succeeds();
}

fn until(condition: impl Fn() -> bool) {
    for _ in 0..400 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("waited ten seconds for nothing");
}

#[test]
fn ends_that_are_not_what_they_should_be_are_told_before_anything_else() {
    let sandbox = locked(&["a", "b"]);
    broken(&sandbox, &["a", "b"], "b");
    sandbox.deps(bisect(&["deps.lock", "good.lock"])).exits(1).stderr_is(str![[r#"
2 repositories differ
test 1: `deps.lock`, about 2 more to go
test 1: bad
error: `deps.lock` should be good, but the test does not pass with it
hint: the test must pass with GOOD and fail with BAD, in a folder with nothing but the checkouts in `src`

"#]]);
    sandbox.deps(["bisect", "good.lock", "deps.lock", "--", "true"]).exits(1).stderr_is(str![[r#"
2 repositories differ
test 1: `good.lock`, about 2 more to go
test 1: good
test 2: `good.lock` with `a`, `b` of `deps.lock`, about 2 more to go
test 2: good
error: `deps.lock` should be bad, but the test does not fail with it
hint: the test must pass with GOOD and fail with BAD, in a folder with nothing but the checkouts in `src`

"#]]);
    sandbox.deps(bisect(&["good.lock", "good.lock"])).exits(1).stderr_is(str![[r#"
error: `good.lock` and `good.lock` have the same git repositories
hint: `deps diff` says what else differs

"#]]);
    sandbox.deps(["bisect", "good.lock", "deps.lock", "--", "./no-such-test"]).exits(1).stderr_is(str![[r#"
2 repositories differ
test 1: `good.lock`, about 2 more to go
error: cannot start the test `./no-such-test`: No such file or directory (os error 2)

"#]]);
    sandbox.deps(["bisect", "good.lock"]).exits(2);
}
