//! A real container engine for tests, as `tests/tooling/servers` starts it and describes it in the environment.
//!
//! It decides when a test may do without one: only when `DEPS_TEST_ENGINE=0` says so, and never silently. It leaves out
//! starting and stopping engines and registries.

#![expect(clippy::disallowed_methods, reason = "an engine is reached through its command line and the environment")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An engine that answers, and what was started beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Engine {
    /// `DOCKER_HOST` of the engine.
    host: String,
    /// The folder with the `docker` program.
    programs: PathBuf,
    /// `DOCKER_CONFIG`, which has the buildx plugin and no credentials.
    config: PathBuf,
    registry: String,
    base: String,
    busybox: String,
    /// Host and programs of an engine that is too old for our Dockerfiles, where there is one.
    old: Option<(String, PathBuf)>,
    /// Host of a second one like it, where there is one.
    twin: Option<String>,
    /// Host of an engine that is started empty while a test needs it, and the servers' folder.
    second: Option<(String, PathBuf)>,
    /// The bundle with the machine's own certificate authorities, if it names one.
    certificates: Option<String>,
}

/// Why there is no engine.
#[derive(Debug, PartialEq)]
enum Absent {
    /// Somebody said so; the reason in their words.
    OnPurpose(String),
    /// Nobody said anything: this variable is missing.
    Forgotten(&'static str),
}

impl Engine {
    /// The engine, or `None` after a line on standard error that says which test is skipped and why.
    ///
    /// # Panics
    /// When the environment describes no engine and does not say `DEPS_TEST_ENGINE=0` either.
    pub(crate) fn required() -> Option<Engine> {
        match Engine::described_by(|name| std::env::var(name).ok()) {
            Ok(engine) => Some(engine),
            Err(Absent::OnPurpose(reason)) => {
                say_skipped("a Docker engine", &reason);
                None
            }
            Err(Absent::Forgotten(variable)) => {
                panic!(
                    "this test needs a Docker engine, and `{variable}` names none: run `make test`, which starts one, \
                    or set DEPS_TEST_ENGINE=0 to skip such tests"
                )
            }
        }
    }

    /// Another engine like the one of `required`, so that a test of each runs at a time; the same one where there is no other.
    /// `.config/nextest.toml` has a group for each.
    pub(crate) fn twin() -> Option<Engine> {
        Engine::required().map(Engine::or_its_twin)
    }

    fn or_its_twin(self) -> Engine {
        let host = self.twin.clone().unwrap_or_else(|| self.host.clone());
        Engine { host, ..self }
    }

    fn described_by(variable: impl Fn(&str) -> Option<String>) -> Result<Engine, Absent> {
        if variable("DEPS_TEST_ENGINE").as_deref() == Some("0") {
            let reason = variable("DEPS_TEST_ENGINE_WHY").unwrap_or("DEPS_TEST_ENGINE=0".to_string());
            return Err(Absent::OnPurpose(reason));
        }
        let named = |name| variable(name).filter(|value| !value.is_empty()).ok_or(Absent::Forgotten(name));
        Ok(Engine {
            host: named("DEPS_TEST_DOCKER_HOST")?,
            programs: named("DEPS_TEST_DOCKER_BIN")?.into(),
            config: named("DEPS_TEST_DOCKER_CONFIG")?.into(),
            registry: named("DEPS_TEST_REGISTRY")?,
            base: named("DEPS_TEST_BASE")?,
            busybox: named("DEPS_TEST_BUSYBOX")?,
            old: named("DEPS_TEST_OLD_DOCKER_HOST").ok().zip(named("DEPS_TEST_OLD_DOCKER_BIN").ok().map(PathBuf::from)),
            twin: named("DEPS_TEST_TWIN_DOCKER_HOST").ok(),
            second: named("DEPS_TEST_SECOND_DOCKER_HOST").ok().zip(named("DEPS_TEST_STATE").ok().map(PathBuf::from)),
            certificates: variable("SSL_CERT_FILE"),
        })
    }

