//! Patterns of `.gitattributes`, after git's `wildmatch.c` with the rule that `*` stops at a slash.
//!
//! Decides by following all ways through a pattern at once, so that none takes long, however it is made. Pure.

/// A pattern that has been read.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    Byte(u8),
    /// Any byte but a slash.
    Any,
    /// One of these bytes; a slash is never among them.
    Class(Box<[bool; 256]>),
    /// Any bytes but slashes.
    Star,
    /// `**/`: any number of folders.
    Folders,
    /// `**` at the end: all that follows.
    Rest,
}

impl Pattern {
    /// Reads `text`; none when it is malformed and so matches nothing.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let (token, length) = match text[at] {
                b'\\' => (Token::Byte(*text.get(at + 1)?), 2),
                b'?' => (Token::Any, 1),
                b'*' => star(text, at),
                b'[' => class(&text[at..])?,
                byte => (Token::Byte(byte), 1),
            };
            tokens.push(token);
            at += length;
        }
        Some(Self { tokens })
    }

    /// Whether it matches all of `text`.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let mut reached = vec![false; self.tokens.len() + 1];
        self.reach(&mut reached, 0);
        for byte in text {
            let mut next = vec![false; self.tokens.len() + 1];
            for at in (0..self.tokens.len()).filter(|at| reached[*at]) {
                self.step(&mut next, at, *byte);
            }
            reached = next;
        }
        reached[self.tokens.len()]
    }

    /// Marks what comes after the token at `at` has taken `byte`.
    fn step(&self, next: &mut [bool], at: usize, byte: u8) {
        match &self.tokens[at] {
            Token::Byte(wanted) if *wanted == byte => self.reach(next, at + 1),
            Token::Any if byte != b'/' => self.reach(next, at + 1),
            Token::Class(class) if class[usize::from(byte)] => self.reach(next, at + 1),
            Token::Star if byte != b'/' => self.reach(next, at),
            Token::Rest => self.reach(next, at),
            Token::Folders => {
                // Not `reach`: in the middle of a folder's name what follows may not begin.
                next[at] = true;
                if byte == b'/' {
                    self.reach(next, at + 1);
                }
            }
            _ => {}
        }
    }

    /// Marks `at`, and what follows where the token there may stand for nothing.
    fn reach(&self, reached: &mut [bool], at: usize) {
        reached[at] = true;
        if let Some(Token::Star | Token::Folders | Token::Rest) = self.tokens.get(at) {
            self.reach(reached, at + 1);
        }
    }
}

/// Reads the stars at `at`. Two of them mean more only where they stand alone between slashes.
fn star(text: &[u8], at: usize) -> (Token, usize) {
    let stars = text[at..].iter().take_while(|byte| **byte == b'*').count();
    let begins = at == 0 || text[at - 1] == b'/';
    match text.get(at + stars) {
        Some(b'/') if stars > 1 && begins => (Token::Folders, stars + 1),
        None if stars > 1 && begins => (Token::Rest, stars),
        _ => (Token::Star, stars),
    }
}

/// Reads `[…]`; returns what it matches and its length.
fn class(text: &[u8]) -> Option<(Token, usize)> {
    let mut class = Box::new([false; 256]);
    let negated = matches!(text.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    while text.get(at) != Some(&b']') || at == first {
        if let Some((matches, length)) = named(&text[at..]) {
            (0..=255_u8).filter(matches).for_each(|byte| class[usize::from(byte)] = true);
            at += length;
            continue;
        }
        let (low, length) = single(&text[at..])?;
        at += length;
        let range = text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|byte| *byte != b']');
        let high = if range {
            let (high, length) = single(&text[at + 1..])?;
            at += 1 + length;
            high
        } else {
            low
        };
        (low..=high).for_each(|byte| class[usize::from(byte)] = true);
    }
    if negated {
        class.iter_mut().for_each(|one| *one = !*one);
    }
    class[usize::from(b'/')] = false;
    Some((Token::Class(class), at + 1))
}

/// Reads one byte of a class, escaped perhaps; returns it with its length.
fn single(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'\\', byte, ..] => Some((*byte, 2)),
        [b'\\'] | [] => None,
        [byte, ..] => Some((*byte, 1)),
    }
}

type Matches = fn(&u8) -> bool;

/// Reads `[:name:]`, which is how `git lfs track` writes a space; returns which bytes it means and its length.
fn named(text: &[u8]) -> Option<(Matches, usize)> {
    const NAMES: [(&[u8], Matches); 12] = [
        (b"[:space:]", |byte| byte.is_ascii_whitespace() || *byte == 0x0b),
        (b"[:blank:]", |byte| matches!(byte, b' ' | b'\t')),
        (b"[:alnum:]", u8::is_ascii_alphanumeric),
        (b"[:alpha:]", u8::is_ascii_alphabetic),
        (b"[:digit:]", u8::is_ascii_digit),
        (b"[:lower:]", u8::is_ascii_lowercase),
        (b"[:upper:]", u8::is_ascii_uppercase),
        (b"[:punct:]", u8::is_ascii_punctuation),
        (b"[:xdigit:]", u8::is_ascii_hexdigit),
        (b"[:cntrl:]", u8::is_ascii_control),
        (b"[:graph:]", u8::is_ascii_graphic),
        (b"[:print:]", |byte| byte.is_ascii_graphic() || *byte == b' '),
    ];
    NAMES.into_iter().find(|(name, _)| text.starts_with(name)).map(|(name, matches)| (matches, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::read(pattern.as_bytes()).is_some_and(|pattern| pattern.matches(text.as_bytes()))
    }

    #[test]
    fn patterns_match_what_git_says() {
        for (pattern, text, expected) in [
            ("*.bin", "a.bin", true),
            ("*.bin", "a/b.bin", false),
            ("a/*.bin", "a/b.bin", true),
            ("**/a", "a", true),
            ("**/a", "x/y/a", true),
            ("**/a", "xa", false),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a**b", "axxb", true),
            ("a**b", "a/b", false),
            ("?", "/", false),
            ("*.[jJ][pP]g", "x.Jpg", true),
            ("[!a]", "b", true),
            ("[^a-c]", "b", false),
            ("[]]", "]", true),
            ("[a/]", "/", false),
            ("my[[:space:]]file", "my file", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("{a,b}", "{a,b}", true),
            ("[a", "a", false),
            ("a\\", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        assert!(!matches(&format!("{}b", "*a".repeat(500)), &"a".repeat(2000)));
        assert!(!matches(&format!("{}b", "**/".repeat(500)), &"a/".repeat(1000)));
    }
}
