//! From wishes and a lock to questions, and from answers to the next lock.
//!
//! Decides which entries stay as they are: those that still say what is wished for and need no refreshing. Every
//! entry that stays is byte-identical in the new lock.

use std::borrow::Cow;
use std::collections::BTreeSet;

use deps_lock::{Entry, Extension, Git, Image, Key, Kind, Lock, Origin, Rev, Selector, Sha256, Text};

use super::answer::{Answer, Answers, Failure, Question};
use super::drift;
use super::fetch::{self, ReplacedFile};
use super::git::{self, Found, GitProblem};
use super::origin::{self, OtherContent};
use super::precise::{Date, PreciseProblem};
use super::wishes::{GitWish, ImageWish, Wishes};
use crate::extension;
use crate::manifest::version::Step;
use crate::source::Place;

/// Which entries are resolved again although they still say what is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// None: `deps lock`.
    Nothing,
    /// Those that one of the selectors names: `deps update KEY…`.
    Selected(Vec<Selector>),
    /// All: `deps update`.
    Everything,
    /// Those that one of the selectors names, each to this tag, commit or digest: `deps update --precise`.
    Precise(Vec<(Selector, String)>),
    /// Those whose version is a requirement, as far as this step: `deps update --minor`. All where none is named.
    Within(Step, Option<Vec<Selector>>),
    /// Git repositories, to what they had at a date: `deps lock --as-of`. All where none is named.
    AsOf(Date, Option<Vec<Selector>>),
}

impl Refresh {
    pub(super) fn covers(&self, key: &Key) -> bool {
        match self {
            // Only git entries know dates and steps.
            Self::Nothing | Self::Within(..) | Self::AsOf(..) => false,
            Self::Precise(chosen) => chosen.iter().any(|(selector, _)| selector.matches(key)),
            Self::Selected(selectors) => selectors.iter().any(|selector| selector.matches(key)),
            Self::Everything => true,
        }
    }
}

/// Why an entry cannot be pinned.
#[derive(Clone, Debug)]
pub struct PinProblem {
    /// The entry.
    pub key: Key,
    /// Where it is wished for.
    pub place: Place,
    /// Why.
    pub kind: PinProblemKind,
}

