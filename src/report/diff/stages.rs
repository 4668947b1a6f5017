//! Which stages will be built again, and because of what.
//!
//! Decides how the causes that `plan/why` finds are told of every stage at once: a stage that only follows others names
//! them. Leaves out which single steps an engine will run (`deps plan`).

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::Kind;

use super::{ChangeKind, ChangeReport, Phrase, Review, Rows, Section, lasting};
use crate::plan::record::Record;
use crate::plan::why::{Cause, Comparison, Explanation, State};
use crate::report::cause::{cause_report, cause_text};

/// So many causes of a stage are told.
const MOST_CAUSES: usize = 6;

/// Adds a row for every stage that is another one. Returns what it comes to; none where plans are not known.
pub(super) fn rows(review: &Review<'_>, rows: &mut Rows) -> Option<String> {
    let (before, after) = (review.base.records?, review.head.records?);
    let mut found: BTreeMap<(usize, String), Vec<(String, Explanation)>> = BTreeMap::new();
    let (mut all, mut rebuilt) = (BTreeSet::new(), BTreeSet::new());
    for record in after {
        let nothing = Record { stages: Vec::new(), ..record.clone() };
        let old = before.iter().find(|old| old.platform == record.platform).unwrap_or(&nothing);
        let comparison = Comparison::of(old, record);
        let places: BTreeMap<&str, usize> =
            record.stages.iter().enumerate().map(|(place, stage)| (stage.name.as_str(), place)).collect();
        all.extend(places.keys().copied());
        for name in comparison.names() {
            let Some(explanation) = comparison.explain(name).filter(|one| one.state != State::Unchanged) else {
                continue;
            };
            if explanation.state != State::Removed {
                rebuilt.insert(name.to_owned());
            }
            let place = places.get(name).copied().unwrap_or(usize::MAX);
            found.entry((place, name.to_owned())).or_default().push((record.platform.clone(), explanation));
        }
    }
    for ((_, name), explanations) in &found {
        for row in stage(name, explanations, review, &rebuilt) {
            let seconds = review.took.get(name).copied().filter(|_| row.change != ChangeKind::Removed);
            rows.push(Section::Stages, ChangeReport { seconds, ..row });
        }
    }
    let took: f64 = rebuilt.iter().filter_map(|name| review.took.get(name)).sum();
    let took = if took > 0.0 { format!("; they took {} last time", lasting(took)) } else { String::new() };
    Some(format!("{} of {}{took}", rebuilt.len(), all.len()))
}

/// The rows of a stage: one, unless it changed for other causes on other platforms.
fn stage(
    name: &str,
    explanations: &[(String, Explanation)],
    review: &Review<'_>,
    rebuilt: &BTreeSet<String>,
) -> Vec<ChangeReport> {
    let mut groups: Vec<(Vec<&str>, &Explanation)> = Vec::new();
    for (platform, explanation) in explanations {
        let same = |other: &Explanation| {
            (other.state, &other.causes, &other.follows)
                == (explanation.state, &explanation.causes, &explanation.follows)
        };
        match groups.iter_mut().find(|(_, other)| same(other)) {
            Some((platforms, _)) => platforms.push(platform),
            None => groups.push((vec![platform], explanation)),
        }
    }
    let row = |(platforms, explanation): &(Vec<&str>, &Explanation)| {
        let row = one(name, explanation, review, rebuilt);
        let several = review.head.records.is_some_and(|records| records.len() > 1);
        if several { row.detail(Phrase::of(&format!("on {}", platforms.join(", ")), [])) } else { row }
    };
    groups.iter().map(row).collect()
}

fn one(name: &str, explanation: &Explanation, review: &Review<'_>, rebuilt: &BTreeSet<String>) -> ChangeReport {
    let change = match explanation.state {
        State::New => ChangeKind::Added,
        State::Removed => ChangeKind::Removed,
        State::Changed | State::Unchanged => ChangeKind::Changed,
    };
    let follows: Vec<&str> = explanation.follows.iter().map(|follow| follow.stage.as_str()).collect();
    let text = match (explanation.causes.as_slice(), follows.as_slice()) {
        ([], []) if change == ChangeKind::Removed => Phrase::of("no longer needed", []),
        ([], []) => Phrase::of("new", []),
        ([cause], []) => Phrase::theirs(&cause_text(cause)),
        ([], _) => followed(&follows, rebuilt),
        (causes, _) => Phrase::of(&crate::report::count(causes.len(), "cause", "causes"), []),
    };
    let mut row = ChangeReport::new(("stage", name), change, text);
    let told = explanation.causes.len() + usize::from(!follows.is_empty()) > 1;
    if told {
        row.details =
            explanation.causes.iter().take(MOST_CAUSES).map(|cause| Phrase::theirs(&cause_text(cause))).collect();
        let more = explanation.causes.len().saturating_sub(MOST_CAUSES);
        row.details.extend((more > 0).then(|| Phrase::of(&format!("and {more} more causes"), [])));
        row.details
            .extend((!follows.is_empty() && !explanation.causes.is_empty()).then(|| followed(&follows, rebuilt)));
    }
    let below = explanation.follows.iter().flat_map(|follow| &follow.causes);
    let because: BTreeSet<String> =
        explanation.causes.iter().chain(below).map(|cause| because(cause, review)).collect();
    row.because = because.into_iter().collect();
    row
}

/// `follows a, b and 3 more`.
fn followed(stages: &[&str], rebuilt: &BTreeSet<String>) -> Phrase {
    let mut text = Phrase::of("follows ", []);
    for (number, stage) in stages.iter().take(MOST_CAUSES).enumerate() {
        let gone = if rebuilt.contains(*stage) { "" } else { " (gone)" };
        text = text.and(Phrase::of(&format!("{}{{}}{gone}", if number > 0 { ", " } else { "" }), [*stage]));
    }
    match stages.len().saturating_sub(MOST_CAUSES) {
        0 => text,
        more => text.and(Phrase::of(&format!(" and {more} more"), [])),
    }
}

/// The entry of the lock that a cause is about, or else its kind and subject.
fn because(cause: &Cause, review: &Review<'_>) -> String {
    let is_file = |name: &str| {
        let locks = [review.base.lock, review.head.lock];
        locks.iter().any(|lock| lock.find(Kind::Fetch, name).is_some())
    };
    match cause {
        Cause::Repository { path, .. } => format!("repo:{path}"),
        Cause::Input { name, .. } if is_file(name) => format!("fetch:{name}"),
        Cause::Input { name, .. } => format!("input:{name}"),
        Cause::Extension { name, .. } => format!("ext:{name}"),
        other => {
            let report = cause_report(other);
            format!("{}:{}", report.kind, report.subject)
        }
    }
}
