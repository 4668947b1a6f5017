//! The lock and the Dockerfile are functions of sets: any order of entries, any folder, any user, any language.

use std::collections::BTreeMap;

use deps::dockerfile;
use deps::plan::plan_key;
use deps::resolve::{self, Answer, Answers, Head, Question, Refresh, Refs};
use deps::workspace::Workspace;
use deps_lock::Lock;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::sandbox::Sandbox;

const REPOSITORIES: [(&str, &str); 8] = [
    ("core/nav2", "\"1.0\""),
    ("core/msgs", "main"),
    ("core", "heads/main"),
    ("tools/a", "^1"),
    ("tools/b", "0123456789012345678901234567890123456789"),
    ("vision", "tags/1.0"),
    ("z", "main"),
    ("ä ö", "main"),
];

const EXTENSIONS: [&str; 7] = [
    "ccache = \"*\"",
    "curl = \"^1\"",
    "git = \"*\"",
    "uv = \"*\"",
    "npm = { version = \"*\" }",
    "colcon = \"*\"",
    "user = { with = { name = \"ada\", uid = 1234 } }",
];

/// What a permuted project comes to: the lock and the Dockerfile.
fn outcome(order: &[usize; 3], repositories: &[usize], extensions: &[usize], split: usize) -> (String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tables = [
        "[project]\nname = \"p\"\nbase = \"debian:12\"\n".to_owned(),
        "[[manifest]]\npath = \"a.repos\"\ndest = \"/ws/src\"\n\n[[manifest]]\npath = \"b.repos\"\ndest = \"/ws/src\"\n".to_owned(),
        format!("[extensions]\n{}\n", extensions.iter().map(|at| EXTENSIONS[*at]).collect::<Vec<_>>().join("\n")),
    ];
    let toml: String = order.iter().map(|at| format!("{}\n", tables[*at])).collect();
    std::fs::write(folder.path().join("deps.toml"), toml).expect("it can be written");
    for (name, part) in [("a.repos", &repositories[..split]), ("b.repos", &repositories[split..])] {
        let entry = |at: &usize| {
            let (path, version) = REPOSITORIES[*at];
            format!("  {path}: {{ version: {version}, url: 'https://git.example/{at}.git', type: git }}\n")
        };
        let text = format!("repositories:\n{}", part.iter().map(entry).collect::<String>());
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let loaded = Workspace::find(folder.path()).expect("a project").load().expect("a good project");
    let mut answers = answers();
    for question in resolve::questions(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers) {
        let Question::Archive { url } = &question else { panic!("no answer to {question:?}") };
        let digest = format!("sha256:{}", blake3::hash(url.as_bytes()).to_hex());
        answers.insert(question, Ok(Answer::Archive(digest)));
    }
    let resolution = resolve::pin(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers).expect("every pin");
    let plans = loaded.plans(&resolution.lock).expect("a plan");
    (resolution.lock.to_string(), dockerfile::render(&plans, &plan_key(&plans)))
}

fn answers() -> Answers {
    let mut answers = Answers::new();
    for at in 0..REPOSITORIES.len() {
        let id = format!("{at:040}");
        let refs = Refs {
            head: Some(Head { rev: id.clone(), branch: Some("main".to_owned()) }),
            branches: BTreeMap::from([("main".to_owned(), id.clone())]),
            tags: BTreeMap::from([("1.0".to_owned(), id)]),
            others: BTreeMap::new(),
        };
        answers.insert(Question::Refs { url: format!("https://git.example/{at}.git") }, Ok(Answer::Refs(refs)));
    }
    let digest = format!("sha256:{}", "a".repeat(64));
    answers.insert(Question::Image { reference: "debian:12".to_owned() }, Ok(Answer::Image(digest)));
    answers
}

#[test]
fn any_order_of_entries_gives_the_same_bytes() {
    let numbers = |count: usize| (0..count).collect::<Vec<_>>();
    let expected = outcome(&[0, 1, 2], &numbers(8), &numbers(7), 8);
    let strategy = (
        Just(numbers(3)).prop_shuffle(),
        Just(numbers(8)).prop_shuffle(),
        Just(numbers(7)).prop_shuffle(),
        0..=8_usize,
    );
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&strategy, |(tables, repositories, extensions, split)| {
            let order = [tables[0], tables[1], tables[2]];
            prop_assert_eq!(&outcome(&order, &repositories, &extensions, split), &expected);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn folder_home_and_language_never_matter() {
    let project = |folder: &str, environment: Vec<(String, String)>| {
        let sandbox = Sandbox::with_environment(environment);
        sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
        sandbox.git("x").file("a", "1").tag("1.0").commit();
        sandbox.write(
            &format!("{folder}/deps.toml"),
            "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"u.repos\"\ndest = \"/ws\"\n",
        );
        sandbox.write(
            &format!("{folder}/u.repos"),
            "repositories:\n  x: { type: git, url: https://git.example/x.git, version: 1.0 }\n",
        );
        sandbox.write(&format!("{folder}/sub/keep"), "");
        sandbox.deps_in(&format!("{folder}/sub"), ["lock"]).succeeds();
        let dockerfile = sandbox.deps_in(folder, ["dockerfile"]).succeeds();
        (sandbox.read(&format!("{folder}/deps.lock")), dockerfile.stdout().to_owned())
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let one = project("one", Vec::new());
    let other = project(
        "an other/ä",
        vec![
            pair("LC_ALL", "tr_TR.UTF-8"),
            pair("TZ", "Asia/Kathmandu"),
            pair("SOURCE_DATE_EPOCH", "12345"),
            pair("USER", "somebody"),
        ],
    );
    assert_eq!(one, other);
}
