//! Reads an engine's progress stream: bytes in, events out.
//!
//! Decides what a step is and how it ended. Leaves out counting (`summary`) and showing.
//!
//! A step is a vertex of BuildKit's graph whose name reads `[stage i/n] RUN …`, or COPY, ADD, WORKDIR or LINK in
//! place of RUN. Base images, the context, exports and everything `[internal]` are not steps: they complete without
//! saying whether they were cached.
//!
//! How `i` and `n` count, measured on dockerd 20.10.24 and 26.1.5:
//!
//! | In the Dockerfile | Counts |
//! |---|---|
//! | `FROM image` | as 1 |
//! | `FROM scratch`, `FROM stage` | not at all: the first instruction is 1, and `n` is this stage's own number |
//! | RUN, COPY, ADD, WORKDIR | 1 each |
//! | ENV, ARG, LABEL, USER, SHELL, ENTRYPOINT, CMD, EXPOSE | not at all |
//! | `COPY --link` | 1, but it is two steps of the same `i`: `COPY …` makes the layer, `LINK COPY …` places it (engines that cannot merge have the first only) |
//!
//! - A stage without a name is `stage-N`, N from 0. A Dockerfile of one stage has `[i/n]`, even where it is named.
//! - For several platforms the stage is preceded by the platform, `linux/amd64` or `linux/amd64->arm64`.
//! - Stages that begin alike share those vertices, and each is reported once, under one of these stages: not always
//!   the first or the last. `i` and `n` are those of the stage it is reported under.
//! - Variables are replaced in the instruction, continuation lines are joined and comments in it dropped; a heredoc
//!   reads `RUN <<END (echo first line...)`. A stage that the target does not need is not reported.
//! - BuildKit collects output for 100 ms per stream: lines of standard output and error may change places.

mod decode;
pub mod plain;
pub mod rawjson;
mod scan;

use std::fmt;
use std::time::Duration;

pub use plain::Plain;
pub use rawjson::RawJson;

use super::probe::Format;
use super::text::printable;
use crate::provenance::Material;

/// A reader of one progress stream. How the stream is cut into pieces does not change the events.
pub trait Progress {
    /// Takes the next bytes of the stream, and gives the events that they complete to `on`.
    fn feed(&mut self, bytes: &[u8], on: &mut dyn FnMut(Event));

    /// Takes note that the stream has ended, and gives what was still incomplete to `on`.
    fn finish(&mut self, on: &mut dyn FnMut(Event));
}

/// Returns a reader for `format`.
pub fn reader(format: Format) -> Box<dyn Progress> {
    match format {
        Format::RawJson => Box::new(RawJson::default()),
        Format::Plain => Box::new(Plain::default()),
    }
}

/// Something that happened in a build. All texts are fit for a terminal: control characters are spelled out.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The step exists; it comes once, before everything else about the step.
    Announced(Step),
    /// The step began to run; not given for a step that is found in the cache.
    Started(StepId),
    /// The step ended. A later one for the same step replaces it.
    Finished(StepId, End),
    /// A line that the step printed.
    Log {
        /// The step.
        step: StepId,
        /// The line, without its end.
        line: String,
    },
    /// The build takes something from outside.
    Took(Material),
    /// So many bytes of the build context were sent until now.
    Sent(u64),
    /// Something that is not a step failed, as a base image that is not there.
    Broken {
        /// Its name.
        name: String,
        /// What BuildKit says.
        message: String,
    },
    /// A line that is no progress: warnings, and the engine's own account of a failure.
    Tail(String),
}

/// Names a step within one build: its digest, or its number in a plain stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(pub String);

/// One instruction of a stage, as BuildKit performs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name within this build.
    pub id: StepId,
    /// The platform, where the build has several, as in `linux/arm64`.
    pub platform: Option<String>,
    /// The stage's name; empty where the whole Dockerfile is one stage.
    pub stage: String,
    /// Which of the stage's counted instructions it is, from 1.
    pub index: u32,
    /// How many the stage has.
    pub count: u32,
    /// What kind of instruction.
    pub kind: Kind,
    /// The instruction, on one line, with variables already replaced.
    pub instruction: String,
    /// How it ended, when it has.
    pub end: Option<End>,
}

/// The instructions that are steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `RUN`.
    Run,
    /// `COPY`.
    Copy,
    /// `ADD`.
    Add,
    /// `WORKDIR`.
    Workdir,
    /// Putting the layer of a `COPY --link` or `ADD --link` onto what stands before it.
    Link,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It was not run: its result was there.
    Cached,
    /// It ran.
    Done(Duration),
    /// It failed.
    Failed {
        /// What BuildKit says.
        message: String,
        /// What the process exited with, where it was a process.
        exit_code: Option<u32>,
    },
    /// It was stopped, because another step failed or the user interrupted the build.
    Cancelled,
}

impl End {
    /// Returns the end that an error text of BuildKit stands for.
    ///
    /// Only the text's end is looked at: the command, which may say anything, stands at its beginning.
    fn of_error(error: &str) -> Self {
        let error = error.trim_end();
        if let Some((_, code)) = error.rsplit_once("exit code: ")
            && let Ok(code) = code.parse()
        {
            return Self::Failed { message: printable_lines(error), exit_code: Some(code) };
        }
        if ["context canceled", "Canceled", "CANCELED"].iter().any(|word| error.ends_with(word)) {
            return Self::Cancelled;
        }
        Self::Failed { message: printable_lines(error), exit_code: None }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Step {
    /// Reads `[stage i/n] INSTRUCTION`; `None` for everything that is not a step.
    fn read(id: StepId, name: &str) -> Option<Self> {
        let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
        let (place, position) = place.rsplit_once(' ').unwrap_or(("", place));
        let (index, count) = position.split_once('/')?;
        let (platform, stage) = match place.trim().split_once(' ') {
            Some((platform, stage)) => (Some(printable(platform)), stage.trim()),
            None if place.contains('/') => (Some(printable(place.trim())), ""),
            None => (None, place.trim()),
        };
        Some(Self {
            id,
            platform,
            stage: printable(stage),
            index: index.parse().ok()?,
            count: count.parse().ok()?,
            kind: Kind::of(instruction)?,
            instruction: printable_lines(instruction),
            end: None,
        })
    }
}

impl Kind {
    fn of(instruction: &str) -> Option<Self> {
        match instruction.split(' ').next()? {
            "RUN" => Some(Self::Run),
            "COPY" => Some(Self::Copy),
            "ADD" => Some(Self::Add),
            "WORKDIR" => Some(Self::Workdir),
            "LINK" => Some(Self::Link),
            _ => None,
        }
    }
}

/// Returns `text` on one line.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
