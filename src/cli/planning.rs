//! From a loaded project and its lock to plans and their Dockerfile.

use deps_lock::Lock;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed};
use crate::dockerfile;
use crate::plan::{Plan, Problem, plan_key};
use crate::workspace::Loaded;

/// Returns the plan for each platform of the project, in their order.
pub(super) fn plans(loaded: &Loaded, lock: &Lock) -> Result<Vec<Plan>, Failed> {
    loaded.plans(lock).map_err(|problems| unplanned(&problems))
}

/// Returns the Dockerfile, one for all of the plans.
pub(super) fn dockerfile(plans: &[Plan]) -> String {
    dockerfile::render(plans, &plan_key(plans))
}

fn unplanned(problems: &[Problem]) -> Failed {
    let hint = |problem: &Problem| match problem {
        Problem::Cycle { .. } => Some("remove one `after` or `requires` of the circle".to_owned()),
        Problem::NothingToRunOn { base, .. } => {
            Some(format!("set `{}` in deps.toml to an image with a shell", base.replace(' ', "-")))
        }
        _ => None,
    };
    Failed::new(
        FAILED,
        problems.iter().map(|problem| Diagnostic::error(problem.to_string()).hint(hint(problem))).collect(),
    )
}
