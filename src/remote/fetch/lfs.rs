//! Brings the content of the Git LFS files of commits that are here into the store.
//!
//! Decides that a repository is asked once for all that its commits need, that content counts only with the digest that
//! its pointer has, and how what did not come is told: by commit, all of its files together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::AtomicBool;

use super::{Asker, FetchFailure, FetchProblem};
use crate::remote::lfs::{self, Arrived};
use crate::remote::transport::Call;
use crate::remote::url::redacted;
use crate::remote::{Progress, Remotes, parallel};
use crate::resolve::{Failure, FailureKind};
use crate::store::{Checkout, Pointer, Store, StoreError};

/// Files of Git LFS of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LfsFiles {
    /// Their paths in the commit, sorted.
    pub paths: Vec<String>,
    /// How large they are together, in bytes, as their pointers say.
    pub bytes: u64,
}

impl fmt::Display for LfsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.paths.len() {
            1 => f.write_str("the content of 1 file of Git LFS"),
            count => write!(f, "the content of {count} files of Git LFS"),
        }
    }
}

/// A repository, and the server that its `.lfsconfig` names.
type Source = (String, Option<String>);

/// Paths with the pointers there.
type Files = Vec<(String, Pointer)>;

/// What a commit needs and the store does not have.
struct Set {
    asker: Asker,
    rev: String,
    source: Source,
    files: Files,
}

/// Brings what `checkouts` need. Returns every failure.
pub(super) fn bring(
    checkouts: &[(Asker, &Checkout)],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Vec<FetchFailure> {
    let mut search = Search { store, sets: Vec::new(), failures: Vec::new(), looked: BTreeMap::new() };
    for (asker, checkout) in checkouts.iter().filter(|(_, checkout)| !checkout.extent.pointers) {
        search.checkout(asker.clone(), checkout);
    }
    let Search { sets, mut failures, .. } = search;
    let mut sources: BTreeMap<&Source, BTreeSet<Pointer>> = BTreeMap::new();
    for set in &sets {
        sources.entry(&set.source).or_default().extend(set.files.iter().map(|(_, pointer)| pointer.clone()));
    }
    let sources: Vec<(&Source, BTreeSet<Pointer>)> = sources.into_iter().collect();
    progress.on_total(sources.len());
    let done = parallel::each(&sources, remotes.settings().jobs, |(source, pointers)| {
        let subject = redacted(&source.0);
        progress.on_start(&subject);
        let done = Call::new(&source.0, remotes, progress, interrupted).map_err(Why::Failed);
        let done = done.and_then(|call| content(&call, source.1.as_deref(), pointers, store));
        progress.on_done(&subject, done.as_ref().is_ok_and(|arrived| arrived.failure.is_none()));
        done
    });
    let done: BTreeMap<&Source, Result<Arrived, Why>> = sources.iter().map(|(source, _)| *source).zip(done).collect();
    failures.extend(sets.iter().flat_map(|set| set.failures(&done[&set.source], store)));
    failures
}

/// Why nothing was asked for.
enum Why {
    Failed(Failure),
    /// In words, and whether the user interrupted.
    Store(String, FailureKind),
}

/// Looks for what is missing.
struct Search<'a> {
    store: &'a Store,
    sets: Vec<Set>,
    failures: Vec<FetchFailure>,
    /// Whether the store has a file, by digest: reading one twice is slow.
    looked: BTreeMap<String, bool>,
}

