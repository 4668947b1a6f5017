//! A new checkout: made beside its place, then renamed, so that an interrupted run leaves nothing half.
//!
//! Decides what a checkout has: the pinned commit alone, as `git clone --depth 1` would have it, `origin` as people
//! wrote it, and the wished branch with its upstream. No hook or template of this machine runs.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::fs;
use std::path::Path;

use git2::build::CheckoutBuilder;
use git2::{Oid, Repository, RepositoryInitOptions};

use super::{CheckoutError, Wanted};
use crate::store::{Checkout, Store};

/// What `deps` brought into a checkout: by these commits it tells what is nobody's work.
pub(super) const BROUGHT: &str = "refs/deps/brought";

/// Makes the checkout `wanted`.
pub(super) fn make(wanted: &Wanted, store: &Store) -> Result<(), CheckoutError> {
    let folder = &wanted.folder;
    let above = folder.parent().unwrap_or(folder);
    fs::create_dir_all(above).map_err(CheckoutError::io("make", above))?;
    // Of this name a killed run may have left one; nobody else imports here now.
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let draft = above.join(format!(".deps-import-{name}"));
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(CheckoutError::io("remove", &draft))?;
    }
    let made = draft_of(&draft, wanted, store).and_then(|()| {
        // An empty folder may stand there; anything else makes this fail.
        fs::rename(&draft, folder).map_err(CheckoutError::io("make", folder))
    });
    if made.is_err() {
        _ = fs::remove_dir_all(&draft); // the first error says more
    }
    made
}

/// Makes the checkout `wanted`, but in the folder `draft`.
fn draft_of(draft: &Path, wanted: &Wanted, store: &Store) -> Result<(), CheckoutError> {
    let folder = &wanted.folder;
    let repository = new(draft, &wanted.url).map_err(CheckoutError::git(folder))?;
    bring_objects(&repository, &wanted.source, store).map_err(CheckoutError::git(folder))?;
    let id = Oid::from_str(&wanted.rev).map_err(CheckoutError::git(folder))?;
    attach(&repository, id, wanted.branch.as_deref()).map_err(CheckoutError::git(folder))?;
    repository.checkout_head(Some(CheckoutBuilder::new().force())).map_err(CheckoutError::git(folder))?;
    drop(repository);
    submodules(draft, &wanted.source, store)
}

fn new(folder: &Path, url: &str) -> Result<Repository, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.external_template(false).initial_head("main");
    let repository = Repository::init_opts(folder, &options)?;
    repository.remote("origin", url)?;
    // Written again as people wrote it: `remote` may have applied `insteadOf`.
    repository.config()?.open_level(git2::ConfigLevel::Local)?.set_str("remote.origin.url", url)?;
    Ok(repository)
}

/// Brings the commit of `source`, without its history, from the store into `repository`.
pub(super) fn bring_objects(repository: &Repository, source: &Checkout, store: &Store) -> Result<(), git2::Error> {
    let from = store.repository(&source.url).path().join("objects");
    let id = Oid::from_str(&source.rev)?;
    if repository.find_commit(id).is_err() {
        let refused = |error: std::io::Error| git2::Error::from_str(&format!("{}: {error}", from.display()));
        share(&from, &repository.path().join("objects")).map_err(refused)?;
        cut(repository, id, &fs::read_to_string(from.with_file_name("shallow")).unwrap_or_default())?;
    }
    repository.reference(&format!("{BROUGHT}/{id}"), id, true, "")?;
    Ok(())
}

/// Gives the folder `to` the objects of `from`: object files never change, so that another name for them is enough where
/// the file system allows it, as for `git clone --local`.
fn share(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let place = to.join(entry.path().strip_prefix(from).expect("a walk stays below its root"));
        let name = entry.file_name().to_string_lossy();
        if name.starts_with("tmp_") || name.starts_with("pack_git2_") {
            continue; // somebody is writing it just now
        }
        if entry.file_type().is_dir() {
            fs::create_dir_all(&place)?;
        } else if !place.exists() && fs::hard_link(entry.path(), &place).is_err() {
            fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}

/// Says where the history ends, as git's shallow clones do (gitformat-shallow(5)): where it did in the store, whose lines
/// are `shallow`, and at `id` when its parents are not there.
fn cut(repository: &Repository, id: Oid, shallow: &str) -> Result<(), git2::Error> {
    // The handle may not have seen the new pack yet.
    let fresh = Repository::open(repository.path())?;
    let here = |id: Oid| fresh.odb().is_ok_and(|odb| odb.exists(id));
    let known = shallow.lines().filter(|line| Oid::from_str(line).is_ok_and(here)).map(str::to_owned);
    let mut ends: Vec<String> = known.collect();
    if fresh.find_commit(id)?.parent_ids().any(|parent| !here(parent)) {
        ends.push(id.to_string());
    }
    if ends.is_empty() {
        return Ok(());
    }
    let file = repository.path().join("shallow");
    let refused = |error: std::io::Error| git2::Error::from_str(&format!("{}: {error}", file.display()));
    let mut lines: Vec<String> = match fs::read_to_string(&file) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(refused(error)),
    };
    lines.extend(ends);
    lines.sort();
    lines.dedup();
    let text = lines.join("\n") + "\n";
    let written = tempfile::NamedTempFile::new_in(repository.path()).and_then(|mut draft| {
        std::io::Write::write_all(&mut draft, text.as_bytes())?;
        draft.persist(&file).map_err(|error| error.error)
    });
    written.map(|_| ()).map_err(refused)
}

/// Lets `HEAD` and the wished branch, with its upstream, lead to `id`; touches no file.
pub(super) fn attach(repository: &Repository, id: Oid, branch: Option<&str>) -> Result<(), git2::Error> {
    // The pack that was just written must be seen.
    repository.odb()?.refresh()?;
    let Some(branch) = branch else { return repository.set_head_detached(id) };
    repository.reference(&format!("refs/remotes/origin/{branch}"), id, true, "deps import")?;
    repository.reference(&format!("refs/heads/{branch}"), id, true, "deps import")?;
    repository.set_head(&format!("refs/heads/{branch}"))?;
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    config.set_str(&format!("branch.{branch}.remote"), "origin")?;
    config.set_str(&format!("branch.{branch}.merge"), &format!("refs/heads/{branch}"))
}

/// Makes the submodules of the checkout at `folder` that are not there yet, and theirs.
pub(super) fn submodules(folder: &Path, source: &Checkout, store: &Store) -> Result<(), CheckoutError> {
    for (path, submodule) in &source.submodules {
        let place = folder.join(path);
        if Repository::open(&place).is_err() {
            let wanted = Wanted {
                folder: place.clone(),
                url: submodule.url.clone(),
                rev: submodule.rev.clone(),
                branch: None,
                source: submodule.clone(),
            };
            make(&wanted, store)?;
        }
        let told = || Repository::open(folder)?.find_submodule(path.to_string_lossy().as_ref())?.init(false);
        told().map_err(CheckoutError::git(&place))?;
    }
    Ok(())
}
