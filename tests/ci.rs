//! What `examples/ci`, `action.yml` and `.pre-commit-hooks.yaml` bring for CI systems and bots.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use regex::Regex;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::support::sandbox::Sandbox;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What Renovate reads from one match of the preset, and where it writes what is new.
struct Found {
    name: String,
    source: String,
    value: String,
    digest: Option<String>,
    /// Where the value and the digest stand in the file.
    places: Vec<(std::ops::Range<usize>, &'static str)>,
}

/// Every match of the preset's managers in a file of this name, as Renovate makes them: a manager whose pattern matches the path,
/// its regular expressions, and its templates.
fn found(path: &str, text: &str) -> Vec<Found> {
    let preset = std::fs::read_to_string(top().join("examples/ci/renovate-preset.json")).unwrap();
    let preset: Value = serde_json::from_str(&preset).unwrap();
    let mut all = Vec::new();
    for manager in preset["customManagers"].as_array().unwrap() {
        let pattern = manager["managerFilePatterns"][0].as_str().unwrap();
        let pattern =
            pattern.strip_prefix('/').and_then(|pattern| pattern.strip_suffix('/')).expect("a pattern, no glob");
        if !Regex::new(pattern).unwrap().is_match(path) {
            continue;
        }
        for expression in manager["matchStrings"].as_array().unwrap() {
            let expression = Regex::new(expression.as_str().unwrap()).unwrap();
            all.extend(expression.captures_iter(text).map(|captures| {
                let group = |name| captures.name(name).map(|group| group.as_str().to_owned());
                let place = |name| captures.name(name).map(|group| (group.range(), name));
                Found {
                    name: group("depName").or(group("packageName")).expect("each match has a name"),
                    source: manager["datasourceTemplate"].as_str().unwrap().to_owned(),
                    value: group("currentValue").expect("each match has a value"),
                    digest: group("currentDigest"),
                    places: ["currentValue", "currentDigest"].into_iter().filter_map(place).collect(),
                }
            }));
        }
    }
    all
}

/// The file after Renovate has moved what is called `name` to this value and digest.
fn renovated(path: &str, text: &str, name: &str, value: &str, digest: &str) -> String {
    let mut places: Vec<_> =
        found(path, text).into_iter().filter(|found| found.name == name).flat_map(|found| found.places).collect();
    assert!(!places.is_empty(), "{name} in {path}");
    places.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.to_owned();
    for (range, group) in places {
        text.replace_range(range, if group == "currentValue" { value } else { digest });
    }
    text
}

const MANIFEST: &str = "\
repositories:
  core/nav2:
    type: git
    url: https://github.com/acme/nav2.git
    version: 1.2.0   # the newest
  core/msgs:
    type: git
    url: 'git@github.com:acme/msgs'
    version: main
  tools/plot: { type: git, url: https://gitlab.com/acme/group/plot.git, version: v0.3.1 }
  driver:
    type: git
    url: https://github.com/acme/driver.git
    version: ^2.0
";

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    let redirect = |host: &str| format!("\tinsteadOf = https://{host}/acme/\n\tinsteadOf = git@{host}:acme/\n");
    let hosts = [redirect("github.com"), redirect("gitlab.com")].concat();
    sandbox.git_config(&format!("[url \"$GIT/\"]\n{hosts}\tinsteadOf = https://gitlab.com/acme/group/\n"));
    sandbox.git("nav2").file("f", "1").tag("1.2.0").commit();
    sandbox.git("msgs").file("f", "1").branch("main").commit();
    sandbox.git("plot").file("f", "1").tag("v0.3.1").commit();
    sandbox.git("driver").file("f", "1").tag("2.0.0").commit();
    sandbox.manifest(MANIFEST);
    sandbox.deps(["lock"]).succeeds();
    sandbox
}

#[test]
fn renovate_finds_what_has_a_version_in_the_lock_and_in_the_manifest_by_the_same_name() {
    let sandbox = project();
    let told = |path: &str, text: &str| -> String {
        let line = |found: Found| {
            let digest = found.digest.map_or("", |digest| if digest.contains(':') { " + digest" } else { " + rev" });
            format!("{} {} {}{digest}\n", found.source, found.name, found.value)
        };
        found(path, text).into_iter().map(line).collect()
    };
    let in_lock = told("deps.lock", &sandbox.read("deps.lock"));
    assert_data_eq!(
        in_lock,
        str![[r#"
github-tags acme/nav2 1.2.0 + rev
gitlab-tags acme/group/plot v0.3.1 + rev
git-refs git@github.com:acme/msgs main + rev

"#]]
    );
    let in_manifest = told("robot/underlay.repos", MANIFEST);
    assert_data_eq!(
        in_manifest,
        str![[r#"
github-tags acme/nav2 1.2.0
gitlab-tags acme/group/plot v0.3.1

"#]]
    );
    let images = "schema = 1\n\n[image.\"base\"]\nref = \"ubuntu:24.04\"\ndigest = \"sha256:".to_owned()
        + &"a".repeat(64)
        + "\"\n";
    assert_eq!(told("deps.lock", &images), "docker ubuntu 24.04 + digest\n");
    let project = "[project]\nname = \"p\"\nbase = \"ubuntu:24.04\"\nbuilder-base = \"127.0.0.1:5000/team/base:1.0\"\n";
    assert_eq!(told("deps.toml", project), "docker ubuntu 24.04\ndocker 127.0.0.1:5000/team/base 1.0\n");
    assert_eq!(told("README.md", MANIFEST), "");
    // Its repositories are folders of this machine: nothing for a bot.
    for path in ["deps.lock", "deps.toml", "quickstart.repos"] {
        let text = std::fs::read_to_string(top().join("examples/quickstart").join(path)).unwrap();
        assert_eq!(told(path, &text), "", "{path}");
    }
}

#[test]
fn renovate_updates_of_lock_and_manifest_together_are_a_lock_that_is_up_to_date() {
    let sandbox = project();
    let rev = sandbox.git("nav2").file("f", "2").tag("1.3.0").commit();
    let lock = renovated("deps.lock", &sandbox.read("deps.lock"), "acme/nav2", "1.3.0", &rev);
    sandbox.write("deps.lock", &lock);
    sandbox.deps(["lock", "--check"]).exits(3);
    let manifest = renovated("underlay.repos", MANIFEST, "acme/nav2", "1.3.0", "");
    sandbox.manifest(&manifest);
    sandbox.deps(["lock", "--check"]).succeeds();
    assert_eq!(manifest.replace("1.3.0", "1.2.0"), MANIFEST);

    let rev = sandbox.git("msgs").file("f", "2").branch("main").commit();
    let lock = renovated("deps.lock", &lock, "git@github.com:acme/msgs", "main", &rev);
    sandbox.write("deps.lock", &lock);
    sandbox.deps(["lock", "--check"]).succeeds();
    sandbox.deps(["update"]).succeeds();
    assert_eq!(sandbox.read("deps.lock"), lock, "Renovate has written what `deps update` writes");
}

/// The comments of one pull request, as both forges serve them.
#[derive(Default)]
struct Comments {
    all: Vec<(u64, String)>,
    /// Method, path and credential of each request.
    requests: Vec<String>,
}

/// Serves comments until the test ends, and returns where.
fn serve(comments: &Arc<Mutex<Comments>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let comments = Arc::clone(comments);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&mut stream.unwrap(), &mut comments.lock().unwrap());
        }
    });
    address
}

fn answer(stream: &mut TcpStream, comments: &mut Comments) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| lines.iter().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
    let length = header("content-length: ").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (method, path) = lines[0].rsplit_once(' ').unwrap().0.split_once(' ').unwrap();
    let credential = header("authorization: ").or(header("private-token: ")).unwrap_or_default();
    comments.requests.push(format!("{method} {path} {credential}"));
    let text = || serde_json::from_slice::<Value>(&body).unwrap()["body"].as_str().unwrap().to_owned();
    match method {
        "GET" => {}
        "POST" => comments.all.push((1000 + comments.all.len() as u64, text())),
        _ => {
            let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
            comments.all.iter_mut().find(|(known, _)| *known == id).unwrap().1 = text();
        }
    }
    let page = path.split("&page=").nth(1).map_or(1, |page| page.parse().unwrap());
    let shown = comments.all.iter().skip((page - 1) * 100).take(100);
    let shown: Vec<Value> = shown.map(|(id, body)| json!({ "id": id, "body": body })).collect();
    let text = Value::from(shown).to_string();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len()).unwrap();
}

