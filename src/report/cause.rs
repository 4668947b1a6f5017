//! Causes of a changed stage key in words and as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::record::{Pin, Section, Subject};
use crate::plan::why::{Cause, Change};

/// A first cause.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CauseReport {
    /// `encoding`, `base`, `package`, `repository`, `input`, `extension`, `option`, `snippet`, `file`, `setting`, `steps` or `order`.
    pub kind: String,
    /// What it is about: a package, a checkout path, `<extension>/<input>`, a file ….
    pub subject: String,
    /// Its old value; absent where it is new or the difference is in `diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its new value; absent where it is gone or the difference is in `diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The lines that differ, each behind `+`, `-` or a space.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
    /// The cause in words.
    pub text: String,
}

/// Returns the report of a cause.
pub fn cause_report(cause: &Cause) -> CauseReport {
    let (kind, subject) = named(cause);
    let Change { before, after } = values(cause);
    let diff = match cause {
        Cause::Snippet { diff, .. } | Cause::Steps { diff, .. } | Cause::Order { diff } => diff.clone(),
        _ => Vec::new(),
    };
    CauseReport { kind: kind.to_owned(), subject, before, after, diff, text: cause_text(cause) }
}

/// Returns a cause in words, on one line without its diff.
pub fn cause_text(cause: &Cause) -> String {
    let text = match cause {
        Cause::Package { name, change } => came_or_went("package", name, change),
        Cause::Repository { path, change } => pin_text("repository", path, change),
        Cause::Input { name, change } => pin_text("input", name, change),
        Cause::Extension { name, change } => {
            let both = change.before.as_ref().zip(change.after.as_ref());
            match both.filter(|(before, after)| before.version == after.version) {
                Some((before, after)) => format!(
                    "extension {name} changed: its files are {} → {}",
                    short(&before.digest),
                    short(&after.digest)
                ),
                None => moved("extension", name, &change.map(|release| release.version.clone())),
            }
        }
        Cause::Option { extension, name, change } => {
            moved(&format!("option {name} of"), extension, &change.map(|value| quoted(value)))
        }
        Cause::Snippet { file, .. } => format!("snippet {file} was edited"),
        Cause::File { extension, path, change } => came_or_went("file", &format!("{path} of {extension}"), change),
        Cause::Base(change) => {
            moved("base", "image", &change.map(|image| format!("{} {}", image.reference, short(&image.digest))))
        }
        Cause::Encoding(change) => moved("encoding", "of stage keys", &change.map(|value| quoted(value))),
        Cause::Setting { subject, change } => setting_text(subject, change),
        Cause::Steps { section, .. } => match section {
            Section::Packages => "this deps installs packages otherwise".to_owned(),
            Section::User => "this deps makes the image's user otherwise".to_owned(),
            Section::Sources => "checkouts are fetched otherwise".to_owned(),
            Section::Snippet(file) => format!("steps of {file} are other ones"),
        },
        Cause::Order { .. } => "the steps take from other stages, or stand in another order".to_owned(),
    };
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The kind of a cause in JSON, and what it is about.
fn named(cause: &Cause) -> (&'static str, String) {
    match cause {
        Cause::Encoding(_) => ("encoding", "stage keys".to_owned()),
        Cause::Base(_) => ("base", "base".to_owned()),
        Cause::Package { name, .. } => ("package", name.clone()),
        Cause::Repository { path, .. } => ("repository", path.clone()),
        Cause::Input { name, .. } => ("input", name.clone()),
        Cause::Extension { name, .. } => ("extension", name.clone()),
        Cause::Option { extension, name, .. } => ("option", format!("{extension}.{name}")),
        Cause::Snippet { file, .. } => ("snippet", file.clone()),
        Cause::File { extension, path, .. } => ("file", format!("{extension}:{path}")),
        Cause::Setting { subject, .. } => ("setting", subject_text(subject)),
        Cause::Steps { section, .. } => match section {
            Section::Packages => ("steps", "packages".to_owned()),
            Section::User => ("steps", "user".to_owned()),
            Section::Sources => ("steps", "sources".to_owned()),
            Section::Snippet(file) => ("steps", file.clone()),
        },
        Cause::Order { .. } => ("order", "steps".to_owned()),
    }
}

fn values(cause: &Cause) -> Change<String> {
    let pin = |change: &Change<Pin>| change.map(|pin| words(&[pin.reference.as_deref().unwrap_or("HEAD"), &pin.rev]));
    match cause {
        Cause::Encoding(change) | Cause::Package { change, .. } | Cause::Option { change, .. } => change.clone(),
        Cause::File { change, .. } | Cause::Setting { change, .. } => change.clone(),
        Cause::Base(change) => change.map(|image| format!("{}@{}", image.reference, image.digest)),
        Cause::Repository { change, .. } | Cause::Input { change, .. } => pin(change),
        Cause::Extension { change, .. } => change.map(|release| words(&[&release.version, &release.digest])),
        Cause::Snippet { .. } | Cause::Steps { .. } | Cause::Order { .. } => Change { before: None, after: None },
    }
}

fn words(words: &[&str]) -> String {
    words.join(" ")
}

/// `package added: jq`, with who asks for it, where somebody does.
fn came_or_went(what: &str, name: &str, change: &Change<String>) -> String {
    match (&change.before, &change.after) {
        (None, Some(_)) => format!("{what} added: {name}"),
        (Some(_), None) => format!("{what} removed: {name}"),
        _ => format!("{what} changed: {name}"),
    }
}

fn moved(what: &str, name: &str, change: &Change<String>) -> String {
    match (&change.before, &change.after) {
        (None, Some(after)) => format!("{what} {name} added: {after}"),
        (Some(before), None) => format!("{what} {name} removed: {before}"),
        (Some(before), Some(after)) => format!("{what} {name} changed {before} → {after}"),
        (None, None) => format!("{what} {name} changed"),
    }
}

fn pin_text(what: &str, name: &str, change: &Change<Pin>) -> String {
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return moved(what, name, &change.map(full));
    };
    let reference = |pin: &Pin| pin.reference.clone().unwrap_or_else(|| "HEAD".to_owned());
    if before.rev == after.rev && before.to != after.to {
        return format!("{what} {name} stands elsewhere: {} → {}", before.to, after.to);
    }
    if before.rev == after.rev {
        return format!("{what} {name}: other parts of {} are taken (submodules, Git LFS, unpacking)", full(after));
    }
    let revs = format!("{} → {}", short(&before.rev), short(&after.rev));
    if before.reference == after.reference {
        return format!("rev of {name} changed {revs} ({})", reference(after));
    }
    format!("rev of {name} changed {} → {} ({revs})", reference(before), reference(after))
}

