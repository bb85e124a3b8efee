//! Rates for each action and key, as the vendor has them, for whoever wants them.

use serde_json::json;

use super::samples::{sample, with_settings};
use super::wire::{Ask, code, send};
use crate::world::{START, World, signer};

/// How many of `count` equal requests are answered before the first refusal.
async fn passed(world: &World, ask: &Ask, who: &str, count: usize) -> usize {
    for number in 0..count {
        if code(world, &ask.signed(&signer(who))).await == "RequestLimitExceeded" {
            return number;
        }
    }
    count
}

fn list() -> Ask {
    Ask::new("ListAccessKeys", json!({}))
}

#[tokio::test]
async fn no_rate_is_set_unless_somebody_sets_one() {
    let world = with_settings("").await;
    assert_eq!(passed(&world, &list(), "bob", 1_000).await, 1_000);
}

#[tokio::test]
async fn each_action_and_key_has_a_rate_of_its_own() {
    let world = with_settings("requests_per_second = 20\nkey_changes_per_second = 5").await;
    assert_eq!(passed(&world, &list(), "bob", 30).await, 20);
    let seen = send(&world, &list().signed(&signer("bob"))).await;
    assert_eq!(
        seen.message(),
        "Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second. \
         Please reduce the frequency of calls."
    );
    assert_eq!(passed(&world, &list(), "alice", 30).await, 20, "another key");
    assert_eq!(passed(&world, &Ask::new("GetUserAppId", json!({})), "bob", 30).await, 20, "another action");
    // Strangers use up nobody's.
    world.clock.advance(1_000);
    let later = list().at(START.seconds() + 1);
    assert_eq!(code(&world, &later.signed(&signer("nobody"))).await, "AuthFailure.SecretIdNotFound");
    assert_eq!(passed(&world, &later, "bob", 30).await, 20, "a second later");
    for action in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
        let ask = sample(&world, action, "alice").await.at(START.seconds() + 1);
        assert_eq!(passed(&world, &ask, "admin", 30).await, 5, "{action}");
    }
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let world = with_settings("key_changes_per_second = 1").await;
    let create = Ask::new("CreateAccessKey", json!({}));
    assert_eq!(passed(&world, &create, "bob", 2).await, 1);
    let before = world.digest().await;
    assert_eq!(passed(&world, &create, "bob", 10).await, 0);
    assert_eq!(world.digest().await, before);
}
