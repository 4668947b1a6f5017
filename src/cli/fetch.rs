//! `deps fetch`: every pinned commit into the store. What is there already opens no connection.

use std::collections::BTreeSet;

use clap::Args;
use deps_lock::{Entry, Key, Lock};
use indicatif::HumanBytes;

use super::checkouts::Pinned;
use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, INTEGRITY, UNREACHABLE};
use super::progress::Watch;
use super::session::Session;
use super::submodules::{self, Asked};
use super::{Frozen, Network, hints, locking, origins};

use crate::extension::Packing;
use crate::extent::Extent;
use crate::project::Sources;
use crate::remote::fetch::{Content, FetchFailure, FetchProblem, LfsFiles, Wanted, WantedOther, fetch, fetch_others};
use crate::report;
use crate::resolve::{FailureKind, GitWish, OriginWish, PinnedFile, Refresh, RepositoryWish};
use crate::store::{Packed, SingleFile, Store, Tree};
use crate::workspace::Loaded;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    frozen: Frozen,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let (workspace, loaded) = origins::ready(session, &Refresh::Nothing, options.frozen.frozen, &options.network)?;
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
    bring(session, loaded, lock, store, network, wanted(loaded, lock))
}

/// Brings what a build takes from the store into it; returns what there was to do, in words.
pub(super) fn context(
    session: &Session,
    loaded: &Loaded,
    lock: &Lock,
    store: &Store,
    network: &Network,
) -> Result<String, Failed> {
    let by_the_build = |(key, wish): (&Key, &RepositoryWish)| (wish.sources == Sources::Mount).then(|| key.to_string());
    let by_the_build: BTreeSet<String> = loaded.wishes.repositories.iter().filter_map(by_the_build).collect();
    let wanted = wanted(loaded, lock).into_iter().filter(|one| !by_the_build.contains(&one.name)).collect();
    bring(session, loaded, lock, store, network, wanted)
}

fn bring(
    session: &Session,
    loaded: &Loaded,
    lock: &Lock,
    store: &Store,
    network: &Network,
    wanted: Vec<Wanted>,
) -> Result<String, Failed> {
    let others = others(loaded, lock);
    let trees: BTreeSet<String> = wanted.iter().map(tree_id).chain(others.iter().map(WantedOther::tree_id)).collect();
    let present = trees.iter().filter(|tree| store.has_tree(tree)).count();
    let fetched = if present == trees.len() {
        trees.iter().filter_map(|tree| store.exported(tree)).collect()
    } else {
        let remotes = session.remotes(network)?;
        let watch = Watch::new(session, "fetching");
        let done = fetch(&wanted, store, &remotes, &watch, session.interrupted());
        watch.finish();
        let watch = Watch::new(session, "fetching");
        let others_done = fetch_others(&others, store, &remotes, &watch, session.interrupted());
        watch.finish();
        session.stop_if_interrupted()?;
        both(done, others_done).map_err(|failures| unfetched(loaded, &failures))?
    };
    session.warn_all(submodules::idle_excludes(loaded, &with_wishes(loaded, lock, &fetched)))?;
    let counted = counted(&trees);
    Ok(if present == trees.len() {
        format!("{counted}, all in the store")
    } else {
        format!("{counted}, {present} in the store, {} fetched", trees.len() - present)
    })
}

fn tree_id(wanted: &Wanted) -> String {
    crate::digest::checkout_id(&wanted.rev, &wanted.extent)
}

/// Returns the repositories of the project with their trees.
fn with_wishes<'a>(loaded: &'a Loaded, lock: &Lock, trees: &'a [Tree]) -> Vec<(&'a RepositoryWish, &'a Tree)> {
    let one = |(key, wish): (&Key, &'a RepositoryWish)| {
        let Some(Entry::Repo(git)) = lock.get(key) else { return None };
        let id = crate::digest::checkout_id(&git.rev, &wish.extent);
        Some((wish, trees.iter().find(|tree| tree.id == id)?))
    };
    loaded.wishes.repositories.iter().filter_map(one).collect()
}

