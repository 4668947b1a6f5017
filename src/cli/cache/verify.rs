//! `deps cache verify`: reads everything again, and names or removes what is damaged.

use clap::Args;

use super::{Json, shown};
use crate::cli::diagnostic::Diagnostic;
use crate::cli::outcome::{Failed, INTEGRITY, print};
use crate::cli::session::{Session, store_failed};
use crate::remote;
use crate::report::{self, DamagedReport, VerifyReport};
use crate::store::{Commits, Damage, Store, Thing, ThingKind};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Remove what is damaged, so that the next `deps fetch` or `deps build` brings it anew.
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    json: Json,
}

pub(super) fn run(session: &Session, options: &Verify) -> Result<(), Failed> {
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
    let hint = "to remove what is damaged, run `deps cache verify --repair`; the next `deps fetch` or `deps build` brings it anew";
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
