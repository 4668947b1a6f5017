//! The step that installs Debian packages, the same text wherever the same packages are wanted, and the files of the
//! repositories that they come from.

use std::collections::BTreeSet;

use super::instruction::{Mount, Run};
use super::layout::short_hash;
use super::{Base, CA_SECRET};
use crate::extension::{AptRepository, File};

/// Where a step finds the host's CA bundle.
pub(super) const CA_FILE: &str = "/run/deps/ca-certificates.crt";

/// A repository besides those of the base, as a step finds it. Equal ones are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Repository {
    /// Its name.
    pub(super) name: String,
    /// The content id of the folder with what apt reads, [`sources`].
    pub(super) sources: String,
    /// The content id of the folder with the key and nothing else.
    pub(super) key: String,
    /// Whether the key is binary.
    pub(super) is_binary: bool,
    /// Whether apt needs CA certificates for it.
    pub(super) is_https: bool,
}

/// Returns the file that tells apt of `repository`: deb822 (sources.list(5)). Its values are checked words
/// (`extension/apt.rs`).
pub(super) fn sources(repository: &AptRepository) -> File {
    let AptRepository { name, url, suite, components, architectures, key: _, is_binary } = repository;
    let mut text = format!("Types: deb\nURIs: {url}\nSuites: {suite}\n");
    for (field, values) in [("Components", components), ("Architectures", architectures)] {
        if !values.is_empty() {
            text.push_str(&format!("{field}: {}\n", values.join(" ")));
        }
    }
    text.push_str(&format!("Signed-By: {}\n", keyring(name, *is_binary)));
    File { path: format!("deps-{name}.sources"), executable: false, content: text.into_bytes() }
}

/// apt tells armored keys from binary ones by the ending.
fn keyring(name: &str, is_binary: bool) -> String {
    format!("/usr/share/keyrings/deps-{name}.{}", if is_binary { "gpg" } else { "asc" })
}

/// Returns a text that is another one for other repositories or keys; empty without any.
pub(super) fn identity(repositories: &BTreeSet<Repository>) -> String {
    let one = |one: &Repository| format!("\n\n{}\n{}\n{}", one.name, one.sources, one.key);
    repositories.iter().map(one).collect()
}

/// Returns the step that installs `packages`, from the base's repositories and these, on a system that began as `base`.
///
/// Debian's images tell apt to throw its downloads away (`docker-clean`): that is undone, for the cache mounts.
/// Logs and the linker's cache hold dates, so they go. Other repositories have another cache of lists: apt takes the list
/// that it has where the new one is signed by a key that it does not know.
pub(super) fn install(
    packages: &BTreeSet<String>,
    repositories: &BTreeSet<Repository>,
    base: &Base,
    ca_certificates: bool,
) -> Run {
    let slug = slug(base);
    let cache = |name: &str, target: &str| Mount::Cache {
        target: target.to_owned(),
        id: format!("{name}-{slug}"),
        sharing: "locked".to_owned(),
    };
    let lists = match identity(repositories) {
        none if none.is_empty() => "apt-lists".to_owned(),
        some => format!("apt-lists-{}", &short_hash(&some)[..8]),
    };
    let mut mounts = BTreeSet::from([cache("apt-cache", "/var/cache/apt"), cache(&lists, "/var/lib/apt/lists")]);
    let mut options = String::new();
    if ca_certificates {
        mounts.insert(ca_mount());
        options = format!(" -o Acquire::https::CAInfo={CA_FILE}");
    }
    mounts.extend(repositories.iter().flat_map(|repository| repository.mounts()));
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let command = format!(
        "rm -f /etc/apt/apt.conf.d/docker-clean \\\n    {}\
         && apt-get{options} update \\\n    \
         && DEBIAN_FRONTEND=noninteractive apt-get{options} install --yes --no-install-recommends \\\n        {} \\\n    \
         && rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache",
        known(repositories, &options),
        packages.join(" \\\n        "),
    );
    Run { mounts, offline: false, command, origin: None }
}

/// The part of a step that makes `repositories` known to apt; they stay, so that `apt-get install` goes on working in a
/// container. What stands at an https url needs CA certificates, which come from the base's own repositories.
fn known(repositories: &BTreeSet<Repository>, options: &str) -> String {
    let mut text = String::new();
    if repositories.iter().any(|repository| repository.is_https) {
        text = format!(
            "&& {{ test -s /etc/ssl/certs/ca-certificates.crt \\\n        || {{ apt-get{options} update \\\n        \
             && DEBIAN_FRONTEND=noninteractive apt-get{options} install --yes --no-install-recommends ca-certificates; }}; }} \\\n    "
        );
    }
    for Repository { name, is_binary, .. } in repositories {
        text.push_str(&format!(
            "&& install -D -m 644 /deps/apt/{name}/deps-{name}.sources /etc/apt/sources.list.d/deps-{name}.sources \\\n    \
             && install -D -m 644 /deps/apt-keys/{name}/* {} \\\n    ",
            keyring(name, *is_binary)
        ));
    }
    text
}

/// Returns the name of the repository that a mount at `target` is of.
pub(super) fn repository_of(target: &str) -> Option<&str> {
    target.strip_prefix("/deps/apt/").or_else(|| target.strip_prefix("/deps/apt-keys/"))
}

/// Whether a mount at `target` is the key of a repository.
pub(super) fn is_key(target: &str) -> bool {
    target.starts_with("/deps/apt-keys/")
}

impl Repository {
    fn mounts(&self) -> [Mount; 2] {
        let tree = |folder: &str, tree: &str| Mount::Tree {
            target: format!("/deps/{folder}/{}", self.name),
            tree: tree.to_owned(),
        };
        [tree("apt", &self.sources), tree("apt-keys", &self.key)]
    }
}

/// Returns the name of the stage with `packages` and `repositories`: the same sets, the same stage.
pub(super) fn stage_name(packages: &BTreeSet<String>, repositories: &BTreeSet<Repository>) -> String {
    let list: Vec<&str> = packages.iter().map(String::as_str).collect();
    format!("apt-{}", &short_hash(&(list.join("\n") + &identity(repositories)))[..8])
}

/// Returns the mount of the host's CA bundle.
pub(super) fn ca_mount() -> Mount {
    Mount::Secret { target: CA_FILE.to_owned(), id: CA_SECRET.to_owned() }
}

/// A word for the system that a base belongs to: it outlives a new digest of the same reference.
pub(super) fn slug(base: &Base) -> String {
    let Base::Image { reference, .. } = base else { return "base".to_owned() };
    reference.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}
