//! Repeated requests: equal ones are legitimate and only noted (T24); nonces are bounded per key and never forgotten early
//! (T27).

use std::net::IpAddr;

use domain::clock::UnixMillis;
use domain::id::KeyUuid;
use domain::replay::{NONCE_BYTES, NONCE_KEYS, NONCES_PER_KEY, Replay, ReplayRefusal, SIGNATURES};
use domain::testing::TestRandom;

use crate::both_stores;
use crate::world::{START, World, issue};

both_stores! {
    t24_writes_are_tagged_and_equal_ones_pass_unless_strict,
    t27_nonces_are_used_once_and_not_after_a_restart,
}

const WINDOW: u64 = 300_000;

fn key(number: u64) -> KeyUuid {
    KeyUuid::generate(START, &TestRandom::seeded(number))
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

async fn t24_writes_are_tagged_and_equal_ones_pass_unless_strict(world: World) {
    let who = world.member("judy").await;
    let claim = who.claim(&[("Action", "CreateAccessKey")]);
    let mut caller = world.judge(&claim).await.unwrap();
    for _ in 0..1_000 {
        let mut again = world.judge(&claim).await.unwrap();
        world.service.note_write(&mut again, &claim, false).unwrap();
    }
    assert_eq!(world.service.replay().suspected(), 0, "one address");
    world.service.note_write(&mut caller, &claim, false).unwrap();
    world.service.create_access_key(&caller, "judy", &issue()).await.unwrap();
    let rows = world.store.audit_rows(world.node, 0, 100).await.unwrap();
    let detail = &rows.last().unwrap().entry.detail;
    let tag = world.vault.signature_tag(claim.signature());
    assert!(detail.ends_with(&format!(" signature={tag}")), "{detail}");
    let signature = std::str::from_utf8(claim.signature()).unwrap();
    assert!(
        rows.iter().all(|row| !row.entry.detail.contains(signature)),
        "a keyed hash, never the signature"
    );

    let refused = world.service.note_write(&mut caller, &claim, true);
    assert_eq!(refused, Err(ReplayRefusal::SignatureUsed));
    let other = who.claim(&[("Action", "CreateAccessKey"), ("Nonce", "2")]);
    world.service.note_write(&mut caller, &other, true).unwrap();
}

#[test]
fn t24_one_signature_from_two_addresses_is_an_alarm() {
    let replay = Replay::new(START);
    let (one, two) = (address("192.0.2.1"), address("192.0.2.2"));
    assert_eq!(replay.note_signature("tag", one, false), Ok(()));
    assert_eq!(replay.note_signature("tag", one, false), Ok(()));
    assert_eq!(replay.suspected(), 0);
    assert_eq!(replay.note_signature("tag", two, false), Ok(()), "noted, not refused");
    assert_eq!(replay.suspected(), 1);
    assert_eq!(replay.note_signature("tag", two, true), Err(ReplayRefusal::SignatureUsed));
    assert_eq!(replay.note_signature("tag", None, false), Ok(()));
    assert_eq!(replay.suspected(), 3);
}

#[test]
fn t24_what_is_remembered_of_signatures_is_bounded() {
    let replay = Replay::new(START);
    for number in 0..=SIGNATURES {
        assert_eq!(replay.note_signature(&number.to_string(), None, true), Ok(()));
    }
    assert_eq!(replay.note_signature("1", None, true), Err(ReplayRefusal::SignatureUsed));
    assert_eq!(replay.note_signature("0", None, true), Ok(()), "the oldest made room");
}

#[test]
fn t27_a_flood_of_nonces_shuts_out_its_own_key_only_and_evicts_nothing() {
    let replay = Replay::new(START);
    let (flooded, other) = (key(1), key(2));
    let signed_at = START.0 + 1_000;
    let now = START.plus(1_000);
    let use_one = |key, nonce: &str, now| replay.use_nonce(key, nonce, signed_at, now, WINDOW);
    assert_eq!(use_one(flooded, "first", now), Ok(()));
    for number in 1..NONCES_PER_KEY {
        assert_eq!(use_one(flooded, &number.to_string(), now), Ok(()));
    }
    for number in 0..1_000 {
        assert_eq!(use_one(flooded, &format!("more{number}"), now), Err(ReplayRefusal::Full));
    }
    assert_eq!(use_one(flooded, "first", now), Err(ReplayRefusal::NonceUsed), "the first was not evicted");
    assert_eq!(use_one(other, "first", now), Ok(()), "another key is not affected");
    let last_fresh_moment = UnixMillis(signed_at).plus(i64::try_from(WINDOW).unwrap());
    assert_eq!(use_one(flooded, "first", last_fresh_moment), Err(ReplayRefusal::NonceUsed));
    let later = last_fresh_moment.plus(1);
    assert_eq!(
        replay.use_nonce(flooded, "late", later.0, later, WINDOW),
        Ok(()),
        "room once the window has passed"
    );
}

#[test]
fn t27_many_keys_with_nonces_are_bounded_too() {
    let replay = Replay::new(START);
    let use_one = |number: u64, now: UnixMillis| replay.use_nonce(key(number), "n", now.0, now, WINDOW);
    let keys = u64::try_from(NONCE_KEYS).unwrap();
    for number in 0..keys {
        assert_eq!(use_one(number, START), Ok(()));
    }
    assert_eq!(use_one(keys, START), Err(ReplayRefusal::Full));
    assert_eq!(use_one(0, START), Err(ReplayRefusal::NonceUsed), "nothing was forgotten");
    let later = START.plus(i64::try_from(WINDOW).unwrap() + 1);
    assert_eq!(use_one(keys, later), Ok(()), "room once the window has passed");
}

#[test]
fn t27_nonces_have_a_form_and_a_start() {
    let replay = Replay::new(START);
    let use_one = |nonce: &str, signed_at| replay.use_nonce(key(1), nonce, signed_at, START, WINDOW);
    assert_eq!(use_one("", START.0), Err(ReplayRefusal::Form));
    assert_eq!(use_one(&"n".repeat(NONCE_BYTES + 1), START.0), Err(ReplayRefusal::Form));
    assert_eq!(use_one(&"n".repeat(NONCE_BYTES), START.0), Ok(()));
    assert_eq!(use_one("n", START.0 - 1), Err(ReplayRefusal::SignedBeforeStart));
    let future = START.0 + i64::try_from(WINDOW).unwrap();
    assert_eq!(use_one("future", future), Ok(()));
    assert_eq!(use_one("future", future), Err(ReplayRefusal::NonceUsed));
}

async fn t27_nonces_are_used_once_and_not_after_a_restart(world: World) {
    let who = world.member("kim").await;
    let seconds = START.seconds().to_string();
    let claim = who.claim(&[("Action", "X"), ("Timestamp", &seconds), ("Nonce", "once")]);
    world.judge(&claim).await.unwrap();
    let again = world.judge(&claim).await;
    assert!(
        matches!(again, Err(domain::authenticate::AuthError::Replayed(ReplayRefusal::NonceUsed))),
        "{again:?}"
    );
    if world.dir.is_none() {
        return;
    }
    // The memory of nonces is gone with the process, so what was signed before the start is refused.
    let mut world = world.restart().await;
    world.reset_service_at(START.plus(2_000));
    let replayed = world.judge(&claim).await;
    let expected = ReplayRefusal::SignedBeforeStart;
    assert!(
        matches!(replayed, Err(domain::authenticate::AuthError::Replayed(r)) if r == expected),
        "{replayed:?}"
    );
    let seconds = START.plus(2_000).seconds().to_string();
    let fresh = who.claim(&[("Action", "X"), ("Timestamp", &seconds), ("Nonce", "once")]);
    world.judge(&fresh).await.unwrap();
}
