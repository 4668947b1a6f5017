//! `deps run` and `deps test`: containers of the image.

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use snapbox::str;

const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn project(sandbox: &Sandbox, base: &str, extensions: &[(&str, &str)]) {
    let mut toml = format!("[project]\nname = \"p\"\nbase = \"{base}\"\n\n[extensions]\n");
    for (name, text) in extensions {
        toml += &format!("{name} = {{ path = \"{name}\" }}\n");
        let head = format!("[extension]\nname = \"{name}\"\nversion = \"1.0.0\"\nsummary = \"A tool.\"\n");
        sandbox.write(&format!("{name}/extension.toml"), &format!("{head}{text}"));
    }
    sandbox.deps_toml(&toml);
    sandbox.deps(["lock"]).succeeds();
}

const DISPLAY: &str = r#"
[options.ports]
type = "list"
default = ["8080:80", "127.0.0.1:22:22"]
help = "ports"

[run]
network = "host"
ipc = "host"
gpus = ""
pass-env = ["DEPS_STORE", "NO_SUCH_VARIABLE"]
env = { B = "two words", A = "{{ name }}" }
devices = ["/dev/null", "/dev/no-such-device"]
ports = ["{{ options.ports }}"]
cap-add = ["SYS_PTRACE"]
volumes = [
    { host = "./cache", container = "~/cache", create = true },
    { host = "/no/such/socket", optional = true },
    { host = "$DEPS_STORE", container = "/store", read-only = true },
    "./deps.toml:/project.toml:ro",
]
init = true
"#;

