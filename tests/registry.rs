//! Base images, pinned through a real registry.

use crate::support::engine::Engine;
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
