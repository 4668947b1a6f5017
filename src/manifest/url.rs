//! Urls of repositories.
//!
//! Decides which urls a manifest may hold, and how they may appear in messages. What may stand in a lock is decided
//! there ([`deps_lock::Url`]: no credential, no option, no `ext::` helper that runs a command); this adds what a
//! manifest's author can get wrong. Leaves out resolving relative urls, and whether anything is there.

use deps_lock::{Url, ValueError};

use super::Kind;
use super::problem::shown;
use crate::source::{is_invisible, nearest};

/// Why a url is refused: the rest of a sentence that starts with its repository. Never repeats the url.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// It may not stand in a lock.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It has a space, a tab or a line break.
    #[error("holds a space")]
    Whitespace,
    /// A template that another tool was to fill in.
    #[error("holds a placeholder")]
    Template,
    /// A scheme that its kind of repository does not have.
    #[error("has the scheme `{scheme}`, which {kind} does not know")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// The kind of the repository.
        kind: Kind,
        /// The scheme that is nearest to it.
        suggestion: Option<String>,
    },
    /// Neither a url nor a path that says where it starts.
    #[error("has no scheme and does not start with `/`, `./` or `../`")]
    NotAUrl,
}

/// Returns `Ok` for a url that a repository of `kind` may have.
///
/// # Errors
///
/// Returns why it may not.
pub fn check(url: &str, kind: Kind) -> Result<(), UrlProblem> {
    // First, because placeholders of passwords are no passwords.
    if ["{{", "${", "$("].iter().any(|start| url.contains(start)) {
        return Err(UrlProblem::Template);
    }
    if has_secret(url) {
        return Err(ValueError::SecretInUrl.into());
    }
    Url::new(url)?;
    if url.contains(char::is_whitespace) {
        return Err(UrlProblem::Whitespace);
    }
    check_form(url, kind)
}

fn check_form(url: &str, kind: Kind) -> Result<(), UrlProblem> {
    let schemes = schemes(kind);
    match scheme(url) {
        Some(scheme) if schemes.contains(&scheme.to_ascii_lowercase().as_str()) => Ok(()),
        Some(scheme) => {
            let suggestion = nearest(&scheme.to_ascii_lowercase(), schemes.iter().copied()).map(Into::into);
            Err(UrlProblem::UnknownScheme { scheme: shown(scheme), kind, suggestion })
        }
        None if is_relative(url) || url.starts_with('/') => Ok(()),
        None if kind == Kind::Git && is_scp_like(url) => Ok(()),
        None if kind == Kind::Bzr && url.starts_with("lp:") => Ok(()),
        None => Err(UrlProblem::NotAUrl),
    }
}

/// Returns the schemes of `kind`: for git those of git-clone(1), for the others those that vcstool's clients take.
fn schemes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Git => &["https", "http", "ssh", "git", "file", "git+ssh", "ssh+git", "ftp", "ftps"],
        Kind::Hg => &["https", "http", "ssh", "file"],
        Kind::Svn => &["https", "http", "svn", "svn+ssh", "file"],
        Kind::Bzr => &["https", "http", "bzr", "bzr+ssh", "sftp", "file"],
        Kind::Tar | Kind::Zip => &["https", "http", "ftp", "file"],
    }
}

fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    let plain = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    plain.then_some(scheme)
}

/// Returns whether `url` is relative to the manifest's folder: `./x` or `../x`.
pub fn is_relative(url: &str) -> bool {
    matches!(url, "." | "..") || url.starts_with("./") || url.starts_with("../")
}

/// Returns whether `url` is an absolute path, or a `file:` url.
pub fn is_local(url: &str) -> bool {
    url.starts_with('/') || scheme(url).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file"))
}

