//! What differs between two stages themselves.
//!
//! Decides which of the facts that differ are causes: what people write comes before what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use super::{Cause, Change};
use crate::plan::record::{Fact, Record, Section, StageRecord, Subject, Value};

/// What changed in a stage itself.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) causes: Vec<Cause>,
    /// Stages below that a cause already speaks of.
    pub(super) told: BTreeSet<String>,
}

/// A fact that differs.
struct Difference<'a> {
    subject: &'a Subject,
    before: Option<&'a Fact>,
    after: Option<&'a Fact>,
}

/// Returns what changed between `before` and `after`, which have the same name or take each other's place.
pub(super) fn own(before: &StageRecord, after: &StageRecord) -> Own {
    let differences = Differences::between(Some(before), Some(after));
    let mut own = Own::default();
    let brought = differences.brought();
    for difference in &differences.all {
        if difference.by().is_some_and(|by| brought.contains(by)) {
            if let Subject::Copy { stage, .. } = difference.subject {
                own.told.insert(stage.clone());
            }
            if !matches!(difference.subject, Subject::Extension(_)) {
                continue;
            }
        }
        own.causes.extend(differences.cause(difference, before, after));
    }
    if own.causes.is_empty() {
        let released = differences.all.iter().filter(|one| matches!(one.subject, Subject::Extension(_)));
        own.causes.extend(released.filter(|_| differences.has_steps()).filter_map(plain));
    }
    own
}

/// Returns everything that came or went where one of the stages is missing.
pub(super) fn between(before: Option<&StageRecord>, after: Option<&StageRecord>) -> Vec<Cause> {
    Differences::between(before, after).all.iter().filter_map(plain).collect()
}

/// Returns in which order the same steps stand.
pub(super) fn order(before: &StageRecord, after: &StageRecord) -> Vec<Cause> {
    let lines = |record: &StageRecord| match value(record, &Subject::Sequence) {
        Some(Value::Lines(lines)) => lines.clone(),
        _ => String::new(),
    };
    vec![Cause::Order { diff: diff(&lines(before), &lines(after)) }]
}

/// Returns what the stage begins with.
pub(super) fn base(record: &StageRecord) -> Option<&Value> {
    value(record, &Subject::Base)
}

/// Returns the extensions of a project: the image has a fact about each.
pub(super) fn extensions(record: &Record) -> BTreeSet<&str> {
    let facts = record.stages.last().into_iter().flat_map(|image| &image.facts);
    let names =
        facts.filter_map(|fact| if let Subject::Extension(name) = &fact.subject { Some(name.as_str()) } else { None });
    names.collect()
}

fn value<'a>(record: &'a StageRecord, subject: &Subject) -> Option<&'a Value> {
    record.facts.iter().find(|fact| fact.subject == *subject).map(|fact| &fact.value)
}

/// The facts that differ between two stages.
struct Differences<'a> {
    all: Vec<Difference<'a>>,
}

impl<'a> Difference<'a> {
    fn by(&self) -> Option<&'a str> {
        self.after.or(self.before).and_then(|fact| fact.by.as_deref())
    }
}

