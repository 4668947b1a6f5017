//! `.gitattributes`: which files of a commit the filter of Git LFS is for.
//!
//! Decides after gitattributes(5), for the attribute `filter` alone: the last line that fits counts, a folder's file over
//! those above it, macros come from the top one. Only the files of the commit count: what a user or a system adds would
//! make a tree depend on the machine. Pure.

use std::collections::BTreeMap;

use super::wildmatch::Pattern;

/// Longer lines are passed over, as git does.
const LONGEST_LINE: usize = 2048;

/// The files of a commit, by folder (empty for the top, else with a slash at the end).
#[derive(Debug, Default)]
pub(super) struct Attributes {
    folders: BTreeMap<Vec<u8>, Vec<Rule>>,
    macros: BTreeMap<Vec<u8>, Option<Filter>>,
}

/// What a line says of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Lfs,
    /// Another one, or none.
    Other,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// Whether the pattern is for the name alone, in whatever folder.
    name_only: bool,
    filter: Filter,
}

impl Attributes {
    /// Adds the file of `folder`. The top one must come first: macros count from there on.
    pub(super) fn add(&mut self, folder: &[u8], text: &[u8]) {
        let mut rules = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| line.len() < LONGEST_LINE) {
            let Some((first, words)) = words(line) else { continue };
            let filter = self.filter(&words);
            match first.strip_prefix(b"[attr]") {
                Some(name) if folder.is_empty() => _ = self.macros.insert(name.to_vec(), filter),
                Some(_) => {}
                None => rules.extend(filter.and_then(|filter| rule(&first, filter))),
            }
        }
        self.folders.insert(folder.to_vec(), rules);
    }

    /// Whether any file can be one of Git LFS.
    pub(super) fn have_lfs(&self) -> bool {
        self.folders.values().flatten().any(|rule| rule.filter == Filter::Lfs)
    }

    /// Whether the filter of the file at `path` is that of Git LFS.
    pub(super) fn is_lfs(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
        let folders: Vec<usize> = std::iter::once(0).chain(slashes).collect();
        let name = &path[folders.last().copied().unwrap_or_default()..];
        let fits = |rule: &&Rule, below: &[u8]| rule.pattern.matches(if rule.name_only { name } else { below });
        // The deepest folder and the last line first.
        let found = folders.iter().rev().find_map(|end| {
            let rules = self.folders.get(&path[..*end])?;
            rules.iter().rev().find(|rule| fits(rule, &path[*end..]))
        });
        found.is_some_and(|rule| rule.filter == Filter::Lfs)
    }

    /// Returns what `words` say of the filter; the last one counts.
    fn filter(&self, words: &[&[u8]]) -> Option<Filter> {
        let one = |word: &&[u8]| match *word {
            b"filter=lfs" => Some(Filter::Lfs),
            b"filter" | b"-filter" | b"!filter" => Some(Filter::Other),
            word if word.starts_with(b"filter=") => Some(Filter::Other),
            word => self.macros.get(word).copied().flatten(),
        };
        words.iter().rev().find_map(one)
    }
}

fn rule(pattern: &[u8], filter: Filter) -> Option<Rule> {
    // A pattern for folders alone says nothing of files, and git forbids negative ones.
    if pattern.ends_with(b"/") || pattern.starts_with(b"!") {
        return None;
    }
    let name_only = !pattern.contains(&b'/');
    let pattern = Pattern::read(pattern.strip_prefix(b"/").unwrap_or(pattern))?;
    Some(Rule { pattern, name_only, filter })
}

/// Returns the pattern of a line, without quotes, and its words; none for an empty line or a comment.
fn words(line: &[u8]) -> Option<(Vec<u8>, Vec<&[u8]>)> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let line = line.trim_ascii();
    let (first, rest) = match line {
        [] | [b'#', ..] => return None,
        [b'"', quoted @ ..] => unquoted(quoted)?,
        _ => {
            let end = line.iter().position(blank).unwrap_or(line.len());
            (line[..end].to_vec(), &line[end..])
        }
    };
    Some((first, rest.split(blank).filter(|word| !word.is_empty()).collect()))
}

/// Reads a name as C writes it, after its first quote; returns it and what follows.
fn unquoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut name = Vec::new();
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some((name, &text[at + 1..])),
            b'\\' => {
                let (byte, length) = escaped(&text[at + 1..])?;
                name.push(byte);
                at += 1 + length;
            }
            byte => {
                name.push(*byte);
                at += 1;
            }
        }
    }
}

fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    let byte = match text.first()? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        byte @ (b'"' | b'\\') => *byte,
        b'0'..=b'3' => {
            let digits = text.get(..3)?.iter().map(|digit| digit.checked_sub(b'0').filter(|digit| *digit < 8));
            let value = digits.collect::<Option<Vec<u8>>>()?;
            return Some((value[0] << 6 | value[1] << 3 | value[2], 3));
        }
        _ => return None,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_lfs(files: &[(&str, &str)], path: &str) -> bool {
        let mut attributes = Attributes::default();
        files.iter().for_each(|(folder, text)| attributes.add(folder.as_bytes(), text.as_bytes()));
        attributes.is_lfs(path.as_bytes())
    }

    #[test]
    fn the_last_line_of_the_nearest_folder_counts() {
        let top = ("", "# c\n*.bin filter=lfs diff=lfs merge=lfs -text\nraw/** -filter\n/only.x filter=lfs\n");
        let below = ("a/", "*.bin filter=other\nkeep.bin\tfilter=lfs\r\nb/c.bin filter=lfs\n");
        let files = [top, below];
        for (path, expected) in [
            ("x.bin", true),
            ("d/x.bin", true),
            ("x.txt", false),
            ("raw/x.bin", false),
            ("only.x", true),
            ("d/only.x", false),
            ("a/x.bin", false),
            ("a/d/keep.bin", true),
            ("a/b/c.bin", true),
            ("b/c.bin", true),
        ] {
            assert_eq!(is_lfs(&files, path), expected, "{path}");
        }
    }

    #[test]
    fn macros_quotes_and_oddities_are_git_s() {
        let macros = "[attr]big filter=lfs -text\n*.iso big\n*.img -big\n";
        assert!(is_lfs(&[("", macros)], "d/x.iso") && !is_lfs(&[("", macros)], "x.img"));
        assert!(!is_lfs(&[("", ""), ("a/", macros)], "a/x.iso"), "macros come from the top");
        assert!(is_lfs(&[("", "\"a b\\303\\274.x\" filter=lfs")], "a bü.x"));
        assert!(is_lfs(&[("", "my[[:space:]]x filter=lfs")], "my x"));
        for text in ["d/ filter=lfs", "!* filter=lfs", "\"d filter=lfs", "* filter=lfs !filter", "[a filter=lfs"] {
            assert!(!is_lfs(&[("", text)], "d"), "{text}");
        }
        assert!(!is_lfs(&[("", &format!("* filter=lfs {}", "x".repeat(3000)))], "d"));
    }
}
