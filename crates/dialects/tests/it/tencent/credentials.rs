//! What a credential must look like, and which keys it may be made with.

use domain::access_keys::SchemeSet;
use serde_json::json;
use signing::Scheme;

use super::samples::{operations, sample, world};
use super::wire::{Ask, HOST, WAYS, Way, authorization, caller_of, code, send, stripped, swapped};
use crate::wire::{FORM, JSON, Wire};
use crate::world::{KeySpec, Signer, signer};

const WRONG: &str = "AuthFailure.SignatureFailure";
const UNREADABLE: &str = "AuthFailure.InvalidAuthorization";

fn list() -> Ask {
    Ask::new("ListAccessKeys", json!({}))
}

#[tokio::test]
async fn t15_no_other_algorithm_is_taken() {
    let world = world().await;
    let good = list().signed(&signer("admin"));
    for word in [
        "SKIP",
        "none",
        "",
        "TC3-HMAC-SHA1",
        "TC3-HMAC-SM3",
        "tc3-hmac-sha256",
        "AWS4-HMAC-SHA256",
        "HmacSHA256",
    ] {
        let wire = swapped(&good, "Authorization", &authorization(&good).replace("TC3-HMAC-SHA256", word));
        let (code, caller) = caller_of(&world, &wire).await;
        assert_eq!((code.as_str(), caller), (UNREADABLE, None), "{word}");
        let bare = swapped(&good, "Authorization", word);
        let code = self::code(&world, &bare).await;
        assert!([UNREADABLE, "MissingParameter"].contains(&code.as_str()), "{word}: {code}");
    }
    for method in ["HmacMD5", "HmacSM3", "none", "", "hmacsha256", "SHA256"] {
        let wire = list().signed_as(Way::V1Post, &signer("admin"));
        let body = String::from_utf8(wire.body.clone()).unwrap().replace("HmacSHA256", method);
        let (code, caller) = caller_of(&world, &Wire { body: body.into_bytes(), ..wire }).await;
        assert_eq!((code.as_str(), caller), (UNREADABLE, None), "{method}");
    }
    // The weaker hash is no way around the stronger: it signs something else.
    let wire = list().signed_as(Way::V1Post, &signer("admin"));
    let body = String::from_utf8(wire.body.clone()).unwrap().replace("HmacSHA256", "HmacSHA1");
    assert_eq!(code(&world, &Wire { body: body.into_bytes(), ..wire }).await, WRONG);
}

#[tokio::test]
async fn t16_lenient_signatures_are_refused() {
    let world = world().await;
    let good = list().signed(&signer("admin"));
    let value = authorization(&good);
    let (rest, signature) = value.rsplit_once("Signature=").unwrap();
    let mut odd = vec![
        signature.to_uppercase(),
        format!("{signature}0"),
        format!("0x{signature}"),
        format!("\"{signature}\""),
    ];
    odd.extend((1..signature.len()).map(|length| signature[..length].to_owned()));
    odd.push(signature.replace('1', "１"));
    for text in odd {
        let wire = swapped(&good, "Authorization", &format!("{rest}Signature={text}"));
        let (code, caller) = caller_of(&world, &wire).await;
        assert!(caller.is_none() && [WRONG, UNREADABLE].contains(&code.as_str()), "{text}: {code}");
    }
    let wire = list().signed_as(Way::V1Post, &signer("admin"));
    let body = String::from_utf8(wire.body.clone()).unwrap();
    let (rest, signature) = body.rsplit_once("Signature=").unwrap();
    let unpadded = signature.trim_end_matches("%3D").to_owned();
    let urlsafe = signature.replace("%2B", "-").replace("%2F", "_");
    for text in [unpadded, format!("{signature}%3D"), format!("+{signature}"), format!("{signature}%0A")] {
        let code = self::code(
            &world,
            &Wire { body: format!("{rest}Signature={text}").into_bytes(), ..wire.clone() },
        )
        .await;
        assert_eq!(code, WRONG, "{text}");
    }
    if urlsafe != signature {
        let wire = Wire { body: format!("{rest}Signature={urlsafe}").into_bytes(), ..wire };
        assert_eq!(code(&world, &wire).await, WRONG);
    }
}

