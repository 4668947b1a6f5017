//! What builds leave: what the last one of a project was made of, and which steps an engine holds. And from that,
//! before a build, which steps will run.
//!
//! Decides what a prediction is and its reason. An engine holds more than the last build, and what other projects have
//! built: going back to a former state runs nothing, so the steps of the last [`REMEMBERED`] builds count. Leaves out
//! where this is kept (`store/`), and what the engine has thrown away since: that is found out by building.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::{RECORD_VERSION, Record};
use super::steps::{Chain, Circumstances, Step, StepKind};
use super::why::{Cause, Comparison, Follow};
use crate::provenance::Material;

/// Steps that were in none of so many builds on an engine are forgotten.
pub const REMEMBERED: u64 = 256;
/// An engine is taken to hold at most so many steps; those that were not built for longest are forgotten.
const MOST_HELD: usize = 200_000;

/// What the last build of a project on an engine and platform has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// Which engine.
    pub engine: Engine,
    /// The build arguments; values that could be secrets are digests.
    pub arguments: BTreeMap<String, String>,
    /// What it was made of.
    pub record: Record,
    /// What it took from outside, as the engine said; absent in what an older version has left.
    #[serde(default)]
    pub materials: Option<Vec<Material>>,
    /// How long the steps of a stage took when they last ran, in milliseconds, by stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub took: BTreeMap<String, u64>,
}

/// What tells engines apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// The engine's own name for itself.
    pub identity: String,
    /// How this machine reaches it.
    pub endpoint: String,
    /// Whether it makes `COPY --link` a layer of its own.
    pub merges: bool,
}

/// The steps that an engine holds, as far as builds on this machine know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// Which engine.
    pub engine: Engine,
    /// How many builds there were.
    builds: u64,
    /// The build that had a step last, by the step's chain.
    chains: BTreeMap<Chain, u64>,
    /// The same by its loose chain.
    loose: BTreeMap<Chain, u64>,
}

/// What a step will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The step.
    pub step: Step,
    /// What the engine will do with it.
    pub verdict: Verdict,
}

/// What the engine will do with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has the result.
    Cached,
    /// It runs the step.
    Run {
        /// Why.
        reason: Reason,
        /// Whether it is cached all the same if the stages, trees and images that it takes content of hold the same bytes as
        /// before.
        unless_same: bool,
    },
}

/// Why a step runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing is known to have been built there.
    FirstBuild,
    /// The stage is new.
    NewStage,
    /// First causes in the stage itself.
    Causes(Vec<Cause>),
    /// Causes in stages below.
    Follows(Vec<Follow>),
    /// The step that it stands on runs.
    FollowsStep,
    /// Stages that it takes content of run.
    FollowsStages(Vec<String>),
    /// Build arguments have other values.
    Arguments(Vec<String>),
    /// The plan is that of the last build, and the engine has been seen without this step.
    Unseen,
    /// Nobody wants what is cached.
    NoCache,
}

/// What is known before a build.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What the last build has left, and what the plan is made of now; none before the first one.
    pub before: Option<(&'a Memory, &'a Record)>,
    /// The steps that the engine holds.
    pub held: Option<&'a Held>,
    /// What the engine will be told.
    pub circumstances: &'a Circumstances,
    /// Whether the engine is told to ignore what it holds.
    pub no_cache: bool,
}

impl Verdict {
    /// Whether the step runs.
    pub fn runs(&self) -> bool {
        matches!(self, Self::Run { .. })
    }
}

impl Memory {
    /// Returns what a build on `engine` leaves that was made of `record`.
    pub fn of(engine: &Engine, record: Record, circumstances: &Circumstances) -> Self {
        let arguments = shown(&circumstances.arguments);
        let version = RECORD_VERSION;
        Self { version, engine: engine.clone(), arguments, record, materials: None, took: BTreeMap::new() }
    }

    /// Reads what [`Memory::written`] returned; none when it is of another version, or damaged.
    pub fn read(json: &[u8]) -> Option<Self> {
        let memory: Self = serde_json::from_slice(json).ok()?;
        (memory.version == RECORD_VERSION).then_some(memory)
    }

    /// Returns the memory as JSON.
    pub fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("words and numbers are JSON")
    }
}

impl Held {
    /// Returns an engine that holds nothing.
    pub fn new(engine: &Engine) -> Self {
        let (chains, loose) = Default::default();
        Self { version: RECORD_VERSION, engine: engine.clone(), builds: 0, chains, loose }
    }

    /// Reads what [`Held::written`] returned; none when it is of another version, or damaged.
    pub fn read(json: &[u8]) -> Option<Self> {
        let held: Self = serde_json::from_slice(json).ok()?;
        (held.version == RECORD_VERSION).then_some(held)
    }

    /// Returns what is held as JSON.
    pub fn written(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("words and numbers are JSON")
    }

