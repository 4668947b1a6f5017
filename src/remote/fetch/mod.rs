//! Brings pinned commits into the store and exports their trees.
//!
//! Decides that what is present is never asked for again: a tree that exists opens no connection. Missing commits are
//! fetched in waves: all of the lock, then the submodules they name, then theirs. Leaves out choosing commits (`resolve/`).

mod gone;
mod lfs;
mod names;
mod obtain;
mod other;
mod waves;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub use gone::{Gone, RefKind};
pub use lfs::LfsFiles;
pub use names::{Unnamed, Version, names};
use obtain::is_hinted;
pub use other::{Content, WantedOther, fetch_others};

use super::transport::{self, Call, Depth, Order};
use super::url::redacted;
use super::{Progress, Remotes, parallel};
use crate::extent::Extent;
use crate::resolve::{Failure, FailureKind};
use crate::store::{Checkout, Store, StoreError, Tree};

/// A pinned commit that is wanted as a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The key in the lock, for messages.
    pub name: String,
    /// The repository, as the lock has it; a path is absolute.
    pub url: String,
    /// The full commit id.
    pub rev: String,
    /// Branches and tags that may lead to it, for servers that refuse ids, and for telling what became of it; `HEAD`
    /// where no version was named.
    pub refs: Vec<String>,
    /// Which submodules are wanted too, and whether content of Git LFS.
    pub extent: Extent,
}

/// A commit that could not be made a tree.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` at `{rev}`: {problem}")]
pub struct FetchFailure {
    /// The key in the lock.
    pub entry: String,
    /// The key in the lock, followed by ` > path` for each submodule on the way.
    pub name: String,
    /// The path of the submodule in the entry's tree; none for the entry itself.
    pub submodule: Option<String>,
    /// Who else needs the same commit.
    pub also: Vec<Asker>,
    /// The repository, without credentials.
    pub url: String,
    /// The full commit id.
    pub rev: String,
    /// What went wrong.
    pub problem: FetchProblem,
}

/// Who asks for a commit: an entry of the lock, or a submodule below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The key in the lock.
    pub entry: String,
    /// The key in the lock, followed by ` > path` for each submodule on the way.
    pub name: String,
    /// The path of the submodule in the entry's tree; none for the entry itself.
    pub submodule: Option<String>,
}

