//! Temporary keys: what they may not do, when they end, how many there are, and that they go with their parent.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access_keys::{
    AccessKey, Conditions, KeyChange, KeyIssue, KeyKind, KeyStatus, Rotation, SchemeSet,
};
use domain::accounts::AccountChange;
use domain::authenticate::{AuthError, Freshness};
use domain::caller::{Caller, Origin};
use domain::clock::{Clock as _, UnixMillis};
use domain::decision::Unusable;
use domain::error::{Error, Field};
use domain::id::KeyUuid;
use domain::limits::LimitName;
use domain::net::AddressRange;
use domain::policy::Role;
use domain::random::Randomness;
use domain::ssh_keys::{NewSshKey, SshKeyChange, SshKeyRef};
use domain::testing::TestRandom;
use signing::Scheme;
use stores::conformance::dump::dump;
use tokio::task::JoinSet;

use crate::both_stores;
use crate::world::{Credentials, EVERY_KEY, SCLOUD, SHAPE, SSH_KEY, World, issue, new_ssh_key, new_user};

both_stores! {
    t40_a_temporary_key_makes_no_key_and_reads_no_secret,
    t40_no_chain_exceeds_its_root,
    t41_nobody_makes_temporary_keys_of_foreign_keys,
    t30_a_temporary_key_never_outlives_its_parent,
    t30_what_is_taken_from_a_key_is_taken_from_its_temporary_keys,
    t40_a_temporary_key_is_not_changed_beyond_its_parent,
    t40_what_a_temporary_key_changes_stays_within_its_parents_limits,
    t30_a_temporary_key_made_meanwhile_does_not_escape,
    t50_parallel_creates_never_exceed_the_quota_of_a_key,
    t29_a_temporary_key_rests_with_its_parent,
    a_deleted_parent_takes_along_what_is_made_at_the_same_time,
    expired_temporary_keys_make_room,
    a_deletion_of_several_keys_is_all_or_nothing,
}

const HOUR: i64 = 3_600_000;

/// An issue that ends `millis` from now.
fn until(world: &World, millis: i64) -> KeyIssue<'static> {
    KeyIssue { expires_at: Some(world.clock.now().plus(millis)), ..issue() }
}

/// The record of the key that somebody signs with.
async fn key_of(world: &World, who: &Credentials) -> AccessKey {
    let record = world.service.directory().by_key(&who.id).await.unwrap().unwrap();
    record.key(&who.id).unwrap().clone()
}

async fn make(world: &World, caller: &Caller, parent: KeyUuid) -> Result<(KeyUuid, Credentials), Error> {
    let made = world.service.create_temporary_key(caller, parent, &until(world, HOUR)).await?;
    Ok((made.key.uuid, Credentials::of(made)))
}

fn status(status: KeyStatus) -> KeyChange {
    KeyChange { status: Some(status), ..KeyChange::default() }
}

async fn t40_a_temporary_key_makes_no_key_and_reads_no_secret(world: World) {
    // An administrator's: the strongest one there is.
    let root_key = key_of(&world, &world.root).await;
    let (_, temporary) = make(&world, &world.admin().await, root_key.uuid).await.unwrap();
    let caller = world.caller(&temporary).await;
    assert!(caller.is_temporary());
    let before = dump(world.store.as_ref()).await;
    let refused = [
        world.service.create_access_key(&caller, "admin", &issue()).await.map(drop),
        world.service.create_temporary_key(&caller, root_key.uuid, &until(&world, 1)).await.map(drop),
        world.service.reveal_own_secrets(&caller, &[&root_key]).await.map(drop),
        world
            .service
            .create_user(&caller, domain::users::NewUser { first_key: Some(issue()), ..new_user("x") })
            .await
            .map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(Error::TemporaryCaller)), "{refused:?}");
    }
    assert_eq!(dump(world.store.as_ref()).await, before);
}

