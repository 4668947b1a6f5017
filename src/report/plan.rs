//! A plan as text and as JSON (`schema/plan.json`).

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::{Base, Plan, Stage, plan_key};

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
}

/// Returns the report of a project's plans.
pub fn plan_report(name: &str, plans: &[Plan]) -> PlanReport {
    let platform = |plan: &Plan| PlatformReport {
        platform: plan.platform.to_string(),
        stages: plan.stages.iter().map(stage_report).collect(),
        pure: plan.pure_stages(),
    };
    let platforms = plans.iter().map(platform).collect();
    PlanReport { schema: 1, name: name.to_owned(), key: plan_key(plans).to_string(), platforms }
}

fn stage_report(stage: &Stage) -> StageReport {
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
    }
}

/// Returns a table of the stages: key, name, what is in it, and what makes it impure.
pub fn plan_text(report: &PlanReport) -> String {
    let mut text = String::new();
    for PlatformReport { platform, stages, pure } in &report.platforms {
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
        }
    }
    writeln!(text, "image {} has the plan key {}", report.name, report.key).expect(WRITES);
    text
}

const WRITES: &str = "a String takes every write";
