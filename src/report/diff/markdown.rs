//! A review as Markdown: a comment on a pull request.
//!
//! Decides that words of others stand in code spans alone, where no forge looks for markup, links, mentions or numbers of
//! issues (<https://github.github.com/gfm/#code-spans>), and how much of a long review a comment holds. Leaves out how the
//! comment gets there.

use std::fmt::Write as _;

use super::phrase::{Piece, plain};
use super::{ChangeReport, Commit, DiffReport, Phrase, Section, SectionReport, short};

/// The first line, by which a program finds the comment again to replace it.
pub const MARKER: &str = "<!-- deps diff -->";

/// A section with more rows is folded.
const MOST_ROWS: usize = 10;
/// GitHub takes comments of 65,536 characters.
const MOST_CHARACTERS: usize = 60_000;

const WRITES: &str = "a String takes every write";

/// Returns the review as Markdown.
pub fn diff_markdown(report: &DiffReport) -> String {
    let mut text = format!("{MARKER}\n### `deps diff`: {}\n", spelled(&report.title()));
    if report.is_empty() {
        text.push_str("\nNothing changed.\n");
    }
    for section in &report.sections {
        let room = MOST_CHARACTERS.saturating_sub(text.chars().count());
        text.push_str(&section_text(section, room));
    }
    for note in &report.notes {
        writeln!(text, "\n> {}", code(note)).expect(WRITES);
    }
    text
}

/// Returns a section of at most about `room` characters.
fn section_text(section: &SectionReport, room: usize) -> String {
    let number = section.changes.len();
    let title = section.section.title();
    let summary = section.summary.as_deref().map(|summary| format!(": {summary}")).unwrap_or_default();
    let fold = number > MOST_ROWS;
    let mut text = match fold {
        true => format!("\n<details><summary><b>{title}</b> ({number}){summary}</summary>\n\n"),
        false => format!("\n#### {title}{summary}\n\n"),
    };
    let mut used = text.chars().count();
    for (told, row) in section.changes.iter().enumerate() {
        let row = row_text(row, section.section);
        used += row.chars().count();
        if used > room {
            writeln!(text, "- … and {} more: `deps diff` tells them", number - told).expect(WRITES);
            break;
        }
        text.push_str(&row);
    }
    if fold {
        text.push_str("\n</details>\n");
    }
    text
}

fn row_text(row: &ChangeReport, section: Section) -> String {
    let mark = match row.mark(section) {
        '!' => "⚠️ ",
        '+' => "➕ ",
        '-' => "➖ ",
        _ => "",
    };
    let link = row.link.as_ref().map(|link| format!(" ([compare]({link}))")).unwrap_or_default();
    let remark = row.remark().map(|remark| format!(" **{remark}**")).unwrap_or_default();
    let mut text = format!("- {mark}{} {}: {}{remark}{link}\n", row.kind, code(&row.name), spelled(&row.text));
    for detail in &row.details {
        writeln!(text, "  - {}", spelled(detail)).expect(WRITES);
    }
    if let Some(history) = &row.history {
        commits(&mut text, "added", &history.added, history.ahead);
        commits(&mut text, "dropped", &history.dropped, history.behind);
    }
    text
}

fn commits(text: &mut String, word: &str, commits: &[Commit], all: usize) {
    if commits.is_empty() {
        return;
    }
    let counted = crate::report::count(all, "commit", "commits");
    writeln!(text, "  <details><summary>{counted} {word}</summary>\n").expect(WRITES);
    for Commit { rev, subject } in commits {
        writeln!(text, "  - {} {}", code(short(rev).as_str()), code(subject)).expect(WRITES);
    }
    if all > commits.len() {
        writeln!(text, "  - … and {} more", all - commits.len()).expect(WRITES);
    }
    text.push_str("\n  </details>\n");
}

/// Returns `phrase` with the words of others in code spans.
fn spelled(phrase: &Phrase) -> String {
    let spell = |piece: &Piece| match piece {
        Piece::Ours(text) => text.clone(),
        Piece::Theirs(text) => code(text),
    };
    phrase.pieces().iter().map(spell).collect()
}

/// Returns `text` as a code span: between more backticks than stand in it anywhere.
fn code(text: &str) -> String {
    let text = plain(text);
    if text.trim().is_empty() {
        return "` `".to_owned();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_ends_where_it_should() {
        assert_eq!(code("main"), "`main`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\n\n</details>@user #1"), "`a\u{fffd}\u{fffd}</details>@user #1`");
        assert_eq!(code(""), "` `");
    }
}
