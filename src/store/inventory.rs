//! What the store holds: repositories with their pinned commits, trees, files, and what is left over.
//!
//! Decides what is a thing of the store by its name; what has a name that no version of ours makes is nobody's business
//! here and stays. Sizes are those of the contents. Leaves out who needs what (`projects.rs`).

#![expect(clippy::disallowed_methods, reason = "the store reads its folders, and how old a note is says the clock")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use walkdir::WalkDir;

use super::pack::ARCHIVES;
use super::{Needs, Repository, Store, StoreError, lock, name};

/// How old a note from one run for the next must be before it is left over.
const NOTE: Duration = Duration::from_secs(86_400);

/// What something in the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThingKind {
    /// A bare repository.
    Repository,
    /// A Mercurial repository, from which trees are made.
    Mercurial,
    /// An exported folder.
    Tree,
    /// A tree as one file.
    Archive,
    /// A file by its content.
    File,
    /// What a process that was killed, or a tree that is gone, has left.
    Leftover,
}

impl ThingKind {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Mercurial => "mercurial",
            Self::Tree => "tree",
            Self::Archive => "archive",
            Self::File => "file",
            Self::Leftover => "leftover",
        }
    }
}

/// Something in the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// What it is.
    pub kind: ThingKind,
    /// Its path below the store.
    pub name: String,
    /// The size of its contents.
    pub bytes: u64,
    /// The ids of the content that it holds, sorted: the pinned commits of a repository, the id in another name.
    pub ids: Vec<String>,
    /// Whether it may be taken away: not a repository that nobody can look into.
    pub known: bool,
}

impl Store {
    /// Returns all that the store holds, by kind and name. What is being made by others now is left over, so only who has
    /// the store alone may act on that.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn things(&self) -> Result<Vec<Thing>, StoreError> {
        let mut things = Vec::new();
        for name in self.names("git")?.into_iter().filter(|name| name.ends_with(".git")) {
            let ids = Repository::at(self, &name).pins();
            let (known, ids) = (ids.is_ok(), ids.unwrap_or_default());
            things.push(self.thing(ThingKind::Repository, format!("git/{name}"), ids, known)?);
        }
        let own_id = |name: &str| name::ids(name).map(str::to_owned).collect::<Vec<String>>();
        let trees: Vec<String> = self.names("trees")?.into_iter().filter(|name| name::is_tree_id(name)).collect();
        for name in self.names("hg")? {
            // Which of them it has would have to be asked of Mercurial.
            let exported = trees.iter().filter(|tree| tree.starts_with("hg-")).flat_map(|tree| own_id(tree)).collect();
            things.push(self.thing(ThingKind::Mercurial, format!("hg/{name}"), exported, true)?);
        }
        for name in trees {
            things.push(self.thing(ThingKind::Tree, format!("trees/{name}"), own_id(&name), true)?);
        }
        for name in self.names(ARCHIVES)?.into_iter().filter(|name| self.tree_of(name).is_some()) {
            things.push(self.thing(ThingKind::Archive, format!("{ARCHIVES}/{name}"), own_id(&name), true)?);
        }
        for name in self.names("files")?.into_iter().filter(|name| name::is_sha256(name)) {
            things.push(self.thing(ThingKind::File, format!("files/{name}"), own_id(&name), true)?);
        }
        for name in self.leftovers()? {
            things.push(self.thing(ThingKind::Leftover, name, Vec::new(), true)?);
        }
        things.sort();
        Ok(things)
    }

    /// Adds to `needs` the submodules of the commits that are needed, as far as they are in the store.
    pub fn add_submodules(&self, things: &[Thing], needs: &mut Needs) {
        loop {
            let mut news = false;
            for thing in things.iter().filter(|thing| thing.kind == ThingKind::Repository) {
                let repository = Repository::at(self, thing.file_name());
                let needed: Vec<&String> = thing.ids.iter().filter(|id| needs.keeps(id)).collect();
                for rev in needed {
                    // A commit that cannot be read has no submodules that could be found.
                    for link in repository.submodules(rev).unwrap_or_default() {
                        news |= needs.add_with(&link, rev);
                    }
                }
            }
            if !news {
                return;
            }
        }
    }

    /// Returns the names of the lock files of single things: empty, and of use only while somebody else uses the store.
    pub(super) fn lock_files(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.names("locks")?.into_iter().filter(|name| !lock::is_of_store(name)).collect())
    }

    fn thing(&self, kind: ThingKind, name: String, ids: Vec<String>, known: bool) -> Result<Thing, StoreError> {
        let bytes = size(&self.root.join(&name))?;
        Ok(Thing { kind, name, bytes, ids, known })
    }

    /// Returns the id of the tree that the archive `name` is of, when the store has that.
    pub(super) fn tree_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_suffix(".tar").filter(|id| self.has_tree(id))
    }

    /// Returns the names in a folder of the store, sorted. What is no UTF-8 is not ours.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(StoreError::io("read", &path))?,
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Returns what belongs to nothing any more, as paths below the store.
    fn leftovers(&self) -> Result<Vec<String>, StoreError> {
        let mut left: Vec<String> = self.names("tmp")?.into_iter().map(|name| format!("tmp/{name}")).collect();
        let archives = self.names(ARCHIVES)?.into_iter().filter(|name| self.tree_of(name).is_none());
        left.extend(archives.map(|name| format!("{ARCHIVES}/{name}")));
        for name in self.names("meta")? {
            let path = self.root.join("meta").join(&name);
            let is_left = match name.strip_suffix(".json").or(name.strip_suffix(".sum")) {
                Some(note) if note.starts_with("kept-") => is_older(&path, NOTE),
                Some(tree) => name::is_tree_id(tree) && !self.has_tree(tree),
                None => false,
            };
            if is_left {
                left.push(format!("meta/{name}"));
            }
        }
        Ok(left)
    }
}

impl Thing {
    /// Returns the last part of its name.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Returns the projects that need it now, by folder.
    pub fn needed_by(&self, needs: &Needs) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = self.ids.iter().flat_map(|id| needs.of(id)).map(Path::to_owned).collect();
        folders.sort();
        folders.dedup();
        folders
    }

    /// Whether it stays only because locks had it recently.
    pub fn is_only_recent(&self, needs: &Needs) -> bool {
        self.known && self.stays(needs) && !self.ids.iter().any(|id| needs.has(id))
    }

    /// Whether it stays: somebody needs some of it or did so recently, or nobody knows what it is.
    pub fn stays(&self, needs: &Needs) -> bool {
        !self.known || self.ids.iter().any(|id| needs.keeps(id))
    }
}

/// Returns the size of the contents at `path`; what vanishes meanwhile has none.
pub(super) fn size(path: &Path) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for entry in WalkDir::new(path) {
        let metadata =
            entry.and_then(|entry| if entry.file_type().is_dir() { Ok(None) } else { entry.metadata().map(Some) });
        match metadata {
            Ok(metadata) => bytes += metadata.map_or(0, |metadata| metadata.len()),
            Err(error) if error.io_error().is_some_and(|error| error.kind() == ErrorKind::NotFound) => {}
            Err(error) => return Err(StoreError::walk(path, error)),
        }
    }
    Ok(bytes)
}

fn is_older(path: &Path, age: Duration) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| SystemTime::now().duration_since(written).is_ok_and(|elapsed| elapsed > age))
}
