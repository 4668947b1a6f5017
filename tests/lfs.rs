//! Git LFS: content comes through the real `git-lfs`, and a tree never has pointers that nobody asked for.

use std::fs;

use crate::support::git_server::Fault;
use crate::support::programs::are_installed;
use crate::support::sandbox::{Sandbox, lfs_id};
use snapbox::str;

const ATTRIBUTES: &str = "*.bin filter=lfs diff=lfs merge=lfs -text\n";

fn project(sandbox: &Sandbox, lines: &str) {
    sandbox.deps_toml(&format!(
        "[project]\nname = \"robot\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n{lines}"
    ));
}

/// A project with the repository `models`, which has two files of Git LFS; returns its commit.
fn models(sandbox: &Sandbox) -> String {
    let (large, small) = (sandbox.lfs(&"large ".repeat(1000)), sandbox.lfs("small"));
    let models = sandbox.git("models").file(".gitattributes", ATTRIBUTES).file("README", "hello\n");
    let id = models.file("nets/large.bin", &large).executable("small.bin", &small).commit();
    project(sandbox, "");
    sandbox.manifest("repositories:\n  models: { type: git, url: $GIT/models.git, version: main }\n");
    sandbox.deps(["lock"]).succeeds();
    id
}

fn object(sandbox: &Sandbox, content: &str) -> std::path::PathBuf {
    sandbox.root().join("git/lfs-objects").join(lfs_id(content))
}

fn tree(sandbox: &Sandbox, id: &str) -> std::path::PathBuf {
    sandbox.store().join("trees").join(id)
}

