//! For each operation the smallest request that succeeds. An operation without one fails every test that walks the table.

use dialects::Operation;
use dialects::samsung::Samsung;

use super::wire::record_of;
use crate::world::{World, signer};

/// Method, target and body.
#[derive(Clone, Debug)]
pub struct Sample {
    pub method: &'static str,
    pub target: String,
    pub body: String,
    pub status: u16,
}

/// Every operation of the dialect.
pub fn operations() -> Vec<&'static Operation> {
    let operations: Vec<_> = Samsung::operations().collect();
    assert!(operations.len() >= 8);
    operations
}

/// A request about the first key of `target`, one of the users of the world. What deletes is about his disabled key
/// `spare-<target>`, which the world must have.
pub async fn sample(world: &World, operation: &str, target: &str) -> Sample {
    let key = record_of(world, &signer(target)).await;
    let of = |method, target: &str, body: &str, status| Sample {
        method,
        target: target.to_owned(),
        body: body.to_owned(),
        status,
    };
    let one = format!("/v1/access-keys/{key}");
    match operation {
        "ListEndpoints" => of("GET", "/v1/endpoints", "", 200),
        "ListAccessKey" => of("GET", "/v1/access-keys", "", 200),
        "CreateAccessKey" => of("POST", "/v1/access-keys", r#"{"access_key_type":"PERMANENT"}"#, 201),
        "ShowAccessKey" => of("GET", &one, "", 200),
        "SetAccessKey" => of("PUT", &one, r#"{"is_enabled":true}"#, 200),
        "DeleteAccessKey" => {
            let spare = record_of(world, &signer(&format!("spare-{target}"))).await;
            of("DELETE", &format!("/v1/access-keys/{spare}"), "", 204)
        }
        "DeleteBulkAccessKey" => {
            let spare = record_of(world, &signer(&format!("spare-{target}"))).await;
            of("DELETE", "/v1/access-keys/bulk", &format!(r#"{{"ids":["{spare}"]}}"#), 200)
        }
        "SendTemporaryOtpAccessKey" => {
            of("POST", "/v1/access-keys/send-otp", r#"{"locale":"ko_KR","method":"EMAIL"}"#, 204)
        }
        other => panic!("{other} has no sample request: add one, and its cases with it"),
    }
}
