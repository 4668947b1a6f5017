//! Programs that some tests need and not every machine has. It decides that CI never does without one that has a package.

use super::engine::say_skipped;

/// Whether all of `programs` are installed; where one is not, says that the test is skipped.
///
/// # Panics
/// In CI, when one is not installed.
#[track_caller]
pub(crate) fn are_installed(programs: &[&str]) -> bool {
    let Some(missing) = programs.iter().find(|program| !installed(program)) else { return true };
    assert!(std::env::var_os("CI").is_none(), "CI skips nothing, and `{missing}` is not installed");
    say_skipped(missing, "it is not installed");
    false
}

/// Whether `program`, of which no distribution has a package, is installed all the same; where it is not, says that the
/// test is skipped, in CI too.
pub(crate) fn happens_to_be_installed(program: &str) -> bool {
    let installed = installed(program);
    if !installed {
        say_skipped(program, "it is not installed");
    }
    installed
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
