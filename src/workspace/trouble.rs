//! What can be wrong with a project on disk: the problems of its files, and of finding and reading them.

use std::path::PathBuf;

use super::ExtendsProblem;
use crate::resolve::WishProblem;
use crate::source::{Located, Place};
use crate::{extension, manifest, project};

/// Something wrong with a project.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// No `deps.toml` here or above.
    #[error("there is no `deps.toml` in `{}` or a folder above", start.display())]
    NoProject {
        /// Where the search began.
        start: PathBuf,
    },
    /// A file that cannot be read or written.
    #[error("cannot {verb} `{path}`: {message}")]
    Io {
        /// What was tried: `read` or `write`.
        verb: &'static str,
        /// The path, relative to the project.
        path: String,
        /// Why.
        message: String,
        /// Where the file is asked for.
        place: Option<Place>,
    },
    /// A git revision that the project cannot be read at.
    #[error("cannot read the project at `{name}`: {message}")]
    Revision {
        /// The revision as asked for.
        name: String,
        /// Why.
        message: String,
    },
    /// A path that leads out of the project by a symbolic link.
    #[error("`{path}` leads out of the project's folder")]
    Outside {
        /// The path.
        path: String,
        /// Where it is asked for.
        place: Option<Place>,
    },
    /// A file larger than such a file can be.
    #[error("`{path}` has {bytes} bytes; at most {most} are read")]
    TooLarge {
        /// The path.
        path: String,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        most: u64,
        /// Where it is asked for.
        place: Option<Place>,
    },
    /// A glob that matches no file.
    #[error("no file matches `{pattern}`")]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// Where it stands.
        place: Option<Place>,
    },
    /// A glob that is none.
    #[error("`{pattern}` is not a pattern: {message}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// Why.
        message: String,
        /// Where it stands.
        place: Option<Place>,
    },
    /// An extension that nobody has.
    #[error("there is no extension `{name}`")]
    UnknownExtension {
        /// The name.
        name: String,
        /// A known name near to it.
        nearest: Option<String>,
        /// Where it is asked for.
        place: Place,
    },
    /// An extension from git that nobody has locked.
    #[error("extension `{name}` comes from git, and `deps.lock` does not have it")]
    Unlocked {
        /// The name.
        name: String,
        /// Where it is asked for.
        place: Place,
    },
    /// An extension from git whose commit is not on this machine.
    #[error("extension `{name}` at {rev} is missing from the store")]
    NotInStore {
        /// The name.
        name: String,
        /// The commit.
        rev: String,
        /// Where it is asked for.
        place: Place,
    },
    /// An extension from git whose folder cannot be read.
    #[error("cannot read the folder `{dir}` of `{url}` at {rev} for extension `{name}`: {message}")]
    Folder {
        /// The name.
        name: String,
        /// The folder.
        dir: String,
        /// The commit.
        rev: String,
        /// The repository.
        url: String,
        /// Why.
        message: String,
        /// Where it is asked for.
        place: Place,
    },
    /// The user does not want it any more.
    #[error("interrupted")]
    Interrupted,
    /// A problem of `deps.toml`.
    #[error("{}", .0.error)]
    Project(Located<project::Problem>),
    /// A problem of what a manifest extends.
    #[error("{}", .0.error)]
    Extends(Located<ExtendsProblem>),
    /// A problem of a manifest.
    #[error("{}", .0.error)]
    Manifest(Located<manifest::Problem>),
    /// A problem of an extension.
    #[error("{}", .0.error)]
    Extension(Located<extension::Problem>),
    /// A problem of what all of them ask for together.
    #[error("{}", .0.error)]
    Wish(Located<WishProblem>),
    /// A problem of `deps.lock`.
    #[error("{}", .0.error)]
    Lock(Located<deps_lock::ParseErrorKind>),
}

impl Trouble {
    /// Whether nothing is wrong but that the files of an extension from git are not on this machine.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Unlocked { .. } | Self::NotInStore { .. })
    }

    /// Returns the line of the first conflict marker, where a merge of the lock stopped.
    pub fn conflict_marker(&self) -> Option<usize> {
        match self {
            Self::Lock(Located { error: deps_lock::ParseErrorKind::ConflictMarkers { line }, .. }) => Some(*line),
            _ => None,
        }
    }

    /// Returns the extension that is not on this machine.
    pub fn extension(&self) -> Option<&str> {
        match self {
            Self::Unlocked { name, .. } | Self::NotInStore { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Returns the trouble with the place that asked for its file.
    pub(super) fn at(mut self, asked: &Place) -> Self {
        match &mut self {
            Self::Io { place, .. }
            | Self::Outside { place, .. }
            | Self::TooLarge { place, .. }
            | Self::NoMatch { place, .. }
            | Self::BadPattern { place, .. } => *place = Some(asked.clone()),
            _ => {}
        }
        self
    }

    /// Returns where the trouble is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::NoProject { .. } | Self::Revision { .. } | Self::Interrupted => None,
            Self::Io { place, .. }
            | Self::Outside { place, .. }
            | Self::TooLarge { place, .. }
            | Self::NoMatch { place, .. }
            | Self::BadPattern { place, .. } => place.as_ref(),
            Self::UnknownExtension { place, .. }
            | Self::Unlocked { place, .. }
            | Self::NotInStore { place, .. }
            | Self::Folder { place, .. } => Some(place),
            Self::Project(problem) => Some(&problem.place),
            Self::Extends(problem) => Some(&problem.place),
            Self::Manifest(problem) => Some(&problem.place),
            Self::Extension(problem) => Some(&problem.place),
            Self::Wish(problem) => Some(&problem.place),
            Self::Lock(problem) => Some(&problem.place),
        }
    }
}
