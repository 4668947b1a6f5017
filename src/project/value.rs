//! What single values of `deps.toml` may look like. Every rule here keeps a value from becoming an option of a
//! program, an instruction of a Dockerfile or a path outside its root.

use std::fmt;

/// A platform in Docker's spelling, `os/architecture[/variant]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Reads `os/architecture[/variant]`; none when `text` is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let parts: Vec<&str> = text.split('/').collect();
        match (parts.iter().all(word), parts.as_slice()) {
            (true, [os, architecture]) => Some(Self::of(os, architecture, None)),
            (true, [os, architecture, variant]) => Some(Self::of(os, architecture, Some(variant))),
            _ => None,
        }
    }

    fn of(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.map(str::to_owned) }
    }

    /// Returns the architecture alone, in Docker's spelling: `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Returns the variant, where it has one: `v7`.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }
}

impl Default for Platform {
    /// Returns `linux/amd64`, never the host's platform: the same project plans the same everywhere.
    fn default() -> Self {
        Self::of("linux", "amd64", None)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

fn starts_and_goes_on(text: &str, start: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(start) && chars.all(rest)
}

fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

pub(super) fn is_image_name(text: &str) -> bool {
    starts_and_goes_on(text, lower, |c| lower(c) || "._-".contains(c))
}

pub(super) fn is_stage_word(text: &str) -> bool {
    starts_and_goes_on(text, lower, |c| lower(c) || c == '-')
}

pub(super) fn is_extension_name(text: &str) -> bool {
    starts_and_goes_on(text, |c| c.is_ascii_lowercase(), |c| lower(c) || "_-".contains(c))
}

pub(super) fn is_variable(text: &str) -> bool {
    starts_and_goes_on(text, |c| c.is_ascii_alphabetic() || c == '_', |c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `text` has the characters of an image reference; the registry decides whether there is such an image.
pub(super) fn is_image_reference(text: &str) -> bool {
    starts_and_goes_on(text, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
}

/// Whether a path of the project, or a glob over it, stays inside the project.
pub fn stays_inside(path: &str) -> bool {
    let plain = !path.is_empty() && !path.starts_with(['/', '-']) && !path.contains('\\');
    plain && !path.chars().any(char::is_control) && !path.split('/').any(|part| part == "..")
}

/// Returns an absolute folder of the image without a trailing slash, when `path` is one in plain words.
pub(super) fn image_folder(path: &str) -> Option<String> {
    let parts = path.strip_prefix('/')?.trim_end_matches('/').split('/');
    let good = |part: &str| {
        !matches!(part, "" | "." | "..") && part.chars().all(|c| c.is_ascii_alphanumeric() || "._+-@".contains(c))
    };
    let parts: Vec<&str> = parts.collect();
    parts.iter().all(|part| good(part)).then(|| format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_folders_are_plain_and_absolute() {
        assert_eq!(image_folder("/ws/src//"), Some("/ws/src".to_owned()));
        for bad in ["", "/", "ws", "/ws/../etc", "/ws src", "/ws/$HOME", "/ws\n/x", "/a//b"] {
            assert_eq!(image_folder(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn paths_that_leave_the_project_are_told_from_those_that_stay() {
        assert!(stays_inside("a/**/*.repos") && stays_inside("./a..b"));
        for bad in ["", "/a", "../a", "a/../../b", "-a", "a\\b", "a\nb"] {
            assert!(!stays_inside(bad), "{bad:?}");
        }
    }
}
