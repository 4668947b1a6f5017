//! Real manifests of public repositories, and what vcstool's own reader makes of them.
//!
//! The files are no part of this repository (their licenses differ); where they are absent, the tests say so and pass.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "reads the corpus, and says what it found")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use deps::manifest::{self, Manifest, Problem};
use deps::resolve::{LoadedManifest, ManifestEntry, Wishes};
use deps::source::{Located, Source};
use serde_json::Value;
use snapbox::str;

use crate::support::engine::say_skipped;

/// Files that vcstool reads and `deps` refuses: the beginning of the name, words of the message, and why.
const REFUSED: [(&str, &str, &str); 7] = [
    ("manifests/D-Robotics+robot_dev_config/ros2", "leads out of its folder", "checkouts beside the destination"),
    ("weird/Arena-Rosnav+arena-rosnav__.rosinstall@", "leads out of its folder", "checkouts beside the destination"),
    ("weird/Arena-Rosnav+arena-rosnav__arena.repos@e5061fb948", "scheme `hhttps`", "no tool can fetch it"),
    ("weird/shadow-robot+sr-build-tools__data__projects__autopic.rosinstall@", "holds a placeholder", "a template"),
    ("weird/tier4+AutowareArchitectureProposal.proj__autoware.proj.repos@2005db7069", "U+200B", "an invisible name"),
    (
        "weird/tier4+AutowareArchitectureProposal.proj__autoware.proj.repos@73ed6c13ed",
        "no number",
        "`host:owner/` after `https://` is no port",
    ),
    (
        "weird/vcstools+rosinstall__test__rosinstalls__distro_stack.rosinstall@",
        "unknown type `stack`",
        "vcstool cannot fetch it either",
    ),
];

/// Files that vcstool refuses and `deps` reads: the beginning of the name, the number of entries, and why.
const READ: [(&str, usize, &str); 6] = [
    ("manifests/Boeing+modular_navigation/hd_map__.rosinstall", 0, "empty"),
    ("manifests/Busboombot+ros_idx6dof/.rosinstall", 0, "empty"),
    ("manifests/FRC900+2018RobotCode/.rosinstall", 0, "empty"),
    ("manifests/shadow-robot+sr-build-tools/data__empty.rosinstall", 0, "empty"),
    ("weird/B", 0, "empty"),
    ("weird/gazebo-tooling+gazebodistro__collection-jetty.yaml@", 0, "`extends` only"),
];

