//! A bare repository of the store: which commits it holds completely, and which submodules they name.
//!
//! Decides what "present" means: `refs/deps/pins/<rev>` exists, and it is made only after every object of the commit's
//! tree was found. Leaves out fetching (`remote/`) and writing files (`export.rs`).

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{ObjectType, Oid};

use super::export::{sync_file, sync_folders};
use super::gitmodules::{self, Declared};
use super::lock::Lock;
use super::{BadEntry, Store, StoreError, leftovers, name};

/// Where pinned commits are held.
const PINS: &str = "refs/deps/pins";

/// Deepest nesting of folders in a commit; far more than any path on disk allows.
pub(super) const DEEPEST: usize = 256;

/// The bare repository that holds the commits of one URL.
#[derive(Clone, Debug)]
pub struct Repository {
    store: Store,
    name: String,
    url: String,
}

/// A submodule as a commit has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gitlink {
    /// Where it is checked out, below the root of the commit.
    pub path: PathBuf,
    /// The commit it is pinned to.
    pub rev: String,
    /// Its URL as `.gitmodules` has it; absent when `.gitmodules` does not say.
    pub url: Option<String>,
    /// Whether `.gitmodules` has an entry for it.
    pub declared: bool,
    /// Whether `.gitmodules` says `update = none`: git leaves the folder empty.
    pub skipped: bool,
}

/// A repository that nobody else writes to until this is dropped.
#[derive(Debug)]
pub struct LockedRepository {
    path: PathBuf,
    _lock: Lock,
}

impl LockedRepository {
    /// Returns the path of the bare repository, which exists.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Repository {
    pub(super) fn new(store: &Store, url: &str) -> Self {
        Self { store: store.clone(), name: name::repository(url), url: url.to_owned() }
    }

    /// Returns the repository whose folder below `git/` is called `name`; which URL it belongs to is not known.
    pub(super) fn at(store: &Store, name: &str) -> Self {
        Self { store: store.clone(), name: name.to_owned(), url: String::new() }
    }

    /// Returns the path of the bare repository, whether it exists or not.
    pub fn path(&self) -> PathBuf {
        self.store.root.join("git").join(&self.name)
    }

    /// Returns the repository for writing, made when it is not there, after waiting for other writers.
    ///
    /// # Errors
    /// When it cannot be locked or made, or `interrupted` becomes true while waiting.
    pub fn lock(&self, interrupted: &AtomicBool) -> Result<LockedRepository, StoreError> {
        let lock = self.store.lock(&self.name, interrupted)?;
        let path = self.path();
        if path.is_dir() {
            // Whoever had it before may have been killed.
            leftovers::tidy(&path);
        } else {
            self.create(&path)?;
        }
        Ok(LockedRepository { path, _lock: lock })
    }

    fn create(&self, path: &Path) -> Result<(), StoreError> {
        let scratch = self.store.scratch()?;
        let draft = scratch.path().join("repository");
        create_bare(&draft).map_err(StoreError::repository(path))?;
        for file in ["HEAD", "config"] {
            sync_file(&draft.join(file))?;
        }
        sync_folders(&draft)?;
        fs::rename(&draft, path).map_err(StoreError::io("make", path))
    }

    /// Whether the commit `rev` is pinned, which means that all of it is here. Reads one ref.
    pub fn has(&self, rev: &str) -> bool {
        let Ok(repository) = super::open_bare(&self.path()) else { return false };
        let Ok(id) = Oid::from_str(rev) else { return false };
        repository.refname_to_id(&pin_name(rev)).is_ok_and(|pinned| pinned == id)
            && repository.odb().is_ok_and(|odb| odb.exists(id))
    }

    /// Whether there is an object `rev`, complete or not.
    pub fn contains(&self, rev: &str) -> bool {
        let Ok(repository) = super::open_bare(&self.path()) else { return false };
        Oid::from_str(rev).is_ok_and(|id| repository.odb().is_ok_and(|odb| odb.exists(id)))
    }

    /// Makes sure that the commit `rev` is complete, and holds it from now on.
    ///
    /// # Errors
    /// When it is not a commit, an object of its tree is missing, or the ref cannot be written.
    pub fn pin(&self, rev: &str) -> Result<(), StoreError> {
        let repository = self.open()?;
        let id = complete(&repository, rev)?;
        repository.reference(&pin_name(rev), id, true, "").map_err(StoreError::repository(&self.path()))?;
        Ok(())
    }

    /// Returns the submodules of the commit `rev`, by path.
    ///
    /// # Errors
    /// When the commit cannot be read or its `.gitmodules` is malformed.
    pub fn gitlinks(&self, rev: &str) -> Result<Vec<Gitlink>, StoreError> {
        let repository = self.open()?;
        let tree = find_commit(&repository, rev)?.tree().map_err(StoreError::repository(&self.path()))?;
        let mut links = Vec::new();
        collect_gitlinks(&repository, rev, &tree, Path::new(""), 0, &mut links)?;
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let declared = declared(&repository, rev, &tree)?;
        let with_url = |(path, id): (PathBuf, Oid)| {
            let entry = path.to_str().and_then(|path| declared.get(path)).cloned();
            let declared = entry.is_some();
            let Declared { url, skipped, .. } = entry.unwrap_or_default();
            Gitlink { path, rev: id.to_string(), url, declared, skipped }
        };
        Ok(links.into_iter().map(with_url).collect())
    }

