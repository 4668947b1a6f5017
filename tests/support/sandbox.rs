//! A place for one test: a project folder, a home, a store and a git server, and nothing of the machine around them.
//!
//! It decides what `deps` sees when a test runs it, and how its output is made comparable ([`Sandbox::redacted`]). It
//! leaves out running it: see [`super::program`].

#![expect(clippy::disallowed_methods, reason = "a sandbox is made of files and processes")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use snapbox::IntoData;
use tempfile::TempDir;

use super::git_server::GitServer;
use super::program::{Program, compare};
use super::repository::Repository;

/// The program under test.
const DEPS: &str = env!("CARGO_BIN_EXE_deps-cli");
/// The project of a test that says nothing about it: the manifest alone, on a base that needs no registry.
const PLAIN_PROJECT: &str =
    "[project]\nname = \"robot\"\nbase = \"scratch\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n";

/// The folders, removed when it is dropped: `project/` (where commands run), `home/`, `cache/`, `config/`, `store/` and
/// `git/` (the repositories that are served).
pub(crate) struct Sandbox {
    // Dropped before the folder that it serves.
    server: OnceLock<GitServer>,
    environment: Vec<(String, String)>,
    root: PathBuf,
    _folder: TempDir,
}

impl Sandbox {
    /// An empty project.
    pub(crate) fn new() -> Sandbox {
        Sandbox::with_environment(Vec::new())
    }

    /// An empty project in which every program also sees these variables, for example `Engine::environment`.
    pub(crate) fn with_environment(environment: Vec<(String, String)>) -> Sandbox {
        let folder = tempfile::Builder::new().prefix("deps-test-").tempdir().expect("a temporary folder can be made");
        let root = folder.path().canonicalize().expect("the folder was just made");
        for name in ["project", "home", "cache", "config", "store", "git"] {
            fs::create_dir(root.join(name)).expect("the sandbox is writable");
        }
        Sandbox { server: OnceLock::new(), environment, root, _folder: folder }
    }

