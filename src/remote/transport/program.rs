//! The other transport: the user's `git` program, with all that its configuration can do.
//!
//! Decides its arguments and environment: no prompt without a terminal, no helper programs named by a URL, no repository
//! around the working directory, messages in English. URLs are checked before they come here and stand behind `--`.

#![expect(clippy::disallowed_methods, reason = "this transport is a process, and it must not hang")]

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{Advertised, Call, Depth, Order};
use crate::remote::Transfer;
use crate::remote::trouble::Trouble;
use crate::resolve::FailureKind;

/// How the message begins when there is no `git` program.
pub(super) const MISSING: &str = "the `git` program cannot be started";

/// How often a running process is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// How long the last words of a process that has ended are waited for.
const LINGER: Duration = Duration::from_secs(2);

/// Variables that would make git use a repository other than the one it is told.
const REPOSITORY_VARIABLES: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
];

pub(super) fn list(call: &Call<'_>) -> Result<Vec<Advertised>, Trouble> {
    let output = run(call, &["ls-remote".into(), "--symref".into(), "--".into(), call.url.into()])?;
    Ok(advertised(&output))
}

pub(super) fn fetch(call: &Call<'_>, into: &Path, order: &Order) -> Result<(), Trouble> {
    let Some(into) = into.to_str() else {
        return Err(Trouble::new(FailureKind::Local, "the path of the store is not UTF-8", ""));
    };
    let depth = match order.depth {
        Depth::One => "1",
        Depth::All => "2147483647",
    };
    let options = ["fetch", "--no-tags", "--no-recurse-submodules", "--progress"].map(str::to_owned);
    let mut arguments = vec![format!("--git-dir={into}")];
    arguments.extend(options);
    arguments.extend([format!("--depth={depth}"), "--".into(), call.url.into()]);
    arguments.extend(order.refspecs.iter().cloned());
    run(call, &arguments).map(drop)
}

