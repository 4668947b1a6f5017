//! 60 repositories on a real git server that is 20 ms away: locking them, and fetching what is fetched already.
//!
//! Decides what the repositories look like: 46 small ones of 30 commits, 10 with 1,000 refs, 4 with a tree of 6 MB; a
//! quarter of the manifest asks for a tag, the rest for a branch. Nothing in them is random.

#![expect(clippy::disallowed_methods, reason = "fixtures are made of files and of the git program")]

use std::io::{BufRead as _, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use criterion::{BatchSize, Criterion};

use crate::delay::DelayProxy;
use crate::git_server::GitServer;
use crate::program::Project;

const REPOSITORIES: usize = 60;
const ONE_WAY: Duration = Duration::from_millis(10);
const DEPS_TOML: &str =
    "[project]\nname = \"robot\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"robot.repos\"\ndest = \"/ws/src\"\n";

/// Measures locking and fetching.
pub(crate) fn benches(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    make_repositories(folder.path());
    let server = GitServer::start(folder.path());
    let proxy = DelayProxy::start(server.port(), ONE_WAY);
    let project = Project::new(DEPS_TOML);
    project.write("robot.repos", &manifest(&proxy.url()));

    let mut group = criterion.benchmark_group("60 repositories, 20 ms away");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("lock", |bencher| {
        let forget = || {
            project.remove("deps.lock");
            server.reset();
        };
        bencher.iter_batched(forget, |()| project.deps(&["lock"]), BatchSize::PerIteration);
        assert_eq!(server.requests(), REPOSITORIES, "a lock lists each repository once");
    });
    project.deps(&["fetch"]);
    server.reset();
    group.bench_function("lock, in sync", |bencher| bencher.iter(|| project.deps(&["lock"])));
    group.bench_function("lock --check", |bencher| bencher.iter(|| project.deps(&["lock", "--check"])));
    group.bench_function("fetch, all in the store", |bencher| bencher.iter(|| project.deps(&["fetch"])));
    assert_eq!(server.connections(), 0, "what is pinned and in the store needs no connection");
    group.finish();
}

/// Serves 60 new repositories below `folder`, whose manifest becomes `folder/robot.repos`, until standard input ends.
///
/// Prints the server's URL, and then, for each line that it reads, the number of requests since the line before.
pub(crate) fn serve(folder: &Path, one_way_ms: u64) {
    let root = folder.join("git");
    std::fs::create_dir_all(&root).expect("the folder is writable");
    make_repositories(&root);
    let server = GitServer::start(&root);
    let proxy = DelayProxy::start(server.port(), Duration::from_millis(one_way_ms));
    let (toml, repos) = (folder.join("deps.toml"), folder.join("robot.repos"));
    std::fs::write(toml, DEPS_TOML).expect("the folder is writable");
    std::fs::write(repos, manifest(&proxy.url())).expect("the folder is writable");
    say(&proxy.url());
    for line in std::io::stdin().lock().lines() {
        line.expect("the reader of the counts writes lines");
        say(&server.requests().to_string());
        server.reset();
    }
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).expect("somebody reads");
}

fn manifest(server: &str) -> String {
    let entry = |number: usize| {
        let version = if number.is_multiple_of(4) { "1.0.0" } else { "main" };
        format!(
            "  group{}/repository{number}: {{ type: git, url: {server}/r{number}.git, version: {version} }}\n",
            number % 5
        )
    };
    format!("repositories:\n{}", (0..REPOSITORIES).map(entry).collect::<String>())
}

fn make_repositories(root: &Path) {
    for number in 0..REPOSITORIES {
        let folder = root.join(format!("r{number}.git"));
        git(root, &["init", "--quiet", "--bare", "--initial-branch=main", &format!("r{number}.git")], b"");
        git(&folder, &["config", "uploadpack.allowAnySHA1InWant", "true"], b"");
        git(&folder, &["fast-import", "--quiet"], &history(number));
        git(&folder, &["pack-refs", "--all"], b"");
    }
}

/// The input of `git fast-import`.
fn history(number: usize) -> Vec<u8> {
    let (refs, tree) = match number % REPOSITORIES {
        0..46 => (0, 0),
        46..56 => (500, 0),
        _ => (0, 6_000_000),
    };
    let mut stream = Vec::new();
    for commit in 0..30 {
        let seed = format!("{number} {commit}");
        let head = format!(
            "commit refs/heads/main\ncommitter Ada <ada@example.org> {} +0000\ndata 0\n",
            1_700_000_000 + commit
        );
        stream.extend_from_slice(head.as_bytes());
        file(&mut stream, &format!("src/file{}.txt", commit % 10), &text(&seed, 8_000));
    }
    if tree > 0 {
        file(&mut stream, "share/map.pgm", &text(&format!("{number} map"), tree));
    }
    let more = (0..refs).flat_map(|number| [format!("refs/heads/topic/{number}"), format!("refs/tags/0.{number}.0")]);
    for name in more.chain(["refs/tags/1.0.0".to_owned()]) {
        stream.extend_from_slice(format!("reset {name}\nfrom refs/heads/main\n\n").as_bytes());
    }
    stream
}

fn file(stream: &mut Vec<u8>, path: &str, content: &[u8]) {
    stream.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", content.len()).as_bytes());
    stream.extend_from_slice(content);
    stream.push(b'\n');
}

/// Digits that compress about as well as source code does not: to a half.
fn text(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes.iter().map(|byte| b"0123456789abcdef"[usize::from(byte % 16)]).collect()
}

fn git(folder: &Path, arguments: &[&str], input: &[u8]) {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let mut child = command.stdin(Stdio::piped()).spawn().expect("these benches need the `git` program");
    child.stdin.take().expect("standard input is piped").write_all(input).expect("git reads all of it");
    assert!(child.wait().expect("git ends").success(), "git {arguments:?}");
}
