//! `[apt]` of an extension: Debian packages, and the repositories that they come from besides those of the base.
//!
//! Decides which repositories there may be: every value is one word of the file that apt reads, and never another line of
//! it. Leaves out that file, and the step that installs (`plan/apt.rs`).

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Render;
use super::words;
use super::{File, Input, Problem};
use crate::source::Spanned;

/// `[apt]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AptTable {
    /// Packages of the builder stage. One that a template makes empty is left out.
    #[serde(default)]
    pub builder: Vec<Spanned<String>>,
    /// Packages of the final image, likewise.
    #[serde(default)]
    pub runtime: Vec<Spanned<String>>,
    /// Extensions whose repositories the builder's packages may come from, too, where a project has them.
    #[serde(default, rename = "repositories-of")]
    pub repositories_of: Vec<Spanned<String>>,
    /// Repositories that packages come from besides those of the base. They stay in the image.
    #[serde(default)]
    pub repository: Vec<Spanned<RepositoryTable>>,
}

/// `[[apt.repository]]`: a repository of Debian packages. All values are templates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepositoryTable {
    /// Its name, a part of the names of files in `/etc/apt/sources.list.d` and `/usr/share/keyrings`. Default: the extension's.
    pub name: Option<Spanned<String>>,
    /// Where it is: an http or https url without credentials.
    pub url: Spanned<String>,
    /// The suite, like `noble`; one that ends with `/` is a folder, and has no components.
    pub suite: Spanned<String>,
    /// The components. Default: `main`.
    pub components: Option<Vec<Spanned<String>>>,
    /// Architectures as Debian calls them, like `amd64`. Default: the image's.
    #[serde(default)]
    pub architectures: Vec<Spanned<String>>,
    /// The OpenPGP public key that signs it: a file of the extension, armored or binary.
    pub key: Option<Spanned<String>>,
    /// Instead of `key`: the input, a `url`, that is the key. One that ends with `.gpg` is binary, any other armored.
    pub key_input: Option<Spanned<String>>,
}

/// A repository of Debian packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AptRepository {
    /// Its name.
    pub name: String,
    /// Its url, http or https.
    pub url: String,
    /// The suite; a folder when it ends with `/`.
    pub suite: String,
    /// The components, none for a folder.
    pub components: Vec<String>,
    /// The architectures; the image's when empty.
    pub architectures: Vec<String>,
    /// What signs it.
    pub key: AptKey,
    /// Whether the key is binary (`.gpg`), not armored (`.asc`).
    pub is_binary: bool,
}

/// As apt's one-line form has it, but for the key: `http://packages.example noble main`.
impl fmt::Display for AptRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, suite, components, architectures, .. } = self;
        let words = [url, suite].into_iter().chain(components).map(String::as_str);
        f.write_str(&words.collect::<Vec<_>>().join(" "))?;
        if architectures.is_empty() { Ok(()) } else { write!(f, " [{}]", architectures.join(" ")) }
    }
}

/// The public key of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AptKey {
    /// A file of the extension.
    File(File),
    /// An input of the extension.
    Input(String),
}

/// How an armored key begins (RFC 9580 §6.2).
const ARMOR: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";

