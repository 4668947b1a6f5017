//! What to test next, between a lock that is good and one that is bad: first which entry is the culprit, then which of its
//! commits.
//!
//! Decides it from the verdicts alone, so that a run that was interrupted goes on where it was: everything that is known is
//! asked again, and answered from the record. Entries are independent; the culprit is where one more entry of the bad lock
//! makes a good set bad. Leaves out checkouts and history (`checkout/`, `remote/`). `bench.rs` runs tests.

mod bench;
mod commits;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use bench::{Bench, BenchError, State};
pub use commits::{Choice, choose};

use crate::resolve::{Between, CommitLine};

/// What a test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It works.
    Good,
    /// It does not.
    Bad,
    /// That cannot be said of this one.
    Skip,
}

/// A set of checkouts to test.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    /// The entries that are as the bad lock has them; all others are as the good one has them.
    pub from_bad: BTreeSet<String>,
    /// An entry that is at a commit between the two.
    pub at: Option<(String, String)>,
}

/// What is known.
pub type Verdicts = Vec<(Candidate, Verdict)>;

/// An entry that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The entry.
    pub name: String,
    /// Its commits in the good and in the bad lock, where both have it and they differ. An entry that only one of them has is
    /// added or removed as a whole.
    pub commits: Option<(String, String)>,
}

/// What follows from what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This must be tested; about so many tests follow in this phase.
    Test(Candidate, u32),
    /// The history of this entry is needed.
    History(String),
    /// It is over.
    Done(Outcome),
}

/// How it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What should be good is not.
    GoodIsNot,
    /// What should be bad is not.
    BadIsNot,
    /// It is one of these entries; what lies between them cannot be tested.
    Entries(Vec<String>),
    /// It is this entry as a whole: only one of the locks has it, or its histories never meet.
    Entry(Culprit),
    /// It is this commit.
    Commit(Culprit, CommitLine),
    /// It is one of these commits; the others of them cannot be tested.
    Commits(Culprit, Vec<CommitLine>),
    /// The bad side is not made of the good one: where they part, at this commit, it is bad already.
    Lacks(Culprit, String),
    /// It is the first commit since the two part, unless it is bad already at this commit where they do, which cannot be
    /// tested.
    Unless(Culprit, CommitLine, String),
}

/// The entry that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// The entry.
    pub name: String,
    /// Other entries of the bad lock without which it is good; none where it is bad alone.
    pub with: BTreeSet<String>,
}

/// Returns what to do next. `differing` stand in a fixed order; `history` is that of the culprit, once it is known.
pub fn next(differing: &[Differing], verdicts: &Verdicts, history: Option<&Between>) -> Next {
    let known: BTreeMap<&Candidate, Verdict> =
        verdicts.iter().map(|(candidate, verdict)| (candidate, *verdict)).collect();
    let search = Search { differing, known };
    match search.entry() {
        Ok(culprit) => search.commit(culprit, history),
        Err(next) => next,
    }
}

struct Search<'a> {
    differing: &'a [Differing],
    known: BTreeMap<&'a Candidate, Verdict>,
}

