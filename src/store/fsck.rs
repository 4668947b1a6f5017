//! Reads a repository of the store again: every object, every checksum, every pin.
//!
//! Decides that a pack is sound when indexing it anew gives the index that lies beside it, byte for byte: that hashes
//! every object and both files. The repository is kept from writers meanwhile. `config` and `HEAD` hold nothing that was
//! fetched and only have to let the repository be opened.

#![expect(clippy::disallowed_methods, reason = "the store reads its files")]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::Oid;

use super::verify::Fault;
use super::{Repository, Store, StoreError, Thing, named, repository};

type Found = Vec<(PathBuf, Fault)>;

impl Store {
    /// Returns everything that is wrong with the repository `thing`, with paths below it.
    pub(super) fn repository_damages(&self, thing: &Thing) -> Result<Found, StoreError> {
        let repository = Repository::at(self, thing.file_name());
        // Where nobody can write, nobody has to be kept from it.
        let _lock = self.lock(thing.file_name(), &AtomicBool::new(false));
        let path = repository.path();
        if !path.exists() {
            return Ok(Vec::new());
        }
        let mut found = pack_damages(self, &path)?;
        if !found.is_empty() {
            // libgit2 trusts indexes, and may not survive a wrong one.
            return Ok(found);
        }
        let bare = match repository.open() {
            Ok(bare) => bare,
            Err(error) => return Ok(vec![(PathBuf::new(), unreadable(&error))]),
        };
        found.extend(loose_damages(&bare, &path)?);
        found.extend(pin_damages(&repository, &bare));
        found.extend(shallow_damages(&bare, &path));
        Ok(found)
    }

    /// Returns a folder for scratch work, outside the store where that cannot be written.
    fn scratch_anywhere(&self) -> Result<tempfile::TempDir, StoreError> {
        match self.scratch() {
            Err(StoreError::Io { cause, .. }) if super::lock::is_read_only(&cause) => {
                tempfile::tempdir().map_err(StoreError::io("make a folder in", &std::env::temp_dir()))
            }
            scratch => scratch,
        }
    }
}

fn unreadable(error: &dyn std::error::Error) -> Fault {
    Fault::Unreadable { cause: error.to_string() }
}

fn pack_damages(store: &Store, path: &Path) -> Result<Found, StoreError> {
    let below = Path::new("objects/pack");
    let folder = path.join(below);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(StoreError::io("read", &folder))?.flatten() {
        let index = entry.path();
        // A pack and its index count only together; one alone is left over from a process that was killed.
        let pack = index.with_extension("pack");
        if index.extension().is_some_and(|extension| extension == "idx") && pack.exists() {
            let scratch = store.scratch_anywhere()?;
            let name = |path: &Path| below.join(path.file_name().expect("an entry of a folder has a name"));
            match indexed(&pack, scratch.path()) {
                Err(Indexing::Disk(cause)) => return Err(StoreError::io("read", &pack)(cause)),
                Err(Indexing::Pack(error)) => {
                    found.push((name(&pack), Fault::Unreadable { cause: error.message().to_owned() }))
                }
                Ok(anew) if fs::read(&index).is_ok_and(|index| index == anew) => {}
                Ok(_) => found.push((name(&index), Fault::Content)),
            }
        }
    }
    Ok(found)
}

/// Why a pack could not be indexed.
enum Indexing {
    Disk(io::Error),
    Pack(git2::Error),
}

/// Returns the index of `pack`, made anew in `scratch`.
fn indexed(pack: &Path, scratch: &Path) -> Result<Vec<u8>, Indexing> {
    let mut indexer = git2::Indexer::new(None, scratch, 0o644, false).map_err(Indexing::Pack)?;
    let mut file = File::open(pack).map_err(Indexing::Disk)?;
    if let Err(error) = io::copy(&mut file, &mut indexer) {
        // An error of libgit2 is about what it read, the others about where it was read or written.
        return Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<git2::Error>()) {
            Some(_) if error.to_string().contains("No space left") => Indexing::Disk(error),
            Some(inner) => Indexing::Pack(git2::Error::from_str(inner.message())),
            None => Indexing::Disk(error),
        });
    }
    indexer.flush().map_err(Indexing::Disk)?;
    let name = indexer.commit().map_err(Indexing::Pack)?;
    fs::read(scratch.join(format!("pack-{name}.idx"))).map_err(Indexing::Disk)
}

/// Reads every object that is not in a pack; libgit2 hashes what it reads.
fn loose_damages(bare: &git2::Repository, path: &Path) -> Result<Found, StoreError> {
    let broken = StoreError::repository(path);
    let odb = bare.odb().map_err(&broken)?;
    let objects = path.join("objects");
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(&objects).min_depth(2).max_depth(2) {
        let entry = entry.map_err(|error| StoreError::walk(&objects, error))?;
        let below = entry.path().strip_prefix(path).expect("a walk stays below its top").to_owned();
        let id: String = below.to_string_lossy().trim_start_matches("objects").replace('/', "");
        let read = Oid::from_str(&id).map(|id| odb.read(id).map(drop));
        if let (40, Ok(Err(error))) = (id.len(), read) {
            found.push((below, Fault::Unreadable { cause: error.message().to_owned() }));
        }
    }
    Ok(found)
}

/// Looks whether each pin holds the commit that it is called after, and all of that is there.
fn pin_damages(repository: &Repository, bare: &git2::Repository) -> Found {
    let pins = match repository.pins() {
        Ok(pins) => pins,
        Err(error) => return vec![(PathBuf::from("refs"), unreadable(&error))],
    };
    let mut found = Vec::new();
    for rev in pins {
        let name = repository::pin_name(&rev);
        let held = bare.refname_to_id(&name).ok().map(|id| id.to_string());
        let problem = if held.as_deref() == Some(&*rev) {
            repository::complete(bare, &rev).err().map(|error| unreadable(&error))
        } else {
            Some(Fault::Content)
        };
        found.extend(problem.map(|problem| (PathBuf::from(name), problem)));
    }
    found.extend(named::damaged(bare).into_iter().map(|name| (PathBuf::from(name), Fault::Content)));
    found
}

/// Looks whether the commits without history are there.
fn shallow_damages(bare: &git2::Repository, path: &Path) -> Found {
    let Ok(text) = fs::read_to_string(path.join("shallow")) else { return Vec::new() };
    let is_commit = |line: &str| Oid::from_str(line).is_ok_and(|id| line.len() == 40 && bare.find_commit(id).is_ok());
    if text.lines().all(is_commit) && (text.is_empty() || text.ends_with('\n')) {
        Vec::new()
    } else {
        vec![(PathBuf::from("shallow"), Fault::Content)]
    }
}
