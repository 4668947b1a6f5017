//! Working checkouts on this machine, for people to work in: what `vcs import` makes.
//!
//! Decides when a checkout is at its pin, when it may be moved there, and that nothing of a person's is ever lost:
//! changes, files that git does not know, commits that nobody else has. Objects come from the store; a checkout never
//! needs the store again. Leaves out fetching (`remote/`), which commits are wanted (`resolve/`) and words (`report/`).

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

mod history;
mod look;
mod make;
mod moving;
mod objects;
mod quick;
mod record;
mod submodule;
mod work;

use std::path::{Path, PathBuf};

pub use look::{Head, Shape, State, Status, has, head, is_of_branch, named, shape, status};
pub use make::take_tags;
pub use record::Record;

use crate::store::{self, Named, Store};

/// A checkout as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The folder that all checkouts stand in, absolute.
    pub top: PathBuf,
    /// Its own folder, below `top`.
    pub folder: PathBuf,
    /// What its `origin` is: the repository as people wrote it; a path is absolute.
    pub url: String,
    /// The full commit id.
    pub rev: String,
    /// What the version is at the remote; none where nobody could be asked.
    pub named: Option<Named>,
    /// The same commit in the store, with its submodules where they are wanted.
    pub source: store::Checkout,
}

/// What became of a wanted checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was at its pin.
    AtPin,
    /// It was made.
    Made,
    /// It was moved.
    Moved {
        /// The commit that it was at.
        from: String,
    },
    /// It was left as it is.
    Left(Reason),
}

/// Why a folder was left as it is: the rest of a sentence that starts with the folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Something that is no repository.
    #[error("holds something that is no git repository")]
    NoRepository,
    /// Another repository.
    #[error("is a checkout of `{url}`")]
    OtherRepository {
        /// Its `origin`, without credentials.
        url: String,
    },
    /// Changes that are not committed.
    #[error("has {}", files(*.changed, *.untracked))]
    Changed {
        /// How many files that git knows differ from `HEAD`.
        changed: usize,
        /// How many files git does not know.
        untracked: usize,
    },
    /// Another checkout inside it.
    #[error("holds the checkout `{}`", path.display())]
    Nested {
        /// Where, below it.
        path: PathBuf,
    },
    /// A symbolic link on the way to it.
    #[error("stands behind the symbolic link `{}`", path.display())]
    Link {
        /// The link, below the folder of all checkouts.
        path: PathBuf,
    },
    /// A merge, rebase or the like.
    #[error("is in the middle of a {operation}")]
    Unfinished {
        /// What is not done.
        operation: &'static str,
    },
    /// Changes that were put aside.
    #[error("has stashed changes")]
    Stash,
    /// Linked work trees, which need this one.
    #[error("has linked work trees")]
    WorkTrees,
    /// A submodule that is left.
    #[error("has the submodule `{}`, which {reason}", path.display())]
    Submodule {
        /// Where, below the checkout.
        path: PathBuf,
        /// Why.
        reason: Box<Reason>,
    },
    /// Files that the pinned commit would overwrite.
    #[error("has files that the pinned commit would overwrite")]
    InTheWay,
    /// Commits that are in no branch of a remote.
    #[error("has commits of its own on `{branch}`, at `{head}`")]
    OwnCommits {
        /// The branch, or `HEAD`.
        branch: String,
        /// The commit.
        head: String,
    },
}

/// Why a checkout cannot be made or moved.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The file system refuses.
    #[error("cannot {action} `{}`: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Somebody else imports into the same folder.
    #[error("another `deps import` works in `{}`", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// Git refuses.
    #[error("cannot make `{}` a checkout: {message}", path.display())]
    Git {
        /// The folder.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

fn files(changed: usize, untracked: usize) -> String {
    let files = |count: usize| if count == 1 { "file" } else { "files" };
    match (changed, untracked) {
        (0, untracked) => format!("{untracked} untracked {}", files(untracked)),
        (changed, 0) => format!("{changed} changed {}", files(changed)),
        (changed, untracked) => format!("{changed} changed and {untracked} untracked files"),
    }
}

impl CheckoutError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self::Io { action, path, cause }
    }

    fn git(path: &Path) -> impl Fn(git2::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Git { path: path.clone(), message: error.message().to_owned() }
    }
}

