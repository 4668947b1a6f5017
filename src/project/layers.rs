//! What becomes of layers of deps_rocker: extensions of the catalogue, and one of the project for what runs commands.
//!
//! Decides which layers keep their place: packages that come before every command are one apt step of the image, later
//! ones a step of the extension. Leaves out reading the files and their order (`manifest/layers.rs`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml_edit::Value;

use super::propose::{Proposal, Wanted};

/// The name of the extension that holds what layers run.
pub const EXTENSION: &str = "layers";

/// A layer, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// Whether it is for the image's user.
    pub user: bool,
    /// The layer and its files, for people.
    pub because: String,
}

/// What a layer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Installs Debian packages.
    Apt(Vec<String>),
    /// Installs Python packages.
    Pip(Vec<String>),
    /// Sets a variable.
    Env(String, String),
    /// Takes an extension of the catalogue.
    Extension(&'static str),
    /// Runs a command.
    Run(String),
    /// Runs a script with this text.
    Script(String),
}

/// What the project's own extension runs.
#[derive(Default)]
struct Snippets {
    root: String,
    user: String,
    env: BTreeMap<String, String>,
    sudo: bool,
}

/// Adds to `proposal` what `steps` ask for. Returns the files of the extension that the project needs for that, by their
/// paths in its folder; none when it needs none.
pub fn take_over(steps: &[Step], proposal: &mut Proposal) -> BTreeMap<&'static str, String> {
    let mut snippets = Snippets::default();
    for step in steps {
        match &step.action {
            Action::Apt(packages) if snippets.root.is_empty() => packaged(proposal, "apt", packages, &step.because),
            Action::Apt(packages) => {
                let packages = words(packages);
                let command = format!("apt-get update && apt-get install --yes --no-install-recommends {packages}");
                snippets.run(&command, false, &step.because);
            }
            Action::Pip(packages) => {
                if !snippets.root.is_empty() {
                    let what = format!("the order of {} after commands", step.because);
                    proposal.left_out.push(what);
                }
                packaged(proposal, "pip", packages, &step.because);
            }
            Action::Env(name, value) => _ = snippets.env.insert(name.clone(), value.clone()),
            Action::Extension(name) => wanted(proposal, name, &step.because),
            Action::Run(command) => snippets.run(command, step.user, &step.because),
            Action::Script(text) => snippets.script(text, step.user, &step.because),
        }
    }
    let files = snippets.files();
    if !files.is_empty() {
        wanted(proposal, EXTENSION, "what layers set and run");
        let own = proposal.extensions.get_mut(EXTENSION).expect("it was just put in");
        own.path = Some(format!("extensions/{EXTENSION}"));
    }
    files
}

fn wanted(proposal: &mut Proposal, name: &str, because: &str) {
    let because = because.to_owned();
    proposal.extensions.entry(name.to_owned()).or_insert_with(|| Wanted { because, ..Wanted::default() });
}

/// Adds packages to the option of `extension` that takes them, sorted.
fn packaged(proposal: &mut Proposal, extension: &str, packages: &[String], because: &str) {
    wanted(proposal, extension, because);
    let wanted = proposal.extensions.get_mut(extension).expect("it was just put in");
    let all = wanted.with.entry("packages".to_owned()).or_default();
    all.extend(packages.iter().cloned());
    all.sort();
    all.dedup();
}

