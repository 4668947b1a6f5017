//! Steps: what BuildKit makes of a plan's instructions, and when it finds one in its cache.
//!
//! Decides what is a step (a vertex of BuildKit's graph that runs something) and which chain it has: two steps with one
//! chain are one entry of the engine's cache. It models what was measured on BuildKit 0.8 to 0.32:
//!
//! | step | found by |
//! |---|---|
//! | an image | its layers, not its digest |
//! | RUN | what it stands on; command and shell; variables and arguments in force, in their order; user; folder; network; mounts |
//! | cache mount | target and owner, never id or sharing |
//! | mount of a tree or a stage | the content, not the path that it has there |
//! | ADD of an archive | what it stands on; the archive; where it goes |
//! | COPY | what it stands on; the content; the last part of the path that it comes from; where it goes |
//! | COPY --link | the same without what it stands on; LINK: what it stands on, and that layer |
//! | WORKDIR | what it stands on; the folder; the user |
//! | names, order of stages, comments, LABEL, and for COPY also ENV, ARG and USER | by nothing |
//!
//! What a stage writes is not known before it runs. Its content goes by the chain of the stage: another chain, another
//! content. Which layers an image has is not known before it is pulled: it goes by its digest. The *loose* chain leaves such
//! content open: where the engine knows the loose chain but not the chain, it
//! finds the step all the same if the content is what it was. Leaves out what an engine knows (`memory.rs`).

mod scope;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::instruction::{CopyTree, Instruction, Mount, Run};
use super::order::independent;
use super::{Base, Plan, Stage};
use crate::threads;
use scope::Scope;

/// The steps of so many stages take longer to hash than a thread to start.
const WORTH_A_THREAD: usize = 64;

/// BLAKE3's context string for chains.
const CONTEXT: &str = "deps step chain v1";

/// By what an engine finds a step: 16 bytes of a hash, as the 32 hexadecimal digits that they are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chain([u8; 32]);

/// A word is no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain is 32 lowercase hexadecimal digits")]
pub struct NoChain;

impl TryFrom<String> for Chain {
    type Error = NoChain;

    fn try_from(text: String) -> Result<Self, NoChain> {
        let digits: [u8; 32] = text.into_bytes().try_into().map_err(|_| NoChain)?;
        let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if digits.iter().all(is_digit) { Ok(Self(digits)) } else { Err(NoChain) }
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        chain.digits().to_owned()
    }
}

impl Chain {
    /// What nobody has hashed yet.
    const NONE: Self = Self([b'0'; 32]);

    fn of(hash: &[u8; 32]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let half = |number: usize| if number.is_multiple_of(2) { hash[number / 2] >> 4 } else { hash[number / 2] & 15 };
        Self(std::array::from_fn(|number| DIGITS[usize::from(half(number))]))
    }

    fn digits(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

/// What kind of a step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// `RUN`.
    Run,
    /// `ADD` of an archive.
    Add,
    /// `COPY`.
    Copy,
    /// Putting the layer of a `COPY --link` onto what stands before it.
    Link,
    /// `WORKDIR`.
    Workdir,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its stage.
    pub stage: String,
    /// What BuildKit calls it: `[<stage> <index>/…]`.
    pub index: u32,
    /// What kind.
    pub kind: StepKind,
    /// Which of the stage's instructions it is of.
    pub instruction: usize,
    /// By what the engine finds it.
    pub chain: Chain,
    /// The same, with the content of other stages, of trees and of base images left open.
    pub loose: Chain,
    /// The step that it stands on, by its place among all steps.
    pub below: Option<usize>,
    /// The stages whose content it takes.
    pub sources: BTreeSet<String>,
}

/// What an engine is told beside the Dockerfile, and what it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Values of build arguments.
    pub arguments: BTreeMap<String, String>,
    /// Whether `COPY --link` is a layer of its own.
    pub merges: bool,
    /// Inputs that have stages of their own, because they differ between platforms: the stage by who mounts it, and where.
    pub inputs: BTreeMap<(String, String), String>,
}

/// Returns the steps that make `target`, the image when it is none, in the order of the stages.
pub fn steps(plan: &Plan, target: Option<&str>, circumstances: &Circumstances) -> Vec<Step> {
    read(plan, target, circumstances, Some(blake3::Hasher::new_derive_key(CONTEXT)))
}

/// Returns the same steps without their chains, for where nothing is known to compare these with.
pub fn unhashed_steps(plan: &Plan, target: Option<&str>, circumstances: &Circumstances) -> Vec<Step> {
    read(plan, target, circumstances, None)
}