impl Render<'_> {
    /// Renders `[[apt.repository]]`, sorted by name.
    pub(super) fn repositories(&mut self, table: &AptTable, inputs: &BTreeMap<String, Input>) -> Vec<AptRepository> {
        let mut found: BTreeMap<String, AptRepository> = BTreeMap::new();
        for table in &table.repository {
            let Some(repository) = self.repository(table, inputs) else { continue };
            let name = repository.name.clone();
            if found.insert(name.clone(), repository).is_some() {
                self.problems.push(table, Problem::RepositoryTwice { name });
            }
        }
        found.into_values().collect()
    }

    fn repository(&mut self, at: &Spanned<RepositoryTable>, inputs: &BTreeMap<String, Input>) -> Option<AptRepository> {
        let RepositoryTable { name, url, suite, components, architectures, key: _, key_input: _ } = &at.value;
        let name = match name {
            Some(name) => self.value(name, words::is_name, "a name (`[a-z][a-z0-9_-]*`)"),
            None => self.extension.name.clone(),
        };
        let url = self.url(url);
        let suite = self.value(suite, is_suite, "a suite like `noble`, or a folder like `./`");
        let components = match components {
            Some(components) => self.components(components, &suite),
            None if suite.ends_with('/') => Vec::new(),
            None => vec!["main".to_owned()],
        };
        let architectures = self.list(architectures, is_architecture, "an architecture like `amd64`");
        let (key, is_binary) = self.key(at, &name, inputs)?;
        Some(AptRepository { name, url, suite, components, architectures, key, is_binary })
    }

    /// One that is no good may hold a credential.
    fn url(&mut self, text: &Spanned<String>) -> String {
        let url = self.value(text, |_| true, "a url");
        if !is_url(&url) {
            let expected = "the url of a repository: http or https, without user, query and spaces";
            let shown = if url.contains('@') { "…".to_owned() } else { url.clone() };
            self.problems.push(text, Problem::BadValue { text: shown, expected });
        }
        url
    }

    fn components(&mut self, components: &[Spanned<String>], suite: &str) -> Vec<String> {
        if let Some(first) = components.first().filter(|_| suite.ends_with('/')) {
            let why = "a suite that ends with `/` has none";
            self.problems.push(first, Problem::IdleKey { key: "components", why });
        }
        self.list(components, is_component, "a component like `main`")
    }

    /// The key, and whether it is binary.
    fn key(
        &mut self,
        at: &Spanned<RepositoryTable>,
        name: &str,
        inputs: &BTreeMap<String, Input>,
    ) -> Option<(AptKey, bool)> {
        let mut refuse = |span, why| {
            let problem = Problem::BadKey { name: name.to_owned(), why };
            self.problems.push(&Spanned { value: (), span }, problem);
            None
        };
        match (&at.value.key, &at.value.key_input) {
            (Some(key), None) => {
                let Some(file) = self.extension.files.iter().find(|file| file.path == key.value) else {
                    return refuse(key.span, "is no file of the extension");
                };
                let is_binary = !file.content.trim_ascii_start().starts_with(ARMOR);
                if is_binary && !file.content.first().is_some_and(|first| is_public_key(*first)) {
                    return refuse(key.span, "is no OpenPGP public key, armored or binary");
                }
                Some((AptKey::File(file.clone()), is_binary))
            }
            (None, Some(input)) => match inputs.get(&input.value) {
                Some(Input::Url(url)) => Some((AptKey::Input(input.value.clone()), url.example().ends_with(".gpg"))),
                _ => refuse(input.span, "is no input of the extension with a `url`"),
            },
            _ => refuse(at.span, "must be one of `key` and `key-input`"),
        }
    }
}

/// Whether a packet that begins so is a public key: tag 6, in the old or the new format (RFC 9580 §4.2).
fn is_public_key(first: u8) -> bool {
    (0x98..=0x9b).contains(&first) || first == 0xc6
}

/// A url in which nothing is special to apt: no space, no brackets, no user.
fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:_".contains(c))
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/%+,=@".contains(c))
}

fn is_suite(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || "./".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/+~".contains(c))
}

fn is_component(text: &str) -> bool {
    is_suite(text) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_architecture(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_become_another_line_or_option() {
        for good in ["http://packages.ros.org/ros2/ubuntu", "https://x.org:8080/a~b/", "http://127.0.0.1:80"] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "http://",
            "http:///a",
            "ftp://x.org/a",
            "file:///etc",
            "cdrom:[x]/",
            "http://ada:hunter2@x.org/a",
            "http://ada@x.org/a",
            "http://x.org/a b",
            "http://x.org/a\nTrusted: yes",
            "http://x.org/a?b",
            "http://x.org/[trusted=yes]",
            "http://-o/a",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
        assert!(is_suite("noble") && is_suite("/") && is_suite("./") && is_suite("stable/updates"));
        for bad in ["", "-t", "noble main", "noble\nTrusted: yes", "noble\t", "$(RELEASE)"] {
            assert!(!is_suite(bad), "{bad}");
        }
        assert!(is_component("main") && is_component("non-free/x") && !is_component("/") && !is_component("a b"));
        assert!(is_architecture("amd64") && is_architecture("kfreebsd-amd64") && !is_architecture("amd64 arm64"));
    }

    #[test]
    fn binary_keys_are_told_by_their_first_byte() {
        assert!(is_public_key(0x99) && is_public_key(0xc6));
        // A secret key, a signature, text, and a compressed packet.
        assert!(![0x95, 0xc5, 0x89, b'm', 0xa3].into_iter().any(is_public_key));
    }
}
