//! `deps build`: lock → store → plan → Dockerfile → a real BuildKit → an image.

use std::path::PathBuf;

use clap::Args;
use deps_lock::Lock;

use super::build_arguments::{arguments, build_argument};
use super::build_failure::{failed, no_engine};
use super::cache_dirs::{self, cache_dir};
use super::diagnostic::Diagnostic;
use super::foreseen::Foreseen;
use super::outcome::{FAILED, Failed, USAGE, print};
use super::session::{Session, store_failed};
use super::watching::{self, View, Watched};
use super::{
    Frozen, Network, build_page, caching, current, fetch, lent, locking, origins, planning, pure, reproducible,
};
use crate::dockerfile::BUILD_LABEL;
use crate::engine::probe::Found;
use crate::engine::run::Built;
use crate::engine::{Build, Choice, Engine};
use crate::extension::{self, Account};
use crate::plan::{CA_SECRET, Plan, ProjectFolder, build_key, plan_key};
use crate::project::Project;
use crate::resolve::Refresh;
use crate::source::nearest;
use crate::store::Store;
use crate::workspace::{Loaded, Workspace};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Name the image, `name[:tag]`; may be given several times. Default: `tag` of deps.toml, else `<name>:latest`.
    #[arg(short, long = "tag", value_name = "NAME")]
    tags: Vec<String>,
    /// Build this stage only, and what it needs.
    #[arg(long, visible_alias = "stage", value_name = "STAGE")]
    target: Option<String>,
    /// Ignore the engine's cache, what its cache mounts hold included.
    #[arg(long)]
    no_cache: bool,
    /// Set a build argument; may be given several times.
    #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = build_argument)]
    build_args: Vec<(String, String)>,
    /// Build for these platforms instead of those of deps.toml.
    #[arg(long = "platform", value_name = "PLATFORM", value_delimiter = ',')]
    platforms: Vec<String>,
    /// Push the image to the registry that its name says.
    #[arg(long)]
    push: bool,
    /// Load the image into the local image store (the default where the engine has one).
    #[arg(long)]
    load: bool,
    /// Where the result goes, as for `docker buildx build --output`.
    #[arg(short, long, value_name = "SPEC")]
    output: Option<String>,
    /// The engine: auto, buildx, docker (`docker build` with BuildKit), or buildctl (with the buildkitd of
    /// `BUILDKIT_HOST`, else the one of this machine).
    #[arg(long, default_value = "auto", value_name = "ENGINE")]
    engine: Choice,
    /// Build also when the image is there already, with the keys of this plan and its build arguments in its labels.
    #[arg(long)]
    no_skip: bool,
    /// Refuse stages that can depend on more than the lock, naming each and why.
    #[arg(long)]
    pure: bool,
    /// Build twice without cache and compare the layers: 4 when they differ, with the first file that does.
    #[arg(long, conflicts_with_all = ["push", "load", "output"])]
    check_reproducible: bool,
    /// Copy the files of a folder of this machine that the cache mount ID lacks into it before the build; may be given
    /// several times. The folder is only read, and neither keys nor layers depend on it.
    #[arg(long = "cache-dir", value_name = "ID=DIR", value_parser = cache_dir)]
    cache_dirs: Vec<(String, PathBuf)>,
    #[command(flatten)]
    caching: caching::Caching,
    /// How the build is shown.
    #[arg(long, value_enum, default_value_t, value_name = "VIEW")]
    progress: View,
    /// Write a page about the build to this file: stages, steps, times, what was foreseen, what keys are made of.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    frozen: Frozen,
    #[command(flatten)]
    network: Network,
}

impl Options {
    /// Which engines can do what is asked.
    fn choice(&self) -> Choice {
        if self.load { self.engine.with_store() } else { self.engine }
    }

    /// Returns the options that make the image under its own name, where its containers are started.
    pub(super) fn of(engine: Choice, frozen: Frozen, network: Network) -> Self {
        Self {
            tags: Vec::new(),
            target: None,
            no_cache: false,
            build_args: Vec::new(),
            platforms: Vec::new(),
            push: false,
            load: true,
            output: None,
            engine,
            no_skip: false,
            pure: false,
            caching: caching::Caching::default(),
            progress: View::default(),
            check_reproducible: false,
            cache_dirs: Vec::new(),
            report: None,
            frozen,
            network,
        }
    }
}

