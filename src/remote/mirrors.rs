//! Mirrors: where something is downloaded in place of the URL that the lock has.
//!
//! Decides that the longest beginning counts, and that nothing climbs out of a mirror. Leaves out which ones there are
//! (the user's configuration) and whether what comes is right: the lock's digest says so. Pure.

use std::collections::BTreeMap;

/// Beginnings of URLs, and what stands in their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors(BTreeMap<String, String>);

impl Mirrors {
    /// Returns the mirrors of `table`: beginnings of URLs, and what stands in their place.
    pub fn new(table: BTreeMap<String, String>) -> Self {
        Self(table)
    }

    /// Returns the URL that is asked in place of `url`; none where it has no mirror.
    pub(crate) fn of(&self, url: &str) -> Option<String> {
        let fitting = self.0.iter().filter_map(|(from, to)| Some((from.len(), to, url.strip_prefix(from.as_str())?)));
        let (_, to, rest) = fitting.max_by_key(|(length, ..)| *length)?;
        let climbs = rest.split(['/', '?', '#']).any(|part| part == "..");
        (!climbs).then(|| format!("{to}{rest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts_and_nothing_climbs() {
        let table = [
            ("https://x.org/", "http://m.example/x/"),
            ("https://x.org/a/", "file:///srv/a/"),
            ("https://x.org/a/b/c/", "http://m.example/c/"),
        ];
        let mirrors = Mirrors::new(table.map(|(from, to)| (from.to_owned(), to.to_owned())).into());
        assert_eq!(mirrors.of("https://x.org/a/b/t.zip?v=1").as_deref(), Some("file:///srv/a/b/t.zip?v=1"));
        assert_eq!(mirrors.of("https://x.org/t.zip").as_deref(), Some("http://m.example/x/t.zip"));
        assert_eq!(mirrors.of("https://x.org/a/../../etc/passwd"), None);
        assert_eq!(mirrors.of("https://x.organic/t.zip"), None);
        assert_eq!(Mirrors::default().of("https://x.org/t.zip"), None);
    }
}
