//! What a build took from outside, as its engine says, and which of it the lock does not name.
//!
//! Decides how an image, a file or a commit is recognised in the names of BuildKit's vertices and in SLSA provenance
//! (<https://docs.docker.com/build/metadata/attestations/slsa-definitions/>, `materials` of v0.2 and `resolvedDependencies`
//! of v1). Only a pin counts: an image, file or commit is named by the lock when its digest or id is. Leaves out what steps
//! fetch over the network while they run: no engine sees that (`deps plan` shows which stages can).

use std::collections::BTreeSet;
use std::fmt;

use deps_lock::{Entry, Lock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that a build took from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Material {
    /// An image of a registry.
    Image {
        /// Its name, with the tag if there is one.
        name: String,
        /// `sha256:…`, when the engine says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// A file of a server.
    File {
        /// Where it was.
        url: String,
        /// `sha256:…`, when the engine says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// A git repository at a commit.
    Commit {
        /// The repository, with what was asked of it.
        url: String,
        /// The commit, when the engine says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<String>,
    },
}

impl Material {
    /// Reads the name of a vertex; `None` for one that takes nothing from outside.
    pub fn of_vertex(name: &str) -> Option<Self> {
        let name = match name.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some(("internal", _)) => return None,
            Some((_, rest)) => rest,
            None => name,
        };
        let image = name.strip_prefix("FROM ").or_else(|| name.strip_prefix("docker-image://"));
        match image {
            Some(image) => Some(Self::image(image)),
            None if is_url(name) => Some(Self::of_url(name, None, None)),
            None => None,
        }
    }

    /// Returns everything that a provenance names, sorted: an in-toto statement, its predicate, or what `docker buildx imagetools
    /// inspect` and the metadata of a build show of it. `None` when the JSON has none at all.
    pub fn of_provenance(json: &Value) -> Option<Vec<Self>> {
        let mut found = None;
        collect(json, &mut found);
        found.map(|found| found.into_iter().collect())
    }

    fn image(text: &str) -> Self {
        match text.split_once('@') {
            Some((name, digest)) => Self::Image { name: name.to_owned(), digest: Some(digest.to_owned()) },
            None => Self::Image { name: text.to_owned(), digest: None },
        }
    }

    fn of_url(url: &str, sha1: Option<&str>, sha256: Option<&str>) -> Self {
        let path = url.split('#').next().unwrap_or(url);
        let over_http = url.starts_with("http://") || url.starts_with("https://");
        if sha1.is_some() || !over_http || path.ends_with(".git") {
            let asked = url.split_once('#').map(|(_, asked)| asked).filter(|asked| is_commit(asked));
            return Self::Commit { url: path.to_owned(), rev: sha1.or(asked).map(str::to_owned) };
        }
        Self::File { url: url.to_owned(), digest: sha256.map(|digest| format!("sha256:{digest}")) }
    }

    /// Reads a material: `{"uri": …, "digest": {"sha256": …}}`.
    fn of_material(material: &Value) -> Option<Self> {
        let uri = material["uri"].as_str()?;
        let digest = |kind: &str| material["digest"][kind].as_str();
        let Some(package) = uri.strip_prefix("pkg:docker/").or_else(|| uri.strip_prefix("pkg:oci/")) else {
            return Some(Self::of_url(uri, digest("sha1"), digest("sha256")));
        };
        let name = package.split('?').next().unwrap_or(package);
        let name = name.replace("%2F", "/").replace("%3A", ":").replacen('@', ":", 1); // what package URLs escape in such names
        let name = name.split_once(":sha256:").map_or(name.as_str(), |(name, _)| name).to_owned();
        Some(Self::Image { name, digest: digest("sha256").map(|digest| format!("sha256:{digest}")) })
    }

    /// Returns its digest or commit.
    fn pin(&self) -> Option<&str> {
        match self {
            Self::Image { digest: pin, .. } | Self::File { digest: pin, .. } | Self::Commit { rev: pin, .. } => {
                pin.as_deref()
            }
        }
    }
}

impl fmt::Display for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, place) = match self {
            Self::Image { name, .. } => ("image", name),
            Self::File { url, .. } => ("file", url),
            Self::Commit { url, .. } => ("repository", url),
        };
        match self.pin() {
            Some(pin) => write!(f, "{kind} `{place}` at {pin}"),
            None => write!(f, "{kind} `{place}`, not pinned"),
        }
    }
}

/// Returns those of `materials` whose content `lock` does not pin, in their order.
pub fn unlocked<'a>(materials: &'a [Material], lock: &Lock) -> Vec<&'a Material> {
    let mut pins = BTreeSet::new();
    for (_, entry) in lock.iter() {
        match entry {
            Entry::Image(image) => _ = pins.insert(image.digest.to_string()),
            Entry::Repo(git) | Entry::Input(git) => _ = pins.insert(git.rev.to_string()),
            Entry::Ext(extension) => pins.extend(extension.origin.iter().map(|origin| origin.rev.to_string())),
            Entry::Fetch(fetch) => pins.extend(fetch.platforms.values().map(ToString::to_string)),
            Entry::Archive(archive) => _ = pins.insert(archive.digest.to_string()),
            Entry::Revision(revision) => _ = pins.insert(revision.pin.rev().to_string()),
        }
    }
    materials.iter().filter(|material| !material.pin().is_some_and(|pin| pins.contains(pin))).collect()
}

