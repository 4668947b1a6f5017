//! Every test that runs the program: one file a thing that a user can do.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read and write files, and stop at what cannot be"
)]

mod architecture;
mod build;
mod check;
mod corpus;
mod determinism;
mod dockerfile;
mod examples;
mod extension_errors;
mod faults;
mod fetch;
mod help;
mod interrupt;
mod lock;
mod manifest_errors;
mod manifests;
mod offline;
mod plan;
mod readme;
mod registry;
mod remotes;
mod schema;
mod store;
mod support;
mod transports;
mod update;
mod workspace;
