//! Compares the layers of two OCI archives: whether two builds of one plan came to the same bytes.
//!
//! Decides that layers are compared one by one, in order, by digest, and that the first pair that differs is opened to name
//! a file (`layer`). Leaves out making the archives, and what the answer means (`cli/`). Nothing of an archive is unpacked
//! to the disk.

#![expect(clippy::disallowed_methods, reason = "the engine leaves archives in files")]

mod layer;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::text::printable;
pub use layer::{Difference, What};

/// The longest document of an archive that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// How two archives compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// How many layers the images of all platforms have.
    pub layers: usize,
    /// The layers that differ, in order.
    pub different: Vec<Differing>,
}

/// A layer that has other bytes in each archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The platform of its image.
    pub platform: String,
    /// Its number, from 1.
    pub number: usize,
    /// The instruction that made it, as the image says.
    pub instruction: String,
    /// The first file that differs; nothing is known of it for all but the first such layer.
    pub file: Option<Difference>,
}

/// Why archives cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// It cannot be read.
    #[error("cannot read the archive of the build")]
    Io(#[from] io::Error),
    /// It is no OCI archive, or not one of images.
    #[error("the archive of the build {0}")]
    Strange(&'static str),
    /// The images have another number of layers, or are for other platforms.
    #[error("the two builds have images with {first} and {second} layers")]
    Shape {
        /// Of the first.
        first: usize,
        /// Of the second.
        second: usize,
    },
}

/// Compares the images in the archives `first` and `second`.
///
/// # Errors
/// When one cannot be read or is no OCI archive of images, or they are not of one shape.
pub fn compare(first: &Path, second: &Path) -> Result<Comparison, OciError> {
    let (mut first, mut second) = (Archive::open(first)?, Archive::open(second)?);
    let (one, other) = (first.layers()?, second.layers()?);
    if one.len() != other.len() {
        return Err(OciError::Shape { first: one.len(), second: other.len() });
    }
    let layers = one.len();
    let mut different: Vec<Differing> = Vec::new();
    for (one, other) in one.into_iter().zip(other).filter(|(one, other)| one.digest != other.digest) {
        let file = match different.first() {
            None => layer::difference(first.blob(&one.digest)?, second.blob(&other.digest)?)?,
            Some(_) => None,
        };
        let Layer { platform, number, instruction, digest: _ } = one;
        different.push(Differing { platform, number, instruction, file });
    }
    Ok(Comparison { layers, different })
}

/// A layer of an image.
struct Layer {
    platform: String,
    number: usize,
    instruction: String,
    digest: String,
}

/// A file of an archive.
type Content<'a> = io::BufReader<io::Take<&'a File>>;

/// An archive, of which every file's place is known.
struct Archive {
    file: File,
    places: BTreeMap<String, (u64, u64)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    os: String,
    architecture: String,
    history: Vec<Instruction>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Instruction {
    created_by: String,
    empty_layer: bool,
}

impl Archive {
    fn open(path: &Path) -> Result<Self, OciError> {
        let file = File::open(path)?;
        let mut places = BTreeMap::new();
        let mut archive = tar::Archive::new(&file);
        for entry in archive.entries_with_seek()? {
            let entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            places.insert(name, (entry.raw_file_position(), entry.size()));
        }
        Ok(Self { file, places })
    }

    /// Returns the layers of all images, in order.
    fn layers(&mut self) -> Result<Vec<Layer>, OciError> {
        let index: Manifest = self.document("index.json")?;
        let mut layers = Vec::new();
        for Descriptor { digest } in index.manifests {
            let manifest: Manifest = self.document(&name(&digest))?;
            if manifest.manifests.is_empty() {
                layers.extend(self.of_image(manifest)?);
                continue;
            }
            for Descriptor { digest } in manifest.manifests {
                let manifest = self.document(&name(&digest))?;
                layers.extend(self.of_image(manifest)?);
            }
        }
        Ok(layers)
    }

    fn of_image(&mut self, manifest: Manifest) -> Result<Vec<Layer>, OciError> {
        let config = manifest.config.ok_or(OciError::Strange("has an image without a configuration"))?;
        let Configuration { os, architecture, history } = self.document(&name(&config.digest))?;
        let mut made = history.into_iter().filter(|instruction| !instruction.empty_layer);
        let layer = |(index, Descriptor { digest }): (usize, Descriptor)| Layer {
            platform: printable(&format!("{os}/{architecture}")),
            number: index + 1,
            instruction: made
                .next()
                .map(|one| printable(one.created_by.trim_end_matches(" # buildkit")))
                .unwrap_or_default(),
            digest,
        };
        Ok(manifest.layers.into_iter().enumerate().map(layer).collect())
    }

    fn document<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, OciError> {
        let file = self.file(name)?.take(LONGEST);
        serde_json::from_reader(file).map_err(|_| OciError::Strange("has a document that cannot be read"))
    }

    fn blob(&mut self, digest: &str) -> Result<Content<'_>, OciError> {
        self.file(&name(digest))
    }

    fn file(&mut self, name: &str) -> Result<Content<'_>, OciError> {
        let (position, size) = self.places.get(name).ok_or(OciError::Strange("lacks a file that it names"))?;
        self.file.seek(SeekFrom::Start(*position))?;
        Ok(io::BufReader::new((&self.file).take(*size)))
    }
}

/// Returns where an archive keeps the blob with `digest`.
fn name(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}
