//! The project that is edited: extensions of every kind, repositories, packages, a user, two bases; and its edits.
//!
//! It decides what a random edit is. Every result has a text of its own sandbox in it, and the bases have too: an engine
//! that has seen other tests has none of these steps.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

const TOOLS: u64 = 10;
const REPOSITORIES: u64 = 5;
const BASES: u64 = 4;
const PACKAGES: [&str; 4] = ["hello", "tree", "gdb", "gcc"];

/// Numbers from a seed, the same on every machine.
pub(super) struct Dice(blake3::OutputReader);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    /// A number from 0 up to `end`, which is not one of them.
    fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// A project. Numbers stand for texts.
#[derive(Clone, PartialEq)]
pub(super) struct State {
    base: u64,
    builder_base: Option<u64>,
    tools: BTreeMap<u64, Tool>,
    /// The version of each, and whether it stands in a folder.
    repositories: BTreeMap<u64, (u64, bool)>,
    packages: BTreeSet<&'static str>,
    user: Option<u64>,
    argument: Option<u64>,
    /// The seed of the order in which everything is written.
    order: u64,
}

/// An extension of the project.
#[derive(Clone, Default, PartialEq)]
struct Tool {
    version: u64,
    word: u64,
    line: u64,
    data: u64,
}

impl State {
    pub(super) fn first() -> Self {
        Self {
            base: 0,
            builder_base: None,
            tools: (0..TOOLS).filter(|number| number % 3 != 2).map(|number| (number, Tool::default())).collect(),
            repositories: (0..3).map(|number| (number, (0, false))).collect(),
            packages: BTreeSet::from(["hello"]),
            user: Some(0),
            argument: None,
            order: 0,
        }
    }

    /// The last of `states` after an edit, and what kind of edit it is.
    pub(super) fn edited(states: &[Self], dice: &mut Dice) -> (&'static str, Self) {
        let last = states.last().expect("there is a first one");
        loop {
            let mut state = last.clone();
            let kind = match dice.below(9) {
                0 => state.add(dice),
                1 => state.remove(dice),
                2 => state.bump(dice),
                3 => state.option(dice),
                4 => state.repository(dice),
                5 => state.rebase(dice),
                6 => state.file(dice),
                7 => state.reorder(dice),
                _ => {
                    state = states[dice.below(states.len() as u64) as usize].clone();
                    "back"
                }
            };
            if state != *last {
                return (kind, state);
            }
        }
    }

