//! `auto = true`: what files show is decided by `deps lock`, and stands in the lock.

use snapbox::str;

use crate::support::sandbox::Sandbox;

const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A project with this value of `auto`, these extensions, and a file of CMake.
fn project(auto: &str, extensions: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{BASE}\"\nauto = {auto}\n\n[extensions]\n{extensions}"));
    sandbox.write("tools/CMakeLists.txt", "");
    sandbox
}

/// The extensions in the lock, each with the file that shows it.
fn locked(sandbox: &Sandbox) -> Vec<String> {
    let lock = sandbox.read("deps.lock");
    let blocks = lock.split("\n\n").filter_map(|block| block.strip_prefix("[ext.\""));
    let file = |block: &str| block.split("detected = \"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    let one = |block: &str| match file(block) {
        Some(file) => format!("{} {file}", block.split('"').next().unwrap()),
        None => block.split('"').next().unwrap().to_owned(),
    };
    blocks.map(one).collect()
}

#[test]
fn a_stray_file_changes_the_lock_when_it_is_asked_for_and_never_a_frozen_build() {
    let sandbox = project("true", "jq = \"*\"\n");
    sandbox.deps(["lock"]).succeeds().stderr_is(str![[r#"
  + ext `ccache` 1.0.0, `tools/CMakeLists.txt` shows it
  + ext `jq` 1.0.0
  + image `base` debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa sha256:aaaaaaaa
wrote deps.lock: 3 entries, 3 added, 0 changed, 0 removed

"#]]);
    assert_eq!(locked(&sandbox), ["ccache tools/CMakeLists.txt", "jq"]);
    let (lock, dockerfile) = (sandbox.read("deps.lock"), sandbox.deps(["dockerfile"]).succeeds().stdout());
    sandbox.write("vendor/Cargo.toml", "");
    sandbox.write("a/CMakeLists.txt", "");
    assert_eq!(sandbox.deps(["dockerfile"]).succeeds().stdout(), dockerfile);
    sandbox.deps(["plan"]).succeeds();
    sandbox.deps(["fetch", "--frozen"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), lock);
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  ext `cargo`: `vendor/Cargo.toml` shows it, not in the lock
hint: to update it, run `deps lock`

"#]]);
    let json = sandbox.deps(["lock", "--check", "--json"]).exits(3).stdout();
    assert!(json.contains("\"kind\": \"missing\"") && json.contains("\"key\": \"ext:cargo\""), "{json}");
    sandbox.deps(["lock"]).succeeds().stderr_is(str![[r#"
  + ext `cargo` 1.0.0, `vendor/Cargo.toml` shows it
wrote deps.lock: 4 entries, 1 added, 0 changed, 0 removed

"#]]);
    assert_eq!(locked(&sandbox), ["cargo vendor/Cargo.toml", "ccache tools/CMakeLists.txt", "jq"]);
}

#[test]
fn the_file_in_the_lock_stays_as_long_as_it_shows_the_extension() {
    let sandbox = project("true", "");
    sandbox.deps(["lock"]).succeeds();
    sandbox.write("a/CMakeLists.txt", "");
    sandbox.deps(["lock", "--check"]).succeeds();
    std::fs::remove_file(sandbox.path("tools/CMakeLists.txt")).unwrap();
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  ext `ccache`: `a/CMakeLists.txt` shows it now, in the lock `tools/CMakeLists.txt` shows it
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(locked(&sandbox), ["ccache a/CMakeLists.txt"]);
    std::fs::remove_file(sandbox.path("a/CMakeLists.txt")).unwrap();
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  ext `ccache`: in the lock, but nothing asks for it
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock"]).succeeds();
    assert!(locked(&sandbox).is_empty());
}

#[test]
fn what_deps_toml_says_of_an_extension_wins() {
    let sandbox = project("{ exclude = [\"npm\"] }", "");
    sandbox.write("package.json", "{}");
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(locked(&sandbox), ["ccache tools/CMakeLists.txt"]);
    sandbox.edit("deps.toml", "[extensions]\n", "[extensions]\nccache = \"*\"\n");
    sandbox.deps(["plan"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date, and a plan follows from it
  ext `ccache`: it is asked for now, in the lock `tools/CMakeLists.txt` shows it
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(locked(&sandbox), ["ccache"]);
    sandbox.edit("deps.toml", "[\"npm\"]", "[\"npm\", \"cache\"]");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: there is no extension `cache`
 --> deps.toml:4:28
  |
4 | auto = { exclude = ["npm", "cache"] }
  |                            ^^^^^^^
hint: did you mean `ccache`?

"#]]);
    sandbox.edit("deps.toml", "{ exclude = [\"npm\", \"cache\"] }", "false");
    sandbox.edit("deps.toml", "ccache = \"*\"\n", "");
    sandbox.deps(["lock"]).succeeds();
    assert!(locked(&sandbox).is_empty());
}

#[test]
fn nobody_looks_where_the_next_clone_has_nothing() {
    let sandbox = project("true", "");
    sandbox.write(".gitignore", "build/\n");
    sandbox.write("build/package.json", "{}");
    sandbox.write(".cache/package.json", "{}");
    sandbox.write("src/other/.git/HEAD", "ref: refs/heads/main\n");
    sandbox.write("src/other/Cargo.toml", "");
    sandbox.write("-x/package.json", "{}");
    std::os::unix::fs::symlink("/usr", sandbox.path("usr")).unwrap();
    for home in ["home/package.json", "home/.config/nvim/init.lua", "package.json", "Cargo.toml"] {
        let path = sandbox.root().join(home);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(locked(&sandbox), ["ccache tools/CMakeLists.txt"]);
}
