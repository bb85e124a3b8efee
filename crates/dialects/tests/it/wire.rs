//! Requests as the official clients write them, and answers as they read them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dialects::{Answer, Note};
use serde_json::Value;
use signing::params::{MAX_PARAMS, Nulls};
use signing::request::Header;
use signing::scloud::{sign, signed_form};
use signing::{Body, Params, RequestView, UrlScheme};

use crate::world::Signer;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";

/// Parameters in the order of sending.
pub type Pairs<'a> = [(&'a str, &'a str)];

/// A raw request.
#[derive(Clone, Debug)]
pub struct Wire {
    pub method: String,
    pub target: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Who puts parameters into a request, each in his own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A person, with a GET.
    Hand,
    /// The Python SDK, with a form.
    Python,
    /// The Go SDK, Terraform and the CLI: a form, and the `Action` in the query as well.
    Go,
    /// The JS SDK, with JSON.
    Js,
    /// The Go SDK with its JSON encoder.
    GoJson,
}

pub const CLIENTS: [Client; 5] = [Client::Hand, Client::Python, Client::Go, Client::Js, Client::GoJson];

impl Wire {
    pub fn post(target: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let fields = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { method: "POST".to_owned(), target: target.to_owned(), fields, body: body.into() }
    }

    pub fn get(query: &str) -> Self {
        let target = if query.is_empty() { "/".to_owned() } else { format!("/?{query}") };
        Self { method: "GET".to_owned(), target, fields: Vec::new(), body: Vec::new() }
    }

    /// The request of the Python SDK.
    pub fn signed(signer: &Signer, pairs: &Pairs<'_>) -> Self {
        Self::post("/", FORM, signed_form(pairs, &signer.id, signer.secret.as_bytes()))
    }

    /// A signed request as that client sends it.
    pub fn signed_as(client: Client, signer: &Signer, pairs: &Pairs<'_>) -> Self {
        let text = signed_form(pairs, &signer.id, signer.secret.as_bytes());
        let action = pairs.iter().find(|(name, _)| *name == "Action").map_or("", |(_, value)| *value);
        let go = format!("/?Action={action}");
        match client {
            Client::Hand => Self::get(&text),
            Client::Python => Self::post("/", FORM, text),
            Client::Go => Self::post(&go, FORM, text),
            Client::Js => Self::post("/", JSON, sign_json(signer, &json_text(pairs))),
            Client::GoJson => Self::post(&go, JSON, sign_json(signer, &json_text(pairs))),
        }
    }

    /// The same parameters without a signature, or with whatever `pairs` says of it.
    pub fn raw(client: Client, pairs: &Pairs<'_>) -> Self {
        let action = pairs.iter().find(|(name, _)| *name == "Action").map_or("", |(_, value)| *value);
        let go = format!("/?Action={action}");
        match client {
            Client::Hand => Self::get(&form_text(pairs)),
            Client::Python => Self::post("/", FORM, form_text(pairs)),
            Client::Go => Self::post(&go, FORM, form_text(pairs)),
            Client::Js => Self::post("/", JSON, json_text(pairs)),
            Client::GoJson => Self::post(&go, JSON, json_text(pairs)),
        }
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn headers(&self) -> Vec<Header<'_>> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    pub fn view<'a>(&'a self, headers: &'a [Header<'a>]) -> RequestView<'a> {
        RequestView::new(&self.method, &self.target, headers, Body::Bytes(&self.body), UrlScheme::Https)
    }

    /// The parameters as the server reads them, unless it cannot.
    pub fn params(&self) -> Option<Params> {
        signing::scloud::params(&self.view(&self.headers()), MAX_PARAMS).ok()
    }
}

/// `pairs` as a form, unsigned.
pub fn form_text(pairs: &Pairs<'_>) -> String {
    let encode = |text: &str| signing::encode::form_encode(text.as_bytes());
    let pieces: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pieces.join("&")
}

/// `pairs` as a JSON object of strings, unsigned and in their order, repeated names included.
pub fn json_text(pairs: &Pairs<'_>) -> String {
    let member = |(name, value): &(&str, &str)| {
        format!("{}:{}", serde_json::to_string(name).unwrap(), serde_json::to_string(value).unwrap())
    };
    format!("{{{}}}", pairs.iter().map(member).collect::<Vec<_>>().join(","))
}

/// A JSON body as it is, with `PublicKey` and `Signature` added to the object. One that cannot be read gets some signature.
pub fn sign_json(signer: &Signer, object: &str) -> String {
    let open = object.trim_end().strip_suffix('}').unwrap();
    let with_key = format!("{open},\"PublicKey\":{}}}", serde_json::to_string(&signer.id).unwrap());
    let signature = match Params::from_json(with_key.as_bytes(), Nulls::Refuse, MAX_PARAMS) {
        Ok(params) => sign(&params, signer.secret.as_bytes()),
        Err(_) => "0".repeat(40),
    };
    format!("{},\"Signature\":\"{signature}\"}}", with_key.strip_suffix('}').unwrap())
}

/// An answer as a client sees it, and the note that it does not see.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub code: u64,
    pub json: Value,
    pub text: String,
    pub headers: BTreeMap<&'static str, Cow<'static, str>>,
    pub note: Note,
}

impl Seen {
    /// Reads an answer; whatever would crash an official client fails the test.
    pub fn new(answer: Answer) -> Self {
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let code = json["RetCode"].as_u64().unwrap_or_else(|| panic!("no integer RetCode: {text}"));
        let headers: BTreeMap<_, _> = answer.headers.into_iter().collect();
        assert_eq!(headers["Content-Type"], "application/json");
        assert_eq!(headers["Cache-Control"], "no-store");
        assert_eq!(headers["X-UCLOUD-REQUEST-UUID"], "ab".repeat(16));
        if code != 0 {
            assert!(!json["Message"].as_str().unwrap().is_empty(), "{text}");
            assert_eq!(answer.note.cause.as_ref().unwrap().code, code.to_string());
        }
        Self { status: answer.status, code, json, text, headers, note: answer.note }
    }

    pub fn message(&self) -> &str {
        self.json["Message"].as_str().unwrap()
    }
}
