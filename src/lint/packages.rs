//! Packages of a language without a version: pip, npm, gem, cargo, go.

use semver::Version;

use super::rules::{
    Rule, UNHASHED_REQUIREMENTS, UNPINNED_CARGO, UNPINNED_GEM, UNPINNED_GO, UNPINNED_NPM, UNPINNED_PIP,
};
use super::{Edit, Finding, Step, is_commit, shown};
use crate::shell::{Command, Word};

/// Options of pip and uv that take the next word.
const PIP: &[&str] = &[
    "-r",
    "--requirement",
    "--requirements",
    "-c",
    "--constraint",
    "-t",
    "--target",
    "-i",
    "--index-url",
    "--index",
    "--default-index",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--prefix",
    "--root",
    "--src",
    "-p",
    "--python",
    "--platform",
    "--only-binary",
    "--no-binary",
    "--progress-bar",
    "--trusted-host",
    "--cache-dir",
    "--log",
    "--proxy",
    "--timeout",
    "--retries",
    "-e",
    "--editable",
    "--implementation",
    "--abi",
    "--python-version",
    "--upgrade-strategy",
    "-C",
    "--config-settings",
    "--global-option",
    "--cert",
    "--client-cert",
    "--report",
    "--exists-action",
    "--with",
    "--from",
    "--extra",
    "--pip-args",
    "--suffix",
];
const NPM: &[&str] = &[
    "--prefix",
    "--registry",
    "-w",
    "--workspace",
    "--cache",
    "--loglevel",
    "-C",
    "--dir",
    "--omit",
    "--include",
    "--userconfig",
    "--tag",
    "--cwd",
    "--cache-folder",
];
const GEM: &[&str] =
    &["-v", "--version", "-i", "--install-dir", "-n", "--bindir", "-s", "--source", "--platform", "-P"];
const CARGO: &[&str] = &[
    "--version",
    "--vers",
    "--git",
    "--rev",
    "--branch",
    "--tag",
    "--path",
    "--root",
    "--features",
    "-F",
    "--target",
    "--profile",
    "--registry",
    "--index",
    "-j",
    "--jobs",
    "--target-dir",
    "--bin",
    "--example",
    "--config",
    "-Z",
    "--color",
];
const GO: &[&str] = &["-o", "-p", "-C", "-tags", "-ldflags", "-gcflags", "-mod", "-modfile"];

pub(super) fn check(step: &Step<'_>, findings: &mut Vec<Finding>) {
    for command in step.commands() {
        match command.program.as_str() {
            "pip" | "pipx" | "uv" => pip(command, findings),
            "npm" | "pnpm" | "yarn" => npm(command, findings),
            "gem" => gem(command, findings),
            "cargo" => cargo(step, command, findings),
            "go" => go(command, findings),
            _ => {}
        }
    }
}

fn texts<'a>(words: &[&'a Word]) -> Vec<&'a str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

/// Findings of `rule`, one for each of `words` that is not pinned.
fn unpinned(
    rule: &'static Rule,
    what: &str,
    words: &[&Word],
    good: fn(&Word) -> bool,
    instead: &str,
    findings: &mut Vec<Finding>,
) {
    for word in words.iter().filter(|word| !good(word)) {
        let name = shown(&word.text);
        let message = format!("`{what}` of `{name}` without an exact version takes the newest");
        findings.push(Finding::new(rule, word.span.clone(), message, instead));
    }
}

fn is_path(text: &str) -> bool {
    let archive = [".whl", ".tar.gz", ".zip", ".tgz", ".gem"].iter().any(|end| text.ends_with(end));
    text.starts_with(['.', '/', '~']) || (archive && !text.contains("://"))
}

fn pip(command: &Command, findings: &mut Vec<Finding>) {
    let operands = command.operands(PIP);
    let (verb, packages) = match (command.program.as_str(), texts(&operands).as_slice()) {
        ("pip", ["install" | "download" | "wheel", ..]) => ("pip install", &operands[1..]),
        ("pipx", ["install", ..]) => ("pipx install", &operands[1..]),
        ("uv", ["pip", "install", ..]) => ("uv pip install", &operands[2..]),
        ("uv", ["tool", "install", ..]) => ("uv tool install", &operands[2..]),
        _ => return,
    };
    if command.has(&["--no-index"]) {
        return;
    }
    let instead =
        "write `NAME==VERSION`; best, install a lock with hashes: `pip install --require-hashes -r requirements.txt`";
    unpinned(&UNPINNED_PIP, verb, packages, is_requirement_pinned, instead, findings);
    let options = ["-r", "--requirement", "--requirements"];
    let file = command.arguments.iter().find(|word| options.contains(&word.text.split('=').next().unwrap_or_default()));
    if let Some(word) = file.filter(|_| !command.has(&["--require-hashes", "--no-index"])) {
        let message = format!("`{verb} -r` takes packages without hashes unless every line of the file has one");
        let advice = "add `--require-hashes`; `pip-compile --generate-hashes` or `uv pip compile --generate-hashes` writes such a file";
        findings.push(Finding::new(&UNHASHED_REQUIREMENTS, word.span.clone(), message, advice));
    }
}

fn is_requirement_pinned(word: &Word) -> bool {
    let text = word.text.as_str();
    if let Some((_, at)) = text.split_once("git+") {
        let reference = at.rsplit_once('@').map_or("", |(_, end)| end.split('#').next().unwrap_or_default());
        return is_commit(reference) || reference.contains('$');
    }
    if text.contains("://") {
        return ["#sha256=", "&sha256=", "#sha512="].iter().any(|hash| text.contains(hash));
    }
    let exact = text.split_once("==").is_some_and(|(_, version)| !version.contains('*') && !version.is_empty());
    exact || is_path(text) || text.starts_with('$')
}