/// Runs git; where only a question to the user can help and there is one, again with prompts, one at a time.
fn run(call: &Call<'_>, arguments: &[String]) -> Result<Vec<u8>, Trouble> {
    let silent = run_once(call, arguments, Prompts::Off);
    match silent {
        Err(trouble) if trouble.kind == FailureKind::Auth && call.remotes.settings().terminal => {
            let _turn = call.remotes.prompts().lock().expect("no thread panics while it holds the lock");
            run_once(call, arguments, Prompts::On)
        }
        other => other,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Prompts {
    On,
    Off,
}

fn run_once(call: &Call<'_>, arguments: &[String], prompts: Prompts) -> Result<Vec<u8>, Trouble> {
    let mut child = command(call, arguments, prompts).spawn().map_err(|error| {
        let cause = if error.kind() == ErrorKind::NotFound { "not found".to_owned() } else { error.to_string() };
        Trouble::new(FailureKind::Local, MISSING, &cause)
    })?;
    let heard = listen(&mut child);
    let process = Process { child, output: Vec::new(), errors: Vec::new(), last: Instant::now() };
    // A person may take any time to type.
    let patience = (prompts == Prompts::Off).then_some(call.remotes.settings().timeout);
    process.attend(call, &heard, patience)
}

/// Returns a call of git that asks nobody anything, to be run by somebody else.
pub(crate) fn silent_git(call: &Call<'_>, arguments: &[String]) -> Command {
    command(call, arguments, Prompts::Off)
}

fn command(call: &Call<'_>, arguments: &[String], prompts: Prompts) -> Command {
    let settings = call.remotes.settings();
    let seconds = settings.timeout.as_secs().max(1);
    let mut command = Command::new("git");
    for variable in REPOSITORY_VARIABLES {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", if prompts == Prompts::On { "1" } else { "0" });
    if prompts == Prompts::Off && !call.remotes.beyond().has_ssh_command() {
        command.env("GIT_SSH_COMMAND", format!("ssh -o BatchMode=yes -o ConnectTimeout={seconds}"));
    }
    let slow = format!("http.lowSpeedTime={seconds}");
    for setting in ["protocol.ext.allow=never", "safe.directory=*", "gc.auto=0", "http.lowSpeedLimit=1", &slow] {
        command.args(["-c", setting]);
    }
    command.args(["-c", "maintenance.auto=false"]).args(arguments);
    // Outside of every repository, so that none's configuration leaks in.
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a process said on one of its streams.
enum Heard {
    Output(Vec<u8>),
    Errors(Vec<u8>),
}

/// Returns what the process says from now on; it ends when both streams are closed.
fn listen(child: &mut Child) -> Receiver<Heard> {
    let (sender, heard) = channel();
    forward(child.stdout.take().expect("the output is piped"), sender.clone(), Heard::Output);
    forward(child.stderr.take().expect("the errors are piped"), sender, Heard::Errors);
    heard
}

/// Not a scoped thread: a grandchild may keep the stream open for ever, and nobody waits for it then.
fn forward(mut stream: impl Read + Send + 'static, sender: Sender<Heard>, kind: fn(Vec<u8>) -> Heard) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if sender.send(kind(buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

struct Process {
    child: Child,
    output: Vec<u8>,
    errors: Vec<u8>,
    last: Instant,
}

impl Process {
    /// Waits for the end, while keeping an eye on the time and on the user. Returns the output.
    fn attend(
        mut self,
        call: &Call<'_>,
        heard: &Receiver<Heard>,
        patience: Option<Duration>,
    ) -> Result<Vec<u8>, Trouble> {
        loop {
            match heard.recv_timeout(LOOK) {
                Ok(Heard::Output(bytes)) => self.hear(call, &bytes, &[]),
                Ok(Heard::Errors(bytes)) => self.hear(call, &[], &bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if self.has_ended() => {
                    self.hear_the_rest(call, heard);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if call.is_interrupted() {
                self.end();
                return Err(Trouble::cancelled());
            }
            if patience.is_some_and(|patience| self.last.elapsed() > patience) {
                self.end();
                return Err(Trouble::new(FailureKind::Timeout, "no answer in time", "").passing());
            }
        }
        let succeeded = self.child.wait().is_ok_and(|status| status.success());
        if succeeded { Ok(self.output) } else { Err(Trouble::program(&String::from_utf8_lossy(&self.errors))) }
    }

    fn hear(&mut self, call: &Call<'_>, output: &[u8], errors: &[u8]) {
        self.last = Instant::now();
        self.output.extend_from_slice(output);
        self.errors.extend_from_slice(errors);
        if let Some(transfer) = transfer(errors) {
            call.progress.on_transfer(&call.subject, transfer);
        }
    }

    /// Takes what a process that has ended still said; a grandchild that keeps the stream open is not waited for.
    fn hear_the_rest(&mut self, call: &Call<'_>, heard: &Receiver<Heard>) {
        while let Ok(said) = heard.recv_timeout(LINGER) {
            match said {
                Heard::Output(bytes) => self.hear(call, &bytes, &[]),
                Heard::Errors(bytes) => self.hear(call, &[], &bytes),
            }
        }
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    fn end(&mut self) {
        // It may have ended by itself meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the last `Receiving objects:  45% (450/1000)` of a piece of git's progress.
fn transfer(errors: &[u8]) -> Option<Transfer> {
    let text = String::from_utf8_lossy(errors);
    let counts = text.rsplit("Receiving objects:").next().filter(|last| last.len() < text.len())?;
    let (objects, total) = counts.split_once('(')?.1.split_once(')')?.0.split_once('/')?;
    Some(Transfer { objects: objects.parse().ok()?, total_objects: total.parse().ok()?, bytes: 0 })
}

/// Reads the output of `git ls-remote --symref`. Names that are not UTF-8 cannot be asked for and are left out.
fn advertised(output: &[u8]) -> Vec<Advertised> {
    let mut symrefs = Vec::new();
    let mut all = Vec::new();
    for line in output.split(|byte| *byte == b'\n') {
        let Some((what, name)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('\t')) else {
            continue;
        };
        match what.strip_prefix("ref: ") {
            Some(target) => symrefs.push((name.to_owned(), target.to_owned())),
            None => all.push(Advertised { name: name.to_owned(), id: what.to_owned(), symref: None }),
        }
    }
    for (name, target) in symrefs {
        if let Some(advertised) = all.iter_mut().find(|advertised| advertised.name == name) {
            advertised.symref = Some(target);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_listing_with_its_symbolic_ref() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let output = format!("ref: refs/heads/main\tHEAD\n{id}\tHEAD\n{id}\trefs/heads/main\n");
        let listed = advertised(output.as_bytes());
        assert_eq!(listed.len(), 2);
        assert_eq!(
            listed[0],
            Advertised { name: "HEAD".into(), id: id.into(), symref: Some("refs/heads/main".into()) }
        );
        assert_eq!(advertised(b"\xff\tx\n"), []);
    }

    #[test]
    fn reads_progress_from_the_last_count() {
        let errors =
            b"remote: Counting\rReceiving objects:  10% (1/10)\rReceiving objects:  50% (5/10), 1 MiB | 2 MiB/s\r";
        assert_eq!(transfer(errors), Some(Transfer { objects: 5, total_objects: 10, bytes: 0 }));
        assert_eq!(transfer(b"remote: Counting objects: 5% (1/20)"), None);
    }
}
