//! An existing checkout on its way to its pin.
//!
//! Decides when it may go: nothing changed, no file in the way, no commit that only this checkout has.

use git2::build::CheckoutBuilder;
use git2::{ErrorCode, Oid, Repository};

use super::make::{attach, bring_objects, submodules};
use super::{CheckoutError, Outcome, Reason, Wanted, look};
use crate::store::Store;

/// Moves `repository` to the pin of `wanted`.
pub(super) fn advance(repository: &Repository, wanted: &Wanted, store: &Store) -> Result<Outcome, CheckoutError> {
    let git = CheckoutError::git(&wanted.folder);
    let id = Oid::from_str(&wanted.rev).map_err(&git)?;
    let head = repository.head().ok().and_then(|head| head.target());
    if head == Some(id) && is_attached(repository, wanted.branch.as_deref()) {
        set_url(repository, &wanted.url).map_err(&git)?;
        submodules(&wanted.folder, &wanted.source, store)?;
        return Ok(Outcome::AtPin);
    }
    if let Some(reason) = reason_to_stay(repository, wanted, id).map_err(&git)? {
        return Ok(Outcome::Left(reason));
    }
    set_url(repository, &wanted.url).map_err(&git)?;
    bring_objects(repository, &wanted.source, store).map_err(&git)?;
    match switch(&wanted.folder, id, wanted.branch.as_deref()) {
        Ok(()) => {}
        Err(error) if error.code() == ErrorCode::Conflict => return Ok(Outcome::Left(Reason::InTheWay)),
        Err(error) => return Err(git(error)),
    }
    submodules(&wanted.folder, &wanted.source, store)?;
    Ok(Outcome::Moved { from: head.map(|head| head.to_string()).unwrap_or_default() })
}

/// Whether `HEAD` is on `branch`, or detached where none is wished for.
fn is_attached(repository: &Repository, branch: Option<&str>) -> bool {
    let head = repository.find_reference("HEAD").ok();
    let on = head.as_ref().and_then(|head| head.symbolic_target().ok().flatten());
    on.and_then(|name| name.strip_prefix("refs/heads/")) == branch
}

fn reason_to_stay(repository: &Repository, wanted: &Wanted, id: Oid) -> Result<Option<Reason>, git2::Error> {
    let look::Changes { changed, untracked, nested: _ } = look::changes(repository)?;
    if changed > 0 {
        return Ok(Some(Reason::Changed { changed, untracked }));
    }
    let detached = repository.head_detached()?.then(|| repository.head()).transpose()?;
    if let Some(own) = look::own_commits(repository, detached.as_ref())? {
        return Ok(Some(own));
    }
    // Another branch keeps its commits when HEAD leaves it; the wished one is moved.
    let Some(name) = &wanted.branch else { return Ok(None) };
    let Ok(branch) = repository.find_branch(name, git2::BranchType::Local) else { return Ok(None) };
    match branch.get().target() {
        Some(tip) if tip != id => look::own_commits(repository, Some(branch.get())),
        _ => Ok(None),
    }
}

fn set_url(repository: &Repository, url: &str) -> Result<(), git2::Error> {
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    let known = config.get_string("remote.origin.url").ok();
    if known.as_deref() == Some(url) { Ok(()) } else { config.set_str("remote.origin.url", url) }
}

/// Writes the files of `id` where none is in the way, then lets `HEAD` and the branch follow.
fn switch(folder: &std::path::Path, id: Oid, branch: Option<&str>) -> Result<(), git2::Error> {
    // A handle of its own: the one before may not have seen what was brought.
    let repository = Repository::open(folder)?;
    let commit = repository.find_object(id, Some(git2::ObjectType::Commit))?;
    repository.checkout_tree(&commit, Some(CheckoutBuilder::new().safe().recreate_missing(true)))?;
    attach(&repository, id, branch)
}
