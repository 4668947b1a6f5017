//! `deps graph`: what is made of what, to be looked at. Offline, without an engine.

use clap::{Args, ValueEnum};

use super::diagnostic::Diagnostic;
use super::outcome::{Failed, USAGE, print};
use super::recorded::{self, Asked, Compared};
use super::session::Session;
use crate::report::{self, GraphReport, PlatformReport};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// How the graph is written.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// The platform, where the project has several. Default: the first.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Tell which steps run for who has built this git revision, not the last build.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// The same as `--format json` (`deps schema graph`).
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line a stage.
    #[default]
    Text,
    /// Graphviz.
    Dot,
    /// For Markdown.
    Mermaid,
    /// A drawing.
    Svg,
    /// A page with the drawing and a table.
    Html,
    /// For programs.
    Json,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let planned = recorded::planned(session, &workspace, ", and a graph follows from it")?;
    let compared = Compared::of(session, &workspace, planned, &Asked::revision(options.against.as_deref()))?;
    let predictions = compared.predictions(planned);
    let plan = report::plan_report(&planned.loaded.project.name, &planned.plans, &predictions, compared.against());
    let graph = report::graph_report(&plan, platform(&plan.platforms, options.platform.as_deref())?);
    print(&text(&graph, if options.json { Format::Json } else { options.format }))
}

fn text(graph: &GraphReport, format: Format) -> String {
    match format {
        Format::Text => report::graph_text(graph),
        Format::Dot => report::dot(graph),
        Format::Mermaid => report::mermaid(graph),
        Format::Svg => report::svg(graph),
        Format::Html => report::html(graph),
        Format::Json => report::json(graph),
    }
}

fn platform<'a>(platforms: &'a [PlatformReport], wanted: Option<&str>) -> Result<&'a PlatformReport, Failed> {
    let fits = |platform: &&PlatformReport| wanted.is_none_or(|wanted| platform.platform == wanted);
    platforms.iter().find(fits).ok_or_else(|| {
        let known: Vec<&str> = platforms.iter().map(|platform| platform.platform.as_str()).collect();
        let message = format!("the project has no platform `{}`", wanted.unwrap_or_default());
        Failed::one(USAGE, Diagnostic::error(message).hint(Some(format!("it has `{}`", known.join("`, `")))))
    })
}
