//! One accepted connection, from its first byte to its end.

use super::deadline::Watch;
use super::guard::Guard;
use super::http2::{Http2Guard, check_http2};
use super::limits::Limits;
use super::refusal::Refusal;
use super::service::{CatchPanic, ConnectionInfo, Panicked, Service};
use super::stats::Stats;
use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, Version};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What all connections of one worker share. Handed on by reference count, once per request.
pub(super) struct Shared<S> {
    pub(super) service: Arc<S>,
    pub(super) limits: Arc<Limits>,
    pub(super) stats: Arc<Stats>,
    /// Finish what is in flight, begin nothing.
    pub(super) drain: CancellationToken,
    /// Every task of every connection.
    pub(super) tasks: TaskTracker,
}

type Answer<S> = Response<Either<<S as Service>::Body, Empty<Bytes>>>;

/// The HTTP stack reads up to this many headers without allocating room for them.
const FREE_HEADERS: usize = 100;

impl<S: Service> Shared<S> {
    /// Serves HTTP/1.1 and HTTP/1.0 until the connection ends.
    pub(super) async fn serve_http1<I>(self: Arc<Self>, io: I, from: ConnectionInfo)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(Guard::new(io, self.watch(from)));
        let head = self.limits.head;
        let mut stack = http1::Builder::new();
        // The guard ends the input when it refuses a head; answers before it must still go out.
        stack.half_close(true);
        // The stack's own timeout closes idle connections as well; the guard knows the difference.
        stack.header_read_timeout(None);
        stack.max_buf_size((head.header_bytes + head.target_bytes).max(16 << 10));
        if head.headers > FREE_HEADERS {
            stack.max_headers(head.headers);
        }
        let service = service_fn(|request| Arc::clone(&self).answer(request, from));
        finish(stack.serve_connection(io, service), &self.drain, |it| it.graceful_shutdown()).await;
    }

    /// Serves HTTP/2 until the connection ends.
    pub(super) async fn serve_http2<I>(self: Arc<Self>, io: I, from: ConnectionInfo)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(Http2Guard::new(io, self.watch(from)));
        let (head, limits) = (self.limits.head, self.limits.http2);
        let mut stack = http2::Builder::new(Tracked(self.tasks.clone()));
        stack.timer(TokioTimer::new());
        stack.max_concurrent_streams(limits.streams);
        // The target is one of the headers here, and each counts 32 bytes more than it is long.
        let header_list = head.header_bytes + head.target_bytes + 32 * (head.headers + 4);
        let header_list = u32::try_from(header_list);
        stack.max_header_list_size(header_list.unwrap_or(u32::MAX));
        // A client that gives up all its requests at once is no attacker.
        stack.max_pending_accept_reset_streams(limits.streams as usize);
        stack.max_local_error_reset_streams(limits.streams as usize);
        stack.keep_alive_interval(limits.ping_interval);
        stack.keep_alive_timeout(limits.ping_timeout);
        let service = service_fn(|request| Arc::clone(&self).answer(request, from));
        finish(stack.serve_connection(io, service), &self.drain, |it| it.graceful_shutdown()).await;
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        from: ConnectionInfo,
    ) -> Result<Answer<S>, Infallible> {
        let is_http2 = request.version() == Version::HTTP_2;
        if is_http2 && let Err(refusal) = check_http2(&request, &self.limits.head) {
            self.refused(from, refusal);
            let mut answer = Response::new(Either::Right(Empty::new()));
            *answer.status_mut() = refusal.status();
            return Ok(answer);
        }
        // The guard cannot see where chunks end, thus not where a next head would begin.
        let mut is_last = !is_http2 && request.headers().contains_key(TRANSFER_ENCODING);
        // Pinned where it is made: moving the state of a whole request costs as much as verifying one.
        let call = pin!(async { self.service.call(request, from).await });
        let answer = CatchPanic::new(call).await.unwrap_or_else(|Panicked| {
            self.stats.count_panic();
            is_last = !is_http2;
            self.service.on_panic(from)
        });
        let mut answer = answer.map(Either::Left);
        if is_last {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }

    fn watch(self: &Arc<Self>, from: ConnectionInfo) -> Watch {
        let shared = Arc::clone(self);
        Watch::new(Arc::clone(&self.limits), Box::new(move |refusal| shared.refused(from, refusal)))
    }

    fn refused(&self, from: ConnectionInfo, refusal: Refusal) {
        self.stats.count_refusal(refusal);
        self.service.on_refusal(from, refusal);
    }
}

/// Runs a connection to its end, from `drain` on without new requests. How it ended was reported by its guard
/// or is the client's affair.
async fn finish<C: Future>(connection: C, drain: &CancellationToken, wind_down: impl FnOnce(Pin<&mut C>)) {
    let mut connection = pin!(connection);
    tokio::select! {
        // The drain first, so that every answer from then on tells the client to come back elsewhere.
        biased;
        () = drain.cancelled() => wind_down(connection.as_mut()),
        _ended = connection.as_mut() => return,
    }
    let _ended = connection.await;
}

/// Runs the streams of HTTP/2 connections where the drain waits for them.
#[derive(Debug, Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}