#[test]
fn content_comes_and_a_second_fetch_opens_no_connection() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if !are_installed(&["git-lfs"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let id = models(&sandbox);
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
1 commit, 0 in the store, 1 fetched

"#]]);
    let tree = tree(&sandbox, &id);
    assert_eq!(fs::read_to_string(tree.join("nets/large.bin")).unwrap(), "large ".repeat(1000));
    assert_eq!(fs::read_to_string(tree.join("small.bin")).unwrap(), "small");
    let meta = |path: &str| tree.join(path).metadata().unwrap();
    assert_eq!((meta("small.bin").permissions().mode() & 0o777, meta("small.bin").mtime()), (0o755, 315_532_800));
    assert_eq!(meta("nets/large.bin").permissions().mode() & 0o777, 0o644);
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds();
    // Another tree of the same commit needs nothing from anybody.
    project(&sandbox, "submodules = true\n");
    sandbox.deps(["fetch", "--offline"]).succeeds();
    assert_eq!(sandbox.server().connections(), 0);
    sandbox.deps(["cache", "verify"]).succeeds();
    assert_eq!(fs::read_dir(sandbox.store().join("tmp")).unwrap().count(), 0);
}

#[test]
fn without_the_program_the_files_are_named_and_the_others_are_kept() {
    let sandbox = Sandbox::new();
    let id = models(&sandbox);
    let other = sandbox.git("other").file("o", "1").commit();
    sandbox.edit(
        "underlay.repos",
        "repositories:\n",
        "repositories:\n  other: { type: git, url: $GIT/other.git, version: main }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    // A PATH with git and nothing else.
    let bin = sandbox.root().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = std::env::var("PATH").unwrap();
    let git = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file()).unwrap();
    std::os::unix::fs::symlink(git, bin.join("git")).unwrap();
    let run = sandbox.deps(["fetch"]).env("PATH", bin.to_str().unwrap()).exits(1);
    run.stderr_is(str![[r#"
error: repo `models` at 9bf58c33f88ee59c1a02315620b88d14132eacf4: the content of 2 files of Git LFS cannot be had from `[GIT]/models.git`: the `git-lfs` program is not installed; on Debian and Ubuntu it is in the package `git-lfs`
 --> underlay.repos:3:73
  |
3 |   models: { type: git, url: [GIT]/models.git, version: main }
  |                                                                         ^^^^
  `nets/large.bin`, `small.bin`, 5.86 KiB
hint: install the package `git-lfs`; or keep pointer files in its place: `lfs = false` in the `[[manifest]]`

"#]]);
    assert!(tree(&sandbox, &other).is_dir() && !tree(&sandbox, &id).exists());
    project(&sandbox, "lfs = false\n");
    sandbox.deps(["fetch"]).env("PATH", bin.to_str().unwrap()).succeeds();
    assert!(tree(&sandbox, &format!("{id}-p")).is_dir());
}

#[test]
fn what_the_server_does_not_have_or_has_wrong_is_named() {
    if !are_installed(&["git-lfs"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let id = models(&sandbox);
    fs::remove_file(object(&sandbox, "small")).unwrap();
    sandbox.deps(["fetch"]).exits(4).stderr_is(str![[r#"
error: repo `models` at 9bf58c33f88ee59c1a02315620b88d14132eacf4: its LFS server does not have the content of 1 file of Git LFS
 --> underlay.repos:2:73
  |
2 |   models: { type: git, url: [GIT]/models.git, version: main }
  |                                                                         ^^^^
  `small.bin`, 5 B
  url: [GIT]/models.git
hint: ask who has it to run `git lfs push --all`; or keep pointer files in its place: `lfs = false` in the `[[manifest]]`

"#]]);
    assert!(!tree(&sandbox, &id).exists());
    fs::write(object(&sandbox, "small"), "wrong").unwrap();
    sandbox.deps(["fetch"]).exits(4).stderr_is(str![[r#"
error: repo `models` at 9bf58c33f88ee59c1a02315620b88d14132eacf4: its LFS server has something else for the content of 1 file of Git LFS
 --> underlay.repos:2:73
  |
2 |   models: { type: git, url: [GIT]/models.git, version: main }
  |                                                                         ^^^^
  `small.bin`, 5 B
  url: [GIT]/models.git
hint: ask who runs the server to mend it; or keep pointer files in its place: `lfs = false` in the `[[manifest]]`

"#]]);
    assert!(!tree(&sandbox, &id).exists());
    sandbox.lfs("small");
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds();
    // What had come is not asked for again.
    let large = lfs_id(&"large ".repeat(1000));
    assert!(!sandbox.server().log().iter().any(|line| line.contains(&large)), "{:?}", sandbox.server().log());
    assert_eq!(fs::read_to_string(tree(&sandbox, &id).join("small.bin")).unwrap(), "small");
}

#[test]
fn a_pointer_without_the_attribute_is_a_file() {
    let sandbox = Sandbox::new();
    let pointer = sandbox.lfs("content");
    let tool = sandbox.git("tool").file(".gitattributes", "*.bin filter=lfs\nraw/* -filter\n");
    let id = tool.file("raw/a.bin", &pointer).file("text", &pointer).file("b.bin", "not a pointer\n").commit();
    project(&sandbox, "");
    sandbox.manifest("repositories:\n  tool: { type: git, url: $GIT/tool.git, version: main }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    let tree = tree(&sandbox, &id);
    assert_eq!(fs::read_to_string(tree.join("raw/a.bin")).unwrap(), pointer);
    assert_eq!(fs::read_to_string(tree.join("text")).unwrap(), pointer);
    assert_eq!(fs::read_to_string(tree.join("b.bin")).unwrap(), "not a pointer\n");
    assert!(!sandbox.server().log().iter().any(|line| line.contains("lfs")), "{:?}", sandbox.server().log());
}

#[test]
fn pointers_stay_where_the_manifest_asks_for_that() {
    let sandbox = Sandbox::new();
    let id = models(&sandbox);
    project(&sandbox, "lfs = false\n");
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
1 commit, 0 in the store, 1 fetched

"#]]);
    let pointers = tree(&sandbox, &format!("{id}-p"));
    assert!(fs::read_to_string(pointers.join("small.bin")).unwrap().starts_with("version https://git-lfs"));
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert!(dockerfile.contains(&format!("archives/{id}-p.tar ")), "{dockerfile}");
    if !are_installed(&["git-lfs"]) {
        return;
    }
    // A tree of an earlier version, with pointers under the plain id, counts as absent.
    fs::rename(&pointers, tree(&sandbox, &id)).unwrap();
    fs::write(sandbox.store().join(format!("meta/{id}.json")), r#"["nets/large.bin","small.bin"]"#).unwrap();
    project(&sandbox, "");
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(fs::read_to_string(tree(&sandbox, &id).join("small.bin")).unwrap(), "small");
    sandbox.deps(["cache", "verify"]).succeeds();
}

#[test]
fn offline_names_content_and_commits_in_one_list() {
    let sandbox = Sandbox::new();
    models(&sandbox);
    project(&sandbox, "lfs = false\n");
    sandbox.deps(["fetch"]).succeeds();
    project(&sandbox, "");
    sandbox.git("other").file("o", "1").commit();
    sandbox.edit(
        "underlay.repos",
        "repositories:\n",
        "repositories:\n  other: { type: git, url: $GIT/other.git, version: main }\n",
    );
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch", "--offline"]).exits(5).stderr_is(str![[r#"
error: 2 pinned objects are missing from the store, and `--offline` forbids fetching them
  repo `models` at 9bf58c33f88ee59c1a02315620b88d14132eacf4: Git LFS files `nets/large.bin`, `small.bin`, 5.86 KiB
  repo `other` at ac1900179eb75ab16a31275e07932266b73894d3
hint: run `deps fetch` once with a network

"#]]);
}

#[test]
fn submodules_have_their_content_from_their_own_servers() {
    if !are_installed(&["git-lfs"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let inner = sandbox.git("inner").file(".gitattributes", ATTRIBUTES).file("a.bin", &sandbox.lfs("inner")).commit();
    let id = sandbox.git("outer").submodule("libs/inner", "../inner.git", &inner).commit();
    project(&sandbox, "submodules = true\n");
    sandbox.manifest("repositories:\n  outer: { type: git, url: $GIT/outer.git, version: main }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.server().fail("lfs-objects", -1, Fault::Status(404));
    sandbox.deps(["fetch"]).exits(4).stderr_is(str![[r#"
error: repo `outer` > libs/inner at fbf587a3556e27d639d4a393585b0ea21a7fea3c: its LFS server does not have the content of 1 file of Git LFS
 --> underlay.repos:2:71
  |
2 |   outer: { type: git, url: [GIT]/outer.git, version: main }
  |                                                                       ^^^^
  `a.bin`, 5 B
  url: [GIT]/inner.git
hint: ask who has it to run `git lfs push --all`; or keep pointer files in its place: `lfs = false` in the `[[manifest]]`; or leave it out: `submodules = { exclude = ["outer/libs/inner"] }` in deps.toml

"#]]);
    sandbox.server().mend();
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(fs::read_to_string(tree(&sandbox, &format!("{id}-s")).join("libs/inner/a.bin")).unwrap(), "inner");
    assert!(sandbox.server().log().iter().all(|line| !line.contains("outer.git/info/lfs")));
}

#[test]
fn credentials_go_to_the_repositorys_own_host_and_nowhere_else() {
    if !are_installed(&["git-lfs"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let port = sandbox.server().port();
    let helper = "[credential]\n\thelper = \"!f() { echo username=ada; echo password=hunter2; }; f\"\n\
        [http]\n\textraHeader = X-Secret: hunter2\n";
    sandbox.git_config(helper);
    let auth = || Fault::Auth("ada".to_owned(), "hunter2".to_owned());
    sandbox.server().fail("/info/lfs/", -1, auth());
    let id = models(&sandbox);
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(fs::read_to_string(tree(&sandbox, &id).join("small.bin")).unwrap(), "small");
    // The same server by another name.
    let pointer = sandbox.lfs("other");
    let config = format!("[lfs]\n\turl = http://localhost:{port}/stranger/info/lfs\n");
    let other = sandbox.git("models").file(".lfsconfig", &config).file("other.bin", &pointer).commit();
    sandbox.deps(["update"]).succeeds();
    let run = sandbox.deps(["fetch"]).exits(5);
    let refused =
        "`.lfsconfig` names this server, on another host than the repository's, and no credentials are sent there";
    assert!(run.stderr().contains(refused) && !run.stderr().contains("hunter2"), "{run}");
    sandbox.server().mend();
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(fs::read_to_string(tree(&sandbox, &other).join("other.bin")).unwrap(), "other");
    assert!(sandbox.server().log().iter().any(|line| line.contains("/stranger/info/lfs/")));
}

#[test]
fn the_token_of_a_ci_system_opens_its_own_lfs_server() {
    if !are_installed(&["git-lfs"]) {
        return;
    }
    let sandbox = Sandbox::new();
    models(&sandbox);
    let auth = Fault::Auth("x-access-token".to_owned(), "t0ken".to_owned());
    sandbox.server().fail("/info/lfs/", -1, auth);
    let run = sandbox.deps(["fetch"]).exits(5);
    assert!(run.stderr().contains("credentials are missing or not accepted"), "{run}");
    let url = sandbox.server().url();
    sandbox.deps(["fetch"]).env("GITHUB_TOKEN", "t0ken").env("GITHUB_SERVER_URL", &url).succeeds();
}

#[test]
fn import_says_which_checkouts_have_pointers() {
    let sandbox = Sandbox::new();
    models(&sandbox);
    sandbox.deps(["import"]).succeeds().stderr_is(str![[r#"
  + models main 9bf58c33
1 checkout: 1 made
warning: `models` has 2 files of Git LFS as pointers
hint: for their content, run `git lfs pull` in `models`, and in submodules `git submodule foreach git lfs pull`


"#]]);
    sandbox.deps(["import"]).succeeds().stderr_is(str![[r#"
1 checkout: 1 at the pin

"#]]);
}

#[test]
fn a_server_on_this_machines_disk_is_not_for_repositories_of_the_network() {
    let sandbox = Sandbox::new();
    models(&sandbox);
    let config = "[lfs]\n\turl = file:///etc\n";
    sandbox.git("models").file(".lfsconfig", config).file("third.bin", &sandbox.lfs("third")).commit();
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(["fetch"]).exits(1).stderr_is(str![[r#"
error: repo `models` at e9553f011cd039801348d9b5b40f23207b5d8d54: the content of 3 files of Git LFS cannot be had from `[GIT]/models.git`: the url `file:///etc` in `.lfsconfig` leads from a repository on the network to one on this machine
 --> underlay.repos:2:73
  |
2 |   models: { type: git, url: [GIT]/models.git, version: main }
  |                                                                         ^^^^
  `nets/large.bin`, `small.bin`, `third.bin`, 5.87 KiB
hint: keep pointer files in its place: `lfs = false` in the `[[manifest]]`

"#]]);
}
