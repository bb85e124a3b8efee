//! Every operation with every code that it can answer, as golden files.

use std::collections::{BTreeMap, BTreeSet};

use dialects::TransportRefusal;
use domain::access_keys::KeyStatus;
use domain::id::RequestId;
use domain::limits::Limits;
use domain::throttle::Rate;
use domain::users::UserStatus;

use super::golden::Book;
use super::samples::{Sample, operations, sample};
use crate::broken_store::BrokenStore;
use crate::wire::{Client, FORM, JSON, Seen, Wire};
use crate::world::{KeySpec, START, World, limits, settings, signer};

/// What every operation can answer.
const EVERYWHERE: [u64; 11] = [0, 130, 150, 153, 170, 171, 172, 174, 230, 294, 299];

/// What else an operation can answer. Each of these codes needs a case below.
fn own_codes(operation: &str) -> &'static [u64] {
    match operation {
        "CreateAccessKey" => &[220, 1902, 11021],
        "ListAccessKeys" | "GetUser" | "GetLoginProfile" | "UpdateLoginProfile" => &[220, 11021],
        "UpdateAccessKey" | "DeleteAccessKey" => &[220, 1901, 1904],
        "CreateUser" => &[220, 1903, 11208],
        "UpdateUser" => &[220, 1904, 11021, 11208],
        "DeleteUser" => &[220, 1904, 11021],
        "ListUsers" | "GetRegion" | "GetProjectList" => &[],
        other => panic!("{other}: say which codes it can answer"),
    }
}

#[tokio::test]
async fn golden_cases() {
    let mut book = Book::of("scloud");
    for operation in operations() {
        credentials(&mut book, operation.name).await;
        troubles(&mut book, operation.name).await;
    }
    parameters(&mut book).await;
    access_keys(&mut book).await;
    users(&mut book).await;
    outside_of_operations(&mut book).await;
    transport(&mut book);
    book.close();

    let seen: BTreeMap<_, _> =
        book.codes.into_iter().filter(|(folder, _)| !folder.starts_with('_')).collect();
    let wanted: BTreeMap<String, BTreeSet<u64>> = operations()
        .into_iter()
        .map(|row| (row.name.to_owned(), EVERYWHERE.iter().chain(own_codes(row.name)).copied().collect()))
        .collect();
    assert_eq!(seen, wanted);
}

/// Success, and every way in which a credential is refused.
async fn credentials(book: &mut Book, operation: &str) {
    let sample = sample(operation, "bob");
    let world = World::new().await;
    book.case(operation, "success", 0, &world, &sample.signed(&signer("admin"))).await;

    let world = World::new().await;
    let unsigned = Wire::raw(Client::Python, &sample.pairs());
    book.case(operation, "signature_missing", 170, &world, &unsigned).await;
    let wrong = sample.clone().with("PublicKey", &signer("admin").id).with("Signature", &"0".repeat(40));
    book.case(operation, "signature_wrong", 171, &world, &Wire::raw(Client::Python, &wrong.pairs())).await;
    book.case(operation, "public_key_unknown", 172, &world, &sample.signed(&signer("nobody"))).await;
    let token = sample.clone().with("SecurityToken", "some-token");
    book.case(operation, "token_unknown", 174, &world, &token.signed(&signer("admin"))).await;

    let admin = world.uuid_of("admin").await;
    let spec = KeySpec::default;
    world.key(admin, "disabled", KeySpec { status: KeyStatus::Inactive, ..spec() }).await;
    book.case(operation, "key_inactive", 299, &world, &sample.signed(&signer("disabled"))).await;
    world.key(admin, "expired", KeySpec { expires_at: Some(START), ..spec() }).await;
    book.case(operation, "key_expired", 299, &world, &sample.signed(&signer("expired"))).await;
    let sources = vec!["198.51.100.0/24".parse().unwrap()];
    world.key(admin, "elsewhere", KeySpec { sources, ..spec() }).await;
    book.case(operation, "source_refused", 294, &world, &sample.signed(&signer("elsewhere"))).await;
    world.change_user(world.uuid_of("carol").await, |user| user.status = UserStatus::Frozen).await;
    book.case(operation, "user_frozen", 299, &world, &sample.signed(&signer("carol"))).await;
}

