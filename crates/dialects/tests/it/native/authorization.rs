//! Who may do what, for every row of the table of operations. Nothing here lists operations: a new row without a sample
//! request fails.

use std::fmt::Write as _;

use dialects::native::Native;
use dialects::{Access, Operation};
use domain::access_keys::{KeyStatus, SchemeSet};
use domain::policy::{Action, Reach, Rights, Role};
use domain::users::UserStatus;
use serde_json::Value;
use signing::Scheme;

use super::api::{Api, Told};
use super::samples::{operations, sample};
use crate::wire::Wire;
use crate::world::{KeySpec, START, Signer, signer};

/// A world in which `bob` also has keys that may not act, and a frozen user.
async fn crowded() -> Api {
    let api = Api::furnished().await;
    let world = &api.world;
    let bob = world.uuid_of("bob").await;
    let spec = KeySpec::default;
    world.key(bob, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    world.key(bob, "expired", KeySpec { expires_at: Some(START), ..spec() }).await;
    world.key(bob, "deleted", KeySpec { deleted: true, ..spec() }).await;
    let others = Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::Aws4);
    let schemes = SchemeSet::of(&others.collect::<Vec<_>>());
    world.key(bob, "foreign", KeySpec { schemes, ..spec() }).await;
    let frozen = world.member("frozen").await;
    world.key(frozen, "frozen", spec()).await;
    world.change_user(frozen, |user| user.status = UserStatus::Frozen).await;
    api
}

async fn send(api: &Api, operation: &Operation, who: &Signer, target: &str) -> Told {
    let sample = sample(operation.name, target);
    api.send(&api.wire(who, sample.method, &sample.path, sample.body.clone(), &sample.headers())).await
}

/// How a request may lack a credential: a name, what becomes of a well-signed request, and the answer.
type Lack = (&'static str, fn(Wire) -> Wire, u16, &'static str);

fn edited(mut wire: Wire, name: &str, edit: impl Fn(&str) -> String) -> Wire {
    for (given, value) in &mut wire.fields {
        if given == name {
            *value = edit(value);
        }
    }
    wire
}

fn authorization(wire: Wire, edit: impl Fn(&str) -> String) -> Wire {
    edited(wire, "Authorization", edit)
}

const LACKING: &[Lack] = &[
    (
        "none",
        |mut wire| {
            wire.fields.retain(|(name, _)| name != "Authorization");
            wire
        },
        401,
        "credential-missing",
    ),
    ("bearer", |wire| authorization(wire, |_| "Bearer abcdefgh".to_owned()), 401, "credential-malformed"),
    ("empty", |wire| authorization(wire, |_| String::new()), 401, "credential-missing"),
    (
        "cut short",
        |wire| authorization(wire, |text| text[..text.len() - 1].to_owned()),
        401,
        "credential-malformed",
    ),
    (
        "zeros",
        |wire| authorization(wire, |text| format!("{}{}", &text[..text.len() - 64], "0".repeat(64))),
        401,
        "credential-refused",
    ),
    (
        "twice",
        |wire| {
            let again = wire.fields.last().unwrap().1.clone();
            wire.with_header("Authorization", &again)
        },
        401,
        "credential-malformed",
    ),
    (
        "no date",
        |mut wire| {
            wire.fields.retain(|(name, _)| name != "X-Amz-Date");
            wire
        },
        401,
        "credential-malformed",
    ),
    (
        "another body",
        |mut wire| {
            wire.body.push(b' ');
            wire
        },
        401,
        "credential-refused",
    ),
    (
        "another path",
        |mut wire| {
            wire.target.push_str("?limit=1");
            wire
        },
        401,
        "credential-refused",
    ),
];

#[tokio::test]
async fn t01_no_operation_runs_without_a_good_credential() {
    let api = crowded().await;
    let before = api.world.digest().await;
    for operation in operations() {
        let sample = sample(operation.name, "bob");
        for (name, spoil, status, problem) in LACKING {
            let wire = api.wire(
                &signer("admin"),
                sample.method,
                &sample.path,
                sample.body.clone(),
                &sample.headers(),
            );
            let told = api.send(&spoil(wire)).await;
            let case = format!("{} with {name}: {}", operation.name, told.text);
            assert_eq!((told.status, told.problem()), (*status, *problem), "{case}");
            assert!(told.note.caller.is_none(), "{case}");
        }
        let mixed = Signer { id: signer("admin").id, secret: signer("bob").secret };
        let unknown = signer("nobody");
        for who in [mixed, unknown, signer("deleted"), signer("foreign")] {
            send(&api, operation, &who, "bob").await.refused(401, "credential-refused");
        }
        for who in ["disabled", "expired", "frozen"] {
            send(&api, operation, &signer(who), "bob").await.refused(403, "access-key-unusable");
        }
    }
    assert_eq!(api.world.digest().await, before, "something happened");
}

/// Administration is a matter of a signature and a role too: nothing of it answers a stranger, on any path (threat T52).
#[tokio::test]
async fn t52_no_administration_without_a_credential() {
    let api = Api::new().await;
    let before = api.world.digest().await;
    for (_, method, pattern) in Native::routes() {
        let path = pattern.replace("{name}", "bob").replace("{id}", &signer("bob").id);
        for other in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let wire = Wire { method: other.to_owned(), target: path.clone(), ..Wire::get("") };
            let told = api.send(&wire).await;
            // 405 for methods that no operation takes here; nothing succeeds.
            assert!(matches!(told.status, 401 | 405), "{other} {path}: {}", told.text);
            assert!(other != method || told.status == 401, "{other} {path}");
        }
    }
    assert_eq!(api.world.digest().await, before);
}

