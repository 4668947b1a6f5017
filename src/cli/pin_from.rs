//! `deps pin-from`: the lock from the checkouts of an existing workspace. No network.

use std::path::{Path, PathBuf};

use clap::Args;
use deps_lock::{Entry, Key, Lock};

use super::checkouts::{Known, failed, known, place};
use super::diagnostic::Diagnostic;
use super::locking;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::checkout::{self, CheckoutError, Head};
use crate::manifest::Kind;
use crate::remote::fetch::Version;
use crate::resolve::{self, RepositoryWish};
use crate::store::{self, Named};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The folder of the checkouts, which stand at the manifests' paths.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Pin commits that no remote is known to have, too: nobody else can fetch them.
    #[arg(long)]
    allow_unpushed: bool,
    /// Say what would change; write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let before = workspace.lock()?;
    let old = before.as_ref().map(|before| before.lock.clone()).unwrap_or_default();
    let folder = session.start().join(&options.folder);
    let (mut lock, mut problems, mut missing) = (old.clone(), Vec::new(), Vec::new());
    for (key, wish) in &loaded.wishes.repositories {
        let path = place(&key.name);
        // Of other kinds there are no checkouts that say where they come from.
        let head = match wish.kind {
            Kind::Git => checkout::head(&folder.join(&path)).map_err(failed)?,
            _ => None,
        };
        let problem = match head {
            Some(head) => {
                let fits = reads_the_same(&folder.join(&path), wish, &head).map_err(failed)?;
                pin(&mut lock, key, wish, &head, fits, options.allow_unpushed)
            }
            None => {
                missing.push(format!("`{path}`"));
                None
            }
        };
        problems.extend(problem.map(|problem| {
            Diagnostic::error(format!("`{path}` {problem}")).at(Some(&wish.git.place)).hint(problem.hint())
        }));
    }
    if !problems.is_empty() {
        return Err(Failed::new(FAILED, problems));
    }
    if !missing.is_empty() {
        let message = format!("no checkout in `{}`: {}", options.folder.display(), missing.join(", "));
        let hint = "what the lock had of them stays; `deps lock` pins what it lacks";
        session.warn_all(vec![Diagnostic::warning(message).hint(Some(hint.to_owned()))])?;
    }
    let resolution = resolve::changes(&old, lock);
    if options.dry_run {
        locking::tell(session, &old, &resolution, "would write");
        return Ok(());
    }
    let written = workspace.replace_lock(before.as_ref(), &resolution.lock)?;
    locking::tell(session, &old, &resolution, if written { "wrote" } else { "kept" });
    Ok(())
}

/// Why a checkout is no pin: the rest of a sentence that starts with it.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// Another repository.
    #[error("is a checkout of `{url}`, and the manifest asks for `{wished}`")]
    OtherRepository { url: String, wished: String },
    /// A commit that nobody else can fetch.
    #[error("is at `{rev}`, which no remote is known to have")]
    Unpushed { rev: String },
    /// A commit of another branch or tag, as far as the checkout knows.
    #[error("is {}at `{rev}`, and the manifest asks for `{wished}`", on(.branch.as_deref()))]
    OtherVersion { branch: Option<String>, rev: String, wished: String },
    /// A commit that the manifest cannot mean.
    #[error(transparent)]
    Adopt(#[from] resolve::AdoptProblem),
}

impl Problem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unpushed { .. } => {
                Some("push it, or pin it for this machine alone with `--allow-unpushed`".to_owned())
            }
            Self::OtherVersion { branch, rev, wished } => {
                let version = branch.as_ref().unwrap_or(rev);
                Some(format!("write `version: {version}` in the manifest, or `git switch {wished}` in the checkout"))
            }
            Self::OtherRepository { .. } | Self::Adopt(_) => None,
        }
    }
}

fn on(branch: Option<&str>) -> String {
    branch.map_or_else(String::new, |branch| format!("on `{branch}` "))
}

/// Whether the commit is one that the manifest's version may lead to, as far as the checkout has seen its remote.
fn reads_the_same(folder: &Path, wish: &RepositoryWish, head: &Head) -> Result<bool, CheckoutError> {
    let is_of = |branch: &str| checkout::is_of_branch(folder, head, branch);
    match known(&wish.git.wish, &head.rev, None) {
        Known::Surely(Named::Branch(branch)) => is_of(&branch),
        Known::Open(Version::Tag(tag)) => Ok(head.tags.contains(&tag)),
        Known::Open(Version::Name(name)) => Ok(head.tags.contains(&name) || is_of(&name)?),
        Known::Open(Version::Head) => match checkout::named(folder, &wish.git.remote, None) {
            Some(Named::Default(branch)) => is_of(&branch),
            _ => Ok(true),
        },
        // Commits and requirements are looked at when they are adopted.
        Known::Surely(_) => Ok(true),
    }
}

/// Puts `head` into the lock as the pin of `key`; returns why not.
fn pin(lock: &mut Lock, key: &Key, wish: &RepositoryWish, head: &Head, fits: bool, unpushed: bool) -> Option<Problem> {
    let url = head.url.as_deref().unwrap_or_default();
    if !store::is_same_repository(url, &wish.git.remote) && !store::is_same_repository(url, &wish.git.url) {
        return Some(Problem::OtherRepository { url: shown(url), wished: wish.git.url.to_string() });
    }
    if !head.pushed && !unpushed {
        return Some(Problem::Unpushed { rev: head.rev.clone() });
    }
    let before = match lock.get(key) {
        Some(Entry::Repo(git)) => Some(git),
        _ => None,
    };
    // What was pinned for this very version is one of its commits.
    let is_pinned = before.is_some_and(|git| *git.rev == *head.rev && git.reference == wish.git.version);
    if !fits && !is_pinned {
        let wished = wish.git.version.as_ref().map_or_else(|| "HEAD".to_owned(), ToString::to_string);
        return Some(Problem::OtherVersion { branch: head.branch.clone(), rev: head.rev.clone(), wished });
    }
    match resolve::adopt(&wish.git, &head.rev, &head.tags, before) {
        Ok(git) => {
            lock.insert(key.name.clone(), Entry::Repo(git));
            None
        }
        Err(problem) => Some(problem.into()),
    }
}

fn shown(url: &str) -> String {
    if url.is_empty() { "nothing".to_owned() } else { crate::remote::redacted(url) }
}
