//! What `import`, `status`, `export` and `pin-from` share: where checkouts stand, and what is pinned there.
//!
//! Decides what a version's own text says about branches and tags. Leaves out the checkouts themselves (`checkout/`).

use std::path::{Path, PathBuf};

use deps_lock::{Entry, Lock};

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::checkout::CheckoutError;
use crate::manifest::{Kind, Wish};
use crate::remote::fetch::Version;
use crate::resolve::RepositoryWish;
use crate::store::Named;
use crate::workspace::{Loaded, Workspace};

/// A repository of the lock and its place below the folder.
pub(super) struct Pinned<'a> {
    /// The path below the folder.
    pub(super) path: String,
    /// The commit.
    pub(super) rev: String,
    /// What its version is.
    pub(super) version: Known,
    /// What the manifest asks for.
    pub(super) wish: &'a RepositoryWish,
}

/// What a version is.
pub(super) enum Known {
    /// Its own text says so.
    Surely(Named),
    /// Its remote knows.
    Open(Version),
}

impl Known {
    /// Returns what is known without asking anybody.
    pub(super) fn named(&self) -> Option<Named> {
        match self {
            Self::Surely(named) => Some(named.clone()),
            // Only its object is not known yet.
            Self::Open(Version::Tag(tag)) => Some(Named::Tag(tag.clone())),
            Self::Open(Version::Head | Version::Name(_)) => None,
        }
    }
}

/// Returns the folder that checkouts stand in.
pub(super) fn folder(session: &Session, workspace: &Workspace, folder: Option<&Path>) -> PathBuf {
    folder.map_or_else(|| workspace.root().join("src"), |folder| session.start().join(folder))
}

/// Returns the path below the folder of the entry `name`: the set of a project with several is a folder.
pub(super) fn place(name: &str) -> String {
    name.replacen(':', "/", 1)
}

/// Returns the repositories of `lock`, sorted by path.
///
/// # Errors
/// A path that leads out of the folder, as `allow-outside` permits in an image.
pub(super) fn pinned<'a>(loaded: &'a Loaded, lock: &Lock) -> Result<Vec<Pinned<'a>>, Failed> {
    let (mut all, mut outside) = (Vec::new(), Vec::new());
    for (key, wish) in &loaded.wishes.repositories {
        let Some(Entry::Repo(git)) = lock.get(key) else { continue };
        let path = place(&key.name);
        if path.split('/').any(|part| part == "..") {
            let message = format!("`{path}` leads out of the folder of the checkouts");
            outside.push(Diagnostic::error(message).at(Some(&wish.git.place)));
            continue;
        }
        let version = known(&wish.git.wish, &git.rev, git.reference.as_deref());
        all.push(Pinned { path, rev: git.rev.to_string(), version, wish });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    if outside.is_empty() { Ok(all) } else { Err(Failed::new(FAILED, outside)) }
}

/// Returns what is known of the version `wish` at the commit `rev`; `reference` is the tag that meets a requirement.
pub(super) fn known(wish: &Wish, rev: &str, reference: Option<&str>) -> Known {
    let branch = |name: &str| Known::Surely(Named::Branch(name.to_owned()));
    let tag = |name: &str| Known::Open(Version::Tag(name.to_owned()));
    match wish {
        Wish::Head => Known::Open(Version::Head),
        Wish::Branch(name) => branch(name),
        Wish::Tag(name) => tag(name),
        Wish::Name(name) => {
            name.strip_prefix("origin/").map_or_else(|| Known::Open(Version::Name(name.clone())), branch)
        }
        Wish::Abbreviated(digits) if !rev.starts_with(&digits.to_ascii_lowercase()) => {
            Known::Open(Version::Name(digits.clone()))
        }
        Wish::Ref(name) => match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(name), _) => branch(name),
            (_, Some(name)) => tag(name),
            _ => Known::Surely(Named::Neither),
        },
        Wish::Requirement(..) => reference.map_or(Known::Surely(Named::Neither), tag),
        Wish::Commit(_) | Wish::Abbreviated(_) => Known::Surely(Named::Neither),
    }
}

/// Returns a warning that names what is no git repository: nobody works in an archive.
pub(super) fn passed_over(loaded: &Loaded) -> Vec<Diagnostic> {
    let others = loaded.wishes.repositories.iter().filter(|(_, wish)| wish.kind != Kind::Git);
    let named: Vec<String> = others.map(|(key, wish)| format!("`{}` ({})", key.name, wish.kind)).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let message = format!("only git repositories are checked out, and these are none: {}", named.join(", "));
    let hint = "`deps fetch` brings them into the store, and images have them".to_owned();
    vec![Diagnostic::warning(message).hint(Some(hint))]
}

pub(super) fn failed(error: CheckoutError) -> Failed {
    Failed::one(FAILED, Diagnostic::error(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_version_says_what_it_can() {
        let rev = "abcd012345678901234567890123456789012345";
        let named = |text: &str| known(&Wish::read(Some(text)).unwrap(), rev, Some("1.2.0")).named();
        assert_eq!(named("heads/main"), Some(Named::Branch("main".into())));
        assert_eq!(named("refs/heads/a/b"), Some(Named::Branch("a/b".into())));
        assert_eq!(named("origin/main"), Some(Named::Branch("main".into())));
        assert_eq!(named("tags/1.0"), Some(Named::Tag("1.0".into())));
        assert_eq!(named("^1"), Some(Named::Tag("1.2.0".into())));
        assert_eq!((named(rev), named("ABCD01"), named("refs/pull/7/head")), {
            let neither = || Some(Named::Neither);
            (neither(), neither(), neither())
        });
        assert_eq!((named("main"), named("beef"), named("")), (None, None, None));
    }
}
