//! Pointer files of Git LFS, after <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
//!
//! Decides what is one; anything else is an ordinary file, as for git-lfs itself. Pure.

use crate::store::name::is_sha256;

/// The largest pointer file, in bytes.
pub(super) const LARGEST: usize = 1024;

/// The versions of the format, with those before it had its name.
const VERSIONS: [&str; 3] =
    ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"];

/// What stands in a commit for the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    /// SHA-256 of the content, 64 lowercase hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

/// What a pointer file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Pointer(Pointer),
    /// A pointer to what a program of the project has made of the content.
    Extended,
}

impl Pointer {
    /// Returns the text of its pointer file.
    pub fn text(&self) -> String {
        format!("version {}\noid sha256:{}\nsize {}\n", VERSIONS[0], self.sha256, self.size)
    }
}

/// Reads a pointer file; none when `content` is something else.
pub(super) fn read(content: &[u8]) -> Option<Found> {
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= LARGEST)?;
    let mut lines = text.trim_end().split('\n').map(|line| line.split_once(' '));
    let (key, version) = lines.next()??;
    if key != "version" || !VERSIONS.contains(&version) {
        return None;
    }
    let (mut sha256, mut size, mut extended) = (None, None, false);
    for line in lines {
        match line? {
            ("oid", oid) => sha256 = oid.strip_prefix("sha256:").filter(|hex| is_sha256(hex)),
            ("size", number) => size = number.parse().ok(),
            (key, _) if key.starts_with("ext-") => extended = true,
            _ => return None,
        }
    }
    let pointer = Pointer { sha256: sha256?.to_owned(), size: size? };
    Some(if extended { Found::Extended } else { Found::Pointer(pointer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_and_everything_else_is_a_file() {
        let pointer = Pointer { sha256: "4d".repeat(32), size: 12345 };
        let text = pointer.text();
        assert_eq!(read(text.as_bytes()), Some(Found::Pointer(pointer.clone())));
        assert_eq!(read(text.trim_end().as_bytes()), Some(Found::Pointer(pointer)));
        let extended = text.replace("oid", &format!("ext-0-foo sha256:{}\noid", "0".repeat(64)));
        assert_eq!(read(extended.as_bytes()), Some(Found::Extended));
        for not in [
            String::new(),
            "version https://git-lfs.github.com/spec/v1\n".to_owned(),
            text.replace("v1", "v9"),
            text.replace("4d", "4D"),
            text.replace("sha256:4d", "sha256:../"),
            text.replace("12345", "-1"),
            text.replace("oid", "Oid"),
            format!("{text}{}", "x".repeat(LARGEST)),
            text.replace('\n', "\r\n"),
        ] {
            assert_eq!(read(not.as_bytes()), None, "{not:?}");
        }
    }
}
