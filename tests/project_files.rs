//! Inputs that are files of the project: their content decides what is built, and none of them stands outside.

use snapbox::{IntoData as _, str};

use crate::support::sandbox::Sandbox;

const BASE: &str = "debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A project whose Python packages are those of the file that `requirements` names.
fn project(requirements: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"p\"\nbase = \"{BASE}\"\n\n[extensions]\njq = \"*\"\npip = {{ with = {{ requirements = \"{requirements}\" }} }}\n"
    ));
    sandbox.write("python/lock.txt", "six==1.17.0 --hash=sha256:aa\n");
    sandbox
}

/// The keys of the stages, by their names.
fn keys(sandbox: &Sandbox) -> Vec<(String, String)> {
    let plan = sandbox.deps(["plan", "--json"]).succeeds().stdout();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let stages = plan["platforms"][0]["stages"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    stages.iter().map(|stage| (text(&stage["name"]), text(&stage["key"]))).collect()
}

/// The stages whose keys are others in `after`.
fn changed(before: &[(String, String)], after: &[(String, String)]) -> Vec<String> {
    after.iter().filter(|stage| !before.contains(stage)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn a_requirements_file_is_an_input_by_its_content() {
    let sandbox = project("python/lock.txt");
    sandbox.deps(["lock"]).succeeds();
    let lock = sandbox.read("deps.lock");
    let dockerfile = sandbox.deps(["dockerfile"]).succeeds().stdout();
    let steps: Vec<&str> = dockerfile.lines().skip_while(|line| !line.contains("AS pip-builder")).skip(1).collect();
    snapbox::assert_data_eq!(steps[..5].join("\n"), str![[r#"
RUN --mount=type=cache,id=pip-cache,target=/root/.cache/pip,sharing=shared \
    --mount=type=bind,source=trees/b3t-f805b9f327092e98749af5f3fd7dd78ed45c889f69e59ef35411342e15ed3297,target=/deps/in/requirements,readonly \
    python3 -m venv --system-site-packages /opt/deps/pip \
    && /opt/deps/pip/bin/pip install --no-compile --require-hashes --requirement /deps/in/requirements/* \
    && find /opt/deps/pip -name __pycache__ -prune -exec rm -r {} +
"#]].raw());
    let before = keys(&sandbox);
    sandbox.edit("python/lock.txt", "1.17.0", "1.16.0");
    sandbox.deps(["lock", "--check"]).succeeds();
    assert_eq!(changed(&before, &keys(&sandbox)), ["pip-builder", "final"], "{lock}");
    sandbox.edit("python/lock.txt", "1.16.0", "1.17.0");
    assert_eq!(keys(&sandbox), before);
    std::fs::rename(sandbox.path("python"), sandbox.path("other")).unwrap();
    sandbox.edit("deps.toml", "python/lock.txt", "./other/lock.txt");
    assert_eq!(keys(&sandbox), before, "the folder of a file is in no key");
    sandbox.edit("deps.toml", "./other/lock.txt", "");
    assert!(!sandbox.deps(["dockerfile"]).succeeds().stdout().contains("requirements"));
}

#[test]
fn a_folder_of_the_project_is_an_input_with_all_its_files() {
    let sandbox = project("");
    sandbox.edit("deps.toml", "jq = \"*\"", "tool = { path = \"tool\" }");
    sandbox.write("tool/extension.toml", "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\n\n[inputs.config]\nproject = \"config/\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\n");
    sandbox.write("tool/b.Dockerfile", "RUN cp -r /deps/in/config {{ out }}\n");
    sandbox.deps(["plan"]).exits(1).stderr_is(str![[r#"
error: cannot read `config`: it does not exist
 --> tool/extension.toml:7:11
  |
7 | project = "config/"
  |           ^^^^^^^^^

"#]]);
    std::fs::create_dir(sandbox.path("config")).unwrap();
    sandbox.deps(["plan"]).exits(1).stderr_is(str![[r#"
error: cannot read `config`: it is a folder without files
 --> tool/extension.toml:7:11
  |
7 | project = "config/"
  |           ^^^^^^^^^

"#]]);
    sandbox.write("config/a/b.toml", "b = 1\n");
    sandbox.write("config/run", "#!/bin/sh\n");
    sandbox.deps(["lock"]).succeeds();
    let before = keys(&sandbox);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(sandbox.path("config/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(changed(&before, &keys(&sandbox)), ["tool-builder"], "nothing of it is in the image");
}

/// A project whose extension has the folder `data` with `count` files, of which the engine is told nothing.
fn with_data(count: usize) -> Sandbox {
    let sandbox = project("");
    sandbox.edit("deps.toml", "jq = \"*\"", "tool = { path = \"tool\" }");
    sandbox.write("tool/extension.toml", "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\n\n[inputs.data]\nproject = \"data\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\n");
    sandbox.write("tool/b.Dockerfile", "RUN cp -r /deps/in/data {{ out }}\n");
    (0..count).for_each(|number| sandbox.write(&format!("data/{}/{number}", number % 9), &format!("{number:06}")));
    sandbox
}

/// Makes a file as old as those that a run remembers: one that was changed just before is read again.
fn settle() {
    std::thread::sleep(std::time::Duration::from_millis(2_100));
}

#[test]
fn what_earlier_runs_know_of_a_large_folder_changes_no_key() {
    let sandbox = with_data(120);
    sandbox.deps(["lock"]).succeeds();
    let before = keys(&sandbox);
    settle();
    assert_eq!(keys(&sandbox), before);
    let notes = sandbox.store().join("hashes");
    let notes: Vec<_> = std::fs::read_dir(&notes).unwrap().map(|note| note.unwrap().path()).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(keys(&sandbox), before, "known now");
    // The same size, and the same time of the last change of its content.
    let file = sandbox.path("data/5/5");
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    sandbox.write("data/5/5", "500000");
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    let after = keys(&sandbox);
    assert_eq!(changed(&before, &after), ["tool-builder"]);
    std::fs::write(&notes[0], "damaged").unwrap();
    assert_eq!(keys(&sandbox), after);
    sandbox.write("data/5/5", "000005");
    assert_eq!(keys(&sandbox), before);
}

#[test]
fn a_large_folder_is_told_by_the_folder_in_it_that_changed() {
    let sandbox = with_data(1_200);
    sandbox.deps(["lock"]).succeeds();
    for arguments in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "all"]] {
        let name = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        sandbox.program("git", [&name[..], arguments].concat()).succeeds();
    }
    sandbox.write("data/3/3", "another");
    sandbox.deps(["why", "tool-builder", "--against", "HEAD"]).succeeds().stdout_is(str![[r#"
stage tool-builder changed since HEAD: 4a99c1b6b3cd → ceb6971440f4
  file changed: data/3/ of tool

"#]]);
}

#[test]
fn a_file_that_is_missing_or_outside_is_told_where_the_project_names_it() {
    let sandbox = project("python/lokc.txt");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: cannot read `python/lokc.txt`: it does not exist
 --> deps.toml:7:33
  |
7 | pip = { with = { requirements = "python/lokc.txt" } }
  |                                 ^^^^^^^^^^^^^^^^^

"#]]);
    assert!(!sandbox.has("deps.lock"));
    sandbox.edit("deps.toml", "python/lokc.txt", "../lock.txt");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `../lock.txt` is not the plain path of a file or folder inside the project
 --> deps.toml:7:33
  |
7 | pip = { with = { requirements = "../lock.txt" } }
  |                                 ^^^^^^^^^^^^^

"#]]);
    std::os::unix::fs::symlink("/etc/hostname", sandbox.path("python/link")).unwrap();
    sandbox.edit("deps.toml", "../lock.txt", "python/link");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `python/link` leads out of the project's folder
 --> deps.toml:7:33
  |
7 | pip = { with = { requirements = "python/link" } }
  |                                 ^^^^^^^^^^^^^
hint: copy it into the project: a build must not depend on what stands around it

"#]]);
}
