//! The bounded queue between requests and the thread that writes the log.
//!
//! Two byte buffers take turns: requests append whole lines to one under a short lock, the writer takes it away
//! and writes it at once while the other one fills. So a line costs a copy, no allocation and mostly no system
//! call. A request never waits for the disk or the pipe: when the buffer is full, its line is dropped.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// After the first line, the writer waits this long for more, so that a busy server wakes it 500 times a second
/// and not once per line.
const GATHER: Duration = Duration::from_millis(2);

/// Nobody waits longer than this for the log to reach its end.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// Lines on their way out.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something for the writer to do.
    work: Condvar,
    /// The writer has written.
    progress: Condvar,
    capacity_bytes: usize,
    dropped: Counter,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Lines ever taken in.
    queued: u64,
    /// Lines ever handed to the output.
    written: u64,
    /// Somebody waits for the writer: no gathering.
    hurry: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new(capacity_bytes: usize, dropped: Counter) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            capacity_bytes,
            dropped,
        }
    }

    /// Takes one line in, or counts it as dropped when there is no room or nobody will write it.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        let filled = state.lines.len().saturating_add(line.len());
        if filled > self.capacity_bytes || state.closed {
            drop(state);
            self.dropped.inc();
            return;
        }
        let half = self.capacity_bytes / 2;
        let wake = state.lines.is_empty() || (state.lines.len() < half && filled >= half);
        state.lines.extend_from_slice(line);
        state.queued += 1;
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Waits until every line taken in so far was handed to the output; not longer than five seconds.
    pub(super) fn flush(&self) {
        let mut state = self.state();
        let target = state.queued;
        state.hurry = true;
        self.work.notify_one();
        let unwritten = |state: &mut State| state.written < target;
        drop(self.progress.wait_timeout_while(state, FLUSH_DEADLINE, unwritten));
    }

    /// No more lines; the writer ends when it has written those it has.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// The writer: returns after [`Queue::close`]. An output that fails costs its lines, not the server.
    pub(super) fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            batch.clear();
            let (queued, closed) = self.take(&mut batch);
            if out.write_all(&batch).and_then(|()| out.flush()).is_err() {
                let lines = batch.iter().filter(|byte| **byte == b'\n').count();
                self.dropped.inc_by(u64::try_from(lines).unwrap_or(u64::MAX));
            }
            self.state().written = queued;
            self.progress.notify_all();
            if closed {
                return;
            }
        }
    }

    /// Waits for lines and exchanges the buffers. Also returns how many lines came in so far, and whether these
    /// are the last ones.
    fn take(&self, batch: &mut Vec<u8>) -> (u64, bool) {
        let idle = |state: &mut State| state.lines.is_empty() && !state.hurry && !state.closed;
        let state = self.work.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        let half = self.capacity_bytes / 2;
        let gathering = |state: &mut State| state.lines.len() < half && !state.hurry && !state.closed;
        let (mut state, _) =
            self.work.wait_timeout_while(state, GATHER, gathering).unwrap_or_else(PoisonError::into_inner);
        state.hurry = false;
        std::mem::swap(&mut state.lines, batch);
        (state.queued, state.closed)
    }

    /// A poisoned lock only means that some thread panicked while it held whole lines.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
