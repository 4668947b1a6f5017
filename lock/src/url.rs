//! Which urls a lock may hold.
//!
//! Decides what counts as a credential, and as a url that git or curl could misread as an option or a program. Both
//! lists refuse too much rather than too little: whoever is refused can use a credential helper. Leaves out whether
//! anything is at the url.

use crate::value::ValueError;

/// Beginnings of tokens of forges, registries and JSON web tokens, in lowercase.
const TOKENS: [&str; 17] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glcbt-",
    "glrt-",
    "atbb",
    "atctt",
    "npm_",
    "pypi-",
    "hf_",
    "dckr_pat_",
    "eyj",
];

/// Words that make the name of a query parameter a secret's wherever they stand in it …
const SECRET: [&str; 9] =
    ["token", "secret", "password", "passwd", "credential", "signature", "apikey", "accesskey", "authorization"];

/// … and those that do as a whole word only: `design` and `author` are harmless.
const SECRET_WORDS: [&str; 7] = ["key", "auth", "sig", "pass", "pwd", "pat", "jwt"];

/// Returns `Ok` for a url that is safe to write down and to hand to git.
///
/// # Errors
///
/// [`ValueError::SecretInUrl`] and [`ValueError::UnsafeUrl`], neither of which repeats the url.
pub(crate) fn check(url: &str) -> Result<(), ValueError> {
    let parts = Parts::of(url);
    if parts.has_secret() || url.split(|c| !is_token_character(c)).any(starts_like_token) {
        return Err(ValueError::SecretInUrl);
    }
    parts.danger().map_or(Ok(()), |danger| Err(ValueError::UnsafeUrl(danger)))
}

/// The parts of a url that matter here, borrowed from it.
struct Parts<'a> {
    url: &'a str,
    /// None for git's `user@host:path` and for paths.
    scheme: Option<&'a str>,
    /// What stands before the `@`; for `user@host:path` up to the *first* one.
    user: Option<&'a str>,
    /// Host and port.
    host: &'a str,
    /// Everything after the first `?` or `#`.
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let query = url.find(['?', '#']).map_or("", |at| &url[at + 1..]);
        let (scheme, rest) = url.split_once("://").map_or((None, url), |(scheme, rest)| (Some(scheme), rest));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let split = if scheme.is_some() { authority.rsplit_once('@') } else { authority.split_once('@') };
        let (user, host) = split.map_or((None, authority), |(user, host)| (Some(user), host));
        Self { url, scheme, user, host, query }
    }

    fn has_secret(&self) -> bool {
        let web = self.scheme.is_some_and(|scheme| scheme.to_ascii_lowercase().starts_with("http"));
        let by_user = self.user.is_some_and(|user| {
            user.contains(':') || user.to_ascii_lowercase().contains("%3a") || (web && is_random(user))
        });
        by_user || self.query.split(['&', ';', '?', '#']).any(is_secret_parameter)
    }

    fn danger(&self) -> Option<&'static str> {
        if is_helper(self.url) {
            return Some("names a transport helper, which is a program");
        }
        if self.host.starts_with('-') || self.user.is_some_and(|user| user.starts_with('-')) {
            return Some("has a host or a user that starts with `-`");
        }
        self.scheme?;
        if self.url.contains(|c: char| c.is_whitespace() || c == '\\') {
            return Some("holds a space or a backslash");
        }
        let port = self.host.rsplit_once(':').map(|(_, port)| port).filter(|_| !self.host.ends_with(']'));
        port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some("has a port that is no number")
    }
}

/// Returns whether git would start `git-remote-<name>` for `<name>::<address>`; `ext::` runs any command (gitremote-helpers(7)).
fn is_helper(url: &str) -> bool {
    url.split_once("::").is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)))
}

/// Returns whether `parameter`, a `name=value` of a query, is one that holds a secret.
fn is_secret_parameter(parameter: &str) -> bool {
    let Some((name, _)) = parameter.split_once('=') else { return false };
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| SECRET_WORDS.contains(&word))
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn starts_like_token(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.len() >= 20
        && word.contains(|c: char| c.is_ascii_digit())
        && TOKENS.iter().any(|token| word.starts_with(token))
}

/// Returns whether `user` is more likely a token than a person: long, with digits and letters, without punctuation.
fn is_random(user: &str) -> bool {
    user.len() >= 20
        && user.chars().all(is_token_character)
        && user.contains(|c: char| c.is_ascii_digit())
        && user.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_without_credentials_pass() {
        for url in [
            "https://github.com/ros2/rclcpp.git",
            "https://user@example.com/a.git",
            "https://user%40example.com@dev.azure.com/org/a",
            "ssh://git@example.com:2222/a.git",
            "ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.example.com/a",
            "git@github.com:ros2/rclcpp.git",
            "example.com:a.git",
            "file:///srv/git/a.git",
            "../a b.git",
            "https://[::1]:8080/a.git",
            "https://[::1]/a.git",
            "https://example.com/a.tar.gz?design=1&author=me#readme",
            "https://example.com/tool-{arch}.tar.gz",
            "https://github.com/acme/npm_config_for_everybody.git",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn credentials_are_found_wherever_they_stand() {
        for url in [
            "https://user:hunter2@example.com/a.git",
            "https://user:p@ss@example.com/a.git",
            "https://user%3Ahunter2@example.com/a.git",
            "https://token:@example.com/a.git",
            "https://0123456789abcdef0123@example.com/a.git",
            "ssh://ghp_0123456789abcdefABCDEF@example.com/a.git",
            "https://example.com/ghp_0123456789abcdefABCDEF/a.git",
            "user:hunter2@example.com:a.git",
            "https://example.com/a?private_token=x",
            "https://example.com/a?x=1&X-Amz-Signature=0",
            "https://example.com/a?sig=0",
            "https://example.com/a?api-key=0",
            "https://example.com/a#access_token=0",
        ] {
            assert_eq!(check(url), Err(ValueError::SecretInUrl), "{url}");
        }
    }

    #[test]
    fn urls_that_a_program_could_misread_are_refused() {
        for url in [
            "ext::sh -c whoami",
            "fd::17",
            "ssh://-oProxyCommand=x/a",
            "ssh://-x@example.com/a",
            "git@-oProxyCommand=x:a",
            "https://example.com/a b",
            "https://example.com\\@evil.example/a",
            "https://user:pass/word@example.com/a",
        ] {
            assert!(matches!(check(url), Err(ValueError::UnsafeUrl(_))), "{url}");
        }
    }
}
