//! Files that extensions fetch by url: which version, which URL for which platform, when an entry is out of date, its pins.
//!
//! Decides that a digest stays as long as its version and its URL do: another platform, or another version, downloads
//! what is new alone. Leaves out what a URL may be (`extension/`) and downloading (`remote/`).

use std::collections::BTreeMap;

use deps_lock::{Entry, Fetch, Key, Platform, Sha256, Text, Url};

use super::answer::{Answer, Question};
use super::drift::Drift;
use super::git::{Found, find};
use super::pin::{Open, PinProblemKind, Work, unusable};
use super::wishes::GitWish;
use crate::extension::{self, Packing, UrlFile, UrlInput};
use crate::manifest::Wish;
use crate::manifest::version::highest;
use crate::project;
use crate::source::{Located, Place};

/// A file that an extension fetches by url.
#[derive(Clone, Debug)]
pub struct FetchWish {
    /// What says where it is.
    pub input: UrlInput,
    /// The platforms of the project, by what a lock calls them.
    pub platforms: BTreeMap<Platform, project::Platform>,
    /// The version as written: a requirement or a tag where there is a repository.
    pub version: Option<Text>,
    /// The repository whose tags are the versions.
    pub git: Option<GitWish>,
    /// Where the version is written; the URL where there is none.
    pub place: Place,
}

/// A file of the lock, for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedFile {
    /// The platform.
    pub platform: Platform,
    /// Where it is.
    pub url: String,
    /// What becomes of it.
    pub packing: Packing,
    /// Its digest, 64 hexadecimal digits.
    pub sha256: String,
}

impl PinnedFile {
    /// Whether it is the one for `platform`.
    pub fn is_for(&self, platform: &project::Platform) -> bool {
        *self.platform == *locked_name(platform)
    }
}

/// Returns what a lock calls `platform`.
pub(super) fn locked_name(platform: &project::Platform) -> String {
    platform.to_string().replace('/', "-")
}

/// Where the files of one version are.
struct Files {
    /// As the lock has it.
    url: Url,
    by_platform: BTreeMap<Platform, UrlFile>,
}

impl FetchWish {
    /// Returns the files that `locked`, an entry in sync, has for the platforms of the project.
    pub fn files(&self, locked: &Fetch) -> Vec<PinnedFile> {
        let Ok(files) = self.at(self.tag(locked)) else { return Vec::new() };
        let pinned = |(platform, UrlFile { url, packing }): (Platform, UrlFile)| {
            let sha256 = locked.platforms.get(&platform)?.trim_start_matches("sha256:").to_owned();
            Some(PinnedFile { platform, url, packing, sha256 })
        };
        files.by_platform.into_iter().filter_map(pinned).collect()
    }

    /// Returns the first problem that every version has.
    pub(super) fn problem(&self) -> Option<Located<extension::Problem>> {
        let named = self.git.as_ref().filter(|git| matches!(git.wish, Wish::Tag(_)));
        self.at(named.and(self.version.as_deref())).err()
    }

    /// The tag that the URL of `locked` is made of.
    fn tag<'a>(&self, locked: &'a Fetch) -> Option<&'a str> {
        self.git.as_ref().and(locked.reference.as_deref())
    }

    fn at(&self, tag: Option<&str>) -> Result<Files, Located<extension::Problem>> {
        let platforms: Vec<&project::Platform> = self.platforms.values().collect();
        let url = self.input.url(tag, &platforms)?;
        let url = Url::new(url).expect("a url that can be pinned can be locked");
        let file = |(name, platform): (&Platform, _)| Ok((name.clone(), self.input.file(tag, platform)?));
        Ok(Files { url, by_platform: self.platforms.iter().map(file).collect::<Result<_, Located<_>>>()? })
    }

    /// Returns the requirement, where the version is one.
    fn requirement(&self) -> Option<&semver::VersionReq> {
        match self.git.as_ref().map(|git| &git.wish) {
            Some(Wish::Requirement(requirement, _)) => Some(requirement),
            _ => None,
        }
    }
}

/// Returns how `locked` differs from `wish`.
pub(super) fn drift(key: &Key, wish: &FetchWish, locked: &Fetch) -> Vec<Drift> {
    if let Some(drift) = version_drift(key, wish, locked) {
        return vec![drift];
    }
    let files = wish.at(wish.tag(locked));
    let platforms = || {
        let missing = wish.platforms.keys().filter(|platform| !locked.platforms.contains_key(*platform));
        let missing = missing.map(|platform| Drift::PlatformMissing {
            key: key.clone(),
            place: wish.place.clone(),
            platform: platform.to_string(),
        });
        let extra = locked.platforms.keys().filter(|platform| !wish.platforms.contains_key(*platform));
        let extra = extra.map(|platform| Drift::PlatformExtra { key: key.clone(), platform: platform.to_string() });
        missing.chain(extra).collect::<Vec<_>>()
    };
    let moved = match &files {
        Ok(files) => files.by_platform.iter().any(|(platform, file)| {
            locked.platforms.contains_key(platform) && locked.url_of(platform).as_ref() != Some(&file.url)
        }),
        Err(_) => true,
    };
    let (found, wished) = (platforms(), files.map_or_else(|problem| problem.error.to_string(), |files| files.url.to_string()));
    if moved || found.is_empty() && wished != *locked.url {
        let (key, place, locked) = (key.clone(), wish.input.place(), locked.url.to_string());
        return vec![Drift::UrlChanged { key, place, wished, locked }];
    }
    found
}

