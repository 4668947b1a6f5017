//! The extensions that come with `deps`, embedded in the binary.

use include_dir::{Dir, DirEntry, include_dir};

use super::File;

static CATALOGUE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/extensions");

/// Returns the names of the built-in extensions, sorted.
pub fn builtin_names() -> Vec<&'static str> {
    let mut names: Vec<_> = CATALOGUE.dirs().filter_map(|dir| dir.path().to_str()).collect();
    names.sort_unstable();
    names
}

/// Returns the files of a built-in extension, sorted by path.
pub fn builtin(name: &str) -> Option<Vec<File>> {
    let dir = CATALOGUE.dirs().find(|dir| dir.path().to_str() == Some(name))?;
    let mut files = Vec::new();
    collect(dir, name, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Some(files)
}

/// An embedded file has no mode: a script is what begins with `#!`.
fn collect(dir: &Dir<'static>, root: &str, files: &mut Vec<File>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, root, files),
            DirEntry::File(file) => {
                let path = file.path().to_str().expect("the catalogue's names are UTF-8");
                let path = path[root.len() + 1..].to_owned();
                let content = file.contents().to_vec();
                files.push(File { path, executable: content.starts_with(b"#!"), content });
            }
        }
    }
}
