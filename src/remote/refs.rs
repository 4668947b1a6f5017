//! Sorts what a server advertises into branches, tags and the rest. Pure.

use super::transport::Advertised;
use crate::resolve::{Head, Refs};

/// Returns the refs in `advertised`. A tag is the commit it leads to.
///
/// Large repositories have tens of thousands of refs, nearly always in order: names and ids are moved, not copied, and the
/// maps are built in one go.
pub(crate) fn sorted(advertised: Vec<Advertised>) -> Refs {
    let mut head = None;
    let (mut branches, mut tags, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for Advertised { mut name, id, symref } in advertised {
        if name == "HEAD" {
            let branch = symref.as_deref().and_then(|target| target.strip_prefix("refs/heads/"));
            head = Some(Head { rev: id, branch: branch.map(str::to_owned) });
            continue;
        }
        // The peeled line of a tag comes after its own, and the last one counts.
        let plain = name.strip_suffix("^{}").map_or(name.len(), str::len);
        name.truncate(plain);
        if name.starts_with("refs/heads/") {
            branches.push((name.split_off("refs/heads/".len()), id));
        } else if name.starts_with("refs/tags/") {
            tags.push((name.split_off("refs/tags/".len()), id));
        } else if name.starts_with("refs/") {
            others.push((name, id));
        }
    }
    Refs {
        head,
        branches: branches.into_iter().collect(),
        tags: tags.into_iter().collect(),
        others: others.into_iter().collect(),
    }
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
        let refs = sorted(lines.into());
        assert_eq!(refs.head, Some(Head { rev: "1".into(), branch: Some("main".into()) }));
        assert_eq!(refs.branches, [("feature/x", "2"), ("main", "1")].map(|(n, i)| (n.into(), i.into())).into());
        assert_eq!(refs.tags, [("light", "4"), ("v1", "3")].map(|(n, i)| (n.into(), i.into())).into());
        assert_eq!(refs.others, [("refs/pull/7/head".into(), "5".into())].into());
    }

    #[test]
    fn a_detached_head_has_no_branch_and_an_empty_repository_no_head() {
        assert_eq!(sorted(vec![line("HEAD", "1")]).head, Some(Head { rev: "1".into(), branch: None }));
        assert_eq!(sorted(Vec::new()), Refs::default());
    }
}