impl Search<'_> {
    fn checkout(&mut self, asker: Asker, checkout: &Checkout) {
        for (path, submodule) in &checkout.submodules {
            self.checkout(asker.below(&path.to_string_lossy()), submodule);
        }
        match self.missing(checkout) {
            Ok(None) => {}
            Ok(Some((source, files))) => self.sets.push(Set { asker, rev: checkout.rev.clone(), source, files }),
            Err(error) => self.failures.push(asker.failure(&checkout.url, &checkout.rev, error.into())),
        }
    }

    fn missing(&mut self, checkout: &Checkout) -> Result<Option<(Source, Files)>, StoreError> {
        let repository = self.store.repository(&checkout.url);
        let mut files = Vec::new();
        for (path, pointer) in repository.lfs_pointers(&checkout.rev)? {
            if !self.has(&pointer.sha256)? {
                files.push((path.to_string_lossy().into_owned(), pointer));
            }
        }
        if files.is_empty() {
            return Ok(None);
        }
        Ok(Some(((checkout.url.clone(), repository.lfs_url(&checkout.rev)?), files)))
    }

    fn has(&mut self, sha256: &str) -> Result<bool, StoreError> {
        if let Some(has) = self.looked.get(sha256) {
            return Ok(*has);
        }
        let has = self.store.whole_file(sha256)?.is_some();
        self.looked.insert(sha256.to_owned(), has);
        Ok(has)
    }
}

/// Brings the content of `pointers` into the store.
fn content(call: &Call<'_>, named: Option<&str>, pointers: &BTreeSet<Pointer>, store: &Store) -> Result<Arrived, Why> {
    let told = |error: StoreError| {
        let kind = FetchProblem::from(error);
        Why::Store(kind.to_string(), kind.kind())
    };
    let _locked = store.repository(call.url).lock(call.interrupted).map_err(told)?;
    // Another process may have fetched some while this one waited.
    let open: BTreeSet<Pointer> =
        pointers.iter().filter(|pointer| store.file(&pointer.sha256).is_none()).cloned().collect();
    if open.is_empty() {
        return Ok(Arrived::default());
    }
    let scratch = store.scratch().map_err(told)?;
    let mut arrived = lfs::fetch(call, &open, named, scratch.path());
    for (sha256, path) in std::mem::take(&mut arrived.files) {
        if !store.keep_file(&path, &sha256).map_err(told)? {
            arrived.changed.insert(sha256);
        }
    }
    Ok(arrived)
}

impl Set {
    /// Returns what of it is not in the store now, and why.
    fn failures(&self, done: &Result<Arrived, Why>, store: &Store) -> Vec<FetchFailure> {
        let open: Vec<&(String, Pointer)> =
            self.files.iter().filter(|(_, pointer)| store.file(&pointer.sha256).is_none()).collect();
        let problem = |files: LfsFiles, failure: &Failure| match failure.kind {
            FailureKind::Offline => FetchProblem::LfsMissing(files),
            _ => FetchProblem::Lfs { files, failure: failure.clone() },
        };
        let mut problems = Vec::new();
        match done {
            Err(Why::Failed(failure)) => problems.extend(files(&open).map(|files| problem(files, failure))),
            Err(Why::Store(message, kind)) => problems.extend(files(&open).map(|files| FetchProblem::LfsStore {
                files,
                message: message.clone(),
                kind: *kind,
            })),
            Ok(arrived) => {
                let (gone, rest) = apart(open, &arrived.gone);
                let (changed, rest) = apart(rest, &arrived.changed);
                problems.extend(files(&gone).map(FetchProblem::LfsGone));
                problems.extend(files(&changed).map(FetchProblem::LfsChanged));
                problems.extend(files(&rest).zip(arrived.failure.as_ref()).map(|(files, why)| problem(files, why)));
            }
        }
        problems.into_iter().map(|problem| self.asker.failure(&self.source.0, &self.rev, problem)).collect()
    }
}

type File<'a> = &'a (String, Pointer);

fn apart<'a>(all: Vec<File<'a>>, digests: &BTreeSet<String>) -> (Vec<File<'a>>, Vec<File<'a>>) {
    all.into_iter().partition(|(_, pointer)| digests.contains(&pointer.sha256))
}

fn files(files: &[File<'_>]) -> Option<LfsFiles> {
    let bytes = files.iter().fold(0_u64, |sum, (_, pointer)| sum.saturating_add(pointer.size));
    let paths = files.iter().map(|(path, _)| path.clone()).collect();
    (!files.is_empty()).then_some(LfsFiles { paths, bytes })
}
