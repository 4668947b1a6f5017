//! What `plan`, `why`, `graph` and `build` share: the records of the project as it is, and of what it is compared with.

use std::cell::OnceCell;

use deps_lock::Lock;

use super::diagnostic::Diagnostic;
use super::foreseen::reached;
use super::outcome::Failed;
use super::session::Session;
use super::{build_arguments, locking, planning};
use crate::dockerfile;
use crate::engine::{self, Choice};
use crate::plan::Plan;
use crate::plan::memory::{Engine, Held, Known, Memory, Prediction, predict};
use crate::plan::record::Record;
use crate::plan::steps::{Circumstances, steps, unhashed_steps};
use crate::store::Store;
use crate::workspace::{Loaded, Workspace};

/// The project, planned.
pub(super) struct Planned {
    /// The project.
    pub(super) loaded: Loaded,
    /// A plan a platform.
    pub(super) plans: Vec<Plan>,
    lock: Lock,
    records: OnceCell<Vec<Record>>,
}

impl Planned {
    /// Returns what each plan is made of, in their order.
    pub(super) fn records(&self) -> &[Record] {
        self.records.get_or_init(|| self.loaded.records(&self.lock, &self.plans))
    }
}

/// Reads and plans the project; `why` is why its lock must be in sync. The answer lives as long as the process: a command
/// has one, and to take a thousand stages to pieces is work.
pub(super) fn planned(session: &Session, workspace: &Workspace, why: &str) -> Result<&'static Planned, Failed> {
    let loaded = session.load(workspace)?;
    let lock = locking::in_sync(workspace, &loaded, why)?;
    let plans = planning::plans(&loaded, &lock)?;
    Ok(Box::leak(Box::new(Planned { loaded, plans, lock, records: OnceCell::new() })))
}

/// Plans the project as the git revision `name` has it.
fn at_revision(workspace: &Workspace, name: &str) -> Result<(Vec<Plan>, Vec<Record>), Failed> {
    let there = workspace.at_revision(name)?;
    let told = |failed: Failed| {
        let code = failed.code();
        let add = |diagnostic: Diagnostic| diagnostic.details([format!("so it is at the git revision `{name}`")]);
        Failed::new(code, failed.into_diagnostics().into_iter().map(add).collect())
    };
    let planned = || -> Result<(Vec<Plan>, Vec<Record>), Failed> {
        let loaded = there.load()?;
        let lock = locking::in_sync(&there, &loaded, ", and a plan follows from it")?;
        let plans = planning::plans(&loaded, &lock)?;
        let records = loaded.records(&lock, &plans);
        Ok((plans, records))
    };
    planned().map_err(told)
}

/// What a command is told to compare the project with.
#[derive(Default)]
pub(super) struct Asked<'a> {
    /// A git revision.
    pub(super) against: Option<&'a str>,
    /// Which engine.
    pub(super) engine: Choice,
    /// Which builder of buildx.
    pub(super) builder: Option<&'a str>,
    /// Build arguments.
    pub(super) arguments: &'a [(String, String)],
}

impl<'a> Asked<'a> {
    /// What is asked where nothing can be said but a git revision.
    pub(super) fn revision(against: Option<&'a str>) -> Self {
        Self { against, ..Self::default() }
    }

    /// How the engine may be reached, the best way first.
    fn endpoints(&self, session: &Session) -> Vec<String> {
        let endpoint =
            |engine: &engine::Engine| reached(*engine == engine::Engine::Buildctl, session.endpoint_of(self.builder));
        self.engine.engines().iter().map(endpoint).collect()
    }
}

/// What the project is compared with: what is known of the engine that would build, or a git revision.
pub(super) struct Compared {
    against: String,
    /// What is known, for each platform of which something is.
    memories: Vec<Memory>,
    held: Option<Held>,
    /// What the engine would be told now, in the order of the plans.
    circumstances: Vec<Circumstances>,
}

