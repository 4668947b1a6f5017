//! `rockerc.yaml`: the flags that rockerc gives to rocker.
//!
//! Decides what the file says, after rockerc 0.19: `image` or `dockerfile`, `args` (flags without dashes),
//! `extension-blacklist`, and any other key as a flag with its value. Leaves out what a flag means here
//! (`project/propose.rs`).

use std::collections::BTreeSet;

use super::YamlProblem;
use super::yaml::{self, Content, Node};
use crate::source::{Located, Source};

/// What a `rockerc.yaml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rockerc {
    /// The base image.
    pub image: Option<String>,
    /// The Dockerfile that the base is built from.
    pub dockerfile: Option<String>,
    /// Flags with their values, in the order of the file; without the blacklisted ones.
    pub flags: Vec<(String, Vec<String>)>,
}

/// Why a `rockerc.yaml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RockercProblem {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlProblem),
    /// A value that has another form.
    #[error("`{key}` must be {expected}")]
    Shape {
        /// The key; `rockerc.yaml` for the whole.
        key: String,
        /// What it must be, as a phrase.
        expected: &'static str,
    },
}

/// Returns what `source` says.
///
/// # Errors
/// Every value of another form, or the first place that is not YAML.
pub fn rockerc(source: &Source) -> Result<Rockerc, Vec<Located<RockercProblem>>> {
    let root = yaml::read(source).map_err(|Located { place, error }| vec![Located { place, error: error.into() }])?;
    let mut problems = Vec::new();
    let mut wrong = |node: &Node, key: &str, expected| {
        let key = key.to_owned();
        problems.push(Located::new(source, node.span.clone(), RockercProblem::Shape { key, expected }));
    };
    let (mut found, mut blacklist) = (Rockerc::default(), BTreeSet::new());
    match &root.content {
        Content::Null => {}
        Content::Mapping(pairs) => {
            for (key, value) in pairs {
                let (Some(key), values) = (key.text(), words(value)) else {
                    wrong(key, "a key", "text");
                    continue;
                };
                match (key, values) {
                    (_, None) => wrong(value, key, "text or a list of texts"),
                    ("image", Some(values)) => found.image = values.into_iter().next(),
                    ("dockerfile", Some(values)) => found.dockerfile = values.into_iter().next(),
                    ("extension-blacklist" | "extension_blacklist", Some(values)) => blacklist.extend(values),
                    ("args", Some(values)) => found.flags.extend(values.into_iter().map(|flag| (flag, Vec::new()))),
                    (key, Some(values)) => found.flags.push((key.to_owned(), values)),
                }
            }
        }
        _ => wrong(&root, "rockerc.yaml", "a mapping"),
    }
    found.flags.retain(|(flag, _)| !blacklist.contains(flag));
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// A text or a list of texts.
fn words(node: &Node) -> Option<Vec<String>> {
    match &node.content {
        Content::Null => Some(Vec::new()),
        Content::Text { text, .. } => Some(vec![text.clone()]),
        Content::Sequence(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
        Content::Mapping(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_values_and_the_blacklist_are_read() {
        let text = "image: ubuntu:22.04\nargs:\n  - x11\n  - user\n  - pulse\nextension-blacklist: [pulse]\nvolume: [./a:/a]\nname: robot\n";
        let found = rockerc(&Source::new("rockerc.yaml", text)).unwrap();
        assert_eq!(found.image.as_deref(), Some("ubuntu:22.04"));
        let flags: Vec<String> =
            found.flags.iter().map(|(flag, values)| format!("{flag}={}", values.join(","))).collect();
        assert_eq!(flags, ["x11=", "user=", "volume=./a:/a", "name=robot"]);
    }

    #[test]
    fn what_has_another_form_is_named_at_its_place() {
        let problems = rockerc(&Source::new("rockerc.yaml", "args: { x11: true }\nvolume: [[a]]\n")).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(rockerc(&Source::new("rockerc.yaml", "- x11\n")).is_err());
        assert_eq!(rockerc(&Source::new("rockerc.yaml", "")).unwrap(), Rockerc::default());
    }
}
