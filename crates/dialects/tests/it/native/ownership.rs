//! Owners come from the caller and the path, never from a body; what is foreign is as good as unknown.

use serde_json::{Value, json};

use super::api::{Api, key_in};
use super::samples::{operations, sample};
use crate::world::{KeySpec, Signer, signer};

/// Every field of the model, with a foreign value, in every body: refused, and nothing happens (threat T37).
#[tokio::test]
async fn t37_no_body_names_owners_or_states_that_are_not_its_own() {
    let api = Api::new().await;
    let olga = api.world.store.key_owner(&domain::id::KeyId::new(signer("olga").id)).await.unwrap().unwrap();
    let fields = [
        ("user", json!("olga")),
        ("user_id", json!(olga.user.hex())),
        ("account", json!("other")),
        ("account_id", json!(olga.account.hex())),
        ("uuid", json!("0".repeat(32))),
        ("number", json!(7)),
        ("is_root", json!(true)),
        ("is_operator", json!(true)),
        ("parent", json!("0".repeat(32))),
        ("successor", json!("KWX")),
        ("kind", json!("temporary")),
        ("dialect", json!("scloud")),
        ("version", json!(9)),
        ("created_by", json!(olga.user.hex())),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("modified_by", json!(olga.user.hex())),
        ("deleted_at", json!(null)),
        ("deleted_by", json!(olga.user.hex())),
        ("last_used", json!(null)),
        ("state", json!("active")),
        ("rights", json!({})),
        ("Description", json!("letter case")),
    ];
    let before = api.world.digest().await;
    let mut tried = 0;
    for operation in operations() {
        let sample = sample(operation.name, "bob");
        let Value::Object(body) = &sample.body else { continue };
        for (name, value) in &fields {
            let mut body = body.clone();
            body.insert((*name).to_owned(), value.clone());
            let told = api.call("admin", sample.method, &sample.path, Value::Object(body)).await;
            assert_eq!(told.status, 400, "{} with {name}: {}", operation.name, told.text);
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(api.world.digest().await, before);
}

/// An update moves no key and no user to another owner (threat T39).
#[tokio::test]
async fn t39_no_change_moves_a_key_to_another_owner() {
    let api = Api::new().await;
    let (bob, key) = (api.world.uuid_of("bob").await, signer("bob").id);
    for body in [json!({"user": "alice"}), json!({"user_id": bob.hex()}), json!({"account": "other"})] {
        api.call("admin", "PATCH", &format!("/access-keys/{key}"), body)
            .await
            .refused(400, "unknown-parameter");
    }
    let changed =
        api.call("admin", "PATCH", &format!("/access-keys/{key}"), json!({"description": "x"})).await;
    assert_eq!(changed.expect(200)["user"], "bob");
}

/// A foreign id is told byte for byte like an unknown one (threat T38).
#[tokio::test]
async fn t38_foreign_ids_are_as_good_as_unknown() {
    let api = Api::new().await;
    let bob = api.world.uuid_of("bob").await;
    api.world.key(bob, "gone", KeySpec { deleted: true, ..KeySpec::default() }).await;
    let before = api.world.digest().await;
    for operation in operations() {
        let unknown = sample(operation.name, "stranger");
        if !unknown.path.contains("stranger") {
            continue;
        }
        // A member learns of nobody; an administrator of nobody in another account.
        for (who, foreign) in [("alice", ["bob", "olga", "gone"]), ("oscar", ["bob", "admin", "gone"])] {
            let expected = api.call(who, unknown.method, &unknown.path, unknown.body.clone()).await;
            assert!(matches!(expected.status, 403 | 404), "{}: {}", operation.name, expected.text);
            for name in foreign {
                if name == "gone" && !unknown.path.contains("access-keys/") {
                    continue;
                }
                let sample = sample(operation.name, name);
                let told = api.call(who, sample.method, &sample.path, sample.body.clone()).await;
                let case = format!("{} of {name} by {who}", operation.name);
                assert_eq!(
                    (told.status, told.text.as_str()),
                    (expected.status, expected.text.as_str()),
                    "{case}"
                );
            }
        }
    }
    assert_eq!(api.world.digest().await, before);
}

/// A key that is limited makes none that is not: neither by itself, nor for others, nor by changing or rotating (threat T40).
#[tokio::test]
async fn t40_a_limited_key_makes_no_key_that_is_good_for_more() {
    let api = Api::new().await;
    let make = |who: Signer, user: &str, body: Value| {
        let path = format!("/users/{user}/access-keys");
        let api = &api;
        async move { api.call_as(&who, "POST", &path, body).await }
    };
    let end = "2026-12-01T00:00:00.000Z";
    let limited = json!({"expires_at": end, "sources": ["192.0.2.0/24"]});
    for owner in ["bob", "carol"] {
        let made = make(signer("admin"), owner, limited.clone()).await;
        // Root's key sets the limits; carol, though an administrator, cannot leave them.
        let key = key_in(&made.expect(201));
        let made = make(key.clone(), owner, json!({})).await.expect(201);
        assert_eq!(
            (&made["expires_at"], &made["sources"]),
            (&json!(end), &json!(["192.0.2.0/24"])),
            "handed down"
        );
        let narrower = json!({"expires_at": "2026-11-30T00:00:00Z", "sources": ["192.0.2.1"]});
        let made = make(key.clone(), owner, narrower).await.expect(201);
        assert_eq!(made["sources"], json!(["192.0.2.1/32"]));
        for more in [
            json!({"expires_at": "2026-12-01T00:00:01Z"}),
            json!({"sources": ["0.0.0.0/0"]}),
            json!({"sources": ["192.0.2.1", "198.51.100.1"]}),
        ] {
            make(key.clone(), owner, more).await.refused(403, "exceeds-own-key");
        }
        let rotated =
            api.call_as(&key, "POST", &format!("/access-keys/{}/rotate", key.id), Value::Null).await;
        let rotated = rotated.expect(201);
        assert_eq!(rotated["access_key"]["expires_at"], end, "a rotation lengthens nothing");
        assert_eq!(rotated["access_key"]["sources"], json!(["192.0.2.0/24"]));
        if owner == "carol" {
            let successor = key_in(&rotated["access_key"]);
            let path = format!("/access-keys/{}", signer("bob").id);
            for more in [json!({"expires_at": "2027-01-01T00:00:00Z"}), json!({"sources": ["0.0.0.0/0"]})] {
                api.call_as(&successor, "PATCH", &path, more).await.refused(403, "exceeds-own-key");
            }
            make(successor.clone(), "alice", json!({"expires_at": null})).await.expect(201);
            let made =
                api.call_as(&successor, "POST", "/users", json!({"name": "eve", "access_key": {}})).await;
            assert_eq!(made.expect(201)["access_key"]["expires_at"], end);
            let imported = json!({"id": "AKIAEXAMPLE0000009", "secret": "s".repeat(40), "schemes": ["aws4"]});
            let made = api.call_as(&successor, "POST", "/users/eve/access-keys/import", imported).await;
            assert_eq!(made.expect(201)["expires_at"], end);
        }
    }
    // A member sets no conditions of keys that are there, his own included.
    let own = format!("/access-keys/{}", signer("bob").id);
    for body in [
        json!({"expires_at": null}),
        json!({"sources": []}),
        json!({"schemes": ["aws4"]}),
        json!({"audience": []}),
    ] {
        api.call("bob", "PATCH", &own, body).await.refused(403, "denied");
    }
    make(signer("bob"), "bob", json!({"schemes": ["tc3"]})).await.refused(403, "denied");
}

/// An import takes the right for every object in it, changes nothing that is there, and hands out nothing (threat T44).
#[tokio::test]
async fn t44_an_import_overwrites_nobody_and_takes_the_right_for_each_object() {
    let api = Api::new().await;
    let line =
        |user: &str, id: &str| json!({"user": user, "id": id, "secret": "s".repeat(40), "schemes": ["aws4"]});
    let import = |who: &'static str, lines: Vec<Value>, query: &'static str| {
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        let path = format!("/import{query}");
        let wire = api.wire(
            &signer(who),
            "POST",
            &path,
            text.join("\n").into(),
            &[("Content-Type", "application/x-ndjson")],
        );
        let api = &api;
        async move { api.send(&wire).await }
    };
    let before = api.world.digest().await;
    for who in ["bob", "audrey"] {
        import(who, vec![line("bob", "AKIAEXAMPLE0000001")], "").await.refused(403, "denied");
    }
    let refused = import(
        "carol",
        vec![
            line("admin", "AKIAEXAMPLE0000001"),
            line("bob", &signer("bob").id),
            line("bob", &signer("olga").id),
            line("stranger", "AKIAEXAMPLE0000002"),
            line("olga", "AKIAEXAMPLE0000003"),
            line("bob", "short"),
            json!({"user": "bob", "id": "AKIAEXAMPLE0000004", "secret": "s", "schemes": ["aws4"]}),
            json!({"user": "bob", "id": "AKIAEXAMPLE0000005", "secret": "s".repeat(40)}),
            json!({"user": "bob", "id": "AKIAEXAMPLE0000006", "secret": "s".repeat(40), "schemes": ["aws4"], "is_root": true}),
            json!("no object"),
        ],
        "",
    );
    let refused = refused.await.expect(200);
    let problems: Vec<&str> = refused["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["problem"]["type"].as_str().unwrap().strip_prefix(super::api::TYPE).unwrap())
        .collect();
    let expected = [
        "root-only",
        "access-key-id-taken",
        "access-key-id-taken",
        "user-not-found",
        "user-not-found",
        "invalid-value",
        "invalid-value",
        "invalid-value",
        "unknown-parameter",
        "malformed-request",
    ];
    assert_eq!(problems, expected);
    assert_eq!(api.world.digest().await, before, "nothing was written");

    let done = import(
        "carol",
        vec![line("bob", "AKIAEXAMPLE0000001"), line("newcomer", "AKIA/EXAMPLE+0002=")],
        "?create_users=true",
    );
    let done = done.await.expect(200);
    assert_eq!((&done["imported"], &done["refused"]), (&json!(2), &json!(0)), "{done}");
    assert!(!done.to_string().contains("ssss"), "the secret comes back");
    let newcomer = api.call("admin", "GET", "/users/newcomer", Value::Null).await.expect(200);
    assert_eq!(newcomer["role"], "member");
    for id in ["AKIAEXAMPLE0000001", "AKIA/EXAMPLE+0002="] {
        let key = Signer { id: id.to_owned(), secret: "s".repeat(40) };
        let who = api.call_as(&key, "GET", "/whoami", Value::Null).await.expect(200);
        assert_eq!(who["access_key"]["id"], id);
    }
    let shown =
        api.call("admin", "GET", "/access-keys/AKIA%2FEXAMPLE%2B0002%3D", Value::Null).await.expect(200);
    assert_eq!(shown["user"], "newcomer");
}

/// A table imports like lines do.
#[tokio::test]
async fn a_csv_imports_like_json_lines() {
    let api = Api::new().await;
    let table = format!(
        "user,id,secret,schemes,description,status\r\nbob,AKIAEXAMPLE0000001,{0},aws4 tc3,\"laptop, old\",inactive\r\n\
         alice,AKIAEXAMPLE0000002,{0},aws4,,\nbob,AKIAEXAMPLE0000003,{0}\n",
        "s".repeat(40)
    );
    let headers = [("Content-Type", "text/csv; charset=utf-8")];
    let wire = api.wire(&signer("admin"), "POST", "/import", table.into(), &headers);
    let done = api.send(&wire).await.expect(200);
    assert_eq!((&done["imported"], &done["refused"]), (&json!(2), &json!(1)), "{done}");
    assert_eq!(done["items"][2]["line"], 4);
    let key = api.call("admin", "GET", "/access-keys/AKIAEXAMPLE0000001", Value::Null).await.expect(200);
    assert_eq!((&key["description"], &key["schemes"]), (&json!("laptop, old"), &json!(["tc3", "aws4"])));
    assert_eq!(key["status"], "inactive");
}
