//! Who may do what, for every row of the table of operations. Nothing here lists operations: a new row without a sample
//! request fails.

use std::fmt::Write as _;

use dialects::Access;
use domain::access_keys::{KeyStatus, SchemeSet};
use domain::limits::Limits;
use domain::policy::{Action, Reach, Rights, Role};
use domain::users::UserStatus;
use signing::Scheme;

use super::samples::{operations, sample, with_limits};
use super::wire::{Ask, WAYS, Way, send, stripped, swapped};
use crate::wire::Wire;
use crate::world::{KeySpec, START, Signer, World, limits, signer};

/// A world in which `bob` also has keys that may not act, and a frozen user.
async fn crowded() -> World {
    let world = with_limits(Limits { access_keys_per_user: 10, ..limits() }).await;
    let bob = world.uuid_of("bob").await;
    let spec = KeySpec::default;
    world.key(bob, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    world.key(bob, "expired", KeySpec { expires_at: Some(START), ..spec() }).await;
    world.key(bob, "deleted", KeySpec { deleted: true, ..spec() }).await;
    let others = Scheme::ALL.into_iter().filter(|s| !matches!(s, Scheme::Tc3 | Scheme::TencentV1));
    let schemes = SchemeSet::of(&others.collect::<Vec<_>>());
    world.key(bob, "foreign", KeySpec { schemes, ..spec() }).await;
    let frozen = world.member("frozen").await;
    world.key(frozen, "frozen", spec()).await;
    world.change_user(frozen, |user| user.status = UserStatus::Frozen).await;
    world
}

/// A way to present a credential.
struct Credential {
    name: &'static str,
    /// The request with this credential, unless that way of signing has none of the kind.
    request: fn(&Ask, Way) -> Option<Wire>,
    code: &'static str,
}

/// The value of the `Authorization` of version 3, or of the parameter `Signature` of version 1, replaced.
fn with_signature(ask: &Ask, way: Way, signature: &str) -> Wire {
    let wire = ask.signed_as(way, &signer("admin"));
    if way.is_v1() {
        let cut = |text: &str| {
            text.rsplit_once("Signature=")
                .map_or(text.to_owned(), |(rest, _)| format!("{rest}Signature={signature}"))
        };
        let body = cut(std::str::from_utf8(&wire.body).unwrap()).into_bytes();
        return Wire { target: cut(&wire.target), body, ..wire };
    }
    let value = super::wire::authorization(&wire);
    let (rest, _) = value.rsplit_once("Signature=").unwrap();
    swapped(&wire, "Authorization", &format!("{rest}Signature={signature}"))
}

fn only_v3(way: Way, wire: impl FnOnce() -> Wire) -> Option<Wire> {
    (!way.is_v1()).then(wire)
}

const NO_ACCESS: &[Credential] = &[
    Credential { name: "none", request: |ask, way| Some(ask.unsigned(way)), code: "MissingParameter" },
    Credential {
        name: "skip",
        request: |ask, way| only_v3(way, || ask.unsigned(way).with_header("Authorization", "SKIP")),
        code: "AuthFailure.InvalidAuthorization",
    },
    Credential {
        name: "bearer",
        request: |ask, way| {
            only_v3(way, || ask.unsigned(way).with_header("Authorization", "Bearer abcdefgh"))
        },
        code: "AuthFailure.InvalidAuthorization",
    },
    Credential {
        name: "no time",
        request: |ask, way| {
            only_v3(way, || stripped(&ask.signed_as(way, &signer("admin")), "X-TC-Timestamp"))
        },
        code: "MissingParameter",
    },
    Credential {
        name: "garbage",
        request: |ask, way| Some(with_signature(ask, way, "garbage")),
        code: "AuthFailure.SignatureFailure",
    },
    Credential {
        name: "zeros",
        request: |ask, way| Some(with_signature(ask, way, &"0".repeat(64))),
        code: "AuthFailure.SignatureFailure",
    },
    Credential {
        name: "other key's",
        request: |ask, way| {
            let mixed = Signer { id: signer("admin").id, secret: signer("bob").secret };
            Some(ask.signed_as(way, &mixed))
        },
        code: "AuthFailure.SignatureFailure",
    },
    Credential {
        name: "empty secret",
        request: |ask, way| {
            Some(ask.signed_as(way, &Signer { id: signer("admin").id, secret: String::new() }))
        },
        code: "AuthFailure.SignatureFailure",
    },
    Credential {
        name: "unknown key",
        request: |ask, way| Some(ask.signed_as(way, &signer("nobody"))),
        code: "AuthFailure.SecretIdNotFound",
    },
    Credential {
        name: "deleted key",
        request: |ask, way| Some(ask.signed_as(way, &signer("deleted"))),
        code: "AuthFailure.SecretIdNotFound",
    },
    Credential {
        name: "other scheme",
        request: |ask, way| Some(ask.signed_as(way, &signer("foreign"))),
        code: "AuthFailure.SecretIdNotFound",
    },
    Credential {
        name: "disabled key",
        request: |ask, way| Some(ask.signed_as(way, &signer("disabled"))),
        code: "AuthFailure.SecretIdNotFound",
    },
    Credential {
        name: "expired key",
        request: |ask, way| Some(ask.signed_as(way, &signer("expired"))),
        code: "AuthFailure.SecretIdNotFound",
    },
    Credential {
        name: "frozen user",
        request: |ask, way| Some(ask.signed_as(way, &signer("frozen"))),
        code: "AuthFailure.SecretIdNotFound",
    },
    Credential {
        name: "token",
        request: |ask, way| Some(ask.clone().token("some-token").signed_as(way, &signer("admin"))),
        code: "AuthFailure.TokenFailure",
    },
    Credential {
        name: "old",
        request: |ask, way| Some(ask.clone().at(START.seconds() - 301).signed_as(way, &signer("admin"))),
        code: "AuthFailure.SignatureExpire",
    },
    Credential {
        name: "from the future",
        request: |ask, way| Some(ask.clone().at(START.seconds() + 301).signed_as(way, &signer("admin"))),
        code: "AuthFailure.SignatureExpire",
    },
];

/// Not only the few first operations ask who calls: all do, in every way that a client has to ask.
#[tokio::test]
async fn t01_no_operation_runs_without_a_good_credential() {
    let world = crowded().await;
    let before = world.digest().await;
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        for way in WAYS {
            for credential in NO_ACCESS {
                let Some(wire) = (credential.request)(&ask, way) else { continue };
                let seen = send(&world, &wire).await;
                let case = format!("{} by {} as {way:?}", operation.name, credential.name);
                assert_eq!(seen.code, credential.code, "{case}: {}", seen.text);
                assert!(seen.note.caller.is_none(), "{case}");
            }
        }
    }
    assert_eq!(world.digest().await, before, "something happened");
}

