//! The content-addressed store: pinned git objects and the immutable trees that are the build context.
//!
//! Decides where things lie on disk, and that a name that exists is whole: everything is written to `tmp/`, synced and
//! renamed, under a lock of its own; what nobody needs is taken away by one process alone (`collect.rs`). Leaves out
//! getting anything from a network (`remote/`) and ids (`digest.rs`).
//!
//! ```text
//! git/<slug>-<hash of url>.git   bare repositories; complete pinned commits are held by refs/deps/pins/<rev>,
//!                                what their versions name by refs/deps/names/<rev>
//! hg/<slug>-<hash of url>         Mercurial repositories
//! trees/<id>/                    exported folders: modes 644 and 755, every mtime 1980-01-01T00:00:00Z, no `.git`
//! archives/<id>.tar              the same as one file, which builds unpack; made when a build wants it
//! meta/<id>.json                 what was noticed while a tree was written
//! meta/<id>.sum                  the sum of a tree whose id does not say its content, for `deps cache verify`
//! meta/kept-<name>.json          what one run leaves for the next
//! meta/projects/<hash>           a link to the folder of each project that uses the store
//! meta/projects/<hash>.json      on which day which id was last in its lock
//! locks/store.lock               shared by all who use the store; had alone by who takes something away
//! builds/<hash>/<engine>.json     what builds of a project leave for the next: which steps an engine has
//! bisect/<hash>/                 a bisection under way: what is known, and the checkouts that are tested
//! files/<sha256>                 archives and other files as they were downloaded
//! hashes/<hash>                  which files of a project's folder had which digests (`hashing/`)
//! tmp/  locks/
//! ```

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

mod adopt;
mod archive;
mod builds;
mod collect;
mod error;
mod export;
mod file;
mod folder;
mod fsck;
mod gitmodules;
mod inventory;
mod kept;
mod leftovers;
mod lfs;
mod lock;
mod name;
mod named;
mod noticed;
mod pack;
mod projects;
mod repository;
mod single;
mod sum;
mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

pub use archive::{ArchiveError, EntryProblem, Packed};
pub(crate) use archive::{Form, HEAD};
pub use collect::Removal;
pub use error::{BadEntry, StoreError};
pub use file::Incoming;
pub use inventory::{Thing, ThingKind};
pub(crate) use leftovers::tidy;
pub use lfs::{Pointer, Pointers};
pub use named::Named;
pub use projects::{Needs, Project};
pub(crate) use repository::create_bare;
pub use repository::{Gitlink, LockedRepository, Repository};
pub use single::SingleFile;
pub use verify::{Commits, Damage, Fault};

use crate::digest;
use crate::extent::Extent;
use lock::Lock;
pub(crate) use name::{is_commit_id, is_same_repository};
use noticed::Noticed;

/// Marks the store as a cache for backup programs, see <https://bford.info/cachedir/>.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache made by `deps`.\n";

/// Where [`crate::hashing`] keeps what it knows of folders.
pub const HASHES: &str = "hashes";

/// What there is below the root.
const FOLDERS: [&str; 9] = ["git", "hg", "trees", pack::ARCHIVES, "files", "meta", "meta/projects", "tmp", "locks"];

/// A store on disk, shared by all projects and by processes that run at the same time.
///
/// As long as it lives, nothing that is in the store is taken away.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    _lock: Arc<Lock>,
}

/// A store that nobody else uses until this is dropped.
#[derive(Debug)]
pub struct StoreAlone {
    store: Store,
}

