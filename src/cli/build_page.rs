//! `deps build --report FILE`: the page of a build that has ended, well or not.

#![expect(clippy::disallowed_methods, reason = "the page is written where the user asks for it")]

use std::path::Path;

use super::diagnostic::Diagnostic;
use super::foreseen::Foreseen;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use super::watching;
use crate::engine::progress::Step;
use crate::engine::summary::Outcome;
use crate::plan::Plan;
use crate::report::{self, BuildPage, StepFact, StepName};

/// Writes the page of a build of the project `name` to `path`.
pub(super) fn write(
    session: &Session,
    path: &Path,
    (name, plans): (&str, &[Plan]),
    foreseen: &Foreseen,
    outcome: &Outcome,
) -> Result<(), Failed> {
    let plan = report::plan_report(name, plans, &foreseen.predictions(plans), foreseen.against());
    let page = BuildPage {
        plan: &plan,
        records: foreseen.records(),
        facts: outcome.steps.iter().filter_map(fact).collect(),
        summary: summary(outcome),
        agreement: match outcome.failed {
            Some(_) => String::new(),
            None => report::agreement_text(&foreseen.agreement(outcome)).trim_start_matches([',', ';', ' ']).to_owned(),
        },
    };
    std::fs::write(session.start().join(path), report::build_page(&page))
        .map_err(|error| Failed::one(FAILED, Diagnostic::error(format!("cannot write `{}`: {error}", path.display()))))
}

fn summary(outcome: &Outcome) -> String {
    let steps = report::count(outcome.ran + outcome.cached, "step", "steps");
    let cached = report::cached_text(outcome.cached, outcome.ran);
    let how =
        outcome.failed.as_ref().map_or_else(|| "built".to_owned(), |failure| format!("failed: {}", failure.message));
    format!("{how}: {steps}, {cached}, {} run, in {:.1}s", outcome.ran, outcome.took.as_secs_f64())
}

fn fact(step: &Step) -> Option<StepFact> {
    let (state, seconds) = watching::state(step.end.as_ref()?);
    let name = watching::step_name(step);
    let StepName { platform, stage, index, kind, instruction: _ } = name;
    Some(StepFact { platform, stage, index, kind, state: state.to_owned(), seconds })
}
