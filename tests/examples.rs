//! Every example is locked and planned again: the committed lock and Dockerfile are what the program writes.

use std::path::{Path, PathBuf};

use crate::support::sandbox::Sandbox;

/// Copies a folder, without anything that is not in git.
fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(|entry| entry.expect("the example can be read")) {
        let target = to.join(entry.path().strip_prefix(from).expect("a walk stays below its top"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target).expect("the sandbox is writable");
        } else {
            std::fs::copy(entry.path(), &target).expect("the sandbox is writable");
        }
    }
}

/// A sandbox whose project is a copy of an example.
pub(crate) fn example(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    copy(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), &sandbox.path(""));
    sandbox
}

/// The examples that are projects.
fn names() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(folder).expect("there are examples").map(|entry| entry.expect("a readable folder"));
    let projects = entries.filter(|entry| entry.path().join("deps.toml").exists());
    let mut names: Vec<String> = projects.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[test]
fn every_example_is_up_to_date() {
    assert!(!names().is_empty());
    for name in names() {
        let sandbox = example(&name);
        let (lock, dockerfile) = (sandbox.read("deps.lock"), sandbox.read("Dockerfile"));
        sandbox.deps(["lock", "--check"]).succeeds();
        snapbox::assert_data_eq!(
            sandbox.deps(["dockerfile"]).succeeds().stdout(),
            snapbox::Data::text(dockerfile).raw()
        );
        std::fs::remove_file(sandbox.path("deps.lock")).expect("it was read a moment ago");
        sandbox.deps(["lock"]).succeeds();
        assert_eq!(sandbox.read("deps.lock"), lock, "examples/{name}/deps.lock");
    }
}

#[test]
fn every_example_has_a_short_readme() {
    for name in names() {
        let text = example(&name).read("README.md");
        assert!(text.starts_with(&format!("# {name}\n")) && text.lines().count() <= 8, "examples/{name}/README.md");
    }
}

#[test]
fn the_quickstart_s_repositories_hold_what_the_lock_says() {
    let sandbox = example("quickstart");
    sandbox.deps(["fetch", "--frozen"]).succeeds();
    let lock = sandbox.read("deps.lock");
    let revs: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("rev = \"")?.strip_suffix('"')).collect();
    assert_eq!(revs.len(), 2);
    for rev in revs {
        assert!(sandbox.store().join("trees").join(rev).is_dir());
    }
}
