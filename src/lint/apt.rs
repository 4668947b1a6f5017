//! apt: updates that the cache keeps apart from their install, questions that nobody answers, `apt-key`; and caches
//! of any package manager that a step throws away.

use super::rules::{APT_KEY, APT_YES, EMPTIED_CACHE, LONE_APT_UPDATE};
use super::{Edit, Finding, Step, shown};
use crate::shell::{Command, Word};

const APT: &[&str] = &["apt-get", "apt", "aptitude"];
/// Options of apt that take the next word.
const VALUED: &[&str] = &["-o", "--option", "-c", "--config-file", "-t", "--target-release", "--default-release", "-a"];
/// What apt asks about.
const ASKS: &[&str] = &[
    "install",
    "reinstall",
    "upgrade",
    "dist-upgrade",
    "full-upgrade",
    "safe-upgrade",
    "remove",
    "purge",
    "autoremove",
    "build-dep",
    "satisfy",
];
/// Commands that do nothing with what an update brings.
const HARMLESS: &[&str] =
    &["", "[", ":", "cd", "cp", "echo", "export", "mkdir", "mv", "printf", "rm", "sed", "set", "sleep", "test", "true"];

pub(super) fn check(step: &Step<'_>, findings: &mut Vec<Finding>) {
    for command in step.commands() {
        if command.calls(&["apt-key"]) {
            let advice = "put the key in /usr/share/keyrings and name it in the repository's line: `[signed-by=/usr/share/keyrings/x.gpg]`";
            findings.push(Finding::new(
                &APT_KEY,
                command.span(),
                "`apt-key` trusts the key for every repository",
                advice,
            ));
        }
        findings.extend(unanswered(step, command));
        if step.caches {
            findings.extend(emptied(step, command));
        }
    }
    findings.extend(lone_update(step));
}

/// What apt is to do.
fn verb(command: &Command) -> Option<&Word> {
    command.operands(VALUED).into_iter().next().filter(|_| command.calls(APT))
}

fn is_update(command: &Command) -> bool {
    verb(command).is_some_and(|verb| verb.text == "update")
}

/// A question that nobody answers.
fn unanswered(step: &Step<'_>, command: &Command) -> Option<Finding> {
    let verb = verb(command).filter(|verb| ASKS.contains(&verb.text.as_str()))?;
    let quiet = command.arguments.iter().any(|word| matches!(word.text.as_str(), "-qq" | "-q=2"));
    let assumed = command.arguments.iter().any(|word| word.text.to_ascii_lowercase().contains("assume-yes"));
    let dry = command.has(&["-s", "--simulate", "--dry-run", "--print-uris", "-d", "--download-only"]);
    let piped = command.reads.is_some_and(|before| step.commands()[before].calls(&["yes", "echo", "printf"]));
    if quiet || assumed || dry || piped || command.has(&["--yes"]) || command.has_letter('y') {
        return None;
    }
    let (program, name) = (&command.program, &verb.text);
    let finding = Finding::new(
        &APT_YES,
        command.called.first().map_or(verb.span.start, |word| word.span.start)..verb.span.end,
        format!("`{program} {name}` without `-y` asks whether to go on, and nobody answers"),
        format!("write `{program} {name} -y`"),
    );
    let edit = Edit { span: verb.span.end..verb.span.end, text: " -y".to_owned() };
    Some(finding.edits(if step.is_plain(verb) { vec![edit] } else { Vec::new() }))
}

fn lone_update(step: &Step<'_>) -> Option<Finding> {
    let alone = |command: &Command| is_update(command) || command.calls(HARMLESS);
    let update = step.commands().iter().find(|command| is_update(command))?;
    if !step.commands().iter().all(alone) {
        return None;
    }
    let finding = Finding::new(
        &LONE_APT_UPDATE,
        update.span(),
        format!(
            "`{} update` in a RUN of its own: the build cache keeps it when the install after it changes",
            update.program
        ),
        format!("write both in one RUN: `RUN {0} update && {0} install -y …`", update.program),
    );
    Some(finding.edits(joined(step).unwrap_or_default()))
}

