//! `auto` in deps.toml: the built-in extensions that files of the project show to be wanted.
//!
//! Decides when somebody looks around: for a new lock, and for the answer whether it would be another one. Everything
//! else takes what the lock has, so that a stray file changes no build. Leaves out what a file shows (the extensions'
//! `[detect]`).

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Entry, Kind, Text};

use super::detect::Found;
use super::files::Files;
use super::{Trouble, Workspace};
use crate::extension::{self, Extension};
use crate::project::Project;
use crate::source::nearest;

/// Where the answer comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Detection {
    /// The lock.
    #[default]
    Locked,
    /// The files of the project.
    Look,
}

impl Workspace {
    /// Returns the same project, whose files are looked at for extensions that they show.
    #[must_use]
    pub fn looking_around(self) -> Self {
        Self { detection: Detection::Look, ..self }
    }

    /// Returns the extensions that files show, each with one such file. Neither those that the project names nor those that it excludes
    /// are among them.
    pub(super) fn detected(&self, project: &Project, troubles: &mut Vec<Trouble>) -> BTreeMap<String, Text> {
        if !project.auto {
            return BTreeMap::new();
        }
        let builtin = extension::builtin_names();
        for name in project.auto_exclude.iter().filter(|name| !builtin.contains(&name.value.as_str())) {
            let nearest = nearest(&name.value, builtin.iter().copied()).map(str::to_owned);
            let place = project.source.at(name.span());
            troubles.push(Trouble::UnknownExtension { name: name.value.clone(), nearest, place });
        }
        let excluded: BTreeSet<&str> = project.auto_exclude.iter().map(|name| name.value.as_str()).collect();
        let open = |name: &&str| !excluded.contains(*name) && !project.extensions.contains_key(*name);
        let names: Vec<&str> = builtin.into_iter().filter(open).collect();
        let mut locked = self.locked();
        match (self.detection, &self.files) {
            (Detection::Look, Files::Disk(root)) => match Found::of_project(root) {
                Ok(found) => names.into_iter().filter_map(|name| shown(name, &found, locked.remove(name))).collect(),
                Err(trouble) => {
                    troubles.push(trouble);
                    BTreeMap::new()
                }
            },
            // A file that has gone shows nothing; which files show more is not asked of a revision.
            (Detection::Look, Files::Revision(_)) => {
                let shown = names.into_iter().filter_map(|name| Some((name.to_owned(), locked.remove(name)?)));
                shown.filter(|(_, file)| self.files.has(file)).collect()
            }
            (Detection::Locked, _) => {
                names.into_iter().filter_map(|name| Some((name.to_owned(), locked.remove(name)?))).collect()
            }
        }
    }

    /// Returns what the lock says that files show. A lock that cannot be read is told of by whoever needs it.
    fn locked(&self) -> BTreeMap<String, Text> {
        let Ok(Some(lock)) = self.lock() else { return BTreeMap::new() };
        let entries = lock.lock.iter().filter(|(key, _)| key.kind == Kind::Ext);
        let detected = entries.filter_map(|(key, entry)| match entry {
            Entry::Ext(extension) => Some((key.name.to_string(), extension.detected.clone()?)),
            _ => None,
        });
        detected.collect()
    }
}

/// Returns the file that shows the built-in extension `name`: the one of the lock as long as it does, so that another
/// one beside it changes nothing.
fn shown(name: &str, found: &Found, locked: Option<Text>) -> Option<(String, Text)> {
    let files = extension::builtin(name).expect("it is one of the names");
    let extension = Extension::read(name, name, files).expect("tests read all built-in extensions");
    let mut files = found.all_that_show(&extension).filter_map(|file| Text::new(file).ok()).peekable();
    let first = files.peek().cloned()?;
    let file = locked.filter(|locked| files.any(|file| file == *locked)).unwrap_or(first);
    Some((name.to_owned(), file))
}
