//! `deps diff` as a process over every step of a long history: the manifests of the corpus, which is no part of this
//! repository.
//!
//! Decides that the slowest step is the one that is measured: a limit that it keeps is kept by all.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "benches are made of processes and files")]

use std::path::Path;
use std::time::{Duration, Instant};

use criterion::Criterion;
use deps::manifest;
use deps::source::Source;
use deps_lock::{Entry, Git, Lock, Name, Rev, Text, Url};

use crate::program::Project;

/// Measures the slowest review, after a look at all of them.
pub(crate) fn benches(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/history/autoware");
    let Ok(entries) = std::fs::read_dir(folder) else { return println!("no reviews are measured: there is no corpus") };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "repos"));
    paths.sort();
    let project = Project::new("");
    for (number, path) in paths.iter().enumerate() {
        let text = std::fs::read_to_string(path).expect("the manifest is readable");
        project.write(&format!("{number:03}.lock"), &lock(&text).to_string());
    }
    let took = |number: usize| -> (Duration, usize) {
        let start = Instant::now();
        review(&project, number);
        (start.elapsed(), number)
    };
    let mut all: Vec<(Duration, usize)> = (1..paths.len()).map(took).collect();
    all.sort_unstable();
    let (Some((slowest, number)), Some((median, _))) = (all.last(), all.get(all.len() / 2)) else { return };
    println!("{} reviews: median {median:?}, slowest {slowest:?}", all.len());
    criterion.bench_function("review/slowest step of a history", |bencher| bencher.iter(|| review(&project, *number)));
}

fn review(project: &Project, number: usize) {
    project.deps(&["diff", &format!("{:03}.lock", number - 1), &format!("{number:03}.lock")]);
}

/// The lock of a manifest; the commits are made up of url and version.
fn lock(text: &str) -> Lock {
    let mut lock = Lock::new();
    let manifest = manifest::parse(&Source::new("autoware.repos", text)).expect("the corpus holds manifests");
    for one in manifest.repositories {
        let (url, version) = (one.url.value, one.version.map(|version| version.value).unwrap_or_default());
        let hash = blake3::hash(format!("{url} {version}").as_bytes()).to_hex();
        let git = Git {
            want: None,
            reference: Text::new(version.as_str()).ok(),
            rev: Rev::new(&hash[..40]).expect("it is 40 hexadecimal digits"),
            url: Url::new(url.as_str()).expect("the manifest has been checked"),
            extra: Default::default(),
        };
        lock.insert(Name::new(one.path.value.as_str()).expect("the manifest has been checked"), Entry::Repo(git));
    }
    lock
}
