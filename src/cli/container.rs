//! `deps run` and `deps test`: containers of the image that `deps build` makes.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads the environment and makes folders that extensions ask for"
)]

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::build::{self, Image};
use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, USAGE, print};
use super::session::Session;
use super::{Frozen, Network};
use crate::container::{self, Arguments, Host, Union};
use crate::engine::{Choice, Engine, container as engine};
use crate::extension::Script;
use crate::report;
use crate::source::nearest;

/// How the image is made that a container is started from.
#[derive(Debug, Args)]
struct Source {
    /// Take the image as it is, by the name that `deps build` gives it, instead of building it first.
    #[arg(long)]
    no_build: bool,
    /// The engine: auto, buildx, or docker (`docker build` with BuildKit).
    #[arg(long, default_value = "auto", value_name = "ENGINE")]
    engine: Choice,
    #[command(flatten)]
    frozen: Frozen,
    #[command(flatten)]
    network: Network,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Print the command instead of running it.
    #[arg(long)]
    print: bool,
    /// One more argument for `docker run`, as it is; may be given several times.
    #[arg(long = "docker-arg", value_name = "ARG", allow_hyphen_values = true)]
    docker: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// What to run in the container; by default what the image says.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Test {
    /// The extensions to test; all when none is named.
    #[arg(value_name = "EXTENSION")]
    extensions: Vec<String>,
    /// Write the results to a file in JUnit's format, which CI systems show.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

impl Source {
    fn image(&self, session: &Session, only_named: bool) -> Result<Image, Failed> {
        if self.engine == Choice::Only(Engine::Buildctl) {
            let message = "`buildctl` has no image store to start containers from: that takes Docker";
            let hint =
                "leave out `--engine`; `deps build --engine buildctl --push` leaves the image where Docker can pull it";
            return Err(Failed::one(USAGE, Diagnostic::error(message).hint(Some(hint.to_owned()))));
        }
        let (engine, frozen, network) = (self.engine, self.frozen, self.network.clone());
        build::image(session, &build::Options::of(engine, frozen, network), self.no_build || only_named)
    }
}

pub(super) fn run(session: &Session, options: &Run) -> Result<(), Failed> {
    let image = options.source.image(session, options.print)?;
    let union = union(&image)?;
    let Arguments { arguments, make, missing, detached } = on_this_host(session, &image, &union)?;
    if !missing.is_empty() {
        let told =
            |what: &String| Diagnostic::error(format!("this machine has no {}", what.trim_start_matches("the ")));
        return Err(Failed::new(FAILED, missing.iter().map(told).collect()));
    }
    let mut words = vec!["run".to_owned()];
    words.extend(if detached { None } else { Some("--rm".to_owned()) });
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !detached {
        words.extend(["--interactive", "--tty"].map(str::to_owned));
    } else if !detached {
        words.push("--interactive".to_owned());
    }
    words.extend(arguments.into_iter().chain(options.docker.iter().cloned()));
    words.push(image.name);
    words.extend(options.command.iter().cloned());
    if options.print {
        return print(&format!("docker {}\n", container::typed(&words)));
    }
    for folder in &make {
        let failed =
            |error| Failed::one(FAILED, Diagnostic::error(format!("cannot make `{}`: {error}", folder.display())));
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let status = engine::attached(&words).map_err(|error| Failed::one(FAILED, Diagnostic::error(error.to_string())))?;
    if status == 0 { Ok(()) } else { Err(Failed::silent(status)) }
}

fn union(image: &Image) -> Result<Union, Failed> {
    container::union(&image.loaded.configured).map_err(|contradictions| {
        let told = |contradiction: &container::Contradiction| Diagnostic::error(contradiction.to_string());
        Failed::new(FAILED, contradictions.iter().map(told).collect())
    })
}

fn on_this_host(session: &Session, image: &Image, union: &Union) -> Result<Arguments, Failed> {
    let home = session.home()?;
    Ok(union.arguments(&Host {
        home: &home,
        here: session.start(),
        container_home: &image.home,
        variable: &|name| std::env::var(name).ok().filter(|value| !value.is_empty()),
        exists: &Path::exists,
    }))
}

/// What became of one extension's script.
struct Tested {
    extension: String,
    took: Duration,
    /// What it said, when it failed.
    said: Option<String>,
}

pub(super) fn test(session: &Session, options: &Test) -> Result<(), Failed> {
    let image = options.source.image(session, false)?;
    let scripts = chosen(&image, &options.extensions)?;
    let variables = union(&image)?.variables(&image.home);
    let mut results = Vec::new();
    for (extension, script) in scripts {
        let tested = tested(&image.name, extension, script, &variables)?;
        session.stop_if_interrupted()?;
        let (seconds, word) = (tested.took.as_secs_f64(), if tested.said.is_some() { "failed" } else { "ok" });
        session.tell(&format!("test {extension} … {word} {seconds:.1}s\n"));
        results.push(tested);
    }
    if let Some(path) = &options.junit {
        let failed = |error: &dyn std::fmt::Display| {
            Failed::one(FAILED, Diagnostic::error(format!("cannot write `{}`: {error}", path.display())))
        };
        let text = junit(&image.name, &results).to_string().map_err(|error| failed(&error))?;
        std::fs::write(session.start().join(path), text).map_err(|error| failed(&error))?;
    }
    told(session, &results)
}

/// The scripts of the extensions that are named, of all when none is; those without a script cannot be named.
fn chosen<'a>(image: &'a Image, names: &[String]) -> Result<Vec<(&'a str, &'a Script)>, Failed> {
    let all = image.loaded.configured.iter();
    let mut scripts: Vec<(&str, &Script)> =
        all.filter_map(|extension| Some((extension.name.as_str(), extension.test.as_ref()?))).collect();
    scripts.sort_by_key(|(name, _)| *name);
    let unknown = names.iter().filter(|name| scripts.iter().all(|(known, _)| known != name));
    let wrong: Vec<Diagnostic> = unknown
        .map(|name| {
            let near =
                nearest(name, scripts.iter().map(|(known, _)| *known)).map(|near| format!("did you mean `{near}`?"));
            Diagnostic::error(format!("the image has no extension `{name}` with a test")).hint(near)
        })
        .collect();
    if !wrong.is_empty() {
        return Err(Failed::new(USAGE, wrong));
    }
    scripts.retain(|(name, _)| names.is_empty() || names.iter().any(|chosen| chosen == name));
    Ok(scripts)
}

/// Runs a script in a container of its own, without network, as the image's user.
fn tested(image: &str, extension: &str, script: &Script, variables: &[String]) -> Result<Tested, Failed> {
    let mut words: Vec<String> =
        ["run", "--rm", "--interactive", "--network=none", "--entrypoint=/bin/sh"].map(str::to_owned).to_vec();
    words.extend(variables.iter().map(|variable| format!("--env={variable}")));
    let start = "umask 077; file=$(mktemp) && cat >\"$file\" && chmod u+x \"$file\" && read -r line <\"$file\"; \
        case $line in '#!'*) exec \"$file\";; *) exec /bin/sh -eu \"$file\";; esac";
    words.extend([image.to_owned(), "-c".to_owned(), start.to_owned()]);
    let ran = engine::captured(&words, &script.text);
    let ran = ran.map_err(|error| Failed::one(FAILED, Diagnostic::error(error.to_string())))?;
    let said = (ran.status != 0).then(|| format!("{}exit status {}\n", ran.output, ran.status));
    Ok(Tested { extension: extension.to_owned(), took: ran.took, said })
}

fn told(session: &Session, results: &[Tested]) -> Result<(), Failed> {
    let failures: Vec<Diagnostic> = results
        .iter()
        .filter_map(|tested| {
            let said = tested.said.as_ref()?;
            let message = format!("the test of extension `{}` failed", tested.extension);
            Some(Diagnostic::error(message).details(said.lines().map(str::to_owned)))
        })
        .collect();
    let (count, bad) = (report::count(results.len(), "test", "tests"), failures.len());
    session.tell(&match bad {
        0 => format!("{count}, all ok\n"),
        bad => format!("{count}, {bad} failed\n"),
    });
    if failures.is_empty() { Ok(()) } else { Err(Failed::new(FAILED, failures)) }
}

fn junit(image: &str, results: &[Tested]) -> Report {
    let mut suite = TestSuite::new(image);
    for Tested { extension, took, said } in results {
        let mut status = match said {
            Some(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
            None => TestCaseStatus::success(),
        };
        if let Some(said) = said {
            status.set_message("the script failed").set_description(said);
        }
        let mut case = TestCase::new(extension.as_str(), status);
        case.set_time(*took);
        suite.add_test_case(case);
    }
    let mut report = Report::new("deps test");
    report.add_test_suite(suite);
    report
}
