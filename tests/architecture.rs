//! Holds the code to ARCHITECTURE.md: which room may name which, and that no file is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which other rooms a room may name. `cli` may name all.
const MAY_NAME: [(&str, &[&str]); 26] = [
    ("bisect", &["resolve"]),
    ("checkout", &["extent", "remote", "store"]),
    ("clone", &["workspace"]),
    ("configuration", &["source", "typed_toml"]),
    ("container", &["extension"]),
    ("digest", &["extent"]),
    ("dockerfile", &["plan"]),
    ("engine", &["provenance"]),
    ("extent", &[]),
    ("extension", &["digest", "project", "source", "typed_toml"]),
    ("hashing", &["digest", "threads"]),
    ("lint", &["extension", "shell", "source"]),
    ("manifest", &["source"]),
    ("plan", &["digest", "extension", "project", "provenance", "shell", "source", "threads"]),
    ("project", &["extent", "source", "typed_toml"]),
    ("provenance", &[]),
    ("remote", &["digest", "extent", "resolve", "store"]),
    ("report", &["extension", "lint", "manifest", "plan", "provenance", "resolve", "source", "threads"]),
    ("resolve", &["extension", "extent", "manifest", "project", "source"]),
    ("shell", &["source"]),
    ("source", &[]),
    ("store", &["digest", "extent", "hashing"]),
    ("threads", &[]),
    ("typed_toml", &["source"]),
    (
        "workspace",
        &["digest", "extension", "extent", "hashing", "manifest", "plan", "project", "resolve", "source", "threads"],
    ),
    (
        "cli",
        &[
            "bisect",
            "checkout",
            "clone",
            "configuration",
            "container",
            "digest",
            "dockerfile",
            "engine",
            "extension",
            "extent",
            "hashing",
            "lint",
            "manifest",
            "plan",
            "project",
            "provenance",
            "remote",
            "report",
            "resolve",
            "source",
            "store",
            "typed_toml",
            "workspace",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The room that a file belongs to: the first part of its path below `src/`.
fn room(file: &Path) -> String {
    let relative = file.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn rooms_name_only_what_they_may() {
    let rules: BTreeMap<&str, &[&str]> = MAY_NAME.into_iter().collect();
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let room = room(&file);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let allowed = rules.get(room.as_str()).unwrap_or_else(|| panic!("room `{room}` has no rule here"));
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for name in code.split("crate::").skip(1) {
            let name: String = name.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !name.is_empty()
                && name != room
                && rules.contains_key(name.as_str())
                && !allowed.contains(&name.as_str())
            {
                wrong.push(format!("{} names `{name}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_decides() {
    let folders = ["src", "lock/src", "tests", "benches"];
    let files = folders.iter().flat_map(|folder| rust_files(&root().join(folder)));
    let speaks = |text: &str| {
        let first = text.lines().find(|line| !line.starts_with("#![expect") && !line.starts_with("#![deny"));
        first.is_some_and(|line| line.starts_with("//! ") || line.starts_with("#![doc = include_str!"))
    };
    let silent: Vec<_> = files.filter(|file| !speaks(&fs::read_to_string(file).unwrap())).collect();
    assert!(silent.is_empty(), "no `//!` at the top: {silent:?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/main.rs")).unwrap();
    let declared: BTreeSet<&str> =
        main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    let entries = fs::read_dir(root().join("tests")).unwrap().map(|entry| entry.unwrap().path());
    for path in entries
        .filter(|path| path.is_dir() && path.join("mod.rs").exists() || path.extension().is_some_and(|e| e == "rs"))
    {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "main" || declared.contains(name), "tests/main.rs does not name `{name}`");
    }
}

#[test]
fn the_effect_free_rooms_have_no_effects() {
    for room in [
        "configuration.rs",
        "digest.rs",
        "dockerfile",
        "extension",
        "extent.rs",
        "lint",
        "manifest",
        "plan",
        "project",
        "report",
        "resolve",
        "shell",
        "source.rs",
    ] {
        let path = root().join("src").join(room);
        let files = if path.is_dir() { rust_files(&path) } else { vec![path] };
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("clippy::disallowed"), "{} allows itself an effect", file.display());
        }
    }
}
