//! What a container of the image gets: the union of what its extensions say, as arguments of `docker run`.
//!
//! Decides which wishes contradict each other, and the order of arguments: by option, then by value, so that it depends on
//! nothing else. Binds are spelled with `--mount`, in which a colon of a path means nothing. Pure: what the host has is
//! asked through [`Host`]. Leaves out what one extension may say (`extension/container.rs`) and starting anything (`engine/`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::extension::{Configured, HostPath, Running, Volume};

/// What all extensions of an image say, without contradictions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Union {
    running: Running,
}

/// Two extensions that want different things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("extensions `{first}` and `{second}` want different things of `docker run`: {what} is `{one}` and `{other}`")]
pub struct Contradiction {
    /// What they want.
    pub what: String,
    /// The extension that comes first by name.
    pub first: String,
    /// What it wants.
    pub one: String,
    /// The other.
    pub second: String,
    /// What that wants.
    pub other: String,
}

/// What the host has.
pub struct Host<'a> {
    /// The home of whoever calls.
    pub home: &'a Path,
    /// The folder that `deps run` is called in.
    pub here: &'a Path,
    /// The home of the image's user, a path of the container.
    pub container_home: &'a str,
    /// Returns the value of a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether there is something at a path.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl std::fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("home", &self.home).field("here", &self.here).finish_non_exhaustive()
    }
}

/// The arguments of `docker run` for one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The arguments in canonical order.
    pub arguments: Vec<String>,
    /// Folders of the host that have to be made first.
    pub make: BTreeSet<PathBuf>,
    /// What the host lacks, in words.
    pub missing: Vec<String>,
    /// Whether the container stays in the background.
    pub detached: bool,
}

/// Returns what all of `extensions` say.
///
/// # Errors
/// Every contradiction, in the order of what it is about.
pub fn union(extensions: &[Configured]) -> Result<Union, Vec<Contradiction>> {
    let mut sorted: Vec<&Configured> = extensions.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut running = Running::default();
    let mut once = Once::default();
    for Configured { name, running: own, .. } in sorted {
        for volume in &own.volumes {
            let place = volume.container.clone().unwrap_or_else(|| volume.host.to_string());
            once.note(format!("the volume at {place}"), name, volume.host.to_string());
            add_volume(&mut running.volumes, volume);
        }
        own.env.iter().for_each(|(variable, value)| once.note(format!("the variable {variable}"), name, value.clone()));
        own.values.iter().for_each(|(option, value)| once.note(format!("--{option}"), name, value.clone()));
        own.workdir.iter().for_each(|folder| once.note("the working folder".to_owned(), name, folder.clone()));
        running.env.extend(own.env.clone());
        running.values.extend(own.values.clone());
        running.workdir = own.workdir.clone().or(running.workdir);
        running.pass_env.extend(own.pass_env.iter().cloned());
        running.env_files.extend(own.env_files.iter().cloned());
        running.switches.extend(own.switches.iter().copied());
        own.lists.iter().for_each(|(option, values)| {
            running.lists.entry(option).or_default().extend(values.iter().cloned());
        });
    }
    if once.contradictions.is_empty() { Ok(Union { running }) } else { Err(once.contradictions) }
}

/// The same folder at the same place: what one extension needs of it, it gets.
fn add_volume(volumes: &mut BTreeSet<Volume>, volume: &Volume) {
    let same = |other: &&Volume| (&other.container, &other.host) == (&volume.container, &volume.host);
    let merged = match volumes.iter().find(same).cloned() {
        None => volume.clone(),
        Some(other) => {
            volumes.remove(&other);
            Volume {
                read_only: other.read_only && volume.read_only,
                create: other.create || volume.create,
                optional: other.optional && volume.optional,
                ..other
            }
        }
    };
    volumes.insert(merged);
}

/// Things of which there can be one.
#[derive(Default)]
struct Once {
    known: BTreeMap<String, (String, String)>,
    contradictions: Vec<Contradiction>,
}

impl Once {
    fn note(&mut self, what: String, extension: &str, value: String) {
        let (first, one) = self.known.entry(what.clone()).or_insert_with(|| (extension.to_owned(), value.clone()));
        if *one != value {
            let (first, one, second) = (first.clone(), one.clone(), extension.to_owned());
            self.contradictions.push(Contradiction { what, first, one, second, other: value });
        }
    }
}

