//! What an extension gives to a container of the image: `[run]` of its `extension.toml`.
//!
//! Decides which paths, variables and arguments there may be: each is one argument of `docker run` and can never become
//! another one. Leaves out putting those of all extensions together (`container.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::check::Render;
use super::file::{RunTable, VolumeTable};
use super::words;
use crate::source::Spanned;
use crate::typed_toml::StringOr;

/// What one extension gives to a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Folders and files of the host.
    pub volumes: BTreeSet<Volume>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Environment variables of the host.
    pub pass_env: BTreeSet<String>,
    /// Arguments with many values, by the option of `docker run`, without its dashes: `device`, `publish`, …
    pub lists: BTreeMap<&'static str, BTreeSet<String>>,
    /// Arguments with one value, likewise: `network`, `gpus`, …
    pub values: BTreeMap<&'static str, String>,
    /// Arguments without a value, likewise: `privileged`, `detach`, `init`.
    pub switches: BTreeSet<&'static str>,
    /// Files with environment variables, as paths of the host.
    pub env_files: BTreeSet<HostPath>,
    /// The working folder, a path of the container.
    pub workdir: Option<String>,
}

/// A folder or file of the host that the container sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Volume {
    /// Where it is in the container; `~/…` is the home of the image's user. None: where it is on the host.
    pub container: Option<String>,
    /// Where it is on the host.
    pub host: HostPath,
    /// Whether the container may only read it.
    pub read_only: bool,
    /// Whether it is made where it is missing.
    pub create: bool,
    /// Whether it is left out where it is missing.
    pub optional: bool,
}

impl Running {
    /// Returns what it asks for, in words of `docker run`, sorted; paths of the host as the extension spells them.
    pub fn words(&self) -> Vec<String> {
        let Self { volumes, env, pass_env, lists, values, switches, env_files, workdir } = self;
        let mut words: Vec<String> = Vec::new();
        words.extend(env.iter().map(|(name, value)| format!("--env={name}={value}")));
        words.extend(pass_env.iter().map(|name| format!("--env={name}")));
        words.extend(env_files.iter().map(|path| format!("--env-file={path}")));
        let all = lists.iter().flat_map(|(option, found)| found.iter().map(move |value| (option, value)));
        words.extend(all.chain(values).map(|(option, value)| format!("--{option}={value}")));
        words.extend(switches.iter().map(|switch| format!("--{switch}")));
        words.extend(workdir.iter().map(|folder| format!("--workdir={folder}")));
        words.extend(volumes.iter().map(|volume| {
            let mode = if volume.read_only { ":ro" } else { "" };
            match &volume.container {
                Some(container) => format!("--volume={}:{container}{mode}", volume.host),
                None => format!("--volume={0}:{0}{mode}", volume.host),
            }
        }));
        words.sort();
        words
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(path) => f.write_str(path),
            Self::Home(below) if below.is_empty() => f.write_str("~"),
            Self::Home(below) => write!(f, "~/{below}"),
            Self::Here(below) if below.is_empty() => f.write_str("."),
            Self::Here(below) => write!(f, "./{below}"),
            Self::Variable { name, below } if below.is_empty() => write!(f, "${name}"),
            Self::Variable { name, below } => write!(f, "${name}/{below}"),
        }
    }
}

/// A path of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPath {
    /// From the root.
    Absolute(String),
    /// Below the home of whoever calls; without `~/`.
    Home(String),
    /// Below the folder that `deps run` is called in; without `./`.
    Here(String),
    /// What a variable of the environment holds, and what is below that.
    Variable {
        /// The variable, without `$`.
        name: String,
        /// What comes after it, without `/`.
        below: String,
    },
}

impl HostPath {
    /// Reads a path of the host; none when it is no such path.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |rest: &str| {
            !rest.contains([',', '"', ':'])
                && !rest.chars().any(char::is_control)
                && rest.split('/').all(|part| part != "..")
        };
        match text {
            "~" => Some(Self::Home(String::new())),
            "." => Some(Self::Here(String::new())),
            _ if !plain(text) => None,
            _ if text.starts_with('/') => Some(Self::Absolute(text.to_owned())),
            _ => {
                let home = text.strip_prefix("~/").map(|rest| Self::Home(rest.to_owned()));
                let here = || text.strip_prefix("./").map(|rest| Self::Here(rest.to_owned()));
                let variable = || {
                    let (name, below) =
                        text.strip_prefix('$').map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
                    let (name, below) = (name.to_owned(), below.to_owned());
                    words::is_variable(&name).then_some(Self::Variable { name, below })
                };
                home.or_else(here).or_else(variable)
            }
        }
    }
}

const HOST: &str = "a path of the host (`/…`, `~/…`, `./…` or `$VARIABLE`, without `..`, `:`, `,` and quotes)";
const CONTAINER: &str = "a plain path of the container, `/…` or `~/…`";
const WORD: &str = "one word";

