//! Help, version, usage errors, completions.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn help_names_every_command_and_the_exit_codes() {
    Sandbox::new().deps(["--help"]).succeeds().stdout_is(str![[r#"
A content-addressed build planner with a lockfile for Docker/BuildKit images

Usage: deps [OPTIONS] <COMMAND>

Commands:
  init          Propose a `deps.toml` from what this folder holds: manifests, sources, a
                rockerc.yaml, *.deps.yaml
  lock          Pin every repository, base image and extension in `deps.lock`
  update        Pin what the refs hold now: all entries, or those named
  fetch         Fetch every pinned commit into the store
  import        Make working checkouts at the pinned commits; no work in them is ever lost
  status        Show which working checkouts are off their pin or hold work
  export        Print a vcstool manifest of what is pinned, or of a folder's checkouts
  pin-from      Pin the commits that the checkouts of an existing workspace are at
  diff          Review what changed: sources, versions, images, extensions, and the stages that
                rebuild
  plan          Show the stages of the image with their keys, and which steps will run
  why           Explain why a stage changed: first causes with old and new values
  graph         Draw the stages and what they are made of: text, DOT, Mermaid, SVG or a page
  dockerfile    Print the canonical Dockerfile
  bisect        Find the repository, and its commit, that broke a test between two locks
  build         Build the image
  run           Run a container of the image, with what its extensions ask of the host
  test          Run the test of every extension in a container of the image
  verify        Check that the lock names all that a build took from outside
  add           Add extensions to `deps.toml`
  remove        Remove extensions from `deps.toml`
  set           Set options and other values in `deps.toml`
  ext           List, show, make and check extensions
  lint          Find what makes an image another one tomorrow, in snippets and Dockerfiles
  cache         List, measure, verify and clean the store
  git-setup     Tell git to merge `deps.lock` by entry, and to show it with one line an entry
  merge-driver  Merge locks for git: three-way, by entry, offline
  textconv      Print a lock with one line an entry, for `git diff`
  schema        Print the JSON Schema of a file
  completions   Print the completions of a shell
  help          Print this message or the help of the given subcommand(s)

Options:
  -h, --help
          Print help (see a summary with '-h')

  -V, --version
          Print version

Everywhere:
  -C, --directory <FOLDER>
          Go to this folder first

      --color <WHEN>
          When to use colours

          Possible values:
          - auto:   On a terminal
          - always: Everywhere
          - never:  Nowhere
          
          [default: auto]

  -q, --quiet
          Say only what went wrong

      --strict
          Treat every warning as an error

Exit codes:
  0 done, 1 failed, 2 usage, 3 the lock is out of date,
  4 content is not what the lock says, 5 a remote or the engine cannot be reached

Environment:
  DEPS_STORE   the store; by default `deps` in your cache folder
  DEPS_GIT     how repositories are reached: auto, git2 (built in) or git (the program)
  DEPS_CONFIG  your configuration (mirrors); by default `deps/config.toml` among your configurations

"#]]);
}

#[test]
fn build_help_names_every_flag() {
    Sandbox::new().deps(["build", "--help"]).succeeds().stdout_is(str![[r#"
Build the image

Usage: deps build [OPTIONS]

Options:
  -t, --tag <NAME>
          Name the image, `name[:tag]`; may be given several times. Default: `tag` of deps.toml,
          else `<name>:latest`

      --target <STAGE>
          Build this stage only, and what it needs
          
          [alias: --stage]

      --no-cache
          Ignore the engine's cache, what its cache mounts hold included

      --build-arg <NAME=VALUE>
          Set a build argument; may be given several times

      --platform <PLATFORM>
          Build for these platforms instead of those of deps.toml

      --push
          Push the image to the registry that its name says

      --load
          Load the image into the local image store (the default where the engine has one)

  -o, --output <SPEC>
          Where the result goes, as for `docker buildx build --output`

      --engine <ENGINE>
          The engine: auto, buildx, docker (`docker build` with BuildKit), or buildctl (with the
          buildkitd of `BUILDKIT_HOST`, else the one of this machine)
          
          [default: auto]

      --no-skip
          Build also when the image is there already, with the keys of this plan and its build
          arguments in its labels

      --pure
          Refuse stages that can depend on more than the lock, naming each and why

      --check-reproducible
          Build twice without cache and compare the layers: 4 when they differ, with the first file
          that does

      --cache-dir <ID=DIR>
          Copy the files of a folder of this machine that the cache mount ID lacks into it before
          the build; may be given several times. The folder is only read, and neither keys nor
          layers depend on it

      --cache-from <SPEC>
          Take results also from this cache: an image reference, or as for `docker buildx build
          --cache-from`; may be given several times

      --cache-to <SPEC>
          Leave the results of all stages in this cache for others, as far as that succeeds; may be
          given several times

      --builder <NAME>
          Use this buildx builder instead of the current one

      --progress <VIEW>
          How the build is shown

          Possible values:
          - auto:  Live lines on a terminal, else plain
          - plain: A line for each step that ends
          - json:  One JSON object a line on stderr (`deps schema progress`)
          
          [default: auto]

      --report <FILE>
          Write a page about the build to this file: stages, steps, times, what was foreseen, what
          keys are made of

      --frozen
          Fail, with exit code 3, unless `deps.lock` exists and is up to date; never write it
          
          [alias: --locked]

      --offline
          Use no network; every object that is missing is named

  -j, --jobs <N>
          How many remotes are asked at once
          
          [default: 16]

      --timeout <SECONDS>
          Give up on a remote that says nothing, or sends fewer than 100 bytes a second, for so long
          
          [default: 30]

      --retries <N>
          How often to try again what may pass: lost connections, overloaded servers
          
          [default: 3]

  -h, --help
          Print help (see a summary with '-h')

Everywhere:
  -C, --directory <FOLDER>
          Go to this folder first

      --color <WHEN>
          When to use colours

          Possible values:
          - auto:   On a terminal
          - always: Everywhere
          - never:  Nowhere
          
          [default: auto]

  -q, --quiet
          Say only what went wrong

      --strict
          Treat every warning as an error

"#]]);
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    Sandbox::new().deps(["loc"]).exits(2).stderr_is(str![[r#"
error: unrecognized subcommand 'loc'

  tip: a similar subcommand exists: 'lock'

Usage: deps [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
}

#[test]
fn the_program_is_called_deps() {
    let run = Sandbox::new().deps(["--version"]).succeeds();
    assert_eq!(run.stdout(), format!("deps {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let run = Sandbox::new().deps(["completions", shell]).succeeds();
        assert!(run.stdout().contains("deps"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let program = format!("{} completions bash | head -n 1 && exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_deps-cli"));
    Sandbox::new().program("bash", ["-c", &program]).succeeds();
}

#[test]
fn lint_help_names_every_rule() {
    Sandbox::new().deps(["lint", "-h"]).succeeds().stdout_is(str![[r#"
Find what makes an image another one tomorrow, in snippets and Dockerfiles

Usage: deps lint [OPTIONS] [FILE]...

Arguments:
  [FILE]...  Dockerfiles; `-` is stdin. Without any, the snippets of the project's extensions

Options:
      --fix              Make the changes that are mechanical, and tell what is left
      --format <FORMAT>  How to tell what was found [default: text] [possible values: text, json,
                         sarif]
      --json             The same as `--format json` (`deps schema lint`)
  -h, --help             Print help (see more with '--help')

Everywhere:
  -C, --directory <FOLDER>  Go to this folder first
      --color <WHEN>        When to use colours [default: auto] [possible values: auto, always,
                            never]
  -q, --quiet               Say only what went wrong
      --strict              Treat every warning as an error

Rules:
  apt-key                `apt-key` trusts a key for every repository, and is gone since Debian 13
  apt-yes                `apt-get install` without `-y` asks, and nobody answers
  bad-ignore             A `deps-lint: ignore` names a rule and a reason, and something to ignore
  base-digest            A tag can be moved to another image; a digest cannot (a note)
  cache-buster           What differs with every run makes every image another one
  emptied-cache          A cache mount is in no layer: emptying it only slows builds down
  latest-download        A `latest` download is another file tomorrow
  latest-image           The tag `latest` is another image tomorrow
  lone-apt-update        An `apt-get update` in a RUN of its own stays cached and grows old
  pipe-to-shell          A script that is run as it is downloaded is checked by nobody
  secret-in-env          ENV and ARG stay in the image's history, for everybody who has the image
  unchecked-add          ADD of a URL without a checksum is whatever the server has
  unchecked-download     A download without a checksum is whatever the server has that day
  unhashed-requirements  `pip install -r` checks only what has a hash in the file (a note)
  unpinned-cargo         `cargo install` without a version takes the newest
  unpinned-clone         A clone without a commit is whatever the branch has that day
  unpinned-gem           `gem install` without a version takes the newest
  unpinned-go            `go install` of a branch or `latest` takes the newest
  unpinned-npm           An npm package without a version is the newest one
  unpinned-pip           A Python package without a version is the newest one

To live with a finding, write above it: `# deps-lint: ignore=RULE reason`.
Notes alone are no failure, unless with `--strict`.

Exit codes:
  0 nothing found, 1 something found

"#]]);
}
