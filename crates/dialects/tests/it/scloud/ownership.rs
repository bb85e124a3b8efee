//! Whose objects a caller reaches, and what he is told of the others.

use dialects::Access;
use domain::access_keys::{KeyKind, SchemeSet};
use signing::Scheme;

use super::authorization::crowded;
use super::samples::{Sample, operations, sample};
use crate::wire::{Client, JSON, Wire, json_text, sign_json};
use crate::world::{KeySpec, START, World, signer};

#[tokio::test]
async fn t41_nobody_makes_keys_for_somebody_else_but_an_administrator_and_none_for_root_but_root() {
    let cases = [
        ("bob", "bob", 0),
        ("bob", "alice", 299),
        ("bob", "admin", 299),
        ("bob", "olga", 299),
        ("audrey", "audrey", 299),
        ("audrey", "bob", 299),
        ("carol", "bob", 0),
        ("carol", "carol", 0),
        ("carol", "admin", 299),
        ("carol", "olga", 11021),
        ("admin", "admin", 0),
        ("admin", "carol", 0),
        ("admin", "olga", 11021),
        ("oscar", "bob", 11021),
        ("olga", "bob", 299),
    ];
    for (caller, target, code) in cases {
        let world = World::new().await;
        let before = world.digest().await;
        let seen = world.send(&sample("CreateAccessKey", target).signed(&signer(caller))).await;
        assert_eq!(seen.code, code, "{caller} for {target}: {}", seen.text);
        assert_eq!(world.digest().await == before, code != 0, "{caller} for {target}");
    }
    // Root's record and root's keys are touched by root alone.
    for operation in ["UpdateAccessKey", "DeleteAccessKey", "UpdateUser", "DeleteUser", "UpdateLoginProfile"]
    {
        let world = World::new().await;
        let before = world.digest().await;
        let seen = world.send(&sample(operation, "admin").signed(&signer("carol"))).await;
        assert_eq!(seen.code, 299, "{operation}: {}", seen.text);
        assert_eq!(world.digest().await, before, "{operation}");
    }
}

/// Names and ids that are another user's, another account's or deleted are answered like unknown ones, byte for byte.
#[tokio::test]
async fn t38_foreign_and_deleted_objects_look_unknown() {
    for caller in ["bob", "admin"] {
        for operation in operations() {
            let world = crowded().await;
            let gone = world.member("gone").await;
            world.change_user(gone, |user| user.deleted_at = Some(START)).await;
            let (parameter, foreign) =
                if sample(operation.name, "bob").0.iter().any(|(name, _)| name == "AccessKeyID") {
                    ("AccessKeyID", ["olga", "oscar", "deleted"].map(|name| signer(name).id).to_vec())
                } else {
                    ("UserName", ["olga", "oscar", "gone"].map(str::to_owned).to_vec())
                };
            let about = sample(operation.name, "bob");
            if operation.name == "CreateUser" || about.0.iter().all(|(name, _)| name != parameter) {
                continue;
            }
            let mut foreign = foreign;
            if caller == "bob" {
                foreign.push(if parameter == "UserName" { "alice".to_owned() } else { signer("alice").id });
            }
            let before = world.digest().await;
            let ask = async |value: &str| {
                let seen = world.send(&about.clone().with(parameter, value).signed(&signer(caller))).await;
                assert_ne!(seen.code, 0, "{} of {value} by {caller}", operation.name);
                (seen.text.replace(value, "<id>"), seen.headers, seen.note.cause)
            };
            let unknown = ask("unknown00000000000000000").await;
            for value in foreign {
                assert_eq!(ask(&value).await, unknown, "{} of {value} by {caller}", operation.name);
            }
            assert_eq!(world.digest().await, before, "{}", operation.name);
        }
    }
}

/// Names of fields that the product has inside, in the spellings that a client might try.
const MODEL_FIELDS: &[&str] = &[
    "user_id",
    "UserId",
    "UserID",
    "Uid",
    "account_id",
    "AccountId",
    "CompanyID",
    "TenantId",
    "owner",
    "Owner",
    "parent",
    "Parent",
    "ParentKey",
    "created_by",
    "CreatedBy",
    "CreatedAt",
    "UpdatedAt",
    "ExpiredAt",
    "DeletedAt",
    "expires_at",
    "status",
    "role",
    "Role",
    "is_root",
    "IsRoot",
    "Admin",
    "schemes",
    "Schemes",
    "kind",
    "Kind",
    "dialect",
    "serial",
    "Serial",
    "version",
    "uuid",
    "Sources",
    "AccessKeySecret",
    "SecretKey",
    "sealed",
    "mark",
    "attributes",
    "AccessKey",
    "AccessKey.0.UserId",
    "User",
    "User.Role",
    "AccessKeys",
];

