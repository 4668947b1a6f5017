//! `deps`: a content-addressed build planner with a lockfile for Docker/BuildKit images.
//!
//! Data flows one way (ARCHITECTURE.md): what people write is read by [`project`], [`manifest`] and [`extension`],
//! pinned by [`resolve`], planned and rendered by [`plan`] and [`dockerfile`]. The binary is the interface; this
//! library promises nothing to others (the lockfile crate `deps-lock` does).

pub mod bisect;
pub mod checkout;
pub mod cli;
pub mod clone;
pub mod configuration;
pub mod container;
pub mod digest;
pub mod dockerfile;
pub mod engine;
pub mod extension;
pub mod extent;
pub mod hashing;
pub mod lint;
pub mod manifest;
pub mod plan;
pub mod project;
pub mod provenance;
pub mod remote;
pub mod report;
pub mod resolve;
pub mod shell;
pub mod source;
pub mod store;
pub mod threads;
pub mod typed_toml;
pub mod workspace;
