//! What is recorded of a folder of the project, which may have more files than anybody reads: each file while they are
//! few, else the deepest folders that are few.
//!
//! So that a cause names where a change is, and a record stays small.

use std::collections::BTreeMap;

use crate::digest::{HashedFile, HashedFolder, hashed_id};

/// So many files or folders of an input are facts of their own.
const MOST: usize = 1_000;

/// Returns paths below `folder`, folders ending with `/`, and a digest of what each holds; sorted. Together they hold all
/// files.
pub(super) fn facts(folder: &HashedFolder) -> Vec<(String, String)> {
    let files = folder.files();
    if files.len() <= MOST {
        let alone = |file: &HashedFile| hashed_id([&HashedFile { path: String::new(), ..file.clone() }]);
        return files.iter().map(|file| (file.path.clone(), alone(file))).collect();
    }
    let (mut facts, mut depth) = (grouped(files, 0), 1);
    loop {
        let finer = grouped(files, depth);
        if finer.len() > MOST || finer.len() == files.len() || depth > DEEPEST {
            break;
        }
        (facts, depth) = (finer, depth + 1);
    }
    facts.into_iter().map(|(path, files)| (path.to_owned(), hashed_id(files))).collect()
}

/// Deeper folders are told by the one above.
const DEEPEST: usize = 16;

/// Returns the files by the first `depth` folders of their paths.
fn grouped(files: &[HashedFile], depth: usize) -> BTreeMap<&str, Vec<&HashedFile>> {
    let mut groups: BTreeMap<&str, Vec<&HashedFile>> = BTreeMap::new();
    for file in files {
        let folders = file.path.match_indices('/').take(depth).last();
        groups.entry(&file.path[..folders.map_or(0, |(at, _)| at + 1)]).or_default().push(file);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(paths: impl Iterator<Item = String>) -> HashedFolder {
        HashedFolder::new(paths.map(|path| HashedFile { path, executable: false, digest: [7; 32] }).collect())
    }

    fn paths(folder: &HashedFolder) -> Vec<String> {
        facts(folder).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn few_files_are_facts_each_and_many_by_their_folders() {
        assert_eq!(paths(&folder(["a/b", "c"].map(str::to_owned).into_iter())), ["a/b", "c"]);
        let many = folder((0..3_000).map(|n| format!("{}/{}/{n}", n % 2, n % 50)).chain(["top".to_owned()]));
        assert_eq!(paths(&many).len(), 51);
        assert_eq!(paths(&many)[..3], ["", "0/0/", "0/10/"]);
        let flat = folder((0..3_000).map(|n| n.to_string()));
        assert_eq!(paths(&flat), [""]);
    }

    #[test]
    fn a_change_shows_in_the_folder_that_it_is_in() {
        let before = folder((0..3_000).map(|n| format!("{}/{n}", n % 3)));
        let mut files = before.files().to_vec();
        files.iter_mut().find(|file| file.path == "1/1").unwrap().digest = [8; 32];
        let (before, after) = (facts(&before), facts(&HashedFolder::new(files)));
        let changed: Vec<&str> =
            after.iter().filter(|fact| !before.contains(fact)).map(|(path, _)| path.as_str()).collect();
        assert_eq!(changed, ["1/"]);
    }
}
