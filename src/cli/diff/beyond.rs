//! What is known beyond the two locks: the commits between two revs, and whether servers still have what is pinned.
//!
//! Decides who is asked: the store always, servers only with `--fetch` and `--online`. A server that says nothing is a note
//! in the review, and a failure once that is printed. Leaves out what follows from the answers (`report/diff/`).

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Change, Entry, Key, Url};

use super::Options;
use super::sides::{Sides, State};
use crate::cli::diagnostic::Diagnostic;
use crate::cli::hints;
use crate::cli::outcome::Failed;
use crate::cli::progress::Watch;
use crate::cli::session::Session;
use crate::cli::verifying;
use crate::remote;
use crate::resolve::{Answer, Divergence, Failure, Finding, FindingKind, Question, Wishes};
use crate::workspace::Loaded;

/// What is known, and why other things are not.
#[derive(Default)]
pub(super) struct Beyond {
    pub(super) known: Known,
    pub(super) failures: Vec<Diagnostic>,
}

/// What a review says beyond the two locks.
#[derive(Default)]
pub(super) struct Known {
    pub(super) histories: BTreeMap<Key, Divergence>,
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
}

/// A git entry that is at another commit of the same repository.
struct Move {
    key: Key,
    url: String,
    from: String,
    to: String,
}

impl Beyond {
    /// Asks whom `options` allow to.
    pub(super) fn of(session: &Session, options: &Options, sides: &Sides) -> Result<Self, Failed> {
        let mut beyond = Self::default();
        let silent = if options.online { beyond.verify(session, options, &sides.head)? } else { BTreeSet::new() };
        let mut moves = moves(sides);
        beyond.look(session, &mut moves);
        moves.retain(|one| !silent.contains(&one.key));
        if (options.fetch || options.online) && !moves.is_empty() {
            beyond.fetch(session, options, &moves)?;
        }
        Ok(beyond)
    }

    /// Asks whether what the lock pins is still there; returns the entries whose remotes do not say.
    fn verify(&mut self, session: &Session, options: &Options, head: &State) -> Result<BTreeSet<Key>, Failed> {
        let Some(loaded) = &head.loaded else {
            let why = "its project is not known, or the lock is out of date";
            self.known.notes.push(format!("nobody was asked about what {} pins: {why}", head.name));
            return Ok(BTreeSet::new());
        };
        let findings = verifying::findings(session, loaded, &head.lock, &options.network)?;
        let (silent, found) = findings.into_iter().partition(|one| matches!(one.kind, FindingKind::Remote(_)));
        self.known.findings = found;
        let silent: Vec<Finding> = silent;
        for finding in &silent {
            self.known.notes.push(format!("whether {} is still there is not known: {}", finding.key, finding.kind));
            self.failures.push(verifying::diagnostic(finding));
        }
        Ok(silent.into_iter().map(|finding| finding.key).collect())
    }

    /// Takes from `moves` those whose history the store has. A store that cannot be opened has none.
    fn look(&mut self, session: &Session, moves: &mut Vec<Move>) {
        if moves.is_empty() || !session.store_root().is_ok_and(|root| root.is_dir()) {
            return;
        }
        let Ok(store) = session.store() else { return };
        moves.retain(|Move { key, url, from, to }| {
            let known = remote::known_divergence(&store, url, from, to);
            let is_open = known.is_none();
            self.known.histories.extend(known.map(|divergence| (key.clone(), divergence)));
            is_open
        });
    }

    /// Asks for histories.
    fn fetch(&mut self, session: &Session, options: &Options, moves: &[Move]) -> Result<(), Failed> {
        let remotes = session.remotes(&options.network)?;
        let watch = Watch::new(session, "asking");
        let questions = moves.iter().map(Move::question).collect();
        let answers = remote::ask(&questions, &remotes, &watch, session.interrupted());
        watch.finish();
        session.stop_if_interrupted()?;
        for one in moves {
            match answers.get(&one.question()) {
                Some(Ok(Answer::Divergence(divergence))) => {
                    self.known.histories.insert(one.key.clone(), divergence.clone());
                }
                Some(Err(failure)) => self.unread(&one.key, failure),
                other => unreachable!("a question about two commits has another answer: {other:?}"),
            }
        }
        Ok(())
    }

    fn unread(&mut self, key: &Key, failure: &Failure) {
        self.known.notes.push(format!("the commits of {key} are not known: {failure}"));
        let hint = hints::of_failure(failure.kind).map(str::to_owned);
        self.failures.push(Diagnostic::error(format!("{key}: {failure}")).hint(hint));
    }
}

impl Move {
    fn question(&self) -> Question {
        Question::Divergence { url: self.url.clone(), from: self.from.clone(), to: self.to.clone() }
    }
}

/// Returns what moved within its repository.
fn moves(sides: &Sides) -> Vec<Move> {
    let diff = sides.base.lock.diff(&sides.head.lock);
    let mut moves = Vec::new();
    for (key, change) in diff.changes() {
        let Change::Changed(changed) = change else { continue };
        if let (Some((from, old)), Some((to, new))) = (pin(changed.before), pin(changed.after))
            && (from != to && old == new)
        {
            let url = remote_of(sides.head.loaded.as_ref(), key, new);
            moves.push(Move { key: key.clone(), url, from: from.to_owned(), to: to.to_owned() });
        }
    }
    moves
}

/// Returns the commit and the url of a git entry.
fn pin(entry: &Entry) -> Option<(&str, &Url)> {
    match entry {
        Entry::Repo(git) | Entry::Input(git) => Some((&git.rev, &git.url)),
        Entry::Ext(extension) => extension.origin.as_ref().map(|origin| (&*origin.rev, &origin.url)),
        _ => None,
    }
}

/// Returns the url to ask: one that is relative to a file is only known to the project.
fn remote_of(loaded: Option<&Loaded>, key: &Key, url: &Url) -> String {
    let wish = loaded.and_then(|Loaded { wishes: Wishes { repositories, inputs, origins, .. }, .. }| {
        let checkout = repositories.get(key).map(|wish| &wish.git);
        checkout.or_else(|| inputs.get(key)).or_else(|| origins.get(key).map(|wish| &wish.git))
    });
    wish.filter(|wish| wish.url == *url).map_or_else(|| url.to_string(), |wish| wish.remote.clone())
}
