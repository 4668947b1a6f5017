//! A commit of the lock alone.
//!
//! Decides when one can be made, and that nothing else comes with it: neither what is staged nor what is changed beside the
//! lock. No program runs, so neither do hooks, and nothing signs. Leaves out the message (`report/update.rs`).

use std::path::{Path, PathBuf};

use git2::build::TreeUpdateBuilder;
use git2::{Commit, ErrorCode, FileMode, Oid, Repository, RepositoryState, Signature, Status};

use crate::workspace::LOCK_FILE;

/// A clone in which the lock is as its last commit has it, or is not there yet.
pub struct LockCommit {
    repository: Repository,
    /// The lock's path below the work tree.
    path: PathBuf,
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its id, 40 hexadecimal digits.
    pub id: String,
    /// The branch that leads to it now; none where no branch is checked out.
    pub branch: Option<String>,
}

/// Why the lock cannot be committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// No clone here or above.
    #[error("cannot commit `{LOCK_FILE}`: `{}` is in no git clone with a work tree", folder.display())]
    NoClone {
        /// Where the search began.
        folder: PathBuf,
    },
    /// git has begun something that a commit would become a part of.
    #[error("cannot commit `{LOCK_FILE}`: {what} is in progress")]
    InProgress {
        /// What, with its article.
        what: &'static str,
    },
    /// The lock is another one than that of the last commit.
    #[error("cannot commit `{LOCK_FILE}`: it has changes that are not committed")]
    Uncommitted,
    /// The lock is made from something that the commit would not have.
    #[error("cannot commit `{LOCK_FILE}`: it would not be the lock of what is committed beside it")]
    OtherProject {
        /// The files that are not as the last commit has them, or else how the lock differs from it.
        why: Vec<String>,
    },
    /// git is told to ignore the lock.
    #[error("cannot commit `{LOCK_FILE}`: git ignores `{}`", path.display())]
    Ignored {
        /// Its path in the clone.
        path: PathBuf,
    },
    /// The lock is a link, or a folder.
    #[error("cannot commit `{LOCK_FILE}`: it is no plain file")]
    NoFile,
    /// Neither the environment nor git's configuration names who commits.
    #[error("cannot commit `{LOCK_FILE}`: git does not know who you are")]
    NoAuthor,
    /// git's files cannot be read or written.
    #[error("cannot commit `{LOCK_FILE}`: {0}")]
    Git(String),
}

impl LockCommit {
    /// Looks whether the lock of the project in `folder` could be committed after it has been written.
    ///
    /// # Errors
    /// There is no clone or no author, git ignores the lock, a merge or the like is in progress, or the lock has changes that are
    /// not committed: they would become part of a commit that does not tell of them.
    pub fn prepare(folder: &Path) -> Result<Self, CommitError> {
        let no_clone = || CommitError::NoClone { folder: folder.to_owned() };
        let repository = Repository::discover(folder).map_err(|_| no_clone())?;
        let workdir = repository.workdir().and_then(|workdir| workdir.canonicalize().ok()).ok_or_else(no_clone)?;
        let below = folder.canonicalize().ok().and_then(|it| it.strip_prefix(workdir).map(Path::to_owned).ok());
        let path = below.ok_or_else(no_clone)?.join(LOCK_FILE);
        if let Some(what) = in_progress(repository.state()) {
            return Err(CommitError::InProgress { what });
        }
        let commit = Self { repository, path };
        commit.check()?;
        Ok(commit)
    }

    /// Returns whether git's configuration asks for commits to be signed; this one is not.
    pub fn should_be_signed(&self) -> bool {
        let config = self.repository.config().and_then(|mut config| config.snapshot());
        config.and_then(|config| config.get_bool("commit.gpgSign")).unwrap_or(false)
    }

    /// Commits the lock as it is in the work tree; all else that is staged stays staged.
    ///
    /// # Errors
    /// git's files cannot be read or written. There is no commit then.
    pub fn make(&self, message: &str) -> Result<Committed, CommitError> {
        let (author, committer) = self.people()?;
        let id = self.commit(message, &author, &committer)?;
        let head = self.repository.head()?;
        let branch = head.is_branch().then(|| String::from_utf8_lossy(head.shorthand_bytes()).into_owned());
        Ok(Committed { id: id.to_string(), branch })
    }

