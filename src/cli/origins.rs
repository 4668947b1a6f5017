//! Extensions from git, from what deps.toml says to their files: pinned, fetched, handed to whoever reads the project.
//!
//! Decides when somebody is asked: while a lock may be written, for what it lacks; else only for commits that it has.
//! Leaves out what the files say (`extension/`), and everything else that is pinned (`locking.rs`).

use std::collections::BTreeMap;

use deps_lock::{Entry, Key, Lock, Origin};

use super::Network;
use super::diagnostic::Diagnostic;
use super::fetch::told;
use super::locking::{self, out_of_date};
use super::outcome::{Failed, UNREACHABLE};
use super::progress::Watch;
use super::session::Session;
use super::submodules::Asked;
use crate::digest;
use crate::extent::Extent;
use crate::remote::{self, fetch};
use crate::resolve::{self, Answers, Origins, Pins, Refresh};
use crate::store::Store;
use crate::workspace::{Brought, Loaded, Trouble, Workspace};

/// Returns the project and what is in it. Unless `frozen`, extensions from git are pinned as a new lock would have them
/// (`refresh` says which again), and files are looked at for extensions that they show; what is missing of the pinned
/// commits is fetched.
pub(super) fn ready(
    session: &Session,
    refresh: &Refresh,
    frozen: bool,
    network: &Network,
) -> Result<(Workspace, Loaded), Failed> {
    ready_in(session, session.workspace()?, refresh, frozen, network)
}

/// The same, of a project that has been found.
pub(super) fn ready_in(
    session: &Session,
    workspace: Workspace,
    refresh: &Refresh,
    frozen: bool,
    network: &Network,
) -> Result<(Workspace, Loaded), Failed> {
    let workspace = if frozen { workspace } else { workspace.looking_around() };
    let origins = workspace.origins()?;
    if origins.is_empty() {
        let loaded = session.load(&workspace)?;
        return Ok((workspace, loaded));
    }
    let before = workspace.lock()?.map(|before| before.lock).unwrap_or_default();
    let pins = match frozen {
        true => locked(&origins, &before),
        false => pinned(session, &origins, &before, refresh, network)?,
    };
    let store = session.store()?;
    bring(session, &origins, &pins, &store, network)?;
    let workspace = workspace.with_brought(shelved(&pins, &store));
    let loaded = session.load(&workspace)?;
    Ok((workspace, loaded))
}

/// Why files of extensions from git could not be fetched.
pub(super) struct Unread {
    /// The extensions.
    pub(super) absent: Vec<Trouble>,
    /// How that is told.
    pub(super) why: Failed,
}

/// Returns the project as its lock has it, and what is in it but for extensions that cannot be fetched, so that those hide nothing
/// of what else there is to tell.
pub(super) fn as_far_as_can_be(
    session: &Session,
    network: &Network,
) -> Result<(Workspace, Loaded, Option<Unread>), Failed> {
    let workspace = session.workspace()?;
    let origins = workspace.origins()?;
    let pins = locked(&origins, &workspace.lock()?.map(|lock| lock.lock).unwrap_or_default());
    if pins.is_empty() {
        let loaded = session.load(&workspace)?;
        return Ok((workspace, loaded, None));
    }
    let store = session.store()?;
    let brought = bring(session, &origins, &pins, &store, network);
    session.stop_if_interrupted()?;
    let workspace = workspace.with_brought(shelved(&pins, &store));
    match brought {
        Ok(()) => {
            let loaded = session.load(&workspace)?;
            Ok((workspace, loaded, None))
        }
        Err(why) => {
            let (loaded, absent) = workspace.load_what_is_here()?;
            Ok((workspace, loaded, Some(Unread { absent, why })))
        }
    }
}

