//! What an archive cannot do, whoever made it, and that a tree is a function of the archive's content.

use std::io::{Cursor, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use tar::{EntryType, Header};
use zip::write::SimpleFileOptions;

use super::*;

/// An entry of a tar archive: its type, its raw name, its content or the raw name of its target.
type Entry<'a> = (EntryType, &'a [u8], &'a [u8]);

/// Returns a tar archive of exactly these entries, names unchecked.
fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if name.ends_with(b"run") { 0o4775 } else { 0o600 });
        header.set_mtime(1_700_000_000);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if is_link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content);
        }
        let content: &[u8] = if is_link { b"" } else { content };
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file<'a>(name: &'a str, content: &'a str) -> Entry<'a> {
    (EntryType::Regular, name.as_bytes(), content.as_bytes())
}

fn link<'a>(name: &'a str, target: &'a str) -> Entry<'a> {
    (EntryType::Symlink, name.as_bytes(), target.as_bytes())
}

/// Returns a zip archive of these names, Unix modes and contents.
fn zip(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, content) in entries {
        let options = SimpleFileOptions::default().unix_permissions(mode & 0o777);
        match mode & 0o170_000 {
            0o120_000 => writer.add_symlink(*name, std::str::from_utf8(content).unwrap(), options).unwrap(),
            0o040_000 => writer.add_directory(*name, options).unwrap(),
            _ => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(content).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        Self { folder, store }
    }

    fn unpacked(&self, format: Format, archive: &[u8], wanted: Option<&str>) -> Result<Tree, String> {
        let mut incoming = self.store.receive().unwrap();
        incoming.write(archive).unwrap();
        let sha256 = incoming.keep().unwrap();
        let file = self.store.file(&sha256).unwrap();
        let packed = Packed { format, sha256, folder: wanted.map(str::to_owned) };
        self.store.unpack(&packed, &file, &AtomicBool::new(false)).map_err(|error| error.to_string())
    }

    /// Checks that nothing but the store was written, and nothing was left in it.
    fn is_clean(&self) {
        let names: Vec<_> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["store"]);
        for folder in ["tmp", "trees"] {
            assert_eq!(std::fs::read_dir(self.store.root().join(folder)).unwrap().count(), 0, "{folder}");
        }
    }
}

/// Returns every path of the tree with its mode, its content or its target, sorted; all have the one time.
fn listing(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in walkdir::WalkDir::new(&tree.path).min_depth(1).sort_by_file_name() {
        let entry = entry.unwrap();
        let found = entry.path().symlink_metadata().unwrap();
        assert_eq!(found.mtime(), 315_532_800, "{}", entry.path().display());
        let path = entry.path().strip_prefix(&tree.path).unwrap().display().to_string();
        let mode = found.permissions().mode() & 0o7777;
        lines.push(match found.file_type() {
            kind if kind.is_dir() => format!("{path}/ {mode:o}"),
            kind if kind.is_symlink() => format!("{path} -> {}", std::fs::read_link(entry.path()).unwrap().display()),
            _ => format!("{path} {mode:o} {}", std::fs::read_to_string(entry.path()).unwrap()),
        });
    }
    lines
}

#[test]
fn an_archive_becomes_plain_files_whatever_its_modes_and_times() {
    let place = Place::new();
    let archive = tar(&[
        (EntryType::XGlobalHeader, b"pax_global_header", b"19 comment=012345\n"),
        (EntryType::Directory, b"./tool-1.0/", b""),
        file("./tool-1.0/README", "hello"),
        file("tool-1.0/bin/run", "#!"),
        link("tool-1.0/doc", "bin/../README"),
        (EntryType::Link, b"tool-1.0/COPY", b"tool-1.0/bin/run"),
        file("other/x", "x"),
    ]);
    let whole = place.unpacked(Format::Tar, &archive, None).unwrap();
    assert_eq!(listing(&whole).len(), 8);
    let tool = place.unpacked(Format::Tar, &archive, Some("tool-1.0")).unwrap();
    assert_eq!(
        listing(&tool),
        ["COPY 755 #!", "README 644 hello", "bin/ 755", "bin/run 755 #!", "doc -> bin/../README"]
    );
    let bin = place.unpacked(Format::Tar, &archive, Some("./tool-1.0/bin/")).unwrap();
    assert_eq!(listing(&bin), ["run 755 #!"]);
    assert_eq!(tool.path.metadata().unwrap().mtime(), 315_532_800);
}

