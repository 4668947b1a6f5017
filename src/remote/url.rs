//! Repository URLs: which ones may be asked at all, how they are shown, and how relative ones are resolved.
//!
//! Decides that nothing reaches a process or a library that could be an option, another transport (`ext::`) or a relative
//! path. Leaves out `insteadOf`: that is git's own business, and this user's. Pure.

/// How a repository is reached, as its URL says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `http://`.
    Http,
    /// `https://`.
    Https,
    /// `ssh://` or `user@host:path`.
    Ssh,
    /// `git://` and `svn://`.
    Git,
    /// `file://` or an absolute path.
    Local,
}

/// Why a URL is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadUrl {
    /// It begins with `-`, or its host or path does.
    #[error("could be taken for an option")]
    Option,
    /// It has a space or an invisible character in it.
    #[error("has a space or a control character in it")]
    Character,
    /// `ext::`, `fd::` and other programs that git would start.
    #[error("names a helper program instead of a repository")]
    Helper,
    /// A path that depends on the working directory.
    #[error("is neither a URL nor an absolute path")]
    Relative,
    /// A scheme that no transport has.
    #[error("has an unknown scheme")]
    Scheme,
    /// No host.
    #[error("has no host")]
    Host,
    /// A relative URL climbs above its parent's host.
    #[error("climbs above the repository that it is relative to")]
    Climbs,
    /// A repository from the network names one on this machine.
    #[error("leads from a repository on the network to one on this machine")]
    Inward,
}

/// Returns how `url` is reached.
///
/// # Errors
/// When nobody may be asked for it.
pub(crate) fn scheme(url: &str) -> Result<Scheme, BadUrl> {
    if url.starts_with('-') {
        return Err(BadUrl::Option);
    }
    if url.chars().any(|c| c.is_control()) || url.trim() != url || url.is_empty() {
        return Err(BadUrl::Character);
    }
    if url.starts_with('/') {
        return Ok(Scheme::Local);
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        return with_scheme(scheme, rest, &GIT_SCHEMES);
    }
    if url.split_once("::").is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')) {
        return Err(BadUrl::Helper);
    }
    short_ssh(url)
}

/// Returns how the archive at `url` is reached.
///
/// # Errors
/// When nobody may be asked for it.
pub(crate) fn archive_scheme(url: &str) -> Result<Scheme, BadUrl> {
    other_scheme(url, &[("http", Scheme::Http), ("https", Scheme::Https)])
}

/// Returns how the Mercurial or Subversion repository at `url` is reached.
///
/// # Errors
/// When nobody may be asked for it.
pub(crate) fn system_scheme(url: &str) -> Result<Scheme, BadUrl> {
    let ssh = [("ssh", Scheme::Ssh), ("svn+ssh", Scheme::Ssh), ("svn", Scheme::Git)];
    other_scheme(url, &[&ssh[..], &[("http", Scheme::Http), ("https", Scheme::Https)]].concat())
}

fn other_scheme(url: &str, known: &[(&str, Scheme)]) -> Result<Scheme, BadUrl> {
    match scheme(url) {
        Ok(Scheme::Local) => Ok(Scheme::Local),
        Err(bad) if !matches!(bad, BadUrl::Scheme) => Err(bad),
        _ => match url.split_once("://") {
            Some((scheme, rest)) => with_scheme(scheme, rest, known),
            None => Err(BadUrl::Relative),
        },
    }
}

/// How git reaches repositories.
const GIT_SCHEMES: [(&str, Scheme); 6] = [
    ("http", Scheme::Http),
    ("https", Scheme::Https),
    ("ssh", Scheme::Ssh),
    ("git+ssh", Scheme::Ssh),
    ("ssh+git", Scheme::Ssh),
    ("git", Scheme::Git),
];

fn with_scheme(scheme: &str, rest: &str, known: &[(&str, Scheme)]) -> Result<Scheme, BadUrl> {
    if scheme.contains("::") {
        return Err(BadUrl::Helper);
    }
    if scheme.eq_ignore_ascii_case("file") {
        return if rest.starts_with('/') { Ok(Scheme::Local) } else { Err(BadUrl::Host) };
    }
    let known = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme));
    let scheme = known.map(|(_, scheme)| *scheme).ok_or(BadUrl::Scheme)?;
    if rest.contains(' ') {
        return Err(BadUrl::Character);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let path = &rest[authority.len()..];
    match () {
        () if user.starts_with('-') || host.starts_with('-') || path.starts_with("/-") => Err(BadUrl::Option),
        () if host.is_empty() || host.starts_with(':') => Err(BadUrl::Host),
        () => Ok(scheme),
    }
}

