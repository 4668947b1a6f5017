//! What `plan`, `why`, `graph` and `build` share: the records of the project as it is, and of what it is compared with.

use super::diagnostic::Diagnostic;
use super::outcome::Failed;
use super::session::Session;
use super::{build, locking, planning};
use crate::plan::Plan;
use crate::plan::memory::{Known, Memory, Prediction, predict};
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
    /// What it is, for people.
    pub(super) against: String,
    /// What is known, for each platform of which something is.
    pub(super) memories: Vec<Memory>,
    /// What the engine would be told now, in the order of the plans.
    circumstances: Vec<Circumstances>,
}

impl Compared {
    /// Returns what `planned` is compared with: the git revision `against`, else the last build on the engine that this
    /// environment names.
    pub(super) fn of(
        session: &Session,
        workspace: &Workspace,
        planned: &Planned,
        against: Option<&str>,
    ) -> Result<Self, Failed> {
        let root = session.store_root()?;
        let endpoint = session.endpoint();
        let kept = Store::builds(&root, workspace.root());
        let kept = kept.iter().filter_map(|json| Memory::read(json)).filter(|memory| memory.endpoint == endpoint);
        let kept: Vec<Memory> = kept.collect();
        // An engine of which nothing is known is taken for a current one.
        let merges = kept.first().is_none_or(|memory| memory.merges);
        let circumstances = circumstances(session, planned, merges, against.is_some() || !kept.is_empty())?;
        let (against, memories) = match against {
            Some(revision) => (revision.to_owned(), supposed(workspace, revision, &circumstances)?),
            None => {
                let of_platform =
                    |record: &Record| kept.iter().find(|memory| memory.record.platform == record.platform);
                ("the last build".to_owned(), planned.records.iter().filter_map(of_platform).cloned().collect())
            }
        };
        Ok(Self { against, memories, circumstances })
    }

    /// Returns what is known for the platform of `record`.
    pub(super) fn memory(&self, record: &Record) -> Option<&Memory> {
        self.memories.iter().find(|memory| memory.record.platform == record.platform)
    }

    /// Returns what every step will do, for each of the plans.
    pub(super) fn predictions(&self, planned: &Planned) -> Vec<Vec<Prediction>> {
        let all = planned.plans.iter().zip(&planned.records).zip(&self.circumstances);
        let one = |((plan, record), circumstances): ((&Plan, &Record), &Circumstances)| {
            let memory = self.memory(record);
            predict(&steps(plan, None, circumstances), &Known { memory, record, circumstances })
        };
        all.map(one).collect()
    }
}

/// What the engine would be told; without a store nobody asks who builds, unless it `matters`.
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

/// What an engine would know that has built the project as the git revision `name` has it.
fn supposed(workspace: &Workspace, name: &str, circumstances: &[Circumstances]) -> Result<Vec<Memory>, Failed> {
    let (plans, records) = at_revision(workspace, name)?;
    // Whoever builds is the same for all platforms.
    let Some(circumstances) = circumstances.first() else { return Ok(Vec::new()) };
    let one =
        |(plan, record): (&Plan, Record)| Memory::supposed(record, circumstances, &steps(plan, None, circumstances));
    Ok(plans.iter().zip(records).map(one).collect())
}
