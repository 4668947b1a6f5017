//! Reads `--progress=plain`: lines `#7 [stage 2/3] RUN …`, `#7 0.123 a line of its log`, `#7 CACHED`, `#7 DONE 1.2s`,
//! `#7 ERROR: …`, `#7 CANCELED`; a lone `#7 …` line repeats the name when the output turns to another step.
//!
//! Steps become known only when they begin, so their number grows during a build. From the first line `------` on,
//! everything is the engine's own account of a failure, which repeats log lines.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{End, Event, Progress, Step, StepId, printable_lines};
use crate::engine::text::printable;
use crate::provenance::Material;

/// The longest line that is waited for, in bytes; the rest of a longer one is dropped.
const LINE: usize = 1024 * 1024;

/// The reader. It holds one incomplete line and the names of the vertices.
#[derive(Debug, Default)]
pub struct Plain {
    waiting: Vec<u8>,
    vertices: BTreeMap<u32, Vertex>,
    account: bool,
    sent: u64,
}

#[derive(Debug)]
struct Vertex {
    name: String,
    step: bool,
}

impl Progress for Plain {
    fn feed(&mut self, bytes: &[u8], on: &mut dyn FnMut(Event)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE.saturating_sub(self.waiting.len());
            self.waiting.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.line(on);
            }
        }
    }

    fn finish(&mut self, on: &mut dyn FnMut(Event)) {
        self.line(on);
    }
}

impl Plain {
    fn line(&mut self, on: &mut dyn FnMut(Event)) {
        let bytes = std::mem::take(&mut self.waiting);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\n', '\r']);
        self.account |= line == "------";
        match numbered(line).filter(|_| !self.account) {
            Some((number, rest)) => self.vertex(number, rest, on),
            None if line.trim().is_empty() => {}
            None => on(Event::Tail(printable(line))),
        }
    }

    fn vertex(&mut self, number: u32, rest: &str, on: &mut dyn FnMut(Event)) {
        let id = StepId(format!("#{number}"));
        let Some(vertex) = self.vertices.get(&number) else {
            self.vertices.insert(number, begin(id, rest, on));
            return;
        };
        if let Some(end) = end(rest) {
            on(match end {
                end if vertex.step => Event::Finished(id, end),
                End::Failed { message, .. } => Event::Broken { name: vertex.name.clone(), message },
                _ => return,
            });
        } else if let Some(line) = log(rest).filter(|_| vertex.step) {
            on(Event::Log { step: id, line: printable(line) });
        } else if let Some(bytes) = sent(rest).filter(|bytes| *bytes > self.sent) {
            self.sent = bytes;
            on(Event::Sent(bytes));
        }
    }
}

fn begin(id: StepId, name: &str, on: &mut dyn FnMut(Event)) -> Vertex {
    let step = Step::read(id.clone(), name);
    let vertex = Vertex { name: printable_lines(name), step: step.is_some() };
    if let Some(step) = step {
        on(Event::Announced(step));
        on(Event::Started(id));
    } else if let Some(material) = Material::of_vertex(name) {
        on(Event::Took(material));
    }
    vertex
}

/// Splits `#7 rest`.
fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

fn end(rest: &str) -> Option<End> {
    if rest == "CACHED" {
        return Some(End::Cached);
    }
    if rest == "CANCELED" {
        return Some(End::Cancelled);
    }
    if let Some(error) = rest.strip_prefix("ERROR: ") {
        return Some(End::of_error(error));
    }
    let seconds = rest.strip_prefix("DONE ")?.strip_suffix('s')?.parse().ok()?;
    Some(End::Done(Duration::try_from_secs_f64(seconds).ok()?))
}

/// Returns what follows the seconds since the step's beginning.
fn log(rest: &str) -> Option<&str> {
    let (seconds, line) = rest.split_once(' ').unwrap_or((rest, ""));
    let number = seconds.contains('.') && seconds.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    number.then_some(line)
}

/// Reads `transferring context: 1.23MB 0.1s done`; the units are powers of 1000 (`go-units`).
fn sent(rest: &str) -> Option<u64> {
    let size = rest.strip_prefix("transferring context: ")?.split(' ').next()?;
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &size[digits.len()..] {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    let bytes = digits.parse::<f64>().ok()? * factor;
    (bytes.is_finite() && bytes >= 0.0).then_some(bytes as u64)
}
