//! Who asks: by the signature in `Authorization`, else by the token in `X-Auth-Token`.

use domain::Service;
use domain::authenticate::{AuthError, Freshness, StrayTokens, Terms};
use domain::caller::Caller;
use domain::reason::Reason;
use signing::{Claim, Payload, RequestView, format_basic, sdk_hmac_sha256};

use super::Family;
use super::errors::{Code, Refusal};
use crate::answer::{CallerNote, Note};
use crate::request::Request;

/// How far a signed time may be from our clock.
const FRESHNESS: Freshness = Freshness { window_ms: 15 * 60 * 1000 };
/// Longest key id that answers repeat, in characters (threat T68).
const ECHOED_KEY_ID: usize = 64;
/// Longest canonical request that an answer repeats, in characters.
const ECHOED_CANONICAL: usize = 8_192;
/// The header that carries a token.
pub(super) const TOKEN: &str = "X-Auth-Token";

/// Verifies the request.
///
/// # Errors
/// In the order of the vendor's checks; what is said of a signature never depends on a header that it does not cover.
pub(super) async fn authenticate(
    service: &Service,
    request: &Request<'_>,
    family: Family,
    operation: &'static str,
    note: &mut Note,
) -> Result<(Caller, Option<Claim>), Refusal> {
    let view = &request.view;
    let authorization = view.single("authorization")?;
    let (caller, claim) = if authorization.is_some_and(|value| !value.trim_ascii().is_empty()) {
        let (caller, claim) = by_signature(service, request, operation, note).await?;
        (caller, Some(claim))
    } else {
        (by_token(service, request, family, token(view, TOKEN)?).await?, None)
    };
    note.caller = Some(CallerNote::from(&caller));
    Ok((caller, claim))
}

/// Verifies the caller of an operation that takes a token alone: the one in its body, else the one in the usual header. The
/// SDK sends this request without a signature, and one that comes with it decides nothing.
///
/// # Errors
/// What is wrong with the token.
pub(super) async fn by_token_alone(
    service: &Service,
    request: &Request<'_>,
    family: Family,
    in_body: Option<&str>,
    note: &mut Note,
) -> Result<Caller, Refusal> {
    let token = match in_body {
        Some(token) => Some(token),
        None => token(&request.view, TOKEN)?,
    };
    let caller = by_token(service, request, family, token).await?;
    note.caller = Some(CallerNote::from(&caller));
    Ok(caller)
}

async fn by_token(
    service: &Service,
    request: &Request<'_>,
    family: Family,
    token: Option<&str>,
) -> Result<Caller, Refusal> {
    let token = token.ok_or_else(|| Refusal::unauthenticated("x-auth-token not found"))?;
    let caller = service.authenticate_token(token, request.origin).await;
    caller.map_err(|error| Refusal::of_token(family, error))
}

/// The token in a header; an empty one counts as absent.
pub(super) fn token<'a>(view: &RequestView<'a>, header: &'static str) -> Result<Option<&'a str>, Refusal> {
    let token = view.single(header)?.unwrap_or_default().trim_ascii();
    // A token is ASCII; anything else is as unknown as one that was never issued.
    Ok(Some(std::str::from_utf8(token).unwrap_or("?")).filter(|token| !token.is_empty()))
}

async fn by_signature(
    service: &Service,
    request: &Request<'_>,
    operation: &'static str,
    note: &mut Note,
) -> Result<(Caller, Claim), Refusal> {
    let view = &request.view;
    let claim = sdk_hmac_sha256::parse(view)?;
    let key_id: String = claim.access_key_id().chars().take(ECHOED_KEY_ID).collect();
    note.names(claim.access_key_id());
    let has_body = view.body().sha256() != Some(EMPTY_SHA256);
    if claim.payload() == Payload::Unsigned && has_body {
        // Every body here is JSON, which official clients sign; a body that anybody could have put there is not read
        // (threat T08).
        return Err(signing::Reject::UnsignedPayload.into());
    }
    if service.is_key_locked(&claim, &request.origin) {
        note.reason = Some(Reason::Throttled);
        return Err(Refusal::unauthenticated("AK access failed to reach the limit,forbidden."));
    }
    // Clients keep sending the security token of a key that they no longer use.
    let terms = Terms { operation, stray_tokens: StrayTokens::Ignored, ..Terms::from(FRESHNESS) };
    let caller = match service.authenticate(&claim, request.origin, terms).await {
        Ok(caller) => caller,
        Err(error) => {
            note.reason = Some(error.reason());
            let refusal = match &error {
                AuthError::WrongSignature(_) => {
                    service.note_wrong_signature(&claim, &request.origin);
                    wrong_signature(&claim)
                }
                AuthError::Stale => stale(service, &claim),
                _ => Refusal::of_key(error, &key_id),
            };
            return Err(refusal);
        }
    };
    service.note_good_signature(&claim, &request.origin);
    check_domain(view, &claim, &caller)?;
    Ok((caller, claim))
}

/// SHA-256 of nothing.
const EMPTY_SHA256: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// Headers whose values an answer repeats: those that official clients sign and that are no credentials. A header that is not
/// known may be one (threat T68).
const ECHOED_HEADERS: [&str; 11] = [
    "accept",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-domain-id",
    "x-language",
    "x-project-id",
    "x-request-id",
    "x-sdk-content-sha256",
    "x-sdk-date",
];

/// What we made of the request, with line feeds as bars: it is what finds the difference.
fn wrong_signature(claim: &Claim) -> Refusal {
    let canonical = claim.explain(b"").canonical_request.unwrap_or_default();
    let shown: String = blanked(&canonical).chars().take(ECHOED_CANONICAL).collect();
    Refusal::unauthenticated(&format!("verify aksk signature fail, canonicalRequest:{shown}"))
        .because("the signature differs")
}

/// The canonical request with the values of other headers left out. Its first three lines are method, path and query, and the
/// headers go on to the first empty line.
fn blanked(canonical: &str) -> String {
    let mut shown = String::with_capacity(canonical.len());
    let mut in_headers = true;
    for (place, line) in canonical.split('\n').enumerate() {
        if place > 0 {
            shown.push('|');
        }
        in_headers &= place < 3 || !line.is_empty();
        match line.split_once(':') {
            Some((name, _)) if place >= 3 && in_headers && !ECHOED_HEADERS.contains(&name) => {
                shown.push_str(name);
                shown.push(':');
            }
            _ => shown.push_str(line),
        }
    }
    shown
}

fn stale(service: &Service, claim: &Claim) -> Refusal {
    let (signed, now) = (claim.signed_at().unwrap_or(0).div_euclid(1000), service.clock().now().seconds());
    Refusal::unauthenticated(&format!(
        "signature expired, signature time:{},server time:{}",
        format_basic(signed),
        format_basic(now)
    ))
    .because("the signed time is outside the window")
}

/// A signed `X-Domain-Id` must be that of the key's account; one that is not signed proves nothing and decides nothing
/// (threat T09).
fn check_domain(view: &RequestView<'_>, claim: &Claim, caller: &Caller) -> Result<(), Refusal> {
    if !claim.signs_header("x-domain-id") {
        return Ok(());
    }
    let named = view.single("x-domain-id")?.unwrap_or_default();
    if named == caller.account().hex().as_bytes() {
        Ok(())
    } else {
        Err(Refusal::new(Code::ForeignDomain, "The IAM user is not authorized to access the API."))
    }
}
