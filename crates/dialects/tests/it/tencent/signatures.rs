//! What a signature covers, and that handlers read nothing else.

use serde_json::json;

use super::samples::{operations, sample, uin, with_settings, world};
use super::wire::{Ask, WAYS, Way, authorization, caller_of, code, send, send_from, swapped};
use crate::wire::Wire;
use crate::world::{START, Signer, signer};

const WRONG: &str = "AuthFailure.SignatureFailure";
const UNREADABLE: &str = "AuthFailure.InvalidAuthorization";

fn list() -> Ask {
    Ask::new("ListAccessKeys", json!({}))
}

/// One byte of a header, the target or the body changed on the way.
fn altered(wire: &Wire) -> Vec<(String, Wire)> {
    let mut all = Vec::new();
    for name in ["Host", "Content-Type", "X-TC-Timestamp"] {
        if let Some((_, value)) = wire.fields.iter().find(|(given, _)| given == name) {
            for at in 0..value.len() {
                let mut bytes = value.clone().into_bytes();
                bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
                all.push((
                    format!("{name} at {at}"),
                    swapped(wire, name, std::str::from_utf8(&bytes).unwrap()),
                ));
            }
        }
    }
    for at in 0..wire.body.len() {
        let mut body = wire.body.clone();
        body[at] ^= 1;
        all.push((format!("body at {at}"), Wire { body, ..wire.clone() }));
    }
    let target = wire.target.as_bytes();
    for at in 2..target.len() {
        let mut changed = target.to_vec();
        changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
        all.push((
            format!("target at {at}"),
            Wire { target: String::from_utf8(changed).unwrap(), ..wire.clone() },
        ));
    }
    all
}

/// Whatever of the signed parts is changed on the way is noticed before anything is done.
#[tokio::test]
async fn t04_no_byte_of_what_is_signed_can_be_changed() {
    let world = world().await;
    let before = world.digest().await;
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        for way in WAYS {
            let wire = ask.signed_as(way, &signer("admin"));
            let altered = altered(&wire);
            assert!(altered.len() > 40, "{}", altered.len());
            for (what, wire) in altered {
                let (code, caller) = caller_of(&world, &wire).await;
                assert_eq!(caller, None, "{} as {way:?}, {what}: {code}", operation.name);
            }
        }
    }
    assert_eq!(world.digest().await, before);
}

/// The falsehoods by their codes, for everything that changes something.
#[tokio::test]
async fn a_swapped_part_has_the_code_of_the_page_and_no_effect() {
    let world = world().await;
    let before = world.digest().await;
    let admin = signer("admin");
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        let good = ask.signed(&admin);
        let other = authorization(&ask.signed(&Signer { id: signer("bob").id, ..admin.clone() }));
        let yesterday = authorization(&good).replace("2026-11-22", "2026-11-21");
        let later = (START.seconds() + 1).to_string();
        for (what, wire, expected) in [
            ("body", Wire { body: b"{\"TargetUin\":0}".to_vec(), ..good.clone() }, WRONG),
            ("host", swapped(&good, "Host", "other.example.test"), WRONG),
            ("time", swapped(&good, "X-TC-Timestamp", &later), WRONG),
            ("day", swapped(&good, "Authorization", &yesterday), UNREADABLE),
            ("key", swapped(&good, "Authorization", &other), WRONG),
            ("nothing but SKIP", swapped(&good, "Authorization", "SKIP"), UNREADABLE),
            (
                "301 s old",
                ask.clone().at(START.seconds() - 301).signed(&admin),
                "AuthFailure.SignatureExpire",
            ),
            (
                "301 s early",
                ask.clone().at(START.seconds() + 301).signed(&admin),
                "AuthFailure.SignatureExpire",
            ),
        ] {
            assert_eq!(code(&world, &wire).await, expected, "{} with another {what}", operation.name);
        }
        for way in [Way::V1Post, Way::V1Get, Way::V1Sha1] {
            let wire = untimed(&ask, way);
            assert_eq!(code(&world, &wire).await, "MissingParameter", "{} as {way:?}", operation.name);
        }
    }
    assert_eq!(world.digest().await, before);
}

