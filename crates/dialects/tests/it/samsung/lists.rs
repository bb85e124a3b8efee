//! The list: each parameter does what it says, pages join, and nobody sees more than he may.

use domain::access_keys::{KeyKind, KeyStatus};
use domain::limits::Limits;
use signing::encode::form_encode;

use super::wire::{ask, record_of, send, signed, speaking, world};
use crate::world::{KeySpec, START, World, limits, signer};

const LIST: &str = "/v1/access-keys";

/// A world whose `bob` has keys of every kind, made a second apart: `b1` to `b4`, and a temporary key of `b1`.
async fn rich() -> World {
    let world = speaking("", Limits { access_keys_per_user: 10, ..limits() }).await;
    let bob = world.uuid_of("bob").await;
    let spec = KeySpec::default;
    let mut parent = None;
    for (name, spec) in [
        ("b1", spec()),
        ("b2", KeySpec { status: KeyStatus::Inactive, ..spec() }),
        ("b3", KeySpec { expires_at: Some(START.plus(86_400_000)), ..spec() }),
        ("b4", spec()),
    ] {
        world.clock.advance(1_000);
        let uuid = world.key(bob, name, spec).await;
        parent = parent.or(Some(uuid));
    }
    world.clock.advance(1_000);
    let temporary =
        KeySpec { kind: KeyKind::Temporary, parent, expires_at: Some(START.plus(3_600_000)), ..spec() };
    world.key(bob, "t1", temporary).await;
    world
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| signer(name).id).collect()
}

#[tokio::test]
async fn the_seeds_request_answers_its_shape_and_each_parameter_counts() {
    let world = rich().await;
    let bob = signer("bob");
    let account = world.account.hex();
    let (b1, b3) = (record_of(&world, &signer("b1")).await, record_of(&world, &signer("b3")).await);
    let everything = format!(
        "{LIST}?access_key_type=PERMANENT&account_id={account}&limit=2&marker={b3}&sort=created_at%3Adesc&with_count=true"
    );
    let seen = ask(&world, &bob, "GET", &everything, "").await;
    assert_eq!(seen.listed(), ids(&["b2", "b1"]));
    assert_eq!(seen.json["count"], 5);
    assert_eq!(seen.link("self"), Some(format!("https://iam.example.org{everything}").as_str()));
    let rest = everything.replace(&format!("&marker={b3}"), "");
    assert_eq!(seen.link("first"), Some(format!("https://iam.example.org{rest}").as_str()));
    let next = everything.replace(&b3, &b1);
    assert_eq!(seen.link("next"), Some(format!("https://iam.example.org{next}").as_str()));
    // Each alone.
    for (query, expected) in [
        ("", &["t1", "b4", "b3", "b2", "b1", "bob"][..]),
        ("?with_count=true", &["t1", "b4", "b3", "b2", "b1", "bob"]),
        ("?limit=1", &["t1"]),
        ("?limit=10000", &["t1", "b4", "b3", "b2", "b1", "bob"]),
        ("?access_key_type=TEMPORARY", &["t1"]),
        ("?access_key_type=SECRET_VAULT_TEMPORARY", &[]),
        ("?access_key_type=PERMANENT", &["b4", "b3", "b2", "b1", "bob"]),
        (&format!("?parent_access_key_id={b1}"), &["t1"]),
        (&format!("?parent_access_key_id={b3}"), &[]),
        ("?parent_access_key_id=unknown", &[]),
        (&format!("?account_id={account}"), &["t1", "b4", "b3", "b2", "b1", "bob"]),
        (&format!("?marker={b1}"), &["bob"]),
        ("?sort=created_at:asc", &["bob", "b1", "b2", "b3", "b4", "t1"]),
        ("?sort=created_at", &["bob", "b1", "b2", "b3", "b4", "t1"]),
        ("?sort=id%3Aasc", &["bob", "b1", "b2", "b3", "b4", "t1"]),
        ("?sort=createdAt,desc", &["t1", "b4", "b3", "b2", "b1", "bob"]),
        ("?sort=createdAt%2Casc", &["bob", "b1", "b2", "b3", "b4", "t1"]),
        ("?sort=access_key:desc", &["t1", "bob", "b4", "b3", "b2", "b1"]),
        ("?sort=is_enabled:asc,created_at:asc", &["b2", "bob", "b1", "b3", "b4", "t1"]),
        ("?sort=access_key_type:desc,access_key", &["t1", "b1", "b2", "b3", "b4", "bob"]),
        ("?sort=expiration_timestamp:asc&limit=2", &["t1", "b3"]),
        ("?sort=modified_at,desc&limit=1", &["t1"]),
        ("?sort=description:asc,id:asc&limit=1", &["bob"]),
        // What is empty is as if it were not there, what is unknown is passed over, and of two the last counts.
        (
            "?marker=&sort=&limit=&access_key_type=&parent_access_key_id=&account_id=&with_count=",
            &["t1", "b4", "b3", "b2", "b1", "bob"],
        ),
        ("?colour=red&limit=1", &["t1"]),
        ("?limit=0&limit=1", &["t1"]),
    ] {
        let seen = ask(&world, &bob, "GET", &format!("{LIST}{query}"), "").await;
        assert_eq!(seen.status, 200, "{query}: {}", seen.text);
        assert_eq!(seen.listed(), ids(expected), "{query}");
        assert_eq!(seen.json["count"].is_null(), query != "?with_count=true", "{query}");
        assert_eq!(
            seen.link("next").is_some(),
            query.contains("limit=1") && !query.contains("10000") || query.contains("limit=2"),
            "{query}"
        );
    }
    assert_eq!(
        ask(&world, &bob, "GET", &format!("{LIST}?with_count=true&limit=1"), "").await.json["count"],
        6
    );
}

