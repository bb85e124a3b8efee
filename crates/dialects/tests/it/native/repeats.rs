//! Requests that are sent again under an `Idempotency-Key`.

use serde_json::{Value, json};

use super::api::{Api, Told, key_in};
use crate::world::signer;

async fn post(api: &Api, who: &str, path: &str, body: Value, key: &str) -> Told {
    api.send(&api.wire(&signer(who), "POST", path, body, &[("Idempotency-Key", key)])).await
}

#[tokio::test]
async fn a_creation_sent_again_makes_nothing_again() {
    let api = Api::new().await;
    let rotate = format!("/access-keys/{}/rotate", signer("alice").id);
    for (path, body, secret) in [
        ("/users/bob/access-keys", json!({"description": "once"}), "/secret"),
        ("/users", json!({"name": "dave", "access_key": {}}), "/access_key/secret"),
        ("/users", json!({"name": "erin"}), ""),
        ("/accounts", json!({"name": "tenant"}), "/access_key/secret"),
        (rotate.as_str(), json!({"overlap_seconds": 7200}), "/access_key/secret"),
    ] {
        let key = format!("key-{}", body.to_string().len());
        let first = post(&api, "admin", path, body.clone(), &key).await.expect(201);
        let before = api.world.digest().await;
        let reveals = api.world.audited("access-key.reveal").await;
        let again = post(&api, "admin", path, body.clone(), &key).await.expect(201);
        if secret.is_empty() {
            assert_eq!(again, first, "{path}");
            assert_eq!(api.world.digest().await, before, "{path}");
        } else {
            assert_eq!(again.pointer(secret), first.pointer(secret), "{path}");
            assert!(first.pointer(secret).unwrap().is_string(), "{path}");
            assert_eq!(
                api.world.audited("access-key.reveal").await,
                reveals + 1,
                "the second reading is audited"
            );
        }
        let other = match body.clone() {
            Value::Object(mut members) => {
                members.insert("more".to_owned(), json!(1));
                Value::Object(members)
            }
            other => other,
        };
        let told = post(&api, "admin", path, other, &key).await;
        assert!(
            matches!(
                (told.status, told.problem()),
                (400, "unknown-parameter") | (409, "idempotency-mismatch")
            ),
            "{}",
            told.text
        );
        let changed = json!({"description": "other"});
        if path.ends_with("access-keys") {
            post(&api, "admin", path, changed, &key).await.refused(409, "idempotency-mismatch");
        }
    }
}

/// The secret is told again for ten minutes, the object for a day, and to nobody else ever.
#[tokio::test]
async fn what_is_remembered_is_forgotten_in_time() {
    let api = Api::new().await;
    let path = "/users/bob/access-keys";
    let first = post(&api, "admin", path, json!({}), "k").await.expect(201);
    api.world.clock.advance(599_999);
    assert_eq!(post(&api, "admin", path, json!({}), "k").await.expect(201)["secret"], first["secret"]);
    api.world.clock.advance(1);
    let later = post(&api, "admin", path, json!({}), "k").await.expect(201);
    assert_eq!((&later["id"], &later["secret"]), (&first["id"], &Value::Null));
    // Another caller's key of the same name is another key.
    let others = post(&api, "carol", path, json!({}), "k").await.expect(201);
    assert_ne!(others["id"], first["id"]);
    let own = post(&api, "bob", path, json!({}), "k").await.expect(201);
    assert_ne!(own["id"], first["id"]);
    api.world.clock.advance(86_400_000);
    let new = post(&api, "admin", path, json!({}), "k").await.expect(201);
    assert_ne!(new["id"], first["id"]);
    assert!(new["secret"].is_string());
}

/// A repeat gives no life back: what was deleted stays so.
#[tokio::test]
async fn a_deleted_key_is_not_told_again() {
    let api = Api::new().await;
    let path = "/users/bob/access-keys";
    let made = key_in(&post(&api, "admin", path, json!({}), "k").await.expect(201));
    api.call("admin", "DELETE", &format!("/access-keys/{}", made.id), Value::Null).await.expect(204);
    post(&api, "admin", path, json!({}), "k").await.refused(404, "access-key-not-found");
    // Who lost the right is told nothing of what he made.
    post(&api, "carol", path, json!({}), "c").await.expect(201);
    api.call("admin", "PATCH", "/users/carol", json!({"role": "auditor"})).await.expect(200);
    post(&api, "carol", path, json!({}), "c").await.refused(403, "denied");
}

#[tokio::test]
async fn keys_of_another_form_are_refused() {
    let api = Api::new().await;
    for key in ["", "a b", "ä", &"x".repeat(256)] {
        let told = post(&api, "admin", "/users/bob/access-keys", json!({}), key).await;
        assert_eq!(told.status, 400, "{key}: {}", told.text);
    }
    let key = "x".repeat(255);
    post(&api, "admin", "/users/bob/access-keys", json!({}), &key).await.expect(201);
    let wire = api.wire(
        &signer("admin"),
        "POST",
        "/users/bob/access-keys",
        json!({}),
        &[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    );
    assert_eq!(api.send(&wire).await.status, 401);
}
