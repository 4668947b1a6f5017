//! Decides, from what the programs on this machine say of themselves, which engine builds.
//!
//! buildx is taken before plain docker. An engine that is too old for the Dockerfiles that `dockerfile/` writes is
//! refused here, before a build, with the list of what it lacks (`age`). Leaves out asking (`run`): this is a function of
//! the answers.

mod age;
mod buildctl;
mod docker;
mod info;
mod refusal;
mod worker;

pub use refusal::{Looked, NoEngine, Unusable};

use age::Age;
use info::Info;

use super::text::printable;
use super::{Choice, Engine};

/// What one question to a program brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// The program is not in `PATH`, or was not asked.
    #[default]
    NoProgram,
    /// It failed; what it said on standard error, or why it could not be asked.
    Failed(String),
    /// What it said on standard output.
    Text(String),
}

/// The answers that the decision rests on. Where `info` says all of it, `docker`, `buildx` and `store` need not be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Of `docker info --format '{{json .}}'`, if it [`says_all`].
    pub info: Answer,
    /// Of `docker version --format '{{json .}}'`; fails also when only the server is missing.
    pub docker: Answer,
    /// Of `docker buildx version`.
    pub buildx: Answer,
    /// Of `docker buildx inspect`.
    pub builder: Answer,
    /// Whether the builder is known to be Docker's own, so that `builder` need not be asked.
    pub own: bool,
    /// Of `docker info --format '{{json .DriverStatus}} {{.ID}}'`.
    pub store: Answer,
    /// Of `buildctl --version`.
    pub buildctl: Answer,
    /// Of `buildctl debug workers --verbose`.
    pub workers: Answer,
}

/// How an engine reports progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `--progress=rawjson`.
    RawJson,
    /// `--progress=plain`.
    Plain,
}

/// An engine that can build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub engine: Engine,
    /// The version of what builds, for messages, as in `dockerd 26.1.5` or `BuildKit v0.32.2`.
    pub version: String,
    /// The buildx driver: `docker`, `docker-container`, `kubernetes`, `remote`; without buildx `docker` or `buildctl`.
    pub driver: String,
    /// How it reports progress.
    pub format: Format,
    /// Whether `COPY --link` is real: on a store that cannot merge, it silently behaves like a plain `COPY`.
    pub merges: bool,
    /// What tells it from other engines: the id of a dockerd or of buildkitd's worker, else the name of the builder.
    /// Empty when it says none.
    pub identity: String,
    /// Whether there is a dockerd beside it, or around it, whose image store can take what it builds.
    pub store: bool,
}

/// Returns whether `info` says what docker, its server, buildx and the image store are. A client older than 23.0 leaves its own
/// version out; without a server there is nothing to tell.
pub fn says_all(info: &Answer) -> bool {
    Info::read(info).is_some()
}

/// Returns the engine to build with, or why there is none.
///
/// # Errors
/// [`NoEngine::NotFound`] when none that `choice` allows is there and answers; [`NoEngine::TooOld`] when what
/// is there lacks something that generated Dockerfiles use.
pub fn decide(choice: Choice, facts: &Facts) -> Result<Found, NoEngine> {
    let (mut looked, mut old) = (Vec::new(), None);
    for engine in choice.engines() {
        // The same dockerd is as old for another program.
        if engine == Engine::Docker && old.is_some() {
            continue;
        }
        let seen = match engine {
            Engine::Buildx => docker::buildx(facts),
            Engine::Docker => docker::docker(facts),
            Engine::Buildctl => buildctl::buildctl(facts),
        };
        match seen.map(Seen::checked) {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => old = old.or(Some(error)),
            Err(found) => looked.push(Looked { engine, found }),
        }
    }
    Err(old.unwrap_or(NoEngine::NotFound { looked }))
}

/// An engine that answers, not yet known to be new enough.
struct Seen {
    found: Found,
    age: Age,
}

impl Seen {
    fn checked(self) -> Result<Found, NoEngine> {
        let lacks = self.age.lacks();
        if lacks.is_empty() { Ok(self.found) } else { Err(NoEngine::TooOld { engine: self.found.version, lacks }) }
    }
}

fn one_line(said: &str) -> String {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it failed and said nothing");
    printable(line)
}

#[cfg(test)]
mod tests;
