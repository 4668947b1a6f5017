//! Adds events up to what a build came to.
//!
//! Decides which step's failure is the failure, and how a step reads on one line. Leaves out what the plan expected.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::progress::{End, Event, Kind, Step, StepId};
use crate::provenance::Material;

/// How many lines of a log are kept for a failure.
const LAST_LINES: usize = 20;

/// The longest name of a step, in characters.
const NAME: usize = 80;

/// What a build came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its steps by stage, position, kind and platform; a step without an end was not reached.
    pub steps: Vec<Step>,
    /// How many steps were run to their end.
    pub ran: usize,
    /// How many steps were found in the cache.
    pub cached: usize,
    /// What failed; `None` means that the build succeeded.
    pub failed: Option<Failure>,
    /// What it took from outside, sorted.
    pub materials: Vec<Material>,
    /// How long it took.
    pub took: Duration,
}

/// Why a build failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The step that failed; `None` when it was something else: the Dockerfile, a base image, the export.
    pub step: Option<Step>,
    /// What the engine says.
    pub message: String,
    /// What the step's process exited with.
    pub exit_code: Option<u32>,
    /// The last lines of the step's log, at most 20; without a step, of the engine's own account.
    pub last_lines: Vec<String>,
    /// How many other steps were stopped because of it: their work is lost.
    pub cancelled: usize,
}

/// The events of a build until now.
#[derive(Debug, Default)]
pub struct Summary {
    steps: BTreeMap<StepId, Step>,
    ended: BTreeMap<StepId, usize>,
    logs: BTreeMap<StepId, VecDeque<String>>,
    materials: BTreeSet<Material>,
    broken: Option<String>,
    tail: VecDeque<String>,
}

impl Summary {
    /// Takes note of `event`.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Announced(step) => _ = self.steps.insert(step.id.clone(), step.clone()),
            Event::Finished(id, end) => self.ended(id, end),
            Event::Log { step, line } => keep(self.logs.entry(step.clone()).or_default(), line),
            Event::Broken { name, message } => {
                self.broken.get_or_insert_with(|| format!("{name}: {message}"));
            }
            Event::Took(material) => _ = self.materials.insert(material.clone()),
            Event::Tail(line) => keep(&mut self.tail, line),
            Event::Started(_) | Event::Sent(_) => {}
        }
    }

    fn ended(&mut self, id: &StepId, end: &End) {
        if let Some(step) = self.steps.get_mut(id) {
            step.end = Some(end.clone());
            let next = self.ended.len() + 1;
            self.ended.entry(id.clone()).or_insert(next);
        }
    }

    /// Returns the step called `id`, and its number for [`line()`]: which step it was, from 1, to end or to go on after
    /// those that have ended.
    pub fn step(&self, id: &StepId) -> Option<(&Step, usize)> {
        let number = self.ended.get(id).copied().unwrap_or(self.ended.len() + 1);
        self.steps.get(id).map(|step| (step, number))
    }

    /// Returns how many steps are known. Through buildx, these are all, before the first one begins.
    pub fn total(&self) -> usize {
        self.steps.len()
    }

    /// Returns what the build came to, after `took`; `succeeded` is what the engine's exit status says.
    pub fn outcome(mut self, succeeded: bool, took: Duration) -> Outcome {
        let mut steps: Vec<Step> = std::mem::take(&mut self.steps).into_values().collect();
        steps.sort_by(|a, b| place(a).cmp(&place(b)));
        let count =
            |wanted: fn(&End) -> bool| steps.iter().filter_map(|s| s.end.as_ref()).filter(|e| wanted(e)).count();
        let (ran, cached) = (count(|end| matches!(end, End::Done(_))), count(|end| *end == End::Cached));
        let cancelled = count(|end| *end == End::Cancelled);
        let failed = (!succeeded).then(|| self.failure(&steps, cancelled));
        let materials = std::mem::take(&mut self.materials).into_iter().collect();
        Outcome { steps, ran, cached, failed, materials, took }
    }

    /// A step whose process failed explains more than one that failed otherwise.
    fn failure(&self, steps: &[Step], cancelled: usize) -> Failure {
        let failed = steps.iter().filter_map(|step| match &step.end {
            Some(End::Failed { message, exit_code }) => Some((step, message, *exit_code)),
            _ => None,
        });
        let Some((step, message, exit_code)) = failed.min_by_key(|(.., exit_code)| exit_code.is_none()) else {
            return Failure {
                step: None,
                message: self.error(),
                exit_code: None,
                last_lines: lines(&self.tail),
                cancelled,
            };
        };
        let last_lines = self.logs.get(&step.id).map(lines).unwrap_or_default();
        Failure { step: Some(step.clone()), message: message.clone(), exit_code, last_lines, cancelled }
    }

    /// The engine's own account says more than the vertex that broke.
    fn error(&self) -> String {
        let error = self.tail.iter().rev().find_map(|line| line.strip_prefix("ERROR: "));
        let said = error.or(self.tail.back().map(String::as_str)).or(self.broken.as_deref());
        let said = said.unwrap_or("the engine failed and said nothing");
        said.strip_prefix("failed to solve: ").unwrap_or(said).to_owned()
    }
}

