//! Reads all of a thing of the store again and compares it with what its name says.
//!
//! Decides what damage is. A tree of a commit is compared with the objects of that commit, entry by entry: names, kinds,
//! modes, links, contents by their git ids; instead of a pointer of Git LFS, the content that it names will do. A folder
//! is compared with its digest, a file with its SHA-256, an archive with its tree, any other tree with the sum that was
//! written with it. What Mercurial keeps is Mercurial's to check. Times are not looked at: no content depends on them. Leaves out
//! repositories (`fsck.rs`) and what to do about damage.

#![expect(clippy::disallowed_methods, reason = "the store reads its files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{ObjectType, Oid};
use walkdir::WalkDir;

use super::export::entry_name;
use super::file::hashed;
use super::lfs::content_named_by;
use super::{Repository, Store, StoreError, Thing, ThingKind, name, repository, sum};
use crate::digest::{self, FolderFile, HashedFile, HashedFolder};
use crate::hashing;

/// Something in the store that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// What is damaged: a path below the store.
    pub name: String,
    /// How.
    pub problem: Fault,
}

/// What is wrong with a part of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// Content that differs.
    #[error("has other content")]
    Content,
    /// A mode that differs from the content's.
    #[error("has mode {found:o} instead of {expected:o}")]
    Mode {
        /// What it is.
        found: u32,
        /// What it has to be.
        expected: u32,
    },
    /// Something is not there.
    #[error("is missing")]
    Missing,
    /// Something is there that does not belong there.
    #[error("does not belong there")]
    Extra,
    /// A folder where a file should be, or the like.
    #[error("is not {expected}")]
    Kind {
        /// What it has to be, with its article.
        expected: &'static str,
    },
    /// The commit that says what a tree has to hold is not in the store.
    #[error("cannot be compared: commit `{rev}` is not in the store, or damaged")]
    NoCommit {
        /// The commit.
        rev: String,
    },
    /// The note that says what a tree has to hold is not there.
    #[error("cannot be compared: nobody wrote down what it holds")]
    NoSum,
    /// It cannot be read.
    #[error("cannot be read: {cause}")]
    Unreadable {
        /// The cause as libgit2 or the system gave it.
        cause: String,
    },
}

/// Finds the repositories of commits.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    /// The folder names of the repositories that pin a commit.
    by_rev: BTreeMap<String, String>,
}

impl Commits {
    /// Returns where the commits of `things` are. The repositories in `damaged`, by name, are not looked into: libgit2
    /// may not survive that.
    pub fn of(things: &[Thing], damaged: &BTreeSet<String>) -> Self {
        let whole = |thing: &&Thing| thing.kind == ThingKind::Repository && !damaged.contains(&thing.name);
        let repositories = things.iter().filter(whole);
        let pairs =
            repositories.flat_map(|thing| thing.ids.iter().map(|rev| (rev.clone(), thing.file_name().to_owned())));
        Self { by_rev: pairs.collect() }
    }
}

impl Store {
    /// Returns everything that is wrong with `thing`, by path. What is left over is nobody's content and never damaged.
    ///
    /// # Errors
    /// When the store cannot be read, which says nothing about its content.
    pub fn damages(&self, thing: &Thing, commits: &Commits) -> Result<Vec<Damage>, StoreError> {
        let path = self.root.join(&thing.name);
        let mut found = match thing.kind {
            ThingKind::Repository => self.repository_damages(thing)?,
            ThingKind::Tree => self.tree_damages(thing, commits)?,
            ThingKind::Archive => self.archive_damages(thing)?,
            ThingKind::File if hashed(&path)? == thing.file_name() => Vec::new(),
            ThingKind::File => vec![(PathBuf::new(), Fault::Content)],
            ThingKind::Mercurial | ThingKind::Leftover => Vec::new(),
        };
        // It has been taken away meanwhile, or was never whole.
        if path.symlink_metadata().is_err() {
            return Ok(Vec::new());
        }
        found.sort();
        found.dedup();
        let named = |(below, problem): (PathBuf, Fault)| {
            let name = if below.as_os_str().is_empty() {
                thing.name.clone()
            } else {
                format!("{}/{}", thing.name, below.display())
            };
            Damage { name, problem }
        };
        Ok(found.into_iter().map(named).collect())
    }

