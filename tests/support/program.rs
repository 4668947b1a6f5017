//! A program under test, from its arguments to what it said.
//!
//! It decides how a test states an exit status and a whole output, and that a lock just written is always checked again,
//! with and without servers. It leaves out what the program sees: see [`super::sandbox`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use snapbox::IntoData;

use super::sandbox::Sandbox;

/// After this long a program is killed: longer than any build here, shorter than anybody's patience.
const TIMEOUT: Duration = Duration::from_secs(900);

/// A program about to run in the sandbox. It runs when its exit status is asked for.
#[must_use = "it runs when its exit status is asked for: `.succeeds()`, `.exits(code)` or `.runs()`"]
pub(crate) struct Program<'a> {
    sandbox: &'a Sandbox,
    path: String,
    /// What messages call it.
    name: String,
    arguments: Vec<String>,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    input: String,
    recheck: bool,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Run {
    /// The command line, for messages.
    line: String,
    /// `None` when a signal ended it.
    code: Option<i32>,
    stdout: Output,
    stderr: Output,
}

#[derive(Debug)]
struct Output {
    text: String,
    redacted: String,
}

impl<'a> Program<'a> {
    /// In the project's folder of `sandbox`, called by its path.
    pub(super) fn new(sandbox: &'a Sandbox, path: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Program {
            sandbox,
            path: path.to_string(),
            name: path.to_string(),
            arguments: arguments.into_iter().map(|argument| argument.as_ref().to_string()).collect(),
            folder: sandbox.path(""),
            environment: Vec::new(),
            input: String::new(),
            recheck: false,
        }
    }

    /// Gives it another name in messages.
    pub(super) fn called(mut self, name: &str) -> Self {
        self.name = name.to_string();
        self
    }

    /// Makes a check follow each lock that it writes.
    pub(super) fn with_recheck(mut self) -> Self {
        self.recheck = true;
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// Runs it in another folder: one of the project, or an absolute path.
    pub(crate) fn in_folder(mut self, folder: &str) -> Self {
        self.folder = self.sandbox.path(folder);
        self
    }

    /// Gives it this standard input; without, it is empty.
    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = text.to_string();
        self
    }

    /// Leaves out the check that otherwise follows a successful `deps lock` or `deps update`.
    pub(crate) fn without_recheck(mut self) -> Self {
        self.recheck = false;
        self
    }

    /// Runs it; it must exit with 0.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Run {
        self.exits(0)
    }

    /// Runs it; it must exit with `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Run {
        let run = self.runs();
        assert!(run.code == Some(code), "expected exit status {code}\n{run}");
        run
    }

    /// Starts it and does not wait for it; what it writes is nobody's.
    pub(crate) fn starts(self) -> std::process::Child {
        let mut command = std::process::Command::new(&self.path);
        command.args(&self.arguments).current_dir(&self.folder).env_clear();
        command.envs(self.sandbox.environment()).envs(self.environment.iter().cloned());
        let nobody = std::process::Stdio::null;
        let child = command.stdin(nobody()).stdout(nobody()).stderr(nobody()).spawn();
        child.unwrap_or_else(|error| panic!("`{}` does not start: {error}", self.path))
    }

    /// Runs it, however it ends.
    ///
    /// # Panics
    /// When it wrote a lock that `deps lock --check` then refuses, or for which the check asks the git server.
    #[track_caller]
    pub(crate) fn runs(self) -> Run {
        let run = self.run(&self.arguments);
        let check = self.arguments.iter().any(|argument| ["--check", "--help", "-h"].contains(&argument.as_str()));
        let writes_lock = self.arguments.first().is_some_and(|command| command == "lock" || command == "update");
        if self.recheck && writes_lock && !check && run.code == Some(0) {
            self.recheck();
        }
        run
    }

    #[track_caller]
    fn recheck(&self) {
        let requests = self.sandbox.requests();
        let check = ["lock".to_string(), "--check".to_string()];
        let again = self.run(&check);
        assert!(again.code == Some(0), "the lock just written is refused\n{again}");
        assert_eq!(self.sandbox.requests(), requests, "`deps lock --check` asks the git server");
        let alone = self.sandbox.servers_stopped(|_| self.run(&check));
        assert!(alone.code == Some(0), "the lock just written is refused when the servers are stopped\n{alone}");
    }

    fn run(&self, arguments: &[String]) -> Run {
        let mut command = assert_cmd::Command::new(&self.path);
        command.args(arguments).current_dir(&self.folder).env_clear();
        command.envs(self.sandbox.environment()).envs(self.environment.iter().cloned());
        let output = command.write_stdin(self.input.clone()).timeout(TIMEOUT).output();
        let output = output.unwrap_or_else(|error| panic!("`{}` does not start: {error}", self.path));
        let comparable = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("output is UTF-8");
            Output { redacted: self.sandbox.redacted(&text), text }
        };
        Run {
            line: format!("{} {}", self.name, arguments.join(" ")),
            code: output.status.code(),
            stdout: comparable(output.stdout),
            stderr: comparable(output.stderr),
        }
    }
}

impl Run {
    /// Compares the whole of standard output, redacted, with `str![…]`. `SNAPSHOTS=overwrite` updates the test.
    #[track_caller]
    pub(crate) fn stdout_is(self, expected: impl IntoData) -> Run {
        compare(self.stdout.redacted.clone(), expected);
        self
    }

