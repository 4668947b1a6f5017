//! Brings archives and other files, and Mercurial and Subversion repositories at their revisions, into the store as trees.
//!
//! Decides that what is present is never asked for again, and that a file counts only with the content that the lock
//! has. Leaves out how each kind is fetched (`download.rs`, `system/`) and unpacked (`store/`).

use std::path::Path;
use std::sync::atomic::AtomicBool;

use deps_lock::Pin;

use super::{Asker, FetchFailure, FetchProblem, export_jobs};
use crate::digest;
use crate::remote::download::{Download, Expected};
use crate::remote::system::Foreign;
use crate::remote::url::redacted;
use crate::remote::{Progress, Remotes, parallel};
use crate::resolve::{Failure, FailureKind};
use crate::store::{Packed, SingleFile, Store, Tree};

/// An archive or another file, or a revision of another system than git, that is wanted as a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedOther {
    /// The key in the lock, for messages.
    pub name: String,
    /// Where it is; a path is absolute.
    pub url: String,
    /// What it is pinned to.
    pub content: Content,
}

/// What something of another kind than git is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// An archive and what is wanted of it.
    Archive(Packed),
    /// A file that stays as it is.
    File(SingleFile),
    /// A revision of Mercurial or Subversion.
    Revision {
        /// Which.
        pin: Pin,
        /// The url as the lock has it, which names the tree of a Subversion revision.
        locked_url: String,
    },
}

impl WantedOther {
    /// Returns the id of its tree.
    pub fn tree_id(&self) -> String {
        match &self.content {
            Content::Archive(packed) => packed.tree_id(),
            Content::File(single) => single.tree_id(),
            Content::Revision { pin: Pin::Hg(node), .. } => digest::hg_id(node),
            Content::Revision { pin: Pin::Svn(number), locked_url } => digest::svn_id(locked_url, number),
        }
    }

    /// Returns what it is pinned to, for people.
    pub fn rev(&self) -> String {
        match &self.content {
            Content::Archive(Packed { sha256, .. }) | Content::File(SingleFile { sha256, .. }) => {
                format!("sha256:{sha256}")
            }
            Content::Revision { pin: Pin::Hg(node), .. } => node.to_string(),
            Content::Revision { pin: Pin::Svn(number), .. } => format!("r{number}"),
        }
    }
}

/// Makes sure that the store has the tree of everything in `wanted`, and returns the trees in its order.
///
/// Fetches all that is missing at once. Trees that are present cost one look at the disk each and no connection.
///
/// # Errors
/// Everything that could not be fetched or unpacked, by name; the rest is in the store all the same.
pub fn fetch_others(
    wanted: &[WantedOther],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Result<Vec<Tree>, Vec<FetchFailure>> {
    let missing: Vec<&WantedOther> = wanted.iter().filter(|wanted| !store.has_tree(&wanted.tree_id())).collect();
    if !missing.is_empty() {
        progress.on_total(missing.len());
    }
    let jobs = remotes.settings().jobs.min(2 * export_jobs());
    let done = parallel::each(&missing, jobs, |wanted| {
        let subject = redacted(&wanted.url);
        progress.on_start(&subject);
        let tree = Errand { wanted, store, remotes, progress, interrupted }.tree();
        progress.on_done(&subject, tree.is_ok());
        tree.map_err(|problem| failure(wanted, problem, remotes))
    });
    let mut failures: Vec<FetchFailure> = done.into_iter().filter_map(Result::err).collect();
    failures.sort_by(|a, b| (&a.name, &a.rev).cmp(&(&b.name, &b.rev)));
    if failures.is_empty() {
        Ok(wanted.iter().filter_map(|wanted| store.exported(&wanted.tree_id())).collect())
    } else {
        Err(failures)
    }
}

fn failure(wanted: &WantedOther, problem: FetchProblem, remotes: &Remotes) -> FetchFailure {
    // What a remote did says where it was asked.
    let answered = !matches!(problem, FetchProblem::Remote(_) | FetchProblem::Missing);
    let mut failure = Asker::entry(&wanted.name).failure(&wanted.url, &wanted.rev(), problem);
    failure.url.extend(remotes.mirror_in_words(&wanted.url).filter(|_| answered));
    failure
}

/// One thing to fetch, with all that it takes.
struct Errand<'a> {
    wanted: &'a WantedOther,
    store: &'a Store,
    remotes: &'a Remotes,
    progress: &'a dyn Progress,
    interrupted: &'a AtomicBool,
}

impl Errand<'_> {
    fn tree(&self) -> Result<Tree, FetchProblem> {
        let (store, interrupted) = (self.store, self.interrupted);
        match &self.wanted.content {
            Content::Archive(packed) => {
                self.with_file(&packed.sha256, |file| Ok(store.unpack(packed, file, interrupted)?))
            }
            Content::File(single) => {
                self.with_file(&single.sha256, |file| Ok(store.place(single, file, interrupted)?))
            }
            Content::Revision { pin, .. } => self.revision(pin),
        }
    }

    /// Makes a tree of the file with the digest `sha256`, which is downloaded when the store does not have it.
    fn with_file(
        &self,
        sha256: &str,
        made: impl Fn(&Path) -> Result<Tree, FetchProblem>,
    ) -> Result<Tree, FetchProblem> {
        let _lock = self.store.lock_file(sha256, self.interrupted)?;
        if let Some(file) = self.store.whole_file(sha256)? {
            return made(&file);
        }
        let Self { store, remotes, progress, interrupted, wanted } = *self;
        let download = Download { url: &wanted.url, store, remotes, progress, interrupted };
        let found = download.file(Expected::Content(sha256)).map_err(problem)?;
        match self.store.file(&found) {
            Some(file) if found == sha256 => made(&file),
            _ => Err(FetchProblem::Changed { found: format!("sha256:{found}") }),
        }
    }

    fn revision(&self, pin: &Pin) -> Result<Tree, FetchProblem> {
        let Self { store, remotes, interrupted, wanted, .. } = *self;
        let foreign = Foreign::new(pin.system(), &wanted.url, remotes, interrupted)?;
        store.adopt(&wanted.tree_id(), interrupted, |folder| foreign.export(pin, store, folder).map_err(problem))
    }
}

fn problem(failure: Failure) -> FetchProblem {
    if failure.kind == FailureKind::Offline { FetchProblem::Missing } else { failure.into() }
}
