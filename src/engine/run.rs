#![expect(clippy::disallowed_methods, reason = "this file starts the engines' processes and reads what they leave")]
//! Asks engines what they are, and runs builds: the only place of `engine/` that starts processes.
//!
//! A build runs in a process group of its own, so that a Ctrl-C at the terminal reaches it through us and once. The
//! caller owns the signal handler and says through a flag that the user wants to stop; the build is then told to, more
//! firmly after a while. Leaves out showing: every event is given to the caller as it comes.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::held::Call;
use super::invocation::{Invocation, InvocationError, invocation};
use super::probe::{Answer, Facts, Found, NoEngine, decide, says_all};
use super::progress::{Event, reader};
use super::summary::{Outcome, Summary};
use super::text::printable;
use super::{Build, Choice, Engine};

/// How long an engine may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the flag of the caller is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How long a build that was told to stop may take before it is told more firmly.
const GRACE: Duration = Duration::from_secs(10);

/// How long output is waited for after the program itself has ended: something that it started may hold the pipe.
const LINGER: Duration = Duration::from_secs(2);

/// Why a build could not be performed. A build that was performed and failed is an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The build cannot be put into a program call.
    #[error(transparent)]
    Invocation(#[from] InvocationError),
    /// The program did not start.
    #[error("cannot start `{program}`")]
    CannotStart {
        /// The program.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file that the program reads cannot be written.
    #[error("cannot write `{}`", .path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user stopped the build.
    #[error("interrupted")]
    Interrupted,
}

/// Why a program did not say what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It did not start, or said nothing for a long time.
    #[error("cannot ask `{program}`: {cause}")]
    CannotStart {
        /// Its name.
        program: &'static str,
        /// The system's answer.
        cause: io::Error,
    },
    /// It failed; the last line that it said.
    #[error("the engine does not answer: {0}")]
    Refused(String),
}

/// A build that was performed.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// What it came to.
    pub outcome: Outcome,
    /// The image, `sha256:<64 hex>`, as the engine wrote it; `None` after a failure or when nothing was exported.
    ///
    /// It names the image in the engine's own store: `docker run` takes it.
    pub image: Option<String>,
}

/// Which builder of buildx is to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder<'a> {
    /// This one.
    Named(&'a str),
    /// The one that the environment names; buildx knows which.
    Current,
    /// Docker's own: there is no other, so that buildx need not be asked.
    Own,
}

/// Asks the programs of this machine what they are, and returns the engine to build with.
///
/// # Errors
/// As [`decide`].
pub fn probe(choice: Choice, builder: Builder<'_>) -> Result<Found, NoEngine> {
    let named = matches!(builder, Builder::Named(_));
    let choice = if named && choice == Choice::Auto { Choice::Only(Engine::Buildx) } else { choice };
    let facts = if choice == Choice::Only(Engine::Buildctl) { Facts::default() } else { facts(builder) };
    if !choice.engines().contains(&Engine::Buildctl) || decide(choice, &facts).is_ok() {
        return decide(choice, &facts);
    }
    // A buildkitd that is not there is waited for: it is asked last.
    let since = Instant::now();
    let [version, workers] = [&["--version"][..], &["debug", "workers", "--verbose"]].map(|call| ask("buildctl", call));
    decide(choice, &Facts { buildctl: answer(version, since), workers: answer(workers, since), ..facts })
}

fn facts(builder: Builder<'_>) -> Facts {
    let info: &[&str] = &["info", "--format", "{{json .}}"];
    if builder == Builder::Own {
        let [info] = all([info]);
        if says_all(&info) {
            return Facts { info, own: true, ..Facts::default() };
        }
    }
    let named = if let Builder::Named(name) = builder { Some(format!("--builder={name}")) } else { None };
    let inspect: Vec<&str> = ["buildx"].into_iter().chain(named.as_deref()).chain(["inspect"]).collect();
    let [info, builder] = all([info, &inspect]);
    if says_all(&info) {
        return Facts { info, builder, ..Facts::default() };
    }
    let version = &["version", "--format", "{{json .}}"];
    let store = &["info", "--format", "{{json .DriverStatus}} {{.ID}}"];
    let [docker, buildx, store] = all([version, &["buildx", "version"], store]);
    Facts { docker, buildx, builder, store, ..Facts::default() }
}

