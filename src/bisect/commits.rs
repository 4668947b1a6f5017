//! Which commit to test next: the one that parts what is left best, merges included, as `git bisect` does.
//!
//! Decides by counting: a bad commit leaves those that lead to it, a good one those that do not. Pure.

use std::collections::BTreeMap;

use super::Verdict;
use crate::resolve::CommitLine;

/// What follows from the verdicts on commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one must be tested; so many are left.
    Test(String, usize),
    /// This one is the first bad one.
    Found(CommitLine),
    /// It is one of these, and none of them can be tested; none where the verdicts contradict each other.
    Among(Vec<CommitLine>),
}

/// Returns what to do next. `commits` stand after their parents, and the last one is bad.
pub fn choose(commits: &[CommitLine], verdict: &dyn Fn(&str) -> Option<Verdict>) -> Choice {
    let parents = parents(commits);
    let mut left = vec![true; commits.len()];
    for (at, commit) in commits.iter().enumerate() {
        let keeps_ancestors = match verdict(&commit.id) {
            Some(Verdict::Bad) => true,
            Some(Verdict::Good) => false,
            Some(Verdict::Skip) | None => continue,
        };
        let ancestors = ancestors(&parents, at);
        left.iter_mut().zip(ancestors).for_each(|(left, is_one)| *left &= is_one == keeps_ancestors);
    }
    let open: Vec<usize> = (0..commits.len()).filter(|at| left[*at]).collect();
    if let [only] = open[..] {
        return Choice::Found(commits[only].clone());
    }
    let balance = |at: &usize| {
        let before = ancestors(&parents, *at).iter().zip(&left).filter(|(is_one, left)| **is_one && **left).count();
        before.min(open.len() - before)
    };
    let testable = open.iter().filter(|at| verdict(&commits[**at].id).is_none());
    match testable.max_by_key(|at| (balance(at), std::cmp::Reverse(**at))) {
        Some(at) => Choice::Test(commits[*at].id.clone(), open.len() - 1),
        None => Choice::Among(open.iter().map(|at| commits[*at].clone()).collect()),
    }
}

/// The parents of each commit by their places; those that are not among them are known to be good.
fn parents(commits: &[CommitLine]) -> Vec<Vec<usize>> {
    let places: BTreeMap<&str, usize> =
        commits.iter().enumerate().map(|(at, commit)| (commit.id.as_str(), at)).collect();
    let of = |commit: &CommitLine| commit.parents.iter().filter_map(|id| places.get(id.as_str()).copied()).collect();
    commits.iter().map(of).collect()
}

/// Which commits lead to the one at `at`, itself among them.
fn ancestors(parents: &[Vec<usize>], at: usize) -> Vec<bool> {
    let (mut seen, mut open) = (vec![false; parents.len()], vec![at]);
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(&parents[at]);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1` to `4` in a row, a branch `5`, `6` from `1`, and the merge `7` of `4` and `6`.
    fn merged() -> Vec<CommitLine> {
        let line = |id: &str, parents: &[&str]| CommitLine {
            id: id.to_owned(),
            parents: parents.iter().map(|id| (*id).to_owned()).collect(),
            ..CommitLine::default()
        };
        let lines = [("1", &["0"][..]), ("2", &["1"]), ("3", &["2"]), ("4", &["3"]), ("5", &["1"]), ("6", &["5"])];
        lines.iter().map(|(id, parents)| line(id, parents)).chain([line("7", &["4", "6"])]).collect()
    }

    /// Plays with `first` as the commit that breaks what is made of it.
    fn played(first: &str, skipped: &str) -> Choice {
        let commits = merged();
        let parents = parents(&commits);
        let broken = |id: &str| {
            let at = commits.iter().position(|commit| commit.id == id).unwrap();
            let first = commits.iter().position(|commit| commit.id == first).unwrap();
            ancestors(&parents, at)[first]
        };
        let mut known = BTreeMap::from([("7".to_owned(), Verdict::Bad)]);
        loop {
            match choose(&commits, &|id| known.get(id).copied()) {
                Choice::Test(id, _) => {
                    let verdict = if broken(&id) { Verdict::Bad } else { Verdict::Good };
                    let verdict = if skipped.contains(&id) { Verdict::Skip } else { verdict };
                    assert_eq!(known.insert(id, verdict), None);
                }
                other => return other,
            }
        }
    }

    #[test]
    fn the_first_bad_commit_is_found_on_either_side_of_a_merge_and_in_it() {
        for commit in merged() {
            assert_eq!(played(&commit.id, ""), Choice::Found(commit));
        }
    }

    #[test]
    fn commits_that_cannot_be_tested_are_told_where_they_matter() {
        assert_eq!(played("6", "2"), Choice::Found(merged()[5].clone()));
        let Choice::Among(left) = played("3", "23") else { panic!("it cannot be told apart") };
        assert_eq!(left.iter().map(|commit| commit.id.as_str()).collect::<Vec<_>>(), ["2", "3", "4"]);
    }
}
