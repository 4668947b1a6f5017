//! Which tags a template may have.
//!
//! Decides what keeps a template's result about as long as the template and its options: conditions, loops over options
//! and over lists of texts, values and texts put together. Whatever gives a longer value a name (`set`, lists of values),
//! or makes one many times as long (`*`), could make one of any length from a few lines. Leaves out what the rest means,
//! and broken tags (`template.rs`).

use std::ops::Range;

/// The words that a `{% … %}` may begin with.
const STATEMENTS: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"];

/// Returns the first tag, or part of one, that a template may not have, and why.
pub(super) fn forbidden(text: &str) -> Option<(Range<usize>, String)> {
    let mut at = 0;
    while let Some((start, kind)) = next_tag(text, at) {
        if kind == '#' {
            at = end_after(text, start, "#}");
            continue;
        }
        let mut tag = Tag { text, at: start + 2, close: if kind == '{' { "}}" } else { "%}" }, depth: 0, words: 0 };
        let first = match tag.read(kind == '%') {
            Ok(first) => first,
            Err(found) => return Some(found),
        };
        at = if first == "raw" { end_of_raw(text, tag.at) } else { tag.at };
    }
    None
}

/// Where the next tag after `at` begins, and which of `{`, `%` and `#` it has.
fn next_tag(text: &str, at: usize) -> Option<(usize, char)> {
    let starts = text[at..].match_indices('{').map(|(found, _)| at + found);
    starts.filter_map(|start| Some((start, text[start + 1..].chars().next()?))).find(|(_, kind)| "{%#".contains(*kind))
}

fn end_after(text: &str, at: usize, word: &str) -> usize {
    text[at..].find(word).map_or(text.len(), |found| at + found + word.len())
}

/// Where the `{% endraw %}` begins that ends what stands from `at`.
fn end_of_raw(text: &str, at: usize) -> usize {
    let mut starts = text[at..].match_indices("{%").map(|(found, _)| at + found);
    let is_end = |start: &usize| text[start + 2..].trim_start_matches('-').trim_start().starts_with("endraw");
    starts.find(is_end).unwrap_or(text.len())
}

/// One `{{ … }}` or `{% … %}` while it is read.
struct Tag<'a> {
    text: &'a str,
    at: usize,
    close: &'a str,
    /// Open `[`.
    depth: usize,
    words: usize,
}

impl<'a> Tag<'a> {
    /// Reads to behind the tag, and returns its first word.
    fn read(&mut self, is_statement: bool) -> Result<&'a str, (Range<usize>, String)> {
        let mut first = "";
        while let Some(c) = self.text[self.at..].chars().next() {
            let start = self.at;
            if self.text[start..].starts_with(self.close) {
                self.at += self.close.len();
                break;
            }
            match c {
                '"' | '\'' => self.at = self.end_of_string(c),
                c if c.is_alphabetic() || c == '_' => {
                    let word = self.word();
                    self.words += 1;
                    if self.words == 1 {
                        first = word;
                    }
                    if is_statement && self.words == 1 && !STATEMENTS.contains(&word) {
                        let message = format!("`{word}` is none of `if`, `for` and `raw`, which are all that there is");
                        return Err((start..self.at, message));
                    }
                    if self.depth > 0 {
                        return Err((start..self.at, "a list holds texts and numbers only".to_owned()));
                    }
                }
                _ => self.sign(c)?,
            }
        }
        Ok(first)
    }

    fn sign(&mut self, c: char) -> Result<(), (Range<usize>, String)> {
        let span = self.at..self.at + c.len_utf8();
        self.at = span.end;
        match c {
            '[' if self.depth > 0 => Err((span, "a list holds texts and numbers only".to_owned())),
            '[' => {
                self.depth += 1;
                Ok(())
            }
            ']' => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            ',' if self.depth > 0 => Ok(()),
            '*' | '{' | ',' => Err((span, format!("`{c}` is not allowed here: a value stays about as long as it is"))),
            _ => Ok(()),
        }
    }

    fn word(&mut self) -> &'a str {
        let start = self.at;
        let rest = &self.text[start..];
        self.at += rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn end_of_string(&self, quote: char) -> usize {
        let mut escaped = false;
        for (index, c) in self.text[self.at + 1..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => return self.at + 1 + index + 1,
                _ => {}
            }
        }
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_loops_over_written_lists_and_values_pass() {
        for text in [
            "RUN make -j{{ options.jobs }} {{- name | upper -}}\n",
            "{% if options.fast and (version == '1.0' or options[\"a\"] >= 2) %}\nRUN a\n{%- else -%}\nRUN b\n{% endif %}",
            "{% for i in [1, 'a ~ b', \"]\\\"~\"] %}RUN {{ loop.index }} {{ i }}\n{% endfor %}",
            "{{ 'v' ~ options.tag + 'x' | join(', ') }}",
            "{# a ~ b #}{% raw %}{{ a ~ b }}{% set %}{%- endraw %}{{ a }}",
            "{ a ~ b } { { [a, b] } }",
            "{{ 'an open string ~",
        ] {
            assert_eq!(forbidden(text), None, "{text}");
        }
    }

    #[test]
    fn what_makes_values_longer_is_refused() {
        for (text, found) in [
            ("{{ 'x' * 100 }}", "*"),
            ("{{ {'a': 1} }}", "{"),
            ("{{ (a, a) }}", ","),
            ("{% for b in [[1]] %}", "["),
            ("{% for b in [a, a] %}", "a"),
            ("{%- set a = 1 %}", "set"),
            ("{% filter upper %}", "filter"),
            ("{% raw %}{{ a ~ b }}{% endraw %}{{ 'a' * \"b\" }}", "*"),
            ("{# #}{% macro a() %}", "macro"),
        ] {
            let (span, _) = forbidden(text).unwrap_or_else(|| panic!("{text} is allowed"));
            assert_eq!(&text[span], found, "{text}");
        }
    }
}
