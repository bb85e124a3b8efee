//! Lists: filters, orders and cursors; and that they show what showing one by one shows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::Api;
use crate::world::{KeySpec, signer};

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Walks a list to its end.
async fn walk(api: &Api, who: &str, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(next) = cursor {
        let page = api.call(who, "GET", &format!("{path}&cursor={next}"), Value::Null).await.expect(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
    }
    items
}

/// What a list shows, each caller may show one by one; and the other way round (threat T43).
#[tokio::test]
async fn t43_lists_show_exactly_what_showing_one_by_one_shows() {
    let api = Api::new().await;
    let all = ["admin", "carol", "audrey", "bob", "alice", "oscar", "olga"];
    let bob = api.world.uuid_of("bob").await;
    api.world.key(bob, "gone", KeySpec { deleted: true, ..KeySpec::default() }).await;
    for who in all {
        let listed: BTreeSet<String> = walk(&api, who, "/access-keys?limit=2")
            .await
            .iter()
            .map(|key| key["id"].as_str().unwrap().to_owned())
            .collect();
        let mut shown = BTreeSet::new();
        for name in all {
            let key = signer(name).id;
            if api.call(who, "GET", &format!("/access-keys/{key}"), Value::Null).await.status == 200 {
                shown.insert(key);
            }
        }
        assert_eq!(listed, shown, "keys for {who}");
        let users = api.call(who, "GET", "/users?limit=500", Value::Null).await;
        if users.status == 200 {
            for user in users.json["items"].as_array().unwrap() {
                let name = user["name"].as_str().unwrap();
                let one = api.call(who, "GET", &format!("/users/{name}"), Value::Null).await.expect(200);
                assert_eq!(&one, user);
            }
        }
        let accounts = api.call(who, "GET", "/accounts", Value::Null).await.expect(200);
        let listed: BTreeSet<&str> = accounts["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| account["name"].as_str().unwrap())
            .collect();
        for name in ["default", "other", "nobody"] {
            let one = api.call(who, "GET", &format!("/accounts/{name}"), Value::Null).await;
            assert_eq!(one.status == 200, listed.contains(name), "{name} for {who}");
        }
        let events =
            api.call(who, "GET", &format!("/access-keys/{}/events", signer("gone").id), Value::Null).await;
        let one = api.call(who, "GET", &format!("/access-keys/{}", signer("gone").id), Value::Null).await;
        assert_eq!(events.status, one.status, "{who}");
    }
}

/// Cursors are bound to the account, the list, its filters and its order (threat T51).
#[tokio::test]
async fn t51_forged_and_foreign_cursors_open_nothing() {
    let api = Api::new().await;
    for path in ["/users", "/access-keys", "/audit", "/accounts"] {
        let page = api.call("admin", "GET", &format!("{path}?limit=1"), Value::Null).await.expect(200);
        let cursor = page["next_cursor"].as_str().unwrap().to_owned();
        api.call("admin", "GET", &format!("{path}?cursor={cursor}&limit=3"), Value::Null).await.expect(200);
        let mut forged = vec![
            cursor[2..].to_owned(),
            format!("00{cursor}"),
            cursor.to_uppercase(),
            "00".to_owned(),
            "x".to_owned(),
            "0".repeat(80),
        ];
        for at in [0, cursor.len() / 2, cursor.len() - 1] {
            let mut edited = cursor.clone().into_bytes();
            edited[at] = if edited[at] == b'0' { b'1' } else { b'0' };
            forged.push(String::from_utf8(edited).unwrap());
        }
        for cursor in forged {
            let told = api.call("admin", "GET", &format!("{path}?cursor={cursor}"), Value::Null).await;
            assert_eq!((told.status, told.problem()), (400, "invalid-cursor"), "{path} {cursor}");
        }
        api.call("oscar", "GET", &format!("{path}?cursor={cursor}"), Value::Null)
            .await
            .refused(400, "invalid-cursor");
        for other in
            ["/users", "/access-keys", "/audit", "/accounts"].into_iter().filter(|other| *other != path)
        {
            api.call("admin", "GET", &format!("{other}?cursor={cursor}"), Value::Null)
                .await
                .refused(400, "invalid-cursor");
        }
    }
    let page = api.call("admin", "GET", "/access-keys?limit=1&status=active", Value::Null).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    for query in ["", "&status=inactive", "&status=active&sort=-created_at", "&status=active&dialect=scloud"]
    {
        let path = format!("/access-keys?cursor={cursor}{query}");
        api.call("admin", "GET", &path, Value::Null).await.refused(400, "invalid-cursor");
    }
    let path = format!("/access-keys?status=active&cursor={cursor}");
    api.call("admin", "GET", &path, Value::Null).await.expect(200);
}

/// Keys come and go during a walk: none is shown twice, none that is there throughout is missing (threat T51).
#[tokio::test]
async fn t51_a_walk_during_writes_shows_each_key_once() {
    let api = Api::new().await;
    for number in 0..9 {
        let user = api.world.member(&format!("user{number}")).await;
        api.world.key(user, &format!("key{number}"), KeySpec::default()).await;
    }
    for sort in ["created_at", "-created_at", "id", "-id"] {
        let all: BTreeSet<String> = walk(&api, "admin", &format!("/access-keys?limit=500&sort={sort}"))
            .await
            .iter()
            .map(|key| key["id"].as_str().unwrap().to_owned())
            .collect();
        let (mut seen, mut cursor, mut page_number) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/access-keys?limit=2&sort={sort}&cursor={cursor}");
            let page = api.call("admin", "GET", &path, Value::Null).await.expect(200);
            seen.extend(ids(&page));
            // One key comes and goes, and the last one that was shown is changed.
            let made = api.call("admin", "POST", "/users/alice/access-keys", Value::Null).await.expect(201);
            let id = made["id"].as_str().unwrap();
            api.call("admin", "DELETE", &format!("/access-keys/{id}"), Value::Null).await.expect(204);
            let last = seen.last().unwrap().clone();
            let description = json!({"description": format!("page {page_number} by {sort}")});
            api.call("admin", "PATCH", &format!("/access-keys/{last}"), description).await.expect(200);
            page_number += 1;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = next.to_owned();
        }
        let unique: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(unique.len(), seen.len(), "twice by {sort}");
        assert!(unique.is_superset(&all), "missing by {sort}");
    }
}

#[tokio::test]
async fn filters_leave_out_the_others() {
    let api = Api::new().await;
    let hour = |hours: i64| domain::clock::UnixMillis(crate::world::START.0 + hours * 3_600_000);
    let bob = api.world.uuid_of("bob").await;
    let ending = |end| KeySpec { expires_at: Some(end), ..KeySpec::default() };
    api.world.key(bob, "soon", ending(hour(2))).await;
    api.world.key(bob, "later", ending(hour(50))).await;
    api.world.key(bob, "gone", KeySpec { deleted: true, ..KeySpec::default() }).await;
    api.call(
        "admin",
        "PATCH",
        &format!("/access-keys/{}", signer("alice").id),
        json!({"status": "inactive"}),
    )
    .await
    .expect(200);
    api.world.clock.advance(3_600_000);
    api.call("carol", "GET", "/whoami", Value::Null).await.expect(200);
    let listed = async |query: &str| -> BTreeSet<String> {
        walk(&api, "admin", &format!("/access-keys?limit=1&{query}"))
            .await
            .iter()
            .map(|key| key["id"].as_str().unwrap().trim_end_matches('0').to_owned())
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(listed("user=bob").await, names(&["bob", "soon", "later"]));
    assert_eq!(listed("status=inactive").await, names(&["alice"]));
    assert_eq!(listed("user=bob&expires_before=2026-11-22T03:00:00Z").await, names(&["soon"]));
    assert_eq!(listed("user=bob&expires_after=2026-11-22T03:00:00Z").await, names(&["bob", "later"]));
    assert_eq!(listed("deleted=only").await, names(&["gone"]));
    assert_eq!(listed("user=bob&deleted=include").await, names(&["bob", "soon", "later", "gone"]));
    assert_eq!(listed("dialect=tencent").await, names(&[]));
    assert_eq!(listed("used_after=2026-11-22T00:30:00Z").await, names(&["carol", "admin"]));
    assert_eq!(
        listed("used_before=2026-11-22T00:30:00Z").await,
        names(&["audrey", "bob", "alice", "soon", "later"])
    );
    let page =
        api.call("admin", "GET", "/access-keys?sort=-expires_at&user=bob", Value::Null).await.expect(200);
    assert_eq!(ids(&page).len(), 3);
    api.call("bob", "GET", "/access-keys?deleted=include", Value::Null).await.refused(403, "denied");
    let own = api.call("bob", "GET", "/access-keys", Value::Null).await.expect(200);
    assert_eq!(ids(&own).len(), 3, "a member sees his own");
    api.call("admin", "GET", "/access-keys?user=stranger", Value::Null).await.refused(404, "user-not-found");
    for bad in [
        "limit=0",
        "limit=501",
        "limit=x",
        "status=frozen",
        "sort=secret",
        "deleted=yes",
        "expires_before=now",
        "limit=1&limit=2",
    ] {
        api.call("admin", "GET", &format!("/access-keys?{bad}"), Value::Null)
            .await
            .refused(400, "invalid-value");
    }
}

/// The audit tells who did what, and following it misses nothing.
#[tokio::test]
async fn the_audit_is_filtered_and_followed() {
    let api = Api::new().await;
    let start = api.call("admin", "GET", "/audit?follow=true", Value::Null).await.expect(200);
    assert_eq!(start["items"], json!([]), "begins now");
    let mut cursor = start["next_cursor"].as_str().unwrap().to_owned();
    let mut followed: Vec<Value> = Vec::new();
    for name in ["dave", "erin", "fred"] {
        api.call("carol", "POST", "/users", json!({"name": name, "access_key": {}})).await.expect(201);
        let path = format!("/audit?follow=true&limit=1&cursor={cursor}");
        let page = api.call("audrey", "GET", &path, Value::Null).await.expect(200);
        followed.extend(page["items"].as_array().unwrap().clone());
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
    }
    followed.extend(walk_on(&api, cursor).await);
    let actions: Vec<&str> = followed.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["user.create", "access-key.create"].repeat(3));

    let carol = api.call("carol", "GET", "/whoami", Value::Null).await.expect(200)["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for query in
        ["actor=carol".to_owned(), format!("actor={carol}"), format!("actor_key={}", signer("carol").id)]
    {
        let found = walk(&api, "audrey", &format!("/audit?limit=2&{query}")).await;
        assert_eq!(found.len(), 6, "{query}");
        assert!(found.iter().all(|entry| entry["actor"] == json!(carol)), "{query}");
        assert!(found.iter().all(|entry| entry["actor_name"] == "carol"), "{query}");
        assert_eq!(found[0], followed[5], "newest first");
    }
    assert_eq!(walk(&api, "admin", "/audit?action=user.create&actor=carol").await.len(), 3);
    assert_eq!(walk(&api, "admin", "/audit?action=access-key.&actor=carol").await.len(), 3);
    assert_eq!(walk(&api, "admin", "/audit?since=2026-11-22T00:00:00.001Z").await.len(), 0);
    let object = followed[1]["object"].as_str().unwrap();
    let events = walk(&api, "admin", &format!("/audit?object={object}")).await;
    assert_eq!(events, [followed[1].clone()]);
    assert!(walk(&api, "oscar", "/audit?limit=2").await.iter().all(|entry| entry["action"] == "test.setup"));
    api.call("bob", "GET", "/audit", Value::Null).await.refused(403, "denied");
    api.call("admin", "GET", "/audit?follow=true&order=desc", Value::Null)
        .await
        .refused(400, "invalid-value");
    api.call("admin", "GET", "/audit?actor=stranger", Value::Null).await.refused(404, "user-not-found");
}

/// A member who looks at what happened to his key learns nobody's name but his own (threat T38).
#[tokio::test]
async fn names_in_the_audit_are_for_who_may_read_users() {
    let api = Api::new().await;
    let key = format!("/access-keys/{}", signer("bob").id);
    api.call("carol", "PATCH", &key, json!({"description": "by carol"})).await.expect(200);
    api.call("bob", "PATCH", &key, json!({"description": "by bob"})).await.expect(200);
    let names = |who: &'static str| {
        let (api, path) = (&api, format!("{key}/events?limit=2"));
        async move {
            let found = walk(api, who, &path).await;
            let name = |entry: &Value| (entry["actor"].is_string(), entry["actor_name"].clone());
            found.iter().map(name).collect::<Vec<_>>()
        }
    };
    let setup = (false, Value::Null);
    assert_eq!(names("admin").await, [(true, json!("bob")), (true, json!("carol")), setup.clone()]);
    assert_eq!(names("bob").await, [(true, json!("bob")), (true, Value::Null), setup.clone()]);
    // Who is gone is still named.
    api.call("admin", "DELETE", "/users/carol", Value::Null).await.expect(204);
    assert_eq!(names("audrey").await, [(true, json!("bob")), (true, json!("carol")), setup]);
}

async fn walk_on(api: &Api, mut cursor: String) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let path = format!("/audit?follow=true&limit=1&cursor={cursor}");
        let page = api.call("audrey", "GET", &path, Value::Null).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
        if items.is_empty() {
            return found;
        }
        found.extend(items);
    }
}