/// Random chains: whoever makes whatever of whatever, no key that may not make keys has made one, and no key acts longer,
/// or in more schemes, than the key that it belongs to.
async fn t40_no_chain_exceeds_its_root(world: World) {
    let random = TestRandom::seeded(40);
    let below = |count: usize| {
        let mut bytes = [0; 2];
        random.fill(&mut bytes);
        usize::from(u16::from_be_bytes(bytes)) % count
    };
    let mut known = vec![world.root.clone(), world.member("bob").await, world.another_key("bob").await];
    let mut by_temporary = 0;
    let mut made_temporary = 0;
    for _ in 0..600 {
        let signer = known[below(known.len())].clone();
        let target = known[below(known.len())].clone();
        let target_key = world.service.directory().by_key(&target.id).await.unwrap().unwrap();
        let Some(target_key) = target_key.key(&target.id).cloned() else { continue };
        match below(8) {
            0 => world.clock.advance(i64::try_from(below(5)).unwrap() * 60_000),
            1 => {
                let change = status([KeyStatus::Active, KeyStatus::Inactive][below(2)]);
                let admin = world.admin().await;
                let _ = world.service.update_access_key(&admin, &target.id, EVERY_KEY, change).await;
                // Whatever it was, the administrator comes back.
                let root = status(KeyStatus::Active);
                let _ = world.service.update_access_key(&admin, &world.root.id, EVERY_KEY, root).await;
            }
            _ => {
                let Ok(caller) = world.authenticate(&signer).await else { continue };
                let asked = until(&world, i64::try_from(below(180)).unwrap() * 60_000 + 1);
                let issue = KeyIssue { schemes: [SCLOUD, SchemeSet::all()][below(2)], ..asked };
                let made = world.service.create_temporary_key(&caller, target_key.uuid, &issue).await;
                if caller.is_temporary() {
                    by_temporary += 1;
                    assert!(matches!(made, Err(Error::TemporaryCaller)), "{made:?}");
                }
                let Ok(made) = made else { continue };
                made_temporary += 1;
                let key = &made.key;
                assert_eq!((target_key.kind, key.kind), (KeyKind::Permanent, KeyKind::Temporary));
                assert!(key.schemes.is_within(target_key.schemes));
                assert!(key.expires_at <= issue.expires_at && key.expires_at.is_some());
                assert_eq!(key.user, target_key.user);
                known.push(Credentials::of(made));
            }
        }
        if target_key.kind == KeyKind::Temporary && world.authenticate(&target).await.is_ok() {
            let parent = world.store.key_row(target_key.parent.unwrap()).await.unwrap().unwrap();
            assert_eq!((parent.status, parent.deleted_at), (KeyStatus::Active, None));
        }
    }
    assert!(by_temporary > 10 && made_temporary > 10, "{by_temporary} {made_temporary}");
    world.assert_clean().await;
}

async fn t41_nobody_makes_temporary_keys_of_foreign_keys(world: World) {
    let (bob, alice) = (world.member("bob").await, world.member("alice").await);
    let stranger = world.another_account("stranger").await;
    world.member("carol").await;
    let carol = world.another_key("carol").await;
    world.set_role("carol", Role::Admin).await;
    let before = dump(world.store.as_ref()).await;
    for (who, parent) in [(&bob, &alice), (&bob, &world.root), (&stranger, &bob), (&bob, &stranger)] {
        let parent = key_of(&world, parent).await.uuid;
        let refused = make(&world, &world.caller(who).await, parent).await;
        assert!(matches!(refused, Err(Error::ParentUnusable)), "{refused:?}");
    }
    let unknown = KeyUuid::from_bytes([7; 16]);
    let refused = make(&world, &world.admin().await, unknown).await;
    assert!(matches!(refused, Err(Error::ParentUnusable)), "{refused:?}");
    let root = key_of(&world, &world.root).await.uuid;
    let refused = make(&world, &world.caller(&carol).await, root).await;
    assert!(matches!(refused, Err(Error::RootOnly)), "{refused:?}");
    assert_eq!(dump(world.store.as_ref()).await, before);
    let bobs = key_of(&world, &bob).await;
    let (made, _) = make(&world, &world.caller(&carol).await, bobs.uuid).await.unwrap();
    let made = world.store.key_row(made).await.unwrap().unwrap();
    assert_eq!(made.user, bobs.user, "an administrator makes it for the owner of the parent");
    world.assert_clean().await;
}

