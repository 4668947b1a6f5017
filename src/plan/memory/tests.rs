//! Predictions from memories, and what agrees with them.

use super::*;
use crate::plan::agreement::{Agreement, Fact};
use crate::plan::record::Record;

fn chain(name: &str) -> Chain {
    Chain::try_from(blake3::hash(name.as_bytes()).to_hex()[..32].to_owned()).expect("these are digits")
}

fn step(stage: &str, index: u32, kind: StepKind, below: Option<usize>, sources: &[&str]) -> Step {
    let sources = sources.iter().map(|name| (*name).to_owned()).collect();
    let (loose, chain) = (chain(&format!("~{stage}{index}{kind:?}")), chain(&format!("{stage}{index}{kind:?}")));
    Step { stage: stage.to_owned(), index, kind, instruction: 0, chain, loose, below, sources }
}

/// A builder of two steps, and an image that copies from it.
fn steps() -> Vec<Step> {
    vec![
        step("tool", 2, StepKind::Run, None, &[]),
        step("tool", 3, StepKind::Run, Some(0), &[]),
        step("final", 2, StepKind::Copy, None, &["tool"]),
        step("final", 2, StepKind::Link, Some(2), &[]),
    ]
}

fn changed(mut steps: Vec<Step>, from: usize) -> Vec<Step> {
    steps[from..]
        .iter_mut()
        .for_each(|step| step.chain = chain(&format!("new{}{}{:?}", step.stage, step.index, step.kind)));
    steps
}

fn record() -> Record {
    Record { version: RECORD_VERSION, encoding: "e".into(), platform: "linux/amd64".into(), stages: Vec::new() }
}

fn predicted(steps: &[Step], memory: Option<&Memory>, held: Option<&Held>, no_cache: bool) -> Vec<Prediction> {
    let (record, circumstances) = (record(), Circumstances::default());
    let before = memory.map(|memory| (memory, &record));
    predict(steps.to_vec(), &Known { before, held, circumstances: &circumstances, no_cache })
}

fn built(steps: &[Step]) -> (Memory, Held) {
    let engine = Engine::default();
    let mut held = Held::new(&engine);
    held.built(steps);
    (Memory::of(&engine, record(), &Circumstances::default()), held)
}

#[test]
fn what_was_built_is_cached_and_going_back_runs_nothing() {
    let (memory, mut held) = built(&steps());
    let runs = |steps: &[Step], held: &Held| {
        predicted(steps, Some(&memory), Some(held), false).iter().filter(|one| one.verdict.runs()).count()
    };
    let other = changed(steps(), 1);
    assert_eq!((runs(&steps(), &held), runs(&other, &held)), (0, 3));
    held.built(&other);
    assert_eq!((runs(&steps(), &held), runs(&other, &held)), (0, 0));
    for _ in 0..REMEMBERED {
        held.built(&other);
    }
    assert_eq!(runs(&steps(), &held), 3, "what nobody has built for long is forgotten");
    assert_eq!(Held::read(&held.written()), Some(held));
    assert_eq!(Memory::read(&memory.written()), Some(memory));
    assert_eq!(Held::read(b"{}"), None);
}

#[test]
fn a_step_that_takes_what_runs_again_may_be_cached_all_the_same() {
    let (memory, held) = built(&steps());
    let predictions = predicted(&changed(steps(), 1), Some(&memory), Some(&held), false);
    let Verdict::Run { reason, unless_same } = &predictions[2].verdict else { panic!("it runs") };
    assert_eq!((reason, *unless_same), (&Reason::FollowsStages(vec!["tool".to_owned()]), true));
    let fact = |step: &Step, cached| Fact { stage: step.stage.clone(), index: step.index, kind: step.kind, cached };
    let facts: Vec<Fact> = steps().iter().map(|step| fact(step, step.index != 3)).collect();
    let agreement = Agreement::of(&predictions, &facts, true);
    assert!(agreement.is_whole() && agreement.same.len() == 2 && agreement.compared == 4, "{agreement:?}");
}

#[test]
fn what_did_otherwise_is_named_with_both_sides() {
    let (memory, held) = built(&steps());
    let predictions = predicted(&steps(), Some(&memory), Some(&held), false);
    let fact = |step: &Step, cached| Fact { stage: step.stage.clone(), index: step.index, kind: step.kind, cached };
    let mut facts: Vec<Fact> = steps().iter().map(|step| fact(step, step.index != 3)).collect();
    facts.push(Fact { stage: "other".to_owned(), index: 1, kind: StepKind::Run, cached: false });
    let agreement = Agreement::of(&predictions, &facts, true);
    assert_eq!(agreement.disagreements.len(), 1);
    assert_eq!((agreement.disagreements[0].cached, agreement.disagreements[0].prediction.step.index), (false, 3));
    assert_eq!(agreement.unforeseen.len(), 1);
    let nothing = predicted(&steps(), None, None, false);
    assert!(nothing.iter().all(|one| one.verdict == Verdict::Run { reason: Reason::FirstBuild, unless_same: false }));
    let there = Agreement::of(&nothing, &facts[..1], false);
    assert!(there.is_whole() && there.there.len() == 1, "{there:?}");
}

#[test]
fn steps_that_are_one_to_the_engine_are_compared_once() {
    let twin = |stage| Step { chain: chain("same"), ..step(stage, 2, StepKind::Run, None, &[]) };
    let predictions = predicted(&[twin("a"), twin("b")], None, None, false);
    let fact = |stage: &str, cached| Fact { stage: stage.to_owned(), index: 2, kind: StepKind::Run, cached };
    for facts in [vec![fact("b", false)], vec![fact("a", true), fact("b", false)]] {
        let agreement = Agreement::of(&predictions, &facts, true);
        assert!(agreement.is_whole() && agreement.compared == 1, "{agreement:?}");
    }
}

#[test]
fn without_the_cache_every_step_runs() {
    let (memory, held) = built(&steps());
    let predictions = predicted(&steps(), Some(&memory), Some(&held), true);
    assert!(predictions.iter().all(|one| one.verdict == Verdict::Run { reason: Reason::NoCache, unless_same: false }));
}

#[test]
fn the_value_of_an_argument_that_is_not_the_user_s_is_nowhere() {
    let arguments =
        BTreeMap::from([("DEPS_USER_NAME", "ada"), ("TOKEN", "hunter2")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    let circumstances = Circumstances { arguments, ..Circumstances::default() };
    let memory = Memory::of(&Engine::default(), record(), &circumstances);
    let text = String::from_utf8(memory.written()).unwrap();
    assert!(text.contains("ada") && text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
}
