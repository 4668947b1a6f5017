//! Fetches commits, then the submodules that they name, then theirs, each wave at once.
//!
//! Decides how deep and how many submodules may be, and what a failure is called. Two ways to the same commit meet in
//! one entry, so repositories that name each other come to an end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::{FetchFailure, FetchProblem, Wanted, obtain};
use crate::remote::transport::Call;
use crate::remote::url::{self, redacted};
use crate::remote::{Progress, Remotes, parallel};
use crate::resolve::FailureKind;
use crate::store::{Checkout, Gitlink, Store, StoreError};

/// The deepest nesting of submodules.
const DEEPEST: usize = 16;

/// The largest number of submodules in one tree.
const MOST: usize = 1000;

/// A commit of a repository: the URL and the full id.
type Commit = (String, String);

/// Where a submodule is checked out, and which commit it is.
type Links = BTreeMap<PathBuf, Commit>;

/// The commits that the store has now, with their submodules where those were wanted.
#[derive(Default)]
pub(super) struct Fetched {
    commits: BTreeMap<Commit, Links>,
}

/// A commit that is to be fetched.
struct Need {
    rev: String,
    /// Whose it is, for messages.
    name: String,
    refs: Vec<String>,
    submodules: bool,
}

type Wave = BTreeMap<String, Vec<Need>>;
type Outcome = (Commit, bool, String, Result<Links, FetchProblem>);

/// Fetches all that `wanted` needs and the store does not have. Returns what is there, and every failure.
pub(super) fn fetch(
    wanted: &[&Wanted],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> (Fetched, Vec<FetchFailure>) {
    let mut fetched = Fetched::default();
    let mut failures = Vec::new();
    let mut tried: BTreeSet<(Commit, bool)> = BTreeSet::new();
    let mut wave = first_wave(wanted);
    for _ in 0..=DEEPEST {
        if wave.is_empty() {
            break;
        }
        progress.on_total(wave.len());
        let batches: Vec<(String, Vec<Need>)> = std::mem::take(&mut wave).into_iter().collect();
        let done = parallel::each(&batches, remotes.settings().jobs, |(url, needs)| {
            Batch { url, needs, store, remotes, progress, interrupted }.fetch()
        });
        for (commit, submodules, name, outcome) in done.into_iter().flatten() {
            tried.insert((commit.clone(), submodules));
            match outcome {
                Ok(links) => {
                    for (path, link) in &links {
                        if !tried.contains(&(link.clone(), true)) {
                            add(&mut wave, link, format!("{name} > {}", path.display()));
                        }
                    }
                    fetched.commits.entry(commit).or_default().extend(links);
                }
                Err(problem) => failures.push(FetchFailure { name, url: redacted(&commit.0), rev: commit.1, problem }),
            }
        }
    }
    (fetched, failures)
}

/// Groups by repository; a commit that is wanted with and without submodules is wanted with them.
fn first_wave(wanted: &[&Wanted]) -> Wave {
    let mut wave = Wave::new();
    for wanted in wanted {
        let needs = wave.entry(wanted.url.clone()).or_default();
        match needs.iter_mut().find(|need| need.rev == wanted.rev) {
            Some(need) => {
                need.submodules |= wanted.submodules;
                need.refs.extend(wanted.refs.iter().cloned());
            }
            None => needs.push(Need {
                rev: wanted.rev.clone(),
                name: wanted.name.clone(),
                refs: wanted.refs.clone(),
                submodules: wanted.submodules,
            }),
        }
    }
    wave
}

fn add(wave: &mut Wave, (url, rev): &Commit, name: String) {
    let needs = wave.entry(url.clone()).or_default();
    if !needs.iter().any(|need| need.rev == *rev) {
        needs.push(Need { rev: rev.clone(), name, refs: Vec::new(), submodules: true });
    }
}

/// What is needed of one repository.
struct Batch<'a> {
    url: &'a str,
    needs: &'a [Need],
    store: &'a Store,
    remotes: &'a Remotes,
    progress: &'a dyn Progress,
    interrupted: &'a AtomicBool,
}

