//! The first file in which two layers differ, and what of it.
//!
//! Decides what belongs to a file: kind, content, mode, owner, time, target and what else its header has. Files are taken in
//! the order of their paths. Leaves out layers that are compressed by anything but gzip: of those only the bytes are told.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, Entry};

use crate::engine::text::printable;

/// A file that is another one in each layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its path in the image.
    pub path: String,
    /// What differs.
    pub what: What,
}

/// What of a file differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// One layer does not have it.
    Missing {
        /// Whether it is the second one.
        second: bool,
    },
    /// It is a file in one, and a link or a folder in the other.
    Kind,
    /// The content, with the sizes in bytes.
    Content(u64, u64),
    /// Where a link leads.
    Target,
    /// The permissions.
    Mode(u32, u32),
    /// User and group.
    Owner((u64, u64), (u64, u64)),
    /// The time, in seconds since 1970.
    Mtime(u64, u64),
    /// Extended attributes, fractions of times and the like.
    Attributes,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { second } => write!(f, "missing in the {} build", if *second { "second" } else { "first" }),
            Self::Kind => f.write_str("another kind of file"),
            Self::Content(one, other) if one == other => write!(f, "other content, {one} bytes in both builds"),
            Self::Content(one, other) => write!(f, "other content, {one} and {other} bytes"),
            Self::Target => f.write_str("a link to somewhere else"),
            Self::Mode(one, other) => write!(f, "mode {one:o} and {other:o}"),
            Self::Owner(one, other) => write!(f, "owner {}:{} and {}:{}", one.0, one.1, other.0, other.1),
            Self::Mtime(one, other) => write!(f, "mtime {one} and {other}"),
            Self::Attributes => f.write_str("other attributes"),
        }
    }
}

/// Returns the first difference between two layers; nothing when the same files are only written in another way, or are
/// not to be read.
///
/// # Errors
/// When a layer is damaged.
pub(super) fn difference(first: impl Read, second: impl Read) -> io::Result<Option<Difference>> {
    let (Some(first), Some(second)) = (files(first)?, files(second)?) else { return Ok(None) };
    let paths = first.keys().chain(second.keys());
    let mut differing: Vec<&String> = paths.filter(|path| first.get(*path) != second.get(*path)).collect();
    differing.sort();
    Ok(differing.first().and_then(|path| {
        let what = match (first.get(*path), second.get(*path)) {
            (Some(one), Some(other)) => one.against(other)?,
            (one, _) => What::Missing { second: one.is_some() },
        };
        Some(Difference { path: printable(path), what })
    }))
}

/// What a layer says of a file.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    kind: u8,
    target: Vec<u8>,
    content: blake3::Hash,
    size: u64,
    mode: u32,
    owner: (u64, u64),
    mtime: u64,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Facts {
    fn of(entry: &mut Entry<'_, impl Read>) -> io::Result<Self> {
        let attributes = entry.pax_extensions()?.map(|extensions| {
            extensions
                .filter_map(Result::ok)
                .map(|one| (one.key_bytes().to_vec(), one.value_bytes().to_vec()))
                .collect()
        });
        let mut hasher = blake3::Hasher::new();
        let size = io::copy(entry, &mut hasher)?;
        let header = entry.header();
        Ok(Self {
            kind: header.entry_type().as_byte(),
            target: entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default(),
            content: hasher.finalize(),
            size,
            mode: header.mode()?,
            owner: (header.uid()?, header.gid()?),
            mtime: header.mtime()?,
            attributes: attributes.unwrap_or_default(),
        })
    }

    fn against(&self, other: &Self) -> Option<What> {
        let Self { kind, target, content, size, mode, owner, mtime, attributes } = self;
        let differences = [
            (*kind != other.kind, What::Kind),
            (*target != other.target, What::Target),
            (*content != other.content, What::Content(*size, other.size)),
            (*mode != other.mode, What::Mode(*mode, other.mode)),
            (*owner != other.owner, What::Owner(*owner, other.owner)),
            (*mtime != other.mtime, What::Mtime(*mtime, other.mtime)),
            (*attributes != other.attributes, What::Attributes),
        ];
        differences.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

/// Returns what a layer says of every file, by path; nothing when it is compressed in a way that is not known here.
fn files(layer: impl Read) -> io::Result<Option<BTreeMap<String, Facts>>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut layer = BufReader::new(layer);
    let start = layer.fill_buf()?;
    if start.starts_with(&ZSTD) {
        return Ok(None);
    }
    if start.starts_with(&GZIP) { of_tar(MultiGzDecoder::new(layer)).map(Some) } else { of_tar(layer).map(Some) }
}

fn of_tar(layer: impl Read) -> io::Result<BTreeMap<String, Facts>> {
    let mut files = BTreeMap::new();
    for entry in Archive::new(layer).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = format!("/{}", path.trim_start_matches("./").trim_matches('/'));
        files.insert(path, Facts::of(&mut entry)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(files: &[(&str, &str)], change: impl Fn(&mut tar::Header)) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mode(0o644);
            header.set_mtime(7);
            change(&mut header);
            builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn told(first: &[u8], second: &[u8]) -> String {
        let difference = difference(first, second).unwrap();
        difference.map_or_else(|| "none".to_owned(), |Difference { path, what }| format!("{path}: {what}"))
    }

    #[test]
    fn the_first_file_that_differs_is_named_with_what_differs() {
        let same = layer(&[("b", "1"), ("a", "1")], |_| {});
        assert_eq!(told(&same, &layer(&[("a", "1"), ("b", "1")], |_| {})), "none", "order is no difference of a file");
        assert_eq!(told(&same, &layer(&[("a", "1"), ("b", "2")], |_| {})), "/b: other content, 1 bytes in both builds");
        assert_eq!(told(&same, &layer(&[("a", "123"), ("b", "2")], |_| {})), "/a: other content, 1 and 3 bytes");
        assert_eq!(told(&same, &layer(&[("b", "1")], |_| {})), "/a: missing in the second build");
        assert_eq!(told(&layer(&[], |_| {}), &same), "/a: missing in the first build");
        assert_eq!(told(&same, &layer(&[("a", "1"), ("b", "1")], |h| h.set_mtime(8))), "/a: mtime 7 and 8");
        assert_eq!(told(&same, &layer(&[("a", "1"), ("b", "1")], |h| h.set_mode(0o755))), "/a: mode 644 and 755");
        let owned = layer(&[("a", "1"), ("b", "1")], |h| h.set_uid(1000));
        assert_eq!(told(&same, &owned), "/a: owner 0:0 and 1000:0");
    }

    #[test]
    fn a_damaged_layer_is_an_error_and_names_cannot_move_a_cursor() {
        assert!(difference(&[0x1f, 0x8b, 0, 0][..], &[][..]).is_err());
        let odd = layer(&[("a\u{1b}[2J\nb", "1")], |_| {});
        assert_eq!(told(&odd, &layer(&[], |_| {})), "/a\\u{a}b: missing in the second build");
    }
}
