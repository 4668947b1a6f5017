//! What `plan`, `why`, `graph` and `build` share: the records of the project as it is, and of what it is compared with.

use super::diagnostic::Diagnostic;
use super::outcome::Failed;
use super::session::Session;
use super::{build, locking, planning};
use crate::plan::Plan;
use crate::plan::memory::{Engine, Held, Known, Memory, Prediction, predict};
use crate::plan::record::Record;
use crate::plan::steps::{Circumstances, steps};
use crate::store::Store;
use crate::workspace::{Loaded, Workspace};

/// The project, planned.
pub(super) struct Planned {
    /// The project.
    pub(super) loaded: Loaded,
    /// A plan a platform.
    pub(super) plans: Vec<Plan>,
    /// What each plan is made of.
    pub(super) records: Vec<Record>,
}

/// Reads and plans the project; `why` is why its lock must be in sync.
pub(super) fn planned(session: &Session, workspace: &Workspace, why: &str) -> Result<Planned, Failed> {
    let loaded = session.load(workspace)?;
    let lock = locking::in_sync(workspace, &loaded, why)?;
    let plans = planning::plans(&loaded, &lock)?;
    let records = loaded.records(&lock, &plans);
    Ok(Planned { loaded, plans, records })
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
    /// Returns what `planned` is compared with: the git revision `against`, else what builds on the engine that this
    /// environment names have left.
    pub(super) fn of(
        session: &Session,
        workspace: &Workspace,
        planned: &Planned,
        against: Option<&str>,
    ) -> Result<Self, Failed> {
        let (root, endpoint) = (session.store_root()?, session.endpoint());
        let kept = Store::builds(&root, workspace.root()).into_iter().filter_map(|json| Memory::read(&json));
        let kept: Vec<Memory> = kept.filter(|memory| memory.engine.endpoint == endpoint).collect();
        let held = Store::engines(&root).iter().filter_map(|json| Held::read(json)).find(|held| match kept.first() {
            Some(memory) => held.engine == memory.engine,
            None => held.engine.endpoint == endpoint,
        });
        // An engine of which nothing is known is taken for a current one.
        let merges = held.as_ref().is_none_or(|held| held.engine.merges);
        let circumstances = circumstances(session, planned, merges, against.is_some() || held.is_some())?;
        let Some(revision) = against else {
            let of_platform = |record: &Record| kept.iter().find(|memory| memory.record.platform == record.platform);
            let memories = planned.records.iter().filter_map(of_platform).cloned().collect();
            return Ok(Self { against: "the last build".to_owned(), memories, held, circumstances });
        };
        let (memories, held) = supposed(workspace, revision, &circumstances)?;
        Ok(Self { against: revision.to_owned(), memories, held: Some(held), circumstances })
    }

    /// Returns what is known for the platform of `record`.
    pub(super) fn memory(&self, record: &Record) -> Option<&Memory> {
        self.memories.iter().find(|memory| memory.record.platform == record.platform)
    }

    /// Returns what it is, for people; none when there is nothing to compare with.
    pub(super) fn against(&self) -> Option<&str> {
        (!self.memories.is_empty() || self.held.is_some()).then_some(&self.against)
    }

    /// Whether no build of the project is known.
    pub(super) fn is_nothing(&self) -> bool {
        self.memories.is_empty()
    }

    /// Returns what every step will do, for each of the plans.
    pub(super) fn predictions(&self, planned: &Planned) -> Vec<Vec<Prediction>> {
        let all = planned.plans.iter().zip(&planned.records).zip(&self.circumstances);
        let one = |((plan, record), circumstances): ((&Plan, &Record), &Circumstances)| {
            let (memory, held) = (self.memory(record), self.held.as_ref());
            predict(&steps(plan, None, circumstances), &Known { memory, held, record, circumstances, no_cache: false })
        };
        all.map(one).collect()
    }
}

/// What the engine would be told; nobody asks who builds, which the store says, unless it `matters`.
fn circumstances(
    session: &Session,
    planned: &Planned,
    merges: bool,
    matters: bool,
) -> Result<Vec<Circumstances>, Failed> {
    let store = if matters { Some(session.store()?) } else { None };
    let one = |plan: &Plan| {
        let given = store.as_ref().map(|store| build::arguments(session, plan, store, &planned.loaded.project, &[]));
        Ok(Circumstances { arguments: given.transpose()?.unwrap_or_default(), merges })
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
    for (plan, record) in plans.iter().zip(records) {
        held.built(&steps(plan, None, &circumstances));
        memories.push(Memory::of(&engine, record, &circumstances));
    }
    Ok((memories, held))
}
