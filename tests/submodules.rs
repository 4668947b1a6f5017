//! Submodules of real servers: which come, how those that cannot be had are named, and how they are left out.

use std::collections::BTreeSet;

use crate::support::sandbox::Sandbox;
use snapbox::str;

fn project(sandbox: &Sandbox, submodules: &str) {
    sandbox.deps_toml(&format!(
        "[project]\nname = \"robot\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\nsubmodules = {submodules}\n"
    ));
}

fn manifest(sandbox: &Sandbox, paths: &[&str]) {
    let entry = |path: &&str| {
        let name = path.rsplit('/').next().expect("a path has a name");
        format!("  {path}: {{ type: git, url: $GIT/{name}.git, version: main }}\n")
    };
    sandbox.manifest(&format!("repositories:\n{}", paths.iter().map(entry).collect::<String>()));
}

/// Returns the names of the trees in the store.
fn trees(sandbox: &Sandbox) -> BTreeSet<String> {
    let entries = std::fs::read_dir(sandbox.store().join("trees")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn all_submodules_that_fail_are_named_with_their_way_and_the_others_are_kept() {
    let sandbox = Sandbox::new();
    let good = sandbox.git("good").file("g", "1").commit();
    let middle = sandbox.git("middle").submodule("lost", "../lost.git", &"2".repeat(40)).commit();
    sandbox
        .git("nav")
        .submodule("libs/gone", "../gone.git", &"1".repeat(40))
        .submodule("libs/good", "../good.git", &good)
        .submodule("middle", "../middle.git", &middle)
        .commit();
    let other = sandbox.git("other").file("o", "1").commit();
    let also = sandbox.git("map").submodule("m", "../gone.git", &"1".repeat(40)).commit();
    project(&sandbox, "true");
    manifest(&sandbox, &["core/nav", "map", "other"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).exits(5).stderr_is(str![[r#"
error: repo `core/nav` > middle > lost at 2222222222222222222222222222222222222222: cannot read `[GIT]/lost.git`: there is no such repository, or it is hidden from you (HTTP 404)
 --> underlay.repos:2:72
  |
2 |   core/nav: { type: git, url: [GIT]/nav.git, version: main }
  |                                                                        ^^^^
hint: check the spelling; a private repository looks the same without credentials; or leave it out: `submodules = { exclude = ["core/nav/middle/lost"] }` in deps.toml

error: repo `map` > m at 1111111111111111111111111111111111111111: cannot read `[GIT]/gone.git`: there is no such repository, or it is hidden from you (HTTP 404)
 --> underlay.repos:3:67
  |
3 |   map: { type: git, url: [GIT]/map.git, version: main }
  |                                                                   ^^^^
  also needed by repo `core/nav` > libs/gone
hint: check the spelling; a private repository looks the same without credentials; or leave it out: `submodules = { exclude = ["map/m", "core/nav/libs/gone"] }` in deps.toml

"#]]);
    assert_eq!(trees(&sandbox), BTreeSet::from([format!("{other}-s")]));
    sandbox.server().reset();
    project(&sandbox, "{ exclude = [\"core/nav/libs/gone\", \"core/nav/middle/lost\", \"map/*\"] }");
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
3 commits, 1 in the store, 2 fetched

"#]]);
    assert_eq!(sandbox.server().connections(), 0, "{:?}", sandbox.server().log());
    assert_eq!(trees(&sandbox).iter().filter(|id| id.starts_with(&format!("{also}-s-"))).count(), 1);
}

#[test]
fn a_tree_without_some_submodules_is_another_one_with_an_id_that_needs_no_network() {
    let sandbox = Sandbox::new();
    let inner = sandbox.git("inner").file("deep", "1").commit();
    let middle = sandbox.git("middle").file("m", "1").submodule("inner", "../inner.git", &inner).commit();
    let id = sandbox.git("outer").file("o", "1").submodule("libs/middle", "../middle.git", &middle).commit();
    manifest(&sandbox, &["a/outer", "b/outer"]);
    let fetched = |submodules: &str| {
        project(&sandbox, submodules);
        sandbox.deps(["fetch"]).succeeds();
        let plan = sandbox.servers_stopped(|sandbox| sandbox.deps(["dockerfile"]).succeeds().stdout());
        let named: Vec<_> =
            trees(&sandbox).into_iter().filter(|tree| plan.contains(&format!("archives/{tree}.tar "))).collect();
        named
    };
    let has = |tree: &str, path: &str| sandbox.store().join("trees").join(tree).join(path).exists();
    assert_eq!(fetched("true"), [format!("{id}-s")]);
    assert_eq!(fetched("false"), [id.as_str()]);
    // Both checkouts are without the same submodule, so they are the same tree.
    let [without_inner] = &fetched("{ exclude = [\"*/outer/libs/middle/inner\"] }")[..] else { panic!("one tree") };
    assert!(has(without_inner, "libs/middle/m") && !has(without_inner, "libs/middle/inner/deep"));
    let both = fetched("{ exclude = [\"a/**\"] }");
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[0], format!("{id}-s"));
    assert!(has(&both[1], "libs/middle") && !has(&both[1], "libs/middle/m"));
    assert_eq!(fetched("{ exclude = [] }"), [format!("{id}-s")]);
    assert!(fetched("{ exclude = [\"b/outer/**/inner\"] }").contains(&format!("{id}-s")));
}

#[test]
fn patterns_that_leave_nothing_out_are_warned_of() {
    let sandbox = Sandbox::new();
    let inner = sandbox.git("inner").file("deep", "1").commit();
    sandbox.git("nav").submodule("libs/inner", "../inner.git", &inner).commit();
    project(&sandbox, "{ exclude = [\"nav/libs/iner\", \"nva/libs/inner\", \"nav/libs/inner\"] }");
    manifest(&sandbox, &["nav"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
warning: `nva/libs/inner` excludes no submodule: it begins with no checkout path of `underlay.repos`
 --> deps.toml:8:44
  |
8 | submodules = { exclude = ["nav/libs/iner", "nva/libs/inner", "nav/libs/inner"] }
  |                                            ^^^^^^^^^^^^^^^^
hint: a pattern is a checkout path and the path of a submodule below it; `**` is any number of folders

warning: `nav/libs/iner` excludes no submodule of `nav`
 --> deps.toml:8:27
  |
8 | submodules = { exclude = ["nav/libs/iner", "nva/libs/inner", "nav/libs/inner"] }
  |                           ^^^^^^^^^^^^^^^

1 commit, 0 in the store, 1 fetched

"#]]);
    // Also when everything is in the store.
    let run = sandbox.deps(["fetch"]).succeeds();
    assert!(run.stderr().contains("`nav/libs/iner` excludes no submodule of `nav`"), "{run}");
    project(&sandbox, "{ exclude = [\"../nav/x\", \"\"], all = true }");
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: unknown key `all` in `manifest.submodules`
 --> deps.toml:8:44
  |
8 | submodules = { exclude = ["../nav/x", ""], all = true }
  |                                            ^^^
hint: known keys are `exclude`

"#]]);
    project(&sandbox, "{ exclude = [\"../nav/x\", \"\"] }");
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: `../nav/x` is no pattern for submodules: `..` leads nowhere below a checkout
 --> deps.toml:8:27
  |
8 | submodules = { exclude = ["../nav/x", ""] }
  |                           ^^^^^^^^^^

error: `` is no pattern for submodules: a part of it is empty
 --> deps.toml:8:39
  |
8 | submodules = { exclude = ["../nav/x", ""] }
  |                                       ^^

"#]]);
}

#[test]
fn odd_gitmodules_are_told_apart() {
    let sandbox = Sandbox::new();
    let good = sandbox.git("good").file("g", "1").commit();
    let text = "[submodule \"a\"]\n\tpath = no url\n[submodule \"b\"]\n\tpath = skipped\n\turl = ../gone.git\n\tupdate = none\n\
         [submodule \"c\"]\n\tpath = without gitlink\n\turl = ../gone.git\n\
         [submodule \"d\"]\n\tpath = ../../out\n\turl = ../gone.git\n\
         [submodule \"e\"]\n\tpath = option\n\turl = -uhttp://x\n[submodule \"f\"]\n\tpath = helper\n\turl = ext::sh -c x\n\
         [submodule \"g\"]\n\tpath = inward\n\turl = /etc\n[submodule \"h\"]\n\tpath = climbs\n\turl = ../../../../../x\n\
         [submodule \"i\"]\n\tpath = with space/x\n\turl = ./../good.git\n\tupdate = !touch x\n\
         [submodule \"j\"]\n\tpath = twice\n\turl = $GIT/good.git\n\
         [submodule \"k\"]\n\tpath = secret\n\turl = https://user:hunter2@127.0.0.1:1/x.git\n";
    let one = "1".repeat(40);
    let mut outer = sandbox.git("outer").file(".gitmodules", text);
    for path in ["no url", "skipped", "undeclared", "option", "helper", "inward", "climbs", "secret"] {
        outer = outer.gitlink(path, &one);
    }
    let id = outer.gitlink("with space/x", &good).gitlink("twice", &good).commit();
    project(&sandbox, "true");
    manifest(&sandbox, &["outer"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: repo `outer` > climbs at 1111111111111111111111111111111111111111: its url `../../../../../x` in `.gitmodules` climbs above the repository that it is relative to
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: leave it out: `submodules = { exclude = ["outer/climbs"] }` in deps.toml

error: repo `outer` > helper at 1111111111111111111111111111111111111111: its url `ext::sh -c x` in `.gitmodules` names a helper program instead of a repository
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: leave it out: `submodules = { exclude = ["outer/helper"] }` in deps.toml

error: repo `outer` > inward at 1111111111111111111111111111111111111111: its url `/etc` in `.gitmodules` leads from a repository on the network to one on this machine
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: leave it out: `submodules = { exclude = ["outer/inward"] }` in deps.toml

error: repo `outer` > no url at 1111111111111111111111111111111111111111: its entry in `.gitmodules` has no url
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: leave it out: `submodules = { exclude = ["outer/no url"] }` in deps.toml

error: repo `outer` > option at 1111111111111111111111111111111111111111: its url `-uhttp://x` in `.gitmodules` could be taken for an option
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: leave it out: `submodules = { exclude = ["outer/option"] }` in deps.toml

error: repo `outer` > secret at 1111111111111111111111111111111111111111: cannot read `https://127.0.0.1:[PORT]/x.git`: no connection (failed to connect to 127.0.0.1: Connection refused)
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: check the network and proxies, then run the command again; or leave it out: `submodules = { exclude = ["outer/secret"] }` in deps.toml

error: repo `outer` > undeclared at 1111111111111111111111111111111111111111: there is a submodule, but no entry for it in `.gitmodules`
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
hint: leave it out: `submodules = { exclude = ["outer/undeclared"] }` in deps.toml

"#]]);
    let bad = ["no url", "undeclared", "option", "helper", "inward", "climbs", "secret"];
    let patterns = bad.map(|path| format!("\"outer/{path}\"")).join(", ");
    project(&sandbox, &format!("{{ exclude = [{patterns}] }}"));
    sandbox.deps(["fetch"]).succeeds();
    let trees = trees(&sandbox);
    let tree = sandbox.store().join("trees").join(trees.first().expect("one tree"));
    assert!(trees.len() == 1 && trees.first().is_some_and(|tree| tree.starts_with(&id)), "{trees:?}");
    assert!(tree.join("with space/x/g").is_file() && tree.join("twice/g").is_file());
    assert!(tree.join("skipped").is_dir() && !tree.join("without gitlink").exists());
}

#[test]
fn a_repository_that_contains_itself_comes_to_an_end() {
    let sandbox = Sandbox::new();
    // A commit cannot hold its own id, but a server may call any repository by any name.
    let mut id = sandbox.git("a").file("x", "1").commit();
    for depth in 0..18 {
        id = sandbox.git("a").file("x", &depth.to_string()).submodule("a", "../a.git", &id).commit();
    }
    project(&sandbox, "true");
    manifest(&sandbox, &["a"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: repo `a` at 6bc953a75e0e25c9580dcbcaf47fa392fb07daa9: its submodules are nested more than 16 deep, or there are more than 1000 of them
 --> underlay.repos:2:63
  |
2 |   a: { type: git, url: [GIT]/a.git, version: main }
  |                                                               ^^^^
  url: [GIT]/a.git

"#]]);
    project(&sandbox, "{ exclude = [\"a/a/a\"] }");
    sandbox.deps(["fetch"]).succeeds();
    let tree = trees(&sandbox).into_iter().find(|tree| tree.starts_with(&id)).expect("a tree");
    assert!(sandbox.store().join("trees").join(&tree).join("a/x").is_file());
}

#[test]
fn a_private_submodule_is_named_without_its_credentials_and_can_be_left_out() {
    use crate::support::git_server::Fault;
    let sandbox = Sandbox::new();
    let secret = sandbox.git("secret").file("s", "1").commit();
    sandbox.git("nav").file("n", "1").submodule("secret", "../secret.git", &secret).commit();
    project(&sandbox, "true");
    manifest(&sandbox, &["nav"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.server().fail("secret.git", -1, Fault::Auth("ada".to_owned(), "hunter2".to_owned()));
    sandbox.deps(["fetch"]).exits(5).stderr_is(str![[r#"
error: repo `nav` > secret at 575eceb735cebe03b3d99583118e5afda96c17ba: cannot read `[GIT]/secret.git`: credentials are missing or not accepted (could not read Username for '[GIT]': terminal prompts disabled)
 --> underlay.repos:2:67
  |
2 |   nav: { type: git, url: [GIT]/nav.git, version: main }
  |                                                                   ^^^^
hint: log in once with `git ls-remote URL` (or `docker login` for an image); deps uses the same helpers; or leave it out: `submodules = { exclude = ["nav/secret"] }` in deps.toml

"#]]);
    project(&sandbox, "{ exclude = [\"nav/secret\"] }");
    sandbox.deps(["fetch"]).succeeds();
}

#[test]
fn import_leaves_the_same_submodules_out() {
    let sandbox = Sandbox::new();
    let inner = sandbox.git("inner").file("deep", "1").commit();
    sandbox
        .git("nav")
        .file("n", "1")
        .submodule("a", "../inner.git", &inner)
        .submodule("b", "../gone.git", &"1".repeat(40))
        .commit();
    project(&sandbox, "{ exclude = [\"nav/b\"] }");
    manifest(&sandbox, &["nav"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["import"]).succeeds();
    assert!(sandbox.has("src/nav/a/deep") && !sandbox.has("src/nav/b/.git"));
}

#[test]
fn too_many_submodules_in_all_are_given_up_before_they_are_asked_for() {
    let sandbox = Sandbox::new();
    let mut outer = sandbox.git("outer").file("o", "1");
    for number in 0..35 {
        let mut middle = sandbox.git("middle").file("m", &number.to_string());
        for inner in 0..35 {
            middle =
                middle.submodule(&format!("i{inner}"), "../inner.git", &format!("{:040x}", number * 100 + inner + 1));
        }
        let id = middle.branch(&format!("b{number}")).commit();
        outer = outer.submodule(&format!("m{number}"), "../middle.git", &id);
    }
    outer.commit();
    project(&sandbox, "true");
    manifest(&sandbox, &["outer"]);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: repo `outer` at 63dee8718fd489ff36c4f44a79cf916453f2c4b8: its submodules are nested more than 16 deep, or there are more than 1000 of them
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
  url: [GIT]/outer.git

"#]]);
    assert!(!sandbox.server().log().iter().any(|line| line.contains("inner.git")), "{:?}", sandbox.server().log());
}
