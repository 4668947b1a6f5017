//! Files of a project: read whole, bounded, never from outside its folder.

#![expect(clippy::disallowed_methods, reason = "this room reads the project's files")]

use std::path::Path;

use globset::GlobBuilder;
use walkdir::WalkDir;

use super::Trouble;
use crate::extension::File;
use crate::source::Source;

/// The largest text that is read: the largest real manifest has 40 KB.
const MOST_TEXT: u64 = 16 << 20;
/// The largest folder of an extension.
const MOST_FOLDER: u64 = 256 << 20;

/// Reads a text file of the project.
///
/// # Errors
/// It is not there, not text, too large, or stands outside the project.
pub(super) fn read(root: &Path, path: &str) -> Result<Source, Trouble> {
    let io = |error: std::io::Error| Trouble::Io {
        verb: "read",
        path: path.to_owned(),
        message: words(&error),
        place: None,
    };
    let real = inside(root, path)?;
    let bytes = std::fs::metadata(&real).map_err(io)?.len();
    if bytes > MOST_TEXT {
        return Err(Trouble::TooLarge { path: path.to_owned(), bytes, most: MOST_TEXT, place: None });
    }
    std::fs::read_to_string(&real).map(|text| Source::new(path, text)).map_err(io)
}

/// Returns the files that `pattern`, a path or a glob, names: relative to the project, sorted.
///
/// # Errors
/// The pattern is none, or nothing matches a glob. A plain path is returned whether it exists or not.
pub(super) fn matching(root: &Path, pattern: &str) -> Result<Vec<String>, Trouble> {
    let plain = pattern.trim_start_matches("./");
    if !plain.contains(['*', '?', '[', '{']) {
        return Ok(vec![plain.to_owned()]);
    }
    let glob = GlobBuilder::new(plain).literal_separator(true).build().map_err(|error| Trouble::BadPattern {
        pattern: pattern.to_owned(),
        message: error.kind().to_string(),
        place: None,
    })?;
    let matcher = glob.compile_matcher();
    let mut found = Vec::new();
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != ".git") {
        let entry = entry.map_err(|error| Trouble::Io {
            verb: "read",
            path: pattern.to_owned(),
            message: error.io_error().map_or_else(|| error.to_string(), words),
            place: None,
        })?;
        let relative = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        found.extend(relative.filter(|path| !entry.file_type().is_dir() && matcher.is_match(path)).map(str::to_owned));
    }
    if found.is_empty() {
        return Err(Trouble::NoMatch { pattern: pattern.to_owned(), place: None });
    }
    found.sort();
    Ok(found)
}

/// Reads all files of a folder of the project, sorted by path.
///
/// # Errors
/// It is not there, too large, stands outside the project or holds anything but files and folders.
pub(super) fn folder(root: &Path, path: &str) -> Result<Vec<File>, Trouble> {
    use std::os::unix::fs::PermissionsExt as _;
    let io = |message: String| Trouble::Io { verb: "read", path: path.to_owned(), message, place: None };
    let top = inside(root, path)?;
    let (mut files, mut bytes) = (Vec::new(), 0);
    for entry in WalkDir::new(&top).sort_by_file_name() {
        let entry = entry.map_err(|error| io(error.io_error().map_or_else(|| error.to_string(), words)))?;
        let relative = entry.path().strip_prefix(&top).expect("a walk stays below its top");
        let name = relative.to_str().ok_or_else(|| io(format!("the name `{}` is not UTF-8", relative.display())))?;
        if entry.file_type().is_dir() {
            continue;
        }
        if !entry.file_type().is_file() {
            return Err(io(format!("`{name}` is neither a file nor a folder")));
        }
        let metadata = entry.metadata().map_err(|error| io(error.to_string()))?;
        bytes += metadata.len();
        if bytes > MOST_FOLDER {
            return Err(Trouble::TooLarge { path: path.to_owned(), bytes, most: MOST_FOLDER, place: None });
        }
        let content = std::fs::read(entry.path()).map_err(|error| io(words(&error)))?;
        files.push(File { path: name.to_owned(), executable: metadata.permissions().mode() & 0o100 != 0, content });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Returns the real path of `path`, which must stand inside the project after following links.
fn inside(root: &Path, path: &str) -> Result<std::path::PathBuf, Trouble> {
    let io = |error: std::io::Error| Trouble::Io {
        verb: "read",
        path: path.to_owned(),
        message: words(&error),
        place: None,
    };
    let real = root.join(path).canonicalize().map_err(io)?;
    let root = root.canonicalize().map_err(io)?;
    if real.starts_with(&root) { Ok(real) } else { Err(Trouble::Outside { path: path.to_owned(), place: None }) }
}

/// An I/O error in words that do not depend on the machine's language.
fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        root
    }

    #[test]
    fn a_glob_finds_files_at_any_depth_in_order() {
        let root = project(&["z.repos", "a/b.repos", "a/b.txt", ".git/c.repos"]);
        assert_eq!(matching(root.path(), "**/*.repos").unwrap(), ["a/b.repos", "z.repos"]);
        assert_eq!(matching(root.path(), "./*.repos").unwrap(), ["z.repos"]);
        assert!(matches!(matching(root.path(), "*.rosinstall"), Err(Trouble::NoMatch { .. })));
    }

    #[test]
    fn a_link_out_of_the_project_is_not_followed() {
        let (root, other) = (project(&["a"]), project(&["secret"]));
        std::os::unix::fs::symlink(other.path().join("secret"), root.path().join("link")).unwrap();
        assert!(matches!(read(root.path(), "link"), Err(Trouble::Outside { .. })));
        assert_eq!(read(root.path(), "a").unwrap().text(), "a");
    }
}
