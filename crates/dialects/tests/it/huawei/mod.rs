//! The Huawei dialect: requests as its SDKs write them, answers as they read them.

mod authorization;
mod docs;
mod golden;
mod keys;
mod links;
mod signatures;
mod token_keys;
mod tokens;

use dialects::huawei::Huawei;
use dialects::{Answer, Dialect, Note};
use domain::caller::{Caller, Origin};
use domain::clock::Clock;
use domain::id::RequestId;
use domain::limits::Limits;
use domain::secret::Secret;
use domain::users::UserRef;
use serde_json::Value;
use signing::{format_basic, sdk_hmac_sha256};

use crate::wire::Wire;
use crate::world::{SOURCE, Signer, World, limits, signer};

/// The password of `admin`, `audrey`, `bob` and `alice`.
pub const PASSWORD: &str = "correct horse battery";
/// Public keys that `ssh-keygen` made.
pub const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHtSMNsTEDaDHOUScu2iesNV77ifB9+VbWfGW2TEB5HL alice@example.org";
pub const OTHER_ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNtSguTX7ZG842XQRwDSLlPeU45HWMRSvW1Ydq4zHyp";

/// An answer as a client sees it.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub text: String,
    pub json: Value,
    pub headers: Vec<(&'static str, String)>,
    pub note: Note,
}

impl Seen {
    fn new(answer: Answer) -> Self {
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let json = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        let headers: Vec<_> =
            answer.headers.into_iter().map(|(name, value)| (name, value.into_owned())).collect();
        let seen = Self { status: answer.status, text, json, headers, note: answer.note };
        assert_eq!(seen.header("X-Request-Id"), Some("ab".repeat(16).as_str()));
        assert_eq!(seen.header("Cache-Control"), Some("no-store"));
        assert_eq!(seen.header("Content-Type").is_some(), !seen.text.is_empty());
        seen
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// The code in whichever of the four shapes.
    pub fn code(&self) -> String {
        let json = &self.json;
        let code = [&json["error_code"], &json["error"]["code"]].into_iter().find(|code| !code.is_null());
        match code {
            Some(Value::String(code)) => code.clone(),
            Some(code) => code.to_string(),
            None => String::new(),
        }
    }
}

/// A world that speaks Huawei.
pub async fn world() -> World {
    world_with(limits(), "").await
}

pub async fn world_with(limits: Limits, settings: &str) -> World {
    let dialect = Dialect::Huawei(Huawei::new(&settings.parse().unwrap()).unwrap());
    World::speaking(dialect, limits).await
}

pub async fn send(world: &World, wire: &Wire) -> Seen {
    send_from(world, wire, SOURCE).await
}

pub async fn send_from(world: &World, wire: &Wire, source: &str) -> Seen {
    Seen::new(world.answer(wire, Some(source.parse().unwrap())).await)
}

/// A request without a credential.
pub fn plain(method: &str, target: &str, body: &str) -> Wire {
    let fields = vec![
        ("Host".to_owned(), "iam.example.org".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    Wire { method: method.to_owned(), target: target.to_owned(), fields, body: body.as_bytes().to_vec() }
}

/// A request as the Python SDK signs it.
pub fn signed(world: &World, name: &str, method: &str, target: &str, body: &str) -> Wire {
    signed_by(world, &signer(name), method, target, body)
}

pub fn signed_by(world: &World, signer: &Signer, method: &str, target: &str, body: &str) -> Wire {
    let date = format_basic(world.clock.now().seconds());
    sign(plain(method, target, body).with_header("X-Sdk-Date", &date), signer)
}

/// Signs what is there.
pub fn sign(wire: Wire, signer: &Signer) -> Wire {
    let headers = wire.headers();
    let names: Vec<String> = wire.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let value = sdk_hmac_sha256::sign(&wire.view(&headers), &signer.id, signer.secret.as_bytes(), &names);
    let value = value.unwrap();
    drop(headers);
    wire.with_header("Authorization", &value)
}

/// A request with a token.
pub fn with_token(token: &str, method: &str, target: &str, body: &str) -> Wire {
    plain(method, target, body).with_header("X-Auth-Token", token)
}

/// The body of a login to the account `default`.
pub fn login(name: &str, password: &str, scope: &str) -> Wire {
    let user = format!(r#"{{"name":"{name}","password":"{password}","domain":{{"name":"default"}}}}"#);
    login_as(&user, scope)
}

pub fn login_as(user: &str, scope: &str) -> Wire {
    let scope = if scope.is_empty() { String::new() } else { format!(r#","scope":{scope}"#) };
    let body = format!(
        r#"{{"auth":{{"identity":{{"methods":["password"],"password":{{"user":{user}}}}}{scope}}}}}"#
    );
    plain("POST", "/v3/auth/tokens", &body)
}

/// The verified caller of that name.
pub async fn caller(world: &World, name: &str) -> Caller {
    let wire = signed(world, name, "GET", "/v3/projects", "");
    let headers = wire.headers();
    let claim = sdk_hmac_sha256::parse(&wire.view(&headers)).unwrap();
    let origin = Origin { request: RequestId::from_bytes([1; 16]), source: None, dialect: "huawei" };
    let freshness = domain::authenticate::Freshness { window_ms: 1 };
    world.service.authenticate(&claim, origin, freshness).await.unwrap()
}

/// Gives a user the password of the tests.
pub async fn give_password(world: &World, name: &str) {
    let admin = caller(world, "admin").await;
    let password = Secret::new(PASSWORD.as_bytes().to_vec());
    world.service.set_password(&admin, name, &password).await.unwrap();
}

/// A token of a user, who gets a password first.
pub async fn token(world: &World, name: &str) -> String {
    give_password(world, name).await;
    another_token(world, name).await
}

/// One more token of a user who has a password.
pub async fn another_token(world: &World, name: &str) -> String {
    let seen = send(world, &login(name, PASSWORD, "")).await;
    assert_eq!(seen.status, 201, "{}", seen.text);
    seen.header("X-Subject-Token").unwrap().to_owned()
}

/// How many SSH keys a user has.
pub async fn ssh_keys_of(world: &World, name: &str) -> usize {
    let caller = caller(world, name).await;
    world.service.list_ssh_keys(&caller, UserRef::Caller, "", 0, 9).await.unwrap().total
}

pub fn add_body(title: &str, key: &str) -> String {
    serde_json::json!({ "title": title, "key": key }).to_string()
}
