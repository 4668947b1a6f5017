//! The stages of an image (DESIGN §5.3): builders that cannot disturb each other, and two last stages in which an
//! addition breaks no cache.
//!
//! Decides what each stage does. Leaves out order (`order.rs`) and keys (`key.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::account;
use super::apt;
use super::caches;
use super::conflicts;
use super::key::StageKey;
use super::outputs::{Output, links};
use super::repositories::{self, ByExtension};
use super::*;
use crate::extension::{self, Action, AptKey, Builder, Input, Network, Snippet};
use crate::threads;

/// The builders of so many extensions take longer to lay out than a thread to start.
const WORTH_A_THREAD: usize = 64;
/// overlay2 stacks about 125 layers (moby/buildkit#3067), and the base has some of its own.
const MOST_LAYERS: usize = 100;

/// The stages, not yet in order and without keys.
pub(super) struct Layout {
    pub(super) stages: Vec<Stage>,
    pub(super) account: Option<Account>,
    pub(super) folders: Vec<Folder>,
    pub(super) project_folders: Vec<ProjectFolder>,
    pub(super) ca_certificates: bool,
}

/// Lays the stages out.
pub(super) fn layout<'a>(ingredients: &'a Ingredients<'a>) -> Result<Layout, Vec<Problem>> {
    let order = extension_order(ingredients.extensions).map_err(|problem| vec![problem])?;
    let input = |input: &'a PinnedInput| ((input.extension.as_str(), input.name.as_str()), input.tree.as_str());
    let checkout = |checkout: &'a Checkout| (checkout.set.as_str(), checkout.path.as_str());
    let mut work = Work {
        ingredients,
        checkouts: ingredients.checkouts.iter().map(checkout).collect(),
        inputs: ingredients.inputs.iter().map(input).collect(),
        ca: ingredients.project.build.ca_certificates,
        stages: BTreeMap::new(),
        folders: BTreeMap::new(),
        project_folders: BTreeMap::new(),
        problems: Vec::new(),
    };
    let sources = work.sources();
    let repositories = work.repositories(&order);
    let mounted: Vec<_> = order.iter().map(|extension| (*extension, work.inputs(extension, &sources))).collect();
    let steps = threads::map(&mounted, WORTH_A_THREAD, |(extension, inputs)| work.all_builder_steps(extension, inputs));
    for (extension, steps) in order.iter().zip(steps) {
        work.builders(extension, steps, &repositories);
    }
    work.problems.extend(conflicts::between(&order));
    work.runtime(&order, &repositories);
    work.finish(&order, sources);
    let Work { stages, folders, project_folders, problems, .. } = work;
    if !problems.is_empty() {
        return Err(problems);
    }
    let stages: Vec<Stage> = stages.into_values().collect();
    let asks = |run: &Run| run.mounts.iter().any(|mount| matches!(mount, Mount::Secret { id, .. } if id == CA_SECRET));
    let mut instructions = stages.iter().flat_map(|stage| &stage.instructions);
    Ok(Layout {
        ca_certificates: instructions.any(|one| matches!(one, Instruction::Run(run) if asks(run))),
        stages,
        account: order.iter().find_map(|extension| extension.account.clone()),
        folders: folders.into_iter().map(|(tree, files)| Folder { tree, files }).collect(),
        project_folders: project_folders.into_values().collect(),
    })
}

/// The stages so far.
pub(super) struct Work<'a> {
    pub(super) ingredients: &'a Ingredients<'a>,
    /// The paths of all checkouts, by set.
    pub(super) checkouts: BTreeSet<(&'a str, &'a str)>,
    pub(super) inputs: BTreeMap<(&'a str, &'a str), &'a str>,
    pub(super) ca: bool,
    stages: BTreeMap<String, Stage>,
    pub(super) folders: BTreeMap<String, Vec<File>>,
    /// The folders of the project that builds read, by their ids.
    pub(super) project_folders: BTreeMap<String, ProjectFolder>,
    pub(super) problems: Vec<Problem>,
}

