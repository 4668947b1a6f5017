//! A build as a page: what was foreseen of every step, what became of it, and what every stage key is made of.
//!
//! One file that stands alone: no script, nothing is loaded. Decides words and layout; only times differ between two pages
//! of one build. Leaves out what happened and where the page goes (`cli/`).

use std::fmt::Write as _;

use super::graph::{escaped, graph_report, svg};
use super::plan::{PlanReport, PlatformReport, StageReport};
use super::prediction::StepReport;
use crate::plan::record::{Fact, Pin, Record, Section, StageRecord, Subject, Value};

const STYLE: &str = "\
body { font-family: sans-serif; margin: 2em; color: #111; background: #fff }
.graph { overflow: auto; border: 1px solid #ced4da }
table { border-collapse: collapse; width: 100%; margin: .5em 0 }
th, td { text-align: left; padding: .2em .6em; border-bottom: 1px solid #dee2e6; vertical-align: top }
.run { background: #ffd8a840 } .cached { background: #b2f2bb40 } .failed { background: #ffa8a8 } .otherwise { font-weight: bold }
.bar { display: inline-block; height: .7em; background: #f08c00; margin-right: .5em }
code, pre { font-size: .95em } pre { margin: 0; white-space: pre-wrap }";

/// The width of the bar of the longest step, in pixels.
const LONGEST: f64 = 160.0;

const WRITES: &str = "a String takes every write";

/// A build that has ended.
#[derive(Debug)]
pub struct BuildPage<'a> {
    /// What was planned and foreseen.
    pub plan: &'a PlanReport,
    /// What the keys of the platforms that were built are made of.
    pub records: Vec<&'a Record>,
    /// What the engine did, step by step.
    pub facts: Vec<StepFact>,
    /// What it came to, in a line.
    pub summary: String,
    /// Whether steps did as foreseen, in lines; empty after a failure.
    pub agreement: String,
}

/// What the engine did with a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFact {
    /// The platform, where the build has several.
    pub platform: Option<String>,
    /// The stage.
    pub stage: String,
    /// Which of the stage's counted instructions it is, from 1.
    pub index: u32,
    /// `RUN`, `ADD`, `COPY`, `LINK` or `WORKDIR`.
    pub kind: String,
    /// `cached`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// How long it took, where it is done.
    pub seconds: Option<f64>,
}

/// Returns the page of a build.
pub fn build_page(page: &BuildPage<'_>) -> String {
    let title = format!("build of {}", escaped(&page.plan.name));
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escaped(&page.summary)
    );
    for line in page.agreement.lines().filter(|line| !line.is_empty()) {
        writeln!(text, "<p>{}</p>", escaped(line)).expect(WRITES);
    }
    writeln!(text, "<p>Plan key <code>{}</code></p>", escaped(&page.plan.key)).expect(WRITES);
    for record in &page.records {
        if let Some(platform) = page.plan.platforms.iter().find(|platform| platform.platform == record.platform) {
            platform_section(&mut text, page, platform, record);
        }
    }
    text + "</body>\n</html>\n"
}

fn platform_section(text: &mut String, page: &BuildPage<'_>, platform: &PlatformReport, record: &Record) {
    let name = escaped(&platform.platform);
    writeln!(text, "<h2>{name}</h2>\n<p>The stages as they were foreseen:</p>").expect(WRITES);
    writeln!(text, "<div class=\"graph\">\n{}</div>", svg(&graph_report(page.plan, platform))).expect(WRITES);
    let here =
        |fact: &&StepFact| fact.platform.as_deref().is_none_or(|of| of.split("->").last() == Some(&platform.platform));
    let facts: Vec<&StepFact> = page.facts.iter().filter(here).collect();
    let longest = facts.iter().filter_map(|fact| fact.seconds).fold(0.1, f64::max);
    for stage in &platform.stages {
        stage_section(text, stage, &facts, longest);
        if let Some(record) = record.stage(&stage.name) {
            inputs(text, record);
        }
    }
}

fn stage_section(text: &mut String, stage: &StageReport, facts: &[&StepFact], longest: f64) {
    let purity = match stage.impure.as_slice() {
        [] => "pure".to_owned(),
        why => format!("impure: {}", why.join(", ")),
    };
    let own: Vec<&StepFact> = facts.iter().copied().filter(|fact| fact.stage == stage.name).collect();
    let seconds: f64 = own.iter().filter_map(|fact| fact.seconds).sum();
    let about = [&stage.kind, &stage.about, &purity].map(|part| escaped(part));
    let about = about.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let (name, key) = (escaped(&stage.name), escaped(&stage.key));
    writeln!(text, "<h3>{name}</h3>\n<p>{about} · {seconds:.1}s<br>key <code>{key}</code></p>").expect(WRITES);
    if stage.steps.is_empty() {
        return;
    }
    text.push_str("<table>\n<tr><th>step</th><th>instruction</th><th>foreseen</th><th>happened</th></tr>\n");
    for step in &stage.steps {
        let fact = own.iter().find(|fact| fact.index == step.index && fact.kind == step.kind);
        row(text, step, fact.copied(), longest);
    }
    text.push_str("</table>\n");
}

fn row(text: &mut String, step: &StepReport, fact: Option<&StepFact>, longest: f64) {
    let foreseen = match &step.reason {
        Some(reason) => format!("{}: {}", step.state, reason),
        None => step.state.clone(),
    };
    let (class, happened) = match fact {
        // An engine reports steps that several stages begin with once.
        None => (String::new(), "not reported".to_owned()),
        Some(StepFact { state, seconds: Some(seconds), .. }) if state == "done" => {
            let width = (seconds / longest * LONGEST).max(1.0);
            let bar = format!("<span class=\"bar\" style=\"width:{width:.0}px\"></span>{seconds:.1}s");
            (class("run", step), bar)
        }
        Some(StepFact { state, .. }) => (class(state, step), escaped(state)),
    };
    let (index, instruction, foreseen) = (step.index, escaped(&step.instruction), escaped(&foreseen));
    let cells = format!("<td>{index}</td><td><code>{instruction}</code></td><td>{foreseen}</td><td>{happened}</td>");
    writeln!(text, "<tr class=\"{class}\">{cells}</tr>").expect(WRITES);
}

/// What a row looks like in which a step did `state`, and whether that was foreseen.
fn class(state: &str, step: &StepReport) -> String {
    let state = if state == "cancelled" { "failed" } else { state };
    let otherwise = matches!(state, "run" | "cached") && state != step.state && !step.unless_same;
    format!("{}{}", escaped(state), if otherwise { " otherwise" } else { "" })
}

/// Everything that entered the stage's key.
fn inputs(text: &mut String, record: &StageRecord) {
    let count = super::count(record.facts.len() + record.parents.len(), "input", "inputs");
    writeln!(text, "<details><summary>{count} of its key</summary>\n<table>").expect(WRITES);
    for (name, key) in &record.parents {
        input(text, &format!("stage {name}"), key, None);
    }
    for Fact { subject, value, by } in &record.facts {
        input(text, &subject_words(subject), &value_words(value), by.as_deref());
    }
    text.push_str("</table></details>\n");
}

fn input(text: &mut String, subject: &str, value: &str, by: Option<&str>) {
    let by = by.map_or_else(String::new, |by| format!("by {by}"));
    // A value may have lines; what else controls a terminal or a page is spelled.
    let value = value.lines().map(escaped).collect::<Vec<_>>().join("\n");
    let (subject, by) = (escaped(subject), escaped(&by));
    writeln!(text, "<tr><td>{subject}</td><td><pre>{value}</pre></td><td>{by}</td></tr>").expect(WRITES);
}

fn subject_words(subject: &Subject) -> String {
    match subject {
        Subject::Base => "base".to_owned(),
        Subject::Package(name) => format!("package {name}"),
        Subject::PackageSource(name) => format!("package repository {name}"),
        Subject::PackageKey(name) => format!("key of package repository {name}"),
        Subject::Repository(key) => format!("repository {key}"),
        Subject::Input(name) => format!("input {name}"),
        Subject::Extension(name) => format!("extension {name}"),
        Subject::Option { extension, name } => format!("option {extension}.{name}"),
        Subject::Template(path) => format!("snippet {path}"),
        Subject::File { extension, path } => format!("file {path} of {extension}"),
        Subject::CaCertificates => "the host's CA certificates".to_owned(),
        Subject::Argument(name) => format!("argument {name}"),
        Subject::Variable(name) => format!("variable {name}"),
        Subject::User => "user".to_owned(),
        Subject::Workdir(folder) => format!("workdir {folder}"),
        Subject::Tree(to) => format!("content of {to}"),
        Subject::Copy { stage, to } => format!("copy from {stage} to {to}"),
        Subject::Steps(Section::Packages) => "steps that install packages".to_owned(),
        Subject::Steps(Section::User) => "steps that make the user".to_owned(),
        Subject::Steps(Section::Sources) => "steps that fetch checkouts".to_owned(),
        Subject::Steps(Section::Snippet(path)) => format!("steps of {path}"),
        Subject::Sequence => "order of the steps".to_owned(),
    }
}

fn value_words(value: &Value) -> String {
    match value {
        Value::Present => String::new(),
        Value::Text(text) | Value::Lines(text) => text.clone(),
        Value::Image(image) => format!("{}@{}", image.reference, image.digest),
        Value::Pin(Pin { reference, rev, tree, to }) => {
            format!("{} {rev}\ntree {tree}\nin {to}", reference.as_deref().unwrap_or("HEAD"))
        }
        Value::Release(release) => format!("{} {}", release.version, release.digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(state: &str) -> StepReport {
        StepReport {
            index: 2,
            kind: "RUN".into(),
            instruction: "RUN echo '<b>' & \"x\"".into(),
            state: state.into(),
            reason: (state == "run").then(|| "package added: <jq>".to_owned()),
            unless_same: false,
        }
    }

    fn fact(state: &str, seconds: Option<f64>) -> StepFact {
        let (stage, kind, state) = ("s".to_owned(), "RUN".to_owned(), state.to_owned());
        StepFact { platform: None, stage, index: 2, kind, state, seconds }
    }

    fn rows(step: &StepReport, fact: Option<&StepFact>) -> String {
        let mut text = String::new();
        row(&mut text, step, fact, 2.0);
        text
    }

    #[test]
    fn a_step_says_what_was_foreseen_and_what_happened() {
        let instruction = "<code>RUN echo &#39;&lt;b&gt;&#39; &amp; &quot;x&quot;</code>";
        assert_eq!(
            rows(&step("run"), Some(&fact("done", Some(1.0)))),
            format!(
                "<tr class=\"run\"><td>2</td><td>{instruction}</td><td>run: package added: &lt;jq&gt;</td>\
                 <td><span class=\"bar\" style=\"width:80px\"></span>1.0s</td></tr>\n"
            )
        );
        assert!(rows(&step("cached"), Some(&fact("done", Some(1.0)))).contains("class=\"run otherwise\""));
        assert!(rows(&step("cached"), Some(&fact("cached", None))).contains("class=\"cached\""));
        assert!(rows(&step("run"), Some(&fact("failed", None))).contains("class=\"failed\""));
        assert!(rows(&step("run"), None).contains("<td>not reported</td>"));
    }

    #[test]
    fn an_input_can_leave_its_cell_in_no_way() {
        let mut text = String::new();
        input(&mut text, "option a.<b>", "one\n</pre><script>\u{1b}[0m", Some("\"x\""));
        let value = "one\n&lt;/pre&gt;&lt;script&gt;\u{fffd}[0m";
        let expected =
            format!("<tr><td>option a.&lt;b&gt;</td><td><pre>{value}</pre></td><td>by &quot;x&quot;</td></tr>\n");
        assert_eq!(text, expected);
    }
}
