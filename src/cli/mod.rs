//! The command line: one file a command. Each parses, calls, prints and returns an exit code.
//!
//! Decides flags, help and exit codes. Leaves out everything that could be useful without a terminal.

mod bisect;
mod bisected;
mod build;
mod build_arguments;
mod build_failure;
mod build_page;
mod builders;
mod cache;
mod cache_dirs;
mod caching;
mod checkouts;
mod conflicts;
mod container;
mod current;
mod date;
mod diagnostic;
mod diff;
mod dockerfile;
mod edit;
mod export;
mod ext;
mod fetch;
mod foreseen;
mod git_setup;
mod graph;
mod hints;
mod import;
mod init;
mod layers;
mod lent;
mod lint;
mod lock;
mod locking;
mod merge_driver;
mod origins;
mod outcome;
mod paint;
mod pin_from;
mod plan;
mod planning;
mod progress;
mod pure;
mod recorded;
mod reproducible;
mod schema;
mod session;
mod status;
mod submodules;
mod unfinished;
mod update;
mod verify;
mod verifying;
mod watching;
mod why;

use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use outcome::{Failed, print};
use session::Session;

/// A content-addressed build planner with a lockfile for Docker/BuildKit images.
#[derive(Debug, Parser)]
#[command(name = "deps", bin_name = "deps", version, after_help = AFTER_HELP)]
struct Cli {
    /// Go to this folder first.
    #[arg(short = 'C', long, global = true, help_heading = "Everywhere", value_name = "FOLDER")]
    directory: Option<std::path::PathBuf>,
    /// When to use colours.
    #[arg(long, global = true, help_heading = "Everywhere", value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
    /// Say only what went wrong.
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    quiet: bool,
    /// Treat every warning as an error.
    #[arg(long, global = true, help_heading = "Everywhere")]
    strict: bool,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0 done, 1 failed, 2 usage, 3 the lock is out of date,
  4 content is not what the lock says, 5 a remote or the engine cannot be reached

Environment:
  DEPS_STORE   the store; by default `deps` in your cache folder
  DEPS_GIT     how repositories are reached: auto, git2 (built in) or git (the program)
  DEPS_CONFIG  your configuration (mirrors); by default `deps/config.toml` among your configurations";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Propose a `deps.toml` from what this folder holds: manifests, sources, a rockerc.yaml, *.deps.yaml.
    Init(init::Options),
    /// Pin every repository, base image and extension in `deps.lock`.
    Lock(lock::Options),
    /// Pin what the refs hold now: all entries, or those named.
    Update(update::Options),
    /// Fetch every pinned commit into the store.
    Fetch(fetch::Options),
    /// Make working checkouts at the pinned commits; no work in them is ever lost.
    Import(import::Options),
    /// Show which working checkouts are off their pin or hold work.
    Status(status::Options),
    /// Print a vcstool manifest of what is pinned, or of a folder's checkouts.
    Export(export::Options),
    /// Pin the commits that the checkouts of an existing workspace are at.
    PinFrom(pin_from::Options),
    /// Review what changed: sources, versions, images, extensions, and the stages that rebuild.
    #[command(after_help = diff::AFTER_HELP)]
    Diff(diff::Options),
    /// Show the stages of the image with their keys, and which steps will run.
    Plan(plan::Options),
    /// Explain why a stage changed: first causes with old and new values.
    Why(why::Options),
    /// Draw the stages and what they are made of: text, DOT, Mermaid, SVG or a page.
    Graph(graph::Options),
    /// Print the canonical Dockerfile.
    Dockerfile,
    /// Find the repository, and its commit, that broke a test between two locks.
    Bisect(bisect::Options),
    /// Build the image.
    Build(build::Options),
    /// Run a container of the image, with what its extensions ask of the host.
    Run(container::Run),
    /// Run the test of every extension in a container of the image.
    Test(container::Test),
    /// Check that the lock names all that a build took from outside.
    Verify(verify::Options),
    /// Add extensions to `deps.toml`.
    Add(edit::Add),
    /// Remove extensions from `deps.toml`.
    Remove(edit::Remove),
    /// Set options and other values in `deps.toml`.
    Set(edit::Set),
    /// List, show, make and check extensions.
    Ext(ext::Options),
    /// Find what makes an image another one tomorrow, in snippets and Dockerfiles.
    #[command(after_help = lint::after_help())]
    Lint(lint::Options),
    /// List, measure, verify and clean the store.
    Cache(cache::Options),
    /// Tell git to merge `deps.lock` by entry, and to show it with one line an entry.
    GitSetup(git_setup::Options),
    /// Merge locks for git: three-way, by entry, offline.
    MergeDriver(merge_driver::Options),
    /// Print a lock with one line an entry, for `git diff`.
    Textconv(merge_driver::Textconv),
    /// Print the JSON Schema of a file.
    Schema(schema::Options),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// How the network is used.
#[derive(Clone, Debug, Args)]
struct Network {
    /// Use no network; every object that is missing is named.
    #[arg(long)]
    offline: bool,
    /// How many remotes are asked at once.
    #[arg(short, long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Give up on a remote that says nothing, or sends fewer than 100 bytes a second, for so long.
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    timeout: std::time::Duration,
    /// How often to try again what may pass: lost connections, overloaded servers.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
}

/// Reads a number of seconds between a tenth and a day.
fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match (0.1..=86_400.0).contains(&seconds) {
        true => Ok(std::time::Duration::from_secs_f64(seconds)),
        false => Err("must be between 0.1 and 86400 seconds".to_owned()),
    }
}

