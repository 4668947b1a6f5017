//! Progress of questions and fetches: one live line on a terminal, nothing elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::diagnostic::visible;
use super::session::Session;
use crate::remote::{Progress, Transfer};

/// Watches one round of questions or fetches.
pub(super) struct Watch<'a> {
    session: &'a Session,
    bar: Option<ProgressBar>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    total: u64,
    transfers: BTreeMap<String, Transfer>,
    notes: Vec<String>,
}

impl<'a> Watch<'a> {
    /// Returns a watch that says `verb`, such as `asking`.
    pub(super) fn new(session: &'a Session, verb: &'static str) -> Self {
        let bar = session.terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
            let style = ProgressStyle::with_template("{prefix} {pos}/{len} {wide_bar} {msg}");
            bar.set_style(style.expect("the template is good"));
            bar.set_prefix(verb);
            bar
        });
        Self { session, bar, seen: Mutex::default() }
    }

    /// Takes the line away and prints the notes.
    pub(super) fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seen = self.seen.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        seen.notes.iter().for_each(|note| self.session.tell(&format!("note: {}\n", visible(note))));
    }

    fn update(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        change(&mut seen);
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(seen.total) {
            // Drawn only from now on: a bar of nothing looks full.
            bar.set_length(seen.total);
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        let (objects, bytes) = seen.transfers.values().fold((0, 0), |(o, b), t| (o + t.objects, b + t.bytes as u64));
        if objects > 0 {
            bar.set_message(format!("{objects} objects, {}", HumanBytes(bytes)));
        }
    }
}

impl Progress for Watch<'_> {
    fn on_total(&self, total: usize) {
        self.update(|seen| seen.total = seen.total.max(total as u64));
    }

    fn on_transfer(&self, subject: &str, transfer: Transfer) {
        self.update(|seen| _ = seen.transfers.insert(subject.to_owned(), transfer));
    }

    fn on_done(&self, _subject: &str, _succeeded: bool) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn on_note(&self, note: &str) {
        self.update(|seen| seen.notes.push(note.to_owned()));
    }
}