#[tokio::test]
async fn records_say_what_is_stored() {
    let world = rich().await;
    let seen = ask(&world, &signer("bob"), "GET", &format!("{LIST}?sort=created_at:asc"), "").await;
    let keys = seen.json["access_keys"].as_array().unwrap();
    let parent = record_of(&world, &signer("b1")).await;
    assert_eq!(keys[0]["created_at"], "2026-11-22T00:00:00Z");
    assert_eq!(keys[1]["created_at"], "2026-11-22T00:00:01Z");
    assert_eq!(keys[0]["expiration_timestamp"], "9999-12-31T23:59:59Z");
    assert_eq!(keys[3]["expiration_timestamp"], "2026-11-23T00:00:00Z");
    assert_eq!(keys[2]["is_enabled"], false);
    assert_eq!(keys[5]["access_key_type"], "TEMPORARY");
    assert_eq!(keys[5]["parent_access_key_id"], parent);
    assert_eq!(keys[0]["account_id"], world.account.hex());
    assert!(keys.iter().all(|key| key["secret_key"] == ""), "a list shows no secret");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_named() {
    let world = rich().await;
    let foreign = record_of(&world, &signer("olga")).await;
    let alices = record_of(&world, &signer("alice")).await;
    let before = world.digest().await;
    for (query, names) in [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=-1", "limit"),
        ("limit=%2B1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=99999999999", "limit"),
        ("limit=x", "limit"),
        ("sort=secret_key:asc", "secret_key"),
        ("sort=created_at:up", "created_at:up"),
        ("sort=created_at:", "sort"),
        ("sort=,", "sort"),
        ("sort=created_at,id,created_at", "created_at"),
        ("sort=created_at:asc,desc", "desc"),
        ("sort=created_at%3Bdrop", "sort"),
        ("access_key_type=permanent", "permanent"),
        ("access_key_type=OTHER", "OTHER"),
        ("marker=unknown", "marker"),
        (&format!("marker={}", "0".repeat(32)), "marker"),
        (&format!("marker={foreign}"), "marker"),
        (&format!("marker={alices}"), "marker"),
        (&format!("marker={}", foreign.to_uppercase()), "marker"),
        (&format!("marker={}", "a".repeat(65)), "marker"),
        ("limit=%zz", "query"),
        ("%ff=1", "query"),
    ] {
        let seen = ask(&world, &signer("bob"), "GET", &format!("{LIST}?{query}"), "").await;
        assert_eq!(seen.word(), "400 ValidationError", "{query}: {}", seen.text);
        assert!(seen.detail().contains(names), "{query}: {}", seen.detail());
        assert!(seen.text.len() < 800, "{query}: echoes little");
    }
    let both = ask(&world, &signer("bob"), "GET", &format!("{LIST}?limit=0&sort=x"), "").await;
    assert_eq!(both.json["errors"][0]["detail"].as_array().unwrap().len(), 2, "one text for each problem");
    let foreign_account = format!("{LIST}?account_id={}", world.other_account.hex());
    let seen = ask(&world, &signer("admin"), "GET", &foreign_account, "").await;
    assert_eq!(seen.word(), "403 Forbidden");
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t43_a_list_shows_what_showing_one_by_one_allows() {
    let world = rich().await;
    for name in ["admin", "carol", "audrey", "bob", "alice", "oscar", "olga"] {
        let caller = signer(name);
        let list = ask(&world, &caller, "GET", &format!("{LIST}?with_count=true"), "").await;
        let mut shown = Vec::new();
        for other in
            ["admin", "carol", "audrey", "bob", "b1", "b2", "b3", "b4", "t1", "alice", "oscar", "olga"]
        {
            let target = format!("{LIST}/{}", record_of(&world, &signer(other)).await);
            let seen = ask(&world, &caller, "GET", &target, "").await;
            match seen.status {
                200 => {
                    let listed = list.json["access_keys"].as_array().unwrap();
                    assert!(listed.contains(seen.record()), "{name} of {other}: the same record in both");
                    shown.push(signer(other).id);
                }
                _ => assert_eq!(seen.word(), "404 NotFound", "{name} of {other}"),
            }
        }
        let mut listed = list.listed();
        listed.sort_unstable();
        shown.sort_unstable();
        assert_eq!(listed, shown, "{name}");
        assert_eq!(list.json["count"].as_u64(), Some(u64::try_from(shown.len()).unwrap()), "{name}");
        assert!(listed.contains(&caller.id.as_str()), "{name}: the calling key is in its own list");
    }
}

#[tokio::test]
async fn t51_markers_are_places_in_the_callers_own_list() {
    let world = rich().await;
    let (bob, admin) = (signer("bob"), signer("admin"));
    let of = async |name| record_of(&world, &signer(name)).await;
    // Every key of everybody as a marker: a member's own only, an administrator's those of the account.
    for (name, own, account) in [
        ("bob", true, true),
        ("b2", true, true),
        ("t1", true, true),
        ("alice", false, true),
        ("olga", false, false),
    ] {
        let target = format!("{LIST}?marker={}", of(name).await);
        for (caller, allowed) in [(&bob, own), (&admin, account)] {
            let seen = ask(&world, caller, "GET", &target, "").await;
            assert_eq!(seen.status, if allowed { 200 } else { 400 }, "{name}: {}", seen.text);
        }
    }
    // Of another filter.
    let target = format!("{LIST}?access_key_type=TEMPORARY&marker={}", of("b1").await);
    assert_eq!(ask(&world, &bob, "GET", &target, "").await.word(), "400 ValidationError");
    // Another sort is another order, and the marker its place there: nothing that the caller may not see.
    let target = format!("{LIST}?sort=access_key:asc&marker={}", of("b3").await);
    assert_eq!(ask(&world, &bob, "GET", &target, "").await.listed(), ids(&["b4", "bob", "t1"]));
    // A marker outlives its key.
    let (b2, target) = (of("b2").await, format!("{LIST}/{}", of("b2").await));
    assert_eq!(ask(&world, &bob, "DELETE", &target, "").await.status, 204);
    let target = format!("{LIST}?marker={b2}");
    assert_eq!(ask(&world, &bob, "GET", &target, "").await.listed(), ids(&["b1", "bob"]));
}

/// Texts that mean something to SQL, to shells, to patterns or to format strings.
fn hostile() -> Vec<String> {
    let pieces = [
        "'",
        "\"",
        "' OR '1'='1",
        "1; DROP TABLE access_keys; --",
        "%",
        "_",
        "%25",
        "*",
        "?",
        "\\",
        "\\'",
        "{}",
        "{0}",
        "%s%s%n",
        "%x",
        "$(id)",
        "`id`",
        "|id",
        "&&id",
        "\u{0}",
        "\u{202e}",
        "\r\nX-Evil: 1",
        "\n",
        "\u{1b}[31m",
        "../../etc/passwd",
        "..\\..",
        "<script>",
        "${jndi:ldap://x}",
        "#{7*7}",
        "{{7*7}}",
        "UNION SELECT sealed FROM access_keys",
        "created_at) --",
        "id:asc--",
        "1e999",
        "NaN",
        "null",
        "true",
        "[]",
        "{\"$ne\":1}",
        "\u{ff07}",
        "ʼ",
        "' UNION SELECT 1 --",
        "0x41",
        "id:asc;",
        "secret_key",
    ];
    let mut corpus: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    for (n, one) in pieces.iter().enumerate() {
        corpus.extend(pieces.iter().skip(n % 2).step_by(2).map(|other| format!("{one}{other}")));
    }
    assert!(corpus.len() >= 1_000 / 2 && corpus.len() * 6 >= 1_000);
    corpus
}

#[tokio::test]
async fn t77_hostile_values_are_values() {
    let world = rich().await;
    let bob = signer("bob");
    let all = ids(&["t1", "b4", "b3", "b2", "b1", "bob"]);
    let before = world.digest().await;
    for value in hostile() {
        let encoded = form_encode(value.as_bytes());
        for (name, allowed) in [
            ("marker", &["400 ValidationError"][..]),
            ("sort", &["400 ValidationError"]),
            ("limit", &["400 ValidationError"]),
            ("access_key_type", &["400 ValidationError"]),
            ("account_id", &["403 Forbidden"]),
            ("parent_access_key_id", &["200"]),
            ("with_count", &["200"]),
            ("colour", &["200"]),
        ] {
            let seen = ask(&world, &bob, "GET", &format!("{LIST}?{name}={encoded}"), "").await;
            assert!(allowed.contains(&seen.word().as_str()), "{name}={value:?}: {}", seen.text);
            if seen.status == 200 {
                let expected = if name == "parent_access_key_id" { &[][..] } else { &all };
                assert_eq!(seen.listed(), expected, "{name}={value:?}");
            }
        }
    }
    assert_eq!(world.digest().await, before);
    // A description is text, whatever it spells.
    for value in hostile().into_iter().filter(|value| !value.chars().any(char::is_control)).take(60) {
        let body = serde_json::json!({ "description": value }).to_string();
        let target = format!("{LIST}/{}", record_of(&world, &signer("b1")).await);
        let seen = ask(&world, &bob, "PUT", &target, &body).await;
        assert_eq!(seen.record()["description"], value);
        assert_eq!(ask(&world, &bob, "GET", LIST, "").await.listed(), all);
    }
}

#[tokio::test]
async fn t78_nothing_of_a_request_gets_into_a_header() {
    let world = rich().await;
    for value in ["x\r\nSet-Cookie: evil=1", "evil\nX-Evil: 1", "evil\u{0}", "https://evil.example"] {
        let encoded = form_encode(value.as_bytes());
        let mut wires = Vec::new();
        for name in ["marker", "sort", "limit", "account_id", "access_key_type", "evil"] {
            wires.push(signed(&world, &signer("bob"), "GET", &format!("{LIST}?{name}={encoded}"), ""));
        }
        let body = serde_json::json!({ "access_key_type": value, "description": value }).to_string();
        wires.push(signed(&world, &signer("bob"), "POST", LIST, &body));
        wires.push(signed(&world, &signer("bob"), "GET", &format!("{LIST}/{encoded}"), ""));
        wires.push(signed(&world, &signer("bob"), "DELETE", "/v1/access-keys", ""));
        for wire in wires {
            let seen = send(&world, &wire.with_header("Origin", "https://evil.example")).await;
            for (name, text) in &seen.headers {
                assert!(["Cache-Control", "Content-Type", "Allow"].contains(name), "{name}");
                assert!(
                    !text.contains("evil") && text.chars().all(|c| (' '..='~').contains(&c)),
                    "{name}: {text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn links_lead_to_where_the_client_called() {
    let world = world().await;
    let seen = ask(&world, &signer("bob"), "GET", &format!("{LIST}?sort=created_at:asc&limit=7"), "").await;
    assert_eq!(
        seen.link("self"),
        Some("https://iam.example.org/v1/access-keys?limit=7&sort=created_at%3Aasc"),
        "as the SDK writes it: sorted and escaped"
    );
    let plain = ask(&world, &signer("bob"), "GET", LIST, "").await;
    assert_eq!(plain.link("first"), Some("https://iam.example.org/v1/access-keys"));
    // An endpoint that was configured with a slash at its end.
    let seen = ask(&world, &signer("bob"), "GET", "//v1/access-keys", "").await;
    assert_eq!(seen.listed().len(), 1);
}
