//! `deps` as a process in a folder of its own: an empty home, an own store, nothing of the environment but the PATH.
//!
//! Start-up is measured here, by its simplest command.

#![expect(clippy::disallowed_methods, reason = "benches are made of processes and files")]

use std::path::Path;
use std::process::{Command, Stdio};

use criterion::Criterion;
use tempfile::TempDir;

const DEPS: &str = env!("CARGO_BIN_EXE_deps-cli");

/// The folders `project/` (where commands run), `home/` and `store/`, removed when it is dropped.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with this `deps.toml`.
    pub(crate) fn new(deps_toml: &str) -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        project.write("deps.toml", deps_toml);
        project
    }

    /// The project's folder.
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("project")
    }

    /// Writes a file of the project, and the folders above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder is writable");
        std::fs::write(path, text).expect("the folder is writable");
    }

    /// Removes a file or folder of the project or beside it, if there is one.
    pub(crate) fn remove(&self, path: &str) {
        let path = self.path().join(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).expect("it can be removed");
        } else if path.exists() {
            std::fs::remove_file(path).expect("it can be removed");
        }
    }

    /// Runs `deps`, which must succeed.
    pub(crate) fn deps(&self, arguments: &[&str]) {
        let folder = self.folder.path();
        let mut command = Command::new(DEPS);
        command.args(arguments).current_dir(self.path()).env_clear().env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", folder.join("home")).env("DEPS_STORE", folder.join("store")).stdout(Stdio::null());
        let output = command.stderr(Stdio::piped()).output().expect("cargo has built it");
        assert!(output.status.success(), "deps {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Measures the start of the process.
pub(crate) fn benches(criterion: &mut Criterion) {
    let project = Project::new("");
    criterion.bench_function("start-up/deps --version", |bencher| bencher.iter(|| project.deps(&["--version"])));
    assert!(Path::new(DEPS).is_absolute());
}
