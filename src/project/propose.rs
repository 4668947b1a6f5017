//! A first `deps.toml` from what a workspace holds.
//!
//! Decides how it reads, and what the flags of rocker and deps_rocker are called here. Leaves out looking around
//! (`workspace/detect.rs`), and whether the result is a good project (`parse`).

use std::collections::BTreeMap;

use toml_edit::Value;

/// What a workspace shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The image's name.
    pub name: String,
    /// The base image.
    pub base: String,
    /// Manifests, relative to the project, sorted.
    pub manifests: Vec<String>,
    /// Extensions by name, each with its options as they stand in `deps.toml` and what shows that it is wanted.
    pub extensions: BTreeMap<String, Wanted>,
    /// What nothing here corresponds to, in words.
    pub left_out: Vec<String>,
}

/// Why an extension is proposed, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What shows it.
    pub because: String,
    /// Options and their values.
    pub with: BTreeMap<String, Vec<String>>,
    /// The folder, where the project brings it itself.
    pub path: Option<String>,
}

/// What a flag of rocker or deps_rocker is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// An extension, with the option that has the flag's values.
    Extension(&'static str, Option<&'static str>),
    /// Nothing: `deps` does it anyway, or it says how rocker itself runs.
    Ours,
    /// Nothing that there is.
    Unknown,
}

/// Extensions with another name here, and those with a value: rocker's name, the name here, the option with the value.
const FLAGS: [(&str, &str, Option<&str>); 22] = [
    ("deps_devtools", "devtools", None),
    ("devices", "devices", Some("devices")),
    ("env", "env", Some("set")),
    ("env_file", "env", Some("files")),
    ("git", "git_config", None),
    ("git_clone", "git", None),
    ("isaacsim", "isaac_sim", None),
    ("ipc", "ipc", Some("mode")),
    ("jquery", "jq", None),
    ("name", "name", Some("name")),
    ("network", "network", Some("mode")),
    ("nvidia", "nvidia", None),
    ("port", "ports", Some("ports")),
    ("rmw", "rmw", Some("implementation")),
    ("ros_jazzy", "ros", None),
    ("shm_size", "shm_size", Some("size")),
    ("ulimit", "ulimit", Some("limits")),
    ("user_override_name", "user", Some("name")),
    ("volume", "volume", Some("volumes")),
    ("ssh", "ssh", None),
    ("cwd", "cwd", None),
    ("user", "user", None),
];

const OURS: [&str; 14] = [
    "auto",
    "cache_perms",
    "create_dockerfile",
    "cwd_name",
    "force",
    "image_name",
    "mode",
    "nocache",
    "nocleanup",
    "persist_image",
    "pull",
    "verbose",
    "vsc",
    "show_dockerfile",
];

/// Returns what `flag` is here; `known` are the names of the built-in extensions.
pub fn flag(flag: &str, known: &[&'static str]) -> Flag {
    let plain = flag.trim_start_matches('-').replace('-', "_");
    if let Some((_, name, option)) = FLAGS.iter().find(|(rockers, ..)| *rockers == plain) {
        return Flag::Extension(name, *option);
    }
    if OURS.contains(&plain.as_str()) {
        return Flag::Ours;
    }
    known.iter().find(|name| **name == plain).map_or(Flag::Unknown, |name| Flag::Extension(name, None))
}

/// Makes a name for an image of any text.
pub fn name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(plain).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "workspace".to_owned() } else { name.to_owned() }
}

impl Proposal {
    /// Returns it as the text of a `deps.toml`.
    pub fn text(&self, lists: impl Fn(&str, &str) -> bool) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let mut text = format!("[project]\nname = {}\nbase = {}\n", quoted(&self.name), quoted(&self.base));
        for manifest in &self.manifests {
            text += &format!("\n[[manifest]]\npath = {}\ndest = \"/ws/src\"\n", quoted(manifest));
        }
        if !self.extensions.is_empty() {
            text += "\n[extensions]\n";
        }
        for (name, Wanted { because, with, path }) in &self.extensions {
            let option = |(option, values): (&String, &Vec<String>)| {
                if lists(name, option) {
                    format!("{option} = {}", Value::from(values.iter().collect::<toml_edit::Array>()))
                } else {
                    format!("{option} = {}", quoted(values.last().map_or("", String::as_str)))
                }
            };
            let options: Vec<String> = with.iter().map(option).collect();
            let value = match (path, options.as_slice()) {
                (Some(path), _) => format!("{{ path = {} }}", quoted(path)),
                (None, []) => "\"*\"".to_owned(),
                (None, options) => format!("{{ with = {{ {} }} }}", options.join(", ")),
            };
            text += &format!("{name} = {value}    # {}\n", one_line(because));
        }
        for what in &self.left_out {
            text += &format!("# not taken over: {}\n", one_line(what));
        }
        text
    }
}

/// A name of a file may hold line breaks, and a comment must not.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_rocker_have_names_here() {
        let known = ["fzf", "x11"];
        assert_eq!(flag("x11", &known), Flag::Extension("x11", None));
        assert_eq!(flag("--deps-devtools", &known), Flag::Extension("devtools", None));
        assert_eq!(flag("shm-size", &known), Flag::Extension("shm_size", Some("size")));
        assert_eq!((flag("nocleanup", &known), flag("claude", &known)), (Flag::Ours, Flag::Unknown));
    }

    #[test]
    fn any_folder_gives_a_name() {
        for (folder, expected) in [("My Robot (2)", "my-robot--2"), ("ws", "ws"), ("§§", "workspace"), ("a_b", "a_b")]
        {
            assert_eq!(name(folder), expected);
        }
    }
}
