//! The two states that are compared, from where they are: git objects, the work tree, or lock files.
//!
//! Decides that a state whose project cannot be planned is compared by its lock alone, and says why.

#![expect(clippy::disallowed_methods, reason = "lock files are read where the user names them")]

use std::collections::BTreeMap;

use deps_lock::Lock;

use crate::cli::diagnostic::Diagnostic;
use crate::cli::outcome::{FAILED, Failed, USAGE};
use crate::cli::session::Session;
use crate::cli::{locking, origins, planning};
use crate::extension::Extension;
use crate::plan::record::Record;
use crate::project::Project;
use crate::report::{ExtensionFacts, Side};
use crate::resolve::Drift;
use crate::source::{Located, Source};
use crate::workspace::{LOCK_FILE, Loaded, LoadedLock, PROJECT_FILE, Trouble, Workspace};

/// What is compared.
pub(super) struct Sides {
    pub(super) base: State,
    pub(super) head: State,
}

/// One state.
#[derive(Default)]
pub(super) struct State {
    pub(super) name: String,
    commit: Option<String>,
    pub(super) lock: Lock,
    texts: BTreeMap<String, String>,
    pub(super) records: Option<Vec<Record>>,
    extensions: Option<BTreeMap<String, ExtensionFacts>>,
    /// The project; none of a lock alone, and where the lock is out of date.
    pub(super) loaded: Option<Loaded>,
    /// What of it cannot be compared.
    pub(super) notes: Vec<String>,
}

/// Where a state is.
enum Place<'a> {
    /// The work tree.
    WorkTree,
    /// A git revision, and what it is called.
    Revision { revision: String, name: String },
    /// A lock file.
    Lock(&'a str),
}

impl Sides {
    /// Reads what `base` and `head` name.
    pub(super) fn of(session: &Session, base: Option<&str>, head: Option<&str>) -> Result<Self, Failed> {
        let (base, head) = match base.filter(|_| head.is_none()).and_then(range) {
            Some((from, to, forked)) => (between(session, from, to, forked)?, Place::named(session, to)),
            None => {
                let base = base.map_or_else(|| fork_point(session), |base| Ok(Place::named(session, base)))?;
                (base, head.map_or(Place::WorkTree, |head| Place::named(session, head)))
            }
        };
        Ok(Self { base: State::read(session, &base)?, head: State::read(session, &head)? })
    }
}

/// Reads `A..B` and `A...B`; a side that is left out is HEAD. The last part says whether it is three dots.
fn range<'a>(text: &'a str) -> Option<(&'a str, &'a str, bool)> {
    let forked = text.contains("...");
    let (from, to) = text.split_once(if forked { "..." } else { ".." })?;
    let named = |side: &'a str| if side.is_empty() { "HEAD" } else { side };
    // The path of a lock file may lead up.
    (!text.ends_with(".lock")).then(|| (named(from), named(to), forked))
}

fn between<'a>(session: &Session, from: &'a str, to: &'a str, forked: bool) -> Result<Place<'a>, Failed> {
    if !forked {
        return Ok(Place::named(session, from));
    }
    let revision = session.workspace()?.merge_base(from, to)?;
    Ok(Place::Revision { revision, name: format!("where {to} left {from}") })
}

fn fork_point(session: &Session) -> Result<Place<'static>, Failed> {
    let point = session.workspace()?.fork_point().map_err(|trouble| {
        let hint = "to compare with another revision, name it: `deps diff HEAD`";
        Failed::one(FAILED, Diagnostic::from(&trouble).hint(Some(hint.to_owned())))
    })?;
    Ok(Place::Revision { revision: point.commit, name: point.upstream })
}

impl<'a> Place<'a> {
    fn named(session: &Session, name: &'a str) -> Self {
        match name.ends_with(".lock") && session.start().join(name).is_file() {
            true => Self::Lock(name),
            false => Self::Revision { revision: name.to_owned(), name: name.to_owned() },
        }
    }
}

