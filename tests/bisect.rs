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

/// Commits to a repository as `script` says: `commit SUBJECT CONTENT -p PARENT…` prints the id of a commit with the file `f`,
/// and `move ID` lets `main` point to it.
fn history(sandbox: &Sandbox, name: &str, script: &str) {
    let folder = sandbox.root().join(format!("git/{name}.git"));
    let begin = "set -e; export GIT_AUTHOR_NAME='E\x1b[31mvil' GIT_AUTHOR_EMAIL=e@example.org GIT_COMMITTER_NAME=e \
        GIT_COMMITTER_EMAIL=e@example.org GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
        tree() { printf '100644 blob %s\\tf\\n' $(printf \"$1\" | git hash-object -w --stdin) | git mktree; }
        commit() { s=$1 t=$(tree $2); shift 2; git commit-tree \"$@\" -m \"$s\" $t; }
        move() { git update-ref refs/heads/main $1; }";
    sandbox.program("sh", ["-c", &format!("cd '{}' && {begin}\n{script}", folder.display())]).succeeds();
}

/// Locks what the servers have now, as `good.lock`.
fn good(sandbox: &Sandbox) {
    sandbox.deps(["update"]).succeeds();
    std::fs::copy(sandbox.path("deps.lock"), sandbox.path("good.lock")).unwrap();
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
    history(
        &sandbox,
        "a",
        "left=$(commit left fine -p main); skipped=$(commit skipped skip -p $left)
        bad=$(commit \"$(printf 'break\\033[2J it')\" broken -p $skipped)
        right=$(commit right fine2 -p main); right2=$(commit right2 fine3 -p $right)
        move $(commit merge broken2 -p $bad -p $right2)",
    );
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

/// What is said of both ends where nothing but this repository differs.
fn ends(name: &str) -> String {
    format!(
        "1 repository differs\ntest 1: `good.lock`\ntest 1: good\n\
         test 2: `good.lock` with `{name}` of `deps.lock`\ntest 2: bad\n"
    )
}

/// A repository whose `main` was at a commit, and is now at the last of three commits beside it.
fn parted(base: &str, first: &str) -> Sandbox {
    let sandbox = locked(&["a"]);
    let script = format!("move $(commit good fine -p $(commit base {base} -p main))");
    history(&sandbox, "a", &script);
    good(&sandbox);
    let script =
        format!("one=$(commit one {first} -p main~1); move $(commit three broken3 -p $(commit two broken2 -p $one))");
    history(&sandbox, "a", &script);
    sandbox.deps(["update"]).succeeds();
    sandbox
}

#[test]
fn where_two_sides_part_is_tested_before_the_commits_since() {
    let sandbox = parted("base", "fine1");
    sandbox
        .deps(bisect(&["good.lock", "deps.lock"]))
        .succeeds()
        .stdout_is(str![[r#"
the first bad commit is in repo `a` (05a2a8dc → 2ee2dd7a):
  458e886f37d14c14a0db7297add3fd8c5ffbdd4f 2023-11-14 E\u{1b}[31mvil: two

"#]])
        .stderr_after(
            &ends("a"),
            str![[r#"
repo `a` is the culprit: 3 commits since the two part at `cbe8ffd9`
test 3: `good.lock` and `a` at `cbe8ffd9`
test 3: good
test 4: `good.lock` and `a` at `85c7985c`, about 2 more to go
test 4: good
test 5: `good.lock` and `a` at `458e886f`
test 5: bad

"#]],
        );
}

#[test]
fn a_repair_that_the_bad_side_lacks_is_told() {
    let sandbox = parted("broken", "broken1");
    sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds().stdout_is(str![[r#"
it is repo `a` (7d1458db → 76a9bec6): what `good.lock` has since `05c8d2b2ce138ece72095161d9a12624a68b85f3` repairs it, and `deps.lock` lacks that

"#]]);
    // A side that has gone back parts from the other where it is itself: nothing is tested for that.
    history(&sandbox, "a", "move main~3");
    sandbox.deps(["update"]).succeeds();
    let run = sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds();
    run.stdout_is(str![[r#"
it is repo `a` (7d1458db → 05c8d2b2): what `good.lock` has since `05c8d2b2ce138ece72095161d9a12624a68b85f3` repairs it, and `deps.lock` lacks that

"#]]).stderr_after(&ends("a"), str![[r#"
repo `a` is the culprit: it has gone back to `05c8d2b2`

"#]]);
}

#[test]
fn a_commit_where_two_sides_part_that_cannot_be_tested_leaves_a_doubt() {
    let test = "grep -q skip src/a/f && exit 125; ! grep -q broken src/a/f";
    for (first, stdout) in [
        (
            "broken1",
            str![[r#"
the first bad commit is in repo `a` (eadd1150 → 4912de72), unless `1bb5514cc5dc067baf3c4215e175cfc52cbd9588`, where the two part and which cannot be tested, is bad already:
  555ba972eebb0e1a98284361fca61e31991630ef 2023-11-14 E\u{1b}[31mvil: one

"#]],
        ),
        (
            "fine1",
            str![[r#"
the first bad commit is in repo `a` (eadd1150 → 4b6abd67):
  f52c873d4bb4c13b1463e872303ea88c9c4e02b7 2023-11-14 E\u{1b}[31mvil: two

"#]],
        ),
    ] {
        let sandbox = parted("skip", first);
        let run = sandbox.deps(["bisect", "good.lock", "deps.lock", "--", "sh", "-c", test]).succeeds();
        run.stdout_is(stdout);
    }
}

#[test]
fn sides_that_were_merged_crosswise_part_in_two_places() {
    let sandbox = locked(&["a"]);
    history(
        &sandbox,
        "a",
        "one=$(commit one fine1 -p main); two=$(commit two broken -p main)
        git update-ref refs/tags/one $one; git update-ref refs/tags/two $two
        move $(commit good fine -p $one -p $two)",
    );
    good(&sandbox);
    history(&sandbox, "a", "move $(commit bad broken2 -p $(commit merge broken1 -p two -p one))");
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds().stdout_is(str![[r#"
it is repo `a` (ec7708b1 → b06f7f8b): what `good.lock` has since `f94db5b94889cbdb28e80de761526ccf0170ed47` repairs it, and `deps.lock` lacks that

"#]]).stderr_after(&ends("a"), str![[r#"
repo `a` is the culprit: 2 commits since the two part at `e072411e`
test 3: `good.lock` and `a` at `e072411e`
test 3: good
test 4: `good.lock` and `a` at `f94db5b9`
test 4: bad

"#]]);
}

#[test]
fn a_repository_that_only_one_side_has_is_one_step() {
    let sandbox = locked(&["a"]);
    let entry = |path: &str, name: &str| {
        format!("  {path}: {{ type: git, url: https://git.example/{name}.git, version: main }}\n")
    };
    let manifest = |entries: &[String]| sandbox.manifest(&format!("repositories:\n{}", entries.concat()));
    for name in ["gone", "new"] {
        sandbox.git(name).file("f", name).commit();
    }
    manifest(&[entry("a", "a"), entry("tools/gone", "gone")]);
    good(&sandbox);
    sandbox.git("a").file("f", "fine").commit();
    manifest(&[entry("a", "a"), entry("new", "new")]);
    sandbox.deps(["update"]).succeeds();
    let test =
        |test: &'static str| sandbox.deps(["bisect", "good.lock", "deps.lock", "--", "sh", "-c", test]).succeeds();
    test("! test -e src/new/f")
        .stdout_is(str![[r#"
it is repo `new` (absent → ee3d75d7), which `good.lock` does not have

"#]])
        .stderr_is(str![[r#"
3 repositories differ
test 1: `good.lock`, about 2 more to go
test 1: good
test 2: `good.lock` with `a`, `new`, `tools/gone` of `deps.lock`, about 2 more to go
test 2: bad
test 3: `good.lock` with `a` of `deps.lock`, about 2 more to go
test 3: good
test 4: `good.lock` with `a`, `new` of `deps.lock`
test 4: bad
test 5: `good.lock` with `new` of `deps.lock`
test 5: bad

"#]]);
    // The folder above it goes with it, as if the checkouts had just been made.
    test("test -d src/tools").stdout_is(str![[r#"
it is repo `tools/gone` (0f33899f → absent), which `deps.lock` does not have

"#]]);
    test("test -e src/tools/gone/f || ! test -e src/new").stdout_is(str![[r#"
it is repo `tools/gone` (0f33899f → absent), which `deps.lock` does not have, together with `a`, `new`

"#]]);
}

/// A repository that moves to another place, which has what `script` makes of it.
fn moved(script: &str) -> Sandbox {
    let sandbox = locked(&["a", "b"]);
    let at = |name: &str| sandbox.root().join(format!("git/{name}.git")).to_str().unwrap().to_owned();
    sandbox.program("cp", ["-r", &at("b"), &at("fork")]).succeeds();
    sandbox.git("a").file("f", "fine").commit();
    sandbox.git("b").file("f", "only here").commit();
    good(&sandbox);
    history(&sandbox, "fork", script);
    sandbox.edit("underlay.repos", "example/b.git", "example/fork.git");
    sandbox.deps(["update"]).succeeds();
    sandbox
}

#[test]
fn the_commits_of_a_repository_that_moved_are_looked_for_in_both_places() {
    let sandbox = moved("move $(commit two broken2 -p $(commit one broken1 -p $(commit zero fine0 -p main)))");
    let run = sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds();
    run.stdout_is(str![[r#"
the first bad commit is in repo `b` (24938962 → 8c961172):
  edd3d5d8e3153862a449fc37cc52d9b0e72e689f 2023-11-14 E\u{1b}[31mvil: one

"#]])
        .stderr_after(
            &ends("b"),
            str![[r#"
repo `b` is the culprit: 3 commits since the two part at `c8db7c87`
test 3: `good.lock` and `b` at `c8db7c87`
test 3: good
test 4: `good.lock` and `b` at `aebbda9b`, about 2 more to go
test 4: good
test 5: `good.lock` and `b` at `edd3d5d8`
test 5: bad

"#]],
        );
    for way in ["git2", "git"] {
        let run = sandbox.deps(bisect(&["good.lock", "deps.lock"])).env("DEPS_GIT", way).succeeds();
        assert!(run.stdout().contains("vil: one\n"), "{run}");
    }
    std::fs::remove_dir_all(sandbox.root().join("git/b.git")).unwrap();
    let run = sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds();
    run.stdout_is(str![[r#"
it is repo `b` (24938962 → 8c961172), which comes from elsewhere: `https://git.example/b.git` → `https://git.example/fork.git`

"#]]).stderr_after(&ends("b"), str![[r#"
note: repo `b`: its commits are not known: cannot read `https://git.example/b.git`: there is no such repository, or it is hidden from you (repository '[GIT]/b.git/' not found)

"#]]);
}

#[test]
fn a_repository_that_became_another_one_is_one_step() {
    let sandbox = moved("move $(commit other broken)");
    sandbox.deps(bisect(&["good.lock", "deps.lock"])).succeeds().stdout_is(str![[r#"
it is repo `b` (24938962 → 75893abc), which comes from elsewhere: `https://git.example/b.git` → `https://git.example/fork.git`

"#]]).stderr_after(&ends("b"), str![[r#"
repo `b` is the culprit: its two commits have no history in common

"#]]);
}
