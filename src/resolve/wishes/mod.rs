//! Wishes: everything that a project asks for and a lock pins, gathered from `deps.toml`, manifests and extensions.
//!
//! Decides what a wish is and why one cannot be pinned. Leaves out their keys (`gather.rs`) and what a version means
//! (`manifest/`).

mod gather;

use std::collections::BTreeMap;

use deps_lock::{Extension, Key, Text, Url, ValueError};

use super::fetch::FetchWish;
use super::origin::Origins;
use super::other::OtherVersion;
use crate::extension;
use crate::extent::Extent;
use crate::manifest::{self, Repository, Wish};
use crate::project::{ManifestWish, Sources};
use crate::source::{Place, Source};
pub(super) use gather::Gather;

/// A manifest that has been read, with those that it extends.
#[derive(Clone, Debug)]
pub struct LoadedManifest {
    /// The line of the project that asks for it.
    pub wish: ManifestWish,
    /// What is in it; no two have the same path.
    pub entries: Vec<ManifestEntry>,
}

/// An entry of a manifest, and the file that it stands in.
#[derive(Clone, Debug)]
pub struct ManifestEntry {
    /// The entry.
    pub repository: Repository,
    /// The file's text.
    pub source: Source,
    /// What a relative URL is relative to: the file's folder on this machine.
    pub folder: String,
}

/// Everything that a lock pins.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Base images by name, `base` and `builder-base`.
    pub images: BTreeMap<Key, ImageWish>,
    /// Checkouts.
    pub repositories: BTreeMap<Key, RepositoryWish>,
    /// Git inputs of extensions.
    pub inputs: BTreeMap<Key, GitWish>,
    /// Files that extensions fetch by url.
    pub fetches: BTreeMap<Key, FetchWish>,
    /// Extensions that are built in or come from git: their entries, which need no asking. One from git whose files
    /// nobody has brought is not among them: then it is not known what else is wished for.
    pub extensions: BTreeMap<Key, Extension>,
    /// Where extensions from git shall come from.
    pub origins: Origins,
}

/// A base image.
#[derive(Clone, Debug)]
pub struct ImageWish {
    /// The reference.
    pub reference: Text,
    /// Where it is asked for.
    pub place: Place,
}

impl ImageWish {
    /// Returns the digest that the reference names by itself, `sha256:<64 hex>` where it is a good one.
    pub fn digest(&self) -> Option<&str> {
        self.reference.split_once('@').map(|(_, digest)| digest)
    }
}

/// Something in a git repository, or in what a [`RepositoryWish`] of another kind names.
#[derive(Clone, Debug)]
pub struct GitWish {
    /// The URL as written.
    pub url: Url,
    /// The URL to ask: the same, but for relative ones.
    pub remote: String,
    /// The version as written.
    pub version: Option<Text>,
    /// What the version means; of another kind than git, only whether there is one.
    pub wish: Wish,
    /// Where the version is written; the URL where there is none.
    pub place: Place,
}

/// A checkout.
#[derive(Clone, Debug)]
pub struct RepositoryWish {
    /// What fetches it.
    pub kind: manifest::Kind,
    /// What is checked out.
    pub git: GitWish,
    /// The name of its set; `main` where the project has one.
    pub set: String,
    /// The path below the set's folder.
    pub path: String,
    /// The set's folder in the image.
    pub dest: String,
    /// The checkout path as the manifest has it: patterns of submodules begin with it.
    pub asked_path: String,
    /// Which submodules are wanted, and whether content of Git LFS.
    pub extent: Extent,
    /// Where the build takes it from.
    pub sources: Sources,
}

/// Why wishes cannot be pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WishProblem {
    /// One checkout path, two contents.
    #[error("`{path}` is already asked for in {first}, with another {field}")]
    Contradiction {
        /// The checkout path.
        path: String,
        /// Where it is asked for first.
        first: Place,
        /// What differs: `type`, `url`, `version`, `submodules`, `lfs` or `sources`.
        field: &'static str,
    },
    /// A kind of repository that cannot be pinned.
    #[error("`{path}` has the type `{kind}`, and deps {tool} pins `git`, `hg`, `svn`, `tar` and `zip` only")]
    UnsupportedKind {
        /// The checkout path.
        path: String,
        /// Its type.
        kind: &'static str,
        /// This tool's version.
        tool: semver::Version,
    },
    /// A path that climbs too far.
    #[error("`{path}` leads out of `{dest}` to the root of the image or beyond")]
    OutsideImage {
        /// The checkout path.
        path: String,
        /// The folder of its set.
        dest: String,
    },
    /// A checkout that the build cannot fetch itself.
    #[error("the build cannot fetch `{path}` itself, as `sources = \"mount\"` asks: {why}")]
    NotByTheBuild {
        /// The checkout path.
        path: String,
        /// Why, as a sentence without its end.
        why: &'static str,
    },
    /// A version that means nothing.
    #[error(transparent)]
    Version(#[from] manifest::WishError),
    /// A url that no extension may come from. It is not shown: it may hold a credential.
    #[error("the repository of extension `{name}` {problem}")]
    OriginUrl {
        /// The extension.
        name: String,
        /// Why, as the rest of a sentence.
        problem: manifest::UrlProblem,
    },
    /// A version that no extension can have.
    #[error("the `ref` of extension `{name}` {problem}")]
    OriginRef {
        /// The extension.
        name: String,
        /// Why, as the rest of a sentence.
        problem: manifest::WishError,
    },
    /// A version that is none of its kind.
    #[error(transparent)]
    OtherVersion(#[from] OtherVersion),
    /// A version of a file that no tag can be.
    #[error("`{0}` is no tag and no requirement: the versions of a url are the tags of its repository")]
    NoTag(String),
    /// A file that the project's platforms cannot have.
    #[error(transparent)]
    Url(Box<extension::Problem>),
    /// A value that a lock refuses.
    #[error("{what}: {error}")]
    Value {
        /// What it is.
        what: &'static str,
        /// Why it is refused.
        error: ValueError,
    },
}
