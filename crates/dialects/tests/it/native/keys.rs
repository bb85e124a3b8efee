//! Conditions of keys, rotation, tombstones, accounts.

use serde_json::{Value, json};

use super::api::{Api, key_in};
use crate::world::{Signer, limits, signer};

async fn make(api: &Api, user: &str, body: Value) -> (Signer, Value) {
    let made = api.call("admin", "POST", &format!("/users/{user}/access-keys"), body).await.expect(201);
    (key_in(&made), made)
}

async fn patch(api: &Api, key: &Signer, body: Value) -> super::api::Told {
    api.call("admin", "PATCH", &format!("/access-keys/{}", key.id), body).await
}

async fn whoami(api: &Api, key: &Signer) -> super::api::Told {
    api.call_as(key, "GET", "/whoami", Value::Null).await
}

#[tokio::test]
async fn conditions_hold() {
    let api = Api::new().await;
    let (key, _) = make(&api, "bob", json!({"sources": ["192.0.2.0/24"]})).await;
    whoami(&api, &key).await.expect(200);
    let wire = api.wire(&key, "GET", "/whoami", Value::Null, &[]);
    api.send_from(&wire, "198.51.100.7").await.refused(403, "source-refused");
    patch(&api, &key, json!({"sources": ["198.51.100.0/24"]})).await.expect(200);
    whoami(&api, &key).await.refused(403, "source-refused");

    let (key, made) = make(
        &api,
        "bob",
        json!({"not_before": "2026-11-22T01:00:00Z", "expires_at": "2026-11-22T02:00:00Z"}),
    )
    .await;
    assert_eq!(made["state"], "not_yet_valid");
    whoami(&api, &key).await.refused(403, "access-key-unusable");
    api.world.clock.advance(3_600_000);
    whoami(&api, &key).await.expect(200);
    api.world.clock.advance(3_600_000);
    whoami(&api, &key).await.refused(403, "access-key-unusable");
    let revived = patch(&api, &key, json!({"expires_at": null, "not_before": null})).await.expect(200);
    assert_eq!((&revived["state"], &revived["expires_at"]), (&json!("active"), &Value::Null));
    whoami(&api, &key).await.expect(200);

    let (key, _) = make(&api, "bob", json!({"audience": ["storage", "git.example"]})).await;
    let told = whoami(&api, &key).await;
    assert!(told.text.contains("other services"), "{}", told.text);
    told.refused(403, "access-key-unusable");
    patch(&api, &key, json!({"audience": []})).await.expect(200);
    whoami(&api, &key).await.expect(200);
    patch(&api, &key, json!({"schemes": ["tc3", "scp"]})).await.expect(200);
    whoami(&api, &key).await.refused(401, "credential-refused");
}

#[tokio::test]
async fn conditions_are_checked() {
    let api = Api::new().await;
    let many: Vec<String> = (0..65).map(|n| format!("10.0.{n}.0/24")).collect();
    let path = "/users/bob/access-keys";
    for (body, field) in [
        (json!({"sources": ["10.0.0.1/8"]}), "sources"),
        (json!({"sources": ["host"]}), "sources"),
        (json!({"sources": "10.0.0.0/8"}), "sources"),
        (json!({"sources": [1]}), "sources"),
        (json!({"sources": ["10.0.0.0/8", "10.0.0.0/8"]}), "sources"),
        (json!({"sources": many}), "sources"),
        (json!({"audience": ["a b"]}), "audience"),
        (json!({"audience": [""]}), "audience"),
        (json!({"audience": [".git"]}), "audience"),
        (json!({"schemes": []}), "schemes"),
        (json!({"schemes": ["sigv5"]}), "schemes"),
        (json!({"expires_at": "tomorrow"}), "expires_at"),
        (json!({"expires_at": 1}), "expires_at"),
        (json!({"not_before": "2027-01-01T00:00:00Z", "expires_at": "2026-12-31T00:00:00Z"}), "not_before"),
        (json!({"requires_freshness": "yes"}), "requires_freshness"),
        (json!({"description": "two\nlines"}), "description"),
        (json!({"description": "x".repeat(1025)}), "description"),
    ] {
        let told = api.call("admin", "POST", path, body.clone()).await;
        assert_eq!(told.json["field"], field, "{body}: {}", told.text);
        told.refused(400, "invalid-value");
    }
    for wrong in ["{\"a\":1,\"A\":2}", "[]", "{\"a\":1", "{}x", "{\"a\":-0}", "\u{feff}{}"] {
        api.call("admin", "POST", path, Value::String(wrong.to_owned()))
            .await
            .refused(400, "malformed-request");
    }
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    api.call("admin", "POST", path, Value::String(deep)).await.refused(400, "malformed-request");
    let wire = api.wire(&signer("admin"), "POST", path, json!({}), &[("Content-Type", "text/plain")]);
    api.send(&wire).await.refused(415, "unsupported-media-type");
    api.call("admin", "GET", "/whoami", json!({})).await.refused(400, "malformed-request");
}

