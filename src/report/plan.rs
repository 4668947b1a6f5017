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
    let mut by_stage: BTreeMap<&str, Vec<&Prediction>> = BTreeMap::new();
    for prediction in predictions {
        by_stage.entry(&prediction.step.stage).or_default().push(prediction);
    }
    let sources = plan.stages.iter().filter(|stage| stage.kind == Kind::Sources);
    let fixed: BTreeSet<&str> = sources.map(|stage| stage.name.as_str()).collect();
    let stage = |stage: &Stage| {
        let steps = by_stage.get(stage.name.as_str()).into_iter().flatten();
        stage_report(stage, steps.map(|prediction| step_report(stage, prediction, &fixed)).collect())
    };
    let run = predictions.iter().filter(|prediction| prediction.verdict.runs()).count();
    PlatformReport {
        platform: plan.platform.to_string(),
        stages: threads::map(&plan.stages, WORTH_A_THREAD, stage),
        pure: plan.pure_stages(),
        run,
        cached: predictions.len() - run,
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

/// Returns a table of the stages: key, name, what is in it, what makes it impure, and what its steps will do.
pub fn plan_text(report: &PlanReport) -> String {
    let mut text = String::new();
    for PlatformReport { platform, stages, pure, run, cached } in &report.platforms {
        let width = stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        let count = stages.len();
        writeln!(text, "plan for {platform}: {count} stages, {pure} pure ({} %)", pure * 100 / count.max(1))
            .expect(WRITES);
        for stage in stages {
            let StageReport { name, key, about, .. } = stage;
            writeln!(text, "  {}  {name:width$}  {about}", &key[..12]).expect(WRITES);
            if !stage.impure.is_empty() {
                writeln!(text, "  {:12}  {:width$}  impure: {}", "", "", stage.impure.join(", ")).expect(WRITES);
            }
            if report.against.is_some() {
                stage.steps.iter().for_each(|step| step_line(&mut text, step));
            }
        }
        text.push_str(&counts(run + cached, *cached, report.against.as_deref()));
    }
    writeln!(text, "image {} has the plan key {}", report.name, report.key).expect(WRITES);
    text
}

fn step_line(text: &mut String, step: &StepReport) {
    let reason = step.reason.as_ref().map(|reason| format!("  ({reason})")).unwrap_or_default();
    writeln!(text, "    {:6}  {}{reason}", step.state, step.instruction).expect(WRITES);
}

fn counts(steps: usize, cached: usize, against: Option<&str>) -> String {
    let all = super::count(steps, "step", "steps");
    match against {
        Some(against) => format!("{all}: {} to run, {cached} cached, compared with {against}\n", steps - cached),
        None => format!("{all}, all to run: first build on this engine\n"),
    }
}

const WRITES: &str = "a String takes every write";
