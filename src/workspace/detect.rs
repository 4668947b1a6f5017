//! What is in a folder: manifests, and files that show which extensions it wants.
//!
//! Decides where to look: below the folder and nowhere else, not into what `.gitignore` leaves out, hidden folders (that
//! they are there is seen), or through links. Leaves out what a file shows (the extensions' `[detect]`) and the proposal's text (`project/propose.rs`).

use std::path::Path;

use globset::GlobBuilder;
use ignore::{DirEntry, WalkBuilder};

use super::{PROJECT_FILE, Trouble};
use crate::extension::Extension;
use crate::source::{Place, Source};

/// More files than this are not looked at: no workspace has them.
const MOST_FILES: usize = 1_000_000;

/// What is in a folder.
#[derive(Clone, Debug)]
pub struct Found {
    /// The files, relative to the folder, and hidden folders, with a slash at the end; sorted.
    pub files: Vec<String>,
}

impl Found {
    /// Looks around in `folder`.
    ///
    /// # Errors
    /// It has a `deps.toml`, or cannot be read.
    pub fn in_folder(folder: &Path) -> Result<Self, Trouble> {
        let failed =
            |verb, path: &str, message: String| Trouble::Io { verb, path: path.to_owned(), message, place: None };
        if folder.join(PROJECT_FILE).symlink_metadata().is_ok() {
            return Err(failed("make", PROJECT_FILE, "it exists already".to_owned()));
        }
        Self::below(folder, |_| true)
    }

    /// Looks around in the project at `folder`, but not into other repositories below it: what is checked out there
    /// belongs to others, and the next clone of the project does not have it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn of_project(folder: &Path) -> Result<Self, Trouble> {
        Self::below(folder, |entry| entry.depth() == 0 || entry.path().join(".git").symlink_metadata().is_err())
    }

    /// Looks around below `folder`, where `enters` says so.
    fn below(folder: &Path, enters: fn(&DirEntry) -> bool) -> Result<Self, Trouble> {
        let failed =
            |verb, path: &str, message: String| Trouble::Io { verb, path: path.to_owned(), message, place: None };
        let mut walk = WalkBuilder::new(folder);
        walk.follow_links(false).parents(false).git_global(false).git_exclude(false).ignore(false).require_git(false);
        walk.hidden(false).filter_entry(move |entry| !is_in_hidden_folder(entry) && enters(entry));
        let mut files = Vec::new();
        for entry in walk.build() {
            let entry = entry.map_err(|error| failed("read", ".", error.to_string()))?;
            let path = entry.path().strip_prefix(folder).expect("a walk stays below its root");
            match entry.file_type() {
                Some(kind) if kind.is_file() => files.extend(path.to_str().map(str::to_owned)),
                Some(kind) if kind.is_dir() && is_hidden(path) => {
                    files.extend(path.to_str().map(|path| format!("{path}/")))
                }
                _ => {}
            }
            if files.len() > MOST_FILES {
                return Err(failed("read", ".", format!("it holds more than {MOST_FILES} files")));
            }
        }
        files.sort();
        Ok(Self { files })
    }

    /// Returns the first file that shows that the folder wants `extension`.
    pub fn shows(&self, extension: &Extension) -> Option<&str> {
        self.all_that_show(extension).next()
    }

    /// Returns all files that show that the folder wants `extension`, sorted.
    pub(super) fn all_that_show(&self, extension: &Extension) -> impl Iterator<Item = &str> {
        let globs =
            extension.detects().filter_map(|glob| GlobBuilder::new(&glob.value).literal_separator(true).build().ok());
        let matchers: Vec<_> = globs.map(|glob| glob.compile_matcher()).collect();
        self.files.iter().map(String::as_str).filter(move |file| matchers.iter().any(|matcher| matcher.is_match(file)))
    }

    /// Returns the vcstool manifests.
    pub fn manifests(&self) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|file| file.ends_with(".repos") || file.ends_with(".repos.yaml"))
    }

    /// Returns the text of the file `path`, relative to the file that `asked` stands in.
    ///
    /// # Errors
    /// It cannot be read, or stands outside the folder.
    pub fn beside(&self, folder: &Path, asked: &Place, path: &str) -> Result<Source, Trouble> {
        let beside = asked.source.name().rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = if beside.is_empty() { path.to_owned() } else { format!("{beside}/{path}") };
        super::files::Files::Disk(folder.to_owned()).read(&path).map_err(|trouble| trouble.at(asked))
    }

    /// Returns the text of the file `path` when it is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self, folder: &Path, path: &str) -> Result<Option<Source>, Trouble> {
        if !self.files.iter().any(|file| file == path) {
            return Ok(None);
        }
        super::files::Files::Disk(folder.to_owned()).read(path).map(Some)
    }
}

fn is_in_hidden_folder(entry: &DirEntry) -> bool {
    entry.depth() > 1 && entry.path().parent().is_some_and(is_hidden)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
