//! Chains, as they were measured on BuildKit: what reruns when something changes, and what does not.

use super::*;
use crate::plan::instruction::Origin;
use crate::plan::{Kind, StageKey};
use crate::project::Platform;

fn stage(name: &str, base: Base, instructions: Vec<Instruction>) -> Stage {
    let (kind, about, impure) = (Kind::Builder, String::new(), BTreeSet::new());
    Stage { name: name.to_owned(), kind, about, base, instructions, impure, key: StageKey::default() }
}

fn image(digit: char) -> Base {
    Base::Image { reference: "debian:12".to_owned(), digest: format!("sha256:{}", digit.to_string().repeat(64)) }
}

fn run(command: &str) -> Instruction {
    mounted(command, &[])
}

fn mounted(command: &str, mounts: &[Mount]) -> Instruction {
    let mounts = mounts.iter().cloned().collect();
    Instruction::Run(Run { mounts, offline: false, command: command.to_owned(), origin: None })
}

fn copy(stage: &str, from: &str, to: &str, link: bool) -> Instruction {
    Instruction::CopyStage { stage: stage.to_owned(), from: from.to_owned(), to: to.to_owned(), link }
}

fn tree(digit: char, to: &str) -> Instruction {
    Instruction::CopyTree(CopyTree { tree: digit.to_string().repeat(40), to: to.to_owned() })
}

fn env(name: &str, value: &str) -> Instruction {
    Instruction::Env { name: name.to_owned(), value: value.to_owned() }
}

fn arg(name: &str, default: Option<&str>) -> Instruction {
    Instruction::Arg { name: name.to_owned(), default: default.map(str::to_owned) }
}

fn set(keyword: &'static str, text: &str) -> Instruction {
    let origin = Origin { extension: "x".to_owned(), file: "x".to_owned(), line: 1 };
    Instruction::Snippet { keyword, text: text.to_owned(), origin }
}

fn cache(target: &str, id: &str, sharing: &str) -> Mount {
    Mount::Cache { target: target.to_owned(), id: id.to_owned(), sharing: sharing.to_owned() }
}

fn plan(stages: Vec<Stage>) -> Plan {
    let (account, folders, project_folders) = Default::default();
    Plan { platform: Platform::default(), stages, account, folders, project_folders, ca_certificates: false }
}

fn of(stages: Vec<Stage>, arguments: &[(&str, &str)]) -> Vec<Step> {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    steps(&plan(stages), None, &Circumstances { arguments, merges: true, ..Circumstances::default() })
}

#[test]
fn steps_without_chains_are_the_same_steps() {
    let copied = |stage: &str| Instruction::CopyStage {
        stage: stage.to_owned(),
        from: "/x".to_owned(),
        to: "/y".to_owned(),
        link: true,
    };
    let first = stage("a", image('a'), vec![Instruction::Workdir("/".to_owned()), run("make"), set("WORKDIR", "w")]);
    let last = stage("b", image('b'), vec![copied("a"), run("ls"), copied("a")]);
    let plan = plan(vec![first, last]);
    for merges in [true, false] {
        let circumstances = Circumstances { merges, ..Circumstances::default() };
        let mut hashed = steps(&plan, None, &circumstances);
        assert!(hashed.iter().all(|step| step.chain != Chain::NONE && step.loose != Chain::NONE));
        hashed.iter_mut().for_each(|step| (step.chain, step.loose) = (Chain::NONE, Chain::NONE));
        assert_eq!(unhashed_steps(&plan, None, &circumstances), hashed);
        assert_eq!(hashed.len(), if merges { 7 } else { 5 });
    }
}

/// The chains of a stage with `before` and then `RUN make`.
fn made(before: Vec<Instruction>) -> Step {
    let instructions = before.into_iter().chain([run("make")]).collect();
    of(vec![stage("s", image('a'), instructions)], &[]).pop().expect("there is a step")
}

#[test]
fn what_is_in_force_before_a_run_is_in_its_chain() {
    let plain = made(vec![]).chain;
    for different in [
        vec![env("A", "1")],
        vec![arg("A", Some("1"))],
        vec![Instruction::User("ada".to_owned())],
        vec![Instruction::Workdir("/w".to_owned())],
        vec![set("SHELL", "[\"bash\", \"-c\"]")],
        vec![run("true")],
        vec![tree('1', "/x/")],
    ] {
        assert_ne!(made(different.clone()).chain, plain, "{different:?}");
    }
    for same in [vec![arg("A", None)], vec![set("ARG", "A")], vec![Instruction::Workdir("/".to_owned())]] {
        let made = made(same.clone());
        // A folder that is the root is no step, but the run is in it.
        assert_eq!(made.chain == plain, !matches!(same[0], Instruction::Workdir(_)), "{same:?}");
    }
    assert_ne!(made(vec![env("A", "1"), env("B", "2")]).chain, made(vec![env("B", "2"), env("A", "1")]).chain);
    assert_eq!(made(vec![env("A", "1"), env("B", "2")]).chain, made(vec![set("ENV", "A=1 B=2")]).chain);
    let commented = of(vec![stage("s", image('a'), vec![run("a \\\n  # why\n  b")])], &[]);
    let plain = of(vec![stage("other", image('a'), vec![run("a \\\n  b")])], &[]);
    assert_eq!(commented[0].chain, plain[0].chain, "neither comments nor names of stages are in a chain");
}

