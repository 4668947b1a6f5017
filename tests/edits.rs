//! Random edits of a project, one build an edit: what `deps plan --json` says of every step, and what a real engine then does.
//!
//! `DEPS_TEST_EDITS` is how many there are, `DEPS_TEST_SEED` which ones: equal seeds, equal edits. Needs an engine; `make
//! test` brings one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Instant;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

mod project;

use project::{Dice, State};

/// How many edits there are unless somebody says otherwise.
const EDITS: u64 = 40;
const SEED: u64 = 1;

/// What the engine calls a step: stage, number, kind.
type Place = (String, u64, String);

/// What a plan says of a step.
struct Foretold {
    runs: bool,
    unless_same: bool,
    instruction: String,
}

/// What edits of one kind came to.
#[derive(Default)]
struct Tally {
    edits: usize,
    steps: usize,
    ran: usize,
    /// Steps that were to run unless what they take has the same bytes, and it had.
    kept: usize,
}

#[test]
fn whatever_is_edited_the_plan_says_which_steps_run() {
    let Some(engine) = Engine::twin() else { return };
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (edits, seed) = (number("DEPS_TEST_EDITS", EDITS), number("DEPS_TEST_SEED", SEED));
    let sandbox = Sandbox::with_environment(engine.environment());
    let bases = project::prepare(&sandbox, &engine);
    let mut dice = Dice::new(seed);
    let mut states = vec![State::first()];
    let (mut misses, mut tallies) = (Vec::new(), BTreeMap::<&str, Tally>::new());
    step(&sandbox, &states[0], &bases, &mut Tally::default());
    let begun = Instant::now();
    for number in 1..=edits {
        let (kind, state) = State::edited(&states, &mut dice);
        let tally = tallies.entry(kind).or_default();
        let ran = tally.ran;
        let wrong = step(&sandbox, &state, &bases, tally);
        misses.extend(wrong.into_iter().map(|miss| format!("edit {number} of seed {seed}, {kind}: {miss}")));
        assert!(
            !matches!(kind, "order" | "back") || tally.ran == ran,
            "edit {number} of seed {seed}, {kind}, runs steps"
        );
        states.push(state);
    }
    report(edits, begun.elapsed().as_secs_f64(), &tallies);
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}

/// Plans and builds `state`, and returns which steps did otherwise than predicted.
fn step(sandbox: &Sandbox, state: &State, bases: &[String], tally: &mut Tally) -> Vec<String> {
    state.write(sandbox, bases);
    sandbox.deps(["lock"]).without_recheck().succeeds();
    let plan: Value = serde_json::from_str(&sandbox.deps(["plan", "--json"]).succeeds().stdout()).expect("JSON");
    // Nobody wants the image: without it a build takes half the time, and the steps are the same.
    let build = ["build", "--frozen", "--quiet", "--progress", "json", "--output", "type=cacheonly"];
    let run = sandbox.deps(build).succeeds();
    let events: Vec<Value> = run.stderr().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut misses = compared(&foretold(&plan), &happened(&events), tally);
    let built = events.last().expect("a build has an end");
    if built["otherwise"] != 0 {
        misses.push(format!("the build itself counts {}", built["otherwise"]));
    }
    misses
}

/// Every step of the plan.
fn foretold(plan: &Value) -> BTreeMap<Place, Foretold> {
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let steps = list(&plan["platforms"][0]["stages"]).into_iter().flat_map(|stage| {
        list(&stage["steps"]).into_iter().map(move |step| {
            let place = (text(&stage["name"]), step["index"].as_u64().expect("a number"), text(&step["kind"]));
            let runs = step["state"] == "run";
            (
                place,
                Foretold { runs, unless_same: step["unless_same"] == true, instruction: text(&step["instruction"]) },
            )
        })
    });
    steps.collect()
}

/// Whether the engine had the result, for every step that it reports.
fn happened(events: &[Value]) -> BTreeMap<Place, bool> {
    let ended = events.iter().filter(|event| event["event"] == "finished");
    let fact = |event: &Value| {
        let text = |name: &str| event["step"][name].as_str().expect("a text").to_owned();
        let place = (text("stage"), event["step"]["index"].as_u64().expect("a number"), text("kind"));
        (place, event["state"] == "cached")
    };
    ended.map(fact).collect()
}

/// Compares both. Steps that are one to the engine are told of once, or run once and are there for the others.
fn compared(plan: &BTreeMap<Place, Foretold>, facts: &BTreeMap<Place, bool>, tally: &mut Tally) -> Vec<String> {
    let did = |place: &Place, what: &str| facts.get(place).is_some_and(|cached| *cached == (what == "cached"));
    let twin = |one: &Place, wanted: &str| {
        let mut others =
            plan.iter().filter(|(place, foretold)| *place != one && foretold.instruction == plan[one].instruction);
        others.any(|(place, _)| did(place, wanted))
    };
    let mut misses = Vec::new();
    (tally.edits, tally.steps) = (tally.edits + 1, tally.steps + facts.len());
    for (place, cached) in facts {
        tally.ran += usize::from(!cached);
        match (plan.get(place), cached) {
            (Some(Foretold { runs: false, .. }), true) | (Some(Foretold { runs: true, .. }), false) => {}
            (Some(Foretold { unless_same: true, .. }), true) => tally.kept += 1,
            (Some(Foretold { runs: true, .. }), true) if twin(place, "ran") => {}
            (Some(Foretold { runs, .. }), _) => misses.push(format!("{place:?}: to run {runs}, was cached {cached}")),
            (None, _) => misses.push(format!("{place:?}: not foreseen")),
        }
    }
    for (place, foretold) in plan.iter().filter(|(place, foretold)| foretold.runs && !facts.contains_key(*place)) {
        let told = twin(place, "ran") || (foretold.unless_same && twin(place, "cached"));
        if !told {
            misses.push(format!("{place:?}: to run, and nothing was heard of it"));
        }
    }
    misses
}

/// A table on standard error, which the test harness does not keep to itself.
fn report(edits: u64, seconds: f64, tallies: &BTreeMap<&str, Tally>) {
    let line = |(kind, tally): (&&str, &Tally)| {
        let Tally { edits, steps, ran, kept } = tally;
        format!("| {kind} | {edits} | {steps} | {ran} | {kept} |\n")
    };
    let lines: String = tallies.iter().map(line).collect();
    let table = format!("| edit | edits | steps | ran | kept |\n|---|---|---|---|---|\n{lines}");
    writeln!(std::io::stderr(), "{table}{edits} edits in {seconds:.1} s").expect("standard error is open");
}
