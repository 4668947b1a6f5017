//! `deps init`: a first `deps.toml` from what the workspace holds.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;

use super::diagnostic::Diagnostic;
use super::layers;
use super::outcome::{FAILED, Failed, print};
use super::session::Session;
use crate::extension::{self, Extension, OptionKind};
use crate::manifest::rockerc::{Rockerc, rockerc};
use crate::project::layers::EXTENSION;
use crate::project::propose::{Flag, Proposal, Wanted, flag, name};
use crate::report;
use crate::source::Source;
use crate::workspace::{Found, PROJECT_FILE, Workspace, new_folder, rewrite};

const ROCKERC: &str = "rockerc.yaml";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The image's name. Default: the folder's.
    #[arg(long)]
    name: Option<String>,
    /// The base image. Default: that of rockerc.yaml, else ubuntu:24.04.
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    /// Print the proposal instead of writing it.
    #[arg(long)]
    print: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let folder = session.start();
    let found = Found::in_folder(folder)?;
    let known: Vec<Extension> = Workspace::builtin_extensions()?.into_iter().map(|known| known.extension).collect();
    let own = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut proposal = Proposal {
        name: options.name.clone().unwrap_or_else(|| name(&own)),
        base: "ubuntu:24.04".to_owned(),
        manifests: found.manifests().cloned().collect(),
        ..Proposal::default()
    };
    for extension in &known {
        if let Some(file) = found.shows(extension) {
            let wanted = Wanted { because: format!("{file} shows it"), ..Wanted::default() };
            proposal.extensions.insert(extension.name.clone(), wanted);
        }
    }
    if let Some(source) = found.text(folder, ROCKERC)? {
        take_over(&mut proposal, read(&source)?);
    }
    let files = layers::take_over(&found, folder, &mut proposal)?;
    proposal.base = options.base.clone().unwrap_or(proposal.base);
    let is_list = |extension: &str, option: &str| {
        let extension = known.iter().find(|known| known.name == extension);
        let kind = extension.and_then(|known| Some(known.options().find(|known| known.name == option)?.kind));
        kind == Some(OptionKind::List)
    };
    let text = proposal.text(is_list);
    finish(session, folder, options, &proposal, &text, &files)
}

fn read(source: &Source) -> Result<Rockerc, Failed> {
    rockerc(source).map_err(|problems| {
        let told = problems.iter().map(|problem| Diagnostic::error(problem.error.to_string()).at(Some(&problem.place)));
        Failed::new(FAILED, told.collect())
    })
}

/// What rockerc.yaml says, in our words.
fn take_over(proposal: &mut Proposal, rockerc: Rockerc) {
    let builtin = extension::builtin_names();
    proposal.base = rockerc.image.unwrap_or_else(|| proposal.base.clone());
    proposal.left_out.extend(rockerc.dockerfile.map(|path| format!("the base that `{path}` builds ({ROCKERC})")));
    for (word, values) in rockerc.flags {
        let (name, option) = match flag(&word, &builtin) {
            Flag::Extension(name, option) => (name, option),
            Flag::Ours => continue,
            Flag::Unknown => {
                proposal.left_out.push(format!("`{word}` ({ROCKERC})"));
                continue;
            }
        };
        let wanted = proposal.extensions.entry(name.to_owned()).or_default();
        wanted.because = format!("{ROCKERC} asks for `{word}`");
        match option {
            Some(option) => wanted.with.entry(option.to_owned()).or_default().extend(values),
            None if values.is_empty() || values == ["true"] => {}
            None => proposal.left_out.push(format!("the value of `{word}` ({ROCKERC})")),
        }
    }
    for wanted in proposal.extensions.values_mut() {
        wanted.with.retain(|_, values| !values.is_empty());
    }
}

fn finish(
    session: &Session,
    folder: &Path,
    options: &Options,
    proposal: &Proposal,
    text: &str,
    files: &BTreeMap<&'static str, String>,
) -> Result<(), Failed> {
    // What we propose has to be right: a strange path or value is told now, not by the next command.
    let source = Source::new("deps.toml", text);
    crate::project::parse(&source).map_err(|problems| {
        let told = problems.iter().map(|problem| Diagnostic::error(problem.error.to_string()).at(Some(&problem.place)));
        Failed::new(FAILED, told.collect())
    })?;
    if options.print {
        let parts = files.iter().map(|(path, text)| format!("\n# extensions/{EXTENSION}/{path}:\n{text}"));
        return print(&format!("{text}{}", parts.collect::<String>()));
    }
    if !files.is_empty() {
        let files = files.iter().map(|(path, text)| (*path, text.clone()));
        new_folder(folder, &format!("extensions/{EXTENSION}"), files)?;
    }
    rewrite(&folder.join(PROJECT_FILE), PROJECT_FILE, text.as_bytes())?;
    let manifests = report::count(proposal.manifests.len(), "manifest", "manifests");
    let extensions = report::count(proposal.extensions.len(), "extension", "extensions");
    let wrote = if files.is_empty() { String::new() } else { format!(" and extensions/{EXTENSION}/") };
    session.tell(&format!("wrote deps.toml{wrote}: {manifests}, {extensions}; read it, then run `deps lock`\n"));
    let left_out = proposal.left_out.iter().map(|what| Diagnostic::warning(format!("{what} is not taken over")));
    session.warn_all(left_out.collect())
}