#[test]
fn every_compression_gives_the_same_content() {
    let archive = tar(&[file("a", &"content ".repeat(10_000))]);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip2.write_all(&archive).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    xz.write_all(&archive).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(&archive[..], ruzstd::encoding::CompressionLevel::Fastest);
    let place = Place::new();
    let forms = [archive.clone(), gzip(&archive), bzip2.finish().unwrap(), xz.finish().unwrap(), zstd];
    let trees = forms.map(|form| listing(&place.unpacked(Format::Tar, &form, None).unwrap()));
    assert!(trees.iter().all(|tree| *tree == trees[0]) && trees[0].len() == 1, "{trees:?}");
    let halves = [&archive[..700], &archive[..512]].concat();
    for broken in [&gzip(&archive)[..80], &gzip(&halves)[..60]] {
        let error = place.unpacked(Format::Tar, broken, Some("a")).unwrap_err();
        assert!(error.starts_with("the archive cannot be unpacked: it is damaged: "), "{error}");
    }
}

#[test]
fn zip_archives_have_modes_links_and_folders() {
    let place = Place::new();
    let entries: [(&str, u32, &[u8]); 4] = [
        ("tool/", 0o040_755, b""),
        ("tool/bin/run", 0o100_755, b"#!"),
        ("tool/README", 0o100_600, b"hello"),
        ("tool/link", 0o120_777, b"README"),
    ];
    let tree = place.unpacked(Format::Zip, &zip(&entries), Some("tool")).unwrap();
    assert_eq!(listing(&tree), ["README 644 hello", "bin/ 755", "bin/run 755 #!", "link -> README"]);
}

#[test]
fn hostile_tar_archives_write_nothing() {
    let deep = "d/".repeat(300) + "x";
    let long = "n".repeat(95);
    for (entries, expected) in [
        (vec![file("../x", "")], "`../x` in it leads out of its folder with `..`"),
        (vec![file("a/../../x", "")], "`a/../../x` in it leads out of its folder with `..`"),
        (vec![file("/etc/x", "")], "`/etc/x` in it is an absolute path"),
        (vec![file("a/.git/config", "")], "`a/.git/config` in it would be taken for a repository's own folder"),
        (vec![file(".GIT/config", "")], "`.GIT/config` in it would be taken for a repository's own folder"),
        (vec![link("x", "/etc/passwd")], "`x` in it is a symbolic link out of the archive"),
        (vec![link("x", "../y")], "`x` in it is a symbolic link out of the archive"),
        (vec![link("a/b", "../../y")], "`a/b` in it is a symbolic link out of the archive"),
        (vec![link("x", "")], "`x` in it is a symbolic link out of the archive"),
        // Through a link that leads up, out of what looks like the inside.
        (vec![link("a/b/up", "../.."), link("x", "a/b/up/..")], "`x` in it is a symbolic link out of the archive"),
        (vec![link("d", "/tmp"), file("d/x", "")], "`d` in it is a symbolic link out of the archive"),
        (vec![link("d", "e"), file("d/x", "")], "`d/x` in it stands below a file or a link"),
        (vec![file("d", ""), file("d/x", "")], "`d/x` in it stands below a file or a link"),
        (vec![link("x", "y"), file("x", "")], "`x` in it is there twice"),
        (vec![file("x", ""), file("./x", "")], "`x` in it is there twice"),
        (vec![file("x", ""), (EntryType::Directory, b"x", b"")], "`x` in it is there twice"),
        (
            vec![(EntryType::Link, b"x", b"/etc/passwd")],
            "`x` in it is a hard link to something that is not unpacked before it",
        ),
        (
            vec![(EntryType::Link, b"x", b"../y")],
            "`x` in it is a hard link to something that is not unpacked before it",
        ),
        (
            vec![link("y", "z"), (EntryType::Link, b"x", b"y")],
            "`x` in it is a hard link to something that is not unpacked before it",
        ),
        (vec![(EntryType::Fifo, b"x", b"")], "`x` in it is neither a file nor a folder nor a link"),
        (vec![(EntryType::Char, b"x", b"")], "`x` in it is neither a file nor a folder nor a link"),
        (vec![(EntryType::Block, b"x", b"")], "`x` in it is neither a file nor a folder nor a link"),
        (vec![(EntryType::Regular, b"\xff", b"")], "`\u{fffd}` in it has a name that is not UTF-8"),
        (
            vec![(EntryType::GNULongName, b"n", deep.as_bytes()), file(&long, "")],
            &format!("`{deep}` in it is not a path that a folder can have"),
        ),
    ] {
        let place = Place::new();
        let error = place.unpacked(Format::Tar, &tar(&entries), None).unwrap_err();
        assert_eq!(error.strip_prefix("the archive cannot be unpacked: "), Some(expected));
        place.is_clean();
    }
}

