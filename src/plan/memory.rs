//! What builds leave: which steps an engine has, and what the last build was made of. And from that, before a build,
//! which steps will run.
//!
//! Decides what a prediction is and its reason. An engine keeps more than the last build: going back to a former state
//! runs nothing, so the steps of the last [`REMEMBERED`] builds count. Leaves out where memories are kept (`store/`),
//! and what the engine has thrown away since: that is found out by building.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::{RECORD_VERSION, Record};
use super::steps::{Chain, Circumstances, Step, StepKind};
use super::why::{Cause, Comparison, Follow};

/// Steps that were in none of so many builds are forgotten.
pub const REMEMBERED: u64 = 64;

/// What builds of a project on one engine and platform have left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// What tells the engine from others.
    pub engine: String,
    /// How the engine is reached.
    pub endpoint: String,
    /// Whether the engine makes `COPY --link` a layer of its own.
    pub merges: bool,
    /// How many builds there were.
    pub builds: u64,
    /// The build arguments of the last one; values that could be secrets are digests.
    pub arguments: BTreeMap<String, String>,
    /// What the last successful one was made of.
    pub record: Record,
    /// Steps that the engine has: the build that had them last, by their chains.
    pub chains: BTreeMap<Chain, u64>,
    /// The same by their loose chains.
    pub loose: BTreeMap<Chain, u64>,
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
        /// Whether it is cached all the same if the stages and trees that it takes content of hold the same bytes as before.
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
    /// What builds have left; none before the first one.
    pub memory: Option<&'a Memory>,
    /// What the plan is made of.
    pub record: &'a Record,
    /// What the engine will be told.
    pub circumstances: &'a Circumstances,
}

impl Verdict {
    /// Whether the step runs.
    pub fn runs(&self) -> bool {
        matches!(self, Self::Run { .. })
    }
}

impl Memory {
    /// Returns the memory of a first build, which is still to come.
    pub fn new(engine: &str, endpoint: &str, record: &Record, circumstances: &Circumstances) -> Self {
        Self {
            version: RECORD_VERSION,
            engine: engine.to_owned(),
            endpoint: endpoint.to_owned(),
            merges: circumstances.merges,
            builds: 0,
            arguments: BTreeMap::new(),
            record: Record { stages: Vec::new(), ..record.clone() },
            chains: BTreeMap::new(),
            loose: BTreeMap::new(),
        }
    }

    /// Returns the memory of an engine that has built `steps`, for a comparison.
    pub fn supposed(record: Record, circumstances: &Circumstances, steps: &[Step]) -> Self {
        let mut memory = Self::new("", "", &record, circumstances);
        memory.built(steps, Some((record, circumstances)));
        memory
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

    /// Takes note of a build: the engine has `steps` now; `whole` is what the plan was made of, when all of it was built.
    pub fn built(&mut self, steps: &[Step], whole: Option<(Record, &Circumstances)>) {
        self.builds += 1;
        let now = self.builds;
        self.chains.extend(steps.iter().map(|step| (step.chain.clone(), now)));
        self.loose.extend(steps.iter().map(|step| (step.loose.clone(), now)));
        let young = |build: &u64| *build + REMEMBERED > now;
        self.chains.retain(|_, build| young(build));
        self.loose.retain(|_, build| young(build));
        if let Some((record, circumstances)) = whole {
            self.record = record;
            self.arguments = shown(&circumstances.arguments);
        }
    }
}

/// Returns what each of `steps` will do, in their order.
pub fn predict(steps: &[Step], known: &Known<'_>) -> Vec<Prediction> {
    let comparison = known.memory.map(|memory| Comparison::of(&memory.record, known.record));
    let mut stages: BTreeMap<&str, Reason> = BTreeMap::new();
    let mut running: BTreeSet<&str> = BTreeSet::new();
    let mut predictions: Vec<Prediction> = Vec::with_capacity(steps.len());
    for step in steps {
        let is_known = known.memory.is_some_and(|memory| memory.chains.contains_key(&step.chain));
        let verdict = if is_known {
            Verdict::Cached
        } else {
            running.insert(&step.stage);
            let below = step.below.is_some_and(|below| predictions[below].verdict.runs());
            let sources = step.sources.iter().filter(|stage| running.contains(stage.as_str())).cloned().collect();
            let unless_same = known.memory.is_some_and(|memory| memory.loose.contains_key(&step.loose));
            let stage = || stage_reason(&step.stage, known, comparison.as_ref());
            let own = || stages.entry(&step.stage).or_insert_with(stage).clone();
            Verdict::Run { reason: reason(step, below, sources, unless_same, own), unless_same }
        };
        predictions.push(Prediction { step: step.clone(), verdict });
    }
    predictions
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
    if below && step.kind != StepKind::Copy || below && sources.is_empty() {
        return Reason::FollowsStep;
    }
    if sources.is_empty() { own } else { Reason::FollowsStages(sources) }
}

/// Why steps of a stage run that follow from no others.
fn stage_reason(stage: &str, known: &Known<'_>, comparison: Option<&Comparison<'_>>) -> Reason {
    let (Some(memory), Some(comparison)) = (known.memory, comparison) else { return Reason::FirstBuild };
    if memory.record.stages.is_empty() {
        return Reason::FirstBuild;
    }
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
    let now = shown(&known.circumstances.arguments);
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
