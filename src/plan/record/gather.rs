//! From a stage to its facts.
//!
//! Decides which fact each instruction becomes: every instruction becomes at least one, with everything of it that
//! enters the key. Leaves out comparing.

use std::collections::{BTreeMap, BTreeSet};

use super::hashed;
use super::{Fact, Image, Pin, Pinned, Release, Section, StageRecord, Subject, Told, Value};
use crate::digest;
use crate::extension::{AptRepository, Configured, Extension, File, Input, Snippet, folder};
use crate::plan::{Base, CA_SECRET, CopyTree, Instruction, Kind, Mount, Plan, Run, Stage, account, apt, sources};
use crate::threads;

/// So many stages take longer to tell than a thread to start.
const WORTH_A_THREAD: usize = 64;

/// Returns the records of all stages of `plan`.
pub(super) fn stages(plan: &Plan, told: &Told<'_>) -> Vec<StageRecord> {
    let index = Index::of(plan, told);
    let keys: BTreeMap<&str, String> =
        plan.stages.iter().map(|stage| (stage.name.as_str(), stage.key.to_string())).collect();
    let record = |stage: &Stage| {
        let parents = stage.parents().into_iter();
        StageRecord {
            name: stage.name.clone(),
            kind: stage.kind.name().to_owned(),
            key: stage.key.to_string(),
            parents: parents.filter_map(|name| Some((name.to_owned(), keys.get(name)?.clone()))).collect(),
            facts: facts(stage, told, &index),
        }
    };
    threads::map(&plan.stages, WORTH_A_THREAD, record)
}

fn facts(stage: &Stage, told: &Told<'_>, index: &Index<'_>) -> Vec<Fact> {
    let (facts, steps) = Default::default();
    let sequence = vec![format!("kind {}", stage.kind.name())];
    let mut gathered = Gathered { stage, told, index, facts, steps, sequence };
    gathered.base();
    gathered.packages();
    gathered.extensions();
    stage.instructions.iter().for_each(|instruction| gathered.instruction(instruction));
    gathered.finished()
}

/// Who brings what, so that a thousand extensions cost a thousand looks.
struct Index<'a> {
    /// Extensions by the names of their stages.
    owners: BTreeMap<String, &'a Configured>,
    /// Extensions by the stage of packages that their builders begin with.
    beginners: BTreeMap<String, Vec<&'a Configured>>,
    /// Extensions by name, as their authors wrote them, and their releases.
    written: BTreeMap<&'a str, (&'a Extension, Release)>,
    /// Extensions by the variables that they set.
    variables: BTreeMap<&'a str, &'a str>,
    /// Repositories of Debian packages by name.
    repositories: BTreeMap<&'a str, &'a AptRepository>,
    /// Checkouts by commit and by quoted folder: where each is put, its key and its pin.
    commits: BTreeMap<&'a str, BTreeMap<String, (&'a str, &'a str, &'a Pinned)>>,
    /// The extension that makes the image's user.
    account: Option<&'a Configured>,
}

impl<'a> Index<'a> {
    fn of(plan: &Plan, told: &'a Told<'a>) -> Self {
        let bases: BTreeMap<&str, &Base> = plan.stages.iter().map(|stage| (stage.name.as_str(), &stage.base)).collect();
        let (mut owners, mut beginners, mut variables) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for extension in told.configured {
            let name = &extension.name;
            let builders = extension.builders.iter().map(|builder| builder.stage.clone());
            let stages = builders.chain([format!("{name}-out"), format!("{name}-files")]);
            owners.extend(stages.map(|stage| (stage, extension)));
            let first = extension.builders.iter().find(|builder| builder.from.is_none());
            if let Some(Base::Stage(stage)) = first.and_then(|builder| bases.get(builder.stage.as_str())) {
                beginners.entry(stage.clone()).or_insert_with(Vec::new).push(extension);
            }
            let set = extension.env.keys().chain(extension.paths.keys());
            variables.extend(set.map(|variable| (variable.as_str(), name.as_str())));
        }
        let release =
            |extension: &Extension| Release { version: extension.version.to_string(), digest: extension.digest() };
        let releases = threads::map(told.extensions, WORTH_A_THREAD, release);
        let named = told.extensions.iter().map(|extension| (extension.name.as_str(), extension));
        let written = named.zip(releases).map(|((name, extension), release)| (name, (extension, release))).collect();
        let all = told.configured.iter().rev().flat_map(|extension| extension.apt_repositories.iter().rev());
        let repositories = all.map(|one| (one.name.as_str(), one)).collect();
        let account = told.configured.iter().find(|extension| extension.account.is_some());
        Self { owners, beginners, written, variables, repositories, commits: commits(told), account }
    }
}

