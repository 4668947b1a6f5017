//! Texts that people write, and places in them: what every parser and every diagnostic speaks of.
//!
//! Decides how a place is named (`file:line:column`, both from 1, columns in characters). Leaves out rendering
//! (`cli/`) and reading files (`workspace/`).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use deps_lock::{Text, ValueError};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// A range of bytes in a [`Source`].
pub type Span = Range<usize>;

/// A file that a person wrote: its name as the person knows it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// Returns a source called `name`, a path relative to the project with `/` between its parts.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Returns the path relative to the project.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of `span`, for a diagnostic.
    pub fn at(&self, span: Span) -> Place {
        Place { source: self.clone(), span }
    }
}

/// A span of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: Source,
    /// The bytes in it; always inside the text, on character boundaries after [`Place::clamped`].
    pub span: Span,
}

impl Place {
    /// Returns the line and the column of the first character, both from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let text = self.source.text();
        let before = &text[..self.clamped().start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// Returns the span moved inside the text and onto character boundaries.
    pub fn clamped(&self) -> Span {
        let text = self.source.text();
        let floor = |at: usize| (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        let start = floor(self.span.start);
        start..floor(self.span.end).max(start)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.name())
    }
}

/// An error with the place it was found at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {error}")]
pub struct Located<E> {
    /// Where.
    pub place: Place,
    /// What.
    #[source]
    pub error: E,
}

impl<E> Located<E> {
    /// Returns `error`, found at `span` of `source`.
    pub fn new(source: &Source, span: Span, error: E) -> Self {
        Self { place: source.at(span), error }
    }
}

/// A value and where it stands in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: (usize, usize),
}

impl<T> Spanned<T> {
    /// Returns `value`, read from `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span: (span.start, span.end) }
    }

    /// Returns where the value stands.
    pub fn span(&self) -> Span {
        self.span.0..self.span.1
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_spanned::Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.span();
        Ok(Self::new(spanned.into_inner(), span))
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Returns whether `c` hides or reorders what a reader sees; the lock's own list.
pub fn is_invisible(c: char) -> bool {
    !c.is_ascii_graphic() && matches!(Text::new(c), Err(ValueError::ControlCharacter(_)))
}

/// Returns the candidate nearest to `word`, when it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        // Room and time of the distance are the product of both lengths: a word of a megabyte has no neighbour.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}
