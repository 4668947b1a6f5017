//! The files of a project as a git revision has them: no checkout, nothing is written.
//!
//! Decides what a path means in a commit: links are followed inside the project, as on disk. Leaves out what is in the
//! files.

use std::path::Path;
use std::rc::Rc;

use git2::{ObjectType, Repository, Tree, TreeEntry};

use super::Trouble;
use crate::extension::File;

/// So many links may lead to one another, as on Linux.
const MOST_LINKS: usize = 40;

const LINK: i32 = 0o120_000;
const EXECUTABLE: i32 = 0o100_755;

/// A commit, seen from the project's folder.
#[derive(Clone)]
pub(super) struct Revision {
    repository: Rc<Repository>,
    commit: String,
    /// The project's folder in the repository; empty or with a trailing slash.
    prefix: String,
}

/// What stands at a path.
pub(super) enum Found {
    /// A file, and whether it may be executed.
    File(Vec<u8>, bool),
    /// A folder.
    Folder(git2::Oid),
    /// Nothing.
    Nothing,
    /// Something outside the project, over a link.
    Outside,
}

impl std::fmt::Debug for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revision").field("commit", &self.commit).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Revision {
    /// Returns the commit that `name` means in the repository of the project at `root`.
    ///
    /// # Errors
    /// There is no repository, or nothing of that name in it.
    pub(super) fn find(root: &Path, name: &str) -> Result<Self, Trouble> {
        let fail = |message: &str| Trouble::Revision { name: name.to_owned(), message: message.to_owned() };
        let repository = Repository::discover(root).map_err(|_| fail("the project is in no git repository"))?;
        let workdir = repository.workdir().ok_or_else(|| fail("the repository has no work tree"))?;
        let real = |path: &Path| path.canonicalize().map_err(|error| fail(&error.to_string()));
        let (top, root) = (real(workdir)?, real(root)?);
        let prefix =
            root.strip_prefix(&top).ok().and_then(Path::to_str).ok_or_else(|| fail("its path is not UTF-8"))?;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let object = repository.revparse_single(name).and_then(|object| object.peel_to_commit());
        let commit = object.map_err(|_| fail("the repository has no such commit"))?.id().to_string();
        Ok(Self { repository: Rc::new(repository), commit, prefix })
    }

    /// Returns what stands at `path`, relative to the project.
    pub(super) fn at(&self, path: &str) -> Result<Found, git2::Error> {
        let mut parts: Vec<String> = self.prefix.split('/').chain(path.split('/')).map(str::to_owned).collect();
        for _ in 0..MOST_LINKS {
            match self.walk(&parts)? {
                Walk::Found(found) => return Ok(found),
                Walk::Link(next) => parts = next,
            }
        }
        Ok(Found::Outside)
    }

    /// Returns the paths of all files below the project's folder, relative to it, sorted.
    pub(super) fn files(&self) -> Result<Vec<String>, git2::Error> {
        match self.at("")? {
            Found::Folder(id) => self.below(id),
            _ => Ok(Vec::new()),
        }
    }

    /// Returns all files below the folder `id`, sorted by path; none when one of them is no file.
    pub(super) fn folder(&self, id: git2::Oid) -> Result<Result<Vec<File>, String>, git2::Error> {
        let tree = self.repository.find_tree(id)?;
        let mut files = Vec::new();
        for path in self.below(id)? {
            let entry = tree.get_path(Path::new(&path))?;
            if entry.filemode() == LINK || entry.kind() != Some(ObjectType::Blob) {
                return Ok(Err(path));
            }
            let content = self.repository.find_blob(entry.id())?.content().to_vec();
            files.push(File { path, executable: entry.filemode() == EXECUTABLE, content });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Ok(files))
    }

    fn below(&self, id: git2::Oid) -> Result<Vec<String>, git2::Error> {
        let mut paths = Vec::new();
        self.repository.find_tree(id)?.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() != Some(ObjectType::Tree) {
                paths.push(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())));
            }
            git2::TreeWalkResult::Ok
        })?;
        paths.sort();
        Ok(paths)
    }

    /// Walks from the root of the commit along `parts` to what is there, or to a link on the way.
    fn walk(&self, parts: &[String]) -> Result<Walk, git2::Error> {
        let commit = self.repository.find_commit(git2::Oid::from_str(&self.commit)?)?;
        let mut tree = commit.tree()?;
        let mut done: Vec<&str> = Vec::new();
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !matches!(*part, "" | ".")).collect();
        for (index, part) in parts.iter().enumerate() {
            let Some(entry) = entry(&tree, part) else { return Ok(Walk::Found(Found::Nothing)) };
            let rest = &parts[index + 1..];
            match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Tree), _) => tree = self.repository.find_tree(entry.id())?,
                (Some(ObjectType::Blob), LINK) => {
                    let target = self.repository.find_blob(entry.id())?;
                    let target = String::from_utf8_lossy(target.content()).into_owned();
                    return Ok(self.linked(&done, &target, rest));
                }
                (Some(ObjectType::Blob), _) if rest.is_empty() => {
                    let content = self.repository.find_blob(entry.id())?.content().to_vec();
                    return Ok(Walk::Found(Found::File(content, entry.filemode() == EXECUTABLE)));
                }
                _ => return Ok(Walk::Found(Found::Nothing)),
            }
            done.push(part);
        }
        Ok(Walk::Found(Found::Folder(tree.id())))
    }

    /// Where a link in the folder `folder` leads, and what of the path is left after it.
    fn linked(&self, folder: &[&str], target: &str, rest: &[&str]) -> Walk {
        let mut parts = folder.to_vec();
        for part in target.split('/') {
            match part {
                "" if target.starts_with('/') => return Walk::Found(Found::Outside),
                "" | "." => {}
                ".." if parts.is_empty() => return Walk::Found(Found::Outside),
                ".." => _ = parts.pop(),
                part => parts.push(part),
            }
        }
        if !format!("{}/", parts.join("/")).starts_with(&self.prefix) {
            return Walk::Found(Found::Outside);
        }
        Walk::Link(parts.iter().chain(rest).map(|part| (*part).to_owned()).collect())
    }
}

enum Walk {
    Found(Found),
    Link(Vec<String>),
}

fn entry(tree: &Tree<'_>, name: &str) -> Option<TreeEntry<'static>> {
    tree.get_name(name).map(|entry| entry.to_owned())
}
