//! Trees as archives: what a build unpacks where it copies a checkout.
//!
//! An engine is told of every file of a folder in each build, and copies it file by file; an archive is one file
//! (`benches/contexts`). Decides its bytes: all entries by path, with the modes and the time of the tree, owned by root: the
//! same tree, the same archive. It is a copy: one that is lost or damaged is made again. Leaves out which trees builds
//! unpack (`plan/`).

#![expect(clippy::disallowed_methods, reason = "the store writes files")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tar::{Builder, EntryType, Header};
use walkdir::{DirEntry, WalkDir};

use super::export::{EPOCH, set_time, sync_folder};
use super::folder::go_on;
use super::{Store, StoreError};

/// Where archives are.
pub(super) const ARCHIVES: &str = "archives";

impl Store {
    /// Makes the archive of the tree `id`, which must be in the store, unless it is there.
    ///
    /// # Errors
    /// When the disk refuses, or `interrupted` becomes true.
    pub fn pack(&self, id: &str, interrupted: &AtomicBool) -> Result<(), StoreError> {
        let path = self.archive_path(id);
        if path.is_file() {
            return Ok(());
        }
        let _lock = self.lock(&format!("archive-{id}"), interrupted)?;
        if path.is_file() {
            return Ok(());
        }
        let scratch = self.scratch()?;
        let draft = scratch.path().join("archive");
        let mut file = File::create_new(&draft).map_err(StoreError::io("make", &draft))?;
        self.write_archive(id, &mut file, &mut || go_on(id, interrupted))?;
        let whole = file.set_permissions(fs::Permissions::from_mode(0o644)).and_then(|()| file.sync_data());
        whole.map_err(StoreError::io("write", &draft))?;
        set_time(&draft)?;
        fs::rename(&draft, &path).map_err(StoreError::io("make", &path))?;
        sync_folder(&self.root.join(ARCHIVES))
    }

    /// Where the archive of the tree `id` is, if it is.
    pub(super) fn archive_path(&self, id: &str) -> PathBuf {
        self.root.join(ARCHIVES).join(format!("{id}.tar"))
    }

    /// Writes the archive of the tree `id`; `go_on` is asked before each entry.
    pub(super) fn write_archive(
        &self,
        id: &str,
        to: &mut dyn Write,
        go_on: &mut dyn FnMut() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let root = self.root.join("trees").join(id);
        let mut archive = Builder::new(BufWriter::with_capacity(1 << 16, to));
        for entry in WalkDir::new(&root).sort_by_file_name() {
            go_on()?;
            let entry = entry.map_err(|error| StoreError::walk(&root, error))?;
            append(&mut archive, &root, &entry).map_err(StoreError::io("pack", entry.path()))?;
        }
        let end = archive.into_inner().and_then(|mut file| file.flush());
        end.map_err(StoreError::io("write the archive of", &root))
    }
}

fn append(archive: &mut Builder<impl Write>, root: &Path, entry: &DirEntry) -> io::Result<()> {
    let below = entry.path().strip_prefix(root).expect("a walk stays below its root");
    let mut header = Header::new_gnu();
    header.set_mtime(EPOCH.unsigned_abs());
    header.set_uid(0);
    header.set_gid(0);
    if entry.file_type().is_dir() {
        // The folder itself is an entry, too: nothing at all would be no archive.
        let name = if below.as_os_str().is_empty() { Path::new("./") } else { below };
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        return archive.append_data(&mut header, name, io::empty());
    }
    if entry.path_is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        return archive.append_link(&mut header, below, fs::read_link(entry.path())?);
    }
    let file = File::open(entry.path())?;
    let metadata = file.metadata()?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 });
    header.set_size(metadata.len());
    archive.append_data(&mut header, below, file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::super::{Commits, ThingKind};
    use super::*;
    use crate::extension::File as ExtensionFile;

    fn store(place: &Path) -> (Store, String) {
        let store = Store::open(&place.join("store")).unwrap();
        let file = |path: &str, executable, content: &str| ExtensionFile {
            path: path.to_owned(),
            executable,
            content: content.into(),
        };
        let long = format!("{}/{}", "folder".repeat(20), "file".repeat(30));
        let files = [file("a/run", true, "#!/bin/sh\n"), file("b", false, "b"), file(&long, false, "long")];
        let id = store.add_folder(&crate::extension::folder(&files)).unwrap();
        (store, id)
    }

    fn content(store: &Store, id: &str) -> Vec<u8> {
        fs::read(store.archive_path(id)).unwrap()
    }

    #[test]
    fn an_archive_holds_the_tree_and_nothing_of_this_machine() {
        let place = tempfile::tempdir().unwrap();
        let (store, id) = store(place.path());
        symlink("../b", store.tree(&id).unwrap().join("a/link")).unwrap();
        store.pack(&id, &AtomicBool::new(false)).unwrap();
        let bytes = content(&store, &id);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut told = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 315_532_800));
            let mode = header.mode().unwrap();
            let link = entry.link_name().unwrap().map(|link| format!(" → {}", link.display())).unwrap_or_default();
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            told.push(format!("{mode:o} {}{link} {}", &path[..path.len().min(12)], text.trim_end()));
        }
        let expected = [
            "755 ./ ",
            "755 a ",
            "777 a/link → ../b ",
            "755 a/run #!/bin/sh",
            "644 b b",
            "755 folderfolder ",
            "644 folderfolder long",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_lost_is_made_again_with_the_same_bytes_and_damage_is_found() {
        let place = tempfile::tempdir().unwrap();
        let (store, id) = store(place.path());
        let go_on = AtomicBool::new(false);
        assert!(matches!(store.pack(&id, &AtomicBool::new(true)), Err(StoreError::Interrupted { .. })));
        store.pack(&id, &go_on).unwrap();
        let first = content(&store, &id);
        let path = store.archive_path(&id);
        fs::remove_file(&path).unwrap();
        store.pack(&id, &go_on).unwrap();
        assert_eq!(content(&store, &id), first);

        let things = store.things().unwrap();
        let archive = things.iter().find(|thing| thing.kind == ThingKind::Archive).unwrap();
        assert_eq!((archive.ids.len(), archive.bytes), (1, first.len() as u64));
        let damages = || store.damages(archive, &Commits::of(&things, &BTreeSet::new())).unwrap();
        assert_eq!(damages(), []);
        fs::write(&path, &first[..first.len() - 1024]).unwrap();
        assert_eq!(damages().len(), 1);
    }

    #[test]
    fn an_archive_goes_with_its_tree() {
        let place = tempfile::tempdir().unwrap();
        let (store, id) = store(place.path());
        store.pack(&id, &AtomicBool::new(false)).unwrap();
        let kinds = |store: &Store| store.things().unwrap().iter().map(|thing| thing.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&store), [ThingKind::Tree, ThingKind::Archive]);
        let (root, tree) = (store.root().to_owned(), store.things().unwrap().remove(0));
        drop(store);
        let alone = Store::alone(&root, &AtomicBool::new(false), &mut || {}).unwrap();
        alone.discard(&tree).unwrap();
        assert_eq!(kinds(&alone), []);
        fs::write(alone.archive_path(&id), "of a tree that is gone").unwrap();
        assert_eq!(kinds(&alone), [ThingKind::Leftover]);
    }

    #[test]
    fn an_empty_tree_is_an_archive_all_the_same() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("store")).unwrap();
        let id = store.add_folder(&[]).unwrap();
        store.pack(&id, &AtomicBool::new(false)).unwrap();
        let bytes = content(&store, &id);
        assert_eq!(tar::Archive::new(&bytes[..]).entries().unwrap().count(), 1);
    }
}
