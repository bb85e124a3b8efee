//! A request for each operation that an administrator may make, about a user.

use dialects::native::Native;
use domain::caller::Origin;
use domain::doctor::{Claimed, Refused};
use domain::id::RequestId;
use domain::reason::Reason;
use serde_json::{Value, json};
use signing::explain::Binding;

use super::api::Api;
use crate::world::{SOURCE, signer, ssh_line, ssh_number};

/// Method, path and body of a request.
#[derive(Clone, Debug)]
pub struct Sample {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    /// Its content type, where it is not JSON.
    pub content_type: Option<&'static str>,
}

/// The gate token that can be revoked, once [`Api::furnished`] has made it.
pub const GATE_TOKEN: &str = "web";

/// The refused request with that user's key, once [`Api::furnished`] has made it.
pub fn refused(user: &str) -> RequestId {
    let mut id = [0; 16];
    id[..user.len()].copy_from_slice(user.as_bytes());
    RequestId::from_bytes(id)
}

/// A sample for the operation, about `target` and his key.
pub fn sample(operation: &str, target: &str) -> Sample {
    let (_, method, pattern) =
        Native::routes().find(|(row, ..)| row.name == operation).unwrap_or_else(|| panic!("{operation}"));
    let name = match pattern {
        _ if pattern.starts_with("/accounts/") => "default",
        _ if pattern.starts_with("/gate-tokens/") => GATE_TOKEN,
        _ => target,
    };
    let id = match pattern {
        _ if pattern.starts_with("/ssh-keys/") => ssh_number(target).to_string(),
        _ if pattern.starts_with("/refusals/") => refused(target).hex(),
        _ => signer(target).id,
    };
    let path = pattern.replace("{name}", name).replace("{id}", &id);
    let mut content_type = None;
    let body = match operation {
        "CreateAccount" => json!({"name": "tenant"}),
        "UpdateAccount" => json!({"max_key_lifetime_seconds": 86_400}),
        "CreateUser" => json!({"name": "newcomer", "role": "auditor", "access_key": {}}),
        "UpdateUser" => json!({"display_name": "changed"}),
        "CreateAccessKey" => json!({"description": "laptop"}),
        "ImportAccessKey" => {
            json!({"id": "AKIAEXAMPLE0000001", "secret": "s".repeat(40), "schemes": ["aws4", "tc3"]})
        }
        "CreateGateToken" => json!({"name": "proxy"}),
        "UpdateAccessKey" => json!({"description": "changed"}),
        "SetPassword" => json!({"password": "correct horse battery staple"}),
        "CreateSshKey" => json!({"title": "laptop", "key": ssh_line("laptop")}),
        "UpdateSshKey" => json!({"title": "changed"}),
        "RotateAccessKey" => json!({"overlap_seconds": 60}),
        "ImportAccessKeys" => {
            content_type = Some("application/x-ndjson");
            let line = json!({"user": target, "id": "AKIAEXAMPLE0000002", "secret": "s".repeat(40), "schemes": ["aws4"]});
            Value::String(format!("{line}\n"))
        }
        _ => Value::Null,
    };
    Sample { method, path, body, content_type }
}

impl Api {
    /// A world in which the sample of every operation finds what it is about.
    pub async fn furnished() -> Self {
        let api = Self::new().await;
        for (account, name) in [
            (api.world.account, "bob"),
            (api.world.account, "alice"),
            (api.world.account, "admin"),
            (api.world.other_account, "olga"),
        ] {
            let user = api.world.uuid_in(account, name).await;
            api.world.ssh_key(user, name).await;
        }
        api.call("admin", "POST", "/gate-tokens", json!({"name": GATE_TOKEN})).await.expect(201);
        for user in ["admin", "carol", "audrey", "bob", "alice"] {
            api.refuse(user, refused(user));
        }
        api
    }

    /// Has a request of the user refused, under this id, whose path was signed in another spelling.
    pub fn refuse(&self, user: &str, request: RequestId) {
        let mut wire = self.wire(&signer(user), "GET", "/users/bob", Value::Null, &[]);
        wire.target = "/users/bob/".to_owned();
        let headers = wire.headers();
        self.world.service.note_refused(Refused {
            origin: Origin { request, source: Some(SOURCE.parse().unwrap()), dialect: "native" },
            operation: "GetUser",
            status: 401,
            code: "credential-refused",
            text: "the signature differs",
            reason: Some(Reason::WrongSignature),
            claimed: Claimed::AccessKey(signer(user).id),
            service: None,
            binding: Binding::Vendor,
            request: Some(&wire.view(&headers)),
        });
    }
}

impl Sample {
    pub fn headers(&self) -> Vec<(&'static str, &'static str)> {
        self.content_type.map(|kind| ("Content-Type", kind)).into_iter().collect()
    }
}

/// Names of all operations.
pub fn operations() -> impl Iterator<Item = &'static dialects::Operation> {
    Native::operations()
}
