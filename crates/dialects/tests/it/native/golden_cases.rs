//! Golden cases: for each operation the answer to its sample, and one file for each problem.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dialects::native::Problem;
use dialects::{Dialect, TransportRefusal};
use domain::access_keys::KeyStatus;
use domain::id::RequestId;
use domain::limits::{Limits, SORTED_KEYS};
use domain::throttle::Rate;
use serde_json::{Value, json};

use super::api::{Api, Told};
use super::samples::{Sample, operations, sample};
use crate::broken_store::BrokenStore;
use crate::golden::Book;
use crate::world::{KeySpec, limits, signer, ssh_line};

fn page(request: Option<&Sample>, told: &Told) -> String {
    let mut out = String::new();
    if let Some(Sample { method, path, body, .. }) = request {
        writeln!(out, "> {method} {path}").unwrap();
        match body {
            Value::Null => {}
            Value::String(text) => writeln!(out, "{text}").unwrap(),
            body => writeln!(out, "{}", serde_json::to_string_pretty(body).unwrap()).unwrap(),
        }
    }
    writeln!(out, "< {}", told.status).unwrap();
    for (name, value) in &told.headers {
        writeln!(out, "< {name}: {value}").unwrap();
    }
    if told.json.is_null() {
        out.push_str(&told.text);
    } else {
        let mut json = told.json.clone();
        redact(&mut json);
        writeln!(out, "{}", serde_json::to_string_pretty(&json).unwrap()).unwrap();
    }
    out
}

