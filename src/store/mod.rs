//! The content-addressed store: pinned git objects and the immutable trees that are the build context.
//!
//! Decides where things lie on disk, and that a name that exists is whole: everything is written to `tmp/`, synced and
//! renamed, under a lock of its own. Leaves out getting anything from a network (`remote/`), ids (`digest.rs`) and
//! cleaning up (`deps cache gc`).
//!
//! ```text
//! git/<slug>-<hash of url>.git   bare repositories; complete pinned commits are held by refs/deps/pins/<rev>,
//!                                what their versions name by refs/deps/names/<rev>
//! hg/<slug>-<hash of url>         Mercurial repositories
//! trees/<id>/                    exported folders: modes 644 and 755, every mtime 1980-01-01T00:00:00Z, no `.git`
//! meta/<id>.json                 what was noticed while a tree was written
//! meta/<id>.sum                  the sum of what was written, for `deps cache verify`
//! meta/projects/<hash>           the folders of the projects that need what is here
//! meta/kept-<name>.json          what one run leaves for the next
//! files/<sha256>                 archives as they were downloaded
//! tmp/  locks/
//! ```

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

mod adopt;
mod archive;
mod clean;
mod error;
mod export;
mod file;
mod folder;
mod gitmodules;
mod held;
mod kept;
mod leftovers;
mod lock;
mod name;
mod named;
mod noticed;
mod repository;
mod sum;
mod usage;
mod verify;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

pub use archive::{ArchiveError, EntryProblem, Packed};
pub(crate) use archive::{Form, HEAD};
pub use clean::{Garbage, Needed, garbage};
pub use error::{BadEntry, StoreError};
pub use file::Incoming;
pub(crate) use leftovers::tidy;
pub use named::Named;
pub(crate) use repository::create_bare;
pub use repository::{Gitlink, LockedRepository, Repository};
pub use usage::{Held, HeldKind, now};
pub use verify::Damage;

use crate::digest;
use crate::extent::Extent;
use lock::Lock;
pub(crate) use name::{is_commit_id, is_same_repository};
use noticed::Noticed;

/// Marks the store as a cache for backup programs, see <https://bford.info/cachedir/>.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache made by `deps`.\n";

/// A store on disk, shared by all projects and by processes that run at the same time.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    /// Held while the store is used, see `held.rs`.
    _held: Option<Arc<File>>,
}

/// An exported tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its id, the last part of `path`.
    pub id: String,
    /// Where it lies, absolute.
    pub path: PathBuf,
    /// Files that are Git LFS pointers: the tree has the pointer, not the content. Sorted.
    pub lfs_pointers: Vec<String>,
    /// Submodules that were left out, by their paths in the tree. Sorted.
    pub excluded: Vec<String>,
}

/// A commit to export, and where its submodules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The repository as people wrote it; it names the bare repository in the store.
    pub url: String,
    /// The full commit id.
    pub rev: String,
    /// How much of it is wanted.
    pub extent: Extent,
    /// Path → submodule; those that are not in it stay empty folders.
    pub submodules: BTreeMap<PathBuf, Checkout>,
    /// Submodules that are left out, at any depth, by their paths in the tree.
    pub excluded: Vec<String>,
}

impl Checkout {
    /// Returns a checkout whose submodules are not known yet, which is enough for its id.
    pub fn new(url: &str, rev: &str, extent: Extent) -> Self {
        let (submodules, excluded) = Default::default();
        Self { url: url.to_owned(), rev: rev.to_owned(), extent, submodules, excluded }
    }

    /// Returns the id of the tree it is exported to.
    pub fn tree_id(&self) -> String {
        digest::checkout_id(&self.rev, &self.extent)
    }
}