impl<'a> Differences<'a> {
    fn between(before: Option<&'a StageRecord>, after: Option<&'a StageRecord>) -> Self {
        let facts = |record: Option<&'a StageRecord>| -> BTreeMap<&'a Subject, &'a Fact> {
            record.into_iter().flat_map(|record| &record.facts).map(|fact| (&fact.subject, fact)).collect()
        };
        let (before, after) = (facts(before), facts(after));
        let subjects: BTreeSet<&Subject> = before.keys().chain(after.keys()).copied().collect();
        let all = subjects.into_iter().filter_map(|subject| {
            let (before, after) = (before.get(subject).copied(), after.get(subject).copied());
            let differs = before.map(|fact| &fact.value) != after.map(|fact| &fact.value);
            differs.then_some(Difference { subject, before, after })
        });
        Self { all: all.collect() }
    }

    /// Extensions that came or went, where the stage has something of them.
    fn brought(&self) -> BTreeSet<&'a str> {
        let came = |name: &str| {
            let appeared = |one: &&Difference<'_>| one.before.is_some() != one.after.is_some();
            let own = |one: &&Difference<'_>| matches!(one.subject, Subject::Extension(other) if other == name);
            self.all.iter().filter(own).any(|one| appeared(&one))
        };
        let felt = self.all.iter().filter(|one| !is_told(one.subject)).filter_map(Difference::by);
        felt.filter(|name| came(name)).collect()
    }

    fn differs(&self, wanted: impl Fn(&Subject) -> bool) -> bool {
        self.all.iter().any(|one| wanted(one.subject))
    }

    fn has_steps(&self) -> bool {
        self.differs(|subject| matches!(subject, Subject::Steps(_)))
    }

    /// Whether steps differ that `extension` brings.
    fn steps_of(&self, extension: &str) -> bool {
        self.all.iter().any(|one| matches!(one.subject, Subject::Steps(_)) && one.by() == Some(extension))
    }

    /// The cause that `difference` is, if it is a first one.
    fn cause(&self, difference: &Difference<'_>, before: &StageRecord, after: &StageRecord) -> Option<Cause> {
        let both = difference.before.is_some() && difference.after.is_some();
        let first = match difference.subject {
            Subject::Package(_) => !both,
            Subject::Extension(name) if both => self.steps_of(name) && is_released(difference),
            Subject::Extension(name) => self.all.iter().any(|one| !is_told(one.subject) && one.by() == Some(name)),
            Subject::Option { extension, name } => {
                self.steps_of(extension) && is_used(extension, name, [before, after])
            }
            Subject::Template(file) => {
                both && self.differs(|other| *other == Subject::Steps(Section::Snippet(file.clone())))
            }
            Subject::Steps(section) => !self.is_explained(section, difference.by(), before, after),
            // Where it is a stage, that is a parent.
            Subject::Base => [difference.before, difference.after].into_iter().flatten().all(is_no_stage),
            // Where it came or went with its stage, that is told of the stage.
            Subject::Copy { stage, .. } => before.parents.contains_key(stage) == after.parents.contains_key(stage),
            Subject::Sequence => false,
            _ => true,
        };
        first.then(|| plain(difference)).flatten()
    }

    /// Whether what people write of a section says why its steps differ.
    fn is_explained(&self, section: &Section, by: Option<&str>, before: &StageRecord, after: &StageRecord) -> bool {
        match section {
            Section::Packages => self.differs(|other| {
                use Subject::{Base, CaCertificates, Package, PackageKey, PackageSource};
                matches!(other, Package(_) | PackageSource(_) | PackageKey(_) | CaCertificates | Base)
            }),
            Section::Sources => self.differs(|other| matches!(other, Subject::Repository(_))),
            Section::User => false,
            Section::Snippet(file) => {
                self.differs(|other| *other == Subject::Template(file.clone()))
                    || self.all.iter().any(|one| match one.subject {
                        Subject::Option { extension, name } => {
                            by == Some(extension) && is_used(extension, name, [before, after])
                        }
                        Subject::Extension(name) => by == Some(name) && is_released(one),
                        _ => false,
                    })
            }
        }
    }
}

/// Facts that enter no key by themselves: they say where others come from.
fn is_told(subject: &Subject) -> bool {
    matches!(subject, Subject::Extension(_) | Subject::Option { .. } | Subject::Template(_) | Subject::Sequence)
}

fn is_no_stage(fact: &Fact) -> bool {
    matches!(&fact.value, Value::Image(_)) || fact.value == Value::Text("scratch".to_owned())
}

/// Whether the version of an extension is another one.
fn is_released(difference: &Difference<'_>) -> bool {
    let version = |fact: Option<&Fact>| match fact.map(|fact| &fact.value) {
        Some(Value::Release(release)) => Some(release.version.clone()),
        _ => None,
    };
    version(difference.before) != version(difference.after)
}