    /// Whether its history is cut somewhere.
    pub fn is_shallow(&self) -> bool {
        self.open().is_ok_and(|repository| repository.is_shallow())
    }

    /// Returns the URL it holds the commits of.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn open(&self) -> Result<git2::Repository, StoreError> {
        super::open_bare(&self.path()).map_err(StoreError::repository(&self.path()))
    }
}

/// Returns the name of the ref that holds the commit `rev`.
pub(super) fn pin_name(rev: &str) -> String {
    format!("{PINS}/{rev}")
}

/// Makes an empty bare repository at `path` without hooks and other extras; what it writes is synced to disk.
pub(crate) fn create_bare(path: &Path) -> Result<git2::Repository, git2::Error> {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).external_template(false).no_reinit(true).initial_head("deps");
    let repository = git2::Repository::init_opts(path, &options)?;
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    config.set_bool("core.fsyncObjectFiles", true)?;
    // What the git program knows the line above as.
    config.set_str("core.fsync", "objects,derived-metadata,reference")?;
    config.set_i32("gc.auto", 0)?;
    // An index is a function of its pack; of another one nothing could be said.
    config.set_bool("pack.writeReverseIndex", false)?;
    drop(config);
    Ok(repository)
}

/// Returns the id of the commit `rev` when all of it is there.
///
/// # Errors
/// When it is not a commit, or an object of its tree is missing.
pub(super) fn complete(repository: &git2::Repository, rev: &str) -> Result<Oid, StoreError> {
    let commit = find_commit(repository, rev)?;
    let tree = commit.tree().map_err(|_| incomplete(rev, commit.tree_id()))?;
    Completeness { repository, rev, seen: BTreeSet::new() }.check(&tree, 0)?;
    Ok(commit.id())
}

/// Returns the commit `rev`.
pub(super) fn find_commit<'r>(repository: &'r git2::Repository, rev: &str) -> Result<git2::Commit<'r>, StoreError> {
    if !name::is_commit_id(rev) {
        return Err(StoreError::NotACommitId { rev: rev.to_owned() });
    }
    let id = Oid::from_str(rev).expect("40 hexadecimal digits are an id");
    let object = repository.find_object(id, None).map_err(|_| incomplete(rev, id))?;
    let kind = object.kind().map_or("unknown object", |kind| kind.str()).to_owned();
    object.into_commit().map_err(|_| StoreError::NotACommit { rev: rev.to_owned(), kind })
}

fn incomplete(rev: &str, object: Oid) -> StoreError {
    StoreError::Incomplete { rev: rev.to_owned(), object: object.to_string() }
}

/// Looks for every object below a commit.
struct Completeness<'r> {
    repository: &'r git2::Repository,
    rev: &'r str,
    seen: BTreeSet<Oid>,
}

impl Completeness<'_> {
    fn check(&mut self, tree: &git2::Tree<'_>, depth: usize) -> Result<(), StoreError> {
        let odb = self.repository.odb().map_err(|_| incomplete(self.rev, tree.id()))?;
        for entry in tree {
            let id = entry.id();
            if entry.kind() == Some(ObjectType::Commit) || !self.seen.insert(id) {
                continue;
            }
            if !odb.exists(id) {
                return Err(incomplete(self.rev, id));
            }
            if entry.kind() == Some(ObjectType::Tree) {
                too_deep(self.rev, depth, entry.name_bytes())?;
                let tree = self.repository.find_tree(id).map_err(|_| incomplete(self.rev, id))?;
                self.check(&tree, depth + 1)?;
            }
        }
        Ok(())
    }
}

pub(super) fn too_deep(rev: &str, depth: usize, name: &[u8]) -> Result<(), StoreError> {
    if depth < DEEPEST {
        return Ok(());
    }
    let path = String::from_utf8_lossy(name).into_owned();
    Err(StoreError::BadEntry { rev: rev.to_owned(), path, problem: BadEntry::TooDeep })
}

fn collect_gitlinks(
    repository: &git2::Repository,
    rev: &str,
    tree: &git2::Tree<'_>,
    folder: &Path,
    depth: usize,
    links: &mut Vec<(PathBuf, Oid)>,
) -> Result<(), StoreError> {
    for entry in tree {
        let path = folder.join(super::export::entry_name(entry.name_bytes()));
        match entry.kind() {
            Some(ObjectType::Commit) => links.push((path, entry.id())),
            Some(ObjectType::Tree) => {
                too_deep(rev, depth, entry.name_bytes())?;
                let tree = repository.find_tree(entry.id()).map_err(|_| incomplete(rev, entry.id()))?;
                collect_gitlinks(repository, rev, &tree, &path, depth + 1, links)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns what `.gitmodules` of the commit says, by path; nothing when there is no such file.
fn declared(
    repository: &git2::Repository,
    rev: &str,
    tree: &git2::Tree<'_>,
) -> Result<BTreeMap<String, Declared>, StoreError> {
    let Some(entry) = tree.get_name(".gitmodules").filter(|entry| entry.filemode() & 0o170_000 == 0o100_000) else {
        return Ok(BTreeMap::new());
    };
    let blob = repository.find_blob(entry.id()).map_err(|_| incomplete(rev, entry.id()))?;
    let text = String::from_utf8_lossy(blob.content());
    let modules = gitmodules::parse(&text).map_err(|line| StoreError::BadGitmodules { rev: rev.to_owned(), line })?;
    Ok(modules.into_values().filter_map(|module| Some((module.path.clone()?, module))).collect())
}
