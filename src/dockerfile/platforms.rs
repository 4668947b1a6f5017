//! One Dockerfile for several platforms: inputs that are another tree on another platform.
//!
//! Decides that such an input is a stage for each platform and one that the engine chooses by `TARGETARCH`, so that the
//! text of a builder is the same on all of them. Leaves out spelling (`mod.rs`).

use std::collections::BTreeMap;

use crate::plan::{Instruction, Mount, Plan, Stage};

/// The trees of an input that differ, by what the engine calls the platforms.
pub(super) type Trees = BTreeMap<String, String>;

/// Inputs that differ between platforms, by the stage that mounts them and where.
#[derive(Default)]
pub(super) struct Varied {
    by_mount: BTreeMap<(String, String), Trees>,
    /// Whether some platform has a variant, such as arm's `v7`.
    variants: bool,
}

impl Varied {
    /// Compares `plans`, which differ in trees alone.
    pub(super) fn of(plans: &[Plan]) -> Self {
        let mut by_mount: BTreeMap<(String, String), Trees> = BTreeMap::new();
        for plan in plans {
            let name = format!("{}{}", plan.platform.architecture(), plan.platform.variant().unwrap_or_default());
            for (stage, target, tree) in plan.stages.iter().flat_map(mounts) {
                by_mount
                    .entry((stage.to_owned(), target.to_owned()))
                    .or_default()
                    .insert(name.clone(), tree.to_owned());
            }
        }
        by_mount.retain(|_, trees| trees.values().any(|tree| Some(tree) != trees.values().next()));
        Self { by_mount, variants: plans.iter().any(|plan| plan.platform.variant().is_some()) }
    }

    /// Returns the names of all inputs' own stages, by the stage that mounts each and where.
    pub(super) fn stages(&self) -> BTreeMap<(String, String), String> {
        self.by_mount.keys().map(|key| (key.clone(), input_stage(&key.0, &key.1))).collect()
    }

    /// Returns the inputs of `stage`: the name of each one's own stage, and its trees.
    pub(super) fn of_stage(&self, stage: &str) -> impl Iterator<Item = (String, &Trees)> {
        let from = (stage.to_owned(), String::new());
        let own = self.by_mount.range(from..).take_while(move |((name, _), _)| name == stage);
        own.map(|((stage, target), trees)| (input_stage(stage, target), trees))
    }

    /// Returns the stage that `stage` mounts at `target`, if that differs between platforms.
    pub(super) fn mounted(&self, stage: &str, target: &str) -> Option<String> {
        let key = (stage.to_owned(), target.to_owned());
        self.by_mount.contains_key(&key).then(|| input_stage(stage, target))
    }

    /// Returns what stands for the platform in the name of a stage.
    pub(super) fn variable(&self) -> &'static str {
        if self.variants { "${TARGETARCH}${TARGETVARIANT}" } else { "${TARGETARCH}" }
    }
}

/// Returns the trees that a stage mounts, and where.
fn mounts(stage: &Stage) -> impl Iterator<Item = (&str, &str, &str)> {
    let runs =
        stage.instructions.iter().filter_map(|one| if let Instruction::Run(run) = one { Some(run) } else { None });
    runs.flat_map(|run| &run.mounts).filter_map(|mount| match mount {
        Mount::Tree { target, tree } => Some((stage.name.as_str(), target.as_str(), tree.as_str())),
        _ => None,
    })
}

/// A name that no stage of a plan has: builders have no `.` in theirs.
fn input_stage(stage: &str, target: &str) -> String {
    format!("{stage}.{}", target.rsplit('/').next().unwrap_or(target))
}
