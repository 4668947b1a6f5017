//! What Docker's programs say: of buildx and its builder, of the client, of dockerd and its store.

use serde::Deserialize;

use super::super::Engine;
use super::super::text::printable;
use super::age::{Age, Version};
use super::info::Info;
use super::{Answer, Facts, Format, Found, Seen, Unusable, one_line};

/// What dockerd calls its store in containerd.
const CONTAINERD: &str = "io.containerd.snapshotter";

pub(super) fn buildx(facts: &Facts) -> Result<Seen, Unusable> {
    let client = buildx_version(facts)?;
    let builder = match &facts.builder {
        _ if facts.own => Builder { driver: "docker".to_owned(), ..Builder::default() },
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

pub(super) fn docker(facts: &Facts) -> Result<Seen, Unusable> {
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
