//! `deps ext`: which extensions there are, what one does, a new one, and whether one is right.

use clap::{Args, Subcommand};

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, USAGE, print};
use super::session::Session;
use crate::extension;
use crate::report::{self, ExtensionReport, ExtensionsReport};
use crate::source::nearest;
use crate::workspace::{Known, Trouble, Workspace};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the built-in extensions and those that the project has by path or from git; `*` marks those that it has.
    Ls {
        /// Print them as JSON (`deps schema extensions`).
        #[arg(long)]
        json: bool,
        /// Print a page about each, in Markdown.
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
    },
    /// Show what an extension asks for and what it gives to an image.
    Show {
        /// Its name.
        name: String,
        /// Print it as JSON (`deps schema extensions`).
        #[arg(long)]
        json: bool,
    },
    /// Make the folder of a new extension, ready to be changed.
    New {
        /// Its name.
        name: String,
        /// The folder, relative to the project. Default: `extensions/NAME`.
        #[arg(long, value_name = "FOLDER")]
        path: Option<String>,
    },
    /// Check extensions, with the defaults of their options.
    Check {
        /// Their folders, relative to the project; all that the project has by path or from git when none is named.
        #[arg(value_name = "FOLDER")]
        paths: Vec<String>,
    },
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    match &options.command {
        Command::Ls { json, markdown } => {
            let report = ExtensionsReport { schema: 1, extensions: all(session)? };
            print(&match (json, markdown) {
                (true, _) => report::json(&report),
                (_, true) => report::extensions_page(&report),
                _ => report::extensions_text(&report),
            })
        }
        Command::Show { name, json } => show(session, name, *json),
        Command::New { name, path } => new(session, name, path.as_deref()),
        Command::Check { paths } => check(session, paths),
    }
}

/// Every extension that can be named here: the built-in ones, and the project's where there is a project.
fn all(session: &Session) -> Result<Vec<ExtensionReport>, Failed> {
    // Outside a project there are the built-in ones.
    let known = match session.workspace() {
        Ok(workspace) => workspace.extensions()?,
        Err(_) => Workspace::builtin_extensions()?,
    };
    Ok(known.iter().map(reported).collect())
}

fn reported(known: &Known) -> ExtensionReport {
    report::extension_report(&known.extension, &known.configured, &known.origin, known.used)
}

fn show(session: &Session, name: &str, json: bool) -> Result<(), Failed> {
    let mut known = all(session)?;
    let Some(index) = known.iter().position(|one| one.name == name) else {
        let absent = session.workspace().and_then(|workspace| Ok(workspace.absent()?)).unwrap_or_default();
        if let Some(trouble) = absent.into_iter().find(|trouble| trouble.extension() == Some(name)) {
            return Err(trouble.into());
        }
        let near =
            nearest(name, known.iter().map(|one| one.name.as_str())).map(|near| format!("did you mean `{near}`?"));
        return Err(Failed::one(USAGE, Diagnostic::error(format!("there is no extension `{name}`")).hint(near)));
    };
    let one = known.swap_remove(index);
    let text = report::extension_text(&one);
    print(&if json { report::json(&ExtensionsReport { schema: 1, extensions: vec![one] }) } else { text })
}

fn new(session: &Session, name: &str, path: Option<&str>) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let usage = |message: String| Failed::one(USAGE, Diagnostic::error(message));
    if !extension::is_name(name) {
        return Err(usage(format!("`{name}` is not a name for an extension (`[a-z][a-z0-9_-]*`)")));
    }
    if extension::builtin_names().contains(&name) && path.is_none() {
        let hint = format!("to replace it in this project, name the folder: `--path extensions/{name}`");
        let message = format!("there is a built-in extension `{name}`");
        return Err(Failed::one(USAGE, Diagnostic::error(message).hint(Some(hint))));
    }
    let folder = path.map_or_else(|| format!("extensions/{name}"), |path| path.trim_end_matches('/').to_owned());
    workspace.new_extension(name, &folder)?;
    session.tell(&format!(
        "made {folder}/\nto use it, write below `[extensions]` of deps.toml:\n  {name} = {{ path = \"{folder}\" }}\n"
    ));
    Ok(())
}

fn check(session: &Session, paths: &[String]) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let reports: Vec<ExtensionReport> = match paths {
        [] => workspace.extensions()?.iter().filter(|one| !one.is_builtin()).map(reported).collect(),
        paths => checked(&workspace, paths)?,
    };
    let mut warnings = Vec::new();
    for one in &reports {
        for output in one.outputs.iter().filter(|output| !output.linked) {
            let message = format!("extension `{}` copies to `{}`, which no base is sure to have", one.name, output.to);
            let hint = "below `/opt/` or `/usr/local/` it would be a layer that other extensions never rerun";
            warnings.push(Diagnostic::warning(message).hint(Some(hint.to_owned())));
        }
    }
    session.warn_all(warnings)?;
    let names: Vec<&str> = reports.iter().map(|one| one.name.as_str()).collect();
    let counted = report::count(names.len(), "extension is", "extensions are");
    session.tell(&format!("{counted} right{}{}\n", if names.is_empty() { "" } else { ": " }, names.join(", ")));
    Ok(())
}

fn checked(workspace: &Workspace, paths: &[String]) -> Result<Vec<ExtensionReport>, Failed> {
    let (mut reports, mut troubles) = (Vec::new(), Vec::new());
    for path in paths {
        match workspace.extension_at(path.trim_end_matches('/')) {
            Ok(known) => reports.push(reported(&known)),
            Err(found) => troubles.extend(found),
        }
    }
    let diagnostics: Vec<Diagnostic> = troubles.iter().map(|trouble: &Trouble| trouble.into()).collect();
    if diagnostics.is_empty() { Ok(reports) } else { Err(Failed::new(FAILED, diagnostics)) }
}
