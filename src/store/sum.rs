//! Sums of what is on disk: of a whole tree, and of a file.
//!
//! Decides that names, kinds, modes, link targets and contents count, and nothing else.

#![expect(clippy::disallowed_methods, reason = "the store reads its files")]

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::StoreError;

/// BLAKE3's context string.
const CONTEXT: &str = "deps tree sum v1";

/// Returns the sum of the folder `root`: 64 hexadecimal digits.
pub(super) fn sum(root: &Path) -> Result<String, StoreError> {
    let mut all = blake3::Hasher::new_derive_key(CONTEXT);
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.map_err(|error| StoreError::io("read", root)(error.into()))?;
        let path = entry.path();
        let io = |error| StoreError::io("read", path)(error);
        let name = path.strip_prefix(root).expect("a walk stays below its root").as_os_str().as_bytes();
        let kind = entry.file_type();
        let (tag, content) = if kind.is_dir() {
            (b'd', blake3::hash(b""))
        } else if kind.is_symlink() {
            (b'l', blake3::hash(std::fs::read_link(path).map_err(io)?.as_os_str().as_bytes()))
        } else {
            let mode = entry.metadata().map_err(|error| io(error.into()))?.permissions().mode();
            (if mode & 0o100 == 0 { b'f' } else { b'x' }, content(path)?)
        };
        all.update(&(name.len() as u64).to_le_bytes()).update(name).update(&[tag]).update(content.as_bytes());
    }
    Ok(all.finalize().to_hex().to_string())
}

fn content(path: &Path) -> Result<blake3::Hash, StoreError> {
    let read = || -> std::io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?)?;
        Ok(hasher.finalize())
    };
    read().map_err(StoreError::io("read", path))
}
