//! Why there is no engine, in words.

use std::fmt;

use super::super::Engine;

/// Why an engine cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The engine that was looked for.
    pub engine: Engine,
    /// What was found instead.
    pub found: Unusable,
}

/// What was found in place of a usable engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no `docker` in `PATH`.
    NoDocker,
    /// There is no `buildctl` in `PATH`.
    NoBuildctl,
    /// `docker` has no plugin `buildx`, or what answers to that name is not buildx.
    NoBuildx,
    /// buildx of this version is older than 0.10 and cannot leave the provenance out.
    OldBuildx(String),
    /// This Docker client builds with BuildKit only through buildx, which is missing.
    NeedsBuildx(String),
    /// The engine does not answer; what the program said, one line.
    NoServer(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDocker => f.write_str("no `docker` in PATH"),
            Self::NoBuildctl => f.write_str("no `buildctl` in PATH"),
            Self::NoBuildx => f.write_str("`docker` has no plugin `buildx`"),
            Self::OldBuildx(version) => write!(f, "buildx {version} is older than 0.10"),
            Self::NeedsBuildx(version) => write!(f, "the client {version} needs the plugin `buildx` to use BuildKit"),
            Self::NoServer(said) => write!(f, "no answer: {said}"),
        }
    }
}

/// Why nothing can be built here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEngine {
    /// None of the engines that were looked for works.
    #[error("no engine to build with{}", listed(.looked))]
    NotFound {
        /// What was looked for, and what was found, best engine first.
        looked: Vec<Looked>,
    },
    /// There is one, and it cannot build these Dockerfiles.
    #[error("{engine} is too old: it lacks {}", quoted(.lacks))]
    TooOld {
        /// What builds, with its version, as in `dockerd 20.10.24`.
        engine: String,
        /// What of a Dockerfile it does not know.
        lacks: Vec<&'static str>,
    },
}

fn listed(looked: &[Looked]) -> String {
    looked.iter().map(|Looked { engine, found }| format!("\n  `{engine}`: {found}")).collect()
}

fn quoted(lacks: &[&str]) -> String {
    lacks.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
