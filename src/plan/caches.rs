//! Standard cache mounts (DESIGN §6.2): which package managers a step calls, and what they keep where.
//!
//! Decides by reading the step's words the way a shell would, without running anything: continuations,
//! here-documents, `&&`, `||`, `;`, `|`, subshells, `VAR=value` prefixes, `sudo`, `env`, `sh -c '…'`. Leaves out
//! steps that run as the image's user: their home is known only when the engine runs them.

use std::collections::BTreeSet;

use super::instruction::Mount;

/// One cache: which programs use it, its id, its target and how it is shared.
struct Cache {
    programs: &'static [&'static str],
    id: &'static str,
    target: &'static str,
    sharing: &'static str,
}

const fn shared(programs: &'static [&'static str], id: &'static str, target: &'static str) -> Cache {
    Cache { programs, id, target, sharing: "shared" }
}

const fn locked(programs: &'static [&'static str], id: &'static str, target: &'static str) -> Cache {
    Cache { programs, id, target, sharing: "locked" }
}

const CACHES: [Cache; 13] = [
    locked(&["apt-get", "apt", "aptitude"], "apt-cache", "/var/cache/apt"),
    locked(&["apt-get", "apt", "aptitude"], "apt-lists", "/var/lib/apt/lists"),
    shared(&["pip", "pip3", "pipx"], "pip-cache", "/root/.cache/pip"),
    shared(&["uv", "uvx"], "uv-cache", "/root/.cache/uv"),
    shared(&["npm", "npx"], "npm-cache", "/root/.npm"),
    shared(&["cargo"], "cargo-registry", "/root/.cargo/registry"),
    shared(&["cargo"], "cargo-git", "/root/.cargo/git"),
    shared(&["go"], "go-mod", "/go/pkg/mod"),
    shared(&["go"], "go-build", "/root/.cache/go-build"),
    shared(&["ccache"], "ccache", "/root/.ccache"),
    locked(&["apk"], "apk-cache", "/var/cache/apk"),
    shared(&["conda", "mamba"], "conda-pkgs", "/opt/conda/pkgs"),
    shared(&["pixi"], "pixi-cache", "/root/.cache/rattler"),
];

/// Returns the cache mounts of `command`, without those whose target is in `taken`. apt's caches belong to one
/// `system`, a word for the base image.
pub(super) fn standard(command: &str, taken: &BTreeSet<String>, system: &str) -> BTreeSet<Mount> {
    let programs = programs(command);
    let called = |cache: &&Cache| cache.programs.iter().any(|program| programs.contains(*program));
    let mounts = CACHES.iter().filter(called).filter(|cache| !taken.contains(cache.target));
    mounts
        .map(|cache| Mount::Cache {
            target: cache.target.to_owned(),
            id: if cache.id.starts_with("apt-") { format!("{}-{system}", cache.id) } else { cache.id.to_owned() },
            sharing: cache.sharing.to_owned(),
        })
        .collect()
}

/// Returns the names of the programs that `command` calls, without their folders.
fn programs(command: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let plain = command.replace("\\\r\n", " ").replace("\\\n", " ");
    for line in plain.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for simple in split_commands(line) {
            called(&words(&simple), &mut found);
        }
    }
    found
}

/// Words that stand in front of the program that is really called.
const PREFIXES: [&str; 14] =
    ["sudo", "env", "exec", "time", "nice", "command", "then", "do", "else", "if", "while", "until", "!", "{"];

fn called(words: &[String], found: &mut BTreeSet<String>) {
    let mut rest = words;
    while let [first, tail @ ..] = rest {
        let assignment =
            first.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_variable));
        if !(assignment || PREFIXES.contains(&first.as_str()) || first.starts_with('-')) {
            break;
        }
        rest = tail;
    }
    let [program, arguments @ ..] = rest else { return };
    let name = program.rsplit('/').next().unwrap_or(program);
    match (name, arguments) {
        ("sh" | "bash" | "dash" | "zsh", [flags, script, ..]) if flags.starts_with('-') && flags.ends_with('c') => {
            found.extend(programs(script));
        }
        (python, [flag, module, ..]) if python.starts_with("python") && flag == "-m" => {
            _ = found.insert(module.clone())
        }
        _ => _ = found.insert(name.to_owned()),
    }
}

fn is_variable(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn words(command: &str) -> Vec<String> {
    let split = shell_words::split(command);
    split.unwrap_or_else(|_| command.split_whitespace().map(str::to_owned).collect())
}

/// Splits a line at `&&`, `||`, `;`, `|`, `&`, `(`, `)` and `` ` `` outside quotes.
fn split_commands(line: &str) -> Vec<String> {
    let (mut commands, mut current, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '&' | '|' | ';' | '(' | ')' | '`') => {
                commands.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    commands.push(current);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(command: &str) -> Vec<String> {
        let mounts = standard(command, &BTreeSet::new(), "debian");
        let id = |mount| if let Mount::Cache { id, .. } = mount { id } else { panic!("a cache mount") };
        let mut ids: Vec<String> = mounts.into_iter().map(id).collect();
        ids.sort();
        ids
    }

    #[test]
    fn package_managers_are_found_wherever_a_shell_would_run_them() {
        assert_eq!(ids("apt-get update && apt-get install -y x"), ["apt-cache-debian", "apt-lists-debian"]);
        assert_eq!(ids("set -e; A=1 sudo -E pip3 install \\\n    --target /x y"), ["pip-cache"]);
        assert_eq!(ids("bash -ec 'cd /x && /usr/bin/npm ci'"), ["npm-cache"]);
        assert_eq!(ids("<<EOF\nset -e\npython3 -m pip install x\n# cargo build\nEOF"), ["pip-cache"]);
        assert_eq!(ids("if true; then (cargo build | tee log); fi"), ["cargo-git", "cargo-registry"]);
        assert_eq!(ids("echo 'pip install x' && echo \"a && npm ci\" > /npm"), Vec::<String>::new());
    }

    #[test]
    fn a_target_that_the_step_mounts_itself_is_left_alone() {
        let taken = BTreeSet::from(["/root/.cache/pip".to_owned()]);
        assert!(standard("pip install x", &taken, "debian").is_empty());
    }
}
