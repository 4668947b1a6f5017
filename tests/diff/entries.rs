//! Reviews of what is no repository of a manifest: extensions from git, with their own changes, and what has a digest for
//! each platform.

use snapbox::str;

use super::project::{BASE, begin, commit, served_as};
use crate::support::archives::tar_gz;
use crate::support::sandbox::Sandbox;

/// Commits a version of the extension `team`; returns the commit.
fn release(sandbox: &Sandbox, version: &str, default: &str, rest: &str) -> String {
    let toml = format!(
        "[extension]\nname = \"team\"\nversion = \"{version}\"\nsummary = \"The team's tools\"\n{rest}\n\
         [options.greeting]\ntype = \"string\"\ndefault = \"{default}\"\nhelp = \"what is said\"\n\n\
         [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{{ from = \"bin/\", to = \"/usr/local/bin/\" }}]\n"
    );
    let snippet = format!(
        "RUN mkdir -p {{{{ out }}}}/bin && echo {{{{ options.greeting }}}} {version} > {{{{ out }}}}/bin/hello\n"
    );
    let repository = sandbox.git("acme/ext").file("team/extension.toml", &toml).file("team/b.Dockerfile", &snippet);
    repository.commit()
}

/// A project with an extension from git, of which the second commit is pinned by its id.
fn pinned() -> (Sandbox, String) {
    let sandbox = served_as("github.com");
    let first = release(&sandbox, "1.0.0", "hello", "");
    sandbox.deps_toml(&format!(
        "[project]\nname = \"p\"\nbase = \"{BASE}\"\n\n[extensions]\n\
         team = {{ git = \"https://github.com/acme/ext.git\", ref = \"{first}\", dir = \"team\" }}\n"
    ));
    begin(&sandbox);
    let second = release(&sandbox, "1.1.0", "welcome", "requires = [\"curl\"]\n");
    sandbox.edit("deps.toml", &first, &second);
    sandbox.deps(["lock"]).succeeds();
    (sandbox, second)
}

