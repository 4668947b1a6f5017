//! Whether what a lock pins is still out there, where its refs say: one question a repository first, history only where a
//! ref has moved on.
//!
//! Decides which entries are looked at and in which order findings are told. Of files by url only their length is compared, and
//! only where the store knows it: comparing content is what `deps fetch` does. Leaves out asking (`remote/`) and what to do (`cli/`).

mod expected;
mod finding;
mod look;

use std::collections::BTreeSet;

use deps_lock::{Entry, Git, Key, Lock};

use super::answer::{Answers, Question};
use super::wishes::Wishes;
use crate::source::Place;
pub(super) use expected::expected;
pub use finding::{Finding, FindingKind, Held};
use look::Look;

/// Returns what must be asked next; nothing, when [`verify`] has all it needs: first what every remote has now, then
/// history where that is not enough.
pub fn verify_questions(wishes: &Wishes, lock: &Lock, answers: &Answers) -> BTreeSet<Question> {
    let looked = looked(wishes, lock, answers, &|_| None);
    looked
        .filter_map(|(_, _, looked)| if let Err(Open::Question(question)) = looked { Some(question) } else { None })
        .collect()
}

/// Returns everything that is not as `lock`, which is in sync with `wishes`, says. `length` is that of a file of the store by
/// its SHA-256.
pub fn verify(wishes: &Wishes, lock: &Lock, answers: &Answers, length: &dyn Fn(&str) -> Option<u64>) -> Vec<Finding> {
    let finding = |(key, place, looked): (&Key, &Place, Looked)| {
        let kind = match looked {
            Ok(()) => return None,
            Err(Open::Finding(kind)) => *kind,
            Err(Open::Question(question)) => unreachable!("`verify_questions` would have asked {question:?}"),
        };
        Some(Finding { key: key.clone(), place: place.clone(), kind })
    };
    let mut findings: Vec<Finding> = looked(wishes, lock, answers, length).filter_map(finding).collect();
    findings.sort_by(|a, b| a.key.cmp(&b.key));
    findings
}

/// Nothing to tell, or why not.
type Looked = Result<(), Open>;

enum Open {
    Question(Question),
    Finding(Box<FindingKind>),
}

impl From<FindingKind> for Open {
    fn from(kind: FindingKind) -> Self {
        Self::Finding(Box::new(kind))
    }
}

fn looked<'a>(
    wishes: &'a Wishes,
    lock: &'a Lock,
    answers: &'a Answers,
    length: &'a dyn Fn(&str) -> Option<u64>,
) -> impl Iterator<Item = (&'a Key, &'a Place, Looked)> {
    let look = Look { answers, length };
    let inputs = wishes.inputs.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Input(git) => Some((key, &wish.place, look.git(wish, git))),
        _ => None,
    });
    let origins = wishes.origins.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Ext(extension) => {
            let origin = extension.origin.clone()?;
            let (want, reference, rev, url) = (origin.want, origin.reference, origin.rev, origin.url);
            let git = Git { want, reference, rev, url, extra: Default::default() };
            Some((key, &wish.git.place, look.git(&wish.git, &git)))
        }
        _ => None,
    });
    let repositories = wishes
        .repositories
        .iter()
        .filter_map(move |(key, wish)| Some((key, &wish.git.place, look.repository(wish, lock.get(key)?))));
    let images = wishes.images.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Image(image) => Some((key, &wish.place, look.image(wish, image))),
        _ => None,
    });
    let fetches = wishes.fetches.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Fetch(locked) => Some((key, wish, wish.files(locked))),
        _ => None,
    });
    let fetches = fetches.flat_map(move |(key, wish, files)| {
        let look = move |file: super::PinnedFile| (key, &wish.url_place, look.file(&file.url, &file.sha256));
        files.into_iter().map(look)
    });
    images.chain(repositories).chain(inputs).chain(fetches).chain(origins)
}
