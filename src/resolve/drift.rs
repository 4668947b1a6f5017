//! Drift: a structural comparison of what is wished for with what is locked (DESIGN §3). Pure, offline, complete.
//!
//! Invariant: there is no drift exactly when `deps lock` would write the same bytes.

use deps_lock::{Entry, Extension, Git, Image, Key, Kind as EntryKind, Lock};

use super::fetch;
use super::origin::{self, OtherContent};
use super::other;
use super::wishes::{GitWish, ImageWish, RepositoryWish, Wishes};
use crate::manifest::version::highest;
use crate::manifest::{Kind, Wish};
use crate::source::Place;

/// A difference between the project and its lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Drift {
    /// Wished for, not locked.
    #[error("{key}: {}not in the lock", asked(place))]
    Missing {
        /// The entry.
        key: Key,
        /// Where it is wished for.
        place: Option<Place>,
    },
    /// Locked, not wished for.
    #[error("{key}: in the lock, but nothing asks for it")]
    Extra {
        /// The entry.
        key: Key,
    },
    /// Another kind of repository.
    #[error("{key}: `{}` has the type `{wished}`, the lock has `{locked}`", place.source.name())]
    TypeChanged {
        /// The entry.
        key: Key,
        /// Where it is wished for.
        place: Place,
        /// The type wished for.
        wished: &'static str,
        /// The type in the lock.
        locked: &'static str,
    },
    /// Another URL.
    #[error("{key}: `{}` has the url `{wished}`, the lock has `{locked}`", place.source.name())]
    UrlChanged {
        /// The entry.
        key: Key,
        /// Where it is wished for.
        place: Place,
        /// The URL wished for.
        wished: String,
        /// The URL in the lock.
        locked: String,
    },
    /// Another version.
    #[error("{key}: `{}` asks for {}, the lock has {}", place.source.name(), version(wished), version(locked))]
    RefChanged {
        /// The entry.
        key: Key,
        /// Where it is wished for.
        place: Place,
        /// The version wished for.
        wished: Option<String>,
        /// The version in the lock.
        locked: Option<String>,
    },
    /// The tag in the lock does not satisfy the requirement, or the id does not continue the abbreviated one.
    #[error("{key}: `{}` asks for `{want}`, and the lock's `{locked}` does not satisfy it", place.source.name())]
    WantUnsatisfied {
        /// The entry.
        key: Key,
        /// Where it is wished for.
        place: Place,
        /// The requirement.
        want: String,
        /// What the lock has.
        locked: String,
    },
    /// A platform of the project that the entry has no digest for.
    #[error("{key}: the project has the platform `{platform}`, the lock does not")]
    PlatformMissing {
        /// The entry.
        key: Key,
        /// Where the entry is wished for.
        place: Place,
        /// The platform.
        platform: String,
    },
    /// A platform that the project does not have any more.
    #[error("{key}: the lock has the platform `{platform}`, the project does not")]
    PlatformExtra {
        /// The entry.
        key: Key,
        /// The platform.
        platform: String,
    },
    /// An extension that a file of the project shows to be wanted, and that is not locked.
    #[error("{key}: `{file}` shows it, not in the lock")]
    Shown {
        /// The entry.
        key: Key,
        /// The file.
        file: String,
    },
    /// An extension that another file shows now, or that is asked for now.
    #[error("{key}: {} now, in the lock {}", shown(wished), shown(locked))]
    ShownOtherwise {
        /// The entry.
        key: Key,
        /// The file that shows it; none when somebody asks for it.
        wished: Option<String>,
        /// The file in the lock.
        locked: Option<String>,
    },
    /// An extension that comes from elsewhere.
    #[error("{key}: it is {wished} now, and {locked} in the lock")]
    OriginChanged {
        /// The entry.
        key: Key,
        /// Where it shall come from, as a phrase.
        wished: &'static str,
        /// Where it comes from in the lock.
        locked: &'static str,
    },
    /// Another folder of the same repository.
    #[error("{key}: `{}` takes {}, the lock has {}", place.source.name(), folder(wished), folder(locked))]
    FolderChanged {
        /// The entry.
        key: Key,
        /// Where it is wished for.
        place: Place,
        /// The folder wished for.
        wished: Option<String>,
        /// The folder in the lock.
        locked: Option<String>,
    },
    /// Files that are not those of the lock, although the commit is.
    #[error(transparent)]
    OtherContent(OtherContent),
    /// An extension of git whose version is not the one that its files say.
    #[error("{key}: its files say version {wished}, the lock has {locked}")]
    VersionChanged {
        /// The entry.
        key: Key,
        /// The version in its files.
        wished: String,
        /// The version in the lock.
        locked: String,
    },
    /// A built-in extension with other files.
    #[error("{key}: {}", brought(wished, locked, wished_digest, locked_digest))]
    ExtensionChanged {
        /// The entry.
        key: Key,
        /// The version that the tool brings.
        wished: String,
        /// The version in the lock.
        locked: String,
        /// The beginning of the digest that the tool brings.
        wished_digest: String,
        /// The beginning of the digest in the lock.
        locked_digest: String,
    },
    /// A merge stopped in the file: what it holds is not known before `deps lock` has merged its sides.
    #[error("line {line} is a conflict marker that a merge left")]
    ConflictMarkers {
        /// The line of the first marker, from 1.
        line: usize,
    },
    /// The same entries in another spelling.
    #[error("the file is not in its canonical form")]
    NotCanonical,
}

