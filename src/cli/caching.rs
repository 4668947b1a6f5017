//! Caches outside the engine, and the builder: `--cache-from`, `--cache-to`, `--builder`.
//!
//! Decides what a build says to an engine that cannot do it, and that no build fails because its cache could not be left
//! elsewhere. Leaves out what a cache may be (`project/build_cache.rs`).

use std::path::Path;

use clap::Args;

use super::builders;
use super::diagnostic::Diagnostic;
use super::outcome::{Failed, USAGE};
use super::session::Session;
use super::watching::{View, Watched, watched};
use crate::engine::probe::{Found, NoEngine};
use crate::engine::run;
use crate::engine::{Build, Choice, Engine};
use crate::project::{self, BuildCache};

#[derive(Clone, Debug, Default, Args)]
pub(super) struct Caching {
    /// Take results also from this cache: an image reference, or as for `docker buildx build --cache-from`; may be given
    /// several times.
    #[arg(long, value_name = "SPEC")]
    cache_from: Vec<String>,
    /// Leave the results of all stages in this cache for others, as far as that succeeds; may be given several times.
    #[arg(long, value_name = "SPEC")]
    cache_to: Vec<String>,
    #[command(flatten)]
    builder: Builder,
}

/// Which builder.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Builder {
    /// Use this buildx builder instead of the current one.
    #[arg(long, value_name = "NAME", value_parser = builder)]
    builder: Option<String>,
}

impl Builder {
    /// Returns its name; none for the one that the environment names.
    pub(super) fn name(&self) -> Option<&str> {
        self.builder.as_deref()
    }

    /// Returns which builder is asked for.
    pub(super) fn asked(&self, session: &Session) -> run::Builder<'_> {
        match self.name() {
            Some(name) => run::Builder::Named(name),
            None if builders::are_none(session) => run::Builder::Own,
            None => run::Builder::Current,
        }
    }
}

impl Caching {
    /// Refuses flags that name no cache, before anything is asked.
    pub(super) fn check(&self, session: &Session) -> Result<(), Failed> {
        self.given(session).map(drop)
    }

    /// Returns the caches that the command line names: where results come from, and where they go.
    fn given(&self, session: &Session) -> Result<(Vec<BuildCache>, Vec<BuildCache>), Failed> {
        let read = |flag: &str, texts: &[String]| read(flag, texts, session.start());
        Ok((read("--cache-from", &self.cache_from)?, read("--cache-to", &self.cache_to)?))
    }

    /// Whether this build is asked to leave something elsewhere.
    pub(super) fn asks_for_a_build(&self) -> bool {
        !self.cache_to.is_empty()
    }

    /// Whether a builder is named: its images may be in another store than those of this environment's Docker.
    pub(super) fn names_a_builder(&self) -> bool {
        self.builder.name().is_some()
    }

    /// Finds the engine.
    pub(super) fn probe(&self, session: &Session, choice: Choice) -> Result<Found, NoEngine> {
        run::probe(choice, self.builder.asked(session))
    }

    /// Returns `build` with the builder, and with the caches of the command line and of the project in `folder`, as far as
    /// `found` can use them.
    ///
    /// # Errors
    /// When a flag names no cache.
    pub(super) fn told(
        &self,
        session: &Session,
        (project, folder): (&project::Build, &Path),
        found: &Found,
        build: Build,
    ) -> Result<Build, Failed> {
        let (mut from, mut to) = self.given(session)?;
        let own =
            |caches: &[BuildCache]| caches.iter().cloned().map(|cache| cache.in_folder(folder)).collect::<Vec<_>>();
        if found.engine != Engine::Docker {
            from.extend(own(&project.cache_from));
            to.extend(own(&project.cache_to));
        } else if !project.cache_from.is_empty() || !project.cache_to.is_empty() {
            // What is asked on the command line is an error of its own.
            let message =
                "`cache-from` and `cache-to` of deps.toml are not used: that takes `docker buildx` or `buildctl`";
            session.warn(&Diagnostic::warning(message));
        }
        let to = possible(session, to, found);
        let values = |caches: Vec<BuildCache>| without_repetition(caches.iter().map(BuildCache::value));
        let to = to.into_iter().map(BuildCache::exported).collect();
        Ok(Build { cache_from: values(from), cache_to: values(to), builder: self.builder.builder.clone(), ..build })
    }
}

