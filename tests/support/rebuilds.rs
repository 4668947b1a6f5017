//! What a change makes of a build that there was: which of its steps run again.
//!
//! It decides when a step before and a step after a change are the same one, and how they are counted. It leaves out where
//! they come from: a plan, or an engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use deps::plan::steps::{Step, StepKind};
use deps::plan::{CopyTree, Instruction, Plan};
use serde_json::Value;

/// What a step is for, which stays when the step itself changes: the merged step of packages is one step whatever the
/// packages, and the folder of the image's user is one whoever it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) stage: String,
    /// `RUN`, `ADD`, `COPY`, `LINK` or `WORKDIR`.
    pub(crate) kind: String,
    what: String,
}

impl Place {
    /// Of a step of `plan`.
    pub(crate) fn of(plan: &Plan, step: &Step) -> Place {
        let stage = plan.stage(&step.stage).expect("steps are of the plan's stages");
        let what = match &stage.instructions[step.instruction] {
            Instruction::Run(run) => of_command(&run.command),
            Instruction::CopyTree(CopyTree { tree: _, to }) => to.clone(),
            Instruction::CopyStage { stage, from, to, link: _ } => format!("{stage} {from} {to}"),
            _ => String::new(),
        };
        Place { stage: step.stage.clone(), kind: step.kind.name().to_owned(), what }
    }

    /// Of a step in a line of `deps build --progress json`.
    fn told(step: &Value) -> Place {
        let text = |name: &str| step[name].as_str().expect("the schema has it").to_owned();
        let (kind, instruction) = (text("kind"), text("instruction"));
        let what = match kind.as_str() {
            "RUN" => of_command(&instruction),
            "WORKDIR" => String::new(),
            _ => {
                let words =
                    instruction.split_whitespace().filter(|word| !["LINK", "ADD", "COPY", "--link"].contains(word));
                let words = words.filter(|word| !word.starts_with("trees/") && !word.starts_with("archives/"));
                let words: Vec<&str> = words.map(|word| word.strip_prefix("--from=").unwrap_or(word)).collect();
                words.join(" ")
            }
        };
        Place { stage: text("stage"), kind, what }
    }

    /// Whether it is a step of the image, not of what goes into it.
    fn is_of_the_image(&self) -> bool {
        ["runtime", "final"].contains(&self.stage.as_str())
    }

    /// Whether it is there because of `extension` alone.
    pub(crate) fn belongs_to(&self, extension: &str) -> bool {
        let prefix = format!("{extension}-");
        self.stage.starts_with(&prefix) || (self.stage == "final" && self.what.starts_with(&prefix))
    }
}

/// An engine tells commands with the values of variables in them.
fn of_command(command: &str) -> String {
    let planned = [("apt-get", "packages"), ("useradd", "user")];
    let found = planned.into_iter().find(|(program, _)| command.contains(program));
    found.map_or(command, |(_, what)| what).to_owned()
}

/// The steps of a build, and whether each ran.
pub(crate) type Steps = BTreeMap<Place, bool>;

/// Returns the steps that a build told of with `--progress json`.
pub(crate) fn told(progress: &str) -> Steps {
    let lines = progress.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // A later line for the same step replaces an earlier one.
    let ended = lines.filter(|line| line["event"] == "finished");
    ended.map(|line| (Place::told(&line["step"]), line["state"] == "done")).collect()
}

/// How many of the steps that there were run again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rebuilt {
    /// How many of them are there still.
    pub(crate) existing: usize,
    pub(crate) run: usize,
    pub(crate) copy: usize,
    pub(crate) workdir: usize,
    /// Placements of a `COPY --link`, which copy nothing: not among the others.
    pub(crate) link: usize,
    /// Steps outside of the last two stages, of whatever kind: among the others.
    pub(crate) builder: usize,
    /// How many steps are new.
    pub(crate) new: usize,
    /// Whether the changed extension has steps of its own, which are not counted.
    own: bool,
}

