//! `deps cache`: what the store holds, what of it nobody needs any more, and whether it is whole.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use deps_lock::Entry;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, INTEGRITY, USAGE, print};
use super::session::Session;
use crate::digest;
use crate::extent::Extent;
use crate::remote;
use crate::report::{self, CacheReport, ThingReport};
use crate::store::{self, Damage, Garbage, Held, HeldKind, Needed, Store, StoreError};
use crate::workspace::{Loaded, PROJECT_FILE, Workspace};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List everything that the store holds; `*` marks what a project on this machine needs.
    Ls {
        /// Print it as JSON (`deps schema cache`).
        #[arg(long)]
        json: bool,
    },
    /// Say how much room the store takes.
    Du,
    /// Remove what no project's lock on this machine needs.
    ///
    /// A project is known since `deps fetch`, `import` or `build` ran in it. What came within the last days stays: another
    /// branch may need it.
    Gc {
        /// Keep what came within the last DAYS days.
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep_days: u32,
        /// Say what would be removed; remove nothing.
        #[arg(long)]
        dry_run: bool,
        /// Do not count the project in FOLDER any more; `deps fetch` there counts it again.
        #[arg(long, value_name = "FOLDER")]
        forget: Vec<PathBuf>,
    },
    /// Read everything in the store and name what is damaged (exit code 4).
    Verify {
        /// Remove what is damaged: the next fetch brings it anew.
        #[arg(long)]
        repair: bool,
    },
    /// Print the store's folder, or where it has a tree, a commit or a file.
    Path {
        /// A tree, a commit or a file, by its id.
        id: Option<String>,
    },
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    match &options.command {
        Command::Ls { json } => {
            let report = cache(session)?;
            print(&if *json { report::json(&report) } else { report.list() })
        }
        Command::Du => print(&cache(session)?.sums()),
        Command::Gc { keep_days, dry_run, forget } => gc(session, *keep_days, *dry_run, forget),
        Command::Verify { repair } => verify(session, *repair),
        Command::Path { id } => path(session, id.as_deref()),
    }
}

fn cache(session: &Session) -> Result<CacheReport, Failed> {
    let store = session.store()?;
    let needed = needed(&store)?;
    let thing = |held: Held| ThingReport {
        kind: held.kind.folder().to_owned(),
        needed: needed.covers(&held),
        name: held.name,
        bytes: held.bytes,
        pins: held.pins,
    };
    let things = store.held_things().map_err(failed)?.into_iter().map(thing).collect();
    Ok(CacheReport { schema: 1, store: store.root().display().to_string(), things })
}

/// What the locks of all projects on this machine need.
///
/// A project that cannot be read may need anything: nothing can be said then.
fn needed(store: &Store) -> Result<Needed, Failed> {
    let (mut needed, mut problems) = (Needed::default(), Vec::new());
    for project in store.projects().map_err(failed)? {
        if project.join(PROJECT_FILE).is_file() {
            problems.extend(needs(&project, &mut needed).err().into_iter().flatten());
        }
    }
    if !problems.is_empty() {
        return Err(Failed::new(FAILED, problems));
    }
    store.with_submodules(&mut needed.commits).map_err(failed)?;
    Ok(needed)
}

/// Adds what the project in `folder` needs.
fn needs(folder: &Path, needed: &mut Needed) -> Result<(), Vec<Diagnostic>> {
    let workspace = Workspace::find(folder).map_err(|trouble| vec![(&trouble).into()])?;
    let lock = workspace.lock().map_err(|troubles| {
        let message = format!("what the project in `{}` needs cannot be told", folder.display());
        let hint = format!("mend its deps.lock, or leave it out: `deps cache gc --forget {}`", folder.display());
        let details = troubles.iter().map(ToString::to_string);
        vec![Diagnostic::error(message).details(details).hint(Some(hint))]
    })?;
    let Some(lock) = lock else { return Ok(()) };
    for (_, entry) in lock.lock.iter() {
        match entry {
            Entry::Repo(git) | Entry::Input(git) => _ = needed.commits.insert(git.rev.to_string()),
            Entry::Fetch(fetch) => {
                let digests = fetch.platforms.values().filter_map(|digest| digest.strip_prefix("sha256:"));
                needed.files.extend(digests.map(str::to_owned));
            }
            Entry::Archive(archive) => {
                needed.files.extend(archive.digest.strip_prefix("sha256:").map(str::to_owned));
                needed.trees.extend(digest::entry_id(entry, &Extent::default()));
            }
            Entry::Revision(_) => needed.trees.extend(digest::entry_id(entry, &Extent::default())),
            Entry::Ext(_) | Entry::Image(_) => {}
        }
    }
    // Folders of the project's own files: where it plans, those of its plan. They can be made again without a network.
    if let Ok(plans) = workspace.load().map(|loaded: Loaded| loaded.plans(&lock.lock).unwrap_or_default()) {
        needed.trees.extend(plans.into_iter().flat_map(|plan| plan.folders).map(|folder| folder.tree));
    }
    Ok(())
}