/// A version 1 request that was signed without a time.
fn untimed(ask: &Ask, way: Way) -> Wire {
    let wire = ask.signed_as(way, &signer("admin"));
    let time = format!("&Timestamp={}", ask.time);
    let body = std::str::from_utf8(&wire.body).unwrap().replace(&time, "").into_bytes();
    Wire { target: wire.target.replace(&time, ""), body, ..wire }
}

#[tokio::test]
async fn t02_two_credentials_never_mix() {
    let world = world().await;
    let (admin, bob) = (signer("admin"), signer("bob"));
    let bobs = list().signed(&bob);
    // A header decides before parameters, and what stands in the other place is nobody.
    let query = list().signed_as(Way::V1Get, &admin).target;
    let with_query = Wire { target: query, ..list().signed_as(Way::Get, &bob) };
    assert_eq!(caller_of(&world, &with_query).await, (WRONG.to_owned(), None));
    let form = list().signed_as(Way::V1Post, &admin);
    let with_header = form.clone().with_header("Authorization", &authorization(&bobs));
    assert_eq!(caller_of(&world, &with_header).await, ("MissingParameter".to_owned(), None));
    let all = ["X-TC-Action", "X-TC-Version", "X-TC-Timestamp"].iter().fold(with_header, |wire, name| {
        let value = &bobs.fields.iter().find(|(given, _)| given == name).unwrap().1;
        wire.with_header(name, value)
    });
    assert_eq!(caller_of(&world, &all).await, (WRONG.to_owned(), None));
    let as_bob = bobs.clone().with_header("X-TC-Token", "").with_header("Cookie", "user=admin");
    assert_eq!(caller_of(&world, &as_bob).await, ("ok".to_owned(), Some("bob".to_owned())));
    // Two of one kind: nobody.
    for (first, second) in [(&admin, &bob), (&bob, &admin), (&bob, &bob)] {
        let wire = list().signed(first).with_header("authorization", &authorization(&list().signed(second)));
        assert_eq!(caller_of(&world, &wire).await, (UNREADABLE.to_owned(), None));
        let (one, two) = (list().signed_as(Way::V1Post, first), list().signed_as(Way::V1Post, second));
        let body = [one.body.as_slice(), b"&", &two.body].concat();
        let wire = Wire { body, ..one };
        assert_eq!(caller_of(&world, &wire).await, ("InvalidParameter".to_owned(), None));
    }
    // Headers that are credentials elsewhere are nothing here.
    for (name, value) in [
        ("X-Auth-Token", "token"),
        ("X-User-Id", "1"),
        ("X-Roles", "admin"),
        ("PublicKey", "x"),
        ("Scp-Accesskey", "x"),
    ] {
        let wire = bobs.clone().with_header(name, value);
        assert_eq!(caller_of(&world, &wire).await, ("ok".to_owned(), Some("bob".to_owned())), "{name}");
    }
}