/// A project with a lock in a git repository: a base commit, then a bumped one.
fn pull_request(sandbox: &Sandbox) {
    for arguments in [vec!["init", "-q", "-b", "main"], vec!["add", "-A"], vec!["commit", "-qm", "base"]] {
        sandbox.program("/usr/bin/env", [vec!["git"], arguments].concat()).succeeds();
    }
    sandbox.git("nav2").file("f", "2").tag("1.3.0").commit();
    sandbox.edit("underlay.repos", "version: 1.2.0", "version: 1.3.0");
    sandbox.deps(["lock"]).succeeds();
    sandbox.program("/usr/bin/env", ["git", "commit", "-qam", "bump"]).succeeds();
}

/// A folder with `deps`, as `make install` names the program.
fn installed(sandbox: &Sandbox) -> String {
    let folder = sandbox.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let link = folder.join("deps");
    if !link.exists() {
        std::os::unix::fs::symlink(Path::new(env!("CARGO_BIN_EXE_deps-cli")), link).unwrap();
    }
    format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display())
}

#[test]
fn a_pull_request_has_one_comment_which_every_push_updates() {
    let sandbox = project();
    sandbox.write(
        "../home/.gitconfig",
        &(sandbox.read("../home/.gitconfig") + "[user]\n\tname = A\n\temail = a@example.com\n"),
    );
    pull_request(&sandbox);
    let comments = Arc::new(Mutex::new(Comments::default()));
    // Somebody else's come first, more than a page of them.
    comments.lock().unwrap().all = (0..100).map(|id| (id, format!("comment {id}: <!-- deps diff -->"))).collect();
    let address = serve(&comments);
    let review = top().join("examples/ci/review").to_string_lossy().into_owned();
    let forges: BTreeMap<&str, [(&str, &str); 4]> = BTreeMap::from([
        (
            "github",
            [("GITHUB_API_URL", &*address), ("GITHUB_REPOSITORY", "acme/robot"), ("DEPS_PULL_REQUEST", "7"), ("X", "")],
        ),
        ("gitlab", [("CI_API_V4_URL", &*address), ("CI_PROJECT_ID", "3"), ("CI_MERGE_REQUEST_IID", "7"), ("X", "")]),
    ]);
    let run = |forge: &str| {
        let program = sandbox.program(&review, [forge]).env("PATH", &installed(&sandbox));
        let program = program.env("DEPS_BASE", "HEAD^1").env("DEPS_TOKEN", "s3cret");
        forges[forge].iter().fold(program, |program, (name, value)| program.env(name, value))
    };
    let first = run("github").succeeds();
    assert!(!first.stderr().contains("warning"), "{first}");
    let text = comments.lock().unwrap().all[100].1.clone();
    assert!(text.starts_with("<!-- deps diff -->\n") && text.contains("1.2.0") && text.contains("1.3.0"), "{text}");

    sandbox.edit("underlay.repos", "version: main", "version: heads/main");
    sandbox.program("/usr/bin/env", ["git", "commit", "-qam", "a manifest without its lock"]).succeeds();
    run("github").exits(3);
    {
        let comments = comments.lock().unwrap();
        assert_eq!(comments.all.len(), 101);
        assert!(
            comments.all[100]
                .1
                .ends_with("**`deps.lock` is out of date:** run `deps lock` and commit what it writes.\n")
        );
        assert!(comments.requests.iter().all(|request| request.ends_with(" bearer s3cret")), "{:?}", comments.requests);
    }
    run("gitlab").exits(3);
    let comments = comments.lock().unwrap();
    let last: Vec<&str> = comments.requests.iter().rev().take(3).rev().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "GET /projects/3/merge_requests/7/notes?per_page=100&page=1 s3cret",
            "GET /projects/3/merge_requests/7/notes?per_page=100&page=2 s3cret",
            "PUT /projects/3/merge_requests/7/notes/1100 s3cret"
        ]
    );
}

