//! What can be asked of the outside world, and what can come back: plain data between `resolve/` and `remote/`.
//!
//! Decides the shape of questions, answers and failures. Leaves out asking (`remote/`), choosing a pin from the answers
//! (the rest of `resolve/`) and exit codes (`cli/`).

use std::collections::BTreeMap;
use std::fmt;

use deps_lock::System;
use serde::{Deserialize, Serialize};

/// Something that only a remote knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Question {
    /// Which refs does this repository have?
    Refs {
        /// The repository as people wrote it, before any `insteadOf`.
        url: String,
    },
    /// Which refs did this repository have, as far as its history tells? Answered with [`Answer::Refs`].
    RefsAsOf {
        /// The repository as people wrote it.
        url: String,
        /// Seconds since 1970-01-01T00:00:00Z: nothing newer counts.
        before: i64,
    },
    /// Which commit does this abbreviated id name? Takes history.
    Commit {
        /// The repository as people wrote it.
        url: String,
        /// 4 to 39 hexadecimal digits.
        abbreviated: String,
    },
    /// Which digest has this image now?
    Image {
        /// The reference as people wrote it, such as `ubuntu:24.04`.
        reference: String,
    },
    /// Which refs lead to this commit? Takes history, unless the store shows that the expected one does.
    Holders {
        /// The repository as people wrote it.
        url: String,
        /// The full commit id.
        rev: String,
        /// The ref that is expected to, by its full name or as `HEAD`, and the commit that it is at.
        expected: Option<(String, String)>,
    },
    /// What lies between these two commits?
    Between {
        /// The repository of the one, as people wrote it; it is asked only where that of the other lacks the commit.
        good_url: String,
        /// The repository of the other.
        url: String,
        /// The full id of the one.
        good: String,
        /// The full id of the other.
        bad: String,
    },
    /// How far are these two commits apart? Takes history, unless the store has it.
    Divergence {
        /// The repository as people wrote it.
        url: String,
        /// The full id of the old one.
        from: String,
        /// The full id of the new one.
        to: String,
    },
    /// Does the registry still have this image?
    HasImage {
        /// The reference with its digest, such as `ubuntu:24.04@sha256:<64 hex>`.
        reference: String,
    },
    /// Is this file still there? Asks for its head alone.
    HasFile {
        /// Where it is: a url, or an absolute path.
        url: String,
    },
    /// Which digest has this archive now? Answering means downloading it.
    Archive {
        /// Where it is: a url, or an absolute path.
        url: String,
    },
    /// Which digest has this file, of whatever kind, now? Answering means downloading it.
    File {
        /// Where it is: a url.
        url: String,
    },
    /// Which revision is this version of a Mercurial or Subversion repository?
    Revision {
        /// Which of the two.
        system: System,
        /// The repository as people wrote it; a path is absolute.
        url: String,
        /// The version as people wrote it; none for the newest one of the default branch.
        version: Option<String>,
    },
}

/// The answer to a [`Question`], of the same variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// All refs.
    Refs(Refs),
    /// The full commit id, 40 lowercase hexadecimal digits.
    Commit(String),
    /// The digest of the index (or of the only manifest), `sha256:<64 hex>`.
    Image(String),
    /// Who holds the commit.
    Holders(Holders),
    /// The commits between.
    Between(Between),
    /// The commits that only one of the two has.
    Divergence(Divergence),
    /// The registry has the image.
    HasImage,
    /// The file is there, with so many bytes, where the server says.
    HasFile(Option<u64>),
    /// The digest of the file, `sha256:<64 hex>`.
    Archive(String),
    /// The digest of the file, `sha256:<64 hex>`.
    File(String),
    /// The changeset id of Mercurial, 40 hexadecimal digits, or the number of the last Subversion revision in which the
    /// url changed.
    Revision(String),
}

/// The refs of a repository at one moment. Names stand without `refs/heads/` and `refs/tags/`; ids are full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refs {
    /// What `HEAD` is; absent in an empty repository.
    pub head: Option<Head>,
    /// Branch → commit.
    pub branches: BTreeMap<String, String>,
    /// Tag → commit: annotated tags are peeled.
    pub tags: BTreeMap<String, String>,
    /// Every other ref by its full name, such as `refs/pull/7/head`.
    pub others: BTreeMap<String, String>,
}

