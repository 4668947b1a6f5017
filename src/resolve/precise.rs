//! Pins that somebody chooses: a commit or a tag by name, a step of so much and no more, or what was there at a date.
//!
//! Decides whether the manifest allows what is chosen, and that it is there: a tag must meet the requirement, a commit must be in
//! the history of its branch. Leaves out where a version is read (`manifest/`) and history (`remote/`).

use std::borrow::Cow;

use deps_lock::{Git, Image, Key, Selector, Sha256};

use super::answer::{Answer, Question, Refs};
use super::git::GitProblem;
use super::pin::{Open, PinProblemKind, Refresh, Work};
use super::verify::expected;
use super::wishes::{GitWish, ImageWish};
use crate::manifest::Wish;
use crate::manifest::version::{highest, step};

/// A moment, as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// As it was written.
    pub text: String,
}

/// Why an entry cannot be pinned to what was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreciseProblem {
    /// The manifest names a commit.
    #[error("the manifest asks for the commit `{wished}`, and for no other")]
    OtherCommit {
        /// The commit that is asked for.
        wished: String,
    },
    /// Neither a tag nor a commit id.
    #[error("`{text}` is neither a tag nor a commit id")]
    Nothing {
        /// What was chosen.
        text: String,
    },
    /// No tag that meets the requirement.
    #[error("`{text}` is no tag that satisfies `{requirement}`, nor the commit of one")]
    Unsatisfying {
        /// What was chosen.
        text: String,
        /// The requirement.
        requirement: String,
    },
    /// The manifest names a tag, which is elsewhere.
    #[error("the manifest asks for the tag `{tag}`, which names `{rev}`")]
    OtherTag {
        /// The tag.
        tag: String,
        /// Its commit.
        rev: String,
    },
    /// The commit is not in the history of its ref.
    #[error("`{rev}` is not in the history of the {what} `{name}`")]
    Elsewhere {
        /// The commit.
        rev: String,
        /// `branch`, `default branch` or `ref`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The refs that do lead to it, by their full names.
        holders: Vec<String>,
    },
    /// The project names a digest.
    #[error("the project asks for the digest `{wished}`, and for no other")]
    OtherDigest {
        /// The digest that is asked for.
        wished: String,
    },
    /// No digest.
    #[error("`{text}` is no digest of an image, `sha256:` and 64 hexadecimal digits")]
    NoDigest {
        /// What was chosen.
        text: String,
    },
}

impl Refresh {
    /// Returns what was chosen for `key`.
    fn chosen(&self, key: &Key) -> Option<&str> {
        let Self::Precise(chosen) = self else { return None };
        chosen.iter().find(|(selector, _)| selector.matches(key)).map(|(_, text)| text.as_str())
    }

    /// Whether the entry of a git repository is resolved again although it says what is wished for.
    pub(super) fn covers_git(&self, key: &Key, wish: &Wish) -> bool {
        let named = |selectors: &Option<Vec<Selector>>| {
            selectors.as_ref().is_none_or(|selectors| selectors.iter().any(|selector| selector.matches(key)))
        };
        match self {
            Self::Within(_, selectors) => matches!(wish, Wish::Requirement(..)) && named(selectors),
            Self::AsOf(_, selectors) => named(selectors),
            _ => self.covers(key),
        }
    }
}

