//! What a change makes of a build that there was. The procedure that deps_rocker was measured with (59 steps, of which an
//! addition ran a median of 39 again), on the catalogue: on plans for all of it, on a real engine for one case of each kind.
//! `benches/rebuilds` does all of it on the engine, and prints the table of `benches/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use deps::dockerfile;
use deps::extension::builtin_names;
use deps::plan::Plan;
use deps::plan::steps::{Chain, Circumstances, steps};
use deps::resolve::{self, Answer, Answers, Head, Question, Refresh, Refs};
use deps::workspace::Workspace;
use deps_lock::Lock;

use crate::support::engine::Engine;
use crate::support::rebuilds::{HEAD, Place, Rebuilt, Steps, by_numbers, rows, told};
use crate::support::sandbox::Sandbox;
use crate::support::stand_ins::{self, Bases};

/// The ten extensions that deps_rocker was measured with; it made the image's user, too.
const TEN: [&str; 10] = ["cargo", "ccache", "conda", "fzf", "lazygit", "npm", "nvim", "palanteer", "pixi", "uv"];

/// A project, as far as the cases differ.
#[derive(Clone, Default)]
struct Setup {
    /// Its extensions, with their values in `deps.toml`.
    extensions: BTreeMap<String, String>,
    /// Whether they stand in the other order.
    reversed: bool,
    /// Whether the base is another one; that of the builders stays.
    other_base: bool,
    /// The user who builds, another one than the extension's default.
    user: Option<&'static str>,
}

impl Setup {
    fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Setup {
        let line = |name: &str| (name.to_owned(), wish(name).to_owned());
        Setup { extensions: names.into_iter().map(line).collect(), ..Setup::default() }
    }

    fn ten() -> Setup {
        Setup::of(TEN).with("user")
    }

    fn with(&self, name: &str) -> Setup {
        self.with_wish(name, wish(name))
    }

    fn with_wish(&self, name: &str, wish: &str) -> Setup {
        let mut setup = self.clone();
        setup.extensions.insert(name.to_owned(), wish.to_owned());
        setup
    }

    fn without(&self, name: &str) -> Setup {
        let mut setup = self.clone();
        setup.extensions.remove(name);
        setup
    }

    fn deps_toml(&self, [base, other, builders]: [&str; 3]) -> String {
        let mut lines: Vec<String> = self.extensions.iter().map(|(name, wish)| format!("{name} = {wish}\n")).collect();
        if self.reversed {
            lines.reverse();
        }
        let base = if self.other_base { other } else { base };
        format!(
            "[project]\nname = \"rebuilds\"\nbase = \"{base}\"\nbuilder-base = \"{builders}\"\n[extensions]\n{}",
            lines.concat()
        )
    }

    fn arguments(&self) -> BTreeMap<String, String> {
        self.user.iter().map(|user| ("DEPS_USER_NAME".to_owned(), (*user).to_owned())).collect()
    }
}

/// What an extension does nothing without.
fn wish(name: &str) -> &'static str {
    match name {
        "apt" => "{ with = { packages = [\"tree\"] } }",
        "pip" => "{ with = { packages = [\"six==1.17.0\"] } }",
        _ => "\"*\"",
    }
}

/// A change.
struct Case {
    name: String,
    before: Setup,
    after: Setup,
    /// The extension that is another one afterwards: what it builds itself is expected to run.
    changed: Option<&'static str>,
    /// Whether the state afterwards is that of other cases before: then the builders must be new to the engine, too.
    is_known: bool,
}

impl Case {
    fn new(name: &str, before: Setup, after: Setup) -> Case {
        Case { name: name.to_owned(), before, after, changed: None, is_known: false }
    }
}

/// Each extension that the ten lack.
fn additions() -> Vec<Case> {
    let ten = Setup::ten();
    let names = builtin_names().into_iter().filter(|name| !ten.extensions.contains_key(*name));
    names.map(|name| Case::new(name, ten.clone(), ten.with(name))).collect()
}

/// Each of the ten, away.
fn removals() -> Vec<Case> {
    TEN.map(|name| Case::new(name, Setup::ten(), Setup::ten().without(name))).into()
}

/// Each of the ten, added to the nine others.
fn returns() -> Vec<Case> {
    let case = |name| Case { is_known: true, ..Case::new(name, Setup::ten().without(name), Setup::ten()) };
    TEN.map(case).into()
}

