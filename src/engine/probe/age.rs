//! What is too old for the Dockerfiles that `dockerfile/` writes.
//!
//! Where the numbers come from: `COPY --link` and heredocs are in the Dockerfile frontend since BuildKit 0.10,
//! `RUN --network` since 0.9, `RUN --mount` without a `# syntax` line since 0.8; dockerd 23.0 carries BuildKit 0.10,
//! dockerd 20.10 BuildKit 0.8. dockerd of Debian calls its BuildKit `v0.0.0+unknown`: then dockerd's own version decides.

/// The version of what interprets the Dockerfile.
pub(super) enum Age {
    Dockerd(Version),
    BuildKit(Version),
    /// A builder that is not started yet, or hides its version: what it starts is current.
    Unknown,
}

impl Age {
    /// What generated Dockerfiles use, with the first BuildKit and the first dockerd that know it.
    const NEEDS: [(&str, Version, Version); 4] = [
        ("COPY --link", Version(0, 10), Version(23, 0)),
        ("RUN --mount", Version(0, 8), Version(20, 10)),
        ("RUN --network", Version(0, 9), Version(23, 0)),
        ("heredocs", Version(0, 10), Version(23, 0)),
    ];

    pub(super) fn lacks(&self) -> Vec<&'static str> {
        let old = |buildkit: Version, dockerd: Version| match self {
            Self::Dockerd(version) => *version < dockerd,
            Self::BuildKit(version) => *version < buildkit,
            Self::Unknown => false,
        };
        Self::NEEDS.iter().filter(|need| old(need.1, need.2)).map(|need| need.0).collect()
    }
}

/// Major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64, pub(super) u64);

impl Version {
    /// Returns the two numbers that `text` begins with, as in `v0.13.1`, `26.1.5+dfsg1`, `v0.8+unknown`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (major, rest) = text.trim().trim_start_matches('v').split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// Returns the version that `word` says, unless it was built from a branch: that is taken for a current one.
pub(super) fn released(word: Option<&str>) -> Option<Version> {
    Version::read(word?).filter(|version| *version > Version(0, 0))
}
