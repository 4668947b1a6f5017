//! Pure builders: what they see, and that they make the same bytes on every engine. Needs engines; `make test` brings them.

use std::fs;

use deps::engine::oci;

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

/// Writes an extension whose builder runs `command`, with what `rest` says beside it.
fn extension(sandbox: &Sandbox, name: &str, rest: &str, (network, command): (&str, &str)) {
    sandbox.write(
        &format!("{name}/extension.toml"),
        &format!(
            "[extension]\nname = \"{name}\"\nversion = \"1.0.0\"\nsummary = \"x\"\n{rest}\
             [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"{network}\"\ncopy = [{{ from = \"a/\", to = \"/opt/{name}/\" }}]\n"
        ),
    );
    sandbox.write(
        &format!("{name}/b.Dockerfile"),
        &format!("RUN mkdir -p {{{{ out }}}}/a && cd {{{{ out }}}}/a && {command}\n"),
    );
}

/// Writes a project on `base` with these extensions, one repository and what `rest` says.
fn project(sandbox: &Sandbox, base: &str, extensions: &[&str], rest: &str) {
    let lines: String = extensions.iter().map(|name| format!("{name} = {{ path = \"{name}\" }}\n")).collect();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"pure\"\nbase = \"{base}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [extensions]\n{lines}{rest}"
    ));
    let unique = sandbox.root().to_string_lossy().into_owned();
    sandbox.git("a").file("f", &unique).executable("run", "#!/bin/sh\n").commit();
    sandbox.manifest("repositories:\n  a: { type: git, url: $GIT/a.git }\n");
}

#[test]
fn nothing_that_was_not_declared_reaches_a_pure_builder() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let word = sandbox.root().file_name().expect("it has a name").to_string_lossy().into_owned();
    // Every file of the builder's with the word that is in all files of the project.
    let look = format!(
        "(for d in /*; do case $d in /proc|/sys|/dev|/bin) ;; *) grep -rl {word} $d; esac; done; true) > found \
         && (touch /deps/in/data/x 2>&1 || true) > touched && grep -c . /proc/net/route > routes \
         && (timeout 5 wget -O /dev/null http://{}:1/ 2>&1 || true) > answer",
        engine.gateway()
    );
    let inputs = "[inputs.data]\npath = \"data\"\n";
    for (name, network) in [("closed", "none"), ("open", "default")] {
        extension(&sandbox, name, inputs, (network, &look));
        sandbox.write(&format!("{name}/data/f"), &format!("{name} {word}\n"));
        sandbox.write(&format!("{name}/other"), &word);
    }
    project(&sandbox, engine.busybox(), &["closed", "open"], "");
    sandbox.deps(["build", "-t", "deps-test/pure"]).succeeds();
    let seen = |name: &str, file: &str| engine.run_image("deps-test/pure", &["cat", &format!("/opt/{name}/{file}")]);
    for name in ["closed", "open"] {
        let (found, touched) = (seen(name, "found"), seen(name, "touched"));
        assert_eq!(found, "/deps/in/data/f\n", "{name}");
        assert_eq!(touched, "touch: /deps/in/data/x: Read-only file system\n", "{name}");
    }
    // The first line of the table is its head; the other builder has somewhere to go.
    assert_eq!(seen("closed", "routes"), "1\n");
    assert_ne!(seen("open", "routes"), "1\n");
    let unreachable = |name: &str| seen(name, "answer").contains("Network is unreachable");
    assert!(unreachable("closed") && !unreachable("open"), "{} {}", seen("closed", "answer"), seen("open", "answer"));
}

#[test]
fn two_engines_that_held_nothing_make_the_same_bytes_of_pure_stages() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::new();
    let command = "mkdir -p d/e && date > /tmp/x && echo {{ name }} > d/f && ln d/f d/hard && ln -s f d/soft && chmod 4755 d/f \
                   && cp -r /deps/in/ws . && cp -p /deps/in/data/f . && for n in 9 1 5; do echo $n > d/e/$n; done";
    let more = "[inputs.ws]\nmanifest = true\n[inputs.data]\npath = \"data\"\n[runtime]\nprofile = \"profile.sh\"\n\
                [builders.early]\nsnippet = \"e.Dockerfile\"\nnetwork = \"none\"\n\
                [builders.docs]\nsnippet = \"d.Dockerfile\"\nfrom = \"early\"\nnetwork = \"none\"\n\
                copy = [{ from = \"doc/\", to = \"/etc/NAME/\" }]\n";
    for name in ["one", "two"] {
        extension(&sandbox, name, &more.replace("NAME", name), ("none", command));
        sandbox.write(
            &format!("{name}/e.Dockerfile"),
            "RUN mkdir -p {{ out }}/doc && date > /tmp/x && echo e > {{ out }}/e\n",
        );
        sandbox.write(
            &format!("{name}/d.Dockerfile"),
            "WORKDIR {{ out }}/doc\nRUN find .. -type f > /tmp/list && sort /tmp/list > files\n",
        );
        sandbox.write(&format!("{name}/profile.sh"), "export A=1\n");
        sandbox.write(&format!("{name}/data/f"), "1\n");
    }
    project(&sandbox, engine.base(), &["one", "two"], "user = \"*\"\n");
    sandbox.deps(["lock"]).succeeds();
    let archives = ["first", "second"].map(|name| sandbox.root().join(format!("{name}.tar")));
    for archive in &archives {
        let Some(empty) = engine.second() else { return };
        let output = format!("type=oci,dest={}", archive.display());
        let mut program = sandbox.deps(["build", "--frozen", "--pure", "--output", &output]);
        for (name, value) in empty.engine.environment() {
            program = program.env(&name, &value);
        }
        let built = program.succeeds();
        assert!(built.stderr().contains(", 0 cached (0 %), "), "it held something: {built}");
    }
    let compared = oci::compare(&archives[0], &archives[1]).expect("both are archives");
    assert!(compared.layers > 5 && fs::metadata(&archives[0]).expect("it is there").len() > 1 << 20, "{compared:?}");
    assert_eq!(compared.different, [], "the first one that differs");
}