/// Returns what `docker` says to each of `calls`, all asked at once.
fn all<const N: usize>(calls: [&[&str]; N]) -> [Answer; N] {
    let since = Instant::now();
    calls.map(|call| ask("docker", call)).map(|asked| answer(asked, since))
}

/// Returns what `docker` says to each of `calls`, all asked at once.
pub(super) fn answers(calls: &[Vec<&str>]) -> Vec<Answer> {
    let since = Instant::now();
    let asked: Vec<io::Result<Child>> = calls.iter().map(|call| ask("docker", call)).collect();
    asked.into_iter().map(|asked| answer(asked, since)).collect()
}

fn ask(program: &str, args: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

fn answer(asked: io::Result<Child>, since: Instant) -> Answer {
    match asked.and_then(|child| waited(child, since)) {
        Ok((status, text, _)) if status.success() => Answer::Text(text),
        Ok((_, _, said)) => Answer::Failed(said),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::NoProgram,
        Err(error) => Answer::Failed(error.to_string()),
    }
}

/// Makes `call` and returns what its program says, however long that takes.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn asked(call: &Call) -> Result<String, AskError> {
    let Call { program, arguments } = call;
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|cause| AskError::CannotStart { program, cause })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing was said");
    Err(AskError::Refused(printable(last)))
}

/// Returns the status, the output and the talk of `child`, which says little enough for a pipe to hold.
fn waited(mut child: Child, since: Instant) -> io::Result<(ExitStatus, String, String)> {
    while child.try_wait()?.is_none() {
        if since.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("nothing said within {} s", PATIENCE.as_secs())));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((output.status, text(output.stdout), text(output.stderr)))
}

/// Builds `build` on `found`; gives every event to `on`; stops soon after `interrupted` becomes true.
///
/// # Errors
/// When the build cannot be expressed for this engine, the engine does not start, or the user stops it. A build
/// that fails is no error: see [`Outcome::failed`].
pub fn build(
    found: &Found,
    build: &Build,
    interrupted: &AtomicBool,
    on: &mut dyn FnMut(&Event),
) -> Result<Built, RunError> {
    let call = invocation(found, build)?;
    let since = Instant::now();
    let mut summary = Summary::default();
    let mut progress = reader(found.format);
    let mut note = |event: Event| {
        summary.note(&event);
        on(&event);
    };
    _ = std::fs::remove_file(&build.metadata); // a digest of an earlier build must not be taken for this one's
    let status = run(&call, interrupted, &mut |bytes| progress.feed(bytes, &mut note))?;
    progress.finish(&mut note);
    let outcome = summary.outcome(status.success(), since.elapsed());
    let written = std::fs::read_to_string(&build.metadata).ok().filter(|_| status.success());
    Ok(Built { outcome, image: written.and_then(|text| image(found.engine, &text)) })
}

/// What buildx writes; <https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file>.
#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "containerimage.digest")]
    digest: Option<String>,
    #[serde(rename = "containerimage.config.digest")]
    config: Option<String>,
}

fn image(engine: Engine, written: &str) -> Option<String> {
    let digest = match engine {
        Engine::Docker => written.trim().to_owned(),
        Engine::Buildx | Engine::Buildctl => {
            serde_json::from_str::<Metadata>(written).ok().and_then(|m| m.digest.or(m.config))?
        }
    };
    self::digest(&digest)
}

/// Returns `text` when it is `sha256:<64 hex>`.
pub(super) fn digest(text: &str) -> Option<String> {
    let hex = text.strip_prefix("sha256:")?;
    let fit = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    fit.then(|| text.to_owned())
}

/// Runs `call` to its end, or stops it when `interrupted` becomes true; gives its standard error to `take`.
fn run(call: &Invocation, interrupted: &AtomicBool, take: &mut dyn FnMut(&[u8])) -> Result<ExitStatus, RunError> {
    let failed = |source| RunError::CannotStart { program: call.program, source };
    write(call)?;
    let mut child = start(call).map_err(failed)?;
    let output = output(&mut child, call);
    let mut stop = Stop::default();
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        match output.recv_timeout(TICK) {
            Ok(bytes) => take(&bytes),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if interrupted.load(Ordering::Relaxed) {
            stop.firmly(&child);
        }
        if ended.is_none() {
            ended = child.try_wait().map_err(failed)?.map(|status| (status, Instant::now()));
        }
        if ended.is_some_and(|(_, at)| at.elapsed() > LINGER) {
            break;
        }
    }
    let status = child.wait().map_err(failed)?;
    if stop.asked.is_some() { Err(RunError::Interrupted) } else { Ok(status) }
}

