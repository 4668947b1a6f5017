//! `deps build --check-reproducible`: builds twice without cache, and names the first file that came out differently.
//!
//! Decides what is compared: the layers, as an exporter that rewrites times writes them. Leaves out reading them
//! (`engine/oci`).

use std::error::Error as _;
use std::path::Path;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, INTEGRITY, print};
use super::session::Session;
use crate::engine::oci::{self, Difference, Differing, OciError};
use crate::engine::{Build, exporter};
use crate::report::count;

/// Performs `build` twice, with archives in `folder`, and compares what it came to.
pub(super) fn check(
    session: &Session,
    folder: &Path,
    build: &Build,
    mut perform: impl FnMut(&Build) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let files = ["first", "second"].map(|word| folder.join(format!("{word}.tar")));
    for file in &files {
        let (output, tags) = (Some(exporter::archive(file)), Vec::new());
        perform(&Build { output, tags, no_cache: true, load: false, push: false, ..build.clone() })?;
        session.stop_if_interrupted()?;
    }
    let compared = oci::compare(&files[0], &files[1]).map_err(|error| incomparable(&error))?;
    let Some(first) = compared.different.first() else {
        return print(&format!("{}, all the same bytes\n", count(compared.layers, "layer", "layers")));
    };
    Err(different(compared.layers, compared.different.len(), first))
}

fn different(layers: usize, different: usize, first: &Differing) -> Failed {
    let Differing { platform, number, instruction, file } = first;
    let mut details = vec![format!("layer {number} of {platform}: {instruction}")];
    details.push(match file {
        Some(Difference { path, what }) => format!("`{path}`: {what}"),
        None => "the same files, written in another way".to_owned(),
    });
    let message = format!("the build is not reproducible: {different} of {} differ", count(layers, "layer", "layers"));
    let hint = "what a step writes must come from its inputs alone: no clock, no random numbers, no order of a file system; \
                `deps lint` finds the usual ones";
    Failed::one(INTEGRITY, Diagnostic::error(message).details(details).hint(Some(hint.to_owned())))
}

fn incomparable(error: &OciError) -> Failed {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failed::one(FAILED, Diagnostic::error(format!("{error}{cause}")))
}
