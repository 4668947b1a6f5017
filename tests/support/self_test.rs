//! The supports themselves, against the real `git` program.

#![expect(clippy::disallowed_methods, reason = "tests run git and measure time")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use super::delay::DelayProxy;
use super::engine::Engine;
use super::git_server::{Fault, GitServer};

/// Serves one repository, `nav2.git`, whose branch `main` has a single commit.
fn served(folder: &Path) -> GitServer {
    let repository = folder.join("nav2.git");
    assert!(git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "nav2.git"]).status.success());
    let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    assert!(git(&repository, &["hash-object", "-t", "tree", "-w", "/dev/null"]).status.success());
    let commit = git(&repository, &["commit-tree", "-m", "first", tree]);
    let id = String::from_utf8(commit.stdout).expect("an id is ASCII");
    assert!(git(&repository, &["update-ref", "refs/heads/main", id.trim()]).status.success());
    GitServer::start(folder)
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    for person in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{person}_NAME"), "Ada").env(format!("GIT_{person}_EMAIL"), "ada@example.org");
    }
    command.output().expect("`git` runs")
}

/// Whether `git ls-remote` lists `main` at this URL, and what it says otherwise.
fn listing(folder: &Path, url: &str) -> Result<(), String> {
    let output = git(folder, &["ls-remote", url]);
    let found = String::from_utf8_lossy(&output.stdout).contains("refs/heads/main");
    if output.status.success() && found { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn git_clones_from_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    let clone = git(folder.path(), &["clone", "--quiet", "--depth=1", &format!("{}/nav2.git", server.url()), "copy"]);
    assert!(clone.status.success(), "{}", String::from_utf8_lossy(&clone.stderr));
    assert_eq!(
        server.log(),
        [
            "GET /nav2.git/info/refs?service=git-upload-pack",
            "POST /nav2.git/git-upload-pack",
            "POST /nav2.git/git-upload-pack"
        ]
    );
    assert_eq!((server.requests(), server.connections()), (3, 1));
    server.reset();
    assert_eq!((server.requests(), server.connections()), (0, 0));
}

/// Lists refs in protocol version 2 with a request made by hand, whose body comes encoded as `headers` say.
fn listing_by_hand(headers: &str, body: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = served(folder.path());
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("a running server accepts");
    let head = "POST /nav%32.git/git-upload-pack HTTP/1.1\r\nGit-Protocol: version=2\r\n\
        Content-Type: application/x-git-upload-pack-request\r\n";
    stream.write_all(format!("{head}{headers}\r\n\r\n").as_bytes()).expect("the head is sent");
    stream.write_all(body).expect("the body is sent");
    stream.shutdown(Shutdown::Write).expect("the stream is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    answer
}

#[test]
fn chunked_requests_that_wait_for_leave_arrive_whole() {
    let body = b"a\r\n0014comman\r\ne\r\nd=ls-refs\n0000\r\n0\r\n\r\n";
    let answer = listing_by_hand("Expect: 100-continue\r\nTransfer-Encoding: chunked", body);
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(" refs/heads/main\n"), "{answer}");
}

#[test]
fn compressed_requests_are_unpacked_by_git() {
    let body = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x033004I\xce\xcf\xcdM\xccK\xb1\xcd)\xd6-JM+\xe62\x00\x02\x00\xf7\x1da]\x18\x00\x00\x00";
    let answer = listing_by_hand(&format!("Content-Encoding: gzip\r\nContent-Length: {}", body.len()), body);
    assert!(answer.contains(" refs/heads/main\n"), "{answer}");
}

#[test]
fn protocol_version_2_can_be_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    let url = format!("{}/nav2.git", server.url());
    listing(folder.path(), &url).unwrap();
    assert_eq!(server.requests(), 2);
    server.refuse_protocol_v2("/nav2.git");
    server.reset();
    listing(folder.path(), &url).unwrap();
    assert_eq!(server.requests(), 1, "version 0 lists all refs in its first answer");
}

#[test]
fn a_stopped_server_refuses_connections_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    let url = format!("{}/nav2.git", server.url());
    let mut idle = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    idle.write_all(b"GET /").unwrap();
    server.stop();
    assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0, "open connections are closed");
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    assert!(listing(folder.path(), &url).is_err());
    server.restart();
    listing(folder.path(), &url).unwrap();
}

