//! The other transport: the user's `git` program, with all that its configuration can do.
//!
//! Decides its arguments and environment: no prompt without a terminal, no helper programs named by a URL, no repository
//! around the working directory, messages in English. URLs are checked before they come here and stand behind `--`.

#![expect(clippy::disallowed_methods, reason = "this transport is a process, and it must not hang")]

use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::patience::{Patience, SLOWEST, Sight, Signs};
use super::seen::retry_after;
use super::{Advertised, Call, Depth, Order};
use crate::remote::Transfer;
use crate::remote::trouble::Trouble;
use crate::remote::url::Scheme;
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
        Depth::One => "--depth=1",
        Depth::All => "--depth=2147483647",
        Depth::Commits => "--filter=tree:0",
    };
    let options = ["fetch", "--no-tags", "--no-recurse-submodules", "--progress"].map(str::to_owned);
    let mut arguments = vec![format!("--git-dir={into}")];
    arguments.extend(options);
    arguments.extend([depth.to_owned(), "--".into(), call.url.into()]);
    arguments.extend(order.refspecs.iter().cloned());
    run(call, &arguments).map(drop)
}

/// Runs git. Where credentials are missing: again with the token of a CI system, then with prompts, one at a time.
fn run(call: &Call<'_>, arguments: &[String]) -> Result<Vec<u8>, Trouble> {
    let refused = |result: &Result<_, Trouble>| matches!(result, Err(trouble) if trouble.kind == FailureKind::Auth);
    let mut result = run_once(call, arguments, Prompts::Off);
    if refused(&result) && call.token().is_some() {
        result = run_once(call, arguments, Prompts::Token);
    }
    if refused(&result) && call.remotes.settings().terminal {
        let _turn = call.remotes.prompts().lock().expect("no thread panics while it holds the lock");
        result = run_once(call, arguments, Prompts::On);
    }
    result
}

/// Who is asked for credentials, beside the user's helpers.
#[derive(Clone, Copy, PartialEq)]
enum Prompts {
    /// A person.
    On,
    /// Nobody.
    Off,
    /// The environment, instead of the helpers: they would be told to store what belongs to one CI job.
    Token,
}

/// Answers git's question with the token, which stands in the environment: arguments are for everybody to read.
const TOKEN_HELPER: &str = "!f() { test \"$1\" = get && \
    printf 'username=%s\\npassword=%s\\n' \"$DEPS_TOKEN_USER\" \"$DEPS_TOKEN\"; }; f";

fn run_once(call: &Call<'_>, arguments: &[String], prompts: Prompts) -> Result<Vec<u8>, Trouble> {
    let mut child = command(call, arguments, prompts).spawn().map_err(|error| {
        let cause = if error.kind() == ErrorKind::NotFound { "not found".to_owned() } else { error.to_string() };
        Trouble::new(FailureKind::Local, MISSING, &cause)
    })?;
    let heard = listen(&mut child);
    let process = Process { child, output: Vec::new(), errors: Vec::new(), signs: Signs::default() };
    // A person may take any time to type.
    let sight = if arguments.iter().any(|argument| argument == "ls-remote") { Sight::Dim } else { Sight::Clear };
    let patience = (prompts != Prompts::On).then(|| Patience::new(call.remotes.settings().timeout, sight));
    process.attend(call, &heard, patience)
}

/// Returns a call of git that asks nobody anything, to be run by somebody else.
pub(crate) fn silent_git(call: &Call<'_>, arguments: &[String]) -> Command {
    command(call, arguments, Prompts::Off)
}

/// Returns the same call with the token of a CI system for the server of `call`, when there is one.
pub(crate) fn git_with_token(call: &Call<'_>, arguments: &[String]) -> Option<Command> {
    call.token().map(|_| command(call, arguments, Prompts::Token))
}