impl State {
    /// Returns the state as a review sees it.
    pub(super) fn side(&self) -> Side<'_> {
        Side {
            name: self.name.clone(),
            commit: self.commit.clone(),
            lock: &self.lock,
            texts: self.texts.clone(),
            records: self.records.as_deref(),
            extensions: self.extensions.clone(),
        }
    }

    fn read(session: &Session, place: &Place<'_>) -> Result<Self, Failed> {
        match place {
            Place::WorkTree => Self::of_project("the work tree", None, session.workspace()?),
            Place::Revision { revision, name } => {
                let workspace = session.workspace()?;
                let commit = workspace.commit(revision)?;
                let there = origins::as_locked(workspace.at_revision(&commit)?, || session.store())?;
                Self::of_project(name, Some(commit), there)
            }
            Place::Lock(name) => Self::of_file(session, name),
        }
    }

    fn of_file(session: &Session, name: &str) -> Result<Self, Failed> {
        let wrong = |message: String| Failed::one(USAGE, Diagnostic::error(message));
        let text = std::fs::read_to_string(session.start().join(name));
        let text = text.map_err(|error| wrong(format!("cannot read `{name}`: {error}")))?;
        let source = Source::new(name, text.as_str());
        let lock = Lock::parse(&text).map_err(|errors| {
            let located = |error: deps_lock::ParseError| Trouble::Lock(Located::new(&source, error.span, error.kind));
            Failed::from(errors.into_iter().map(located).collect::<Vec<_>>())
        })?;
        let texts = [(LOCK_FILE.to_owned(), text)].into();
        Ok(Self { name: name.to_owned(), lock, texts, ..Self::default() })
    }

    fn of_project(name: &str, commit: Option<String>, there: Workspace) -> Result<Self, Failed> {
        let mut state = Self { name: name.to_owned(), commit, ..Self::default() };
        let locked = there.lock()?;
        if let Ok(file) = there.project_file() {
            state.texts.insert(PROJECT_FILE.to_owned(), file.text().to_owned());
        } else {
            state.notes.push(format!("there is no {PROJECT_FILE} in {name}: everything is new"));
        }
        match &locked {
            Some(LoadedLock { text, lock }) => {
                state.texts.insert(LOCK_FILE.to_owned(), text.clone());
                state.lock = lock.clone();
            }
            None if state.notes.is_empty() => state.notes.push(format!("there is no {LOCK_FILE} in {name}")),
            None => {}
        }
        if state.notes.is_empty()
            && let Err(why) = state.plan(&there, locked.as_ref())
        {
            state.notes.push(format!("stages are not compared: in {name}, {why}"));
        }
        Ok(state)
    }

    /// Reads and plans the project.
    fn plan(&mut self, there: &Workspace, locked: Option<&LoadedLock>) -> Result<(), String> {
        let loaded = there.load().map_err(|troubles| first(&troubles))?;
        self.extensions = Some(facts(&loaded.project, &loaded.extensions));
        let drift = locking::drift(&loaded, locked).unwrap_or_default();
        if drift.iter().any(|one| !matches!(one, Drift::NotCanonical)) {
            return Err(format!("{LOCK_FILE} is out of date"));
        }
        let loaded = self.loaded.insert(loaded);
        self.records = Some(records(loaded, &self.lock)?);
        Ok(())
    }
}

fn records(loaded: &Loaded, lock: &Lock) -> Result<Vec<Record>, String> {
    let plans = planning::plans(loaded, lock).map_err(|_| "the project cannot be planned".to_owned())?;
    Ok(loaded.records(lock, &plans))
}

fn first(troubles: &[Trouble]) -> String {
    troubles.first().map_or_else(String::new, ToString::to_string)
}

fn facts(project: &Project, extensions: &[Extension]) -> BTreeMap<String, ExtensionFacts> {
    let one = |extension: &Extension| {
        let set = project.extensions.get(&extension.name).map(|wish| &wish.with);
        let options = extension.options().map(|option| {
            let given = set.and_then(|set| set.iter().find(|(key, _)| key.value == option.name));
            (option.name.to_owned(), given.map_or(option.default, |(_, value)| &value.value).to_string())
        });
        let facts = ExtensionFacts {
            version: extension.version.to_string(),
            digest: extension.digest(),
            options: options.collect(),
            files: extension.file_digests(),
        };
        (extension.name.clone(), facts)
    };
    extensions.iter().map(one).collect()
}
