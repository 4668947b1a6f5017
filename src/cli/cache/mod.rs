//! `deps cache`: what the store holds, how much, who needs it; takes away what nobody needs; reads it again.

mod engine;
mod gc;
mod path;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};

use super::diagnostic::Diagnostic;
use super::origins;
use super::outcome::{Failed, print};
use super::session::{Session, store_failed};
use crate::report::{self, CacheReport, CommitReport, PartReport, ThingReport, UsageReport};
use crate::store::{Needs, Project, Store, Thing, ThingKind};
use crate::workspace::Workspace;

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
    ///
    /// A project counts since a command used the store in it. What its `deps.lock` has now stays, and so do submodules of
    /// that; while a lock cannot be read, nothing goes.
    Gc(gc::Gc),
    /// Read everything again and name what is damaged (exit code 4).
    Verify(verify::Verify),
    /// Print the store's folder, or where one commit, tree or entry of the lock lies in it.
    Path(path::Place),
    /// Show and remove what the engine holds: cache mounts and the build cache.
    Engine(engine::Engine),
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

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    match &options.command {
        Command::Ls(json) => ls(session, *json),
        Command::Du(options) => du(session, options),
        Command::Gc(options) => gc::run(session, options),
        Command::Verify(options) => verify::run(session, options),
        Command::Path(options) => path::run(session, options),
        Command::Engine(options) => engine::run(session, options),
    }
}

/// What is in the store and who needs it.
struct Stock {
    things: Vec<Thing>,
    needs: Needs,
}

impl Stock {
    fn take(session: &Session, store: &Store, projects: &[Project], keep_days: u64) -> Result<Self, Failed> {
        let things = store.things().map_err(|error| store_failed(&error))?;
        let mut needs = store.needs(projects, keep_days);
        for project in projects {
            for tree in planned(session, project, store).unwrap_or_default() {
                needs.add(&tree, &project.folder);
            }
        }
        session.stop_if_interrupted()?; // else it would look as if they needed nothing
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

/// Returns the folders of the project's own files that its plan copies, and what became of files that were downloaded. Where it has no plan, it has none: they are made
/// again by the next build, without a network.
fn planned(session: &Session, project: &Project, store: &Store) -> Option<Vec<String>> {
    let workspace = Workspace::find(&project.folder).ok().filter(|workspace| workspace.root() == project.folder)?;
    let workspace = workspace.with_hashing(session.hashing(store.root()));
    let workspace = origins::as_locked(workspace, || Ok(store.clone())).ok()?;
    let (loaded, lock) = (workspace.load().ok()?, workspace.lock().ok()??.lock);
    let files = loaded.file_trees(&lock);
    let plans = loaded.plans(&lock).ok()?;
    let trees = plans.into_iter().flat_map(|plan| {
        let copied = plan.project_folders.into_iter().map(|folder| folder.files.id().to_owned());
        plan.folders.into_iter().map(|folder| folder.tree).chain(copied)
    });
    Some(trees.chain(files).collect())
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
    let stock = Stock::take(session, &store, &projects(&store)?, 0)?;
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
    let stock = Stock::take(session, &store, &projects(&store)?, options.keep.keep_days)?;
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
    let parts: Vec<PartReport> = [
        ("git", ThingKind::Repository),
        ("hg", ThingKind::Mercurial),
        ("trees", ThingKind::Tree),
        ("archives", ThingKind::Archive),
        ("files", ThingKind::File),
        ("tmp", ThingKind::Leftover),
    ]
    .into_iter()
    .map(part)
    .collect();
    let (bytes, unneeded_bytes) =
        (parts.iter().map(|part| part.bytes).sum(), parts.iter().map(|part| part.unneeded_bytes).sum());
    let report = UsageReport { schema: 1, store: shown(&store), parts, bytes, unneeded_bytes };
    print(&if options.json.json { report::json(&report) } else { report::usage_text(&report) })
}