fn npm(command: &Command, findings: &mut Vec<Finding>) {
    let operands = command.operands(NPM);
    let program = command.program.as_str();
    let frozen = command.has(&["--frozen-lockfile", "--immutable"]);
    let (verb, packages) = match (program, texts(&operands).as_slice()) {
        ("yarn", ["global", "add", ..]) => ("global add", &operands[2..]),
        ("npm" | "pnpm" | "yarn", ["add", ..]) => ("add", &operands[1..]),
        ("npm" | "pnpm", ["install" | "i", ..]) => ("install", &operands[1..]),
        ("yarn", ["install"] | []) if !command.has(&["--version", "-v"]) => ("install", &operands[..0]),
        ("npm" | "pnpm", ["update" | "upgrade", ..]) => ("update", &operands[..0]),
        _ => return,
    };
    if packages.is_empty() && !frozen {
        let instead = if program == "npm" { "`npm ci`" } else { "`--frozen-lockfile`" };
        let message = format!("`{program} {verb}` may change what the lock says");
        findings.push(Finding::new(
            &UNPINNED_NPM,
            command.span(),
            message,
            format!("write {instead}: it installs the lock as it is"),
        ));
    }
    let instead = "write `NAME@1.2.3`, or install a lock: `npm ci`";
    unpinned(&UNPINNED_NPM, &format!("{program} {verb}"), packages, is_npm_pinned, instead, findings);
}

fn is_npm_pinned(word: &Word) -> bool {
    let text = word.text.as_str();
    if text.contains("://") || text.starts_with("github:") {
        let reference = text.rsplit_once('#').map_or("", |(_, end)| end);
        return is_commit(reference) || reference.contains('$');
    }
    let version = text.char_indices().skip(1).filter(|(_, c)| *c == '@').last().map(|(at, _)| &text[at + 1..]);
    is_path(text)
        || text.starts_with('$')
        || version.is_some_and(|version| version.contains('$') || Version::parse(version).is_ok())
}

fn gem(command: &Command, findings: &mut Vec<Finding>) {
    let operands = command.operands(GEM);
    if operands.first().is_some_and(|verb| verb.text == "install") && !command.has(&["-v", "--version"]) {
        let good = |word: &Word| word.text.contains(':') || is_path(&word.text) || word.text.starts_with('$');
        unpinned(
            &UNPINNED_GEM,
            "gem install",
            &operands[1..],
            good,
            "write `NAME:1.2.3`, or `bundle install` with a lock",
            findings,
        );
    }
}

fn cargo(step: &Step<'_>, command: &Command, findings: &mut Vec<Finding>) {
    let operands: Vec<&Word> = command.operands(CARGO).into_iter().filter(|word| !word.text.starts_with('+')).collect();
    let [verb, crates @ ..] = operands.as_slice() else { return };
    if !matches!(verb.text.as_str(), "install" | "binstall") {
        return;
    }
    let at_commit = command.has(&["--git"]) && command.has(&["--rev"]);
    if command.has(&["--git"]) && !at_commit {
        let message = "`cargo install --git` without `--rev` takes the branch's tip of the day";
        findings.push(Finding::new(&UNPINNED_CARGO, command.span(), message, "add `--rev COMMIT`"));
    } else if !command.has(&["--version", "--vers", "--path", "--git"]) {
        let good = |word: &Word| word.text.contains('@') || word.text.starts_with('$');
        unpinned(&UNPINNED_CARGO, "cargo install", crates, good, "write `cargo install --locked NAME@1.2.3`", findings);
    }
    if verb.text == "install" && !command.has(&["--locked", "--frozen", "--list"]) {
        let message = "`cargo install` without `--locked` takes the newest of everything that the crate needs";
        let edit = Edit { span: verb.span.end..verb.span.end, text: " --locked".to_owned() };
        let finding = Finding::new(&UNPINNED_CARGO, verb.span.clone(), message, "write `cargo install --locked`");
        findings.push(finding.edits(if step.is_plain(verb) { vec![edit] } else { Vec::new() }));
    }
}

fn go(command: &Command, findings: &mut Vec<Finding>) {
    let operands = command.operands(GO);
    let Some((verb, packages)) = operands.split_first() else { return };
    let is_get = verb.text == "get";
    let version = |word: &Word| word.text.rsplit_once('@').map(|(_, version)| version.to_owned());
    let wrong = |word: &&Word| match version(word) {
        Some(version) => !(is_commit(&version) || version.contains('$') || is_go_version(&version)),
        // Without a version it is what the module's go.mod says; `go get` changes that file.
        None => is_get && word.text.split('/').next().is_some_and(|host| host.trim_matches('.').contains('.')),
    };
    if is_get || matches!(verb.text.as_str(), "install" | "run") {
        // What stands after the package belongs to the program that `go run` runs.
        let packages = if verb.text == "run" { &packages[..packages.len().min(1)] } else { packages };
        for word in packages.iter().copied().filter(wrong) {
            let message = format!("`go {}` of `{}` takes the newest", verb.text, shown(&word.text));
            findings.push(Finding::new(&UNPINNED_GO, word.span.clone(), message, "write `PACKAGE@v1.2.3`"));
        }
    }
}

/// Whether `text` is a version of a Go module, and not a branch or a part of one.
fn is_go_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|version| Version::parse(version).is_ok())
}
