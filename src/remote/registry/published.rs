//! What a registry says of an image that was pushed to it: whether a build has to make it again.
//!
//! Decides what is believed: what has the digest that names it, and no more of it than such documents have. Leaves out
//! what the answers mean (`cli/`).

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::reference::{self, Version};
use super::{Registry, Wanted, failed, offline, parsed};
use crate::remote::Remotes;
use crate::remote::transport::again;
use crate::remote::trouble::Trouble;
use crate::resolve::{Failure, FailureKind, Transport};

/// The longest document that is read, in bytes; registries refuse larger manifests.
const LONGEST: u64 = 4 << 20;

/// The most images that an index may name: more than there are platforms.
const MOST_IMAGES: usize = 32;

/// An image of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The digest of the whole, `sha256:<64 hex>`.
    pub digest: String,
    /// The image of each platform.
    pub images: Vec<PublishedImage>,
}

/// The image of one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedImage {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its last instruction; empty when it says none.
    pub last: String,
}

/// Returns what the registry has under the reference `image`.
///
/// # Errors
/// When `image` is no reference, the network is not to be used, or the registry does not say or says what is not so.
pub fn published(image: &str, remotes: &Remotes, interrupted: &AtomicBool) -> Result<Published, Failure> {
    let reference = parsed(image)?;
    if remotes.settings().offline {
        return Err(failed(image, offline(), 0, Transport::Nobody));
    }
    let version = match &reference.version {
        Version::Digest(text) | Version::Tag(text) => text,
    };
    let registry = Registry::new(&reference, remotes.settings().timeout);
    let answered = again(remotes, interrupted, || registry.published(version));
    answered.map_err(|(trouble, retries)| failed(image, trouble, retries, Transport::Registry))
}

/// An index, or the manifest of an image.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Inner,
    #[serde(default)]
    history: Vec<Instruction>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Instruction {
    #[serde(default)]
    created_by: String,
}

impl Registry<'_> {
    fn published(&self, version: &str) -> Result<Published, Trouble> {
        let (digest, manifest): (_, Manifest) = self.document(&Wanted::Manifest(version))?;
        let images = match manifest.config {
            Some(config) => vec![self.image(&config)?],
            None => self.images(&manifest.manifests)?,
        };
        Ok(Published { digest, images })
    }

    /// The images of an index; what is for no system (an attestation) is none.
    fn images(&self, manifests: &[Descriptor]) -> Result<Vec<PublishedImage>, Trouble> {
        let is_image = |one: &&Descriptor| one.platform.as_ref().is_none_or(|platform| platform.os != "unknown");
        let images: Vec<&Descriptor> = manifests.iter().filter(is_image).collect();
        if images.len() > MOST_IMAGES {
            return Err(strange("it names too many images"));
        }
        images.into_iter().map(|image| self.of_index(image)).collect()
    }

    fn of_index(&self, image: &Descriptor) -> Result<PublishedImage, Trouble> {
        let manifest: Manifest = self.named(&image.digest, &Wanted::Manifest(&image.digest))?;
        self.image(&manifest.config.ok_or_else(|| strange("an image has no configuration"))?)
    }

    fn image(&self, config: &Descriptor) -> Result<PublishedImage, Trouble> {
        let Configuration { config, history } = self.named(&config.digest, &Wanted::Blob(&config.digest))?;
        let last = history.into_iter().last().map(|instruction| instruction.created_by).unwrap_or_default();
        Ok(PublishedImage { labels: config.labels.unwrap_or_default(), last })
    }

    /// Returns the document that `digest` names.
    fn named<T: DeserializeOwned>(&self, digest: &str, wanted: &Wanted<'_>) -> Result<T, Trouble> {
        if !reference::is_digest(digest) {
            return Err(strange("a digest is not sha256"));
        }
        let (found, document) = self.document(wanted)?;
        if found == digest { Ok(document) } else { Err(strange("content is not what its digest says")) }
    }

    /// Returns a document and its digest.
    fn document<T: DeserializeOwned>(&self, wanted: &Wanted<'_>) -> Result<(String, T), Trouble> {
        let mut answer = self.answer(wanted)?;
        let bytes = answer.body_mut().with_config().limit(LONGEST).read_to_vec();
        let bytes = bytes.map_err(|error| Trouble::http(&error, "registry"))?;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        let document = serde_json::from_slice(&bytes).map_err(|error| strange(&error.to_string()))?;
        Ok((digest, document))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}

fn strange(cause: &str) -> Trouble {
    Trouble::new(FailureKind::Protocol, "the registry's answer is no image", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_not_there_are_none_and_the_digest_is_what_sha256_says() {
        for text in ["{}", r#"{"config":{"Labels":null}}"#] {
            let Configuration { config, history } = serde_json::from_str(text).unwrap();
            assert!(config.labels.is_none() && history.is_empty());
        }
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(&Sha256::digest(b"")), empty);
    }
}
