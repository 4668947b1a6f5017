//! Checkouts as stages (DESIGN §6.3): of those in the store at most 16 a set, each with the repositories whose keys hash to
//! it; of those that the build fetches itself one a set.
//!
//! The latter are commits in the cache mount, never work trees: what a branch, a tag or a file there has become cannot leak
//! into a build. `sources.sh` is what such a step runs.

use std::collections::{BTreeMap, BTreeSet};

use super::apt;
use super::layout::{Work, trust};
use super::outputs::{MOST_COPIES, Output, bucket};
use super::*;

/// So many checkouts are named in what a stage is about.
const MOST_NAMED: usize = 4;

/// The shell functions `get`, `got`, `put` and `same`.
const FUNCTIONS: &str = include_str!("sources.sh");
/// What ends the here-document around them.
const END: &str = "DEPS";

impl<'a> Work<'a> {
    /// The checkouts: at most 16 stages a set (DESIGN §6.3).
    pub(super) fn sources(&mut self) -> Vec<(String, Output)> {
        let mut buckets: BTreeMap<(&str, usize), Vec<&Checkout>> = BTreeMap::new();
        let mut mounted: BTreeMap<&str, Vec<(&Checkout, &Fetched)>> = BTreeMap::new();
        for checkout in self.ingredients.checkouts {
            if let Some(fetched) = &checkout.fetched {
                mounted.entry(&checkout.set).or_default().push((checkout, fetched));
                continue;
            }
            buckets.entry((&checkout.set, bucket(self.outermost(checkout), 16))).or_default().push(checkout);
        }
        let mut outputs = Vec::new();
        for ((set, number), mut checkouts) in buckets {
            checkouts.sort();
            outputs.push((set.to_owned(), self.source_stage(format!("src-{set}-{number:x}"), &checkouts)));
        }
        for (set, mut checkouts) in mounted {
            checkouts.sort();
            outputs.extend(self.fetching_stage(set, &checkouts).map(|output| (set.to_owned(), output)));
        }
        outputs
    }

