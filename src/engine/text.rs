//! Makes text from a build safe to show on a terminal.
//!
//! Decides what a hostile log line or file name may do to a screen: nothing. Colour sequences are dropped, whatever
//! else could move a cursor or reorder text is spelled out. Leaves out shortening and layout.

use std::iter::Peekable;
use std::str::Chars;

/// Returns `text` without terminal sequences; other control characters are spelled out, as in `\u{7}`.
///
/// Only the part after the last carriage return of a line is kept, as a terminal would show it; tabs stay.
pub(super) fn printable(text: &str) -> String {
    let text = text.trim_end_matches('\r');
    let shown = text.rsplit('\r').next().unwrap_or(text);
    let mut out = String::with_capacity(shown.len());
    let mut characters = shown.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && skip_sequence(&mut characters) {
            continue;
        }
        push(&mut out, character);
    }
    out
}

fn push(out: &mut String, character: char) {
    if character != '\t' && (character.is_control() || reorders(character)) {
        out.extend(character.escape_unicode());
    } else {
        out.push(character);
    }
}

/// Skips a control sequence (`ESC [`, parameters, one final byte, ECMA-48 §5.4); returns whether one began here.
fn skip_sequence(characters: &mut Peekable<Chars<'_>>) -> bool {
    if characters.next_if_eq(&'[').is_none() {
        return false;
    }
    while characters.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    characters.next_if(|c| matches!(c, '@'..='~'));
    true
}

/// Returns whether `character` changes the direction of the text around it, or separates lines.
fn reorders(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_disappear_and_other_controls_are_spelled_out() {
        assert_eq!(printable("\u{1b}[1;31mred\u{1b}[0m\ttext"), "red\ttext");
        assert_eq!(printable("\u{1b}]0;title\u{7}"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(printable("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\u{9b}c");
    }

    #[test]
    fn a_progress_bar_keeps_its_last_state() {
        assert_eq!(printable("10 %\r50 %\r100 %\r"), "100 %");
    }

    #[test]
    fn a_sequence_that_is_cut_off_hides_nothing_else() {
        assert_eq!(printable("ok\u{1b}["), "ok");
        assert_eq!(printable("ok\u{1b}"), "ok\\u{1b}");
        assert_eq!(printable("\u{1b}[31é"), "é");
    }
}
