//! What makes an image another one tomorrow, found in a Dockerfile or a snippet: unpinned downloads, cache busters,
//! secrets in its history.
//!
//! Decides what is a finding, what to write instead, and which changes are mechanical. Knows a text alone: what a
//! server has, and what is in a file that a step reads, it cannot say. Leaves out files (`workspace/`), words and
//! formats (`report/`, `cli/`).

mod apt;
mod dockerfile;
mod fetches;
mod fix;
mod ignore;
mod instructions;
mod packages;
mod rules;
mod template;

use dockerfile::{Dockerfile, Instruction};
pub use fix::fixed;
pub use rules::{Level, RULES, Rule};

use crate::extension::Rendered;
use crate::shell::{Command, Script, Word};
use crate::source::{Located, Source, Span};

/// A text to look at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The file.
    pub source: Source,
    /// What it is.
    pub kind: Kind,
}

/// What a text is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A whole Dockerfile.
    Dockerfile,
    /// A snippet of an extension.
    Snippet {
        /// What the template becomes.
        rendered: Rendered,
        /// Whether its steps get the standard cache mounts.
        caches: bool,
    },
}

/// Something to write otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where in the file.
    pub span: Span,
    /// What is there and why that is bad: one line.
    pub message: String,
    /// What to write instead: one line.
    pub advice: String,
    /// The change that does so, where it is mechanical; else nothing.
    pub edits: Vec<Edit>,
}

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub span: Span,
    /// What comes in their place.
    pub text: String,
}

/// What was found in a file.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The findings, in the order of the file: at most a thousand.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: usize,
    /// Values of the file that must not be shown.
    pub secrets: Vec<Span>,
}

/// Why a text cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A line that begins with no instruction.
    #[error("`{word}` is no instruction of a Dockerfile")]
    NoInstruction {
        /// Its first word.
        word: String,
    },
}

/// Returns everything that the rules find in `subject`, without what it says is to be ignored.
///
/// # Errors
/// Every line that is no Dockerfile.
pub fn lint(subject: &Subject) -> Result<Findings, Vec<Located<Problem>>> {
    let (text, caches) = match &subject.kind {
        Kind::Dockerfile => (subject.source.text(), false),
        Kind::Snippet { rendered, caches } => (rendered.text.as_str(), *caches),
    };
    let dockerfile = match dockerfile::parse(text) {
        Ok(dockerfile) => dockerfile,
        Err(problems) => {
            let located = |(span, problem)| Located::new(&subject.source, place(subject, span), problem);
            return Err(problems.into_iter().map(located).collect());
        }
    };
    let mut found = Findings::default();
    let sheet = Sheet { text, dockerfile: &dockerfile, caches };
    sheet.check(&mut found);
    ignore::apply(&sheet, &mut found.findings);
    found.findings.sort_by_key(order);
    found.more = found.findings.len().saturating_sub(MOST_FINDINGS);
    found.findings.truncate(MOST_FINDINGS);
    if let Kind::Snippet { rendered, .. } = &subject.kind {
        found = template::placed(found, rendered, subject.source.text());
    }
    found.findings.sort_by_key(order);
    found.findings.dedup();
    Ok(found)
}

/// Returns `source` with `secrets` made unreadable; every other byte stays where it is.
pub fn hidden(source: &Source, secrets: &[Span]) -> Source {
    let mut text = source.text().to_owned();
    for span in secrets.iter().map(|span| source.at(span.clone()).clamped()) {
        let stars: String = text[span.clone()]
            .chars()
            .map(|c| if c == '\n' { "\n".to_owned() } else { "*".repeat(c.len_utf8()) })
            .collect();
        text.replace_range(span, &stars);
    }
    Source::new(source.name(), text)
}

/// Findings of one file that are told: nobody reads more, and each takes a look at its line.
const MOST_FINDINGS: usize = 1000;

fn order(finding: &Finding) -> (usize, &'static str, usize) {
    (finding.span.start, finding.rule.id, finding.span.end)
}

/// Where bytes of the text that is read stand in the file.
fn place(subject: &Subject, span: Span) -> Span {
    match &subject.kind {
        Kind::Dockerfile => span,
        Kind::Snippet { rendered, .. } => template::Map::new(rendered, subject.source.text()).span(&span),
    }
}

/// A text with its instructions.
struct Sheet<'a> {
    text: &'a str,
    dockerfile: &'a Dockerfile,
    /// Whether every RUN gets the standard cache mounts.
    caches: bool,
}

/// A RUN with its commands.
struct Step<'a> {
    sheet: &'a Sheet<'a>,
    /// Its index in the Dockerfile.
    index: usize,
    script: Script,
    /// Whether caches are mounted in it.
    caches: bool,
}

impl Sheet<'_> {
    fn check(&self, found: &mut Findings) {
        instructions::check(self, found);
        for (index, instruction) in self.dockerfile.instructions.iter().enumerate() {
            if instruction.keyword == "RUN" {
                let script = self.script(instruction);
                let cached = |flag: &dockerfile::Flag| flag.name == "mount" && flag.value.contains("type=cache");
                let caches = self.caches || instruction.flags.iter().any(cached);
                Step { sheet: self, index, script, caches }.check(&mut found.findings);
            }
        }
    }

    fn script(&self, instruction: &Instruction) -> Script {
        let command = &self.text[instruction.rest.clone()];
        Script::of_run(command, instruction.rest.start, self.dockerfile.escape)
    }

    fn words(&self, instruction: &Instruction) -> Vec<Word> {
        let text = &self.text[instruction.rest.clone()];
        crate::shell::words(text, instruction.rest.start, self.dockerfile.escape)
    }
}

impl Step<'_> {
    fn check(&self, findings: &mut Vec<Finding>) {
        apt::check(self, findings);
        fetches::check(self, findings);
        packages::check(self, findings);
    }

    fn commands(&self) -> &[Command] {
        &self.script.commands
    }

    /// Whether `word` stands in the text as it is read, so that it can be changed there.
    fn is_plain(&self, word: &Word) -> bool {
        self.sheet.text.get(word.span.clone()) == Some(word.text.as_str())
    }
}

impl Finding {
    fn new(rule: &'static Rule, span: Span, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { rule, span, message: message.into(), advice: advice.into(), edits: Vec::new() }
    }

    fn edits(self, edits: Vec<Edit>) -> Self {
        Self { edits, ..self }
    }
}

/// A word as a message shows it.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// Whether `text` is the id of a commit, perhaps a short one.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether `url` asks for whatever is the latest.
fn is_latest(url: &str) -> bool {
    let words = url.split(|c: char| !c.is_ascii_alphanumeric());
    url.contains("://") && words.into_iter().any(|word| word.eq_ignore_ascii_case("latest"))
}

#[cfg(test)]
mod tests;
