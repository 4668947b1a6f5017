//! What the name of a version was at its remote when a commit was fetched for it: a branch, a tag, the default branch.
//!
//! Decides where that is kept: as refs beside the pin, `refs/deps/names/<rev>/…`, so that it goes when the pin goes and a
//! second checkout needs no remote. A tag's ref leads to the tag object where the tag has one.

use git2::Oid;

use super::{Repository, StoreError};

/// What a version names at its remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A branch.
    Branch(String),
    /// The branch that `HEAD` leads to.
    Default(String),
    /// A tag.
    Tag(String),
    /// A commit, or a ref that is neither branch nor tag.
    Neither,
}

impl Named {
    /// Returns the branch; none where it is none.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch(name) | Self::Default(name) => Some(name),
            Self::Tag(_) | Self::Neither => None,
        }
    }
}

impl Repository {
    /// Returns what `version` named when the commit `rev` was fetched; `None` is the remote's `HEAD`. None when nobody has
    /// found out.
    pub fn named(&self, rev: &str, version: Option<&str>) -> Option<Named> {
        let repository = self.open().ok()?;
        let Some(version) = version else {
            let head = repository.find_reference(&folder(rev, "HEAD")).ok()?;
            let branch = head.symbolic_target().ok()??.strip_prefix(&folder(rev, "heads/"))?.to_owned();
            return Some(Named::Default(branch));
        };
        let is = |kind: &str| repository.find_reference(&folder(rev, &format!("{kind}/{version}"))).is_ok();
        match () {
            () if is("tags") => Some(Named::Tag(version.to_owned())),
            () if is("heads") => Some(Named::Branch(version.to_owned())),
            () => None,
        }
    }

    /// Returns the object of the tag `name` that leads to the commit `rev`: a tag object, or the commit itself.
    pub fn tag(&self, rev: &str, name: &str) -> Option<String> {
        let repository = self.open().ok()?;
        repository.refname_to_id(&folder(rev, &format!("tags/{name}"))).ok().map(|id| id.to_string())
    }

    /// Returns the ref that is to lead to the object of the tag `name` of the commit `rev`.
    pub fn tag_ref(&self, rev: &str, name: &str) -> String {
        folder(rev, &format!("tags/{name}"))
    }

    /// Writes down what the version that the commit `rev` was fetched for names. The commit must be pinned.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remember_name(&self, rev: &str, named: &Named) -> Result<(), StoreError> {
        let path = self.path();
        let failed = StoreError::repository(&path);
        let repository = self.open()?;
        let id = Oid::from_str(rev).map_err(&failed)?;
        let write = |name: &str| repository.reference(&folder(rev, name), id, true, "").map(drop);
        let written = match named {
            Named::Branch(name) => write(&format!("heads/{name}")),
            Named::Default(name) => write(&format!("heads/{name}")).and_then(|()| {
                let target = folder(rev, &format!("heads/{name}"));
                repository.reference_symbolic(&folder(rev, "HEAD"), &target, true, "").map(drop)
            }),
            Named::Tag(name) => write(&format!("tags/{name}")),
            Named::Neither => Ok(()),
        };
        written.map_err(&failed)
    }
}

/// Returns the commit that the ref `name` is about; none when it is another kind of ref.
pub(super) fn rev(name: &str) -> Option<&str> {
    name.strip_prefix(NAMES)?.split('/').next()
}

/// Returns the tag objects that are kept with the commit `rev`: the commit does not lead to them.
pub(super) fn tag_objects(repository: &git2::Repository, rev: &str) -> Vec<Oid> {
    let Ok(references) = repository.references_glob(&folder(rev, "tags/*")) else { return Vec::new() };
    let targets = references.flatten().filter_map(|reference| reference.target());
    targets.filter(|id| repository.find_tag(*id).is_ok()).collect()
}

/// Returns the refs that do not lead to the commit they are about.
pub(super) fn damaged(repository: &git2::Repository) -> Vec<String> {
    let root = repository.path();
    let leads = |name: &str| {
        let commit = repository.find_reference(name).and_then(|reference| reference.peel_to_commit());
        commit.is_ok_and(|commit| rev(name) == Some(&*commit.id().to_string()))
    };
    // As files: libgit2 passes over refs that it cannot read.
    let files = walkdir::WalkDir::new(root.join(NAMES)).sort_by_file_name().into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let names = files.filter_map(|path| Some(path.strip_prefix(root).ok()?.to_str()?.to_owned()));
    names.filter(|name| !leads(name)).collect()
}

/// Where what versions name is held.
const NAMES: &str = "refs/deps/names/";

fn folder(rev: &str, name: &str) -> String {
    format!("{NAMES}{rev}/{name}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::store::Store;

    #[test]
    fn what_was_found_out_is_known_for_that_commit_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let repository = store.repository("https://git.example/a.git");
        let locked = repository.lock(&AtomicBool::new(false)).unwrap();
        let bare = git2::Repository::open_bare(locked.path()).unwrap();
        let who = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let tree = bare.find_tree(bare.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let rev = bare.commit(None, &who, &who, "x", &tree, &[]).unwrap().to_string();
        let other = bare.commit(None, &who, &who, "y", &tree, &[]).unwrap().to_string();
        assert_eq!(repository.named(&rev, None), None);
        for named in [Named::Default("main".into()), Named::Tag("1.10".into()), Named::Neither] {
            repository.remember_name(&rev, &named).unwrap();
        }
        assert_eq!(repository.named(&rev, None), Some(Named::Default("main".into())));
        assert_eq!(repository.named(&rev, Some("main")), Some(Named::Branch("main".into())));
        assert_eq!(repository.named(&rev, Some("1.10")), Some(Named::Tag("1.10".into())));
        assert_eq!(repository.tag(&rev, "1.10"), Some(rev.clone()));
        assert_eq!((repository.named(&other, Some("main")), repository.named(&rev, Some("1.1"))), (None, None));
    }
}
