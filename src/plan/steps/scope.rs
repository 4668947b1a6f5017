//! What is in force where a step stands: variables, arguments, user, folder, shell.
//!
//! Decides what of a Dockerfile's text becomes of it, as BuildKit's frontend reads it: variables are replaced in ENV, ARG,
//! USER, WORKDIR and mounts, never in commands; a variable that is set again moves to the end. What a base image sets is
//! left as it is written: it goes with the base.

use std::collections::BTreeMap;

/// What is in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// When each variable was set, and to what.
    variables: BTreeMap<String, (usize, String)>,
    /// How many were set so far, repeatedly or not.
    sets: usize,
    pub(super) user: String,
    /// Empty where it is the base's.
    pub(super) folder: String,
    shell: Option<Vec<String>>,
}

impl Scope {
    /// `ARG`: a value that is given, else the default, is a variable of all later steps.
    pub(super) fn argument(&mut self, name: &str, default: Option<&str>, given: &BTreeMap<String, String>) {
        let default = default.map(|value| self.expanded(value));
        if let Some(value) = given.get(name).cloned().or(default) {
            self.set(name, value);
        }
    }

    /// `ENV`, with the value as it stands in double quotes.
    pub(super) fn variable(&mut self, name: &str, value: &str) {
        let value = self.expanded(value);
        self.set(name, value);
    }

    /// `USER`.
    pub(super) fn user(&mut self, user: &str) {
        self.user = self.expanded(user);
    }

    /// `WORKDIR`.
    pub(super) fn enter(&mut self, folder: &str) {
        let folder = self.expanded(folder.trim().trim_matches(['"', '\'']));
        let whole = if folder.starts_with('/') { folder } else { format!("{}/{folder}", self.folder) };
        let plain = whole.trim_end_matches('/');
        self.folder = if plain.is_empty() { "/".to_owned() } else { plain.to_owned() };
    }

    /// `ENV`, `ARG` and `SHELL` of a snippet.
    pub(super) fn written(&mut self, keyword: &str, text: &str, given: &BTreeMap<String, String>) {
        match keyword {
            "SHELL" => self.shell = serde_json::from_str(text).ok().or_else(|| Some(vec![text.to_owned()])),
            "ARG" => {
                for (name, value) in assignments(text) {
                    self.argument(&name, value.as_deref(), given);
                }
            }
            _ => {
                // All of one instruction see what was set before it.
                let values: Vec<_> = assignments(text)
                    .into_iter()
                    .map(|(name, value)| (name, self.expanded(&value.unwrap_or_default())))
                    .collect();
                values.into_iter().for_each(|(name, value)| self.set(&name, value));
            }
        }
    }

    /// Returns `NAME=value` of each variable, in the order that BuildKit has them in.
    pub(super) fn variables(&self) -> Vec<String> {
        let mut variables: Vec<_> = self.variables.iter().collect();
        variables.sort_by_key(|(_, (when, _))| *when);
        variables.into_iter().map(|(name, (_, value))| format!("{name}={value}")).collect()
    }

    /// Returns the words that are run for `command`.
    pub(super) fn words(&self, command: &str) -> Vec<String> {
        let exec = command.starts_with('[').then(|| serde_json::from_str::<Vec<String>>(command).ok()).flatten();
        exec.unwrap_or_else(|| {
            let shell = self.shell.clone().unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
            shell.into_iter().chain([joined(command)]).collect()
        })
    }

    /// Returns `text` with `$NAME` and `${NAME}` replaced where the variable is set here.
    pub(super) fn expanded(&self, text: &str) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '\\']) {
            result.push_str(&rest[..at]);
            let (taken, value) = match &rest[at..] {
                escaped if escaped.starts_with('\\') => {
                    let end = escaped.chars().nth(1).map_or(1, |next| 1 + next.len_utf8());
                    (end, escaped[..end].to_owned())
                }
                reference => self.reference(reference),
            };
            result.push_str(&value);
            rest = &rest[at + taken..];
        }
        result + rest
    }

    /// Returns how long the reference is that `text` begins with, and what it stands for.
    fn reference(&self, text: &str) -> (usize, String) {
        let word = |text: &str| text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, end) = match text[1..].strip_prefix('{') {
            Some(inner) => {
                let end = word(inner);
                // What has a default or an alternative is left as it is written.
                if inner[end..].starts_with('}') { (&inner[..end], end + 3) } else { ("", 1) }
            }
            None => (&text[1..=word(&text[1..])], 1 + word(&text[1..])),
        };
        match self.variables.get(name) {
            Some((_, value)) => (end, value.clone()),
            None => (end, text[..end].to_owned()),
        }
    }

    fn set(&mut self, name: &str, value: String) {
        self.sets += 1;
        self.variables.insert(name.to_owned(), (self.sets, value));
    }
}

