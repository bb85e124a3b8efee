//! Golden cases about what operations are about: values, keys, uses, users.

use domain::limits::Limits;
use serde_json::json;

use super::golden::Book;
use super::samples::{UIN_BASE, sample, uin, with_limits, world};
use super::wire::{Ask, code};
use crate::world::{KeySpec, START, World, limits, signer};

/// Values that a parameter does not take.
pub async fn values(book: &mut Book) {
    let world = world().await;
    let param = "InvalidParameter.ParamError";
    for (operation, case, name, value, code) in [
        ("CreateAccessKey", "empty_Description", "Description", json!(""), param),
        ("CreateAccessKey", "blank_Description", "Description", json!("a b"), param),
        ("CreateAccessKey", "long_Description", "Description", json!("é".repeat(1025)), param),
        ("UpdateAccessKey", "other_Status", "Status", json!("Disabled"), param),
        ("AddUser", "two_UseApi", "UseApi", json!(2), param),
        ("AddUser", "long_Remark", "Remark", json!("é".repeat(1001)), param),
        ("AddUser", "blank_Name", "Name", json!("a b"), "InvalidParameter.UserNameIllegal"),
        ("AddUser", "short_Password", "Password", json!("1234567"), "InvalidParameter.PasswordViolatedRules"),
        (
            "UpdateUser",
            "short_Password",
            "Password",
            json!("1234567"),
            "InvalidParameter.PasswordViolatedRules",
        ),
        ("UpdateUser", "two_ConsoleLogin", "ConsoleLogin", json!("2"), param),
        ("DeleteUser", "two_Force", "Force", json!(2), param),
        ("GetSecurityLastUsed", "eleven_ids", "SecretIdList", json!(vec!["x"; 11]), "InvalidParameter"),
        ("DescribeSubAccounts", "too_many", "FilterSubAccountUin", json!(vec![1; 51]), "InvalidParameter"),
        ("DescribeSubAccounts", "mixed", "FilterSubAccountUin", json!([1, "x"]), "InvalidParameter"),
    ] {
        let wire = sample(&world, operation, "bob").await.with(name, value).signed(&signer("admin"));
        book.told(operation, case, code, &world, &wire).await;
    }
}

pub async fn access_keys(book: &mut Book) {
    let admin = signer("admin");
    let mut world = world().await;
    let sub_uin = "OperationDenied.SubUin";
    for operation in ["CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"] {
        let nobody = sample(&world, operation, "bob").await.with("TargetUin", UIN_BASE + 1).signed(&admin);
        book.told(operation, "target_unknown", "InvalidParameter.UserNotExist", &world, &nobody).await;
        let never = sample(&world, operation, "bob").await.with("TargetUin", 7).signed(&admin);
        book.told(operation, "target_impossible", "InvalidParameter.UserNotExist", &world, &never).await;
        let other = sample(&world, operation, "alice").await.signed(&signer("bob"));
        book.told(operation, "other_user", "AuthFailure.UnauthorizedOperation", &world, &other).await;
        let of_root = sample(&world, operation, "admin").await;
        book.told(operation, "of_root", sub_uin, &world, &of_root.signed(&signer("bob"))).await;
        if operation != "ListAccessKeys" {
            let by_carol = of_root.signed(&signer("carol"));
            book.told(operation, "of_root_by_administrator", sub_uin, &world, &by_carol).await;
        }
    }
    for operation in ["UpdateAccessKey", "DeleteAccessKey"] {
        let ask = sample(&world, operation, "bob").await;
        let unknown = ask.clone().with("AccessKeyId", "none").signed(&admin);
        book.told(operation, "key_not_there", "ResourceNotFound.SecretNotExist", &world, &unknown).await;
        let others = ask.clone().with("AccessKeyId", signer("alice").id);
        book.told(operation, "others_key", "OperationDenied.UinNotMatch", &world, &others.signed(&admin))
            .await;
        let alices = others.signed(&signer("bob"));
        book.told(operation, "others_key_unseen", "ResourceNotFound.SecretNotExist", &world, &alices).await;
    }
    let own = Ask::new("ListAccessKeys", json!({}));
    book.told("ListAccessKeys", "own", "ok", &world, &own.signed(&signer("bob"))).await;
    let delete = sample(&world, "DeleteAccessKey", "bob").await;
    assert_eq!(code(&world, &delete.signed(&admin)).await, "ok");
    let none = sample(&world, "ListAccessKeys", "bob").await.signed(&admin);
    book.told("ListAccessKeys", "none", "ok", &world, &none).await;
    let described = sample(&world, "CreateAccessKey", "alice").await.with("Description", "密钥-build.server");
    book.told("CreateAccessKey", "described", "ok", &world, &described.signed(&admin)).await;
    let third = described.signed(&admin);
    book.told("CreateAccessKey", "third", "OperationDenied.AccessKeyOverLimit", &world, &third).await;
    let two = sample(&world, "ListAccessKeys", "alice").await.signed(&admin);
    book.told("ListAccessKeys", "two", "ok", &world, &two).await;

    let carols = sample(&world, "DeleteAccessKey", "carol").await;
    assert_eq!(code(&world, &carols.signed(&admin)).await, "ok");
    for operation in ["UpdateAccessKey", "DeleteAccessKey"] {
        let last = sample(&world, operation, "admin").await.signed(&admin);
        book.told(operation, "last_administrator", "OperationDenied", &world, &last).await;
    }

    let dora = world.member("dora").await;
    world.key(dora, "dora", KeySpec { damaged: true, ..KeySpec::default() }).await;
    let trouble = "FailedOperation.Accesskey";
    for operation in ["UpdateAccessKey", "DeleteAccessKey"] {
        let damaged = sample(&world, operation, "dora").await.signed(&admin);
        book.told(operation, "damaged", trouble, &world, &damaged).await;
    }
    world.damage_user(dora).await;
    for operation in ["CreateAccessKey", "ListAccessKeys"] {
        let damaged = sample(&world, operation, "dora").await.signed(&admin);
        book.told(operation, "damaged_user", trouble, &world, &damaged).await;
    }
    conflict(book, &mut world).await;
}

