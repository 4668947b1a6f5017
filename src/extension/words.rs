//! Words that values of an extension may be: each check is of one word, so that no value is ever more than one.

pub(super) type Good = fn(&str) -> bool;

/// Whether `text` may be the name of an extension, an option or an input.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

/// A text that can never be more than one shell word, and never an option.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || "./~^=".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._+:/@%,=~^-".contains(c))
}

pub(super) fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_control() || c == '\u{E000}')
}

pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Debian policy §5.6.7 for names, with `=version` and `:architecture` as apt-get takes them.
pub(super) fn is_package(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+.-:~=_".contains(c))
}

/// Whether `text` can be the name of a user: what Debian's `useradd` takes without `--badname`.
pub fn is_account(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

pub(super) fn is_plain(part: &str) -> bool {
    part != ".." && part.chars().all(|c| c.is_ascii_alphanumeric() || "._+@-".contains(c))
}

pub(super) fn is_absolute(text: &str) -> bool {
    let parts = text.strip_prefix('/').map(|rest| rest.trim_end_matches('/').split('/'));
    parts.is_some_and(|mut parts| parts.all(|part| !matches!(part, "" | ".") && is_plain(part)))
}

pub(super) fn is_relative(text: &str) -> bool {
    let inner = text.trim_end_matches('/');
    text == "./" || !text.starts_with('/') && inner.split('/').all(|part| !matches!(part, "" | ".") && is_plain(part))
}
