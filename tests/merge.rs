//! What git's own merge makes of two branches that both changed a lock: replayed on the history of a real manifest.
//!
//! Every change of the manifest, and every other within the next ten that touches other repositories, are taken for two
//! pull requests on the same base. The manifests are no part of this repository; where they are absent the test says so.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "reads the corpus, and says what it found")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use deps::manifest;
use deps::source::Source;
use deps_lock::{Lock, Markers, Name};
use git2::{MergeFileInput, MergeFileOptions};

use crate::support::engine::say_skipped;
use crate::support::invented::repository;
use crate::support::sandbox::Sandbox;

/// Path → url and version.
type State = BTreeMap<String, (String, String)>;
/// What a change makes of the repositories it touches; none removes one.
type Change = BTreeMap<String, Option<(String, String)>>;

/// The most repositories that one pull request touches.
const MOST: usize = 5;
/// Of the pairs that merge without the driver, so many stand for one that is merged by `git merge`.
const EVERY: usize = 400;
/// How far apart two changes may be.
const APART: usize = 10;

#[test]
fn concurrent_changes_of_other_repositories_merge_to_the_lock_of_both() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/history/autoware");
    if !folder.is_dir() {
        return say_skipped("../shared/corpus", "the folder is absent");
    }
    // git2 starts libgit2 for us everywhere but in `merge_file`.
    git2::Config::new().expect("libgit2 starts");
    let states = states(&folder);
    let changes: Vec<Change> = states.windows(2).map(|pair| change(&pair[0], &pair[1])).collect();
    let (mut pairs, mut conflicts, mut bumps, mut bump_conflicts) = (0, 0, 0, 0);
    let mut through_git = Vec::new();
    for (index, one) in changes.iter().enumerate() {
        for (later, other) in changes.iter().enumerate().skip(index + 1).take(APART) {
            let good = |change: &Change| (1..=MOST).contains(&change.len());
            if !good(one) || !good(other) || one.keys().any(|path| other.contains_key(path)) {
                continue;
            }
            let base = &states[index];
            // What the other one updates or removes must be there, and what it adds must not.
            if other.keys().any(|path| base.contains_key(path) != states[later].contains_key(path)) {
                continue;
            }
            let [origin, one_lock, other_lock, both] =
                [vec![], vec![one], vec![other], vec![one, other]].map(|changes| lock(&changed(base, &changes)));
            // By entry, every pair merges.
            let by_entry = deps_lock::merge(&origin, &one_lock, &other_lock).to_text(&Markers::default());
            let [origin, ours, theirs, both] = [origin, one_lock, other_lock, both].map(|lock| lock.to_string());
            assert_eq!(by_entry, both, "change {index} does not merge by entry");
            let is_bump = [one, other].iter().all(|change| is_bump(base, change));
            pairs += 1;
            bumps += usize::from(is_bump);
            let clean = merged(&origin, &ours, &theirs);
            if clean.is_none() || pairs % EVERY == 0 {
                through_git.push([origin, ours, theirs, both.clone()]);
            }
            match clean {
                Some(merged) => assert_eq!(merged, both, "change {index} merges cleanly to another lock"),
                None => {
                    conflicts += 1;
                    bump_conflicts += usize::from(is_bump);
                }
            }
        }
    }
    println!("{pairs} pairs, {conflicts} conflicts; {bumps} of them bumps, {bump_conflicts} conflicts");
    assert!(pairs > 1_000 && bumps > 500, "the history is complete");
    // 20 of 1,606 (1.2 %), as `git merge-file` has them too: one adds or removes a block beside one that the other does.
    assert!(conflicts * 1_000 <= pairs * 13, "{conflicts} of {pairs} are more than 1.3 %");
    assert_eq!(bump_conflicts, 0);
    let resolved = git_merges(&through_git);
    println!("{} pairs through `git merge`: {} need the driver", through_git.len(), resolved);
    assert_eq!(resolved, conflicts);
}

