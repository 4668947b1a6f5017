//! Words of ours around words of others, which every format spells in its own way.
//!
//! Decides that no word of another (a branch, the subject of a commit, a url) reaches an output unspelled, and what is
//! shown in place of characters that nobody sees. Leaves out how a format spells (`text.rs`, `markdown.rs`, `page.rs`).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::source::is_invisible;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    /// Written by this program.
    Ours(String),
    /// Taken from a lock, a repository or a server.
    Theirs(String),
}

/// A line: what it says, and who says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phrase(Vec<Piece>);

impl Phrase {
    /// Returns `pattern`, a text of ours, with a word of `theirs` in the place of each `{}`.
    pub(super) fn of<const N: usize>(pattern: &str, theirs: [&str; N]) -> Self {
        let mut pieces = Vec::with_capacity(2 * N + 1);
        let mut theirs = theirs.into_iter();
        for (number, ours) in pattern.split("{}").enumerate() {
            if number > 0 {
                pieces.extend(theirs.next().map(|word| Piece::Theirs(plain(word))));
            }
            if !ours.is_empty() {
                pieces.push(Piece::Ours(ours.to_owned()));
            }
        }
        Self(pieces)
    }

    /// Returns `words` of others, alone.
    pub(super) fn theirs(words: &str) -> Self {
        Self::of("{}", [words])
    }

    /// Returns the phrase with another after it.
    pub(super) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Returns its pieces.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

/// Formats the words alone.
impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Ours(text) | Piece::Theirs(text) => f.write_str(text),
        })
    }
}

impl Serialize for Phrase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns `text` on one line, with U+FFFD for every character that changes how it looks without being seen: codes of
/// terminals, line breaks, marks of direction.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stand_where_the_pattern_has_them() {
        let phrase = Phrase::of("from {} to {}", ["a{}b", "c"]).and(Phrase::of("!", []));
        assert_eq!(phrase.to_string(), "from a{}b to c!");
        let theirs = phrase.pieces().iter().filter(|piece| matches!(piece, Piece::Theirs(_))).count();
        assert_eq!(theirs, 2);
    }

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(plain("a\u{1b}[31m\n\u{202e}b\u{200b}é"), "a\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}é");
    }
}
