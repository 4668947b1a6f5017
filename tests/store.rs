//! Trees of the store: what a hostile commit cannot do, and that a tree is a function of its commit.

use std::sync::atomic::AtomicBool;

use deps::digest::FolderFile;
use deps::extent::Extent;
use deps::store::{Checkout, Store};
use git2::{Oid, Repository};

/// A store and the id of a commit in it whose root tree has these raw entries (mode, name, object).
fn commit_with(entries: &[(&str, &[u8], Oid)], store: &Store, url: &str) -> String {
    let locked = store.repository(url).lock(&AtomicBool::new(false)).expect("the store is writable");
    let repository = Repository::open_bare(locked.path()).expect("a repository");
    let mut tree = Vec::new();
    for (mode, name, id) in entries {
        tree.extend_from_slice(mode.as_bytes());
        tree.push(b' ');
        tree.extend_from_slice(name);
        tree.push(0);
        tree.extend_from_slice(id.as_bytes());
    }
    let odb = repository.odb().expect("an object database");
    let tree = odb.write(git2::ObjectType::Tree, &tree).expect("raw objects can be written");
    let text = format!("tree {tree}\nauthor A <a@example.com> 0 +0000\ncommitter A <a@example.com> 0 +0000\n\nx\n");
    odb.write(git2::ObjectType::Commit, text.as_bytes()).expect("raw objects can be written").to_string()
}

fn blob(store: &Store, url: &str, content: &[u8]) -> Oid {
    let locked = store.repository(url).lock(&AtomicBool::new(false)).expect("the store is writable");
    Repository::open_bare(locked.path()).expect("a repository").blob(content).expect("a blob")
}

fn export(store: &Store, url: &str, rev: &str) -> Result<deps::store::Tree, String> {
    let checkout = Checkout::new(url, rev, Extent::default());
    store.export(&checkout, &AtomicBool::new(false)).map_err(|error| error.to_string())
}

#[test]
fn a_hostile_tree_writes_nothing_outside_its_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&folder.path().join("store")).expect("a store");
    let url = "https://git.example/evil.git";
    let text = blob(&store, url, b"owned");
    let outside = blob(&store, url, b"/tmp");
    for name in [&b".."[..], b".", b".git", b".GIT", b"a/b", b""] {
        let rev = commit_with(&[("100644", name, text)], &store, url);
        let error = export(&store, url, &rev).expect_err("no checkout may have such an entry");
        assert!(!store.has_tree(&rev), "{error}");
    }
    // A link, then a file of the same name through it.
    let rev = commit_with(&[("120000", b"x", outside), ("100644", b"x", text)], &store, url);
    export(&store, url, &rev).expect_err("a name stands twice");
    let rev = commit_with(&[("120000", b"link", outside)], &store, url);
    let tree = export(&store, url, &rev).expect("a link is content like any other");
    assert_eq!(std::fs::read_link(tree.path.join("link")).expect("a link").to_str(), Some("/tmp"));
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["store"]);
}

#[test]
fn a_pointer_of_git_lfs_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a store");
    let url = "https://git.example/lfs.git";
    let pointer = blob(&store, url, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    let rev = commit_with(&[("100644", b"model.bin", pointer)], &store, url);
    assert_eq!(export(&store, url, &rev).expect("it is a file").lfs_pointers, ["model.bin"]);
    assert_eq!(store.exported(&rev), None, "a tree with a pointer in place of content counts as absent");
}

#[test]
fn a_folder_is_kept_under_its_content_id() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path()).expect("a store");
    let files = [
        FolderFile { path: "bin/run", executable: true, content: b"#!/bin/sh\n" },
        FolderFile { path: "README", executable: false, content: b"hello\n" },
    ];
    let id = store.add_folder(&files).expect("the store is writable");
    assert_eq!(id, deps::digest::folder_id(&files));
    assert_eq!(store.add_folder(&files).expect("it is there already"), id);
    let tree = store.tree(&id).expect("it is there");
    assert_eq!(std::fs::read(tree.join("README")).expect("a file"), b"hello\n");
    for path in ["../x", "/x", "a/../x", ""] {
        let evil = [FolderFile { path, executable: false, content: b"" }];
        store.add_folder(&evil).expect_err(path);
    }
}

#[test]
fn a_store_that_cannot_be_made_says_where() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("it can be written");
    let error = Store::open(&file.join("store")).expect_err("a file is no folder");
    assert!(error.to_string().contains("file/store"), "{error}");
}
