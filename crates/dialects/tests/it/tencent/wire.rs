//! Requests as Tencent's clients write them, and answers as they read them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dialects::{Answer, Note};
use serde_json::Value;
use signing::params::MAX_PARAMS;
use signing::{Body, Params, RequestView, UrlScheme, tc3, tencent_v1};

use crate::wire::{FORM, JSON, Wire, form_text};
use crate::world::{START, Signer, World};

/// The `Host` of requests, as it is on an installation of one's own.
pub const HOST: &str = "keys.example.test:7460";
/// The request id of every answer: the vendor's form of the one that the world gives.
const REQUEST_ID: &str = "abababab-abab-abab-abab-abababababab";

/// How a request carries its parameters and its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Version 3 with JSON: what every client does by default.
    Post,
    /// Version 3 with a query.
    Get,
    /// Version 1 with a form and HMAC-SHA256.
    V1Post,
    /// Version 1 with a query and HMAC-SHA256.
    V1Get,
    /// Version 1 with a form and HMAC-SHA1, which its clients use when nothing is set.
    V1Sha1,
}

pub const WAYS: [Way; 5] = [Way::Post, Way::Get, Way::V1Post, Way::V1Get, Way::V1Sha1];

impl Way {
    pub const fn is_v1(self) -> bool {
        matches!(self, Way::V1Post | Way::V1Get | Way::V1Sha1)
    }
}

/// What a client wants, before it is put on the wire.
#[derive(Clone, Debug)]
pub struct Ask {
    pub action: String,
    pub version: String,
    /// The scope's service.
    pub service: String,
    /// The parameters, a JSON object.
    pub fields: Value,
    pub token: Option<String>,
    /// Unix seconds.
    pub time: i64,
    /// Headers beyond the usual ones. Those in lower case are signed.
    pub headers: Vec<(String, String)>,
}

impl Ask {
    pub fn new(action: &str, fields: Value) -> Self {
        let (service, version) = match action {
            "GetCallerIdentity" => ("sts", "2018-08-13"),
            "DescribeResourceTagsByResourceIds" => ("tag", "2018-08-13"),
            _ => ("cam", "2019-01-16"),
        };
        Self {
            action: action.to_owned(),
            version: version.to_owned(),
            service: service.to_owned(),
            fields,
            token: None,
            time: START.seconds(),
            headers: Vec::new(),
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields[name] = value.into();
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.as_object_mut().unwrap().remove(name);
        self
    }

    #[must_use]
    pub fn at(self, time: i64) -> Self {
        Self { time, ..self }
    }

    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The request of the Python SDK.
    pub fn signed(&self, signer: &Signer) -> Wire {
        self.signed_as(Way::Post, signer)
    }

    pub fn signed_as(&self, way: Way, signer: &Signer) -> Wire {
        match way {
            Way::Post => self.signed_v3(self.post(), signer),
            Way::Get => self.signed_v3(self.get(), signer),
            Way::V1Post | Way::V1Get | Way::V1Sha1 => {
                let bare = if way == Way::V1Get { Wire::get("") } else { Wire::post("/", FORM, "") };
                let bare = bare.with_header("Host", HOST);
                let form = form_text(&borrowed(&self.v1_pairs(way, &signer.id)));
                let params = Params::from_form(form.as_bytes(), MAX_PARAMS).unwrap();
                let signed = tencent_v1::sign(&bare.view(&bare.headers()), &params, signer.secret.as_bytes());
                v1(bare, way, signed.unwrap())
            }
        }
    }

    /// The same without a signature.
    pub fn unsigned(&self, way: Way) -> Wire {
        match way {
            Way::Post => self.post(),
            Way::Get => self.get(),
            Way::V1Post | Way::V1Get | Way::V1Sha1 => {
                let mut pairs = self.v1_pairs(way, "");
                pairs.retain(|(name, _)| name != "SecretId");
                let bare = if way == Way::V1Get { Wire::get("") } else { Wire::post("/", FORM, "") };
                v1(bare.with_header("Host", HOST), way, form_text(&borrowed(&pairs)))
            }
        }
    }

    fn signed_v3(&self, wire: Wire, signer: &Signer) -> Wire {
        let also: Vec<&str> =
            self.headers.iter().map(|(name, _)| name.as_str()).filter(|name| is_lower(name)).collect();
        let secret = signer.secret.as_bytes();
        let authorization = tc3::sign(&wire.view(&wire.headers()), &signer.id, secret, &self.service, &also);
        wire.with_header("Authorization", &authorization.unwrap())
    }

    fn post(&self) -> Wire {
        let wire = Wire::post("/", JSON, self.fields.to_string());
        self.with_common(wire)
    }

    fn get(&self) -> Wire {
        let pairs = self.flat();
        let wire = Wire::get(&form_text(&borrowed(&pairs))).with_header("Content-Type", FORM);
        self.with_common(wire)
    }

    fn with_common(&self, wire: Wire) -> Wire {
        let mut wire = wire
            .with_header("Host", HOST)
            .with_header("X-TC-Version", &self.version)
            .with_header("X-TC-Timestamp", &self.time.to_string());
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("X-TC-Action")) {
            wire = wire.with_header("X-TC-Action", &self.action);
        }
        if let Some(token) = &self.token {
            wire = wire.with_header("X-TC-Token", token);
        }
        self.headers.iter().fold(wire, |wire, (name, value)| wire.with_header(name, value))
    }