#[test]
fn of_a_cache_mount_counts_where_it_is_and_whose() {
    let with = |mounts: &[Mount]| of(vec![stage("s", image('a'), vec![mounted("make", mounts)])], &[]).remove(0).chain;
    let one = with(&[cache("/c", "a", "shared")]);
    assert_eq!(with(&[cache("/c", "b", "locked")]), one);
    assert_ne!(with(&[cache("/d", "a", "shared")]), one);
    assert_ne!(with(&[]), one);
    let written = |owner: &str, id: &str| {
        let options = [("type", "cache"), ("id", id), ("target", "/c"), ("uid", owner)];
        with(&[Mount::Written(options.map(|(name, value)| (name.to_owned(), value.to_owned())).into())])
    };
    assert_eq!(written("1", "a"), written("1", "b"));
    assert_ne!(written("1", "a"), written("2", "a"));
}

#[test]
fn arguments_count_where_they_are_declared() {
    let stages = || {
        vec![
            stage("tool", image('a'), vec![run("make")]),
            stage(
                "final",
                image('a'),
                vec![
                    arg("DEPS_USER_NAME", Some("dev")),
                    Instruction::Workdir("/home/${DEPS_USER_NAME}".to_owned()),
                    copy("tool", "/out/", "/opt/", true),
                ],
            ),
        ]
    };
    let (one, other) = (of(stages(), &[]), of(stages(), &[("DEPS_USER_NAME", "ada"), ("OTHER", "1")]));
    let same: Vec<bool> = one.iter().zip(&other).map(|(one, other)| one.chain == other.chain).collect();
    // The builder and the layer of the copy stay; the folder and putting the layer there do not.
    assert_eq!(same, [true, false, true, false]);
    assert_eq!(of(stages(), &[("DEPS_USER_NAME", "dev")]), one);
}

#[test]
fn an_image_of_another_digest_may_have_the_same_layers() {
    let built = |digit, command| of(vec![stage("s", image(digit), vec![run(command), run("y")])], &[]);
    let (before, after, other) = (built('1', "x"), built('2', "x"), built('2', "z"));
    for ((before, after), other) in before.iter().zip(&after).zip(&other) {
        assert!(before.chain != after.chain && before.loose == after.loose && before.loose != other.loose);
    }
}

#[test]
fn a_copy_is_found_by_content_and_a_stage_s_base_by_its_steps() {
    let stages = |command: &str| {
        vec![
            stage("tool", image('a'), vec![run(command)]),
            stage("more", Base::Stage("tool".to_owned()), vec![run("more")]),
            stage(
                "final",
                image('a'),
                vec![copy("tool", "/o/", "/o/", false), copy("more", "/p/", "/p/", true), run("end")],
            ),
        ]
    };
    let (one, other) = (of(stages(": v1"), &[]), of(stages(": v2"), &[]));
    assert!(one.iter().zip(&other).all(|(one, other)| one.chain != other.chain));
    let loose: Vec<bool> = one.iter().zip(&other).map(|(one, other)| one.loose == other.loose).collect();
    // Which files the tool makes is open, so all of the last stage may be there; `more` stands on the tool itself.
    assert_eq!(loose, [false, false, true, true, true, true]);
    assert_eq!(one[2].sources, BTreeSet::from(["tool".to_owned()]));
}

#[test]
fn where_a_copy_comes_from_counts_by_its_last_part_and_where_it_goes_as_written() {
    let with = |from: &str, to: &str| {
        let tool = stage("tool", image('a'), vec![run("make")]);
        of(vec![tool, stage("final", Base::Scratch, vec![copy("tool", from, to, false)])], &[]).remove(1)
    };
    let one = with("/x/o/", "/o/");
    assert_eq!(with("/y/o", "/o/").loose, one.loose);
    assert_ne!(with("/x/p/", "/o/").loose, one.loose);
    assert_ne!(with("/x/o/", "/o").loose, one.loose);
}

