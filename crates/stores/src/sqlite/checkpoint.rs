//! Moves the write-ahead log into the database file, on a thread of its own. SQLite's automatic checkpoint runs inside a
//! COMMIT and swallows errors of the sync; this one tells them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Counts;
use super::fault::Fault;
use super::health::Health;

/// Rows after which the log is moved even while writes go on.
const ROWS: usize = 4_000;
/// How long a log waits for more before it is moved.
const QUIET: Duration = Duration::from_millis(500);
/// Size beyond which the log is cut, which makes writers wait for a moment.
pub(super) const MAX_LOG_BYTES: u64 = 64 * 1024 * 1024;
/// How long to let readers be that kept the log from being cut.
const RETRY: Duration = Duration::from_secs(1);

/// Told by the committer after each transaction.
pub(super) struct Wrote {
    pub(super) rows: usize,
}

/// How to move the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As far as nobody is in the way.
    Move,
    /// All of it, then empty the file: only so do deleted secrets leave it. Waits a little for readers.
    Cut,
}

/// The thread and all that it owns. Durations are measured by the monotonic clock; the wall clock is never asked.
pub(super) struct Checkpointer {
    pub(super) db: Connection,
    pub(super) log: PathBuf,
    pub(super) health: Arc<Health>,
    pub(super) counts: Arc<Counts>,
    /// After how long at the latest the log is cut (requirement R11).
    pub(super) erase_within: Duration,
}

impl Checkpointer {
    /// Works until the committer is gone, then cuts the log.
    pub(super) fn run(self, wrote: &Receiver<Wrote>) {
        let mut unmoved = 0;
        let mut cut_at: Option<Instant> = None;
        loop {
            let quiet = match next(wrote, unmoved, cut_at) {
                Ok(Wrote { rows }) => {
                    unmoved += rows;
                    cut_at = cut_at.or_else(|| Instant::now().checked_add(self.erase_within));
                    if self.log_bytes() > MAX_LOG_BYTES {
                        cut_at = cut_at.min(Some(Instant::now()));
                    }
                    false
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if cut_at.is_some_and(|at| at <= Instant::now()) {
                let is_cut = self.checkpoint(Mode::Cut);
                cut_at = if is_cut { None } else { Instant::now().checked_add(RETRY) };
                unmoved = 0;
            } else if unmoved >= ROWS || (unmoved > 0 && quiet) {
                self.checkpoint(Mode::Move);
                unmoved = 0;
            }
        }
        self.checkpoint(Mode::Cut);
    }

    fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |file| file.len())
    }

    /// Whether all of the log was dealt with. A full disk or a reader in the way is no failure: the log stays as it is.
    fn checkpoint(&self, mode: Mode) -> bool {
        if self.health.error().is_some() {
            return false;
        }
        let pragma = match mode {
            Mode::Move => "PRAGMA wal_checkpoint(PASSIVE)",
            Mode::Cut => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        let blocked = self.db.query_row(pragma, [], |row| row.get::<_, bool>(0)).map_err(Fault::from);
        self.counts.checkpoints.fetch_add(1, Relaxed);
        match blocked {
            Ok(blocked) => {
                if mode == Mode::Cut && !blocked {
                    self.counts.cuts.fetch_add(1, Relaxed);
                }
                !blocked
            }
            Err(Fault::Full | Fault::Busy) => false,
            Err(fault @ (Fault::Row(_) | Fault::Damaged(_) | Fault::Broken(_))) => {
                self.health.fail(&format!("a checkpoint failed: {}", domain::store::StoreError::from(fault)));
                false
            }
        }
    }
}

/// The next message; gives up when the log has been quiet for a while or is due to be cut.
fn next(wrote: &Receiver<Wrote>, unmoved: usize, cut_at: Option<Instant>) -> Result<Wrote, RecvTimeoutError> {
    let Some(cut_at) = cut_at else {
        return wrote.recv().map_err(|_| RecvTimeoutError::Disconnected);
    };
    let wait = cut_at.saturating_duration_since(Instant::now());
    wrote.recv_timeout(if unmoved > 0 { wait.min(QUIET) } else { wait })
}
