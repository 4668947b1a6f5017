//! Which ref is expected to lead to a commit of the lock: the one that its version named when it was locked.
//!
//! Decides between a branch and a tag of one name, and what a version without a ref expects: nothing. Leaves out what a version
//! means now (`git.rs`) and what follows where the ref does not lead there (`look.rs`).

use crate::manifest::Wish;
use crate::resolve::answer::Refs;

/// The ref that is expected to lead to a commit.
pub(in crate::resolve) struct Expected<'a> {
    pub(in crate::resolve) what: &'static str,
    pub(in crate::resolve) name: &'a str,
    /// The full name; nothing where there is no such ref.
    pub(in crate::resolve) full: String,
    pub(in crate::resolve) tip: Option<&'a String>,
}

/// Returns the ref that `wish` names; none where it names a commit. `tag` is what was chosen for a requirement.
pub(in crate::resolve) fn expected<'a>(
    wish: &'a Wish,
    tag: Option<&'a str>,
    rev: &str,
    refs: &'a Refs,
) -> Option<Expected<'a>> {
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
}
