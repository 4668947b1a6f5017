//! `deps cache`: what the store holds, how much, who needs it; takes away what nobody needs; reads it again.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use deps_lock::{Entry, Key, Selector};

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, INTEGRITY, USAGE, print};
use super::session::{Session, store_failed};
use crate::digest::checkout_id;
use crate::remote;
use crate::report::{
    self, CacheReport, CollectReport, CommitReport, DamagedReport, PartReport, RemovedReport, ThingReport, UsageReport,
    VerifyReport,
};
use crate::store::{Commits, Damage, Needs, Project, Removal, Store, StoreAlone, Thing, ThingKind};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List repositories with their pinned commits, trees and files, and which projects need them.
    Ls(Json),
    /// Sum up sizes, and what `deps cache gc` would free.
    Du(Du),
    /// Remove what no project on this machine needs.
    Gc(Gc),
    /// Read everything again and name what is damaged (exit code 4).
    Verify(Verify),
    /// Print the store's folder, or where one commit, tree or entry of the lock lies in it.
    Path(Place),
}

#[derive(Clone, Copy, Debug, Args)]
struct Json {
    /// Print JSON (`deps schema cache-ls`, and so on).
    #[arg(long)]
    json: bool,
}

/// Why two weeks: locks of other branches are not on the disk, and that is how long git itself keeps what nothing refers
/// to. Nix and uv keep nothing then, but their roots are not files that `git switch` replaces.
#[derive(Clone, Copy, Debug, Args)]
struct Keep {
    /// Keep also what a project's lock had in the last N days, for other branches; 0 keeps only what locks have now.
    #[arg(long, default_value_t = 14, value_name = "N", value_parser = clap::value_parser!(u64).range(..=365))]
    keep_days: u64,
}

