//! Who signed a request: from its headers or parameters to a caller.

use domain::Service;
use domain::authenticate::{Freshness, Nonces, Order, Terms};
use domain::caller::Caller;
use signing::tc3::Target;
use signing::{Claim, Payload, RequestView, Scheme, UrlScheme, tc3, tencent_v1};

use super::codes::Code;
use super::errors::Refusal;
use super::head::Head;
use super::{Row, Settings, UnsignedPayload};
use crate::answer::{CallerNote, Note};
use crate::request::Request;

/// How far the signed time may be from our clock, either way.
const FRESHNESS: Freshness = Freshness { window_ms: 300_000 };
/// The header that names the action. No official client signs it unless told to.
const ACTION_HEADER: &str = "x-tc-action";

/// Verifies the request. The claim is handed back for what is noted of writes.
///
/// # Errors
/// `AuthFailure.*`, `IpNotInWhitelist`, `RequestLimitExceeded`, `InternalError`, in the order of the vendor's checks.
pub(super) async fn authenticate(
    service: &Service,
    settings: &Settings,
    request: &Request<'_>,
    head: &Head,
    row: Option<&'static Row>,
    note: &mut Note,
) -> Result<(Caller, Claim), Refusal> {
    let view = &request.view;
    let claim = match &head.v1 {
        None => tc3::parse(view, Target::Vendor)?,
        Some(params) => tencent_v1::parse(view, params)?,
    };
    note.names(claim.access_key_id());
    check_scope(&claim, view, row)?;
    check_action_is_signed(&claim, settings)?;
    check_payload(&claim, request, settings)?;
    let operation = row.map_or("", |row| row.operation.name);
    // Every client draws the nonce of version 1 anew, but Node.js from sixteen bits only.
    let terms =
        Terms { operation, order: Order::ClockFirst, nonces: Nonces::Repeatable, ..Terms::from(FRESHNESS) };
    let caller = service.authenticate(&claim, request.origin, terms).await;
    let caller = caller.inspect_err(|error| note.reason = Some(error.reason()))?;
    note.caller = Some(CallerNote::from(&caller));
    if claim.scheme() == Scheme::Tc3 && !claim.signs_header(ACTION_HEADER) {
        service.note_unsigned_operation(&caller, &claim, operation);
    }
    Ok((caller, claim))
}

/// The service of the scope must be the action's product, or what the Node.js client takes for it: everything before the
/// first dot of its endpoint, port and path included.
fn check_scope(claim: &Claim, view: &RequestView<'_>, row: Option<&'static Row>) -> Result<(), Refusal> {
    let Some(scope) = claim.scope() else { return Ok(()) };
    let service = scope.service.as_str();
    let is_product = match row {
        Some(row) => row.product.name() == service,
        None => super::Product::ALL.iter().any(|product| product.name() == service),
    };
    let path = view.path().trim_end_matches('/');
    let endpoint = [view.host().unwrap_or_default(), path.as_bytes()].concat();
    let label = endpoint.split(|byte| *byte == b'.').next().unwrap_or_default();
    if is_product || label == service.as_bytes() {
        Ok(())
    } else {
        Err(Refusal::authorization("`Service` in Credential is not valid for this action"))
    }
}

/// Without it, a captured list is a valid create for as long as it is fresh (threat T07).
fn check_action_is_signed(claim: &Claim, settings: &Settings) -> Result<(), Refusal> {
    if settings.require_signed_action && claim.scheme() == Scheme::Tc3 && !claim.signs_header(ACTION_HEADER) {
        return Err(Refusal::authorization("`x-tc-action` must be signed here"));
    }
    Ok(())
}

/// A body that is not signed can be swapped by whoever sees it, so it must not cross a network in the clear (threat T08).
fn check_payload(claim: &Claim, request: &Request<'_>, settings: &Settings) -> Result<(), Refusal> {
    if claim.payload() != Payload::Unsigned {
        return Ok(());
    }
    let is_private = request.view.url_scheme() == UrlScheme::Https
        || request.origin.source.is_some_and(|source| source.is_loopback());
    if is_private && settings.unsigned_payload == UnsignedPayload::Local {
        return Ok(());
    }
    let text = "A payload that is not signed is refused here: sign it.";
    Err(Refusal::plain(Code::SignatureFailure, text).because("the body is not signed"))
}
