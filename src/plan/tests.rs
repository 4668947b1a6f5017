//! Plans as functions of sets, and the golden vectors of the stage key's encoding.

use std::collections::BTreeMap;

use semver::Version;

use super::*;
use crate::digest;
use crate::extension::{AccountValue, Action, Builder, Copy, Network, Run as SnippetRun, Running, Snippet, Step, Tier};
use crate::project;
use crate::source::Source;

fn project(extra: &str) -> Project {
    let text = format!("[project]\nname = \"p\"\nbase = \"debian:12\"\n{extra}");
    project::parse(&Source::new("deps.toml", text)).expect("the project is good")
}

fn image(reference: &str, digit: char) -> Base {
    Base::Image { reference: reference.to_owned(), digest: format!("sha256:{}", digit.to_string().repeat(64)) }
}

fn run(command: &str) -> Step {
    Step { action: Action::Run(SnippetRun { mounts: Vec::new(), network: None, command: command.to_owned() }), line: 1 }
}

fn extension(name: &str) -> Configured {
    Configured {
        name: name.to_owned(),
        version: Version::new(1, 0, 0),
        tier: Tier::Tool,
        after: BTreeSet::new(),
        caches: true,
        apt_builder: BTreeSet::new(),
        apt_runtime: BTreeSet::new(),
        inputs: BTreeMap::new(),
        builders: Vec::new(),
        files: BTreeMap::new(),
        env: BTreeMap::new(),
        path: Vec::new(),
        runtime: None,
        user: None,
        account: None,
        cache_mounts: Vec::new(),
        conflicts: BTreeSet::new(),
        running: Running::default(),
        test: None,
    }
}

fn built(name: &str, command: &str, to: &str) -> Configured {
    let snippet = Snippet {
        file: format!("extensions/{name}/builder.Dockerfile"),
        steps: vec![run(command)],
        rendered: Default::default(),
    };
    let copies = vec![Copy { from: format!("/opt/deps/{name}/"), to: to.to_owned() }];
    let builder = Builder { stage: format!("{name}-builder"), from: None, snippet, network: Network::Default, copies };
    Configured { builders: vec![builder], apt_builder: BTreeSet::from(["make".to_owned()]), ..extension(name) }
}

fn checkout(path: &str, digit: char) -> Checkout {
    let tree = digit.to_string().repeat(40);
    Checkout { set: "main".to_owned(), path: path.to_owned(), dest: "/ws/src".to_owned(), tree, fetched: None }
}

fn planned(project: &Project, extensions: &[Configured], checkouts: &[Checkout]) -> Result<Plan, Vec<Problem>> {
    let (base, builder_base) = (image("debian:12", 'a'), image("debian:12", 'a'));
    let ingredients = Ingredients { project, base, builder_base, extensions, inputs: &[], checkouts };
    plan(&ingredients, &Platform::default())
}

fn keys(plan: &Plan) -> BTreeMap<String, String> {
    plan.stages.iter().map(|stage| (stage.name.clone(), stage.key.to_string())).collect()
}

#[test]
fn golden_stage_keys() {
    let tools = [built("make_tool", "pip install x", "/usr/local/bin/"), extension("ccache")];
    let plan = planned(&project(""), &tools, &[checkout("a", '1'), checkout("b/c", '2')]).unwrap();
    let mut found = String::new();
    for stage in &plan.stages {
        found.push_str(&format!("{} {}\n", stage.name, stage.key));
    }
    found.push_str(&format!("plan {}\n", plan_key(&[plan])));
    // A project of its own: the keys above are those of the first version.
    let tree = digest::archive_id("tar", &"3".repeat(64), "tool-1.0");
    let archive = Checkout { tree, ..checkout("d", '0') };
    let stages = keys(&planned(&project(""), &[], &[archive]).unwrap());
    let (name, key) = stages.iter().find(|(name, _)| name.starts_with("src-")).unwrap();
    found.push_str(&format!("archive {name} {key}\n"));
    snapbox::assert_data_eq!(found, snapbox::file!["golden.txt"]);
}

#[test]
fn the_order_of_extensions_and_checkouts_never_matters() {
    let tools = [built("a", "make a", "/opt/a/"), built("b", "make b", "/opt/b/"), extension("c")];
    let sources = [checkout("x", '1'), checkout("y", '2'), checkout("z", '3')];
    let one = planned(&project(""), &tools, &sources).unwrap();
    let mut reversed = (tools.to_vec(), sources.to_vec());
    reversed.0.reverse();
    reversed.1.reverse();
    let other = planned(&project(""), &reversed.0, &reversed.1).unwrap();
    let names = |plan: &Plan| plan.stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    assert_eq!(keys(&one), keys(&other));
}

#[test]
fn adding_an_extension_changes_no_key_but_its_own_and_the_image_s() {
    let tools = [built("a", "make a", "/opt/a/"), built("c", "make c", "/opt/c/")];
    let before = keys(&planned(&project(""), &tools, &[checkout("x", '1')]).unwrap());
    let more = [tools[0].clone(), built("b", "make b", "/opt/b/"), tools[1].clone()];
    let after = keys(&planned(&project(""), &more, &[checkout("x", '1')]).unwrap());
    let changed: Vec<&String> =
        before.iter().filter(|(name, key)| after.get(*name) != Some(*key)).map(|(name, _)| name).collect();
    assert_eq!(changed, ["final"]);
}

