//! What a server plugs in here, and what it is told about a connection.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use std::any::Any;
use std::error::Error;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::refusal::Refusal;

/// Answers requests. One value serves all connections of all listeners.
pub trait Service: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    /// Answers one request. Its head has passed all checks of this module; its body is read with
    /// [`read_body`](super::read_body).
    fn call(
        &self,
        request: Request<Incoming>,
        from: ConnectionInfo,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Answers a request whose [`call`](Self::call) has panicked, with status 500. Must not panic itself. The
    /// panic is counted already; what it said is on standard error unless a hook was set, and is not passed
    /// on, for it may hold a secret.
    fn on_panic(&self, from: ConnectionInfo) -> Response<Self::Body>;

    /// Hears of each request and connection that was turned away without a call. Counted already.
    fn on_refusal(&self, from: ConnectionInfo, refusal: Refusal) {
        let _ = (from, refusal);
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Distinct over the life of a server.
    pub id: u64,
    /// The listener that accepted the connection.
    pub door: Door,
    /// The other end. Behind a proxy, the proxy's.
    pub peer: Peer,
    /// Our end; none on a Unix socket.
    pub local: Option<SocketAddr>,
    /// Whether the connection to us is encrypted.
    pub transport: Transport,
}

/// Which listener: they serve different things and trust differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The dialects, the native API and the console.
    Public,
    /// Health, readiness, metrics and local commands.
    Admin,
    /// Verification for other services.
    Gate,
}

impl Door {
    /// Every door, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Public, Self::Admin, Self::Gate];
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Tcp(SocketAddr),
    /// A process on this machine, let in by the permissions of the socket file.
    Unix,
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Not by us; a trusted proxy may say otherwise.
    Plain,
    /// TLS ends here.
    Tls,
}

impl Transport {
    /// `http` or `https`, as in a URL.
    pub fn url_scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }
}

pin_project! {
    /// Turns a panic of the inner future into an error.
    pub(super) struct CatchPanic<F> {
        #[pin]
        future: F,
    }
}

/// The inner future has panicked and must not be polled again.
pub(super) struct Panicked;

impl<F> CatchPanic<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        // Unwind safety: the future is dropped next, and nobody sees its state.
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => {
                forget_quietly(payload);
                Poll::Ready(Err(Panicked))
            }
        }
    }
}

/// Drops a panic's payload; one whose own drop panics must not take the connection down after all.
fn forget_quietly(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}
