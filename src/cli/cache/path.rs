//! `deps cache path`: where things lie in the store.

use std::path::PathBuf;

use clap::Args;
use deps_lock::{Key, Selector};

use crate::cli::diagnostic::Diagnostic;
use crate::cli::outcome::{FAILED, Failed, print};
use crate::cli::session::{Session, store_failed};
use crate::digest;
use crate::store::{Store, Thing, ThingKind};

#[derive(Debug, Args)]
pub(super) struct Place {
    /// A full commit id, the name of a tree or file, or an entry like `core/nav2`; the store itself when none is given.
    #[arg(value_name = "KEY|REV|TREE")]
    thing: Option<String>,
}

pub(super) fn run(session: &Session, options: &Place) -> Result<(), Failed> {
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
    // An archive is a copy of a tree, which is found itself.
    let single = |thing: &&Thing| !matches!(thing.kind, ThingKind::Repository | ThingKind::Archive);
    let exported: Vec<PathBuf> = things.iter().filter(single).filter(named).map(path).collect();
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
    let tree = |key: &Key| {
        let extent = loaded.wishes.repositories.get(key).map(|wish| wish.extent.clone()).unwrap_or_default();
        Some((key.to_string(), digest::entry_id(lock.get(key)?, &extent)?))
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
