//! `*.deps.yaml`: the layers of deps_rocker.
//!
//! Decides what the files say and in which order their layers come, after deps_rocker's README (its program does
//! otherwise): layers of one name are one layer, every file's order holds, what is open then goes by the alphabet, and
//! files that contradict each other are an error. Leaves out what becomes of a layer here (`project/layers.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::YamlProblem;
use super::yaml::{self, Content, Node};
use crate::source::{Located, Place, Source, Spanned, nearest};

/// What the files of a workspace are called.
pub const SUFFIX: &str = ".deps.yaml";

/// The most layers of a workspace: real ones have fewer than twenty.
const MOST: usize = 1_000;

/// What a layer does with its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// Adds package archives.
    AddAptRepository,
    /// Installs Debian packages.
    Apt,
    /// Sets variables.
    Env,
    /// Makes locales.
    Locales,
    /// Installs Python packages.
    Pip,
    /// Installs what projects of Python in the workspace ask for.
    Pyproject,
    /// Runs commands.
    Run,
    /// Runs scripts.
    Script,
    /// Sets the time zone.
    Tzdata,
}

impl Command {
    const ALL: [(Self, &'static str); 9] = [
        (Self::AddAptRepository, "add-apt-repository"),
        (Self::Apt, "apt"),
        (Self::Env, "env"),
        (Self::Locales, "locales"),
        (Self::Pip, "pip"),
        (Self::Pyproject, "pyproject"),
        (Self::Run, "run"),
        (Self::Script, "script"),
        (Self::Tzdata, "tzdata"),
    ];
}

/// When a layer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Before the image.
    Preamble,
    /// In the image, as root.
    Image,
    /// In the image, as its user.
    User,
}

/// A layer with the entries of all files.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its name, `command[_label]`.
    pub name: String,
    /// What it does.
    pub command: Command,
    /// When.
    pub section: Section,
    /// Its entries by file, then as written; none twice.
    pub entries: Vec<LayerEntry>,
}

/// An entry of a layer.
#[derive(Clone, Debug)]
pub struct LayerEntry {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Layers {
    source: Source,
    /// The layers in the order of the file.
    layers: Vec<(Spanned<String>, Command, Vec<Spanned<String>>)>,
}

/// Why layers are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayersProblem {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlProblem),
    /// A value that has another form.
    #[error("`{name}` must be {expected}")]
    Shape {
        /// The layer, or the file.
        name: String,
        /// What it must be, as a phrase.
        expected: &'static str,
    },
    /// A layer whose first word is no command.
    #[error("layer `{name}` begins with no command")]
    UnknownCommand {
        /// The layer.
        name: String,
        /// A command near to it.
        nearest: Option<&'static str>,
    },
    /// A layer twice in one file.
    #[error("layer `{name}` stands twice in this file")]
    Twice {
        /// The layer.
        name: String,
    },
    /// More layers than are read.
    #[error("there are more than {MOST} layers")]
    TooMany,
    /// Orders that cannot all hold.
    #[error("these orders of layers contradict each other: {}", Orders(orders))]
    Order {
        /// What comes before what, and where that is said.
        orders: Vec<(String, String, Place)>,
    },
    /// Two values for one thing.
    #[error("`{name}` is `{value}` here, and `{first}` in {place}")]
    TwoValues {
        /// The variable or package.
        name: String,
        /// This value or version.
        value: String,
        /// The other one.
        first: String,
        /// Where the other one stands.
        place: Box<Place>,
    },
}

struct Orders<'a>(&'a [(String, String, Place)]);

impl fmt::Display for Orders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (before, after, place)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}`{before}` before `{after}` in {place}")?;
        }
        Ok(())
    }
}

type Checked<T> = Result<T, Vec<Located<LayersProblem>>>;

