//! `deps lint`: what is told of Dockerfiles and snippets, in every format; what `--fix` writes.

use deps::extension::builtin_names;
use serde_json::Value;
use snapbox::str;

use crate::support::sandbox::Sandbox;

const DOCKERFILE: &str = "FROM debian:12
ENV API_TOKEN=hunter2
RUN apt-get update

RUN apt-get install curl
RUN curl -fsSL https://example.com/install.sh | sh
# deps-lint: ignore=unpinned-clone the newest is what this image is for
RUN git clone https://example.com/tool.git
";
const PROJECT: &str = "[project]\nname = \"p\"\nbase = \"scratch\"\n\n[extensions]\n";

#[test]
fn a_dockerfile_is_told_line_by_line_with_what_to_write_instead() {
    let sandbox = Sandbox::new();
    sandbox.write("Dockerfile", DOCKERFILE);
    let run = sandbox.deps(["lint", "Dockerfile"]).exits(1);
    assert_eq!(run.stdout(), "");
    run.stderr_is(str![[r#"
note[base-digest]: the tag of `debian:12` can be moved to another image
 --> Dockerfile:1:6
  |
1 | FROM debian:12
  |      ^^^^^^^^^
hint: name its digest behind the tag: `@sha256:…`; a project of `deps` has it in deps.lock

warning[secret-in-env]: `ENV API_TOKEN` holds a secret, and stays in the image's history
 --> Dockerfile:2:5
  |
2 | ENV API_TOKEN=*******
  |     ^^^^^^^^^
hint: mount it where it is needed: `RUN --mount=type=secret,id=NAME,env=NAME …`, and change it: it is known now

warning[lone-apt-update]: `apt-get update` in a RUN of its own: the build cache keeps it when the install after it changes
 --> Dockerfile:3:5
  |
3 | RUN apt-get update
  |     ^^^^^^^^^^^^^^
hint: write both in one RUN: `RUN apt-get update && apt-get install -y …`

warning[apt-yes]: `apt-get install` without `-y` asks whether to go on, and nobody answers
 --> Dockerfile:5:5
  |
5 | RUN apt-get install curl
  |     ^^^^^^^^^^^^^^^
hint: write `apt-get install -y`

warning[pipe-to-shell]: what `curl` downloads is run as it comes, and nobody has seen it
 --> Dockerfile:6:5
  |
6 | RUN curl -fsSL https://example.com/install.sh | sh
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: download it to a file, check the file's checksum, then run it; better, take a pinned release

error: 5 findings in 1 file
hint: `deps lint --fix` mends 2 of them

"#]]);
    sandbox.write("good", "FROM debian:12@sha256:0\nRUN make\n");
    sandbox.deps(["lint", "good"]).succeeds().stderr_is(str![[r#"
nothing found in 1 file

"#]]);
}

#[test]
fn notes_are_no_failure_unless_strict() {
    let sandbox = Sandbox::new();
    let run = || sandbox.deps(["lint", "-"]).input("FROM debian:12\n");
    run().succeeds().stderr_is(str![[r#"
note[base-digest]: the tag of `debian:12` can be moved to another image
 --> -:1:6
  |
1 | FROM debian:12
  |      ^^^^^^^^^
hint: name its digest behind the tag: `@sha256:…`; a project of `deps` has it in deps.lock

1 note in 1 file

"#]]);
    sandbox.deps(["lint", "-", "--strict"]).input("FROM debian:12\n").exits(1);
    sandbox.deps(["lint", "-", "--json", "--strict"]).input("FROM debian:12\n").exits(1);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_told() {
    let sandbox = Sandbox::new();
    sandbox.deps(["lint", "--fix", "-"]).exits(2);
    sandbox.write("a", "FROM debian:12\nmake\n");
    sandbox.write("b", "RUN apt-key add k\n");
    sandbox.deps(["lint", "a", "gone", "b", "."]).exits(1).stderr_is(str![[r#"
warning[apt-key]: `apt-key` trusts the key for every repository
 --> b:1:5
  |
1 | RUN apt-key add k
  |     ^^^^^^^^^^^^^
hint: put the key in /usr/share/keyrings and name it in the repository's line: `[signed-by=/usr/share/keyrings/x.gpg]`

error: `make` is no instruction of a Dockerfile
 --> a:2:1
  |
2 | make
  | ^^^^

error: cannot read `gone`: it does not exist

error: cannot read `.`: it is a folder

error: 1 finding in 1 file

"#]]);
}

#[test]
fn a_fix_changes_what_is_mechanical_and_no_other_byte() {
    let sandbox = Sandbox::new();
    sandbox.write("Dockerfile", DOCKERFILE);
    sandbox.deps(["lint", "--fix", "Dockerfile"]).exits(1);
    let lone = "RUN apt-get update\n\nRUN apt-get install curl\n";
    let joined = "RUN apt-get update \\\n    && apt-get install -y curl\n";
    assert_eq!(sandbox.read("Dockerfile"), DOCKERFILE.replace(lone, joined));
    sandbox.write("mechanical", "FROM scratch\nRUN apt-get install curl\n");
    sandbox.deps(["lint", "--fix", "mechanical"]).succeeds().stderr_is(str![[r#"
mended 1 finding
nothing found in 1 file

"#]]);
}

#[test]
fn snippets_of_the_project_are_linted_as_their_options_make_them() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(&format!("{PROJECT}my_tool = {{ path = \"extensions/my_tool\", with = {{ greeting = \"x\" }} }}\nnone = {{ path = \"none\" }}\nuv = \"*\"\n\n[[manifest]]\npath = \"gone.repos\"\ndest = \"/ws\"\n"));
    sandbox.deps(["ext", "new", "my_tool"]).succeeds();
    let snippet = "RUN pip install {{ options.greeting }} y==1 \\\n{% if options.greeting == \"x\" %}\n    --no-cache-dir \\\n{% endif %}\n    z==1\n";
    sandbox.write("extensions/my_tool/builder.Dockerfile", snippet);
    sandbox.deps(["lint", "--fix"]).exits(1).stderr_is(str![[r#"
mended 1 finding
warning[unpinned-pip]: `pip install` of `x` without an exact version takes the newest
 --> extensions/my_tool/builder.Dockerfile:1:17
  |
1 | RUN pip install {{ options.greeting }} y==1 \
  |                 ^^^^^^^^^^^^^^^^^^^^^^
hint: write `NAME==VERSION`; best, install a lock with hashes: `pip install --require-hashes -r requirements.txt`

error: cannot read `none`: it does not exist
 --> deps.toml:7:17
  |
7 | none = { path = "none" }
  |                 ^^^^^^

error: 1 finding in 2 files

"#]]);
    assert_eq!(sandbox.read("extensions/my_tool/builder.Dockerfile"), snippet.replace("    --no-cache-dir \\\n", ""));
}

#[test]
fn the_built_in_extensions_are_clean() {
    let sandbox = Sandbox::new();
    let names: String = builtin_names().iter().map(|name| format!("{name} = \"*\"\n")).collect();
    sandbox.deps_toml(&format!("{PROJECT}{names}"));
    let run = sandbox.deps(["lint", "--strict", "--json"]).succeeds();
    let report: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(report["findings"], Value::Array(Vec::new()));
    let files = report["files"].as_array().unwrap();
    assert!(files.contains(&Value::from("extensions/uv/builder.Dockerfile")), "{files:?}");
}

#[test]
fn the_dockerfile_of_a_project_is_clean() {
    let sandbox = Sandbox::new();
    let digest = "a".repeat(64);
    let base = PROJECT.replace("scratch", &format!("debian:12@sha256:{digest}"));
    sandbox.deps_toml(&format!("{base}uv = \"*\"\nnpm = \"*\"\nuser = \"*\"\n"));
    sandbox.deps(["lock"]).succeeds();
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    sandbox.deps(["lint", "-", "--strict"]).input(&dockerfile).succeeds();
}

#[test]
fn the_report_validates_and_never_holds_a_secret() {
    let sandbox = Sandbox::new();
    sandbox.write("sub dir/Dockerfile", DOCKERFILE);
    let json = sandbox.deps(["lint", "--json", "sub dir/Dockerfile"]).exits(1).stdout();
    let schema = sandbox.deps(["schema", "lint"]).succeeds().stdout();
    let validator = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(validator.is_valid(&serde_json::from_str(&json).unwrap()), "{json}");
    let sarif = sandbox.deps(["lint", "--format", "sarif", "sub dir/Dockerfile"]).exits(1).stdout();
    assert!(!json.contains("hunter2") && !sarif.contains("hunter2"));
    let report: Value = serde_json::from_str(&json).unwrap();
    let log: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let (findings, results) = (report["findings"].as_array().unwrap(), run["results"].as_array().unwrap());
    assert_eq!((findings.len(), results.len()), (5, 5));
    for (finding, result) in findings.iter().zip(results) {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!((&rule["id"], &finding["rule"]), (&result["ruleId"], &result["ruleId"]));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "sub%20dir/Dockerfile");
        assert_eq!(place["region"]["startLine"], finding["line"]);
        assert_eq!(place["region"]["endColumn"], finding["end_column"]);
    }
}
