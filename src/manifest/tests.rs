//! Manifests modelled on the oddities of real ones, and hostile ones.

use proptest::prelude::*;

use super::yaml::{MAX_BYTES, MAX_DEPTH};
use super::*;

fn read(text: &str) -> Manifest {
    parse(&Source::new("a.repos", text)).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

/// Returns `path kind url version` of each repository, with `-` for no version.
fn entries(text: &str) -> Vec<String> {
    let entry = |repository: Repository| {
        let version = repository.version.map_or("-".into(), |version| version.value);
        format!("{} {} {} {version}", repository.path.value, repository.kind.value, repository.url.value)
    };
    read(text).repositories.into_iter().map(entry).collect()
}

fn warnings(text: &str) -> Vec<String> {
    read(text).warnings.iter().map(ToString::to_string).collect()
}

fn problems(text: &str) -> Vec<String> {
    match parse(&Source::new("a.repos", text)) {
        Ok(manifest) => panic!("{text}\nis read as {manifest:#?}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// Returns a manifest of one git repository with this name, url and version.
fn one(name: &str, url: &str, version: &str) -> String {
    format!("repositories:\n  {name}: {{type: git, url: {url}, version: {version}}}\n")
}

const URL: &str = "https://example.com/a.git";

#[test]
fn both_formats_say_the_same() {
    let repos = "\
# Core.
---
repositories:
  core/a:
    type: git
    url: https://example.com/a.git  # moves
    version: main
  b: {type: hg, url: https://example.com/b, version: default}
";
    let rosinstall = "\
- git:
    local-name: core/a
    uri: https://example.com/a.git
    version: main
- hg: {local-name: b, uri: 'https://example.com/b', version: default}
";
    let expected = ["core/a git https://example.com/a.git main", "b hg https://example.com/b default"];
    assert_eq!(entries(repos), expected);
    assert_eq!(entries(rosinstall), expected);
    assert_eq!(warnings(repos), [""; 0]);
    assert_eq!(warnings(rosinstall), [""; 0]);
}

#[test]
fn versions_keep_their_spelling() {
    for version in ["1.10", "0123456", "68354e4", "5904431", "on", "012", "1e3", "0x1f", "2020-01-01", "1_000"] {
        let text = one("a", URL, version);
        let found = read(&text).repositories.remove(0).version.expect("it has a version");
        assert_eq!((found.value.as_str(), &text[found.span()]), (version, version));
    }
    assert_eq!(entries(&one("'1'", URL, "!!str 1.10")), ["1 git https://example.com/a.git 1.10"]);
    assert_eq!(entries(&one("12", URL, "'a'")), ["12 git https://example.com/a.git a"]);
}

#[test]
fn versions_that_other_tools_respell_are_warned_about_unless_quoted() {
    let expected = "a.repos:2:59: version `1.10` of repository `a` is a number or a boolean to other tools, which spell it otherwise";
    assert_eq!(warnings(&one("a", URL, "1.10")), [expected]);
    assert_eq!(warnings(&one("a", URL, "'1.10'")), [""; 0]);
    assert_eq!(warnings(&one("a", URL, "2020.06")), [""; 0]);
}

#[test]
fn no_version_is_the_default_branch() {
    for version in ["", "~", "null", "''"] {
        let manifest = read(&one("a", URL, version));
        assert_eq!((&manifest.repositories[0].version, &manifest.repositories[0].wish), (&None, &Wish::Head));
        assert_eq!(manifest.warnings.len(), 1, "{version}");
    }
    let text = "repositories:\n  a: {type: git, url: https://example.com/a}\n";
    assert_eq!(read(text).repositories[0].version, None);
    assert_eq!(warnings(text), [""; 0]);
}

#[test]
fn nothing_asked_for_is_a_manifest() {
    for text in
        ["", "# only a comment\n", "---\n", "---\n...\n", "~", "\u{feff}", "repositories:\n", "repositories: null"]
    {
        assert_eq!((read(text).repositories.len(), warnings(text).len()), (0, 1), "{text}");
    }
    for text in ["[]", "{}", "repositories: []", "repositories: {}\n", "extends: base.repos\n"] {
        assert_eq!((read(text).repositories.len(), warnings(text).len()), (0, 0), "{text}");
    }
}

#[test]
fn extended_manifests_are_recorded() {
    let values = |text| read(text).extends.into_iter().map(|path| path.value).collect::<Vec<_>>();
    assert_eq!(values("extends: base.repos\nrepositories:\n"), ["base.repos"]);
    assert_eq!(values("extends: [a.repos, ../b.repos]\n"), ["a.repos", "../b.repos"]);
    assert_eq!(
        problems("extends: {a: b}"),
        ["a.repos:1:1: `extends` is a mapping, but must be a path or a list of paths"]
    );
}

#[test]
fn the_last_of_equal_names_counts() {
    let repos = format!(
        "{}  b: {{type: git, url: {URL}}}\n  a: {{type: git, url: {URL}, version: two}}\n",
        one("a", URL, "one")
    );
    assert_eq!(entries(&repos), [format!("b git {URL} -"), format!("a git {URL} two")]);
    assert_eq!(warnings(&repos), ["a.repos:4:3: repository `a` stands in line 2 already; this one counts"]);
    let item = |version| format!("- git: {{local-name: a, uri: '{URL}', version: {version}}}\n");
    let list = item("one") + &item("two") + &item("three");
    assert_eq!(entries(&list), [format!("a git {URL} three")]);
    assert_eq!(
        warnings(&list),
        [
            "a.repos:2:21: repository `a` stands in line 1 already; this one counts",
            "a.repos:3:21: repository `a` stands in line 2 already; this one counts",
        ]
    );
}

#[test]
fn the_last_of_equal_keys_counts() {
    let text =
        "repositories:\n  a:\n    type: git\n    version: one\n    url: https://example.com/a\n    version: two\n";
    assert_eq!(entries(text), ["a git https://example.com/a two"]);
    assert_eq!(warnings(text), ["a.repos:6:5: `version` stands in line 4 already; this one counts"]);
}

#[test]
fn names_are_normalised_and_no_folder_is_named_twice() {
    assert_eq!(entries(&one("./a//b/", URL, "x")), [format!("a/b git {URL} x")]);
    let text = format!("{}  ./r/: {{type: git, url: {URL}}}\n  r/: {{type: git, url: {URL}}}\n", one("r", URL, "x"));
    assert_eq!(
        problems(&text),
        [
            "a.repos:3:3: repository `./r/` has the folder of `r` in line 2",
            "a.repos:4:3: repository `r/` has the folder of `./r/` in line 3",
        ]
    );
}

#[test]
fn names_that_are_no_folder_below_the_destination_are_refused() {
    for (name, expected) in [
        ("../a", "`../a` leads out of its folder with `..`"),
        ("a/../b", "`a/../b` leads out of its folder with `..`"),
        ("/a", "`/a` is an absolute path"),
        ("''", "`` is empty"),
        (".", "`.` is the destination itself"),
        ("./", "`./` is the destination itself"),
        ("-a", "`-a` starts with `-`"),
        ("./-a", "`./-a` starts with `-`"),
        ("a/.Git/hooks", "`a/.Git/hooks` leads into a `.git` folder"),
        ("'a\\b'", "`a\\b` holds a backslash"),
        ("a:b", "`a:b` holds a `:`"),
        ("\"a\\e[31m\"", "`a\\u{1b}[31m` holds the invisible character U+001B"),
        ("a\u{200b}", "`a\\u{200b}` holds the invisible character U+200B"),
    ] {
        assert_eq!(problems(&one(name, URL, "x")), [format!("a.repos:2:3: the repository name {expected}")]);
    }
    assert_eq!(problems(&one("~", URL, "x")), ["a.repos:2:3: a key is null, but must be text"]);
    assert_eq!(problems("- git: {local-name: ~, uri: x}"), ["a.repos:1:21: `local-name` is null, but must be text"]);
}

#[test]
fn every_problem_is_reported_in_one_run() {
    let text = "\
repositories:
  ../out: {type: git, url: https://example.com/a.git}
  b: {type: gti, url: https://example.com/b.git, version: 'a b'}
  c: {type: git, url: hhttps://example.com/c.git}
  d: {type: git, url: 'ext::sh -c whoami', version: --upload-pack=x}
  e: {type: git, url: , version: [a]}
  f: text
  g: {type: GIT, url: 'https://{{user}}@example.com/g.git', version: ^x}
";
    assert_eq!(
        problems(text),
        [
            "a.repos:2:3: the repository name `../out` leads out of its folder with `..`",
            "a.repos:3:13: repository `b` has the unknown type `gti`",
            "a.repos:3:59: the version of repository `b` holds a space",
            "a.repos:4:23: the url of repository `c` has the scheme `hhttps`, which git does not know",
            "a.repos:5:23: the url of repository `d` names a transport helper, which is a program",
            "a.repos:5:53: the version of repository `d` starts with `-`",
            "a.repos:6:21: `url` of repository `e` is empty",
            "a.repos:6:34: `version` is a list, but must be text",
            "a.repos:7:3: `f` is text, but must be a mapping with the repository's url",
            "a.repos:8:13: repository `g` has the unknown type `GIT`",
            "a.repos:8:23: the url of repository `g` holds a placeholder",
            "a.repos:8:70: the version of repository `g` is `^x`, which is no requirement: unexpected character 'x' while \
             parsing major version number",
        ]
    );
}

#[test]
fn unknown_types_have_a_suggestion() {
    let Err(problems) = parse(&Source::new("a", "- GIT: {local-name: a, uri: 'https://example.com/a'}")) else {
        panic!("the type is unknown")
    };
    let suggestion = Some("git".into());
    assert_eq!(problems[0].error, Problem::UnknownType { name: "a".into(), found: "GIT".into(), suggestion });
}

#[test]
fn no_message_holds_a_credential() {
    for url in
        ["https://someone:hunter2@example.com/a", "https://example.com/a?token=hunter2", "a:hunter2@example.com:a"]
    {
        let text = one("a", url, "x");
        let Err(problems) = parse(&Source::new("a.repos", text.as_str())) else { panic!("the url holds a credential") };
        assert_eq!(problems[0].to_string(), "a.repos:2:23: the url of repository `a` holds a credential");
        let Problem::SecretInUrl { redacted, .. } = &problems[0].error else { panic!("{problems:?}") };
        assert!(!redacted.contains("hunter2"), "{redacted}");
        assert!(!text.lines().any(|line| url::masked(line).contains("hunter2")));
    }
    assert_eq!(entries(&one("a", "git@example.com:a", "x")), ["a git git@example.com:a x"]);
    assert_eq!(entries(&one("a", "https://someone@example.com/a", "x")).len(), 1);
}

#[test]
fn unknown_keys_are_warned_about() {
    let text = "\
repositories:
  a:
    type: git
    url: https://example.com/a
    verion: main
    \u{200b}version: main
    bazel: {}
top: 1
b:
  type: git
  url: https://example.com/b
";
    assert_eq!(
        warnings(text),
        [
            "a.repos:5:5: unknown key `verion`",
            "a.repos:6:5: unknown key `\\u{200b}version`",
            "a.repos:7:5: unknown key `bazel`",
            "a.repos:8:1: unknown key `top`",
            "a.repos:9:1: `b` looks like a repository, but stands beside `repositories`",
        ]
    );
    let suggestions: Vec<_> = read(text).warnings.into_iter().map(|warning| warning.error).collect();
    let version = || Some("version".into());
    assert_eq!(suggestions[0], Warning::UnknownKey { key: "verion".into(), suggestion: version() });
    assert_eq!(suggestions[1], Warning::UnknownKey { key: "\\u{200b}version".into(), suggestion: version() });
    assert_eq!(suggestions[2], Warning::UnknownKey { key: "bazel".into(), suggestion: None });
}

#[test]
fn entries_that_are_no_repositories_are_skipped() {
    let repos = "repositories:\n  a: {bazel: x}\n  b:\n  c: {type: git}\n  d: {url: x}\n";
    assert_eq!(entries(repos), [""; 0]);
    assert_eq!(
        warnings(repos),
        [
            "a.repos:2:3: repository `a` is skipped: it has no `type`",
            "a.repos:2:7: unknown key `bazel`",
            "a.repos:3:3: repository `b` is skipped: it is empty",
            "a.repos:4:3: repository `c` is skipped: it has no `url`",
            "a.repos:5:3: repository `d` is skipped: it has no `type`",
        ]
    );
    let list = "- other: {local-name: /opt/ros}\n- setup-file: {local-name: /setup.sh}\n- git: {uri: x}\n-\n- git: {local-name: a, urI: x}\n";
    assert_eq!(entries(list), [""; 0]);
    assert_eq!(
        warnings(list),
        [
            "a.repos:1:3: an entry is skipped: `other` is no repository",
            "a.repos:2:3: an entry is skipped: `setup-file` is no repository",
            "a.repos:3:3: an entry is skipped: it has no `local-name`",
            "a.repos:4:2: an entry is skipped: it is empty",
            "a.repos:5:21: repository `a` is skipped: it has no `uri`",
            "a.repos:5:24: unknown key `urI`",
        ]
    );
}

#[test]
fn texts_that_are_no_manifest_are_refused_at_a_line() {
    for (text, expected) in [
        (
            "user/repository.git\n",
            "1:1: a manifest is a mapping with `repositories` or a rosinstall list, but this is text",
        ),
        ("# A\n  b: {type: git}\n", "2:3: no `repositories` at the top level, which has `b`"),
        ("repositories:\n- a\n", "1:1: `repositories` is a list, but must be a mapping of folders to repositories"),
        ("repositories: a\n", "1:1: `repositories` is text, but must be a mapping of folders to repositories"),
        (
            "- git:\n  local-name: a\n  uri: b\n",
            "1:3: an item of a rosinstall list has one key, its type, but this one has 3: `git`, `local-name`, `uri`",
        ),
        ("- a\n", "1:3: `item` is text, but must be a mapping of a type to a repository"),
        ("- {}\n", "1:3: an item of a rosinstall list has one key, its type, but this one has 0: "),
        (
            "repositories: {}\n---\nrepositories: {}\n",
            "2:1: a second document starts here, but a manifest is one document",
        ),
        ("repositories:\n<<<<<<< HEAD\n  a: b\n", "2:1: a conflict of a merge is not resolved here"),
        ("repositories: !!python/name:os.system x", "1:15: the tag `!!python/name:os.system` is not supported"),
        ("repositories: {<<: a}", "1:21: `<<` takes a mapping or a list of mappings, not text"),
    ] {
        assert_eq!(problems(text), [format!("a.repos:{expected}")]);
    }
    for text in
        ["a: [", "a: b: c\n", "- a\nb\n", "\tx", "a: *b\n", "a: &a [*a]", "a: \"\\q\"", "%YAML é\n---\n", "a: @x"]
    {
        assert_eq!(problems(text).len(), 1, "{text}");
    }
}

#[test]
fn a_missing_key_repositories_is_told_apart_from_a_misspelt_one() {
    let problem = |text| parse(&Source::new("a", text)).expect_err("there is no `repositories`").remove(0).error;
    assert_eq!(
        problem("repositorys:\n  a: {type: git}\n"),
        Problem::NoRepositories { first: "repositorys".into(), misspelt: Some("repositorys".into()), entries: false }
    );
    assert_eq!(
        problem("a: {type: git, url: x}\n"),
        Problem::NoRepositories { first: "a".into(), misspelt: None, entries: true }
    );
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text = "\
x: &base {type: git, version: main}
y: &other {type: hg, version: default, url: https://example.com/other}
repositories:
  a: {<<: *base, url: https://example.com/a}
  b:
    version: tip
    <<: [*other, *base]
  c: *other
  d: {'<<': x, type: git, url: https://example.com/d}
";
    assert_eq!(
        entries(text),
        [
            "a git https://example.com/a main",
            "b hg https://example.com/other tip",
            "c hg https://example.com/other default",
            "d git https://example.com/d -",
        ]
    );
}

#[test]
fn spans_survive_byte_order_marks_line_ends_and_wide_characters() {
    let text = "# größer 🦀 than a byte\nrepositories:\n  'ä/🦀':  # é\n    type: git\n    url: &ü https://example.com/ü.git\n    version: 'wörld'\n  b: {type: git, url: *ü, version: éé}\n";
    let variants = [
        text.to_owned(),
        format!("\u{feff}{text}"),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
    ];
    for text in variants {
        let manifest = read(&text);
        let [a, b] = &manifest.repositories[..] else { panic!("{manifest:?}") };
        assert_eq!(&text[a.path.span()], "'ä/🦀'");
        assert_eq!(&text[a.kind.span()], "git");
        assert_eq!(&text[a.url.span()], "https://example.com/ü.git");
        assert_eq!(a.version.as_ref().map(|version| &text[version.span()]), Some("'wörld'"));
        assert_eq!(&text[b.url.span()], "https://example.com/ü.git");
        assert_eq!(b.version.as_ref().map(|version| &text[version.span()]), Some("éé"));
    }
}

#[test]
fn a_small_text_cannot_stand_for_a_huge_one() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs += &format!("a{level}: &a{level} [{items}]\n");
    }
    assert_eq!(problems(&laughs), ["a.repos:6:45: the text stands for more than 1000000 values"]);
    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..100 {
        deep += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    let too_deep = "lists and mappings are more than 64 levels deep";
    assert_eq!(problems(&deep), [format!("a.repos:64:12: {too_deep}")]);
    assert_eq!(problems(&"[".repeat(MAX_DEPTH + 1)).len(), 1);
    assert_eq!(problems(&"- ".repeat(MAX_DEPTH + 2)), [format!("a.repos:1:129: {too_deep}")]);
    assert_eq!(problems(&"a: {".repeat(100_000)).len(), 1);
    let long = "#".repeat(MAX_BYTES + 1);
    assert_eq!(problems(&long), ["a.repos:1:1: the text has 1048577 bytes, more than 1048576"]);
}

/// Holds what every answer holds, whatever the text.
fn check_answer(text: &str) {
    let source = Source::new("a.repos", text);
    let places: Vec<(crate::source::Span, String)> = match parse(&source) {
        Ok(manifest) => {
            for repository in &manifest.repositories {
                assert!(deps_lock::Name::new(repository.path.value.as_str()).is_ok());
                assert!(deps_lock::Url::new(repository.url.value.as_str()).is_ok());
                assert!(text.get(repository.url.span()).is_some());
            }
            manifest.warnings.into_iter().map(|warning| (warning.place.span.clone(), warning.to_string())).collect()
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            problems.into_iter().map(|problem| (problem.place.span.clone(), problem.to_string())).collect()
        }
    };
    for (span, message) in places {
        assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text: {message}");
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

const SEEDS: [&str; 3] = [
    "repositories:\n  a/b:\n    type: git\n    url: https://example.com/a.git\n    version: 1.10\n  c: &c {type: git, url: 'git@example.com:c', version: \"^1.2\"}\n  d: {<<: *c, version: ~}\nextends: [x]\n",
    "- git: {local-name: ä, uri: 'https://u:p@example.com/ü', version: v1}\n- other: {local-name: /x}\n- tar:\n    local-name: t\n    uri: https://example.com/t\n    version: t-1\n",
    "\u{feff}---\r\nrepositories:\r\n  x: !!str |\r\n    text\r\n  y: >-\r\n    folded\r\n    text\r\n  z: {? a : b}\r\n...\r\n",
];

fn mutated() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ":",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "*c",
        "&c ",
        "<<: ",
        "'",
        "\"",
        "\n",
        "\r",
        "\t",
        "  ",
        "#",
        "é",
        "\u{feff}",
        "---\n",
        "...",
        "!!",
        "| ",
        ">\n",
        "\0",
        "~",
        "? ",
        ",",
        "%",
        "@",
        "\u{85}",
        "\u{2028}",
        "..",
        "-",
        "\\u0000",
        "repositories",
        "type",
    ]);
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..6usize, pieces), 1..6);
    (prop::sample::select(SEEDS.to_vec()), edits).prop_map(|(seed, edits)| {
        edits.into_iter().fold(seed.to_owned(), |text, (at, remove, piece)| {
            let chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len() + 1);
            let after = chars.iter().skip(at + remove);
            chars.iter().take(at).copied().chain(piece.chars()).chain(after.copied()).collect()
        })
    })
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in any::<String>()) {
        check_answer(&text);
    }

    #[test]
    fn any_text_like_yaml_has_an_answer(text in "([-?:,\\[\\]{}#&*!|>'\"%@ \t\n\r~<.a1é\u{feff}]{0,3}(type|url|git|<<|repositories: |- git: |\n  )?){0,12}") {
        check_answer(&text);
    }

    #[test]
    fn any_mutated_manifest_has_an_answer(text in mutated()) {
        check_answer(&text);
    }
}
