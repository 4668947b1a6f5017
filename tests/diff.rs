//! `deps diff`: what a branch changes, told in the order of risk; offline and without an engine.

mod entries;
pub(crate) mod project;

use self::project::{BASE, begin, commit, git, served_as};
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project on a branch of its own, with a commit on `main` below it.
fn project() -> Sandbox {
    let sandbox = served_as("github.com");
    sandbox.git("acme/nav2").file("package.xml", "1").tag("1.2.0").commit();
    sandbox.git("acme/nav2").file("package.xml", "2").tag("1.3.0").commit();
    sandbox.git("acme/msgs").file("package.xml", "1").commit();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"robot\"\nbase = \"{BASE}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [extensions]\napt = {{ with = {{ packages = [\"curl\"] }} }}\n"
    ));
    sandbox.manifest(
        "repositories:\n  core/msgs: { type: git, url: https://github.com/acme/msgs.git, version: main }\n  \
         core/nav2: { type: git, url: https://github.com/acme/nav2.git, version: 1.2.0 }\n",
    );
    begin(&sandbox);
    git(&sandbox, &["checkout", "--quiet", "-b", "feature"]);
    sandbox
}

/// What a branch changes in a week.
fn worked_on() -> Sandbox {
    let sandbox = project();
    sandbox.git("acme/msgs").file("package.xml", "2").commit();
    sandbox.edit("underlay.repos", "1.2.0", "1.3.0");
    sandbox.edit("deps.toml", "\"curl\"", "\"curl\", \"jq\"");
    sandbox.deps(["update"]).succeeds();
    sandbox
}

