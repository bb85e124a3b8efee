//! SSH keys and access keys: what the page of each operation says.

use serde_json::json;

use super::{
    ED25519, OTHER_ED25519, Seen, add_body, plain, send, signed, ssh_keys_of, token, with_token, world,
    world_with,
};
use crate::world::{World, limits};

const KEYS: &str = "/v4/user/keys";

async fn add(world: &World, name: &str, title: &str, key: &str) -> Seen {
    send(world, &signed(world, name, "POST", KEYS, &add_body(title, key))).await
}

async fn list(world: &World, name: &str, query: &str) -> Seen {
    send(world, &signed(world, name, "GET", &format!("{KEYS}?{query}"), "")).await
}

/// Key number `number` of a walk: a point of the curve each.
fn some_key(number: usize) -> String {
    include_str!("points.txt").lines().nth(number).unwrap().to_owned()
}

#[tokio::test]
async fn the_seed_page_with_a_token_and_with_a_key_pair() {
    let world = world_with(limits(), "utc_offset = \"+08:00\"").await;
    let token = token(&world, "bob").await;
    for number in 0..25 {
        let title = if number % 5 == 0 { format!("Büro 100% {number}") } else { format!("laptop {number}") };
        let wire = with_token(&token, "POST", KEYS, &add_body(&title, &some_key(number)));
        assert_eq!(send(&world, &wire).await.status, 201);
        // Of one moment they would be sorted by their numbers.
        world.clock.advance(1);
    }
    for wire in [with_token(&token, "GET", KEYS, ""), signed(&world, "bob", "GET", KEYS, "")] {
        let seen = send(&world, &wire).await;
        assert_eq!((seen.status, seen.json["total"].as_u64()), (200, Some(25)));
        let keys = seen.json["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 20, "the default");
        assert_eq!(keys[0]["created_at"], "2026-11-22T08:00:00.000+08:00");
        assert_eq!(keys[1]["key"].as_str().unwrap(), some_key(1).trim());
        assert!(keys.iter().all(|key| key["id"].is_u64() && key.as_object().unwrap().len() == 4));
    }
    let mut ids = Vec::new();
    for page in 0..4 {
        let seen = list(&world, "bob", &format!("offset={}&limit=7", page * 7)).await;
        ids.extend(seen.json["keys"].as_array().unwrap().iter().map(|key| key["id"].as_u64().unwrap()));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((count, ids.len()), (25, 25), "every key once");
    for (query, total) in [
        ("query=b%C3%9CRO", 5),
        ("query=100%25", 5),
        ("query=%25", 5),
        ("query=_", 0),
        ("query=", 25),
        ("query=laptop+1", 9),
        ("query=AAAA", 0),
    ] {
        assert_eq!(list(&world, "bob", query).await.json["total"].as_u64(), Some(total), "{query}");
    }
    assert_eq!(list(&world, "bob", "offset=25").await.json, json!({"keys": [], "total": 25}));
    for query in ["limit=0", "limit=101", "limit=", "limit=x", "offset=-1", "offset=2147483648", "offset=1.0"]
    {
        let seen = list(&world, "bob", query).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "CH.00401999"), "{query}");
        assert!(seen.json["error_msg"].as_str().unwrap().contains(&query[..5]), "{}", seen.text);
    }
    assert_eq!(list(&world, "bob", &format!("query={}", "x".repeat(2001))).await.status, 400);
    assert_eq!(list(&world, "bob", "limit=1&limit=2").await.code(), "APIGW.0201");
    assert_eq!(list(&world, "alice", "").await.json, json!({"keys": [], "total": 0}), "only his own");
}

