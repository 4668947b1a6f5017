//! `deps update`: pins what the refs hold now; only the entries named change, byte for byte.

use clap::Args;
use deps_lock::Selector;

use super::Network;
use super::diagnostic::Diagnostic;
use super::locking;
use super::origins;
use super::outcome::{Failed, USAGE};
use super::session::Session;
use crate::resolve::{Refresh, Wishes};
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
    let (selectors, malformed) = selectors(&options.keys);
    if !malformed.is_empty() {
        let loaded = session.load(&session.workspace()?)?;
        return Err(Failed::new(USAGE, unknown(&loaded.wishes, &selectors).into_iter().chain(malformed).collect()));
    }
    let refresh = if selectors.is_empty() { Refresh::Everything } else { Refresh::Selected(selectors.clone()) };
    let (workspace, loaded) = origins::ready(session, &refresh, false, &options.network)?;
    let unknown = unknown(&loaded.wishes, &selectors);
    if !unknown.is_empty() {
        return Err(Failed::new(USAGE, unknown));
    }
    let before = workspace.lock()?;
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

/// Reads the words of the command; the problems are of those that name no entry of any lock.
fn selectors(words: &[String]) -> (Vec<Selector>, Vec<Diagnostic>) {
    let (mut selectors, mut problems) = (Vec::new(), Vec::new());
    for word in words {
        match word.parse::<Selector>() {
            Ok(selector) => selectors.push(selector),
            Err(error) => problems.push(Diagnostic::error(format!("`{word}` names no entry of a lock: {error}"))),
        }
    }
    (selectors, problems)
}

/// Returns a problem for each selector of something that nobody asks for.
fn unknown(wishes: &Wishes, selectors: &[Selector]) -> Vec<Diagnostic> {
    let keys = wishes.images.keys().chain(wishes.repositories.keys()).chain(wishes.inputs.keys());
    let known: Vec<_> = keys.chain(wishes.fetches.keys()).chain(wishes.extensions.keys()).collect();
    let unknown = selectors.iter().filter(|selector| !known.iter().any(|key| selector.matches(key)));
    let problem = |selector: &Selector| {
        let word = selector.to_string();
        let near =
            nearest(&word, known.iter().map(|key| key.name.as_ref())).map(|key| format!("did you mean `{key}`?"));
        Diagnostic::error(format!("the project asks for nothing called `{word}`")).hint(near)
    };
    unknown.map(problem).collect()
}
