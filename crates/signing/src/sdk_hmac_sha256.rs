//! Huawei Cloud `SDK-HMAC-SHA256`: a canonical request as in AWS version 4, keyed with the secret itself.
//!
//! No header is required to be signed, not even `host` (the Go client leaves it out), so an unsigned header must not decide
//! anything. The vendor's other algorithm words are opt-in and refused (threat T15).

use std::borrow::Cow;

use crate::authorization::Authorization;
use crate::canonical::{UNSIGNED_PAYLOAD, push_new, sha256_hex, signed_names, signed_values};
use crate::claim::{Candidate, sign_first};
use crate::encode::{
    form_decode, form_pieces, lower_hex, percent_decode, percent_encode, percent_encode_path,
};
use crate::mac::Mac;
use crate::time::parse_basic;
use crate::{Claim, Payload, Reject, RequestView, Scheme};

const ALGORITHM: &str = "SDK-HMAC-SHA256";
const DATE: &str = "X-Sdk-Date";
const CONTENT_SHA256: &str = "X-Sdk-Content-Sha256";

/// Reads the claim.
///
/// # Errors
/// Any [`Reject`] but those of [`Claim::verify`]. [`Reject::BodyNotVisible`] when neither the body nor a signed digest of it
/// is known.
pub fn parse(request: &RequestView<'_>) -> Result<Claim, Reject> {
    read(request)?.strict()
}

/// [`parse`] for opening something that may tell `%2F` from `/`, which sign alike. `/a` and `/a/` do too, and that cannot be
/// helped: every client of the vendor signs the slash at the end.
///
/// # Errors
/// As [`parse`], and [`Reject::Malformed`] for a path with an encoded slash.
pub fn parse_exact(request: &RequestView<'_>) -> Result<Claim, Reject> {
    if request.path().as_bytes().windows(3).any(|three| three.eq_ignore_ascii_case(b"%2f")) {
        return Err(Reject::Malformed("path"));
    }
    parse(request)
}

/// [`parse`] without the check of the signature's form.
pub(crate) fn read(request: &RequestView<'_>) -> Result<Claim, Reject> {
    let authorization = Authorization::read(request, ALGORITHM)?;
    let access_key_id = authorization.part("Access")?;
    let signed_headers = authorization.part("SignedHeaders")?;
    let signature = authorization.part("Signature")?;
    let date = date(request)?;
    let seconds = parse_basic(date).ok_or(Reject::BadDate)?;
    let (payload, candidates) = candidates(request, signed_headers, date)?;
    let token = request.single_text("x-security-token", "X-Security-Token")?;
    Ok(Claim {
        scheme: Scheme::SdkHmacSha256,
        access_key_id: access_key_id.to_owned(),
        signed_at: Some(seconds * 1000),
        nonce: None,
        session_token: token.filter(|token| !token.is_empty()).map(Into::into),
        scope: None,
        signed_headers: signed_headers.to_owned(),
        payload,
        signature: signature.to_owned(),
        mac: Mac::Sha256Hex,
        candidates,
    })
}

/// The `Authorization` value for `request`, which has its `X-Sdk-Date` already ([`format_basic`](crate::format_basic)).
/// Signs the headers `signed` (lower-case names, in any order).
///
/// # Errors
/// When one of these headers is missing or the body is not visible.
pub fn sign(
    request: &RequestView<'_>,
    access_key_id: &str,
    secret: &[u8],
    signed: &[&str],
) -> Result<String, Reject> {
    let mut names = signed.to_vec();
    names.sort_unstable();
    let signed_headers = names.join(";");
    let (_, candidates) = candidates(request, &signed_headers, date(request)?)?;
    let signature = sign_first(&Mac::Sha256Hex, &candidates, secret);
    Ok(format!("{ALGORITHM} Access={access_key_id}, SignedHeaders={signed_headers}, Signature={signature}"))
}

