//! Requests that come again: signed times and nonces, where a client opts in, and the strict mode.

use std::sync::Arc;

use dialects::Access;
use domain::clock::Clock;
use domain::replay::NONCES_PER_KEY;

use super::samples::{Sample, operations, sample};
use crate::wire::Wire;
use crate::world::{KeySpec, START, World, limits, signer};

fn now(world: &World) -> i64 {
    world.clock.now().seconds()
}

fn timed(seconds: i64, nonce: Option<&str>) -> Sample {
    let sample = sample("GetUser", "bob").with("Timestamp", &seconds.to_string());
    match nonce {
        Some(nonce) => sample.with("Nonce", nonce),
        None => sample,
    }
}

async fn code(world: &World, sample: &Sample) -> u64 {
    world.send(&sample.signed(&signer("bob"))).await.code
}

#[tokio::test]
async fn t26_a_signed_time_holds_for_five_minutes_either_way() {
    let world = World::new().await;
    let now = now(&world);
    for (offset, expected) in [
        (0, 0),
        (-300, 0),
        (300, 0),
        (-301, 171),
        (301, 171),
        (-86_400, 171),
        (86_400, 171),
        (3_153_600_000, 171),
    ] {
        assert_eq!(code(&world, &timed(now + offset, None)).await, expected, "{offset}");
    }
    for odd in ["", "0", "x", "-1", "1e9", "1795305600.0", "01795305600000", "1795305600000", "９"] {
        let sample = sample("GetUser", "bob").with("Timestamp", odd);
        assert_eq!(code(&world, &sample).await, 171, "{odd}");
    }
    // Without one a request is good for ever, because no official client sends one.
    let plain = sample("GetUser", "bob");
    assert_eq!(code(&world, &plain).await, 0);
    world.clock.advance(10 * 365 * 86_400_000);
    assert_eq!(code(&world, &plain).await, 0);
}

/// What shortens the life of a captured request: the key's end, its addresses, and a nonce.
#[tokio::test]
async fn t26_keys_can_be_bound_to_addresses_and_end() {
    let world = World::new().await;
    let bob = world.uuid_of("bob").await;
    let sources = vec!["192.0.2.0/28".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    world.key(bob, "bound", KeySpec { sources, ..KeySpec::default() }).await;
    let wire = sample("GetUser", "bob").signed(&signer("bound"));
    for (source, expected) in [
        ("192.0.2.1", 0),
        ("192.0.2.16", 294),
        ("2001:db8::7", 0),
        ("2001:db9::7", 294),
        ("::ffff:192.0.2.1", 0),
        ("127.0.0.1", 294),
    ] {
        assert_eq!(world.send_from(&wire, Some(source.parse().unwrap())).await.code, expected, "{source}");
    }
    assert_eq!(world.send_from(&wire, None).await.code, 294, "an unknown address is not an allowed one");
    // Elsewhere a wrong signature is still a wrong signature: the list tells nothing to strangers.
    let wrong =
        sample("GetUser", "bob").with("PublicKey", &signer("bound").id).with("Signature", &"0".repeat(40));
    let wrong = Wire::raw(crate::wire::Client::Python, &wrong.pairs());
    assert_eq!(world.send_from(&wrong, Some("127.0.0.1".parse().unwrap())).await.code, 171);

    let expires_at = Some(START.plus(60_000));
    world.key(bob, "ending", KeySpec { expires_at, ..KeySpec::default() }).await;
    let wire = sample("GetUser", "bob").signed(&signer("ending"));
    assert_eq!(world.send(&wire).await.code, 0);
    world.clock.advance(59_999);
    assert_eq!(world.send(&wire).await.code, 0);
    world.clock.advance(1);
    assert_eq!(world.send(&wire).await.code, 299);
}

#[tokio::test]
async fn t21_a_nonce_without_a_time_is_refused() {
    let world = World::new().await;
    let before = world.digest().await;
    for operation in operations() {
        let sample = sample(operation.name, "bob").with("Nonce", "n-1");
        let seen = world.send(&sample.signed(&signer("admin"))).await;
        assert_eq!(seen.code, 171, "{}", operation.name);
        assert!(seen.message().contains("Timestamp"), "{}", seen.text);
        // With an empty time or an unreadable one, too.
        for time in ["", "soon"] {
            let seen = world.send(&sample.clone().with("Timestamp", time).signed(&signer("admin"))).await;
            assert_eq!(seen.code, 171, "{} {time}", operation.name);
        }
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t26_a_nonce_works_once() {
    let world = World::new().await;
    let time = now(&world);
    assert_eq!(code(&world, &timed(time, Some("n-1"))).await, 0);
    assert_eq!(code(&world, &timed(time, Some("n-1"))).await, 171);
    assert_eq!(code(&world, &timed(time + 1, Some("n-1"))).await, 171, "another time is no other nonce");
    assert_eq!(code(&world, &timed(time, Some("n-2"))).await, 0);
    // Another key has nonces of its own.
    assert_eq!(world.send(&timed(time, Some("n-1")).signed(&signer("admin"))).await.code, 0);
    // A request that is refused for its signature uses nothing up.
    let forged =
        timed(time, Some("n-3")).with("PublicKey", &signer("bob").id).with("Signature", &"0".repeat(40));
    assert_eq!(world.send(&Wire::raw(crate::wire::Client::Python, &forged.pairs())).await.code, 171);
    assert_eq!(code(&world, &timed(time, Some("n-3"))).await, 0);
    // Signed in the future: remembered until that time and the window are over.
    assert_eq!(code(&world, &timed(time + 300, Some("future"))).await, 0);
    world.clock.advance(600_000);
    assert_eq!(code(&world, &timed(time + 300, Some("future"))).await, 171);
    // The nonce is used up to its length and alphabet, not beyond.
    let time = now(&world);
    assert_eq!(code(&world, &timed(time, Some(&"n".repeat(128)))).await, 0);
    assert_eq!(code(&world, &timed(time, Some(&"n".repeat(129)))).await, 171);
    assert_eq!(code(&world, &timed(time, Some("n n"))).await, 230);
}

#[tokio::test]
async fn t27_a_flood_of_nonces_shuts_out_its_own_key_only_and_survives_a_restart() {
    let mut world = World::new().await;
    // Signed in the same second as the server started would count as signed before.
    world.clock.advance(1_000);
    let time = now(&world);
    for n in 0..NONCES_PER_KEY {
        assert_eq!(code(&world, &timed(time, Some(&format!("n-{n}")))).await, 0, "{n}");
    }
    assert_eq!(code(&world, &timed(time, Some("one-more"))).await, 171);
    assert_eq!(code(&world, &timed(time, Some("n-0"))).await, 171, "the oldest nonce was not pushed out");
    assert_eq!(code(&world, &timed(time, None)).await, 0, "requests without a nonce are not affected");
    assert_eq!(
        world.send(&timed(time, Some("n-0")).signed(&signer("admin"))).await.code,
        0,
        "nor other keys"
    );
    // A server that starts anew knows no nonces, so it refuses what was signed before it started.
    world.clock.advance(5_000);
    world.restart();
    assert_eq!(code(&world, &timed(time, Some("n-0"))).await, 171);
    assert_eq!(code(&world, &timed(now(&world), Some("n-0"))).await, 0);
    // Once the window is over there is room again.
    world.clock.advance(301_000);
    assert_eq!(code(&world, &timed(now(&world), Some("one-more"))).await, 0);
}

/// Official clients repeat requests byte for byte, so that is no offence; a signature from two addresses is an alarm, and who
/// wants can have repeated writes refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t24_equal_requests_pass_unless_the_server_is_strict() {
    let world = Arc::new(World::new().await);
    let update = sample("UpdateAccessKey", "bob").signed(&signer("bob"));
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let (world, update) = (world.clone(), update.clone());
            tokio::spawn(async move { world.send(&update).await.code })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 0);
    }
    assert_eq!(world.service.replay().suspected(), 0);
    assert_eq!(world.send_from(&update, Some("203.0.113.9".parse().unwrap())).await.code, 0);
    assert_eq!(world.service.replay().suspected(), 1, "one signature from two addresses");
    // A read is repeated by everybody all the time.
    let read = sample("ListAccessKeys", "bob").signed(&signer("bob"));
    for source in ["192.0.2.1", "203.0.113.9"] {
        assert_eq!(world.send_from(&read, Some(source.parse().unwrap())).await.code, 0);
    }
    assert_eq!(world.service.replay().suspected(), 1);
}