/// The image of a project.
pub(super) struct Image {
    /// The project.
    pub(super) loaded: Loaded,
    /// What the engine calls it.
    pub(super) name: String,
    /// The home of its user.
    pub(super) home: String,
}

/// Returns the image of the project, built unless `as_it_is`.
pub(super) fn image(session: &Session, options: &Options, as_it_is: bool) -> Result<Image, Failed> {
    let (workspace, loaded) = origins::ready(session, &Refresh::Nothing, options.frozen.frozen, &options.network)?;
    let lock = locking::synced(session, &workspace, &loaded, options.frozen.frozen, &options.network)?;
    let plans = planning::plans(&loaded, &lock)?;
    let store = session.store()?;
    let mut arguments = arguments(session, &plans[0], &store, &loaded.project, &options.build_args)?;
    let user = |account: &Account| arguments.remove("DEPS_USER_NAME").unwrap_or_else(|| account.name.value.clone());
    let home = plans[0].account.as_ref().map(user).map_or("/root".to_owned(), |name| format!("/home/{name}"));
    let name = tags(&loaded.project, options).remove(0);
    if !as_it_is {
        made(session, &workspace, &loaded, &lock, &plans, options)?;
    }
    Ok(Image { loaded, name, home })
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let (workspace, loaded) = origins::ready(session, &Refresh::Nothing, options.frozen.frozen, &options.network)?;
    let lock = locking::synced(session, &workspace, &loaded, options.frozen.frozen, &options.network)?;
    let plans = planning::plans(&loaded, &lock)?;
    let image = made(session, &workspace, &loaded, &lock, &plans, options)?;
    image.iter().try_for_each(|image| print(&format!("{image}\n")))
}

/// Builds, and returns the image as the engine calls it, where it keeps it.
fn made(
    session: &Session,
    workspace: &Workspace,
    loaded: &Loaded,
    lock: &Lock,
    plans: &[Plan],
    options: &Options,
) -> Result<Option<String>, Failed> {
    check_target(&plans[0], options.target.as_deref())?;
    check_platforms(loaded, &options.platforms)?;
    if options.pure {
        pure::check(&plans[0], options.target.as_deref())?;
    }
    options.caching.check(session)?;
    let store = session.store()?;
    let args = arguments(session, &plans[0], &store, &loaded.project, &options.build_args)?;
    let offers = cache_dirs::offers(session, &plans[0], &args, &options.cache_dirs)?;
    let probe = || options.caching.probe(session, options.choice()).map_err(|error| no_engine(&error));
    // What another Docker has is not known here; any other builder's images are loaded into ours.
    let named = if options.caching.names_a_builder() { Some(probe()?) } else { None };
    let here = named.as_ref().is_none_or(|found| found.driver != "docker");
    if here && let Some(image) = up_to_date(session, loaded, plans, &store, options)? {
        return Ok(Some(image));
    }
    let found = named.map_or_else(probe, Ok)?;
    fill(session, (workspace, loaded), lock, plans, &store, options)?;
    let metadata = store.scratch().map_err(|error| Failed::one(FAILED, Diagnostic::error(error.to_string())))?;
    let build =
        Build { metadata: metadata.path().join("metadata"), ..build(session, loaded, plans, &store, &found, options)? };
    let build = options.caching.told(session, (&loaded.project.build, workspace.root()), &found, build)?;
    cache_dirs::offer(session, &store, (&found, &build), &plans[0], &offers)?;
    if options.check_reproducible {
        let perform = |build: &Build| performed(session, loaded, &plans[0], &found, build, options.progress);
        return reproducible::check(session, metadata.path(), &build, perform).map(|()| None);
    }
    let records = loaded.records(lock, plans);
    let foreseen = Foreseen::of(session, &store, workspace.root(), (&found, &build), (plans, records));
    let Watched { built, broken: _ } = caching::built(session, &found, &build, options.progress)?;
    if let Err(error) = foreseen.keep(session, &store, workspace.root(), &built.outcome) {
        session.tell(&format!("note: the next plan will not know of this build: {error}\n"));
    }
    if let Some(path) = &options.report {
        build_page::write(session, path, (&loaded.project.name, plans), &foreseen, &built.outcome)?;
    }
    watching::tell_end(options.progress, &build, &built, &foreseen.agreement(&built.outcome));
    finish(session, loaded, &plans[0], (&build, &foreseen), &built)?;
    if found.driver != "docker" && build.is_kept_nowhere() {
        session.warn(&watching::kept_nowhere(&found));
    }
    Ok(built.image)
}

