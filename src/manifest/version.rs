//! Versions of repositories.
//!
//! Decides what the text after `version:` asks for, without asking anyone: vcstool's rules (its `heads/` and `tags/`
//! prefixes, then branch, tag or commit), and semver requirements, which are ours. Also which tag a requirement
//! chooses. Leaves out whether a branch, tag or commit exists (`resolve/`).

use std::cmp::Reverse;

use deps_lock::{Text, ValueError};
use semver::{Version, VersionReq};

use super::problem::shown;

/// What a manifest asks of a git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// The remote's default branch: no version, an empty one, or `HEAD`.
    #[default]
    Head,
    /// `heads/<name>`: a branch (vcstool's `git.py`).
    Branch(String),
    /// `tags/<name>`: a tag (vcstool's `git.py`).
    Tag(String),
    /// A branch or a tag.
    Name(String),
    /// A commit: 40 or 64 hexadecimal digits, in lowercase here.
    Commit(String),
    /// The beginning of a commit, 4 (git's minimum) to 39 hexadecimal digits as written; a branch or a tag of that
    /// very name wins.
    Abbreviated(String),
    /// A full reference, `refs/…`.
    Ref(String),
    /// The highest tag that meets the requirement, and the requirement as written.
    Requirement(VersionReq, String),
}

/// Why a version asks for nothing: the rest of a sentence that starts with its repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// It may not stand in a lock.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It has a space, a tab or a line break.
    #[error("holds a space")]
    Whitespace,
    /// No branch or tag can have this name.
    #[error("is `{text}`, which no branch or tag can be called: {rule}")]
    NotARef {
        /// The version.
        text: String,
        /// What it does that a name cannot.
        rule: &'static str,
    },
    /// It looks like a requirement, but is none.
    #[error("is `{text}`, which is no requirement: {message}")]
    BadRequirement {
        /// The version.
        text: String,
        /// The reader's own words.
        message: String,
    },
}

impl Wish {
    /// Returns what the version `text` asks for.
    ///
    /// A text that starts with one of `^ ~ > < =` or holds a `*` is a requirement (DESIGN §2.2: git refs cannot hold
    /// `^ ~ *`, and nobody starts one with the others).
    ///
    /// # Errors
    ///
    /// Returns why no branch, tag, commit or requirement can be written like that.
    pub fn read(text: Option<&str>) -> Result<Self, WishError> {
        let text = match text {
            None | Some("" | "HEAD") => return Ok(Self::Head),
            Some(text) => text,
        };
        Text::new(text)?;
        if text.starts_with(['^', '~', '>', '<', '=']) || text.contains('*') {
            return requirement(text);
        }
        check_ref(text)?;
        // The prefix is no part of the name, which must not look like an option either.
        Text::new(["heads/", "tags/"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text))?;
        Ok(named(text))
    }
}

fn requirement(text: &str) -> Result<Wish, WishError> {
    match VersionReq::parse(text) {
        Ok(requirement) => Ok(Wish::Requirement(requirement, text.into())),
        Err(error) => Err(WishError::BadRequirement { text: shown(text), message: error.to_string() }),
    }
}

fn named(text: &str) -> Wish {
    if let Some(branch) = text.strip_prefix("heads/") {
        return Wish::Branch(branch.into());
    }
    if let Some(tag) = text.strip_prefix("tags/") {
        return Wish::Tag(tag.into());
    }
    if text.starts_with("refs/") {
        return Wish::Ref(text.into());
    }
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.len() {
        40 | 64 if is_hex => Wish::Commit(text.to_ascii_lowercase()),
        4..40 if is_hex => Wish::Abbreviated(text.into()),
        _ => Wish::Name(text.into()),
    }
}

/// Returns `Ok` for a text that git allows as (the end of) a reference, by git-check-ref-format(1).
fn check_ref(text: &str) -> Result<(), WishError> {
    let refuse = |rule| Err(WishError::NotARef { text: shown(text), rule });
    if text.contains(char::is_whitespace) {
        return Err(WishError::Whitespace);
    }
    if text.contains(['~', '^', ':', '?', '[', '\\']) {
        return refuse("it holds one of `~ ^ : ? [ \\`");
    }
    if text.contains("..") || text.contains("@{") || text == "@" {
        return refuse("it holds `..` or `@{`, or is `@`");
    }
    if text.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock")) {
        return refuse("one of its parts is empty, starts with `.` or ends with `.lock`");
    }
    if text.ends_with('.') { refuse("it ends with `.`") } else { Ok(()) }
}

