//! Takes away what a fetch that did not end well has left in a bare repository.
//!
//! Decides by name only what is left over: temporary packs and objects of libgit2 and of the git program, locks of
//! files, and git's note of what it fetched last. Whoever calls has the repository for itself, so nothing of it is in use.

use std::fs;
use std::path::Path;

/// How temporary files begin: the git program's, and libgit2's packs.
const BEGINNINGS: [&str; 2] = ["tmp_", "pack_git2_"];

/// Removes what was left over in the bare repository at `path`. What cannot be removed stays: it wastes space, or the
/// next fetch says what is wrong.
pub(crate) fn tidy(path: &Path) {
    let objects = walkdir::WalkDir::new(path.join("objects")).max_depth(2);
    let refs = walkdir::WalkDir::new(path.join("refs"));
    let top = walkdir::WalkDir::new(path).max_depth(1);
    for entry in objects.into_iter().chain(refs).chain(top).flatten() {
        let name = entry.file_name().to_string_lossy();
        let is_left = BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
            || name.ends_with(".lock")
            || name == "FETCH_HEAD";
        if is_left && entry.file_type().is_file() {
            _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_left_over_goes() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("objects/pack/tmp_pack_x1", false),
            ("objects/pack/pack_git2_8a6b", false),
            ("objects/ab/tmp_obj_x2", false),
            ("shallow.lock", false),
            ("FETCH_HEAD", false),
            ("refs/deps/pins/1.lock", false),
            ("objects/pack/pack-1234.pack", true),
            ("shallow", true),
            ("refs/deps/pins/1", true),
        ];
        for (name, _) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        tidy(folder.path());
        for (name, stays) in files {
            assert_eq!(folder.path().join(name).exists(), stays, "{name}");
        }
    }
}