impl Drift {
    /// Returns the entry that it is about; none where it is the file.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Missing { key, .. }
            | Self::Extra { key }
            | Self::TypeChanged { key, .. }
            | Self::UrlChanged { key, .. }
            | Self::RefChanged { key, .. }
            | Self::WantUnsatisfied { key, .. }
            | Self::PlatformMissing { key, .. }
            | Self::PlatformExtra { key, .. }
            | Self::Shown { key, .. }
            | Self::ShownOtherwise { key, .. }
            | Self::OriginChanged { key, .. }
            | Self::FolderChanged { key, .. }
            | Self::VersionChanged { key, .. }
            | Self::ExtensionChanged { key, .. } => Some(key),
            Self::OtherContent(other) => Some(&other.key),
            Self::ConflictMarkers { .. } | Self::NotCanonical => None,
        }
    }
}

/// Returns every difference between `wishes` and `lock`, whose file holds `text`; in the order of the lock's keys. While
/// an extension from git is not known, what else it asks for is not missed, and nothing that it may ask for is too much.
pub fn drift(wishes: &Wishes, lock: &Lock, text: &str) -> Vec<Drift> {
    let mut found: Vec<(Option<Key>, Drift)> = Vec::new();
    let mut note = |key: &Key, drift: Option<Drift>| found.extend(drift.map(|drift| (Some(key.clone()), drift)));
    for (key, wish) in &wishes.images {
        note(
            key,
            match lock.get(key) {
                Some(Entry::Image(locked)) => image(key, wish, locked),
                _ => Some(Drift::Missing { key: key.clone(), place: Some(wish.place.clone()) }),
            },
        );
    }
    for (key, wish) in &wishes.repositories {
        note(key, repository(key, wish, lock.get(key)));
    }
    for (key, wish) in &wishes.inputs {
        note(
            key,
            match lock.get(key) {
                Some(Entry::Input(locked)) => git(key, wish, locked),
                _ => Some(Drift::Missing { key: key.clone(), place: Some(wish.place.clone()) }),
            },
        );
    }
    for (key, wish) in &wishes.fetches {
        match lock.get(key) {
            Some(Entry::Fetch(locked)) => {
                fetch::drift(key, wish, locked).into_iter().for_each(|one| note(key, Some(one)))
            }
            _ => note(key, Some(Drift::Missing { key: key.clone(), place: Some(wish.place.clone()) })),
        }
    }
    for (key, wish) in &wishes.extensions {
        let origin = wishes.origins.get(key).and_then(|origin| origin::drift(key, origin, lock.get(key)));
        note(key, origin.or_else(|| extension(key, wish, lock.get(key))));
    }
    let unknown: Vec<_> = wishes.origins.iter().filter(|(key, _)| !wishes.extensions.contains_key(key)).collect();
    for (key, origin) in &unknown {
        note(key, origin::drift(key, origin, lock.get(key)));
    }
    let maybe =
        |key: &Key| !unknown.is_empty() && matches!(key.kind, EntryKind::Ext | EntryKind::Fetch | EntryKind::Input);
    for (key, _) in lock.iter().filter(|(key, _)| !wishes.have(key) && !maybe(key)) {
        note(key, Some(Drift::Extra { key: key.clone() }));
    }
    if lock.to_string() != text {
        found.push((None, Drift::NotCanonical));
    }
    found.sort_by(|(a, _), (b, _)| (a.is_none(), a).cmp(&(b.is_none(), b)));
    found.into_iter().map(|(_, drift)| drift).collect()
}

/// Returns how `locked` differs from `wish`.
pub(super) fn image(key: &Key, wish: &ImageWish, locked: &Image) -> Option<Drift> {
    let (key, place) = (key.clone(), wish.place.clone());
    if locked.reference != wish.reference {
        let (wished, locked) = (Some(wish.reference.to_string()), Some(locked.reference.to_string()));
        return Some(Drift::RefChanged { key, place, wished, locked });
    }
    let want = wish.digest().filter(|wished| **wished != *locked.digest)?.to_owned();
    Some(Drift::WantUnsatisfied { key, place, want, locked: locked.digest.to_string() })
}