    fn add(&mut self, dice: &mut Dice) -> &'static str {
        match dice.below(4) {
            0 => drop(self.packages.insert(PACKAGES[dice.below(4) as usize])),
            1 => drop(self.user.get_or_insert(0)),
            _ => drop(self.tools.entry(dice.below(TOOLS)).or_default()),
        }
        "add"
    }

    fn remove(&mut self, dice: &mut Dice) -> &'static str {
        match dice.below(4) {
            0 => drop(self.packages.remove(PACKAGES[dice.below(4) as usize])),
            1 => self.user = None,
            _ => drop(self.tools.remove(&dice.below(TOOLS))),
        }
        "remove"
    }

    fn bump(&mut self, dice: &mut Dice) -> &'static str {
        let chosen = dice.below(REPOSITORIES);
        match self.repositories.get_mut(&chosen) {
            Some((version, _)) if dice.below(2) == 0 => *version = dice.below(3),
            _ => self.one_tool(dice, |tool, new| tool.version = new),
        }
        "bump"
    }

    fn option(&mut self, dice: &mut Dice) -> &'static str {
        match dice.below(5) {
            0 => self.user = self.user.map(|_| dice.below(3)),
            1 => self.argument = dice.below(3).checked_sub(1),
            _ => self.one_tool(dice, |tool, new| tool.word = new),
        }
        "option"
    }

    fn repository(&mut self, dice: &mut Dice) -> &'static str {
        let chosen = dice.below(REPOSITORIES);
        match (self.repositories.get_mut(&chosen), dice.below(2)) {
            (None, _) => drop(self.repositories.insert(chosen, (dice.below(3), false))),
            (Some((_, in_folder)), 0) => *in_folder = !*in_folder,
            (Some(_), _) => drop(self.repositories.remove(&chosen)),
        }
        "repository"
    }

    fn rebase(&mut self, dice: &mut Dice) -> &'static str {
        match dice.below(2) {
            0 => self.base = dice.below(BASES),
            _ => self.builder_base = dice.below(BASES + 1).checked_sub(1),
        }
        "base"
    }

    fn file(&mut self, dice: &mut Dice) -> &'static str {
        match dice.below(2) {
            0 => self.one_tool(dice, |tool, new| tool.line = new),
            _ => self.one_tool(dice, |tool, new| tool.data = new),
        }
        "file"
    }

    fn reorder(&mut self, dice: &mut Dice) -> &'static str {
        self.order = dice.below(u64::MAX);
        "order"
    }

    fn one_tool(&mut self, dice: &mut Dice, change: impl FnOnce(&mut Tool, u64)) {
        if let Some(tool) = self.tools.get_mut(&dice.below(TOOLS)) {
            change(tool, dice.below(4));
        }
    }

    /// Writes the project.
    pub(super) fn write(&self, sandbox: &Sandbox, bases: &[String]) {
        let mut dice = Dice::new(self.order);
        let mut lines: Vec<String> = self.tools.iter().map(|(number, tool)| tool.line_of(*number)).collect();
        if !self.packages.is_empty() {
            let mut packages: Vec<&str> = self.packages.iter().copied().collect();
            dice.shuffle(&mut packages);
            lines.push(format!("apt = {{ with = {{ packages = {packages:?} }} }}\n"));
        }
        lines.extend(self.user.map(|user| format!("user = {{ with = {{ name = \"u{user}\", uid = 4321 }} }}\n")));
        dice.shuffle(&mut lines);
        let mut project = vec!["name = \"edited\"\n".to_owned(), format!("base = \"{}\"\n", bases[self.base as usize])];
        project.extend(self.builder_base.map(|base| format!("builder-base = \"{}\"\n", bases[base as usize])));
        dice.shuffle(&mut project);
        let mut tables = vec![
            format!("[project]\n{}", project.concat()),
            "[[manifest]]\npath = \"underlay.repos\"\ndest = \"/ws/src\"\n".to_owned(),
            format!("[extensions]\n{}", lines.concat()),
        ];
        tables.extend(self.argument.map(|word| format!("[build]\nargs = {{ WORD = \"{word}\" }}\n")));
        dice.shuffle(&mut tables);
        sandbox.deps_toml(&tables.join("\n"));
        let mut entries: Vec<String> = self.repositories.iter().map(entry).collect();
        dice.shuffle(&mut entries);
        sandbox.manifest(&if entries.is_empty() {
            "repositories: {}\n".to_owned()
        } else {
            format!("repositories:\n{}", entries.concat())
        });
        self.tools.iter().for_each(|(number, tool)| tool.write(*number, sandbox));
    }
}

fn entry((number, (version, in_folder)): (&u64, &(u64, bool))) -> String {
    let folder = if *in_folder { "folder/" } else { "" };
    format!("  {folder}r{number}: {{ type: git, url: https://git.example/r{number}.git, version: 1.{version}.0 }}\n")
}

impl Tool {
    fn line_of(&self, number: u64) -> String {
        format!("t{number} = {{ path = \"t{number}\", with = {{ word = \"w{}\" }} }}\n", self.word)
    }

