//! `schema/` is what the types say; every example validates, what must not does not.

use std::path::{Path, PathBuf};

use crate::support::sandbox::Sandbox;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

const SCHEMAS: [&str; 23] = [
    "cache-ls",
    "cache-du",
    "cache-gc",
    "cache-verify",
    "cache-engine",
    "cache-engine-prune",
    "config",
    "deps",
    "diff",
    "extension",
    "lint",
    "lock",
    "lock-verify",
    "plan",
    "progress",
    "drift",
    "extensions",
    "import",
    "status",
    "update",
    "verify",
    "why",
    "graph",
];

fn validator(name: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(root().join(format!("schema/{name}.json"))).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn toml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    toml_edit::de::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &str, name: &str) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name().into_iter().map(|entry| entry.unwrap());
    walk.filter(|entry| entry.file_name() == name).map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for name in SCHEMAS {
        let run = Sandbox::new().deps(["schema", name]).succeeds();
        let path = root().join(format!("schema/{name}.json"));
        snapbox::assert_data_eq!(run.stdout(), snapbox::Data::read_from(&path, None).raw());
    }
}

#[test]
fn every_example_and_every_built_in_extension_validates() {
    let cases = [
        ("deps", files("examples", "deps.toml")),
        ("lock", files("examples", "deps.lock")),
        ("extension", files("extensions", "extension.toml")),
    ];
    for (name, paths) in cases {
        assert!(!paths.is_empty(), "nothing to validate against schema/{name}.json");
        let validator = validator(name);
        for path in paths {
            let errors: Vec<String> = validator.iter_errors(&toml(&path)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        }
    }
}

#[test]
fn what_must_not_validate_does_not() {
    let mut count = 0;
    for name in ["config", "deps", "extension", "lock"] {
        let folder = root().join("schema/reject").join(name);
        let validator = validator(name);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!validator.is_valid(&toml(&path)), "{} validates", path.display());
            count += 1;
        }
    }
    assert!(count >= 9, "only {count} files to reject");
}

#[test]
fn a_plan_and_a_drift_validate_as_printed() {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("a", "1").tag("1.0").commit();
    sandbox.manifest("repositories:\n  x: { type: git, url: $GIT/x.git, version: 1.0 }\n");
    sandbox.deps(["lock"]).succeeds();
    let plan = sandbox.deps(["plan", "--json"]).succeeds().stdout();
    assert!(validator("plan").is_valid(&serde_json::from_str(&plan).unwrap()));
    let graph = sandbox.deps(["graph", "--json"]).succeeds().stdout();
    assert!(validator("graph").is_valid(&serde_json::from_str(&graph).unwrap()));
    sandbox.edit("underlay.repos", "1.0", "main");
    let drift = sandbox.deps(["lock", "--check", "--json"]).exits(3).stdout();
    assert!(validator("drift").is_valid(&serde_json::from_str(&drift).unwrap()));
    let update = sandbox.deps(["update", "--dry-run", "--json"]).without_recheck().succeeds().stdout();
    assert!(validator("update").is_valid(&serde_json::from_str(&update).unwrap()), "{update}");
}
