//! The graph as a page: the drawing, and a table of the stages. One file; no script, nothing is loaded.

use std::fmt::Write as _;

use super::drawing::{escaped, svg};
use super::{GraphReport, NodeReport, WRITES, colour};

const STYLE: &str = "\
body { font-family: sans-serif; margin: 2em; color: #111; background: #fff }
.graph { overflow: auto; border: 1px solid #ced4da }
table { border-collapse: collapse; margin-top: 1.5em }
th, td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #dee2e6; vertical-align: top }
code { font-size: .95em }";

/// Returns the graph as an HTML page.
pub fn html(graph: &GraphReport) -> String {
    let title = format!("stages of {} on {}", escaped(&graph.name), escaped(&graph.platform));
    let against = match &graph.against {
        Some(against) => format!("Steps compared with {}.", escaped(against)),
        None => "Not built on this engine yet: every step will run.".to_owned(),
    };
    let states = [("run", "has steps to run"), ("cached", "is cached"), ("empty", "has no steps")];
    let legend =
        states.map(|(state, text)| format!("<span style=\"background:{}\">&nbsp;{text}&nbsp;</span>", colour(state)));
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{against} {} A dashed edge is an impure stage.</p>\n<div class=\"graph\">\n{}</div>\n\
         <table>\n<tr><th>stage</th><th>kind</th><th>key</th><th>purity</th><th>steps</th><th>why</th><th>about</th><th>made of</th></tr>\n",
        legend.join(" "),
        svg(graph),
    );
    for stage in &graph.stages {
        let below = graph.below(&stage.name).collect::<Vec<_>>().join(", ");
        row(&mut text, stage, &below);
    }
    text + "</table>\n</body>\n</html>\n"
}

fn row(text: &mut String, stage: &NodeReport, below: &str) {
    let steps = stage.steps();
    let why = stage.reason.as_deref().unwrap_or_default();
    let cells = [&stage.name, &stage.kind, stage.short_key(), stage.purity(), &steps, why, &stage.about, below];
    let cells = cells.map(|cell| format!("<td>{}</td>", escaped(cell)));
    writeln!(text, "<tr style=\"background:{}40\">{}</tr>", colour(&stage.state), cells.concat()).expect(WRITES);
}
