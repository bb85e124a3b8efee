//! The log: one canonical line per request, and events of the server itself.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use prometheus_client::metrics::counter::Counter;

use super::line::{Line, Value};
use super::outcome::{is_free_to_cause, level};
use super::queue::Queue;
use super::sampling::{Sampler, Verdict};
use crate::config::{self, LogFormat, LogLevel};
use dialects::Outcome;

/// A line's usual length; the buffer of each thread grows beyond it once when needed.
const LINE_BYTES: usize = 512;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(LINE_BYTES));
}

/// Counts of lines that were not written.
#[derive(Clone, Debug, Default)]
pub struct LogCounters {
    /// Because the queue was full or the output failed.
    pub dropped: Counter,
    /// Because their source had its share for the second.
    pub left_out: Counter,
}

/// Everything the log says about one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// When it was answered, in milliseconds since 1970.
    pub time_ms: i64,
    /// The id that the answer carried.
    pub request_id: &'a str,
    /// Name of the dialect from its table, or of the part that answered.
    pub dialect: &'static str,
    /// Name of the operation from its table; empty when none was recognised.
    pub operation: &'static str,
    /// Account of the verified caller.
    pub account: Option<&'a str>,
    /// Name of the verified caller.
    pub user: Option<&'a str>,
    /// The access key id: the caller's, or the claimed one when `outcome` is not that of a verified caller.
    pub key_id: Option<&'a str>,
    /// Address of the client; from a forwarded header only when a trusted proxy sent it.
    pub source: Option<IpAddr>,
    /// HTTP status.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words from the program and never from the request.
    pub cause: Option<&'a str>,
    /// From the end of the head to the end of the answer, in microseconds.
    pub duration_us: u64,
}

/// A handle to the log; clones share it.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Queue,
    sampler: Sampler,
    format: LogFormat,
    level: LogLevel,
    left_out: Counter,
}

/// The thread that writes. Dropping it writes what is queued and ends it; lines after that are dropped.
pub struct LogWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// Starts the thread that writes lines to `out`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: &config::Log,
        out: impl Write + Send + 'static,
        counters: &LogCounters,
    ) -> io::Result<(Self, LogWriter)> {
        let shared = Arc::new(Shared {
            queue: Queue::new(settings.queue_bytes, counters.dropped.clone()),
            sampler: Sampler::new(settings.refusals_per_source_per_second),
            format: settings.format,
            level: settings.level,
            left_out: counters.left_out.clone(),
        });
        let writing = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("keyward-log".to_owned())
            .spawn(move || writing.queue.write_to(out))?;
        Ok((Self { shared: Arc::clone(&shared) }, LogWriter { shared, thread: Some(thread) }))
    }

    /// Whether lines of this level are written, for callers that would have to gather fields first.
    #[must_use]
    pub fn writes(&self, level: LogLevel) -> bool {
        level <= self.shared.level
    }

    /// Writes the line of a request that was answered. Never waits.
    pub fn request(&self, request: &RequestLine<'_>) {
        let level = level(request.outcome);
        if !self.writes(level) {
            return;
        }
        let mut left_out = 0;
        if is_free_to_cause(request.outcome) {
            match self.shared.sampler.judge(request.source, request.time_ms) {
                Verdict::Write { left_out: before } => left_out = before,
                Verdict::LeaveOut => {
                    self.shared.left_out.inc();
                    return;
                }
            }
        }
        self.write(request.time_ms, level, "request", |line| {
            line.text("request.id", request.request_id);
            line.word("dialect", request.dialect);
            line.word("operation", request.operation);
            let caller = [
                ("caller.account", request.account),
                ("caller.user", request.user),
                ("key.id", request.key_id),
            ];
            for (key, value) in caller {
                if let Some(value) = value {
                    line.text(key, value);
                }
            }
            if let Some(source) = request.source {
                line.address("source", source);
            }
            line.number("http.status", u64::from(request.status));
            line.word("outcome", request.outcome.as_str());
            if let Some(cause) = request.cause {
                line.text("cause", cause);
            }
            line.number("duration_us", request.duration_us);
            if left_out > 0 {
                line.number("left_out", u64::from(left_out));
            }
        });
    }

    /// Writes a line about the server itself: started, certificate reloaded, store failed. Never waits.
    pub fn event(
        &self,
        time_ms: i64,
        level: LogLevel,
        name: &'static str,
        fields: &[(&'static str, Value<'_>)],
    ) {
        if self.writes(level) {
            self.write(time_ms, level, name, |line| {
                for (key, value) in fields {
                    line.field(key, *value);
                }
            });
        }
    }

    /// Waits until the lines so far have left the process, five seconds at most.
    pub fn flush(&self) {
        self.shared.queue.flush();
    }

    fn write(&self, time_ms: i64, level: LogLevel, event: &'static str, fields: impl FnOnce(&mut Line<'_>)) {
        BUFFER.with_borrow_mut(|buffer| {
            let mut line = Line::begin(buffer, self.shared.format, time_ms, level, event);
            fields(&mut line);
            line.end();
            self.shared.queue.push(buffer);
        });
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
