//! Where something comes from: scheme, host, owner and name of a url, or registry and name of an image.
//!
//! Decides which two urls are the same place spelled otherwise, and in which part two places differ. Leaves out whether
//! anything is there, and what may be a url at all (`deps_lock::Url`).

use crate::manifest::url::{is_local, is_relative, is_scp_like};

/// Hosts where the first two parts of every path are an owner and a repository.
const FORGES: [&str; 4] = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"];

/// The registry of an image whose reference names none.
const DOCKER_HUB: &str = "docker.io";

/// Where something comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In lowercase; `file` for paths, `ssh` for `user@host:path`.
    pub(super) scheme: String,
    /// In lowercase, with the port where it is not the scheme's own; empty for paths.
    pub(super) host: String,
    /// What is before the last part of the path.
    pub(super) owner: String,
    /// The last part, without `.git`.
    pub(super) name: String,
}

/// A part of a place, the riskiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Host,
    Owner,
    Name,
    Scheme,
}

impl Part {
    /// Returns the word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Owner => "owner",
            Self::Name => "repository",
            Self::Scheme => "scheme",
        }
    }
}

impl Place {
    /// Returns the place of a repository.
    pub(super) fn of_repository(url: &str) -> Self {
        let (scheme, host, path) = split(url);
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        let (owner, name) = path.rsplit_once('/').unwrap_or(("", path));
        Self { scheme, host, owner: owner.trim_start_matches('/').to_owned(), name: name.to_owned() }
    }

    /// Returns the place of a file: whose it is, as far as a url says that. The rest of a file's path is its version.
    pub(super) fn of_file(url: &str) -> Self {
        let (scheme, host, path) = split(url);
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let (owner, name) = match FORGES.contains(&host.as_str()) {
            true => (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()),
            false => {
                let owner = parts.next().filter(|owner| !owner.contains(|c: char| c.is_ascii_digit()));
                (owner.filter(|_| parts.next().is_some()).unwrap_or_default(), "")
            }
        };
        Self { scheme, host, owner: owner.to_owned(), name: name.to_owned() }
    }

    /// Returns the place of an image: its registry and its name there.
    pub(super) fn of_image(reference: &str) -> Self {
        let name = reference.split('@').next().unwrap_or_default();
        // A colon behind the last slash is a tag's.
        let tag = name.rfind(':').filter(|at| !name[*at..].contains('/'));
        let name = &name[..tag.unwrap_or(name.len())];
        let registry = |first: &str| first.contains(['.', ':']) || first == "localhost";
        let (host, path) = name.split_once('/').filter(|(first, _)| registry(first)).unwrap_or((DOCKER_HUB, name));
        let path = if host == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        let (owner, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let (scheme, host) = (String::new(), host.to_ascii_lowercase());
        Self { scheme, host, owner: owner.to_owned(), name: name.to_owned() }
    }

    /// Returns the parts in which the two differ, the riskiest first, with their values.
    pub(super) fn differences<'a>(&'a self, after: &'a Self) -> Vec<(Part, &'a str, &'a str)> {
        let parts = [
            (Part::Host, self.shown_host(), after.shown_host()),
            (Part::Owner, self.owner.as_str(), after.owner.as_str()),
            (Part::Name, self.name.as_str(), after.name.as_str()),
            (Part::Scheme, self.scheme.as_str(), after.scheme.as_str()),
        ];
        parts.into_iter().filter(|(_, before, after)| before != after).collect()
    }

    /// Returns the host, for people.
    pub(super) fn shown_host(&self) -> &str {
        if self.host.is_empty() { "(this machine)" } else { &self.host }
    }

    /// Returns whether what comes from there can be changed on the way.
    pub(super) fn is_unprotected(&self) -> bool {
        matches!(self.scheme.as_str(), "http" | "git" | "ftp")
    }
}

/// Returns scheme, host and path.
fn split(url: &str) -> (String, String, &str) {
    if let Some((scheme, rest)) = url.split_once("://").filter(|_| !is_local(url)) {
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            "ssh" | "git+ssh" | "ssh+git" => ":22",
            _ => "",
        };
        let host = host.strip_suffix(port).unwrap_or(&host).trim_end_matches('.').to_owned();
        return (scheme, host, path.trim_start_matches('/'));
    }
    if is_scp_like(url) && !is_relative(url) && !is_local(url) {
        let (authority, path) = url.split_once(':').unwrap_or((url, ""));
        let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        return ("ssh".to_owned(), host, path.trim_start_matches('/'));
    }
    ("file".to_owned(), String::new(), url.strip_prefix("file://").unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(before: &str, after: &str) -> Vec<&'static str> {
        let (before, after) = (Place::of_repository(before), Place::of_repository(after));
        before.differences(&after).into_iter().map(|(part, _, _)| part.word()).collect()
    }

    #[test]
    fn one_place_has_many_spellings() {
        for url in ["https://GitHub.com/a/b", "https://github.com:443/a/b.git/", "https://me@github.com/a/b.git"] {
            assert_eq!(parts("https://github.com/a/b.git", url), [""; 0], "{url}");
        }
        assert_eq!(parts("git@github.com:a/b.git", "ssh://git@github.com:22/a/b"), [""; 0]);
        assert_eq!(parts("/srv/a/b.git", "file:///srv/a/b"), [""; 0]);
    }

    #[test]
    fn places_differ_in_what_a_reviewer_asks_about() {
        let one = "https://github.com/acme/nav2.git";
        assert_eq!(parts(one, "https://github.com/acme-fork/nav2.git"), ["owner"]);
        assert_eq!(parts(one, "https://github.com.evil.example/acme/nav2.git"), ["host"]);
        assert_eq!(parts(one, "https://github.com@evil.example/acme/nav2.git"), ["host"]);
        assert_eq!(parts(one, "git@github.com:acme/nav2.git"), ["scheme"]);
        assert_eq!(parts(one, "https://github.com:8443/acme/nav3.git"), ["host", "repository"]);
        assert_eq!(parts(one, "../nav2"), ["host", "owner", "scheme"]);
        assert_eq!(parts("https://gitlab.com/a/b/c.git", "https://gitlab.com/a/x/c.git"), ["owner"]);
    }

    #[test]
    fn a_file_belongs_to_whoever_the_path_begins_with() {
        let owner = |url: &str| {
            let place = Place::of_file(url);
            format!("{} {} {}", place.host, place.owner, place.name)
        };
        assert_eq!(owner("https://github.com/a/b/releases/download/v1/b.tar.gz"), "github.com a b");
        assert_eq!(owner("https://nodejs.org/dist/v24.9.0/node-{x64,arm64}.tar.gz"), "nodejs.org dist ");
        assert_eq!(owner("https://example.com/v1.2/x.tar"), "example.com  ");
        assert_eq!(owner("https://example.com/x.tar"), "example.com  ");
    }

    #[test]
    fn an_image_has_a_registry_even_where_none_is_named() {
        let image = |reference: &str| {
            let place = Place::of_image(reference);
            format!("{} {} {}", place.host, place.owner, place.name)
        };
        assert_eq!(image("ubuntu:24.04"), "docker.io library ubuntu");
        assert_eq!(image("ros/ros@sha256:00"), "docker.io ros ros");
        assert_eq!(image("localhost:5000/a/b/c:1"), "localhost:5000 a/b c");
        assert_eq!(image("ghcr.io/a/b"), "ghcr.io a b");
    }
}
