//! Checkouts as stages: at most 16 a set, each with the repositories whose keys hash to it (DESIGN §6.3).

use std::collections::BTreeMap;

use super::layout::Work;
use super::outputs::{MOST_COPIES, Output, bucket};
use super::*;

/// So many checkouts are named in what a stage is about.
const MOST_NAMED: usize = 4;

impl<'a> Work<'a> {
    /// The checkouts: at most 16 stages a set (DESIGN §6.3).
    pub(super) fn sources(&mut self) -> Vec<(String, Output)> {
        let mut buckets: BTreeMap<(&str, usize), Vec<&Checkout>> = BTreeMap::new();
        for checkout in self.ingredients.checkouts {
            buckets.entry((&checkout.set, bucket(self.outermost(checkout), 16))).or_default().push(checkout);
        }
        let mut outputs = Vec::new();
        for ((set, number), mut checkouts) in buckets {
            checkouts.sort();
            outputs.push((set.to_owned(), self.source_stage(format!("src-{set}-{number:x}"), &checkouts)));
        }
        outputs
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
        let more =
            if paths.len() > MOST_NAMED { format!(" and {} more", paths.len() - MOST_NAMED) } else { String::new() };
        let about = format!("checkouts: {}{more}", paths[..paths.len().min(MOST_NAMED)].join(", "));
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
