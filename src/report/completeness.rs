//! Whether the lock names all that a build took from outside, as text and as JSON (`schema/verify.json`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::count;
use crate::provenance::Material;

/// What `deps verify --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps verify --json")]
pub struct SourcesReport {
    /// The version of this format.
    pub schema: u32,
    /// Where this is known from: `last build`, or the provenance's file.
    pub of: String,
    /// All that was taken, sorted.
    pub sources: Vec<SourceReport>,
    /// Stages whose steps can use the network, which nothing records, with what does so; sorted.
    pub impure: BTreeMap<String, Vec<String>>,
}

/// Something that was taken from outside.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceReport {
    /// What it is.
    #[serde(flatten)]
    pub material: Material,
    /// Whether the lock pins it.
    pub locked: bool,
}

/// Returns what was found, a line or two.
pub fn sources_text(report: &SourcesReport) -> String {
    let of = match report.of.as_str() {
        "last build" => "the last build",
        file => file,
    };
    let mut text = match report.sources.len() {
        0 => format!("{of} took nothing from outside but commits and files of the store\n"),
        1 => format!("deps.lock names the one source of {of}\n"),
        sources => format!("deps.lock names all {sources} sources of {of}\n"),
    };
    if !report.impure.is_empty() {
        let names: Vec<&str> = report.impure.keys().map(String::as_str).collect();
        let stages = count(names.len(), "stage uses", "stages use");
        text += &format!(
            "{stages} the network in steps, which no engine records: {} (`deps plan` says how)\n",
            names.join(", ")
        );
    }
    text
}
