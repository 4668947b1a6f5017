//! Image references as docker reads them. Pure.
//!
//! Decides which registry and repository `ubuntu:24.04` means, and that nothing else than a reference is taken for one.

/// A parsed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `docker.io`, `ghcr.io`, `127.0.0.1:5000`.
    pub(crate) registry: String,
    /// `library/ubuntu`.
    pub(crate) repository: String,
    /// The tag or the digest.
    pub(crate) version: Version,
}

/// Which image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// `24.04`; `latest` when nothing is said.
    Tag(String),
    /// `sha256:<64 hex>`: nothing is left to ask.
    Digest(String),
}

/// The registry of references without one.
const DOCKER_HUB: &str = "docker.io";

/// Returns the parts of `text`, or nothing when it is no reference.
///
/// After the grammar of `distribution/reference`, and its `ParseDockerRef`: a first part with `.`, `:` or `localhost` is
/// a registry.
pub(crate) fn parse(text: &str) -> Option<Reference> {
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let (name, tag) = match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
        _ => (name, None),
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':', '[']) || first == "localhost" => (first, rest),
        _ => (DOCKER_HUB, name),
    };
    let registry = if registry == "index.docker.io" { DOCKER_HUB } else { registry };
    let official = registry == DOCKER_HUB && !path.contains('/');
    let repository = if official { format!("library/{path}") } else { path.to_owned() };
    let version = match (digest, tag) {
        (Some(digest), _) => Version::Digest(digest.to_owned()),
        (None, tag) => Version::Tag(tag.unwrap_or("latest").to_owned()),
    };
    let valid =
        is_registry(registry) && is_repository(&repository) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
    valid.then(|| Reference { registry: registry.to_owned(), repository, version })
}

/// Whether `text` is `sha256:` and 64 lowercase hexadecimal digits.
pub(crate) fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Reference {
    /// Returns the host (and port) of the HTTP API.
    pub(crate) fn api(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// Returns the name under which docker keeps credentials.
    pub(crate) fn credentials_key(&self) -> &str {
        if self.registry == DOCKER_HUB { "https://index.docker.io/v1/" } else { &self.registry }
    }

    /// Returns the host without the port.
    pub(crate) fn host(&self) -> &str {
        host_of(&self.registry)
    }
}

fn host_of(registry: &str) -> &str {
    match registry.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    }
}

fn is_registry(registry: &str) -> bool {
    let host = host_of(registry);
    let bracketed = registry.starts_with('[');
    let port = if bracketed { registry[host.len() + 1..].strip_prefix(']') } else { Some(&registry[host.len()..]) };
    let port_is_one = match port {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)),
        None => false,
    };
    let host_is_one = if bracketed {
        host.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        host.split('.').all(|part| {
            let inner = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            inner && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
        })
    };
    host_is_one && port_is_one
}

fn is_repository(repository: &str) -> bool {
    repository.len() <= 255 && repository.split('/').all(is_component)
}

/// `[a-z0-9]+`, joined by `.`, `_`, `__` or dashes.
fn is_component(component: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().copied().is_some_and(alphanumeric) && bytes.last().copied().is_some_and(alphanumeric);
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators
        .into_iter()
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, String, String)> {
        parse(text).map(|Reference { registry, repository, version }| {
            let (Version::Tag(version) | Version::Digest(version)) = version;
            (registry, repository, version)
        })
    }

    #[test]
    fn references_mean_what_docker_means() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, registry, repository, version) in [
            ("ubuntu", "docker.io", "library/ubuntu", "latest"),
            ("ubuntu:24.04", "docker.io", "library/ubuntu", "24.04"),
            ("osrf/ros:jazzy-desktop", "docker.io", "osrf/ros", "jazzy-desktop"),
            ("docker.io/ubuntu:1", "docker.io", "library/ubuntu", "1"),
            ("index.docker.io/library/ubuntu", "docker.io", "library/ubuntu", "latest"),
            ("ghcr.io/a/b/c__d:x", "ghcr.io", "a/b/c__d", "x"),
            ("localhost/base", "localhost", "base", "latest"),
            ("localhost:5000/base:1", "localhost:5000", "base", "1"),
            ("127.0.0.1:5000/team/base", "127.0.0.1:5000", "team/base", "latest"),
            ("[::1]:5000/base:1", "[::1]:5000", "base", "1"),
            (&format!("ubuntu@{digest}"), "docker.io", "library/ubuntu", &digest),
            (&format!("ubuntu:24.04@{digest}"), "docker.io", "library/ubuntu", &digest),
        ] {
            assert_eq!(parts(text), Some((registry.into(), repository.into(), version.into())), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("x/{}", "y".repeat(300));
        for text in [
            "",
            "Ubuntu",
            "ubuntu:",
            "ubuntu:a b",
            "ubuntu:-x",
            "a//b",
            "/ubuntu",
            "ubuntu/",
            "../x",
            "a..b",
            "a___b",
            "x@sha256:12",
            "x@md5:0",
            "https://ghcr.io/x",
            "ghcr.io:99999/x",
            "gh cr.io/x",
            "-x.io/y",
            "x.io/y?z",
            "x.io/a\n",
            "user@host/x",
            "[::1/x",
            "x.io:/y",
            &long,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
