//! How long a remote is waited for: neither for one that is silent, nor for one that sends a byte now and then.
//!
//! Decides what counts as a sign of progress. Time is looked at in windows as long as the user's timeout: a window in
//! which too little came is the last one, unless the server at least tells what it is doing. Leaves out seeing the signs
//! (`seen.rs`, `program.rs`).

#![expect(clippy::disallowed_methods, reason = "patience is measured by the clock")]

use std::time::{Duration, Instant};

use crate::remote::trouble::Trouble;
use crate::resolve::FailureKind;

/// The fewest bytes a second: a modem of 1962 had 30, a byte now and then is an attack or a dead proxy.
pub(super) const SLOWEST: u64 = 100;

/// How many windows in a row a server may fill with words alone, as when it compresses a large repository.
const WORDS: u32 = 10;

/// What has come of a remote so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// Bytes, as far as they are seen.
    pub(super) bytes: u64,
    /// Objects of a pack.
    pub(super) objects: u64,
    /// Messages of the server, such as `Compressing objects`.
    pub(super) messages: u64,
}

/// Whether every byte is seen, so that a window without is a bad sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Bytes are counted.
    Clear,
    /// Something may well come that nobody counts: only the longest time of all ends it.
    Dim,
}

/// Watches the signs of one remote.
#[derive(Debug)]
pub(super) struct Patience {
    window: Duration,
    sight: Sight,
    since: Instant,
    before: Signs,
    idle: u32,
}

impl Patience {
    /// Begins to wait, `window` at a time.
    pub(super) fn new(window: Duration, sight: Sight) -> Self {
        Self { window, sight, since: Instant::now(), before: Signs::default(), idle: 0 }
    }

    /// Looks at what has come by now.
    ///
    /// # Errors
    /// When it is too little for too long; the same attempt may succeed later.
    pub(super) fn look(&mut self, signs: Signs) -> Result<(), Trouble> {
        let now = Instant::now();
        let elapsed = now.duration_since(self.since);
        if elapsed < self.window {
            return Ok(());
        }
        let came = self.judge(signs, elapsed)?;
        self.idle = if came { 0 } else { self.idle + 1 };
        (self.since, self.before) = (now, signs);
        Ok(())
    }

    /// Whether the window that has just ended brought enough.
    fn judge(&self, signs: Signs, elapsed: Duration) -> Result<bool, Trouble> {
        let bytes = signs.bytes - self.before.bytes;
        if signs.objects > self.before.objects || bytes as f64 >= SLOWEST as f64 * elapsed.as_secs_f64() {
            return Ok(true);
        }
        let excused = self.sight == Sight::Dim || signs.messages > self.before.messages;
        if excused && self.idle + 1 < WORDS {
            return Ok(false);
        }
        let cause = format!("fewer than {SLOWEST} bytes a second for {}", seconds(self.window));
        let cause = if bytes > 0 { cause.as_str() } else { "" };
        Err(Trouble::new(FailureKind::Timeout, "no answer in time", cause).passing())
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(sight: Sight, idle: u32, before: Signs, signs: Signs) -> Result<bool, String> {
        let patience = Patience { idle, before, ..Patience::new(Duration::from_secs(10), sight) };
        patience.judge(signs, Duration::from_secs(10)).map_err(|trouble| trouble.message)
    }

    #[test]
    fn a_window_needs_bytes_or_objects_or_a_few_times_words() {
        let before = Signs { bytes: 5000, objects: 7, messages: 2 };
        let slow = "no answer in time (fewer than 100 bytes a second for 10 s)".to_owned();
        for (sight, idle, signs, expected) in [
            (Sight::Clear, 0, Signs { bytes: 6000, ..before }, Ok(true)),
            (Sight::Clear, 0, Signs { objects: 8, ..before }, Ok(true)),
            (Sight::Clear, 0, Signs { bytes: 5999, ..before }, Err(slow.clone())),
            (Sight::Clear, 0, before, Err("no answer in time".to_owned())),
            (Sight::Clear, 0, Signs { messages: 3, ..before }, Ok(false)),
            (Sight::Clear, 8, Signs { messages: 3, ..before }, Ok(false)),
            (Sight::Clear, 9, Signs { messages: 3, ..before }, Err("no answer in time".to_owned())),
            (Sight::Dim, 0, before, Ok(false)),
            (Sight::Dim, 9, before, Err("no answer in time".to_owned())),
        ] {
            assert_eq!(window(sight, idle, before, signs), expected, "{sight:?} {idle} {signs:?}");
        }
    }
}
