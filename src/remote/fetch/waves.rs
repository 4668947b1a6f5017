//! Fetches commits, then the submodules that they name, then theirs, each wave at once.
//!
//! Decides how deep and how many submodules may be, and what a failure is called. Two ways to the same commit meet in
//! one entry, so repositories that name each other come to an end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{Asker, FetchFailure, FetchProblem, Wanted, obtain};
use crate::extent::{Extent, Submodules};
use crate::remote::transport::Call;
use crate::remote::url::{self, redacted};
use crate::remote::{Progress, Remotes, parallel};
use crate::resolve::FailureKind;
use crate::store::{Checkout, Gitlink, Store, StoreError};

/// The deepest nesting of submodules.
const DEEPEST: usize = 16;

/// The largest number of submodules in one tree.
const MOST: usize = 1000;

/// How many of those that ask for the same commit are told when it fails.
const MOST_ASKERS: usize = 16;

/// A commit of a repository: the URL and the full id.
type Commit = (String, String);

/// A commit, and which of its submodules are wanted.
type Visit = (Commit, Submodules);

/// The commits that the store has now, with their submodules where those were wanted.
#[derive(Default)]
pub(super) struct Fetched {
    visits: BTreeMap<Visit, Module>,
}

/// What a commit says of its submodules.
#[derive(Default)]
struct Module {
    /// Where each is checked out.
    links: BTreeMap<PathBuf, Visit>,
    /// Those that are left out, by path.
    excluded: Vec<PathBuf>,
    /// Those that nobody can be asked for.
    broken: Vec<(Gitlink, FetchProblem)>,
}

/// A commit that is to be fetched.
struct Need {
    rev: String,
    submodules: Submodules,
    refs: Vec<String>,
    askers: Vec<Asker>,
}

/// Needs by repository.
type Wave = BTreeMap<String, Vec<Need>>;

struct Outcome {
    visit: Visit,
    askers: Vec<Asker>,
    module: Result<Module, FetchProblem>,
}

