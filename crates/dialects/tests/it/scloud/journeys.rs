//! Whole conversations, as the official clients have them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::samples::sample;
use crate::wire::{CLIENTS, Client, Seen, Wire};
use crate::world::{START, Signer, World, signer};

async fn ask(world: &World, who: &Signer, pairs: &[(&str, &str)]) -> Seen {
    world.send(&Wire::signed(who, pairs)).await
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The two pages that the dialect was asked for: fields, their casing and their types, in the order that a person reads them.
#[tokio::test]
async fn access_keys_have_the_documented_shape() {
    let world = World::new().await;
    let made = world.send(&sample("CreateAccessKey", "bob").signed(&signer("admin"))).await;
    assert!(made.text.starts_with(
        r#"{"RetCode":0,"Action":"CreateAccessKeyResponse","Message":"","AccessKey":{"AccessKeyID":""#
    ));
    let listed = world.send(&sample("ListAccessKeys", "bob").signed(&signer("bob"))).await;
    assert!(
        listed
            .text
            .starts_with(r#"{"RetCode":0,"Action":"ListAccessKeysResponse","Message":"","AccessKey":[{"#)
    );
    let keys = listed.json["AccessKey"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    let mut expected =
        keys.iter().find(|key| key["AccessKeyID"] == made.json["AccessKey"]["AccessKeyID"]).unwrap().clone();
    expected["AccessKeySecret"] = made.json["AccessKey"]["AccessKeySecret"].clone();
    assert_eq!(made.json["AccessKey"], expected);
    for key in keys {
        assert_eq!(
            members(key),
            [
                "AccessKeyID",
                "AccessKeySecret",
                "CreatedAt",
                "DeletedAt",
                "Description",
                "ExpiredAt",
                "Status",
                "UpdatedAt",
                "UserID",
                "UserId",
            ]
        );
        for number in ["CreatedAt", "DeletedAt", "ExpiredAt", "UpdatedAt", "UserID", "UserId"] {
            assert!(key[number].is_u64(), "{number}");
        }
        assert_eq!(key["CreatedAt"], START.seconds());
        assert_eq!((&key["ExpiredAt"], &key["DeletedAt"]), (&json!(0), &json!(0)));
        assert_eq!(key["UserId"], key["UserID"]);
        assert!((1..1 << 31).contains(&key["UserId"].as_u64().unwrap()));
        assert_eq!((&key["Status"], &key["Description"]), (&json!("Active"), &json!("")));
    }
}

/// A key made here signs here, in every client's client.
#[tokio::test]
async fn a_new_key_works_at_once_and_stops_at_once() {
    let world = World::new().await;
    let admin = signer("admin");
    let made = world.send(&sample("CreateAccessKey", "bob").signed(&admin)).await.json;
    let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    let key = Signer { id: text("AccessKeyID"), secret: text("AccessKeySecret") };
    let whoami = sample("GetUser", "bob");
    for client in CLIENTS {
        let wire = Wire::signed_as(client, &key, &whoami.pairs());
        assert_eq!(world.send(&wire).await.json["User"]["UserName"], "bob", "{client:?}");
    }
    for (status, code) in [("Inactive", 299), ("Active", 0)] {
        let update = [("Action", "UpdateAccessKey"), ("AccessKeyID", key.id.as_str()), ("Status", status)];
        assert_eq!(ask(&world, &admin, &update).await.code, 0);
        assert_eq!(world.send(&whoami.signed(&key)).await.code, code, "{status}");
    }
    assert_eq!(ask(&world, &admin, &[("Action", "DeleteAccessKey"), ("AccessKeyID", &key.id)]).await.code, 0);
    assert_eq!(world.send(&whoami.signed(&key)).await.code, 172);
}

/// What the vendor's Terraform provider sends for a user with a key, from creation to destruction.
#[tokio::test]
async fn terraform_creates_reads_and_destroys() {
    let world = World::new().await;
    let admin = signer("admin");
    let call = async |pairs: &[(&str, &str)]| {
        let common = [("ProjectId", "org-tf"), ("Region", "cn-bj2")];
        let wire = Wire::signed_as(Client::Go, &admin, &[pairs, &common].concat());
        world.send(&wire).await
    };
    let user = [("UserName", "tf")];
    let create = [
        ("Action", "CreateUser"),
        ("AccessKeyStatus", "Inactive"),
        ("LoginProfileStatus", "Inactive"),
        ("Email", "tf@example.org"),
        ("DisplayName", "Terraform"),
    ];
    let made = call(&[&create[..], &user].concat()).await;
    assert_eq!(
        (made.code, &made.json["AccessKeyID"], &made.json["APIAccess"]),
        (0, &json!(""), &json!(false))
    );
    let read = call(&[("Action", "GetUser"), user[0]]).await.json;
    assert_eq!(members(&read["User"]), ["CreatedAt", "DisplayName", "Email", "Status", "UserName"]);
    assert_eq!(read["User"]["Email"], "tf@example.org");
    let profile = call(&[("Action", "GetLoginProfile"), user[0]]).await.json;
    assert_eq!(
        profile["LoginProfile"],
        json!({"Status": "Inactive", "MaxPasswordAge": 0, "MFABindRequired": false, "PasswordResetRequired": false})
    );
    let key = call(&[("Action", "CreateAccessKey"), user[0]]).await.json["AccessKey"].clone();
    let id = key["AccessKeyID"].as_str().unwrap();
    let active = call(&[("Action", "UpdateAccessKey"), ("AccessKeyID", id), ("Status", "Active")]).await;
    assert_eq!(active.code, 0);
    let listed = call(&[("Action", "ListAccessKeys"), user[0]]).await.json;
    assert_eq!(listed["AccessKey"].as_array().unwrap().len(), 1);
    let users = call(&[("Action", "ListUsers")]).await.json;
    let row = users["Users"].as_array().unwrap().iter().find(|row| row["UserName"] == "tf").unwrap().clone();
    assert_eq!((&row["APIAccess"], &row["ConsoleAccess"]), (&json!(true), &json!(false)));
    assert_eq!(call(&[("Action", "DeleteAccessKey"), ("AccessKeyID", id)]).await.code, 0);
    assert_eq!(call(&[("Action", "ListAccessKeys"), user[0]]).await.json["AccessKey"], json!([]));
    assert_eq!(call(&[("Action", "DeleteUser"), user[0]]).await.code, 0);
    for action in ["GetUser", "GetLoginProfile", "ListAccessKeys", "DeleteUser"] {
        let gone = call(&[("Action", action), user[0]]).await;
        assert_eq!((gone.code, gone.message()), (11021, "User [tf] not found"), "{action}");
    }
}

/// A name that is used again is another user: he inherits no key, and the old keys stay dead.
#[tokio::test]
async fn t47_a_name_that_is_made_again_inherits_nothing() {
    let world = World::new().await;
    let admin = signer("admin");
    assert_eq!(ask(&world, &admin, &[("Action", "DeleteUser"), ("UserName", "bob")]).await.code, 0);
    assert_eq!(world.send(&sample("GetUser", "bob").signed(&signer("bob"))).await.code, 172);
    let again = sample("CreateUser", "").with("UserName", "bob").with("AccessKeyStatus", "Inactive");
    assert_eq!(world.send(&again.signed(&admin)).await.code, 0);
    assert_eq!(world.send(&sample("GetUser", "bob").signed(&signer("bob"))).await.code, 172);
    let listed = ask(&world, &admin, &[("Action", "ListAccessKeys"), ("UserName", "bob")]).await;
    assert_eq!(listed.json["AccessKey"], json!([]));
    let old = ask(&world, &admin, &[("Action", "DeleteAccessKey"), ("AccessKeyID", &signer("bob").id)]).await;
    assert_eq!(old.code, 1901);
}

/// However many creations arrive at once, the limit holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t50_parallel_creations_stay_within_the_limit() {
    for _ in 0..5 {
        let world = Arc::new(World::new().await);
        let create = sample("CreateAccessKey", "bob").signed(&signer("bob"));
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let (world, create) = (world.clone(), create.clone());
                tokio::spawn(async move { world.send(&create).await.code })
            })
            .collect();
        let mut codes = Vec::new();
        for call in calls {
            codes.push(call.await.unwrap());
        }
        codes.sort_unstable();
        assert_eq!((codes[0], codes[1], codes[199]), (0, 1902, 1902), "one of two was free");
        let listed = world.send(&sample("ListAccessKeys", "bob").signed(&signer("bob"))).await;
        assert_eq!(listed.json["AccessKey"].as_array().unwrap().len(), 2);
    }
}

