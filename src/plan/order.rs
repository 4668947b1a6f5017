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
    let rank = |extension: &&Configured| (extension.tier, extension.name.clone());
    let edges = |extension: &&Configured| extension.after.iter().cloned().collect();
    let order = canonical(extensions.iter().collect(), |extension| extension.name.clone(), rank, edges);
    if order.len() == extensions.len() { Ok(order) } else { Err(Problem::Cycle { cycle: cycle(extensions) }) }
}

/// Returns `stages` in canonical order: parents first, else by (kind, name).
pub(super) fn stage_order(stages: Vec<Stage>) -> Vec<Stage> {
    let rank = |stage: &Stage| (stage.kind, stage.name.clone());
    let edges = |stage: &Stage| stage.parents().into_iter().map(str::to_owned).collect();
    canonical(stages, |stage| stage.name.clone(), rank, edges)
}

/// Returns the items in order: of all whose predecessors are placed, the one with the least rank comes next.
/// Items in a circle are left out.
fn canonical<T, R: Ord>(
    items: Vec<T>,
    name: impl Fn(&T) -> String,
    rank: impl Fn(&T) -> R,
    edges: impl Fn(&T) -> BTreeSet<String>,
) -> Vec<T> {
    let names: BTreeMap<String, usize> = items.iter().enumerate().map(|(index, item)| (name(item), index)).collect();
    let mut waiting = vec![0_usize; items.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (index, item) in items.iter().enumerate() {
        for before in edges(item).iter().filter_map(|before| names.get(before)) {
            waiting[index] += 1;
            followers[*before].push(index);
        }
    }
    let mut ready: BTreeMap<R, usize> = BTreeMap::new();
    ready.extend(items.iter().enumerate().filter(|(index, _)| waiting[*index] == 0).map(|(i, item)| (rank(item), i)));
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    let mut order = Vec::with_capacity(items.len());
    while let Some((_, index)) = ready.pop_first() {
        for &follower in &followers[index] {
            waiting[follower] -= 1;
            if waiting[follower] == 0 {
                ready.insert(rank(items[follower].as_ref().expect("it is not placed yet")), follower);
            }
        }
        order.push(items[index].take().expect("an item is placed once"));
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
