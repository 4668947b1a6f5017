//! Whether what a lock pins is still out there, where its refs say: one question a repository first, history only where a
//! ref has moved on.
//!
//! Decides what counts as moved, endangered and gone. Of files by url only their length is compared, and only where the
//! store knows it: comparing content is what `deps fetch` does. Leaves out asking (`remote/`) and what to do (`cli/`).

use std::collections::BTreeSet;

use deps_lock::{Entry, Git, Key, Lock};

use super::answer::{Answer, Answers, Failure, FailureKind, Holders, Question, Refs};
use super::wishes::{GitWish, RepositoryWish, Wishes};
use crate::manifest::Wish;
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

/// Returns what must be asked next; nothing, when [`verify`] has all it needs: first what every remote has now, then
/// history where that is not enough.
pub fn verify_questions(wishes: &Wishes, lock: &Lock, answers: &Answers) -> BTreeSet<Question> {
    let looked = looked(wishes, lock, answers, &|_| None);
    looked
        .filter_map(|(_, _, looked)| if let Err(Open::Question(question)) = looked { Some(question) } else { None })
        .collect()
}

/// Returns everything that is not as `lock`, which is in sync with `wishes`, says. `length` is that of a file of the store by
/// its SHA-256.
pub fn verify(wishes: &Wishes, lock: &Lock, answers: &Answers, length: &dyn Fn(&str) -> Option<u64>) -> Vec<Finding> {
    let finding = |(key, place, looked): (&Key, &Place, Looked)| {
        let kind = match looked {
            Ok(()) => return None,
            Err(Open::Finding(kind)) => *kind,
            Err(Open::Question(question)) => unreachable!("`verify_questions` would have asked {question:?}"),
        };
        Some(Finding { key: key.clone(), place: place.clone(), kind })
    };
    let mut findings: Vec<Finding> = looked(wishes, lock, answers, length).filter_map(finding).collect();
    findings.sort_by(|a, b| a.key.cmp(&b.key));
    findings
}

/// Nothing to tell, or why not.
type Looked = Result<(), Open>;

enum Open {
    Question(Question),
    Finding(Box<FindingKind>),
}

impl From<FindingKind> for Open {
    fn from(kind: FindingKind) -> Self {
        Self::Finding(Box::new(kind))
    }
}

fn looked<'a>(
    wishes: &'a Wishes,
    lock: &'a Lock,
    answers: &'a Answers,
    length: &'a dyn Fn(&str) -> Option<u64>,
) -> impl Iterator<Item = (&'a Key, &'a Place, Looked)> {
    let look = Look { answers, length };
    let inputs = wishes.inputs.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Input(git) => Some((key, &wish.place, look.git(wish, git))),
        _ => None,
    });
    let origins = wishes.origins.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Ext(extension) => {
            let origin = extension.origin.clone()?;
            let (want, reference, rev, url) = (origin.want, origin.reference, origin.rev, origin.url);
            let git = Git { want, reference, rev, url, extra: Default::default() };
            Some((key, &wish.git.place, look.git(&wish.git, &git)))
        }
        _ => None,
    });
    let repositories = wishes
        .repositories
        .iter()
        .filter_map(move |(key, wish)| Some((key, &wish.git.place, look.repository(wish, lock.get(key)?))));
    let images = wishes.images.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Image(image) => {
            let named = image.reference.split('@').next().unwrap_or_default();
            Some((key, &wish.place, look.image(format!("{named}@{}", image.digest))))
        }
        _ => None,
    });
    let fetches = wishes.fetches.iter().filter_map(move |(key, wish)| match lock.get(key)? {
        Entry::Fetch(locked) => Some((key, wish, wish.files(locked))),
        _ => None,
    });
    let fetches = fetches.flat_map(move |(key, wish, files)| {
        let look = move |file: super::PinnedFile| (key, &wish.url_place, look.file(&file.url, &file.sha256));
        files.into_iter().map(look)
    });
    images.chain(repositories).chain(inputs).chain(fetches).chain(origins)
}

/// The ref that is expected to lead to a commit.
pub(super) struct Expected<'a> {
    pub(super) what: &'static str,
    pub(super) name: &'a str,
    /// The full name; nothing where there is no such ref.
    pub(super) full: String,
    pub(super) tip: Option<&'a String>,
}

#[derive(Clone, Copy)]
struct Look<'a> {
    answers: &'a Answers,
    length: &'a dyn Fn(&str) -> Option<u64>,
}

