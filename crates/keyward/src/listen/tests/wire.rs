//! What the tests share: a service that tells what it saw, servers around it, and clients that send raw bytes.

use crate::listen::connection::Shared;
use crate::listen::{
    BodyRefusal, Caps, ConnectionInfo, Door, Limits, Listener, Peer, Running, Security, Server, Service,
    Socket, Stats, Transport, read_body,
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Answers with the method, the raw target and the length of the body. Some paths do something else.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) calls: AtomicUsize,
    /// `/gate` waits for a permit, which it keeps.
    pub(super) gate: Semaphore,
    limits: Limits,
}

impl Service for Echo {
    type Body = Full<Bytes>;

    async fn call(&self, request: Request<Incoming>, _: ConnectionInfo) -> Response<Full<Bytes>> {
        self.calls.fetch_add(1, SeqCst);
        let (parts, body) = request.into_parts();
        match parts.uri.path() {
            "/panic" => panic!("asked to"),
            "/gate" => self.gate.acquire().await.unwrap().forget(),
            "/unread" => return Response::new(Full::from("unread")),
            "/big" => return Response::new(Full::from(vec![b'x'; 2 << 20])),
            _ => {}
        }
        match read_body(body, &self.limits.body).await {
            Ok(body) => {
                let text = format!("{} {} {}", parts.method, parts.uri, body.len());
                Response::new(Full::from(text))
            }
            Err(refusal) => answer(match refusal {
                BodyRefusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BodyRefusal::Timeout => StatusCode::REQUEST_TIMEOUT,
                BodyRefusal::Broken => StatusCode::BAD_REQUEST,
            }),
        }
    }

    fn on_panic(&self, _: ConnectionInfo) -> Response<Full<Bytes>> {
        answer(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from("service"));
    *answer.status_mut() = status;
    answer
}

pub(super) fn echo(limits: &Limits) -> Arc<Echo> {
    Arc::new(Echo { calls: AtomicUsize::new(0), gate: Semaphore::new(0), limits: limits.clone() })
}

/// One connection in memory, served in the runtime of the test.
pub(super) struct Memory {
    pub(super) client: DuplexStream,
    pub(super) service: Arc<Echo>,
    pub(super) stats: Arc<Stats>,
    pub(super) served: JoinHandle<()>,
}

/// Over HTTP/1; `buffer_bytes` fit between client and server in either direction.
pub(super) fn memory(limits: &Limits, buffer_bytes: usize) -> Memory {
    in_memory(limits, buffer_bytes, Shared::serve_http1)
}

/// The same over HTTP/2.
pub(super) fn memory2(limits: &Limits, buffer_bytes: usize) -> Memory {
    in_memory(limits, buffer_bytes, Shared::serve_http2)
}

fn in_memory<F>(
    limits: &Limits,
    buffer_bytes: usize,
    serve: impl FnOnce(Arc<Shared<Echo>>, DuplexStream, ConnectionInfo) -> F,
) -> Memory
where
    F: Future<Output = ()> + Send + 'static,
{
    let (client, io) = tokio::io::duplex(buffer_bytes);
    let service = echo(limits);
    let stats = Arc::<Stats>::default();
    let shared = Arc::new(Shared {
        service: Arc::clone(&service),
        limits: Arc::new(limits.clone()),
        stats: Arc::clone(&stats),
        drain: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    let from = ConnectionInfo {
        id: 0,
        door: Door::Public,
        peer: Peer::Unix,
        local: None,
        transport: Transport::Plain,
    };
    let served = tokio::spawn(serve(shared, io, from));
    Memory { client, service, stats, served }
}

/// A server on a port that the system chose.
pub(super) struct Net {
    pub(super) address: SocketAddr,
    pub(super) service: Arc<Echo>,
    pub(super) stats: Arc<Stats>,
    pub(super) stop: CancellationToken,
    pub(super) running: Running,
}

pub(super) fn net(limits: &Limits, caps: Caps, security: Security) -> Net {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (service, stats, stop) = (echo(limits), Arc::<Stats>::default(), CancellationToken::new());
    let listener = Listener { door: Door::Public, socket: Socket::Tcp(socket), security, caps };
    let server = Server::new(Arc::clone(&service), limits.clone(), Arc::clone(&stats)).listen(listener);
    let running = server.start(NonZeroUsize::new(2).unwrap(), &stop).unwrap();
    Net { address, service, stats, stop, running }
}

impl Net {
    pub(super) fn plain(limits: &Limits) -> Self {
        net(limits, Caps::default(), Security::Plain)
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// From 127.0.0.`host`.
    pub(super) async fn connect_from(&self, host: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Sends `wire` on a connection of its own and returns all that comes back until the server closes.
    pub(super) async fn exchange(&self, wire: &[u8]) -> Vec<u8> {
        exchange(&mut self.connect().await, wire).await
    }

    pub(super) fn open(&self) -> usize {
        self.stats.door(Door::Public).open()
    }

    /// Waits until no connection is open.
    pub(super) async fn all_closed(&self) {
        until(|| self.open() == 0).await;
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.running.finished().await.unwrap();
    }
}

/// Waits for what other threads bring about. The test runner's own patience bounds it.
pub(super) async fn until(mut happened: impl FnMut() -> bool) {
    while !happened() {
        tokio::task::yield_now().await;
    }
}

pub(super) async fn exchange<I: AsyncRead + AsyncWrite + Unpin>(io: &mut I, wire: &[u8]) -> Vec<u8> {
    io.write_all(wire).await.unwrap();
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.unwrap();
    answer
}

/// Sends a request that is answered by [`Echo`] and reads exactly that answer.
pub(super) async fn request<I: AsyncRead + AsyncWrite + Unpin>(io: &mut I, wire: &[u8]) -> String {
    io.write_all(wire).await.unwrap();
    read_answer(io).await
}

/// Reads one answer by its Content-Length.
pub(super) async fn read_answer<I: AsyncRead + Unpin>(io: &mut I) -> String {
    let mut answer = Vec::new();
    loop {
        answer.push(io.read_u8().await.unwrap());
        if answer.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(answer).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    io.read_exact(&mut body).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

/// The status codes of all answers in `wire`, in order.
pub(super) fn statuses(wire: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(wire);
    let starts = text.match_indices("HTTP/1.");
    starts.map(|(at, _)| text[at + 9..at + 12].parse().unwrap()).collect()
}

/// Runs `body` in a process that runs nothing else, so that it can look at the process's own memory and
/// descriptors. `name` is the full name of the test that calls this.
pub(super) fn alone(name: &str, body: impl FnOnce()) {
    const MARK: &str = "KEYWARD_TEST_RUNS_ALONE";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let own = std::env::current_exe().unwrap();
    let output = std::process::Command::new(own).args(["--exact", name]).env(MARK, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Memory of this process that is really there.
pub(super) fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}
