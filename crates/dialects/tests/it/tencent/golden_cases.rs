//! Every operation with every code that it can answer, as golden files.

use std::collections::{BTreeMap, BTreeSet};

use dialects::TransportRefusal;
use dialects::tencent::Code;
use domain::access_keys::KeyStatus;
use domain::id::RequestId;
use domain::limits::Limits;
use domain::users::UserStatus;
use serde_json::json;

use super::golden::Book;
use super::samples::{
    UIN_BASE, dialect, operations, required, sample, uin, unfit, with_limits, with_settings, world,
};
use super::wire::{Ask, Seen, WAYS, Way, code, send, swapped};
use crate::broken_store::BrokenStore;
use crate::wire::{FORM, JSON, Wire};
use crate::world::{KeySpec, START, World, limits, signer};

/// What every operation can answer.
const EVERYWHERE: [&str; 14] = [
    "ok",
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
    "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure",
    "AuthFailure.UnauthorizedOperation",
    "InternalError",
    "InvalidParameter",
    "IpNotInWhitelist",
    "MissingParameter",
    "RequestLimitExceeded",
    "UnknownParameter",
    "UnsupportedProtocol",
];

/// What else an operation can answer. Each of these codes needs a case below.
fn own_codes(operation: &str) -> &'static [&'static str] {
    match operation {
        "CreateAccessKey" => &[
            "FailedOperation.Accesskey",
            "InvalidParameter.ParamError",
            "InvalidParameter.UserNotExist",
            "OperationDenied.AccessKeyOverLimit",
            "OperationDenied.SubUin",
        ],
        "ListAccessKeys" => {
            &["FailedOperation.Accesskey", "InvalidParameter.UserNotExist", "OperationDenied.SubUin"]
        }
        "UpdateAccessKey" | "DeleteAccessKey" => &[
            "FailedOperation.Accesskey",
            "InvalidParameter.ParamError",
            "InvalidParameter.UserNotExist",
            "OperationDenied",
            "OperationDenied.SubUin",
            "OperationDenied.UinNotMatch",
            "ResourceNotFound.SecretNotExist",
        ],
        "AddUser" => &[
            "InvalidParameter.ParamError",
            "InvalidParameter.PasswordViolatedRules",
            "InvalidParameter.SubUserFull",
            "InvalidParameter.SubUserNameInUse",
            "InvalidParameter.UserNameIllegal",
        ],
        "GetUser" => &["InvalidParameter.UserNameIllegal", "ResourceNotFound.UserNotExist"],
        "UpdateUser" => &[
            "FailedOperation",
            "FailedOperation.Unmodifiable",
            "InvalidParameter.ParamError",
            "InvalidParameter.PasswordViolatedRules",
            "InvalidParameter.UserNameIllegal",
            "ResourceNotFound.UserNotExist",
        ],
        "DeleteUser" => &[
            "FailedOperation.Unmodifiable",
            "InvalidParameter.ParamError",
            "InvalidParameter.UserNameIllegal",
            "OperationDenied",
            "OperationDenied.HaveKeys",
            "ResourceNotFound.UserNotExist",
        ],
        "DescribeResourceTagsByResourceIds" => &["InvalidParameter.ParamError"],
        "GetSecurityLastUsed"
        | "ListUsers"
        | "DescribeSubAccounts"
        | "GetUserAppId"
        | "GetCallerIdentity" => &[],
        other => panic!("{other}: say which codes it can answer"),
    }
}

#[tokio::test]
async fn golden_cases() {
    let mut book = Book::of("tencent");
    for operation in operations() {
        credentials(&mut book, operation.name).await;
        troubles(&mut book, operation.name).await;
        parameters(&mut book, operation.name).await;
    }
    values(&mut book).await;
    access_keys(&mut book).await;
    last_used(&mut book).await;
    users(&mut book).await;
    outside_of_operations(&mut book).await;
    ways(&mut book).await;
    transport(&mut book);
    book.close();

    let all: BTreeSet<&str> = book.codes.values().flatten().map(String::as_str).collect();
    let documented: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).chain(["ok"]).collect();
    assert_eq!(all, documented, "every code has a case, and every case a code of the page");

    let seen: BTreeMap<_, _> =
        book.codes.into_iter().filter(|(folder, _)| !folder.starts_with('_')).collect();
    let codes = |name: &str| -> BTreeSet<String> {
        EVERYWHERE.iter().chain(own_codes(name)).map(|code| (*code).to_owned()).collect()
    };
    let wanted: BTreeMap<_, _> =
        operations().into_iter().map(|row| (row.name.to_owned(), codes(row.name))).collect();
    assert_eq!(seen, wanted);
}

