//! Bodies: what is read of them, what is passed over, and what is refused.

use super::wire::{Sign, ask, raw, record_of, replaced, send, signed, signed_as, world};
use crate::world::signer;

const KEYS: &str = "/v1/access-keys";

/// Every member of the model with a foreign value, in each body that writes.
const FOREIGN: &str = r#""user_id":"0123456789abcdef0123456789abcdef","owner":"admin","status":"Active","version":99,
    "role":"admin","is_root":true,"created_by":"0123456789abcdef0123456789abcdef","modified_by":"x","created_at":"2000-01-01T00:00:00Z",
    "id":"0123456789abcdef0123456789abcdef","access_key":"chosen","secret_key":"chosen","expiration_timestamp":"2999-01-01T00:00:00Z",
    "schemes":["aws4"],"kind":"permanent","parent":"0123456789abcdef0123456789abcdef""#;

#[tokio::test]
async fn t37_no_creation_takes_an_owner_or_a_secret_from_its_body() {
    let world = world().await;
    let bob = signer("bob");
    let body = format!(r#"{{"access_key_type":"PERMANENT",{FOREIGN}}}"#);
    let made = ask(&world, &bob, "POST", KEYS, &body).await;
    assert_eq!(made.status, 201, "unknown members are passed over: {}", made.text);
    let record = made.record();
    let bob_id = world.uuid_of("bob").await.hex();
    assert_eq!(
        (record["created_by"].as_str(), record["modified_by"].as_str()),
        (Some(&*bob_id), Some(&*bob_id))
    );
    assert_eq!(record["account_id"], world.account.hex());
    assert_eq!(record["created_at"], "2026-11-22T00:00:00Z");
    assert_eq!(record["expiration_timestamp"], "9999-12-31T23:59:59Z");
    assert!(!made.text.contains("chosen") && !made.text.contains("0123456789abcdef0123456789abcdef"));
    let owner =
        world.service.directory().by_key(record["access_key"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(owner.rows.user.name, "bob");
    // An account is checked, not taken.
    let foreign =
        format!(r#"{{"access_key_type":"PERMANENT","account_id":"{}"}}"#, world.other_account.hex());
    assert_eq!(ask(&world, &signer("admin"), "POST", KEYS, &foreign).await.word(), "403 Forbidden");
}

#[tokio::test]
async fn t39_no_update_moves_a_key_to_another_owner() {
    let world = world().await;
    let (bob, admin) = (signer("bob"), signer("admin"));
    let id = record_of(&world, &bob).await;
    let before = ask(&world, &bob, "GET", &format!("{KEYS}/{id}"), "").await;
    for who in [&bob, &admin] {
        let account = world.other_account.hex();
        let body = format!(
            r#"{{"is_enabled":true,"account_id":"{account}","parent_access_key_id":"{id}","access_key_type":"TEMPORARY",{FOREIGN}}}"#
        );
        let seen = ask(&world, who, "PUT", &format!("{KEYS}/{id}"), &body).await;
        assert_eq!(seen.status, 200, "{}", seen.text);
    }
    let after = ask(&world, &bob, "GET", &format!("{KEYS}/{id}"), "").await;
    assert_eq!(after.record(), before.record(), "nothing has changed");
    let owner = world.service.directory().by_key(&bob.id).await.unwrap().unwrap();
    assert_eq!((owner.rows.user.name.as_str(), owner.rows.user.account), ("bob", world.account));
}

#[tokio::test]
async fn what_is_no_object_of_values_that_fit_is_refused() {
    let world = world().await;
    let bob = signer("bob");
    let before = world.digest().await;
    let long = format!(r#"{{"access_key_type":"PERMANENT","description":"{}"}}"#, "é".repeat(1001));
    for (body, says) in [
        ("", "JSON"),
        ("null", "object"),
        ("[]", "object"),
        ("\"x\"", "object"),
        ("{", "JSON"),
        ("{}", "access_key_type: Field required"),
        (r#"{"access_key_type":null}"#, "access_key_type: Field required"),
        (r#"{"access_key_type":1}"#, "access_key_type: Input should be a valid string"),
        (r#"{"access_key_type":"permanent"}"#, "access_key_type: Input should be"),
        (r#"{"access_key_type":"SECRET_VAULT_TEMPORARY"}"#, "access_key_type: Input should be"),
        (r#"{"access_key_type":"PERMANENT","access_key_type":"TEMPORARY"}"#, "repeated"),
        (r#"{"access_key_type":"PERMANENT","Access_Key_Type":"TEMPORARY"}"#, "repeated"),
        (r#"{"access_key_type":"PERMANENT","duration":5}"#, "duration: Input should be a valid string"),
        (
            r#"{"access_key_type":"PERMANENT","description":[]}"#,
            "description: Input should be a valid string",
        ),
        (r#"{"access_key_type":"PERMANENT","description":"a\u0000b"}"#, "description"),
        (r#"{"access_key_type":"PERMANENT","description":"\ud800"}"#, "surrogate"),
        (r#"{"access_key_type":"PERMANENT","account_id":7}"#, "account_id: Input should be a valid string"),
        (r#"{"access_key_type":"PERMANENT"} x"#, "JSON"),
        ("\u{feff}{}", "byte order mark"),
        (&long, "at most 1000"),
        (&format!("{}{}", "[".repeat(100), "]".repeat(100)), "JSON"),
    ] {
        let seen = ask(&world, &bob, "POST", KEYS, body).await;
        assert_eq!(seen.word(), "400 ValidationError", "{body}: {}", seen.text);
        assert!(seen.detail().contains(says), "{body}: {}", seen.detail());
    }
    let one = format!("{KEYS}/{}", record_of(&world, &bob).await);
    for body in [
        r#"{"is_enabled":"yes"}"#,
        r#"{"is_enabled":1}"#,
        r#"{"is_enabled":"TRUE"}"#,
        r#"{"is_enabled":[]}"#,
        "",
        "[]",
    ] {
        assert_eq!(ask(&world, &bob, "PUT", &one, body).await.word(), "400 ValidationError", "{body}");
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test]
async fn t75_other_media_types_are_refused() {
    let world = world().await;
    let before = world.digest().await;
    let body = r#"{"access_key_type":"PERMANENT"}"#;
    for media_type in [
        "application/xml",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "",
    ] {
        let wire = replaced(signed(&world, &signer("bob"), "POST", KEYS, body), "Content-Type", media_type);
        assert_eq!(send(&world, &wire).await.word(), "415 UnsupportedMediaType", "{media_type}");
    }
    assert_eq!(world.digest().await, before);
    for media_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        let wire = replaced(signed(&world, &signer("carol"), "POST", KEYS, "[]"), "Content-Type", media_type);
        assert_eq!(send(&world, &wire).await.word(), "400 ValidationError", "{media_type}");
    }
}

#[tokio::test]
async fn versions_are_asked_for_by_their_names() {
    let world = world().await;
    let bob = signer("bob");
    let list = |version: Option<&str>| {
        let wire = signed_as(&world, &bob, Sign::default(), raw("GET", KEYS, ""));
        match version {
            Some(version) => replaced(wire, "scp-api-version", version),
            None => super::wire::without(wire, "Scp-Api-Version"),
        }
    };
    for version in [None, Some("iam 1.0"), Some("iam 1.1"), Some("iam 1.2"), Some("iam 1.3"), Some("iam 1.4")]
    {
        assert_eq!(send(&world, &list(version)).await.status, 200, "{version:?}");
    }
    for version in [
        "", "iam", "1.2", "iam 1.5", "iam 2.0", "iam  1.2", "IAM 1.2", "sts 1.0", "iam 1.2 ", "iam v1.2",
        "iam 1.20",
    ] {
        let seen = send(&world, &list(Some(version))).await;
        assert_eq!(seen.word(), "400 UnsupportedApiVersion", "{version:?}");
        assert!(seen.detail().contains("1.4, 1.3, 1.2, 1.1, 1.0"), "{}", seen.detail());
    }
    let twice = list(Some("iam 1.2")).with_header("Scp-Api-Version", "iam 1.3");
    assert_eq!(send(&world, &twice).await.word(), "400 UnsupportedApiVersion");
}