/// What went wrong with a commit.
#[derive(Debug, thiserror::Error)]
pub enum FetchProblem {
    /// The remote does not give it.
    #[error(transparent)]
    Remote(#[from] Failure),
    /// The remote answers and does not have the commit.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The store cannot keep or export it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not in the store, and the network is not to be used.
    #[error("it is not in the store, and the network is not to be used")]
    Missing,
    /// What is at its URL now is not what the lock has.
    #[error("its url has something else now, `{found}`")]
    Changed {
        /// The digest of what is there.
        found: String,
    },
    /// The commit has a submodule of which `.gitmodules` says nothing.
    #[error("there is a submodule, but no entry for it in `.gitmodules`")]
    Undeclared,
    /// `.gitmodules` has no URL for a submodule.
    #[error("its entry in `.gitmodules` has no url")]
    NoUrl,
    /// The URL of a submodule is one that nobody may be asked for.
    #[error("its url `{url}` in `.gitmodules` {reason}")]
    BadUrl {
        /// The URL, without credentials.
        url: String,
        /// Why.
        reason: String,
    },
    /// Content of Git LFS files did not come.
    #[error("{files} cannot be had from `{}`: {}", failure.subject, failure.message)]
    Lfs {
        /// Which.
        files: LfsFiles,
        /// Why.
        failure: Failure,
    },
    /// The LFS server does not have it.
    #[error("its LFS server does not have {0}")]
    LfsGone(LfsFiles),
    /// The LFS server has something else.
    #[error("its LFS server has something else for {0}")]
    LfsChanged(LfsFiles),
    /// It is not in the store, and the network is not to be used.
    #[error("{0} is not in the store, and the network is not to be used")]
    LfsMissing(LfsFiles),
    /// The store cannot keep it.
    #[error("{files} cannot be kept: {message}")]
    LfsStore {
        /// Which.
        files: LfsFiles,
        /// Why, as the store has it.
        message: String,
        /// The kind of that.
        kind: FailureKind,
    },
    /// Submodules of submodules, without an end in sight.
    #[error("its submodules are nested more than {depth} deep, or there are more than {count} of them")]
    TooManySubmodules {
        /// The deepest nesting allowed.
        depth: usize,
        /// The largest number of checkouts allowed in one tree.
        count: usize,
    },
}

impl FetchProblem {
    /// Returns what happened, for exit codes and hints, in the words of a failed question.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Remote(failure) => failure.kind,
            Self::Gone(_) => FailureKind::NoSuchCommit,
            Self::Store(StoreError::Interrupted { .. }) => FailureKind::Cancelled,
            Self::Store(StoreError::Io { .. } | StoreError::Repository { .. }) => FailureKind::Local,
            Self::Store(_) | Self::Undeclared | Self::NoUrl | Self::BadUrl { .. } | Self::TooManySubmodules { .. } => {
                FailureKind::Invalid
            }
            Self::Lfs { failure, .. } => failure.kind,
            Self::LfsGone(_) => FailureKind::NoSuchCommit,
            Self::LfsStore { kind, .. } => *kind,
            Self::Missing | Self::LfsMissing(_) => FailureKind::Offline,
            Self::Changed { .. } | Self::LfsChanged(_) => FailureKind::Changed,
        }
    }

    /// Returns the files of Git LFS that it is about.
    pub fn lfs_files(&self) -> Option<&LfsFiles> {
        match self {
            Self::Lfs { files, .. } | Self::LfsStore { files, .. } => Some(files),
            Self::LfsGone(files) | Self::LfsChanged(files) | Self::LfsMissing(files) => Some(files),
            _ => None,
        }
    }
}

