//! A world that speaks the native API, and a client of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dialects::native::Native;
use dialects::{Answer, Dialect, Note};
use domain::clock::Clock as _;
use domain::limits::Limits;
use serde_json::Value;
use signing::aws4::{Signer as Aws4, sign};
use signing::format_basic;

use crate::wire::Wire;
use crate::world::{SOURCE, Signer, World, limits, signer};

/// What the problems' types begin with.
pub const TYPE: &str = "urn:keyward:problem:";

/// A world and its clients.
pub struct Api {
    pub world: World,
}

/// An answer as a client sees it, and the note that it does not see.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub json: Value,
    pub text: String,
    pub headers: BTreeMap<&'static str, Cow<'static, str>>,
    pub note: Note,
}

impl Told {
    pub fn new(answer: Answer) -> Self {
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let headers: BTreeMap<_, _> = answer.headers.into_iter().collect();
        assert_eq!(headers["Cache-Control"], "no-store");
        assert_eq!(headers["X-Request-Id"], "ab".repeat(16));
        let is_json = headers["Content-Type"].contains("json") && !text.is_empty();
        let json = if is_json { serde_json::from_str(&text).unwrap() } else { Value::Null };
        if answer.status >= 400 {
            assert_eq!(headers["Content-Type"], "application/problem+json", "{text}");
            assert_eq!(json["status"], answer.status, "{text}");
            let word = json["type"].as_str().unwrap().strip_prefix(TYPE).unwrap();
            assert_eq!(answer.note.cause.as_ref().unwrap().code, word);
        }
        Self { status: answer.status, json, text, headers, note: answer.note }
    }

    /// The end of the problem's type, or nothing.
    pub fn problem(&self) -> &str {
        self.json["type"].as_str().and_then(|word| word.strip_prefix(TYPE)).unwrap_or("")
    }

    /// The body of an answer of this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// Fails unless the request was refused so.
    pub fn refused(self, status: u16, problem: &str) {
        assert_eq!((self.status, self.problem()), (status, problem), "{}", self.text);
    }
}

impl Api {
    pub async fn new() -> Self {
        Self::with(Limits { access_keys_per_user: 10, ..limits() }).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::set(limits, "").await
    }

    /// With these limits and settings of the dialect.
    pub async fn set(limits: Limits, settings: &str) -> Self {
        let native = Native::new(&settings.parse().unwrap()).unwrap();
        Self { world: World::speaking(Dialect::Native(native), limits).await }
    }

    /// A request of the user of that name, signed with his first key.
    pub async fn call(&self, who: &str, method: &str, path: &str, body: Value) -> Told {
        self.call_as(&signer(who), method, path, body).await
    }

    pub async fn call_as(&self, signer: &Signer, method: &str, path: &str, body: Value) -> Told {
        self.send(&self.wire(signer, method, path, body, &[])).await
    }

    pub async fn send(&self, wire: &Wire) -> Told {
        self.send_from(wire, SOURCE).await
    }

    pub async fn send_from(&self, wire: &Wire, source: &str) -> Told {
        Told::new(self.world.answer(wire, Some(source.parse().unwrap())).await)
    }

    /// A signed request; `Value::Null` is no body, a text is a body as it is.
    pub fn wire(
        &self,
        signer: &Signer,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Wire {
        let body = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.into_bytes(),
            other => serde_json::to_vec(&other).unwrap(),
        };
        let mut wire = Wire {
            method: method.to_owned(),
            target: path.to_owned(),
            fields: vec![("Host".to_owned(), "keyward.test".to_owned())],
            body,
        };
        for (name, value) in headers {
            wire = wire.with_header(name, value);
        }
        self.signed(wire, signer, "keyward")
    }

    /// The request with a signature for that service at the world's time.
    pub fn signed(&self, wire: Wire, signer: &Signer, service: &str) -> Wire {
        let date = format_basic(self.world.clock.now().seconds());
        let wire = wire.with_header("X-Amz-Date", &date);
        let by =
            Aws4 { access_key_id: &signer.id, secret: signer.secret.as_bytes(), region: "local", service };
        let authorization = {
            let headers = wire.headers();
            sign(&wire.view(&headers), &by, &["host", "x-amz-date"]).unwrap()
        };
        wire.with_header("Authorization", &authorization)
    }
}

/// The key of an answer that shows a new one.
pub fn key_in(json: &Value) -> Signer {
    Signer {
        id: json["id"].as_str().unwrap().to_owned(),
        secret: json["secret"].as_str().unwrap().to_owned(),
    }
}
