//! Decides, from what the programs on this machine say of themselves, which engine builds.
//!
//! buildx is taken before plain docker. An engine that is too old for the Dockerfiles that `dockerfile/` writes is
//! refused here, before a build, with the list of what it lacks. Leaves out asking (`run`): this is a function of
//! the answers.
//!
//! Where the numbers come from: `COPY --link` and heredocs are in the Dockerfile frontend since BuildKit 0.10,
//! `RUN --network` since 0.9, `RUN --mount` without a `# syntax` line since 0.8; dockerd 23.0 carries BuildKit 0.10,
//! dockerd 20.10 BuildKit 0.8. dockerd of Debian calls its BuildKit `v0.0.0+unknown`: then dockerd's own version decides.

use std::fmt;

use serde::Deserialize;

use super::info::Info;
use super::text::printable;
use super::worker::Worker;
use super::{Choice, Engine};

/// What dockerd calls its store in containerd.
const CONTAINERD: &str = "io.containerd.snapshotter";

/// What one question to a program brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// The program is not in `PATH`, or was not asked.
    #[default]
    NoProgram,
    /// It failed; what it said on standard error, or why it could not be asked.
    Failed(String),
    /// What it said on standard output.
    Text(String),
}

/// The answers that the decision rests on. Where `info` says all of it, `docker`, `buildx` and `store` need not be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Of `docker info --format '{{json .}}'`, if it [`says_all`].
    pub info: Answer,
    /// Of `docker version --format '{{json .}}'`; fails also when only the server is missing.
    pub docker: Answer,
    /// Of `docker buildx version`.
    pub buildx: Answer,
    /// Of `docker buildx inspect`.
    pub builder: Answer,
    /// Of `docker info --format '{{json .DriverStatus}} {{.ID}}'`.
    pub store: Answer,
    /// Of `buildctl --version`.
    pub buildctl: Answer,
    /// Of `buildctl debug workers --verbose`.
    pub workers: Answer,
}

/// How an engine reports progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `--progress=rawjson`.
    RawJson,
    /// `--progress=plain`.
    Plain,
}

/// An engine that can build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub engine: Engine,
    /// The version of what builds, for messages, as in `dockerd 26.1.5` or `BuildKit v0.32.2`.
    pub version: String,
    /// The buildx driver: `docker`, `docker-container`, `kubernetes`, `remote`; without buildx `docker` or `buildctl`.
    pub driver: String,
    /// How it reports progress.
    pub format: Format,
    /// Whether `COPY --link` is real: on a store that cannot merge, it silently behaves like a plain `COPY`.
    pub merges: bool,
    /// What tells it from other engines: the id of a dockerd or of buildkitd's worker, else the name of the builder.
    /// Empty when it says none.
    pub identity: String,
    /// Whether there is a dockerd beside it, or around it, whose image store can take what it builds.
    pub store: bool,
}

/// Why an engine cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The engine that was looked for.
    pub engine: Engine,
    /// What was found instead.
    pub found: Unusable,
}

/// What was found in place of a usable engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no `docker` in `PATH`.
    NoDocker,
    /// There is no `buildctl` in `PATH`.
    NoBuildctl,
    /// `docker` has no plugin `buildx`, or what answers to that name is not buildx.
    NoBuildx,
    /// buildx of this version is older than 0.10 and cannot leave the provenance out.
    OldBuildx(String),
    /// This Docker client builds with BuildKit only through buildx, which is missing.
    NeedsBuildx(String),
    /// The engine does not answer; what the program said, one line.
    NoServer(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDocker => f.write_str("no `docker` in PATH"),
            Self::NoBuildctl => f.write_str("no `buildctl` in PATH"),
            Self::NoBuildx => f.write_str("`docker` has no plugin `buildx`"),
            Self::OldBuildx(version) => write!(f, "buildx {version} is older than 0.10"),
            Self::NeedsBuildx(version) => write!(f, "the client {version} needs the plugin `buildx` to use BuildKit"),
            Self::NoServer(said) => write!(f, "no answer: {said}"),
        }
    }
}

/// Why nothing can be built here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEngine {
    /// None of the engines that were looked for works.
    #[error("no engine to build with{}", listed(.looked))]
    NotFound {
        /// What was looked for, and what was found, best engine first.
        looked: Vec<Looked>,
    },
    /// There is one, and it cannot build these Dockerfiles.
    #[error("{engine} is too old: it lacks {}", quoted(.lacks))]
    TooOld {
        /// What builds, with its version, as in `dockerd 20.10.24`.
        engine: String,
        /// What of a Dockerfile it does not know.
        lacks: Vec<&'static str>,
    },
}

