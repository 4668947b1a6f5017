//! Text whose characters know where they stand: what remains of a Dockerfile instruction once its continuations are
//! gone, and the strings of the exec form.
//!
//! Leaves out what the characters mean (`lexer.rs`).

use super::Word;
use crate::source::Span;

/// A character and the byte of its file that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// The character.
    pub(super) letter: char,
    /// Its byte.
    pub(super) at: usize,
}

/// Returns the characters of an instruction without its continuations: an `escape` at the end of a line, and the
/// empty lines and comments after one. What follows the first line break that remains (here-documents) stays whole.
pub(super) fn instruction(text: &str, offset: usize, escape: char) -> Vec<Letter> {
    let mut letters = Vec::with_capacity(text.len());
    let (mut start, mut continued) = (0, false);
    for line in text.split_inclusive('\n') {
        let at = offset + start;
        start += line.len();
        let bare = line.trim();
        if continued && (bare.is_empty() || bare.starts_with('#')) {
            continue;
        }
        let continues = |kept: &&str| line.ends_with('\n') && !kept.ends_with(escape);
        match line.trim_end().strip_suffix(escape).filter(continues) {
            Some(kept) => letters.extend(plain(kept, at)),
            None => {
                letters.extend(plain(line, at));
                break;
            }
        }
        continued = true;
    }
    letters.extend(plain(&text[start..], offset + start));
    letters
}

/// The characters of `text`, which begins at the byte `offset` of its file.
fn plain(text: &str, offset: usize) -> impl Iterator<Item = Letter> {
    text.char_indices().map(move |(at, letter)| Letter { letter, at: offset + at })
}

/// Returns the words of `letters` as the Dockerfile frontend splits them: at spaces outside quotes.
pub(super) fn words(letters: &[Letter], escape: char) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut inside, mut quote, mut escaped) = (false, None, false);
    for letter in letters {
        let c = letter.letter;
        if quote.is_none() && !escaped && c.is_whitespace() {
            inside = false;
            continue;
        }
        if !inside {
            inside = true;
            words.push(empty(letter.at));
        }
        let word = words.last_mut().expect("it was just begun");
        word.span.end = letter.at + c.len_utf8();
        match quote {
            _ if escaped => escaped = false,
            Some(open) if open == c => {
                quote = None;
                continue;
            }
            None if c == '"' || c == '\'' => {
                (quote, word.quoted) = (Some(c), true);
                continue;
            }
            _ if c == escape && quote != Some('\'') => {
                escaped = true;
                continue;
            }
            _ => word.expands |= c == '$' && quote != Some('\''),
        }
        word.text.push(c);
        word.letters.push(*letter);
    }
    words
}

fn empty(at: usize) -> Word {
    let (text, letters, nested) = (String::new(), Vec::new(), Vec::new());
    Word { text, span: at..at, quoted: false, expands: false, letters, nested }
}

/// Returns the words of the exec form, a JSON array of strings; none when `text` is something else.
pub(super) fn exec_form(text: &str, offset: usize) -> Option<Vec<Word>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let joined: String = instruction(text, 0, '\\').iter().map(|letter| letter.letter).collect();
    let values: Vec<String> = serde_json::from_str(joined.trim()).ok()?;
    let spans = strings(text);
    let word = |(value, span): (String, Span)| {
        let inner = offset + span.start + 1;
        // Where something is escaped, a character's place is that of its string.
        let exact = value.len() + 2 == span.len();
        let place = |(at, letter)| Letter { letter, at: if exact { inner + at } else { inner } };
        let letters = value.char_indices().map(place).collect();
        let span = offset + span.start..offset + span.end;
        Word { text: value, span, quoted: true, expands: false, letters, nested: Vec::new() }
    };
    (spans.len() == values.len()).then(|| values.into_iter().zip(spans).map(word).collect())
}

/// The places of the strings of a JSON array, quotes included.
fn strings(text: &str) -> Vec<Span> {
    let (mut spans, mut open, mut escaped) = (Vec::new(), None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (open, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                spans.push(start..at + 1);
                open = None;
            }
            (None, b'"') => open = Some(at),
            _ => {}
        }
    }
    spans
}