impl Rebuilt {
    /// Compares `after` with what there was `before`; what belongs to `changed`, the extension that itself is another one,
    /// is expected to run and is left out.
    pub(crate) fn of(before: &BTreeSet<Place>, after: &Steps, changed: Option<&str>) -> Rebuilt {
        let mut counted = Rebuilt::default();
        for (place, ran) in after {
            if changed.is_some_and(|name| place.belongs_to(name)) {
                counted.own = true;
                continue;
            }
            let link = place.kind == StepKind::Link.name();
            if !before.contains(place) {
                counted.new += usize::from(!link);
                continue;
            }
            counted.existing += usize::from(!link);
            if *ran {
                match place.kind.as_str() {
                    "RUN" => counted.run += 1,
                    "COPY" | "ADD" => counted.copy += 1,
                    "WORKDIR" => counted.workdir += 1,
                    _ => counted.link += 1,
                }
                counted.builder += usize::from(!place.is_of_the_image());
            }
        }
        counted
    }

    /// Whether anything is another step, or placed anew.
    pub(crate) fn changes_the_image(&self) -> bool {
        self.steps() + self.link + self.new > 0
    }

    /// The steps that run again, as PEERS.md counts them.
    pub(crate) fn steps(&self) -> usize {
        self.run + self.copy + self.workdir
    }
}

/// Returns `least / median / most`; the median of an even number of values is the upper one of the two in the middle.
fn spread(values: impl IntoIterator<Item = usize>) -> String {
    let mut values: Vec<usize> = values.into_iter().collect();
    values.sort();
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return "–".to_owned() };
    format!("{least} / {} / {most}", values[values.len() / 2])
}

/// Returns the lines of a table about changes of one kind, beside what the peer does: all and, where some change nothing in
/// the image, the others, as the peer was measured.
pub(crate) fn rows(about: &str, all: &[(String, Rebuilt)], peer: &str) -> String {
    let all: Vec<&Rebuilt> = all.iter().map(|(_, one)| one).collect();
    let changing: Vec<&Rebuilt> = all.iter().copied().filter(|one| one.changes_the_image()).collect();
    let all_change = all.iter().all(|one| one.changes_the_image() || one.own);
    if all_change {
        return row(about, &all, peer);
    }
    row(about, &all, "") + &row(&format!("{about} that changes the image"), &changing, peer)
}

fn row(about: &str, all: &[&Rebuilt], peer: &str) -> String {
    let of = |value: fn(&Rebuilt) -> usize| spread(all.iter().map(|one| value(one)));
    format!(
        "| {about} | {} | {} | {} | {} | {} | {} | {} | {peer} |\n",
        all.len(),
        of(|one| one.existing),
        of(|one| one.steps()),
        of(|one| one.run),
        of(|one| one.copy),
        of(|one| one.builder),
        of(|one| one.link),
    )
}

/// The head of that table.
pub(crate) const HEAD: &str = "| | cases | existing steps | re-executed | RUN | COPY | builder | links placed | peer |\n\
                               |---|---|---|---|---|---|---|---|---|\n";

/// Returns a line for each case, those with the same numbers on one.
pub(crate) fn by_numbers(all: &[(String, Rebuilt)]) -> String {
    let mut alike: BTreeMap<[usize; 5], Vec<&str>> = BTreeMap::new();
    for (name, Rebuilt { run, copy, workdir, link, builder: _, existing: _, new, own: _ }) in all {
        alike.entry([*run, *copy, *workdir, *link, *new]).or_default().push(name);
    }
    let mut text = "| RUN | COPY | WORKDIR | links placed | new steps | |\n|---|---|---|---|---|---|\n".to_owned();
    for ([run, copy, workdir, link, new], names) in alike {
        writeln!(text, "| {run} | {copy} | {workdir} | {link} | {new} | {} |", names.join(", ")).expect("a text grows");
    }
    text
}
