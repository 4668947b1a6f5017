//! Takes away what nobody needs, by a process that has the store alone.
//!
//! Decides the order: a name goes before its content, so that a killed process leaves whole things or leftovers. A
//! repository of which some commits are needed gets one new pack of just these first. Leaves out what is needed
//! (`projects.rs`) and when to do it (`cli/`).

#![expect(clippy::disallowed_methods, reason = "the store removes files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::export::{sync_file, sync_folder};
use super::{
    Needs, Repository, Store, StoreAlone, StoreError, Thing, ThingKind, inventory, leftovers, named, open_bare,
    repository,
};

/// Something that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// What it is.
    pub thing: Thing,
    /// Where some of a repository stays: the commits that go. Empty when all of it goes.
    pub commits: Vec<String>,
}

impl Store {
    /// Returns what nobody needs: repositories last, because a tree without its commit could not be verified.
    pub fn unneeded(&self, things: &[Thing], needs: &Needs) -> Vec<Removal> {
        let mut removals = Vec::new();
        for thing in things {
            if !thing.stays(needs) {
                removals.push(Removal { thing: thing.clone(), commits: Vec::new() });
            } else if thing.kind == ThingKind::Repository {
                let commits: Vec<String> = thing.ids.iter().filter(|rev| !needs.keeps(rev)).cloned().collect();
                if !commits.is_empty() {
                    removals.push(Removal { thing: thing.clone(), commits });
                }
            }
        }
        removals.sort_by_key(|removal| removal.thing.kind == ThingKind::Repository);
        removals
    }
}

impl StoreAlone {
    /// Takes `removal` away, and returns by how many bytes the store is smaller now.
    ///
    /// # Errors
    /// When the disk refuses, or a repository of which some stays is damaged; then nothing of it has gone.
    pub fn collect(&self, removal: &Removal) -> Result<u64, StoreError> {
        let path = self.root.join(&removal.thing.name);
        if removal.commits.is_empty() {
            self.discard(&removal.thing)?;
            return Ok(removal.thing.bytes);
        }
        let stays = removal.thing.ids.iter().filter(|rev| !removal.commits.contains(rev));
        keep_only(&path, &self.scratch()?.path().join("pack"), &stays.cloned().collect())?;
        Ok(removal.thing.bytes.saturating_sub(inventory::size(&path)?))
    }

    /// Takes away the lock files of single things, what killed processes have left in repositories, and what was noted of
    /// engines that are long gone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn tidy(&self) -> Result<(), StoreError> {
        self.forget_engines();
        self.names("git")?.iter().for_each(|name| leftovers::tidy(&self.root.join("git").join(name)));
        self.lock_files()?.iter().try_for_each(|name| remove(&self.root.join("locks").join(name)))
    }

    /// Takes `thing` away: its name first, then its content.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(&self, thing: &Thing) -> Result<(), StoreError> {
        let path = self.root.join(&thing.name);
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        if thing.kind == ThingKind::Leftover {
            return remove(&path);
        }
        let scratch = self.scratch()?;
        fs::rename(&path, scratch.path().join("old")).map_err(StoreError::io("remove", &path))?;
        if thing.kind == ThingKind::Tree {
            self.forget_noticed(thing.file_name())?;
        }
        remove(&scratch.keep())
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(StoreError::io("remove", path))
}

/// Makes the bare repository at `path` hold the commits `keep` without their history, and nothing else.
fn keep_only(path: &Path, draft: &Path, keep: &BTreeSet<String>) -> Result<(), StoreError> {
    leftovers::tidy(path);
    let old = object_files(path)?;
    let packed = packed(path, draft, keep)?;
    cut_history(path, draft, keep)?;
    let broken = StoreError::repository(path);
    let bare = open_bare(path).map_err(&broken)?;
    let pins: BTreeSet<String> = keep.iter().map(|rev| repository::pin_name(rev)).collect();
    for mut reference in bare.references().map_err(&broken)?.flatten() {
        let stays = |name: &str| pins.contains(name) || named::rev(name).is_some_and(|rev| keep.contains(rev));
        if !reference.name().is_ok_and(stays) {
            reference.delete().map_err(&broken)?;
        }
    }
    drop(bare);
    // Indexes first: a pack without one is no pack.
    old.iter().filter(|file| !packed.contains(file.as_path())).try_for_each(|file| remove(file))?;
    sync_folder(&path.join("objects/pack"))
}

