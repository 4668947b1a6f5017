//! What versions mean, and the promise that binds `drift` to `pin`.

use std::collections::BTreeMap;

use deps_lock::{Lock, System};
use proptest::prelude::*;

use super::git::{Found, find};
use super::*;
use crate::manifest::{self, Wish};
use crate::project;
use crate::source::Source;

fn id(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn refs() -> Refs {
    let map = |pairs: &[(&str, char)]| pairs.iter().map(|(name, digit)| ((*name).to_owned(), id(*digit))).collect();
    Refs {
        head: Some(Head { rev: id('1'), branch: Some("main".to_owned()) }),
        branches: map(&[("main", '1'), ("humble", '2'), ("both", '3'), ("same", '4'), ("abcdef1", '5')]),
        tags: map(&[("both", '6'), ("same", '4'), ("1.2.0", '7'), ("v1.10.0", '8'), ("2.0.0-rc1", '9')]),
        others: map(&[("refs/pull/7/head", 'a')]),
    }
}

fn found(version: &str) -> Result<String, String> {
    let wish = Wish::read(Some(version)).map_err(|error| error.to_string())?;
    match find("nav2", &wish, &refs()).map_err(|problem| problem.to_string())? {
        Found::Commit { rev, tag } => Ok(format!("{} {}", &rev[..1], tag.unwrap_or_default()).trim_end().to_owned()),
        Found::Abbreviated(text) => Ok(format!("abbreviated {text}")),
    }
}

#[test]
fn versions_mean_what_vcstool_makes_of_them() {
    for (version, expected) in [
        ("", "1"),
        ("HEAD", "1"),
        ("humble", "2"),
        ("heads/both", "3"),
        ("tags/both", "6"),
        ("same", "4"),
        ("refs/heads/humble", "2"),
        ("refs/tags/1.2.0", "7"),
        ("refs/pull/7/head", "a"),
        ("origin/humble", "2"),
        ("pull/7/head", "a"),
        ("abcdef1", "5"),
        ("abcdef2", "abbreviated abcdef2"),
        ("^1", "8 v1.10.0"),
        ("~1.2", "7 1.2.0"),
        (">=2.0.0-rc1", "9 2.0.0-rc1"),
        ("CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", "c"),
    ] {
        assert_eq!(found(version).as_deref(), Ok(expected), "{version}");
    }
}

#[test]
fn versions_that_come_to_nothing_say_why() {
    for (version, expected) in [
        ("both", "in repository `nav2`, `both` is a branch as well as a tag, with different commits"),
        ("humbel", "repository `nav2` has no branch or tag `humbel`"),
        ("heads/1.2.0", "repository `nav2` has no branch `1.2.0`"),
        ("tags/main", "repository `nav2` has no tag `main`"),
        ("refs/heads/gone", "repository `nav2` has no ref `refs/heads/gone`"),
        ("^3", "repository `nav2` has no tag that satisfies `^3`"),
    ] {
        assert_eq!(found(version), Err(expected.to_owned()), "{version}");
    }
    let empty = find("nav2", &Wish::Head, &Refs::default()).expect_err("there is no commit");
    assert_eq!(empty.to_string(), "repository `nav2` is empty: its HEAD leads to no commit");
}

#[test]
fn an_entry_of_another_type_or_revision_is_out_of_date() {
    let wishes =
        |version: &str, kind: &str| wishes(&[("p".to_owned(), version.to_owned(), kind.to_owned())], "scratch");
    let found = |version, kind: &str, entry: &str| {
        let text = format!("schema = 1\n[repo.p]\n{entry}\nurl = \"https://git.example/{kind}\"\n");
        let lock = Lock::parse(&text).expect("a lock");
        drift(&wishes(version, kind), &lock, &lock.to_string())
            .into_iter()
            .map(|drift| drift.to_string())
            .collect::<Vec<_>>()
    };
    let node = id('b');
    let hg = format!("type = \"hg\"\nrev = \"{node}\"");
    assert_eq!(found("", "tar", &hg), ["repo `p`: `a.repos` has the type `tar`, the lock has `hg`"]);
    assert_eq!(found("", "a", &hg), ["repo `p`: `a.repos` has the type `git`, the lock has `hg`"]);
    assert_eq!(found("", "hg", &hg), [""; 0]);
    assert_eq!(found("stable", "hg", &hg), ["repo `p`: `a.repos` asks for `stable`, the lock has no version"]);
    let other = id('c');
    let pinned = format!("{hg}\nref = \"{other}\"");
    let unsatisfied = format!("repo `p`: `a.repos` asks for `{other}`, and the lock's `{node}` does not satisfy it");
    assert_eq!(found(&other, "hg", &pinned), [unsatisfied]);
    let svn = "type = \"svn\"\nref = \"12\"\nrev = \"13\"";
    assert_eq!(found("12", "svn", svn), ["repo `p`: `a.repos` asks for `12`, and the lock's `13` does not satisfy it"]);
    assert_eq!(found("12", "svn", "type = \"svn\"\nref = \"12\"\nrev = \"9\""), [""; 0]);
}

#[test]
fn a_full_changeset_id_needs_no_asking() {
    let wishes = wishes(&[("p".to_owned(), id('B'), "hg".to_owned())], "scratch");
    let lock = pin(&wishes, &Lock::new(), &Refresh::Nothing, &Answers::new()).expect("nothing is open").lock;
    assert!(lock.to_string().contains(&format!("rev = \"{}\"", id('b'))), "{lock}");
}

#[test]
fn a_misspelt_name_has_a_near_one() {
    for (version, expected) in [
        ("humbel", Some(("branch", "humble"))),
        ("origin/humbel", Some(("branch", "humble"))),
        ("v1.2.0", Some(("tag", "1.2.0"))),
        ("1.10.0", Some(("tag", "v1.10.0"))),
        ("heads/1.2.0", Some(("tag", "1.2.0"))),
        ("tags/humble", Some(("branch", "humble"))),
        ("refs/tags/humble", Some(("branch", "humble"))),
        ("master", Some(("branch", "main"))),
        ("nothing-like-it", Some(("default branch", "main"))),
    ] {
        let wish = Wish::read(Some(version)).expect("a version");
        let problem = find("nav2", &wish, &refs()).expect_err("no such name");
        let GitProblem::NoSuchRef { nearest, .. } = problem else { panic!("{problem}") };
        assert_eq!(nearest.as_ref().map(|(what, name)| (*what, name.as_str())), expected, "{version}");
    }
}

/// What a url ends with: the type of its entry, else it is a git repository.
const URLS: [&str; 6] = ["a", "b", "tar", "zip", "hg", "svn"];

/// What versions are; not every type has all of them.
const VERSIONS: [&str; 9] = ["", "main", "humble", "same", "^1", "~1.2", "abcdef2", "1.2.0", "tags/both"];

/// The wishes of a project whose manifest has `entries` (path, version, url).
pub(super) fn wishes(entries: &[(String, String, String)], base: &str) -> Wishes {
    let toml =
        format!("[project]\nname = \"p\"\nbase = \"{base}\"\n[[manifest]]\npath = \"a.repos\"\ndest = \"/ws\"\n");
    let project = project::parse(&Source::new("deps.toml", toml)).expect("a good project");
    let entry = |(path, version, url): &(String, String, String)| {
        let kind = if url.len() > 1 { url } else { "git" };
        format!("  {path}: {{ type: {kind}, url: 'https://git.example/{url}', version: '{version}' }}\n")
    };
    let text = format!("repositories:\n{}", entries.iter().map(entry).collect::<String>());
    let source = Source::new("a.repos", text);
    let manifest = manifest::parse(&source).expect("a good manifest");
    let entry = |repository| ManifestEntry { repository, source: source.clone(), folder: String::new() };
    let entries = manifest.repositories.into_iter().map(entry).collect();
    let loaded = LoadedManifest { wish: project.manifests[0].clone(), entries };
    Wishes::gather(&project, &[loaded], BTreeMap::new(), &[]).expect("good wishes")
}

/// Every answer that the tests can need.
fn answers() -> Answers {
    let mut answers = Answers::new();
    for url in ["a", "b"] {
        let url = format!("https://git.example/{url}");
        answers.insert(Question::Refs { url: url.clone() }, Ok(Answer::Refs(refs())));
        let abbreviated = "abcdef2".to_owned();
        let rev = format!("abcdef2{}", "0".repeat(33));
        answers.insert(Question::Commit { url, abbreviated }, Ok(Answer::Commit(rev)));
    }
    for kind in ["tar", "zip"] {
        let question = Question::Archive { url: format!("https://git.example/{kind}") };
        answers.insert(question, Ok(Answer::Archive(format!("sha256:{}", "d".repeat(64)))));
    }
    for version in VERSIONS {
        let version = Some(version.to_owned()).filter(|version| !version.is_empty());
        for (system, rev) in [(System::Hg, id('b')), (System::Svn, "7".to_owned())] {
            let (url, version) = (format!("https://git.example/{system}"), version.clone());
            answers.insert(Question::Revision { system, url, version }, Ok(Answer::Revision(rev)));
        }
    }
    for (reference, digit) in [("debian:12", "a"), ("debian:13", "b")] {
        let digest = format!("sha256:{}", digit.repeat(64));
        answers.insert(Question::Image { reference: reference.to_owned() }, Ok(Answer::Image(digest)));
    }
    answers
}

fn locked(wishes: &Wishes, before: &Lock) -> Lock {
    pin(wishes, before, &Refresh::Nothing, &answers()).expect("every answer is there").lock
}

fn entries() -> impl Strategy<Value = Vec<(String, String, String)>> {
    let path = prop::sample::select(&["p", "q/r", "s"][..]);
    let rest = (prop::sample::select(&VERSIONS[..]), prop::sample::select(&URLS[..]));
    let text = |(path, (version, url)): (&str, (&str, &str))| (path.to_owned(), version.to_owned(), url.to_owned());
    prop::collection::btree_map(path, rest, 0..4).prop_map(move |map| map.into_iter().map(text).collect())
}

fn base() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["scratch", "debian:12", "debian:13"][..])
}

