//! What a step downloads: repositories without a commit, files without a checksum, scripts that run unseen; and what
//! differs with every run.

use super::rules::{CACHE_BUSTER, LATEST_DOWNLOAD, PIPE_TO_SHELL, UNCHECKED_DOWNLOAD, UNPINNED_CLONE};
use super::{Finding, Step, is_commit, is_latest, shown};
use crate::shell::{Command, How, Word};

const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh"];
const INTERPRETERS: &[&str] = &["python", "perl", "ruby", "node", "php"];
/// Options of `git` and `git clone` that take the next word.
const GIT: &[&str] = &[
    "-C",
    "-c",
    "--git-dir",
    "--work-tree",
    "-b",
    "--branch",
    "-o",
    "--origin",
    "--depth",
    "-j",
    "--jobs",
    "--reference",
    "--config",
    "--template",
    "--filter",
    "-u",
    "--upload-pack",
    "--shallow-since",
    "--revision",
];
/// Options of curl and wget that take the next word.
const DOWNLOAD: &[&str] = &[
    "-o",
    "--output",
    "-O",
    "--output-document",
    "-H",
    "--header",
    "-u",
    "--user",
    "-A",
    "--user-agent",
    "-e",
    "--referer",
    "-x",
    "--proxy",
    "-m",
    "--max-time",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--connect-timeout",
    "-w",
    "--write-out",
    "--cacert",
    "-E",
    "--cert",
    "--key",
    "-b",
    "--cookie",
    "-c",
    "--cookie-jar",
    "-D",
    "--dump-header",
    "-P",
    "--directory-prefix",
    "--output-dir",
    "-t",
    "--tries",
    "-T",
    "--timeout",
    "-U",
    "--proto",
    "--password",
    "--ca-certificate",
    "-K",
    "--config",
    "-C",
    "--continue-at",
    "-r",
    "--range",
    "-Y",
    "-y",
    "-z",
    "--resolve",
    "--waitretry",
];
const HASHES: &[&str] =
    &["sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "b3sum", "shasum", "rhash"];

pub(super) fn check(step: &Step<'_>, findings: &mut Vec<Finding>) {
    clones(step, findings);
    downloads(step, findings);
    for command in step.commands() {
        findings.extend(buster(command));
    }
}

/// Clones that no later command takes to a commit.
fn clones(step: &Step<'_>, findings: &mut Vec<Finding>) {
    let mut pins = 0;
    for command in step.commands().iter().rev().filter(|command| command.calls(&["git"])) {
        let operands = command.operands(GIT);
        let Some((verb, rest)) = operands.split_first() else { continue };
        let is_pin = |word: &&Word| is_commit(&word.text) || word.expands;
        match verb.text.as_str() {
            "checkout" | "reset" | "fetch" | "switch" | "merge" if rest.iter().any(is_pin) => pins += 1,
            "clone" if is_local(rest) || is_at_revision(command) => {}
            "clone" if pins > 0 => pins -= 1,
            "clone" => findings.push(clone(command)),
            _ => {}
        }
    }
}

fn is_local(operands: &[&Word]) -> bool {
    operands.first().is_some_and(|word| word.text.starts_with(['/', '.']) || word.text.starts_with("file://"))
}

/// Whether `git clone` is told the commit.
fn is_at_revision(command: &Command) -> bool {
    let value = |(at, word): (usize, &Word)| match word.text.strip_prefix("--revision") {
        Some("") => command.arguments.get(at + 1).map(|word| word.text.clone()),
        Some(value) => value.strip_prefix('=').map(str::to_owned),
        None => None,
    };
    let revision = command.arguments.iter().enumerate().find_map(value);
    revision.is_some_and(|revision| is_commit(&revision) || revision.contains('$'))
}

fn clone(command: &Command) -> Finding {
    let what = if command.has(&["-b", "--branch"]) {
        "a branch or tag can be moved"
    } else {
        "it takes the branch's tip of the day"
    };
    let advice = "name the commit: `git clone URL DIR && git -C DIR checkout COMMIT`; in an extension, declare the repository in `[inputs]`";
    Finding::new(&UNPINNED_CLONE, command.span(), format!("`git clone` without a commit: {what}"), advice)
}

/// Downloads that are run, or checked by nothing.
fn downloads(step: &Step<'_>, findings: &mut Vec<Finding>) {
    let commands = step.commands();
    let last_check = (0..commands.len()).rev().find(|&at| is_check(commands, at));
    let run = run(commands);
    // The download that a command's input comes from.
    for (index, command) in commands.iter().enumerate() {
        let Some(url) = url(command) else { continue };
        if is_latest(&url.text) {
            let message = format!("`{}` is another file tomorrow", shown(&url.text));
            findings.push(Finding::new(&LATEST_DOWNLOAD, url.span.clone(), message, "name the version in the URL"));
        }
        if let Some(shell) = run.get(index).copied().flatten() {
            findings.push(piped(command, &commands[shell]));
        } else if last_check.is_none_or(|check| check < index) {
            let message =
                format!("`{}` downloads a file, and nothing after it in this RUN checks what came", command.program);
            let advice = "check it: `echo \"SHA256  FILE\" | sha256sum -c -`; in a Dockerfile, `ADD --checksum=sha256:… URL FILE` does both";
            findings.push(Finding::new(&UNCHECKED_DOWNLOAD, command.span(), message, advice));
        }
    }
}

/// What a command downloads; none when it downloads nothing.
fn url(command: &Command) -> Option<&Word> {
    let asks = command.has(&[
        "--head",
        "--spider",
        "--data",
        "--data-raw",
        "--data-binary",
        "-d",
        "-X",
        "--request",
        "--version",
        "--post-data",
    ]);
    if !command.calls(&["curl", "wget", "aria2c"]) || asks || (command.calls(&["curl"]) && command.has_letter('I')) {
        return None;
    }
    let here = ["localhost", "127.0.0.1", "[::1]", "file:"];
    let remote = |word: &&Word| !here.iter().any(|host| word.text.contains(host));
    let named = command
        .operands(DOWNLOAD)
        .into_iter()
        .find(|word| word.text.contains("://") || word.text.contains('.') || word.expands);
    let given = || command.arguments.iter().find(|word| word.text.starts_with("--url="));
    named.or_else(given).filter(remote)
}

/// For each download, the command that runs what it prints.
fn run(commands: &[Command]) -> Vec<Option<usize>> {
    let mut run = vec![None; commands.len()];
    // The download that each command's output comes from.
    let mut origin: Vec<Option<usize>> = Vec::with_capacity(commands.len());
    for (index, command) in commands.iter().enumerate() {
        let read = command.reads.and_then(|before| origin[before]);
        if let Some(download) = read.filter(|_| runs_input(command)) {
            run[download] = Some(index);
        }
        let from = if url(command).is_some() { Some(index) } else { read };
        if let (Some(download), Some(inside)) = (from, command.inside) {
            let around = &commands[inside.command];
            let first = around.called.first().map(|word| word.span.clone());
            let runs = match inside.how {
                How::Substitution => first.is_some_and(|first| first.contains(&command.span().start)),
                How::Process => around.calls(SHELLS) || around.calls(&["source", "."]),
                How::Script => false,
            };
            if runs {
                run[download] = Some(inside.command);
            }
        }
        origin.push(from);
    }
    run
}

/// Whether a command runs what it reads.
fn runs_input(command: &Command) -> bool {
    let operands = command.operands(&["-o", "-O"]);
    let none = operands.first().is_none_or(|word| word.text == "-" || word.text.starts_with("/dev/stdin"));
    let shell = command.calls(SHELLS) && !command.has_letter('c') && (none || command.has_letter('s'));
    shell || (command.calls(INTERPRETERS) && none && !command.has_letter('c') && !command.has_letter('e'))
}

fn piped(download: &Command, shell: &Command) -> Finding {
    let (start, end) = (download.span().start.min(shell.span().start), download.span().end.max(shell.span().end));
    let message = format!("what `{}` downloads is run as it comes, and nobody has seen it", download.program);
    let advice = "download it to a file, check the file's checksum, then run it; better, take a pinned release";
    Finding::new(&PIPE_TO_SHELL, start..end, message, advice)
}

/// Whether the command at `index` fails when a file is not what it should be.
fn is_check(commands: &[Command], index: usize) -> bool {
    let command = &commands[index];
    let compares = command.inside.is_some_and(|inside| inside.how == How::Substitution);
    let next_reads = commands.get(index + 1).is_some_and(|next| next.reads == Some(index) && next.calls(&["grep"]));
    match command.program.as_str() {
        hash if HASHES.contains(&hash) => {
            compares || next_reads || command.has(&["--check", "--status", "-w"]) || command.has_letter('c')
        }
        "gpg" | "gpg2" => command.has(&["--verify"]),
        "gpgv" | "minisign" | "cosign" | "slsa-verifier" | "signify" => true,
        "openssl" => command.has(&["-verify"]) || compares,
        _ => false,
    }
}

/// What differs with every run.
fn buster(command: &Command) -> Option<Finding> {
    let fixed = ["-d", "--date", "-r", "--reference", "-s", "--set"];
    let advice = "leave it out, or take `$SOURCE_DATE_EPOCH`: `date -d @$SOURCE_DATE_EPOCH`; a label of the image can tell when it was built";
    if command.calls(&["date"])
        && !command.has(&fixed)
        && !command.arguments.iter().any(|word| word.text.starts_with("-d"))
    {
        let message = "`date` differs with every run, so no two builds are the same";
        return Some(Finding::new(&CACHE_BUSTER, command.span(), message, advice));
    }
    let random = |word: &&Word| word.expands && (word.text.contains("$RANDOM") || word.text.contains("${RANDOM}"));
    let word = command.words().find(random)?;
    let message = "`$RANDOM` differs with every run, so no two builds are the same";
    Some(Finding::new(&CACHE_BUSTER, word.span.clone(), message, "leave it out"))
}
