//! Stage keys: equal keys mean interchangeable results (DESIGN §5.1).
//!
//! | what a stage has | enters | why |
//! |---|---|---|
//! | kind, name, platform | yes | they name the stage |
//! | base image | digest only | a reference can move, a mirror has the same content |
//! | base stage, stages copied from | their keys | Merkle: a change below changes all above |
//! | instructions | yes, as rendered | BuildKit keys a step by its text |
//! | content of copies and mounted inputs | content id | known from the lock; the URL is where, not what |
//! | cache mount | target | its id and sharing are in no cache key since BuildKit 0.13 |
//! | secret mount | target, id | never its content |
//! | origin of a step, `about`, purity | no | for people |
//! | URLs, hosts, times, absolute paths, environment | no | they change no content |
//!
//! The encoding is specified in ARCHITECTURE.md ("Stage keys") with golden vectors in the tests. A change of it
//! changes [`CONTEXT`] and is an entry of the changelog.

use std::collections::BTreeMap;
use std::fmt;

use super::instruction::{CopyTree, Instruction, Mount, Run};
use super::order::independent;
use super::{Base, Stage};
use crate::project::Platform;
use crate::threads;

/// The keys of so many stages take longer to hash than a thread to start.
const WORTH_A_THREAD: usize = 128;

/// BLAKE3's context string for stages.
pub(super) const CONTEXT: &str = "deps stage v1";
/// BLAKE3's context string for whole plans.
const PLAN_CONTEXT: &str = "deps plan v1";
/// BLAKE3's context string for builds.
const BUILD_CONTEXT: &str = "deps build v1";

/// The key of a stage: 32 bytes, written as 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageKey([u8; 32]);

/// The key of an image for all its platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanKey([u8; 32]);

/// The key of an image and of what was asked of its build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildKey([u8; 32]);

impl fmt::Display for BuildKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Display for StageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Display for PlanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// Returns `stages`, which stand behind their parents, with their keys.
pub(super) fn with_keys(mut stages: Vec<Stage>, platform: &Platform) -> Vec<Stage> {
    let platform = platform.to_string();
    let mut keys: BTreeMap<&str, StageKey> = BTreeMap::new();
    let mut in_order = Vec::with_capacity(stages.len());
    let mut open = &stages[..];
    while !open.is_empty() {
        let (now, later) = open.split_at(independent(open.iter()));
        let found = threads::map(now, WORTH_A_THREAD, |stage| stage_key(stage, &platform, &keys));
        keys.extend(now.iter().map(|stage| stage.name.as_str()).zip(found.iter().copied()));
        in_order.extend(found);
        open = later;
    }
    stages.iter_mut().zip(in_order).for_each(|(stage, key)| stage.key = key);
    stages
}

/// Returns the key of the whole: the number of image keys, then each of them, sorted.
pub(super) fn plan_key<'a>(keys: impl Iterator<Item = &'a StageKey>) -> PlanKey {
    let mut keys: Vec<&StageKey> = keys.collect();
    keys.sort();
    let mut hasher = blake3::Hasher::new_derive_key(PLAN_CONTEXT);
    hasher.update(&(keys.len() as u64).to_le_bytes());
    keys.iter().for_each(|key| _ = hasher.update(&key.0));
    PlanKey(*hasher.finalize().as_bytes())
}

/// Returns the key of a build: the plan's key, build arguments by name, platforms, and the latest time of a file.
///
/// All arguments enter, declared or not: `BUILDKIT_SYNTAX` and proxies count without being declared.
pub(super) fn build_key(plan: &PlanKey, args: &BTreeMap<String, String>, platforms: &[String], epoch: u32) -> BuildKey {
    let mut encoder = Encoder { bytes: plan.0.to_vec(), keys: &BTreeMap::new() };
    encoder.number(args.len());
    for (name, value) in args {
        encoder.text(name);
        encoder.text(value);
    }
    encoder.number(platforms.len());
    platforms.iter().for_each(|platform| encoder.text(platform));
    encoder.bytes.extend(u64::from(epoch).to_le_bytes());
    BuildKey(blake3::derive_key(BUILD_CONTEXT, &encoder.bytes))
}

