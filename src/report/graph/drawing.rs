//! The graph as SVG: layout-rs says where things stand, what they look like is decided here.
//!
//! No text reaches layout-rs, no font is asked for that not every machine has, and nothing is loaded.

use std::fmt::Write as _;

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::{GraphReport, NodeReport, WRITES, colour};

/// The height of a box, in pixels.
const HEIGHT: f64 = 60.0;
/// The width of a letter: a little more than it takes.
const LETTER: f64 = 8.0;
/// Space around the graph.
const MARGIN: f64 = 16.0;

/// What layout-rs draws: boxes by the numbers of their stages, and curves.
#[derive(Debug, Default)]
struct Canvas {
    boxes: Vec<(usize, Point, Point)>,
    curves: Vec<Vec<(Point, Point)>>,
}

impl RenderBackend for Canvas {
    fn draw_rect(&mut self, xy: Point, size: Point, _: &StyleAttr, stage: Option<String>, _: Option<ClipHandle>) {
        // What has no number is a bend of a line.
        if let Some(number) = stage.and_then(|number| number.parse().ok()) {
            self.boxes.push((number, xy, size));
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        _: bool,
        _: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        self.curves.push(path.to_vec());
    }

    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_text(&mut self, _: Point, _: &str, _: &StyleAttr) {}

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

/// Returns the graph as an SVG document.
pub fn svg(graph: &GraphReport) -> String {
    let canvas = placed(graph);
    let (from, to) = canvas.window();
    let (width, height) = (to.x - from.x + 2.0 * MARGIN, to.y - from.y + 2.0 * MARGIN);
    let place = |point: &Point| format!("{:.1} {:.1}", point.x - from.x + MARGIN, point.y - from.y + MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>stages of {}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#868e96\"/></marker></defs>\n",
        escaped(&graph.name)
    );
    for curve in &canvas.curves {
        let Some(((start, control), rest)) = curve.split_first() else { continue };
        let mut path = format!("M{} C{}", place(start), place(control));
        for (number, (point, control)) in rest.iter().enumerate() {
            let join = if number == 0 { "," } else { " S" };
            write!(path, "{join} {}, {}", place(control), place(point)).expect(WRITES);
        }
        writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"#868e96\" marker-end=\"url(#tip)\"/>").expect(WRITES);
    }
    for (number, xy, size) in &canvas.boxes {
        if let Some(stage) = graph.stages.get(*number) {
            text.push_str(&box_text(stage, xy.x - from.x + MARGIN, xy.y - from.y + MARGIN, size));
        }
    }
    text + "</svg>\n"
}

fn box_text(stage: &NodeReport, x: f64, y: f64, size: &Point) -> String {
    let edge = if stage.pure { "" } else { " stroke-dasharray=\"5 3\"" };
    let lines =
        [&stage.name, stage.short_key(), &format!("{}, {}", stage.purity(), stage.steps())].map(|line| escaped(line));
    let mut text = format!(
        "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{}\" stroke=\"#495057\"{edge}/>",
        escaped(&stage.about),
        size.x,
        size.y,
        colour(&stage.state),
    );
    for (number, line) in (0_u8..).zip(lines) {
        let weight = if number == 0 { " font-weight=\"bold\"" } else { "" };
        let (x, y) = (x + size.x / 2.0, y + 18.0 + 16.0 * f64::from(number));
        write!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" fill=\"#111\"{weight}>{line}</text>")
            .expect(WRITES);
    }
    text + "</g>\n"
}

/// Lets layout-rs place the stages, from left to right.
fn placed(graph: &GraphReport) -> Canvas {
    let mut layout = VisualGraph::new(Orientation::LeftToRight);
    let look = StyleAttr::simple();
    let node = |(number, stage): (usize, &NodeReport)| {
        let letters = stage.name.chars().count().max(stage.purity().len() + stage.steps().len() + 2);
        let size = Point::new(f64::from(u32::try_from(letters).unwrap_or(u32::MAX)) * LETTER + 16.0, HEIGHT);
        let shape = ShapeKind::new_box("");
        Element::create_with_properties(shape, look.clone(), Orientation::LeftToRight, size, number.to_string())
    };
    let nodes: Vec<Element> = graph.stages.iter().enumerate().map(node).collect();
    let handles: Vec<_> = nodes.into_iter().map(|node| layout.add_node(node)).collect();
    let handle = |name: &str| handles.get(graph.stages.iter().position(|stage| stage.name == name)?).copied();
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (handle(&edge.from), handle(&edge.to)) {
            layout.add_edge(Arrow::simple(""), from, to);
        }
    }
    let mut canvas = Canvas::default();
    layout.do_it(false, false, false, &mut canvas);
    canvas
}

impl Canvas {
    /// The corners of everything that is drawn.
    fn window(&self) -> (Point, Point) {
        let corners = self.boxes.iter().flat_map(|(_, xy, size)| [*xy, Point::new(xy.x + size.x, xy.y + size.y)]);
        let points = self.curves.iter().flatten().flat_map(|(point, control)| [*point, *control]);
        let mut all = corners.chain(points);
        let first = all.next().unwrap_or(Point::zero());
        all.fold((first, first), |(from, to), point| {
            (Point::new(from.x.min(point.x), from.y.min(point.y)), Point::new(to.x.max(point.x), to.y.max(point.y)))
        })
    }
}

/// Spells `text` for XML and HTML.
pub(super) fn escaped(text: &str) -> String {
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