/// Each of the ten in another version: what the distribution has, by the package.
fn bumps() -> Vec<Case> {
    let package = |of, package: &str| {
        let pinned = Setup::ten().with_wish("apt", &format!("{{ with = {{ packages = [\"{package}=1.0\"] }} }}"));
        Case::new(of, Setup::ten(), pinned)
    };
    let option = |of, option: &str, version: &str| {
        let after = Setup::ten().with_wish(of, &format!("{{ with = {{ {option} = \"{version}\" }} }}"));
        Case { changed: Some(of), ..Case::new(of, Setup::ten(), after) }
    };
    vec![
        package("cargo", "cargo"),
        package("ccache", "ccache"),
        option("conda", "version", "26.3.2-4"),
        package("fzf", "fzf"),
        option("lazygit", "version", "0.65.2"),
        option("npm", "node", "24.21.1"),
        package("nvim", "neovim"),
        option("palanteer", "version", "v0.9"),
        option("pixi", "version", "0.73.1"),
        option("uv", "version", "0.13.9"),
    ]
}

fn other_user() -> Case {
    Case::new("other user", Setup::ten(), Setup { user: Some("alice"), ..Setup::ten() })
}

fn other_base() -> Case {
    Case::new("other base", Setup::ten(), Setup { other_base: true, ..Setup::ten() })
}

fn other_order() -> Case {
    Case::new("other order", Setup::ten(), Setup { reversed: true, ..Setup::ten() })
}

/// What any change may run again: the merged step of packages, and the user after it.
fn is_within_bounds(name: &str, rebuilt: &Rebuilt, merges: bool) {
    assert!(rebuilt.run <= 2, "{name}: more than packages and user: {rebuilt:?}");
    assert_eq!(rebuilt.builder, 0, "{name}: it runs in builders: {rebuilt:?}");
    assert!(!merges || rebuilt.copy == 0, "{name}: it copies again: {rebuilt:?}");
}

/// Plans, by the text that they are made from.
#[derive(Default)]
struct Plans(BTreeMap<String, Plan>);

impl Plans {
    /// What the plan says of a case, on an engine that makes `COPY --link` a layer of its own, and on one that does not.
    fn foreseen(&mut self, case: &Case, merges: bool) -> Rebuilt {
        let (before, after) = (self.steps(&case.before, merges), self.steps(&case.after, merges));
        let held: BTreeSet<&Chain> = before.iter().map(|(_, chain)| chain).collect();
        let after: Steps = after.into_iter().map(|(place, chain)| (place, !held.contains(&chain))).collect();
        Rebuilt::of(&before.into_iter().map(|(place, _)| place).collect(), &after, case.changed)
    }

    fn steps(&mut self, setup: &Setup, merges: bool) -> Vec<(Place, Chain)> {
        let text = setup.deps_toml(["debian:12", "debian:13", "debian:11"]);
        let plan = self.0.entry(text).or_insert_with_key(|text| planned(text));
        let inputs = dockerfile::input_stages(std::slice::from_ref(plan));
        let circumstances = Circumstances { arguments: setup.arguments(), merges, inputs };
        let steps = steps(plan, None, &circumstances).into_iter();
        steps.map(|step| (Place::of(plan, &step), step.chain)).collect()
    }

    /// The same of many cases, all within the bounds.
    fn all_foreseen(&mut self, cases: &[Case]) -> Vec<Rebuilt> {
        let both = |case: &Case| {
            let [merged, plain] = [true, false].map(|merges| self.foreseen(case, merges));
            is_within_bounds(&case.name, &merged, true);
            is_within_bounds(&case.name, &plain, false);
            assert_eq!(merged.run, plain.run, "{}: what runs has nothing to do with merging", case.name);
            merged
        };
        cases.iter().map(both).collect()
    }
}

fn planned(deps_toml: &str) -> Plan {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("deps.toml"), deps_toml).expect("it can be written");
    let loaded =
        Workspace::find(folder.path()).expect("a project").load().unwrap_or_else(|troubles| panic!("{troubles:?}"));
    let mut answers = Answers::new();
    for question in resolve::questions(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers) {
        let digest = |text: &str| format!("sha256:{}", blake3::hash(text.as_bytes()).to_hex());
        let answer = match &question {
            Question::Refs { url } => Answer::Refs(refs(url)),
            Question::Image { reference } => Answer::Image(digest(reference)),
            Question::Archive { url } => Answer::Archive(digest(url)),
            Question::File { url } => Answer::File(digest(url)),
            other => panic!("no answer to {other:?}"),
        };
        answers.insert(question, Ok(answer));
    }
    let resolution = resolve::pin(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers).expect("every pin");
    let plans = loaded.plans(&resolution.lock).unwrap_or_else(|problems| panic!("{problems:?}"));
    plans.into_iter().next().expect("a project has a platform")
}

fn refs(url: &str) -> Refs {
    let rev = |tag: &str| blake3::hash(format!("{url} {tag}").as_bytes()).to_hex()[..40].to_owned();
    Refs {
        head: Some(Head { rev: rev("main"), branch: Some("main".to_owned()) }),
        branches: BTreeMap::from([("main".to_owned(), rev("main"))]),
        tags: ["v0.8", "v0.9", "v1.0.1"].map(|tag| (tag.to_owned(), rev(tag))).into(),
        others: BTreeMap::new(),
    }
}

