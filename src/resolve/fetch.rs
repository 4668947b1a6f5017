//! Files that extensions fetch by url: which version, which URL for which platform, when an entry is out of date, its pins.
//!
//! Decides that a digest stays as long as its version and its URL do: another platform, or another version, downloads
//! what is new alone. Leaves out what a URL may be (`extension/`) and downloading (`remote/`).

use std::collections::BTreeMap;

use deps_lock::{Entry, Fetch, Key, Lock, Platform, Sha256, Text, Url};

use super::answer::{Answer, Question, Transport};
use super::drift::Drift;
use super::git::{Found, find};
use super::pin::{Open, PinProblemKind, Work, unusable};
use super::wishes::{Gather, GitWish, WishProblem, Wishes};
use crate::extension::{self, Packing, UrlFile, UrlInput, UrlVersion};
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
    /// Where the URL is written.
    pub url_place: Place,
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

/// A file that somebody replaced under its version and its url, which nobody expects of a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: the file at `{url}` has been replaced: it was `{from}` and is `{to}`")]
pub struct ReplacedFile {
    /// The entry.
    pub key: Key,
    /// Where its url is written.
    pub place: Place,
    /// Where it is.
    pub url: String,
    /// Its digest in the old lock.
    pub from: String,
    /// Its digest in the new one.
    pub to: String,
}

/// Returns the files whose content alone differs between two locks.
pub(super) fn replaced(wishes: &Wishes, before: &Lock, after: &Lock) -> Vec<ReplacedFile> {
    let entry = |(key, wish)| match (before.get(key), after.get(key)) {
        (Some(Entry::Fetch(old)), Some(Entry::Fetch(new))) if old.reference == new.reference => {
            Some((key, wish, old, new))
        }
        _ => None,
    };
    let files = wishes.fetches.iter().filter_map(entry).flat_map(|(key, wish, old, new)| {
        new.platforms.iter().filter_map(move |(platform, to)| {
            let (from, url) = (old.platforms.get(platform)?, new.url_of(platform)?);
            let (key, place) = (key.clone(), wish.url_place.clone());
            let is_other = old.url_of(platform).as_ref() == Some(&url) && from != to;
            is_other.then(|| ReplacedFile { key, place, url, from: from.to_string(), to: to.to_string() })
        })
    });
    files.collect()
}

impl PinnedFile {
    /// Whether it is the one for `platform`.
    pub fn is_for(&self, platform: &project::Platform) -> bool {
        *self.platform == *locked_name(platform)
    }
}

