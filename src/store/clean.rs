//! Removes what nobody needs.
//!
//! Decides in which order things go, so that a process that is killed on the way has removed nothing that is needed:
//! what is kept of a repository is written anew before the old is removed. Leaves out what is needed.

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::usage::{Held, HeldKind, size};
use super::{Store, StoreError};

/// What is needed, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// Commit ids.
    pub commits: BTreeSet<String>,
    /// Tree ids.
    pub trees: BTreeSet<String>,
    /// Files.
    pub files: BTreeSet<String>,
}

impl Needed {
    /// Whether `held`, or one of its commits, is needed.
    pub fn covers(&self, held: &Held) -> bool {
        match held.kind {
            HeldKind::Git => held.pins.iter().any(|pin| self.commits.contains(pin)),
            // A tree of a commit has its id, and more where it is not the plain checkout.
            HeldKind::Tree => {
                let commit = held.name.get(..40).is_some_and(|commit| self.commits.contains(commit));
                commit || self.trees.contains(&held.name)
            }
            HeldKind::File => self.files.contains(&held.name),
            // A tree that was made of it is all that anybody needs.
            HeldKind::Hg | HeldKind::Leftover => false,
        }
    }
}

/// What is to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// The thing that goes, or that shrinks.
    pub held: Held,
    /// The commits of a repository that stay; all of it goes where there are none.
    pub keep: Vec<String>,
}

/// Returns what of `held` nobody needs and came before `before`, in seconds since 1970.
pub fn garbage(held: Vec<Held>, needed: &Needed, before: u64) -> Vec<Garbage> {
    let garbage = |held: Held| {
        let old = held.since < before;
        let keep: Vec<String> = held.pins.iter().filter(|pin| needed.commits.contains(*pin)).cloned().collect();
        let unneeded = match held.kind {
            HeldKind::Git => keep.len() < held.pins.len() || held.pins.is_empty(),
            HeldKind::Hg | HeldKind::Tree | HeldKind::File => !needed.covers(&held),
            // Nobody else uses the store now.
            HeldKind::Leftover => return Some(Garbage { held, keep: Vec::new() }),
        };
        (unneeded && old).then_some(Garbage { held, keep })
    };
    held.into_iter().filter_map(garbage).collect()
}

impl Store {
    /// Adds the commits of the submodules of `commits`, and theirs, as far as the store has them.
    ///
    /// # Errors
    /// When a repository cannot be read.
    pub fn with_submodules(&self, commits: &mut BTreeSet<String>) -> Result<(), StoreError> {
        let repositories = super::entries(&self.root.join("git"))?;
        let mut looked = BTreeSet::new();
        loop {
            let before = commits.len();
            for path in &repositories {
                for pin in super::usage::pins(path)?.into_iter().filter(|pin| commits.contains(pin)).collect::<Vec<_>>()
                {
                    if looked.insert((path.clone(), pin.clone())) {
                        commits.extend(super::repository::gitlink_revs(path, &pin)?);
                    }
                }
            }
            if commits.len() == before {
                return Ok(());
            }
        }
    }

    /// Removes `garbage`; returns how many bytes are free now. The store must be [`Store::alone`].
    ///
    /// # Errors
    /// When the file system refuses; what was removed until then is gone.
    pub fn clean(&self, garbage: &[Garbage]) -> Result<u64, StoreError> {
        let mut freed = 0;
        for Garbage { held, keep } in garbage {
            let path = held.path(&self.root);
            if keep.is_empty() {
                self.discard(&path)?;
                freed += held.bytes;
            } else {
                shrink(&path, keep)?;
                freed += held.bytes.saturating_sub(size(&path)?);
            }
            if held.kind == HeldKind::Tree {
                self.forget_noticed(&held.name)?;
            }
        }
        Ok(freed)
    }

    /// Removes the thing at `path`. What is left of it when the process is killed is no thing any more.
    pub(super) fn discard(&self, path: &Path) -> Result<(), StoreError> {
        let tmp = self.root.join("tmp");
        let grave = if path.starts_with(&tmp) { path.to_path_buf() } else { self.grave(path)? };
        let removed =
            if grave.is_dir() && !grave.is_symlink() { fs::remove_dir_all(&grave) } else { fs::remove_file(&grave) };
        removed.map_err(StoreError::io("remove", &grave))
    }

    fn grave(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let scratch = self.scratch()?.keep();
        let grave = scratch.join("removed");
        fs::rename(path, &grave).map_err(StoreError::io("remove", path))?;
        Ok(scratch)
    }
}

/// Leaves only the commits `keep` in the bare repository at `path`.
fn shrink(path: &Path, keep: &[String]) -> Result<(), StoreError> {
    let shrunk = || -> Result<PathBuf, git2::Error> {
        let repository = super::open_bare(path)?;
        let mut pack = repository.packbuilder()?;
        let mut cut = Vec::new();
        for rev in keep {
            let id = Oid::from_str(rev)?;
            pack.insert_commit(id)?;
            cut.extend(repository.find_commit(id)?.parent_ids().next().map(|_| rev.clone()));
        }
        let folder = path.join("objects/pack");
        pack.write(&folder, 0o444)?;
        let name = pack.name()?.ok_or_else(|| git2::Error::from_str("the new pack has no name"))?.to_owned();
        write_shallow(path, &mut cut)?;
        for reference in repository.references()? {
            let mut reference = reference?;
            let kept = reference.name().ok().and_then(|name| name.strip_prefix("refs/deps/pins/"));
            if !kept.is_some_and(|rev| keep.iter().any(|keep| keep == rev)) {
                reference.delete()?;
            }
        }
        Ok(folder.join(format!("pack-{name}")))
    };
    let pack = shrunk().map_err(StoreError::repository(path))?;
    for old in super::entries(&path.join("objects/pack"))? {
        if old.with_extension("") != pack {
            fs::remove_file(&old).map_err(StoreError::io("remove", &old))?;
        }
    }
    for folder in super::entries(&path.join("objects"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.len() == 2 {
            fs::remove_dir_all(&folder).map_err(StoreError::io("remove", &folder))?;
        }
    }
    Ok(())
}

/// The history ends at every commit that is kept and has parents (gitformat-shallow(5)).
fn write_shallow(path: &Path, cut: &mut Vec<String>) -> Result<(), git2::Error> {
    cut.sort();
    cut.dedup();
    let file = path.join("shallow");
    let lines: String = cut.iter().map(|rev| format!("{rev}\n")).collect();
    let written = tempfile::NamedTempFile::new_in(path).and_then(|mut draft| {
        std::io::Write::write_all(&mut draft, lines.as_bytes())?;
        draft.persist(&file).map_err(|error| error.error)
    });
    written.map(|_| ()).map_err(|error| git2::Error::from_str(&format!("{}: {error}", file.display())))
}
