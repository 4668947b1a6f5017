//! The lock and the Dockerfile are functions of sets: any order of entries, any folder, any user, any language.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use deps::dockerfile;
use deps::plan::plan_key;
use deps::resolve::{self, Answer, Answers, Head, Question, Refresh, Refs};
use deps::workspace::Workspace;
use deps_lock::Lock;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::sandbox::Sandbox;

const REPOSITORIES: [(&str, &str); 8] = [
    ("core/nav2", "\"1.0\""),
    ("core/msgs", "main"),
    ("core", "heads/main"),
    ("tools/a", "^1"),
    ("tools/b", "0123456789012345678901234567890123456789"),
    ("vision", "tags/1.0"),
    ("z", "main"),
    ("ä ö", "main"),
];

const EXTENSIONS: [&str; 10] = [
    "ccache = \"*\"",
    "curl = \"^1\"",
    "git = \"*\"",
    "uv = \"*\"",
    "npm = { version = \"*\" }",
    "colcon = \"*\"",
    "fzf = \"*\"",
    "lazygit = \"*\"",
    "apt = { with = { packages = [\"tree\", \"jq\"] } }",
    "user = { with = { name = \"ada\", uid = 1234 } }",
];

/// What a permuted project comes to: the lock and the Dockerfile.
fn outcome(order: &[usize; 3], repositories: &[usize], extensions: &[usize], split: usize) -> (String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tables = [
        "[project]\nname = \"p\"\nbase = \"debian:12\"\n".to_owned(),
        "[[manifest]]\npath = \"a.repos\"\ndest = \"/ws/src\"\n\n[[manifest]]\npath = \"b.repos\"\ndest = \"/ws/src\"\n".to_owned(),
        format!("[extensions]\n{}\n", extensions.iter().map(|at| EXTENSIONS[*at]).collect::<Vec<_>>().join("\n")),
    ];
    let toml: String = order.iter().map(|at| format!("{}\n", tables[*at])).collect();
    fs::write(folder.path().join("deps.toml"), toml).expect("it can be written");
    for (name, part) in [("a.repos", &repositories[..split]), ("b.repos", &repositories[split..])] {
        let entry = |at: &usize| {
            let (path, version) = REPOSITORIES[*at];
            format!("  {path}: {{ version: {version}, url: 'https://git.example/{at}.git', type: git }}\n")
        };
        let text = format!("repositories:\n{}", part.iter().map(entry).collect::<String>());
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let loaded = Workspace::find(folder.path()).expect("a project").load().expect("a good project");
    let mut answers = answers();
    for question in resolve::questions(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers) {
        let Question::Archive { url } = &question else { panic!("no answer to {question:?}") };
        let digest = format!("sha256:{}", blake3::hash(url.as_bytes()).to_hex());
        answers.insert(question, Ok(Answer::Archive(digest)));
    }
    let resolution = resolve::pin(&loaded.wishes, &Lock::new(), &Refresh::Nothing, &answers).expect("every pin");
    let plans = loaded.plans(&resolution.lock).expect("a plan");
    (resolution.lock.to_string(), dockerfile::render(&plans, &plan_key(&plans)))
}

fn answers() -> Answers {
    let mut answers = Answers::new();
    for at in 0..REPOSITORIES.len() {
        let id = format!("{at:040}");
        let refs = Refs {
            head: Some(Head { rev: id.clone(), branch: Some("main".to_owned()) }),
            branches: BTreeMap::from([("main".to_owned(), id.clone())]),
            tags: BTreeMap::from([("1.0".to_owned(), id)]),
            others: BTreeMap::new(),
        };
        answers.insert(Question::Refs { url: format!("https://git.example/{at}.git") }, Ok(Answer::Refs(refs)));
    }
    let digest = format!("sha256:{}", "a".repeat(64));
    answers.insert(Question::Image { reference: "debian:12".to_owned() }, Ok(Answer::Image(digest)));
    answers
}

#[test]
fn any_order_of_entries_gives_the_same_bytes() {
    let numbers = |count: usize| (0..count).collect::<Vec<_>>();
    let expected = outcome(&[0, 1, 2], &numbers(8), &numbers(EXTENSIONS.len()), 8);
    let strategy = (
        Just(numbers(3)).prop_shuffle(),
        Just(numbers(8)).prop_shuffle(),
        Just(numbers(EXTENSIONS.len())).prop_shuffle(),
        0..=8_usize,
    );
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&strategy, |(tables, repositories, extensions, split)| {
            let order = [tables[0], tables[1], tables[2]];
            prop_assert_eq!(&outcome(&order, &repositories, &extensions, split), &expected);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Where and as whom one of many processes runs, and in which order the files that it finds came to be.
struct Surroundings {
    number: usize,
    /// A folder of its own, on one of two file systems.
    root: tempfile::TempDir,
    /// Another user than who runs the tests; only root can be others.
    user: Option<u32>,
}

/// One has a name on most machines, the others have none.
const USERS: [u32; 3] = [65534, 4321, 1_000_000];
const PROCESSES: usize = 40;

impl Surroundings {
    fn new(number: usize) -> Self {
        let systems = [std::env::temp_dir(), "/dev/shm".into()];
        let system = &systems[number % 2];
        let root = tempfile::Builder::new().prefix("deps-test-").tempdir_in(system).expect("both can be written");
        let is_root = fs::metadata(root.path()).expect("it was just made").uid() == 0;
        let user = USERS.get(number / 4 % (USERS.len() + 1)).copied().filter(|_| is_root);
        Self { number, root, user }
    }

    /// The folder of the project; for some deep, and with a name that is none in ASCII.
    fn project(&self) -> PathBuf {
        self.root.path().join(["p", "a n other/ä/p"][self.number / 2 % 2])
    }

    /// `items` in an order of this one's own.
    fn ordered<T: AsRef<str>>(&self, mut items: Vec<T>) -> Vec<T> {
        items.sort_by_key(|item| *blake3::hash(format!("{} {}", self.number, item.as_ref()).as_bytes()).as_bytes());
        items
    }

    /// Writes the project, and gives all of it to the user.
    fn write(&self, server: &str) {
        let extensions = ["ccache", "curl", "devtools", "fzf", "git", "jq", "locales", "nvim", "ssh_client", "user"];
        let lines = self.ordered(extensions.map(|name| format!("{name} = \"*\"\n")).to_vec()).concat();
        let tables = [
            "[project]\nname = \"p\"\nbase = \"debian:12@sha256:BASE\"\n".replace("BASE", &"a".repeat(64)),
            "[[manifest]]\npath = \"**/*.repos\"\ndest = \"/ws\"\n".to_owned(),
            format!("[extensions]\nmine = {{ path = \"mine\" }}\n{lines}"),
        ];
        let entry = |name: &&str| format!("  {name}: {{ type: git, url: {server}/{name}.git, version: 1.0 }}\n");
        let manifest = |names: &[&str]| {
            let entries = self.ordered(names.iter().map(entry).collect());
            format!("repositories:\n{}", entries.concat())
        };
        let extension = "[extension]\nname = \"mine\"\nversion = \"1.0.0\"\nsummary = \"x\"\n[inputs.data]\npath = \"data\"\n\
                         [builder]\nsnippet = \"b.Dockerfile\"\nnetwork = \"none\"\ncopy = [{ from = \"a/\", to = \"/opt/mine/\" }]\n";
        let mut files = BTreeMap::from([
            ("deps.toml".to_owned(), self.ordered(tables.to_vec()).join("\n")),
            ("one/u.repos".to_owned(), manifest(&["a", "b", "c"])),
            ("two/u.repos".to_owned(), manifest(&["d", "e"])),
            ("mine/extension.toml".to_owned(), extension.to_owned()),
            ("mine/b.Dockerfile".to_owned(), "RUN cp -r /deps/in/data {{ out }}/a\n".to_owned()),
        ]);
        files.extend((0..30).map(|number| (format!("mine/data/{}/{number}", number % 3), number.to_string())));
        for path in self.ordered(files.keys().collect()) {
            let file = self.project().join(path);
            fs::create_dir_all(file.parent().expect("it is in a folder")).expect("it can be made");
            fs::write(file, &files[path]).expect("it can be written");
        }
        self.give_away();
    }

    fn give_away(&self) {
        let Some(user) = self.user else { return };
        for entry in walkdir::WalkDir::new(self.root.path()).contents_first(true) {
            chown(entry.expect("it can be listed").path(), Some(user), Some(user)).expect("root gives what it has");
        }
    }

    /// Runs `deps` there; what it prints, or what is wrong.
    fn runs(&self, program: &Path, arguments: &[&str]) -> String {
        let folder = |name: &str| self.root.path().join(name);
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.project().join(["", "mine/data"][self.number % 2])).env_clear();
        command.env("PATH", std::env::var("PATH").expect("there is one")).env("HOME", folder("home"));
        command.env("DEPS_STORE", folder(&format!("store{}", self.number))).env("GIT_CONFIG_NOSYSTEM", "1");
        let language = ["C", "tr_TR.UTF-8", "de_DE.UTF-8", "ja_JP.eucJP", "POSIX"][self.number % 5];
        command.env(["LC_ALL", "LANG"][self.number / 5 % 2], language);
        command.env("TZ", ["UTC", "Asia/Kathmandu", "America/St_Johns"][self.number % 3]);
        command.env("USER", format!("user{}", self.number)).env("SOURCE_DATE_EPOCH", self.number.to_string());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let output = command.output().expect("it starts");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "process {} as {:?}: {arguments:?}: {talk}", self.number, self.user);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn whoever_runs_it_wherever_from_whatever_files_has_the_same_lock_and_dockerfile() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c", "d", "e"] {
        sandbox.git(name).file("f", name).tag("1.0").commit();
    }
    // Where everybody may read it.
    let place = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let program = place.path().join("deps");
    fs::copy(env!("CARGO_BIN_EXE_deps-cli"), &program).expect("it can be copied");
    let outcomes: BTreeSet<(String, String)> = (0..PROCESSES)
        .map(Surroundings::new)
        .map(|one| {
            one.write(&sandbox.server().url());
            one.runs(&program, &["lock"]);
            let lock = fs::read_to_string(one.project().join("deps.lock")).expect("it was written");
            (lock, one.runs(&program, &["dockerfile"]))
        })
        .collect();
    assert_eq!(outcomes.len(), 1, "{outcomes:#?}");
}
#[test]
fn folder_home_and_language_never_matter() {
    let project = |folder: &str, environment: Vec<(String, String)>| {
        let sandbox = Sandbox::with_environment(environment);
        sandbox.git_config("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n");
        sandbox.git("x").file("a", "1").tag("1.0").commit();
        sandbox.write(
            &format!("{folder}/deps.toml"),
            "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"u.repos\"\ndest = \"/ws\"\n",
        );
        sandbox.write(
            &format!("{folder}/u.repos"),
            "repositories:\n  x: { type: git, url: https://git.example/x.git, version: 1.0 }\n",
        );
        sandbox.write(&format!("{folder}/sub/keep"), "");
        sandbox.deps_in(&format!("{folder}/sub"), ["lock"]).succeeds();
        let dockerfile = sandbox.deps_in(folder, ["dockerfile"]).succeeds();
        (sandbox.read(&format!("{folder}/deps.lock")), dockerfile.stdout().to_owned())
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let one = project("one", Vec::new());
    let other = project(
        "an other/ä",
        vec![
            pair("LC_ALL", "tr_TR.UTF-8"),
            pair("TZ", "Asia/Kathmandu"),
            pair("SOURCE_DATE_EPOCH", "12345"),
            pair("USER", "somebody"),
        ],
    );
    assert_eq!(one, other);
}
