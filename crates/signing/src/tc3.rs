//! Tencent Cloud signature version 3, `TC3-HMAC-SHA256`.
//!
//! The vendor's clients disagree on three things, so a signature is good if any combination matches: which host is signed
//! (with its port, without, with the path), whether the path is `/` or the real one, and whether header values are signed in
//! lower case. Which services a scope may name, and whether an unsigned body or an unsigned action is acceptable (threats
//! T07, T08), is for the dialect to say.

use crate::authorization::Authorization;
use crate::canonical::{UNSIGNED_PAYLOAD, push_new, sha256_hex, signed_names, signed_values};
use crate::claim::{Candidate, sign_first};
use crate::encode::lower_hex;
use crate::mac::Mac;
use crate::time::{format_day, parse_unix_seconds};
use crate::{Claim, Payload, Reject, RequestView, Scheme, Scope};

const ALGORITHM: &str = "TC3-HMAC-SHA256";
const TERMINATOR: &str = "tc3_request";
const TIMESTAMP: &str = "X-TC-Timestamp";

/// How much of the request target a signature must bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// As the vendor defines it: the path is signed as `/` or as it is, and a POST's query is not signed at all.
    Vendor,
    /// Path and query as they are: for opening something else than the vendor's one path.
    Exact,
}

/// Reads the claim.
///
/// # Errors
/// Any [`Reject`] but those of [`Claim::verify`]; [`Reject::BodyNotVisible`] for a request other than GET.
pub fn parse(request: &RequestView<'_>, target: Target) -> Result<Claim, Reject> {
    read(request, target)?.strict()
}

/// [`parse`] without the check of the signature's form.
pub(crate) fn read(request: &RequestView<'_>, target: Target) -> Result<Claim, Reject> {
    let authorization = Authorization::read(request, ALGORITHM)?;
    let timestamp = timestamp(request)?;
    let seconds = parse_unix_seconds(timestamp).ok_or(Reject::BadDate)?;
    let (access_key_id, scope) = split_credential(authorization.part("Credential")?, &format_day(seconds))?;
    let signed_headers = authorization.part("SignedHeaders")?;
    let (payload, candidates) = candidates(request, target, signed_headers, timestamp, &scope)?;
    let token = request.single_text("x-tc-token", "X-TC-Token")?;
    Ok(Claim {
        scheme: Scheme::Tc3,
        access_key_id: access_key_id.to_owned(),
        signed_at: Some(seconds * 1000),
        nonce: None,
        session_token: token.filter(|token| !token.is_empty()).map(Into::into),
        signed_headers: signed_headers.to_owned(),
        payload,
        signature: authorization.part("Signature")?.to_owned(),
        mac: mac(&scope),
        scope: Some(scope),
        candidates,
    })
}

/// The `Authorization` value for `request`, which has its `Host`, `Content-Type` and `X-TC-Timestamp` already. Signs
/// `content-type` and `host` as the official clients do, and `also_signed` (lower-case names).
///
/// # Errors
/// When one of these headers is missing or the body is not visible.
pub fn sign(
    request: &RequestView<'_>,
    access_key_id: &str,
    secret: &[u8],
    service: &str,
    also_signed: &[&str],
) -> Result<String, Reject> {
    sign_target(request, Target::Vendor, access_key_id, secret, service, also_signed)
}

/// [`sign`], binding as much of the target as `target` says.
///
/// # Errors
/// As [`sign`].
pub fn sign_target(
    request: &RequestView<'_>,
    target: Target,
    access_key_id: &str,
    secret: &[u8],
    service: &str,
    also_signed: &[&str],
) -> Result<String, Reject> {
    let timestamp = timestamp(request)?;
    let date = format_day(parse_unix_seconds(timestamp).ok_or(Reject::BadDate)?);
    let scope = Scope { date, region: None, service: service.to_owned() };
    let mut names = [&["content-type", "host"], also_signed].concat();
    names.sort_unstable();
    let signed_headers = names.join(";");
    let (_, candidates) = candidates(request, target, &signed_headers, timestamp, &scope)?;
    let signature = sign_first(&mac(&scope), &candidates, secret);
    let scope = scope_text(&scope);
    Ok(format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
    ))
}

fn timestamp<'a>(request: &RequestView<'a>) -> Result<&'a str, Reject> {
    let text = request.single_text(TIMESTAMP, TIMESTAMP)?;
    text.filter(|text| !text.is_empty()).ok_or(Reject::MissingCredential(TIMESTAMP))
}

fn mac(scope: &Scope) -> Mac {
    Mac::DerivedSha256Hex {
        prefix: "TC3",
        scope: vec![scope.date.clone(), scope.service.clone(), TERMINATOR.to_owned()],
    }
}

fn scope_text(scope: &Scope) -> String {
    format!("{}/{}/{TERMINATOR}", scope.date, scope.service)
}

