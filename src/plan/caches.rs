//! Standard cache mounts (DESIGN §6.2): which package managers a step calls, and what they keep where.
//!
//! Decides by what a shell would run (`shell/`), and whose home the caches stand in: that of whoever runs the command.
//! A mount makes the folders above it, and makes them root's: where another user keeps more than caches in them
//! (`~/.cargo`, `~/go`, `~/.conda`), that user gets none. Nor does a user whom `sudo -u` names: the cache has to be
//! theirs, and nobody knows their number before the step runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::instruction::Mount;
use crate::shell::{Command, Script};

/// One cache: which programs use it, its id, its target and how it is shared.
struct Cache {
    programs: &'static [&'static str],
    id: &'static str,
    target: Target,
    sharing: &'static str,
}

/// Where a program keeps its cache.
enum Target {
    /// Everybody's.
    System(&'static str),
    /// Below the home of whoever runs it.
    Home(&'static str),
    /// Root's; other users have it in a folder that also holds other things.
    Root(&'static str),
}
use Target::{Home, Root, System};

const fn shared(programs: &'static [&'static str], id: &'static str, target: Target) -> Cache {
    Cache { programs, id, target, sharing: "shared" }
}

const fn locked(programs: &'static [&'static str], id: &'static str, target: Target) -> Cache {
    Cache { programs, id, target, sharing: "locked" }
}

const APT: &[&str] = &["apt-get", "apt", "aptitude"];

static CACHES: [Cache; 13] = [
    locked(APT, "apt-cache", System("/var/cache/apt")),
    locked(APT, "apt-lists", System("/var/lib/apt/lists")),
    shared(&["pip", "pipx"], "pip-cache", Home(".cache/pip")),
    shared(&["uv", "uvx"], "uv-cache", Home(".cache/uv")),
    shared(&["npm", "npx"], "npm-cache", Home(".npm")),
    shared(&["cargo"], "cargo-registry", Root("/root/.cargo/registry")),
    shared(&["cargo"], "cargo-git", Root("/root/.cargo/git")),
    shared(&["go"], "go-mod", Root("/go/pkg/mod")),
    shared(&["go"], "go-build", Home(".cache/go-build")),
    shared(&["ccache"], "ccache", Home(".ccache")),
    locked(&["apk"], "apk-cache", System("/var/cache/apk")),
    shared(&["conda", "mamba"], "conda-pkgs", Root("/opt/conda/pkgs")),
    shared(&["pixi"], "pixi-cache", Home(".cache/rattler")),
];

/// The image's user, as the Dockerfile names it.
pub(super) const IMAGE_USER: &str = "${DEPS_USER_NAME}";

struct Call {
    cache: &'static Cache,
    user: Option<String>,
}

/// Returns the cache mounts of `command`, which `user` runs, without those whose target is in `taken`. apt's caches belong to
/// one `system`, a word for the base image.
pub(super) fn mounts(command: &str, user: &str, taken: &BTreeSet<String>, system: &str) -> BTreeSet<Mount> {
    let calls = calls(command);
    let mounts = calls.iter().filter_map(|call| call.cache.mount(call.user.as_deref().unwrap_or(user), system));
    mounts.filter(|(target, _)| !taken.contains(target)).map(|(_, mount)| mount).collect()
}

fn calls(command: &str) -> Vec<Call> {
    if !may_call(command) {
        return Vec::new();
    }
    let mut calls = Vec::new();
    for one in &Script::of_run(command, 0, '\\').commands {
        for cache in CACHES.iter().filter(|cache| cache.programs.contains(&one.program.as_str())) {
            calls.push(Call { cache, user: other_user(one) });
        }
    }
    calls
}

/// Whether `command` may call one of the programs, which is found faster than what it calls. A word of a shell may be
/// quoted anywhere, and go on after a line break; comments may stand in between, and characters may be spelled as JSON.
fn may_call(command: &str) -> bool {
    let mut bare = String::with_capacity(command.len());
    bare.extend(command.split(|c: char| c.is_whitespace() || matches!(c, '\\' | '"' | '\'')));
    bare.contains('#') || command.contains("\\u") || NAMES.iter().any(|name| bare.contains(name))
}

/// What is in the name of each of the programs: `apt` stands for `apt-get`, too.
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let programs = || CACHES.iter().flat_map(|cache| cache.programs);
    let is_shortest = |program: &str| !programs().any(|other| *other != program && program.contains(other));
    programs().copied().filter(|program| is_shortest(program)).collect::<BTreeSet<_>>().into_iter().collect()
});

/// Who runs `command`, where that is not whoever runs its step.
fn other_user(command: &Command) -> Option<String> {
    Some(match command.user.as_deref()? {
        "0" | "#0" => "root".to_owned(),
        "$DEPS_USER_NAME" => IMAGE_USER.to_owned(),
        other => other.to_owned(),
    })
}