impl Look<'_> {
    fn repository(&self, wish: &RepositoryWish, locked: &Entry) -> Looked {
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

    fn image(&self, reference: String) -> Looked {
        match self.answer(Question::HasImage { reference: reference.clone() })? {
            Err(failure) if failure.kind == FailureKind::NotFound => Err(FindingKind::ImageGone { reference }.into()),
            other => told(other),
        }
    }

    fn file(&self, url: &str, sha256: &str) -> Looked {
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

    fn git(&self, wish: &GitWish, locked: &Git) -> Looked {
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

/// Whether a branch or a tag is at `rev`.
fn is_tip(rev: &str, refs: &Refs) -> bool {
    refs.branches.values().chain(refs.tags.values()).any(|tip| tip == rev)
}

/// Returns the ref that `wish` names; none where it names a commit. `tag` is what was chosen for a requirement.
pub(super) fn expected<'a>(wish: &'a Wish, tag: Option<&'a str>, rev: &str, refs: &'a Refs) -> Option<Expected<'a>> {
    let branch = |name: &'a str| Expected {
        what: "branch",
        name,
        full: format!("refs/heads/{name}"),
        tip: refs.branches.get(name),
    };
    let tag_of =
        |name: &'a str| Expected { what: "tag", name, full: format!("refs/tags/{name}"), tip: refs.tags.get(name) };
    let other = |name: &'a str, full: String| Expected { what: "ref", name, tip: refs.others.get(&full), full };
    Some(match wish {
        Wish::Commit(_) => return None,
        Wish::Abbreviated(text) if !refs.branches.contains_key(text) && !refs.tags.contains_key(text) => return None,
        Wish::Requirement(..) => tag_of(tag?),
        Wish::Head => match refs.head.as_ref() {
            Some(head) => {
                let full = head.branch.as_ref().map_or_else(|| "HEAD".to_owned(), |name| format!("refs/heads/{name}"));
                let name = head.branch.as_deref().unwrap_or("HEAD");
                Expected { what: "default branch", name, full, tip: Some(&head.rev) }
            }
            None => Expected { what: "default branch", name: "HEAD", full: "HEAD".to_owned(), tip: None },
        },
        Wish::Branch(name) => branch(name),
        Wish::Tag(name) => tag_of(name),
        Wish::Ref(name) => match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(name), _) => branch(name),
            (_, Some(name)) => tag_of(name),
            _ => other(name, name.clone()),
        },
        Wish::Name(name) | Wish::Abbreviated(name) => match (refs.branches.get(name), refs.tags.get(name)) {
            (Some(at), Some(_)) if at == rev => branch(name),
            (_, Some(_)) => tag_of(name),
            (Some(_), None) => branch(name),
            (None, None) => match name.strip_prefix("origin/") {
                Some(name) => branch(name),
                None if refs.others.contains_key(&format!("refs/{name}")) => other(name, format!("refs/{name}")),
                None => Expected { what: "branch or tag", name, full: String::new(), tip: None },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Head;

    fn refs() -> Refs {
        let pairs = |names: &[(&str, &str)]| names.iter().map(|(n, id)| ((*n).to_owned(), (*id).to_owned())).collect();
        Refs {
            head: Some(Head { rev: "1".into(), branch: Some("main".into()) }),
            branches: pairs(&[("main", "1"), ("both", "2")]),
            tags: pairs(&[("v1", "3"), ("both", "4")]),
            others: pairs(&[("refs/pull/7/head", "5")]),
        }
    }

    #[test]
    fn a_version_expects_the_ref_that_it_named_when_it_was_locked() {
        let refs = refs();
        let found = |text: &str, rev: &str| {
            let wish = Wish::read(Some(text)).unwrap();
            expected(&wish, Some("v1"), rev, &refs)
                .map(|one| (one.what, one.full, one.tip.cloned().unwrap_or_default()))
        };
        let is = |what, full: &str, tip: &str| Some((what, full.to_owned(), tip.to_owned()));
        assert_eq!(found("main", "0"), is("branch", "refs/heads/main", "1"));
        assert_eq!(found("origin/main", "0"), is("branch", "refs/heads/main", "1"));
        assert_eq!(found("both", "2"), is("branch", "refs/heads/both", "2"));
        assert_eq!(found("both", "9"), is("tag", "refs/tags/both", "4"));
        assert_eq!(found("^1", "0"), is("tag", "refs/tags/v1", "3"));
        assert_eq!(found("pull/7/head", "0"), is("ref", "refs/pull/7/head", "5"));
        assert_eq!(found("gone", "0"), is("branch or tag", "", ""));
        assert_eq!(found(&"a".repeat(40), "0"), None);
        let head = expected(&Wish::Head, None, "0", &refs).unwrap();
        assert_eq!((head.what, head.name, head.full.as_str()), ("default branch", "main", "refs/heads/main"));
    }

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