#[tokio::test]
async fn t37_fields_of_the_model_cannot_be_assigned() {
    let world = crowded().await;
    let before = world.digest().await;
    for operation in operations().into_iter().filter(|operation| operation.access == Access::Write) {
        for caller in ["bob", "admin"] {
            for field in MODEL_FIELDS {
                let sample = sample(operation.name, "bob").with(field, "olga");
                let wires = [
                    Wire::signed_as(Client::Python, &signer(caller), &sample.pairs()),
                    Wire::post("/", JSON, sign_json(&signer(caller), &json_text(&sample.pairs()))),
                ];
                for wire in wires {
                    let seen = world.send(&wire).await;
                    assert_eq!(seen.code, 230, "{} with {field}: {}", operation.name, seen.text);
                    assert_eq!(seen.message(), format!("Params [{field}] not available"));
                }
            }
        }
    }
    assert_eq!(world.digest().await, before);
}

/// Keys of every set of schemes: one that may not sign here is unknown, whatever else it may sign.
#[tokio::test]
async fn t18_a_key_without_the_scheme_is_unknown() {
    let world = World::new().await;
    let bob = world.uuid_of("bob").await;
    for bits in 0..64 {
        let schemes = SchemeSet::from_bits(bits);
        let name = format!("schemes{bits}z");
        world.key(bob, &name, KeySpec { schemes, ..KeySpec::default() }).await;
        let seen = world.send(&sample("GetUser", "bob").signed(&signer(&name))).await;
        let may_sign = schemes.contains(Scheme::Scloud);
        assert_eq!(seen.code, if may_sign { 0 } else { 172 }, "{bits:06b}");
        if !may_sign {
            let unknown = world.send(&sample("GetUser", "bob").signed(&signer("nobody"))).await;
            assert_eq!(seen.text, unknown.text);
        }
        // What may not sign here is not listed, edited or deleted here either.
        let delete =
            Sample(vec![("Action".into(), "DeleteAccessKey".into())]).with("AccessKeyID", &signer(&name).id);
        let seen = world.send(&delete.signed(&signer("admin"))).await;
        assert_eq!(seen.code, if may_sign { 0 } else { 1901 }, "{bits:06b}");
    }
}

/// Temporary keys act for their user, but are nobody's to list, count, edit or make keys with.
#[tokio::test]
async fn temporary_keys_do_not_show() {
    let world = World::new().await;
    let bob = world.uuid_of("bob").await;
    let parent = world.store.user_rows(bob).await.unwrap().unwrap().keys[0].uuid;
    let temporary = KeySpec { kind: KeyKind::Temporary, parent: Some(parent), ..KeySpec::default() };
    world.key(bob, "temporary", temporary).await;
    let id = signer("temporary").id;
    for operation in ["UpdateAccessKey", "DeleteAccessKey"] {
        let about = sample(operation, "bob").with("AccessKeyID", &id);
        assert_eq!(world.send(&about.signed(&signer("admin"))).await.code, 1901, "{operation}");
    }
    let listed = world.send(&sample("ListAccessKeys", "bob").signed(&signer("temporary"))).await;
    assert_eq!(listed.json["AccessKey"].as_array().unwrap().len(), 1);
    let create = sample("CreateAccessKey", "bob");
    assert_eq!(world.send(&create.signed(&signer("temporary"))).await.code, 299);
    assert_eq!(world.send(&create.signed(&signer("bob"))).await.code, 0, "it does not count");
    assert_eq!(world.send(&create.signed(&signer("bob"))).await.code, 1902);
    // It ends with its parent.
    assert_eq!(world.send(&sample("DeleteAccessKey", "bob").signed(&signer("admin"))).await.code, 0);
    assert_eq!(world.send(&sample("GetUser", "bob").signed(&signer("temporary"))).await.code, 172);
}
