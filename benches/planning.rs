//! Plans of 10 to 10,000 extensions: as functions of values, and as a process that reads the extensions' folders. The same
//! projects, and such of many checkouts, for `growth.rs`.
//!
//! Criterion prints elements per second: a plan that grows no faster than its input keeps that number.

use std::collections::{BTreeMap, BTreeSet};

use criterion::{BenchmarkId, Criterion, Throughput};
use deps::dockerfile;
use deps::extension::{Action, Builder, Configured, Copy, Input, Network, Run, Running, Snippet, Step, Tier};
use deps::plan::{self, Base, Checkout, Ingredients, PinnedInput};
use deps::project::{self, Platform, Project};
use deps::resolve::{self, Answer, Answers, Head, Question, Refresh, Refs, pin};
use deps::source::{Source, Spanned};
use deps::workspace::Workspace;
use deps_lock::Lock;

use crate::program;

const SIZES: [usize; 4] = [10, 100, 1000, 10_000];
const PROJECT: &str = "[project]\nname = \"robot\"\nbase = \"debian:12\"\n";
/// So many different sets of packages, hence of stages that several builders share.
const PACKAGE_SETS: usize = 8;

/// Measures planning.
pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan and Dockerfile");
    for size in SIZES {
        let project = project::parse(&Source::new("deps.toml", PROJECT)).expect("the project is good");
        let extensions: Vec<Configured> = (0..size).map(extension).collect();
        let inputs: Vec<PinnedInput> = (0..size).map(pinned).collect();
        let checkouts: Vec<Checkout> = (0..size).map(checkout).collect();
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("values", size), |bencher| {
            bencher.iter(|| rendered(&project, &extensions, &inputs, &checkouts));
        });
        let folder = with_extensions(size);
        group.sample_size(20);
        for command in ["dockerfile", "plan"] {
            group.bench_function(BenchmarkId::new(command, size), |bencher| bencher.iter(|| folder.deps(&[command])));
        }
        group.sample_size(100);
    }
    let folder = with_checkouts(500, "store");
    group.bench_function("lock --check/500 checkouts", |bencher| bencher.iter(|| folder.deps(&["lock", "--check"])));
    group.finish();
}

fn rendered(project: &Project, extensions: &[Configured], inputs: &[PinnedInput], checkouts: &[Checkout]) -> String {
    let base = Base::Image { reference: "debian:12".to_owned(), digest: digest() };
    let builder_base = base.clone();
    let ingredients = Ingredients { project, base, builder_base, extensions, inputs, checkouts };
    let plan = plan::plan(&ingredients, &Platform::default()).expect("nothing contradicts");
    let key = plan::plan_key(std::slice::from_ref(&plan));
    dockerfile::render(&[plan], &key)
}

/// Three steps, a git input, two packages, one output, a variable, and an edge to the extension ten places before.
fn extension(number: usize) -> Configured {
    let name = format!("tool{number}");
    let commands = [
        format!("apt-get update && apt-get install -y lib{number}-dev"),
        format!("pip install --target /opt/deps/{name} {name}==1.{number}"),
        format!("set -eu; mkdir -p /opt/deps/{name}/bin; echo 'exec python3 -m {name}' > /opt/deps/{name}/bin/{name}"),
    ];
    let run = |command| Action::Run(Run { mounts: Vec::new(), network: None, command });
    let steps = (1..).zip(commands).map(|(line, command)| Step { action: run(command), line }).collect();
    let snippet =
        Snippet { file: format!("extensions/{name}/builder.Dockerfile"), steps, rendered: Default::default() };
    let copies = vec![Copy { from: format!("/opt/deps/{name}/"), to: format!("/opt/{name}/") }];
    Configured {
        version: semver::Version::new(1, 0, 0),
        tier: Tier::Tool,
        after: number.checked_sub(10).map(|before| format!("tool{before}")).into_iter().collect(),
        caches: true,
        apt_builder: BTreeSet::from(["python3".to_owned(), packages(number)]),
        apt_runtime: BTreeSet::from([packages(number)]),
        apt_repositories: Vec::new(),
        apt_repositories_of: BTreeSet::new(),
        inputs: BTreeMap::from([("source".to_owned(), input(number))]),
        builders: vec![Builder {
            stage: format!("{name}-builder"),
            from: None,
            snippet,
            inputs: None,
            network: Network::Default,
            copies,
        }],
        env: BTreeMap::from([(format!("TOOL{number}_HOME"), format!("/opt/{name}"))]),
        path: vec![format!("/opt/{name}/bin")],
        paths: BTreeMap::new(),
        files: BTreeMap::new(),
        runtime: None,
        user: None,
        account: None,
        cache_mounts: Vec::new(),
        conflicts: BTreeSet::new(),
        running: Running::default(),
        test: None,
        name,
    }
}

