//! Canonical order: a function of the *set*. Topological, ties broken by (tier, name) or (kind, name).
//!
//! petgraph holds the graph and finds cycles; its own topological order depends on insertion, so the order is ours:
//! of all that could come next, the least comes first.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::{Problem, Stage};
use crate::extension::Configured;

/// Returns `extensions` in canonical order: after what they require, else by (tier, name).
///
/// # Errors
/// The circle, where extensions come after each other.
pub fn extension_order(extensions: &[Configured]) -> Result<Vec<&Configured>, Problem> {
    let order = canonical(
        extensions,
        |extension| extension.name.as_str(),
        |extension| extension.tier,
        |extension| extension.after.iter().map(String::as_str).collect(),
    );
    if order.len() < extensions.len() {
        return Err(Problem::Cycle { cycle: cycle(extensions) });
    }
    Ok(order.into_iter().map(|index| &extensions[index]).collect())
}

/// Returns `stages` in canonical order: parents first, else by (kind, name).
pub(super) fn stage_order(stages: Vec<Stage>) -> Vec<Stage> {
    let order = canonical(&stages, |stage| stage.name.as_str(), |stage| stage.kind, Stage::parents);
    let mut stages: Vec<Option<Stage>> = stages.into_iter().map(Some).collect();
    order.into_iter().map(|index| stages[index].take().expect("a stage is placed once")).collect()
}

/// Returns how many of `stages`, which are in order, need none of the others among them, from the first on.
pub(super) fn independent<'a>(stages: impl Iterator<Item = &'a Stage>) -> usize {
    let mut names = BTreeSet::new();
    stages.take_while(|stage| stage.parents().is_disjoint(&names) && names.insert(stage.name.as_str())).count()
}

/// Returns the places of the items in order: of all whose predecessors are placed, the one with the least rank and name comes
/// next. Items in a circle are left out.
fn canonical<'a, T, R: Ord>(
    items: &'a [T],
    name: impl Fn(&'a T) -> &'a str,
    rank: impl Fn(&'a T) -> R,
    before: impl Fn(&'a T) -> BTreeSet<&'a str>,
) -> Vec<usize> {
    let names: BTreeMap<&str, usize> = items.iter().enumerate().map(|(index, item)| (name(item), index)).collect();
    let mut waiting = vec![0_usize; items.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (index, item) in items.iter().enumerate() {
        for before in before(item).into_iter().filter_map(|before| names.get(before)) {
            waiting[index] += 1;
            followers[*before].push(index);
        }
    }
    let place = |index: usize| (rank(&items[index]), name(&items[index]), index);
    let mut ready: BTreeSet<_> = (0..items.len()).filter(|index| waiting[*index] == 0).map(place).collect();
    let mut order = Vec::with_capacity(items.len());
    while let Some((_, _, index)) = ready.pop_first() {
        for &follower in &followers[index] {
            waiting[follower] -= 1;
            if waiting[follower] == 0 {
                ready.insert(place(follower));
            }
        }
        order.push(index);
    }
    order
}

/// Returns a circle of extensions, beginning and ending with its least member.
fn cycle(extensions: &[Configured]) -> Vec<String> {
    let mut graph: DiGraph<&str, ()> = DiGraph::new();
    let nodes: BTreeMap<&str, _> =
        extensions.iter().map(|one| (one.name.as_str(), graph.add_node(&one.name))).collect();
    for extension in extensions {
        for before in extension.after.iter().filter_map(|name| nodes.get(name.as_str())) {
            graph.add_edge(nodes[extension.name.as_str()], *before, ());
        }
    }
    let circular = |nodes: &Vec<_>| nodes.len() > 1 || graph.contains_edge(nodes[0], nodes[0]);
    let circles = tarjan_scc(&graph).into_iter().filter(circular);
    let names = circles.map(|nodes| nodes.into_iter().map(|node| graph[node]).collect::<BTreeSet<&str>>());
    let members = names.min().unwrap_or_default();
    let Some(&first) = members.first() else { return Vec::new() };
    let mut circle = vec![first];
    loop {
        let last = circle[circle.len() - 1];
        let next = graph
            .neighbors(nodes[last])
            .map(|node| graph[node])
            .filter(|name| members.contains(name))
            .min()
            .expect("the members form a circle");
        if let Some(start) = circle.iter().position(|name| *name == next) {
            circle.push(next);
            return circle[start..].iter().map(|name| (*name).to_owned()).collect();
        }
        circle.push(next);
    }
}
