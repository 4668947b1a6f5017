//! Which extensions a project has: those that it names, and what they require.

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Digest, Extension as Entry, Key, Kind, Name, Text};

use super::Trouble;
use super::files::Files;
use crate::extension::{self, Configured, Extension, File, Input};
use crate::project::Project;
use crate::source::{Place, nearest};

/// Reads the project's extensions and, transitively, those that they require; sorted by name.
pub(super) fn load(source: &Files, project: &Project, troubles: &mut Vec<Trouble>) -> Vec<Extension> {
    let mut loaded: BTreeMap<String, Extension> = BTreeMap::new();
    let named = project.extensions.iter().map(|(name, wish)| (name.clone(), project.source.at(wish.name.span())));
    let mut open: BTreeMap<String, Place> = named.collect();
    let mut seen: BTreeSet<String> = open.keys().cloned().collect();
    while let Some((name, place)) = open.pop_first() {
        let extension = match read(source, project, &name, &place) {
            Ok(extension) => extension,
            Err(found) => {
                troubles.extend(found);
                continue;
            }
        };
        for required in &extension.requires {
            if seen.insert(required.value.clone()) {
                open.insert(required.value.clone(), extension.source.at(required.span()));
            }
        }
        loaded.insert(name, extension);
    }
    loaded.into_values().collect()
}

/// Reads the files of the project that `extension` has as inputs.
pub(super) fn fill(source: &Files, extension: &mut Configured, troubles: &mut Vec<Trouble>) {
    for input in extension.inputs.values_mut() {
        let Input::Project { path, place, files } = input else { continue };
        match source.folder_or_file(path) {
            Ok(found) => *files = found,
            Err(trouble) => troubles.push(trouble.at(place)),
        }
    }
}

fn read(source: &Files, project: &Project, name: &str, place: &Place) -> Result<Extension, Vec<Trouble>> {
    let folder = project.extensions.get(name).and_then(|wish| wish.path.as_ref());
    let (display, files): (String, Vec<File>) = match folder {
        Some(path) => {
            let asked = project.source.at(path.span());
            let plain = path.value.trim_start_matches("./").trim_end_matches('/');
            let files = source.folder(plain).map_err(|trouble| vec![trouble.at(&asked)])?;
            (plain.to_owned(), files)
        }
        None => {
            let files = extension::builtin(name).ok_or_else(|| {
                let nearest = nearest(name, extension::builtin_names()).map(str::to_owned);
                vec![Trouble::UnknownExtension { name: name.to_owned(), nearest, place: place.clone() }]
            })?;
            (format!("extensions/{name}"), files)
        }
    };
    Extension::read(name, &display, files).map_err(|problems| problems.into_iter().map(Trouble::Extension).collect())
}

/// Returns the lock's entries of the extensions that come with the tool; those of the project need none.
pub(super) fn lock_entries(project: &Project, extensions: &[Extension]) -> BTreeMap<Key, Entry> {
    let own = |name: &str| project.extensions.get(name).is_some_and(|wish| wish.path.is_some());
    let entry = |extension: &Extension| {
        let name = Name::new(&extension.name).expect("the names of extensions are good");
        let version = Text::new(extension.version.to_string()).expect("a version is one word");
        let digest = Digest::new(extension.digest()).expect("a digest is 64 hexadecimal digits");
        (Key { kind: Kind::Ext, name }, Entry { version, digest, extra: Default::default() })
    };
    extensions.iter().filter(|extension| !own(&extension.name)).map(entry).collect()
}