fn date<'a>(request: &RequestView<'a>) -> Result<&'a str, Reject> {
    let text = request.single_text(DATE, DATE)?;
    text.filter(|text| !text.is_empty()).ok_or(Reject::MissingCredential(DATE))
}

fn candidates(
    request: &RequestView<'_>,
    signed_headers: &str,
    date: &str,
) -> Result<(Payload, Vec<Candidate>), Reject> {
    let mut headers = Vec::new();
    for name in signed_names(signed_headers)? {
        let mut values = signed_values(request, name)?;
        values.sort_unstable();
        for value in values {
            headers.extend_from_slice(&[name.as_bytes(), b":", value, b"\n"].concat());
        }
    }
    let path = canonical_path(request.path())?;
    let (payload, digests) = payload(request)?;
    let head = format!("{ALGORITHM}\n{date}\n");
    let mut candidates = Vec::new();
    for query in canonical_queries(request.query())? {
        for digest in &digests {
            let method = request.method().to_ascii_uppercase();
            let mut canonical = [&method, "\n", &path, "\n", &query, "\n"].concat().into_bytes();
            canonical.extend_from_slice(&headers);
            canonical.extend_from_slice(["\n", signed_headers, "\n", digest].concat().as_bytes());
            push_new(&mut candidates, Candidate::Digest { head: head.clone(), canonical_request: canonical });
        }
    }
    Ok((payload, candidates))
}

/// Decoded as a whole, so that `%2F` becomes a separator; encoded again by segment; always ends in `/`.
fn canonical_path(path: &str) -> Result<String, Reject> {
    let decoded = percent_decode(path).map_err(|_| Reject::Malformed("path"))?;
    let mut path = percent_encode_path(decoded.as_bytes());
    if !path.ends_with('/') {
        path.push('/');
    }
    Ok(path)
}

/// Sorted by decoded name, then value; and in the order received, because the Python client sorts lists of numbers as
/// numbers.
fn canonical_queries(query: &str) -> Result<[String; 2], Reject> {
    let mut pairs = Vec::new();
    for (name, value) in form_pieces(query.as_bytes()) {
        let decode = |text| form_decode(text).map_err(|_| Reject::Malformed("query"));
        pairs.push((decode(name)?, decode(value)?));
    }
    let join = |pairs: &[(Cow<'_, str>, Cow<'_, str>)]| {
        let encoded = pairs.iter().map(|(name, value)| {
            [&percent_encode(name.as_bytes()), "=", &percent_encode(value.as_bytes())].concat()
        });
        encoded.collect::<Vec<_>>().join("&")
    };
    let received = join(&pairs);
    pairs.sort();
    Ok([join(&pairs), received])
}

/// The payload lines that a client may have signed. A digest in the header must be that of the body.
fn payload(request: &RequestView<'_>) -> Result<(Payload, Vec<String>), Reject> {
    let declared = request.single_text(CONTENT_SHA256, CONTENT_SHA256)?;
    let actual = request.body().sha256().map(|digest| lower_hex(&digest));
    let empty = sha256_hex(b"");
    match (declared, actual) {
        (None, None) => Err(Reject::BodyNotVisible),
        (None, Some(actual)) => Ok((Payload::Signed, vec![actual])),
        // With an empty body the Python client writes the digest of nothing, whatever it put into the header.
        (Some(UNSIGNED_PAYLOAD), Some(actual)) if actual == empty => {
            Ok((Payload::Unsigned, vec![UNSIGNED_PAYLOAD.to_owned(), empty]))
        }
        (Some(UNSIGNED_PAYLOAD), _) => Ok((Payload::Unsigned, vec![UNSIGNED_PAYLOAD.to_owned()])),
        (Some(declared), Some(actual)) if declared == actual => Ok((Payload::Signed, vec![actual])),
        (Some(_), Some(_)) => Err(Reject::PayloadMismatch),
        (Some(declared), None) => Ok((Payload::Unchecked, vec![declared.to_owned()])),
    }
}

#[cfg(test)]
pub(crate) mod tests;
