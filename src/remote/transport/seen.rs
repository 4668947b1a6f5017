//! What can be seen of a call of libgit2 while it runs on a thread of its own: signs of life, and what the server wants.
//!
//! libgit2 calls back per object or per 100 KiB, not at all while it lists refs, and keeps headers to itself. Its trace
//! tells of every piece that comes over HTTP, so that is where bytes are counted and `Retry-After` is read. What it sends
//! (credentials are in there) is not looked at.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use git2::TraceLevel;

use super::patience::Signs;
use crate::remote::Transfer;

/// How libgit2 begins the trace of what came.
const RECEIVED: &[u8] = b"Received:\n";

thread_local! {
    /// What the call on this thread reports to.
    static CALL: RefCell<Option<Arc<Seen>>> = const { RefCell::new(None) };
}

/// What is seen of one call.
#[derive(Debug, Default)]
pub(super) struct Seen {
    abandoned: AtomicBool,
    bytes: AtomicU64,
    messages: AtomicU64,
    transfer: Mutex<Transfer>,
    retry_after: Mutex<Option<Duration>>,
}

impl Seen {
    /// Makes what libgit2 does on this thread from now on seen by the result.
    pub(super) fn watch(self: &Arc<Self>) {
        static ONCE: Once = Once::new();
        // Without a trace there are the callbacks, which are enough for a server that behaves.
        ONCE.call_once(|| _ = git2::trace_set(TraceLevel::Trace, trace));
        CALL.set(Some(Arc::clone(self)));
    }

    /// Nobody waits for the call any more: it is to end as soon as it notices.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(super) fn hear_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_transfer(&self, transfer: Transfer) {
        *self.transfer.lock().unwrap_or_else(PoisonError::into_inner) = transfer;
    }

    pub(super) fn transfer(&self) -> Transfer {
        *self.transfer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long the server has asked to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn signs(&self) -> Signs {
        let transfer = self.transfer();
        Signs {
            // The trace ends at the first zero byte, so of a pack it sees less than there is.
            bytes: self.bytes.load(Ordering::Relaxed) + transfer.bytes as u64,
            objects: transfer.objects as u64,
            messages: self.messages.load(Ordering::Relaxed),
        }
    }

    fn receive(&self, piece: &[u8]) {
        self.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        if piece.starts_with(b"HTTP/") {
            *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) =
                retry_after(&String::from_utf8_lossy(piece));
        }
    }
}

fn trace(_: TraceLevel, message: &[u8]) {
    let Some(piece) = message.strip_prefix(RECEIVED) else { return };
    // While a thread ends there is nothing left to report to.
    _ = CALL.try_with(|call| {
        if let Ok(call) = call.try_borrow()
            && let Some(seen) = &*call
        {
            seen.receive(piece);
        }
    });
}

/// Reads the header `Retry-After` of an answer. One with a date is as good as none: clocks differ.
pub(super) fn retry_after(head: &str) -> Option<Duration> {
    let lines = head.lines().take_while(|line| !line.is_empty());
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    let (_, value) = headers.find(|(name, _)| name.trim().eq_ignore_ascii_case("retry-after"))?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_read_from_the_head_only() {
        let wait = Some(Duration::from_secs(7));
        assert_eq!(retry_after("HTTP/1.1 429 Too Many\r\nRETRY-after:  7\r\n\r\n"), wait);
        assert_eq!(retry_after("HTTP/1.1 429 x\r\nA: b\r\n\r\nRetry-After: 7\r\n"), None);
        assert_eq!(retry_after("HTTP/1.1 429 x\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"), None);
        assert_eq!(retry_after("HTTP/1.1 429 x\r\nRetry-After: -7\r\n"), None);
    }

    #[test]
    fn only_what_comes_is_counted() {
        let seen = Arc::new(Seen::default());
        seen.watch();
        trace(TraceLevel::Trace, b"Sending request:\nGET /\r\nRetry-After: 9");
        trace(TraceLevel::Trace, b"Received:\nHTTP/1.1 503 x\r\nRetry-After: 2\r\n\r\n");
        trace(TraceLevel::Trace, b"Received:\nabc");
        assert_eq!((seen.signs().bytes, seen.retry_after()), (37, Some(Duration::from_secs(2))));
    }
}
