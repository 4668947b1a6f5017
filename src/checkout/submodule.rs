//! Submodules of a checkout: made where they are missing, moved where the pinned commit has another one.
//!
//! Decides that a submodule with a person's work in it holds its whole checkout. Leaves out which submodules are wanted and
//! where they come from (`store::Checkout`).

use std::path::Path;

use git2::{Oid, Repository};

use super::{CheckoutError, Outcome, Reason, Wanted, make, moving, quick};
use crate::extent::Submodules;
use crate::store::{Checkout, Named, Store};

/// Returns the submodules that the checkout at `folder` wants: path and what is wanted there.
fn wanted(folder: &Path, source: &Checkout) -> Vec<Wanted> {
    let one = |(path, submodule): (&std::path::PathBuf, &Checkout)| Wanted {
        top: folder.to_path_buf(),
        folder: folder.join(path),
        url: submodule.url.clone(),
        rev: submodule.rev.clone(),
        named: Some(Named::Neither),
        source: submodule.clone(),
    };
    source.submodules.iter().map(one).collect()
}

/// Whether every submodule of the checkout at `folder` that is wanted, and theirs, is at the commit that its parent has in
/// the index.
pub(super) fn stand(folder: &Path, wanted: &Submodules) -> bool {
    const GITLINK: u32 = 0o160_000;
    if *wanted == Submodules::None || !folder.join(".gitmodules").exists() {
        return true;
    }
    let Ok(index) = Repository::open(folder).and_then(|repository| repository.index()) else { return false };
    index.iter().filter(|entry| entry.mode == GITLINK).all(|entry| {
        let Ok(path) = std::str::from_utf8(&entry.path) else { return false };
        let Some(theirs) = wanted.below(path) else { return true };
        let place = folder.join(path);
        quick::head(&place).is_some_and(|head| head.rev == entry.id.to_string()) && stand(&place, &theirs)
    })
}

/// Returns why a submodule cannot be moved to the commit that is wanted.
pub(super) fn reason_to_stay(folder: &Path, source: &Checkout) -> Result<Option<Reason>, git2::Error> {
    for one in wanted(folder, source) {
        let path = || one.folder.strip_prefix(folder).unwrap_or(&one.folder).to_path_buf();
        // One that is not there has nothing to lose.
        let Ok(repository) = Repository::open(&one.folder) else { continue };
        let at = repository.head().ok().and_then(|head| head.target()).map(|head| head.to_string());
        let reason = match at == Some(one.rev.clone()) {
            true => None,
            false => moving::reason_to_stay(&repository, &one, Oid::from_str(&one.rev)?)?,
        };
        let reason = match reason {
            None => reason_to_stay(&one.folder, &one.source)?,
            some => some,
        };
        if let Some(reason) = reason {
            return Ok(Some(Reason::Submodule { path: path(), reason: Box::new(reason) }));
        }
    }
    Ok(None)
}

/// Makes the submodules of the checkout at `folder` that are not there yet, moves the others, and does the same to theirs.
pub(super) fn bring(folder: &Path, source: &Checkout, store: &Store) -> Result<(), CheckoutError> {
    for one in wanted(folder, source) {
        let path = one.folder.strip_prefix(folder).unwrap_or(&one.folder).to_path_buf();
        if let Some(path) = super::link(&one.top, &one.folder) {
            let message = format!("its submodule stands behind the symbolic link `{}`", path.display());
            return Err(CheckoutError::Git { path: folder.to_path_buf(), message });
        }
        match Repository::open(&one.folder) {
            Err(_) => make::make(&one, store)?,
            Ok(repository) => {
                if let Outcome::Left(reason) = moving::advance(&repository, &one, store)? {
                    let message = format!("its submodule `{}` {reason}", path.display());
                    return Err(CheckoutError::Git { path: folder.to_path_buf(), message });
                }
            }
        }
        let told = || Repository::open(folder)?.find_submodule(path.to_string_lossy().as_ref())?.init(false);
        told().map_err(CheckoutError::git(&one.folder))?;
    }
    Ok(())
}