    /// The folder around everything, without symbolic links in it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in the project; `""` is the project itself.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join("project").join(path)
    }

    /// The folder that `DEPS_STORE` names.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The git server, which starts with its first use. Its URL stands for `$GIT` in all text written here.
    pub(crate) fn server(&self) -> &GitServer {
        self.server.get_or_init(|| GitServer::start(&self.root.join("git")))
    }

    /// HTTP requests to the git server so far; 0 when nothing has started it.
    pub(crate) fn requests(&self) -> usize {
        self.server.get().map_or(0, GitServer::requests)
    }

    /// The repository served at `$GIT/<path>.git`, made with its first use.
    pub(crate) fn git(&self, path: &str) -> Repository {
        Repository::at(&self.root.join("git").join(format!("{path}.git")), self.server().url())
    }

    /// Serves `content` at `$GIT/files/<path>`.
    pub(crate) fn serve(&self, path: &str, content: &[u8]) {
        let path = self.root.join("git/files").join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the sandbox is writable");
        fs::write(path, content).expect("the sandbox is writable");
    }

    /// Has `deps` ask for what these hosts serve at `$GIT/files/<host>/`.
    pub(crate) fn mirrors(&self, hosts: &[&str]) {
        let folder = self.root.join("config/deps");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        let mirror = |host: &&str| format!("\"https://{host}/\" = \"$GIT/files/{host}/\"\n");
        let table = hosts.iter().map(mirror).collect::<String>();
        fs::write(folder.join("config.toml"), self.with_urls(&format!("[mirror]\n{table}"))).expect("it is writable");
    }

    /// Puts `content` onto the Git LFS server and returns the text of its pointer file.
    pub(crate) fn lfs(&self, content: &str) -> String {
        let id = lfs_id(content);
        let folder = self.root.join("git/lfs-objects");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        fs::write(folder.join(&id), content).expect("the sandbox is writable");
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize {}\n", content.len())
    }

    /// Writes a file of the project, and the folders above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the sandbox is writable");
        fs::write(path, self.with_urls(text)).expect("the sandbox is writable");
    }

    /// Reads a file of the project as it is.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("`{path}` in the project: {error}"))
    }

    /// Compares a file of the project, whole and redacted.
    #[track_caller]
    pub(crate) fn file_is(&self, path: &str, expected: impl IntoData) {
        compare(self.redacted(&self.read(path)), expected);
    }

    /// Whether the project has this file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Replaces `from`, which must be there, by `to` wherever it stands in a file of the project.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let (text, from) = (self.read(path), self.with_urls(from));
        assert!(text.contains(&from), "`{path}` has no `{from}`:\n{text}");
        self.write(path, &text.replace(&from, to));
    }

    /// Writes `underlay.repos`, and a plain `deps.toml` that names it when there is none yet.
    pub(crate) fn manifest(&self, text: &str) {
        if !self.has("deps.toml") {
            self.deps_toml(PLAIN_PROJECT);
        }
        self.write("underlay.repos", text);
    }

    /// Writes `deps.toml`.
    pub(crate) fn deps_toml(&self, text: &str) {
        self.write("deps.toml", text);
    }

    /// Writes the user's git configuration, `~/.gitconfig`.
    pub(crate) fn git_config(&self, text: &str) {
        fs::write(self.root.join("home/.gitconfig"), self.with_urls(text)).expect("the sandbox is writable");
    }

    /// Writes the user's configuration of `deps`.
    pub(crate) fn configuration(&self, text: &str) {
        let folder = self.root.join("config/deps");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        fs::write(folder.join("config.toml"), self.with_urls(text)).expect("the sandbox is writable");
    }

    /// Runs `scene` while the git server refuses connections.
    pub(crate) fn servers_stopped<T>(&self, scene: impl FnOnce(&Sandbox) -> T) -> T {
        let Some(server) = self.server.get().filter(|server| server.is_running()) else { return scene(self) };
        server.stop();
        let result = scene(self);
        server.restart();
        result
    }

    /// `deps` with these arguments, in the project's folder.
    pub(crate) fn deps(&self, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Program<'_> {
        self.program(DEPS, arguments).called("deps").with_recheck()
    }

    /// `deps` with these arguments, in another folder: one of the project, or an absolute path.
    pub(crate) fn deps_in(&self, folder: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Program<'_> {
        self.deps(arguments).in_folder(folder)
    }

    /// Any program with the sandbox's environment, in the project's folder.
    pub(crate) fn program(&self, path: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Program<'_> {
        Program::new(self, path, arguments)
    }

    /// Replaces what differs between two runs of a test: the git server's URL by `[GIT]` and its address without a
    /// scheme by `[HOST]`, other ports of 127.0.0.1 by `[PORT]`, the sandbox's folder by `[ROOT]`, and elapsed times such
    /// as `1.2s` by `[ELAPSED]`.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let mut text = text.replace(&*self.root.to_string_lossy(), "[ROOT]");
        if let Some(server) = self.server.get() {
            text = text.replace(&server.url(), "[GIT]").replace(&format!("127.0.0.1:{}", server.port()), "[HOST]");
            text = text.replace(&format!("127.0.0.1 port {}", server.port()), "[HOST]");
        }
        without_times(&without_ports(&text))
    }

    fn with_urls(&self, text: &str) -> String {
        if text.contains("$GIT") { text.replace("$GIT", &self.server().url()) } else { text.to_string() }
    }

    /// What a program sees of its environment, before what the test itself adds.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let folder = |name: &str| self.root.join(name).to_string_lossy().into_owned();
        let pairs = [
            ("PATH", std::env::var("PATH").expect("a PATH in UTF-8")),
            ("HOME", folder("home")),
            ("XDG_CACHE_HOME", folder("cache")),
            ("XDG_CONFIG_HOME", folder("config")),
            ("DEPS_STORE", folder("store")),
            ("GIT_CONFIG_NOSYSTEM", "1".to_string()),
            ("LC_ALL", "C".to_string()),
        ];
        let base = pairs.map(|(name, value)| (name.to_string(), value));
        base.into_iter().chain(self.environment.iter().cloned()).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A store makes its trees read-only, and then only root could remove the folder.
        if fs::read_dir(self.store()).is_ok_and(|mut entries| entries.next().is_some()) {
            // Should it fail, a folder remains in /tmp: no reason to fail a test.
            let _ = Command::new("chmod").arg("-R").arg("u+w").arg(self.store()).status();
        }
    }
}

/// The name of `content` in Git LFS: SHA-256, 64 hexadecimal digits.
pub(crate) fn lfs_id(content: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn without_ports(text: &str) -> String {
    let mut pieces = text.split("127.0.0.1:");
    let mut result = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let rest = piece.trim_start_matches(|character: char| character.is_ascii_digit());
        result.push_str(if rest == piece { "127.0.0.1:" } else { "127.0.0.1:[PORT]" });
        result.push_str(rest);
    }
    result
}

