//! What goes with a user, and what does not come back (threat T47).

use std::sync::Arc;

use domain::access_keys::{KeyChange, KeyStatus};
use domain::authenticate::AuthError;
use domain::error::Error;
use domain::policy::Role;
use domain::users::{UserChange, UserStatus};
use tokio::task::JoinSet;

use crate::both_stores;
use crate::world::{SCLOUD, World, issue, new_user};

both_stores! {
    t47_a_recreated_name_inherits_nothing,
    t47_lost_rights_bind_keys_that_live_on,
    t47_no_key_outlives_a_user_deleted_at_the_same_time,
}

async fn t47_a_recreated_name_inherits_nothing(world: World) {
    let admin = world.admin().await;
    let first = world.member("carol").await;
    let second = world.another_key("carol").await;
    let old = world.service.get_user(&admin, "carol").await.unwrap();
    let earlier = world.caller(&first).await;
    world.service.delete_user(&admin, "carol").await.unwrap();
    for key in [&first, &second] {
        let refused = world.authenticate(key).await;
        assert!(matches!(refused, Err(AuthError::UnknownKey)), "{refused:?}");
    }
    let rows = world.store.user_rows(old.rows.user.uuid).await.unwrap().unwrap();
    assert_eq!(rows.keys, [], "the keys went in the same transaction");

    let third = world.member("carol").await;
    let new = world.service.list_access_keys(&admin, "carol").await.unwrap();
    assert_ne!(new.rows.user.uuid, old.rows.user.uuid);
    assert_ne!(new.rows.user.serial, old.rows.user.serial);
    assert_eq!(new.rows.keys.len(), 1, "only the key made for the new user");
    for key in [&first, &second] {
        assert!(matches!(world.authenticate(key).await, Err(AuthError::UnknownKey)));
    }
    world.caller(&third).await;
    // Who was authenticated before the deletion does not become the new user of his name.
    let late = world.service.create_access_key(&earlier, "carol", &issue()).await;
    assert!(matches!(late, Err(Error::CallerRevoked)), "{late:?}");
    world.assert_clean().await;
}

async fn t47_lost_rights_bind_keys_that_live_on(world: World) {
    let key = world.member("dave").await;
    world.set_role("dave", Role::Admin).await;
    let as_admin = world.caller(&key).await;
    world.service.create_user(&as_admin, new_user("made-as-admin")).await.unwrap();
    world.set_role("dave", Role::Member).await;
    assert_eq!(world.caller(&key).await.role(), Role::Member);
    let late = world.service.create_user(&as_admin, new_user("made-too-late")).await;
    assert!(matches!(late, Err(Error::CallerRevoked)), "{late:?}");
    let admin = world.admin().await;
    let frozen = UserChange { status: Some(UserStatus::Frozen), ..UserChange::default() };
    world.service.update_user(&admin, "dave", frozen).await.unwrap();
    assert!(matches!(world.authenticate(&key).await, Err(AuthError::Unusable(_))));
    world.assert_clean().await;
}

async fn t47_no_key_outlives_a_user_deleted_at_the_same_time(world: World) {
    let world = Arc::new(world);
    let mut racing = JoinSet::new();
    for number in 0..100 {
        let world = world.clone();
        racing.spawn(async move {
            let admin = world.admin().await;
            let name = format!("user{number}");
            let key = world.member(&name).await;
            world.service.list_access_keys(&admin, &name).await.unwrap();
            let issue = issue();
            let change = KeyChange { status: Some(KeyStatus::Inactive), ..KeyChange::default() };
            // All three read the same rows; then they are queued in this or the opposite order.
            let create = world.service.create_access_key(&admin, &name, &issue);
            let update = world.service.update_access_key(&admin, &key.id, SCLOUD, change);
            let delete = world.service.delete_user(&admin, &name);
            let (created, updated, deleted) = if number % 2 == 0 {
                tokio::join!(create, update, delete)
            } else {
                let (deleted, updated, created) = tokio::join!(delete, update, create);
                (created, updated, deleted)
            };
            deleted.unwrap();
            assert!(matches!(created, Ok(_) | Err(Error::UserNotFound(_))), "{created:?}");
            assert!(matches!(updated, Ok(_) | Err(Error::KeyNotFound)), "{updated:?}");
            assert!(matches!(world.authenticate(&key).await, Err(AuthError::UnknownKey)));
        });
    }
    racing.join_all().await;
    // No live key of a deleted user (I3), and one audit entry for each version of each row (I6).
    world.assert_clean().await;
}