fn read(plan: &Plan, target: Option<&str>, circumstances: &Circumstances, hasher: Option<blake3::Hasher>) -> Vec<Step> {
    let needed = needed(plan, target.unwrap_or(&plan.image().name));
    let platform = plan.platform.to_string();
    let variant = format!("{}{}", plan.platform.architecture(), plan.platform.variant().unwrap_or_default());
    let stages: Vec<&Stage> = plan.stages.iter().filter(|stage| needed.contains(stage.name.as_str())).collect();
    let (places, steps) = (BTreeMap::new(), Vec::with_capacity(stages.iter().map(|one| one.instructions.len()).sum()));
    let mut work = Work { platform, variant, circumstances, places, steps, hasher };
    let mut open = &stages[..];
    while !open.is_empty() {
        let (now, later) = open.split_at(independent(open.iter().copied()));
        let done = threads::map(now, WORTH_A_THREAD, |stage| Reader::read(&work, stage));
        for (stage, done) in now.iter().zip(done) {
            work.add(stage, done);
        }
        open = later;
    }
    work.steps
}

/// The stages that `target` is made from, itself included.
fn needed<'a>(plan: &'a Plan, target: &'a str) -> BTreeSet<&'a str> {
    let stages: BTreeMap<&str, &Stage> = plan.stages.iter().map(|stage| (stage.name.as_str(), stage)).collect();
    let (mut needed, mut open) = (BTreeSet::new(), vec![target]);
    while let Some(name) = open.pop() {
        if let Some(stage) = stages.get(name).filter(|_| needed.insert(name)) {
            open.extend(stage.parents());
        }
    }
    needed
}

/// A file system, and the step that made it.
#[derive(Clone, Copy)]
struct Files {
    chain: Chain,
    loose: Chain,
    step: Option<At>,
}

/// The place of a step.
#[derive(Clone, Copy)]
enum At {
    /// Among all steps.
    All(usize),
    /// Among those of the stage that is being read.
    Own(usize),
}

impl At {
    /// Returns the place among all steps, where those of the stage begin at `first`.
    fn among_all(self, first: usize) -> usize {
        match self {
            Self::All(at) => at,
            Self::Own(at) => first + at,
        }
    }
}

/// Where a stage is after some of its instructions; no files on an empty base.
#[derive(Clone, Default)]
struct Place {
    files: Option<Files>,
    scope: Scope,
}

/// What the two chains of something are hashes of: the same pieces but for content.
struct Pieces {
    exact: Vec<u8>,
    loose: Vec<u8>,
}

/// The stages so far.
struct Work<'a> {
    platform: String,
    /// What the Dockerfile calls the platform in names of stages.
    variant: String,
    circumstances: &'a Circumstances,
    places: BTreeMap<String, Place>,
    steps: Vec<Step>,
    /// To make one takes longer than to copy it; none where nobody wants chains.
    hasher: Option<blake3::Hasher>,
}

impl Work<'_> {
    /// Adds a stage that has been read.
    fn add(&mut self, stage: &Stage, done: Done) {
        let Done { steps, inputs, mut place } = done;
        for (name, step) in inputs {
            if self.places.contains_key(&name) {
                continue;
            }
            self.steps.push(step);
            self.places.insert(name, Place::default());
        }
        let first = self.steps.len();
        if let Some(files) = &mut place.files {
            files.step = files.step.map(|at| At::All(at.among_all(first)));
        }
        self.places.insert(stage.name.clone(), place);
        let step = |(below, step): (Option<At>, Step)| Step { below: below.map(|at| at.among_all(first)), ..step };
        self.steps.extend(steps.into_iter().map(step));
    }
}

/// A stage that has been read.
#[derive(Default)]
struct Done {
    /// The steps, each with the one that it stands on.
    steps: Vec<(Option<At>, Step)>,
    /// The steps of stages that its inputs have of their own, by their names.
    inputs: Vec<(String, Step)>,
    /// Where it is after its last instruction.
    place: Place,
}

/// Reads a stage, when those that it needs have been added.
struct Reader<'a> {
    work: &'a Work<'a>,
    done: Done,
    hasher: Option<blake3::Hasher>,
}

impl<'a> Reader<'a> {
    fn read(work: &'a Work<'a>, stage: &Stage) -> Done {
        let mut reader = Self { work, done: Done::default(), hasher: work.hasher.clone() };
        let place = reader.stage(stage);
        Done { place, ..reader.done }
    }