/// Splits `<id>/<date>/<service>/tc3_request`. The date is the one that the timestamp demands (threat T17), which also tells
/// where the id ends: ids and, with the Node.js client, services may contain slashes.
fn split_credential<'a>(credential: &'a str, date: &str) -> Result<(&'a str, Scope), Reject> {
    let Some((access_key_id, rest)) = credential.split_once(&format!("/{date}/")) else {
        let has_all_parts = credential.matches('/').count() >= 3;
        return Err(if has_all_parts { Reject::BadScope("date") } else { Reject::Malformed("Credential") });
    };
    let (service, terminator) = rest.rsplit_once('/').ok_or(Reject::Malformed("Credential"))?;
    if access_key_id.is_empty() {
        return Err(Reject::MissingCredential("Credential"));
    }
    if terminator != TERMINATOR {
        return Err(Reject::BadScope("terminator"));
    }
    if service.is_empty() {
        return Err(Reject::BadScope("service"));
    }
    Ok((access_key_id, Scope { date: date.to_owned(), region: None, service: service.to_owned() }))
}

fn candidates(
    request: &RequestView<'_>,
    target: Target,
    signed_headers: &str,
    timestamp: &str,
    scope: &Scope,
) -> Result<(Payload, Vec<Candidate>), Reject> {
    let names = signed_names(signed_headers)?;
    for required in ["content-type", "host"] {
        if !names.contains(&required) {
            return Err(Reject::HeaderNotSigned(required.to_owned()));
        }
    }
    let mut lines = Vec::with_capacity(names.len());
    for name in names {
        match signed_values(request, name)?.as_slice() {
            [value] => lines.push((name, *value)),
            _ => return Err(Reject::HeaderRepeated(name.to_owned())),
        }
    }
    let (payload, digest) = payload(request)?;
    let query = if request.method() == "POST" && target == Target::Vendor { "" } else { request.query() };
    let paths: &[&str] = match target {
        Target::Vendor if request.path() != "/" => &["/", request.path()],
        Target::Vendor | Target::Exact => &[request.path()],
    };
    // In nearly every request all is in lower case, and then the two spellings are one.
    let is_lower = |value: &[u8]| !value.iter().any(u8::is_ascii_uppercase);
    let cases: &[Case] =
        if lines.iter().all(|(_, value)| is_lower(value)) && is_lower(request.path().as_bytes()) {
            &[Case::Literal]
        } else {
            &[Case::Literal, Case::Lower]
        };
    let head = format!("{ALGORITHM}\n{timestamp}\n{}\n", scope_text(scope));
    let mut candidates = Vec::new();
    for case in cases {
        for host in hosts(request)? {
            for path in paths {
                let mut canonical = [request.method(), "\n", path, "\n", query, "\n"].concat().into_bytes();
                for (name, value) in &lines {
                    canonical.extend_from_slice(name.as_bytes());
                    canonical.push(b':');
                    let value = if *name == "host" { host.as_slice() } else { value };
                    match case {
                        Case::Literal => canonical.extend_from_slice(value),
                        Case::Lower => canonical.extend(value.iter().map(u8::to_ascii_lowercase)),
                    }
                    canonical.push(b'\n');
                }
                canonical.extend_from_slice(["\n", signed_headers, "\n", &digest].concat().as_bytes());
                push_new(
                    &mut candidates,
                    Candidate::Digest { head: head.clone(), canonical_request: canonical },
                );
            }
        }
    }
    Ok((payload, candidates))
}

#[derive(Clone, Copy)]
enum Case {
    Literal,
    Lower,
}

/// The hosts that clients sign: the header literally (Python, Go), without its port (Node.js), and with the path behind it
/// (older Go clients whose endpoint has a path).
fn hosts(request: &RequestView<'_>) -> Result<Vec<Vec<u8>>, Reject> {
    let host = request.host()?.trim_ascii();
    let mut hosts = vec![host.to_vec()];
    if let Some(colon) = host.iter().rposition(|&byte| byte == b':') {
        let (name, port) = host.split_at_checked(colon).unwrap_or((host, b""));
        if port.iter().skip(1).all(u8::is_ascii_digit) {
            hosts.push(name.to_vec());
        }
    }
    let path = request.path().trim_end_matches('/');
    if !path.is_empty() {
        hosts.push([host, path.as_bytes()].concat());
    }
    Ok(hosts)
}

/// The payload line. The digest of a GET is that of the empty body, whether a body is visible or not.
fn payload(request: &RequestView<'_>) -> Result<(Payload, String), Reject> {
    let declared = request.single("x-tc-content-sha256")?;
    if declared == Some(UNSIGNED_PAYLOAD.as_bytes()) {
        return Ok((Payload::Unsigned, sha256_hex(UNSIGNED_PAYLOAD.as_bytes())));
    }
    match request.body().sha256() {
        Some(digest) => Ok((Payload::Signed, lower_hex(&digest))),
        None if request.method() == "GET" => Ok((Payload::Unchecked, sha256_hex(b""))),
        None => Err(Reject::BodyNotVisible),
    }
}

#[cfg(test)]
pub(crate) mod tests;