/// Returns what `source` says.
///
/// # Errors
/// Every layer that has another form or no command, or the first place that is not YAML.
pub fn layers(source: &Source) -> Checked<Layers> {
    let root = yaml::read(source).map_err(|Located { place, error }| vec![Located { place, error: error.into() }])?;
    let mut found = Layers { source: source.clone(), layers: Vec::new() };
    let mut problems = Vec::new();
    let mut wrong = |node: &Node, problem| problems.push(Located::new(source, node.span.clone(), problem));
    let shape = |name: &str, expected| LayersProblem::Shape { name: name.to_owned(), expected };
    match &root.content {
        Content::Null => {}
        Content::Mapping(pairs) if pairs.len() > MOST => wrong(&root, LayersProblem::TooMany),
        Content::Mapping(pairs) => {
            for (key, value) in pairs {
                let Some(name) = key.text() else {
                    wrong(key, shape("a layer's name", "text"));
                    continue;
                };
                let known = found.layers.iter().any(|(known, ..)| known.value == name);
                match (command(name), entries(value)) {
                    _ if known => wrong(key, LayersProblem::Twice { name: name.to_owned() }),
                    (Err(problem), _) => wrong(key, problem),
                    (_, None) => wrong(value, shape(name, "a list of texts")),
                    (Ok(command), Some(entries)) => {
                        found.layers.push((Spanned::new(name.to_owned(), key.span.clone()), command, entries));
                    }
                }
            }
        }
        _ => wrong(&root, shape(source.name(), "a mapping of layers")),
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn command(name: &str) -> Result<Command, LayersProblem> {
    let word = name.split('_').next().unwrap_or(name);
    let found = Command::ALL.iter().find(|(_, known)| *known == word).map(|(command, _)| *command);
    found.ok_or_else(|| {
        let nearest = nearest(word, Command::ALL.iter().map(|(_, known)| *known));
        LayersProblem::UnknownCommand { name: name.to_owned(), nearest }
    })
}

/// A text or a list of texts; empty ones say nothing.
fn entries(node: &Node) -> Option<Vec<Spanned<String>>> {
    let text = |node: &Node| match &node.content {
        Content::Null => Some(None),
        _ => node.text().map(|text| Some(Spanned::new(text.trim().to_owned(), node.span.clone()))),
    };
    let entries: Vec<Option<Spanned<String>>> = match &node.content {
        Content::Sequence(items) => items.iter().map(|item| text(item)).collect::<Option<_>>()?,
        _ => vec![text(node)?],
    };
    Some(entries.into_iter().flatten().filter(|entry| !entry.value.is_empty()).collect())
}

/// Returns the layers of all `files`, which are sorted by path, in their order.
///
/// # Errors
/// Orders, variables and exact versions that contradict each other, with the places of both.
pub fn merged(files: &[Layers]) -> Checked<Vec<Layer>> {
    let order = order(files).map_err(|problem| vec![problem])?;
    let layers: Vec<Layer> = order.into_iter().map(|name| layer(name, files)).collect();
    let mut seen: BTreeMap<(Command, String), (String, Place)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (layer, entry) in layers.iter().flat_map(|layer| layer.entries.iter().map(move |entry| (layer, entry))) {
        let Some((name, value)) = exact(layer.command, &entry.text) else { continue };
        match seen.get(&(layer.command, name.clone())) {
            Some((first, _)) if *first == value => {}
            Some((first, place)) => {
                let (first, place) = (first.clone(), Box::new(place.clone()));
                let error = LayersProblem::TwoValues { name, value, first, place };
                problems.push(Located { place: entry.place.clone(), error });
            }
            None => _ = seen.insert((layer.command, name), (value, entry.place.clone())),
        }
    }
    if problems.is_empty() { Ok(layers) } else { Err(problems) }
}

/// What an entry sets to exactly one value.
fn exact(command: Command, text: &str) -> Option<(String, String)> {
    let separator = match command {
        Command::Apt | Command::Env => "=",
        Command::Pip => "==",
        _ => return None,
    };
    text.split_once(separator).map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
}

fn layer(name: &str, files: &[Layers]) -> Layer {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for file in files {
        let own = file.layers.iter().filter(|(layer, ..)| layer.value == name).flat_map(|(.., entries)| entries);
        for entry in own {
            // A script is another one in another folder.
            let place = file.source.at(entry.span());
            let folder = file.source.name().rsplit_once('/').map_or("", |(folder, _)| folder);
            if seen.insert((entry.value.clone(), name.starts_with("script").then_some(folder))) {
                entries.push(LayerEntry { text: entry.value.clone(), place });
            }
        }
    }
    let section = match () {
        () if name.contains("preamble") => Section::Preamble,
        () if name.contains("user") => Section::User,
        () => Section::Image,
    };
    Layer { name: name.to_owned(), command: command(name).expect("files have been read"), section, entries }
}

/// Returns the names of all layers: as every file has them, and by the alphabet where no file says.
fn order(files: &[Layers]) -> Result<Vec<&str>, Located<LayersProblem>> {
    let mut before: BTreeMap<&str, BTreeMap<&str, Place>> = BTreeMap::new();
    for file in files {
        for (name, ..) in &file.layers {
            before.entry(&name.value).or_default();
        }
        if before.len() > MOST {
            return Err(Located { place: file.source.at(0..0), error: LayersProblem::TooMany });
        }
        for pair in file.layers.windows(2) {
            let place = file.source.at(pair[1].0.span());
            before.entry(&pair[1].0.value).or_default().entry(&pair[0].0.value).or_insert(place);
        }
    }
    let mut order: Vec<&str> = Vec::new();
    while !before.is_empty() {
        let Some(next) = before.iter().find(|(_, needs)| needs.is_empty()).map(|(name, _)| *name) else {
            return Err(contradiction(&before));
        };
        before.remove(next);
        before.values_mut().for_each(|needs| _ = needs.remove(next));
        order.push(next);
    }
    Ok(order)
}

/// Returns a circle of layers that wait for each other.
fn contradiction(before: &BTreeMap<&str, BTreeMap<&str, Place>>) -> Located<LayersProblem> {
    let mut path: Vec<&str> = Vec::new();
    let mut at = *before.keys().next().expect("something is left");
    while !path.contains(&at) {
        path.push(at);
        at = before[at].keys().next().expect("whatever is left waits for something that is left");
    }
    let start = path.iter().position(|name| *name == at).expect("the walk has come back to it");
    let circle = &path[start..];
    let next = |index: usize| circle[(index + 1) % circle.len()];
    let step = |(index, after): (usize, &&str)| {
        (next(index).to_owned(), (*after).to_owned(), before[after][next(index)].clone())
    };
    let orders: Vec<(String, String, Place)> = circle.iter().enumerate().map(step).collect();
    Located { place: orders[0].2.clone(), error: LayersProblem::Order { orders } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
        let told = |problems: Vec<Located<LayersProblem>>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let parsed = files.iter().map(|(name, text)| layers(&Source::new(*name, *text)).map_err(told));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let shown = |layer: Layer| {
            let entries: Vec<_> = layer.entries.into_iter().map(|entry| entry.text).collect();
            format!("{}: {}", layer.name, entries.join(" "))
        };
        Ok(merged(&parsed).map_err(told)?.into_iter().map(shown).collect())
    }

    #[test]
    fn layers_of_one_name_are_one_and_every_file_s_order_holds() {
        let a = ("a.deps.yaml", "apt_sources: [git]\napt_language-toolchain: [make, gcc]\napt: [ffmpeg]\n");
        let b = ("b/b.deps.yaml", "apt_sources:\n  - git\n  - git-lfs\napt_language-toolchain:\n  - python3-pip\n");
        assert_eq!(
            read(&[a, b]).unwrap(),
            ["apt_sources: git git-lfs", "apt_language-toolchain: make gcc python3-pip", "apt: ffmpeg"]
        );
    }

    #[test]
    fn what_no_file_says_goes_by_the_alphabet() {
        let a = ("a.deps.yaml", "apt_sources: [git]\napt_pkg_b: [x]\n");
        let b = ("b.deps.yaml", "apt_sources: [git]\napt_pkg_a: [x]\nenv: [A=1]\n");
        assert_eq!(read(&[a, b]).unwrap(), ["apt_sources: git", "apt_pkg_a: x", "apt_pkg_b: x", "env: A=1"]);
    }

    #[test]
    fn contradictions_name_both_files() {
        let a = ("a.deps.yaml", "apt_x: [p=1]\napt_y: []\nenv: [A=1]\n");
        let b = ("b.deps.yaml", "apt_y: []\napt_x: []\n");
        assert_eq!(
            read(&[a, b]).unwrap_err(),
            [
                "b.deps.yaml:2:1: these orders of layers contradict each other: `apt_y` before `apt_x` in b.deps.yaml:2:1, \
              `apt_x` before `apt_y` in a.deps.yaml:2:1"
            ]
        );
        let c = ("c.deps.yaml", "apt_x: [p=2]\nenv: [A=1, A=2]\npip: [n==1, n>=1]\n");
        assert_eq!(
            read(&[a, c]).unwrap_err(),
            [
                "c.deps.yaml:1:9: `p` is `2` here, and `1` in a.deps.yaml:1:9",
                "c.deps.yaml:2:12: `A` is `2` here, and `1` in a.deps.yaml:3:7",
            ]
        );
    }

    #[test]
    fn what_has_another_form_is_named_at_its_place() {
        let text = "atp: [x]\napt: { a: b }\npip: [[x]]\nenv: []\nenv: [A=1]\n";
        assert_eq!(
            read(&[("a.deps.yaml", text)]).unwrap_err(),
            [
                "a.deps.yaml:1:1: layer `atp` begins with no command",
                "a.deps.yaml:2:6: `apt` must be a list of texts",
                "a.deps.yaml:3:6: `pip` must be a list of texts",
                "a.deps.yaml:5:1: layer `env` stands twice in this file",
            ]
        );
        assert_eq!(read(&[("a.deps.yaml", "- apt\n")]).unwrap_err().len(), 1);
        let many = |from: usize| (from..from + 600).map(|number| format!("run_{number}:\n")).collect::<String>();
        assert_eq!(
            read(&[("a.deps.yaml", &many(0)), ("b.deps.yaml", &many(600))]).unwrap_err(),
            ["b.deps.yaml:1:1: there are more than 1000 layers"]
        );
        assert_eq!(read(&[("a.deps.yaml", &(many(0) + &many(600)))]).unwrap_err().len(), 1);
        assert!(read(&[("a.deps.yaml", "")]).unwrap().is_empty());
    }
}
