//! ROS: its packages from its repository, and a project's checkouts built with colcon.

use deps::extension::{Configured, Extension, Input, builtin};
use deps::project;
use deps::source::Source;
use snapbox::str;

use crate::support::apt::{Packages, passed_on};
use crate::support::engine::Engine;
use crate::support::programs::are_installed;
use crate::support::sandbox::Sandbox;

/// Where the key of `ros` is.
const KEY: &str = "ros/rosdistro/eb71c289f4495a0327cd03a29205a2c411cd8129/ros.asc";

const SETUP: &str = "export AMENT_PREFIX_PATH=/opt/ros/jazzy ROS_DISTRO=jazzy\n";

#[test]
fn ros_and_cuda_come_from_repositories_whose_keys_are_in_the_lock() {
    let Some(engine) = Engine::twin() else { return };
    if !are_installed(&["dpkg-deb", "gpg"]) {
        return;
    }
    let sandbox = Sandbox::with_environment(engine.environment());
    sandbox.mirrors(&["raw.githubusercontent.com", "developer.download.nvidia.com"]);
    let packages = Packages::signed_by(&sandbox, "ros");
    let program = "#!/bin/sh\ncase $1 in pkg) echo ament_index_python;; *) echo 1.0;; esac\n";
    packages
        .package(
            "ros-jazzy-ros-core",
            &[
                ("opt/ros/jazzy/setup.sh", SETUP),
                ("opt/ros/jazzy/setup.bash", SETUP),
                ("opt/ros/jazzy/bin/ros2", program),
            ],
        )
        .package("ros-jazzy-ros-base", &[("opt/ros/jazzy/setup.sh", SETUP)])
        .package("ros-jazzy-demo-nodes-cpp", &[("opt/ros/jazzy/demo", "")])
        .package("ros-jazzy-rmw-cyclonedds-cpp", &[("opt/ros/jazzy/lib/librmw_cyclonedds_cpp.so", "")])
        .package("python3-rosdep", &[("usr/bin/rosdep", program)])
        .package("cuda-toolkit-12-9", &[("usr/local/cuda-12.9/bin/nvcc", "#!/bin/sh\necho release 12.9\n")])
        .publish(&sandbox.root().join("git/files/ubuntu"));
    sandbox.serve(&format!("raw.githubusercontent.com/{KEY}"), packages.key().as_bytes());
    sandbox.serve(
        "developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/3bf863cc.pub",
        packages.key().as_bytes(),
    );
    let server = format!("http://{}/files/ubuntu", passed_on(&engine.gateway(), sandbox.server().port()));
    // A suite of the name that the extension asks for.
    std::fs::rename(
        sandbox.root().join("git/files/ubuntu/dists/stable"),
        sandbox.root().join("git/files/ubuntu/dists/bookworm"),
    )
    .unwrap();
    sandbox.deps_toml(&format!(
        "[project]\nname = \"deps-ros\"\nbase = \"{}\"\n[build]\nca-certificates = true\n[extensions]\n\
         ros = {{ with = {{ packages = [\"ros-core\", \"demo_nodes_cpp\"], suite = \"bookworm\", repository = \"{server}\" }} }}\nrmw = \"*\"\n\
         ros_underlay = {{ with = {{ distro = \"jazzy\" }} }}\n\
         cuda = {{ with = {{ system = \"debian12\", repository = \"{server}\" }} }}\n",
        engine.base()
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["test", "--frozen"]).succeeds();
    // Commands need no login shell.
    let run = sandbox
        .deps(["run", "--", "sh", "-c", "ros2 --help; echo $AMENT_PREFIX_PATH $ROS_DISTRO $RMW_IMPLEMENTATION"])
        .succeeds();
    engine.remove_image("deps-ros");
    assert_eq!(run.stdout(), "1.0\n/opt/deps/ros_underlay:/opt/ros/jazzy jazzy rmw_cyclonedds_cpp\n");
}

const CORE: &str = "cmake_minimum_required(VERSION 3.10)\nproject(core CXX)\nadd_library(core SHARED core.cpp)\n\
    install(TARGETS core EXPORT core DESTINATION lib)\ninstall(EXPORT core FILE core-config.cmake DESTINATION share/core)\n";
const APP: &str = "cmake_minimum_required(VERSION 3.10)\nproject(app CXX)\nfind_package(core REQUIRED)\nadd_executable(app app.cpp)\n\
    target_link_libraries(app core)\ninstall(TARGETS app DESTINATION bin)\n";
const APP_XML: &str = "<package format=\"3\"><name>app</name><version>1.0.0</version><description>a</description>\
    <maintainer email=\"a@example.org\">a</maintainer><license>MIT</license><depend>core</depend>\
    <export><build_type>cmake</build_type></export></package>\n";
const TALK: &str = "from setuptools import setup\nsetup(name='talk', version='1.0', py_modules=['talk'])\n";

/// An extension that says what the `ccache` cache mount counts, whenever `when` is another number.
fn peeks(sandbox: &Sandbox) {
    sandbox.write(
        "peek/extension.toml",
        "[extension]\nname = \"peek\"\nversion = \"1.0.0\"\nsummary = \"Counts\"\n[options.when]\ntype = \"integer\"\ndefault = 1\n\
         help = \"when\"\n[apt]\nbuilder = [\"ccache\"]\n[builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\n\
         copy = [{ from = \"./\", to = \"/opt/deps/peek/\" }]\n[[cache]]\nid = \"ccache\"\ntarget = \"/root/.ccache\"\n",
    );
    sandbox.write(
        "peek/b.Dockerfile",
        "RUN : {{ options.when }} && mkdir -p {{ out }} && CCACHE_DIR=/root/.ccache ccache --print-stats > {{ out }}/stats\n",
    );
}

/// Hits of ccache so far, as an image says that `peek` is in.
fn hits(engine: &Engine) -> usize {
    let stats = engine.run_image("deps-underlay", &["cat", "/opt/deps/peek/stats"]);
    let counts = stats.lines().filter_map(|line| line.split_once('\t'));
    counts.filter(|(name, _)| name.ends_with("_cache_hit")).map(|(_, count)| count.parse::<usize>().unwrap()).sum()
}

#[test]
fn checkouts_are_built_into_one_prefix_and_what_is_unchanged_comes_from_ccache() {
    let Some(engine) = Engine::twin() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let app = |number: u8| format!("int core();\nint main() {{ return core() - {number}; }}\n");
    sandbox.git("core").file("CMakeLists.txt", CORE).file("core.cpp", "int core() { return 7; }\n").tag("1.0").commit();
    sandbox
        .git("app")
        .file("CMakeLists.txt", APP)
        .file("package.xml", APP_XML)
        .file("app.cpp", &app(7))
        .tag("1.0")
        .commit();
    sandbox.git("app").file("app.cpp", "int main() {\n").tag("2.0").commit();
    sandbox.git("app").file("app.cpp", &format!("// Once more.\n{}", app(7))).tag("3.0").commit();
    sandbox.git("talk").file("setup.py", TALK).file("talk.py", "print('hello')\n").tag("1.0").commit();
    sandbox.git("left").file("COLCON_IGNORE", "").file("CMakeLists.txt", "nonsense(\n").tag("1.0").commit();
    sandbox.manifest(
        "repositories:\n  core: { type: git, url: $GIT/core.git, version: '1.0' }\n  apps/app: { type: git, url: $GIT/app.git, version: '1.0' }\n  \
         talk: { type: git, url: $GIT/talk.git, version: '1.0' }\n  left: { type: git, url: $GIT/left.git, version: '1.0' }\n",
    );
    peeks(&sandbox);
    let project = |when: u8| {
        sandbox.deps_toml(&format!(
            "[project]\nname = \"deps-underlay\"\nbase = \"{}\"\n[build]\nca-certificates = true\n[[manifest]]\npath = \"underlay.repos\"\n\
             dest = \"/ws/src\"\n[extensions]\nros_underlay = {{ with = {{ select = [\"app\", \"talk\"] }} }}\npeek = {{ path = \"peek\", with = {{ when = {when} }} }}\n",
            engine.base()
        ));
    };
    let build = |version: &str, to: &str, when: u8| {
        sandbox.edit("underlay.repos", &format!("app.git, version: '{version}'"), &format!("app.git, version: '{to}'"));
        project(when);
        sandbox.deps(["lock"]).succeeds();
        sandbox.deps(["build", "--frozen", "--stage", "ros_underlay-builder"]).runs()
    };
    let first = build("1.0", "1.0", 1);
    assert!(first.stderr().contains("built"), "{first}");
    sandbox.deps(["test", "--frozen"]).succeeds();
    engine.run_image("deps-underlay", &["sh", "-c", "app && python3 -m talk && test ! -e /root/.ccache"]);
    engine.run_image("deps-underlay", &["bash", "-lc", "app && test \"$CMAKE_PREFIX_PATH\" = /opt/deps/ros_underlay"]);
    let before = hits(&engine);
    // What a package says when it fails is shown.
    let failed = build("1.0", "2.0", 2);
    assert!(failed.stderr().contains("app.cpp:1:13: error: expected"), "{failed}");
    let again = build("2.0", "3.0", 3);
    assert!(again.stderr().contains("built"), "{again}");
    sandbox.deps(["test", "--frozen"]).succeeds();
    let after = hits(&engine);
    assert!(after > before, "{before} hits, then {after}");
    engine.remove_image("deps-underlay");
}

/// The built-in extension `name` with these options.
fn configured(name: &str, with: &str) -> Configured {
    let text =
        format!("[project]\nname = \"p\"\nbase = \"scratch\"\n[extensions]\n{name} = {{ with = {{ {with} }} }}\n");
    let project = project::parse(&Source::new("deps.toml", text)).unwrap();
    let extension = Extension::read(name, &format!("extensions/{name}"), builtin(name).unwrap()).unwrap();
    extension.configure(&project.source, project.extensions.get(name)).unwrap()
}

/// Where `ros` takes packages from, who signs them, and the Python that they are for.
fn origin(with: &str) -> String {
    let found = configured("ros", with);
    let [repository] = &found.apt_repositories[..] else { panic!("one repository") };
    let Input::Url(key) = &found.inputs["key"] else { panic!("a url") };
    let key = key.example().rsplit('/').next().unwrap().to_owned();
    let python = found.paths["PYTHONPATH"][0].rsplit('/').nth(1).unwrap().to_owned();
    format!("{} {} {key} {python}", repository.url, repository.suite)
}

#[test]
fn every_distribution_has_its_repository_release_and_python() {
    let today = "http://packages.ros.org/ros2/ubuntu";
    assert_eq!(origin("distro = \"humble\""), format!("{today} jammy ros.asc python3.10"));
    assert_eq!(origin("distro = \"jazzy\""), format!("{today} noble ros.asc python3.12"));
    assert_eq!(origin("distro = \"kilted\", suite = \"bookworm\""), format!("{today} bookworm ros.asc python3.11"));
    assert_eq!(origin("distro = \"rolling\""), format!("{today} resolute ros.asc python3.14"));
    assert_eq!(
        origin("snapshot = \"2026-09-11\""),
        "http://snapshots.ros.org/jazzy/2026-09-11/ubuntu noble \
         lookup?op=get&search=0x4B63CF8FDE49746E98FA01DDAD19BAB3CBF125EA python3.12"
    );
    assert_eq!(
        origin("repository = \"https://mirror.example/ros\", key = \"https://mirror.example/own.asc\""),
        "https://mirror.example/ros noble own.asc python3.12"
    );
}

#[test]
fn the_middleware_is_a_package_of_the_distribution_and_no_other() {
    let rmw = |with: &str| {
        let found = configured("rmw", with);
        let package = found.apt_runtime.first().unwrap().clone();
        format!("{package} {}", found.env["RMW_IMPLEMENTATION"])
    };
    assert_eq!(rmw("implementation = \"zenoh\""), "ros-jazzy-rmw-zenoh-cpp rmw_zenoh_cpp");
    assert_eq!(rmw("distro = \"humble\", implementation = \"connextdds\""), "ros-humble-rmw-connextdds rmw_connextdds");
    let sandbox = Sandbox::new();
    sandbox.mirrors(&["raw.githubusercontent.com"]);
    sandbox.serve(&format!("raw.githubusercontent.com/{KEY}"), b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
    sandbox.deps_toml(&format!(
        "[project]\nname = \"p\"\nbase = \"ubuntu:24.04@sha256:{}\"\n[extensions]\nrmw = {{ with = {{ distro = \"humble\" }} }}\n",
        "a".repeat(64)
    ));
    sandbox.deps(["lock"]).succeeds();
    sandbox.deps(["plan"]).exits(1).stderr_is(str![[r#"
error: extensions `ros` and `rmw` both set `ROS_DISTRO`

"#]]);
}