/// Whether `wanted` is at its pin, at the cost of reading a few small files; on which branch is its own affair. A `false` may
/// turn out to be wrong.
pub fn is_at_pin(wanted: &Wanted) -> bool {
    look::is_at_pin(wanted)
}

/// Makes `wanted`, or moves it to its pin, where nothing is lost by it. Its commits must be in `store`.
///
/// # Errors
/// When git or the file system refuses; what was there before is untouched then.
pub fn bring(wanted: &Wanted, store: &Store) -> Result<Outcome, CheckoutError> {
    if let Some(path) = link(&wanted.top, &wanted.folder) {
        return Ok(Outcome::Left(Reason::Link { path }));
    }
    match look::state(&wanted.folder, &wanted.url)? {
        State::Absent => make::make(wanted, store).map(|()| Outcome::Made),
        State::NoRepository => Ok(Outcome::Left(Reason::NoRepository)),
        State::Other { url } => Ok(Outcome::Left(Reason::OtherRepository { url })),
        State::Ours(repository) => moving::advance(&repository, wanted, store),
    }
}

/// Returns the first symbolic link on the way from `top` down to `folder`, below `top`: behind one nothing is written.
fn link(top: &Path, folder: &Path) -> Option<PathBuf> {
    let below = folder.strip_prefix(top).ok()?;
    let ways = below.ancestors().filter(|way| !way.as_os_str().is_empty()).map(Path::to_path_buf);
    ways.filter(|way| top.join(way).is_symlink()).last()
}

/// Returns the repositories in `folder` and its folders, also those inside others, but no submodules; sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>, CheckoutError> {
    let mut found: Vec<PathBuf> = Vec::new();
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.file_type().is_dir() && entry.file_name() != ".git") {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_path_buf();
            CheckoutError::Io { action: "read", path, cause: error.into() }
        })?;
        let outer = found.iter().rev().find(|outer| entry.path().starts_with(outer));
        if entry.path().join(".git").exists() && !outer.is_some_and(|outer| look::is_submodule(outer, entry.path())) {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}

/// Returns the repositories that stand beside the checkouts `known` in `folder`: in it and in folders that lead to them, but
/// not inside others. Paths relative to `folder`, sorted. A folder that cannot be read is passed over.
pub fn beside(folder: &Path, known: &std::collections::BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut walk = walkdir::WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let Ok(entry) = entry else { continue };
        let path = entry.path().strip_prefix(folder).expect("a walk stays below its top").to_path_buf();
        let is_repository = entry.path().join(".git").exists();
        if is_repository && !known.contains(&path) {
            found.push(path);
        }
        if entry.file_type().is_dir() && (is_repository || entry.file_name().to_string_lossy().starts_with('.')) {
            walk.skip_current_dir();
        }
    }
    found
}

/// Returns why the checkout at `folder`, which is below `top`, cannot be removed without losing something; none when it can.
///
/// # Errors
/// When git cannot read it.
pub fn reason_to_keep(folder: &Path, top: &Path) -> Result<Option<Reason>, CheckoutError> {
    if let Some(path) = link(top, folder) {
        return Ok(Some(Reason::Link { path }));
    }
    let Ok(repository) = git2::Repository::open(folder) else { return Ok(Some(Reason::NoRepository)) };
    if let Some(reason) = work::unsaved(&repository).map_err(CheckoutError::git(folder))? {
        return Ok(Some(reason));
    }
    let inside = below(folder)?.into_iter().find(|inner| inner != folder);
    let path = inside.and_then(|inner| inner.strip_prefix(folder).ok().map(Path::to_path_buf));
    Ok(path.map(|path| Reason::Nested { path }))
}

/// Removes the checkout at `folder`, and the folders above it, up to `top`, that are empty then.
///
/// # Errors
/// When the file system refuses.
pub fn remove(folder: &Path, top: &Path) -> Result<(), CheckoutError> {
    std::fs::remove_dir_all(folder).map_err(CheckoutError::io("remove", folder))?;
    for above in folder.ancestors().skip(1).take_while(|above| *above != top && above.starts_with(top)) {
        if std::fs::remove_dir(above).is_err() {
            break;
        }
    }
    Ok(())
}
