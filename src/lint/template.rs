//! The way back from what a template became to the template that somebody wrote.
//!
//! Decides where a finding stands in the template, and which changes can be made there: only where the template says
//! word for word what it became.

use super::{Edit, Finding, Findings};
use crate::extension::Rendered;
use crate::source::Span;

/// Returns what was found in `rendered` at its places in `template`.
pub(super) fn placed(found: Findings, rendered: &Rendered, template: &str) -> Findings {
    let map = Map::new(rendered, template);
    let finding = |finding: Finding| {
        let edits: Option<Vec<Edit>> = finding.edits.iter().map(|edit| map.edit(edit)).collect();
        Finding { span: map.span(&finding.span), edits: edits.unwrap_or_default(), ..finding }
    };
    Findings {
        findings: found.findings.into_iter().map(finding).collect(),
        more: found.more,
        secrets: found.secrets.iter().take(super::MOST_FINDINGS).map(|span| map.span(span)).collect(),
    }
}

/// Which line came from which.
pub(super) struct Map<'a> {
    rendered: &'a str,
    template: &'a str,
    origin: &'a [usize],
    /// The first bytes of the lines of both.
    rendered_lines: Vec<usize>,
    template_lines: Vec<usize>,
}

impl<'a> Map<'a> {
    pub(super) fn new(rendered: &'a Rendered, template: &'a str) -> Self {
        Self {
            rendered: &rendered.text,
            template,
            origin: &rendered.origin,
            rendered_lines: starts(&rendered.text),
            template_lines: starts(template),
        }
    }

    /// Returns where `span` stands in the template: its bytes where the line is the same there, else as much of the
    /// line as can be meant.
    pub(super) fn span(&self, span: &Span) -> Span {
        let line = self.line_of(span.start);
        let start = self.at(span.start).unwrap_or_else(|| self.template_line(line).start);
        let last = self.template_line(line).end.max(start);
        let end = self.at(span.end).filter(|end| *end >= start && self.line_of(span.end) >= line);
        start..end.unwrap_or(last)
    }

    /// Returns a change of the template that does what `edit` does; none where the lines differ.
    fn edit(&self, edit: &Edit) -> Option<Edit> {
        let Span { start, end } = edit.span;
        // What ends with a line break ends on that line, whatever the template has below it.
        let whole = end > start && self.rendered[..end].ends_with('\n');
        let (first, last) = (self.line_of(start), self.line_of(if whole { end - 1 } else { end }));
        let follows =
            |line: usize| line == first || self.origin.get(line) == self.origin.get(line - 1).map(|at| at + 1).as_ref();
        if !(first..=last).all(|line| follows(line) && self.is_same(line)) {
            return None;
        }
        let moved = |line: usize, at: usize| self.template_line(line).start + at - self.rendered_lines[line];
        let span = moved(first, start)..moved(last, end);
        self.template.get(span.clone()).map(|_| Edit { span, text: edit.text.clone() })
    }

    /// Where the byte `at` stands in the template: before or after everything in which the two lines differ.
    fn at(&self, at: usize) -> Option<usize> {
        let line = self.line_of(at);
        let (ours, theirs) = (self.rendered_line(line), self.template_line(line));
        let (from, to) = (&self.rendered[ours.clone()], &self.template[theirs.clone()]);
        let column = at - ours.start;
        let before = from.bytes().zip(to.bytes()).take_while(|(a, b)| a == b).count();
        let after = from.bytes().rev().zip(to.bytes().rev()).take_while(|(a, b)| a == b).count();
        if column <= before && to.is_char_boundary(column) {
            return Some(theirs.start + column);
        }
        let rest = from.len().checked_sub(column).filter(|rest| *rest <= after)?;
        Some(theirs.end - rest).filter(|at| self.template.is_char_boundary(*at))
    }

    fn is_same(&self, line: usize) -> bool {
        self.rendered[self.rendered_line(line)] == self.template[self.template_line(line)]
    }

    fn line_of(&self, at: usize) -> usize {
        self.rendered_lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// A line of the rendered text without its line break.
    fn rendered_line(&self, line: usize) -> Span {
        bounds(&self.rendered_lines, self.rendered, line)
    }

    /// The line of the template that a line of the rendered text came from.
    fn template_line(&self, line: usize) -> Span {
        let origin = self.origin.get(line).or(self.origin.last()).copied().unwrap_or(0);
        bounds(&self.template_lines, self.template, origin)
    }
}

fn starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn bounds(starts: &[usize], text: &str, line: usize) -> Span {
    let line = line.min(starts.len() - 1);
    let end = starts.get(line + 1).map_or(text.len(), |next| next - 1);
    starts[line]..end
}
