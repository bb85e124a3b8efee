//! A client that logs in with a password, and what it gets for its token.

use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::scloud::Key;
use super::server::{Server, Setup};

/// The password of the first administrator, where he has one.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A temporary key of a token, with the security token that goes with its signatures.
pub(crate) struct TokenKey {
    pub(crate) key: Key,
    pub(crate) security_token: String,
}

impl Setup {
    /// Gives the first administrator a password.
    pub(crate) fn with_password(self) -> Self {
        self.environment("KEYWARD_BOOTSTRAP_PASSWORD", PASSWORD)
    }
}

impl Server {
    /// The answer to a login of the first administrator.
    pub(crate) fn try_log_in(&self, password: &str) -> Answer {
        let user = json!({"name": "admin", "password": password, "domain": {"name": "default"}});
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
        self.ask(&Request::json("/v3/auth/tokens", body.to_string()))
    }

    /// A new token of the first administrator.
    pub(crate) fn log_in(&self) -> String {
        let answer = self.try_log_in(PASSWORD);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.header("x-subject-token").unwrap().to_owned()
    }

    /// A temporary key of a token.
    pub(crate) fn exchange(&self, token: &str) -> TokenKey {
        let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}});
        let answer = self.ask(&Request::json("/v3.0/OS-CREDENTIAL/securitytokens", body.to_string()));
        assert_eq!(answer.status, 201, "{answer:?}");
        let made: Value = serde_json::from_slice(&answer.body).unwrap();
        let text = |name: &str| made["credential"][name].as_str().unwrap();
        TokenKey {
            key: Key::new(text("access"), text("secret")),
            security_token: text("securitytoken").to_owned(),
        }
    }

    /// Ends a token by itself.
    pub(crate) fn end_token(&self, token: &str) {
        let request = Request::new("DELETE", "/v3/auth/tokens");
        let answer = self.ask(&request.header("X-Auth-Token", token).header("X-Subject-Token", token));
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}
