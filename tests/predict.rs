//! What `deps plan` says before a build, and what a real engine then does. Needs an engine; `make test` brings one.

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

/// A project of two tools, three repositories and a user; new to the engine each time.
fn project(engine: &Engine) -> Sandbox {
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let unique = sandbox.root().to_string_lossy().into_owned();
    for name in ["a", "b", "c"] {
        sandbox.git(name).file("f", &format!("{name} 1 {unique}")).tag("1.0.0").commit();
        sandbox.git(name).file("f", &format!("{name} 2 {unique}")).tag("1.1.0").commit();
    }
    sandbox.deps_toml(&format!(
        "[project]\nname = \"foreseen\"\nbase = \"{}\"\n\n[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n\n\
         [extensions]\none = {{ path = \"one\", with = {{ word = \"a\" }} }}\ntwo = {{ path = \"two\" }}\nuser = \"*\"\n",
        engine.base()
    ));
    let entry = |name| format!("  {name}: {{ type: git, url: https://git.example/{name}.git, version: 1.0.0 }}\n");
    sandbox.manifest(&format!("repositories:\n{}", ["a", "b", "c"].map(entry).concat()));
    for name in ["one", "two"] {
        sandbox.write(
            &format!("{name}/extension.toml"),
            &format!(
                "[extension]\nname = \"{name}\"\nversion = \"1.0.0\"\nsummary = \"x\"\n\
                 [options.word]\ntype = \"string\"\ndefault = \"z\"\nhelp = \"x\"\n\
                 [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\n\
                 copy = [{{ from = \"bin/\", to = \"/usr/local/bin/\" }}, {{ from = \"etc/\", to = \"/etc/{name}/\" }}]\n\
                 [user]\nsnippet = \"u.Dockerfile\"\n"
            ),
        );
        sandbox.write(
            &format!("{name}/b.Dockerfile"),
            &format!("RUN mkdir -p {{{{ out }}}}/bin {{{{ out }}}}/etc # {unique}\nENV N={name}\nRUN echo {{{{ options.word }}}} {unique} > {{{{ out }}}}/bin/$N && touch {{{{ out }}}}/etc/f\n"),
        );
        sandbox.write(&format!("{name}/u.Dockerfile"), &format!("RUN echo {unique} > ~/{name}\n"));
    }
    sandbox
}

/// Whether the summary of a build says so.
fn is_as_predicted(stderr: &str) -> bool {
    stderr.lines().any(|line| line.starts_with("built ") && line.ends_with("s, as predicted"))
}

/// How many steps the plan says will run; and the build does just that.
fn built_as_foreseen(sandbox: &Sandbox) -> usize {
    sandbox.deps(["lock"]).succeeds();
    let plan: Value = serde_json::from_str(&sandbox.deps(["plan", "--json"]).succeeds().stdout()).unwrap();
    let run = sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    assert!(is_as_predicted(&run.stderr()), "{run}\n{plan:#}");
    usize::try_from(plan["platforms"][0]["run"].as_u64().expect("a number")).unwrap()
}

