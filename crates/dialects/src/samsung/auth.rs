//! Who signed a request: from its headers to a caller.

use domain::Service;
use domain::authenticate::{Freshness, Nonces, Order, Terms};
use domain::caller::Caller;
use signing::Claim;
use signing::scp::{self, Options};

use super::Settings;
use super::errors::{Code, Refusal};
use crate::answer::{CallerNote, Note};
use crate::operation::Operation;
use crate::request::Request;

/// The client types that may sign. None ends in another, so that nothing moves between it and its neighbour (threat T10).
const CLIENT_TYPES: &[&str] = &["Openapi"];

/// Verifies the request. The claim is handed back for what is noted of writes.
///
/// # Errors
/// 401, 403, 429 and 500, in the order of the dialect's page.
pub(super) async fn authenticate(
    service: &Service,
    settings: &Settings,
    request: &Request<'_>,
    operation: &'static Operation,
    note: &mut Note,
) -> Result<(Caller, Claim), Refusal> {
    let public_urls: Vec<&str> = request.public_urls.iter().map(String::as_str).collect();
    let options = Options { client_types: CLIENT_TYPES, public_urls: &public_urls };
    let claim = scp::parse(&request.view, &options)?;
    note.names(claim.access_key_id());
    let freshness = Freshness { window_ms: settings.tolerance_ms };
    let (order, nonces) = (Order::ClockFirst, Nonces::Repeatable);
    let terms = Terms { order, nonces, operation: operation.name, ..Terms::from(freshness) };
    let caller = service.authenticate(&claim, request.origin, terms).await;
    let caller = caller.inspect_err(|error| note.reason = Some(error.reason()))?;
    note.caller = Some(CallerNote::from(&caller));
    check_account(&caller, request)?;
    Ok((caller, claim))
}

/// The account that a request names must be its key's. It never says who calls: that is the key's alone (threat T09).
fn check_account(caller: &Caller, request: &Request<'_>) -> Result<(), Refusal> {
    let name = "Scp-AccountId";
    let account = request.view.single_text(name, name)?.unwrap_or_default();
    if account.is_empty() || account == caller.account().hex() {
        Ok(())
    } else {
        Err(Refusal::plain(Code::Forbidden, "The access key belongs to another account.")
            .because("Scp-AccountId names another account"))
    }
}
