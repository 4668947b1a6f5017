//! Which refs of a repository lead to a commit.
//!
//! Decides what counts: branches and tags; where none of them does, pull requests and their like (`refs/pull`,
//! `refs/merge-requests`, `refs/changes`); where none of these does either, whether the server hands the commit out all
//! the same. All questions about one repository share one fetch. Leaves out what follows (`resolve/verify/`).

use git2::{Oid, Repository};

use super::history::{Ancestry, BRANCHES_AND_TAGS, History};
use super::transport::{Call, Depth};
use crate::resolve::{Failure, Holders};

/// What servers keep of pull requests, and where it lies in a temporary repository. What they make of merging one is left out:
/// it is another commit each day.
const REQUESTS: [&str; 3] = [
    "+refs/pull/*/head:refs/deps/pull/*/head",
    "+refs/merge-requests/*/head:refs/deps/merge-requests/*/head",
    "+refs/changes/*:refs/deps/changes/*",
];

/// A commit that is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) rev: &'a str,
    /// The ref that is expected to lead to it, and where that is.
    pub(crate) expected: Option<&'a (String, String)>,
}

/// Returns who holds each of `asked`, in their order.
pub(crate) fn holders(call: &Call<'_>, asked: &[Asked<'_>]) -> Vec<Result<Holders, Failure>> {
    let wants_head = asked.iter().any(|one| one.expected.is_some_and(|(name, _)| name == "HEAD"));
    let mut search = Search { call, wants_head, history: None, has_requests: false };
    asked.iter().map(|one| known_here(call, *one).map_or_else(|| search.holders(*one), Ok)).collect()
}

/// What the store shows by itself: that the expected ref leads there. A cut history cannot show that it does not.
fn known_here(call: &Call<'_>, asked: Asked<'_>) -> Option<Holders> {
    let (name, tip) = asked.expected?;
    let store = call.remotes.settings().store.as_ref()?;
    let repository = Repository::open_bare(store.repository(call.url).path()).ok()?;
    let (rev, tip) = (Oid::from_str(asked.rev).ok()?, Oid::from_str(tip).ok()?);
    let leads = Ancestry::read(&repository, [tip]).leading_to(rev).contains(&tip);
    leads.then(|| Holders { refs: vec![name.clone()], is_served: true })
}

struct Search<'a> {
    call: &'a Call<'a>,
    /// Whether somebody expects something of a `HEAD` that is no branch.
    wants_head: bool,
    history: Option<History>,
    has_requests: bool,
}

impl Search<'_> {
    fn holders(&mut self, asked: Asked<'_>) -> Result<Holders, Failure> {
        let refs = self.among_clones(asked)?;
        let refs = if refs.is_empty() { self.among_requests(asked)? } else { refs };
        let call = self.call;
        let is_served = !refs.is_empty() || self.history().serves(call, asked.rev)?;
        Ok(Holders { refs, is_served })
    }

    /// Returns the branches and tags that lead there; the expected ref alone, where that does.
    fn among_clones(&mut self, asked: Asked<'_>) -> Result<Vec<String>, Failure> {
        if self.history.is_none() {
            let head = self.wants_head.then_some("+HEAD:refs/head/HEAD");
            let mut history = History::new(self.call)?;
            history.take(
                self.call,
                BRANCHES_AND_TAGS.into_iter().chain(head).map(str::to_owned).collect(),
                Depth::Commits,
            )?;
            self.history = Some(history);
        }
        let mut refs = self.leading("refs/heads/", asked);
        refs.extend(self.leading("refs/tags/", asked));
        let expects = |name: &String| match name.as_str() {
            "HEAD" => !self.leading("refs/head/", asked).is_empty(),
            _ => refs.contains(name),
        };
        Ok(match asked.expected {
            Some((name, _)) if expects(name) => vec![name.clone()],
            _ => refs,
        })
    }

    fn among_requests(&mut self, asked: Asked<'_>) -> Result<Vec<String>, Failure> {
        if !self.has_requests {
            self.take(REQUESTS.map(str::to_owned).to_vec())?;
            self.has_requests = true;
        }
        let refs = self.leading("refs/deps/", asked);
        Ok(refs.into_iter().map(|name| name.replacen("refs/deps/", "refs/", 1)).collect())
    }

    fn take(&mut self, refspecs: Vec<String>) -> Result<(), Failure> {
        let call = self.call;
        self.history().take(call, refspecs, Depth::Commits)
    }

    fn history(&mut self) -> &mut History {
        self.history.as_mut().expect("branches and tags come first")
    }

    /// Returns the refs below `prefix` that lead to the commit, by name.
    fn leading(&self, prefix: &str, asked: Asked<'_>) -> Vec<String> {
        let (Some(history), Ok(rev)) = (&self.history, Oid::from_str(asked.rev)) else { return Vec::new() };
        let tips = history.tips(prefix);
        let leading = Ancestry::read(history.repository(), tips.values().copied()).leading_to(rev);
        tips.into_iter().filter(|(_, tip)| leading.contains(tip)).map(|(name, _)| name).collect()
    }
}
