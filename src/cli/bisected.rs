//! How a bisection ended, in words.
//!
//! Leaves out what follows from which test (`bisect/`).

use super::bisect::Side;
use super::date;
use super::diagnostic::{Diagnostic, safe};
use super::outcome::{FAILED, Failed, print};
use crate::bisect::{Culprit, Outcome};
use crate::resolve::CommitLine;

/// What it was between.
pub(super) struct Ended<'a> {
    /// What was typed for the good side.
    pub(super) good: &'a str,
    /// The same of the bad side.
    pub(super) bad: &'a str,
    /// The checkouts of both.
    pub(super) sides: &'a (Side, Side),
}

impl Ended<'_> {
    /// Says how it ended; the culprit is data.
    pub(super) fn tell(&self, outcome: &Outcome) -> Result<(), Failed> {
        let Self { good, bad, .. } = self;
        let ends = |what: &str, name: &str, found: &str| {
            let hint =
                "the test must pass with GOOD and fail with BAD, in a folder with nothing but the checkouts in `src`";
            let message = format!("`{name}` should be {what}, but the test {found} with it");
            Err(Failed::one(FAILED, Diagnostic::error(message).hint(Some(hint.to_owned()))))
        };
        match outcome {
            Outcome::GoodIsNot => ends("good", good, "does not pass"),
            Outcome::BadIsNot => ends("bad", bad, "does not fail"),
            Outcome::Entries(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("  repo `{name}`\n")).collect();
                print(&format!("it is one of these, which cannot be tested apart:\n{}", names.concat()))
            }
            Outcome::Entry(culprit) => {
                let (of, whole) = (self.named(&culprit.name), self.whole(&culprit.name));
                print(&format!("it is {of}{whole}{}\n", together(culprit)))
            }
            Outcome::Commit(culprit, commit) => {
                print(&format!("the first bad commit is in {}:\n{}", self.culprit(culprit), line(commit)))
            }
            Outcome::Commits(culprit, commits) => {
                let lines: String = commits.iter().map(line).collect();
                let of = self.culprit(culprit);
                print(&format!("the first bad commit is one of these, which cannot be tested apart, in {of}:\n{lines}"))
            }
            Outcome::Lacks(culprit, base) => {
                let of = self.culprit(culprit);
                print(&format!("it is {of}: what `{good}` has since `{base}` repairs it, and `{bad}` lacks that\n"))
            }
            Outcome::Unless(culprit, commit, base) => {
                let of = self.culprit(culprit);
                let unless = format!("unless `{base}`, where the two part and which cannot be tested, is bad already");
                print(&format!("the first bad commit is in {of}, {unless}:\n{}", line(commit)))
            }
        }
    }

    /// Says why no commit of an entry is named.
    fn whole(&self, name: &str) -> String {
        let Self { good, bad, .. } = self;
        match (self.sides.0.get(name), self.sides.1.get(name)) {
            (None, _) => format!(", which `{good}` does not have"),
            (_, None) => format!(", which `{bad}` does not have"),
            (Some(before), Some(after)) if before.git.url != after.git.url => {
                format!(", which comes from elsewhere: `{}` → `{}`", safe(&before.git.url), safe(&after.git.url))
            }
            _ => ", whose two commits have no history in common".to_owned(),
        }
    }

    fn culprit(&self, culprit: &Culprit) -> String {
        format!("{}{}", self.named(&culprit.name), together(culprit))
    }

    fn named(&self, name: &str) -> String {
        let side =
            |side: &Side| side.get(name).map_or_else(|| "absent".to_owned(), |item| item.git.rev[..8].to_owned());
        format!("repo `{name}` ({} → {})", side(&self.sides.0), side(&self.sides.1))
    }
}

fn together(culprit: &Culprit) -> String {
    let others: Vec<String> = culprit.with.iter().map(|name| format!("`{name}`")).collect();
    if others.is_empty() { String::new() } else { format!(", together with {}", others.join(", ")) }
}

/// A commit in a line that holds nothing but text.
fn line(commit: &CommitLine) -> String {
    let CommitLine { id, parents: _, author, date, subject } = commit;
    format!("  {id} {} {}: {}\n", date::day(*date), safe(author), safe(subject))
}