impl Render<'_> {
    /// Renders `[run]`.
    pub(super) fn running(&mut self, table: &RunTable) -> Running {
        let RunTable { volumes, env, vars, pass_env, env_files, devices, gpus, runtime, network, ipc, pid, .. } = table;
        let RunTable { privileged, cap_add, security_opt, group_add, ports, ulimits, shm_size, hostname, name, .. } =
            table;
        let RunTable { workdir, detach, init, .. } = table;
        let mut running = Running {
            volumes: volumes.iter().flat_map(|volume| self.volume(volume)).collect(),
            env: env.iter().map(|(name, value)| self.variable(name, value)).collect(),
            pass_env: self.list(pass_env, words::is_variable, "a variable name").into_iter().collect(),
            workdir: workdir.as_ref().map(|path| self.value(path, is_container_path, CONTAINER)),
            ..Running::default()
        };
        let files = self.list(env_files, |text| HostPath::parse(text).is_some(), HOST);
        running.env_files = files.iter().filter_map(|path| HostPath::parse(path)).collect();
        let vars = self.list(
            vars,
            |text| text.split_once('=').is_some_and(|(name, _)| words::is_variable(name)),
            "`NAME=value`",
        );
        running
            .env
            .extend(vars.iter().filter_map(|text| text.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())));
        for (option, values) in [
            ("cap-add", cap_add),
            ("device", devices),
            ("group-add", group_add),
            ("publish", ports),
            ("security-opt", security_opt),
            ("ulimit", ulimits),
        ] {
            let values: BTreeSet<String> = self.list(values, words::is_word, WORD).into_iter().collect();
            running.lists.extend((!values.is_empty()).then_some((option, values)));
        }
        let single = [
            ("gpus", gpus),
            ("hostname", hostname),
            ("ipc", ipc),
            ("name", name),
            ("network", network),
            ("pid", pid),
            ("runtime", runtime),
            ("shm-size", shm_size),
        ];
        for (option, value) in single {
            let value =
                value.as_ref().map(|value| self.value(value, |text| text.is_empty() || words::is_word(text), WORD));
            running.values.extend(value.filter(|value| !value.is_empty()).map(|value| (option, value)));
        }
        let switches = [("detach", *detach), ("init", *init), ("privileged", *privileged)];
        running.switches = switches.into_iter().filter_map(|(name, on)| on.then_some(name)).collect();
        running
    }

    /// A volume; a text `HOST:CONTAINER[:ro]` may stand for several, when it is a list of the options.
    fn volume(&mut self, volume: &Spanned<StringOr<VolumeTable>>) -> Vec<Volume> {
        match &volume.value {
            StringOr::Table(table) => {
                let host = self.value(&table.host, |text| HostPath::parse(text).is_some(), HOST);
                let container = table.container.as_ref().map(|path| self.value(path, is_container_path, CONTAINER));
                let VolumeTable { read_only, create, optional, .. } = *table;
                let host = HostPath::parse(&host);
                host.map(|host| Volume { container, host, read_only, create, optional }).into_iter().collect()
            }
            StringOr::String(text) => {
                let text = Spanned { value: text.clone(), span: volume.span };
                let expected = "`HOST[:CONTAINER[:ro]]` with plain paths";
                let texts = self.list(std::slice::from_ref(&text), |text| short_volume(text).is_some(), expected);
                texts.iter().filter_map(|text| short_volume(text)).collect()
            }
        }
    }
}

/// Reads `HOST[:CONTAINER[:ro]]`.
fn short_volume(text: &str) -> Option<Volume> {
    let mut parts = text.split(':');
    let host = HostPath::parse(parts.next()?)?;
    let container = parts.next().map(str::to_owned);
    let read_only = match parts.next() {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return None,
    };
    let plain = container.as_deref().is_none_or(is_container_path) && parts.next().is_none();
    plain.then_some(Volume { container, host, read_only, create: false, optional: false })
}

fn is_container_path(text: &str) -> bool {
    text == "~" || words::is_absolute(text) || text.strip_prefix("~/").is_some_and(words::is_relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_volume_has_two_paths_and_a_mode() {
        let volume = |text| short_volume(text).map(|volume| (volume.host, volume.container, volume.read_only));
        let home = HostPath::Home("data".to_owned());
        assert_eq!(volume("~/data:/data:ro"), Some((home.clone(), Some("/data".to_owned()), true)));
        assert_eq!(volume("~/data"), Some((home, None, false)));
        assert_eq!(
            volume("$A/b/c:~/x"),
            Some((HostPath::Variable { name: "A".into(), below: "b/c".into() }, Some("~/x".into()), false))
        );
        for bad in
            ["data:/data", "/data:data", "/a/../b:/c", "/a,b:/c", "/a:/b:rw:x", "/a:/b:z", "$A B:/c", "/a:~/../b"]
        {
            assert_eq!(volume(bad), None, "{bad}");
        }
    }
}
