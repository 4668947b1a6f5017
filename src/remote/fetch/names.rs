//! What the name of a version is at its remote: a branch, a tag, or neither.
//!
//! Decides it for commits that the store has, and keeps the answer there. One listing each; a tag with an object of its own
//! is fetched, so that a checkout has the tag as the remote has it.

use std::sync::atomic::AtomicBool;

use crate::remote::transport::{Advertised, Call, Depth, Order, fetch, list};
use crate::remote::url::redacted;
use crate::remote::{Progress, Remotes, parallel, refs};
use crate::resolve::Failure;
use crate::store::{Named, Store};

/// A commit of the store, and the version that it was fetched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// The repository, as the lock has it; a path is absolute.
    pub url: String,
    /// The full commit id.
    pub rev: String,
    /// What is known of its version.
    pub version: Version,
}

/// What a version's own text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The remote's `HEAD`.
    Head,
    /// The name of a branch or a tag.
    Name(String),
    /// The name of a tag.
    Tag(String),
}

/// Returns what the versions name, in the order of `unnamed`.
///
/// What the remote has no more, or elsewhere than at the commit, counts as neither.
pub fn names(
    unnamed: &[Unnamed],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Vec<Result<Named, Failure>> {
    progress.on_total(unnamed.len());
    parallel::each(unnamed, remotes.settings().jobs, |one| {
        let subject = redacted(&one.url);
        progress.on_start(&subject);
        let found = Call::new(&one.url, remotes, progress, interrupted).and_then(|call| name(&call, one, store));
        progress.on_done(&subject, found.is_ok());
        found
    })
}

fn name(call: &Call<'_>, one: &Unnamed, store: &Store) -> Result<Named, Failure> {
    let advertised = list(call)?;
    let object = tag_object(one, &advertised);
    let named = meaning(one, advertised);
    let repository = store.repository(&one.url);
    // What cannot be kept is asked for again next time.
    let Ok(locked) = repository.lock(call.interrupted) else { return Ok(named) };
    match (&named, object) {
        (Named::Tag(tag), Some(full)) => {
            let refspecs = vec![format!("+{full}:{}", repository.tag_ref(&one.rev, tag))];
            // A depth would cut the history of a repository that has all of it.
            let depth = if repository.is_shallow() { Depth::One } else { Depth::All };
            fetch(call, locked.path(), &Order { refspecs, depth })?;
        }
        _ => _ = repository.remember_name(&one.rev, &named),
    }
    Ok(named)
}

/// Returns the full name of the tag that the version may be, where it has an object of its own.
fn tag_object(one: &Unnamed, advertised: &[Advertised]) -> Option<String> {
    let (Version::Tag(name) | Version::Name(name)) = &one.version else { return None };
    let full = format!("refs/tags/{name}");
    let is_object = advertised.iter().any(|line| line.name == full && line.id != one.rev);
    (is_object && git2::Reference::is_valid_name(&full)).then_some(full)
}

fn meaning(one: &Unnamed, advertised: Vec<Advertised>) -> Named {
    let refs = refs::sorted(advertised);
    let is_tag = |name: &String| refs.tags.get(name) == Some(&one.rev);
    match &one.version {
        Version::Head => refs.head.and_then(|head| head.branch).map_or(Named::Neither, Named::Default),
        Version::Tag(name) | Version::Name(name) if is_tag(name) => Named::Tag(name.clone()),
        Version::Name(name) if refs.branches.contains_key(name) => Named::Branch(name.clone()),
        Version::Tag(_) | Version::Name(_) => Named::Neither,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_at_the_commit_comes_before_a_branch_and_one_elsewhere_is_none() {
        let line = |name: &str, id: &str| Advertised { name: name.into(), id: id.into(), symref: None };
        let head = Advertised { symref: Some("refs/heads/main".into()), ..line("HEAD", "1") };
        let lines = [
            head,
            line("refs/heads/main", "1"),
            line("refs/heads/both", "2"),
            line("refs/tags/both", "1"),
            line("refs/tags/1.0", "object"),
            line("refs/tags/1.0^{}", "1"),
            line("refs/tags/moved", "2"),
        ];
        let meaning = |version| meaning(&Unnamed { url: "u".into(), rev: "1".into(), version }, lines.to_vec());
        let name = |name: &str| meaning(Version::Name(name.into()));
        assert_eq!(name("main"), Named::Branch("main".into()));
        assert_eq!(name("both"), Named::Tag("both".into()));
        assert_eq!(name("1.0"), Named::Tag("1.0".into()));
        assert_eq!((name("moved"), name("gone")), (Named::Neither, Named::Neither));
        assert_eq!(meaning(Version::Tag("main".into())), Named::Neither);
        assert_eq!(meaning(Version::Head), Named::Default("main".into()));
    }
}
