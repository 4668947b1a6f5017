//! The step that installs Debian packages, the same text wherever the same packages are wanted.

use std::collections::BTreeSet;

use super::instruction::{Mount, Run};
use super::{Base, CA_SECRET};

/// Where a step finds the host's CA bundle.
pub(super) const CA_FILE: &str = "/run/deps/ca-certificates.crt";

/// Returns the step that installs `packages` on a system that began as `base`.
///
/// Debian's images tell apt to throw its downloads away (`docker-clean`): that is undone, for the cache mounts.
/// Logs and the linker's cache hold dates, so they go.
pub(super) fn install(packages: &BTreeSet<String>, base: &Base, ca_certificates: bool) -> Run {
    let slug = slug(base);
    let cache = |name: &str, target: &str| Mount::Cache {
        target: target.to_owned(),
        id: format!("{name}-{slug}"),
        sharing: "locked".to_owned(),
    };
    let mut mounts = BTreeSet::from([cache("apt-cache", "/var/cache/apt"), cache("apt-lists", "/var/lib/apt/lists")]);
    let mut options = String::new();
    if ca_certificates {
        mounts.insert(ca_mount());
        options = format!(" -o Acquire::https::CAInfo={CA_FILE}");
    }
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let command = format!(
        "rm -f /etc/apt/apt.conf.d/docker-clean \\\n    \
         && apt-get{options} update \\\n    \
         && DEBIAN_FRONTEND=noninteractive apt-get{options} install --yes --no-install-recommends \\\n        {} \\\n    \
         && rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache",
        packages.join(" \\\n        "),
    );
    Run { mounts, offline: false, command, origin: None }
}

/// Returns the name of the stage with `packages`: the same set, the same stage.
pub(super) fn stage_name(packages: &BTreeSet<String>) -> String {
    let list: Vec<&str> = packages.iter().map(String::as_str).collect();
    format!("apt-{}", &super::layout::short_hash(&list.join("\n"))[..8])
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
