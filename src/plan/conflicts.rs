//! What two extensions cannot both have: the image's user, the value of a variable, a path, or one another.
//!
//! Decides what contradicts. Leaves out what a stage does (`layout.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use crate::extension::Configured;

/// Returns every contradiction between the extensions, in their order.
pub(super) fn between(order: &[&Configured]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut accounts = order.iter().filter(|extension| extension.account.is_some());
    if let (Some(first), Some(second)) = (accounts.next(), accounts.next()) {
        let (first, second) = (first.name.clone(), second.name.clone());
        problems.push(Problem::TwoAccounts { first, second });
    }
    let mut variables: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
    let names: BTreeSet<&String> = order.iter().map(|extension| &extension.name).collect();
    for extension in order {
        for (variable, value) in &extension.env {
            let (first, known) = *variables.entry(variable).or_insert((&extension.name, value));
            if known != value {
                let (variable, first, second) = (variable.clone(), first.to_owned(), extension.name.clone());
                problems.push(Problem::VariableConflict { variable, first, second });
            }
        }
        for second in extension.conflicts.iter().filter(|name| names.contains(name)) {
            let (first, second) = (extension.name.clone(), second.clone());
            problems.push(Problem::Conflict { first, second });
        }
        let copies = extension.builders.iter().flat_map(|builder| &builder.copies).map(|copy| copy.to.as_str());
        let files = extension.files.keys().map(String::as_str);
        for path in copies.filter(|path| !path.ends_with('/')).chain(files) {
            let first = *paths.entry(path).or_insert(&extension.name);
            if first != extension.name {
                let (path, first, second) = (path.to_owned(), first.to_owned(), extension.name.clone());
                problems.push(Problem::PathConflict { path, first, second });
            }
        }
    }
    problems.extend(paths_and_values(order));
    problems
}

/// A variable is one value, or folders of many extensions.
fn paths_and_values(order: &[&Configured]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut owners: BTreeMap<&String, &String> = BTreeMap::new();
    for extension in order {
        extension.env.keys().for_each(|variable| _ = owners.entry(variable).or_insert(&extension.name));
    }
    for extension in order {
        for variable in extension.paths.keys() {
            let problem = owners.get(variable).map(|other| Problem::VariableConflict {
                variable: variable.clone(),
                first: (*other).clone(),
                second: extension.name.clone(),
            });
            problems.extend(problem);
        }
    }
    problems
}