#[tokio::test]
async fn a_key_is_stored_once_in_an_account_and_a_refusal_stores_nothing() {
    let world = world().await;
    assert_eq!(add(&world, "bob", "one", ED25519).await.status, 201);
    let bare = ED25519.rsplit_once(' ').unwrap().0;
    let before = world.digest().await;
    let exists = r#"{"error_code":"CH.080002","error_msg":"This key already exists. Generate a new key."}"#;
    for (name, key) in
        [("bob", ED25519), ("alice", ED25519), ("alice", bare), ("admin", &format!("{bare} other"))]
    {
        let seen = add(&world, name, "two", key).await;
        assert_eq!((seen.status, seen.text.as_str()), (400, exists), "{name}");
    }
    let bad = r#"{"error_code":"40","error_msg":"Failed to add the key. Check whether the key is valid."}"#;
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----";
    let rsa_1024 = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCyJZkB+5jFxWAiBqizy3+6v30D4Db4SNp2jD/EuLuw0CO+dWS8MxRMtV2OvLlU146cnRzoXTUzqFPCiA6Ie6k9D4yR9laAEAL5cSglMhSus9ay2z7BHGNdr2zQYEkKWfLzLw2c4lnKvrOwlVaFmKKEUPGa0EtdwP4AWuWRh2Vflw==";
    let two_lines = format!("{OTHER_ED25519}\n{OTHER_ED25519}");
    for key in ["garbage", private, &format!("no-pty {OTHER_ED25519}"), &two_lines, rsa_1024, "ssh-dss AAAA"]
    {
        let seen = add(&world, "bob", "two", key).await;
        assert_eq!((seen.status, seen.text.as_str()), (400, bad), "{key}");
    }
    let long = format!("{OTHER_ED25519} {}", "c".repeat(5000));
    for (title, key, code) in [
        ("t".repeat(1001).as_str(), OTHER_ED25519, "CH.00401999"),
        ("a\u{7}b", OTHER_ED25519, "CH.00401999"),
        ("t", &long, "CH.00401999"),
        (" ", OTHER_ED25519, "CH.080002"),
        ("t", "\t", "CH.080002"),
    ] {
        assert_eq!(add(&world, "bob", title, key).await.code(), code);
    }
    for body in ["", "[]", "{", r#"{"title":"t","title":"t","key":"k"}"#] {
        let seen = send(&world, &signed(&world, "bob", "POST", KEYS, body)).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "CH.00401999"), "{body}");
    }
    for body in ["{}", r#"{"key":"k"}"#, r#"{"title":1,"key":"k"}"#, r#"{"title":"t","key":[]}"#] {
        let seen = send(&world, &signed(&world, "bob", "POST", KEYS, body)).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "CH.080002"), "{body}");
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t57_asking_whether_somebody_has_a_key_is_counted_and_then_refused() {
    let rate = Some(domain::throttle::Rate { per_second: 1, burst: 3 });
    let world = world_with(domain::limits::Limits { failed_authentications: rate, ..limits() }, "").await;
    assert_eq!(add(&world, "bob", "one", ED25519).await.status, 201);
    for _ in 0..3 {
        let seen = add(&world, "alice", "probe", ED25519).await;
        assert_eq!(seen.code(), "CH.080002");
        assert!(!seen.text.contains("bob"), "whose it is, is not told");
    }
    let seen = add(&world, "alice", "probe", ED25519).await;
    assert_eq!((seen.status, seen.code().as_str()), (429, "APIGW.0308"));
    assert_eq!(world.service.refusal_totals()["ssh_key_taken"], 4);
    let unsigned = send(&world, &plain("GET", KEYS, "")).await;
    assert!(unsigned.text.contains("x-auth-token not found"), "and nobody lists keys without a credential");
}

