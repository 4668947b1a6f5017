//! What is not as a lock says, and what keeps a commit that its own ref does not keep, as words for people.
//!
//! Decides that a commit which only a pull request holds is endangered, and what counts as a warning. Leaves out finding it (`look.rs`)
//! and what to do (`cli/`).

use deps_lock::Key;

use crate::resolve::answer::{Failure, Holders};
use crate::source::Place;

/// Something that is not as the lock says, or could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {kind}")]
pub struct Finding {
    /// The entry.
    pub key: Key,
    /// Where it is wished for.
    pub place: Place,
    /// What it is.
    pub kind: FindingKind,
}

/// What is not as the lock says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindingKind {
    /// A tag that names another commit now.
    #[error("the tag `{tag}` has been moved from `{from}` to `{to}`")]
    TagMoved {
        /// The tag.
        tag: String,
        /// The commit in the lock.
        from: String,
        /// The commit that the tag names.
        to: String,
        /// What keeps the locked one.
        held: Held,
    },
    /// A branch, or another ref, whose history does not have the commit any more.
    #[error("the {what} `{name}` no longer leads to `{rev}`: it has been rewritten, and is at `{tip}`")]
    Rewritten {
        /// `branch`, `default branch` or `ref`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The commit in the lock.
        rev: String,
        /// Where it is now.
        tip: String,
        /// What keeps the locked one.
        held: Held,
    },
    /// A ref that is gone.
    #[error("the {what} `{name}` is gone, which led to `{rev}`")]
    Vanished {
        /// `branch`, `tag`, `branch or tag`, `default branch` or `ref`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The commit in the lock.
        rev: String,
        /// What keeps it.
        held: Held,
    },
    /// A commit that goes when a pull request does.
    #[error("`{rev}` is endangered: only {} leads to it", named(.by))]
    Endangered {
        /// The commit in the lock.
        rev: String,
        /// The refs of pull requests, merge requests or changes.
        by: Vec<String>,
    },
    /// A commit without a ref.
    #[error("`{rev}` is endangered: no ref leads to it, and the server may drop it any day")]
    Unheld {
        /// The commit in the lock.
        rev: String,
    },
    /// A commit that is not there.
    #[error("`{rev}` is gone: no ref leads to it, and the server does not hand it out")]
    Gone {
        /// The commit in the lock.
        rev: String,
    },
    /// An image that is not there.
    #[error("the registry no longer has `{reference}`")]
    ImageGone {
        /// With its digest.
        reference: String,
        /// Whether the project itself names the digest, so that no update leads to another.
        is_wished: bool,
    },
    /// A file that is not there.
    #[error("`{url}` is gone: {message}")]
    FileGone {
        /// Where it was.
        url: String,
        /// What the server says.
        message: String,
    },
    /// A file of another length.
    #[error("`{url}` has {found} bytes, the locked file has {locked}")]
    FileChanged {
        /// Where it is.
        url: String,
        /// What the server says.
        found: u64,
        /// What the store has.
        locked: u64,
    },
    /// A revision of Mercurial or Subversion that is not there.
    #[error("the repository no longer has the revision `{rev}`")]
    RevisionGone {
        /// The revision in the lock.
        rev: String,
    },
    /// A remote that gave no answer.
    #[error(transparent)]
    Remote(#[from] Failure),
}

/// What keeps a commit that its own ref does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Branches and tags, by their full names.
    Refs(Vec<String>),
    /// Refs of pull requests and their like.
    Requests(Vec<String>),
    /// No ref; the server still hands it out.
    Nobody,
    /// Nothing: the server does not hand it out.
    Gone,
}

impl FindingKind {
    /// Returns what keeps the locked commit, where its ref does not.
    pub fn held(&self) -> Option<&Held> {
        match self {
            Self::TagMoved { held, .. } | Self::Rewritten { held, .. } | Self::Vanished { held, .. } => Some(held),
            _ => None,
        }
    }

    /// Whether nothing has happened yet.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Endangered { .. })
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refs(refs) => write!(f, "the locked commit is kept by {}", named(refs)),
            Self::Requests(refs) => write!(f, "the locked commit is endangered: only {} leads to it", named(refs)),
            Self::Nobody => f.write_str("the locked commit is endangered: no ref leads to it any more"),
            Self::Gone => f.write_str("the locked commit is gone: the server does not hand it out"),
        }
    }
}

impl From<Holders> for Held {
    fn from(Holders { refs, is_served }: Holders) -> Self {
        let is_request = |name: &String| !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/");
        match refs.iter().all(is_request) {
            false => Self::Refs(refs),
            true if !refs.is_empty() => Self::Requests(refs),
            true if is_served => Self::Nobody,
            true => Self::Gone,
        }
    }
}

/// Names a few refs, the shortest way that is clear.
fn named(refs: &[String]) -> String {
    const MOST: usize = 3;
    let short = |name: &String| format!("`{}`", name.strip_prefix("refs/heads/").unwrap_or(name));
    let first: Vec<String> = refs.iter().take(MOST).map(short).collect();
    match refs.len().saturating_sub(MOST) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_branch_is_enough_and_pull_requests_alone_are_not() {
        let held = |refs: &[&str], is_served| {
            Held::from(Holders { refs: refs.iter().map(|name| (*name).to_owned()).collect(), is_served }).to_string()
        };
        assert_eq!(
            held(&["refs/heads/a", "refs/heads/b", "refs/tags/c", "refs/tags/d"], true),
            "the locked commit is kept by `a`, `b`, `refs/tags/c` and 1 more"
        );
        assert_eq!(
            held(&["refs/pull/7/head"], true),
            "the locked commit is endangered: only `refs/pull/7/head` leads to it"
        );
        assert_eq!(held(&[], true), "the locked commit is endangered: no ref leads to it any more");
        assert_eq!(held(&[], false), "the locked commit is gone: the server does not hand it out");
    }
}