impl Work<'_> {
    pub(super) fn add(&mut self, name: String, kind: Kind, about: String, base: Base, instructions: Vec<Instruction>) {
        let mut impure: BTreeSet<String> = instructions.iter().filter_map(reason).collect();
        let stage = Stage { name, kind, about, base, instructions, impure: BTreeSet::new(), key: StageKey::default() };
        let parents = stage.parents().into_iter().filter_map(|parent| self.stages.get(parent));
        impure
            .extend(parents.filter(|parent| !parent.impure.is_empty()).map(|parent| format!("from `{}`", parent.name)));
        self.stages.insert(stage.name.clone(), Stage { impure, ..stage });
    }

    /// The builders of an extension, whose steps are `steps`, and the stage with its packages.
    fn builders(&mut self, extension: &Configured, steps: Vec<Vec<Instruction>>, repositories: &ByExtension) {
        let Some(first) = extension.builders.first() else { return };
        if self.ingredients.builder_base == Base::Scratch {
            let what = first.stage.clone();
            return self.problems.push(Problem::NothingToRunOn { what, base: "builder base" });
        }
        for (builder, steps) in extension.builders.iter().zip(steps) {
            let base = match &builder.from {
                Some(stage) => Base::Stage(stage.clone()),
                None => self.apt_stage(&extension.apt_builder, &repositories::of_builders(repositories, extension)),
            };
            let mut instructions = Vec::new();
            if self.ca && builder.snippet.steps.iter().any(|step| runs_online(step, builder.network)) {
                instructions.extend(trust());
            }
            instructions.extend(steps);
            let about = format!("builds {} {}", extension.name, extension.version);
            self.add(builder.stage.clone(), Kind::Builder, about, base, instructions);
        }
    }

    /// The stage that holds the files that the extension itself gives to the image, and those outputs.
    pub(super) fn files(&mut self, extension: &Configured) -> Vec<Output> {
        let mut folders: BTreeMap<&str, Vec<File>> = BTreeMap::new();
        for (path, file) in &extension.files {
            let (parent, name) = path.rsplit_once('/').expect("a path of the image is absolute");
            folders.entry(parent).or_default().push(File { path: name.to_owned(), ..file.clone() });
        }
        if folders.is_empty() {
            return Vec::new();
        }
        let stage = format!("{}-files", extension.name);
        let (mut instructions, mut outputs) = (Vec::new(), Vec::new());
        for (parent, files) in folders {
            let (tree, to) = (self.folder(files), format!("{parent}/"));
            instructions.push(Instruction::CopyTree(CopyTree { tree, to: to.clone() }));
            outputs.push(Output { stage: stage.clone(), from: to.clone(), to });
        }
        self.add(stage, Kind::Output, format!("files of {}", extension.name), Base::Scratch, instructions);
        outputs
    }

    /// Same packages from the same repositories, same stage; different ones, different stages: no extension disturbs
    /// another's builder.
    pub(super) fn apt_stage(&mut self, packages: &BTreeSet<String>, repositories: &BTreeSet<apt::Repository>) -> Base {
        if packages.is_empty() {
            return self.ingredients.builder_base.clone();
        }
        let name = apt::stage_name(packages, repositories);
        if self.stages.contains_key(&name) {
            return Base::Stage(name);
        }
        let list: Vec<&str> = packages.iter().map(String::as_str).collect();
        let base = self.ingredients.builder_base.clone();
        let run = apt::install(packages, repositories, &base, self.ca);
        self.add(name.clone(), Kind::Apt, format!("packages: {}", list.join(" ")), base, vec![Instruction::Run(run)]);
        Base::Stage(name)
    }

    /// The mounts of each input, where there are builders; a key of a repository is none of theirs.
    fn inputs(&mut self, extension: &Configured, sources: &[(String, Output)]) -> BTreeMap<String, BTreeSet<Mount>> {
        if extension.builders.is_empty() || self.ingredients.builder_base == Base::Scratch {
            return BTreeMap::new();
        }
        let is_key = |name: &String| {
            extension.apt_repositories.iter().any(|one| matches!(&one.key, AptKey::Input(key) if key == name))
        };
        let mut mounts: BTreeMap<String, BTreeSet<Mount>> = BTreeMap::new();
        for (name, input) in extension.inputs.iter().filter(|(name, _)| !is_key(name)) {
            let own = mounts.entry(name.clone()).or_default();
            let tree = match input {
                Input::Folder { files } => self.folder(files.clone()),
                Input::Project { path, files, .. } => self.project_folder(path, files),
                Input::Checkouts => {
                    own.extend(self.checkouts(&format!("/deps/in/{name}"), sources));
                    continue;
                }
                Input::Git { .. } | Input::Url(_) => match self.inputs.get(&(extension.name.as_str(), name.as_str())) {
                    Some(tree) => (*tree).to_owned(),
                    None => {
                        let (extension, name) = (extension.name.clone(), name.clone());
                        self.problems.push(Problem::MissingInput { extension, name });
                        continue;
                    }
                },
            };
            own.insert(Mount::Tree { target: format!("/deps/in/{name}"), tree });
        }
        mounts
    }

    /// The steps of each builder of an extension.
    fn all_builder_steps(
        &self,
        extension: &Configured,
        inputs: &BTreeMap<String, BTreeSet<Mount>>,
    ) -> Vec<Vec<Instruction>> {
        extension.builders.iter().map(|builder| self.builder_steps(extension, builder, inputs)).collect()
    }

    fn builder_steps(
        &self,
        extension: &Configured,
        builder: &Builder,
        inputs: &BTreeMap<String, BTreeSet<Mount>>,
    ) -> Vec<Instruction> {
        let wanted = |name: &String| builder.inputs.as_ref().is_none_or(|names| names.contains(name));
        let inputs = inputs.iter().filter(|(name, _)| wanted(name)).flat_map(|(_, mounts)| mounts.clone());
        let own = extension.cache_mounts.iter().map(|mount| Mount::Cache {
            target: mount.target.clone(),
            id: mount.id.clone(),
            sharing: "shared".to_owned(),
        });
        let more: BTreeSet<Mount> = inputs.chain(own).collect();
        self.steps(extension, &builder.snippet, builder.network, &more, (&self.ingredients.builder_base, "root"))
    }

    /// The steps of a snippet, with the mounts that every RUN of it gets, and the standard caches of its base and user.
    fn steps(
        &self,
        extension: &Configured,
        snippet: &Snippet,
        network: Network,
        more: &BTreeSet<Mount>,
        (base, user): (&Base, &str),
    ) -> Vec<Instruction> {
        let system = apt::slug(base);
        let step = |step: &extension::Step| {
            let origin = Origin { extension: extension.name.clone(), file: snippet.file.clone(), line: step.line };
            match &step.action {
                Action::Set { keyword, text } => Instruction::Snippet { keyword, text: text.clone(), origin },
                Action::Run(run) => {
                    let offline = !runs_online(step, network);
                    let mut mounts: BTreeSet<Mount> = run.mounts.iter().cloned().map(Mount::Written).collect();
                    let written = targets(&mounts);
                    mounts.extend(more.iter().filter(|mount| !written.contains(target(mount))).cloned());
                    if extension.caches {
                        mounts.extend(caches::mounts(&run.command, user, &targets(&mounts), &system));
                    }
                    if self.ca && !offline {
                        mounts.insert(apt::ca_mount());
                    }
                    Instruction::Run(Run { mounts, offline, command: run.command.clone(), origin: Some(origin) })
                }
            }
        };
        snippet.steps.iter().map(step).collect()
    }

    /// The base with packages and user: what changes rarely.
    fn runtime(&mut self, order: &[&Configured], repositories: &ByExtension) {
        let base = self.ingredients.base.clone();
        let packages: BTreeSet<String> = order.iter().flat_map(|extension| extension.apt_runtime.clone()).collect();
        let account = order.iter().find_map(|extension| extension.account.as_ref());
        let needs_commands = order.iter().find(|extension| {
            !extension.apt_runtime.is_empty()
                || extension.account.is_some()
                || extension.runtime.is_some()
                || extension.user.is_some()
        });
        if let Some(extension) = needs_commands.filter(|_| base == Base::Scratch) {
            return self.problems.push(Problem::NothingToRunOn { what: extension.name.clone(), base: "base" });
        }
        let mut instructions = Vec::new();
        if !packages.is_empty() {
            let repositories = repositories::of_image(repositories);
            instructions.push(Instruction::Run(apt::install(&packages, &repositories, &base, self.ca)));
        }
        if let Some(account) = account {
            instructions.extend(account::arguments(account));
            instructions.push(Instruction::Run(account::make()));
            instructions.push(Instruction::Workdir("/home/${DEPS_USER_NAME}".to_owned()));
        }
        self.add("runtime".to_owned(), Kind::Runtime, "the base with packages and user".to_owned(), base, instructions);
    }

    /// The image.
    fn finish(&mut self, order: &[&Configured], sources: Vec<(String, Output)>) {
        let (linked, plain) = self.outputs(order);
        let sources = sources.into_iter().map(|(_, output)| output);
        let (linked_sources, plain_sources): (Vec<_>, Vec<_>) = sources.partition(|output| links(&output.to));
        let mut instructions: Vec<Instruction> = Vec::new();
        instructions.extend(linked.into_iter().chain(linked_sources).map(|output| output.copied(true)));
        instructions.extend(plain.into_iter().chain(plain_sources).map(|output| output.copied(false)));
        instructions.extend(self.final_steps(order));
        let layers = instructions.iter().filter(|one| one.makes_layer()).count();
        if layers > MOST_LAYERS {
            self.problems.push(Problem::TooManyLayers { layers, most: MOST_LAYERS });
        }
        instructions.extend(environment(order));
        if order.iter().any(|extension| extension.account.is_some()) {
            instructions.push(Instruction::User("${DEPS_USER_NAME}".to_owned()));
        }
        let about = "the image".to_owned();
        self.add("final".to_owned(), Kind::Final, about, Base::Stage("runtime".to_owned()), instructions);
    }

    /// RUN steps of the final stage, and the variables they and `USER` need.
    fn final_steps(&self, order: &[&Configured]) -> Vec<Instruction> {
        let none = BTreeSet::new();
        let base = &self.ingredients.base;
        let steps = |extension: &Configured, snippet: &Option<Snippet>, user: &str| match snippet {
            Some(snippet) => self.steps(extension, snippet, Network::Default, &none, (base, user)),
            None => Vec::new(),
        };
        let as_root: Vec<_> = order.iter().flat_map(|extension| steps(extension, &extension.runtime, "root")).collect();
        let has_account = order.iter().any(|extension| extension.account.is_some());
        let user = if has_account { caches::IMAGE_USER } else { "root" };
        let as_user: Vec<_> = order.iter().flat_map(|extension| steps(extension, &extension.user, user)).collect();
        let mut instructions = Vec::new();
        if self.ca && !(as_root.is_empty() && as_user.is_empty()) {
            instructions.extend(trust());
        }
        instructions.extend(as_root);
        if let Some(account) = order.iter().find_map(|extension| extension.account.as_ref()) {
            instructions.extend(account::arguments(account));
            if !as_user.is_empty() {
                instructions.push(Instruction::User("${DEPS_USER_NAME}".to_owned()));
            }
        }
        instructions.extend(as_user);
        instructions
    }
}

