//! The manifests of a project, each with those that it extends.
//!
//! Decides how `extends` is followed, after vcs2l: a path or a list of paths, relative to the file that names them;
//! parents count in their order, a later one over an earlier one, and the file's own entries over all of them, each
//! entry as a whole. A parent that several files share is read once. Leaves out what is in a manifest (`manifest/`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use super::files::Files;
use super::{Trouble, all};
use crate::manifest::{self, Manifest, Warning};
use crate::project::{ManifestWish, Project};
use crate::resolve::{LoadedManifest, ManifestEntry};
use crate::source::{Located, Place, Source, Spanned};

/// The longest chain of manifests that extend one another.
const DEEPEST: usize = 32;

/// Why a manifest cannot extend another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtendsProblem {
    /// It extends itself, over others perhaps.
    #[error("the manifests extend each other in a circle: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// The chain is longer than anybody means it.
    #[error("manifests extend each other more than {DEEPEST} deep")]
    TooDeep,
    /// The same file is named twice.
    #[error("`{0}` is extended twice")]
    Twice(String),
    /// A path out of the project, or none.
    #[error("`{0}` is no path inside the project's folder")]
    Outside(String),
}

/// Entries by checkout path.
type Entries = BTreeMap<String, ManifestEntry>;

/// Reads manifests, each file once.
pub(super) struct Reader<'a> {
    root: &'a Path,
    files: &'a Files,
    troubles: &'a mut Vec<Trouble>,
    warnings: Vec<Located<Warning>>,
    /// By path, and whether names may lead out of their folder; none for a file that cannot be read.
    read: BTreeMap<(String, bool), Option<Rc<Entries>>>,
    /// The files that are being read, each extended by the one before it.
    chain: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Returns a reader of `files`, which stand below `root`, that adds what is wrong to `troubles`.
    pub(super) fn new(root: &'a Path, files: &'a Files, troubles: &'a mut Vec<Trouble>) -> Self {
        Self { root, files, troubles, warnings: Vec::new(), read: BTreeMap::new(), chain: Vec::new() }
    }

    /// Returns the manifests that `project` asks for, in its order, and their warnings.
    pub(super) fn all(mut self, project: &Project) -> (Vec<LoadedManifest>, Vec<Located<Warning>>) {
        let mut loaded = Vec::new();
        for wish in &project.manifests {
            let place = project.source.at(wish.path.span());
            let paths = self.files.matching(&wish.path.value).unwrap_or_else(|error| {
                self.troubles.push(error.at(&place));
                Vec::new()
            });
            let manifests = paths.iter().filter_map(|path| self.file(path, wish, &place));
            loaded.extend(
                manifests
                    .map(|entries| LoadedManifest { wish: wish.clone(), entries: entries.values().cloned().collect() }),
            );
        }
        (loaded, self.warnings)
    }

    /// The entries of the file at `path`, which `place` asks for.
    fn file(&mut self, path: &str, wish: &ManifestWish, place: &Place) -> Option<Rc<Entries>> {
        let key = (path.to_owned(), wish.allow_outside);
        if let Some(known) = self.read.get(&key) {
            return known.clone();
        }
        self.chain.push(path.to_owned());
        let entries = self.entries(path, wish, place).map(Rc::new);
        self.chain.pop();
        self.read.insert(key, entries.clone());
        entries
    }

    fn entries(&mut self, path: &str, wish: &ManifestWish, place: &Place) -> Option<Entries> {
        let source = self.files.read(path).map_err(|trouble| self.troubles.push(trouble.at(place))).ok()?;
        let parse = if wish.allow_outside { manifest::parse_with_outside } else { manifest::parse };
        let parsed = parse(&source).map_err(|problems| self.troubles.extend(all(problems, Trouble::Manifest)));
        let Manifest { repositories, extends, warnings } = parsed.ok()?;
        self.warnings.extend(warnings);
        let mut entries = self.extended(&extends, &source, wish)?;
        let folder = self.root.join(path).parent().map(Path::to_string_lossy).unwrap_or_default().into_owned();
        for repository in repositories {
            let (source, folder) = (source.clone(), folder.clone());
            entries.insert(repository.path.value.clone(), ManifestEntry { repository, source, folder });
        }
        Some(entries)
    }

    /// The entries of all manifests that `source` extends.
    fn extended(&mut self, extends: &[Spanned<String>], source: &Source, wish: &ManifestWish) -> Option<Entries> {
        let (mut entries, mut seen, mut whole) = (Entries::new(), BTreeSet::new(), true);
        for parent in extends {
            let read = self.parent(parent, source, &mut seen).map_err(|error| {
                self.troubles.push(Trouble::Extends(Located::new(source, parent.span(), error)));
            });
            match read.ok().and_then(|path| self.file(&path, wish, &source.at(parent.span()))) {
                Some(parent) => entries.extend(parent.iter().map(|(path, entry)| (path.clone(), entry.clone()))),
                None => whole = false,
            }
        }
        whole.then_some(entries)
    }

    /// The path of `parent`, when it may be read now.
    fn parent(
        &self,
        parent: &Spanned<String>,
        source: &Source,
        seen: &mut BTreeSet<String>,
    ) -> Result<String, ExtendsProblem> {
        let folder = source.name().rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = joined(folder, &parent.value).ok_or_else(|| ExtendsProblem::Outside(parent.value.clone()))?;
        if !seen.insert(path.clone()) {
            return Err(ExtendsProblem::Twice(parent.value.clone()));
        }
        if let Some(first) = self.chain.iter().position(|open| *open == path) {
            return Err(ExtendsProblem::Cycle(self.chain[first..].iter().cloned().chain([path]).collect()));
        }
        if self.chain.len() >= DEEPEST { Err(ExtendsProblem::TooDeep) } else { Ok(path) }
    }
}

/// Joins `path` to `folder`, both relative to the project; none when it is absolute, a url, empty or leads out.
fn joined(folder: &str, path: &str) -> Option<String> {
    if path.is_empty() || path.starts_with('/') || path.contains("://") || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_stands_beside_the_file_that_extends_it() {
        assert_eq!(joined("", "base.repos").as_deref(), Some("base.repos"));
        assert_eq!(joined("a/b", "./../c//x.repos").as_deref(), Some("a/c/x.repos"));
        for bad in ["../../../x", "/etc/passwd", "https://h/x.repos", "..\\x", "", "../.."] {
            assert_eq!(joined("a/b", bad), None, "{bad}");
        }
    }
}