/// Replaces words such as `1.2s` and `340ms`, and curl's `after 5 ms`, by `[ELAPSED]`.
fn without_times(text: &str) -> String {
    let text = &without_milliseconds(text);
    let in_word = |character: char| character.is_alphanumeric() || "._-/".contains(character);
    let mut result = String::new();
    for piece in text.split_inclusive(|character| !in_word(character)) {
        let word = piece.trim_end_matches(|character| !in_word(character) || character == '.');
        result.push_str(if is_time(word) { "[ELAPSED]" } else { word });
        result.push_str(&piece[word.len()..]);
    }
    result
}

fn without_milliseconds(text: &str) -> String {
    let mut pieces = text.split(" after ");
    let mut result = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let rest = piece.trim_start_matches(|character: char| character.is_ascii_digit());
        let time = rest.strip_prefix(" ms").or(rest.strip_prefix(" milliseconds")).filter(|_| rest != piece);
        result.push_str(&time.map_or(format!(" after {piece}"), |rest| format!(" after [ELAPSED]{rest}")));
    }
    result
}

fn is_time(word: &str) -> bool {
    let number = word.strip_suffix("ms").or_else(|| word.strip_suffix('s')).unwrap_or_default();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    number.split_once('.').map_or(digits(number), |(whole, rest)| digits(whole) && digits(rest))
}

#[cfg(test)]
mod tests {
    use super::Sandbox;

    #[test]
    fn what_varies_between_runs_is_redacted() {
        let sandbox = Sandbox::new();
        let (url, port) = (sandbox.server().url(), sandbox.server().port());
        let text = format!(
            "{}/project: {url}/a.git, 127.0.0.1:{port} (1.25s) 340ms, 3s. v1.2s s 2.s 1.2.3s core/3s",
            sandbox.root().display()
        );
        let redacted =
            "[ROOT]/project: [GIT]/a.git, [HOST] ([ELAPSED]) [ELAPSED], [ELAPSED]. v1.2s s 2.s 1.2.3s core/3s";
        assert_eq!(sandbox.redacted(&text), redacted);
    }

    #[test]
    fn programs_see_the_sandbox_and_nothing_else() {
        let sandbox = Sandbox::with_environment(vec![("DOCKER_HOST".into(), "unix:///nowhere".into())]);
        let run = sandbox.program("env", [""; 0]).env("COLUMNS", "80").succeeds();
        let seen = run.stdout().lines().map(|line| line.split_once('=').unwrap().0.to_string()).collect::<Vec<_>>();
        let base = ["PATH", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DEPS_STORE", "GIT_CONFIG_NOSYSTEM", "LC_ALL"];
        let mut expected = [&base[..], &["DOCKER_HOST", "COLUMNS"]].concat();
        expected.sort();
        let mut seen: Vec<&str> = seen.iter().map(String::as_str).collect();
        seen.sort();
        assert_eq!(seen, expected);
        assert!(run.stdout().contains(&format!("DEPS_STORE={}\n", sandbox.store().display())));
    }

    #[test]
    fn texts_name_the_server_and_can_be_edited() {
        let sandbox = Sandbox::new();
        sandbox.manifest("repositories:\n  nav2: { type: git, url: $GIT/nav2.git, version: 1.2.0 }\n");
        let url = sandbox.server().url();
        assert!(sandbox.read("underlay.repos").contains(&format!("url: {url}/nav2.git")));
        assert!(sandbox.has("deps.toml") && !sandbox.has("deps.lock"));
        sandbox.edit("underlay.repos", "$GIT/nav2.git, version: 1.2.0", "$GIT/nav2.git, version: 1.3.0");
        sandbox
            .file_is("underlay.repos", "repositories:\n  nav2: { type: git, url: [GIT]/nav2.git, version: 1.3.0 }\n");
    }

    #[test]
    fn the_users_git_configuration_counts() {
        let sandbox = Sandbox::new();
        sandbox.git("nav2").file("package.xml", "<package/>").commit();
        sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
        let listing = |sandbox: &Sandbox| sandbox.program("git", ["ls-remote", "https://git.example/nav2.git"]).runs();
        assert!(listing(&sandbox).stdout().contains("refs/heads/main"));
        assert_eq!(sandbox.requests(), 2);
        let refused = sandbox.servers_stopped(|sandbox| sandbox.servers_stopped(listing));
        assert!(refused.stderr().contains("connect"), "{refused}");
        assert!(listing(&sandbox).stdout().contains("refs/heads/main"));
    }
}
