//! What a buildkitd says of what works for it, as `buildctl debug workers --verbose` writes it. Leaves out asking (`run`).

use super::super::text::printable;

/// What `buildctl debug workers --verbose` says of the first worker.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) id: String,
    pub(super) version: Option<String>,
    /// Whether it can merge layers: all can but that of a dockerd whose images are not in containerd.
    pub(super) merges: bool,
}

impl Worker {
    /// Returns what `text` says; none when it names no worker.
    pub(super) fn read(text: &str) -> Option<Self> {
        let field = |key: &str| text.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()));
        let id = field("ID").filter(|id| !id.is_empty()).map(printable)?;
        // `github.com/moby/buildkit v0.25.2 <revision>`; BuildKit before 0.11 does not say.
        let version = field("BuildKit").and_then(|text| text.split_whitespace().nth(1)).map(printable);
        // dockerd's worker has no snapshotter where its images are not in containerd.
        let merges = !text.contains(".worker.moby.") || text.contains(".worker.snapshotter:");
        Some(Self { id, version, merges })
    }
}
