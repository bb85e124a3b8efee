//! The embedded store: SQLite in a directory of its own.
//!
//! One thread writes ([`committer`]), one moves the log ([`checkpoint`]), some read ([`readers`]); the async side only queues
//! and waits. Every queue is bounded. SQL is in [`requires`], [`effects`], [`reads`], [`logins`] and [`check`]; how a row looks, in
//! [`rows`]; which files there are and who may open them, in [`open`] and [`lock`].

mod check;
mod checkpoint;
mod committer;
mod effects;
mod fault;
mod health;
mod key_list;
mod lock;
mod logins;
mod open;
mod readers;
mod reads;
mod requires;
mod reserve;
mod rows;
mod schema;
mod snapshot;
mod token_keys;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::access_keys::{AccessKey, KeyScan, KeyScanPage};
use domain::accounts::Account;
use domain::audit::{AuditRow, ChainHead};
use domain::audit_log::{AuditPage, AuditScan};
use domain::batch::Batch;
use domain::id::{AccountUuid, KeyId, KeyUuid, NodeId, Serial, UserUuid};
use domain::idempotency::RememberedRequest;
use domain::last_used::{KeyUse, UseKind};
use domain::name::NameKey;
use domain::passwords::Password;
use domain::refusals::RefusalCount;
use domain::ssh_keys::{Fingerprint, SshKey};
use domain::store::{CommitError, KeyOwner, RowCounts, Store, StoreError, StoreFuture, UserPage, UserRows};
use domain::tokens::{Token, TokenHash, TokenKind};
use domain::users::{User, UserPlace};
use domain::vault::{Mark, RingRow};
use tokio::sync::{oneshot, watch};

use self::health::Health;
pub use self::lock::DataDir;
pub use self::open::{FILE, Opened, Versions};
use self::readers::Readers;
pub use self::snapshot::{replace, snapshot};

/// How a store is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that read.
    pub readers: usize,
    /// Reads that may wait; beyond, the store is busy.
    pub read_queue: usize,
    /// Batches that may wait; beyond, the store is busy.
    pub write_queue: usize,
    /// Bytes held back in a file of their own, given up on a full disk so that credentials can still be revoked.
    pub reserve_bytes: u64,
    /// Most bytes of the database file, the reserve included; `None` leaves it to the disk. The log comes on top.
    pub max_bytes: Option<u64>,
    /// After how long at the latest deleted secrets have left the write-ahead log too, unless reads keep it.
    pub erase_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: thread::available_parallelism().map_or(2, Into::into),
            read_queue: 1_024,
            write_queue: 4_096,
            reserve_bytes: 4 * 1024 * 1024,
            max_bytes: None,
            erase_within: Duration::from_secs(30),
        }
    }
}

/// Why a store could not be opened. Each is a sentence for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be used.
    #[error("cannot use {path}: {source}")]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The directory holds other files and lets others in.
    #[error(
        "{path} holds other files and is open to other users (mode {mode:o}); name a directory of its own"
    )]
    Shared {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another process has it open.
    #[error("{path} is in use by {}", owner.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other process, where it says so.
        owner: Option<u32>,
    },
    /// The file belongs to something else.
    #[error("{path} is not a Keyward store")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version, which alone can read it (promise P14).
    #[error("{path} has schema version {found}; this program knows versions up to {known}: use a newer one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest that is known.
        known: usize,
    },
    /// The file cannot be what it should be (promise P7).
    #[error("{path} is damaged: {what}; restore it from a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<fault::Fault> for OpenError {
    fn from(fault: fault::Fault) -> Self {
        OpenError::Store(fault.into())
    }
}

/// What the threads have done so far, for the metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Batches written.
    pub batches: AtomicU64,
    /// Transactions that wrote them, each one sync.
    pub transactions: AtomicU64,
    /// Checkpoints, tried or done.
    pub checkpoints: AtomicU64,
    /// Checkpoints that emptied the log.
    pub cuts: AtomicU64,
}

/// A store that serves. Dropping it writes what was queued and lets go of the directory, like [`Store::close`].
pub struct SqliteStore {
    writer: Mutex<Option<SyncSender<committer::Job>>>,
    readers: Readers,
    health: Arc<Health>,
    counts: Arc<Counts>,
    running: Mutex<Option<Running>>,
    stopped: watch::Sender<bool>,
}