/// What can go wrong whatever the operation.
async fn troubles(book: &mut Book, operation: &str) {
    let wire = sample(operation, "bob").signed(&signer("admin"));
    let world = World::new().await;
    let unknown = sample(operation, "bob").with("Colour", "red").signed(&signer("admin"));
    book.case(operation, "parameter_unknown", 230, &world, &unknown).await;

    let damaged = KeySpec { damaged: true, ..KeySpec::default() };
    world.key(world.uuid_of("admin").await, "damaged", damaged).await;
    let by_damaged = sample(operation, "bob").signed(&signer("damaged"));
    book.case(operation, "record_damaged", 130, &world, &by_damaged).await;

    let mut world = World::new().await;
    world.on_store(|_| std::sync::Arc::new(BrokenStore));
    book.case(operation, "store_busy", 150, &world, &wire).await;

    let requests = Some(Rate { per_second: 1, burst: 1 });
    let world = World::with(Limits { requests, ..limits() }, "").await;
    world.send(&sample("GetRegion", "bob").signed(&signer("admin"))).await;
    book.case(operation, "throttled", 153, &world, &wire).await;
}

/// Missing, empty and unfit parameters.
async fn parameters(book: &mut Book) {
    let world = World::new().await;
    let admin = signer("admin");
    for operation in operations() {
        let sample = sample(operation.name, "bob");
        for (name, _) in sample.0.iter().skip(1) {
            let is_alternative = matches!(name.as_str(), "Description" | "DisplayName" | "Status");
            if is_alternative && operation.name == "UpdateLoginProfile" {
                continue;
            }
            let missing = sample.clone().without(name).signed(&admin);
            book.case(operation.name, &format!("missing_{name}"), 220, &world, &missing).await;
            if !is_alternative {
                let empty = sample.clone().with(name, "").signed(&admin);
                book.case(operation.name, &format!("empty_{name}"), 220, &world, &empty).await;
            }
            let control = sample.clone().with(name, "a\u{7}b").signed(&admin);
            book.case(operation.name, &format!("invalid_{name}"), 230, &world, &control).await;
        }
    }
    let status = sample("UpdateAccessKey", "bob").with("Status", "Disabled").signed(&admin);
    book.case("UpdateAccessKey", "invalid_Status", 230, &world, &status).await;
    let long = sample("UpdateAccessKey", "bob").with("Description", &"é".repeat(256)).signed(&admin);
    book.case("UpdateAccessKey", "long_Description", 230, &world, &long).await;
    let hidden = sample("UpdateUser", "bob").with("DisplayName", "ANewUserNameroot").signed(&admin);
    book.case("UpdateUser", "ambiguous_DisplayName", 230, &world, &hidden).await;
    for (name, value) in [("Limit", "0"), ("Limit", "101"), ("Limit", "ten"), ("Offset", "-1")] {
        let page = sample("ListUsers", "").with(name, value).signed(&admin);
        book.case("ListUsers", &format!("invalid_{name}_{value}"), 230, &world, &page).await;
    }
}

async fn access_keys(book: &mut Book) {
    let admin = signer("admin");
    let world = World::new().await;
    for operation in ["CreateAccessKey", "ListAccessKeys"] {
        let unknown = sample(operation, "nobody").signed(&admin);
        book.case(operation, "user_unknown", 11021, &world, &unknown).await;
        let other = sample(operation, "alice").signed(&signer("bob"));
        book.case(operation, "other_user", 299, &world, &other).await;
    }
    for operation in ["UpdateAccessKey", "DeleteAccessKey"] {
        let unknown = sample(operation, "nobody").signed(&admin);
        book.case(operation, "key_unknown", 1901, &world, &unknown).await;
        let other = sample(operation, "alice").signed(&signer("bob"));
        book.case(operation, "other_users_key", 1901, &world, &other).await;
    }
    book.case("ListAccessKeys", "own", 0, &world, &sample("ListAccessKeys", "bob").signed(&signer("bob")))
        .await;
    world.send(&sample("DeleteAccessKey", "bob").signed(&admin)).await;
    book.case("ListAccessKeys", "none", 0, &world, &sample("ListAccessKeys", "bob").signed(&admin)).await;

    let create = sample("CreateAccessKey", "alice").signed(&admin);
    assert_eq!(world.send(&create).await.code, 0);
    book.case("CreateAccessKey", "limit_reached", 1902, &world, &create).await;

    let world = World::new().await;
    assert_eq!(world.send(&sample("DeleteAccessKey", "carol").signed(&admin)).await.code, 0);
    let inactive = sample("UpdateAccessKey", "admin").without("Description").with("Status", "Inactive");
    book.case("UpdateAccessKey", "last_administrator", 1904, &world, &inactive.signed(&admin)).await;
    let delete = sample("DeleteAccessKey", "admin").signed(&admin);
    book.case("DeleteAccessKey", "last_administrator", 1904, &world, &delete).await;

    let expiring = KeySpec { expires_at: Some(START.plus(3_600_000)), ..KeySpec::default() };
    world.key(world.uuid_of("bob").await, "expiring", expiring).await;
    let described = sample("UpdateAccessKey", "bob").with("Status", "Inactive").signed(&admin);
    world.clock.advance(90_000);
    assert_eq!(world.send(&described).await.code, 0);
    book.case("ListAccessKeys", "two", 0, &world, &sample("ListAccessKeys", "bob").signed(&admin)).await;
}

