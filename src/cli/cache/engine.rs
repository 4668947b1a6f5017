//! `deps cache engine`: what the builder holds, cache mounts by id above all, and removing it.
//!
//! Decides who is asked: whatever would build, as `deps build` chooses it.

use clap::{Args, Subcommand};

use super::Json;
use crate::cli::build_failure::no_engine;
use crate::cli::caching::Builder;
use crate::cli::diagnostic::Diagnostic;
use crate::cli::outcome::{FAILED, Failed, UNREACHABLE, USAGE, print};
use crate::cli::session::Session;
use crate::engine::held::{self, CacheMount, Call, Held, Holder};
use crate::engine::run::{self, AskError};
use crate::engine::{self, Choice};
use crate::report::{self, EngineReport, MountReport, PrunedReport};
use crate::source::nearest;

#[derive(Debug, Args)]
pub(super) struct Engine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List cache mounts by id with their sizes, and the size of the whole build cache.
    Ls(Ls),
    /// Remove cache mounts, or everything that no build uses.
    Prune(Prune),
}

#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Prune {
    /// Remove the cache mounts with these ids.
    #[arg(long, value_name = "ID", num_args = 1.., required_unless_present = "all")]
    mounts: Vec<String>,
    /// Remove the whole build cache: the next build runs every step.
    #[arg(long, conflicts_with = "mounts")]
    all: bool,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    json: Json,
}

/// Which engine.
#[derive(Debug, Args)]
struct Which {
    /// The engine, as for `deps build`: auto, buildx, docker (through buildx, too), or buildctl (with the buildkitd that
    /// `BUILDKIT_HOST` names).
    #[arg(long, default_value = "auto", value_name = "ENGINE")]
    engine: Choice,
    #[command(flatten)]
    builder: Builder,
}

impl Which {
    fn holder(&self, session: &Session) -> Result<Holder<'_>, Failed> {
        let engine = match self.engine {
            Choice::Only(engine) => engine,
            choice => run::probe(choice, self.builder.asked(session)).map_err(|error| no_engine(&error))?.engine,
        };
        match (engine, self.builder.name()) {
            (engine::Engine::Buildctl, None) => Ok(Holder::Buildctl),
            (engine::Engine::Buildctl, Some(_)) => {
                let message = "`buildctl` cannot choose a builder: that takes buildx";
                let hint = "`BUILDKIT_HOST` says which buildkitd is asked";
                Err(Failed::one(USAGE, Diagnostic::error(message).hint(Some(hint.to_owned()))))
            }
            (_, builder) => Ok(Holder::Buildx(builder)),
        }
    }
}

pub(super) fn run(session: &Session, options: &Engine) -> Result<(), Failed> {
    match &options.command {
        Command::Ls(options) => ls(session, options),
        Command::Prune(options) => prune(session, options),
    }
}

fn ls(session: &Session, options: &Ls) -> Result<(), Failed> {
    let Held { mounts, others, bytes, reclaimable } = held(options.which.holder(session)?)?;
    let mounts = mounts.iter().map(mount_report).collect();
    let report = EngineReport { schema: 1, mounts, other_records: others, bytes, reclaimable_bytes: reclaimable };
    print(&if options.json.json { report::json(&report) } else { report::engine_text(&report) })
}

fn prune(session: &Session, options: &Prune) -> Result<(), Failed> {
    let holder = options.which.holder(session)?;
    let held = held(holder)?;
    let going = if options.all { held.mounts.clone() } else { named(&held.mounts, &options.mounts)? };
    if !options.dry_run {
        remove(session, options, holder, &going)?;
    }
    let after = if options.dry_run { None } else { Some(self::held(holder)?.bytes) };
    let would = if options.all { held.reclaimable } else { going.iter().map(|mount| mount.bytes).sum() };
    let report = PrunedReport {
        schema: 1,
        dry_run: options.dry_run,
        all: options.all,
        mounts: going.iter().map(mount_report).collect(),
        freed_bytes: after.map_or(would, |after| held.bytes.saturating_sub(after)),
    };
    print(&if options.json.json { report::json(&report) } else { report::pruned_text(&report) })
}

fn remove(session: &Session, options: &Prune, holder: Holder<'_>, going: &[CacheMount]) -> Result<(), Failed> {
    if options.all {
        return asked(&holder.remove_all()).map(drop);
    }
    going.iter().try_for_each(|mount| {
        session.stop_if_interrupted()?;
        asked(&holder.remove(mount)).map(drop)
    })
}

fn held(holder: Holder<'_>) -> Result<Held, Failed> {
    asked(&holder.ask()).map(|text| held::read(&text))
}

fn asked(call: &Call) -> Result<String, Failed> {
    run::asked(call).map_err(|error| {
        let hint = match (&error, call.program) {
            (AskError::CannotStart { .. }, "buildctl") => "install `buildctl`",
            (AskError::Refused(_), "buildctl") => {
                "`BUILDKIT_HOST` says where buildkitd is; `buildctl debug workers` asks it"
            }
            (AskError::CannotStart { .. }, _) => "install Docker with buildx",
            (AskError::Refused(_), _) => "`docker buildx ls` lists the builders, and whether they answer",
        };
        Failed::one(UNREACHABLE, Diagnostic::error(error.to_string()).hint(Some(hint.to_owned())))
    })
}

/// Returns the mounts that `ids` name; there may be several of one id, on builders of several nodes.
fn named(mounts: &[CacheMount], ids: &[String]) -> Result<Vec<CacheMount>, Failed> {
    let unknown = ids.iter().filter(|id| !mounts.iter().any(|mount| mount.id == **id));
    let diagnostic = |id: &String| {
        let near = nearest(id, mounts.iter().map(|mount| mount.id.as_str()));
        let hint = near.map(|id| format!("did you mean `{id}`?"));
        let hint = hint.or_else(|| Some("`deps cache engine ls` lists them".to_owned()));
        Diagnostic::error(format!("the engine has no cache mount `{id}`")).hint(hint)
    };
    let problems: Vec<Diagnostic> = unknown.map(diagnostic).collect();
    if !problems.is_empty() {
        return Err(Failed::new(if mounts.is_empty() { FAILED } else { USAGE }, problems));
    }
    Ok(mounts.iter().filter(|mount| ids.contains(&mount.id)).cloned().collect())
}

fn mount_report(mount: &CacheMount) -> MountReport {
    MountReport {
        id: mount.id.clone(),
        target: mount.target.clone(),
        bytes: mount.bytes,
        uses: mount.uses,
        last_used: mount.used.clone(),
    }
}
