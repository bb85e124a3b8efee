//! The temporary key of a token: from a login to a signature.

use domain::users::User;
use serde_json::{Value, json};

use super::{
    ED25519, PASSWORD, Seen, add_body, another_token, give_password, plain, send, sign, signed, ssh_keys_of,
    token, with_token, world, world_with,
};
use crate::wire::Wire;
use crate::world::{Signer, World, limits};

const EXCHANGE: &str = "/v3.0/OS-CREDENTIAL/securitytokens";
const KEYS: &str = "/v4/user/keys";

/// The body with a token in it, as the SDK writes it.
pub fn exchange_body(token: &str) -> String {
    body(&json!({"id": token, "duration_seconds": 900}))
}

fn body(token: &Value) -> String {
    json!({"auth": {"identity": {"methods": ["token"], "token": token}}}).to_string()
}

/// A key as its holder knows it.
struct Held {
    signer: Signer,
    security_token: String,
    expires_at: String,
}

impl Held {
    fn of(seen: &Seen) -> Self {
        assert_eq!(seen.status, 201, "{}", seen.text);
        let text = |name: &str| seen.json["credential"][name].as_str().unwrap().to_owned();
        assert_eq!(seen.json["credential"].as_object().unwrap().len(), 4);
        let signer = Signer { id: text("access"), secret: text("secret") };
        Self { signer, security_token: text("securitytoken"), expires_at: text("expires_at") }
    }

    /// A request as the Python SDK signs it: the token is among the signed headers.
    fn signed(&self, world: &World, method: &str, target: &str, body: &str) -> Wire {
        self.signed_with(world, &self.security_token, method, target, body)
    }

