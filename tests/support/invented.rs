//! Entries of locks that no server stands behind.

use deps_lock::{Entry, Git, Rev, Text, Url};

/// Returns the entry of a repository; its commit is made up of url and version.
pub(crate) fn repository(url: &str, version: &str) -> Entry {
    let hash = blake3::hash(format!("{url} {version}").as_bytes()).to_hex();
    Entry::Repo(Git {
        want: None,
        reference: Text::new(version).ok(),
        rev: Rev::new(&hash[..40]).unwrap(),
        url: Url::new(url).unwrap(),
        extra: Default::default(),
    })
}
