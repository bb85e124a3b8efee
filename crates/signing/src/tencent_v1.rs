//! Tencent Cloud signature version 1: HMAC-SHA1 or HMAC-SHA256 over method, host, path and the sorted parameters, which
//! carry the signature themselves.
//!
//! The text joins decoded names and values by `=` and `&` without escaping, so a value that contains `&Name=` signs like two
//! parameters. As with scloud, only a closed list of names per action and narrow alphabets answer that.

use std::borrow::Cow;

use crate::canonical::push_new;
use crate::claim::{Candidate, sign_first};
use crate::encode::form_encode;
use crate::mac::Mac;
use crate::params::{ParamError, Params};
use crate::request::media_type;
use crate::time::parse_unix_seconds;
use crate::{Body, Claim, Payload, Reject, RequestView, Scheme};

const SIGNATURE: &str = "Signature";
/// The first SDK's nonces have up to 63 bits: 19 digits.
const MAX_NONCE_DIGITS: usize = 20;

/// The parameters of a version 1 request: of the query, or of the form body of a POST, never of both. At most `max`.
///
/// # Errors
/// See [`ParamError`].
pub fn params(request: &RequestView<'_>, max: usize) -> Result<Params, ParamError> {
    if request.method() != "POST" {
        return Params::from_form(request.query().as_bytes(), max);
    }
    let Body::Bytes(body) = request.body() else { return Err(ParamError::BodyNotVisible) };
    if body.is_empty() {
        return Params::from_form(request.query().as_bytes(), max);
    }
    if !request.query().is_empty() {
        return Err(ParamError::TwoSources);
    }
    match media_type(request).as_ref().map(Option::as_deref) {
        Ok(Some("application/x-www-form-urlencoded")) => Params::from_form(body, max),
        _ => Err(ParamError::ContentType),
    }
}

/// Reads the claim from the request and its parameters.
///
/// # Errors
/// Any [`Reject`] but those of [`Claim::verify`].
pub fn parse(request: &RequestView<'_>, params: &Params) -> Result<Claim, Reject> {
    read(request, params)?.strict()
}

/// [`parse`] for opening something else than the vendor's one path: the signature must bind path and parameters as they are.
///
/// The joined text is ambiguous (see the module's head) unless no name holds `=` or `&` and no value `&`.
///
/// # Errors
/// As [`parse`], and [`Reject::Malformed`] for parameters that could be read in two ways.
pub fn parse_exact(request: &RequestView<'_>, params: &Params) -> Result<Claim, Reject> {
    let is_plain = |name: &str, value: &str| !name.contains(['=', '&']) && !value.contains('&');
    if !params.iter().all(|(name, value)| is_plain(name, &value.text())) {
        return Err(Reject::Malformed("query"));
    }
    read_exact(request, params)?.strict()
}

/// [`parse_exact`] without the checks of form.
pub(crate) fn read_exact(request: &RequestView<'_>, params: &Params) -> Result<Claim, Reject> {
    let mut claim = read(request, params)?;
    claim.candidates = vec![candidate(request, sent(params), request.path())?];
    Ok(claim)
}

/// [`parse`] without the check of the signature's form.
pub(crate) fn read(request: &RequestView<'_>, params: &Params) -> Result<Claim, Reject> {
    let required = |name| params.non_empty(name).ok_or(Reject::MissingCredential(name));
    let signature = required(SIGNATURE)?;
    let access_key_id = required("SecretId")?;
    let seconds = parse_unix_seconds(&required("Timestamp")?).ok_or(Reject::BadDate)?;
    let nonce = required("Nonce")?;
    if nonce.len() > MAX_NONCE_DIGITS || !nonce.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reject::Malformed("Nonce"));
    }
    Ok(Claim {
        scheme: Scheme::TencentV1,
        access_key_id: access_key_id.into_owned(),
        signed_at: Some(seconds * 1000),
        nonce: Some(nonce.into_owned()),
        session_token: params.non_empty("Token").map(Into::into),
        scope: None,
        signed_headers: "host".to_owned(),
        payload: Payload::Signed,
        signature: signature.into_owned(),
        mac: mac(params)?,
        candidates: candidates(request, params)?,
    })
}

/// The signed form body or query: `params` as given, then `Signature`. They must contain the common parameters already.
/// The method, host and path are taken from `request`; the signed path is `/`, as in the vendor's Python client.
///
/// # Errors
/// When the host is missing or `SignatureMethod` is unknown.
pub fn sign(request: &RequestView<'_>, params: &Params, secret: &[u8]) -> Result<String, Reject> {
    let candidates = candidates(request, params)?;
    let signature = sign_first(&mac(params)?, &candidates, secret);
    let mut form = String::new();
    for (name, value) in params.iter().filter(|(name, _)| *name != SIGNATURE) {
        form.push_str(
            &[&form_encode(name.as_bytes()), "=", &form_encode(value.text().as_bytes()), "&"].concat(),
        );
    }
    Ok(form + SIGNATURE + "=" + &form_encode(signature.as_bytes()))
}

/// SHA-1 unless the request says otherwise: the vendor's default, which [`Claim::hash`] tells (threat T15).
fn mac(params: &Params) -> Result<Mac, Reject> {
    match params.text("SignatureMethod").as_deref() {
        None | Some("HmacSHA1") => Ok(Mac::Sha1Base64),
        Some("HmacSHA256") => Ok(Mac::Sha256Base64),
        Some(_) => Err(Reject::AlgorithmNotAllowed),
    }
}

/// The path is signed as `/` (Python, whatever the endpoint's path) or as it is (Go, Node.js). Python also signs `_` in
/// names as `.`, while it sends `_`.
fn candidates(request: &RequestView<'_>, params: &Params) -> Result<Vec<Candidate>, Reject> {
    let sent = sent(params);
    let dotted = sent.iter().map(|(name, value)| (name.replace('_', "."), value.clone())).collect();
    let mut candidates = Vec::new();
    for pairs in [sent, dotted] {
        for path in ["/", request.path()] {
            push_new(&mut candidates, candidate(request, pairs.clone(), path)?);
        }
    }
    Ok(candidates)
}

/// Names and values that are signed, in the order received.
type Pairs<'a> = Vec<(String, Cow<'a, str>)>;

fn sent(params: &Params) -> Pairs<'_> {
    let signed = params.iter().filter(|(name, _)| *name != SIGNATURE);
    signed.map(|(name, value)| (name.to_owned(), value.text())).collect()
}

fn candidate(request: &RequestView<'_>, mut pairs: Pairs<'_>, path: &str) -> Result<Candidate, Reject> {
    pairs.sort();
    let joined: Vec<_> = pairs.iter().map(|(name, value)| [name, "=", value].concat()).collect();
    let (method, joined) = (request.method().as_bytes(), joined.join("&"));
    let string_to_sign = [method, request.host()?, path.as_bytes(), b"?", joined.as_bytes()].concat();
    Ok(Candidate::Text(string_to_sign))
}

#[cfg(test)]
pub(crate) mod tests;
