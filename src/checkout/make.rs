//! A new checkout: made beside its place, then renamed, so that an interrupted run leaves nothing half.
//!
//! Decides what a checkout has: the pinned commit alone, as `git clone --depth 1` would have it, `origin` as people
//! wrote it, and the wished branch with its upstream or the wished tag. No hook or template of this machine runs.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::fs;
use std::path::Path;

use git2::build::CheckoutBuilder;
use git2::{Config, ConfigLevel, Oid, Repository, RepositoryInitOptions};

use super::{CheckoutError, Wanted, history, objects, submodule};
use crate::store::{Named, Store};

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
    let git = CheckoutError::git(&wanted.folder);
    let repository = new(draft, &wanted.url).map_err(&git)?;
    objects::bring(&repository, wanted, store).map_err(&git)?;
    attach(&repository, wanted, store).map_err(&git)?;
    repository.checkout_head(Some(CheckoutBuilder::new().force())).map_err(&git)?;
    drop(repository);
    submodule::bring(draft, &wanted.source, store)
}

fn new(folder: &Path, url: &str) -> Result<Repository, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.external_template(false).initial_head("main");
    let repository = Repository::init_opts(folder, &options)?;
    repository.remote("origin", url)?;
    // Written again as people wrote it: `remote` may have applied `insteadOf`.
    local(&repository)?.set_str("remote.origin.url", url)?;
    Ok(repository)
}

/// Lets `HEAD` and the wished branch, with its upstream, lead to the pin, and makes the wished tag; touches no file.
pub(super) fn attach(repository: &Repository, wanted: &Wanted, store: &Store) -> Result<(), git2::Error> {
    let id = Oid::from_str(&wanted.rev)?;
    if let Some(Named::Tag(tag)) = &wanted.named {
        add_tag(repository, wanted, tag, store)?;
    }
    match wanted.named.as_ref().map(Named::branch) {
        Some(Some(branch)) => attach_to(repository, id, branch, wanted),
        Some(None) => {
            repository.set_head_detached(id)?;
            settle(repository, &wanted.rev)
        }
        None => repository.set_head_detached(id),
    }
}

/// Writes down that the commit `rev` is to stand on no branch, so that nobody is asked again.
pub(super) fn settle(repository: &Repository, rev: &str) -> Result<(), git2::Error> {
    local(repository)?.set_str("deps.detached", rev)
}

fn attach_to(repository: &Repository, id: Oid, branch: &str, wanted: &Wanted) -> Result<(), git2::Error> {
    let remote = super::look::remote(repository, &wanted.url)?.unwrap_or_else(|| "origin".to_owned());
    let theirs = format!("refs/remotes/{remote}/{branch}");
    // A remote's branch that was fetched since is not taken back.
    let known = repository.refname_to_id(&theirs).ok();
    if !known.is_some_and(|tip| history::is_reached(repository, id, &[tip]).unwrap_or(false)) {
        repository.reference(&theirs, id, true, "deps import")?;
    }
    if let Some(Named::Default(_)) = wanted.named {
        repository.reference_symbolic(&format!("refs/remotes/{remote}/HEAD"), &theirs, true, "deps import")?;
    }
    let ours = format!("refs/heads/{branch}");
    repository.reference(&ours, id, true, "deps import")?;
    repository.set_head(&ours)?;
    let mut config = local(repository)?;
    if config.get_string(&format!("branch.{branch}.remote")).is_ok() {
        return Ok(());
    }
    config.set_str(&format!("branch.{branch}.remote"), &remote)?;
    config.set_str(&format!("branch.{branch}.merge"), &ours)
}

/// Makes the tag as the remote has it; one of a person's is left.
fn add_tag(repository: &Repository, wanted: &Wanted, tag: &str, store: &Store) -> Result<(), git2::Error> {
    let name = format!("refs/tags/{tag}");
    let object = store.repository(&wanted.url).tag(&wanted.rev, tag).and_then(|id| Oid::from_str(&id).ok());
    let Some(object) = object.filter(|_| repository.find_reference(&name).is_err()) else { return Ok(()) };
    repository.reference(&name, object, false, "").map(drop)
}

/// Gives the tags that came with a whole history, `refs/deps/tags/`, their names in the repository at `git`; a tag that is
/// there already stays as it is.
///
/// # Errors
/// When git cannot write them.
pub fn take_tags(git: &Path) -> Result<(), CheckoutError> {
    let take = || -> Result<(), git2::Error> {
        let repository = Repository::open(git)?;
        let found = repository.references_glob("refs/deps/tags/*")?.collect::<Result<Vec<_>, _>>()?;
        for mut tag in found {
            let name = tag.name()?.replacen("refs/deps/", "refs/", 1);
            if let Some(id) = tag.target().filter(|_| repository.find_reference(&name).is_err()) {
                repository.reference(&name, id, false, "")?;
            }
            tag.delete()?;
        }
        Ok(())
    };
    take().map_err(CheckoutError::git(git))
}

fn local(repository: &Repository) -> Result<Config, git2::Error> {
    repository.config()?.open_level(ConfigLevel::Local)
}
