//! Names for content: which id a checkout and a folder of files have in the store and in stage keys.
//!
//! Decides the encoding behind `b3-<hex>` and the spelling of ids. Touches nothing: the ids are known before anything is
//! fetched or written. Leaves out where the content lies (`store/`) and what enters a stage key (`plan/key.rs`).
//!
//! A folder is hashed as BLAKE3 in derive-key mode with the context [`FOLDER_CONTEXT`] over: the number of files, then,
//! for each file in byte order of its path, the length of the path, the path, one byte (1 executable, 0 not), the length
//! of the content, the content. Numbers are `u64`, little-endian. So no two folders share an encoding. Not in it: empty
//! folders, other mode bits, owners, times.
//!
//! A folder of the project may be large, so each of its files is hashed by itself, and `b3t-<hex>` is the context
//! [`HASHED_FOLDER_CONTEXT`] over the same, with the 32 bytes of a file's BLAKE3 in place of its content and its length.
//!
//! An archive's tree is named by BLAKE3 in derive-key mode with the context [`ARCHIVE_CONTEXT`] over three pieces, each
//! preceded by its length: the format, the 64 hexadecimal digits of the archive's SHA-256, and the folder of the archive
//! that is wanted (empty for all of it). A folder with one file that was downloaded is named by the file's SHA-256, and 16
//! digits of the context [`FILE_CONTEXT`] over its name and its mode. A Mercurial node is content already. A revision number of Subversion means
//! nothing without its repository, so its tree is named by the context [`SVN_CONTEXT`] over url and number.

use std::sync::Arc;

use deps_lock::{Archive, Entry, Extension, Git, Pin, Revision};

use crate::extent::{Extent, Submodules};

/// The BLAKE3 derive-key context of [`archive_id`].
pub const ARCHIVE_CONTEXT: &str = "deps archive v1";

/// The BLAKE3 derive-key context of the end of [`file_id`].
pub const FILE_CONTEXT: &str = "deps file v1";

/// The BLAKE3 derive-key context of [`svn_id`].
pub const SVN_CONTEXT: &str = "deps svn v1";

/// The BLAKE3 derive-key context of the patterns in [`checkout_id`].
pub const EXCLUDED_CONTEXT: &str = "deps excluded submodules v1";

/// The BLAKE3 derive-key context of [`folder`]. A changed encoding needs a new one.
pub const FOLDER_CONTEXT: &str = "deps folder v1";

/// The BLAKE3 derive-key context of [`HashedFolder`].
pub const HASHED_FOLDER_CONTEXT: &str = "deps folder of hashed files v1";

/// A file that has been hashed by itself; its bytes stay where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFile {
    /// The path below the folder, `/` between its parts.
    pub path: String,
    /// Whether the file is a program (mode 755 instead of 644).
    pub executable: bool,
    /// BLAKE3 of the bytes.
    pub digest: [u8; 32],
}

impl HashedFile {
    /// Returns the file at `path` with these bytes.
    pub fn new(path: String, executable: bool, content: &[u8]) -> Self {
        Self { path, executable, digest: *blake3::hash(content).as_bytes() }
    }
}

/// A folder of such files, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFolder {
    id: String,
    files: Arc<[HashedFile]>,
}

impl HashedFolder {
    /// Returns the folder of `files`, in any order.
    pub fn new(mut files: Vec<HashedFile>) -> Self {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Self { id: hashed_id(&files), files: files.into() }
    }

    /// Its id in the store: `b3t-` and 64 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its files, sorted by path.
    pub fn files(&self) -> &[HashedFile] {
        &self.files
    }
}

impl Default for HashedFolder {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// Returns the id of the folder of `files`, which are sorted by path.
pub fn hashed_id<'a>(files: impl IntoIterator<Item = &'a HashedFile, IntoIter: ExactSizeIterator>) -> String {
    let files = files.into_iter();
    let mut hasher = blake3::Hasher::new_derive_key(HASHED_FOLDER_CONTEXT);
    hasher.update(&(files.len() as u64).to_le_bytes());
    for HashedFile { path, executable, digest } in files {
        add_piece(&mut hasher, path.as_bytes());
        hasher.update(&[u8::from(*executable)]);
        hasher.update(digest);
    }
    format!("b3t-{}", hasher.finalize().to_hex())
}

/// Whether the id of a tree says the files of it: folders do; commits and archives may differ and hold the same.
pub fn says_files(tree: &str) -> bool {
    tree.starts_with("b3-") || tree.starts_with("b3t-")
}

/// One file of a folder that is content: an extension's files, or a project's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderFile<'a> {
    /// The path below the folder, `/` between its parts.
    pub path: &'a str,
    /// Whether the file is a program (mode 755 instead of 644).
    pub executable: bool,
    /// The bytes.
    pub content: &'a [u8],
}

