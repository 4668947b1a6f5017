//! The graph of stages as text, DOT, Mermaid, SVG, HTML and JSON (`schema/graph.json`).
//!
//! Decides what a stage says of itself in a graph: name, short key, purity, how many of its steps will run. Names come
//! from extensions and manifests: each form spells what is special in it.

mod drawing;
mod page;

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::plan::{PlanReport, PlatformReport, StageReport};

pub(super) use drawing::escaped;
pub use drawing::svg;
pub use page::html;

/// What `deps graph --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps graph --json")]
pub struct GraphReport {
    /// The version of this format.
    pub schema: u32,
    /// The image's name.
    pub name: String,
    /// What the states come from: a git revision, or `the last build`; absent before a first build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The platform, like `linux/amd64`.
    pub platform: String,
    /// The stages in canonical order; the last one is the image.
    pub stages: Vec<NodeReport>,
    /// What is made of what.
    pub edges: Vec<EdgeReport>,
}

/// A stage.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NodeReport {
    /// The name.
    pub name: String,
    /// `apt`, `builder`, `output`, `sources`, `runtime` or `final`.
    pub kind: String,
    /// What is in it, for people.
    pub about: String,
    /// The key, 64 hexadecimal digits.
    pub key: String,
    /// Whether it depends on nothing but the lock.
    pub pure: bool,
    /// `run` when a step of it will run, `cached` when none will, `empty` when it has none.
    pub state: String,
    /// How many steps will run.
    pub run: usize,
    /// How many steps are expected to be cached.
    pub cached: usize,
    /// Why its first step that runs does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A stage that another is made of.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EdgeReport {
    /// The stage below.
    pub from: String,
    /// The stage that is made of it.
    pub to: String,
}

/// Returns the graph of a plan on one of its platforms.
pub fn graph_report(plan: &PlanReport, platform: &PlatformReport) -> GraphReport {
    let edges = |stage: &StageReport| {
        let edge = |from: &String| EdgeReport { from: from.clone(), to: stage.name.clone() };
        stage.parents.iter().map(edge).collect::<Vec<_>>()
    };
    GraphReport {
        schema: 1,
        name: plan.name.clone(),
        against: plan.against.clone(),
        platform: platform.platform.clone(),
        stages: platform.stages.iter().map(node).collect(),
        edges: platform.stages.iter().flat_map(edges).collect(),
    }
}

fn node(stage: &StageReport) -> NodeReport {
    let run = stage.steps.iter().filter(|step| step.state == "run").count();
    let cached = stage.steps.len() - run;
    let state = match (run, cached) {
        (0, 0) => "empty",
        (0, _) => "cached",
        _ => "run",
    };
    NodeReport {
        name: stage.name.clone(),
        kind: stage.kind.clone(),
        about: stage.about.clone(),
        key: stage.key.clone(),
        pure: stage.impure.is_empty(),
        state: state.to_owned(),
        run,
        cached,
        reason: stage.steps.iter().find_map(|step| step.reason.clone()),
    }
}

impl NodeReport {
    /// The beginning of its key.
    fn short_key(&self) -> &str {
        &self.key[..self.key.len().min(12)]
    }

    fn purity(&self) -> &'static str {
        if self.pure { "pure" } else { "impure" }
    }

    /// What its steps will do, in a few words.
    fn steps(&self) -> String {
        match (self.run, self.cached) {
            (0, 0) => "no steps".to_owned(),
            (0, _) => "cached".to_owned(),
            (run, 0) => format!("{run} to run"),
            (run, cached) => format!("{run} to run, {cached} cached"),
        }
    }
}

impl GraphReport {
    /// The stages that `name` is made of.
    fn below<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.edges.iter().filter(move |edge| edge.to == name).map(|edge| edge.from.as_str())
    }
}

/// Returns one line a stage, each behind those that it is made of.
pub fn graph_text(graph: &GraphReport) -> String {
    let width = graph.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
    let steps = graph.stages.iter().map(|stage| stage.steps().len()).max().unwrap_or(0);
    let mut text = format!("stages of {} on {}\n", graph.name, graph.platform);
    for stage in &graph.stages {
        let (name, key, purity) = (&stage.name, stage.short_key(), stage.purity());
        let below = graph.below(name).collect::<Vec<_>>().join(", ");
        let arrow = if below.is_empty() { String::new() } else { format!("  ← {below}") };
        let line = format!("  {name:width$}  {key}  {purity:6}  {:steps$}{arrow}", stage.steps());
        writeln!(text, "{}", line.trim_end()).expect(WRITES);
    }
    text
}

/// Returns the graph in Graphviz's language.
pub fn dot(graph: &GraphReport) -> String {
    let quoted = |text: &str| format!("\"{}\"", printable(text).replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quoted(&graph.name));
    text.push_str("  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n");
    for stage in &graph.stages {
        let label = [&*stage.name, stage.short_key(), stage.purity(), &stage.steps()].map(quoted);
        let label = label.map(|line| line[1..line.len() - 1].to_owned()).join("\\n");
        let colour = colour(&stage.state);
        let name = quoted(&stage.name);
        writeln!(text, "  {name} [label=\"{label}\", fillcolor=\"{colour}\"];").expect(WRITES);
    }
    for edge in &graph.edges {
        writeln!(text, "  {} -> {};", quoted(&edge.from), quoted(&edge.to)).expect(WRITES);
    }
    text + "}\n"
}

/// Returns the graph in Mermaid's language.
pub fn mermaid(graph: &GraphReport) -> String {
    let number = |name: &str| graph.stages.iter().position(|stage| stage.name == name).unwrap_or(graph.stages.len());
    let mut text = "flowchart LR\n".to_owned();
    for (index, stage) in graph.stages.iter().enumerate() {
        let lines = [&*stage.name, stage.short_key(), stage.purity(), &stage.steps()].map(entities);
        writeln!(text, "  s{index}[\"{}\"]:::{}", lines.join("<br>"), stage.state).expect(WRITES);
    }
    for edge in &graph.edges {
        writeln!(text, "  s{} --> s{}", number(&edge.from), number(&edge.to)).expect(WRITES);
    }
    for state in ["run", "cached", "empty"] {
        writeln!(text, "  classDef {state} fill:{},color:#111", colour(state)).expect(WRITES);
    }
    text
}

/// Spells everything but letters, digits and a few signs as Mermaid's character codes.
fn entities(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " -_.,:/".contains(c);
    let spell = |c: char| if plain(c) { c.to_string() } else { format!("#{};", u32::from(c)) };
    printable(text).chars().map(spell).collect()
}

fn colour(state: &str) -> &'static str {
    match state {
        "run" => "#ffd8a8",
        "cached" => "#b2f2bb",
        _ => "#e9ecef",
    }
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

const WRITES: &str = "a String takes every write";

#[cfg(test)]
mod tests;
