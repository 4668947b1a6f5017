//! What was predicted, and what the engine did.
//!
//! Decides when the two agree. Steps with one chain are one to an engine: it may report any of them, and where one of
//! them ran, the others were there. Leaves out reading an engine's progress (`engine/`).

use std::collections::BTreeMap;

use super::memory::{Prediction, Verdict};
use super::steps::{Chain, Step, StepKind};

/// What an engine did with a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// The stage.
    pub stage: String,
    /// What BuildKit calls the step: `[<stage> <index>/…]`.
    pub index: u32,
    /// What kind of step it is.
    pub kind: StepKind,
    /// Whether it had the result; otherwise it ran the step to its end.
    pub cached: bool,
}

/// What came of predictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// How many steps the engine reported that were predicted, each once.
    pub compared: usize,
    /// Steps that were to run unless the content that they take is the same, and it was.
    pub same: Vec<Step>,
    /// Steps that an engine had of which nothing was known.
    pub there: Vec<Step>,
    /// Steps that did otherwise.
    pub disagreements: Vec<Disagreement>,
    /// Steps that were not in the plan.
    pub unforeseen: Vec<Fact>,
}

/// A step that did otherwise than predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The prediction.
    pub prediction: Prediction,
    /// Whether the engine had the result.
    pub cached: bool,
}

impl Agreement {
    /// Compares `predictions` with what the engine did; `known` is whether anything was known of it.
    pub fn of(predictions: &[Prediction], facts: &[Fact], known: bool) -> Self {
        let place = |step: &Step| (step.stage.clone(), step.index, step.kind);
        let predicted: BTreeMap<_, _> = predictions.iter().map(|one| (place(&one.step), one)).collect();
        let mut agreement = Self::default();
        let mut by_chain: BTreeMap<&Chain, (&Prediction, bool)> = BTreeMap::new();
        for fact in facts {
            match predicted.get(&(fact.stage.clone(), fact.index, fact.kind)) {
                Some(prediction) => {
                    let (_, cached) = by_chain.entry(&prediction.step.chain).or_insert((prediction, true));
                    *cached &= fact.cached;
                }
                None => agreement.unforeseen.push(fact.clone()),
            }
        }
        agreement.compared = by_chain.len();
        for (prediction, cached) in by_chain.into_values() {
            match (&prediction.verdict, cached) {
                (Verdict::Cached, true) | (Verdict::Run { .. }, false) => {}
                (Verdict::Run { unless_same: true, .. }, true) => agreement.same.push(prediction.step.clone()),
                (Verdict::Run { .. }, true) if !known => agreement.there.push(prediction.step.clone()),
                _ => agreement.disagreements.push(Disagreement { prediction: prediction.clone(), cached }),
            }
        }
        agreement.disagreements.sort_by(|a, b| place(&a.prediction.step).cmp(&place(&b.prediction.step)));
        agreement
    }

    /// Whether everything was as predicted.
    pub fn is_whole(&self) -> bool {
        self.disagreements.is_empty() && self.unforeseen.is_empty()
    }
}

/// Returns the steps that the engine holds after a build, of which `facts` tell.
pub fn held<'a>(predictions: &'a [Prediction], facts: &[Fact]) -> Vec<&'a Step> {
    let reported: BTreeMap<_, _> =
        facts.iter().map(|fact| ((fact.stage.as_str(), fact.index, fact.kind), ())).collect();
    let steps = predictions.iter().map(|prediction| &prediction.step);
    steps.filter(|step| reported.contains_key(&(step.stage.as_str(), step.index, step.kind))).collect()
}