impl Work<'_> {
    /// Returns the question for the refs of `url`: now, or as of a date.
    pub(super) fn refs_question(&self, url: &str) -> Question {
        let url = url.to_owned();
        match self.refresh {
            Refresh::AsOf(date, _) => Question::RefsAsOf { url, before: date.seconds },
            _ => Question::Refs { url },
        }
    }

    /// Returns the problem as it is for what was chosen.
    pub(super) fn dated(&self, problem: GitProblem) -> Open {
        Open::Problem(match self.refresh {
            Refresh::AsOf(date, _) => PinProblemKind::AsOf { problem, date: date.text.clone() },
            _ => problem.into(),
        })
    }

    /// Returns `refs` without the tags that are further from `old` than the step that may be made.
    pub(super) fn within<'r>(&self, refs: &'r Refs, old: Option<&Git>) -> Cow<'r, Refs> {
        let from = old.and_then(|old| old.want.as_ref().and(old.reference.as_deref()));
        let (Refresh::Within(most, _), Some(from)) = (self.refresh, from) else { return Cow::Borrowed(refs) };
        let near = |tag: &String| tag == from || step(from, tag).is_some_and(|step| step <= *most);
        let tags = refs.tags.iter().filter(|(tag, _)| near(tag));
        let tags = tags.map(|(tag, rev)| (tag.clone(), rev.clone())).collect();
        Cow::Owned(Refs { tags, ..refs.clone() })
    }

    /// Returns the commit that was chosen for `key`, and the tag where the wish is a requirement; none where nothing was.
    pub(super) fn chosen(&self, key: &Key, wish: &GitWish) -> Result<Option<(String, Option<String>)>, Open> {
        let Some(text) = self.refresh.chosen(key) else { return Ok(None) };
        if let Wish::Commit(wished) = &wish.wish {
            return match wished == text {
                true => Ok(Some((wished.clone(), None))),
                false => Err(problem(PreciseProblem::OtherCommit { wished: wished.clone() })),
            };
        }
        let Answer::Refs(refs) = self.answer(Question::Refs { url: wish.remote.clone() })? else {
            unreachable!("a refs question has a refs answer")
        };
        if let Wish::Requirement(requirement, written) = &wish.wish {
            let meets = |tag: &&String| highest(requirement, [tag.as_str()]).is_some();
            let tags = refs.tags.iter().filter(|(tag, rev)| *tag == text || *rev == text);
            let tag = highest(requirement, tags.map(|(tag, _)| tag).filter(meets).map(String::as_str));
            let unsatisfying = || PreciseProblem::Unsatisfying { text: text.to_owned(), requirement: written.clone() };
            let tag = tag.ok_or_else(|| problem(unsatisfying()))?;
            return Ok(Some((refs.tags[tag].clone(), Some(tag.to_owned()))));
        }
        let rev = self.commit_named(&wish.remote, text, refs)?;
        self.held(wish, &rev, refs).map(|()| Some((rev, None)))
    }

    /// Returns the commit that `text` names: the tag of that name, or a commit id.
    fn commit_named(&self, url: &str, text: &str, refs: &Refs) -> Result<String, Open> {
        if let Some(rev) = refs.tags.get(text) {
            return Ok(rev.clone());
        }
        match Wish::read(Some(text)) {
            Ok(Wish::Commit(rev)) => Ok(rev),
            Ok(Wish::Abbreviated(abbreviated)) => {
                match self.answer(Question::Commit { url: url.to_owned(), abbreviated })? {
                    Answer::Commit(rev) => Ok(rev.clone()),
                    _ => unreachable!("a commit question has a commit answer"),
                }
            }
            _ => Err(problem(PreciseProblem::Nothing { text: text.to_owned() })),
        }
    }

    /// Whether the ref that is wished for leads to `rev`.
    fn held(&self, wish: &GitWish, rev: &str, refs: &Refs) -> Result<(), Open> {
        let Some(expected) = expected(&wish.wish, None, rev, refs) else {
            let wished = wish.version.as_ref().map(ToString::to_string).unwrap_or_default();
            return match rev.starts_with(&wished.to_ascii_lowercase()) {
                true => Ok(()),
                false => Err(problem(PreciseProblem::OtherCommit { wished })),
            };
        };
        match expected.tip {
            Some(tip) if tip == rev => Ok(()),
            Some(tip) if expected.what == "tag" => {
                Err(problem(PreciseProblem::OtherTag { tag: expected.name.to_owned(), rev: tip.clone() }))
            }
            tip => {
                let asked = tip.map(|tip| (expected.full.clone(), tip.clone()));
                let question = Question::Holders { url: wish.remote.clone(), rev: rev.to_owned(), expected: asked };
                let Answer::Holders(holders) = self.answer(question)? else {
                    unreachable!("a holders question has a holders answer")
                };
                if holders.refs.contains(&expected.full) {
                    return Ok(());
                }
                let (what, name, holders) = (expected.what, expected.name.to_owned(), holders.refs.clone());
                Err(problem(PreciseProblem::Elsewhere { rev: rev.to_owned(), what, name, holders }))
            }
        }
    }

    /// Returns the image that was chosen for `key`; none where nothing was.
    pub(super) fn chosen_image(&self, key: &Key, wish: &ImageWish, old: Option<&Image>) -> Result<Option<Image>, Open> {
        let Some(text) = self.refresh.chosen(key) else { return Ok(None) };
        let no_digest = || problem(PreciseProblem::NoDigest { text: text.to_owned() });
        let digest = Sha256::new(text).map_err(|_| no_digest())?;
        if let Some(wished) = wish.digest().filter(|wished| **wished != *digest) {
            return Err(problem(PreciseProblem::OtherDigest { wished: wished.to_owned() }));
        }
        let name = wish.reference.split('@').next().unwrap_or_default();
        self.answer(Question::HasImage { reference: format!("{name}@{digest}") })?;
        let extra = old.map(|old| old.extra.clone()).unwrap_or_default();
        Ok(Some(Image { reference: wish.reference.clone(), digest, extra }))
    }
}

fn problem(problem: PreciseProblem) -> Open {
    Open::Problem(problem.into())
}
