//! `.repos` and rosinstall files: text → model with spans.
//!
//! Decides what a manifest may say and what each part of it means: both formats of vcstool and vcs2l, read by the
//! rules of their own readers where those are sound. Every problem of a file is reported in one run, with its place;
//! what vcstool drops silently is a [`Warning`]. Leaves out reading files, following `extends`, which kinds can be
//! locked, and resolving relative urls against the manifest's folder.

mod entry;
pub mod layers;
mod problem;
pub mod rockerc;
#[cfg(test)]
mod tests;
pub mod url;
pub mod version;
mod yaml;

use std::fmt;

pub use problem::{NameProblem, Problem, SkipReason, Warning};
pub use url::UrlProblem;
pub use version::{Wish, WishError};
pub use yaml::YamlProblem;

use crate::source::{Located, Source, Spanned};

/// What a manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The repositories in the order of the file; no two have the same folder.
    pub repositories: Vec<Repository>,
    /// The manifests that this one extends, as written (vcs2l: relative to this file).
    pub extends: Vec<Spanned<String>>,
    /// What reads well but probably means something else than it says, in the order of the file.
    pub warnings: Vec<Located<Warning>>,
}

/// An entry of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The folder of the checkout below the destination: parts joined by `/`, none of them `.` or (but at the beginning
    /// of one read by [`parse_with_outside`]) `..`.
    pub path: Spanned<String>,
    /// The program that can fetch it.
    pub kind: Spanned<Kind>,
    /// Where it is fetched from, as written. Holds no credential.
    pub url: Spanned<String>,
    /// The version as written; none where the manifest names none, or an empty one.
    pub version: Option<Spanned<String>>,
    /// What `version` asks for. Of a repository that is not a git one, only whether there is a version.
    pub wish: Wish,
}

/// The kinds of repositories that vcstool knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Git.
    Git,
    /// Mercurial.
    Hg,
    /// Subversion.
    Svn,
    /// Bazaar.
    Bzr,
    /// An archive for `tar`.
    Tar,
    /// A zip archive.
    Zip,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Git, Self::Hg, Self::Svn, Self::Bzr, Self::Tar, Self::Zip];

    /// Returns the name that manifests use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Hg => "hg",
            Self::Svn => "svn",
            Self::Bzr => "bzr",
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Returns what the manifest `source` asks for.
///
/// An entry that stands twice counts as its last one does, and entries that vcstool skips are skipped, each with a
/// warning.
///
/// # Errors
///
/// Returns every problem of the file in its order, never an empty list. A text that is not YAML has one problem, the
/// place where reading ended.
pub fn parse(source: &Source) -> Result<Manifest, Vec<Located<Problem>>> {
    read(source, entry::Names::Inside)
}

/// Returns what the manifest `source` asks for, where names may lead out of their folder: then their paths start with
/// `..`, and hold it nowhere else.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_with_outside(source: &Source) -> Result<Manifest, Vec<Located<Problem>>> {
    read(source, entry::Names::Anywhere)
}

fn read(source: &Source, names: entry::Names) -> Result<Manifest, Vec<Located<Problem>>> {
    let root = yaml::read(source).map_err(|Located { place, error }| vec![Located { place, error: error.into() }])?;
    entry::manifest(source, &root, names)
}
