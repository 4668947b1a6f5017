//! Runs a program that might hang, prompt or talk without an end.
//!
//! Decides that nothing is typed into it, how long its silence is borne, that an interrupt ends it, and how much of what
//! it says is kept. Leaves out which program and what its words mean.

#![expect(clippy::disallowed_methods, reason = "a process that must not hang is watched with a clock")]

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How often a silent process is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// How long the last words of a process that has ended are waited for.
const LINGER: Duration = Duration::from_secs(2);

/// The most that is kept of each of its streams, in bytes.
const MOST_KEPT: usize = 1 << 20;

/// Why there is no output.
#[derive(Debug)]
pub(crate) enum End {
    /// There is no such program, or it cannot be started.
    NotStarted(io::Error),
    /// The user interrupted the run.
    Interrupted,
    /// It said nothing for too long.
    Silent,
    /// It failed, with this error output.
    Failed(String),
}

/// Runs `command` and returns the beginning of its output.
///
/// # Errors
/// When it does not start, fails, says nothing for as long as `patience`, or `interrupted` becomes true.
pub(crate) fn run(mut command: Command, patience: Duration, interrupted: &AtomicBool) -> Result<Vec<u8>, End> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(End::NotStarted)?;
    let heard = listen(&mut child);
    let attended = attend(&mut child, &heard, patience, interrupted);
    if attended.is_err() {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    let (output, errors) = attended?;
    if succeeded { Ok(output) } else { Err(End::Failed(String::from_utf8_lossy(&errors).into_owned())) }
}

/// What a process said on one of its streams.
enum Heard {
    Output(Vec<u8>),
    Errors(Vec<u8>),
}

/// Returns what the process says from now on; it ends when both streams are closed.
fn listen(child: &mut Child) -> Receiver<Heard> {
    let (sender, heard) = sync_channel(16);
    forward(child.stdout.take().expect("the output is piped"), sender.clone(), Heard::Output);
    forward(child.stderr.take().expect("the errors are piped"), sender, Heard::Errors);
    heard
}

/// Not a scoped thread: a grandchild may keep the stream open for ever, and nobody waits for it then.
fn forward(mut stream: impl Read + Send + 'static, sender: SyncSender<Heard>, kind: fn(Vec<u8>) -> Heard) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if sender.send(kind(buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// Listens until the end; returns the beginnings of output and errors.
fn attend(
    child: &mut Child,
    heard: &Receiver<Heard>,
    patience: Duration,
    interrupted: &AtomicBool,
) -> Result<(Vec<u8>, Vec<u8>), End> {
    let (mut output, mut errors, mut last) = (Vec::new(), Vec::new(), Instant::now());
    let mut hear = |said: Heard| match said {
        Heard::Output(bytes) => keep(&mut output, &bytes),
        Heard::Errors(bytes) => keep(&mut errors, &bytes),
    };
    loop {
        match heard.recv_timeout(LOOK) {
            Ok(said) => {
                hear(said);
                last = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if matches!(child.try_wait(), Ok(Some(_))) => {
                while let Ok(said) = heard.recv_timeout(LINGER) {
                    hear(said);
                }
                break;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if interrupted.load(Ordering::Relaxed) {
            return Err(End::Interrupted);
        }
        if last.elapsed() > patience {
            return Err(End::Silent);
        }
    }
    Ok((output, errors))
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = MOST_KEPT.saturating_sub(kept.len()).min(bytes.len());
    kept.extend_from_slice(&bytes[..room]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration, interrupted: bool) -> Result<Vec<u8>, End> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, patience, &AtomicBool::new(interrupted))
    }

    #[test]
    fn output_comes_back_and_failures_have_their_words() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("echo a; echo b >&2", long, false).unwrap(), b"a\n");
        assert!(
            matches!(shell("echo a; echo b >&2; exit 3", long, false), Err(End::Failed(errors)) if errors == "b\n")
        );
        assert_eq!(shell("yes | head -c 3000000", long, false).unwrap().len(), MOST_KEPT);
        assert!(matches!(
            run(Command::new("/no/such/program"), long, &AtomicBool::new(false)),
            Err(End::NotStarted(_))
        ));
    }

    #[test]
    fn silence_and_interrupts_end_it_and_a_question_has_no_answer() {
        let long = Duration::from_secs(60);
        assert!(matches!(shell("sleep 60", Duration::from_millis(10), false), Err(End::Silent)));
        assert!(matches!(shell("sleep 60", long, true), Err(End::Interrupted)));
        assert!(matches!(shell("read answer", long, false), Err(End::Failed(_))));
    }
}
