//! `HEAD` of a checkout from a handful of small files, without libgit2: what makes an import with nothing to do cheap.
//!
//! Decides nothing that git would decide otherwise; what it cannot tell, it does not know. Leaves out linked work trees and
//! other ways to keep refs, which libgit2 is asked about.

#![expect(clippy::disallowed_methods, reason = "working checkouts are files")]

use std::fs;
use std::path::{Path, PathBuf};

/// Where `HEAD` is.
pub(super) struct Head {
    /// The full commit id.
    pub(super) rev: String,
    /// Whether it is on a branch.
    pub(super) attached: bool,
}

/// Returns `HEAD` of the checkout at `folder`; none where it cannot be told.
pub(super) fn head(folder: &Path) -> Option<Head> {
    let git = git_folder(folder)?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    match head.trim_end().strip_prefix("ref: ") {
        Some(name) => Some(Head { rev: reference(&git, name)?, attached: true }),
        None => Some(Head { rev: head.trim_end().to_owned(), attached: false }),
    }
}

/// Whether `deps` found out that the commit `rev` is to stand on no branch in the checkout at `folder`.
pub(super) fn is_settled(folder: &Path, rev: &str) -> bool {
    let config = git_folder(folder).and_then(|git| fs::read_to_string(git.join("config")).ok());
    config.is_some_and(|config| config.contains(&format!("detached = {rev}\n")))
}

/// `.git`, or where the file `.git` of a submodule leads.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if !fs::symlink_metadata(&git).ok()?.is_file() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    Some(folder.join(text.strip_prefix("gitdir: ")?.trim_end()))
}

/// A ref of its own file, or packed.
fn reference(git: &Path, name: &str) -> Option<String> {
    if !name.starts_with("refs/") || name.contains("..") {
        return None;
    }
    if let Ok(text) = fs::read_to_string(git.join(name)) {
        return Some(text.trim_end().to_owned());
    }
    let packed = fs::read_to_string(git.join("packed-refs")).ok()?;
    let ids = packed.lines().filter_map(|line| line.split_once(' '));
    ids.into_iter().find(|(_, packed)| *packed == name).map(|(id, _)| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn rev(files: &[(&str, &str)]) -> Option<String> {
        head(checkout(files).path()).map(|head| head.rev)
    }

    #[test]
    fn head_is_found_wherever_git_keeps_it() {
        let on = (".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(rev(&[(".git/HEAD", "abc\n")]).as_deref(), Some("abc"));
        assert_eq!(rev(&[on, (".git/refs/heads/main", "abc\n")]).as_deref(), Some("abc"));
        let packed =
            (".git/packed-refs", "# pack-refs with: peeled\nabd refs/heads/mainly\nabc refs/heads/main\n^abe\n");
        assert_eq!(rev(&[on, packed]).as_deref(), Some("abc"));
        assert_eq!(rev(&[(".git", "gitdir: modules/x\n"), ("modules/x/HEAD", "abc\n")]).as_deref(), Some("abc"));
    }

    #[test]
    fn what_cannot_be_told_is_not_known() {
        assert_eq!(rev(&[]), None);
        assert_eq!(rev(&[(".git/HEAD", "ref: refs/heads/main\n")]), None);
        assert_eq!(rev(&[(".git/HEAD", "ref: refs/../../x\n"), ("x", "abc\n")]), None);
    }
}
