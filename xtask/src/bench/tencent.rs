//! The Tencent dialect's list, as its official clients ask for it: version 3, POST, JSON.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
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
    let mut requests = users.map(add).collect::<Vec<load::Request>>().into_iter();
    let added = Rc::new(RefCell::new(Vec::new()));
    let record = Rc::clone(&added);
    load::run(
        &server.into(),
        SEEDING_CONNECTIONS,
        None,
        move || requests.next(),
        move |body| {
            let body: Value = serde_json::from_slice(body)?;
            let user = body.get("Response").with_context(|| body.to_string())?;
            let text = |name| scloud::text(user, name);
            let key = Credential { id: text("SecretId")?, secret: text("SecretKey")? };
            record.borrow_mut().push(Owner { user: text("Name")?, key });
            Ok(())
        },
    )?;
    let owners = added.take();
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
