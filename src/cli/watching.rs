//! A build as people and programs see it while it runs.
//!
//! Decides what is shown: on a terminal a line for every running step with its seconds and the ended ones above,
//! elsewhere a line for each step that ends, or one JSON object a line. All of it is talk and goes to stderr: stdout has
//! the image's digest alone.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, UNREACHABLE, USAGE, say};
use super::paint;
use super::session::Session;
use crate::engine::Build;
use crate::engine::invocation::InvocationError;
use crate::engine::probe::Found;
use crate::engine::progress::{End, Event, Kind, Step, StepId};
use crate::engine::run::{self, Built, RunError};
use crate::engine::summary::{self, Summary};
use crate::plan::agreement::Agreement;
use crate::report::{self, ProgressReport, StepName};

/// How a build is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum View {
    /// Live lines on a terminal, else plain
    #[default]
    Auto,
    /// A line for each step that ends
    Plain,
    /// One JSON object a line on stderr (`deps schema progress`)
    Json,
}

/// A build that was watched.
pub(super) struct Watched {
    /// What it came to.
    pub(super) built: Built,
    /// What failed without being a step: its name, and what the engine says.
    pub(super) broken: Vec<(String, String)>,
}

/// Builds, and shows it.
pub(super) fn watched(session: &Session, found: &Found, build: &Build, view: View) -> Result<Watched, Failed> {
    let live = (view == View::Auto && session.terminal()).then(Live::new).flatten();
    let mut watch = Watch { session, view, live, summary: Summary::default(), broken: Vec::new() };
    let built = run::build(found, build, session.interrupted(), &mut |event| watch.on(event));
    if let Some(live) = watch.live {
        live.end();
    }
    Ok(Watched { built: built.map_err(|error| unbuilt(&error))?, broken: watch.broken })
}

struct Watch<'a> {
    session: &'a Session,
    view: View,
    live: Option<Live>,
    summary: Summary,
    broken: Vec<(String, String)>,
}

impl Watch<'_> {
    fn on(&mut self, event: &Event) {
        self.summary.note(event);
        match event {
            Event::Started(id) => self.started(id),
            Event::Finished(id, end) => self.finished(id, end),
            Event::Broken { name, message } => self.broken.push((name.clone(), message.clone())),
            _ => {}
        }
    }

    fn started(&mut self, id: &StepId) {
        let Some((step, _)) = self.summary.step(id) else { return };
        if self.view == View::Json {
            say(&report::progress_line(&ProgressReport::Started { schema: 1, step: step_name(step) }));
        }
        if let Some(live) = &mut self.live {
            live.started(id, summary::name(step), self.summary.total());
        }
    }

    fn finished(&mut self, id: &StepId, end: &End) {
        let Some((step, number)) = self.summary.step(id) else { return };
        let total = self.summary.total();
        if self.view == View::Json {
            let (state, seconds) = state(end);
            let step = step_name(step);
            let event = ProgressReport::Finished { schema: 1, step, state: state.to_owned(), seconds, number, total };
            return say(&report::progress_line(&event));
        }
        let line = paint::step(&summary::line(step, number, total), self.session.colour());
        match &mut self.live {
            Some(live) => live.finished(id, line, number, total),
            None => self.session.tell(&format!("{line}\n")),
        }
    }
}

/// Says to programs what the build came to.
pub(super) fn tell_end(view: View, build: &Build, built: &Built, agreement: &Agreement) {
    if view != View::Json {
        return;
    }
    let Built { outcome, image } = built;
    let seconds = outcome.took.as_secs_f64();
    let event = match &outcome.failed {
        Some(failure) => ProgressReport::Failed {
            schema: 1,
            step: failure.step.as_ref().map(step_name),
            message: failure.message.clone(),
            exit_code: failure.exit_code,
            seconds,
        },
        None => ProgressReport::Built {
            schema: 1,
            image: image.clone(),
            names: build.tags.clone(),
            cached: outcome.cached,
            run: outcome.ran,
            seconds,
            otherwise: agreement.disagreements.len() + agreement.unforeseen.len(),
        },
    };
    say(&report::progress_line(&event));
}

