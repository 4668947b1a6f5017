//! What is recorded of a folder of the project, which may have more files than anybody reads: each file while they are
//! few, else the deepest folders that are few.
//!
//! So that a cause names where a change is, and a record stays small.

use std::collections::BTreeMap;

use crate::digest::{HashedFile, HashedFolder, hashed_id};

/// So many files or folders of an input are facts of their own.
const MOST: usize = 1_000;

/// Deeper folders are told by the one above.
const DEEPEST: usize = 16;

/// Returns paths below `folder`, folders ending with `/`, and a digest of what each holds; sorted. Together they hold all
/// files.
pub(super) fn facts(folder: &HashedFolder) -> Vec<(String, String)> {
    let files = folder.files();
    if files.len() <= MOST {
        let alone = |file: &HashedFile| hashed_id([&HashedFile { path: String::new(), ..file.clone() }]);
        return files.iter().map(|file| (file.path.clone(), alone(file))).collect();
    }
    let runs: Vec<&[HashedFile]> = files.chunk_by(|one, other| parent(one) == parent(other)).collect();
    let deepest = runs.iter().map(|run| run[0].path.matches('/').count()).max().unwrap_or_default();
    let mut facts = grouped(&runs, 0);
    for depth in 1..=deepest.min(DEEPEST) {
        let finer = grouped(&runs, depth);
        if finer.len() > MOST {
            break;
        }
        facts = finer;
    }
    facts.into_iter().map(|(path, runs)| (path.to_owned(), id(&runs))).collect()
}

/// Returns the runs of files of one folder by the first `depth` folders of their paths: files that stand together are
/// looked at once, and not again for every depth.
fn grouped<'a>(runs: &[&'a [HashedFile]], depth: usize) -> BTreeMap<&'a str, Vec<&'a [HashedFile]>> {
    let mut groups: BTreeMap<&str, Vec<&[HashedFile]>> = BTreeMap::new();
    for run in runs {
        let path = parent(&run[0]);
        let folders = path.match_indices('/').take(depth).last();
        groups.entry(&path[..folders.map_or(0, |(at, _)| at + 1)]).or_default().push(run);
    }
    groups
}

/// The folder that a file is in, with the `/` at its end.
fn parent(file: &HashedFile) -> &str {
    &file.path[..file.path.rfind('/').map_or(0, |at| at + 1)]
}

fn id(runs: &[&[HashedFile]]) -> String {
    let files: Vec<&HashedFile> = runs.iter().copied().flatten().collect();
    hashed_id(files)
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
    fn files_beside_folders_of_the_same_depth_are_one_fact_of_the_folder_above() {
        let files = (0..1_500).flat_map(|n| [format!("a/{n}"), format!("a/{n}/in")]);
        let mixed = folder(files.chain(["b/c/d/e/f".to_owned()]));
        assert_eq!(paths(&mixed), ["a/", "b/"]);
        let all: Vec<&HashedFile> = mixed.files().iter().filter(|file| file.path.starts_with("a/")).collect();
        assert_eq!(facts(&mixed)[0].1, hashed_id(all));
    }

    #[test]
    fn folders_below_the_deepest_are_told_by_the_one_above() {
        let deep = folder((0..3_000).map(|n| format!("{}{}/{n}", "a/".repeat(16), n % 2)));
        assert_eq!(paths(&deep), ["a/".repeat(16)]);
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