#[test]
fn a_branch_is_compared_with_where_it_left_main() {
    let sandbox = worked_on();
    commit(&sandbox);
    sandbox.servers_stopped(|sandbox| {
        let run = sandbox.deps(["diff"]).succeeds().stdout_is(str![[r#"
main (a03f4827) → the work tree

Versions
  ~ repo core/msgs  main 01cd6ec1 → 28b82a2a
      https://github.com/acme/msgs/compare/01cd6ec1852c...28b82a2a3f31
  ~ repo core/nav2  1.2.0 → 1.3.0  minor
      https://github.com/acme/nav2/compare/01cd6ec1852c...28b82a2a3f31

Extensions
  ~ ext apt  1.0.0, other options
      option packages: curl → curl,jq

Stages that rebuild: 4 of 4
  ~ stage src-main-1  rev of core/msgs changed 01cd6ec1 → 28b82a2a (main)
  ~ stage src-main-b  rev of core/nav2 changed 1.2.0 → 1.3.0 (01cd6ec1 → 28b82a2a)
  ~ stage runtime     package added: jq
  ~ stage final       follows runtime, src-main-1, src-main-b

"#]]);
        let before = run.stdout();
        // What happens on main meanwhile is no change of the branch.
        git(sandbox, &["checkout", "--quiet", "main"]);
        sandbox.edit("deps.toml", "\"curl\"", "\"vim\"");
        commit(sandbox);
        git(sandbox, &["checkout", "--quiet", "feature"]);
        assert_eq!(sandbox.deps(["diff"]).succeeds().stdout(), before);
        let (_, changes) = before.split_once('\n').expect("the first line names both sides");
        let expected = format!("where feature left main (a03f4827) → feature (023407bc)\n{changes}");
        assert_eq!(sandbox.deps(["diff", "main...feature"]).succeeds().stdout(), expected);
    });
}

#[test]
fn a_hostile_fork_is_the_first_line_and_the_exit_code_says_that_there_is_one() {
    let sandbox = project();
    sandbox.git("acme-fork/nav2").file("package.xml", "evil").tag("1.2.0").commit();
    sandbox.edit("underlay.repos", "acme/nav2.git", "acme-fork/nav2.git");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["diff", "HEAD", "--exit-code"]).exits(1).stdout_is(str![[r#"
HEAD (a03f4827) → the work tree

Where things come from
  ! repo core/nav2  owner acme → acme-fork
      was https://github.com/acme/nav2.git
      now https://github.com/acme-fork/nav2.git

Integrity
  ! repo core/nav2  tag 1.2.0 is another commit: 01cd6ec1 → 918dac03

Versions
  ~ repo core/nav2  1.2.0 01cd6ec1 → 918dac03

Stages that rebuild: 2 of 4
  ~ stage src-main-b  rev of core/nav2 changed 01cd6ec1 → 918dac03 (1.2.0)
  ~ stage final       follows src-main-b

"#]]);
    sandbox.deps(["diff", "HEAD", "--markdown"]).succeeds().stdout_is(str![[r#"
<!-- deps diff -->
### `deps diff`: `HEAD` (a03f4827) → `the work tree`

#### Where things come from

- ⚠️ repo `core/nav2`: owner `acme` → `acme-fork`
  - was `https://github.com/acme/nav2.git`
  - now `https://github.com/acme-fork/nav2.git`

#### Integrity

- ⚠️ repo `core/nav2`: tag `1.2.0` is another commit: `01cd6ec1` → `918dac03`

#### Versions

- repo `core/nav2`: `1.2.0` `01cd6ec1` → `918dac03`

#### Stages that rebuild: 2 of 4

- stage `src-main-b`: `rev of core/nav2 changed 01cd6ec1 → 918dac03 (1.2.0)`
- stage `final`: follows `src-main-b`

"#]]);
}

#[test]
fn a_change_of_words_rebuilds_nothing() {
    let sandbox = project();
    sandbox.deps(["diff", "--exit-code"]).succeeds().stdout_is(str![[r#"
main (a03f4827) → the work tree
nothing changed

"#]]);
    sandbox.edit("deps.toml", "[project]", "# our robot\n[project]");
    sandbox.deps(["diff"]).succeeds().stdout_is(str![[r#"
main (a03f4827) → the work tree

Changes that rebuild nothing
  ~ file deps.toml  written otherwise (order, comments, spelling)

"#]]);
}

#[test]
fn what_cannot_be_planned_is_compared_by_its_lock() {
    let sandbox = worked_on();
    let whole = sandbox.deps(["diff", "main"]).succeeds().stdout();
    let (entries, _) = whole.split_once("Stages that rebuild").expect("they are told last");
    let compared = |entries: &str, why: &str| {
        let expected = format!("{entries}note: stages are not compared: in the work tree, {why}\n");
        assert_eq!(sandbox.deps(["diff", "main"]).succeeds().stdout(), expected);
    };
    sandbox.edit("underlay.repos", "1.3.0", "1.2.0");
    compared(entries, "deps.lock is out of date");
    sandbox.write("deps.toml", "[project]\n");
    let (versions, _) = entries.split_once("Extensions").expect("options have changed");
    compared(versions, "`project` has no `name`");
    sandbox.write("deps.lock", "<<<<<<< ours\n");
    sandbox.deps(["diff", "main"]).exits(3).stderr_is(str![[r#"
error: line 1 is a conflict marker that a merge left
 --> deps.lock:1:1
  |
1 | <<<<<<< ours
  | ^^^^^^^^^^^^
hint: to merge its sides, resolve the conflicts of the manifests, then run `deps lock`

"#]]);
}

#[test]
fn two_lock_files_need_no_project() {
    let sandbox = Sandbox::new();
    let lock = |version: &str, rev: &str| {
        let rev = rev.repeat(40);
        format!(
            "schema = 1\n\n[repo.\"core/nav2\"]\nref = \"{version}\"\nrev = \"{rev}\"\nurl = \"https://github.com/acme/nav2.git\"\n"
        )
    };
    sandbox.write("old.lock", &lock("1.2.0", "a"));
    sandbox.write("new.lock", &lock("1.1.0", "b"));
    sandbox.deps(["diff", "old.lock", "new.lock"]).succeeds().stdout_is(str![[r#"
old.lock → new.lock

Integrity
  ! repo core/nav2  1.2.0 → 1.1.0 is an older version

Versions
  ~ repo core/nav2  1.2.0 → 1.1.0, back  minor
      https://github.com/acme/nav2/compare/aaaaaaaaaaaa...bbbbbbbbbbbb

note: these are locks alone: which stages rebuild is not known

"#]]);
    sandbox.deps(["diff", "old.lock", "no.lock"]).exits(1).stderr_is(str![[r#"
error: there is no `deps.toml` in `[ROOT]/project` or a folder above
hint: go to the project's folder, or write a `deps.toml`

"#]]);
}

#[test]
fn without_git_or_an_upstream_the_way_out_is_told() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml("[project]\nname = \"robot\"\nbase = \"scratch\"\n");
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["diff"]).exits(1).stderr_is(str![[r#"
error: cannot read the project at `HEAD`: the project is in no git repository
hint: to compare with another revision, name it: `deps diff HEAD`

"#]]);
    git(&sandbox, &["init", "--quiet", "--initial-branch=work"]);
    sandbox.deps(["diff"]).exits(1).stderr_is(str![[r#"
error: cannot read the project at `HEAD`: no branch is its upstream
hint: to compare with another revision, name it: `deps diff HEAD`

"#]]);
    sandbox.deps(["diff", "nowhere"]).exits(1).stderr_is(str![[r#"
error: cannot read the project at `nowhere`: the repository has no commit `nowhere`

"#]]);
}

#[test]
fn json_is_what_its_schema_says_and_a_page_loads_nothing() {
    let sandbox = worked_on();
    let json: serde_json::Value = serde_json::from_str(&sandbox.deps(["diff", "--json"]).succeeds().stdout()).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&sandbox.deps(["schema", "diff"]).succeeds().stdout()).unwrap();
    let errors: Vec<String> =
        jsonschema::draft202012::new(&schema).unwrap().iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let sections: Vec<&str> =
        json["sections"].as_array().unwrap().iter().map(|section| section["section"].as_str().unwrap()).collect();
    assert_eq!(sections, ["versions", "extensions", "stages"]);
    let page = sandbox.deps(["diff", "--html"]).succeeds().stdout();
    for loading in ["<script", "<link", "<img", "src=", "url(", "@import", "<iframe"] {
        assert!(!page.contains(loading), "{loading}:\n{page}");
    }
    assert!(
        page.contains("<td>repo <code>core/nav2</code></td><td><code>1.2.0</code> → <code>1.3.0</code> <b>minor</b>")
    );
}