/// Success, and every way in which a credential is refused.
async fn credentials(book: &mut Book, operation: &str) {
    let world = world().await;
    let ask = sample(&world, operation, "bob").await;
    let admin = signer("admin");
    let unsigned = ask.unsigned(Way::Post);
    book.told(operation, "signature_missing", "MissingParameter", &world, &unsigned).await;
    let good = ask.signed(&admin);
    let wrong = swapped(&good, "X-TC-Timestamp", &(START.seconds() + 1).to_string());
    book.told(operation, "signature_wrong", "AuthFailure.SignatureFailure", &world, &wrong).await;
    let scope = Ask { service: "cvm".to_owned(), ..ask.clone() };
    let code = "AuthFailure.InvalidAuthorization";
    book.told(operation, "other_service", code, &world, &scope.signed(&admin)).await;
    let late = ask.clone().at(START.seconds() - 301).signed(&admin);
    book.told(operation, "too_late", "AuthFailure.SignatureExpire", &world, &late).await;
    let early = ask.clone().at(START.seconds() + 301).signed(&admin);
    book.told(operation, "too_early", "AuthFailure.SignatureExpire", &world, &early).await;
    let token = ask.clone().token("some-token").signed(&admin);
    book.told(operation, "token_unknown", "AuthFailure.TokenFailure", &world, &token).await;

    let code = "AuthFailure.SecretIdNotFound";
    book.told(operation, "key_unknown", code, &world, &ask.signed(&signer("nobody"))).await;
    let uuid = world.uuid_of("admin").await;
    let spec = KeySpec::default;
    world.key(uuid, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    book.told(operation, "key_inactive", code, &world, &ask.signed(&signer("disabled"))).await;
    world.key(uuid, "expired", KeySpec { expires_at: Some(START), ..spec() }).await;
    book.told(operation, "key_expired", code, &world, &ask.signed(&signer("expired"))).await;
    world.change_user(world.uuid_of("carol").await, |user| user.status = UserStatus::Frozen).await;
    book.told(operation, "user_frozen", code, &world, &ask.signed(&signer("carol"))).await;
    let sources = vec!["198.51.100.0/24".parse().unwrap()];
    world.key(uuid, "elsewhere", KeySpec { sources, ..spec() }).await;
    let elsewhere = ask.signed(&signer("elsewhere"));
    book.told(operation, "source_refused", "IpNotInWhitelist", &world, &elsewhere).await;

    book.told(operation, "success", "ok", &world, &good).await;
}

/// What can go wrong whatever the operation.
async fn troubles(book: &mut Book, operation: &'static str) {
    let mut world = world().await;
    let ask = sample(&world, operation, "bob").await;
    let wire = ask.signed(&signer("admin"));
    let damaged = KeySpec { damaged: true, ..KeySpec::default() };
    world.key(world.uuid_of("admin").await, "damaged", damaged).await;
    let by_damaged = ask.signed(&signer("damaged"));
    book.told(operation, "record_damaged", "InternalError", &world, &by_damaged).await;
    let row = operations().into_iter().find(|row| row.name == operation).unwrap();
    world.service.withhold(Some(row.action));
    let code = "AuthFailure.UnauthorizedOperation";
    book.told(operation, "without_the_right", code, &world, &wire).await;
    let put = Wire { method: "PUT".to_owned(), ..wire.clone() };
    book.told(operation, "method_PUT", "UnsupportedProtocol", &world, &put).await;
    world.on_store(|_| std::sync::Arc::new(BrokenStore));
    book.told(operation, "store_busy", "InternalError", &world, &wire).await;

    let limited = with_settings("requests_per_second = 1\nkey_changes_per_second = 1").await;
    let wire = sample(&limited, operation, "bob").await.signed(&signer("admin"));
    assert_eq!(self::code(&limited, &wire).await, "ok", "{operation}");
    book.told(operation, "too_often", "RequestLimitExceeded", &limited, &wire).await;
}

/// Missing, unknown and mistyped parameters.
async fn parameters(book: &mut Book, operation: &str) {
    let world = world().await;
    let admin = signer("admin");
    let ask = sample(&world, operation, "bob").await;
    let unknown = ask.clone().with("Colour", "red").signed(&admin);
    book.told(operation, "unknown_Colour", "UnknownParameter", &world, &unknown).await;
    let array = Ask { fields: json!([]), ..ask.clone() }.signed(&admin);
    book.told(operation, "body_no_object", "InvalidParameter", &world, &array).await;
    for name in required(operation) {
        let missing = ask.clone().without(name).signed(&admin);
        book.told(operation, &format!("missing_{name}"), "MissingParameter", &world, &missing).await;
    }
    for (name, value) in ask.fields.as_object().unwrap() {
        let odd = ask.clone().with(name, unfit(value)).signed(&admin);
        let code = match (name.as_str(), value.is_string()) {
            ("Name", _) => "InvalidParameter.UserNameIllegal",
            (_, true) => "InvalidParameter.ParamError",
            (_, false) => "InvalidParameter",
        };
        book.told(operation, &format!("unfit_{name}"), code, &world, &odd).await;
        let object = ask.clone().with(name, json!({ "a": 1 })).signed(&admin);
        book.told(operation, &format!("mistyped_{name}"), "InvalidParameter", &world, &object).await;
    }
}

/// Values that a parameter does not take.
async fn values(book: &mut Book) {
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

async fn access_keys(book: &mut Book) {
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

async fn last_used(book: &mut Book) {
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

async fn users(book: &mut Book) {
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

/// Requests that never get to an operation.
async fn outside_of_operations(book: &mut Book) {
    let folder = "_none";
    let world = world().await;
    let admin = signer("admin");
    let list = || Ask::new("ListAccessKeys", json!({}));
    let version = Ask { version: "2019-01-17".to_owned(), ..list() }.signed(&admin);
    book.told(folder, "version_unknown", "NoSuchVersion", &world, &version).await;
    for (case, action) in [
        ("action_unknown", "DescribeInstances"),
        ("action_in_other_case", "listaccesskeys"),
        ("action_odd", "a<b>"),
    ] {
        let wire = Ask { action: action.to_owned(), ..list() }.signed(&admin);
        book.told(folder, case, "InvalidAction", &world, &wire).await;
    }
    let other = Ask { version: "2018-08-13".to_owned(), ..list() }.signed(&admin);
    book.told(folder, "action_of_another_version", "InvalidAction", &world, &other).await;
    for header in ["X-TC-Timestamp", "X-TC-Action", "X-TC-Version"] {
        let wire = super::wire::stripped(&list().signed(&admin), header);
        book.told(folder, &format!("without_{header}"), "MissingParameter", &world, &wire).await;
    }
    book.told(folder, "bare_get", "MissingParameter", &world, &Wire::get("").with_header("Host", "h")).await;
    let code = "AuthFailure.InvalidAuthorization";
    for (case, value) in [
        ("skip", "SKIP"),
        ("bearer", "Bearer abcdefgh"),
        ("no_parts", "TC3-HMAC-SHA256"),
        (
            "other_algorithm",
            "TC3-HMAC-SM3 Credential=a/2026-11-22/cam/tc3_request, SignedHeaders=content-type;host, Signature=0",
        ),
        (
            "empty_signature",
            "TC3-HMAC-SHA256 Credential=a/2026-11-22/cam/tc3_request, SignedHeaders=content-type;host, Signature=",
        ),
        (
            "host_not_signed",
            "TC3-HMAC-SHA256 Credential=a/2026-11-22/cam/tc3_request, SignedHeaders=content-type, Signature=00",
        ),
        (
            "other_day",
            "TC3-HMAC-SHA256 Credential=a/2026-11-21/cam/tc3_request, SignedHeaders=content-type;host, Signature=00",
        ),
    ] {
        let wire = swapped(&list().signed(&admin), "Authorization", value);
        book.told(folder, &format!("authorization_{case}"), code, &world, &wire).await;
    }
    let unread = "InvalidParameter";
    for (case, content_type, body) in [
        ("json_repeated", JSON, r#"{"TargetUin":1,"TargetUin":2}"#),
        ("json_syntax", JSON, "{"),
        ("json_trailing_bytes", JSON, "{}{}"),
        ("content_type", "text/xml", "<TargetUin/>"),
        ("form", FORM, "TargetUin=1"),
    ] {
        let bare = Wire { body: body.into(), ..list().unsigned(Way::Post) };
        let wire = signed_as_it_is(&swapped(&bare, "Content-Type", content_type));
        book.told(folder, case, unread, &world, &wire).await;
    }
    let query = Wire { target: "/?TargetUin=1".to_owned(), ..list().signed(&admin) };
    book.told(folder, "query_of_a_post", unread, &world, &query).await;
    let large = Ask::new("ListAccessKeys", json!({ "Description": "x".repeat(64 * 1024) })).signed(&admin);
    book.told(folder, "body_too_large", "RequestSizeLimitExceeded", &world, &large).await;
    let refuse = with_settings("unsigned_payload = \"refuse\"").await;
    let unsigned = list().header("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD").signed(&admin);
    book.told(folder, "payload_unsigned", "AuthFailure.SignatureFailure", &refuse, &unsigned).await;
    let strict = with_settings("strict_replay = true").await;
    let create = Ask::new("CreateAccessKey", json!({})).signed(&admin);
    assert_eq!(self::code(&strict, &create).await, "ok");
    book.told(folder, "signature_used", "AuthFailure.SignatureFailure", &strict, &create).await;
    let signed_action = with_settings("require_signed_action = true").await;
    book.told(folder, "action_not_signed", code, &signed_action, &list().signed(&admin)).await;
}

/// A version 3 request signed as it stands.
fn signed_as_it_is(wire: &Wire) -> Wire {
    let admin = signer("admin");
    let secret = admin.secret.as_bytes();
    let authorization = signing::tc3::sign(&wire.view(&wire.headers()), &admin.id, secret, "cam", &[]);
    wire.clone().with_header("Authorization", &authorization.unwrap())
}

/// The same request in every form that it can have.
async fn ways(book: &mut Book) {
    let folder = "_ways";
    let world = world().await;
    let bob = uin(&world, "bob").await;
    for way in WAYS {
        let ask = Ask::new("ListAccessKeys", json!({ "TargetUin": bob }));
        let case = |what: &str| format!("{way:?}_{what}");
        book.told(folder, &case("good"), "ok", &world, &ask.signed_as(way, &signer("admin"))).await;
        let unknown = ask.signed_as(way, &signer("nobody"));
        book.told(folder, &case("key_unknown"), "AuthFailure.SecretIdNotFound", &world, &unknown).await;
        let late = ask.clone().at(START.seconds() - 301).signed_as(way, &signer("admin"));
        book.told(folder, &case("too_late"), "AuthFailure.SignatureExpire", &world, &late).await;
        let list = Ask::new("GetSecurityLastUsed", json!({ "SecretIdList": [signer("bob").id, "none"] }));
        book.told(folder, &case("with_a_list"), "ok", &world, &list.signed_as(way, &signer("admin"))).await;
    }
    // The nonce is there for these clients, not for the server: Node.js draws it from sixteen bits.
    let twice = Ask::new("ListAccessKeys", json!({})).signed_as(Way::V1Post, &signer("admin"));
    assert_eq!(send(&world, &twice).await.code, "ok");
    assert_eq!(send(&world, &twice).await.code, "ok");
}

/// What the server asks the dialect to say for it.
fn transport(book: &mut Book) {
    let dialect = dialect("");
    for refusal in TransportRefusal::ALL {
        let seen = Seen::new(dialect.refuse_transport(refusal, RequestId::from_bytes([0xab; 16])));
        let code = match refusal {
            TransportRefusal::PathUnknown => "ResourceNotFound",
            TransportRefusal::MethodNotAllowed => "UnsupportedProtocol",
            TransportRefusal::BodyTooLarge => "RequestSizeLimitExceeded",
            TransportRefusal::BodyTimeout => "InvalidRequest",
            TransportRefusal::Deadline | TransportRefusal::Internal => "InternalError",
            TransportRefusal::Unavailable => "ServiceUnavailable",
        };
        book.shown("_transport", &format!("{refusal:?}"), code, None, &seen);
    }
}
