//! The life of keys: made, shown, switched off, deleted; temporary ones; passcodes.

use domain::access_keys::SchemeSet;
use domain::limits::Limits;
use serde_json::Value;
use signing::Scheme;

use super::wire::{Seen, ask, record_of, send, signed, speaking, world};
use crate::world::{KeySpec, Signer, World, limits, signer};

const KEYS: &str = "/v1/access-keys";

fn one(record: &Value) -> String {
    format!("{KEYS}/{}", record["id"].as_str().unwrap())
}

fn holder(seen: &Seen) -> Signer {
    assert_eq!(seen.status, 201, "{}", seen.text);
    let text = |name: &str| seen.record()[name].as_str().unwrap().to_owned();
    Signer { id: text("access_key"), secret: text("secret_key") }
}

async fn create(world: &World, signer: &Signer, body: &str) -> Seen {
    ask(world, signer, "POST", KEYS, body).await
}

/// A body as the provider writes it: explicit nulls for whatever is not set.
fn body(kind: &str, more: &str) -> String {
    format!(
        r#"{{"access_key_type":"{kind}","account_id":null,"description":null,"duration":null,"parent_access_key_id":null,"passcode":null{more}}}"#
    )
    .replace(r#""duration":null,"#, if more.contains("duration") { "" } else { r#""duration":null,"# })
    .replace(r#""description":null,"#, if more.contains("description") { "" } else { r#""description":null,"# })
    .replace(
        r#""parent_access_key_id":null,"#,
        if more.contains("parent_access_key_id") { "" } else { r#""parent_access_key_id":null,"# },
    )
}

#[tokio::test]
async fn a_key_from_its_creation_to_its_end() {
    let world = world().await;
    let bob = signer("bob");
    let made = create(&world, &bob, &body("PERMANENT", r#","description":"build server""#)).await;
    let key = holder(&made);
    assert!(signing::encode::is_lower_hex(key.id.as_bytes(), 32), "{}", key.id);
    assert_eq!(key.secret.len(), 43);
    assert_eq!(made.record()["description"], "build server");
    assert_eq!(made.record()["is_enabled"], true);
    assert_eq!(made.record()["expiration_timestamp"], "9999-12-31T23:59:59Z");
    assert_eq!(made.record()["parent_access_key_id"], Value::Null);
    let path = one(made.record());
    let shown = ask(&world, &key, "GET", &path, "").await;
    assert_eq!(shown.record()["secret_key"], "", "shown at creation only");
    assert_eq!(shown.record()["id"], made.record()["id"]);

    let refused = ask(&world, &bob, "DELETE", &path, "").await;
    assert_eq!(
        (refused.word().as_str(), refused.detail().as_str()),
        ("400 ValidationError", "Access key is Enabled.")
    );
    for (body, enabled) in [
        (r#"{"is_enabled":false}"#, false),
        (r#"{"is_enabled":"true"}"#, true),
        (r#"{"is_enabled":"false"}"#, false),
        ("{}", true),
        (r#"{"is_enabled":null}"#, true),
        (r#"{"is_enabled":false,"colour":1}"#, false),
        (r#"{"description":"other"}"#, false),
        (r#"{"description":null,"is_enabled":true}"#, true),
        (r#"{"is_enabled":false}"#, false),
    ] {
        let seen = ask(&world, &bob, "PUT", &path, body).await;
        assert_eq!(
            (seen.status, &seen.record()["is_enabled"]),
            (200, &Value::Bool(enabled)),
            "{body}: {}",
            seen.text
        );
        let description =
            if body.contains("other") { Value::from("other") } else { seen.record()["description"].clone() };
        assert_eq!(seen.record()["description"], description);
        assert_eq!(seen.record()["secret_key"], "");
        let uses = ask(&world, &key, "GET", KEYS, "").await;
        assert_eq!(uses.status, if enabled { 200 } else { 401 }, "{body}: at once");
    }
    assert_eq!(ask(&world, &bob, "DELETE", &path, "").await.status, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&world, &bob, method, &path, "").await.word(), "404 NotFound");
    }
    assert_eq!(ask(&world, &bob, "PUT", &path, r#"{"is_enabled":true}"#).await.word(), "404 NotFound");
    assert_eq!(ask(&world, &key, "GET", KEYS, "").await.word(), "401 Unauthorized");
}

#[tokio::test]
async fn durations_are_counted_by_the_calendar() {
    let world = speaking("", Limits { access_keys_per_user: 10, ..limits() }).await;
    let bob = signer("bob");
    for (duration, end) in [
        ("P1Y2M10DT2H30M15S", "2028-02-01T02:30:15Z"),
        ("P365D", "2027-11-22T00:00:00Z"),
        ("PT1S", "2026-11-22T00:00:01Z"),
        ("P3M", "2027-02-22T00:00:00Z"),
    ] {
        let made = create(&world, &bob, &body("PERMANENT", &format!(r#","duration":"{duration}""#))).await;
        assert_eq!(made.record()["expiration_timestamp"], end, "{duration}: {}", made.text);
    }
    for duration in ["", "P", "1h", "-P1D", "P0D", "P1.5M", "p1d", "P9999Y", "P99999999999Y"] {
        let seen = create(&world, &bob, &body("PERMANENT", &format!(r#","duration":"{duration}""#))).await;
        assert_eq!(seen.word(), "400 ValidationError", "{duration}");
        assert!(seen.detail().starts_with("duration: "), "{duration}: {}", seen.detail());
    }
    let ending = holder(&create(&world, &bob, &body("PERMANENT", r#","duration":"PT2S""#)).await);
    assert_eq!(ask(&world, &ending, "GET", KEYS, "").await.status, 200);
    world.clock.advance(2_000);
    let seen = ask(&world, &ending, "GET", KEYS, "").await;
    assert_eq!((seen.status, seen.detail().as_str()), (401, "The access key has expired."));
}

#[tokio::test]
async fn the_quota_names_the_keys_that_hold_the_places() {
    let world = world().await;
    let bob = signer("bob");
    let second = holder(&create(&world, &bob, &body("PERMANENT", "")).await);
    let seen = create(&world, &bob, &body("PERMANENT", "")).await;
    assert_eq!(seen.word(), "403 QuotaExceeded");
    assert!(seen.detail().contains(&bob.id) && seen.detail().contains(&second.id), "{}", seen.detail());
    assert!(!seen.detail().contains(&signer("alice").id));
}

#[tokio::test]
async fn temporary_keys_have_a_parent_and_an_end() {
    let world = world().await;
    let bob = signer("bob");
    let parent = record_of(&world, &bob).await;
    let of =
        |parent: &str, more: &str| body("TEMPORARY", &format!(r#","parent_access_key_id":"{parent}"{more}"#));
    let made = create(&world, &bob, &of(&parent, "")).await;
    let temporary = holder(&made);
    assert_eq!(made.record()["access_key_type"], "TEMPORARY");
    assert_eq!(made.record()["parent_access_key_id"], parent);
    assert_eq!(made.record()["expiration_timestamp"], "2026-11-22T01:00:00Z", "the setting's");
    let shown = ask(&world, &temporary, "GET", &one(made.record()), "").await;
    assert_eq!(shown.record()["access_key"], temporary.id, "it signs like any other");
    for (passcode, count) in [("000000", 2), ("", 3), ("anything", 4)] {
        let more = format!(r#","duration":"P1D","passcode":"{passcode}""#)
            .replace(r#","passcode""#, r#","x":1,"passcode""#);
        let body = of(&parent, &more).replace(r#""passcode":null,"#, "");
        let seen = create(&world, &bob, &body).await;
        assert_eq!(seen.status, 201, "{count}: any passcode is accepted: {}", seen.text);
        assert_eq!(seen.record()["expiration_timestamp"], "2026-11-23T00:00:00Z");
    }
    assert_eq!(create(&world, &bob, &of(&parent, "")).await.status, 201);
    let sixth = create(&world, &bob, &of(&parent, "")).await;
    assert_eq!(sixth.word(), "403 QuotaExceeded");
    assert!(sixth.detail().contains("limits.temporary_keys_per_key = 5"), "{}", sixth.detail());

    let temporary_id = made.record()["id"].as_str().unwrap();
    let (alices, admins) =
        (record_of(&world, &signer("alice")).await, record_of(&world, &signer("admin")).await);
    for (who, bad) in [
        ("bob", "unknown"),
        ("bob", &"0".repeat(32)),
        ("bob", temporary_id),
        ("bob", &alices),
        ("bob", &admins),
        ("admin", &parent),
    ] {
        let seen = create(&world, &signer(who), &of(bad, "")).await;
        assert_eq!(seen.word(), "400 ValidationError", "{who} of {bad}: {}", seen.text);
        assert!(seen.detail().starts_with("parent_access_key_id: "), "{}", seen.detail());
    }
    assert!(
        create(&world, &bob, &body("TEMPORARY", ""))
            .await
            .detail()
            .contains("parent_access_key_id: Field required")
    );

    let off =
        ask(&world, &signer("admin"), "PUT", &format!("{KEYS}/{parent}"), r#"{"is_enabled":false}"#).await;
    assert_eq!(off.status, 200);
    let seen = ask(&world, &temporary, "GET", KEYS, "").await;
    assert_eq!(seen.status, 401, "it rests with its parent");
    assert!(seen.detail().contains("temporary"), "and is told so: {}", seen.detail());
    let gone = ask(&world, &signer("admin"), "DELETE", &format!("{KEYS}/{parent}"), "").await;
    assert_eq!(gone.status, 204);
    let list = ask(&world, &signer("admin"), "GET", &format!("{KEYS}?access_key_type=TEMPORARY"), "").await;
    assert_eq!(list.listed(), Vec::<&str>::new(), "they went with their parent");
}

#[tokio::test]
async fn t40_a_temporary_key_makes_nothing_stronger_than_itself() {
    let world = speaking("reveal_secret = \"owner\"", Limits { access_keys_per_user: 9, ..limits() }).await;
    let admin = signer("admin");
    let parent = record_of(&world, &admin).await;
    let more = format!(r#","parent_access_key_id":"{parent}","duration":"PT1H""#);
    let temporary = holder(&create(&world, &admin, &body("TEMPORARY", &more)).await);
    let before = world.digest().await;
    for body in [body("PERMANENT", ""), body("TEMPORARY", &more)] {
        assert_eq!(create(&world, &temporary, &body).await.word(), "403 Forbidden");
    }
    // Who reads the secret of a permanent key has made himself one.
    for target in [KEYS.to_owned(), format!("{KEYS}/{parent}")] {
        let seen = ask(&world, &temporary, "GET", &target, "").await;
        assert_eq!(seen.status, 200);
        assert!(!seen.text.contains(&admin.secret) && !seen.text.contains(&temporary.secret), "{target}");
    }
    assert_eq!(world.digest().await, before, "neither was anything read that is audited");
    // A longer life than the parent's cannot be asked for.
    let short = holder(&create(&world, &admin, &body("PERMANENT", r#","duration":"PT30M""#)).await);
    let parent = record_of(&world, &short).await;
    let more = format!(r#","parent_access_key_id":"{parent}","duration":"P1Y""#);
    let made = create(&world, &short, &body("TEMPORARY", &more)).await;
    assert_eq!(made.record()["expiration_timestamp"], "2026-11-22T00:30:00Z");
}

#[tokio::test]
async fn the_last_administrator_key_stays() {
    let world = speaking("delete_enabled = \"allow\"", limits()).await;
    let (admin, carol) = (signer("admin"), signer("carol"));
    let carols = format!("{KEYS}/{}", record_of(&world, &carol).await);
    assert_eq!(
        ask(&world, &admin, "DELETE", &carols, "").await.status,
        204,
        "enabled, and allowed by the setting"
    );
    let own = format!("{KEYS}/{}", record_of(&world, &admin).await);
    let before = world.digest().await;
    for (method, body) in [("PUT", r#"{"is_enabled":false}"#), ("DELETE", "")] {
        let seen = ask(&world, &admin, method, &own, body).await;
        assert_eq!(seen.word(), "400 ValidationError", "{}", seen.text);
    }
    let bulk = format!(r#"{{"ids":["{}"]}}"#, record_of(&world, &admin).await);
    assert_eq!(
        ask(&world, &admin, "DELETE", &format!("{KEYS}/bulk"), &bulk).await.word(),
        "400 ValidationError"
    );
    assert_eq!(world.digest().await, before);
    let roots = ask(&world, &signer("bob"), "GET", &own, "").await;
    assert_eq!(roots.word(), "404 NotFound");
}

#[tokio::test]
async fn a_bulk_deletion_is_all_or_nothing_and_lists_what_is_gone() {
    let world = speaking("", Limits { access_keys_per_user: 10, ..limits() }).await;
    let bob = signer("bob");
    let mut ids = Vec::new();
    for number in 0..4 {
        world.clock.advance(1_000);
        let made = create(&world, &bob, &body("PERMANENT", &format!(r#","description":"d{number}""#))).await;
        ids.push(made.record()["id"].as_str().unwrap().to_owned());
    }
    let bulk = async |ids: &[&str], more: &str| {
        let body = format!(r#"{{"ids":{}{more}}}"#, serde_json::to_string(ids).unwrap());
        ask(&world, &bob, "DELETE", &format!("{KEYS}/bulk"), &body).await
    };
    let off =
        async |id: &str| ask(&world, &bob, "PUT", &format!("{KEYS}/{id}"), r#"{"is_enabled":false}"#).await;
    off(&ids[0]).await;
    off(&ids[1]).await;
    off(&ids[2]).await;
    let before = world.digest().await;
    let alices = record_of(&world, &signer("alice")).await;
    for (ids, answer) in [
        (vec![ids[0].as_str(), "unknown"], "404 NotFound"),
        (vec![&ids[0], &alices], "404 NotFound"),
        (vec![&ids[0], &ids[3]], "400 ValidationError"),
        (vec![], "400 ValidationError"),
    ] {
        assert_eq!(bulk(&ids, "").await.word(), answer, "{ids:?}");
    }
    for more in [
        r#","limit":0"#,
        r#","sort":"secret_key:asc""#,
        r#","marker":"unknown""#,
        r#","with_count":"x""#,
        r#","limit":[]"#,
    ] {
        assert_eq!(bulk(&[&ids[0]], more).await.word(), "400 ValidationError", "{more}");
    }
    let unlisted = format!(r#","marker":"{}""#, ids[3]);
    assert_eq!(bulk(&[&ids[0]], &unlisted).await.word(), "400 ValidationError");
    for body in ["", "{}", "[]", r#"{"ids":null}"#, r#"{"ids":"x"}"#, r#"{"ids":[1]}"#] {
        let seen = ask(&world, &bob, "DELETE", &format!("{KEYS}/bulk"), body).await;
        assert_eq!(seen.word(), "400 ValidationError", "{body}");
    }
    assert_eq!(world.digest().await, before, "nothing was deleted");
    let more = r#","limit":2,"sort":"created_at:asc","with_count":true"#;
    let seen = bulk(&[&ids[2], &ids[0], &ids[1], &ids[0]], more).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let gone: Vec<&str> =
        seen.json["access_keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert_eq!(gone, [&ids[0], &ids[1]]);
    assert_eq!(seen.json["count"], 3);
    assert!(seen.json["access_keys"].as_array().unwrap().iter().all(|key| key["secret_key"] == ""));
    assert_eq!(ask(&world, &bob, "GET", KEYS, "").await.listed().len(), 2);
}

#[tokio::test]
async fn secrets_are_shown_to_their_owner_where_that_is_set_and_audited_each_time() {
    let world = speaking("reveal_secret = \"owner\"", limits()).await;
    let (bob, admin) = (signer("bob"), signer("admin"));
    let path = format!("{KEYS}/{}", record_of(&world, &bob).await);
    for (times, target) in [(1, KEYS), (2, &path)] {
        let seen = ask(&world, &bob, "GET", target, "").await;
        assert!(seen.text.contains(&bob.secret), "{target}");
        assert_eq!(world.audited("access-key.reveal").await, times, "{target}");
    }
    let seen = ask(&world, &admin, "GET", KEYS, "").await;
    assert!(seen.text.contains(&admin.secret) && !seen.text.contains(&bob.secret), "his own only");
    let seen = ask(&world, &admin, "GET", &path, "").await;
    assert_eq!(seen.record()["secret_key"], "");
    let seen = ask(&world, &signer("audrey"), "GET", KEYS, "").await;
    assert!(seen.json["access_keys"].as_array().unwrap().iter().all(|key| key["secret_key"] == ""));
    assert_eq!(world.audited("access-key.reveal").await, 3);
}

#[tokio::test]
async fn keys_of_other_dialects_are_not_here() {
    let world = world().await;
    let bob = world.uuid_of("bob").await;
    let schemes = SchemeSet::of(&[Scheme::Scloud]);
    let spec = KeySpec { schemes, ..KeySpec::default() };
    world.key(bob, "elsewhere", spec).await;
    let list = ask(&world, &signer("admin"), "GET", KEYS, "").await;
    assert!(!list.listed().contains(&signer("elsewhere").id.as_str()));
    let path = format!("{KEYS}/{}", record_of(&world, &signer("elsewhere")).await);
    for (method, body) in [("GET", ""), ("PUT", "{}"), ("DELETE", "")] {
        assert_eq!(ask(&world, &signer("bob"), method, &path, body).await.word(), "404 NotFound", "{method}");
    }
    // They do not count either.
    assert_eq!(create(&world, &signer("bob"), &body("PERMANENT", "")).await.status, 201);
}

#[tokio::test]
async fn a_passcode_can_be_asked_for_and_is_not_delivered() {
    let world = world().await;
    let otp = async |version: &str, body: &str| {
        let wire = signed(&world, &signer("bob"), "POST", &format!("{KEYS}/send-otp"), body);
        send(&world, &super::wire::replaced(wire, "Scp-Api-Version", version)).await
    };
    let before = world.digest().await;
    for (version, body, answer) in [
        ("iam 1.2", r#"{"locale":"ko_KR","method":"PHONE"}"#, "204"),
        ("iam 1.2", r#"{"method":"EMAIL"}"#, "204"),
        ("iam 1.3", r#"{"locale":"en_US","method":"MESSENGER"}"#, "204"),
        ("iam 1.2", r#"{"method":"MESSENGER"}"#, "400 ContactAdminForAssistance"),
        ("iam 1.2", r#"{"method":"PIGEON"}"#, "400 ContactAdminForAssistance"),
        ("iam 1.2", "{}", "400 ContactAdminForAssistance"),
        ("iam 1.2", r#"{"method":"EMAIL","locale":"de_DE"}"#, "400 ValidationError"),
    ] {
        let seen = otp(version, body).await;
        assert_eq!(seen.word(), answer, "{version} {body}");
        if answer.contains("ContactAdmin") {
            assert_eq!(seen.detail(), "Invalid method");
        }
    }
    assert_eq!(world.digest().await, before);
}