/// Reads `[user@]host:path`, git's short form of ssh URLs.
fn short_ssh(url: &str) -> Result<Scheme, BadUrl> {
    let Some((authority, path)) = url.split_once(':') else { return Err(BadUrl::Relative) };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match () {
        () if authority.contains('/') => Err(BadUrl::Relative),
        () if host.is_empty() || path.is_empty() => Err(BadUrl::Host),
        () if host.starts_with('-') || path.starts_with('-') => Err(BadUrl::Option),
        () => Ok(Scheme::Ssh),
    }
}

/// Returns the host of a URL with a scheme, without user and port.
pub(crate) fn host(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => host.split(':').next(),
    }
}

/// Whether `host` is this machine by its own name or address: the only place where plain http may carry secrets.
pub(crate) fn is_loopback(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Returns what is secret in `url`: its password, or a user name that stands alone as tokens do.
pub(crate) fn secrets(url: &str) -> Vec<&str> {
    let Some(authority) = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()) else {
        return Vec::new();
    };
    let Some((user, _)) = authority.rsplit_once('@') else { return Vec::new() };
    let secret = user.split_once(':').map_or(user, |(_, password)| password);
    // A name such as `git` is none, and may well be part of what a server says.
    if secret.len() < 8 && !user.contains(':') || secret.is_empty() { Vec::new() } else { vec![secret] }
}

/// Returns `text` without user names, passwords and queries of the URLs in it.
pub(crate) fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>')).unwrap_or(after.len());
        shown.push_str(&without_secrets(&after[..end]));
        rest = &after[end..];
    }
    shown + rest
}

/// Takes user and query from what follows `://`. A password may contain `/`, so the last `@` of all counts.
fn without_secrets(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, ""), |(url, _)| (url, "?…"));
    let authority = url.split('/').next().unwrap_or_default();
    let user_ends = match authority.rfind('@') {
        Some(at) => Some(at),
        // `user:pass/word@host`: the part before the slash has a colon but is no host with a port.
        None if authority.split_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_err()) => url.rfind('@'),
        None => None,
    };
    format!("{}{query}", user_ends.map_or(url, |at| &url[at + 1..]))
}

/// Returns the URL of a submodule: `url` itself, or resolved against its parent's, as `git submodule` does.
///
/// # Errors
/// When the result may not be asked, or leads from the network into this machine.
pub(crate) fn submodule(parent: &str, url: &str) -> Result<String, BadUrl> {
    let resolved =
        if url.starts_with("./") || url.starts_with("../") { relative(parent, url)? } else { url.to_owned() };
    if scheme(&resolved)? == Scheme::Local && scheme(parent)? != Scheme::Local {
        return Err(BadUrl::Inward);
    }
    Ok(resolved)
}