/// Merges each pair with `git merge`, without the driver and with it, which must make the lock of both; returns how many
/// conflict without it.
fn git_merges(pairs: &[[String; 4]]) -> usize {
    let sandbox = Sandbox::new();
    sandbox.git_config("[user]\n\tname = a\n\temail = a@b.c\n[init]\n\tdefaultBranch = main\n");
    let bin = sandbox.root().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_deps-cli"), bin.join("deps")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let git = |arguments: &[&str]| sandbox.program("git", arguments).env("PATH", &path).runs();
    git(&["init", "--quiet"]);
    sandbox.deps(["git-setup"]).succeeds();
    let attributes = sandbox.read(".gitattributes");
    let commit = |text: &str| {
        sandbox.write("deps.lock", text);
        git(&["add", "deps.lock"]);
        git(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        git(&["rev-parse", "HEAD"]).stdout().trim().to_owned()
    };
    let mut conflicts = 0;
    for [base, ours, theirs, both] in pairs {
        let base = commit(base);
        let theirs = commit(theirs);
        git(&["reset", "--quiet", "--hard", &base]);
        let ours = commit(ours);
        sandbox.write(".gitattributes", "");
        let alone = git(&["merge", "--quiet", "--no-edit", &theirs]);
        conflicts += usize::from(alone.code() != Some(0));
        git(&["reset", "--quiet", "--hard", &ours]);
        sandbox.write(".gitattributes", &attributes);
        let driven = git(&["merge", "--quiet", "--no-edit", &theirs]);
        assert_eq!((driven.code(), &sandbox.read("deps.lock")), (Some(0), both), "{driven}");
    }
    conflicts
}

fn states(folder: &Path) -> Vec<State> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "repos"));
    paths.sort();
    let state = |path: &std::path::PathBuf| -> State {
        let text = fs::read_to_string(path).unwrap();
        let manifest = manifest::parse(&Source::new("autoware.repos", text)).unwrap();
        let entry = |one: manifest::Repository| {
            (one.path.value, (one.url.value, one.version.map(|version| version.value).unwrap_or_default()))
        };
        manifest.repositories.into_iter().map(entry).collect()
    };
    paths.iter().map(state).collect()
}

fn change(before: &State, after: &State) -> Change {
    let paths = before.keys().chain(after.keys());
    let touched = paths.filter(|path| before.get(*path) != after.get(*path));
    touched.map(|path| (path.clone(), after.get(path).cloned())).collect()
}

fn changed(base: &State, changes: &[&Change]) -> State {
    let mut state = base.clone();
    for (path, entry) in changes.iter().copied().flatten() {
        match entry {
            Some(entry) => _ = state.insert(path.clone(), entry.clone()),
            None => _ = state.remove(path),
        }
    }
    state
}

/// Whether `change` gives repositories of `base` another version, and does nothing else.
fn is_bump(base: &State, change: &Change) -> bool {
    change.iter().all(|(path, entry)| {
        let old = base.get(path).map(|(url, _)| url);
        old.is_some() && entry.as_ref().map(|(url, _)| url) == old
    })
}

/// The canonical lock of `state`; the commits are made up of url and version.
fn lock(state: &State) -> Lock {
    let mut lock = Lock::new();
    for (path, (url, version)) in state {
        lock.insert(Name::new(path.as_str()).unwrap(), repository(url, version));
    }
    lock
}

fn input(text: &str) -> MergeFileInput<'_> {
    let mut input = MergeFileInput::new();
    input.content(text.as_bytes());
    input
}

/// What `git merge` makes of the file; none for a conflict.
fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let [base, ours, theirs] = [base, ours, theirs].map(input);
    let merged = git2::merge_file(&base, &ours, &theirs, Some(&mut MergeFileOptions::new())).unwrap();
    merged.is_automergeable().then(|| String::from_utf8(merged.content().to_vec()).unwrap())
}
