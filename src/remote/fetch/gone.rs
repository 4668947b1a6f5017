//! Why a pinned commit cannot be had any more, from what the server advertises now. Pure.
//!
//! Decides between a ref that leads elsewhere, a ref that is gone and a commit that no ref is known for. Leaves out what
//! to do about it (`cli/hints.rs`).

use crate::remote::transport::Advertised;

/// What became of a pinned commit that its server does not hand out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// The ref that it was pinned under leads to another commit.
    #[error("`{url}` no longer has this commit: the {what} `{name}` now leads to `{to}`")]
    Moved {
        /// The repository, without credentials.
        url: String,
        /// What kind of ref it is.
        what: RefKind,
        /// Its name, without `refs/heads/` or `refs/tags/`.
        name: String,
        /// The full id of the commit that it leads to now.
        to: String,
    },
    /// The ref that it was pinned under is not there any more.
    #[error("`{url}` no longer has this commit, nor the branch or tag `{name}` that led to it")]
    Vanished {
        /// The repository, without credentials.
        url: String,
        /// The name as the lock has it.
        name: String,
    },
    /// It was pinned by its id, and no ref leads to it.
    #[error("`{url}` does not have this commit: no branch or tag leads to it")]
    Unheld {
        /// The repository, without credentials.
        url: String,
    },
}

/// The kind of a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// `refs/heads/…`.
    Branch,
    /// `refs/tags/…`.
    Tag,
    /// The branch that `HEAD` names.
    DefaultBranch,
    /// Any other, by its full name.
    Ref,
}

impl std::fmt::Display for RefKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Branch => "branch",
            Self::Tag => "tag",
            Self::DefaultBranch => "default branch",
            Self::Ref => "ref",
        })
    }
}

/// Returns what became of a commit that was pinned under `refs` at `url`; `HEAD` is one of them where no version was
/// named.
pub(super) fn why(url: &str, refs: &[String], advertised: &[Advertised]) -> Gone {
    let url = url.to_owned();
    let Some(hint) = refs.iter().find(|name| !crate::store::is_commit_id(name)) else { return Gone::Unheld { url } };
    if let Some(head) = advertised.iter().find(|line| line.name == "HEAD" && hint == "HEAD") {
        return moved_head(url, head);
    }
    let mut meant = advertised.iter().filter(|line| super::is_hinted(line.name.trim_end_matches("^{}"), refs));
    // The peeled line of a tag comes after its own, and says which commit it leads to.
    match meant.next_back() {
        Some(line) => moved(url, line),
        None => Gone::Vanished { url, name: hint.clone() },
    }
}

fn moved_head(url: String, head: &Advertised) -> Gone {
    let branch = head.symref.as_deref().and_then(|target| target.strip_prefix("refs/heads/"));
    Gone::Moved { url, what: RefKind::DefaultBranch, name: branch.unwrap_or("HEAD").to_owned(), to: head.id.clone() }
}

fn moved(url: String, line: &Advertised) -> Gone {
    let name = line.name.trim_end_matches("^{}");
    let (what, name) = match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
        (Some(branch), _) => (RefKind::Branch, branch),
        (_, Some(tag)) => (RefKind::Tag, tag),
        _ => (RefKind::Ref, name),
    };
    Gone::Moved { url, what, name: name.to_owned(), to: line.id.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, id: &str) -> Advertised {
        Advertised { name: name.into(), id: id.into(), symref: (name == "HEAD").then(|| "refs/heads/main".into()) }
    }

    #[test]
    fn a_moved_ref_a_vanished_one_and_a_commit_without_one_are_told_apart() {
        let lines = [
            line("HEAD", "a"),
            line("refs/heads/main", "a"),
            line("refs/pull/7/head", "d"),
            line("refs/tags/1.2.0", "tag"),
            line("refs/tags/1.2.0^{}", "c"),
        ];
        let pinned = "0123456789012345678901234567890123456789";
        for (refs, expected) in [
            (&["1.2.0"][..], "`u` no longer has this commit: the tag `1.2.0` now leads to `c`"),
            (&["tags/1.2.0"], "`u` no longer has this commit: the tag `1.2.0` now leads to `c`"),
            (&["origin/main"], "`u` no longer has this commit: the branch `main` now leads to `a`"),
            (&["pull/7/head"], "`u` no longer has this commit: the ref `refs/pull/7/head` now leads to `d`"),
            (&["HEAD"], "`u` no longer has this commit: the default branch `main` now leads to `a`"),
            (&["humble"], "`u` no longer has this commit, nor the branch or tag `humble` that led to it"),
            (&[], "`u` does not have this commit: no branch or tag leads to it"),
            (&[pinned], "`u` does not have this commit: no branch or tag leads to it"),
        ] {
            let refs: Vec<String> = refs.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(why("u", &refs, &lines).to_string(), expected, "{refs:?}");
        }
    }
}
