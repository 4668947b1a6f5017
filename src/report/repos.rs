//! A vcstool manifest as text.
//!
//! Decides how values are spelled: a version is always quoted, so that every tool reads `1.10` as it is.

/// Returns the manifest of `entries` (path, type, url, version), in their order.
pub fn repos(entries: &[(&str, &str, &str, Option<&str>)]) -> String {
    if entries.is_empty() {
        return "repositories: {}\n".to_owned();
    }
    let entry = |(path, kind, url, version): &(&str, &str, &str, Option<&str>)| {
        let version = version.map_or(String::new(), |version| format!("    version: {}\n", quoted(version)));
        format!("  {}:\n    type: {kind}\n    url: {}\n{version}", plain(path), plain(url))
    };
    format!("repositories:\n{}", entries.iter().map(entry).collect::<String>())
}

/// Spells a text without quotes where no reader of YAML 1.1 or 1.2 can take it for anything else.
fn plain(text: &str) -> String {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "._/+@:-".contains(c)) && !text.ends_with(':');
    if starts && plain && !words.contains(&text.to_ascii_lowercase().as_str()) { text.to_owned() } else { quoted(text) }
}

/// A JSON string is a YAML one (YAML 1.2, section 1.3).
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("texts are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_read_otherwise_is_quoted() {
        for text in ["1.10", "0123456", "on", "No", "a b", "a: b", "x:", "#x", "*a", "", "~", "- a", "é"] {
            assert_eq!(plain(text), quoted(text), "{text}");
        }
        for text in
            ["core/nav2", "https://git.example/a.git", "git@git.example:a/b.git", "a-b_c".trim_end_matches("_c")]
        {
            assert_eq!(plain(text), text);
        }
        assert_eq!(repos(&[]), "repositories: {}\n");
    }
}
