//! Why a stage key is another one, as text and as JSON (`schema/why.json`).

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::cause::{CauseReport, cause_report};
use crate::plan::why::{Cause, Explanation, State};

/// What `deps why --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps why --json")]
pub struct WhyReport {
    /// The version of this format.
    pub schema: u32,
    /// The stage.
    pub stage: String,
    /// What it is compared with: a git revision, or `last build`.
    pub against: String,
    /// One answer a platform, sorted.
    pub platforms: Vec<PlatformWhy>,
}

/// Why the key of a stage is another one on one platform.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlatformWhy {
    /// The platform, like `linux/amd64`.
    pub platform: String,
    /// `unchanged`, `new`, `removed` or `changed`.
    pub state: String,
    /// The old key; absent for a new stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The new key; absent for a stage that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What changed in the stage itself.
    pub causes: Vec<CauseReport>,
    /// What changed in stages below, of which it is made.
    pub follows: Vec<FollowReport>,
}

/// A stage below that changed by itself.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FollowReport {
    /// The stage.
    pub stage: String,
    /// What changed there.
    pub causes: Vec<CauseReport>,
}

/// Returns the report of a stage on one platform.
pub fn platform_why(platform: &str, explanation: &Explanation) -> PlatformWhy {
    let reports = |causes: &[Cause]| causes.iter().map(cause_report).collect::<Vec<_>>();
    let follows = explanation.follows.iter();
    let follow = |follow: &crate::plan::why::Follow| FollowReport {
        stage: follow.stage.clone(),
        causes: reports(&follow.causes),
    };
    PlatformWhy {
        platform: platform.to_owned(),
        state: state_name(explanation.state).to_owned(),
        before: explanation.key.before.clone(),
        after: explanation.key.after.clone(),
        causes: reports(&explanation.causes),
        follows: follows.map(follow).collect(),
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Unchanged => "unchanged",
        State::New => "new",
        State::Removed => "removed",
        State::Changed => "changed",
    }
}

/// Returns the report as people read it.
pub fn why_text(report: &WhyReport) -> String {
    let mut text = String::new();
    for platform in &report.platforms {
        let on = if report.platforms.len() > 1 { format!(" on {}", platform.platform) } else { String::new() };
        text.push_str(&platform_text(&format!("stage {}{on}", report.stage), &report.against, platform));
    }
    text
}

fn platform_text(stage: &str, against: &str, report: &PlatformWhy) -> String {
    let key = |key: &Option<String>| key.as_deref().map_or("", |key| &key[..key.len().min(12)]).to_owned();
    let (before, after) = (key(&report.before), key(&report.after));
    let mut text = match report.state.as_str() {
        "unchanged" => format!("{stage} has not changed since {against}: {after}\n"),
        "new" => format!("{stage} is new since {against}: {after}\n"),
        "removed" => format!("{stage} is gone since {against}: {before}\n"),
        _ => format!("{stage} changed since {against}: {before} → {after}\n"),
    };
    causes_text(&mut text, "  ", &report.causes);
    for FollowReport { stage, causes } in &report.follows {
        writeln!(text, "  follows {stage}:").expect(WRITES);
        causes_text(&mut text, "    ", causes);
    }
    text
}

fn causes_text(text: &mut String, indent: &str, causes: &[CauseReport]) {
    for cause in causes {
        writeln!(text, "{indent}{}", cause.text).expect(WRITES);
        for line in &cause.diff {
            let line: String = line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
            writeln!(text, "{indent}  {}", line.trim_end()).expect(WRITES);
        }
    }
}

const WRITES: &str = "a String takes every write";
