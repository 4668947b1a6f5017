//! `deps import`: working checkouts at the pinned commits, for people to work in. What is at its pin opens no connection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::checkouts::{Known, Pinned, failed, folder, passed_over, pinned};
use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, UNREACHABLE, print};
use super::progress::Watch;
use super::session::Session;
use super::{Frozen, Network, fetch, hints, locking, origins, paint};
use crate::checkout::{self, CheckoutError, Outcome, Record, Wanted};
use crate::remote;
use crate::remote::fetch::{History, Unnamed, Version};
use crate::report::{self, ImportReport, ImportedReport};
use crate::resolve::Refresh;
use crate::store::{self, Named, Store};
use crate::workspace::Loaded;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where the checkouts stand. Default: `src` in the project's folder.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Remove checkouts that were imported and that no manifest names any more, where nothing is lost by it.
    #[arg(long)]
    prune: bool,
    /// Bring the whole history, all branches and tags, where a checkout lacks them.
    #[arg(long, visible_alias = "unshallow")]
    full: bool,
    /// Print what became of each checkout as JSON (`deps schema import`).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    frozen: Frozen,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let (workspace, loaded) = origins::ready(session, &Refresh::Nothing, options.frozen.frozen, &options.network)?;
    let lock = locking::synced(session, &workspace, &loaded, options.frozen.frozen, &options.network)?;
    let folder = folder(session, &workspace, options.folder.as_deref());
    let pinned = pinned(&loaded, &lock)?;
    session.warn_all(passed_over(&loaded))?;
    let mut import = Import {
        session,
        options,
        loaded: &loaded,
        folder: &folder,
        reports: BTreeMap::new(),
        failures: Vec::new(),
        pointers: BTreeMap::new(),
        code: FAILED,
    };
    let open: Vec<&Pinned<'_>> = pinned.iter().filter(|pinned| !import.stands(pinned)).collect();
    let _lock = if open.is_empty() && !options.prune && !options.full {
        None
    } else {
        Some(Record::lock(&folder).map_err(failed)?)
    };
    if !open.is_empty() {
        import.bring(&open)?;
    }
    if options.full {
        import.histories(&pinned)?;
    }
    import.settle(&pinned)?;
    import.tell()
}

struct Import<'a> {
    session: &'a Session,
    options: &'a Options,
    loaded: &'a Loaded,
    folder: &'a Path,
    reports: BTreeMap<String, ImportedReport>,
    failures: Vec<Diagnostic>,
    /// How many files of Git LFS there are, by the path of the checkout.
    pointers: BTreeMap<String, usize>,
    /// What the command exits with when something failed.
    code: u8,
}

