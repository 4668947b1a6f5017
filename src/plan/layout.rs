//! The stages of an image (DESIGN §5.3): builders that cannot disturb each other, and two last stages in which an
//! addition breaks no cache.
//!
//! Decides what each stage does. Leaves out order (`order.rs`) and keys (`key.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::apt;
use super::caches;
use super::key::StageKey;
use super::*;
use crate::extension::{self, Action, Builder, Input, Network, Snippet};

/// More outputs than this are gathered in [`GATHERED`] stages, so that the image stays under [`MOST_LAYERS`] layers.
const MOST_OUTPUTS: usize = 40;
const GATHERED: usize = 32;
/// Engines stack about 125 layers; the base has some of its own (FACTS §2).
const MOST_LAYERS: usize = 100;
/// So many checkouts are named in what a stage is about.
const MOST_NAMED: usize = 4;
/// A stage of copies deeper than this is split (FACTS §2: under 60).
const MOST_COPIES: usize = 48;

/// The stages, not yet in order and without keys.
pub(super) struct Layout {
    pub(super) stages: Vec<Stage>,
    pub(super) account: Option<Account>,
    pub(super) folders: Vec<Folder>,
    pub(super) ca_certificates: bool,
}

/// Lays the stages out.
pub(super) fn layout(ingredients: &Ingredients<'_>) -> Result<Layout, Vec<Problem>> {
    let order = extension_order(ingredients.extensions).map_err(|problem| vec![problem])?;
    let mut work = Work {
        ingredients,
        ca: ingredients.project.build.ca_certificates,
        stages: BTreeMap::new(),
        folders: BTreeMap::new(),
        problems: Vec::new(),
    };
    for extension in &order {
        work.builder(extension);
    }
    work.conflicts(&order);
    work.runtime(&order);
    work.finish(&order);
    let Work { stages, folders, problems, .. } = work;
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
    })
}

struct Work<'a> {
    ingredients: &'a Ingredients<'a>,
    ca: bool,
    stages: BTreeMap<String, Stage>,
    folders: BTreeMap<String, Vec<File>>,
    problems: Vec<Problem>,
}

/// A file or folder on its way into the image.
struct Output {
    stage: String,
    from: String,
    to: String,
}

impl Output {
    fn copied(self, link: bool) -> Instruction {
        let Self { stage, from, to } = self;
        Instruction::CopyStage { stage, from, to, link }
    }
}

impl<'a> Work<'a> {
    fn add(&mut self, name: String, kind: Kind, about: String, base: Base, instructions: Vec<Instruction>) {
        let mut impure: BTreeSet<String> = instructions.iter().filter_map(reason).collect();
        let stage = Stage { name, kind, about, base, instructions, impure: BTreeSet::new(), key: StageKey::default() };
        let parents = stage.parents().into_iter().filter_map(|parent| self.stages.get(parent));
        impure
            .extend(parents.filter(|parent| !parent.impure.is_empty()).map(|parent| format!("from `{}`", parent.name)));
        self.stages.insert(stage.name.clone(), Stage { impure, ..stage });
    }

    /// The builder of an extension, and the stage with its packages.
    fn builder(&mut self, extension: &Configured) {
        let Some(builder) = &extension.builder else { return };
        if self.ingredients.builder_base == Base::Scratch {
            let what = format!("{}-builder", extension.name);
            return self.problems.push(Problem::NothingToRunOn { what, base: "builder base" });
        }
        let base = self.apt_stage(&extension.apt_builder);
        let inputs = self.inputs(extension);
        let mut instructions = Vec::new();
        if self.ca && builder.snippet.steps.iter().any(|step| runs_online(step, builder.network)) {
            instructions.extend(trust());
        }
        instructions.extend(self.builder_steps(extension, builder, &inputs));
        let about = format!("builds {} {}", extension.name, extension.version);
        self.add(format!("{}-builder", extension.name), Kind::Builder, about, base, instructions);
    }