#[tokio::test]
async fn t58_values_are_looked_at_after_the_right_to_the_operation_and_numbers_count_nothing() {
    let world = world().await;
    let denied = r#"{"error_code":"CH.004403","error_msg":"Insufficient permissions. Apply for the required permissions and try again."}"#;
    for (method, target, body) in [
        ("POST", KEYS, ""),
        ("POST", KEYS, "{"),
        ("DELETE", "/v4/user/keys/x", ""),
        ("DELETE", "/v4/user/keys/1", ""),
    ] {
        let seen = send(&world, &signed(&world, "audrey", method, target, body)).await;
        assert_eq!((seen.status, seen.text.as_str()), (403, denied), "{method} {target}");
    }
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(add(&world, "bob", "t", &some_key(number)).await.json["id"].as_i64().unwrap());
    }
    assert!(ids.windows(2).all(|pair| (pair[1] - pair[0]).abs() > 1), "{ids:?}");
}

#[tokio::test]
async fn t90_keys_are_added_to_and_deleted_from_the_callers_own_and_are_in_the_audit() {
    let world = world().await;
    let alice = world.uuid_of("alice").await.hex();
    let body = json!({"title": "t", "key": ED25519, "user_id": alice, "user": "alice", "id": 7}).to_string();
    let made = send(&world, &signed(&world, "bob", "POST", KEYS, &body)).await;
    assert_eq!(
        (made.status, ssh_keys_of(&world, "alice").await, ssh_keys_of(&world, "bob").await),
        (201, 0, 1)
    );
    assert_ne!(made.json["id"], 7);
    let id = made.json["id"].as_u64().unwrap();
    let unknown = r#"{"error_code":"CH.004404","error_msg":"Resource unavailable."}"#;
    let delete = async |name: &str, id: &str| {
        send(&world, &signed(&world, name, "DELETE", &format!("{KEYS}/{id}"), "")).await
    };
    for (name, id) in [
        ("alice", id.to_string()),
        ("admin", id.to_string()),
        ("oscar", id.to_string()),
        ("bob", "1".into()),
        ("bob", "0".into()),
        ("bob", "2147483648".into()),
    ] {
        let seen = delete(name, &id).await;
        assert_eq!((seen.status, seen.text.as_str()), (404, unknown), "{name} {id}");
    }
    assert_eq!(delete("bob", "abc").await.code(), "CH.00401999");
    assert_eq!((world.audited("ssh-key.create").await, world.audited("ssh-key.delete").await), (1, 0));
    let gone = delete("bob", &id.to_string()).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(world.audited("ssh-key.delete").await, 1);
    assert_eq!(delete("bob", &id.to_string()).await.text, unknown, "twice");
    let again = add(&world, "alice", "mine now", ED25519).await;
    assert_eq!(again.status, 201, "a deleted key is free");
    assert_ne!(again.json["id"].as_u64(), Some(id), "its number is not");
}