    fn signed_with(
        &self,
        world: &World,
        security_token: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Wire {
        let date = signing::format_basic(domain::clock::Clock::now(world.clock.as_ref()).seconds());
        let wire = plain(method, target, body).with_header("X-Sdk-Date", &date);
        sign(wire.with_header("X-Security-Token", security_token), &self.signer)
    }
}

async fn exchange(world: &World, token: &str) -> Held {
    Held::of(&send(world, &plain("POST", EXCHANGE, &exchange_body(token))).await)
}

#[tokio::test]
async fn a_login_becomes_a_key_that_signs() {
    let world = world().await;
    let token = token(&world, "bob").await;
    let held = exchange(&world, &token).await;
    assert_eq!(held.expires_at, "2026-11-22T00:15:00.000000Z");
    let added = send(&world, &held.signed(&world, "POST", KEYS, &add_body("a", ED25519))).await;
    // An SSH key is a key, and a temporary one makes none (threat T40).
    assert_eq!((added.status, added.code().as_str()), (403, "CH.004403"));
    let seen = send(&world, &held.signed(&world, "GET", "/v5/caller-identity", "")).await;
    assert!(seen.json["principal_urn"].as_str().unwrap().ends_with(":user:bob"), "{}", seen.text);
    let caller = seen.note.caller.unwrap();
    assert_eq!((caller.user.as_str(), caller.key_id.as_str()), ("bob", held.signer.id.as_str()));
    // Go and Terraform add the token after they have signed.
    let date = signing::format_basic(domain::clock::Clock::now(world.clock.as_ref()).seconds());
    let unsigned = sign(plain("GET", KEYS, "").with_header("X-Sdk-Date", &date), &held.signer);
    let unsigned = unsigned.with_header("X-Security-Token", &held.security_token);
    assert_eq!(send(&world, &unsigned).await.status, 200);
}

#[tokio::test]
async fn the_token_is_in_the_body_else_in_the_header() {
    let world = world().await;
    let (bobs, alices) = (token(&world, "bob").await, token(&world, "alice").await);
    let owner = async |wire: Wire| {
        let held = Held::of(&send(&world, &wire).await);
        let seen = send(&world, &held.signed(&world, "GET", "/v5/caller-identity", "")).await;
        seen.note.caller.unwrap().user
    };
    let minimal = r#"{"auth":{"identity":{"methods":["token"]}}}"#;
    for body in [minimal.to_owned(), body(&json!({})), body(&json!({"id": ""})), body(&json!({"id": null}))] {
        assert_eq!(owner(with_token(&bobs, "POST", EXCHANGE, &body)).await, "bob", "{body}");
    }
    let both = with_token(&alices, "POST", EXCHANGE, &exchange_body(&bobs));
    assert_eq!(owner(both).await, "bob", "the body goes first");
    let signature = signed(&world, "alice", "POST", EXCHANGE, &exchange_body(&bobs));
    assert_eq!(owner(signature).await, "bob", "and a signature says nothing here");
    let alone = send(&world, &signed(&world, "alice", "POST", EXCHANGE, minimal)).await;
    assert_eq!(
        (alone.status, alone.code().as_str()),
        (401, "APIGW.0301"),
        "a key is no login: {}",
        alone.text
    );
    let failed = r#"{"error":{"code":401,"message":"Authentication failed","title":"Unauthorized"}}"#;
    for wrong in ["x", &alices.to_uppercase(), &"x".repeat(30_000)] {
        let seen = send(&world, &with_token(&alices, "POST", EXCHANGE, &exchange_body(wrong))).await;
        assert_eq!(
            (seen.status, seen.text.as_str()),
            (401, failed),
            "a wrong one is not made good by another"
        );
    }
}

#[tokio::test]
async fn bodies_of_other_forms_are_refused() {
    let world = world().await;
    let token = token(&world, "bob").await;
    let before = world.digest().await;
    let identity = |identity: Value| json!({"auth": {"identity": identity}}).to_string();
    let policy = json!({"Version": "1.1", "Statement": []});
    let mut bodies = vec![
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        identity(json!({})),
        identity(json!({"methods": []})),
        identity(json!({"methods": "token"})),
        identity(json!({"methods": ["token", "token"]})),
        identity(json!({"methods": ["assume_role"]})),
        identity(json!({"methods": ["token"], "token": "text"})),
        identity(json!({"methods": ["token"], "token": {"id": 1}})),
        identity(json!({"methods": ["token"], "token": {"id": token}, "policy": policy})),
    ];
    let seconds =
        [json!(899), json!(86_401), json!(0), json!(-900), json!("900"), json!(900.5), json!(1e9), json!([])];
    bodies.extend(seconds.map(|seconds| body(&json!({"id": token, "duration_seconds": seconds}))));
    for body in bodies {
        let seen = send(&world, &with_token(&token, "POST", EXCHANGE, &body)).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "400"), "{body}: {}", seen.text);
    }
    assert_eq!(world.digest().await, before);
    let day = body(&json!({"id": token, "duration_seconds": 86_400}));
    world.clock.advance(1);
    let held = Held::of(&send(&world, &plain("POST", EXCHANGE, &day)).await);
    assert_eq!(held.expires_at, "2026-11-23T00:00:00.000000Z", "cut to the token's end");
}

#[tokio::test]
async fn a_key_takes_its_security_token_and_a_permanent_one_takes_any() {
    let world = world().await;
    let token = token(&world, "bob").await;
    let (held, other) = (exchange(&world, &token).await, exchange(&world, &token).await);
    let refusal = |seen: &Seen| seen.json["error_msg"].as_str().unwrap_or_default().to_owned();
    let with = async |security_token: &str| {
        send(&world, &held.signed_with(&world, security_token, "GET", KEYS, "")).await
    };
    for wrong in ["", "x", &token, &other.security_token, &"x".repeat(100_000)] {
        let seen = with(wrong).await;
        assert_eq!(seen.status, 401);
        assert_eq!(refusal(&seen), "Incorrect IAM authentication information: security token not match");
    }
    let date = signing::format_basic(domain::clock::Clock::now(world.clock.as_ref()).seconds());
    let without = sign(plain("GET", KEYS, "").with_header("X-Sdk-Date", &date), &held.signer);
    assert!(refusal(&send(&world, &without).await).ends_with("security token not match"));
    let twice = held.signed(&world, "GET", KEYS, "").with_header("X-Security-Token", &held.security_token);
    assert_eq!(send(&world, &twice).await.status, 401, "two are none");
    assert_eq!(with(&held.security_token).await.status, 200);
    let permanent = signed(&world, "bob", "GET", KEYS, "").with_header("X-Security-Token", "whatever");
    assert_eq!(send(&world, &permanent).await.status, 200, "ignored, as the vendor does");
}

