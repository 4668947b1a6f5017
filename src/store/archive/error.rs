//! Everything that can be wrong with an archive.

/// Why an archive cannot be unpacked: the rest of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is something else.
    #[error("it is no {format} archive, but {found}")]
    OtherForm {
        /// What it should be, `tar` or `zip`.
        format: &'static str,
        /// What it is, as a phrase.
        found: &'static str,
    },
    /// It is compressed in a way that is not known here.
    #[error("it is compressed with {method}; known are {known}")]
    Compression {
        /// The method.
        method: String,
        /// The methods that are known for such an archive.
        known: &'static str,
    },
    /// It ends too early, or a check sum is wrong.
    #[error("it is damaged: {cause}")]
    Damaged {
        /// The reader's own words.
        cause: String,
    },
    /// It has an entry that no folder may have.
    #[error("`{path}` in it {problem}")]
    Entry {
        /// The path in the archive, odd bytes replaced.
        path: String,
        /// What is wrong with it.
        problem: EntryProblem,
    },
    /// It has too many entries.
    #[error("it has more than {most} entries")]
    TooMany {
        /// The most that are unpacked.
        most: usize,
    },
    /// It is too large when it is unpacked.
    #[error("it has more than {most} bytes when it is unpacked")]
    TooLarge {
        /// The most that are unpacked.
        most: u64,
    },
    /// The folder that is wanted has nothing in it.
    #[error("it has nothing below `{folder}`; its top level has {}", listed(top))]
    NoFolder {
        /// The folder that is wanted.
        folder: String,
        /// The names at its top level, sorted.
        top: Vec<String>,
    },
}

/// What is wrong with an entry of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// Bytes that are no text.
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    /// `/etc/passwd`.
    #[error("is an absolute path")]
    Absolute,
    /// `a/../../b`.
    #[error("leads out of its folder with `..`")]
    Climbs,
    /// `.git` in any spelling of case.
    #[error("would be taken for a repository's own folder")]
    DotGit,
    /// Empty, too long, too deep, or with a NUL in it.
    #[error("is not a path that a folder can have")]
    Path,
    /// Two entries of one name.
    #[error("is there twice")]
    Twice,
    /// An entry below a file or a link, which would be written through it.
    #[error("stands below a file or a link")]
    Below,
    /// A symbolic link that leads out of the tree, or to nowhere at all.
    #[error("is a symbolic link out of the archive")]
    LinkOut,
    /// A hard link to something that is no file of the tree before it.
    #[error("is a hard link to something that is not unpacked before it")]
    HardLink,
    /// A device, a pipe, a socket.
    #[error("is neither a file nor a folder nor a link")]
    Type,
    /// Content that needs a password.
    #[error("is encrypted")]
    Encrypted,
}

/// Returns `names` as a list for people.
fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { format!("`{}`", names.join("`, `")) }
}
