//! `deps.toml`: text → model with spans.
//!
//! Decides what a project may say: names, platforms, image references, where checkouts may stand. Every problem of
//! the file is reported in one run. Leaves out reading files, globbing (`workspace/`) and what extensions offer
//! (`extension/`).

mod build_cache;
pub mod edit;
pub mod file;
pub mod layers;
mod origin;
pub mod propose;
mod value;

use std::collections::BTreeMap;

use semver::{Version, VersionReq};

pub use build_cache::{BuildCache, NoBuildCache};
use file::{AutoTable, ManifestTable, ProjectFile, ProjectTable, SubmodulesTable};
pub use file::{OptionValue, Sources};
pub use origin::{ExtensionOrigin, GitOrigin};
pub use value::{Platform, stays_inside};

use crate::extent;
use crate::source::{Located, Source, Spanned};
use crate::typed_toml::{self, BooleanOr, ShapeProblem};

/// The base that is no image: an empty file system.
pub const SCRATCH: &str = "scratch";

/// What `deps.toml` asks for.
#[derive(Clone, Debug)]
pub struct Project {
    /// The text it was read from.
    pub source: Source,
    /// The image's name.
    pub name: String,
    /// The final image's base: an image reference or `scratch`.
    pub base: Spanned<String>,
    /// The base of all builder stages.
    pub builder_base: Spanned<String>,
    /// Platforms to build for, sorted, without repetition; never empty.
    pub platforms: Vec<Platform>,
    /// Whether files of the project show which extensions it has.
    pub auto: bool,
    /// Extensions that no file shows.
    pub auto_exclude: Vec<Spanned<String>>,
    /// The manifests, in the order of the file.
    pub manifests: Vec<ManifestWish>,
    /// The extensions by name.
    pub extensions: BTreeMap<String, ExtensionWish>,
    /// How the image is built.
    pub build: Build,
}

/// A `[[manifest]]` table.
#[derive(Clone, Debug)]
pub struct ManifestWish {
    /// Path or glob, relative to the project.
    pub path: Spanned<String>,
    /// The folder of the checkouts in the image: absolute, without a trailing slash.
    pub dest: Spanned<String>,
    /// The set's name, where the project gives one.
    pub name: Option<Spanned<String>>,
    /// Whether submodules are wanted.
    pub submodules: bool,
    /// Patterns of submodules that are left out; they begin with the path of a checkout.
    pub exclude: Vec<Spanned<String>>,
    /// Whether files of Git LFS are wanted with their content.
    pub lfs: bool,
    /// Whether checkout paths may lead out of `dest`.
    pub allow_outside: bool,
    /// Where the build takes the checkouts from.
    pub sources: Sources,
}

/// A line of `[extensions]`.
#[derive(Clone, Debug)]
pub struct ExtensionWish {
    /// Where its name stands.
    pub name: Spanned<String>,
    /// The versions that will do.
    pub requirement: VersionReq,
    /// The requirement as written.
    pub requirement_text: Spanned<String>,
    /// Where it comes from.
    pub origin: ExtensionOrigin,
    /// The options that the project sets.
    pub with: BTreeMap<Spanned<String>, Spanned<OptionValue>>,
}

/// The `[build]` table.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Whether RUN steps trust the host's CA bundle.
    pub ca_certificates: bool,
    /// The image's tag, when the project names one.
    pub tag: Option<String>,
    /// Build arguments for the engine.
    pub args: BTreeMap<String, String>,
    /// The latest time that a file of an exported image may have, in seconds since 1970.
    pub epoch: u32,
    /// Where the build takes cached results from besides the engine.
    pub cache_from: Vec<BuildCache>,
    /// Where the build leaves its results for others.
    pub cache_to: Vec<BuildCache>,
}

/// The time of everything in the store, 1980-01-01: older files stay as they are.
pub(crate) const EPOCH: u32 = 315_532_800;