/// Old and new key are both good for the overlap; then the old one is not, by itself.
#[tokio::test]
async fn a_rotated_key_retires_by_itself() {
    let api = Api::new().await;
    let (old, made) =
        make(&api, "bob", json!({"description": "laptop", "sources": ["192.0.2.0/24"], "audience": []}))
            .await;
    let path = format!("/access-keys/{}/rotate", old.id);
    let rotated = api.call_as(&old, "POST", &path, json!({"overlap_seconds": 60})).await.expect(201);
    let new = key_in(&rotated["access_key"]);
    assert_eq!(rotated["previous"]["successor"], json!(new.id));
    assert_eq!(rotated["previous"]["expires_at"], "2026-11-22T00:01:00.000Z");
    for inherited in ["description", "sources", "audience", "schemes", "user", "expires_at"] {
        assert_eq!(rotated["access_key"][inherited], made[inherited], "{inherited}");
    }
    whoami(&api, &old).await.expect(200);
    whoami(&api, &new).await.expect(200);
    api.call("bob", "POST", &path, Value::Null).await.refused(409, "rotation-under-way");
    let again = format!("/access-keys/{}/rotate", new.id);
    api.call("bob", "POST", &again, Value::Null).await.refused(409, "rotation-under-way");
    for longer in [json!({"expires_at": null}), json!({"expires_at": "2026-11-22T00:02:00Z"})] {
        patch(&api, &old, longer).await.refused(409, "rotation-under-way");
    }
    patch(&api, &old, json!({"expires_at": "2026-11-22T00:00:50Z"})).await.expect(200);
    api.world.clock.advance(50_000);
    whoami(&api, &old).await.refused(403, "access-key-unusable");
    whoami(&api, &new).await.expect(200);
    // The next rotation takes the dead key away for good.
    api.call("bob", "POST", &again, json!({"overlap_seconds": 0})).await.expect(201);
    let buried =
        api.call("audrey", "GET", &format!("/access-keys/{}", old.id), Value::Null).await.expect(200);
    assert_eq!(buried["state"], "deleted");
    whoami(&api, &new).await.refused(403, "access-key-unusable");
}

/// A full quota does not stand in the way of a rotation, and holds afterwards.
#[tokio::test]
async fn a_rotation_fits_into_a_full_quota() {
    let api = Api::with(limits()).await;
    make(&api, "bob", json!({})).await;
    let refuse = async || {
        let told = api.call("admin", "POST", "/users/bob/access-keys", json!({})).await;
        assert!(told.text.contains("access_keys_per_user = 2"), "{}", told.text);
        told.refused(409, "limit-reached");
    };
    refuse().await;
    let path = format!("/access-keys/{}/rotate", signer("bob").id);
    let rotated = api.call("bob", "POST", &path, json!({"overlap_seconds": 60})).await.expect(201);
    refuse().await;
    let listed = api.call("bob", "GET", "/users/bob/access-keys", Value::Null).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3, "both and the retiring one");
    api.world.clock.advance(60_000);
    refuse().await;
    let new = key_in(&rotated["access_key"]);
    let imported = json!({"id": "AKIAEXAMPLE0000001", "secret": "s".repeat(40), "schemes": ["aws4"]});
    api.call("admin", "POST", "/users/bob/access-keys/import", imported).await.refused(409, "limit-reached");
    api.call("admin", "DELETE", &format!("/access-keys/{}", new.id), Value::Null).await.expect(204);
    make(&api, "bob", json!({})).await;
    refuse().await;
    // Other clouds count for themselves; a key for several counts in each.
    make(&api, "alice", json!({"schemes": ["tc3"]})).await;
    api.call("admin", "POST", "/users/alice/access-keys", json!({"schemes": ["tencent-v1", "scp"]}))
        .await
        .refused(409, "limit-reached");
}

