//! What a signature covers and what it says of the caller.

use domain::random::Randomness as _;
use domain::testing::TestRandom;

use super::wire::{
    Seen, Sign, ask, raw, record_of, replaced, send, signed, signed_as, speaking, without, world,
};
use crate::wire::Wire;
use crate::world::{World, limits, signer};

const KEYS: &str = "/v1/access-keys";

/// Headers that mean an identity somewhere, and some that look as if they did.
fn identities(world: &World) -> Vec<(String, String)> {
    let values = [world.other_account.hex(), "admin".to_owned(), "0".repeat(32), "true".to_owned()];
    let names = [
        "X-Domain-Id",
        "X-Roles",
        "X-Role",
        "X-User-Id",
        "X-User-Name",
        "X-User",
        "X-Project-Id",
        "X-Tenant-Id",
        "X-Auth-Token",
        "X-Subject-Token",
        "X-Service-Token",
        "X-Identity-Status",
        "X-Is-Admin",
        "X-Account-Id",
        "Scp-UserId",
        "Scp-User",
        "Scp-Role",
        "Scp-Account",
        "Scp-Access-Key",
        "Scp-Secret",
        "Scp-Token",
        "X-Forwarded-User",
        "X-Remote-User",
        "Remote-User",
        "X-Keyward-User",
        "X-Keyward-Account",
        "X-Keyward-Key",
        "Authorization",
        "Cookie",
        "X-Amz-Security-Token",
        "X-Original-User",
        "Forwarded",
        "X-Forwarded-For",
        "X-Real-IP",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Original-URI",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Sdk-Date",
        "X-Date",
        "Date",
        "X-Client-Cert",
        "SSL_CLIENT_S_DN",
        "From",
        "Via",
        "Referer",
        "Origin",
        "Trailer",
        "Impersonate-User",
    ];
    let pairs =
        names.into_iter().flat_map(|name| values.iter().map(move |value| (name.to_owned(), value.clone())));
    pairs.collect()
}

#[tokio::test]
async fn t09_identity_comes_from_the_key_alone() {
    let world = world().await;
    let bob = signer("bob");
    let plain = send(&world, &signed(&world, &bob, "GET", KEYS, "")).await;
    let injected = identities(&world);
    assert!(injected.len() >= 200, "{}", injected.len());
    for (name, value) in injected {
        let wire = signed(&world, &bob, "GET", KEYS, "").with_header(&name, &value);
        let seen = send(&world, &wire).await;
        assert_eq!(seen.text, plain.text, "{name}: {value}");
        assert_eq!(seen.note.caller.unwrap().user, "bob", "{name}: {value}");
    }
    // The account header is signed; it may name the key's own account and no other, and names nobody else's keys.
    let own = world.account.hex();
    for (account, answer) in [
        (own.as_str(), "200"),
        ("", "200"),
        (&world.other_account.hex(), "403 Forbidden"),
        (&own.to_uppercase(), "403 Forbidden"),
        ("admin", "403 Forbidden"),
    ] {
        let wire = signed_as(&world, &bob, Sign { account, ..Sign::default() }, raw("GET", KEYS, ""));
        assert_eq!(send(&world, &wire).await.word(), answer, "{account}");
        // Changed on its way, it breaks the signature.
        let wire = replaced(wire, "Scp-AccountId", "nobody");
        assert_eq!(send(&world, &wire).await.word(), "401 Unauthorized", "{account}");
    }
    // Hand-written clients leave it out when it is empty.
    let wire = without(signed(&world, &bob, "GET", KEYS, ""), "Scp-AccountId");
    assert_eq!(send(&world, &wire).await.text, plain.text);
}

