//! Who signed a request: from its `Authorization` header to a caller.

use domain::Service;
use domain::authenticate::{Freshness, Terms};
use domain::caller::Caller;
use signing::aws4::{self, Spelling};
use signing::{Claim, Payload, Reject};

use super::errors::{Problem, Refusal};
use crate::answer::{CallerNote, Note};
use crate::request::Request;

/// How far a signed time may be from our clock: 15 minutes, as the vendor has it for the services that manage keys.
const FRESHNESS: Freshness = Freshness { window_ms: 900_000 };
/// The service that a signature must be made for.
pub(super) const SERVICE: &str = "keyward";
/// Longest region of a scope, in characters.
const REGION_CHARS: usize = 64;

/// Verifies the request. The claim is handed back for what is noted of writes.
pub(super) async fn authenticate(
    service: &Service,
    request: &Request<'_>,
    operation: &'static str,
    note: &mut Note,
) -> Result<(Caller, Claim), Refusal> {
    // Credentials in a URL end in logs and histories (threat T70), so presigned URLs are not taken.
    if request.view.header("authorization").is_none() {
        return Err(Refusal::of(Problem::CredentialMissing));
    }
    let claim = aws4::parse(&request.view, Spelling::AlsoRaw)?;
    note.names(claim.access_key_id());
    check_scope(&claim)?;
    if claim.payload() != Payload::Signed {
        return Err(Reject::UnsignedPayload.into());
    }
    let terms = Terms { operation, ..Terms::from(FRESHNESS) };
    let caller = service.authenticate(&claim, request.origin, terms).await;
    let caller = caller.inspect_err(|error| note.reason = Some(error.reason()))?;
    note.caller = Some(CallerNote::from(&caller));
    Ok((caller, claim))
}

/// A signature for another service is not good here (threat T17).
fn check_scope(claim: &Claim) -> Result<(), Reject> {
    let scope = claim.scope().ok_or(Reject::BadScope("service"))?;
    if scope.service != SERVICE {
        return Err(Reject::BadScope("service"));
    }
    let region = scope.region.as_deref().unwrap_or_default();
    let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.len() > REGION_CHARS || !region.chars().all(is_region) {
        return Err(Reject::BadScope("region"));
    }
    Ok(())
}
