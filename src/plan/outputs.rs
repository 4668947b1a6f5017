//! What builders give to the image: which destinations can be linked layers, and how many outputs stay few layers.

use std::collections::BTreeMap;

use super::layout::Work;
use super::*;
use crate::extension::{self, Builder};

/// More outputs than this are gathered in [`GATHERED`] stages, so that the image stays under [`MOST_LAYERS`] layers.
const MOST_OUTPUTS: usize = 40;
const GATHERED: usize = 32;
/// A stage of more copies than this is split: old engines fail at about a hundred.
pub(super) const MOST_COPIES: usize = 48;

/// A file or folder on its way into the image.
#[derive(Clone)]
pub(super) struct Output {
    pub(super) stage: String,
    pub(super) from: String,
    pub(super) to: String,
}

impl Output {
    pub(super) fn copied(self, link: bool) -> Instruction {
        let Self { stage, from, to } = self;
        Instruction::CopyStage { stage, from, to, link }
    }
}

impl Work<'_> {
    /// What the builders give to the image: layers that link, and those that cannot.
    pub(super) fn outputs(&mut self, order: &[&Configured]) -> (Vec<Output>, Vec<Output>) {
        let (mut linked, mut plain) = (Vec::new(), Vec::new());
        for extension in order {
            let copied = |builder: &Builder| {
                let output = |copy: &extension::Copy| Output {
                    stage: builder.stage.clone(),
                    from: copy.from.clone(),
                    to: copy.to.clone(),
                };
                builder.copies.iter().map(output).collect::<Vec<_>>()
            };
            let built = extension.builders.iter().flat_map(copied);
            let outputs = built.chain(self.files(extension));
            let (mut links, rest): (Vec<_>, Vec<_>) = outputs.partition(|output| links(&output.to));
            if links.len() > 1 {
                let about = format!("what {} installs", extension.name);
                links = vec![self.gather(format!("{}-out", extension.name), Kind::Output, about, links)];
            }
            linked.extend(links);
            plain.extend(rest);
        }
        if linked.len() > MOST_OUTPUTS {
            linked = self.spread(linked);
        }
        (linked, plain)
    }

    /// Many outputs: a fixed number of stages, each with those whose names hash to it, so that one more moves none.
    fn spread(&mut self, outputs: Vec<Output>) -> Vec<Output> {
        let mut buckets: BTreeMap<usize, Vec<Output>> = BTreeMap::new();
        for output in outputs {
            buckets.entry(bucket(&output.stage, GATHERED)).or_default().push(output);
        }
        let gather = |(number, outputs): (usize, Vec<Output>)| {
            self.gather(
                format!("out-{number:02x}"),
                Kind::Output,
                "what several extensions install".to_owned(),
                outputs,
            )
        };
        buckets.into_iter().map(gather).collect()
    }

    /// Puts outputs under one root, in a stage of its own; deep stages are split.
    pub(super) fn gather(&mut self, name: String, kind: Kind, about: String, outputs: Vec<Output>) -> Output {
        let outputs = if outputs.len() > MOST_COPIES {
            let mut parts: BTreeMap<usize, Vec<Output>> = BTreeMap::new();
            for output in outputs {
                parts.entry(bucket(&format!("{name} {} {}", output.stage, output.to), 16)).or_default().push(output);
            }
            let part = |(number, part)| self.gather(format!("{name}.{number:x}"), kind, about.clone(), part);
            parts.into_iter().map(part).collect()
        } else {
            outputs
        };
        let instructions = outputs.into_iter().map(|output| output.copied(false)).collect();
        self.add(name.clone(), kind, about, Base::Scratch, instructions);
        Output { stage: name, from: "/".to_owned(), to: "/".to_owned() }
    }
}

/// Whether a destination may be a linked layer, which makes all its parents anew as root's, 0755: only where every
/// base has such folders, or none. The names at the root that bases have come from the Filesystem Hierarchy Standard;
/// `/usr/lib/locale` is glibc's, and `/usr/lib` no link where there is a glibc.
pub fn links(to: &str) -> bool {
    const ROOTS: [&str; 10] = [
        "/opt/",
        "/etc/profile.d/",
        "/usr/lib/locale/",
        "/usr/local/bin/",
        "/usr/local/etc/",
        "/usr/local/include/",
        "/usr/local/lib/",
        "/usr/local/sbin/",
        "/usr/local/share/",
        "/usr/local/src/",
    ];
    const STANDARD: [&str; 22] = [
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "lost+found",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    ];
    let top = to.trim_start_matches('/').split('/').next().unwrap_or_default();
    ROOTS.iter().any(|root| to.starts_with(root)) || !STANDARD.contains(&top)
}

/// Returns the bucket of `text`: it depends on nothing else, so that one more never moves another.
pub(super) fn bucket(text: &str, buckets: usize) -> usize {
    usize::from(blake3::derive_key("deps bucket v1", text.as_bytes())[0]) % buckets
}
