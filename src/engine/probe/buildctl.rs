//! What buildctl says of itself and of the buildkitd that it reaches.

use super::super::Engine;
use super::age::{Age, Version, released};
use super::worker::Worker;
use super::{Answer, Facts, Format, Found, Seen, Unusable, one_line};

pub(super) fn buildctl(facts: &Facts) -> Result<Seen, Unusable> {
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