/// The steps that the plan says will run, with their reasons, a line each.
fn to_run(sandbox: &Sandbox) -> String {
    let plan = sandbox.deps(["plan"]).succeeds().stdout();
    let lines = plan.lines().filter(|line| line.starts_with("    run "));
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn what_the_plan_says_is_what_the_engine_does() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine);
    sandbox.deps(["lock"]).succeeds();
    let first = sandbox.deps(["plan"]).succeeds().stdout();
    assert!(first.contains("steps, all to run: first build on this engine\n"), "{first}");
    sandbox.deps(["build", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    assert_eq!((to_run(&sandbox).as_str(), built_as_foreseen(&sandbox)), ("", 0), "nothing changed");

    sandbox.edit("underlay.repos", "b.git, version: 1.0.0", "b.git, version: 1.1.0");
    sandbox.deps(["lock"]).succeeds();
    let bumped = to_run(&sandbox);
    assert!(bumped.contains("(rev of b changed 1.0.0 → 1.1.0 ("), "{bumped}");
    assert_eq!(built_as_foreseen(&sandbox), bumped.lines().count());
    let why = sandbox.deps(["why", "final"]).succeeds().stdout();
    assert!(why.starts_with("stage final has not changed since the last build: "), "{why}");

    // A user that no other test makes: steps without anything else of a project's own are there for all.
    let unique = sandbox.root().to_string_lossy().to_lowercase();
    let ada = format!("ada{}", unique.rsplit('-').next().expect("a suffix"));
    let named = format!("user = {{ with = {{ name = \"{ada}\" }} }}");
    sandbox.edit("deps.toml", "user = \"*\"", &named);
    let renamed = to_run(&sandbox);
    assert!(renamed.contains(&format!("(argument DEPS_USER_NAME changed `dev` → `{ada}`)")), "{renamed}");
    // No builder, no source, and of the layers only where they are put.
    assert!(!renamed.contains("mkdir -p /opt/deps") && !renamed.contains("COPY --from=src"), "{renamed}");
    assert_eq!(built_as_foreseen(&sandbox), renamed.lines().count());

    sandbox.edit("deps.toml", "word = \"a\"", "word = \"b\"");
    let why = sandbox.deps(["why", "one-builder"]).succeeds().stdout();
    assert!(why.ends_with("\n  option word of one changed `a` → `b`\n"), "{why}");
    assert!(to_run(&sandbox).contains("(option word of one changed `a` → `b`)"));
    assert!(built_as_foreseen(&sandbox) > 0);

    // Everything as it was at first: the engine still has it.
    sandbox.edit("deps.toml", "word = \"b\"", "word = \"a\"");
    sandbox.edit("deps.toml", &named, "user = \"*\"");
    sandbox.edit("underlay.repos", "b.git, version: 1.1.0", "b.git, version: 1.0.0");
    assert_eq!(built_as_foreseen(&sandbox), 0);
}

#[test]
fn a_package_more_runs_its_step_and_what_stands_on_it() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = project(&engine);
    sandbox.deps(["build", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    sandbox.edit("deps.toml", "[extensions]\n", "[extensions]\napt = { with = { packages = [\"hello\"] } }\n");
    sandbox.deps(["lock"]).succeeds();
    let planned = to_run(&sandbox);
    assert!(planned.contains("(package added: hello)"), "{planned}");
    assert!(!planned.contains("mkdir -p /opt/deps"), "no builder: {planned}");
    // The engine may have the step of another test, which runs the same packages.
    let run = sandbox.deps(["build", "--frozen", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    let all_ran = is_as_predicted(&run.stderr());
    assert!(all_ran || run.stderr().contains("but the engine had its result"), "{run}");
    assert_eq!(built_as_foreseen(&sandbox), 0);
}

#[test]
fn what_the_engine_does_otherwise_is_said_with_both_sides() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine);
    sandbox.deps(["build", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    // Another store knows nothing of what this engine has.
    let other = |arguments: &[&str]| {
        let store = sandbox.root().join("other").to_string_lossy().into_owned();
        sandbox.deps(arguments.iter().copied()).env("DEPS_STORE", &store).succeeds()
    };
    let run = other(&["build", "--no-skip", "-t", "deps-test/foreseen"]);
    let stderr = run.stderr();
    assert!(stderr.contains("steps were on this engine already: somebody else has built them there\n"), "{run}");
    // Here, what is noted of the engine is taken away, as if the engine had been another one.
    sandbox.edit("deps.toml", "word = \"a\"", "word = \"q\"");
    other(&["build", "--no-skip", "-t", "deps-test/foreseen"]);
    sandbox.edit("deps.toml", "word = \"q\"", "word = \"a\"");
    sandbox.deps(["build", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    sandbox.edit("deps.toml", "word = \"a\"", "word = \"q\"");
    let run = sandbox.deps(["build", "--no-skip", "-t", "deps-test/foreseen"]).succeeds();
    assert!(run.stderr().contains(" did otherwise than predicted:\n  one-builder: RUN 3 was to run (option word of one changed `a` → `q`), but the engine had its result\n"), "{run}");
    let ignored = sandbox.deps(["build", "--no-skip", "-t", "deps-test/foreseen", "--no-cache"]).succeeds();
    assert!(is_as_predicted(&ignored.stderr()), "{ignored}");
}

#[test]
fn a_review_says_how_long_a_stage_took_when_it_was_built_last() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = project(&engine);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        sandbox.program("git", identity.iter().chain(arguments)).succeeds();
    };
    sandbox.edit("one/b.Dockerfile", "RUN echo", "RUN sleep 1.1 && echo");
    sandbox.deps(["lock"]).succeeds();
    git(&["init", "--quiet", "."]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "x"]);
    sandbox.deps(["build", "--frozen", "-t", "deps-test/foreseen"]).succeeds();
    sandbox.edit("deps.toml", "word = \"a\"", "word = \"b\"");
    sandbox.deps(["lock"]).succeeds();
    let report: Value = serde_json::from_str(&sandbox.deps(["diff", "HEAD", "--json"]).succeeds().stdout()).unwrap();
    let sections = report["sections"].as_array().unwrap();
    let stages = sections.iter().find(|section| section["section"] == "stages").unwrap();
    let changes = stages["changes"].as_array().unwrap();
    let builder = changes.iter().find(|row| row["name"] == "one-builder").unwrap();
    assert!(builder["seconds"].as_f64().unwrap() >= 1.1, "it slept: {report:#}");
    let text = sandbox.deps(["diff", "HEAD"]).succeeds().stdout();
    let line = text.lines().find(|line| line.contains("~ stage one-builder")).unwrap();
    assert!(line.ends_with("s last time"), "{text}");
}
