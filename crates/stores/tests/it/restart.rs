//! What was acknowledged is there after any end, and each start begins an audit chain of its own.

use std::fs;

use domain::caller::Caller;
use stores::conformance::dump::{Dump, dump};

use crate::world::{Credentials, SCLOUD, Setup, World, issue};

/// A little of everything; returns a key that works and one that was deleted.
async fn live_a_little(world: &World, name: &str) -> (Credentials, Credentials) {
    let admin: Caller = world.admin().await;
    let kept = world.member(name).await;
    let deleted = world.another_key(name).await;
    world.service.delete_access_key(&admin, &deleted.id, SCLOUD).await.unwrap();
    let _ = world.authenticate(&deleted).await;
    world.service.flush_refusals().await.unwrap();
    (kept, deleted)
}

async fn assert_whole(world: &World, expected: &Dump, kept: &Credentials, deleted: &Credentials) {
    assert_eq!(dump(world.store.as_ref()).await, *expected);
    world.caller(kept).await;
    assert!(world.authenticate(deleted).await.is_err());
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_close_a_drop_and_a_crash() {
    let world = World::sqlite().await;
    let (kept, deleted) = live_a_little(&world, "sam").await;
    let expected = dump(world.store.as_ref()).await;
    assert_eq!(expected.refusals.len(), 1);
    assert!(expected.audit.len() > 5);

    // A crash: what is in the files at this moment, log included, is all that is left. Nothing was closed.
    let crashed = tempfile::tempdir().unwrap();
    for name in ["keyward.db", "keyward.db-wal"] {
        fs::copy(world.dir.as_ref().unwrap().path().join(name), crashed.path().join(name)).unwrap();
    }
    let after_crash = World::open(crashed.path(), Setup::default());
    assert_whole(&after_crash, &expected, &kept, &deleted).await;
    drop(after_crash);

    let world = world.restart().await;
    assert_whole(&world, &expected, &kept, &deleted).await;

    // A drop without a close.
    let dir = world.dir.unwrap();
    drop((world.service, world.store));
    let again = World::open(dir.path(), Setup::default());
    assert_whole(&again, &expected, &kept, &deleted).await;
    // After an orderly end the database file is complete by itself.
    again.store.close().await.unwrap();
    let alone = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join("keyward.db"), alone.path().join("keyward.db")).unwrap();
    let alone = World::open(alone.path(), Setup::default());
    assert_whole(&alone, &expected, &kept, &deleted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_start_has_a_chain_of_its_own_and_all_of_them_verify() {
    let mut world = World::sqlite().await;
    let mut heads = Vec::new();
    for name in ["uma", "vera", "will", "xena"] {
        live_a_little(&world, name).await;
        heads.push(world.observer.heads.lock().unwrap().last().copied().unwrap());
        world = world.restart().await;
    }
    let report = world.check().await;
    assert_eq!(report.findings, []);
    assert_eq!(report.heads.len(), 4, "a start without a write leaves no chain");
    for head in heads {
        assert!(report.heads.contains(&head), "the head that was told is the one that is stored");
    }
    let stored = world.store.audit_heads().await.unwrap();
    assert!(stored.is_sorted_by_key(|head| head.node), "oldest node first");
    // A key made under an earlier run is as good as one made now.
    let made = world.service.create_access_key(&world.admin().await, "uma", &issue()).await.unwrap();
    world.caller(&Credentials::of(made)).await;
    world.assert_clean().await;
}
