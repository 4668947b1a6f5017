//! Whether buildx has builders besides Docker's own.
//!
//! Decides it from where buildx keeps them: `docker buildx inspect` says the same, but starts three programs for it, which
//! is a tenth of a build that has nothing to do (`benches/noop`). buildx looks in `BUILDX_CONFIG`, else in `buildx` beside Docker's own
//! configuration (<https://docs.docker.com/build/building/variables/#buildx_config>): builders in `instances`, what is chosen
//! for a Docker in `defaults`, what was chosen last in `current`. What is not understood is taken for a builder, so that
//! buildx is asked.

#![expect(clippy::disallowed_methods, reason = "buildx is configured in files")]

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use super::session::Session;

/// What `current` holds; no name, or `default`, for Docker's own.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Current {
    name: String,
}

/// Returns whether a build by buildx that names no builder is surely one by the Docker that this environment reaches.
pub(super) fn are_none(session: &Session) -> bool {
    let folder = session.variable("BUILDX_CONFIG").map(Into::into);
    let folder = folder.or_else(|| Some(session.docker_folder()?.join("buildx")));
    session.variable("BUILDX_BUILDER").is_none() && folder.is_some_and(|folder| are_none_in(&folder))
}

fn are_none_in(folder: &Path) -> bool {
    let is_empty = |name: &str| match std::fs::read_dir(folder.join(name)) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let own_is_current = match std::fs::read(folder.join("current")) {
        Ok(text) if text.is_empty() => true,
        Ok(text) => serde_json::from_slice(&text).is_ok_and(|Current { name }| matches!(&*name, "" | "default")),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    is_empty("instances") && is_empty("defaults") && own_is_current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_else_buildx_has_or_was_told_is_a_builder() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("buildx");
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(are_none_in(&folder), "nothing was ever built");
        std::fs::create_dir_all(folder.join("instances")).unwrap();
        for (current, own) in [
            ("", true),
            (r#"{"Key":"unix:///var/run/docker.sock","Name":"","Global":false}"#, true),
            (r#"{"Key":"unix:///var/run/docker.sock","Name":"default","Global":false}"#, true),
            (r#"{"Key":"unix:///var/run/docker.sock","Name":"another-context","Global":false}"#, false),
            (r#"{"builder":"far"}"#, false),
            ("far", false),
        ] {
            write("current", current);
            assert_eq!(are_none_in(&folder), own, "{current}");
        }
        for path in ["defaults/0123", "instances/far"] {
            write("current", "");
            write(path, "{}");
            assert!(!are_none_in(&folder), "{path}");
            std::fs::remove_file(folder.join(path)).unwrap();
            assert!(are_none_in(&folder));
        }
        std::fs::remove_dir(folder.join("instances")).unwrap();
        write("instances", "a file");
        assert!(!are_none_in(&folder));
    }
}