/// Why an entry cannot be pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinProblemKind {
    /// The remote did not answer.
    #[error(transparent)]
    Remote(#[from] Failure),
    /// The remote has nothing that would do.
    #[error(transparent)]
    Git(#[from] GitProblem),
    /// The version that was chosen has no URL.
    #[error(transparent)]
    Url(Box<extension::Problem>),
    /// The remote had nothing that would do at that date.
    #[error("as of {date}, {problem}")]
    AsOf {
        /// What it lacked.
        problem: GitProblem,
        /// The date, as it was written.
        date: String,
    },
    /// What somebody chose will not do.
    #[error(transparent)]
    Precise(#[from] PreciseProblem),
    /// The commit is the lock's, and its files are not.
    #[error(transparent)]
    Content(#[from] OtherContent),
    /// The remote's answer is not what it must be.
    #[error("the answer is not usable: {0}")]
    Answer(deps_lock::ValueError),
}

/// A lock, and what changed on the way to it.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The new lock.
    pub lock: Lock,
    /// Entries that the old lock did not have.
    pub added: Vec<Key>,
    /// Entries that say something else now.
    pub changed: Vec<Key>,
    /// Entries that nothing asks for any more.
    pub removed: Vec<Key>,
    /// Tags that lead to another commit than when they were locked.
    pub moved_tags: Vec<MovedTag>,
    /// Files of the same version and url that are other ones than when they were locked.
    pub replaced: Vec<ReplacedFile>,
}

/// A tag that somebody moved, which nobody expects of a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: the tag `{tag}` has been moved from `{from}` to `{to}`")]
pub struct MovedTag {
    /// The entry.
    pub key: Key,
    /// Where it is wished for.
    pub place: Place,
    /// The tag.
    pub tag: String,
    /// The commit in the old lock.
    pub from: String,
    /// The commit in the new one.
    pub to: String,
}

/// Returns what must be asked next; nothing, when [`pin`] has all it needs. An abbreviated commit id may take two
/// rounds: first the refs, of which one may have that name, then history.
pub fn questions(wishes: &Wishes, before: &Lock, refresh: &Refresh, answers: &Answers) -> BTreeSet<Question> {
    let state = Work { before, refresh, answers };
    let images = wishes.images.iter().map(|(key, wish)| state.image(key, wish).map(Entry::Image));
    let repositories = wishes.repositories.iter().map(|(key, wish)| state.repository(key, wish));
    let inputs = wishes.inputs.iter().map(|(key, wish)| state.git(key, wish).map(Entry::Input));
    let open = |outcome| if let Err(Open::Question(question)) = outcome { Some(question) } else { None };
    let fetches = wishes.fetches.iter().filter_map(|(key, wish)| state.fetch(key, wish).err()).flatten();
    images.chain(repositories).chain(inputs).chain(fetches.map(Err)).filter_map(open).collect()
}

/// Returns the lock that `wishes` ask for: kept entries, answers, and nothing that nobody asks for.
///
/// # Errors
/// Every entry that cannot be pinned; one failed remote never hides another's problem.
pub fn pin(
    wishes: &Wishes,
    before: &Lock,
    refresh: &Refresh,
    answers: &Answers,
) -> Result<Resolution, Vec<PinProblem>> {
    let state = Work { before, refresh, answers };
    let mut problems = Vec::new();
    let mut lock = before.clone();
    let mut keep = |key: &Key, place: &Place, outcome: Result<Entry, Open>| match outcome {
        Ok(entry) => _ = lock.insert(key.name.clone(), entry),
        Err(Open::Problem(kind)) => problems.push(PinProblem { key: key.clone(), place: place.clone(), kind }),
        Err(Open::Question(question)) => unreachable!("`questions` would have asked {question:?}"),
    };
    for (key, wish) in &wishes.images {
        keep(key, &wish.place, state.image(key, wish).map(Entry::Image));
    }
    for (key, wish) in &wishes.repositories {
        keep(key, &wish.git.place, state.repository(key, wish));
    }
    for (key, wish) in &wishes.inputs {
        keep(key, &wish.place, state.git(key, wish).map(Entry::Input));
    }
    for (key, wish) in &wishes.fetches {
        match state.fetch(key, wish) {
            Ok(entry) => keep(key, &wish.place, Ok(Entry::Fetch(entry))),
            Err(open) => open.into_iter().for_each(|one| keep(key, wish.place_of(&one), Err(one))),
        }
    }
    for (key, wish) in &wishes.extensions {
        match origin::pinned(key, wish, before, refresh) {
            Ok(entry) => _ = entry.and_then(|entry| lock.insert(key.name.clone(), Entry::Ext(entry))),
            Err(kind) => {
                let place = wishes.origins[key].git.place.clone();
                problems.push(PinProblem { key: key.clone(), place, kind });
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (moved_tags, replaced) = (moved_tags(wishes, before, &lock, answers), fetch::replaced(wishes, before, &lock));
    Ok(Resolution { moved_tags, replaced, ..compare(before, lock, wishes) })
}

fn moved_tags(wishes: &Wishes, before: &Lock, after: &Lock, answers: &Answers) -> Vec<MovedTag> {
    let repositories = wishes.repositories.iter().map(|(key, wish)| (key, &wish.git));
    let moved = repositories
        .chain(&wishes.inputs)
        .filter_map(|(key, wish)| moved_tag(key, wish, before, git_entry(after, key)?.as_ref(), answers));
    moved.collect()
}

/// Returns the tag that led to another commit than `new` when it was locked.
pub(super) fn moved_tag(key: &Key, wish: &GitWish, before: &Lock, new: &Git, answers: &Answers) -> Option<MovedTag> {
    let old = git_entry(before, key)?;
    let tag = new.reference.as_deref()?;
    let same = old.url == new.url && old.reference == new.reference && old.rev != new.rev;
    let refs = answers.get(&Question::Refs { url: wish.remote.clone() })?;
    let Ok(Answer::Refs(refs)) = refs else { return None };
    let tag = tag.strip_prefix("tags/").unwrap_or(tag);
    let is_tag = refs.tags.get(tag).is_some_and(|rev| **rev == *new.rev) && !refs.branches.contains_key(tag);
    let (from, to) = (old.rev.to_string(), new.rev.to_string());
    (same && is_tag).then(|| MovedTag { key: key.clone(), place: wish.place.clone(), tag: tag.to_owned(), from, to })
}

fn git_entry<'a>(lock: &'a Lock, key: &Key) -> Option<Cow<'a, Git>> {
    match lock.get(key) {
        Some(Entry::Repo(git) | Entry::Input(git)) => Some(Cow::Borrowed(git)),
        Some(Entry::Ext(Extension { origin: Some(origin), .. })) => {
            let Origin { want, reference, rev, dir: _, url } = origin.clone();
            Some(Cow::Owned(Git { want, reference, rev, url, extra: Default::default() }))
        }
        _ => None,
    }
}

fn compare(before: &Lock, mut lock: Lock, wishes: &Wishes) -> Resolution {
    let stale: Vec<Key> = lock.iter().map(|(key, _)| key.clone()).filter(|key| !wishes.have(key)).collect();
    stale.iter().for_each(|key| _ = lock.remove(key));
    Resolution { removed: stale, ..changes(before, lock) }
}

/// Returns what is new and what is other in `lock`, which lacks nothing that `before` has.
pub fn changes(before: &Lock, lock: Lock) -> Resolution {
    let added = lock.iter().map(|(key, _)| key.clone()).filter(|key| before.get(key).is_none()).collect();
    let moved = |(key, entry): &(&Key, &Entry)| before.get(key).is_some_and(|old| old != *entry);
    let changed = lock.iter().filter(moved).map(|(key, _)| key.clone()).collect();
    Resolution { lock, added, changed, removed: Vec::new(), moved_tags: Vec::new(), replaced: Vec::new() }
}

impl Wishes {
    /// Whether somebody asks for `key`.
    pub fn have(&self, key: &Key) -> bool {
        match key.kind {
            Kind::Ext => self.extensions.contains_key(key),
            Kind::Image => self.images.contains_key(key),
            Kind::Input => self.inputs.contains_key(key),
            Kind::Repo => self.repositories.contains_key(key),
            Kind::Fetch => self.fetches.contains_key(key),
        }
    }
}

/// What stands between a wish and its entry.
pub(super) enum Open {
    Question(Question),
    Problem(PinProblemKind),
}

pub(super) struct Work<'a> {
    pub(super) before: &'a Lock,
    pub(super) refresh: &'a Refresh,
    pub(super) answers: &'a Answers,
}

impl Work<'_> {
    fn image(&self, key: &Key, wish: &ImageWish) -> Result<Image, Open> {
        let old = match self.before.get(key) {
            Some(Entry::Image(old)) => Some(old),
            _ => None,
        };
        if let Some(old) = old.filter(|old| drift::image(key, wish, old).is_none() && !self.refresh.covers(key)) {
            return Ok(old.clone());
        }
        if let Some(chosen) = self.chosen_image(key, wish, old)? {
            return Ok(chosen);
        }
        let answer = self.answer(Question::Image { reference: wish.reference.to_string() })?;
        let Answer::Image(digest) = answer else { unreachable!("an image question has an image answer") };
        let digest = Sha256::new(digest).map_err(unusable)?;
        let extra = old.map(|old| old.extra.clone()).unwrap_or_default();
        Ok(Image { reference: wish.reference.clone(), digest, extra })
    }

    pub(super) fn git(&self, key: &Key, wish: &GitWish) -> Result<Git, Open> {
        let old = git_entry(self.before, key);
        let old = old.as_deref();
        if let Some(old) =
            old.filter(|old| drift::git(key, wish, old).is_none() && !self.refresh.covers_git(key, &wish.wish))
        {
            return Ok(old.clone());
        }
        let (rev, tag) = self.commit(key, wish, old).map_err(|open| match (open, old) {
            (Open::Problem(PinProblemKind::Git(problem)), Some(old)) if drift::git(key, wish, old).is_none() => {
                Open::Problem(problem.since_locked(&old.rev).into())
            }
            (open, _) => open,
        })?;
        let rev = Rev::new(rev).map_err(unusable)?;
        let (want, reference) = match tag {
            Some(tag) => (wish.version.clone(), Some(Text::new(tag).map_err(unusable)?)),
            None => (None, wish.version.clone()),
        };
        let extra = old.map(|old| old.extra.clone()).unwrap_or_default();
        Ok(Git { want, reference, rev, url: wish.url.clone(), extra })
    }

    /// The commit that is wished for, and the tag that was chosen for a requirement.
    fn commit(&self, key: &Key, wish: &GitWish, old: Option<&Git>) -> Result<(String, Option<String>), Open> {
        if let Some(chosen) = self.chosen(key, wish)? {
            return Ok(chosen);
        }
        if let crate::manifest::Wish::Commit(rev) = &wish.wish {
            return Ok((rev.clone(), None));
        }
        let url = wish.remote.clone();
        let Answer::Refs(refs) = self.answer(self.refs_question(&url))? else {
            unreachable!("a refs question has a refs answer")
        };
        let refs = self.within(refs, old);
        match git::find(&key.name, &wish.wish, &refs).map_err(|problem| self.dated(problem))? {
            Found::Commit { rev, tag } => Ok((rev, tag)),
            Found::Abbreviated(abbreviated) => match self.answer(Question::Commit { url, abbreviated })? {
                Answer::Commit(rev) => Ok((rev.clone(), None)),
                _ => unreachable!("a commit question has a commit answer"),
            },
        }
    }

    pub(super) fn answer(&self, question: Question) -> Result<&Answer, Open> {
        match self.answers.get(&question) {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(failure)) => Err(Open::Problem(failure.clone().into())),
            None => Err(Open::Question(question)),
        }
    }
}

pub(super) fn unusable(error: deps_lock::ValueError) -> Open {
    Open::Problem(PinProblemKind::Answer(error))
}
