//! Who signed a request: from its parameters to a caller.

use domain::Service;
use domain::authenticate::{AuthError, Freshness, Terms};
use domain::caller::{Caller, Origin};
use signing::{Claim, Params, scloud};

use super::errors::Refusal;
use super::parameters::{COMMON, Parameter};
use crate::answer::{CallerNote, Note};

/// How far a signed `Timestamp`, which no client must send, may be from our clock.
const FRESHNESS: Freshness = Freshness { window_ms: 300_000 };

/// Verifies the request. The claim is handed back for what is noted of writes.
///
/// # Errors
/// 170 to 174, 294, 299, 153, 130 and 150, in the order of the vendor's checks.
pub(super) async fn authenticate(
    service: &Service,
    params: &Params,
    origin: Origin,
    own: &[Parameter],
    note: &mut Note,
) -> Result<(Caller, Claim), Refusal> {
    let claim = scloud::parse(params)?;
    note.names(claim.access_key_id());
    let operation = note.operation.map_or("", |operation| operation.name);
    let terms = Terms { operation, ..Terms::from(FRESHNESS) };
    let caller = match service.authenticate(&claim, origin, terms).await {
        Ok(caller) => caller,
        Err(error) => {
            note.reason = Some(error.reason());
            let is_wrong = matches!(error, AuthError::WrongSignature(_));
            let refusal = Refusal::from(error);
            return Err(if is_wrong { refusal.because(signed_parameters(params, own)) } else { refusal });
        }
    };
    note.caller = Some(CallerNote::from(&caller));
    Ok((caller, claim))
}

/// What was signed, for the operator who has to find out why a client signs otherwise: 171 tells the client nothing. Names
/// that the action does not know come from a stranger and are only counted.
fn signed_parameters(params: &Params, own: &[Parameter]) -> String {
    let signed = params.iter().map(|(name, _)| name).filter(|name| *name != scloud::SIGNATURE);
    let is_known = |name: &&str| own.iter().chain(&COMMON).any(|parameter| parameter.name == *name);
    let (mut known, unknown): (Vec<&str>, Vec<&str>) = signed.partition(is_known);
    known.sort_unstable();
    let names = known.join(", ");
    format!("the signature differs; signed parameters: {names} and {} unknown", unknown.len())
}