fn gc(session: &Session, keep_days: u32, dry_run: bool, forget: &[PathBuf]) -> Result<(), Failed> {
    let store = if dry_run { session.store()? } else { session.store_alone()? };
    for folder in forget {
        let folder = session.start().join(folder);
        let folder = folder.canonicalize().unwrap_or(folder);
        if !dry_run && !store.forget_project(&folder).map_err(failed)? {
            let message = format!("`{}` is no project that needs anything in the store", folder.display());
            return Err(Failed::one(USAGE, Diagnostic::error(message)));
        }
    }
    if !dry_run {
        forget_gone(&store)?;
    }
    let before = store::now().saturating_sub(u64::from(keep_days) * 86_400);
    let before = if keep_days == 0 { u64::MAX } else { before };
    let garbage = store::garbage(store.held_things().map_err(failed)?, &needed(&store)?, before);
    let lines: String = garbage.iter().map(line).collect();
    if dry_run {
        let bytes = report::bytes(garbage.iter().map(|garbage| garbage.held.bytes).sum());
        return print(&format!("{lines}would free up to {bytes}\n"));
    }
    let freed = store.clean(&garbage).map_err(failed)?;
    print(&format!("{lines}freed {}\n", report::bytes(freed)))
}

fn line(garbage: &Garbage) -> String {
    let Garbage { held, keep } = garbage;
    let part = match keep.len() {
        0 => String::new(),
        kept => format!(" ({} of {} commits)", held.pins.len() - kept, held.pins.len()),
    };
    format!("- {}/{}{part}\n", held.kind.folder(), held.name)
}

/// Forgets projects whose folder is gone.
fn forget_gone(store: &Store) -> Result<(), Failed> {
    for project in store.projects().map_err(failed)? {
        if !project.join(PROJECT_FILE).is_file() {
            store.forget_project(&project).map_err(failed)?;
        }
    }
    Ok(())
}

fn verify(session: &Session, repair: bool) -> Result<(), Failed> {
    let store = if repair { session.store_alone()? } else { session.store()? };
    let things: Vec<Held> = store
        .held_things()
        .map_err(failed)?
        .into_iter()
        .filter(|held| !matches!(held.kind, HeldKind::Leftover | HeldKind::Hg))
        .collect();
    let jobs = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let looked = remote::each(&things, jobs, |held| store.damage(held));
    let damage: Vec<Damage> =
        looked.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?.into_iter().flatten().collect();
    if damage.is_empty() {
        return print(&format!("{} verified\n", report::count(things.len(), "thing", "things")));
    }
    let told = |damage: &Damage| {
        Diagnostic::error(format!("{}/{} is damaged: {}", damage.held.kind.folder(), damage.held.name, damage.what))
    };
    let mut diagnostics: Vec<Diagnostic> = damage.iter().map(told).collect();
    if repair {
        store.remove_damaged(&damage).map_err(failed)?;
        session.tell(&format!(
            "removed {}; `deps fetch` brings what is needed\n",
            report::count(damage.len(), "thing", "things")
        ));
    } else if let Some(last) = diagnostics.pop() {
        let hint = "`deps cache verify --repair` removes what is damaged, `deps fetch` brings it anew";
        diagnostics.push(last.hint(Some(hint.to_owned())));
    }
    Err(Failed::new(INTEGRITY, diagnostics))
}

fn path(session: &Session, id: Option<&str>) -> Result<(), Failed> {
    let store = session.store()?;
    let Some(id) = id else { return print(&format!("{}\n", store.root().display())) };
    let things = store.held_things().map_err(failed)?;
    let has = |held: &&Held| held.name == id || held.pins.iter().any(|pin| pin == id);
    // The tree of a commit is what most people look for.
    let found = things.iter().filter(has).max_by_key(|held| held.kind == HeldKind::Tree);
    match found {
        Some(held) => print(&format!("{}\n", held.path(store.root()).display())),
        None => {
            let hint = "`deps cache ls` lists what there is";
            Err(Failed::one(FAILED, Diagnostic::error(format!("the store has no `{id}`")).hint(Some(hint.to_owned()))))
        }
    }
}

fn failed(error: StoreError) -> Failed {
    let busy = matches!(error, StoreError::Busy { .. });
    let hint = busy.then(|| "wait for it, then run the command again".to_owned());
    Failed::one(FAILED, Diagnostic::error(error.to_string()).hint(hint))
}
