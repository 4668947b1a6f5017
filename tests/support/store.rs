//! Whether a store is in order, whatever happened to the commands that wrote to it.

use std::fs;

use super::sandbox::Sandbox;

/// Checks that no work in progress was left in the store, and that git finds nothing wrong with its repositories.
#[track_caller]
pub(crate) fn is_sound(sandbox: &Sandbox) {
    let store = sandbox.store();
    let entries =
        |folder: &str| fs::read_dir(store.join(folder)).into_iter().flatten().map(|entry| entry.unwrap().path());
    assert_eq!(entries("tmp").collect::<Vec<_>>(), [""; 0].map(std::path::PathBuf::from), "left in tmp/");
    for repository in entries("git") {
        let path = repository.to_string_lossy();
        let checked = sandbox.program("git", ["--git-dir", &path, "fsck", "--full", "--strict", "--no-dangling"]);
        checked.succeeds();
        let files =
            sandbox.program("find", [&*path, "-name", "tmp_*", "-o", "-name", "*_git2_*", "-o", "-name", "*.lock"]);
        assert_eq!(files.succeeds().stdout(), "", "left in a repository");
    }
}
