//! `hg` and `svn` entries of manifests, with the real programs and real repositories.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use snapbox::str;

use crate::support::programs::are_installed;
use crate::support::sandbox::Sandbox;

/// Runs a shell script in the sandbox with `set -e`; returns what it prints.
fn sh(sandbox: &Sandbox, script: &str) -> String {
    let run = sandbox.program("sh", ["-ec", script]).env("HGUSER", "Ada <ada@example.com>").env("TZ", "UTC");
    run.succeeds().stdout().trim().to_owned()
}

/// A repository `tool` of Mercurial with two changesets, a tag, a branch and hostile settings of its own.
fn hg() -> (Sandbox, String, String) {
    let sandbox = Sandbox::new();
    let ids = sh(
        &sandbox,
        "cd ..; hg init tool; cd tool
        mkdir bin; echo '#!/bin/sh' >bin/run; chmod 755 bin/run; echo 1 >README; ln -s README link
        hg commit -qA -m one -d '1 0'; hg tag -d '2 0' v1; hg branch -q stable; echo 2 >README; hg commit -q -m two -d '3 0'
        hg update -q default
        owned=$(dirname $PWD)/owned; printf \"open('$owned', 'w')\\n\" >../evil.py
        printf \"[hooks]\\npre-identify = touch $owned\\npre-archive = touch $owned\\noutgoing = touch $owned\\n\" >.hg/hgrc
        printf \"[extensions]\\nevil = $(dirname $PWD)/evil.py\\n\" >>.hg/hgrc; export HGRCSKIPREPO=1
        hg log -r 'default' --template '{node} '
        hg log -r 'stable' --template '{node}'",
    );
    let (default, stable) = ids.split_once(' ').unwrap();
    (sandbox, default.to_owned(), stable.to_owned())
}

fn tree(sandbox: &Sandbox) -> PathBuf {
    let mut trees = std::fs::read_dir(sandbox.store().join("trees")).unwrap();
    let tree = trees.next().unwrap().unwrap().path();
    assert!(trees.next().is_none(), "there is one tree");
    tree
}