/// Characters moved between neighbouring fields of the base string, which has no separators: at most one reading is
/// accepted, and it is the signed one.
#[tokio::test]
async fn t10_no_character_moves_between_fields() {
    let world = world().await;
    let bob = signer("bob");
    let names = ["Scp-Timestamp", "Scp-AccessKey", "Scp-AccountId", "Scp-ClientType"];
    let account = world.account.hex();
    let mut shifts = 0;
    for account in ["", account.as_str()] {
        let wire = signed_as(&world, &bob, Sign { account, ..Sign::default() }, raw("GET", KEYS, ""));
        let values: Vec<String> = names
            .iter()
            .map(|name| wire.fields.iter().find(|(given, _)| given == name).unwrap().1.clone())
            .collect();
        let text = values.concat();
        let ends: Vec<usize> = values
            .iter()
            .scan(0, |end, value| {
                *end += value.len();
                Some(*end)
            })
            .collect();
        let cut = |ends: [usize; 3]| {
            let [a, b, c] = ends;
            [&text[..a], &text[a..b], &text[b..c], &text[c..]].map(str::to_owned)
        };
        // Every boundary moved by up to ten characters, in all combinations.
        let moves = -10_i64..=10;
        let moved = |end: usize, by: i64| usize::try_from(i64::try_from(end).unwrap() + by).ok();
        for (a, b, c) in moves.clone().flat_map(|a| {
            let moves = moves.clone();
            moves.clone().flat_map(move |b| moves.clone().map(move |c| (a, b, c)))
        }) {
            let (Some(x), Some(y), Some(z)) = (moved(ends[0], a), moved(ends[1], b), moved(ends[2], c))
            else {
                continue;
            };
            if (a, b, c) == (0, 0, 0) || x > y || y > z || z > text.len() {
                continue;
            }
            let fields = cut([x, y, z]);
            let shifted = names
                .iter()
                .zip(&fields)
                .fold(wire.clone(), |wire, (name, value)| replaced(wire, name, value));
            let seen = send(&world, &shifted).await;
            assert_eq!(seen.word(), "401 Unauthorized", "{fields:?}");
            shifts += 1;
        }
        assert_eq!(send(&world, &wire).await.status, 200);
    }
    assert!(shifts >= 10_000, "{shifts}");
    // The boundary between URL and timestamp: what is taken from one is missing in the other.
    let wire = signed(&world, &bob, "GET", "/v1/access-keys?limit=1", "");
    let time = wire.fields.iter().find(|(name, _)| name == "Scp-Timestamp").unwrap().1.clone();
    for count in 1..=12 {
        let moved = Wire { target: format!("{}{}", wire.target, &time[..count]), ..wire.clone() };
        let moved = replaced(moved, "Scp-Timestamp", &time[count..]);
        assert_eq!(send(&world, &moved).await.word(), "401 Unauthorized");
    }
    for client_type in ["openapi", "Console", "", "OpenapiX", "XOpenapi", "Openapi "] {
        let wire = signed_as(&world, &bob, Sign { client_type, ..Sign::default() }, raw("GET", KEYS, ""));
        assert_eq!(send(&world, &wire).await.word(), "401 Unauthorized", "{client_type:?}");
    }
}

/// Any change of what is signed is another request.
#[tokio::test]
async fn t16_only_the_signature_itself_passes() {
    let world = world().await;
    let wire = signed(&world, &signer("bob"), "GET", KEYS, "");
    let signature = wire.fields.iter().find(|(name, _)| name == "Scp-Signature").unwrap().1.clone();
    let random = TestRandom::seeded(16);
    for round in 0..1_000 {
        let mut bytes = [0; 3];
        random.fill(&mut bytes);
        let mut changed: Vec<u8> = signature.clone().into_bytes();
        let at = usize::from(bytes[0]) % changed.len();
        match round % 5 {
            0 => changed[at] ^= 1 << (bytes[1] % 7),
            1 => changed.truncate(at),
            2 => changed.insert(at, b'A' + bytes[1] % 26),
            3 => changed.swap(at, usize::from(bytes[2]) % signature.len()),
            _ => changed[at] = bytes[1] % 94 + 33,
        }
        let Ok(changed) = String::from_utf8(changed) else { continue };
        if changed != signature {
            let seen = send(&world, &replaced(wire.clone(), "Scp-Signature", &changed)).await;
            assert_eq!(seen.word(), "401 Unauthorized", "{changed:?}");
        }
    }
    let url_safe = signature.replace('+', "-").replace('/', "_");
    let others = [
        signature.trim_end_matches('=').to_owned(),
        format!("{signature}="),
        signature.to_lowercase(),
        url_safe,
    ];
    for other in others.into_iter().filter(|other| *other != signature) {
        let seen = send(&world, &replaced(wire.clone(), "Scp-Signature", &other)).await;
        assert_eq!(seen.word(), "401 Unauthorized", "{other}");
    }
    assert_eq!(send(&world, &wire).await.status, 200);
}