#[tokio::test]
async fn t29_a_key_dies_with_its_token_user_password_role_and_status() {
    type Change = fn(&mut User);
    let changes: [(&str, Change); 3] = [
        ("frozen", |user| user.status = domain::users::UserStatus::Frozen),
        ("role", |user| user.role = domain::policy::Role::Auditor),
        ("any other change", |user| user.email = "x@example.org".to_owned()),
    ];
    let routes = [("GET", KEYS), ("POST", KEYS), ("GET", "/v3/projects"), ("GET", "/v5/caller-identity")];
    let assert_dead = async |world: &World, held: &Held, what: &str, told: &str| {
        for (method, target) in routes {
            let seen = send(world, &held.signed(world, method, target, "")).await;
            assert_eq!((seen.status, seen.code().as_str()), (401, "APIGW.0301"), "{what}: {}", seen.text);
            assert!(seen.text.contains(told), "{what}: {}", seen.text);
        }
    };
    for (what, change) in changes {
        let world = world().await;
        let held = exchange(&world, &token(&world, "bob").await).await;
        assert_eq!(send(&world, &held.signed(&world, "GET", KEYS, "")).await.status, 200);
        world.change_user(world.uuid_of("bob").await, change).await;
        assert_dead(&world, &held, what, "is inactive").await;
    }
    let world = world().await;
    let token = token(&world, "bob").await;
    let held = exchange(&world, &token).await;
    let revoke = held.signed(&world, "DELETE", "/v3/auth/tokens", "").with_header("X-Subject-Token", &token);
    assert_eq!(send(&world, &revoke).await.status, 204, "it ends its own token");
    assert_dead(&world, &held, "revoked", "not exist").await;
    let token = another_token(&world, "bob").await;
    let held = exchange(&world, &token).await;
    give_password(&world, "bob").await;
    assert_dead(&world, &held, "password", "not exist").await;
    let held = exchange(&world, &another_token(&world, "bob").await).await;
    world.clock.advance(15 * 60 * 1000);
    assert_dead(&world, &held, "expired", "is inactive").await;
    let held = exchange(&world, &another_token(&world, "bob").await).await;
    let admin = super::caller(&world, "admin").await;
    world.service.delete_user(&admin, "bob").await.unwrap();
    assert_dead(&world, &held, "deleted", "not exist").await;
}

#[tokio::test]
async fn t30_no_chain_of_exchanges_outlives_the_login() {
    let world = world().await;
    let token = token(&world, "bob").await;
    for hour in 0..24 {
        let held = exchange(&world, &token).await;
        let asked = body(&json!({"duration_seconds": 86_400}));
        // A key is no token: nothing comes of it.
        let again = held.signed(&world, "POST", EXCHANGE, &asked);
        assert_eq!(send(&world, &again).await.status, 401, "hour {hour}");
        let as_token = with_token(&held.security_token, "POST", EXCHANGE, &asked);
        assert_eq!(send(&world, &as_token).await.status, 401, "hour {hour}");
        let longest = Held::of(&send(&world, &with_token(&token, "POST", EXCHANGE, &asked)).await);
        assert!(longest.expires_at.as_str() <= "2026-11-23T00:00:00.000000Z");
        world.clock.advance(60 * 60 * 1000);
    }
    assert_eq!(send(&world, &plain("POST", EXCHANGE, &exchange_body(&token))).await.status, 401);
}