#[tokio::test]
async fn the_older_forms_are_the_same_keys() {
    let world = world().await;
    let target = "/v1/users/sshkey";
    let made = send(&world, &signed(&world, "bob", "POST", target, &add_body("t", ED25519))).await;
    assert_eq!((made.status, made.json["status"].as_str()), (200, Some("success")));
    let id = made.json["result"]["id"].as_str().unwrap().to_owned();
    let listed = send(&world, &signed(&world, "bob", "GET", target, "")).await;
    assert_eq!(
        listed.json,
        json!({"result": {"total": 1, "sshkey": [{"id": id, "title": "t", "key": ED25519}]}, "status": "success"})
    );
    assert_eq!(list(&world, "bob", "").await.json["keys"][0]["id"].to_string(), id);
    let long =
        send(&world, &signed(&world, "bob", "POST", target, &add_body(&"t".repeat(256), OTHER_ED25519)))
            .await;
    assert_eq!((long.status, long.code().as_str()), (400, "CH.00401999"));
    let missing = send(&world, &signed(&world, "bob", "DELETE", &format!("{target}/1"), "")).await;
    assert_eq!(
        (missing.status, missing.text.as_str()),
        (404, r#"{"error":{"code":"CH.000404","message":"Resource unavailable."},"status":"failed"}"#)
    );
    let gone = send(&world, &signed(&world, "bob", "DELETE", &format!("{target}/{id}"), "")).await;
    assert_eq!(gone.json, json!({"result": id, "status": "success"}));
    let private =
        send(&world, &signed(&world, "bob", "POST", &format!("{target}/privatekey/verify"), "{}")).await;
    assert_eq!((private.status, private.code().as_str()), (404, "APIGW.0101"));
}

#[tokio::test]
async fn access_keys_live_in_both_versions() {
    let world = world().await;
    let bob = world.uuid_of("bob").await.hex();
    let credentials = "/v3.0/OS-CREDENTIAL/credentials";
    let body = json!({"credential": {"user_id": bob, "description": "ci"}}).to_string();
    let made = send(&world, &signed(&world, "bob", "POST", credentials, &body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json["credential"].clone();
    let (id, secret) = (made["access"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert_eq!((id.len(), secret.len(), made["status"].as_str()), (20, 40, Some("active")));
    let key = crate::world::Signer { id: id.to_owned(), secret: secret.to_owned() };
    let v5 = format!("/v5/users/{bob}/access-keys");
    let last_used =
        async || send(&world, &signed(&world, "bob", "GET", &format!("{v5}/{id}/last-used"), "")).await.json;
    assert_eq!(last_used().await, json!({"access_key_last_used": {}}), "not used yet");
    let shown = send(&world, &signed(&world, "bob", "GET", &format!("{credentials}/{id}"), "")).await;
    assert_eq!(shown.json["credential"]["last_use_time"], made["create_time"]);
    assert!(shown.json["credential"].get("secret").is_none());
    world.clock.advance(1_500);
    assert_eq!(send(&world, &super::signed_by(&world, &key, "GET", KEYS, "")).await.status, 200);
    assert_eq!(
        last_used().await,
        json!({"access_key_last_used": {"last_used_at": "2026-11-22T00:00:01.500Z"}})
    );
    let full = send(&world, &signed(&world, "bob", "POST", credentials, &body)).await;
    assert_eq!(full.text, r#"{"error":{"code":400,"message":"akSkNumExceed","title":"Bad Request"}}"#);
    let full = send(&world, &signed(&world, "bob", "POST", &v5, "")).await;
    assert_eq!((full.status, full.code().as_str()), (409, "PAP5.0003"));
    let put = json!({"credential": {"status": "inactive", "description": ""}}).to_string();
    let off = send(&world, &signed(&world, "bob", "PUT", &format!("{credentials}/{id}"), &put)).await;
    assert_eq!((off.status, off.json["credential"]["status"].as_str()), (200, Some("inactive")));
    let refused = send(&world, &super::signed_by(&world, &key, "GET", KEYS, "")).await;
    assert!(refused.text.contains(&format!("ak {id} is inactive")), "at once: {}", refused.text);
    for bad in [json!({"credential": {}}), json!({"credential": {"status": "off"}}), json!({}), json!([])] {
        let wire = signed(&world, "bob", "PUT", &format!("{credentials}/{id}"), &bad.to_string());
        assert_eq!(send(&world, &wire).await.status, 400, "{bad}");
    }
    let on =
        send(&world, &signed(&world, "bob", "PUT", &format!("{v5}/{id}"), r#"{"status":"active"}"#)).await;
    assert_eq!((on.status, on.json["access_key"]["status"].as_str()), (200, Some("active")));
    let listed = send(&world, &signed(&world, "bob", "GET", &v5, "")).await;
    assert_eq!(listed.json["page_info"], json!({"current_count": 2}));
    assert_eq!(send(&world, &signed(&world, "bob", "DELETE", &format!("{v5}/{id}"), "")).await.status, 204);
    let gone = send(&world, &signed(&world, "bob", "GET", &format!("{credentials}/{id}"), "")).await;
    let unknown = format!(
        r#"{{"error":{{"code":404,"message":"Could not find credential: {id}","title":"Not Found"}}}}"#
    );
    assert_eq!(gone.text, unknown);
    assert!(send(&world, &super::signed_by(&world, &key, "GET", KEYS, "")).await.text.contains("not exist"));
}

#[tokio::test]
async fn pages_of_access_keys_and_their_markers() {
    let world = world_with(domain::limits::Limits { access_keys_per_user: 9, ..limits() }, "").await;
    let bob = world.uuid_of("bob").await.hex();
    let v5 = format!("/v5/users/{bob}/access-keys");
    for _ in 0..4 {
        world.clock.advance(1);
        assert_eq!(send(&world, &signed(&world, "bob", "POST", &v5, "")).await.status, 201);
    }
    let mut seen_ids = Vec::new();
    let mut marker = String::new();
    loop {
        let page = send(&world, &signed(&world, "bob", "GET", &format!("{v5}?limit=2{marker}"), "")).await;
        let keys = page.json["access_keys"].as_array().unwrap();
        assert_eq!(page.json["page_info"]["current_count"].as_u64().unwrap(), keys.len() as u64);
        seen_ids.extend(keys.iter().map(|key| key["access_key_id"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["page_info"]["next_marker"].as_str() else { break };
        assert!(next.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        marker = format!("&marker={next}");
    }
    let count = seen_ids.len();
    seen_ids.sort();
    seen_ids.dedup();
    assert_eq!((count, seen_ids.len()), (5, 5));
    let alice = world.uuid_of("alice").await.hex();
    let foreign = format!("/v5/users/{alice}/access-keys?limit=2{marker}");
    for target in [format!("{v5}?marker=abcd"), format!("{v5}?marker="), format!("{v5}?marker=a+b/"), foreign]
    {
        let seen = send(&world, &signed(&world, "admin", "GET", &target, "")).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "PAP5.0010"), "{target}");
    }
    for target in [format!("{v5}?limit=0"), format!("{v5}?limit=201"), format!("{v5}?limit=")] {
        let seen = send(&world, &signed(&world, "bob", "GET", &target, "")).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "PAP5.0004"), "{target}");
    }
}

#[tokio::test]
async fn what_sdks_and_terraform_look_up() {
    let world = world().await;
    let account = world.account.hex();
    let one = send(&world, &signed(&world, "bob", "GET", "/v3/projects?name=cn-north-4", "")).await;
    assert_eq!(one.json["projects"].as_array().unwrap().len(), 1);
    assert_eq!(one.json["projects"][0]["domain_id"].as_str(), Some(account.as_str()));
    let all = send(&world, &signed(&world, "bob", "GET", "/v3/auth/projects", "")).await;
    assert_eq!(all.json["projects"].as_array().unwrap().len(), 16, "the public regions");
    assert!(all.json["projects"].as_array().unwrap().contains(&one.json["projects"][0]));
    let domains = send(&world, &signed(&world, "bob", "GET", "/v3/auth/domains", "")).await;
    assert_eq!(domains.json["domains"][0]["name"], "default");
    let bob = world.uuid_of("bob").await.hex();
    let user = send(&world, &signed(&world, "bob", "GET", &format!("/v3.0/OS-USER/users/{bob}"), "")).await;
    assert_eq!(
        (user.json["user"]["name"].as_str(), user.json["user"]["id"].as_str()),
        (Some("bob"), Some(bob.as_str()))
    );
    let identity = send(&world, &signed(&world, "bob", "GET", "/v5/caller-identity", "")).await;
    assert_eq!(identity.json["account_id"].as_str(), Some(account.as_str()));
    let base = "https://iam.example.org/v3/";
    for target in ["/", "/v3", "/v3/", "//v3/"] {
        let seen = send(&world, &plain("GET", target, "")).await;
        let entry =
            if target.contains("v3") { &seen.json["version"] } else { &seen.json["versions"]["values"][0] };
        assert_eq!((seen.status, entry["links"][0]["href"].as_str()), (200, Some(base)), "{target}");
    }
}