#[derive(Debug, Args)]
struct Du {
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Gc {
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    keep: Keep,
    /// Forget the project in this folder: what only it needs goes; may be given several times.
    #[arg(long, value_name = "PROJECT")]
    forget: Vec<PathBuf>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Verify {
    /// Remove what is damaged, so that the next `deps fetch` brings it anew.
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Place {
    /// A full commit id, the name of a tree or file, or an entry like `core/nav2`; the store itself when none is given.
    #[arg(value_name = "KEY|REV|TREE")]
    thing: Option<String>,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    match &options.command {
        Command::Ls(json) => ls(session, *json),
        Command::Du(options) => du(session, options),
        Command::Gc(options) => gc(session, options),
        Command::Verify(options) => verify(session, options),
        Command::Path(options) => path(session, options),
    }
}

/// What is in the store and who needs it.
struct Stock {
    things: Vec<Thing>,
    needs: Needs,
}

impl Stock {
    fn take(store: &Store, projects: &[Project], keep_days: u64) -> Result<Self, Failed> {
        let things = store.things().map_err(|error| store_failed(&error))?;
        let mut needs = store.needs(projects, keep_days);
        store.add_submodules(&things, &mut needs);
        Ok(Self { things, needs })
    }

    /// Warns of projects of which nobody knows what they need.
    fn warn(&self, session: &Session) {
        for (folder, why) in &self.needs.unreadable {
            let message = format!("what `{}` needs is not known: its `deps.lock` cannot be read", folder.display());
            session.warn(&Diagnostic::warning(message).details([why.clone()]));
        }
    }
}

fn projects(store: &Store) -> Result<Vec<Project>, Failed> {
    store.projects().map_err(|error| store_failed(&error))
}

fn shown(store: &Store) -> String {
    store.root().display().to_string()
}

fn folders(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Vec<String> {
    paths.into_iter().map(|path| path.as_ref().display().to_string()).collect()
}

fn ls(session: &Session, json: Json) -> Result<(), Failed> {
    let store = session.store()?;
    let stock = Stock::take(&store, &projects(&store)?, 0)?;
    stock.warn(session);
    let listed = stock.things.iter().filter(|thing| thing.kind != ThingKind::Leftover);
    let things = listed.map(|thing| thing_report(thing, &stock.needs)).collect();
    let report = CacheReport { schema: 1, store: shown(&store), things };
    print(&if json.json { report::json(&report) } else { report::cache_text(&report) })
}

fn thing_report(thing: &Thing, needs: &Needs) -> ThingReport {
    let commit = |rev: &String| CommitReport { rev: rev.clone(), needed_by: folders(needs.of(rev)) };
    let commits = if thing.kind == ThingKind::Repository { thing.ids.iter().map(commit).collect() } else { Vec::new() };
    ThingReport {
        kind: thing.kind.name().to_owned(),
        name: thing.name.clone(),
        bytes: thing.bytes,
        needed_by: folders(thing.needed_by(needs)),
        commits,
    }
}

fn du(session: &Session, options: &Du) -> Result<(), Failed> {
    let store = session.store()?;
    let stock = Stock::take(&store, &projects(&store)?, options.keep.keep_days)?;
    stock.warn(session);
    let part = |(part, kind): (&str, ThingKind)| {
        let things: Vec<&Thing> = stock.things.iter().filter(|thing| thing.kind == kind).collect();
        let unneeded = things.iter().filter(|thing| stock.needs.unreadable.is_empty() && !thing.stays(&stock.needs));
        PartReport {
            part: part.to_owned(),
            things: things.len(),
            bytes: things.iter().map(|thing| thing.bytes).sum(),
            unneeded_bytes: unneeded.map(|thing| thing.bytes).sum(),
        }
    };
    let kinds = [ThingKind::Repository, ThingKind::Tree, ThingKind::File, ThingKind::Leftover];
    let parts: Vec<PartReport> = ["git", "trees", "files", "tmp"].into_iter().zip(kinds).map(part).collect();
    let (bytes, unneeded_bytes) =
        (parts.iter().map(|part| part.bytes).sum(), parts.iter().map(|part| part.unneeded_bytes).sum());
    let report = UsageReport { schema: 1, store: shown(&store), parts, bytes, unneeded_bytes };
    print(&if options.json.json { report::json(&report) } else { report::usage_text(&report) })
}

fn gc(session: &Session, options: &Gc) -> Result<(), Failed> {
    let store = session.store_alone("`deps cache gc`")?;
    let (forgotten, projects) = without(session, projects(&store)?, &options.forget)?;
    let stock = Stock::take(&store, &projects, options.keep.keep_days)?;
    if !stock.needs.unreadable.is_empty() {
        return Err(unreadable(&stock.needs));
    }
    let forgotten: Vec<&Project> = forgotten.iter().chain(&stock.needs.gone).collect();
    let mut removed = Vec::new();
    let mut failures = Vec::new();
    for removal in store.unneeded(&stock.things, &stock.needs) {
        session.stop_if_interrupted()?;
        match collect(&store, &removal, options.dry_run) {
            Ok(report) => removed.push(report),
            Err(diagnostic) => failures.push(diagnostic),
        }
    }
    if !options.dry_run && failures.is_empty() {
        let forget = |project: &&Project| store.forget_project(project);
        let done = forgotten.iter().try_for_each(forget).and_then(|()| store.tidy());
        done.map_err(|error| store_failed(&error))?;
    }
    let freed_bytes = removed.iter().map(|removed: &RemovedReport| removed.bytes).sum();
    let forgotten = folders(forgotten.iter().map(|project| &project.folder));
    let report =
        CollectReport { schema: 1, store: shown(&store), dry_run: options.dry_run, removed, forgotten, freed_bytes };
    print(&if options.json.json { report::json(&report) } else { report::collect_text(&report) })?;
    let kept: u64 =
        stock.things.iter().filter(|thing| thing.is_only_recent(&stock.needs)).map(|thing| thing.bytes).sum();
    session.tell(&report::collect_summary(&report, kept, options.keep.keep_days));
    if failures.is_empty() { Ok(()) } else { Err(Failed::new(FAILED, failures)) }
}

/// Parts the projects in `folders` from the others.
fn without(
    session: &Session,
    projects: Vec<Project>,
    folders: &[PathBuf],
) -> Result<(Vec<Project>, Vec<Project>), Failed> {
    let folders: Vec<PathBuf> = folders.iter().map(|folder| session.absolute(folder)).collect();
    let unknown = folders.iter().filter(|folder| !projects.iter().any(|project| project.folder == **folder));
    let diagnostic = |folder: &PathBuf| {
        let known = projects.iter().map(|project| format!("`{}`", project.folder.display())).collect::<Vec<_>>();
        let hint = (!known.is_empty()).then(|| format!("those that do are {}", known.join(", ")));
        Diagnostic::error(format!("no project in `{}` uses the store", folder.display())).hint(hint)
    };
    let problems: Vec<Diagnostic> = unknown.map(diagnostic).collect();
    if !problems.is_empty() {
        return Err(Failed::new(USAGE, problems));
    }
    Ok(projects.into_iter().partition(|project| folders.contains(&project.folder)))
}

fn unreadable(needs: &Needs) -> Failed {
    let diagnostic = |(folder, why): &(PathBuf, String)| {
        let folder = folder.display();
        Diagnostic::error(format!("nothing is removed: `deps.lock` of the project `{folder}` cannot be read"))
            .details([why.clone()])
            .hint(Some(format!("mend the file; or, to remove what it needed, run `deps cache gc --forget {folder}`")))
    };
    Failed::new(FAILED, needs.unreadable.iter().map(diagnostic).collect())
}

fn collect(store: &StoreAlone, removal: &Removal, dry_run: bool) -> Result<RemovedReport, Diagnostic> {
    let Removal { thing, commits } = removal;
    let bytes = match (dry_run, commits.is_empty()) {
        (true, true) => thing.bytes,
        (true, false) => 0,
        (false, _) => store.collect(removal).map_err(|error| {
            let hint = "`deps cache verify --repair` removes what is damaged".to_owned();
            Diagnostic::error(error.to_string()).hint(Some(hint))
        })?,
    };
    let kind = if commits.is_empty() { thing.kind.name() } else { "commits" };
    Ok(RemovedReport { kind: kind.to_owned(), name: thing.name.clone(), commits: commits.clone(), bytes })
}

fn verify(session: &Session, options: &Verify) -> Result<(), Failed> {
    let store = session.store()?;
    let (checked, damages) = damages(session, &store)?;
    let repair = options.repair && !damages.is_empty();
    // Others go first: who waits for the store alone must not share it.
    let root = shown(&store);
    drop(store);
    let removed = if repair { repaired(session)? } else { Vec::new() };
    let damaged = damages
        .iter()
        .map(|(_, Damage { name, problem })| DamagedReport { name: name.clone(), problem: problem.to_string() });
    let report = VerifyReport { schema: 1, store: root, checked, damaged: damaged.collect(), removed };
    if options.json.json {
        print(&report::json(&report))?;
    }
    let things = report::count(checked, "thing", "things");
    if report.damaged.is_empty() {
        session.tell(&format!("{things} in the store, all as they should be\n"));
        return Ok(());
    }
    let details = report.damaged.iter().map(|damaged| format!("`{}` {}", damaged.name, damaged.problem));
    if repair {
        let message = format!("{} damaged", report::count(report.damaged.len(), "part was", "parts were"));
        session.warn(&Diagnostic::warning(message).details(details));
        let removed = report.removed.iter().map(|name| format!("  {name}\n")).collect::<String>();
        session.tell(&format!("removed, to be fetched anew:\n{removed}"));
        return Ok(());
    }
    let count = report.damaged.len();
    let message = format!("{} damaged", report::count(count, "part of the store is", "parts of the store are"));
    let hint = "to remove what is damaged, run `deps cache verify --repair`; the next `deps fetch` brings it anew";
    Err(Failed::one(INTEGRITY, Diagnostic::error(message).details(details).hint(Some(hint.to_owned()))))
}

/// Returns how many things were read, and what is wrong with them: first with repositories, then with what is compared
/// with their commits.
fn damages(session: &Session, store: &Store) -> Result<(usize, Vec<(Thing, Damage)>), Failed> {
    let all = store.things().map_err(|error| store_failed(&error))?;
    let all: Vec<Thing> = all.into_iter().filter(|thing| thing.kind != ThingKind::Leftover).collect();
    let (repositories, others) = all.iter().partition(|thing| thing.kind == ThingKind::Repository);
    let mut damages = read_again(session, store, &repositories, &Commits::default())?;
    let damaged = damages.iter().map(|(thing, _)| thing.name.clone()).collect();
    damages.extend(read_again(session, store, &others, &Commits::of(&all, &damaged))?);
    Ok((all.len(), damages))
}

fn read_again(
    session: &Session,
    store: &Store,
    things: &Vec<&Thing>,
    commits: &Commits,
) -> Result<Vec<(Thing, Damage)>, Failed> {
    let jobs = std::thread::available_parallelism().map_or(2, usize::from);
    let found = remote::each(things, jobs, |thing| {
        if session.stop_if_interrupted().is_err() { Ok(Vec::new()) } else { store.damages(thing, commits) }
    });
    session.stop_if_interrupted()?;
    let mut damages = Vec::new();
    for (thing, found) in things.iter().zip(found) {
        let found = found.map_err(|error| store_failed(&error))?;
        damages.extend(found.into_iter().map(|damage| ((*thing).clone(), damage)));
    }
    Ok(damages)
}

/// Removes what is damaged now that nobody else uses the store, until nothing is. With a repository go the trees of its
/// commits, which cannot be compared any more.
fn repaired(session: &Session) -> Result<Vec<String>, Failed> {
    let store = session.store_alone("`deps cache verify --repair`")?;
    let mut removed = Vec::new();
    loop {
        let (_, found) = damages(session, &store)?;
        let mut things: Vec<Thing> = found.into_iter().map(|(thing, _)| thing).collect();
        things.dedup();
        // Should this process be killed, trees without their commits would be damaged, too.
        things.sort_by_key(|thing| thing.kind == ThingKind::Repository);
        if things.is_empty() {
            removed.sort();
            return Ok(removed);
        }
        for thing in things {
            store.discard(&thing).map_err(|error| store_failed(&error))?;
            removed.push(thing.name);
        }
    }
}

fn path(session: &Session, options: &Place) -> Result<(), Failed> {
    let root = session.store_root()?;
    let Some(word) = &options.thing else {
        return print(&format!("{}\n", root.display()));
    };
    let store = session.store()?;
    let mut found = by_id(&store, word)?;
    if found.is_empty() {
        found = by_key(session, &store, word)?;
    }
    print(&found.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
}

/// Returns the trees and files that are called `word` or hold the commit `word`, else the repository that does.
fn by_id(store: &Store, word: &str) -> Result<Vec<PathBuf>, Failed> {
    let things = store.things().map_err(|error| store_failed(&error))?;
    let path = |thing: &Thing| store.root().join(&thing.name);
    let named =
        |thing: &&Thing| thing.file_name() == word || (thing.kind != ThingKind::Leftover && thing.ids == [word]);
    let exported: Vec<PathBuf> =
        things.iter().filter(|thing| thing.kind != ThingKind::Repository).filter(named).map(path).collect();
    if !exported.is_empty() {
        return Ok(exported);
    }
    let repositories = things.iter().filter(|thing| thing.kind == ThingKind::Repository);
    Ok(repositories.filter(|thing| thing.ids.iter().any(|id| id == word)).map(path).collect())
}

/// Returns the trees of the entries that `word` means.
fn by_key(session: &Session, store: &Store, word: &str) -> Result<Vec<PathBuf>, Failed> {
    let unknown = || {
        let diagnostic = Diagnostic::error(format!("the store has nothing called `{word}`, and neither has the lock"));
        Failed::one(FAILED, diagnostic.hint(Some("`deps cache ls` lists what the store holds".to_owned())))
    };
    let Ok(selector) = word.parse::<Selector>() else { return Err(unknown()) };
    let workspace = session.workspace().map_err(|_| unknown())?;
    let (loaded, lock) = (session.load(&workspace)?, workspace.lock()?.ok_or_else(unknown)?.lock);
    let tree = |key: &Key| match lock.get(key) {
        Some(Entry::Repo(git) | Entry::Input(git)) => {
            let submodules = loaded.wishes.repositories.get(key).is_some_and(|wish| wish.submodules);
            Some((key.to_string(), checkout_id(&git.rev, submodules)))
        }
        _ => None,
    };
    let trees: Vec<(String, String)> = lock.select(&selector).filter_map(tree).collect();
    if trees.is_empty() {
        return Err(unknown());
    }
    let missing = |(key, id): &(String, String)| {
        let hint = "`deps fetch` brings every pinned commit into the store".to_owned();
        Diagnostic::error(format!("{key} is not in the store: there is no tree `{id}`")).hint(Some(hint))
    };
    let problems: Vec<Diagnostic> = trees.iter().filter(|(_, id)| !store.has_tree(id)).map(missing).collect();
    if !problems.is_empty() {
        return Err(Failed::new(FAILED, problems));
    }
    Ok(trees.iter().filter_map(|(_, id)| store.tree(id)).collect())
}
