//! What people are told of a build that failed, or could not begin for want of an engine.

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed, UNREACHABLE};
use crate::engine::probe::NoEngine;
use crate::engine::summary::Failure;
use crate::plan::Plan;
use crate::source::Place;
use crate::workspace::Loaded;

pub(super) fn failed(loaded: &Loaded, plan: &Plan, failure: &Failure) -> Failed {
    let Failure { step, message, exit_code, last_lines, cancelled } = failure;
    let mut details: Vec<String> = Vec::new();
    if !last_lines.is_empty() {
        details.push("the last lines of its log:".to_owned());
        details.extend(last_lines.iter().map(|line| format!("  {line}")));
    }
    if *cancelled > 0 {
        details.push(format!(
            "{} stopped because of it",
            crate::report::count(*cancelled, "other step was", "other steps were")
        ));
    }
    let Some(step) = step else {
        return Failed::one(
            FAILED,
            Diagnostic::error(format!("the engine could not build: {message}")).details(details),
        );
    };
    let stage = if step.stage.is_empty() { "final" } else { &step.stage };
    let origin = plan.stage(stage).and_then(|stage| stage.origin(step.index));
    let place = origin.and_then(|origin| place(loaded, &origin.extension, &origin.file, origin.line));
    let extension = origin.map_or_else(String::new, |origin| format!(" of extension `{}`", origin.extension));
    let how = exit_code.map_or_else(|| message.clone(), |code| format!("it exited with status {code}"));
    let text = format!("stage `{stage}`{extension} failed: {how}");
    let hint = format!("to repeat only this stage, run `deps build --stage {stage}`");
    Failed::one(FAILED, Diagnostic::error(text).details(details).at(place.as_ref()).hint(Some(hint)))
}

/// The line of a snippet, to be shown.
fn place(loaded: &Loaded, extension: &str, file: &str, line: usize) -> Option<Place> {
    let extension = loaded.extensions.iter().find(|one| one.name == extension)?;
    let source = extension.source_of(file)?;
    let start: usize = source.text().split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let length = source.text().get(start..)?.lines().next().map_or(0, str::len);
    Some(source.at(start..start + length))
}

pub(super) fn no_engine(error: &NoEngine) -> Failed {
    let hint = match error {
        NoEngine::NotFound { .. } => {
            "install Docker with buildx and start it, set `DOCKER_HOST`, or install `buildctl` and set `BUILDKIT_HOST`; `deps lock`, `fetch`, `plan` and `dockerfile` work without"
        }
        NoEngine::TooOld { .. } => "use Docker 23 or newer, or another builder: `docker buildx create --use`",
    };
    Failed::one(UNREACHABLE, Diagnostic::error(error.to_string()).hint(Some(hint.to_owned())))
}
