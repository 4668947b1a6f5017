//! Tokens that CI systems put into the environment, and the one server that each belongs to.
//!
//! Decides which variable counts for which host, after what the systems document. A token goes to its own server only, over
//! https (plain http on this machine itself), and only after the user's own credential helpers had nothing. Leaves out
//! sending it (`transport/`); nothing here is ever shown or written. Pure but for reading the environment.

#![expect(clippy::disallowed_methods, reason = "CI systems hand tokens over in the environment")]

use std::fmt;

use super::url;

/// A secret and where it may be sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// `https://host`, with the port where it is not the usual one.
    pub(crate) origin: String,
    /// The name that the server expects beside a token.
    pub(crate) user: &'static str,
    /// The token.
    pub(crate) secret: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} at {})", self.user, self.origin)
    }
}

/// Where a system says which server its tokens are for.
struct System {
    /// Variables with the token, the first one that is set counts.
    tokens: &'static [&'static str],
    /// Variables with the server, as a URL or a host.
    servers: &'static [&'static str],
    /// The server when none of them is set; without one the token has no home.
    default: Option<&'static str>,
    user: &'static str,
}

/// GitHub: docs.github.com, "Automatic token authentication" and "Variables reference" (`GITHUB_SERVER_URL`), and the
/// manual of `gh` (`GH_TOKEN`, `GH_ENTERPRISE_TOKEN` with `GH_HOST`). Forgejo and Gitea set the same. GitLab:
/// docs.gitlab.com, "CI/CD job token" and "Predefined CI/CD variables", and the manual of `glab` (`GITLAB_TOKEN`).
/// Bitbucket: support.atlassian.com, "Using access tokens" (`x-token-auth`).
const SYSTEMS: [System; 5] = [
    System {
        tokens: &["GH_TOKEN", "GITHUB_TOKEN"],
        servers: &["GITHUB_SERVER_URL"],
        default: Some("https://github.com"),
        user: "x-access-token",
    },
    System {
        tokens: &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
        servers: &["GH_HOST"],
        default: None,
        user: "x-access-token",
    },
    System {
        tokens: &["CI_JOB_TOKEN"],
        servers: &["CI_SERVER_URL", "CI_SERVER_HOST"],
        default: None,
        user: "gitlab-ci-token",
    },
    System {
        tokens: &["GITLAB_TOKEN"],
        servers: &["CI_SERVER_URL", "CI_SERVER_HOST", "GITLAB_HOST"],
        default: Some("https://gitlab.com"),
        user: "oauth2",
    },
    System {
        tokens: &["BITBUCKET_TOKEN", "BITBUCKET_ACCESS_TOKEN"],
        servers: &[],
        default: Some("https://bitbucket.org"),
        user: "x-token-auth",
    },
];

/// Returns the tokens in the environment.
pub(crate) fn read() -> Vec<Token> {
    of(|name| std::env::var(name).ok())
}

fn of(variable: impl Fn(&str) -> Option<String>) -> Vec<Token> {
    let set = |name: &&str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let token = |system: &System| {
        let secret = system.tokens.iter().find_map(set)?;
        let server = system.servers.iter().find_map(set).or_else(|| system.default.map(str::to_owned))?;
        // One with a line break in it would be read as something else by a helper's protocol.
        let simple = secret.bytes().all(|byte| byte.is_ascii_graphic());
        let origin = origin(&server).filter(|_| simple)?;
        Some(Token { origin, user: system.user, secret })
    };
    SYSTEMS.iter().filter_map(token).collect()
}

/// Returns scheme, host and port of a server that may be told a secret.
fn origin(server: &str) -> Option<String> {
    let url = if server.contains("://") { server.to_owned() } else { format!("https://{server}") };
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let host = url::host(&url)?;
    let scheme = scheme.to_ascii_lowercase();
    let safe = scheme == "https" || (scheme == "http" && url::is_loopback(host));
    let simple = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    (safe && simple && !host.is_empty()).then(|| format!("{scheme}://{}", authority.trim_end_matches(":443")))
}