    /// The stage that fetches the checkouts of a set itself.
    fn fetching_stage(&mut self, set: &str, checkouts: &[(&Checkout, &Fetched)]) -> Option<Output> {
        let (name, to) = (format!("src-{set}.git"), format!("{}/", checkouts[0].0.dest));
        if self.ingredients.builder_base == Base::Scratch {
            self.problems.push(Problem::NothingToRunOn { what: format!("sources of {set}"), base: "builder base" });
            return None;
        }
        let by_ssh = checkouts.iter().any(|(_, fetched)| is_ssh(&fetched.url));
        let packages = ["ca-certificates", "git", "git-lfs"].into_iter().chain(by_ssh.then_some("openssh-client"));
        let base = self.apt_stage(&packages.map(str::to_owned).collect(), &BTreeSet::new());
        let mut mounts = BTreeSet::from([Mount::Cache {
            target: "/root/.cache/vcs-repos".to_owned(),
            id: "vcs-repos".to_owned(),
            sharing: "locked".to_owned(),
        }]);
        if by_ssh {
            let options = [("id", SSH_ID), ("type", "ssh")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            mounts.insert(Mount::Written(BTreeMap::from(options)));
        }
        let mut instructions = Vec::new();
        if self.ca {
            mounts.insert(apt::ca_mount());
            instructions.extend(trust());
        }
        let command = script(checkouts);
        instructions.push(Instruction::Run(Run { mounts, offline: false, command, origin: None }));
        let paths: Vec<&str> = checkouts.iter().map(|(checkout, _)| checkout.path.as_str()).collect();
        self.add(name.clone(), Kind::Sources, about(&paths), base, instructions);
        Some(Output { stage: name, from: to.clone(), to })
    }

    /// All checkouts below `target`: each set in a folder of its own where there are several.
    pub(super) fn checkouts(&mut self, target: &str, sources: &[(String, Output)]) -> Vec<Mount> {
        let mut sets: BTreeMap<&str, Vec<Output>> = BTreeMap::new();
        for (set, output) in sources {
            sets.entry(set).or_default().push(output.clone());
        }
        let several = sets.len() > 1;
        let mount = |(set, mut outputs): (&str, Vec<Output>)| {
            let from = outputs[0].to.clone();
            let stage = match outputs.len() {
                1 => outputs.remove(0).stage,
                _ => self.gather(format!("src-{set}.all"), Kind::Sources, "all checkouts".to_owned(), outputs).stage,
            };
            let target = if several { format!("{target}/{set}") } else { target.to_owned() };
            Mount::Stage { target, stage, from: from.trim_end_matches('/').to_owned() }
        };
        sets.into_iter().map(mount).collect()
    }

    fn source_stage(&mut self, name: String, checkouts: &[&Checkout]) -> Output {
        let paths: Vec<&str> = checkouts.iter().map(|checkout| checkout.path.as_str()).collect();
        let about = about(&paths);
        let output = |checkout: &Checkout| format!("{}/{}/", checkout.dest, checkout.path);
        let whole = |stage: String| {
            // The folder itself, not the root: a plain COPY would give the folders above it to root.
            let folder = format!("{}/", checkouts[0].dest);
            Output { stage, from: folder.clone(), to: folder }
        };
        if checkouts.len() <= MOST_COPIES {
            let copy = |checkout: &&Checkout| CopyTree { tree: checkout.tree.clone(), to: output(checkout) };
            let instructions = checkouts.iter().map(copy).map(Instruction::CopyTree).collect();
            self.add(name.clone(), Kind::Sources, about, Base::Scratch, instructions);
            return whole(name);
        }
        let mut parts: BTreeMap<usize, Vec<&Checkout>> = BTreeMap::new();
        for checkout in checkouts {
            let part = bucket(&format!("{name} {}", self.outermost(checkout)), 16);
            parts.entry(part).or_default().push(checkout);
        }
        if parts.len() == 1 {
            // All stand in one checkout: the outer ones first, as `checkouts` is sorted.
            parts = checkouts.chunks(MOST_COPIES).map(<[_]>::to_vec).enumerate().collect();
        }
        let part = |(number, part): (usize, Vec<&Checkout>)| self.source_stage(format!("{name}.{number:x}"), &part);
        let parts = parts.into_iter().map(part).collect();
        whole(self.gather(name, Kind::Sources, about, parts).stage)
    }

    /// The checkout that `checkout` stands in, else itself: they share a stage, the outer one first.
    fn outermost(&self, checkout: &'a Checkout) -> &'a str {
        let prefixes = checkout.path.match_indices('/').map(|(at, _)| &checkout.path[..at]);
        let known = |path: &&str| self.checkouts.contains(&(checkout.set.as_str(), *path));
        prefixes.into_iter().find(known).unwrap_or(&checkout.path)
    }
}

fn about(paths: &[&str]) -> String {
    let more = if paths.len() > MOST_NAMED { format!(" and {} more", paths.len() - MOST_NAMED) } else { String::new() };
    format!("checkouts: {}{more}", paths[..paths.len().min(MOST_NAMED)].join(", "))
}

/// Whether git reaches `url` through ssh: `ssh://…`, or `host:path`.
fn is_ssh(url: &str) -> bool {
    url.split_once("://").map_or(url.contains(':'), |(scheme, _)| scheme.ends_with("ssh"))
}

/// The step that fetches `checkouts` and puts their files where they belong, the outer ones of nested ones first.
fn script(checkouts: &[(&Checkout, &Fetched)]) -> String {
    let mut remotes: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    for (checkout, fetched) in checkouts {
        remotes.entry(&fetched.url).or_insert((&checkout.path, BTreeSet::new())).1.insert(&fetched.rev);
    }
    let get = |(url, (name, revs)): (&&str, &(&str, BTreeSet<&str>))| {
        let revs: Vec<&str> = revs.iter().copied().collect();
        format!("get {} {} {}\n", quoted(name), quoted(url), revs.join(" "))
    };
    let put = |(checkout, fetched): &(&Checkout, &Fetched)| {
        let (name, folder) = (quoted(&checkout.path), quoted(&format!("{}/{}", checkout.dest, checkout.path)));
        let submodules = if fetched.submodules { "all" } else { "none" };
        let lfs = if fetched.pointers { "pointers" } else { "content" };
        format!("put {name} {} {} {folder} {submodules} {lfs}\n", quoted(&fetched.url), fetched.rev)
    };
    let (gets, puts): (String, String) = (remotes.iter().map(get).collect(), checkouts.iter().map(put).collect());
    format!("<<'{END}'\n{FUNCTIONS}{gets}got\n{puts}same {}\n{END}", quoted(&checkouts[0].0.dest))
}

/// Returns the commit and the quoted folder that a line of such a step puts it into; none for other lines.
pub(super) fn put(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = line.strip_prefix("put ").unwrap_or_default().rsplitn(3, ' ').skip(2);
    let text = parts.next().unwrap_or_default();
    // A quoted name may have spaces in it, and words like commits between them.
    let spaces = text.match_indices(' ').map(|(at, _)| at);
    spaces.filter_map(|at| text[at + 1..].split_once(' ')).filter(|(word, _)| is_commit(word))
}

/// Whether `word` is spelled as a whole commit id is.
fn is_commit(word: &str) -> bool {
    matches!(word.len(), 40 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
