//! Reads everything in the store and says what is damaged.
//!
//! Decides what whole means: a tree has the sum that was written when it was made; a file has the digest that names it;
//! every object of a repository has its id, every pack is what git's indexer makes of it, every pin leads to a complete
//! commit, and the few other files of a repository are those that a new one has.

#![expect(clippy::disallowed_methods, reason = "the store reads its files")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::file::hashed;
use super::repository::{create_bare, is_complete};
use super::usage::{Held, HeldKind};
use super::{Store, StoreError, sum};

/// Something damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged.
    pub held: Held,
    /// How, in words.
    pub what: String,
}

impl Store {
    /// Returns what is damaged about `held`; none when it is whole.
    ///
    /// # Errors
    /// When the file system does not let it be read.
    pub fn damage(&self, held: &Held) -> Result<Option<Damage>, StoreError> {
        let path = held.path(&self.root);
        let what = match held.kind {
            HeldKind::Tree => self.damaged_tree(&held.name)?,
            HeldKind::Git => {
                // Whoever writes to it just now is waited for; where nobody can write, there is nobody.
                let _lock = self.lock(&held.name, &AtomicBool::new(false)).ok();
                damaged_repository(self, &path)?
            }
            HeldKind::File => damaged_file(&path, &held.name)?,
            HeldKind::Hg | HeldKind::Leftover => None,
        };
        Ok(what.map(|what| Damage { held: held.clone(), what }))
    }

    /// Removes what is damaged. The store must be [`Store::alone`]; the next fetch brings it anew.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove_damaged(&self, damage: &[Damage]) -> Result<(), StoreError> {
        for Damage { held, .. } in damage {
            self.discard(&held.path(&self.root))?;
            if held.kind == HeldKind::Tree {
                self.forget_noticed(&held.name)?;
            }
        }
        Ok(())
    }

    fn damaged_tree(&self, id: &str) -> Result<Option<String>, StoreError> {
        let Some(written) = self.written_sum(id) else {
            return Ok(Some("nobody wrote down what was in it".to_owned()));
        };
        let now = sum::sum(&self.root.join("trees").join(id))?;
        Ok((now != written).then(|| "its files are not those that were written".to_owned()))
    }
}

fn damaged_file(path: &Path, name: &str) -> Result<Option<String>, StoreError> {
    let digest = hashed(path)?;
    Ok((digest != name).then(|| format!("its digest is {digest}")))
}

fn damaged_repository(store: &Store, path: &Path) -> Result<Option<String>, StoreError> {
    let scratch = store.scratch()?;
    let fresh = scratch.path().join("fresh");
    create_bare(&fresh).map_err(StoreError::repository(path))?;
    for entry in walkdir::WalkDir::new(&fresh).sort_by_file_name() {
        let entry = entry.map_err(|error| StoreError::io("read", &fresh)(error.into()))?;
        let name = entry.path().strip_prefix(&fresh).expect("a walk stays below its root");
        if entry.file_type().is_file() && fs::read(path.join(name)).ok() != fs::read(entry.path()).ok() {
            return Ok(Some(format!("`{}` is not as it was written", name.display())));
        }
    }
    Ok(damaged_objects(path, scratch.path()).or_else(|| damaged_pins(path)))
}

/// The first object or pack that is not what its name says.
fn damaged_objects(path: &Path, scratch: &Path) -> Option<String> {
    let repository = match super::open_bare(path) {
        Ok(repository) => repository,
        Err(error) => return Some(error.message().to_owned()),
    };
    let odb = match repository.odb() {
        Ok(odb) => odb,
        Err(error) => return Some(error.message().to_owned()),
    };
    let mut damaged = None;
    let walked = odb.foreach(|id| {
        // libgit2 compares what it reads with the id.
        damaged = odb.read(*id).err().map(|error| format!("object {id}: {}", error.message()));
        damaged.is_none()
    });
    if let Err(error) = walked
        && damaged.is_none()
    {
        return Some(error.message().to_owned());
    }
    let packs = super::entries(&path.join("objects/pack")).ok()?;
    let packs = packs.into_iter().filter(|pack| pack.extension().is_some_and(|extension| extension == "pack"));
    damaged.or_else(|| packs.into_iter().find_map(|pack| damaged_pack(&odb, &pack, scratch)))
}

/// Indexes a pack again: git's indexer checks the pack's sum, and its index is a function of the pack.
fn damaged_pack(odb: &git2::Odb<'_>, pack: &Path, scratch: &Path) -> Option<String> {
    let name = pack.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let indexed = || -> Result<Vec<u8>, String> {
        let content = fs::read(pack).map_err(|error| error.to_string())?;
        let told = |error: git2::Error| error.message().to_owned();
        let folder = tempfile::tempdir_in(scratch).map_err(|error| error.to_string())?;
        let mut indexer = git2::Indexer::new(Some(odb), folder.path(), 0o600, true).map_err(told)?;
        indexer.write_all(&content).map_err(|error| error.to_string())?;
        let made = indexer.commit().map_err(told)?;
        fs::read(folder.path().join(format!("pack-{made}.idx"))).map_err(|error| error.to_string())
    };
    match indexed() {
        Ok(index) if fs::read(pack.with_extension("idx")).is_ok_and(|own| own == index) => None,
        Ok(_) => Some(format!("the index of {name} is damaged")),
        Err(message) => Some(format!("{name}: {message}")),
    }
}

fn damaged_pins(path: &Path) -> Option<String> {
    let repository = super::open_bare(path).ok()?;
    // As files: libgit2 passes over refs that it cannot read.
    for entry in walkdir::WalkDir::new(path.join("refs")).sort_by_file_name().into_iter().flatten() {
        if !entry.file_type().is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let known = text.strip_suffix('\n').is_some_and(|id| {
            git2::Oid::from_str(id)
                .is_ok_and(|found| found.to_string() == id && repository.find_object(found, None).is_ok())
        });
        let is_pin = entry.path().parent() == Some(&path.join("refs/deps/pins"));
        if !known || is_pin && text.trim_end() != name {
            return Some(format!("the ref `{name}` leads elsewhere"));
        }
        if let Some(error) = is_pin.then(|| is_complete(&repository, &name).err()).flatten() {
            return Some(error.to_string());
        }
    }
    let shallow = fs::read_to_string(path.join("shallow")).unwrap_or_default();
    let unknown = |line: &&str| git2::Oid::from_str(line).is_ok_and(|id| repository.find_commit(id).is_ok());
    shallow.lines().find(|line| !unknown(line)).map(|line| format!("`shallow` names `{line}`, which is no commit here"))
}
