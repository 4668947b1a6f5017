//! What `deps lint` found, as SARIF 2.1.0 (OASIS): what code scanning reads.
//!
//! Paths are relative to where the command ran, columns count characters. Leaves out the lines themselves: they may
//! hold secrets.

use serde_json::{Value, json};

use super::lint::{FindingReport, LintReport, level};
use crate::lint::{RULES, Rule};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Returns `report` as a SARIF log.
pub fn sarif(report: &LintReport) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "deps lint",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": RULES.iter().map(|rule| described(rule)).collect::<Vec<_>>(),
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn described(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.about },
        "defaultConfiguration": { "level": level(rule.level) },
    })
}

fn result(finding: &FindingReport) -> Value {
    let FindingReport { rule, level, file, line, column, end_line, end_column, message, advice, fixable: _ } = finding;
    json!({
        "ruleId": rule,
        "ruleIndex": RULES.iter().position(|known| known.id == rule),
        "level": level,
        "message": { "text": format!("{message}. Instead: {advice}.") },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(file) },
                "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
            },
        }],
    })
}

/// A path as a URI reference (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let spelled = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let relative: String = path.trim_start_matches("./").bytes().map(spelled).collect();
    if path.starts_with('/') { format!("file://{relative}") } else { relative }
}