#[tokio::test]
async fn a_rotation_is_checked() {
    let api = Api::new().await;
    let path = format!("/access-keys/{}/rotate", signer("bob").id);
    for (body, field) in [
        (json!({"overlap_seconds": -1}), "overlap_seconds"),
        (json!({"overlap_seconds": 2_592_001}), "overlap_seconds"),
        (json!({"overlap_seconds": 1.5}), "overlap_seconds"),
        (json!({"expires_at": "2026-11-22T00:00:00Z"}), "expires_at"),
    ] {
        let told = api.call("bob", "POST", &path, body.clone()).await;
        assert_eq!(told.json["field"], field, "{body}: {}", told.text);
        told.refused(400, "invalid-value");
    }
    api.call("carol", "POST", &format!("/access-keys/{}/rotate", signer("admin").id), Value::Null)
        .await
        .refused(403, "root-only");
    // An end that was set for a key is not rotated away by its holder, but by who may set ends.
    let (limited, _) = make(&api, "bob", json!({"expires_at": "2026-12-01T00:00:00Z"})).await;
    let path = format!("/access-keys/{}/rotate", limited.id);
    let longer = json!({"expires_at": "2027-12-01T00:00:00Z"});
    api.call("bob", "POST", &path, longer.clone()).await.refused(403, "exceeds-own-key");
    let rotated = api.call("admin", "POST", &path, longer).await.expect(201);
    assert_eq!(rotated["access_key"]["expires_at"], "2027-12-01T00:00:00.000Z");
}

/// No change leaves the account without a key that can administrate it, now or when an end comes.
#[tokio::test]
async fn the_last_administrator_key_stays() {
    let api = Api::new().await;
    let carol = signer("carol").id;
    api.call("admin", "DELETE", &format!("/access-keys/{carol}"), Value::Null).await.expect(204);
    let own = format!("/access-keys/{}", signer("admin").id);
    for change in [
        json!({"status": "inactive"}),
        json!({"expires_at": "2027-01-01T00:00:00Z"}),
        json!({"not_before": "2027-01-01T00:00:00Z"}),
        json!({"audience": ["storage"]}),
    ] {
        api.call("admin", "PATCH", &own, change).await.refused(409, "last-administrator");
    }
    api.call("admin", "DELETE", &own, Value::Null).await.refused(409, "last-administrator");
    // The rotation of the last one leaves its successor.
    let rotated =
        api.call("admin", "POST", &format!("{own}/rotate"), json!({"overlap_seconds": 0})).await.expect(201);
    let new = key_in(&rotated["access_key"]);
    let again = format!("/access-keys/{}", new.id);
    api.call_as(&new, "PATCH", &again, json!({"status": "inactive"}))
        .await
        .refused(409, "last-administrator");
    api.call_as(&new, "PATCH", "/users/admin", json!({"status": "frozen"}))
        .await
        .refused(409, "last-administrator");
}

