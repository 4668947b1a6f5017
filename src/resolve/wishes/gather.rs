//! From `deps.toml`, manifests and extensions to wishes.
//!
//! Decides the keys of the lock, where a checkout stands in the image, and which wishes contradict each other. Leaves out what a
//! version means (`manifest/`).

use std::collections::BTreeMap;

use deps_lock::{Extension, Key, Kind, Name, Text, Url, ValueError};

use super::{GitWish, ImageWish, LoadedManifest, ManifestEntry, RepositoryWish, WishProblem, Wishes};
use crate::extension::{Configured, Input};
use crate::extent::{Extent, Submodules};
use crate::manifest::{self, Wish};
use crate::project::{ManifestWish, Platform, Project, SCRATCH, Sources};
use crate::resolve::other;
use crate::source::{Located, Place, Source, Spanned};

impl Wishes {
    /// Gathers the wishes of a project.
    ///
    /// # Errors
    /// Every contradiction and every value that no lock can hold, each at its place.
    pub fn gather(
        project: &Project,
        manifests: &[LoadedManifest],
        builtin: BTreeMap<Key, Extension>,
        extensions: &[Configured],
    ) -> Result<Self, Vec<Located<WishProblem>>> {
        let mut gather = Gather { wishes: Self { extensions: builtin, ..Self::default() }, problems: Vec::new() };
        gather.image(project, "base", &project.base);
        if project.builder_base.value != project.base.value {
            gather.image(project, "builder-base", &project.builder_base);
        }
        let several = manifests.iter().any(|one| one.wish.dest.value != manifests[0].wish.dest.value);
        manifests.iter().for_each(|manifest| gather.manifest(manifest, several));
        extensions.iter().for_each(|extension| gather.inputs(extension, &project.platforms));
        gather.problems.sort_by(|a, b| order(&a.place).cmp(&order(&b.place)));
        if gather.problems.is_empty() { Ok(gather.wishes) } else { Err(gather.problems) }
    }
}

fn order(place: &Place) -> (&str, usize) {
    (place.source.name(), place.span.start)
}

#[derive(Default)]
pub(in crate::resolve) struct Gather {
    wishes: Wishes,
    pub(in crate::resolve) problems: Vec<Located<WishProblem>>,
}

impl Gather {
    fn image(&mut self, project: &Project, name: &str, reference: &Spanned<String>) {
        let place = project.source.at(reference.span());
        if reference.value == SCRATCH {
            return;
        }
        let key = Key { kind: Kind::Image, name: Name::new(name).expect("the names of bases are good") };
        if let Some(reference) = self.value(&place, "image reference", Text::new(&reference.value)) {
            self.wishes.images.insert(key, ImageWish { reference, place });
        }
    }

    fn manifest(&mut self, loaded: &LoadedManifest, several: bool) {
        let LoadedManifest { wish, entries } = loaded;
        let set = wish.name.as_ref().map_or("main", |name| name.value.as_str());
        for ManifestEntry { repository, source, folder } in entries {
            let place = source.at(repository.path.span());
            if repository.kind.value == manifest::Kind::Bzr {
                let (path, kind) = (repository.path.value.clone(), repository.kind.value.name());
                let tool = crate::project::tool_version();
                let error = WishProblem::UnsupportedKind { path, kind, tool };
                self.problems.push(Located { place: source.at(repository.kind.span()), error });
                continue;
            }
            let key = if several { format!("{set}:{}", repository.path.value) } else { repository.path.value.clone() };
            let name = self.value(&place, "checkout path", Name::new(key));
            let kind = repository.kind.value;
            let (url, version) = (&repository.url, repository.version.as_ref());
            let git = match kind {
                manifest::Kind::Git => self.git(source, folder, url, version),
                _ => self.other(kind, source, folder, url, version),
            };
            let (Some(name), Some(git)) = (name, git) else { continue };
            let Some((set, path, dest)) = target(set, &repository.path.value, &wish.dest.value) else {
                let (path, dest) = (repository.path.value.clone(), wish.dest.value.clone());
                self.problems.push(Located { place, error: WishProblem::OutsideImage { path, dest } });
                continue;
            };
            // The other kinds have neither submodules nor pointers.
            let extent =
                if kind == manifest::Kind::Git { extent(wish, &repository.path.value) } else { Extent::default() };
            let asked_path = repository.path.value.clone();
            let sources = wish.sources;
            let wish = RepositoryWish { kind, git, set, path, dest, asked_path, extent, sources };
            if let Some(why) = not_by_the_build(&wish) {
                let (place, path) = (source.at(repository.url.span()), wish.path);
                self.problems.push(Located { place, error: WishProblem::NotByTheBuild { path, why } });
                continue;
            }
            self.repository(Key { kind: Kind::Repo, name }, wish, place);
        }
    }

