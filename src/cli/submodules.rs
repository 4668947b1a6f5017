//! What is said of submodules: how to do without one that cannot be had, and patterns that leave none out.
//!
//! Leaves out what a pattern means (`extent.rs`).

use std::collections::BTreeMap;

use super::diagnostic::Diagnostic;
use crate::extent::{self, Submodules};
use crate::remote::fetch::FetchFailure;
use crate::resolve::{Origins, RepositoryWish};
use crate::source::Place;
use crate::store::Tree;
use crate::workspace::Loaded;

/// Who asks for what is fetched, by the key of the lock as messages have it.
pub(super) struct Asked<'a> {
    wishes: BTreeMap<String, &'a RepositoryWish>,
    inputs: BTreeMap<String, &'a Place>,
}

impl<'a> Asked<'a> {
    /// Returns the repositories that `loaded` asks for. Where they stand on this machine, their set is a folder.
    pub(super) fn of(loaded: &'a Loaded) -> Self {
        let names = |name: &str| [format!("repo `{name}`"), format!("repo `{}`", name.replacen(':', "/", 1))];
        let wishes = loaded.wishes.repositories.iter();
        let wishes = wishes.flat_map(|(key, wish)| names(&key.name).map(|name| (name, wish))).collect();
        let inputs = loaded.wishes.inputs.iter().map(|(key, wish)| (key.to_string(), &wish.place));
        let fetches = loaded.wishes.fetches.iter().map(|(key, wish)| (key.to_string(), &wish.url_place));
        let origins = loaded.wishes.origins.iter().map(|(key, wish)| (key.to_string(), &wish.git.place));
        Self { wishes, inputs: inputs.chain(fetches).chain(origins).collect() }
    }

    /// Returns the extensions from git.
    pub(super) fn of_origins(origins: &'a Origins) -> Self {
        let places = origins.iter().map(|(key, wish)| (key.to_string(), &wish.git.place));
        Self { wishes: BTreeMap::new(), inputs: places.collect() }
    }

    /// Returns the place in a manifest or an extension that asks for what failed.
    pub(super) fn place(&self, failure: &FetchFailure) -> Option<&'a Place> {
        let entry = failure.entry.split(" for ").next().unwrap_or(&failure.entry);
        let repository = self.wishes.get(&failure.entry).map(|wish| &wish.git.place);
        repository.or_else(|| self.inputs.get(entry).copied())
    }

    /// Returns how to do without the submodule that failed, if it is one.
    pub(super) fn way_out(&self, failure: &FetchFailure) -> Option<String> {
        let wish = self.wishes.get(&failure.entry)?;
        let others = failure.also.iter().map(|asker| (&asker.entry, &asker.submodule));
        let ways = [(&failure.entry, &failure.submodule)].into_iter().chain(others);
        let pattern = |(entry, submodule): (&String, &Option<String>)| {
            let path = format!("{}/{}", self.wishes.get(entry)?.asked_path, submodule.as_ref()?);
            Some(format!("{:?}", extent::exactly(&path)))
        };
        let patterns = ways.map(pattern).collect::<Option<Vec<String>>>()?.join(", ");
        Some(match wish.extent.submodules {
            Submodules::Except(_) => format!("leave it out: add {patterns} to `exclude` in deps.toml"),
            _ => format!("leave it out: `submodules = {{ exclude = [{patterns}] }}` in deps.toml"),
        })
    }
}

/// Returns a warning for every pattern that is about a repository, and left out none of the submodules in its tree.
pub(super) fn idle_excludes(loaded: &Loaded, trees: &[(&RepositoryWish, &Tree)]) -> Vec<Diagnostic> {
    let patterns = loaded.project.manifests.iter().flat_map(|wish| &wish.exclude);
    let about = |pattern: &str| {
        let concerned = trees.iter().filter(|(wish, _)| extent::concerns(pattern, &wish.asked_path));
        concerned.map(|(wish, tree)| (wish.asked_path.clone(), *tree)).collect::<Vec<_>>()
    };
    let leaves_out = |pattern: &str, path: &str, tree: &Tree| {
        tree.excluded.iter().any(|submodule| extent::excludes(pattern, &format!("{path}/{submodule}")))
    };
    let mut idle = Vec::new();
    for pattern in patterns {
        let about = about(&pattern.value);
        if !about.is_empty() && !about.iter().any(|(path, tree)| leaves_out(&pattern.value, path, tree)) {
            let paths: Vec<&str> = about.iter().map(|(path, _)| path.as_str()).collect();
            let message = format!("`{}` excludes no submodule of `{}`", pattern.value, paths.join("`, `"));
            idle.push(Diagnostic::warning(message).at(Some(&loaded.project.source.at(pattern.span()))));
        }
    }
    idle
}
