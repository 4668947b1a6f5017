//! The shape of `deps.toml`: one type a table, from which the parser and `schema/deps.json` both come.
//!
//! Leaves out what values mean: `mod.rs` checks names, paths and references.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::source::Spanned;
use crate::typed_toml::{BooleanOr, StringOr};

/// `deps.toml`: what an image is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "deps.toml")]
pub struct ProjectFile {
    /// The project itself.
    pub project: Spanned<ProjectTable>,
    /// vcstool manifests whose repositories the image holds.
    #[serde(default)]
    pub manifest: Vec<Spanned<ManifestTable>>,
    /// Extensions by name: a set, the order of lines never matters. The short form is a version requirement.
    #[serde(default)]
    pub extensions: BTreeMap<Spanned<String>, Spanned<StringOr<ExtensionTable>>>,
    /// How the image is built.
    #[serde(default)]
    pub build: BuildTable,
}

/// `[project]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProjectTable {
    /// The image's name: `[a-z0-9][a-z0-9._-]*`.
    pub name: Spanned<String>,
    /// The final image's base, an image reference or `scratch`; locked to a digest.
    pub base: Spanned<String>,
    /// The base of all builder stages; `base` when absent. Its own setting, so that changing `base` leaves every
    /// builder cached.
    pub builder_base: Option<Spanned<String>>,
    /// Whether `deps lock` also takes the built-in extensions that files of the project show to be wanted, as `deps init`
    /// proposes them; the long form leaves some out. What was found stands in the lock.
    #[serde(default)]
    pub auto: BooleanOr<AutoTable>,
    /// Platforms to build for, like `linux/amd64`. Default: `["linux/amd64"]`.
    pub platforms: Option<Vec<Spanned<String>>>,
    /// The versions of `deps` that may read this project, a semver requirement.
    pub deps_version: Option<Spanned<String>>,
}

/// `auto` in its long form: all that is shown is taken, but for some.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AutoTable {
    /// Extensions that are not taken, whatever files show.
    #[serde(default)]
    pub exclude: Vec<Spanned<String>>,
}

/// `[[manifest]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ManifestTable {
    /// The manifest's path relative to the project; a glob (`**/*.repos`) is allowed.
    pub path: Spanned<String>,
    /// Where the checkouts stand in the image: an absolute path.
    pub dest: Spanned<String>,
    /// The name of the set of checkouts with this `dest`; needed when a project has several.
    pub name: Option<Spanned<String>>,
    /// Whether submodules are checked out too, as `vcs import --recursive` does; the long form leaves some out.
    #[serde(default)]
    pub submodules: BooleanOr<SubmodulesTable>,
    /// Whether files of Git LFS have their content; else their pointer files stay. Default: true.
    pub lfs: Option<bool>,
    /// Whether checkout paths may lead out of `dest` with `..`, but not out of the image.
    #[serde(default)]
    pub allow_outside: bool,
    /// Where the build takes the checkouts from.
    #[serde(default)]
    pub sources: Sources,
}

/// `submodules` of a manifest in its long form: all are checked out, but for some.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubmodulesTable {
    /// Submodules that are left out, and theirs: paths that begin with the checkout's own; `*`, `?`, `[…]`, `{…,…}` and
    /// `**` are allowed.
    #[serde(default)]
    pub exclude: Vec<Spanned<String>>,
}

/// Where the build takes checkouts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sources {
    /// The host fetches pinned commits into the store; the build copies them from there.
    #[default]
    Store,
    /// The build fetches what its cache mount `vcs-repos` lacks: the Dockerfile is enough, on a machine without `deps`.
    Mount,
}

/// An extension's long form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExtensionTable {
    /// A semver requirement on the extension's version. Default: any.
    pub version: Option<Spanned<String>>,
    /// The folder of an extension that the project brings itself, relative to the project.
    pub path: Option<Spanned<String>>,
    /// The git repository of an extension that others keep. A path that starts with `./` or `../` is relative to the
    /// project.
    pub git: Option<Spanned<String>>,
    /// The branch, tag or commit of that repository, or a semver requirement over its tags. Default: its HEAD.
    #[serde(rename = "ref")]
    pub reference: Option<Spanned<String>>,
    /// The extension's folder in that repository. Default: the repository itself.
    pub dir: Option<Spanned<String>>,
    /// Values for the extension's options.
    #[serde(default)]
    pub with: BTreeMap<Spanned<String>, Spanned<OptionValue>>,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OptionValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    String(String),
    /// Texts.
    List(Vec<String>),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
            Self::List(values) => values.join(",").fmt(f),
        }
    }
}

/// `[build]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildTable {
    /// Trusts the host's CA bundle inside RUN steps, by a secret mount: it is in no layer and no cache key.
    #[serde(default)]
    pub ca_certificates: bool,
    /// The tag of the image. Default: `<name>:latest`.
    pub tag: Option<Spanned<String>>,
    /// Build arguments given to the engine.
    #[serde(default)]
    pub args: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Seconds since 1970: no file of an image that is pushed or exported is newer. Default: 315532800, 1980-01-01.
    pub source_date_epoch: Option<u32>,
    /// Caches that every build takes results from: image references, or what buildx's `--cache-from` takes.
    #[serde(default)]
    pub cache_from: Vec<Spanned<String>>,
    /// Caches that every build leaves its results in: image references, or what buildx's `--cache-to` takes.
    #[serde(default)]
    pub cache_to: Vec<Spanned<String>>,
}
