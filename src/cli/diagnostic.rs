//! How errors and warnings look: what happened, where, and what to do next.
//!
//! Decides the form (rustc's, through annotate-snippets) and keeps credentials and control characters out of it.
//! Leaves out the messages (each room's error type) and the hints (`hints.rs`).

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::hints;
use crate::manifest::url::masked;
use crate::source::Place;
use crate::workspace::Trouble;

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnostic {
    warning: bool,
    message: String,
    /// Lines that belong to the message, each indented by two.
    details: Vec<String>,
    place: Option<Place>,
    hint: Option<String>,
}

impl Diagnostic {
    /// Returns an error; lines after the first belong below it.
    pub(super) fn error(message: impl Into<String>) -> Self {
        let message = message.into();
        let mut lines = message.lines().map(|line| line.trim().to_owned());
        let first = lines.next().unwrap_or_default();
        Self { warning: false, message: first, details: lines.collect(), place: None, hint: None }
    }

    /// Returns a warning.
    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::error(message) }
    }

    /// Returns the warning as an error.
    pub(super) fn strict(self) -> Self {
        Self { warning: false, ..self }
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
        let level = if self.warning { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(visible(&self.message));
        let mut lines = vec![match &self.place {
            Some(place) => renderer.render(&[title.element(snippet(place))]),
            None => renderer.render(&[Group::with_title(title)]),
        }];
        lines.extend(self.details.iter().map(|line| format!("  {}", visible(line))));
        let hint = |hint: &String| Level::HELP.with_name("hint").secondary_title(visible(hint));
        lines.extend(self.hint.iter().map(|text| renderer.render(&[Group::with_title(hint(text))])));
        let text = lines.join("\n");
        let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
        format!("{}\n", trimmed.join("\n"))
    }
}

impl From<&Trouble> for Diagnostic {
    fn from(trouble: &Trouble) -> Self {
        Self::error(trouble.to_string()).at(trouble.place()).hint(hints::of_trouble(trouble))
    }
}

/// The line that a place begins on, with the place underlined. A credential in it is masked.
fn snippet(place: &Place) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
    let text = place.source.text();
    let span = place.clamped();
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let shown = masked(line);
    let shown = visible(&shown);
    let within = |at: usize| (at - start).min(shown.len());
    let span = if shown.len() == line.len() { within(span.start)..within(span.end) } else { 0..shown.len() };
    let number = text[..start].matches('\n').count() + 1;
    let path = place.source.name().to_owned();
    Snippet::source(shown).line_start(number).path(path).annotation(AnnotationKind::Primary.span(span))
}

/// Returns `text` with everything that a terminal could obey spelled out.
pub(super) fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if hidden(c) && c != '\t' { c.escape_unicode().to_string() } else { c.to_string() }).collect()
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
        let source = Source::new("a.repos", "    url: https://user:hunter2@example.com/x.git\n");
        let text = Diagnostic::error("a\u{1b}[31mb").at(Some(&source.at(9..20))).render(false);
        assert!(!text.contains('\u{1b}') && !text.contains("hunter2"), "{text}");
    }
}