/// The change that makes this RUN and the next one a single RUN, where both are lists of `&&` in the shell form.
fn joined(step: &Step<'_>) -> Option<Vec<Edit>> {
    let (text, instructions) = (step.sheet.text, &step.sheet.dockerfile.instructions);
    let (this, next) = (&instructions[step.index], instructions.get(step.index + 1)?);
    let flags =
        |index: usize| instructions[index].flags.iter().map(|flag| (&flag.name, &flag.value)).collect::<Vec<_>>();
    let shell_form = |index: usize| {
        let command = &text[instructions[index].rest.clone()];
        !command.starts_with('[')
            && !command.contains("<<")
            && text[instructions[index].span.start..].get(..3).is_some_and(|run| run.eq_ignore_ascii_case("run"))
    };
    let chained = |command: &Command| matches!(command.after, "" | "&&" | "|") || command.inside.is_some();
    let script = step.sheet.script(next);
    let installs = |command: &Command| verb(command).is_some_and(|verb| verb.text == "install");
    let fits = next.keyword == "RUN"
        && flags(step.index) == flags(step.index + 1)
        && shell_form(step.index)
        && shell_form(step.index + 1)
        && step.commands().iter().all(|command| is_update(command) && chained(command))
        && script.commands.iter().all(chained)
        && script.commands.iter().any(installs);
    let between = text.get(this.span.end..next.span.start).filter(|_| fits)?;
    // Comments may stand in a continued instruction, empty lines should not.
    let kept: Vec<&str> = between.split('\n').skip(1).filter(|line| !line.trim().is_empty()).collect();
    let comments: String = kept.iter().map(|line| format!("{line}\n")).collect();
    let middle = format!(" {}\n{comments}    && ", step.sheet.dockerfile.escape);
    Some(vec![Edit { span: this.span.end..next.rest.start, text: middle }])
}

/// A cache that is mounted and thrown away or not used.
fn emptied(step: &Step<'_>, command: &Command) -> Option<Finding> {
    let option = match command.program.as_str() {
        "pip" | "pipx" => "--no-cache-dir",
        "apk" | "uv" => "--no-cache",
        _ => return cleaned(command),
    };
    let word = command.arguments.iter().find(|word| word.text == option)?;
    let finding = Finding::new(
        &EMPTIED_CACHE,
        word.span.clone(),
        format!("`{option}` leaves the mounted cache unused, and every build downloads all again"),
        format!("leave `{option}` out: the cache mount is in no layer"),
    );
    let span = without(step.sheet.text, word);
    Some(finding.edits(if step.is_plain(word) { vec![Edit { span, text: String::new() }] } else { Vec::new() }))
}

fn cleaned(command: &Command) -> Option<Finding> {
    let operands = command.operands(VALUED);
    let first = operands.first().map_or("", |word| word.text.as_str());
    let second = operands.get(1).map_or("", |word| word.text.as_str());
    let caches = ["/var/lib/apt/lists", "/var/cache/apt", "/root/.cache", "~/.cache", "/root/.npm", "~/.npm"];
    let removes = |word: &&Word| caches.iter().any(|cache| word.text.starts_with(cache));
    let cleans = match command.program.as_str() {
        "apt-get" | "apt" | "aptitude" => matches!(first, "clean" | "autoclean" | "distclean"),
        "rm" => operands.iter().any(removes),
        "npm" | "yarn" | "uv" => first == "cache" && matches!(second, "clean" | "prune" | "rm"),
        "conda" | "mamba" => first == "clean",
        _ => false,
    };
    cleans.then(|| {
        let what = shown(&format!("{} {first}", command.program));
        let message = format!("`{what}` empties the mounted cache for every later build");
        Finding::new(&EMPTIED_CACHE, command.span(), message, "leave it out: the cache mount is in no layer")
    })
}

/// The bytes of `word` with the spaces after it; all of its line where nothing else stands there.
fn without(text: &str, word: &Word) -> std::ops::Range<usize> {
    let line_start = text[..word.span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[word.span.end..].find('\n').map_or(text.len(), |at| word.span.end + at + 1);
    let (before, after) = (&text[line_start..word.span.start], &text[word.span.end..line_end]);
    if before.trim().is_empty() && after.trim() == "\\" {
        return line_start..line_end;
    }
    let spaces = after.len() - after.trim_start_matches([' ', '\t']).len();
    if spaces > 0 && !after.trim().is_empty() {
        return word.span.start..word.span.end + spaces;
    }
    line_start + before.trim_end_matches([' ', '\t']).len()..word.span.end
}
