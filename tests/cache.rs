//! `deps cache`: what the store holds, who needs it, what may go, what is damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::archives::zip;
use crate::support::program::Run;
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project of one repository `tool` at `version`, fetched; the repository has the tags 1.0 and 2.0.
fn fetched(version: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git("tool").file("README", "one\n").executable("bin/run", "#!/bin/sh\n").tag("1.0").commit();
    sandbox.git("tool").file("README", "two\n").symlink("link", "README").tag("2.0").commit();
    wants(&sandbox, version);
    sandbox
}

/// Makes the project want another version of `tool`.
fn wants(sandbox: &Sandbox, version: &str) {
    sandbox.manifest(&format!("repositories:\n  tool: {{ type: git, url: $GIT/tool.git, version: '{version}' }}\n"));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
}

fn gc(sandbox: &Sandbox) -> Run {
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).succeeds()
}

fn names(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(sandbox.store().join(folder)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The commit ids and the name of the repository vary with nothing; sizes do, with the version of git.
fn without_sizes(sandbox: &Sandbox, text: &str) -> String {
    let text =
        names(sandbox, "git").iter().fold(sandbox.redacted(text), |text, name| text.replace(name, "[REPOSITORY]"));
    let mut words: Vec<&str> = text.split(' ').collect();
    for at in 1..words.len() {
        if words[at].starts_with("KiB") || words[at].starts_with("B\n") || words[at] == "B" {
            words[at - 1] = "[SIZE]";
        }
    }
    let lines = words.join(" ");
    lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn the_list_says_what_is_there_and_who_needs_it() {
    let sandbox = fetched("1.0");
    wants(&sandbox, "2.0");
    let run = sandbox.deps(["cache", "ls"]).succeeds();
    snapbox::assert_data_eq!(
        without_sizes(&sandbox, &run.stdout()),
        str![[r#"
repository [SIZE] KiB git/[REPOSITORY]
commit 26796fd48c1a4fba4dda233bd112a2fa8e59dc5d needed by [ROOT]/project
commit 398f84e5d6a99d848ba03a209eda3be7d1edee52 needed by no lock
tree [SIZE] B trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d needed by [ROOT]/project
tree [SIZE] B trees/398f84e5d6a99d848ba03a209eda3be7d1edee52 needed by no lock

"#]]
    );
    let usage = sandbox.deps(["cache", "du", "--keep-days", "0"]).succeeds();
    snapbox::assert_data_eq!(
        without_sizes(&sandbox, &usage.stdout()),
        str![[r#"
git [SIZE] KiB [SIZE] B unneeded
hg [SIZE] B [SIZE] B unneeded
trees [SIZE] B [SIZE] B unneeded
archives [SIZE] B [SIZE] B unneeded
files [SIZE] B [SIZE] B unneeded
tmp [SIZE] B [SIZE] B unneeded
total [SIZE] KiB [SIZE] B unneeded

"#]]
    );
}

#[test]
fn what_no_lock_has_goes_and_the_rest_still_needs_no_connection() {
    let sandbox = fetched("1.0");
    let old = names(&sandbox, "trees");
    wants(&sandbox, "2.0");
    let dry = sandbox.deps(["cache", "gc", "--keep-days", "0", "--dry-run"]).succeeds().stdout();
    assert_eq!(names(&sandbox, "trees").len(), 2);
    let run = gc(&sandbox);
    assert_eq!(run.stdout(), dry);
    gc(&sandbox).stderr_is(str![[r#"
nothing to remove

"#]]);
    snapbox::assert_data_eq!(
        without_sizes(&sandbox, &run.stdout()),
        str![[r#"
tree trees/398f84e5d6a99d848ba03a209eda3be7d1edee52
1 commit of git/[REPOSITORY]

"#]]
    );
    assert!(!names(&sandbox, "trees").contains(&old[0]));
    sandbox.deps(["cache", "verify"]).succeeds();
    sandbox.server().reset();
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(sandbox.requests(), 0);
    // Not only the tree is kept: its commit can be exported again.
    fs::remove_dir_all(sandbox.store().join("trees")).unwrap();
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(sandbox.requests(), 0);
    // What went comes back, into the same repository.
    wants(&sandbox, "1.0");
    sandbox.deps(["cache", "verify"]).succeeds().stderr_is(str![[r#"
3 things in the store, all as they should be

"#]]);
}

#[test]
fn other_branches_have_two_weeks() {
    let sandbox = fetched("1.0");
    wants(&sandbox, "2.0");
    let talk = sandbox.deps(["cache", "gc"]).succeeds().stderr();
    snapbox::assert_data_eq!(
        without_sizes(&sandbox, &talk),
        str![[r#"
nothing to remove; [SIZE] B that locks had in the last 14 days stay (`--keep-days 0`)

"#]]
    );
    assert_eq!(names(&sandbox, "trees").len(), 2);
}

#[test]
fn a_project_needs_its_submodules_too() {
    let sandbox = Sandbox::new();
    let inner = sandbox.git("inner").file("deep", "1").commit();
    sandbox.git("outer").file("o", "1").submodule("libs/inner", "../inner.git", &inner).commit();
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws\"\nsubmodules = true\n");
    sandbox.manifest("repositories:\n  outer: { type: git, url: $GIT/outer.git, version: main }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    gc(&sandbox).stderr_is(str![[r#"
nothing to remove

"#]]);
    assert_eq!(names(&sandbox, "git").len(), 2);
    sandbox.deps(["cache", "verify"]).succeeds();
    let tree = sandbox.store().join("trees").join(&names(&sandbox, "trees")[0]);
    fs::write(tree.join("libs/inner/deep"), "2").unwrap();
    sandbox.deps(["cache", "verify"]).exits(4).stderr_is(str![[r#"
error: 1 part of the store is damaged
  `trees/efa6d841e0f56c7a4f0171af8c2b14b4adbf7820-s/libs/inner/deep` has other content
hint: to remove what is damaged, run `deps cache verify --repair`; the next `deps fetch` or `deps build` brings it anew

"#]]);
}

#[test]
fn nothing_goes_while_a_lock_cannot_be_read() {
    let sandbox = fetched("1.0");
    sandbox.write("deps.lock", "<<<<<<< ours\nschema = 1\n");
    sandbox.deps(["cache", "gc", "--keep-days", "0"]).exits(1).stderr_is(str![[r#"
error: nothing is removed: `deps.lock` of the project `[ROOT]/project` cannot be read
  line 1 is a conflict marker that a merge left
hint: mend the file; or, to remove what it needed, run `deps cache gc --forget [ROOT]/project`

"#]]);
    assert_eq!(names(&sandbox, "trees").len(), 1);
    let project = sandbox.path("").to_string_lossy().trim_end_matches('/').to_owned();
    sandbox.deps(["cache", "gc", "--keep-days", "0", "--forget", "/nowhere"]).exits(2).stderr_is(str![[r#"
error: no project in `/nowhere` uses the store
hint: those that do are `[ROOT]/project`

"#]]);
    sandbox.deps_in("..", ["cache", "gc", "--keep-days", "0", "--forget", &project]).succeeds();
    assert_eq!((names(&sandbox, "trees").len(), names(&sandbox, "git").len()), (0, 0));
    assert!(names(&sandbox, "meta/projects").is_empty());
}

#[test]
fn a_project_that_is_gone_keeps_nothing() {
    let sandbox = fetched("1.0");
    fs::rename(sandbox.path(""), sandbox.root().join("moved")).unwrap();
    fs::create_dir(sandbox.root().join("elsewhere")).unwrap();
    let folder = sandbox.root().join("elsewhere").to_string_lossy().into_owned();
    sandbox.deps_in(&folder, ["cache", "gc"]).succeeds();
    assert_eq!(names(&sandbox, "trees").len(), 1, "it was used today");
    sandbox.deps_in(&folder, ["cache", "gc", "--keep-days", "0"]).succeeds();
    assert_eq!((names(&sandbox, "trees").len(), names(&sandbox, "git").len()), (0, 0));
}

#[test]
fn two_projects_share_what_one_of_them_still_needs() {
    let sandbox = fetched("1.0");
    sandbox.write("other/deps.toml", &sandbox.read("deps.toml"));
    sandbox.write("other/underlay.repos", &sandbox.read("underlay.repos"));
    sandbox.deps_in("other", ["lock"]).without_recheck().succeeds();
    sandbox.deps_in("other", ["fetch"]).succeeds();
    wants(&sandbox, "2.0");
    gc(&sandbox);
    assert_eq!(names(&sandbox, "trees").len(), 2);
    fs::remove_dir_all(sandbox.path("other")).unwrap();
    gc(&sandbox);
    assert_eq!(names(&sandbox, "trees").len(), 1);
}

/// Every file below `folder`, without what is not content in a repository.
fn content_files(folder: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let settings = ["config", "HEAD", "description", "info/exclude", "hooks/README.sample"];
    files.filter(|path| !settings.iter().any(|name| path.ends_with(name))).collect()
}

#[test]
fn every_flipped_byte_is_found() {
    let sandbox = fetched("1.0");
    wants(&sandbox, "2.0");
    // The git program keeps what is small outside of packs.
    let program = sandbox.git("small").file("README", "small\n").tag("1.0").commit();
    sandbox.manifest("repositories:\n  small: { type: git, url: $GIT/small.git, version: '1.0' }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).env("DEPS_GIT", "git").succeeds();
    assert!(names(&sandbox, "trees").contains(&program));
    sandbox.deps(["import"]).succeeds();
    let (mut flipped, mut missed) = (0, Vec::new());
    for folder in ["git", "trees"] {
        for file in content_files(&sandbox.store().join(folder)) {
            let whole = fs::read(&file).unwrap();
            let mode = fs::metadata(&file).unwrap().permissions();
            // Every byte of what is small, every 17th of the tables of an index.
            let step = if whole.len() > 300 { 17 } else { 3 };
            for at in (0..whole.len()).step_by(step) {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x01;
                overwrite(&file, &bytes);
                let run = sandbox.deps(["cache", "verify"]).runs();
                flipped += 1;
                if !run.to_string().contains("exit status 4") {
                    missed.push(format!("{}: byte {at}: {run}", file.display()));
                }
            }
            overwrite(&file, &whole);
            fs::set_permissions(&file, mode).unwrap();
        }
    }
    assert!(flipped > 100, "{flipped}");
    assert!(missed.is_empty(), "{} of {flipped}\n{}", missed.len(), missed.join("\n"));
    sandbox.deps(["cache", "verify"]).succeeds();
}

fn overwrite(file: &Path, bytes: &[u8]) {
    let mode = fs::metadata(file).unwrap().permissions().mode();
    fs::set_permissions(file, fs::Permissions::from_mode(mode | 0o200)).unwrap();
    fs::write(file, bytes).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_tree_with_more_or_less_than_its_commit_is_damaged() {
    let sandbox = fetched("2.0");
    let tree = sandbox.store().join("trees").join(&names(&sandbox, "trees")[0]);
    fs::write(tree.join("bin/new"), "").unwrap();
    fs::remove_file(tree.join("README")).unwrap();
    fs::set_permissions(tree.join("bin/run"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(tree.join("link")).unwrap();
    std::os::unix::fs::symlink("bin", tree.join("link")).unwrap();
    let run = sandbox.deps(["cache", "verify"]).exits(4).stderr_is(str![[r#"
error: 4 parts of the store are damaged
  `trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d/README` is missing
  `trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d/bin/new` does not belong there
  `trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d/bin/run` has mode 644 instead of 755
  `trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d/link` has other content
hint: to remove what is damaged, run `deps cache verify --repair`; the next `deps fetch` or `deps build` brings it anew

"#]]);
    let json = sandbox.deps(["cache", "verify", "--json"]).exits(4).stdout();
    assert_eq!(json.matches("\"problem\"").count(), 4, "{run}{json}");
}

#[test]
fn repair_removes_what_is_damaged_and_the_next_fetch_brings_it_anew() {
    let sandbox = fetched("2.0");
    let tree = sandbox.store().join("trees").join(&names(&sandbox, "trees")[0]);
    fs::write(tree.join("README"), "owned").unwrap();
    sandbox.deps(["cache", "verify", "--repair"]).succeeds().stderr_is(str![[r#"
warning: 1 part was damaged
  `trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d/README` has other content

removed, to be fetched anew:
  trees/26796fd48c1a4fba4dda233bd112a2fa8e59dc5d

"#]]);
    sandbox.deps(["cache", "verify"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    assert_eq!(fs::read(tree.join("README")).unwrap(), b"two\n");

    let repository = sandbox.store().join("git").join(&names(&sandbox, "git")[0]);
    let packs = content_files(&repository.join("objects/pack"));
    let pack = packs.iter().find(|path| path.extension().is_some_and(|extension| extension == "pack")).unwrap();
    let mut bytes = fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    overwrite(pack, &bytes);
    sandbox.deps(["cache", "verify", "--repair"]).succeeds();
    assert_eq!((names(&sandbox, "trees").len(), names(&sandbox, "git").len()), (0, 0));
    sandbox.deps(["fetch"]).succeeds();
    sandbox.deps(["cache", "verify"]).succeeds();
}

#[test]
fn a_file_is_called_after_its_content() {
    let sandbox = fetched("2.0");
    let name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let file = sandbox.store().join("files").join(name);
    fs::write(&file, "hello").unwrap();
    sandbox.deps(["cache", "verify"]).succeeds();
    assert_eq!(sandbox.deps(["cache", "path", name]).succeeds().stdout().trim(), file.to_string_lossy());
    fs::write(&file, "hellO").unwrap();
    sandbox.deps(["cache", "verify"]).exits(4);
    gc(&sandbox);
    assert!(!file.exists());
}

#[test]
fn the_path_of_everything_can_be_asked_for() {
    let sandbox = fetched("1.0");
    let path = |word: &str| sandbox.deps(["cache", "path", word]).succeeds().stdout();
    let store = sandbox.store();
    assert_eq!(sandbox.deps(["cache", "path"]).succeeds().stdout(), format!("{}\n", store.display()));
    let id = &names(&sandbox, "trees")[0];
    let tree = format!("{}\n", store.join("trees").join(id).display());
    assert_eq!((path("tool"), path("repo:tool"), path(id)), (tree.clone(), tree.clone(), tree));
    sandbox.deps(["cache", "path", "tol"]).exits(1).stderr_is(str![[r#"
error: the store has nothing called `tol`, and neither has the lock
hint: `deps cache ls` lists what the store holds

"#]]);
    fs::remove_dir_all(store.join("trees").join(id)).unwrap();
    assert!(path(id).contains("/git/"));
    sandbox.deps(["cache", "path", "tool"]).exits(1).stderr_is(str![[r#"
error: repo `tool` is not in the store: there is no tree `398f84e5d6a99d848ba03a209eda3be7d1edee52`
hint: `deps fetch` brings every pinned commit into the store

"#]]);
}

#[test]
fn gc_waits_until_nobody_uses_the_store() {
    let sandbox = fetched("1.0");
    let lock = fs::File::open(sandbox.store().join("locks/store.lock")).unwrap();
    lock.lock_shared().unwrap();
    let script = "\"$0\" cache gc --keep-days 0 2> talk & gc=$!; until grep -qs waits talk; do sleep 0.02; done; \
        kill -INT $gc; wait $gc; echo $?; cat talk >&2";
    let run = sandbox.program("sh", ["-c", script, env!("CARGO_BIN_EXE_deps-cli")]).succeeds();
    assert_eq!(run.stdout(), "1\n", "{run}");
    run.stderr_is(str![[r#"
`deps cache gc` waits until no other `deps` uses the store; to give up, press Ctrl-C
error: interrupted

"#]]);
    drop(lock);
    gc(&sandbox);
}

#[test]
fn what_killed_processes_left_goes() {
    let sandbox = fetched("1.0");
    fs::create_dir_all(sandbox.store().join("tmp/deps-old/tree")).unwrap();
    fs::write(sandbox.store().join("tmp/note-old"), "x").unwrap();
    fs::write(sandbox.store().join("meta/1111111111111111111111111111111111111111.json"), "[]").unwrap();
    sandbox.deps(["fetch"]).succeeds();
    assert!(names(&sandbox, "tmp").is_empty(), "the next run removes work of nobody");
    gc(&sandbox);
    assert_eq!(
        (names(&sandbox, "meta"), names(&sandbox, "locks")),
        (vec!["projects".into()], vec!["store.lock".into()])
    );
}

#[test]
fn a_folder_of_an_extension_is_compared_with_its_digest() {
    let sandbox = fetched("1.0");
    let store = deps::store::Store::open(&sandbox.store()).unwrap();
    let files = [deps::digest::FolderFile { path: "a/b", executable: true, content: b"x" }];
    let id = store.add_folder(&files).unwrap();
    sandbox.deps(["cache", "verify"]).succeeds();
    fs::write(store.tree(&id).unwrap().join("a/b"), "y").unwrap();
    sandbox.deps(["cache", "verify"]).exits(4);
}

#[test]
fn reports_are_what_their_committed_schemas_say() {
    let sandbox = fetched("1.0");
    wants(&sandbox, "2.0");
    fs::write(sandbox.store().join("trees").join(&names(&sandbox, "trees")[0]).join("README"), "x").unwrap();
    let cases: [(&str, &[&str], i32); 4] =
        [("ls", &[], 0), ("du", &[], 0), ("verify", &[], 4), ("gc", &["--keep-days", "0"], 0)];
    for (command, options, code) in cases {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/cache-{command}.json"));
        let printed = sandbox.deps(["schema", &format!("cache-{command}")]).succeeds().stdout();
        snapbox::assert_data_eq!(printed, snapbox::Data::read_from(&file, None).raw());
        let schema = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let arguments = [&["cache", command, "--json"][..], options].concat();
        let report = serde_json::from_str(&sandbox.deps(arguments).exits(code).stdout()).unwrap();
        let errors: Vec<String> = jsonschema::draft202012::new(&schema)
            .unwrap()
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{command}: {errors:?}");
    }
}

#[test]
fn archives_that_are_needed_stay_and_are_verified() {
    let sandbox = Sandbox::new();
    sandbox.serve("a.zip", &zip(&[("a", "1")]));
    sandbox.manifest("repositories:\n  x: { type: zip, url: $GIT/files/a.zip }\n");
    sandbox.deps(["fetch"]).without_recheck().succeeds();
    gc(&sandbox);
    sandbox.servers_stopped(|sandbox| sandbox.deps(["fetch"]).succeeds());
    sandbox.deps(["cache", "path", "x"]).succeeds();
    let tree = names(&sandbox, "trees")[0].clone();
    let file = sandbox.store().join("trees").join(&tree).join("a");
    fs::write(&file, "2").unwrap();
    let archive = sandbox.store().join("files").join(&names(&sandbox, "files")[0]);
    let mut content = fs::read(&archive).unwrap();
    content[0] ^= 1;
    fs::write(&archive, content).unwrap();
    let run = sandbox.deps(["cache", "verify"]).exits(4);
    assert!(
        run.stderr().contains("`files/") && run.stderr().contains(&format!("`trees/{tree}` has other content")),
        "{run}"
    );
    sandbox.manifest("repositories: {}\n");
    sandbox.deps(["lock"]).succeeds();
    gc(&sandbox);
    assert_eq!((names(&sandbox, "trees").len(), names(&sandbox, "files").len()), (0, 0));
    assert_eq!(names(&sandbox, "meta"), ["projects"]);
}

#[test]
fn folders_that_a_plan_copies_stay() {
    let sandbox = fetched("1.0");
    let text = sandbox.read("deps.toml").replace("scratch", &format!("x@sha256:{}", "0".repeat(64)));
    sandbox.deps_toml(&format!("{text}\n[extensions]\ncolcon = \"*\"\n"));
    sandbox.deps(["lock"]).succeeds();
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    let at = dockerfile.find("b3-").expect("the extension has files of its own");
    let (needed, other) = (&dockerfile[at..at + 67], format!("b3-{}", "1".repeat(64)));
    for folder in [needed, &other] {
        fs::create_dir(sandbox.store().join("trees").join(folder)).unwrap();
    }
    gc(&sandbox);
    let trees = names(&sandbox, "trees");
    assert!(trees.contains(&needed.to_owned()) && !trees.contains(&other), "{trees:?}");
}

#[test]
fn help_says_what_is_kept() {
    let sandbox = Sandbox::new();
    let help = |arguments: &[&str]| {
        sandbox.deps(arguments).succeeds().stdout().split("\nEverywhere:").next().unwrap().to_owned()
    };
    snapbox::assert_data_eq!(
        help(&["cache", "--help"]),
        str![[r#"
List, measure, verify and clean the store

Usage: deps cache [OPTIONS] <COMMAND>

Commands:
  ls      List repositories with their pinned commits, trees and files, and which projects need them
  du      Sum up sizes, and what `deps cache gc` would free
  gc      Remove what no project on this machine needs
  verify  Read everything again and name what is damaged (exit code 4)
  path    Print the store's folder, or where one commit, tree or entry of the lock lies in it
  engine  Show and remove what the engine holds: cache mounts and the build cache
  help    Print this message or the help of the given subcommand(s)

Options:
  -h, --help
          Print help (see a summary with '-h')

"#]]
    );
    snapbox::assert_data_eq!(
        help(&["cache", "gc", "--help"]),
        str![[r#"
Remove what no project on this machine needs.

A project counts since a command used the store in it. What its `deps.lock` has now stays, and so do
submodules of that; while a lock cannot be read, nothing goes.

Usage: deps cache gc [OPTIONS]

Options:
      --dry-run
          Only say what would go

      --keep-days <N>
          Keep also what a project's lock had in the last N days, for other branches; 0 keeps only
          what locks have now
          
          [default: 14]

      --forget <PROJECT>
          Forget the project in this folder: what only it needs goes; may be given several times

      --json
          Print JSON (`deps schema cache-ls`, and so on)

  -h, --help
          Print help (see a summary with '-h')

"#]]
    );
    snapbox::assert_data_eq!(
        help(&["cache", "verify", "--help"]),
        str![[r#"
Read everything again and name what is damaged (exit code 4)

Usage: deps cache verify [OPTIONS]

Options:
      --repair
          Remove what is damaged, so that the next `deps fetch` or `deps build` brings it anew

      --json
          Print JSON (`deps schema cache-ls`, and so on)

  -h, --help
          Print help (see a summary with '-h')

"#]]
    );
}
