//! Entries of extensions: those that come with the tool, and those of git.
//!
//! Decides their fields and the order in which they are written. Leaves out what the files are that a digest is of.

use schemars::JsonSchema;
use serde::Serialize;

use crate::entry::wish;
use crate::extra::Extra;
use crate::value::{Digest, Folder, Rev, Text, Url};

/// An extension that is built in or comes from git; one that the project has by path is not locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Extension {
    /// The version that the extension gives itself.
    pub version: Text,
    /// The digest of the extension's own files.
    pub digest: Digest,
    /// The file that showed that the project wants it, relative to the project; absent where somebody asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub detected: Option<Text>,
    /// Where it comes from; absent for one that is built in.
    #[serde(flatten)]
    pub origin: Option<Origin>,
    /// Keys that this version does not know.
    #[serde(skip)]
    pub extra: Extra,
}

/// The folder of a git repository, at a commit, that an extension comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("dependentRequired" = {
    "want": ["rev", "url"], "ref": ["rev", "url"], "rev": ["url"], "dir": ["rev", "url"], "url": ["rev"]
}))]
pub struct Origin {
    /// The requirement that the project has over the repository's tags; absent where it names a ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub want: Option<Text>,
    /// The branch, tag or commit that was asked for, or the tag that satisfies `want`; absent for the remote's HEAD.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text", default)]
    pub reference: Option<Text>,
    /// The commit that was found.
    pub rev: Rev,
    /// The extension's folder in the repository; absent where the repository itself is it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Folder", default)]
    pub dir: Option<Folder>,
    /// Where the repository is.
    pub url: Url,
}

impl Extension {
    /// Returns the names and values of the known fields, in the order of the file: as everywhere the pin stands right
    /// under the wish, and the url last.
    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        let Self { version, digest, detected, origin, extra: _ } = self;
        let mut fields = Vec::new();
        if let Some(Origin { want, reference, rev, .. }) = origin {
            fields.extend(wish(want, reference).chain([("rev", rev.as_str())]));
        }
        fields.extend([("version", version.as_str()), ("digest", digest.as_str())]);
        fields.extend(detected.as_deref().map(|file| ("detected", file)));
        if let Some(Origin { dir, url, .. }) = origin {
            fields.extend(dir.as_deref().map(|dir| ("dir", dir)).into_iter().chain([("url", url.as_str())]));
        }
        fields
    }
}
