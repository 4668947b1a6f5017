//! What is left of the store when processes are killed, run at once, or have no room to write.

#![expect(clippy::disallowed_methods, reason = "these tests watch the clock and the folders of the store")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::engine::say_skipped;
use crate::support::git_server::Fault;
use crate::support::sandbox::Sandbox;
use snapbox::str;

const DEPS: &str = env!("CARGO_BIN_EXE_deps-cli");

/// How many repositories the project has.
const REPOSITORIES: usize = 3;

/// A locked project of three repositories with 15 files each; one of them has a submodule, one is asked for by name.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    // The names of repositories in the store follow from their URLs, which would have a port in them.
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let inner = sandbox.git("inner").file("deep", "1").commit();
    let mut manifest = "repositories:\n".to_owned();
    for number in 0..REPOSITORIES {
        let name = format!("r{number}");
        let files = (0..15).fold(sandbox.git(&name), |repository, file| {
            repository.file(&format!("folder{}/file{file}", file % 5), &format!("{number} {file}\n").repeat(50))
        });
        files.submodule("libs/inner", "../inner.git", &inner).tag("1.0").commit();
        manifest.push_str(&format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: '1.0' }}\n"));
    }
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws\"\nsubmodules = true\n");
    sandbox.manifest(&manifest);
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

/// Runs `deps` with `arguments` and kills it as soon as `is_time`; returns whether it was killed before it ended.
fn killed(sandbox: &Sandbox, arguments: &str, is_time: impl Fn() -> bool) -> bool {
    let mut child = sandbox.deps(arguments.split(' ')).starts();
    loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return status.code().is_none();
        }
        if is_time() {
            child.kill().expect("it can be killed");
        }
        std::thread::yield_now();
    }
}

/// How many files and folders there are in the store.
fn entries(sandbox: &Sandbox) -> usize {
    walkdir::WalkDir::new(sandbox.store()).into_iter().flatten().count()
}

fn empty_store(sandbox: &Sandbox) {
    fs::remove_dir_all(sandbox.store()).unwrap();
    fs::create_dir(sandbox.store()).unwrap();
}

/// Fetches again what a killed process did not, and checks that nothing was damaged or is left over.
#[track_caller]
fn recovers(sandbox: &Sandbox, when: &str) {
    let fetch = sandbox.deps(["fetch"]).runs();
    assert!(fetch.to_string().contains("\nexit status 0\n"), "{when}: {fetch}");
    let verify = sandbox.deps(["cache", "verify"]).runs();
    assert!(verify.to_string().contains("\nexit status 0\n"), "{when}: {verify}");
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds();
    assert_eq!(left_over(&sandbox.store()), [""; 0].map(PathBuf::from), "{when}");
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch", "--frozen"]).succeeds());
}

/// What no run may leave for ever.
fn left_over(store: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(store).min_depth(2).into_iter().map(|entry| entry.unwrap().into_path());
    let is_left = |path: &PathBuf| {
        let below = path.strip_prefix(store).unwrap().to_string_lossy().into_owned();
        below.starts_with("tmp/")
            || below.starts_with("git/")
                && (below.ends_with(".lock") || below.contains("tmp_") || below.contains("git2_"))
            || below.starts_with("locks/") && below != "locks/store.lock"
    };
    files.filter(is_left).collect()
}

#[test]
fn a_fetch_that_is_killed_at_any_request_is_repaired_by_the_next() {
    for transport in ["git2", "git"] {
        let sandbox = project();
        sandbox.server().fail("", -1, Fault::Delay(Duration::from_millis(15)));
        sandbox.server().reset();
        sandbox.deps(["fetch"]).env("DEPS_GIT", transport).succeeds();
        let requests = sandbox.requests();
        let mut kills = 0;
        for point in 1..=requests {
            empty_store(&sandbox);
            sandbox.server().reset();
            let arguments = "fetch --jobs 2";
            let was_killed = killed(&sandbox, arguments, || sandbox.requests() >= point);
            kills += usize::from(was_killed);
            recovers(&sandbox, &format!("{transport}, request {point} of {requests}"));
        }
        assert!(kills >= requests - 1, "{kills} of {requests}");
    }
}

