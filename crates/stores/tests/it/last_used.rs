//! When a key was last used: seen at once, on disk with the next flush, never earlier than it was.

use domain::access_keys::{KeyChange, KeyStatus};
use domain::batch::{Batch, Effect};
use domain::clock::Clock;
use domain::id::KeyUuid;
use domain::last_used::{KeyUse, LastUse, UseKind};

use crate::world::{Credentials, SCLOUD, World};

async fn uuid(world: &World, key: &Credentials) -> KeyUuid {
    let record = world.service.directory().by_key(&key.id).await.unwrap().unwrap();
    record.key(&key.id).unwrap().uuid
}

/// What a reader on this node sees, and what is on disk.
async fn both(world: &World, key: KeyUuid) -> (Option<LastUse>, Option<LastUse>) {
    let seen = world.service.last_uses(&[key]).await.unwrap().remove(0);
    let stored =
        world.store.last_uses(UseKind::AccessKey, vec![key]).await.unwrap().pop().map(|row| row.last);
    (seen, stored)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_use_is_seen_at_once_and_stays_when_it_was_flushed() {
    let world = World::sqlite().await;
    let sam = world.member("sam").await;
    world.caller(&sam).await;
    let key = uuid(&world, &sam).await;
    let (seen, stored) = both(&world, key).await;
    let first = seen.unwrap();
    assert_eq!((first.at, first.dialect.as_ref()), (world.clock.now(), world.origin().dialect));
    assert_eq!(stored, None, "off the request path");
    world.service.flush_last_used().await.unwrap();
    assert_eq!(both(&world, key).await, (Some(first.clone()), Some(first.clone())));

    world.clock.advance(5_000);
    world.caller(&sam).await;
    let (seen, stored) = both(&world, key).await;
    assert_eq!((seen.unwrap().at, stored), (first.at.plus(5_000), Some(first.clone())), "over the older one");
    // What was not flushed goes with the process, and nothing else.
    let world = world.restart().await;
    assert_eq!(both(&world, key).await, (Some(first.clone()), Some(first)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_is_no_use() {
    let world = World::sqlite().await;
    let (sam, spare) = (world.member("sam").await, world.another_key("sam").await);
    let key = uuid(&world, &spare).await;
    let forged = Credentials { secret: b"another".to_vec(), ..spare.clone() };
    world.authenticate(&forged).await.unwrap_err();
    let off = KeyChange { status: Some(KeyStatus::Inactive), ..KeyChange::default() };
    world.service.update_access_key(&world.caller(&sam).await, &spare.id, SCLOUD, off).await.unwrap();
    world.authenticate(&spare).await.unwrap_err();
    world.service.flush_last_used().await.unwrap();
    assert_eq!(both(&world, key).await, (None, None));
}

/// Another node's marks come late: the newest stays, whoever writes last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_of_two_nodes_counts() {
    let world = World::sqlite().await;
    let sam = world.member("sam").await;
    world.caller(&sam).await;
    let key = uuid(&world, &sam).await;
    let own = both(&world, key).await.0.unwrap();
    let elsewhere =
        |millis| LastUse { at: own.at.plus(millis), operation: "Elsewhere".into(), ..own.clone() };
    let write = async |last| {
        let effects = vec![Effect::NoteUse(KeyUse { kind: UseKind::AccessKey, key, last })];
        world.store.commit(Batch { effects, ..Batch::default() }).await.unwrap();
    };
    write(elsewhere(1_000)).await;
    assert_eq!(both(&world, key).await.0, Some(elsewhere(1_000)), "stored, and newer than what waits here");
    world.service.flush_last_used().await.unwrap();
    assert_eq!(both(&world, key).await.1, Some(elsewhere(1_000)));
    write(elsewhere(-1_000)).await;
    assert_eq!(both(&world, key).await.1, Some(elsewhere(1_000)));
}