/// The operator account makes accounts; each begins with a root user and a key, and sees nothing of the others.
#[tokio::test]
async fn accounts_are_made_by_the_operator_alone() {
    let api = Api::new().await;
    for (who, problem) in [("oscar", "denied"), ("audrey", "denied"), ("bob", "denied")] {
        api.call(who, "POST", "/accounts", json!({"name": "tenant"})).await.refused(403, problem);
    }
    let body = json!({"name": "tenant", "max_key_lifetime_seconds": 3600, "administrator": {"name": "root", "email": "root@example.org"}});
    let made = api.call("carol", "POST", "/accounts", body.clone()).await.expect(201);
    assert_eq!(made["account"]["is_operator"], false);
    assert_eq!((&made["user"]["name"], &made["user"]["is_root"]), (&json!("root"), &json!(true)));
    let root = key_in(&made["access_key"]);
    assert_eq!(made["access_key"]["expires_at"], "2026-11-22T01:00:00.000Z", "the account's longest life");
    api.call("carol", "POST", "/accounts", json!({"name": "TENANT"})).await.refused(409, "name-taken");
    api.call("carol", "POST", "/accounts", json!({"name": "Default"})).await.refused(409, "name-taken");
    for bad in [
        json!({"name": "a/b"}),
        json!({}),
        json!({"name": "x", "max_key_lifetime_seconds": 0}),
        json!({"name": "x", "administrator": {"name": "*"}}),
    ] {
        assert_eq!(api.call("carol", "POST", "/accounts", bad.clone()).await.status, 400, "{bad}");
    }
    let who = whoami(&api, &root).await.expect(200);
    assert_eq!((&who["account"]["name"], &who["user"]["name"]), (&json!("tenant"), &json!("root")));
    let users = api.call_as(&root, "GET", "/users", Value::Null).await.expect(200);
    assert_eq!(users["items"].as_array().unwrap().len(), 1);
    let accounts = api.call_as(&root, "GET", "/accounts", Value::Null).await.expect(200);
    assert_eq!(accounts["items"].as_array().unwrap().len(), 1);
    let all = api.call("audrey", "GET", "/accounts?limit=500", Value::Null).await.expect(200);
    let names: Vec<&str> =
        all["items"].as_array().unwrap().iter().map(|account| account["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"default") && names.contains(&"other") && names.contains(&"tenant"), "{names:?}");
    api.call_as(&root, "PATCH", "/accounts/default", json!({"max_key_lifetime_seconds": 1}))
        .await
        .refused(404, "account-not-found");
    api.call_as(&root, "PATCH", "/accounts/tenant", json!({"status": "disabled"}))
        .await
        .refused(403, "denied");
    let made = api
        .call_as(&root, "PATCH", "/accounts/tenant", json!({"max_key_lifetime_seconds": null}))
        .await
        .expect(200);
    assert_eq!(made["max_key_lifetime_seconds"], Value::Null);
    let audit = api.call_as(&root, "GET", "/audit", Value::Null).await.expect(200);
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["account.update", "access-key.create", "user.create"]);
    api.call("carol", "PATCH", "/accounts/tenant", json!({"status": "disabled"})).await.expect(200);
    whoami(&api, &root).await.refused(403, "access-key-unusable");
    api.call("carol", "PATCH", "/accounts/default", json!({"status": "disabled"}))
        .await
        .refused(409, "last-administrator");
    api.call("carol", "PATCH", "/accounts/tenant", json!({"status": "active"})).await.expect(200);
    whoami(&api, &root).await.expect(200);
}

/// An account's longest life cuts new keys and is no limit of their own: whoever holds one may make the next.
#[tokio::test]
async fn the_longest_life_of_an_account_holds() {
    let api = Api::new().await;
    api.call("admin", "PATCH", "/accounts/default", json!({"max_key_lifetime_seconds": 3600}))
        .await
        .expect(200);
    let made = api.call("bob", "POST", "/users/bob/access-keys", Value::Null).await.expect(201);
    assert_eq!(made["expires_at"], "2026-11-22T01:00:00.000Z");
    api.world.clock.advance(1_800_000);
    let key = key_in(&made);
    let next = api
        .call_as(&key, "POST", "/users/bob/access-keys", json!({"expires_at": "2027-01-01T00:00:00Z"}))
        .await
        .expect(201);
    assert_eq!(next["expires_at"], "2026-11-22T01:30:00.000Z");
    let rotated =
        api.call_as(&key, "POST", &format!("/access-keys/{}/rotate", key.id), Value::Null).await.expect(201);
    assert_eq!(rotated["access_key"]["expires_at"], "2026-11-22T01:30:00.000Z");
    assert_eq!(rotated["previous"]["expires_at"], "2026-11-22T01:00:00.000Z", "never later than before");
    let other = key_in(&next);
    patch(&api, &other, json!({"expires_at": null})).await.refused(400, "invalid-value");
    patch(&api, &other, json!({"expires_at": "2026-11-22T01:00:00Z"})).await.expect(200);
}

#[tokio::test]
async fn the_report_has_a_row_for_every_key_and_every_user_without() {
    let api = Api::new().await;
    api.call("admin", "POST", "/users", json!({"name": "keyless"})).await.expect(201);
    api.call("bob", "GET", "/whoami", Value::Null).await.expect(200);
    let report = api.call("audrey", "GET", "/report", Value::Null).await.expect(200);
    let rows = report["items"].as_array().unwrap();
    let of = |name: &str| rows.iter().find(|row| row["user"] == name).unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(of("keyless")["access_key"], Value::Null);
    assert_eq!(of("bob")["access_key"]["last_used"]["operation"], "WhoAmI");
    assert_eq!(of("alice")["access_key"]["last_used"], Value::Null);
    let csv = api.call("audrey", "GET", "/report?format=csv", Value::Null).await;
    assert_eq!(csv.headers["Content-Type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 7);
    assert!(lines.iter().all(|line| line.matches(',').count() == 17), "{}", csv.text);
    assert!(
        lines.iter().any(|line| line.starts_with("bob,") && line.ends_with(",native,WhoAmI")),
        "{}",
        csv.text
    );
    api.call("bob", "GET", "/report", Value::Null).await.refused(403, "denied");
}