impl std::ops::Deref for StoreAlone {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
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
    /// As [`Store::join`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::join(root, &AtomicBool::new(false), &mut || {})
    }

    /// Opens the store at `root` as one of many who use it, making it when it is not there. `waiting` is called once when
    /// another process has the store alone, which is waited for. What killed processes have left in `tmp/` is removed.
    ///
    /// A store that cannot be written is opened all the same when it is there: what it holds can be used.
    ///
    /// # Errors
    /// When the folders neither exist nor can be made, or `interrupted` becomes true meanwhile.
    pub fn join(root: &Path, interrupted: &AtomicBool, waiting: &mut dyn FnMut()) -> Result<Self, StoreError> {
        let root = prepared(root)?;
        sweep(&root);
        let lock = Lock::share_store(&root.join("locks"), interrupted, waiting)?;
        Ok(Self { root, _lock: Arc::new(lock) })
    }

    /// Opens the store at `root` when nobody else uses it; `waiting` is called once when somebody does. Who comes
    /// meanwhile goes first.
    ///
    /// # Errors
    /// When the store cannot be written, or `interrupted` becomes true meanwhile.
    pub fn alone(root: &Path, interrupted: &AtomicBool, waiting: &mut dyn FnMut()) -> Result<StoreAlone, StoreError> {
        let root = prepared(root)?;
        let lock = Lock::take_store(&root.join("locks"), interrupted, waiting)?;
        Ok(StoreAlone { store: Self { root, _lock: Arc::new(lock) } })
    }

    /// Returns the absolute path of the store: the build context, where Dockerfiles find `trees/<id>` and
    /// `archives/<id>.tar`.
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

    /// Removes what was written about the tree `id`, which is gone, and its archive.
    fn forget_noticed(&self, id: &str) -> Result<(), StoreError> {
        [self.meta(id), self.sum_path(id), self.archive_path(id)].iter().try_for_each(|path| remove_file(path))
    }

    /// Gives the finished folder `draft` its name. What was noticed is written first: a tree that exists is complete.
    /// A tree that is replaced goes before that, so that what was noticed of the one is never read for the other.
    fn publish(&self, draft: &Path, id: &str, noticed: impl Into<Noticed>) -> Result<Tree, StoreError> {
        let noticed = noticed.into();
        let _replaced = self.retire(id)?;
        remove_file(&self.archive_path(id))?; // of a tree that was replaced
        if !name::says_content(id) {
            self.replace(&self.sum_path(id), sum::sum(draft)?.as_bytes())?;
        }
        self.notice(id, &noticed)?;
        export::sync_folders(draft)?;
        let path = self.root.join("trees").join(id);
        fs::rename(draft, &path).map_err(StoreError::io("make", &path))?;
        export::sync_folder(&self.root.join("trees"))?;
        let Noticed { lfs_pointers, excluded } = noticed;
        Ok(Tree { id: id.to_owned(), path, lfs_pointers, excluded })
    }

    /// Writes the small file `path` in one step: others see the old content or the new, whatever happens.
    fn replace(&self, path: &Path, content: &[u8]) -> Result<(), StoreError> {
        use std::io::Write as _;
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new().prefix("note-").tempfile_in(self.root.join("tmp"))?;
            file.write_all(content)?;
            file.as_file().sync_data()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(StoreError::io("write", path))
    }
}

/// Removes the file `path`, if it is there.
fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes the folders of the store at `root`, and returns its absolute path.
fn prepared(root: &Path) -> Result<PathBuf, StoreError> {
    let root = std::path::absolute(root).map_err(StoreError::io("find", root))?;
    for folder in FOLDERS {
        let folder = root.join(folder);
        match fs::create_dir_all(&folder) {
            // Where nothing can be written, what is there can be used.
            Err(error) if lock::is_read_only(&error) && root.is_dir() => {}
            made => made.map_err(StoreError::io("make the folder", &folder))?,
        }
    }
    let tag = root.join("CACHEDIR.TAG");
    if !tag.exists() {
        match fs::write(&tag, CACHEDIR_TAG) {
            Err(error) if lock::is_read_only(&error) => {}
            written => written.map_err(StoreError::io("write", &tag))?,
        }
    }
    Ok(root)
}

/// Removes what is in `tmp/` when nobody uses the store: it belonged to processes that were killed. Costs a look at an
/// empty folder when there is nothing.
fn sweep(root: &Path) {
    let tmp = root.join("tmp");
    if fs::read_dir(&tmp).is_ok_and(|mut entries| entries.next().is_some())
        && let Some(_alone) = Lock::try_take_store(&root.join("locks"))
    {
        // What cannot be removed wastes space and nothing else.
        for entry in fs::read_dir(&tmp).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            _ = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
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