/// What keeps a commit in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// The refs that lead to it, by their full names: branches and tags, or, where there is none of them, others. Only the
    /// expected one where that does.
    pub refs: Vec<String>,
    /// Whether the server hands it out.
    pub is_served: bool,
}

/// The commits that lead to one commit and not to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    /// Where the two part: the first itself where it leads to the second, and several where they were merged crosswise. None
    /// where their histories never meet.
    pub bases: Vec<String>,
    /// What leads to the second one, which is the last, and not to the first; each after its parents.
    pub commits: Vec<CommitLine>,
}

/// The commits that lead to one of two commits and not to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// How many only the new one has.
    pub ahead: usize,
    /// How many only the old one has.
    pub behind: usize,
    /// The newest that only the new one has, at most twenty; each before its parents.
    pub added: Vec<CommitLine>,
    /// The newest that only the old one has, at most twenty; each before its parents.
    pub dropped: Vec<CommitLine>,
}

/// What a log says of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitLine {
    /// The full id.
    pub id: String,
    /// The full ids of its parents.
    pub parents: Vec<String>,
    /// The name of its author, as somebody wrote it.
    pub author: String,
    /// When it was written, in seconds since 1970.
    pub date: i64,
    /// The first line of its message, as somebody wrote it.
    pub subject: String,
}

/// The default branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commit.
    pub rev: String,
    /// The branch that `HEAD` points to; absent when it is detached or the server does not say.
    pub branch: Option<String>,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// No connection, or one that was lost.
    Unreachable,
    /// No answer within the time allowed.
    Timeout,
    /// The repository or the image does not exist, or is hidden from this user.
    NotFound,
    /// Credentials are missing or are not accepted.
    Auth,
    /// The server is there and declines: overloaded, rate limited, or by policy.
    Refused,
    /// The answer is not what such a server answers, or is damaged.
    Protocol,
    /// The server's certificate is not trusted.
    Tls,
    /// The server's ssh host key is not the known one, or none is known.
    HostKey,
    /// The user interrupted the run.
    Cancelled,
    /// An abbreviated id names several commits.
    Ambiguous,
    /// The repository has no such commit, or no longer a ref that leads to it.
    NoSuchCommit,
    /// The URL or the reference is malformed or not allowed; nobody was asked.
    Invalid,
    /// What is there is not what the lock says.
    Changed,
    /// It would have needed the network, which `--offline` forbids.
    Offline,
    /// A program that it takes is not installed.
    MissingProgram,
    /// This machine is at fault: the disk is full, a file cannot be written, a program is missing.
    Local,
}

/// How a failed question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// The built-in git.
    Git2,
    /// The `git` program.
    Program,
    /// The HTTP API of a registry.
    Registry,
    /// A download.
    Http,
    /// The `hg` or `svn` program.
    System,
    /// It was not asked at all.
    Nobody,
}

/// A question that has no answer, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{subject}`: {message}{}", Retries(*.retried))]
pub struct Failure {
    /// What happened, for exit codes and hints.
    pub kind: FailureKind,
    /// The URL (without credentials) or the image reference.
    pub subject: String,
    /// One line: what it means, and the cause as the transport gave it.
    pub message: String,
    /// How often it was tried again.
    pub retried: u32,
    /// How it was asked last.
    pub transport: Transport,
}

/// Every question with its answer or its failure: none of them loses the others'.
pub type Answers = BTreeMap<Question, Result<Answer, Failure>>;

/// Writes ` (after 3 retries)`, or nothing.
struct Retries(u32);

impl fmt::Display for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" (after 1 retry)"),
            times => write!(f, " (after {times} retries)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_one_line_with_its_subject_and_its_retries() {
        let mut failure = Failure {
            kind: FailureKind::Refused,
            subject: "https://example.com/x.git".into(),
            message: "the server declines (HTTP 503)".into(),
            retried: 3,
            transport: Transport::Git2,
        };
        let line = "cannot read `https://example.com/x.git`: the server declines (HTTP 503)";
        assert_eq!(failure.to_string(), format!("{line} (after 3 retries)"));
        failure.retried = 0;
        assert_eq!(failure.to_string(), line);
    }
}
