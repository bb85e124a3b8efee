//! One page for each operation's answer and for each kind of refusal.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    ED25519, PASSWORD, Seen, add_body, give_password, login, plain, send, sign, signed, signed_by, token,
    with_token, world,
};
use crate::broken_store::BrokenStore;
use crate::golden;
use crate::wire::Wire;
use crate::world::{Signer, World, signer};

type Book = golden::Book<String>;

/// What is random, blacked out.
fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let hide = |name: &str, value: &Value| match name {
                "secret" | "secret_access_key" | "access" | "access_key_id" | "securitytoken"
                | "next_marker" => {
                    json!("<random>")
                }
                "id" if value.is_u64() => json!("<number>"),
                _ => redacted(value),
            };
            members.iter().map(|(name, value)| (name.clone(), hide(name, value))).collect()
        }
        Value::Array(items) => items.iter().map(redacted).collect(),
        other => other.clone(),
    }
}

fn page(wire: &Wire, seen: &Seen) -> String {
    let mut out = String::new();
    writeln!(out, "> {} {}", wire.method, wire.target).unwrap();
    if !wire.body.is_empty() {
        writeln!(out, "{}", String::from_utf8_lossy(&wire.body)).unwrap();
    }
    writeln!(out, "< {}", seen.status).unwrap();
    for (name, value) in &seen.headers {
        let value = if *name == "X-Subject-Token" { "<token>" } else { value };
        writeln!(out, "< {name}: {value}").unwrap();
    }
    if !seen.text.is_empty() {
        writeln!(out, "{}", serde_json::to_string_pretty(&redacted(&seen.json)).unwrap()).unwrap();
    }
    out
}

async fn case(book: &mut Book, folder: &str, name: &str, world: &World, wire: &Wire) -> Seen {
    let seen = send(world, wire).await;
    book.page(folder, name, seen.code(), &page(wire, &seen));
    seen
}

#[tokio::test]
async fn answers_are_those_of_the_golden_files() {
    let mut book = Book::of("huawei");
    let world = world().await;
    let bob = world.uuid_of("bob").await.hex();
    keys(&mut book, &world).await;
    access_keys(&mut book, &world, &bob).await;
    tokens(&mut book, &world).await;
    for (name, target) in [
        ("versions", "/".to_owned()),
        ("version", "/v3".to_owned()),
        ("project-by-name", "/v3/projects?name=cn-north-4".to_owned()),
        ("domains", "/v3/auth/domains".to_owned()),
        ("catalog", "/v3/auth/catalog".to_owned()),
        ("user", format!("/v3.0/OS-USER/users/{bob}")),
        ("projects-of-user", format!("/v3/users/{bob}/projects?name=a")),
        ("caller-identity", "/v5/caller-identity".to_owned()),
    ] {
        case(&mut book, "lookups", name, &world, &signed(&world, "bob", "GET", &target, "")).await;
    }
    refusals(&mut book, &world, &bob).await;
    book.close();
}

async fn keys(book: &mut Book, world: &World) {
    let target = "/v4/user/keys";
    let made = signed(world, "bob", "POST", target, &add_body("laptop", ED25519));
    let made = case(book, "keys", "add", world, &made).await;
    case(book, "keys", "list", world, &signed(world, "bob", "GET", target, "")).await;
    case(book, "keys", "add-twice", world, &signed(world, "bob", "POST", target, &add_body("x", ED25519)))
        .await;
    case(
        book,
        "keys",
        "add-garbage",
        world,
        &signed(world, "bob", "POST", target, &add_body("x", "garbage")),
    )
    .await;
    case(book, "keys", "add-without-title", world, &signed(world, "bob", "POST", target, "{}")).await;
    case(book, "keys", "bad-limit", world, &signed(world, "bob", "GET", "/v4/user/keys?limit=0", "")).await;
    case(book, "keys", "list-v1", world, &signed(world, "alice", "GET", "/v1/users/sshkey", "")).await;
    case(book, "keys", "missing", world, &signed(world, "bob", "DELETE", "/v4/user/keys/1", "")).await;
    case(book, "keys", "missing-v1", world, &signed(world, "bob", "DELETE", "/v1/users/sshkey/1", "")).await;
    case(book, "keys", "auditor", world, &signed(world, "audrey", "POST", target, "{}")).await;
    let target = format!("{target}/{}", made.json["id"]);
    let deleted = send(world, &signed(world, "bob", "DELETE", &target, "")).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
}