#[tokio::test]
async fn t03_a_parameter_has_one_spelling_and_one_place() {
    let world = world().await;
    let before = world.digest().await;
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        for name in ask.fields.as_object().unwrap().keys() {
            let lower = name.to_lowercase();
            for way in WAYS {
                let twin = ask.clone().with(&lower, ask.fields[name].clone());
                // The parameters of version 1 are read before its signature.
                let wire =
                    if way.is_v1() { twin.unsigned(way) } else { twin.signed_as(way, &signer("admin")) };
                assert_eq!(
                    code(&world, &wire).await,
                    "InvalidParameter",
                    "{} {name} {way:?}",
                    operation.name
                );
                let misspelt = twin.without(name).signed_as(way, &signer("admin"));
                assert_eq!(
                    code(&world, &misspelt).await,
                    "UnknownParameter",
                    "{} {name} {way:?}",
                    operation.name
                );
            }
        }
    }
    let bob = uin(&world, "bob").await;
    let admin = signer("admin");
    let twice = Ask { fields: json!({ "TargetUin": bob }), ..list() };
    let query = twice.signed_as(Way::V1Get, &admin);
    let query = Wire { target: query.target.replacen('?', &format!("?TargetUin={bob}&"), 1), ..query };
    assert_eq!(code(&world, &query).await, "InvalidParameter");
    // In version 3 the query of a POST is not signed, so there is none; nor is one read beside a form.
    let create = Ask::new("CreateAccessKey", json!({})).signed(&admin);
    let target = format!("/?TargetUin={bob}");
    assert_eq!(code(&world, &Wire { target: target.clone(), ..create }).await, "InvalidParameter");
    let create = Ask::new("CreateAccessKey", json!({})).signed_as(Way::V1Post, &admin);
    assert_eq!(code(&world, &Wire { target, ..create }).await, "InvalidParameter");
    assert_eq!(world.digest().await, before);
}

/// Version 1 joins parameters without escaping: `Remark=x&UseApi=1` as one value signs like two parameters.
#[tokio::test]
async fn t05_no_value_of_version_1_reads_as_two_parameters() {
    let world = world().await;
    let before = world.digest().await;
    let admin = signer("admin");
    let honest = Ask::new("AddUser", json!({ "Name": "eve", "Remark": "x", "UseApi": 1 }));
    for way in [Way::V1Post, Way::V1Get, Way::V1Sha1] {
        // What is signed reads `…Remark=x&SecretId=…`; the observer moves a boundary and keeps the signature.
        let one = Ask::new("AddUser", json!({ "Name": "eve", "Remark": "x&UseApi=1" }));
        assert_eq!(code(&world, &one.signed_as(way, &admin)).await, "InvalidParameter", "{way:?}");
        let wire = honest.signed_as(way, &admin);
        let joined = |text: &str| {
            text.replace("&UseApi=1", "").replace("Version=2019-01-16", "Version=2019-01-16%26UseApi=1")
        };
        let body = joined(std::str::from_utf8(&wire.body).unwrap()).into_bytes();
        let moved = Wire { target: joined(&wire.target), body, ..wire };
        assert_ne!(code(&world, &moved).await, "ok", "{way:?}");
    }
    assert_eq!(world.digest().await, before);
    for way in [Way::Post, Way::Get] {
        let safe = Ask::new("UpdateUser", json!({ "Name": "bob", "Remark": "x&UseApi=1" }));
        let expected = if way == Way::Post { "ok" } else { "InvalidParameter" };
        assert_eq!(code(&world, &safe.signed_as(way, &admin)).await, expected);
    }
}

