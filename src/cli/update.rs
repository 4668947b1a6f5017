//! `deps update`: pins what the refs hold now; only the entries named change, byte for byte. `--commit` commits the lock.

use clap::Args;
use deps_lock::{Lock, Selector};

use super::Network;
use super::diagnostic::{Diagnostic, visible};
use super::hints;
use super::locking;
use super::origins;
use super::outcome::{FAILED, Failed, USAGE, print};
use super::session::Session;
use crate::clone::{CommitError, LockCommit};
use crate::manifest::{Kind, version::Step};
use crate::report;
use crate::resolve::{self, Date, Drift, Refresh, Wishes};
use crate::source::nearest;
use crate::workspace::{Loaded, LoadedLock, Workspace};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Entries to update, like `core/nav2`, `repo:core/nav2` or `image:base`; all when none is named.
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// Pin exactly this: a commit of the branch, a tag that meets the requirement, or the digest of an image. May be
    /// given more than once.
    #[arg(long, value_name = "KEY=REV", conflicts_with_all = ["keys", "step", "as_of"])]
    precise: Vec<String>,
    /// Move tags that were chosen for a requirement within the same major and minor version only.
    #[arg(long, group = "step")]
    patch: bool,
    /// Move tags that were chosen for a requirement within the same major version only.
    #[arg(long, group = "step")]
    minor: bool,
    /// Move tags that were chosen for a requirement as far as it allows, and nothing else.
    #[arg(long, group = "step")]
    major: bool,
    /// Pin what git repositories had at a date, as `deps lock --as-of` does.
    #[arg(long, value_name = "DATE", value_parser = super::date::read, conflicts_with = "step")]
    as_of: Option<Date>,
    /// Say what would change; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Commit `deps.lock`, and nothing else, with a message that tells the changes. Refuses where the lock has uncommitted changes,
    /// where it would not be the lock of the manifests as they are committed, or where a merge is in progress. Author and date are
    /// git's; no hook is run, nothing is signed.
    #[arg(long, conflicts_with = "dry_run")]
    commit: bool,
    /// Print what moved as JSON (`deps schema update`).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    network: Network,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let chosen = chosen(&options.precise)?;
    let precise: Vec<String> = chosen.iter().map(|(key, _)| (*key).to_owned()).collect();
    let (selectors, malformed) = selectors(if precise.is_empty() { &options.keys } else { &precise });
    if !malformed.is_empty() {
        let loaded = session.load(&session.workspace()?)?;
        return Err(Failed::new(USAGE, unknown(&loaded.wishes, &selectors).into_iter().chain(malformed).collect()));
    }
    let commit = options.commit.then(|| prepare(session)).transpose()?;
    let refresh = refresh(options, &selectors, &chosen);
    let (workspace, loaded) = origins::ready(session, &refresh, false, &options.network)?;
    let mut unknown = unknown(&loaded.wishes, &selectors);
    if !chosen.is_empty() {
        unknown.extend(unchoosable(&loaded.wishes, &selectors));
    }
    if !unknown.is_empty() {
        return Err(Failed::new(USAGE, unknown));
    }
    settle(session, options, (&workspace, &loaded), &refresh, commit.as_ref())
}

/// Writes the lock, or only says what would change; commits it, and prints what moved.
fn settle(
    session: &Session,
    options: &Options,
    (workspace, loaded): (&Workspace, &Loaded),
    refresh: &Refresh,
    commit: Option<&LockCommit>,
) -> Result<(), Failed> {
    let before = workspace.lock()?;
    let old = before.as_ref().map(|before| before.lock.clone()).unwrap_or_default();
    let resolution = locking::resolve(session, workspace, loaded, &old, refresh, &options.network)?;
    locking::warn(session, &resolution)?;
    let changes = before.as_ref().is_none_or(|before| before.text != resolution.lock.to_string());
    if let Some(commit) = commit.filter(|_| changes) {
        check_beside(session, commit, workspace, loaded, &resolution.lock)?;
    }
    let written = !options.dry_run && workspace.replace_lock(before.as_ref(), &resolution.lock)?;
    let verb = if options.dry_run {
        "would write"
    } else if written {
        "wrote"
    } else {
        "kept"
    };
    locking::tell(session, &old, &resolution, verb);
    let message = written.then(|| report::update_message(&old, &resolution.lock));
    let commit = commit.map(|commit| make(session, commit, message.as_deref())).transpose()?.flatten();
    if options.json {
        print(&report::json(&report::update_report(&old, &resolution, written, commit)))?;
    }
    Ok(())
}

/// Looks, before anybody is asked, whether the lock could be committed.
fn prepare(session: &Session) -> Result<LockCommit, Failed> {
    let commit = LockCommit::prepare(Workspace::find(session.start())?.root()).map_err(|error| uncommitted(&error))?;
    if commit.should_be_signed() {
        let warning = Diagnostic::warning("the commit will not be signed, although `commit.gpgSign` asks for it");
        let hint = "to sign it afterwards, run `git commit --amend --no-edit --gpg-sign`";
        session.warn_all(vec![warning.hint(Some(hint.to_owned()))])?;
    }
    Ok(commit)
}