/// An object that others keep changing, as it looks to a server that does not hear of them.
async fn conflict(book: &mut Book, world: &mut World) {
    let admin = signer("admin");
    world.deafen();
    let update_user = sample(world, "UpdateUser", "alice").await.signed(&admin);
    let update_key = sample(world, "UpdateAccessKey", "alice").await.signed(&admin);
    let read = sample(world, "ListAccessKeys", "alice").await.signed(&admin);
    assert_eq!(code(world, &read).await, "ok");
    let alice = world.uuid_of("alice").await;
    world.change_user(alice, |user| user.email = "alice@example.org".to_owned()).await;
    world.change_key(alice, &signer("alice").id, |key| key.description = "changed".to_owned()).await;
    book.told("UpdateUser", "changing", "FailedOperation", world, &update_user).await;
    book.told("UpdateAccessKey", "changing", "FailedOperation.Accesskey", world, &update_key).await;
}

pub async fn last_used(book: &mut Book) {
    let world = world().await;
    let list = Ask::new("ListAccessKeys", json!({})).at(START.seconds() + 60);
    world.clock.advance(60_000);
    assert_eq!(code(&world, &list.signed(&signer("bob"))).await, "ok");
    world.clock.advance(60_000);
    let ids = ["bob", "alice", "nobody", "olga"].map(|name| signer(name).id);
    let ask = Ask::new("GetSecurityLastUsed", json!({ "SecretIdList": ids })).at(START.seconds() + 120);
    book.told("GetSecurityLastUsed", "used_and_unused", "ok", &world, &ask.signed(&signer("admin"))).await;
    let only_his = ask.signed(&signer("alice"));
    book.told("GetSecurityLastUsed", "of_others_by_a_member", "ok", &world, &only_his).await;
}

pub async fn users(book: &mut Book) {
    let admin = signer("admin");
    let world = world().await;
    for operation in ["GetUser", "UpdateUser", "DeleteUser"] {
        let nobody = sample(&world, operation, "bob").await.with("Name", "nobody").signed(&admin);
        book.told(operation, "not_there", "ResourceNotFound.UserNotExist", &world, &nobody).await;
        let himself = sample(&world, operation, "bob").await.signed(&signer("bob"));
        book.told(operation, "by_member", "AuthFailure.UnauthorizedOperation", &world, &himself).await;
    }
    for operation in ["UpdateUser", "DeleteUser"] {
        let root = sample(&world, operation, "admin").await.signed(&signer("carol"));
        book.told(operation, "of_root", "FailedOperation.Unmodifiable", &world, &root).await;
    }
    let plain = Ask::new("AddUser", json!({ "Name": "日本" })).signed(&admin);
    book.told("AddUser", "without_key", "ok", &world, &plain).await;
    let console = json!({ "Name": "clara", "ConsoleLogin": "1", "Remark": "builds", "PhoneNum": "123",
        "CountryCode": "86", "Email": "clara@example.org", "NeedResetPassword": 0 });
    let console = Ask::new("AddUser", console).signed(&admin);
    book.told("AddUser", "with_password", "ok", &world, &console).await;
    let shown = Ask::new("GetUser", json!({ "Name": "clara" })).signed(&admin);
    book.told("GetUser", "all_fields", "ok", &world, &shown).await;
    let taken = Ask::new("AddUser", json!({ "Name": "CLARA" })).signed(&admin);
    book.told("AddUser", "name_taken", "InvalidParameter.SubUserNameInUse", &world, &taken).await;
    let full = with_limits(Limits { users_per_account: 5, ..limits() }).await;
    let one_more = Ask::new("AddUser", json!({ "Name": "clara" })).signed(&admin);
    book.told("AddUser", "too_many", "InvalidParameter.SubUserFull", &full, &one_more).await;
    let has_keys = Ask::new("DeleteUser", json!({ "Name": "bob" })).signed(&admin);
    book.told("DeleteUser", "has_keys", "OperationDenied.HaveKeys", &world, &has_keys).await;

    let ask = Ask::new("DescribeSubAccounts", json!({ "FilterSubAccountUin": [uin(&world, "bob").await] }));
    book.told("DescribeSubAccounts", "own", "ok", &world, &ask.signed(&signer("bob"))).await;
    let other = ask.signed(&signer("alice"));
    let denied = "AuthFailure.UnauthorizedOperation";
    book.told("DescribeSubAccounts", "other_user", denied, &world, &other).await;
    let strangers = json!({ "FilterSubAccountUin": [7, UIN_BASE + 1, uin(&world, "admin").await] });
    let strangers = Ask::new("DescribeSubAccounts", strangers).signed(&admin);
    book.told("DescribeSubAccounts", "strangers", "ok", &world, &strangers).await;

    let disable_root = sample(&world, "UpdateAccessKey", "admin").await.signed(&admin);
    assert_eq!(code(&world, &disable_root).await, "ok");
    let herself = sample(&world, "DeleteUser", "carol").await.signed(&signer("carol"));
    book.told("DeleteUser", "last_administrator", "OperationDenied", &world, &herself).await;
}
