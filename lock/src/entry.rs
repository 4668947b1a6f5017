//! What a lock is made of: kinds, keys and entries.
//!
//! Decides which fields an entry has and in which order they are written. Leaves out how their text looks (`write`)
//! and how it is read (`parse`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::extension::Extension;
use crate::extra::Extra;
use crate::value::{Name, Node, Number, Platform, Rev, Sha256, Text, Url, ValueError};

/// The kind of an entry, ordered by the name of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An extension that is built in or comes from git.
    Ext,
    /// A file that an extension fetches by url.
    Fetch,
    /// A container image.
    Image,
    /// A git repository that an extension needs.
    Input,
    /// A repository or an archive of a manifest.
    Repo,
}

impl Kind {
    /// All kinds, in the order of the file.
    pub const ALL: [Self; 5] = [Self::Ext, Self::Fetch, Self::Image, Self::Input, Self::Repo];

    /// Returns the name of the table that holds the entries of this kind, which is also the word for it in messages.
    pub fn table(self) -> &'static str {
        match self {
            Self::Ext => "ext",
            Self::Fetch => "fetch",
            Self::Image => "image",
            Self::Input => "input",
            Self::Repo => "repo",
        }
    }

    /// Returns the kind whose table is called `table`.
    pub fn of_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.table() == table)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.table())
    }
}

/// What names an entry, ordered as in the file: by kind, then by the bytes of the name.
///
/// Displayed as messages call it, ``repo `core/nav2` ``; serialized as [`Key::selector`] is displayed, `repo:core/nav2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The table.
    pub kind: Kind,
    /// The key in the table.
    pub name: Name,
}

impl Key {
    /// Returns the selector that means this key and no other.
    pub fn selector(&self) -> Selector {
        Selector { kind: Some(self.kind), name: self.name.clone() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.selector())
    }
}

/// Keys as people type them: `repo:core/nav2` for one, `core/nav2` for all of that name.
///
/// A first part that is no kind belongs to the name: `overlay:core/nav2` has none. Parsing fails where [`Name`] does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// The kind, if one was given.
    pub kind: Option<Kind>,
    /// The name, in full.
    pub name: Name,
}

impl Selector {
    /// Returns whether `key` is meant.
    pub fn matches(&self, key: &Key) -> bool {
        self.name == key.name && self.kind.is_none_or(|kind| kind == key.kind)
    }
}

impl FromStr for Selector {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let split = text.split_once(':').and_then(|(table, name)| Some((Kind::of_table(table)?, name)));
        let (kind, name) = split.map_or((None, text), |(kind, name)| (Some(kind), name));
        Ok(Self { kind, name: Name::new(name)? })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{kind}:{}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

/// An entry of any kind. Serialized as its fields alone; the kind stands in the [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// An entry of `[ext]`.
    Ext(Extension),
    /// An entry of `[fetch]`.
    Fetch(Fetch),
    /// An entry of `[image]`.
    Image(Image),
    /// An entry of `[input]`.
    Input(Git),
    /// An entry of `[repo]`: a git repository.
    Repo(Git),
    /// An entry of `[repo]`: an archive.
    Archive(Archive),
    /// An entry of `[repo]`: a Mercurial or Subversion repository.
    Revision(Revision),
}

/// A file that an extension fetches by url, pinned for each platform of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fetch {
    /// The requirement that the extension has over a repository's tags; absent where it names a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub want: Option<Text>,
    /// The version that was asked for, or the tag that satisfies `want`; absent where the url alone says which file it is.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub reference: Option<Text>,
    /// The digest of the file, for each platform.
    #[serde(flatten)]
    pub platforms: BTreeMap<Platform, Sha256>,
    /// Where the file is. Where platforms have different ones, `{x64,arm64}` stands for what differs, a word for each
    /// platform in the order of their fields.
    pub url: Url,
    /// Keys that this version does not know.
    #[serde(skip)]
    pub extra: Extra,
}

/// A container image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Image {
    /// The image that was asked for, with its tag.
    #[serde(rename = "ref")]
    pub reference: Text,
    /// The digest of the image index, which pins every platform, or of the manifest where there is no index.
    pub digest: Sha256,
    /// Keys that this version does not know.
    #[serde(skip)]
    pub extra: Extra,
}

/// A git repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Git {
    /// The requirement that the manifest has over the repository's tags; absent where it names a ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub want: Option<Text>,
    /// The branch, tag or commit that was asked for, or the tag that satisfies `want`; absent for the remote's HEAD.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub reference: Option<Text>,
    /// The commit that was found.
    pub rev: Rev,
    /// Where the repository is.
    pub url: Url,
    /// Keys that this version does not know.
    #[serde(skip)]
    pub extra: Extra,
}

/// The format of an archive: what `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A tar archive, compressed or not.
    Tar,
    /// A zip archive.
    Zip,
}

impl Format {
    /// Returns the word for it in manifests, locks and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An archive, pinned by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Archive {
    /// Its format.
    #[serde(rename = "type")]
    pub format: Format,
    /// The folder of the archive that is wanted; absent for all of it.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub reference: Option<Text>,
    /// The digest of the archive as it is downloaded.
    pub digest: Sha256,
    /// Where the archive is.
    pub url: Url,
    /// Keys that this version does not know.
    #[serde(skip)]
    pub extra: Extra,
}

