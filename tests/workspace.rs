//! A real workspace: a manifest from the corpus with more than sixty repositories, each on the local server under its
//! own URL path. Needs `../shared/corpus`; says so and is skipped where that is absent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use deps::manifest::{self, Kind, Wish};
use deps::source::Source;

use crate::support::engine::say_skipped;
use crate::support::sandbox::Sandbox;

/// The manifest with the most git repositories among those of the corpus that need no history to be pinned.
fn largest() -> Option<(String, manifest::Manifest)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/manifests");
    let mut best: Option<(String, manifest::Manifest)> = None;
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok) {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        let Ok(parsed) = manifest::parse(&Source::new("workspace.repos", text.clone())) else { continue };
        let good = parsed.repositories.iter().all(|repository| {
            repository.kind.value == Kind::Git
                && repository.url.value.starts_with("https://")
                && matches!(repository.wish, Wish::Name(_) | Wish::Branch(_) | Wish::Head)
        });
        if good && best.as_ref().is_none_or(|(_, other)| other.repositories.len() < parsed.repositories.len()) {
            best = Some((text, parsed));
        }
    }
    best
}

#[test]
fn a_real_manifest_is_locked_checked_and_fetched() {
    let Some((text, parsed)) = largest() else {
        say_skipped("../shared/corpus", "the folder is absent");
        return;
    };
    assert!(parsed.repositories.len() >= 60, "the largest manifest has {} repositories", parsed.repositories.len());
    let sandbox = Sandbox::new();
    let mut hosts = BTreeMap::new();
    for repository in &parsed.repositories {
        let url = repository.url.value.trim_end_matches('/');
        let (host, path) = url.trim_start_matches("https://").split_once('/').expect("a URL has a path");
        hosts.insert(host.to_owned(), ());
        // libgit2 and git append nothing: the path under the server is the path of the URL.
        let served = sandbox.git(&format!("{host}/{}", path.trim_end_matches(".git")));
        let served = served.file("package.xml", &repository.path.value);
        match &repository.wish {
            Wish::Name(name) | Wish::Branch(name) => served.branch(name).commit(),
            _ => served.commit(),
        };
        if !path.ends_with(".git") {
            let bare = sandbox.root().join("git").join(host);
            let link = bare.join(path);
            if !link.exists() {
                std::os::unix::fs::symlink(bare.join(format!("{path}.git")), link).expect("a link can be made");
            }
        }
    }
    let rule = |host: &String| format!("[url \"$GIT/{host}/\"]\n\tinsteadOf = https://{host}/\n");
    sandbox.git_config(&hosts.keys().map(rule).collect::<String>());
    sandbox.manifest(&text);
    sandbox.deps(["lock"]).succeeds();
    let repositories = sandbox.read("deps.lock").matches("\n[repo.").count();
    assert_eq!(repositories, parsed.repositories.len());
    sandbox.servers_stopped(|sandbox| sandbox.deps(["lock", "--check"]).succeeds());
    sandbox.deps(["fetch"]).succeeds();
    sandbox.servers_stopped(|sandbox| {
        let run = sandbox.deps(["fetch"]).succeeds();
        assert!(run.stderr().contains("all in the store"), "{run}");
    });
    let stages = sandbox.deps(["dockerfile"]).succeeds().stdout();
    assert_eq!(stages.matches("\nADD archives/").count(), parsed.repositories.len());
}