    /// Takes note of a build: the engine holds `steps` now.
    pub fn built<'a>(&mut self, steps: impl IntoIterator<Item = &'a Step>) {
        self.builds += 1;
        for step in steps {
            self.chains.insert(step.chain, self.builds);
            self.loose.insert(step.loose, self.builds);
        }
        self.forget(self.builds.saturating_sub(REMEMBERED));
        while self.chains.len() > MOST_HELD {
            let oldest = self.chains.values().min().copied().unwrap_or(self.builds);
            // The last build is held, however large.
            if oldest == self.builds {
                break;
            }
            self.forget(oldest);
        }
    }

    /// Forgets the steps that were last in the build `last` or one before.
    fn forget(&mut self, last: u64) {
        self.chains.retain(|_, build| *build > last);
        self.loose.retain(|_, build| *build > last);
    }
}

/// Returns what each of `steps` will do, in their order.
pub fn predict(steps: Vec<Step>, known: &Known<'_>) -> Vec<Prediction> {
    let verdicts = verdicts(&steps, known);
    steps.into_iter().zip(verdicts).map(|(step, verdict)| Prediction { step, verdict }).collect()
}

fn verdicts(steps: &[Step], known: &Known<'_>) -> Vec<Verdict> {
    let comparison = known.before.map(|(memory, record)| (memory, Comparison::of(&memory.record, record)));
    let holds = |chains: fn(&Held) -> &BTreeMap<Chain, u64>, chain: &Chain| {
        known.held.is_some_and(|held| chains(held).contains_key(chain))
    };
    let mut stages: BTreeMap<&str, Reason> = BTreeMap::new();
    let mut running: BTreeSet<&str> = BTreeSet::new();
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(steps.len());
    for step in steps {
        let verdict = if known.no_cache {
            Verdict::Run { reason: Reason::NoCache, unless_same: false }
        } else if holds(|held| &held.chains, &step.chain) {
            Verdict::Cached
        } else {
            running.insert(&step.stage);
            let below = step.below.is_some_and(|below| verdicts[below].runs());
            let sources = step.sources.iter().filter(|stage| running.contains(stage.as_str())).cloned().collect();
            let unless_same = holds(|held| &held.loose, &step.loose);
            let own = || {
                let Some((memory, comparison)) = &comparison else { return Reason::FirstBuild };
                let reason = || stage_reason(&step.stage, memory, comparison, known.circumstances);
                stages.entry(&step.stage).or_insert_with(reason).clone()
            };
            Verdict::Run { reason: reason(step, below, sources, unless_same, own), unless_same }
        };
        verdicts.push(verdict);
    }
    verdicts
}

fn reason(step: &Step, below: bool, sources: Vec<String>, unless_same: bool, own: impl FnOnce() -> Reason) -> Reason {
    // Only what it takes from elsewhere is new.
    if !sources.is_empty() && unless_same && !below {
        return Reason::FollowsStages(sources);
    }
    let own = own();
    if own == Reason::FirstBuild {
        return own;
    }
    if below && (step.kind != StepKind::Copy || sources.is_empty()) {
        return Reason::FollowsStep;
    }
    if sources.is_empty() { own } else { Reason::FollowsStages(sources) }
}

/// Why steps of a stage run that follow from no others.
fn stage_reason(stage: &str, memory: &Memory, comparison: &Comparison<'_>, circumstances: &Circumstances) -> Reason {
    let Some(explanation) = comparison.explain(stage) else { return Reason::Unseen };
    if !explanation.causes.is_empty() {
        return Reason::Causes(explanation.causes);
    }
    if !explanation.follows.is_empty() {
        return Reason::Follows(explanation.follows);
    }
    if explanation.key.before.is_none() {
        return Reason::NewStage;
    }
    let now = shown(&circumstances.arguments);
    let names: BTreeSet<&String> = memory.arguments.keys().chain(now.keys()).collect();
    let changed = names.into_iter().filter(|name| memory.arguments.get(*name) != now.get(*name));
    let changed: Vec<String> =
        changed.map(|name| argument_text(name, memory.arguments.get(name), now.get(name))).collect();
    if changed.is_empty() { Reason::Unseen } else { Reason::Arguments(changed) }
}

/// Only the image's user is shown: the value of another argument could be a secret.
fn argument_text(name: &str, before: Option<&String>, after: Option<&String>) -> String {
    let word = |value: Option<&String>| value.map_or("its default", String::as_str).to_owned();
    if is_public(name) { format!("{name} {} → {}", word(before), word(after)) } else { name.to_owned() }
}

fn is_public(name: &str) -> bool {
    name.starts_with("DEPS_USER_")
}

/// The arguments as they are written down.
fn shown(arguments: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |name: &str, value: &str| match is_public(name) {
        true => value.to_owned(),
        false => {
            blake3::derive_key("deps argument v1", value.as_bytes())[..8].iter().map(|b| format!("{b:02x}")).collect()
        }
    };
    arguments.iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

#[cfg(test)]
mod tests;
