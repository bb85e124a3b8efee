//! What a signature is refused with, and what that says.

use dialects::huawei::Huawei;
use domain::limits::Limits;

use super::{ED25519, add_body, plain, send, send_from, sign, signed, signed_by, world, world_with};
use crate::world::{Signer, limits, signer};

const KEYS: &str = "/v4/user/keys";

fn wrong() -> Signer {
    Signer { id: signer("bob").id, secret: signer("alice").secret }
}

#[tokio::test]
async fn t08_a_body_that_the_signature_leaves_out_is_not_read() {
    let world = world().await;
    let date = signing::format_basic(domain::clock::Clock::now(world.clock.as_ref()).seconds());
    let unsigned = |method: &str, body: &str| {
        let wire = plain(method, KEYS, body).with_header("X-Sdk-Date", &date);
        sign(wire.with_header("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD"), &signer("bob"))
    };
    let before = world.digest().await;
    let seen = send(&world, &unsigned("POST", &add_body("t", ED25519))).await;
    assert_eq!((seen.status, seen.code().as_str()), (401, "APIGW.0301"), "{}", seen.text);
    let mut swapped = signed(&world, "bob", "POST", KEYS, &add_body("t", ED25519));
    swapped.body = add_body("swapped", ED25519).into_bytes();
    assert_eq!(send(&world, &swapped).await.status, 401);
    assert_eq!(world.digest().await, before);
    assert_eq!(
        send(&world, &unsigned("GET", "")).await.status,
        200,
        "without a body there is nothing to swap"
    );
}

#[tokio::test]
async fn t68_the_echoed_canonical_request_holds_no_credentials() {
    let world = world().await;
    let date = signing::format_basic(domain::clock::Clock::now(world.clock.as_ref()).seconds());
    let mut wire = plain("GET", "/v4/user/keys?limit=20&offset=0", "").with_header("X-Sdk-Date", &date);
    // What is known to carry credentials, and what nobody knows.
    let canaries = [
        "X-Auth-Token",
        "X-Security-Token",
        "X-Subject-Token",
        "Cookie",
        "Proxy-Authorization",
        "X-My-Secret",
        "X-Api-Key",
        "X-Unheard-Of",
    ];
    for name in canaries {
        wire = wire.with_header(name, &format!("canary-{name}"));
    }
    let seen = send(&world, &sign(wire, &wrong())).await;
    let text = seen.json["error_msg"].as_str().unwrap();
    assert!(
        text.starts_with("Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/v4/user/keys/|limit=20&offset=0|content-type:application/json|cookie:|host:iam.example.org|"),
        "{text}"
    );
    assert!(text.contains("|x-auth-token:|") && text.contains("|x-security-token:|"), "{text}");
    assert!(!seen.text.contains("canary"), "{text}");
    assert_eq!(seen.json["request_id"], "ab".repeat(16));
    assert_eq!(seen.json.as_object().unwrap().len(), 3);
}

/// The same canary in each header, parameter and member of the body, and in the body itself: whatever the refusal is, it is
/// not repeated. Exceptions are what identifies an object in the caller's own request.
#[tokio::test]
async fn t68_no_refusal_repeats_headers_or_bodies() {
    let world = world().await;
    let canary = "canary-4f1c";
    let odd = |wire: crate::wire::Wire| {
        let names = [
            "X-Auth-Token",
            "X-Security-Token",
            "X-Subject-Token",
            "User-Agent",
            "X-Project-Id",
            "Cookie",
            "Referer",
        ];
        names.into_iter().fold(wire, |wire, name| wire.with_header(name, canary))
    };
    let bob = world.uuid_of("bob").await.hex();
    let members = [
        "title",
        "key",
        "status",
        "description",
        "user_id",
        "name",
        "password",
        "id",
        "methods",
        "duration_seconds",
        "scope",
    ];
    let bodies = members.iter().flat_map(|member| {
        let value = serde_json::json!({ *member: canary });
        [
            value.clone(),
            serde_json::json!({"credential": value}),
            serde_json::json!({"auth": {"identity": {"methods": ["password"], "password": {"user": value}}}}),
            serde_json::json!({"auth": {"identity": {"methods": ["token"], "token": value}}}),
            serde_json::json!({"auth": {"identity": value}}),
        ]
    });
    let mut bodies: Vec<String> = bodies.map(|body| body.to_string()).collect();
    bodies.push(canary.to_owned());
    bodies.push(format!("{{\"{canary}\":1,\"{canary}\":2}}"));
    let mut refused = 0;
    for (operation, method, path) in Huawei::routes() {
        let target = path.replace("{user_id}", &bob).replace("{access}", "NONE").replace("{key_id}", "1");
        for body in &bodies {
            for wire in [
                odd(plain(method, &target, body)),
                odd(signed(&world, "bob", method, &target, body)),
                signed(
                    &world,
                    "bob",
                    method,
                    &format!("{target}?limit={canary}&marker={canary}&offset={canary}"),
                    body,
                ),
            ] {
                let seen = send(&world, &wire).await;
                refused += usize::from(seen.status >= 400);
                let told = seen.note.cause.map(|cause| cause.text).unwrap_or_default();
                assert!(
                    !seen.text.contains(canary) && !told.contains(canary),
                    "{}: {} {told}",
                    operation.name,
                    seen.text
                );
                for (name, value) in &seen.headers {
                    assert!(!value.contains(canary), "{}: {name}", operation.name);
                }
            }
        }
        // Each key may be made once; then the quota refuses.
    }
    assert!(refused > 2_000, "{refused}");
}