/// Official clients do not sign the action. Whoever does is held to it.
#[tokio::test]
async fn t07_a_signed_action_is_the_action() {
    let world = world().await;
    let before = world.digest().await;
    let admin = signer("admin");
    for written in ["ListAccessKeys", "listaccesskeys"] {
        // The vendor's example signs the value in lower case.
        let wire = list().header("x-tc-action", written).signed(&admin);
        let wire = swapped(&wire, "x-tc-action", "ListAccessKeys");
        assert_eq!(code(&world, &wire).await, "ok", "{written}");
        let other = swapped(&wire, "x-tc-action", "CreateAccessKey");
        assert_eq!(code(&world, &other).await, WRONG);
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t07_the_action_can_be_required_to_be_signed() {
    let world = with_settings("require_signed_action = true").await;
    let before = world.digest().await;
    let admin = signer("admin");
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        for way in [Way::Post, Way::Get] {
            let seen = send(&world, &ask.signed_as(way, &admin)).await;
            assert_eq!(seen.code, UNREADABLE, "{}", operation.name);
            assert!(seen.message().contains("x-tc-action"), "{}", seen.text);
        }
    }
    assert_eq!(world.digest().await, before);
    for operation in operations() {
        let world = with_settings("require_signed_action = true").await;
        let ask = sample(&world, operation.name, "bob").await;
        let signed = ask.clone().header("x-tc-action", operation.name).signed(&admin);
        assert_eq!(code(&world, &signed).await, "ok", "{}", operation.name);
        // Version 1 always signs it.
        let world = with_settings("require_signed_action = true").await;
        let ask = sample(&world, operation.name, "bob").await;
        assert_eq!(code(&world, &ask.signed_as(Way::V1Post, &admin)).await, "ok", "{}", operation.name);
    }
}

/// One captured list, sent as a create: it cannot be refused, because the honest client may send just that; but from another
/// address it is an alarm.
#[tokio::test]
async fn t07_one_signature_with_two_actions_from_two_addresses_is_told() {
    let world = world().await;
    let bob = uin(&world, "bob").await;
    let wire = Ask { fields: json!({ "TargetUin": bob }), ..list() }.signed(&signer("admin"));
    let as_create = swapped(&wire, "X-TC-Action", "CreateAccessKey");
    assert_eq!(send_from(&world, &wire, "192.0.2.1").await.code, "ok");
    assert_eq!(send_from(&world, &wire, "192.0.2.2").await.code, "ok");
    assert_eq!(send_from(&world, &as_create, "192.0.2.1").await.code, "ok");
    let before = world.service.suspected_replays();
    let seen = send_from(&world, &as_create, "192.0.2.3").await;
    assert_eq!(seen.code, "OperationDenied.AccessKeyOverLimit", "taken for what it says");
    assert!(world.service.suspected_replays() > before);
}

/// A body that is not signed: over TLS or from this machine only, marked in the audit, and refused where so configured.
#[tokio::test]
async fn t08_an_unsigned_payload_can_be_swapped_so_it_stays_private() {
    let admin = signer("admin");
    let unsigned = |ask: Ask| ask.header("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD");
    let world = world().await;
    let bob = uin(&world, "bob").await;
    let wire = unsigned(Ask::new("CreateAccessKey", json!({}))).signed(&admin);
    let swap = Wire { body: format!("{{\"TargetUin\":{bob}}}").into_bytes(), ..wire.clone() };
    assert_eq!(code(&world, &swap).await, "ok", "over TLS nobody could");
    assert_eq!(world.audited_detail("access-key.create", "payload=unsigned").await, 1);
    let signed = Ask::new("CreateAccessKey", json!({})).signed(&admin);
    assert_eq!(code(&world, &signed).await, "ok");
    assert_eq!(world.audited_detail("access-key.create", "payload=unsigned").await, 1);
    let swap_signed = Wire { body: swap.body.clone(), ..signed };
    assert_eq!(code(&world, &swap_signed).await, WRONG);
    // Without TLS from this machine only.
    let list = unsigned(list()).signed(&admin);
    for (source, expected) in [("192.0.2.1", WRONG), ("127.0.0.1", "ok"), ("::1", "ok"), ("10.0.0.1", WRONG)]
    {
        let seen = super::wire::send_plain(&world, &list, source).await;
        assert_eq!(seen.code, expected, "{source}");
    }
    assert_eq!(super::wire::send_plain(&world, &swap, "192.0.2.1").await.code, WRONG);
    let world = with_settings("unsigned_payload = \"refuse\"").await;
    assert_eq!(code(&world, &wire).await, WRONG);
    assert_eq!(code(&world, &list).await, WRONG);
    // Any other value of the header is no word of the protocol, and changes nothing.
    let other = self::list().header("X-TC-Content-SHA256", "unsigned-payload").signed(&admin);
    assert_eq!(code(&world, &other).await, "ok");
}