/// Makes sure that the store has the tree of every wanted commit, and returns the trees in the order of `wanted`.
///
/// Fetches all that is missing at once. Trees that are present cost one look at the disk each and no connection.
///
/// # Errors
/// Every commit that could not be fetched or exported, by name; the others are in the store all the same.
pub fn fetch(
    wanted: &[Wanted],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Result<Vec<Tree>, Vec<FetchFailure>> {
    let missing: Vec<&Wanted> = wanted.iter().filter(|wanted| !store.has_tree(&plain(wanted).tree_id())).collect();
    if missing.is_empty() {
        return Ok(wanted.iter().filter_map(|wanted| store.exported(&plain(wanted).tree_id())).collect());
    }
    let (found, mut failures) = found(&missing, store, remotes, progress, interrupted);
    let found = missing.into_iter().zip(found);
    let mut checkouts: Vec<(&Wanted, Checkout)> =
        found.filter_map(|(wanted, checkout)| Some((wanted, checkout?))).collect();
    let asked: Vec<_> = checkouts.iter().map(|(wanted, checkout)| (Asker::entry(&wanted.name), checkout)).collect();
    let without = lfs::bring(&asked, store, remotes, progress, interrupted);
    checkouts.retain(|(wanted, _)| !without.iter().any(|failure| failure.entry == wanted.name));
    failures.extend(without);
    let exported = parallel::each(&checkouts, export_jobs(), |(wanted, checkout)| {
        store.export(checkout, interrupted).map_err(|error| FetchFailure::new(wanted, error.into()))
    });
    failures.extend(exported.into_iter().filter_map(Result::err));
    failures.sort_by(|a, b| (&a.name, &a.rev).cmp(&(&b.name, &b.rev)));
    if failures.is_empty() {
        Ok(wanted.iter().filter_map(|wanted| store.exported(&plain(wanted).tree_id())).collect())
    } else {
        Err(failures)
    }
}

/// Makes sure that the store's repositories hold every wanted commit, whether or not it has their trees, and returns
/// those commits with their submodules, in the order of `wanted`, and every failure; none stands for what failed.
pub fn commits(
    wanted: &[Wanted],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> (Vec<Option<Checkout>>, Vec<FetchFailure>) {
    found(&wanted.iter().collect::<Vec<_>>(), store, remotes, progress, interrupted)
}

fn found(
    wanted: &[&Wanted],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> (Vec<Option<Checkout>>, Vec<FetchFailure>) {
    let (fetched, mut failures) = waves::fetch(wanted, store, remotes, progress, interrupted);
    let mut checkout = |wanted: &Wanted| {
        // None where it, or one of its submodules, is among the failures.
        fetched.checkout(wanted).map_err(|problem| failures.push(FetchFailure::new(wanted, problem))).ok().flatten()
    };
    let checkouts = wanted.iter().map(|wanted| checkout(wanted)).collect();
    failures.sort_by(|a, b| (&a.name, &a.rev).cmp(&(&b.name, &b.rev)));
    (checkouts, failures)
}

/// A working repository whose history is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The repository, as the lock has it; a path is absolute.
    pub url: String,
    /// Its `.git` folder.
    pub folder: PathBuf,
    /// What the repository at `url` is called there, such as `origin`.
    pub remote: String,
}

/// Brings all branches and tags with their history into working repositories. Branches become those of the remote; tags
/// stand at `refs/deps/tags/`, where they overwrite nobody's. Returns how each went, in the order of `targets`.
pub fn histories(
    targets: &[History],
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Vec<Result<(), Failure>> {
    progress.on_total(targets.len());
    parallel::each(targets, remotes.settings().jobs, |History { url, folder, remote }| {
        let subject = redacted(url);
        progress.on_start(&subject);
        let branches = format!("+refs/heads/*:refs/remotes/{remote}/*");
        let refspecs = vec![branches, "+refs/tags/*:refs/deps/tags/*".to_owned()];
        let done = Call::new(url, remotes, progress, interrupted)
            .and_then(|call| transport::fetch(&call, folder, &Order { refspecs, depth: Depth::All }));
        progress.on_done(&subject, done.is_ok());
        done
    })
}

impl Asker {
    /// Returns who asks for something that is no submodule.
    fn entry(name: &str) -> Self {
        Self { entry: name.to_owned(), name: name.to_owned(), submodule: None }
    }

    /// Returns who asks for the submodule at `path` of what this one asked for.
    fn below(&self, path: &str) -> Self {
        let joined = self.submodule.as_ref().map_or_else(|| path.to_owned(), |outer| format!("{outer}/{path}"));
        Self { entry: self.entry.clone(), name: format!("{} > {path}", self.name), submodule: Some(joined) }
    }

    fn failure(&self, url: &str, rev: &str, problem: FetchProblem) -> FetchFailure {
        let Self { entry, name, submodule } = self.clone();
        FetchFailure { entry, name, submodule, also: Vec::new(), url: redacted(url), rev: rev.to_owned(), problem }
    }
}

impl FetchFailure {
    /// Returns the key of the lock as people type it: the entry itself, also where one of its submodules failed.
    pub fn key(&self) -> &str {
        self.entry.split('`').nth(1).unwrap_or(&self.entry)
    }

    fn new(wanted: &Wanted, problem: FetchProblem) -> Self {
        Asker::entry(&wanted.name).failure(&wanted.url, &wanted.rev, problem)
    }
}

/// Returns the checkout without its submodules' places, which is enough for its id.
fn plain(wanted: &Wanted) -> Checkout {
    Checkout::new(&wanted.url, &wanted.rev, wanted.extent.clone())
}

/// Writing files is bound by processors and disk, not by the network.
fn export_jobs() -> usize {
    std::thread::available_parallelism().map_or(2, |jobs| jobs.get().min(8))
}

/// Returns the names of the repositories among `wanted` that would need the network.
pub fn missing(wanted: &[Wanted], store: &Store) -> BTreeSet<String> {
    let missing = wanted.iter().filter(|wanted| !store.has_tree(&plain(wanted).tree_id()));
    missing.map(|wanted| wanted.name.clone()).collect()
}
