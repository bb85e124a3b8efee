//! Other people's programs, started by the tests: proxies, an SSH server, and a backend that tells what reached it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::http::{Answer, Connection, Request, until};

/// A program that listens on a port. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts what `command` makes for a free port, and waits until it listens there. `log` is where it writes.
    pub(crate) fn start(log: &Path, command: impl Fn(u16) -> Command) -> Self {
        // Between finding a free port and taking it somebody else may take it; then the program ends.
        for _ in 0..5 {
            let address = free_address();
            let errors = std::fs::File::create(log).unwrap();
            let mut child = command(address.port())
                .stdin(Stdio::null())
                .stdout(errors.try_clone().unwrap())
                .stderr(errors)
                .spawn()
                .unwrap();
            let mut ended = false;
            until(|| {
                ended = child.try_wait().unwrap().is_some();
                ended || TcpStream::connect(address).is_ok()
            });
            if !ended {
                return Self { child, address };
            }
        }
        panic!("it does not start: {}", std::fs::read_to_string(log).unwrap());
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn ask(&self, request: &Request) -> Answer {
        Connection::open(self.address).exchange(request)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The block of a Markdown page that is written in `language`, with other texts in place of some.
pub(crate) fn block_of(page: &str, language: &str, replace: &[(&str, &str)]) -> String {
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("a block in that language");
    let (block, _) = rest.split_once("```").unwrap();
    replace.iter().fold(block.to_owned(), |block, (from, to)| {
        assert!(block.contains(from), "the block holds no {from}");
        block.replace(from, to)
    })
}

/// A service behind a proxy. It answers each request with 200 and the head that reached it.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    reached: Arc<AtomicUsize>,
}

impl Backend {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let reached = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&reached);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &counter);
            }
        });
        Self { address, reached }
    }

    /// How many requests reached it so far.
    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}

/// Reads one head, counts it, answers with it and closes: every request of a proxy is one connection.
fn answer(mut stream: TcpStream, counter: &AtomicUsize) {
    let mut received = Vec::new();
    let mut room = [0; 16 << 10];
    while !received.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut room) {
            Ok(length @ 1..) => received.extend_from_slice(&room[..length]),
            // Somebody who only looks whether the port is open.
            Ok(0) | Err(_) => return,
        }
    }
    counter.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8(received).unwrap();
    let length = head.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{head}");
    // The proxy may have left.
    let _ = stream.write_all(answer.as_bytes());
}

/// The value of a header in a head.
pub(crate) fn header_in<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (given, value) = line.split_once(": ")?;
        given.eq_ignore_ascii_case(name).then_some(value)
    })
}
