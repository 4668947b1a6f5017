//! `deps import`: working checkouts at the pinned commits, for people to work in. What is at its pin opens no connection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use deps_lock::{Entry, Lock};

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, print};
use super::progress::Watch;
use super::session::Session;
use super::{Frozen, Network, fetch, locking, paint};
use crate::checkout::{self, CheckoutError, Outcome, Record, Wanted};
use crate::extent::{Extent, Submodules};
use crate::manifest::{Kind, Wish};
use crate::remote;
use crate::report::{self, ImportReport, ImportedReport};
use crate::resolve::{Answer, Question, RepositoryWish};
use crate::store;
use crate::workspace::{Loaded, Workspace};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where the checkouts stand. Default: `src` in the project's folder.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Remove checkouts that were imported and that no manifest names any more, where nothing is lost by it.
    #[arg(long)]
    prune: bool,
    /// Bring the whole history of what is made or moved, all branches and tags.
    #[arg(long)]
    full: bool,
    /// Print what became of each checkout as JSON (`deps schema import`).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    frozen: Frozen,
    #[command(flatten)]
    network: Network,
}

/// A repository of the lock and its place below the folder.
pub(super) struct Pinned<'a> {
    /// The path below the folder.
    pub(super) path: String,
    /// The commit.
    pub(super) rev: String,
    /// What the manifest asks for.
    pub(super) wish: &'a RepositoryWish,
}

/// Returns the folder that checkouts stand in.
pub(super) fn folder(session: &Session, workspace: &Workspace, folder: Option<&Path>) -> PathBuf {
    folder.map_or_else(|| workspace.root().join("src"), |folder| session.start().join(folder))
}

/// Returns the repositories of `lock`, sorted by path.
///
/// # Errors
/// A path that leads out of the folder, as `allow-outside` permits in an image.
pub(super) fn pinned<'a>(loaded: &'a Loaded, lock: &Lock) -> Result<Vec<Pinned<'a>>, Failed> {
    let (mut all, mut outside) = (Vec::new(), Vec::new());
    for (key, wish) in &loaded.wishes.repositories {
        let Some(Entry::Repo(git)) = lock.get(key) else { continue };
        let path = key.name.replacen(':', "/", 1);
        if path.split('/').any(|part| part == "..") {
            let message = format!("`{path}` leads out of the folder of the checkouts");
            outside.push(Diagnostic::error(message).at(Some(&wish.git.place)));
            continue;
        }
        all.push(Pinned { path, rev: git.rev.to_string(), wish });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    if outside.is_empty() { Ok(all) } else { Err(Failed::new(FAILED, outside)) }
}

/// Returns a warning that names what is no git repository: nobody works in an archive.
fn passed_over(loaded: &Loaded) -> Vec<Diagnostic> {
    let others = loaded.wishes.repositories.iter().filter(|(_, wish)| wish.kind != Kind::Git);
    let named: Vec<String> = others.map(|(key, wish)| format!("`{}` ({})", key.name, wish.kind)).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let message = format!("only git repositories are checked out, and these are none: {}", named.join(", "));
    let hint = "`deps fetch` brings them into the store, and images have them".to_owned();
    vec![Diagnostic::warning(message).hint(Some(hint))]
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
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
    };
    let open: Vec<&Pinned<'_>> = pinned.iter().filter(|pinned| !import.stands(pinned)).collect();
    if !open.is_empty() || options.prune {
        let _lock = Record::lock(&folder).map_err(failed)?;
        if !open.is_empty() {
            import.bring(&open)?;
        }
        import.settle(&pinned)?;
    } else {
        import.settle(&pinned)?;
    }
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
}