/// Writes a pack of `keep` into the repository and returns the paths of its files.
fn packed(path: &Path, draft: &Path, keep: &BTreeSet<String>) -> Result<BTreeSet<PathBuf>, StoreError> {
    let broken = StoreError::repository(path);
    let bare = open_bare(path).map_err(&broken)?;
    let mut builder = bare.packbuilder().map_err(&broken)?;
    for rev in keep {
        builder.insert_commit(Oid::from_str(rev).map_err(&broken)?).map_err(&broken)?;
        for tag in named::tag_objects(&bare, rev) {
            builder.insert_object(tag, None).map_err(&broken)?;
        }
    }
    fs::create_dir(draft).map_err(StoreError::io("make the folder", draft))?;
    builder.write(draft, 0o444).map_err(&broken)?;
    let folder = path.join("objects/pack");
    let mut packed = BTreeSet::new();
    // The index last: with it the pack is there.
    for extension in ["pack", "idx"] {
        for entry in fs::read_dir(draft).map_err(StoreError::io("read", draft))?.flatten() {
            if entry.path().extension().is_some_and(|found| found == extension) {
                let target = folder.join(entry.file_name());
                fs::rename(entry.path(), &target).map_err(StoreError::io("make", &target))?;
                packed.insert(target);
            }
        }
    }
    sync_folder(&folder)?;
    Ok(packed)
}

/// Says in `shallow` that the history of `keep` is not there.
fn cut_history(path: &Path, draft: &Path, keep: &BTreeSet<String>) -> Result<(), StoreError> {
    let broken = StoreError::repository(path);
    let bare = open_bare(path).map_err(&broken)?;
    let mut lines = String::new();
    for rev in keep {
        let commit = repository::find_commit(&bare, rev)?;
        if commit.parent_count() > 0 {
            lines.push_str(&format!("{rev}\n"));
        }
    }
    let (new, shallow) = (draft.join("shallow"), path.join("shallow"));
    if lines.is_empty() {
        return if shallow.exists() { remove(&shallow) } else { Ok(()) };
    }
    fs::write(&new, lines).map_err(StoreError::io("write", &new))?;
    sync_file(&new)?;
    fs::rename(&new, &shallow).map_err(StoreError::io("write", &shallow))
}

/// Returns the files that hold objects: indexes, packs and what goes with them, then loose objects.
fn object_files(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let objects = path.join("objects");
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(&objects) {
        let entry = entry.map_err(|error| StoreError::walk(&objects, error))?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    files.sort_by_key(|path| path.extension().is_none_or(|extension| extension != "idx"));
    Ok(files)
}

impl Repository {
    /// Returns the commits that are pinned, sorted.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn pins(&self) -> Result<Vec<String>, StoreError> {
        let broken = StoreError::repository(&self.path());
        let bare = self.open()?;
        let mut pins = Vec::new();
        for reference in bare.references_glob(&repository::pin_name("*")).map_err(&broken)? {
            let reference = reference.map_err(&broken)?;
            pins.extend(reference.name().ok().and_then(|name| name.rsplit('/').next()).map(str::to_owned));
        }
        pins.sort();
        Ok(pins)
    }

    /// Returns the commits of the submodules that the commit `rev` names, those that nobody fetches left out.
    ///
    /// # Errors
    /// When the commit cannot be read or its `.gitmodules` is malformed.
    pub(super) fn submodules(&self, rev: &str) -> Result<Vec<String>, StoreError> {
        let bare = self.open()?;
        let tree = repository::find_commit(&bare, rev)?.tree().map_err(StoreError::repository(&self.path()))?;
        if tree.get_name(".gitmodules").is_none() {
            return Ok(Vec::new());
        }
        Ok(self.gitlinks(rev)?.into_iter().map(|link| link.rev).collect())
    }
}