#[test]
fn an_addition_to_ten_extensions_runs_no_builder_and_copies_nothing_again() {
    let cases = additions();
    let all = Plans::default().all_foreseen(&cases);
    assert_eq!(cases.len() + Setup::ten().extensions.len(), builtin_names().len());
    let run: BTreeSet<usize> = all.iter().map(|one| one.run).collect();
    assert_eq!(run, BTreeSet::from([0, 2]), "some bring packages, some do not");
    let quiet = all.iter().filter(|one| one.run == 0).count();
    assert!(quiet * 2 > all.len(), "more than half run nothing again: {quiet} of {}", all.len());
}

#[test]
fn what_is_removed_bumped_or_put_back_disturbs_none_of_the_others() {
    let mut plans = Plans::default();
    for cases in [removals(), returns(), bumps()] {
        assert!(plans.all_foreseen(&cases).iter().all(|one| one.existing > 20), "ten extensions are many steps");
    }
}

#[test]
fn another_user_base_or_order_runs_what_it_must() {
    let mut plans = Plans::default();
    let [user, base, order] = [other_user(), other_base(), other_order()].map(|case| plans.foreseen(&case, true));
    assert_eq!((user.run, user.workdir, user.copy, user.builder), (1, 1, 0, 0), "the user, and the folder");
    assert_eq!((base.run, base.workdir, base.copy, base.builder), (2, 1, 0, 0), "packages and user");
    assert_eq!((order.steps(), order.link, order.new), (0, 0, 0));
}

/// Ten neighbours of the catalogue, and the one after them.
#[test]
fn any_ten_extensions_and_one_more_stay_within_the_bounds() {
    let names = builtin_names();
    let neighbours = |at: usize| names.iter().cycle().skip(at).copied();
    let case = |at: usize| {
        let before = Setup::of(neighbours(at).take(10));
        Case::new(names[at], before.clone(), before.with(neighbours(at + 10).next().expect("a cycle never ends")))
    };
    let mut plans = Plans::default();
    for case in (0..names.len()).map(case) {
        is_within_bounds(&case.name, &plans.foreseen(&case, true), true);
    }
}

/// A project on an engine whose bases hold stand-ins.
struct Bench<'a> {
    sandbox: &'a Sandbox,
    bases: Bases<'a>,
    /// The bases of the image, another one, and that of builders.
    shared: [String; 3],
    /// Whether the engine makes `COPY --link` a layer of its own.
    merges: bool,
    /// What was built before changes, by the project's text.
    before: BTreeMap<String, BTreeSet<Place>>,
    plans: Plans,
}

impl<'a> Bench<'a> {
    fn new(engine: &'a Engine, sandbox: &'a Sandbox, merges: bool) -> Bench<'a> {
        sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://github.com/\n");
        let unique = sandbox.root().to_string_lossy().into_owned();
        for (repository, tags) in [("dfeneyrou/palanteer", &["v0.8", "v0.9"][..]), ("github/spec-kit", &["v1.0.1"])] {
            for tag in tags {
                sandbox.git(repository).file("salt", &format!("{unique} {tag}")).tag(tag).commit();
            }
        }
        let bases = Bases::new(engine, sandbox);
        let shared = ["base", "other", "builders"].map(|name| bases.fresh(name));
        Bench { sandbox, bases, shared, merges, before: BTreeMap::new(), plans: Plans::default() }
    }

    /// What the engine does in cases that have no steps in common but those before: it does just what the plan says.
    fn rebuilt_together(&mut self, cases: Vec<Case>) {
        let bases = self.shared.clone();
        for case in cases {
            self.rebuilt(&case, bases.each_ref().map(String::as_str));
        }
    }

    /// What the engine does in each case, when it has seen nothing of it but builders.
    fn rebuilt_apart(&mut self, group: &str, cases: Vec<Case>) -> Vec<(String, Rebuilt)> {
        let rebuilt = |case: Case| {
            let name = format!("{group}-{}", case.name.replace(' ', "-"));
            let [mut base, other, mut builders] = self.shared.clone();
            // Where nothing changes there is nothing that another case could have built.
            if self.plans.foreseen(&case, self.merges).changes_the_image() {
                base = self.bases.fresh(&name);
            }
            if case.is_known {
                builders = self.bases.fresh(&format!("{name}-builders"));
            }
            let rebuilt = self.rebuilt(&case, [&base, &other, &builders]);
            (case.name, rebuilt)
        };
        cases.into_iter().map(rebuilt).collect()
    }

    fn rebuilt(&mut self, case: &Case, bases: [&str; 3]) -> Rebuilt {
        let text = case.before.deps_toml(bases);
        if !self.before.contains_key(&text) {
            let before = self.built(&case.before, bases).into_keys().collect();
            self.before.insert(text.clone(), before);
        }
        let after = self.built(&case.after, bases);
        let rebuilt = Rebuilt::of(&self.before[&text], &after, case.changed);
        is_within_bounds(&case.name, &rebuilt, self.merges);
        assert_eq!(rebuilt, self.plans.foreseen(case, self.merges), "{}: the engine, and the plan", case.name);
        rebuilt
    }

    fn built(&self, setup: &Setup, bases: [&str; 3]) -> Steps {
        self.sandbox.deps_toml(&setup.deps_toml(bases));
        stand_ins::serve(self.sandbox);
        self.sandbox.deps(["lock"]).without_recheck().succeeds();
        let mut arguments: Vec<String> =
            ["build", "--frozen", "--no-skip", "--progress", "json", "-t", "deps-test/rebuilds"]
                .map(String::from)
                .into();
        arguments.extend(setup.arguments().iter().map(|(name, value)| format!("--build-arg={name}={value}")));
        let run = self.sandbox.deps(arguments).succeeds();
        told(&run.stderr())
    }
}

