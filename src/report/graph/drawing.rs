//! The graph as SVG, from left to right.
//!
//! Decides where stages stand: in columns, each as near as it can to what is made of it, and in a column so that lines
//! cross little. A plain placement of our own: the layouts that programs for graphs make of 500 stages take half a minute.
//! No font is asked for that not every machine has, and nothing is loaded.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{GraphReport, NodeReport, WRITES, colour};

/// The height of a box, in pixels.
const HEIGHT: u32 = 60;
/// The width of a letter: a little more than it takes.
const LETTER: u32 = 8;
/// Space around the graph, and between boxes of a column.
const SPACE: u32 = 16;
/// Space between columns, for the lines.
const BETWEEN: u32 = 90;
/// How often columns are put in order by their neighbours.
const SWEEPS: usize = 4;

/// Where a stage stands: its upper left corner and its width.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    x: u32,
    y: u32,
    width: u32,
}

/// The graph with numbers in place of names.
struct Numbers {
    below: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
}

/// Returns the graph as an SVG document.
pub fn svg(graph: &GraphReport) -> String {
    let numbers = Numbers::of(graph);
    let places = places(graph, &numbers);
    let width = places.iter().map(|place| place.x + place.width).max().unwrap_or(0) + SPACE;
    let height = places.iter().map(|place| place.y + HEIGHT).max().unwrap_or(0) + SPACE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>stages of {}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#868e96\"/></marker></defs>\n",
        escaped(&graph.name)
    );
    for (to, below) in numbers.below.iter().enumerate() {
        below.iter().for_each(|from| text.push_str(&line(&places[*from], &places[to])));
    }
    graph.stages.iter().zip(&places).for_each(|(stage, place)| text.push_str(&boxed(stage, place)));
    text + "</svg>\n"
}

fn line(from: &Place, to: &Place) -> String {
    let (x, y) = (from.x + from.width, from.y + HEIGHT / 2);
    let (end, end_y) = (to.x, to.y + HEIGHT / 2);
    let bend = end.saturating_sub(x) / 2;
    format!(
        "<path d=\"M{x} {y}C{} {y},{} {end_y},{end} {end_y}\" fill=\"none\" stroke=\"#868e96\" marker-end=\"url(#tip)\"/>\n",
        x + bend,
        end - bend,
    )
}

fn boxed(stage: &NodeReport, place: &Place) -> String {
    let Place { x, y, width } = place;
    let edge = if stage.pure { "" } else { " stroke-dasharray=\"5 3\"" };
    let mut text = format!(
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"8\" fill=\"{}\" stroke=\"#495057\"{edge}/>",
        escaped(&stage.about),
        colour(&stage.state),
    );
    for (number, line) in (0_u32..).zip(lines(stage)) {
        let weight = if number == 0 { " font-weight=\"bold\"" } else { "" };
        let (x, y, line) = (x + width / 2, y + 18 + 16 * number, escaped(&line));
        write!(text, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#111\"{weight}>{line}</text>")
            .expect(WRITES);
    }
    text + "</g>\n"
}

fn lines(stage: &NodeReport) -> [String; 3] {
    [stage.name.clone(), stage.short_key().to_owned(), format!("{}, {}", stage.purity(), stage.steps())]
}

/// Places the stages.
fn places(graph: &GraphReport, numbers: &Numbers) -> Vec<Place> {
    let columns = numbers.columns();
    let highest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let tall = |boxes: usize| u32::try_from(boxes).unwrap_or(u32::MAX / 1024) * (HEIGHT + SPACE);
    let letters = |stage: &NodeReport| lines(stage).iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = |stage: &NodeReport| u32::try_from(letters(stage)).unwrap_or(0).min(1024) * LETTER + SPACE;
    let mut places = vec![Place::default(); graph.stages.len()];
    let mut x = SPACE;
    for column in columns {
        let widest = column.iter().map(|stage| width(&graph.stages[*stage])).max().unwrap_or(0);
        let mut y = SPACE + (tall(highest) - tall(column.len())) / 2;
        for stage in column {
            places[stage] = Place { x, y, width: widest };
            y += HEIGHT + SPACE;
        }
        x += widest + BETWEEN;
    }
    places
}

impl Numbers {
    fn of(graph: &GraphReport) -> Self {
        let stages = graph.stages.iter().enumerate();
        let number: BTreeMap<&str, usize> = stages.map(|(number, stage)| (stage.name.as_str(), number)).collect();
        let mut numbers = Self { below: vec![Vec::new(); number.len()], above: vec![Vec::new(); number.len()] };
        for edge in &graph.edges {
            if let (Some(from), Some(to)) = (number.get(edge.from.as_str()), number.get(edge.to.as_str())) {
                numbers.below[*to].push(*from);
                numbers.above[*from].push(*to);
            }
        }
        numbers
    }

    /// The columns from left to right: the image alone in the last one, everything else left of what is made of it.
    fn columns(&self) -> Vec<Vec<usize>> {
        let mut distance = vec![0_usize; self.above.len()];
        // Stages stand behind those that they are made of.
        for stage in (0..self.above.len()).rev() {
            distance[stage] = self.above[stage].iter().map(|above| distance[*above] + 1).max().unwrap_or(0);
        }
        let last = distance.iter().max().copied().unwrap_or(0);
        let mut columns = vec![Vec::new(); last + 1];
        distance.iter().enumerate().for_each(|(stage, distance)| columns[last - distance].push(stage));
        let mut rank = vec![0_usize; self.above.len()];
        for sweep in 0..SWEEPS {
            for column in &mut columns {
                let neighbours = if sweep % 2 == 0 { &self.above } else { &self.below };
                column.sort_by_key(|stage| (middle(&neighbours[*stage], &rank, rank[*stage]), *stage));
                column.iter().enumerate().for_each(|(place, stage)| rank[*stage] = place);
            }
        }
        columns
    }
}

/// The middle of where `neighbours` stand, in thousandths; `own` for a stage without any.
fn middle(neighbours: &[usize], rank: &[usize], own: usize) -> usize {
    let sum: usize = neighbours.iter().map(|one| rank[*one] * 1000).sum();
    sum.checked_div(neighbours.len()).unwrap_or(own * 1000)
}

/// Spells `text` for XML and HTML.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut result = String::new();
    for c in super::printable(text).chars() {
        match c {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            c => result.push(c),
        }
    }
    result
}
