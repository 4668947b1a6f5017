//! `deps update --commit` and `--json`: what a bot commits, and what it reads.

use crate::support::program::Program;
use crate::support::sandbox::Sandbox;
use snapbox::str;

const MANIFEST: &str = "\
repositories:
  core/a: { type: git, url: https://git.example/a.git, version: main }
  core/b: { type: git, url: https://git.example/b.git, version: ^1 }
";

/// A clone with a commit of a project and its lock, whose two repositories have moved on since.
fn moved() -> Sandbox {
    let dates = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name.into(), "2020-01-01T00:00:00Z".into()));
    let sandbox = Sandbox::with_environment(dates.to_vec());
    let user = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
    sandbox.git_config(&format!("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n{user}"));
    for name in ["a", "b"] {
        sandbox.git(name).file("f", "1").tag("1.0.0").commit();
    }
    sandbox.manifest(MANIFEST);
    sandbox.deps(["lock"]).succeeds();
    git(&sandbox, &["init", "--quiet"]).succeeds();
    git(&sandbox, &["add", "."]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=first"]).succeeds();
    for name in ["a", "b"] {
        sandbox.git(name).file("f", "2").tag("1.1.0").commit();
    }
    sandbox
}

fn git<'a>(sandbox: &'a Sandbox, arguments: &[&str]) -> Program<'a> {
    sandbox.program("git", arguments)
}

