//! What a signature covers, and that handlers read nothing else.

use std::collections::BTreeSet;

use dialects::Access;
use signing::scloud::signed_form;

use super::samples::{operations, sample};
use crate::wire::{CLIENTS, Client, FORM, JSON, Wire, form_text, json_text, sign_json};
use crate::world::{World, signer};

/// The caller whom a request was taken for.
async fn caller_of(world: &World, wire: &Wire) -> (u64, Option<String>) {
    let seen = world.send(wire).await;
    (seen.code, seen.note.caller.map(|caller| caller.user))
}

#[tokio::test]
async fn t02_two_credentials_never_mix() {
    let world = World::new().await;
    let (admin, bob) = (signer("admin"), signer("bob"));
    let of = |who: &crate::world::Signer| {
        signed_form(&[("Action", "GetUser"), ("UserName", "bob")], &who.id, who.secret.as_bytes())
    };
    let post = |query: &str, body: &str| Wire::post(&format!("/?{query}"), FORM, body);
    let get = |query: &str, body: &str| Wire { body: body.into(), ..Wire::get(query) };
    // The place that counts, for each method; what stands in the other one is nobody.
    for (wire, caller) in [
        (post(&of(&admin), &of(&bob)), "bob"),
        (post(&of(&bob), &of(&admin)), "admin"),
        (post(&of(&bob), ""), "bob"),
        (get(&of(&admin), &of(&bob)), "admin"),
        (get(&of(&bob), &of(&admin)), "bob"),
    ] {
        assert_eq!(caller_of(&world, &wire).await, (0, Some(caller.to_owned())), "{wire:?}");
    }
    // Two credentials of the same kind in the same place: nobody.
    let before = world.digest().await;
    for (first, second) in [(&admin, &bob), (&bob, &admin), (&bob, &bob)] {
        for joined in [
            format!("{}&{}", of(first), of(second)),
            format!("{}&PublicKey={}", of(first), second.id),
            format!("{}&publickey={}", of(first), second.id),
            format!("{}&Signature={}", of(first), "0".repeat(40)),
            format!("{}&signature={}", of(first), "0".repeat(40)),
        ] {
            assert_eq!(caller_of(&world, &post("", &joined)).await, (230, None), "{joined}");
            assert_eq!(caller_of(&world, &get(&joined, "")).await, (230, None), "{joined}");
        }
    }
    // Half a credential here and half there is none.
    let (query, body) = (format!("PublicKey={}", bob.id), of(&bob).replace("PublicKey", "Publickey"));
    assert_eq!(caller_of(&world, &post(&query, &body)).await, (172, None));
    // Headers that are credentials elsewhere are nothing here, with a signature and without.
    let foreign = [
        ("Authorization", "Bearer abcdefghijkl"),
        ("Authorization", "Basic YWRtaW46YWRtaW4="),
        (
            "Authorization",
            "TC3-HMAC-SHA256 Credential=admin/2026-11-22/iam/tc3_request, SignedHeaders=host, Signature=0",
        ),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=admin/20261122/local/keyward/aws4_request"),
        ("X-Auth-Token", "token"),
        ("X-User-Id", "1"),
        ("X-Roles", "admin"),
        ("Cookie", "session=admin"),
        ("U-Timestamp-Ms", "1"),
        ("X-Forwarded-User", "admin"),
    ];
    for (name, value) in foreign {
        let signed = post("", &of(&bob)).with_header(name, value);
        assert_eq!(caller_of(&world, &signed).await, (0, Some("bob".to_owned())), "{name}: {value}");
        let unsigned = post("", "Action=GetUser&UserName=bob").with_header(name, value);
        assert_eq!(caller_of(&world, &unsigned).await, (170, None), "{name}: {value}");
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t03_a_parameter_has_one_spelling_and_one_place() {
    let world = World::new().await;
    let admin = signer("admin");
    let before = world.digest().await;
    for operation in operations() {
        let sample = sample(operation.name, "bob");
        let names: Vec<&str> = sample.pairs().iter().map(|(name, _)| *name).collect();
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), names.len());
        for name in names.iter().chain(&["PublicKey", "Signature", "Region"]) {
            let swapped: String = name
                .chars()
                .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect();
            for twin in [(*name).to_owned(), name.to_lowercase(), name.to_uppercase(), swapped] {
                // The twin is signed along, as far as a signer can: only the reading of names stands in its way.
                let mut pairs = sample.pairs();
                if *name == "Region" {
                    pairs.push(("Region", "local"));
                }
                pairs.push((&twin, "alice"));
                for wire in [
                    Wire::post("/", FORM, signed_form(&pairs, &admin.id, admin.secret.as_bytes())),
                    Wire::get(&signed_form(&pairs, &admin.id, admin.secret.as_bytes())),
                    Wire::post(
                        "/",
                        JSON,
                        json_text(&[&pairs[..], &[("PublicKey", &admin.id), ("Signature", "0")]].concat()),
                    ),
                ] {
                    let seen = world.send(&wire).await;
                    assert_eq!(seen.code, 230, "{} with {name} and {twin}: {}", operation.name, seen.text);
                    assert!(seen.note.caller.is_none());
                }
            }
        }
        // Once in the query and once in the body: only the Action may be, and only the same one.
        let text = signed_form(&sample.pairs(), &admin.id, admin.secret.as_bytes());
        for (query, refused) in [
            (format!("Action={}", operation.name), false),
            ("Action=GetRegio".to_owned(), true),
            ("action=x".to_owned(), true),
            (format!("Action={0}&Action={0}x", operation.name), true),
        ] {
            let world = World::new().await;
            let seen = world.send(&Wire::post(&format!("/?{query}"), FORM, text.clone())).await;
            assert_eq!(seen.code, if refused { 230 } else { 0 }, "{query}: {}", seen.text);
        }
        // A parameter of the query beside a body is not read at all.
        let world = World::new().await;
        let seen = world.send(&Wire::post("/?UserName=alice&AccessKeyID=x&Limit=0", FORM, text)).await;
        assert_eq!(seen.code, 0, "{}: {}", operation.name, seen.text);
    }
    assert_eq!(world.digest().await, before);
}

