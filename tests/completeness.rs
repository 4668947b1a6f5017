//! Whether the lock names all that a build took: `deps verify`.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use snapbox::str;

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

fn project(base: &str) -> String {
    format!("[project]\nname = \"complete\"\nbase = \"{base}\"\n")
}

#[test]
fn without_a_build_of_the_project_there_is_nothing_to_check() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(&project("scratch"));
    sandbox.deps(["verify"]).exits(3);
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["verify"]).exits(1).stderr_is(str![[r#"
error: no build of the project as it is has been made from here
hint: run `deps build --no-skip`, or give the `--provenance` of an image

"#]]);
    sandbox.write("a.json", "{}");
    sandbox.deps(["verify", "--provenance", "a.json"]).exits(2).stderr_is(str![[r#"
error: a.json has no provenance
hint: was the image built with `--provenance=false`? A provenance has `materials` or `resolvedDependencies`

"#]]);
    sandbox.deps(["verify", "--provenance", "b.json"]).exits(1).stderr_is(str![[r#"
error: cannot read b.json: No such file or directory (os error 2)

"#]]);
    sandbox.write(
        "a.json",
        r#"{ "materials": [{ "uri": "https://example.com/tool.tar.gz", "digest": { "sha256": "00" } }] }"#,
    );
    sandbox.deps(["verify", "--provenance", "a.json"]).exits(4).stderr_is(str![[r#"
error: deps.lock does not name what was taken: file `https://example.com/tool.tar.gz` at sha256:00
hint: the image was not built from this project's Dockerfile alone: build it by `deps build --frozen`

"#]]);
}

#[test]
fn what_a_build_took_is_compared_with_the_lock() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.deps_toml(&project(engine.busybox()));
    sandbox.deps(["build", "--no-skip", "-t", "deps-test/complete"]).succeeds();
    sandbox.deps(["verify"]).succeeds().stdout_is("deps.lock names the one source of the last build\n");
    let told: Value = serde_json::from_str(&sandbox.deps(["verify", "--json"]).succeeds().stdout()).unwrap();
    assert_eq!((&told["sources"][0]["kind"], &told["sources"][0]["locked"]), (&"image".into(), &true.into()));

    // Of another project, nothing is known.
    sandbox.edit("deps.toml", engine.busybox(), engine.base());
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["verify"]).exits(1);
    sandbox.edit("deps.toml", engine.base(), engine.busybox());
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["verify"]).succeeds();
}

#[test]
fn the_engine_s_own_provenance_is_compared_with_the_lock() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.deps_toml(&project(engine.busybox()));
    sandbox.deps(["lock"]).succeeds();
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    sandbox.write("provenance.json", &provenance(&engine, &sandbox, &dockerfile));
    let good = sandbox.deps(["verify", "--provenance", "provenance.json"]).succeeds();
    good.stdout_is("deps.lock names the one source of provenance.json\n");

    let taken = format!("{dockerfile}COPY --from={} /bin/sh /stolen\n", engine.base());
    sandbox.write("provenance.json", &provenance(&engine, &sandbox, &taken));
    let bad = sandbox.deps(["verify", "--provenance", "provenance.json"]).exits(4).stderr();
    let name = engine.base().replace("127.0.0.1:", "");
    assert!(bad.starts_with("error: deps.lock does not name what was taken: image `") && bad.contains(&name), "{bad}");
    assert!(bad.contains("` at sha256:") && !bad.contains("busybox"), "{bad}");
}

/// Builds this Dockerfile by the engine alone, and returns the provenance that it gives the image.
fn provenance(engine: &Engine, sandbox: &Sandbox, dockerfile: &str) -> String {
    sandbox.write("Dockerfile", dockerfile);
    let [archive, file] = ["image.tar", "Dockerfile"].map(|name| sandbox.path(name).to_string_lossy().into_owned());
    let (output, context) = (format!("type=oci,dest={archive}"), sandbox.store().to_string_lossy().into_owned());
    engine.docker([
        "buildx",
        "build",
        "--quiet",
        "--provenance=mode=max",
        "--output",
        &output,
        "--file",
        &file,
        &context,
    ]);
    let statement = blobs(Path::new(&archive)).into_iter().find(|blob| blob.contains("\"predicateType\""));
    statement.expect("the image has a provenance")
}

fn blobs(archive: &Path) -> Vec<String> {
    let mut archive = tar::Archive::new(std::fs::File::open(archive).unwrap());
    let texts = archive.entries().unwrap().filter_map(|entry| {
        let mut text = String::new();
        entry.unwrap().read_to_string(&mut text).ok().map(|_| text)
    });
    texts.collect()
}