#[test]
fn links_inside_the_archive_are_content() {
    let place = Place::new();
    let archive = tar(&[link("a/b", "../c/d"), link("loop", "loop"), link("nowhere", "not/there"), file("c/d", "1")]);
    let tree = place.unpacked(Format::Tar, &archive, None).unwrap();
    assert_eq!(
        listing(&tree),
        ["a/ 755", "a/b -> ../c/d", "c/ 755", "c/d 644 1", "loop -> loop", "nowhere -> not/there"]
    );
    // What is inside of all of it is outside of a part.
    let error = place.unpacked(Format::Tar, &archive, Some("a")).unwrap_err();
    assert_eq!(error, "the archive cannot be unpacked: `b` in it is a symbolic link out of the archive");
}

#[test]
fn hostile_zip_archives_write_nothing() {
    for (name, mode, content, expected) in [
        ("../x", 0o100_644, "", "`../x` in it leads out of its folder with `..`"),
        ("/x", 0o100_644, "", "`/x` in it is an absolute path"),
        ("a/.git/x", 0o100_644, "", "`a/.git/x` in it would be taken for a repository's own folder"),
        ("x", 0o120_777, "../y", "`x` in it is a symbolic link out of the archive"),
        ("x", 0o120_777, "/etc", "`x` in it is a symbolic link out of the archive"),
    ] {
        let place = Place::new();
        let error = place.unpacked(Format::Zip, &zip(&[(name, mode, content.as_bytes())]), None).unwrap_err();
        assert_eq!(error.strip_prefix("the archive cannot be unpacked: "), Some(expected));
        place.is_clean();
    }
}

#[test]
fn an_encrypted_or_unknown_zip_says_so() {
    let mut archive = zip(&[("secret", 0o100_644, b"x")]);
    let directory = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let method = archive.clone();
    archive[6] |= 1;
    archive[directory + 8] |= 1;
    let place = Place::new();
    let error = place.unpacked(Format::Zip, &archive, None).unwrap_err();
    assert_eq!(error, "the archive cannot be unpacked: `secret` in it is encrypted");
    let mut archive = method;
    archive[8] = 93;
    archive[directory + 10] = 93;
    let error = place.unpacked(Format::Zip, &archive, None).unwrap_err();
    let expected = "it is compressed with Zstd; known are deflate, and files that are not compressed";
    assert_eq!(error, format!("the archive cannot be unpacked: {expected}"));
}