impl Cache {
    /// The mount for `user` with its target; none where nobody knows where that would be.
    fn mount(&self, user: &str, system: &str) -> Option<(String, Mount)> {
        let id = if self.id.starts_with("apt-") { format!("{}-{system}", self.id) } else { self.id.to_owned() };
        let target = match &self.target {
            System(target) => (*target).to_owned(),
            Root(target) if user == "root" => (*target).to_owned(),
            Home(path) if user == "root" => format!("/root/{path}"),
            Home(path) if user == IMAGE_USER => {
                let target = format!("/home/{user}/{path}");
                return Some((target.clone(), users(&target, &format!("{id}-{user}"), self.sharing)));
            }
            Root(_) | Home(_) => return None,
        };
        Some((target.clone(), Mount::Cache { target, id, sharing: self.sharing.to_owned() }))
    }
}

/// A cache that the image's user writes to. A `mode` of 777 would be for everybody, but BuildKit 0.13 takes its umask off.
fn users(target: &str, id: &str, sharing: &str) -> Mount {
    let options = [
        ("gid", "${DEPS_USER_GID}"),
        ("id", id),
        ("sharing", sharing),
        ("target", target),
        ("type", "cache"),
        ("uid", "${DEPS_USER_UID}"),
    ];
    Mount::Written(BTreeMap::from(options.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mounts of a step as `id target`.
    fn told(command: &str, user: &str) -> Vec<String> {
        let shown = |mount| match mount {
            Mount::Cache { id, target, .. } => format!("{id} {target}"),
            Mount::Written(options) => format!("{} {}", options["id"], options["target"]),
            other => panic!("{other:?}"),
        };
        let mut mounts: Vec<String> =
            mounts(command, user, &BTreeSet::new(), "debian").into_iter().map(shown).collect();
        mounts.sort();
        mounts
    }

    fn ids(command: &str) -> Vec<String> {
        told(command, "root").iter().map(|mount| mount.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn package_managers_are_found_wherever_a_shell_would_run_them() {
        for (command, expected) in [
            ("apt-get update && apt-get install -y x", &["apt-cache-debian", "apt-lists-debian"][..]),
            ("set -e; A=1 sudo -E pip3 install \\\n    --target /x y", &["pip-cache"]),
            ("bash -ec 'cd /x && /usr/bin/npm ci'", &["npm-cache"]),
            ("<<EOF\nset -e\npython3 -m pip install x\n# cargo build\nEOF", &["pip-cache"]),
            ("bash -e <<'EOF'\nuv sync \\\n  --frozen\nEOF", &["uv-cache"]),
            ("cat <<EOF > /x\npip install x\nEOF", &[]),
            ("if true; then (cargo build | tee log); fi", &["cargo-git", "cargo-registry"]),
            ("[\"go\", \"build\"]", &["go-build", "go-mod"]),
            ("env -u X CC=gcc ccache gcc x.c; apk add x", &["apk-cache", "ccache"]),
            ("x=$(conda info) && timeout 60 pixi install", &["conda-pkgs", "pixi-cache"]),
            ("echo 'pip install x' && echo \"a && npm ci\" > /npm", &[]),
            ("p\\ip install x && \"n\"pm ci", &["npm-cache", "pip-cache"]),
            ("u\\ \n\nv sync && c\\\n# why\narg\\\no build", &["cargo-git", "cargo-registry", "uv-cache"]),
            ("[\"p\\u0069p\", \"install\"]", &["pip-cache"]),
        ] {
            assert_eq!(ids(command), expected, "{command}");
        }
    }

    #[test]
    fn every_program_is_looked_for() {
        for program in CACHES.iter().flat_map(|cache| cache.programs) {
            assert!(may_call(program) && !ids(program).is_empty(), "{program}");
        }
        assert!(!may_call("make install"));
        assert!(NAMES.contains(&"apt") && !NAMES.contains(&"apt-get"), "{:?}", *NAMES);
    }

    #[test]
    fn a_cache_stands_in_the_home_of_whoever_runs_the_command() {
        for (command, user, expected) in [
            ("pip install x", IMAGE_USER, &["pip-cache-${DEPS_USER_NAME} /home/${DEPS_USER_NAME}/.cache/pip"][..]),
            ("sudo pip install x", IMAGE_USER, &["pip-cache /root/.cache/pip"]),
            ("sudo -u dev npm ci && npm ci", "root", &["npm-cache /root/.npm"]),
            ("su dev -c 'uv sync'", "root", &[]),
            ("gosu \"$DEPS_USER_NAME\" npm ci", "root", &["npm-cache-${DEPS_USER_NAME} /home/${DEPS_USER_NAME}/.npm"]),
            ("sudo -u \"$WHO\" npm ci", "root", &[]),
            ("sudo -u '../x,from=y' npm ci", "root", &[]),
            ("cargo build", IMAGE_USER, &[]),
        ] {
            assert_eq!(told(command, user), expected, "{command}");
        }
    }

    #[test]
    fn a_target_that_the_step_mounts_itself_is_left_alone() {
        let taken = BTreeSet::from(["/root/.cache/pip".to_owned()]);
        assert!(mounts("pip install x", "root", &taken, "debian").is_empty());
    }
}
