//! Processes that are killed, that run side by side, and disks that are full or cannot be written to.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::support::engine::say_skipped;
use crate::support::git_server::Fault;
use crate::support::sandbox::Sandbox;
use snapbox::str;

const REPOSITORIES: usize = 6;

/// A project of six repositories, one with a submodule, that is locked and has nothing in the store.
fn locked() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let sub = sandbox.git("sub").file("s", "1").commit();
    let mut text = "repositories:\n".to_owned();
    for number in 0..REPOSITORIES {
        let repository = sandbox.git(&format!("r{number}"));
        let repository = (0..20).fold(repository, |repository, file| {
            repository.file(&format!("folder{}/file{file}", file % 3), &format!("{number} {file}\n").repeat(200))
        });
        repository.submodule("sub", "../sub.git", &sub).commit();
        text += &format!("  r{number}: {{ type: git, url: https://git.example/r{number}.git, version: main }}\n");
    }
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"x.repos\"\ndest = \"/ws\"\nsubmodules = true\n",
    );
    sandbox.write("x.repos", &text);
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

fn forget_store(sandbox: &Sandbox) {
    if sandbox.store().exists() {
        std::fs::remove_dir_all(sandbox.store()).unwrap();
    }
}

#[test]
fn a_process_that_is_killed_leaves_a_store_that_the_next_one_uses() {
    let sandbox = locked();
    // Slow enough to be caught in the middle of everything.
    sandbox.server().fail("", -1, Fault::Delay(Duration::from_millis(2)));
    let killed = |command: &[&str], after: u64| {
        let mut child = sandbox.deps(command).starts();
        std::thread::sleep(Duration::from_millis(after));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    };
    for after in (0..300).step_by(20) {
        forget_store(&sandbox);
        killed(&["fetch"], after);
        killed(&["fetch"], after / 2);
        killed(&["cache", "gc", "--keep-days", "0"], after / 8);
        sandbox.deps(["fetch"]).succeeds();
        sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds();
        sandbox.deps(["cache", "verify"]).succeeds();
        let left = std::fs::read_dir(sandbox.store().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "killed after {after} ms");
        sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch"]).succeeds());
    }
}

#[test]
fn a_lock_that_is_killed_while_it_is_written_is_whole_or_the_old_one() {
    let sandbox = locked();
    let old = sandbox.read("deps.lock");
    for number in 0..REPOSITORIES {
        sandbox.git(&format!("r{number}")).file("new", "2").commit();
    }
    for after in (0..120).step_by(5) {
        sandbox.write("deps.lock", &old);
        let mut child = sandbox.deps(["update"]).starts();
        std::thread::sleep(Duration::from_millis(after));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let now = sandbox.read("deps.lock");
        assert!(now == old || now.len() == old.len(), "half a lock after {after} ms:\n{now}");
        sandbox.deps(["lock", "--check"]).succeeds();
    }
    sandbox.deps(["update"]).succeeds();
}

#[test]
fn eight_processes_share_a_store_and_its_work() {
    let sandbox = locked();
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds();
    let alone = sandbox.requests();
    for mixed in [false, true] {
        forget_store(&sandbox);
        sandbox.server().reset();
        let mut children: Vec<Child> = (0..8).map(|_| sandbox.deps(["fetch"]).starts()).collect();
        if mixed {
            children.push(sandbox.deps(["cache", "verify"]).starts());
            children.push(sandbox.deps(["cache", "ls"]).starts());
        }
        for child in &mut children {
            let status = child.wait().expect("it ends");
            assert!(status.success(), "{status}");
        }
        assert_eq!(sandbox.requests(), alone, "nothing is fetched twice");
        sandbox.deps(["cache", "verify"]).succeeds();
    }
}

#[test]
fn nobody_cleans_a_store_that_is_in_use() {
    let sandbox = locked();
    sandbox.server().fail("", -1, Fault::Delay(Duration::from_millis(300)));
    let mut child = sandbox.deps(["fetch"]).starts();
    while !sandbox.store().join("locks/store.lock").exists() || sandbox.requests() < 8 {
        std::thread::sleep(Duration::from_millis(5));
    }
    sandbox.deps(["cache", "gc"]).exits(1).stderr_is(str![[r#"
error: the store `[ROOT]/store` is in use by another `deps`
hint: wait for it, then run the command again

"#]]);
    assert!(child.wait().expect("it ends").success());
    sandbox.deps(["cache", "gc"]).succeeds();
}

/// A small disk in memory at `folder`, until it is dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// Mounts it; none where that is not allowed, which is said.
    fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(folder).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        say_skipped("a small disk", "mounting one needs root");
        None
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0).status().unwrap();
        assert!(done.success(), "remount with {options}");
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0).status());
    }
}

#[test]
fn a_full_disk_is_told_and_the_store_stays_usable() {
    let sandbox = locked();
    let store = sandbox.store();
    let Some(disk) = Disk::mount(&store, "200k") else { return };
    let run = sandbox.deps(["fetch"]).exits(1);
    let stderr = run.stderr();
    assert!(stderr.contains("No space left on device") || stderr.contains("cannot write what was received"), "{run}");
    assert!(stderr.contains("hint: "), "{run}");
    disk.remount("size=50m");
    sandbox.deps(["fetch"]).succeeds();
    sandbox.deps(["cache", "verify"]).succeeds();
}

#[test]
fn a_store_that_cannot_be_written_to_serves_what_it_has() {
    let sandbox = locked();
    let store = sandbox.store();
    let Some(disk) = Disk::mount(&store, "50m") else { return };
    sandbox.deps(["fetch"]).succeeds();
    disk.remount("ro");
    sandbox.deps(["fetch"]).succeeds();
    sandbox.deps(["import"]).succeeds();
    sandbox.deps(["plan"]).succeeds();
    sandbox.deps(["cache", "ls"]).succeeds();
    sandbox.git("r0").file("new", "2").commit();
    sandbox.deps(["update"]).without_recheck().succeeds();
    let run = sandbox.deps(["fetch"]).exits(1);
    assert!(run.stderr().contains("Read-only file system") && run.stderr().contains("hint: "), "{run}");
    sandbox.deps(["cache", "gc"]).exits(1);
    disk.remount("rw");
    sandbox.deps(["fetch"]).succeeds();
}
