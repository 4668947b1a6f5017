//! The strings of a lock, each a type that is checked when it is made.
//!
//! Decides what may stand in a lock: a value of these types holds no invisible character, looks like no option,
//! leaves no folder and carries no credential, whoever made it. Leaves out where the values stand (`entry`), and
//! what a url may look like (`url`).

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::url;

/// Why a string may not stand in a lock: the rest of a sentence that starts with its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A string without characters.
    #[error("is empty")]
    Empty,
    /// A control character, or one that hides or reorders what a reviewer sees.
    #[error("holds the invisible character U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
    /// A string that a program could take for an option.
    #[error("starts with `-`")]
    LeadingDash,
    /// Not a commit id.
    #[error("is `{0}`, not a commit id of 40 or 64 lowercase hexadecimal digits")]
    BadRev(String),
    /// Not a changeset id of Mercurial.
    #[error("is `{0}`, not a changeset id of 40 lowercase hexadecimal digits")]
    BadNode(String),
    /// Not a revision number of Subversion.
    #[error("is `{0}`, not a revision number")]
    BadNumber(String),
    /// Not a digest that this field takes.
    #[error("is `{found}`, not {expected}")]
    BadDigest {
        /// What it is, shortened.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Not a platform.
    #[error("is `{0}`, not a platform such as `linux-amd64`")]
    BadPlatform(String),
    /// A name that could lead out of its folder.
    #[error("{0}")]
    UnsafeName(&'static str),
    /// A url that a transport or a shell could misread.
    #[error("{0}")]
    UnsafeUrl(&'static str),
    /// A url with a password or a token. The message shows none of it.
    #[error("holds a credential")]
    SecretInUrl,
}

/// Makes a type of strings that pass `$check`.
macro_rules! checked_string {
    ($(#[$attribute:meta])* $name:ident, $check:path) => {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        $(#[$attribute])*
        pub struct $name(String);

        impl $name {
            /// Returns `text` as a value of this type.
            ///
            /// # Errors
            ///
            /// Returns why it is none.
            pub fn new(text: impl Into<String>) -> Result<Self, ValueError> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// Returns the string as it stands in the file.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                Self::new(text)
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

checked_string!(
    /// The name of an entry: a relative path with `/` between its parts, or `dest:path` in a project with several
    /// destinations.
    ///
    /// It has no `.git` among its parts, no `..` but at its beginning (which a project must allow), no backslash, and
    /// neither starts with `/` or `-`, before and after each `:`.
    Name,
    check_name
);

checked_string!(
    /// A folder of a repository, relative to its root: without `.`, `..`, `.git`, a backslash, a `:`, or `/` at its ends.
    #[schemars(extend("pattern" = "^[^-/:]([^:]*[^/:])?$"))]
    Folder,
    check_folder
);

checked_string!(
    /// A line of text that no program takes for an option: a version, a requirement, or what was asked for (`ref`).
    #[schemars(extend("pattern" = "^[^-]"))]
    Text,
    check_text
);

checked_string!(
    /// A git commit id in full: 40 lowercase hexadecimal digits, or 64 in a SHA-256 repository.
    #[schemars(extend("pattern" = "^([0-9a-f]{40}|[0-9a-f]{64})$"))]
    Rev,
    check_rev
);

checked_string!(
    /// A changeset id of Mercurial in full: 40 lowercase hexadecimal digits.
    #[schemars(extend("pattern" = "^[0-9a-f]{40}$"))]
    Node,
    check_node
);

checked_string!(
    /// A revision number of Subversion: decimal digits, at most 10, without zeros before them.
    #[schemars(extend("pattern" = "^(0|[1-9][0-9]{0,9})$"))]
    Number,
    check_number
);

checked_string!(
    /// A SHA-256 digest, `sha256:<64 lowercase hex>`.
    #[schemars(extend("pattern" = "^sha256:[0-9a-f]{64}$"))]
    Sha256,
    check_sha256
);

checked_string!(
    /// A digest of our own hashing, `b3:<64 lowercase hex>` (BLAKE3), or `sha256:<64 lowercase hex>`.
    #[schemars(extend("pattern" = "^(b3|sha256):[0-9a-f]{64}$"))]
    Digest,
    check_digest
);

checked_string!(
    /// A platform as a bare TOML key: `linux-amd64`, `linux-arm-v7`; Docker writes `/` for `-`.
    #[schemars(extend("pattern" = "^(linux|windows)-[a-z0-9]+(-v[0-9]+)?$"))]
    Platform,
    check_platform
);

checked_string!(
    /// Where something is fetched from: a url, git's `user@host:path`, or a path.
    ///
    /// It holds no credential: no password, no token in the user's place, no query such as `?token=`.
    #[schemars(extend("pattern" = "^[^-]"))]
    Url,
    check_url
);

fn check_url(url: &str) -> Result<(), ValueError> {
    check_text(url)?;
    url::check(url)
}

fn check_name(name: &str) -> Result<(), ValueError> {
    check_text(name)?;
    if name.contains('\\') {
        return Err(ValueError::UnsafeName("holds a backslash"));
    }
    name.split(':').try_for_each(check_path)
}

fn check_folder(folder: &str) -> Result<(), ValueError> {
    check_name(folder)?;
    match folder.split('/').any(|part| matches!(part, "" | "." | "..")) || folder.contains(':') {
        true => Err(ValueError::UnsafeName("is no plain folder of a repository")),
        false => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), ValueError> {
    check_text(path)?;
    if path.starts_with('/') {
        return Err(ValueError::UnsafeName("is an absolute path"));
    }
    let below = path.trim_start_matches("../");
    if below == ".." {
        return Err(ValueError::UnsafeName("is a folder above"));
    }
    for part in below.split('/') {
        if part == ".." {
            return Err(ValueError::UnsafeName("leads out of its folder with `..`"));
        }
        if part.eq_ignore_ascii_case(".git") {
            return Err(ValueError::UnsafeName("leads into a `.git` folder"));
        }
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if text.starts_with('-') {
        return Err(ValueError::LeadingDash);
    }
    text.chars().find(|&c| is_invisible(c)).map_or(Ok(()), |c| Err(ValueError::ControlCharacter(c)))
}

fn check_rev(rev: &str) -> Result<(), ValueError> {
    if is_hex(rev, 40) || is_hex(rev, 64) { Ok(()) } else { Err(ValueError::BadRev(shown(rev))) }
}

fn check_node(node: &str) -> Result<(), ValueError> {
    if is_hex(node, 40) { Ok(()) } else { Err(ValueError::BadNode(shown(node))) }
}

fn check_number(number: &str) -> Result<(), ValueError> {
    let digits = is_word(number, |c| c.is_ascii_digit()) && number.len() <= 10;
    let plain = number == "0" || !number.starts_with('0');
    if digits && plain { Ok(()) } else { Err(ValueError::BadNumber(shown(number))) }
}

fn check_sha256(digest: &str) -> Result<(), ValueError> {
    let expected = "`sha256:` and 64 lowercase hexadecimal digits";
    match digest.strip_prefix("sha256:") {
        Some(hex) if is_hex(hex, 64) => Ok(()),
        _ => Err(ValueError::BadDigest { found: shown(digest), expected }),
    }
}

fn check_digest(digest: &str) -> Result<(), ValueError> {
    let expected = "`b3:` or `sha256:` and 64 lowercase hexadecimal digits";
    match digest.split_once(':') {
        Some(("b3" | "sha256", hex)) if is_hex(hex, 64) => Ok(()),
        _ => Err(ValueError::BadDigest { found: shown(digest), expected }),
    }
}

fn check_platform(platform: &str) -> Result<(), ValueError> {
    let mut parts = platform.split('-');
    let system = matches!(parts.next(), Some("linux" | "windows"));
    let machine = parts.next().is_some_and(|part| is_word(part, |c| c.is_ascii_lowercase() || c.is_ascii_digit()));
    let variant = parts
        .next()
        .is_none_or(|part| part.strip_prefix('v').is_some_and(|number| is_word(number, |c| c.is_ascii_digit())));
    let known = system && machine && variant && parts.next().is_none();
    if known { Ok(()) } else { Err(ValueError::BadPlatform(shown(platform))) }
}

fn is_word(text: &str, allowed: fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns whether `c` is a control character, or one that changes how a line looks without being seen ("Trojan Source",
/// CVE-2021-42574): zero-width characters, line separators, marks of direction, tags.
pub(crate) fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let formats = ['\u{ad}', '\u{61c}', '\u{feff}'];
    let ranges = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{e0000}'..='\u{e007f}'];
    c.is_control() || formats.contains(&c) || ranges.iter().any(|range| range.contains(&c))
}

/// Returns `text` for a message: on one line, without invisible characters, at most 80 characters of it, and nothing of
/// one that holds a credential.
pub(crate) fn shown(text: &str) -> String {
    if text.split_whitespace().any(|word| url::check(word) == Err(ValueError::SecretInUrl)) {
        return "…".to_owned();
    }
    let escape = |c: char| if is_invisible(c) { c.escape_unicode().to_string() } else { c.to_string() };
    let mut shown: String = text.chars().take(80).map(escape).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for name in
            ["ros2/rclcpp", "overlay:core/nav2", ".", "a..b", "雪/é", "git", ".github", "a b", "../x", "o:../../x"]
        {
            Name::new(name).unwrap();
        }
        for name in [
            "",
            "/etc",
            "a/../b",
            "..",
            "../..",
            "../a/../b",
            ".././../x",
            "../.git",
            "overlay:/x",
            "overlay:",
            "a\\b",
            "-x",
            "o:-x",
            "a\nb",
        ] {
            Name::new(name).unwrap_err();
        }
        assert_eq!(Name::new("a/.GIT/hooks"), Err(ValueError::UnsafeName("leads into a `.git` folder")));
    }

    #[test]
    fn a_folder_stays_in_its_repository() {
        for folder in ["team", "tools/team", "a..b", "雪/é"] {
            Folder::new(folder).unwrap();
        }
        for folder in
            ["", ".", "..", "../x", "a/../b", "/etc", "a//b", "a/", "./a", "-x", ".git", "a\\b", "a:b", "a\nb"]
        {
            Folder::new(folder).unwrap_err();
        }
    }

    #[test]
    fn a_rev_is_a_whole_commit_id() {
        for length in [40, 64] {
            Rev::new("a".repeat(length)).unwrap();
        }
        for rev in ["main".to_owned(), "A".repeat(40), "a".repeat(39), "a".repeat(41), "é".repeat(20)] {
            assert!(matches!(Rev::new(rev), Err(ValueError::BadRev(_))));
        }
    }

    #[test]
    fn only_a_digest_of_our_own_may_be_blake3() {
        let hex = "0".repeat(64);
        Digest::new(format!("b3:{hex}")).unwrap();
        Digest::new(format!("sha256:{hex}")).unwrap();
        Sha256::new(format!("sha256:{hex}")).unwrap();
        Sha256::new(format!("b3:{hex}")).unwrap_err();
        Digest::new(format!("md5:{hex}")).unwrap_err();
        Digest::new(hex).unwrap_err();
    }

    #[test]
    fn a_platform_has_a_system_a_machine_and_at_most_a_variant() {
        for platform in ["linux-amd64", "linux-386", "linux-arm-v7", "windows-amd64"] {
            Platform::new(platform).unwrap();
        }
        for platform in ["linux", "linux-", "linux/amd64", "linux-arm-7", "linux-arm-v", "linux-arm-v7-x", "url", "ref"]
        {
            Platform::new(platform).unwrap_err();
        }
    }

    #[test]
    fn text_shows_all_that_it_holds() {
        Text::new("feature/größe 2").unwrap();
        assert_eq!(Text::new("main\u{202e}"), Err(ValueError::ControlCharacter('\u{202e}')));
        assert_eq!(Text::new("main\u{7f}").unwrap_err().to_string(), "holds the invisible character U+007F");
        assert_eq!(Text::new("--upload-pack=x"), Err(ValueError::LeadingDash));
    }
}
