//! `deps add`, `deps remove` and `deps set`: changes of `deps.toml` that keep its comments.
//!
//! Decides what the words of a command mean. Leaves out the changes (`project/edit.rs`), and the lock: `deps lock`
//! follows.

use clap::Args;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, USAGE};
use super::session::Session;
use crate::extension::{self, OptionKind};
use crate::project::OptionValue;
use crate::project::edit::{self, Addition, EditError};
use crate::source::nearest;
use crate::workspace::{Known, Workspace};

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Extensions, like `ccache` or `npm@^1`.
    #[arg(required = true, value_name = "NAME[@REQUIREMENT]")]
    names: Vec<String>,
    /// Set an option of the extension; needs a single name.
    #[arg(long, value_name = "OPTION=VALUE")]
    with: Vec<String>,
    /// The folder of an extension that the project brings itself; needs a single name.
    #[arg(long, value_name = "FOLDER")]
    path: Option<String>,
    /// The git repository of an extension that others keep; needs a single name.
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    git: Option<String>,
    /// What to take of that repository: a branch, a tag, a commit, or a requirement like `^2.1` over its tags. Default:
    /// its HEAD.
    #[arg(long = "ref", value_name = "REF", requires = "git")]
    reference: Option<String>,
    /// The extension's folder in that repository. Default: the repository itself.
    #[arg(long, value_name = "DIR", requires = "git")]
    dir: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Extensions.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// Options of extensions, like `npm.node=24.9.0`, and keys of `[project]` and `[build]`, like `project.base=debian:12`.
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

pub(super) fn add(session: &Session, options: &Add) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let of_one = options.path.is_some() || options.git.is_some() || !options.with.is_empty();
    if options.names.len() > 1 && of_one {
        return Err(usage("`--with`, `--path` and `--git` belong to one extension: name a single one", None));
    }
    let mut text = workspace.project_file()?.text().to_owned();
    for name in &options.names {
        let (name, requirement) = name.split_once('@').map_or((name.as_str(), None), |(name, text)| (name, Some(text)));
        if !extension::is_name(name) {
            return Err(usage(&format!("`{name}` is not a name of an extension (`[a-z][a-z0-9_-]*`)"), None));
        }
        let path = options.path.as_deref().map(|path| path.trim_end_matches('/').to_owned());
        let known = match &path {
            Some(path) => Some(workspace.extension_at(path)?),
            None if options.git.is_some() => None,
            None => workspace.extensions()?.into_iter().find(|known| known.extension.name == name),
        };
        let with = options.with.iter().map(|word| option(word, known.as_ref())).collect::<Result<_, _>>()?;
        let Add { git, reference, dir, .. } = options;
        let (git, reference, dir) = (git.clone(), reference.clone(), dir.clone());
        let addition = Addition { requirement: requirement.map(str::to_owned), path, git, reference, dir, with };
        text = edit::add(&text, name, &addition).map_err(|error| failed(&error))?;
    }
    workspace.replace_project_file(&text)?;
    tell(session, &format!("added {}", list(options.names.iter().map(String::as_str))))
}

pub(super) fn remove(session: &Session, options: &Remove) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let source = workspace.project_file()?;
    let mut text = source.text().to_owned();
    for name in &options.names {
        text = edit::remove(&text, name).map_err(|error| failed(&error))?;
    }
    workspace.replace_project_file(&text)?;
    tell(session, &format!("removed {}", list(options.names.iter().map(String::as_str))))
}

pub(super) fn set(session: &Session, options: &Set) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let mut text = workspace.project_file()?.text().to_owned();
    for setting in &options.settings {
        text = set_one(&workspace, &text, setting)?;
    }
    workspace.replace_project_file(&text)?;
    tell(session, &format!("set {}", list(options.settings.iter().map(String::as_str))))
}

fn set_one(workspace: &Workspace, text: &str, setting: &str) -> Result<String, Failed> {
    let split = setting.split_once('=').and_then(|(key, value)| Some((key.split_once('.')?, value)));
    let Some(((table, key), value)) = split else {
        let hint = "options are set like `npm.node=24.9.0`, the project like `project.base=debian:12`";
        return Err(usage(&format!("`{setting}` is not `KEY=VALUE`"), Some(hint.to_owned())));
    };
    let changed = match table {
        "project" | "build" => edit::set(text, table, key, &plain(value)),
        name => {
            let known = workspace.extensions()?.into_iter().find(|known| known.extension.name == name);
            let (option, value) = option(&format!("{key}={value}"), known.as_ref())?;
            edit::set_option(text, name, &option, &value)
        }
    };
    changed.map_err(|error| failed(&error))
}

/// Reads `OPTION=VALUE`; the extension, where it is known, says of which type the value is.
fn option(word: &str, known: Option<&Known>) -> Result<(String, OptionValue), Failed> {
    let Some((name, value)) = word.split_once('=') else {
        return Err(usage(&format!("`{word}` is not `OPTION=VALUE`"), None));
    };
    let kind = known.and_then(|known| Some(known.extension.options().find(|option| option.name == name)?.kind));
    let value = match kind {
        Some(OptionKind::String) => OptionValue::String(value.to_owned()),
        Some(OptionKind::List) => {
            OptionValue::List(value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect())
        }
        _ => plain(value),
    };
    Ok((name.to_owned(), value))
}

/// A value without a known type is what it looks like.
fn plain(value: &str) -> OptionValue {
    match (value, value.parse()) {
        ("true", _) => OptionValue::Boolean(true),
        ("false", _) => OptionValue::Boolean(false),
        (_, Ok(number)) => OptionValue::Integer(number),
        _ => OptionValue::String(value.to_owned()),
    }
}

fn tell(session: &Session, what: &str) -> Result<(), Failed> {
    session.tell(&format!("{what} in deps.toml; `deps lock` pins what follows from it\n"));
    Ok(())
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn failed(error: &EditError) -> Failed {
    let hint = match error {
        EditError::Present(name) => Some(format!("`deps set {name}.OPTION=VALUE` changes its options")),
        EditError::Absent(name) => {
            nearest(name, extension::builtin_names()).map(|near| format!("`deps add {near}` adds one"))
        }
        EditError::Syntax(_) | EditError::NotATable(_) => None,
    };
    Failed::one(FAILED, Diagnostic::error(error.to_string()).hint(hint))
}

fn usage(message: &str, hint: Option<String>) -> Failed {
    Failed::one(USAGE, Diagnostic::error(message).hint(hint))
}