    /// The engine that is too old for our Dockerfiles (20.10) and must get a clear answer.
    ///
    /// `None`, after a line on standard error, where `make test` found a new engine only.
    pub(crate) fn old(&self) -> Option<Engine> {
        let Some((host, programs)) = self.old.clone() else {
            say_skipped("a Docker engine of version 20.10 as well", "DEPS_TEST_OLD_DOCKER_HOST or _BIN is not set");
            return None;
        };
        Some(Engine { host, programs, ..self.clone() })
    }

    /// Starts a second engine, which holds nothing, and stops it when the value is dropped. Containers have no network there.
    ///
    /// `None`, after a line on standard error, where the servers cannot start one.
    pub(crate) fn second(&self) -> Option<Second> {
        self.started(&["second"])
    }

    /// The same with a store that keeps an image as a chain of layers (a graph driver): `COPY --link` is a plain `COPY`.
    pub(crate) fn second_that_cannot_merge(&self) -> Option<Second> {
        self.started(&["second", "graph"])
    }

    fn started(&self, arguments: &[&str]) -> Option<Second> {
        let Some((host, state)) = self.second.clone() else {
            say_skipped("a second Docker engine", "DEPS_TEST_SECOND_DOCKER_HOST or DEPS_TEST_STATE is not set");
            return None;
        };
        let lock = std::fs::File::create(state.join("second.lock")).expect("the servers' folder can be written");
        lock.lock().expect("one test at a time has the second engine");
        servers(&state, arguments);
        Some(Second { engine: Engine { host, ..self.clone() }, state, _lock: lock })
    }

    /// `127.0.0.1:PORT` of a real registry that speaks plain HTTP.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// The reference of a small Debian image in that registry, by tag.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The reference of a busybox image in that registry, by tag.
    pub(crate) fn busybox(&self) -> &str {
        &self.busybox
    }

    /// The address at which containers of its default network find the machine that it runs on.
    pub(crate) fn gateway(&self) -> String {
        let format = "{{(index .IPAM.Config 0).Gateway}}";
        self.run(&["network", "inspect", "--format", format, "bridge"]).trim().to_owned()
    }

    /// What a program needs to find this engine (and no other), for `Sandbox::with_environment`.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let inherited = std::env::var("PATH").expect("a PATH in UTF-8");
        let mut pairs = vec![
            ("PATH".to_string(), format!("{}:{inherited}", self.programs.display())),
            ("DOCKER_HOST".to_string(), self.host.clone()),
            ("DOCKER_CONFIG".to_string(), self.config.display().to_string()),
        ];
        pairs.extend(self.certificates.iter().map(|bundle| ("SSL_CERT_FILE".to_string(), bundle.clone())));
        pairs
    }

    /// Runs the docker program, which must succeed, and returns what it prints.
    #[track_caller]
    pub(crate) fn docker<const N: usize>(&self, arguments: [&str; N]) -> String {
        self.run(&arguments)
    }

    /// Runs a command in a new container of an image, without network, and returns what it prints.
    #[track_caller]
    pub(crate) fn run_image(&self, tag: &str, command: &[&str]) -> String {
        self.run(&[&["run", "--rm", "--network=none", tag], command].concat())
    }

    /// Removes an image; that it does not exist is no problem.
    #[track_caller]
    pub(crate) fn remove_image(&self, tag: &str) {
        self.run(&["image", "rm", "--force", tag]);
    }

    /// The docker program with nothing but this engine in its environment.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.programs.join("docker"));
        command.env_clear().envs(self.environment());
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("docker in {}: {error}", self.programs.display()));
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {}: {}\n{talk}", arguments.join(" "), output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A second engine, while it runs.
pub(crate) struct Second {
    /// The engine.
    pub(crate) engine: Engine,
    state: PathBuf,
    _lock: std::fs::File,
}

