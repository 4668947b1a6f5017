//! The format as files: what is read and written back byte for byte, and what is refused with which words.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, as in tests")]
#![expect(clippy::disallowed_methods, reason = "the files of this test are read from its own folder")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use deps_lock::{Kind, Lock, ParseError, ParseErrorKind, ValueError};

/// Returns the files in `folder` that end in `.lock`, sorted; a test without any would test nothing.
fn locks(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut locks: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "lock")).collect();
    locks.sort();
    assert!(!locks.is_empty());
    locks
}

/// Returns `errors` as lines of `line:column: message`, both from 1, columns in characters.
fn report(text: &str, errors: &[ParseError]) -> String {
    let line = |error: &ParseError| {
        let before = &text[..error.span.start];
        let column = before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1;
        format!("{}:{column}: {error}\n", before.matches('\n').count() + 1)
    };
    errors.iter().map(line).collect()
}

/// Returns the canonical text of `lock` without the two lines that every lock begins with.
fn below_schema(lock: &Lock) -> String {
    lock.to_string().lines().skip(2).map(|line| format!("{line}\n")).collect()
}

/// Returns a lock as another reader of TOML sees it: `kind name` to fields, without what is unknown.
fn known(json: &serde_json::Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let tables = Kind::ALL.iter().filter_map(|kind| Some((kind, json.get(kind.table())?.as_object()?)));
    let entry = |kind: &Kind, name: &str, fields: &serde_json::Value| {
        let text = |(field, value): (&String, &serde_json::Value)| Some((field.clone(), value.as_str()?.to_owned()));
        (format!("{kind} {name}"), fields.as_object().unwrap().iter().filter_map(text).collect())
    };
    tables.flat_map(|(kind, table)| table.iter().map(move |(name, fields)| entry(kind, name, fields))).collect()
}

#[test]
fn the_corpus_is_read_as_it_always_was_and_written_back_byte_for_byte() {
    for file in locks("corpus/v1") {
        let text = fs::read_to_string(&file).unwrap();
        let lock = Lock::parse(&text).unwrap_or_else(|errors| panic!("{file:?}:\n{}", report(&text, &errors)));
        assert_eq!((lock.schema(), lock.to_string()), (1, text), "{file:?}");
        let json = fs::read_to_string(file.with_extension("json")).expect("what the file must be read as");
        let mut expected = known(&serde_json::from_str(&json).unwrap());
        for (key, entry) in lock.iter() {
            let fields = entry.fields().into_iter().map(|(field, value)| (field.to_owned(), value.to_owned()));
            let mut told =
                expected.remove(&format!("{} {}", key.kind, key.name)).expect("another reader has the entry");
            told.retain(|field, _| !entry.extra().keys().any(|unknown| unknown == field));
            assert_eq!(fields.collect::<BTreeMap<_, _>>(), told, "{file:?}: {key}");
        }
        assert!(expected.is_empty(), "{file:?}: {expected:?}");
    }
}

#[test]
fn refused_locks_have_every_problem_named() {
    for file in locks("reject") {
        let text = fs::read_to_string(&file).unwrap();
        let errors = Lock::parse(&text).expect_err(&format!("{file:?}"));
        let expected = fs::read_to_string(file.with_extension("txt")).unwrap();
        assert_eq!(report(&text, &errors), expected, "{file:?}");
    }
}

#[test]
fn no_message_repeats_a_credential() {
    for file in locks("reject") {
        let errors = Lock::parse(&fs::read_to_string(&file).unwrap()).unwrap_err();
        assert!(!format!("{errors:?}").contains("hunter2"), "{file:?}");
    }
}

#[test]
fn the_span_of_a_problem_is_the_value_that_has_it() {
    let text = "schema = 1\n[repo]\n\"a\" = { rev = \"main\", url = \"../a\" }\n";
    let errors = Lock::parse(text).unwrap_err();
    let [ParseError { kind: ParseErrorKind::BadValue { key, field, error }, span }] = &errors[..] else {
        panic!("{errors:?}")
    };
    assert_eq!((key.kind, field.as_str(), error), (Kind::Repo, "rev", &ValueError::BadRev("main".to_owned())));
    assert_eq!(&text[span.clone()], "\"main\"");
}

#[test]
fn layout_and_comments_of_a_hand_edited_lock_are_not_data() {
    let text = "schema=0x1 # one\r\n[ repo ]\r\n'a' = { url = '../a', rev = '''\r\nc41e7d2b9a8f6e5d4c3b2a190807f6e5d4c3b2a1''' }\r\n";
    let lock = Lock::parse(text).unwrap();
    assert_eq!(
        below_schema(&lock),
        "\n[repo.\"a\"]\nrev = \"c41e7d2b9a8f6e5d4c3b2a190807f6e5d4c3b2a1\"\nurl = \"../a\"\n"
    );
}

#[test]
fn what_only_toml_1_1_can_say_is_written_as_toml_1_0() {
    let lock = Lock::parse("schema = 1\nescapes = \"\\e\\x7f\"\ninline = {\n  a = 1,\n}\ntime = 07:32\n").unwrap();
    assert_eq!(below_schema(&lock), "escapes = \"\\u001B\\u007F\"\ntime = 07:32:00\n\n[inline]\na = 1\n");
}

#[test]
fn the_example_of_the_readme_is_canonical() {
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    assert_eq!(Lock::parse(example).unwrap().to_string(), example);
}

#[test]
fn an_entry_is_found_by_its_kind_and_name() {
    let text = include_str!("corpus/v1/all-kinds.lock");
    let mut lock = Lock::parse(text).unwrap();
    assert_eq!((lock.len(), lock.schema()), (8, 1));
    assert_eq!(lock.images().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["base", "builder-base"]);
    assert_eq!(lock.select(&"base".parse().unwrap()).map(ToString::to_string).collect::<Vec<_>>(), ["image `base`"]);
    assert!(lock.find(Kind::Repo, "base").is_none());
    let key = lock.repos().next().map(|(name, _)| name.clone()).unwrap();
    let selector = format!("repo:{key}").parse().unwrap();
    let key = lock.select(&selector).next().unwrap().clone();
    let entry = lock.remove(&key).unwrap();
    assert_eq!(lock.to_string(), text.split_once("\n[repo").unwrap().0);
    assert_eq!(lock.insert(key.name, entry), None);
    assert_eq!(lock.to_string(), text);
}
