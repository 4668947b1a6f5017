//! What a version of a git repository means, given the repository's refs.
//!
//! Follows vcstool (`git.py`, `_get_version_type`) and differs where it guesses: annotated tags are peeled before a
//! branch and a tag of one name are compared, and a name that is not there is an error before anything is fetched.

use crate::manifest::Wish;
use crate::manifest::version::highest;
use crate::source::nearest;

use super::answer::Refs;

/// What a wish comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A commit, and the tag that was chosen where the wish is a requirement.
    Commit { rev: String, tag: Option<String> },
    /// An abbreviated commit id that is no name: history must be asked.
    Abbreviated(String),
}

/// Why a wish comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitProblem {
    /// Nothing of that name.
    #[error("repository `{key}` has no {what} `{name}`")]
    NoSuchRef {
        /// The repository.
        key: String,
        /// `branch`, `tag`, `branch or tag` or `ref`.
        what: &'static str,
        /// The name.
        name: String,
        /// A name that is near to it, with what it is.
        nearest: Option<(&'static str, String)>,
    },
    /// Something that was there when it was locked, and is not any more.
    #[error("repository `{key}` no longer has the {what} `{name}`, which the lock has at `{rev}`")]
    Vanished {
        /// The repository.
        key: String,
        /// `branch`, `tag`, `branch or tag` or `ref`.
        what: &'static str,
        /// The name.
        name: String,
        /// The commit in the lock.
        rev: String,
        /// A name that is near to it, with what it is.
        nearest: Option<(&'static str, String)>,
    },
    /// One name for a branch and a tag with different commits.
    #[error("in repository `{key}`, `{name}` is a branch as well as a tag, with different commits")]
    BranchAndTag {
        /// The repository.
        key: String,
        /// The name.
        name: String,
    },
    /// No tag satisfies the requirement.
    #[error("repository `{key}` has no tag that satisfies `{requirement}`")]
    NoSuchVersion {
        /// The repository.
        key: String,
        /// The requirement.
        requirement: String,
        /// The highest version there is, a pre-release included.
        highest: Option<String>,
    },
    /// A repository without a commit.
    #[error("repository `{key}` is empty: its HEAD leads to no commit")]
    Empty {
        /// The repository.
        key: String,
    },
}

impl GitProblem {
    /// Returns the problem as it is for somebody who has the commit `rev` locked under the same version.
    pub(super) fn since_locked(self, rev: &str) -> Self {
        match self {
            Self::NoSuchRef { key, what, name, nearest } => {
                Self::Vanished { key, what, name, rev: rev.to_owned(), nearest }
            }
            other => other,
        }
    }
}

/// Returns what `wish` comes to in a repository with `refs`; `key` names the repository in errors.
pub(super) fn find(key: &str, wish: &Wish, refs: &Refs) -> Result<Found, GitProblem> {
    let commit = |rev: &String| Found::Commit { rev: rev.clone(), tag: None };
    let missing = |what, name: &str| GitProblem::NoSuchRef {
        key: key.to_owned(),
        what,
        name: name.to_owned(),
        nearest: near(name, refs),
    };
    match wish {
        Wish::Head => refs.head.as_ref().map(|head| commit(&head.rev)).ok_or(GitProblem::Empty { key: key.to_owned() }),
        Wish::Branch(name) => refs.branches.get(name).map(commit).ok_or_else(|| missing("branch", name)),
        Wish::Tag(name) => refs.tags.get(name).map(commit).ok_or_else(|| missing("tag", name)),
        Wish::Name(name) => {
            named(key, name, refs)?.map(|rev| commit(&rev)).ok_or_else(|| missing("branch or tag", name))
        }
        Wish::Ref(name) => full_name(name, refs).map(commit).ok_or_else(|| missing("ref", name)),
        Wish::Commit(rev) => Ok(commit(rev)),
        Wish::Abbreviated(text) => {
            Ok(named(key, text, refs)?.map_or_else(|| Found::Abbreviated(text.clone()), |rev| commit(&rev)))
        }
        Wish::Requirement(requirement, text) => {
            let tag = highest(requirement, refs.tags.keys().map(String::as_str)).ok_or_else(|| {
                let highest = highest_of_all(refs);
                GitProblem::NoSuchVersion { key: key.to_owned(), requirement: text.clone(), highest }
            })?;
            Ok(Found::Commit { rev: refs.tags[tag].clone(), tag: Some(tag.to_owned()) })
        }
    }
}

/// A branch or a tag; when it is both, they must agree.
fn named(key: &str, name: &str, refs: &Refs) -> Result<Option<String>, GitProblem> {
    match (refs.branches.get(name), refs.tags.get(name)) {
        (Some(branch), Some(tag)) if branch != tag => {
            Err(GitProblem::BranchAndTag { key: key.to_owned(), name: name.to_owned() })
        }
        (None, None) => Ok(elsewhere(name, refs).cloned()),
        (branch, tag) => Ok(tag.or(branch).cloned()),
    }
}

/// What git's checkout takes too: `origin/main` for the branch, and `pull/7/head` for `refs/pull/7/head`.
fn elsewhere<'a>(name: &str, refs: &'a Refs) -> Option<&'a String> {
    let branch = name.strip_prefix("origin/").and_then(|branch| refs.branches.get(branch));
    branch.or_else(|| refs.others.get(&format!("refs/{name}")))
}

fn full_name<'a>(name: &str, refs: &'a Refs) -> Option<&'a String> {
    let branch = name.strip_prefix("refs/heads/").and_then(|name| refs.branches.get(name));
    let tag = name.strip_prefix("refs/tags/").and_then(|name| refs.tags.get(name));
    branch.or(tag).or_else(|| refs.others.get(name))
}

/// Returns the name that was probably meant: the same of another kind, with or without a `v`, `main` for `master`, or
/// one with few other letters. Else the default branch.
fn near(name: &str, refs: &Refs) -> Option<(&'static str, String)> {
    let word =
        ["refs/heads/", "refs/tags/", "origin/"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let twin = match word {
        "main" => "master".to_owned(),
        "master" => "main".to_owned(),
        word => word.strip_prefix('v').map_or_else(|| format!("v{word}"), str::to_owned),
    };
    for exact in [word, &twin] {
        if refs.branches.contains_key(exact) {
            return Some(("branch", exact.to_owned()));
        }
        if refs.tags.contains_key(exact) {
            return Some(("tag", exact.to_owned()));
        }
    }
    let branch = nearest(word, refs.branches.keys().map(String::as_str)).map(|name| ("branch", name.to_owned()));
    let tag = || nearest(word, refs.tags.keys().map(String::as_str)).map(|name| ("tag", name.to_owned()));
    let default = || Some(("default branch", refs.head.as_ref()?.branch.clone()?));
    branch.or_else(tag).or_else(default)
}

fn highest_of_all(refs: &Refs) -> Option<String> {
    let version =
        |tag: &String| semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok().map(|v| (v, tag.clone()));
    refs.tags.keys().filter_map(version).max().map(|(_, tag)| tag)
}