impl Batch<'_> {
    fn fetch(&self) -> Vec<Outcome> {
        let subject = redacted(self.url);
        self.progress.on_start(&subject);
        let done: Vec<Outcome> = self.needs.iter().map(|need| self.outcome(need)).collect();
        self.progress.on_done(&subject, done.iter().all(|(.., outcome)| outcome.is_ok()));
        done
    }

    fn outcome(&self, need: &Need) -> Outcome {
        let links = self.obtain(need).and_then(|()| if need.submodules { self.links(need) } else { Ok(Links::new()) });
        ((self.url.to_owned(), need.rev.clone()), need.submodules, need.name.clone(), links)
    }

    fn obtain(&self, need: &Need) -> Result<(), FetchProblem> {
        let repository = self.store.repository(self.url);
        if !crate::store::is_commit_id(&need.rev) {
            return Err(StoreError::NotACommitId { rev: need.rev.clone() }.into());
        }
        if repository.has(&need.rev) {
            return Ok(());
        }
        let call = Call::new(self.url, self.remotes, self.progress, self.interrupted).map_err(|failure| {
            if failure.kind == FailureKind::Offline { FetchProblem::Missing } else { failure.into() }
        })?;
        let locked = repository.lock(self.interrupted)?;
        // Another process may have fetched it while this one waited.
        if repository.has(&need.rev) {
            return Ok(());
        }
        obtain::commit(&call, &repository, locked.path(), &need.rev, &need.refs)
    }

    fn links(&self, need: &Need) -> Result<Links, FetchProblem> {
        let gitlinks = self.store.repository(self.url).gitlinks(&need.rev)?;
        if gitlinks.len() > MOST {
            return Err(FetchProblem::TooManySubmodules { depth: DEEPEST, count: MOST });
        }
        let mut links = Links::new();
        for Gitlink { path, rev, url, skipped } in gitlinks {
            if skipped {
                continue;
            }
            let shown = path.display().to_string();
            let Some(url) = url else { return Err(FetchProblem::NoUrl { path: shown }) };
            let resolved = url::submodule(self.url, &url).map_err(|bad| FetchProblem::BadUrl {
                path: shown,
                url: redacted(&url),
                reason: bad.to_string(),
            })?;
            links.insert(path, (resolved, rev));
        }
        Ok(links)
    }
}

impl Fetched {
    pub(super) fn contains(&self, url: &str, rev: &str) -> bool {
        self.commits.contains_key(&(url.to_owned(), rev.to_owned()))
    }

    /// Returns what to export for `wanted`; nothing when a submodule could not be fetched.
    ///
    /// # Errors
    /// When there are too many submodules, or they are nested too deeply.
    pub(super) fn checkout(&self, wanted: &Wanted) -> Result<Option<Checkout>, FetchProblem> {
        let commit = (wanted.url.clone(), wanted.rev.clone());
        if !wanted.submodules {
            return Ok(Some(Checkout { url: commit.0, rev: commit.1, submodules: None }));
        }
        self.nested(&commit, 0, &mut 0)
    }

    fn nested(&self, commit: &Commit, depth: usize, count: &mut usize) -> Result<Option<Checkout>, FetchProblem> {
        if depth > DEEPEST || *count > MOST {
            return Err(FetchProblem::TooManySubmodules { depth: DEEPEST, count: MOST });
        }
        let Some(links) = self.commits.get(commit) else { return Ok(None) };
        let mut submodules = BTreeMap::new();
        for (path, link) in links {
            *count += 1;
            let Some(submodule) = self.nested(link, depth + 1, count)? else { return Ok(None) };
            submodules.insert(path.clone(), submodule);
        }
        Ok(Some(Checkout { url: commit.0.clone(), rev: commit.1.clone(), submodules: Some(submodules) }))
    }
}