async fn users(book: &mut Book) {
    let admin = signer("admin");
    let world = World::new().await;
    for operation in ["GetUser", "UpdateUser", "DeleteUser", "GetLoginProfile", "UpdateLoginProfile"] {
        let unknown = sample(operation, "nobody").signed(&admin);
        book.case(operation, "user_unknown", 11021, &world, &unknown).await;
        let other = sample(operation, "alice").signed(&signer("bob"));
        book.case(operation, "other_user", 299, &world, &other).await;
    }
    book.case("GetUser", "own", 0, &world, &sample("GetUser", "bob").signed(&signer("bob"))).await;
    let auditor = sample("ListUsers", "").signed(&signer("audrey"));
    book.case("ListUsers", "auditor", 0, &world, &auditor).await;
    book.case("ListUsers", "member", 299, &world, &sample("ListUsers", "").signed(&signer("bob"))).await;
    let page = sample("ListUsers", "").with("Limit", "2").with("Offset", "1").signed(&admin);
    book.case("ListUsers", "page", 0, &world, &page).await;
    let end = sample("ListUsers", "").with("Offset", "5").signed(&admin);
    book.case("ListUsers", "past_the_end", 0, &world, &end).await;

    let taken = sample("CreateUser", "").with("UserName", "Bob").signed(&admin);
    book.case("CreateUser", "name_taken", 11208, &world, &taken).await;
    let rename = sample("UpdateUser", "alice").with("NewUserName", "bob").signed(&admin);
    book.case("UpdateUser", "name_taken", 11208, &world, &rename).await;
    // The example of the vendor's Terraform provider: both off, although his page forbids it.
    let terraform =
        sample("CreateUser", "").with("AccessKeyStatus", "Inactivate").with("Email", "t@example.org");
    book.case("CreateUser", "without_key", 0, &world, &terraform.signed(&admin)).await;
    let profile = sample("UpdateLoginProfile", "newcomer")
        .with("Status", "Active")
        .with("MaxPasswordAge", "90")
        .with("MFABindRequired", "true")
        .with("PasswordResetRequired", "false")
        .with("UserEmail", "u@example.org");
    book.case("UpdateLoginProfile", "all_fields", 0, &world, &profile.signed(&admin)).await;
    book.case("GetLoginProfile", "set", 0, &world, &sample("GetLoginProfile", "newcomer").signed(&admin))
        .await;
    book.case("GetUser", "with_email", 0, &world, &sample("GetUser", "newcomer").signed(&admin)).await;

    let world = World::with(Limits { users_per_account: 5, ..limits() }, "").await;
    book.case("CreateUser", "limit_reached", 1903, &world, &sample("CreateUser", "").signed(&admin)).await;
    let freeze = sample("UpdateUser", "bob").without("DisplayName").with("Status", "Frozen").signed(&admin);
    assert_eq!(world.send(&freeze).await.code, 0);
    book.case("GetUser", "frozen", 0, &world, &sample("GetUser", "bob").signed(&admin)).await;
    book.case("DeleteUser", "root", 299, &world, &sample("DeleteUser", "admin").signed(&admin)).await;

    // Root's only key is off, so carol's is the last one that works.
    let root = world.uuid_of("admin").await;
    world.change_key(root, &admin.id, |key| key.status = KeyStatus::Inactive).await;
    let carol = signer("carol");
    let freeze = sample("UpdateUser", "carol").without("DisplayName").with("Status", "Frozen").signed(&carol);
    book.case("UpdateUser", "last_administrator", 1904, &world, &freeze).await;
    let delete = sample("DeleteUser", "carol").signed(&carol);
    book.case("DeleteUser", "last_administrator", 1904, &world, &delete).await;
}

