//! What follows each transaction: the directory's entries die, the chain's head is shown, a broken store raises the alarm.

use std::sync::Arc;
use std::time::Duration;

use domain::audit::{AuditEntry, ChainHead};
use domain::batch::Batch;
use domain::directory::Generations;
use domain::store::CommitObserver;

/// What the process does about news from the store.
pub trait Alarms: Send + Sync {
    /// The store failed for good; stop (promise P5).
    fn store_failed(&self, cause: &str);

    /// The newest link of this node's audit chain.
    fn audit_head(&self, head: &ChainHead);

    /// Something is now in force, with its entry in the audit.
    fn changed(&self, entry: &AuditEntry);

    /// How long a transaction took, its sync included.
    fn committed_in(&self, took: Duration);
}

/// Alarms for a store on which nobody waits: that of a local command, or a copy. What fails is told by the calls themselves.
pub struct Quiet;

impl Alarms for Quiet {
    fn store_failed(&self, _: &str) {}

    fn audit_head(&self, _: &ChainHead) {}

    fn changed(&self, _: &AuditEntry) {}

    fn committed_in(&self, _: Duration) {}
}

/// Told by the committer between COMMIT and the acknowledgement.
pub struct Observer {
    generations: Arc<Generations>,
    alarms: Arc<dyn Alarms>,
}

impl Observer {
    /// An observer that raises `generations`.
    pub const fn new(generations: Arc<Generations>, alarms: Arc<dyn Alarms>) -> Self {
        Self { generations, alarms }
    }
}

impl CommitObserver for Observer {
    fn committed(&self, batch: &Batch) {
        self.generations.raise(batch);
        batch.audit.iter().for_each(|entry| self.alarms.changed(entry));
    }

    fn failed(&self, cause: &str) {
        self.alarms.store_failed(cause);
    }

    fn chained(&self, head: &ChainHead) {
        self.alarms.audit_head(head);
    }

    fn timed(&self, took: Duration) {
        self.alarms.committed_in(took);
    }
}