/// What people and merges do to a lock.
fn disturbed(text: &str, how: usize) -> String {
    match how {
        0 => text.replacen("ref = \"1.2.0\"", "ref = \"1.1.0\"", 1),
        1 => text.replacen("https://git.example/a", "https://git.example/b", 1),
        2 => format!("{text}\n"),
        3 => text.replacen("debian:12", "debian:13", 1),
        4 => text.replacen("ref = ", "want = \"^1\"\nref = ", 1),
        6 => text.replacen("type = \"tar\"", "type = \"zip\"", 1),
        7 => text.replacen("type = \"svn\"", "odd = 1\ntype = \"svn\"", 1),
        5 => format!("{text}\n[repo.\"stale\"]\nrev = \"{}\"\nurl = \"https://git.example/a\"\n", id('1')),
        _ => text.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// The promise of `deps lock --check`: no drift exactly when `deps lock` would write the same bytes.
    #[test]
    fn there_is_no_drift_exactly_when_locking_changes_nothing(
        old in entries(), new in entries(), same in any::<bool>(), bases in (base(), base()), how in 0..10_usize,
    ) {
        let before = wishes(&old, bases.0);
        let text = disturbed(&locked(&before, &Lock::new()).to_string(), how);
        let Ok(lock) = Lock::parse(&text) else { return Ok(()) };
        let now = if same { wishes(&old, bases.0) } else { wishes(&new, bases.1) };
        let after = locked(&now, &lock).to_string();
        prop_assert_eq!(drift(&now, &lock, &text).is_empty(), after == text, "{}\n→\n{}", text, after);
        let settled = locked(&now, &Lock::parse(&after).expect("we wrote it"));
        prop_assert_eq!(settled.to_string(), after);
    }

    /// An entry that nobody asked to move stays as it is, byte for byte.
    #[test]
    fn entries_that_are_not_named_stay(old in entries(), named in 0..3_usize) {
        let wishes = wishes(&old, "scratch");
        let lock = locked(&wishes, &Lock::new());
        let moved = Answers::from_iter(answers().into_keys().map(|question| {
            let branches = refs().branches.into_keys().map(|name| (name, id('e'))).collect();
            let tags = BTreeMap::from([("same".to_owned(), id('e'))]);
            let refs = Refs { branches, tags: refs().tags.into_iter().chain(tags).collect(), ..refs() };
            let answer = match &question {
                Question::Refs { .. } => Answer::Refs(refs),
                Question::RefsAsOf { .. }
                | Question::Holders { .. }
                | Question::Between { .. }
                | Question::Divergence { .. } => {
                    unreachable!("a lock asks nothing of history")
                }
                Question::HasImage { .. } | Question::HasFile { .. } => unreachable!("a lock verifies nothing"),
                Question::Commit { .. } => Answer::Commit(format!("abcdef2{}", "0".repeat(33))),
                Question::Image { .. } => Answer::Image(format!("sha256:{}", "c".repeat(64))),
                Question::Archive { .. } | Question::File { .. } => Answer::Archive(format!("sha256:{}", "e".repeat(64))),
                Question::Revision { system: System::Hg, .. } => Answer::Revision(id('c')),
                Question::Revision { system: System::Svn, .. } => Answer::Revision("9".to_owned()),
            };
            (question, Ok(answer))
        }));
        let name = ["p", "q/r", "s"][named];
        let refresh = Refresh::Selected(vec![name.parse().expect("a key")]);
        let after = pin(&wishes, &lock, &refresh, &moved).expect("every answer is there").lock;
        for (key, entry) in lock.iter().filter(|(key, _)| &*key.name != name) {
            prop_assert_eq!(after.get(key), Some(entry));
        }
    }
}