/// Requests that name no operation, or cannot be read.
async fn outside_of_operations(book: &mut Book) {
    let folder = "_none";
    let mut world = World::new().await;
    let admin = signer("admin");
    let missing = Sample(Vec::new()).with("UserName", "bob").signed(&admin);
    book.case(folder, "action_missing", 160, &world, &missing).await;
    let empty = Sample(Vec::new()).with("Action", "").signed(&admin);
    book.case(folder, "action_empty", 160, &world, &empty).await;
    book.case(folder, "action_unknown", 161, &world, &Wire::signed(&admin, &[("Action", "DescribeUHost")]))
        .await;
    book.case(folder, "action_in_other_case", 161, &world, &Wire::signed(&admin, &[("Action", "listusers")]))
        .await;
    let odd = Wire::signed(&admin, &[("Action", "List<Users>\r\n")]);
    book.case(folder, "action_not_repeated_when_odd", 161, &world, &odd).await;
    book.case(folder, "no_parameters", 160, &world, &Wire::get("")).await;
    let post = |body: &str| Wire::post("/", FORM, body);
    let json = |body: &str| Wire::post("/", JSON, body);
    let unreadable = [
        ("repeated", post("Action=GetUser&UserName=bob&UserName=alice")),
        ("repeated_in_other_case", post("Action=GetUser&UserName=bob&username=alice")),
        ("empty_name", post("Action=GetUser&=bob")),
        ("bad_escape", post("Action=GetUser&UserName=%zz")),
        ("bad_utf8", post("Action=GetUser&UserName=%ff%fe")),
        ("two_actions", Wire::post("/?Action=DeleteUser", FORM, "Action=GetUser&UserName=bob")),
        ("content_type", Wire::post("/", "text/xml", "<Action/>")),
        ("json_repeated", json(r#"{"Action":"GetUser","UserName":"bob","UserName":"alice"}"#)),
        ("json_null", json(r#"{"Action":"GetUser","UserName":null}"#)),
        ("json_syntax", json(r#"{"Action":"GetUser","#)),
        ("json_array", json(r#"["Action"]"#)),
        ("json_trailing_bytes", json(r#"{"Action":"GetUser"}{}"#)),
    ];
    for (case, wire) in unreadable {
        book.case(folder, case, 230, &world, &wire).await;
    }
    let many: Vec<String> = (0..257).map(|n| format!("p{n}=")).collect();
    book.case(folder, "too_many_parameters", 230, &world, &post(&many.join("&"))).await;
    world.dialect = settings("post_only = true");
    let get = Wire::signed_as(Client::Hand, &admin, &[("Action", "GetRegion")]);
    book.case(folder, "get_switched_off", 230, &world, &get).await;
    world.dialect = settings("");
    for method in ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "get", "TRACE"] {
        let wire = Wire { method: method.to_owned(), ..Wire::get("Action=GetRegion") };
        book.case(folder, &format!("method_{method}"), 230, &world, &wire).await;
    }
    let large = post(&format!("Action=GetUser&UserName={}", "x".repeat(64 * 1024)));
    book.case(folder, "body_too_large", 230, &world, &large).await;
    let path = Wire { target: "/iam?Action=GetRegion".to_owned(), ..Wire::get("") };
    book.case(folder, "path_unknown", 230, &world, &path).await;
}

/// What the server asks the dialect to say for it.
fn transport(book: &mut Book) {
    let dialect = settings("");
    for refusal in TransportRefusal::ALL {
        let seen = Seen::new(dialect.refuse_transport(refusal, RequestId::from_bytes([0xab; 16])));
        let code = match refusal {
            TransportRefusal::PathUnknown
            | TransportRefusal::MethodNotAllowed
            | TransportRefusal::BodyTooLarge => 230,
            TransportRefusal::BodyTimeout | TransportRefusal::Deadline => 110,
            TransportRefusal::Internal => 130,
            TransportRefusal::Unavailable => 150,
        };
        book.seen("_transport", &format!("{refusal:?}"), code, None, &seen);
    }
}