    fn stage(&mut self, stage: &Stage) -> Place {
        let mut place = match &stage.base {
            Base::Scratch => Place::default(),
            Base::Image { reference: _, digest } => {
                let (chain, loose) = self.chains(|| Pieces::new("image").content(digest));
                Place { files: Some(Files { chain, loose, step: None }), scope: Scope::default() }
            }
            Base::Stage(name) => self.work.places.get(name.as_str()).cloned().unwrap_or_default(),
        };
        let mut index = u32::from(matches!(stage.base, Base::Image { .. }));
        for (number, instruction) in stage.instructions.iter().enumerate() {
            index += u32::from(instruction.is_counted());
            let step = Step {
                stage: stage.name.clone(),
                index,
                kind: StepKind::Run,
                instruction: number,
                chain: Chain::NONE,
                loose: Chain::NONE,
                below: None,
                sources: BTreeSet::new(),
            };
            self.instruction(instruction, &mut place, step, stage.unpacks());
        }
        place
    }

    fn instruction(&mut self, instruction: &Instruction, place: &mut Place, step: Step, unpacks: bool) {
        match instruction {
            Instruction::Run(run) => {
                self.inputs(run, &step);
                let sources = run.mounts.iter().filter_map(Mount::stage).map(str::to_owned).collect();
                let work = self.work;
                self.push(place, |place| work.run(run, place), Step { sources, ..step });
            }
            Instruction::CopyTree(CopyTree { tree, to }) => {
                let (name, kind) = if unpacks { ("add", StepKind::Add) } else { ("copy", StepKind::Copy) };
                let pieces = |place: &Place| Pieces::new(name).below(place).text(tree).text(to);
                self.push(place, pieces, Step { kind, ..step });
            }
            Instruction::CopyStage { stage, from, to, link } => {
                let sources = BTreeSet::from([stage.clone()]);
                self.copy(place, (stage, from, to, *link), Step { kind: StepKind::Copy, sources, ..step });
            }
            Instruction::Workdir(folder) => self.workdir(place, folder, step),
            Instruction::Snippet { keyword: "WORKDIR", text, origin: _ } => self.workdir(place, text, step),
            Instruction::Arg { name, default } => {
                place.scope.argument(name, default.as_deref(), &self.work.circumstances.arguments);
            }
            Instruction::Env { name, value } => place.scope.variable(name, value),
            Instruction::User(user) => place.scope.user(user),
            Instruction::Snippet { keyword, text, origin: _ } => {
                place.scope.written(keyword, text, &self.work.circumstances.arguments);
            }
        }
    }

    /// The copies into the stages that inputs of `run` have of their own.
    fn inputs(&mut self, run: &Run, step: &Step) {
        for mount in &run.mounts {
            let Mount::Tree { target, tree } = mount else { continue };
            let key = (step.stage.clone(), target.clone());
            let Some(name) = self.work.circumstances.inputs.get(&key) else { continue };
            let stage = format!("{name}.{}", self.work.variant);
            let (chain, loose) = self.chains(|| Pieces::new("copy").below(&Place::default()).text(tree).text("/"));
            let (index, kind, sources) = (1, StepKind::Copy, BTreeSet::new());
            let step = Step { stage: stage.clone(), index, kind, chain, loose, sources, ..step.clone() };
            self.done.inputs.push((stage, step));
        }
    }

    fn workdir(&mut self, place: &mut Place, folder: &str, step: Step) {
        place.scope.enter(folder);
        // The root is there.
        if place.scope.folder != "/" {
            let pieces =
                |place: &Place| Pieces::new("workdir").below(place).text(&place.scope.folder).text(&place.scope.user);
            self.push(place, pieces, Step { kind: StepKind::Workdir, ..step });
        }
    }

    fn copy(&mut self, place: &mut Place, (stage, from, to, link): (&str, &str, &str, bool), step: Step) {
        let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let work = self.work;
        let copied =
            |place: &Place| Pieces::new("copy").below(place).content(&work.content(stage, from)).text(name).text(to);
        if !(link && work.circumstances.merges) || place.files.is_none() {
            return self.push(place, copied, step);
        }
        // As a COPY in a stage that begins with nothing, with which it shares its entry in the cache.
        let mut alone = Place::default();
        self.push(&mut alone, copied, step.clone());
        let layer = alone.files.expect("a step has just made it");
        let pieces = |place: &Place| Pieces::new("link").below(place).chain(&layer.chain, &layer.loose);
        self.push(place, pieces, Step { kind: StepKind::Link, sources: BTreeSet::new(), ..step });
    }

