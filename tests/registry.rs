//! Base images, pinned through a real registry.

use std::process::{Child, Command, Stdio};

use crate::support::engine::{Engine, say_skipped};
use crate::support::sandbox::Sandbox;

#[test]
fn the_base_is_pinned_to_the_digest_that_the_registry_serves() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = Sandbox::new();
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{}\"\n", engine.busybox()));
    sandbox.deps(["lock"]).succeeds();
    let lock = sandbox.read("deps.lock");
    let digest = lock.lines().find_map(|line| line.strip_prefix("digest = ")).expect("the base has a digest");
    let digests =
        engine.docker(["buildx", "imagetools", "inspect", engine.busybox(), "--format", "{{json .Manifest.Digest}}"]);
    assert_eq!(digests.trim(), digest);
}

#[test]
fn an_image_that_is_not_there_is_named_with_its_place() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = Sandbox::new();
    let missing = format!("{}/deps-test/missing:1", engine.registry());
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{missing}\"\n"));
    let run = sandbox.deps(["lock"]).exits(5);
    assert!(run.stderr().contains(&format!("image `base`: cannot read `{missing}`")), "{run}");
    assert!(run.stderr().contains("--> deps.toml:3:8"), "{run}");
}

/// A registry that asks for the password of `ada`, which is `hunter2`; it ends with the test.
struct Guarded {
    process: Child,
    address: String,
}

impl Guarded {
    fn start(sandbox: &Sandbox) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let path = |name: &str| sandbox.root().join(name);
        std::fs::write(path("htpasswd"), "ada:$2a$05$1EedeIaRkuXLrycedPT.lO2ahDUoWwFc3gh1xxsHp.dI1x5u8UCiq\n").unwrap();
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n\
             auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            path("registry").display(),
            path("htpasswd").display()
        );
        std::fs::write(path("registry.yml"), config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path("registry.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            say_skipped("docker-registry", "it is not installed");
            return None;
        };
        for _ in 0..200 {
            if std::net::TcpStream::connect(&address).is_ok() {
                return Some(Self { process, address });
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the registry does not start");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

#[test]
fn the_credentials_of_docker_login_are_used_and_never_shown() {
    let Some(_) = Engine::required() else { return };
    let sandbox = Sandbox::new();
    let Some(registry) = Guarded::start(&sandbox) else { return };
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{}/some/image:1\"\n", registry.address));
    let login = |password: &str| {
        // base64 of `ada:hunter2` and of `ada:wrong-one`, as `docker login` writes them.
        let auth = if password == "hunter2" { "YWRhOmh1bnRlcjI=" } else { "YWRhOndyb25nLW9uZQ==" };
        let text = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", registry.address);
        std::fs::create_dir_all(sandbox.root().join("docker")).unwrap();
        std::fs::write(sandbox.root().join("docker/config.json"), text).unwrap();
        let folder = sandbox.root().join("docker");
        let run = sandbox.deps(["lock"]).env("DOCKER_CONFIG", folder.to_str().expect("UTF-8")).exits(5);
        assert!(!run.stderr().contains(password) && !run.stderr().contains(auth), "{run}");
        run.stderr().to_owned()
    };
    let anonymous = sandbox.deps(["lock"]).exits(5);
    assert!(anonymous.stderr().contains("docker login"), "{anonymous}");
    assert!(login("wrong-one").contains("docker login"));
    // The right password gets to the question itself: there is no such image.
    assert!(login("hunter2").contains("the registry has no such image"));
}