/// Returns whether `info` says what docker, its server, buildx and the image store are. A client older than 23.0 leaves its own
/// version out; without a server there is nothing to tell.
pub fn says_all(info: &Answer) -> bool {
    Info::read(info).is_some()
}

/// Returns the engine to build with, or why there is none.
///
/// # Errors
/// [`NoEngine::NotFound`] when none that `choice` allows is there and answers; [`NoEngine::TooOld`] when what
/// is there lacks something that generated Dockerfiles use.
pub fn decide(choice: Choice, facts: &Facts) -> Result<Found, NoEngine> {
    let (mut looked, mut old) = (Vec::new(), None);
    for engine in choice.engines() {
        // The same dockerd is as old for another program.
        if engine == Engine::Docker && old.is_some() {
            continue;
        }
        let seen = match engine {
            Engine::Buildx => buildx(facts),
            Engine::Docker => docker(facts),
            Engine::Buildctl => buildctl(facts),
        };
        match seen.map(Seen::checked) {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => old = old.or(Some(error)),
            Err(found) => looked.push(Looked { engine, found }),
        }
    }
    Err(old.unwrap_or(NoEngine::NotFound { looked }))
}

/// An engine that answers, not yet known to be new enough.
struct Seen {
    found: Found,
    age: Age,
}

/// The version of what interprets the Dockerfile.
enum Age {
    Dockerd(Version),
    BuildKit(Version),
    /// A builder that is not started yet, or hides its version: what it starts is current.
    Unknown,
}

impl Seen {
    fn checked(self) -> Result<Found, NoEngine> {
        let lacks = self.age.lacks();
        if lacks.is_empty() { Ok(self.found) } else { Err(NoEngine::TooOld { engine: self.found.version, lacks }) }
    }
}

impl Age {
    /// What generated Dockerfiles use, with the first BuildKit and the first dockerd that know it.
    const NEEDS: [(&str, Version, Version); 4] = [
        ("COPY --link", Version(0, 10), Version(23, 0)),
        ("RUN --mount", Version(0, 8), Version(20, 10)),
        ("RUN --network", Version(0, 9), Version(23, 0)),
        ("heredocs", Version(0, 10), Version(23, 0)),
    ];

    fn lacks(&self) -> Vec<&'static str> {
        let old = |buildkit: Version, dockerd: Version| match self {
            Self::Dockerd(version) => *version < dockerd,
            Self::BuildKit(version) => *version < buildkit,
            Self::Unknown => false,
        };
        Self::NEEDS.iter().filter(|need| old(need.1, need.2)).map(|need| need.0).collect()
    }
}

/// Major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u64, u64);