/// Returns what a lock calls `platform`.
fn locked_name(platform: &project::Platform) -> String {
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
    fn problem(&self) -> Option<Located<extension::Problem>> {
        let named = self.git.as_ref().filter(|git| matches!(git.wish, Wish::Tag(_)));
        self.at(named.and(self.version.as_deref())).err()
    }

    /// Returns where what keeps it from being pinned is written.
    pub(super) fn place_of(&self, open: &Open) -> &Place {
        match open {
            Open::Problem(PinProblemKind::Remote(failure)) if failure.transport == Transport::Http => &self.url_place,
            _ => &self.place,
        }
    }

    /// The tag that the URL of `locked` is made of.
    fn tag<'a>(&self, locked: &'a Fetch) -> Option<&'a str> {
        self.git.as_ref().and(locked.reference.as_deref())
    }

    fn at(&self, tag: Option<&str>) -> Result<Files, Located<extension::Problem>> {
        let platforms: Vec<&project::Platform> = self.platforms.values().collect();
        let url = self.input.url(tag, &platforms)?;
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

impl Gather {
    /// Reads what is wished of a file for `platforms`.
    pub(super) fn fetch(&mut self, input: &UrlInput, platforms: &[project::Platform]) -> Option<FetchWish> {
        let (place, source) = (input.place(), input.source());
        let mut by_name = BTreeMap::new();
        for platform in platforms {
            let name = Platform::new(locked_name(platform));
            by_name.insert(self.value(&place, "platform", name)?, platform.clone());
        }
        let (version, git) = match &input.version {
            UrlVersion::Unnamed => (None, None),
            UrlVersion::Exact(version) => {
                (Some(self.value(&source.at(version.span()), "version", Text::new(&version.value))?), None)
            }
            UrlVersion::Tag { git, reference } => {
                let git = self.git(source, "", git, Some(reference))?;
                let git = self.tags_alone(git)?;
                (git.version.clone(), Some(git))
            }
        };
        let asked = match &input.version {
            UrlVersion::Exact(at) | UrlVersion::Tag { reference: at, .. } => source.at(at.span()),
            UrlVersion::Unnamed => place.clone(),
        };
        let wish = FetchWish { input: input.clone(), platforms: by_name, version, git, place: asked, url_place: place };
        match wish.problem() {
            Some(Located { place, error }) => {
                self.problems.push(Located { place, error: WishProblem::Url(Box::new(error)) });
                None
            }
            None => Some(wish),
        }
    }

    /// Reads a version that is no requirement as a tag: nothing else names a release.
    fn tags_alone(&mut self, git: GitWish) -> Option<GitWish> {
        let text = git.version.as_ref().map(ToString::to_string).unwrap_or_default();
        let wish = match git.wish {
            Wish::Requirement(..) => git.wish,
            Wish::Name(_) | Wish::Abbreviated(_) => Wish::Tag(text),
            _ => {
                self.problems.push(Located { place: git.place, error: WishProblem::NoTag(text) });
                return None;
            }
        };
        Some(GitWish { wish, ..git })
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
    let (found, wished) =
        (platforms(), files.map_or_else(|problem| problem.error.to_string(), |files| files.url.to_string()));
    if moved || found.is_empty() && wished != *locked.url {
        let (key, place, locked) = (key.clone(), wish.url_place.clone(), locked.url.to_string());
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
        let (mut platforms, mut open) = (BTreeMap::new(), BTreeMap::new());
        for (platform, file) in &files.by_platform {
            let known = same.filter(|same| same.url_of(platform).as_ref() == Some(&file.url));
            let sum = match known.and_then(|same| same.platforms.get(platform)) {
                Some(sum) => Ok(sum.clone()),
                None => self.sum(file),
            };
            match sum {
                Ok(sum) => _ = platforms.insert(platform.clone(), sum),
                Err(one) => _ = open.insert(&file.url, one),
            }
        }
        if !open.is_empty() {
            return Err(open.into_values().collect());
        }
        let extra = old.map(|old| old.extra.clone()).unwrap_or_default();
        Ok(Fetch { want, reference, platforms, url: files.url, extra })
    }

    /// The requirement, and the version that is wished for or the tag that is chosen.
    fn version(&self, key: &Key, wish: &FetchWish, kept: Option<&Fetch>) -> Result<(Option<Text>, Option<Text>), Open> {
        let Some(git) = &wish.git else { return Ok((None, wish.version.clone())) };
        if let Some(kept) = kept.filter(|kept| version_drift(key, wish, kept).is_none()) {
            return Ok((kept.want.clone(), kept.reference.clone()));
        }
        let Answer::Refs(refs) = self.answer(Question::Refs { url: git.remote.clone() })? else {
            unreachable!("a refs question has a refs answer")
        };
        match find(&key.name, &git.wish, refs).map_err(|problem| Open::Problem(problem.into()))? {
            Found::Commit { tag: Some(tag), .. } => Ok((wish.version.clone(), Some(Text::new(tag).map_err(unusable)?))),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Answers, Refresh, Refs, drift as drift_of, pin, questions};
    use super::*;
    use crate::extension::{Extension, File};
    use crate::source::Source;

    const WITH_ARCH: &str = "https://x.org/{{ version }}/tool-{{ arch }}.tar.gz";

    /// Keys of an input, whether its version comes from a repository, and what it is asked for.
    type Input = (&'static str, &'static str, &'static str);

    const INPUTS: [Input; 8] = [
        ("https://x.org/tool-1.tar.gz", "", ""),
        ("https://x.org/tool-{{ arch }}", "", ""),
        ("https://x.org/{{ version }}/tool.bin", "version", "1.0"),
        (WITH_ARCH, "version", "1.0"),
        (WITH_ARCH, "version", "2.0"),
        (WITH_ARCH, "git", "^1"),
        ("https://x.org/{{ tag }}/tool-{{ arch }}.tar.gz", "git", "~1.2"),
        (WITH_ARCH, "git", "v1.10.0"),
    ];

    const PLATFORMS: [&str; 4] = [
        "\"linux/amd64\"",
        "\"linux/arm64\"",
        "\"linux/amd64\", \"linux/arm64\"",
        "\"linux/arm/v7\", \"linux/arm64\", \"linux/amd64\"",
    ];

    const ARCHS: [&str; 3] = [
        "",
        "arch = { amd64 = \"x64\", arm64 = \"arm64\", arm = \"arm\" }",
        "arch = { amd64 = \"any\", arm64 = \"any\", \"arm/v7\" = \"any\" }",
    ];

    fn wishes((url, key, version): Input, arch: &str, platforms: &str) -> Result<Wishes, Vec<String>> {
        let toml = format!("[project]\nname = \"p\"\nbase = \"scratch\"\nplatforms = [{platforms}]\n");
        let project = project::parse(&Source::new("deps.toml", toml)).expect("a good project");
        let version = match key {
            "git" => format!("git = \"https://git.example/tool.git\"\nref = \"{version}\"\n"),
            "" => String::new(),
            key => format!("{key} = \"{version}\"\n"),
        };
        let toml = format!(
            "[extension]\nname = \"tool\"\nversion = \"1.0.0\"\nsummary = \"x\"\n[inputs.src]\nurl = \"{url}\"\n{version}{arch}\n"
        );
        let file = File { path: "extension.toml".to_owned(), executable: false, content: toml.into_bytes() };
        let extension = Extension::read("tool", "tool", vec![file]).expect("a good extension");
        let configured = extension.configure(&project.source, None).expect("a good extension");
        Wishes::gather(&project, &[], Default::default(), &[configured])
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    /// Returns the lock that all answers lead to, and what was asked.
    fn locked(wishes: &Wishes, before: &Lock) -> (Lock, Vec<String>) {
        let tags = ["1.2.0", "v1.10.0", "2.0.0"].map(|tag| (tag.to_owned(), "a".repeat(40)));
        let refs = Refs { tags: tags.into(), ..Refs::default() };
        let (mut answers, mut asked) = (Answers::new(), Vec::new());
        loop {
            let open = questions(wishes, before, &Refresh::Nothing, &answers);
            if open.is_empty() {
                let pinned = pin(wishes, before, &Refresh::Nothing, &answers);
                return (pinned.expect("every answer is there").lock, asked);
            }
            for question in open {
                let digest = |url: &str| format!("sha256:{}", blake3::hash(url.as_bytes()).to_hex());
                let (subject, answer) = match &question {
                    Question::Refs { url } => (url.clone(), Answer::Refs(refs.clone())),
                    Question::Archive { url } => (url.clone(), Answer::Archive(digest(url))),
                    Question::File { url } => (url.clone(), Answer::File(digest(url))),
                    other => panic!("nobody needs {other:?}"),
                };
                asked.push(subject);
                answers.insert(question, Ok(answer));
            }
        }
    }

    #[test]
    fn another_platform_asks_for_its_own_file_alone() {
        let (lock, asked) = locked(&wishes(INPUTS[3], ARCHS[1], PLATFORMS[0]).unwrap(), &Lock::new());
        assert_eq!(asked, ["https://x.org/1.0/tool-x64.tar.gz"]);
        let both = wishes(INPUTS[3], ARCHS[1], PLATFORMS[2]).unwrap();
        let found: Vec<String> = drift_of(&both, &lock, &lock.to_string()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["fetch `tool/src`: the project has the platform `linux-arm64`, the lock does not"]);
        let (lock, asked) = locked(&both, &lock);
        assert_eq!(asked, ["https://x.org/1.0/tool-arm64.tar.gz"]);
        assert!(lock.to_string().contains("url = \"https://x.org/1.0/tool-{x64,arm64}.tar.gz\"\n"), "{lock}");
        let one = wishes(INPUTS[3], ARCHS[1], PLATFORMS[1]).unwrap();
        let found: Vec<String> = drift_of(&one, &lock, &lock.to_string()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["fetch `tool/src`: the lock has the platform `linux-amd64`, the project does not"]);
        assert_eq!(locked(&one, &lock).1, [""; 0]);
    }

    #[test]
    fn a_requirement_and_a_tag_name_the_version() {
        for (input, expected) in [
            (INPUTS[5], "want = \"^1\"\nref = \"v1.10.0\"\nlinux-amd64"),
            (INPUTS[6], "want = \"~1.2\"\nref = \"1.2.0\"\nlinux-amd64"),
            (INPUTS[7], "\nref = \"v1.10.0\"\nlinux-amd64"),
        ] {
            let (lock, asked) = locked(&wishes(input, "", PLATFORMS[0]).unwrap(), &Lock::new());
            assert!(lock.to_string().contains(expected), "{lock}");
            assert_eq!(asked[0], "https://git.example/tool.git");
            let url = if input.0 == WITH_ARCH { "1.10.0" } else { "1.2.0" };
            assert_eq!(asked[1], format!("https://x.org/{url}/tool-amd64.tar.gz"));
        }
    }

    #[test]
    fn what_no_platform_or_no_tag_can_be_is_told_at_its_place() {
        let only = "arch = { amd64 = \"x64\" }";
        let told = |input, arch| wishes(input, arch, PLATFORMS[2]).expect_err("a problem");
        let missing = "tool/extension.toml:6:7: there is no file for the platform `linux/arm64`: `arch` has `amd64`";
        assert_eq!(told(INPUTS[3], only), [missing]);
        for version in ["heads/main", "refs/tags/v1", "HEAD"] {
            let problem = format!(
                "tool/extension.toml:8:7: `{version}` is no tag and no requirement: the versions of a url are the tags of its repository"
            );
            assert_eq!(told((WITH_ARCH, "git", version), ""), [problem]);
        }
    }

    /// What people and merges do to a lock.
    fn disturbed(text: &str, how: usize) -> String {
        match how {
            0 => text.replacen("ref = \"1.0\"", "ref = \"1.1\"", 1),
            1 => text.replacen("{x64", "{x86", 1),
            2 => text.replacen("ref = \"v1.10.0\"", "ref = \"2.0.0\"", 1),
            3 => text.replacen("want = \"^1\"\n", "", 1),
            4 => text.lines().filter(|line| !line.starts_with("linux-arm64")).map(|line| format!("{line}\n")).collect(),
            5 => text.replacen("https://x.org/", "https://y.org/", 1),
            6 => text.replacen("ref = ", "odd = 1\nref = ", 1),
            7 => text.replacen(",arm64", "", 1),
            _ => text.to_owned(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn there_is_no_drift_exactly_when_locking_changes_nothing(
            inputs in (0..8_usize, 0..8_usize), archs in (0..3_usize, 0..3_usize),
            platforms in (0..4_usize, 0..4_usize), same in any::<bool>(), how in 0..10_usize,
        ) {
            let old = wishes(INPUTS[inputs.0], ARCHS[archs.0], PLATFORMS[platforms.0]).expect("good wishes");
            let new = wishes(INPUTS[inputs.1], ARCHS[archs.1], PLATFORMS[platforms.1]).expect("good wishes");
            let text = disturbed(&locked(&old, &Lock::new()).0.to_string(), how);
            let Ok(lock) = Lock::parse(&text) else { return Ok(()) };
            let now = if same { &old } else { &new };
            let after = locked(now, &lock).0.to_string();
            prop_assert_eq!(drift_of(now, &lock, &text).is_empty(), after == text, "{}\n→\n{}", text, after);
            let settled = locked(now, &Lock::parse(&after).expect("we wrote it")).0;
            prop_assert_eq!(settled.to_string(), after);
        }
    }
}
