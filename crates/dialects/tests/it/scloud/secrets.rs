//! Where secrets come out: in the answer that makes the key, and nowhere else unless the owner may read them.

use dialects::Reveals;
use serde_json::Value;

use super::samples::{operations, sample};
use crate::wire::{Client, Wire};
use crate::world::{KeySpec, World, limits, signer};

/// Every string of a JSON document with the name of the member that holds it.
fn strings(value: &Value, name: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => out.push((name.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, name, out)),
        Value::Object(members) => members.iter().for_each(|(name, value)| strings(value, name, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn secret_members(json: &Value) -> Vec<String> {
    let mut all = Vec::new();
    strings(json, "", &mut all);
    let secret = |name: &str| {
        ["secret", "password", "token", "private"].iter().any(|word| name.to_lowercase().contains(word))
    };
    all.into_iter().filter(|(name, _)| secret(name)).map(|(_, text)| text).collect()
}

/// Walks every answer of every operation, good and bad.
#[tokio::test]
async fn t67_no_answer_but_that_of_a_creation_holds_a_secret() {
    for operation in operations() {
        let mut secrets: Vec<String> =
            ["admin", "carol", "audrey", "bob", "alice"].map(|name| signer(name).secret).into();
        let world = World::new().await;
        let made = world.send(&sample("CreateAccessKey", "bob").signed(&signer("admin"))).await;
        secrets.push(made.json["AccessKey"]["AccessKeySecret"].as_str().unwrap().to_owned());
        world
            .send(&Wire::signed(
                &signer("admin"),
                &[
                    ("Action", "DeleteAccessKey"),
                    ("AccessKeyID", made.json["AccessKey"]["AccessKeyID"].as_str().unwrap()),
                ],
            ))
            .await;
        for caller in ["admin", "audrey", "bob", "nobody"] {
            for extra in [None, Some(("Password", "hunter22")), Some(("SecurityToken", "t0ken"))] {
                let sample = sample(operation.name, "bob");
                let sample = extra.map_or(sample.clone(), |(name, value)| sample.with(name, value));
                for wire in [sample.signed(&signer(caller)), Wire::raw(Client::Js, &sample.pairs())] {
                    let seen = world.send(&wire).await;
                    let cause = seen.note.cause.map(|cause| cause.text).unwrap_or_default();
                    for secret in secrets.iter().map(String::as_str).chain(["hunter22", "t0ken"]) {
                        assert!(!seen.text.contains(secret), "{}: {}", operation.name, seen.text);
                        assert!(!cause.contains(secret), "{cause}");
                    }
                    let shown = secret_members(&seen.json);
                    let fresh: Vec<&String> = shown.iter().filter(|text| !text.is_empty()).collect();
                    if seen.code == 0 && operation.reveals == Reveals::AtCreation {
                        assert_eq!(fresh.len(), 1, "{}", seen.text);
                        assert_eq!(fresh[0].len(), 43);
                        assert!(fresh[0].bytes().all(|byte| byte.is_ascii_alphanumeric()));
                        secrets.push(fresh[0].clone());
                    } else {
                        assert!(fresh.is_empty(), "{}: {}", operation.name, seen.text);
                    }
                }
            }
        }
    }
}

/// Lists of keys carry the field, empty.
#[tokio::test]
async fn t67_the_field_is_there_and_empty() {
    let world = World::new().await;
    for caller in ["admin", "audrey", "bob"] {
        let seen = world.send(&sample("ListAccessKeys", "bob").signed(&signer(caller))).await;
        assert_eq!(seen.json["AccessKey"][0]["AccessKeySecret"], "", "{caller}");
    }
    assert_eq!(world.audited("access-key.reveal").await, 0);
}

#[tokio::test]
async fn t67_an_owner_may_read_his_own_secrets_where_the_server_says_so_and_the_audit_knows() {
    let world = World::with(limits(), "reveal_secret = \"owner\"").await;
    let list = |target: &str, caller: &str| sample("ListAccessKeys", target).signed(&signer(caller));
    let seen = world.send(&list("bob", "bob")).await;
    assert_eq!(seen.json["AccessKey"][0]["AccessKeySecret"], signer("bob").secret.as_str());
    assert_eq!(world.audited("access-key.reveal").await, 1);
    // Disabled keys of one's own too; nobody else's, not even for an administrator, and none for an auditor.
    let bob = world.uuid_of("bob").await;
    let status = domain::access_keys::KeyStatus::Inactive;
    world.key(bob, "second", KeySpec { status, ..KeySpec::default() }).await;
    let seen = world.send(&list("bob", "bob")).await;
    let keys = seen.json["AccessKey"].as_array().unwrap();
    let shown: Vec<_> = keys.iter().map(|key| key["AccessKeySecret"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, [signer("bob").secret, signer("second").secret]);
    assert_eq!(world.audited("access-key.reveal").await, 3);
    for (target, caller) in [("bob", "admin"), ("bob", "audrey"), ("audrey", "audrey")] {
        let seen = world.send(&list(target, caller)).await;
        assert_eq!(seen.code, 0);
        for key in seen.json["AccessKey"].as_array().unwrap() {
            assert_eq!(key["AccessKeySecret"], "", "{target} by {caller}");
        }
    }
    assert_eq!(world.audited("access-key.reveal").await, 3);
    assert_eq!(
        world.send(&list("admin", "admin")).await.json["AccessKey"][0]["AccessKeySecret"],
        signer("admin").secret.as_str()
    );
    // Nothing else shows them.
    for operation in operations().into_iter().filter(|operation| operation.reveals == Reveals::Never) {
        let seen = world.send(&sample(operation.name, "bob").signed(&signer("bob"))).await;
        assert!(secret_members(&seen.json).iter().all(String::is_empty), "{}", operation.name);
    }
}

/// Keys made here are random, letters and digits only, and unlike each other.
#[tokio::test]
async fn new_keys_have_the_shape_of_the_dialect() {
    let world = World::with(domain::limits::Limits { access_keys_per_user: 300, ..limits() }, "").await;
    let mut seen = std::collections::BTreeSet::new();
    let mut last = String::new();
    for _ in 0..200 {
        world.clock.advance(1);
        let made = world.send(&sample("CreateAccessKey", "bob").signed(&signer("admin"))).await.json;
        let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
        let (id, secret) = (text("AccessKeyID"), text("AccessKeySecret"));
        assert_eq!((id.len(), secret.len()), (32, 43));
        assert!((id.clone() + &secret).bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(id > last, "ids are in the order of creation");
        assert!(seen.insert(id[7..].to_owned()) && seen.insert(secret));
        last = id;
    }
}
