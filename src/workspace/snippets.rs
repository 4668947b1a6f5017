//! What can be linted: the snippets of the project's extensions, Dockerfiles anywhere.
//!
//! Decides which file is whose. Leaves out what is wrong with them (`lint/`).

#![expect(clippy::disallowed_methods, reason = "this file reads Dockerfiles that stand outside a project")]

use std::path::{Path, PathBuf};

use super::{Trouble, Workspace, all as each, files};
use crate::extension::{Configured, Extension, Snippet};
use crate::project;
use crate::source::Source;

/// A snippet of an extension that the project has.
#[derive(Debug)]
pub struct Written {
    /// The file, with its path relative to the project.
    pub source: Source,
    /// What became of it.
    pub snippet: Snippet,
    /// Whether its steps get the standard cache mounts.
    pub caches: bool,
    /// The file, where it belongs to the project.
    pub path: Option<PathBuf>,
}

impl Workspace {
    /// Returns the snippets of the project's extensions, by extension, and what is wrong with those that cannot be
    /// read. Problems of manifests and of the lock are no reason to stop.
    ///
    /// # Errors
    /// Every problem of `deps.toml`.
    pub fn snippets(&self) -> Result<(Vec<Written>, Vec<Trouble>), Vec<Trouble>> {
        let source = self.project_file()?;
        let project = project::parse(&source).map_err(|problems| each(problems, Trouble::Project))?;
        let (mut written, mut troubles) = (Vec::new(), Vec::new());
        let detected = self.detected(&project, &mut troubles);
        for extension in self.load_extensions(&project, &detected, &mut troubles) {
            let wish = project.extensions.get(&extension.name);
            let own = wish.is_some_and(|wish| wish.path().is_some());
            match extension.configure(&project.source, wish) {
                Ok(configured) => written.extend(snippets(&extension, configured, own.then_some(self.root.as_path()))),
                Err(problems) => troubles.extend(each(problems, Trouble::Extension)),
            }
        }
        Ok((written, troubles))
    }
}

fn snippets(extension: &Extension, configured: Configured, root: Option<&Path>) -> Vec<Written> {
    let Configured { builders, runtime, user, caches, .. } = configured;
    let all = builders.into_iter().map(|builder| builder.snippet).chain(runtime).chain(user);
    let written = |snippet: Snippet| {
        let source = extension.source_of(&snippet.file)?;
        let path = root.map(|root| root.join(&snippet.file));
        Some(Written { source, snippet, caches, path })
    };
    all.filter_map(written).collect()
}

/// Reads the Dockerfile `path`, which `name` names for people.
///
/// # Errors
/// It is not there, not text or too large.
pub fn dockerfile(path: &Path, name: &str) -> Result<Source, Trouble> {
    let trouble = |message: String| Trouble::Io { verb: "read", path: name.to_owned(), message, place: None };
    let metadata = std::fs::metadata(path).map_err(|error| trouble(files::words(&error)))?;
    if !metadata.is_file() {
        return Err(trouble(if metadata.is_dir() { "it is a folder" } else { "it is no file" }.to_owned()));
    }
    let (bytes, most) = (metadata.len(), files::MOST_TEXT);
    if bytes > most {
        return Err(Trouble::TooLarge { path: name.to_owned(), bytes, most, place: None });
    }
    let text = std::fs::read_to_string(path).map_err(|error| trouble(files::words(&error)))?;
    Ok(Source::new(name, text))
}
