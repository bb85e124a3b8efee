//! Tokens: issued, checked, ended; and that nothing but a live one opens anything.

use domain::users::{User, UserStatus};
use serde_json::json;

use super::token_keys::exchange_body;
use super::{ED25519, Seen, ssh_keys_of};
use super::{
    PASSWORD, add_body, another_token, caller, give_password, login, login_as, plain, send, send_from,
    signed, token, with_token, world, world_with,
};
use crate::world::{World, limits};

const KEYS: &str = "/v4/user/keys";
const EXPIRED: &str = r#"{"error_code":"DEV.00000003","error_msg":"Authentication information expired."}"#;

async fn list(world: &World, token: &str) -> Seen {
    send(world, &with_token(token, "GET", KEYS, "")).await
}

#[tokio::test]
async fn a_login_gives_a_token_for_a_day_in_every_scope() {
    let world = world().await;
    give_password(&world, "bob").await;
    let account = world.account.hex();
    let scopes = [
        (String::new(), "domain"),
        (r#""unscoped""#.to_owned(), "domain"),
        (r#"{"domain":{"name":"default"}}"#.to_owned(), "domain"),
        (format!(r#"{{"domain":{{"id":"{account}"}}}}"#), "domain"),
        (r#"{"project":{"name":"cn-north-4"}}"#.to_owned(), "project"),
        (r#"{"project":{"name":"anything","domain":{"name":"default"}}}"#.to_owned(), "project"),
    ];
    for (scope, kind) in scopes {
        let seen = send(&world, &login("bob", PASSWORD, &scope)).await;
        assert_eq!(seen.status, 201, "{scope}: {}", seen.text);
        let token = &seen.json["token"];
        assert_eq!(token["issued_at"], "2026-11-22T00:00:00.000000Z");
        assert_eq!(token["expires_at"], "2026-11-23T00:00:00.000000Z");
        assert_eq!(token["user"]["name"], "bob");
        assert_eq!(token["user"]["domain"], json!({"id": account, "name": "default"}));
        assert_eq!(token.get("domain").is_some(), kind == "domain");
        assert_eq!(token.get("project").is_some(), kind == "project");
        let text = seen.header("X-Subject-Token").unwrap();
        assert!(!seen.text.contains(text), "never in the body");
        assert_eq!(list(&world, text).await.status, 200);
    }
    // A project that is asked for by the id that the list gives.
    let projects = send(&world, &signed(&world, "bob", "GET", "/v3/projects?name=cn-east-3", "")).await;
    let id = projects.json["projects"][0]["id"].as_str().unwrap();
    let scope = format!(r#"{{"project":{{"id":"{id}"}}}}"#);
    let seen = send(&world, &login("bob", PASSWORD, &scope)).await;
    assert_eq!(seen.json["token"]["project"]["name"], "cn-east-3");
}

#[tokio::test]
async fn t53_unknown_users_and_wrong_passwords_are_the_same_bytes_and_the_same_work() {
    let world = world().await;
    give_password(&world, "bob").await;
    let long = "x".repeat(5_000);
    let bob = world.uuid_of("bob").await.hex();
    let by_id =
        |id: &str, password: &str| login_as(&format!(r#"{{"id":"{id}","password":"{password}"}}"#), "");
    let foreign = r#"{"name":"bob","password":"correct horse battery","domain":{"name":"other"}}"#;
    let tries = [
        login("bob", "wrong", ""),
        login("bob", "", ""),
        login("bob", &long, ""),
        login("bob", &format!("{PASSWORD}{long}"), ""),
        login("nobody", "wrong", ""),
        login("nobody", &long, ""),
        login("alice", PASSWORD, ""),
        login("BOB", PASSWORD, ""),
        login_as(foreign, ""),
        login_as(&foreign.replace("other", "nowhere"), ""),
        by_id(&bob, "wrong"),
        by_id(&"0".repeat(32), PASSWORD),
        by_id("no id", PASSWORD),
        login("bob", PASSWORD, r#"{"domain":{"name":"other"}}"#),
        login("bob", PASSWORD, r#"{"project":{"name":"Not a Project"}}"#),
        login("bob", PASSWORD, r#"{"project":{"id":"00000000000000000000000000000000"}}"#),
    ];
    let mut answers = std::collections::BTreeSet::new();
    for (number, wire) in tries.iter().enumerate() {
        let before = world.service.password_work();
        // Each from an address of its own, so that no lock is in the way.
        let seen = send_from(&world, wire, &format!("198.51.100.{number}")).await;
        assert_eq!(world.service.password_work(), before + 1, "try {number}");
        answers.insert((seen.status, seen.headers, seen.text));
    }
    let wrong =
        r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#;
    let answers: Vec<_> = answers.into_iter().collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!((answers[0].0, answers[0].2.as_str()), (401, wrong));
}

#[tokio::test]
async fn t56_five_wrong_passwords_lock_a_user_at_one_address_known_or_not() {
    let world = world().await;
    give_password(&world, "bob").await;
    for name in ["bob", "nobody"] {
        for _ in 0..5 {
            assert_eq!(send(&world, &login(name, "wrong", "")).await.status, 401);
        }
        let before = world.service.password_work();
        let locked = send(&world, &login(name, PASSWORD, "")).await;
        assert_eq!((locked.status, world.service.password_work()), (401, before), "{name} is locked here");
    }
    assert_eq!(send(&world, &signed(&world, "bob", "GET", KEYS, "")).await.status, 200, "his keys are not");
    let elsewhere = send_from(&world, &login("bob", PASSWORD, ""), "203.0.113.9").await;
    assert_eq!(elsewhere.status, 201, "and at another address is not");
    let byid = format!(r#"{{"id":"{}","password":"{PASSWORD}"}}"#, world.uuid_of("bob").await.hex());
    assert_eq!(send(&world, &login_as(&byid, "")).await.status, 401, "one lock, however he is named");
    assert_eq!(send(&world, &login("Bob", PASSWORD, "")).await.status, 401);
    world.clock.advance(15 * 60 * 1000);
    assert_eq!(send(&world, &login("bob", PASSWORD, "")).await.status, 201);
}

#[tokio::test]
async fn t29_a_token_dies_with_its_user_password_role_and_status() {
    type Change = fn(&mut User);
    let changes: [(&str, Change); 4] = [
        ("frozen", |user| user.status = UserStatus::Frozen),
        ("deleted", |user| user.deleted_at = Some(user.created_at)),
        ("role", |user| user.role = domain::policy::Role::Auditor),
        ("thawed again", |user| user.email = "x@example.org".to_owned()),
    ];
    for (what, change) in changes {
        let world = world().await;
        let token = token(&world, "bob").await;
        assert_eq!(list(&world, &token).await.status, 200);
        world.change_user(world.uuid_of("bob").await, change).await;
        assert_ended(&world, &token, what).await;
    }
    let world = world().await;
    let token = token(&world, "bob").await;
    give_password(&world, "bob").await;
    assert_ended(&world, &token, "the password was set again").await;
    let token = another_token(&world, "bob").await;
    world.clock.advance(24 * 60 * 60 * 1000);
    assert_ended(&world, &token, "its time is up").await;
    let token = another_token(&world, "bob").await;
    let admin = caller(&world, "admin").await;
    world.service.delete_user(&admin, "bob").await.unwrap();
    assert_ended(&world, &token, "the user was deleted").await;
    assert_eq!(send(&world, &login("bob", PASSWORD, "")).await.status, 401);
}

#[tokio::test]
async fn t30_a_token_ends_after_a_day_and_nothing_prolongs_it() {
    let world = world().await;
    let token = token(&world, "bob").await;
    world.clock.advance(24 * 60 * 60 * 1000 - 1);
    let look = with_token(&token, "GET", "/v3/auth/tokens", "").with_header("X-Subject-Token", &token);
    let validated = send(&world, &look).await;
    assert_eq!(validated.status, 200);
    assert_eq!(
        validated.json["token"]["expires_at"], "2026-11-23T00:00:00.000000Z",
        "looking at it moves nothing"
    );
    let by_token = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}}).to_string();
    let renewed = send(&world, &plain("POST", "/v3/auth/tokens", &by_token)).await;
    assert_eq!(renewed.status, 400, "no token is made from a token: {}", renewed.text);
    world.clock.advance(1);
    assert_eq!(list(&world, &token).await.text, EXPIRED);
    let iam5 = send(&world, &with_token(&token, "GET", "/v5/caller-identity", "")).await;
    assert!(iam5.text.contains("token expires, expires_at: 2026-11-23T00:00:00.000000Z"), "{}", iam5.text);
    world.clock.advance(-1000);
    assert_eq!(list(&world, &token).await.status, 200, "the clock was wrong, the token is not");
}

#[tokio::test]
async fn t31_any_other_spelling_of_a_token_is_unknown() {
    let world = world().await;
    let token = token(&world, "bob").await;
    let admins = super::token(&world, "admin").await;
    let revoked = with_token(&admins, "DELETE", "/v3/auth/tokens", "").with_header("X-Subject-Token", &token);
    let mut others = vec![
        token.to_uppercase(),
        token.to_lowercase(),
        format!("{token}="),
        format!("\"{token}\""),
        format!("Bearer {token}"),
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}\u{2028}"),
        "x".repeat(100_000),
    ];
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] ^= 1;
        others.push(String::from_utf8(bytes).unwrap());
    }
    for other in &others {
        let seen = list(&world, other).await;
        assert_eq!((seen.status, seen.text.as_str()), (401, EXPIRED), "{other:?}");
        assert!(!seen.text.contains(other.as_str()));
    }
    assert_eq!(list(&world, &token).await.status, 200);
    assert_eq!(send(&world, &revoked).await.status, 204);
    for spelling in others.iter().chain([&token]) {
        assert_eq!(list(&world, spelling).await.status, 401);
    }
}

#[tokio::test]
async fn t32_every_route_that_asks_for_a_caller_refuses_an_ended_token() {
    let world = world().await;
    let token = token(&world, "bob").await;
    let subject = |wire: crate::wire::Wire| wire.with_header("X-Subject-Token", &token);
    assert_eq!(send(&world, &subject(with_token(&token, "DELETE", "/v3/auth/tokens", ""))).await.status, 204);
    assert_ended(&world, &token, "revoked").await;
}

/// Every route that asks for a caller refuses the token, and does nothing.
async fn assert_ended(world: &World, token: &str, why: &str) {
    let before = world.digest().await;
    let mut refused = 0;
    for (operation, method, path) in dialects::huawei::Huawei::routes() {
        let target = path.replace("{user_id}", "0").replace("{access}", "A").replace("{key_id}", "1");
        let body = match operation.name {
            "CreateTemporaryAccessKeyByToken" => exchange_body(token),
            "AddSshKey" | "AddSshKeyV1" => add_body("a", ED25519),
            _ => String::new(),
        };
        let wire = with_token(token, method, &target, &body).with_header("X-Subject-Token", token);
        let seen = send(world, &wire).await;
        let is_open = ["KeystoneListVersions", "KeystoneShowVersion", "KeystoneCreateUserTokenByPassword"]
            .contains(&operation.name);
        if !is_open {
            assert_eq!(seen.status, 401, "{why}: {}: {}", operation.name, seen.text);
            refused += 1;
        }
    }
    assert!(refused > 20);
    assert_eq!(list(world, token).await.text, EXPIRED, "{why}");
    assert_eq!(world.digest().await, before, "{why}");
}

#[tokio::test]
async fn t33_each_of_many_interleaved_callers_is_himself() {
    let world = std::sync::Arc::new(world().await);
    let mut tokens = Vec::new();
    for name in ["admin", "carol", "audrey", "bob", "alice"] {
        tokens.push((name, token(&world, name).await));
    }
    let mut tasks = tokio::task::JoinSet::new();
    for round in 0..200 {
        for (name, token) in tokens.clone() {
            let world = world.clone();
            tasks.spawn(async move {
                let wire = if round % 2 == 0 {
                    with_token(&token, "GET", "/v5/caller-identity", "")
                } else {
                    signed(&world, name, "GET", "/v5/caller-identity", "")
                };
                let seen = send(&world, &wire).await;
                assert!(seen.json["principal_urn"].as_str().unwrap().ends_with(&format!(":user:{name}")));
                assert_eq!(seen.note.caller.unwrap().user, name);
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn t34_a_scope_gives_no_more_than_the_caller_has() {
    let world = world().await;
    give_password(&world, "bob").await;
    let seen = send(&world, &login("bob", PASSWORD, r#"{"project":{"name":"cn-north-4"}}"#)).await;
    let token = seen.header("X-Subject-Token").unwrap().to_owned();
    let added = send(&world, &with_token(&token, "POST", KEYS, &add_body("a", ED25519))).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(ssh_keys_of(&world, "bob").await, 1, "bound to the user, whatever the scope");
    // Each operation that makes a credential, naming somebody else by every member and header that could.
    let before = world.digest().await;
    let foreign = world.uuid_in(world.other_account, "olga").await.hex();
    for (target, status) in [
        (world.uuid_of("alice").await.hex(), 403),
        (world.uuid_of("admin").await.hex(), 403),
        (foreign.clone(), 403),
    ] {
        let body = json!({"credential": {"user_id": target, "account_id": foreign, "domain_id": foreign}})
            .to_string();
        let v5 = format!("/v5/users/{target}/access-keys");
        for (path, body) in [("/v3.0/OS-CREDENTIAL/credentials", body.as_str()), (v5.as_str(), "")] {
            let wire = with_token(&token, "POST", path, body)
                .with_header("X-Domain-Id", &world.other_account.hex())
                .with_header("X-Project-Id", &foreign);
            let seen = send(&world, &wire).await;
            assert_eq!(seen.status, status, "{path}: {}", seen.text);
        }
    }
    let admins = super::token(&world, "admin").await;
    let after_login = world.digest().await;
    let body = json!({"credential": {"user_id": foreign}}).to_string();
    let seen = send(&world, &with_token(&admins, "POST", "/v3.0/OS-CREDENTIAL/credentials", &body)).await;
    assert_eq!(seen.status, 404, "an administrator of another account: {}", seen.text);
    assert_eq!(world.digest().await, after_login);
    assert_ne!(before, after_login);
}

#[tokio::test]
async fn t35_tokens_are_references_and_signed_words_are_nothing() {
    let world = world().await;
    for forged in [
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.e30.47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "MIIDkgYJKoZIhvcNAQcCoIIDgzCCA38CAQExDTALBglghkgBZQMEAgEwgg",
        "gAAAAABh0000000000000000000000000000000000000000000000000000",
        "kws-0000000000000000000000000000000000000000000",
    ] {
        assert_eq!(list(&world, forged).await.text, EXPIRED, "{forged}");
    }
}

#[tokio::test]
async fn t36_any_token_is_one_hash_at_most() {
    let world = world().await;
    let good = token(&world, "bob").await;
    let before = world.digest().await;
    let work = async |token: &str| {
        let before = world.service.token_work();
        let seen = list(&world, token).await;
        (world.service.token_work() - before, seen.status, seen.text)
    };
    assert_eq!(work(&good).await.0, 1);
    let same_form = format!("{}0000", &good[..good.len() - 4]);
    let others = ["x".to_owned(), good.replace("kws-", "kwx-"), "a".repeat(100_000), "\u{ff}".repeat(50_000)];
    for (garbage, hashes) in [(same_form, 1)].into_iter().chain(others.map(|other| (other, 0))) {
        assert_eq!(work(&garbage).await, (hashes, 401, EXPIRED.to_owned()), "{} bytes", garbage.len());
    }
    assert_eq!(world.service.password_work(), 2, "the password that was set and the one login");
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t55_nothing_is_compared_but_hashes_and_in_constant_time() {
    // What is stored is the hash of the token, which a look-up compares; nobody who reads the store has the token.
    let world = world().await;
    let token = token(&world, "bob").await;
    let rows = world.store.user_rows(world.uuid_of("bob").await).await.unwrap().unwrap();
    assert_eq!(rows.tokens.len(), 1);
    assert_eq!(rows.tokens[0].hash, domain::tokens::TokenHash::of(token.as_bytes()));
    let password = world.store.password(rows.user.uuid).await.unwrap().unwrap();
    let stored = format!("{:?} {password:?}", rows.tokens);
    assert!(!stored.contains(&token) && !stored.contains(PASSWORD));
}

#[tokio::test]
async fn tokens_are_checked_by_their_holder_and_by_administrators_of_the_account() {
    let world = world().await;
    let (bobs, alices, admins) =
        (token(&world, "bob").await, token(&world, "alice").await, token(&world, "admin").await);
    let check = async |caller: &str, subject: &str, method: &str| {
        let wire = with_token(caller, method, "/v3/auth/tokens?nocatalog", "")
            .with_header("X-Subject-Token", subject);
        send(&world, &wire).await
    };
    let own = check(&bobs, &bobs, "GET").await;
    assert_eq!((own.status, own.header("X-Subject-Token")), (200, Some(bobs.as_str())));
    assert_eq!(own.json["token"]["catalog"], json!([]));
    let head = check(&admins, &bobs, "HEAD").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let unknown = check(&bobs, "nothing", "GET").await;
    let foreign = check(&bobs, &alices, "GET").await;
    assert_eq!((foreign.status, &foreign.text), (404, &unknown.text), "told alike");
    let olga = send(
        &world,
        &signed(&world, "oscar", "GET", "/v3/auth/tokens", "").with_header("X-Subject-Token", &bobs),
    )
    .await;
    assert_eq!(olga.text, unknown.text, "another account's administrator");
    assert_eq!(check(&alices, &bobs, "DELETE").await.status, 404);
    assert_eq!(check(&admins, &bobs, "DELETE").await.status, 204);
    assert_eq!(list(&world, &bobs).await.text, EXPIRED);
    assert_eq!(check(&admins, &bobs, "DELETE").await.status, 404, "twice changes nothing");
    assert_eq!(list(&world, &alices).await.status, 200);
}

#[tokio::test]
async fn a_signature_goes_before_a_token_and_an_empty_one_is_none() {
    let world = world().await;
    let token = token(&world, "bob").await;
    let both = signed(&world, "alice", "GET", "/v5/caller-identity", "").with_header("X-Auth-Token", &token);
    assert_eq!(send(&world, &both).await.note.caller.unwrap().user, "alice");
    let preset = with_token(&token, "GET", "/v5/caller-identity", "").with_header("Authorization", "");
    assert_eq!(send(&world, &preset).await.note.caller.unwrap().user, "bob");
    let bad = with_token(&token, "GET", KEYS, "").with_header("Authorization", "SDK-HMAC-SHA256 x");
    assert_eq!(send(&world, &bad).await.code(), "APIGW.0301", "a bad signature is not saved by a token");
    let twice = with_token(&token, "GET", KEYS, "").with_header("X-Auth-Token", &token);
    assert_eq!(send(&world, &twice).await.status, 401, "two tokens are none");
}

#[tokio::test]
async fn t83_a_login_that_repeats_its_method_hashes_nothing() {
    let world = world().await;
    give_password(&world, "bob").await;
    let before = world.service.password_work();
    let methods = vec!["password"; 1_000];
    let user = json!({"name": "bob", "password": PASSWORD, "domain": {"name": "default"}});
    let body = json!({"auth": {"identity": {"methods": methods, "password": {"user": user}}}});
    let seen = send(&world, &plain("POST", "/v3/auth/tokens", &body.to_string())).await;
    assert_eq!((seen.status, seen.code().as_str()), (400, "400"));
    let users = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": [user, user]}}}});
    assert_eq!(send(&world, &plain("POST", "/v3/auth/tokens", &users.to_string())).await.status, 400);
    assert_eq!(world.service.password_work(), before);
}

#[tokio::test]
async fn t83_logins_beyond_the_rate_are_told_to_come_back() {
    let rate = Some(domain::throttle::Rate { per_second: 1, burst: 3 });
    let world = world_with(domain::limits::Limits { failed_authentications: rate, ..limits() }, "").await;
    for number in 0..3 {
        assert_eq!(send(&world, &login(&format!("n{number}"), "wrong", "")).await.status, 401);
    }
    let seen = send(&world, &login("n4", "wrong", "")).await;
    assert_eq!((seen.status, seen.code().as_str()), (429, "APIGW.0308"));
    assert_eq!(seen.header("Retry-After"), Some("1"));
}
