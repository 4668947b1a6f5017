//! Files of a project: read whole, bounded, never from outside its folder; on disk or in a git revision.

#![expect(clippy::disallowed_methods, reason = "this room reads the project's files")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use walkdir::WalkDir;

use super::Trouble;
use super::revision::{Found, Revision};
use crate::digest::{HashedFile, HashedFolder};
use crate::extension::File;
use crate::hashing::{self, Hashing, HashingError};
use crate::source::Source;

/// The largest text that a person writes: the largest real manifest has 40 KB.
pub(super) const MOST_TEXT: u64 = 1 << 20;
/// The largest lock that is read at all; the format has a lower limit of its own.
pub(super) const MOST_LOCK: u64 = 64 << 20;
/// The largest folder of an extension.
const MOST_FOLDER: u64 = 256 << 20;

/// Where the files of a project are read from.
#[derive(Clone, Debug)]
pub(super) enum Files {
    /// A folder of this machine.
    Disk(PathBuf),
    /// A git revision.
    Revision(Revision),
}

impl Files {
    /// Reads a text file that a person wrote.
    ///
    /// # Errors
    /// It is not there, not text, too large, or stands outside the project.
    pub(super) fn read(&self, path: &str) -> Result<Source, Trouble> {
        self.read_up_to(path, MOST_TEXT)
    }

    /// Reads a text file of at most `most` bytes.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub(super) fn read_up_to(&self, path: &str, most: u64) -> Result<Source, Trouble> {
        let content = match self {
            Self::Disk(root) => read(root, path, most)?,
            Self::Revision(revision) => match revision.at(path).map_err(unreadable(path))? {
                Found::File(content, _) => content,
                Found::Folder(_) => return Err(trouble(path, "it is a folder")),
                Found::Nothing => return Err(trouble(path, "it does not exist")),
                Found::Outside => return Err(Trouble::Outside { path: path.to_owned(), place: None }),
            },
        };
        let bytes = content.len() as u64;
        if bytes > most {
            return Err(Trouble::TooLarge { path: path.to_owned(), bytes, most, place: None });
        }
        let text = String::from_utf8(content).map_err(|_| trouble(path, "it is not UTF-8 text"))?;
        Ok(Source::new(path, text))
    }

    /// Whether there is something at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        match self {
            Self::Disk(root) => root.join(path).exists(),
            Self::Revision(revision) => matches!(revision.at(path), Ok(Found::File(..) | Found::Folder(_))),
        }
    }

    /// Returns the files that `pattern`, a path or a glob, names: relative to the project, sorted.
    ///
    /// # Errors
    /// The pattern is none, or nothing matches a glob. A plain path is returned whether it exists or not.
    pub(super) fn matching(&self, pattern: &str) -> Result<Vec<String>, Trouble> {
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
        let mut found = match self {
            Self::Disk(root) => walked(root, pattern)?,
            Self::Revision(revision) => revision.files().map_err(unreadable(pattern))?,
        };
        found.retain(|path| matcher.is_match(path));
        if found.is_empty() {
            return Err(Trouble::NoMatch { pattern: pattern.to_owned(), place: None });
        }
        found.sort();
        Ok(found)
    }

    /// Reads all files of a folder, sorted by path.
    ///
    /// # Errors
    /// It is not there, too large, stands outside the project or holds anything but files and folders.
    pub(super) fn folder(&self, path: &str) -> Result<Vec<File>, Trouble> {
        match self {
            Self::Disk(root) => folder(root, path, Direct::new(root).path(path).as_deref()),
            Self::Revision(revision) => match revision.at(path).map_err(unreadable(path))? {
                Found::Folder(id) => {
                    let files = revision.folder(id).map_err(unreadable(path))?;
                    files.map_err(|name| trouble(path, &format!("`{name}` is neither a file nor a folder")))
                }
                Found::File(..) => Err(trouble(path, "it is no folder")),
                Found::Nothing => Err(trouble(path, "it does not exist")),
                Found::Outside => Err(Trouble::Outside { path: path.to_owned(), place: None }),
            },
        }
    }

    /// Hashes all files of a folder, or a file alone, by its name.
    ///
    /// # Errors
    /// As [`Files::folder`], with other limits; or the folder holds no file; or the run is interrupted.
    pub(super) fn hashed(&self, path: &str, how: &Hashing) -> Result<HashedFolder, Trouble> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let found = match self {
            Self::Disk(root) => on_disk(&inside(root, path)?, name, how).map_err(|error| hashing(path, error))?,
            Self::Revision(revision) => match revision.at(path).map_err(unreadable(path))? {
                Found::File(content, executable) => {
                    HashedFolder::new(vec![HashedFile::new(name.to_owned(), executable, &content)])
                }
                _ => HashedFolder::new(self.folder(path)?.into_iter().map(hashed_file).collect()),
            },
        };
        if found.files().is_empty() { Err(trouble(path, "it is a folder without files")) } else { Ok(found) }
    }
}

