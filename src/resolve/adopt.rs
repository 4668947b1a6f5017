//! A pin that somebody has found themselves: the commit of a checkout instead of a remote's answer.
//!
//! Decides whether that commit is one that the manifest may mean. Pure.

use deps_lock::{Git, Rev, Text};

use super::wishes::GitWish;
use crate::manifest::Wish;
use crate::manifest::version::highest;

/// Why a commit is not what the manifest asks for: the rest of a sentence that starts with its repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptProblem {
    /// The manifest names another commit.
    #[error("is at `{rev}`, and the manifest asks for the commit `{wished}`")]
    OtherCommit {
        /// The commit.
        rev: String,
        /// The commit that is asked for.
        wished: String,
    },
    /// No tag of the commit satisfies the requirement.
    #[error("is at `{rev}`, which has no tag that satisfies `{requirement}`")]
    NoVersion {
        /// The commit.
        rev: String,
        /// The requirement.
        requirement: String,
    },
    /// A text that no lock takes.
    #[error("cannot be locked: {0}")]
    Value(#[from] deps_lock::ValueError),
}

/// Returns the entry of `wish` at the commit `rev`, which has `tags`. What the lock had beside is kept from `before`.
///
/// # Errors
/// When the manifest asks for something that `rev` is not, as far as can be told without its remote.
pub fn adopt(wish: &GitWish, rev: &str, tags: &[String], before: Option<&Git>) -> Result<Git, AdoptProblem> {
    let other = |wished: &String| AdoptProblem::OtherCommit { rev: rev.to_owned(), wished: wished.clone() };
    let (want, reference) = match &wish.wish {
        Wish::Commit(commit) if commit != rev => return Err(other(commit)),
        Wish::Abbreviated(digits) if !rev.starts_with(&digits.to_ascii_lowercase()) => return Err(other(digits)),
        Wish::Requirement(requirement, text) => {
            let tag = highest(requirement, tags.iter().map(String::as_str));
            let tag = tag.ok_or_else(|| AdoptProblem::NoVersion { rev: rev.to_owned(), requirement: text.clone() })?;
            (wish.version.clone(), Some(Text::new(tag)?))
        }
        _ => (None, wish.version.clone()),
    };
    let extra = before.map(|before| before.extra.clone()).unwrap_or_default();
    Ok(Git { want, reference, rev: Rev::new(rev)?, url: wish.url.clone(), extra })
}