/// The cases of these names.
fn some(mut cases: Vec<Case>, names: &[&str]) -> Vec<Case> {
    cases.retain(|case| names.contains(&case.name.as_str()));
    assert_eq!(cases.len(), names.len(), "{names:?}");
    cases
}

#[test]
fn the_engine_runs_again_what_the_plan_says_and_no_more() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let mut bench = Bench::new(&engine, &sandbox, true);
    // Files of its own; packages; what is copied where no layer can be linked.
    bench.rebuilt_together(some(additions(), &["claude", "jq", "locales"]));
    bench.rebuilt_together(some(removals(), &["lazygit"]));
    bench.rebuilt_together(some(bumps(), &["uv"]));
    bench.rebuilt_together(vec![other_user(), other_base(), other_order()]);
    engine.remove_image("deps-test/rebuilds");
}

/// A store that keeps an image as a chain of layers: there, what stands above something else is copied again.
#[test]
fn an_engine_that_cannot_merge_layers_runs_no_more_either() {
    let Some(engine) = Engine::twin() else { return };
    let Some(second) = engine.second_that_cannot_merge() else { return };
    let sandbox = Sandbox::with_environment(second.engine.environment());
    let mut bench = Bench::new(&second.engine, &sandbox, false);
    bench.rebuilt_together(some(additions(), &["claude", "jq"]));
    bench.rebuilt_together(vec![other_user()]);
}

/// The groups of cases, with what the peer does: steps of 59, least, median and most.
fn groups() -> [(&'static str, Vec<Case>, &'static str); 6] {
    [
        ("one added", additions(), "0 / 39 / 40"),
        ("one removed", removals(), "12 / 23 / 40"),
        ("one put back to nine", returns(), "12 / 23 / 40"),
        ("one in another version", bumps(), "14 / 24.5 / 40"),
        ("other user", vec![other_user()], "38"),
        ("other base", vec![other_base()], "59"),
    ]
}

/// All of it, for `benches/rebuilds`: by the plan alone in a moment, on an engine in minutes.
#[test]
#[ignore = "it is a measurement"]
fn the_whole_procedure() {
    let wanted = |name: &str| std::env::var(name).unwrap_or_default();
    let (on, part) = (wanted("REBUILDS_ON"), wanted("REBUILDS_PART"));
    let groups = groups().into_iter().filter(|(name, ..)| name.contains(&part));
    if on == "plan" || on == "plan-graph" {
        let mut plans = Plans::default();
        let mut of = |case: Case| (case.name.clone(), plans.foreseen(&case, on == "plan"));
        return groups
            .for_each(|(name, cases, peer)| tell(name, &cases.into_iter().map(&mut of).collect::<Vec<_>>(), peer));
    }
    let engine = Engine::twin().expect("a measurement needs an engine");
    let second = (on == "graph").then(|| engine.second_that_cannot_merge().expect("it starts"));
    let engine = second.as_ref().map_or(&engine, |second| &second.engine);
    let sandbox = Sandbox::with_environment(engine.environment());
    let mut bench = Bench::new(engine, &sandbox, second.is_none());
    for (name, cases, peer) in groups {
        tell(name, &bench.rebuilt_apart(&name.replace(' ', "-"), cases), peer);
    }
    engine.remove_image("deps-test/rebuilds");
}

fn tell(name: &str, all: &[(String, Rebuilt)], peer: &str) {
    let table = format!("{name}:\n\n{HEAD}{}\n{}\n", rows(name, all, peer), by_numbers(all));
    // Not println!, which the lints keep out of tests.
    std::io::stdout().write_all(table.as_bytes()).expect("standard output is open");
}