/// Returns the names and values of an `ENV` or `ARG`; one without `=` is `ENV NAME value` or `ARG NAME`.
fn assignments(text: &str) -> Vec<(String, Option<String>)> {
    let words = shell_words::split(text).unwrap_or_else(|_| vec![text.to_owned()]);
    if !words.first().is_some_and(|first| first.contains('=')) {
        let (name, value) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        return vec![(name.to_owned(), (!value.is_empty()).then(|| value.trim().to_owned()))];
    }
    let assignment = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    };
    words.into_iter().map(assignment).collect()
}

/// Returns a command as BuildKit joins it: continued lines as one, without comments between them. Here-documents stay.
fn joined(command: &str) -> String {
    if command.contains("<<") {
        return command.trim_end().to_owned();
    }
    let mut result = String::new();
    for (number, line) in command.lines().enumerate() {
        let text = line.trim();
        if number > 0 && (text.is_empty() || text.starts_with('#')) {
            continue;
        }
        result.push_str(line.trim_end().strip_suffix('\\').unwrap_or(line));
    }
    result.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(arguments: &[(&str, &str)]) -> Scope {
        let mut scope = Scope::default();
        arguments.iter().for_each(|(name, value)| scope.argument(name, Some(value), &BTreeMap::new()));
        scope
    }

    #[test]
    fn variables_are_replaced_where_they_are_set_here() {
        let scope = scope(&[("USER_NAME", "ada"), ("A", "1")]);
        for (text, expected) in [
            ("/home/${USER_NAME}/.cache", "/home/ada/.cache"),
            ("$A$A-$USER_NAME.", "11-ada."),
            ("/opt/bin:$PATH", "/opt/bin:$PATH"),
            ("\\$A ${A:-x} $ ${", "\\$A ${A:-x} $ ${"),
            ("$é", "$é"),
        ] {
            assert_eq!(scope.expanded(text), expected, "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_set_again_moves_to_the_end_and_what_is_given_wins() {
        let mut scope = scope(&[("A", "1"), ("B", "2")]);
        scope.written("ENV", "A=3 C=\"x y\"", &BTreeMap::new());
        assert_eq!(scope.variables(), ["B=2", "A=3", "C=x y"]);
        scope.written("ARG", "B", &BTreeMap::new());
        assert_eq!(scope.variables(), ["B=2", "A=3", "C=x y"], "an argument without a value is nothing");
        scope.written("ARG", "B=7", &BTreeMap::from([("B".to_owned(), "9".to_owned())]));
        scope.written("ENV", "D two words", &BTreeMap::new());
        assert_eq!(scope.variables(), ["A=3", "C=x y", "B=9", "D=two words"]);
    }

    #[test]
    fn commands_are_joined_as_the_frontend_joins_them() {
        let scope = Scope::default();
        let words = |command: &str| scope.words(command).pop().unwrap();
        assert_eq!(words("a \\\n    # why\n    && b \\\n\n  c  "), "a     && b   c");
        assert_eq!(words("<<EOF\n# a\nb\nEOF"), "<<EOF\n# a\nb\nEOF");
        assert_eq!(scope.words("[\"/bin/sh\", \"-c\", \"make\"]"), scope.words("make"));
    }

    #[test]
    fn a_folder_is_relative_to_the_last_one() {
        let mut scope = scope(&[("N", "ada")]);
        scope.enter("/home/$N/");
        scope.enter("src");
        assert_eq!(scope.folder, "/home/ada/src");
        scope.enter("/");
        assert_eq!(scope.folder, "/");
    }
}