impl Import<'_> {
    /// Whether the checkout is at its pin already.
    fn stands(&mut self, pinned: &Pinned<'_>) -> bool {
        let wish = pinned.wish;
        let source = store::Checkout::new(&wish.git.remote, &pinned.rev, wish.extent.clone());
        let wanted = self.wanted(pinned, pinned.version.named(), source);
        let stands = checkout::is_at_pin(&wanted);
        if stands {
            self.note(pinned, "at-pin", wanted.named.as_ref());
        }
        stands
    }

    fn wanted(&self, pinned: &Pinned<'_>, named: Option<Named>, source: store::Checkout) -> Wanted {
        let (url, rev, top) = (pinned.wish.git.remote.clone(), pinned.rev.clone(), self.folder.to_path_buf());
        Wanted { folder: top.join(&pinned.path), top, url, rev, named, source }
    }

    fn note(&mut self, pinned: &Pinned<'_>, outcome: &str, named: Option<&Named>) -> &mut ImportedReport {
        let (path, rev) = (pinned.path.clone(), Some(pinned.rev.clone()));
        let branch = named.and_then(Named::branch).map(str::to_owned);
        let report =
            ImportedReport { path: path.clone(), outcome: outcome.to_owned(), rev, from: None, branch, reason: None };
        self.reports.entry(path).insert_entry(report).into_mut()
    }

    /// Makes and moves the checkouts `open`.
    fn bring(&mut self, open: &[&Pinned<'_>]) -> Result<(), Failed> {
        let store = self.session.store()?;
        let sources = self.sources(open, &store)?;
        let mut found = Vec::new();
        for (pinned, source) in open.iter().zip(sources) {
            match source {
                Some(source) => found.push((*pinned, source)),
                None => self.note(pinned, "failed", None).reason = Some("its commit could not be fetched".to_owned()),
            }
        }
        let found = self.continued(found)?;
        let names = self.names(&found, &store)?;
        let mut levels: BTreeMap<usize, Vec<(&Pinned<'_>, Wanted)>> = BTreeMap::new();
        for ((pinned, source), named) in found.into_iter().zip(names) {
            let above = open.iter().filter(|other| pinned.path.starts_with(&format!("{}/", other.path))).count();
            levels.entry(above).or_default().push((pinned, self.wanted(pinned, named, source)));
        }
        // A checkout inside another is made after it.
        for (_, wanted) in levels {
            self.session.stop_if_interrupted()?;
            let jobs = std::thread::available_parallelism().map_or(2, |jobs| jobs.get().min(8));
            let done = remote::each(&wanted, jobs, |(_, wanted)| checkout::bring(wanted, &store));
            for ((pinned, wanted), outcome) in wanted.iter().zip(done) {
                self.done(pinned, wanted, outcome);
            }
        }
        Ok(())
    }

    fn done(&mut self, pinned: &Pinned<'_>, wanted: &Wanted, outcome: Result<Outcome, CheckoutError>) {
        let named = wanted.named.as_ref();
        match outcome {
            Ok(Outcome::AtPin) => _ = self.note(pinned, "at-pin", named),
            Ok(Outcome::Made) => _ = self.note(pinned, "made", named),
            Ok(Outcome::Moved { from }) => self.note(pinned, "moved", named).from = Some(from),
            Ok(Outcome::Left(reason)) => self.note(pinned, "left", named).reason = Some(reason.to_string()),
            Err(error) => {
                self.note(pinned, "failed", named).reason = Some(error.to_string());
                self.failures.push(Diagnostic::error(error.to_string()));
            }
        }
    }

    /// What the versions are, in the order of `found`. A remote is asked only where neither the version's text, the store nor
    /// the checkout knows it; none where it does not answer.
    fn names(&self, found: &[(&Pinned<'_>, store::Checkout)], store: &Store) -> Result<Vec<Option<Named>>, Failed> {
        let mut names: Vec<Option<Named>> = found.iter().map(|(pinned, _)| self.known_here(pinned, store)).collect();
        let open: Vec<usize> = (0..names.len()).filter(|at| names[*at].is_none()).collect();
        if open.is_empty() {
            return Ok(names);
        }
        let unnamed = |at: &usize| {
            let pinned = found[*at].0;
            let Known::Open(version) = &pinned.version else { return None };
            Some(Unnamed { url: pinned.wish.git.remote.clone(), rev: pinned.rev.clone(), version: version.clone() })
        };
        let unnamed: Vec<Unnamed> = open.iter().filter_map(unnamed).collect();
        let watch = Watch::new(self.session, "asking");
        let remotes = self.session.remotes(&self.options.network)?;
        let answers = remote::fetch::names(&unnamed, store, &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        for (at, answer) in open.into_iter().zip(answers) {
            // A tag stays one without its object.
            names[at] = answer.ok().or_else(|| found[at].0.version.named());
        }
        let silent = names.iter().filter(|named| named.is_none()).count();
        if silent > 0 {
            let stand = report::count(silent, "checkout stands", "checkouts stand");
            let note = "on no branch: no remote could be asked whether the version is one";
            self.session.tell(&format!(
                "note: {stand} {note}
"
            ));
        }
        Ok(names)
    }

    fn known_here(&self, pinned: &Pinned<'_>, store: &Store) -> Option<Named> {
        let version = match &pinned.version {
            Known::Surely(named) => return Some(named.clone()),
            Known::Open(Version::Head) => None,
            Known::Open(Version::Name(name) | Version::Tag(name)) => Some(name.as_str()),
        };
        let url = &pinned.wish.git.remote;
        let here = || checkout::named(&self.folder.join(&pinned.path), url, version);
        store.repository(url).named(&pinned.rev, version).or_else(here)
    }

    /// Brings the commits into the store; none for those that could not be had, whose problems are noted.
    fn sources(&mut self, open: &[&Pinned<'_>], store: &Store) -> Result<Vec<Option<store::Checkout>>, Failed> {
        let wanted: Vec<remote::fetch::Wanted> = open.iter().map(|pinned| fetch::wanted_of(pinned)).collect();
        let watch = Watch::new(self.session, "fetching");
        let remotes = self.session.remotes(&self.options.network)?;
        let (sources, failures) = remote::fetch::commits(&wanted, store, &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        if !failures.is_empty() {
            let unfetched = fetch::unfetched(self.loaded, &failures);
            self.code = unfetched.code();
            self.failures.extend(unfetched.into_diagnostics());
        }
        for (pinned, source) in open.iter().zip(&sources) {
            let count = source.as_ref().map_or(Ok(0), |source| store.lfs_count(source));
            self.pointers.insert(pinned.path.clone(), count.unwrap_or_default());
        }
        Ok(sources)
    }

    /// Continues whole histories up to the pin, where the store has the pinned commit alone: it would cut them. Returns
    /// those of `found` that can go on.
    fn continued<'p>(
        &mut self,
        found: Vec<(&'p Pinned<'p>, store::Checkout)>,
    ) -> Result<Vec<(&'p Pinned<'p>, store::Checkout)>, Failed> {
        let mut targets = BTreeMap::new();
        for (pinned, _) in &found {
            let (place, url) = (self.folder.join(&pinned.path), &pinned.wish.git.remote);
            let shape = checkout::shape(&place, url).map_err(failed)?;
            if let Some(shape) = shape.filter(|shape| !shape.is_cut && !checkout::has(&place, &pinned.rev)) {
                let history = History { url: url.clone(), folder: shape.git, remote: shape.remote };
                targets.insert(pinned.path.clone(), history);
            }
        }
        let failed = self.fetched(&targets)?;
        let goes_on = |pinned: &Pinned<'_>| !failed.contains(&pinned.path);
        let (on, off): (Vec<_>, Vec<_>) = found.into_iter().partition(|(pinned, _)| goes_on(pinned));
        for (pinned, _) in off {
            self.note(pinned, "failed", None).reason = Some("its history could not be continued".to_owned());
        }
        Ok(on)
    }

    /// Brings whole histories into the checkouts that were made just now, or whose history is cut.
    fn histories(&mut self, pinned: &[Pinned<'_>]) -> Result<(), Failed> {
        let mut targets = BTreeMap::new();
        for one in pinned {
            let outcome = self.reports.get(&one.path).map_or("", |report| report.outcome.as_str());
            if !matches!(outcome, "made" | "moved" | "at-pin") {
                continue;
            }
            let (place, url) = (self.folder.join(&one.path), &one.wish.git.remote);
            let Some(shape) = checkout::shape(&place, url).map_err(failed)? else { continue };
            if outcome == "made" || shape.is_cut {
                let history = History { url: url.clone(), folder: shape.git, remote: shape.remote };
                targets.insert(one.path.clone(), history);
            }
        }
        self.fetched(&targets).map(drop)
    }

    /// Brings whole histories into `targets`, which stand by path; returns the paths of those that failed, which is noted.
    fn fetched(&mut self, targets: &BTreeMap<String, History>) -> Result<BTreeSet<String>, Failed> {
        if targets.is_empty() {
            return Ok(BTreeSet::new());
        }
        let histories: Vec<History> = targets.values().cloned().collect();
        let watch = Watch::new(self.session, "fetching");
        let remotes = self.session.remotes(&self.options.network)?;
        let done = remote::fetch::histories(&histories, &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        let mut without = BTreeSet::new();
        for ((path, target), done) in targets.iter().zip(done) {
            match done {
                Ok(()) => checkout::take_tags(&target.folder).map_err(failed)?,
                Err(failure) => {
                    self.code = UNREACHABLE;
                    let hint = hints::of_failure(failure.kind).map(str::to_owned);
                    let message = format!("the history of `{path}`: {failure}");
                    self.failures.push(Diagnostic::error(message).hint(hint));
                    without.insert(path.clone());
                }
            }
        }
        Ok(without)
    }

    /// Writes down what is there, and deals with what nobody asks for.
    fn settle(&mut self, pinned: &[Pinned<'_>]) -> Result<(), Failed> {
        let record = self.record(pinned)?;
        self.gone(record)
    }

    /// Writes down which checkouts there are; returns the record with those that are gone from the manifests, too.
    fn record(&self, pinned: &[Pinned<'_>]) -> Result<Record, Failed> {
        let mut record = Record::read(self.folder).map_err(failed)?;
        let here = |pinned: &&Pinned<'_>| {
            let outcome = self.reports.get(&pinned.path).map(|one| one.outcome.as_str());
            matches!(outcome, Some("at-pin" | "made" | "moved"))
        };
        record.checkouts.extend(pinned.iter().filter(here).map(|pinned| pinned.path.clone()));
        if !record.checkouts.is_empty() && self.folder.is_dir() {
            record.write().map_err(failed)?;
        }
        Ok(record)
    }

    /// Tells which checkouts are gone from the manifests, and with `--prune` removes them.
    fn gone(&mut self, mut record: Record) -> Result<(), Failed> {
        let gone = record.checkouts.iter().filter(|path| !self.reports.contains_key(*path)).cloned();
        let gone: Vec<String> = gone.collect();
        for path in gone.into_iter().rev() {
            let place = self.folder.join(&path);
            let mut report = ImportedReport {
                path: path.clone(),
                outcome: "gone".to_owned(),
                rev: None,
                from: None,
                branch: None,
                reason: None,
            };
            if !place.exists() {
                record.checkouts.remove(&path);
                continue;
            }
            if self.options.prune {
                match checkout::reason_to_keep(&place, self.folder).map_err(failed)? {
                    Some(reason) => report.reason = Some(reason.to_string()),
                    None => {
                        checkout::remove(&place, self.folder).map_err(failed)?;
                        record.checkouts.remove(&path);
                        report.outcome = "removed".to_owned();
                    }
                }
            }
            self.reports.insert(path, report);
        }
        if self.folder.is_dir() && !record.checkouts.is_empty() { record.write().map_err(failed) } else { Ok(()) }
    }

    fn tell(self) -> Result<(), Failed> {
        let Self { session, options, loaded: _, folder: _, reports, failures, code, pointers } = self;
        let report = ImportReport { schema: 1, checkouts: reports.into_values().collect() };
        let lines = report.checkouts.iter().filter_map(ImportedReport::line);
        let lines: String = lines.map(|line| format!("  {}\n", paint::change(&line, session.colour()))).collect();
        let count = |outcome: &str| report.checkouts.iter().filter(|one| one.outcome == outcome).count();
        let wanted = report.checkouts.iter().filter(|one| one.rev.is_some()).count();
        let parts =
            [("at-pin", "at the pin"), ("made", "made"), ("moved", "moved"), ("left", "left"), ("failed", "failed")];
        let parts = parts.into_iter().map(|(outcome, words)| (count(outcome), words)).filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, words)| format!("{count} {words}")).collect();
        let counted = report::count(wanted, "checkout", "checkouts");
        session.tell(&format!("{lines}{counted}{}{}\n", if parts.is_empty() { "" } else { ": " }, parts.join(", ")));
        let gone = count("gone");
        if gone > 0 && !options.prune {
            session.tell(&format!("hint: `deps import --prune` removes {}\n", if gone == 1 { "it" } else { "them" }));
        }
        if options.json {
            print(&report::json(&report))?;
        }
        let fresh = report.checkouts.iter().filter(|one| matches!(one.outcome.as_str(), "made" | "moved"));
        let warnings: Vec<Diagnostic> = fresh.filter_map(|one| pointed(&one.path, *pointers.get(&one.path)?)).collect();
        let left = report.checkouts.iter().filter(|one| one.outcome == "left").count();
        let mut diagnostics = failures;
        if left > 0 {
            let message = format!("{} left off the pin, so that nothing is lost", are(left));
            let hint = "commit, push, stash or move away what is there, then run `deps import` again";
            diagnostics.push(Diagnostic::error(message).hint(Some(hint.to_owned())));
        }
        let code = if left > 0 { FAILED } else { code };
        if diagnostics.is_empty() {
            return session.warn_all(warnings);
        }
        warnings.iter().for_each(|warning| session.warn(warning));
        Err(Failed::new(code, diagnostics))
    }
}

/// A checkout has pointers where files of Git LFS stand: bringing their content is git's own business there.
fn pointed(path: &str, count: usize) -> Option<Diagnostic> {
    if count == 0 {
        return None;
    }
    let message = format!("`{path}` has {} of Git LFS as pointers", report::count(count, "file", "files"));
    let hint = format!(
        "for their content, run `git lfs pull` in `{path}`, and in submodules `git submodule foreach git lfs pull`"
    );
    Some(Diagnostic::warning(message).hint(Some(hint)))
}

fn are(count: usize) -> String {
    if count == 1 { "1 checkout is".to_owned() } else { format!("{count} checkouts are") }
}
