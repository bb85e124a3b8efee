//! What a store does when the disk fails (promise P5) and when it is full (P6, threat T86).
//!
//! A failing disk is played by a limit on the size of files (RLIMIT_FSIZE, its signal ignored): a write beyond it fails with
//! EFBIG, which SQLite reports as an I/O error like any other. It holds for a whole process, so the tests run in a child.
//! Errors of `fsync` itself cannot be played this way; they take the same path through the committer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use domain::access_keys::{KeyChange, KeyStatus};
use domain::batch::Batch;
use domain::error::Error;
use domain::store::{CommitError, StoreError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stores::conformance::dump::dump;
use stores::conformance::entry;
use stores::sqlite::Options;

use crate::child;
use crate::world::{Credentials, SCLOUD, Setup, World, issue, new_user};

const SOON: Duration = Duration::from_secs(30);

/// From here on no file of this process may grow beyond `bytes`; `None` lifts the limit again.
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// Runs `child` in a process where a write beyond a limit is an error and not a signal, `parent` with its directory after.
fn in_child(test: &str, child: impl AsyncFnOnce(&Path), parent: impl AsyncFnOnce(&Path)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(dir) = child::dir() {
        return runtime.block_on(child(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    child::run(test, dir.path(), "trap '' XFSZ");
    runtime.block_on(parent(dir.path()));
}

async fn assert_gives_up(world: &World) {
    let failed = async {
        while world.observer.failed.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, failed).await.expect("the observer is told");
    // The disk is well again. That changes nothing: what failed may be lost, so nothing is acknowledged before a restart.
    limit_files(None);
    for _ in 0..10 {
        let commit = world.store.commit(Batch { audit: vec![entry(1)], ..Batch::default() }).await;
        assert!(matches!(commit, Err(CommitError::Store(StoreError::Unavailable(_)))), "{commit:?}");
    }
    // Reads and verification go on until the process stops.
    world.admin().await;
    assert!(matches!(world.store.close().await, Err(StoreError::Unavailable(_))));
}

#[test]
fn p5_after_a_failed_write_nothing_is_acknowledged_until_a_restart() {
    let child = async |dir: &Path| {
        let mut world = World::open(dir, Setup::default());
        world.bootstrap().await;
        world.member("before").await;
        limit_files(Some(size(&dir.join("keyward.db-wal"))));
        let admin = world.admin().await;
        let failed = world.service.create_user(&admin, new_user("during")).await;
        assert!(matches!(failed, Err(Error::Store(StoreError::Unavailable(_)))), "{failed:?}");
        assert_gives_up(&world).await;
    };
    let parent = async |dir: &Path| {
        let world = World::open(dir, Setup::default());
        let admin = world.admin().await;
        world.service.get_user(&admin, "before").await.unwrap();
        let during = world.service.get_user(&admin, "during").await;
        assert!(matches!(during, Err(Error::UserNotFound(_))), "never acknowledged, never there: {during:?}");
        world.service.create_user(&admin, new_user("after")).await.unwrap();
        world.assert_clean().await;
    };
    in_child("faults::p5_after_a_failed_write_nothing_is_acknowledged_until_a_restart", child, parent);
}

#[test]
fn p5_a_failed_checkpoint_is_told_and_ends_acknowledgements() {
    let options = || Options { erase_within: Duration::from_millis(10), ..Setup::default().options };
    let child = async |dir: &Path| {
        let mut world = World::open(dir, Setup { options: options(), ..Setup::default() });
        world.bootstrap().await;
        // The log has room; the database file, larger than the log ever gets, has none to grow.
        let db = dir.join("keyward.db");
        let ballast = rusqlite::Connection::open(&db).unwrap();
        ballast
            .execute_batch(
                "CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(30000000))",
            )
            .unwrap();
        drop(ballast);
        world.member("before").await;
        let cut = async {
            while size(&dir.join("keyward.db-wal")) > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, cut).await.expect("the log is cut");
        limit_files(Some(size(&db)));
        let admin = world.admin().await;
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let name = format!("more{number}");
            match world.service.create_user(&admin, new_user(&name)).await {
                Ok(_) => acknowledged.push(name),
                Err(Error::Store(StoreError::Unavailable(_))) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let cause = world.observer.failed.lock().unwrap().clone();
        println!("failed after {}: {cause:?}", acknowledged.len());
        assert!(cause.unwrap().starts_with("a checkpoint failed"));
        assert_gives_up(&world).await;
        fs::write(dir.join("keyward.acknowledged"), acknowledged.join("\n")).unwrap();
    };
    let parent = async |dir: &Path| {
        let world = World::open(dir, Setup::default());
        let admin = world.admin().await;
        let acknowledged = fs::read_to_string(dir.join("keyward.acknowledged")).unwrap();
        for name in acknowledged.lines() {
            world.service.get_user(&admin, name).await.unwrap();
        }
        world.assert_clean().await;
    };
    in_child("faults::p5_a_failed_checkpoint_is_told_and_ends_acknowledgements", child, parent);
}

/// A file that may not grow beyond some pages is full in the same way as a disk is: SQLite says SQLITE_FULL.
fn small() -> Options {
    Options { max_bytes: Some(600 * 1024), reserve_bytes: 128 * 1024, ..Setup::default().options }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t86_a_full_disk_refuses_changes_serves_reads_and_recovers_alone() {
    let world = World::sqlite_with(Setup { options: small(), ..Setup::default() }).await;
    let dir = world.dir.as_ref().unwrap().path();
    // Something that takes room and can be removed, as a log file of somebody else's on the same disk.
    let ballast = rusqlite::Connection::open(dir.join("keyward.db")).unwrap();
    ballast
        .execute_batch("CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(100000))")
        .unwrap();
    let admin = world.admin().await;
    let mut members = Vec::new();
    let reserve = dir.join("reserve");
    // A directory in its place keeps the reserve from being taken back before the test lets it.
    while fs::create_dir(&reserve).is_err() {
        let full = loop {
            let name = format!("user{}", members.len());
            let new = domain::users::NewUser { first_key: Some(issue()), ..new_user(&name) };
            match world.service.create_user(&admin, new).await {
                Ok(made) => members.push((name, Credentials::of(made.key.unwrap()))),
                Err(error) => break error,
            }
        };
        println!("full after {} users", members.len());
        assert!(matches!(full, Error::Store(StoreError::DiskFull)), "{full}");
    }
    let before = dump(world.store.as_ref()).await;

    // Reads and verification go on, for keys in memory and for others.
    let (name, key) = &members[members.len() / 2];
    world.caller(key).await;
    world.service.get_user(&admin, name).await.unwrap();
    for _ in 0..20 {
        let refused = world.service.create_access_key(&admin, name, &issue()).await;
        assert!(matches!(refused, Err(Error::Store(StoreError::DiskFull))), "{refused:?}");
    }
    assert_eq!(dump(world.store.as_ref()).await, before, "what was refused left nothing");
    assert_eq!(*world.observer.failed.lock().unwrap(), None, "a full disk is no failure");

    // Revocations go through, into the room that was held back.
    for (number, (name, key)) in members.iter().take(60).enumerate() {
        match number % 3 {
            0 => world.service.delete_access_key(&admin, &key.id, SCLOUD).await.unwrap(),
            1 => {
                let change = KeyChange { status: Some(KeyStatus::Inactive), ..KeyChange::default() };
                world.service.update_access_key(&admin, &key.id, SCLOUD, change).await.unwrap();
            }
            _ => world.service.delete_user(&admin, name).await.unwrap(),
        }
        assert!(world.authenticate(key).await.is_err(), "revoked on a full disk");
    }

    // Space returns; nobody restarts anything.
    ballast.execute_batch("DROP TABLE ballast").unwrap();
    fs::remove_dir(&reserve).unwrap();
    let recovered = async {
        while world.service.create_user(&admin, new_user("after")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, recovered).await.expect("writes go on");
    assert_eq!(size(&reserve), 128 * 1024, "the reserve is held again");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t86_a_start_on_a_full_disk_serves_and_revokes() {
    let world = World::sqlite_with(Setup { options: small(), ..Setup::default() }).await;
    let admin = world.admin().await;
    let member = world.member("yuri").await;
    let mut number = 0;
    while world.service.create_user(&admin, new_user(&format!("user{number}"))).await.is_ok() {
        number += 1;
    }
    let dir = world.dir.unwrap();
    world.store.close().await.unwrap();
    drop((world.service, world.store));
    // A directory in the place of the reserve: it cannot be written, as on a disk without room for it.
    let _ = fs::remove_file(dir.path().join("reserve"));
    fs::create_dir(dir.path().join("reserve")).unwrap();
    let setup = Setup { options: small(), ..Setup::default() };
    let world = World::open(dir.path(), setup);
    let admin = world.admin().await;
    world.service.list_users(&admin, 0, 10).await.unwrap();
    let refused = world.service.create_user(&admin, new_user("more")).await;
    assert!(matches!(refused, Err(Error::Store(StoreError::DiskFull))), "{refused:?}");
    world.service.delete_access_key(&admin, &member.id, SCLOUD).await.unwrap();
    assert!(world.authenticate(&member).await.is_err());
    world.store.close().await.unwrap();
}
