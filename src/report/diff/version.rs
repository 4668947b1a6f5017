//! What an entry asks for, read from the lock alone, and how far a version moved.
//!
//! Decides which refs stay where they are (tags, commits) and which move (branches), and the class of a move by the
//! first number that differs (semver.org). A name that no version can be read from is taken for a branch. Leaves out
//! what a repository really has under the name: only the network knows.

use std::cmp::Ordering;

use super::ChangeKind;

/// What an entry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// The remote's HEAD.
    Head,
    /// A branch, or a name that is most likely one.
    Branch(&'a str),
    /// A tag that is no version.
    Tag(&'a str),
    /// A name with a version in it: a tag, most likely.
    Version(&'a str, Version<'a>),
    /// The commit itself.
    Commit,
}

/// A version in a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version<'a> {
    /// What stands before it, without a `v`.
    prefix: &'a str,
    /// At least two.
    numbers: Vec<u64>,
    /// Behind a `-`; empty for a release.
    pre: &'a str,
}

/// How a version moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// Which part of it.
    pub(super) class: ChangeKind,
    /// Whether it went up.
    pub(super) direction: Ordering,
}

impl<'a> Asked<'a> {
    /// Returns what the ref `reference` of an entry at `pin` asks for.
    pub(super) fn of(want: Option<&str>, reference: Option<&'a str>, pin: &str) -> Self {
        let Some(reference) = reference else { return Self::Head };
        let short = ["refs/heads/", "heads/"].iter().find_map(|prefix| reference.strip_prefix(prefix));
        if let Some(branch) = short {
            return Self::Branch(branch);
        }
        let short = ["refs/tags/", "tags/"].iter().find_map(|prefix| reference.strip_prefix(prefix));
        let name = short.unwrap_or(reference);
        if name.len() >= 4 && pin.starts_with(&name.to_ascii_lowercase()) {
            return Self::Commit;
        }
        match Version::read(name) {
            Some(version) => Self::Version(name, version),
            None if short.is_some() || want.is_some() => Self::Tag(name),
            None => Self::Branch(name),
        }
    }

    /// Returns whether it moves by itself.
    pub(super) fn moves(&self) -> bool {
        matches!(self, Self::Head | Self::Branch(_))
    }

    /// Returns whether a new commit under the same name is a tag that was moved. `1.2` may well be a branch.
    pub(super) fn is_tag(&self) -> bool {
        match self {
            Self::Tag(_) => true,
            Self::Version(_, version) => version.numbers.len() > 2,
            _ => false,
        }
    }

    /// Returns its name; none for a commit.
    pub(super) fn name(&self) -> Option<&'a str> {
        match self {
            Self::Head => Some("HEAD"),
            Self::Branch(name) | Self::Tag(name) | Self::Version(name, _) => Some(name),
            Self::Commit => None,
        }
    }

    /// Returns the word for its kind.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Head => "HEAD",
            Self::Branch(_) => "branch",
            Self::Tag(_) | Self::Version(..) => "tag",
            Self::Commit => "commit",
        }
    }

    /// Returns how a version moved from this one; none where one of them is none, or they are versions of other things.
    pub(super) fn moved(&self, after: &Self) -> Option<Move> {
        match (self, after) {
            (Self::Version(_, before), Self::Version(_, after)) => before.moved(after),
            _ => None,
        }
    }
}

impl<'a> Version<'a> {
    /// Returns the version that `name` ends with: `1.2`, `v1.2.3`, `release-1.2.3-rc.1`.
    pub(super) fn read(name: &'a str) -> Option<Self> {
        let at = name.find(|c: char| c.is_ascii_digit())?;
        let (prefix, rest) = name.split_at(at);
        let prefix = prefix.strip_suffix(['v', 'V']).unwrap_or(prefix);
        let joined = prefix.is_empty() || prefix.ends_with(['-', '_', '/', '.', '@']);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (core, rest) = rest.split_at(end);
        let numbers: Vec<u64> = core.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        let (pre, rest) = match rest.strip_prefix('-') {
            Some(pre) => pre.split_at(pre.find('+').unwrap_or(pre.len())),
            None => ("", rest),
        };
        let complete = rest.is_empty() || rest.starts_with('+');
        (joined && complete && numbers.len() >= 2).then_some(Self { prefix, numbers, pre })
    }

    fn moved(&self, after: &Self) -> Option<Move> {
        if self.prefix != after.prefix {
            return None;
        }
        let number = |version: &Self, at: usize| version.numbers.get(at).copied().unwrap_or(0);
        let most = self.numbers.len().max(after.numbers.len());
        let first = (0..most).find(|&at| number(self, at) != number(after, at));
        let class = match first {
            Some(0) => ChangeKind::Major,
            Some(1) => ChangeKind::Minor,
            Some(_) => ChangeKind::Patch,
            None => ChangeKind::PreRelease,
        };
        let direction = match first {
            Some(at) => number(after, at).cmp(&number(self, at)),
            None => pre_releases(self.pre, after.pre),
        };
        (direction != Ordering::Equal).then_some(Move { class, direction })
    }
}

/// Compares `after` with `before`: a release is higher than each of its pre-releases (semver.org §11).
fn pre_releases(before: &str, after: &str) -> Ordering {
    let read = |text: &str| semver::Prerelease::new(text);
    match (read(before), read(after)) {
        (Ok(before), Ok(after)) => after.cmp(&before),
        _ => after.cmp(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(before: &str, after: &str) -> Option<(ChangeKind, Ordering)> {
        let asked = |name| Asked::of(None, Some(name), "");
        asked(before).moved(&asked(after)).map(|one| (one.class, one.direction))
    }

    #[test]
    fn the_first_number_that_differs_is_the_class() {
        use ChangeKind::{Major, Minor, Patch, PreRelease};
        use Ordering::{Greater, Less};
        for (before, after, expected) in [
            ("1.2.0", "2.0.0", Some((Major, Greater))),
            ("v1.2.0", "1.3.0", Some((Minor, Greater))),
            ("1.2", "1.2.1", Some((Patch, Greater))),
            ("1.2.3.4", "1.2.3.5", Some((Patch, Greater))),
            ("release-1.10.0", "release-1.9.0", Some((Minor, Less))),
            ("1.0.0-rc.1", "1.0.0", Some((PreRelease, Greater))),
            ("1.0.0-rc.2", "1.0.0-rc.10", Some((PreRelease, Greater))),
            ("1.0.0", "1.0.0-rc.1", Some((PreRelease, Less))),
            ("1.0.0+a", "1.0.0+b", None),
            ("a-1.0.0", "b-2.0.0", None),
            ("main", "1.0.0", None),
        ] {
            assert_eq!(moved(before, after), expected, "{before} → {after}");
        }
    }

    #[test]
    fn what_is_no_version_is_a_branch_or_a_commit() {
        let of = |name| Asked::of(None, name, "0123456789abcdef");
        assert_eq!(of(None), Asked::Head);
        assert_eq!(of(Some("0123456")), Asked::Commit);
        for branch in
            ["humble", "2.x", "release/1", "ros2-1.x", "x86", "1.2.99999999999999999999", "1..2", "heads/1.2.3"]
        {
            assert!(matches!(of(Some(branch)), Asked::Branch(_)), "{branch}");
        }
        assert!(of(Some("tags/nightly")).is_tag() && of(Some("1.2.3")).is_tag() && !of(Some("1.2")).is_tag());
        assert_eq!(Asked::of(Some("^1"), Some("nightly"), ""), Asked::Tag("nightly"));
    }
}
