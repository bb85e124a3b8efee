//! Whom a request is about, what it may say of him, and what is told of those whom its caller may not see.

use dialects::Access;
use domain::access_keys::KeyStatus;
use serde_json::{Value, json};

use super::samples::{UIN_BASE, operations, sample, uin, world};
use super::wire::{Ask, WAYS, Way, code, send};
use crate::world::{KeySpec, World, signer};

const KEY_OPERATIONS: [&str; 4] = ["CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"];

/// Ids of the keys that a list shows.
async fn listed(world: &World, ask: &Ask, who: &str) -> Vec<String> {
    let seen = send(world, &ask.signed(&signer(who))).await;
    assert_eq!(seen.code, "ok", "{}", seen.text);
    let keys = seen.json["AccessKeys"].as_array().unwrap();
    keys.iter().map(|key| key["AccessKeyId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn t48_a_target_is_the_caller_somebody_or_refused() {
    let world = world().await;
    let bob = uin(&world, "bob").await;
    let before = world.digest().await;
    let bad = "InvalidParameter";
    let nobody = "InvalidParameter.UserNotExist";
    let cases: [(Value, Result<&str, &str>); 21] = [
        (Value::Null, Ok("admin")),
        (json!(0), Ok("admin")),
        (json!("0"), Ok("admin")),
        (json!(bob), Ok("bob")),
        (json!(bob.to_string()), Ok("bob")),
        (json!(uin(&world, "admin").await), Ok("admin")),
        (json!(-1), Err(bad)),
        (json!("-1"), Err(bad)),
        (json!(1.5), Err(bad)),
        (json!(1e3), Err(bad)),
        (json!("00"), Err(bad)),
        (json!(format!("0{bob}")), Err(bad)),
        (json!(format!("+{bob}")), Err(bad)),
        (json!(""), Err(bad)),
        (json!("bob"), Err(bad)),
        (json!("18446744073709551616"), Err(bad)),
        (json!(u64::MAX), Err(nobody)),
        (json!(1), Err(nobody)),
        (json!(UIN_BASE), Err(nobody)),
        (json!(UIN_BASE + 2_u64.pow(31)), Err(nobody)),
        (json!(bob - UIN_BASE), Err(nobody)),
    ];
    for (target, expected) in cases {
        for way in [Way::Post, Way::V1Post, Way::Get] {
            if way != Way::Post && target.is_null() {
                continue;
            }
            let ask = Ask::new("ListAccessKeys", json!({ "TargetUin": target }));
            let seen = send(&world, &ask.signed_as(way, &signer("admin"))).await;
            match expected {
                Ok(name) => {
                    assert_eq!(seen.json["AccessKeys"][0]["AccessKeyId"], signer(name).id, "{target}");
                    assert_eq!(seen.json["AccessKeys"].as_array().unwrap().len(), 1);
                }
                Err(code) => {
                    assert_eq!(seen.code, code, "{target} as {way:?}");
                    for operation in KEY_OPERATIONS {
                        let ask = sample(&world, operation, "bob").await.with("TargetUin", target.clone());
                        assert_eq!(
                            self::code(&world, &ask.signed(&signer("admin"))).await,
                            code,
                            "{operation}"
                        );
                    }
                }
            }
        }
    }
    // A user of another account is nobody.
    let oscar = world.store.user_named(world.other_account, &domain::name::NameKey::of("oscar")).await;
    let oscar = world.store.user_rows(oscar.unwrap().unwrap()).await.unwrap().unwrap();
    let stranger = UIN_BASE + u64::from(oscar.user.serial.get());
    for operation in KEY_OPERATIONS {
        let ask = sample(&world, operation, "bob").await.with("TargetUin", stranger);
        assert_eq!(code(&world, &ask.signed(&signer("admin"))).await, nobody, "{operation}");
    }
    assert_eq!(world.digest().await, before);
}

/// 0 and absence are the caller for every operation on keys: Terraform keeps and sends 0.
#[tokio::test]
async fn t48_zero_is_the_caller_wherever_keys_are_meant() {
    for zero in
        [json!({}), json!({ "TargetUin": 0 }), json!({ "TargetUin": "0" }), json!({ "TargetUin": null })]
    {
        let world = world().await;
        let ask = |action: &str, more: Value| {
            let mut fields = zero.clone();
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Ask::new(action, fields)
        };
        world.clock.advance(1);
        let made = send(&world, &ask("CreateAccessKey", json!({})).signed(&signer("bob"))).await;
        let id = made.json["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
        assert_eq!(
            listed(&world, &ask("ListAccessKeys", json!({})), "bob").await,
            [signer("bob").id, id.clone()]
        );
        let disable = ask("UpdateAccessKey", json!({ "AccessKeyId": id, "Status": "Inactive" }));
        assert_eq!(code(&world, &disable.signed(&signer("bob"))).await, "ok");
        assert_eq!(code(&world, &disable.signed(&signer("admin"))).await, "OperationDenied.UinNotMatch");
        let delete = ask("DeleteAccessKey", json!({ "AccessKeyId": id }));
        assert_eq!(code(&world, &delete.signed(&signer("alice"))).await, "ResourceNotFound.SecretNotExist");
        assert_eq!(code(&world, &delete.signed(&signer("bob"))).await, "ok");
        assert_eq!(listed(&world, &ask("ListAccessKeys", json!({})), "bob").await, [signer("bob").id]);
    }
}

/// Nobody names an owner, a state or a date for what he makes but by the parameters that are there for it.
#[tokio::test]
async fn t37_no_other_field_of_the_model_can_be_set() {
    let world = world().await;
    let before = world.digest().await;
    let fields = [
        "user_id",
        "UserId",
        "AccountId",
        "account",
        "Owner",
        "OwnerUin",
        "Uin",
        "Uid",
        "CreatedBy",
        "Role",
        "IsRoot",
        "Schemes",
        "CreateTime",
        "SecretAccessKey",
        "SecretKey",
        "ExpiredTime",
        "Parent",
        "Version",
        "Action",
        "SecretId",
    ];
    for operation in operations().into_iter().filter(|operation| operation.access == Access::Write) {
        let ask = sample(&world, operation.name, "bob").await;
        for field in fields {
            let wire = ask.clone().with(field, "1").signed(&signer("admin"));
            assert_eq!(code(&world, &wire).await, "UnknownParameter", "{} with {field}", operation.name);
        }
    }
    assert_eq!(world.digest().await, before);
}

/// Of a key that is somebody else's to a member, nothing is told, not even that it exists.
#[tokio::test]
async fn t38_a_strangers_key_looks_like_none() {
    let world = world().await;
    let spec = KeySpec::default;
    world.key(world.uuid_of("alice").await, "deleted", KeySpec { deleted: true, ..spec() }).await;
    let strangers = ["alice", "admin", "olga", "deleted"];
    let before = world.digest().await;
    for (operation, rest) in
        [("UpdateAccessKey", json!({ "Status": "Inactive" })), ("DeleteAccessKey", json!({}))]
    {
        let told = async |id: &str| {
            let ask = Ask::new(operation, rest.clone()).with("AccessKeyId", id);
            send(&world, &ask.signed(&signer("bob"))).await.text
        };
        let unknown = told("AKIDnone").await;
        assert!(unknown.contains("ResourceNotFound.SecretNotExist"), "{unknown}");
        for stranger in strangers {
            assert_eq!(told(&signer(stranger).id).await, unknown, "{operation} of {stranger}");
        }
    }
    let ids: Vec<String> = strangers.iter().map(|name| signer(name).id).collect();
    let rows = Ask::new("GetSecurityLastUsed", json!({ "SecretIdList": ids })).signed(&signer("bob"));
    assert_eq!(send(&world, &rows).await.json["SecretIdLastUsedRows"], json!([]));
    // Nor of other users, known or not.
    let bob = signer("bob");
    for operation in ["ListAccessKeys", "CreateAccessKey", "DescribeSubAccounts"] {
        let told = async |uin: u64| {
            let fields = if operation == "DescribeSubAccounts" {
                json!({ "FilterSubAccountUin": [uin] })
            } else {
                json!({ "TargetUin": uin })
            };
            send(&world, &Ask::new(operation, fields).signed(&bob)).await.text
        };
        let unknown = told(UIN_BASE + 1).await;
        assert!(unknown.contains("AuthFailure.UnauthorizedOperation"), "{unknown}");
        for uin in [uin(&world, "alice").await, 7] {
            assert_eq!(told(uin).await, unknown, "{operation}");
        }
    }
    for operation in ["GetUser", "UpdateUser", "DeleteUser"] {
        let told = async |name: &str| {
            send(&world, &Ask::new(operation, json!({ "Name": name })).signed(&bob)).await.text
        };
        assert_eq!(told("alice").await, told("nobody").await, "{operation}");
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t41_root_s_keys_are_root_s_alone() {
    let world = world().await;
    let before = world.digest().await;
    for who in ["carol", "bob", "audrey"] {
        for operation in KEY_OPERATIONS {
            if operation == "ListAccessKeys" && who != "bob" {
                continue;
            }
            let ask = sample(&world, operation, "admin").await;
            let code = code(&world, &ask.signed(&signer(who))).await;
            assert!(
                ["OperationDenied.SubUin", "AuthFailure.UnauthorizedOperation"].contains(&code.as_str()),
                "{operation} by {who}: {code}"
            );
        }
    }
    assert_eq!(world.digest().await, before);
}

/// What a list shows, showing shows, and the other way round.
#[tokio::test]
async fn t43_lists_show_what_may_be_seen() {
    let world = world().await;
    for who in ["admin", "carol", "audrey"] {
        let users = send(&world, &Ask::new("ListUsers", json!({})).signed(&signer(who))).await;
        let users = users.json["Data"].as_array().unwrap().clone();
        assert_eq!(users.len(), 5, "those of the account");
        for user in &users {
            let one = Ask::new("GetUser", json!({ "Name": user["Name"] })).signed(&signer(who));
            let one = send(&world, &one).await.json;
            assert_eq!((&one["Uin"], &one["Remark"]), (&user["Uin"], &user["Remark"]), "{who}");
        }
    }
}

#[tokio::test]
async fn t49_removing_what_is_not_there_changes_nothing() {
    let world = world().await;
    let admin = signer("admin");
    for (operation, gone) in [
        ("DeleteAccessKey", "ResourceNotFound.SecretNotExist"),
        ("DeleteUser", "ResourceNotFound.UserNotExist"),
    ] {
        let wire = sample(&world, operation, "bob").await.signed(&admin);
        assert_eq!(code(&world, &wire).await, "ok");
        let before = world.digest().await;
        assert_eq!(code(&world, &wire).await, gone);
        assert_eq!(world.digest().await, before);
    }
}

/// A secret is in the answer that makes it and in no other.
#[tokio::test]
async fn t67_secrets_are_shown_once() {
    let world = world().await;
    let admin = signer("admin");
    let mut secrets = Vec::new();
    for (action, fields) in [
        ("AddUser", json!({ "Name": "clara", "UseApi": 1, "ConsoleLogin": 1 })),
        ("CreateAccessKey", json!({ "TargetUin": uin(&world, "bob").await })),
    ] {
        let seen = send(&world, &Ask::new(action, fields).signed(&admin)).await;
        for secret in
            [&seen.json["SecretKey"], &seen.json["Password"], &seen.json["AccessKey"]["SecretAccessKey"]]
        {
            secrets.extend(secret.as_str().filter(|text| !text.is_empty()).map(str::to_owned));
        }
    }
    assert_eq!(secrets.len(), 3);
    for operation in operations() {
        for way in WAYS {
            let ask =
                sample(&world, operation.name, if operation.name == "DeleteUser" { "nobody" } else { "bob" })
                    .await;
            let seen = send(&world, &ask.signed_as(way, &admin)).await;
            let known =
                seen.text.contains(&admin.secret) || secrets.iter().any(|secret| seen.text.contains(secret));
            assert!(!known, "{}: {}", operation.name, seen.text);
        }
    }
}

/// What an answer repeats of a request has the form of a name, or is a question mark.
#[tokio::test]
async fn t68_answers_repeat_nothing_odd() {
    let world = world().await;
    let admin = signer("admin");
    let canary = "<canary>\u{1b}[31m\r\nSet-Cookie: a=b";
    let mut wires = vec![
        Ask { action: canary.replace(['\r', '\n', '\u{1b}'], ""), ..Ask::new("", json!({})) }.signed(&admin),
        Ask { version: "<canary>".to_owned(), ..Ask::new("ListUsers", json!({})) }.signed(&admin),
        Ask { service: "<canary>".to_owned(), ..Ask::new("ListUsers", json!({})) }.signed(&admin),
        Ask::new("ListUsers", json!({})).token("<canary>").signed(&admin),
    ];
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        wires.push(ask.clone().with(canary, "x").signed(&admin));
        for name in ask.fields.as_object().unwrap().keys() {
            wires.push(ask.clone().with(name, canary).signed(&admin));
            wires.push(ask.clone().with(name, json!([canary])).signed(&admin));
        }
    }
    for wire in wires {
        let seen = send(&world, &wire).await;
        assert!(!seen.text.contains("canary"), "{}", seen.text);
        assert!(!seen.note.cause.is_some_and(|cause| cause.text.contains("canary")), "{wire:?}");
    }
}

#[tokio::test]
async fn t45_a_taken_name_is_taken_in_every_spelling() {
    let world = world().await;
    for name in ["Bob", "BOB", "ｂｏｂ", "boB"] {
        let wire = Ask::new("AddUser", json!({ "Name": name })).signed(&signer("admin"));
        assert_eq!(code(&world, &wire).await, "InvalidParameter.SubUserNameInUse", "{name}");
        let other = Ask::new("GetUser", json!({ "Name": name })).signed(&signer("admin"));
        assert_eq!(
            code(&world, &other).await,
            "ResourceNotFound.UserNotExist",
            "{name}: looked up as written"
        );
    }
}

#[tokio::test]
async fn t46_no_name_is_a_pattern_or_a_path() {
    let world = world().await;
    let before = world.digest().await;
    for name in ["*", "a/b", "..", ".", "${x}", "a b", "-a", "@a", "a\\b", "a%2fb", "\u{202e}a", ""] {
        let wire = Ask::new("AddUser", json!({ "Name": name })).signed(&signer("admin"));
        let code = code(&world, &wire).await;
        let expected = if name.is_empty() { "MissingParameter" } else { "InvalidParameter.UserNameIllegal" };
        assert_eq!(code, expected, "{name}");
    }
    assert_eq!(world.digest().await, before);
}

/// Self rotation, step by step, as the page promises it to members.
#[tokio::test]
async fn a_member_rotates_his_own_key() {
    let world = world().await;
    let ask = |action: &str, fields: Value| Ask::new(action, fields);
    let made = send(&world, &ask("CreateAccessKey", json!({})).signed(&signer("bob"))).await;
    let key = &made.json["AccessKey"];
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let renewed = crate::world::Signer { id: text("AccessKeyId"), secret: text("SecretAccessKey") };
    assert_eq!(renewed.id.len(), 36);
    let third = ask("CreateAccessKey", json!({})).signed(&renewed);
    assert_eq!(code(&world, &third).await, "OperationDenied.AccessKeyOverLimit");
    let disable = ask("UpdateAccessKey", json!({ "AccessKeyId": signer("bob").id, "Status": "Inactive" }));
    assert_eq!(code(&world, &disable.signed(&renewed)).await, "ok");
    assert_eq!(code(&world, &disable.signed(&renewed)).await, "ok", "again is no error");
    let by_old = ask("ListAccessKeys", json!({})).signed(&signer("bob"));
    assert_eq!(code(&world, &by_old).await, "AuthFailure.SecretIdNotFound");
    let delete = ask("DeleteAccessKey", json!({ "AccessKeyId": signer("bob").id }));
    assert_eq!(code(&world, &delete.signed(&renewed)).await, "ok");
    let list = send(&world, &ask("ListAccessKeys", json!({})).signed(&renewed)).await;
    assert_eq!(list.json["AccessKeys"][0]["Status"], "Active");
    assert_eq!(list.json["AccessKeys"].as_array().unwrap().len(), 1);
    let rows = world.store.user_rows(world.uuid_of("bob").await).await.unwrap().unwrap();
    assert!(rows.keys.iter().all(|key| key.status == KeyStatus::Active));
}
