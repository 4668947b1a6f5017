//! `.gitmodules`, and other files of a commit in git's configuration format.
//!
//! Decides what a submodule's path, URL and `update = none` are. Unlike git's own reader it follows no `include`, so a
//! commit cannot make us read files of this machine. Leaves out resolving relative URLs (`remote/`). Pure.

use std::collections::BTreeMap;

/// What `.gitmodules` says of one submodule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// `path`, without a slash at the end.
    pub(crate) path: Option<String>,
    /// `url`, as written.
    pub(crate) url: Option<String>,
    /// Whether `update = none`: git leaves the folder empty then.
    pub(crate) skipped: bool,
}

/// A line `key = value` of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The section in lowercase.
    pub(crate) section: String,
    /// The name in quotes behind the section.
    pub(crate) name: Option<String>,
    /// The key in lowercase.
    pub(crate) key: String,
    /// The value without quotes and escapes.
    pub(crate) value: String,
}

/// Returns what each `[submodule "name"]` of `text` says, by name. Of a key that is there twice the last one counts.
///
/// # Errors
/// The line (from 1) that is not of the format, after `git-config(1)`.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Declared>, usize> {
    let mut modules = BTreeMap::new();
    for Setting { section, name, key, value } in settings(text)? {
        if let Some(name) = name.filter(|_| section == "submodule") {
            set(modules.entry(name).or_default(), &key, value);
        }
    }
    Ok(modules)
}

/// Returns all that `text` sets, in its order.
///
/// # Errors
/// As [`parse`].
pub(crate) fn settings(text: &str) -> Result<Vec<Setting>, usize> {
    let mut settings = Vec::new();
    let mut header: Option<(String, Option<String>)> = None;
    for (number, line) in logical_lines(text) {
        let mut rest = line.trim();
        if rest.starts_with('[') {
            let (section, name, after) = self::header(rest).ok_or(number)?;
            header = Some((section, name));
            rest = after.trim();
        }
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        let (key, value) = assignment(rest).ok_or(number)?;
        if let Some((section, name)) = header.clone() {
            settings.push(Setting { section, name, key, value });
        }
    }
    Ok(settings)
}

fn set(module: &mut Declared, key: &str, value: String) {
    match key {
        "path" => module.path = Some(value.trim_end_matches('/').to_owned()),
        "url" => module.url = Some(value),
        "update" => module.skipped = value == "none",
        _ => {}
    }
}

/// Returns the lines with the number of their beginning; a line that ends in `\` goes on in the next one.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
        let open = backslashes % 2 == 1;
        let piece = if open { &line[..line.len() - 1] } else { line };
        match lines.last_mut() {
            Some((_, last)) if continued => last.push_str(piece),
            _ => lines.push((index + 1, piece.to_owned())),
        }
        continued = open;
    }
    lines
}

/// Reads `[section "name"]`; returns both, and what follows the bracket.
fn header(line: &str) -> Option<(String, Option<String>, &str)> {
    let inside = line.strip_prefix('[')?;
    let end = inside.find(['"', ']'])?;
    let section = inside[..end].trim().to_ascii_lowercase();
    if inside[end..].starts_with(']') {
        return Some((section, None, &inside[end + 1..]));
    }
    let mut name = String::new();
    let mut characters = inside[end + 1..].char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let after = inside[end + 1 + at + 1..].trim_start().strip_prefix(']')?;
                return Some((section, Some(name), after));
            }
            '\\' => name.push(characters.next()?.1),
            other => name.push(other),
        }
    }
    None
}

/// Reads `key = value`, or `key` alone, which means `true`. The key comes back in lowercase.
fn assignment(line: &str) -> Option<(String, String)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    if key.is_empty() {
        return None;
    }
    let value = match rest.strip_prefix('=') {
        Some(value) => unquoted(value.trim_start())?,
        None if rest.is_empty() || rest.starts_with(['#', ';']) => "true".to_owned(),
        None => return None,
    };
    Some((key.to_ascii_lowercase(), value))
}

/// Takes quotes, escapes and the comment off a value; white space at its end goes unless it was quoted.
fn unquoted(text: &str) -> Option<String> {
    let (mut value, mut kept, mut quoted) = (String::new(), 0, false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => value.push(escaped(characters.next()?)?),
            '#' | ';' if !quoted => break,
            other => value.push(other),
        }
        if quoted || !character.is_whitespace() {
            kept = value.len();
        }
    }
    value.truncate(kept);
    (!quoted).then_some(value)
}

fn escaped(character: char) -> Option<char> {
    match character {
        'n' => Some('\n'),
        't' => Some('\t'),
        'b' => Some('\u{8}'),
        '"' | '\\' => Some(character),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Declared {
        parse(text).unwrap().into_values().next().unwrap()
    }

    #[test]
    fn reads_path_and_url_as_git_writes_them() {
        let text =
            "[submodule \"lib/a\"]\n\tpath = lib/a\n\turl = ../a.git\n\tbranch = main\n[submodule \"b\"]\n\tpath = b\n";
        let modules = parse(text).unwrap();
        assert_eq!(modules.keys().collect::<Vec<_>>(), ["b", "lib/a"]);
        assert_eq!(modules["lib/a"].url.as_deref(), Some("../a.git"));
        assert_eq!(modules["b"], Declared { path: Some("b".into()), url: None, skipped: false });
    }

    #[test]
    fn quotes_comments_escapes_and_continuations_are_git_s() {
        let text = "# c\n[SubModule \"x \\\" y\"] path = \"a b \" ; comment\r\n URL = https://h/a#b\n\nurl=\"https://h/#c\" # c\nupdate=no\\\nne\n";
        let module = one(text);
        assert_eq!(module.path.as_deref(), Some("a b "));
        assert_eq!(module.url.as_deref(), Some("https://h/#c"));
        assert!(module.skipped);
    }

    #[test]
    fn other_sections_and_includes_are_passed_over() {
        assert!(
            parse("[include]\n\tpath = /etc/passwd\n[core]\n\tbare\n[includeIf \"x\"]\npath=y\n").unwrap().is_empty()
        );
    }

    #[test]
    fn malformed_lines_are_named() {
        for (text, line) in [
            ("[submodule \"a\n", 1),
            ("\n= x\n", 2),
            ("[a]\nkey value\n", 2),
            ("[a]\nk = \"x\n", 2),
            ("[", 1),
            ("[a]\nk=\\q", 2),
        ] {
            assert_eq!(parse(text), Err(line), "{text:?}");
        }
    }

    #[test]
    fn git_itself_reads_the_same_values() {
        let text = "[submodule \"x\"]\n path = a\\\n/b \n url = \"https://h/\\\"q\\\"\" ; c\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        git2_written(&file, text);
        let config = git2::Config::open(&file).unwrap();
        let module = one(text);
        assert_eq!(module.path, config.get_string("submodule.x.path").ok());
        assert_eq!(module.url, config.get_string("submodule.x.url").ok());
    }

    #[expect(clippy::disallowed_methods, reason = "libgit2 reads configuration from files only")]
    fn git2_written(file: &std::path::Path, text: &str) {
        std::fs::write(file, text).unwrap();
    }
}