    /// Returns those of `files`, paths below the project's folder, that are not as the last commit has them. What belongs to no
    /// commit, because it stands elsewhere or in a submodule, is not among them.
    pub fn uncommitted<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let is_changed = |file: &&str| {
            let status = self.repository.status_file(&folder.join(file.trim_start_matches("./")));
            status.is_ok_and(|status| status != Status::CURRENT)
        };
        files.into_iter().filter(is_changed).collect()
    }

    fn check(&self) -> Result<(), CommitError> {
        match self.repository.status_file(&self.path) {
            Err(error) if error.code() == ErrorCode::NotFound => self.check_ignored()?,
            Err(error) if error.code() == ErrorCode::Ambiguous => return Err(CommitError::NoFile),
            Err(error) => return Err(error.into()),
            Ok(Status::CURRENT) => self.check_mode()?,
            Ok(Status::IGNORED) => return Err(CommitError::Ignored { path: self.path.clone() }),
            Ok(_) => return Err(CommitError::Uncommitted),
        }
        self.people().map(|_| ())
    }

    fn check_ignored(&self) -> Result<(), CommitError> {
        match self.repository.is_path_ignored(&self.path)? {
            true => Err(CommitError::Ignored { path: self.path.clone() }),
            false => Ok(()),
        }
    }

    /// A link would be committed as the link that it is, however the file behind it changes.
    fn check_mode(&self) -> Result<(), CommitError> {
        let entry = self.repository.index()?.get_path(&self.path, 0);
        match entry.map(|entry| entry.mode & 0o170_000) {
            Some(0o100_000) => Ok(()),
            _ => Err(CommitError::NoFile),
        }
    }

    /// Returns author and committer.
    fn people(&self) -> Result<(Signature<'static>, Signature<'static>), CommitError> {
        let unknown = |error: git2::Error| match error.code() {
            ErrorCode::NotFound => CommitError::NoAuthor,
            _ => error.into(),
        };
        let author = self.repository.author_from_env().map_err(unknown)?;
        Ok((author, self.repository.committer_from_env().map_err(unknown)?))
    }

    fn commit(&self, message: &str, author: &Signature<'_>, committer: &Signature<'_>) -> Result<Oid, CommitError> {
        let repository = &self.repository;
        let parent = match repository.head() {
            Ok(head) => Some(head.peel_to_commit()?),
            Err(error) if error.code() == ErrorCode::UnbornBranch => None,
            Err(error) => return Err(error.into()),
        };
        let tree = repository.find_tree(self.stage(parent.as_ref())?)?;
        let parents: Vec<&Commit<'_>> = parent.iter().collect();
        Ok(repository.commit(Some("HEAD"), author, committer, message, &tree, &parents)?)
    }

    /// Stages the lock, and returns the tree of `parent` with it and nothing else of what is staged.
    fn stage(&self, parent: Option<&Commit<'_>>) -> Result<Oid, CommitError> {
        let mut index = self.repository.index()?;
        index.add_path(&self.path)?;
        let entry = index.get_path(&self.path, 0).ok_or(CommitError::NoFile)?;
        index.write()?;
        let before = match parent {
            Some(parent) => parent.tree()?,
            None => self.repository.find_tree(self.repository.treebuilder(None)?.write()?)?,
        };
        let mode = if entry.mode & 0o111 == 0 { FileMode::Blob } else { FileMode::BlobExecutable };
        let mut with_lock = TreeUpdateBuilder::new();
        with_lock.upsert(&self.path, entry.id, mode);
        Ok(with_lock.create_updated(&self.repository, &before)?)
    }
}

impl From<git2::Error> for CommitError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

fn in_progress(state: RepositoryState) -> Option<&'static str> {
    match state {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("a merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("a revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("a cherry-pick"),
        RepositoryState::Bisect => Some("a bisection"),
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => Some("a rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some("`git am`"),
    }
}