/// A version control system other than git: what `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Mercurial.
    Hg,
    /// Subversion.
    Svn,
}

impl System {
    /// Returns the word for it in manifests, locks and messages, which is also the name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hg => "hg",
            Self::Svn => "svn",
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a repository that is no git one is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "type", content = "rev", rename_all = "lowercase")]
pub enum Pin {
    /// A changeset of Mercurial.
    Hg(Node),
    /// The last revision of Subversion in which the url changed.
    Svn(Number),
}

impl Pin {
    /// Returns `rev` as what a repository of `system` is pinned to.
    ///
    /// # Errors
    ///
    /// Returns why it is no revision of that system.
    pub fn new(system: System, rev: &str) -> Result<Self, ValueError> {
        Ok(match system {
            System::Hg => Self::Hg(Node::new(rev)?),
            System::Svn => Self::Svn(Number::new(rev)?),
        })
    }

    /// Returns the version control system.
    pub fn system(&self) -> System {
        match self {
            Self::Hg(_) => System::Hg,
            Self::Svn(_) => System::Svn,
        }
    }

    /// Returns the revision as it stands in the file.
    pub fn rev(&self) -> &str {
        match self {
            Self::Hg(node) => node,
            Self::Svn(number) => number,
        }
    }
}

/// A Mercurial or Subversion repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Revision {
    /// The version that was asked for; absent where none was.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub reference: Option<Text>,
    /// The system, and the revision that was found.
    #[serde(flatten)]
    pub pin: Pin,
    /// Where the repository is; for Subversion, the folder in it.
    pub url: Url,
    /// Keys that this version does not know.
    #[serde(skip)]
    pub extra: Extra,
}

impl Entry {
    /// Returns the kind, which decides the table that the entry stands in.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ext(_) => Kind::Ext,
            Self::Fetch(_) => Kind::Fetch,
            Self::Image(_) => Kind::Image,
            Self::Input(_) => Kind::Input,
            Self::Repo(_) | Self::Archive(_) | Self::Revision(_) => Kind::Repo,
        }
    }

    /// Returns the names and values of the known fields, in the order of the file.
    pub fn fields(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Ext(extension) => extension.fields(),
            Self::Fetch(Fetch { want, reference, platforms, url, extra: _ }) => {
                let sums = platforms.iter().map(|(platform, sum)| (platform.as_str(), sum.as_str()));
                wish(want, reference).chain(sums).chain([("url", url.as_str())]).collect()
            }
            Self::Image(Image { reference, digest, extra: _ }) => vec![("ref", reference), ("digest", digest)],
            Self::Input(Git { want, reference, rev, url, extra: _ })
            | Self::Repo(Git { want, reference, rev, url, extra: _ }) => {
                wish(want, reference).chain([("rev", rev.as_str()), ("url", url.as_str())]).collect()
            }
            Self::Archive(Archive { format, reference, digest, url, extra: _ }) => {
                typed(format.name(), reference.as_ref(), [("digest", digest), ("url", url)])
            }
            Self::Revision(Revision { reference, pin, url, extra: _ }) => {
                typed(pin.system().name(), reference.as_ref(), [("rev", pin.rev()), ("url", url)])
            }
        }
    }

    /// Returns the keys that this version does not know.
    pub fn extra(&self) -> &Extra {
        match self {
            Self::Ext(extension) => &extension.extra,
            Self::Fetch(fetch) => &fetch.extra,
            Self::Image(image) => &image.extra,
            Self::Input(git) | Self::Repo(git) => &git.extra,
            Self::Archive(archive) => &archive.extra,
            Self::Revision(revision) => &revision.extra,
        }
    }
}

/// Returns the fields that say what was asked for.
pub(crate) fn wish<'a>(
    want: &'a Option<Text>,
    reference: &'a Option<Text>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let wish = [("want", want), ("ref", reference)];
    wish.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)))
}

/// Returns the fields of an entry that says its type.
fn typed<'a>(name: &'a str, reference: Option<&'a Text>, rest: [(&'a str, &'a str); 2]) -> Vec<(&'a str, &'a str)> {
    let reference = reference.map(|reference| ("ref", reference.as_str()));
    [("type", name)].into_iter().chain(reference).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_ordered_by_the_bytes_of_their_tables() {
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.table()));
        assert!(Kind::ALL.is_sorted());
    }

    #[test]
    fn a_selector_has_a_kind_only_where_its_first_part_is_one() {
        let parse = |text: &str| text.parse::<Selector>().unwrap();
        assert_eq!(parse("repo:core/nav2").kind, Some(Kind::Repo));
        assert_eq!(parse("overlay:core/nav2").kind, None);
        assert_eq!(parse("overlay:core/nav2").name.as_str(), "overlay:core/nav2");
        for text in ["core/nav2", "repo:core/nav2", "repo:overlay:nav2"] {
            assert_eq!(parse(text).to_string(), text);
        }
        "repo:x/../y".parse::<Selector>().unwrap_err();
    }

    #[test]
    fn a_bare_name_selects_every_kind() {
        let key = |kind| Key { kind, name: Name::new("base").unwrap() };
        let bare: Selector = "base".parse().unwrap();
        assert!(bare.matches(&key(Kind::Repo)) && bare.matches(&key(Kind::Image)));
        assert!(!key(Kind::Image).selector().matches(&key(Kind::Repo)));
        assert_eq!(key(Kind::Image).to_string(), "image `base`");
    }
}
