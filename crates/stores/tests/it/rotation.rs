//! Rotation, key conditions and remembered requests where several things happen at once, or somebody edits the file.

use std::sync::Arc;

use domain::access_keys::{Conditions, CreatedKey, KeyIssue, Rotation, SignedTime};
use domain::authenticate::AuthError;
use domain::caller::Caller;
use domain::clock::Clock as _;
use domain::error::Error;
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::both_stores;
use crate::world::{Credentials, SHAPE, World, issue};

both_stores! {
    t26_a_key_may_demand_that_requests_tell_their_time,
    t50_parallel_rotations_make_one_successor,
    of_parallel_repeats_one_makes_something,
}

/// The opt-in for a cloud whose requests need tell no time: captured, they would be good for ever.
async fn t26_a_key_may_demand_that_requests_tell_their_time(world: World) {
    let admin = world.admin().await;
    world.member("bob").await;
    let conditions = Conditions { signed_time: SignedTime::Required, ..Conditions::default() };
    let demanding = KeyIssue { conditions, ..issue() };
    let made = world.service.create_access_key(&admin, "bob", &demanding).await.unwrap();
    let key = Credentials::of(made);
    let now = world.clock.now().seconds();
    let time = |seconds: i64| (now + seconds).to_string();
    let judge = async |parameters: &[(&str, &str)]| {
        world.judge(&key.claim(&[&[("Action", "ListAccessKeys")], parameters].concat())).await.map(drop)
    };
    let timeless = judge(&[]).await;
    assert!(matches!(timeless, Err(AuthError::Untimed)), "{timeless:?}");
    let repeatable = judge(&[("Timestamp", &time(0))]).await;
    assert!(matches!(repeatable, Err(AuthError::Untimed)), "{repeatable:?}");
    judge(&[("Timestamp", &time(0)), ("Nonce", "one")]).await.unwrap();
    let again = judge(&[("Timestamp", &time(0)), ("Nonce", "one")]).await;
    assert!(matches!(again, Err(AuthError::Replayed(_))), "{again:?}");
    for distance in [-301, 301] {
        let stale = judge(&[("Timestamp", &time(distance)), ("Nonce", "two")]).await;
        assert!(matches!(stale, Err(AuthError::Stale)), "{stale:?}");
    }
    // Others may go on without.
    world.authenticate(&world.root).await.unwrap();
}

async fn t50_parallel_rotations_make_one_successor(world: World) {
    let world = Arc::new(world);
    let bob = world.member("bob").await;
    let caller = world.caller(&bob).await;
    let mut rotating = JoinSet::new();
    for _ in 0..50 {
        let (world, caller, id) = (world.clone(), caller.clone(), bob.id.clone());
        rotating.spawn(async move {
            let rotation = Rotation {
                dialect: "native",
                shape: &SHAPE,
                overlap_ms: 60_000,
                description: None,
                expires_at: None,
            };
            world.service.rotate_access_key(&caller, &id, &rotation).await.map(drop)
        });
    }
    let results = rotating.join_all().await;
    let made = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(made, 1);
    for result in results {
        assert!(matches!(result, Ok(()) | Err(Error::RotationUnderWay)), "{result:?}");
    }
    let admin = world.admin().await;
    assert_eq!(world.service.list_access_keys(&admin, "bob").await.unwrap().rows.keys.len(), 2);
    world.assert_clean().await;
}

/// A caller whose request may be sent again.
async fn repeating(world: &World, key: &str) -> Caller {
    let mut caller = world.admin().await;
    world.service.note_idempotency_key(&mut caller, key, &[b"POST", b"/users/bob/access-keys", b"{}"]);
    caller
}

async fn of_parallel_repeats_one_makes_something(world: World) {
    let world = Arc::new(world);
    let admin = world.admin().await;
    world.service.create_user(&admin, crate::world::new_user("bob")).await.unwrap();
    let caller = repeating(&world, "once").await;
    let mut making = JoinSet::new();
    for _ in 0..50 {
        let (world, caller) = (world.clone(), caller.clone());
        making.spawn(async move { world.service.create_access_key(&caller, "bob", &issue()).await });
    }
    let results = making.join_all().await;
    let made: Vec<&CreatedKey> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(made.len(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Error::Conflict))), "{results:?}");
    let remembered = world.service.remembered(&caller).await.unwrap().unwrap();
    assert_eq!(remembered.object, *made[0].key.uuid.as_bytes());
    world.assert_clean().await;
}

/// A remembered request that was made to point to another key opens nothing (threat T60).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_an_edited_remembered_request_opens_no_secret() {
    let world = World::sqlite().await;
    world.member("bob").await;
    let victim = world.another_key("bob").await;
    world.service.delete_access_key(&world.admin().await, &victim.id, crate::world::SCLOUD).await.unwrap();
    let caller = repeating(&world, "edited").await;
    world.service.create_access_key(&caller, "bob", &issue()).await.unwrap();
    assert!(world.service.remembered(&caller).await.unwrap().is_some());
    let db = Connection::open(world.dir.as_ref().unwrap().path().join("keyward.db")).unwrap();
    for edit in [
        "UPDATE remembered_requests SET object = (SELECT uuid FROM access_keys WHERE uuid <> object LIMIT 1)",
        "UPDATE remembered_requests SET at = at + 1",
        "UPDATE remembered_requests SET mark = zeroblob(32)",
    ] {
        db.execute_batch(
            "DROP TABLE IF EXISTS temp.good; CREATE TEMP TABLE good AS SELECT * FROM remembered_requests",
        )
        .unwrap();
        assert_eq!(db.execute(edit, []).unwrap(), 1);
        let refused = world.service.remembered(&caller).await;
        assert!(matches!(refused, Err(Error::Damaged)), "{edit}: {refused:?}");
        db.execute_batch(
            "DELETE FROM remembered_requests; INSERT INTO remembered_requests SELECT * FROM good",
        )
        .unwrap();
    }
    assert!(world.service.remembered(&caller).await.unwrap().is_some(), "all edits were taken back");
}
