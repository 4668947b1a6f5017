//! The built-in extensions: all can be read, what they put into an image is tested, and their pages are fresh.

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use deps::extension::{Configured, Extension, Input, Problem, UrlVersion, builtin, builtin_names};
use deps::project::Platform;
use deps::source::{Located, Source};

pub(crate) fn configured(name: &str) -> Configured {
    let extension = Extension::read(name, &format!("extensions/{name}"), builtin(name).unwrap()).unwrap();
    extension.configure(&Source::new("deps.toml", ""), None).unwrap()
}

#[test]
fn what_brings_something_into_an_image_has_a_test() {
    let untested: Vec<&str> = builtin_names()
        .into_iter()
        .filter(|name| {
            let found = configured(name);
            let nothing = found.builders.is_empty() && found.files.is_empty() && found.account.is_none();
            let nothing = nothing && found.apt_runtime.is_empty() && found.runtime.is_none() && found.user.is_none();
            !nothing && found.test.is_none()
        })
        .collect();
    assert_eq!(untested, [""; 0]);
}

#[test]
fn the_page_of_the_catalogue_is_what_the_program_says() {
    let page = Sandbox::new().deps(["ext", "ls", "--markdown"]).succeeds().stdout();
    let head = "# Built-in extensions\n\nThis page is what `deps ext ls --markdown` says.\n";
    snapbox::assert_data_eq!(format!("{head}{page}"), snapbox::file!["../extensions/README.md"].raw());
}

#[test]
fn the_tools_of_the_catalogue_work_in_an_image() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let plain = [
        "cargo",
        "ccache",
        "colcon",
        "curl",
        "devtools",
        "fzf",
        "git",
        "jq",
        "locales",
        "npm",
        "nvim",
        "pulse",
        "ssh",
        "ssh_client",
        "user",
        "uv",
        "x11",
    ];
    let plain: String = plain.iter().map(|name| format!("{name} = \"*\"\n")).collect();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"catalogue\"\nbase = \"{}\"\n[build]\nca-certificates = true\n[extensions]\n{plain}\
         apt = {{ with = {{ packages = [\"tree\", \"file\"] }} }}\npip = {{ with = {{ packages = [\"six==1.17.0\"] }} }}\n\
         env = {{ with = {{ set = [\"ROBOT=7\", \"A=b=c\"] }} }}\n\
         tzdata = {{ with = {{ zone = \"Europe/Berlin\" }} }}\n",
        engine.base()
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["test", "--frozen"]).succeeds();
}

#[test]
fn every_file_that_is_downloaded_has_a_url_for_both_architectures_or_says_that_there_is_none() {
    let platform = |text| Platform::parse(text).unwrap();
    let (amd64, arm64) = (platform("linux/amd64"), platform("linux/arm64"));
    let mut lacking = Vec::new();
    for name in builtin_names() {
        for (input, found) in configured(name).inputs {
            let Input::Url(url) = found else { continue };
            url.url(None, &[&amd64]).unwrap_or_else(|problem| panic!("{problem}"));
            match url.url(None, &[&amd64, &arm64]) {
                Ok(_) => {}
                Err(Located { error: Problem::NoPlatform { .. }, .. }) => lacking.push(format!("{name}/{input}")),
                Err(problem) => panic!("{problem}"),
            }
        }
    }
    assert_eq!(lacking, ["urdf_viz/urdf_viz"], "upstream has no other release");
}

#[test]
fn nothing_that_is_downloaded_moves() {
    for name in builtin_names() {
        for file in builtin(name).unwrap() {
            let text = String::from_utf8(file.content).unwrap();
            for moving in ["latest", "/main/", "/master/", "/HEAD/", "refs/heads", "| sh", "| bash", "|sh", "|bash"] {
                assert!(!text.contains(moving), "extensions/{name}/{}: `{moving}`", file.path);
            }
        }
        for (input, found) in configured(name).inputs {
            let (git, reference) = match &found {
                Input::Git { url, reference, .. } => (url, reference.as_ref()),
                Input::Url(url) => match &url.version {
                    UrlVersion::Tag { git, reference } => (git, Some(reference)),
                    UrlVersion::Exact(_) | UrlVersion::Unnamed => continue,
                },
                Input::Folder { .. } | Input::Checkouts | Input::Project { .. } => continue,
            };
            let version = reference.is_some_and(|reference| reference.value.contains(|c: char| c.is_ascii_digit()));
            assert!(version, "{name}/{input}: {} at no version", git.value);
        }
    }
}
