//! Base images, pinned through a real registry.

use snapbox::str;

use crate::support::engine::Engine;
use crate::support::registry::Registry;
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

#[test]
fn the_credentials_of_docker_login_are_used_and_never_shown() {
    let sandbox = Sandbox::new();
    let Some(registry) = Registry::guarded_or_skip(&sandbox) else { return };
    let address = registry.address();
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{address}/some/image:1\"\n"));
    let login = |password: &str| {
        // base64 of `ada:hunter2` and of `ada:wrong-one`, as `docker login` writes them.
        let auth = if password == "hunter2" { "YWRhOmh1bnRlcjI=" } else { "YWRhOndyb25nLW9uZQ==" };
        let text = format!("{{\"auths\": {{\"{address}\": {{\"auth\": \"{auth}\"}}}}}}");
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

/// A project on the image `team/base:1` of a registry of its own, locked; the registry and the locked digest.
fn on_its_own_registry(sandbox: &Sandbox) -> Option<(Registry, String)> {
    let registry = Registry::start_or_skip(sandbox)?;
    let digest = registry.push("team/base", "1", "first");
    based_on(sandbox, &format!("{}/team/base:1", registry.address()));
    sandbox.deps(["lock"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&format!("digest = \"{digest}\"\n")), "{}", sandbox.read("deps.lock"));
    Some((registry, digest))
}

fn based_on(sandbox: &Sandbox, reference: &str) {
    sandbox.deps_toml(&format!("[project]\nname = \"p\"\nbase = \"{reference}\"\n"));
}

#[test]
fn an_image_whose_tag_moved_is_verified_for_as_long_as_its_digest_is_served() {
    let sandbox = Sandbox::new();
    let Some((registry, first)) = on_its_own_registry(&sandbox) else { return };
    sandbox.deps(["lock", "--verify"]).succeeds().stderr_is(str![[r#"
deps.lock is verified: 1 entry is where the lock says

"#]]);
    let second = registry.push("team/base", "1", "second");
    assert_ne!(first, second);
    // A tag of an image is made to move: the old one is there, and nobody asked for the new one.
    sandbox.deps(["lock", "--verify"]).succeeds();
    sandbox.deps(["lock"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&first));
    sandbox.deps(["update"]).succeeds().stderr_is(str![[r#"
  ~ image `base` 127.0.0.1:[PORT]/team/base:1 sha256:25dd0eb1 → 127.0.0.1:[PORT]/team/base:1 sha256:870798e4
wrote deps.lock: 1 entry, 0 added, 1 changed, 0 removed

"#]]);
    assert!(sandbox.read("deps.lock").contains(&second));
    sandbox.deps(["lock", "--verify"]).succeeds();
}

#[test]
fn an_image_that_the_registry_no_longer_has_is_gone() {
    let sandbox = Sandbox::new();
    let Some((registry, first)) = on_its_own_registry(&sandbox) else { return };
    registry.remove("team/base", &first);
    let lock = sandbox.read("deps.lock");
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(str![[r#"
error: image `base`: the registry no longer has `127.0.0.1:[PORT]/team/base:1@sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce`
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: `deps update image:base` pins what is there now

"#]]);
    assert!(sandbox.deps(["lock", "--verify", "--json", "--quiet"]).exits(4).stdout().contains("\"image-gone\""));
    sandbox.deps(["update"]).exits(5).stderr_is(str![[r#"
error: image `base`: cannot read `127.0.0.1:[PORT]/team/base:1`: the registry has no such image (HTTP 404)
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: check the spelling; a private repository looks the same without credentials

"#]]);
    assert_eq!(sandbox.read("deps.lock"), lock);
    let second = registry.push("team/base", "1", "second");
    sandbox.deps(["lock", "--verify"]).exits(4);
    sandbox.deps(["update"]).succeeds();
    assert!(sandbox.read("deps.lock").contains(&second));
    sandbox.deps(["lock", "--verify"]).succeeds();
}

#[test]
fn an_image_that_the_project_names_by_its_digest_needs_no_registry_until_it_is_verified() {
    let sandbox = Sandbox::new();
    let Some((registry, first)) = on_its_own_registry(&sandbox) else { return };
    let reference = format!("{}/team/base:1@{first}", registry.address());
    based_on(&sandbox, &reference);
    sandbox.deps(["lock", "--offline"]).succeeds();
    sandbox.deps(["lock", "--verify"]).succeeds();
    registry.remove("team/base", &first);
    sandbox.deps(["lock", "--verify"]).exits(4).stderr_is(str![[r#"
error: image `base`: the registry no longer has `127.0.0.1:[PORT]/team/base:1@sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce`
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1@sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: name another image in deps.toml, then run `deps lock`

"#]]);
}

#[test]
fn a_registry_that_is_down_is_unreachable_and_no_image_is_gone() {
    let sandbox = Sandbox::new();
    let Some((registry, _)) = on_its_own_registry(&sandbox) else { return };
    drop(registry);
    sandbox.deps(["lock", "--verify", "--retries", "0"]).exits(5).stderr_is(str![[r#"
error: image `base`: cannot read `127.0.0.1:[PORT]/team/base:1@sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce`: no connection (io: Connection refused (os error 111))
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: check the network and proxies, then run the command again

"#]]);
}

#[test]
fn precise_pins_a_digest_that_the_registry_has_and_no_other() {
    let sandbox = Sandbox::new();
    let Some((registry, first)) = on_its_own_registry(&sandbox) else { return };
    let second = registry.push("team/base", "1", "second");
    let precise = |digest: &str| sandbox.deps(["update", "--precise", &format!("image:base={digest}")]);
    precise(&second).succeeds();
    assert!(sandbox.read("deps.lock").contains(&second));
    precise(&first).succeeds().stderr_is(str![[r#"
  ~ image `base` 127.0.0.1:[PORT]/team/base:1 sha256:870798e4 → 127.0.0.1:[PORT]/team/base:1 sha256:25dd0eb1
wrote deps.lock: 1 entry, 0 added, 1 changed, 0 removed

"#]]);
    let lock = sandbox.read("deps.lock");
    let absent = format!("sha256:{}", "0".repeat(64));
    precise(&absent).exits(5).stderr_is(str![[r#"
error: image `base`: cannot read `127.0.0.1:[PORT]/team/base:1@sha256:0000000000000000000000000000000000000000000000000000000000000000`: the registry has no such image (HTTP 404)
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: check the spelling; a private repository looks the same without credentials

"#]]);
    precise("1").exits(1).stderr_is(str![[r#"
error: image `base`: `1` is no digest of an image, `sha256:` and 64 hexadecimal digits
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]]);
    // One of another repository is none of this one.
    let elsewhere = registry.push("team/other", "1", "third");
    precise(&elsewhere).exits(5);
    assert_eq!(sandbox.read("deps.lock"), lock);
}

#[test]
fn precise_leaves_a_digest_alone_that_the_project_names_itself() {
    let sandbox = Sandbox::new();
    let Some((registry, first)) = on_its_own_registry(&sandbox) else { return };
    let second = registry.push("team/base", "1", "second");
    based_on(&sandbox, &format!("{}/team/base:1@{first}", registry.address()));
    sandbox.deps(["lock"]).succeeds();
    let lock = sandbox.read("deps.lock");
    sandbox.deps(["update", "--precise", &format!("image:base={second}")]).exits(1).stderr_is(str![[r#"
error: image `base`: the project asks for the digest `sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce`, and for no other
 --> deps.toml:3:8
  |
3 | base = "127.0.0.1:[PORT]/team/base:1@sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: change the digest of the image in deps.toml, then run `deps lock`

"#]]);
    assert_eq!(sandbox.read("deps.lock"), lock);
    sandbox.deps(["update", "--precise", &format!("image:base={first}")]).succeeds();
    sandbox.edit("deps.lock", &format!("digest = \"{first}\""), &format!("digest = \"{second}\""));
    sandbox.deps(["lock", "--check"]).exits(3).stderr_is(str![[r#"
error: `deps.lock` is out of date
  image `base`: `deps.toml` asks for `sha256:25dd0eb117475a320885d73dd2781ecfd393cbfb640e2e124d99d9b79f336dce`, and the lock's `sha256:870798e4ef446e7c6d5fd1aa21151b9509af2c93b67a6b9955dc6863dd67e9f9` does not satisfy it
hint: to update it, run `deps lock`

"#]]);
    sandbox.deps(["lock"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), lock);
}