/// What the action and the hook name exists, and every program in them is spelled as a shell reads it.
#[test]
fn the_files_for_ci_systems_are_well_formed() {
    let sandbox = Sandbox::new();
    let read = |path: &str| std::fs::read_to_string(top().join(path)).unwrap();
    let action = read("action.yml");
    for path in ["examples/ci/review", "Makefile"] {
        assert!(top().join(path).exists());
    }
    assert!(action.contains("examples/ci/review") && read("Makefile").contains("PREFIX ?="));
    // A value of a pull request that stood in a script would be run: it may come as a variable only.
    let scripts = action.split("\n      run: ").skip(1).chain(action.split("\n      run: |\n").skip(1));
    for script in scripts {
        let script = script.split("\n    - ").next().unwrap();
        assert!(!script.contains("${{"), "{script}");
    }
    sandbox.program("/usr/bin/env", ["bash", "-n", &top().join("examples/ci/review").to_string_lossy()]).succeeds();
    for path in ["action.yml", ".pre-commit-hooks.yaml", "examples/ci/github.yml", "examples/ci/gitlab-ci.yml"] {
        let text = read(path);
        let parsed = saphyr_parser::Parser::new_from_str(&text).collect::<Result<Vec<_>, _>>();
        assert!(parsed.is_ok(), "{path}: {parsed:?}");
    }
    let files = Regex::new(r"\n  files: '([^\n]*)'\n").unwrap().captures(&read(".pre-commit-hooks.yaml")).unwrap()[1]
        .to_owned();
    let files = Regex::new(&files).unwrap();
    for (path, wanted) in
        [("deps.lock", true), ("a/deps.toml", true), ("a/b.repos", true), ("extension.toml", true), ("src/x.rs", false)]
    {
        assert_eq!(files.is_match(path), wanted, "{path}");
    }
}
