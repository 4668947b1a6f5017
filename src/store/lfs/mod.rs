//! Files of Git LFS: which files of a commit are pointers, and the content that they name.
//!
//! Decides after the specification of Git LFS and gitattributes(5): a file is one of Git LFS when it is a pointer and
//! `.gitattributes` of its commit gives it that filter. A file that only looks like a pointer is a file. Content stands in
//! `files/<sha256>`. Leaves out getting it (`remote/`).

#![expect(clippy::disallowed_methods, reason = "the store moves its files")]

mod attributes;
mod pointer;
mod wildmatch;

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::ObjectType;

use super::export::{entry_name, sync_folder};
use super::file::hashed;
use super::gitmodules;
use super::repository::{find_commit, too_deep};
use super::{BadEntry, Checkout, Repository, Store, StoreError};
use attributes::Attributes;
use pointer::Found;
pub use pointer::Pointer;

/// The largest `.gitattributes` that is read, in bytes; git passes over larger ones too.
const LARGEST_ATTRIBUTES: usize = 100 << 20;

/// The pointers of a commit, by path.
pub type Pointers = BTreeMap<PathBuf, Pointer>;

impl Repository {
    /// Returns the files of Git LFS that the commit `rev` has, without its submodules.
    ///
    /// # Errors
    /// When the commit cannot be read, or a pointer needs programs of the project's own.
    pub fn lfs_pointers(&self, rev: &str) -> Result<Pointers, StoreError> {
        let repository = self.open()?;
        let tree = find_commit(&repository, rev)?.tree().map_err(StoreError::repository(&self.path()))?;
        let mut walk = Walk { repository: &repository, rev, attributes: Attributes::default(), found: Pointers::new() };
        walk.attributes(&tree, Path::new(""), 0)?;
        if walk.attributes.have_lfs() {
            walk.pointers(&tree, Path::new(""))?;
        }
        Ok(walk.found)
    }

    /// Returns where the commit `rev` says that its Git LFS server is, in `.lfsconfig`; most leave that to git-lfs.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn lfs_url(&self, rev: &str) -> Result<Option<String>, StoreError> {
        let repository = self.open()?;
        let tree = find_commit(&repository, rev)?.tree().map_err(StoreError::repository(&self.path()))?;
        let blob = tree.get_name(".lfsconfig").and_then(|entry| repository.find_blob(entry.id()).ok());
        let Some(blob) = blob else { return Ok(None) };
        let settings = gitmodules::settings(&String::from_utf8_lossy(blob.content())).unwrap_or_default();
        let named = |section: &str, name: Option<&str>, key: &str| {
            let mut settings = settings.iter().rev();
            let found = settings.find(|one| one.section == section && one.name.as_deref() == name && one.key == key);
            found.map(|one| one.value.clone())
        };
        Ok(named("lfs", None, "url").or_else(|| named("remote", Some("origin"), "lfsurl")))
    }
}

/// A look at all files of a commit.
struct Walk<'r> {
    repository: &'r git2::Repository,
    rev: &'r str,
    attributes: Attributes,
    found: Pointers,
}

impl Walk<'_> {
    fn attributes(&mut self, tree: &git2::Tree<'_>, folder: &Path, depth: usize) -> Result<(), StoreError> {
        too_deep(self.rev, depth, folder.as_os_str().as_bytes())?;
        if let Some(entry) = tree.get_name(".gitattributes").filter(|entry| is_file(entry)) {
            let blob = self.repository.find_blob(entry.id()).map_err(|_| self.missing(entry.id()))?;
            if blob.size() <= LARGEST_ATTRIBUTES {
                let mut name = folder.as_os_str().as_bytes().to_vec();
                name.extend(if name.is_empty() { &b""[..] } else { b"/" });
                self.attributes.add(&name, blob.content());
            }
        }
        self.folders(tree, folder, |walk, tree, folder| walk.attributes(tree, folder, depth + 1))
    }

    /// Looks at the files. How deep they are has been looked at with the attributes.
    fn pointers(&mut self, tree: &git2::Tree<'_>, folder: &Path) -> Result<(), StoreError> {
        let odb = self.repository.odb().map_err(|_| self.missing(tree.id()))?;
        for entry in tree.iter().filter(is_file) {
            let (size, _) = odb.read_header(entry.id()).map_err(|_| self.missing(entry.id()))?;
            if size > pointer::LARGEST {
                continue;
            }
            let path = folder.join(entry_name(entry.name_bytes()));
            let blob = self.repository.find_blob(entry.id()).map_err(|_| self.missing(entry.id()))?;
            match pointer::read(blob.content()).filter(|_| self.attributes.is_lfs(path.as_os_str().as_bytes())) {
                Some(Found::Pointer(pointer)) => _ = self.found.insert(path, pointer),
                Some(Found::Extended) => {
                    let (rev, path) = (self.rev.to_owned(), path.to_string_lossy().into_owned());
                    return Err(StoreError::BadEntry { rev, path, problem: BadEntry::LfsExtension });
                }
                None => {}
            }
        }
        self.folders(tree, folder, |walk, tree, folder| walk.pointers(tree, folder))
    }

    fn folders(
        &mut self,
        tree: &git2::Tree<'_>,
        folder: &Path,
        visit: impl Fn(&mut Self, &git2::Tree<'_>, &Path) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for entry in tree.iter().filter(|entry| entry.kind() == Some(ObjectType::Tree)) {
            let below = self.repository.find_tree(entry.id()).map_err(|_| self.missing(entry.id()))?;
            visit(self, &below, &folder.join(entry_name(entry.name_bytes())))?;
        }
        Ok(())
    }

    fn missing(&self, object: git2::Oid) -> StoreError {
        StoreError::Incomplete { rev: self.rev.to_owned(), object: object.to_string() }
    }
}

/// Returns the SHA-256 of the content that `file` stands for, in hexadecimal digits; none when it is no pointer.
pub(super) fn content_named_by(file: &[u8]) -> Option<String> {
    match pointer::read(file)? {
        Found::Pointer(pointer) => Some(pointer.sha256),
        Found::Extended => None,
    }
}

fn is_file(entry: &git2::TreeEntry<'_>) -> bool {
    entry.kind() == Some(ObjectType::Blob) && entry.filemode_raw() & 0o170_000 == 0o100_000
}

impl Store {
    /// Returns how many files of Git LFS `checkout` has, with its submodules. All its commits must be pinned.
    ///
    /// # Errors
    /// As [`Repository::lfs_pointers`].
    pub fn lfs_count(&self, checkout: &Checkout) -> Result<usize, StoreError> {
        let own = self.repository(&checkout.url).lfs_pointers(&checkout.rev)?.len();
        checkout.submodules.values().try_fold(own, |count, submodule| Ok(count + self.lfs_count(submodule)?))
    }

    /// Makes the file at `path`, on the filesystem of the store, the one with the content `sha256`, if it has that.
    /// Returns whether it has.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_file(&self, path: &Path, sha256: &str) -> Result<bool, StoreError> {
        if hashed(path)? != sha256 {
            return Ok(false);
        }
        let folder = self.root().join("files");
        let kept = folder.join(sha256);
        let settled = || -> std::io::Result<()> {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            File::open(path)?.sync_all()?;
            fs::rename(path, &kept)
        };
        settled().map_err(StoreError::io("make", &kept))?;
        sync_folder(&folder)?;
        Ok(true)
    }
}
