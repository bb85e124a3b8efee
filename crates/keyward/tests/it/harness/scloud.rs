//! A client of the SCloud dialect: signs, sends, and reads the answer's code.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value};
use signing::encode::{form_decode, form_pieces};

use super::http::{Answer, Request};
use super::server::Server;

/// An access key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Key {
    pub(crate) fn new(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned() }
    }

    /// A credential for a first start, another one at each call.
    pub(crate) fn administrator() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            id: format!("ADMINISTRATOR{number:04}"),
            secret: format!("7Qd2xW9fLmR4-{number:04}-secret-of-administrator"),
        }
    }

    /// The same id with another secret.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        Self::new(&self.id, secret)
    }

    /// A signed form: the body of a POST or the query of a GET.
    pub(crate) fn form(&self, action: &str, pairs: &[(&str, &str)]) -> String {
        let pairs = [&[("Action", action)], pairs].concat();
        signing::scloud::signed_form(&pairs, &self.id, self.secret.as_bytes())
    }

    /// The same as a JSON object.
    pub(crate) fn json(&self, action: &str, pairs: &[(&str, &str)]) -> String {
        let form = self.form(action, pairs);
        let members: Map<String, Value> = form_pieces(form.as_bytes())
            .map(|(name, value)| {
                (form_decode(name).unwrap().into_owned(), form_decode(value).unwrap().into())
            })
            .collect();
        Value::Object(members).to_string()
    }
}

/// An answer of the dialect.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) json: Value,
}

impl Reply {
    /// Reads an answer, which must be one of the dialect.
    pub(crate) fn of(answer: Answer) -> Self {
        let json: Value =
            serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        assert!(json["RetCode"].is_u64(), "{json}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        Self { answer, json }
    }

    pub(crate) fn code(&self) -> u64 {
        self.json["RetCode"].as_u64().unwrap()
    }

    /// The answer of a call that must succeed.
    pub(crate) fn done(self) -> Value {
        assert_eq!((self.answer.status, self.code()), (200, 0), "{}", self.json);
        self.json
    }
}

impl Server {
    /// Calls an action as the Python SDK does.
    pub(crate) fn call(&self, key: &Key, action: &str, pairs: &[(&str, &str)]) -> Reply {
        Reply::of(self.ask(&Request::form("/", &key.form(action, pairs))))
    }

    /// Creates a user without a key.
    pub(crate) fn create_user(&self, name: &str) {
        let pairs = [("UserName", name), ("AccessKeyStatus", "Inactive"), ("LoginProfileStatus", "Inactive")];
        self.call(self.administrator(), "CreateUser", &pairs).done();
    }

    /// Creates a key for a user.
    pub(crate) fn create_key(&self, user: &str) -> Key {
        let created = self.call(self.administrator(), "CreateAccessKey", &[("UserName", user)]).done();
        let key = &created["AccessKey"];
        Key::new(key["AccessKeyID"].as_str().unwrap(), key["AccessKeySecret"].as_str().unwrap())
    }

    /// Creates a user with a key.
    pub(crate) fn create_member(&self, name: &str) -> Key {
        self.create_user(name);
        self.create_key(name)
    }
}
