//! How cost grows: `plan`, `dockerfile` and `lock --check` as processes, on projects of 10 to 10,000 stages or checkouts.
//!
//! Decides the shapes, and what is fitted: the exponent of `time ~ size ^ exponent`, by least squares over all sizes but the
//! first, which is mostly the start of a process. Prints Markdown; asserts nothing about time.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures, and prints what it has measured")]

use std::time::{Duration, Instant};

use crate::planning;
use crate::program::Project;

/// How often each command runs unless told.
pub(crate) const ROUNDS: usize = 20;
const LARGEST: usize = 10_000;
const SIZES: [usize; 4] = [10, 100, 1000, LARGEST];

/// A kind of project.
struct Shape {
    name: &'static str,
    commands: &'static [&'static [&'static str]],
    project: fn(usize) -> Project,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "extensions in folders of the project",
        commands: &[&["plan"], &["dockerfile"], &["lock", "--check"], &["graph"]],
        project: planning::with_extensions,
    },
    Shape {
        name: "checkouts",
        commands: &[&["plan"], &["dockerfile"], &["lock", "--check"], &["status"]],
        project: |size| planning::with_checkouts(size, "store"),
    },
    Shape {
        name: "checkouts that the build fetches itself",
        commands: &[&["plan"], &["dockerfile"]],
        project: |size| planning::with_checkouts(size, "mount"),
    },
];

/// Measures all shapes, `rounds` times each; the largest size a quarter as often.
pub(crate) fn print(rounds: usize) {
    println!("| | {} | exponent |", SIZES.map(|size| size.to_string()).join(" | "));
    println!("|---|{}", "---|".repeat(SIZES.len() + 1));
    for Shape { name, commands, project } in SHAPES {
        let projects = SIZES.map(project);
        let stages: Vec<String> = projects.iter().map(|project| planning::stages(project).to_string()).collect();
        println!("| **{name}**: stages | {} | |", stages.join(" | "));
        for command in commands {
            let least = |(project, size): (&Project, usize)| {
                let rounds = if size == LARGEST { rounds.div_ceil(4) } else { rounds };
                (0..rounds).map(|_| once(project, command)).min().unwrap_or_default()
            };
            let times: Vec<Duration> = projects.iter().zip(SIZES).map(least).collect();
            let shown: Vec<String> = times.iter().map(|time| format!("{:.1} ms", time.as_secs_f64() * 1e3)).collect();
            println!("| `deps {}` | {} | {:.2} |", command.join(" "), shown.join(" | "), exponent(&times));
        }
    }
}

fn once(project: &Project, command: &[&str]) -> Duration {
    let start = Instant::now();
    project.deps(command);
    start.elapsed()
}

/// The slope of the line that fits the logarithms of size and time best, without the first size.
fn exponent(times: &[Duration]) -> f64 {
    let points: Vec<(f64, f64)> =
        SIZES.iter().zip(times).skip(1).map(|(size, time)| ((*size as f64).ln(), time.as_secs_f64().ln())).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(&mut points.iter().map(|point| point.0)), mean(&mut points.iter().map(|point| point.1)));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    above / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}
