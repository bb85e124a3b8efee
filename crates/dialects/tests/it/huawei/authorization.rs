//! Every row of the table against every form of credential, and every role against every row.

use std::fmt::Write as _;

use dialects::Access;
use dialects::huawei::Huawei;
use domain::access_keys::{KeyStatus, SchemeSet};
use domain::policy::Action;
use serde_json::json;
use signing::Scheme;

use super::token_keys::exchange_body;
use super::{ED25519, add_body, plain, send, sign, signed, signed_by, token, with_token, world};
use crate::wire::Wire;
use crate::world::{KeySpec, Signer, World, signer};

/// What takes a token alone, whatever is signed.
const BY_TOKEN: &str = "CreateTemporaryAccessKeyByToken";
const OPEN: [&str; 3] = ["KeystoneListVersions", "KeystoneShowVersion", "KeystoneCreateUserTokenByPassword"];

/// A request for each operation that its caller could make, on objects of `owner`.
async fn target(world: &World, operation: &str, path: &str, owner: &str) -> (String, String) {
    let user = world.uuid_of(owner).await.hex();
    let target = path
        .replace("{user_id}", &user)
        .replace("{access}", &signer(&format!("{owner}-second")).id)
        .replace("{key_id}", "77");
    let body = match operation {
        "AddSshKey" | "AddSshKeyV1" => add_body("laptop", ED25519),
        "CreatePermanentAccessKey" => json!({"credential": {"user_id": user}}).to_string(),
        "UpdatePermanentAccessKey" => json!({"credential": {"status": "inactive"}}).to_string(),
        "UpdateAccessKeyV5" => json!({"status": "inactive"}).to_string(),
        _ => String::new(),
    };
    (target, body)
}

#[tokio::test]
async fn no_row_lets_anybody_in_without_a_good_credential() {
    let world = world().await;
    let bob = world.uuid_of("bob").await;
    let second = |name: &str| Signer { id: signer(name).id, secret: signer("wrong").secret };
    let specs = [
        ("inactive", KeySpec { status: KeyStatus::Inactive, ..KeySpec::default() }),
        ("expired", KeySpec { expires_at: Some(crate::world::START), ..KeySpec::default() }),
        ("deleted", KeySpec { deleted: true, ..KeySpec::default() }),
        ("damaged", KeySpec { damaged: true, ..KeySpec::default() }),
        ("foreign", KeySpec { schemes: SchemeSet::of(&[Scheme::Scloud, Scheme::Tc3]), ..KeySpec::default() }),
    ];
    for (name, spec) in &specs {
        world.key(bob, name, spec.clone()).await;
    }
    let mut seen_rows = 0;
    for (operation, method, path) in Huawei::routes() {
        if OPEN.contains(&operation.name) || operation.name == BY_TOKEN {
            continue;
        }
        seen_rows += 1;
        let (target, body) = target(&world, operation.name, path, "bob").await;
        let before = world.digest().await;
        let mut wires = vec![
            ("none", plain(method, &target, &body)),
            (
                "empty",
                plain(method, &target, &body)
                    .with_header("Authorization", "")
                    .with_header("X-Auth-Token", " "),
            ),
            ("garbage", plain(method, &target, &body).with_header("Authorization", "garbage")),
            ("garbled token", with_token("\u{1}x", method, &target, &body)),
            ("unknown", signed(&world, "nobody-such", method, &target, &body)),
            ("wrong secret", signed_by(&world, &second("bob"), method, &target, &body)),
            ("stale", {
                let old = plain(method, &target, &body).with_header("X-Sdk-Date", "20261121T234459Z");
                sign(old, &signer("bob"))
            }),
            ("another method", {
                let mut wire = signed(&world, "bob", "PATCH", &target, &body);
                wire.method = method.to_owned();
                wire
            }),
            ("another path", {
                let mut wire = signed(&world, "bob", method, "/v4/user/keys/1", &body);
                wire.target.clone_from(&target);
                wire
            }),
            ("another query", {
                let mut wire = signed(&world, "bob", method, &target, &body);
                wire.target.push_str("?limit=1");
                wire
            }),
        ];
        wires.extend(specs.iter().map(|(name, _)| (*name, signed(&world, name, method, &target, &body))));
        for (form, wire) in wires {
            let seen = send(&world, &wire).await;
            let expected = if form == "damaged" { 500 } else { 401 };
            assert_eq!(seen.status, expected, "{} {form}: {}", operation.name, seen.text);
            assert!(seen.note.caller.is_none());
        }
        assert_eq!(world.digest().await, before, "{} had an effect", operation.name);
    }
    // The row that takes a token has a test of its own, below.
    assert_eq!(seen_rows + OPEN.len() + 1, Huawei::operations().count());
}