fn command(call: &Call<'_>, arguments: &[String], prompts: Prompts) -> Command {
    let settings = call.remotes.settings();
    let seconds = settings.timeout.as_secs().max(1);
    let mut command = Command::new("git");
    for variable in REPOSITORY_VARIABLES {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", if prompts == Prompts::On { "1" } else { "0" });
    if prompts != Prompts::On && !call.remotes.beyond().has_ssh_command() {
        command.env("GIT_SSH_COMMAND", format!("ssh -o BatchMode=yes -o ConnectTimeout={seconds}"));
    }
    let bundle = settings.certificates.as_ref().filter(|_| !call.remotes.beyond().has_certificates());
    command.envs(bundle.map(|bundle| ("GIT_SSL_CAINFO", bundle)));
    // Of a listing git says nothing until it is there, so its speed is git's to judge. A fetch tells how it goes on, and
    // may be silent for longer while the server packs.
    let limit = if arguments[0] == "ls-remote" { SLOWEST } else { 1 };
    let (slow, limit) = (format!("http.lowSpeedTime={seconds}"), format!("http.lowSpeedLimit={limit}"));
    for setting in ["protocol.ext.allow=never", "safe.directory=*", "gc.auto=0", &limit, &slow] {
        command.args(["-c", setting]);
    }
    if let (Prompts::Token, Some(token)) = (prompts, call.token()) {
        command.env("DEPS_TOKEN_USER", token.user).env("DEPS_TOKEN", &token.secret);
        let helper = format!("credential.{}.helper={TOKEN_HELPER}", token.origin);
        command.args(["-c", "credential.helper=", "-c", &helper]);
    }
    command.args(["-c", "maintenance.auto=false"]).args(arguments);
    if let Some(Scheme::Http | Scheme::Https) = call.scheme() {
        // The only way to the header `Retry-After`. What is secret is left out by git, and nothing of it is shown here.
        command.env("GIT_TRACE_CURL", "1").env("GIT_TRACE_CURL_NO_DATA", "1").env("GIT_TRACE_REDACT", "1");
    }
    // Outside of every repository, so that none's configuration leaks in.
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !may_prompt(call, prompts) {
        // A group of its own, so that its helpers end with it.
        command.process_group(0);
    }
    command
}

/// Whether a process of git may have to ask a person something. A ssh command of the user's own may do so at any time.
fn may_prompt(call: &Call<'_>, prompts: Prompts) -> bool {
    prompts == Prompts::On || (call.remotes.settings().terminal && call.remotes.beyond().has_ssh_command())
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
    signs: Signs,
}

impl Process {
    /// Waits for the end, while keeping an eye on the time and on the user. Returns the output.
    fn attend(
        mut self,
        call: &Call<'_>,
        heard: &Receiver<Heard>,
        mut patience: Option<Patience>,
    ) -> Result<Vec<u8>, Trouble> {
        loop {
            match heard.recv_timeout(LOOK) {
                Ok(said) => self.hear(call, said),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if self.has_ended() => {
                    self.hear_the_rest(call, heard);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let interrupted = call.is_interrupted().then(Trouble::cancelled);
            let late = patience.as_mut().and_then(|patience| patience.look(self.signs).err());
            if let Some(trouble) = interrupted.or(late) {
                self.end();
                return Err(trouble);
            }
        }
        let succeeded = self.child.wait().is_ok_and(|status| status.success());
        if succeeded { Ok(self.output) } else { Err(trouble(&self.errors)) }
    }

    fn hear(&mut self, call: &Call<'_>, said: Heard) {
        match said {
            Heard::Output(bytes) => {
                self.signs.bytes += bytes.len() as u64;
                self.output.extend_from_slice(&bytes);
            }
            Heard::Errors(bytes) => {
                self.errors.extend_from_slice(&bytes);
                let text = String::from_utf8_lossy(&bytes);
                if let Some(transfer) = transfer(&text) {
                    self.signs.objects = transfer.objects as u64;
                    self.signs.bytes = self.signs.bytes.max(transfer.bytes as u64);
                    call.progress.on_transfer(&call.subject, transfer);
                }
                self.signs.messages += u64::from(text.contains("remote: ") || text.contains("Resolving deltas:"));
            }
        }
    }

    /// Takes what a process that has ended still said; a grandchild that keeps the stream open is not waited for.
    fn hear_the_rest(&mut self, call: &Call<'_>, heard: &Receiver<Heard>) {
        while let Ok(said) = heard.recv_timeout(LINGER) {
            self.hear(call, said);
        }
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Asks git and its helpers to stop, which lets them tidy up; then makes them.
    fn end(&mut self) {
        signal_group("TERM", self.child.id());
        let asked = Instant::now();
        while !self.has_ended() && asked.elapsed() < LINGER {
            std::thread::sleep(LOOK);
        }
        signal_group("KILL", self.child.id());
        // It may have ended by itself meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shell's own `kill` is everywhere; the program of that name is not.
pub(crate) fn signal_group(signal: &str, group: u32) {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", signal, &group.to_string()]);
    _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Returns what git's error output means, and how long the server asked to wait.
fn trouble(errors: &[u8]) -> Trouble {
    let errors = String::from_utf8_lossy(errors);
    let (traced, said): (Vec<&str>, Vec<&str>) = errors.lines().partition(|line| is_trace(line));
    let headers: Vec<&str> =
        traced.iter().filter_map(|line| line.split_once("<= Recv header: ")).map(|h| h.1).collect();
    Trouble::program(&said.join("\n")).waiting(retry_after(&headers.join("\n")))
}

/// Whether a line is one of `GIT_TRACE_CURL`: `12:34:56.789012 http.c:915   <= Recv header: …`.
fn is_trace(line: &str) -> bool {
    let Some((time, rest)) = line.split_once(' ') else { return false };
    time.len() == 15
        && time.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.')
        && rest.starts_with("http.c:")
}

/// Reads the last `Receiving objects:  45% (450/1000), 1.20 MiB | 300.00 KiB/s` of a piece of git's progress.
fn transfer(text: &str) -> Option<Transfer> {
    let counts = text.rsplit("Receiving objects:").next().filter(|last| last.len() < text.len())?;
    let (counts, rest) = counts.split_once('(')?.1.split_once(')')?;
    let (objects, total) = counts.split_once('/')?;
    let bytes = rest.strip_prefix(", ").and_then(|rest| bytes(rest.split('|').next()?)).unwrap_or_default();
    Some(Transfer { objects: objects.parse().ok()?, total_objects: total.parse().ok()?, bytes })
}

/// Reads `1.20 MiB`.
fn bytes(text: &str) -> Option<usize> {
    let (number, unit) = text.trim().split_once(' ')?;
    let scale = ["bytes", "KiB", "MiB", "GiB"].iter().position(|known| *known == unit)?;
    let number: f64 = number.parse().ok()?;
    Some((number * 1024f64.powi(scale as i32)) as usize)
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
    fn a_trace_tells_how_long_to_wait_and_nothing_else() {
        let errors = b"08:44:13.123456 http.c:915              <= Recv header: HTTP/1.1 429 On Purpose\n\
            08:44:13.123457 http.c:915              <= Recv header: retry-after: 2\n\
            08:44:13.123458 http.c:902              => Send header: Authorization: Basic certificate secret\n\
            fatal: unable to access 'http://h/x/': The requested URL returned error: 429\n";
        let trouble = trouble(errors);
        assert_eq!(trouble.wait, Some(Duration::from_secs(2)));
        assert_eq!(trouble.message, "the server asks for fewer requests (HTTP 429), asking to wait 2 s");
    }

    #[test]
    fn reads_progress_from_the_last_count() {
        let errors =
            "remote: Counting\rReceiving objects:  10% (1/10)\rReceiving objects:  50% (5/10), 1.50 KiB | 2 KiB/s\r";
        assert_eq!(transfer(errors), Some(Transfer { objects: 5, total_objects: 10, bytes: 1536 }));
        assert_eq!(
            transfer("Receiving objects: 100% (3/3), 234 bytes | 234 bytes/s, done.").map(|seen| seen.bytes),
            Some(234)
        );
        assert_eq!(transfer("remote: Counting objects: 5% (1/20)"), None);
    }
}