    /// Compares the whole of standard error, redacted, with `str![…]`. `SNAPSHOTS=overwrite` updates the test.
    #[track_caller]
    pub(crate) fn stderr_is(self, expected: impl IntoData) -> Run {
        compare(self.stderr.redacted.clone(), expected);
        self
    }

    /// Compares standard error behind `begin`, with which it must begin, likewise.
    #[track_caller]
    pub(crate) fn stderr_after(self, begin: &str, expected: impl IntoData) -> Run {
        let rest = self.stderr.redacted.strip_prefix(begin);
        compare(rest.unwrap_or_else(|| panic!("it begins otherwise\n{self}")).to_owned(), expected);
        self
    }

    /// The exit code; none when a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }

    /// Standard output as it was.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text.clone()
    }

    /// Standard error as it was.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text.clone()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("ended by a signal".to_string(), |code| format!("exit status {code}"));
        let (stdout, stderr) = (&self.stdout.text, &self.stderr.text);
        write!(out, "$ {}\n{code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.line)
    }
}

/// Compares whole texts; `SNAPSHOTS=overwrite` in the environment writes `actual` into the test instead.
#[track_caller]
pub(super) fn compare(actual: String, expected: impl IntoData) {
    // A backslash is a backslash here (snapbox would make it a slash): Dockerfiles continue lines with it.
    let assert = snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV).normalize_paths(false);
    assert.eq(actual, expected);
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use snapbox::str;

    use super::{Program, Sandbox};

    #[test]
    fn whole_outputs_are_compared_with_times_and_folders_redacted() {
        let sandbox = Sandbox::new();
        let script = "echo in $PWD; cat; echo took 1.2s >&2; exit 3";
        let run = sandbox.program("sh", ["-c", script]).in_folder("..").input("a \\ b\n").exits(3);
        run.stdout_is(str![[r#"
in [ROOT]
a \ b

"#]])
            .stderr_is(str![[r#"
took [ELAPSED]

"#]]);
    }

    #[test]
    fn a_wrong_exit_status_shows_what_was_said() {
        let sandbox = Sandbox::new();
        let program = sandbox.program("sh", ["-c", "echo data; echo talk >&2; exit 3"]).called("deps");
        let expected = "expected exit status 0\n$ deps -c echo data; echo talk >&2; exit 3\nexit status 3\n\
            --- stdout\ndata\n\n--- stderr\ntalk\n";
        assert_eq!(failure(program), expected);
    }

    /// The message of the test that `program` fails; empty when it succeeds.
    fn failure(program: Program) -> String {
        let panic = catch_unwind(AssertUnwindSafe(|| program.succeeds())).err();
        panic
            .map(|panic| panic.downcast_ref::<String>().expect("panics here have messages").clone())
            .unwrap_or_default()
    }

    /// Runs `lock` of a `deps` for whose `lock --check` the shell script `check` stands in.
    fn failure_of_lock(sandbox: &Sandbox, check: &str) -> String {
        // An alias of git is a command of two words without a file that would have to be executable.
        sandbox.git_config(&format!("[alias]\n\tlock = \"!f() {{ test $# = 0 || {check}; }}; f\"\n"));
        failure(sandbox.program("git", ["lock"]).called("deps").with_recheck())
    }

    #[test]
    fn every_lock_is_checked_again_with_and_without_servers() {
        let sandbox = Sandbox::new();
        sandbox.git("nav2").file("package.xml", "<package/>").commit();
        assert_eq!(failure_of_lock(&sandbox, "test $1 = --check"), "");
        let refused = failure_of_lock(&sandbox, "exit 3");
        assert!(
            refused.starts_with("the lock just written is refused\n$ deps lock --check\nexit status 3"),
            "{refused}"
        );
        let asks = failure_of_lock(&sandbox, "git ls-remote $GIT/nav2.git");
        assert!(asks.contains("`deps lock --check` asks the git server"), "{asks}");
        // Opens a connection without a request on it.
        let connects = format!("bash -c ': < /dev/tcp/127.0.0.1/{}'", sandbox.server().port());
        let alone = failure_of_lock(&sandbox, &connects);
        assert!(alone.starts_with("the lock just written is refused when the servers are stopped\n"), "{alone}");
    }

    #[test]
    fn only_a_lock_just_written_is_checked_again() {
        let sandbox = Sandbox::new();
        sandbox.git_config("[alias]\n\tlock = \"!f() { echo ran >> log; }; f\"\n\tplan = !true\n");
        let deps = |arguments: &[&str]| sandbox.program("git", arguments).with_recheck();
        deps(&["lock", "--check"]).succeeds();
        deps(&["lock"]).without_recheck().succeeds();
        deps(&["plan"]).succeeds();
        assert_eq!(sandbox.read("log"), "ran\nran\n");
        deps(&["lock"]).succeeds();
        assert_eq!(sandbox.read("log"), "ran\n".repeat(5));
    }

    #[test]
    fn deps_is_the_program_that_cargo_built() {
        let sandbox = Sandbox::new();
        sandbox.write("robot/notes", "");
        let here = sandbox.deps(["no-such-command"]).exits(2);
        let there = sandbox.deps_in("robot", vec!["no-such-command".to_string()]).exits(2);
        assert!(here.stderr().contains("no-such-command"));
        assert_eq!((here.stdout(), here.stderr()), (there.stdout(), there.stderr()));
    }
}
