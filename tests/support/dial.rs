//! The BuildKit of the test engine's dockerd behind a socket of its own, as a buildkitd would stand there. It decides
//! nothing: every connection is one `docker buildx dial-stdio`.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use super::engine::Engine;

/// A socket that speaks BuildKit's protocol, until the test ends.
pub(crate) struct Dial {
    socket: PathBuf,
}

impl Dial {
    /// Listens below `folder`.
    pub(crate) fn start(engine: &Engine, folder: &Path) -> Dial {
        let socket = folder.join("buildkit.sock");
        let listener = UnixListener::bind(&socket).expect("a socket can be made in the sandbox");
        let engine = engine.clone();
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let engine = engine.clone();
                thread::spawn(move || forward(&engine, connection));
            }
        });
        Dial { socket }
    }

    /// What `BUILDKIT_HOST` and the driver `remote` take.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

fn forward(engine: &Engine, connection: UnixStream) {
    let stream = || Stdio::from(OwnedFd::from(connection.try_clone().expect("a socket can be shared")));
    let mut command = engine.command();
    command.args(["buildx", "dial-stdio", "--builder", "default"]).stdin(stream()).stdout(stream());
    _ = command.stderr(Stdio::null()).status().expect("docker can be started");
    _ = connection.shutdown(Shutdown::Both);
}