    /// The parameters as version 1 and queries have them: `Name.0`.
    fn flat(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (name, value) in self.fields.as_object().unwrap() {
            match value {
                Value::Array(items) => {
                    pairs.extend(
                        (0..).zip(items).map(|(at, item): (u32, _)| (format!("{name}.{at}"), text(item))),
                    );
                }
                _ => pairs.push((name.clone(), text(value))),
            }
        }
        pairs
    }

    fn v1_pairs(&self, way: Way, secret_id: &str) -> Vec<(String, String)> {
        let mut pairs = self.flat();
        let time = self.time.to_string();
        let method = if way == Way::V1Sha1 { None } else { Some(("SignatureMethod", "HmacSHA256")) };
        let token = self.token.as_deref().map(|token| ("Token", token));
        let common = [
            ("Action", self.action.as_str()),
            ("Version", &self.version),
            ("Timestamp", &time),
            ("Nonce", "4711"),
            ("Region", ""),
            ("SecretId", secret_id),
        ];
        let all = common.into_iter().chain(method).chain(token);
        pairs.extend(all.map(|(name, value)| (name.to_owned(), value.to_owned())));
        pairs
    }
}

fn v1(bare: Wire, way: Way, form: String) -> Wire {
    if way == Way::V1Get {
        Wire { target: format!("/?{form}"), ..bare }
    } else {
        Wire { body: form.into_bytes(), ..bare }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn is_lower(name: &str) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// A wire with one header changed, after it was signed.
pub fn swapped(wire: &Wire, name: &str, value: &str) -> Wire {
    let mut wire = wire.clone();
    let field = wire.fields.iter_mut().find(|(given, _)| given.eq_ignore_ascii_case(name));
    value.clone_into(&mut field.unwrap_or_else(|| panic!("no header {name}")).1);
    wire
}

/// A wire without a header.
pub fn stripped(wire: &Wire, name: &str) -> Wire {
    let mut wire = wire.clone();
    wire.fields.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    wire
}

/// The `Authorization` of a version 3 request.
pub fn authorization(wire: &Wire) -> String {
    wire.fields.iter().find(|(name, _)| name == "Authorization").unwrap().1.clone()
}

/// An answer as a client sees it, and the note that it does not see.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    /// `ok`, or the code of the error.
    pub code: String,
    /// What is in `Response`.
    pub json: Value,
    pub text: String,
    pub headers: BTreeMap<&'static str, Cow<'static, str>>,
    pub note: Note,
}

impl Seen {
    /// Reads an answer; whatever would mislead an official client fails the test.
    pub fn new(answer: Answer) -> Self {
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole.as_object().unwrap().len(), 1, "{text}");
        let json = whole["Response"].clone();
        assert_eq!(json["RequestId"], REQUEST_ID, "{text}");
        let headers: BTreeMap<_, _> = answer.headers.into_iter().collect();
        // To the letter: with a charset the Python SDK takes errors for successes.
        assert_eq!(headers["Content-Type"], "application/json");
        assert_eq!(headers["Cache-Control"], "no-store");
        let code = match json.get("Error") {
            None => "ok".to_owned(),
            Some(error) => {
                assert!(!error["Message"].as_str().unwrap().is_empty(), "{text}");
                let code = error["Code"].as_str().unwrap().to_owned();
                assert_eq!(answer.note.cause.as_ref().unwrap().code, code);
                code
            }
        };
        Self { status: answer.status, code, json, text, headers, note: answer.note }
    }

    pub fn message(&self) -> &str {
        self.json["Error"]["Message"].as_str().unwrap()
    }
}

/// Sends a request from the usual address.
pub async fn send(world: &World, wire: &Wire) -> Seen {
    send_from(world, wire, crate::world::SOURCE).await
}

/// Sends a request from another address.
pub async fn send_from(world: &World, wire: &Wire, source: &str) -> Seen {
    let seen = Seen::new(world.answer(wire, Some(source.parse().unwrap())).await);
    assert_eq!(seen.status, 200, "{}", seen.text);
    seen
}

/// Sends a request without TLS.
pub async fn send_plain(world: &World, wire: &Wire, source: &str) -> Seen {
    let headers = wire.headers();
    let view =
        RequestView::new(&wire.method, &wire.target, &headers, Body::Bytes(&wire.body), UrlScheme::Http);
    Seen::new(world.answer_view(view, view.path(), Some(source.parse().unwrap())).await)
}

/// The answer's code and the caller for whom the request was taken.
pub async fn caller_of(world: &World, wire: &Wire) -> (String, Option<String>) {
    let seen = send(world, wire).await;
    (seen.code, seen.note.caller.map(|caller| caller.user))
}

/// The code of the answer to a request.
pub async fn code(world: &World, wire: &Wire) -> String {
    send(world, wire).await.code
}