    fn push(&mut self, place: &mut Place, pieces: impl FnOnce(&Place) -> Pieces, step: Step) {
        let (chain, loose) = self.chains(|| pieces(place));
        let below = place.files.and_then(|files| files.step);
        place.files = Some(Files { chain, loose, step: Some(At::Own(self.done.steps.len())) });
        self.done.steps.push((below, Step { chain, loose, ..step }));
    }

    /// The chains of `pieces`, where anybody wants them.
    fn chains(&mut self, pieces: impl FnOnce() -> Pieces) -> (Chain, Chain) {
        self.hasher.as_mut().map_or((Chain::NONE, Chain::NONE), |hasher| pieces().chains(hasher))
    }
}

impl Work<'_> {
    fn run(&self, run: &Run, place: &Place) -> Pieces {
        let Run { mounts, offline, command, origin: _ } = run;
        let scope = &place.scope;
        let mut pieces = Pieces::new("run").below(place).text(&self.platform).list(&scope.words(command));
        pieces = pieces.list(&scope.variables()).text(&scope.user).text(&scope.folder);
        pieces = pieces.text(if *offline { "none" } else { "default" });
        mounts.iter().fold(pieces, |pieces, mount| self.mount(mount, scope, pieces))
    }

    fn mount(&self, mount: &Mount, scope: &Scope, pieces: Pieces) -> Pieces {
        match mount {
            Mount::Cache { target, id: _, sharing: _ } => pieces.text("cache").text(&scope.expanded(target)),
            Mount::Tree { target, tree } => {
                // The id of a folder says its content; commits and archives may differ and hold the same files.
                let pieces = pieces.text("bind").text(target);
                if crate::digest::says_files(tree) { pieces.text(tree) } else { pieces.content(tree) }
            }
            Mount::Secret { target, id } => pieces.text("secret").text(target).text(id),
            Mount::Stage { target, stage, from } => {
                pieces.text("bind").text(target).content(&self.content(stage, from))
            }
            Mount::Written(options) => {
                let cache = options.get("type").is_some_and(|kind| kind == "cache");
                let enters = |name: &str| !(cache && matches!(name, "id" | "sharing"));
                let option = |(name, value): (&String, &String)| format!("{name}={}", scope.expanded(value));
                let options: Vec<String> = options.iter().filter(|(name, _)| enters(name)).map(option).collect();
                pieces.text("written").list(&options)
            }
        }
    }

    /// What stands at `path` of `stage`, as far as it is known before it is there.
    fn content(&self, stage: &str, path: &str) -> String {
        let files = self.places.get(stage).and_then(|place| place.files.as_ref());
        format!("{} {path}", files.map_or("", |files| files.chain.digits()))
    }
}

impl Pieces {
    fn new(kind: &str) -> Self {
        Self { exact: Vec::with_capacity(512), loose: Vec::with_capacity(512) }.text(kind)
    }

    fn text(mut self, text: &str) -> Self {
        [&mut self.exact, &mut self.loose].into_iter().for_each(|pieces| add(pieces, text));
        self
    }

    fn list(self, texts: &[String]) -> Self {
        let counted = self.text(&texts.len().to_string());
        texts.iter().fold(counted, |pieces, text| pieces.text(text))
    }

    /// Content, which the loose chain leaves open.
    fn content(mut self, content: &str) -> Self {
        add(&mut self.exact, content);
        add(&mut self.loose, "content");
        self
    }

    fn chain(mut self, chain: &Chain, loose: &Chain) -> Self {
        add(&mut self.exact, chain.digits());
        add(&mut self.loose, loose.digits());
        self
    }

    fn below(self, place: &Place) -> Self {
        match &place.files {
            Some(files) => self.text("on").chain(&files.chain, &files.loose),
            None => self.text("scratch"),
        }
    }

    fn chains(self, hasher: &mut blake3::Hasher) -> (Chain, Chain) {
        let mut chain = |pieces: &[u8]| Chain::of(hasher.reset().update(pieces).finalize().as_bytes());
        (chain(&self.exact), chain(&self.loose))
    }
}

fn add(pieces: &mut Vec<u8>, text: &str) {
    pieces.extend((text.len() as u64).to_le_bytes());
    pieces.extend(text.as_bytes());
}

impl StepKind {
    /// Returns the instruction's name, as BuildKit's progress has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::Add => "ADD",
            Self::Copy => "COPY",
            Self::Link => "LINK",
            Self::Workdir => "WORKDIR",
        }
    }
}

#[cfg(test)]
mod tests;