/// Returns whether git reads `url` as `[user@]host:path`, a short form of `ssh://`: a colon before any slash
/// (git-clone(1)). One letter before it is a drive of Windows.
pub fn is_scp_like(url: &str) -> bool {
    let before = url.split('/').next().unwrap_or_default();
    let host = before.split_once(':').map_or("", |(host, _)| host);
    scheme(url).is_none() && host.len() > 1 && !url.contains("::")
}

/// Returns whether `url` holds a password or a token, by the rules of the lock; in doubt, it does.
pub fn has_secret(url: &str) -> bool {
    let visible: String = url.trim_start_matches('-').chars().filter(|&c| !is_invisible(c)).collect();
    if is_pinned_image(&visible) {
        return false;
    }
    Url::new(&visible) == Err(ValueError::SecretInUrl) || (visible.contains('@') && has_bad_port(&visible))
}

/// Returns whether `text` ends with the digest of an image: what stands before the `@` of `debian:12@sha256:…` is no password.
fn is_pinned_image(text: &str) -> bool {
    let Some((name, digest)) = text.split_once('@') else { return false };
    let hex = digest.trim_end_matches(['`', ':', '.', ';', ')']).strip_prefix("sha256:").unwrap_or_default();
    let is_digest = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest && !name.contains("://")
}

/// Returns whether a password with a `/`, `?` or `#` in it could end what looks like the host.
fn has_bad_port(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|_| !host.ends_with(']'));
    port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns `url` for a message: without user, password and query, and without the rest where a credential remains.
pub fn redacted(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url[..end].split_once("://").map_or(("", &url[..end]), |(scheme, rest)| (scheme, rest));
    let slash = rest.find('/').unwrap_or(rest.len());
    let host = rest[..slash].rfind('@').map_or(0, |at| at + 1);
    let separator = if scheme.is_empty() { "" } else { "://" };
    let bare = format!("{scheme}{separator}{}", &rest[host..]);
    if has_bad_port(&bare) || has_secret(&bare) { shown(&format!("{scheme}{separator}…")) } else { shown(&bare) }
}