#[test]
fn the_command_is_the_union_of_what_extensions_say_in_one_order() {
    let sandbox = Sandbox::new();
    project(
        &sandbox,
        BASE,
        &[
            ("zoo", DISPLAY),
            ("ant", "[run]\nnetwork = \"host\"\nvolumes = [{ host = \"./cache\", container = \"~/cache\" }]\n"),
        ],
    );
    let run = sandbox.deps(["run", "--print", "--docker-arg=--cpus=2", "--", "echo", "a b"]).succeeds();
    run.stdout_is(str![[r#"
docker run --rm --interactive --cap-add=SYS_PTRACE --device=/dev/null --env=A=zoo '--env=B=two words' --env=DEPS_STORE --init --ipc=host --mount=type=bind,source=[ROOT]/project/cache,target=/root/cache --mount=type=bind,source=[ROOT]/project/deps.toml,target=/project.toml,readonly --mount=type=bind,source=[ROOT]/store,target=/store,readonly --network=host --publish=127.0.0.1:[PORT]:22 --publish=8080:80 --cpus=2 p:latest echo 'a b'

"#]]);
    assert!(!sandbox.has("cache"), "printing makes nothing");
}

#[test]
fn contradictions_and_what_the_host_lacks_are_named() {
    let sandbox = Sandbox::new();
    let one = "[run]\nnetwork = \"host\"\nenv = { A = \"1\" }\nvolumes = [\"/usr:/x\"]\nworkdir = \"/a\"\n";
    let two = "[run]\nnetwork = \"none\"\nenv = { A = \"2\" }\nvolumes = [\"/etc:/x\"]\nworkdir = \"/b\"\n";
    project(&sandbox, BASE, &[("one", one), ("two", two)]);
    sandbox.deps(["run", "--print"]).exits(1).stderr_is(str![[r#"
error: extensions `one` and `two` want different things of `docker run`: the volume at /x is `/usr` and `/etc`

error: extensions `one` and `two` want different things of `docker run`: the variable A is `1` and `2`

error: extensions `one` and `two` want different things of `docker run`: --network is `host` and `none`

error: extensions `one` and `two` want different things of `docker run`: the working folder is `/a` and `/b`

"#]]);
    let lacking = "[run]\nenv-files = [\"./no.env\"]\nvolumes = [\"/no/such/folder:/x\", \"$NO_SUCH_VARIABLE:/y\"]\n";
    project(&sandbox, BASE, &[("one", lacking)]);
    sandbox.deps(["run", "--print"]).exits(1).stderr_is(str![[r#"
error: this machine has no file `./no.env`

error: this machine has no `/no/such/folder`, which the container is to see

error: this machine has no `$NO_SUCH_VARIABLE`, which the container is to see

"#]]);
}

#[test]
fn what_would_be_another_argument_is_refused() {
    let sandbox = Sandbox::new();
    let hostile = "[run]\nnetwork = \"--privileged\"\ncap-add = [\"a b\"]\nvars = [\"A B=1\"]\npass-env = [\"A=1\"]\n\
        volumes = [\"/a:/b,readonly\", { host = \"/a\\\",target=/etc\", container = \"../x\" }]\nworkdir = \"x\"\n";
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"scratch\"\n[extensions]\none = { path = \"one\" }\n");
    sandbox.write(
        "one/extension.toml",
        &format!("[extension]\nname = \"one\"\nversion = \"1.0.0\"\nsummary = \"x\"\n{hostile}"),
    );
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `--privileged` is not one word
 --> one/extension.toml:6:11
  |
6 | network = "--privileged"
  |           ^^^^^^^^^^^^^^

error: `a b` is not one word
 --> one/extension.toml:7:12
  |
7 | cap-add = ["a b"]
  |            ^^^^^

error: `A B=1` is not `NAME=value`
 --> one/extension.toml:8:9
  |
8 | vars = ["A B=1"]
  |         ^^^^^^^

error: `A=1` is not a variable name
 --> one/extension.toml:9:13
  |
9 | pass-env = ["A=1"]
  |             ^^^^^

error: `/a:/b,readonly` is not `HOST[:CONTAINER[:ro]]` with plain paths
  --> one/extension.toml:10:12
   |
10 | volumes = ["/a:/b,readonly", { host = "/a\",target=/etc", container = "../x" }]
   |            ^^^^^^^^^^^^^^^^

error: `/a",target=/etc` is not a path of the host (`/…`, `~/…`, `./…` or `$VARIABLE`, without `..`, `:`, `,` and quotes)
  --> one/extension.toml:10:39
   |
10 | volumes = ["/a:/b,readonly", { host = "/a\",target=/etc", container = "../x" }]
   |                                       ^^^^^^^^^^^^^^^^^^

error: `../x` is not a plain path of the container, `/…` or `~/…`
  --> one/extension.toml:10:71
   |
10 | volumes = ["/a:/b,readonly", { host = "/a\",target=/etc", container = "../x" }]
   |                                                                       ^^^^^^

error: `x` is not a plain path of the container, `/…` or `~/…`
  --> one/extension.toml:11:11
   |
11 | workdir = "x"
   |           ^^^

"#]]);
}

#[test]
fn a_container_runs_with_the_arguments_and_ends_with_the_status_of_its_command() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let text = "[run]\nenv = { GREETING = \"hello there\" }\nvolumes = [{ host = \"./shared\", container = \"/shared\", create = true }]\nworkdir = \"/shared\"\n";
    project(&sandbox, engine.base(), &[("one", text)]);
    let run = sandbox.deps(["run", "--", "sh", "-c", "echo $GREETING; pwd; echo made > file; exit 7"]).exits(7);
    assert_eq!(run.stdout(), "hello there\n/shared\n");
    assert_eq!(sandbox.read("shared/file"), "made\n");
    sandbox.deps(["run", "--no-build", "--", "true"]).succeeds().stderr_is("");
}

#[test]
fn what_one_container_compiles_is_a_hit_in_the_next_one() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.write("hello.c", "int main(void) { return 0; }\n");
    sandbox.deps_toml(&format!(
        "[project]\nname = \"compiles\"\nbase = \"{}\"\n[extensions]\nccache = \"*\"\ncwd = \"*\"\n\
         apt = {{ with = {{ packages = [\"gcc\", \"libc6-dev\"] }} }}\n",
        engine.base()
    ));
    let statistics = || {
        let run = sandbox.deps(["run", "--", "ccache", "--print-stats"]).succeeds();
        let count = |name: &str| {
            let line = run.stdout().lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
            line.unwrap_or_else(|| panic!("no {name}: {run}")).trim().to_owned()
        };
        (count("cache_miss"), count("direct_cache_hit"))
    };
    let compile = || sandbox.deps(["run", "--", "ccache", "gcc", "-c", "hello.c", "-o", "/tmp/hello.o"]).succeeds();
    compile();
    assert_eq!(statistics(), ("1".to_owned(), "0".to_owned()));
    compile();
    assert_eq!(statistics(), ("1".to_owned(), "1".to_owned()));
    assert!(sandbox.root().join("home/.ccache").is_dir(), "it is the host's cache");
}

#[test]
fn every_extension_is_tested_in_the_image() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let text = |script: &str| {
        format!("[test]\nscript = \"{script}\"\n[run]\nenv = {{ CONFIG = \"~/.config\", GREETING = \"hello\" }}\n")
    };
    sandbox.write(
        "good/test.sh",
        "test \"$GREETING\" = hello\ntest \"$CONFIG\" = /root/.config\ntest {{ name }} = good\n",
    );
    sandbox.write("perl/test.pl", "#!/usr/bin/perl\nprint \"ok\\n\";\n");
    sandbox.write("bad/test.sh", "echo before\ncat /no/such/file\necho after\n");
    let sorted =
        [("bad", text("test.sh")), ("good", text("test.sh")), ("none", String::new()), ("perl", text("test.pl"))];
    let all: Vec<(&str, &str)> = sorted.iter().map(|(name, text)| (*name, text.as_str())).collect();
    project(&sandbox, engine.base(), &all);
    let run = sandbox.deps(["test", "--junit", "junit.xml"]).exits(1);
    let talk: Vec<String> = run
        .stderr()
        .lines()
        .filter(|line| line.starts_with("test ") || line.contains(" tests, ") || line.contains("the test of "))
        .map(str::to_owned)
        .collect();
    assert_eq!(talk.len(), 5, "{run}");
    assert!(talk[0].starts_with("test bad … failed "), "{run}");
    assert!(talk[1].starts_with("test good … ok "), "{run}");
    assert!(talk[2].starts_with("test perl … ok "), "{run}");
    assert_eq!(&talk[3..], ["3 tests, 1 failed", "error: the test of extension `bad` failed"], "{run}");
    assert!(run.stderr().contains("  before\n  cat: ") && !run.stderr().contains("after"), "{run}");
    let xml = sandbox.read("junit.xml");
    assert!(xml.contains("tests=\"3\"") && xml.contains("failures=\"1\"") && xml.contains("name=\"good\""), "{xml}");
    sandbox.deps(["test", "--no-build", "good"]).succeeds();
    sandbox.deps(["test", "--no-build", "none"]).exits(2).stderr_is(str![[r#"
error: the image has no extension `none` with a test

"#]]);
}
