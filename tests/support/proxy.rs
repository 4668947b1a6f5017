//! An HTTP proxy on a loopback port, as companies have them: `CONNECT` for https, absolute URLs for http.
//!
//! It decides nothing about what it forwards, and counts the connections: one to the client is one to the server. It
//! leaves out passwords.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A proxy that runs as long as the tests do.
pub(crate) struct Proxy {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                // A client that goes away is nobody's concern.
                thread::spawn(move || _ = serve(client));
            }
        });
        Proxy { port, connections }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let head = read_head(&mut reader)?;
    let mut words = head[0].split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let server = if method == "CONNECT" {
        let server = TcpStream::connect(target)?;
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        server
    } else {
        let (host, path) = target.trim_start_matches("http://").split_once('/').unwrap_or((target, ""));
        let mut server = TcpStream::connect(host)?;
        write!(server, "{method} /{path} HTTP/1.1\r\n{}\r\n", head[1..].concat())?;
        server
    };
    join(reader, client, server)
}

/// Reads up to the empty line.
fn read_head(reader: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut lines = vec![];
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            return Ok(lines);
        }
        lines.push(line);
    }
}

/// Passes on what either side says until both have ended.
fn join(mut from_client: BufReader<TcpStream>, mut client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut to_server, mut from_server) = (server.try_clone()?, server);
    thread::spawn(move || {
        let copied = io::copy(&mut from_client, &mut to_server);
        _ = to_server.shutdown(Shutdown::Write);
        copied
    });
    io::copy(&mut from_server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