#[tokio::test]
async fn t24_a_strict_server_takes_each_write_once() {
    for operation in operations() {
        let world = World::with(limits(), "strict_replay = true").await;
        let wire = sample(operation.name, "bob").signed(&signer("admin"));
        assert_eq!(world.send(&wire).await.code, 0, "{}", operation.name);
        let before = world.digest().await;
        let again = world.send(&wire).await;
        match operation.access {
            Access::Write => {
                assert_eq!(again.code, 171, "{}", operation.name);
                assert!(again.message().contains("used before"), "{}", again.text);
            }
            Access::Read => assert_eq!(again.code, 0, "{}", operation.name),
        }
        assert_eq!(world.digest().await, before, "{}", operation.name);
    }
    // A write that its parameters or rights stop has not carried anything.
    let world = World::with(limits(), "strict_replay = true").await;
    let refused = sample("CreateUser", "").signed(&signer("bob"));
    for _ in 0..2 {
        assert_eq!(world.send(&refused).await.code, 299);
    }
}

/// The audit names each write by a keyed hash of its signature and never by the signature, which would allow a replay.
#[tokio::test]
async fn t24_the_audit_keeps_a_keyed_hash_of_the_signature() {
    let world = World::new().await;
    let wire = sample("UpdateAccessKey", "bob").signed(&signer("bob"));
    let body = String::from_utf8(wire.body.clone()).unwrap();
    let signature = body.split_once("Signature=").unwrap().1;
    assert_eq!(world.send(&wire).await.code, 0);
    let head = world.store.audit_heads().await.unwrap().pop().unwrap();
    let rows = world.store.audit_rows(head.node, 0, 1000).await.unwrap();
    let entry = &rows.last().unwrap().entry;
    assert_eq!(entry.action, "access-key.update");
    assert_eq!((entry.dialect.as_ref(), entry.source.as_deref()), ("scloud", Some("192.0.2.1")));
    assert!(entry.detail.contains(" signature=") && !entry.detail.contains(signature), "{}", entry.detail);
}
