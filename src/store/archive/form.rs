//! What a file is, by its first bytes, and how it is decompressed.
//!
//! Decides that names of files and types of servers say nothing. Leaves out what is in an archive.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// As many bytes are enough to know an archive by: the header of a tar.
pub(crate) const HEAD: usize = 512;

/// The most memory that xz may ask for, in KiB: as much as `xz -9` does, four times.
const XZ_MEMORY: u32 = 256 * 1024;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A tar archive, not compressed.
    Tar,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    Zip,
    /// An archive of another kind: its name, and whether it is a compressed tar.
    Other(&'static str, bool),
    /// A web page: what servers send when they want a login.
    Page,
    Unknown,
}

impl Form {
    /// Returns what a file is that begins with `head`.
    pub(crate) fn of(head: &[u8]) -> Self {
        const SIGNS: [(&[u8], Form); 11] = [
            (b"\x1f\x8b", Form::Gzip),
            (b"BZh", Form::Bzip2),
            (b"\xfd7zXZ\0", Form::Xz),
            (b"\x28\xb5\x2f\xfd", Form::Zstd),
            (b"PK\x03\x04", Form::Zip),
            // A zip archive without entries.
            (b"PK\x05\x06", Form::Zip),
            (b"\x1f\x9d", Form::Other("compress (.Z)", true)),
            (b"LZIP", Form::Other("lzip", true)),
            (b"\x5d\0\0", Form::Other("lzma (.lzma)", true)),
            (b"7z\xbc\xaf\x27\x1c", Form::Other("a 7z archive", false)),
            (b"Rar!", Form::Other("a rar archive", false)),
        ];
        if let Some((_, form)) = SIGNS.iter().find(|(sign, _)| head.starts_with(sign)) {
            return *form;
        }
        match () {
            () if is_tar(head) => Self::Tar,
            () if head.trim_ascii_start().starts_with(b"<") => Self::Page,
            () => Self::Unknown,
        }
    }

    /// Whether it could be an archive of any kind, so that a digest of it is worth locking.
    pub(crate) fn is_archive(self) -> bool {
        !matches!(self, Self::Page | Self::Unknown)
    }

    /// Returns what it is, as a phrase.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Tar | Self::Gzip | Self::Bzip2 | Self::Xz | Self::Zstd => "a tar archive or a compressed file",
            Self::Zip => "a zip archive",
            Self::Other(name, _) => name,
            Self::Page => "a web page",
            Self::Unknown => "something unknown",
        }
    }
}

/// Whether `head` is the header of a tar archive's first entry: its check sum is right, or it is the end already.
fn is_tar(head: &[u8]) -> bool {
    if head.len() < HEAD {
        return false;
    }
    if head[..HEAD].iter().all(|byte| *byte == 0) {
        return true;
    }
    let field = &head[148..156];
    let digits: String = field.iter().map(|byte| char::from(*byte)).filter(|c| c.is_ascii_digit()).collect();
    // The sum is made as if its own field were eight spaces (POSIX.1-1988, ustar).
    let others = head[..HEAD].iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let own = field.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    u32::from_str_radix(&digits, 8).is_ok_and(|sum| sum == others - own + 8 * u32::from(b' '))
}

/// Returns what `compressed`, a tar archive of the form `form`, holds; none where that is not known.
pub(super) fn decompressed<'r>(form: Form, compressed: impl BufRead + 'r) -> Option<Box<dyn Read + 'r>> {
    Some(match form {
        Form::Tar => Box::new(compressed),
        Form::Gzip => Box::new(MultiGzDecoder::new(compressed)),
        Form::Bzip2 => Box::new(MultiBzDecoder::new(compressed)),
        Form::Xz => Box::new(XzReader::new_mem_limit(compressed, true, XZ_MEMORY)),
        Form::Zstd => Box::new(Frames { source: Some(Source::Between(compressed)) }),
        Form::Zip | Form::Other(..) | Form::Page | Form::Unknown => return None,
    })
}

/// The frames of a zstd stream, one after another: `ruzstd` reads one.
struct Frames<R: BufRead> {
    /// None after an error only.
    source: Option<Source<R>>,
}

enum Source<R: BufRead> {
    Between(R),
    Inside(Box<StreamingDecoder<R, FrameDecoder>>),
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.take() {
                None => return Ok(0),
                Some(Source::Between(mut source)) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    // Its window is limited to 128 MiB.
                    let frame = StreamingDecoder::new(source).map_err(io::Error::other)?;
                    self.source = Some(Source::Inside(Box::new(frame)));
                }
                Some(Source::Inside(mut frame)) => match frame.read(buffer)? {
                    0 if !buffer.is_empty() => self.source = Some(Source::Between(frame.into_inner())),
                    length => {
                        self.source = Some(Source::Inside(frame));
                        return Ok(length);
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_size(0);
        header.set_cksum();
        let mut old = tar::Header::new_old();
        old.set_path("a").unwrap();
        old.set_cksum();
        for (head, form) in [
            (&header.as_bytes()[..], Form::Tar),
            (old.as_bytes(), Form::Tar),
            (&[0; HEAD], Form::Tar),
            (b"\x1f\x8b\x08", Form::Gzip),
            (b"PK\x03\x04", Form::Zip),
            (b"  <!DOCTYPE html>", Form::Page),
            (b"", Form::Unknown),
            (&[b'x'; HEAD], Form::Unknown),
        ] {
            assert_eq!(Form::of(head), form, "{:?}", head.get(..8));
        }
    }

    #[test]
    fn zstd_frames_follow_one_another_and_a_broken_one_is_an_error() {
        let frame =
            |content: &[u8]| ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest);
        let stream = [frame(b"hello "), frame(b"world")].concat();
        let mut text = String::new();
        decompressed(Form::Zstd, &stream[..]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello world");
        let broken = &stream[..stream.len() - 6];
        decompressed(Form::Zstd, broken).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    }
}
