//! `deps bisect`: which entry of a lock broke something, and which of its commits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use clap::Args;
use deps_lock::{Entry, Git, Key, Kind, Lock, Name};

use super::Network;
use super::bisected::Ended;
use super::diagnostic::Diagnostic;
use super::hints;
use super::outcome::{FAILED, Failed, UNREACHABLE, USAGE};
use super::progress::Watch;
use super::session::Session;
use crate::bisect::{Bench, BenchError, Candidate, Differing, Next, Outcome, State, Verdict, next};
use crate::checkout::{self, Record};
use crate::extent::Extent;
use crate::remote::{self, fetch};
use crate::report;
use crate::resolve::{Answer, Between, Question, RepositoryWish};
use crate::store::Store;
use crate::workspace::Workspace;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// A git revision of the project, or a lock file, with which the test passes.
    #[arg(required_unless_present_any = ["resume", "reset"])]
    good: Option<String>,
    /// A git revision of the project, or a lock file, with which it fails.
    #[arg(required_unless_present_any = ["resume", "reset"])]
    bad: Option<String>,
    /// The test and its arguments.
    #[arg(last = true, required_unless_present_any = ["resume", "reset"])]
    test: Vec<String>,
    /// Go on with what was interrupted; the same command as before does so, too.
    #[arg(long, conflicts_with_all = ["good", "bad", "test", "reset"])]
    resume: bool,
    /// Forget what is known and remove the checkouts; alone, or before a new start.
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    network: Network,
}

const AFTER_HELP: &str = "\
The test runs in a folder of the store (also `DEPS_BISECT_DIR`) with the checkouts below `src`, as `deps import` makes them.
Checkouts that change are made anew for each test; everything else in the folder stays, so that builds go on from one another.
Its exit status counts as with `git bisect run`: 0 good, 1 to 127 bad, but 125 cannot be tested; 128 and more ends it.
Neither your work tree nor your lock is touched.";

/// Only git repositories are checked out.
pub(super) type Side = BTreeMap<String, Item>;

/// A checkout of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    key: Key,
    path: String,
    url: String,
    /// As the lock has it.
    pub(super) git: Git,
    extent: Extent,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let store = session.store()?;
    let name = blake3::hash(workspace.root().as_os_str().as_encoded_bytes()).to_hex()[..16].to_owned();
    let bench = Bench::new(store.root().join("bisect").join(name));
    if options.reset {
        let removed = bench.remove().map_err(failed)?;
        if options.good.is_none() {
            session.tell(if removed { "forgot the bisection\n" } else { "there was no bisection\n" });
            return Ok(());
        }
    }
    let (good, bad, test) = typed(options, &bench)?;
    let (before, after) = (lock_of(session, &workspace, &good)?, lock_of(session, &workspace, &bad)?);
    let locks = blake3::hash(format!("{before}\0{after}").as_bytes()).to_hex().to_string();
    let fresh = State { good, bad, test, locks, verdicts: Vec::new(), history: None };
    let state = taken_up(session, &bench, fresh)?;
    let sides = (items(session, &workspace, &state.good, &before)?, items(session, &workspace, &state.bad, &after)?);
    note_others(session, &before, &after);
    let differing = differing(&sides.0, &sides.1);
    if differing.is_empty() {
        let hint = "`deps diff` says what else differs".to_owned();
        let message = format!("`{}` and `{}` have the same git repositories", state.good, state.bad);
        return Err(Failed::one(FAILED, Diagnostic::error(message).hint(Some(hint))));
    }
    session.tell(&format!("{}\n", report::count(differing.len(), "repository differs", "repositories differ")));
    bench.keep(&state).map_err(failed)?;
    let _lock = Record::lock(&bench.workspace()).map_err(super::checkouts::failed)?;
    let mut bisection = Bisection { session, options, bench: &bench, store: &store, sides, state };
    let outcome = bisection.play(&differing)?;
    let State { good, bad, .. } = &bisection.state;
    Ended { good, bad, sides: &bisection.sides }.tell(&outcome)?;
    bench.remove().map_err(failed).map(drop)
}