impl Compared {
    /// Returns what `planned` is compared with: a git revision, else what builds on the engine that is asked for, or that
    /// this environment names, have left.
    pub(super) fn of(
        session: &Session,
        workspace: &Workspace,
        planned: &Planned,
        asked: &Asked<'_>,
    ) -> Result<Self, Failed> {
        let (root, against, endpoints) = (session.store_root()?, asked.against, asked.endpoints(session));
        let place = |engine: &Engine| endpoints.iter().position(|endpoint| *endpoint == engine.endpoint);
        let kept = Store::builds(&root, workspace.root()).into_iter().filter_map(|json| Memory::read(&json));
        let mut kept: Vec<Memory> = kept.filter(|memory| place(&memory.engine).is_some()).collect();
        kept.sort_by_key(|memory| place(&memory.engine));
        if let Some(first) = kept.first().map(|memory| memory.engine.endpoint.clone()) {
            kept.retain(|memory| memory.engine.endpoint == first);
        }
        let held = Store::engines(&root).into_iter().filter_map(|json| Held::read(&json));
        let mut held: Vec<Held> = held.filter(|held| place(&held.engine).is_some()).collect();
        held.sort_by_key(|held| place(&held.engine));
        let held = held.into_iter().find(|held| kept.first().is_none_or(|memory| held.engine == memory.engine));
        // An engine of which nothing is known is taken for a current one.
        let merges = held.as_ref().is_none_or(|held| held.engine.merges);
        let matters = against.is_some() || held.is_some();
        let circumstances = circumstances(session, planned, merges, (asked.arguments, matters))?;
        let Some(revision) = against else {
            let platforms: Vec<String> = planned.plans.iter().map(|plan| plan.platform.to_string()).collect();
            kept.retain(|memory| platforms.contains(&memory.record.platform));
            let memories = kept;
            return Ok(Self { against: "the last build".to_owned(), memories, held, circumstances });
        };
        let (memories, held) = supposed(workspace, revision, &circumstances)?;
        Ok(Self { against: revision.to_owned(), memories, held: Some(held), circumstances })
    }

    /// Returns what is known for the platform of `record`.
    pub(super) fn memory(&self, record: &Record) -> Option<&Memory> {
        self.memories.iter().find(|memory| memory.record.platform == record.platform)
    }

    /// Returns the same with what each plan is made of now, in the order of the plans.
    fn before<'a>(&'a self, planned: &'a Planned) -> Vec<Option<(&'a Memory, &'a Record)>> {
        if self.is_nothing() {
            return vec![None; planned.plans.len()]; // nobody asks what they are made of
        }
        let records = planned.records().iter();
        records.map(|record| self.memory(record).map(|memory| (memory, record))).collect()
    }

    /// Returns what it is, for people; none when there is nothing to compare with.
    pub(super) fn against(&self) -> Option<&str> {
        (!self.memories.is_empty() || self.held.is_some()).then_some(&self.against)
    }

    /// Whether no build of the project is known.
    pub(super) fn is_nothing(&self) -> bool {
        self.memories.is_empty()
    }

    /// Returns how many steps each of the plans has.
    pub(super) fn counts(&self, planned: &Planned) -> Vec<usize> {
        let all = planned.plans.iter().zip(&self.circumstances);
        all.map(|(plan, circumstances)| unhashed_steps(plan, None, circumstances).len()).collect()
    }

    /// Returns what every step will do, for each of the plans.
    pub(super) fn predictions(&self, planned: &Planned) -> Vec<Vec<Prediction>> {
        let all = planned.plans.iter().zip(&self.circumstances).zip(self.before(planned));
        all.map(|((plan, circumstances), before)| {
            let known = Known { before, held: self.held.as_ref(), circumstances, no_cache: false };
            // Chains are looked up in what an engine holds.
            let steps = if known.held.is_some() { steps } else { unhashed_steps };
            predict(steps(plan, None, circumstances), &known)
        })
        .collect()
    }
}

/// What the engine would be told; nobody asks who builds, which the store says, unless it `matters`.
fn circumstances(
    session: &Session,
    planned: &Planned,
    merges: bool,
    (arguments, matters): (&[(String, String)], bool),
) -> Result<Vec<Circumstances>, Failed> {
    let store = if matters { Some(session.store()?) } else { None };
    let (inputs, project) = (dockerfile::input_stages(&planned.plans), &planned.loaded.project);
    let one = |plan: &Plan| {
        let given = store.as_ref().map(|store| build_arguments::arguments(session, plan, store, project, arguments));
        Ok(Circumstances { arguments: given.transpose()?.unwrap_or_default(), merges, inputs: inputs.clone() })
    };
    planned.plans.iter().map(one).collect()
}

/// What would be known of an engine that has built the project as the git revision `name` has it, and nothing else.
fn supposed(workspace: &Workspace, name: &str, circumstances: &[Circumstances]) -> Result<(Vec<Memory>, Held), Failed> {
    let (plans, records) = at_revision(workspace, name)?;
    let (engine, mut memories) = (Engine::default(), Vec::new());
    let mut held = Held::new(&engine);
    // Whoever builds is the same for all platforms.
    let circumstances = circumstances.first().cloned().unwrap_or_default();
    let circumstances = Circumstances { inputs: dockerfile::input_stages(&plans), ..circumstances };
    for (plan, record) in plans.iter().zip(records) {
        held.built(&steps(plan, None, &circumstances));
        memories.push(Memory::of(&engine, record, &circumstances));
    }
    Ok((memories, held))
}
