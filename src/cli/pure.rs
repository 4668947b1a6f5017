//! `deps build --pure`: refuses a build of stages that can depend on more than the lock.
//!
//! Decides which stages are asked about: those that the build needs. Leaves out what makes a stage impure (`plan/`).

use std::collections::BTreeSet;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed};
use crate::plan::{Plan, Stage};
use crate::report;

/// Refuses impure stages among those that `target`, or the image, is made of.
pub(super) fn check(plan: &Plan, target: Option<&str>) -> Result<(), Failed> {
    let impure: Vec<&Stage> = needed(plan, target).into_iter().filter(|stage| !stage.impure.is_empty()).collect();
    if impure.is_empty() {
        return Ok(());
    }
    let stages = report::count(impure.len(), "stage is", "stages are");
    let width = impure.iter().map(|stage| stage.name.len()).max().unwrap_or_default();
    let line = |stage: &&Stage| {
        let reasons: Vec<&str> = stage.impure.iter().map(String::as_str).collect();
        format!("{:width$}  {}", stage.name, reasons.join(", "))
    };
    let hint = "give a builder `network = \"none\"` and name what it downloads in `[inputs]`; a base image can bring what apt would";
    let diagnostic = Diagnostic::error(format!("{stages} not pure, and `--pure` refuses such"));
    Err(Failed::one(FAILED, diagnostic.details(impure.iter().map(line)).hint(Some(hint.to_owned()))))
}

/// Returns the stages that `target` is made of, and itself, in the plan's order.
fn needed<'a>(plan: &'a Plan, target: Option<&'a str>) -> Vec<&'a Stage> {
    let mut names = BTreeSet::from([target.unwrap_or(&plan.image().name)]);
    let mut stages: Vec<&Stage> = Vec::new();
    // Parents stand before their children.
    for stage in plan.stages.iter().rev() {
        if names.contains(stage.name.as_str()) {
            names.extend(stage.parents());
            stages.push(stage);
        }
    }
    stages.reverse();
    stages
}
