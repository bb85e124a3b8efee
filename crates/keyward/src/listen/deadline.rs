//! Deadlines of one connection without a timer operation per request.
//!
//! A connection owns one timer. It is armed for some moment not later than the deadline that counts; when it
//! fires early, because that deadline has moved on meanwhile, it is armed anew. So a busy connection touches
//! the timer wheel about once per idle timeout.

use super::limits::{BodyLimits, Limits};
use super::refusal::Refusal;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The one timer of a connection, shared by all its deadlines.
#[derive(Debug, Default)]
struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready once `deadline` has passed; otherwise the task is woken then, or earlier to ask again.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// The pace of a transfer: a total allowance, and more time for each byte that arrives.
#[derive(Debug)]
pub(super) struct Pace {
    started: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), bytes: 0 }
    }

    /// So long after the start, whatever was transferred.
    pub(super) fn after(&self, timeout: Duration) -> Instant {
        self.started + timeout
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// When a body that has come this far must be complete or have come further.
    pub(super) fn body_deadline(&self, limits: &BodyLimits) -> Instant {
        self.started + limits.timeout.min(limits.grace + self.earned(limits))
    }

    /// When an answer that was taken this far must have been taken further.
    pub(super) fn write_deadline(&self, limits: &Limits) -> Instant {
        self.started + limits.write_timeout + self.earned(&limits.body)
    }

    fn earned(&self, limits: &BodyLimits) -> Duration {
        let rate = u64::from(limits.min_bytes_per_second.max(1));
        // 34 years are enough for any transfer and overflow no clock.
        Duration::from_millis((self.bytes.min(1 << 40) * 1_000 / rate).min(1 << 40))
    }
}

/// Told of each refusal.
pub(super) type Notice = Box<dyn FnMut(Refusal) + Send>;

/// The timer of a connection with all that decides about it, and the watch over its writes.
pub(super) struct Watch {
    pub(super) limits: Arc<Limits>,
    notice: Notice,
    alarm: Alarm,
    /// Since when the client has taken nothing, or too little.
    blocked: Option<Pace>,
}

impl Watch {
    pub(super) fn new(limits: Arc<Limits>, notice: Notice) -> Self {
        Self { limits, notice, alarm: Alarm::default(), blocked: None }
    }

    pub(super) fn report(&mut self, refusal: Refusal) {
        (self.notice)(refusal);
    }

    /// Ready once `deadline` has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.alarm.poll(cx, deadline)
    }

    /// Takes note of a write's outcome and makes an error of one that waits for too long.
    pub(super) fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let (Poll::Ready(Ok(bytes)), Some(pace)) = (&outcome, &mut self.blocked) {
            pace.add(*bytes);
        }
        self.unless_blocked(cx, outcome)
    }

    /// The same for a flush, after which nothing waits any more.
    pub(super) fn flushed(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if outcome.is_ready() {
            self.blocked = None;
        }
        self.unless_blocked(cx, outcome)
    }

    fn unless_blocked<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            return outcome;
        }
        let pace = self.blocked.get_or_insert_with(Pace::start);
        ready!(self.alarm.poll(cx, pace.write_deadline(&self.limits)));
        self.report(Refusal::WriteTimeout);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