impl Instruction {
    pub(super) fn makes_layer(&self) -> bool {
        matches!(self, Self::Run(_) | Self::CopyTree(_) | Self::CopyStage { .. } | Self::Workdir(_))
    }

    /// Whether BuildKit counts it in `[<stage> 2/7]`.
    pub(super) fn is_counted(&self) -> bool {
        self.makes_layer() || matches!(self, Self::Snippet { keyword: "WORKDIR", .. })
    }
}

/// Why an instruction's result depends on more than the lock.
fn reason(instruction: &Instruction) -> Option<String> {
    match instruction {
        Instruction::Run(run) if !run.offline => Some(match &run.origin {
            Some(origin) => format!("network in {}:{}", origin.file, origin.line),
            None if run.command.starts_with("<<") => "git over the network".to_owned(),
            None if run.command.contains("apt-get") => "apt over the network".to_owned(),
            None => return None,
        }),
        _ => None,
    }
}

fn runs_online(step: &extension::Step, network: Network) -> bool {
    matches!(&step.action, Action::Run(run) if run.network.unwrap_or(network) == Network::Default)
}

/// Variables that make the usual tools trust the mounted CA bundle. `ARG` reaches RUN steps and no image.
pub(super) fn trust() -> Vec<Instruction> {
    let names = [
        "CARGO_HTTP_CAINFO",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "NODE_EXTRA_CA_CERTS",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
    ];
    let argument = |name: &str| Instruction::Arg { name: name.to_owned(), default: Some(apt::CA_FILE.to_owned()) };
    names.into_iter().map(argument).collect()
}