#[test]
fn one_bumped_repository_changes_its_own_stage_and_the_image() {
    let mut sources: Vec<Checkout> = (0..60).map(|n| checkout(&format!("repo{n}"), '1')).collect();
    let before = keys(&planned(&project(""), &[], &sources).unwrap());
    sources[7].tree = "2".repeat(40);
    let after = keys(&planned(&project(""), &[], &sources).unwrap());
    let changed = before.iter().filter(|(name, key)| after.get(*name) != Some(*key)).count();
    assert_eq!(changed, 2);
    assert_eq!(before.keys().filter(|name| name.starts_with("src-main-")).count(), 16);
}

#[test]
fn another_base_leaves_every_builder_alone() {
    let tools = [built("a", "make a", "/opt/a/")];
    let project = project("");
    let with = |base: Base| {
        let builder_base = image("debian:12", 'a');
        let ingredients =
            Ingredients { project: &project, base, builder_base, extensions: &tools, inputs: &[], checkouts: &[] };
        keys(&plan(&ingredients, &Platform::default()).unwrap())
    };
    let (one, other) = (with(image("debian:12", 'a')), with(image("debian:13", 'b')));
    assert_eq!(one["a-builder"], other["a-builder"]);
    assert_ne!(one["runtime"], other["runtime"]);
}

#[test]
fn nested_checkouts_share_a_stage_and_the_outer_one_comes_first() {
    let sources = [checkout("outer/inner", '2'), checkout("outer", '1'), checkout("other", '3')];
    let plan = planned(&project(""), &[], &sources).unwrap();
    let stage = plan.stages.iter().find(|stage| stage.instructions.len() == 2 && stage.kind == Kind::Sources).unwrap();
    let to = |instruction: &Instruction| {
        if let Instruction::CopyTree(copy) = instruction { copy.to.clone() } else { String::new() }
    };
    assert_eq!(stage.instructions.iter().map(to).collect::<Vec<_>>(), ["/ws/src/outer/", "/ws/src/outer/inner/"]);
}

#[test]
fn a_thousand_extensions_and_repositories_stay_under_the_engines_limits() {
    let tools: Vec<Configured> =
        (0..1000).map(|n| built(&format!("tool{n}"), "make", &format!("/opt/tool{n}/"))).collect();
    let sources: Vec<Checkout> = (0..2000).map(|n| checkout(&format!("repo{n}"), '1')).collect();
    let plan = planned(&project(""), &tools, &sources).unwrap();
    for stage in &plan.stages {
        let most = if stage.kind == Kind::Final { 100 } else { 60 };
        assert!(stage.instructions.len() < most, "{} has {}", stage.name, stage.instructions.len());
    }
    let nested: Vec<Checkout> =
        (0..200).map(|n| checkout(&format!("outer/repo{n}"), '1')).chain([checkout("outer", '2')]).collect();
    let plan = planned(&project(""), &[], &nested).unwrap();
    assert!(plan.stages.iter().all(|stage| stage.instructions.len() < 60));
}

#[test]
fn a_circle_is_named() {
    let after = |name: &str, other: &str| Configured { after: BTreeSet::from([other.to_owned()]), ..extension(name) };
    let tools = [after("a", "b"), after("b", "c"), after("c", "b")];
    let problems = planned(&project(""), &tools, &[]).expect_err("a circle");
    assert_eq!(problems[0].to_string(), "extensions need each other in a circle: b → c → b");
}

#[test]
fn contradictions_are_all_named() {
    let value = |text: &str| AccountValue { value: text.to_owned(), fixed: false };
    let account = || Some(Account { name: value("dev"), uid: value("1000"), gid: value("1000") });
    let env = |text: &str| BTreeMap::from([("A".to_owned(), text.to_owned())]);
    let tools = [
        Configured { account: account(), env: env("1"), ..built("a", "x", "/usr/local/bin/x") },
        Configured { account: account(), env: env("2"), ..built("b", "x", "/usr/local/bin/x") },
    ];
    let problems: Vec<_> =
        planned(&project(""), &tools, &[]).expect_err("three").iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "extensions `a` and `b` both make the image's user",
            "extensions `a` and `b` both set `A`",
            "extensions `a` and `b` both install `/usr/local/bin/x`",
        ]
    );
}

#[test]
fn a_builder_without_network_is_pure() {
    let mut tool = built("a", "make", "/opt/a/");
    tool.apt_builder.clear();
    tool.builders[0].network = Network::None;
    let plan = planned(&project(""), &[tool, built("b", "make", "/opt/b/")], &[]).unwrap();
    assert!(plan.stage("a-builder").unwrap().impure.is_empty());
    let impure: Vec<_> = plan.stage("b-builder").unwrap().impure.iter().cloned().collect();
    let apt = plan.stages.iter().find(|stage| stage.kind == Kind::Apt).unwrap();
    assert_eq!(impure, [format!("from `{}`", apt.name), "network in extensions/b/builder.Dockerfile:1".to_owned()]);
}
