//! What `deps lint` found, as JSON (`schema/lint.json`).

use schemars::JsonSchema;
use serde::Serialize;

use crate::lint::{Finding, Level};
use crate::source::{Source, Span};

/// What `deps lint --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps lint --json")]
pub struct LintReport {
    /// The version of this format.
    pub schema: u32,
    /// The files that were looked at, in the order in which they were named.
    pub files: Vec<String>,
    /// What was found, by file and place.
    pub findings: Vec<FindingReport>,
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingReport {
    /// The rule's stable id.
    pub rule: String,
    /// `warning`, or `note` for what is no reason to fail.
    pub level: String,
    /// The file, as it was named; `-` for stdin.
    pub file: String,
    /// The line of its first character, from 1.
    pub line: usize,
    /// The column of its first character, from 1, counted in characters.
    pub column: usize,
    /// The line of its end, from 1.
    pub end_line: usize,
    /// The column behind its last character, from 1.
    pub end_column: usize,
    /// What is there, and why that is bad.
    pub message: String,
    /// What to write instead.
    pub advice: String,
    /// Whether `deps lint --fix` changes it.
    pub fixable: bool,
}

/// A file with what was found in it.
#[derive(Debug)]
pub struct LintedFile<'a> {
    /// The file.
    pub source: &'a Source,
    /// What was found, sorted by place.
    pub findings: &'a [Finding],
}

/// Returns the report of `files`.
pub fn lint_report(files: &[LintedFile<'_>]) -> LintReport {
    let findings = files.iter().flat_map(|file| {
        let lines = Lines::of(file.source.text());
        file.findings.iter().map(move |finding| finding_report(file.source, &lines, finding)).collect::<Vec<_>>()
    });
    LintReport {
        schema: 1,
        files: files.iter().map(|file| file.source.name().to_owned()).collect(),
        findings: findings.collect(),
    }
}

fn finding_report(source: &Source, lines: &Lines<'_>, finding: &Finding) -> FindingReport {
    let Finding { rule, span, message, advice, edits } = finding;
    let Span { start, end } = source.at(span.clone()).clamped();
    let ((line, column), (end_line, end_column)) = (lines.place(start), lines.place(end));
    FindingReport {
        rule: rule.id.to_owned(),
        level: level(rule.level).to_owned(),
        file: source.name().to_owned(),
        line,
        column,
        end_line,
        end_column,
        message: masked(message),
        advice: masked(advice),
        fixable: !edits.is_empty(),
    }
}

/// A level's name.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// A message without the credentials of the URLs in it.
fn masked(text: &str) -> String {
    crate::manifest::url::masked(text)
}

/// A text's lines, so that many places are found in one pass over it.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of a byte, both from 1.
    fn place(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        (line, self.text[self.starts[line - 1]..at].chars().count() + 1)
    }
}
