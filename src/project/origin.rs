//! The lines of `[extensions]`: which extension, and where it comes from.
//!
//! Decides which keys go together. Leaves out what a `ref` means and which urls may be asked (`resolve/`).

use std::collections::BTreeMap;

use super::file::ExtensionTable;
use super::{Check, ExtensionWish, Problem, stays_inside, value};
use crate::source::Spanned;
use crate::typed_toml::StringOr;

/// Where an extension comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExtensionOrigin {
    /// The tool brings it.
    #[default]
    BuiltIn,
    /// The project brings it, in this folder.
    Path(Spanned<String>),
    /// Others keep it in a git repository.
    Git(GitOrigin),
}

/// The folder of a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitOrigin {
    /// The repository as written.
    pub url: Spanned<String>,
    /// What to take of it; its HEAD when absent.
    pub reference: Option<Spanned<String>>,
    /// The folder, without `.` and `..`; the repository itself when absent.
    pub dir: Option<Spanned<String>>,
}

impl ExtensionWish {
    /// Returns the folder of an extension that the project brings.
    pub fn path(&self) -> Option<&Spanned<String>> {
        match &self.origin {
            ExtensionOrigin::Path(path) => Some(path),
            ExtensionOrigin::BuiltIn | ExtensionOrigin::Git(_) => None,
        }
    }

    /// Returns the repository of an extension that others keep.
    pub fn git(&self) -> Option<&GitOrigin> {
        match &self.origin {
            ExtensionOrigin::Git(git) => Some(git),
            ExtensionOrigin::BuiltIn | ExtensionOrigin::Path(_) => None,
        }
    }
}

impl Check<'_> {
    pub(super) fn extension(
        &mut self,
        name: Spanned<String>,
        wish: Spanned<StringOr<ExtensionTable>>,
    ) -> (String, ExtensionWish) {
        self.name("extension name", &name, value::is_extension_name, "[a-z][a-z0-9_-]*");
        let (text, origin, with) = match wish.value {
            StringOr::String(text) => {
                (Spanned { value: text, span: wish.span }, ExtensionOrigin::BuiltIn, BTreeMap::new())
            }
            StringOr::Table(mut table) => {
                let version = table.version.take();
                let with = std::mem::take(&mut table.with);
                let any = || Spanned { value: "*".to_owned(), span: name.span };
                (version.unwrap_or_else(any), self.origin(&name, table), with)
            }
        };
        let requirement = self.requirement(&text);
        (name.value.clone(), ExtensionWish { name, requirement, requirement_text: text, origin, with })
    }

    fn origin(&mut self, name: &Spanned<String>, table: ExtensionTable) -> ExtensionOrigin {
        let ExtensionTable { version: _, path, git, reference, dir, with: _ } = table;
        if let Some(path) = path.as_ref().filter(|path| !stays_inside(&path.value)) {
            self.problem(path, Problem::OutsideProject { path: path.value.clone() });
        }
        for (key, idle) in [("ref", &reference), ("dir", &dir)] {
            if let Some(idle) = idle.as_ref().filter(|_| git.is_none()) {
                self.problem(idle, Problem::NoRepository { name: name.value.clone(), key });
            }
        }
        match (path, git) {
            (Some(_), Some(url)) => {
                self.problem(&url, Problem::TwoOrigins { name: name.value.clone() });
                ExtensionOrigin::BuiltIn
            }
            (Some(path), None) => ExtensionOrigin::Path(path),
            (None, Some(url)) => {
                ExtensionOrigin::Git(GitOrigin { url, reference, dir: dir.and_then(|dir| self.dir(dir)) })
            }
            (None, None) => ExtensionOrigin::BuiltIn,
        }
    }

    /// Reads the folder of a repository: none for the repository itself.
    fn dir(&mut self, dir: Spanned<String>) -> Option<Spanned<String>> {
        let parts = dir.value.split('/').filter(|part| !matches!(*part, "" | "."));
        let plain = if dir.value.starts_with('/') { dir.value.clone() } else { parts.collect::<Vec<_>>().join("/") };
        if plain.is_empty() {
            return None;
        }
        if let Err(why) = deps_lock::Folder::new(&plain) {
            self.problem(&dir, Problem::BadFolder { path: dir.value.clone(), why });
        }
        Some(Spanned { value: plain, ..dir })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Project, parse};
    use crate::source::Source;

    fn read(extensions: &str) -> Result<Project, Vec<String>> {
        let text = format!("[project]\nname = \"a\"\nbase = \"scratch\"\n[extensions]\n{extensions}");
        let read = parse(&Source::new("deps.toml", text));
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_repository_has_a_ref_and_a_folder() {
        let project =
            read("team = { git = \"https://e.x/a.git\", ref = \"^2.1\", dir = \"./tools//team/\" }\n").unwrap();
        let git = project.extensions["team"].git().unwrap();
        assert_eq!(git.reference.as_ref().unwrap().value, "^2.1");
        assert_eq!(git.dir.as_ref().unwrap().value, "tools/team");
        let whole = read("team = { git = \"../a.git\", dir = \".\" }\n").unwrap();
        assert_eq!(whole.extensions["team"].git().unwrap().dir, None);
    }

    #[test]
    fn keys_that_do_not_go_together_and_folders_that_lead_out_are_refused() {
        let text = "a = { path = \"a\", git = \"../a\" }\nb = { ref = \"v1\" }\nc = { dir = \"x\" }\n\
                    d = { git = \"../a\", dir = \"../x\" }\ne = { git = \"../a\", dir = \"/etc\" }\n\
                    f = { git = \"../a\", dir = \"x/.git/hooks\" }\n";
        assert_eq!(
            read(text).unwrap_err(),
            [
                "deps.toml:5:25: extension `a` has a `path` and a `git` repository",
                "deps.toml:6:13: extension `b` has a `ref`, but no `git` repository",
                "deps.toml:7:13: extension `c` has a `dir`, but no `git` repository",
                "deps.toml:8:27: the folder `../x` is no plain folder of a repository",
                "deps.toml:9:27: the folder `/etc` is an absolute path",
                "deps.toml:10:27: the folder `x/.git/hooks` leads into a `.git` folder",
            ]
        );
    }
}
