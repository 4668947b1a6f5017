//! Reads zip archives.
//!
//! Decides what each entry becomes: Unix modes count where an archive has them. A directory of its own at the end of the
//! file says what is in it; the reader keeps that in memory, so that the bytes it takes for it are limited.

use std::io::{BufReader, Read, Seek};

use zip::read::ZipFile;
use zip::{CompressionMethod, ZipArchive};

use super::draft::{Draft, bad, damaged};
use super::meter::metered;
use super::{ArchiveError, EntryProblem};
use crate::store::StoreError;

/// The largest directory of an archive, in bytes.
const LARGEST_DIRECTORY: u64 = 128 << 20;

/// The longest target of a symbolic link, in bytes.
const LONGEST_TARGET: u64 = 4095;

/// How files may be compressed.
const KNOWN: &str = "deflate, and files that are not compressed";

/// The type in a Unix mode, and its values.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Unpacks all that `archive` has into `draft`.
pub(super) fn unpack(archive: impl Read + Seek, draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let (archive, allowance) = metered(archive, LARGEST_DIRECTORY);
    let mut archive = ZipArchive::new(BufReader::new(archive)).map_err(|error| damaged(&error))?;
    if archive.has_duplicate_names() {
        return Err(ArchiveError::Damaged { cause: "two of its entries have one name".to_owned() }.into());
    }
    allowance.set(u64::MAX);
    for index in 0..archive.len() {
        check(&archive.by_index_raw(index).map_err(|error| damaged(&error))?)?;
        let entry = archive.by_index(index).map_err(|error| damaged(&error))?;
        one(entry, draft)?;
    }
    Ok(())
}

/// Returns `Ok` for an entry whose content can be read.
fn check<R: Read>(entry: &ZipFile<'_, R>) -> Result<(), StoreError> {
    if entry.encrypted() {
        return Err(bad(entry.name_raw(), EntryProblem::Encrypted));
    }
    match entry.compression() {
        CompressionMethod::Stored | CompressionMethod::Deflated => Ok(()),
        method => Err(ArchiveError::Compression { method: method.to_string(), known: KNOWN }.into()),
    }
}

fn one<R: Read>(mut entry: ZipFile<'_, R>, draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let name = entry.name_raw().to_vec();
    let Some(path) = draft.place(&name)? else { return Ok(()) };
    let mode = entry.unix_mode().unwrap_or_default();
    match mode & TYPE {
        _ if name.ends_with(b"/") => draft.folder(&path),
        FOLDER => draft.folder(&path),
        // What is wanted is a folder, and this is something else of its name.
        _ if path.is_empty() => Ok(()),
        // No type: it was made where there are no Unix modes.
        0 | REGULAR => draft.file(&path, entry, mode & 0o100 != 0),
        LINK => {
            let mut target = Vec::new();
            let read = entry.by_ref().take(LONGEST_TARGET + 1).read_to_end(&mut target);
            read.map_err(|error| damaged(&error))?;
            draft.link(&path, &target)
        }
        _ => Err(bad(&name, EntryProblem::Type)),
    }
}