fn commits<'a>(told: &'a Told<'a>) -> BTreeMap<&'a str, BTreeMap<String, (&'a str, &'a str, &'a Pinned)>> {
    let mut commits: BTreeMap<&str, BTreeMap<String, (&str, &str, &Pinned)>> = BTreeMap::new();
    for (to, (key, pinned)) in told.repositories {
        let folder = sources::quoted(to.trim_end_matches('/'));
        commits.entry(&pinned.rev).or_default().insert(folder, (to, key, pinned));
    }
    commits
}

struct Gathered<'a> {
    stage: &'a Stage,
    told: &'a Told<'a>,
    index: &'a Index<'a>,
    facts: BTreeSet<Fact>,
    /// The steps of each section, as they are run, and the extension that brings them.
    steps: BTreeMap<Section, (String, Option<String>)>,
    /// What each instruction is about, in their order.
    sequence: Vec<String>,
}

impl<'a> Gathered<'a> {
    fn finished(mut self) -> Vec<Fact> {
        for (section, (lines, by)) in std::mem::take(&mut self.steps) {
            self.add(Subject::Steps(section), Value::Lines(lines), by);
        }
        let mut sequence = std::mem::take(&mut self.sequence);
        sequence.dedup();
        self.add(Subject::Sequence, Value::Lines(sequence.join("\n")), None);
        self.facts.into_iter().collect()
    }

    fn add(&mut self, subject: Subject, value: Value, by: Option<String>) {
        self.facts.insert(Fact { subject, value, by });
    }

    /// A base that is a stage is a parent.
    fn base(&mut self) {
        let value = match &self.stage.base {
            Base::Scratch => Value::Text("scratch".to_owned()),
            Base::Image { reference, digest } => {
                Value::Image(Image { reference: reference.clone(), digest: digest.clone() })
            }
            Base::Stage(name) => Value::Text(name.clone()),
        };
        self.add(Subject::Base, value, None);
    }

    /// The packages of the stage, each with the extensions that ask for it.
    fn packages(&mut self) {
        let mut packages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut ask = |extension: &'a Configured, asked: &'a BTreeSet<String>| {
            asked.iter().for_each(|package| _ = packages.entry(package).or_default().insert(&extension.name));
        };
        match self.stage.kind {
            Kind::Apt => {
                let beginners = self.index.beginners.get(&self.stage.name).into_iter().flatten();
                beginners.for_each(|extension| ask(extension, &extension.apt_builder));
            }
            Kind::Runtime => self.told.configured.iter().for_each(|extension| ask(extension, &extension.apt_runtime)),
            _ => {}
        }
        for (package, by) in packages {
            let by = by.into_iter().collect::<Vec<_>>().join(", ");
            self.add(Subject::Package(package.to_owned()), Value::Text(by), None);
        }
    }

    /// The extension that the stage is of, or, in the image, all of them.
    fn extensions(&mut self) {
        match self.stage.kind {
            Kind::Final => self.told.configured.iter().for_each(|extension| self.extension(extension)),
            Kind::Runtime => self.index.account.into_iter().for_each(|extension| self.extension(extension)),
            Kind::Builder | Kind::Output => self.own().into_iter().for_each(|extension| self.extension(extension)),
            _ => {}
        }
    }

    fn extension(&mut self, configured: &Configured) {
        let name = &configured.name;
        let by = Some(name.clone());
        if let Some((extension, release)) = self.index.written.get(name.as_str()) {
            self.add(Subject::Extension(name.clone()), Value::Release(release.clone()), by.clone());
            let set = self.told.project.extensions.get(name).map(|wish| &wish.with);
            for option in extension.options() {
                let given = set.and_then(|set| set.iter().find(|(key, _)| key.value == option.name));
                let value = given.map_or(option.default, |(_, value)| &value.value).to_string();
                let subject = Subject::Option { extension: name.clone(), name: option.name.to_owned() };
                self.add(subject, Value::Text(value), by.clone());
            }
            for snippet in snippets(configured, self.stage) {
                let text = extension.source_of(&snippet.file).map(|source| source.text().to_owned());
                let subject = Subject::Template(snippet.file.clone());
                self.add(subject, Value::Lines(text.unwrap_or_default()), by.clone());
            }
        }
        if self.stage.kind == Kind::Builder {
            self.folders(configured);
        }
        if self.stage.kind == Kind::Output {
            for (path, file) in &configured.files {
                let digest = file_digest(file);
                let subject = Subject::File { extension: name.clone(), path: path.clone() };
                self.add(subject, Value::Text(digest), by.clone());
            }
        }
    }

