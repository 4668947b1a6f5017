//! Stand-ins for what builds take from elsewhere: a base image whose package managers and compilers leave a small file
//! each, and an archive with the right structure for every url of the catalogue.
//!
//! It decides that Dockerfiles stay as they are: only the programs that a step calls, and the bytes that it is given, are
//! others. So a step takes a moment, works without a network, and is found in the engine's cache by what it would be found by.

use std::collections::BTreeSet;
use std::path::Path;

use deps::resolve::{self, Answers, Question, Refresh};
use deps::workspace::Workspace;
use deps_lock::Lock;

use super::archives::{tar_gz, zip};
use super::engine::Engine;
use super::sandbox::Sandbox;

/// What each program does, by the name that it is called by; `apt-get` leaves what it was asked for, as packages would.
const PROGRAMS: &str = r#"#!/bin/sh
set -eu
for last; do :; done
case ${0##*/} in
    apt-get) mkdir -p /var/lib/stand-in && echo "$*" >>/var/lib/stand-in/apt ;;
    cmake) [ "$1" != --build ] || { mkdir -p "$2/bin" && echo "$*" >"$2/bin/palanteer"; } ;;
    localedef) mkdir -p "$last" && echo "$*" >"$last/LC_CTYPE" ;;
    pip)
        while [ $# -gt 1 ]; do
            [ "$1" != --target ] || { mkdir -p "$2/bin" "$2/colcon_core" && echo "$*" >"$2/list"; }
            shift
        done
        ;;
    python3) mkdir -p "$last/bin" && cp "$0" "$last/bin/pip" ;;
esac
"#;
const NAMES: [&str; 7] = ["apt-get", "cmake", "colcon", "localedef", "pip", "python3", "strip"];

/// Miniforge's installer, as far as its builder needs it.
const INSTALLER: &str = "#!/bin/sh\nmkdir -p \"$3/condabin\"\ncp \"$0\" \"$3/condabin/conda\"\n";
const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n";
/// What builders take out of the archives that they are given.
const FILES: [&str; 12] = [
    "gitui",
    "lazygit",
    "package/bin/node",
    "package/bin/npm-cli.js",
    "package/claude",
    "package/vendor/linux/bin/codex",
    "pixi",
    "urdf-viz",
    "uv-0.13.8.data/scripts/uv",
    "uv-0.13.8.data/scripts/uvx",
    "uv-x86_64-unknown-linux-gnu/uv",
    "uv-x86_64-unknown-linux-gnu/uvx",
];

/// Makes base images with the stand-ins, each another one to the engine.
pub(crate) struct Bases<'a> {
    engine: &'a Engine,
    sandbox: &'a Sandbox,
    repository: String,
}

impl<'a> Bases<'a> {
    /// Makes the image that all are made from, in the engine's registry.
    pub(crate) fn new(engine: &'a Engine, sandbox: &'a Sandbox) -> Bases<'a> {
        let bases = Bases { engine, sandbox, repository: format!("{}/deps-test/stand-ins", engine.registry()) };
        sandbox.write("bases/programs", PROGRAMS);
        let links = NAMES.map(|name| format!(" && ln -s stand-in /usr/local/sbin/{name}")).concat();
        let base = engine.base();
        let install = format!("FROM {base}\nCOPY --chmod=755 programs /usr/local/sbin/stand-in\nRUN true{links}\n");
        bases.push("programs", &install);
        bases
    }

    /// Returns the reference of a base image in which no step was ever built, on any engine: `name` tells those of one
    /// sandbox apart.
    pub(crate) fn fresh(&self, name: &str) -> String {
        let unique = self.sandbox.root().to_string_lossy().into_owned();
        self.sandbox.write("bases/salt", &format!("{unique} {name}\n"));
        self.push(name, &format!("FROM {}\nCOPY salt /salt\n", self.reference("programs")))
    }

    fn push(&self, name: &str, dockerfile: &str) -> String {
        self.sandbox.write("bases/Dockerfile", dockerfile);
        let (reference, folder) = (self.reference(name), self.sandbox.path("bases"));
        let folder = folder.to_str().expect("the sandbox's path is UTF-8");
        self.engine.docker(["buildx", "build", "--quiet", "--push", "--provenance=false", "--tag", &reference, folder]);
        reference
    }

    /// Other runs of the tests have the same registry.
    fn reference(&self, name: &str) -> String {
        let unique = self.sandbox.root().file_name().expect("a sandbox has a name").to_string_lossy().to_lowercase();
        format!("{}:{}-{name}", self.repository, unique.rsplit('-').next().expect("a suffix"))
    }
}

/// Serves a stand-in for every url that the project in the sandbox has inputs of, and has `deps` ask for them there.
pub(crate) fn serve(sandbox: &Sandbox) {
    let urls = urls(&sandbox.path(""));
    let unique = sandbox.root().to_string_lossy().into_owned();
    for url in &urls {
        let file = url.strip_prefix("https://").expect("inputs of the catalogue are at https");
        sandbox.serve(file, &content(url, &unique));
    }
    let hosts: BTreeSet<&str> = urls.iter().filter_map(|url| url.split('/').nth(2)).collect();
    sandbox.mirrors(&hosts.into_iter().collect::<Vec<_>>());
}

/// The urls that locking the project in `folder` would ask for.
fn urls(folder: &Path) -> Vec<String> {
    let loaded = Workspace::find(folder).expect("a project").load().expect("a good project");
    let questions = resolve::questions(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &Answers::new());
    let url = |question| match question {
        Question::Archive { url } | Question::File { url } => Some(url),
        _ => None,
    };
    questions.into_iter().filter_map(url).collect()
}

/// Another one for another url and another sandbox.
fn content(url: &str, unique: &str) -> Vec<u8> {
    let salt = format!("{url} {unique}\n");
    if url.ends_with(".sh") {
        return format!("{INSTALLER}# {salt}").into_bytes();
    }
    let program = format!("#!/bin/sh\n# {salt}");
    let files = FILES.map(|name| (name, program.as_str()));
    match url {
        url if url.ends_with(".whl") => zip(&files),
        url if url.ends_with("gz") => tar_gz(&files),
        _ => format!("{KEY}# {salt}").into_bytes(),
    }
}
