//! Which of the user's settings libgit2 does not know, so that the `git` program has to be asked.
//!
//! Decides from names of settings and variables only, after what was measured of libgit2 1.9: it reads `insteadOf`,
//! credential helpers and https proxies; it does not read extra headers, CAs of its own, ssh commands, proxies for plain
//! http, or configuration that the environment brings.

#![expect(clippy::disallowed_methods, reason = "git's own variables decide what git does")]

use crate::remote::url::{self, Scheme};

/// Settings below `http.` or `http.<url>.` that change how a server is reached or what it is told.
const HTTP: [&str; 10] = [
    "extraheader",
    "sslcainfo",
    "sslcapath",
    "sslcert",
    "sslkey",
    "sslverify",
    "cookiefile",
    "proxysslcainfo",
    "useragent",
    "emptyauth",
];

/// Settings that only the `git` program knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beyond {
    rules: Vec<Rule>,
    ssh_command: bool,
    no_proxy: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    scope: Scope,
    /// The setting or variable, as the user wrote it.
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    Everything,
    Ssh,
    /// All URLs over http(s).
    Web,
    /// All URLs over https.
    Tls,
    /// URLs that begin so.
    Below(String),
    /// Plain http, where the host is not one that needs no proxy.
    Proxied,
}

impl Beyond {
    /// Reads the user's configuration and environment. What cannot be read counts as empty: git itself will complain.
    pub(crate) fn read() -> Self {
        let variables = [
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_SYSTEM",
            "GIT_CONFIG_COUNT",
            "GIT_CONFIG_PARAMETERS",
            "GIT_SSH_COMMAND",
            "GIT_SSH",
            "GIT_SSL_CAINFO",
            "GIT_SSL_CAPATH",
            "GIT_SSL_CERT",
            "GIT_SSL_NO_VERIFY",
            "http_proxy",
        ];
        let set = variables.into_iter().filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let no_proxy = std::env::var("no_proxy").or_else(|_| std::env::var("NO_PROXY")).unwrap_or_default();
        Self::of(&settings().unwrap_or_default(), &set.collect::<Vec<_>>(), &no_proxy)
    }

    /// Whether git is told which certificates to trust.
    pub(crate) fn has_certificates(&self) -> bool {
        self.rules.iter().any(|rule| rule.name.to_lowercase().contains("cainfo"))
    }

    /// Returns what `settings` (lowercase where git ignores case) and the set `variables` bring.
    fn of(settings: &[String], variables: &[&str], no_proxy: &str) -> Self {
        let mut beyond =
            Self { no_proxy: no_proxy.split(',').map(|host| host.trim().to_owned()).collect(), ..Self::default() };
        for name in settings {
            if let Some(scope) = setting_scope(name) {
                beyond.rules.push(Rule { scope, name: format!("the setting `{}`", url::redacted(name)) });
            }
        }
        for name in variables {
            beyond.rules.push(Rule { scope: variable_scope(name), name: format!("the variable `{name}`") });
        }
        beyond.ssh_command = beyond.rules.iter().any(|rule| rule.scope == Scope::Ssh);
        beyond
    }

    /// Whether the user says how ssh is to be started.
    pub(crate) fn has_ssh_command(&self) -> bool {
        self.ssh_command
    }

    /// Returns why `url`, which no `insteadOf` changes any more, has to be asked with the `git` program.
    pub(crate) fn reason(&self, url: &str) -> Option<String> {
        let scheme = url::scheme(url).ok()?;
        let rule = self.rules.iter().find(|rule| self.applies(&rule.scope, scheme, url))?;
        Some(format!("libgit2 does not know {}", rule.name))
    }

    fn applies(&self, scope: &Scope, scheme: Scheme, url: &str) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Ssh => scheme == Scheme::Ssh,
            Scope::Web => matches!(scheme, Scheme::Http | Scheme::Https),
            Scope::Tls => scheme == Scheme::Https,
            Scope::Below(beginning) => url.starts_with(beginning.as_str()),
            Scope::Proxied => scheme == Scheme::Http && !self.is_direct(url),
        }
    }

    fn is_direct(&self, url: &str) -> bool {
        let host = url::host(url).unwrap_or_default();
        let named = |entry: &String| {
            let entry = entry.trim_start_matches('.');
            entry == "*" || host == entry || (!entry.is_empty() && host.ends_with(&format!(".{entry}")))
        };
        self.no_proxy.iter().any(named)
    }
}

fn setting_scope(name: &str) -> Option<Scope> {
    let (section, rest) = name.split_once('.')?;
    match (section, rest.rsplit_once('.')) {
        ("core", None) if rest == "sshcommand" => Some(Scope::Ssh),
        ("http", None) if rest == "proxy" => Some(Scope::Proxied),
        ("http", None) if HTTP.contains(&rest) && rest.starts_with("ssl") => Some(Scope::Tls),
        ("http", None) if HTTP.contains(&rest) => Some(Scope::Web),
        ("http", Some((url, key))) if HTTP.contains(&key) => Some(Scope::Below(url.to_owned())),
        _ => None,
    }
}

fn variable_scope(name: &str) -> Scope {
    match name {
        "GIT_SSH_COMMAND" | "GIT_SSH" => Scope::Ssh,
        "http_proxy" => Scope::Proxied,
        _ if name.starts_with("GIT_SSL_") => Scope::Tls,
        _ => Scope::Everything,
    }
}

/// Returns the names of all settings of this user and this system.
fn settings() -> Result<Vec<String>, git2::Error> {
    let config = git2::Config::open_default()?;
    let mut names = Vec::new();
    config.entries(None)?.for_each(|entry| names.extend(entry.name().map(str::to_owned)))?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(settings: &[&str], variables: &[&str], no_proxy: &str, url: &str) -> bool {
        let settings: Vec<String> = settings.iter().map(|name| (*name).to_owned()).collect();
        Beyond::of(&settings, variables, no_proxy).reason(url).is_some()
    }

    #[test]
    fn plain_configuration_needs_no_program() {
        let usual = ["user.name", "url.https://x/.insteadof", "credential.helper", "http.postbuffer", "core.editor"];
        assert!(!reason(&usual, &[], "", "https://host/x"));
    }

    #[test]
    fn each_setting_counts_for_the_urls_that_it_is_about() {
        let (web, ssh, local) = ("https://host/x", "git@host:x", "/srv/x");
        for (settings, variables, url, expected) in [
            (&["http.extraheader"][..], &[][..], web, true),
            (&["http.extraheader"], &[], ssh, false),
            (&["http.https://host/.extraheader"], &[], web, true),
            (&["http.https://other/.extraheader"], &[], web, false),
            (&["core.sshcommand"], &[], ssh, true),
            (&["core.sshcommand"], &[], web, false),
            (&[], &["GIT_SSH_COMMAND"], ssh, true),
            (&[], &["GIT_CONFIG_COUNT"], local, true),
            (&[], &["http_proxy"], "http://host/x", true),
            (&[], &["http_proxy"], web, false),
            (&[], &["http_proxy"], "http://127.0.0.1:80/x", false),
            (&[], &["http_proxy"], "http://a.lan/x", false),
        ] {
            assert_eq!(
                reason(settings, variables, "127.0.0.1, .lan", url),
                expected,
                "{settings:?} {variables:?} {url}"
            );
        }
    }
}
