//! The wrapper between a connection's bytes and the HTTP/1 stack: shows it one judged request at a time.
//!
//! - A head goes up only when it is complete and accepted (`head.rs`); a refused one is answered here.
//! - The next head is judged only when the stack asks for it, thus after the answer before it was written. So
//!   pipelined requests get their answers in order, and bytes behind a request that ended the connection are
//!   never looked at.
//! - Bodies are followed by `Content-Length` (`follow.rs`). After a chunked head everything passes: such a
//!   request is the last on its connection (`connection.rs` sees to it), so no second head can hide behind it.
//! - Whoever sends or reads too slowly loses the connection (`deadline.rs`).
//!
//! The stack must be told to allow half-closed connections: to it, a refusal looks like the end of input.

use super::deadline::{Pace, Watch};
use super::follow::Follower;
use super::held::Held;
use super::linger::Farewell;
use super::refusal::Refusal;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the connection's input can still bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// Nothing more goes up, though the client may still send.
    Cut,
    /// The client sends no more, or was silent for too long.
    Ended,
}

/// See the module's head.
pub(super) struct Guard<S> {
    io: S,
    watch: Watch,
    input: Input,
    follower: Follower,
    held: Held,
    /// Since when the stack has been waiting for what the follower is in.
    waiting: Option<Pace>,
    refused: Option<Refusal>,
    farewell: Option<Farewell>,
}

impl<S> Guard<S> {
    pub(super) fn new(io: S, watch: Watch) -> Self {
        Self {
            io,
            watch,
            input: Input::Open,
            follower: Follower::default(),
            held: Held::default(),
            waiting: None,
            refused: None,
            farewell: None,
        }
    }

    /// The stack sees the end of input, writes what it still has and shuts down; then the answer goes out.
    fn refuse(&mut self, refusal: Refusal) {
        self.watch.report(refusal);
        self.refused = Some(refusal);
        self.input = Input::Cut;
    }

    /// Keeps the books after a judgement: `was_in_head` before it, `up` bytes may go up.
    fn judged(&mut self, was_in_head: bool, up: usize) {
        match &mut self.waiting {
            Some(pace) if !was_in_head && !self.follower.is_in_head() => pace.add(up),
            waiting if up > 0 => *waiting = None,
            _ => {}
        }
    }

    /// The socket has nothing: how long may that go on?
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let pace = self.waiting.get_or_insert_with(Pace::start);
        let limits = &self.watch.limits;
        let (deadline, late) = if !self.follower.is_in_head() {
            (pace.body_deadline(&limits.body), Some(Refusal::BodyTimeout))
        } else if !self.held.is_empty() {
            (pace.after(limits.header_timeout), Some(Refusal::HeaderTimeout))
        } else {
            (pace.after(limits.idle_timeout), None)
        };
        ready!(self.watch.poll(cx, deadline));
        match late {
            None => self.input = Input::Ended,
            // The service is reading the body: the error lets it answer in its own words.
            Some(Refusal::BodyTimeout) => {
                self.watch.report(Refusal::BodyTimeout);
                self.input = Input::Cut;
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Some(refusal) => self.refuse(refusal),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads from the socket straight into the stack's buffer, and takes back what may not go up yet.
    fn poll_fresh(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Pending => return self.poll_wait(cx),
            Poll::Ready(outcome) => outcome?,
        }
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            self.input = Input::Ended;
            return Poll::Ready(Ok(()));
        }
        if !self.held.is_empty() {
            self.held.append(fresh);
            buf.set_filled(before);
            return Poll::Ready(Ok(()));
        }
        let was_in_head = self.follower.is_in_head();
        let up = match self.follower.follow(fresh, &self.watch.limits.head) {
            Ok(up) => up,
            Err(refusal) => {
                buf.set_filled(before);
                self.refuse(refusal);
                return Poll::Ready(Ok(()));
            }
        };
        if let Some(rest @ [_, ..]) = fresh.get(up..) {
            self.held.append(rest);
        }
        if up == 0 {
            self.held.judged(0);
            // The first bytes of a head end the silence before it.
            self.waiting = None;
        }
        buf.set_filled(before + up);
        self.judged(was_in_head, up);
        Poll::Ready(Ok(()))
    }

    /// Judges what is held. False when only more bytes can help.
    fn judge_held(&mut self) -> bool {
        let Some(unjudged) = self.held.unjudged() else { return false };
        let was_in_head = self.follower.is_in_head();
        match self.follower.follow(unjudged, &self.watch.limits.head) {
            Ok(up) => {
                self.held.judged(up);
                self.judged(was_in_head, up);
            }
            Err(refusal) => self.refuse(refusal),
        }
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        this.held.release(buf);
        while buf.filled().len() == before && buf.remaining() > 0 && this.input == Input::Open {
            if this.judge_held() {
                this.held.release(buf);
            } else {
                ready!(this.poll_fresh(cx, buf))?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// Whether the client may still be sending what nobody will read.
    fn has_unread_input(&self) -> bool {
        let mid_request = !self.follower.is_in_head() || !self.held.is_empty();
        match self.input {
            Input::Open => mid_request,
            Input::Cut => true,
            Input::Ended => false,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write(cx, buf);
        this.watch.wrote(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.watch.wrote(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_flush(cx);
        this.watch.flushed(cx, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let unread = this.has_unread_input();
        let farewell =
            this.farewell.get_or_insert_with(|| Farewell::new(this.refused, unread, &this.watch.limits));
        farewell.poll(cx, &mut this.io, &mut this.watch)
    }
}
