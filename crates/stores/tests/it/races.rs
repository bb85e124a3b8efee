//! Races that must have one outcome: the quota (T50), and a key that is deleted while it makes another (T102).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::caller::Caller;
use domain::error::Error;
use domain::limits::Limits;
use tokio::task::JoinSet;

use crate::both_stores;
use crate::world::{Credentials, SCLOUD, Setup, World, issue, new_user};

both_stores! {
    t50_parallel_creates_never_exceed_the_quota,
}

async fn t50_parallel_creates_never_exceed_the_quota(world: World) {
    let world = Arc::new(world);
    let admin = world.admin().await;
    let limit = world.service.limits().access_keys_per_user;
    for round in 0..100 {
        let name = format!("user{round}");
        world.service.create_user(&admin, new_user(&name)).await.unwrap();
        let mut creating = JoinSet::new();
        for _ in 0..200 {
            let (world, admin, name) = (world.clone(), admin.clone(), name.clone());
            creating.spawn(async move {
                world.service.create_access_key(&admin, &name, &issue()).await.map(drop)
            });
        }
        let mut made = 0;
        for result in creating.join_all().await {
            match result {
                Ok(()) => made += 1,
                Err(Error::LimitReached { limit: 2, .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(made, limit, "round {round}");
        let record = world.service.list_access_keys(&admin, &name).await.unwrap();
        assert_eq!(record.rows.keys.len(), 2, "round {round}");
    }
    world.assert_clean().await;
}

/// Races of one user against the deletion of his own key.
async fn race_with_own_deletion(
    world: Arc<World>,
    admin: Caller,
    name: String,
    races: usize,
    made: Arc<AtomicU64>,
) {
    world.service.create_user(&admin, new_user(&name)).await.unwrap();
    let issue = issue();
    for race in 0..races {
        let issued = world.service.create_access_key(&admin, &name, &issue).await.unwrap();
        let key = Credentials::of(issued);
        let caller = world.caller(&key).await;
        let create = world.service.create_access_key(&caller, &name, &issue);
        let delete = world.service.delete_access_key(&admin, &key.id, SCLOUD);
        // Either may be first in the queue.
        let (created, deleted) = if race % 2 == 0 {
            tokio::join!(create, delete)
        } else {
            let (deleted, created) = tokio::join!(delete, create);
            (created, deleted)
        };
        deleted.unwrap();
        match created {
            Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
            Err(Error::CallerRevoked) => {}
            Err(error) => panic!("{error}"),
        }
        // This one starts after the acknowledgement.
        let late = world.service.create_access_key(&caller, &name, &issue).await;
        assert!(matches!(late, Err(Error::CallerRevoked)), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t102_a_deleted_key_makes_nothing_more_in_ten_thousand_races() {
    // Many users, so that none gathers many keys.
    const USERS: usize = 1_000;
    let limits = Limits { access_keys_per_user: 100, ..Limits::default() };
    let world = Arc::new(World::sqlite_with(Setup { limits, ..Setup::default() }).await);
    let admin = world.admin().await;
    let made = Arc::new(AtomicU64::new(0));
    let mut racing = JoinSet::new();
    for number in 0..USERS {
        let name = format!("user{number}");
        racing.spawn(race_with_own_deletion(
            world.clone(),
            admin.clone(),
            name,
            10_000 / USERS,
            made.clone(),
        ));
    }
    racing.join_all().await;
    let made = made.load(Ordering::Relaxed);
    println!("{made} of 10000 creates came before the deletion");
    assert!((100..9_900).contains(&made), "both outcomes were seen");

    // The audit tells the same: after a key's deletion there is no entry of its doing, and what it made before is there.
    let rows = world.store.audit_rows(world.node, 0, u32::MAX).await.unwrap();
    let mut deleted_at: HashMap<[u8; 16], u64> = HashMap::new();
    let mut ids: HashMap<String, [u8; 16]> = HashMap::new();
    for row in &rows {
        match &*row.entry.action {
            "access-key.create" => {
                let id =
                    row.entry.detail.split_whitespace().find_map(|word| word.strip_prefix("key=")).unwrap();
                ids.insert(id.to_owned(), row.entry.object);
            }
            "access-key.delete" => drop(deleted_at.insert(row.entry.object, row.seq)),
            _ => {}
        }
    }
    assert_eq!(deleted_at.len(), 10_000);
    let by_deleted = |row: &&domain::audit::AuditRow| {
        let actor = row.entry.actor_key.as_ref().and_then(|key| ids.get(key.as_str()));
        actor.is_some_and(|actor| deleted_at.get(actor).is_some_and(|&deleted_at| row.seq > deleted_at))
    };
    assert_eq!(rows.iter().find(by_deleted), None, "a key acted after its deletion");
    let by_raced = rows.iter().filter(|row| {
        row.entry.actor_key.as_ref().is_some_and(|key| key.as_str() != world.root.id)
            && row.entry.action == "access-key.create"
    });
    assert_eq!(u64::try_from(by_raced.count()).unwrap(), made, "every key that was made is in the audit");
    world.assert_clean().await;
}
