//! Ctrl-C in the middle of everything: one line, nothing left behind, and the next run succeeds.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use snapbox::str;

use crate::support::git_server::Fault;
use crate::support::program::Run;
use crate::support::sandbox::Sandbox;
use crate::support::store::is_sound;

/// A repository with a pack of many reads.
fn one_repository() -> Sandbox {
    let sandbox = Sandbox::new();
    let numbers: String = (0..20_000_u64).map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    sandbox.git("x").file("data", &numbers).tag("1.2.0").commit();
    sandbox.manifest("repositories:\n  x: { type: git, url: $GIT/x.git, version: 1.2.0 }\n");
    sandbox
}

/// Runs `deps VERB` and interrupts it once the server has seen a request with `request` in it.
fn interrupted(sandbox: &Sandbox, verb: &str, way: &str, request: &str) -> Run {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.deps([verb]).env("DEPS_GIT", way).runs());
        until(|| sandbox.server().log().iter().any(|line| line.contains(request)));
        // Let it get into the middle of the answer.
        std::thread::sleep(Duration::from_millis(200));
        interrupt(sandbox);
        running.join().unwrap()
    })
}

/// Presses Ctrl-C once for the one `deps` that runs in the project's folder.
fn interrupt(sandbox: &Sandbox) {
    let found = processes(&sandbox.path(""));
    assert_eq!(found.len(), 1, "one `deps` runs in the project's folder: {found:?}");
    sandbox.program("sh", ["-c", &format!("kill -s INT {}", found[0])]).succeeds();
}

/// The ids of the processes with this working directory.
fn processes(folder: &std::path::Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let here = processes
        .filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == *folder.canonicalize().unwrap()));
    here.map(|process| process.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// The command lines of processes that have something of this sandbox in them.
fn helpers(sandbox: &Sandbox) -> Vec<String> {
    let (store, url) = (sandbox.store().to_string_lossy().into_owned(), sandbox.server().url());
    let lines = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
    let lines = lines.filter_map(|path: PathBuf| fs::read(path).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&store) || line.contains(&url)).collect()
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
fn an_interrupted_fetch_leaves_a_clean_store_and_no_process() {
    for way in ["git2", "git"] {
        let sandbox = one_repository();
        sandbox.deps(["lock"]).succeeds();
        let before = sandbox.read("deps.lock");
        sandbox.server().reset();
        sandbox.server().fail("x.git/git-upload-pack", -1, Fault::Drip(Duration::from_millis(5)));
        let run = interrupted(&sandbox, "fetch", way, "POST");
        assert_eq!(run.code(), Some(1), "{way}: {run}");
        run.stderr_is(str![[r#"
error: interrupted

"#]]);
        until(|| helpers(&sandbox).is_empty());
        is_sound(&sandbox);
        assert_eq!(sandbox.read("deps.lock"), before);
        sandbox.server().mend();
        sandbox.deps(["fetch"]).env("DEPS_GIT", way).succeeds();
        is_sound(&sandbox);
    }
}

#[test]
fn an_interrupted_lock_writes_nothing() {
    for way in ["git2", "git"] {
        let sandbox = one_repository();
        sandbox.server().fail("x.git", -1, Fault::Hang);
        let run = interrupted(&sandbox, "lock", way, "GET");
        assert_eq!(run.code(), Some(1), "{way}: {run}");
        run.stderr_is(str![[r#"
error: interrupted

"#]]);
        until(|| helpers(&sandbox).is_empty());
        assert!(!sandbox.has("deps.lock"), "{way}");
        sandbox.server().mend();
        sandbox.deps(["lock"]).env("DEPS_GIT", way).succeeds();
    }
}

#[test]
fn hashing_a_large_file_of_the_project_ends_with_the_first_interrupt() {
    let sandbox = Sandbox::new();
    let base = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    sandbox.deps_toml(&format!(
        "[project]\nname = \"p\"\nbase = \"{base}\"\n\n[extensions]\ntool = {{ path = \"tool\" }}\n"
    ));
    sandbox.write("tool/extension.toml", "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\n\n[inputs.data]\nproject = \"data\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\n");
    sandbox.write("tool/b.Dockerfile", "RUN cp -r /deps/in/data {{ out }}\n");
    sandbox.write("data/large", "");
    // No disk has it, but to hash it takes far longer than the test waits.
    fs::File::options().write(true).open(sandbox.path("data/large")).unwrap().set_len(60 << 30).unwrap();
    let run = std::thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.deps(["lock"]).runs());
        until(|| processes(&sandbox.path("")).iter().any(|process| has_open(process, &sandbox.path("data/large"))));
        interrupt(&sandbox);
        until(|| processes(&sandbox.path("")).is_empty());
        running.join().unwrap()
    });
    assert_eq!(run.code(), Some(1), "{run}");
    run.stderr_is(str![[r#"
error: interrupted

"#]]);
    assert!(!sandbox.has("deps.lock"));
    sandbox.write("data/large", "small");
    sandbox.deps(["lock"]).succeeds();
}

/// Whether the process has this file open.
fn has_open(process: &str, file: &std::path::Path) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let file = file.canonicalize().unwrap();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target == file)
}
