//! Sorts what a server advertises into branches, tags and the rest. Pure.

use super::transport::Advertised;
use crate::resolve::{Head, Refs};

/// Returns the refs in `advertised`. A tag is the commit it leads to.
pub(crate) fn sorted(advertised: &[Advertised]) -> Refs {
    let mut refs = Refs::default();
    let mut peeled = Vec::new();
    for Advertised { name, id, symref } in advertised {
        if name == "HEAD" {
            let branch = symref.as_deref().and_then(|target| target.strip_prefix("refs/heads/"));
            refs.head = Some(Head { rev: id.clone(), branch: branch.map(str::to_owned) });
        } else if let Some(tag) = name.strip_suffix("^{}") {
            peeled.push((tag, id));
        } else if let Some(branch) = name.strip_prefix("refs/heads/") {
            refs.branches.insert(branch.to_owned(), id.clone());
        } else if let Some(tag) = name.strip_prefix("refs/tags/") {
            refs.tags.insert(tag.to_owned(), id.clone());
        } else if name.starts_with("refs/") {
            refs.others.insert(name.clone(), id.clone());
        }
    }
    for (name, commit) in peeled {
        if let Some(tag) = name.strip_prefix("refs/tags/") {
            refs.tags.insert(tag.to_owned(), commit.clone());
        } else if let Some(other) = refs.others.get_mut(name) {
            other.clone_from(commit);
        }
    }
    refs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, id: &str) -> Advertised {
        Advertised { name: name.into(), id: id.into(), symref: None }
    }

    #[test]
    fn tags_are_peeled_and_everything_has_its_place() {
        let head = Advertised { symref: Some("refs/heads/main".into()), ..line("HEAD", "1") };
        let lines = [
            head,
            line("refs/heads/main", "1"),
            line("refs/heads/feature/x", "2"),
            line("refs/tags/v1", "tag"),
            line("refs/tags/v1^{}", "3"),
            line("refs/tags/light", "4"),
            line("refs/pull/7/head", "5"),
            line("capabilities^{}", "0"),
        ];
        let refs = sorted(&lines);
        assert_eq!(refs.head, Some(Head { rev: "1".into(), branch: Some("main".into()) }));
        assert_eq!(refs.branches, [("feature/x", "2"), ("main", "1")].map(|(n, i)| (n.into(), i.into())).into());
        assert_eq!(refs.tags, [("light", "4"), ("v1", "3")].map(|(n, i)| (n.into(), i.into())).into());
        assert_eq!(refs.others, [("refs/pull/7/head".into(), "5".into())].into());
    }

    #[test]
    fn a_detached_head_has_no_branch_and_an_empty_repository_no_head() {
        assert_eq!(sorted(&[line("HEAD", "1")]).head, Some(Head { rev: "1".into(), branch: None }));
        assert_eq!(sorted(&[]), Refs::default());
    }
}