    fn write(&self, number: u64, sandbox: &Sandbox) {
        let Self { version, word: _, line, data } = self;
        let (name, unique) = (format!("t{number}"), sandbox.root().to_string_lossy());
        let file = |path: &str, text: &str| sandbox.write(&format!("{name}/{path}"), text);
        let head = format!("[extension]\nname = \"{name}\"\nversion = \"1.{version}.0\"\nsummary = \"x\"\n");
        let word = "[options.word]\ntype = \"string\"\ndefault = \"z\"\nhelp = \"x\"\n";
        let text = kind(number).replace("NAME", &name);
        file("extension.toml", &format!("{head}{word}{text}"));
        let out = format!(
            "RUN mkdir -p {{{{ out }}}}/bin {{{{ out }}}}/etc && echo {unique} > {{{{ out }}}}/etc/f # {line}\n"
        );
        let result = match number {
            // Always the same: what takes it finds the same bytes.
            8 => format!("RUN echo {{{{ options.word }}}} > /tmp/x && echo {unique} > {{{{ out }}}}/bin/{name}\n"),
            _ => format!("RUN echo {{{{ options.word }}}} $WORD $N {unique} > {{{{ out }}}}/bin/{name}\n"),
        };
        let scope = match number {
            3 => "ARG WORD=none\nRUN touch /root/.cache/edits/x\n".to_owned(),
            4 => format!("WORKDIR /w{data}\nARG WORD\nENV N={line}\n"),
            1 => "ENV N=1\nRUN cat /deps/in/data/f /deps/in/data/g > {{ out }}/bin/data\n".to_owned(),
            2 => "RUN find /deps/in/ws -type f | sort > {{ out }}/bin/ws\n".to_owned(),
            _ => "ENV N=0\n".to_owned(),
        };
        file("b.Dockerfile", &format!("{out}{scope}{result}"));
        file(
            "d.Dockerfile",
            &format!("RUN mkdir -p {{{{ out }}}}/doc && echo {data} {unique} > {{{{ out }}}}/doc/d\n"),
        );
        file("u.Dockerfile", &format!("RUN echo {data} {{{{ options.word }}}} {unique} > ~/{name}\n"));
        file("r.Dockerfile", &format!("RUN echo {line} {unique} > /var/lib/{name}\n"));
        file("profile.sh", &format!("export T{number}='{line} {unique}'\n"));
        file("files/conf", &format!("{data} {unique}\n"));
        file("data/f", &format!("{} {unique}\n", data / 2));
        file("data/g", &unique);
        let mode = if data.is_multiple_of(2) { 0o644 } else { 0o755 };
        let path = sandbox.path(&format!("{name}/data/g"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it was just written");
    }
}

/// What each extension says after its options.
fn kind(number: u64) -> String {
    let plain = if number.is_multiple_of(4) { ", { from = \"etc/\", to = \"/etc/NAME/\" }" } else { "" };
    let builder = format!(
        "[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\n\
         copy = [{{ from = \"bin/\", to = \"/usr/local/bin/\" }}{plain}]\n"
    );
    let more = match number {
        1 => "[inputs.data]\npath = \"data\"\n",
        2 => "[inputs.ws]\nmanifest = true\n",
        3 => "[apt]\nbuilder = [\"gcc\"]\n[[cache]]\nid = \"edits\"\ntarget = \"/root/.cache/edits\"\n",
        4 => "[apt]\nbuilder = [\"gcc\"]\nruntime = [\"gdb\"]\n",
        5 => "[user]\nsnippet = \"u.Dockerfile\"\n",
        6 => {
            return "[runtime]\nprofile = \"profile.sh\"\nfiles = [{ from = \"files/conf\", to = \"/usr/local/etc/NAME\" }]\n".to_owned();
        }
        7 => {
            "[builders.early]\nsnippet = \"b.Dockerfile\"\n[builders.docs]\nsnippet = \"d.Dockerfile\"\nfrom = \"early\"\nnetwork = \"none\"\n\
             copy = [{ from = \"doc/\", to = \"/usr/local/share/doc/NAME/\" }]\n"
        }
        9 => {
            "[runtime]\nenv = { T9 = \"{{ options.word }}\" }\nsnippet = \"r.Dockerfile\"\n[apt]\nbuilder = [\"hello\"]\n"
        }
        _ => "",
    };
    format!("{builder}{more}")
}

/// Makes repositories and bases, and returns the names of the bases: what the engine's base has, and a file of their own.
///
/// Their apt-get brings nothing: what it would bring is not asked here, and takes long.
pub(super) fn prepare(sandbox: &Sandbox, engine: &Engine) -> Vec<String> {
    sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
    let unique = sandbox.root().to_string_lossy().into_owned();
    for number in 0..REPOSITORIES {
        let repository = || sandbox.git(&format!("r{number}"));
        for version in 0..3 {
            // The third version has the files of the second one.
            let content = format!("{number} {} {unique}", version.min(1));
            repository().file("f", &content).file("sub/g", &unique).tag(&format!("1.{version}.0")).commit();
        }
    }
    let word: String = unique.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    sandbox.write("base/apt-get", "#!/bin/sh\necho \"$@\" >> /var/lib/brought\n");
    (0..BASES)
        .map(|number| {
            let tag = format!("{}/deps-test/edits-{word}:{number}", engine.registry());
            // The last one has the layers of the first one, and another digest.
            sandbox.write("base/number", &format!("{} {unique}", number % (BASES - 1)));
            let from = engine.base();
            sandbox.write(
                "base/Dockerfile",
                &format!("FROM {from}\nCOPY --chmod=755 apt-get /usr/bin/\nCOPY number /opt/\nLABEL number={number}\n"),
            );
            engine.docker(["build", "--quiet", "--tag", &tag, &sandbox.path("base").to_string_lossy()]);
            engine.docker(["push", "--quiet", &tag]);
            tag
        })
        .collect()
}
