//! What a manifest may do beside naming repositories: extend others, nest checkouts, lead out of its folder.

use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project of `*.repos` below `/ws/src`, with the repositories `a` and `b`, which have the tags 1.0 and 2.0.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    for name in ["a", "b"] {
        sandbox.git(name).file("f", "1").tag("1.0").commit();
        sandbox.git(name).file("f", "2").tag("2.0").commit();
    }
    sandbox.deps_toml(&project_with(""));
    sandbox
}

fn project_with(more: &str) -> String {
    format!(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"top.repos\"\ndest = \"/ws/src\"\n{more}"
    )
}

fn entry(path: &str, repository: &str, version: &str) -> String {
    format!("  {path}:\n    {{ type: git, url: https://git.example/{repository}.git, version: \"{version}\" }}\n")
}

#[test]
fn a_manifest_replaces_whole_entries_of_those_that_it_extends() {
    let sandbox = project();
    sandbox.write("shared/base.repos", &format!("repositories:\n{}{}", entry("x", "a", "1.0"), entry("y", "a", "1.0")));
    sandbox.write("shared/more.repos", &format!("extends: base.repos\nrepositories:\n{}", entry("y", "b", "1.0")));
    sandbox.write("shared/other.repos", &format!("extends: ./base.repos\nrepositories:\n{}", entry("z", "b", "1.0")));
    let own = entry("z", "a", "2.0");
    // Later parents count more: `y` is the one of base, which `other` brings again after `more` has replaced it.
    sandbox
        .write("top.repos", &format!("extends:\n  - shared/more.repos\n  - shared/other.repos\nrepositories:\n{own}"));
    sandbox.deps(["lock"]).succeeds().stderr_is(str![[r#"
  + repo `x` 1.0 274285a9
  + repo `y` 1.0 274285a9
  + repo `z` 2.0 8dcb387e
wrote deps.lock: 3 entries, 3 added, 0 changed, 0 removed

"#]]);
    sandbox.write("top.repos", "extends: [shared/other.repos, shared/more.repos]\n");
    sandbox.deps(["lock"]).succeeds().stderr_is(str![[r#"
  ~ repo `y` 1.0 274285a9 → 1.0 274285a9 (only its url or spelling)
  ~ repo `z` 2.0 8dcb387e → 1.0 274285a9
wrote deps.lock: 3 entries, 0 added, 2 changed, 0 removed

"#]]);
}

#[test]
fn circles_and_other_wrong_extensions_are_refused_at_their_line() {
    let sandbox = project();
    sandbox
        .write("top.repos", "extends: [a/b.repos, a/b.repos, https://git.example/x.repos, ../up.repos, gone.repos]\n");
    sandbox.write("a/b.repos", "repositories: []\nextends: c.repos\n");
    sandbox.write("a/c.repos", "extends: ../top.repos\n");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: the manifests extend each other in a circle: top.repos → a/b.repos → a/c.repos → top.repos
 --> a/c.repos:1:10
  |
1 | extends: ../top.repos
  |          ^^^^^^^^^^^^

error: `a/b.repos` is extended twice
 --> top.repos:1:22
  |
1 | extends: [a/b.repos, a/b.repos, https://git.example/x.repos, ../up.repos, gone.repos]
  |                      ^^^^^^^^^
hint: remove one of the two

error: `https://git.example/x.repos` is no path inside the project's folder
 --> top.repos:1:33
  |
1 | extends: [a/b.repos, a/b.repos, https://git.example/x.repos, ../up.repos, gone.repos]
  |                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: copy the manifest into the project: a lock must not depend on what stands around it

error: `../up.repos` is no path inside the project's folder
 --> top.repos:1:62
  |
1 | extends: [a/b.repos, a/b.repos, https://git.example/x.repos, ../up.repos, gone.repos]
  |                                                              ^^^^^^^^^^^
hint: copy the manifest into the project: a lock must not depend on what stands around it

error: cannot read `gone.repos`: it does not exist
 --> top.repos:1:75
  |
1 | extends: [a/b.repos, a/b.repos, https://git.example/x.repos, ../up.repos, gone.repos]
  |                                                                           ^^^^^^^^^^

"#]]);
    for number in 0..40 {
        sandbox.write(&format!("deep{number}.repos"), &format!("extends: deep{}.repos\n", number + 1));
    }
    sandbox.write("top.repos", "extends: deep0.repos\n");
    let run = sandbox.deps(["lock"]).exits(1);
    assert!(
        run.stderr().starts_with("error: manifests extend each other more than 32 deep\n --> deep30.repos:1:10\n"),
        "{run}"
    );
}

#[test]
fn a_shared_parent_is_read_once_and_warns_once() {
    let sandbox = project();
    // Every level is named twice by the next: read again and again, the parent would be read 2^30 times.
    sandbox.write("m0.repos", &format!("repositories:\n{}  y:\n", entry("x", "a", "1.0")));
    for level in 1..30 {
        let below = level - 1;
        sandbox.write(&format!("m{level}.repos"), &format!("extends: [m{below}.repos, l{below}.repos]\n"));
        sandbox.write(&format!("l{level}.repos"), &format!("extends: m{below}.repos\n"));
    }
    sandbox.write("l0.repos", "repositories: []\n");
    sandbox.write("top.repos", "extends: m29.repos\n");
    let run = sandbox.deps(["lock"]).without_recheck().succeeds();
    assert_eq!(run.stderr().matches("warning: ").count(), 1, "{run}");
}

#[test]
fn strict_makes_every_warning_an_error() {
    let sandbox = project();
    sandbox.write("top.repos", &format!("repositories:\n{}{}", entry("x", "a", "1.0"), entry("x", "a", "2.0")));
    sandbox.deps(["lock"]).without_recheck().succeeds().stderr_is(str![[r#"
warning: repository `x` stands in line 2 already; this one counts
 --> top.repos:4:3
  |
4 |   x:
  |   ^

  + repo `x` 2.0 8dcb387e
wrote deps.lock: 1 entry, 1 added, 0 changed, 0 removed

"#]]);
    sandbox.deps(["lock", "--check", "--strict"]).exits(1).stderr_is(str![[r#"
error: repository `x` stands in line 2 already; this one counts
 --> top.repos:4:3
  |
4 |   x:
  |   ^

"#]]);
}

#[test]
fn names_lead_out_of_their_folder_only_where_the_project_allows_it() {
    let sandbox = project();
    sandbox.write("top.repos", &format!("repositories:\n{}{}", entry("../tros/a", "a", "1.0"), entry("b", "b", "1.0")));
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: the repository name `../tros/a` leads out of its folder with `..`
 --> top.repos:2:3
  |
2 |   ../tros/a:
  |   ^^^^^^^^^
hint: if that is meant, write `allow-outside = true` in the `[[manifest]]` of deps.toml

"#]]);
    sandbox.deps_toml(&project_with("allow-outside = true\n"));
    sandbox.deps(["lock"]).succeeds().stderr_is(str![[r#"
  + repo `../tros/a` 1.0 274285a9
  + repo `b` 1.0 274285a9
wrote deps.lock: 2 entries, 2 added, 0 changed, 0 removed

"#]]);
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert!(dockerfile.contains(" /ws/tros/a/\n") && dockerfile.contains(" /ws/src/b/\n"), "{dockerfile}");
    assert!(!dockerfile.contains(".."), "{dockerfile}");
    let far = format!("repositories:\n{}{}", entry("../../../etc", "a", "1.0"), entry("../../etc", "b", "1.0"));
    sandbox.write("top.repos", &far);
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `../../../etc` leads out of `/ws/src` to the root of the image or beyond
 --> top.repos:2:3
  |
2 |   ../../../etc:
  |   ^^^^^^^^^^^^

error: `../../etc` leads out of `/ws/src` to the root of the image or beyond
 --> top.repos:4:3
  |
4 |   ../../etc:
  |   ^^^^^^^^^

"#]]);
}

#[test]
fn a_checkout_inside_another_is_copied_after_it() {
    let sandbox = project();
    let entries: String = ["z/in/deep", "z", "z/in", "y"].map(|path| entry(path, "a", "1.0")).concat();
    sandbox.write("top.repos", &format!("repositories:\n{entries}"));
    sandbox.deps(["lock"]).succeeds();
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    let at =
        |path: &str| dockerfile.find(&format!(" /ws/src/{path}/\n")).unwrap_or_else(|| panic!("{path}: {dockerfile}"));
    assert!(at("z") < at("z/in") && at("z/in") < at("z/in/deep"), "{dockerfile}");
    let stage = |path: &str| dockerfile[..at(path)].rfind("FROM ").unwrap();
    assert_eq!(stage("z"), stage("z/in/deep"), "one stage, else the order of stages decides");
}