async fn t30_a_temporary_key_never_outlives_its_parent(world: World) {
    let admin = world.admin().await;
    world.service.create_user(&admin, new_user("bob")).await.unwrap();
    let ending = world.service.create_access_key(&admin, "bob", &until(&world, HOUR)).await.unwrap();
    let parent = ending.key.clone();
    let bob = Credentials::of(ending);
    let (caller, long) = (world.caller(&bob).await, until(&world, 9 * HOUR));
    let made = world.service.create_temporary_key(&caller, parent.uuid, &long).await.unwrap();
    assert_eq!(made.key.expires_at, parent.expires_at, "capped");
    let unended = world.service.create_temporary_key(&admin, parent.uuid, &issue()).await.unwrap();
    assert_eq!(unended.key.expires_at, parent.expires_at, "the parent's end is one");
    let endless = key_of(&world, &world.root).await.uuid;
    let past = until(&world, 0);
    for issue in [issue(), past] {
        let refused = world.service.create_temporary_key(&admin, endless, &issue).await;
        assert!(matches!(refused, Err(Error::Invalid { field: Field::Expiry, .. })), "{refused:?}");
    }
    let other_schemes = KeyIssue { schemes: SchemeSet::of(&[Scheme::Tc3]), ..until(&world, 1) };
    let refused = world.service.create_temporary_key(&admin, parent.uuid, &other_schemes).await;
    assert!(matches!(refused, Err(Error::ParentUnusable)), "{refused:?}");
    let of_temporary = world.service.create_temporary_key(&admin, made.key.uuid, &until(&world, 1)).await;
    assert!(matches!(of_temporary, Err(Error::ParentUnusable)), "{of_temporary:?}");
    let temporary = Credentials::of(made);
    world.clock.advance(HOUR - 1);
    world.caller(&temporary).await;
    world.clock.advance(1);
    let refused = world.authenticate(&temporary).await;
    assert!(matches!(refused, Err(AuthError::Unusable(Unusable::KeyExpired))), "{refused:?}");
    assert!(world.clock.now() == parent.expires_at.unwrap());
    let admin = world.admin().await;
    let late = world.service.create_temporary_key(&admin, parent.uuid, &until(&world, 1)).await;
    assert!(matches!(late, Err(Error::ParentUnusable)), "{late:?}");
    world.assert_clean().await;
}

fn ending(at: UnixMillis) -> KeyChange {
    KeyChange { expires_at: Some(Some(at)), ..KeyChange::default() }
}

/// The end of a key is that of its temporary keys, in the same transaction; likewise its schemes.
async fn t30_what_is_taken_from_a_key_is_taken_from_its_temporary_keys(world: World) {
    let admin = world.admin().await;
    let bob = world.member("bob").await;
    let parent = key_of(&world, &bob).await.uuid;
    let row = async |key| world.store.key_row(key).await.unwrap().unwrap();
    let (late, _) = make(&world, &admin, parent).await.unwrap();
    let early = world.service.create_temporary_key(&admin, parent, &until(&world, 1_000)).await.unwrap().key;
    let first = world.clock.now().plus(HOUR / 2);
    world.service.update_access_key(&admin, &bob.id, EVERY_KEY, ending(first)).await.unwrap();
    assert_eq!((row(late).await.expires_at, row(late).await.version), (Some(first), 2));
    assert_eq!(row(early.uuid).await, early, "what ends sooner is left alone");
    // A later end gives nothing back.
    world.service.update_access_key(&admin, &bob.id, EVERY_KEY, ending(first.plus(HOUR))).await.unwrap();
    assert_eq!(row(late).await.expires_at, Some(first));
    let narrow = KeyChange { schemes: Some(SchemeSet::of(&[Scheme::Tc3])), ..KeyChange::default() };
    world.service.update_access_key(&admin, &bob.id, EVERY_KEY, narrow).await.unwrap();
    assert!(row(late).await.deleted_at.is_some(), "no scheme is left to it");
    world.assert_clean().await;
}