fn place(step: &Step) -> (&str, u32, Kind, Option<&str>) {
    (&step.stage, step.index, step.kind, step.platform.as_deref())
}

fn keep(lines: &mut VecDeque<String>, line: &str) {
    if lines.len() == LAST_LINES {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}

fn lines(lines: &VecDeque<String>) -> Vec<String> {
    lines.iter().cloned().collect()
}

/// Returns the line that says how `step`, the `number`th of `total`, ended: `[3/12] nav2: RUN make … done 1.2s`.
///
/// Without an end it is the name alone. The text is fit for a terminal.
pub fn line(step: &Step, number: usize, total: usize) -> String {
    let name = name(step);
    match &step.end {
        None => format!("[{number}/{total}] {name}"),
        Some(end) => format!("[{number}/{total}] {name} … {}", word(end)),
    }
}

fn word(end: &End) -> String {
    match end {
        End::Cached => "CACHED".to_owned(),
        End::Done(took) => format!("done {:.1}s", took.as_secs_f64()),
        End::Failed { .. } => "failed".to_owned(),
        End::Cancelled => "cancelled".to_owned(),
    }
}

/// Returns `<stage>: <instruction>` on one line of at most 80 characters, without the `--mount` flags of a RUN.
pub fn name(step: &Step) -> String {
    let mut words = step.instruction.split_whitespace().peekable();
    let mut name = if step.stage.is_empty() { String::new() } else { format!("{}: ", step.stage) };
    name.extend(words.next());
    while let Some(flag) = words.next_if(|word| word.starts_with("--")) {
        if !flag.starts_with("--mount=") {
            name.extend([" ", flag]);
        }
    }
    for word in words {
        name.extend([" ", word]);
    }
    shortened(&name, NAME)
}

fn shortened(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(instruction: &str, end: Option<End>) -> Step {
        let id = StepId("#1".into());
        Step {
            id,
            platform: None,
            stage: "nav2".into(),
            index: 2,
            count: 3,
            kind: Kind::Run,
            instruction: instruction.into(),
            end,
        }
    }

    #[test]
    fn a_line_says_how_a_step_ended() {
        let line = |end| line(&step("RUN make", end), 3, 12);
        let failed = End::Failed { message: "x".into(), exit_code: Some(2) };
        assert_eq!(line(Some(End::Cached)), "[3/12] nav2: RUN make … CACHED");
        assert_eq!(line(Some(End::Done(Duration::from_millis(1_249)))), "[3/12] nav2: RUN make … done 1.2s");
        assert_eq!(line(Some(failed)), "[3/12] nav2: RUN make … failed");
        assert_eq!(line(Some(End::Cancelled)), "[3/12] nav2: RUN make … cancelled");
        assert_eq!(line(None), "[3/12] nav2: RUN make");
    }

    #[test]
    fn a_name_has_no_mounts_and_at_most_eighty_characters() {
        let mounted = "RUN --mount=type=cache,id=c --network=none  --mount=type=bind cargo\t--mount=kept";
        assert_eq!(name(&step(mounted, None)), "nav2: RUN --network=none cargo --mount=kept");
        let long = name(&step(&format!("RUN {}", "é".repeat(200)), None));
        assert_eq!((long.chars().count(), long.chars().last()), (80, Some('…')));
    }

    #[test]
    fn steps_are_numbered_as_they_end_and_a_second_end_keeps_the_number() {
        let mut summary = Summary::default();
        let (one, two) = (StepId("1".into()), StepId("2".into()));
        for id in [&one, &two] {
            summary.note(&Event::Announced(Step { id: id.clone(), ..step("RUN x", None) }));
        }
        summary.note(&Event::Finished(two.clone(), End::Done(Duration::ZERO)));
        summary.note(&Event::Finished(one.clone(), End::Cached));
        summary.note(&Event::Finished(two.clone(), End::Cached));
        let number = |id| summary.step(id).unwrap().1;
        assert_eq!((number(&two), number(&one), summary.total()), (1, 2, 2));
        assert_eq!(summary.outcome(true, Duration::ZERO).cached, 2);
    }

    #[test]
    fn a_failure_without_a_step_is_what_the_engine_says() {
        let mut summary = Summary::default();
        summary.note(&Event::Broken { name: "[internal] load metadata".into(), message: "no such host".into() });
        summary.note(&Event::Tail("ERROR: failed to solve: nosuch: no such host".into()));
        let failure = summary.outcome(false, Duration::ZERO).failed.unwrap();
        assert_eq!((failure.step, failure.message.as_str()), (None, "nosuch: no such host"));
    }

    #[test]
    fn an_engine_that_fails_in_silence_still_fails() {
        let failure = Summary::default().outcome(false, Duration::ZERO).failed.unwrap();
        assert_eq!(failure.message, "the engine failed and said nothing");
    }
}
