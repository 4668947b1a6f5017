//! `deps cache`: what the store holds, what goes, and that damage is found.

use std::path::{Path, PathBuf};

use crate::archives::zip;
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project of two repositories, fetched; the URL in files is constant.
fn fetched() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    for name in ["a", "b"] {
        sandbox.git(name).file("f", "1\n").tag("1.0").commit();
        sandbox.git(name).file("d/f", "2\n").executable("run", "#!/bin/sh\n").symlink("link", "f").tag("2.0").commit();
    }
    sandbox.manifest(&manifest("1.0", "1.0"));
    sandbox.deps(["fetch"]).without_recheck().succeeds();
    sandbox
}

fn manifest(a: &str, b: &str) -> String {
    let entry = |name: &str, version: &str| {
        format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: \"{version}\" }}\n")
    };
    format!("repositories:\n{}{}", entry("a", a), entry("b", b))
}

/// Every file of the store whose content matters.
fn files(store: &Path) -> Vec<PathBuf> {
    let walk = ["git", "trees"].into_iter().flat_map(|folder| walkdir::WalkDir::new(store.join(folder)));
    let files = walk.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.map(walkdir::DirEntry::into_path).filter(|path| !path.ends_with("FETCH_HEAD")).collect()
}

#[test]
fn the_store_says_what_it_holds_and_where() {
    let sandbox = fetched();
    let list = sandbox.deps(["cache", "ls"]).succeeds().stdout();
    let shapes: Vec<String> = list.lines().map(|line| line.split_whitespace().nth(3).unwrap().to_owned()).collect();
    assert_eq!(
        list.lines().filter(|line| line.starts_with("* ")).count(),
        3,
        "two repositories of the same commit: {list}"
    );
    assert!(shapes.iter().filter(|name| name.starts_with("git/")).count() == 2, "{list}");
    let sums = sandbox.deps(["cache", "du"]).succeeds().stdout();
    assert!(sums.lines().count() == 6 && sums.lines().all(|line| line.contains(" 0 B needed by no project")), "{sums}");
    let root = sandbox.deps(["cache", "path"]).succeeds().stdout();
    assert_eq!(Path::new(root.trim_end()), sandbox.store());
    let rev = sandbox.read("deps.lock").lines().find_map(|line| Some(line.strip_prefix("rev = \"")?[..40].to_owned()));
    let tree = sandbox.deps(["cache", "path", &rev.unwrap()]).succeeds().stdout();
    assert!(Path::new(tree.trim_end()).join("f").is_file());
    sandbox.deps(["cache", "path", "0123"]).exits(1).stderr_is(str![[r#"
error: the store has no `0123`
hint: `deps cache ls` lists what there is

"#]]);
    let json = sandbox.deps(["cache", "ls", "--json"]).succeeds().stdout();
    let schema = sandbox.deps(["schema", "cache"]).succeeds().stdout();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let report = serde_json::from_str(&json).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn gc_removes_what_no_lock_needs_and_nothing_else() {
    let sandbox = fetched();
    // The store's other project needs version 2.0 of `b`; the first one is about to need 2.0 of `a`.
    sandbox.write("other/deps.toml", &sandbox.read("deps.toml"));
    sandbox.write("other/underlay.repos", &manifest("2.0", "2.0"));
    sandbox.deps_in("other", ["fetch"]).without_recheck().succeeds();
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds().stdout_is(str![[r#"
freed 0 B

"#]]);
    sandbox.manifest(&manifest("2.0", "2.0"));
    sandbox.deps(["fetch"]).without_recheck().succeeds();
    sandbox.deps(["cache", "gc"]).succeeds().stdout_is(str![[r#"
freed 0 B

"#]]);
    let dry = sandbox.deps(["cache", "gc", "--keep-days", "0", "--dry-run"]).succeeds().stdout();
    let done = sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds().stdout();
    let things = |text: &str| text.lines().filter(|line| line.starts_with("- ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(things(&dry), things(&done));
    assert_eq!(things(&done).len(), 3, "two repositories lose a commit, and a tree goes: {done}");
    assert_eq!(things(&done).iter().filter(|line| line.ends_with(" (1 of 2 commits)")).count(), 2, "{done}");
    sandbox.deps(["cache", "verify"]).succeeds();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["fetch"]).succeeds();
        sandbox.deps(["import", "--offline"]).succeeds();
        sandbox.deps_in("other", ["import", "--offline"]).succeeds();
    });
    // Version 1.0 is gone, and comes again.
    sandbox.manifest(&manifest("1.0", "1.0"));
    sandbox.deps(["fetch"]).without_recheck().succeeds();
    sandbox.deps(["cache", "verify"]).succeeds();
}

#[test]
fn gc_does_not_guess_what_a_broken_project_needs() {
    let sandbox = fetched();
    sandbox.write("other/deps.toml", &sandbox.read("deps.toml"));
    sandbox.write("other/underlay.repos", &manifest("2.0", "2.0"));
    sandbox.deps_in("other", ["fetch"]).without_recheck().succeeds();
    sandbox.write("other/deps.lock", "schema = 1\n[repo.\"a\"]\nrev = 7\n");
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).exits(1).stderr_is(str![[r#"
error: what the project in `[ROOT]/project/other` needs cannot be told
  repo `a` has no `url`
  repo `a`: `rev` has type integer, not string
hint: mend its deps.lock, or leave it out: `deps cache gc --forget [ROOT]/project/other`

"#]]);
    sandbox.deps(["cache", "gc", "--keep-days", "0", "--forget", "other"]).succeeds();
    sandbox.deps(["cache", "gc", "--forget", "other"]).exits(2).stderr_is(str![[r#"
error: `[ROOT]/project/other` is no project that needs anything in the store

"#]]);
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch"]).succeeds());
    std::fs::remove_file(sandbox.path("deps.toml")).unwrap();
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds();
    assert!(files(&sandbox.store()).is_empty(), "a project that is gone needs nothing");
}

#[test]
fn submodules_of_what_is_needed_stay() {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let deep = sandbox.git("deep").file("d", "1").commit();
    let sub = sandbox.git("sub").file("s", "1").submodule("deep", "../deep.git", &deep).commit();
    sandbox.git("top").file("t", "1").submodule("sub", "../sub.git", &sub).commit();
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"x.repos\"\ndest = \"/ws\"\nsubmodules = true\n",
    );
    sandbox.write("x.repos", "repositories:\n  top: { type: git, url: https://git.example/top.git }\n");
    sandbox.deps(["fetch"]).without_recheck().succeeds();
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds();
    sandbox.servers_stopped(|sandbox| sandbox.deps(["import", "--offline"]).succeeds());
    assert!(sandbox.has("src/top/sub/deep/d"));
}

#[test]
fn verify_finds_every_flipped_byte() {
    let sandbox = fetched();
    sandbox.deps(["cache", "verify"]).succeeds();
    let files = files(&sandbox.store());
    assert!(files.len() > 15, "{files:?}");
    for path in files {
        let whole = std::fs::read(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions();
        for at in [0, whole.len() / 2, whole.len().saturating_sub(1)] {
            if whole.is_empty() {
                continue;
            }
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &damaged).unwrap();
            std::fs::set_permissions(&path, mode.clone()).unwrap();
            let run = sandbox.deps(["cache", "verify"]).runs();
            assert!(run.stderr().contains(" is damaged: "), "byte {at} of {}\n{run}", path.display());
            run.exited(4);
        }
        std::fs::write(&path, &whole).unwrap();
    }
    sandbox.deps(["cache", "verify"]).succeeds();
}

#[test]
fn what_is_damaged_is_removed_and_comes_again() {
    let sandbox = fetched();
    let [tree, pack] = ["f", "pack"].map(|end| {
        let file = files(&sandbox.store()).into_iter().find(|path| path.to_string_lossy().ends_with(end));
        file.unwrap_or_else(|| panic!("no {end}"))
    });
    for path in [&tree, &pack] {
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, "damaged").unwrap();
    }
    let run = sandbox.deps(["cache", "verify", "--repair"]).exits(4);
    assert_eq!(run.stderr().matches(" is damaged: ").count(), 2, "{run}");
    sandbox.deps(["cache", "verify"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    sandbox.deps(["cache", "verify"]).succeeds();
    assert_eq!(std::fs::read_to_string(&tree).unwrap(), "1\n");
}

#[test]
fn archives_that_are_needed_stay_and_are_verified() {
    let sandbox = Sandbox::new();
    sandbox.serve("a.zip", &zip(&[("a", "1")]));
    sandbox.manifest("repositories:\n  x: { type: zip, url: $GIT/files/a.zip }\n");
    sandbox.deps(["fetch"]).without_recheck().succeeds();
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds();
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch"]).succeeds());
    let file = std::fs::read_dir(sandbox.store().join("files")).unwrap().next().unwrap().unwrap().path();
    let mut content = std::fs::read(&file).unwrap();
    content[0] ^= 1;
    std::fs::write(&file, content).unwrap();
    let run = sandbox.deps(["cache", "verify"]).exits(4);
    assert!(run.stderr().contains("error: files/"), "{run}");
    sandbox.manifest("repositories: {}\n");
    sandbox.deps(["lock"]).succeeds();
    let freed = sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds().stdout();
    assert!(freed.contains("- files/") && freed.contains("- trees/a-"), "{freed}");
}