    /// Compares an archive with what its tree would be packed to now.
    fn archive_damages(&self, thing: &Thing) -> Result<Vec<(PathBuf, Fault)>, StoreError> {
        let path = self.root.join(&thing.name);
        let mut found = blake3::Hasher::new();
        fs::File::open(&path)
            .and_then(|file| found.update_reader(file).map(drop))
            .map_err(StoreError::io("read", &path))?;
        let Some(id) = self.tree_of(thing.file_name()) else { return Ok(Vec::new()) };
        let mut expected = blake3::Hasher::new();
        self.write_archive(id, &mut expected, &mut || Ok(()))?;
        let same = found.finalize() == expected.finalize();
        Ok(if same { Vec::new() } else { vec![(PathBuf::new(), Fault::Content)] })
    }

    fn tree_damages(&self, thing: &Thing, commits: &Commits) -> Result<Vec<(PathBuf, Fault)>, StoreError> {
        let (root, id) = (self.root.join(&thing.name), thing.file_name());
        let excluded = self.noticed(id).excluded.into_iter().map(PathBuf::from).collect();
        let mut comparison = Comparison { store: self, commits, root: &root, excluded, found: Vec::new() };
        // A commit id, and what of the commit is wanted.
        let (rev, extent) = id.split_once('-').unwrap_or((id, ""));
        if name::is_commit_id(rev) {
            comparison.commit(rev, extent.starts_with('s'), Path::new(""), 0)?;
        } else if id.starts_with("b3t-") {
            comparison.hashed_folder(id)?;
        } else if id.starts_with("b3-") {
            comparison.plain_folder(id)?;
        } else {
            let problem = match self.written_sum(id) {
                Some(written) => (sum::sum(&root)? != written).then_some(Fault::Content),
                None => Some(Fault::NoSum),
            };
            comparison.expect(Path::new(""), problem);
        }
        let meta = self.meta(id);
        if meta.exists()
            && fs::read(&meta).is_ok_and(|json| serde_json::from_slice::<serde_json::Value>(&json).is_err())
        {
            let cause = format!("its note `meta/{id}.json` is damaged");
            comparison.found.push((PathBuf::new(), Fault::Unreadable { cause }));
        }
        Ok(comparison.found)
    }
}

/// A tree of the store beside what it has to be.
struct Comparison<'a> {
    store: &'a Store,
    commits: &'a Commits,
    root: &'a Path,
    /// The submodules that were left out.
    excluded: BTreeSet<PathBuf>,
    found: Vec<(PathBuf, Fault)>,
}