impl Version {
    /// Returns the two numbers that `text` begins with, as in `v0.13.1`, `26.1.5+dfsg1`, `v0.8+unknown`.
    fn read(text: &str) -> Option<Self> {
        let (major, rest) = text.trim().trim_start_matches('v').split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

fn buildx(facts: &Facts) -> Result<Seen, Unusable> {
    let client = buildx_version(facts)?;
    let builder = match &facts.builder {
        Answer::Text(text) => Builder::read(text),
        Answer::Failed(said) => return Err(Unusable::NoServer(one_line(said))),
        Answer::NoProgram => return Err(Unusable::NoDocker),
    };
    // A builder may have several nodes, of which some answer.
    if let Some(error) = builder.error.as_ref().filter(|_| builder.buildkit.is_none()).cloned() {
        return Err(Unusable::NoServer(error));
    }
    let (version, age) = builder.age(facts)?;
    let merges = builder.driver != "docker" || containerd_store(facts);
    let format = if client < Version(0, 13) { Format::Plain } else { Format::RawJson };
    let identity = if builder.driver == "docker" { daemon(facts) } else { builder.name };
    let store = versions(facts).is_ok();
    let found = Found { engine: Engine::Buildx, version, driver: builder.driver, format, merges, identity, store };
    Ok(Seen { found, age })
}

fn docker(facts: &Facts) -> Result<Seen, Unusable> {
    let Versions { client, server } = versions(facts)?;
    // Since 23.0 the client itself cannot speak to BuildKit: `docker build` is an alias of `docker buildx build`.
    if Version::read(&client) >= Some(Version(23, 0)) && buildx_version(facts).is_err() {
        return Err(Unusable::NeedsBuildx(client));
    }
    let (version, age) = dockerd(server);
    let merges = containerd_store(facts);
    let (driver, format, identity) = ("docker".to_owned(), Format::Plain, daemon(facts));
    Ok(Seen { found: Found { engine: Engine::Docker, version, driver, format, merges, identity, store: true }, age })
}

fn buildctl(facts: &Facts) -> Result<Seen, Unusable> {
    let (client, workers) = match (&facts.buildctl, &facts.workers) {
        (Answer::Text(client), Answer::Text(workers)) => (client, workers),
        (Answer::NoProgram, _) | (_, Answer::NoProgram) => return Err(Unusable::NoBuildctl),
        (Answer::Failed(said), _) | (_, Answer::Failed(said)) => return Err(Unusable::NoServer(one_line(said))),
    };
    let worker = Worker::read(workers).ok_or_else(|| Unusable::NoServer("it has no worker".to_owned()))?;
    let old = released(client.split_whitespace().nth(2)).is_some_and(|version| version < Version(0, 13));
    let format = if old { Format::Plain } else { Format::RawJson };
    let age = released(worker.version.as_deref()).map_or(Age::Unknown, Age::BuildKit);
    let version = match &worker.version {
        Some(version) => format!("BuildKit {version}"),
        None => "BuildKit".to_owned(),
    };
    let (engine, driver, identity) = (Engine::Buildctl, "buildctl".to_owned(), worker.id);
    Ok(Seen { found: Found { engine, version, driver, format, merges: worker.merges, identity, store: false }, age })
}

/// Returns the version that `word` says, unless it was built from a branch: that is taken for a current one.
fn released(word: Option<&str>) -> Option<Version> {
    Version::read(word?).filter(|version| *version > Version(0, 0))
}

/// Returns the version of buildx, by the list of plugins, or read from `github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3`.
fn buildx_version(facts: &Facts) -> Result<Version, Unusable> {
    if let Some(info) = Info::read(&facts.info) {
        return info.buildx().map_or(Err(Unusable::NoBuildx), new_enough);
    }
    let text = match &facts.buildx {
        Answer::Text(text) => text,
        Answer::Failed(_) => return Err(Unusable::NoBuildx),
        Answer::NoProgram => return Err(Unusable::NoDocker),
    };
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    if !name.ends_with("/buildx") {
        return Err(Unusable::NoBuildx);
    }
    new_enough(words.next().unwrap_or_default())
}

fn new_enough(number: &str) -> Result<Version, Unusable> {
    match Version::read(number) {
        Some(version) if version < Version(0, 10) => Err(Unusable::OldBuildx(number.to_owned())),
        Some(version) => Ok(version),
        None => Ok(Version(u64::MAX, 0)), // built from a branch: taken for current
    }
}

/// What `docker buildx inspect` says of the builder and its first node.
#[derive(Debug, Default, PartialEq, Eq)]
struct Builder {
    name: String,
    driver: String,
    buildkit: Option<String>,
    error: Option<String>,
}

impl Builder {
    fn read(text: &str) -> Self {
        let mut builder = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key {
                "Name" if builder.name.is_empty() => builder.name = printable(value),
                "Driver" => builder.driver = printable(value),
                "Buildkit" | "BuildKit version" => _ = builder.buildkit.get_or_insert_with(|| printable(value)),
                "Error" => _ = builder.error.get_or_insert_with(|| printable(value)),
                _ => {}
            }
        }
        builder
    }

    /// Returns the name and the age of what builds: BuildKit's own version where it has one, else dockerd's.
    fn age(&self, facts: &Facts) -> Result<(String, Age), Unusable> {
        let text = self.buildkit.as_deref().unwrap_or_default();
        let buildkit = Version::read(text).filter(|version| *version > Version(0, 0)).map(Age::BuildKit);
        if self.driver != "docker" {
            let name = if buildkit.is_some() { format!("BuildKit {text}") } else { "BuildKit".to_owned() };
            return Ok((name, buildkit.unwrap_or(Age::Unknown)));
        }
        let (name, dockerd) = dockerd(versions(facts)?.server);
        Ok((name, buildkit.unwrap_or(dockerd)))
    }
}

fn dockerd(version: String) -> (String, Age) {
    let age = Version::read(&version).map_or(Age::Unknown, Age::Dockerd);
    (format!("dockerd {version}"), age)
}

/// The versions of Docker's two halves.
struct Versions {
    client: String,
    server: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Halves {
    client: Half,
    server: Option<Half>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Half {
    version: String,
}

fn versions(facts: &Facts) -> Result<Versions, Unusable> {
    if let Some(info) = Info::read(&facts.info) {
        return Ok(Versions { client: printable(info.client()), server: printable(info.server()) });
    }
    let text = match &facts.docker {
        Answer::NoProgram => return Err(Unusable::NoDocker),
        Answer::Failed(said) => return Err(Unusable::NoServer(one_line(said))),
        Answer::Text(text) => text,
    };
    match serde_json::from_str(text) {
        Ok(Halves { client, server: Some(server) }) => {
            Ok(Versions { client: printable(&client.version), server: printable(&server.version) })
        }
        _ => Err(Unusable::NoServer("`docker version` names no server".to_owned())),
    }
}

/// Returns whether dockerd keeps images in containerd, the only store of dockerd that can merge layers.
fn containerd_store(facts: &Facts) -> bool {
    match (Info::read(&facts.info), &facts.store) {
        (Some(info), _) => info.store().any(|word| word.contains(CONTAINERD)),
        (None, Answer::Text(text)) => text.contains(CONTAINERD),
        (None, _) => false,
    }
}

/// Returns the id of dockerd, the last word of its answer about its store where that alone was asked for.
fn daemon(facts: &Facts) -> String {
    if let Some(info) = Info::read(&facts.info) {
        return printable(info.id());
    }
    let Answer::Text(text) = &facts.store else { return String::new() };
    let id = text.trim().rsplit(' ').next().unwrap_or_default();
    if id.contains(['"', '[', ']']) { String::new() } else { printable(id) }
}

fn one_line(said: &str) -> String {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it failed and said nothing");
    printable(line)
}

fn listed(looked: &[Looked]) -> String {
    looked.iter().map(|Looked { engine, found }| format!("\n  `{engine}`: {found}")).collect()
}

fn quoted(lacks: &[&str]) -> String {
    lacks.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn text(text: &str) -> Answer {
        Answer::Text(text.into())
    }

    fn halves(client: &str, server: &str) -> Answer {
        text(&format!("{{\"Client\":{{\"Version\":\"{client}\"}},\"Server\":{{\"Version\":\"{server}\"}}}}"))
    }

    fn inspected(driver: &str, buildkit: &str) -> Answer {
        text(&format!(
            "Name:   x\nDriver: {driver}\n\nNodes:\nName:             x0\n{buildkit}\nPlatforms: linux/amd64\n"
        ))
    }

    /// Debian's dockerd 26.1.5 with the containerd store and buildx 0.13.1.
    fn current() -> Facts {
        Facts {
            docker: halves("26.1.5+dfsg1", "26.1.5+dfsg1"),
            buildx: text("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n"),
            builder: inspected("docker", "BuildKit version: v0.0.0+unknown"),
            store: text("[[\"driver-type\",\"io.containerd.snapshotter.v1\"]] 4a5b-6c\n"),
            ..Facts::default()
        }
    }

    fn without_buildx(facts: Facts) -> Facts {
        let said = "docker: 'buildx' is not a docker command.\nSee 'docker --help'";
        Facts { buildx: Answer::Failed(said.into()), builder: Answer::Failed(said.into()), ..facts }
    }

    fn old() -> Facts {
        Facts {
            docker: halves("20.10.24+dfsg1", "20.10.24+dfsg1"),
            builder: inspected("docker", "BuildKit version: v0.8+unknown"),
            store: text("[[\"Backing Filesystem\",\"extfs\"],[\"Supports d_type\",\"true\"]]"),
            ..current()
        }
    }

    #[test]
    fn buildx_is_preferred_and_merges_in_the_containerd_store() {
        let found = decide(Choice::Auto, &current()).unwrap();
        let expected = Found {
            engine: Engine::Buildx,
            version: "dockerd 26.1.5+dfsg1".into(),
            driver: "docker".into(),
            format: Format::RawJson,
            merges: true,
            identity: "4a5b-6c".into(),
            store: true,
        };
        assert_eq!(found, expected);
        assert_eq!(decide(Choice::Only(Engine::Docker), &current()).unwrap().engine, Engine::Docker);
    }

    #[test]
    fn one_answer_of_a_current_client_is_enough() {
        let info = r#"{"ID":"4a5b-6c","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"ServerVersion":"26.1.5+dfsg1",
            "ClientInfo":{"Version":"26.1.5+dfsg1","Plugins":[{"Name":"buildx","Version":"0.13.1+ds1"}],"Warnings":null}}"#;
        let asked = Facts { info: text(info), builder: current().builder, ..Facts::default() };
        assert!(says_all(&asked.info));
        for choice in [Choice::Auto, Choice::Only(Engine::Docker)] {
            assert_eq!(decide(choice, &asked), decide(choice, &current()));
        }
        let graph = Facts { info: text(&info.replace("io.containerd.snapshotter.v1", "overlay2")), ..asked.clone() };
        assert!(!decide(Choice::Auto, &graph).unwrap().merges);
        let alone = Facts { info: text(&info.replace("buildx", "compose")), ..asked };
        assert_eq!(
            decide(Choice::Only(Engine::Docker), &alone),
            decide(Choice::Only(Engine::Docker), &without_buildx(current()))
        );
    }

    #[test]
    fn a_graph_driver_does_not_merge_and_a_container_does() {
        let graph = Facts { store: old().store, ..current() };
        let found = decide(Choice::Auto, &graph).unwrap();
        assert_eq!((found.merges, found.identity.as_str()), (false, ""), "a daemon that names itself not");
        let container = Facts { builder: inspected("docker-container", "BuildKit version: v0.32.2"), ..graph };
        let found = decide(Choice::Auto, &container).unwrap();
        assert_eq!((found.merges, found.version.as_str(), &*found.identity), (true, "BuildKit v0.32.2", "x"));
    }

    #[test]
    fn a_remote_builder_needs_no_dockerd_and_one_that_sleeps_is_taken() {
        let no_server = Answer::Failed("Cannot connect".into());
        let remote =
            Facts { docker: no_server.clone(), builder: inspected("remote", "Buildkit: v0.12.5"), ..current() };
        assert_eq!(decide(Choice::Auto, &remote).unwrap().driver, "remote");
        let asleep =
            Facts { docker: no_server, builder: inspected("docker-container", "Status: inactive"), ..current() };
        assert_eq!(decide(Choice::Auto, &asleep).unwrap().version, "BuildKit");
    }

    #[test]
    fn an_old_client_without_buildx_builds_with_a_new_dockerd() {
        let facts = without_buildx(Facts { docker: halves("20.10.24", "26.1.5"), ..current() });
        let found = decide(Choice::Auto, &facts).unwrap();
        assert_eq!((found.engine, found.format), (Engine::Docker, Format::Plain));
    }

    #[test]
    fn an_old_dockerd_is_refused_with_what_it_lacks_through_either_client() {
        for facts in [old(), without_buildx(old())] {
            assert_data_eq!(
                decide(Choice::Auto, &facts).unwrap_err().to_string(),
                str!["dockerd 20.10.24+dfsg1 is too old: it lacks `COPY --link`, `RUN --network`, `heredocs`"]
            );
        }
        let builder = inspected("docker-container", "BuildKit version: v0.9.3");
        let error = decide(Choice::Auto, &Facts { builder, ..current() }).unwrap_err();
        assert_data_eq!(error.to_string(), str!["BuildKit v0.9.3 is too old: it lacks `COPY --link`, `heredocs`"]);
    }

    #[test]
    fn a_new_client_without_buildx_cannot_build() {
        assert_data_eq!(
            decide(Choice::Auto, &without_buildx(current())).unwrap_err().to_string(),
            str![[r#"
no engine to build with
  `docker buildx`: `docker` has no plugin `buildx`
  `docker build`: the client 26.1.5+dfsg1 needs the plugin `buildx` to use BuildKit
  `buildctl`: no `buildctl` in PATH
"#]]
        );
    }

    #[test]
    fn a_dockerd_that_does_not_answer_is_named_for_each_engine() {
        let said = "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?";
        let builder = text(&format!("Name:          default\nDriver:        \nError:         {said}\n"));
        let facts = Facts { docker: Answer::Failed(said.into()), builder, ..current() };
        assert_data_eq!(
            decide(Choice::Auto, &facts).unwrap_err().to_string(),
            str![[r#"
no engine to build with
  `docker buildx`: no answer: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?
  `docker build`: no answer: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?
  `buildctl`: no `buildctl` in PATH
"#]]
        );
    }

    #[test]
    fn without_docker_each_engine_says_so() {
        let facts = Facts::default();
        let looked = |engine| Looked { engine, found: Unusable::NoDocker };
        let both = || vec![looked(Engine::Buildx), looked(Engine::Docker)];
        assert_eq!(decide(Choice::WithStore, &facts), Err(NoEngine::NotFound { looked: both() }));
        let buildctl = Looked { engine: Engine::Buildctl, found: Unusable::NoBuildctl };
        let all = both().into_iter().chain([buildctl]).collect();
        assert_eq!(decide(Choice::Auto, &facts), Err(NoEngine::NotFound { looked: all }));
        let one = vec![looked(Engine::Docker)];
        assert_eq!(decide(Choice::Only(Engine::Docker), &facts), Err(NoEngine::NotFound { looked: one }));
    }

    #[test]
    fn what_only_calls_itself_buildx_is_not_taken_and_an_old_buildx_talks_plainly() {
        let with = |version: &str| decide(Choice::Only(Engine::Buildx), &Facts { buildx: text(version), ..current() });
        assert!(with("buildah 1.28.2").is_err());
        assert_eq!(with("github.com/docker/buildx v0.12.1 3061").unwrap().format, Format::Plain);
        assert_eq!(with("github.com/docker/buildx 0e1ba4d 0e1b").unwrap().format, Format::RawJson);
        let Err(NoEngine::NotFound { looked }) = with("github.com/docker/buildx v0.9.1 ed00") else { panic!() };
        assert_eq!(looked[0].found.to_string(), "buildx v0.9.1 is older than 0.10");
    }
    const WORKERS: &str = "ID:\t\t59nwdy6r6\nPlatforms:\tlinux/amd64\nBuildKit:\tgithub.com/moby/buildkit v0.25.2 1234\nLabels:\n\
        \torg.mobyproject.buildkit.worker.executor:\toci\n";

    fn by_buildctl(workers: &str) -> Facts {
        let buildctl = text("buildctl github.com/moby/buildkit v0.25.2 1234\n");
        Facts { buildctl, workers: text(workers), ..Facts::default() }
    }

    #[test]
    fn buildctl_is_taken_where_no_docker_can_build() {
        let expected = Found {
            engine: Engine::Buildctl,
            version: "BuildKit v0.25.2".into(),
            driver: "buildctl".into(),
            format: Format::RawJson,
            merges: true,
            identity: "59nwdy6r6".into(),
            store: false,
        };
        let alone = by_buildctl(WORKERS);
        assert_eq!(decide(Choice::Auto, &alone), Ok(expected));
        let beside =
            |docker: Facts| Facts { buildctl: alone.buildctl.clone(), workers: alone.workers.clone(), ..docker };
        let chosen = |docker: Facts| decide(Choice::Auto, &beside(docker)).unwrap().engine;
        assert_eq!(chosen(current()), Engine::Buildx);
        assert_eq!([chosen(old()), chosen(without_buildx(current()))], [Engine::Buildctl; 2]);
        assert!(decide(Choice::WithStore, &alone).is_err(), "containers are started from no cache");
    }

    #[test]
    fn a_buildkitd_that_is_old_or_does_not_answer_is_refused_and_an_old_buildctl_talks_plainly() {
        let old = by_buildctl(&WORKERS.replace("v0.25.2", "v0.9.3"));
        assert!(matches!(decide(Choice::Auto, &old), Err(NoEngine::TooOld { .. })));
        let silent = Facts { workers: Answer::Failed("error: no such file\n".into()), ..by_buildctl("") };
        assert_data_eq!(
            decide(Choice::Only(Engine::Buildctl), &silent).unwrap_err().to_string(),
            str![[r#"
no engine to build with
  `buildctl`: no answer: error: no such file
"#]]
        );
        let plain = Facts { buildctl: text("buildctl github.com/moby/buildkit v0.12.5 x"), ..by_buildctl(WORKERS) };
        assert_eq!(decide(Choice::Auto, &plain).unwrap().format, Format::Plain);
    }

    #[test]
    fn a_dockerd_behind_buildctl_merges_in_the_containerd_store() {
        let moby =
            "ID:\tx\nBuildKit:\t  \nLabels:\n\torg.mobyproject.buildkit.worker.moby.host-gateway-ip:\t172.17.0.1\n";
        let merges = |workers: &str| {
            let found = decide(Choice::Auto, &by_buildctl(workers)).unwrap();
            (found.merges, found.version)
        };
        assert_eq!(merges(moby), (false, "BuildKit".to_owned()));
        let containerd = format!("{moby}\torg.mobyproject.buildkit.worker.snapshotter:\toverlayfs\n");
        assert_eq!(merges(&containerd), (true, "BuildKit".to_owned()));
    }
}
