//! `deps export`: a manifest of what is pinned, or of the checkouts in a folder, that vcstool reads the same way.

use std::path::{Path, PathBuf};

use clap::Args;
use deps_lock::{Entry, System};

use super::checkouts::{failed, place};
use super::diagnostic::Diagnostic;
use super::locking;
use super::outcome::{FAILED, Failed, print};
use super::session::Session;
use crate::checkout;
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Write a vcstool manifest: the only format, and the default.
    #[arg(long)]
    repos: bool,
    /// Commits instead of the branches and tags that were asked for.
    #[arg(long)]
    exact: bool,
    /// A folder of checkouts, which are exported instead of the lock.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// An entry of the manifest.
struct Exported {
    path: String,
    /// The type, as manifests have it.
    kind: &'static str,
    url: String,
    version: Option<String>,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let entries = match &options.folder {
        Some(folder) => checkouts(&session.start().join(folder), options.exact)?,
        None => locked(session, options.exact)?,
    };
    let entries: Vec<_> =
        entries.iter().map(|one| (one.path.as_str(), one.kind, one.url.as_str(), one.version.as_deref())).collect();
    print(&report::repos(&entries))
}

fn locked(session: &Session, exact: bool) -> Result<Vec<Exported>, Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let lock = locking::in_sync(&workspace, &loaded, ", and the pins are in it")?;
    let entry = |(key, entry): (&deps_lock::Key, &Entry)| {
        let (kind, reference, rev, url) = match entry {
            Entry::Repo(git) => ("git", git.reference.as_deref(), &*git.rev, &git.url),
            // The digest has no place in a manifest; the folder that is wanted has.
            Entry::Archive(archive) => {
                let folder = archive.reference.as_deref();
                (archive.format.name(), folder, folder.unwrap_or_default(), &archive.url)
            }
            Entry::Revision(revision) => {
                // vcstool wants a version of Mercurial.
                let fallback = (revision.pin.system() == System::Hg).then_some("default");
                let reference = revision.reference.as_deref().or(fallback);
                (revision.pin.system().name(), reference, revision.pin.rev(), &revision.url)
            }
            Entry::Ext(_) | Entry::Fetch(_) | Entry::Image(_) | Entry::Input(_) => return None,
        };
        let version = if exact { Some(rev).filter(|rev| !rev.is_empty()) } else { reference };
        let (path, version) = (place(&key.name), version.map(str::to_owned));
        Some(Exported { path, kind, url: url.to_string(), version })
    };
    Ok(lock.iter().filter_map(entry).collect())
}

/// Every repository below `folder`, also those inside others.
fn checkouts(folder: &Path, exact: bool) -> Result<Vec<Exported>, Failed> {
    let (mut exported, mut problems) = (Vec::new(), Vec::new());
    for path in checkout::below(folder).map_err(failed)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        match one(&path, &name, exact)? {
            Ok(entry) => exported.push(entry),
            Err(problem) => problems.push(Diagnostic::error(format!("`{name}` {problem}"))),
        }
    }
    if problems.is_empty() { Ok(exported) } else { Err(Failed::new(FAILED, problems)) }
}

fn one(path: &Path, name: &str, exact: bool) -> Result<Result<Exported, &'static str>, Failed> {
    let Some(head) = checkout::head(path).map_err(failed)? else { return Ok(Err("has no commit")) };
    let Some(url) = head.url else { return Ok(Err("has no remote")) };
    if deps_lock::Url::new(&url).is_err() {
        return Ok(Err("has a remote whose url may stand in no manifest: it holds a credential or an option"));
    }
    if !head.pushed {
        return Ok(Err("is at a commit that no remote is known to have"));
    }
    let version = match (exact, head.upstream) {
        (false, Some(branch)) => branch,
        (false, None) if head.tags.len() == 1 => head.tags[0].clone(),
        _ => head.rev,
    };
    Ok(Ok(Exported { path: name.to_owned(), kind: "git", url, version: Some(version) }))
}