/// What was typed, now or when it began.
fn typed(options: &Options, bench: &Bench) -> Result<(String, String, Vec<String>), Failed> {
    if let (Some(good), Some(bad)) = (&options.good, &options.bad) {
        if options.test.is_empty() {
            let hint = "deps bisect GOOD BAD -- make test".to_owned();
            return Err(Failed::one(USAGE, Diagnostic::error("there is no test").hint(Some(hint))));
        }
        return Ok((good.clone(), bad.clone(), options.test.clone()));
    }
    let nothing = || {
        let hint = "to begin one, run `deps bisect GOOD BAD -- TEST`".to_owned();
        Failed::one(FAILED, Diagnostic::error("there is no bisection to go on with").hint(Some(hint)))
    };
    bench.state().map(|state| (state.good, state.bad, state.test)).ok_or_else(nothing)
}

/// Returns what an earlier run knew of the same locks and the same test, else `fresh`.
fn taken_up(session: &Session, bench: &Bench, fresh: State) -> Result<State, Failed> {
    match bench.state() {
        Some(state) if state.locks == fresh.locks && state.test == fresh.test => {
            let known = report::count(state.verdicts.len(), "test is", "tests are");
            session.tell(&format!("going on: {known} done (`deps bisect --reset` forgets them)\n"));
            Ok(State { good: fresh.good, bad: fresh.bad, ..state })
        }
        _ => {
            bench.remove().map_err(failed)?;
            Ok(fresh)
        }
    }
}

fn lock_of(session: &Session, workspace: &Workspace, name: &str) -> Result<Lock, Failed> {
    let file = session.start().join(name);
    let lock = if file.is_file() { workspace.lock_file(&file)? } else { workspace.at_revision(name)?.lock()? };
    let none = || Failed::one(FAILED, Diagnostic::error(format!("`{name}` has no `deps.lock`")));
    lock.map(|lock| lock.lock).ok_or_else(none)
}

/// Returns the checkouts of `lock`, by name. How much of each is wanted says the project as it is at that revision; of a lock
/// file, the project as it is now.
fn items(session: &Session, workspace: &Workspace, name: &str, lock: &Lock) -> Result<Side, Failed> {
    let at = match session.start().join(name).is_file() {
        true => workspace.clone(),
        false => workspace.at_revision(name)?,
    };
    let (loaded, _) = at.load_what_is_here()?;
    let mut side = Side::new();
    for (name, git) in lock.repos() {
        let key = Key { kind: Kind::Repo, name: Name::clone(name) };
        let path = super::checkouts::place(name);
        if !Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))) {
            let message = format!("`{path}` leads out of the folder of the checkouts");
            return Err(Failed::one(FAILED, Diagnostic::error(message)));
        }
        let wish: Option<&RepositoryWish> = loaded.wishes.repositories.get(&key).filter(|wish| wish.git.url == git.url);
        let url = wish.map_or_else(|| git.url.to_string(), |wish| wish.git.remote.clone());
        let extent = wish.map(|wish| wish.extent.clone()).unwrap_or_default();
        side.insert(name.to_string(), Item { key, path, url, git: git.clone(), extent });
    }
    Ok(side)
}

/// Says which other entries differ: no checkout shows them.
fn note_others(session: &Session, before: &Lock, after: &Lock) {
    let is_other = |(key, entry): &(&Key, &Entry)| !matches!(entry, Entry::Repo(_)) && before.get(key) != Some(*entry);
    let others: Vec<String> = after.iter().filter(is_other).map(|(key, _)| key.to_string()).collect();
    if !others.is_empty() {
        session.tell(&format!("note: checkouts do not show what else differs: {}\n", others.join(", ")));
    }
}

