//! A plan as text and as JSON (`schema/plan.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::prediction::{StepReport, step_report};
use crate::plan::memory::Prediction;
use crate::plan::{Base, Kind, Plan, Stage, plan_key};
use crate::threads;

/// So many stages take longer to tell than a thread to start.
const WORTH_A_THREAD: usize = 64;

/// A plan, as `deps plan --json` prints it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps plan --json")]
pub struct PlanReport {
    /// The version of this format.
    pub schema: u32,
    /// The image's name.
    pub name: String,
    /// The key of the image for all its platforms: the label `deps.plan-key`.
    pub key: String,
    /// What the steps are compared with: a git revision, or `the last build`; absent before a first build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// One plan a platform, sorted.
    pub platforms: Vec<PlatformReport>,
}

/// The plan for one platform.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlatformReport {
    /// The platform, like `linux/amd64`.
    pub platform: String,
    /// The stages in canonical order; the last one is the image.
    pub stages: Vec<StageReport>,
    /// How many stages are pure.
    pub pure: usize,
    /// How many steps will run.
    pub run: usize,
    /// How many steps are expected to be cached.
    pub cached: usize,
}

/// A stage.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StageReport {
    /// The name.
    pub name: String,
    /// `apt`, `builder`, `output`, `sources`, `runtime` or `final`.
    pub kind: String,
    /// What is in it, for people.
    pub about: String,
    /// The key, 64 hexadecimal digits: equal keys mean interchangeable results.
    pub key: String,
    /// What it begins with: `scratch`, an image `name@sha256:…`, or a stage.
    pub base: String,
    /// The stages that it needs, sorted.
    pub parents: Vec<String>,
    /// How many instructions it has.
    pub instructions: usize,
    /// Why its result depends on more than the lock; empty for a pure stage.
    pub impure: Vec<String>,
    /// Its steps, and what each will do; none where the image does not need the stage.
    pub steps: Vec<StepReport>,
}

/// Returns the report of a project's plans, each with its predictions; `against` is what these come from.
pub fn plan_report(name: &str, plans: &[Plan], predictions: &[Vec<Prediction>], against: Option<&str>) -> PlanReport {
    let platforms = plans.iter().zip(predictions).map(|(plan, predictions)| platform_report(plan, predictions));
    PlanReport {
        schema: 1,
        name: name.to_owned(),
        key: plan_key(plans).to_string(),
        against: against.map(str::to_owned),
        platforms: platforms.collect(),
    }
}

fn platform_report(plan: &Plan, predictions: &[Prediction]) -> PlatformReport {
    let steps = Steps::of(plan, predictions);
    let run = running(predictions);
    PlatformReport {
        platform: plan.platform.to_string(),
        stages: threads::map(&plan.stages, WORTH_A_THREAD, |stage| stage_report(stage, steps.reports(stage).collect())),
        pure: plan.pure_stages(),
        run,
        cached: predictions.len() - run,
    }
}

fn running(predictions: &[Prediction]) -> usize {
    predictions.iter().filter(|prediction| prediction.verdict.runs()).count()
}

/// The predictions of a plan, by stage.
struct Steps<'a> {
    by_stage: BTreeMap<&'a str, Vec<&'a Prediction>>,
    /// Stages that hold what the lock pins.
    fixed: BTreeSet<&'a str>,
}

impl<'a> Steps<'a> {
    fn of(plan: &'a Plan, predictions: &'a [Prediction]) -> Self {
        let mut by_stage: BTreeMap<&str, Vec<&Prediction>> = BTreeMap::new();
        for prediction in predictions {
            by_stage.entry(&prediction.step.stage).or_default().push(prediction);
        }
        let sources = plan.stages.iter().filter(|stage| stage.kind == Kind::Sources);
        Self { by_stage, fixed: sources.map(|stage| stage.name.as_str()).collect() }
    }

    fn reports(&self, stage: &Stage) -> impl Iterator<Item = StepReport> {
        let steps = self.by_stage.get(stage.name.as_str()).into_iter().flatten();
        steps.map(move |prediction| step_report(stage, prediction, &self.fixed))
    }
}

fn stage_report(stage: &Stage, steps: Vec<StepReport>) -> StageReport {
    StageReport {
        name: stage.name.clone(),
        kind: stage.kind.name().to_owned(),
        about: stage.about.clone(),
        key: stage.key.to_string(),
        base: match &stage.base {
            Base::Scratch => "scratch".to_owned(),
            Base::Image { reference, digest } => format!("{reference}@{digest}"),
            Base::Stage(name) => name.clone(),
        },
        parents: stage.parents().into_iter().map(str::to_owned).collect(),
        instructions: stage.instructions.len(),
        impure: stage.impure.iter().cloned().collect(),
        steps,
    }
}

/// What is said of steps.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// How many each plan has: nothing is known to compare them with.
    Counts(&'a [usize]),
    /// What those of each plan will do, and what that comes from.
    Predictions(&'a [Vec<Prediction>], &'a str),
}

/// Returns a table of the stages of a project's plans: key, name, what is in it, what makes it impure, and, where they are
/// compared with something, what its steps will do.
pub fn plan_text(name: &str, plans: &[Plan], told: Told<'_>) -> String {
    let mut text = String::new();
    for (number, plan) in plans.iter().enumerate() {
        let Plan { platform, stages, .. } = plan;
        let width = stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        let (count, pure) = (stages.len(), plan.pure_stages());
        writeln!(text, "plan for {platform}: {count} stages, {pure} pure ({} %)", pure * 100 / count.max(1))
            .expect(WRITES);
        let (steps, counts) = match told {
            Told::Counts(counts) => {
                let all = super::count(counts[number], "step", "steps");
                (None, format!("{all}, all to run: first build on this engine\n"))
            }
            Told::Predictions(all, against) => (Some(Steps::of(plan, &all[number])), compared(&all[number], against)),
        };
        let lines = threads::map(stages, WORTH_A_THREAD, |stage| stage_text(stage, width, steps.as_ref()));
        text.push_str(&lines.concat());
        text.push_str(&counts);
    }
    writeln!(text, "image {name} has the plan key {}", plan_key(plans)).expect(WRITES);
    text
}

fn compared(predictions: &[Prediction], against: &str) -> String {
    let (all, run) = (predictions.len(), running(predictions));
    let steps = super::count(all, "step", "steps");
    format!("{steps}: {run} to run, {} cached, compared with {against}\n", all - run)
}

/// The lines of a stage, whose name takes `width` columns.
fn stage_text(stage: &Stage, width: usize, steps: Option<&Steps<'_>>) -> String {
    let Stage { name, about, key, impure, .. } = stage;
    let mut text = format!("  {}  {name:width$}  {about}\n", &key.to_string()[..12]);
    if !impure.is_empty() {
        let impure: Vec<&str> = impure.iter().map(String::as_str).collect();
        writeln!(text, "  {:12}  {:width$}  impure: {}", "", "", impure.join(", ")).expect(WRITES);
    }
    for StepReport { state, instruction, reason, .. } in steps.into_iter().flat_map(|steps| steps.reports(stage)) {
        let reason = reason.map(|reason| format!("  ({reason})")).unwrap_or_default();
        writeln!(text, "    {state:6}  {instruction}{reason}").expect(WRITES);
    }
    text
}

const WRITES: &str = "a String takes every write";
