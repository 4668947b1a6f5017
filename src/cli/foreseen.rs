//! A build and what was foreseen of it: predictions before, a comparison after, and what the next build will know.
//!
//! Decides what is kept of a build that failed: the steps that the engine reported done. Leaves out how predictions are made
//! (`plan/memory.rs`) and where notes lie (`store/`).

use std::collections::BTreeMap;
use std::path::Path;

use super::session::Session;
use crate::dockerfile;
use crate::engine::probe::Found;
use crate::engine::progress::{End, Kind, Step};
use crate::engine::summary::Outcome;
use crate::engine::{self, Build};
use crate::plan::Plan;
use crate::plan::agreement::{Agreement, Fact, held};
use crate::plan::memory::{Engine, Held, Known, Memory, Prediction, predict};
use crate::plan::record::Record;
use crate::plan::steps::{Circumstances, StepKind, steps};
use crate::store::{Store, StoreError};

/// What is foreseen of one build.
pub(super) struct Foreseen {
    engine: Engine,
    circumstances: Circumstances,
    /// Whether all of the image is built.
    whole: bool,
    /// Whether all that the engine can have is known: something is, and it takes nothing from a cache elsewhere.
    known: bool,
    platforms: Vec<Platform>,
}

/// One platform of a build.
struct Platform {
    record: Record,
    predictions: Vec<Prediction>,
}

impl Foreseen {
    /// Predicts what `build` of the project in `folder` will do on `found`.
    pub(super) fn of(
        session: &Session,
        store: &Store,
        folder: &Path,
        (found, build): (&Found, &Build),
        (plans, records): (&[Plan], Vec<Record>),
    ) -> Self {
        let engine = memorised(session, found, build.builder.as_deref());
        let (arguments, merges, inputs) = (build.args.clone(), found.merges, dockerfile::input_stages(plans));
        let circumstances = Circumstances { arguments, merges, inputs };
        let kept = Store::builds(store.root(), folder).into_iter().filter_map(|json| Memory::read(&json));
        let kept: Vec<Memory> = kept.filter(|memory| memory.engine == engine).collect();
        let engines = Store::engines(store.root());
        let held = engines.iter().filter_map(|json| Held::read(json)).find(|held| held.engine == engine);
        let one = |(plan, record): (&Plan, Record)| {
            let memory = kept.iter().find(|memory| memory.record.platform == record.platform);
            let steps = steps(plan, build.target.as_deref(), &circumstances);
            let (held, circumstances, no_cache) = (held.as_ref(), &circumstances, build.no_cache);
            let before = memory.map(|memory| (memory, &record));
            let predictions = predict(steps, &Known { before, held, circumstances, no_cache });
            Platform { record, predictions }
        };
        // A platform that the project does not name has no plan of its own.
        let built = |plan: &Plan| build.platforms.is_empty() || build.platforms.contains(&plan.platform.to_string());
        let platforms = plans.iter().zip(records).filter(|(plan, _)| built(plan)).map(one).collect();
        Self {
            whole: build.target.is_none(),
            known: held.is_some() && build.cache_from.is_empty(),
            engine,
            circumstances,
            platforms,
        }
    }

    /// Returns what was foreseen for each of `plans`: nothing for those of platforms that are not built.
    pub(super) fn predictions(&self, plans: &[Plan]) -> Vec<Vec<Prediction>> {
        let of = |plan: &Plan| {
            let name = plan.platform.to_string();
            let platform = self.platforms.iter().find(|platform| platform.record.platform == name);
            platform.map(|platform| platform.predictions.clone()).unwrap_or_default()
        };
        plans.iter().map(of).collect()
    }

    /// Returns what the platforms that are built are made of.
    pub(super) fn records(&self) -> Vec<&Record> {
        self.platforms.iter().map(|platform| &platform.record).collect()
    }