/// After `relative_url` of git's `remote.c`.
fn relative(parent: &str, url: &str) -> Result<String, BadUrl> {
    let (mut base, mut rest, mut separator) = (parent.trim_end_matches('/'), url, '/');
    loop {
        if let Some(below) = rest.strip_prefix("../") {
            rest = below;
            let cut = base.rfind('/').or_else(|| base.rfind(':')).ok_or(BadUrl::Climbs)?;
            separator = char::from(base.as_bytes()[cut]);
            base = &base[..cut];
        } else if let Some(below) = rest.strip_prefix("./") {
            rest = below;
        } else {
            break;
        }
    }
    // `https://host/../x` would make the host part of the path, `https:/` would be another transport.
    if base.ends_with('/')
        || (base.ends_with(':') && parent.contains("://"))
        || !base.contains("://") && parent.contains("://")
    {
        return Err(BadUrl::Climbs);
    }
    Ok(format!("{base}{separator}{}", rest.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_have_their_schemes() {
        for (url, expected) in [
            ("https://github.com/ros2/rclcpp.git", Scheme::Https),
            ("HTTP://127.0.0.1:8080/x", Scheme::Http),
            ("git@github.com:ros2/rclcpp.git", Scheme::Ssh),
            ("host:path", Scheme::Ssh),
            ("ssh://git@host:22/x.git", Scheme::Ssh),
            ("git+ssh://host/x", Scheme::Ssh),
            ("git://host/x", Scheme::Git),
            ("file:///srv/x.git", Scheme::Local),
            ("/srv/x y.git", Scheme::Local),
        ] {
            assert_eq!(scheme(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_could_be_an_option_or_a_program_is_refused() {
        for (url, expected) in [
            ("--upload-pack=touch x", BadUrl::Option),
            ("ssh://-oProxyCommand=x/y", BadUrl::Option),
            ("ssh://-oProxyCommand=x@host/y", BadUrl::Option),
            ("-oProxyCommand=x:y", BadUrl::Option),
            ("user@-oProxyCommand=x:y", BadUrl::Option),
            ("host:-x", BadUrl::Option),
            ("ssh://host/-x", BadUrl::Option),
            ("ext::sh -c touch% x", BadUrl::Helper),
            ("fd::17/x", BadUrl::Helper),
            ("ext::https://host/x", BadUrl::Helper),
            ("https://host/a\nb", BadUrl::Character),
            ("https://host/a b", BadUrl::Character),
            ("", BadUrl::Character),
            (" https://host/a", BadUrl::Character),
            ("../x.git", BadUrl::Relative),
            ("x/y.git", BadUrl::Relative),
            ("./x:y", BadUrl::Relative),
            ("ftp://host/x", BadUrl::Scheme),
            ("https:///x", BadUrl::Host),
            ("file://host/x", BadUrl::Host),
        ] {
            assert_eq!(scheme(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn archives_and_other_systems_have_schemes_of_their_own() {
        assert_eq!(archive_scheme("https://host/x.tar.gz"), Ok(Scheme::Https));
        assert_eq!(archive_scheme("/srv/x.tar.gz"), Ok(Scheme::Local));
        assert_eq!(system_scheme("svn+ssh://host/x"), Ok(Scheme::Ssh));
        assert_eq!(system_scheme("svn://host/x"), Ok(Scheme::Git));
        for (url, expected) in [
            ("ssh://host/x.tar.gz", BadUrl::Scheme),
            ("ftp://host/x.tar.gz", BadUrl::Scheme),
            ("git@host:x.tar.gz", BadUrl::Relative),
            ("https://-x/y", BadUrl::Option),
        ] {
            assert_eq!(archive_scheme(url), Err(expected), "{url}");
        }
        for (url, expected) in [
            ("svn+ssh://-oProxyCommand=x/y", BadUrl::Option),
            ("ssh://-oProxyCommand=x@host/y", BadUrl::Option),
            ("--config=x", BadUrl::Option),
            ("git://host/x", BadUrl::Scheme),
            ("host:x", BadUrl::Relative),
            ("x", BadUrl::Relative),
        ] {
            assert_eq!(system_scheme(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn no_secret_survives_redaction() {
        for (text, expected) in [
            ("https://user:secret@host/x.git", "https://host/x.git"),
            ("https://secret@host/x.git", "https://host/x.git"),
            ("https://user:sec/ret@host/x.git", "https://host/x.git"),
            ("https://host:8080/x@y", "https://host:8080/x@y"),
            ("https://host/x?token=secret", "https://host/x?…"),
            ("unable to access 'https://u:secret@host/x/': not found", "unable to access 'https://host/x/': not found"),
            ("a https://u:secret@h b https://secret@h c", "a https://h b https://h c"),
            ("git@host:x.git", "git@host:x.git"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn a_password_and_a_token_are_secret_and_a_name_is_not() {
        for (url, expected) in [
            ("https://ada:pw@host/x", &["pw"][..]),
            ("https://0123456789abcdef@host/x", &["0123456789abcdef"]),
            ("https://ada:p:w@host/x", &["p:w"]),
            ("ssh://git@host/x", &[]),
            ("https://host/x@y", &[]),
            ("git@host:x", &[]),
        ] {
            assert_eq!(secrets(url), expected, "{url}");
        }
    }

    #[test]
    fn relative_submodules_are_resolved_as_git_does() {
        for (parent, url, expected) in [
            ("https://host/team/app.git", "../lib.git", "https://host/team/lib.git"),
            ("https://host/team/app.git/", "../../x/lib.git/", "https://host/x/lib.git"),
            ("https://host/team/app", "./lib", "https://host/team/app/lib"),
            ("git@host:team/app.git", "../lib.git", "git@host:team/lib.git"),
            ("git@host:app.git", "../lib.git", "git@host:lib.git"),
            ("/srv/app.git", "../lib.git", "/srv/lib.git"),
            ("https://host/app", "https://other/lib", "https://other/lib"),
        ] {
            assert_eq!(submodule(parent, url).as_deref(), Ok(expected), "{parent} {url}");
        }
    }

    #[test]
    fn a_submodule_cannot_climb_out_or_lead_into_this_machine() {
        for (parent, url, expected) in [
            ("https://host/app", "../../lib", BadUrl::Climbs),
            ("https://host/app", "../../../lib", BadUrl::Climbs),
            ("https://host/app", "../../../../lib", BadUrl::Climbs),
            ("https://host/app", "/etc/secrets.git", BadUrl::Inward),
            ("https://host/app", "file:///etc/secrets.git", BadUrl::Inward),
            ("https://host/app", "ext::sh", BadUrl::Helper),
            ("https://host/app", "--upload-pack=x", BadUrl::Option),
            ("https://host/app", "lib", BadUrl::Relative),
        ] {
            assert_eq!(submodule(parent, url), Err(expected), "{parent} {url}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(["127.0.0.1", "127.9.9.9", "::1", "localhost"].into_iter().all(is_loopback));
        assert!(!["10.0.0.1", "localhost.example.com", "127.0.0.1.example.com", ""].into_iter().any(is_loopback));
        assert_eq!(host("http://u@[::1]:5000/x"), Some("::1"));
        assert_eq!(host("https://u:p@host:5000/x"), Some("host"));
    }
}
