//! The load generator: plain HTTP/1.1 over keep-alive connections, one request at a time on each (a closed loop).
//!
//! One thread with an event loop, because threads of its own per connection would cost the two cores of a small machine
//! more than the server does. Its own share of the machine is part of every figure, on both sides of a comparison alike;
//! the processor time per request, which the tables also show, is free of it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::{JoinSet, LocalSet};

use super::stats::Sample;
use crate::harness::http::{ANSWER_TIMEOUT, frame};

/// A request, ready to be sent.
pub(super) type Request = Rc<[u8]>;

/// Where a server listens.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Place {
    async fn connect(&self) -> Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

/// Sends what `next` gives over `connections` connections, until it gives nothing more or `stop_at` is past, and hands the
/// body of each answer to `accept`.
///
/// # Errors
/// The first answer whose status is no success or that `accept` refuses: a bench must not count wrong answers.
pub(super) fn run(
    server: &Place,
    connections: usize,
    stop_at: Option<Instant>,
    next: impl FnMut() -> Option<Request> + 'static,
    accept: impl FnMut(&[u8]) -> Result<()> + 'static,
) -> Result<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (next, accept) = (Rc::new(RefCell::new(next)), Rc::new(RefCell::new(accept)));
    LocalSet::new().block_on(&runtime, async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(server.connect().await?);
        }
        let started = Instant::now();
        let mut clients = JoinSet::new();
        for stream in streams {
            clients.spawn_local(client(stream, stop_at, Rc::clone(&next), Rc::clone(&accept)));
        }
        let mut latencies = Vec::new();
        while let Some(done) = clients.join_next().await {
            latencies.append(&mut done??);
        }
        Ok(Sample::new(latencies, started.elapsed()))
    })
}

/// Repeats `requests` in turn for `duration`; each answer must pass `accepted`.
pub(super) fn replay(
    server: &Place,
    connections: usize,
    duration: Duration,
    requests: &[Request],
    accepted: fn(&[u8]) -> bool,
) -> Result<Sample> {
    let requests = requests.to_vec();
    let mut turn = 0;
    let next = move || {
        turn = if turn + 1 < requests.len() { turn + 1 } else { 0 };
        requests.get(turn).cloned()
    };
    run(server, connections, Some(Instant::now() + duration), next, check(accepted))
}

/// Sends each of `requests` once; each answer must pass `accepted`.
pub(super) fn once(
    server: &Place,
    connections: usize,
    requests: Vec<Request>,
    accepted: fn(&[u8]) -> bool,
) -> Result<Sample> {
    let mut requests = requests.into_iter();
    run(server, connections, None, move || requests.next(), check(accepted))
}

/// Sends each of `requests` once and returns what `read` finds in the answers, in the order in which they came.
pub(super) fn collect<T: 'static>(
    server: &Place,
    connections: usize,
    requests: Vec<Request>,
    read: impl Fn(&Value) -> Option<T> + 'static,
) -> Result<Vec<T>> {
    let found = Rc::new(RefCell::new(Vec::new()));
    let (record, mut requests) = (Rc::clone(&found), requests.into_iter());
    let accept = move |body: &[u8]| {
        let body: Value = serde_json::from_slice(body)?;
        record
            .borrow_mut()
            .push(read(&body).with_context(|| format!("another answer than expected: {body}"))?);
        Ok(())
    };
    run(server, connections, None, move || requests.next(), accept)?;
    Ok(found.take())
}

fn check(accepted: fn(&[u8]) -> bool) -> impl FnMut(&[u8]) -> Result<()> + 'static {
    move |body| if accepted(body) { Ok(()) } else { bail!("wrong answer: {}", String::from_utf8_lossy(body)) }
}

/// One connection's requests; returns how long each took.
async fn client<N, A>(
    mut stream: Box<dyn Stream>,
    stop_at: Option<Instant>,
    next: Rc<RefCell<N>>,
    accept: Rc<RefCell<A>>,
) -> Result<Vec<Duration>>
where
    N: FnMut() -> Option<Request>,
    A: FnMut(&[u8]) -> Result<()>,
{
    let mut latencies = Vec::new();
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let request = (next.borrow_mut())();
        let Some(request) = request else { return Ok(latencies) };
        let sent = Instant::now();
        if stop_at.is_some_and(|stop_at| sent >= stop_at) {
            return Ok(latencies);
        }
        let body_at = tokio::time::timeout(ANSWER_TIMEOUT, exchange(&mut stream, &request, &mut buffer));
        let body_at = body_at.await.with_context(|| format!("no answer within {ANSWER_TIMEOUT:?}"))??;
        latencies.push(sent.elapsed());
        (accept.borrow_mut())(buffer.get(body_at..).unwrap_or_default())?;
    }
}

/// Sends a request and fills `buffer` with the answer; returns where its body begins.
async fn exchange(stream: &mut Box<dyn Stream>, request: &[u8], buffer: &mut Vec<u8>) -> Result<usize> {
    stream.write_all(request).await?;
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(frame) = frame(buffer)? else { continue };
        if buffer.len() < frame.bytes() {
            continue;
        }
        if !(200..300).contains(&frame.status) || buffer.len() > frame.bytes() {
            bail!("wrong answer: {}", String::from_utf8_lossy(buffer));
        }
        return Ok(frame.head_bytes);
    }
}
