//! What holds for every lock and every text.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, as in tests")]

use std::collections::BTreeMap;

use deps_lock::{
    Archive, Change, Digest, Entry, Extension, Extra, Fetch, Folder, Format, Git, Image, Lock, Name, Origin, Pin,
    Platform, Rev, Revision, Sha256, Text, Url,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Whatever a type takes, from characters that mean something to TOML, to paths and to urls.
fn hostile<T: std::str::FromStr + std::fmt::Debug>() -> impl Strategy<Value = T> {
    let text = "([a-c\"'\\\\#=.\\[\\]{}:/@%? é雪\u{1f916}-]{1,12}|\\PC{1,12})";
    text.prop_filter_map("not a value of the type", |text| text.parse().ok())
}

fn checked<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>(
    pattern: &'static str,
) -> impl Strategy<Value = T> + use<T> {
    pattern.prop_map(|text| text.parse().unwrap())
}

fn rev() -> impl Strategy<Value = Rev> {
    checked("[0-9a-f]{40}([0-9a-f]{24})?")
}

fn sha256() -> impl Strategy<Value = Sha256> {
    checked("sha256:[0-9a-f]{64}")
}

fn git() -> impl Strategy<Value = Git> {
    (of(hostile::<Text>()), of(hostile::<Text>()), rev(), hostile::<Url>(), extra())
        .prop_map(|(want, reference, rev, url, extra)| Git { want, reference, rev, url, extra })
}

fn archive() -> impl Strategy<Value = Archive> {
    (select(vec![Format::Tar, Format::Zip]), of(hostile::<Text>()), sha256(), hostile::<Url>(), extra())
        .prop_map(|(format, reference, digest, url, extra)| Archive { format, reference, digest, url, extra })
}

fn revision() -> impl Strategy<Value = Revision> {
    let pin = prop_oneof![checked("[0-9a-f]{40}").prop_map(Pin::Hg), checked("0|[1-9][0-9]{0,9}").prop_map(Pin::Svn)];
    (of(hostile::<Text>()), pin, hostile::<Url>(), extra()).prop_map(|(reference, pin, url, extra)| Revision {
        reference,
        pin,
        url,
        extra,
    })
}

/// Unknown keys can only be read.
fn extra() -> impl Strategy<Value = Extra> {
    select(vec!["", "x = 1", "\"a.b\" = [{ c = \"\\u0007\\\"\" }, 07:32]", "t = { u = -0.0, v.w = \"=\" }"]).prop_map(
        |line| {
            let text = format!("schema = 1\n[image.a]\nref = \"a\"\ndigest = \"sha256:{}\"\n{line}\n", "0".repeat(64));
            let lock = Lock::parse(&text).unwrap();
            lock.images().next().unwrap().1.extra.clone()
        },
    )
}

/// One that is built in may be detected; one from git is somebody's wish.
fn extension(digest: impl Strategy<Value = Digest>) -> impl Strategy<Value = Entry> {
    let folder = of(checked::<Folder>("[a-c雪]{1,3}(/[a-c]{1,3})?"));
    let origin = (of(hostile()), of(hostile()), rev(), folder, hostile())
        .prop_map(|(want, reference, rev, dir, url)| Origin { want, reference, rev, dir, url });
    let from = prop_oneof![
        of(hostile::<Text>()).prop_map(|detected| (detected, None)),
        origin.prop_map(|origin| (None, Some(origin))),
    ];
    (hostile(), digest, from, extra()).prop_map(|(version, digest, (detected, origin), extra)| {
        Entry::Ext(Extension { version, digest, detected, origin, extra })
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let digest = checked::<Digest>("(b3|sha256):[0-9a-f]{64}");
    let platforms = btree_map(checked::<Platform>("linux-[a-z0-9]{1,5}(-v[0-9])?"), sha256(), 0..4);
    prop_oneof![
        extension(digest),
        (of(hostile()), of(hostile()), platforms, hostile(), extra()).prop_map(
            |(want, reference, platforms, url, extra)| Entry::Fetch(Fetch { want, reference, platforms, url, extra })
        ),
        (hostile(), sha256(), extra()).prop_map(|(reference, digest, extra)| Entry::Image(Image {
            reference,
            digest,
            extra
        })),
        git().prop_map(Entry::Input),
        git().prop_map(Entry::Repo),
        archive().prop_map(Entry::Archive),
        revision().prop_map(Entry::Revision),
    ]
}

fn lock() -> impl Strategy<Value = Lock> {
    vec((hostile::<Name>(), entry()), 0..8).prop_map(|entries| {
        let mut lock = Lock::new();
        for (name, entry) in entries {
            lock.insert(name, entry);
        }
        lock
    })
}

/// Returns the text's blocks by their header; the top of the file is called by its comment.
fn blocks(text: &str) -> BTreeMap<&str, &str> {
    text.split("\n\n").map(|block| (block.lines().next().unwrap(), block.trim_end())).collect()
}

proptest! {
    #[test]
    fn reading_what_was_written_gives_the_same_lock(lock in lock()) {
        let text = lock.to_string();
        let read = Lock::parse(&text).unwrap();
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn the_order_of_insertion_and_of_the_text_moves_no_key(lock in lock(), at in any::<Index>()) {
        let text = lock.to_string();
        let mut shuffled: Vec<_> = text.split("\n\n").map(str::trim_end).collect();
        let top = shuffled.remove(0);
        if !shuffled.is_empty() {
            let middle = at.index(shuffled.len());
            shuffled.rotate_left(middle);
            shuffled[middle..].reverse();
        }
        let shuffled = format!("{top}\n{}\n", shuffled.join("\n"));
        prop_assert_eq!(Lock::parse(&shuffled).unwrap().to_string(), text);

        let mut backwards = Lock::new();
        for (key, entry) in lock.iter().collect::<Vec<_>>().into_iter().rev() {
            backwards.insert(key.name.clone(), entry.clone());
        }
        prop_assert_eq!(backwards, lock);
    }

    #[test]
    fn a_difference_is_empty_between_equals_and_leads_from_one_lock_to_the_other(one in lock(), other in lock()) {
        prop_assert!(one.diff(&one.clone()).is_empty());
        let mut changed = one.clone();
        for (key, change) in one.diff(&other).changes() {
            match change {
                Change::Added(entry) => _ = changed.insert(key.name.clone(), (*entry).clone()),
                Change::Removed(_) => _ = changed.remove(key),
                Change::Changed(both) => {
                    prop_assert!(!both.fields.is_empty() && both.fields.iter().all(|field| field.before != field.after));
                    changed.insert(key.name.clone(), both.after.clone());
                }
            }
        }
        prop_assert_eq!(&changed, &other);
        let back = other.diff(&one);
        prop_assert!(one.diff(&other).changes().map(|(key, _)| key).eq(back.changes().map(|(key, _)| key)));
    }

    #[test]
    fn changing_one_entry_leaves_every_other_byte(mut lock in lock(), name in hostile::<Name>(), entry in entry()) {
        let before = lock.to_string();
        let header = {
            let mut alone = Lock::new();
            alone.insert(name.clone(), entry.clone());
            alone.to_string().lines().nth(3).unwrap().to_owned()
        };
        lock.insert(name, entry);
        let after = lock.to_string();
        let (mut before, mut after) = (blocks(&before), blocks(&after));
        prop_assert!(after.remove(header.as_str()).is_some());
        before.remove(header.as_str());
        prop_assert_eq!(before, after);
    }

    #[test]
    fn any_text_is_a_lock_or_has_problems_inside_it(text in "\\PC{0,40}|[\\[\\]{}\"'=.#\n a<>\\\\u0-9-]{0,60}") {
        holds_for(&text);
    }

    #[test]
    fn a_damaged_lock_is_a_lock_or_has_problems_inside_it(
        lock in lock(),
        damage in vec((any::<Index>(), 0..6usize, "[\\[\\]{}\"'=.#\n a<>\\\\\u{0}\u{85}é-]{0,3}"), 1..4),
    ) {
        let mut text: Vec<char> = lock.to_string().chars().collect();
        for (at, length, new) in damage {
            let at = at.index(text.len());
            text.splice(at..(at + length).min(text.len()), new.chars());
            if text.is_empty() {
                break;
            }
        }
        holds_for(&text.into_iter().collect::<String>());
    }
}

/// Checks that `text` is read without a panic, and that what was read is stable.
fn holds_for(text: &str) {
    match Lock::parse(text) {
        Ok(lock) => {
            let written = lock.to_string();
            let again = Lock::parse(&written).unwrap();
            assert_eq!(again, lock);
            assert_eq!(again.to_string(), written);
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| text.get(error.span.clone()).is_some()), "{errors:?}");
        }
    }
}

#[test]
fn nesting_has_an_end() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("schema = 1\nx = {}1{}\n", open.repeat(100_000), close.repeat(100_000));
        assert!(Lock::parse(&text).is_err());
    }
    for text in [format!("{}x = 1", "a.".repeat(100_000)), format!("[{}x]", "a.".repeat(100_000))] {
        assert!(Lock::parse(&text).is_err());
    }
}