fn input(number: usize) -> Input {
    let url = Spanned::new(format!("https://git.example/tool{number}.git"), 0..0);
    Input::Git { url, reference: None, source: Source::new("extension.toml", "") }
}

fn pinned(number: usize) -> PinnedInput {
    PinnedInput { extension: format!("tool{number}"), name: "source".to_owned(), tree: format!("{number:040x}") }
}

fn packages(number: usize) -> String {
    format!("lib{}", number % PACKAGE_SETS)
}

fn checkout(number: usize) -> Checkout {
    let path = format!("group{}/repository{number}", number % 10);
    Checkout { set: "main".to_owned(), path, dest: "/ws/src".to_owned(), tree: format!("{number:040x}"), fetched: None }
}

fn digest() -> String {
    format!("sha256:{}", "a".repeat(64))
}

/// A project with as many extensions in folders of its own, locked.
pub(crate) fn with_extensions(size: usize) -> program::Project {
    let names = (0..size).map(|number| format!("tool{number} = {{ path = \"extensions/tool{number}\" }}\n"));
    let folder = program::Project::new(&format!("{PROJECT}\n[extensions]\n{}", names.collect::<String>()));
    for number in 0..size {
        let Configured { name, builders, .. } = extension(number);
        let actions = builders.iter().flat_map(|builder| &builder.snippet.steps).map(|step| &step.action);
        let line = |action: &Action| {
            if let Action::Run(run) = action { format!("RUN {}\n", run.command) } else { String::new() }
        };
        folder.write(&format!("extensions/{name}/builder.Dockerfile"), &actions.map(line).collect::<String>());
        folder.write(&format!("extensions/{name}/extension.toml"), &extension_toml(number));
    }
    lock(&folder);
    folder
}

fn extension_toml(number: usize) -> String {
    let after = number.checked_sub(10).map(|before| format!("\"tool{before}\"")).unwrap_or_default();
    let packages = packages(number);
    format!(
        "[extension]\nname = \"tool{number}\"\nversion = \"1.0.0\"\nsummary = \"A tool\"\nafter = [{after}]\n\n\
         [apt]\nbuilder = [\"python3\", \"{packages}\"]\nruntime = [\"{packages}\"]\n\n\
         [builder]\nsnippet = \"builder.Dockerfile\"\n\
         copy = [{{ from = \"share/\", to = \"/opt/tool{number}/\" }}]\n\n\
         [runtime]\nenv = {{ TOOL{number}_HOME = \"/opt/tool{number}\" }}\npath = [\"/opt/tool{number}/bin\"]\n"
    )
}

/// A project with as many checkouts, locked; `sources` is who fetches them.
pub(crate) fn with_checkouts(size: usize, sources: &str) -> program::Project {
    let manifest = format!("[[manifest]]\npath = \"all.repos\"\ndest = \"/ws/src\"\nsources = \"{sources}\"\n");
    let folder = program::Project::new(&format!("{PROJECT}\n{manifest}"));
    let entry = |number: usize| {
        let path = format!("group{}/repository{number}", number % 10);
        format!("  {path}: {{ type: git, url: https://git.example/r{number}.git, version: main }}\n")
    };
    folder.write("all.repos", &format!("repositories:\n{}", (0..size).map(entry).collect::<String>()));
    lock(&folder);
    folder
}

/// Locks without a network: the answers are made up.
fn lock(folder: &program::Project) {
    let workspace = Workspace::find(&folder.path()).expect("a project");
    let loaded = workspace.load().expect("the extensions are good");
    let questions = resolve::questions(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &Answers::new());
    let answers: Answers = questions.into_iter().map(|question| (question.clone(), Ok(answer(&question)))).collect();
    let resolution =
        pin(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers).expect("every question is answered");
    workspace.replace_lock(None, &resolution.lock).expect("the folder is writable");
}

/// A commit, another one for each repository, on `main`; one digest for all images.
fn answer(question: &Question) -> Answer {
    let Question::Refs { url } = question else { return Answer::Image(digest()) };
    let rev = blake3::hash(url.as_bytes()).to_hex()[..40].to_owned();
    let head = Some(Head { rev: rev.clone(), branch: Some("main".to_owned()) });
    Answer::Refs(Refs { head, branches: BTreeMap::from([("main".to_owned(), rev)]), ..Refs::default() })
}

/// Returns how many stages `deps plan` counts in a locked project.
pub(crate) fn stages(folder: &program::Project) -> usize {
    let workspace = Workspace::find(&folder.path()).expect("a project");
    let lock = workspace.lock().expect("the lock is good").expect("there is one");
    let plans = workspace.load().expect("the project is good").plans(&lock.lock).expect("nothing contradicts");
    plans.iter().map(|plan| plan.stages.len()).sum()
}
