//! Archives, Mercurial and Subversion: what their versions may be, when their entries are out of date, and their pins.
//!
//! Decides that the version of an archive is a folder in it (vcstool's `tar.py` and `zip.py`), and that a full changeset
//! id needs no asking. Leaves out what a version means to `hg` and `svn`, which only they know.

use deps_lock::{Archive, Entry, Format, Key, Pin, Revision, Sha256, System};

use super::answer::{Answer, Question};
use super::drift::Drift;
use super::pin::{Open, Work, unusable};
use super::wishes::RepositoryWish;
use crate::manifest::Kind;

/// Why a version is none of its kind: a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtherVersion {
    /// The folder of an archive that is none.
    #[error("the version of an archive is the folder in it that is wanted, and this one {0}")]
    Folder(&'static str),
    /// A peg revision in a revision.
    #[error("the version of an `svn` repository is a revision, and this one holds a `@`")]
    Peg,
}

/// What an entry of another kind than git is pinned by.
enum Other {
    Archive(Format),
    Revision(System),
}

/// Returns what `kind` is pinned by; none for git, and for what cannot be pinned.
fn other(kind: Kind) -> Option<Other> {
    match kind {
        Kind::Tar => Some(Other::Archive(Format::Tar)),
        Kind::Zip => Some(Other::Archive(Format::Zip)),
        Kind::Hg => Some(Other::Revision(System::Hg)),
        Kind::Svn => Some(Other::Revision(System::Svn)),
        Kind::Git | Kind::Bzr => None,
    }
}

/// Returns `Ok` for a version that an entry of `kind` can have.
pub(super) fn check_version(kind: Kind, version: &str) -> Result<(), OtherVersion> {
    match kind {
        Kind::Tar | Kind::Zip if version.starts_with('/') => Err(OtherVersion::Folder("is an absolute path")),
        Kind::Tar | Kind::Zip if version.split('/').any(|part| part == "..") => {
            Err(OtherVersion::Folder("leads out of its folder with `..`"))
        }
        Kind::Svn if version.contains('@') => Err(OtherVersion::Peg),
        _ => Ok(()),
    }
}

/// Returns how `locked` differs from `wish`, which is of another kind than git.
pub(super) fn drift(key: &Key, wish: &RepositoryWish, locked: &Entry) -> Option<Drift> {
    let (key, place, git) = (key.clone(), wish.git.place.clone(), &wish.git);
    let (reference, url) = match locked {
        Entry::Archive(archive) => (&archive.reference, &archive.url),
        Entry::Revision(revision) => (&revision.reference, &revision.url),
        Entry::Repo(git) | Entry::Input(git) => (&git.reference, &git.url),
        Entry::Ext(_) | Entry::Fetch(_) | Entry::Image(_) => {
            return Some(Drift::Missing { key, place: Some(place) });
        }
    };
    if let Some(kind) = type_name(locked).filter(|kind| *kind != wish.kind.name()) {
        return Some(Drift::TypeChanged { key, place, wished: wish.kind.name(), locked: kind });
    }
    if *url != git.url {
        return Some(Drift::UrlChanged { key, place, wished: git.url.to_string(), locked: url.to_string() });
    }
    if *reference != git.version {
        let [wished, locked] = [&git.version, reference].map(|text| text.as_ref().map(ToString::to_string));
        return Some(Drift::RefChanged { key, place, wished, locked });
    }
    match (locked, git.version.as_deref()) {
        (Entry::Revision(revision), Some(version)) if !can_be(&revision.pin, version) => {
            let (want, locked) = (version.to_owned(), revision.pin.rev().to_owned());
            Some(Drift::WantUnsatisfied { key, place, want, locked })
        }
        _ => None,
    }
}

/// Returns what manifests call the type of `entry`; none where they have no such type.
fn type_name(entry: &Entry) -> Option<&'static str> {
    match entry {
        Entry::Archive(archive) => Some(archive.format.name()),
        Entry::Revision(revision) => Some(revision.pin.system().name()),
        Entry::Repo(_) => Some(Kind::Git.name()),
        Entry::Ext(_) | Entry::Fetch(_) | Entry::Image(_) | Entry::Input(_) => None,
    }
}

/// Returns whether `version` can have been found to be `pin`: only full ids and numbers say more than a name.
fn can_be(pin: &Pin, version: &str) -> bool {
    match pin {
        Pin::Hg(node) => full_node(version).is_none_or(|full| full == **node),
        // The last change is not after the revision that was asked for.
        Pin::Svn(number) => match (version.parse::<u64>(), number.parse::<u64>()) {
            (Ok(version), Ok(number)) => number <= version,
            _ => true,
        },
    }
}

/// Returns the changeset id that `version` is, in lowercase; none where it is a name or a part of one.
fn full_node(version: &str) -> Option<String> {
    let is_hex = version.bytes().all(|byte| byte.is_ascii_hexdigit());
    (version.len() == 40 && is_hex).then(|| version.to_ascii_lowercase())
}

impl Work<'_> {
    /// Returns the entry of any repository or archive of a manifest.
    pub(super) fn repository(&self, key: &Key, wish: &RepositoryWish) -> Result<Entry, Open> {
        let Some(kind) = other(wish.kind) else { return self.git(key, &wish.git).map(Entry::Repo) };
        let old = self.before.get(key);
        if let Some(old) = old.filter(|old| drift(key, wish, old).is_none() && !self.refresh.covers(key)) {
            return Ok(old.clone());
        }
        let (reference, url) = (wish.git.version.clone(), wish.git.url.clone());
        let extra = old.filter(|old| type_name(old) == Some(wish.kind.name()));
        let extra = extra.map(|old| old.extra().clone()).unwrap_or_default();
        Ok(match kind {
            Other::Archive(format) => {
                let digest = Sha256::new(self.archive(wish)?).map_err(unusable)?;
                Entry::Archive(Archive { format, reference, digest, url, extra })
            }
            Other::Revision(system) => {
                let pin = Pin::new(system, &self.revision(system, wish)?).map_err(unusable)?;
                Entry::Revision(Revision { reference, pin, url, extra })
            }
        })
    }

    fn archive(&self, wish: &RepositoryWish) -> Result<String, Open> {
        match self.answer(Question::Archive { url: wish.git.remote.clone() })? {
            Answer::Archive(digest) => Ok(digest.clone()),
            _ => unreachable!("an archive question has an archive answer"),
        }
    }

    fn revision(&self, system: System, wish: &RepositoryWish) -> Result<String, Open> {
        let version = wish.git.version.as_ref().map(ToString::to_string);
        if let (System::Hg, Some(node)) = (system, version.as_deref().and_then(full_node)) {
            return Ok(node);
        }
        match self.answer(Question::Revision { system, url: wish.git.remote.clone(), version })? {
            Answer::Revision(rev) => Ok(rev.clone()),
            _ => unreachable!("a revision question has a revision answer"),
        }
    }
}
