//! A Dockerfile's instructions, each with the bytes it stands at.
//!
//! Decides where an instruction begins and ends: continuations, comments between them, here-documents anywhere in its
//! line. Leaves out what an instruction may hold. Not by the crate `parse-dockerfile`, which takes a here-document
//! only where it begins the command, and whose spans end elsewhere than the text that they name.

use super::Problem;
use crate::shell;
use crate::source::Span;

const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// A Dockerfile.
#[derive(Debug)]
pub(super) struct Dockerfile {
    /// What `# escape=` says, else `\`.
    pub(super) escape: char,
    pub(super) instructions: Vec<Instruction>,
}

/// An instruction; of `ONBUILD`, the one that it holds.
#[derive(Debug)]
pub(super) struct Instruction {
    /// Its name, in capitals.
    pub(super) keyword: &'static str,
    pub(super) flags: Vec<Flag>,
    /// All of it, without the line break at its end.
    pub(super) span: Span,
    /// What follows the flags, here-documents included.
    pub(super) rest: Span,
}

/// An option of an instruction: `--name=value`.
#[derive(Debug)]
pub(super) struct Flag {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) span: Span,
}

/// Reads a Dockerfile.
///
/// # Errors
/// Every line that begins with no instruction.
pub(super) fn parse(text: &str) -> Result<Dockerfile, Vec<(Span, Problem)>> {
    let escape = escape(text);
    let mut reader = Reader { text, at: 0, escape };
    let (mut instructions, mut problems) = (Vec::new(), Vec::new());
    while let Some(line) = reader.line() {
        let bare = text[line.clone()].trim_start_matches('\u{feff}').trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        match reader.instruction(&line) {
            Ok(instruction) => instructions.push(instruction),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(Dockerfile { escape, instructions }) } else { Err(problems) }
}

/// The escape character that a directive at the top sets.
fn escape(text: &str) -> char {
    for line in text.trim_start_matches('\u{feff}').lines() {
        let Some((name, value)) = line.trim().strip_prefix('#').and_then(|line| line.split_once('=')) else { break };
        match name.trim().to_ascii_lowercase().as_str() {
            "escape" if value.trim() == "`" => return '`',
            "syntax" | "check" | "escape" => {}
            _ => break,
        }
    }
    '\\'
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    escape: char,
}

impl Reader<'_> {
    /// Takes a line; its bytes without the line break.
    fn line(&mut self) -> Option<Span> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').unwrap_or(rest.len());
        let line = self.at..self.at + length;
        self.at = (line.end + 1).min(self.text.len());
        Some(line)
    }

    /// Reads the instruction that begins on the line `first`.
    fn instruction(&mut self, first: &Span) -> Result<Instruction, (Span, Problem)> {
        let is_space = |c: char| c.is_whitespace() || c == '\u{feff}';
        let start = first.end - self.text[first.clone()].trim_start_matches(is_space).len();
        let mut end = self.continued(first.clone());
        let (mut keyword, mut at) = self.keyword(start, end)?;
        if keyword == "ONBUILD" {
            (keyword, at) = self.keyword(self.skip(at, end), end)?;
        }
        if matches!(keyword, "RUN" | "COPY" | "ADD") {
            for (delimiter, tabs) in shell::here_documents(&self.text[at..end], self.escape) {
                end = self.document(&delimiter, tabs, end);
            }
        }
        let (flags, rest) = self.flags(at, end);
        let end = rest + self.text[rest..end].trim_end().len();
        Ok(Instruction { keyword, flags, span: start..end, rest: rest..end })
    }

    /// The end of the line `line` and of those that continue it.
    fn continued(&mut self, mut line: Span) -> usize {
        let mut end = line.end;
        let mut open = self.continues(&line);
        while open {
            let Some(next) = self.line() else { break };
            line = next;
            let bare = self.text[line.clone()].trim();
            if !bare.is_empty() && !bare.starts_with('#') {
                end = line.end;
                open = self.continues(&line);
            }
        }
        end
    }

    fn continues(&self, line: &Span) -> bool {
        let kept = self.text[line.clone()].trim_end().strip_suffix(self.escape);
        kept.is_some_and(|kept| !kept.ends_with(self.escape))
    }

    /// Takes the lines of a here-document; its end, or `end` when nothing follows.
    fn document(&mut self, delimiter: &str, tabs: bool, mut end: usize) -> usize {
        while let Some(line) = self.line() {
            end = line.end;
            let spelled = self.text[line].trim_end_matches('\r');
            if (if tabs { spelled.trim_start_matches('\t') } else { spelled }) == delimiter {
                break;
            }
        }
        end
    }

    /// The instruction's name at `start`, and where it ends.
    fn keyword(&self, start: usize, end: usize) -> Result<(&'static str, usize), (Span, Problem)> {
        let rest = &self.text[start.min(end)..end];
        let length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let known = KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(&rest[..length]));
        let word = rest.split_whitespace().next().unwrap_or_default();
        let unknown = || (start..start + word.len(), Problem::NoInstruction { word: word.chars().take(40).collect() });
        known.filter(|_| word.len() == length).map(|keyword| (keyword, start + length)).ok_or_else(unknown)
    }

    /// The options at `at`, and where what follows them begins.
    fn flags(&self, mut at: usize, end: usize) -> (Vec<Flag>, usize) {
        let mut flags = Vec::new();
        loop {
            at = self.skip(at, end);
            let rest = &self.text[at..end];
            let Some(flag) = rest.strip_prefix("--") else { return (flags, at) };
            let length = flag.find(char::is_whitespace).unwrap_or(flag.len());
            let (name, value) = flag[..length].split_once('=').unwrap_or((&flag[..length], ""));
            let span = at..at + 2 + length;
            at = span.end;
            flags.push(Flag { name: name.to_owned(), value: value.to_owned(), span });
        }
    }

    /// Goes over spaces, continuations, and comments and empty lines after them.
    fn skip(&self, mut at: usize, end: usize) -> usize {
        let mut continued = false;
        while let Some(c) = self.text[at..end].chars().next() {
            let line = || self.text[at..end].split('\n').next().unwrap_or_default();
            if c.is_whitespace() {
                at += c.len_utf8();
            } else if c == self.escape && line()[c.len_utf8()..].trim().is_empty() {
                continued = true;
                at += line().len();
            } else if c == '#' && continued {
                at += line().len();
            } else {
                break;
            }
        }
        at
    }
}
