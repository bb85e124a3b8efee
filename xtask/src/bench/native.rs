//! Requests of the native API, signed as its own command line signs them: what a fixture is filled with where no dialect can.

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use signing::aws4;
use signing::{Body, RequestView, UrlScheme, format_basic};

use crate::harness::scloud::Credential;

/// A request below `/api/v1`, signed now.
pub(super) fn request(
    server: SocketAddr,
    signer: &Credential,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Vec<u8>> {
    let target = format!("/api/v1{path}");
    let (host, date) = (server.to_string(), format_basic(now_ms() / 1000));
    let headers = [("Host", host.as_bytes()), ("X-Amz-Date", date.as_bytes())];
    let view = RequestView::new(method, &target, &headers, Body::Bytes(body.as_bytes()), UrlScheme::Http);
    let signer = aws4::Signer {
        access_key_id: &signer.id,
        secret: signer.secret.as_bytes(),
        region: "local",
        service: "keyward",
    };
    let authorization = aws4::sign(&view, &signer, &["host", "x-amz-date"]).context("it is signed")?;
    Ok(format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Amz-Date: {date}\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes())
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a signature holds the time at which it is made")]
pub(super) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}
