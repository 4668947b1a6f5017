//! A review as a page. One file that stands alone: no script, nothing is loaded.

use std::fmt::Write as _;

use super::phrase::{Piece, plain};
use super::{ChangeReport, Commit, DiffReport, Phrase, SectionReport, short};
use crate::report::graph::escaped;

/// A section with more rows is folded.
const MOST_ROWS: usize = 10;

const STYLE: &str = "\
body { font-family: sans-serif; margin: 2em; color: #111; background: #fff; max-width: 75em }
table { border-collapse: collapse; width: 100% }
td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #dee2e6; vertical-align: top }
tr.attention { background: #ffe3e3 } tr.added { background: #ebfbee } tr.removed { background: #fff4e6 }
section { margin-top: 1.5em } summary { font-size: 1.17em; font-weight: bold; margin: 1em 0; cursor: pointer }
td:first-child { width: 1em } td details summary { font-size: 1em; font-weight: normal; margin: .3em 0 }
ul { margin: .3em 0; padding-left: 1.2em } code { font-size: .95em; overflow-wrap: anywhere; unicode-bidi: isolate }";

const WRITES: &str = "a String takes every write";

/// Returns the review as an HTML page.
pub fn diff_page(report: &DiffReport) -> String {
    let title = escaped(&plain(&report.title().to_string()));
    let heading = spelled(&report.title());
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>deps diff: {title}</title>\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>deps diff</h1>\n<p>{heading}</p>\n"
    );
    if report.is_empty() {
        text.push_str("<p>Nothing changed.</p>\n");
    }
    for part in &report.sections {
        section(&mut text, part);
    }
    for note in &report.notes {
        writeln!(text, "<p>Note: {}</p>", escaped(&plain(note))).expect(WRITES);
    }
    text + "</body>\n</html>\n"
}

fn section(text: &mut String, section: &SectionReport) {
    let summary = section.summary.as_ref().map(|summary| format!(": {}", escaped(summary))).unwrap_or_default();
    let (title, number) = (section.section.title(), section.changes.len());
    let open = if number > MOST_ROWS { "" } else { " open" };
    let heading = format!("<summary>{title}{summary} ({number})</summary>");
    writeln!(text, "<section>\n<details{open}>{heading}\n<table>").expect(WRITES);
    for change in &section.changes {
        row(text, change, change.mark(section.section));
    }
    text.push_str("</table>\n</details>\n</section>\n");
}

fn row(text: &mut String, row: &ChangeReport, mark: char) {
    let class = match mark {
        '!' => "attention",
        '+' => "added",
        '-' => "removed",
        _ => "changed",
    };
    let remark = row.remark().map(|remark| format!(" <b>{}</b>", escaped(&remark))).unwrap_or_default();
    let link =
        row.link.as_ref().map(|link| format!(" <a href=\"{}\" rel=\"noreferrer noopener\">compare</a>", escaped(link)));
    let mut cell = format!("{}{remark}{}", spelled(&row.text), link.unwrap_or_default());
    if !row.details.is_empty() {
        let items: String = row.details.iter().map(|detail| format!("<li>{}</li>", spelled(detail))).collect();
        write!(cell, "<ul>{items}</ul>").expect(WRITES);
    }
    if let Some(history) = &row.history {
        commits(&mut cell, "added", &history.added, history.ahead);
        commits(&mut cell, "dropped", &history.dropped, history.behind);
    }
    let (kind, name) = (escaped(&row.kind), escaped(&row.name));
    writeln!(text, "<tr class=\"{class}\"><td>{mark}</td><td>{kind} <code>{name}</code></td><td>{cell}</td></tr>")
        .expect(WRITES);
}

fn commits(text: &mut String, word: &str, commits: &[Commit], all: usize) {
    if commits.is_empty() {
        return;
    }
    let counted = crate::report::count(all, "commit", "commits");
    write!(text, "<details><summary>{counted} {word}</summary><ul>").expect(WRITES);
    for Commit { rev, subject } in commits {
        let (rev, subject) = (escaped(&short(rev)), escaped(&plain(subject)));
        write!(text, "<li><code>{rev}</code> <code>{subject}</code></li>").expect(WRITES);
    }
    if all > commits.len() {
        write!(text, "<li>… and {} more</li>", all - commits.len()).expect(WRITES);
    }
    text.push_str("</ul></details>");
}

fn spelled(phrase: &Phrase) -> String {
    let spell = |piece: &Piece| match piece {
        Piece::Ours(text) => escaped(text),
        Piece::Theirs(text) => format!("<code>{}</code>", escaped(text)),
    };
    phrase.pieces().iter().map(spell).collect()
}
