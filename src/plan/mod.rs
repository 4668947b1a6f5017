//! The plan: which stages an image is built from, in which order, and under which keys.
//!
//! Decides the stages (`layout.rs`, `outputs.rs`, `sources.rs`), their order (`order.rs`), their cache mounts (`caches.rs`) and what enters a
//! stage key (`key.rs`). A plan is a function of the project, the lock and the extensions' files: no clock, no
//! environment, no network, no path of the host. Leaves out the Dockerfile's text (`dockerfile/`).

mod account;
pub mod agreement;
mod apt;
mod cache_mounts;
mod caches;
mod conflicts;
mod instruction;
mod key;
mod layout;
pub mod memory;
mod order;
mod outputs;
pub mod record;
mod repositories;
mod sources;
pub mod steps;
pub mod why;

use std::collections::{BTreeMap, BTreeSet};

pub use cache_mounts::{CacheMount, any_image, cache_mounts};
pub use instruction::{CopyTree, Instruction, Mount, Origin, Run};
pub use key::{BuildKey, PlanKey, StageKey};
pub use order::extension_order;
pub use outputs::links;

use crate::digest::HashedFolder;
use crate::extension::{Account, Configured, File};
use crate::project::{Platform, Project};

/// The id of the secret that holds the host's CA bundle.
pub const CA_SECRET: &str = "deps-ca";

/// The id under which steps that fetch sources ask for the builder's ssh agent.
pub const SSH_ID: &str = "deps-sources";

/// Everything that a plan is made of.
#[derive(Clone, Debug)]
pub struct Ingredients<'a> {
    /// The project.
    pub project: &'a Project,
    /// The pinned base.
    pub base: Base,
    /// The pinned base of the builders.
    pub builder_base: Base,
    /// The project's extensions and those that they require.
    pub extensions: &'a [Configured],
    /// The pinned inputs of extensions.
    pub inputs: &'a [PinnedInput],
    /// The pinned checkouts.
    pub checkouts: &'a [Checkout],
}

/// A pinned input: a git repository, or the platform's file of a url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedInput {
    /// The extension.
    pub extension: String,
    /// The input's name.
    pub name: String,
    /// The content id: the commit's, or that of the file or the unpacked archive.
    pub tree: String,
}

/// A pinned checkout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkout {
    /// The set that it belongs to: the manifest's name, `main` where the project has one set.
    pub set: String,
    /// The path below the set's folder, as the manifest has it.
    pub path: String,
    /// The set's folder in the image.
    pub dest: String,
    /// The content id: the commit's, with `-s` when it has submodules.
    pub tree: String,
    /// What the build fetches itself; none when it copies the tree from the store.
    pub fetched: Option<Fetched>,
}

/// A commit that the build fetches itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fetched {
    /// The URL.
    pub url: String,
    /// The commit.
    pub rev: String,
    /// Whether it comes with its submodules.
    pub submodules: bool,
    /// Whether pointer files of Git LFS stay.
    pub pointers: bool,
}

/// What a stage begins with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// An empty file system.
    Scratch,
    /// An image by digest.
    Image {
        /// The reference as the project has it, without a digest.
        reference: String,
        /// `sha256:<64 hex>`.
        digest: String,
    },
    /// Another stage.
    Stage(String),
}

/// What a stage is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One set of Debian packages, shared by all builders that need just that set.
    Apt,
    /// An extension's builder.
    Builder,
    /// Outputs gathered under one root.
    Output,
    /// Checkouts of one set.
    Sources,
    /// The base with packages and user.
    Runtime,
    /// The image.
    Final,
}

impl Kind {
    /// Returns the kind's name in JSON and in stage keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Builder => "builder",
            Self::Output => "output",
            Self::Sources => "sources",
            Self::Runtime => "runtime",
            Self::Final => "final",
        }
    }
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The name, stable as long as the stage means the same.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// One line for people: what is in it.
    pub about: String,
    /// What it begins with.
    pub base: Base,
    /// What it does, in order.
    pub instructions: Vec<Instruction>,
    /// Why its result depends on more than the lock; empty for a pure stage.
    pub impure: BTreeSet<String>,
    /// The key: equal keys mean interchangeable results.
    pub key: StageKey,
}

impl Stage {
    /// Returns the stages that this one needs: its base, those that it copies from and those that it mounts, sorted.
    pub fn parents(&self) -> BTreeSet<&str> {
        let base = match &self.base {
            Base::Stage(name) => Some(name.as_str()),
            Base::Scratch | Base::Image { .. } => None,
        };
        let copied = self.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::CopyStage { stage, .. } => Some(stage.as_str()),
            _ => None,
        });
        let runs = self.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::Run(run) => Some(run),
            _ => None,
        });
        let mounted = runs.flat_map(|run| &run.mounts).filter_map(Mount::stage);
        base.into_iter().chain(copied).chain(mounted).collect()
    }
}

impl Stage {
    /// Whether its trees come as archives, which the engine unpacks: checkouts may have any number of files, of each of
    /// which an engine is told in every build where they come from a folder.
    pub fn unpacks(&self) -> bool {
        self.kind == Kind::Sources
    }

    /// Returns where the step was written that BuildKit calls `[<stage> <index>/…]`.
    ///
    /// BuildKit counts from 1: `FROM` of an image, then every `RUN`, `COPY`, `ADD` and `WORKDIR` (measured, see
    /// `engine/progress`).
    pub fn origin(&self, index: u32) -> Option<&Origin> {
        let first = if matches!(self.base, Base::Image { .. }) { 2 } else { 1 };
        let counted = self.instructions.iter().filter(|instruction| match instruction {
            Instruction::Snippet { keyword, .. } => *keyword == "WORKDIR",
            other => other.makes_layer(),
        });
        let instruction = counted.into_iter().nth(usize::try_from(index.checked_sub(first)?).ok()?)?;
        match instruction {
            Instruction::Run(run) => run.origin.as_ref(),
            Instruction::Snippet { origin, .. } => Some(origin),
            _ => None,
        }
    }
}

