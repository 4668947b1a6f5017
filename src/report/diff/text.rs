//! A review as people read it in a terminal.
//!
//! Decides the layout: a heading a section, a line a change, details below it. Words of others hold no code of a terminal
//! (`phrase.rs`). Leaves out colours (`cli/paint.rs`).

use std::fmt::Write as _;

use super::{ChangeReport, Commit, DiffReport, SectionReport};

/// Names are put in a column up to this width.
const WIDEST: usize = 36;

const WRITES: &str = "a String takes every write";

/// Returns the review as text.
pub fn diff_text(report: &DiffReport) -> String {
    let mut text = format!("{}\n", report.title());
    if report.is_empty() {
        text.push_str("nothing changed\n");
    }
    text.push_str(&diff_sections(report));
    if !report.notes.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        writeln!(text, "note: {note}").expect(WRITES);
    }
    text
}

/// Returns the changes alone; a section begins with an empty line.
pub(in crate::report) fn diff_sections(report: &DiffReport) -> String {
    let mut text = String::new();
    for section in &report.sections {
        let summary = section.summary.as_ref().map(|summary| format!(": {summary}")).unwrap_or_default();
        writeln!(text, "\n{}{summary}", section.section.title()).expect(WRITES);
        rows(&mut text, section);
    }
    text
}

fn rows(text: &mut String, section: &SectionReport) {
    let subject = |row: &ChangeReport| format!("{} {}", row.kind, row.name);
    let widths = section.changes.iter().map(|row| subject(row).chars().count()).filter(|width| *width <= WIDEST);
    let width = widths.max().unwrap_or(0);
    for row in &section.changes {
        let remark = row.remark().map(|remark| format!("  {remark}")).unwrap_or_default();
        let mark = row.mark(section.section);
        writeln!(text, "  {mark} {:width$}  {}{remark}", subject(row), row.text).expect(WRITES);
        row.details.iter().for_each(|detail| writeln!(text, "      {detail}").expect(WRITES));
        row.link.iter().for_each(|link| writeln!(text, "      {link}").expect(WRITES));
        if let Some(history) = &row.history {
            commits(text, '+', &history.added, history.ahead);
            commits(text, '-', &history.dropped, history.behind);
        }
    }
}

fn commits(text: &mut String, sign: char, commits: &[Commit], all: usize) {
    for Commit { rev, subject } in commits {
        writeln!(text, "      {sign} {} {}", super::short(rev), super::plain(subject)).expect(WRITES);
    }
    if all > commits.len() && !commits.is_empty() {
        writeln!(text, "      {sign} … and {} more", all - commits.len()).expect(WRITES);
    }
}