/// A temporary key is a key like others to who may set conditions, but within its parent (threats T30, T40).
async fn t40_a_temporary_key_is_not_changed_beyond_its_parent(world: World) {
    let admin = world.admin().await;
    let narrow = KeyIssue { schemes: SCLOUD, ..until(&world, 2 * HOUR) };
    world.service.create_user(&admin, new_user("bob")).await.unwrap();
    let parent = world.service.create_access_key(&admin, "bob", &narrow).await.unwrap().key;
    let issue = KeyIssue { schemes: SCLOUD, ..until(&world, HOUR) };
    let child = world.service.create_temporary_key(&admin, parent.uuid, &issue).await.unwrap().key;
    let change = async |change| {
        world.service.update_access_key(&admin, child.key_id.as_str(), EVERY_KEY, change).await
    };
    let end = parent.expires_at.unwrap();
    let endless = KeyChange { expires_at: Some(None), ..KeyChange::default() };
    for beyond in [ending(end.plus(1)), endless] {
        let refused = change(beyond).await;
        assert!(matches!(refused, Err(Error::Invalid { field: Field::Expiry, .. })), "{refused:?}");
    }
    let wide = KeyChange { schemes: Some(SchemeSet::all()), ..KeyChange::default() };
    let refused = change(wide).await;
    assert!(matches!(refused, Err(Error::Invalid { field: Field::Schemes, .. })), "{refused:?}");
    assert_eq!(change(ending(end)).await.unwrap().expires_at, Some(end), "up to its parent's end it may go");
    world.assert_clean().await;
}

/// The parent's networks bind the temporary key wherever it comes from, so they bind what it changes; and its own end does so
/// also where that is the longest that the account allows.
async fn t40_what_a_temporary_key_changes_stays_within_its_parents_limits(world: World) {
    let admin = world.admin().await;
    let longest = AccountChange { max_key_lifetime_ms: Some(Some(HOUR)), status: None };
    world.service.update_account(&admin, "default", &longest).await.unwrap();
    let sources: Vec<AddressRange> = vec!["198.51.100.0/24".parse().unwrap()];
    let conditions = Conditions { sources: sources.clone(), ..Conditions::default() };
    world.service.create_user(&admin, new_user("bob")).await.unwrap();
    let narrow = KeyIssue { conditions, ..issue() };
    let parent = world.service.create_access_key(&admin, "bob", &narrow).await.unwrap().key;
    let new =
        NewSshKey { sources: &sources, expires_at: Some(world.clock.now().plus(1)), ..new_ssh_key(SSH_KEY) };
    let ssh_key = world.service.add_ssh_key(&admin, "bob", new).await.unwrap();
    let (_, temporary) = make(&world, &admin, parent.uuid).await.unwrap();
    let origin = Origin { source: Some("198.51.100.7".parse().unwrap()), ..world.origin() };
    let claim = temporary.claim(&[("Action", "ListAccessKeys")]);
    let caller = world.service.authenticate(&claim, origin, Freshness { window_ms: 1 }).await.unwrap();
    let wanted = SshKeyRef { serial: ssh_key.serial, owner: None };
    let anywhere = SshKeyChange { sources: Some(Vec::new()), ..SshKeyChange::default() };
    let endless = SshKeyChange { expires_at: Some(None), ..SshKeyChange::default() };
    for (change, field) in [(anywhere, Field::Sources), (endless, Field::Expiry)] {
        let refused = world.service.update_ssh_key(&caller, wanted, change).await;
        assert!(matches!(&refused, Err(Error::ExceedsCaller(of)) if *of == field), "{field:?}: {refused:?}");
    }
    let within =
        SshKeyChange { sources: Some(vec!["198.51.100.7".parse().unwrap()]), ..SshKeyChange::default() };
    world.service.update_ssh_key(&caller, wanted, within).await.unwrap();
    world.assert_clean().await;
}