/// A plan for one platform.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The platform.
    pub platform: Platform,
    /// The stages in canonical order; the last one is the image.
    pub stages: Vec<Stage>,
    /// The image's user, when an extension makes one.
    pub account: Option<Account>,
    /// Folders that the build reads from the context, by content id.
    pub folders: Vec<Folder>,
    /// The folders and files of the project that it reads.
    pub project_folders: Vec<ProjectFolder>,
    /// Whether steps ask for the secret [`CA_SECRET`].
    pub ca_certificates: bool,
}

/// A folder that an extension brings: it enters the context under its content id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The content id.
    pub tree: String,
    /// The files.
    pub files: Vec<File>,
}

/// A folder of the project, or a file of it alone: it enters the context under its content id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFolder {
    /// Where it is, relative to `deps.toml`.
    pub path: String,
    /// What it held when the plan was made.
    pub files: HashedFolder,
}

impl Plan {
    /// Returns the stage that is the image.
    pub fn image(&self) -> &Stage {
        self.stages.last().expect("a plan has a final stage")
    }

    /// Returns the stage called `name`.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Returns whether a step asks for the ssh agent, under [`SSH_ID`].
    pub fn wants_ssh(&self) -> bool {
        let asks = |mount: &Mount| match mount {
            Mount::Written(options) => options.get("id").is_some_and(|id| id == SSH_ID),
            _ => false,
        };
        let mut instructions = self.stages.iter().flat_map(|stage| &stage.instructions);
        instructions.any(|one| matches!(one, Instruction::Run(run) if run.mounts.iter().any(asks)))
    }

    /// Returns the ids of the trees that the build unpacks from archives, sorted.
    pub fn unpacked(&self) -> BTreeSet<&str> {
        let unpacking = self.stages.iter().filter(|stage| stage.unpacks());
        let trees = unpacking.flat_map(|stage| &stage.instructions).filter_map(|instruction| match instruction {
            Instruction::CopyTree(copy) => Some(copy.tree.as_str()),
            _ => None,
        });
        trees.collect()
    }

    /// Returns how many stages are pure.
    pub fn pure_stages(&self) -> usize {
        self.stages.iter().filter(|stage| stage.impure.is_empty()).count()
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Extensions that each come after the other.
    #[error("extensions need each other in a circle: {}", cycle.join(" → "))]
    Cycle {
        /// The circle, its first member again at the end.
        cycle: Vec<String>,
    },
    /// Two extensions that both make the image's user.
    #[error("extensions `{first}` and `{second}` both make the image's user")]
    TwoAccounts {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// An extension that cannot be in one image with another.
    #[error("extension `{first}` cannot be in one image with `{second}`")]
    Conflict {
        /// The one that says so.
        first: String,
        /// The other.
        second: String,
    },
    /// Two extensions that set one variable to different values.
    #[error("extensions `{first}` and `{second}` both set `{variable}`")]
    VariableConflict {
        /// The variable.
        variable: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Two extensions that bring different repositories of Debian packages under one name.
    #[error("extensions `{first}` and `{second}` have different repositories of Debian packages called `{name}`")]
    RepositoryConflict {
        /// The repository.
        name: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Two extensions that put different files at one place.
    #[error("extensions `{first}` and `{second}` both install `{path}`")]
    PathConflict {
        /// The path of the image.
        path: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Steps that run something on an empty base.
    #[error("`{what}` runs commands, but the {base} is `scratch`")]
    NothingToRunOn {
        /// What runs them.
        what: String,
        /// Which base.
        base: &'static str,
    },
    /// More layers than an engine can stack.
    #[error("the image would have {layers} layers of its own, and engines stack {most}")]
    TooManyLayers {
        /// How many.
        layers: usize,
        /// How many are allowed.
        most: usize,
    },
    /// An input without a pin.
    #[error("input `{name}` of extension `{extension}` is not in the lock")]
    MissingInput {
        /// The extension.
        extension: String,
        /// The input.
        name: String,
    },
}

/// Returns the plan for `platform`.
///
/// # Errors
/// Every contradiction between the extensions, in canonical order.
pub fn plan(ingredients: &Ingredients<'_>, platform: &Platform) -> Result<Plan, Vec<Problem>> {
    let layout = layout::layout(ingredients)?;
    let stages = key::with_keys(order::stage_order(layout.stages), platform);
    let ca_certificates = layout.ca_certificates;
    let layout::Layout { account, folders, project_folders, .. } = layout;
    Ok(Plan { platform: platform.clone(), stages, account, folders, project_folders, ca_certificates })
}

/// Returns the key of an image for all its platforms: what its label says, whatever platform it is asked on.
pub fn plan_key(plans: &[Plan]) -> PlanKey {
    key::plan_key(plans.iter().map(|plan| &plan.image().key))
}

/// Returns the key of the build of `plans` with these build arguments, sorted `platforms`, and latest time of a file in
/// seconds since 1970: equal keys mean images that can stand for each other.
pub fn build_key(plans: &[Plan], args: &BTreeMap<String, String>, platforms: &[String], epoch: u32) -> BuildKey {
    key::build_key(&plan_key(plans), args, platforms, epoch)
}

#[cfg(test)]
mod tests;
