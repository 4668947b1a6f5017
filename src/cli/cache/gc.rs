//! `deps cache gc`: takes away what no project on this machine needs, when nobody uses the store.

use std::path::PathBuf;

use clap::Args;

use super::{Json, Keep, Stock, folders, projects, shown};
use crate::cli::diagnostic::Diagnostic;
use crate::cli::outcome::{FAILED, Failed, USAGE, print};
use crate::cli::session::{Session, store_failed};
use crate::report::{self, CollectReport, RemovedReport};
use crate::store::{Needs, Project, Removal, StoreAlone};

#[derive(Debug, Args)]
pub(super) struct Gc {
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

pub(super) fn run(session: &Session, options: &Gc) -> Result<(), Failed> {
    let store = session.store_alone("`deps cache gc`")?;
    let (forgotten, projects) = without(session, projects(&store)?, &options.forget)?;
    let stock = Stock::take(session, &store, &projects, options.keep.keep_days)?;
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
