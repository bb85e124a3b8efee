//! Signed times, and requests that come again.

use dialects::Access;
use serde_json::json;

use super::samples::{operations, sample, uin, with_settings, world};
use super::wire::{Ask, WAYS, Way, code, send, send_from, stripped, swapped};
use crate::wire::Wire;
use crate::world::{START, signer};

fn list() -> Ask {
    Ask::new("ListAccessKeys", json!({}))
}

#[tokio::test]
async fn t21_a_request_without_a_time_is_refused() {
    let world = world().await;
    let before = world.digest().await;
    let admin = signer("admin");
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        for way in WAYS {
            let wire = ask.signed_as(way, &admin);
            let time = format!("Timestamp={}", ask.time);
            for empty in ["", "Timestamp="] {
                let without = |text: &str| text.replace(&time, empty);
                let body = without(std::str::from_utf8(&wire.body).unwrap()).into_bytes();
                let wire = Wire { target: without(&wire.target), body, ..stripped(&wire, "X-TC-Timestamp") };
                let seen = send(&world, &wire).await;
                assert_eq!(seen.code, "MissingParameter", "{} as {way:?}: {}", operation.name, seen.text);
                assert!(seen.message().contains("`Timestamp`"), "{}", seen.text);
            }
        }
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t22_a_signed_time_holds_for_five_minutes_either_way() {
    let world = world().await;
    let now = START.seconds();
    for way in WAYS {
        for (offset, expected) in [
            (0, "ok"),
            (-300, "ok"),
            (300, "ok"),
            (-301, "AuthFailure.SignatureExpire"),
            (301, "AuthFailure.SignatureExpire"),
            (-86_400, "AuthFailure.SignatureExpire"),
            (86_400, "AuthFailure.SignatureExpire"),
            (3_153_600_000, "AuthFailure.SignatureExpire"),
        ] {
            let wire = list().at(now + offset).signed_as(way, &signer("bob"));
            assert_eq!(code(&world, &wire).await, expected, "{offset} as {way:?}");
        }
        // To the millisecond.
        let wire = list().at(now - 300).signed_as(way, &signer("bob"));
        world.clock.advance(1);
        assert_eq!(code(&world, &wire).await, "AuthFailure.SignatureExpire", "{way:?}");
        world.clock.advance(-1);
    }
    for odd in ["0", "x", "-1", "1e9", "1795305600.0", "01795305600", "1795305600000", "９"] {
        let wire = swapped(&list().signed(&signer("bob")), "X-TC-Timestamp", odd);
        assert_ne!(code(&world, &wire).await, "ok", "{odd}");
    }
}

/// A stranger learns from the clock's answer nothing about keys: it comes first.
#[tokio::test]
async fn t22_the_clock_tells_nothing_about_keys() {
    let world = world().await;
    let old = list().at(START.seconds() - 400);
    let known = send(&world, &old.signed(&signer("bob"))).await;
    let unknown = send(&world, &old.signed(&signer("nobody"))).await;
    assert_eq!(known.text, unknown.text);
    assert_eq!(known.code, "AuthFailure.SignatureExpire");
}

/// Only the signed time counts, whatever else a request says of the time.
#[tokio::test]
async fn t23_of_two_times_the_signed_one_counts() {
    let world = world().await;
    let (now, old) = (START.seconds(), START.seconds() - 400);
    for (signed, other, expected) in [(now, old, "ok"), (old, now, "AuthFailure.SignatureExpire")] {
        let (other_day, other) = (signing::format_basic(other), other.to_string());
        let v3 = list().at(signed).signed(&signer("bob"));
        for (name, value) in [
            ("Date", other_day.as_str()),
            ("X-Date", &other_day),
            ("X-Sdk-Date", &other_day),
            ("Timestamp", &other),
        ] {
            assert_eq!(code(&world, &v3.clone().with_header(name, value)).await, expected, "{name}");
        }
        // A parameter of that name is a common one in a query, signed along and not read.
        let query = Ask { fields: json!({ "Timestamp": other }), ..list() };
        let query = query.at(signed).signed_as(Way::Get, &signer("bob"));
        assert_eq!(code(&world, &query).await, expected);
        // In a form the header is nothing.
        let v1 = list().at(signed).signed_as(Way::V1Post, &signer("bob"));
        let with_header = v1.with_header("X-TC-Timestamp", &other);
        assert_eq!(code(&world, &with_header).await, expected);
    }
    let twice = list().signed(&signer("bob")).with_header("X-TC-Timestamp", &old.to_string());
    assert_eq!(code(&world, &twice).await, "AuthFailure.InvalidAuthorization");
}

/// Equal requests are legitimate: a client may list twice in one second.
#[tokio::test]
async fn t24_a_repeated_request_passes_unless_strict() {
    let admin = signer("admin");
    for operation in operations() {
        for way in WAYS {
            let world = with_settings("strict_replay = true").await;
            let wire = sample(&world, operation.name, "bob").await.signed_as(way, &admin);
            assert_eq!(code(&world, &wire).await, "ok", "{}", operation.name);
            let before = world.digest().await;
            let again = code(&world, &wire).await;
            if operation.access == Access::Write {
                assert_eq!(again, "AuthFailure.SignatureFailure", "{} as {way:?}", operation.name);
            } else {
                assert_eq!(again, "ok", "{} as {way:?}", operation.name);
            }
            assert_eq!(world.digest().await, before, "{}", operation.name);
        }
    }
    let world = world().await;
    let bob = uin(&world, "bob").await;
    let create = Ask::new("CreateAccessKey", json!({ "TargetUin": bob })).signed(&admin);
    let list = list().signed(&admin);
    for _ in 0..100 {
        assert_eq!(code(&world, &list).await, "ok");
    }
    assert_eq!(code(&world, &create).await, "ok");
    assert_eq!(code(&world, &create).await, "OperationDenied.AccessKeyOverLimit");
    // From elsewhere it is an alarm.
    let before = world.service.suspected_replays();
    send_from(&world, &create, "198.51.100.7").await;
    assert!(world.service.suspected_replays() > before);
}
