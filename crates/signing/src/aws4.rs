//! AWS signature version 4, `AWS4-HMAC-SHA256`, in the `Authorization` header or in the query (a presigned URL): what a
//! request claims. The texts that are signed are in `canonical`, making signatures is in `sign`.
//!
//! Which regions and services a scope may name, how long a presigned URL lives and whether an unsigned body is acceptable is
//! for the caller to say. Version 4A and the chunk signatures of streaming bodies are out.

mod canonical;
mod sign;

pub use sign::{Signer, presign, sign};

use std::borrow::Cow;

use crate::authorization::Authorization;
use crate::encode::{form_decode, form_pieces};
use crate::mac::Mac;
use crate::time::parse_basic;
use crate::{Claim, Reject, RequestView, Scheme, Scope};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// The query parameter that holds the signature, the only one not signed.
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";
/// A week, the longest life that the vendor gives a presigned URL.
const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// How clients may have written path and query down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// The rule for IAM, STS and most services: the path normalised and encoded once more, the query sorted.
    Standard,
    /// Also the path as received with the query sorted (the rule of object stores), and both as received (older curl).
    AlsoRaw,
    /// As [`AlsoRaw`](Self::AlsoRaw), except that a path with anything to normalise counts as received only: for opening
    /// something that may tell `/a//b` from `/a/b`.
    Exact,
}

/// Where the credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Query,
}

/// Reads the claim, from the header or from the query.
///
/// # Errors
/// Any [`Reject`] but those of [`Claim::verify`]. [`Reject::TwoCredentials`] when both places are used;
/// [`Reject::BodyNotVisible`] when neither the body nor a signed digest of it is known.
pub fn parse(request: &RequestView<'_>, spelling: Spelling) -> Result<Claim, Reject> {
    read(request, spelling)?.strict()
}

/// [`parse`] without the check of the signature's form.
pub(crate) fn read(request: &RequestView<'_>, spelling: Spelling) -> Result<Claim, Reject> {
    let place = match (request.header("authorization"), query_parameter(request, "X-Amz-Algorithm")?) {
        (Some(_), Some(_)) => return Err(Reject::TwoCredentials("Authorization")),
        (_, None) => Place::Header,
        (None, Some(algorithm)) if algorithm == ALGORITHM => Place::Query,
        (None, Some(_)) => return Err(Reject::AlgorithmNotAllowed),
    };
    let parts = match place {
        Place::Header => Parts::from_header(request)?,
        Place::Query => Parts::from_query(request)?,
    };
    let seconds = parse_basic(&parts.date).ok_or(Reject::BadDate)?;
    let (access_key_id, scope) = split_credential(&parts.credential)?;
    if parts.date.get(..8) != Some(&scope.date) {
        return Err(Reject::BadScope("date"));
    }
    let text = canonical::Text {
        place,
        query: request.query(),
        signed_headers: &parts.signed_headers,
        date: &parts.date,
        scope: &scope,
    };
    let (payload, candidates) = text.candidates(request, spelling)?;
    Ok(Claim {
        scheme: Scheme::Aws4,
        access_key_id: access_key_id.to_owned(),
        signed_at: Some(seconds * 1000),
        nonce: None,
        session_token: parts.token.filter(|token| !token.is_empty()).map(Cow::into_owned),
        mac: mac(&scope),
        scope: Some(scope),
        signed_headers: parts.signed_headers.into_owned(),
        payload,
        signature: parts.signature.into_owned(),
        candidates,
    })
}

/// For how many seconds after its signed time a presigned URL says that it is good; `None` for any other request.
pub fn presigned_seconds(request: &RequestView<'_>) -> Option<u32> {
    if !is_presigned(request) {
        return None;
    }
    query_parameter(request, "X-Amz-Expires").ok()??.parse().ok()
}

/// Whether the query of `request` carries a credential of this scheme.
pub(crate) fn is_presigned(request: &RequestView<'_>) -> bool {
    query_parameter(request, "X-Amz-Algorithm").is_ok_and(|value| value.is_some())
}