#[test]
fn a_fetch_that_is_killed_while_it_writes_is_repaired_by_the_next() {
    let sandbox = project();
    let before = entries(&sandbox);
    sandbox.deps(["fetch"]).succeeds();
    let all = entries(&sandbox);
    let mut kills = 0;
    for point in (before..all).step_by((all - before) / 25) {
        empty_store(&sandbox);
        let was_killed = killed(&sandbox, "fetch --jobs 2", || entries(&sandbox) >= point);
        kills += usize::from(was_killed);
        recovers(&sandbox, &format!("{point} of {all} entries written"));
    }
    assert!(kills >= 20, "only {kills} were killed in time");
}

#[test]
fn a_gc_that_is_killed_takes_nothing_that_is_needed() {
    let sandbox = project();
    let mut kills = 0;
    for point in 0..20 {
        let (old, new) = if point % 2 == 0 { ("1.0", "2.0") } else { ("2.0", "1.0") };
        for number in 0..REPOSITORIES {
            sandbox.git(&format!("r{number}")).file("more", &format!("{point}")).tag(new).commit();
        }
        sandbox.edit("underlay.repos", &format!("'{old}'"), &format!("'{new}'"));
        sandbox.deps(["lock"]).succeeds();
        sandbox.deps(["fetch"]).succeeds();
        let (all, step) = (entries(&sandbox), point * 4);
        let was_killed = killed(&sandbox, "cache gc --keep-days 0", || entries(&sandbox) + step <= all);
        kills += usize::from(was_killed);
        sandbox.server().reset();
        recovers(&sandbox, &format!("{step} entries removed"));
        assert_eq!(sandbox.requests(), 0, "nothing that was needed went, at {step}");
    }
    assert!(kills >= 10, "only {kills} were killed in time");
}

#[test]
fn a_lock_that_is_killed_leaves_the_old_lock_or_the_new_one() {
    let sandbox = project();
    let whole = sandbox.read("deps.lock");
    fs::remove_file(sandbox.path("deps.lock")).unwrap();
    sandbox.server().fail("", -1, Fault::Delay(Duration::from_millis(10)));
    for point in 1..=REPOSITORIES {
        sandbox.server().reset();
        killed(&sandbox, "lock", || sandbox.requests() >= point);
        assert!(!sandbox.has("deps.lock") || sandbox.read("deps.lock") == whole);
    }
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), whole);
}

#[test]
fn locks_of_git_that_a_killed_process_left_stop_nobody() {
    let sandbox = project();
    sandbox.deps(["fetch"]).succeeds();
    for repository in fs::read_dir(sandbox.store().join("git")).unwrap() {
        let path = repository.unwrap().path();
        for name in ["shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock"] {
            fs::write(path.join(name), "").unwrap();
        }
        fs::write(path.join("objects/pack/pack_git2_0123456789abcdef"), "half").unwrap();
        fs::write(path.join("objects/pack/tmp_pack_abcdef"), "half").unwrap();
    }
    for number in 0..REPOSITORIES {
        let id = sandbox.git(&format!("r{number}")).file("new", "1").tag("2.0").commit();
        let repository = fs::read_dir(sandbox.store().join("git")).unwrap().map(|entry| entry.unwrap().path());
        for path in repository.filter(|path| path.to_string_lossy().contains(&format!("-r{number}-"))) {
            fs::write(path.join(format!("refs/deps/pins/{id}.lock")), "").unwrap();
        }
    }
    sandbox.edit("underlay.repos", "'1.0'", "'2.0'");
    sandbox.deps(["lock"]).succeeds();
    recovers(&sandbox, "with locks of git");
}

