//! Requests as the official Go SDK writes them, and answers as its strict decoder reads them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dialects::samsung::Samsung;
use dialects::{Answer, Dialect, Note};
use domain::clock::Clock as _;
use domain::limits::Limits;
use serde_json::Value;
use signing::scp::{self, Stamp};

use crate::wire::{JSON, Wire};
use crate::world::{SOURCE, Signer, World, limits};

/// Where the tests' server lives.
pub const BASE: &str = "https://iam.example.org";

/// What is unusual about a signature.
#[derive(Clone, Copy)]
pub struct Sign<'a> {
    /// Away from the world's clock, in milliseconds.
    pub off_by: i64,
    pub account: &'a str,
    pub client_type: &'a str,
    /// What is signed in place of the base URL.
    pub base: &'a str,
}

impl Default for Sign<'_> {
    fn default() -> Self {
        Self { off_by: 0, account: "", client_type: "Openapi", base: BASE }
    }
}

/// A request as the SDK sends it. An empty body is none.
pub fn raw(method: &str, target: &str, body: &str) -> Wire {
    let mut wire = Wire { method: method.to_owned(), ..Wire::get("") };
    wire.target = target.to_owned();
    wire.body = body.as_bytes().to_vec();
    let wire = wire.with_header("Host", BASE.strip_prefix("https://").unwrap());
    let wire = wire.with_header("Scp-Api-Version", "iam 1.2");
    if body.is_empty() { wire } else { wire.with_header("Content-Type", JSON) }
}

/// The same, signed.
pub fn signed_as(world: &World, signer: &Signer, sign: Sign<'_>, wire: Wire) -> Wire {
    let stamp = Stamp {
        access_key_id: &signer.id,
        timestamp_ms: world.clock.now().0 + sign.off_by,
        account_id: sign.account,
        client_type: sign.client_type,
    };
    let url = format!("{}{}", sign.base, wire.target);
    let headers = scp::sign(&wire.method, &url, stamp, signer.secret.as_bytes());
    headers.iter().fold(wire, |wire, (name, value)| wire.with_header(name, value))
}

pub fn signed(world: &World, signer: &Signer, method: &str, target: &str, body: &str) -> Wire {
    signed_as(world, signer, Sign::default(), raw(method, target, body))
}

/// The same request with one header replaced.
pub fn replaced(mut wire: Wire, name: &str, value: &str) -> Wire {
    wire.fields.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    wire.with_header(name, value)
}

pub fn without(mut wire: Wire, name: &str) -> Wire {
    wire.fields.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    wire
}

/// A world that speaks this dialect.
pub async fn world() -> World {
    speaking("", limits()).await
}

pub async fn speaking(settings: &str, limits: Limits) -> World {
    World::speaking(Dialect::Samsung(Samsung::new(&settings.parse().unwrap()).unwrap()), limits).await
}

/// An answer as a client sees it, and the note that it does not see.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub json: Value,
    pub text: String,
    pub headers: BTreeMap<&'static str, Cow<'static, str>>,
    pub note: Note,
}

/// The members of a record; the SDK refuses any other and misses each.
pub const RECORD: [&str; 13] = [
    "access_key",
    "access_key_type",
    "account_id",
    "created_at",
    "created_by",
    "description",
    "expiration_timestamp",
    "id",
    "is_enabled",
    "modified_at",
    "modified_by",
    "parent_access_key_id",
    "secret_key",
];

impl Seen {
    /// Reads an answer; whatever would fail in the official client's strict decoder fails the test.
    pub fn new(answer: Answer) -> Self {
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let headers: BTreeMap<_, _> = answer.headers.into_iter().collect();
        assert_eq!(headers["Cache-Control"], "no-store");
        assert_eq!(
            headers.get("Content-Type").map(AsRef::as_ref),
            (!text.is_empty()).then_some("application/json")
        );
        let json: Value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        let seen = Self { status: answer.status, json, text, headers, note: answer.note };
        seen.check();
        seen
    }

    fn check(&self) {
        match self.status {
            204 => assert!(self.text.is_empty()),
            200 | 201 => self.check_success(),
            status => self.check_error(status),
        }
    }