/// Returns the project with those files of extensions from git that the lock names and the store has. Nobody is asked.
pub(super) fn as_locked(
    workspace: Workspace,
    store: impl FnOnce() -> Result<Store, Failed>,
) -> Result<Workspace, Failed> {
    // Problems of both files are told by whoever reads them.
    let origins = workspace.origins().unwrap_or_default();
    if origins.is_empty() {
        return Ok(workspace);
    }
    let Some(lock) = workspace.lock().ok().flatten() else { return Ok(workspace) };
    let pins = locked(&origins, &lock.lock);
    if pins.is_empty() {
        return Ok(workspace);
    }
    let shelved = shelved(&pins, &store()?);
    Ok(workspace.with_brought(shelved))
}

/// Returns what to tell where extensions from git cannot be read: how the lock differs as far as that can be seen
/// without them, or else which commits are missing.
pub(super) fn incomplete(workspace: &Workspace, loaded: &Loaded, absent: Vec<Trouble>) -> Failed {
    let lock = match workspace.lock() {
        Ok(lock) => lock,
        Err(troubles) => return troubles.into(),
    };
    match locking::drift(loaded, lock.as_ref()) {
        Some(drift) if drift.is_empty() => Failed::new(UNREACHABLE, absent.iter().map(Diagnostic::from).collect()),
        drift => out_of_date(drift.as_deref(), ""),
    }
}

fn locked(origins: &Origins, lock: &Lock) -> Pins {
    let origin = |key: &Key| match lock.get(key)? {
        Entry::Ext(extension) => Some((key.clone(), extension.origin.clone()?)),
        _ => None,
    };
    origins.keys().filter_map(origin).collect()
}

/// Asks until every extension has a commit.
fn pinned(
    session: &Session,
    origins: &Origins,
    before: &Lock,
    refresh: &Refresh,
    network: &Network,
) -> Result<Pins, Failed> {
    let mut answers = Answers::new();
    loop {
        let questions = resolve::origin_questions(origins, before, refresh, &answers);
        if questions.is_empty() {
            break;
        }
        let watch = Watch::new(session, "asking");
        answers.extend(remote::ask(&questions, &session.remotes(network)?, &watch, session.interrupted()));
        watch.finish();
        session.stop_if_interrupted()?;
    }
    let pinned = resolve::pin_origins(origins, before, refresh, &answers);
    let (pins, moved) = pinned.map_err(|problems| locking::unpinned(&problems))?;
    session.warn_all(moved.iter().map(locking::moved_tag).collect())?;
    Ok(pins)
}

/// Fetches the commits that the store does not have.
fn bring(session: &Session, origins: &Origins, pins: &Pins, store: &Store, network: &Network) -> Result<(), Failed> {
    let missing = |(_, origin): &(&Key, &Origin)| !store.has_tree(&tree(origin));
    let wanted = |(key, origin): (&Key, &Origin)| wanted(key, origin, &origins[key].git.remote);
    let wanted: Vec<fetch::Wanted> = pins.iter().filter(missing).map(wanted).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let watch = Watch::new(session, "fetching");
    let done = fetch::fetch(&wanted, store, &session.remotes(network)?, &watch, session.interrupted());
    watch.finish();
    session.stop_if_interrupted()?;
    done.map(|_| ()).map_err(|failures| told(&Asked::of_origins(origins), &failures))
}

/// Returns the commit of an extension, as it is fetched.
pub(super) fn wanted(key: &Key, origin: &Origin, url: &str) -> fetch::Wanted {
    fetch::Wanted {
        name: key.to_string(),
        url: url.to_owned(),
        rev: origin.rev.to_string(),
        refs: vec![origin.reference.as_ref().map_or_else(|| "HEAD".to_owned(), ToString::to_string)],
        extent: Extent::default(),
    }
}

fn tree(origin: &Origin) -> String {
    digest::checkout_id(&origin.rev, &Extent::default())
}

fn shelved(pins: &Pins, store: &Store) -> BTreeMap<String, Brought> {
    let one = |(key, origin): (&Key, &Origin)| {
        (key.name.to_string(), Brought { origin: origin.clone(), tree: store.tree(&tree(origin)) })
    };
    pins.iter().map(one).collect()
}
