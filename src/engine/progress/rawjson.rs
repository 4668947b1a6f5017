//! Reads `--progress=rawjson`: BuildKit's `SolveStatus` objects one after the other, with other text in between.
//!
//! buildx 0.13 prints each object over many lines, later ones print one a line. Every vertex is announced, without
//! times, before the first one starts. It may start and complete twice: once while its cache key is computed, once for
//! its result. The last completion counts, except that nothing takes `cached` back, and that one which tells nothing
//! new is kept quiet. Leaves out warnings of the Dockerfile linter: the text is ours.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::decode::{base64, nanoseconds};
use super::scan::{Piece, Scan};
use super::{End, Event, Progress, Step, StepId, printable_lines};
use crate::engine::text::printable;
use crate::provenance::Material;

/// The longest piece of a log line that is waited for, in bytes; a longer line is cut into several.
const LINE: usize = 64 * 1024;

/// The reader. It holds one incomplete object or line, and what it knows of each vertex.
#[derive(Debug, Default)]
pub struct RawJson {
    waiting: Vec<u8>,
    scan: Scan,
    vertices: BTreeMap<String, Vertex>,
    sent: u64,
}

impl Progress for RawJson {
    fn feed(&mut self, bytes: &[u8], on: &mut dyn FnMut(Event)) {
        self.waiting.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(piece) = self.scan.piece(&self.waiting[taken..]) {
            self.scan = Scan::default();
            let (Piece::Object(length) | Piece::Text(length)) = piece;
            let status = match piece {
                Piece::Object(_) => Status::read(&self.waiting[taken..taken + length]),
                Piece::Text(_) => None,
            };
            match status {
                Some(status) => self.take(status, on),
                None => tail(&self.waiting[taken..taken + length], on),
            }
            taken += length;
        }
        self.waiting.drain(..taken);
    }

    fn finish(&mut self, on: &mut dyn FnMut(Event)) {
        self.scan = Scan::default();
        tail(&std::mem::take(&mut self.waiting), on);
        for (digest, vertex) in &mut self.vertices {
            vertex.log.flush(digest, on);
        }
    }
}

impl RawJson {
    /// Logs come before ends, so that a step's last lines are known when it fails.
    fn take(&mut self, status: Status, on: &mut dyn FnMut(Event)) {
        let reports = status.vertexes.unwrap_or_default();
        for report in &reports {
            self.vertices.entry(report.digest.clone()).or_default().began(report, on);
        }
        for log in status.logs.unwrap_or_default() {
            if let (Some(vertex), Some(bytes)) = (self.vertices.get_mut(&log.vertex), base64(&log.data)) {
                vertex.log.push(&log.vertex, log.stream, &bytes, on);
            }
        }
        for report in &reports {
            self.vertices.entry(report.digest.clone()).or_default().ended(report, on);
        }
        for transfer in status.statuses.unwrap_or_default() {
            if transfer.id.starts_with("transferring context") && transfer.current > self.sent {
                self.sent = transfer.current;
                on(Event::Sent(self.sent));
            }
        }
    }
}

/// What is known of a vertex.
#[derive(Debug, Default)]
struct Vertex {
    announced: bool,
    step: bool,
    started: bool,
    end: Option<End>,
    log: Log,
}

impl Vertex {
    fn began(&mut self, report: &Report, on: &mut dyn FnMut(Event)) {
        let id = || StepId(report.digest.clone());
        if !self.announced {
            self.announced = true;
            if let Some(step) = Step::read(id(), &report.name) {
                self.step = true;
                on(Event::Announced(step));
            } else if let Some(material) = Material::of_vertex(&report.name) {
                on(Event::Took(material));
            }
        }
        if self.step && !self.started && report.started.is_some() && report.completed.is_none() && !report.cached {
            self.started = true;
            on(Event::Started(id()));
        }
    }

    fn ended(&mut self, report: &Report, on: &mut dyn FnMut(Event)) {
        let Some(end) = report.end() else { return };
        if !self.step {
            if let End::Failed { message, .. } = end {
                on(Event::Broken { name: printable_lines(&report.name), message });
            }
        } else if self.end.as_ref().is_none_or(|old| tells_more(&end, old)) {
            self.log.flush(&report.digest, on);
            self.end = Some(end.clone());
            on(Event::Finished(StepId(report.digest.clone()), end));
        }
    }
}

/// Returns whether `new`, coming after `old`, is worth an event.
fn tells_more(new: &End, old: &End) -> bool {
    match (new, old) {
        (_, End::Cached) => false,
        (End::Done(new), End::Done(old)) => new.abs_diff(*old) >= Duration::from_millis(100),
        _ => new != old,
    }
}

/// The incomplete last lines of a step, one for each of its streams.
#[derive(Debug, Default)]
struct Log(BTreeMap<u8, Vec<u8>>);

impl Log {
    fn push(&mut self, digest: &str, stream: u8, bytes: &[u8], on: &mut dyn FnMut(Event)) {
        let waiting = self.0.entry(stream).or_default();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            waiting.extend_from_slice(part);
            if part.ends_with(b"\n") || waiting.len() > LINE {
                emit(digest, waiting, on);
            }
        }
    }

    fn flush(&mut self, digest: &str, on: &mut dyn FnMut(Event)) {
        for waiting in self.0.values_mut().filter(|waiting| !waiting.is_empty()) {
            emit(digest, waiting, on);
        }
    }
}

fn emit(digest: &str, waiting: &mut Vec<u8>, on: &mut dyn FnMut(Event)) {
    let bytes = std::mem::take(waiting);
    let line = printable(String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
    on(Event::Log { step: StepId(digest.to_owned()), line });
}

fn tail(bytes: &[u8], on: &mut dyn FnMut(Event)) {
    for line in String::from_utf8_lossy(bytes).lines().filter(|line| !line.trim().is_empty()) {
        on(Event::Tail(printable(line)));
    }
}

/// BuildKit's `client.SolveStatus`; `docs/reference/buildx_build.md` of buildx, `--progress=rawjson`.
#[derive(Deserialize)]
struct Status {
    vertexes: Option<Vec<Report>>,
    statuses: Option<Vec<Transfer>>,
    logs: Option<Vec<LogPiece>>,
    warnings: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Report {
    digest: String,
    #[serde(default)]
    name: String,
    started: Option<String>,
    completed: Option<String>,
    #[serde(default)]
    cached: bool,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Transfer {
    #[serde(default)]
    id: String,
    #[serde(default)]
    current: u64,
}

#[derive(Deserialize)]
struct LogPiece {
    vertex: String,
    #[serde(default)]
    stream: u8,
    #[serde(default)]
    data: String,
}

impl Status {
    /// Returns `None` for an object that is not a status.
    fn read(bytes: &[u8]) -> Option<Self> {
        let status: Self = serde_json::from_slice(bytes).ok()?;
        let Self { vertexes, statuses, logs, warnings } = &status;
        let known = vertexes.is_some() || statuses.is_some() || logs.is_some() || warnings.is_some();
        known.then_some(status)
    }
}

impl Report {
    fn end(&self) -> Option<End> {
        let completed = self.completed.as_deref()?;
        Some(match () {
            () if !self.error.is_empty() => End::of_error(&self.error),
            () if self.cached => End::Cached,
            () => End::Done(self.duration(completed).unwrap_or_default()),
        })
    }

    fn duration(&self, completed: &str) -> Option<Duration> {
        let nanoseconds = nanoseconds(completed)?.checked_sub(nanoseconds(self.started.as_deref()?)?)?;
        Some(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
    }
}