    /// Same packages, same stage; different packages, different stages: no extension disturbs another's builder.
    fn apt_stage(&mut self, packages: &BTreeSet<String>) -> Base {
        if packages.is_empty() {
            return self.ingredients.builder_base.clone();
        }
        let list: Vec<&str> = packages.iter().map(String::as_str).collect();
        let name = format!("apt-{}", &short_hash(&list.join("\n"))[..8]);
        let base = self.ingredients.builder_base.clone();
        let run = apt::install(packages, &base, self.ca);
        self.add(name.clone(), Kind::Apt, format!("packages: {}", list.join(" ")), base, vec![Instruction::Run(run)]);
        Base::Stage(name)
    }

    fn inputs(&mut self, extension: &Configured) -> BTreeSet<Mount> {
        let mut mounts = BTreeSet::new();
        for (name, input) in &extension.inputs {
            let tree = match input {
                Input::Folder { files } => {
                    let tree = crate::digest::folder_id(&extension::folder(files));
                    self.folders.insert(tree.clone(), files.clone());
                    tree
                }
                Input::Git { .. } => match self.pinned(&extension.name, name) {
                    Some(tree) => tree.to_owned(),
                    None => {
                        let (extension, name) = (extension.name.clone(), name.clone());
                        self.problems.push(Problem::MissingInput { extension, name });
                        continue;
                    }
                },
            };
            mounts.insert(Mount::Tree { target: format!("/deps/in/{name}"), tree });
        }
        mounts
    }