impl Import<'_> {
    /// Whether the checkout is at its pin already, on the branch that the manifest may mean.
    fn stands(&mut self, pinned: &Pinned<'_>) -> bool {
        let branch = match likely_branch(&pinned.wish.git.wish) {
            Branch::None => None,
            Branch::Named(name) | Branch::Perhaps(name) => Some(name),
        };
        let perhaps = matches!(&pinned.wish.git.wish, Wish::Name(_));
        let candidates = [Some(branch.clone()), perhaps.then_some(None)];
        let found = candidates
            .into_iter()
            .flatten()
            .find(|branch| checkout::is_at_pin(&self.wanted(pinned, branch.clone(), plain(pinned))));
        let Some(branch) = found else { return false };
        self.note(pinned, "at-pin", branch);
        true
    }

    fn wanted(&self, pinned: &Pinned<'_>, branch: Option<String>, source: store::Checkout) -> Wanted {
        let (url, rev) = (pinned.wish.git.remote.clone(), pinned.rev.clone());
        Wanted { folder: self.folder.join(&pinned.path), url, rev, branch, source }
    }

    fn note(&mut self, pinned: &Pinned<'_>, outcome: &str, branch: Option<String>) -> &mut ImportedReport {
        let (path, rev) = (pinned.path.clone(), Some(pinned.rev.clone()));
        let report =
            ImportedReport { path: path.clone(), outcome: outcome.to_owned(), rev, from: None, branch, reason: None };
        self.reports.entry(path).insert_entry(report).into_mut()
    }

    /// Makes and moves the checkouts `open`.
    fn bring(&mut self, open: &[&Pinned<'_>]) -> Result<(), Failed> {
        let store = self.session.store()?;
        let branches = self.branches(open)?;
        let sources = self.sources(open, &store)?;
        let mut levels: BTreeMap<usize, Vec<(&Pinned<'_>, Wanted)>> = BTreeMap::new();
        for (pinned, source) in open.iter().zip(sources) {
            let Some(source) = source else {
                self.note(pinned, "failed", None).reason = Some("its commit could not be fetched".to_owned());
                continue;
            };
            let branch = branches.get(pinned.path.as_str()).cloned();
            let above = open.iter().filter(|other| pinned.path.starts_with(&format!("{}/", other.path))).count();
            levels.entry(above).or_default().push((pinned, self.wanted(pinned, branch, source)));
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
        if self.options.full { self.histories(open) } else { Ok(()) }
    }

    fn done(&mut self, pinned: &Pinned<'_>, wanted: &Wanted, outcome: Result<Outcome, CheckoutError>) {
        let branch = wanted.branch.clone();
        match outcome {
            Ok(Outcome::AtPin) => _ = self.note(pinned, "at-pin", branch),
            Ok(Outcome::Made) => _ = self.note(pinned, "made", branch),
            Ok(Outcome::Moved { from }) => self.note(pinned, "moved", branch).from = Some(from),
            Ok(Outcome::Left(reason)) => self.note(pinned, "left", branch).reason = Some(reason.to_string()),
            Err(error) => {
                self.note(pinned, "failed", branch).reason = Some(error.to_string());
                self.failures.push(Diagnostic::error(error.to_string()));
            }
        }
    }

    /// The branches that are wished for, by path. Where only the remote knows whether a name is a branch, it is asked.
    fn branches(&self, open: &[&Pinned<'_>]) -> Result<BTreeMap<String, String>, Failed> {
        let (mut branches, mut unsure) = (BTreeMap::new(), Vec::new());
        for pinned in open {
            match likely_branch(&pinned.wish.git.wish) {
                Branch::None => {}
                Branch::Named(name) => _ = branches.insert(pinned.path.clone(), name),
                Branch::Perhaps(name) => unsure.push((pinned, name)),
            }
        }
        if unsure.is_empty() || self.options.network.offline {
            let note = "without a network a name may be a branch or a tag: these stand at the commit, on no branch";
            if !unsure.is_empty() {
                self.session.tell(&format!("note: {note}\n"));
            }
            return Ok(branches);
        }
        let question = |url: &str| Question::Refs { url: url.to_owned() };
        let questions: BTreeSet<Question> =
            unsure.iter().map(|(pinned, _)| question(&pinned.wish.git.remote)).collect();
        let watch = Watch::new(self.session, "asking");
        let answers =
            remote::ask(&questions, &self.session.remotes(&self.options.network)?, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        for (pinned, name) in unsure {
            let answer = answers.get(&question(&pinned.wish.git.remote));
            if let Some(Ok(Answer::Refs(refs))) = answer
                && refs.branches.contains_key(&name)
                && !refs.tags.contains_key(&name)
            {
                branches.insert(pinned.path.clone(), name);
            }
        }
        Ok(branches)
    }

    /// Brings the commits into the store; none for those that could not be had, whose problems are noted.
    fn sources(&mut self, open: &[&Pinned<'_>], store: &store::Store) -> Result<Vec<Option<store::Checkout>>, Failed> {
        let wanted: Vec<remote::fetch::Wanted> = open.iter().map(|pinned| fetch::wanted_of(pinned)).collect();
        let watch = Watch::new(self.session, "fetching");
        let remotes = self.session.remotes(&self.options.network)?;
        let (sources, failures) = remote::fetch::commits(&wanted, store, &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        if !failures.is_empty() {
            self.failures.extend(fetch::unfetched(self.loaded, &failures).into_diagnostics());
        }
        for (pinned, source) in open.iter().zip(&sources) {
            let count = source.as_ref().map_or(Ok(0), |source| store.lfs_count(source));
            self.pointers.insert(pinned.path.clone(), count.unwrap_or_default());
        }
        Ok(sources)
    }

    /// Brings whole histories into the checkouts that were made or moved.
    fn histories(&mut self, open: &[&Pinned<'_>]) -> Result<(), Failed> {
        let fresh = |pinned: &&&Pinned<'_>| {
            self.reports.get(&pinned.path).is_some_and(|one| matches!(one.outcome.as_str(), "made" | "moved"))
        };
        let targets: Vec<(String, PathBuf)> = open
            .iter()
            .filter(fresh)
            .map(|pinned| (pinned.wish.git.remote.clone(), self.folder.join(&pinned.path).join(".git")))
            .collect();
        let watch = Watch::new(self.session, "fetching");
        let remotes = self.session.remotes(&self.options.network)?;
        let failures = remote::fetch::histories(&targets, &remotes, &watch, self.session.interrupted());
        watch.finish();
        self.session.stop_if_interrupted()?;
        self.failures.extend(failures.iter().map(|failure| Diagnostic::error(failure.to_string())));
        Ok(())
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
                match checkout::reason_to_keep(&place).map_err(failed)? {
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
        let Self { session, options, loaded: _, folder: _, reports, failures, pointers } = self;
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
        if diagnostics.is_empty() {
            return session.warn_all(warnings);
        }
        warnings.iter().for_each(|warning| session.warn(warning));
        Err(Failed::new(FAILED, diagnostics))
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

pub(super) fn failed(error: CheckoutError) -> Failed {
    Failed::one(FAILED, Diagnostic::error(error.to_string()))
}

/// The source of a checkout without its submodules' places; with submodules nobody knows them yet.
fn plain(pinned: &Pinned<'_>) -> store::Checkout {
    let extent = pinned.wish.extent.clone();
    let mut checkout = store::Checkout::new(&pinned.wish.git.remote, &pinned.rev, extent);
    if checkout.extent.submodules != Submodules::None {
        checkout.submodules = BTreeMap::from([(PathBuf::new(), store::Checkout::new("", "", Extent::default()))]);
    }
    checkout
}

/// Whether a version names a branch, as far as its text tells.
enum Branch {
    None,
    Named(String),
    Perhaps(String),
}

fn likely_branch(wish: &Wish) -> Branch {
    match wish {
        Wish::Branch(name) => Branch::Named(name.clone()),
        Wish::Name(name) => match name.strip_prefix("origin/") {
            Some(name) => Branch::Named(name.to_owned()),
            None => Branch::Perhaps(name.clone()),
        },
        Wish::Ref(name) => match name.strip_prefix("refs/heads/") {
            Some(name) => Branch::Named(name.to_owned()),
            None => Branch::None,
        },
        Wish::Head | Wish::Tag(_) | Wish::Commit(_) | Wish::Abbreviated(_) | Wish::Requirement(..) => Branch::None,
    }
}