#[test]
fn every_real_manifest_is_read_or_refused_with_a_place_and_a_reason() {
    let Some(corpus) = corpus() else { return };
    let (mut read, mut refused, mut warned) = (0, String::new(), 0);
    for (name, text) in files(&corpus, &["manifests", "weird", "history"]) {
        match parse(&name, &text) {
            Ok(manifest) => {
                read += 1;
                warned += usize::from(!manifest.warnings.is_empty());
            }
            Err(problems) => {
                check_messages(&name, &text, &problems);
                refused.extend(problems.iter().map(|problem| format!("{problem}\n")));
            }
        }
    }
    println!("{read} manifests read, {warned} of them with warnings");
    assert_eq!((read, warned), (788, 62));
    snapbox::assert_data_eq!(
        refused,
        str![[r#"
manifests/D-Robotics+robot_dev_config/ros2.repos:170:3: the repository name `../tros_arm_build` leads out of its folder with `..`
manifests/D-Robotics+robot_dev_config/ros2.repos:182:3: the repository name `../../sysroot_docker` leads out of its folder with `..`
manifests/D-Robotics+robot_dev_config/ros2_alpha.repos:170:3: the repository name `../tros_arm_build` leads out of its folder with `..`
manifests/D-Robotics+robot_dev_config/ros2_alpha.repos:182:3: the repository name `../../sysroot_docker` leads out of its folder with `..`
manifests/Maya-AQSS+dev_infra/.repos:2:1: a manifest is a mapping with `repositories` or a rosinstall list, but this is text
manifests/zchen24+rosinstalls/deprecated__latest.rosinstall:1:1: no `repositories` at the top level, which has `git`
weird/5yncr+main__.repos@d5ca920616:1:1: a manifest is a mapping with `repositories` or a rosinstall list, but this is text
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:4:17: the repository name `../utils/flatland` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:9:17: the repository name `../utils/stable-baselines3` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:14:17: the repository name `../utils/navigation/msgs/ford` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:19:17: the repository name `../utils/pedsim_ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:24:17: the repository name `../utils/jackal` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:28:17: the repository name `../utils/3rd-party-robot-packages` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:34:17: the repository name `../utils/arena-simulation-setup` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:39:17: the repository name `../utils/arena-utils` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:44:17: the repository name `../utils/task-generator` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:56:17: the repository name `../planners/rosnav` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:61:17: the repository name `../planners/arena-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:66:17: the repository name `../planners/cadrl-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:71:17: the repository name `../planners/crowdnav-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:76:17: the repository name `../planners/rlca-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:81:17: the repository name `../planners/sarl-star` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@4c4c3f3b34:86:17: the repository name `../planners/mpc` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:4:17: the repository name `../utils/flatland` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:9:17: the repository name `../utils/stable-baselines3` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:14:17: the repository name `../utils/navigation/msgs/ford` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:19:17: the repository name `../utils/pedsim_ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:24:17: the repository name `../utils/jackal` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:28:17: the repository name `../utils/3rd-party-robot-packages` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:34:17: the repository name `../utils/arena-simulation-setup` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:39:17: the repository name `../utils/arena-utils` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:44:17: the repository name `../utils/task-generator` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:56:17: the repository name `../planners/rosnav` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:61:17: the repository name `../planners/arena-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:66:17: the repository name `../planners/cadrl-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:71:17: the repository name `../planners/crowdnav-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:76:17: the repository name `../planners/rlca-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:81:17: the repository name `../planners/sarl-star` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@6ad863f312:86:17: the repository name `../planners/mpc` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:3:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:8:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:13:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:18:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:23:3: an item of a rosinstall list has one key, its type, but this one has 3: `git`, `local-name`, `uri`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:27:3: an item of a rosinstall list has one key, its type, but this one has 3: `git`, `local-name`, `uri`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:33:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:38:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:45:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:50:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:55:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:60:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:65:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:70:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@c2793e252e:75:3: an item of a rosinstall list has one key, its type, but this one has 4: `git`, `local-name`, `uri`, `version`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:4:17: the repository name `../utils/flatland` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:9:17: the repository name `../utils/stable-baselines3` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:14:17: the repository name `../utils/navigation/msgs/ford` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:19:17: the repository name `../utils/pedsim_ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:24:17: the repository name `../utils/jackal` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:28:17: the repository name `../utils/3rd-party-robot-packages` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:34:17: the repository name `../utils/arena-simulation-setup` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:39:17: the repository name `../utils/arena-utils` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:44:17: the repository name `../utils/task-generator` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:56:17: the repository name `../planners/rosnav` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:61:17: the repository name `../planners/arena-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:66:17: the repository name `../planners/cadrl-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:71:17: the repository name `../planners/crowdnav-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:76:17: the repository name `../planners/rlca-ros` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:81:17: the repository name `../planners/sarl-star` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__.rosinstall@e33a9c0bfd:86:17: the repository name `../planners/mpc` leads out of its folder with `..`
weird/Arena-Rosnav+arena-rosnav__arena.repos@e5061fb948:71:10: the url of repository `gazebo/turtlebot4_simulator` has the scheme `hhttps`, which git does not know
weird/MIT-SPARK+Kimera-VIO-ROS__install__kimera_vio_ros_https.rosinstall@35a3254e3b:55:1: not valid YAML: while parsing a block collection, did not find expected '-' indicator
weird/MIT-SPARK+Kimera-VIO-ROS__install__kimera_vioros_ssh.rosinstall@35a3254e3b:49:1: not valid YAML: while parsing a block collection, did not find expected '-' indicator
weird/MIT-SPARK+Kimera-VIO-ROS__install__spark_vio.rosinstall@a189e347f9:14:2: not valid YAML: tabs disallowed within this context (block indentation)
weird/Maya-AQSS+dev_infra__.repos@1552174482:2:1: a manifest is a mapping with `repositories` or a rosinstall list, but this is text
weird/PlanSys2+ros2_planning_system__dependency_repos.repos@ec008a1232:16:10: not valid YAML: mapping values are not allowed in this context
weird/RCPRG-ros-pkg+RCPRG_rosinstall__common_velma.rosinstall@240279250a:23:72: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
weird/TAMS-Group+rosinstalls__melodic-tams-ur5-setup-pick-place.rosinstall@f66a4a407b:40:2: not valid YAML: while parsing a block collection, did not find expected '-' indicator
weird/gazebo-tooling+gazebodistro__ign-rendering1.yaml@dcebf68069:3:1: a second document starts here, but a manifest is one document
weird/jhu-lcsr+rosinstalls__deprecated__latest.rosinstall@aee6b0c8c2:1:1: no `repositories` at the top level, which has `git`
weird/jsk-ros-pkg+jsk_demos__.rosinstall@ab4dada65f:19:2: not valid YAML: while parsing a block collection, did not find expected '-' indicator
weird/micro-ROS+micro_ros_setup__micro_ros_setup__config__agent_uros_packages.repos@5df693f700:2:3: no `repositories` at the top level, which has `eProsima/Micro-XRCE-DDS-Agent`
weird/micro-ROS+micro_ros_setup__micro_ros_setup__config__agent_uros_packages.repos@e89c6a8314:4:3: no `repositories` at the top level, which has `uros/uROS_agent`
weird/micro-ROS+micro_ros_setup__micro_ros_setup__config__client_uros_packages.repos@57abdad21a:26:9: not valid YAML: simple key expect ':'
weird/moveit+moveit2__moveit2.repos@126d62fb8a:11:1: a conflict of a merge is not resolved here
weird/shadow-robot+sr-build-tools__data__projects__autopic.rosinstall@96a42f6f0d:2:10: the url of repository `autopic` holds a placeholder
weird/tier4+AutowareArchitectureProposal.proj__autoware.proj.repos@2005db7069:73:3: the repository name `simulator//u{200b}awml_evaluation` holds the invisible character U+200B
weird/tier4+AutowareArchitectureProposal.proj__autoware.proj.repos@73ed6c13ed:52:10: the url of repository `vendor/grid_map` has a port that is no number
weird/tier4+AutowareArchitectureProposal.proj__autoware.proj.repos@73ed6c13ed:60:10: the url of repository `vendor/filters` has a port that is no number
weird/vcstools+rosinstall__test__rosinstalls__distro_stack.rosinstall@131d74aec4:4:3: repository `common_msgs` has the unknown type `stack`
weird/zchen24+rosinstalls__deprecated__latest.rosinstall@aee6b0c8c2:1:1: no `repositories` at the top level, which has `git`

"#]]
    );
}

fn check_messages(name: &str, text: &str, problems: &[Located<Problem>]) {
    assert!(!problems.is_empty(), "{name}");
    for problem in problems {
        let (line, column) = problem.place.line_column();
        assert!(text.get(problem.place.span.clone()).is_some(), "{name}: {problem}");
        let prefix = format!("{name}:{line}:{column}: ");
        assert!(problem.to_string().strip_prefix(&prefix).is_some_and(|reason| !reason.is_empty()), "{problem}");
    }
}

#[test]
fn real_manifests_mean_what_vcstool_makes_of_them() {
    let Some(corpus) = corpus() else { return };
    let oracle: BTreeMap<String, Value> =
        serde_json::from_str(&fs::read_to_string(corpus.join("ORACLE.json")).expect("the oracle")).expect("JSON");
    let (mut equal, mut entries, mut explained, mut differences) = (0, 0, 0, Vec::new());
    for (name, answer) in &oracle {
        let text = fs::read_to_string(corpus.join(name)).expect("the corpus has it");
        let expected = oracle_entries(answer);
        match (parse(name, &text).map(|manifest| manifest_entries(&manifest)), expected) {
            (Ok(found), Some(expected)) if found == expected => {
                equal += 1;
                entries += found.len();
            }
            (Err(problems), Some(_)) if is_refused(name, &problems) => explained += 1,
            (Ok(found), None) if is_read(name, found.len()) => explained += 1,
            (Err(_), None) => {}
            (found, expected) => differences.push(format!("{name}: {found:#?} instead of {expected:#?}")),
        }
    }
    let all = oracle.len();
    println!("{equal} of {all} manifests mean the same to vcstool ({entries} entries), {explained} differ as listed");
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    assert!(equal > 500, "the corpus is complete");
}

fn is_refused(name: &str, problems: &[Located<Problem>]) -> bool {
    let explains = |words: &str| problems.iter().all(|problem| problem.to_string().contains(words));
    REFUSED.iter().any(|(file, words, _)| name.starts_with(file) && explains(words))
}

fn is_read(name: &str, entries: usize) -> bool {
    READ.iter().any(|(file, count, _)| name.starts_with(file) && *count == entries)
}

/// Path → type, url and version of each entry.
type Entries = BTreeMap<String, [String; 3]>;

/// Returns what vcstool reads; none where it refuses.
fn oracle_entries(answer: &Value) -> Option<Entries> {
    let answer = answer.get("both").unwrap_or(&answer["vcstool-0.3.0"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if !answer["result"].as_str()?.starts_with("ok") {
        return None;
    }
    let entry = |(path, entry): (&String, &Value)| (path.clone(), [0, 1, 2].map(|field| text(&entry[field])));
    Some(answer["repos"].as_object().into_iter().flatten().map(entry).collect())
}

fn manifest_entries(manifest: &Manifest) -> Entries {
    let entries = manifest.repositories.iter().map(|repository| {
        let version = repository.version.as_ref().map(|version| version.value.clone()).unwrap_or_default();
        (repository.path.value.clone(), [repository.kind.value.to_string(), repository.url.value.clone(), version])
    });
    entries.collect()
}

fn parse(name: &str, text: &str) -> Result<Manifest, Vec<Located<Problem>>> {
    manifest::parse(&Source::new(name, text))
}

/// Returns the corpus beside the repository, or says that it is absent.
fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !path.is_dir() {
        say_skipped("../shared/corpus", "the folder is absent");
        return None;
    }
    Some(path)
}

/// Returns name and text of every manifest below `folders`, sorted.
fn files(corpus: &Path, folders: &[&str]) -> Vec<(String, String)> {
    let walk = folders.iter().flat_map(|folder| walkdir::WalkDir::new(corpus.join(folder)).sort_by_file_name());
    let paths = walk.map(|entry| entry.expect("the corpus is readable").into_path());
    let manifests = paths.filter(|path| path.is_file() && path.extension().is_none_or(|extension| extension != "tsv"));
    let file = |path: PathBuf| {
        let name = path.strip_prefix(corpus).expect("it is below").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("the corpus is text"))
    };
    manifests.map(file).collect()
}

#[test]
fn real_manifests_ask_for_what_can_be_pinned() {
    let Some(corpus) = corpus() else { return };
    let toml = "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"a.repos\"\ndest = \"/ws/src\"\n";
    let project = deps::project::parse(&Source::new("deps.toml", toml)).expect("a good project");
    let (mut kinds, mut unpinned) = (BTreeMap::<String, usize>::new(), Vec::new());
    for (name, text) in files(&corpus, &["manifests", "weird", "history"]) {
        let source = Source::new(name.as_str(), text.as_str());
        let Ok(manifest) = manifest::parse(&source) else { continue };
        let entry = |repository| ManifestEntry { repository, source: source.clone(), folder: "/project".to_owned() };
        let entries = manifest.repositories.into_iter().map(entry).collect();
        let loaded = LoadedManifest { wish: project.manifests[0].clone(), entries };
        match Wishes::gather(&project, &[loaded], BTreeMap::new(), &[]) {
            Ok(wishes) => {
                for wish in wishes.repositories.values() {
                    *kinds.entry(wish.kind.to_string()).or_default() += 1;
                }
            }
            Err(problems) => unpinned.extend(problems.iter().map(ToString::to_string)),
        }
    }
    println!("wishes by type: {kinds:?}");
    assert!(["git", "hg", "svn", "tar", "zip"].iter().all(|kind| kinds.contains_key(*kind)), "{kinds:?}");
    assert!(unpinned.is_empty(), "{}", unpinned.join("\n"));
}
