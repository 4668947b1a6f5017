//! Real servers from Debian packages on loopback ports: `sshd`, `git daemon`, and `stunnel` as a TLS front.
//!
//! It decides their configuration, which is a sandbox's own and changes nothing on the machine, and that each ends with
//! its value. Where a program is not installed a test is skipped and says so; in CI that is a failure.

#![expect(clippy::disallowed_methods, reason = "servers are processes with files")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::engine::say_skipped;
use super::sandbox::Sandbox;

/// A server that runs until it is dropped.
pub(crate) struct Daemon {
    child: Child,
    port: u16,
    log: PathBuf,
}

/// Returns the path of `program`; none, after a word about it, where the Debian package is not installed.
///
/// # Panics
/// In CI, where nothing is skipped.
pub(crate) fn installed(program: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "`{program}` is missing: install Debian's {package}");
        say_skipped(program, &format!("install Debian's {package}"));
    }
    found
}

impl Daemon {
    /// Starts `command`, which listens on `port` and says what it says to `log`.
    ///
    /// # Panics
    /// When it does not listen within some seconds.
    pub(crate) fn start(mut command: Command, port: u16, log: PathBuf) -> Daemon {
        let file = fs::File::create(&log).expect("the sandbox is writable");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a file can be shared")).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut daemon = Daemon { child, port, log };
        daemon.wait();
        daemon
    }

    fn wait(&mut self) {
        for _ in 0..1200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            assert!(self.child.try_wait().is_ok_and(|ended| ended.is_none()), "it has ended: {}", self.log());
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("it does not listen: {}", self.log());
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// `git daemon` for the sandbox's repositories: `git://127.0.0.1:PORT/<path>.git`.
pub(crate) fn git_daemon(sandbox: &Sandbox) -> Daemon {
    let (port, root) = (free_port(), sandbox.root().join("git"));
    let folder = Command::new("git").arg("--exec-path").output().expect("these tests need the `git` program").stdout;
    let folder = String::from_utf8(folder).expect("the path of git's programs is UTF-8");
    let mut command = Command::new(Path::new(folder.trim()).join("git-daemon"));
    command.env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
    command.args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"]);
    command.arg(format!("--port={port}")).arg(format!("--base-path={}", root.display())).arg(root);
    Daemon::start(command, port, sandbox.root().join("git-daemon.log"))
}

/// TLS in front of the git server, with a certificate for 127.0.0.1 of an authority of the sandbox's own.
pub(crate) struct Tls {
    daemon: Daemon,
    authority: PathBuf,
}

impl Tls {
    /// Starts it; none where a program is missing.
    pub(crate) fn start_or_skip(sandbox: &Sandbox) -> Option<Tls> {
        let stunnel = installed("stunnel", "stunnel4")?;
        installed("openssl", "openssl")?;
        let folder = sandbox.root().join("tls");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        certificates(&folder);
        let port = free_port();
        let configuration = format!(
            "foreground = yes\npid =\nsyslog = no\n[git]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{}\n\
             cert = {folder}/server.pem\nkey = {folder}/server.key\n",
            sandbox.server().port(),
            folder = folder.display()
        );
        fs::write(folder.join("stunnel.conf"), configuration).expect("the sandbox is writable");
        let mut command = Command::new(stunnel);
        command.arg(folder.join("stunnel.conf"));
        let daemon = Daemon::start(command, port, folder.join("log"));
        Some(Tls { daemon, authority: folder.join("ca.pem") })
    }

    /// `https://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.daemon.port())
    }

    /// The file with the authority's certificate.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }
}

fn certificates(folder: &Path) {
    let run = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let authority = ["-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=deps test authority"];
    run(&[&["req"], &elliptic[..], &authority].concat());
    let request = ["-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1"];
    run(&[&["req"], &elliptic[..5], &request].concat());
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("the sandbox is writable");
    let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
    run(&[&["x509", "-req", "-in", "server.csr", "-out", "server.pem"], &signed[..]].concat());
}

/// An `sshd` for the user that runs the tests, with keys of the sandbox's own.
pub(crate) struct Sshd {
    daemon: Daemon,
    folder: PathBuf,
    user: String,
}

impl Sshd {
    /// Starts it; none where a program is missing. The sandbox's home gets a key that it accepts and a `known_hosts`.
    pub(crate) fn start_or_skip(sandbox: &Sandbox) -> Option<Sshd> {
        let sshd = installed("sshd", "openssh-server")?;
        installed("ssh", "openssh-client")?;
        let folder = sandbox.root().join("sshd");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        let _ = fs::create_dir_all("/run/sshd"); // where it empties itself when it runs as root
        key(&folder.join("host"));
        let port = free_port();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n\
             AuthorizedKeysFile {folder}/authorized\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n",
            folder = folder.display()
        );
        fs::write(folder.join("config"), configuration).expect("the sandbox is writable");
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f"]).arg(folder.join("config"));
        let daemon = Daemon::start(command, port, folder.join("log"));
        let user = Command::new("id").arg("-un").output().expect("`id` starts").stdout;
        let user = String::from_utf8(user).expect("a user's name is UTF-8").trim().to_string();
        let sshd = Sshd { daemon, folder, user };
        sshd.prepare_home(sandbox);
        Some(sshd)
    }

    fn prepare_home(&self, sandbox: &Sandbox) {
        let home = sandbox.root().join("home/.ssh");
        fs::create_dir_all(&home).expect("the sandbox is writable");
        key(&home.join("id_ed25519"));
        fs::copy(home.join("id_ed25519.pub"), self.folder.join("authorized")).expect("the key was just made");
        self.trust(sandbox, &self.folder.join("host.pub"));
        // `ssh` asks the system, not $HOME, where a user's files are: this one is told.
        let bin = sandbox.root().join("bin");
        fs::create_dir_all(&bin).expect("the sandbox is writable");
        let (ssh, home) = (installed("ssh", "openssh-client").expect("it was there"), home.display());
        let known = format!("-o UserKnownHostsFile={home}/known_hosts -o GlobalKnownHostsFile=/dev/null");
        let keys = format!("-o IdentityFile={home}/id_ed25519 -F {home}/config");
        fs::write(home.to_string() + "/config", "").expect("the sandbox is writable");
        fs::write(bin.join("ssh"), format!("#!/bin/sh\nexec {} {known} {keys} \"$@\"\n", ssh.display()))
            .and_then(|()| fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)))
            .expect("the sandbox is writable");
    }

    /// Writes this public key into the user's `known_hosts` as the server's.
    pub(crate) fn trust(&self, sandbox: &Sandbox, public: &Path) {
        let public = fs::read_to_string(public).expect("the key was just made");
        let line = format!("[127.0.0.1]:{} {public}", self.port());
        fs::write(sandbox.root().join("home/.ssh/known_hosts"), line).expect("the sandbox is writable");
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.daemon.port()
    }

    /// The user that it lets in.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// What it has said, one line a connection and more.
    pub(crate) fn log(&self) -> String {
        self.daemon.log()
    }

    /// `ssh://USER@127.0.0.1:PORT/<absolute path of the repository>`; what all URLs begin with when `path` is empty.
    pub(crate) fn url(&self, sandbox: &Sandbox, path: &str) -> String {
        let file = if path.is_empty() { String::new() } else { format!("{path}.git") };
        format!("ssh://{}@127.0.0.1:{}{}/git/{file}", self.user, self.port(), sandbox.root().display())
    }
}

/// Makes a key pair at `path` and `path`.pub.
pub(crate) fn key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    let status = command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path).status();
    assert!(status.is_ok_and(|status| status.success()), "ssh-keygen makes no key");
}