/// What ends with the store, in this order: the threads, then the hold on the directory.
struct Running {
    threads: Vec<JoinHandle<()>>,
    _dir: DataDir,
}

impl SqliteStore {
    fn new(
        writer: SyncSender<committer::Job>,
        readers: Readers,
        health: Arc<Health>,
        counts: Arc<Counts>,
        dir: DataDir,
        threads: Vec<JoinHandle<()>>,
    ) -> Self {
        let running = Mutex::new(Some(Running { threads, _dir: dir }));
        let writer = Mutex::new(Some(writer));
        Self { writer, readers, health, counts, running, stopped: watch::Sender::new(false) }
    }

    /// What the threads have done so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    async fn write(&self, batch: Batch) -> Result<(), CommitError> {
        let (done, answer) = oneshot::channel();
        self.enqueue(committer::Job { batch, done })?;
        answer.await.map_err(|_| self.health.error().unwrap_or_else(closed))?
    }

    fn enqueue(&self, job: committer::Job) -> Result<(), StoreError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match writer.as_ref().ok_or_else(closed)?.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(self.health.error().unwrap_or_else(closed)),
        }
    }

    /// Lets nothing more in, and hands over what then ends by itself; `None` when that was done before.
    fn stop(&self) -> Option<Running> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.readers.close();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn shut_down(&self) -> Result<(), StoreError> {
        if let Some(running) = self.stop() {
            let stopped = self.stopped.clone();
            let join = thread::Builder::new().name("keyward-close".to_owned()).spawn(move || {
                running.join();
                stopped.send_replace(true);
            });
            join.map_err(|error| StoreError::Unavailable(format!("a thread does not start: {error}")))?;
        }
        // The sender is a field of this store, so it cannot be gone.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
        self.health.error().map_or(Ok(()), Err)
    }
}

impl Running {
    /// The committer ends when its queue is empty, the checkpointer after the committer, the readers after their queue.
    fn join(self) {
        for thread in self.threads {
            // A thread that panicked has said so through its watch.
            let _ = thread.join();
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(running) = self.stop() {
            running.join();
        }
    }
}

/// The answer once the store is closed.
fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

impl Store for SqliteStore {
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + '_>> {
        Box::pin(self.write(batch))
    }

