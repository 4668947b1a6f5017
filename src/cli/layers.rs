//! `deps init` and the `*.deps.yaml` of a workspace: from layers to what the project needs for them.
//!
//! Leaves out the files' order (`manifest/layers.rs`) and the text that comes of them (`project/layers.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed};
use crate::extension::{self, Extension, File, Problem};
use crate::manifest::layers::{self, Command, Layer, LayerEntry, LayersProblem, SUFFIX, Section};
use crate::project::layers::{Action, EXTENSION, Step};
use crate::project::propose::Proposal;
use crate::source::{Located, Source};
use crate::workspace::Found;

/// Adds to `proposal` what the layers of the workspace ask for. Returns the files of the extension that it takes, by
/// their paths in its folder.
pub(super) fn take_over(
    found: &Found,
    folder: &Path,
    proposal: &mut Proposal,
) -> Result<BTreeMap<&'static str, String>, Failed> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in found.files.iter().filter(|path| path.ends_with(SUFFIX)) {
        let Some(source) = found.text(folder, path)? else { continue };
        match layers::layers(&source) {
            Ok(read) => files.push(read),
            Err(wrong) => problems.extend(wrong),
        }
    }
    if !problems.is_empty() {
        return Err(refused(&problems));
    }
    let merged = layers::merged(&files).map_err(|problems| refused(&problems))?;
    let mut steps = Vec::new();
    for layer in merged.iter().filter(|layer| !layer.entries.is_empty()) {
        steps.extend(of_layer(layer, found, folder, &mut proposal.left_out)?);
    }
    let files = crate::project::layers::take_over(&steps, proposal);
    check(&files)?;
    Ok(files)
}

fn refused(problems: &[Located<LayersProblem>]) -> Failed {
    let hint = |problem: &LayersProblem| match problem {
        LayersProblem::UnknownCommand { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
        LayersProblem::Order { .. } => Some("give the layers the same order in both files".to_owned()),
        _ => None,
    };
    let told = problems.iter().map(|problem| {
        Diagnostic::error(problem.error.to_string()).at(Some(&problem.place)).hint(hint(&problem.error))
    });
    Failed::new(FAILED, told.collect())
}

/// Returns what a layer does here; what nothing here corresponds to is told in `left_out`.
fn of_layer(layer: &Layer, found: &Found, folder: &Path, left_out: &mut Vec<String>) -> Result<Vec<Step>, Failed> {
    let because = because(layer);
    let texts = || layer.entries.iter().map(|entry| entry.text.clone());
    let mut actions = Vec::new();
    match (layer.section, layer.command) {
        (Section::Preamble, _) => left_out.push(told(&because, "it is a stage before the image")),
        (_, Command::Apt) => actions.push(Action::Apt(packages(layer, left_out))),
        (_, Command::Pip) => actions.push(Action::Pip(packages(layer, left_out))),
        (_, Command::Env) => actions.extend(layer.entries.iter().filter_map(|entry| variable(entry, left_out))),
        (_, Command::Run) => actions.extend(texts().map(Action::Run)),
        (_, Command::Script) => {
            for LayerEntry { text, place } in &layer.entries {
                actions.push(Action::Script(found.beside(folder, place, text)?.text().to_owned()));
            }
        }
        (_, Command::Locales) => actions.push(Action::Extension("locales")),
        (_, Command::Tzdata) => actions.push(Action::Extension("tzdata")),
        (_, Command::AddAptRepository) => {
            left_out.push(told(&because, "an extension can pin an archive with its key"));
        }
        (_, Command::Pyproject) => {
            left_out.push(told(&because, "`packages` of `pip` can name what it asks for"));
        }
    }
    let user = layer.section == Section::User;
    Ok(actions.into_iter().map(|action| Step { action, user, because: because.clone() }).collect())
}

/// The layer with its files, for people.
fn because(layer: &Layer) -> String {
    let files: BTreeSet<&str> = layer.entries.iter().map(|entry| entry.place.source.name()).collect();
    format!("`{}` ({})", layer.name, files.into_iter().collect::<Vec<_>>().join(", "))
}

/// What is left out, and why.
fn told(because: &str, why: &str) -> String {
    format!("{}; {why})", because.trim_end_matches(')'))
}

/// Packages that an option can hold.
fn packages(layer: &Layer, left_out: &mut Vec<String>) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+:/@%,=~-".contains(c);
    let (good, bad): (Vec<_>, Vec<_>) =
        layer.entries.iter().partition(|entry| entry.text.chars().all(plain) && !entry.text.starts_with('-'));
    left_out.extend(bad.iter().map(|entry| format!("`{}` ({}; write one version)", entry.text, entry.place)));
    good.into_iter().map(|entry| entry.text.clone()).collect()
}

fn variable(entry: &LayerEntry, left_out: &mut Vec<String>) -> Option<Action> {
    let split = entry.text.split_once('=');
    let name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match split {
        Some((variable, value)) if name(variable) && !value.contains('$') => {
            let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
            Some(Action::Env(variable.to_owned(), inner.unwrap_or(value).to_owned()))
        }
        _ => {
            left_out.push(format!("`{}` ({}; write `NAME=value` without `$`)", entry.text, entry.place));
            None
        }
    }
}

/// What we make has to be right.
fn check(files: &BTreeMap<&'static str, String>) -> Result<(), Failed> {
    if files.is_empty() {
        return Ok(());
    }
    let file = |(path, text): (&&str, &String)| File {
        path: (*path).to_owned(),
        executable: false,
        content: text.clone().into_bytes(),
    };
    let root = format!("extensions/{EXTENSION}");
    let read = Extension::read(EXTENSION, &root, files.iter().map(file).collect());
    let nobody = Source::new(extension::FILE, "");
    read.and_then(|extension| extension.configure(&nobody, None)).map(|_| ()).map_err(|problems| {
        let told = |problem: &Located<Problem>| Diagnostic::error(problem.error.to_string()).at(Some(&problem.place));
        Failed::new(FAILED, problems.iter().map(told).collect())
    })
}