#[tokio::test]
async fn t22_signatures_hold_for_fifteen_minutes_either_way_and_the_refusal_names_both_times() {
    let world = world().await;
    let wire = signed(&world, "bob", "GET", KEYS, "");
    for (millis, status) in [(900_000, 200), (1, 401), (-900_001 - 900_000, 200), (-1, 401)] {
        world.clock.advance(millis);
        assert_eq!(send(&world, &wire).await.status, status, "{millis}");
    }
    let text = send(&world, &wire).await.text;
    assert!(
        text.contains("signature expired, signature time:20261122T000000Z,server time:20261121T234459Z"),
        "{text}"
    );
}

#[tokio::test]
async fn t56_the_sixth_wrong_signature_in_a_row_locks_a_key_at_one_address() {
    let world = world().await;
    let good = |world: &_| signed(world, "bob", "GET", KEYS, "");
    for _ in 0..5 {
        assert!(
            send(&world, &signed_by(&world, &wrong(), "GET", KEYS, ""))
                .await
                .text
                .contains("canonicalRequest")
        );
    }
    assert_eq!(send(&world, &good(&world)).await.status, 200, "a good one ends the row");
    for _ in 0..6 {
        send(&world, &signed_by(&world, &wrong(), "GET", KEYS, "")).await;
    }
    let locked = send(&world, &good(&world)).await;
    assert!(locked.text.contains("AK access failed to reach the limit,forbidden."), "{}", locked.text);
    assert_eq!(
        send_from(&world, &good(&world), "203.0.113.7").await.status,
        200,
        "her own address is not locked"
    );
    world.clock.advance(5 * 60 * 1000);
    assert_eq!(send(&world, &good(&world)).await.status, 200);
    let off = world_with(Limits { key_lock: None, ..limits() }, "").await;
    for _ in 0..20 {
        send(&off, &signed_by(&off, &wrong(), "GET", KEYS, "")).await;
    }
    assert_eq!(send(&off, &good(&off)).await.status, 200, "switched off");
}

#[tokio::test]
async fn t13_t15_other_words_and_other_paths_are_refused() {
    let world = world().await;
    for word in [
        "SDK-HMAC-SM3",
        "SDK-ECDSA-P256-SHA256",
        "SDK-SM2-SM3",
        "V11-HMAC-SHA256",
        "none",
        "AWS4-HMAC-SHA256",
        "",
    ] {
        let mut wire = signed(&world, "bob", "GET", KEYS, "");
        let (_, value) = wire.fields.last_mut().unwrap();
        *value = value.replacen("SDK-HMAC-SHA256", word, 1);
        assert_eq!(send(&world, &wire).await.status, 401, "{word}");
    }
    for target in ["/v4/user/../user/keys", "/v4/%2e%2e/v4/user/keys", "/v4/user/keys%00", "/v4/user/key\\s"]
    {
        let seen = send(&world, &plain("GET", target, "")).await;
        assert_eq!((seen.status, seen.code().as_str()), (400, "APIGW.0201"), "{target}");
    }
    for target in
        ["/v4/user/keyz", "/v4//user/keys", "/v4/user%2Fkeys", "/v4", "/v5", "/v3/nothing", "/V4/user/keys"]
    {
        let seen = send(&world, &plain("GET", target, "")).await;
        assert_eq!((seen.status, seen.code().as_str()), (404, "APIGW.0101"), "{target}");
    }
    let method = send(&world, &plain("PATCH", KEYS, "")).await;
    assert_eq!((method.status, method.code().as_str()), (404, "APIGW.0101"));
}

#[test]
fn settings_are_checked() {
    let refused = |text: &str| Huawei::new(&text.parse().unwrap()).unwrap_err();
    for offset in ["8", "+8:00", "+15:00", "+08:60", "08:00", "+0800", ""] {
        assert!(
            refused(&format!("utc_offset = \"{offset}\"")).starts_with("`utc_offset` must be"),
            "{offset}"
        );
    }
    assert!(refused("regions = [\"A\"]").starts_with("`regions` must hold"));
    assert!(refused("regions = \"a\"").starts_with("`regions` must be"));
    assert!(
        Huawei::new(&"utc_offset = \"-03:30\"\nregions = [\"a\"]\nstrict_replay = true".parse().unwrap())
            .is_ok()
    );
}