/// Reads a text file of at most `most` bytes that somebody named on the command line: it may stand anywhere.
///
/// # Errors
/// It is not there, not text, or too large.
pub(super) fn anywhere(path: &Path, most: u64) -> Result<Source, Trouble> {
    let name = path.to_string_lossy().into_owned();
    let bytes = std::fs::metadata(path).map_err(|error| trouble(&name, &words(&error)))?.len();
    if bytes > most {
        return Err(Trouble::TooLarge { path: name, bytes, most, place: None });
    }
    let text = std::fs::read_to_string(path).map_err(|error| trouble(&name, &words(&error)))?;
    Ok(Source::new(name, text))
}

fn trouble(path: &str, message: &str) -> Trouble {
    Trouble::Io { verb: "read", path: path.to_owned(), message: message.to_owned(), place: None }
}

fn unreadable(path: &str) -> impl Fn(git2::Error) -> Trouble {
    move |error| trouble(path, error.message())
}

fn read(root: &Path, path: &str, most: u64) -> Result<Vec<u8>, Trouble> {
    let real = inside(root, path)?;
    let metadata = std::fs::metadata(&real).map_err(|error| trouble(path, &words(&error)))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "it is a folder" } else { "it is no file" };
        return Err(trouble(path, what));
    }
    if metadata.len() > most {
        return Err(Trouble::TooLarge { path: path.to_owned(), bytes: metadata.len(), most, place: None });
    }
    std::fs::read(&real).map_err(|error| trouble(path, &words(&error)))
}

/// Hashes what is at `place`, a path without links: a folder, or the file `name`.
fn on_disk(place: &Path, name: &str, how: &Hashing) -> Result<HashedFolder, HashingError> {
    if place.is_dir() {
        return hashing::folder(place, how);
    }
    Ok(HashedFolder::new(vec![hashing::file(place, name, how)?]))
}

fn hashed_file(File { path, executable, content }: File) -> HashedFile {
    HashedFile::new(path, executable, &content)
}

fn hashing(path: &str, error: HashingError) -> Trouble {
    match error {
        HashingError::Io { path: file, cause } if file.is_empty() || path.ends_with(&file) => {
            trouble(path, &words(&cause))
        }
        HashingError::Io { path: file, cause } => trouble(path, &format!("`{file}`: {}", words(&cause))),
        HashingError::TooLarge { bytes } => {
            Trouble::TooLarge { path: path.to_owned(), bytes, most: hashing::MOST_BYTES, place: None }
        }
        HashingError::Interrupted => Trouble::Interrupted,
        other => trouble(path, &other.to_string()),
    }
}

/// The paths of all files below `root` that have a UTF-8 name; `pattern` is why they are looked for.
fn walked(root: &Path, pattern: &str) -> Result<Vec<String>, Trouble> {
    let mut found = Vec::new();
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != ".git") {
        let message = |error: walkdir::Error| error.io_error().map_or_else(|| error.to_string(), words);
        let entry = entry.map_err(|error| trouble(pattern, &message(error)))?;
        let relative = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        found.extend(relative.filter(|_| !entry.file_type().is_dir()).map(str::to_owned));
    }
    Ok(found)
}

