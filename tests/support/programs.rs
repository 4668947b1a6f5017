//! Programs that some tests need and not every machine has. It decides that CI never does without them.

use super::engine::say_skipped;

/// Whether all of `programs` are installed; where one is not, says that the test is skipped.
///
/// # Panics
/// In CI, when one is not installed.
#[track_caller]
pub(crate) fn are_installed(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = |program: &&&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let Some(missing) = programs.iter().find(|program| !installed(program)) else { return true };
    assert!(std::env::var_os("CI").is_none(), "CI skips nothing, and `{missing}` is not installed");
    say_skipped(missing, "it is not installed");
    false
}