/// What stands at the bottom of a terminal while a build runs.
struct Live {
    lines: MultiProgress,
    running: BTreeMap<StepId, ProgressBar>,
    all: ProgressBar,
}

impl Live {
    /// Returns nothing where the terminal cannot move its cursor: lines that are hidden would hide what is printed, too.
    fn new() -> Option<Self> {
        let lines = MultiProgress::new();
        if lines.is_hidden() {
            return None;
        }
        let all = lines.add(spinner("{spinner} {pos} of {len} steps, {elapsed}"));
        Some(Self { lines, running: BTreeMap::new(), all })
    }

    fn started(&mut self, id: &StepId, name: String, total: usize) {
        self.all.set_length(total as u64);
        let line = self.lines.insert_before(&self.all, spinner("  {wide_msg} {elapsed:>4}"));
        line.set_message(name);
        self.running.insert(id.clone(), line);
    }

    fn finished(&mut self, id: &StepId, line: String, number: usize, total: usize) {
        if let Some(line) = self.running.remove(id) {
            line.finish_and_clear();
            self.lines.remove(&line);
        }
        _ = self.lines.println(line); // where nobody can read it, there is nobody to tell
        self.all.set_length(total as u64);
        self.all.set_position(number as u64);
    }

    fn end(self) {
        self.running.into_values().for_each(|line| line.finish_and_clear());
        self.all.finish_and_clear();
    }
}

fn spinner(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template(template).expect("the template is good"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Returns which step it is, for programs.
pub(super) fn step_name(step: &Step) -> StepName {
    let kind = match step.kind {
        Kind::Run => "RUN",
        Kind::Copy => "COPY",
        Kind::Add => "ADD",
        Kind::Workdir => "WORKDIR",
        Kind::Link => "LINK",
    };
    StepName {
        stage: step.stage.clone(),
        index: step.index,
        kind: kind.to_owned(),
        platform: step.platform.clone(),
        instruction: step.instruction.clone(),
    }
}

/// Returns how a step ended, in a word, and the seconds that it took.
pub(super) fn state(end: &End) -> (&'static str, Option<f64>) {
    match end {
        End::Cached => ("cached", None),
        End::Done(took) => ("done", Some(took.as_secs_f64())),
        End::Failed { .. } => ("failed", None),
        End::Cancelled => ("cancelled", None),
    }
}

/// Returns what people are told where a build could not be performed.
pub(super) fn unbuilt(error: &RunError) -> Failed {
    match error {
        RunError::Invocation(InvocationError::NeedsBuildx { .. }) => Failed::one(
            USAGE,
            Diagnostic::error(error.to_string()).hint(Some("install the docker plugin `buildx`".to_owned())),
        ),
        RunError::Invocation(InvocationError::NoStore) => no_store(&error.to_string()),
        RunError::Invocation(_) => Failed::one(USAGE, Diagnostic::error(error.to_string())),
        RunError::CannotStart { source, .. } => {
            Failed::one(UNREACHABLE, Diagnostic::error(format!("{error}: {source}")))
        }
        RunError::CannotWrite { source, .. } => Failed::one(FAILED, Diagnostic::error(format!("{error}: {source}"))),
        RunError::Interrupted => Failed::one(FAILED, Diagnostic::error("interrupted")),
    }
}

/// What to do where an engine has no store of images.
const ELSEWHERE: &str =
    "push it with `--push`, or write an archive that `docker load -i FILE` takes: `--output type=docker,dest=FILE`";

fn no_store(message: &str) -> Failed {
    Failed::one(USAGE, Diagnostic::error(message).hint(Some(ELSEWHERE.to_owned())))
}

/// What is said where nobody has said where the image should go, and the engine has no place for it.
pub(super) fn kept_nowhere(found: &Found) -> Diagnostic {
    let why = if found.store { "Docker takes one platform at a time" } else { "it has no store of images" };
    let message = format!("the image is in the cache of {} only: {why}", found.version);
    Diagnostic::warning(message).hint(Some(ELSEWHERE.to_owned()))
}