#[test]
fn what_is_no_archive_is_named() {
    let place = Place::new();
    let other = zip(&[("a", 0o100_644, b"")]);
    for (format, content, expected) in [
        (Format::Tar, &other[..], "it is no tar archive, but a zip archive"),
        (Format::Zip, &tar(&[file("a", "")]), "it is no zip archive, but a tar archive or a compressed file"),
        (Format::Tar, b"<html>", "it is no tar archive, but a web page"),
        (Format::Tar, b"LZIP\x01", "it is compressed with lzip; known are gzip, bzip2, xz and zstd"),
        (Format::Tar, b"", "it is no tar archive, but something unknown"),
    ] {
        let error = place.unpacked(format, content, None).unwrap_err();
        assert_eq!(error, format!("the archive cannot be unpacked: {expected}"));
    }
}

#[test]
fn an_empty_folder_that_is_wanted_lists_the_others() {
    let place = Place::new();
    let archive = tar(&[file("tool-1.1/a", ""), file("README", "")]);
    let error = place.unpacked(Format::Tar, &archive, Some("tool-1.0")).unwrap_err();
    let expected = "it has nothing below `tool-1.0`; its top level has `README`, `tool-1.1`";
    assert_eq!(error, format!("the archive cannot be unpacked: {expected}"));
    place.is_clean();
}

/// Unpacks with small limits.
fn limited(entries: usize, bytes: u64, format: Format, archive: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    std::fs::write(&path, archive).unwrap();
    let (root, interrupted) = (folder.path().join("tree"), AtomicBool::new(false));
    let draft = Draft::new(&root, None, Limits { entries, bytes }, &interrupted).unwrap();
    let packed = Packed { format, sha256: String::new(), folder: None };
    unpack(&packed, &path, draft).map_err(|error| error.to_string())
}

#[test]
fn bombs_end_in_an_error() {
    let zeros = "\0".repeat(200_000);
    let tar = tar(&[file("a", &zeros), file("b", "")]);
    let zip = zip(&[("a", 0o100_644, zeros.as_bytes()), ("b", 0o100_644, b"")]);
    for (format, archive) in [(Format::Tar, &tar), (Format::Zip, &zip)] {
        limited(2, 200_000, format, archive).unwrap();
        let too_large = limited(2, 199_999, format, archive).unwrap_err();
        assert_eq!(too_large, "the archive cannot be unpacked: it has more than 199999 bytes when it is unpacked");
        let too_many = limited(1, 200_000, format, archive).unwrap_err();
        assert_eq!(too_many, "the archive cannot be unpacked: it has more than 1 entries");
    }
}

#[test]
fn a_name_that_would_fill_the_memory_ends_in_an_error() {
    let name = vec![b'n'; 8 << 20];
    let archive = tar(&[(EntryType::GNULongName, b"n", &name), file("x", "")]);
    let error = limited(9, 1 << 30, Format::Tar, &archive).unwrap_err();
    assert_eq!(error, "the archive cannot be unpacked: it is damaged: a header in it is too long");
}

#[test]
fn an_interrupt_leaves_nothing() {
    let place = Place::new();
    let mut incoming = place.store.receive().unwrap();
    incoming.write(&tar(&[file("a", "1")])).unwrap();
    let sha256 = incoming.keep().unwrap();
    let file = place.store.file(&sha256).unwrap();
    let packed = Packed { format: Format::Tar, sha256, folder: None };
    place.store.unpack(&packed, &file, &AtomicBool::new(true)).unwrap_err();
    place.is_clean();
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// A damaged archive is unpacked or refused, without a panic.
        #[test]
        fn damage_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), end in any::<prop::sample::Index>(), as_zip in any::<bool>()) {
            let (format, mut archive) = if as_zip {
                (Format::Zip, zip(&[("a/b", 0o100_644, b"content"), ("l", 0o120_777, b"a/b")]))
            } else {
                (Format::Tar, tar(&[file("a/b", "content"), link("l", "a/b")]))
            };
            let at = at.index(archive.len());
            archive[at] = byte;
            archive.truncate(end.index(archive.len()) + 1);
            let _ = limited(100, 1 << 20, format, &archive);
        }
    }
}