impl Union {
    /// Returns the arguments of `docker run` on `host`, without the image.
    pub fn arguments(&self, host: &Host<'_>) -> Arguments {
        let Running { volumes, env, pass_env, lists, values, switches, env_files, workdir } = &self.running;
        let mut arguments = Arguments { detached: switches.contains("detach"), ..Arguments::default() };
        let mut options: BTreeSet<(String, String)> = BTreeSet::new();
        let mut add = |option: &str, value: String| _ = options.insert((option.to_owned(), value));
        env.iter().for_each(|(name, value)| add("env", format!("{name}={}", at_home(value, host.container_home))));
        let passed = pass_env.iter().filter(|name| !env.contains_key(*name) && (host.variable)(name).is_some());
        passed.for_each(|name| add("env", name.clone()));
        for path in env_files {
            match host.path(path).filter(|path| (host.exists)(path)) {
                Some(path) => add("env-file", path.display().to_string()),
                None => arguments.missing.push(format!("the file `{path}`")),
            }
        }
        for (option, found) in lists {
            let there = |value: &&String| *option != "device" || host.has_device(value);
            found.iter().filter(there).for_each(|value| add(option, value.clone()));
        }
        values.iter().for_each(|(option, value)| add(option, value.clone()));
        workdir.iter().for_each(|folder| add("workdir", host.inside(folder)));
        for volume in volumes {
            match host.mount(volume, &mut arguments.make) {
                Ok(mount) => mount.into_iter().for_each(|mount| add("mount", mount)),
                Err(missing) => arguments.missing.push(missing),
            }
        }
        arguments.arguments = options.into_iter().map(|(option, value)| format!("--{option}={value}")).collect();
        arguments.arguments.extend(switches.iter().map(|switch| format!("--{switch}")));
        arguments.arguments.sort();
        arguments
    }

    /// Returns the variables of a container whose user's home is `home`, `NAME=value`, sorted; none of them comes from the
    /// host.
    pub fn variables(&self, home: &str) -> Vec<String> {
        self.running.env.iter().map(|(name, value)| format!("{name}={}", at_home(value, home))).collect()
    }
}

impl Host<'_> {
    fn path(&self, path: &HostPath) -> Option<PathBuf> {
        match path {
            HostPath::Absolute(path) => Some(PathBuf::from(path)),
            HostPath::Home(below) => Some(self.home.join(below)),
            HostPath::Here(below) => Some(self.here.join(below)),
            HostPath::Variable { name, below } => {
                let root = (self.variable)(name).map(PathBuf::from).filter(|path| path.is_absolute())?;
                Some(if below.is_empty() { root } else { root.join(below) })
            }
        }
    }

    /// A path of the container, with the home of its user for `~`.
    fn inside(&self, path: &str) -> String {
        if path == "~" { self.container_home.to_owned() } else { at_home(path, self.container_home) }
    }

    /// `/dev/x[:/dev/y[:rwm]]`: whether the host has the first of them.
    fn has_device(&self, device: &str) -> bool {
        (self.exists)(Path::new(device.split(':').next().unwrap_or(device)))
    }

    /// The value of `--mount`; none when the volume is left out.
    fn mount(&self, volume: &Volume, make: &mut BTreeSet<PathBuf>) -> Result<Option<String>, String> {
        let lacking = || format!("`{}`, which the container is to see", volume.host);
        let Some(source) = self.path(&volume.host) else {
            return if volume.optional { Ok(None) } else { Err(lacking()) };
        };
        if !(self.exists)(&source) {
            match (volume.create, volume.optional) {
                (true, _) => _ = make.insert(source.clone()),
                (false, true) => return Ok(None),
                (false, false) => return Err(lacking()),
            }
        }
        let source = source.to_str().filter(|path| !path.contains([',', '"'])).ok_or_else(lacking)?.to_owned();
        let target = volume.container.as_ref().map_or_else(|| source.clone(), |path| self.inside(path));
        let source = source.trim_end_matches('/');
        let source = if source.is_empty() { "/" } else { source };
        let read_only = if volume.read_only { ",readonly" } else { "" };
        Ok(Some(format!("type=bind,source={source},target={target}{read_only}")))
    }
}

/// A path or the value of a variable, with the home of the container's user for `~/` at its beginning.
fn at_home(text: &str, home: &str) -> String {
    text.strip_prefix("~/").map_or_else(|| text.to_owned(), |below| format!("{home}/{below}"))
}

/// Returns `words` as a person would type them into a shell.
pub fn typed(words: &[String]) -> String {
    let word = |word: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+~".contains(c);
        if !word.is_empty() && !word.starts_with('~') && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        let words = ["docker", "--env=A=b c", "it's", "", "~x", "--mount=type=bind,source=/a,target=/b"];
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        assert_eq!(typed(&words), "docker '--env=A=b c' 'it'\\''s' '' '~x' --mount=type=bind,source=/a,target=/b");
    }
}
