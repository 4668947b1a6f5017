//! `WWW-Authenticate`: what a registry wants to see before it answers. Pure.

use std::collections::BTreeMap;

/// How a registry wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token from somewhere else.
    Bearer {
        /// The URL that gives tokens.
        realm: String,
        /// What the token is for; empty when the registry does not say.
        service: String,
    },
    /// User and password.
    Basic,
}

/// Reads the header; nothing when it asks for something else.
pub(crate) fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parameters = parameters(rest)?;
    let service = parameters.remove("service").unwrap_or_default();
    Some(Challenge::Bearer { realm: parameters.remove("realm")?, service })
}

/// Reads `key="value",key=value`. Of a key that is there twice the first one counts.
fn parameters(text: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let (value, after) = after.split_at(after.find(',').unwrap_or(after.len()));
                (value.trim().to_owned(), after)
            }
        };
        parameters.entry(key.trim().to_ascii_lowercase()).or_insert(value);
        rest = after.trim_start_matches([' ', ',']);
    }
    Some(parameters)
}

/// Reads up to the closing quote; returns the value and what follows.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_send() {
        let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push""#;
        let expected =
            Challenge::Bearer { realm: "https://auth.docker.io/token".into(), service: "registry.docker.io".into() };
        assert_eq!(parse(header), Some(expected));
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        let expected = Challenge::Bearer { realm: "https://h/t".into(), service: String::new() };
        assert_eq!(parse("bearer realm=https://h/t"), Some(expected));
    }

    #[test]
    fn anything_else_is_no_challenge() {
        for header in ["", "Negotiate", "Bearer", "Bearer service=\"x\"", "Bearer realm=\"x", "Bearer realm"] {
            assert_eq!(parse(header), None, "{header}");
        }
    }
}