/// The parts of a credential, wherever they are.
struct Parts<'a> {
    credential: Cow<'a, str>,
    signed_headers: Cow<'a, str>,
    signature: Cow<'a, str>,
    date: Cow<'a, str>,
    token: Option<Cow<'a, str>>,
}

impl<'a> Parts<'a> {
    /// Of a repeated part the vendor takes the last.
    fn from_header(request: &RequestView<'a>) -> Result<Self, Reject> {
        let authorization = Authorization::read(request, ALGORITHM)?;
        let token = request.single_text("x-amz-security-token", "X-Amz-Security-Token")?;
        Ok(Self {
            credential: authorization.last_part("Credential")?.into(),
            signed_headers: authorization.last_part("SignedHeaders")?.into(),
            signature: authorization.last_part("Signature")?.into(),
            date: header_date(request)?.into(),
            token: token.map(Into::into),
        })
    }

    /// Of a repeated parameter the vendor takes the first. Its signature covers all of them.
    fn from_query(request: &RequestView<'a>) -> Result<Self, Reject> {
        let required = |name| query_parameter(request, name)?.ok_or(Reject::MissingCredential(name));
        if let Some(expires) = query_parameter(request, "X-Amz-Expires")? {
            let digits = expires.bytes().all(|byte| byte.is_ascii_digit());
            let seconds =
                expires.parse().ok().filter(|seconds| digits && (1..=MAX_EXPIRES_SECONDS).contains(seconds));
            seconds.ok_or(Reject::Malformed("X-Amz-Expires"))?;
        }
        Ok(Self {
            credential: required("X-Amz-Credential")?,
            signed_headers: required("X-Amz-SignedHeaders")?,
            signature: required(SIGNATURE_PARAMETER)?,
            date: required("X-Amz-Date")?,
            token: query_parameter(request, "X-Amz-Security-Token")?,
        })
    }
}

fn query_parameter<'a>(request: &RequestView<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Reject> {
    for (given, value) in form_pieces(request.query().as_bytes()) {
        if given == name.as_bytes() {
            return form_decode(value).map(Some).map_err(|_| Reject::Malformed("query"));
        }
    }
    Ok(None)
}

/// `X-Amz-Date`, else `Date`; the same form in both.
fn header_date<'a>(request: &RequestView<'a>) -> Result<&'a str, Reject> {
    let date = match request.single_text("x-amz-date", "X-Amz-Date")? {
        None => request.single_text("date", "Date")?,
        date => date,
    };
    date.filter(|date| !date.is_empty()).ok_or(Reject::MissingCredential("X-Amz-Date"))
}

/// Splits `<id>/<date>/<region>/<service>/aws4_request` from its end: imported ids may contain slashes, scopes do not.
fn split_credential(credential: &str) -> Result<(&str, Scope), Reject> {
    let mut parts = credential.rsplitn(5, '/');
    let (Some(terminator), Some(service), Some(region), Some(date), Some(access_key_id)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Reject::Malformed("Credential"));
    };
    if access_key_id.is_empty() {
        return Err(Reject::MissingCredential("Credential"));
    }
    if terminator != TERMINATOR {
        return Err(Reject::BadScope("terminator"));
    }
    if service.is_empty() {
        return Err(Reject::BadScope("service"));
    }
    let scope = Scope { date: date.to_owned(), region: Some(region.to_owned()), service: service.to_owned() };
    Ok((access_key_id, scope))
}

fn scope_text(scope: &Scope) -> String {
    [&scope.date, "/", scope.region.as_deref().unwrap_or_default(), "/", &scope.service, "/", TERMINATOR]
        .concat()
}

fn mac(scope: &Scope) -> Mac {
    let region = scope.region.clone().unwrap_or_default();
    Mac::DerivedSha256Hex {
        prefix: "AWS4",
        scope: vec![scope.date.clone(), region, scope.service.clone(), TERMINATOR.to_owned()],
    }
}

#[cfg(test)]
pub(crate) mod tests;