#[test]
fn an_added_link_copies_itself_and_moves_only_merges() {
    let stages = |names: &[&str], base: char| {
        let tools = names.iter().map(|name| stage(name, image('b'), vec![run(name)]));
        let copies = names.iter().map(|name| copy(name, "/out/", &format!("/opt/{name}/"), true)).collect();
        tools.chain([stage("final", image(base), copies)]).collect::<Vec<_>>()
    };
    let known: BTreeSet<Chain> = of(stages(&["a", "c"], 'a'), &[]).into_iter().map(|step| step.chain).collect();
    let new = |steps: Vec<Step>| {
        let new = steps.into_iter().filter(|step| !known.contains(&step.chain));
        new.map(|step| format!("{} {}", step.kind.name(), step.index)).collect::<Vec<_>>()
    };
    assert_eq!(new(of(stages(&["a", "b", "c"], 'a'), &[])), ["RUN 2", "COPY 3", "LINK 3", "LINK 4"]);
    assert_eq!(new(of(stages(&["c"], 'a'), &[])), ["LINK 2"]);
    assert_eq!(new(of(stages(&["a", "c"], 'c'), &[])), ["LINK 2", "LINK 3"]);
    let unmerged = steps(&plan(stages(&["a"], 'a')), None, &Circumstances::default());
    assert_eq!(unmerged.iter().map(|step| step.kind).collect::<Vec<_>>(), [StepKind::Run, StepKind::Copy]);
}

#[test]
fn on_nothing_the_first_link_is_its_layer() {
    let tool = || stage("tool", image('a'), vec![run("make")]);
    let with = |link| of(vec![tool(), stage("final", Base::Scratch, vec![copy("tool", "/o/", "/o/", link)])], &[]);
    assert_eq!(with(true).iter().map(|step| step.kind).collect::<Vec<_>>(), [StepKind::Run, StepKind::Copy]);
    assert_eq!(with(true)[1].chain, with(false)[1].chain);
}

#[test]
fn only_what_the_target_needs_is_a_step() {
    let stages = vec![
        stage("a", image('a'), vec![run("a")]),
        stage("b", image('a'), vec![run("b")]),
        stage("final", Base::Stage("a".to_owned()), vec![set("WORKDIR", "/w"), run("end")]),
    ];
    let plan = plan(stages);
    let names = |target| {
        let steps = steps(&plan, target, &Circumstances::default()).into_iter();
        steps.map(|step| format!("{} {}", step.stage, step.index)).collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["a 2", "final 1", "final 2"]);
    assert_eq!(names(Some("b")), ["b 2"]);
}

#[test]
fn an_input_of_several_platforms_is_copied_once_into_a_stage_of_its_own() {
    let mount = Mount::Tree { target: "/deps/in/src".to_owned(), tree: "a-1".to_owned() };
    let mounts = [mount];
    let stages = vec![stage("tool", image('a'), vec![mounted("one", &mounts), mounted("two", &mounts)])];
    let inputs = BTreeMap::from([(("tool".to_owned(), "/deps/in/src".to_owned()), "tool.src".to_owned())]);
    let steps = steps(&plan(stages), None, &Circumstances { inputs, ..Circumstances::default() });
    let shown = steps.iter().map(|step| format!("{} {} {}", step.stage, step.kind.name(), step.index));
    assert_eq!(shown.collect::<Vec<_>>(), ["tool.src.amd64 COPY 1", "tool RUN 2", "tool RUN 3"]);
}

#[test]
fn steps_of_many_stages_stand_in_the_order_of_the_stages_each_on_its_own() {
    let name = |number: usize| format!("s{number:03}");
    let builder = |number: usize| {
        let base = if number < 150 { image('a') } else { Base::Stage(name(number - 150)) };
        stage(&name(number), base, vec![run("first"), run(&format!("make {number}"))])
    };
    let copies = (0..300).map(|number| copy(&name(number), "/a", &format!("/{number}"), false));
    let last = stage("final", image('b'), copies.collect());
    let steps = of((0..300).map(builder).chain([last]).collect(), &[]);
    let told: Vec<(&str, u32)> = steps.iter().map(|step| (step.stage.as_str(), step.index)).collect();
    let names: Vec<String> = (0..300).map(name).collect();
    let first = |number: usize| if number < 150 { 2 } else { 1 };
    let both = |number: usize| [(names[number].as_str(), first(number)), (names[number].as_str(), first(number) + 1)];
    let expected: Vec<(&str, u32)> = (0..300).flat_map(both).chain((2..302).map(|index| ("final", index))).collect();
    assert_eq!(told, expected);
    for (at, step) in steps.iter().enumerate().take(600) {
        let below = match at % 2 {
            1 => Some(at - 1),
            _ if at < 300 => None,
            _ => Some(at - 300 + 1),
        };
        assert_eq!(step.below, below, "{step:?}");
    }
    assert_eq!((steps[600].below, steps[601].below), (None, Some(600)));
    let chains: BTreeSet<&Chain> = steps.iter().map(|step| &step.chain).collect();
    // All stages on the image begin with the same step.
    assert_eq!(chains.len(), 1 + 150 + 150 + 150 + 300);
}
