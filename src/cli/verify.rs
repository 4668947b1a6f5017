//! `deps verify`: whether the lock names all that a build took from outside. Offline.
//!
//! Decides which builds are asked about: those of the project as it is, on any engine, or one whose provenance is given.
//! Leaves out what a build takes (`provenance.rs`).

#![expect(clippy::disallowed_methods, reason = "a provenance is read from where the user says")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, INTEGRITY, USAGE, print};
use super::session::Session;
use super::{locking, planning};
use crate::plan::Plan;
use crate::plan::memory::Memory;
use crate::plan::record::Record;
use crate::provenance::{Material, unlocked};
use crate::report::{self, SourceReport, SourcesReport};
use crate::store::Store;

/// A larger provenance is none.
const MOST: u64 = 64 << 20;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Ask about the build of this provenance instead of the last one: JSON as `docker buildx imagetools inspect --format
    /// '{{json .Provenance}}' IMAGE` or a builder's metadata file has it; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// Print what was taken as JSON (`deps schema verify`).
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, options: &Options) -> Result<(), Failed> {
    let workspace = session.workspace()?;
    let loaded = session.load(&workspace)?;
    let lock = locking::in_sync(&workspace, &loaded, ", and what a build may take follows from it")?;
    let plans = planning::plans(&loaded, &lock)?;
    let materials = match &options.provenance {
        Some(path) => given(session, path)?,
        None => recorded(session, workspace.root(), &loaded.records(&lock, &plans))?,
    };
    let strange: BTreeSet<&Material> = unlocked(&materials, &lock).into_iter().collect();
    let source = |material: &Material| SourceReport { material: material.clone(), locked: !strange.contains(material) };
    let of = options.provenance.as_ref().map_or("last build".to_owned(), |path| path.display().to_string());
    let sources = materials.iter().map(source).collect();
    let report = SourcesReport { schema: 1, of, sources, impure: impure(&plans) };
    if options.json {
        print(&report::json(&report))?;
    } else if strange.is_empty() {
        print(&report::sources_text(&report))?;
    }
    refused(&strange)
}

/// Names each source that the lock does not.
fn refused(strange: &BTreeSet<&Material>) -> Result<(), Failed> {
    if strange.is_empty() {
        return Ok(());
    }
    let problem =
        |material: &&Material| Diagnostic::error(format!("deps.lock does not name what was taken: {material}"));
    let mut problems: Vec<Diagnostic> = strange.iter().map(problem).collect();
    if let Some(last) = problems.pop() {
        let hint = "the image was not built from this project's Dockerfile alone: build it by `deps build --frozen`";
        problems.push(last.hint(Some(hint.to_owned())));
    }
    Err(Failed::new(INTEGRITY, problems))
}

/// What the last builds of the project as it is took, on whichever engine, for all platforms.
fn recorded(session: &Session, folder: &Path, records: &[Record]) -> Result<Vec<Material>, Failed> {
    let kept = Store::builds(&session.store_root()?, folder).into_iter().filter_map(|json| Memory::read(&json));
    let of_this = kept.filter(|memory| records.contains(&memory.record));
    let taken: Vec<Vec<Material>> = of_this.filter_map(|memory| memory.materials).collect();
    if taken.is_empty() {
        let diagnostic = Diagnostic::error("no build of the project as it is has been made from here");
        let hint = "run `deps build --no-skip`, or give the `--provenance` of an image";
        return Err(Failed::one(FAILED, diagnostic.hint(Some(hint.to_owned()))));
    }
    Ok(taken.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect())
}

/// What a provenance names.
fn given(session: &Session, path: &Path) -> Result<Vec<Material>, Failed> {
    let shown = path.display();
    let unread = |error: &dyn std::fmt::Display| Diagnostic::error(format!("cannot read {shown}: {error}"));
    let text = read(session, path).map_err(|error| Failed::one(FAILED, unread(&error)))?;
    let json = serde_json::from_str(&text).map_err(|error| Failed::one(USAGE, unread(&error)))?;
    Material::of_provenance(&json).ok_or_else(|| {
        let hint =
            "was the image built with `--provenance=false`? A provenance has `materials` or `resolvedDependencies`";
        Failed::one(USAGE, Diagnostic::error(format!("{shown} has no provenance")).hint(Some(hint.to_owned())))
    })
}

fn read(session: &Session, path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(MOST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(session.absolute(path))?.take(MOST).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// The stages whose steps can use the network, with what does so.
fn impure(plans: &[Plan]) -> BTreeMap<String, Vec<String>> {
    let stages = plans.iter().flat_map(|plan| &plan.stages);
    let impure = stages.filter(|stage| stage.impure.iter().any(|reason| !reason.starts_with("from ")));
    impure.map(|stage| (stage.name.clone(), stage.impure.iter().cloned().collect())).collect()
}