/// Renaming keeps number, keys and rights; freezing stops every key without touching it.
#[tokio::test]
async fn a_user_is_renamed_frozen_and_thawed() {
    let world = World::new().await;
    let (admin, bob) = (signer("admin"), signer("bob"));
    let number = async |name: &str| {
        ask(&world, &admin, &[("Action", "ListAccessKeys"), ("UserName", name)]).await.json["AccessKey"][0]["UserId"].clone()
    };
    let before = number("bob").await;
    let rename = [("Action", "UpdateUser"), ("UserName", "bob"), ("NewUserName", "robert")];
    assert_eq!(ask(&world, &admin, &rename).await.code, 0);
    assert_eq!(number("robert").await, before);
    assert_eq!(ask(&world, &bob, &[("Action", "GetUser"), ("UserName", "bob")]).await.code, 299);
    assert_eq!(ask(&world, &bob, &[("Action", "GetUser"), ("UserName", "robert")]).await.code, 0);
    for (status, code) in [("Frozen", 299), ("Active", 0)] {
        let update = [("Action", "UpdateUser"), ("UserName", "robert"), ("Status", status)];
        assert_eq!(ask(&world, &admin, &update).await.code, 0);
        let own = ask(&world, &bob, &[("Action", "ListAccessKeys"), ("UserName", "robert")]).await;
        assert_eq!(own.code, code, "{status}");
    }
    let key = &ask(&world, &admin, &[("Action", "ListAccessKeys"), ("UserName", "robert")]).await.json["AccessKey"]
        [0];
    assert_eq!(key["Status"], "Active");
    // Empty clears where the client can send it.
    let named = [("Action", "UpdateUser"), ("UserName", "robert"), ("DisplayName", "Röbert <b>\u{202e}")];
    assert_eq!(ask(&world, &admin, &named).await.code, 0);
    let shown = ask(&world, &admin, &[("Action", "GetUser"), ("UserName", "robert")]).await;
    assert_eq!(shown.json["User"]["DisplayName"], "Röbert <b>\u{202e}");
    let cleared = [("Action", "UpdateUser"), ("UserName", "robert"), ("DisplayName", "")];
    assert_eq!(ask(&world, &admin, &cleared).await.code, 0);
}

/// Tools that are being configured ask these two, and every signed caller may.
#[tokio::test]
async fn tools_can_be_configured_by_anybody() {
    let world = World::new().await;
    for caller in ["admin", "audrey", "bob"] {
        let regions = ask(&world, &signer(caller), &[("Action", "GetRegion")]).await.json;
        assert_eq!(
            regions["Regions"],
            json!([{"Region": "local", "Zone": "local-01", "IsDefault": true, "RegionId": 1, "RegionName": "local", "BitMaps": "1"}])
        );
        let projects =
            ask(&world, &signer(caller), &[("Action", "GetProjectList"), ("IsFinance", "No")]).await.json;
        assert_eq!(projects["ProjectCount"], 1);
        let project = &projects["ProjectSet"][0];
        assert_eq!(project["IsDefault"], true);
        assert_eq!(
            (&project["ProjectName"], &project["CreateTime"]),
            (&json!("default"), &json!(START.seconds()))
        );
        assert!(project["ProjectId"].as_str().unwrap().starts_with("org-"));
    }
}