impl Drop for Second {
    fn drop(&mut self) {
        servers(&self.state, &["second", "down"]);
    }
}

fn servers(state: &Path, arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tooling/servers");
    let output =
        Command::new(script).args(arguments).env("DEPS_TEST_STATE", state).output().expect("servers can be started");
    assert!(output.status.success(), "servers {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn say_skipped(need: &str, reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not eprintln!, which the test harness keeps to itself when a test passes.
    writeln!(std::io::stderr(), "skipped: {test} needs {need} ({reason})").expect("standard error is open");
}

#[cfg(test)]
mod tests {
    use super::{Absent, Engine};

    fn described(variables: &[(&str, &str)]) -> Result<Engine, Absent> {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Engine::described_by(value)
    }

    const ALL: [(&str, &str); 11] = [
        ("DEPS_TEST_DOCKER_HOST", "unix:///run/new.sock"),
        ("DEPS_TEST_DOCKER_BIN", "/new/bin"),
        ("DEPS_TEST_DOCKER_CONFIG", "/new/config"),
        ("DEPS_TEST_REGISTRY", "127.0.0.1:5000"),
        ("DEPS_TEST_BASE", "127.0.0.1:5000/base:1"),
        ("DEPS_TEST_BUSYBOX", "127.0.0.1:5000/busybox:1"),
        ("DEPS_TEST_OLD_DOCKER_HOST", "unix:///run/old.sock"),
        ("DEPS_TEST_OLD_DOCKER_BIN", "/old/bin"),
        ("DEPS_TEST_SECOND_DOCKER_HOST", "unix:///run/second.sock"),
        ("DEPS_TEST_STATE", "/state"),
        ("DEPS_TEST_TWIN_DOCKER_HOST", "unix:///run/twin.sock"),
    ];

    #[test]
    fn an_engine_is_skipped_on_purpose_only() {
        let reason = |text: &str| Err(Absent::OnPurpose(text.to_string()));
        assert_eq!(described(&[("DEPS_TEST_ENGINE", "0")]), reason("DEPS_TEST_ENGINE=0"));
        let why = [("DEPS_TEST_ENGINE", "0"), ("DEPS_TEST_ENGINE_WHY", "not on Debian")];
        assert_eq!(described(&why), reason("not on Debian"));
        assert_eq!(described(&[]), Err(Absent::Forgotten("DEPS_TEST_DOCKER_HOST")));
        assert_eq!(described(&ALL[..5]), Err(Absent::Forgotten("DEPS_TEST_BUSYBOX")));
    }

    #[test]
    fn programs_find_the_engine_that_is_described() {
        let engine = described(&ALL).unwrap();
        let environment = |engine: &Engine| engine.environment()[..2].iter().map(|(_, value)| value.clone()).collect();
        let (new, old): (Vec<_>, Vec<_>) = (environment(&engine), environment(&engine.old().unwrap()));
        assert!(new[0].starts_with("/new/bin:") && old[0].starts_with("/old/bin:"));
        assert_eq!((&*new[1], &*old[1]), ("unix:///run/new.sock", "unix:///run/old.sock"));
        assert_eq!(engine.environment()[2].1, "/new/config");
        assert_eq!(described(&ALL[..6]).unwrap().old, None);
        let second = ("unix:///run/second.sock".to_string(), "/state".into());
        assert_eq!(engine.clone().or_its_twin().host, "unix:///run/twin.sock");
        assert_eq!(described(&ALL[..6]).unwrap().or_its_twin().host, "unix:///run/new.sock");
        assert_eq!((engine.second.clone(), described(&ALL[..9]).unwrap().second), (Some(second), None));
        assert_eq!(engine.registry(), "127.0.0.1:5000");
        assert_eq!((engine.base(), engine.busybox()), ("127.0.0.1:5000/base:1", "127.0.0.1:5000/busybox:1"));
    }
}
