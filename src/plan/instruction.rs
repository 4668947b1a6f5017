//! Instructions of a stage, typed: what a stage key encodes and the Dockerfile prints.

use std::collections::{BTreeMap, BTreeSet};

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `RUN`.
    Run(Run),
    /// `COPY` of a tree of the store.
    CopyTree(CopyTree),
    /// `COPY --from` another stage.
    CopyStage {
        /// The stage.
        stage: String,
        /// The path in it; ends with `/` when it is a folder.
        from: String,
        /// The path here; ends with `/` when it is a folder.
        to: String,
        /// Whether the layer is independent of those below (`COPY --link`).
        link: bool,
    },
    /// `ARG`.
    Arg {
        /// The name.
        name: String,
        /// The default.
        default: Option<String>,
    },
    /// `ENV` of one variable; the value may refer to variables with `$`.
    Env {
        /// The name.
        name: String,
        /// The value in Dockerfile spelling, inside double quotes.
        value: String,
    },
    /// `USER`.
    User(String),
    /// `WORKDIR`.
    Workdir(String),
    /// `ENV`, `ARG`, `WORKDIR` or `SHELL` of a snippet, as written.
    Snippet {
        /// The instruction's name.
        keyword: &'static str,
        /// The rest.
        text: String,
        /// Where it stands.
        origin: Origin,
    },
}

/// `COPY` of a tree of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyTree {
    /// The content id.
    pub tree: String,
    /// The folder of the image, with a trailing slash.
    pub to: String,
}

/// A `RUN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its mounts, sorted.
    pub mounts: BTreeSet<Mount>,
    /// Whether it runs without network.
    pub offline: bool,
    /// The command as written: shell form, exec form or here-documents.
    pub command: String,
    /// The snippet it comes from; none for the steps of `deps` itself.
    pub origin: Option<Origin>,
}

/// A mount of a `RUN`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mount {
    /// A cache of the engine.
    Cache {
        /// Where.
        target: String,
        /// The cache's id.
        id: String,
        /// `locked`, `shared` or `private`.
        sharing: String,
    },
    /// A tree of the store, read-only.
    Tree {
        /// Where.
        target: String,
        /// The content id.
        tree: String,
    },
    /// A secret.
    Secret {
        /// Where.
        target: String,
        /// The secret's id.
        id: String,
    },
    /// A mount that a snippet writes out, option by option.
    Written(BTreeMap<String, String>),
    /// A folder of another stage, read-only.
    Stage {
        /// Where.
        target: String,
        /// The stage.
        stage: String,
        /// The folder in it.
        from: String,
    },
}

impl Mount {
    /// Returns the stage that is mounted, when it is one.
    pub fn stage(&self) -> Option<&str> {
        if let Self::Stage { stage, .. } = self { Some(stage) } else { None }
    }
}

/// Where a step was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The extension.
    pub extension: String,
    /// The snippet's file.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
}