/// Whether a snippet of the extension speaks of the option. Where none speaks of any, each may be meant.
fn is_used(extension: &str, option: &str, records: [&StageRecord; 2]) -> bool {
    let facts =
        records.into_iter().flat_map(|record| &record.facts).filter(|fact| fact.by.as_deref() == Some(extension));
    let texts = facts.filter_map(|fact| match (&fact.subject, &fact.value) {
        (Subject::Template(_), Value::Lines(text)) => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    let speaks = |of: &str| texts.iter().any(|text| mentions(text, of));
    speaks(&format!("options.{option}")) || !texts.iter().any(|text| text.contains("options."))
}

/// Whether `text` holds the whole word `word`.
fn mentions(text: &str, word: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| ends(&text[at + word.len()..]))
}

/// The cause that a difference is when nothing else is asked.
fn plain(difference: &Difference<'_>) -> Option<Cause> {
    let Difference { subject, before, after } = difference;
    let change = Change { before: before.map(|fact| &fact.value), after: after.map(|fact| &fact.value) };
    let lines = || diff(&text(change.before), &text(change.after));
    Some(match subject {
        Subject::Base => {
            match (change.before, change.after) {
                (None | Some(Value::Image(_)), None | Some(Value::Image(_))) => Cause::Base(typed(&change, |value| {
                    if let Value::Image(image) = value { Some(image.clone()) } else { None }
                })),
                _ => setting(subject, &change),
            }
        }
        Subject::Package(name) => Cause::Package { name: name.clone(), change: change.map(|value| text(Some(value))) },
        Subject::Repository(path) => Cause::Repository { path: path.clone(), change: pins(&change) },
        Subject::Input(name) => Cause::Input { name: name.clone(), change: pins(&change) },
        Subject::Extension(name) => {
            let release = |value: &Value| if let Value::Release(one) = value { Some(one.clone()) } else { None };
            Cause::Extension { name: name.clone(), change: typed(&change, release) }
        }
        Subject::Option { extension, name } => {
            let change = change.map(|value| text(Some(value)));
            Cause::Option { extension: extension.clone(), name: name.clone(), change }
        }
        Subject::Template(file) => Cause::Snippet { file: file.clone(), diff: lines() },
        Subject::File { extension, path } => {
            let change = change.map(|value| text(Some(value)));
            Cause::File { extension: extension.clone(), path: path.clone(), change }
        }
        Subject::Steps(section) => Cause::Steps { section: section.clone(), diff: lines() },
        Subject::Sequence => return None,
        other => setting(other, &change),
    })
}

fn setting(subject: &Subject, change: &Change<&Value>) -> Cause {
    Cause::Setting { subject: subject.clone(), change: change.map(|value| text(Some(value))) }
}

fn typed<T>(change: &Change<&Value>, read: impl Fn(&Value) -> Option<T>) -> Change<T> {
    Change { before: change.before.and_then(&read), after: change.after.and_then(&read) }
}

fn pins(change: &Change<&Value>) -> Change<crate::plan::record::Pin> {
    typed(change, |value| if let Value::Pin(pin) = value { Some(pin.clone()) } else { None })
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Present) => String::new(),
        Some(Value::Text(text) | Value::Lines(text)) => text.clone(),
        Some(Value::Image(image)) => format!("{}@{}", image.reference, image.digest),
        Some(Value::Pin(pin)) => pin.rev.clone(),
        Some(Value::Release(release)) => release.version.clone(),
    }
}

/// The lines that differ with one line around them.
fn diff(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let line = |tag: ChangeTag, text: &str| {
        let sign = match tag {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        format!("{sign}{}", text.trim_end_matches('\n'))
    };
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(1).iter().enumerate() {
        if number > 0 {
            lines.push(" …".to_owned());
        }
        for operation in group {
            lines.extend(diff.iter_changes(operation).map(|change| line(change.tag(), change.value())));
        }
    }
    lines
}
