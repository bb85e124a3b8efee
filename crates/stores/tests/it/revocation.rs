//! Ten thousand revocations beside loads: none is accepted after its acknowledgement (promise P9). And proof that the
//! harness would see it if one were.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::access_keys::{KeyChange, KeyStatus};
use domain::authenticate::AuthError;
use domain::caller::Caller;
use domain::limits::Limits;
use domain::store::SharedStore;
use signing::Claim;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::gated::{Gate, Gated};
use crate::world::{Credentials, SCLOUD, Setup, World, issue, new_user};

const USERS: usize = 25;
const KEYS_PER_USER: usize = 10;
/// Keys of one round, all revoked at once.
const ROUND: usize = USERS * KEYS_PER_USER;

/// A key on its way to being revoked.
struct Target {
    id: String,
    claim: Claim,
    /// Set by whoever revokes it once the acknowledgement is there.
    acknowledged: AtomicBool,
}

/// What was seen of a race.
#[derive(Debug, Default)]
struct Seen {
    accepted_before: AtomicU64,
    refused_after: AtomicU64,
    /// Must stay 0.
    accepted_after: AtomicU64,
}

impl Seen {
    /// Asks the service once, and sorts the verdict by whether the revocation had been acknowledged before it was asked.
    async fn ask(&self, world: &World, target: &Target) {
        let acknowledged = target.acknowledged.load(Ordering::Acquire);
        match (acknowledged, world.judge(&target.claim).await) {
            (false, Ok(_)) => self.accepted_before.fetch_add(1, Ordering::Relaxed),
            (true, Ok(_)) => self.accepted_after.fetch_add(1, Ordering::Relaxed),
            (true, Err(AuthError::UnknownKey | AuthError::Unusable(_))) => {
                self.refused_after.fetch_add(1, Ordering::Relaxed)
            }
            // Revoked, but not acknowledged yet.
            (false, Err(AuthError::UnknownKey | AuthError::Unusable(_))) => 0,
            (_, Err(error)) => panic!("{error}"),
        };
    }
}

fn limits() -> Limits {
    // Room for the disabled keys, which still count, and a directory that is too small for all.
    Limits { access_keys_per_user: 100, cached_keys: 1_000, ..Limits::default() }
}

/// The owner of a target: each round has users of its own, so that none gathers many keys.
fn owner(number: usize, round: usize) -> String {
    format!("user{}of{round}", number % USERS)
}

async fn make_targets(world: &Arc<World>, admin: &Caller, round: usize) -> Arc<Vec<Target>> {
    let mut making = JoinSet::new();
    for user in 0..USERS {
        let (world, admin) = (world.clone(), admin.clone());
        making.spawn(async move {
            let name = owner(user, round);
            world.service.create_user(&admin, new_user(&name)).await.unwrap();
            let mut targets = Vec::new();
            for _ in 0..KEYS_PER_USER {
                let made = world.service.create_access_key(&admin, &name, &issue()).await.unwrap();
                let key = Credentials::of(made);
                let claim = key.claim(&[("Action", "ListAccessKeys")]);
                targets.push(Target { id: key.id, claim, acknowledged: AtomicBool::new(false) });
            }
            targets
        });
    }
    Arc::new(making.join_all().await.into_iter().flatten().collect())
}

/// Disables or deletes one target, marks it as soon as the acknowledgement is there, and asks at once.
async fn revoke(world: &World, admin: &Caller, seen: &Seen, target: &Target, by_deletion: bool) {
    if by_deletion {
        world.service.delete_access_key(admin, &target.id, SCLOUD).await.unwrap();
    } else {
        let change = KeyChange { status: Some(KeyStatus::Inactive), ..KeyChange::default() };
        world.service.update_access_key(admin, &target.id, SCLOUD, change).await.unwrap();
    }
    target.acknowledged.store(true, Ordering::Release);
    seen.ask(world, target).await;
}