/// Reads all files of a folder of the project at `root`, as [`Files::folder`] does; `direct` is what [`Direct::path`] says.
pub(super) fn folder(root: &Path, path: &str, direct: Option<&Path>) -> Result<Vec<File>, Trouble> {
    use std::os::unix::fs::PermissionsExt as _;
    let io = |message: String| trouble(path, &message);
    let (top, walk) = walk_inside(root, path, direct)?;
    let (mut files, mut bytes) = (Vec::new(), 0);
    for entry in walk {
        let entry = entry.map_err(|error| io(error.io_error().map_or_else(|| error.to_string(), words)))?;
        let relative = entry.path().strip_prefix(&top).expect("a walk stays below its top");
        let name = relative.to_str().ok_or_else(|| io(format!("the name `{}` is not UTF-8", relative.display())))?;
        if entry.file_type().is_dir() {
            continue;
        }
        if !entry.file_type().is_file() {
            return Err(io(format!("`{name}` is neither a file nor a folder")));
        }
        let file = std::fs::File::open(entry.path()).map_err(|error| io(words(&error)))?;
        let metadata = file.metadata().map_err(|error| io(words(&error)))?;
        bytes += metadata.len();
        if bytes > MOST_FOLDER {
            return Err(Trouble::TooLarge { path: path.to_owned(), bytes, most: MOST_FOLDER, place: None });
        }
        let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.take(metadata.len()).read_to_end(&mut content).map_err(|error| io(words(&error)))?;
        files.push(File { path: name.to_owned(), executable: metadata.permissions().mode() & 0o100 != 0, content });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Returns the real path of `path`, which must stand inside the project after following links.
pub(super) fn inside(root: &Path, path: &str) -> Result<PathBuf, Trouble> {
    if let Some(found) = without_links(root, path) {
        return Ok(found);
    }
    let real = |path_of: &Path| path_of.canonicalize().map_err(|error| trouble(path, &words(&error)));
    let (found, root) = (real(&root.join(path))?, real(root)?);
    if found.starts_with(&root) { Ok(found) } else { Err(Trouble::Outside { path: path.to_owned(), place: None }) }
}

/// Returns the same, and a walk of it.
fn walk_inside(
    root: &Path,
    path: &str,
    direct: Option<&Path>,
) -> Result<(PathBuf, impl Iterator<Item = walkdir::Result<walkdir::DirEntry>>), Trouble> {
    let walk = |top: &Path| WalkDir::new(top).follow_root_links(false).sort_by_file_name().into_iter().peekable();
    if let Some(top) = direct {
        let mut entries = walk(top);
        // A walk begins with a look at its top: most are looked at once.
        if matches!(entries.peek(), Some(Ok(entry)) if !entry.path_is_symlink()) {
            return Ok((top.to_owned(), entries));
        }
    }
    let top = inside(root, path)?;
    let entries = walk(&top);
    Ok((top, entries))
}

/// Returns `path` below `root` where none of its parts is a link or leads up: then there is nothing to follow, which takes
/// a look at every folder above the project, too.
fn without_links(root: &Path, path: &str) -> Option<PathBuf> {
    let mut found = root.to_owned();
    for part in path.split('/') {
        if leads_elsewhere(part) {
            return None;
        }
        found.push(part);
        if found.symlink_metadata().ok()?.is_symlink() {
            return None;
        }
    }
    Some(found)
}

fn leads_elsewhere(part: &str) -> bool {
    matches!(part, "" | "." | "..")
}

/// Paths of a project that go through no link. Many stand beside each other: what is above them is looked at once.
pub(super) struct Direct<'a> {
    root: &'a Path,
    above: BTreeMap<String, Option<PathBuf>>,
}

impl<'a> Direct<'a> {
    /// Returns the paths of the project at `root`.
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, above: BTreeMap::new() }
    }

    /// Returns `path` below the root where none of its parts leads up and no link is above its last part, which may be one,
    /// or nothing at all.
    pub(super) fn path(&mut self, path: &str) -> Option<PathBuf> {
        let (above, name) = match path.rsplit_once('/') {
            Some((above, name)) => {
                if !self.above.contains_key(above) {
                    self.above.insert(above.to_owned(), without_links(self.root, above));
                }
                (self.above[above].as_deref()?, name)
            }
            None => (self.root, path),
        };
        (!leads_elsewhere(name)).then(|| above.join(name))
    }
}