#[tokio::test]
async fn t22_the_window_is_the_settings_and_closed_in_both_directions() {
    for (settings, seconds) in [("", 900), ("timestamp_tolerance_seconds = 60", 60)] {
        let world = speaking(settings, limits()).await;
        for (off_by, status) in [
            (seconds * 1000, 200),
            (-seconds * 1000, 200),
            (seconds * 1000 + 1, 401),
            (-seconds * 1000 - 1, 401),
        ] {
            let wire =
                signed_as(&world, &signer("bob"), Sign { off_by, ..Sign::default() }, raw("GET", KEYS, ""));
            assert_eq!(send(&world, &wire).await.status, status, "{off_by}");
        }
    }
}

#[tokio::test]
async fn t24_a_signature_may_be_made_to_carry_one_write() {
    for (settings, again) in [("", "200"), ("strict_replay = true", "401 Unauthorized")] {
        let world = speaking(settings, limits()).await;
        let bob = signer("bob");
        let target = format!("{KEYS}/{}", record_of(&world, &bob).await);
        let wire = signed(&world, &bob, "PUT", &target, r#"{"is_enabled":true}"#);
        assert_eq!(send(&world, &wire).await.word(), "200");
        assert_eq!(send(&world, &wire).await.word(), again, "{settings}");
        let read = signed(&world, &bob, "GET", &target, "");
        assert_eq!(send(&world, &read).await.word(), "200");
        assert_eq!(send(&world, &read).await.word(), "200", "reading twice is reading twice");
    }
}

/// A request as it arrives behind proxies, at a path below the server's root.
async fn through(world: &World, wire: &Wire, public_urls: &[&str]) -> Seen {
    Seen::new(world.answer_behind(wire, "/samsung", public_urls).await)
}

#[tokio::test]
async fn a_proxy_may_rewrite_the_host_and_cut_a_prefix_off() {
    let world = world().await;
    let bob = signer("bob");
    let list = |base: &str| {
        let wire = raw("GET", "/samsung/v1/access-keys?limit=1", "");
        let signed = signed_as(&world, &bob, Sign { base, ..Sign::default() }, wire);
        replaced(signed, "Host", "127.0.0.1:7460")
    };
    let public = "https://keys.example.org/iam";
    let seen = through(&world, &list(public), &[public]).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert_eq!(seen.link("self"), Some("https://keys.example.org/iam/samsung/v1/access-keys?limit=1"));
    assert_eq!(
        through(&world, &list(public), &["https://other.example"]).await.status,
        401,
        "another server's URL"
    );
    assert_eq!(through(&world, &list(public), &[]).await.status, 401);
    let direct = list("https://127.0.0.1:7460");
    assert_eq!(through(&world, &direct, &[public]).await.status, 200, "the host itself always counts");
    // What a stranger forwards counts for nothing.
    let lie =
        direct.with_header("X-Forwarded-Host", "evil.example").with_header("Forwarded", "host=evil.example");
    let seen = through(&world, &lie, &[]).await;
    assert_eq!(seen.link("self"), Some("https://127.0.0.1:7460/samsung/v1/access-keys?limit=1"));
    let catalogue = signed_as(
        &world,
        &bob,
        Sign { base: public, ..Sign::default() },
        raw("GET", "/samsung/v1/endpoints", ""),
    );
    let seen = through(&world, &replaced(catalogue, "Host", "127.0.0.1"), &[public]).await;
    assert_eq!(seen.json["endpoints"][0]["url"], "https://keys.example.org/iam/samsung");
}

#[tokio::test]
async fn discovery_says_what_clients_need() {
    let world = world().await;
    let seen = send(&world, &raw("GET", "/", "")).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.headers["Connection"], "close", "clients never close these connections");
    let versions = seen.json["versions"].as_array().unwrap();
    let ids: Vec<&str> = versions.iter().map(|version| version["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["v1.4", "v1.3", "v1.2", "v1.1", "v1.0"]);
    let current: Vec<_> = versions.iter().filter(|version| version["status"] == "CURRENT").collect();
    assert_eq!(current.len(), 1);
    assert!(
        versions.iter().all(|version| version["not_before"] == ""
            && version["links"][0]["href"] == "https://iam.example.org/v1")
    );
    assert_eq!(send(&world, &raw("POST", "/", "")).await.word(), "405 MethodNotAllowed");

    let seen = ask(&world, &signer("bob"), "GET", "/v1/endpoints", "").await;
    let [endpoint] = &seen.json["endpoints"].as_array().unwrap()[..] else { panic!("{}", seen.text) };
    assert_eq!(
        endpoint,
        &serde_json::json!({
            "region": "keyward", "service_name": "scp-iam", "service_type": "scp-iam", "url": "https://iam.example.org/samsung"
        })
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_nobodys() {
    let world = world().await;
    for (method, target, answer) in [
        ("GET", "/v1", "404 NotFound"),
        ("GET", "/v1/", "404 NotFound"),
        ("GET", "/v2/access-keys", "404 NotFound"),
        ("GET", "/v1/access-keys/", "404 NotFound"),
        ("GET", "/v1/access-keys/x/y", "404 NotFound"),
        ("GET", "/v1/access-keysx", "404 NotFound"),
        ("GET", "/V1/access-keys", "404 NotFound"),
        ("GET", "/v1/access%2Dkeys", "404 NotFound"),
        ("GET", "///v1/access-keys", "404 NotFound"),
        ("GET", "/v1//access-keys", "404 NotFound"),
        ("GET", "/v1/access-keys/bulk", "405 MethodNotAllowed"),
        ("POST", "/v1/access-keys/bulk", "405 MethodNotAllowed"),
        ("GET", "/v1/access-keys/send-otp", "405 MethodNotAllowed"),
        ("DELETE", "/v1/access-keys", "405 MethodNotAllowed"),
        ("PATCH", "/v1/access-keys/x", "405 MethodNotAllowed"),
        ("POST", "/v1/endpoints", "405 MethodNotAllowed"),
        ("OPTIONS", "/v1/access-keys", "405 MethodNotAllowed"),
    ] {
        let seen = ask(&world, &signer("admin"), method, target, "").await;
        assert_eq!(seen.word(), answer, "{method} {target}");
        if seen.status == 405 {
            assert!(seen.headers["Allow"].len() >= 3, "{method} {target}");
        }
    }
    let id = record_of(&world, &signer("bob")).await;
    for id in [
        id.to_uppercase(),
        format!("{id}0"),
        format!("%{:x}{}", id.as_bytes()[0], &id[1..]),
        "x".into(),
        "%2e".into(),
        signer("bob").id,
    ] {
        let seen = ask(&world, &signer("bob"), "GET", &format!("{KEYS}/{id}"), "").await;
        assert_eq!(seen.word(), "404 NotFound", "{id}");
    }
}
