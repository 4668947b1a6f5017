//! What `lock`, `update`, `fetch`, `plan` and `build` share: getting from a project to a lock that is in sync.

use deps_lock::{Entry, Key, Lock};

use super::Network;
use super::diagnostic::Diagnostic;
use super::hints;
use super::outcome::{DRIFT, FAILED, Failed, INTEGRITY, UNREACHABLE};
use super::paint;
use super::progress::Watch;
use super::session::Session;
use super::unfinished::{self, Unfinished};
use crate::remote;
use crate::report;
use crate::resolve::{
    self, Answers, Date, Drift, FailureKind, MovedTag, PinProblem, PinProblemKind, Question, Refresh, Resolution,
};
use crate::source::Place;
use crate::workspace::{Loaded, LoadedLock, Workspace};

/// Asks what must be asked and returns the next lock. What was answered before a failure is not asked again by the next
/// run.
pub(super) fn resolve(
    session: &Session,
    workspace: &Workspace,
    loaded: &Loaded,
    before: &Lock,
    refresh: &Refresh,
    network: &Network,
) -> Result<Resolution, Failed> {
    let wishes = &loaded.wishes;
    if resolve::questions(wishes, before, refresh, &Answers::new()).is_empty() {
        return resolve::pin(wishes, before, refresh, &Answers::new()).map_err(|problems| unpinned(&problems));
    }
    let unfinished = Unfinished::read(session, workspace, refresh);
    let mut answers = unfinished.as_ref().map(|unfinished| unfinished.answers.clone()).unwrap_or_default();
    if !answers.is_empty() {
        let remotes = report::count(answers.len(), "remote", "remotes");
        session.tell(&format!("{remotes} answered in the run that failed before; only the rest is asked\n"));
    }
    ask(session, loaded, before, refresh, network, &mut answers)?;
    if let (Err(interrupted), Some(unfinished)) = (session.stop_if_interrupted(), &unfinished) {
        unfinished.keep(session, &answers);
        return Err(interrupted);
    }
    session.stop_if_interrupted()?;
    let pinned = resolve::pin(wishes, before, refresh, &answers);
    match (&pinned, unfinished) {
        (Ok(_), Some(unfinished)) => unfinished.forget(session),
        (Err(problems), Some(unfinished)) => {
            unfinished.keep(session, &unfinished::without_troubled(answers, problems, wishes));
        }
        (_, None) => {}
    }
    pinned.map_err(|problems| unpinned(&problems))
}

/// Asks until there is nothing left to ask, or somebody interrupts.
fn ask(
    session: &Session,
    loaded: &Loaded,
    before: &Lock,
    refresh: &Refresh,
    network: &Network,
    answers: &mut Answers,
) -> Result<(), Failed> {
    loop {
        let questions = resolve::questions(&loaded.wishes, before, refresh, answers);
        if questions.is_empty() || session.stop_if_interrupted().is_err() {
            return Ok(());
        }
        let watch = Watch::new(session, "asking");
        // Whoever pins only git needs no store.
        let downloads = questions.iter().any(|question| {
            matches!(question, Question::Archive { .. } | Question::File { .. } | Question::Holders { .. })
        });
        let store = downloads.then(|| session.store()).transpose()?;
        let remotes = session.remotes_with(network, store)?;
        answers.extend(remote::ask(&questions, &remotes, &watch, session.interrupted()));
        watch.finish();
    }
}

/// Every entry that could not be pinned. Entries that fail for one remote's one reason are told together.
pub(super) fn unpinned(problems: &[PinProblem]) -> Failed {
    let unreachable = |problem: &PinProblem| match &problem.kind {
        PinProblemKind::Remote(failure) => {
            !matches!(failure.kind, FailureKind::Ambiguous | FailureKind::NoSuchCommit | FailureKind::MissingProgram)
        }
        _ => false,
    };
    let changed = |problem: &PinProblem| matches!(problem.kind, PinProblemKind::Content(_));
    let code = match () {
        () if problems.iter().any(changed) => INTEGRITY,
        () if problems.iter().all(unreachable) => UNREACHABLE,
        () => FAILED,
    };
    let diagnostic = |problem: &PinProblem| {
        let message = match &problem.kind {
            PinProblemKind::Git(problem) => problem.to_string(),
            PinProblemKind::Content(other) => other.to_string(),
            kind @ PinProblemKind::AsOf { .. } => kind.to_string(),
            kind => format!("{}: {kind}", problem.key),
        };
        Diagnostic::error(message).at(Some(&problem.place)).hint(hints::of_pin(&problem.kind))
    };
    Failed::new(code, problems.iter().map(diagnostic).collect())
}

/// Returns how the lock differs from the project; none when there is no lock.
pub(super) fn drift(loaded: &Loaded, lock: Option<&LoadedLock>) -> Option<Vec<Drift>> {
    lock.map(|lock| resolve::drift(&loaded.wishes, &lock.lock, &lock.text))
}

/// Returns the lock, which must be in sync; `why` is the rest of the message when it is not.
pub(super) fn in_sync(workspace: &Workspace, loaded: &Loaded, why: &str) -> Result<Lock, Failed> {
    let lock = workspace.lock()?;
    match drift(loaded, lock.as_ref()) {
        Some(drift) if drift.is_empty() => Ok(lock.map(|lock| lock.lock).unwrap_or_default()),
        drift => Err(out_of_date(drift.as_deref(), why)),
    }
}

