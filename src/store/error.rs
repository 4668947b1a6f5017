//! Everything that can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};

use super::lock;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused: a full disk, a read-only store, missing rights.
    #[error("cannot {action} `{}`: {cause}", path.display())]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// A repository of the store is damaged, or cannot be written.
    #[error("cannot use the repository `{}`: {cause}", path.display())]
    Repository {
        /// The bare repository in the store.
        path: PathBuf,
        /// The cause as libgit2 gave it.
        cause: String,
    },
    /// Not 40 hexadecimal digits.
    #[error("`{rev}` is not a full commit id")]
    NotACommitId {
        /// What was given.
        rev: String,
    },
    /// The object is there but is a tag, a tree or a blob.
    #[error("`{rev}` is not a commit but a {kind}")]
    NotACommit {
        /// The id.
        rev: String,
        /// What it names.
        kind: String,
    },
    /// The server did not send all that the commit consists of.
    #[error("commit `{rev}` is incomplete: object `{object}` is missing")]
    Incomplete {
        /// The commit.
        rev: String,
        /// The object.
        object: String,
    },
    /// A commit contains what no checkout may contain.
    #[error("commit `{rev}` cannot be exported: `{path}` {problem}")]
    BadEntry {
        /// The commit.
        rev: String,
        /// Where in the commit, odd bytes replaced.
        path: String,
        /// What is wrong with it.
        problem: BadEntry,
    },
    /// `.gitmodules` cannot be read.
    #[error("commit `{rev}` has a malformed `.gitmodules`, line {line}")]
    BadGitmodules {
        /// The commit.
        rev: String,
        /// The line, from 1.
        line: usize,
    },
    /// A file of a folder has a path that is absolute, climbs, or is there twice.
    #[error("`{path}` is not the path of a file in a folder, or is there twice")]
    BadPath {
        /// The path.
        path: String,
    },
    /// A file of the project is no longer what was planned with.
    #[error("`{}` changed while the build was prepared", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// An archive is not what it should be, or has something in it that no folder may have.
    #[error("the archive cannot be unpacked: {0}")]
    Archive(#[from] super::ArchiveError),
    /// The user interrupted the run while it waited for another one.
    #[error("interrupted while waiting for another `deps` to finish with `{name}`")]
    Interrupted {
        /// The name of the lock.
        name: String,
    },
}

/// What is wrong with an entry of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// `..`, `.`, nothing, or a name with `/` or NUL in it.
    #[error("is not a file name")]
    Name,
    /// `.git` in any spelling of case.
    #[error("would be taken for a repository's own folder")]
    DotGit,
    /// Two entries of one name: the second could be written through the first.
    #[error("is there twice")]
    Duplicate,
    /// More than 256 folders deep.
    #[error("is nested too deeply")]
    TooDeep,
    /// A symbolic link to nowhere or with NUL in its target.
    #[error("is a symbolic link without a usable target")]
    Link,
    /// A pointer of Git LFS to what a program of the project has made of the content.
    #[error("is a pointer of Git LFS with extensions, which only programs of the project can undo")]
    LfsExtension,
    /// A pointer of Git LFS whose content is not in the store.
    #[error("is a file of Git LFS whose content is not in the store")]
    NoContent,
    /// Neither a file, nor a link, a folder or a submodule.
    #[error("has an unknown type")]
    Type,
}

impl StoreError {
    /// Returns a function that makes an error of the failure to `action` on `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self::Io { action, path, cause }
    }

    /// Whether nobody, or not this user, can write there.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if lock::is_read_only(cause))
    }

    /// Whether there is no room left for what is to be written.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match self {
            Self::Io { cause, .. } => matches!(cause.kind(), StorageFull | QuotaExceeded | FileTooLarge),
            Self::Repository { cause, .. } => cause.contains("No space left") || cause.contains("quota"),
            _ => false,
        }
    }

    /// Returns an error of a walk through the folder `root`.
    pub(crate) fn walk(root: &Path, error: walkdir::Error) -> Self {
        let path = error.path().unwrap_or(root).to_path_buf();
        Self::Io { action: "read", path, cause: error.into() }
    }

    /// Returns a function that makes an error of libgit2's one about the repository at `path`.
    pub(crate) fn repository(path: &Path) -> impl Fn(git2::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |error| Self::Repository { path: path.clone(), cause: error.message().to_owned() }
    }
}