/// Why a `deps.toml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It does not have the shape of a `deps.toml`.
    #[error(transparent)]
    Shape(#[from] ShapeProblem),
    /// A name with characters that it may not have.
    #[error("{what} `{name}` must match `{pattern}`")]
    BadName {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
        /// What it must match.
        pattern: &'static str,
    },
    /// Not an image reference.
    #[error("`{reference}` is not an image reference")]
    BadImage {
        /// The text.
        reference: String,
    },
    /// Not a platform.
    #[error("`{text}` is not a platform (`os/architecture[/variant]`)")]
    BadPlatform {
        /// The text.
        text: String,
    },
    /// Not a semver requirement.
    #[error("`{text}` is not a version requirement: {message}")]
    BadRequirement {
        /// The text.
        text: String,
        /// Why.
        message: String,
    },
    /// The project is for other versions of the tool.
    #[error("this project needs deps `{requirement}`, and this is deps {version}")]
    OtherTool {
        /// The project's requirement.
        requirement: String,
        /// This tool's version.
        version: Version,
    },
    /// A folder of the image that is not absolute, or not plain.
    #[error("`{path}` is not a plain absolute path of the image")]
    BadDest {
        /// The path.
        path: String,
    },
    /// A path that leaves the project.
    #[error("`{path}` leaves the project's folder")]
    OutsideProject {
        /// The path.
        path: String,
    },
    /// A folder that leaves its repository.
    #[error("the folder `{path}` {why}")]
    BadFolder {
        /// The folder.
        path: String,
        /// Why, as the rest of a sentence.
        why: deps_lock::ValueError,
    },
    /// An extension from two places.
    #[error("extension `{name}` has a `path` and a `git` repository")]
    TwoOrigins {
        /// The extension.
        name: String,
    },
    /// A key that is about a repository, where there is none.
    #[error("extension `{name}` has a `{key}`, but no `git` repository")]
    NoRepository {
        /// The extension.
        name: String,
        /// The key.
        key: &'static str,
    },
    /// A pattern for submodules that is none.
    #[error("`{pattern}` is no pattern for submodules: {message}")]
    BadExclude {
        /// The pattern.
        pattern: String,
        /// Why.
        message: String,
    },
    /// Not a place for cached results.
    #[error(transparent)]
    BadBuildCache(#[from] NoBuildCache),
    /// Several folders for checkouts, and a manifest without a name for its own.
    #[error("`{path}` has no `name`, and the project puts checkouts into several folders")]
    UnnamedSet {
        /// The manifest.
        path: String,
    },
    /// One name for two folders.
    #[error("`{name}` names both `{first}` and `{second}`")]
    SetWithTwoFolders {
        /// The name.
        name: String,
        /// One folder.
        first: String,
        /// The other.
        second: String,
    },
    /// A value with characters that could leave its place.
    #[error("{what} holds a character that is not allowed: {character:?}")]
    BadCharacter {
        /// What holds it.
        what: String,
        /// The character.
        character: char,
    },
}

/// Returns this tool's version.
pub fn tool_version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo has checked the package's version")
}

/// Reads a `deps.toml`.
///
/// # Errors
/// Every problem of the file, in its order.
pub fn parse(source: &Source) -> Result<Project, Vec<Located<Problem>>> {
    let file: ProjectFile = typed_toml::parse(source).map_err(|problems| {
        problems.into_iter().map(|Located { place, error }| Located { place, error: error.into() }).collect::<Vec<_>>()
    })?;
    let mut check = Check { source, problems: Vec::new() };
    let project = check.project(file);
    if check.problems.is_empty() {
        return Ok(project);
    }
    check.problems.sort_by_key(|problem| problem.place.span.start);
    Err(check.problems)
}

/// Reads what the types leave open, collecting every problem.
struct Check<'a> {
    source: &'a Source,
    problems: Vec<Located<Problem>>,
}

