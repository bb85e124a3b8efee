//! Every operation with every answer that it can give, as golden files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use dialects::TransportRefusal;
use domain::access_keys::KeyStatus;
use domain::id::RequestId;
use domain::limits::Limits;
use domain::throttle::Rate;
use serde_json::Value;

use super::authorization::crowded;
use super::samples::{Sample, operations, sample};
use super::wire::{Seen, Sign, ask, raw, record_of, replaced, send, signed_as, speaking, without};
use crate::broken_store::BrokenStore;
use crate::golden;
use crate::wire::Wire;
use crate::world::{KeySpec, World, limits, signer};

type Book = golden::Book<String>;

/// What every operation can answer.
const EVERYWHERE: [&str; 7] = [
    "400 UnsupportedApiVersion",
    "401 Unauthorized",
    "403 Forbidden",
    "415 UnsupportedMediaType",
    "429 TooManyRequests",
    "500 ContactAdminForAssistance",
    "503 ServiceUnavailable",
];

/// What else an operation can answer. Each needs a case below.
fn own_answers(operation: &str) -> &'static [&'static str] {
    match operation {
        "ListEndpoints" => &["200"],
        "ListAccessKey" => &["200", "400 ValidationError"],
        "CreateAccessKey" => &["201", "400 ValidationError", "403 QuotaExceeded"],
        "ShowAccessKey" => &["200", "404 NotFound"],
        "SetAccessKey" => &["200", "400 ValidationError", "404 NotFound"],
        "DeleteAccessKey" => &["204", "400 ValidationError", "404 NotFound"],
        "DeleteBulkAccessKey" => &["200", "400 ValidationError", "404 NotFound"],
        "SendTemporaryOtpAccessKey" => &["204", "400 ContactAdminForAssistance", "400 ValidationError"],
        other => panic!("{other}: say what it can answer"),
    }
}

fn reads_a_body(operation: &str) -> bool {
    matches!(
        operation,
        "CreateAccessKey" | "SetAccessKey" | "DeleteBulkAccessKey" | "SendTemporaryOtpAccessKey"
    )
}

