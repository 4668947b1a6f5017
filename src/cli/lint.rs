//! `deps lint`: what makes an image another one tomorrow, in snippets and in any Dockerfile; and mending it.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::diagnostic::{self, Diagnostic};
use super::outcome::{FAILED, Failed, USAGE, print};
use super::session::Session;
use crate::lint::{self, Finding, Findings, Kind, Level, Subject};
use crate::report::{self, LintReport, LintedFile};
use crate::source::Source;
use crate::workspace::{self, Trouble, Written};

/// The largest Dockerfile that is read from stdin.
const MOST_STDIN: u64 = 1 << 20;
/// One change can make way for another one; nobody needs more rounds.
const MOST_ROUNDS: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Dockerfiles; `-` is stdin. Without any, the snippets of the project's extensions.
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Make the changes that are mechanical, and tell what is left.
    #[arg(long)]
    fix: bool,
    /// How to tell what was found.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// The same as `--format json` (`deps schema lint`).
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, on stderr.
    #[default]
    Text,
    /// `schema/lint.json`.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// The rules, for `--help`.
pub(super) fn after_help() -> String {
    let width = lint::RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let line = |rule: &lint::Rule| {
        let note = if rule.level == Level::Note { " (a note)" } else { "" };
        format!("  {:width$}  {}{note}\n", rule.id, rule.about)
    };
    let rules: String = lint::RULES.iter().map(|rule| line(rule)).collect();
    format!(
        "Rules:\n{rules}\nTo live with a finding, write above it: `# deps-lint: ignore=RULE reason`.\nNotes alone \
         are no failure, unless with `--strict`.\n\nExit codes:\n  0 nothing found, 1 something found"
    )
}

/// A file and what was found in it.
struct Linted {
    subject: Subject,
    /// Where it can be written.
    path: Option<PathBuf>,
    found: Findings,
    /// The file as it may be shown.
    shown: Source,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    if options.fix && options.files.iter().any(|name| name == "-") {
        return Err(Failed::one(USAGE, Diagnostic::error("`--fix` cannot write to stdin")));
    }
    let (mut files, mut wrong) =
        if options.files.is_empty() { snippets(session)? } else { dockerfiles(session, options) };
    let mended = if options.fix { fix(session, options, &mut files, &mut wrong)? } else { 0 };
    let seen: Vec<LintedFile<'_>> =
        files.iter().map(|file| LintedFile { source: &file.subject.source, findings: &file.found.findings }).collect();
    let report = report::lint_report(&seen);
    match options.format {
        Format::Sarif => print(&report::json(&report::sarif(&report)))?,
        Format::Json => print(&report::json(&report))?,
        Format::Text if options.json => print(&report::json(&report))?,
        Format::Text => return text(session, &files, wrong, &report, mended),
    }
    let silent = report.findings.iter().all(|finding| !session.strict() && finding.level == "note");
    if wrong.is_empty() && silent { Ok(()) } else { Err(Failed::new(FAILED, wrong)) }
}

/// The snippets of the project's extensions, and what is wrong with those that cannot be read.
fn snippets(session: &Session) -> Result<(Vec<Linted>, Vec<Diagnostic>), Failed> {
    let (written, troubles) = session.workspace()?.snippets()?;
    let mut wrong: Vec<Diagnostic> = troubles.iter().map(|trouble: &Trouble| trouble.into()).collect();
    let mut files = Vec::new();
    for Written { source, snippet, caches, path } in written {
        let kind = Kind::Snippet { rendered: snippet.rendered, caches };
        files.extend(linted(Subject { source, kind }, path, &mut wrong));
    }
    Ok((files, wrong))
}

/// The Dockerfiles that are named, each once.
fn dockerfiles(session: &Session, options: &Options) -> (Vec<Linted>, Vec<Diagnostic>) {
    let (mut files, mut wrong, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for name in options.files.iter().filter(|name| seen.insert(name.as_str())) {
        let path = (name != "-").then(|| session.start().join(name));
        let source = match &path {
            Some(path) => workspace::dockerfile(path, name).map_err(|trouble| Diagnostic::from(&trouble)),
            None => stdin(),
        };
        match source {
            Ok(source) => files.extend(linted(Subject { source, kind: Kind::Dockerfile }, path, &mut wrong)),
            Err(diagnostic) => wrong.push(diagnostic),
        }
    }
    (files, wrong)
}

fn stdin() -> Result<Source, Diagnostic> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MOST_STDIN + 1).read_to_string(&mut text);
    match read {
        Err(error) => Err(Diagnostic::error(format!("cannot read stdin: {error}"))),
        Ok(bytes) if bytes as u64 > MOST_STDIN => {
            Err(Diagnostic::error(format!("stdin has more than {MOST_STDIN} bytes")))
        }
        Ok(_) => Ok(Source::new("-", text)),
    }
}