fn collect(json: &Value, found: &mut Option<BTreeSet<Material>>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_array() {
                    Some(materials) if name == "materials" || name == "resolvedDependencies" => {
                        let all = found.get_or_insert_default();
                        all.extend(materials.iter().filter_map(Material::of_material));
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

fn is_url(name: &str) -> bool {
    ["https://", "http://", "git://", "ssh://", "git@"].iter().any(|scheme| name.starts_with(scheme))
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DIGEST: &str = "sha256:eae6a0466110c1e8c369f6b0a7c4c157f79eeabc4e5b0317f6eb88d418fb76da";
    const REV: &str = "c41e7d2b9a8f6e5d4c3b2a190807f6e5d4c3b2a1";

    fn told(name: &str) -> String {
        Material::of_vertex(name).map(|material| material.to_string()).unwrap_or_default()
    }

    #[test]
    fn vertices_that_take_something_from_outside_are_told_from_the_others() {
        for nothing in [
            "[internal] load metadata for docker.io/library/debian:12",
            "[internal] load build context",
            "[final 2/2] COPY --from=a /x /x",
            "[a 3/3] RUN curl https://example.com",
            "exporting to image",
            "",
            "[",
        ] {
            assert_eq!(told(nothing), "", "{nothing}");
        }
        let pinned = format!("image `docker.io/library/debian:12` at {DIGEST}");
        assert_eq!(told(&format!("[linux/amd64 a 1/2] FROM docker.io/library/debian:12@{DIGEST}")), pinned);
        assert_eq!(told(&format!("FROM docker.io/library/debian:12@{DIGEST}")), pinned);
        assert_eq!(told("[context a] docker-image://busybox"), "image `busybox`, not pinned");
        assert_eq!(told("[a 2/3] https://example.com/x.tar"), "file `https://example.com/x.tar`, not pinned");
        assert_eq!(
            told(&format!("https://example.com/x.git#{REV}")),
            format!("repository `https://example.com/x.git` at {REV}")
        );
        assert_eq!(told("git@example.com:x.git#main"), "repository `git@example.com:x.git`, not pinned");
    }

    #[test]
    fn provenance_of_both_versions_names_the_same() {
        let materials = json!([
            { "uri": "pkg:docker/debian@12?platform=linux%2Famd64", "digest": { "sha256": &DIGEST[7..] } },
            { "uri": format!("pkg:docker/127.0.0.1%3A5000/a@{}", DIGEST.replace(':', "%3A")), "digest": {} },
            { "uri": "https://example.com/x.git#main", "digest": { "sha1": REV } },
            { "uri": "https://example.com/x.tar", "digest": { "sha256": "ab" } },
            { "no": "uri" },
        ]);
        let old = json!({ "linux/amd64": { "SLSA": { "materials": materials } } });
        let new = json!({ "predicate": { "buildDefinition": { "resolvedDependencies": materials } } });
        let told: Vec<String> = Material::of_provenance(&old).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "image `127.0.0.1:5000/a`, not pinned".to_owned(),
                format!("image `debian:12` at {DIGEST}"),
                "file `https://example.com/x.tar` at sha256:ab".to_owned(),
                format!("repository `https://example.com/x.git` at {REV}"),
            ]
        );
        assert_eq!(Material::of_provenance(&new), Material::of_provenance(&old));
        assert_eq!(Material::of_provenance(&json!({ "materials": {} })), None);
    }

    #[test]
    fn what_the_lock_pins_is_told_from_what_it_does_not() {
        let text = format!(
            "schema = 1\n\n[image.\"base\"]\nref = \"debian:12\"\ndigest = \"{DIGEST}\"\n\n\
             [repo.\"x\"]\nref = \"main\"\nrev = \"{REV}\"\nurl = \"https://example.com/x.git\"\n"
        );
        let lock = Lock::parse(&text).unwrap();
        let image =
            |name: &str, digest: Option<&str>| Material::Image { name: name.into(), digest: digest.map(Into::into) };
        let commit = |rev: Option<&str>| Material::Commit { url: "https://mirror/x".into(), rev: rev.map(Into::into) };
        let materials = [
            image("a mirror of debian", Some(DIGEST)),
            commit(Some(REV)),
            image("debian:12", None),
            image("debian:12", Some("sha256:00")),
            commit(None),
            Material::File { url: "https://example.com/x.git".into(), digest: None },
        ];
        assert_eq!(unlocked(&materials, &lock), materials[2..].iter().collect::<Vec<_>>());
    }
}