#[tokio::test]
async fn t40_a_key_makes_no_key_of_any_kind() {
    let world = world().await;
    let token = token(&world, "admin").await;
    let held = exchange(&world, &token).await;
    let before = world.digest().await;
    let (admin, bob) = (world.uuid_of("admin").await.hex(), world.uuid_of("bob").await.hex());
    for user in [admin, bob] {
        let v3 = json!({"credential": {"user_id": user}}).to_string();
        for (target, body) in [
            ("/v3.0/OS-CREDENTIAL/credentials".to_owned(), v3),
            (format!("/v5/users/{user}/access-keys"), String::new()),
            (KEYS.to_owned(), add_body("a", ED25519)),
            ("/v1/users/sshkey".to_owned(), add_body("a", ED25519)),
        ] {
            let seen = send(&world, &held.signed(&world, "POST", &target, &body)).await;
            assert_eq!(seen.status, 403, "{target}: {}", seen.text);
        }
    }
    assert_eq!(world.digest().await, before);
    assert_eq!(ssh_keys_of(&world, "admin").await, 0);
}

#[tokio::test]
async fn keys_of_tokens_show_nowhere() {
    let world = world().await;
    let held = exchange(&world, &token(&world, "bob").await).await;
    let (id, bob) = (&held.signer.id, world.uuid_of("bob").await.hex());
    for caller in ["bob", "admin"] {
        for target in
            [format!("/v3.0/OS-CREDENTIAL/credentials?user_id={bob}"), format!("/v5/users/{bob}/access-keys")]
        {
            let seen = send(&world, &signed(&world, caller, "GET", &target, "")).await;
            assert_eq!(seen.status, 200);
            assert!(!seen.text.contains(id.as_str()), "{}", seen.text);
        }
        for (method, target) in [
            ("GET", format!("/v3.0/OS-CREDENTIAL/credentials/{id}")),
            ("DELETE", format!("/v3.0/OS-CREDENTIAL/credentials/{id}")),
            ("GET", format!("/v5/users/{bob}/access-keys/{id}/last-used")),
            ("DELETE", format!("/v5/users/{bob}/access-keys/{id}")),
        ] {
            let seen = send(&world, &signed(&world, caller, method, &target, "")).await;
            assert_eq!(seen.status, 404, "{method} {target}: {}", seen.text);
        }
    }
    assert_eq!(send(&world, &held.signed(&world, "GET", KEYS, "")).await.status, 200);
}

#[tokio::test]
async fn t85_a_user_has_so_many_and_no_more() {
    let world = world_with(domain::limits::Limits { token_keys_per_user: 2, ..limits() }, "").await;
    let token = token(&world, "bob").await;
    let (_, last) = (exchange(&world, &token).await, exchange(&world, &token).await);
    let full = send(&world, &plain("POST", EXCHANGE, &exchange_body(&token))).await;
    assert_eq!((full.status, full.json["error"]["message"].as_str()), (400, Some("akSkNumExceed")));
    assert_eq!(send(&world, &last.signed(&world, "GET", KEYS, "")).await.status, 200);
    world.clock.advance(15 * 60 * 1000);
    exchange(&world, &token).await;
}

#[tokio::test]
async fn t68_a_wrong_signature_of_a_key_does_not_echo_its_security_token() {
    let world = world().await;
    let held = exchange(&world, &token(&world, "bob").await).await;
    let mut wire = held.signed(&world, "GET", KEYS, "");
    wire.target.push_str("?limit=7");
    let seen = send(&world, &wire).await;
    assert!(seen.text.contains("x-security-token:|"), "{}", seen.text);
    assert!(!seen.text.contains(&held.security_token) && !seen.text.contains(PASSWORD), "{}", seen.text);
}
