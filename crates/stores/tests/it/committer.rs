//! The committer from outside: who is told when, what a full queue says, and that one sync serves many.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::audit::{AuditChain, ChainHead};
use domain::batch::{Batch, Effect};
use domain::id::NodeId;
use domain::store::{CommitError, CommitObserver, Store, StoreError};
use domain::testing::TestRandom;
use domain::vault::Vault;
use stores::conformance::entry;
use stores::conformance::rows::{account, user};
use stores::sqlite::{Options, SqliteStore};

use crate::world::{START, master_key};

/// An observer that stops in the middle of each transaction until the test lets it go on.
struct Paused {
    entered: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl CommitObserver for Paused {
    fn committed(&self, _: &Batch) {
        self.entered.lock().unwrap().send(()).unwrap();
        // The test is over when its end is gone.
        let _ = self.go_on.lock().unwrap().recv();
    }

    fn failed(&self, cause: &str) {
        panic!("{cause}");
    }

    fn chained(&self, _: &ChainHead) {}
}

struct Bench {
    store: Arc<SqliteStore>,
    entered: Receiver<()>,
    go_on: Sender<()>,
    _dir: tempfile::TempDir,
}

fn bench(options: Options) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let random = TestRandom::seeded(1);
    let ring = Vault::new_ring(&master_key(), START, &random);
    let vault = Vault::open(&master_key(), &ring, &random).unwrap();
    let ((entered_sender, entered), (go_on, go_on_receiver)) = (channel(), channel());
    let observer = Paused { entered: Mutex::new(entered_sender), go_on: Mutex::new(go_on_receiver) };
    let chain = AuditChain::start(vault.audit_key(), NodeId::generate(START, &random));
    let store = SqliteStore::open(dir.path(), options).unwrap().start(chain, Arc::new(observer)).unwrap();
    Bench { store, entered, go_on, _dir: dir }
}

fn batch(number: u32) -> Batch {
    let effects = match number {
        0 => vec![Effect::InsertAccount(account(1))],
        _ => vec![Effect::InsertUser(user(&account(1), number))],
    };
    Batch { effects, audit: vec![entry(1)], require: Vec::new() }
}

type Commit<'a> = Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + 'a>>;

/// Looks at a commit once, which queues it the first time.
fn look(commit: &mut Commit<'_>) -> Poll<Result<(), CommitError>> {
    commit.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn nobody_is_woken_while_the_observer_is_being_told() {
    let bench = bench(Options::default());
    let mut commit = bench.store.commit(batch(0));
    assert!(look(&mut commit).is_pending());
    bench.entered.recv_timeout(SOON).unwrap();
    // The write is durable and seen by reads, but nobody has been told that it is.
    assert_eq!(bench.store.row_counts().await.unwrap().accounts, 1);
    assert!(look(&mut commit).is_pending(), "acknowledged before the observer had heard of it");
    bench.go_on.send(()).unwrap();
    assert_eq!(commit.await, Ok(()));
}

#[tokio::test]
async fn a_full_queue_is_busy_and_what_was_queued_is_written() {
    let bench = bench(Options { write_queue: 2, ..Options::default() });
    let mut first = bench.store.commit(batch(0));
    assert!(look(&mut first).is_pending());
    bench.entered.recv_timeout(SOON).unwrap();
    // The committer is held up: two fit into its queue and no more.
    let mut queued = [bench.store.commit(batch(1)), bench.store.commit(batch(2))];
    assert!(queued.iter_mut().all(|commit| look(commit).is_pending()));
    for number in 3..10 {
        assert_eq!(bench.store.commit(batch(number)).await, Err(CommitError::Store(StoreError::Busy)));
    }
    (0..3).for_each(|_| bench.go_on.send(()).unwrap());
    assert_eq!(first.await, Ok(()));
    for commit in queued {
        assert_eq!(commit.await, Ok(()));
    }
    assert_eq!(bench.store.row_counts().await.unwrap().users, 2);
}

#[tokio::test]
async fn what_is_queued_meanwhile_shares_one_transaction() {
    let bench = bench(Options::default());
    let mut first = bench.store.commit(batch(0));
    assert!(look(&mut first).is_pending());
    bench.entered.recv_timeout(SOON).unwrap();
    let mut queued: Vec<Commit<'_>> = (1..=100).map(|number| bench.store.commit(batch(number))).collect();
    assert!(queued.iter_mut().all(|commit| look(commit).is_pending()));
    (0..101).for_each(|_| bench.go_on.send(()).unwrap());
    assert_eq!(first.await, Ok(()));
    for commit in queued {
        assert_eq!(commit.await, Ok(()));
    }
    let counts = bench.store.counts();
    assert_eq!(counts.batches.load(Ordering::Relaxed), 101);
    assert_eq!(counts.transactions.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_commit_whose_caller_went_away_is_written_all_the_same() {
    let bench = bench(Options::default());
    let mut gone = bench.store.commit(batch(0));
    assert!(look(&mut gone).is_pending());
    drop(gone);
    bench.entered.recv_timeout(SOON).unwrap();
    bench.go_on.send(()).unwrap();
    assert_eq!(bench.store.row_counts().await.unwrap().accounts, 1);
}

#[tokio::test]
async fn closing_writes_what_is_queued() {
    let bench = bench(Options::default());
    let mut commits: Vec<Commit<'_>> = (0..=50).map(|number| bench.store.commit(batch(number))).collect();
    assert!(commits.iter_mut().all(|commit| look(commit).is_pending()));
    (0..51).for_each(|_| bench.go_on.send(()).unwrap());
    bench.store.close().await.unwrap();
    for commit in commits {
        assert_eq!(commit.await, Ok(()));
    }
}