/// Returns the key that names `stage` on `platform`; `keys` has those of its parents.
///
/// Every string is preceded by its length in bytes (`u64`, little-endian), every list by its number of items, every
/// alternative by a one-byte tag, so no two different stages share an encoding.
fn stage_key(stage: &Stage, platform: &str, keys: &BTreeMap<&str, StageKey>) -> StageKey {
    let Stage { name, kind, base, instructions, about: _, impure: _, key: _ } = stage;
    let mut encoder = Encoder { bytes: Vec::with_capacity(1024), keys };
    encoder.text(kind.name());
    encoder.text(name);
    encoder.text(platform);
    encoder.base(base);
    encoder.number(instructions.len());
    instructions.iter().for_each(|instruction| encoder.instruction(instruction));
    StageKey(blake3::derive_key(CONTEXT, &encoder.bytes))
}

struct Encoder<'a> {
    bytes: Vec<u8>,
    keys: &'a BTreeMap<&'a str, StageKey>,
}

impl Encoder<'_> {
    fn base(&mut self, base: &Base) {
        match base {
            Base::Scratch => self.tag(0),
            Base::Image { reference: _, digest } => {
                self.tag(1);
                self.text(digest);
            }
            Base::Stage(name) => {
                self.tag(2);
                self.key_of(name);
            }
        }
    }

    fn instruction(&mut self, instruction: &Instruction) {
        match instruction {
            Instruction::Run(run) => {
                self.tag(0);
                self.run(run);
            }
            Instruction::CopyTree(CopyTree { tree, to }) => {
                self.tag(1);
                self.texts([tree, to]);
            }
            Instruction::CopyStage { stage, from, to, link } => {
                self.tag(2);
                self.key_of(stage);
                self.texts([from, to]);
                self.tag(u8::from(*link));
            }
            Instruction::Arg { name, default } => {
                self.tag(3);
                self.text(name);
                self.list(default.iter().map(String::as_str));
            }
            Instruction::Env { name, value } => {
                self.tag(4);
                self.texts([name, value]);
            }
            Instruction::User(user) => {
                self.tag(5);
                self.text(user);
            }
            Instruction::Workdir(folder) => {
                self.tag(6);
                self.text(folder);
            }
            Instruction::Snippet { keyword, text, origin: _ } => {
                self.tag(7);
                self.texts([*keyword, text]);
            }
        }
    }

    fn run(&mut self, run: &Run) {
        let Run { mounts, offline, command, origin: _ } = run;
        self.number(mounts.len());
        mounts.iter().for_each(|mount| self.mount(mount));
        self.tag(u8::from(*offline));
        self.text(command);
    }

    fn mount(&mut self, mount: &Mount) {
        match mount {
            Mount::Cache { target, id: _, sharing: _ } => {
                self.tag(0);
                self.text(target);
            }
            Mount::Tree { target, tree } => {
                self.tag(1);
                self.texts([target, tree]);
            }
            Mount::Secret { target, id } => {
                self.tag(2);
                self.texts([target, id]);
            }
            Mount::Stage { target, stage, from } => {
                self.tag(4);
                self.text(target);
                self.key_of(stage);
                self.text(from);
            }
            Mount::Written(options) => {
                self.tag(3);
                let cache = options.get("type").is_some_and(|kind| kind == "cache");
                let enters = |name: &str| !(cache && matches!(name, "id" | "sharing"));
                let options: Vec<_> = options.iter().filter(|(name, _)| enters(name)).collect();
                self.number(options.len());
                options.into_iter().for_each(|(name, value)| self.texts([name, value]));
            }
        }
    }

    fn key_of(&mut self, stage: &str) {
        let key = self.keys.get(stage).expect("parents come before the stages that need them");
        self.bytes.extend(key.0);
    }

    fn list<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.number(texts.len());
        texts.for_each(|text| self.text(text));
    }

    fn texts<T: AsRef<str>>(&mut self, texts: [T; 2]) {
        texts.iter().for_each(|text| self.text(text.as_ref()));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.bytes.extend((number as u64).to_le_bytes());
    }

    fn tag(&mut self, tag: u8) {
        self.bytes.push(tag);
    }
}

#[cfg(test)]
mod tests;
