//! Samsung Cloud Platform version 2: HMAC-SHA256 over method, whole URL, timestamp, access key, account and client type,
//! written one after the other without separators.
//!
//! Two rules keep characters from being moved between neighbouring fields under a valid signature (threat T10): a timestamp
//! has exactly 13 digits, and the client type is one of a list. The body is not signed.

use crate::canonical::push_new;
use crate::claim::Candidate;
use crate::mac::Mac;
use crate::{Claim, Payload, Reject, RequestView, Scheme};

const ACCESS_KEY: &str = "Scp-AccessKey";
const TIMESTAMP: &str = "Scp-Timestamp";
const CLIENT_TYPE: &str = "Scp-ClientType";
const ACCOUNT_ID: &str = "Scp-AccountId";
const SIGNATURE: &str = "Scp-Signature";

const TIMESTAMP_DIGITS: usize = 13;

/// What the server knows that the request does not say.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The client types that are accepted. None may end in another, or threat T10 is back.
    pub client_types: &'a [&'a str],
    /// The base URLs under which the server is known, for proxies that rewrite the host or cut a path prefix off.
    pub public_urls: &'a [&'a str],
}

impl Default for Options<'_> {
    /// The official client's type and no public URL.
    fn default() -> Self {
        Self { client_types: &["Openapi"], public_urls: &[] }
    }
}

/// Reads the claim.
///
/// # Errors
/// Any [`Reject`] but those of [`Claim::verify`].
pub fn parse(request: &RequestView<'_>, options: &Options<'_>) -> Result<Claim, Reject> {
    read(request, options)?.strict()
}

/// [`parse`] without the check of the signature's form.
pub(crate) fn read(request: &RequestView<'_>, options: &Options<'_>) -> Result<Claim, Reject> {
    let access_key_id = required(request, ACCESS_KEY)?;
    let timestamp = required(request, TIMESTAMP)?;
    let signature = required(request, SIGNATURE)?;
    if timestamp.len() != TIMESTAMP_DIGITS || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reject::BadDate);
    }
    let client_type = required(request, CLIENT_TYPE)?;
    if !options.client_types.contains(&client_type) {
        return Err(Reject::Malformed(CLIENT_TYPE));
    }
    let account_id = request.single_text(ACCOUNT_ID, ACCOUNT_ID)?.unwrap_or_default();
    let tail = [timestamp, access_key_id, account_id, client_type].concat();
    Ok(Claim {
        scheme: Scheme::Scp,
        access_key_id: access_key_id.to_owned(),
        signed_at: Some(timestamp.parse().map_err(|_| Reject::BadDate)?),
        nonce: None,
        session_token: None,
        scope: None,
        signed_headers: "host;scp-accesskey;scp-accountid;scp-clienttype;scp-timestamp".to_owned(),
        payload: Payload::Unsigned,
        signature: signature.to_owned(),
        mac: Mac::Sha256Base64,
        candidates: candidates(request, options, &tail)?,
    })
}

/// What a client sends and signs besides method and URL.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// Unix milliseconds, 13 digits (from September 2001 to November 2286).
    pub timestamp_ms: i64,
    /// Empty unless configured.
    pub account_id: &'a str,
    /// `Openapi`.
    pub client_type: &'a str,
}

/// The `Scp-*` headers for a request of `method` to `url`, which must be exactly the URL that goes over the wire.
pub fn sign(method: &str, url: &str, stamp: Stamp<'_>, secret: &[u8]) -> [(&'static str, String); 5] {
    let timestamp = stamp.timestamp_ms.to_string();
    let text = [method, url, &timestamp, stamp.access_key_id, stamp.account_id, stamp.client_type].concat();
    [
        (ACCESS_KEY, stamp.access_key_id.to_owned()),
        (TIMESTAMP, timestamp),
        (ACCOUNT_ID, stamp.account_id.to_owned()),
        (CLIENT_TYPE, stamp.client_type.to_owned()),
        (SIGNATURE, Mac::Sha256Base64.keyed(secret).sign(text.as_bytes())),
    ]
}

fn required<'a>(request: &RequestView<'a>, name: &'static str) -> Result<&'a str, Reject> {
    let text = request.single_text(name, name)?;
    text.filter(|text| !text.is_empty()).ok_or(Reject::MissingCredential(name))
}

/// The URLs that the client may have called: the Host header as it is, with the default port added or removed (some
/// libraries sign it and drop it from the header), and below each public URL.
fn candidates(
    request: &RequestView<'_>,
    options: &Options<'_>,
    tail: &str,
) -> Result<Vec<Candidate>, Reject> {
    let host = std::str::from_utf8(request.host()?).map_err(|_| Reject::Malformed("Host"))?;
    let scheme = request.url_scheme();
    let port = [":", scheme.default_port()].concat();
    let mut origins = vec![[scheme.as_str(), "://", host].concat()];
    if let Some(bare) = host.strip_suffix(&port) {
        origins.push([scheme.as_str(), "://", bare].concat());
    } else if !has_port(host) {
        origins.push([scheme.as_str(), "://", host, &port].concat());
    }
    for url in options.public_urls {
        let url = url.trim_end_matches('/');
        origins.push(url.to_owned());
        let (origin, prefix) = split_base(url);
        if !prefix.is_empty() && request.path().starts_with(prefix) {
            // A proxy that passes the prefix on: the target has it already.
            origins.push(origin.to_owned());
        }
    }
    let mut candidates = Vec::new();
    for origin in origins {
        let string_to_sign = [request.method(), &origin, request.target(), tail].concat().into_bytes();
        push_new(&mut candidates, Candidate::Text(string_to_sign));
    }
    Ok(candidates)
}

fn has_port(host: &str) -> bool {
    // The last colon of `[::1]` is part of the address.
    host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'))
}

/// Splits `https://host/prefix` before the prefix.
fn split_base(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let slash = url.get(authority..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| authority + at);
    url.split_at_checked(slash).unwrap_or((url, ""))
}

#[cfg(test)]
pub(crate) mod tests;
