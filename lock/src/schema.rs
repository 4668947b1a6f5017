//! The shape of the file as JSON Schema, for editors and bots.
//!
//! Decides what a schema can say about the format. Leaves out what it cannot: order, names that leave their folder,
//! credentials in urls.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::entry::{Archive, Fetch, Git, Image, Revision};
use crate::extension::Extension;

/// Returns the JSON Schema of `deps.lock`, draft 2020-12. Unknown keys and tables are allowed.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>()
}

/// What `deps lock` decided: every moving part of a project, pinned.
///
/// Written by `deps lock`: change `deps.toml` or the manifests instead of this file.
#[derive(JsonSchema)]
#[schemars(title = "deps.lock")]
#[expect(dead_code, reason = "only its shape is used")]
struct File {
    /// The version of the format.
    #[schemars(range(min = 1, max = 1))]
    schema: u32,
    /// Extensions that are built in or come from git, by name.
    #[serde(default)]
    ext: BTreeMap<String, Extension>,
    /// Files that extensions fetch by url, by `extension/input`.
    #[serde(default)]
    fetch: BTreeMap<String, Fetch>,
    /// Container images, by their role.
    #[serde(default)]
    image: BTreeMap<String, Image>,
    /// Git repositories that extensions need, by `extension/input`.
    #[serde(default)]
    input: BTreeMap<String, Git>,
    /// Repositories and archives of the manifests, by checkout path.
    #[serde(default)]
    repo: BTreeMap<String, Repo>,
}

/// What a manifest asks for: `type` says what it is, and a git repository has none.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape is used")]
enum Repo {
    /// A git repository.
    Git(#[schemars(extend("not" = { "required": ["type"] }))] Git),
    /// An archive.
    Archive(Archive),
    /// A Mercurial or Subversion repository.
    Revision(Revision),
}

#[cfg(test)]
mod tests {
    use crate::Kind;

    #[test]
    fn every_kind_is_described() {
        let schema = super::schema();
        let properties = schema.get("properties").and_then(|properties| properties.as_object()).unwrap();
        assert_eq!(schema.get("title").unwrap(), "deps.lock");
        assert_eq!(properties.len(), 1 + Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|kind| properties.contains_key(kind.table())));
    }
}