fn differing(good: &Side, bad: &Side) -> Vec<Differing> {
    let names: BTreeSet<&String> = good.keys().chain(bad.keys()).collect();
    let one = |name: &String| {
        let commits = match (good.get(name), bad.get(name)) {
            (Some(good), Some(bad)) if (&good.git.rev, &good.url) == (&bad.git.rev, &bad.url) => return None,
            (Some(good), Some(bad)) if good.git.rev != bad.git.rev => {
                Some((good.git.rev.to_string(), bad.git.rev.to_string()))
            }
            _ => None,
        };
        Some(Differing { name: name.clone(), commits })
    };
    names.into_iter().filter_map(one).collect()
}

struct Bisection<'a> {
    session: &'a Session,
    options: &'a Options,
    bench: &'a Bench,
    store: &'a Store,
    sides: (Side, Side),
    state: State,
}

impl Bisection<'_> {
    /// Tests until it is over.
    fn play(&mut self, differing: &[Differing]) -> Result<Outcome, Failed> {
        loop {
            match next(differing, &self.state.verdicts, self.state.history.as_ref()) {
                Next::Done(outcome) => return Ok(outcome),
                Next::History(name) => self.state.history = Some(self.history(&name)?),
                Next::Test(candidate, left) => {
                    let verdict = self.tested(&candidate, left)?;
                    self.state.verdicts.push((candidate, verdict));
                }
            }
            self.bench.keep(&self.state).map_err(failed)?;
        }
    }

    fn tested(&self, candidate: &Candidate, left: u32) -> Result<Verdict, Failed> {
        let number = self.state.verdicts.len() + 1;
        let about = if left > 1 { format!(", about {left} more to go") } else { String::new() };
        self.session.tell(&format!("test {number}: {}{about}\n", self.in_words(candidate)));
        self.import(candidate)?;
        let code = self.bench.run(&self.state.test, self.session.start()).map_err(failed)?;
        self.session.stop_if_interrupted()?;
        let (verdict, word) = match code {
            0 => (Verdict::Good, "good"),
            125 => (Verdict::Skip, "cannot be tested"),
            1..=127 => (Verdict::Bad, "bad"),
            code => {
                let message = format!("the test ended with {code}, which ends the bisection");
                let hint = "what is known is kept: `deps bisect --resume` goes on".to_owned();
                return Err(Failed::one(FAILED, Diagnostic::error(message).hint(Some(hint))));
            }
        };
        self.session.tell(&format!("test {number}: {word}\n"));
        Ok(verdict)
    }

    fn in_words(&self, candidate: &Candidate) -> String {
        let State { good, bad, .. } = &self.state;
        let names: Vec<String> = candidate.from_bad.iter().take(3).map(|name| format!("`{name}`")).collect();
        let more = candidate.from_bad.len() - names.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let set = match names.is_empty() {
            true => format!("`{good}`"),
            false => format!("`{good}` with {}{more} of `{bad}`", names.join(", ")),
        };
        match &candidate.at {
            Some((name, rev)) => format!("{set} and `{name}` at `{}`", &rev[..rev.len().min(8)]),
            None => set,
        }
    }

    /// The checkouts of `candidate`, by path.
    fn wanted(&self, candidate: &Candidate) -> Vec<Item> {
        let (good, bad) = &self.sides;
        let names: BTreeSet<&String> = good.keys().chain(bad.keys()).collect();
        let one = |name: &String| {
            let is_culprit = candidate.at.as_ref().filter(|(culprit, _)| culprit == name);
            let from_bad = candidate.from_bad.contains(name) || is_culprit.is_some();
            let mut item = if from_bad { bad.get(name) } else { good.get(name) }?.clone();
            if let Some((_, rev)) = is_culprit {
                item.git.rev = deps_lock::Rev::new(rev.clone()).expect("git has named it");
            }
            Some(item)
        };
        let mut items: Vec<Item> = names.into_iter().filter_map(one).collect();
        items.sort_by(|a, b| a.path.cmp(&b.path));
        items
    }

    /// Makes the workspace what `candidate` says.
    fn import(&self, candidate: &Candidate) -> Result<(), Failed> {
        let items = self.wanted(candidate);
        let sources = self.fetched(&items)?;
        let top = self.bench.workspace().join("src");
        let paths: Vec<&String> = items.iter().map(|item| &item.path).collect();
        for item in self.sides.0.values().chain(self.sides.1.values()) {
            if !paths.contains(&&item.path) {
                self.bench.clear(&top.join(&item.path), &top).map_err(failed)?;
            }
        }
        for (item, source) in items.iter().zip(sources) {
            let (folder, url, rev) = (top.join(&item.path), item.url.clone(), item.git.rev.to_string());
            let wanted = checkout::Wanted { folder: folder.clone(), top: top.clone(), url, rev, named: None, source };
            if checkout::is_at_pin(&wanted) {
                continue;
            }
            self.bench.clear(&folder, &top).map_err(failed)?;
            checkout::bring(&wanted, self.store).map_err(super::checkouts::failed)?;
            self.session.stop_if_interrupted()?;
        }
        Ok(())
    }

    fn fetched(&self, items: &[Item]) -> Result<Vec<crate::store::Checkout>, Failed> {
        let wanted = |item: &Item| fetch::Wanted {
            name: item.key.to_string(),
            url: item.url.clone(),
            rev: item.git.rev.to_string(),
            refs: vec![item.git.reference.as_ref().map_or_else(|| "HEAD".to_owned(), ToString::to_string)],
            extent: item.extent.clone(),
        };
        let wanted: Vec<fetch::Wanted> = items.iter().map(wanted).collect();
        let watch = Watch::new(self.session, "fetching");
        let remotes = self.session.remotes(&self.options.network)?;
        let (sources, failures) = fetch::commits(&wanted, self.store, &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        if failures.is_empty() {
            return Ok(sources.into_iter().flatten().collect());
        }
        let one = |failure: &fetch::FetchFailure| {
            Diagnostic::error(failure.to_string()).hint(hints::of_fetch(&failure.problem))
        };
        Err(Failed::new(UNREACHABLE, failures.iter().map(one).collect()))
    }

    fn history(&self, name: &str) -> Result<Between, Failed> {
        let (good, bad) = (&self.sides.0[name], &self.sides.1[name]);
        let (from, to) = (good.git.rev.to_string(), bad.git.rev.to_string());
        let good_url = good.url.clone();
        let question = Question::Between { good_url, url: bad.url.clone(), good: from.clone(), bad: to };
        let watch = Watch::new(self.session, "asking");
        let remotes = self.session.remotes(&self.options.network)?;
        let answers = remote::ask(&[question].into(), &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        match answers.into_values().next() {
            Some(Ok(Answer::Between(between))) => {
                self.session.tell(&format!("{} is the culprit: {}\n", bad.key, what_lies(&between, &from)));
                Ok(between)
            }
            // The old place may be gone for good; which entry it is, is known all the same.
            Some(Err(failure)) if good.url != bad.url => {
                self.session.tell(&format!("note: {}: its commits are not known: {failure}\n", bad.key));
                Ok(Between::default())
            }
            Some(Err(failure)) => {
                let hint = hints::of_failure(failure.kind).map(str::to_owned);
                Err(Failed::one(UNREACHABLE, Diagnostic::error(format!("{}: {failure}", bad.key)).hint(hint)))
            }
            other => unreachable!("a question about what lies between has another answer: {other:?}"),
        }
    }
}

/// Says what lies between the commit `good` and a bad one.
fn what_lies(between: &Between, good: &str) -> String {
    let commits = report::count(between.commits.len(), "commit", "commits");
    match &between.bases[..] {
        [] => "its two commits have no history in common".to_owned(),
        [base] if base == good => format!("{commits} between"),
        [base] if between.commits.is_empty() => format!("it has gone back to `{}`", &base[..8]),
        [base, ..] => format!("{commits} since the two part at `{}`", &base[..8]),
    }
}

fn failed(error: BenchError) -> Failed {
    Failed::one(FAILED, Diagnostic::error(error.to_string()))
}
