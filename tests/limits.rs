//! Files that are too large, too deep or too many: an error that says so, or an answer, in a gigabyte of address space.

use std::fs::File;

use snapbox::str;

use crate::support::program::{Program, Run};
use crate::support::sandbox::Sandbox;

/// `deps lock --check` with a gigabyte of memory and a minute of processor time: what takes the square of its input ends.
fn check(sandbox: &Sandbox) -> Program<'_> {
    let script = "ulimit -v 1048576 && ulimit -t 60 && exec \"$0\" lock --check";
    sandbox.program("sh", ["-c", script, env!("CARGO_BIN_EXE_deps-cli")])
}

const PROJECT: &str = "[project]\nname = \"p\"\nbase = \"scratch\"\nbuilder-base = \"scratch\"\n[[manifest]]\n\
    path = \"*.repos\"\ndest = \"/ws/src\"\n[extensions]\ntool = { path = \"tool\" }\n";
const EXTENSION: &str = "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool.\"\n\
    [builder]\nsnippet = \"builder.Dockerfile\"\ncopy = [{ from = \"bin/\", to = \"/usr/local/bin/\" }]\n";

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(PROJECT);
    sandbox.write("a.repos", "repositories: {}\n");
    sandbox.write("tool/extension.toml", EXTENSION);
    sandbox.write("tool/builder.Dockerfile", "RUN make\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

fn refusal(path: &str, text: &str) -> Run {
    let sandbox = project();
    sandbox.write(path, text);
    check(&sandbox).exits(1)
}

fn first_lines(path: &str, text: &str) -> String {
    refusal(path, text).stderr().lines().take(2).map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn the_project_of_these_tests_is_good() {
    check(&project()).succeeds();
}

#[test]
fn files_of_a_hundred_megabytes_are_not_read() {
    let mut said = String::new();
    for path in ["a.repos", "deps.toml", "deps.lock", "tool/extension.toml", "tool/builder.Dockerfile"] {
        let sandbox = project();
        File::create(sandbox.path(path)).unwrap().set_len(100 << 20).unwrap();
        said += &format!("{}\n", check(&sandbox).exits(1).stderr());
    }
    snapbox::assert_data_eq!(
        said,
        str![[r#"
error: `a.repos` has 104857600 bytes; at most 1048576 are read
 --> deps.toml:6:8
  |
6 | path = "*.repos"
  |        ^^^^^^^^^

error: `deps.toml` has 104857600 bytes; at most 1048576 are read

error: `deps.lock` has 104857600 bytes; at most 67108864 are read

error: `extension.toml` of extension `tool` has 104857600 bytes; at most 1048576 are read
 --> tool/extension.toml:1:1
  |
1 |
  | ^

error: `builder.Dockerfile` of extension `tool` has 104857600 bytes; at most 1048576 are read
 --> tool/extension.toml:6:11
  |
6 | snippet = "builder.Dockerfile"
  |           ^^^^^^^^^^^^^^^^^^^^


"#]]
    );
}

#[test]
fn a_million_entries_are_refused() {
    let entries = |entry: &dyn Fn(usize) -> String| (0..1_000_000).map(entry).collect::<String>();
    let mut said = first_lines("a.repos", &format!("repositories:\n{}", entries(&|at| format!("  r{at}: {{}}\n"))));
    said += &first_lines("deps.toml", &format!("{PROJECT}{}", entries(&|at| format!("e{at} = \"*\"\n"))));
    said +=
        &first_lines("tool/extension.toml", &format!("{EXTENSION}[inputs]\n{}", entries(&|at| format!("i{at} = 1\n"))));
    for line in [&(|at| format!("[repo.r{at}]\n")) as &dyn Fn(usize) -> String, &|at| format!("repo.r{at}.rev = 1\n")] {
        said += &first_lines("deps.lock", &format!("schema = 1\n{}", entries(line)));
    }
    said += &first_lines("deps.lock", &format!("schema = 1\nx = [{}]\n", "1,".repeat(15_000_000)));
    snapbox::assert_data_eq!(
        said,
        str![[r#"
error: `a.repos` has 13888904 bytes; at most 1048576 are read
--> deps.toml:6:8
error: `deps.toml` has 13889038 bytes; at most 1048576 are read
error: `extension.toml` of extension `tool` has 11889055 bytes; at most 1048576 are read
--> tool/extension.toml:1:1
error: the text has 3000002 line ends, dots, commas, `=`, `[` and `{`, more than 2000000
--> deps.lock:1:1
error: the text has 4000002 line ends, dots, commas, `=`, `[` and `{`, more than 2000000
--> deps.lock:1:1
error: the text has 15000005 line ends, dots, commas, `=`, `[` and `{`, more than 2000000
--> deps.lock:1:1

"#]]
    );
}

#[test]
fn what_is_nested_without_end_is_refused() {
    const DEEP: usize = 100_000;
    let mut said = String::new();
    for text in ["[", "{a: ", "- "] {
        said += &first_lines("a.repos", &text.repeat(DEEP));
    }
    for (path, head) in [("deps.toml", PROJECT), ("tool/extension.toml", EXTENSION), ("deps.lock", "schema = 1\n")] {
        let dotted = "a.".repeat(DEEP);
        for tail in [
            format!("x = {}", "[".repeat(DEEP)),
            format!("x = {}", "{ a = ".repeat(DEEP)),
            format!("{dotted}a = 1\n"),
            format!("[{dotted}a]\n"),
        ] {
            said += &first_lines(path, &format!("{head}{tail}"));
        }
    }
    snapbox::assert_data_eq!(
        said,
        str![[r#"
error: not valid YAML: recursion limit exceeded
--> a.repos:1:256
error: not valid YAML: recursion limit exceeded
--> a.repos:1:1021
error: lists and mappings are more than 64 levels deep
--> a.repos:1:129
error: not valid TOML: cannot recurse further; max recursion depth met
--> deps.toml:10:85
error: not valid TOML: cannot recurse further; max recursion depth met
--> deps.toml:10:485
error: not valid TOML: recursion limit
--> deps.toml:1:1
error: not valid TOML: recursion limit
--> deps.toml:1:1
error: not valid TOML: cannot recurse further; max recursion depth met
--> tool/extension.toml:8:85
error: not valid TOML: cannot recurse further; max recursion depth met
--> tool/extension.toml:8:485
error: not valid TOML: recursion limit
--> tool/extension.toml:1:1
error: not valid TOML: recursion limit
--> tool/extension.toml:1:1
error: not valid TOML: cannot recurse further; max recursion depth met
--> deps.lock:2:85
error: not valid TOML: cannot recurse further; max recursion depth met
--> deps.lock:2:485
error: not valid TOML: recursion limit
--> deps.lock:3:1
error: not valid TOML: recursion limit
--> deps.lock:3:1

"#]]
    );
}

#[test]
fn aliases_that_multiply_are_refused() {
    let levels = |first: &str, next: &dyn Fn(usize) -> String| {
        let text: String = (1..20).map(|level| format!("a{level}: &a{level} {}\n", next(level - 1))).collect();
        format!("a0: &a0 {first}\n{text}repositories:\n  r: *a19\n")
    };
    let nine = |level| vec![format!("*a{level}"); 9].join(", ");
    let mut said = first_lines("a.repos", &levels("[x, x]", &|level| format!("[{}]", nine(level))));
    said += &first_lines("a.repos", &levels("{x: 1}", &|level| format!("{{<<: [{}]}}", nine(level))));
    said += &first_lines("a.repos", "a: &a [*a]\n");
    snapbox::assert_data_eq!(
        said,
        str![[r#"
error: the text stands for more than 1000000 values
--> a.repos:7:30
error: the text stands for more than 1000000 values
--> a.repos:7:30
error: an alias stands inside its own anchor
--> a.repos:1:8

"#]]
    );
}

#[test]
fn of_many_problems_the_first_are_told_and_the_rest_is_counted() {
    let sandbox = project();
    sandbox.write("a.repos", &format!("repositories:\n{}", "  r: {}\n".repeat(40_000)));
    let said = check(&sandbox).succeeds().stderr();
    assert_eq!(said.matches("warning: repository `r` stands in line").count(), 100);
    assert!(said.contains("warning: and "), "{said}");
}

#[test]
fn ten_thousand_stages_each_on_the_one_before_are_planned_on_a_small_stack() {
    const STAGES: usize = 10_000;
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nname = \"p\"\nbase = \"debian:12\"\n[extensions]\ntool = { path = \"tool\" }\n");
    let digest = "a".repeat(64);
    let header = "# Generated by `deps lock`. Edit deps.toml or the manifests, then run `deps lock`.\nschema = 1\n";
    sandbox.write(
        "deps.lock",
        &format!("{header}\n[image.\"base\"]\nref = \"debian:12\"\ndigest = \"sha256:{digest}\"\n"),
    );
    // Their names are in the other direction than their order.
    let builder = |at: usize| {
        let from = if at + 1 < STAGES { format!("from = \"b{}\"\n", at + 1) } else { String::new() };
        format!("[builders.b{at}]\nsnippet = \"builder.Dockerfile\"\n{from}")
    };
    let head = "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool.\"\n";
    sandbox.write("tool/extension.toml", &format!("{head}{}", (0..STAGES).map(builder).collect::<String>()));
    sandbox.write("tool/builder.Dockerfile", "RUN make\n");
    let deps = |command: &str| {
        let script = "ulimit -v 1048576 && ulimit -s 512 && ulimit -t 60 && exec \"$0\" \"$1\"";
        sandbox.program("sh", ["-c", script, env!("CARGO_BIN_EXE_deps-cli"), command]).succeeds().stdout()
    };
    let dockerfile = deps("dockerfile");
    let stages: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(stages.len(), STAGES + 2);
    assert_eq!(stages[1], "FROM tool.b9999-builder AS tool.b9998-builder");
    assert_eq!(stages[STAGES - 1], "FROM tool.b1-builder AS tool.b0-builder");
    assert_eq!(deps("plan").lines().next(), Some("plan for linux/amd64: 10002 stages, 2 pure (0 %)"));
}
