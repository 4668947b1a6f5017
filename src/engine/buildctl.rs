//! The arguments of `buildctl build`: what `docker buildx build` is told, in BuildKit's own words.
//!
//! Decides the names under which files are sent. buildctl reads no Dockerfile from its standard input, so there is one in
//! a file, and BuildKit takes a file whose path, size and time it has seen for the same file: its name is a hash of its
//! content. What everybody sends as `context` is one folder there, which would go back and forth between projects: ours
//! has a name of its own for each store. Leaves out what exporters are told (`exporter`).

use std::path::{Path, PathBuf};

use super::invocation::{InvocationError, argument_name, context_name, csv, path, secret, secret_id, value};
use super::{Build, exporter};

/// A file that stands before the program starts, and what is in it.
pub(super) type Written = (PathBuf, String);

/// Returns the arguments of `buildctl`, and the file with the Dockerfile.
///
/// # Errors
/// When a value of `build` is unfit for a command line, or it asks for what only Docker has.
pub(super) fn arguments(build: &Build) -> Result<(Vec<String>, Written), InvocationError> {
    if build.builder.is_some() {
        return Err(InvocationError::NeedsBuildx { program: "buildctl", wish: "choose a builder" });
    }
    names(&build.tags)?; // they are wrong also where nothing is exported
    let name = format!("{}.Dockerfile", word(build.dockerfile.as_bytes()));
    let folder = folder(&build.metadata)?;
    let context = format!("deps-{}", word(path(&build.context)?.as_bytes()));
    let mut args = vec!["build".to_owned(), "--frontend=dockerfile.v0".to_owned()];
    args.push(format!("--metadata-file={}", path(&build.metadata)?));
    args.push(format!("--local={context}={}", path(&build.context)?));
    args.push(format!("--local={context}-dockerfile={}", path(&folder)?));
    args.push(format!("--opt=contextkey={context}"));
    args.push(format!("--opt=dockerfilekey={context}-dockerfile"));
    args.push(format!("--opt=filename={name}"));
    for (name, folder) in &build.contexts {
        args.push(format!("--local={}={}", context_name(name)?, path(folder)?));
        args.push(format!("--opt=context:{name}=local:{name}"));
    }
    args.extend(options(build)?);
    args.extend(caches(build)?);
    args.extend(exporter::in_full(build)?);
    Ok((args, (folder.join(name), build.dockerfile.clone())))
}

fn options(build: &Build) -> Result<Vec<String>, InvocationError> {
    let mut args = Vec::new();
    if build.no_cache {
        args.push("--no-cache".to_owned());
    }
    if let Some(target) = &build.target {
        args.push(format!("--opt=target={}", value("target", target)?));
    }
    if !build.platforms.is_empty() {
        let platforms = build.platforms.iter().map(|platform| value("platform", platform));
        args.push(format!("--opt=platform={}", platforms.collect::<Result<Vec<_>, _>>()?.join(",")));
    }
    for (name, value) in &build.args {
        args.push(format!("--opt=build-arg:{}={value}", argument_name(name)?));
    }
    for (name, value) in &build.labels {
        args.push(format!("--opt=label:{name}={value}"));
    }
    for (id, file) in &build.secrets {
        args.push(format!("--secret={}", secret(id, file)?));
    }
    for (id, socket) in &build.ssh {
        args.push(format!("--ssh={}={}", secret_id(id)?, path(socket)?));
    }
    Ok(args)
}

fn caches(build: &Build) -> Result<Vec<String>, InvocationError> {
    let kinds = [("import", &build.cache_from), ("export", &build.cache_to)];
    let all = kinds.into_iter().flat_map(|(kind, caches)| caches.iter().map(move |cache| (kind, cache)));
    all.map(|(kind, cache)| Ok(format!("--{kind}-cache={}", value("cache", cache)?))).collect()
}

/// A folder beside the file that BuildKit writes, which is this build's own.
fn folder(metadata: &Path) -> Result<PathBuf, InvocationError> {
    path(metadata)?;
    Ok(metadata.with_extension("dockerfile"))
}

/// 16 bytes of a hash of `bytes`.
fn word(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

/// Returns the names of an image as one field of an exporter.
pub(super) fn names(tags: &[String]) -> Result<Option<String>, InvocationError> {
    let tags = tags.iter().map(|tag| value("tag", tag)).collect::<Result<Vec<_>, _>>()?;
    Ok((!tags.is_empty()).then(|| csv(&format!("name={}", tags.join(","))).into_owned()))
}
