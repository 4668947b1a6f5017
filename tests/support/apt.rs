//! A repository of Debian packages, signed by a key of its own, and a way from containers to a loopback port.
//!
//! It decides what such a repository holds, and leaves out serving it: the sandbox's server has its files.

#![expect(clippy::disallowed_methods, reason = "packages and signatures are made by Debian's own programs")]

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::sandbox::Sandbox;

/// A key, and the packages that it signs.
pub(crate) struct Packages {
    work: PathBuf,
}

impl Packages {
    /// A new key for `user`, in a folder of the sandbox.
    pub(crate) fn signed_by(sandbox: &Sandbox, user: &str) -> Packages {
        let packages = Packages { work: sandbox.root().join(format!("apt-{user}")) };
        fs::create_dir_all(packages.work.join("pool")).expect("the sandbox is writable");
        packages.shell(&format!(
            "mkdir -m 700 gnupg; gpg --batch --passphrase '' --quick-generate-key {user} ed25519 sign never"
        ));
        packages
    }

    /// The public key, armored.
    pub(crate) fn key(&self) -> String {
        String::from_utf8(self.shell("gpg --armor --export")).expect("armor is text")
    }

    /// The public key, binary.
    pub(crate) fn binary_key(&self) -> Vec<u8> {
        self.shell("gpg --export")
    }

    /// Adds version 1 of a package for every architecture, with these files.
    pub(crate) fn package(&self, name: &str, files: &[(&str, &str)]) -> &Self {
        let root = self.work.join(name);
        let control = format!(
            "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A Tester <a@example.org>\nDescription: a test\n"
        );
        for (path, text) in files.iter().chain(&[("DEBIAN/control", control.as_str())]) {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the sandbox is writable");
            fs::write(&path, text).expect("the sandbox is writable");
        }
        self.shell(&format!(
            "chmod -R 755 {name}; chmod -f 644 {name}/DEBIAN/*; dpkg-deb --root-owner-group -b {name} pool"
        ));
        self
    }

    /// Writes the repository into `folder`: as the suite `stable` with the component `main`, and as a folder (`/`).
    pub(crate) fn publish(&self, folder: &Path) {
        self.shell(
            "mkdir -p dists/stable/main/binary-amd64 dists/stable/main/binary-arm64; : > Packages; \
             for deb in pool/*.deb; do dpkg-deb -f $deb >> Packages; \
             printf 'Filename: %s\\nSize: %s\\nSHA256: %s\\n\\n' $deb $(stat -c %s $deb) $(sha256sum < $deb | cut -c 1-64) >> Packages; done; \
             for machine in amd64 arm64; do cp Packages dists/stable/main/binary-$machine; done; \
             release() { printf 'Suite: stable\\nCodename: stable\\nComponents: main\\nArchitectures: amd64 arm64\\nDate: %s\\nSHA256:\\n' \"$(date -Ru)\"; \
             for file in \"$@\"; do echo \" $(sha256sum < $file | cut -c 1-64) $(stat -c %s $file) $file\"; done; }; \
             release Packages > Release; gpg --batch --yes --clearsign -o InRelease Release; \
             cd dists/stable; release main/*/Packages > Release; gpg --batch --yes --clearsign -o InRelease Release",
        );
        fs::create_dir_all(folder.parent().expect("a folder in the sandbox")).expect("the sandbox is writable");
        self.shell(&format!("rm -rf '{0}'; cp -r . '{0}'; rm -r '{0}/gnupg'", folder.display()));
    }

    fn shell(&self, script: &str) -> Vec<u8> {
        let mut command = Command::new("sh");
        command.args(["-euc", script]).current_dir(&self.work).env("GNUPGHOME", self.work.join("gnupg"));
        let output = command.env("LC_ALL", "C").output().expect("a shell");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Packages {
    fn drop(&mut self) {
        // gpg leaves its agent running.
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.work.join("gnupg")).status();
    }
}

/// Listens on a port of `address`, passes all connections on to `port` of 127.0.0.1, and returns `address:port`.
pub(crate) fn passed_on(address: &str, port: u16) -> String {
    let listener = TcpListener::bind((address, 0)).unwrap_or_else(|error| panic!("{address}: {error}"));
    let own = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that goes away is nobody's concern.
            thread::spawn(move || _ = join(client, port));
        }
    });
    own.to_string()
}

fn join(mut client: TcpStream, port: u16) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let copied = io::copy(&mut from_client, &mut to_server);
        _ = to_server.shutdown(Shutdown::Write);
        copied
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
