//! The values of an extension's options: what the project sets, else the defaults. Leaves out what templates make of them.

use std::collections::BTreeMap;

use super::check::Problems;
use super::file::OptionTable;
use super::words::is_word;
use super::*;

/// Returns the value of every option: the project's, else the default.
pub(super) fn options(
    project: &Source,
    extension: &Extension,
    wish: Option<&ExtensionWish>,
) -> Result<BTreeMap<String, OptionValue>, Vec<Located<Problem>>> {
    let mut problems = Problems { source: project, found: Vec::new() };
    let defaults = extension.file.options.iter();
    let mut values: BTreeMap<_, _> =
        defaults.map(|(name, option)| (name.value.clone(), option.value.default.value.clone())).collect();
    if let Some(wish) = wish.filter(|wish| !wish.requirement.matches(&extension.version)) {
        let requirement = wish.requirement_text.value.clone();
        let (name, version) = (extension.name.clone(), extension.version.clone());
        problems.push(&wish.requirement_text, Problem::OtherVersion { name, version, requirement });
    }
    for (name, value) in wish.iter().flat_map(|wish| &wish.with) {
        let Some((_, option)) = extension.file.options.iter().find(|(known, _)| known.value == name.value) else {
            let (extension, known) = (extension.name.clone(), extension.option_names());
            problems.push(name, Problem::UnknownOption { extension, option: name.value.clone(), known });
            continue;
        };
        match fits(&name.value, &option.value, &value.value) {
            Ok(()) => _ = values.insert(name.value.clone(), value.value.clone()),
            Err(problem) => problems.push(value, problem),
        }
    }
    problems.into_result().map(|()| values)
}

/// Returns `<name>` of `{{ options.<name> }}`.
pub(super) fn option_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    inner.trim().strip_prefix("options.")
}

pub(super) fn fits(option: &str, table: &OptionTable, value: &OptionValue) -> Result<(), Problem> {
    const WORD: &str = "one word of letters, digits and `._+:/@%,=~-`";
    let wrong = |expected| Err(Problem::WrongOption { option: option.to_owned(), expected });
    match (table.kind, value) {
        (OptionKind::Boolean, OptionValue::Boolean(_)) | (OptionKind::Integer, OptionValue::Integer(_)) => {}
        (OptionKind::String, OptionValue::String(text)) if text.is_empty() || is_word(text) => {}
        (OptionKind::List, OptionValue::List(texts)) if texts.iter().all(|text| is_word(text)) => {}
        (OptionKind::Boolean, _) => return wrong("true or false"),
        (OptionKind::Integer, _) => return wrong("a whole number"),
        (OptionKind::String, OptionValue::String(_)) => return wrong(WORD),
        (OptionKind::String, _) => return wrong("a string"),
        (OptionKind::List, OptionValue::List(_)) => {
            return wrong("a list of words of letters, digits and `._+:/@%,=~-`");
        }
        (OptionKind::List, _) => return wrong("a list of strings"),
    }
    let values = match value {
        OptionValue::List(texts) => texts.iter().cloned().map(OptionValue::String).collect(),
        single => vec![single.clone()],
    };
    let allowed: Vec<&OptionValue> = table.allowed.iter().map(|value| &value.value).collect();
    if allowed.is_empty() || values.iter().all(|value| allowed.contains(&value)) {
        return Ok(());
    }
    let allowed = allowed.iter().map(ToString::to_string).collect();
    Err(Problem::NotAllowed { option: option.to_owned(), value: value.to_string(), allowed })
}