    /// The files of inputs that are folders of the extension or of the project.
    fn folders(&mut self, configured: &Configured) {
        for (input, what) in &configured.inputs {
            let facts = match what {
                Input::Folder { files } => files.iter().map(|file| (file.path.clone(), file_digest(file))).collect(),
                Input::Project { files, .. } => hashed::facts(files),
                _ => continue,
            };
            for (path, digest) in facts {
                let (extension, path) = (configured.name.clone(), format!("{input}/{path}"));
                self.add(Subject::File { extension, path }, Value::Text(digest), Some(configured.name.clone()));
            }
        }
    }

    fn instruction(&mut self, instruction: &Instruction) {
        let about = match instruction {
            Instruction::Run(run) => self.run(run),
            Instruction::CopyTree(copy) => self.tree(copy),
            Instruction::CopyStage { stage, from, to, link } => {
                let link = if *link { " as a layer of its own" } else { "" };
                let subject = Subject::Copy { stage: stage.clone(), to: to.clone() };
                let by = self.index.owners.get(stage).map(|extension| extension.name.clone());
                self.add(subject, Value::Text(format!("{from}{link}")), by);
                format!("copy {stage} {from} {to}")
            }
            Instruction::Arg { name, default } => {
                if is_trust(default.as_deref()) {
                    self.add(Subject::CaCertificates, Value::Present, None);
                    return self.sequence.push("trust".to_owned());
                }
                let value = default.clone().map_or(Value::Present, Value::Text);
                self.add(Subject::Argument(name.clone()), value, self.account());
                format!("argument {name}")
            }
            Instruction::Env { name, value } => {
                let by = self.index.variables.get(name.as_str()).map(|name| (*name).to_owned());
                self.add(Subject::Variable(name.clone()), Value::Text(value.clone()), by);
                format!("variable {name}")
            }
            Instruction::User(user) => {
                self.add(Subject::User, Value::Text(user.clone()), self.account());
                format!("user {user}")
            }
            Instruction::Workdir(folder) => {
                self.add(Subject::Workdir(folder.clone()), Value::Present, self.account());
                format!("workdir {folder}")
            }
            Instruction::Snippet { keyword, text, origin } => {
                let (section, by) = (Section::Snippet(origin.file.clone()), Some(origin.extension.clone()));
                self.step(section, by, &format!("{keyword} {text}"))
            }
        };
        self.sequence.push(about);
    }

    fn run(&mut self, run: &Run) -> String {
        let Run { mounts, offline, command, origin } = run;
        let mut flags: Vec<String> = mounts.iter().filter_map(|mount| self.mount(mount)).collect();
        if *offline {
            flags.push("--network=none".to_owned());
        }
        if self.stage.kind != Kind::Sources {
            flags.push(command.clone());
        }
        let (section, by) = match origin {
            Some(origin) => (Section::Snippet(origin.file.clone()), Some(origin.extension.clone())),
            None if *run == account::make() => (Section::User, self.account()),
            None if self.stage.kind == Kind::Sources => {
                let told = self.fetched(command);
                return self.step(Section::Sources, None, &format!("RUN {} {told}", flags.join(" ")));
            }
            None => (Section::Packages, None),
        };
        self.step(section, by, &format!("RUN {}", flags.join(" ")))
    }

    /// Makes facts of the commits that a step fetches, and returns the rest of its text.
    fn fetched(&mut self, command: &str) -> String {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for put in command.lines().flat_map(sources::put) {
            let Some((to, key, pinned)) = self.index.commits.get(&put.0).and_then(|folders| folders.get(put.1)) else {
                continue;
            };
            known.insert(put.0);
            let (reference, rev, tree) = (pinned.reference.clone(), pinned.rev.clone(), pinned.rev.clone());
            let pin = Pin { reference, rev, tree, to: (*to).to_owned() };
            self.add(Subject::Repository((*key).to_owned()), Value::Pin(pin), None);
        }
        let word = |word: &str| {
            let bare = word.trim_end_matches([' ', '\n']);
            if known.contains(bare) { format!("…{}", &word[bare.len()..]) } else { word.to_owned() }
        };
        command.split_inclusive([' ', '\n']).map(word).collect()
    }

    /// Adds a line to the steps of `section`, and returns what it is about.
    fn step(&mut self, section: Section, by: Option<String>, line: &str) -> String {
        let about = match &section {
            Section::Packages => "packages".to_owned(),
            Section::User => "make user".to_owned(),
            Section::Sources => "sources".to_owned(),
            Section::Snippet(file) => format!("snippet {file}"),
        };
        let (lines, _) = self.steps.entry(section).or_insert_with(|| (String::new(), by));
        lines.push_str(line);
        lines.push('\n');
        about
    }