/// Performs one of several builds; only that it failed is worth telling.
fn performed(
    session: &Session,
    loaded: &Loaded,
    plan: &Plan,
    found: &Found,
    build: &Build,
    view: View,
) -> Result<(), Failed> {
    let Watched { built, broken: _ } = caching::built(session, found, build, view)?;
    built.outcome.failed.as_ref().map_or(Ok(()), |failure| Err(failed(loaded, plan, failure)))
}

/// Returns the image when it is there as this build would make it, and says so.
fn up_to_date(
    session: &Session,
    loaded: &Loaded,
    plans: &[Plan],
    store: &Store,
    options: &Options,
) -> Result<Option<String>, Failed> {
    let project = &loaded.project;
    let platforms = platforms(project, &options.platforms);
    let always = options.no_skip
        || options.no_cache
        || options.check_reproducible
        || options.report.is_some()
        || options.caching.asks_for_a_build()
        || options.output.is_some()
        || options.target.is_some()
        || (options.engine == Choice::Only(Engine::Buildctl) && !options.push);
    if always || platforms != self::platforms(project, &[]) {
        return Ok(None);
    }
    let (tags, plan) = (tags(project, options), plan_key(plans));
    let args = arguments(session, &plans[0], store, project, &options.build_args)?;
    let key = build_key(plans, &args, &platforms, project.build.epoch);
    let (push, load) = (options.push, options.load || !options.push);
    let wanted = current::Wanted { tags: &tags, key: &key, plan: &plan, platforms: platforms.len(), push, load };
    let image = current::digest(session, &wanted, &options.network);
    if image.is_some() {
        session.tell(&format!("{} is up to date (plan key {plan})\n", tags.join(", ")));
    }
    Ok(image)
}

/// Returns the platforms to build for, sorted.
fn platforms(project: &Project, chosen: &[String]) -> Vec<String> {
    let mut platforms = match chosen {
        [] => project.platforms.iter().map(ToString::to_string).collect(),
        chosen => chosen.to_vec(),
    };
    platforms.sort();
    platforms.dedup();
    platforms
}

fn check_target(plan: &Plan, target: Option<&str>) -> Result<(), Failed> {
    let Some(target) = target.filter(|target| plan.stage(target).is_none()) else { return Ok(()) };
    let names = plan.stages.iter().map(|stage| stage.name.as_str());
    let near = nearest(target, names).map(|name| format!("did you mean `{name}`?"));
    let hint = near.or_else(|| Some("`deps plan` lists the stages".to_owned()));
    Err(Failed::one(USAGE, Diagnostic::error(format!("there is no stage `{target}`")).hint(hint)))
}

/// Refuses platforms that the lock has no files for: those of another one would be mounted.
fn check_platforms(loaded: &Loaded, chosen: &[String]) -> Result<(), Failed> {
    let known: Vec<String> = loaded.project.platforms.iter().map(ToString::to_string).collect();
    let unknown = chosen.iter().find(|platform| !known.contains(platform));
    let (Some(platform), Some((key, wish))) = (unknown, loaded.wishes.fetches.first_key_value()) else { return Ok(()) };
    let message = format!("{key} is another file on another platform, and the project has no platform `{platform}`");
    let hint = format!("add `{platform}` to `platforms` in deps.toml, then run `deps lock`");
    Err(Failed::one(USAGE, Diagnostic::error(message).at(Some(&wish.place)).hint(Some(hint))))
}