fn version_drift(key: &Key, wish: &FetchWish, locked: &Fetch) -> Option<Drift> {
    let (key, place) = (key.clone(), wish.place.clone());
    let requirement = wish.requirement();
    let text = if requirement.is_some() { &locked.want } else { &locked.reference };
    if *text != wish.version || locked.want.is_some() != requirement.is_some() {
        let locked = locked.want.as_ref().or(locked.reference.as_ref()).map(ToString::to_string);
        return Some(Drift::RefChanged { key, place, wished: wish.version.as_ref().map(ToString::to_string), locked });
    }
    let locked = locked.reference.as_deref().unwrap_or_default();
    let unsatisfied = requirement.is_some_and(|requirement| highest(requirement, [locked]).is_none());
    let want = wish.version.as_deref().unwrap_or_default().to_owned();
    unsatisfied.then(|| Drift::WantUnsatisfied { key, place, want, locked: locked.to_owned() })
}

impl Work<'_> {
    /// Returns the entry of `wish`, else everything that is open, for all of its platforms at once.
    pub(super) fn fetch(&self, key: &Key, wish: &FetchWish) -> Result<Fetch, Vec<Open>> {
        let old = match self.before.get(key) {
            Some(Entry::Fetch(old)) => Some(old),
            _ => None,
        };
        let kept = old.filter(|_| !self.refresh.covers(key));
        if let Some(kept) = kept.filter(|kept| drift(key, wish, kept).is_empty()) {
            return Ok(kept.clone());
        }
        let (want, reference) = self.version(key, wish, kept).map_err(|open| vec![open])?;
        let tag = wish.git.as_ref().and(reference.as_deref());
        let files = wish.at(tag).map_err(|problem| vec![Open::Problem(problem.error.into())])?;
        let same = kept.filter(|kept| kept.reference == reference);
        let (mut platforms, mut open) = (BTreeMap::new(), Vec::new());
        for (platform, file) in &files.by_platform {
            let known = same.filter(|same| same.url_of(platform).as_ref() == Some(&file.url));
            let sum = match known.and_then(|same| same.platforms.get(platform)) {
                Some(sum) => Ok(sum.clone()),
                None => self.sum(file),
            };
            match sum {
                Ok(sum) => _ = platforms.insert(platform.clone(), sum),
                Err(one) => open.push(one),
            }
        }
        if !open.is_empty() {
            return Err(open);
        }
        let extra = old.map(|old| old.extra.clone()).unwrap_or_default();
        Ok(Fetch { want, reference, platforms, url: files.url, extra })
    }

    /// The requirement, and the version that is wished for or the tag that is chosen.
    fn version(
        &self,
        key: &Key,
        wish: &FetchWish,
        kept: Option<&Fetch>,
    ) -> Result<(Option<Text>, Option<Text>), Open> {
        let Some(git) = &wish.git else { return Ok((None, wish.version.clone())) };
        if let Some(kept) = kept.filter(|kept| version_drift(key, wish, kept).is_none()) {
            return Ok((kept.want.clone(), kept.reference.clone()));
        }
        let Answer::Refs(refs) = self.answer(Question::Refs { url: git.remote.clone() })? else {
            unreachable!("a refs question has a refs answer")
        };
        match find(&key.name, &git.wish, refs).map_err(|problem| Open::Problem(problem.into()))? {
            Found::Commit { tag: Some(tag), .. } => {
                Ok((wish.version.clone(), Some(Text::new(tag).map_err(unusable)?)))
            }
            _ => Ok((None, wish.version.clone())),
        }
    }

    fn sum(&self, file: &UrlFile) -> Result<Sha256, Open> {
        let url = file.url.clone();
        let question = match file.packing {
            Packing::Archive { .. } => Question::Archive { url },
            Packing::File { .. } => Question::File { url },
        };
        match self.answer(question)? {
            Answer::Archive(digest) | Answer::File(digest) => Sha256::new(digest).map_err(unusable),
            _ => unreachable!("a question about a file has a digest for an answer"),
        }
    }
}

impl From<extension::Problem> for PinProblemKind {
    fn from(problem: extension::Problem) -> Self {
        Self::Url(Box::new(problem))
    }
}