#[tokio::test]
async fn the_row_that_takes_a_token_lets_nobody_in_without_a_good_one() {
    let world = world().await;
    let ended = token(&world, "bob").await;
    let other = super::another_token(&world, "bob").await;
    let admin = super::caller(&world, "admin").await;
    world.service.revoke_token(&admin, &ended).await.unwrap();
    let target = "/v3.0/OS-CREDENTIAL/securitytokens";
    let before = world.digest().await;
    let in_body = |token: &str| plain("POST", target, &exchange_body(token));
    let bare = r#"{"auth":{"identity":{"methods":["token"]}}}"#;
    let in_header = |token: &str| with_token(token, "POST", target, bare);
    for wire in [
        plain("POST", target, bare),
        plain("POST", target, bare).with_header("Authorization", "garbage"),
        signed(&world, "bob", "POST", target, bare),
        in_header(" "),
        in_header(&ended),
        in_header(&ended).with_header("X-Auth-Token", &other),
        in_header("\u{1}x"),
        in_body(&ended),
        in_body("garbage"),
        in_body(&format!("{other} ")),
        signed(&world, "admin", "POST", target, &exchange_body(&ended)),
    ] {
        let seen = send(&world, &wire).await;
        assert_eq!(seen.status, 401, "{wire:?}: {}", seen.text);
        assert!(seen.note.caller.is_none());
    }
    world.clock.advance(24 * 60 * 60 * 1000);
    assert_eq!(send(&world, &in_body(&other)).await.status, 401, "expired");
    assert_eq!(world.digest().await, before);
}

/// A request of `caller` for a row, with the credential that the row takes.
async fn wire_of(
    world: &World,
    operation: &str,
    caller: &str,
    method: &str,
    target: &str,
    body: &str,
) -> Wire {
    if operation == BY_TOKEN {
        plain(method, target, &exchange_body(&token(world, caller).await))
    } else {
        signed(world, caller, method, target, body)
    }
}

#[tokio::test]
async fn every_role_against_every_row() {
    let mut table = format!("{:<36}{:<9}{:<9}{:<9}{:<9}\n", "operation", "root", "auditor", "own", "other");
    for (operation, method, path) in Huawei::routes() {
        if OPEN.contains(&operation.name) {
            continue;
        }
        let _ = write!(table, "{:<36}", operation.name);
        for (caller, owner) in [("admin", "bob"), ("audrey", "bob"), ("bob", "bob"), ("alice", "bob")] {
            let world = world().await;
            world.key(world.uuid_of("bob").await, "bob-second", KeySpec::default()).await;
            let subject = token(&world, "bob").await;
            // Room for one more key.
            let (target, body) = target(&world, operation.name, path, owner).await;
            let makes_keys = operation.action == Action::CreateAccessKey;
            if makes_keys {
                let admin = super::caller(&world, "admin").await;
                let schemes = SchemeSet::of(&[Scheme::SdkHmacSha256]);
                let second = signer("bob-second").id;
                world.service.delete_access_key(&admin, &second, schemes).await.unwrap();
            }
            let wire = wire_of(&world, operation.name, caller, method, &target, &body).await;
            let wire = wire.with_header("X-Subject-Token", &subject);
            let before = world.digest().await;
            let seen = send(&world, &wire).await;
            let _ = write!(table, "{:<9}", seen.status);
            if seen.status >= 300 || operation.access == Access::Read {
                assert_eq!(world.digest().await, before, "{} by {caller} had an effect", operation.name);
            }
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    crate::golden::compare("huawei", "authorization.golden", &table);
}

#[tokio::test]
async fn t42_each_row_asks_for_its_own_action() {
    for (operation, method, path) in Huawei::routes() {
        if OPEN.contains(&operation.name) {
            continue;
        }
        let world = world().await;
        let subject = token(&world, "bob").await;
        let (target, body) = target(&world, operation.name, path, "bob").await;
        let wire = wire_of(&world, operation.name, "admin", method, &target, &body).await;
        let wire = wire.with_header("X-Subject-Token", &subject);
        world.service.withhold(Some(operation.action));
        let before = world.digest().await;
        let seen = send(&world, &wire).await;
        assert_eq!(seen.status, 403, "{}: {}", operation.name, seen.text);
        assert_eq!(world.digest().await, before);
    }
}

#[tokio::test]
async fn t09_headers_that_are_not_signed_decide_nothing() {
    let world = world().await;
    let admin = world.uuid_of("admin").await.hex();
    let mut wire = signed(&world, "bob", "GET", "/v5/caller-identity", "");
    for name in [
        "X-Domain-Id",
        "X-Project-Id",
        "X-User-Id",
        "X-Roles",
        "X-User-Name",
        "X-Identity-Status",
        "Scp-AccountId",
    ] {
        wire = wire.with_header(name, &admin);
    }
    let seen = send(&world, &wire).await;
    assert_eq!((seen.status, seen.note.caller.unwrap().user.as_str()), (200, "bob"));
    let signed_domain = |value: &str| {
        let date = signing::format_basic(domain::clock::Clock::now(world.clock.as_ref()).seconds());
        let wire = plain("GET", "/v5/caller-identity", "").with_header("X-Sdk-Date", &date);
        sign(wire.with_header("X-Domain-Id", value), &signer("bob"))
    };
    assert_eq!(send(&world, &signed_domain(&world.account.hex())).await.status, 200);
    let foreign = send(&world, &signed_domain(&world.other_account.hex())).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (403, "APIGW.0302"));
}