/// Whatever of a request is changed: either the signature notices, or the answer is the same. So handlers read nothing that
/// is not signed. Headers, method, query beside a body and order are not signed, and change nothing.
#[tokio::test]
async fn t04_every_value_that_a_handler_reads_was_signed() {
    let admin = signer("admin");
    for operation in operations() {
        for client in CLIENTS {
            let sample = sample(operation.name, "bob").with("Region", "cn-bj2").with("ProjectId", "org-1");
            let pairs = sample.pairs();
            let good = Wire::signed_as(client, &admin, &pairs);
            let world = World::new().await;
            let expected = world.send(&good).await;
            let after = world.digest().await;
            assert_eq!(expected.code, 0, "{}", expected.text);

            // A value of each parameter replaced, each parameter dropped, one added: the old signature does not hold.
            let params = good.params().unwrap();
            let sent: Vec<(String, String)> =
                params.iter().map(|(name, value)| (name.to_owned(), value.text().into_owned())).collect();
            let mut variants = Vec::new();
            for at in (0..sent.len()).filter(|&at| sent[at].0 != "Action") {
                let mut replaced = sent.clone();
                replaced[at].1 = "alice".to_owned();
                let mut dropped = sent.clone();
                dropped.remove(at);
                variants.extend([replaced, dropped]);
            }
            for (name, value) in
                [("Zone", "local-01"), ("Timestamp", "1795305600"), ("Nonce", "n"), ("Extra", "")]
            {
                let mut added = sent.clone();
                added.push((name.to_owned(), value.to_owned()));
                variants.push(added);
            }
            for variant in variants {
                let world = World::new().await;
                let before = world.digest().await;
                let pairs: Vec<_> =
                    variant.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let seen = world.send(&Wire::raw(client, &pairs)).await;
                assert!(matches!(seen.code, 170..=172), "{variant:?}: {}", seen.text);
                assert_eq!(world.digest().await, before);
            }

            // What is not signed makes no difference.
            let mut unsigned = vec![
                good.clone().with_header("UserName", "alice").with_header("X-UserName", "alice"),
                good.clone().with_header("U-Timestamp-Ms", "0").with_header("Cookie", ""),
                good.clone()
                    .with_header("Host", "other.example")
                    .with_header("X-Forwarded-Host", "third.example"),
            ];
            if client == Client::Hand {
                unsigned.push(Wire { method: "POST".to_owned(), ..good.clone() });
                unsigned.push(Wire { body: b"UserName=alice&Limit=1".to_vec(), ..good.clone() });
            } else {
                unsigned.push(Wire {
                    target: format!("/?Action={}&UserName=alice", operation.name),
                    ..good.clone()
                });
            }
            if matches!(client, Client::Python | Client::Go) {
                let mut reversed = pairs.clone();
                reversed.reverse();
                unsigned.push(Wire::signed_as(client, &admin, &reversed));
                unsigned.push(Wire { fields: Vec::new(), ..good.clone() });
            }
            for wire in unsigned {
                let world = World::new().await;
                let seen = world.send(&wire).await;
                assert_eq!((seen.code, world.digest().await == after), (0, true), "{wire:?}");
            }
        }
    }
}

