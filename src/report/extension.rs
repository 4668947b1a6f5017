//! An extension as text and as JSON (`schema/extensions.json`): what it asks for, and what it gives to an image.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::extension::{AptRepository, Configured, Extension, Input, Network, Setting, UrlVersion};
use crate::plan::links;

/// What `deps ext ls --json` and `deps ext show --json` print.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps ext ls --json")]
pub struct ExtensionsReport {
    /// The version of this format.
    pub schema: u32,
    /// The extensions, sorted by name.
    pub extensions: Vec<ExtensionReport>,
}

/// An extension.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExtensionReport {
    /// The name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line for people.
    pub summary: String,
    /// Where its files are: `built-in`, or the folder relative to the project.
    pub origin: String,
    /// Whether the project has it, by its name or because another one requires it.
    pub used: bool,
    /// Extensions that come with it, sorted.
    pub requires: Vec<String>,
    /// Options, sorted by name.
    pub options: Vec<OptionReport>,
    /// Debian packages of its builder, with the options' defaults; sorted.
    pub apt_builder: Vec<String>,
    /// Debian packages of the image, likewise.
    pub apt_runtime: Vec<String>,
    /// Repositories that packages come from besides those of the base, each a name, a url, a suite and components.
    pub apt_repositories: Vec<String>,
    /// Inputs, sorted by name.
    pub inputs: Vec<InputReport>,
    /// What the image gets from it, sorted.
    pub outputs: Vec<OutputReport>,
    /// `none` where its builders see their inputs only, `default` where one has a network; absent without a builder.
    pub network: Option<String>,
    /// Environment variables of the image, `NAME=value`, sorted.
    pub env: Vec<String>,
    /// What `deps run` asks of the host for it, as arguments of `docker run`, sorted.
    pub run: Vec<String>,
    /// Whether `deps test` has something to run.
    pub tested: bool,
}

/// An option.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OptionReport {
    /// The name.
    pub name: String,
    /// `string`, `integer`, `boolean` or `list`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value when a project sets none.
    pub default: String,
    /// One line for people.
    pub help: String,
    /// The values that it may have, for a list those that it may hold; any when empty.
    pub allowed: Vec<String>,
}

/// An input.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InputReport {
    /// The name: it is mounted at `/deps/in/<name>`.
    pub name: String,
    /// Where it comes from: a repository's url with the version asked for, the url of a file, or
    /// the files of the extension or of the project.
    pub from: String,
}

/// Something that the image takes from a builder.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OutputReport {
    /// Where it stands in the image.
    pub to: String,
    /// Whether it is a layer of its own (`COPY --link`), which no other extension's change reruns.
    pub linked: bool,
}

/// Returns the report of `extension`, which says `configured` with the defaults of its options.
pub fn extension_report(extension: &Extension, configured: &Configured, origin: &str, used: bool) -> ExtensionReport {
    let builders = &configured.builders;
    let offline = builders.iter().all(|builder| builder.network == Network::None);
    let copied = builders.iter().flat_map(|builder| &builder.copies).map(|copy| &copy.to);
    let given: BTreeSet<&String> = copied.chain(configured.files.keys()).collect();
    let output = |to: &String| OutputReport { to: to.clone(), linked: links(to) };
    let input = |(name, input): (&String, &Input)| InputReport { name: name.clone(), from: origin_of(input) };
    let mut requires: Vec<String> = extension.requires.iter().map(|name| name.value.clone()).collect();
    requires.sort();
    ExtensionReport {
        name: extension.name.clone(),
        version: extension.version.to_string(),
        summary: extension.summary.clone(),
        origin: origin.to_owned(),
        used,
        requires,
        options: extension.options().map(option_report).collect(),
        apt_builder: configured.apt_builder.iter().cloned().collect(),
        apt_runtime: configured.apt_runtime.iter().cloned().collect(),
        apt_repositories: configured.apt_repositories.iter().map(repository_line).collect(),
        inputs: configured.inputs.iter().map(input).collect(),
        outputs: given.into_iter().map(output).collect(),
        network: (!builders.is_empty()).then(|| if offline { "none" } else { "default" }.to_owned()),
        env: environment(configured),
        run: configured.running.words(),
        tested: configured.test.is_some(),
    }
}