/// The status that the policy asks for. Computed from the policy and not from the dialect.
fn expected(operation: &Operation, path: &str, role: Role, own: bool) -> u16 {
    let success = match (operation.name, operation.access) {
        (_, Access::Read) => 200,
        (name, _) if name.starts_with("Update") => 200,
        ("ImportAccessKeys" | "DisableAllSshKeys", _) => 200,
        (name, _) if name.starts_with("Delete") => 204,
        ("RevokeGateToken" | "SetPassword", _) => 204,
        _ => 201,
    };
    let names_key = path.contains("{id}");
    match (Rights::of(role).reach(operation.action), own) {
        (Reach::Account, _) | (Reach::Own, true) => success,
        (Reach::Nobody, _) => 403,
        // Of a foreign key nothing is told, not even that it exists; the same of every other user.
        (Reach::Own, false) => {
            if names_key {
                404
            } else {
                403
            }
        }
    }
}

/// The whole table, operation by caller and target, reviewed as `authorization.golden`.
#[tokio::test]
async fn every_operation_answers_every_caller_as_the_policy_says() {
    let callers =
        [("admin", Role::Admin), ("carol", Role::Admin), ("audrey", Role::Auditor), ("bob", Role::Member)];
    let mut table = String::new();
    for (operation, method, path) in Native::routes() {
        writeln!(table, "{} ({method} {path})", operation.name).unwrap();
        for (caller, role) in callers {
            for target in ["bob", "alice"] {
                let api = crowded().await;
                let before = api.world.digest().await;
                let told = send(&api, operation, &signer(caller), target).await;
                let about_somebody = path.contains("{id}") || path.starts_with("/users/{name}");
                let own = !about_somebody || caller == target;
                let want = expected(operation, path, role, own);
                assert_eq!(told.status, want, "{} by {caller} of {target}: {}", operation.name, told.text);
                if want >= 400 || operation.access == Access::Read {
                    assert_eq!(api.world.digest().await, before, "{} by {caller}", operation.name);
                }
                let case = format!("{} {caller}, of {target}", role.as_str());
                writeln!(table, "    {case:<24}{} {}", told.status, told.problem()).unwrap();
            }
        }
        let api = crowded().await;
        let before = api.world.digest().await;
        let told = send(&api, operation, &signer("oscar"), "bob").await;
        writeln!(table, "    {:<24}{} {}", "another tenant's admin", told.status, told.problem()).unwrap();
        let about_somebody = path.contains("{id}") || path.starts_with("/users/{name}");
        let about_account = path == "/accounts/{name}";
        if about_somebody || about_account {
            assert_eq!(told.status, 404, "{}: {}", operation.name, told.text);
        }
        if told.status >= 400 {
            assert_eq!(api.world.digest().await, before, "{}", operation.name);
        }
    }
    crate::golden::compare("native", "authorization.golden", &table);
}

/// The right that is asked for is the right to what is done: without exactly it, even an administrator is refused, and
/// without any other one he is not.
#[tokio::test]
async fn t42_the_right_that_is_checked_is_the_operations_own() {
    for operation in operations() {
        let api = crowded().await;
        let before = api.world.digest().await;
        api.world.service.withhold(Some(operation.action));
        send(&api, operation, &signer("admin"), "bob").await.refused(403, "denied");
        assert_eq!(api.world.digest().await, before, "{}", operation.name);
        for &other in Action::ALL.iter().filter(|other| **other != operation.action) {
            // Two things at once take both rights: a user with his first key; schemes beside those of this API.
            let both = matches!(
                (operation.name, other),
                ("CreateUser", Action::CreateAccessKey) | ("ImportAccessKey", Action::RestrictAccessKey)
            );
            let api = crowded().await;
            api.world.service.withhold(Some(other));
            let told = send(&api, operation, &signer("admin"), "bob").await;
            assert_eq!(told.status == 403, both, "{} without {other:?}: {}", operation.name, told.text);
        }
    }
}

/// The read-only auditor sees everything and no secret, and changes nothing.
#[tokio::test]
async fn the_auditor_sees_everything_and_no_secret() {
    let api = crowded().await;
    for name in ["admin", "carol", "bob", "alice"] {
        let record = api.world.service.directory().by_key(&signer(name).id).await.unwrap().unwrap();
        assert!(record.key(&signer(name).id).unwrap().sealed.is_some());
    }
    let before = api.world.digest().await;
    let mut read = 0;
    for operation in operations() {
        for target in ["bob", "alice", "admin"] {
            let told = send(&api, operation, &signer("audrey"), target).await;
            match operation.access {
                Access::Read => {
                    assert_eq!(told.status, 200, "{}: {}", operation.name, told.text);
                    read += 1;
                }
                Access::Write => told.refused(403, "denied"),
            }
        }
    }
    assert!(read > 20, "{read}");
    let paths = ["/report?format=csv", "/access-keys?deleted=include", "/audit?limit=500"];
    for path in paths {
        let told = api.call("audrey", "GET", path, Value::Null).await;
        assert_eq!(told.status, 200, "{}", told.text);
        for secret in ["admin", "carol", "audrey", "bob", "alice"].map(|name| signer(name).secret) {
            assert!(!told.text.contains(&secret), "{path} tells a secret");
        }
        assert!(!told.text.contains("\"secret\""), "{path}");
    }
    assert_eq!(api.world.digest().await, before);
}