/// The parent's end is moved by who does not know of the child yet: as when both are written at the same time.
async fn t30_a_temporary_key_made_meanwhile_does_not_escape(world: World) {
    let admin = world.admin().await;
    let bob = world.member("bob").await;
    let parent = key_of(&world, &bob).await.uuid;
    let unaware = world.deaf_service();
    unaware.directory().by_key(&bob.id).await.unwrap();
    let (child, _) = make(&world, &admin, parent).await.unwrap();
    let first = world.clock.now().plus(1_000);
    let missed = unaware.update_access_key(&admin, &bob.id, EVERY_KEY, ending(first)).await;
    assert!(matches!(missed, Err(Error::Conflict)), "{missed:?}");
    let rotation =
        Rotation { dialect: "native", shape: &SHAPE, overlap_ms: 1_000, description: None, expires_at: None };
    let missed = unaware.rotate_access_key(&admin, &bob.id, &rotation).await;
    assert!(matches!(missed, Err(Error::Conflict)), "{missed:?}");
    world.service.rotate_access_key(&admin, &bob.id, &rotation).await.unwrap();
    assert_eq!(world.store.key_row(child).await.unwrap().unwrap().expires_at, Some(first));
    world.assert_clean().await;
}

async fn t50_parallel_creates_never_exceed_the_quota_of_a_key(world: World) {
    let world = Arc::new(world);
    let bob = world.member("bob").await;
    let caller = world.caller(&bob).await;
    let parent = key_of(&world, &bob).await.uuid;
    let mut creating = JoinSet::new();
    for _ in 0..100 {
        let (world, caller) = (world.clone(), caller.clone());
        creating.spawn(async move { make(&world, &caller, parent).await.map(drop) });
    }
    let mut made = 0;
    for result in creating.join_all().await {
        match result {
            Ok(()) => made += 1,
            Err(Error::LimitReached { name: LimitName::TemporaryKeysPerKey, limit: 5 }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(made, 5);
    let second = world.another_key("bob").await;
    make(&world, &caller, key_of(&world, &second).await.uuid).await.unwrap();
    world.assert_clean().await;
}

async fn t29_a_temporary_key_rests_with_its_parent(world: World) {
    let bob = world.member("bob").await;
    let parent = key_of(&world, &bob).await;
    let (child, temporary) = make(&world, &world.caller(&bob).await, parent.uuid).await.unwrap();
    let earlier = world.caller(&temporary).await;
    let admin = world.admin().await;
    let set = async |id: &str, to| {
        world.service.update_access_key(&admin, id, EVERY_KEY, status(to)).await.unwrap();
    };
    set(&bob.id, KeyStatus::Inactive).await;
    let refused = world.authenticate(&temporary).await;
    assert!(matches!(refused, Err(AuthError::Unusable(Unusable::ParentUnusable))), "{refused:?}");
    let change = KeyChange { description: Some("late".to_owned()), ..KeyChange::default() };
    let late = world.service.update_access_key(&earlier, &temporary.id, EVERY_KEY, change).await;
    assert!(matches!(late, Err(Error::CallerRevoked)), "{late:?}");
    let of_disabled = make(&world, &admin, parent.uuid).await;
    assert!(matches!(of_disabled, Err(Error::ParentUnusable)), "{of_disabled:?}");
    set(&bob.id, KeyStatus::Active).await;
    world.caller(&temporary).await;
    set(&temporary.id, KeyStatus::Inactive).await;
    let refused = world.authenticate(&temporary).await;
    assert!(matches!(refused, Err(AuthError::Unusable(Unusable::KeyInactive))), "{refused:?}");
    world.caller(&bob).await;
    world.service.delete_access_key(&admin, &bob.id, SCLOUD).await.unwrap();
    for gone in [&bob, &temporary] {
        assert!(matches!(world.authenticate(gone).await, Err(AuthError::UnknownKey)));
    }
    let row = world.store.key_row(child).await.unwrap().unwrap();
    assert!(row.deleted_at.is_some() && row.sealed.is_none());
    world.assert_clean().await;
}

async fn a_deleted_parent_takes_along_what_is_made_at_the_same_time(world: World) {
    let world = Arc::new(world);
    let mut racing = JoinSet::new();
    for number in 0..100 {
        let world = world.clone();
        racing.spawn(async move {
            let admin = world.admin().await;
            let bob = world.member(&format!("user{number}")).await;
            let parent = key_of(&world, &bob).await.uuid;
            let create = make(&world, &admin, parent);
            let delete = world.service.delete_access_key(&admin, &bob.id, SCLOUD);
            let (created, deleted) = if number % 2 == 0 {
                tokio::join!(create, delete)
            } else {
                let (deleted, created) = tokio::join!(delete, create);
                (created, deleted)
            };
            deleted.unwrap();
            match created {
                Err(Error::ParentUnusable) => 0,
                Ok((child, credentials)) => {
                    assert!(matches!(world.authenticate(&credentials).await, Err(AuthError::UnknownKey)));
                    let row = world.store.key_row(child).await.unwrap().unwrap();
                    assert!(row.deleted_at.is_some(), "an orphan");
                    1
                }
                Err(error) => panic!("{error}"),
            }
        });
    }
    let made: i32 = racing.join_all().await.into_iter().sum();
    println!("{made} of 100 temporary keys were made before their parent was deleted");
    world.assert_clean().await;
}

async fn expired_temporary_keys_make_room(world: World) {
    let bob = world.member("bob").await;
    let parent = key_of(&world, &bob).await.uuid;
    for round in 0..3 {
        let caller = world.caller(&bob).await;
        for _ in 0..5 {
            make(&world, &caller, parent).await.unwrap();
        }
        let sixth = make(&world, &caller, parent).await;
        assert!(matches!(sixth, Err(Error::LimitReached { .. })), "round {round}: {sixth:?}");
        world.clock.advance(HOUR);
    }
    let caller = world.caller(&bob).await;
    make(&world, &caller, parent).await.unwrap();
    let record = world.service.list_access_keys(&caller, "bob").await.unwrap();
    assert_eq!(record.children(parent).count(), 1, "what has expired is gone");
    world.assert_clean().await;
}

async fn a_deletion_of_several_keys_is_all_or_nothing(world: World) {
    use domain::access_keys::Doomed;
    let admin = world.admin().await;
    let (bob, alice) = (world.member("bob").await, world.member("alice").await);
    let (_, temporary) = make(&world, &admin, key_of(&world, &bob).await.uuid).await.unwrap();
    let delete = async |ids: &[&str], doomed| {
        world
            .service
            .delete_access_keys(&admin, &ids.iter().map(Into::into).collect::<Vec<_>>(), EVERY_KEY, doomed)
            .await
    };
    let before = dump(world.store.as_ref()).await;
    let refused = delete(&[&bob.id, "nobody"], Doomed::InAnyState).await;
    assert!(matches!(refused, Err(Error::KeyNotFound)), "{refused:?}");
    let refused = delete(&[&bob.id, &alice.id], Doomed::Disabled).await;
    assert!(matches!(refused, Err(Error::KeyEnabled)), "{refused:?}");
    let refused = delete(&[&bob.id, &world.root.id], Doomed::InAnyState).await;
    assert!(matches!(refused, Err(Error::LastAdministratorKey)), "{refused:?}");
    assert_eq!(dump(world.store.as_ref()).await, before);
    for key in [&bob, &alice] {
        world.service.update_access_key(&admin, &key.id, SCLOUD, status(KeyStatus::Inactive)).await.unwrap();
    }
    let gone = delete(&[&alice.id, &bob.id, &bob.id, &alice.id], Doomed::Disabled).await.unwrap();
    let gone: BTreeMap<&str, _> = gone.iter().map(|key| (key.key_id.as_str(), ())).collect();
    assert_eq!(gone.len(), 2, "each once");
    assert!(matches!(world.authenticate(&temporary).await, Err(AuthError::UnknownKey)), "its parent is gone");
    world.assert_clean().await;
}
