//! Who may do what, for every row of the table of operations. Nothing here lists operations: a new row without a sample
//! request fails.

use std::fmt::Write as _;

use dialects::Access;
use domain::access_keys::{KeyStatus, SchemeSet};
use domain::limits::Limits;
use domain::policy::{Action, Reach, Rights, Role};
use domain::users::UserStatus;
use signing::Scheme;

use super::samples::{Sample, operations, sample};
use crate::wire::{CLIENTS, Client, Wire};
use crate::world::{KeySpec, START, Signer, World, limits, signer};

/// A world in which `bob` also has keys that may not act, and a frozen user.
pub async fn crowded() -> World {
    let world = World::with(Limits { access_keys_per_user: 10, ..limits() }, "").await;
    let bob = world.uuid_of("bob").await;
    let spec = KeySpec::default;
    world.key(bob, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    world.key(bob, "expired", KeySpec { expires_at: Some(START), ..spec() }).await;
    world.key(bob, "deleted", KeySpec { deleted: true, ..spec() }).await;
    let others = Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::Scloud);
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
    /// The sample as a request with this credential.
    request: fn(&Sample, Client) -> Wire,
    code: u64,
}

fn signed_by(who: &str, sample: &Sample, client: Client) -> Wire {
    Wire::signed_as(client, &signer(who), &sample.pairs())
}

fn with_signature(who: &str, signature: &str, sample: &Sample, client: Client) -> Wire {
    let sample = sample.clone().with("PublicKey", &signer(who).id).with("Signature", signature);
    Wire::raw(client, &sample.pairs())
}

const NO_ACCESS: &[Credential] = &[
    Credential { name: "none", request: |sample, client| Wire::raw(client, &sample.pairs()), code: 170 },
    Credential {
        name: "bearer",
        request: |sample, client| {
            Wire::raw(client, &sample.pairs()).with_header("Authorization", "Bearer abcdefgh")
        },
        code: 170,
    },
    Credential {
        name: "empty",
        request: |sample, client| with_signature("admin", "", sample, client),
        code: 170,
    },
    Credential {
        name: "garbage",
        request: |sample, client| with_signature("admin", "garbage", sample, client),
        code: 171,
    },
    Credential {
        name: "bad signature",
        request: |sample, client| with_signature("admin", &"0".repeat(40), sample, client),
        code: 171,
    },
    Credential {
        name: "other key's",
        request: |sample, client| {
            let mixed = Signer { id: signer("admin").id, secret: signer("bob").secret };
            Wire::signed_as(client, &mixed, &sample.pairs())
        },
        code: 171,
    },
    Credential {
        name: "unknown key",
        request: |sample, client| signed_by("nobody", sample, client),
        code: 172,
    },
    Credential {
        name: "deleted key",
        request: |sample, client| signed_by("deleted", sample, client),
        code: 172,
    },
    Credential {
        name: "other scheme",
        request: |sample, client| signed_by("foreign", sample, client),
        code: 172,
    },
    Credential {
        name: "token",
        request: |sample, client| {
            signed_by("admin", &sample.clone().with("SecurityToken", "some-token"), client)
        },
        code: 174,
    },
    Credential {
        name: "disabled key",
        request: |sample, client| signed_by("disabled", sample, client),
        code: 299,
    },
    Credential {
        name: "expired key",
        request: |sample, client| signed_by("expired", sample, client),
        code: 299,
    },
    Credential {
        name: "frozen user",
        request: |sample, client| signed_by("frozen", sample, client),
        code: 299,
    },
];

/// Not only the few first operations ask who calls: all do, in every way that a client has to ask.
#[tokio::test]
async fn t01_no_operation_runs_without_a_good_credential() {
    let world = crowded().await;
    let before = world.digest().await;
    for operation in operations() {
        for client in CLIENTS {
            for credential in NO_ACCESS {
                let wire = (credential.request)(&sample(operation.name, "bob"), client);
                let seen = world.send(&wire).await;
                let case = format!("{} by {} as {client:?}", operation.name, credential.name);
                assert_eq!(seen.code, credential.code, "{case}: {}", seen.text);
                assert_eq!(seen.status, 200, "{case}");
                assert!(seen.note.caller.is_none(), "{case}");
            }
        }
    }
    assert_eq!(world.digest().await, before, "something happened");
}

/// What the policy says of a caller and a target, in codes. Computed from the policy and not from the dialect.
fn expected(action: Action, role: Role, own: bool, names_key: bool) -> u64 {
    match (Rights::of(role).reach(action), own) {
        (Reach::Account, _) | (Reach::Own, true) => 0,
        (Reach::Nobody, _) => 299,
        // Of a foreign key nothing is told, not even that it exists.
        (Reach::Own, false) => {
            if names_key {
                1901
            } else {
                299
            }
        }
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
        for credential in NO_ACCESS {
            let seen =
                world.send(&(credential.request)(&sample(operation.name, "bob"), Client::Python)).await;
            writeln!(table, "    {:<24}{}", credential.name, seen.code).unwrap();
        }
        for (caller, role) in callers {
            for target in ["bob", "alice"] {
                let world = crowded().await;
                let before = world.digest().await;
                let sample = sample(operation.name, target);
                let seen = world.send(&sample.signed(&signer(caller))).await;
                let names_key = sample.0.iter().any(|(name, _)| name == "AccessKeyID");
                let about_somebody = names_key || sample.0.iter().any(|(name, _)| name == "UserName");
                let own = !about_somebody || caller == target;
                let want = expected(operation.action, role, own, names_key);
                assert_eq!(seen.code, want, "{} by {caller} of {target}: {}", operation.name, seen.text);
                if want != 0 || operation.access == Access::Read {
                    assert_eq!(world.digest().await, before, "{} by {caller}", operation.name);
                }
                let case = format!("{} {caller}, of {target}", role.as_str());
                writeln!(table, "    {case:<24}{}", seen.code).unwrap();
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
        let wire = sample(operation.name, "bob").signed(&signer("admin"));
        world.service.withhold(Some(operation.action));
        let seen = world.send(&wire).await;
        assert_eq!(seen.code, 299, "{} without {:?}", operation.name, operation.action);
        assert_eq!(world.digest().await, before, "{}", operation.name);
        for &other in Action::ALL.iter().filter(|other| **other != operation.action) {
            // CreateUser with a first key does two things, and takes both rights.
            let both = operation.action == Action::CreateUser && other == Action::CreateAccessKey;
            let world = crowded().await;
            world.service.withhold(Some(other));
            let seen = world.send(&wire).await;
            assert_eq!(seen.code, if both { 299 } else { 0 }, "{} without {other:?}", operation.name);
        }
    }
}