/// Runs `commands` at the same time, each with `deps` as `$deps`, and returns their exit codes in order.
fn at_once(sandbox: &Sandbox, commands: &[String]) -> Vec<String> {
    let start: String = commands
        .iter()
        .enumerate()
        .map(|(at, command)| format!("( {command} ) > out{at} 2>&1 & pids=\"$pids $!\"; "))
        .collect();
    let script = format!("deps={DEPS}; {start} for pid in $pids; do wait $pid; echo $?; done");
    let run = sandbox.program("sh", ["-c", &script]).succeeds();
    let codes: Vec<String> = run.stdout().lines().map(str::to_owned).collect();
    for (at, code) in codes.iter().enumerate() {
        assert!(code == "0", "{}: {code}\n{}", commands[at], sandbox.read(&format!("out{at}")));
    }
    codes
}

fn sorted(mut log: Vec<String>) -> Vec<String> {
    log.sort();
    log
}

#[test]
fn eight_processes_ask_for_as_much_as_one() {
    let sandbox = project();
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds();
    let once = sorted(sandbox.server().log());
    empty_store(&sandbox);
    sandbox.server().reset();
    sandbox.server().fail("", -1, Fault::Delay(Duration::from_millis(10)));
    at_once(&sandbox, &vec!["$deps fetch".to_owned(); 8]);
    assert_eq!(sorted(sandbox.server().log()), once);
    recovers(&sandbox, "eight at once");
}

#[test]
fn eight_projects_fetch_each_commit_of_shared_repositories_once() {
    let sandbox = project();
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds();
    let once = sorted(sandbox.server().log());
    empty_store(&sandbox);
    let lines: Vec<String> = sandbox.read("underlay.repos").lines().skip(1).map(str::to_owned).collect();
    for number in 0..8 {
        let two = format!("repositories:\n{}\n{}\n", lines[number % REPOSITORIES], lines[(number + 1) % REPOSITORIES]);
        sandbox.write(&format!("p{number}/deps.toml"), &sandbox.read("deps.toml"));
        sandbox.write(&format!("p{number}/underlay.repos"), &two);
        sandbox.deps_in(&format!("p{number}"), ["lock"]).without_recheck().succeeds();
    }
    sandbox.server().reset();
    let commands: Vec<String> = (0..8).map(|number| format!("$deps -C p{number} fetch --frozen")).collect();
    at_once(&sandbox, &commands);
    assert_eq!(sorted(sandbox.server().log()), once);
    recovers(&sandbox, "eight projects");
}

#[test]
fn fetches_collections_and_verifications_at_once_end_in_a_sound_store() {
    let sandbox = project();
    for number in 0..4 {
        let manifest = sandbox.read("underlay.repos");
        let one = manifest.lines().nth(1 + number % REPOSITORIES).unwrap();
        sandbox.write(&format!("p{number}/deps.toml"), &sandbox.read("deps.toml"));
        sandbox.write(&format!("p{number}/underlay.repos"), &format!("repositories:\n{one}\n"));
        sandbox.deps_in(&format!("p{number}"), ["lock"]).without_recheck().succeeds();
    }
    let fetches = (0..4).map(|number| {
        format!("for i in 1 2 3 4; do rm -rf p{number}/gone; $deps -C p{number} fetch --frozen || exit 1; $deps fetch || exit 1; done")
    });
    let collects = (0..2).map(|_| "for i in 1 2 3 4 5 6; do $deps cache gc --keep-days 0 || exit 1; done".to_owned());
    let verifies = (0..2).map(|_| "for i in 1 2 3 4; do $deps cache verify || exit 1; done".to_owned());
    at_once(&sandbox, &fetches.chain(collects).chain(verifies).collect::<Vec<_>>());
    recovers(&sandbox, "all at once");
}

/// A small disk for the store, taken away when it is dropped.
struct Disk<'a> {
    sandbox: &'a Sandbox,
}

impl<'a> Disk<'a> {
    /// Mounts a disk of `size` where the store is. None, loudly, where this user may not mount.
    fn mounted(sandbox: &'a Sandbox, size: &str) -> Option<Self> {
        let store = sandbox.store();
        let options = format!("size={size}");
        let run =
            sandbox.program("mount", ["-t", "tmpfs", "-o", &options, "deps-test", &store.to_string_lossy()]).runs();
        if run.to_string().contains("\nexit status 0\n") {
            return Some(Self { sandbox });
        }
        let is_root = sandbox.program("id", ["-u"]).succeeds().stdout().trim() == "0";
        assert!(!(is_root && std::env::var_os("CI").is_some()), "root cannot mount a disk for the test: {run}");
        say_skipped("a small disk", "this user cannot mount one");
        None
    }

