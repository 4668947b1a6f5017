//! Patterns for submodules that exclude nothing, as far as the paths of the checkouts tell.
//!
//! Leaves out which submodules a checkout has: only its commit knows them.

use crate::extent;
use crate::project::Project;
use crate::resolve::LoadedManifest;
use crate::source::Located;

/// A pattern that fits no checkout of its manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` excludes no submodule: it begins with no checkout path of `{manifest}`")]
pub struct IdleExclude {
    /// The pattern.
    pub pattern: String,
    /// The path of the manifest as `deps.toml` has it.
    pub manifest: String,
}

/// Returns those of `project`, in the order of the file.
pub(super) fn idle(project: &Project, manifests: &[LoadedManifest]) -> Vec<Located<IdleExclude>> {
    let mut idle = Vec::new();
    for wish in &project.manifests {
        let ours = manifests.iter().filter(|manifest| manifest.wish.path == wish.path);
        let paths: Vec<&str> =
            ours.flat_map(|manifest| &manifest.entries).map(|entry| entry.repository.path.value.as_str()).collect();
        for pattern in wish.exclude.iter().filter(|one| !paths.iter().any(|path| extent::concerns(&one.value, path))) {
            let error = IdleExclude { pattern: pattern.value.clone(), manifest: wish.path.value.clone() };
            idle.push(Located::new(&project.source, pattern.span(), error));
        }
    }
    idle
}
