//! `deps update`: pins what the refs hold now; only the entries named change, byte for byte.

use clap::Args;
use deps_lock::Selector;

use super::Network;
use super::diagnostic::Diagnostic;
use super::locking;
use super::outcome::{Failed, USAGE};
use super::session::Session;
use crate::resolve::Refresh;
use crate::source::nearest;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Entries to update, like `core/nav2`, `repo:core/nav2` or `image:base`; all when none is named.
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// Say what would change; write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let before = workspace.lock()?;
    let wishes = &loaded.wishes;
    let keys = wishes.images.keys().chain(wishes.repositories.keys()).chain(wishes.inputs.keys());
    let known: Vec<_> = keys.chain(wishes.fetches.keys()).chain(wishes.extensions.keys()).collect();
    let mut selectors = Vec::new();
    let mut problems = Vec::new();
    for word in &options.keys {
        match word.parse::<Selector>() {
            Ok(selector) if known.iter().any(|key| selector.matches(key)) => selectors.push(selector),
            Ok(_) => {
                let near = nearest(word, known.iter().map(|key| key.name.as_ref()))
                    .map(|key| format!("did you mean `{key}`?"));
                problems.push(Diagnostic::error(format!("the project asks for nothing called `{word}`")).hint(near));
            }
            Err(error) => problems.push(Diagnostic::error(format!("`{word}` names no entry of a lock: {error}"))),
        }
    }
    if !problems.is_empty() {
        return Err(Failed::new(USAGE, problems));
    }
    let refresh = if selectors.is_empty() { Refresh::Everything } else { Refresh::Selected(selectors) };
    if options.dry_run {
        let old = before.map(|before| before.lock).unwrap_or_default();
        let resolution = locking::resolve(session, &workspace, &loaded, &old, &refresh, &options.network)?;
        locking::warn(session, &resolution)?;
        locking::tell(session, &old, &resolution, "would write");
        return Ok(());
    }
    locking::write(session, &workspace, &loaded, before.as_ref(), &refresh, &options.network)?;
    Ok(())
}
