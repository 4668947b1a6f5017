//! What can be wrong with a manifest, in words.
//!
//! Decides which facts a message holds. A text of the file enters a message only through [`shown`], and a url never
//! does: no message holds a credential, or a character that a terminal obeys. Leaves out hints (`cli/`).

use deps_lock::ValueError;

use super::url::{UrlProblem, masked};
use super::version::WishError;
use super::yaml::YamlProblem;
use crate::source::{Place, is_invisible};

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It cannot be read as YAML.
    #[error(transparent)]
    Yaml(#[from] YamlProblem),
    /// It is YAML, but of something else.
    #[error("a manifest is a mapping with `repositories` or a rosinstall list, but this is {found}")]
    NotAManifest {
        /// What it is, as a phrase.
        found: &'static str,
    },
    /// A mapping with other keys only.
    #[error("no `repositories` at the top level, which has `{first}`")]
    NoRepositories {
        /// The first key that is there instead.
        first: String,
        /// The key that was probably meant to be `repositories`.
        misspelt: Option<String>,
        /// Whether there are entries at the top level, which should be indented below `repositories:` (or, if the first
        /// key is a [`Kind`](super::Kind), be items of a list).
        entries: bool,
    },
    /// A value of another shape.
    #[error("`{key}` is {found}, but must be {expected}")]
    WrongShape {
        /// The key.
        key: String,
        /// What it must be, as a phrase.
        expected: &'static str,
        /// What it is, as a phrase.
        found: &'static str,
    },
    /// A key that is null, a list or a mapping.
    #[error("a key is {found}, but must be text")]
    KeyNotText {
        /// What it is, as a phrase.
        found: &'static str,
    },
    /// An item of a rosinstall list with not exactly one key, which is its type.
    #[error("an item of a rosinstall list has one key, its type, but this one has {}: {}", .keys.len(), quoted(.keys))]
    ItemKeys {
        /// The keys that it has.
        keys: Vec<String>,
    },
    /// A name that cannot be a folder below the destination.
    #[error("the repository name `{name}` {problem}")]
    BadName {
        /// The name.
        name: String,
        /// Why.
        problem: NameProblem,
    },
    /// Two names of one folder.
    #[error("repository `{name}` has the folder of `{other}` in line {}", .first.line_column().0)]
    SameFolder {
        /// The later name.
        name: String,
        /// The earlier name.
        other: String,
        /// Where the earlier one stands.
        first: Place,
    },
    /// A value that is there but empty.
    #[error("`{key}` of repository `{name}` is empty")]
    EmptyValue {
        /// The repository.
        name: String,
        /// The key.
        key: &'static str,
    },
    /// A type that vcstool does not know either.
    #[error("repository `{name}` has the unknown type `{found}`")]
    UnknownType {
        /// The repository.
        name: String,
        /// The type.
        found: String,
        /// The type that is nearest to it.
        suggestion: Option<String>,
    },
    /// A url with a password or a token. Its line must be shown through [`super::url::masked`] only.
    #[error("the url of repository `{name}` holds a credential")]
    SecretInUrl {
        /// The repository.
        name: String,
        /// The url without the credential.
        redacted: String,
    },
    /// A url that cannot be fetched from, or should not.
    #[error("the url of repository `{name}` {problem}")]
    BadUrl {
        /// The repository.
        name: String,
        /// Why.
        problem: UrlProblem,
    },
    /// A version that can be no branch, tag, commit or requirement.
    #[error("the version of repository `{name}` {problem}")]
    BadVersion {
        /// The repository.
        name: String,
        /// Why.
        problem: WishError,
    },
}

/// Why a name cannot be a folder below the destination: the rest of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// It cannot name an entry of a lock.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It has `..`, and the project does not allow that.
    #[error("leads out of its folder with `..`")]
    Outside,
    /// It is `.`.
    #[error("is the destination itself")]
    Destination,
    /// It is `..`.
    #[error("is a folder that the destination stands in")]
    Above,
    /// The lock writes `destination:path` in projects with several destinations.
    #[error("holds a `:`")]
    Colon,
}

/// What a manifest probably means otherwise than it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// It asks for nothing, without saying so by `[]` or `{}`.
    #[error("the manifest has no repositories")]
    Empty,
    /// The same name again. vcstool lets the last one win, silently.
    #[error("repository `{name}` stands in line {} already; this one counts", .first.line_column().0)]
    DuplicateEntry {
        /// The name.
        name: String,
        /// The one before.
        first: Place,
    },
    /// The same key again, inside an entry or at the top level.
    #[error("`{key}` stands in line {} already; this one counts", .first.line_column().0)]
    DuplicateKey {
        /// The key.
        key: String,
        /// The one before.
        first: Place,
    },
    /// A key without a meaning.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// The known key that is nearest to it.
        suggestion: Option<String>,
    },
    /// An entry beside `repositories` instead of below it. vcstool ignores it.
    #[error("`{name}` looks like a repository, but stands beside `repositories`")]
    MisindentedEntry {
        /// The entry.
        name: String,
    },
    /// An entry that vcstool skips as well.
    #[error("{} is skipped: {reason}", .name.as_ref().map_or("an entry".into(), |name| format!("repository `{name}`")))]
    Skipped {
        /// The entry's name, where it has one.
        name: Option<String>,
        /// Why.
        reason: SkipReason,
    },
    /// `version:` without a value, or with an empty one.
    #[error("`version` of repository `{name}` is empty: the remote's default branch is taken")]
    EmptyVersion {
        /// The repository.
        name: String,
    },
    /// A version that tools with YAML 1.1 numbers and booleans, such as vcstool, read as another text.
    #[error(
        "version `{text}` of repository `{name}` is a number or a boolean to other tools, which spell it otherwise"
    )]
    Respelled {
        /// The repository.
        name: String,
        /// The version as written.
        text: String,
    },
    /// A url that means something on one machine only.
    #[error("the url of repository `{name}` is a path of this machine")]
    LocalUrl {
        /// The repository.
        name: String,
    },
}

/// Why an entry is skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// It has no value.
    #[error("it is empty")]
    Null,
    /// It lacks a key.
    #[error("it has no `{0}`")]
    Missing(&'static str),
    /// An item of a rosinstall list that is no repository.
    #[error("`{0}` is no repository")]
    NoRepository(String),
}

/// Returns `text` for a message: a credential masked, invisible characters escaped, at most 80 characters of it.
pub(super) fn shown(text: &str) -> String {
    let text = &masked(text);
    let escape = |c: char| if is_invisible(c) { c.escape_unicode().to_string() } else { c.to_string() };
    let mut shown: String = text.chars().take(80).map(escape).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
