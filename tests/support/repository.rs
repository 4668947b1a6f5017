//! Repositories made for a test, one commit at a time, with `git fast-import`.
//!
//! It decides what a commit contains and that its id is a constant: author, date and message never vary, so equal
//! content and history give equal ids on every machine. (A `$GIT` in the content would bring a port into it.) It leaves
//! out merges, and serving: see [`super::git_server`].

#![expect(clippy::disallowed_methods, reason = "fixtures are made of files and of the git program")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SIGNATURE: &str = "Ada Lovelace <ada@example.org> 1700000000 +0000";
const HANDS_OUT_ANY_ID: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\
    [gc]\n\tauto = 0\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n";
const HANDS_OUT_TIPS: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\
    [gc]\n\tauto = 0\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = false\n";

/// A bare repository, and the next commit in it.
///
/// Files and names of refs are collected until [`Repository::commit`]. What concerns the repository as a whole
/// (`default_branch`, `refuse_ids`, `set_ref`, `remove_ref`) happens at once.
pub(crate) struct Repository {
    folder: PathBuf,
    /// What stands for `$GIT` in written text, once the text has one.
    server: String,
    changes: Vec<u8>,
    modules: String,
    branches: Vec<String>,
    tags: Vec<String>,
    annotated_tags: Vec<String>,
}

impl Repository {
    /// Opens the bare repository `folder`; makes it first when there is none.
    pub(crate) fn at(folder: &Path, server: String) -> Repository {
        if !folder.exists() {
            fs::create_dir_all(folder.join("objects")).expect("the sandbox is writable");
            fs::create_dir_all(folder.join("refs")).expect("the sandbox is writable");
            write(&folder.join("HEAD"), "ref: refs/heads/main\n");
            write(&folder.join("config"), HANDS_OUT_ANY_ID);
        }
        Repository {
            folder: folder.to_path_buf(),
            server,
            changes: Vec::new(),
            modules: String::new(),
            branches: Vec::new(),
            tags: Vec::new(),
            annotated_tags: Vec::new(),
        }
    }

    /// Adds or replaces a file.
    pub(crate) fn file(self, path: &str, content: &str) -> Repository {
        self.blob("100644", path, content)
    }

    /// Adds or replaces a file that may be executed.
    pub(crate) fn executable(self, path: &str, content: &str) -> Repository {
        self.blob("100755", path, content)
    }

    /// Adds or replaces a symbolic link; `target` is not checked.
    pub(crate) fn symlink(self, path: &str, target: &str) -> Repository {
        self.blob("120000", path, target)
    }