fn full(pin: &Pin) -> String {
    match &pin.reference {
        Some(reference) if pin.rev.starts_with(reference.as_str()) => short(&pin.rev),
        Some(reference) => format!("{reference} {}", short(&pin.rev)),
        None => format!("HEAD {}", short(&pin.rev)),
    }
}

fn setting_text(subject: &Subject, change: &Change<String>) -> String {
    match subject {
        Subject::CaCertificates => {
            let now = if change.after.is_some() { "are trusted" } else { "are no longer trusted" };
            format!("the host's CA certificates {now} (`ca-certificates` of deps.toml)")
        }
        Subject::Copy { .. } | Subject::Workdir(_) => came_or_went("step", &subject_text(subject), change),
        _ => moved(&subject_text(subject), "", &change.map(|value| quoted(value))).replace("  ", " "),
    }
}

fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Argument(name) => format!("argument {name}"),
        Subject::Variable(name) => format!("variable {name}"),
        Subject::User => "user".to_owned(),
        Subject::Workdir(folder) => format!("workdir {folder}"),
        Subject::Tree(to) => format!("content of {to}"),
        Subject::Copy { stage, to } => format!("copy from {stage} to {to}"),
        Subject::CaCertificates => "ca-certificates".to_owned(),
        Subject::Base => "base".to_owned(),
        Subject::PackageSource(name) => format!("package repository {name}"),
        Subject::PackageKey(name) => format!("key of package repository {name}"),
        // The others are causes of their own kinds.
        other => format!("{other:?}"),
    }
}

fn quoted(value: &str) -> String {
    format!("`{value}`")
}

/// The beginning of a digest or commit id; other words as they are.
fn short(id: &str) -> String {
    let digits = id.split_once(':').map_or(id, |(_, digits)| digits);
    let is_hex = digits.len() >= 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { digits.chars().take(8).collect() } else { id.to_owned() }
}
