//! What a signature must be made for, and when.

use serde_json::{Value, json};
use signing::aws4::{Signer as Aws4, presign, sign};
use signing::format_basic;

use super::api::Api;
use crate::wire::Wire;
use crate::world::signer;

fn plain(target: &str) -> Wire {
    Wire { target: target.to_owned(), ..Wire::get("") }.with_header("Host", "keyward.test")
}

/// A scope that lies opens nothing: another service, another day, another key, another region's form (threat T17).
#[tokio::test]
async fn t17_a_signature_for_something_else_is_refused() {
    let api = Api::new().await;
    let admin = signer("admin");
    for service in ["iam", "sts", "s3", "Keyward", "keyward2"] {
        let wire = api.signed(plain("/whoami"), &admin, service);
        api.send(&wire).await.refused(401, "credential-malformed");
    }
    let good = api.signed(plain("/whoami"), &admin, "keyward");
    api.send(&good).await.expect(200);
    let altered = |from: &str, to: &str| {
        let mut wire = good.clone();
        for (name, value) in &mut wire.fields {
            if name == "Authorization" {
                assert!(value.contains(from), "{value}");
                *value = value.replace(from, to);
            }
        }
        wire
    };
    for (from, to, problem) in [
        ("/20261122/", "/20261121/", "credential-malformed"),
        ("/aws4_request", "/aws4", "credential-malformed"),
        ("/local/", "/LOCAL/", "credential-malformed"),
        ("/local/", "/other/", "credential-refused"),
        (&admin.id, &signer("bob").id, "credential-refused"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "credential-malformed"),
        ("SignedHeaders=host;x-amz-date", "SignedHeaders=host", "credential-malformed"),
        ("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date", "credential-malformed"),
    ] {
        let told = api.send(&altered(from, to)).await;
        assert_eq!((told.status, told.problem()), (401, problem), "{from} {to}: {}", told.text);
    }
}

#[tokio::test]
async fn requests_are_good_for_fifteen_minutes_either_way() {
    let api = Api::new().await;
    let wire = api.signed(plain("/whoami"), &signer("admin"), "keyward");
    for (millis, status) in [(900_000, 200), (1_000, 401), (-1_801_000, 200), (-1_000, 401)] {
        api.world.clock.advance(millis);
        let told = api.send(&wire).await;
        assert_eq!(told.status, status, "{}", told.text);
        assert_eq!(told.problem(), if status == 200 { "" } else { "request-stale" });
    }
}

/// Bodies are signed, and credentials do not travel in URLs.
#[tokio::test]
async fn unsigned_bodies_and_presigned_urls_are_refused() {
    let api = Api::new().await;
    let admin = signer("admin");
    let by = Aws4 {
        access_key_id: &admin.id,
        secret: admin.secret.as_bytes(),
        region: "local",
        service: "keyward",
    };
    let date = format_basic(crate::world::START.seconds());
    for word in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
        let wire =
            plain("/whoami").with_header("X-Amz-Date", &date).with_header("X-Amz-Content-Sha256", word);
        let authorization = {
            let headers = wire.headers();
            sign(&wire.view(&headers), &by, &["host", "x-amz-content-sha256", "x-amz-date"]).unwrap()
        };
        api.send(&wire.with_header("Authorization", &authorization))
            .await
            .refused(401, "credential-malformed");
    }
    let wire = plain("/whoami");
    let query = presign(&wire.view(&wire.headers()), &by, &[], &date, 60, None).unwrap();
    let told = api.send(&plain(&format!("/whoami?{query}"))).await;
    told.refused(401, "credential-missing");
    // A token belongs to no key here.
    let wire = plain("/whoami").with_header("X-Amz-Date", &date).with_header("X-Amz-Security-Token", "token");
    let authorization = {
        let headers = wire.headers();
        sign(&wire.view(&headers), &by, &["host", "x-amz-date", "x-amz-security-token"]).unwrap()
    };
    api.send(&wire.with_header("Authorization", &authorization)).await.refused(401, "credential-refused");
}

/// The path below decides; nothing else lives beside it.
#[tokio::test]
async fn paths_and_methods_have_one_spelling() {
    let api = Api::new().await;
    for path in [
        "/",
        "",
        "/nothing",
        "/users/",
        "/users//access-keys",
        "/Users",
        "/users/bob/keys",
        "/openapi.json/",
        "/access-keys/x/y/z",
    ] {
        api.call("admin", "GET", path, Value::Null).await.refused(404, "path-unknown");
    }
    let told = api.call("admin", "PUT", "/users/bob", json!({})).await;
    assert_eq!(told.headers["Allow"], "GET, PATCH, DELETE");
    told.refused(405, "method-not-allowed");
}