#[tokio::test]
async fn golden_cases() {
    let mut book = Book::of("samsung");
    for operation in operations() {
        credentials(&mut book, operation.name).await;
        troubles(&mut book, operation.name).await;
    }
    values(&mut book).await;
    outside_of_operations(&mut book).await;
    transport(&mut book);
    book.close();

    let seen: BTreeMap<_, _> =
        book.codes.into_iter().filter(|(folder, _)| !folder.starts_with('_')).collect();
    let wanted: BTreeMap<String, BTreeSet<String>> = operations()
        .into_iter()
        .map(|row| {
            let everywhere =
                EVERYWHERE.iter().filter(|answer| !answer.starts_with("415") || reads_a_body(row.name));
            (
                row.name.to_owned(),
                everywhere.chain(own_answers(row.name)).map(|&answer| answer.to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(seen, wanted);
}

async fn case(book: &mut Book, folder: &str, name: &str, answer: &str, world: &World, wire: &Wire) {
    let seen = send(world, wire).await;
    assert_eq!(seen.word(), answer, "{folder}/{name}: {}", seen.text);
    book.page(folder, name, seen.word(), &page(Some(wire), &seen));
}

fn by(world: &World, who: &str, sample: &Sample) -> Wire {
    signed_as(world, &signer(who), Sign::default(), raw(sample.method, &sample.target, &sample.body))
}

/// Success, and every way in which a credential is refused.
async fn credentials(book: &mut Book, operation: &str) {
    let world = crowded().await;
    let sample = sample(&world, operation, "bob").await;
    let signed = by(&world, "bob", &sample);
    let off_by = |off_by| {
        let wire = raw(sample.method, &sample.target, &sample.body);
        signed_as(&world, &signer("bob"), Sign { off_by, ..Sign::default() }, wire)
    };
    let other = world.other_account.hex();
    let foreign = {
        let wire = raw(sample.method, &sample.target, &sample.body);
        signed_as(&world, &signer("bob"), Sign { account: &other, ..Sign::default() }, wire)
    };
    for (name, answer, wire) in [
        ("unsigned", "401 Unauthorized", raw(sample.method, &sample.target, &sample.body)),
        ("signature_missing", "401 Unauthorized", without(signed.clone(), "Scp-Signature")),
        (
            "signature_wrong",
            "401 Unauthorized",
            replaced(signed.clone(), "Scp-Signature", &format!("{}=", "A".repeat(43))),
        ),
        ("key_unknown", "401 Unauthorized", by(&world, "nobody", &sample)),
        ("key_disabled", "401 Unauthorized", by(&world, "disabled", &sample)),
        ("key_expired", "401 Unauthorized", by(&world, "expired", &sample)),
        ("parent_disabled", "401 Unauthorized", by(&world, "orphan", &sample)),
        ("user_frozen", "401 Unauthorized", by(&world, "frozen", &sample)),
        ("address_refused", "403 Forbidden", by(&world, "elsewhere", &sample)),
        ("account_foreign", "403 Forbidden", foreign),
        ("timestamp_stale", "401 Unauthorized", off_by(-16 * 60_000)),
        ("timestamp_in_seconds", "401 Unauthorized", replaced(signed.clone(), "Scp-Timestamp", "1795305600")),
        ("client_type_unknown", "401 Unauthorized", replaced(signed.clone(), "Scp-ClientType", "Console")),
        (
            "version_unsupported",
            "400 UnsupportedApiVersion",
            replaced(signed.clone(), "Scp-Api-Version", "iam 9.9"),
        ),
    ] {
        case(book, operation, name, answer, &world, &wire).await;
    }
    if reads_a_body(operation) {
        let xml = replaced(signed.clone(), "Content-Type", "application/xml");
        case(book, operation, "media_type", "415 UnsupportedMediaType", &world, &xml).await;
    }
    case(book, operation, "success", &sample.status.to_string(), &world, &signed).await;
}

/// What can go wrong whatever the operation.
async fn troubles(book: &mut Book, operation: &str) {
    let mut world = crowded().await;
    let about = sample(&world, operation, "bob").await;
    let wire = by(&world, "bob", &about);
    let action = operations().into_iter().find(|row| row.name == operation).unwrap().action;
    world.service.withhold(Some(action));
    case(book, operation, "denied", "403 Forbidden", &world, &wire).await;
    world.service.withhold(None);
    let damaged = KeySpec { damaged: true, ..KeySpec::default() };
    world.key(world.uuid_of("alice").await, "damaged", damaged).await;
    let by_damaged = by(&world, "damaged", &about);
    case(book, operation, "record_damaged", "500 ContactAdminForAssistance", &world, &by_damaged).await;
    world.on_store(|_| Arc::new(BrokenStore));
    case(book, operation, "store_busy", "503 ServiceUnavailable", &world, &wire).await;

    let requests = Some(Rate { per_second: 1, burst: 1 });
    let world = speaking("", Limits { requests, ..limits() }).await;
    let spare = KeySpec { status: KeyStatus::Inactive, ..KeySpec::default() };
    world.key(world.uuid_of("bob").await, "spare-bob", spare).await;
    let about = sample(&world, operation, "bob").await;
    ask(&world, &signer("bob"), "GET", "/v1/endpoints", "").await;
    case(book, operation, "throttled", "429 TooManyRequests", &world, &by(&world, "bob", &about)).await;
}

/// Values that do not fit, keys that are not there, limits that are reached.
async fn values(book: &mut Book) {
    let keys = "/v1/access-keys";
    let world = crowded().await;
    let enabled = record_of(&world, &signer("bob")).await;
    let alices = record_of(&world, &signer("alice")).await;
    let bulk = |ids: &str| format!(r#"{{"ids":[{ids}]}}"#);
    let invalid = "400 ValidationError";
    for (folder, name, answer, method, target, body) in [
        ("ListAccessKey", "limit_zero", invalid, "GET", format!("{keys}?limit=0"), String::new()),
        (
            "ListAccessKey",
            "sort_unknown",
            invalid,
            "GET",
            format!("{keys}?sort=secret_key:asc"),
            String::new(),
        ),
        (
            "ListAccessKey",
            "marker_unknown",
            invalid,
            "GET",
            format!("{keys}?marker={}", "0".repeat(32)),
            String::new(),
        ),
        ("ListAccessKey", "marker_foreign", invalid, "GET", format!("{keys}?marker={alices}"), String::new()),
        (
            "ListAccessKey",
            "type_unknown",
            invalid,
            "GET",
            format!("{keys}?access_key_type=OTHER"),
            String::new(),
        ),
        (
            "ListAccessKey",
            "several_problems",
            invalid,
            "GET",
            format!("{keys}?limit=x&sort=x"),
            String::new(),
        ),
        (
            "ListAccessKey",
            "page",
            "200",
            "GET",
            format!("{keys}?limit=1&with_count=true&sort=access_key:asc"),
            String::new(),
        ),
        ("CreateAccessKey", "type_missing", invalid, "POST", keys.to_owned(), "{}".to_owned()),
        ("CreateAccessKey", "body_broken", invalid, "POST", keys.to_owned(), "{".to_owned()),
        (
            "CreateAccessKey",
            "duration_unreadable",
            invalid,
            "POST",
            keys.to_owned(),
            r#"{"access_key_type":"PERMANENT","duration":"1 day"}"#.to_owned(),
        ),
        (
            "CreateAccessKey",
            "parent_missing",
            invalid,
            "POST",
            keys.to_owned(),
            r#"{"access_key_type":"TEMPORARY"}"#.to_owned(),
        ),
        (
            "CreateAccessKey",
            "parent_foreign",
            invalid,
            "POST",
            keys.to_owned(),
            format!(r#"{{"access_key_type":"TEMPORARY","parent_access_key_id":"{alices}"}}"#),
        ),
        (
            "CreateAccessKey",
            "temporary",
            "201",
            "POST",
            keys.to_owned(),
            format!(
                r#"{{"access_key_type":"TEMPORARY","parent_access_key_id":"{enabled}","duration":"PT15M","passcode":"000000"}}"#
            ),
        ),
        (
            "ShowAccessKey",
            "unknown",
            "404 NotFound",
            "GET",
            format!("{keys}/{}", "0".repeat(32)),
            String::new(),
        ),
        ("ShowAccessKey", "malformed", "404 NotFound", "GET", format!("{keys}/x"), String::new()),
        ("ShowAccessKey", "foreign", "404 NotFound", "GET", format!("{keys}/{alices}"), String::new()),
        (
            "SetAccessKey",
            "not_a_boolean",
            invalid,
            "PUT",
            format!("{keys}/{enabled}"),
            r#"{"is_enabled":"yes"}"#.to_owned(),
        ),
        (
            "SetAccessKey",
            "unknown",
            "404 NotFound",
            "PUT",
            format!("{keys}/{}", "0".repeat(32)),
            "{}".to_owned(),
        ),
        ("DeleteAccessKey", "enabled", invalid, "DELETE", format!("{keys}/{enabled}"), String::new()),
        (
            "DeleteAccessKey",
            "unknown",
            "404 NotFound",
            "DELETE",
            format!("{keys}/{}", "0".repeat(32)),
            String::new(),
        ),
        ("DeleteBulkAccessKey", "ids_missing", invalid, "DELETE", format!("{keys}/bulk"), "{}".to_owned()),
        (
            "DeleteBulkAccessKey",
            "enabled",
            invalid,
            "DELETE",
            format!("{keys}/bulk"),
            bulk(&format!("\"{enabled}\"")),
        ),
        ("DeleteBulkAccessKey", "unknown", "404 NotFound", "DELETE", format!("{keys}/bulk"), bulk("\"x\"")),
        (
            "SendTemporaryOtpAccessKey",
            "method_missing",
            "400 ContactAdminForAssistance",
            "POST",
            format!("{keys}/send-otp"),
            "{}".to_owned(),
        ),
        (
            "SendTemporaryOtpAccessKey",
            "locale_unknown",
            invalid,
            "POST",
            format!("{keys}/send-otp"),
            r#"{"method":"EMAIL","locale":"xx"}"#.to_owned(),
        ),
    ] {
        let wire = signed_as(&world, &signer("bob"), Sign::default(), raw(method, &target, &body));
        case(book, folder, name, answer, &world, &wire).await;
    }
    let world = speaking("", limits()).await;
    let second = r#"{"access_key_type":"PERMANENT"}"#;
    ask(&world, &signer("bob"), "POST", keys, second).await;
    let third = signed_as(&world, &signer("bob"), Sign::default(), raw("POST", keys, second));
    let seen = send(&world, &third).await;
    assert_eq!(seen.word(), "403 QuotaExceeded");
    let ids = seen.detail().split(": ").nth(1).unwrap().trim_end_matches('.').to_owned();
    let text = page(Some(&third), &seen).replace(&ids, "<their ids>");
    book.page("CreateAccessKey", "quota", seen.word(), &text);
}

async fn outside_of_operations(book: &mut Book) {
    let world = speaking("", limits()).await;
    for (name, answer, wire) in [
        ("versions", "200", raw("GET", "/", "")),
        ("path_unknown", "404 NotFound", raw("GET", "/v1/users", "")),
        ("method_not_allowed", "405 MethodNotAllowed", raw("POST", "/v1/endpoints", "{}")),
        ("body_too_large", "413 PayloadTooLarge", raw("POST", "/v1/access-keys", &" ".repeat(65_537))),
    ] {
        case(book, "_none", name, answer, &world, &wire).await;
    }
}

/// Answers to requests that the server could not hand over or finish.
fn transport(book: &mut Book) {
    let dialect = dialects::samsung::Samsung::new(&toml::Table::new()).unwrap();
    for refusal in TransportRefusal::ALL {
        let seen = Seen::new(dialect.refuse_transport(refusal, RequestId::from_bytes([0xab; 16])));
        let name = format!("{refusal:?}");
        book.page("_transport", &name, seen.word(), &page(None, &seen));
    }
}

fn page(wire: Option<&Wire>, seen: &Seen) -> String {
    let mut out = String::new();
    if let Some(wire) = wire {
        writeln!(out, "> {} {}", wire.method, hide_ids(&wire.target)).unwrap();
        for (name, value) in &wire.fields {
            let value = if name == "Scp-Signature" && value.len() == 44 { "<signature>" } else { value };
            writeln!(out, "> {name}: {}", hide_ids(value)).unwrap();
        }
        match std::str::from_utf8(&wire.body) {
            Ok("") => {}
            Ok(text) if text.len() < 1000 => writeln!(out, "    {}", hide_ids(text)).unwrap(),
            _ => writeln!(out, "    {} bytes", wire.body.len()).unwrap(),
        }
    }
    writeln!(out, "< {}", seen.status).unwrap();
    for (name, value) in &seen.headers {
        writeln!(out, "< {name}: {value}").unwrap();
    }
    if !seen.text.is_empty() {
        let mut json = seen.json.clone();
        redact(&mut json);
        writeln!(out, "{}", hide_ids(&serde_json::to_string_pretty(&json).unwrap())).unwrap();
    }
    out
}

/// Blacks out secrets; ids are hidden wherever they stand.
fn redact(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => {
            for (name, value) in members {
                redact(value);
                let length = value.as_str().map_or(0, str::len);
                if name == "secret_key" && length > 0 {
                    *value = Value::String(format!("<secret, {length} characters>"));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Ids of records, users and accounts, and new key ids: random, 32 hexadecimal digits, not all alike.
fn hide_ids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        let is_id =
            run.len() == 32 && run.bytes().any(|byte| byte != run.as_bytes()[0]) && !run.contains("00000000");
        out.push_str(before);
        out.push_str(if is_id { "<id>" } else { run });
        rest = after;
    }
    out + rest
}
