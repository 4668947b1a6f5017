//! What `deps lock --verify` has found, as JSON (`schema/lock-verify.json`).

use schemars::JsonSchema;
use serde::Serialize;

use crate::resolve::{Finding, FindingKind, Held};

/// What `deps lock --verify --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps lock --verify --json")]
pub struct LockVerifyReport {
    /// The version of this format.
    pub schema: u32,
    /// How many entries the lock has.
    pub entries: usize,
    /// Whether nothing was found but warnings.
    pub verified: bool,
    /// Everything that was found, in the order of the lock's keys.
    pub findings: Vec<FoundReport>,
}

/// Something that is not as the lock says, or could not be looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FoundReport {
    /// `tag-moved`, `rewritten`, `vanished`, `endangered`, `unheld`, `gone`, `image-gone`, `file-gone`, `file-changed`,
    /// `revision-gone` (exit code 4) or `unreachable` (exit code 5).
    pub kind: String,
    /// `error`, or `warning` where nothing has happened yet.
    pub severity: String,
    /// The entry, like `repo:core/nav2`.
    pub key: String,
    /// Where it is asked for, like `underlay.repos:3:14`.
    pub place: String,
    /// The finding in words.
    pub message: String,
    /// What keeps the locked commit, where its own ref does not: `refs`, `requests` (pull requests and their like alone),
    /// `nobody` (the server still hands it out) or `gone`.
    pub held: Option<String>,
    /// The refs that lead to the locked commit, where its own does not.
    pub held_by: Vec<String>,
}

/// Returns the report of a lock with so many entries.
pub fn verify_json(entries: usize, findings: &[Finding]) -> String {
    let verified = findings.iter().all(|finding| finding.kind.is_warning());
    super::json(&LockVerifyReport { schema: 1, entries, verified, findings: findings.iter().map(found).collect() })
}

fn found(finding: &Finding) -> FoundReport {
    let (held, held_by) = match &finding.kind {
        FindingKind::Endangered { by, .. } => (Some("requests"), by.clone()),
        FindingKind::Unheld { .. } => (Some("nobody"), Vec::new()),
        FindingKind::Gone { .. } => (Some("gone"), Vec::new()),
        kind => match kind.held() {
            Some(Held::Refs(refs)) => (Some("refs"), refs.clone()),
            Some(Held::Requests(refs)) => (Some("requests"), refs.clone()),
            Some(Held::Nobody) => (Some("nobody"), Vec::new()),
            Some(Held::Gone) => (Some("gone"), Vec::new()),
            None => (None, Vec::new()),
        },
    };
    FoundReport {
        kind: word(&finding.kind).to_owned(),
        severity: if finding.kind.is_warning() { "warning" } else { "error" }.to_owned(),
        key: finding.key.selector().to_string(),
        place: finding.place.to_string(),
        message: finding.kind.to_string(),
        held: held.map(str::to_owned),
        held_by,
    }
}

fn word(kind: &FindingKind) -> &'static str {
    match kind {
        FindingKind::TagMoved { .. } => "tag-moved",
        FindingKind::Rewritten { .. } => "rewritten",
        FindingKind::Vanished { .. } => "vanished",
        FindingKind::Endangered { .. } => "endangered",
        FindingKind::Unheld { .. } => "unheld",
        FindingKind::Gone { .. } => "gone",
        FindingKind::ImageGone { .. } => "image-gone",
        FindingKind::FileGone { .. } => "file-gone",
        FindingKind::FileChanged { .. } => "file-changed",
        FindingKind::RevisionGone { .. } => "revision-gone",
        FindingKind::Remote(_) => "unreachable",
    }
}
