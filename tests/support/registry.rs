//! A real registry of container images (Debian's `docker-registry`) on a loopback port, with images of no size.
//!
//! It decides that the registry and what it holds are one sandbox's own, so that a test may remove images and stop it. It
//! leaves out engines: images are pushed over HTTP.

#![expect(clippy::disallowed_methods, reason = "a registry is a process with a folder")]

use std::fs;
use std::process::Command;

use super::daemons::{Daemon, free_port, installed};
use super::sandbox::{Sandbox, lfs_id as sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A registry that runs until it is dropped.
pub(crate) struct Registry {
    daemon: Daemon,
}

impl Registry {
    /// A registry that everybody may use; none, after a word about it, where the program is not installed.
    pub(crate) fn start_or_skip(sandbox: &Sandbox) -> Option<Registry> {
        Registry::start(sandbox, "")
    }

    /// One that asks for the password of `ada`, which is `hunter2`.
    pub(crate) fn guarded_or_skip(sandbox: &Sandbox) -> Option<Registry> {
        let passwords = sandbox.root().join("htpasswd");
        let line = "ada:$2a$05$1EedeIaRkuXLrycedPT.lO2ahDUoWwFc3gh1xxsHp.dI1x5u8UCiq\n";
        fs::write(&passwords, line).expect("the sandbox is writable");
        Registry::start(sandbox, &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", passwords.display()))
    }

    fn start(sandbox: &Sandbox, rest: &str) -> Option<Registry> {
        let program = installed("docker-registry", "docker-registry")?;
        let (port, folder) = (free_port(), sandbox.root().join("registry"));
        let text = format!(
            "version: 0.1\nlog: {{level: warn}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n{rest}",
            folder.display()
        );
        let configuration = sandbox.root().join("registry.yml");
        fs::write(&configuration, text).expect("the sandbox is writable");
        let mut command = Command::new(program);
        command.arg("serve").arg(configuration);
        Some(Registry { daemon: Daemon::start(command, port, sandbox.root().join("registry.log")) })
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.daemon.port())
    }

    /// Pushes an image without layers, which differs from others by its `label`, and moves the tag there; returns its digest.
    #[track_caller]
    pub(crate) fn push(&self, repository: &str, tag: &str, label: &str) -> String {
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{"Labels":{{"is":"{label}"}}}},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#
        );
        let digest = format!("sha256:{}", sha256(&config));
        let upload = self.send("POST", &format!("{repository}/blobs/uploads/?digest={digest}"), "", "");
        let upload = upload.headers().get("location").expect("an upload has a place").to_str().expect("a url");
        let place = upload.split_once("/v2/").expect("it is of the API").1;
        self.send("PUT", &format!("{place}&digest={digest}"), "application/octet-stream", &config);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"{CONFIG}","digest":"{digest}","size":{}}},"layers":[]}}"#,
            config.len()
        );
        self.send("PUT", &format!("{repository}/manifests/{tag}"), MANIFEST, &manifest);
        format!("sha256:{}", sha256(&manifest))
    }

    /// Removes the image with this digest, and every tag that names it.
    #[track_caller]
    pub(crate) fn remove(&self, repository: &str, digest: &str) {
        self.send("DELETE", &format!("{repository}/manifests/{digest}"), "", "");
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> ureq::http::Response<ureq::Body> {
        let url = format!("http://{}/v2/{path}", self.address());
        let request = ureq::http::Request::builder().method(method).uri(&url).header("Content-Type", kind);
        // A proxy cannot reach this machine's own registry.
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let answer = agent.run(request.body(body.to_owned()).expect("a good request"));
        answer.unwrap_or_else(|error| panic!("{method} {url}: {error}\n{}", self.daemon.log()))
    }
}