impl Comparison<'_> {
    /// Compares what is at `below` with the commit `rev`.
    fn commit(&mut self, rev: &str, submodules: bool, below: &Path, depth: usize) -> Result<(), StoreError> {
        let no_commit = (below.to_owned(), Fault::NoCommit { rev: rev.to_owned() });
        // Commits may name each other as submodules without an end.
        let Some(name) = self.commits.by_rev.get(rev).filter(|_| depth < repository::DEEPEST) else {
            self.found.push(no_commit);
            return Ok(());
        };
        let repository = Repository::at(self.store, name);
        let Ok(links) = links(&repository, rev, submodules) else {
            self.found.push(no_commit);
            return Ok(());
        };
        let opened = repository.open();
        let tree = opened.as_ref().ok().and_then(|bare| repository::find_commit(bare, rev).ok()?.tree().ok());
        let (Ok(bare), Some(tree)) = (&opened, tree) else {
            self.found.push(no_commit);
            return Ok(());
        };
        let level = Level { bare, rev, top: below, links: &links, depth };
        self.folder(&level, &tree, below)
    }

    fn folder(&mut self, level: &Level<'_>, tree: &git2::Tree<'_>, below: &Path) -> Result<(), StoreError> {
        if !self.is_folder(below) {
            return Ok(());
        }
        let mut expected = BTreeSet::new();
        for entry in tree {
            let path = below.join(entry_name(entry.name_bytes()));
            self.entry(level, &entry, &path)?;
            expected.insert(path);
        }
        self.nothing_but(below, &expected)
    }

    fn entry(&mut self, level: &Level<'_>, entry: &git2::TreeEntry<'_>, path: &Path) -> Result<(), StoreError> {
        match (entry.kind(), entry.filemode_raw() & 0o170_000) {
            (Some(ObjectType::Tree), _) => match level.bare.find_tree(entry.id()) {
                Ok(tree) => self.folder(level, &tree, path)?,
                Err(_) => self.found.push((path.to_owned(), Fault::NoCommit { rev: level.rev.to_owned() })),
            },
            (Some(ObjectType::Commit), _) => self.submodule(level, path)?,
            (_, 0o120_000) => {
                let target = fs::read_link(self.root.join(path));
                let same = |target: PathBuf| {
                    Oid::hash_object(ObjectType::Blob, target.as_os_str().as_bytes()).is_ok_and(|id| id == entry.id())
                };
                self.expect(
                    path,
                    target.map_or(Some(Fault::Kind { expected: "a link" }), |target| {
                        (!same(target)).then_some(Fault::Content)
                    }),
                );
            }
            _ => self.file(level, entry, path),
        }
        Ok(())
    }

    fn file(&mut self, level: &Level<'_>, entry: &git2::TreeEntry<'_>, path: &Path) {
        let expected = if entry.filemode_raw() & 0o100 == 0 { 0o644 } else { 0o755 };
        let absolute = self.root.join(path);
        let Some(metadata) = self.metadata(path) else { return };
        if !metadata.is_file() {
            return self.expect(path, Some(Fault::Kind { expected: "a file" }));
        }
        self.expect(path, mode(&metadata, expected));
        let problem = match Oid::hash_file(ObjectType::Blob, &absolute) {
            Ok(id) if id == entry.id() || is_behind_pointer(level.bare, entry.id(), &absolute) => None,
            Ok(_) => Some(Fault::Content),
            Err(error) => Some(Fault::Unreadable { cause: error.message().to_owned() }),
        };
        self.expect(path, problem);
    }

    /// Compares a submodule: its commit where it was wanted and has a place, else an empty folder.
    fn submodule(&mut self, level: &Level<'_>, path: &Path) -> Result<(), StoreError> {
        let below = path.strip_prefix(level.top).expect("every path is made below the top");
        let wanted = level.links.get(below).filter(|_| !self.excluded.contains(path));
        match wanted.filter(|rev| self.commits.by_rev.contains_key(*rev)) {
            Some(rev) => self.commit(rev, true, path, level.depth + 1),
            None if self.is_folder(path) => self.nothing_but(path, &BTreeSet::new()),
            None => Ok(()),
        }
    }

    /// Compares a folder of hashed files with its digest.
    fn hashed_folder(&mut self, id: &str) -> Result<(), StoreError> {
        let mut files = Vec::new();
        self.files(|path, executable, place| {
            let digest = hashing::copy(place, &mut std::io::sink(), &AtomicBool::new(false))
                .map_err(StoreError::io("read", place))?;
            files.push(HashedFile { path, executable, digest });
            Ok(())
        })?;
        if HashedFolder::new(files).id() != id {
            self.expect(Path::new(""), Some(Fault::Content));
        }
        Ok(())
    }

    /// Compares a folder of files with its digest.
    fn plain_folder(&mut self, id: &str) -> Result<(), StoreError> {
        let mut files = Vec::new();
        self.files(|path, executable, place| {
            files.push((path, executable, fs::read(place).map_err(StoreError::io("read", place))?));
            Ok(())
        })?;
        let files: Vec<FolderFile<'_>> = files
            .iter()
            .map(|(path, executable, content)| FolderFile { path, executable: *executable, content })
            .collect();
        if digest::folder_id(&files) != id {
            self.expect(Path::new(""), Some(Fault::Content));
        }
        Ok(())
    }

    /// Hands each file of the tree, by its path below it and whether it is a program, to `each`; notes what is none.
    fn files(&mut self, mut each: impl FnMut(String, bool, &Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
        for entry in WalkDir::new(self.root).sort_by_file_name() {
            let entry = entry.map_err(|error| StoreError::walk(self.root, error))?;
            let below = entry.path().strip_prefix(self.root).expect("a walk stays below its top").to_owned();
            let Ok(metadata) = entry.metadata() else { continue };
            let executable = metadata.permissions().mode() & 0o100 != 0;
            self.expect(&below, mode(&metadata, if executable { 0o755 } else { 0o644 }));
            if metadata.is_file() {
                each(below.to_string_lossy().into_owned(), executable, entry.path())?;
            } else if !metadata.is_dir() {
                self.expect(&below, Some(Fault::Extra));
            }
        }
        Ok(())
    }

    /// Whether there is a folder at `path`, which is noted when there is not.
    fn is_folder(&mut self, path: &Path) -> bool {
        let Some(metadata) = self.metadata(path) else { return false };
        let problem =
            if metadata.is_dir() { mode(&metadata, 0o755) } else { Some(Fault::Kind { expected: "a folder" }) };
        self.expect(path, problem);
        metadata.is_dir()
    }

    fn metadata(&mut self, path: &Path) -> Option<Metadata> {
        let metadata = self.root.join(path).symlink_metadata().ok();
        if metadata.is_none() {
            self.expect(path, Some(Fault::Missing));
        }
        metadata
    }

    /// Notes everything in the folder `below` that is not `expected`.
    fn nothing_but(&mut self, below: &Path, expected: &BTreeSet<PathBuf>) -> Result<(), StoreError> {
        let folder = self.root.join(below);
        for entry in fs::read_dir(&folder).map_err(StoreError::io("read", &folder))? {
            let path = below.join(entry.map_err(StoreError::io("read", &folder))?.file_name());
            if !expected.contains(&path) {
                self.expect(&path, Some(Fault::Extra));
            }
        }
        Ok(())
    }

    fn expect(&mut self, path: &Path, problem: Option<Fault>) {
        self.found.extend(problem.map(|problem| (path.to_owned(), problem)));
    }
}

