//! Working checkouts as text and as JSON (`schema/import.json`, `schema/status.json`).

use schemars::JsonSchema;
use serde::Serialize;

/// What `deps import --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps import --json")]
pub struct ImportReport {
    /// The version of this format.
    pub schema: u32,
    /// The checkouts that are wanted and those that are not any more, sorted by path.
    pub checkouts: Vec<ImportedReport>,
}

/// What became of a checkout.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportedReport {
    /// The path below the folder that was imported into.
    pub path: String,
    /// `at-pin`, `made`, `moved`, `left`, `failed`, `gone` (in no manifest any more) or `removed`.
    pub outcome: String,
    /// The commit that it is wanted at; absent for one that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
    /// The commit that it was at before it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The branch that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Why it was left, or what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What `deps status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps status --json")]
pub struct StatusReport {
    /// The version of this format.
    pub schema: u32,
    /// The checkouts that are wanted and those that are not, sorted by path.
    pub checkouts: Vec<CheckoutReport>,
}

/// A checkout compared with its pin.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct CheckoutReport {
    /// The path below the folder.
    pub path: String,
    /// Whether it is at its pin and nothing in it is changed.
    pub clean: bool,
    /// `at-pin`, `off-pin`, `missing`, `no-repository`, `other-repository`, `gone` (in no manifest any more) or `unknown` (in
    /// none, and not imported).
    pub state: String,
    /// The pinned commit; absent for one that no manifest names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
    /// What it is a checkout of, where that is another repository than the wanted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The commit that it is at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The branch that it is on; absent when detached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commits that it has and the pin has not; absent where history is too short to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<usize>,
    /// Commits that the pin has and it has not; absent where history is too short to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<usize>,
    /// Files that git knows, and submodules, that are changed.
    pub changed: usize,
    /// Files that git does not know.
    pub untracked: usize,
}

impl ImportedReport {
    /// Returns the line that people read; none for a checkout at its pin.
    pub fn line(&self) -> Option<String> {
        let branch = self.branch.as_ref().map_or(String::new(), |branch| format!("{branch} "));
        let rev = self.rev.as_deref().map_or("", short);
        let from = self.from.as_deref().map_or("", short);
        let reason = self.reason.as_deref().unwrap_or_default();
        match self.outcome.as_str() {
            "made" => Some(format!("+ {} {branch}{rev}", self.path)),
            "moved" => Some(format!("~ {} {from} → {branch}{rev}", self.path)),
            "removed" => Some(format!("- {}", self.path)),
            "gone" => Some(format!("? {} is in no manifest any more{}", self.path, because(reason))),
            "left" => Some(format!("! {} {reason}: left as it is", self.path)),
            _ => None,
        }
    }
}

impl CheckoutReport {
    /// Whether a manifest names it.
    pub fn is_wanted(&self) -> bool {
        self.rev.is_some()
    }

    /// Returns the line that people read.
    pub fn line(&self) -> String {
        let (mark, what) = match self.state.as_str() {
            "unknown" => ("?", "is in no manifest".to_owned()),
            "other-repository" => ("!", format!("is a checkout of `{}`", self.url.as_deref().unwrap_or_default())),
            "missing" => ("-", "is missing".to_owned()),
            "no-repository" => ("!", "is no git repository".to_owned()),
            "gone" => ("?", "is in no manifest any more".to_owned()),
            "at-pin" => (if self.clean { "=" } else { "*" }, self.place()),
            _ => (
                "~",
                format!("{}, the pin is {}{}", self.place(), self.rev.as_deref().map_or("", short), self.distance()),
            ),
        };
        format!("{mark} {} {what}{}", self.path, self.work())
    }

    fn place(&self) -> String {
        let head = self.head.as_deref().map_or("no commit", short);
        self.branch.as_ref().map_or_else(|| format!("at {head}"), |branch| format!("on {branch} at {head}"))
    }

    fn distance(&self) -> String {
        match (self.ahead, self.behind) {
            (Some(ahead), Some(behind)) => format!(" (+{ahead} −{behind} commits)"),
            _ => String::new(),
        }
    }

    fn work(&self) -> String {
        let part = |count: usize, what| if count == 0 { String::new() } else { format!(", {count} {what}") };
        part(self.changed, "changed") + &part(self.untracked, "untracked")
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!("; it {reason}, so it stays") }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
