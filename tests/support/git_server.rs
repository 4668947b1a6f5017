//! A real git server for tests and benches: smart HTTP on a loopback port, in front of `git http-backend`.
//!
//! It decides how an HTTP request becomes a CGI process, what is counted and logged, and which request goes wrong on
//! purpose ([`Fault`]). It leaves out TLS, pushing rights and HTTP/1.0, and knows nothing of what it serves: whether a
//! repository hands out any commit id (`uploadpack.allowAnySHA1InWant`) is that repository's own configuration.
//!
//! Standard library only, so that a bench or a unit test can include this file by its path.

#![expect(clippy::disallowed_methods, reason = "a test server starts processes and hands the PATH on to them")]

#[path = "lfs_server.rs"]
pub(crate) mod lfs_server;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[path = "http_request.rs"]
mod http_request;

use http_request::{Request, base64, percent_decoded, read_headers};

/// A server that runs until [`GitServer::stop`] or until it is dropped.
///
/// Each connection has a thread of its own and is kept alive; every method takes `&self`, so that a test can share it.
pub(crate) struct GitServer {
    port: u16,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

/// What goes wrong with a request, on purpose. Set with [`GitServer::fail`].
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers with this HTTP status and no repository.
    Status(u16),
    /// Answers 429 and asks to wait this many seconds.
    Busy(u64),
    /// Answers as usual, this much later.
    Delay(Duration),
    /// Answers as usual, once as many requests wait as the barrier wants.
    Together(Arc<Barrier>),
    /// Closes the connection instead of answering.
    DropBeforeHeaders,
    /// Sends this many bytes of the body, then closes the connection.
    TruncateBody(usize),
    /// Sends this many bytes of the body, then resets the connection (RST), as a crashing proxy does.
    ResetAfter(usize),
    /// Sends the body one byte at a time, with this pause after each.
    Drip(Duration),
    /// Sends this text as a message of the server (`remote: …` and an error of the protocol) instead of an answer.
    Error(String),
    /// Never answers, and keeps the connection open for as long as the client does.
    Hang,
    /// Asks for HTTP basic authentication (401) unless the request carries this user and password.
    Auth(String, String),
    /// Answers 200 with an HTML page, as a captive portal or a login page does.
    BadContentType,
    /// Answers 301; the repository's URL (all before `/info/refs` or `/git-upload-pack`) becomes this one.
    Redirect(String),
    /// Flips every bit of the byte at this offset of the body.
    CorruptAt(usize),
}

struct Shared {
    root: PathBuf,
    backend: PathBuf,
    running: AtomicBool,
    accepted: AtomicUsize,
    /// How many of the accepted connections came before the last reset.
    forgotten: AtomicUsize,
    log: Mutex<Vec<String>>,
    authorizations: Mutex<Vec<String>>,
    faults: Mutex<Vec<Planned>>,
    without_v2: Mutex<Vec<String>>,
    open: Mutex<BTreeMap<usize, TcpStream>>,
}

/// A fault that waits for a request: `times` more of them, or all when negative.
struct Planned {
    path_contains: String,
    times: i32,
    fault: Fault,
}

#[derive(PartialEq)]
enum Connection {
    Keep,
    Close,
}

/// How the body of an answer is damaged on its way out.
#[derive(Default)]
struct Damage {
    end: Option<usize>,
    reset: bool,
    flipped: Option<usize>,
    pause: Option<Duration>,
}