fn environment(order: &[&Configured]) -> impl Iterator<Item = Instruction> {
    let variables: BTreeMap<&String, &String> = order.iter().flat_map(|extension| &extension.env).collect();
    let variables =
        variables.into_iter().map(|(name, value)| Instruction::Env { name: name.clone(), value: literal(value) });
    let path: Vec<String> = order.iter().flat_map(|extension| &extension.path).map(|path| literal(path)).collect();
    let path = (!path.is_empty())
        .then(|| Instruction::Env { name: "PATH".to_owned(), value: format!("{}:$PATH", path.join(":")) });
    variables.chain(path).chain(search_paths(order))
}

/// Variables like `PATH`: an extension that comes later stands first, as an overlay does.
fn search_paths(order: &[&Configured]) -> impl Iterator<Item = Instruction> {
    let mut paths: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (name, folders) in order.iter().rev().flat_map(|extension| &extension.paths) {
        paths.entry(name).or_default().extend(folders.iter().map(|folder| literal(folder)));
    }
    paths.into_iter().filter(|(_, folders)| !folders.is_empty()).map(|(name, folders)| Instruction::Env {
        value: format!("{}${{{name}:+:${name}}}", folders.join(":")),
        name: name.clone(),
    })
}

/// Spells a value for a double-quoted Dockerfile word, in which nothing is special any more.
fn literal(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")
}

fn target(mount: &Mount) -> &str {
    match mount {
        Mount::Cache { target, .. }
        | Mount::Tree { target, .. }
        | Mount::Secret { target, .. }
        | Mount::Stage { target, .. } => target,
        Mount::Written(options) => options.get("target").map_or("", String::as_str),
    }
}

fn targets(mounts: &BTreeSet<Mount>) -> BTreeSet<String> {
    mounts.iter().map(|mount| target(mount).to_owned()).collect()
}

pub(super) fn short_hash(text: &str) -> String {
    let hash = blake3::Hash::from_bytes(blake3::derive_key("deps name v1", text.as_bytes()));
    hash.to_hex()[..16].to_owned()
}