    fn check_success(&self) {
        match members(&self.json).iter().copied().collect::<Vec<_>>()[..] {
            ["access_key"] => check_record(&self.json["access_key"]),
            ["access_keys", "count", "links"] => {
                self.json["access_keys"].as_array().unwrap().iter().for_each(check_record);
                let count = &self.json["count"];
                assert!(count.is_null() || count.is_u64(), "{count}");
                for link in self.json["links"].as_array().unwrap() {
                    assert_eq!(members(link), BTreeSet::from(["href", "rel"]));
                    assert!(link["href"].as_str().unwrap().starts_with("http"), "{link}");
                }
            }
            ["endpoints"] | ["versions"] => {}
            ref other => panic!("{other:?}"),
        }
    }

    fn check_error(&self, status: u16) {
        assert_eq!(members(&self.json), BTreeSet::from(["errors"]));
        let [error] = &self.json["errors"].as_array().unwrap()[..] else { panic!("{}", self.text) };
        let expected = [
            "code",
            "detail",
            "global_request_id",
            "links",
            "related_resources",
            "request_id",
            "response",
            "status",
            "title",
        ];
        assert_eq!(members(error), BTreeSet::from(expected));
        assert_eq!(error["status"].as_u64(), Some(u64::from(status)));
        assert_eq!(error["title"], error["code"]);
        assert_eq!(error["request_id"], "req-abababab-abab-abab-abab-abababababab");
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        let detail = &error["detail"];
        let texts = detail.as_array().is_some_and(|texts| !texts.is_empty() && texts.iter().all(is_text));
        assert!(is_text(detail) || texts, "the provider would crash: {detail}");
        assert!(self.note.cause.is_some());
    }

    /// Status and code: `200` or `404 NotFound`.
    pub fn word(&self) -> String {
        let mut word = self.status.to_string();
        if self.status >= 400 {
            write!(word, " {}", self.json["errors"][0]["code"].as_str().unwrap()).unwrap();
        }
        word
    }

    /// What an error says.
    pub fn detail(&self) -> String {
        match &self.json["errors"][0]["detail"] {
            Value::Array(texts) => {
                texts.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join("; ")
            }
            detail => detail.as_str().unwrap_or_default().to_owned(),
        }
    }

    pub fn record(&self) -> &Value {
        &self.json["access_key"]
    }

    /// The `access_key` of each listed record, in order.
    pub fn listed(&self) -> Vec<&str> {
        let keys = self.json["access_keys"].as_array().unwrap_or_else(|| panic!("no list: {}", self.text));
        keys.iter().map(|key| key["access_key"].as_str().unwrap()).collect()
    }

    /// The URL of a link.
    pub fn link(&self, rel: &str) -> Option<&str> {
        let links = self.json["links"].as_array().unwrap();
        links.iter().find(|link| link["rel"] == rel).map(|link| link["href"].as_str().unwrap())
    }
}

fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

fn check_record(record: &Value) {
    assert_eq!(members(record), BTreeSet::from(RECORD));
    let hex = |name: &str| {
        let text = record[name].as_str().unwrap();
        assert!(signing::encode::is_lower_hex(text.as_bytes(), 32), "{name}: {text}");
    };
    ["id", "account_id", "created_by", "modified_by"].into_iter().for_each(hex);
    for name in ["created_at", "modified_at", "expiration_timestamp"] {
        let text = record[name].as_str().unwrap();
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00Z", "{name}");
    }
    assert!(record["is_enabled"].is_boolean());
    assert!(record["secret_key"].is_string() && record["access_key"].is_string());
    assert!(["PERMANENT", "TEMPORARY"].contains(&record["access_key_type"].as_str().unwrap()));
    for name in ["description", "parent_access_key_id"] {
        assert!(record[name].is_null() || record[name].is_string(), "{name}");
    }
}

/// Sends a request from the usual address.
pub async fn send(world: &World, wire: &Wire) -> Seen {
    Seen::new(world.answer(wire, Some(SOURCE.parse().unwrap())).await)
}

/// Signs and sends one.
pub async fn ask(world: &World, signer: &Signer, method: &str, target: &str, body: &str) -> Seen {
    send(world, &signed(world, signer, method, target, body)).await
}

/// The record of the key that somebody signs with.
pub async fn record_of(world: &World, signer: &Signer) -> String {
    let record = world.service.directory().by_key(&signer.id).await.unwrap().unwrap();
    record.key(&signer.id).unwrap().uuid.hex()
}
