//! Who may do what, for every row of the table of operations. Nothing here lists operations: a new row without a sample
//! request fails.

use std::fmt::Write as _;

use dialects::{Access, Operation};
use domain::access_keys::{KeyKind, KeyStatus, SchemeSet};
use domain::limits::Limits;
use domain::policy::{Action, Reach, Rights, Role};
use domain::users::UserStatus;
use signing::Scheme;

use super::samples::{Sample, operations, sample};
use super::wire::{Seen, Sign, raw, replaced, send, signed_as, speaking, without};
use crate::golden::compare;
use crate::wire::Wire;
use crate::world::{KeySpec, START, Signer, World, limits, signer};

/// A world in which everybody has a disabled key to spare, `bob` also has keys that may not act, and a user is frozen.
pub async fn crowded() -> World {
    let world = speaking("", Limits { access_keys_per_user: 10, ..limits() }).await;
    let spec = KeySpec::default;
    for name in ["admin", "carol", "bob", "alice"] {
        let user = world.uuid_of(name).await;
        world.key(user, &format!("spare-{name}"), KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    }
    let bob = world.uuid_of("bob").await;
    let off = world.key(bob, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    world.key(bob, "expired", KeySpec { expires_at: Some(START), ..spec() }).await;
    world.key(bob, "deleted", KeySpec { deleted: true, ..spec() }).await;
    let others = Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::Scp);
    let schemes = SchemeSet::of(&others.collect::<Vec<_>>());
    world.key(bob, "foreign", KeySpec { schemes, ..spec() }).await;
    let expires_at = Some(START.plus(1_000_000));
    let kind = KeyKind::Temporary;
    world.key(bob, "orphan", KeySpec { kind, parent: Some(off), expires_at, ..spec() }).await;
    let frozen = world.member("frozen").await;
    world.key(frozen, "frozen", spec()).await;
    world.change_user(frozen, |user| user.status = UserStatus::Frozen).await;
    let elsewhere = world.member("elsewhere").await;
    let sources = vec!["198.51.100.0/24".parse().unwrap()];
    world.key(elsewhere, "elsewhere", KeySpec { sources, ..spec() }).await;
    world
}

/// A way to present a credential.
struct Credential {
    name: &'static str,
    request: fn(&World, &Sample) -> Wire,
    answer: &'static str,
}

fn unsigned(sample: &Sample) -> Wire {
    raw(sample.method, &sample.target, &sample.body)
}

fn by(world: &World, who: &Signer, sample: &Sample) -> Wire {
    signed_as(world, who, Sign::default(), unsigned(sample))
}

fn off_by(world: &World, sample: &Sample, off_by: i64) -> Wire {
    signed_as(world, &signer("admin"), Sign { off_by, ..Sign::default() }, unsigned(sample))
}

const MINUTE: i64 = 60_000;

const NO_ACCESS: &[Credential] = &[
    Credential { name: "none", request: |_, sample| unsigned(sample), answer: "401 Unauthorized" },
    Credential {
        name: "bearer",
        request: |_, sample| unsigned(sample).with_header("Authorization", "Bearer abcdefgh"),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "token",
        request: |_, sample| unsigned(sample).with_header("X-Auth-Token", "abcdefgh"),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "no signature",
        request: |world, sample| without(by(world, &signer("admin"), sample), "Scp-Signature"),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "no timestamp",
        request: |world, sample| without(by(world, &signer("admin"), sample), "Scp-Timestamp"),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "garbage",
        request: |world, sample| replaced(by(world, &signer("admin"), sample), "Scp-Signature", "garbage"),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "other key's",
        request: |world, sample| {
            let mixed = Signer { id: signer("admin").id, secret: signer("bob").secret };
            by(world, &mixed, sample)
        },
        answer: "401 Unauthorized",
    },
    Credential {
        name: "unknown key",
        request: |world, sample| by(world, &signer("nobody"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "deleted key",
        request: |world, sample| by(world, &signer("deleted"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "other scheme",
        request: |world, sample| by(world, &signer("foreign"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "16 minutes late",
        request: |world, sample| off_by(world, sample, -16 * MINUTE),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "16 minutes early",
        request: |world, sample| off_by(world, sample, 16 * MINUTE),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "time in seconds",
        request: |world, sample| replaced(by(world, &signer("admin"), sample), "Scp-Timestamp", "1795305600"),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "time as text",
        request: |world, sample| {
            replaced(by(world, &signer("admin"), sample), "Scp-Timestamp", "2026-11-22T00:00:00Z")
        },
        answer: "401 Unauthorized",
    },
    Credential {
        name: "disabled key",
        request: |world, sample| by(world, &signer("disabled"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "expired key",
        request: |world, sample| by(world, &signer("expired"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "parent disabled",
        request: |world, sample| by(world, &signer("orphan"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "frozen user",
        request: |world, sample| by(world, &signer("frozen"), sample),
        answer: "401 Unauthorized",
    },
    Credential {
        name: "foreign address",
        request: |world, sample| by(world, &signer("elsewhere"), sample),
        answer: "403 Forbidden",
    },
    Credential {
        name: "foreign account",
        request: |world, sample| {
            let account = world.other_account.hex();
            signed_as(
                world,
                &signer("admin"),
                Sign { account: &account, ..Sign::default() },
                unsigned(sample),
            )
        },
        answer: "403 Forbidden",
    },
];

/// Not only the few first operations ask who calls: all do.
#[tokio::test]
async fn t01_no_operation_runs_without_a_good_credential() {
    let world = crowded().await;
    let before = world.digest().await;
    for operation in operations() {
        let sample = sample(&world, operation.name, "bob").await;
        let mut answers = std::collections::BTreeMap::new();
        for credential in NO_ACCESS {
            let seen = send(&world, &(credential.request)(&world, &sample)).await;
            let case = format!("{} by {}", operation.name, credential.name);
            assert_eq!(seen.word(), credential.answer, "{case}: {}", seen.text);
            answers.insert(credential.name, seen.text);
        }
        // Who has not proved that he holds the secret is told the same of every key (threat T54).
        for alike in ["unknown key", "deleted key", "other scheme"] {
            assert_eq!(answers[alike], answers["other key's"], "{}", operation.name);
        }
    }
    assert_eq!(world.digest().await, before, "something happened");
}

/// What the policy says of a caller and a target, as an answer. Computed from the policy and not from the dialect.
fn expected(operation: &Operation, sample: &Sample, role: Role, own: bool) -> String {
    match (Rights::of(role).reach(operation.action), own) {
        (Reach::Account, _) | (Reach::Own, true) => sample.status.to_string(),
        (Reach::Nobody, _) => "403 Forbidden".to_owned(),
        // Of a foreign key nothing is told, not even that it exists (threat T38).
        (Reach::Own, false) => "404 NotFound".to_owned(),
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
        let about_bob = sample(&world, operation.name, "bob").await;
        for credential in NO_ACCESS {
            let seen = send(&world, &(credential.request)(&world, &about_bob)).await;
            writeln!(table, "    {:<24}{}", credential.name, seen.word()).unwrap();
        }
        for (caller, role) in callers {
            for target in ["bob", "alice"] {
                let world = crowded().await;
                let before = world.digest().await;
                let sample = sample(&world, operation.name, target).await;
                let seen = send(&world, &by(&world, &signer(caller), &sample)).await;
                let names_key = sample.target.len() > 40 || sample.body.contains("ids");
                let want = expected(operation, &sample, role, !names_key || caller == target);
                assert_eq!(seen.word(), want, "{} by {caller} of {target}: {}", operation.name, seen.text);
                if seen.status >= 400 || operation.access == Access::Read {
                    assert_eq!(world.digest().await, before, "{} by {caller}", operation.name);
                }
                let case = format!("{} {caller}, of {target}", role.as_str());
                writeln!(table, "    {case:<24}{}", seen.word()).unwrap();
            }
        }
    }
    compare("samsung", "authorization.golden", &table);
}

/// The right that is asked for is the right to what is done: without exactly it, even an administrator is refused, and
/// without any other one he is not.
#[tokio::test]
async fn t42_the_right_that_is_checked_is_the_operations_own() {
    for operation in operations() {
        let world = crowded().await;
        let before = world.digest().await;
        let sample = sample(&world, operation.name, "bob").await;
        let wire = by(&world, &signer("admin"), &sample);
        world.service.withhold(Some(operation.action));
        let seen = send(&world, &wire).await;
        assert_eq!(seen.word(), "403 Forbidden", "{} without {:?}", operation.name, operation.action);
        assert_eq!(seen.json["errors"][0]["response"]["action_name"], format!("iam:{}", operation.name));
        assert_eq!(world.digest().await, before, "{}", operation.name);
        for &other in Action::ALL.iter().filter(|other| **other != operation.action) {
            let world = crowded().await;
            world.service.withhold(Some(other));
            let seen: Seen = send(&world, &wire).await;
            assert_eq!(seen.status, sample.status, "{} without {other:?}: {}", operation.name, seen.text);
        }
    }
}
