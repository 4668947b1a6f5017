//! One look at an entry: what its answers say about it, or the next question.
//!
//! Decides what counts as moved, rewritten, vanished, endangered and gone, and that history is asked for only where the refs do not
//! settle it. Leaves out which entries there are (`mod.rs`) and which ref is the one (`expected.rs`).

use deps_lock::{Entry, Git, Image};

use super::expected::{Expected, expected};
use super::finding::{FindingKind, Held};
use super::{Looked, Open};
use crate::resolve::answer::{Answer, Answers, Failure, FailureKind, Holders, Question, Refs};
use crate::resolve::wishes::{GitWish, ImageWish, RepositoryWish};

#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) answers: &'a Answers,
    pub(super) length: &'a dyn Fn(&str) -> Option<u64>,
}

impl Look<'_> {
    pub(super) fn repository(&self, wish: &RepositoryWish, locked: &Entry) -> Looked {
        let url = &wish.git.remote;
        match locked {
            Entry::Repo(git) => self.git(&wish.git, git),
            Entry::Archive(archive) => self.file(url, archive.digest.trim_start_matches("sha256:")),
            Entry::Revision(revision) => {
                let (system, rev) = (revision.pin.system(), revision.pin.rev().to_owned());
                let question = Question::Revision { system, url: url.clone(), version: Some(rev.clone()) };
                match self.answer(question)? {
                    Ok(Answer::Revision(found)) if *found != rev => Err(FindingKind::RevisionGone { rev }.into()),
                    Err(failure) if failure.kind == FailureKind::NoSuchCommit => {
                        Err(FindingKind::RevisionGone { rev }.into())
                    }
                    other => told(other),
                }
            }
            Entry::Ext(_) | Entry::Fetch(_) | Entry::Image(_) | Entry::Input(_) => Ok(()),
        }
    }

    pub(super) fn image(&self, wish: &ImageWish, locked: &Image) -> Looked {
        let named = locked.reference.split('@').next().unwrap_or_default();
        let reference = format!("{named}@{}", locked.digest);
        match self.answer(Question::HasImage { reference: reference.clone() })? {
            Err(failure) if failure.kind == FailureKind::NotFound => {
                Err(FindingKind::ImageGone { reference, is_wished: wish.digest().is_some() }.into())
            }
            other => told(other),
        }
    }

    pub(super) fn file(&self, url: &str, sha256: &str) -> Looked {
        match self.answer(Question::HasFile { url: url.to_owned() })? {
            Ok(Answer::HasFile(Some(found))) => match (self.length)(sha256) {
                Some(locked) if locked != *found => {
                    Err(FindingKind::FileChanged { url: url.to_owned(), found: *found, locked }.into())
                }
                _ => Ok(()),
            },
            Err(Failure { kind: FailureKind::NotFound, subject, message, .. }) => {
                Err(FindingKind::FileGone { url: subject.clone(), message: message.clone() }.into())
            }
            other => told(other),
        }
    }

    pub(super) fn git(&self, wish: &GitWish, locked: &Git) -> Looked {
        let (url, rev) = (&wish.remote, locked.rev.to_string());
        let refs = match self.answer(Question::Refs { url: url.clone() })? {
            Ok(Answer::Refs(refs)) => refs,
            other => return told(other),
        };
        let tag = locked.reference.as_deref().filter(|_| locked.want.is_some());
        let Some(expected) = expected(&wish.wish, tag, &rev, refs) else {
            return self.unnamed(url, rev, refs);
        };
        match (expected.what, expected.tip) {
            ("ref", Some(tip)) => self.by_request(url, rev, refs, &expected, tip),
            (_, Some(tip)) if *tip == rev => Ok(()),
            ("tag", Some(to)) => {
                let (tag, to, held) = (expected.name.to_owned(), to.clone(), self.held(url, &rev, None)?);
                Err(FindingKind::TagMoved { tag, from: rev, to, held: held.into() }.into())
            }
            (what, Some(tip)) => {
                let held = self.held(url, &rev, Some((expected.full.clone(), tip.clone())))?;
                if held.refs.contains(&expected.full) {
                    return Ok(());
                }
                let (name, tip, held) = (expected.name.to_owned(), tip.clone(), held.into());
                Err(FindingKind::Rewritten { what, name, rev, tip, held }.into())
            }
            (what, None) => {
                let (name, held) = (expected.name.to_owned(), self.held(url, &rev, None)?.into());
                Err(FindingKind::Vanished { what, name, rev, held }.into())
            }
        }
    }

    /// A commit that is wished for by its id.
    fn unnamed(&self, url: &str, rev: String, refs: &Refs) -> Looked {
        if is_tip(&rev, refs) {
            return Ok(());
        }
        match Held::from(self.held(url, &rev, None)?) {
            Held::Refs(_) => Ok(()),
            Held::Requests(by) => Err(FindingKind::Endangered { rev, by }.into()),
            Held::Nobody => Err(FindingKind::Unheld { rev }.into()),
            Held::Gone => Err(FindingKind::Gone { rev }.into()),
        }
    }

    /// A commit that is wished for as what a ref holds which is neither branch nor tag.
    fn by_request(&self, url: &str, rev: String, refs: &Refs, expected: &Expected<'_>, tip: &String) -> Looked {
        if is_tip(&rev, refs) {
            return Ok(());
        }
        match Held::from(self.held(url, &rev, None)?) {
            Held::Refs(_) => Ok(()),
            Held::Requests(by) => Err(FindingKind::Endangered { rev, by }.into()),
            // Another kind of ref than those that are searched.
            Held::Nobody | Held::Gone if *tip == rev => {
                Err(FindingKind::Endangered { rev, by: vec![expected.full.clone()] }.into())
            }
            held => {
                let (name, tip) = (expected.name.to_owned(), tip.clone());
                Err(FindingKind::Rewritten { what: "ref", name, rev, tip, held }.into())
            }
        }
    }

    fn held(&self, url: &str, rev: &str, expected: Option<(String, String)>) -> Result<Holders, Open> {
        let question = Question::Holders { url: url.to_owned(), rev: rev.to_owned(), expected };
        match self.answer(question)? {
            Ok(Answer::Holders(holders)) => Ok(holders.clone()),
            other => Err(told(other).err().unwrap_or_else(|| unreachable!("a holders question has a holders answer"))),
        }
    }

    fn answer(&self, question: Question) -> Result<&Result<Answer, Failure>, Open> {
        self.answers.get(&question).ok_or(Open::Question(question))
    }
}

fn told(answer: &Result<Answer, Failure>) -> Looked {
    answer.as_ref().map(drop).map_err(|failure| FindingKind::from(failure.clone()).into())
}

/// Whether a branch or a tag is at `rev`.
fn is_tip(rev: &str, refs: &Refs) -> bool {
    refs.branches.values().chain(refs.tags.values()).any(|tip| tip == rev)
}
