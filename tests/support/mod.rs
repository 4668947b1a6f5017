//! What every test stands on: a hermetic [`sandbox::Sandbox`] with repositories on a real git server, a network with a
//! distance, and a real container engine. It decides nothing about `deps` itself.

pub(crate) mod apt;
pub(crate) mod archives;
pub(crate) mod browser;
pub(crate) mod daemons;
pub(crate) mod delay;
pub(crate) mod dial;
pub(crate) mod engine;
pub(crate) mod git_server;
pub(crate) mod interceptor;
pub(crate) mod invented;
pub(crate) mod program;
pub(crate) mod programs;
pub(crate) mod proxy;
pub(crate) mod rebuilds;
pub(crate) mod registry;
pub(crate) mod repository;
pub(crate) mod sandbox;
pub(crate) mod stand_ins;
pub(crate) mod store;

mod self_test;