    fn key_owner(&self, key_id: &KeyId) -> StoreFuture<'_, Option<KeyOwner>> {
        let key_id = key_id.clone();
        Box::pin(self.readers.read(move |db| reads::key_owner(db, &key_id)))
    }

    fn user_named(&self, account: AccountUuid, name: &NameKey) -> StoreFuture<'_, Option<UserUuid>> {
        let name = name.clone();
        Box::pin(self.readers.read(move |db| reads::user_named(db, account, &name)))
    }

    fn user_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<UserUuid>> {
        Box::pin(self.readers.read(move |db| reads::user_with_serial(db, account, serial)))
    }

    fn account_named(&self, name: &NameKey) -> StoreFuture<'_, Option<Account>> {
        let name = name.clone();
        Box::pin(self.readers.read(move |db| reads::account_named(db, &name)))
    }

    fn user_rows(&self, user: UserUuid) -> StoreFuture<'_, Option<UserRows>> {
        Box::pin(self.readers.read(move |db| reads::user_rows(db, user)))
    }

    fn key_with_id(&self, key_id: &KeyId) -> StoreFuture<'_, Option<AccessKey>> {
        let key_id = key_id.clone();
        Box::pin(self.readers.read(move |db| reads::key_with_id(db, &key_id)))
    }

    fn remembered_request(&self, key: Mark) -> StoreFuture<'_, Option<RememberedRequest>> {
        Box::pin(self.readers.read(move |db| reads::remembered_request(db, key)))
    }

    fn scan_audit(&self, scan: AuditScan) -> StoreFuture<'_, AuditPage> {
        Box::pin(self.readers.read(move |db| reads::scan_audit(db, &scan)))
    }

    fn list_users(&self, account: AccountUuid, offset: u64, limit: u32) -> StoreFuture<'_, UserPage> {
        Box::pin(self.readers.read(move |db| reads::list_users(db, account, offset, limit)))
    }

    fn users_after(
        &self,
        account: AccountUuid,
        after: Option<UserPlace>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<User>> {
        Box::pin(self.readers.read(move |db| reads::users_after(db, account, after, limit)))
    }

    fn key_row(&self, key: KeyUuid) -> StoreFuture<'_, Option<AccessKey>> {
        Box::pin(self.readers.read(move |db| key_list::key_row(db, key)))
    }

    fn scan_keys(&self, scan: KeyScan) -> StoreFuture<'_, KeyScanPage> {
        Box::pin(self.readers.read(move |db| key_list::scan_keys(db, &scan)))
    }

    fn scan_accounts(&self, after: Option<AccountUuid>, limit: u32) -> StoreFuture<'_, Vec<Account>> {
        Box::pin(self.readers.read(move |db| reads::scan_accounts(db, after, limit)))
    }

    fn scan_users(
        &self,
        after: Option<UserUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<(User, Vec<AccessKey>)>> {
        Box::pin(self.readers.read(move |db| reads::scan_users(db, after, limit)))
    }

    fn ssh_keys(&self, user: UserUuid) -> StoreFuture<'_, Vec<SshKey>> {
        Box::pin(self.readers.read(move |db| logins::ssh_keys(db, user)))
    }

    fn ssh_key_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<SshKey>> {
        Box::pin(self.readers.read(move |db| logins::ssh_key_with_serial(db, account, serial)))
    }

    fn ssh_key_with_fingerprint(
        &self,
        account: AccountUuid,
        fingerprint: &Fingerprint,
    ) -> StoreFuture<'_, Option<SshKey>> {
        let fingerprint = *fingerprint;
        Box::pin(self.readers.read(move |db| logins::ssh_key_with_fingerprint(db, account, &fingerprint)))
    }

    fn ssh_keys_of_account(
        &self,
        account: AccountUuid,
        after: Option<KeyUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SshKey>> {
        Box::pin(self.readers.read(move |db| logins::ssh_keys_of_account(db, account, after, limit)))
    }

    fn scan_ssh_keys(&self, after: Option<KeyUuid>, limit: u32) -> StoreFuture<'_, Vec<SshKey>> {
        Box::pin(self.readers.read(move |db| logins::scan_ssh_keys(db, after, limit)))
    }

    fn password(&self, user: UserUuid) -> StoreFuture<'_, Option<Password>> {
        Box::pin(self.readers.read(move |db| logins::password(db, user)))
    }

    fn token_owner(&self, hash: &TokenHash) -> StoreFuture<'_, Option<KeyOwner>> {
        let hash = *hash;
        Box::pin(self.readers.read(move |db| logins::token_owner(db, &hash)))
    }

    fn tokens(&self, account: AccountUuid, kind: TokenKind, limit: u32) -> StoreFuture<'_, Vec<Token>> {
        Box::pin(self.readers.read(move |db| logins::tokens(db, account, kind, limit)))
    }

    fn row_counts(&self) -> StoreFuture<'_, RowCounts> {
        Box::pin(self.readers.read(reads::row_counts))
    }

    fn check(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(self.readers.read(check::check))
    }

    fn audit_rows(&self, node: NodeId, after: u64, limit: u32) -> StoreFuture<'_, Vec<AuditRow>> {
        Box::pin(self.readers.read(move |db| reads::audit_rows(db, node, after, limit)))
    }

    fn refusals(&self, since_minute: i64, limit: u32) -> StoreFuture<'_, Vec<RefusalCount>> {
        Box::pin(self.readers.read(move |db| reads::refusals(db, since_minute, limit)))
    }

    fn last_uses(&self, kind: UseKind, keys: Vec<KeyUuid>) -> StoreFuture<'_, Vec<KeyUse>> {
        Box::pin(self.readers.read(move |db| reads::last_uses(db, kind, &keys)))
    }

    fn audit_heads(&self) -> StoreFuture<'_, Vec<ChainHead>> {
        Box::pin(self.readers.read(reads::audit_heads))
    }

    fn key_ring(&self) -> StoreFuture<'_, Vec<RingRow>> {
        Box::pin(self.readers.read(reads::key_ring))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.shut_down())
    }
}
