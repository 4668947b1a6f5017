//! Cuts a stream into JSON objects and lines of text.
//!
//! Objects may follow each other without anything in between, and may stretch over many lines. An object's `{` is the
//! first thing on its line and is followed by a string or a `}`, and no string of JSON holds a line end: what breaks
//! this is text, up to the end of its first line. Leaves out what an object means.

/// Where the first piece of the waiting bytes ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// An object of this many bytes.
    Object(usize),
    /// A line of text of this many bytes, its end included.
    Text(usize),
}

/// How far the first piece is known, so that no byte is looked at twice while it grows.
#[derive(Debug, Default)]
pub(super) struct Scan {
    at: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Nothing but blanks until now.
    #[default]
    Blank,
    /// A line that is no object.
    Text,
    /// Right behind the first `{`.
    Opened,
    /// Inside an object, so many brackets deep.
    Object(usize),
    /// Inside a string of an object.
    String(usize),
    /// Behind a backslash inside a string.
    Escape(usize),
}

impl Scan {
    /// Returns the first piece of `waiting` when all of it is there; `waiting` may only have grown since the last call.
    pub(super) fn piece(&mut self, waiting: &[u8]) -> Option<Piece> {
        while let Some(&byte) = waiting.get(self.at) {
            self.at += 1;
            let Some(next) = self.state.after(byte) else { return Some(self.end()) };
            if let (State::Text, Some(end)) = (next, line_end(&waiting[..self.at])) {
                return Some(Piece::Text(end));
            }
            self.state = next;
        }
        None
    }

    fn end(&self) -> Piece {
        match self.state {
            State::Blank | State::Text => Piece::Text(self.at),
            _ => Piece::Object(self.at),
        }
    }
}

impl State {
    /// Returns the state behind `byte`; `None` when a piece ends with it.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Blank | Self::Text, b'\n') => return None,
            (Self::Blank, b' ' | b'\t' | b'\r') => Self::Blank,
            (Self::Blank, b'{') => Self::Opened,
            (Self::Blank | Self::Text, _) => Self::Text,
            (Self::Opened, b' ' | b'\t' | b'\r' | b'\n') => Self::Opened,
            (Self::Opened | Self::Object(1), b'}') => return None,
            (Self::Opened, b'"') => Self::String(1),
            (Self::Opened, _) | (Self::Object(1), b']') => Self::Text,
            (Self::Object(depth), b'{' | b'[') => Self::Object(depth + 1),
            (Self::Object(depth), b'}' | b']') => Self::Object(depth - 1),
            (Self::Object(depth), b'"') => Self::String(depth),
            (Self::Object(depth), _) => Self::Object(depth),
            (Self::String(_) | Self::Escape(_), b'\n') => Self::Text,
            (Self::String(depth), b'\\') => Self::Escape(depth),
            (Self::String(depth), b'"') => Self::Object(depth),
            (Self::String(depth) | Self::Escape(depth), _) => Self::String(depth),
        })
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(stream: &str) -> Vec<&str> {
        let mut pieces = Vec::new();
        let mut rest = stream;
        while let Some(Piece::Object(length) | Piece::Text(length)) = Scan::default().piece(rest.as_bytes()) {
            pieces.push(&rest[..length]);
            rest = &rest[length..];
        }
        pieces.push(rest);
        pieces
    }

    #[test]
    fn objects_on_one_line_over_many_lines_and_side_by_side_are_found() {
        assert_eq!(pieces("{\"a\":1}{\"b\":\"}\\\"\"}\n"), ["{\"a\":1}", "{\"b\":\"}\\\"\"}", "\n", ""]);
        assert_eq!(pieces("{\n\t\"a\": [\n\t\t{}\n\t]\n}\n"), ["{\n\t\"a\": [\n\t\t{}\n\t]\n}", "\n", ""]);
        assert_eq!(pieces("{}\n{\"a"), ["{}", "\n", "{\"a"]);
    }

    #[test]
    fn text_that_begins_like_an_object_costs_one_line() {
        assert_eq!(pieces("{ foo\n{\"a\":1}"), ["{ foo\n", "{\"a\":1}", ""]);
        assert_eq!(pieces("{\"never closed\n{\"a\":1}"), ["{\"never closed\n", "{\"a\":1}", ""]);
        assert_eq!(pieces("{\n\"a\": \"b\n{}"), ["{\n", "\"a\": \"b\n", "{}", ""]);
        assert_eq!(pieces("{\"a\":1]\n{}"), ["{\"a\":1]\n", "{}", ""]);
        assert_eq!(pieces("WARNING: {}\n"), ["WARNING: {}\n", ""]);
    }
}
