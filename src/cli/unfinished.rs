//! The answers of a run that failed at some remotes, kept so that the next run asks only the rest.
//!
//! Decides for how long, and which answers: those of the same project and the same question to the lock, without those
//! that a problem came of. Leaves out where they lie (`store/`).

use std::time::Duration;

use super::session::Session;
use crate::resolve::{Answer, Answers, PinProblem, PinProblemKind, Question, Refresh, Wishes};
use crate::store::Store;
use crate::workspace::Workspace;

/// How long an answer counts: long enough to run the command again, not long enough to have forgotten the first time.
const COUNTS: Duration = Duration::from_secs(600);

/// What a run may take over from one that failed shortly before.
pub(super) struct Unfinished {
    store: Store,
    name: String,
    /// What was there at the start.
    pub(super) answers: Answers,
}

impl Unfinished {
    /// Reads what the last run left; none when the store cannot be used, which `fetch` and `build` will say.
    pub(super) fn read(session: &Session, workspace: &Workspace, refresh: &Refresh) -> Option<Self> {
        let store = session.store().ok()?;
        let name = format!("{}\0{refresh:?}", workspace.root().display());
        let name = blake3::hash(name.as_bytes()).to_hex()[..32].to_owned();
        let kept = store.kept(&name, COUNTS).unwrap_or_default();
        // What an older version has written is as good as nothing.
        let kept: Vec<(Question, Answer)> = serde_json::from_slice(&kept).unwrap_or_default();
        let answers = kept.into_iter().map(|(question, answer)| (question, Ok(answer))).collect();
        Some(Self { store, name, answers })
    }

    /// Leaves what `answers` hold for the next run; says when that is not possible.
    pub(super) fn keep(&self, session: &Session, answers: &Answers) {
        let good: Vec<(&Question, &Answer)> =
            answers.iter().filter_map(|(question, answer)| Some((question, answer.as_ref().ok()?))).collect();
        let kept = match good.is_empty() {
            true => self.store.forget(&self.name),
            false => self.store.keep(&self.name, &serde_json::to_vec(&good).expect("answers are JSON")),
        };
        self.tell(session, kept);
    }

    /// Takes away what the last run left.
    pub(super) fn forget(&self, session: &Session) {
        if !self.answers.is_empty() {
            self.tell(session, self.store.forget(&self.name));
        }
    }

    fn tell(&self, session: &Session, done: Result<(), crate::store::StoreError>) {
        if let Err(error) = done {
            session.tell(&format!("note: the next run asks every remote again: {error}\n"));
        }
    }
}

/// Returns `answers` without those that one of `problems` came of: they may be other ones next time.
pub(super) fn without_troubled(mut answers: Answers, problems: &[PinProblem], wishes: &Wishes) -> Answers {
    for problem in problems.iter().filter(|problem| !matches!(problem.kind, PinProblemKind::Remote(_))) {
        let wish = wishes.repositories.get(&problem.key).map(|wish| &wish.git).or(wishes.inputs.get(&problem.key));
        let wish = wish.or_else(|| wishes.fetches.get(&problem.key)?.git.as_ref());
        if let Some(wish) = wish {
            answers.remove(&Question::Refs { url: wish.remote.clone() });
        }
    }
    answers
}