impl Snippets {
    /// Adds a step that runs `command` with all variables that are set by now.
    fn run(&mut self, command: &str, user: bool, because: &str) {
        self.sudo |= command.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "sudo");
        let mut body = String::from("set -e\n");
        for (name, value) in &self.env {
            _ = writeln!(body, "export {name}={}", quoted(value));
        }
        body += command.trim_end();
        let end = end_of(&body);
        let step = raw(&format!("RUN <<'{end}'\n{body}\n{end}\n"));
        let snippet = if user { &mut self.user } else { &mut self.root };
        _ = write!(snippet, "# {}\n{step}", because.replace(char::is_control, " "));
    }

    /// A script runs as a program of its own, as its first line wants it.
    fn script(&mut self, text: &str, user: bool, because: &str) {
        const FILE: &str = "/tmp/deps-layer";
        let end = end_of(text);
        let call = if text.starts_with("#!") { FILE.to_owned() } else { format!("sh {FILE}") };
        let text = text.trim_end();
        let command = format!("cat > {FILE} <<'{end}'\n{text}\n{end}\nchmod 755 {FILE}\n{call}\nrm {FILE}");
        self.run(&command, user, because);
    }

    fn files(self) -> BTreeMap<&'static str, String> {
        let Self { root, user, env, sudo } = self;
        if root.is_empty() && user.is_empty() && env.is_empty() {
            return BTreeMap::new();
        }
        let mut toml = format!(
            "[extension]\nname = \"{EXTENSION}\"\nversion = \"0.1.0\"\nsummary = \"What the layers of *.deps.yaml set and run\"\n\
             after = [\"apt\", \"pip\"]\ntier = \"workspace\"\n"
        );
        if sudo {
            toml += "\n[apt]\nruntime = [\"sudo\"]    # commands call it\n";
        }
        if !root.is_empty() || !env.is_empty() {
            toml += "\n[runtime]\n";
        }
        if !root.is_empty() {
            toml += "snippet = \"runtime.Dockerfile\"\n";
        }
        if !env.is_empty() {
            let pairs = env.iter().map(|(name, value)| format!("{name} = {}", Value::from(raw(value))));
            toml += &format!("env = {{ {} }}\n", pairs.collect::<Vec<_>>().join(", "));
        }
        if !user.is_empty() {
            toml += "\n[user]\nsnippet = \"user.Dockerfile\"\n";
        }
        let snippets = [("runtime.Dockerfile", root), ("user.Dockerfile", user)];
        let snippets = snippets.into_iter().filter(|(_, text)| !text.is_empty());
        snippets.chain([("extension.toml", toml)]).collect()
    }
}

fn words(words: &[String]) -> String {
    let mut words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.sort();
    words.join(" ")
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+:/@%,=~-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A word that no line of `text` is.
fn end_of(text: &str) -> String {
    let taken = |end: &String| text.lines().any(|line| line.trim() == end);
    let mut ends = (0..).map(|number| if number == 0 { "END".to_owned() } else { format!("END{number}") });
    ends.find(|end| !taken(end)).expect("a text has fewer lines than there are numbers")
}

/// `text` as a template that means just it.
fn raw(text: &str) -> String {
    if !["{{", "{%", "{#"].iter().any(|start| text.contains(start)) {
        return text.to_owned();
    }
    text.replace('{', "{{ '{' }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(action: Action, user: bool) -> Step {
        Step { action, user, because: "`x` (a.deps.yaml)".to_owned() }
    }

    fn apt(packages: &[&str]) -> Step {
        step(Action::Apt(packages.iter().map(|one| (*one).to_owned()).collect()), false)
    }

    #[test]
    fn packages_before_every_command_are_the_image_s_and_later_ones_keep_their_place() {
        let run = step(Action::Run("make && echo '{{ x }}'".to_owned()), false);
        let env = step(Action::Env("A".to_owned(), "it's {#".to_owned()), false);
        let steps = [apt(&["git"]), env, apt(&["curl", "git"]), run, apt(&["b", "a"])];
        let mut proposal = Proposal::default();
        let files = take_over(&steps, &mut proposal);
        assert_eq!(proposal.extensions["apt"].with["packages"], ["curl", "git"]);
        assert_eq!(proposal.extensions["layers"].path.as_deref(), Some("extensions/layers"));
        assert_eq!(
            files["runtime.Dockerfile"],
            "# `x` (a.deps.yaml)\nRUN <<'END'\nset -e\nexport A='it'\\''s {{ '{' }}#'\nmake && echo \
             '{{ '{' }}{{ '{' }} x }}'\nEND\n# `x` (a.deps.yaml)\nRUN <<'END'\nset -e\nexport A='it'\\''s {{ '{' }}#'\n\
             apt-get update && apt-get install --yes --no-install-recommends a b\nEND\n"
        );
        assert!(files["extension.toml"].contains("env = { A = \"it's {{ '{' }}#\" }"), "{}", files["extension.toml"]);
    }

    #[test]
    fn a_script_may_hold_any_line() {
        let script = step(Action::Script("#!/bin/bash\nEND\nsudo true\n".to_owned()), true);
        let files = take_over(&[script], &mut Proposal::default());
        let text = &files["user.Dockerfile"];
        assert!(
            text.contains("RUN <<'END2'\n") && text.contains("<<'END1'\n#!/bin/bash\nEND\nsudo true\nEND1\n"),
            "{text}"
        );
        assert!(files["extension.toml"].contains("sudo"));
        assert!(take_over(&[apt(&["a"])], &mut Proposal::default()).is_empty());
    }
}
