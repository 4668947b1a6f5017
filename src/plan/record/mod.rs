//! Records: what every stage key was made of, so that two plans can be compared with words.
//!
//! Decides what of a stage is a fact of its own, with which value, and how a record is written down (JSON with a
//! version). The facts of a stage hold everything that enters its key: where two keys differ, so do two facts, or the
//! keys of two parents. Leaves out comparing (`why.rs`) and where records are kept (`store/`).

mod gather;
mod hashed;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Plan;
use super::key::CONTEXT;
use crate::extension::{Configured, Extension};
use crate::project::Project;

/// The version of the form of records: one of another version is as good as none.
pub const RECORD_VERSION: u32 = 1;

/// What a plan was made of, for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// The context string of the stage keys.
    pub encoding: String,
    /// The platform, like `linux/amd64`.
    pub platform: String,
    /// The stages, in canonical order.
    pub stages: Vec<StageRecord>,
}

/// What one stage key was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The stage's name.
    pub name: String,
    /// What it is for: the name of a [`super::Kind`].
    pub kind: String,
    /// Its key, 64 hexadecimal digits.
    pub key: String,
    /// The keys of the stages that it needs, by name.
    pub parents: BTreeMap<String, String>,
    /// Everything else that entered, sorted.
    pub facts: Vec<Fact>,
}

/// Something that entered a stage key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// What.
    pub subject: Subject,
    /// Its value.
    pub value: Value,
    /// The extension that brings it, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// What the stage begins with.
    Base,
    /// A Debian package.
    Package(String),
    /// A repository of Debian packages besides those of the base: its url, suite and components.
    PackageSource(String),
    /// The public key of such a repository.
    PackageKey(String),
    /// A checkout, by its key in the lock.
    Repository(String),
    /// An input of an extension, `<extension>/<input>`.
    Input(String),
    /// An extension.
    Extension(String),
    /// An option of an extension.
    Option {
        /// The extension.
        extension: String,
        /// The option.
        name: String,
    },
    /// A snippet as its author wrote it, by its path.
    Template(String),
    /// A file that an extension brings.
    File {
        /// The extension.
        extension: String,
        /// Where it ends up: a path of the image, or `<input>/<path>`.
        path: String,
    },
    /// Whether steps trust the host's CA bundle.
    CaCertificates,
    /// A build argument.
    Argument(String),
    /// An environment variable.
    Variable(String),
    /// The user that the stage ends with.
    User,
    /// A folder that the stage changes to.
    Workdir(String),
    /// A tree of the store that no other fact is about, by where it is copied to.
    Tree(String),
    /// A copy from another stage, by where it goes to.
    Copy {
        /// The other stage.
        stage: String,
        /// The path here.
        to: String,
    },
    /// The steps that become of something, as they are run.
    Steps(Section),
    /// What follows what.
    Sequence,
}

/// Which part of a stage steps belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// The step that installs Debian packages.
    Packages,
    /// The step that makes the image's user.
    User,
    /// The step that fetches checkouts.
    Sources,
    /// A snippet, by its path.
    Snippet(String),
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// It is there: there is nothing more to say.
    Present,
    /// A word, a line or a digest.
    Text(String),
    /// Several lines.
    Lines(String),
    /// A base image.
    Image(Image),
    /// Something that the lock pins.
    Pin(Pin),
    /// An extension.
    Release(Release),
}

/// A base image by digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Image {
    /// The reference, which is in no key.
    pub reference: String,
    /// `sha256:<64 hex>`.
    pub digest: String,
}

/// What the lock pins something to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pin {
    /// What was asked for, which is in no key; none for the remote's HEAD.
    pub reference: Option<String>,
    /// What was found: a commit id, a digest, a revision.
    pub rev: String,
    /// The content id, which also says how much of it is taken.
    pub tree: String,
    /// Where it is put.
    pub to: String,
}

/// A version of an extension, which is in no key itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// The digest of its files.
    pub digest: String,
}

/// What a plan does not say of what it was made of.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its extensions and those that they require.
    pub extensions: &'a [Extension],
    /// The same with their options.
    pub configured: &'a [Configured],
    /// What the lock pins of the checkouts, with their keys, by where the image has them (`/ws/src/core/nav2/`).
    pub repositories: &'a BTreeMap<String, (String, Pinned)>,
    /// What the lock pins of extensions' inputs, by `<extension>/<input>`.
    pub inputs: &'a BTreeMap<String, Pinned>,
}

/// A pin without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// What was asked for.
    pub reference: Option<String>,
    /// What was found.
    pub rev: String,
}

impl Record {
    /// Returns what `plan` was made of.
    pub fn of(plan: &Plan, told: &Told<'_>) -> Self {
        Self {
            version: RECORD_VERSION,
            encoding: CONTEXT.to_owned(),
            platform: plan.platform.to_string(),
            stages: gather::stages(plan, told),
        }
    }

    /// Returns the record of the stage called `name`.
    pub fn stage(&self, name: &str) -> Option<&StageRecord> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}