    /// Adds a submodule: a gitlink at `path` to the commit `rev`, and its section in `.gitmodules`.
    ///
    /// `url` is best relative (`../msgs.git`): a `$GIT` in it makes the commit's id depend on the server's port.
    pub(crate) fn submodule(mut self, path: &str, url: &str, rev: &str) -> Repository {
        let url = url.replace("$GIT", &self.server);
        self.modules.push_str(&format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n"));
        self.changes.extend_from_slice(format!("M 160000 {rev} {path}\n").as_bytes());
        self
    }

    /// A submodule at the commit `rev`, of which `.gitmodules` does not speak.
    pub(crate) fn gitlink(mut self, path: &str, rev: &str) -> Repository {
        self.changes.extend_from_slice(format!("M 160000 {rev} \"{path}\"\n").as_bytes());
        self
    }

    /// Removes a file or folder.
    pub(crate) fn remove(mut self, path: &str) -> Repository {
        self.changes.extend_from_slice(format!("D {path}\n").as_bytes());
        self
    }

    /// Commits to this branch instead of to the default one. A new branch starts where the default one stands.
    ///
    /// Named several times, the commit continues the first branch, and all of them point to it.
    pub(crate) fn branch(mut self, name: &str) -> Repository {
        self.branches.push(name.to_string());
        self
    }

    /// Lets a lightweight tag point to the commit, wherever it pointed before.
    pub(crate) fn tag(mut self, name: &str) -> Repository {
        self.tags.push(name.to_string());
        self
    }

    /// Lets an annotated tag (an object of its own) point to the commit, wherever it pointed before.
    pub(crate) fn annotated_tag(mut self, name: &str) -> Repository {
        self.annotated_tags.push(name.to_string());
        self
    }

    /// Makes this branch the one that `HEAD` names, whether it exists or not. Initially that is `main`.
    pub(crate) fn default_branch(self, name: &str) -> Repository {
        write(&self.folder.join("HEAD"), &format!("ref: refs/heads/{name}\n"));
        self
    }

    /// Hands out advertised commits only, as servers do that know no `uploadpack.allowAnySHA1InWant`.
    ///
    /// In protocol version 2 git hands out any id all the same: see `GitServer::refuse_protocol_v2`.
    pub(crate) fn refuse_ids(self) -> Repository {
        write(&self.folder.join("config"), HANDS_OUT_TIPS);
        self
    }

    /// Lets a ref (`refs/heads/main`) point to the object `id`, as a forced push does.
    pub(crate) fn set_ref(self, name: &str, id: &str) -> Repository {
        git(&self.folder, &["update-ref", name, id], b"");
        self
    }

    /// Removes a ref (`refs/tags/1.0`).
    pub(crate) fn remove_ref(self, name: &str) -> Repository {
        git(&self.folder, &["update-ref", "-d", name], b"");
        self
    }

    /// Writes the commit, moves its branches and tags to it, and returns its full id.
    ///
    /// Without a single file it is a commit whose tree equals its parent's.
    ///
    /// # Panics
    /// When git refuses a path, a ref name or a gitlink.
    pub(crate) fn commit(mut self) -> String {
        if self.branches.is_empty() {
            self.branches.push(self.head());
        }
        let parent = self.tip(&self.branches[0]).or_else(|| self.tip(&self.head()));
        if !self.modules.is_empty() {
            let modules = self.modules_of(parent.as_deref()) + &self.modules;
            self = self.blob("100644", ".gitmodules", &modules);
        }
        let stream = self.import_stream(parent.as_deref());
        git(&self.folder, &["fast-import", "--quiet", "--force"], &stream).trim().to_string()
    }

    fn blob(mut self, mode: &str, path: &str, content: &str) -> Repository {
        let content = content.replace("$GIT", &self.server);
        let change = format!("M {mode} inline {path}\ndata {}\n{content}\n", content.len());
        self.changes.extend_from_slice(change.as_bytes());
        self
    }

    /// The input of `git fast-import` (its manual is the reference of the format); the commit's id is its output.
    fn import_stream(&self, parent: Option<&str>) -> Vec<u8> {
        let mut stream = format!("commit refs/heads/{}\nmark :1\n", self.branches[0]).into_bytes();
        stream.extend_from_slice(format!("committer {SIGNATURE}\ndata 6\ncommit\n").as_bytes());
        if let Some(parent) = parent {
            stream.extend_from_slice(format!("from {parent}\n").as_bytes());
        }
        stream.extend_from_slice(&self.changes);
        let branches = self.branches[1..].iter().map(|branch| format!("refs/heads/{branch}"));
        for name in branches.chain(self.tags.iter().map(|tag| format!("refs/tags/{tag}"))) {
            stream.extend_from_slice(format!("reset {name}\nfrom :1\n").as_bytes());
        }
        for tag in &self.annotated_tags {
            stream.extend_from_slice(format!("tag {tag}\nfrom :1\ntagger {SIGNATURE}\ndata 3\ntag\n").as_bytes());
        }
        stream.extend_from_slice(b"get-mark :1\n");
        stream
    }

    /// The name of the default branch.
    fn head(&self) -> String {
        let head = fs::read_to_string(self.folder.join("HEAD")).expect("a repository has a HEAD");
        head.trim().trim_start_matches("ref: refs/heads/").to_string()
    }

    fn tip(&self, branch: &str) -> Option<String> {
        // Nothing here packs refs, so each has a file of its own.
        let id = fs::read_to_string(self.folder.join("refs/heads").join(branch)).ok()?;
        Some(id.trim().to_string())
    }

    fn modules_of(&self, commit: Option<&str>) -> String {
        let Some(commit) = commit else { return String::new() };
        if git(&self.folder, &["ls-tree", commit, ".gitmodules"], b"").is_empty() {
            return String::new();
        }
        git(&self.folder, &["cat-file", "blob", &format!("{commit}:.gitmodules")], b"")
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the sandbox is writable");
}

/// Runs git in `folder` without this machine's configuration, and returns what it prints.
fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new("git");
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    command.arg("--git-dir").arg(folder).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("these tests need the `git` program");
    let written = child.stdin.take().expect("standard input is piped").write_all(input);
    let output = child.wait_with_output().expect("a child can be waited for");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && written.is_ok(), "git {arguments:?} in {}: {talk}", folder.display());
    String::from_utf8(output.stdout).expect("git prints UTF-8 here")
}