fn write(call: &Invocation) -> Result<(), RunError> {
    let Some((path, text)) = &call.file else { return Ok(()) };
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| std::fs::write(path, text));
    written.map_err(|source| RunError::CannotWrite { path: path.clone(), source })
}

fn start(call: &Invocation) -> io::Result<Child> {
    let mut command = Command::new(call.program);
    command.args(&call.args).envs(&call.env).process_group(0);
    for name in &call.env_remove {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Starts the threads that write the Dockerfile and read both outputs; standard output, where an engine prints at
/// most the image's id, is read and dropped.
fn output(child: &mut Child, call: &Invocation) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::sync_channel(64);
    if let (Some(mut stdin), text) = (child.stdin.take(), call.stdin.clone()) {
        thread::spawn(move || stdin.write_all(text.as_bytes())); // an engine that stops reading says why itself
    }
    if let Some(mut stdout) = child.stdout.take() {
        thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
    }
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || forward(stderr, &send));
    }
    receive
}

fn forward(mut from: impl Read, to: &SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.send(buffer[..length].to_vec()).is_err() {
            return;
        }
    }
}

/// The signals that a build was sent.
#[derive(Debug, Default)]
struct Stop {
    asked: Option<Instant>,
    sent: usize,
}

impl Stop {
    /// Sends the next signal when it is due: at once INT, then TERM, then KILL, each a while after the one before.
    fn firmly(&mut self, child: &Child) {
        let since = self.asked.get_or_insert_with(Instant::now).elapsed();
        let signals = [(Duration::ZERO, "INT"), (GRACE, "TERM"), (GRACE * 2, "KILL")];
        for (due, signal) in signals.into_iter().skip(self.sent) {
            if since >= due {
                signal_group(signal, child.id());
                self.sent += 1;
            }
        }
    }
}

/// The shell's own `kill` is everywhere; the program of that name is not.
fn signal_group(signal: &str, group: u32) {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", signal, &group.to_string()]);
    _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shell(script: &str, stdin: &str) -> Invocation {
        Invocation {
            program: "sh",
            args: vec!["-c".into(), script.into()],
            env: BTreeMap::from([("SET", "here")]),
            env_remove: vec!["HOME"],
            stdin: stdin.into(),
            file: None,
        }
    }

    #[test]
    fn input_larger_than_a_pipe_goes_in_and_all_of_it_comes_out() {
        let text = "0123456789abcde\n".repeat(20_000);
        let mut output = Vec::new();
        let call = shell("echo lost; cat >&2; echo \"$SET ${HOME-gone}\" >&2; exit 3", &text);
        let status = run(&call, &AtomicBool::new(false), &mut |bytes| output.extend_from_slice(bytes)).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(String::from_utf8(output).unwrap(), text + "here gone\n");
    }

    #[test]
    fn an_interrupt_reaches_the_whole_group() {
        let (stop, since) = (AtomicBool::new(false), Instant::now());
        let result = run(&shell("sh -c 'echo ready >&2; exec sleep 60'; exit 0", ""), &stop, &mut |_| {
            stop.store(true, Ordering::Relaxed);
        });
        assert!(matches!(result, Err(RunError::Interrupted)), "{result:?}");
        assert!(since.elapsed() < GRACE, "{:?}", since.elapsed());
    }

    #[test]
    fn something_left_behind_that_holds_the_pipe_is_not_waited_for() {
        let since = Instant::now();
        let status = run(&shell("sleep 8 & exit 0", ""), &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert!(status.success() && since.elapsed() < Duration::from_secs(7), "{:?}", since.elapsed());
    }

    #[test]
    fn a_program_that_is_not_there_cannot_start() {
        let call = Invocation { program: "no-such-program-of-deps", ..shell("", "") };
        let error = run(&call, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program-of-deps`");
    }

    #[test]
    fn the_image_is_read_from_what_each_engine_writes() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let metadata = format!("{{\"buildx.build.ref\":\"x\",\"containerimage.digest\":\"{digest}\"}}");
        assert_eq!(image(Engine::Buildx, &metadata), Some(digest.clone()));
        assert_eq!(image(Engine::Docker, &format!("{digest}\n")), Some(digest));
        assert_eq!(image(Engine::Buildx, "{}"), None);
        assert_eq!(image(Engine::Docker, "sha256:--rm"), None);
    }
}
