//! `deps schema`: the JSON Schemas of the files, made from the types that read and write them.

use clap::{Args, ValueEnum};

use super::outcome::{Failed, print};
use crate::configuration::ConfigurationFile;
use crate::extension::file::ExtensionFile;
use crate::project::file::ProjectFile;
use crate::report::{
    self, CacheReport, CollectReport, DiffReport, DriftReport, EngineReport, ExtensionsReport, GraphReport,
    ImportReport, LintReport, LockVerifyReport, PlanReport, ProgressReport, PrunedReport, SourcesReport, StatusReport,
    UpdateReport, UsageReport, VerifyReport, WhyReport,
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Which file.
    #[arg(value_enum)]
    file: File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum File {
    /// `deps.toml`
    Deps,
    /// `extension.toml`
    Extension,
    /// `deps.lock`
    Lock,
    /// `config.toml`, the user's configuration
    Config,
    /// `deps plan --json`
    Plan,
    /// A line of `deps build --progress json`
    Progress,
    /// `deps why --json`
    Why,
    /// `deps graph --json`
    Graph,
    /// `deps diff --json`
    Diff,
    /// `deps lock --check --json`
    Drift,
    /// `deps lock --verify --json`
    LockVerify,
    /// `deps update --json`
    Update,
    /// `deps ext ls --json`
    Extensions,
    /// `deps import --json`
    Import,
    /// `deps status --json`
    Status,
    /// `deps verify --json`
    Verify,
    /// `deps lint --json`
    Lint,
    /// `deps cache ls --json`
    CacheLs,
    /// `deps cache du --json`
    CacheDu,
    /// `deps cache gc --json`
    CacheGc,
    /// `deps cache engine ls --json`
    CacheEngine,
    /// `deps cache engine prune --json`
    CacheEnginePrune,
    /// `deps cache verify --json`
    CacheVerify,
}

pub(super) fn run(options: &Options) -> Result<(), Failed> {
    let schema = match options.file {
        File::Deps => schemars::schema_for!(ProjectFile),
        File::Extension => schemars::schema_for!(ExtensionFile),
        File::Lock => deps_lock::schema(),
        File::Config => schemars::schema_for!(ConfigurationFile),
        File::Plan => schemars::schema_for!(PlanReport),
        File::Progress => schemars::schema_for!(ProgressReport),
        File::Graph => schemars::schema_for!(GraphReport),
        File::Diff => schemars::schema_for!(DiffReport),
        File::Why => schemars::schema_for!(WhyReport),
        File::Drift => schemars::schema_for!(DriftReport),
        File::LockVerify => schemars::schema_for!(LockVerifyReport),
        File::Update => schemars::schema_for!(UpdateReport),
        File::Import => schemars::schema_for!(ImportReport),
        File::Status => schemars::schema_for!(StatusReport),
        File::Verify => schemars::schema_for!(SourcesReport),
        File::Lint => schemars::schema_for!(LintReport),
        File::CacheLs => schemars::schema_for!(CacheReport),
        File::CacheDu => schemars::schema_for!(UsageReport),
        File::CacheGc => schemars::schema_for!(CollectReport),
        File::CacheVerify => schemars::schema_for!(VerifyReport),
        File::CacheEngine => schemars::schema_for!(EngineReport),
        File::CacheEnginePrune => schemars::schema_for!(PrunedReport),
        File::Extensions => schemars::schema_for!(ExtensionsReport),
    };
    print(&report::json(&schema))
}