/// Returns how to say that the lock differs from the project; `drift` is none where there is no lock. Content that is
/// not what the lock says is worse than a lock that is out of date: it is told alone.
pub(super) fn out_of_date(drift: Option<&[Drift]>, why: &str) -> Failed {
    let hint = |words: &str| Some(format!("to {words} it, run `deps lock`"));
    let Some(drift) = drift else {
        let message = format!("there is no `deps.lock`{why}");
        return Failed::one(DRIFT, Diagnostic::error(message).hint(hint("make")));
    };
    let changed = drift.iter().filter_map(|drift| match drift {
        Drift::OtherContent(other) => Some(other),
        _ => None,
    });
    let changed: Vec<Diagnostic> = changed
        .map(|other| Diagnostic::error(other.to_string()).hint(Some(hints::of_other_content(&other.key.name))))
        .collect();
    if !changed.is_empty() {
        return Failed::new(INTEGRITY, changed);
    }
    let message = format!("`deps.lock` is out of date{why}");
    let diagnostic = Diagnostic::error(message).details(drift.iter().map(ToString::to_string));
    Failed::one(DRIFT, diagnostic.hint(hint("update")))
}

/// Returns a lock that is in sync: with `frozen` the one that there is, else one in which what is missing or changed
/// has been pinned, which is said.
pub(super) fn synced(
    session: &Session,
    workspace: &Workspace,
    loaded: &Loaded,
    frozen: bool,
    network: &Network,
) -> Result<Lock, Failed> {
    if frozen {
        return in_sync(workspace, loaded, ", and `--frozen` forbids writing it");
    }
    let before = workspace.lock()?;
    if drift(loaded, before.as_ref()).is_some_and(|drift| drift.is_empty()) {
        return Ok(before.map(|before| before.lock).unwrap_or_default());
    }
    write(session, workspace, loaded, before.as_ref(), &Refresh::Nothing, network)
}

/// Resolves, replaces the lock, and says what changed.
pub(super) fn write(
    session: &Session,
    workspace: &Workspace,
    loaded: &Loaded,
    before: Option<&LoadedLock>,
    refresh: &Refresh,
    network: &Network,
) -> Result<Lock, Failed> {
    let (resolution, _) = replace(session, workspace, loaded, before, refresh, network)?;
    Ok(resolution.lock)
}

/// The same; returns what changed, and whether the file did.
pub(super) fn replace(
    session: &Session,
    workspace: &Workspace,
    loaded: &Loaded,
    before: Option<&LoadedLock>,
    refresh: &Refresh,
    network: &Network,
) -> Result<(Resolution, bool), Failed> {
    let old = before.map(|before| before.lock.clone()).unwrap_or_default();
    let resolution = resolve(session, workspace, loaded, &old, refresh, network)?;
    warn(session, &resolution)?;
    let written = workspace.replace_lock(before, &resolution.lock)?;
    tell(session, &old, &resolution, if written { "wrote" } else { "kept" });
    Ok((resolution, written))
}

/// Says which entries have no history that could be asked for a date.
pub(super) fn tell_undated(session: &Session, date: &Date, before: Option<&LoadedLock>, lock: &Lock) {
    let has_history = |entry: &Entry| matches!(entry, Entry::Ext(_) | Entry::Repo(_) | Entry::Input(_));
    let line = |(key, entry): (&Key, &Entry)| {
        let kept = before.is_some_and(|before| before.lock.get(key) == Some(entry));
        format!("  {key} is {}\n", if kept { "as the lock had it" } else { "as it is today" })
    };
    let lines: String = lock.iter().filter(|(_, entry)| !has_history(entry)).map(line).collect();
    if !lines.is_empty() {
        let hint = "to choose an image of that time, run `deps update --precise image:NAME=sha256:…`";
        session
            .tell(&format!("note: what has no git history has no state as of {}:\n{lines}hint: {hint}\n", date.text));
    }
}

/// Warns of what nobody expects.
pub(super) fn warn(session: &Session, resolution: &Resolution) -> Result<(), Failed> {
    let moved = resolution.moved_tags.iter().map(moved_tag);
    let replaced = resolution.replaced.iter().map(|replaced| rewritten(replaced.to_string(), &replaced.place));
    session.warn_all(moved.chain(replaced).collect())
}

/// Returns the warning of a tag that leads elsewhere than it did.
pub(super) fn moved_tag(moved: &MovedTag) -> Diagnostic {
    rewritten(moved.to_string(), &moved.place)
}

fn rewritten(message: String, place: &Place) -> Diagnostic {
    let hint = "ask its owner: a release that changes under the same name is no release; git keeps the old lock";
    Diagnostic::warning(message).at(Some(place)).hint(Some(hint.to_owned()))
}

/// Says what changed.
pub(super) fn tell(session: &Session, before: &Lock, resolution: &Resolution, verb: &str) {
    let Resolution { lock, added, changed, removed, moved_tags: _, replaced: _ } = resolution;
    let changes = report::lock_changes(before, resolution);
    let lines: String = changes.iter().map(|line| format!("  {}\n", paint::change(line, session.colour()))).collect();
    let entries = if lock.len() == 1 { "entry" } else { "entries" };
    let counts = format!("{} added, {} changed, {} removed", added.len(), changed.len(), removed.len());
    let counts = if changes.is_empty() { "nothing changed".to_owned() } else { counts };
    session.tell(&format!("{lines}{verb} deps.lock: {} {entries}, {counts}\n", lock.len()));
}
