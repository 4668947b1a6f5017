//! How errors and warnings look: what happened, where, and what to do next.
//!
//! Decides the form (rustc's, through annotate-snippets) and keeps credentials and control characters out of it.
//! Leaves out the messages (each room's error type) and the hints (`hints.rs`).

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::hints;
use crate::manifest::url::masked;
use crate::source::{Place, is_invisible};
use crate::workspace::Trouble;

/// Problems of files that are told in one run: each takes a pass over its file, and nobody reads more.
const MOST_TOLD: usize = 100;
/// The longest line of a file that is shown, in bytes.
const MOST_SHOWN: usize = 10_000;
/// The longest line of a message, in characters.
const MOST_OF_A_LINE: usize = 2_000;

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnostic {
    weight: Weight,
    /// The rule that it is about, as a person can name it.
    id: Option<&'static str>,
    message: String,
    /// Lines that belong to the message, each indented by two.
    details: Vec<String>,
    place: Option<Place>,
    hint: Option<String>,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Error,
    Warning,
    Note,
}

impl Diagnostic {
    /// Returns an error; lines after the first belong below it.
    pub(super) fn error(message: impl Into<String>) -> Self {
        let message = message.into();
        let mut lines = message.lines().map(|line| line.trim().to_owned());
        let first = lines.next().unwrap_or_default();
        Self { weight: Weight::Error, id: None, message: first, details: lines.collect(), place: None, hint: None }
    }

    /// Returns a warning.
    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::error(message) }
    }

    /// Returns a note.
    pub(super) fn note(message: impl Into<String>) -> Self {
        Self { weight: Weight::Note, ..Self::error(message) }
    }

    /// Adds the id of the rule that it is about.
    pub(super) fn id(self, id: &'static str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Returns the warning as an error.
    pub(super) fn strict(self) -> Self {
        Self { weight: Weight::Error, ..self }
    }

    /// Adds lines below the message.
    pub(super) fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Adds the place.
    pub(super) fn at(mut self, place: Option<&Place>) -> Self {
        self.place = place.cloned();
        self
    }

    /// Adds what to do next.
    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Returns the text, with a final line break; with terminal colours where `colour` says so.
    pub(super) fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let level = match self.weight {
            Weight::Error => Level::ERROR,
            Weight::Warning => Level::WARNING,
            Weight::Note => Level::NOTE,
        };
        let title = level.primary_title(safe(&self.message));
        let title = match self.id {
            Some(id) => title.id(id),
            None => title,
        };
        let mut lines = vec![match &self.place {
            Some(place) if line_of(place).len() > MOST_SHOWN => renderer.render(&[title.element(origin(place))]),
            Some(place) => renderer.render(&[title.element(snippet(place))]),
            None => renderer.render(&[Group::with_title(title)]),
        }];
        lines.extend(self.details.iter().map(|line| format!("  {}", safe(line))));
        let hint = |hint: &String| Level::HELP.with_name("hint").secondary_title(safe(hint));
        lines.extend(self.hint.iter().map(|text| renderer.render(&[Group::with_title(hint(text))])));
        let text = lines.join("\n");
        let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
        format!("{}\n", trimmed.join("\n"))
    }
}

/// Returns the diagnostics of the first of `all`, and one that says how many are left out.
pub(super) fn first<T>(
    all: &[T],
    diagnostic: impl Fn(&T) -> Diagnostic,
    rest: impl Fn(String) -> Diagnostic,
) -> Vec<Diagnostic> {
    let mut first: Vec<Diagnostic> = all.iter().take(MOST_TOLD).map(diagnostic).collect();
    if all.len() > MOST_TOLD {
        first.push(rest(format!("and {} more", all.len() - MOST_TOLD)));
    }
    first
}

impl From<&Trouble> for Diagnostic {
    fn from(trouble: &Trouble) -> Self {
        Self::error(trouble.to_string()).at(trouble.place()).hint(hints::of_trouble(trouble))
    }
}

/// The line that a place begins on.
fn line_of(place: &Place) -> &str {
    place.source.text()[line_start(place)..].lines().next().unwrap_or_default()
}

/// Where that line begins, in bytes.
fn line_start(place: &Place) -> usize {
    place.source.text()[..place.clamped().start].rfind('\n').map_or(0, |at| at + 1)
}

/// A place without its line.
fn origin(place: &Place) -> Origin<'static> {
    let (line, column) = place.line_column();
    Origin::path(place.source.name().to_owned()).line(line).char_column(column)
}

/// The line that a place begins on, with the place underlined. A credential in it is masked.
fn snippet(place: &Place) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
    let (line, start, span) = (line_of(place), line_start(place), place.clamped());
    let shown = masked(line);
    let shown = visible(&shown);
    let within = |at: usize| (at - start).min(shown.len());
    let span = if shown.len() == line.len() { within(span.start)..within(span.end) } else { 0..shown.len() };
    let path = place.source.name().to_owned();
    Snippet::source(shown).line_start(place.line_column().0).path(path).annotation(AnnotationKind::Primary.span(span))
}

/// Returns a line of a message as it may be printed: values of files and servers stand in it.
pub(super) fn safe(line: &str) -> String {
    let masked = masked(line);
    let mut safe = visible(&masked.chars().take(MOST_OF_A_LINE).collect::<String>());
    if masked.chars().nth(MOST_OF_A_LINE).is_some() {
        safe.push('…');
    }
    safe
}

/// Returns `text` with everything that a terminal could obey, or a reader not see, spelled out.
pub(super) fn visible(text: &str) -> String {
    let spelled = |c: char| if is_invisible(c) && c != '\t' { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn an_error_shows_its_line_and_what_to_do() {
        let source = Source::new("underlay.repos", "repositories:\n  core/nav2:\n    version: humbel\n");
        let diagnostic = Diagnostic::error("repository `core/nav2` has no branch or tag `humbel`")
            .at(Some(&source.at(40..46)))
            .hint(Some("there is a branch `humble`".to_owned()));
        assert_eq!(
            diagnostic.render(false),
            "error: repository `core/nav2` has no branch or tag `humbel`\n \
              --> underlay.repos:3:14\n  |\n3 |     version: humbel\n  |              ^^^^^^\nhint: there is a branch `humble`\n"
        );
    }

    #[test]
    fn control_characters_and_credentials_are_not_printed() {
        let url = "https://user:hunter2@example.com/x.git";
        let source = Source::new("a.repos", format!("    url: {url}\n"));
        let message = format!("a\u{1b}[31mb\u{feff} is not `{url}`\nbut {url}");
        let text = Diagnostic::error(message).at(Some(&source.at(9..20))).hint(Some(url.to_owned())).render(false);
        assert!(!text.contains(['\u{1b}', '\u{feff}']) && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn the_place_of_what_is_missing_is_an_empty_line() {
        for text in ["", "a\n"] {
            let place = Source::new("deps.lock", text).at(text.len()..text.len());
            let told = Diagnostic::error("`schema` is missing").at(Some(&place)).render(false);
            assert!(told.starts_with("error: `schema` is missing\n --> deps.lock:"), "{told}");
        }
    }

    #[test]
    fn a_long_value_does_not_fill_the_screen() {
        let long = "x".repeat(1 << 20);
        let source = Source::new("deps.toml", format!("{long} = 1\n"));
        let text = Diagnostic::error(format!("unknown key `{long}`")).at(Some(&source.at(0..long.len()))).render(false);
        assert!(text.len() < 10_000, "{} bytes", text.len());
    }
}