/// Brings everything that the Dockerfile copies into the store, which is the build context.
fn fill(
    session: &Session,
    (workspace, loaded): (&Workspace, &Loaded),
    lock: &Lock,
    plans: &[Plan],
    store: &Store,
    options: &Options,
) -> Result<(), Failed> {
    let fetched = fetch::context(session, loaded, lock, store, &options.network)?;
    session.tell(&format!("{fetched}\n"));
    for folder in plans.iter().flat_map(|plan| &plan.folders) {
        let files = extension::folder(&folder.files);
        let added = store.add_folder(&files);
        added.map_err(|error| Failed::one(FAILED, Diagnostic::error(error.to_string())))?;
    }
    for tree in plans.iter().flat_map(Plan::unpacked) {
        store.pack(tree, session.interrupted()).map_err(|error| store_failed(&error))?;
    }
    for ProjectFolder { path, files } in plans.iter().flat_map(|plan| &plan.project_folders) {
        let place = workspace.input(path)?;
        let source = |name: &str| if place.is_dir() { place.join(name) } else { place.clone() };
        store.add_hashed(files, source, session.interrupted()).map_err(|error| store_failed(&error))?;
    }
    Ok(())
}

/// Everything that the engine is told.
fn build(
    session: &Session,
    loaded: &Loaded,
    plans: &[Plan],
    store: &Store,
    found: &Found,
    options: &Options,
) -> Result<Build, Failed> {
    let project = &loaded.project;
    let platforms = platforms(project, &options.platforms);
    let args = arguments(session, &plans[0], store, project, &options.build_args)?;
    let key = build_key(plans, &args, &platforms, project.build.epoch);
    let labels = options.target.is_none().then(|| (BUILD_LABEL.to_owned(), key.to_string())); // a stage is not the image
    let kept = options.load || options.push || options.output.is_some() || options.target.is_some();
    // Several platforms at once are more than Docker takes from another builder.
    let loads = !kept && found.driver != "docker" && found.store && platforms.len() < 2;
    let secrets =
        if plans[0].ca_certificates { vec![(CA_SECRET.to_owned(), lent::ca_bundle(session)?)] } else { Vec::new() };
    Ok(Build {
        dockerfile: planning::dockerfile(plans),
        context: store.root().to_owned(),
        tags: tags(project, options),
        target: options.target.clone(),
        platforms,
        args,
        secrets: secrets.into_iter().collect(),
        ssh: lent::ssh_agent(session, &plans[0]).into_iter().collect(),
        no_cache: options.no_cache,
        push: options.push,
        load: options.load || loads,
        output: options.output.clone(),
        labels: labels.into_iter().collect(),
        epoch: Some(project.build.epoch),
        ..Build::default()
    })
}

fn tags(project: &Project, options: &Options) -> Vec<String> {
    match (options.tags.as_slice(), &project.build.tag, &options.target) {
        ([], _, Some(_)) => Vec::new(),
        ([], Some(tag), None) => vec![tag.clone()],
        ([], None, None) => vec![format!("{}:latest", project.name)],
        (tags, ..) => tags.to_vec(),
    }
}

/// The summary, and the image's digest as data.
fn finish(
    session: &Session,
    loaded: &Loaded,
    plan: &Plan,
    (build, foreseen): (&Build, &Foreseen),
    built: &Built,
) -> Result<(), Failed> {
    let Built { outcome, image: _ } = built;
    if let Some(failure) = &outcome.failed {
        return Err(failed(loaded, plan, failure));
    }
    let what = match (build.tags.as_slice(), &build.target) {
        ([], Some(target)) => format!("stage {target}"),
        (tags, _) => tags.join(", "),
    };
    let steps = crate::report::count(outcome.ran + outcome.cached, "step", "steps");
    let took = outcome.took.as_secs_f64();
    let end = crate::report::agreement_text(&foreseen.agreement(outcome));
    let cached = crate::report::cached_text(outcome.cached, outcome.ran);
    session.tell(&format!("built {what}: {steps}, {cached}, {} run, in {took:.1}s{end}", outcome.ran));
    Ok(())
}
