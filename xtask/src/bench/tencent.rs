//! The Tencent dialect's list, as its official clients ask for it: version 3, POST, JSON.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::{Value, json};
use signing::{Body, RequestView, UrlScheme, tc3};

use super::cases::{ListCase, Owner};
use super::fixture::{Fixture, KEYS_PER_USER, SEEDING_CONNECTIONS, user_name};
use super::load;
use crate::harness::scloud::{self, Credential};

/// The row of the table.
pub(super) const LIST: ListCase = ListCase {
    name: "tencent ListAccessKeys",
    owners,
    request: |server, owner| request(server, &owner.key, "ListAccessKeys", &json!({})),
    accepted: |body| body.starts_with(br#"{"Response":{"AccessKeys":[{"#),
};

/// Users with keys of this dialect, made over its own API.
fn owners(fixture: &Fixture, keys: usize) -> Result<Vec<Owner>> {
    let server = fixture.server()?.1;
    let users = 0..keys.div_ceil(KEYS_PER_USER);
    let add = |number| {
        let fields = json!({ "Name": user_name(number), "UseApi": 1 });
        request(server, fixture.administrator(), "AddUser", &fields).into()
    };
    let owners = load::collect(&server.into(), SEEDING_CONNECTIONS, users.map(add).collect(), |body| {
        let text = |name| scloud::text(body.get("Response")?, name).ok();
        let key = Credential { id: text("SecretId")?, secret: text("SecretKey")? };
        Some(Owner { user: text("Name")?, key })
    })?;
    let create = |owner: &Owner| request(server, &owner.key, "CreateAccessKey", &json!({})).into();
    let accepted = |body: &[u8]| body.starts_with(br#"{"Response":{"AccessKey":{"#);
    load::once(&server.into(), SEEDING_CONNECTIONS, owners.iter().map(create).collect(), accepted)?;
    Ok(owners)
}

/// A request signed now, as the Python SDK would send it.
#[expect(clippy::disallowed_methods, reason = "a signed request says when it was signed")]
fn request(server: SocketAddr, signer: &Credential, action: &str, fields: &Value) -> Vec<u8> {
    let (host, body) = (server.to_string(), fields.to_string());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let headers = [
        ("Host", host.as_bytes()),
        ("Content-Type", b"application/json".as_slice()),
        ("X-TC-Timestamp", now.as_bytes()),
    ];
    let view = RequestView::new("POST", "/", &headers, Body::Bytes(body.as_bytes()), UrlScheme::Http);
    let authorization = tc3::sign(&view, &signer.id, signer.secret.as_bytes(), "cam", &[]);
    // Whatever is missing, the first answer says so.
    let authorization = authorization.unwrap_or_default();
    format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: keyward-xtask\r\nAccept: */*\r\nContent-Type: application/json\r\n\
         X-TC-Action: {action}\r\nX-TC-RequestClient: SDK_PYTHON_3.1.181\r\nX-TC-Timestamp: {now}\r\n\
         X-TC-Version: 2019-01-16\r\nX-TC-Language: zh-CN\r\nAuthorization: {authorization}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