fn linted(subject: Subject, path: Option<PathBuf>, wrong: &mut Vec<Diagnostic>) -> Option<Linted> {
    match lint::lint(&subject) {
        Ok(found) => {
            let shown = lint::hidden(&subject.source, &found.secrets);
            Some(Linted { subject, path, found, shown })
        }
        Err(problems) => {
            let told = |problem: &crate::source::Located<lint::Problem>| {
                Diagnostic::error(problem.error.to_string()).at(Some(&problem.place))
            };
            wrong.extend(diagnostic::first(&problems, told, Diagnostic::error));
            None
        }
    }
}

/// Writes every file anew until nothing mechanical is left; how many findings that mends.
fn fix(
    session: &Session,
    options: &Options,
    files: &mut Vec<Linted>,
    wrong: &mut Vec<Diagnostic>,
) -> Result<usize, Failed> {
    let mut mended = 0;
    for _ in 0..MOST_ROUNDS {
        let mut changed = false;
        for file in files.iter() {
            let (text, count) = lint::fixed(file.subject.source.text(), &file.found.findings);
            if let Some(path) = file.path.as_ref().filter(|_| count > 0) {
                workspace::rewrite(path, file.subject.source.name(), text.as_bytes())?;
                (changed, mended) = (true, mended + count);
            }
        }
        if !changed {
            break;
        }
        (*files, *wrong) = if options.files.is_empty() { snippets(session)? } else { dockerfiles(session, options) };
    }
    Ok(mended)
}

fn text(
    session: &Session,
    files: &[Linted],
    wrong: Vec<Diagnostic>,
    report: &LintReport,
    mended: usize,
) -> Result<(), Failed> {
    let looked = report::count(files.len(), "file", "files");
    if mended > 0 {
        session.tell(&format!("mended {}\n", report::count(mended, "finding", "findings")));
    }
    let notes = report.findings.iter().filter(|finding| finding.level == "note").count();
    let warnings = report.findings.len() - notes;
    let all: Vec<(&Linted, &Finding)> =
        files.iter().flat_map(|file| file.found.findings.iter().map(move |finding| (file, finding))).collect();
    let told = |(file, finding): &(&Linted, &Finding)| told(file, finding);
    let mut diagnostics = diagnostic::first(&all, told, Diagnostic::warning);
    let failed = warnings > 0 || !wrong.is_empty() || (session.strict() && notes > 0);
    if !failed {
        diagnostics.iter().for_each(|diagnostic| session.warn(diagnostic));
        let found = if notes == 0 { "nothing found".to_owned() } else { report::count(notes, "note", "notes") };
        session.tell(&format!("{found} in {looked}\n"));
        return Ok(());
    }
    let fixable = report.findings.iter().filter(|finding| finding.fixable).count();
    let hint = (fixable > 0 && mended == 0).then(|| format!("`deps lint --fix` mends {fixable} of them"));
    diagnostics.extend(wrong);
    if !report.findings.is_empty() {
        let more: usize = files.iter().map(|file| file.found.more).sum();
        let counted = report::count(report.findings.len() + more, "finding", "findings");
        diagnostics.push(Diagnostic::error(format!("{counted} in {looked}")).hint(hint));
    }
    Err(Failed::new(FAILED, diagnostics))
}

fn told(file: &Linted, finding: &Finding) -> Diagnostic {
    let diagnostic = match finding.rule.level {
        Level::Warning => Diagnostic::warning(finding.message.clone()),
        Level::Note => Diagnostic::note(finding.message.clone()),
    };
    let place = file.shown.at(finding.span.clone());
    diagnostic.id(finding.rule.id).at(Some(&place)).hint(Some(finding.advice.clone()))
}