    fn remount(&self, options: &str) {
        let store = self.sandbox.store();
        self.sandbox.program("mount", ["-o", &format!("remount,{options}"), &store.to_string_lossy()]).succeeds();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let store = self.sandbox.store();
        self.sandbox.program("umount", ["-l", &store.to_string_lossy()]).runs();
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_a_store_that_works_when_there_is_room() {
    for (size, transport) in [("100k", "git2"), ("100k", "git"), ("200k", "git2"), ("200k", "git"), ("300k", "git2")] {
        let sandbox = project();
        let Some(disk) = Disk::mounted(&sandbox, size) else { return };
        let run = sandbox.deps(["fetch"]).env("DEPS_GIT", transport).exits(1);
        let talk = run.stderr();
        assert!(talk.contains("No space left on device"), "{size} {transport}: {run}");
        assert!(talk.contains("hint: `deps cache gc` removes what no project needs"), "{size} {transport}: {run}");
        disk.remount("size=64m");
        recovers(&sandbox, &format!("{size} {transport}"));
    }
}

#[test]
fn a_read_only_store_that_has_everything_works() {
    let sandbox = project();
    let Some(disk) = Disk::mounted(&sandbox, "64m") else { return };
    sandbox.deps(["fetch"]).succeeds();
    disk.remount("ro");
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
3 commits, all in the store

"#]]);
    assert_eq!(sandbox.server().connections(), 0);
    sandbox.deps(["plan"]).succeeds();
    sandbox.deps(["cache", "ls"]).succeeds();
    sandbox.deps(["cache", "verify"]).succeeds().stderr_is(str![[r#"
7 things in the store, all as they should be

"#]]);
    sandbox.deps(["cache", "gc"]).exits(1).stderr_is(str![[r#"
error: cannot open the lock file `[ROOT]/store/locks/store.lock`: Read-only file system (os error 30)
hint: set `DEPS_STORE` to a folder that you can write; what is in a read-only store can still be used

"#]]);
    sandbox.git("r0").file("new", "1").tag("2.0").commit();
    sandbox.edit("underlay.repos", "r0.git, version: '1.0'", "r0.git, version: '2.0'");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: repo `r0` at cf28cef23cd6bd0c1a3e686a2d34990feb43bd40: cannot open the lock file `[ROOT]/store/locks/git-example-r0-244d0d5f74932cd2ea355fb5.git.lock`: Read-only file system (os error 30)
 --> underlay.repos:2:62
  |
2 |   r0: { type: git, url: https://git.example/r0.git, version: '2.0' }
  |                                                              ^^^^^^
  url: https://git.example/r0.git
hint: set `DEPS_STORE` to a folder that you can write; what is in a read-only store can still be used

"#]]);
    disk.remount("rw");
    recovers(&sandbox, "read-only");
}

#[test]
fn a_limit_of_the_file_size_is_said_like_a_full_disk() {
    let sandbox = project();
    let script = format!("trap '' XFSZ; ulimit -f 2; exec {DEPS} fetch");
    let run = sandbox.program("sh", ["-c", &script]).exits(1);
    assert!(run.stderr().contains("File too large"), "{run}");
    assert!(run.stderr().contains("hint: `deps cache gc` removes what no project needs"), "{run}");
    recovers(&sandbox, "small files only");
}

#[test]
fn a_store_that_cannot_be_made_is_said() {
    let sandbox = project();
    let run = sandbox.deps(["fetch"]).env("DEPS_STORE", "/proc/deps-store").exits(1);
    run.stderr_is(str![[r#"
error: cannot make the folder `/proc/deps-store/git`: No such file or directory (os error 2)
hint: set `DEPS_STORE` to a folder that can be made

"#]]);
}