#[test]
fn the_lock_is_committed_alone_with_what_changed() {
    let sandbox = moved();
    sandbox.write("staged", "x");
    sandbox.write("underlay.repos", &format!("{MANIFEST}# a note\n"));
    git(&sandbox, &["add", "staged"]).succeeds();
    // Whatever a hook does, it is not run.
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    sandbox.program("chmod", ["+x", ".git/hooks/pre-commit"]).succeeds();
    sandbox.deps(["update", "--commit"]).succeeds().stderr_is(str![[r#"
  ~ repo `core/a` main 274285a9 → main 8dcb387e
  ~ repo `core/b` 1.0.0 274285a9 → 1.1.0 8dcb387e
wrote deps.lock: 2 entries, 0 added, 2 changed, 0 removed
committed to main: Update 2 locked entries

"#]]);
    git(&sandbox, &["log", "-1", "--format=%an <%ae> %aI%n%B"]).succeeds().stdout_is(str![[r#"
Ada <ada@example.org> 2020-01-01T00:00:00Z
Update 2 locked entries

Versions
  ~ repo core/a  main 274285a9 → 8dcb387e
  ~ repo core/b  1.0.0 → 1.1.0  minor


"#]]);
    git(&sandbox, &["show", "--format=", "--name-status", "HEAD"]).succeeds().stdout_is("M\tdeps.lock\n");
    git(&sandbox, &["status", "--short"]).succeeds().stdout_is("A  staged\n M underlay.repos\n");
    git(&sandbox, &["fsck", "--strict"]).succeeds();
    let head = || git(&sandbox, &["rev-parse", "HEAD"]).succeeds().stdout();
    let before = head();
    sandbox.deps(["update", "--commit"]).succeeds().stderr_is(str![[r#"
kept deps.lock: 2 entries, nothing changed
nothing to commit

"#]]);
    assert_eq!(head(), before);
}

#[test]
fn a_project_below_the_top_of_its_clone_commits_its_own_lock() {
    let sandbox = moved();
    for name in ["deps.toml", "deps.lock", "underlay.repos"] {
        sandbox.write(&format!("robots/one/{name}"), &sandbox.read(name));
    }
    git(&sandbox, &["add", "."]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=second"]).succeeds();
    git(&sandbox, &["checkout", "--quiet", "--detach"]).succeeds();
    sandbox.deps_in("robots/one", ["update", "core/b", "--commit"]).succeeds().stderr_is(str![[r#"
  ~ repo `core/b` 1.0.0 274285a9 → 1.1.0 8dcb387e
wrote deps.lock: 2 entries, 0 added, 1 changed, 0 removed
committed: Update core/b 1.0.0 → 1.1.0

"#]]);
    git(&sandbox, &["show", "--format=%s", "--name-status"]).succeeds().stdout_is(str![[r#"
Update core/b 1.0.0 → 1.1.0

M	robots/one/deps.lock

"#]]);
    git(&sandbox, &["status", "--short"]).succeeds().stdout_is("");
}

#[test]
fn a_lock_that_was_not_there_comes_after_what_it_is_made_from() {
    let sandbox = moved();
    sandbox.program("rm", ["-r", ".git", "deps.lock"]).succeeds();
    git(&sandbox, &["init", "--quiet"]).succeeds();
    sandbox.deps(["update", "--commit"]).exits(1).stderr_is(str![[r#"
error: cannot commit `deps.lock`: it would not be the lock of what is committed beside it
  `deps.toml` has changes that are not committed
  `underlay.repos` has changes that are not committed
hint: commit them first, or run `deps update` without `--commit` and commit them with the lock

"#]]);
    assert!(!sandbox.has("deps.lock"));
    git(&sandbox, &["add", "deps.toml", "underlay.repos"]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=first"]).succeeds();
    sandbox.deps(["update", "--commit"]).succeeds();
    git(&sandbox, &["log", "-1", "--format=%s", "--name-status"]).succeeds().stdout_is(str![[r#"
Lock 2 entries

A	deps.lock

"#]]);
}

#[test]
fn where_a_commit_would_take_more_with_it_nobody_is_asked_and_nothing_is_written() {
    let sandbox = moved();
    let refused = |sandbox: &Sandbox| {
        let (requests, lock) = (sandbox.requests(), sandbox.read("deps.lock"));
        let run = sandbox.deps(["update", "--commit"]).exits(1);
        assert_eq!((sandbox.requests(), sandbox.read("deps.lock")), (requests, lock));
        run
    };
    let lock = sandbox.read("deps.lock");
    sandbox.write("deps.lock", &format!("{lock}\n"));
    refused(&sandbox).stderr_is(str![[r#"
error: cannot commit `deps.lock`: it has changes that are not committed
hint: commit it first, or `git restore` it

"#]]);
    // Staged, and taken back in the work tree: still not what the commit has.
    git(&sandbox, &["add", "deps.lock"]).succeeds();
    sandbox.write("deps.lock", &lock);
    assert!(refused(&sandbox).stderr().contains("changes that are not committed"));
    git(&sandbox, &["reset", "--quiet"]).succeeds();

    git(&sandbox, &["switch", "--quiet", "--create", "topic"]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--allow-empty", "--message=topic"]).succeeds();
    git(&sandbox, &["switch", "--quiet", "main"]).succeeds();
    git(&sandbox, &["merge", "--quiet", "--no-ff", "--no-commit", "topic"]).succeeds();
    refused(&sandbox).stderr_is(str![[r#"
error: cannot commit `deps.lock`: a merge is in progress
hint: `git status` says how to end it

"#]]);
    git(&sandbox, &["merge", "--abort"]).succeeds();

    git(&sandbox, &["rm", "--quiet", "--cached", "deps.lock"]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=not here"]).succeeds();
    sandbox.write(".gitignore", "*.lock\n");
    refused(&sandbox).stderr_is(str![[r#"
error: cannot commit `deps.lock`: git ignores `deps.lock`
hint: `git check-ignore -v deps.lock` names the line to remove

"#]]);
    sandbox.program("rm", ["-r", ".git"]).succeeds();
    refused(&sandbox).stderr_is(str![[r#"
error: cannot commit `deps.lock`: `[ROOT]/project` is in no git clone with a work tree

"#]]);
}

#[test]
fn without_an_author_there_is_no_commit_and_signatures_are_missed() {
    let sandbox = moved();
    let redirect = "[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n";
    sandbox.git_config(redirect);
    sandbox.deps(["update", "--commit"]).exits(1).stderr_is(str![[r#"
error: cannot commit `deps.lock`: git does not know who you are
hint: `git config user.name NAME` and `git config user.email ADDRESS`

"#]]);
    sandbox.git_config(&format!("{redirect}[commit]\n\tgpgSign = true\n"));
    let names = [
        ("GIT_AUTHOR_NAME", "Bot"),
        ("GIT_AUTHOR_EMAIL", "bot@example.org"),
        ("GIT_COMMITTER_NAME", "Forge"),
        ("GIT_COMMITTER_EMAIL", "forge@example.org"),
    ];
    let update = sandbox.deps(["update", "core/a", "--commit"]);
    let update = names.iter().fold(update, |update, (name, value)| update.env(name, value));
    update.succeeds().stderr_is(str![[r#"
warning: the commit will not be signed, although `commit.gpgSign` asks for it
hint: to sign it afterwards, run `git commit --amend --no-edit --gpg-sign`

  ~ repo `core/a` main 274285a9 → main 8dcb387e
wrote deps.lock: 2 entries, 0 added, 1 changed, 0 removed
committed to main: Update core/a main 274285a9 → 8dcb387e

"#]]);
    let people = git(&sandbox, &["log", "-1", "--format=%an <%ae>, %cn <%ce>"]).succeeds();
    people.stdout_is("Bot <bot@example.org>, Forge <forge@example.org>\n");
}

#[test]
fn programs_read_what_moved_from_what_to_what() {
    let sandbox = moved();
    let run = sandbox.deps(["update", "--json", "--dry-run", "core/b"]).without_recheck().succeeds();
    assert!(run.stdout().contains("\"written\": false"), "{run}");
    sandbox.deps(["update", "--json", "--commit"]).succeeds().stdout_is(str![[r#"
{
  "schema": 1,
  "written": true,
  "commit": "1f768bcad12db7db9cdf465cb8e12c738409e00d",
  "entries": 2,
  "changes": [
    {
      "key": "repo:core/a",
      "change": "changed",
      "before": {
        "ref": "main",
        "rev": "274285a99458a7c82ab2d7c9c32523e9b9c12e33",
        "url": "https://git.example/a.git"
      },
      "after": {
        "ref": "main",
        "rev": "8dcb387e23c5d75f4da21deef37bf8564a45453e",
        "url": "https://git.example/a.git"
      },
      "text": "~ repo `core/a` main 274285a9 → main 8dcb387e"
    },
    {
      "key": "repo:core/b",
      "change": "changed",
      "before": {
        "ref": "1.0.0",
        "rev": "274285a99458a7c82ab2d7c9c32523e9b9c12e33",
        "url": "https://git.example/b.git",
        "want": "^1"
      },
      "after": {
        "ref": "1.1.0",
        "rev": "8dcb387e23c5d75f4da21deef37bf8564a45453e",
        "url": "https://git.example/b.git",
        "want": "^1"
      },
      "text": "~ repo `core/b` 1.0.0 274285a9 → 1.1.0 8dcb387e"
    }
  ]
}

"#]]);
    sandbox.deps(["update", "--json", "--commit"]).succeeds().stdout_is(str![[r#"
{
  "schema": 1,
  "written": false,
  "entries": 2,
  "changes": []
}

"#]]);
}

/// Whether `deps lock --check` is content with what a fresh clone of the project's commit has.
fn fresh_clone_is_in_sync(sandbox: &Sandbox) {
    let folder = sandbox.root().join("clone");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("an earlier clone goes");
    }
    git(sandbox, &["clone", "--quiet", ".", "../clone"]).succeeds();
    sandbox.deps_in(folder.to_str().unwrap(), ["lock", "--check"]).succeeds();
}

#[test]
fn a_lock_of_manifests_that_are_not_committed_is_not_committed() {
    let sandbox = moved();
    let lock = sandbox.read("deps.lock");
    sandbox.edit("underlay.repos", "^1", "1.1.0");
    sandbox.deps(["update", "--commit"]).exits(1).stderr_is(str![[r#"
error: cannot commit `deps.lock`: it would not be the lock of what is committed beside it
  `underlay.repos` has changes that are not committed
hint: commit them first, or run `deps update` without `--commit` and commit them with the lock

"#]]);
    // Staged is not committed either, and another project file counts as well.
    git(&sandbox, &["add", "underlay.repos"]).succeeds();
    sandbox.edit("deps.toml", "underlay.repos", "moved.repos");
    sandbox.program("cp", ["underlay.repos", "moved.repos"]).succeeds();
    sandbox.deps(["update", "--commit"]).exits(1).stderr_is(str![[r#"
error: cannot commit `deps.lock`: it would not be the lock of what is committed beside it
  `deps.toml` has changes that are not committed
  `moved.repos` has changes that are not committed
hint: commit them first, or run `deps update` without `--commit` and commit them with the lock

"#]]);
    assert_eq!(sandbox.read("deps.lock"), lock);
    git(&sandbox, &["add", "."]).succeeds();
    git(&sandbox, &["commit", "--quiet", "--message=manifests"]).succeeds();
    sandbox.deps(["update", "--commit"]).succeeds();
    fresh_clone_is_in_sync(&sandbox);
    // What asks for the same does not matter.
    sandbox.git("a").file("f", "3").commit();
    sandbox.write("moved.repos", &format!("# a note\n{}", sandbox.read("moved.repos")));
    sandbox.deps(["update", "--commit"]).succeeds();
    fresh_clone_is_in_sync(&sandbox);
}

#[test]
fn extensions_count_wherever_they_come_from() {
    let sandbox = moved();
    let toml = |version: &str| format!("[extension]\nname = \"team\"\nversion = \"{version}\"\nsummary = \"A team\"\n");
    sandbox.git("team").file("extension.toml", &toml("1.0.0")).commit();
    let asked = "[project]\nname = \"p\"\nbase = \"scratch\"\nauto = true\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws\"\n\n\
                 [extensions]\nteam = { git = \"https://git.example/team.git\", ref = \"main\" }\n";
    sandbox.deps_toml(asked);
    git(&sandbox, &["commit", "--quiet", "--all", "--message=team"]).succeeds();
    sandbox.deps(["update", "--commit"]).succeeds();
    fresh_clone_is_in_sync(&sandbox);
    sandbox.git("team").file("extension.toml", &toml("1.1.0")).commit();
    sandbox.deps(["update", "--commit"]).succeeds().stderr_is(str![[r#"
  ~ ext `team` 1.0.0 e94c6a7f → 1.1.0 873d46f7
wrote deps.lock: 3 entries, 0 added, 1 changed, 0 removed
committed to main: Update ext team 1.0.0 → 1.1.0

"#]]);
    fresh_clone_is_in_sync(&sandbox);
    // A file that nobody has committed shows an extension that the lock would have.
    sandbox.write("uv.lock", "version = 1\n");
    sandbox.write("pyproject.toml", "[project]\nname = \"p\"\n");
    sandbox.git("team").file("extension.toml", &toml("1.2.0")).commit();
    let lock = sandbox.read("deps.lock");
    sandbox.deps(["update", "--commit"]).exits(1).stderr_is(str![[r#"
error: cannot commit `deps.lock`: it would not be the lock of what is committed beside it
  `pyproject.toml` has changes that are not committed
hint: commit them first, or run `deps update` without `--commit` and commit them with the lock

"#]]);
    assert_eq!(sandbox.read("deps.lock"), lock);
}