/// Returns the tag of the highest version that meets `requirement`.
///
/// Tags are read as `1.2.3` or `v1.2.3`, and `1.2` counts as `1.2.0`; other tags do not count. A pre-release meets a
/// requirement only if the requirement names a pre-release of the same `x.y.z` (semver.org §11, [`VersionReq`]). Of
/// tags of the same precedence the plainest one is chosen: without `v`, with all three numbers, without build
/// metadata, first in the order of bytes.
pub fn highest<'a>(requirement: &VersionReq, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let versions = tags.into_iter().filter_map(|tag| Some((tag_version(tag)?, tag)));
    let meeting = versions.filter(|(version, _)| requirement.matches(version));
    meeting.max_by(|a, b| a.0.cmp_precedence(&b.0).then_with(|| plainness(a).cmp(&plainness(b)))).map(|(_, tag)| tag)
}

/// What a version is other in than another, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The last number, or what follows it.
    Patch,
    /// The second number.
    Minor,
    /// The first number.
    Major,
}

/// Returns how far it is from the version `from` up to the version `to`; none where one is no version, or `to` is not higher.
pub fn step(from: &str, to: &str) -> Option<Step> {
    let (from, to) = (tag_version(from)?, tag_version(to)?);
    match () {
        () if to.cmp_precedence(&from).is_le() => None,
        () if to.major != from.major => Some(Step::Major),
        () if to.minor != from.minor => Some(Step::Minor),
        () => Some(Step::Patch),
    }
}

fn plainness<'a>((version, tag): &(Version, &'a str)) -> impl Ord + use<'a> {
    let is_short = core(tag).0.matches('.').count() < 2;
    Reverse((tag.starts_with('v'), is_short, !version.build.is_empty(), *tag))
}

fn tag_version(tag: &str) -> Option<Version> {
    let (core, rest) = core(tag);
    let patch = if core.matches('.').count() == 1 { ".0" } else { "" };
    Version::parse(&format!("{core}{patch}{rest}")).ok()
}

/// Returns the numbers of `tag` without a `v`, and what follows them.
fn core(tag: &str) -> (&str, &str) {
    let version = tag.strip_prefix('v').unwrap_or(tag);
    version.split_at(version.find(['-', '+']).unwrap_or(version.len()))
}