fn wanted(loaded: &Loaded, lock: &Lock) -> Vec<Wanted> {
    let repositories = loaded.wishes.repositories.iter().map(|(key, wish)| (key, &wish.git, wish.extent.clone()));
    let inputs = loaded.wishes.inputs.iter().map(|(key, wish)| (key, wish, Extent::default()));
    let one = |(key, wish, extent): (&Key, &GitWish, Extent)| match lock.get(key) {
        Some(Entry::Repo(git) | Entry::Input(git)) => Some(Wanted {
            name: key.to_string(),
            url: wish.remote.clone(),
            rev: git.rev.to_string(),
            refs: vec![git.reference.as_ref().map_or_else(|| "HEAD".to_owned(), ToString::to_string)],
            extent,
        }),
        _ => None,
    };
    let extension = |(key, wish): (&Key, &OriginWish)| match lock.get(key) {
        Some(Entry::Ext(entry)) => Some(origins::wanted(key, entry.origin.as_ref()?, &wish.git.remote)),
        _ => None,
    };
    let extensions = loaded.wishes.origins.iter().filter_map(extension);
    repositories.chain(inputs).filter_map(one).chain(extensions).collect()
}

/// Returns the archives, the files of extensions, and the repositories of other systems than git.
fn others(loaded: &Loaded, lock: &Lock) -> Vec<WantedOther> {
    let one = |(key, wish): (&Key, &RepositoryWish)| {
        let content = match lock.get(key)? {
            Entry::Archive(archive) => Content::Archive(Packed {
                format: archive.format,
                sha256: archive.digest.trim_start_matches("sha256:").to_owned(),
                folder: archive.reference.as_ref().map(ToString::to_string),
            }),
            Entry::Revision(revision) => {
                Content::Revision { pin: revision.pin.clone(), locked_url: revision.url.to_string() }
            }
            _ => return None,
        };
        Some(WantedOther { name: key.to_string(), url: wish.git.remote.clone(), content })
    };
    let file = |(key, file): (Key, PinnedFile)| WantedOther {
        name: format!("{key} for {}", file.platform),
        url: file.url,
        content: match file.packing {
            Packing::Archive { format, folder } => Content::Archive(Packed { format, sha256: file.sha256, folder }),
            Packing::File { name, executable } => Content::File(SingleFile { sha256: file.sha256, name, executable }),
        },
    };
    let files = loaded.files(lock).into_iter().map(file);
    loaded.wishes.repositories.iter().filter_map(one).chain(files).collect()
}

/// Returns the trees of both, or the failures of both.
fn both(
    one: Result<Vec<Tree>, Vec<FetchFailure>>,
    other: Result<Vec<Tree>, Vec<FetchFailure>>,
) -> Result<Vec<Tree>, Vec<FetchFailure>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok([one, other].concat()),
        (one, other) => Err(one.err().into_iter().chain(other.err()).flatten().collect()),
    }
}

/// Returns how many commits (of any system), archives and files there are, in words.
fn counted(trees: &BTreeSet<String>) -> String {
    let of = |prefix: &str| trees.iter().filter(|tree| tree.starts_with(prefix)).count();
    let (archives, files) = (of("a-"), of("f-"));
    let commits = trees.len() - archives - files;
    let words = [(commits, "commit", "commits"), (archives, "archive", "archives"), (files, "file", "files")];
    let some = words.into_iter().filter(|(count, ..)| *count > 0 || trees.is_empty());
    let words: Vec<String> = some.map(|(count, one, many)| report::count(count, one, many)).collect();
    match words.as_slice() {
        _ if trees.is_empty() => words[0].clone(),
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        words => words.join(""),
    }
}

/// Returns what is wanted of a repository of the lock.
pub(super) fn wanted_of(pinned: &Pinned<'_>) -> Wanted {
    let git = &pinned.wish.git;
    Wanted {
        name: format!("repo `{}`", pinned.path),
        url: git.remote.clone(),
        rev: pinned.rev.clone(),
        refs: vec![git.version.as_ref().map_or_else(|| "HEAD".to_owned(), ToString::to_string)],
        extent: pinned.wish.extent.clone(),
    }
}

