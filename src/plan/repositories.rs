//! Repositories of Debian packages: which extensions bring them, and which step has which.
//!
//! Decides that a builder has those of its extension and of the extensions that this one names, that the image has all,
//! and that one name is one repository. Leaves out the step (`apt.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::apt::{self, Repository};
use super::layout::Work;
use super::{Configured, Problem, ProjectFolder};
use crate::digest::HashedFolder;
use crate::extension::{AptKey, AptRepository, File, folder};

/// Repositories by the extension that brings them.
pub(super) type ByExtension = BTreeMap<String, BTreeSet<Repository>>;

impl Work<'_> {
    /// The repositories that the extensions bring; two different ones of one name are a problem.
    pub(super) fn repositories(&mut self, order: &[&Configured]) -> ByExtension {
        let mut by_name: BTreeMap<String, (String, Repository)> = BTreeMap::new();
        let mut found = ByExtension::new();
        for extension in order {
            for one in &extension.apt_repositories {
                let Some(repository) = self.repository(&extension.name, one) else { continue };
                let known = by_name.entry(one.name.clone()).or_insert((extension.name.clone(), repository.clone()));
                if known.1 != repository {
                    let (name, first, second) = (one.name.clone(), known.0.clone(), extension.name.clone());
                    self.problems.push(Problem::RepositoryConflict { name, first, second });
                }
                found.entry(extension.name.clone()).or_default().insert(repository);
            }
        }
        found
    }

    /// None where its key is not in the lock, which is noted.
    fn repository(&mut self, extension: &str, one: &AptRepository) -> Option<Repository> {
        let key = match &one.key {
            AptKey::File(file) => self.folder(vec![File { path: format!("deps-{}.key", one.name), ..file.clone() }]),
            AptKey::Input(name) => match self.inputs.get(&(extension, name.as_str())) {
                Some(tree) => (*tree).to_owned(),
                None => {
                    let (extension, name) = (extension.to_owned(), name.clone());
                    self.problems.push(Problem::MissingInput { extension, name });
                    return None;
                }
            },
        };
        let sources = self.folder(vec![apt::sources(one)]);
        let (name, is_https) = (one.name.clone(), one.url.starts_with("https:"));
        Some(Repository { name, sources, key, is_binary: one.is_binary, is_https })
    }

    /// Notes a folder that the build reads, and returns its content id.
    pub(super) fn folder(&mut self, files: Vec<File>) -> String {
        let tree = crate::digest::folder_id(&folder(&files));
        self.folders.insert(tree.clone(), files);
        tree
    }

    /// Notes a folder of the project that the build reads, and returns its content id.
    pub(super) fn project_folder(&mut self, path: &str, files: &HashedFolder) -> String {
        let folder = ProjectFolder { path: path.to_owned(), files: files.clone() };
        self.project_folders.entry(files.id().to_owned()).or_insert(folder);
        files.id().to_owned()
    }
}

/// Returns the repositories that the packages of the builders of `extension` may come from.
pub(super) fn of_builders(all: &ByExtension, extension: &Configured) -> BTreeSet<Repository> {
    let names = extension.apt_repositories_of.iter().chain([&extension.name]);
    names.filter_map(|name| all.get(name)).flatten().cloned().collect()
}

/// Returns the repositories of the image.
pub(super) fn of_image(all: &ByExtension) -> BTreeSet<Repository> {
    all.values().flatten().cloned().collect()
}
