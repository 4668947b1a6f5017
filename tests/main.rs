//! Every test that runs the program: one file a thing that a user can do.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read and write files, and stop at what cannot be"
)]

mod apt_repositories;
mod architecture;
mod archives;
mod as_of;
mod auto;
mod bisect;
mod browser;
mod build;
mod cache;
mod caching;
mod catalogue;
mod check;
mod ci;
mod commit;
mod completeness;
mod conflicts;
mod containers;
mod corpus;
mod crash;
mod determinism;
mod diff;
mod diff_history;
mod diff_online;
mod dockerfile;
mod downloads;
mod edit;
mod edits;
mod engines;
mod examples;
mod export;
mod ext;
mod extension_errors;
mod faults;
mod fetch;
mod git_extensions;
mod git_setup;
mod graph;
mod help;
mod import;
mod import_keeps;
mod import_names;
mod init;
mod inputs;
mod interrupt;
mod lfs;
mod limits;
mod lint;
mod lock;
mod manifest_errors;
mod manifests;
mod merge;
mod model;
mod mount;
mod noop;
mod offline;
mod peers;
mod pin_from;
mod plan;
mod predict;
mod project_files;
mod pull_request;
mod pure;
mod readme;
mod rebuilds;
mod registry;
mod remotes;
mod ros;
mod schema;
mod status;
mod store;
mod submodules;
mod support;
mod systems;
mod tools;
mod transports;
mod update;
mod verify;
mod why;
mod workspace;
