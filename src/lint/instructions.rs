//! Instructions other than RUN: images without a digest, ADD without a checksum, secrets and cache busters in ENV and
//! ARG.

use std::collections::BTreeSet;

use super::dockerfile::{Flag, Instruction};
use super::rules::{BASE_DIGEST, CACHE_BUSTER, LATEST_DOWNLOAD, LATEST_IMAGE, SECRET, UNCHECKED_ADD};
use super::{Finding, Findings, Sheet, is_commit, is_latest, shown};
use crate::shell::Word;
use crate::source::Span;

pub(super) fn check(sheet: &Sheet<'_>, found: &mut Findings) {
    let mut stages: BTreeSet<String> = BTreeSet::new();
    for instruction in &sheet.dockerfile.instructions {
        match instruction.keyword {
            "FROM" => {
                let words = sheet.words(instruction);
                found.findings.extend(words.first().and_then(|word| image(&word.text, word.span.clone(), &stages)));
                stages.extend(words.get(2).map(|name| name.text.to_ascii_lowercase()));
            }
            "ADD" => added(sheet, instruction, &mut found.findings),
            "ENV" | "ARG" => variables(sheet, instruction, found),
            _ => {}
        }
        found.findings.extend(instruction.flags.iter().filter_map(|flag| taken_from(flag, &stages)));
    }
}

/// The image that `COPY --from` or a mount names, where it names one and no stage.
fn taken_from(flag: &Flag, stages: &BTreeSet<String>) -> Option<Finding> {
    let from = match flag.name.as_str() {
        "from" => flag.value.as_str(),
        "mount" => flag.value.split(',').find_map(|option| option.strip_prefix("from="))?,
        _ => return None,
    };
    // A plain word may be a build context that the command line names.
    if from.contains([':', '/']) { image(from, flag.span.clone(), stages) } else { None }
}