    /// What a mount is in the line of its step; the pin of an input and the CA bundle are facts of their own.
    fn mount(&mut self, mount: &Mount) -> Option<String> {
        match mount {
            Mount::Cache { target, id: _, sharing: _ } => Some(format!("--mount=type=cache,target={target}")),
            Mount::Tree { target, tree } => {
                match apt::repository_of(target) {
                    Some(name) => self.repository(target, name, tree),
                    None => self.input(target, tree),
                }
                Some(format!("--mount=type=bind,target={target}"))
            }
            Mount::Secret { id, .. } if id == CA_SECRET => {
                self.add(Subject::CaCertificates, Value::Present, None);
                None
            }
            Mount::Secret { target, id } => Some(format!("--mount=type=secret,id={id},target={target}")),
            // What is in the stage is a parent's key.
            Mount::Stage { target, stage, from } => {
                self.sequence.push(format!("mount {stage} {target}"));
                Some(format!("--mount=type=bind,source={from},target={target}"))
            }
            Mount::Written(options) => {
                let cache = options.get("type").is_some_and(|kind| kind == "cache");
                let enters = |name: &str| !(cache && matches!(name, "id" | "sharing"));
                let option = |(name, value): (&String, &String)| format!("{name}={value}");
                let options = options.iter().filter(|(name, _)| enters(name)).map(option);
                Some(format!("--mount={}", options.collect::<Vec<_>>().join(",")))
            }
        }
    }

    /// A mount of a repository of packages: what apt reads of it, or its key.
    fn repository(&mut self, target: &str, name: &str, tree: &str) {
        self.add(Subject::Tree(target.to_owned()), Value::Text(tree.to_owned()), None);
        if apt::is_key(target) {
            return self.add(Subject::PackageKey(name.to_owned()), Value::Text(tree.to_owned()), None);
        }
        let known = self.index.repositories.get(name);
        let told = known.map_or_else(|| tree.to_owned(), ToString::to_string);
        self.add(Subject::PackageSource(name.to_owned()), Value::Text(told), None);
    }

    fn input(&mut self, target: &str, tree: &str) {
        let Some(extension) = self.own() else {
            return self.add(Subject::Tree(target.to_owned()), Value::Text(tree.to_owned()), None);
        };
        let name = target.strip_prefix("/deps/in/").unwrap_or(target);
        if matches!(extension.inputs.get(name), Some(Input::Folder { .. } | Input::Project { .. })) {
            return;
        }
        let (key, by) = (format!("{}/{name}", extension.name), Some(extension.name.clone()));
        let pinned = self.told.inputs.get(&key);
        let pin = Pin {
            reference: pinned.and_then(|pinned| pinned.reference.clone()),
            rev: pinned.map_or_else(|| tree.to_owned(), |pinned| pinned.rev.clone()),
            tree: tree.to_owned(),
            to: target.to_owned(),
        };
        self.add(Subject::Input(key), Value::Pin(pin), by);
    }

    fn tree(&mut self, copy: &CopyTree) -> String {
        let CopyTree { tree, to } = copy;
        match self.told.repositories.get(to) {
            Some((key, pinned)) if self.stage.kind == Kind::Sources => {
                let (reference, rev) = (pinned.reference.clone(), pinned.rev.clone());
                let pin = Pin { reference, rev, tree: tree.clone(), to: to.clone() };
                self.add(Subject::Repository(key.clone()), Value::Pin(pin), None);
            }
            // The files of an extension are facts of their own.
            _ if self.stage.kind == Kind::Output && self.stage.name.ends_with("-files") => {}
            _ => self.add(Subject::Tree(to.clone()), Value::Text(tree.clone()), None),
        }
        format!("tree {to}")
    }

    /// The extension that makes the image's user: what no snippet brings and no package is, is its.
    fn account(&self) -> Option<String> {
        self.index.account.map(|extension| extension.name.clone())
    }

    /// The extension that the stage is of.
    fn own(&self) -> Option<&'a Configured> {
        self.index.owners.get(&self.stage.name).copied()
    }
}

/// The snippets of `extension` that `stage` has steps of.
fn snippets<'a>(extension: &'a Configured, stage: &Stage) -> Vec<&'a Snippet> {
    match stage.kind {
        Kind::Builder => {
            let own = extension.builders.iter().filter(|builder| builder.stage == stage.name);
            own.map(|builder| &builder.snippet).collect()
        }
        Kind::Final => extension.runtime.iter().chain(&extension.user).collect(),
        _ => Vec::new(),
    }
}

/// Whether an argument is one of those that make tools trust the CA bundle.
fn is_trust(default: Option<&str>) -> bool {
    default == Some(apt::CA_FILE)
}

fn file_digest(file: &File) -> String {
    digest::folder_id(&folder(&[File { path: String::new(), ..file.clone() }]))
}