async fn access_keys(book: &mut Book, world: &World, bob: &str) {
    let (v3, v5) = ("/v3.0/OS-CREDENTIAL/credentials", format!("/v5/users/{bob}/access-keys"));
    let as_bob = |method: &str, target: &str, body: &str| signed(world, "bob", method, target, body);
    // Users' ids are the same in every run of the seeded world.
    let body = json!({"credential": {"user_id": bob, "description": "ci"}}).to_string();
    let made = case(book, "access-keys", "create", world, &as_bob("POST", v3, &body)).await;
    let id = made.json["credential"]["access"].as_str().unwrap().to_owned();
    case(book, "access-keys", "list", world, &as_bob("GET", v3, "")).await;
    case(book, "access-keys", "quota", world, &as_bob("POST", v3, &body)).await;
    case(book, "access-keys", "quota-v5", world, &as_bob("POST", &v5, "")).await;
    case(book, "access-keys", "list-v5", world, &as_bob("GET", &format!("{v5}?limit=1"), "")).await;
    case(book, "access-keys", "marker-v5", world, &as_bob("GET", &format!("{v5}?marker=abcd"), "")).await;
    case(book, "access-keys", "limit-v5", world, &as_bob("GET", &format!("{v5}?limit=0"), "")).await;
    case(book, "access-keys", "missing", world, &as_bob("GET", &format!("{v3}/NONE"), "")).await;
    case(book, "access-keys", "missing-v5", world, &as_bob("DELETE", &format!("{v5}/NONE"), "")).await;
    case(book, "access-keys", "foreign", world, &signed(world, "alice", "POST", v3, &body)).await;
    case(book, "access-keys", "foreign-v5", world, &signed(world, "alice", "GET", &v5, "")).await;
    case(book, "access-keys", "bad-body", world, &as_bob("POST", v3, "{}")).await;
    let deleted = send(world, &as_bob("DELETE", &format!("{v3}/{id}"), "")).await;
    assert_eq!(deleted.status, 204);
    case(book, "access-keys", "create-v5", world, &as_bob("POST", &v5, "")).await;
}

async fn tokens(book: &mut Book, world: &World) {
    give_password(world, "bob").await;
    case(book, "tokens", "domain", world, &login("bob", PASSWORD, "")).await;
    case(book, "tokens", "project", world, &login("bob", PASSWORD, r#"{"project":{"name":"cn-north-4"}}"#))
        .await;
    case(book, "tokens", "wrong", world, &login("bob", "wrong", "")).await;
    case(book, "tokens", "bad-body", world, &plain("POST", "/v3/auth/tokens", "{}")).await;
    let unknown = signed(world, "bob", "GET", "/v3/auth/tokens", "").with_header("X-Subject-Token", "x");
    case(book, "tokens", "unknown-subject", world, &unknown).await;
    let token = super::another_token(world, "bob").await;
    let target = "/v3.0/OS-CREDENTIAL/securitytokens";
    // The token itself is random, so the page has it in the header.
    let body = r#"{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":1800}}}}"#;
    case(book, "tokens", "key", world, &with_token(&token, "POST", target, body)).await;
    let short = body.replace("1800", "60");
    case(book, "tokens", "key-too-short", world, &with_token(&token, "POST", target, &short)).await;
    case(book, "tokens", "key-bad-body", world, &with_token(&token, "POST", target, "{}")).await;
    case(book, "tokens", "key-bad-token", world, &with_token("x", "POST", target, body)).await;
    case(book, "tokens", "key-without-token", world, &plain("POST", target, body)).await;
    let made = send(world, &with_token(&token, "POST", target, body)).await.json;
    let text = |name: &str| made["credential"][name].as_str().unwrap().to_owned();
    let key = Signer { id: text("access"), secret: text("secret") };
    let without = signed_by(world, &key, "GET", "/v4/user/keys", "");
    case(book, "tokens", "key-without-its-security-token", world, &without).await;
}

async fn refusals(book: &mut Book, world: &World, bob: &str) {
    let keys = "/v4/user/keys";
    let v5 = format!("/v5/users/{bob}/access-keys");
    case(book, "refusals", "no-credential", world, &plain("GET", keys, "")).await;
    case(book, "refusals", "token", world, &with_token("x", "GET", keys, "")).await;
    case(book, "refusals", "token-v1", world, &with_token("x", "GET", "/v1/users/sshkey", "")).await;
    case(book, "refusals", "token-v3", world, &with_token("x", "GET", "/v3/projects", "")).await;
    case(book, "refusals", "token-v5", world, &with_token("x", "GET", &v5, "")).await;
    let wrong = Signer { id: signer("bob").id, secret: signer("alice").secret };
    case(book, "refusals", "wrong-signature", world, &signed_by(world, &wrong, "GET", keys, "")).await;
    case(book, "refusals", "unknown-key", world, &signed(world, "nobody-such", "GET", keys, "")).await;
    let malformed = plain("GET", keys, "").with_header("Authorization", "SDK-HMAC-SHA256 x");
    case(book, "refusals", "malformed", world, &malformed).await;
    let old = plain("GET", keys, "").with_header("X-Sdk-Date", "20200101T000000Z");
    case(book, "refusals", "stale", world, &sign(old, &signer("bob"))).await;
    case(book, "refusals", "unknown-path", world, &plain("GET", "/v4/nothing", "")).await;
    case(
        book,
        "refusals",
        "repeated-parameter",
        world,
        &signed(world, "bob", "GET", "/v4/user/keys?limit=1&limit=2", ""),
    )
    .await;
    case(book, "refusals", "frozen", world, &with_token("", "GET", keys, "")).await;
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_as_unavailable() {
    let mut world = world().await;
    let token = token(&world, "bob").await;
    world.on_store(|_| std::sync::Arc::new(BrokenStore));
    for wire in [
        with_token(&token, "GET", "/v4/user/keys", ""),
        signed(&world, "bob", "GET", "/v4/user/keys", ""),
        login("bob", PASSWORD, ""),
        signed(&world, "bob", "GET", "/v5/caller-identity", ""),
    ] {
        let seen = send(&world, &wire).await;
        assert_eq!((seen.status, seen.code().as_str()), (503, "APIGW.0613"), "{}", seen.text);
    }
}
