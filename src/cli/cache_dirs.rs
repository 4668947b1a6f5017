//! `--cache-dir ID=DIR`: files of this machine for the cache mounts of the build's steps.
//!
//! Decides that they are copied into the mounts by a small build of its own before: a folder that steps mount themselves
//! would enter their cache keys. Leaves out what is copied (`dockerfile/fill.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, USAGE};
use super::session::Session;
use super::watching::unbuilt;
use crate::dockerfile::{COPIED, fill};
use crate::engine::probe::Found;
use crate::engine::progress::Event;
use crate::engine::{Build, Engine, run};
use crate::plan::{CacheMount, Plan, any_image, cache_mounts};
use crate::report::count;
use crate::source::nearest;
use crate::store::Store;

/// A folder, and the cache mounts that it is for.
pub(super) struct Offer {
    folder: PathBuf,
    mounts: Vec<CacheMount>,
}

/// Reads `ID=DIR`.
pub(super) fn cache_dir(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, folder)) if !id.is_empty() && !folder.is_empty() => Ok((id.to_owned(), folder.into())),
        _ => Err("write ID=DIR".to_owned()),
    }
}

/// Returns what `given` offers to the steps of `plan`.
///
/// # Errors
/// When no step has such a cache mount, or there is no such folder.
pub(super) fn offers(
    session: &Session,
    plan: &Plan,
    arguments: &BTreeMap<String, String>,
    given: &[(String, PathBuf)],
) -> Result<Vec<Offer>, Failed> {
    let all = cache_mounts(plan, arguments);
    let one = |(id, folder): &(String, PathBuf)| {
        let folder = session.start().join(folder);
        let mounts: Vec<CacheMount> = all.iter().filter(|mount| mount.id == *id).cloned().collect();
        match folder.canonicalize() {
            _ if mounts.is_empty() => Err(unknown(id, &all)),
            Ok(folder) if folder.is_dir() => Ok(Offer { folder, mounts }),
            _ => Err(Diagnostic::error(format!("`--cache-dir`: `{}` is no folder", folder.display()))),
        }
    };
    let (offers, wrong): (Vec<_>, Vec<_>) = given.iter().map(one).partition(Result::is_ok);
    let wrong: Vec<Diagnostic> = wrong.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(offers.into_iter().flatten().collect()) } else { Err(Failed::new(USAGE, wrong)) }
}

fn unknown(id: &str, all: &BTreeSet<CacheMount>) -> Diagnostic {
    let ids: BTreeSet<&str> = all.iter().map(|mount| mount.id.as_str()).collect();
    let hint = match nearest(id, ids.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if ids.is_empty() => "no step has a cache mount".to_owned(),
        None => format!("there are `{}`", ids.into_iter().collect::<Vec<_>>().join("`, `")),
    };
    Diagnostic::error(format!("`--cache-dir`: no step has a cache mount `{id}`")).hint(Some(hint))
}

/// Copies what the mounts lack into them, on the engine that then makes `build`.
pub(super) fn offer(
    session: &Session,
    store: &Store,
    (found, build): (&Found, &Build),
    plan: &Plan,
    offers: &[Offer],
) -> Result<(), Failed> {
    let failed = |message: String| Failed::one(FAILED, Diagnostic::error(message));
    let Some(image) = any_image(plan).filter(|_| !offers.is_empty()) else { return Ok(()) };
    let own = store.scratch().map_err(|error| failed(error.to_string()))?;
    let named = |offer: &Offer| (context_name(offer), offer.folder.clone());
    let contexts: BTreeMap<String, PathBuf> = offers.iter().map(named).collect();
    let folders: Vec<(CacheMount, String)> =
        offers.iter().flat_map(|offer| offer.mounts.iter().map(|mount| (mount.clone(), context_name(offer)))).collect();
    let nonce = own.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let filling = Build {
        dockerfile: fill(image, &folders, &nonce),
        context: own.path().to_owned(),
        contexts,
        platforms: build.platforms.clone(),
        args: build.args.clone(),
        builder: build.builder.clone(),
        output: (found.engine == Engine::Buildx).then(|| "type=cacheonly".to_owned()),
        metadata: own.path().join("metadata"),
        ..Build::default()
    };
    let mut copied = 0;
    let built = run::build(found, &filling, session.interrupted(), &mut |event| {
        if let Event::Log { line, .. } = event {
            copied += line.strip_prefix(COPIED).and_then(|number| number.trim().parse().ok()).unwrap_or(0);
        }
    });
    let outcome = built.map_err(|error| unbuilt(&error))?.outcome;
    if let Some(failure) = &outcome.failed {
        let details = failure.last_lines.iter().map(|line| format!("  {line}"));
        let diagnostic = Diagnostic::error(format!("`--cache-dir`: the engine could not copy: {}", failure.message));
        return Err(Failed::one(FAILED, diagnostic.details(details)));
    }
    session.tell(&format!("{} copied into cache mounts\n", count(copied, "file", "files")));
    Ok(())
}

/// Each folder has a name of its own: BuildKit takes a file for one that it has seen when path, size and time are the same.
fn context_name(offer: &Offer) -> String {
    format!("deps-cache-{}", &blake3::hash(offer.folder.as_os_str().as_encoded_bytes()).to_hex()[..32])
}
