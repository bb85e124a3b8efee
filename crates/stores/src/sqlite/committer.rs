//! The only writer: one thread that puts what is queued into one transaction, so that many writes share one sync.
//!
//! Order of things: requirements, effects and audit rows → COMMIT (synced) → the observer is told → the waiters wake. What
//! that order is good for is explained at [`domain::directory`].

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use domain::audit::AuditChain;
use domain::batch::{Batch, Require};
use domain::store::{CommitError, CommitObserver, StoreError};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::Counts;
use super::checkpoint::Wrote;
use super::effects::{apply, insert_audit};
use super::fault::Fault;
use super::health::Health;
use super::requires::holds;
use super::reserve::Reserve;

/// Most batches in one transaction.
const GROUP: usize = 512;
/// SQLite's page size, which the store leaves as it is.
const PAGE_BYTES: u64 = 4_096;
/// How often a full disk is looked at again.
const RECLAIM_EVERY: Duration = Duration::from_secs(1);

/// A batch and who waits for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), CommitError>>,
}

/// What a transaction says of one of its batches.
enum Verdict {
    Written,
    Refused(Require),
}

/// The committer's thread and all that it owns.
pub(super) struct Committer {
    pub(super) db: Connection,
    pub(super) chain: AuditChain,
    pub(super) observer: Arc<dyn CommitObserver>,
    pub(super) health: Arc<Health>,
    pub(super) counts: Arc<Counts>,
    pub(super) checkpoints: Sender<Wrote>,
    pub(super) room: Room,
}

impl Committer {
    /// Writes until nobody can send any more and the queue is empty.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let next = if self.room.reserve.is_held() {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                jobs.recv_timeout(RECLAIM_EVERY)
            };
            self.room.reclaim_when_due(&self.db);
            match next {
                Ok(first) => self.write(std::iter::once(first).chain(jobs.try_iter()).take(GROUP).collect()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self, group: Vec<Job>) {
        if let Some(error) = self.health.error() {
            return answer_all(group, &error);
        }
        if !self.room.reserve.is_held() {
            return self.write_on_full_disk(group);
        }
        match self.transact(&group) {
            Ok(verdicts) => self.acknowledge(group, verdicts),
            // One batch contradicts what is stored; alone, only that one fails.
            Err(Fault::Row(_)) if group.len() > 1 => group.into_iter().for_each(|job| self.write(vec![job])),
            Err(Fault::Full) => {
                self.room.release();
                self.room.limit_file(&self.db);
                self.write_on_full_disk(group);
            }
            Err(fault) => self.give_up(group, fault),
        }
    }

    /// Only what revokes is written, each batch alone, into the room that was held back.
    fn write_on_full_disk(&mut self, group: Vec<Job>) {
        for job in group {
            let group = vec![job];
            if !group.iter().all(|job| job.batch.only_revokes()) {
                answer_all(group, &StoreError::DiskFull);
                continue;
            }
            match self.transact(&group) {
                Ok(verdicts) => self.acknowledge(group, verdicts),
                Err(fault) => self.give_up(group, fault),
            }
        }
    }

    /// One transaction for the whole group. When it fails nothing of it is written, the audit chain included.
    fn transact(&mut self, group: &[Job]) -> Result<Vec<Verdict>, Fault> {
        let started = Instant::now();
        let mut chain = self.chain.clone();
        // Dropped without a commit it rolls back.
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let verdicts = group
            .iter()
            .map(|job| write_batch(&transaction, &mut chain, &job.batch))
            .collect::<Result<Vec<_>, _>>()?;
        if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Written)) {
            transaction.commit()?;
            self.observer.timed(started.elapsed());
        }
        self.chain = chain;
        Ok(verdicts)
    }

    fn acknowledge(&mut self, group: Vec<Job>, verdicts: Vec<Verdict>) {
        let written = |(job, verdict)| matches!(verdict, &Verdict::Written).then_some(job);
        let written: Vec<&Job> = group.iter().zip(&verdicts).filter_map(written).collect();
        if !written.is_empty() {
            for job in &written {
                self.observer.committed(&job.batch);
            }
            self.observer.chained(&self.chain.head());
            self.counts.batches.fetch_add(u64::try_from(written.len()).unwrap_or(u64::MAX), Relaxed);
            self.counts.transactions.fetch_add(1, Relaxed);
            let rows = written.iter().map(|job| job.batch.effects.len() + job.batch.audit.len()).sum();
            // Gone only when the checkpointer has failed, which it has told by itself.
            let _ = self.checkpoints.send(Wrote { rows });
        }
        self.health.acknowledge(|failed| {
            for (job, verdict) in group.into_iter().zip(verdicts) {
                let answer = match (&failed, verdict) {
                    (Some(error), _) => Err(error.clone().into()),
                    (None, Verdict::Written) => Ok(()),
                    (None, Verdict::Refused(require)) => Err(CommitError::Refused(Box::new(require))),
                };
                // Who no longer waits has no use for the answer.
                let _ = job.done.send(answer);
            }
        });
    }

    fn give_up(&self, group: Vec<Job>, fault: Fault) {
        let error = match fault {
            Fault::Row(_) | Fault::Full | Fault::Busy => fault.into(),
            Fault::Damaged(cause) | Fault::Broken(cause) => {
                self.health.fail(&format!("writing failed: {cause}"));
                StoreError::Unavailable(cause)
            }
        };
        answer_all(group, &error);
    }
}

fn write_batch(db: &Connection, chain: &mut AuditChain, batch: &Batch) -> Result<Verdict, Fault> {
    if batch.lacks_audit() {
        return Err(Fault::Row("a change without an audit entry".to_owned()));
    }
    for require in &batch.require {
        if !holds(db, require)? {
            return Ok(Verdict::Refused(require.clone()));
        }
    }
    for effect in &batch.effects {
        apply(db, effect)?;
    }
    for entry in &batch.audit {
        insert_audit(db, &chain.append(entry.clone()))?;
    }
    Ok(Verdict::Written)
}

fn answer_all(group: Vec<Job>, error: &StoreError) {
    for job in group {
        let _ = job.done.send(Err(error.clone().into()));
    }
}

/// The room on the disk and, where the options set one, in the file.
pub(super) struct Room {
    reserve: Reserve,
    max_bytes: Option<u64>,
    /// When to look again whether there is room.
    reclaim_at: Instant,
}

impl Room {
    pub(super) fn new(reserve: Reserve, max_bytes: Option<u64>) -> Self {
        Self { reserve, max_bytes, reclaim_at: Instant::now() }
    }

    /// Gives up the reserve; whether there was one to give up.
    pub(super) fn release(&mut self) -> bool {
        self.reclaim_at = Instant::now() + RECLAIM_EVERY;
        self.reserve.release()
    }

    /// Takes the reserve back if there is room for it. Tried at intervals, however many jobs come: a full disk must neither
    /// stay one for want of a quiet moment nor be written to all the time.
    pub(super) fn reclaim_when_due(&mut self, db: &Connection) {
        if !self.reserve.is_held() && self.reclaim_at <= Instant::now() {
            self.reserve.reclaim();
            self.reclaim_at = Instant::now() + RECLAIM_EVERY;
            self.limit_file(db);
        }
    }

    /// Best effort: a limit that cannot be set now is set at the next change.
    pub(super) fn limit_file(&self, db: &Connection) {
        if let Some(max_bytes) = self.max_bytes {
            let pages = max_bytes.saturating_sub(self.reserve.held_bytes()) / PAGE_BYTES;
            let _ = db.pragma_update(None, "max_page_count", i64::try_from(pages).unwrap_or(i64::MAX).max(1));
        }
    }
}
