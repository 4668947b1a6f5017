//! What `remote/` tells while it works. Every method may be called from any thread.

/// Watches questions and fetches. The default methods do nothing.
pub trait Progress: Sync {
    /// `total` things will be asked or fetched; called before the first one. More may follow later (submodules).
    fn on_total(&self, total: usize) {
        let _ = total;
    }
    /// Work on `subject` (a URL without credentials, or an image reference) begins.
    fn on_start(&self, subject: &str) {
        let _ = subject;
    }
    /// Objects of `subject` have come in.
    fn on_transfer(&self, subject: &str, transfer: Transfer) {
        let _ = (subject, transfer);
    }
    /// Work on `subject` has ended, well or not.
    fn on_done(&self, subject: &str, succeeded: bool) {
        let _ = (subject, succeeded);
    }
    /// Something that people should know and that is no failure, such as another transport being used.
    fn on_note(&self, note: &str) {
        let _ = note;
    }
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Objects received.
    pub objects: usize,
    /// Objects in all.
    pub total_objects: usize,
    /// Bytes received; 0 when the transport does not say.
    pub bytes: usize,
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Progress for Unwatched {}
