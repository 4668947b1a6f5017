//! `deps graph`: every form, offline and without an engine.

use crate::support::sandbox::Sandbox;
use snapbox::str;

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    sandbox.git("x").file("a", "1").tag("1.0").commit();
    sandbox.manifest("repositories:\n  \"x <y>\": { type: git, url: https://git.example/x.git, version: 1.0 }\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

#[test]
fn the_text_has_one_line_a_stage() {
    project().deps(["graph"]).succeeds().stdout_is(str![[r#"
stages of robot on linux/amd64
  src-main-5  3c7c24377e7a  pure    1 to run
  runtime     97c32199afe0  pure    no steps
  final       36fbe86c6bc2  pure    1 to run  ← runtime, src-main-5

"#]]);
}

#[test]
fn dot_and_mermaid_are_for_other_programs() {
    let sandbox = project();
    sandbox.deps(["graph", "--format", "dot"]).succeeds().stdout_is(str![[r##"
digraph "robot" {
  rankdir=LR;
  node [shape=box, style="rounded,filled", fontname="sans-serif"];
  "src-main-5" [label="src-main-5\n3c7c24377e7a\npure\n1 to run", fillcolor="#ffd8a8"];
  "runtime" [label="runtime\n97c32199afe0\npure\nno steps", fillcolor="#e9ecef"];
  "final" [label="final\n36fbe86c6bc2\npure\n1 to run", fillcolor="#ffd8a8"];
  "runtime" -> "final";
  "src-main-5" -> "final";
}

"##]]);
    sandbox.deps(["graph", "--format", "mermaid"]).succeeds().stdout_is(str![[r#"
flowchart LR
  s0["src-main-5<br>3c7c24377e7a<br>pure<br>1 to run"]:::run
  s1["runtime<br>97c32199afe0<br>pure<br>no steps"]:::empty
  s2["final<br>36fbe86c6bc2<br>pure<br>1 to run"]:::run
  s1 --> s2
  s0 --> s2
  classDef run fill:#ffd8a8,color:#111
  classDef cached fill:#b2f2bb,color:#111
  classDef empty fill:#e9ecef,color:#111

"#]]);
}

#[test]
fn a_drawing_and_a_page_stand_alone_and_are_the_same_every_time() {
    let sandbox = project();
    let drawing = sandbox.deps(["graph", "--format", "svg"]).succeeds().stdout();
    assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"), "{drawing}");
    let page = sandbox.deps(["graph", "--format", "html"]).succeeds().stdout();
    assert!(page.contains(&drawing) && page.contains("<td>checkouts: x &lt;y&gt;</td>"), "{page}");
    for outside in ["src=", "href=", "url(http", "@import", "<script"] {
        assert!(!page.contains(outside), "{outside} in {page}");
    }
    assert_eq!(sandbox.deps(["graph", "--format", "html"]).succeeds().stdout(), page);
}

#[test]
fn a_platform_that_there_is_not_is_an_error() {
    project().deps(["graph", "--platform", "linux/riscv64"]).exits(2).stderr_is(str![[r#"
error: the project has no platform `linux/riscv64`
hint: it has `linux/amd64`

"#]]);
}

#[test]
fn a_git_revision_tells_which_stages_will_run() {
    let sandbox = project();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        sandbox.program("git", who.iter().chain(arguments).copied()).succeeds();
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "x"]);
    sandbox.deps(["graph", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stages of robot on linux/amd64
  src-main-5  3c7c24377e7a  pure    cached
  runtime     97c32199afe0  pure    no steps
  final       36fbe86c6bc2  pure    cached    ← runtime, src-main-5

"#]]);
    sandbox.git("x").file("a", "2").tag("1.1").commit();
    sandbox.edit("underlay.repos", "version: 1.0", "version: 1.1");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["graph", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stages of robot on linux/amd64
  src-main-5  60c4dd34225f  pure    1 to run
  runtime     97c32199afe0  pure    no steps
  final       101fbdb88421  pure    1 to run  ← runtime, src-main-5

"#]]);
    sandbox.deps(["plan", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
plan for linux/amd64: 3 stages, 3 pure (100 %)
  60c4dd34225f  src-main-5  checkouts: x <y>
    run     ADD fdc1d048f02d /ws/src/x <y>/  (rev of x <y> changed 1.0 → 1.1 (53e03498 → fdc1d048))
  97c32199afe0  runtime     the base with packages and user
  101fbdb88421  final       the image
    run     COPY --from=src-main-5 /ws/src/ /ws/src/  (follows src-main-5)
2 steps: 2 to run, 0 cached, compared with HEAD
image robot has the plan key 4fcba16397140aed8d9a074854564e7d01b479d6f644b06c66e4a9131a9022f6

"#]]);
}