/// Whether the lock may be written.
#[derive(Clone, Copy, Debug, Args)]
struct Frozen {
    /// Fail, with exit code 3, unless `deps.lock` exists and is up to date; never write it.
    #[arg(long, visible_alias = "locked")]
    frozen: bool,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and usage errors know their own stream and exit code; a closed pipe is nobody's concern.
            _ = error.print();
            // To git, any status up to 128 would mean that there is a merge, with conflicts.
            let is_driver = std::env::args_os().nth(1).is_some_and(|command| command == "merge-driver");
            if is_driver && error.use_stderr() {
                return ExitCode::from(merge_driver::FATAL);
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let session = Session::new(cli.directory.as_deref(), cli.color, cli.quiet, cli.strict);
    let result = session.and_then(|session| {
        let done = run(&session, cli.command);
        done.map_err(|failed| failed.on(&session))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

fn run(session: &Session, command: Command) -> Result<(), Failed> {
    match command {
        Command::Init(options) => init::run(session, &options),
        Command::Lock(options) => lock::run(session, &options),
        Command::Update(options) => update::run(session, &options),
        Command::Fetch(options) => fetch::run(session, &options),
        Command::Import(options) => import::run(session, &options),
        Command::Status(options) => status::run(session, &options),
        Command::Export(options) => export::run(session, &options),
        Command::PinFrom(options) => pin_from::run(session, &options),
        Command::Diff(options) => diff::run(session, &options),
        Command::Plan(options) => plan::run(session, &options),
        Command::Why(options) => why::run(session, &options),
        Command::Graph(options) => graph::run(session, &options),
        Command::Dockerfile => dockerfile::run(session),
        Command::Bisect(options) => bisect::run(session, &options),
        Command::Build(options) => build::run(session, &options),
        Command::Run(options) => container::run(session, &options),
        Command::Test(options) => container::test(session, &options),
        Command::Verify(options) => verify::run(session, &options),
        Command::Add(options) => edit::add(session, &options),
        Command::Remove(options) => edit::remove(session, &options),
        Command::Set(options) => edit::set(session, &options),
        Command::Ext(options) => ext::run(session, &options),
        Command::Lint(options) => lint::run(session, &options),
        Command::Cache(options) => cache::run(session, &options),
        Command::GitSetup(options) => git_setup::run(session, &options),
        Command::MergeDriver(options) => merge_driver::run(session, &options),
        Command::Textconv(options) => merge_driver::textconv(session, &options),
        Command::Schema(options) => schema::run(&options),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "deps", &mut text);
            print(&String::from_utf8_lossy(&text))
        }
    }
}