#[cfg(test)]
mod tests {
    use crate::support::sandbox::Sandbox;

    /// What `git ls-remote --symref` says of the repository.
    fn refs(sandbox: &Sandbox, path: &str) -> String {
        let url = format!("{}/{path}.git", sandbox.server().url());
        sandbox.program("git", ["ls-remote", "--symref", &url]).succeeds().stdout().replace('\t', " ")
    }

    #[test]
    fn commit_ids_are_constants() {
        let sandbox = Sandbox::new();
        let first = sandbox.git("core/nav2").file("package.xml", "<package/>").tag("1.2.0").commit();
        let second = sandbox.git("core/nav2").executable("run", "#!/bin/sh\n").annotated_tag("1.3.0").commit();
        assert_eq!(first, "13dd54d5f8fc44286571318f82351e9825d4b9de");
        assert_eq!(second, "defdd42528d9abb33e2dc711412d9eed2ac6e216");
        let tag = "23c40c5cb50931d46143f0b3bd8cf432e4354cc7";
        let expected = format!(
            "ref: refs/heads/main HEAD\n{second} HEAD\n{second} refs/heads/main\n{first} refs/tags/1.2.0\n\
             {tag} refs/tags/1.3.0\n{second} refs/tags/1.3.0^{{}}\n"
        );
        assert_eq!(refs(&sandbox, "core/nav2"), expected);
    }

    #[test]
    fn a_commit_holds_files_links_and_submodules() {
        let sandbox = Sandbox::new();
        let msgs = sandbox.git("msgs").file("a.msg", "int8 a\n").commit();
        let nav2 =
            sandbox.git("nav2").file("old", "").symlink("latest", "docs/x y").submodule("m", "../msgs.git", &msgs);
        nav2.commit();
        sandbox
            .git("nav2")
            .executable("docs/x y", "text\n")
            .remove("old")
            .submodule("n", "../msgs.git", &msgs)
            .commit();
        let url = format!("{}/nav2.git", sandbox.server().url());
        sandbox.program("git", ["clone", "--quiet", "--recurse-submodules", &url, "."]).succeeds();
        assert_eq!(sandbox.read("latest"), "text\n");
        assert_eq!(sandbox.read("m/a.msg") + &sandbox.read("n/a.msg"), "int8 a\nint8 a\n");
        let staged = sandbox.program("git", ["ls-files", "--format=%(objectmode) %(path)"]).succeeds();
        assert_eq!(staged.stdout(), "100644 .gitmodules\n100755 docs/x y\n120000 latest\n160000 m\n160000 n\n");
    }

    #[test]
    fn branches_start_at_the_default_one_and_refs_can_move() {
        let sandbox = Sandbox::new();
        let base = sandbox.git("nav2").default_branch("rolling").file("a", "1").commit();
        let humble = sandbox.git("nav2").branch("humble").branch("stable").file("a", "2").commit();
        let newer = sandbox.git("nav2").branch("humble").file("a", "3").commit();
        sandbox.git("nav2").set_ref("refs/tags/first", &base).remove_ref("refs/heads/stable");
        let expected = format!(
            "ref: refs/heads/rolling HEAD\n{base} HEAD\n{newer} refs/heads/humble\n{base} refs/heads/rolling\n\
             {base} refs/tags/first\n"
        );
        assert_eq!(refs(&sandbox, "nav2"), expected);
        let log = sandbox.program("git", ["-C", "../git/nav2.git", "rev-list", "humble"]).succeeds();
        assert_eq!(log.stdout(), format!("{newer}\n{humble}\n{base}\n"));
    }

    #[test]
    fn ids_are_handed_out_unless_refused() {
        let sandbox = Sandbox::new();
        let old = sandbox.git("nav2").file("a", "1").commit();
        sandbox.git("nav2").file("a", "2").commit();
        sandbox.server().refuse_protocol_v2("nav2.git");
        let url = format!("{}/nav2.git", sandbox.server().url());
        sandbox.program("git", ["init", "--quiet", "."]).succeeds();
        let fetch = || sandbox.program("git", ["fetch", "--quiet", "--depth=1", &url, &old]);
        sandbox.git("nav2").refuse_ids();
        assert!(fetch().exits(128).stderr().contains("does not allow request for unadvertised object"));
        sandbox.git("tips").file("a", "1").commit();
        std::fs::copy(sandbox.root().join("git/tips.git/config"), sandbox.root().join("git/nav2.git/config")).unwrap();
        fetch().succeeds();
    }
}