#[test]
fn a_fault_breaks_as_many_requests_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    let url = format!("{}/nav2.git", server.url());
    server.fail("info/refs", 1, Fault::Status(503));
    assert!(listing(folder.path(), &url).unwrap_err().contains("503"));
    listing(folder.path(), &url).unwrap();
    server.fail("info/refs", -1, Fault::Status(404));
    server.fail("info/refs", -1, Fault::Status(500));
    for _ in 0..2 {
        assert!(listing(folder.path(), &url).unwrap_err().contains("not found"));
    }
    server.mend();
    listing(folder.path(), &url).unwrap();
}

#[test]
fn every_fault_reaches_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    let url = format!("{}/nav2.git", server.url());
    let faults = [
        (Fault::DropBeforeHeaders, "Empty reply"),
        (Fault::TruncateBody(40), "outstanding read data"),
        (Fault::BadContentType, "not valid: is this a git repository?"),
        (Fault::CorruptAt(0), "bad line length character"),
    ];
    for (fault, message) in faults {
        server.fail("info/refs", 1, fault.clone());
        let error = listing(folder.path(), &url).unwrap_err();
        assert!(error.contains(message), "{fault:?}: {error}");
    }
}

#[test]
fn a_hanging_request_hangs_until_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    server.fail("info/refs", -1, Fault::Hang);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(b"GET /nav2.git/info/refs HTTP/1.1\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "nothing is answered");
    server.stop();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn credentials_are_asked_for_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    server.fail("nav2.git", -1, Fault::Auth("ada".into(), "l0velace".into()));
    assert!(listing(folder.path(), &format!("{}/nav2.git", server.url())).is_err());
    let with = |user: &str| format!("http://{user}@127.0.0.1:{}/nav2.git", server.port());
    assert!(listing(folder.path(), &with("ada:wrong")).is_err());
    listing(folder.path(), &with("ada:l0velace")).unwrap();
}

#[test]
fn a_redirect_leads_to_the_repository_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    server.fail("/old/name.git", -1, Fault::Redirect(format!("{}/nav2.git", server.url())));
    listing(folder.path(), &format!("{}/old/name.git", server.url())).unwrap();
}

#[test]
fn a_delayed_answer_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    server.fail("info/refs", -1, Fault::Delay(Duration::from_millis(300)));
    let start = Instant::now();
    listing(folder.path(), &format!("{}/nav2.git", server.url())).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn the_proxy_adds_three_round_trips_to_a_listing() {
    let folder = tempfile::tempdir().unwrap();
    let server = served(folder.path());
    let proxy = DelayProxy::start(server.port(), Duration::from_millis(50));
    let start = Instant::now();
    listing(folder.path(), &format!("{}/nav2.git", proxy.url())).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
}

#[test]
fn the_proxy_delays_without_limiting_throughput() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = DelayProxy::start(listener.local_addr().unwrap().port(), Duration::from_millis(50));
    let sending = thread::spawn(move || listener.accept().unwrap().0.write_all(&vec![7; 32 << 20]).unwrap());
    let start = Instant::now();
    let mut received = Vec::new();
    TcpStream::connect(("127.0.0.1", proxy.port())).unwrap().read_to_end(&mut received).unwrap();
    sending.join().unwrap();
    assert_eq!(received.len(), 32 << 20);
    assert!(start.elapsed() >= Duration::from_millis(150), "a handshake and one way");
    // 512 pieces of 64 KiB, one after the other, would take 25 s.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn the_engine_runs_the_images_of_the_registry() {
    let Some(engine) = Engine::required() else { return };
    for image in [engine.base(), engine.busybox()] {
        assert!(image.starts_with(engine.registry()), "{image}");
        assert_eq!(engine.run_image(image, &["sh", "-c", "echo it runs"]), "it runs\n");
    }
    engine.docker(["tag", engine.busybox(), "deps-self-test:1"]);
    engine.remove_image("deps-self-test:1");
    assert_eq!(engine.docker(["image", "ls", "--quiet", "deps-self-test:1"]), "");
}