pub(super) fn unfetched(loaded: &Loaded, failures: &[FetchFailure]) -> Failed {
    told(&Asked::of(loaded), failures)
}

/// Returns every failure in words; `asked` knows who asked for what.
pub(super) fn told(asked: &Asked<'_>, failures: &[FetchFailure]) -> Failed {
    use FailureKind::{
        Auth, Changed, HostKey, NoSuchCommit, NotFound, Offline, Protocol, Refused, Timeout, Tls, Unreachable,
    };
    let kinds: BTreeSet<FailureKind> = failures.iter().map(|failure| failure.problem.kind()).collect();
    if kinds == BTreeSet::from([Offline]) {
        let missing = failures.iter().map(|failure| {
            let files = failure.problem.lfs_files().map(|files| format!(": Git LFS files {}", listed(files)));
            format!("{} at {}{}", failure.name, failure.rev, files.unwrap_or_default())
        });
        let message = format!("{} missing from the store, and `--offline` forbids fetching them", are(failures));
        return Failed::one(UNREACHABLE, Diagnostic::error(message).details(missing).hint(hint(Offline)));
    }
    let remote = |kind: &FailureKind| {
        matches!(kind, Auth | HostKey | NotFound | Protocol | Refused | Timeout | Tls | Unreachable | Offline)
    };
    let code = match () {
        () if kinds.contains(&NoSuchCommit) || kinds.contains(&Changed) => INTEGRITY,
        () if kinds.iter().all(remote) => UNREACHABLE,
        () => FAILED,
    };
    let diagnostic = |failure: &FetchFailure| {
        let message = match &failure.problem {
            FetchProblem::Missing => format!("{} at {} is missing from the store", failure.name, failure.rev),
            problem => format!("{} at {}: {problem}", failure.name, failure.rev),
        };
        let hints: Vec<String> = way_on(failure).into_iter().chain(asked.way_out(failure)).collect();
        let url = (!failure.url.is_empty() && !message.contains(&failure.url)).then(|| format!("url: {}", failure.url));
        let also = failure.also.iter().map(|asker| format!("also needed by {}", asker.name));
        let hint = (!hints.is_empty()).then(|| hints.join("; or "));
        let files = failure.problem.lfs_files().map(listed);
        Diagnostic::error(message).details(files.into_iter().chain(url).chain(also)).at(asked.place(failure)).hint(hint)
    };
    Failed::new(code, failures.iter().map(diagnostic).collect())
}

/// Returns what to do about a failure.
fn way_on(failure: &FetchFailure) -> Option<String> {
    match &failure.problem {
        FetchProblem::Gone(_) if failure.submodule.is_some() => Some(hints::of_gone_submodule(failure.key())),
        FetchProblem::Gone(gone) => Some(hints::of_gone(gone, failure.key())),
        problem => hints::of_lfs(problem).or_else(|| hints::of_fetch(problem)),
    }
}

/// Returns the first few of `files` and how large all are, in words.
fn listed(files: &LfsFiles) -> String {
    const FEW: usize = 3;
    let few: Vec<String> = files.paths.iter().take(FEW).map(|path| format!("`{path}`")).collect();
    let more = files.paths.len().saturating_sub(FEW);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}, {}", few.join(", "), HumanBytes(files.bytes))
}

fn hint(kind: FailureKind) -> Option<String> {
    hints::of_failure(kind).map(str::to_owned)
}

fn are(failures: &[FetchFailure]) -> String {
    let archives = failures.iter().filter(|failure| failure.rev.starts_with("sha256:")).count();
    let files = failures.iter().any(|failure| failure.entry.starts_with("fetch "));
    let others = failures.iter().any(|failure| failure.problem.lfs_files().is_some());
    let (one, many) = match failures.len() - archives {
        0 if files => ("file is", "files are"),
        0 => ("archive is", "archives are"),
        _ if archives == 0 && !others => ("commit is", "commits are"),
        _ => ("object is", "objects are"),
    };
    format!("{} pinned {}", failures.len(), if failures.len() == 1 { one } else { many })
}
