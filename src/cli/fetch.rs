//! `deps fetch`: every pinned commit into the store. What is there already opens no connection.

use std::collections::BTreeSet;

use clap::Args;
use deps_lock::{Entry, Key, Lock};

use super::diagnostic::Diagnostic;
use super::import::Pinned;
use super::outcome::{FAILED, Failed, INTEGRITY, UNREACHABLE};
use super::progress::Watch;
use super::session::Session;
use super::{Frozen, Network, hints, locking};
use crate::remote::fetch::{FetchFailure, FetchProblem, Wanted, fetch};
use crate::report;
use crate::resolve::{FailureKind, GitWish};
use crate::store::Store;
use crate::workspace::Loaded;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    frozen: Frozen,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let lock = locking::synced(session, &workspace, &loaded, options.frozen.frozen, &options.network)?;
    let store = session.store()?;
    let fetched = objects(session, &loaded, &lock, &store, &options.network)?;
    session.tell(&format!("{fetched}\n"));
    Ok(())
}

/// Brings every pinned commit into the store; returns what there was to do, in words.
pub(super) fn objects(
    session: &Session,
    loaded: &Loaded,
    lock: &Lock,
    store: &Store,
    network: &Network,
) -> Result<String, Failed> {
    let wanted = wanted(loaded, lock);
    let trees: BTreeSet<String> = wanted.iter().map(tree_id).collect();
    let present = trees.iter().filter(|tree| store.has_tree(tree)).count();
    let watch = Watch::new(session, "fetching");
    let remotes = session.remotes(network)?;
    let done = fetch(&wanted, store, &remotes, &watch, session.interrupted());
    watch.finish();
    session.stop_if_interrupted()?;
    let fetched = done.map_err(|failures| unfetched(&failures))?;
    for tree in fetched.iter().filter(|tree| !tree.lfs_pointers.is_empty()) {
        let message = format!("{} has {} as Git LFS pointers, not as content", tree.id, tree.lfs_pointers.join(", "));
        session.warn(&Diagnostic::warning(message));
    }
    let commits = report::count(trees.len(), "commit", "commits");
    Ok(if present == trees.len() {
        format!("{commits}, all in the store")
    } else {
        format!("{commits}, {present} in the store, {} fetched", trees.len() - present)
    })
}

fn tree_id(wanted: &Wanted) -> String {
    crate::digest::checkout_id(&wanted.rev, wanted.submodules)
}

fn wanted(loaded: &Loaded, lock: &Lock) -> Vec<Wanted> {
    let repositories = loaded.wishes.repositories.iter().map(|(key, wish)| (key, &wish.git, wish.submodules));
    let inputs = loaded.wishes.inputs.iter().map(|(key, wish)| (key, wish, false));
    let one = |(key, wish, submodules): (&Key, &GitWish, bool)| match lock.get(key) {
        Some(Entry::Repo(git) | Entry::Input(git)) => Some(Wanted {
            name: key.to_string(),
            url: wish.remote.clone(),
            rev: git.rev.to_string(),
            refs: git.reference.iter().map(ToString::to_string).collect(),
            submodules,
        }),
        _ => None,
    };
    repositories.chain(inputs).filter_map(one).collect()
}

/// Returns what is wanted of a repository of the lock.
pub(super) fn wanted_of(pinned: &Pinned<'_>) -> Wanted {
    let git = &pinned.wish.git;
    Wanted {
        name: format!("repo `{}`", pinned.path),
        url: git.remote.clone(),
        rev: pinned.rev.clone(),
        refs: git.version.iter().map(ToString::to_string).collect(),
        submodules: pinned.wish.submodules,
    }
}

pub(super) fn unfetched(failures: &[FetchFailure]) -> Failed {
    use FailureKind::{Auth, NoSuchCommit, NotFound, Offline, Protocol, Refused, Timeout, Tls, Unreachable};
    let kinds: BTreeSet<FailureKind> = failures.iter().map(|failure| failure.problem.kind()).collect();
    if kinds == BTreeSet::from([Offline]) {
        let missing = failures.iter().map(|failure| format!("{} at {}", failure.name, failure.rev));
        let message = format!("{} missing from the store, and `--offline` forbids fetching them", are(failures.len()));
        return Failed::one(UNREACHABLE, Diagnostic::error(message).details(missing).hint(hint(Offline)));
    }
    let remote = |kind: &FailureKind| {
        matches!(kind, Auth | NotFound | Protocol | Refused | Timeout | Tls | Unreachable | Offline)
    };
    let code = match () {
        () if kinds.contains(&NoSuchCommit) => INTEGRITY,
        () if kinds.iter().all(remote) => UNREACHABLE,
        () => FAILED,
    };
    let diagnostic = |failure: &FetchFailure| {
        let message = match &failure.problem {
            FetchProblem::Missing => format!("{} at {} is missing from the store", failure.name, failure.rev),
            problem => format!("{} at {}: {problem}", failure.name, failure.rev),
        };
        Diagnostic::error(message).hint(hints::of_fetch(&failure.problem))
    };
    Failed::new(code, failures.iter().map(diagnostic).collect())
}

fn hint(kind: FailureKind) -> Option<String> {
    hints::of_failure(kind).map(str::to_owned)
}

fn are(count: usize) -> String {
    if count == 1 { "1 pinned commit is".to_owned() } else { format!("{count} pinned commits are") }
}