    /// Returns what was compared with, for people; none before a first build.
    pub(super) fn against(&self) -> Option<&'static str> {
        self.known.then_some("the last build")
    }

    /// Compares what was foreseen with `outcome`, platform by platform.
    pub(super) fn agreement(&self, outcome: &Outcome) -> Agreement {
        let mut all = Agreement::default();
        for platform in &self.platforms {
            let facts = self.facts(outcome, platform);
            let Agreement { compared, same, there, disagreements, unforeseen } =
                Agreement::of(&platform.predictions, &facts, self.known);
            all.compared += compared;
            all.same.extend(same);
            all.there.extend(there);
            all.disagreements.extend(disagreements);
            all.unforeseen.extend(unforeseen);
        }
        all
    }

    /// Leaves for the next build what this one has taught.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn keep(
        &self,
        session: &Session,
        store: &Store,
        folder: &Path,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let succeeded = outcome.failed.is_none();
        store.keep_engine(&word(&[&self.engine.identity, &self.engine.endpoint]), session.interrupted(), |before| {
            let known = before.and_then(|json| Held::read(&json)).filter(|held| held.engine == self.engine);
            let mut now = known.unwrap_or_else(|| Held::new(&self.engine));
            let done = self.platforms.iter().flat_map(|platform| {
                let all = platform.predictions.iter().map(|prediction| &prediction.step);
                if succeeded { all.collect() } else { held(&platform.predictions, &self.facts(outcome, platform)) }
            });
            now.built(done);
            now.written()
        })?;
        if succeeded && self.whole {
            for Platform { record, .. } in &self.platforms {
                let name = word(&[&self.engine.identity, &self.engine.endpoint, &record.platform]);
                let took = self.took(store, folder, outcome, record);
                let materials = Some(outcome.materials.clone());
                let memory = Memory::of(&self.engine, record.clone(), &self.circumstances);
                let memory = Memory { took, materials, ..memory };
                store.keep_build(folder, &name, &memory.written())?;
            }
        }
        Ok(())
    }

    /// How long each stage took: in this build where all of its steps ran, else in the one before.
    fn took(&self, store: &Store, folder: &Path, outcome: &Outcome, record: &Record) -> BTreeMap<String, u64> {
        let before = Store::builds(store.root(), folder).into_iter().filter_map(|json| Memory::read(&json));
        let mut before = before.filter(|one| one.engine == self.engine && one.record.platform == record.platform);
        let mut took = before.next().map(|memory| memory.took).unwrap_or_default();
        took.retain(|stage, _| record.stage(stage).is_some());
        let here =
            |step: &&Step| step.platform.as_deref().is_none_or(|of| of.split("->").last() == Some(&record.platform));
        let mut now: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for step in outcome.steps.iter().filter(here) {
            let sum = now.entry(&step.stage).or_insert(Some(0));
            let lasted = match step.end {
                Some(End::Done(lasted)) => u64::try_from(lasted.as_millis()).ok(),
                _ => None,
            };
            *sum = sum.zip(lasted).map(|(sum, lasted)| sum + lasted);
        }
        took.extend(now.into_iter().filter_map(|(stage, sum)| Some((stage.to_owned(), sum?))));
        took
    }

    /// What the engine did on one platform.
    fn facts(&self, outcome: &Outcome, platform: &Platform) -> Vec<Fact> {
        let name = &platform.record.platform;
        let here = |step: &&Step| step.platform.as_deref().is_none_or(|of| of.split("->").last() == Some(name));
        outcome.steps.iter().filter(here).filter_map(fact).collect()
    }
}

/// Returns what tells `found` from other engines.
fn memorised(session: &Session, found: &Found, builder: Option<&str>) -> Engine {
    let endpoint = reached(found.engine == engine::Engine::Buildctl, session.endpoint_of(builder));
    let identity = if found.identity.is_empty() { "unnamed" } else { &found.identity };
    Engine { identity: format!("{} {identity}", found.driver), endpoint, merges: found.merges }
}

/// Returns how an engine is reached in the environment that is `endpoint`, where Docker and buildctl may reach two.
pub(super) fn reached(buildctl: bool, endpoint: String) -> String {
    if buildctl { format!("buildctl {endpoint}") } else { endpoint }
}

/// Returns what an engine says of a step that has ended well.
fn fact(step: &Step) -> Option<Fact> {
    let cached = match step.end {
        Some(End::Cached) => true,
        Some(End::Done(_)) => false,
        _ => return None,
    };
    let kind = match step.kind {
        Kind::Run => StepKind::Run,
        Kind::Add => StepKind::Add,
        Kind::Copy => StepKind::Copy,
        Kind::Link => StepKind::Link,
        Kind::Workdir => StepKind::Workdir,
    };
    Some(Fact { stage: step.stage.clone(), index: step.index, kind, cached })
}

/// Returns a word for `parts`: the name of a note.
fn word(parts: &[&str]) -> String {
    blake3::hash(parts.join("\n").as_bytes()).to_hex()[..32].to_owned()
}