impl Search<'_> {
    /// The set with the first `count` entries of the bad lock.
    fn first(&self, count: usize) -> Candidate {
        let names = self.differing[..count].iter().map(|one| one.name.clone());
        Candidate { from_bad: names.collect(), at: None }
    }

    fn verdict(&self, candidate: &Candidate, left: usize) -> Result<Verdict, Next> {
        let steps = usize::BITS - left.leading_zeros();
        self.known.get(candidate).copied().ok_or_else(|| Next::Test(candidate.clone(), steps))
    }

    /// Returns the culprit, or what must be done before it is known.
    fn entry(&self) -> Result<Culprit, Next> {
        let all = self.differing.len();
        if self.verdict(&self.first(0), all)? != Verdict::Good {
            return Err(Next::Done(Outcome::GoodIsNot));
        }
        if all == 0 || self.verdict(&self.first(all), all)? != Verdict::Bad {
            return Err(Next::Done(Outcome::BadIsNot));
        }
        let (mut good, mut bad) = (0, all);
        while bad - good > 1 {
            let Some((count, verdict)) = self.between(good, bad)? else {
                let names = self.differing[good..bad].iter().map(|one| one.name.clone());
                return Err(Next::Done(Outcome::Entries(names.collect())));
            };
            if verdict == Verdict::Good { good = count } else { bad = count }
        }
        let name = self.differing[good].name.clone();
        let alone = Candidate { from_bad: [name.clone()].into(), at: None };
        let with = match self.verdict(&alone, 1)? {
            Verdict::Bad => BTreeSet::new(),
            Verdict::Good | Verdict::Skip => self.first(good).from_bad,
        };
        Ok(Culprit { name, with })
    }

    /// Returns a count between the two that can be tested, with its verdict: the middle one, or one as near to it as can be.
    fn between(&self, good: usize, bad: usize) -> Result<Option<(usize, Verdict)>, Next> {
        let middle = good.midpoint(bad);
        let mut counts: Vec<usize> = (good + 1..bad).collect();
        counts.sort_by_key(|count| (count.abs_diff(middle), *count));
        for count in counts {
            let verdict = self.verdict(&self.first(count), bad - good - 1)?;
            if verdict != Verdict::Skip {
                return Ok(Some((count, verdict)));
            }
        }
        Ok(None)
    }

    fn commit(&self, culprit: Culprit, history: Option<&Between>) -> Next {
        let one = self.differing.iter().find(|one| one.name == culprit.name).expect("the culprit is one of them");
        let Some((good, bad)) = &one.commits else { return Next::Done(Outcome::Entry(culprit)) };
        let Some(history) = history else { return Next::History(culprit.name) };
        let at =
            |rev: &str| Candidate { from_bad: culprit.with.clone(), at: Some((culprit.name.clone(), rev.to_owned())) };
        let mut untested = None;
        for base in history.bases.iter().filter(|base| *base != good) {
            // Where the bad side has gone back, it is itself where they part.
            match if base == bad { Ok(Verdict::Bad) } else { self.verdict(&at(base), 1) } {
                Ok(Verdict::Good) => {}
                Ok(Verdict::Bad) => return Next::Done(Outcome::Lacks(culprit, base.clone())),
                Ok(Verdict::Skip) => untested = Some(base.clone()),
                Err(next) => return next,
            }
        }
        if history.commits.is_empty() || history.bases.is_empty() {
            return Next::Done(Outcome::Entry(culprit));
        }
        let verdict = |rev: &str| if rev == bad { Some(Verdict::Bad) } else { self.known.get(&at(rev)).copied() };
        match choose(&history.commits, &verdict) {
            Choice::Test(rev, left) => Next::Test(at(&rev), usize::BITS - left.leading_zeros()),
            Choice::Found(commit) => Next::Done(match untested.filter(|_| history.begins_with(&commit)) {
                Some(base) => Outcome::Unless(culprit, commit, base),
                None => Outcome::Commit(culprit, commit),
            }),
            Choice::Among(commits) => Next::Done(Outcome::Commits(culprit, commits)),
        }
    }
}

