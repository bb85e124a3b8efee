//! SSH keys and passwords through the native API.

use domain::access_keys::KeyStatus;
use serde_json::{Value, json};

use super::api::{Api, key_in};
use crate::world::{Signer, signer, ssh_line};

fn new(name: &str) -> Value {
    json!({"title": format!("{name}'s"), "key": ssh_line(name)})
}

async fn add(api: &Api, who: &str, user: &str, name: &str) -> Value {
    api.call(who, "POST", &format!("/users/{user}/ssh-keys"), new(name)).await.expect(201)
}

fn path(key: &Value) -> String {
    format!("/ssh-keys/{}", key["id"])
}

/// Every title of a list, page by page.
async fn titles(api: &Api, who: &str, list: &str, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let mark = if list.contains('?') { '&' } else { '?' };
        let page = api.call(who, "GET", &format!("{list}{mark}limit={limit}{cursor}"), Value::Null).await;
        let page = page.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{page}");
        found.extend(items.iter().map(|key| key["title"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn encoded(fingerprint: &Value) -> String {
    fingerprint.as_str().unwrap().replace('+', "%2B").replace('/', "%2F")
}

#[tokio::test]
async fn a_key_lives_from_its_addition_to_its_deletion() {
    let api = Api::new().await;
    let key = add(&api, "bob", "bob", "laptop").await;
    assert_eq!(
        (&key["user"], &key["title"], &key["status"]),
        (&json!("bob"), &json!("laptop's"), &json!("active"))
    );
    assert_eq!((&key["key"], &key["type"]), (&json!(ssh_line("laptop")), &json!("ssh-ed25519")));
    assert!(key["fingerprint"].as_str().unwrap().starts_with("SHA256:"), "{key}");
    assert_eq!(api.call("bob", "GET", &path(&key), Value::Null).await.expect(200), key);
    let change = json!({
        "title": "old laptop", "status": "inactive", "expires_at": "2026-12-01T00:00:00Z", "sources": ["10.0.0.0/8"],
    });
    let changed = api.call("bob", "PATCH", &path(&key), change).await.expect(200);
    assert_eq!(changed["version"], 2);
    assert_eq!((&changed["title"], &changed["state"]), (&json!("old laptop"), &json!("inactive")));
    assert_eq!(
        (&changed["expires_at"], &changed["sources"]),
        (&json!("2026-12-01T00:00:00.000Z"), &json!(["10.0.0.0/8"]))
    );
    assert_eq!(
        api.world.audited_detail("ssh-key.update", "status=inactive sources=10.0.0.0/8 expires_at=").await,
        1
    );
    let back = json!({"status": "active", "expires_at": null, "sources": []});
    let back = api.call("bob", "PATCH", &path(&key), back).await.expect(200);
    assert_eq!(
        (&back["state"], &back["expires_at"], &back["sources"]),
        (&json!("active"), &Value::Null, &json!([]))
    );
    api.call("bob", "DELETE", &path(&key), Value::Null).await.expect(204);
    for method in ["GET", "DELETE"] {
        api.call("bob", method, &path(&key), Value::Null).await.refused(404, "ssh-key-not-found");
    }
    // What is deleted may be added again, under another number.
    assert_ne!(add(&api, "alice", "alice", "laptop").await["id"], key["id"]);
}

#[tokio::test]
async fn an_end_in_the_past_is_seen() {
    let api = Api::new().await;
    let mut ending = new("laptop");
    ending["expires_at"] = json!("2026-11-22T00:00:01Z");
    let key = api.call("bob", "POST", "/users/bob/ssh-keys", ending.clone()).await.expect(201);
    assert_eq!(key["state"], "active");
    api.world.clock.advance(1_000);
    let key = api.call("bob", "GET", &path(&key), Value::Null).await.expect(200);
    assert_eq!((&key["status"], &key["state"]), (&json!("active"), &json!("expired")));
    ending["key"] = json!(ssh_line("other"));
    api.call("bob", "POST", "/users/bob/ssh-keys", ending).await.refused(400, "invalid-value");
}

#[tokio::test]
async fn lists_show_each_key_once_whatever_is_written_meanwhile() {
    let api = Api::new().await;
    for number in 0..7 {
        let (user, name) =
            if number % 2 == 0 { ("bob", format!("b{number}")) } else { ("alice", format!("a{number}")) };
        add(&api, "admin", user, &name).await;
        api.world.clock.advance(1);
    }
    let all = ["b0's", "a1's", "b2's", "a3's", "b4's", "a5's", "b6's"];
    for limit in [1, 2, 3, 7, 500] {
        assert_eq!(titles(&api, "admin", "/ssh-keys", limit).await, all);
        assert_eq!(titles(&api, "audrey", "/users/alice/ssh-keys", limit).await, ["a1's", "a3's", "a5's"]);
        // A member has a list of his own, and of nobody else.
        assert_eq!(titles(&api, "bob", "/ssh-keys", limit).await, ["b0's", "b2's", "b4's", "b6's"]);
    }
    let first = api.call("admin", "GET", "/ssh-keys?limit=3", Value::Null).await.expect(200);
    // The last key of the page goes, another comes.
    api.call("admin", "DELETE", &path(&first["items"][2]), Value::Null).await.expect(204);
    add(&api, "admin", "bob", "late").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = titles(&api, "admin", &format!("/ssh-keys?cursor={cursor}"), 500).await;
    assert_eq!(rest, ["a3's", "b4's", "a5's", "b6's", "late's"]);
    // A cursor is good for its list alone.
    for other in
        [format!("/ssh-keys?user=bob&cursor={cursor}"), format!("/users/bob/ssh-keys?cursor={cursor}")]
    {
        api.call("admin", "GET", &other, Value::Null).await.refused(400, "invalid-cursor");
    }
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let api = Api::new().await;
    let bobs = add(&api, "bob", "bob", "Größe").await;
    add(&api, "alice", "alice", "a%b").await;
    let list = |who: &'static str, filter: String| {
        let api = &api;
        async move { titles(api, who, &format!("/ssh-keys?{filter}"), 500).await }
    };
    assert_eq!(list("admin", "title=GR%C3%96SSE".to_owned()).await, ["Größe's"]);
    assert_eq!(list("admin", "title=%25".to_owned()).await, ["a%b's"], "a percent sign is one");
    assert_eq!(list("admin", "title=a_b".to_owned()).await, [""; 0]);
    assert_eq!(list("admin", "user=alice".to_owned()).await, ["a%b's"]);
    let by_fingerprint = format!("fingerprint={}", encoded(&bobs["fingerprint"]));
    assert_eq!(list("admin", by_fingerprint.clone()).await, ["Größe's"]);
    assert_eq!(list("bob", by_fingerprint.clone()).await, ["Größe's"]);
    assert_eq!(list("alice", by_fingerprint.clone()).await, [""; 0], "of another's key nothing is told");
    assert_eq!(list("oscar", by_fingerprint.clone()).await, [""; 0], "nor of another account's");
    assert_eq!(list("admin", format!("{by_fingerprint}&user=alice")).await, [""; 0]);
    assert_eq!(list("admin", format!("{by_fingerprint}&title=other")).await, [""; 0]);
    api.call("bob", "PATCH", &path(&bobs), json!({"status": "inactive"})).await.expect(200);
    assert_eq!(list("admin", "status=inactive".to_owned()).await, ["Größe's"]);
    assert_eq!(list("admin", format!("{by_fingerprint}&status=active")).await, [""; 0]);
    for wrong in ["status=on", "fingerprint=MD5:00", "fingerprint=SHA256:x", "limit=0"] {
        api.call("admin", "GET", &format!("/ssh-keys?{wrong}"), Value::Null)
            .await
            .refused(400, "invalid-value");
    }
    api.call("bob", "GET", "/ssh-keys?user=alice", Value::Null).await.refused(403, "denied");
    api.call("bob", "GET", "/ssh-keys?user=stranger", Value::Null).await.refused(403, "denied");
    api.call("admin", "GET", "/ssh-keys?user=stranger", Value::Null).await.refused(404, "user-not-found");
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_not_repeated() {
    let api = Api::new().await;
    let before = api.world.digest().await;
    let good = ssh_line("laptop");
    for key in [
        String::new(),
        "ssh-ed25519".to_owned(),
        format!("no-pty {good}"),
        format!("{good}\n{good}"),
        good.replace("AAAA", "AAAB"),
        "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
    ] {
        let told = api.call("bob", "POST", "/users/bob/ssh-keys", json!({"title": "t", "key": key})).await;
        assert_eq!((told.status, &told.json["field"]), (400, &json!("key")), "{}", told.text);
        assert!(key.len() < 20 || !told.text.contains(&key), "{}", told.text);
    }
    for (member, value) in [
        ("title", json!("")),
        ("title", json!("a\u{7}")),
        ("sources", json!(["10.0.0.1/8"])),
        ("sources", json!((0..65).map(|n| format!("10.0.0.{n}")).collect::<Vec<_>>())),
        ("expires_at", json!("tomorrow")),
    ] {
        let mut body = new("laptop");
        body[member] = value;
        let told = api.call("bob", "POST", "/users/bob/ssh-keys", body).await;
        assert_eq!((told.status, &told.json["field"]), (400, &json!(member)), "{}", told.text);
    }
    for id in ["0", "01", "+1", "-1", "1.0", "2147483648", "99999999999999999999", "x", "disable-all", "%31"]
    {
        api.call("admin", "GET", &format!("/ssh-keys/{id}"), Value::Null)
            .await
            .refused(404, "ssh-key-not-found");
    }
    assert_eq!(api.world.digest().await, before);
}

#[tokio::test]
async fn an_addition_sent_again_adds_nothing_again() {
    let api = Api::new().await;
    let post = |who: &'static str, body: Value| {
        let api = &api;
        let header = [("Idempotency-Key", "k")];
        async move { api.send(&api.wire(&signer(who), "POST", "/users/bob/ssh-keys", body, &header)).await }
    };
    let first = post("bob", new("laptop")).await.expect(201);
    let before = api.world.digest().await;
    assert_eq!(post("bob", new("laptop")).await.expect(201), first);
    post("bob", new("other")).await.refused(409, "idempotency-mismatch");
    assert_eq!(api.world.digest().await, before);
    // Another caller's key of the same name is another key.
    post("admin", new("laptop")).await.refused(409, "ssh-key-taken");
    api.call("bob", "DELETE", &path(&first), Value::Null).await.expect(204);
    post("bob", new("laptop")).await.refused(404, "ssh-key-not-found");
}

/// Who holds a key that is limited adds no SSH key without these limits, and takes them from none (threat T40).
#[tokio::test]
async fn t40_a_limited_key_adds_and_widens_no_ssh_key_beyond_itself() {
    let api = Api::new().await;
    let end = "2026-12-01T00:00:00.000Z";
    let limited = json!({"expires_at": end, "sources": ["192.0.2.0/24"]});
    for owner in ["bob", "carol"] {
        let keys = format!("/users/{owner}/access-keys");
        let signer: Signer = key_in(&api.call("admin", "POST", &keys, limited.clone()).await.expect(201));
        let post = |name: String, more: Value| {
            let mut body = new(&name);
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let (api, signer) = (&api, &signer);
            async move { api.call_as(signer, "POST", &format!("/users/{owner}/ssh-keys"), body).await }
        };
        let made = post(format!("{owner}-1"), json!({})).await.expect(201);
        assert_eq!(
            (&made["expires_at"], &made["sources"]),
            (&json!(end), &json!(["192.0.2.0/24"])),
            "handed down"
        );
        let narrower = json!({"expires_at": "2026-11-30T00:00:00Z", "sources": ["192.0.2.1"]});
        let narrow = post(format!("{owner}-2"), narrower.clone()).await.expect(201);
        assert_eq!(narrow["sources"], json!(["192.0.2.1/32"]));
        let before = api.world.digest().await;
        for more in [
            json!({"expires_at": "2026-12-01T00:00:01Z"}),
            json!({"sources": ["0.0.0.0/0"]}),
            json!({"sources": ["192.0.2.1", "2001:db8::/32"]}),
        ] {
            post(format!("{owner}-3"), more.clone()).await.refused(403, "exceeds-own-key");
            api.call_as(&signer, "PATCH", &path(&narrow), more).await.refused(403, "exceeds-own-key");
        }
        for none in [json!({"expires_at": null}), json!({"sources": []})] {
            api.call_as(&signer, "PATCH", &path(&narrow), none).await.refused(403, "exceeds-own-key");
        }
        assert_eq!(api.world.digest().await, before);
        // Up to its own limits it may go, and a title is no matter of limits.
        let wider = api.call_as(&signer, "PATCH", &path(&narrow), limited.clone()).await.expect(200);
        assert_eq!(wider["sources"], json!(["192.0.2.0/24"]));
        api.call_as(&signer, "PATCH", &path(&narrow), json!({"title": "other"})).await.expect(200);
        // A key without limits takes them away.
        api.call(owner, "PATCH", &path(&narrow), json!({"expires_at": null, "sources": []}))
            .await
            .expect(200);
    }
}

/// With a password one logs in from anywhere at any time, and makes keys without limits: so a limited key sets none, not even
/// its owner's (threat T40).
#[tokio::test]
async fn t40_a_limited_key_sets_no_password() {
    let api = Api::new().await;
    for limited in [json!({"expires_at": "2026-12-01T00:00:00Z"}), json!({"sources": ["192.0.2.0/24"]})] {
        for owner in ["bob", "carol"] {
            let keys = format!("/users/{owner}/access-keys");
            let signer = key_in(&api.call("admin", "POST", &keys, limited.clone()).await.expect(201));
            let body = json!({"password": "correct horse battery staple"});
            let told = api.call_as(&signer, "PUT", "/users/bob/password", body).await;
            told.refused(403, "exceeds-own-key");
        }
    }
    let bob = api.world.uuid_of("bob").await;
    assert_eq!(api.world.store.password(bob).await.unwrap(), None);
}

/// After a suspicion every key waits until its owner has enabled it again; each step is in the audit (threat T90).
#[tokio::test]
async fn t90_all_ssh_keys_wait_until_their_owners_confirm_each() {
    let api = Api::new().await;
    let roots = add(&api, "admin", "admin", "root").await;
    let bobs = add(&api, "bob", "bob", "bobs").await;
    let planted = add(&api, "carol", "bob", "planted").await;
    let mut many = Vec::new();
    for number in 0..450 {
        many.push(add(&api, "alice", "alice", &format!("a{number}")).await);
    }
    let off = add(&api, "carol", "carol", "off").await;
    api.call("carol", "PATCH", &path(&off), json!({"status": "inactive"})).await.expect(200);
    let abroad = api.call("oscar", "POST", "/users/oscar/ssh-keys", new("abroad")).await.expect(201);
    for who in ["bob", "audrey"] {
        api.call(who, "POST", "/ssh-keys/disable-all", Value::Null).await.refused(403, "denied");
    }

    let done = api.call("carol", "POST", "/ssh-keys/disable-all", Value::Null).await.expect(200);
    // Root's keys are root's to change.
    assert_eq!(done, json!({"disabled": 452, "kept": 1, "next_cursor": null}));
    assert_eq!(api.world.audited("ssh-key.disable-all").await, 452);
    let again = api.call("carol", "POST", "/ssh-keys/disable-all", Value::Null).await.expect(200);
    assert_eq!(again, json!({"disabled": 0, "kept": 1, "next_cursor": null}));
    let by_root = api.call("admin", "POST", "/ssh-keys/disable-all", Value::Null).await.expect(200);
    assert_eq!(by_root["disabled"], 1);
    assert_eq!(titles(&api, "admin", "/ssh-keys?status=active", 500).await, [""; 0]);
    assert_eq!(api.call("admin", "GET", &path(&roots), Value::Null).await.expect(200)["state"], "inactive");
    assert_eq!(api.call("oscar", "GET", &path(&abroad), Value::Null).await.expect(200)["state"], "active");

    // Bob knows the one and not the other.
    let seen = titles(&api, "bob", "/ssh-keys?status=inactive", 500).await;
    assert_eq!(seen, ["bobs's", "planted's"]);
    let updates = api.world.audited("ssh-key.update").await;
    let confirmed = api.call("bob", "PATCH", &path(&bobs), json!({"status": "active"})).await.expect(200);
    assert_eq!(confirmed["state"], "active");
    api.call("bob", "DELETE", &path(&planted), Value::Null).await.expect(204);
    api.call("alice", "PATCH", &path(&bobs), json!({"status": "active"}))
        .await
        .refused(404, "ssh-key-not-found");
    assert_eq!(api.world.audited("ssh-key.update").await, updates + 1);
    let detail = format!("ssh_key={} status=active", bobs["id"]);
    assert_eq!(api.world.audited_detail("ssh-key.update", &detail).await, 1);
    let found = api.world.store.scan_ssh_keys(None, 1_000).await.unwrap();
    let active =
        found.iter().filter(|key| key.account == api.world.account && key.status == KeyStatus::Active);
    assert_eq!(active.filter(|key| key.deleted_at.is_none()).count(), 1);
}

#[tokio::test]
async fn a_password_is_set_and_never_told() {
    let api = Api::new().await;
    let set = |who: &'static str, user: &'static str, body: Value| {
        let api = &api;
        async move { api.call(who, "PUT", &format!("/users/{user}/password"), body).await }
    };
    let password = "correct horse battery staple";
    let bob = api.world.uuid_of("bob").await;
    assert_eq!(api.world.store.password(bob).await.unwrap(), None);
    for body in [
        json!({}),
        json!({"password": "short"}),
        json!({"password": 12_345_678}),
        json!({"password": "tab\tand more"}),
    ] {
        set("bob", "bob", body).await.refused(400, "invalid-value");
    }
    set("bob", "bob", json!({"password": password, "old": password})).await.refused(400, "unknown-parameter");
    set("bob", "alice", json!({"password": password})).await.refused(403, "denied");
    set("audrey", "bob", json!({"password": password})).await.refused(403, "denied");
    set("carol", "admin", json!({"password": password})).await.refused(403, "root-only");
    assert_eq!(api.world.store.password(bob).await.unwrap(), None);
    for (who, audited) in [("bob", 1), ("carol", 2)] {
        let before = api.world.store.password(bob).await.unwrap().map(|row| row.hash);
        let told = set(who, "bob", json!({"password": password})).await;
        assert_eq!((told.status, told.text.as_str()), (204, ""));
        let after = api.world.store.password(bob).await.unwrap().map(|row| row.hash);
        assert_ne!(before, after, "another salt each time");
        assert_eq!(api.world.audited_detail("user.password", "name=bob").await, audited);
    }
    assert_eq!(api.world.audited_detail("user.password", "horse").await, 0);
}