/// An I/O error in words that do not depend on the machine's language.
pub(super) fn words(error: &std::io::Error) -> String {
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
        let files = Files::Disk(root.path().to_owned());
        assert_eq!(files.matching("**/*.repos").unwrap(), ["a/b.repos", "z.repos"]);
        assert_eq!(files.matching("./*.repos").unwrap(), ["z.repos"]);
        assert!(matches!(files.matching("*.rosinstall"), Err(Trouble::NoMatch { .. })));
    }

    #[test]
    fn a_link_out_of_the_project_is_not_followed() {
        let (root, other) = (project(&["a"]), project(&["secret"]));
        std::os::unix::fs::symlink(other.path().join("secret"), root.path().join("link")).unwrap();
        let files = Files::Disk(root.path().to_owned());
        assert!(matches!(files.read("link"), Err(Trouble::Outside { .. })));
        assert_eq!(files.read("a").unwrap().text(), "a");
    }

    #[test]
    fn a_folder_is_read_through_links_that_stay_inside_the_project() {
        let (root, other) = (project(&["a/x", "b/c/y"]), project(&["secret/z"]));
        let link = |target: &Path, path: &str| std::os::unix::fs::symlink(target, root.path().join(path)).unwrap();
        link(Path::new("a"), "to_a");
        link(Path::new("b"), "to_b");
        link(other.path(), "out");
        let files = Files::Disk(root.path().to_owned());
        let names = |path: &str| -> Result<Vec<String>, Trouble> {
            Ok(files.folder(path)?.into_iter().map(|file| file.path).collect())
        };
        for (path, expected) in [("a", "x"), ("to_a", "x"), ("b/c", "y"), ("to_b/c", "y"), ("b/../a", "x")] {
            assert_eq!(names(path).unwrap(), [expected], "{path}");
        }
        for path in ["out", "out/secret", "to_b/../../x", "gone", "a/gone", ".."] {
            let is_refused = matches!(files.folder(path), Err(Trouble::Outside { .. } | Trouble::Io { .. }));
            assert!(is_refused, "{path}");
        }
        let deep = "a/".repeat(400_000) + "x";
        assert!(matches!(files.folder(&deep), Err(Trouble::Io { .. })) && files.read(&deep).is_err());
        let mut direct = Direct::new(root.path());
        let found = ["a", "b/c", "b/d", "to_a", "to_b/c", "b/../a", "/a"].map(|path| direct.path(path).is_some());
        assert_eq!(found, [true, true, true, true, false, false, false]);
    }

    #[test]
    fn a_revision_has_the_same_files_as_the_folder_it_was_made_of() {
        let root = project(&["p/z.repos", "p/a/b.repos", "p/a/x/c.txt", "other/secret", "p/run.sh"]);
        let link = |target: &str, path: &str| std::os::unix::fs::symlink(target, root.path().join(path)).unwrap();
        link("a", "p/folder");
        link("folder/b.repos", "p/link");
        link("../other/secret", "p/out");
        link("loop", "p/loop");
        use std::os::unix::fs::PermissionsExt as _;
        let run = root.path().join("p/run.sh");
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
        let repository = git2::Repository::init(root.path()).unwrap();
        let mut index = repository.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let somebody = git2::Signature::now("a", "a@example.org").unwrap();
        repository.commit(Some("HEAD"), &somebody, &somebody, "", &tree, &[]).unwrap();
        let folder = root.path().join("p");
        let disk = Files::Disk(folder.clone());
        let revision = Files::Revision(Revision::find(&folder, "HEAD").unwrap());
        for path in ["z.repos", "a/b.repos", "link", "folder/b.repos", "out", "loop", "gone", "a", "a/b.repos/x"] {
            let (disk, revision) = (disk.read(path), revision.read(path));
            assert_eq!(disk.as_ref().map(Source::text).ok(), revision.as_ref().map(Source::text).ok(), "{path}");
            let outside = |result: &Result<Source, Trouble>| matches!(result, Err(Trouble::Outside { .. }));
            assert!(path == "loop" || outside(&disk) == outside(&revision), "{path}: {disk:?} {revision:?}");
        }
        assert_eq!(disk.matching("**/*.repos").unwrap(), revision.matching("**/*.repos").unwrap());
        assert_eq!(disk.folder("a").unwrap(), revision.folder("a").unwrap());
        let how = Hashing::default();
        for path in ["run.sh", "folder/b.repos", "link", "a", "folder/x", "out", "gone", "."] {
            let (disk, revision) = (disk.hashed(path, &how), revision.hashed(path, &how));
            assert_eq!(disk.as_ref().ok(), revision.as_ref().ok(), "{path}: {disk:?} {revision:?}");
        }
        assert!(disk.hashed("run.sh", &how).unwrap().files()[0].executable);
        assert!(disk.folder(".").is_err() && revision.folder(".").is_err(), "links are no files");
        std::fs::remove_file(folder.join("z.repos")).unwrap();
        assert!(!disk.has("z.repos") && revision.has("z.repos"));
        assert!(matches!(Revision::find(&folder, "no-such"), Err(Trouble::Revision { .. })));
    }
}