/// Looks, before anything is written, whether `lock` would be in sync with the project as the last commit has it: else
/// `deps lock --check` fails in every clone of the commit.
fn check_beside(
    session: &Session,
    commit: &LockCommit,
    workspace: &Workspace,
    loaded: &Loaded,
    lock: &Lock,
) -> Result<(), Failed> {
    let changed = || {
        commit
            .uncommitted(loaded.sources())
            .into_iter()
            .map(|file| format!("`{file}` has changes that are not committed"))
    };
    let why: Vec<String> = match committed_drift(session, workspace, lock)? {
        Some(drift) if drift.is_empty() => return Ok(()),
        Some(drift) if changed().next().is_none() => drift.iter().map(ToString::to_string).collect(),
        _ => changed().collect(),
    };
    // What cannot be read of the commit although all of it is there, as in a submodule, is no reason.
    if why.is_empty() { Ok(()) } else { Err(uncommitted(&CommitError::OtherProject { why })) }
}

/// Returns how `lock` differs from the project as the last commit has it; none where that cannot be read.
fn committed_drift(session: &Session, workspace: &Workspace, lock: &Lock) -> Result<Option<Vec<Drift>>, Failed> {
    let Ok(there) = workspace.at_revision("HEAD") else { return Ok(None) };
    let lock = LoadedLock { text: lock.to_string(), lock: lock.clone() };
    let there = origins::as_locked(there.looking_around().with_merged(lock.clone()), || session.store())?;
    Ok(there.load().ok().map(|loaded| resolve::drift(&loaded.wishes, &lock.lock, &lock.text)))
}

/// Commits the lock and returns the commit's id; without a `message` there is nothing to commit.
fn make(session: &Session, commit: &LockCommit, message: Option<&str>) -> Result<Option<String>, Failed> {
    let Some(message) = message else {
        session.tell("nothing to commit\n");
        return Ok(None);
    };
    let committed = commit.make(message).map_err(|error| uncommitted(&error))?;
    let branch = committed.branch.map_or_else(String::new, |branch| format!(" to {}", visible(&branch)));
    let subject = message.lines().next().unwrap_or_default();
    session.tell(&format!("committed{branch}: {subject}\n"));
    Ok(Some(committed.id))
}

fn uncommitted(error: &CommitError) -> Failed {
    let details = if let CommitError::OtherProject { why } = error { why.clone() } else { Vec::new() };
    Failed::one(FAILED, Diagnostic::error(error.to_string()).details(details).hint(hints::of_commit(error)))
}

/// Splits what `--precise` was given: keys, and what is chosen for them.
fn chosen(words: &[String]) -> Result<Vec<(&str, &str)>, Failed> {
    let split =
        |word: &'_ String| word.rsplit_once('=').filter(|(key, rev)| !key.is_empty() && !rev.is_empty()).is_none();
    let wrong: Vec<Diagnostic> = words
        .iter()
        .filter(|word| split(word))
        .map(|word| Diagnostic::error(format!("`--precise {word}` is not of the form `KEY=REV`")))
        .collect();
    match wrong.is_empty() {
        true => Ok(words.iter().filter_map(|word| word.rsplit_once('=')).collect()),
        false => Err(Failed::new(USAGE, wrong)),
    }
}

fn refresh(options: &Options, selectors: &[Selector], chosen: &[(&str, &str)]) -> Refresh {
    let named = (!selectors.is_empty()).then(|| selectors.to_vec());
    let step = match () {
        () if options.patch => Some(Step::Patch),
        () if options.minor => Some(Step::Minor),
        () if options.major => Some(Step::Major),
        () => None,
    };
    match (step, &options.as_of, named) {
        (Some(step), _, named) => Refresh::Within(step, named),
        (None, Some(date), named) => Refresh::AsOf(date.clone(), named),
        (None, None, Some(named)) if chosen.is_empty() => Refresh::Selected(named),
        (None, None, Some(named)) => {
            Refresh::Precise(named.into_iter().zip(chosen).map(|(key, (_, rev))| (key, (*rev).to_owned())).collect())
        }
        (None, None, None) => Refresh::Everything,
    }
}

/// Returns a problem for each selector of something that is pinned by its content alone.
fn unchoosable(wishes: &Wishes, selectors: &[Selector]) -> Vec<Diagnostic> {
    let others = wishes.repositories.iter().filter(|(_, wish)| wish.kind != Kind::Git).map(|(key, _)| key);
    let built_in = wishes.extensions.keys().filter(|key| !wishes.origins.contains_key(key));
    let others: Vec<_> = others.chain(wishes.fetches.keys()).chain(built_in).collect();
    let wrong = selectors.iter().filter(|selector| others.iter().any(|key| selector.matches(key)));
    let problem = |selector: &Selector| {
        Diagnostic::error(format!("`--precise` chooses commits, tags and images, and `{selector}` has none"))
            .hint(Some("change its version or url, then run `deps lock`".to_owned()))
    };
    wrong.map(problem).collect()
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