/// Returns the digest of a folder, 64 lowercase hexadecimal digits; the order of `files` does not matter.
///
/// Never fails and touches nothing outside its argument. The encoding is described at the top of this module.
pub fn folder(files: &[FolderFile<'_>]) -> String {
    let mut sorted: Vec<&FolderFile<'_>> = files.iter().collect();
    sorted.sort_by_key(|file| file.path);
    let mut hasher = blake3::Hasher::new_derive_key(FOLDER_CONTEXT);
    hasher.update(&(sorted.len() as u64).to_le_bytes());
    for FolderFile { path, executable, content } in sorted {
        add_piece(&mut hasher, path.as_bytes());
        hasher.update(&[u8::from(*executable)]);
        add_piece(&mut hasher, content);
    }
    hasher.finalize().to_hex().to_string()
}

/// Returns the id of a folder in the store: `b3-` and [`folder`].
pub fn folder_id(files: &[FolderFile<'_>]) -> String {
    format!("b3-{}", folder(files))
}

/// Returns the id of the tree of a locked repository or archive, or of the repository of an extension; none for entries that are no tree. `extent` is about
/// git alone.
pub fn entry_id(entry: &Entry, extent: &Extent) -> Option<String> {
    match entry {
        Entry::Repo(Git { rev, .. }) | Entry::Input(Git { rev, .. }) => Some(checkout_id(rev, extent)),
        Entry::Archive(Archive { format, reference, digest, .. }) => {
            let sha256 = digest.strip_prefix("sha256:").expect("its type has checked it");
            Some(archive_id(format.name(), sha256, reference.as_deref().unwrap_or_default()))
        }
        Entry::Revision(Revision { pin: Pin::Hg(node), .. }) => Some(hg_id(node)),
        Entry::Revision(Revision { pin: Pin::Svn(number), url, .. }) => Some(svn_id(url, number)),
        Entry::Ext(Extension { origin, .. }) => Some(checkout_id(&origin.as_ref()?.rev, &Extent::default())),
        Entry::Fetch(_) | Entry::Image(_) => None,
    }
}

/// Returns the id of a checkout in the store: the commit id; `-s` when its submodules are asked for, with `-` and 16
/// hexadecimal digits for the patterns that exclude some; `-p` when pointers of Git LFS stay pointers.
///
/// Whether the commit really has submodules or pointers is not asked, because that is only known once it has been
/// fetched. The digits are the beginning of BLAKE3 in derive-key mode with the context [`EXCLUDED_CONTEXT`] over the
/// number of patterns, then each, sorted, after its length; a pattern begins where the checkout does.
pub fn checkout_id(rev: &str, extent: &Extent) -> String {
    let submodules = match &extent.submodules {
        Submodules::None => String::new(),
        Submodules::All => "-s".to_owned(),
        Submodules::Except(patterns) => format!("-s-{}", excluded(patterns)),
    };
    format!("{rev}{submodules}{}", if extent.pointers { "-p" } else { "" })
}

fn excluded(patterns: &[String]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(EXCLUDED_CONTEXT);
    hasher.update(&(patterns.len() as u64).to_le_bytes());
    patterns.iter().for_each(|pattern| add_piece(&mut hasher, pattern.as_bytes()));
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Returns the id of an unpacked archive in the store: `a-` and 64 hexadecimal digits.
///
/// `format` is `tar` or `zip`, `sha256` the hexadecimal digits of the archive's digest, `folder` the part of it that is
/// wanted, empty for all.
pub fn archive_id(format: &str, sha256: &str, folder: &str) -> String {
    format!("a-{}", pieces(ARCHIVE_CONTEXT, &[format, sha256, folder]))
}

/// Returns the id of a folder with nothing but the file `name` in the store: `f-`, the 64 hexadecimal digits of the file's
/// SHA-256, `-` and 16 more.
pub fn file_id(sha256: &str, name: &str, executable: bool) -> String {
    let mode = if executable { "755" } else { "644" };
    format!("f-{sha256}-{}", &pieces(FILE_CONTEXT, &[name, mode])[..16])
}

/// Returns the id of an exported Mercurial changeset in the store: `hg-` and its 40 hexadecimal digits.
pub fn hg_id(node: &str) -> String {
    format!("hg-{node}")
}

/// Returns the id of an exported Subversion folder in the store: `svn-` and 64 hexadecimal digits.
pub fn svn_id(url: &str, revision: &str) -> String {
    format!("svn-{}", pieces(SVN_CONTEXT, &[url, revision]))
}

fn pieces(context: &str, pieces: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    pieces.iter().for_each(|piece| add_piece(&mut hasher, piece.as_bytes()));
    hasher.finalize().to_hex().to_string()
}

fn add_piece(hasher: &mut blake3::Hasher, piece: &[u8]) {
    hasher.update(&(piece.len() as u64).to_le_bytes());
    hasher.update(piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: FolderFile<'_> = FolderFile { path: "bin/run.sh", executable: true, content: b"#!/bin/sh\n" };
    const README: FolderFile<'_> = FolderFile { path: "README", executable: false, content: b"hello\n" };

    #[test]
    fn the_digest_of_a_folder_is_the_committed_one() {
        assert_eq!(folder(&[]), "9b8e3ac8308d6a12e1e7d0984571eeb1e6c030ef27cb14a572de0b2612e0c66a");
        assert_eq!(folder(&[SCRIPT, README]), "f7f33106d91ec8f925be19e2eeb34d306326319323606a70edd26dba074de9e1");
    }

    #[test]
    fn the_id_of_a_folder_of_hashed_files_is_the_committed_one() {
        let hashed = |file: FolderFile<'_>| HashedFile::new(file.path.to_owned(), file.executable, file.content);
        let id =
            |files: &[FolderFile<'_>]| HashedFolder::new(files.iter().copied().map(hashed).collect()).id().to_owned();
        assert_eq!(id(&[SCRIPT, README]), "b3t-578c4910b0cf70684d3cdbc772f1a44e449408da04af3895d6adb78aa0fc1140");
        assert_eq!(id(&[SCRIPT, README]), id(&[README, SCRIPT]));
        assert_ne!(id(&[README]), id(&[FolderFile { executable: true, ..README }]));
    }

    #[test]
    fn the_order_of_files_does_not_matter() {
        assert_eq!(folder(&[SCRIPT, README]), folder(&[README, SCRIPT]));
    }

    #[test]
    fn path_mode_and_content_all_count_and_cannot_be_shifted_into_each_other() {
        let variants = [
            vec![README],
            vec![FolderFile { path: "README2", ..README }],
            vec![FolderFile { executable: true, ..README }],
            vec![FolderFile { content: b"hello", ..README }],
            vec![FolderFile { path: "READMEh", content: b"ello\n", ..README }],
            vec![README, FolderFile { path: "empty", executable: false, content: b"" }],
        ];
        let digests: std::collections::BTreeSet<String> = variants.iter().map(|files| folder(files)).collect();
        assert_eq!(digests.len(), variants.len());
    }

    #[test]
    fn a_checkout_with_submodules_has_an_id_of_its_own() {
        let id = |submodules, pointers| checkout_id("c0ffee", &Extent { submodules, pointers });
        assert_eq!(id(Submodules::None, false), "c0ffee");
        assert_eq!(id(Submodules::All, false), "c0ffee-s");
        assert_eq!(id(Submodules::None, true), "c0ffee-p");
        assert_eq!(id(Submodules::All, true), "c0ffee-s-p");
        let except = |patterns: &[&str]| Submodules::Except(patterns.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(id(except(&["libs/a"]), false), "c0ffee-s-2ab89a0026b0461f");
        assert_eq!(id(except(&["libs/a", "libs/b"]), true), "c0ffee-s-45f83014667d49aa-p");
        assert_ne!(id(except(&["ab", "c"]), false), id(except(&["a", "bc"]), false));
    }

    #[test]
    fn the_ids_of_other_kinds_are_the_committed_ones() {
        let sha256 = "454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1";
        assert_eq!(archive_id("tar", sha256, ""), "a-f2cb689704917c7261a727dc96e27d955e3cfbd3bd6db7b2d8873960cb5011e8");
        assert_eq!(
            archive_id("tar", sha256, "tool-1.0"),
            "a-bd14ce9fd628b7aa73ee1c94c5cbba0bf109d7c7ee0fd22211ccdb28fb223482"
        );
        assert_eq!(
            archive_id("zip", sha256, "tool-1.0"),
            "a-ce925cd61d80e4e4105130a28862ea8641919b5e3f69c72d73416c682a281c51"
        );
        assert_eq!(file_id(sha256, "tool", true), format!("f-{sha256}-b8c02ff57d1797a0"));
        assert_eq!(file_id(sha256, "tool", false), format!("f-{sha256}-0125516b377ab805"));
        assert_eq!(
            svn_id("https://svn.example.com/tool/trunk", "1199"),
            "svn-64ae85974536bb481822166b41c63d4995348227e53091dcf832ec64a1347454"
        );
        assert_ne!(
            svn_id("https://svn.example.com/tool/trunk1", "199"),
            svn_id("https://svn.example.com/tool/trunk", "1199")
        );
        assert_eq!(hg_id("84a516841ba77a5b4648de2cd0dfcb30ea46dbb4"), "hg-84a516841ba77a5b4648de2cd0dfcb30ea46dbb4");
    }
}