/// One round: verifiers ask about all targets, over and over, while all of them are revoked and further keys are made for
/// the same users.
async fn race(world: &Arc<World>, admin: &Caller, seen: &Arc<Seen>, round: usize) {
    let targets = make_targets(world, admin, round).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut verifiers = JoinSet::new();
    for verifier in 0..3 {
        let (world, seen, targets, is_over) = (world.clone(), seen.clone(), targets.clone(), is_over.clone());
        verifiers.spawn(async move {
            let mut at = verifier * ROUND / 3;
            while !is_over.load(Ordering::Acquire) {
                seen.ask(&world, &targets[at % ROUND]).await;
                // A step that has no factor in common with the number of targets visits all of them.
                at += 7;
                tokio::task::yield_now().await;
            }
        });
    }
    let gate = Arc::new(Semaphore::new(64));
    let mut writers = JoinSet::new();
    for number in 0..ROUND {
        let permit = gate.clone().acquire_owned().await.unwrap();
        let (world, admin, seen, targets) = (world.clone(), admin.clone(), seen.clone(), targets.clone());
        writers.spawn(async move {
            revoke(&world, &admin, &seen, &targets[number], number % 2 == 0).await;
            if number % 10 == 0 {
                let name = owner(number, round);
                world.service.create_access_key(&admin, &name, &issue()).await.unwrap();
            }
            drop(permit);
        });
    }
    writers.join_all().await;
    is_over.store(true, Ordering::Release);
    verifiers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn ten_thousand_revocations_beside_loads_and_none_accepted_after_its_acknowledgement() {
    let world = Arc::new(World::sqlite_with(Setup { limits: limits(), ..Setup::default() }).await);
    let admin = world.admin().await;
    let seen = Arc::new(Seen::default());
    for round in 0..10_000 / ROUND {
        race(&world, &admin, &seen, round).await;
    }
    println!("{seen:?}");
    assert_eq!(seen.accepted_after.load(Ordering::Relaxed), 0, "accepted after the acknowledgement");
    assert!(seen.refused_after.load(Ordering::Relaxed) >= 10_000);
    assert!(
        seen.accepted_before.load(Ordering::Relaxed) >= 1_000,
        "verifiers did run beside the revocations"
    );
    let misses = world.service.directory().counts().misses.load(Ordering::Relaxed);
    assert!(misses >= 1_000, "and loaded from the store meanwhile: {misses}");
    world.assert_clean().await;
}

/// The same harness over an observer that raises generations only after the acknowledgement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observer_that_raises_too_late_is_caught_by_the_harness() {
    let world = Arc::new(World::sqlite_with(Setup { limits: limits(), ..Setup::default() }).await);
    let admin = world.admin().await;
    world.service.create_user(&admin, new_user("user0")).await.unwrap();
    let mut targets = Vec::new();
    for _ in 0..2 {
        let key = world.another_key("user0").await;
        let claim = key.claim(&[("Action", "ListAccessKeys")]);
        targets.push(Target { id: key.id, claim, acknowledged: AtomicBool::new(false) });
    }
    for (target, by_deletion) in targets.iter().zip([true, false]) {
        let seen = Seen::default();
        seen.ask(&world, target).await;
        assert_eq!(seen.accepted_before.load(Ordering::Relaxed), 1);
        world.observer.hold_back();
        revoke(&world, &admin, &seen, target, by_deletion).await;
        assert_eq!(seen.accepted_after.load(Ordering::Relaxed), 1, "the harness sees the wrong order");
        world.observer.raise_what_was_held_back();
        seen.ask(&world, target).await;
        assert_eq!(seen.refused_after.load(Ordering::Relaxed), 1, "raising is what was missing");
    }
}

/// A load that has read the old rows and is held before it publishes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_under_way_during_a_revocation_publishes_nothing_that_is_used() {
    let gate = Arc::new(Gate::default());
    let wrapped = gate.clone();
    let wrap = Box::new(|store: SharedStore| -> SharedStore { Arc::new(Gated { store, gate: wrapped }) });
    let world = Arc::new(World::sqlite_with(Setup { wrap, ..Setup::default() }).await);
    let admin = world.admin().await;
    let key = world.member("rita").await;
    let spare = world.another_key("rita").await;
    let claim = key.claim(&[("Action", "ListAccessKeys")]);
    let asking = |world: &Arc<World>| {
        let (world, claim) = (world.clone(), claim.clone());
        tokio::spawn(async move { world.judge(&claim).await })
    };

    gate.close();
    let early = asking(&world);
    gate.wait_for_loads(1).await;
    // A write through another entry of the user, so that the load under way is the one that knows the old rows.
    gate.let_others_pass();
    world.service.delete_access_key(&admin, &key.id, SCLOUD).await.unwrap();
    let late = asking(&world).await.unwrap();
    assert!(matches!(late, Err(AuthError::UnknownKey)), "asked after the acknowledgement: {late:?}");
    gate.open();
    // It began before the revocation, so either verdict is right for itself; nobody else may profit from what it read.
    let _ = early.await.unwrap();
    let after = asking(&world).await.unwrap();
    assert!(matches!(after, Err(AuthError::UnknownKey)), "asked after the old load ended: {after:?}");
    world.caller(&spare).await;
}