impl GitServer {
    /// Serves every bare repository below `root` at `URL/<path below root>`, on a free port of 127.0.0.1, and every file
    /// below `root/files` at `URL/files/<path>`.
    ///
    /// # Panics
    /// When no port can be bound, or `git http-backend` is not installed.
    pub(crate) fn start(root: &Path) -> GitServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            root: root.to_path_buf(),
            backend: http_backend(),
            running: AtomicBool::new(true),
            accepted: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            log: Mutex::default(),
            authorizations: Mutex::default(),
            faults: Mutex::default(),
            without_v2: Mutex::default(),
            open: Mutex::default(),
        });
        let accepting = Mutex::new(Some(accept(listener, Arc::clone(&shared))));
        GitServer { port, shared, accepting }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port, also after [`GitServer::stop`].
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether it accepts connections: not between [`GitServer::stop`] and [`GitServer::restart`].
    pub(crate) fn is_running(&self) -> bool {
        locked(&self.accepting).is_some()
    }

    /// HTTP requests received since the start or the last [`GitServer::reset`], failed ones included.
    pub(crate) fn requests(&self) -> usize {
        locked(&self.shared.log).len()
    }

    /// TCP connections accepted since the start or the last [`GitServer::reset`].
    pub(crate) fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst) - self.shared.forgotten.load(Ordering::SeqCst)
    }

    /// The requests counted by [`GitServer::requests`] as `METHOD /path?query`, in order of arrival.
    pub(crate) fn log(&self) -> Vec<String> {
        locked(&self.shared.log).clone()
    }

    /// The `Authorization` headers received since the start or the last [`GitServer::reset`].
    pub(crate) fn authorizations(&self) -> Vec<String> {
        locked(&self.shared.authorizations).clone()
    }

    /// Forgets the requests and connections seen so far; faults stay.
    pub(crate) fn reset(&self) {
        locked(&self.shared.log).clear();
        locked(&self.shared.authorizations).clear();
        self.shared.forgotten.store(self.shared.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Applies `fault` to the next `times` requests (-1: to all) whose path and query contain `path_contains`.
    ///
    /// Of several faults that fit a request, the one that was set first is taken.
    pub(crate) fn fail(&self, path_contains: &str, times: i32, fault: Fault) {
        let planned = Planned { path_contains: path_contains.to_string(), times, fault };
        locked(&self.shared.faults).push(planned);
    }

    /// Removes all faults.
    pub(crate) fn mend(&self) {
        locked(&self.shared.faults).clear();
    }

    /// Answers in protocol version 0 from now on where the path contains `path_contains`, as old servers do.
    pub(crate) fn refuse_protocol_v2(&self, path_contains: &str) {
        locked(&self.shared.without_v2).push(path_contains.to_string());
    }

    /// Closes all connections; from its return on, new ones are refused.
    pub(crate) fn stop(&self) {
        let Some(accepting) = locked(&self.accepting).take() else { return };
        self.shared.running.store(false, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops the listener.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        accepting.join().expect("the accepting thread does not panic");
        for stream in locked(&self.shared.open).values() {
            // Already closed by the client: nothing is left to do.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Serves again on the same port after [`GitServer::stop`]; counts go on, faults stay.
    ///
    /// # Panics
    /// When another program has taken the port meanwhile and keeps it.
    pub(crate) fn restart(&self) {
        let mut accepting = locked(&self.accepting);
        assert!(accepting.is_none(), "the server is running: stop it first");
        let listener = bind_again(self.port);
        self.shared.running.store(true, Ordering::SeqCst);
        *accepting = Some(accept(listener, Arc::clone(&self.shared)));
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds a lock of the server")
}

/// The CGI program beside git's other programs.
fn http_backend() -> PathBuf {
    let output = Command::new("git").arg("--exec-path").output().expect("these tests need the `git` program");
    let folder = String::from_utf8(output.stdout).expect("the path of git's programs is UTF-8");
    let backend = Path::new(folder.trim()).join("git-http-backend");
    assert!(backend.exists(), "`git http-backend` is missing: {} does not exist", backend.display());
    backend
}

fn bind_again(port: u16) -> TcpListener {
    for _ in 0..50 {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return listener,
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
    panic!("port {port} was taken by another program while the git server was stopped")
}

fn accept(listener: TcpListener, shared: Arc<Shared>) -> JoinHandle<()> {
    thread::spawn(move || {
        for stream in listener.incoming() {
            if !shared.running.load(Ordering::SeqCst) {
                return;
            }
            if let Ok(stream) = stream {
                spawn_connection(stream, &shared);
            }
        }
    })
}

fn spawn_connection(stream: TcpStream, shared: &Arc<Shared>) {
    let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
    let Ok(registered) = stream.try_clone() else { return };
    locked(&shared.open).insert(number, registered);
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        // The client has gone away or speaks no HTTP; there is nobody left to tell.
        let _ = serve(&stream, &shared);
        // Closed when the last of the two is dropped, which is what makes an end a reset.
        locked(&shared.open).remove(&number);
    });
}

/// Answers requests on one connection until either side closes it.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader, stream)? {
        locked(&shared.log).push(format!("{} {}", request.method, request.target));
        locked(&shared.authorizations).extend(request.header("authorization").map(str::to_string));
        if answer(stream, &request, shared)? == Connection::Close {
            break;
        }
    }
    Ok(())
}

fn answer(mut stream: &TcpStream, request: &Request, shared: &Shared) -> io::Result<Connection> {
    let mut damage = Damage::default();
    match shared.fault_for(request) {
        None => {}
        Some(Fault::Delay(delay)) => thread::sleep(delay),
        Some(Fault::Together(barrier)) => _ = barrier.wait(),
        Some(Fault::TruncateBody(end)) => damage.end = Some(end),
        Some(Fault::ResetAfter(end)) => (damage.end, damage.reset) = (Some(end), true),
        Some(Fault::CorruptAt(offset)) => damage.flipped = Some(offset),
        Some(Fault::Drip(pause)) => damage.pause = Some(pause),
        Some(Fault::DropBeforeHeaders) => return Ok(Connection::Close),
        Some(Fault::Hang) => {
            io::copy(&mut stream, &mut io::sink())?;
            return Ok(Connection::Close);
        }
        Some(Fault::Status(status)) => return page(stream, status, ""),
        Some(Fault::Busy(seconds)) => return page(stream, 429, &format!("Retry-After: {seconds}\r\n")),
        Some(Fault::Error(text)) => return protocol_error(stream, request, &text),
        Some(Fault::BadContentType) => return page(stream, 200, ""),
        Some(Fault::Auth(..)) => return page(stream, 401, "WWW-Authenticate: Basic realm=\"git\"\r\n"),
        Some(Fault::Redirect(repository)) => {
            let location = format!("Location: {repository}{}\r\n", request.service());
            return page(stream, 301, &location);
        }
    }
    if let Some(answer) = lfs_server::answer(&shared.root, &request.target, &request.body, request.header("host")) {
        return send_lfs(stream, &answer, &damage);
    }
    run_backend(stream, request, shared, &damage)
}

/// Sends an answer of the Git LFS server, damaged where that is wished for.
fn send_lfs(mut stream: &TcpStream, answer: &lfs_server::Answer, damage: &Damage) -> io::Result<Connection> {
    let lfs_server::Answer { status, kind, body } = answer;
    let head = format!("HTTP/1.1 {status} As Asked\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&damage.applied_to(body, 0))?;
    Ok(if damage.end.is_some() { Connection::Close } else { Connection::Keep })
}

/// Sends a small HTML page; `headers` are whole lines.
fn page(mut stream: &TcpStream, status: u16, headers: &str) -> io::Result<Connection> {
    let body = format!("<html><body>status {status}</body></html>\n");
    let head = format!("HTTP/1.1 {status} On Purpose\r\nContent-Type: text/html\r\n{headers}");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    Ok(Connection::Keep)
}

/// Answers as a git server does that has something to say against it.
fn protocol_error(mut stream: &TcpStream, request: &Request, text: &str) -> io::Result<Connection> {
    let packet = |line: &str| format!("{:04x}{line}", line.len() + 4);
    let error = packet(&format!("ERR {text}\n"));
    let (kind, body) = match request.method.as_str() {
        "GET" => ("advertisement", format!("{}0000{error}", packet("# service=git-upload-pack\n"))),
        _ => ("result", error),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    Ok(Connection::Keep)
}

/// Makes the end of the connection a reset: what is under way is lost, and the client is told so.
///
/// The standard library cannot ask for that, and Perl is wherever git is.
fn end_with_reset(stream: &TcpStream) -> io::Result<()> {
    let script = "use Socket; setsockopt(STDIN, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) or die $!";
    let socket = std::os::fd::OwnedFd::from(stream.try_clone()?);
    let status = Command::new("perl").args(["-e", script]).stdin(socket).status()?;
    assert!(status.success(), "perl cannot set an option of a socket");
    Ok(())
}

fn run_backend(stream: &TcpStream, request: &Request, shared: &Shared, damage: &Damage) -> io::Result<Connection> {
    if let Some(content) = shared.plain_file(request) {
        return send_file(stream, &content, damage);
    }
    let mut child = shared.backend_for(request).spawn()?;
    let mut input = child.stdin.take().expect("standard input is piped");
    let output = child.stdout.take().expect("standard output is piped");
    let relayed = thread::scope(|scope| {
        // A process that has read enough closes its input early: that is its right.
        scope.spawn(move || drop(input.write_all(&request.body)));
        relay(output, stream, damage)
    });
    child.wait()?;
    relayed
}

/// Sends a file as any web server does.
fn send_file(mut stream: &TcpStream, content: &[u8], damage: &Damage) -> io::Result<Connection> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n";
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n", content.len()).as_bytes())?;
    let sent = damage.applied_to(content, 0);
    stream.write_all(&sent)?;
    Ok(if sent.len() == content.len() { Connection::Keep } else { Connection::Close })
}

/// Passes the CGI answer on as a chunked HTTP answer, while it is being made.
fn relay(output: ChildStdout, mut stream: &TcpStream, damage: &Damage) -> io::Result<Connection> {
    let mut output = BufReader::with_capacity(64 * 1024, output);
    stream.write_all(http_head(&mut output)?.as_bytes())?;
    let mut sent = 0;
    loop {
        let piece = damage.applied_to(output.fill_buf()?, sent);
        let read = output.buffer().len();
        for part in piece.chunks(if damage.pause.is_some() { 1 } else { usize::MAX }) {
            let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
            chunk.extend_from_slice(part);
            chunk.extend_from_slice(b"\r\n");
            stream.write_all(&chunk)?;
            damage.pause.iter().for_each(|pause| thread::sleep(*pause));
        }
        if damage.reset && damage.end.is_some_and(|end| sent + read >= end) {
            end_with_reset(stream)?;
        }
        if damage.end.is_some_and(|end| sent + read >= end) {
            return Ok(Connection::Close);
        }
        if read == 0 {
            stream.write_all(b"0\r\n\r\n")?;
            return Ok(Connection::Keep);
        }
        output.consume(read);
        sent += read;
    }
}

/// Reads the CGI headers and returns the head of the HTTP answer.
fn http_head(output: &mut impl BufRead) -> io::Result<String> {
    let mut status = "200 OK".to_string();
    let mut headers = String::new();
    for (name, value) in read_headers(output)? {
        match name.as_str() {
            "status" => status = value,
            // The body is sent in chunks.
            "content-length" => {}
            _ => headers.push_str(&format!("{name}: {value}\r\n")),
        }
    }
    Ok(format!("HTTP/1.1 {status}\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"))
}

impl Damage {
    /// The bytes to send for `piece`, which starts at `offset` of the body.
    fn applied_to(&self, piece: &[u8], offset: usize) -> Vec<u8> {
        let mut bytes = piece.to_vec();
        if let Some(end) = self.end {
            bytes.truncate(end.saturating_sub(offset));
        }
        if let Some(byte) = self.flipped.and_then(|at| at.checked_sub(offset)).and_then(|at| bytes.get_mut(at)) {
            *byte = !*byte;
        }
        bytes
    }
}

impl Shared {
    /// Takes the fault that waits for this request, if there is one.
    fn fault_for(&self, request: &Request) -> Option<Fault> {
        let mut faults = locked(&self.faults);
        let planned = faults.iter_mut().find(|planned| {
            planned.times != 0 && request.target.contains(&planned.path_contains) && !request.satisfies(&planned.fault)
        })?;
        planned.times = (planned.times - 1).max(-1);
        Some(planned.fault.clone())
    }

    /// The content of the file below `files/` that is asked for; other paths are repositories.
    fn plain_file(&self, request: &Request) -> Option<Vec<u8>> {
        let path = percent_decoded(request.target.split('?').next()?);
        let below = Path::new(path.strip_prefix("/files/")?);
        let plain = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        std::fs::read(self.root.join("files").join(below)).ok().filter(|_| plain)
    }

    /// The CGI process for `request`, which sees no configuration of this machine or of its user.
    fn backend_for(&self, request: &Request) -> Command {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut command = Command::new(&self.backend);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_CONFIG_COUNT", "1");
        command.env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        command.env("GIT_PROJECT_ROOT", &self.root).env("GIT_HTTP_EXPORT_ALL", "1");
        command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", percent_decoded(path));
        command.env("QUERY_STRING", query).env("REMOTE_ADDR", "127.0.0.1");
        command.env("CONTENT_LENGTH", request.body.len().to_string());
        command.envs(request.header("content-type").map(|kind| ("CONTENT_TYPE", kind)));
        command.envs(request.header("content-encoding").map(|coding| ("HTTP_CONTENT_ENCODING", coding)));
        if !locked(&self.without_v2).iter().any(|part| path.contains(part)) {
            command.envs(request.header("git-protocol").map(|version| ("GIT_PROTOCOL", version)));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

impl Request {
    /// What follows the repository in path and query.
    fn service(&self) -> &str {
        let services = ["/info/refs", "/git-upload-pack"];
        let start = services.iter().find_map(|service| self.target.find(service));
        &self.target[start.unwrap_or(0)..]
    }

    /// Whether the request carries the credentials that `fault` asks for.
    fn satisfies(&self, fault: &Fault) -> bool {
        let Fault::Auth(user, password) = fault else { return false };
        let expected = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
        self.header("authorization") == Some(&expected)
    }
}