impl Store {
    /// Opens the store at `root`, making it when it is not there.
    ///
    /// # Errors
    /// When the folders neither exist nor can be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = std::path::absolute(root).map_err(StoreError::io("find", root))?;
        for folder in ["git", "hg", "trees", "files", "meta", "tmp", "locks"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
        }
        let tag = root.join("CACHEDIR.TAG");
        if !tag.exists() {
            fs::write(&tag, CACHEDIR_TAG).map_err(StoreError::io("write", &tag))?;
        }
        let held = Self::held(&root)?;
        Ok(Self::with(&root, held))
    }

    fn with(root: &Path, held: Option<File>) -> Self {
        Self { root: root.to_path_buf(), _held: held.map(Arc::new) }
    }

    /// Returns the absolute path of the store: the build context, where Dockerfiles find `trees/<id>`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the tree `id`, when the store has it. One with pointers where content is wanted is none.
    pub fn tree(&self, id: &str) -> Option<PathBuf> {
        let path = self.root.join("trees").join(id);
        (name::is_tree_id(id) && path.is_dir() && !self.lacks_content(id)).then_some(path)
    }

    /// Whether the store has the tree `id`.
    pub fn has_tree(&self, id: &str) -> bool {
        self.tree(id).is_some()
    }

    /// Returns the tree `id` with what was noticed when it was written, when the store has it.
    pub fn exported(&self, id: &str) -> Option<Tree> {
        let path = self.tree(id)?;
        let Noticed { lfs_pointers, excluded } = self.noticed(id);
        Some(Tree { id: id.to_owned(), path, lfs_pointers, excluded })
    }

    /// Returns the repository that holds the commits of `url`; it need not exist yet.
    pub fn repository(&self, url: &str) -> Repository {
        // Not before: the first use of libgit2 reads all certificates of the machine.
        accept_any_owner();
        Repository::new(self, url)
    }

    /// Returns a folder for work in progress, on the same filesystem as the rest; dropped, it is removed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self) -> Result<tempfile::TempDir, StoreError> {
        let tmp = self.root.join("tmp");
        tempfile::Builder::new().prefix("deps-").tempdir_in(&tmp).map_err(StoreError::io("make a folder in", &tmp))
    }

    fn lock(&self, name: &str, interrupted: &AtomicBool) -> Result<Lock, StoreError> {
        Lock::take(&self.root.join("locks"), name, interrupted)
    }

    fn sum_path(&self, id: &str) -> PathBuf {
        self.root.join("meta").join(format!("{id}.sum"))
    }

    /// The sum of the tree `id` when it was written.
    fn written_sum(&self, id: &str) -> Option<String> {
        fs::read_to_string(self.sum_path(id)).ok()
    }

    /// Removes what was written about the tree `id`, which is gone.
    fn forget_noticed(&self, id: &str) -> Result<(), StoreError> {
        for path in [self.meta(id), self.sum_path(id)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives the finished folder `draft` its name. What was noticed is written first: a tree that exists is complete.
    /// A tree that is replaced goes before that, so that what was noticed of the one is never read for the other.
    fn publish(&self, draft: &Path, id: &str, noticed: impl Into<Noticed>) -> Result<Tree, StoreError> {
        let noticed = noticed.into();
        let _replaced = self.retire(id)?;
        let sum = self.sum_path(id);
        fs::write(&sum, sum::sum(draft)?).map_err(StoreError::io("write", &sum))?;
        self.notice(id, &noticed)?;
        let path = self.root.join("trees").join(id);
        fs::rename(draft, &path).map_err(StoreError::io("make", &path))?;
        export::sync_folder(&self.root.join("trees"))?;
        let Noticed { lfs_pointers, excluded } = noticed;
        Ok(Tree { id: id.to_owned(), path, lfs_pointers, excluded })
    }
}

/// Returns the paths of what is in `folder`, sorted; none when it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io("read", folder))?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(StoreError::io("read", folder))?;
    paths.sort();
    Ok(paths)
}

/// Opens the bare repository at `path`, whoever owns it.
fn open_bare(path: &Path) -> Result<git2::Repository, git2::Error> {
    accept_any_owner();
    git2::Repository::open_bare(path)
}

/// Lets libgit2 open repositories of other users: a store on a mounted volume often belongs to somebody else.
fn accept_any_owner() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(
            unsafe_code,
            reason = "a process-wide libgit2 option, set before the first repository of a store is opened"
        )]
        // SAFETY: `Once` rules out a second call at the same time; libgit2 only stores the flag.
        let set = unsafe { git2::opts::set_verify_owner_validation(false) };
        set.expect("libgit2 knows this option");
    });
}
