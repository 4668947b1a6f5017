//! Drift as JSON (`schema/drift.json`).

use schemars::JsonSchema;
use serde::Serialize;

use crate::resolve::Drift;

/// What `deps lock --check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps lock --check --json")]
pub struct DriftReport {
    /// The version of this format.
    pub schema: u32,
    /// Whether there is a lock.
    pub locked: bool,
    /// Whether the lock is up to date.
    pub up_to_date: bool,
    /// Every difference, in the order of the lock's keys.
    pub drift: Vec<DriftItem>,
}

/// A difference between the project and its lock.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftItem {
    /// `missing`, `extra`, `type-changed`, `url-changed`, `ref-changed`, `want-unsatisfied`, `platform-missing`,
    /// `platform-extra`, `extension-changed`, `folder-changed`, `shown-otherwise`, `other-content` (exit code 4),
    /// `conflict-markers` or `not-canonical`.
    pub kind: String,
    /// The entry, like `repo:core/nav2`.
    pub key: Option<String>,
    /// Where it is asked for, like `underlay.repos:3:14`.
    pub place: Option<String>,
    /// The difference in words.
    pub message: String,
    /// The command that removes it.
    pub fix: String,
}

/// Returns the report; `drift` is none when there is no lock.
pub fn drift_json(drift: Option<&[Drift]>) -> String {
    let items: Vec<DriftItem> = drift.unwrap_or_default().iter().map(item).collect();
    let up_to_date = drift.is_some_and(<[Drift]>::is_empty);
    super::json(&DriftReport { schema: 1, locked: drift.is_some(), up_to_date, drift: items })
}

fn item(drift: &Drift) -> DriftItem {
    let (kind, key, place) = match drift {
        Drift::Missing { key, place } => ("missing", Some(key), place.as_ref()),
        Drift::Extra { key } => ("extra", Some(key), None),
        Drift::TypeChanged { key, place, .. } => ("type-changed", Some(key), Some(place)),
        Drift::UrlChanged { key, place, .. } => ("url-changed", Some(key), Some(place)),
        Drift::RefChanged { key, place, .. } => ("ref-changed", Some(key), Some(place)),
        Drift::WantUnsatisfied { key, place, .. } => ("want-unsatisfied", Some(key), Some(place)),
        Drift::PlatformMissing { key, place, .. } => ("platform-missing", Some(key), Some(place)),
        Drift::PlatformExtra { key, .. } => ("platform-extra", Some(key), None),
        Drift::ExtensionChanged { key, .. } | Drift::VersionChanged { key, .. } => {
            ("extension-changed", Some(key), None)
        }
        Drift::Shown { key, .. } => ("missing", Some(key), None),
        Drift::ShownOtherwise { key, .. } => ("shown-otherwise", Some(key), None),
        Drift::OriginChanged { key, .. } => ("type-changed", Some(key), None),
        Drift::FolderChanged { key, place, .. } => ("folder-changed", Some(key), Some(place)),
        Drift::OtherContent(other) => ("other-content", Some(&other.key), None),
        Drift::ConflictMarkers { .. } => ("conflict-markers", None, None),
        Drift::NotCanonical => ("not-canonical", None, None),
    };
    DriftItem {
        kind: kind.to_owned(),
        key: key.map(|key| key.selector().to_string()),
        place: place.map(ToString::to_string),
        message: drift.to_string(),
        fix: match drift {
            Drift::OtherContent(other) => format!("deps update {}", other.key.name),
            _ => "deps lock".to_owned(),
        },
    }
}