impl Between {
    /// Whether none of its commits leads to `commit`.
    fn begins_with(&self, commit: &CommitLine) -> bool {
        !self.commits.iter().any(|one| commit.parents.contains(&one.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(count: usize) -> Vec<Differing> {
        (0..count).map(|at| Differing { name: format!("e{at}"), commits: None }).collect()
    }

    /// Plays until it is over; returns the outcome and how many tests it took.
    fn play(
        differing: &[Differing],
        history: Option<&Between>,
        test: impl Fn(&Candidate) -> Verdict,
    ) -> (Outcome, usize) {
        let mut verdicts = Verdicts::new();
        loop {
            match next(differing, &verdicts, history) {
                Next::Test(candidate, _) => {
                    assert!(!verdicts.iter().any(|(known, _)| *known == candidate), "asked twice: {candidate:?}");
                    let verdict = test(&candidate);
                    verdicts.push((candidate, verdict));
                }
                Next::History(name) => panic!("the history of {name} is there"),
                Next::Done(outcome) => return (outcome, verdicts.len()),
            }
        }
    }

    fn verdict(bad: bool) -> Verdict {
        if bad { Verdict::Bad } else { Verdict::Good }
    }

    #[test]
    fn every_culprit_of_every_length_is_found_in_logarithmic_time() {
        for count in 1..20 {
            for culprit in 0..count {
                let name = format!("e{culprit}");
                let (outcome, tests) = play(&differing(count), None, |set| verdict(set.from_bad.contains(&name)));
                assert_eq!(outcome, Outcome::Entry(Culprit { name, with: [].into() }));
                let log = usize::try_from((2 * count - 1).ilog2()).unwrap();
                assert!(tests <= 3 + log, "{tests} tests for {count} entries");
            }
        }
    }

    #[test]
    fn a_culprit_that_needs_another_entry_is_told_with_it() {
        let both = |set: &Candidate| verdict(set.from_bad.contains("e1") && set.from_bad.contains("e3"));
        let with = ["e0", "e1", "e2"].map(str::to_owned).into();
        let expected = Outcome::Entry(Culprit { name: "e3".into(), with });
        assert_eq!(play(&differing(5), None, both).0, expected);
    }

    #[test]
    fn what_cannot_be_tested_is_gone_around_or_told() {
        let skip_three = |set: &Candidate| match set.from_bad.len() {
            3 => Verdict::Skip,
            _ => verdict(set.from_bad.contains("e4")),
        };
        assert_eq!(
            play(&differing(6), None, skip_three).0,
            Outcome::Entry(Culprit { name: "e4".into(), with: [].into() })
        );
        let skip_between = |set: &Candidate| match set.from_bad.len() {
            0 => Verdict::Good,
            3 => Verdict::Bad,
            _ => Verdict::Skip,
        };
        let all = ["e0", "e1", "e2"].map(str::to_owned).to_vec();
        assert_eq!(play(&differing(3), None, skip_between).0, Outcome::Entries(all));
    }

    #[test]
    fn ends_that_are_not_what_they_should_be_are_told_first() {
        assert_eq!(play(&differing(3), None, |_| Verdict::Bad), (Outcome::GoodIsNot, 1));
        assert_eq!(play(&differing(3), None, |_| Verdict::Good), (Outcome::BadIsNot, 2));
    }

    #[test]
    fn the_commit_is_found_where_its_entry_is() {
        let ids: Vec<String> = (1..=9).map(|at| format!("{at}")).collect();
        let line = |at: usize| CommitLine {
            id: ids[at].clone(),
            parents: if at == 0 { vec!["0".into()] } else { vec![ids[at - 1].clone()] },
            ..CommitLine::default()
        };
        let history = Between { bases: vec!["0".into()], commits: (0..9).map(line).collect() };
        let mut entries = differing(3);
        entries[1].commits = Some(("0".into(), "9".into()));
        for first_bad in 1..=9 {
            let bad = |set: &Candidate| match &set.at {
                Some((name, rev)) => name == "e1" && rev.parse::<usize>().unwrap() >= first_bad,
                None => set.from_bad.contains("e1"),
            };
            let (outcome, _) = play(&entries, Some(&history), |set| verdict(bad(set)));
            let culprit = Culprit { name: "e1".into(), with: [].into() };
            assert_eq!(outcome, Outcome::Commit(culprit, line(first_bad - 1)));
        }
    }

    /// A history of one entry that parts at these commits, with two commits since.
    fn diverged(bases: &[&str]) -> (Vec<Differing>, Between) {
        let line = |id: &str, parent: &str| CommitLine {
            id: id.to_owned(),
            parents: vec![parent.to_owned()],
            ..CommitLine::default()
        };
        let commits = vec![line("1", bases.first().unwrap_or(&"-")), line("2", "1")];
        let entry = Differing { name: "e0".into(), commits: Some(("good".into(), "2".into())) };
        (vec![entry], Between { bases: bases.iter().map(|id| (*id).to_owned()).collect(), commits })
    }

    /// What becomes of that where these commits are bad, and these cannot be tested.
    fn parted(bases: &[&str], bad: &[&str], skipped: &[&str]) -> (Outcome, usize) {
        let (entries, history) = diverged(bases);
        play(&entries, Some(&history), |set| match &set.at {
            Some((_, rev)) if skipped.contains(&rev.as_str()) => Verdict::Skip,
            Some((_, rev)) => verdict(bad.contains(&rev.as_str())),
            None => verdict(set.from_bad.contains("e0")),
        })
    }

    #[test]
    fn where_the_sides_part_is_tested_before_the_commits_since() {
        let culprit = || Culprit { name: "e0".into(), with: [].into() };
        let commits = diverged(&["0"]).1.commits;
        let first = || commits[0].clone();
        assert_eq!(parted(&["0"], &["1", "2"], &[]), (Outcome::Commit(culprit(), first()), 4));
        assert_eq!(parted(&["0"], &["0", "1", "2"], &[]), (Outcome::Lacks(culprit(), "0".into()), 3));
        assert_eq!(parted(&["0", "00"], &["00", "1", "2"], &[]), (Outcome::Lacks(culprit(), "00".into()), 4));
        assert_eq!(parted(&["2"], &[], &[]), (Outcome::Lacks(culprit(), "2".into()), 2), "it has gone back");
        assert_eq!(parted(&[], &[], &[]), (Outcome::Entry(culprit()), 2), "they never meet");
        let second = || commits[1].clone();
        assert_eq!(parted(&["0"], &["2"], &["0"]), (Outcome::Commit(culprit(), second()), 4));
        assert_eq!(parted(&["0"], &["1", "2"], &["0"]).0, Outcome::Unless(culprit(), first(), "0".into()));
    }
}
