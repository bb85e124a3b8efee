//! UCloud's signature, used by its white labels: SHA-1 over the parameters sorted by name, names and values concatenated
//! without separators, with the private key at the end.
//!
//! The concatenation is ambiguous (`UserName=bobq` and `UserName=bob&q=` sign alike, threat T05) and covers neither method,
//! path nor host. A dialect must therefore accept a closed list of parameter names per action only.

use crate::claim::Candidate;
use crate::encode::{form_decode, form_encode, form_pieces};
use crate::mac::Mac;
use crate::params::{Nulls, ParamError, Params, write_sorted};
use crate::request::media_type;
use crate::time::parse_unix_seconds;
use crate::{Body, Claim, Payload, Reject, RequestView, Scheme, Value};

/// The parameter that holds the signature, the only one not signed.
pub const SIGNATURE: &str = "Signature";
/// The parameter that holds the access key id.
pub const PUBLIC_KEY: &str = "PublicKey";

/// The parameters of a request: those of the body when a POST has one, else those of the query. At most `max`.
///
/// With a body the query is not read, except that its `Action` (the Go SDK sends it in both places) must not contradict the
/// body's, whatever its letter case (threat T03).
///
/// # Errors
/// See [`ParamError`].
pub fn params(request: &RequestView<'_>, max: usize) -> Result<Params, ParamError> {
    let body = match request.body() {
        Body::Bytes(body) => body,
        Body::Sha256(_) | Body::NotVisible if request.method() == "POST" => {
            return Err(ParamError::BodyNotVisible);
        }
        Body::Sha256(_) | Body::NotVisible => &[],
    };
    if request.method() != "POST" || body.is_empty() {
        return Params::from_form(request.query().as_bytes(), max);
    }
    let params = match media_type(request).map_err(|_| ParamError::ContentType)?.as_deref() {
        Some("application/json") => Params::from_json(body, Nulls::Refuse, max)?,
        None | Some("application/x-www-form-urlencoded") => Params::from_form(body, max)?,
        Some(_) => return Err(ParamError::ContentType),
    };
    for (name, value) in form_pieces(request.query().as_bytes()) {
        let is_action = form_decode(name).is_ok_and(|name| name.eq_ignore_ascii_case("Action"));
        if is_action && params.text("Action") != form_decode(value).ok() {
            return Err(ParamError::Contradiction("Action"));
        }
    }
    Ok(params)
}

/// Reads the claim from the parameters.
///
/// `Timestamp` (unix seconds) and `Nonce` are an addition of ours that a client may sign; the vendor's clients send neither.
///
/// The form of the signature is not looked at: the vendor tells an unknown key before a wrong signature, and a text of
/// another form differs from every signature there is (threat T16).
///
/// # Errors
/// [`Reject::MissingCredential`] for `Signature`, then for `PublicKey`; [`Reject::BadDate`].
pub fn parse(params: &Params) -> Result<Claim, Reject> {
    let signature = params.non_empty(SIGNATURE).ok_or(Reject::MissingCredential(SIGNATURE))?;
    let access_key_id = params.non_empty(PUBLIC_KEY).ok_or(Reject::MissingCredential(PUBLIC_KEY))?;
    let signed_at =
        params.text("Timestamp").map(|text| parse_unix_seconds(&text).ok_or(Reject::BadDate)).transpose()?;
    Ok(Claim {
        scheme: Scheme::Scloud,
        access_key_id: access_key_id.into_owned(),
        signed_at: signed_at.map(|seconds| seconds * 1000),
        nonce: params.non_empty("Nonce").map(Into::into),
        session_token: params.non_empty("SecurityToken").map(Into::into),
        scope: None,
        signed_headers: String::new(),
        payload: Payload::Signed,
        signature: signature.into_owned(),
        mac: Mac::Sha1Suffix,
        candidates: vec![Candidate::Text(string_to_sign(params.iter()).into())],
    })
}

/// The signature of parameters under `secret`. A `Signature` among them is left out, `PublicKey` must be there already.
pub fn sign(params: &Params, secret: &[u8]) -> String {
    Mac::Sha1Suffix.keyed(secret).sign(string_to_sign(params.iter()).as_bytes())
}

/// A signed form body (or query): `pairs`, then `PublicKey` and `Signature`, as the official clients write it.
pub fn signed_form(pairs: &[(&str, &str)], access_key_id: &str, secret: &[u8]) -> String {
    let values: Vec<_> = pairs
        .iter()
        .chain([&(PUBLIC_KEY, access_key_id)])
        .map(|(name, value)| (*name, Value::Text((*value).to_owned())))
        .collect();
    let text = string_to_sign(values.iter().map(|(name, value)| (*name, value)));
    let mut form = String::new();
    for (name, value) in &values {
        form.push_str(&form_encode(name.as_bytes()));
        form.push('=');
        form.push_str(&form_encode(value.text().as_bytes()));
        form.push('&');
    }
    form + SIGNATURE + "=" + &Mac::Sha1Suffix.keyed(secret).sign(text.as_bytes())
}

/// Ends before the private key, which is thus never part of a text that could be shown.
fn string_to_sign<'v>(params: impl Iterator<Item = (&'v str, &'v Value)>) -> String {
    let mut text = String::with_capacity(256);
    write_sorted(params.filter(|(name, _)| *name != SIGNATURE), &mut text);
    text
}

#[cfg(test)]
pub(crate) mod tests;