impl Check<'_> {
    fn project(&mut self, file: ProjectFile) -> Project {
        let ProjectFile { project, manifest, extensions, build } = file;
        let ProjectTable { name, base, builder_base, auto, platforms, deps_version } = project.value;
        self.tool(deps_version.as_ref());
        self.name("image name", &name, value::is_image_name, "[a-z0-9][a-z0-9._-]*");
        [Some(&base), builder_base.as_ref()].into_iter().flatten().for_each(|base| self.image(base));
        let builder_base = builder_base.unwrap_or_else(|| base.clone());
        let (auto, auto_exclude) = match auto {
            BooleanOr::Boolean(auto) => (auto, Vec::new()),
            BooleanOr::Table(AutoTable { exclude }) => (true, exclude),
        };
        let manifests: Vec<_> = manifest.into_iter().map(|table| self.manifest(table.value)).collect();
        self.sets(&manifests);
        Project {
            source: self.source.clone(),
            name: name.value,
            base,
            builder_base,
            auto,
            auto_exclude,
            platforms: self.platforms(platforms),
            manifests,
            extensions: extensions.into_iter().map(|(name, wish)| self.extension(name, wish)).collect(),
            build: self.build(build),
        }
    }

    fn tool(&mut self, requirement: Option<&Spanned<String>>) {
        let Some(text) = requirement else { return };
        let version = tool_version();
        let requirement = self.requirement(text);
        if !requirement.matches(&version) {
            self.problem(text, Problem::OtherTool { requirement: text.value.clone(), version });
        }
    }

    fn platforms(&mut self, texts: Option<Vec<Spanned<String>>>) -> Vec<Platform> {
        let mut platforms = Vec::new();
        for text in texts.unwrap_or_default() {
            match Platform::parse(&text.value) {
                Some(platform) => platforms.push(platform),
                None => self.problem(&text, Problem::BadPlatform { text: text.value.clone() }),
            }
        }
        if platforms.is_empty() {
            platforms.push(Platform::default());
        }
        platforms.sort();
        platforms.dedup();
        platforms
    }

    fn manifest(&mut self, table: ManifestTable) -> ManifestWish {
        let ManifestTable { path, mut dest, name, submodules, lfs, allow_outside, sources } = table;
        if !stays_inside(&path.value) {
            self.problem(&path, Problem::OutsideProject { path: path.value.clone() });
        }
        match value::image_folder(&dest.value) {
            Some(folder) => dest.value = folder,
            None => self.problem(&dest, Problem::BadDest { path: dest.value.clone() }),
        }
        if let Some(name) = &name {
            self.name("manifest name", name, value::is_stage_word, "[a-z0-9][a-z0-9-]*");
        }
        let (submodules, exclude) = match submodules {
            BooleanOr::Boolean(submodules) => (submodules, Vec::new()),
            BooleanOr::Table(SubmodulesTable { exclude }) => (true, exclude),
        };
        exclude.iter().for_each(|pattern| self.exclude(pattern));
        ManifestWish { path, dest, name, submodules, exclude, lfs: lfs.unwrap_or(true), allow_outside, sources }
    }

    fn exclude(&mut self, pattern: &Spanned<String>) {
        if let Some(message) = extent::problem(&pattern.value) {
            self.problem(pattern, Problem::BadExclude { pattern: pattern.value.clone(), message });
        }
    }

    /// Manifests with the same `dest` form one set; with several sets, each has a name of its own.
    fn sets(&mut self, manifests: &[ManifestWish]) {
        let several = manifests.iter().any(|one| one.dest.value != manifests[0].dest.value);
        for wish in manifests.iter().filter(|_| several) {
            let Some(name) = &wish.name else {
                self.problem(&wish.path, Problem::UnnamedSet { path: wish.path.value.clone() });
                continue;
            };
            let same = |other: &&ManifestWish| other.name.as_ref().is_some_and(|other| other.value == name.value);
            let first = manifests.iter().find(same).expect("the wish itself has this name");
            if first.dest.value != wish.dest.value {
                let (first, second) = (first.dest.value.clone(), wish.dest.value.clone());
                self.problem(name, Problem::SetWithTwoFolders { name: name.value.clone(), first, second });
            }
        }
    }

    fn build(&mut self, table: file::BuildTable) -> Build {
        if let Some(tag) = &table.tag {
            self.image(tag);
        }
        for (name, text) in &table.args {
            self.name("build argument", name, value::is_variable, "[A-Za-z_][A-Za-z0-9_]*");
            if let Some(character) = text.value.chars().find(|c| c.is_control()) {
                self.problem(
                    text,
                    Problem::BadCharacter { what: format!("build argument `{}`", name.value), character },
                );
            }
        }
        Build {
            ca_certificates: table.ca_certificates,
            tag: table.tag.map(|tag| tag.value),
            args: table.args.into_iter().map(|(name, text)| (name.value, text.value)).collect(),
            epoch: table.source_date_epoch.unwrap_or(EPOCH),
            cache_from: self.build_caches(&table.cache_from),
            cache_to: self.build_caches(&table.cache_to),
        }
    }

    fn build_caches(&mut self, texts: &[Spanned<String>]) -> Vec<BuildCache> {
        let mut caches = Vec::new();
        for text in texts {
            match BuildCache::parse(&text.value) {
                Ok(cache) => caches.push(cache),
                Err(error) => self.problem(text, error.into()),
            }
        }
        caches
    }

    fn requirement(&mut self, text: &Spanned<String>) -> VersionReq {
        VersionReq::parse(&text.value).unwrap_or_else(|error| {
            self.problem(text, Problem::BadRequirement { text: text.value.clone(), message: error.to_string() });
            VersionReq::STAR
        })
    }

    fn image(&mut self, reference: &Spanned<String>) {
        if !value::is_image_reference(&reference.value) {
            self.problem(reference, Problem::BadImage { reference: reference.value.clone() });
        }
    }

    fn name(&mut self, what: &'static str, name: &Spanned<String>, good: fn(&str) -> bool, pattern: &'static str) {
        if !good(&name.value) {
            self.problem(name, Problem::BadName { what, name: name.value.clone(), pattern });
        }
    }

    fn problem<T>(&mut self, at: &Spanned<T>, problem: Problem) {
        self.problems.push(Located::new(self.source, at.span(), problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        parse(&Source::new("deps.toml", text)).expect_err("a problem").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_design_s_example_is_read() {
        let text = r#"
            [project]
            name = "turtlebot"
            base = "ubuntu:24.04"
            platforms = ["linux/arm64", "linux/amd64", "linux/arm64"]
            deps-version = ">=0.1"

            [[manifest]]
            path = "underlay.repos"
            dest = "/ws/underlay/src/"
            submodules = true

            [extensions]
            ccache = "*"
            npm = { version = "^1", with = { node = "24.9.0" } }
            my_tool = { path = "extensions/my_tool" }

            [build]
            ca-certificates = true
        "#;
        let project = parse(&Source::new("deps.toml", text)).unwrap();
        assert_eq!(project.builder_base.value, "ubuntu:24.04");
        assert_eq!(project.manifests[0].dest.value, "/ws/underlay/src");
        let platforms: Vec<_> = project.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        let with = project.extensions["npm"].with.values().next().unwrap();
        assert_eq!(with.value, OptionValue::String("24.9.0".to_owned()));
    }

    #[test]
    fn every_wrong_value_is_named_in_one_run() {
        let text = concat!(
            "[project]\nname = \"Turtle Bot\"\nbase = \"-v ubuntu\"\nplatforms = [\"amd64\"]\ndeps-version = \">=99\"\n",
            "[[manifest]]\npath = \"../x.repos\"\ndest = \"ws\"\n",
            "[extensions]\nCCache = \"*\"\nnpm = \"one\"\nmine = { path = \"/etc\" }\n",
            "[build]\nargs = { \"a b\" = \"c\" }\n",
        );
        assert_eq!(
            problems(text),
            [
                "deps.toml:2:8: image name `Turtle Bot` must match `[a-z0-9][a-z0-9._-]*`",
                "deps.toml:3:8: `-v ubuntu` is not an image reference",
                "deps.toml:4:14: `amd64` is not a platform (`os/architecture[/variant]`)",
                "deps.toml:5:16: this project needs deps `>=99`, and this is deps 0.1.0",
                "deps.toml:7:8: `../x.repos` leaves the project's folder",
                "deps.toml:8:8: `ws` is not a plain absolute path of the image",
                "deps.toml:10:1: extension name `CCache` must match `[a-z][a-z0-9_-]*`",
                "deps.toml:11:7: `one` is not a version requirement: unexpected character 'o' while parsing major version number",
                "deps.toml:12:17: `/etc` leaves the project's folder",
                "deps.toml:14:10: build argument `a b` must match `[A-Za-z_][A-Za-z0-9_]*`",
            ]
        );
    }

    #[test]
    fn several_folders_need_names() {
        let text = "[project]\nname = \"a\"\nbase = \"scratch\"\n[[manifest]]\npath = \"a.repos\"\ndest = \"/a\"\n\
                    [[manifest]]\npath = \"b.repos\"\ndest = \"/b\"\nname = \"b\"\n";
        assert_eq!(
            problems(text),
            ["deps.toml:5:8: `a.repos` has no `name`, and the project puts checkouts into several folders"]
        );
    }
}
