//! The folder that an archive is unpacked into: what may be written, and that nothing leaves it.
//!
//! Decides which paths and links an archive may have, how much it may be, and modes (644, 755) and times (1980) of all
//! that is written. Every path is written once, below folders that were made here, never through a link. Leaves out how
//! archives are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{ArchiveError, EntryProblem};
use crate::store::StoreError;
use crate::store::export::{make_folder, set_time, sync_file};
use crate::store::repository::DEEPEST;

/// The longest path, in bytes, and the longest part of one: what Linux takes.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// So many names of the top level are told.
const MOST_TOLD: usize = 20;

/// So many links after one another lead nowhere, as for Linux.
const MOST_LINKS: usize = 40;

/// How much is unpacked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Entries of the archive.
    pub(super) entries: usize,
    /// Bytes of all files.
    pub(super) bytes: u64,
}

/// What has been written at a path.
enum Node {
    Folder,
    File,
    /// With its target.
    Link(String),
}

/// A folder that is being filled. Paths are relative to it, `/` between their parts; it is `""` itself.
pub(super) struct Draft<'a> {
    root: &'a Path,
    /// The parts of the folder of the archive that is wanted.
    wanted: Vec<&'a str>,
    limits: Limits,
    interrupted: &'a AtomicBool,
    nodes: BTreeMap<String, Node>,
    top: BTreeSet<String>,
    entries: usize,
    bytes: u64,
}

impl<'a> Draft<'a> {
    /// Returns a draft in the folder `root`, which it makes, of what the archive has below `wanted`.
    pub(super) fn new(
        root: &'a Path,
        wanted: Option<&'a str>,
        limits: Limits,
        interrupted: &'a AtomicBool,
    ) -> Result<Self, StoreError> {
        make_folder(root)?;
        let wanted = wanted.into_iter().flat_map(|folder| folder.split('/'));
        let wanted = wanted.filter(|part| !matches!(*part, "" | ".")).collect();
        let nodes = BTreeMap::from([(String::new(), Node::Folder)]);
        Ok(Self { root, wanted, limits, interrupted, nodes, top: BTreeSet::new(), entries: 0, bytes: 0 })
    }