#[test]
fn a_mercurial_repository_is_locked_fetched_once_and_planned() {
    if !are_installed(&["hg"]) {
        return;
    }
    let (sandbox, default, stable) = hg();
    sandbox.manifest("repositories:\n  tool: { type: hg, url: ../tool, version: stable }\n");
    sandbox.deps(["lock"]).succeeds();
    let expected =
        format!("\n[repo.\"tool\"]\ntype = \"hg\"\nref = \"stable\"\nrev = \"{stable}\"\nurl = \"../tool\"\n");
    assert!(sandbox.read("deps.lock").ends_with(&expected), "{}", sandbox.read("deps.lock"));
    sandbox.deps(["fetch"]).succeeds().stderr_is(str![[r#"
1 commit, 0 in the store, 1 fetched

"#]]);
    let tree = tree(&sandbox);
    assert_eq!(tree.file_name().unwrap().to_str(), Some(&*format!("hg-{stable}")));
    let listing = sh(&sandbox, &format!("cd {}; find . -printf '%p %m %Ts %l\\n' | sort", tree.display()));
    assert_eq!(
        listing,
        ". 755 315532800 \n./.hgtags 644 315532800 \n./README 644 315532800 \n./bin 755 315532800 \n./bin/run 755 315532800 \n./link 777 315532800 README"
    );
    assert_eq!(std::fs::read_to_string(tree.join("README")).unwrap(), "2\n");
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert!(dockerfile.contains(&format!("ADD archives/hg-{stable}.tar /ws/src/tool/\n")), "{dockerfile}");

    // Its history is in the store now: nobody is asked again.
    std::fs::rename(sandbox.root().join("tool"), sandbox.root().join("gone")).unwrap();
    sandbox.deps(["fetch"]).succeeds();
    std::fs::remove_dir_all(sandbox.store().join("trees")).unwrap();
    sandbox.deps(["fetch"]).succeeds();
    std::fs::rename(sandbox.root().join("gone"), sandbox.root().join("tool")).unwrap();
    sandbox.edit("underlay.repos", ", version: stable", "");
    sandbox.deps(["lock"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&format!("type = \"hg\"\nrev = \"{default}\"\n")));
    assert!(!sandbox.root().join("owned").exists(), "a repository's own settings ran something");
}

#[test]
fn mercurial_versions_are_what_hg_makes_of_them() {
    if !are_installed(&["hg"]) {
        return;
    }
    let (sandbox, _, stable) = hg();
    let first = sh(&sandbox, "cd ../tool; HGRCSKIPREPO=1 hg log -r v1 --template '{node}'");
    for (version, node) in [("v1", &first), (&first[..9], &first), (&*stable, &stable), ("tip", &stable)] {
        sandbox.manifest(&format!("repositories:\n  tool: {{ type: hg, url: ../tool, version: {version} }}\n"));
        sandbox.deps(["lock"]).succeeds();
        assert!(sandbox.read("deps.lock").contains(&format!("rev = \"{node}\"")), "{version}");
    }
    sandbox.edit("underlay.repos", "version: tip", "version: nope");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: repo `tool`: cannot read `[ROOT]/tool`: there is no such revision (unknown revision 'nope')
 --> underlay.repos:2:44
  |
2 |   tool: { type: hg, url: ../tool, version: nope }
  |                                            ^^^^

"#]]);
    sandbox.edit("underlay.repos", "../tool, version: nope", "../nothing");
    sandbox.deps(["lock"]).exits(5).stderr_is(str![[r#"
error: repo `tool`: cannot read `[ROOT]/nothing`: there is no such repository, or it is hidden from you (repository [ROOT]/nothing not found)
 --> underlay.repos:2:26
  |
2 |   tool: { type: hg, url: ../nothing }
  |                          ^^^^^^^^^^
hint: check the spelling; a private repository looks the same without credentials

"#]]);
}

#[test]
fn a_mercurial_repository_that_moved_is_updated_when_asked() {
    if !are_installed(&["hg"]) {
        return;
    }
    let (sandbox, default, _) = hg();
    sandbox.manifest("repositories:\n  tool: { type: hg, url: ../tool }\n");
    sandbox.deps(["fetch"]).succeeds();
    let moved = sh(
        &sandbox,
        "cd ../tool; export HGRCSKIPREPO=1; echo 3 >README; hg commit -q -m three -d '4 0'; hg log -r . --template '{node}'",
    );
    sandbox.deps(["lock"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&default));
    sandbox.deps(["update"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&moved));
    sandbox.deps(["fetch"]).succeeds();
    assert!(sandbox.store().join(format!("trees/hg-{moved}")).is_dir());
}

/// A repository of Subversion: `trunk` changed in revision 2, `tags/1` is a copy of revision 3, the last one is 4.
fn svn() -> Sandbox {
    let sandbox = Sandbox::new();
    sh(
        &sandbox,
        "export LC_ALL=C.UTF-8; cd ..; svnadmin create svn; url=file://$PWD/svn; svn mkdir -q -m 1 $url/trunk $url/tags $url/old
        svn checkout -q $url/trunk work; cd work; mkdir bin; echo '#!/bin/sh' >bin/run; chmod 755 bin/run
        echo '$Rev$ $Date$' >README; echo 1 >'ä @1'; svn add -q bin README './ä @1@'
        svn propset -q svn:keywords 'Rev Date' README
        svn propset -q svn:externals 'ext file:///nowhere' .; svn commit -q -m 2
        svn mkdir -q -m 3 $url/old/part; svn move -q -m 4 $url/old $url/new",
    );
    sandbox
}

#[test]
fn a_subversion_folder_is_locked_at_its_last_change_and_fetched_once() {
    if !are_installed(&["svn", "svnadmin"]) {
        return;
    }
    let sandbox = svn();
    let root = sandbox.root().display().to_string();
    sandbox.manifest(&format!("repositories:\n  tool: {{ type: svn, url: 'file://{root}/svn/trunk' }}\n"));
    sandbox.deps(["lock"]).succeeds();
    sandbox.file_is(
        "deps.lock",
        str![[r##"
# Generated by `deps lock`. Edit deps.toml or the manifests, then run `deps lock`.
schema = 1

[repo."tool"]
type = "svn"
rev = "2"
url = "file://[ROOT]/svn/trunk"

"##]],
    );
    let run = sandbox.deps(["fetch"]).succeeds();
    assert!(run.stderr().ends_with("\n1 commit, 0 in the store, 1 fetched\n"), "{run}");
    let tree = tree(&sandbox);
    let listing = sh(&sandbox, &format!("cd {}; find . -printf '%p %m %Ts\\n' | LC_ALL=C sort", tree.display()));
    let expected =
        ". 755 315532800\n./README 644 315532800\n./bin 755 315532800\n./bin/run 755 315532800\n./ä @1 644 315532800";
    assert_eq!(listing, expected);
    let readme = std::fs::read_to_string(tree.join("README")).unwrap();
    assert!(readme.starts_with("$Rev: 2 $ $Date: ") && readme.contains("+0000"), "{readme}");
    std::fs::rename(sandbox.root().join("svn"), sandbox.root().join("gone")).unwrap();
    sandbox.deps(["fetch"]).succeeds();
    let id = tree.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(
        sandbox.deps(["dockerfile"]).succeeds().stdout().contains(&format!("ADD archives/{id}.tar /ws/src/tool/\n"))
    );
}

#[test]
fn subversion_versions_are_revisions() {
    if !are_installed(&["svn", "svnadmin"]) {
        return;
    }
    let sandbox = svn();
    let root = sandbox.root().display().to_string();
    // What was moved along with a folder above it did not stand at this url when it last changed.
    for (path, version, rev) in
        [("trunk", "4", "2"), ("trunk", "1", "1"), ("trunk", "HEAD", "2"), ("new/part", "4", "4")]
    {
        sandbox.manifest(&format!(
            "repositories:\n  tool: {{ type: svn, url: 'file://{root}/svn/{path}', version: {version} }}\n"
        ));
        sandbox.deps(["lock"]).succeeds();
        assert!(sandbox.read("deps.lock").contains(&format!("rev = \"{rev}\"\n")), "{path}@{version}");
        sandbox.deps(["fetch"]).succeeds();
    }
    for (version, code, words) in [
        ("99", 1, "there is no such revision (E160006: No such revision 99)"),
        ("trunk", 1, "there is no such revision (E205000: Syntax error parsing peg revision 'trunk')"),
        ("1@2", 1, "the version of an `svn` repository is a revision, and this one holds a `@`"),
    ] {
        sandbox.manifest(&format!(
            "repositories:\n  tool: {{ type: svn, url: 'file://{root}/svn/trunk', version: {version} }}\n"
        ));
        let run = sandbox.deps(["lock"]).exits(code);
        assert!(run.stderr().contains(words), "{run}");
    }
}

/// A server of one of the two systems on a port of its own; dropped, it ends.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts `program`, whose arguments may hold `PORT`, and waits until it takes connections.
    fn start(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = arguments.iter().map(|argument| argument.replace("PORT", &port.to_string()));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(sandbox.root()).env("HGRCPATH", "").env("HGRCSKIPREPO", "1");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("`{program}` takes no connection")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_are_fetched_over_the_network_and_one_that_is_down_is_unreachable() {
    if !are_installed(&["hg", "svn", "svnadmin", "svnserve"]) {
        return;
    }
    let (sandbox, default, _) = hg();
    let other = svn();
    let web = Server::start(&sandbox, "hg", &["serve", "-R", "tool", "-a", "127.0.0.1", "-p", "PORT"]);
    let root = other.root().display().to_string();
    let arguments = ["-d", "--foreground", "-r", &root, "--listen-host", "127.0.0.1", "--listen-port", "PORT"];
    let daemon = Server::start(&other, "svnserve", &arguments);
    sandbox.manifest(&format!(
        "repositories:\n  a: {{ type: hg, url: 'http://127.0.0.1:{}/' }}\n  b: {{ type: svn, url: 'svn://127.0.0.1:{}/svn/trunk' }}\n",
        web.port, daemon.port
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["fetch"]).succeeds();
    assert!(sandbox.store().join(format!("trees/hg-{default}/README")).is_file());
    assert_eq!(std::fs::read_dir(sandbox.store().join("trees")).unwrap().count(), 2);
    drop((web, daemon));
    sandbox.deps(["fetch"]).succeeds();
    let run = sandbox.deps(["update"]).exits(5);
    assert_eq!(run.stderr().matches(": no connection (").count(), 2, "{run}");
    std::fs::remove_dir_all(sandbox.store()).unwrap();
    sandbox.deps(["fetch"]).exits(5);
    assert_eq!(std::fs::read_dir(sandbox.store().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_revision_that_is_gone_is_an_integrity_failure() {
    if !are_installed(&["hg"]) {
        return;
    }
    let (sandbox, default, _) = hg();
    sandbox.manifest("repositories:\n  tool: { type: hg, url: ../tool }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.edit("deps.lock", &default, "0123456789012345678901234567890123456789");
    let run = sandbox.deps(["fetch"]).exits(4);
    assert!(run.stderr().contains("repo `tool` at 0123456789012345678901234567890123456789"), "{run}");
}

#[test]
fn a_program_that_is_not_installed_is_named_with_its_package() {
    let sandbox = Sandbox::new();
    sandbox.manifest(
        "repositories:\n  a: { type: hg, url: https://hg.example/a }\n  b: { type: svn, url: https://svn.example/b }\n",
    );
    sandbox.deps(["lock"]).env("PATH", "/nonexistent").exits(1).stderr_is(str![[r#"
error: repo `a`: cannot read `https://hg.example/a`: the `hg` program is not installed; on Debian and Ubuntu it is in the package `mercurial`
 --> underlay.repos:2:23
  |
2 |   a: { type: hg, url: https://hg.example/a }
  |                       ^^^^^^^^^^^^^^^^^^^^

error: repo `b`: cannot read `https://svn.example/b`: the `svn` program is not installed; on Debian and Ubuntu it is in the package `subversion`
 --> underlay.repos:3:24
  |
3 |   b: { type: svn, url: https://svn.example/b }
  |                        ^^^^^^^^^^^^^^^^^^^^^

"#]]);
    assert!(!sandbox.has("deps.lock"));
    let node = "84a516841ba77a5b4648de2cd0dfcb30ea46dbb4";
    sandbox.manifest(&format!("repositories:\n  a: {{ type: hg, url: https://hg.example/a, version: {node} }}\n"));
    sandbox.deps(["lock"]).env("PATH", "/nonexistent").succeeds();
    sandbox.deps(["fetch"]).env("PATH", "/nonexistent").exits(1).stderr_is(str![[r#"
error: repo `a` at 84a516841ba77a5b4648de2cd0dfcb30ea46dbb4: cannot read `https://hg.example/a`: the `hg` program is not installed; on Debian and Ubuntu it is in the package `mercurial`
 --> underlay.repos:2:54
  |
2 |   a: { type: hg, url: https://hg.example/a, version: 84a516841ba77a5b4648de2cd0dfcb30ea46dbb4 }
  |                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]]);
    sandbox.deps(["plan"]).env("PATH", "/nonexistent").succeeds();
}

#[test]
fn offline_forbids_asking_and_fetching() {
    if !are_installed(&["hg", "svn"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.manifest(
        "repositories:\n  a: { type: hg, url: https://hg.example/a }\n  b: { type: svn, url: https://svn.example/b }\n",
    );
    sandbox.deps(["lock", "--offline"]).exits(5).stderr_is(str![[r#"
error: repo `a`: cannot read `https://hg.example/a`: the network is not to be used
 --> underlay.repos:2:23
  |
2 |   a: { type: hg, url: https://hg.example/a }
  |                       ^^^^^^^^^^^^^^^^^^^^
hint: run `deps fetch` once with a network

error: repo `b`: cannot read `https://svn.example/b`: the network is not to be used
 --> underlay.repos:3:24
  |
3 |   b: { type: svn, url: https://svn.example/b }
  |                        ^^^^^^^^^^^^^^^^^^^^^
hint: run `deps fetch` once with a network

"#]]);
    let lock = "[repo.\"a\"]\ntype = \"hg\"\nrev = \"84a516841ba77a5b4648de2cd0dfcb30ea46dbb4\"\nurl = \"https://hg.example/a\"\n\n[repo.\"b\"]\ntype = \"svn\"\nrev = \"7\"\nurl = \"https://svn.example/b\"\n";
    let header = "# Generated by `deps lock`. Edit deps.toml or the manifests, then run `deps lock`.\nschema = 1\n\n";
    sandbox.write("deps.lock", &format!("{header}{lock}"));
    sandbox.deps(["lock", "--check"]).succeeds();
    sandbox.deps(["fetch", "--offline"]).exits(5).stderr_is(str![[r#"
error: 2 pinned commits are missing from the store, and `--offline` forbids fetching them
  repo `a` at 84a516841ba77a5b4648de2cd0dfcb30ea46dbb4
  repo `b` at r7
hint: run `deps fetch` once with a network

"#]]);
}

#[test]
fn what_looks_like_an_option_never_reaches_a_program() {
    let sandbox = Sandbox::new();
    sandbox.manifest(
        "repositories:\n  a: { type: hg, url: 'ssh://-oProxyCommand=touch owned/a' }\n  b: { type: svn, url: 'svn+ssh://-oProxyCommand=x/b' }\n  c: { type: hg, url: https://hg.example/c, version: '--config=x' }\n",
    );
    let run = sandbox.deps(["lock"]).exits(1);
    assert_eq!(run.stderr().matches("error: ").count(), 3, "{run}");
    assert!(!sandbox.has("owned"));
}

#[test]
fn a_locked_changeset_is_verified_until_its_server_hands_it_out_no_more() {
    if !are_installed(&["hg"]) {
        return;
    }
    let (sandbox, _, stable) = hg();
    let server = Server::start(&sandbox, "hg", &["serve", "-R", "tool", "-a", "127.0.0.1", "-p", "PORT"]);
    let url = format!("http://127.0.0.1:{}/", server.port);
    sandbox.manifest(&format!("repositories:\n  tool: {{ type: hg, url: '{url}', version: stable }}\n"));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["lock", "--verify"]).succeeds().stderr_is(str![[r#"
deps.lock is verified: 1 entry is where the lock says

"#]]);
    // Its branch goes on: the locked changeset is still there.
    sh(
        &sandbox,
        "cd ../tool; export HGRCSKIPREPO=1; hg update -q stable; echo 4 >README; hg commit -q -m four -d '5 0'",
    );
    sandbox.deps(["lock", "--verify"]).succeeds();
    // Whoever takes a changeset back makes it secret, or obsolete, or strips it.
    sh(&sandbox, &format!("cd ../tool; HGRCSKIPREPO=1 hg phase --force --secret -r {stable}"));
    let gone = str![[r#"
error: repo `tool`: the repository no longer has the revision `cdd9db0f31f92fed2c8dcf6d48620bc023c84e1b`
 --> underlay.repos:2:62
  |
2 |   tool: { type: hg, url: 'http://127.0.0.1:[PORT]/', version: stable }
  |                                                              ^^^^^^
hint: name another version or url for `repo:tool`, then run `deps lock`

"#]];
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(gone.clone());
    let strip = "hg --config extensions.strip= strip -q --no-backup";
    sh(&sandbox, &format!("cd ../tool; export HGRCSKIPREPO=1; hg update -q default; {strip} -r {stable}"));
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(gone);
    drop(server);
    sandbox.deps(["lock", "--verify", "--retries", "0"]).exits(5).stderr_is(str![[r#"
error: repo `tool`: cannot read `http://127.0.0.1:[PORT]/`: no connection (error: Connection refused)
 --> underlay.repos:2:62
  |
2 |   tool: { type: hg, url: 'http://127.0.0.1:[PORT]/', version: stable }
  |                                                              ^^^^^^
hint: check the network and proxies, then run the command again

"#]]);
}

#[test]
fn a_locked_revision_is_verified_until_its_repository_is_another() {
    if !are_installed(&["svn", "svnadmin", "svnserve"]) {
        return;
    }
    let sandbox = svn();
    let root = sandbox.root().display().to_string();
    let arguments = ["-d", "--foreground", "-r", &root, "--listen-host", "127.0.0.1", "--listen-port", "PORT"];
    let server = Server::start(&sandbox, "svnserve", &arguments);
    let url = format!("svn://127.0.0.1:{}/svn", server.port);
    sandbox.manifest(&format!(
        "repositories:\n  a: {{ type: svn, url: '{url}/trunk' }}\n  b: {{ type: svn, url: '{url}/new/part', version: 4 }}\n"
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["lock", "--verify"]).succeeds().stderr_is(str![[r#"
deps.lock is verified: 2 entries are where the lock says

"#]]);
    // What was removed since is still in the history.
    sh(&sandbox, "cd ..; svn remove -q -m 5 file://$PWD/svn/trunk file://$PWD/svn/new");
    sandbox.deps(["lock", "--verify"]).succeeds();
    sh(
        &sandbox,
        "cd ..; rm -r svn; svnadmin create svn; for i in 1 2 3; do svn mkdir -q -m $i file://$PWD/svn/$i; done",
    );
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(str![[r#"
error: repo `a`: the repository no longer has the revision `2`
 --> underlay.repos:2:24
  |
2 |   a: { type: svn, url: 'svn://127.0.0.1:[PORT]/svn/trunk' }
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: name another version or url for `repo:a`, then run `deps lock`

error: repo `b`: the repository no longer has the revision `4`
 --> underlay.repos:3:71
  |
3 |   b: { type: svn, url: 'svn://127.0.0.1:[PORT]/svn/new/part', version: 4 }
  |                                                                       ^
hint: name another version or url for `repo:b`, then run `deps lock`

"#]]);
    sh(&sandbox, "cd ..; svn mkdir -q -m 4 file://$PWD/svn/trunk file://$PWD/svn/new");
    sandbox.deps(["lock", "--verify"]).exits(4);
    sandbox.deps(["fetch"]).exits(4);
    drop(server);
    sandbox.deps(["lock", "--verify", "--retries", "0"]).exits(5).stderr_is(str![[r#"
error: repo `a`: cannot read `svn://127.0.0.1:[PORT]/svn/trunk`: no connection (E170013: Unable to connect to a repository at URL 'svn://127.0.0.1:[PORT]/svn/trunk')
 --> underlay.repos:2:24
  |
2 |   a: { type: svn, url: 'svn://127.0.0.1:[PORT]/svn/trunk' }
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: check the network and proxies, then run the command again

error: repo `b`: cannot read `svn://127.0.0.1:[PORT]/svn/new/part`: no connection (E170013: Unable to connect to a repository at URL 'svn://127.0.0.1:[PORT]/svn/new/part')
 --> underlay.repos:3:71
  |
3 |   b: { type: svn, url: 'svn://127.0.0.1:[PORT]/svn/new/part', version: 4 }
  |                                                                       ^
hint: check the network and proxies, then run the command again

"#]]);
}
