//! What steps will do, why, and whether they did, in words and as JSON.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::cause::cause_text;
use crate::plan::agreement::{Agreement, Disagreement, Fact};
use crate::plan::memory::{Prediction, Reason, Verdict};
use crate::plan::steps::Step;
use crate::plan::why::Cause;
use crate::plan::{CopyTree, Instruction, Run, Stage};

/// The longest text of a step, in characters.
const LONGEST: usize = 72;

/// A step of a stage.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StepReport {
    /// What the engine calls it: `[<stage> <index>/…]`.
    pub index: u32,
    /// `RUN`, `ADD`, `COPY`, `LINK` or `WORKDIR`.
    pub kind: String,
    /// The instruction in short.
    pub instruction: String,
    /// `run` or `cached`.
    pub state: String,
    /// Why it runs; absent where it is cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is cached all the same if the stages and the base image that it takes files from have the same bytes as before.
    pub unless_same: bool,
}

/// Returns the report of a step of `stage`; nobody waits for `fixed` stages, which hold what the lock pins, to write the same.
pub fn step_report(stage: &Stage, prediction: &Prediction, fixed: &BTreeSet<&str>) -> StepReport {
    let Prediction { step, verdict } = prediction;
    let (state, reason, unless_same) = match verdict {
        Verdict::Cached => ("cached", None, false),
        Verdict::Run { reason: reason @ Reason::FollowsStages(stages), unless_same: true }
            if stages.iter().any(|stage| !fixed.contains(stage.as_str())) =>
        {
            let reason = format!("{}, unless it writes the same as before", reason_text(reason));
            ("run", Some(reason), true)
        }
        Verdict::Run { reason, unless_same } => ("run", Some(reason_text(reason)), *unless_same),
    };
    StepReport {
        index: step.index,
        kind: step.kind.name().to_owned(),
        instruction: instruction_text(stage, step),
        state: state.to_owned(),
        reason,
        unless_same,
    }
}

/// Returns a step in a few words, on one line.
fn instruction_text(stage: &Stage, step: &Step) -> String {
    let text = match stage.instructions.get(step.instruction) {
        Some(Instruction::Run(Run { command: text, .. }) | Instruction::Workdir(text)) => Cow::Borrowed(text.as_str()),
        Some(Instruction::Snippet { text, .. }) => Cow::Borrowed(text.as_str()),
        Some(Instruction::CopyTree(CopyTree { tree, to })) => format!("{} {to}", short(tree)).into(),
        Some(Instruction::CopyStage { stage, from, to, link: _ }) => format!("--from={stage} {from} {to}").into(),
        _ => Cow::Borrowed(""),
    };
    let mut line = step.kind.name().to_owned();
    for word in text.split_whitespace().filter(|word| *word != "\\") {
        line.push(' ');
        line.push_str(word);
        if line.len() > LONGEST * 4 {
            break; // more characters than are shown, of four bytes at most
        }
    }
    if line.len() <= LONGEST && !line.contains(char::is_control) {
        return line;
    }
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    match line.chars().nth(LONGEST) {
        None => line.chars().map(shown).collect(),
        Some(_) => line.chars().map(shown).take(LONGEST - 1).chain(['…']).collect(),
    }
}

fn short(tree: &str) -> String {
    tree.chars().take(12).collect()
}

/// Returns why a step runs, in words.
pub fn reason_text(reason: &Reason) -> String {
    match reason {
        Reason::FirstBuild => "first build on this engine".to_owned(),
        Reason::NewStage => "new stage".to_owned(),
        Reason::Causes(causes) => causes_text(causes),
        Reason::Follows(follows) => {
            let more = if follows.len() > 1 { format!(" and {} more", follows.len() - 1) } else { String::new() };
            let first = follows.first();
            let first = first.map(|one| format!("follows {}{more}: {}", one.stage, causes_text(&one.causes)));
            first.unwrap_or_default()
        }
        Reason::FollowsStep => "follows the step before".to_owned(),
        Reason::FollowsStages(stages) => format!("follows {}", stages.join(", ")),
        Reason::Arguments(changed) => format!("build argument changed: {}", changed.join(", ")),
        Reason::Unseen => "not built on this engine lately".to_owned(),
        Reason::NoCache => "the cache is ignored".to_owned(),
    }
}

fn causes_text(causes: &[Cause]) -> String {
    let first = causes.first().map(cause_text).unwrap_or_default();
    if causes.len() > 1 { format!("{first}, and {} more", causes.len() - 1) } else { first }
}

/// Returns how the line ends that says what a build came to: whether its steps did as predicted; and after it every step
/// that did not, with both sides.
pub fn agreement_text(agreement: &Agreement) -> String {
    let Agreement { compared, same, there, disagreements, unforeseen } = agreement;
    let wrong = disagreements.len() + unforeseen.len();
    let end = match (wrong, compared) {
        (0, 0) => String::new(),
        (0, _) => ", as predicted".to_owned(),
        _ => format!("; {} otherwise than predicted:", super::count(wrong, "step did", "steps did")),
    };
    let mut lines = vec![end];
    lines.extend(disagreements.iter().map(|one| format!("  {}", disagreement_text(one))));
    lines.extend(unforeseen.iter().map(|fact| format!("  {} was not foreseen", fact_place(fact))));
    if !there.is_empty() {
        let steps = super::count(there.len(), "step was", "steps were");
        lines.push(format!("{steps} on this engine already: somebody else has built them there"));
    }
    if !same.is_empty() {
        let steps = super::count(same.len(), "step was", "steps were");
        lines.push(format!(
            "{steps} kept: what comes from other stages, or the base image, has the same bytes as before"
        ));
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn disagreement_text(disagreement: &Disagreement) -> String {
    let Disagreement { prediction: Prediction { step, verdict }, cached } = disagreement;
    let place = format!("{}: {} {}", step.stage, step.kind.name(), step.index);
    match (verdict, cached) {
        (Verdict::Run { reason, .. }, true) => {
            format!("{place} was to run ({}), but the engine had its result", reason_text(reason))
        }
        _ => format!("{place} was to be cached, but ran: the engine has thrown its result away, or never had it"),
    }
}

fn fact_place(fact: &Fact) -> String {
    format!("{}: {} {}", fact.stage, fact.kind.name(), fact.index)
}