/// Returns a line of a manifest for a diagnostic: where it holds a credential, everything from the url's `://` on is
/// `*`, character by character, so that columns stay.
pub fn masked(line: &str) -> String {
    let words = line.split(|c: char| c.is_whitespace() || "'\",[]{}".contains(c));
    let Some(secret) = words.into_iter().find(|word| has_secret(word)) else { return line.into() };
    let word = secret.as_ptr() as usize - line.as_ptr() as usize;
    let start = word + secret.find("://").map_or(0, |at| at + 3);
    let stars = line[start..].chars().map(|c| if c.is_whitespace() { c } else { '*' });
    line[..start].chars().chain(stars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_real_manifests_pass() {
        for (url, kind) in [
            ("https://github.com/ros2/rclcpp.git", Kind::Git),
            ("HTTPS://github.com/ros2/rclcpp.git", Kind::Git),
            ("git@github.com:ros2/rclcpp.git", Kind::Git),
            ("example.com:a.git", Kind::Git),
            ("ssh://git@example.com:2222/a.git", Kind::Git),
            ("https://someone@example.com/a.git", Kind::Git),
            ("git://example.com/a", Kind::Git),
            ("file:///srv/a.git", Kind::Git),
            ("/srv/a.git", Kind::Git),
            ("../a.git", Kind::Git),
            ("./a.git", Kind::Git),
            ("lp:a", Kind::Bzr),
            ("bzr+ssh://example.com/a", Kind::Bzr),
            ("svn+ssh://example.com/a", Kind::Svn),
            ("https://example.com/a.tar.gz", Kind::Tar),
        ] {
            assert_eq!(check(url, kind), Ok(()), "{url}");
        }
    }

    #[test]
    fn urls_that_run_commands_or_look_like_options_are_refused() {
        for url in ["ext::sh -c whoami", "fd::17/a", "-uhttps://x", "ssh://-oProxyCommand=x/a", "x@-oProxyCommand=x:a"]
        {
            assert!(matches!(check(url, Kind::Git), Err(UrlProblem::Value(_))), "{url}");
        }
    }

    #[test]
    fn urls_that_are_no_urls_are_refused() {
        assert_eq!(check("https://{{user}}:{{password}}@example.com/a", Kind::Git), Err(UrlProblem::Template));
        assert_eq!(check("https://example.com/${NAME}.git", Kind::Git), Err(UrlProblem::Template));
        assert_eq!(check("../a b.git", Kind::Git), Err(UrlProblem::Whitespace));
        assert_eq!(check("github.com/ros2/rclcpp", Kind::Git), Err(UrlProblem::NotAUrl));
        assert_eq!(check("c:/a.git", Kind::Git), Err(UrlProblem::NotAUrl));
        assert_eq!(check("git@example.com:a", Kind::Hg), Err(UrlProblem::NotAUrl));
    }

    #[test]
    fn a_misspelt_scheme_has_a_suggestion() {
        let Err(UrlProblem::UnknownScheme { scheme, suggestion, .. }) = check("hhttps://example.com/a", Kind::Git)
        else {
            panic!("the scheme is unknown")
        };
        assert_eq!((scheme.as_str(), suggestion.as_deref()), ("hhttps", Some("https")));
        assert!(check("svn://example.com/a", Kind::Git).is_err());
    }

    #[test]
    fn a_colon_before_any_slash_is_ssh() {
        for url in ["git@example.com:a/b.git", "example.com:a", "[::1]x:a"] {
            assert_eq!(is_scp_like(url), !url.contains("::"), "{url}");
        }
        for url in ["https://example.com/a:b", "/a:b", "./a:b", "c:/a", "ext::sh", "a"] {
            assert!(!is_scp_like(url), "{url}");
        }
    }

    #[test]
    fn paths_are_local_or_relative() {
        assert!(is_relative("./a") && is_relative("../a") && is_relative(".."));
        assert!(!is_relative("/a") && !is_relative(".a") && !is_relative("a/./b"));
        assert!(is_local("/a") && is_local("file:///a") && !is_local("./a") && !is_local("https://example.com/a"));
    }

    #[test]
    fn no_part_of_a_credential_is_shown() {
        for url in [
            "https://someone:hunter2@example.com/a.git",
            "https://hunter2:x-oauth-basic@example.com/a.git",
            "https://someone:hun/ter2@example.com/a.git",
            "https://someone:hunter2/@example.com/a.git",
            "https://someone:hunter2?@example.com/a.git",
            "someone:hunter2@example.com:a.git",
            "https://example.com/a?token=hunter2",
            "-https://someone:hunter2@example.com/a.git",
        ] {
            assert!(has_secret(url), "{url}");
            assert!(!redacted(url).contains("hun"), "{}", redacted(url));
            let line = format!("  url: '{url}'  # é");
            assert!(!masked(&line).contains("hun"), "{}", masked(&line));
            assert_eq!(masked(&line).chars().count(), line.chars().count());
        }
    }

    #[test]
    fn urls_without_credentials_keep_their_sense_in_messages() {
        assert_eq!(redacted("https://someone@example.com/a.git?x=1#y"), "https://example.com/a.git");
        assert_eq!(redacted("git@example.com:a.git"), "example.com:a.git");
        assert_eq!(redacted("../a.git"), "../a.git");
        assert_eq!(redacted("https://example.com/\u{1b}[31m"), "https://example.com/\\u{1b}[31m");
        let digest = format!("sha256:{}", "0a".repeat(32));
        for line in
            [format!("base = \"debian:12@{digest}\""), format!("cannot read `debian:12@{digest}`: no connection")]
        {
            assert_eq!(masked(&line), line);
        }
        let line = format!("https://someone:hunter2@{digest}");
        assert!(!masked(&line).contains("hunter2"), "{line}");
        let line = "  url: git@example.com:a.git  # see https://example.com/a";
        assert_eq!(masked(line), line);
    }
}
