//! HTTP/2: the wrapper that watches a connection's frames and deadlines, and the check of one request's head.
//!
//! The frames are counted in `frames.rs`. What HTTP/1 refuses in `head.rs` and HTTP/2 can express too is
//! refused here with the same words.

use super::deadline::{Pace, Watch};
use super::frames::FrameMeter;
use super::limits::HeadLimits;
use super::refusal::{Refusal, ensure};
use super::target::{check_method, check_path, same_authority};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName};
use http::{HeaderMap, Request};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Judges the head of one HTTP/2 request.
///
/// The stack has already refused what RFC 9113 calls malformed, among it a body that contradicts its
/// `content-length`. A `#` and what follows it was cut from the path below us and cannot be seen.
///
/// # Errors
/// The request must be answered with [`Refusal::status`] and shown to no service.
pub fn check_http2<B>(request: &Request<B>, limits: &HeadLimits) -> Result<(), Refusal> {
    check_method(request.method().as_str().as_bytes())?;
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    ensure(target.len() <= limits.target_bytes, Refusal::TargetTooLong)?;
    check_path(target.as_bytes())?;
    let headers = request.headers();
    ensure(headers.len() <= limits.headers, Refusal::TooManyHeaders)?;
    ensure(line_bytes(headers) <= limits.header_bytes, Refusal::HeadersTooLarge)?;
    ensure(is_single(headers, &HOST), Refusal::HostRepeated)?;
    ensure(is_single(headers, &AUTHORIZATION), Refusal::AuthorizationRepeated)?;
    ensure(is_single(headers, &CONTENT_LENGTH), Refusal::ContentLengthRepeated)?;
    check_host(request)
}

/// As long as the header lines of HTTP/1 would be.
fn line_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

fn is_single(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_none()
}

fn check_host<B>(request: &Request<B>) -> Result<(), Refusal> {
    // User information is nothing that a client sends to a server, and hosts hide behind it.
    let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    ensure(!named.is_some_and(|named| named.contains(&b'@')), Refusal::Target)?;
    let default_port = if request.uri().scheme_str() == Some("http") { 80 } else { 443 };
    match (named, request.headers().get(HOST)) {
        (None, None) => Err(Refusal::HostMissing),
        (Some(named), Some(host)) => {
            ensure(same_authority(named, host.as_bytes(), default_port), Refusal::HostContradicted)
        }
        _ => Ok(()),
    }
}

/// The wrapper between a connection's bytes and the HTTP/2 stack. Changes no byte.
pub(super) struct Http2Guard<S> {
    io: S,
    watch: Watch,
    meter: FrameMeter,
    closing: Option<Pace>,
}

impl<S> Http2Guard<S> {
    pub(super) fn new(io: S, watch: Watch) -> Self {
        Self { io, watch, meter: FrameMeter::new(Instant::now()), closing: None }
    }

    fn refuse<T>(&mut self, refusal: Refusal) -> Poll<io::Result<T>> {
        self.watch.report(refusal);
        Poll::Ready(Err(io::Error::other(refusal)))
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let deadline = self.meter.deadline(&self.watch.limits);
        ready!(self.watch.poll(cx, deadline.at));
        match deadline.refusal {
            Some(refusal) => self.refuse(refusal),
            // To the stack this is the end of input, and it closes.
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Http2Guard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Pending => return this.poll_wait(cx),
            Poll::Ready(outcome) => outcome?,
        }
        let fresh = buf.filled().get(before..).unwrap_or_default();
        match this.meter.received(fresh, Instant::now(), &this.watch.limits) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(refusal) => this.refuse(refusal),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Http2Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = outcome {
            this.meter.sent(buf.get(..written).unwrap_or(buf), Instant::now());
        }
        this.watch.wrote(cx, outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_flush(cx);
        this.watch.flushed(cx, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let since = this.closing.get_or_insert_with(Pace::start);
        match Pin::new(&mut this.io).poll_shutdown(cx) {
            Poll::Pending => {
                let deadline = since.after(this.watch.limits.linger_timeout);
                this.watch.poll(cx, deadline).map(Ok)
            }
            done => done,
        }
    }
}
