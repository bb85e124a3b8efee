//! Every operation with every code that it can answer, as golden files.

use std::collections::{BTreeMap, BTreeSet};

use dialects::TransportRefusal;
use dialects::tencent::Code;
use domain::access_keys::KeyStatus;
use domain::id::RequestId;
use domain::users::UserStatus;
use serde_json::json;

use super::golden::Book;
use super::golden_objects;
use super::samples::{dialect, operations, required, sample, uin, unfit, with_settings, world};
use super::wire::{Ask, Seen, WAYS, Way, code, send, swapped};
use crate::broken_store::BrokenStore;
use crate::wire::{FORM, JSON, Wire};
use crate::world::{KeySpec, START, signer};

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
    golden_objects::values(&mut book).await;
    golden_objects::access_keys(&mut book).await;
    golden_objects::last_used(&mut book).await;
    golden_objects::users(&mut book).await;
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
