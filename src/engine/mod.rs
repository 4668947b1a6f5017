//! Builds a Dockerfile on a real BuildKit, through a program that the user already has and has configured.
//!
//! Decides which engine is used (`probe`), how it is called (`invocation`) and what its output means (`progress`,
//! `summary`). Leaves out what is built (`plan/`, `dockerfile/`) and how progress looks on a screen (`report/`,
//! `cli/`). Only `run` and `container` start processes, and `oci` reads
//! the archives that they leave; everything else is a function of its arguments.
//!
//! A build reads as: `run::probe(choice)?` finds an engine, `run::build(&found, &build, …)?` returns what happened.

mod buildctl;
pub mod container;
pub mod exporter;
pub mod held;
pub mod image;
pub mod invocation;
pub mod oci;
pub mod probe;
pub mod progress;
pub mod run;
pub mod summary;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A way to reach BuildKit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// `docker buildx build`, with any of its drivers.
    Buildx,
    /// `docker build` with `DOCKER_BUILDKIT=1`, for a Docker without buildx.
    Docker,
    /// `buildctl build`, with the buildkitd that `BUILDKIT_HOST` names, or the one of this machine.
    Buildctl,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buildx => "docker buildx",
            Self::Docker => "docker build",
            Self::Buildctl => "buildctl",
        })
    }
}

/// Which engine the user asked for with `--engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The best one that works: buildx, else plain docker, else buildctl.
    #[default]
    Auto,
    /// The best one that works and has a store of images, from which containers are started.
    WithStore,
    /// This one or none.
    Only(Engine),
}

impl Choice {
    /// The words that [`Choice::from_str`] knows.
    pub const WORDS: [&str; 4] = ["auto", "buildx", "docker", "buildctl"];

    /// Returns the same, where the image is to be in a store from which containers are started.
    #[must_use]
    pub fn with_store(self) -> Self {
        if self == Self::Auto { Self::WithStore } else { self }
    }

    /// Returns the engines to look at, best first.
    pub fn engines(self) -> Vec<Engine> {
        match self {
            Self::Auto => vec![Engine::Buildx, Engine::Docker, Engine::Buildctl],
            Self::WithStore => vec![Engine::Buildx, Engine::Docker],
            Self::Only(engine) => vec![engine],
        }
    }
}

/// The word given to `--engine` is not one of [`Choice::WORDS`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no engine is called `{0}`")]
pub struct UnknownEngine(pub String);

impl FromStr for Choice {
    type Err = UnknownEngine;

    fn from_str(word: &str) -> Result<Self, UnknownEngine> {
        match word {
            "auto" => Ok(Self::Auto),
            "buildx" => Ok(Self::Only(Engine::Buildx)),
            "docker" => Ok(Self::Only(Engine::Docker)),
            "buildctl" => Ok(Self::Only(Engine::Buildctl)),
            _ => Err(UnknownEngine(word.to_owned())),
        }
    }
}

/// Everything that an engine is told about one build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The whole Dockerfile; it goes to the engine's standard input, where that takes one.
    pub dockerfile: String,
    /// The build context: an absolute path of a folder.
    pub context: PathBuf,
    /// Other folders that the Dockerfile calls by a name: absolute paths.
    pub contexts: BTreeMap<String, PathBuf>,
    /// Names for the image, `name[:tag]`.
    pub tags: Vec<String>,
    /// The stage to stop at; `None` means the last one.
    pub target: Option<String>,
    /// Platforms, `os/arch[/variant]`; none means the engine's own.
    pub platforms: Vec<String>,
    /// Values of `ARG`s by name.
    pub args: BTreeMap<String, String>,
    /// Absolute paths of secret files by id.
    pub secrets: BTreeMap<String, PathBuf>,
    /// Absolute paths of sockets of ssh agents by id.
    pub ssh: BTreeMap<String, PathBuf>,
    /// Whether cached results are ignored.
    pub no_cache: bool,
    /// Whether the image is pushed to the registry that its tags name.
    pub push: bool,
    /// Whether the image is loaded into the local image store.
    pub load: bool,
    /// Labels that the image gets beside those of its Dockerfile.
    pub labels: BTreeMap<String, String>,
    /// The latest time that a file of an exported image may have, in seconds since 1970; `None` leaves times alone.
    pub epoch: Option<u32>,
    /// What the exporter does, as the value of buildx's `--output`.
    pub output: Option<String>,
    /// Where results are taken from besides the engine, as values of buildx's `--cache-from`.
    pub cache_from: Vec<String>,
    /// Where results are left for others, as values of buildx's `--cache-to`.
    pub cache_to: Vec<String>,
    /// The buildx builder; `None` means the one that the environment names.
    pub builder: Option<String>,
    /// Where the engine writes the digest of the image: an absolute path, overwritten.
    pub metadata: PathBuf,
}

impl Build {
    /// Whether what it makes goes nowhere but into the engine's cache, as a stage alone is meant to.
    pub fn is_kept_nowhere(&self) -> bool {
        !self.load && !self.push && self.output.is_none() && self.target.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_an_engine_is_understood_and_no_other() {
        for word in Choice::WORDS {
            assert!(word.parse::<Choice>().is_ok(), "{word}");
        }
        assert_eq!("podman".parse::<Choice>().unwrap_err().to_string(), "no engine is called `podman`");
    }

    #[test]
    fn auto_prefers_buildx_and_takes_buildctl_last() {
        assert_eq!(Choice::Auto.engines(), [Engine::Buildx, Engine::Docker, Engine::Buildctl]);
        assert_eq!(Choice::WithStore.engines(), [Engine::Buildx, Engine::Docker]);
    }
}