#[test]
fn an_extension_from_git_that_moved_is_told_with_its_own_changes() {
    let (sandbox, second) = pinned();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["diff", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD (d1d720d2) → the work tree

Extensions
  + ext curl  b3:4356446b
  ~ ext team  1.0.0 → 1.1.0  minor
      commit 5fc433c6 → 19468c3a
      option greeting: hello → welcome
      ~ b.Dockerfile
      ~ extension.toml
      https://github.com/acme/ext/compare/5fc433c621cb...19468c3aa5f7

Stages that rebuild: 3 of 3
  ~ stage team-builder  3 causes
      extension team changed 1.0.0 → 1.1.0
      option greeting of team changed `hello` → `welcome`
      snippet extensions/team/b.Dockerfile was edited
  ~ stage runtime       2 causes
      package added: ca-certificates
      package added: curl
  ~ stage final         follows runtime, team-builder

"#]]);
        sandbox.deps(["diff", "HEAD", "--markdown"]).succeeds().stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `HEAD` (d1d720d2) → `the work tree`

#### Extensions

- ➕ ext `curl`: `b3:4356446b`
- ext `team`: `1.0.0` → `1.1.0` **minor** ([compare](https://github.com/acme/ext/compare/5fc433c621cb...19468c3aa5f7))
  - commit `5fc433c6` → `19468c3a`
  - option `greeting`: `hello` → `welcome`
  - ~ `b.Dockerfile`
  - ~ `extension.toml`

#### Stages that rebuild: 3 of 3

- stage `team-builder`: 3 causes
  - `extension team changed 1.0.0 → 1.1.0`
  - `` option greeting of team changed `hello` → `welcome` ``
  - `snippet extensions/team/b.Dockerfile was edited`
- stage `runtime`: 2 causes
  - `package added: ca-certificates`
  - `package added: curl`
- stage `final`: follows `runtime`, `team-builder`

"#]]);
    });
    let before = sandbox.deps(["diff", "HEAD"]).succeeds().stdout();
    commit(&sandbox);
    let with_commits = before.replacen("HEAD (d1d720d2) → the work tree", "HEAD~1 (d1d720d2) → HEAD (e2d18afd)", 1);
    assert_eq!(sandbox.deps(["diff", "HEAD~1", "HEAD"]).succeeds().stdout(), with_commits);
    let run = sandbox.deps(["diff", "HEAD~1", "HEAD", "--fetch"]).succeeds();
    assert!(run.stdout().contains("~ ext team  1.0.0 → 1.1.0  minor, +1 commit\n"), "{run}");
    assert!(run.stdout().contains("      + 19468c3a commit\n"), "{run}");
    // The same commit of a fork.
    let at = |name: &str| sandbox.root().join(format!("git/{name}")).to_str().unwrap().to_owned();
    sandbox.program("cp", ["-r", &at("acme"), &at("evil")]).succeeds();
    sandbox.edit("deps.toml", "acme/ext.git", "evil/ext.git");
    assert!(sandbox.read("deps.toml").contains(&second));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["diff", "HEAD", "--exit-code"]).exits(1).stdout_is(str![[r#"
HEAD (e2d18afd) → the work tree

Where things come from
  ! ext team  owner acme → evil
      was https://github.com/acme/ext.git
      now https://github.com/evil/ext.git
      its content is pinned to the same as before: nothing rebuilds

"#]]);
}

#[test]
fn without_the_files_of_an_extension_its_entry_is_compared() {
    let (sandbox, _) = pinned();
    std::fs::remove_dir_all(sandbox.store()).unwrap();
    std::fs::create_dir(sandbox.store()).unwrap();
    sandbox.servers_stopped(|sandbox| {
        sandbox.deps(["diff", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD (d1d720d2) → the work tree

Extensions
  + ext curl  b3:4356446b
  ~ ext team  1.0.0 → 1.1.0  minor
      commit 5fc433c6 → 19468c3a
      https://github.com/acme/ext/compare/5fc433c621cb...19468c3aa5f7

note: stages are not compared: in HEAD, extension `team` at 5fc433c621cba80db31e94fb6e38a36a9365a716 is missing from the store
note: stages are not compared: in the work tree, extension `team` at 19468c3aa5f70ed35cd180e6352b5d674370c861 is missing from the store

"#]]);
    });
}

/// Serves a version of a file, one for each of three platforms.
fn serve(sandbox: &Sandbox, version: &str, content: &str) {
    for arch in ["x64", "aarch64", "riscv64"] {
        let archive = tar_gz(&[("tool", &format!("{content} for {arch}\n"))]);
        sandbox.serve(&format!("tool-{version}-{arch}.tar.gz"), &archive);
    }
}

/// A project for two platforms, with a file of its own for each.
fn two_platforms() -> Sandbox {
    let sandbox = served_as("github.com");
    serve(&sandbox, "2.1.0", "one");
    serve(&sandbox, "2.2.0", "two");
    sandbox.deps_toml(&format!(
        "[project]\nname = \"p\"\nbase = \"{BASE}\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n\n\
         [extensions]\ntool = {{ path = \"tool\", with = {{ tool = \"2.1.0\" }} }}\n"
    ));
    sandbox.write(
        "tool/extension.toml",
        "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\n\n\
         [options.tool]\ntype = \"string\"\ndefault = \"2.1.0\"\nhelp = \"the version\"\n\n\
         [inputs.src]\nurl = \"https://tool.example/tool-{{ version }}-{{ arch }}.tar.gz\"\nversion = \"{{ options.tool }}\"\n\
         arch = { amd64 = \"x64\", arm64 = \"aarch64\", riscv64 = \"riscv64\" }\n\n\
         [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{ from = \"bin/\", to = \"/usr/local/bin/\" }]\n",
    );
    sandbox.write("tool/b.Dockerfile", "RUN install -D -m 755 -t {{ out }}/bin /deps/in/*/*\n");
    sandbox.configuration("[mirror]\n\"https://tool.example/\" = \"$GIT/files/\"\n");
    begin(&sandbox);
    sandbox
}

#[test]
fn what_has_a_digest_for_each_platform_is_told_for_each() {
    let sandbox = two_platforms();
    sandbox.edit("deps.toml", "tool = \"2.1.0\"", "tool = \"2.2.0\"");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["diff", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD (29c1bdfc) → the work tree

Extensions
  ~ ext tool  1.0.0, other options
      option tool: 2.1.0 → 2.2.0

Files fetched by url
  ~ fetch tool/src  2.1.0 → 2.2.0  minor

Stages that rebuild: 2 of 3
  ~ stage tool-builder  rev of tool/src changed 2.1.0 → 2.2.0 (f6e4fadf → 256b9d80)
      on linux/amd64
  ~ stage tool-builder  rev of tool/src changed 2.1.0 → 2.2.0 (078eae11 → 26e731f1)
      on linux/arm64
  ~ stage final         follows tool-builder
      on linux/amd64
  ~ stage final         follows tool-builder
      on linux/arm64

"#]]);
    commit(&sandbox);
    sandbox.edit("deps.toml", "\"linux/arm64\"]", "\"linux/arm64\", \"linux/riscv64\"]");
    sandbox.deps(["lock"]).succeeds();
    let run = sandbox.deps(["diff", "HEAD"]).succeeds();
    assert!(run.stdout().contains("~ fetch tool/src  2.2.0, linux-riscv64 added\n"), "{run}");
    sandbox.edit("deps.toml", "\"linux/amd64\", ", "");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["diff", "HEAD"]).succeeds().stdout_is(str![[r#"
HEAD (ad2dfd87) → the work tree

Files fetched by url
  ~ fetch tool/src  2.2.0, linux-amd64 removed, linux-riscv64 added

Stages that rebuild: 3 of 3
  + stage tool-builder  extension tool added: 1.0.0
      on linux/riscv64
  + stage runtime       new
      on linux/riscv64
  + stage final         extension tool added: 1.0.0
      on linux/riscv64

"#]]);
}

#[test]
fn a_file_that_was_replaced_for_one_platform_is_an_alarm_for_that_one() {
    let sandbox = two_platforms();
    sandbox.serve("tool-2.1.0-aarch64.tar.gz", &tar_gz(&[("tool", "evil\n")]));
    sandbox.deps(["update"]).succeeds();
    sandbox.deps(["diff", "HEAD", "--exit-code"]).exits(1).stdout_is(str![[r#"
HEAD (29c1bdfc) → the work tree

Integrity
  ! fetch tool/src  other bytes at the same url: linux-arm64 sha256:078eae11 → sha256:3bcfe83a

Files fetched by url
  ~ fetch tool/src  2.1.0, linux-arm64 sha256:078eae11 → sha256:3bcfe83a

Stages that rebuild: 2 of 3
  ~ stage tool-builder  rev of tool/src changed 078eae11 → 3bcfe83a (2.1.0)
      on linux/arm64
  ~ stage final         follows tool-builder
      on linux/arm64

"#]]);
    sandbox.deps(["diff", "HEAD", "--markdown"]).succeeds().stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `HEAD` (29c1bdfc) → `the work tree`

#### Integrity

- ⚠️ fetch `tool/src`: other bytes at the same url: `linux-arm64` `sha256:078eae11` → `sha256:3bcfe83a`

#### Files fetched by url

- fetch `tool/src`: `2.1.0`, `linux-arm64` `sha256:078eae11` → `sha256:3bcfe83a`

#### Stages that rebuild: 2 of 3

- stage `tool-builder`: `rev of tool/src changed 078eae11 → 3bcfe83a (2.1.0)`
  - on linux/arm64
- stage `final`: follows `tool-builder`
  - on linux/arm64

"#]]);
    // Another platform beside it, with which the url is spelled otherwise, hides nothing.
    sandbox.edit("deps.toml", "\"linux/arm64\"]", "\"linux/arm64\", \"linux/riscv64\"]");
    sandbox.deps(["lock"]).succeeds();
    let run = sandbox.deps(["diff", "HEAD", "--exit-code"]).exits(1);
    let alarm = "! fetch tool/src  other bytes at the same url: linux-arm64 sha256:078eae11 → sha256:3bcfe83a\n";
    assert!(run.stdout().contains(alarm), "{run}");
}
