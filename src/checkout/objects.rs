//! Objects on their way from the store into a checkout, and where its history ends.
//!
//! Decides that every commit of a checkout has its parents or is named in `shallow` (gitformat-shallow(5)), and that a
//! history which is there already is never cut. Leaves out refs and files.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::Wanted;
use super::make::BROUGHT;
use crate::store::{Named, Store};

/// The file that names the commits whose parents are not there.
pub(super) const SHALLOW: &str = "shallow";

/// Brings the commit of `wanted`, with as much of its history as the store has and with its tag, from the store into
/// `repository`.
pub(super) fn bring(repository: &Repository, wanted: &Wanted, store: &Store) -> Result<(), git2::Error> {
    let source = store.repository(&wanted.source.url);
    let from = source.path();
    let id = Oid::from_str(&wanted.rev)?;
    let tag = match &wanted.named {
        Some(Named::Tag(tag)) => source.tag(&wanted.rev, tag),
        _ => None,
    };
    if repository.find_commit(id).is_err() || tag.is_some_and(|tag| !has(repository, &tag)) {
        let refused = |error: Error| git2::Error::from_str(&format!("{}: {error}", from.display()));
        copy(repository, &from).map_err(refused)?;
        repository.odb()?.refresh()?;
    }
    repository.reference(&format!("{BROUGHT}/{id}"), id, true, "")?;
    Ok(())
}

/// Copies all objects. The ends of history are written down before the objects come, and those that are none any more
/// go after they came: a run that is killed between leaves a repository that git can use.
fn copy(repository: &Repository, from: &Path) -> Result<(), Error> {
    let git = repository.path();
    let (theirs, ours) = (ends(&from.join(SHALLOW))?, ends(&git.join(SHALLOW))?);
    // What is here and no end has its parents here, and keeps them.
    let is_whole = |line: &&String| !ours.contains(*line) && has(repository, line);
    let new: BTreeSet<String> = theirs.iter().filter(|line| !is_whole(line)).cloned().collect();
    let all: BTreeSet<String> = ours.union(&new).cloned().collect();
    write_ends(git, &ours, &all)?;
    share(&from.join("objects"), &git.join("objects"))?;
    let store = Repository::open_bare(from).ok();
    let is_mended = |line: &&String| !theirs.contains(*line) && store.as_ref().is_some_and(|store| has(store, line));
    write_ends(git, &all, &all.iter().filter(|line| !is_mended(line)).cloned().collect())
}

fn has(repository: &Repository, id: &str) -> bool {
    Oid::from_str(id).is_ok_and(|id| repository.odb().is_ok_and(|odb| odb.exists(id)))
}

fn ends(file: &Path) -> Result<BTreeSet<String>, Error> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

fn write_ends(git: &Path, before: &BTreeSet<String>, ends: &BTreeSet<String>) -> Result<(), Error> {
    let file = git.join(SHALLOW);
    match () {
        () if before == ends => Ok(()),
        () if ends.is_empty() => fs::remove_file(file),
        () => {
            let mut draft = tempfile::NamedTempFile::new_in(git)?;
            ends.iter().try_for_each(|line| writeln!(draft, "{line}"))?;
            draft.persist(&file).map(drop).map_err(|error| error.error)
        }
    }
}

/// Gives the folder `to` the objects of `from`: object files never change, so that another name for them is enough where
/// the file system allows it, as for `git clone --local`. A pack comes before the index that announces it.
fn share(from: &Path, to: &Path) -> Result<(), Error> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in walkdir::WalkDir::new(from).min_depth(2).max_depth(2) {
        let path = entry?.into_path();
        let relative = path.strip_prefix(from).expect("a walk stays below its root");
        if is_object(relative) {
            files.push(relative.to_path_buf());
        }
    }
    files.sort_by_key(|file| (file.extension().is_some_and(|extension| extension == "idx"), file.clone()));
    for file in files {
        let (source, place) = (from.join(&file), to.join(&file));
        if !place.exists() {
            fs::create_dir_all(place.parent().expect("an object is in a folder"))?;
            link(&source, &place)?;
        }
    }
    Ok(())
}

/// Whether a file below `objects` is one that never changes: no temporary file, no index over several packs.
fn is_object(file: &Path) -> bool {
    let part = |path: Option<&std::ffi::OsStr>| path.and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let (folder, name) = (part(file.parent().map(Path::as_os_str)), part(file.file_name()));
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match folder.as_str() {
        "pack" => {
            name.starts_with("pack-") && [".pack", ".idx", ".rev"].iter().any(|extension| name.ends_with(extension))
        }
        folder => folder.len() == 2 && is_hexadecimal(folder) && is_hexadecimal(&name),
    }
}

/// Copies beside the place first where no second name is possible: a file that is there is whole.
fn link(source: &Path, place: &Path) -> Result<(), Error> {
    match fs::hard_link(source, place) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(_) => {
            let draft = tempfile::NamedTempFile::new_in(place.parent().unwrap_or(place))?.into_temp_path();
            fs::copy(source, &draft)?;
            draft.persist(place).map_err(|error| error.error)
        }
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_never_change_are_shared() {
        for file in ["pack/pack-12ab.pack", "pack/pack-12ab.idx", "pack/pack-12ab.rev", "ab/0123456789abcdef"] {
            assert!(is_object(Path::new(file)), "{file}");
        }
        for file in [
            "info/alternates",
            "info/commit-graph",
            "pack/multi-pack-index",
            "pack/tmp_pack_1",
            "ab/tmp_obj_x",
            "packs/a",
        ] {
            assert!(!is_object(Path::new(file)), "{file}");
        }
    }
}
