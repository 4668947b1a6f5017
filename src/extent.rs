//! How much of a commit a tree holds: which submodules, and whether Git LFS files have their content.
//!
//! Decides what an exclude pattern means: it is a path of a checkout and of a submodule below it, in parts between `/`;
//! a part is a glob, `**` is any number of parts (at the end at least one). Following a path leaves the rest of each
//! pattern, so that what is excluded below a folder is known without the way to it. Pure. Leaves out ids (`digest.rs`).

use std::collections::BTreeSet;

use globset::GlobBuilder;

/// The part of a commit that a tree holds beside its own files.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// Which submodules it has.
    pub submodules: Submodules,
    /// Whether pointer files of Git LFS stay what they are, instead of becoming the content that they name.
    pub pointers: bool,
}

/// The submodules that a tree has.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Submodules {
    /// None: their folders are empty.
    #[default]
    None,
    /// All, and theirs.
    All,
    /// All but those whose path in the tree fits one of these patterns; sorted, without repetition, never empty.
    Except(Vec<String>),
}

impl Submodules {
    /// Returns all submodules of a checkout at `path` but those that `patterns`, from where the path begins, exclude.
    pub fn of<'p>(patterns: impl IntoIterator<Item = &'p str>, path: &str) -> Self {
        let rests: BTreeSet<String> = patterns.into_iter().flat_map(|pattern| followed(pattern, path).rests).collect();
        if rests.is_empty() { Self::All } else { Self::Except(rests.into_iter().collect()) }
    }

    /// Returns which submodules the submodule at `path` has, a path in the tree; none when it is excluded itself.
    pub fn below(&self, path: &str) -> Option<Self> {
        match self {
            Self::None => None,
            Self::All => Some(Self::All),
            Self::Except(patterns) if patterns.iter().any(|pattern| excludes(pattern, path)) => None,
            Self::Except(patterns) => Some(Self::of(patterns.iter().map(String::as_str), path)),
        }
    }
}

/// Whether `pattern` excludes the submodule at `path`; both begin at the same place.
pub fn excludes(pattern: &str, path: &str) -> bool {
    followed(pattern, path).fits
}

/// Whether `pattern` may exclude a submodule of the checkout at `path`.
pub fn concerns(pattern: &str, path: &str) -> bool {
    !followed(pattern, path).rests.is_empty()
}

/// Returns the pattern that excludes exactly the submodule at `path`.
pub fn exactly(path: &str) -> String {
    globset::escape(path)
}

/// Returns why `pattern` is none.
pub fn problem(pattern: &str) -> Option<String> {
    let part_problem = |part: &str| match part {
        "" => Some("a part of it is empty".to_owned()),
        "." | ".." => Some(format!("`{part}` leads nowhere below a checkout")),
        _ => GlobBuilder::new(part).literal_separator(true).build().err().map(|error| error.kind().to_string()),
    };
    pattern.split('/').find_map(part_problem)
}

/// What is left of a pattern at the end of a path.
struct Followed {
    /// Whether the pattern ends there too.
    fits: bool,
    /// What may follow.
    rests: BTreeSet<String>,
}

/// Walks along `path` with every part of `pattern` that may come next.
fn followed(pattern: &str, path: &str) -> Followed {
    let parts: Vec<&str> = pattern.split('/').collect();
    let mut next = BTreeSet::from([0]);
    for name in path.split('/') {
        next = opened(&parts, &next).into_iter().flat_map(|at| after(&parts, at, name)).collect();
    }
    let rests = next.iter().filter(|at| **at < parts.len()).map(|at| parts[*at..].join("/")).collect();
    Followed { fits: next.contains(&parts.len()), rests }
}

/// Adds what comes next where `**` stands for no part at all.
fn opened(parts: &[&str], next: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut opened = next.clone();
    for at in next {
        let skipped = parts[*at..].iter().take_while(|part| **part == "**").count();
        opened.extend((at + 1..=at + skipped).filter(|at| *at < parts.len()));
    }
    opened
}

/// Returns what comes next after the part `at` was used for `name`.
fn after(parts: &[&str], at: usize, name: &str) -> Vec<usize> {
    match parts.get(at) {
        Some(&"**") if at + 1 == parts.len() => vec![at, at + 1],
        Some(&"**") => vec![at],
        Some(part) if is_match(part, name) => vec![at + 1],
        _ => Vec::new(),
    }
}

fn is_match(part: &str, name: &str) -> bool {
    let glob = || GlobBuilder::new(part).literal_separator(true).build();
    part == name
        || part.contains(['*', '?', '[', '{', '\\']) && glob().is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_excludes_what_a_glob_of_the_same_text_matches() {
        for (pattern, path, expected) in [
            ("nav/libs/a", "nav/libs/a", true),
            ("nav/libs/a", "nav/libs/a/b", false),
            ("nav/libs", "nav/libs/a", false),
            ("nav/**", "nav/a", true),
            ("nav/**", "nav/a/b", true),
            ("nav/**", "nav", false),
            ("nav/*", "nav/a/b", false),
            ("**/private", "nav/x/private", true),
            ("**/private", "private", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/**/b", "a/b", true),
            ("a/{b,c}d", "a/cd", true),
            ("a/[x", "a/[x", true),
            ("a b/ü", "a b/ü", true),
        ] {
            assert_eq!(excludes(pattern, path), expected, "{pattern} {path}");
        }
        assert!(excludes(&exactly("a/[b]*/{c}"), "a/[b]*/{c}") && !excludes(&exactly("a/*"), "a/b"));
    }

    #[test]
    fn what_is_excluded_below_a_checkout_does_not_depend_on_the_way_to_it() {
        let patterns = ["core/nav/libs/a", "other/nav/libs/b", "**/x", "core/**/y", "core/nav"];
        let of = |path: &str| Submodules::of(patterns, path);
        let except = |patterns: &[&str]| Submodules::Except(patterns.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(of("core/nav"), except(&["**/x", "**/y", "libs/a"]));
        assert_eq!(of("nav"), except(&["**/x"]));
        assert_eq!(Submodules::of(["core/nav/a"], "core/map"), Submodules::All);
        assert_eq!(of("core/nav").below("libs/a"), None);
        assert_eq!(of("core/nav").below("libs"), Some(except(&["**/x", "**/y", "a"])));
        assert_eq!(Submodules::All.below("a"), Some(Submodules::All));
        assert_eq!(Submodules::None.below("a"), None);
        assert!(concerns("core/**", "core/nav") && !concerns("core/nav", "core/nav") && !concerns("map/a", "core/nav"));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        assert_eq!(problem("a/**/[b-c]/d*"), None);
        for pattern in ["", "/a", "a//b", "a/", "../a", "a/./b", "a/[b", "{a/b,c}/d"] {
            assert!(problem(pattern).is_some(), "{pattern}");
        }
    }
}
