//! `deps pin-from`: the lock from the checkouts of an existing workspace. No network.

use std::path::PathBuf;

use clap::Args;
use deps_lock::{Entry, Key, Lock};

use super::diagnostic::Diagnostic;
use super::import::failed;
use super::locking;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::checkout::{self, Head};
use crate::manifest::Kind;
use crate::resolve::{self, RepositoryWish};
use crate::store;

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
        let path = key.name.replacen(':', "/", 1);
        // Of other kinds there are no checkouts that say where they come from.
        let head = match wish.kind {
            Kind::Git => checkout::head(&folder.join(&path)).map_err(failed)?,
            _ => None,
        };
        let problem = match head {
            Some(head) => pin(&mut lock, key, wish, &head, options.allow_unpushed),
            None => {
                missing.push(format!("`{path}`"));
                None
            }
        };
        problems.extend(problem.map(|problem| {
            Diagnostic::error(format!("`{path}` {problem}")).at(Some(&wish.git.place)).hint(hint(&problem))
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

/// Puts `head` into the lock as the pin of `key`; returns why not.
fn pin(lock: &mut Lock, key: &Key, wish: &RepositoryWish, head: &Head, unpushed: bool) -> Option<String> {
    let url = head.url.as_deref().unwrap_or_default();
    if !store::is_same_repository(url, &wish.git.remote) && !store::is_same_repository(url, &wish.git.url) {
        return Some(format!("is a checkout of `{}`, and the manifest asks for `{}`", shown(url), wish.git.url));
    }
    if !head.pushed && !unpushed {
        return Some(format!("is at `{}`, which no remote is known to have", head.rev));
    }
    let before = match lock.get(key) {
        Some(Entry::Repo(git)) => Some(git),
        _ => None,
    };
    match resolve::adopt(&wish.git, &head.rev, &head.tags, before) {
        Ok(git) => {
            lock.insert(key.name.clone(), Entry::Repo(git));
            None
        }
        Err(problem) => Some(problem.to_string()),
    }
}

fn shown(url: &str) -> String {
    if url.is_empty() { "nothing".to_owned() } else { crate::remote::redacted(url) }
}

fn hint(problem: &str) -> Option<String> {
    let pushed = problem.ends_with("which no remote is known to have");
    pushed.then(|| "push it, or pin it for this machine alone with `--allow-unpushed`".to_owned())
}