/// Blacks out what is random: records, numbers, new ids and secrets, cursors.
fn redact(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => {
            for (name, value) in members {
                redact(value);
                let text = value.as_str().unwrap_or_default();
                let is_record = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
                let new = match name.as_str() {
                    "number" => "<number>",
                    "id" if value.is_number() => "<number>",
                    "secret" | "token" if !text.is_empty() => "<secret>",
                    "next_cursor" if !text.is_empty() => "<cursor>",
                    "detail" if text.contains("key=KW") || text.contains("user=") => "<detail>",
                    _ if text.starts_with("KW") && text.len() == 28 => "<new key id>",
                    "request_id" => continue,
                    _ if is_record => "<record>",
                    _ => continue,
                };
                *value = Value::String(new.to_owned());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn send(api: &Api, who: &str, sample: &Sample) -> Told {
    let body = sample.body.clone();
    api.send(&api.wire(&signer(who), sample.method, &sample.path, body, &sample.headers())).await
}

fn request(method: &'static str, path: impl Into<String>, body: Value) -> Sample {
    Sample { method, path: path.into(), body, content_type: None }
}

/// Requests that provoke a problem, each in a world of its own.
fn provoking() -> Vec<(Problem, &'static str, Sample)> {
    let key = |name: &str, rest: &str| format!("/access-keys/{}{rest}", signer(name).id);
    vec![
        (Problem::MalformedRequest, "admin", request("POST", "/users", "{".into())),
        (Problem::UnknownParameter, "admin", request("GET", "/users?offset=1", Value::Null)),
        (Problem::InvalidValue, "admin", request("POST", "/users", json!({"name": "a/b"}))),
        (Problem::InvalidCursor, "admin", request("GET", "/users?cursor=00", Value::Null)),
        (Problem::CredentialRefused, "nobody", request("GET", "/whoami", Value::Null)),
        (Problem::AccessKeyUnusable, "disabled", request("GET", "/whoami", Value::Null)),
        (Problem::SourceRefused, "elsewhere", request("GET", "/whoami", Value::Null)),
        (Problem::Denied, "bob", request("GET", "/users", Value::Null)),
        (Problem::RootOnly, "carol", request("DELETE", key("admin", ""), Value::Null)),
        (Problem::TemporaryKey, "temporary", request("POST", "/users/bob/access-keys", Value::Null)),
        (
            Problem::ExceedsOwnKey,
            "ending",
            request("POST", "/users/bob/access-keys", json!({"expires_at": "2030-01-01T00:00:00Z"})),
        ),
        (Problem::PathUnknown, "admin", request("GET", "/nothing", Value::Null)),
        (Problem::AccountNotFound, "admin", request("GET", "/accounts/nobody", Value::Null)),
        (Problem::UserNotFound, "admin", request("GET", "/users/stranger", Value::Null)),
        (Problem::AccessKeyNotFound, "admin", request("GET", key("stranger", ""), Value::Null)),
        (Problem::SshKeyNotFound, "admin", request("GET", "/ssh-keys/1", Value::Null)),
        (Problem::UserHasKeys, "admin", request("DELETE", "/users/bob?only_without_keys=true", Value::Null)),
        (Problem::GateTokenNotFound, "admin", request("DELETE", "/gate-tokens/nobody", Value::Null)),
        (
            Problem::RefusalNotFound,
            "admin",
            request("GET", format!("/refusals/{}", "0".repeat(32)), Value::Null),
        ),
        (Problem::MethodNotAllowed, "admin", request("PUT", "/users", Value::Null)),
        (Problem::NameTaken, "admin", request("POST", "/users", json!({"name": "BOB"}))),
        (
            Problem::AccessKeyIdTaken,
            "admin",
            request(
                "POST",
                "/users/bob/access-keys/import",
                json!({"id": signer("olga").id, "secret": "s".repeat(40), "schemes": ["aws4"]}),
            ),
        ),
        (
            Problem::UnsupportedMediaType,
            "admin",
            Sample { content_type: Some("text/plain"), ..request("POST", "/users", json!({})) },
        ),
    ]
}

#[tokio::test]
async fn golden_cases_of_every_operation_and_problem() {
    let mut book = Book::of("native");
    for operation in operations() {
        let api = Api::furnished().await;
        let sample = sample(operation.name, "bob");
        let told = send(&api, "admin", &sample).await;
        assert!(told.status < 300, "{}: {}", operation.name, told.text);
        book.page("operations", operation.name, told.status, &page(Some(&sample), &told));
    }
    let mut provoked = BTreeSet::new();
    let mut note = |problem: Problem| provoked.insert(problem.word());
    for (problem, who, sample) in provoking() {
        let api = peculiar().await;
        let told = send(&api, who, &sample).await;
        assert_eq!(told.problem(), problem.word(), "{}", told.text);
        book.page("problems", problem.word(), told.status, &page(Some(&sample), &told));
        note(problem);
    }
    let others = [conflicts().await, meanwhile().await, troubles().await].into_iter().flatten();
    for (problem, told, sample) in others {
        assert_eq!(told.problem(), problem.word(), "{}", told.text);
        book.page("problems", problem.word(), told.status, &page(sample.as_ref(), &told));
        note(problem);
    }
    book.close();
    let rest: Vec<&str> =
        Problem::ALL.iter().map(|problem| problem.word()).filter(|word| !provoked.contains(word)).collect();
    assert_eq!(rest, [""; 0], "problems that no case provokes");
}

/// A world with keys that may not do much.
async fn peculiar() -> Api {
    let api = Api::new().await;
    let world = &api.world;
    let bob = world.uuid_of("bob").await;
    let spec = KeySpec::default;
    world.key(bob, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    world
        .key(bob, "elsewhere", KeySpec { sources: vec!["198.51.100.0/24".parse().unwrap()], ..spec() })
        .await;
    let end = Some(crate::world::START.plus(86_400_000));
    world.key(bob, "ending", KeySpec { expires_at: end, ..spec() }).await;
    let parent = world.key(bob, "parent", spec()).await;
    let temporary = KeySpec {
        kind: domain::access_keys::KeyKind::Temporary,
        parent: Some(parent),
        expires_at: end,
        ..spec()
    };
    world.key(bob, "temporary", temporary).await;
    api
}

/// Problems that take two requests.
async fn conflicts() -> Vec<(Problem, Told, Option<Sample>)> {
    let mut found = Vec::new();
    let api = Api::with(limits()).await;
    let create = request("POST", "/users/bob/access-keys", json!({}));
    send(&api, "admin", &create).await.expect(201);
    found.push((Problem::LimitReached, send(&api, "admin", &create).await, Some(create)));
    let rotate = request("POST", format!("/access-keys/{}/rotate", signer("bob").id), json!({}));
    send(&api, "admin", &rotate).await.expect(201);
    found.push((Problem::RotationUnderWay, send(&api, "admin", &rotate).await, Some(rotate)));
    let repeated = |name: &str| {
        api.wire(&signer("admin"), "POST", "/users", json!({"name": name}), &[("Idempotency-Key", "k")])
    };
    api.send(&repeated("dave")).await.expect(201);
    let carol = request("DELETE", format!("/access-keys/{}", signer("carol").id), Value::Null);
    send(&api, "admin", &carol).await.expect(204);
    let own = request("DELETE", format!("/access-keys/{}", signer("admin").id), Value::Null);
    found.push((Problem::LastAdministrator, send(&api, "admin", &own).await, Some(own)));
    found.push((Problem::IdempotencyMismatch, api.send(&repeated("erin")).await, None));
    found
}

/// Problems that take something to happen beside the request, or much of it.
async fn meanwhile() -> Vec<(Problem, Told, Option<Sample>)> {
    let mut found = Vec::new();
    let mut api = Api::new().await;
    let bob = api.world.uuid_of("bob").await;
    // The server goes on with what it knows, and does not hear of what is written.
    api.world.deafen();
    let rename = request("PATCH", "/users/bob", json!({"display_name": "Bob"}));
    let look = request("GET", "/users/bob", Value::Null);
    send(&api, "admin", &look).await.expect(200);
    send(&api, "bob", &look).await.expect(200);
    api.world.change_user(bob, |user| user.email = "bob@example.org".to_owned()).await;
    found.push((Problem::Conflict, send(&api, "admin", &rename).await, Some(rename)));
    api.world.change_key(bob, &signer("bob").id, |key| key.status = KeyStatus::Inactive).await;
    let create = request("POST", "/users/bob/access-keys", Value::Null);
    found.push((Problem::CallerRevoked, send(&api, "bob", &create).await, Some(create)));

    let api = Api::set(limits(), "strict_replay = true").await;
    let add = request("POST", "/users/bob/ssh-keys", json!({"title": "laptop", "key": ssh_line("laptop")}));
    send(&api, "bob", &add).await.expect(201);
    found.push((Problem::RequestReplayed, send(&api, "bob", &add).await, None));
    let other = request("POST", "/users/alice/ssh-keys", add.body.clone());
    found.push((Problem::SshKeyTaken, send(&api, "alice", &other).await, Some(other)));
    let bob = api.world.uuid_of("bob").await;
    api.world.many_keys(bob, SORTED_KEYS).await;
    let sorted = request("GET", "/access-keys?sort=expires_at", Value::Null);
    found.push((Problem::TooManyMatches, send(&api, "admin", &sorted).await, Some(sorted)));
    found
}

/// Problems of transport, credentials and the server itself.
async fn troubles() -> Vec<(Problem, Told, Option<Sample>)> {
    let mut found = Vec::new();
    let api = Api::new().await;
    let unsigned = crate::wire::Wire { target: "/whoami".to_owned(), ..crate::wire::Wire::get("") };
    found.push((Problem::CredentialMissing, api.send(&unsigned).await, None));
    let bearer = unsigned.with_header("Authorization", "Bearer x");
    found.push((Problem::CredentialMalformed, api.send(&bearer).await, None));
    let stale = api.wire(&signer("admin"), "GET", "/whoami", Value::Null, &[]);
    api.world.clock.advance(901_000);
    found.push((Problem::RequestStale, api.send(&stale).await, None));
    let throttled = Api::with(Limits { requests: Some(Rate { per_second: 1, burst: 1 }), ..limits() }).await;
    let whoami = request("GET", "/whoami", Value::Null);
    send(&throttled, "admin", &whoami).await.expect(200);
    found.push((Problem::Throttled, send(&throttled, "admin", &whoami).await, None));
    let mut broken = Api::new().await;
    broken.world.on_store(|_| std::sync::Arc::new(BrokenStore));
    found.push((Problem::Unavailable, send(&broken, "admin", &whoami).await, None));
    let damaged = Api::new().await;
    let bob = damaged.world.uuid_of("bob").await;
    damaged.world.key(bob, "damaged", KeySpec { damaged: true, ..KeySpec::default() }).await;
    found.push((Problem::Internal, send(&damaged, "damaged", &whoami).await, None));
    let Dialect::Native(native) = &damaged.world.dialect else { unreachable!() };
    for (problem, refusal) in [
        (Problem::BodyTimeout, TransportRefusal::BodyTimeout),
        (Problem::BodyTooLarge, TransportRefusal::BodyTooLarge),
        (Problem::Timeout, TransportRefusal::Deadline),
    ] {
        let told = Told::new(native.refuse_transport(refusal, RequestId::from_bytes([0xab; 16])));
        found.push((problem, told, None));
    }
    found
}
