//! A network with a distance: a loopback TCP proxy that delivers every byte later, and no slower.
//!
//! It decides when bytes arrive, nothing else: `one_way` after they were sent, and a connection is usable one round trip
//! after it was opened (the TCP handshake, which loopback itself makes for nothing). It models neither slow start nor
//! loss nor bandwidth. With 10 ms one way, `git ls-remote` (a connection and two requests) costs 60 ms more.
//!
//! Standard library only, so that a bench or a unit test can include this file by its path.

#![expect(clippy::disallowed_methods, reason = "a delay is measured by the clock")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A proxy that runs until it is dropped. Connections that are open then live on until one side closes them.
pub(crate) struct DelayProxy {
    port: u16,
    running: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

/// Bytes on their way; an empty piece is the end of the stream.
struct InFlight {
    due: Instant,
    bytes: Vec<u8>,
}

impl DelayProxy {
    /// Listens on a free port of 127.0.0.1 and forwards to `upstream_port`, each byte `one_way` later in each direction.
    ///
    /// # Panics
    /// When no port can be bound.
    pub(crate) fn start(upstream_port: u16, one_way: Duration) -> DelayProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let running = Arc::new(AtomicBool::new(true));
        let accepting = Some(accept(listener, upstream_port, one_way, Arc::clone(&running)));
        DelayProxy { port, running, accepting }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port that clients connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.running.store(false, Ordering::SeqCst);
        // Wakes the accepting thread, which then drops the listener.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let accepting = self.accepting.take().expect("only dropping takes it");
        accepting.join().expect("the accepting thread does not panic");
    }
}

fn accept(listener: TcpListener, upstream: u16, one_way: Duration, running: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        for client in listener.incoming() {
            if !running.load(Ordering::SeqCst) {
                return;
            }
            // Without a server behind it the connection is closed again, which is what the client would see.
            if let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", upstream))) {
                let _ = join(&client, &server, one_way);
            }
        }
    })
}

/// Connects two streams in both directions, with four threads that end with the streams.
fn join(client: &TcpStream, server: &TcpStream, one_way: Duration) -> std::io::Result<()> {
    let usable = Instant::now() + 2 * one_way;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    spawn_pump(client.try_clone()?, server.try_clone()?, one_way, usable);
    spawn_pump(server.try_clone()?, client.try_clone()?, one_way, usable);
    Ok(())
}

fn spawn_pump(from: TcpStream, to: TcpStream, one_way: Duration, usable: Instant) {
    // Unbounded, so that the delay does not become a limit on throughput.
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || receive(from, &sender, one_way, usable));
    thread::spawn(move || deliver(to, &receiver));
}

fn receive(mut from: TcpStream, sender: &Sender<InFlight>, one_way: Duration, usable: Instant) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // A broken connection ends like a closed one.
        let length = from.read(&mut buffer).unwrap_or(0);
        let due = Instant::now().max(usable) + one_way;
        let sent = sender.send(InFlight { due, bytes: buffer[..length].to_vec() });
        if length == 0 || sent.is_err() {
            return;
        }
    }
}

fn deliver(mut to: TcpStream, receiver: &Receiver<InFlight>) {
    for InFlight { due, bytes } in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}