    /// The same path twice is fine if it means the same.
    fn repository(&mut self, key: Key, wish: RepositoryWish, place: Place) {
        let Some(first) = self.wishes.repositories.get(&key) else {
            self.wishes.repositories.insert(key, wish);
            return;
        };
        let differs = [
            ("type", first.kind != wish.kind),
            ("url", first.git.remote != wish.git.remote),
            ("version", first.git.version != wish.git.version),
            ("submodules", first.extent.submodules != wish.extent.submodules),
            ("lfs", first.extent.pointers != wish.extent.pointers),
            ("sources", first.sources != wish.sources),
        ];
        if let Some((field, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            let (path, first) = (wish.path, first.git.place.clone());
            self.problems.push(Located { place, error: WishProblem::Contradiction { path, first, field } });
        }
    }

    fn inputs(&mut self, extension: &Configured, platforms: &[Platform]) {
        for (input, wish) in &extension.inputs {
            let name =
                Name::new(format!("{}/{input}", extension.name)).expect("names of extensions and inputs are good");
            match wish {
                Input::Git { url, reference, source } => {
                    if let Some(wish) = self.git(source, "", url, reference.as_ref()) {
                        self.wishes.inputs.insert(Key { kind: Kind::Input, name }, wish);
                    }
                }
                Input::Url(input) => {
                    if let Some(wish) = self.fetch(input, platforms) {
                        self.wishes.fetches.insert(Key { kind: Kind::Fetch, name }, wish);
                    }
                }
                Input::Folder { .. } | Input::Checkouts | Input::Project { .. } => {}
            }
        }
    }

    pub(in crate::resolve) fn git(
        &mut self,
        source: &Source,
        folder: &str,
        url: &Spanned<String>,
        version: Option<&Spanned<String>>,
    ) -> Option<GitWish> {
        let wish = Wish::read(version.map(|version| version.value.as_str()));
        match wish {
            Ok(wish) => self.wish(source, folder, url, version, wish),
            Err(error) => {
                let place = source.at(version.unwrap_or(url).span());
                self.problems.push(Located { place, error: error.into() });
                None
            }
        }
    }

    /// Reads a wish of another kind than git.
    fn other(
        &mut self,
        kind: manifest::Kind,
        source: &Source,
        folder: &str,
        url: &Spanned<String>,
        version: Option<&Spanned<String>>,
    ) -> Option<GitWish> {
        let wish = version.map_or(Wish::Head, |version| Wish::Name(version.value.clone()));
        let wish = self.wish(source, folder, url, version, wish)?;
        match wish.version.as_deref().map(|version| other::check_version(kind, version)) {
            Some(Err(problem)) => {
                self.problems.push(Located { place: wish.place, error: WishProblem::OtherVersion(problem) });
                None
            }
            _ => Some(wish),
        }
    }

    fn wish(
        &mut self,
        source: &Source,
        folder: &str,
        url: &Spanned<String>,
        version: Option<&Spanned<String>>,
        wish: Wish,
    ) -> Option<GitWish> {
        let url_place = source.at(url.span());
        let place = version.map_or(url_place.clone(), |version| source.at(version.span()));
        let remote =
            if manifest::url::is_relative(&url.value) { joined(folder, &url.value) } else { url.value.clone() };
        let url = self.value(&url_place, "url", Url::new(&url.value));
        let version = match version {
            Some(version) => Some(self.value(&place, "version", Text::new(&version.value))?),
            None => None,
        };
        Some(GitWish { url: url?, remote, version, wish, place })
    }

    pub(in crate::resolve) fn value<T>(
        &mut self,
        place: &Place,
        what: &'static str,
        value: Result<T, ValueError>,
    ) -> Option<T> {
        value
            .map_err(|error| {
                self.problems.push(Located { place: place.clone(), error: WishProblem::Value { what, error } })
            })
            .ok()
    }
}

/// Returns set, path and folder of the checkout `path` below `dest`: a path that starts with `..` belongs to a set of
/// its own, which stands so many folders higher. None when it would stand in the root of the image, or above it.
fn target(set: &str, path: &str, dest: &str) -> Option<(String, String, String)> {
    let ups = path.split('/').take_while(|part| *part == "..").count();
    if ups == 0 {
        return Some((set.to_owned(), path.to_owned(), dest.to_owned()));
    }
    let path = path.split('/').skip(ups).collect::<Vec<_>>().join("/");
    let folder = (0..ups).try_fold(dest, |folder, _| folder.rsplit_once('/').map(|(above, _)| above))?;
    let inside = !path.is_empty() && !folder.is_empty();
    inside.then(|| (format!("{set}-up{ups}"), path, folder.to_owned()))
}

/// Returns why the build cannot fetch a checkout that it shall fetch.
fn not_by_the_build(wish: &RepositoryWish) -> Option<&'static str> {
    let RepositoryWish { kind, git, extent, .. } = wish;
    let local = git.remote.starts_with(['/', '.']) || git.remote.starts_with("file:");
    match wish.sources {
        Sources::Store => None,
        Sources::Mount if *kind != manifest::Kind::Git => Some("it fetches from git repositories only"),
        Sources::Mount if local => Some("its url is a path of this machine"),
        Sources::Mount if matches!(extent.submodules, Submodules::Except(_)) => {
            Some("it cannot leave some of its submodules out")
        }
        Sources::Mount => None,
    }
}

/// Returns how much a manifest wants of the checkout at `path`.
fn extent(wish: &ManifestWish, path: &str) -> Extent {
    let submodules = match wish.submodules {
        true => Submodules::of(wish.exclude.iter().map(|pattern| pattern.value.as_str()), path),
        false => Submodules::None,
    };
    Extent { submodules, pointers: !wish.lfs }
}

/// Joins a relative URL to the folder of its manifest, as git resolves the URL of a submodule.
fn joined(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.trim_end_matches('/').split('/').collect();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." if parts.len() > 1 => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