/// Returns the first token that may be sent to `url`.
pub(crate) fn for_url<'a>(tokens: &'a [Token], url: &str) -> Option<&'a Token> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    let asked = origin(&format!("{scheme}://{server}"))?;
    tokens.iter().find(|token| token.origin == asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(variables: &[(&str, &str)]) -> Vec<Token> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        of(variable)
    }

    fn sent(variables: &[(&str, &str)], url: &str) -> Option<String> {
        for_url(&tokens(variables), url).map(|token| format!("{}:{}", token.user, token.secret))
    }

    #[test]
    fn each_token_goes_to_its_own_server() {
        let github = ("GITHUB_TOKEN", "g");
        let enterprise = ("GITHUB_SERVER_URL", "https://ghe.example");
        let job = ("CI_JOB_TOKEN", "j");
        for (variables, url, expected) in [
            (&[github][..], "https://github.com/x/y.git", Some("x-access-token:g")),
            (&[github], "https://GitHub.com:443/x/y.git", Some("x-access-token:g")),
            (&[github], "https://me@github.com/x/y.git", Some("x-access-token:g")),
            (&[github, ("GH_TOKEN", "h")], "https://github.com/x", Some("x-access-token:h")),
            (&[github, enterprise], "https://ghe.example/x", Some("x-access-token:g")),
            (&[github, enterprise], "https://github.com/x", None),
            (&[job], "https://gitlab.com/x", None),
            (&[job, ("CI_SERVER_HOST", "git.lab")], "https://git.lab/x", Some("gitlab-ci-token:j")),
            (&[job, ("CI_SERVER_URL", "https://git.lab:8443")], "https://git.lab:8443/x", Some("gitlab-ci-token:j")),
            (&[job, ("CI_SERVER_URL", "https://git.lab:8443")], "https://git.lab/x", None),
            (&[("GITLAB_TOKEN", "t")], "https://gitlab.com/x", Some("oauth2:t")),
            (&[("BITBUCKET_TOKEN", "b")], "https://bitbucket.org/x", Some("x-token-auth:b")),
        ] {
            assert_eq!(sent(variables, url).as_deref(), expected, "{variables:?} {url}");
        }
    }

    #[test]
    fn no_token_goes_elsewhere_or_in_the_clear() {
        let local = ("GITHUB_SERVER_URL", "http://127.0.0.1:8080");
        for (variables, url) in [
            (&[("GITHUB_TOKEN", "g")][..], "http://github.com/x"),
            (&[("GITHUB_TOKEN", "g")], "https://github.com.evil.example/x"),
            (&[("GITHUB_TOKEN", "g")], "https://evil.example/github.com"),
            (&[("GITHUB_TOKEN", "g")], "https://github.com@evil.example/x"),
            (&[("GITHUB_TOKEN", "g")], "https://github.com:8443/x"),
            (&[("GITHUB_TOKEN", "g")], "git@github.com:x"),
            (&[("GITHUB_TOKEN", "g")], "ssh://github.com/x"),
            (&[("GITHUB_TOKEN", "g"), ("GITHUB_SERVER_URL", "http://ghe.example")], "http://ghe.example/x"),
            (&[("GITHUB_TOKEN", "g"), local], "http://127.0.0.1:8081/x"),
            (&[("GITHUB_TOKEN", "two\nlines")], "https://github.com/x"),
            (&[("GITHUB_TOKEN", "")], "https://github.com/x"),
        ] {
            assert_eq!(sent(variables, url), None, "{variables:?} {url}");
        }
        assert!(sent(&[("GITHUB_TOKEN", "g"), local], "http://127.0.0.1:8080/x").is_some());
        assert_eq!(format!("{:?}", tokens(&[("GH_TOKEN", "secret")])), "[Token(x-access-token at https://github.com)]");
    }
}
