//! Reads tar archives: POSIX ustar and pax, GNU, and the old form.
//!
//! Decides what each type of entry becomes. The reader keeps long names and pax headers in memory, so that the bytes it
//! takes between two entries are limited.

use std::io::Read;

use tar::{Archive, Entry, EntryType};

use super::EntryProblem;
use super::draft::{Draft, bad, damaged};
use super::meter::metered;
use crate::store::StoreError;

/// The most that may stand between the content of one entry and that of the next: names, pax headers, padding.
const MOST_BETWEEN: u64 = 4 << 20;

/// Unpacks all that `archive` has, decompressed, into `draft`.
pub(super) fn unpack(archive: impl Read, draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let (archive, allowance) = metered(archive, MOST_BETWEEN);
    let mut archive = Archive::new(archive);
    let mut entries = archive.entries().map_err(|error| damaged(&error))?;
    loop {
        allowance.set(MOST_BETWEEN);
        let Some(entry) = entries.next() else { return Ok(()) };
        let mut entry = entry.map_err(|error| damaged(&error))?;
        // Content is counted by the draft.
        allowance.set(u64::MAX);
        one(&mut entry, draft)?;
    }
}

fn one(entry: &mut Entry<'_, impl Read>, draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(());
    }
    let name = entry.path_bytes().into_owned();
    let Some(path) = draft.place(&name)? else { return draft.skip(entry) };
    let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
    // Archives of before 1988 know a folder by its name only.
    let named_folder = kind.is_file() && name.ends_with(b"/") && entry.size() == 0;
    match kind {
        EntryType::Directory => draft.folder(&path),
        _ if named_folder => draft.folder(&path),
        // What is wanted is a folder, and this is something else of its name.
        _ if path.is_empty() => draft.skip(entry),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
            draft.file(&path, entry, executable)
        }
        EntryType::Symlink => draft.link(&path, &target),
        EntryType::Link => draft.hard_link(&path, &target),
        _ => Err(bad(&name, EntryProblem::Type)),
    }
}