/// One commit within a comparison.
struct Level<'a> {
    bare: &'a git2::Repository,
    rev: &'a str,
    /// Where the commit begins in the tree.
    top: &'a Path,
    /// The submodules that were wanted, by their place in the commit.
    links: &'a BTreeMap<PathBuf, String>,
    depth: usize,
}

fn links(repository: &Repository, rev: &str, submodules: bool) -> Result<BTreeMap<PathBuf, String>, StoreError> {
    if !submodules {
        return Ok(BTreeMap::new());
    }
    let links = repository.gitlinks(rev)?.into_iter().filter(|link| !link.skipped);
    Ok(links.map(|link| (link.path, link.rev)).collect())
}

fn mode(metadata: &Metadata, expected: u32) -> Option<Fault> {
    let found = metadata.permissions().mode() & 0o7777;
    (found != expected && !metadata.is_symlink()).then_some(Fault::Mode { found, expected })
}

/// Whether the object `id` is a pointer of Git LFS, and the file at `path` the content that it names.
fn is_behind_pointer(bare: &git2::Repository, id: Oid, path: &Path) -> bool {
    let Ok(blob) = bare.find_blob(id) else { return false };
    content_named_by(blob.content()).is_some_and(|sha256| hashed(path).is_ok_and(|sum| sum == sha256))
}