/// Returns whether a plain scalar `text` is spelled otherwise after a tool with YAML 1.1 types (PyYAML's
/// `safe_load`, then `str`, as in vcstool) has read it: `1.10` becomes `1.1`, `0123456` becomes `42798`.
///
/// Texts that no git ref can be (`1:30`, `.5`), and signs, do not count.
pub(super) fn is_respelled(text: &str) -> bool {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let is_one = |word: &str| text == word || text == word.to_ascii_uppercase() || text == capital(word);
    if ["yes", "no", "on", "off", "true", "false"].into_iter().any(is_one) {
        return !matches!(text, "True" | "False");
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let only = |digits: &str| text.chars().all(|c| digits.contains(c));
    let dots = text.matches('.').count();
    if only("0123456789") {
        return text.len() > 1 && text.starts_with('0') && only("01234567");
    }
    if only("0123456789.") && dots == 1 {
        return text.parse::<f64>().is_ok_and(|value| format!("{value:?}") != text);
    }
    let spaced = only("0123456789_.") && dots < 2;
    let exponential = dots == 1 && (text.contains("e+") || text.contains("e-")) && only("0123456789.e+-");
    spaced || exponential || is_based(text)
}

/// Returns whether `text` is one of base 2 or 16.
fn is_based(text: &str) -> bool {
    let is_binary = |digits: &str| digits.bytes().all(|byte| matches!(byte, b'0' | b'1' | b'_'));
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    text.strip_prefix("0b").is_some_and(|digits| !digits.is_empty() && is_binary(digits))
        || text.strip_prefix("0x").is_some_and(|digits| !digits.is_empty() && is_hex(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Wish {
        Wish::read(Some(text)).expect("the version is one")
    }

    #[test]
    fn a_version_keeps_its_spelling() {
        assert_eq!(wish("1.10"), Wish::Name("1.10".into()));
        assert_eq!(wish("0123456"), Wish::Abbreviated("0123456".into()));
        assert_eq!(wish("68354e4"), Wish::Abbreviated("68354e4".into()));
        assert_eq!(wish("on"), Wish::Name("on".into()));
        assert_eq!(wish("012"), Wish::Name("012".into()));
    }

    #[test]
    fn the_form_of_a_version_says_what_it_asks_for() {
        assert_eq!(Wish::read(None), Ok(Wish::Head));
        assert_eq!(wish(""), Wish::Head);
        assert_eq!(wish("HEAD"), Wish::Head);
        assert_eq!(wish("heads/a/b"), Wish::Branch("a/b".into()));
        assert_eq!(wish("tags/1.0"), Wish::Tag("1.0".into()));
        assert_eq!(wish("refs/pull/7/head"), Wish::Ref("refs/pull/7/head".into()));
        assert_eq!(wish("feature/x#19@2"), Wish::Name("feature/x#19@2".into()));
        assert_eq!(wish(&"A".repeat(40)), Wish::Commit("a".repeat(40)));
        assert_eq!(wish(&"9".repeat(64)), Wish::Commit("9".repeat(64)));
        assert_eq!(wish(&"a".repeat(39)), Wish::Abbreviated("a".repeat(39)));
        assert_eq!(wish(&"a".repeat(41)), Wish::Name("a".repeat(41)));
        assert_eq!(wish("abc"), Wish::Name("abc".into()));
        assert_eq!(wish("DEAD"), Wish::Abbreviated("DEAD".into()));
    }

    #[test]
    fn characters_that_no_ref_has_make_a_requirement() {
        for text in ["^1.2", "~1.2.3", ">=1.2, <2", "<2", "=1.2.3", "1.*", "*", ">= 1.2.0-rc.1"] {
            assert!(matches!(wish(text), Wish::Requirement(_, written) if written == text), "{text}");
        }
        for text in ["^", "release/*", "=v1", "~main", ">=1.2 <2"] {
            assert!(matches!(Wish::read(Some(text)), Err(WishError::BadRequirement { .. })), "{text}");
        }
    }

    #[test]
    fn versions_that_no_ref_can_have_are_refused() {
        for text in ["main^", "main~1", "a:b", "a..b", "a@{1}", "@", "a//b", "/a", "a/", ".a", "a.lock", "a.", "heads/"]
        {
            assert!(matches!(Wish::read(Some(text)), Err(WishError::NotARef { .. })), "{text}");
        }
        for text in ["--upload-pack=x", "heads/-x", "tags/--upload-pack=x"] {
            assert_eq!(Wish::read(Some(text)), Err(WishError::Value(ValueError::LeadingDash)), "{text}");
        }
        assert_eq!(Wish::read(Some("a\u{200b}")), Err(WishError::Value(ValueError::ControlCharacter('\u{200b}'))));
        assert_eq!(Wish::read(Some("a\nb")), Err(WishError::Value(ValueError::ControlCharacter('\n'))));
        assert_eq!(Wish::read(Some("a b")), Err(WishError::Whitespace));
    }

    fn highest_of<'a>(requirement: &str, tags: &[&'a str]) -> Option<&'a str> {
        let requirement = VersionReq::parse(requirement).expect("a requirement");
        let forwards = highest(&requirement, tags.iter().copied());
        assert_eq!(forwards, highest(&requirement, tags.iter().rev().copied()), "the order of tags has no say");
        forwards
    }

    #[test]
    fn the_highest_tag_in_the_order_of_versions_is_chosen() {
        assert_eq!(highest_of("^1.2", &["1.2.0", "1.10.0", "1.9.9", "2.0.0"]), Some("1.10.0"));
        assert_eq!(highest_of("^1.2", &["v1.3", "1.2.9"]), Some("v1.3"));
        assert_eq!(highest_of("=1.2", &["1.2"]), Some("1.2"));
        assert_eq!(highest_of("*", &["main", "1", "v1", "1.2.3.4", "release-1.2.3", "2020.06"]), None);
        assert_eq!(highest_of("^3", &["1.2.3"]), None);
    }

    #[test]
    fn pre_releases_count_only_when_the_requirement_names_one() {
        let tags = ["1.2.0", "1.3.0-rc.1", "1.3.0-rc.2", "2.0-alpha"];
        assert_eq!(highest_of("^1.2", &tags), Some("1.2.0"));
        assert_eq!(highest_of(">=1.3.0-rc.1", &tags), Some("1.3.0-rc.2"));
        assert_eq!(highest_of("=2.0.0-alpha", &tags), Some("2.0-alpha"));
        assert_eq!(highest_of("*", &["1.0.0-rc.1"]), None);
    }

    #[test]
    fn of_equal_tags_the_plainest_is_chosen() {
        assert_eq!(highest_of("^1", &["v1.2.0", "1.2.0", "1.2", "v1.2", "1.2.0+b"]), Some("1.2.0"));
        assert_eq!(highest_of("^1", &["v1.2.0", "1.2"]), Some("1.2"));
        assert_eq!(highest_of("^1", &["v1.2", "v1.2.0"]), Some("v1.2.0"));
        assert_eq!(highest_of("^1", &["1.2.0+b", "1.2.0+a"]), Some("1.2.0+a"));
    }

    #[test]
    fn versions_that_yaml_1_1_spells_otherwise_are_known() {
        // Measured with PyYAML 6.0.3.
        for text in ["1.10", "2020.10", "012", "0123456", "0x1f", "0b11", "1_000", "1.5e+3", "on", "NO", "true"] {
            assert!(is_respelled(text), "{text}");
        }
        for text in [
            "2020.06",
            "5.8",
            "4486082",
            "2020-01-01",
            "1e3",
            "1.5e3",
            "68354e4",
            "0b6b8a73",
            "0o17",
            "08",
            "y",
            "nan",
            "True",
            "1.2.3",
            "v1.10",
            "main",
            "+",
            "0",
            "1.2.30",
        ] {
            assert!(!is_respelled(text), "{text}");
        }
    }
}
