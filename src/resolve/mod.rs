//! "What is it now?": wishes and the lock become questions; wishes, the lock and answers become a lock. Pure.
//!
//! Decides what a wish means, what a pin is, and when a lock is out of date. Leaves out asking (`remote/`), reading
//! files (`workspace/`) and the lock's text (crate `deps-lock`).

pub mod adopt;
mod answer;
mod drift;
mod fetch;
mod git;
mod origin;
mod other;
mod pin;
mod precise;
mod settle;
mod verify;
mod wishes;

pub use adopt::{AdoptProblem, adopt};
pub use answer::{
    Answer, Answers, Between, CommitLine, Divergence, Failure, FailureKind, Head, Holders, Question, Refs, Transport,
};
pub use drift::{Drift, drift};
pub use fetch::{FetchWish, PinnedFile, ReplacedFile};
pub use git::GitProblem;
pub use origin::{OriginWish, Origins, OtherContent, Pins, origin_questions, origins, pin_origins};
pub use other::OtherVersion;
pub use pin::{MovedTag, PinProblem, PinProblemKind, Refresh, Resolution, changes, pin, questions};
pub use precise::{Date, PreciseProblem};
pub use settle::{Choice, Settled, Side, Stopped};
pub use verify::{Finding, FindingKind, Held, verify, verify_questions};
pub use wishes::{GitWish, ImageWish, LoadedManifest, ManifestEntry, RepositoryWish, WishProblem, Wishes};

#[cfg(test)]
mod tests;