#[tokio::test]
async fn t17_a_scope_that_lies_is_refused() {
    let world = world().await;
    let before = world.digest().await;
    let admin = signer("admin");
    for operation in operations() {
        let ask = sample(&world, operation.name, "bob").await;
        let good = ask.signed(&admin);
        let value = authorization(&good);
        for (what, from, to) in [
            ("the day before", "2026-11-22", "2026-11-21"),
            ("the day after", "2026-11-22", "2026-11-23"),
            ("another spelling of the day", "2026-11-22", "20261122"),
            ("another end", "tc3_request", "aws4_request"),
            ("no service", &format!("/{}/", ask.service), "//"),
        ] {
            let wire = swapped(&good, "Authorization", &value.replace(from, to));
            assert_eq!(code(&world, &wire).await, UNREADABLE, "{} with {what}", operation.name);
        }
        // Signed for another service, with a good signature.
        for service in ["cvm", "cam", "sts", "tag", "CAM", "tc3_request", "192", "com"] {
            let other = Ask { service: service.to_owned(), ..ask.clone() };
            if service == ask.service {
                continue;
            }
            assert_eq!(
                code(&world, &other.signed(&admin)).await,
                UNREADABLE,
                "{} for {service}",
                operation.name
            );
        }
        // Another key's name in the credential.
        let named = value.replace(&admin.id, &signer("bob").id);
        assert_eq!(code(&world, &swapped(&good, "Authorization", &named)).await, WRONG, "{}", operation.name);
    }
    // What the Node.js client takes for the service: the endpoint's first label.
    let node = Ask { service: HOST.split('.').next().unwrap().to_owned(), ..list() };
    assert_eq!(code(&world, &node.signed(&admin)).await, "ok");
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t18_a_key_outside_its_schemes_is_an_unknown_key() {
    let world = world().await;
    let bob = world.uuid_of("bob").await;
    for scheme in Scheme::ALL {
        let name = format!("only-{scheme:?}");
        world.key(bob, &name, KeySpec { schemes: SchemeSet::of(&[scheme]), ..KeySpec::default() }).await;
        for way in WAYS {
            let fits = if way.is_v1() { Scheme::TencentV1 } else { Scheme::Tc3 };
            let seen = send(&world, &list().signed_as(way, &signer(&name))).await;
            let expected = if scheme == fits { "ok" } else { "AuthFailure.SecretIdNotFound" };
            assert_eq!(seen.code, expected, "{scheme:?} as {way:?}");
            let stranger = send(&world, &list().signed_as(way, &signer("nobody"))).await;
            if scheme != fits {
                assert_eq!(seen.text, stranger.text, "told like a stranger");
            }
        }
    }
}

#[tokio::test]
async fn t19_a_key_without_its_secret_verifies_nothing() {
    let world = world().await;
    let bob = world.uuid_of("bob").await;
    world.change_key(bob, &signer("bob").id, |key| key.sealed = None).await;
    for way in WAYS {
        let empty = Signer { id: signer("bob").id, secret: String::new() };
        for who in [signer("bob"), empty] {
            let (code, caller) = caller_of(&world, &list().signed_as(way, &who)).await;
            assert_eq!((code.as_str(), caller), ("InternalError", None), "{way:?}");
        }
    }
}

#[tokio::test]
async fn t54_an_unknown_key_costs_the_work_of_a_known_one() {
    let world = world().await;
    for way in WAYS {
        let work = async |who: Signer| {
            let before = world.service.signature_work();
            send(&world, &list().signed_as(way, &who)).await;
            world.service.signature_work() - before
        };
        let wrong = Signer { secret: "another".to_owned(), ..signer("bob") };
        assert_eq!(work(signer("nobody")).await, work(wrong).await);
        assert_eq!(work(signer("bob")).await, 1);
    }
}

/// Signed header by header and sent with each left out: what must be signed is.
#[tokio::test]
async fn host_and_content_type_must_be_signed_and_there() {
    let world = world().await;
    let good = list().signed(&signer("admin"));
    for name in ["host", "content-type"] {
        let less = authorization(&good)
            .replace("content-type;host", if name == "host" { "content-type" } else { "host" });
        assert_eq!(code(&world, &swapped(&good, "Authorization", &less)).await, UNREADABLE);
        assert_eq!(code(&world, &stripped(&good, name)).await, UNREADABLE, "{name}");
    }
    for content_type in [JSON, "application/json; charset=utf-8"] {
        let bare = swapped(&list().unsigned(Way::Post), "Content-Type", content_type);
        let admin = signer("admin");
        let value =
            signing::tc3::sign(&bare.view(&bare.headers()), &admin.id, admin.secret.as_bytes(), "cam", &[]);
        assert_eq!(
            code(&world, &bare.with_header("Authorization", &value.unwrap())).await,
            "ok",
            "{content_type}"
        );
    }
    assert_eq!(code(&world, &swapped(&good, "Content-Type", FORM)).await, WRONG);
}