/// What the policy says of a caller and a target, in codes. Computed from the policy and not from the dialect.
fn expected(action: Action, role: Role, own: bool, is_about_users: bool) -> &'static str {
    match (Rights::of(role).reach(action), own) {
        (Reach::Account, _) => "ok",
        (Reach::Own, true) if !is_about_users => "ok",
        (Reach::Own | Reach::Nobody, _) => "AuthFailure.UnauthorizedOperation",
    }
}

/// The whole table, operation by credential and by caller and target, reviewed as `authorization.golden`.
#[tokio::test]
async fn every_operation_answers_every_caller_as_the_policy_says() {
    let callers =
        [("admin", Role::Admin), ("carol", Role::Admin), ("audrey", Role::Auditor), ("bob", Role::Member)];
    let mut table = String::new();
    for operation in operations() {
        writeln!(table, "{}", operation.name).unwrap();
        let world = crowded().await;
        let ask = sample(&world, operation.name, "bob").await;
        for credential in NO_ACCESS {
            let Some(wire) = (credential.request)(&ask, Way::Post) else { continue };
            writeln!(table, "    {:<24}{}", credential.name, send(&world, &wire).await.code).unwrap();
        }
        for (caller, role) in callers {
            for target in ["bob", "alice"] {
                let world = crowded().await;
                let before = world.digest().await;
                let ask = sample(&world, operation.name, target).await;
                let seen = send(&world, &ask.signed(&signer(caller))).await;
                let has = |name: &str| ask.fields.get(name).is_some();
                // A list of key ids or of resources leaves out what the caller may not see.
                let about_somebody = has("TargetUin") || has("FilterSubAccountUin");
                let own = !about_somebody || caller == target;
                let want = expected(operation.action, role, own, has("Name"));
                assert_eq!(seen.code, want, "{} by {caller} of {target}: {}", operation.name, seen.text);
                if want != "ok" || operation.access == Access::Read {
                    assert_eq!(world.digest().await, before, "{} by {caller}", operation.name);
                }
                let case = format!("{} {caller}, of {target}", role.as_str());
                writeln!(table, "    {case:<25}{}", seen.code).unwrap();
            }
        }
    }
    super::golden::compare("authorization.golden", &table);
}

/// The right that is asked for is the right to what is done: without exactly it, even an administrator is refused, and
/// without any other one he is not.
#[tokio::test]
async fn t42_the_right_that_is_checked_is_the_operations_own() {
    for operation in operations() {
        let world = crowded().await;
        let before = world.digest().await;
        let wire = sample(&world, operation.name, "bob").await.signed(&signer("admin"));
        world.service.withhold(Some(operation.action));
        let seen = send(&world, &wire).await;
        assert_eq!(seen.code, "AuthFailure.UnauthorizedOperation", "{}", operation.name);
        assert_eq!(world.digest().await, before, "{}", operation.name);
        for &other in Action::ALL.iter().filter(|other| **other != operation.action) {
            // AddUser with a first key does two things, and takes both rights.
            let both = operation.action == Action::CreateUser && other == Action::CreateAccessKey;
            let world = crowded().await;
            let wire = sample(&world, operation.name, "bob").await.signed(&signer("admin"));
            world.service.withhold(Some(other));
            let seen = send(&world, &wire).await;
            let want = if both { "AuthFailure.UnauthorizedOperation" } else { "ok" };
            assert_eq!(seen.code, want, "{} without {other:?}: {}", operation.name, seen.text);
        }
    }
}