/// One text that two readers could read in two ways is read in none.
#[tokio::test]
async fn t04_texts_with_two_readings_are_refused() {
    let world = World::new().await;
    let bob = signer("bob");
    let signed = |pairs: &[(&str, &str)]| signed_form(pairs, &bob.id, bob.secret.as_bytes());
    let get_user = signed(&[("Action", "GetUser"), ("UserName", "bob")]);
    let post = |content_type: &str, body: &str| Wire::post("/", content_type, body);
    // The charset of a content type changes nothing, `;` separates nothing, `+` is a blank and signed as one.
    for charset in ["gbk", "utf-16", "utf-7", "iso-8859-1"] {
        let seen = world.send(&post(&format!("{FORM}; charset={charset}"), &get_user)).await;
        assert_eq!(seen.code, 0, "{charset}");
    }
    let semicolon = get_user.replace('&', ";");
    assert_eq!(world.send(&post(FORM, &semicolon)).await.code, 161);
    assert_eq!(world.send(&post(FORM, &format!("{get_user};UserName=alice"))).await.code, 171);
    let blank = signed(&[("Action", "GetUser"), ("UserName", "b b")]);
    assert!(blank.contains("b+b"));
    assert_eq!(world.send(&post(FORM, &blank)).await.code, 299);
    assert_eq!(world.send(&post(FORM, &blank.replace("b+b", "b%2Bb"))).await.code, 171);

    let json = sign_json(&bob, r#"{"Action":"GetUser","UserName":"bob"}"#);
    assert_eq!(world.send(&post(JSON, &json)).await.code, 0);
    for odd in [
        format!("\u{feff}{json}"),
        format!("{json} x"),
        format!("{json}\0"),
        json.replace("\"bob\"", "\"b\\ud800ob\""),
        json.replace("\"UserName\":\"bob\"", "\"UserName\":\"bob\",\"UserName\":\"bob\""),
        json.replace("\"UserName\":\"bob\"", "\"UserName\":\"bob\",\"User\\u004eame\":\"alice\""),
        json.replace("\"bob\"", "'bob'"),
        format!("[{json}]"),
    ] {
        assert_eq!(world.send(&post(JSON, &odd)).await.code, 230, "{odd}");
    }
    // Lists and objects have the text of a string, and are none.
    for value in [r#"["bob"]"#, r#"["b","ob"]"#, r#"{"b":"ob"}"#] {
        let json = sign_json(&bob, &format!(r#"{{"Action":"GetUser","UserName":{value}}}"#));
        assert_eq!(world.send(&post(JSON, &json)).await.code, 230, "{value}");
    }
    let listed = sign_json(&bob, r#"{"Action":["GetUser"],"UserName":"bob"}"#);
    assert_eq!(world.send(&post(JSON, &listed)).await.code, 230);
    // Numbers are their decimal text, for the signature and for the handler.
    let admin = signer("admin");
    for (limit, code) in
        [("2", 0), ("2.0", 0), ("20e-1", 0), ("\"2\"", 0), ("2.5", 230), ("true", 230), ("1e3", 230)]
    {
        let json = sign_json(&admin, &format!(r#"{{"Action":"ListUsers","Limit":{limit}}}"#));
        let seen = world.send(&post(JSON, &json)).await;
        assert_eq!(seen.code, code, "{limit}: {}", seen.text);
        if code == 0 {
            assert_eq!(seen.json["Users"].as_array().unwrap().len(), 2, "{limit}");
        }
    }
}

/// Texts near a good signature.
fn near_misses(signature: &str) -> BTreeSet<String> {
    let mut near = BTreeSet::new();
    for at in 0..signature.len() {
        near.insert(signature[..at].to_owned());
        near.insert(signature[at + 1..].to_owned());
        for other in "0123456789abcdefABCDEFg+/=-_ ０٣ｆ\u{0}\t".chars() {
            near.insert(format!("{}{other}{}", &signature[..at], &signature[at + 1..]));
            near.insert(format!("{}{other}{}", &signature[..at], &signature[at..]));
        }
    }
    near.extend([
        signature.to_uppercase(),
        format!("0x{signature}"),
        format!(" {signature}"),
        format!("{signature}\n"),
        signature.repeat(2),
    ]);
    near.remove(signature);
    near
}

#[tokio::test]
async fn t16_lenient_signatures_are_refused_on_the_wire() {
    let world = World::new().await;
    let before = world.digest().await;
    let signer = signer("admin");
    for operation in operations().into_iter().filter(|operation| operation.access == Access::Write).take(2) {
        let sample = sample(operation.name, "bob");
        let good = signed_form(&sample.pairs(), &signer.id, signer.secret.as_bytes());
        let (rest, signature) = good.split_once("&Signature=").unwrap();
        let near = near_misses(signature);
        assert!(near.len() > 1000);
        for near in near {
            let wire = Wire::post("/", FORM, format!("{rest}&{}", form_text(&[("Signature", &near)])));
            let seen = world.send(&wire).await;
            assert_eq!(seen.code, if near.is_empty() { 170 } else { 171 }, "{near}");
        }
    }
    assert_eq!(world.digest().await, before);
}

/// An unknown key costs the same work as a known one.
#[tokio::test]
async fn t54_unknown_keys_cost_a_signature_too() {
    let world = World::new().await;
    for name in ["admin", "nobody", "deleted"] {
        let wrong =
            sample("GetUser", "bob").with("PublicKey", &signer(name).id).with("Signature", &"0".repeat(40));
        let before = world.service.signature_work();
        world.send(&Wire::raw(Client::Python, &wrong.pairs())).await;
        assert_eq!(world.service.signature_work(), before + 1, "{name}");
    }
}

/// An operator who has to find out why a signature differs is told what was signed; nothing that a stranger chose is logged.
#[tokio::test]
async fn the_log_says_what_was_signed_and_repeats_no_input() {
    let world = World::new().await;
    let pairs = [
        ("Action", "GetUser"),
        ("UserName", "canary-value"),
        ("canary-name", "x"),
        ("PublicKey", &signer("admin").id),
        ("Signature", "canary-signature"),
    ];
    let seen = world.send(&Wire::raw(Client::Python, &pairs)).await;
    let cause = seen.note.cause.unwrap();
    assert_eq!(cause.code, "171");
    assert_eq!(
        cause.text,
        "the signature differs; signed parameters: Action, PublicKey, UserName and 1 unknown"
    );
    for wire in [
        Wire::signed(&signer("admin"), &[("Action", "GetUser"), ("UserName", "canary-value")]),
        Wire::signed(&signer("admin"), &[("Action", "GetUser"), ("canary-name", "x"), ("UserName", "bob")]),
        Wire::signed(&signer("admin"), &[("Action", "canary-action")]),
        Wire::post("/", FORM, "canary-name=1&canary-name=2"),
        Wire::post("/", JSON, r#"{"canary-name":1,"canary-name":2}"#),
        Wire::post("/", JSON, r#"{"a":canary}"#),
    ] {
        let cause = world.send(&wire).await.note.cause.unwrap();
        assert!(!cause.text.contains("canary"), "{cause:?}");
    }
}