    fn pinned(&self, extension: &str, name: &str) -> Option<&'a str> {
        let mut inputs = self.ingredients.inputs.iter();
        inputs.find(|input| input.extension == extension && input.name == name).map(|input| input.tree.as_str())
    }

    fn builder_steps(&self, extension: &Configured, builder: &Builder, inputs: &BTreeSet<Mount>) -> Vec<Instruction> {
        let own = extension.cache_mounts.iter().map(|mount| Mount::Cache {
            target: mount.target.clone(),
            id: mount.id.clone(),
            sharing: "shared".to_owned(),
        });
        let more: BTreeSet<Mount> = inputs.iter().cloned().chain(own).collect();
        self.steps(extension, &builder.snippet, builder.network, &more, Some(&self.ingredients.builder_base))
    }

    /// The steps of a snippet, with the mounts that every RUN of it gets; standard caches where `caches` says on
    /// which base.
    fn steps(
        &self,
        extension: &Configured,
        snippet: &Snippet,
        network: Network,
        more: &BTreeSet<Mount>,
        caches: Option<&Base>,
    ) -> Vec<Instruction> {
        let step = |step: &extension::Step| {
            let origin = Origin { extension: extension.name.clone(), file: snippet.file.clone(), line: step.line };
            match &step.action {
                Action::Set { keyword, text } => Instruction::Snippet { keyword, text: text.clone(), origin },
                Action::Run(run) => {
                    let offline = !runs_online(step, network);
                    let mut mounts: BTreeSet<Mount> = run.mounts.iter().cloned().map(Mount::Written).collect();
                    let written = targets(&mounts);
                    mounts.extend(more.iter().filter(|mount| !written.contains(target(mount))).cloned());
                    if let Some(base) = caches.filter(|_| extension.caches) {
                        mounts.extend(caches::standard(&run.command, &targets(&mounts), &apt::slug(base)));
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

    /// Contradictions between extensions.
    fn conflicts(&mut self, order: &[&Configured]) {
        let mut accounts = order.iter().filter(|extension| extension.account.is_some());
        if let (Some(first), Some(second)) = (accounts.next(), accounts.next()) {
            let (first, second) = (first.name.clone(), second.name.clone());
            self.problems.push(Problem::TwoAccounts { first, second });
        }
        let mut variables: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
        for extension in order {
            for (variable, value) in &extension.env {
                let (first, known) = *variables.entry(variable).or_insert((&extension.name, value));
                if known != value {
                    let (variable, first, second) = (variable.clone(), first.to_owned(), extension.name.clone());
                    self.problems.push(Problem::VariableConflict { variable, first, second });
                }
            }
            let copies = extension.builder.iter().flat_map(|builder| &builder.copies);
            for path in copies.filter(|copy| !copy.to.ends_with('/')).map(|copy| copy.to.as_str()) {
                let first = *paths.entry(path).or_insert(&extension.name);
                if first != extension.name {
                    let (path, first, second) = (path.to_owned(), first.to_owned(), extension.name.clone());
                    self.problems.push(Problem::PathConflict { path, first, second });
                }
            }
        }
    }

    /// The base with packages and user: what changes rarely.
    fn runtime(&mut self, order: &[&Configured]) {
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
            instructions.push(Instruction::Run(apt::install(&packages, &base, self.ca)));
        }
        if let Some(account) = account {
            instructions.extend(account_arguments(account));
            instructions.push(Instruction::Run(make_account()));
            instructions.push(Instruction::Workdir("/home/${DEPS_USER_NAME}".to_owned()));
        }
        self.add("runtime".to_owned(), Kind::Runtime, "the base with packages and user".to_owned(), base, instructions);
    }

    /// The image.
    fn finish(&mut self, order: &[&Configured]) {
        let (linked, plain) = self.outputs(order);
        let sources = self.sources();
        let (linked_sources, plain_sources): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|output| links(&output.to));
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

    /// What the builders give to the image: layers that link, and those that cannot.
    fn outputs(&mut self, order: &[&Configured]) -> (Vec<Output>, Vec<Output>) {
        let (mut linked, mut plain) = (Vec::new(), Vec::new());
        for extension in order {
            let stage = format!("{}-builder", extension.name);
            let copies = extension.builder.iter().flat_map(|builder| &builder.copies);
            let outputs =
                copies.map(|copy| Output { stage: stage.clone(), from: copy.from.clone(), to: copy.to.clone() });
            let (mut links, rest): (Vec<_>, Vec<_>) = outputs.partition(|output| links(&output.to));
            if links.len() > 1 {
                let about = format!("what {} installs", extension.name);
                links = vec![self.gather(format!("{}-out", extension.name), Kind::Output, about, links)];
            }
            linked.extend(links);
            plain.extend(rest);
        }
        if linked.len() > MOST_OUTPUTS {
            linked = self.spread(linked);
        }
        (linked, plain)
    }

    /// Many outputs: a fixed number of stages, each with those whose names hash to it, so that one more moves none.
    fn spread(&mut self, outputs: Vec<Output>) -> Vec<Output> {
        let mut buckets: BTreeMap<usize, Vec<Output>> = BTreeMap::new();
        for output in outputs {
            buckets.entry(bucket(&output.stage, GATHERED)).or_default().push(output);
        }
        let gather = |(number, outputs): (usize, Vec<Output>)| {
            self.gather(
                format!("out-{number:02x}"),
                Kind::Output,
                "what several extensions install".to_owned(),
                outputs,
            )
        };
        buckets.into_iter().map(gather).collect()
    }

    /// Puts outputs under one root, in a stage of its own; deep stages are split.
    fn gather(&mut self, name: String, kind: Kind, about: String, outputs: Vec<Output>) -> Output {
        let outputs = if outputs.len() > MOST_COPIES {
            let mut parts: BTreeMap<usize, Vec<Output>> = BTreeMap::new();
            for output in outputs {
                parts.entry(bucket(&format!("{name} {} {}", output.stage, output.to), 16)).or_default().push(output);
            }
            let part = |(number, part)| self.gather(format!("{name}.{number:x}"), kind, about.clone(), part);
            parts.into_iter().map(part).collect()
        } else {
            outputs
        };
        let instructions = outputs.into_iter().map(|output| output.copied(false)).collect();
        self.add(name.clone(), kind, about, Base::Scratch, instructions);
        Output { stage: name, from: "/".to_owned(), to: "/".to_owned() }
    }

    /// The checkouts: at most 16 stages a set (DESIGN §6.3).
    fn sources(&mut self) -> Vec<Output> {
        let mut buckets: BTreeMap<(&str, usize), Vec<&Checkout>> = BTreeMap::new();
        for checkout in self.ingredients.checkouts {
            buckets.entry((&checkout.set, bucket(self.outermost(checkout), 16))).or_default().push(checkout);
        }
        let mut outputs = Vec::new();
        for ((set, number), mut checkouts) in buckets {
            checkouts.sort();
            outputs.push(self.source_stage(format!("src-{set}-{number:x}"), &checkouts));
        }
        outputs
    }

    fn source_stage(&mut self, name: String, checkouts: &[&Checkout]) -> Output {
        let paths: Vec<&str> = checkouts.iter().map(|checkout| checkout.path.as_str()).collect();
        let more =
            if paths.len() > MOST_NAMED { format!(" and {} more", paths.len() - MOST_NAMED) } else { String::new() };
        let about = format!("checkouts: {}{more}", paths[..paths.len().min(MOST_NAMED)].join(", "));
        let output = |checkout: &Checkout| format!("{}/{}/", checkout.dest, checkout.path);
        let whole = |stage: String| {
            // The folder itself, not the root: a plain COPY would give the folders above it to root.
            let folder = format!("{}/", checkouts[0].dest);
            Output { stage, from: folder.clone(), to: folder }
        };
        if checkouts.len() <= MOST_COPIES {
            let copy = |checkout: &&Checkout| CopyTree { tree: checkout.tree.clone(), to: output(checkout) };
            let instructions = checkouts.iter().map(copy).map(Instruction::CopyTree).collect();
            self.add(name.clone(), Kind::Sources, about, Base::Scratch, instructions);
            return whole(name);
        }
        let mut parts: BTreeMap<usize, Vec<&Checkout>> = BTreeMap::new();
        for checkout in checkouts {
            let part = bucket(&format!("{name} {}", self.outermost(checkout)), 16);
            parts.entry(part).or_default().push(checkout);
        }
        if parts.len() == 1 {
            // All stand in one checkout: the outer ones first, as `checkouts` is sorted.
            parts = checkouts.chunks(MOST_COPIES).map(<[_]>::to_vec).enumerate().collect();
        }
        let part = |(number, part): (usize, Vec<&Checkout>)| self.source_stage(format!("{name}.{number:x}"), &part);
        let parts = parts.into_iter().map(part).collect();
        whole(self.gather(name, Kind::Sources, about, parts).stage)
    }

    /// The checkout that `checkout` stands in, else itself: they share a stage, the outer one first.
    fn outermost(&self, checkout: &'a Checkout) -> &'a str {
        let prefixes = checkout.path.match_indices('/').map(|(at, _)| &checkout.path[..at]);
        let known = |path: &&str| {
            let mut all = self.ingredients.checkouts.iter();
            all.any(|other| other.set == checkout.set && other.path == **path)
        };
        prefixes.into_iter().find(known).unwrap_or(&checkout.path)
    }

    /// RUN steps of the final stage, and the variables they and `USER` need.
    fn final_steps(&self, order: &[&Configured]) -> Vec<Instruction> {
        let none = BTreeSet::new();
        let steps = |extension: &Configured, snippet: &Option<Snippet>, caches: Option<&Base>| match snippet {
            Some(snippet) => self.steps(extension, snippet, Network::Default, &none, caches),
            None => Vec::new(),
        };
        let base = &self.ingredients.base;
        let as_root: Vec<_> =
            order.iter().flat_map(|extension| steps(extension, &extension.runtime, Some(base))).collect();
        let as_user: Vec<_> = order.iter().flat_map(|extension| steps(extension, &extension.user, None)).collect();
        let mut instructions = Vec::new();
        if self.ca && !(as_root.is_empty() && as_user.is_empty()) {
            instructions.extend(trust());
        }
        instructions.extend(as_root);
        if let Some(account) = order.iter().find_map(|extension| extension.account.as_ref()) {
            instructions.extend(account_arguments(account));
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
}

/// Why an instruction's result depends on more than the lock.
fn reason(instruction: &Instruction) -> Option<String> {
    match instruction {
        Instruction::Run(run) if !run.offline => Some(match &run.origin {
            Some(origin) => format!("network in {}:{}", origin.file, origin.line),
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
fn trust() -> Vec<Instruction> {
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

fn account_arguments(account: &Account) -> Vec<Instruction> {
    let Account { name, uid, gid } = account;
    let argument =
        |variable: &str, value: &str| Instruction::Arg { name: variable.to_owned(), default: Some(value.to_owned()) };
    vec![
        argument("DEPS_USER_GID", &gid.value),
        argument("DEPS_USER_NAME", &name.value),
        argument("DEPS_USER_UID", &uid.value),
    ]
}

/// The step that makes the image's user. Bases bring users of their own (Ubuntu's has id 1000): one with the wanted
/// id makes way.
fn make_account() -> Run {
    let command = r#"set -eu; \
    if [ "$DEPS_USER_UID" = 0 ]; then echo "DEPS_USER_UID is 0: to be root, leave the extension user out" >&2; exit 1; fi; \
    old="$(getent passwd "$DEPS_USER_UID" | cut -d: -f1)"; \
    if [ -n "$old" ] && [ "$old" != "$DEPS_USER_NAME" ]; then userdel --remove "$old"; fi; \
    getent group "$DEPS_USER_GID" >/dev/null || groupadd --gid "$DEPS_USER_GID" "$DEPS_USER_NAME"; \
    if getent passwd "$DEPS_USER_NAME" >/dev/null; then \
      usermod --uid "$DEPS_USER_UID" --gid "$DEPS_USER_GID" "$DEPS_USER_NAME"; \
    else \
      useradd --no-log-init --create-home --home-dir "/home/$DEPS_USER_NAME" --uid "$DEPS_USER_UID" --gid "$DEPS_USER_GID" \
        --shell "$(command -v bash || echo /bin/sh)" "$DEPS_USER_NAME"; \
    fi"#;
    Run { mounts: BTreeSet::new(), offline: true, command: command.to_owned(), origin: None }
}

fn environment(order: &[&Configured]) -> Vec<Instruction> {
    let variables: BTreeMap<&String, &String> = order.iter().flat_map(|extension| &extension.env).collect();
    let mut instructions: Vec<Instruction> = variables
        .into_iter()
        .map(|(name, value)| Instruction::Env { name: name.clone(), value: literal(value) })
        .collect();
    let path: Vec<String> = order.iter().flat_map(|extension| &extension.path).map(|path| literal(path)).collect();
    if !path.is_empty() {
        instructions.push(Instruction::Env { name: "PATH".to_owned(), value: format!("{}:$PATH", path.join(":")) });
    }
    instructions
}

/// Spells a value for a double-quoted Dockerfile word, in which nothing is special any more.
fn literal(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")
}

/// Whether a destination may be a linked layer, which makes all its parents anew as root's, 0755: only where every
/// base has such folders, or none. The names at the root that bases have come from the Filesystem Hierarchy Standard.
fn links(to: &str) -> bool {
    const ROOTS: [&str; 9] = [
        "/opt/",
        "/etc/profile.d/",
        "/usr/local/bin/",
        "/usr/local/etc/",
        "/usr/local/include/",
        "/usr/local/lib/",
        "/usr/local/sbin/",
        "/usr/local/share/",
        "/usr/local/src/",
    ];
    const STANDARD: [&str; 22] = [
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "lost+found",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    ];
    let top = to.trim_start_matches('/').split('/').next().unwrap_or_default();
    ROOTS.iter().any(|root| to.starts_with(root)) || !STANDARD.contains(&top)
}

fn target(mount: &Mount) -> &str {
    match mount {
        Mount::Cache { target, .. } | Mount::Tree { target, .. } | Mount::Secret { target, .. } => target,
        Mount::Written(options) => options.get("target").map_or("", String::as_str),
    }
}

fn targets(mounts: &BTreeSet<Mount>) -> BTreeSet<String> {
    mounts.iter().map(|mount| target(mount).to_owned()).collect()
}

fn short_hash(text: &str) -> String {
    blake3::derive_key("deps name v1", text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn bucket(text: &str, buckets: usize) -> usize {
    usize::from(blake3::derive_key("deps bucket v1", text.as_bytes())[0]) % buckets
}