fn without_repetition(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    for value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

fn read(flag: &str, texts: &[String], folder: &Path) -> Result<Vec<BuildCache>, Failed> {
    let one = |text: &String| BuildCache::parse(text).map(|cache| cache.in_folder(folder));
    texts.iter().map(one).collect::<Result<_, _>>().map_err(|error| {
        let hint = "write `ghcr.io/acme/cache`, or `type=local,dest=FOLDER` as for `docker buildx build`";
        Failed::one(USAGE, Diagnostic::error(format!("`{flag}`: {error}")).hint(Some(hint.to_owned())))
    })
}

/// Leaves out, with a warning, what dockerd cannot export from its old store: there the image itself can hold the cache only.
fn possible(session: &Session, caches: Vec<BuildCache>, found: &Found) -> Vec<BuildCache> {
    if found.engine != Engine::Buildx || found.driver != "docker" || found.merges {
        return caches;
    }
    let (possible, others): (Vec<_>, Vec<_>) = caches.into_iter().partition(BuildCache::is_inline);
    for cache in others {
        let message = format!("the build cache is not left in `{cache}`: {} cannot export it", found.version);
        let hint = "turn on dockerd's containerd image store, or use another builder: `docker buildx create --use`";
        session.warn(&Diagnostic::warning(message).hint(Some(hint.to_owned())));
    }
    possible
}

/// Builds and shows it. Where the cache cannot be left elsewhere, there is a warning, and where that fails the whole build
/// (BuildKit before 0.12, a folder that cannot be made), it is built again without: every step is cached by then.
pub(super) fn built(session: &Session, found: &Found, build: &Build, view: View) -> Result<Watched, Failed> {
    let done = watched(session, found, build, view)?;
    for (name, message) in &done.broken {
        if let Some(what) = about_a_cache(name) {
            session.warn(&Diagnostic::warning(format!("the build cache was not {what}: {message}")));
        }
    }
    if build.cache_to.is_empty() || !is_the_export_s(&done) {
        return Ok(done);
    }
    if !done.broken.iter().any(|(name, _)| is_export(name)) {
        let why = done.built.outcome.failed.as_ref().map_or("", |failure| &failure.message);
        session.warn(&Diagnostic::warning(format!("building without leaving the build cache elsewhere: {why}")));
    }
    watched(session, found, &Build { cache_to: Vec::new(), ..build.clone() }, view)
}

fn about_a_cache(name: &str) -> Option<&'static str> {
    match () {
        () if is_export(name) => Some("left elsewhere"),
        () if name.starts_with("importing cache") => Some("taken from elsewhere"),
        () => None,
    }
}

fn is_export(name: &str) -> bool {
    name.starts_with("exporting cache")
}

/// Whether the build may have failed because of the export alone: no step did, and nothing else that the engine names.
fn is_the_export_s(done: &Watched) -> bool {
    let failed = done.built.outcome.failed.as_ref().is_some_and(|failure| failure.step.is_none());
    failed && done.broken.iter().all(|(name, _)| about_a_cache(name).is_some())
}

fn builder(text: &str) -> Result<String, String> {
    let fit = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
    let word = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fit);
    if word { Ok(text.to_owned()) } else { Err("the name of a builder is [A-Za-z0-9][A-Za-z0-9_.+-]*".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builder_has_a_name_that_is_no_option() {
        assert_eq!(builder("my-builder.2"), Ok("my-builder.2".to_owned()));
        for name in ["", "-x", "a b", "a/b", "a=b"] {
            assert!(builder(name).is_err(), "{name}");
        }
    }
}