fn image(name: &str, span: Span, stages: &BTreeSet<String>) -> Option<Finding> {
    let known = stages.contains(&name.to_ascii_lowercase()) || name == "scratch";
    if known || name.contains('$') || name.contains("@sha256:") {
        return None;
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let short = shown(name);
    Some(match last.split_once(':') {
        None | Some((_, "latest")) => {
            let message = format!("`{short}` is another image tomorrow");
            Finding::new(&LATEST_IMAGE, span, message, "name a version, and its digest behind it: `@sha256:…`")
        }
        Some(_) => {
            let message = format!("the tag of `{short}` can be moved to another image");
            let advice = "name its digest behind the tag: `@sha256:…`; a project of `deps` has it in deps.lock";
            Finding::new(&BASE_DIGEST, span, message, advice)
        }
    })
}

fn added(sheet: &Sheet<'_>, instruction: &Instruction, findings: &mut Vec<Finding>) {
    let words = sheet.words(instruction);
    let checked = instruction.flags.iter().any(|flag| flag.name == "checksum");
    for word in words.iter().take(words.len().saturating_sub(1)) {
        let (url, fragment) = word.text.split_once('#').unwrap_or((&word.text, ""));
        let git = url.starts_with("git@") || url.ends_with(".git") || url.starts_with("ssh://");
        let commit =
            fragment.split(':').next().is_some_and(|reference| is_commit(reference) || reference.contains('$'));
        if is_latest(url) {
            let message = format!("`{}` is another file tomorrow", shown(url));
            findings.push(Finding::new(&LATEST_DOWNLOAD, word.span.clone(), message, "name the version in the URL"));
        }
        if checked || !(git || url.starts_with("http://") || url.starts_with("https://")) || (git && commit) {
            continue;
        }
        let advice =
            if git { "name the commit: `ADD URL#COMMIT DIR`" } else { "write `ADD --checksum=sha256:… URL FILE`" };
        let message = format!("`ADD` of `{}` takes whatever the server has", shown(url));
        findings.push(Finding::new(&UNCHECKED_ADD, word.span.clone(), message, advice));
    }
}

/// A variable that an instruction sets.
struct Variable {
    name: String,
    /// Where the name stands.
    span: Span,
    /// The value, where there is one, and its bytes.
    value: Option<(String, Span)>,
}

fn variables(sheet: &Sheet<'_>, instruction: &Instruction, found: &mut Findings) {
    let words = sheet.words(instruction);
    let is_argument = instruction.keyword == "ARG";
    for variable in assigned(sheet.text, &words, is_argument) {
        let is_secret = is_secret(&variable.name);
        let given = variable.value.as_ref().filter(|(value, _)| is_literal(value));
        let leaks = given.is_some_and(|(value, _)| is_credential(value));
        if leaks || (is_secret && (is_argument || variable.value.as_ref().is_some_and(|(value, _)| !value.is_empty())))
        {
            found.secrets.extend(variable.value.clone().map(|(_, span)| span));
            found.findings.push(secret(instruction.keyword, &variable));
        }
        if is_argument && is_buster(&variable.name) {
            let message = format!(
                "`ARG {}` is there to break the cache: every build runs all that follows",
                shown(&variable.name)
            );
            let advice = "pin what the steps after it download; to build anew once, `deps build --no-cache`";
            found.findings.push(Finding::new(&CACHE_BUSTER, variable.span.clone(), message, advice));
        }
    }
}

/// The variables of `ENV A=1 B=2`, `ENV A 1` or `ARG A B=2`; `text` is what the words stand in.
fn assigned(text: &str, words: &[Word], is_argument: bool) -> Vec<Variable> {
    if let ([first, rest @ ..], false) = (words, is_argument)
        && !first.text.contains('=')
    {
        let whole = rest.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        let ends = rest.first().zip(rest.last());
        let value = ends.map(|(first, last)| (whole, first.span.start..last.span.end));
        return vec![Variable { name: first.text.clone(), span: first.span.clone(), value }];
    }
    let variable = |word: &Word| {
        let (name, value) =
            word.text.split_once('=').map_or((word.text.as_str(), None), |(name, value)| (name, Some(value)));
        // Where the name has quotes or escapes, nobody knows where it ends: then both are all of the word.
        let (named, given) = match text[word.span.clone()].strip_prefix(name) {
            Some(rest) if rest.is_empty() || rest.starts_with('=') => {
                let end = word.span.start + name.len();
                (word.span.start..end, (end + 1).min(word.span.end)..word.span.end)
            }
            _ => (word.span.clone(), word.span.clone()),
        };
        Variable { name: name.to_owned(), span: named, value: value.map(|value| (value.to_owned(), given)) }
    };
    words.iter().map(variable).collect()
}

fn secret(keyword: &str, variable: &Variable) -> Finding {
    let message = format!("`{keyword} {}` holds a secret, and stays in the image's history", shown(&variable.name));
    let advice =
        "mount it where it is needed: `RUN --mount=type=secret,id=NAME,env=NAME …`, and change it: it is known now";
    Finding::new(&SECRET, variable.span.clone(), message, advice)
}

/// Whether a variable of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let parts: Vec<&str> = upper.split('_').collect();
    let keys = ["ACCESS", "API", "DEPLOY", "ENCRYPTION", "PRIVATE", "SECRET", "SIGNING", "SSH"];
    match parts.as_slice() {
        [.., "PASSWORD" | "PASSWD" | "PASSPHRASE" | "SECRET" | "TOKEN" | "APIKEY" | "CREDENTIALS" | "PAT"] => {
            upper != "PAT"
        }
        [.., kind, "KEY"] => keys.contains(kind),
        _ => false,
    }
}

/// Whether a value looks like a credential, whatever its name.
fn is_credential(value: &str) -> bool {
    let user = value.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let password = user.and_then(|host| host.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
    let begins =
        ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "sk-ant-", "npm_", "pypi-AgE"];
    password
        || value.contains("PRIVATE KEY-----")
        || begins.iter().any(|begin| value.starts_with(begin) && value.len() > 16)
}

fn is_literal(value: &str) -> bool {
    !value.is_empty() && !value.starts_with('$')
}

fn is_buster(name: &str) -> bool {
    let bare: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_uppercase();
    ["CACHEBUST", "BUSTCACHE", "CACHEBREAK", "BREAKCACHE", "CACHEDATE", "FORCEREBUILD", "SKIPCACHE"]
        .iter()
        .any(|word| bare.contains(word))
}
