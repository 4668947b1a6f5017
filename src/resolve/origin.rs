//! Extensions that others keep in git repositories: which commit is wished for, and when an entry is out of date.
//!
//! Decides both before anybody has seen the extension's files: what it requires is only known from them. Leaves out
//! bringing and reading those files (`remote/`, `workspace/`).

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Entry, Extension, Folder, Git, Key, Kind, Lock, Name, Origin};

use super::answer::{Answers, Question};
use super::drift::{self, Drift};
use super::pin::{MovedTag, Open, PinProblem, PinProblemKind, Refresh, Work, moved_tag};
use super::wishes::{Gather, GitWish, WishProblem};
use crate::manifest;
use crate::project::{GitOrigin, Project};
use crate::source::{Located, Place};

/// An extension that others keep in a git repository.
#[derive(Clone, Debug)]
pub struct OriginWish {
    /// The repository and what to take of it.
    pub git: GitWish,
    /// The folder; the repository itself when absent.
    pub dir: Option<Folder>,
    /// Where the folder is written, or else the version.
    pub dir_place: Place,
}

/// The extensions from git by their keys in the lock.
pub type Origins = BTreeMap<Key, OriginWish>;

/// The commits that they come from.
pub type Pins = BTreeMap<Key, Origin>;

/// Files of an extension that are not those of the lock, although they are of the same commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: its files at `{rev}` have the digest `{found}`, the lock has `{locked}`")]
pub struct OtherContent {
    /// The entry.
    pub key: Key,
    /// The commit.
    pub rev: String,
    /// The beginning of the digest that was found.
    pub found: String,
    /// The beginning of the digest in the lock.
    pub locked: String,
}

/// Returns the extensions of `project`, which stands in `folder` on this machine, that come from git.
///
/// # Errors
/// Every url and every version that cannot be asked for, at its place.
pub fn origins(project: &Project, folder: &str) -> Result<Origins, Vec<Located<WishProblem>>> {
    let mut gather = Gather::default();
    let mut origins = Origins::new();
    for (name, wish) in &project.extensions {
        let Some(git) = wish.git() else { continue };
        let name = Name::new(name).expect("the names of extensions are good");
        if let Some(problem) = problem(project, &name, git) {
            gather.problems.push(problem);
            continue;
        }
        let read = gather.git(&project.source, folder, &git.url, git.reference.as_ref());
        let dir = git.dir.as_ref().map(|dir| Folder::new(&dir.value).expect("deps.toml has been checked"));
        if let Some(read) = read {
            let dir_place = git.dir.as_ref().map_or_else(|| read.place.clone(), |dir| project.source.at(dir.span()));
            origins.insert(Key { kind: Kind::Ext, name }, OriginWish { git: read, dir, dir_place });
        }
    }
    if gather.problems.is_empty() { Ok(origins) } else { Err(gather.problems) }
}

/// Returns why a repository cannot be asked, or not for that version.
fn problem(project: &Project, name: &str, git: &GitOrigin) -> Option<Located<WishProblem>> {
    let name = name.to_owned();
    if let Err(problem) = manifest::url::check(&git.url.value, manifest::Kind::Git) {
        let error = WishProblem::OriginUrl { name, problem };
        return Some(Located { place: project.source.at(git.url.span()), error });
    }
    let reference = git.reference.as_ref()?;
    let problem = manifest::Wish::read(Some(&reference.value)).err()?;
    Some(Located { place: project.source.at(reference.span()), error: WishProblem::OriginRef { name, problem } })
}

/// Returns what must be asked before [`pin_origins`] has all it needs.
pub fn origin_questions(origins: &Origins, before: &Lock, refresh: &Refresh, answers: &Answers) -> BTreeSet<Question> {
    let state = Work { before, refresh, answers };
    let open = |outcome| if let Err(Open::Question(question)) = outcome { Some(question) } else { None };
    origins.iter().filter_map(|(key, wish)| open(state.git(key, &wish.git))).collect()
}

/// Returns where each extension comes from now, and which tags lead elsewhere than when they were locked.
///
/// # Errors
/// Every extension that cannot be pinned.
pub fn pin_origins(
    origins: &Origins,
    before: &Lock,
    refresh: &Refresh,
    answers: &Answers,
) -> Result<(Pins, Vec<MovedTag>), Vec<PinProblem>> {
    let state = Work { before, refresh, answers };
    let (mut pins, mut moved, mut problems) = (Pins::new(), Vec::new(), Vec::new());
    for (key, wish) in origins {
        match state.git(key, &wish.git) {
            Ok(git) => {
                moved.extend(moved_tag(key, &wish.git, before, &git, answers));
                pins.insert(key.clone(), origin(git, wish.dir.clone()));
            }
            Err(Open::Problem(kind)) => {
                problems.push(PinProblem { key: key.clone(), place: wish.git.place.clone(), kind });
            }
            Err(Open::Question(question)) => unreachable!("`origin_questions` would have asked {question:?}"),
        }
    }
    if problems.is_empty() { Ok((pins, moved)) } else { Err(problems) }
}

/// Returns the next entry of an extension; none when the lock's stays.
pub(super) fn pinned(
    key: &Key,
    wish: &Extension,
    before: &Lock,
    refresh: &Refresh,
) -> Result<Option<Extension>, PinProblemKind> {
    let old = before.get(key);
    if drift::same_extension(old, wish) {
        return Ok(None);
    }
    if let Some(other) = other_content(key, wish, old).filter(|_| !refresh.covers(key)) {
        return Err(other.into());
    }
    let extra = old.map(|old| old.extra().clone()).unwrap_or_default();
    Ok(Some(Extension { extra, ..wish.clone() }))
}

/// Returns how the lock's entry differs from where the extension shall come from.
pub(super) fn drift(key: &Key, wish: &OriginWish, locked: Option<&Entry>) -> Option<Drift> {
    let Some(Entry::Ext(locked)) = locked else {
        return Some(Drift::Missing { key: key.clone(), place: Some(wish.git.place.clone()) });
    };
    let Some(Origin { want, reference, rev, dir, url }) = locked.origin.clone() else {
        return Some(Drift::OriginChanged { key: key.clone(), wished: "from git", locked: "built in" });
    };
    let git = Git { want, reference, rev, url, extra: Default::default() };
    drift::git(key, &wish.git, &git).or_else(|| {
        let text = |dir: &Option<Folder>| dir.as_ref().map(ToString::to_string);
        let (wished, locked) = (text(&wish.dir), text(&dir));
        let (key, place) = (key.clone(), wish.dir_place.clone());
        (wished != locked).then_some(Drift::FolderChanged { key, place, wished, locked })
    })
}

/// Returns how the files of `wish` differ from those of the lock, where both are of the same commit.
pub(super) fn other_content(key: &Key, wish: &Extension, locked: Option<&Entry>) -> Option<OtherContent> {
    let (Some(Entry::Ext(locked)), Some(origin)) = (locked, &wish.origin) else { return None };
    let same = locked.origin.as_ref().is_some_and(|old| old.rev == origin.rev && old.dir == origin.dir);
    (same && locked.digest != wish.digest).then(|| OtherContent {
        key: key.clone(),
        rev: origin.rev.to_string(),
        found: drift::short(&wish.digest),
        locked: drift::short(&locked.digest),
    })
}

fn origin(git: Git, dir: Option<Folder>) -> Origin {
    let Git { want, reference, rev, url, extra: _ } = git;
    Origin { want, reference, rev, dir, url }
}
