//! Plans as functions of sets, and the golden vectors of the stage key's encoding.

use std::collections::BTreeMap;

use semver::Version;
use snapbox::IntoData as _;

use super::*;
use crate::digest;
use crate::extension::{
    AccountValue, Action, AptKey, AptRepository, Builder, Copy, Network, Run as SnippetRun, Running, Snippet, Step,
    Tier,
};
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
        apt_repositories: Vec::new(),
        apt_repositories_of: BTreeSet::new(),
        inputs: BTreeMap::new(),
        builders: Vec::new(),
        files: BTreeMap::new(),
        env: BTreeMap::new(),
        path: Vec::new(),
        paths: BTreeMap::new(),
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
    let stage = format!("{name}-builder");
    let builder = Builder { stage, from: None, snippet, inputs: None, network: Network::Default, copies };
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
    found.push_str(&format!("plan {}\n", plan_key(std::slice::from_ref(&plan))));
    let args = BTreeMap::from([("WORD".to_owned(), "given".to_owned())]);
    found.push_str(&format!("build {}\n", build_key(&[plan], &args, &["linux/amd64".to_owned()], 315_532_800)));
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

fn packaged(name: &str, url: &str, key: &str) -> Configured {
    let key = File { path: "a.asc".to_owned(), executable: false, content: key.into() };
    let repository = AptRepository {
        name: "shop".to_owned(),
        url: url.to_owned(),
        suite: "noble".to_owned(),
        components: vec!["main".to_owned()],
        architectures: Vec::new(),
        key: AptKey::File(key),
        is_binary: false,
    };
    let apt_runtime = BTreeSet::from([format!("{name}-bin")]);
    Configured { apt_repositories: vec![repository], apt_runtime, ..built(name, "make", &format!("/opt/{name}/")) }
}

#[test]
fn extensions_with_one_repository_have_it_once() {
    let tools = [packaged("a", "http://x.org/debian", "key"), packaged("b", "http://x.org/debian", "key")];
    let plan = planned(&project(""), &tools, &[]).unwrap();
    let Some(Instruction::Run(run)) = plan.stage("runtime").unwrap().instructions.first() else { panic!("a RUN") };
    snapbox::assert_data_eq!(
        run.command.clone(),
        snapbox::str![[r#"
rm -f /etc/apt/apt.conf.d/docker-clean \
    && install -D -m 644 /deps/apt/shop/deps-shop.sources /etc/apt/sources.list.d/deps-shop.sources \
    && install -D -m 644 /deps/apt-keys/shop/* /usr/share/keyrings/deps-shop.asc \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        a-bin \
        b-bin \
    && rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache
"#]]
        .raw()
    );
    let targets: Vec<&str> = run
        .mounts
        .iter()
        .filter_map(|mount| if let Mount::Tree { target, .. } = mount { Some(target.as_str()) } else { None })
        .collect();
    assert_eq!(targets, ["/deps/apt-keys/shop", "/deps/apt/shop"]);
    let texts = plan.folders.iter().flat_map(|folder| &folder.files);
    let sources = texts.into_iter().find(|file| file.path == "deps-shop.sources").unwrap();
    snapbox::assert_data_eq!(
        String::from_utf8(sources.content.clone()).unwrap(),
        snapbox::str![[r#"
Types: deb
URIs: http://x.org/debian
Suites: noble
Components: main
Signed-By: /usr/share/keyrings/deps-shop.asc

"#]]
    );
    // Both builders want `make` from the same places.
    assert_eq!(plan.stages.iter().filter(|stage| stage.kind == Kind::Apt).count(), 1);
}

#[test]
fn another_key_or_url_is_another_stage_and_one_name_is_one_repository() {
    let runtime = |tool: Configured| keys(&planned(&project(""), &[tool], &[]).unwrap())["runtime"].clone();
    let first = runtime(packaged("a", "http://x.org/debian", "key"));
    assert_ne!(first, runtime(packaged("a", "http://x.org/debian", "other")));
    assert_ne!(first, runtime(packaged("a", "http://y.org/debian", "key")));
    let tools = [packaged("a", "http://x.org/debian", "key"), packaged("b", "http://x.org/debian", "other")];
    let problems = planned(&project(""), &tools, &[]).expect_err("two keys");
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["extensions `a` and `b` have different repositories of Debian packages called `shop`"]
    );
}

#[test]
fn a_builder_sees_the_repositories_that_its_extension_names() {
    let shop = packaged("shop", "https://x.org/debian", "key");
    let tool = Configured { apt_repositories_of: BTreeSet::from(["shop".to_owned()]), ..built("a", "make", "/opt/a/") };
    let stage =
        |tools: &[Configured]| match &planned(&project(""), tools, &[]).unwrap().stage("a-builder").unwrap().base {
            Base::Stage(name) => name.clone(),
            other => panic!("{other:?}"),
        };
    let alone = stage(std::slice::from_ref(&tool));
    assert_ne!(stage(&[tool.clone(), shop.clone()]), alone);
    assert_eq!(stage(&[built("a", "make", "/opt/a/"), shop]), alone);
}

#[test]
fn folders_of_a_later_extension_stand_first_in_a_search_path() {
    let paths = |folder: &str| BTreeMap::from([("LD_LIBRARY_PATH".to_owned(), vec![folder.to_owned()])]);
    let under = Configured { paths: paths("/opt/under"), ..extension("under") };
    let over =
        Configured { paths: paths("/opt/over"), after: BTreeSet::from(["under".to_owned()]), ..extension("over") };
    let plan = planned(&project(""), &[over.clone(), under.clone()], &[]).unwrap();
    let value = "/opt/over:/opt/under${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}".to_owned();
    let expected = Instruction::Env { name: "LD_LIBRARY_PATH".to_owned(), value };
    assert!(plan.image().instructions.contains(&expected), "{:?}", plan.image().instructions);
    let env = BTreeMap::from([("LD_LIBRARY_PATH".to_owned(), "/x".to_owned())]);
    let problems = planned(&project(""), &[under, Configured { env, ..extension("z") }], &[]).expect_err("both");
    assert_eq!(problems[0].to_string(), "extensions `z` and `under` both set `LD_LIBRARY_PATH`");
}

#[test]
fn the_key_of_a_build_is_another_one_for_everything_that_decides_the_image() {
    let plans = [planned(&project(""), &[], &[checkout("a", '1')]).unwrap()];
    let others = [planned(&project(""), &[], &[checkout("a", '2')]).unwrap()];
    let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let (none, amd, arm) = (BTreeMap::new(), ["linux/amd64".to_owned()], ["linux/arm64".to_owned()]);
    let keys = [
        build_key(&plans, &none, &amd, 1),
        build_key(&others, &none, &amd, 1),
        build_key(&plans, &one("A", "b"), &amd, 1),
        build_key(&plans, &one("Ab", ""), &amd, 1),
        build_key(&plans, &one("A", "c"), &amd, 1),
        build_key(&plans, &none, &arm, 1),
        build_key(&plans, &none, &amd, 2),
    ];
    assert_eq!(BTreeSet::from(keys).len(), keys.len());
}