    /// Returns the path of the next entry, called `name` in the archive; none where it is not wanted.
    pub(super) fn place(&mut self, name: &[u8]) -> Result<Option<String>, StoreError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(StoreError::Interrupted { name: "the archive".to_owned() });
        }
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(ArchiveError::TooMany { most: self.limits.entries }.into());
        }
        let parts = parts(name).map_err(|problem| bad(name, problem))?;
        if let Some(first) = parts.first().filter(|_| self.top.len() < MOST_TOLD) {
            self.top.insert((*first).to_owned());
        }
        Ok(self.below(&parts))
    }

    /// Returns the path below the folder that is wanted.
    fn below(&self, parts: &[&str]) -> Option<String> {
        parts.strip_prefix(&self.wanted[..]).map(|below| below.join("/"))
    }

    pub(super) fn folder(&mut self, path: &str) -> Result<(), StoreError> {
        match self.nodes.get(path) {
            Some(Node::Folder) => Ok(()),
            Some(_) => Err(bad(path.as_bytes(), EntryProblem::Twice)),
            None => {
                self.parents(path)?;
                self.make(path)
            }
        }
    }

    /// Writes a file with all that `content` has.
    pub(super) fn file(&mut self, path: &str, mut content: impl Read, executable: bool) -> Result<(), StoreError> {
        let target = self.free(path)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&target).map_err(StoreError::io("write", &target))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(StoreError::Interrupted { name: "the archive".to_owned() });
            }
            let length = content.read(&mut buffer).map_err(|error| damaged(&error))?;
            if length == 0 {
                break;
            }
            self.count(length as u64)?;
            file.write_all(&buffer[..length]).map_err(StoreError::io("write", &target))?;
        }
        let mode = Permissions::from_mode(if executable { 0o755 } else { 0o644 });
        file.set_permissions(mode).map_err(StoreError::io("write", &target))?;
        drop(file);
        self.nodes.insert(path.to_owned(), Node::File);
        set_time(&target)
    }

    /// Reads past content that is not wanted; what it takes to do so is counted.
    pub(super) fn skip(&mut self, mut content: impl Read) -> Result<(), StoreError> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match content.read(&mut buffer).map_err(|error| damaged(&error))? {
                0 => return Ok(()),
                length => self.count(length as u64)?,
            }
        }
    }

    /// Makes a symbolic link. Where it leads is looked at in the end, when all links are known.
    pub(super) fn link(&mut self, path: &str, target: &[u8]) -> Result<(), StoreError> {
        let text = std::str::from_utf8(target).ok().filter(|text| !text.is_empty() && text.len() <= LONGEST_PATH);
        let Some(text) = text.filter(|text| !text.contains('\0') && !text.starts_with('/')) else {
            return Err(bad(path.as_bytes(), EntryProblem::LinkOut));
        };
        let place = self.free(path)?;
        symlink(text, &place).map_err(StoreError::io("make the link", &place))?;
        self.nodes.insert(path.to_owned(), Node::Link(text.to_owned()));
        set_time(&place)
    }

    /// Makes a file of its own with the content of the file `target`, a name in the archive.
    pub(super) fn hard_link(&mut self, path: &str, target: &[u8]) -> Result<(), StoreError> {
        let target = parts(target).ok().and_then(|parts| self.below(&parts));
        let Some(target) = target.filter(|target| matches!(self.nodes.get(target), Some(Node::File))) else {
            return Err(bad(path.as_bytes(), EntryProblem::HardLink));
        };
        let source = self.root.join(&target);
        let found = fs::metadata(&source).map_err(StoreError::io("read", &source))?;
        let content = fs::File::open(&source).map_err(StoreError::io("read", &source))?;
        self.file(path, content, found.permissions().mode() & 0o100 != 0)
    }

    /// Looks where the links lead, gives every folder its time, and waits until all of it is on the disk.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        let found = self.nodes.len() > 1;
        if !found && !self.wanted.is_empty() {
            let top = self.top.into_iter().collect();
            return Err(ArchiveError::NoFolder { folder: self.wanted.join("/"), top }.into());
        }
        for (path, node) in &self.nodes {
            if let Node::Link(target) = node {
                self.follow(path, target).map_err(|problem| bad(path.as_bytes(), problem))?;
            }
        }
        // Backwards, so that nothing in a folder changes any more when it gets its time.
        for (path, node) in self.nodes.iter().rev() {
            let path = if path.is_empty() { self.root.to_path_buf() } else { self.root.join(path) };
            match node {
                Node::Folder => set_time(&path)?,
                Node::File => sync_file(&path)?,
                Node::Link(_) => {}
            }
        }
        Ok(())
    }

    /// Follows the link `path` to its end, through other links as a kernel would.
    fn follow(&self, path: &str, target: &str) -> Result<(), EntryProblem> {
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        let mut rest: Vec<&str> = target.split('/').rev().collect();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part {
                "" | "." => continue,
                ".." => _ = at.pop().ok_or(EntryProblem::LinkOut)?,
                part => at.push(part),
            }
            if let Some(Node::Link(target)) = self.nodes.get(&at.join("/")) {
                links += 1;
                if links > MOST_LINKS {
                    return Ok(());
                }
                at.pop();
                rest.extend(target.split('/').rev());
            }
        }
        Ok(())
    }

    /// Counts bytes that are about to be written.
    fn count(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let most = self.limits.bytes;
        if self.bytes > most { Err(ArchiveError::TooLarge { most }.into()) } else { Ok(()) }
    }

    /// Returns where the new entry `path` stands on the disk, after making the folders above it.
    fn free(&mut self, path: &str) -> Result<PathBuf, StoreError> {
        if self.nodes.contains_key(path) {
            return Err(bad(path.as_bytes(), EntryProblem::Twice));
        }
        self.parents(path)?;
        Ok(self.root.join(path))
    }

    fn parents(&mut self, path: &str) -> Result<(), StoreError> {
        for (end, _) in path.match_indices('/') {
            match self.nodes.get(&path[..end]) {
                Some(Node::Folder) => {}
                Some(_) => return Err(bad(path.as_bytes(), EntryProblem::Below)),
                None => self.make(&path[..end])?,
            }
        }
        Ok(())
    }

    fn make(&mut self, path: &str) -> Result<(), StoreError> {
        make_folder(&self.root.join(path))?;
        self.nodes.insert(path.to_owned(), Node::Folder);
        Ok(())
    }
}

/// Returns the parts of the path `name`, without `.`; nothing for the archive's own root.
fn parts(name: &[u8]) -> Result<Vec<&str>, EntryProblem> {
    let name = std::str::from_utf8(name).map_err(|_| EntryProblem::NotUtf8)?;
    if name.starts_with('/') {
        return Err(EntryProblem::Absolute);
    }
    if name.len() > LONGEST_PATH || name.contains('\0') {
        return Err(EntryProblem::Path);
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    match () {
        () if parts.contains(&"..") => Err(EntryProblem::Climbs),
        () if parts.iter().any(|part| part.eq_ignore_ascii_case(".git")) => Err(EntryProblem::DotGit),
        () if parts.len() > DEEPEST || parts.iter().any(|part| part.len() > LONGEST_NAME) => Err(EntryProblem::Path),
        () => Ok(parts),
    }
}

pub(super) fn bad(path: &[u8], problem: EntryProblem) -> StoreError {
    ArchiveError::Entry { path: String::from_utf8_lossy(path).into_owned(), problem }.into()
}

pub(super) fn damaged(error: &impl ToString) -> StoreError {
    ArchiveError::Damaged { cause: error.to_string() }.into()
}
