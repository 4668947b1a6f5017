//! Unpacks an archive of the store as an immutable tree, safely, whoever made it.
//!
//! Decides what an archive is (by its content) and how much of one is unpacked: at most 500,000 entries and 16 GiB.
//! Like vcstool, with a version what stands below that folder, without one all as it is. Leaves out where archives come
//! from (`remote/`).

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

mod draft;
mod error;
mod form;
mod meter;
#[cfg(test)]
mod tests;
mod untar;
mod unzip;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use deps_lock::Format;

pub use error::{ArchiveError, EntryProblem};
pub(crate) use form::{Form, HEAD};

use super::{Store, StoreError, Tree};
use crate::digest;
use draft::{Draft, Limits};

/// How much is unpacked of an archive.
const LIMITS: Limits = Limits { entries: 500_000, bytes: 16 << 30 };

/// How tar archives may be compressed.
const COMPRESSIONS: &str = "gzip, bzip2, xz and zstd";

/// An archive that the store has as a file, and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packed {
    /// What it must be.
    pub format: Format,
    /// Its digest, 64 hexadecimal digits.
    pub sha256: String,
    /// The folder of it that is wanted; none for all.
    pub folder: Option<String>,
}

impl Packed {
    /// Returns the id of the tree it is unpacked to.
    pub fn tree_id(&self) -> String {
        digest::archive_id(self.format.name(), &self.sha256, self.folder.as_deref().unwrap_or_default())
    }
}

impl Store {
    /// Unpacks the archive in `file`, unless the store has its tree. The content of the file must be what `packed` says.
    ///
    /// # Errors
    /// When it is no such archive, has an entry that no folder may have, is too large, has nothing below the folder that
    /// is wanted, the disk refuses, or the user interrupts. Nothing is left behind then.
    pub fn unpack(&self, packed: &Packed, file: &Path, interrupted: &AtomicBool) -> Result<Tree, StoreError> {
        let id = packed.tree_id();
        if let Some(tree) = self.exported(&id) {
            return Ok(tree);
        }
        let _lock = self.lock(&format!("tree-{id}"), interrupted)?;
        if let Some(tree) = self.exported(&id) {
            return Ok(tree);
        }
        let scratch = self.scratch()?;
        let folder = scratch.path().join("tree");
        unpack(packed, file, Draft::new(&folder, packed.folder.as_deref(), LIMITS, interrupted)?)?;
        self.publish(&folder, &id, Vec::new())
    }
}

fn unpack(packed: &Packed, path: &Path, mut draft: Draft<'_>) -> Result<(), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("read", path))?;
    let form = Form::of(&head(&mut file).map_err(StoreError::io("read", path))?);
    match (packed.format, form) {
        (Format::Zip, Form::Zip) => unzip::unpack(file, &mut draft)?,
        (Format::Tar, Form::Other(method, true)) => {
            return Err(ArchiveError::Compression { method: method.to_owned(), known: COMPRESSIONS }.into());
        }
        (Format::Tar, form) => match form::decompressed(form, BufReader::new(file)) {
            Some(archive) => untar::unpack(archive, &mut draft)?,
            None => return Err(other_form(packed.format, form)),
        },
        (Format::Zip, form) => return Err(other_form(packed.format, form)),
    }
    draft.finish()
}

fn other_form(format: Format, form: Form) -> StoreError {
    ArchiveError::OtherForm { format: format.name(), found: form.phrase() }.into()
}

/// Reads the beginning of `file`, and goes back to it.
fn head(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}