/// Fetches all that `wanted` needs and the store does not have. Returns what is there, and every failure.
pub(super) fn fetch(
    wanted: &[&Wanted],
    store: &Store,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> (Fetched, Vec<FetchFailure>) {
    let mut waves = Waves { wave: first_wave(wanted), ..Waves::default() };
    for _ in 0..=DEEPEST {
        if waves.wave.is_empty() {
            break;
        }
        progress.on_total(waves.wave.len());
        let batches: Vec<(String, Vec<Need>)> = std::mem::take(&mut waves.wave).into_iter().collect();
        let done = parallel::each(&batches, remotes.settings().jobs, |(url, needs)| {
            Batch { url, needs, store, remotes, progress, interrupted }.fetch()
        });
        waves.take(done.into_iter().flatten().collect());
        waves.limit(MOST * wanted.len());
    }
    (waves.fetched, waves.failures)
}

fn first_wave(wanted: &[&Wanted]) -> Wave {
    let mut wave = Wave::new();
    for wanted in wanted {
        let visit = ((wanted.url.clone(), wanted.rev.clone()), wanted.extent.submodules.clone());
        add(&mut wave, &visit, &wanted.refs, Asker::entry(&wanted.name));
    }
    wave
}

/// Adds a need, or to the need that is there already who else asks and which refs may lead to it.
fn add(wave: &mut Wave, ((url, rev), submodules): &Visit, refs: &[String], asker: Asker) {
    let needs = wave.entry(url.clone()).or_default();
    match needs.iter_mut().find(|need| need.rev == *rev && need.submodules == *submodules) {
        Some(need) if need.askers.len() < MOST_ASKERS => need.askers.push(asker),
        Some(_) => {}
        None => {
            let (rev, submodules) = (rev.clone(), submodules.clone());
            needs.push(Need { rev, submodules, refs: Vec::new(), askers: vec![asker] });
        }
    }
    needs.iter_mut().filter(|need| need.rev == *rev).for_each(|need| need.refs.extend_from_slice(refs));
}

/// What has been fetched, what has failed, and what comes next.
#[derive(Default)]
struct Waves {
    wave: Wave,
    fetched: Fetched,
    failures: Vec<FetchFailure>,
    /// The failure of each commit that has failed.
    failed: BTreeMap<Commit, usize>,
}

impl Waves {
    /// Takes the outcomes of one wave. Failures first, so that nobody asks again for what has failed.
    fn take(&mut self, outcomes: Vec<Outcome>) {
        let mut modules = Vec::new();
        for Outcome { visit, askers, module } in outcomes {
            match module {
                Ok(module) => modules.push((visit, askers, module)),
                Err(problem) => match self.failed.get(&visit.0) {
                    Some(index) => self.failures[*index].also.extend(askers),
                    None => {
                        let index = self.fail(&visit.0.0, &visit.0.1, &askers, problem);
                        self.failed.extend(index.map(|index| (visit.0, index)));
                    }
                },
            }
        }
        for (visit, askers, mut module) in modules {
            let broken = std::mem::take(&mut module.broken);
            self.follow(&module, &askers);
            if broken.is_empty() {
                self.fetched.visits.insert(visit, module);
            }
            for (link, problem) in broken {
                let path = link.path.to_string_lossy();
                let askers: Vec<Asker> = askers.iter().map(|asker| asker.below(&path)).collect();
                self.fail("", &link.rev, &askers, problem);
            }
        }
    }

    fn follow(&mut self, module: &Module, askers: &[Asker]) {
        for (path, visit) in &module.links {
            let path = path.to_string_lossy();
            for asker in askers.iter().map(|asker| asker.below(&path)) {
                match self.failed.get(&visit.0) {
                    Some(index) => self.failures[*index].also.push(asker),
                    None if self.fetched.visits.contains_key(visit) => {}
                    None => add(&mut self.wave, visit, &[], asker),
                }
            }
        }
    }

    /// Notes one failure, with everybody who asks for it. Returns which it is; none when nobody asks.
    fn fail(&mut self, url: &str, rev: &str, askers: &[Asker], problem: FetchProblem) -> Option<usize> {
        let (first, others) = askers.split_first()?;
        self.failures.push(FetchFailure { also: others.to_vec(), ..first.failure(url, rev, problem) });
        Some(self.failures.len() - 1)
    }

    /// Gives up what comes next when there would be more than `most` submodules in all.
    fn limit(&mut self, most: usize) {
        let next: usize = self.wave.values().map(Vec::len).sum();
        if self.fetched.visits.len() + next <= most {
            return;
        }
        let mut entries = BTreeSet::new();
        for (url, needs) in std::mem::take(&mut self.wave) {
            for need in needs {
                let fresh = need.askers.into_iter().filter(|asker| entries.insert(asker.entry.clone()));
                self.failures.extend(fresh.map(|asker| asker.failure(&url, &need.rev, TOO_MANY)).collect::<Vec<_>>());
            }
        }
    }
}

const TOO_MANY: FetchProblem = FetchProblem::TooManySubmodules { depth: DEEPEST, count: MOST };

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
        self.progress.on_done(&subject, done.iter().all(|outcome| outcome.module.is_ok()));
        done
    }

    fn outcome(&self, need: &Need) -> Outcome {
        let visit = ((self.url.to_owned(), need.rev.clone()), need.submodules.clone());
        let module = self.obtain(need).and_then(|()| match need.submodules {
            Submodules::None => Ok(Module::default()),
            _ => self.module(need),
        });
        Outcome { visit, askers: need.askers.clone(), module }
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

    fn module(&self, need: &Need) -> Result<Module, FetchProblem> {
        let gitlinks = self.store.repository(self.url).gitlinks(&need.rev)?;
        let mut module = Module::default();
        for link in gitlinks.into_iter().filter(|link| !link.skipped) {
            let Some(submodules) = need.submodules.below(&link.path.to_string_lossy()) else {
                module.excluded.push(link.path);
                continue;
            };
            match self.resolved(&link) {
                Ok(url) => _ = module.links.insert(link.path, ((url, link.rev), submodules)),
                Err(problem) => module.broken.push((link, problem)),
            }
        }
        if module.links.len() + module.broken.len() > MOST { Err(TOO_MANY) } else { Ok(module) }
    }

    /// Returns the URL of a submodule.
    fn resolved(&self, link: &Gitlink) -> Result<String, FetchProblem> {
        let Some(url) = &link.url else {
            return Err(if link.declared { FetchProblem::NoUrl } else { FetchProblem::Undeclared });
        };
        url::submodule(self.url, url)
            .map_err(|bad| FetchProblem::BadUrl { url: redacted(url), reason: bad.to_string() })
    }
}

impl Fetched {
    /// Returns what to export for `wanted`; nothing when it or a submodule of it could not be fetched.
    ///
    /// # Errors
    /// When there are too many submodules, or they are nested too deeply.
    pub(super) fn checkout(&self, wanted: &Wanted) -> Result<Option<Checkout>, FetchProblem> {
        let visit = ((wanted.url.clone(), wanted.rev.clone()), wanted.extent.submodules.clone());
        let mut nested = Nested { fetched: self, pointers: wanted.extent.pointers, count: 0, excluded: Vec::new() };
        let checkout = nested.checkout(&visit, Path::new(""), 0)?;
        let mut excluded = nested.excluded;
        excluded.sort();
        Ok(checkout.map(|checkout| Checkout { excluded, ..checkout }))
    }
}

/// One walk down the submodules of a checkout.
struct Nested<'f> {
    fetched: &'f Fetched,
    pointers: bool,
    count: usize,
    excluded: Vec<String>,
}

impl Nested<'_> {
    fn checkout(&mut self, visit: &Visit, at: &Path, depth: usize) -> Result<Option<Checkout>, FetchProblem> {
        if depth > DEEPEST || self.count > MOST {
            return Err(TOO_MANY);
        }
        let Some(module) = self.fetched.visits.get(visit) else { return Ok(None) };
        self.excluded.extend(module.excluded.iter().map(|path| at.join(path).to_string_lossy().into_owned()));
        let ((url, rev), submodules) = visit;
        let extent = Extent { submodules: submodules.clone(), pointers: self.pointers };
        let mut checkout = Checkout::new(url, rev, extent);
        for (path, link) in &module.links {
            self.count += 1;
            let Some(submodule) = self.checkout(link, &at.join(path), depth + 1)? else { return Ok(None) };
            checkout.submodules.insert(path.clone(), submodule);
        }
        Ok(Some(checkout))
    }
}
