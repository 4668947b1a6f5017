//! An existing checkout on its way to its pin.
//!
//! Decides when it may go: nothing changed, no file in the way, no commit that only this checkout has. Its remotes and the
//! upstreams of its branches stay as they are.

use git2::build::CheckoutBuilder;
use git2::{BranchType, ErrorCode, Oid, Repository};

use super::make::{attach, settle};
use super::{CheckoutError, Outcome, Reason, Wanted, objects, submodule, work};
use crate::store::{Named, Store};

/// Moves `repository` to the pin of `wanted`.
pub(super) fn advance(repository: &Repository, wanted: &Wanted, store: &Store) -> Result<Outcome, CheckoutError> {
    let git = CheckoutError::git(&wanted.folder);
    let id = Oid::from_str(&wanted.rev).map_err(&git)?;
    let head = repository.head().ok().and_then(|head| head.target());
    if head == Some(id) {
        return stay(repository, wanted, store);
    }
    if let Some(reason) = reason_to_stay(repository, wanted, id).map_err(&git)? {
        return Ok(Outcome::Left(reason));
    }
    if let Some(reason) = submodule::reason_to_stay(&wanted.folder, &wanted.source).map_err(&git)? {
        return Ok(Outcome::Left(reason));
    }
    objects::bring(repository, wanted, store).map_err(&git)?;
    match switch(wanted, id, store) {
        Ok(()) => {}
        Err(error) if error.code() == ErrorCode::Conflict => return Ok(Outcome::Left(Reason::InTheWay)),
        Err(error) => return Err(git(error)),
    }
    submodule::bring(&wanted.folder, &wanted.source, store)?;
    Ok(Outcome::Moved { from: head.map(|head| head.to_string()).unwrap_or_default() })
}

/// What is left to do at the pin: the branch, where `HEAD` is on none, and submodules.
fn stay(repository: &Repository, wanted: &Wanted, store: &Store) -> Result<Outcome, CheckoutError> {
    let git = CheckoutError::git(&wanted.folder);
    let id = Oid::from_str(&wanted.rev).map_err(&git)?;
    if repository.head_detached().map_err(&git)? {
        match &wanted.named {
            Some(named) if named.branch().is_none() => settle(repository, &wanted.rev).map_err(&git)?,
            Some(_) if reason_to_stay(repository, wanted, id).map_err(&git)?.is_none() => {
                objects::bring(repository, wanted, store).map_err(&git)?;
                attach(repository, wanted, store).map_err(&git)?;
            }
            _ => {}
        }
    }
    if let Some(reason) = submodule::reason_to_stay(&wanted.folder, &wanted.source).map_err(&git)? {
        return Ok(Outcome::Left(reason));
    }
    submodule::bring(&wanted.folder, &wanted.source, store)?;
    Ok(Outcome::AtPin)
}

/// Returns why `repository` may not leave its commit for `id`.
pub(super) fn reason_to_stay(repository: &Repository, wanted: &Wanted, id: Oid) -> Result<Option<Reason>, git2::Error> {
    if let Some(reason) = work::unfinished(repository)? {
        return Ok(Some(reason));
    }
    // On a branch they would not be lost, but somebody is working on them.
    if let Ok(head) = repository.head()
        && let Some(own) = work::own_commits(repository, &head)?
    {
        return Ok(Some(own));
    }
    let Some(name) = wanted.named.as_ref().and_then(Named::branch) else { return Ok(None) };
    let Ok(branch) = repository.find_branch(name, BranchType::Local) else { return Ok(None) };
    match branch.get().target() {
        Some(tip) if tip != id => work::own_commits(repository, branch.get()),
        _ => Ok(None),
    }
}

/// Writes the files of `id` where none is in the way, then lets `HEAD` and the branch follow.
fn switch(wanted: &Wanted, id: Oid, store: &Store) -> Result<(), git2::Error> {
    // A handle of its own: the one before may not have seen what was brought.
    let repository = Repository::open(&wanted.folder)?;
    let commit = repository.find_object(id, Some(git2::ObjectType::Commit))?;
    let mut options = CheckoutBuilder::new();
    options.safe().recreate_missing(true).overwrite_ignored(false);
    repository.checkout_tree(&commit, Some(&mut options))?;
    attach(&repository, wanted, store)
}
