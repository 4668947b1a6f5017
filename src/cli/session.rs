//! What every command shares: the project, the terminal, the environment, interruption.

#![expect(clippy::disallowed_methods, reason = "the command line reads the environment and the user's configuration")]

use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etcetera::BaseStrategy as _;

use super::diagnostic::{self, Diagnostic};
use super::hints;
use super::origins;
use super::outcome::{FAILED, Failed, USAGE, say};
use super::{Colour, Network};
use crate::configuration::{self, Configuration};
use crate::extension::Extension;
use crate::hashing::{Hashing, Memory};
use crate::manifest::Warning;
use crate::remote::{self, Remotes};
use crate::source::{Located, Source};
use crate::store::{self, Store, StoreAlone, StoreError};
use crate::workspace::{Loaded, Workspace};

/// The user's configuration, below the folder of all such.
const CONFIG: &str = "deps/config.toml";

/// One run of the program.
#[derive(Debug)]
pub(super) struct Session {
    start: PathBuf,
    colour: bool,
    quiet: bool,
    strict: bool,
    /// What the user has set `SSL_CERT_FILE` to: once libgit2 is in use, that is what it has found itself.
    certificates: Option<String>,
    interrupted: Arc<AtomicBool>,
}

impl Session {
    /// Prepares a run in `directory`, by default the working directory.
    pub(super) fn new(directory: Option<&Path>, colour: Colour, quiet: bool, strict: bool) -> Result<Self, Failed> {
        let certificates = std::env::var("SSL_CERT_FILE").ok().filter(|path| !path.is_empty());
        let colour = match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
        };
        let wrong = |message: String| Failed::one(FAILED, Diagnostic::error(message));
        let here =
            std::env::current_dir().map_err(|error| wrong(format!("cannot find the working directory: {error}")))?;
        let start = directory.map_or(here.clone(), |directory| here.join(directory));
        if !start.is_dir() {
            return Err(Failed::one(USAGE, Diagnostic::error(format!("`{}` is no folder", start.display()))));
        }
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        let handler = move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        };
        ctrlc::set_handler(handler).map_err(|error| wrong(format!("cannot catch interrupts: {error}")))?;
        Ok(Self { start, colour, quiet, strict, certificates, interrupted })
    }

    /// The home of whoever calls.
    pub(super) fn home(&self) -> Result<PathBuf, Failed> {
        etcetera::home_dir()
            .map_err(|error| Failed::one(FAILED, Diagnostic::error(format!("cannot find your home: {error}"))))
    }

    /// The folder that the command runs in.
    pub(super) fn start(&self) -> &Path {
        &self.start
    }

    /// Whether talk is coloured.
    pub(super) fn colour(&self) -> bool {
        self.colour
    }

    /// Whether warnings are errors.
    pub(super) fn strict(&self) -> bool {
        self.strict
    }

    /// The flag that an interrupt sets.
    pub(super) fn interrupted(&self) -> &AtomicBool {
        &self.interrupted
    }

    /// Ends the command when it was interrupted: what was still open then is no news.
    pub(super) fn stop_if_interrupted(&self) -> Result<(), Failed> {
        if self.interrupted.load(Ordering::SeqCst) {
            return Err(Failed::one(FAILED, Diagnostic::error("interrupted")));
        }
        Ok(())
    }

    /// Whether somebody watches.
    pub(super) fn terminal(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Prints talk, unless `--quiet`.
    pub(super) fn tell(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Prints warnings, which are errors with `--strict`.
    pub(super) fn warn_all(&self, warnings: Vec<Diagnostic>) -> Result<(), Failed> {
        if self.strict && !warnings.is_empty() {
            return Err(Failed::new(FAILED, warnings.into_iter().map(Diagnostic::strict).collect()));
        }
        warnings.iter().for_each(|warning| self.warn(warning));
        Ok(())
    }

    /// Prints a warning.
    pub(super) fn warn(&self, diagnostic: &Diagnostic) {
        self.tell(&format!("{}\n", diagnostic.render(self.colour)));
    }

    /// Finds the project. Extensions from git come with it, as far as its lock names them and the store has them.
    pub(super) fn workspace(&self) -> Result<Workspace, Failed> {
        let hashing = self.hashing(&self.store_root()?);
        origins::as_locked(Workspace::find(&self.start)?.with_hashing(hashing), || self.store())
    }

    /// How folders of projects are hashed: with what the store in `root` knows of them, until an interrupt.
    pub(super) fn hashing(&self, root: &Path) -> Hashing {
        let memory = Some(Memory::new(root.join(store::HASHES)));
        Hashing { memory, interrupted: Arc::clone(&self.interrupted) }
    }

    /// Reads the project and prints the warnings of its manifests.
    pub(super) fn load(&self, workspace: &Workspace) -> Result<Loaded, Failed> {
        let (loaded, absent) = workspace.load_what_is_here()?;
        if !absent.is_empty() {
            return Err(origins::incomplete(workspace, &loaded, absent));
        }
        let warning = |warning: &Located<Warning>| {
            let diagnostic = Diagnostic::warning(warning.error.to_string());
            diagnostic.at(Some(&warning.place)).hint(hints::of_warning(&warning.error))
        };
        let mut warnings = diagnostic::first(&loaded.warnings, warning, Diagnostic::warning);
        warnings.extend(loaded.idle_excludes.iter().map(|idle| {
            let hint =
                "a pattern is a checkout path and the path of a submodule below it; `**` is any number of folders";
            Diagnostic::warning(idle.error.to_string()).at(Some(&idle.place)).hint(Some(hint.to_owned()))
        }));
        warnings.extend(loaded.extensions.iter().filter_map(|extension| deprecation(&loaded, extension)));
        self.warn_all(warnings)?;
        Ok(loaded)
    }

    /// Opens the store as one of many who use it, and notes that the project, if there is one, does.
    pub(super) fn store(&self) -> Result<Store, Failed> {
        let mut waiting = || self.tell("waiting until `deps cache` has finished with the store\n");
        let store = Store::join(&self.store_root()?, &self.interrupted, &mut waiting);
        let store = store.map_err(|error| store_failed(&error))?;
        if let Ok(workspace) = Workspace::find(&self.start) {
            match store.record(workspace.root()) {
                // Nobody takes anything away from a store that nobody can write.
                Err(error) if !error.is_read_only() => {
                    let message = "`deps cache gc` will not know what this project needs".to_owned();
                    self.warn(&Diagnostic::warning(message).details([error.to_string()]));
                }
                _ => {}
            }
        }
        Ok(store)
    }

    /// Opens the store when nobody else uses it; `what` needs that, and says so when it has to wait.
    pub(super) fn store_alone(&self, what: &str) -> Result<StoreAlone, Failed> {
        let mut waiting =
            || self.tell(&format!("{what} waits until no other `deps` uses the store; to give up, press Ctrl-C\n"));
        let alone = Store::alone(&self.store_root()?, &self.interrupted, &mut waiting);
        alone.map_err(|error| store_failed(&error))
    }

    /// Returns where the store is: `$DEPS_STORE`, else `deps` in the user's cache folder.
    pub(super) fn store_root(&self) -> Result<PathBuf, Failed> {
        let wrong = |message: String| Failed::one(FAILED, Diagnostic::error(message));
        let root = match std::env::var_os("DEPS_STORE").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => {
                let strategy = etcetera::choose_base_strategy();
                let strategy = strategy.map_err(|error| wrong(format!("cannot find your cache folder: {error}")))?;
                strategy.cache_dir().join("deps")
            }
        };
        std::path::absolute(&root).map_err(|error| wrong(format!("cannot find `{}`: {error}", root.display())))
    }

    /// Returns `path` as it is meant in the folder where the command runs.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        let path = self.start.join(path);
        path.canonicalize().unwrap_or(path)
    }

    /// Prepares to ask remotes.
    pub(super) fn remotes(&self, network: &Network) -> Result<Remotes, Failed> {
        self.remotes_with(network, None)
    }

    /// Prepares to ask remotes, also for archives, which are kept in `store`.
    pub(super) fn remotes_with(&self, network: &Network, store: Option<Store>) -> Result<Remotes, Failed> {
        let transport = match std::env::var("DEPS_GIT").as_deref() {
            Err(_) | Ok("" | "auto") => remote::Choice::Auto,
            Ok("git2") => remote::Choice::Git2,
            Ok("git") => remote::Choice::Program,
            Ok(other) => {
                let message = format!("`DEPS_GIT` is `{other}`, but must be `auto`, `git2` or `git`");
                return Err(Failed::one(USAGE, Diagnostic::error(message)));
            }
        };
        let settings = remote::Settings {
            jobs: usize::from(network.jobs),
            timeout: network.timeout,
            retries: network.retries,
            offline: network.offline,
            terminal: self.terminal() && std::io::stdin().is_terminal(),
            transport,
            certificates: self.certificates.clone(),
            store,
            mirrors: remote::Mirrors::new(self.configuration()?.mirrors),
            ..remote::Settings::default()
        };
        Ok(Remotes::new(settings))
    }

    /// Reads the user's configuration: the file that `DEPS_CONFIG` names, else `deps/config.toml` where such files are.
    fn configuration(&self) -> Result<Configuration, Failed> {
        let wrong = |message: String| Failed::one(FAILED, Diagnostic::error(message));
        let named = self.variable("DEPS_CONFIG").map(|path| self.start.join(path));
        let Some(path) =
            named.clone().or_else(|| Some(etcetera::choose_base_strategy().ok()?.config_dir().join(CONFIG)))
        else {
            return Ok(Configuration::default());
        };
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => return Ok(Configuration::default()),
            text => text.map_err(|error| wrong(format!("cannot read `{}`: {error}", path.display())))?,
        };
        let source = Source::new(path.to_string_lossy(), text);
        configuration::parse(&source).map_err(|problems| {
            let one = |problem: &Located<configuration::Problem>| {
                let hint = hints::of_configuration(&problem.error);
                Diagnostic::error(problem.error.to_string()).at(Some(&problem.place)).hint(hint)
            };
            Failed::new(FAILED, problems.iter().map(one).collect())
        })
    }

    /// Returns how this environment reaches an engine, to know it again without asking it: what `docker` and buildx look
    /// at. Where `builder` is some, buildx uses that one instead of the one that the environment names.
    pub(super) fn endpoint_of(&self, builder: Option<&str>) -> String {
        const LOOKED_AT: [&str; 4] = ["BUILDKIT_HOST", "BUILDX_BUILDER", "DOCKER_CONTEXT", "DOCKER_HOST"];
        let value = |name: &str| {
            let given = builder.filter(|_| name == "BUILDX_BUILDER").map(str::to_owned);
            given.or_else(|| self.variable(name))
        };
        let set = LOOKED_AT.iter().filter_map(|name| Some(format!("{name}={}", value(name)?)));
        set.chain(self.docker_context()).collect::<Vec<_>>().join(" ")
    }

    /// What `docker context use` has chosen.
    fn docker_context(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.docker_folder()?.join("config.json")).ok()?;
        let configuration: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(format!("context={}", configuration.get("currentContext")?.as_str()?))
    }

    /// Returns where Docker's client has its configuration; none for somebody without a home.
    pub(super) fn docker_folder(&self) -> Option<PathBuf> {
        let folder = self.variable("DOCKER_CONFIG").map(PathBuf::from);
        folder.or_else(|| Some(etcetera::home_dir().ok()?.join(".docker")))
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// Returns the failure of a command that cannot use the store.
pub(super) fn store_failed(error: &StoreError) -> Failed {
    if let StoreError::Interrupted { .. } = error {
        return Failed::one(FAILED, Diagnostic::error("interrupted"));
    }
    Failed::one(FAILED, Diagnostic::error(error.to_string()).hint(hints::of_store(error)))
}

/// An extension that its author would not have anyone use any more, where the project names it.
fn deprecation(loaded: &Loaded, extension: &Extension) -> Option<Diagnostic> {
    let why = extension.deprecated()?;
    let place = loaded.project.extensions.get(&extension.name).map(|wish| loaded.project.source.at(wish.name.span()));
    Some(Diagnostic::warning(format!("extension `{}` is deprecated: {why}", extension.name)).at(place.as_ref()))
}