/// Returns how the entry of a checkout differs from `wish`.
fn repository(key: &Key, wish: &RepositoryWish, locked: Option<&Entry>) -> Option<Drift> {
    match (wish.kind, locked) {
        (_, None) => Some(Drift::Missing { key: key.clone(), place: Some(wish.git.place.clone()) }),
        (Kind::Git, Some(Entry::Repo(locked))) => git(key, &wish.git, locked),
        (_, Some(locked)) => other::drift(key, wish, locked),
    }
}

/// Returns how `locked` differs from `wish`.
pub(super) fn git(key: &Key, wish: &GitWish, locked: &Git) -> Option<Drift> {
    let (key, place) = (key.clone(), wish.place.clone());
    if locked.url != wish.url {
        let (wished, locked) = (wish.url.to_string(), locked.url.to_string());
        return Some(Drift::UrlChanged { key, place, wished, locked });
    }
    let requirement = matches!(wish.wish, Wish::Requirement(..));
    let text = if requirement { &locked.want } else { &locked.reference };
    if *text != wish.version || locked.want.is_some() != requirement {
        let locked = locked.want.as_ref().or(locked.reference.as_ref()).map(ToString::to_string);
        return Some(Drift::RefChanged { key, place, wished: wish.version.as_ref().map(ToString::to_string), locked });
    }
    let unsatisfied = match (&wish.wish, &locked.reference) {
        (Wish::Requirement(requirement, want), Some(tag)) if highest(requirement, [tag.as_ref()]).is_none() => {
            Some((want, tag.to_string()))
        }
        (Wish::Requirement(_, want), None) => Some((want, locked.rev.to_string())),
        (Wish::Commit(rev), _) if *locked.rev != **rev => Some((rev, locked.rev.to_string())),
        _ => None,
    };
    unsatisfied.map(|(want, locked)| Drift::WantUnsatisfied { key, place, want: want.clone(), locked })
}

/// Whether `locked` is the entry of the extension `wish`.
pub(super) fn same_extension(locked: Option<&Entry>, wish: &Extension) -> bool {
    let same = |locked: &Extension| Extension { extra: Default::default(), ..locked.clone() } == *wish;
    matches!(locked, Some(Entry::Ext(locked)) if same(locked))
}

fn extension(key: &Key, wish: &Extension, locked: Option<&Entry>) -> Option<Drift> {
    if same_extension(locked, wish) {
        return None;
    }
    let (key, detected) = (key.clone(), wish.detected.as_ref().map(ToString::to_string));
    let Some(Entry::Ext(locked)) = locked else {
        return Some(match detected {
            Some(file) => Drift::Shown { key, file },
            None => Drift::Missing { key, place: None },
        });
    };
    if let Some(other) = origin::other_content(&key, wish, Some(&Entry::Ext(locked.clone()))) {
        return Some(Drift::OtherContent(other));
    }
    if wish.origin.is_none() && locked.origin.is_some() {
        return Some(Drift::OriginChanged { key, wished: "built in", locked: "from git" });
    }
    if wish.digest == locked.digest && wish.version == locked.version {
        let locked = locked.detected.as_ref().map(ToString::to_string);
        return Some(Drift::ShownOtherwise { key, wished: detected, locked });
    }
    if wish.origin.is_some() {
        let (wished, locked) = (wish.version.to_string(), locked.version.to_string());
        return Some(Drift::VersionChanged { key, wished, locked });
    }
    Some(Drift::ExtensionChanged {
        key,
        wished: wish.version.to_string(),
        locked: locked.version.to_string(),
        wished_digest: short(&wish.digest),
        locked_digest: short(&locked.digest),
    })
}

/// The beginning of a digest, for people.
pub(super) fn short(digest: &str) -> String {
    digest.chars().take(11).collect()
}

fn brought(wished: &str, locked: &str, wished_digest: &str, locked_digest: &str) -> String {
    if wished == locked {
        return format!(
            "this deps brings version {wished} with other files ({wished_digest}) than the lock has ({locked_digest})"
        );
    }
    format!("this deps brings version {wished} ({wished_digest}), the lock has {locked} ({locked_digest})")
}

fn shown(file: &Option<String>) -> String {
    file.as_ref().map_or_else(|| "it is asked for".to_owned(), |file| format!("`{file}` shows it"))
}

fn folder(folder: &Option<String>) -> String {
    folder.as_ref().map_or_else(|| "the repository itself".to_owned(), |folder| format!("the folder `{folder}`"))
}

fn asked(place: &Option<Place>) -> String {
    place.as_ref().map_or_else(String::new, |place| format!("in `{}`, ", place.source.name()))
}

fn version(text: &Option<String>) -> String {
    text.as_ref().map_or_else(|| "no version".to_owned(), |text| format!("`{text}`"))
}