fn repository_line(one: &AptRepository) -> String {
    [&one.name, &one.url, &one.suite]
        .into_iter()
        .chain(&one.components)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

fn environment(configured: &Configured) -> Vec<String> {
    let plain = configured.env.iter().map(|(name, value)| format!("{name}={value}"));
    let paths = configured.paths.iter().map(|(name, folders)| format!("{name}={}:…", folders.join(":")));
    let mut environment: Vec<String> = plain.chain(paths).collect();
    environment.sort();
    environment
}

fn option_report(option: Setting<'_>) -> OptionReport {
    let Setting { name, kind, default, help, allowed } = option;
    OptionReport {
        name: name.to_owned(),
        kind: kind.to_string(),
        default: default.to_string(),
        help: help.to_owned(),
        allowed: allowed.into_iter().map(ToString::to_string).collect(),
    }
}

fn origin_of(input: &Input) -> String {
    match input {
        Input::Git { url, reference, source: _ } => {
            let version = reference.as_ref().map_or("HEAD", |reference| &reference.value);
            format!("{} at {version}", url.value)
        }
        Input::Url(input) => {
            let version = match &input.version {
                UrlVersion::Unnamed | UrlVersion::Exact(_) => String::new(),
                UrlVersion::Tag { git, reference } => format!(", version {} of {}", reference.value, git.value),
            };
            format!("{}{version}", input.example())
        }
        Input::Checkouts => "the checkouts of the project".to_owned(),
        Input::Project { path, .. } => format!("`{path}` of the project"),
        Input::Folder { files } => super::count(files.len(), "file of the extension", "files of the extension"),
    }
}

/// Returns one line an extension, in columns.
pub fn extensions_text(report: &ExtensionsReport) -> String {
    let width = |of: fn(&ExtensionReport) -> &str| report.extensions.iter().map(|one| of(one).len()).max().unwrap_or(0);
    let (names, versions) = (width(|one| &one.name), width(|one| &one.version));
    let line = |one: &ExtensionReport| {
        let mark = if one.used { "*" } else { " " };
        let origin = if one.origin == "built-in" { String::new() } else { format!(" ({})", one.origin) };
        format!("{mark} {:names$}  {:versions$}  {}{origin}\n", one.name, one.version, one.summary)
    };
    report.extensions.iter().map(line).collect()
}

/// Returns a page with all extensions, in Markdown.
pub fn extensions_page(report: &ExtensionsReport) -> String {
    let mut page = String::new();
    for one in &report.extensions {
        write!(page, "\n## {}\n\n{}.\n", one.name, one.summary).expect(WRITES);
        if !one.options.is_empty() {
            page.push_str("\n| option | type | default | |\n|---|---|---|---|\n");
        }
        for OptionReport { name, kind, default, help, allowed } in &one.options {
            let allowed = if allowed.is_empty() { String::new() } else { format!("; one of {}", quoted(allowed)) };
            let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
            writeln!(page, "| `{name}` | {kind} | {default} | {help}{allowed} |").expect(WRITES);
        }
        let outputs: Vec<String> = one.outputs.iter().map(|output| output.to.clone()).collect();
        let rows = [
            ("comes with", &one.requires),
            ("packages of the image", &one.apt_runtime),
            ("repositories of packages", &one.apt_repositories),
            ("the image gets", &outputs),
            ("environment", &one.env),
            ("`deps run`", &one.run),
        ];
        let rows: Vec<_> = rows.into_iter().filter(|(_, words)| !words.is_empty()).collect();
        page.push_str(if rows.is_empty() { "" } else { "\n" });
        for (label, words) in rows {
            writeln!(page, "- {label}: {}", quoted(words)).expect(WRITES);
        }
    }
    page
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ")
}

const WRITES: &str = "a text takes all that is written";

/// Returns everything about one extension.
pub fn extension_text(report: &ExtensionReport) -> String {
    let mut text = format!("{} {} ({})\n{}\n", report.name, report.version, report.origin, report.summary);
    let mut line = |label: &str, words: &[String]| {
        if !words.is_empty() {
            writeln!(text, "{label:9} {}", words.join(" ")).expect(WRITES);
        }
    };
    line("requires", &report.requires);
    line("builder", &report.apt_builder);
    line("runtime", &report.apt_runtime);
    for repository in &report.apt_repositories {
        line("packages", &["from ".to_owned() + repository]);
    }
    line("env", &report.env);
    line("run", &report.run);
    for OptionReport { name, kind, default, help, allowed } in &report.options {
        let allowed = if allowed.is_empty() { String::new() } else { format!("; one of {}", allowed.join(", ")) };
        line("option", &[format!("{name} ({kind}, {default}{allowed}): {help}")]);
    }
    for InputReport { name, from } in &report.inputs {
        line("input", &[format!("{name}: {from}")]);
    }
    for OutputReport { to, linked } in &report.outputs {
        line("output", &[format!("{to}{}", if *linked { "" } else { " (a plain COPY: others' changes rerun it)" })]);
    }
    if let Some(network) = &report.network {
        line("network", &[if network == "none" { "none: pure".to_owned() } else { network.clone() }]);
    }
    text
}
